#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# rpingmeshd under a service manager: what it tells it (sd_notify(3)), its signs of life, and the
# control socket that is passed to it (sd_listen_fds(3)). tests/cli/notify_manager.py is the
# manager.
set -uo pipefail
# A misspelt check is no passed one.
# shellcheck disable=SC2317 # bash calls it
command_not_found_handle() { echo "FAIL: no command $1"; kill -TERM $$; }
build=${top_builddir:-.}
src=${top_srcdir:-.}
command -v python3 >/dev/null || { echo "no python3"; exit 77; }
dir=$(mktemp -d)
conf=$dir/mesh.conf
status=0
manager=
trap '[ ! -e "$dir/pid" ] || kill -KILL "$(cat "$dir/pid")" 2>/dev/null
	[ -z "$manager" ] || kill "$manager" 2>/dev/null; rm -rf "$dir"' EXIT

bad() {
	echo "FAIL: $*"
	sed 's/^/  told: /' "$dir/told"
	sed 's/^/  log: /' "$dir/log"
	status=1
}

# within 60 s: COMMAND...
within() {
	local n
	for ((n = 0; n < 600; n++)); do
		"$@" && return 0
		sleep 0.1
	done
	return 1
}

# start [PASSED...]: a daemon under the manager; variables of the environment are the caller's.
start() {
	rm -f "$dir"/{pid,notify,told,log}
	python3 "$src/tests/cli/notify_manager.py" "$dir" "$@" -- "$build/rpingmeshd" -c "$conf" \
		>"$dir/told" 2>"$dir/log" &
	manager=$!
	within test -e "$dir/pid" || bad "the manager does not start it"
}
told() { within grep -qE -- "$1" "$dir/told" || bad "the manager is not told '$1'"; }
said() { grep -qE -- "$1" "$dir/log" || bad "the log has no '$1'"; }
count() { grep -cE -- "$1" "$dir/told" || true; }
# shellcheck disable=SC2317 # called by within()
more_than() { [ "$(count "$2")" -gt "$1" ]; }
stop() {
	kill -TERM "$(cat "$dir/pid")"
	told '^exit 0$'
	wait "$manager"
	rm -f "$dir/pid"
}
# refused PATTERN PASSED...: a daemon that does not start with these, and says why
refused() {
	start "${@:2}"
	told '^exit 1$'
	said "$1"
	[ "$(count READY=1)" = 0 ] || bad "it was ready before it failed"
	rm -f "$dir"/{pid,sock,other}
}
# shellcheck disable=SC2317 # called by within()
answers() {
	timeout 60 "$build/rpingmesh-ctl" -S "$dir/sock" windows 2>>"$dir/log" |
		grep -q '^No window'
}

cat >"$conf" <<CONF
socket = "$dir/sock";
socket_group = "";
devices = ( "nosuch*" );
tracing = { enable = false; };
CONF

# Ready, reloaded, stopping. MONOTONIC_USEC lies between the clock before and after.
start
told '^READY=1$'
[ "$(count '^WATCHDOG')" = 0 ] || bad "signs of life that nobody asked for"
before=$(python3 -c 'import time; print(time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000)')
kill -HUP "$(cat "$dir/pid")"
told '^RELOADING=1 MONOTONIC_USEC=[0-9]+$'
within more_than 1 '^READY=1$' || bad "it is not ready again"
after=$(python3 -c 'import time; print(time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000)')
usec=$(sed -nE 's/.*MONOTONIC_USEC=//p' "$dir/told")
[ "$((before <= usec && usec <= after))" = 1 ] ||
	bad "MONOTONIC_USEC=$usec is not between $before and $after"
[ "$(sed -E 's/=.*//' "$dir/told" | paste -sd' ')" = "READY RELOADING READY" ] ||
	bad "not in this order"
stop
told '^STOPPING=1$'
[ ! -e "$dir/sock" ] || bad "its own socket stays behind"

# Signs of life go on as long as it runs, and only then; not for another process.
WATCHDOG_USEC=200000 start
within more_than 5 '^WATCHDOG=1$' || bad "no signs of life"
kill -STOP "$(cat "$dir/pid")"
sleep 0.5
n=$(count '^WATCHDOG=1$')
sleep 1
[ "$(count '^WATCHDOG=1$')" = "$n" ] || bad "signs of life of a stopped process"
kill -CONT "$(cat "$dir/pid")"
within more_than "$((n + 2))" '^WATCHDOG=1$' || bad "no signs of life afterwards"
stop
WATCHDOG_USEC=100000 WATCHDOG_PID=1 start
told '^READY=1$'
sleep 0.5
[ "$(count '^WATCHDOG=1$')" = 0 ] || bad "signs of life in the name of another process"
stop

# The control socket from the manager: answers there, and stays when the daemon goes.
start --stream "$dir/sock"
told '^READY=1$'
within answers || bad "no answer at the socket that was passed"
inode=$(stat -c %i "$dir/sock")
stop
[ "$(stat -c %i "$dir/sock" 2>&1)" = "$inode" ] || bad "the manager's socket is gone"
rm "$dir/sock"

refused "at \"$dir/other\", but .socket. is \"$dir/sock\"" --stream "$dir/other"
refused 'is not a Unix stream socket that listens' --datagram "$dir/sock"
refused 'is not a Unix stream socket that listens' --inet
refused '2 sockets were passed' --stream "$dir/sock" --stream "$dir/other"

# systemd's own tool starts it with the first connection.
if [ -x "$(command -v systemd-socket-activate)" ]; then
	systemd-socket-activate -l "$dir/sock" "$build/rpingmeshd" -c "$conf" >"$dir/told" \
		2>"$dir/log" </dev/null &
	echo $! >"$dir/pid"
	within test -S "$dir/sock" || bad "systemd-socket-activate does not listen"
	within answers || bad "no answer under systemd-socket-activate"
	kill -TERM "$(cat "$dir/pid")"
	wait "$(cat "$dir/pid")" || bad "exit status $? under systemd-socket-activate"
	rm "$dir/pid"
	[ -S "$dir/sock" ] || bad "the socket of systemd-socket-activate is gone"
fi
exit $status
