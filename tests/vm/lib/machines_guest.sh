# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2154 # variables from the settings
#
# A machine's place on the network of --machines. Sourced by tests/vm/guest.

meet=/run/machines

# wait_until WHAT COMMAND...
wait_until() {
	local what=$1 end=$((SECONDS + 60))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || { echo "vm: no $what" && return 1; }
		sleep 0.1
	done
}

name_machines() {
	local i
	hostname "vm$machine"
	for ((i = 1; i <= machines; i++)); do
		printf '10.77.0.%s vm%s\nfd00:77::%s vm%s\n' "$i" "$i" "$i" "$i" >>/etc/hosts
	done
	# On PATH, usually.
	mkdir -p /usr/local/bin
	ln -sf "${machine_script%/lib/*}/machine-barrier" /usr/local/bin/machine-barrier
}

start_eth0() {
	modprobe virtio_net && wait_until "network device" test -e /sys/class/net/eth0 || return 1
	sysctl -qw net.ipv6.conf.default.accept_ra=0 net.ipv6.conf.eth0.accept_ra=0
	ip link set eth0 up
	ip addr add "10.77.0.$machine/24" dev eth0
	ip addr add "fd00:77::$machine/64" dev eth0 nodad
}

gid_there() { grep -qi "$1" /sys/class/infiniband/rxe0/ports/1/gids/*; }

start_rxe0() {
	modprobe -a rdma_rxe ib_uverbs rdma_ucm && rdma link add rxe0 type rxe netdev eth0 ||
		return 1
	wait_until "IPv4 GID on rxe0" gid_there "$(printf 'ffff:0a4d:00%02x' "$machine")" &&
		wait_until "IPv6 GID on rxe0" gid_there "fd00:0077:.*:000$machine\$"
}

# all_are NAME: a barrier, before there is a command's environment.
all_are() { RPINGMESH_MACHINE=$machine RPINGMESH_MACHINES=$machines machine-barrier ".$1"; }

# greet_others: each neighbour answers, in both families, so that no command finds one that is not
# resolved yet.
greet_others() {
	local i family
	for ((i = 1; i <= machines; i++)); do
		for family in 4 6; do
			wait_until "IPv$family to vm$i" ping "-$family" -n -c 1 -W 2 "vm$i" ||
				return 1
		done
	done
}

# join_network: returns when all machines are on the network.
join_network() {
	mkdir -p "$meet"
	mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,rw,cache=none,access=any \
		machines "$meet" ||
		return 1
	name_machines
	start_eth0 || return 1
	[ -z "$rxe" ] || start_rxe0 || return 1
	all_are up && greet_others && all_are ready
}
