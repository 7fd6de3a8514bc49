#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The manual pages are sound mdoc, and every option that the programs know stands in their page.
set -euo pipefail
top=${top_srcdir:-.}
build=${top_builddir:-.}
status=0

bad() {
	echo "$*"
	status=1
}

if command -v mandoc >/dev/null; then
	for page in "$top"/src/*/*.[1-8] "$top"/etc/*.5; do
		# Style, too, except what depends on the pages that this machine has installed.
		complaints=$(mandoc -Tlint -Wstyle "$page" 2>&1 | grep -vE 'referenced manual not found|outdated mandoc.db') || true
		[ -z "$complaints" ] || bad "$complaints"
		grep -q "$(basename "$page")" "$top/Makefile.am" || bad "$page is not installed: it is not in Makefile.am"
	done
else
	echo "mandoc is missing: contrib/setup installs it"
	exit 77
fi

# check PROGRAM PAGE: long options of --help against those of the page.
check() {
	local option text
	text=$(mandoc -Tascii "$top/$2" | sed 's/.\x08//g')
	for option in $("$build/$1" --help | grep -oE -- '--[a-z][a-z-]+' | sort -u); do
		grep -qE -- "(^|[^a-z-])$option([^a-z-]|\$)" <<<"$text" ||
			bad "$option of $1 is not in $2"
	done
}

check rpingmeshd src/daemon/rpingmeshd.8
check rpingmesh-ctl src/ctl/rpingmesh-ctl.1
exit $status
