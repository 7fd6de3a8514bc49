#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every family of metrics in src/agent/tell/metrics_family.c stands in rpingmeshd(8), every one in
# src/central/tell/central_metrics*.c in rpingmesh-central(8), and these know no other;
# tests/doc/metrics_doc.py compares their descriptions and labels.
set -eu
src=${top_srcdir:-${srcdir:-.}}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# compare CODE PAGE LEAST: CODE may be a pattern of files
compare() {
	# shellcheck disable=SC2086
	cat "$src"/$1 | sed -nE 's/^	\{\{"([a-z0-9_]+)".*/\1/p' | sort >"$work/code"
	sed -n '/^\.Sh METRICS/,/^\.Sh SIGNALS/s/^\.It Li //p' "$src/$2" | sort >"$work/manual"
	[ "$(wc -l <"$work/code")" -ge "$3" ] || {
		echo "only $(wc -l <"$work/code") families in $1"; exit 1
	}
	diff "$work/code" "$work/manual"
}
compare src/agent/tell/metrics_family.c man/rpingmeshd.8 40
compare 'src/central/tell/central_metrics*.c' man/rpingmesh-central.8 30
if [ -x /usr/bin/python3 ]; then
	top_srcdir=$src /usr/bin/python3 -B "$src/tests/doc/metrics_doc.py"
else
	echo "python3 is missing, so descriptions and labels were not compared:" \
		"contrib/setup installs it"
	exit 77
fi
