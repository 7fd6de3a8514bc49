# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Sourced by tests/vm/selftest: tests/vm/fabric, from inside.

# with_server SERVER... -- CLIENT...: the client is tried again while the server may still be
# starting.
with_server() {
	local -a server=()
	local pid result=1
	while [ "$1" != -- ]; do server+=("$1") && shift; done
	shift
	timeout 60 "${server[@]}" >/tmp/server.log 2>&1 &
	pid=$!
	sleep 1
	timeout 20 "$@" >/tmp/client.log 2>&1 && result=0
	kill $pid 2>/dev/null
	wait $pid 2>/dev/null
	[ $result -eq 0 ] || sed 's/^/#   /' /tmp/client.log
	return $result
}

udaddy_between() {
	local from to
	from=$("$fabric" addr "$1" "$3") to=$("$fabric" addr "$2" "$3")
	with_server udaddy -b "$to" -- udaddy -s "$to" -b "$from"
}

rping_between() {
	local from to
	from=$("$fabric" addr "$1" "$3") to=$("$fabric" addr "$2" "$3")
	with_server rping -s -a "$to" -C 5 -- rping -c -a "$to" -I "$from" -C 5
}

pingpong_between() {
	with_server ibv_rc_pingpong -d "rxe$2" -g "$("$fabric" gid "$2")" -m 4096 -n "$3" -- \
		ibv_rc_pingpong -d "rxe$1" -g "$("$fabric" gid "$1")" -m 4096 -n "$3" localhost
}

# pingpong_time FROM TO: microseconds for one iteration.
pingpong_time() {
	pingpong_between "$1" "$2" 10 &&
		sed -n 's|.* = \([0-9]*\)\.[0-9]* usec/iter.*|\1|p' /tmp/client.log
}

packets() { tcpdump --count -nr "$1" 2>/dev/null | sed 's/ packet.*//'; }

guest_wire() {
	local family to
	for family in 4 6; do
		for to in 1 2; do
			"$fabric" capture "$to" /tmp/wire.pcap
			check "udaddy, IPv$family, host 0 to $to" udaddy_between 0 "$to" "$family"
			check "rping, IPv$family, host 0 to $to" rping_between 0 "$to" "$family"
			"$fabric" capture-stop "$to"
			check "packets on host $to's wire: $(packets /tmp/wire.pcap)" test \
				"$(packets /tmp/wire.pcap)" -ge 20
		done
	done
	check "ibv_rc_pingpong with an MTU of 4096" pingpong_between 0 1 20
}

guest_impairments() {
	local direction
	for direction in out in; do
		"$fabric" delay 1 100 "$direction"
		check "delay of 100 ms $direction seen by RDMA: $(pingpong_time 0 1) us" test \
			"$(pingpong_time 0 1)" -ge 100000
		check "host 2 is not delayed" test "$(pingpong_time 0 2)" -lt 100000
		"$fabric" delay 1 0 "$direction"
	done
	check "delay removed" test "$(pingpong_time 0 1)" -lt 100000
	"$fabric" loss 2 100 in
	check "loss of 100 %" not udaddy_between 0 2 4
	"$fabric" loss 2 0 in
	check "loss removed" udaddy_between 0 2 4
	"$fabric" delay 1 20 && "$fabric" loss 1 5 && "$fabric" netem 1 duplicate 1%
	check "show" contains <("$fabric" show) "delay 20ms loss 5% duplicate 1%"
	check "nonsense is refused" not "$fabric" netem 1 frobnicate
	"$fabric" delay 1 0 && "$fabric" loss 1 0
	check "all removed" contains_not <("$fabric" show) duplicate
}

not() { ! "$@" >/dev/null 2>&1; }

guest_links() {
	local how before
	for how in admin cable; do
		before=$("$fabric" gid 1 4)/$("$fabric" gid 1 6)
		"$fabric" down 1 "$how"
		check "down ($how): no traffic" not ping -c 1 -W 1 -I 10.0.0.1 10.0.1.1
		"$fabric" link-up 1
		check "up again ($how): IPv4" udaddy_between 0 1 4
		check "up again ($how): IPv6" udaddy_between 0 1 6
		equal "up again ($how): same GID indices" "$before" \
			"$("$fabric" gid 1 4)/$("$fabric" gid 1 6)"
	done
	"$fabric" mtu 1 1500
	check "a smaller MTU" contains <(ibv_devinfo -d rxe1) "active_mtu:		1024"
}

test_fabric() {
	"$here/run" --sudo --kernel "$kernel" --hosts 3 --out "$work/vm-out" --timeout 600 -- \
		"$here/selftest" --in-vm
	status=$?
	equal "fabric tests ran to their end" 0 "$status"
}

# An incast's worth of hosts: the last has its device, GIDs and wire, and no rule is mistaken for
# another's.
test_many_hosts() {
	"$here/run" --sudo --kernel "$kernel" --hosts 40 --memory 1024 --out "$work/vm-out" \
		--timeout 600 -- "$here/selftest" --in-many
	status=$?
	equal "tests of 40 hosts ran to their end" 0 "$status"
}

in_many() {
	local -a devices=(/sys/class/infiniband/rxe*)
	equal "40 devices" 40 ${#devices[@]}
	equal "addresses of the last" "10.0.39.1 fd00:0:0:39::1" \
		"$("$fabric" addr 39 4) $("$fabric" addr 39 6)"
	"$fabric" capture 39 /tmp/wire.pcap
	check "udaddy, IPv4, host 0 to 39" udaddy_between 0 39 4
	check "udaddy, IPv6, host 39 to 4" udaddy_between 39 4 6
	"$fabric" capture-stop 39
	check "packets on host 39's wire: $(packets /tmp/wire.pcap)" test \
		"$(packets /tmp/wire.pcap)" -ge 20
	"$fabric" down 3
	check "host 3 is down, host 39 is not" udaddy_between 0 39 4
	exit 0
}

in_vm() {
	guest_wire
	guest_impairments
	guest_links
	exit 0
}
