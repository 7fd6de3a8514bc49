#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The feature matrix is current: README has what was recorded, and what was recorded is of this
# tracing.
set -euo pipefail
[ -x /usr/bin/python3 ] || { echo "python3 is missing: contrib/setup installs it"; exit 77; }
exec "${top_srcdir:-.}/tests/vm/matrix" --check
