# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Sourced by tests/vm/selftest: tests/vm/fabric --clos, from inside.

test_clos() {
	"$here/run" --sudo --kernel "$kernel" --icount-idle --memory 768 --out "$work/vm-out" \
		--timeout 1200 -- "$here/selftest" --in-clos
	status=$?
	equal "tests of a Clos ran to their end" 0 "$status"
}

# A Clos of rails has more to it than one without.
test_clos_rails() {
	"$here/run" --sudo --kernel "$kernel" --icount-idle --memory 768 --out "$work/vm-out" \
		--timeout 1200 -- "$here/selftest" --in-clos-rails
	status=$?
	equal "tests of a Clos with rails ran to their end" 0 "$status"
}

# as_host N COMMAND...
as_host() { "$fabric" as "$@"; }

# clos_ping FROM TO FAMILY: numbers of hosts that have one port each.
clos_ping() {
	as_host "$1" ping "-$3" -c 1 -W 2 -I "$("$fabric" addr "$1" "$3")" \
		"$("$fabric" addr "$2" "$3")" >/dev/null 2>&1
}

# clos_udaddy FROM TO FAMILY
clos_udaddy() {
	local from to
	from=$("$fabric" addr "$1" "$3") to=$("$fabric" addr "$2" "$3")
	with_server "$fabric" as "$2" udaddy -b "$to" -- \
		"$fabric" as "$1" udaddy -s "$to" -b "$from"
}

# column NUMBER A B: of `fabric counters`, for what A sends to B.
column() {
	"$fabric" counters | awk -v n="$1" -v a="$2" -v b="$3" '$1 == a && $2 == b { print $n }'
}

# over_spines COLUMN: the sum over what leaf0 sends to spines.
over_spines() { echo $(($(column "$1" leaf0 spine0) + $(column "$1" leaf0 spine1))); }

# Under 2 leaves and 2 spines: h0 and h1 under leaf0, h2 and h3 under leaf1.
clos_paths() {
	local family before
	equal "switches" "leaf0 leaf1 spine0 spine1" "$("$fabric" switches | paste -sd ' ')"
	equal "links of hosts" "h0 leaf0 h1 leaf0 h2 leaf1 h3 leaf1" \
		"$("$fabric" links | head -n 4 | paste -sd ' ')"
	equal "links of switches" "leaf0 spine0 leaf0 spine1 leaf1 spine0 leaf1 spine1" \
		"$("$fabric" links | tail -n +5 | paste -sd ' ')"
	for family in 4 6; do
		before=$(over_spines 3)
		check "udaddy, IPv$family, under one leaf" clos_udaddy 0 1 $family
		equal "no spine has seen it" "$before" "$(over_spines 3)"
		check "udaddy, IPv$family, across" clos_udaddy 0 2 $family
		check "spines have seen it" test "$(over_spines 3)" -ge $((before + 5))
	done
	equal "what a leaf sends up, it has from its hosts or sends down" \
		"$(over_spines 3)" "$(column 3 leaf1 h2)"
}

clos_identity() {
	equal "name" host1 "$(as_host 1 hostname)"
	"$fabric" name 1 other
	equal "another name" other "$(as_host 1 hostname)"
	equal "its devices alone" rxe1 "$(as_host 1 ibv_devices | awk 'NR > 2 { print $1 }')"
	as_host 1 touch /run/rpingmesh/here /var/lib/rpingmesh/here
	check "directories of its own" test -e /run/fabric/host.1/run/here -a \
		-e /run/fabric/host.1/lib/here
	check "that no other has" not as_host 0 test -e /run/rpingmesh/here
	check "the initial namespace is reached" as_host 1 ping -c 1 -W 2 10.8.255.254
}

clos_faults() {
	local spine before
	"$fabric" fault leaf1 h2 loss 100%
	check "loss on a wire, one direction" not clos_ping 0 2 4
	check "netem has counted it" test "$(column 5 leaf1 h2)" -ge 1
	check "others do not lose" clos_ping 0 3 4
	"$fabric" fault leaf1 h2
	check "no loss any more" clos_ping 0 2 4
	check "nonsense is refused" not "$fabric" fault leaf1 h2 frobnicate
	check "no such link" not "$fabric" fault leaf0 h2 loss 1%
	for spine in 0 1; do "$fabric" blackhole leaf0 spine$spine dst_ip 10.1.1.1; done
	check "a black hole for RoCE" not clos_udaddy 0 2 4
	check "it has counted" test "$(over_spines 4)" -ge 1
	check "not for others" clos_udaddy 0 3 4
	check "not for the other family" clos_udaddy 0 2 6
	check "not for what is no RoCE" clos_ping 0 2 4
	for spine in 0 1; do "$fabric" blackhole leaf0 spine$spine; done
	check "no black hole any more" clos_udaddy 0 2 4
	for spine in 0 1; do
		"$fabric" link leaf0 spine$spine down
		before=$(column 3 leaf0 spine$spine)
		check "spine$spine cut off: IPv4 goes on" clos_udaddy 0 2 4
		check "spine$spine cut off: IPv6 goes on" clos_udaddy 2 0 6
		equal "spine$spine sees nothing" "$before" "$(column 3 leaf0 spine$spine)"
		"$fabric" link leaf0 spine$spine up
	done
	"$fabric" switch spine0 silent && "$fabric" switch spine1 silent
	check "silent spines" not clos_ping 0 2 6
	check "within a leaf all is well" clos_ping 0 1 6
	"$fabric" switch spine0 up && "$fabric" switch spine1 down
	check "one spine is left" clos_udaddy 2 0 4
	"$fabric" switch spine1 up
	"$fabric" switch leaf1 down
	check "a leaf is down" not clos_ping 0 2 4
	"$fabric" switch leaf1 up
	check "it is up again: IPv4" clos_udaddy 0 2 4
	check "it is up again: IPv6" clos_udaddy 0 2 6
}

clos_move() {
	"$fabric" move 1 1 6
	equal "its new addresses" "10.1.1.7 fd00:1:1::7" \
		"$("$fabric" addr 1 4) $("$fabric" addr 1 6)"
	check "moved to another leaf: IPv4" clos_udaddy 1 3 4
	check "moved to another leaf: IPv6" clos_udaddy 0 1 6
	equal "links" 8 "$("$fabric" links | wc -l)"
	check "its link counts" test "$(column 3 leaf1 h1)" -ge 5
	"$fabric" move 1 1 8
	check "readdressed" clos_udaddy 0 1 4
	"$fabric" link h1 leaf1 down
	check "cable pulled" not clos_ping 0 1 4
	"$fabric" link h1 leaf1 up
	check "and put in again: IPv4" clos_udaddy 0 1 4
	check "and put in again: IPv6" clos_udaddy 1 2 6
}

in_clos() {
	"$fabric" --clos 2 2 2 || exit 1
	clos_paths
	clos_identity
	clos_faults
	clos_move
	"$fabric" teardown
	equal "nothing is left" "" "$(ip netns)$(ls /sys/class/infiniband)"
	exit 0
}

in_clos_rails() {
	"$fabric" --clos 2 1 2 --rails 2 || exit 1
	equal "the second host's devices" "rxe2 rxe3" \
		"$(as_host 1 ibv_devices | awk 'NR > 2 { print $1 }' | sort | paste -sd ' ')"
	equal "rails hang on leaves in turn" "h0 leaf0 h1 leaf1 h2 leaf0 h3 leaf1" \
		"$("$fabric" links | head -n 4 | paste -sd ' ')"
	check "rail 0" rails_udaddy 0 2 4
	check "rail 1" rails_udaddy 1 3 6
	check "across rails" rails_udaddy 0 3 4
	exit 0
}

# rails_udaddy FROM TO FAMILY: numbers of ports.
rails_udaddy() {
	local from to
	from=$("$fabric" addr "$1" "$3") to=$("$fabric" addr "$2" "$3")
	with_server "$fabric" as $(($2 / 2)) udaddy -b "$to" -- \
		"$fabric" as $(($1 / 2)) udaddy -s "$to" -b "$from"
}
