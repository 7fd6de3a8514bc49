#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# No complaint of shellcheck(1) about the shell scripts of the tree.
set -eu
src=${top_srcdir:-${srcdir:-.}}
command -v shellcheck >/dev/null || { echo "no shellcheck"; exit 77; }
cd "$src"

status=0
count=0
# The parts of tests/vm/run and tests/vm/kernel are checked with them (-x). Of the self-test, what a
# part sets or uses may stand in another.
scripts=$(grep -rlE '^#! ?/(usr/bin/env |bin/)(ba|da)?sh' --exclude-dir=corpus \
	autogen.sh .ci contrib src/*/*.sh tests/*/*)
for script in $scripts; do
	case $script in *.log | *.orig | *.rej | *~) continue ;; esac
	options="-x -P SCRIPTDIR"
	[ "$script" != tests/vm/selftest ] || options="-e SC2154,SC2034"
	# shellcheck disable=SC2086 # options are words
	shellcheck $options "$script" || { echo "in $script"; status=1; }
	count=$((count + 1))
done
shellcheck -e SC2154,SC2034 tests/vm/selftest.d/*.sh tests/vm/shellrc || status=1
[ "$count" -ge 15 ] || { echo "only $count scripts found"; status=1; }
exit $status
