#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every key of the tables in src/core/config.c stands in rpingmeshd.conf(5) and in
# etc/rpingmeshd.conf, and these two know no other. The three lists are compared; a list that comes
# out empty is a failure, too. tests/doc/config_doc.py compares code and manual group by group:
# ranges, defaults, and what changes at the next start only.
set -eu
src=${top_srcdir:-${srcdir:-.}}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Tables: rows of the struct conf_key arrays, which begin with {"NAME",
sed -n '/struct conf_key conf_[a-z]*_keys\[\]/,/^};/s/^	{"\([^"]*\)",.*/\1/p' \
	"$src/src/core/config.c" |
	sort -u >"$work/code"
# Manual: the words that the macro Cm marks in the heads of lists, and the groups named before
# those.
sed -n '/^\.Sh DESCRIPTION/,/^\.Ss How names/{s/^\.\(It \)*Cm //p;}' "$src/man/rpingmeshd.conf.5" |
	sed 's/No = Ar [^,]*//g; s/Cm //g' | tr -s ' ,.:' '\n' | grep -vx -e true -e false -e '' |
	sort -u >"$work/manual"
# Default file: whatever stands before " = ", in comments or not.
grep -oE '[a-z_]+ = ' "$src/etc/rpingmeshd.conf" | sed 's/ = //' | sort -u >"$work/default"

status=0
for doc in manual default; do
	for list in code "$doc"; do
		[ -s "$work/$list" ] || { echo "no key found: $list"; status=1; }
	done
	comm -23 "$work/code" "$work/$doc" |
		sed "s/^/in src\/core\/config.c but not in the $doc: /" >"$work/diff"
	comm -13 "$work/code" "$work/$doc" |
		sed "s/^/not in src\/core\/config.c but in the $doc: /" >>"$work/diff"
	[ -s "$work/diff" ] && { cat "$work/diff"; status=1; }
done
[ "$(wc -l <"$work/code")" -ge 35 ] || {
	echo "only $(wc -l <"$work/code") keys in src/core/config.c"; status=1
}
if [ -x /usr/bin/python3 ]; then
	top_srcdir=$src /usr/bin/python3 -B "$src/tests/doc/config_doc.py" || status=1
elif [ $status -eq 0 ]; then
	echo "python3 is missing, so ranges and defaults were not compared:" \
		"contrib/setup installs it"
	status=77
fi
exit $status
