# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# A Clos of two tiers, sourced by tests/vm/fabric. Router namespaces are the leaves and spines.
#
#   host0: h0 (rxe0) 10.1.0.1/24 fd00:1:0::1/64 ---- p0 \ leaf0:
#   host1: h1 (rxe1) 10.1.0.2/24 fd00:1:0::2/64 ---- p1 | bridge "hosts" .254 ::fe
#
#   leaf L: spineS 10.9.L.(4S+1)/30 fd00:9:L:S::1/64 ---- leafL .(4S+2) ::2  spine S
#
# The ports under a leaf are one subnet, whose gateway the leaf is. Leaves share what leaves them
# among the spines by a hash of addresses and UDP ports. Numbers of leaves and spines are decimal in
# IPv4 and hexadecimal in IPv6 addresses.
#
# With rails, a host has that many ports, which hang on as many leaves next to each other: port I
# belongs to host I / RAILS. On Linux 7.2 each host is a namespace; before, rxe works in the initial
# one only, and all hosts lie there, as without a Clos. On their own network, "manage", which no
# RoCE packet takes, hosts reach the initial namespace as 10.8.255.254.

# The Clos that is up: all empty if there is none, or hosts without one.
leaves='' spines='' slots='' rails='' namespaces=''
# By port: its leaf, and its number there, from 0.
leaf=() slot=()

clos_load() {
	local i l s
	[ -e "$state/clos" ] || return 0
	read -r leaves spines slots rails namespaces <"$state/clos"
	while read -r i l s; do leaf[i]=$l slot[i]=$s; done <"$state/ports"
}

clos_save_ports() {
	local i
	for i in "${!leaf[@]}"; do echo "$i ${leaf[i]} ${slot[i]}"; done >"$state/ports"
}

is_clos() { [ -n "$leaves" ]; }
need_clos() { is_clos || die "not a Clos: fabric --clos builds one"; }

# host_namespace PORT: empty if that is the initial one.
host_namespace() { if [ -n "$namespaces" ]; then echo "host$(($1 / rails))"; fi; }

# The namespace at the other end of a port's wire.
wire_namespace() { if is_clos; then echo "leaf${leaf[$1]}"; else echo "$router"; fi; }

# in_namespace NAMESPACE COMMAND...
in_namespace() {
	if [ -n "$1" ]; then ip netns exec "$@"; else "${@:2}"; fi
}

ip_in() { ip ${1:+-n "$1"} "${@:2}"; }
tc_in() { tc ${1:+-n "$1"} "${@:2}"; }

clos_address() {
	case $2 in
	4) echo "10.1.${leaf[$1]}.$((slot[$1] + 1))" ;;
	6) printf 'fd00:1:%x::%x\n' "${leaf[$1]}" $((slot[$1] + 1)) ;;
	*) die "neither 4 nor 6: $2" ;;
	esac
}

# As sysfs prints it.
clos_raw_gid() {
	case $2 in
	4) printf '0000:0000:0000:0000:0000:ffff:0a01:%02x%02x\n' "${leaf[$1]}" \
		$((slot[$1] + 1)) ;;
	6) printf 'fd00:0001:%04x:0000:0000:0000:0000:%04x\n' "${leaf[$1]}" $((slot[$1] + 1)) ;;
	esac
}

# --- building -------------------------------------------------------------------------------------

clos_switches() {
	local n
	for ((n = 0; n < leaves; n++)); do echo "leaf$n"; done
	for ((n = 0; n < spines; n++)); do echo "spine$n"; done
}

clos_hosts() {
	local n
	for ((n = 0; n < leaves * slots / rails; n++)); do echo "host$n"; done
}

# Namespaces of all switches, and of the hosts where they have some.
clos_namespaces() {
	local name
	{ clos_switches && if [ -n "$namespaces" ]; then clos_hosts; fi; } |
		sed 's/^/netns add /' | ip -batch -
	for name in $(clos_switches); do
		ip netns exec "$name" sysctl -qw net.ipv4.ip_forward=1 \
			net.ipv4.fib_multipath_hash_policy=1 \
			net.ipv6.fib_multipath_hash_policy=1 net.ipv6.conf.all.forwarding=1 \
			net.ipv6.conf.all.keep_addr_on_down=1 net.ipv6.conf.default.accept_dad=0 \
			net.ipv4.icmp_errors_use_inbound_ifaddr=1 net.ipv4.icmp_ratelimit=0 \
			net.ipv6.icmp.ratelimit=0
	done
	if [ -z "$namespaces" ]; then
		sysctl -qw "${host_sysctls[@]}"
		local_table_last
		return
	fi
	for name in $(clos_hosts); do ip netns exec "$name" sysctl -qw "${host_sysctls[@]}"; done
}

clos_wires() {
	local i l s name
	for i in "${!leaf[@]}"; do
		name=$(host_namespace "$i")
		echo "link add h$i ${name:+netns $name} mtu $default_mtu type veth" \
			"peer name p$i mtu $default_mtu netns leaf${leaf[i]}"
	done
	for ((l = 0; l < leaves; l++)); do
		for ((s = 0; s < spines; s++)); do
			echo "link add spine$s netns leaf$l mtu $default_mtu type veth" \
				"peer name leaf$l mtu $default_mtu netns spine$s"
		done
	done
}

# For `ip -batch` in leaf L.
clos_leaf() {
	local i s l=$1
	echo "link set lo up"
	echo "link add hosts mtu $default_mtu type bridge mcast_snooping 0"
	echo "link set hosts up"
	echo "addr add 10.1.$l.254/24 dev hosts"
	printf 'addr add fd00:1:%x::fe/64 dev hosts nodad\n' "$l"
	for i in "${!leaf[@]}"; do
		[ "${leaf[i]}" != "$l" ] || echo "link set p$i master hosts up"
	done
	for ((s = 0; s < spines; s++)); do
		echo "addr add 10.9.$l.$((4 * s + 1))/30 dev spine$s"
		printf 'addr add fd00:9:%x:%x::1/64 dev spine%d nodad\n' "$l" "$s" "$s"
		echo "link set spine$s up"
	done
}

# For `ip -batch` in spine S.
clos_spine() {
	local l s=$1
	echo "link set lo up"
	for ((l = 0; l < leaves; l++)); do
		echo "addr add 10.9.$l.$((4 * s + 2))/30 dev leaf$l"
		printf 'addr add fd00:9:%x:%x::2/64 dev leaf%d nodad\n' "$l" "$s" "$l"
		echo "link set leaf$l up"
	done
}

# For `ip -batch` in the initial namespace: the network over which hosts are managed.
clos_manage() {
	local n
	echo "link add manage type bridge mcast_snooping 0"
	echo "addr add 10.8.255.254/16 dev manage"
	echo "link set manage up"
	[ -n "$namespaces" ] || return 0
	for ((n = 0; n < leaves * slots / rails; n++)); do
		echo "link add m$n master manage up type veth peer name manage netns host$n"
	done
}

# RoCE packets that have come in are counted at each end of a link, by tc's actions. These numbers
# are added to that of the end, so that one process prints all of a namespace.
roce_action=2000
drop_action=5000

# clos_end_number DEVICE: sets end_number, which is that of no other device in the namespace.
clos_end_number() {
	case $1 in
	spine*) end_number=$((1000 + ${1#spine})) ;;
	leaf*) end_number=$((1000 + ${1#leaf})) ;;
	*) end_number=${1:1} ;;
	esac
}

# For `tc -batch`: counts at the end DEVICE.
clos_count_at() {
	local index
	clos_end_number "$1"
	index=$((roce_action + end_number))
	echo "qdisc add dev $1 clsact"
	echo "filter add dev $1 ingress pref 10 protocol ip flower ip_proto udp dst_port 4791" \
		"action gact pass index $index"
	echo "filter add dev $1 ingress pref 11 protocol ipv6 flower ip_proto udp dst_port 4791" \
		"action gact index $index"
}

clos_counts() {
	local n i
	for ((n = 0; n < leaves; n++)); do
		{
			for i in "${!leaf[@]}"; do
				[ "${leaf[i]}" != "$n" ] || clos_count_at "p$i"
			done
			for ((i = 0; i < spines; i++)); do clos_count_at "spine$i"; done
		} | tc -n "leaf$n" -batch -
	done
	for ((n = 0; n < spines; n++)); do
		for ((i = 0; i < leaves; i++)); do clos_count_at "leaf$i"; done |
			tc -n "spine$n" -batch -
	done
	for i in "${!leaf[@]}"; do
		clos_count_at "h$i" | tc_in "$(host_namespace "$i")" -batch -
	done
}

# --- routes ---------------------------------------------------------------------------------------

# clos_joined LEAF SPINE: no link down between them.
clos_joined() { [ ! -e "$state/down.leaf$1.spine$2" ]; }

# clos_next_hops LEAF OTHER 4|6: the spines that lead from a leaf to another.
clos_next_hops() {
	local s
	for ((s = 0; s < spines; s++)); do
		clos_joined "$1" "$s" && clos_joined "$2" "$s" || continue
		case $3 in
		4) printf ' nexthop via 10.9.%d.%d' "$1" $((4 * s + 2)) ;;
		6) printf ' nexthop via fd00:9:%x:%x::2' "$1" "$s" ;;
		esac
	done
}

clos_leaf_routes() {
	local o l=$1 hops network
	for ((o = 0; o < leaves; o++)); do
		[ "$o" != "$l" ] || continue
		case $2 in
		4) network=10.1.$o.0/24 ;;
		6) printf -v network 'fd00:1:%x::/64' "$o" ;;
		esac
		hops=$(clos_next_hops "$l" "$o" "$2")
		echo "route replace ${hops:+$network}${hops:-unreachable $network}"
	done
}

clos_spine_routes() {
	local l s=$1
	for ((l = 0; l < leaves; l++)); do
		clos_joined "$l" "$s" || continue
		case $2 in
		4) echo "route replace 10.1.$l.0/24 via 10.9.$l.$((4 * s + 1))" ;;
		6) printf 'route replace fd00:1:%x::/64 via fd00:9:%x:%x::1\n' "$l" "$l" "$s" ;;
		esac
	done
}

# What the switches' routing would do after a change of links.
clos_routes() {
	local n family
	for family in 4 6; do
		for ((n = 0; n < leaves; n++)); do
			clos_leaf_routes "$n" "$family" | ip -n "leaf$n" "-$family" -batch -
		done
		for ((n = 0; n < spines; n++)); do
			clos_spine_routes "$n" "$family" | ip -n "spine$n" "-$family" -batch -
		done
	done
}

# --- up -------------------------------------------------------------------------------------------

# For `ip -batch` in a host's namespace.
clos_host() {
	local n=$1
	echo "link set lo up"
	echo "addr add 10.8.$((n / 250)).$((n % 250 + 1))/16 dev manage"
	echo "link set manage up"
}

clos_build_hosts() {
	local n i family
	if [ -z "$namespaces" ]; then
		for i in "${!leaf[@]}"; do echo "link set h$i up"; done | ip -batch -
		for family in 4 6; do
			for i in "${!leaf[@]}"; do host_new "$i" "$family"; done |
				ip "-$family" -batch -
		done
		return
	fi
	for ((n = 0; n < leaves * slots / rails; n++)); do
		clos_host "$n" | ip -n "host$n" -batch -
		for ((i = n * rails; i < (n + 1) * rails; i++)); do
			ip -n "host$n" link set "h$i" up
			for family in 4 6; do
				host_new "$i" "$family" | ip -n "host$n" "-$family" -batch -
			done
		done
	done
}

clos_check() {
	local n
	for n in "$@"; do
		if ! is_number "$n" || [ "$n" -lt 1 ] || [ "$n" -gt 60 ]; then
			die "not 1 to 60: $n"
		fi
	done
	[ $(($1 * $3)) -le 200 ] || die "more than 200 ports"
	[ $(($1 % $4)) -eq 0 ] || die "$1 leaves cannot be shared by $4 rails"
}

cmd_clos() {
	local i
	[ "${4:-}" != --rails ] || set -- "$1" "$2" "$3" "${5:-}"
	set -- "$1" "$2" "$3" "${4:-1}"
	clos_check "$@"
	[ ! -e "$state/hosts" ] || die "already up"
	leaves=$1 spines=$2 slots=$3 rails=$4
	load_modules
	case $(uname -r) in
	# No other namespace sees a device, so none is told of each: this takes half of the time.
	[1-6].*) rdma system set netns exclusive ;;
	*) namespaces=yes ;;
	esac
	for ((i = 0; i < leaves * slots; i++)); do
		leaf[i]=$((i / (slots * rails) * rails + i % rails))
		slot[i]=$((i % (slots * rails) / rails))
	done
	mkdir -p "$state"
	modprobe -a bridge sch_ingress cls_flower act_gact || die "the kernel lacks a module"
	clos_namespaces
	clos_build
	echo "$leaves $spines $slots $rails $namespaces" >"$state/clos"
	clos_save_ports
	echo "${#leaf[@]}" >"$state/hosts"
	wait_for_traffic "${#leaf[@]}"
}

clos_build() {
	local n i
	clos_wires | ip -batch -
	clos_manage | ip -batch -
	if [ -n "$namespaces" ]; then
		for ((n = 0; n < leaves * slots / rails; n++)); do echo "link set m$n up"; done |
			ip -batch -
	fi
	for ((n = 0; n < leaves; n++)); do clos_leaf "$n" | ip -n "leaf$n" -batch -; done
	for ((n = 0; n < spines; n++)); do clos_spine "$n" | ip -n "spine$n" -batch -; done
	clos_routes
	clos_counts
	clos_build_hosts
	for i in "${!leaf[@]}"; do
		in_namespace "$(host_namespace "$i")" rdma link add "rxe$i" type rxe netdev "h$i"
	done
}

clos_teardown() {
	local name
	ip link del manage
	for name in $(clos_switches); do ip netns del "$name"; done
	[ -z "$namespaces" ] || for name in $(clos_hosts); do ip netns del "$name"; done
}

# --- names and counters ---------------------------------------------------------------------------

# clos_end A B: sets end_namespace and end_device, A's end of the link to B.
clos_end() {
	end_namespace=$1
	case $1:$2 in
	leaf*:spine* | spine*:leaf*)
		end_device=$2
		clos_is_switch "$1" && clos_is_switch "$2" && return ;;
	leaf*:h*)
		end_device=p${2#h}
		clos_is_wire "$2" "$1" && return ;;
	h*:leaf*)
		end_device=$1
		clos_is_wire "$1" "$2" && end_namespace=$(host_namespace "${1#h}") && return ;;
	esac
	die "no link from $1 to $2"
}

# clos_is_wire hI leafL
clos_is_wire() { is_number "${1#h}" && [ "leaf${leaf[${1#h}]:-}" = "$2" ]; }

clos_is_switch() {
	case $1 in
	leaf*) is_number "${1#leaf}" && [ "${1#leaf}" -lt "$leaves" ] ;;
	spine*) is_number "${1#spine}" && [ "${1#spine}" -lt "$spines" ] ;;
	*) false ;;
	esac
}

# All links, "A B" in lines: both ends once.
cmd_links() {
	local i l s
	need_clos
	for i in "${!leaf[@]}"; do echo "h$i leaf${leaf[i]}"; done
	for ((l = 0; l < leaves; l++)); do
		for ((s = 0; s < spines; s++)); do echo "leaf$l spine$s"; done
	done
}

cmd_switches() { need_clos && clos_switches; }

# "SWITCH ADDRESS=PORT..." in lines, as the kernel has them: a file for rpingmesh-central.
cmd_switch_addresses() {
	local name
	need_clos
	for name in $(clos_switches); do
		ip -n "$name" -br addr show scope global | awk -v name="$name" '
			function address(text) { sub("/.*", "", text); return text }
			{ sub("@.*", "", $1); printf "%s", name }
			{ for (i = 3; i <= NF; i++) printf " %s=%s", address($i), $1 }
			{ print "" }'
	done
}

# What tc has counted, in lines "roce NAMESPACE END-NUMBER PACKETS", "hole ..." likewise, and "netem
# NAMESPACE DEVICE PACKETS". The initial namespace is "-".
clos_tc_counts() {
	local name
	for name in '' $(clos_switches) $(if [ -n "$namespaces" ]; then clos_hosts; fi); do
		echo "namespace ${name:--}"
		tc_in "$name" -s actions list action gact
		tc_in "$name" -s qdisc show
	done | awk -v roce=$roce_action -v hole=$drop_action '
		$1 == "namespace" { name = $2; number = device = "" }
		$1 == "index" { number = $2; device = "" }
		$1 == "qdisc" { device = $2 == "netem" ? $5 : ""; number = "" }
		$1 != "Sent" { next }
		device { sub(",", "", $7); print "netem", name, device, $7 }
		number >= hole { print "hole", name, number - hole, $4; next }
		number { print "roce", name, number - roce, $4 }'
}

# What has passed, "FROM TO ROCE HOLE NETEM" in lines, for each direction of each link: RoCE packets
# that have arrived at TO, those that a black hole there has dropped, and all that netem has dropped
# at FROM.
cmd_counters() {
	local kind name end packets a b
	local -A counted=()
	need_clos
	while read -r kind name end packets; do
		counted[$kind/$name/$end]=$packets
	done < <(clos_tc_counts)
	while read -r a b; do
		clos_counter "$a" "$b"
		clos_counter "$b" "$a"
	done < <(cmd_links)
}

clos_counter() {
	local netem end
	clos_end "$1" "$2"
	netem=netem/${end_namespace:--}/$end_device
	clos_end "$2" "$1"
	clos_end_number "$end_device"
	end=${end_namespace:--}/$end_number
	echo "$1 $2 ${counted[roce/$end]:-0} ${counted[hole/$end]:-0} ${counted[$netem]:-0}"
}

# --- faults ---------------------------------------------------------------------------------------

# cmd_fault A B [NETEM...]
cmd_fault() {
	need_clos
	clos_end "$1" "$2"
	netem_replace "$end_namespace" "$end_device" "${@:3}"
}

# cmd_fault_large A B [NETEM...]: for what netem is to get, IP says a length of 1,024 or more.
cmd_fault_large() {
	local protocol at bits
	need_clos
	clos_end "$1" "$2"
	netem_replace "$end_namespace" "$end_device"
	[ $# -gt 2 ] || return 0
	modprobe -a sch_prio cls_u32 || die "the kernel lacks a module"
	{
		echo "qdisc add dev $end_device root handle 1: prio bands 2" \
			"priomap 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0"
		echo "qdisc add dev $end_device parent 1:2 netem limit 100000 ${*:3}"
		for protocol in ip ipv6; do
			at=2
			[ $protocol = ip ] || at=4
			for bits in 0x0400 0x0800 0x1000; do
				echo "filter add dev $end_device parent 1: protocol $protocol" \
					"u32 match u16 $bits $bits at $at flowid 1:2"
			done
		done
	} | tc_in "$end_namespace" -batch -
}

# cmd_blackhole A B [MATCH...]
cmd_blackhole() {
	local pref
	need_clos
	clos_end "$2" "$1"
	for pref in 1 2; do
		tc_in "$end_namespace" filter del dev "$end_device" ingress pref $pref \
			2>/dev/null || true
	done
	shift 2
	[ $# -gt 0 ] || return 0
	[[ "$*" == *:* ]] || clos_drop 1 ip "$@"
	[[ "$*" == *.* ]] || clos_drop 2 ipv6 "$@"
}

# clos_drop PREFERENCE PROTOCOL MATCH...: at the end that clos_end has set.
clos_drop() {
	clos_end_number "$end_device"
	tc_in "$end_namespace" filter add dev "$end_device" ingress pref "$1" protocol "$2" \
		flower ip_proto udp dst_port 4791 "${@:3}" \
		action gact drop index $((drop_action + end_number))
}

# clos_pull LEAF SPINE down|up: without routes.
clos_pull() {
	if [ "$3" = down ]; then
		: >"$state/down.leaf$1.spine$2"
	else
		rm -f "$state/down.leaf$1.spine$2"
	fi
	ip -n "leaf$1" link set "spine$2" "$3"
	ip -n "spine$2" link set "leaf$1" "$3"
}

# cmd_link A B down|up
cmd_link() {
	need_clos
	case $3 in down | up) ;; *) die "neither down nor up: $3" ;; esac
	clos_end "$1" "$2" >/dev/null
	case $1:$2 in
	leaf*:spine*) clos_pull "${1#leaf}" "${2#spine}" "$3" && clos_routes ;;
	spine*:leaf*) cmd_link "$2" "$1" "$3" ;;
	leaf*:h*) cmd_link "$2" "$1" "$3" ;;
	h*) if [ "$3" = down ]; then cmd_down "${1#h}" cable; else cmd_link_up "${1#h}"; fi ;;
	esac
}

# cmd_switch NAME down|up|silent
cmd_switch() {
	local n i forward=1 to=up
	need_clos
	clos_is_switch "$1" || die "no switch $1"
	case $2 in
	down) to=down ;;
	silent) forward=0 ;;
	up) ;;
	*) die "neither down, up nor silent: $2" ;;
	esac
	ip netns exec "$1" sysctl -qw net.ipv4.ip_forward=$forward \
		net.ipv6.conf.all.forwarding=$forward
	[ "$2" != silent ] || return 0
	case $1 in
	spine*) for ((n = 0; n < leaves; n++)); do clos_pull "$n" "${1#spine}" $to; done ;;
	leaf*)
		for ((n = 0; n < spines; n++)); do clos_pull "${1#leaf}" "$n" $to; done
		for i in "${!leaf[@]}"; do
			[ "${leaf[i]}" != "${1#leaf}" ] || cmd_link "$1" "h$i" $to
		done ;;
	esac
	clos_routes
}

# cmd_move I LEAF SLOT: another address of port I, under another leaf or the same.
cmd_move() {
	local i=$1 name family pref=$((table_base + $1))
	need_clos
	check_host "$i"
	if ! is_number "$2" || [ "$2" -ge "$leaves" ]; then die "no leaf $2"; fi
	if ! is_number "$3" || [ "$3" -ge 200 ]; then die "not 0 to 199: $3"; fi
	name=$(host_namespace "$i")
	ip_in "$name" addr flush dev "h$i" scope global
	for family in -4 -6; do
		while ip_in "$name" "$family" rule del pref $pref 2>/dev/null; do :; done
		ip_in "$name" "$family" route flush table $pref 2>/dev/null || true
	done
	clos_replug "$i" "$2"
	leaf[i]=$2 slot[i]=$3
	clos_save_ports
	for family in 4 6; do host_new "$i" "$family" | ip_in "$name" "-$family" -batch -; done
	wait_for 30 "IPv4 GID on rxe$i" gid_index "$i" 4
	wait_for 30 "IPv6 GID on rxe$i" gid_index "$i" 6
}

# clos_replug PORT LEAF: the other end of the wire.
clos_replug() {
	[ "$2" != "${leaf[$1]}" ] || return 0
	ip -n "leaf${leaf[$1]}" link set "p$1" netns "leaf$2"
	ip -n "leaf$2" link set "p$1" master hosts up
	clos_count_at "p$1" | tc -n "leaf$2" -batch -
}

# --- hosts ----------------------------------------------------------------------------------------

# clos_nodes N DIRECTORY: makes the device nodes of host N's ports, and of rdma_cm.
clos_nodes() {
	local i verbs
	mkdir -p "$2"
	cp -a /dev/infiniband/rdma_cm "$2/"
	for verbs in /sys/class/infiniband_verbs/uverbs*; do
		i=$(<"$verbs/ibdev")
		i=${i#rxe}
		[ $((i / rails)) -ne "$1" ] || [ -e "$2/${verbs##*/}" ] ||
			mknod -m 666 "$2/${verbs##*/}" c "$(cut -d: -f1 "$verbs/dev")" \
				"$(cut -d: -f2 "$verbs/dev")"
	done
}

# cmd_as N COMMAND...: as host N; see the usage.
cmd_as() {
	local n=$1 dir=$state/host.$1
	need_clos
	if ! is_number "$n" || [ "$n" -ge $((leaves * slots / rails)) ]; then die "no host $n"; fi
	mkdir -p "$dir/run" "$dir/lib" /run/rpingmesh /var/lib/rpingmesh
	clos_nodes "$n" "$dir/nodes"
	set -- unshare --mount --uts -- "$0" as-inside "$@"
	if [ -n "$namespaces" ]; then exec ip netns exec "host$n" "$@"; fi
	exec "$@"
}

cmd_as_inside() {
	local dir=$state/host.$1 name
	name=$(cat "$dir/name" 2>/dev/null) || name=host$1
	hostname "$name"
	mount --bind "$dir/run" /run/rpingmesh
	mount --bind "$dir/lib" /var/lib/rpingmesh
	mount --bind "$dir/nodes" /dev/infiniband
	# `ip netns exec` has a /sys of its own, without what is mounted below it.
	[ -e /sys/fs/cgroup/cgroup.controllers ] || mount -t cgroup2 none /sys/fs/cgroup
	shift
	exec "$@"
}

# cmd_name N NAME: what host N is called by commands that begin from now on.
cmd_name() {
	need_clos
	mkdir -p "$state/host.$1"
	echo "$2" >"$state/host.$1/name"
}
