#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What tests/vm/matrix makes of its runs: merged into the record, a second try, failures, and what
# cannot be run. A script stands in for the VMs and says what they would.
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
printf '#!/bin/sh\n' >"$work/tests/vm/kernel"
printf '#!/bin/sh\n' >"$work/bin/qemu-system-x86_64"
cat >"$work/tests/vm/run" <<'RUN'
#!/bin/bash
while [ "$1" != -- ]; do
	[ "$1" != --kernel ] || kernel=$2
	shift
done
name=$(basename "$2" .py)
answer=$(dirname "$0")/../../answers/${name#test_}-$kernel
[ $# -eq 2 ] || answer=$answer-again
echo "vm: whole run 60.0 s" >&2
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

features() {
	printf '{"release": "%s.1-amd64", "version": "%s.1-1", ' "$1" "$1"
	printf '"machine": "x86_64", "cells": %s}\n' "$2"
}

features 6.1 '{"boots": {"is": "yes"}, "ring_buffer": {"is": "no", "why": "map: EINVAL"}}' \
	>"$work/answers/features-6.1"
printf 'ok - a (1 s)\nok - b (1 s)\n2 passed, 0 failed, 0 skipped\n' >"$work/answers/one-6.1"
printf 'ok - c (1 s)\nnot ok - d: busy\n1 passed, 1 failed, 0 skipped\n' >"$work/answers/two-6.1"
printf 'ok - d (1 s)\n1 passed, 0 failed, 0 skipped\n' >"$work/answers/two-6.1-again"
matrix 0 --kernel 6.1
has "$work/log" "not run: arm64: "
matrix 0 --print
has "$work/log" "| Debian's version | – | 6.1.1-1 |"
has "$work/log" '| BPF ring buffer | – | no: EINVAL |'
has "$work/log" '| CAP_BPF | – | – |'
has "$work/log" '| suite `one` | – | 2 |'
has "$work/log" '| suite `two` | – | 2 |'
has "$work/log" 'Passed at the second try on 6.1 x86_64: `two` d.'
has "$work/log" ', 4 minutes of emulated VMs'

# A later run of one suite leaves the rest as it was; a case that fails twice is a failure, and
# recorded.
printf 'not ok - d: broken\n0 passed, 1 failed, 0 skipped\n' >"$work/answers/two-6.1-again"
matrix 1 --suite two
has "$work/log" "failed: two 6.1 x86_64: 1 passed, 1 failed, 0 skipped"
has "$work/log" '| suite `two` | – | 1 of 2 |'
has "$work/log" '| suite `one` | – | 2 |'
has "$work/log" 'Failed on 6.1 x86_64: `two` d.'

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
