#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The templates and the page of contrib/lima (tests/doc/lima_doc.py), and the command lines of its
# scripts. What they do is run in the test VM: tests/vm/test_lima.py.
set -uo pipefail
export top_srcdir=${top_srcdir:-.}
status=0
bad() { echo "FAIL: $*"; status=1; }

/usr/bin/python3 -c 'import yaml' 2>/dev/null || {
	echo "python3-yaml is missing: contrib/setup installs it"; exit 77
}
/usr/bin/python3 -B "$top_srcdir/tests/doc/lima_doc.py" || status=1
for script in provision.sh try; do
	"$top_srcdir/contrib/lima/$script" --help | grep -q "^Usage: contrib/lima/$script" ||
		bad "$script --help"
	"$top_srcdir/contrib/lima/$script" --bogus >/dev/null 2>&1
	[ $? -eq 2 ] || bad "$script --bogus is not exit status 2"
done
exit $status
