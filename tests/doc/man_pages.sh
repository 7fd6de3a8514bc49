#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The manual pages are sound mdoc; tests/doc/pages_doc.py and options_doc.py tell what else is
# compared.
set -euo pipefail
top=${top_srcdir:-.}
export top_srcdir=$top top_builddir=${top_builddir:-.}
status=0

bad() {
	echo "$*"
	status=1
}

if command -v mandoc >/dev/null; then
	for page in "$top"/man/*.[1-8]; do
		# Style, too, except what depends on the pages that this machine has installed.
		complaints=$(mandoc -Tlint -Wstyle "$page" 2>&1 |
			grep -vE 'referenced manual not found|outdated mandoc.db') || true
		[ -z "$complaints" ] || bad "$complaints"
		grep -q "$(basename "$page")" "$top/Makefile.am" ||
			bad "$page is not installed: it is not in Makefile.am"
	done
else
	echo "mandoc is missing: contrib/setup installs it"
	exit 77
fi

if [ -x /usr/bin/python3 ]; then
	/usr/bin/python3 -B "$top/tests/doc/pages_doc.py" || status=1
	/usr/bin/python3 -B "$top/tests/doc/options_doc.py" || status=1
elif [ $status -eq 0 ]; then
	echo "python3 is missing, so the pages were not compared with the code:" \
		"contrib/setup installs it"
	status=77
fi
exit $status
