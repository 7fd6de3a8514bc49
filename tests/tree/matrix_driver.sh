#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What tests/vm/matrix makes of its runs: merged into the record, a second try, failures, what
# cannot be run, and what is not run again. A script stands in for the VMs and says what they would.
# shellcheck disable=SC2016 # backquotes of Markdown
set -euo pipefail
[ -x /usr/bin/python3 ] || { echo "python3 is missing: contrib/setup installs it"; exit 77; }
top=$(cd "${top_srcdir:-.}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0

bad() {
	echo "not ok - $*"
	status=1
}

# has FILE TEXT: one of its lines has the text.
has() { grep -qF -- "$2" "$1" || { bad "no \"$2\" in:"; cat "$1"; }; }
has_not() { ! grep -qF -- "$2" "$1" || { bad "\"$2\" in:"; cat "$1"; }; }

# A tree with two suites, a build, and VMs that answer from $work/answers/SUITE-KERNEL[-again].
mkdir -p "$work"/{bpf,include/rpingmesh,tests/vm,answers,bin} "$work/build"/{bpf,tests/vm}
cp "$top"/tests/vm/{matrix,matrix_table.py,features.py,harness.py} "$work/tests/vm"
touch "$work/include/rpingmesh/qp_event.h" "$work/bpf/a.h" "$work/tests/vm/test_one.py" \
	"$work/tests/vm/test_two.py"
touch "$work/build"/{rpingmeshd,rpingmesh-ctl,tests/vm/{feature_probe,qpgen},bpf/qp_trace.bpf.o}
printf 'full %s gcc 3 768\n' 'one 6.1,7.2 x86_64' 'two 6.1 x86_64' 'two - arm64' \
	>"$work/tests/vm/suites"
printf 'before\n<!-- matrix: written by make readme-matrix -->\n<!-- matrix: end -->\nafter\n' \
	>"$work/README.md"
# its release, if one is said
mkdir "$work/kernel"
cat >"$work/tests/vm/kernel" <<KERNEL
#!/bin/sh
echo $work/kernel
KERNEL
printf '#!/bin/sh\n' >"$work/bin/qemu-system-x86_64"
cat >"$work/tests/vm/run" <<'RUN'
#!/bin/bash
while [ "$1" != -- ]; do
	[ "$1" != --kernel ] || kernel=$2
	shift
done
name=$(basename "$2" .py)
echo "${name#test_}-$kernel" >>"$(dirname "$0")/../../calls"
answer=$(dirname "$0")/../../answers/${name#test_}-$kernel
[ $# -eq 2 ] || [ "${name#test_}" = features ] || answer=$answer-again
[ $# -eq 2 ] || [ "${name#test_}" != features ] || answer=$answer-cells
echo "vm: whole run 60.0 s" >&2
[ ! -e "$answer.slow" ] || sleep 1
if [ -e "$answer.hangs" ]; then
	trap 'rm "$answer.hangs"; exit 143' TERM
	while :; do sleep 0.1; done
fi
cat "$answer"
! grep -q "^not ok" "$answer"
RUN
chmod 755 "$work/tests/vm/run" "$work/tests/vm/kernel" "$work/bin/qemu-system-x86_64"

# matrix EXPECTED-STATUS ARGUMENT...
matrix() {
	local expected=$1 got=0
	shift
	PATH=$work/bin:/usr/bin:/bin "$work/tests/vm/matrix" --build "$work/build" \
		--out "$work/out" "$@" >"$work/log" 2>&1 ||
		got=$?
	[ $got = "$expected" ] || {
		bad "matrix $*: exit $got, expected $expected"; cat "$work/log"
	}
}

# calls [RUN...]: what was run since the last time, in any order.
calls() {
	local found
	found=$(sort "$work/calls" | paste -sd' ')
	[ "$found" = "$*" ] || bad "run: \"$found\", expected: \"$*\""
	: >"$work/calls"
}

features() {
	printf '{"release": "%s.1-amd64", "version": "%s.1-1", ' "$1" "$1"
	printf '"machine": "x86_64", "cells": %s}\n' "$2"
}

# cells NAME IS: all of them, of which one is not yes.
cells() {
	PYTHONPATH=$top/tests/vm PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -c '
import json, sys, features
cells = {c: {"is": "yes"} for c in features.CELLS}
print(json.dumps(cells | {sys.argv[1]: json.loads(sys.argv[2])}))' "$@"
}

: >"$work/calls"
features 6.1 "$(cells ring_buffer '{"is": "no", "why": "map: EINVAL"}')" \
	>"$work/answers/features-6.1"
printf 'ok - a (1 s)\nok - b (1 s)\n2 passed, 0 failed, 0 skipped\n' >"$work/answers/one-6.1"
printf 'ok - c (1 s)\nnot ok - d: busy\n1 passed, 1 failed, 0 skipped\n' >"$work/answers/two-6.1"
printf 'ok - d (1 s)\n1 passed, 0 failed, 0 skipped\n' >"$work/answers/two-6.1-again"
matrix 0 --kernel 6.1
has "$work/log" "not run: arm64: "
matrix 0 --print
has "$work/log" "| Debian's version | – | 6.1.1-1 |"
has "$work/log" '| BPF ring buffer | – | no: EINVAL |'
has "$work/log" '| CAP_BPF | – | yes |'
has "$work/log" '| suite `one` | – | 2 |'
has "$work/log" '| suite `two` | – | 2 |'
has "$work/log" 'Passed at the second try on 6.1 x86_64: `two` d.'
has "$work/log" ', 4 minutes of emulated VMs'

# What was run with these programs is not run again, unless asked for; with others it is, and with
# other tests, and on another kernel.
calls features-6.1 one-6.1 two-6.1 two-6.1
matrix 0 --kernel 6.1
has "$work/log" "3 of 3 jobs were run with this build"
calls ""
matrix 0 --kernel 6.1 --suite one --anew
calls one-6.1
echo "# one more" >>"$work/tests/vm/test_one.py"
matrix 0 --kernel 6.1
has_not "$work/log" "were run with this build"
calls features-6.1 one-6.1 two-6.1 two-6.1
echo "other" >"$work/build/rpingmeshd"
matrix 0 --kernel 6.1 --suite one
calls one-6.1
echo 6.1.2-amd64 >"$work/kernel/release"
matrix 0 --kernel 6.1 --suite one
calls one-6.1
rm "$work/kernel/release"

# A part now, the rest later.
touch "$work/answers/features-6.1.slow"
matrix 3 --kernel 6.1 --jobs 1 --minutes 0.005
has "$work/log" "1 of 3 jobs were run with this build"
has "$work/log" "1 jobs are left: call it again"
calls features-6.1

# Killed in the middle: its VM ends, what was done stays, and only what was not is run.
touch "$work/answers/two-6.1.hangs"
PATH=$work/bin:/usr/bin:/bin "$work/tests/vm/matrix" --build "$work/build" --jobs 1 \
	--out "$work/out" --kernel 6.1 >"$work/log" 2>&1 &
pid=$!
for ((i = 0; i < 600; i++)); do
	! grep -q two-6.1 "$work/calls" || break
	sleep 0.1
done
sleep 0.3
kill $pid
wait $pid && bad "it was killed, and exits with 0"
for ((i = 0; i < 100; i++)); do
	[ -e "$work/answers/two-6.1.hangs" ] || break
	sleep 0.1
done
[ ! -e "$work/answers/two-6.1.hangs" ] || bad "the VM of a matrix that was killed runs on"
calls two-6.1
matrix 0 --kernel 6.1
has "$work/log" "2 of 3 jobs were run with this build"
calls two-6.1 two-6.1

# A later run of one suite leaves the rest as it was; a case that fails twice is a failure, and
# recorded.
printf 'not ok - d: broken\n0 passed, 1 failed, 0 skipped\n' >"$work/answers/two-6.1-again"
matrix 1 --suite two --anew
calls two-6.1 two-6.1
matrix 1 --suite two
calls two-6.1 two-6.1
has "$work/log" "failed: two 6.1 x86_64: 1 passed, 1 failed, 0 skipped"
has "$work/log" '| suite `two` | – | 1 of 2 |'
has "$work/log" '| suite `one` | – | 2 |'
has "$work/log" 'Failed on 6.1 x86_64: `two` d.'

# A cell alone, beside what was recorded; of another kernel's there is nothing left.
features 6.1 '{"bpf_timer": {"is": "no", "why": "count: ENODATA"}}' \
	>"$work/answers/features-6.1-cells"
matrix 0 --features-only --kernel 6.1 --cell bpf_timer
has "$work/log" "| BPF timer | – | no: ENODATA |"
has "$work/log" "| BPF ring buffer | – | no: EINVAL |"
has "$work/tests/vm/matrix.json" '"later"'
sed 's/6.1.1-1/6.1.2-1/' "$work/answers/features-6.1-cells" >"$work/answers/new"
mv "$work/answers/new" "$work/answers/features-6.1-cells"
matrix 0 --features-only --kernel 6.1 --cell bpf_timer
has "$work/log" "| BPF timer | – | no: ENODATA |"
has "$work/log" "| BPF ring buffer | – | – |"
matrix 2 --kernel 6.1 --cell bpf_timer

# A VM that says nothing leaves no trace in the record.
echo "vm: the VM died" >"$work/answers/one-7.2"
matrix 1 --suite one --kernel 7.2
has "$work/log" "failed: one 7.2 x86_64: exit 0, no result"
has_not "$work/tests/vm/matrix.json" '"7.2"'

# What makes the record old.
matrix 1 --check
has "$work/log" "README.md has the table of tests/vm/matrix.json: run make readme-matrix"
matrix 0 --readme
has "$work/README.md" '| suite `one` | – | 2 |'
has "$work/README.md" after
matrix 0 --check
echo "/* */" >>"$work/bpf/a.h"
matrix 1 --check
has "$work/log" \
	"bpf/ has changed since the matrix was recorded: run make check-matrix (on 6.1 x86_64)"
features 7.2 '{"boots": {"is": "yes"}}' >"$work/answers/features-7.2"
echo other >"$work/build/bpf/qp_trace.bpf.o"
matrix 0 --features-only --kernel 7.2
matrix 1 --check
has "$work/log" "all kernels ran the same BPF object: 2 different ones"
matrix 1 --features-only --kernel 6.1 --arch arm64
exit $status
