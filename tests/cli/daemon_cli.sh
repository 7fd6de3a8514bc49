#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# rpingmeshd from outside, without RDMA: options, exit statuses, what a reload can change and what
# not. Runs in the build directory.
set -uo pipefail
# A misspelt check is no passed one.
# shellcheck disable=SC2317 # bash calls it
command_not_found_handle() { echo "FAIL: no command $1"; kill -TERM $$; }
build=${top_builddir:-.}
dir=$(mktemp -d)
conf=$dir/mesh.conf
daemon=
second=
status=0
trap 'kill -KILL $daemon $second 2>/dev/null; rm -rf "$dir"' EXIT

bad() {
	echo "FAIL: $*"
	sed 's/^/  out: /' "$dir/out"
	sed 's/^/  err: /' "$dir/err"
	status=1
}

# run STATUS ARGUMENT...
run() {
	local want=$1 got=0
	shift
	timeout 60 "$build/rpingmeshd" "$@" >"$dir/out" 2>"$dir/err" </dev/null || got=$?
	[ $got -eq "$want" ] || bad "rpingmeshd $*: exit status $got, not $want"
}
out() { grep -qE -- "$1" "$dir/out" || bad "no '$1' in the output"; }
err() { grep -qE -- "$1" "$dir/err" || bad "no '$1' on stderr"; }
not_err() { ! grep -qE -- "$1" "$dir/err" || bad "'$1' on stderr"; }

run 0 --help; out '^Usage: rpingmeshd'; out 'Exit status:'; out 'Example'
# It fits a terminal, but for the path that configure was given.
grep -vE '^ +/' "$dir/out" | grep -qE '.{81}' && bad "--help: a line of more than 80 columns"
run 0 --version; out '^rpingmeshd [0-9]'
run 0 --print-default-config
cp "$dir/out" "$conf"
run 0 -t -c "$conf"; out "$conf is valid: 0 peers"
run 2 --bogus; err 'rpingmeshd --help'
run 2 -t over; err "unexpected argument 'over'"
run 2 -c
echo 'peers = ( "10.0.0.2" ); interval_ms = 0;' >"$conf"
run 3 -t -c "$conf"; err "^rpingmeshd: $conf:1: interval_ms"
run 3 -c "$dir/none.conf"; err 'no such file'
echo 'peers = ( "10.0.0.2", { address = "10.0.0.3"; } );' >"$conf"
run 0 --test --config "$conf"; out 'is valid: 2 peers'; not_err 'traffic_class'
# A DSCP that was put into the traffic class (RFC 3168: the two lower bits are those of ECN).
cat >"$conf" <<'END'
traffic_class = 26;
peers = ( "10.0.0.2", { address = "10.0.0.3"; traffic_class = 106; },
	{ address = "10.0.0.4"; traffic_class = 106; },
	{ address = "10.0.0.5"; traffic_class = 24; } );
END
run 0 -t -c "$conf"; out 'is valid: 4 peers'
err 'traffic_class = 26 is DSCP 6 with the ECN bits set to 2; DSCP 26 without ECN is .* = 104$'
err 'traffic_class = 106 is DSCP 26 with the ECN bits set to 2; DSCP 26 without ECN is .* = 104$'
[ "$(grep -c traffic_class "$dir/err")" = 2 ] || bad "a warning more than once"
# More probes than a port sends: 2 x 200/s against the default of 150/s. 2 x 71/s are less.
echo 'interval_ms = 5; peers = ( "10.0.0.2", "10.0.0.3" );' >"$conf"
run 0 -t -c "$conf"; err 'for 400 probes a second, and max_probes_per_s = 150 .* 3 times as long$'
echo 'interval_ms = 14; peers = ( "10.0.0.2", "10.0.0.3" );' >"$conf"
run 0 -t -c "$conf"; not_err 'probes a second'
cat >"$conf" <<'END'
interval_ms = 10;
peers = ( { address = "10.0.0.2"; device = "mlx5_0"; },
	{ address = "10.1.0.2"; device = "mlx5_1"; },
	{ address = "10.1.0.3"; device = "mlx5_1"; } );
END
run 0 -t -c "$conf"; err 'of device mlx5_1 ask for 200 probes'; not_err 'mlx5_0'
timeout 60 "$build/rpingmeshd" --version >/dev/full 2>"$dir/err" &&
	bad "writing to a full disk is no success"

# A key that others can read is none.
echo "a 000102030405060708090a0b0c0d0e0f" >"$dir/keys"
chmod 644 "$dir/keys"
echo "key_file = \"$dir/keys\";" >"$conf"
run 3 -t -c "$conf"; err "^rpingmeshd: $conf:1: key_file: .*its mode is 644: .*chmod 600 or 640"
chmod 600 "$dir/keys"
run 0 -t -c "$conf"

# What keeps it from running: one line that names the path, and exit status 1.
printf 'socket = "%s/missing/sock"; socket_group = ""; devices = ( "nosuch*" );\n' "$dir" >"$conf"
run 1 -c "$conf"; err "$dir/missing.*(no such|does not exist|No such)"
: >"$dir/file"
printf 'socket = "%s/file"; socket_group = ""; devices = ( "nosuch*" );\n' "$dir" >"$conf"
run 1 -c "$conf"; err "$dir/file"
[ -f "$dir/file" ] || bad "a file that is no socket was removed"

# configure TEXT: the daemon's own, and TEXT
configure() {
	printf 'socket = "%s/sock"; socket_group = ""; devices = ( "nosuch*" );\n%s\n' "$dir" "$*" \
		>"$conf"
}
# said PATTERN: the log has such a line, now or within a while; a daemon that has ended says nothing
# more
said() {
	local n=0
	until grep -qE -- "$1" "$dir/log"; do
		n=$((n + 1))
		{ [ $n -lt 600 ] && kill -0 "$daemon" 2>/dev/null; } || {
			bad "the daemon does not say '$1': $(cat "$dir/log")"; return
		}
		sleep 0.1
	done
}
# ctl STATUS ARGUMENT...
ctl() {
	local want=$1 got=0
	shift
	timeout 60 "$build/rpingmesh-ctl" -S "$dir/sock" "$@" >"$dir/out" 2>"$dir/err" || got=$?
	[ $got -eq "$want" ] || bad "rpingmesh-ctl $*: exit status $got, not $want"
}

# start: the daemon in the background
start() {
	: >"$dir/log"
	"$build/rpingmeshd" -c "$conf" >"$dir/log" 2>&1 </dev/null &
	daemon=$!
	said 'is running, configuration:'
	kill -0 $daemon || exit 1
}
# stop: it ends well
stop() {
	local got=0
	kill -TERM $daemon
	wait $daemon || got=$?
	daemon=
	[ $got -eq 0 ] || bad "stopped with $got: $(cat "$dir/log")"
}

configure 'peers = ( "10.0.0.2" ); tracing = { enable = false; }; metrics = { listen = '\
'"192.0.2.1:9479"; };'
start
said 'metrics.listen 192.0.2.1:9479: .*no interface has this address'
ctl 1 status; out 'no RoCE port'; out 'no metrics: 192.0.2.1:9479'
ctl 1 --json status; out '"devices":0'
ctl 1 peers; out '^10.0.0.2 .*no local RDMA device'
ctl 1 acknowledge nosuch0; err 'no device "nosuch0"'
ctl 0 acknowledge; out '^all devices: 0 flaps'
ctl 1 ping -c 1 10.0.0.9; err 'ping: no local RDMA device'
ctl 0 windows; out 'No window'
ctl 0 flows; out '^No flows'

configure 'port = 1; gid_index = 3; tracing = { enable = false; max_flows = 200; }; peers = ( '\
'"10.0.0.3" ); timeout_ms = 700;'
kill -HUP $daemon
said 'config: port: changes at the next start only'
said 'config: gid_index: changes at the next start only'
said 'config: tracing.max_flows: changes at the next start only'
said 'config: timeout_ms: changed'
ctl 1 peers; out '^10.0.0.3 .*no local RDMA device'
printf 'socket = "%s/elsewhere"; devices = ( "nosuch*" );\n' "$dir" >"$conf"
kill -HUP $daemon
said 'config: socket: changes at the next start only'
ctl 0 peers; out '^No peers are configured'
echo 'port = 0;' >"$conf"
kill -HUP $daemon
said 'the old configuration stays in force'
ctl 1 --json status; out '"config_error":"[^"]*port: expected'
stop

# A name that does not resolve is asked again and again, and logged once.
configure 'peers = ( "nosuch.invalid" ); log = { peer = "debug"; }; tracing = { enable = false; };'
start
n=0
until [ "$(grep -c ' debug   peer: nosuch.invalid: ' "$dir/log")" -ge 3 ] || [ $n -ge 600 ]; do
	sleep 0.1; n=$((n + 1))
done
[ $n -lt 600 ] || bad "it does not ask again: $(cat "$dir/log")"
[ "$(grep -c 'nosuch.invalid: not probed: its name is not known' "$dir/log")" = 1 ] ||
	bad "it logs the name again and again: $(cat "$dir/log")"
stop

# Tens of thousands of peers do not stop the loop for long, and fit into the answer. In time of the
# processor, which the load of the machine does not change much: 0.3 s, and 11 s if each peer looks
# at all others. An emulated program takes many times as long.
configure 'tracing = { enable = false; };'
start
ticks() { awk '{ print $14 + $15 }' "/proc/$daemon/stat"; }
awk 'BEGIN { printf "peers = ("; for (i = 0; i < 40000; i++)
	printf "%s \"10.%d.%d.1\"", i ? "," : "", i / 256, i % 256; print " );" }' >>"$conf"
before=$(ticks)
kill -HUP $daemon
said 'reloaded, 40000 peers'
took=$(($(ticks) - before))
[ "${build##*/}" = emulated ] || [ $took -lt $((3 * $(getconf CLK_TCK))) ] ||
	bad "40,000 peers took $took ticks of the processor"
# On a busy machine the daemon may not come to it within the 5 s that rpingmesh-ctl waits.
for _ in 1 2 3 4 5 6; do
	got=0
	timeout 60 "$build/rpingmesh-ctl" -S "$dir/sock" peers >"$dir/out" 2>"$dir/err" || got=$?
	grep -q 'has not answered' "$dir/err" || break
done
[ "$got" -eq 1 ] || bad "rpingmesh-ctl peers: exit status $got, not 1"
[ "$(wc -l <"$dir/out")" = 40001 ] || bad "not 40000 peers"
: >"$dir/out"
stop

# What is closed when it starts does not become the descriptor of a socket, which would get the log.
configure 'tracing = { enable = false; };'
"$build/rpingmeshd" -c "$conf" <&- >&- 2>&- & daemon=$!
n=0
until [ -e "$dir/sock" ] || [ $n -ge 300 ]; do sleep 0.1; n=$((n + 1)); done
for n in 0 1 2; do
	[ "$(readlink "/proc/$daemon/fd/$n")" = /dev/null ] ||
		bad "descriptor $n, closed at the start, is something else"
done
stop

# A second daemon on the socket ends, and takes nothing from the first one.
configure 'tracing = { enable = false; };'
start
run 1 -c "$conf"; err "control socket $dir/sock: another daemon listens there already$"
ctl 1 status; out ", pid $daemon,"
# What a crash leaves behind is no second daemon.
kill -KILL $daemon
{ wait $daemon; } 2>/dev/null
[ -S "$dir/sock" ] || bad "a killed daemon leaves no socket to try with"
ctl 3 status; err "$dir/sock: no rpingmeshd listens there \(connection refused\)"
start
said "$dir/sock: nobody listens there any more, replaced"
ctl 1 status; out ", pid $daemon,"
stop
[ ! -e "$dir/sock" ] || bad "the socket of a daemon that ended is still there"

# Two daemons with one port for metrics: the second does without until the first one ends.
for n in 1 2 3 4 5 6 7 8 9 end; do
	port=$((20000 + RANDOM % 10000))
	configure "tracing = { enable = false; }; metrics = { listen = \"127.0.0.1:$port\"; };"
	start
	ctl 1 --json status
	grep -q 'no metrics' "$dir/out" || break
	[ $n != end ] || bad "no free port: $(cat "$dir/log")"
	stop
done
cp "$conf" "$dir/second.conf"
sed -i "s|$dir/sock|$dir/second|" "$dir/second.conf"
"$build/rpingmeshd" -c "$dir/second.conf" >"$dir/second.log" 2>&1 </dev/null &
second=$!
mv "$dir/log" "$dir/first.log"
ln -s second.log "$dir/log"
said "127.0.0.1:$port: .*in use"
ctl 1 -S "$dir/second" status; out "no metrics: 127.0.0.1:$port.*in use"
stop
n=0
while ctl 1 -S "$dir/second" --json status && grep -q 'no metrics' "$dir/out"; do
	n=$((n + 1))
	[ $n -lt 60 ] || {
		bad "the port is free, and there are no metrics: $(cat "$dir/log")"; break
	}
	sleep 1
done
# What a scraper gets: RFC 9112 and the text format of Prometheus.
exec 3<>"/dev/tcp/127.0.0.1/$port"
printf 'GET /metrics HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n' >&3
timeout 60 cat <&3 >"$dir/out"
exec 3>&-
out '^HTTP/1.1 200 '; out '^# TYPE rpingmesh_build_info '; out '^rpingmesh_build_info\{.*\} 1$'
out '^rpingmesh_degraded [1-9]'
out '^rpingmesh_degraded_reason\{reason="no_port"\} 1$'
out '^rpingmesh_degraded_reason\{reason="budget"\} 0$'
daemon=$second
second=
stop
exit $status
