#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# src/hops on a fabric of namespaces: host a, leaf la, spines s1 and s2, leaf lb, host b, each with
# IPv4 and IPv6, and the kernel's own multipath. What is right is told by the spines' counters under
# datagrams of another program (hops_load.py), by nstat, and by what was set up here.
set -u
# shellcheck disable=SC2317 # bash calls it
command_not_found_handle() { echo "FAIL: no command $1"; kill -TERM $$; }
src=$(cd "${top_srcdir:-.}" && pwd)
build=$(cd "${top_builddir:-.}" && pwd)
PATH=$PATH:/usr/sbin:/sbin
if [ "${1:-}" != inside ]; then
	for program in /usr/bin/python3 ip ping setpriv sysctl; do
		command -v "$program" >/dev/null || {
			echo "$program is missing: contrib/setup installs it"; exit 77
		}
	done
	root=()
	[ "$(id -u)" = 0 ] || root=(-r)
	unshare "${root[@]}" -mn true 2>/dev/null || { echo "no namespaces of its own"; exit 77; }
	exec unshare "${root[@]}" -mn --kill-child -pf bash "$0" inside
fi

if ! mount -t tmpfs none /run || ! mount -t proc proc /proc; then
	echo "no /run of its own"
	exit 77
fi
mkdir -p /run/netns
ip link add name probe0 type veth peer name probe1 2>/dev/null || {
	echo "this kernel has no veth"; exit 77
}
ip link delete probe0
work=$(mktemp -d /run/hops.XXXXXX)
status=0

in_ns() { ip netns exec "$@"; }

# link A B NET: interfaces A-B and B-A, .1 and .2 of 10.NET.0.0/24, ::1 and ::2 of fd00:NET::/64.
link() {
	ip link add "$1-$2" netns "$1" type veth peer name "$2-$1" netns "$2"
	ip -n "$1" addr add "10.$3.0.1/24" dev "$1-$2"
	ip -n "$2" addr add "10.$3.0.2/24" dev "$2-$1"
	ip -n "$1" addr add "fd00:$3::1/64" dev "$1-$2" nodad
	ip -n "$2" addr add "fd00:$3::2/64" dev "$2-$1" nodad
	ip -n "$1" link set "$1-$2" up
	ip -n "$2" link set "$2-$1" up
}

for ns in a la s1 s2 lb b; do
	ip netns add $ns || { echo "no network namespaces"; exit 77; }
	ip -n $ns link set lo up
	in_ns $ns sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
		net.ipv4.fib_multipath_hash_policy=1 net.ipv6.fib_multipath_hash_policy=1 \
		net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0 \
		net.ipv4.icmp_errors_use_inbound_ifaddr=1 || exit 77
done
link a la 1
link la s1 2
link la s2 3
link s1 lb 4
link s2 lb 5
link lb b 6
ip -n a route add default via 10.1.0.2
ip -n a -6 route add default via fd00:1::2
ip -n b route add default via 10.6.0.1
ip -n b -6 route add default via fd00:6::1
# Everything towards b, and back.
two_ways() {
	ip -n la route replace 10.6.0.0/24 nexthop via 10.2.0.2 nexthop via 10.3.0.2
	ip -n la -6 route replace fd00:6::/64 nexthop via fd00:2::2 nexthop via fd00:3::2
}
two_ways
ip -n lb route add 10.1.0.0/24 nexthop via 10.4.0.1 nexthop via 10.5.0.1
ip -n lb -6 route add fd00:1::/64 nexthop via fd00:4::1 nexthop via fd00:5::1
ip -n s1 route add 10.6.0.0/24 via 10.4.0.2
ip -n s2 route add 10.6.0.0/24 via 10.5.0.2
ip -n s1 route add 10.1.0.0/24 via 10.2.0.1
ip -n s2 route add 10.1.0.0/24 via 10.3.0.1
ip -n s1 -6 route add fd00:6::/64 via fd00:4::2
ip -n s2 -6 route add fd00:6::/64 via fd00:5::2
ip -n s1 -6 route add fd00:1::/64 via fd00:2::1
ip -n s2 -6 route add fd00:1::/64 via fd00:3::1

result() {
	if [ "$2" = "$3" ]; then
		echo "ok - $1"
	else
		printf 'not ok - %s\nexpected:\n%s\nis:\n%s\n' "$1" "$3" "$2"
		status=1
	fi
}

# trace NS OPTION... SOURCE DESTINATION ROUTERS PORT...: without capabilities; high rates, lest a
# test waits.
trace() {
	local ns=$1
	shift
	# shellcheck disable=SC2086 # options are words
	timeout 300 ip netns exec "$ns" ${powerless:-} "$build/tests/cli/hops_ask" \
		-r "${rate:-20000}" -s "${switch_rate:-20000}" "$@"
}
powerless=
# root without capabilities: nobody may be kept out of the build directory.
[ "$(id -u)" != 0 ] || powerless="setpriv --bounding-set=-all --inh-caps=-all"

received() { in_ns "$1" cat "/sys/class/net/$2/statistics/rx_packets" 2>/dev/null; }

ports=$(seq 50000 50019)

# Which spine names itself so, as seen from la.
spine_of() {
	case $1 in
	10.2.0.2 | fd00:2::2) echo s1 ;;
	10.3.0.2 | fd00:3::2) echo s2 ;;
	*) echo "$1" ;;
	esac
}

# spines_by_trace OPTION... SOURCE DESTINATION: "PORT SPINE" of each.
spines_by_trace() {
	local port end shape sent first second last
	# shellcheck disable=SC2086
	trace a "$@" 3 $ports | sort -n | while read -r port end shape sent first second last; do
		case "$end $shape $first $last" in
		"reached stable 10.1.0.2 10."[45].0.2 | \
			"reached stable fd00:1::2 fd00:"[45]::2) ;;
		*) echo "$port $end $shape $sent $first $last:" ;;
		esac
		echo "$port $(spine_of "$second")"
	done
}

# spines_by_counter SOURCE DESTINATION [LABEL]: five datagrams of each port, and who has got them.
spines_by_counter() {
	local port before1 before2
	for port in $ports; do
		before1=$(received s1 s1-la)
		before2=$(received s2 s2-la)
		in_ns a /usr/bin/python3 -B "$src/tests/cli/hops_load.py" "$1" "$2" "$port" \
			"${3:-0}"
		for _ in $(seq 100); do
			[ $(($(received s1 s1-la) + $(received s2 s2-la))) -ge \
				$((before1 + before2 + 20)) ] && break
			sleep 0.05
		done
		if [ $(($(received s1 s1-la) - before1)) -ge 20 ]; then
			echo "$port s1"
		elif [ $(($(received s2 s2-la) - before2)) -ge 20 ]; then
			echo "$port s2"
		else
			echo "$port ?"
		fi
	done
}

# Neighbours are resolved first, so that nothing is lost.
in_ns a ping -c 2 -q 10.6.0.2 >/dev/null
in_ns a ping -c 2 -q fd00:6::2 >/dev/null
for s in 1 2; do
	in_ns s$s ping -c 1 -q 10.1.0.1 >/dev/null
	in_ns s$s ping -c 1 -q 10.6.0.2 >/dev/null
	in_ns s$s ping -c 1 -q fd00:1::1 >/dev/null
	in_ns s$s ping -c 1 -q fd00:6::2 >/dev/null
done

# Datagrams that have come to b, where nobody listens.
arrived() {
	# shellcheck disable=SC2016 # awk expands it
	in_ns b awk '$1 == "Udp:" && $3 ~ /[0-9]/ { s += $3 } $1 == "Udp6NoPorts" { s += $2 }
		END { print s + 0 }' /proc/net/snmp /proc/net/snmp6
}

before=$(arrived)
v4=$(spines_by_trace 10.1.0.1 10.6.0.2)
v6=$(spines_by_trace fd00:1::1 fd00:6::2)
label=$(spines_by_trace -l 0x12345 fd00:1::1 fd00:6::2)
result "nothing arrives at the destination" "$(arrived)" "$before"
result "IPv4: the spine is the one whose counter rises" "$v4" \
	"$(spines_by_counter 10.1.0.1 10.6.0.2)"
result "what arrives is counted" "$(arrived)" $((before + 400))
result "IPv6: the spine is the one whose counter rises" "$v6" \
	"$(spines_by_counter fd00:1::1 fd00:6::2)"
result "IPv6 with a flow label" "$label" "$(spines_by_counter fd00:1::1 fd00:6::2 0x12345)"
result "both spines carry some" "$(cut -d' ' -f2 <<<"$v4" | sort -u | paste -sd' ')" "s1 s2"

# A port of each spine, by what was just counted.
p1=$(awk '$2 == "s1" { print $1; exit }' <<<"$v4")
p2=$(awk '$2 == "s2" { print $1; exit }' <<<"$v4")
path() { trace a "$@" | sort -n | cut -d' ' -f1-3,5-; }
both() { printf '%s\n' "$@" | sort -n; }

# Its own packets only; what it forwards passes.
ip -n s1 rule add iif lo to 10.1.0.0/24 blackhole
result "a spine that answers no ICMP" "$(path 10.1.0.1 10.6.0.2 3 "$p1")" \
	"$p1 reached stable 10.1.0.2 - 10.4.0.2"
ip -n s1 rule del iif lo to 10.1.0.0/24 blackhole

in_ns s1 sysctl -qw net.ipv4.icmp_errors_use_inbound_ifaddr=0
ip -n s1 addr add 10.9.9.1/32 dev lo
ip -n s1 route replace 10.1.0.0/24 via 10.2.0.1 src 10.9.9.1
result "a spine that answers from another address" "$(path 10.1.0.1 10.6.0.2 3 "$p1")" \
	"$p1 reached stable 10.1.0.2 10.9.9.1 10.4.0.2"
ip -n s1 route replace 10.1.0.0/24 via 10.2.0.1

# Linux looks for the route before it looks at the TTL.
ip -n s1 route replace blackhole 10.6.0.0/24
result "a spine that swallows all" "$(path 10.1.0.1 10.6.0.2 3 "$p1" "$p2")" \
	"$(both "$p1 open stable 10.1.0.2 - -" \
		"$p2 reached stable 10.1.0.2 10.3.0.2 10.5.0.2")"
ip -n s1 route replace prohibit 10.6.0.0/24
result "a spine that refuses, and says so" "$(path 10.1.0.1 10.6.0.2 3 "$p1")" \
	"$p1 open stable 10.1.0.2 10.2.0.2"
ip -n s1 route replace 10.6.0.0/24 via 10.4.0.2

ip -n la route replace 10.6.0.0/24 via 10.3.0.2
result "a route withdrawn moves the tuples" "$(path 10.1.0.1 10.6.0.2 3 "$p1" "$p2")" \
	"$(both "$p1 reached stable 10.1.0.2 10.3.0.2 10.5.0.2" \
		"$p2 reached stable 10.1.0.2 10.3.0.2 10.5.0.2")"
two_ways

# As Linux is by default: six answers at once, then one a second, from each router.
for ns in la s1 s2 lb; do in_ns $ns sysctl -qw net.ipv4.icmp_ratelimit=1000; done
# shellcheck disable=SC2086 # ports are words
result "routers that limit their answers: none is missed" \
	"$(rate=50 switch_rate=1 trace a 10.1.0.1 10.6.0.2 3 $ports |
		grep -c ' reached stable .* 10[^-]*$')" 20
for ns in la s1 s2 lb; do in_ns $ns sysctl -qw net.ipv4.icmp_ratelimit=0; done

result "two traces of one tuple at once" "$(path 10.1.0.1 10.6.0.2 3 "$p1" "$p1")" \
	"$(both "$p1 reached stable 10.1.0.2 10.2.0.2 10.4.0.2" \
		"$p1 reached stable 10.1.0.2 10.2.0.2 10.4.0.2")"

ip netns exec a /usr/bin/python3 -c '
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.1.0.1", int(sys.argv[1])))
print(flush=True)
time.sleep(600)' "$p1" >"$work/bound" &
for _ in $(seq 200); do [ -s "$work/bound" ] && break; sleep 0.05; done
result "a source port in use" "$(trace a 10.1.0.1 10.6.0.2 3 "$p1")" \
	"$p1 error another process uses the source port"
kill $!
wait $! 2>/dev/null
result "an address of somebody else" "$(trace a 10.66.0.1 10.6.0.2 3 "$p1")" \
	"$p1 error the source address is not this host's"
ip -n a route del default via 10.1.0.2
result "no route" "$(trace a 10.1.0.1 10.6.0.2 3 "$p1")" \
	"$p1 error no route to the destination"
exit $status
