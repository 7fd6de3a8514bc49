#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Compares three lists of keys: those of the program, which config_keys prints, those of
# rpingmeshd.conf(5), and those of etc/rpingmeshd.conf. An empty list is a failure, too.
# config_doc.py compares program and manual group by group: ranges, defaults, and which keys change
# at the next start only.
set -eu
src=${top_srcdir:-${srcdir:-.}}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"${top_builddir:-.}/tests/doc/config_keys" | awk '{ print $(NF - 3) }' | sort -u >"$work/code"
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
		sed "s/^/in the code but not in the $doc: /" >"$work/diff"
	comm -13 "$work/code" "$work/$doc" |
		sed "s/^/not in the code but in the $doc: /" >>"$work/diff"
	[ -s "$work/diff" ] && { cat "$work/diff"; status=1; }
done
[ "$(wc -l <"$work/code")" -ge 35 ] || {
	echo "only $(wc -l <"$work/code") keys in the code"
	status=1
}
if [ -x /usr/bin/python3 ]; then
	for of in "" central; do
		# shellcheck disable=SC2086 # no argument, or one
		top_srcdir=$src /usr/bin/python3 -B "$src/tests/doc/config_doc.py" $of || status=1
	done
elif [ $status -eq 0 ]; then
	echo "python3 is missing, so ranges and defaults were not compared:" \
		"contrib/setup installs it"
	status=77
fi
exit $status
