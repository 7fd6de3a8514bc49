#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# rpingmesh-ctl from outside: exit codes, lines, and daemons that are old, dying or mad. Runs in the
# build directory; CTL and PYTHON may name other programs.

here=$(dirname "$0")
ctl=${CTL:-./rpingmesh-ctl}
export top_builddir="${top_builddir:-.}"
dir=$(mktemp -d) || exit 99
sock=$dir/sock
fake=
failed=0
passed=0

esc=$(printf '\033')
unset RPINGMESH_SOCKET COLUMNS LINES NO_COLOR TERM
LC_ALL=C
export LC_ALL
trap 'stop_fake; rm -rf "$dir"' EXIT
trap 'exit 99' INT TERM

[ -x "$ctl" ] || { echo "$ctl is not built"; exit 99; }

python=
for p in ${PYTHON:+"$PYTHON"} python3 /usr/bin/python3; do
	"$p" -c 'import msgpack' 2>/dev/null && { python=$p; break; }
done
[ -n "$python" ] || {
	echo "no python3 with msgpack (apt install python3-msgpack): skipped"; exit 77
}

stop_fake() {
	[ -z "$fake" ] || { kill "$fake" 2>/dev/null; wait "$fake" 2>/dev/null; }
	fake=
	rm -f "$sock"
}

daemon() {
	stop_fake
	"$python" "$here/ctl_fake.py" "$sock" "$1" 2>"$dir/fake.err" &
	fake=$!
	n=0
	while [ ! -S "$sock" ] && [ $n -lt 100 ]; do sleep 0.05; n=$((n + 1)); done
	about=$1
}

ok() { passed=$((passed + 1)); }

bad() {
	failed=$((failed + 1))
	echo "FAIL ($about): $what: $1"
	sed 's/^/  out: /' "$dir/out" | head -20
	sed 's/^/  err: /' "$dir/err" | head -20
	sed 's/^/  fake: /' "$dir/fake.err" | head -20
}

# run STATUS ARGUMENT...: what it exits with
run() {
	want=$1
	shift
	what="$*"
	timeout 60 "$ctl" -S "$sock" "$@" >"$dir/out" 2>"$dir/err"
	got=$?
	if [ $got -eq "$want" ]; then ok; else bad "exit status $got, not $want"; fi
	case $(cat "$dir/err") in *Sanitizer*|*"runtime error"*) bad "sanitizer" ;; esac
}

out() { if grep -q -- "$1" "$dir/out"; then ok; else bad "no '$1' in the output"; fi; }
not_out() { if grep -q -- "$1" "$dir/out"; then bad "'$1' in the output"; else ok; fi; }
err() { if grep -q -- "$1" "$dir/err"; then ok; else bad "no '$1' on stderr"; fi; }
lines() {
	n=$(wc -l <"$dir/out")
	if [ "$n" -eq "$1" ]; then ok; else bad "$n lines of output, not $1"; fi
}
# exactly one line on stderr
one_err() {
	n=$(wc -l <"$dir/err"); if [ "$n" -eq 1 ]; then ok; else bad "$n lines on stderr, not 1"; fi
}
not_err() { if grep -q -- "$1" "$dir/err"; then bad "'$1' on stderr"; else ok; fi; }
no_err() { if [ ! -s "$dir/err" ]; then ok; else bad "something on stderr"; fi; }
# the output is JSON, an object a line, and each satisfies a Python expression over o
json() {
	if "$python" -c 'import json, sys
for line in sys.stdin:
    o = json.loads(line)
    assert isinstance(o, dict) and eval(sys.argv[1]), line' "$1" <"$dir/out" 2>"$dir/err"
	then ok; else bad "JSON: not $1"; fi
}
# aligned TEXT: it stands in the same column, in characters, wherever it stands, and in two lines at
# least
aligned() {
	if "$python" -c 'import sys
lines = sys.stdin.buffer.read().decode().splitlines()
at = [line.find(sys.argv[1]) for line in lines if sys.argv[1] in line]
sys.exit(len(at) < 2 or len(set(at)) > 1)' "$1" <"$dir/out"
	then ok; else bad "'$1' is not aligned"; fi
}
# page MAP: each line of the output is of a map of rpingmesh-records(5), and some are of this one
page() {
	if "$python" -B "$here/../doc/ctl_json.py" "$1" <"$dir/out" >"$dir/err" 2>&1; then
		ok
	else
		bad "not as rpingmesh-records(5) has it"
	fi
}
# order PATTERN...: the first line that each matches comes after that of the one before
order() {
	last=0
	for pattern in "$@"; do
		n=$(grep -n -m 1 -- "$pattern" "$dir/out" | cut -d: -f1)
		if [ "${n:-0}" -gt "$last" ]; then
			ok
		else
			bad "'$pattern' is not below line $last"
		fi
		last=${n:-0}
	done
}
widest() {
	n=$(awk '{ if (length($0) > n) n = length($0) } END { print n + 0 }' "$dir/out")
	if [ "$n" -le "$1" ]; then ok; else bad "a line of $n columns, more than $1"; fi
}

about=usage
run 2 staus; one_err; err 'there is no command "staus"; did you mean "status"?'
run 2 win; err 'did you mean "windows"?'
run 2 log-lvel; err 'did you mean "log-level"?'
run 2 x; err 'there is no command "x" (see'
run 2 --central drain a --until '2027-02-31 10:00' --reason x; one_err; err 'not "2027-02-31'
run 2 frobnicate; err 'there is no command "frobnicate" (see'
run 2 "$(head -c 5000 /dev/zero | tr '\0' s)"; one_err; not_err 'did you mean'
run 2 --json=x status; err 'option --json takes no value'
run 2 status --json=x; err 'option --json takes no value'
run 2 top --reverse=yes; err 'option --reverse takes no value'
run 2 status --color=always -Zh; err 'unknown option -Z '
run 2 -Z status; err 'unknown option -Z '
run 2 -ü status; err 'unknown option -ü '
run 2 status --bogus=1; err 'unknown option --bogus=1 '
for args in "" "nosuch" "--bogus" "status x" "peers --bogus" "ping" "ping a b" "ping -c" \
	"ping -c 0 a" "ping -c -1 a" "ping -c x a" \
	"ping -i 0 a" "ping -i nan a" "ping -s 49 a" "ping -s 5000 a" \
	"ping --flow-label 0x100000 a" "ping --tos 256 a" "ping -W x a" \
	"watch x" "watch -n 0 " "watch -c 0" "-S" "flows x" "flows --by" "flows --by host" \
	"flows --pid x" "flows -p 0" "flows --qps --by job" \
	"windows x" "windows --by job" "windows --by" "windows -c 3" "windows -f -c 0" "events x" \
	"events -c 0" "events --pid -1" "events --count" \
	config "config x" "config show y" "config --bogus show" "log-level loud" \
	"log-level info moon" \
	check "check -c 0 a" "check -c x a" "selfcheck a b" "selfcheck -t 0" "selfcheck -t x" \
	explain "explain a b" "explain --device" path "path a b" \
	record "record a b" "record -k x f" \
	"record -k probe,, f" "record -c 0 f" "record -d 0 f" "record --max-size 0 f" \
	"record --max-size 5x f" \
	replay "replay a b" "replay -s 0 f" "replay -s x f" \
	"top x" "top --sort" "top --sort size" "top -d 0" "top -n 0" "top --interval x" \
	"windows -s" "--json windows -f -s" "--color=blue peers" \
	"matrix x" "matrix --metric p99" "matrix -m" "histogram a b" "histogram --metric loss" \
	"histogram -c 0" "histogram --rows 1" \
	"histogram --rows 65" "histogram --by job"; do
	what=$args
	# shellcheck disable=SC2086
	"$ctl" $args >"$dir/out" 2>"$dir/err"
	got=$?
	if [ $got -eq 2 ]; then ok; else bad "exit status $got, not 2"; fi
	one_err
	err -- --help
	lines 0
done

about=help
run 0 --help; out '^Usage:'; out 'status'; out 'watch'; out '^  top '; out '^  matrix '
out '^  histogram '; no_err; widest 80
commands=$(sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z-]*\)  *.*/\1/p' "$dir/out")
if [ "$(echo "$commands" | wc -l)" -ge 18 ]; then ok; else bad "--help lists too few commands"; fi
for command in $commands; do
	run 0 "$command" --help; out "^Usage: rpingmesh-ctl $command"; out '^Exit status:'
	out 'Examples:'; no_err; widest 80
	run 0 "$command" -h; out '^Usage:'
done
run 0 --version; out '^rpingmesh-ctl [0-9]'; lines 1
run 0 -V; out '^rpingmesh-ctl [0-9]'

daemon check
run 0 check -c 4 node1 node2; lines 2; out '^node1  *ok *4 of 4 answered, rtt p50/max 2'
run 1 check -c 4 $(seq -f node%g 1 20)
lines 20; out '^node4  *ok '; out '^node5  *BAD *3 of 4 answered, rtt'; out '^node6  *ok *3 of 4 '
out '^node7  *BAD *0 of 0 answered: no address for that name$'
out '^node9  *BAD *0 of 0 answered: .'; not_out 'rpingmeshd refuses'; one_err
run 1 --json check -c 4 $(seq -f node%g 1 7); lines 7
json 'o["type"] == "check" and o["well"] == (o["target"] not in ("node5", "node7")) and '\
'(o["error"] is None) == (o["target"] != "node7")'

daemon selfcheck
run 1 selfcheck -t 0.5; out '^rxe0: driver rxe, port 1, interface none0$'
out '^mlx5_0 *clock *differs *1000000 kHz; in 9.5 s of the host.s clock it ran -500000 ppm faster'
out '^mlx5_0 *clock .*; that it begins anew every 4 s was not seen$'
out '^rxe0 *clock *cannot tell *no probe was timed by the RNIC: .*no timestamps'
out '^rxe0 *gid *cannot tell .*No such file'; out '^rxe0 *mtu *cannot tell .*none0'
out '^rxe0 *port *cannot tell'; lines 15; no_err
run 0 selfcheck -t 0.2 rxe0; lines 9; not_out mlx5_0
run 1 --json selfcheck -t 0.5 mlx5_0; lines 5
json 'o["type"] == "selfcheck" and o["device"] == "mlx5_0" and o["driver"] == "mlx5_core"'
run 1 selfcheck nosuch; one_err; err 'nosuch'; err 'rpingmesh-ctl devices'
daemon junk
run 1 selfcheck -t 0.2; one_err
stop_fake

about="no daemon"
for args in "explain x" "config show" "config reload" log-level "log-level info" \
	"record /nonexistent/x" status devices "devices --history" selfcheck "check a" \
	acknowledge peers targets flows \
	events windows "windows -f" watch "--json watch" "ping 10.0.0.1" \
	top "top --once" "--json top" matrix histogram "histogram -c 3"; do
	# shellcheck disable=SC2086
	run 3 $args; one_err; err 'no rpingmeshd listens there'; err "$sock"; lines 0
done
"$python" -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$sock"
run 3 status; one_err; err 'connection refused'
rm -f "$sock"
run 3 hosts; one_err; err 'no rpingmesh-central listens there'; err "$sock"; lines 0
what="environment"
RPINGMESH_SOCKET=$dir/elsewhere "$ctl" status 2>"$dir/err"
if [ $? -eq 3 ]; then ok; else bad "exit status"; fi
err "$dir/elsewhere"

if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	about="no permission"
	daemon good
	chmod 755 "$dir"
	chmod 660 "$sock"
	chgrp nogroup "$sock"
	what="stranger"
	setpriv --reuid 12345 --regid 12345 --clear-groups -- "$ctl" -S "$sock" status >"$dir/out" \
		2>"$dir/err"
	if [ $? -eq 3 ]; then ok; else bad "exit status"; fi
	one_err; err 'permission denied'; err 'group "nogroup"'
	chgrp 0 "$sock"
	setpriv --reuid 12345 --regid 12345 --clear-groups -- "$ctl" -S "$sock" status >"$dir/out" \
		2>"$dir/err"
	one_err; err 'only root'
fi

daemon good
run 0 status
out '^  paths *12 traced, 2 failed (no route), 1 incomplete, oldest 3 min.*, no room for '\
'more$'
out '^rpingmeshd 9.9 on host-a, pid 42, up 2 h 10 min'; out 'devices *2, 1 up'; out 'peers *3, 3 up'
out 'probes *ok 97, lost 3'; out 'responder *probes 12$'
out 'longest stall 1.23 ms in "control client", 2.'; no_err
out '^  own use *21.5 % of a core, 1.5 % for others (at most 20 %), 9 MiB$'
out '^  key *2026b$'
out '^  rights *user mesh, no capabilities, tracing helper CAP_BPF CAP_PERFMON, system calls '
out '^  hooks *4 of 5 by perf kprobe, attached 2 h 10 min ago, anew 1 times$'
out '^  QPs *12 in 3 flows, 2 of them probed, 100 created, 88 destroyed, 6 found, no room for '\
'flows 9 times$'
out '^  events *1234, 7 lost (ring full), 0 lost (calls), 2 returns missed$'
out '^  dumps *40, the last 1[2-9] s ago with 11 QPs, 2 failed (Device or resource busy)$'
run 0 --json status; lines 1
json 'o["type"] == "status" and o["incarnation"] == 2**63 + 1 and o["config_error"] is None'
run 0 status --json; lines 1
run 0 peers
out '^PEER .*DEVICE .*HOST .*STATE .*SENT .*LOSS .*RTT P50 .*RTT P99 .*PROBER .*RESPONDER '\
'.*LAST OK *ROUTERS$'
out '^10.0.0.2 *rxe0 *host-b/mlx5_0 *up *100 *0% *20.4 ms *31.0 ms *83.1 us *12.3 us *1\.[5-9] s '\
'*3$'
out '0.3%'; lines 4; no_err
not_out 'NOT OK'; not_out 'REASON'
not_out "$esc"
run 0 --json peers; lines 3; json 'o["type"] == "peer" and o["recent"]["rtt_p50_ns"] == 20400000'
run 0 devices
out 'rxe0 *1 *up *eth0 *rxe *10.0.0.1 *1 *2 *1024 *sw *17 *18 *120 of 150 *80 *3 of 5, gave up 1'\
' *5 *0 *2 *queue_full 7'
out 'FLAPS'
run 0 --json devices; json 'o["qpn"] == 17'
run 0 devices --history; lines 3; no_err
out '^2023-11-14 22:13:20.123 *rxe0/1 *backing_off *3.0 s *up *timer'
out '^2023-11-14 22:13:10.000 *rxe0/1 *up *2 h 0 min *backing_off *build_failed *yes *Cannot '\
'allocate memory$'
run 0 --json devices --history; json 'len(o["history"]) == 2'
run 0 devices --counters; lines 3; out '^rxe0/1 *sent_pkts *1000 *50 *900 *$'
out '^rxe0/1 *net_rx_dropped *7 *2 *7 *at its end, 1 reset, 2 odd readings$'
run 0 devices --counters -a; lines 4; out 'duplicate_request *0 *0 *0'
run 2 devices --history --counters; one_err
run 2 devices rxe0; one_err
run 0 acknowledge rxe0; out '^rxe0: 3 flaps of the last hour marked as seen$'
run 0 acknowledge; out '^all devices: 1 flap of the last hour marked as seen$'
run 0 --json acknowledge rxe0; json 'o["flaps"] == 3'
run 1 acknowledge rxe7; one_err; err 'no device "rxe7"'
run 2 acknowledge rxe0 rxe1; one_err
run 0 targets
out '10.0.0.2 *rxe0 *mesh *100 ms *50,1024 *0xabcde *104 *57236 *exact *8 *12.5% *20.4 ms'
out 'ROUTERS'; out ' 3/1  *lost 1'
run 0 --json targets; json 'o["flow_label"] == 0xabcde'


run 0 explain 10.0.0.2; no_err; widest 80
out '^Peer 10.0.0.2, host host-b: up for [0-9.]* s$'
out '^  resolved     asked 3 times over SIDR, restarted 1 time'; out '2 peers have this name'
out '^  from         10.0.0.1 of rxe0 port 1 (eth0), GID index 7$'
out '^  to           10.0.0.2, QP 4711, by SIDR on service 21072'
out '^  UDP port     57236 from QP 17: path exact$'
out "^  clocks       here the host's, there the RNIC's$"
out '^  routers      leaf1 > 198.51.100.1 > leaf3$'
out '^  lost         3: no answer, but the daemon was alive'
out '^  ok           7: answered within the timeout$'
out ' ago ok    2.00 ms T2+10.0 us T5+2.04 ms T6+2.06 ms  T4=T3+34.5 us$'
out ' ago lost (no answer)'; out '^And 17 more streams not shown'
out ' min [0-9]* s ago ok    83.1 us T2+10.0 us T5+128 us T6+140 us  T4=T3+34.5 us$'; aligned ' T2+'
out '^  17 python3(4711) 10.0.0.1 -> 10.0.0.2 port 57236, 2 QPs, probing, path exact$'
out '^  counters     net_rx_dropped rose by 7'
out '^  history      .* backing_off -> up by timer$'
order '^Peer' '^Path$' '^Probes (mesh, every 100 ms)$' '^Flows' '^Device rxe0'
run 0 --json explain flow:17; lines 1
json 'o["type"] == "explain" and o["streams"][0]["last"][0]["seq"] == 9'
run 0 path flow:17; widest 80; no_err
out '^10.0.0.1 -> 10.0.1.1 (host-b), UDP port 57236, TOS 104, rxe0, flow$'
out '^   1  192.0.2.1         83.1 us  leaf1$'; out '^   2  198.51.100.1      83.1 us$'
out '^  traced, 1 min [0-9]* s ago; it loses probes$'
out '^  changed 2 times, 2 min [0-9]* s ago$'; out '^  before: leaf1 > 198.51.100.7 > leaf3$'
run 0 path 10.0.1.1; widest 80; no_err
out '^10.0.0.1  *5   83.3 %$'; out '^  leaf1  *5   83.3 %$'; out '^    198.51.100.1  *3   50.0 %$'
out '^    198.51.100.2  *1   16.7 %$'; out '^    ?  *1   16.7 %$'; out '^10.0.0.9  *1   16.7 %$'
out '^        10.0.1.1 (not stable)  *1   16.7 %$'
out '^1 path not known: no route leads over the device$'; out '^3 more paths$'
run 0 --json path 10.0.1.1; lines 7; json 'o["type"] == "path" and o["source"][:6] == "10.0.0"'
run 0 path 10.0.1.9; lines 1; out '^No packets to 10.0.1.9 are known yet.$'
run 1 path 10.0.1.8; one_err; err 'path: there is no peer'
run 0 explain 10.0.0.3; widest 80; out '^Peer 10.0.0.3, host host-b, ToR tor-7: down$'
out '^  reason       no answer$'
out '^  resolved     no: no local device is bound to it, last answer '
out '^  route        by lo: it is an address of this host$'
out '^Probes: none are sent there now$'; out '^  and 8 more: '
out '^Device .*: down (port is down)$'; out '^  counters     not known: none has been read$'
run 0 explain 10.0.0.4; widest 80; out '^Probes (service of flow 17, every 100 ms)$'
out '^  10 seconds   1 result, none of them answered or lost$'; not_out 'not shown here'
out '^  last probes  not kept for this stream; from now on they are, if there is$'
out '^               memory$'
out '^  last probes  none yet$'; out 'loss 12.5%.*; verdict: lossy$'
run 0 explain flow:5; widest 80; out '^Flow without a peer: it is not probed$'
out '^               no peer has its address$'; not_out '^Path$'; not_out '^Device'
run 1 explain 10.0.0.22; one_err; err 'explain: there is no peer or flow'
err '; did you mean 10.0.0.2, 10.0.0.3, 10.0.0.1?$'
run 1 explain host-b; one_err; err 'name one of them: .*host-b/mlx5_1)$'; not_err 'did you mean'
run 1 explain nothing-like-it; one_err; err '; .*lists the peers'
run 1 explain --device rxe9 10.0.0.22; one_err; not_err 'did you mean'

run 0 config show; out '^# /etc/x.conf, read [0-9.]* s ago$'
out '^tor = "a?\[2J\\"\\\\";  # /etc/x?.conf:3$'; out '^    #main = "info";$'
out '^    { address = "10.0.0.2"; sizes = (50, "mtu"); }$'
order '^log = {$' '^};$' '^#interval_ms = 7;$' '^peers = ($' '^);$'; not_out "$esc"
run 0 --json config show; lines 2
json 'o["type"] == "config" and o["generation"] == 3 or o["type"] == "config_peer" and '\
'o["interval_ms"] == 7'
run 0 config reload; out '^  peers: 2 removed (a, ...)$'
run 0 --json config reload; json 'o["peers"] == 3'
run 0 log-level; out '^main  *info$'; lines 1
run 0 log-level info main
run 0 --json log-level; json 'o["levels"]["main"] == "info"'

run 0 flows
out '^FLOW *OWNER .*JOB .*DEVICE .*SOURCE .*DESTINATION .*HOST .*PORT .*TOS .*QPS .*PATH .*LOSS '\
'.*RTT P50 .*RTT P99 .*PROBING .*REASON$'
out '^ *3 *python3(4711) +2 or more *slurm:12 *rxe1 *10.0.0.1 *fd00::3 *host-c *57236 *104 '\
'*1024 *100 *approximate *50000 *25.0% *20.4 ms *50.0 ms *83.1 us *12.3 us *100 d 0 h *probing'
out '^ *[0-9] *python3(4711) .* host-b *? .* unknown .* waiting *for its first probe$'
out '^ *[0-9] *\[nvme_rdma\] .* no daemon *no rpingmeshd answers at the destination$'
out ' unprobed *more flows than service_flows_max$'
order 'fd00::3' '57236 .*31.0 ms' '60000 .*30.0 ms' 'waiting' 'no daemon'; lines 6; no_err
run 0 --json flows; lines 5; json 'o["type"] == "flow" and "probing_reason" in o'
order '"id":3' '"id":1' '"id":5' '"id":2' '"id":4'
run 0 flows --qps; lines 73; out '^ *[0-9] *python3(4712) *slurm:12 *82 *1082 *RC *RTS *0xabcde'
out '^ *[0-9] *\[nvme_rdma\] *- *83 *1083 *RC *SQD'; out '^ *[0-9] *- .* +36 '
run 0 flows --by process; lines 5
order '^?  *1  *95 ' '^\[nvme_rdma\]  *2  *2 ' '^python3(4712)  *1  *2 ' \
	'^python3(4711)  *4  *8  *2  *11.9%'
run 0 flows --by job; lines 4; out '^slurm:12  *4  *10  *2  *11.9% *20.4 ms *50.0 ms$'
out '^-  *2  *2 '
run 0 flows --by device; lines 3; out '^rxe0  *4  *7  *1  *0% *20.4 ms *31.0 ms$'
run 0 --json flows --by remote; lines 3; page flow_group
json 'o["type"] == "flow_group" and o["by"] == "remote" and [
	o[k] for k in ("flows", "qps", "lost_ratio", "hostname")] == {
	"fd00::3": [1, 100, 0.25, "host-c"], "10.0.0.2": [3, 6, 0, "host-b"],
	"10.0.0.9": [1, 1, None, None]}[o["name"]]'
run 0 --json flows --by job; page flow_group; json 'o["name"] in (None, "?", "slurm:12")'
run 0 flows --device rxe1; lines 2; out 'fd00::3'
run 0 flows --pid 4712; lines 2; out 'fd00::3'
run 0 flows --job slurm:12; lines 5
run 0 flows --remote FD00:0::3; lines 2; out 'fd00::3'
run 0 flows --remote HOST-B; lines 4
run 0 flows --remote 10.0.0.99; lines 1; out '^No flow matches'
run 0 --json flows --pid 1; lines 0

run 0 windows; lines 3; no_err
out '^END .*SPAN .*DEVICE .*PEER .*HOST .*KIND .*PORT .*DUE .*LOSS (95 %) .*RTT P50 .*RTT P99 '\
'.*PROBER .*RESPONDER .*NOISE .*LOSS BY SIZE .*NOT OK .*NOTE$'
out '^22:13:30Z *10 s *rxe0 *10.0.0.2 *host-b *mesh *57236 *1000 *0.52 % (0.31..0.83) *20.4 ms'\
' *40.8 ms *83.1 us *12.3 us *4 *1024 B: 10.0 % (1.23..31.7) *lost 6 *-$'
out '^22:13:30Z *10 s *rxe0 *10.0.0.3 *host-b *mesh *57236 *1000 *- *- *- *- *- *- *- *down 1000'\
' *clock was set$'
run 0 windows --by flow; lines 2; out ' service *17 *57236 *1000 *100 % (0..100) '
out ' other B: 50.0 % (10.0..90.0) '; out 'ended$'; not_out HOST
run 0 windows --by device; lines 2; out ' rxe0 *1000 *<0.01 % (<0.01..99.9) '; not_out PEER
not_out KIND
run 0 --json windows; lines 2
json 'o["type"] == "window" and o["by"] == "target" and o["rtt"]["count"] in (0, 10)'
run 0 windows --follow -c 3; lines 4; no_err
out '^2023-11-14T22:13:30Z span=10s rxe0 10.0.0.2 mesh port=57236 due=1000 loss="0.52 % '\
'(0.31..0.83)" rtt_p50="20.400 ms" rtt_p99="40.800 ms" prober="0.083 ms" responder="0.012 ms" '\
'noise=4 sizes="1024 B: 10.0 % (1.23..31.7)" not_ok="lost 6"$'
out '^2023-11-14T22:13:30Z span=10s rxe0 10.0.0.3 mesh port=57236 due=1000 loss=- '\
'not_ok="down 1000" note="clock was set"$'
order 'due=1000' '^5 windows are missing here' 'due=77'
run 0 --json windows -f --by device -c 2; lines 3
json 'o["type"] == "window" and o["by"] == "device" or o == {"type": "dropped", "count": 5}'

run 0 windows -f -s -c 3; out ' rtt_trend=_ loss_trend=:$'
out ' note="clock was set" rtt_trend=? loss_trend=?$'

run 0 top --once; lines 5; no_err; not_out "$esc"; not_out TREND
out '^20[0-9T:-]*Z  3 peers, 2 up, 0 not; sorted by worst; LOSS and times: last 10 s$'
out '^PEER  *DEVICE  *HOST  *STATE  *LOSS  *RTT P50  *RTT P99  *PROBER  *RESPONDER$'
order '^20' '^PEER' '^10.0.0.3 .* 0.3% ' '^10.0.0.2 .* 0% ' '^10.0.0.1 .* self '
run 0 top --once --sort name; out 'sorted by name;'
order '^PEER' '^10.0.0.1 ' '^10.0.0.2 ' '^10.0.0.3 '
run 0 top --once -s name -r; out 'sorted by name, reverse;'
order '^10.0.0.3 ' '^10.0.0.2 ' '^10.0.0.1 '
run 0 top --once -f 0.3; lines 3; out 'filter "0.3": 1 of 3;'; out '^10.0.0.3'
run 0 top --once -f nowhere; lines 2; out ': 0 of 3'
run 2 top -f "a${esc}[2J"; one_err
run 2 top -f "$(printf '\377')"; one_err
run 0 top -1 -t; lines 3; out 'Z  1 target; sorted'; out '^PEER .* KIND .* PORT .* LOSS'
out '^10.0.0.2 *rxe0 *mesh *57236 *12.5%'; not_out STATE
run 0 top -n 2 -d 0.1; lines 11; out 'trends: one mark per window'; out ' RTT TREND '; no_err
run 0 --json top --once --sort loss; lines 3; json 'o["type"] == "peer" and "recent" in o'
order '10.0.0.3' '10.0.0.2'
run 0 --color=always top --once; out "$esc\\[33m0.3%$esc\\[0m"; out "$esc\\[32mup$esc\\[0m"
run 0 --color peers; out "$esc\\[32mup"
run 0 peers --color=never; not_out "$esc"
NO_COLOR=1; export NO_COLOR
run 0 --color=always peers; out "$esc\\[32mup"
run 0 --color=auto peers; not_out "$esc"
unset NO_COLOR

run 0 histogram; no_err; lines 26
out '^rxe0 -> 10.0.0.2 (host-b), mesh, port 57236: RTT$'
out '^2023-11-14 22:13:20Z to 2023-11-14 22:13:30Z (10 s), 1 window: 10 measured, 5 of 999 lost$'
out '^min 20.4 ms  p50 20.4 ms  p90 20.4 ms  p99 40.8 ms  p99.9 40.8 ms  max 40.8 ms$'
out '^    FROM     BELOW       COUNT   SHARE$'
out '^ *19.9 ms *21.0 ms *9 *90.0%  #*$'; out '^ *37.7 ms *39.8 ms *0 *0%$'
order '10.0.0.2' 'COUNT' ' 9  *90.0%  ####' ' 1  *10.0%  #' '10.0.0.3'
out '^Nothing was measured.$'
run 0 histogram 10.0.0.2 --rows 64; not_out '10.0.0.3'; out ' 9  *90.0%'
run 0 histogram HOST-B -m responder; out ': responder delay$'; out '^min 12.3 us'
run 0 histogram nowhere; lines 1
out '^No window of a target to "nowhere" has been closed yet, or there is none.$'
run 0 histogram --by flow 17; out ', service flow 17, port 57236: RTT$'
run 0 histogram --by device --metric prober rxe0; out '^rxe0: prober delay$'; out '^min 83.1 us'
run 0 --json histogram; lines 2; page path_histogram
json '(o["type"] == "histogram" and o["metric"] == "rtt" and o["windows"] == 1 and
	sum(r["count"] for r in o["rows"]) == o["count"] and
	all(a["high_ns"] + 1 == b["low_ns"] for a, b in zip(o["rows"], o["rows"][1:])) and
	(o["count"] == 0 or
	o["rows"][0]["low_ns"] <= o["min_ns"] == 20400000 <= o["rows"][0]["high_ns"] and
	o["rows"][-1]["low_ns"] <= o["max_ns"] <= o["rows"][-1]["high_ns"]))'
run 0 --json histogram nowhere; lines 0

what="narrow"
for c in 8 20 40 60 80 120 150; do
	for command in peers devices targets windows flows "flows --qps" "flows --by process" \
		matrix "top --once"; do
		# shellcheck disable=SC2086
		COLUMNS=$c "$ctl" -S "$sock" $command >"$dir/out" 2>"$dir/err" || bad "exit status"
		case $command in
		matrix)
			n=$(awk -v w="$c" 'NF && length($0) > w && !/^[a?]|^RTT/' "$dir/out" |
				wc -l)
			[ "$n" -eq 0 ] || bad "$c columns: $n lines are wider"
			continue ;;
		top*) sed -i 1d "$dir/out" ;;
		esac
		widest $c
		case $command in
		peers|top*) lines 4 ;;
		windows) lines 3 ;;
		flows) lines 6 ;;
		*qps) lines 73 ;;
		*by*) lines 5 ;;
		*) lines 2 ;;
		esac
	done
done
COLUMNS=40 "$ctl" -S "$sock" peers >"$dir/out" 2>"$dir/err"
out 'PEER'; out 'STATE'; out 'LOSS'; out 'RTT P50'; not_out 'DEVICE'; out '20.4 ms'

what="UTF-8"
if LC_ALL=C.UTF-8 locale charmap 2>/dev/null | grep -q UTF-8; then
	LC_ALL=C.UTF-8 "$ctl" -S "$sock" peers >"$dir/out" 2>"$dir/err"
	out "83.1 $(printf '\302\265')s"
	LC_ALL=C.UTF-8 "$ctl" -S "$sock" explain 10.0.0.2 >"$dir/out" 2>"$dir/err"
	out " ok    83.1 $(printf '\302\265')s T2"; aligned ' T2+'; aligned ' ago ok '
fi

FAKE_LOG=$dir/log
export FAKE_LOG
daemon good
run 0 ping -c 4 -i 0.25 -s 2000 --flow-label 0xabcde --tos 104 -W 1.5 --device rxe0 \
	--source 10.0.0.1 node7
if grep -q "^ping \[('count', 4), ('device', 'rxe0'), ('flow_label', 703710), \
('host', 'node7'), ('interval_ns', 250000000), ('size', 2000), ('source', '10.0.0.1'), \
('timeout_ns', 1500000000), ('traffic_class', 104)\]$" "$FAKE_LOG"
then ok; else bad "parameters: $(cat "$FAKE_LOG")"; fi
unset FAKE_LOG
out '^PING node7 (10.0.1.1) from rxe0: 50 bytes$'
out '^50 bytes from 10.0.1.1 (host-b): seq=0 rtt=1.234 ms prober=12.3 us responder=34.5 us '\
'port=57236 path=exact clock=sw$'
out '^seq=1 lost (500 ms)$'
out '^50 bytes from 10.0.1.1 (host-b): seq=2 rtt=612.346 ms .* clock=sw noise=responder late$'
out '^seq=3 local_error (port is down)$'
out '^--- node7 ping statistics ---$'; out '^5 sent, 3 answered, loss 33.3%$'
out '^1 left out because of host noise$'
out '^ok 2, lost 1, late 1, local_error 1$'
out '^rtt min/avg/p50/p99/max/mdev = 1.23 ms / 1.23 ms / 1.23 ms / 1.23 ms / 1.23 ms / 0 ns$'
out '^prober delay min/avg/max = 12.3 us / 12.3 us / 12.3 us$'
out '^responder delay min/avg/max = 34.5 us'; not_out 'seq=9'; no_err
run 0 ping -q -c 4 node7; not_out 'seq='; out '^5 sent'
run 0 --json ping -c 4 node7; lines 6
json 'o["type"] == "probe" and o["kind"] == "ping" and "class" in o or o["type"] == "ping_done" '\
'and o["sent"] == 5'

what="ping, Ctrl-C"
: >"$dir/log"
FAKE_LOG=$dir/log
export FAKE_LOG
daemon good
unset FAKE_LOG
"$ctl" -S "$sock" ping node7 >"$dir/out" 2>"$dir/err" & pid=$!
sleep 1; kill -TERM $pid; wait $pid; got=$?
if [ $got -eq 0 ]; then ok; else bad "exit status $got"; fi
out 'seq=5 '; out '^[0-9]* sent, [0-9]* answered, loss 0%$'; no_err
if grep -q "^ping_stop \[('ping', 77)\]$" "$dir/log"; then
	ok
else
	bad "the daemon was not told to stop"
fi

run 0 --json watch -c 4; lines 5
json 'o["type"] == "probe" and o["seq"] < 4 or o == {"type": "dropped", "count": 5}'
run 0 watch -c 2 -n 0.1; lines 6
out '^20[0-9-]*T[0-9:.]*Z 10.0.0.2 rxe0 up sent=100 loss=0% rtt_p50="20.400 ms" '\
'rtt_p99="31.000 ms" prober="0.083 ms" responder="0.012 ms"$'
what="events"
run 0 events -c 4; lines 5; no_err
out '^2023-11-14T22:13:20.123456Z create  rxe0 17 -> - RC python3(4711) job=slurm:12$'
out '^2023-11-14T22:13:20.123456Z rtr     rxe0 17 -> 42 RC python3(4711) 10.0.0.1 -> 10.0.0.2 '\
'port=57236 tos=104 sl=0 mtu=1024 job=slurm:12 flow=3$'
out '^[^ ]* rtr     rxe0 18 -> 42 RC \[nvme_rdma\] 10.0.0.1 -> 10.0.0.2 port=? tos=104 sl=0 '\
'mtu=1024 flow=3$'
order ' create ' ' rtr .* 17 ' '^20[0-9T:.-]*Z dropped 5 events are missing here' ' 18 ' ' destroy '
run 0 events --follow --count 2; lines 2
run 0 events -f --device rxe1 --count 1; lines 2; out ' destroy *rxe1 19 '; out dropped
run 0 events -p 4712 -c 1; out ' destroy *rxe1 19 '; not_out ' 17 '
run 0 --json events -c 4; lines 5
json 'o["type"] == "event" and o["event"] in ("create", "rtr", "destroy") or o == {"type": '\
'"dropped", "count": 5}'
rec=$dir/a.rec
run 0 record -k probe -c 4 "$rec"; out ': 4 probes, 0 windows, 0 events in .* bytes; 5 are missing'
no_err
what="mode of a recording"
if [ "$(stat -c %a "$rec")" = 600 ]; then ok; else bad "$(stat -c %a "$rec"), not 600"; fi
run 1 record "$rec"; one_err; err 'File exists; --force overwrites it'; lines 0
cp "$rec" "$dir/b.rec"
run 0 --json record -k probe -c 4 -f "$rec"; lines 1
json '(o["type"], o["records"], o["dropped"], o["kept"], o["reason"]) == ("recording", 4, 5, 5, '\
'"count")'
run 1 record /nonexistent/x; one_err; err 'No such file or directory'
run 0 --json watch -c 4
cp "$dir/out" "$dir/watched"
run 0 --json replay "$rec"; lines 5
sed 's/"time_ns":[0-9]*//' "$dir/out" >"$dir/replayed"
sed -i 's/"time_ns":[0-9]*//' "$dir/watched"
if cmp -s "$dir/watched" "$dir/replayed"; then ok; else bad "not what watch printed"; fi
run 0 replay "$rec"; lines 7; out '^# recorded on host-a (rpingmeshd 9.9) from 20'
out ' rxe0 10.0.1.1 (host-b) mesh seq=3 ok rtt="1.24 ms" prober="12.3 us" '\
'responder="34.5 us" size=50 port=57236$'
out 'Z dropped 5 records are missing here'
out '^# 4 probes, 0 windows, 0 events in .*, 5 missing, ended by: count$'
order '^# recorded' 'seq=2' 'dropped' 'seq=3' '^# 4'
run 0 replay -i "$rec"; lines 2; run 0 --json replay --info "$rec"; lines 2
sed -i 1d "$dir/out"; page recording_totals
json 'o["type"] == "recording" and o["version"] == 1 and o["kinds"] == ["probe"] or \
	(o["type"], o["probes"], o["missing"], o["reason"]) == ("recording_totals", 4, 5, "count")'
run 0 replay -f -s 1000 "$rec"; lines 7
# 16 MB that are one record with 16 million elements, and 16 MB of records.
what="memory of replay"
if "$python" - "$ctl" "$rec" "$dir/big.rec" >"$dir/out" 2>"$dir/err" <<-'END'; then ok
	import os, resource, subprocess, sys
	import msgpack
	ctl, good, big = sys.argv[1:]
	os.environ["ASAN_OPTIONS"] = "quarantine_size_mb=8:" + os.environ.get("ASAN_OPTIONS", "")
	with open(good, "rb") as f:
	    magic, header, *entries = msgpack.Unpacker(f)
	head = msgpack.packb(magic) + msgpack.packb(header)
	probe = msgpack.packb(next(e for e in entries if e[1] == "probe"))
	n = (1 << 24) - 100
	bodies = (b"\x93\x00\xa5probe\xdd" + n.to_bytes(4, "big") + b"\xc0" * n,
	          probe * ((1 << 24) // len(probe)))
	for body, status in zip(bodies, (1, 1)):
	    with open(big, "wb") as f:
	        f.write(head + body)
	    got = subprocess.run([*ctl.split(), "replay", "-i", big], capture_output=True)
	    kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
	    print(got.returncode, kib, "KiB", got.stderr.decode())
	    if got.returncode != status or kib > 100_000:
	        sys.exit(1)
END
else bad "it took more than 100 MB: $(cat "$dir/out" "$dir/err")"; fi
grep -q 'claims to be too long' "$dir/out" || bad "the long record is not refused"
grep -q 'the recording has no end' "$dir/out" || bad "the short records are not read"
what="replay -"
"$ctl" replay - <"$rec" >"$dir/out" 2>"$dir/err"; got=$?
if [ $got -eq 0 ]; then ok; else bad "exit status $got"; fi
lines 7
head -c 600 "$rec" >"$dir/cut.rec"
what="replay -f -, whose writer is gone"
run 1 --json replay --info "$dir/cut.rec"; out '"reason":null}$'; sed -i 1d "$dir/out"
page recording_totals
head -c 600 "$rec" | timeout 20 "$ctl" replay -f - >"$dir/out" 2>"$dir/err"; got=$?
if [ $got -eq 1 ]; then ok; else bad "exit status $got"; fi
run 1 replay "$dir/cut.rec"; one_err
err 'cut.rec: byte [0-9]*: the recording was cut within a record'; lines 3
printf '\301' >>"$rec"; run 0 replay "$rec"
"$ctl" -S "$sock" record -k probe -c 4 - >"$dir/c.rec" 2>"$dir/err"
run 0 replay "$dir/c.rec"; lines 7
{ head -c 600 "$rec"; printf '\301\301\301'; } >"$dir/bad.rec"
run 1 replay "$dir/bad.rec"; one_err; err 'bad.rec: byte [0-9]*: '
run 1 replay "$here/ctl_fake.py"; one_err; err 'byte 0: it does not begin like a recording'; lines 0
run 1 replay /dev/null; one_err; err 'it is empty'
run 1 replay "$dir"; one_err; err 'Is a directory'
run 1 replay "$dir/none"; one_err; err 'No such file'
run 0 record -f -d 0.3 "$rec"; run 0 replay "$rec"; out 'ended by: duration$'
run 0 record -f -c 13 "$rec"; out ': 6 probes, 3 windows, 4 events in'
run 0 replay "$rec"; out ' create  rxe0 17 '; out ' due=1000 '; out 'ended by: count$'
# Until all that the daemon has told is in the file, however slow the machine is.
recorded() {
	n=0
	until "$ctl" replay -i "$rec" 2>/dev/null | grep -q '^# 6 probes, 3 windows, 4 events' ||
			[ $n -ge 300 ]; do
		sleep 0.1; n=$((n + 1))
	done
}
what="record, Ctrl-C"
rm -f "$rec"
"$ctl" -S "$sock" record -f "$rec" >"$dir/out" 2>"$dir/err" & pid=$!
recorded; kill -INT $pid; wait $pid; got=$?
if [ $got -eq 0 ]; then ok; else bad "exit status $got"; fi
out ': 6 probes'; no_err
run 0 replay "$rec"; out 'ended by: stopped$'
what="record, nohup"
rm -f "$rec"
(trap '' HUP; exec "$ctl" -S "$sock" record -f "$rec") >"$dir/out" 2>"$dir/err" & pid=$!
recorded; kill -HUP $pid; sleep 0.3
if kill -0 $pid 2>/dev/null; then ok; else bad "ended by a SIGHUP that is ignored"; fi
kill -TERM $pid; wait $pid; got=$?
if [ $got -eq 0 ]; then ok; else bad "exit status $got"; fi
what="record, killed"
rm -f "$rec"
"$ctl" -S "$sock" record -f "$rec" >"$dir/out" 2>"$dir/err" & pid=$!
recorded; kill -KILL $pid; wait $pid
run 1 replay "$rec"; one_err; err 'the recording has no end'; out '^# 6 probes'
what="watch | head"
{ timeout 10 "$ctl" -S "$sock" watch -n 0.1; echo $? >"$dir/status"; } 2>"$dir/err" |
	head -1 >"$dir/out"
lines 1; no_err
if [ "$(cat "$dir/status")" = 141 ]; then ok; else bad "exit status $(cat "$dir/status")"; fi
what="full disk"
if [ -w /dev/full ]; then
	"$ctl" -S "$sock" peers >/dev/full 2>"$dir/err"
	if [ $? -eq 1 ]; then ok; else bad "exit status"; fi
	one_err
fi

daemon mesh
run 0 matrix; no_err; lines 9
out '^RTT p50 and loss, last 10 s$'; out '^10.0.0.2  a 20.4 ms 0%  *\.$'
out '^10.0.0.3  ? ? ?  *d 81.6 ms 2.0%$'; out '^10.0.0.4  \.  *down$'
out '^a below 28.8 ms   b from 28.8 ms   c from 40.8 ms   d from 57.7 ms$'
out '^? not known   \. not probed$'; not_out "$esc"
run 0 matrix -m loss; out '^10.0.0.3  ? ?  *c 2.0%$'
out '^a no loss   b below 1 %   c below 5 %   d more$'
run 0 matrix --metric prober; out '^10.0.0.2  a 83.1 us'
run 0 --color=always matrix; out "$esc\\[33md 81.6 ms 2.0%$esc\\[0m"; out "$esc\\[31mdown$esc\\[0m"
run 0 --json matrix; lines 4; page matrix_cell
json 'o["type"] == "matrix_cell" and o["rtt_p50_ns"] in (20400000, 81600000, None) and '\
'(o["state"] != "down" or o["lost_ratio"] is None)'
what="matrix, folded"
COLUMNS=32 "$ctl" -S "$sock" matrix >"$dir/out" 2>"$dir/err"
order 'rxe0' '^10.0.0.2' '^10.0.0.4' 'rxe1' '^10.0.0.3  d 81.6' '^10.0.0.4  down'; no_err
if LC_ALL=C.UTF-8 locale charmap 2>/dev/null | grep -q UTF-8; then
	LC_ALL=C.UTF-8 "$ctl" -S "$sock" matrix >"$dir/out" 2>"$dir/err"
	out '░ 20.4 ms 0%'; out '█ 81.6 ms 2.0%'
fi

daemon bad
run 1 status; out 'degraded *device rxe1 is down'; out 'degraded *tracing is off'
out '^  lossy *rxe0 -> 10.0.0.3 (host-c) port 57236: 5 of 3200 probes lost, since 3 min 5 s, '\
'last 1 min 1 s ago$'
out '^  noisy *2 paths; rpingmesh-ctl peers shows them$'; out '^  host_slow *1 path;'
not_out '^  slow'
out '^  lossy *- -> a?\[2J (hhh'; out '^  lossy *5 more paths$'
run 1 peers; out 'NOT OK'; out 'lost 3 down 12'; out ' 7  lossy '; out '^PEER .* NOISE  VERDICT '
out 'down .*SIDR request timed out$'
run 1 --json peers; lines 2; json 'True'
run 1 devices; out 'down'; out 'port is down'; not_out SOURCES; not_out SKIPPED; out ' - of 150 '
not_out SERVICES
run 0 targets; out 'Nothing is probed'
run 1 ping -c 2 node7; out '^seq=0 unresolved noise=prober (no answer)$'
out '^seq=1 unresolved (no answer)$'; out '^2 sent, 0 answered, loss not known$'
out '^unresolved 2$'; not_out rtt
run 0 watch -c 1; out '10.0.0.3 .* noise=7 verdict=lossy '

daemon slow
run 0 peers; out '  lossy 1 h 2 min ago, slow, host_slow  '
run 0 watch -c 1; out '10.0.0.3 .* verdict="lossy, slow, host_slow"'
daemon noisy
run 1 peers; out '  noisy  '

daemon fresh
run 0 status; out ', 9 MiB (at most 512 MiB)$'
run 0 peers; out '^No peers are configured'; lines 1
run 0 matrix; out '^No peers are configured'; lines 1
run 0 top --once; out '  0 peers, 0 up, 0 not; sorted by worst$'; lines 2
run 0 histogram; out '^No window of a target has been closed yet'; lines 1
run 0 windows; out '^No window of a target has been closed yet'; lines 1
run 0 windows --by device; out ' length changed$'
run 0 windows --by flow; out ' path changed$'

daemon nodevice
run 1 status; out 'tracing *off (not built)$'; not_out hooks; not_out dumps
run 1 devices; out 'No RDMA device'
run 1 devices --history; out 'No port has changed'
run 0 peers

daemon untraced
run 0 flows; one_err; err 'tracing is off, .*: BPF: permission denied: run as root$'
out '^No flows'; lines 1
run 0 --json flows; one_err; err 'tracing is off'; lines 0
run 0 events -c 1; one_err; err 'tracing is off, so no flow and no event is seen: BPF'; lines 1
daemon flood
rec=$dir/f.rec
run 0 record -k probe --max-size 100k "$rec"; out ': [0-9]* probes'
size=$(stat -c %s "$rec")
if [ "$size" -ge 102400 ] && [ "$size" -lt 110000 ]; then ok; else bad "a file of $size bytes"; fi
run 0 replay -i "$rec"; out 'ended by: size$'
what="record, full disk"
(ulimit -f 64; "$ctl" -S "$sock" record -k probe -f "$rec") >"$dir/out" 2>"$dir/err"; got=$?
if [ $got -eq 1 ]; then ok; else bad "exit status $got"; fi
one_err; err 'f.rec: the recording has ended, and all its records are complete: '
out '; the file contains the first [0-9]* records$'
n=$(sed -n 's/.*contains the first \([0-9]*\) records$/\1/p' "$dir/out")
"$ctl" --json replay "$rec" >"$dir/out" 2>/dev/null
what="record, full disk: $n records"; lines "$n"
what="record - >>FILE, full disk"
head -c 32000 /dev/zero | tr '\0' x >"$rec"
(ulimit -f 64; "$ctl" -S "$sock" record -k probe - >>"$rec") >"$dir/out" 2>"$dir/err"; got=$?
if [ $got -eq 1 ] && [ "$(head -c 32000 "$rec" | tr -d x | wc -c)" -eq 0 ] &&
		[ "$(stat -c %s "$rec")" -gt 32000 ]; then
	ok
else
	bad "what was there before is gone"
fi
if [ "$(id -u)" = 0 ] && mkdir "$dir/small" &&
		mount -t tmpfs -o size=256k none "$dir/small" 2>/dev/null; then
	run 1 record -k probe "$dir/small/x.rec"; one_err; err 'No space left on device'
	"$ctl" replay "$dir/small/x.rec" >"$dir/out" 2>"$dir/err"; got=$?
	case $got in
	0) out 'ended by: disk$' ;;
	1) err 'has no end' ;;
	*) bad "exit status $got" ;;
	esac
	not_err 'damaged'
	umount "$dir/small"
fi
daemon goes
run 3 record "$dir/g.rec"; err 'closed the connection'; out '2 events'
run 0 replay "$dir/g.rec"; out 'ended by: daemon$'
run 3 events; one_err; err 'closed the connection'; lines 2
run 0 events -c 2; no_err
daemon ending # nobody waits for more of what has ended
run 0 histogram -c 3; out ' 3 windows: 30 measured'; out ' 1 window: 10 measured'
daemon stays
for signal in INT TERM; do
	what="events, SIG$signal"
	: >"$dir/out"
	"$ctl" -S "$sock" events >"$dir/out" 2>"$dir/err" & pid=$!
	n=0
	while [ ! -s "$dir/out" ] && [ $n -lt 200 ]; do sleep 0.05; n=$((n + 1)); done
	kill -$signal $pid; wait $pid; got=$?
	if [ $got -eq 0 ]; then ok; else bad "exit status $got"; fi
	lines 1; no_err
done
daemon degraded
run 0 flows; one_err; err 'tracing is degraded, .* missing: ring full$'; lines 2
run 0 status; out '^  hooks *-$'; out '^  dumps *-$'
daemon manyflows
run 0 flows; lines 1001; no_err
order ' python3(1000) ' ' python3(999) ' ' python3(2) ' ' python3(1) '
out ' PATH  *HOPS  *LOSS '; out ' python3(1000) .* leaf1 > ? > 192.0.2.3  *100% '
run 0 --json flows; lines 1000; json 'o["id"] % 3 == 0'
run 0 flows --by process; lines 1001; order '^python3(1000)  *1  *2  *1  *100%' '^python3(1)  *1 '
run 0 flows --by remote; lines 2; out '^10.0.0.2  *host-b  *1000  *2000  *1000  *50.0%'
daemon manytargets
run 0 targets; lines 10001; no_err; out '^p0 '; out '^p9999 '
for scenario in endless circle emptypage; do
	daemon $scenario
	run 3 flows; one_err; err '"flows" never ends'; lines 0
	[ $scenario != endless ] || { run 3 windows; one_err; err '"windows" never ends'; lines 0; }
done
daemon nextword
run 3 flows; one_err; err 'is not a list of flows'
run 3 windows; one_err; err 'is not a list of windows'

daemon refuses
run 1 peers; one_err; err 'size: expected? 50 to 4096 bytes'; lines 0
run 1 ping -c 1 node7; one_err; err 'ping: node7: no address for that name'

daemon old
for args in "explain x" "path x" "config show" "config reload" log-level status devices \
	acknowledge peers targets flows events windows "windows -f" "ping x" watch "--json watch" \
	top matrix histogram "histogram -c 2"; do
	# shellcheck disable=SC2086
	run 3 $args; one_err; err 'older than this program'; lines 0
done

daemon schema
for args in status "--json watch" "ping -q x" "record -f $dir/d.rec" events windows "windows -f" \
	"top -n 2" histogram "histogram -c 2"; do
	# shellcheck disable=SC2086
	run 3 $args; one_err; err 'schema 0, this program needs 1'
done

daemon dies
for args in status peers flows events windows "windows -f" "ping -q x" "--json watch" \
	"watch -n 0.1" "record -f $dir/d.rec" top "top --once" matrix \
	histogram "histogram -c 3"; do
	# shellcheck disable=SC2086
	run 3 $args; one_err; err 'closed the connection'
done

daemon leaves # before or after we have asked: either must be said, not die of SIGPIPE
for n in 1 2 3 4 5 6 7 8; do run 3 status; one_err; err 'closed the connection'; done

for scenario in garbage huge; do
	daemon $scenario
	for args in status peers flows "ping -q x" "--json watch"; do
		# shellcheck disable=SC2086
		run 3 $args; one_err; err 'does not speak MessagePack-RPC'
	done
done

daemon wrong
for args in status devices peers targets flows windows watch top matrix histogram "config show"; do
	# shellcheck disable=SC2086
	run 3 $args; one_err; err 'does not fit this program'
done

daemon junk
run 0 status; out 'tracing *?* (??*'; not_out "$esc"; run 0 --json status; json 'True'
run 1 peers; run 1 --json peers
for args in peers devices targets; do
	"$ctl" -S "$sock" $args >"$dir/out" 2>"$dir/err"
	what=$args
	not_out "$esc"; no_err
	if [ $args = devices ]; then lines 10; else lines 8; fi
done
for args in "devices --history" "devices --counters" "devices --counters -a"; do
	# shellcheck disable=SC2086
	run 0 $args; not_out "$esc"; no_err
done
run 0 devices; run 0 --json devices; run 0 --json targets
for args in flows "flows --qps" "flows --by job" "flows --by process" "flows --by remote" \
	"--json flows" "--json flows --by job"; do
	# shellcheck disable=SC2086
	run 0 $args; not_out "$esc"; one_err; out ...
done
for c in 8 40 80 200; do
	what="flows, $c columns"
	COLUMNS=$c "$ctl" -S "$sock" flows >"$dir/out" 2>"$dir/err" || bad "exit status"
	widest $c; lines 12
done
run 0 windows; not_out "$esc"; lines 13
run 0 --json windows; not_out "$esc"
run 0 windows -f -c 12; not_out "$esc"
run 0 --json windows -f -c 12; not_out "$esc"
run 0 events -c 12; not_out "$esc"; out 'a?\[2J??(?)'
run 0 --json events -c 12; not_out "$esc"
for args in "explain x" "path x" "config show" "config reload" log-level "log-level info"; do
	# shellcheck disable=SC2086
	run 0 $args; not_out "$esc"; no_err
	# shellcheck disable=SC2086
	run 0 --json $args; not_out "$esc"; no_err
done
for args in "top --once" "top -t --once" "top -n 2 -d 0.1" "--json top --once" matrix \
	"matrix -m loss" "--json matrix" histogram "histogram -m prober" "--json histogram" \
	"windows -f -s -c 12"; do
	# shellcheck disable=SC2086
	run 0 $args; not_out "$esc"; no_err
done
for sort in worst rtt p99 loss prober responder name; do
	run 0 top --once --sort $sort; lines 9
done
run 0 watch -c 1
run 0 --json watch -c 5
run 1 ping x; not_out "$esc"

daemon hangs
run 3 status; one_err; err 'has not answered "status" for 5 s'

daemon flood
run 0 --json watch -c 100000; lines 100000
run 0 events -c 100000; lines 100000
run 0 windows -f -c 100000; lines 100000
what="events | head"
{ timeout 10 "$ctl" -S "$sock" events; echo $? >"$dir/status"; } 2>"$dir/err" | head -1 >"$dir/out"
lines 1; no_err
if [ "$(cat "$dir/status")" = 141 ]; then ok; else bad "exit status $(cat "$dir/status")"; fi

pty() {
	what="terminal: $*"
	timeout 90 "$python" "$here/ctl_pty.py" "$@" >"$dir/out" 2>"$dir/err"
	got=$?
}
# What a screen gives back, last: the cursor, the screen before, and the modes.
given_back() {
	if tail -n 3 "$dir/out" | grep -q "$esc\\[?25h$esc\\[?1049l"; then
		ok
	else
		bad "cursor and screen are not given back last"
	fi
	if tail -n 1 "$dir/out" | grep -q '^\[modes kept\]'; then
		ok
	else
		bad "the terminal's modes are changed"
	fi
}
top() {
	size=$1
	shift
	# shellcheck disable=SC2086
	pty $size "$1" "$ctl" -S "$sock" top -d 0.2
	if [ $got -eq 0 ]; then ok; else bad "exit status $got"; fi
	given_back
}
daemon many
top "20 60" "see:rows 1-16,int"
out "$esc\\[?25l"; out "200 peers, 199 up, 1 not"; out "rows 1-16 of 200"
out "$esc\\[31mdown$esc\\[0m"
top "20 60" "see:200 peers,term"
top "20 60" "see:rows 1-16,key:q"
# fits ROWS COLUMNS: whatever was drawn lies on the screen.
fits() {
	if "$python" -c 'import re, sys, unicodedata
rows, columns = map(int, sys.argv[1:])
text = sys.stdin.buffer.read().decode().split("\033[?1049l")[0]
frames = [re.sub(r"\033\[[0-9;?]*[A-Za-z]", "", f).replace("\r", "").split("\n")
          for f in text.split("\033[H")[1:]]
wide = lambda line: sum(0 if unicodedata.combining(c) else
                        2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)
assert frames
for f in frames:
    assert len(f) <= rows and all(wide(line) <= columns for line in f), frames[-1]' "$1" "$2" \
		<"$dir/out" 2>"$dir/err"
	then ok; else bad "what is drawn does not fit $1 x $2"; fi
}
# Sizes: as many rows and columns as there are.
top "20 30" "see:rows 1-16,40x100,see:rows 1-36,10x40,see:rows 1-6,key:q"
out RESPONDER
top "5 40" "see:rows 1-1 of,key:?,0.5,key:x,key:/abc,see:filter: abc_,key:\\n,key:q"; fits 5 40
top "12 20" "see:200 peers,key:q"; fits 12 20
top "3 40" "see:200 peers,5x40,see:rows 1-1 of,1x40,see:200 peers,key:q"; fits 5 40
top "1 10" "see:200 peers,key:q"; fits 1 10
# Erasing the rest of a line that is full would erase its last character.
if grep -q "$esc\\[K$(printf '\r')" "$dir/out"; then
	bad "a line is erased behind its text"
else
	ok
fi
top "50 250" "see:rows 1-46,see:t targets,key:q"; fits 50 250
# Keys: the column, reverse, scrolling, the filter, pause, targets, help.
top "12 100" "see:sorted by worst,key:n,see:sorted by name,key:R,see:reverse,key:>,see:sorted by \
worst,key:<,see:sorted by name,key:p,see:by p99,key:q"
for key in w:worst r:rtt p:p99 l:loss b:prober d:responder n:name; do
	top "12 100" "see:200 peers,key:${key%%:*},see:sorted by ${key##*:},key:q"
done
top "12 100" "see:rows 1-8 of 200,key:\\033[B,see:rows 2-9,key:\\033[6~,see:rows 10-17,\
key:\\033[F,see:rows 193-200,key:\\033[5~,see:rows 185-192,key:kj\\033[A,see:rows 184-191,\
key:\\033OH,see:rows 1-8,key:q"
top "12 100" "see:200 peers,key:/0.15,see:filter: 0.15_,key:x\\010,see:filter: 0.15_,key:\\n,\
see:: 11 of 200,key:/\\033,see:rows 1-8 of 200,key:q"
out '10.0.0.150'
top "12 100" "see:200 peers,key: ,see:PAUSED,key: ,see:200 peers,key:t,see:1 target;,see:57236,\
key:t,see:200 peers,key:?,see:arrows,key:x,see:q quit,key:q"
top "12 100" "see:200 peers,key:hq" # q leaves the help, too
# Suspended: the terminal is the shell's meanwhile.
top "12 100" "see:200 peers,susp,see:200 peers,key:q"
if [ "$(grep -c '^\[stopped\]' "$dir/out")" -eq 1 ] &&
		[ "$(grep -c '^\[modes kept\]' "$dir/out")" -eq 2 ]; then
	ok
else
	bad "suspended"
fi
# Colours.
pty 20 60 see:200,int env NO_COLOR=1 "$ctl" -S "$sock" top -d 0.2
not_out "$esc\\[3[123]m"; out 200
pty 20 60 see:200,int env NO_COLOR= "$ctl" -S "$sock" top -d 0.2
out "$esc\\[32m"
pty 20 60 see:200,int "$ctl" -S "$sock" --color=never top
not_out "$esc\\[3[123]m"
pty 20 60 see:200,see:200,int env TERM=dumb "$ctl" -S "$sock" top -d 0.2
not_out "$esc"; out '^20[0-9T:-]*Z  200 peers'
if [ $got -eq 0 ]; then ok; else bad "exit status $got"; fi
pty 20 60 1 "$ctl" -S "$sock" top --once
not_out "$esc\\[?25l"; out '200 peers'
daemon trends
top "20 160" "see:_.:?+*#,see:__.?=#_,key:q"; fits 20 160
if LC_ALL=C.UTF-8 locale charmap 2>/dev/null | grep -q UTF-8; then
	LC_ALL=C.UTF-8; export LC_ALL
	top "20 100" "see:▁,key:q"; fits 20 100
	LC_ALL=C; export LC_ALL
fi
# The daemon dies, and comes back.
daemon many
cat >"$dir/restart" <<RESTART
kill -KILL $fake
sleep 1.5
rm -f "$sock"
echo \$\$ >"$dir/restarted"
exec "$python" "$here/ctl_fake.py" "$sock" many
RESTART
top "20 120" "see:200 peers,do:$dir/restart,see:No daemon since,see:no rpingmeshd listens,\
see:LOSS and times,key:q"
out 'No daemon since [0-9:]*, figures are of'
fake=$(cat "$dir/restarted")
# A daemon that hangs: a signal ends us all the same.
daemon good
run 2 explain "$(head -c 100000 /dev/zero | tr '\0' x)"; one_err
err 'explain: an argument is too long'
# Descriptors that are closed do not become those of the socket.
what="standard output closed"
"$ctl" -S "$sock" status >&- 2>"$dir/err"; got=$?
if [ $got -eq 1 ]; then ok; else bad "exit status $got"; fi
one_err; err 'cannot write the output: Bad file descriptor'
what="standard input closed"
"$ctl" replay - <&- 2>"$dir/err"; got=$?
if [ $got -eq 1 ]; then ok; else bad "exit status $got"; fi
one_err; err 'Bad file descriptor'
what="all closed"
"$ctl" -S "$sock" record -f -c 4 -k probe "$dir/closed.rec" <&- >&- 2>&-; got=$?
if [ $got -eq 1 ]; then ok; else bad "exit status $got"; fi
run 0 replay "$dir/closed.rec"; out '^# 4 probes'
what="watch, stopped for a while"
"$ctl" -S "$sock" watch -n 0.1 >"$dir/out" 2>"$dir/err" & pid=$!
sleep 1; kill -STOP $pid; sleep 3; n=$(wc -l <"$dir/out"); kill -CONT $pid; sleep 0.2
kill -TERM $pid; wait $pid
n=$((($(wc -l <"$dir/out") - n) / 3)) # peers
if [ $n -le 20 ]; then ok; else bad "$n updates at once"; fi
daemon stalls
top "20 80" "see:200 peers,1,int"
# Keys do all that needs no daemon, long before it is given up.
top "20 80" "see:200 peers,0.5,key:n,see:sorted by name,susp,key:?,see:arrows,key:q,key:q"
not_out 'No daemon since'
if [ "$(grep -c '^\[stopped\]' "$dir/out")" -eq 1 ] &&
		[ "$(grep -c '^\[modes kept\]' "$dir/out")" -eq 2 ]; then
	ok
else
	bad "suspended"
fi
# A terminal that hangs up, where nohup(1) keeps SIGHUP away.
what="top, its terminal hangs up"
"$python" -c 'import os, pty, signal, sys, time
signal.signal(signal.SIGHUP, signal.SIG_IGN)
pid, fd = pty.fork()
if pid == 0:
    os.environ["TERM"] = "xterm"
    os.execvp(sys.argv[1], sys.argv[1:])
seen = b""
while b"200 peers" not in seen:
    seen += os.read(fd, 65536)
os.close(fd)
for _ in range(100):
    if os.waitpid(pid, os.WNOHANG) != (0, 0):
        sys.exit(0)
    time.sleep(0.1)
os.kill(pid, signal.SIGKILL)
sys.exit("it goes on")' "$ctl" -S "$sock" top -d 0.2 >"$dir/out" 2>"$dir/err"
got=$?
if [ $got -eq 0 ]; then ok; else bad "it goes on without a terminal"; fi
daemon good
pty 20 80 0.8,int "$ctl" -S "$sock" ping node7
out '\^C'; out '^[0-9]* sent,'
if [ $got -eq 0 ]; then ok; else bad "exit status $got"; fi
daemon hangs
pty 20 80 0.8,int,0.3,int "$ctl" -S "$sock" ping node7
if [ $got -eq 130 ]; then ok; else bad "exit status $got, not 130"; fi

echo "ctl_cli: $passed passed, $failed failed"
[ $failed -eq 0 ]
