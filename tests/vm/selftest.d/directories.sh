# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Sourced by tests/vm/selftest: the output directory, --rw, several runs at once.

# Three at once: in one working directory without --out, each with a file of its own name that the
# others must not see, and with one directory that all may write to.
# shellcheck disable=SC2016 # dollars that must not expand here
test_parallel() {
	local i shared="$work/shared, by all" where
	local -a pids=()
	mkdir -p "$work/several" "$shared"
	cd "$work/several" || return
	for i in 1 2 3; do
		"$here/run" --sudo --kernel "$kernel" --rw "$shared" -- bash -c '
			echo "$1" >vm.tmp; echo "$1" >"$RPINGMESH_VM_OUT/mine"
			echo "from $1" >"$2/$1"
			until [ "$(ls "$2" | wc -l)" -eq 3 ]; do sleep 0.1; done
			cat vm.tmp; echo "$RPINGMESH_VM_OUT"; exit "$1"' name "$i" "$shared" \
			>"$work/stdout.$i" 2>"$work/stderr.$i" &
		pids+=($!)
	done
	for i in 1 2 3; do
		wait "${pids[i - 1]}"
		equal "three at once: status and file of number $i" "$i $i" \
			"$? $(head -n 1 "$work/stdout.$i")"
		where=$(tail -n 1 "$work/stdout.$i")
		equal "its output directory has its own output" "$i" "$(cat "$where/mine")"
		check "and its kernel log" test -s "$where/dmesg"
		equal "what it wrote into the directory of --rw" "from $i" "$(cat "$shared/$i")"
	done
	equal "their output directories" $'vm-out\nvm-out.2\nvm-out.3' "$(ls)"
	check "nothing but the directory of --rw was written to" test ! -e vm.tmp
	equal "who has not vm-out says so" 2 \
		"$(cat "$work"/stderr.[123] | grep -c 'vm-out is in use by another run')"
	check "nothing left in TMPDIR" no_trace
	cd "$here" || return
}

# The lock that a run holds is flock(2) on the directory.
test_output_in_use() {
	flock "$work/tmp" "$here/run" --sudo --kernel "$kernel" --out "$work/tmp" -- true \
		2>"$work/stderr"
	equal "an output directory in use" 125 $?
	check "is explained" contains "$work/stderr" "in use by another run"
}
