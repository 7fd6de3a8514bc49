# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Sourced by tests/vm/selftest: standard input, and output that nobody reads.

# shellcheck disable=SC2016 # dollars that must not expand here
test_stdin() {
	head -c 3000000 /dev/urandom >"$work/input"
	vm -- sh -c 'head -c 1000 | sha256sum; sha256sum; wc -c' < <(cat "$work/input")
	equal "a pipe arrives, and its end" "$(head -c 1000 "$work/input" | sha256sum
		tail -c +1001 "$work/input" | sha256sum; echo 0)" \
		"$(cat "$work/stdout")"
	printf 'first\nsecond\n' >"$work/input"
	{ read -r && vm -- cat; } <"$work/input"
	equal "a file arrives from where the caller has read to" second "$(cat "$work/stdout")"
	vm -- echo ended < <(exec sleep 1000)
	kill $!
	equal "a pipe that is never closed holds nothing up" "ended 0" \
		"$(cat "$work/stdout") $status"
	check "nothing left in TMPDIR" no_trace
}

test_closed_output() {
	"$here/run" --sudo --kernel "$kernel" --out "$work/vm-out" -- sh \
		-c 'echo one; echo two; sleep 1000' 2>"$work/stderr" |
		head -n 1 >"$work/stdout"
	equal "an output that is closed ends the VM" "141 one" \
		"${PIPESTATUS[0]} $(cat "$work/stdout")"
	equal "without a word" "" "$(cat "$work/stderr")"
	check "nothing left in TMPDIR" no_trace
}
