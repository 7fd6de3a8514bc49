#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Compares the instructions of a probe (probe_path) and of a row of a report at central
# (intake_cost) with those in the file `instructions`: a change that costs 10 % fails. They do not
# depend on what else the machine does, but on compiler and options, so without a figure for these,
# this is skipped. A change that saves 10 % fails, too: --store writes the new figures.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
build=${top_builddir:-.}
figures=$here/instructions
percent=10

skip() {
	echo "$*: skipped"
	exit 77
}

# count [--toggle FUNCTION] PROGRAM ARGUMENT...: the instructions of a run.
count() {
	local options=(--tool=callgrind --callgrind-out-file=/dev/null)
	if [ "$1" = --toggle ]; then
		options+=("--toggle-collect=$2")
		shift 2
	fi
	valgrind "${options[@]}" "$build/tests/bench/$1" "${@:2}" 2>&1 |
		sed -n 's/.*Collected : *//p'
}

# What a start makes falls out of the difference of two runs.
measure() {
	local probe record row
	probe=$((($(count probe_path -n 2500) - $(count probe_path -n 500)) / 2000))
	record=$((($(count probe_path -n 2500 -r) - $(count probe_path -n 500 -r)) / 2000))
	row=$((($(count --toggle take intake_cost 20 15) -
		$(count --toggle take intake_cost 20 5)) / (20 * 10 * 400)))
	printf '%s\n' "probe $probe" "probe_and_record $record" "report_row $row"
}

# The compiler: "gcc-12". What clang makes names gcc as well, whose start files it is linked with.
compiler() {
	readelf -p .comment "$build/tests/bench/probe_path" | sed -nE '
		s/.*GCC: \(.*\) ([0-9]+)\..*/gcc-\1/p
		s/.*clang version ([0-9]+)\..*/clang-\1/p' | sort | head -n 1
}

command -v valgrind >/dev/null || skip "valgrind is missing"
command -v readelf >/dev/null || skip "readelf is missing"
flags=$(sed -nE 's/^(SAN_)?CFLAGS = *//p' "$build/Makefile" | paste -sd ' ')
[[ " $flags " == *" -O2 "* && $flags != *-fsanitize* && $flags != *coverage* ]] ||
	skip "the figures are those of -O2, and CFLAGS are '$flags'"
what="$(compiler) $(uname -m)"
[ "${1:-}" = --store ] || grep -q "^$what " "$figures" ||
	skip "there are no figures for $what in $figures"
now=$(measure)
if [ "${1:-}" = --store ]; then
	{
		grep -v "^$what " "$figures"
		while read -r name value; do echo "$what $name $value"; done <<<"$now"
	} >"$figures.new"
	mv "$figures.new" "$figures"
	exit
fi
status=0
while read -r name value; do
	stored=$(sed -n "s/^$what $name //p" "$figures")
	printf '%s: %d instructions, %s in %s\n' "$name" "$value" "${stored:-none}" "$figures"
	if [ -z "$stored" ] || [ $((value * 100)) -gt $((stored * (100 + percent))) ] ||
		[ $((value * 100)) -lt $((stored * (100 - percent))) ]; then
		echo "$name has changed by $percent % or more. If that is right:" \
			"tests/bench/instructions.sh --store, in the build directory"
		status=1
	fi
done <<<"$now"
exit $status
