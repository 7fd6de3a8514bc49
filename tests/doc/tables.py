# SPDX-License-Identifier: Apache-2.0
"""The tables in the C code, as tests/doc/tables prints them."""

import json
import os
import subprocess

BUILD = os.environ.get("top_builddir", ".")
_printed = subprocess.run([os.path.join(BUILD, "tests/doc/tables")], stdout=subprocess.PIPE,
                          check=True)
_tables = json.loads(_printed.stdout)

CLASSES = _tables["classes"]
LOST = {name for name, c in CLASSES.items() if c["lost"]}
ANSWERED = {name for name, c in CLASSES.items() if c["answered"]}
