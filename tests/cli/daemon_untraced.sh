#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The daemon itself, on no device: it runs whether or not services can be traced here, says why not,
# and in a build without BPF that this is the reason.
set -euo pipefail
build=${top_builddir:-.}
dir=$(mktemp -d)
daemon=

cleanup() {
	[ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
	rm -rf "$dir"
}
trap cleanup EXIT

fail() {
	echo "$*"
	cat "$dir/log"
	exit 1
}

ctl() { "$build/rpingmesh-ctl" -S "$dir/sock" "$@"; }

# wait_for WHAT COMMAND...: it answers within a minute.
wait_for() {
	local i what=$1
	shift
	for ((i = 0; i < 600; i++)); do
		kill -0 "$daemon" 2>/dev/null || fail "the daemon has ended"
		! "$@" || return 0
		sleep 0.1
	done
	fail "$what"
}

answers() { ctl --json status >"$dir/status" 2>/dev/null || [ $? = 1 ]; }
settled() { answers && ! grep -qE '"state": ?"starting"' "$dir/status"; }

printf 'socket = "%s";\nsocket_group = "";\ndevices = ("none-such");\n' "$dir/sock" >"$dir/conf"
"$build/rpingmeshd" -c "$dir/conf" >"$dir/log" 2>&1 &
daemon=$!
wait_for "no answer" answers
wait_for "tracing does not settle" settled
ctl status >"$dir/text" || [ $? = 1 ] || fail "status ended with $?"
ctl flows >"$dir/flows" 2>"$dir/why" || fail "flows ended with $?"
grep -qE '^ *tracing +(on|(off|degraded) \(.+\))$' "$dir/text" ||
	fail "no reason: $(cat "$dir/text")"
grep -q '^BPF_CLANG =' "$build/Makefile" || fail "no BPF_CLANG in $build/Makefile"
if ! grep -q '^BPF_CLANG = .' "$build/Makefile"; then
	for file in text why log; do
		grep -q 'built without BPF' "$dir/$file" ||
			fail "$file does not say it: $(cat "$dir/$file")"
	done
	[ "$(grep -c 'built without BPF' "$dir/log")" = 1 ] || fail "logged more than once"
	grep -q 'degraded.*not traced.*built without BPF' "$dir/text" ||
		fail "not told as degraded: $(cat "$dir/text")"
fi
kill -TERM "$daemon"
wait "$daemon" || fail "ended with $?"
daemon=
