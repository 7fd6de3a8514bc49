#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each wish in the file `wishes` has a test, whose words are where the file says, or a reason.
set -eu
top=${top_srcdir:-.}
tab=$(printf '\t')
wish='' shown=1 status=0
finish() {
	[ "$shown" -gt 0 ] || { echo "not ok - $wish: neither a test nor a reason"; status=1; }
}
while IFS= read -r line; do
	case $line in
	'' | '#'*) ;;
	"${tab}no: "?*) shown=$((shown + 1)) ;;
	"$tab"*)
		line=${line#"$tab"}
		shown=$((shown + 1))
		grep -qF -- "${line#*: }" "$top/${line%%: *}" || {
			echo "not ok - $wish: ${line%%: *} has no \"${line#*: }\""
			status=1
		}
		;;
	*)
		finish
		wish=$line shown=0
		;;
	esac
done <"$top/tests/web/wishes"
finish
[ "$status" -ne 0 ] || echo "ok - each wish has its test, or a reason"
exit "$status"
