#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The tools of `make coverage` on a small program: statement counters say what gcc's own say, and
# regions find their reasons; a run that was killed goes on.
set -euo pipefail
top=$(cd "${top_srcdir:-.}" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
status=0

for tool in gcc gcov; do
	command -v $tool >/dev/null || { echo "$tool is missing: skipped"; exit 77; }
done

bad() {
	echo "$*"
	status=1
}

mkdir -p "$dir/top/src/core" "$dir/top/bpf" "$dir/build/src/core" "$dir/build/coverage-work/run-6.1"
cat >"$dir/top/src/core/sample.c" <<'SAMPLE'
/* A comment with { and ; "in" it. */
#include <stddef.h>
struct pair { int a, b; };
static struct pair pairs[] = {{1, 2}, {3, 4}};
#define SAMPLE_BRACES(x) \
	((x) > 0 ? '{' : '}')
#define SAMPLE(name, kind, body) \
	static int name##_##kind(int ctx) { return body; }

static int
sample_loops(int n)
{
	int sum = 0;

	for (int i = 0; i < n; i++)
		if (i % 2)
			sum += i;
		else if (i == 100)
			sum = -1;
		else
			sum++;
	while (sum > 1000)
		sum -= pairs[0].a;
	do
		sum += 1; /* ; */
	while (sum < 0);
	switch (sum) {
	case 7:
		return 7;
	case 1000: {
		sum = SAMPLE_BRACES(sum);
		break;
	}
	default:
		sum = (int)sizeof(struct pair[2]) + (sum > 0 ||
		      n > 5);
	}
	if (!n)
		return -12;
	if (n > 1 &&
	    n < 50) {
		const char *text = "};";
		return text[0] == '}';
	} else {
		sum = 3;
		return sum;
	}
}

static int
sample_unused(int n)
{
	return n + 1;
}

SAMPLE(first, here, sample_loops(ctx))
SAMPLE(second, here, sample_unused(ctx))

int cover_main(void);
int
cover_main(void)
{
	return first_here(5) + sample_loops(1) > 0 && pairs[0].a > 5 ? second_here(1) : 0;
}
SAMPLE
echo 'int cover_main(void); int main(void) { return cover_main() != 0; }' >"$dir/main.c"

# gcc's counters
(cd "$dir/build" &&
	gcc -O0 --coverage -fprofile-abs-path -c ../top/src/core/sample.c -o src/core/sample.o &&
	gcc --coverage ../main.c src/core/sample.o -o main && ./main) ||
	bad "the sample does not run"
# and ours: the same program, in user space
cat >"$dir/print.c" <<'PRINT'
#include <stdio.h>
#include "cover.bpf.h"
int cover_main(void);
int main(void)
{
	cover_main();
	for (unsigned n = 0; n < sizeof(cover_lines) / 8; n++)
		printf("%u\t%llu\n", n, (unsigned long long)cover_lines[n]);
	return 0;
}
PRINT
cp "$dir/top/src/core/sample.c" "$dir/top/bpf/sample.bpf.c"
"$top/tests/coverage/bpf_lines" --out "$dir/build/bpf/cover" "$dir/top/bpf/sample.bpf.c"
(cd "$dir/build/bpf/cover" && gcc -c sample.bpf.c -o sample.o &&
	sed 's/^volatile/extern &/; s/, used//' cover.bpf.h >extern.h &&
	sed 's/cover.bpf.h/extern.h/' "$dir/print.c" >print.c &&
	gcc -I. print.c sample.o -o counted &&
	./counted >"$dir/build/coverage-work/run-6.1/bpf.tsv") ||
	bad "the counted sample does not build and run"
# line and whether it ran, of the lines that both know
sort -u "$dir/build/bpf/cover/lines.tsv" |
	awk -F'\t' -v OFS='\t' 'NR == FNR { ran[$1] = $2; next } { any[$3] += ran[$1] }
	END { for (line in any) print line, (any[line] > 0) }' \
		"$dir/build/coverage-work/run-6.1/bpf.tsv" - |
	sort >"$dir/ours"
(cd "$dir/build" && gcov --stdout src/core/sample.o) |
	awk -F: -v OFS='\t' '$1 !~ /-$/ && $2 + 0 > 0 { print $2 + 0, $1 !~ /#/ }' |
	sort >"$dir/gcc"
join -t "$(printf '\t')" "$dir/ours" "$dir/gcc" >"$dir/both"
[ "$(wc -l <"$dir/both")" -ge 25 ] ||
	bad "only $(wc -l <"$dir/both") lines are known to gcc and to bpf_lines"
awk -F'\t' '$2 != $3 { print "line " $1 ": bpf_lines says " $2 ", gcov " $3 }' "$dir/both" |
	grep . &&
	status=1
[ "$(join -v 1 "$dir/ours" "$dir/gcc" | wc -l)" -le 2 ] ||
	bad "bpf_lines counts lines that gcc does not know: $(join -v 1 "$dir/ours" "$dir/gcc")"

# The report: reasons by function, by the condition above, by the last line; what has none, and what
# explains nothing.
reasons() { printf '%s\t%s\t%s\n' "$@" >"$dir/reasons"; }
report() {
	got=0
	mkdir -p "$dir/build/coverage-work/run-6.1/gcda/src"
	cp -r "$dir/build/src/core" "$dir/build/coverage-work/run-6.1/gcda/src/"
	"$top/tests/coverage/report" --top "$dir/top" --build "$dir/build" \
		--reasons "$dir/reasons" "$@" >"$dir/out" 2>&1 ||
		got=$?
}
expect() {
	[ "$got" = "$1" ] || bad "report exits with $got, not $1: $(cat "$dir/out")"
	shift
	for text in "$@"; do
		grep -qF -- "$text" "$dir/out" ||
			bad "not in the report: $text; it is: $(cat "$dir/out")"
	done
}
all=('*:sample_unused' '*' 'no caller'
	'*' 'return -12' 'no memory'
	'*' 'sum = SAMPLE_BRACES|= -1;$' 'odd numbers'
	'*' 'sum > 1000|case 7|return 7' 'small'
	'*' 'second, here' 'not called')
reasons "${all[@]}"
report --minimum 60 run-6.1
expect 0 "All that did not run has a reason" "src/core/sample.c: " "no caller: " "no memory: 39" \
	"sample.bpf.c"
report --minimum 100 run-6.1
expect 1 "100.0 % are wanted"
reasons "${all[@]:3}"
report --minimum 60 run-6.1
expect 1 "bpf/sample.bpf.c:53: did not run, and has no reason" \
	"src/core/sample.c:51-53: did not run, and has no reason"
reasons "${all[@]}" '*' 'sum = 5' 'stale'
report --minimum 60 run-6.1
expect 0 "of the reasons explained nothing: stale"
reasons "${all[@]:3}" '*/sample*' 'return n' 'no test yet, at most 9 lines'
report --minimum 60 run-6.1
expect 0 "no test yet: 51-53"
reasons "${all[@]:3}" '*/sample*' 'return n' 'no test yet, at most 2 lines'
report --minimum 60 run-6.1
expect 1 "3 lines have no test yet, 2 are agreed upon"
report --minimum 60 run-6.1 lost-7.2
expect 1 "lost-7.2 left no counts"

# Killed in the middle, it goes on with what has not ended; with another build it begins anew. A
# script stands in for the VMs, and hangs if it is told to.
mkdir -p "$dir/tree"/tests/{coverage,vm,unit} "$dir/other"/{src,bpf,tests}
cp "$top/tests/coverage/run" "$dir/tree/tests/coverage/"
printf '#!/bin/sh\necho "judged: $*"\n' >"$dir/tree/tests/coverage/report"
touch "$dir/tree/tests/unit/one.c"
cat >"$dir/other/Makefile" <<'MAKE'
BPF_CLANG = x
all: ; touch src/a.gcno; touch rpingmeshd rpingmesh-central rpingmesh-ctl
check: ; echo unit >>calls; echo "# TOTAL: 1"
MAKE
cat >"$dir/tree/tests/vm/run" <<RUN
#!/bin/bash
while [ "\$1" != --out ]; do shift; done
name=\$(basename "\$2")
echo "\$name" >>"$dir/other/calls"
if [ -e "$dir/hangs" ] && [ "\$name" = stats-6.1 ]; then
	sleep 300 &
	echo \$! >"$dir/hanging"
	wait
fi
mkdir -p "$dir/gcda.\$name" && tar -C "$dir/gcda.\$name" -cf "\$2/gcda.tar" .
RUN
chmod +x "$dir/tree/tests/vm/run" "$dir/tree/tests/coverage/report"
runs=$("$dir/tree/tests/coverage/run" -b "$dir/other" --list |
	sed -nE 's/^([a-z_]+-[0-9.]+) .*/\1/p')
# ran NAME...: these and no others, in any order, since the last time.
ran() {
	[ "$(sort "$dir/other/calls")" = "$(printf '%s\n' "$@" | sort)" ] ||
		bad "run: $(paste -sd' ' "$dir/other/calls"); expected: $*"
	: >"$dir/other/calls"
}
coverage() {
	"$dir/tree/tests/coverage/run" -b "$dir/other" -j 1 "$@" >"$dir/out" 2>&1 ||
		bad "coverage/run $*: exit $?: $(cat "$dir/out")"
}
touch "$dir/hangs"
"$dir/tree/tests/coverage/run" -b "$dir/other" -j 1 >"$dir/out" 2>&1 &
pid=$!
for ((i = 0; i < 600; i++)); do
	if [ -s "$dir/hanging" ] || ! kill -0 $pid 2>/dev/null; then break; fi
	sleep 0.1
done
kill $pid || bad "it has ended: $(cat "$dir/out")"
if wait $pid; then bad "it was killed, and exits with 0"; fi
for ((i = 0; i < 100; i++)); do
	kill -0 "$(cat "$dir/hanging")" 2>/dev/null || break
	sleep 0.1
done
! kill -0 "$(cat "$dir/hanging")" 2>/dev/null || bad "a VM of a run that was killed goes on"
ran unit recovery-6.1 trace-6.1 stats-6.1
rm "$dir/hangs"
coverage
# shellcheck disable=SC2046,SC2086 # words
ran $(printf '%s\n' $runs | grep -vxE 'recovery-6.1|trace-6.1')
grep -q "make check was run with this build" "$dir/out" || bad "unit: $(cat "$dir/out")"
grep -q "judged: .* recovery-6.1 .*bpf_logic-7.2" "$dir/out" || bad "not judged: $(cat "$dir/out")"
coverage
[ ! -s "$dir/other/calls" ] || bad "run again: $(cat "$dir/other/calls")"
coverage --anew --only vm rails-6.1
ran rails-6.1
echo "/* */" >>"$dir/tree/tests/unit/one.c"
coverage
# shellcheck disable=SC2086 # words
ran unit $runs
echo other >"$dir/other/src/a.gcno"
coverage --only vm rails-6.1
ran rails-6.1
exit $status
