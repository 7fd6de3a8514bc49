#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What rpingmesh-lldp.service runs, with the rights that it has, against the real lldpd: the file
# that rpingmeshd reads names the switch, others may read it, and it remains when lldpd ends, which
# ends the command. The switch is an lldpd in another network namespace.
set -u
src=$(cd "${top_srcdir:-.}" && pwd)
PATH=$PATH:/usr/sbin:/sbin
if [ "${1:-}" != inside ]; then
	for program in lldpd lldpcli ip setpriv; do
		command -v "$program" >/dev/null || {
			echo "$program is missing: contrib/setup installs it"; exit 77
		}
	done
	[ "$(id -u)" = 0 ] || { echo "lldpd needs root"; exit 77; }
	unshare -mn true 2>/dev/null || { echo "no namespaces of its own"; exit 77; }
	exec unshare -mn --kill-child -pf bash "$0" inside
fi

if ! mount -t tmpfs none /run || ! mount -t proc proc /proc; then
	echo "no /run of its own"
	exit 77
fi
mkdir -p /run/netns /run/lldpd /run/rpingmesh-lldp
ip netns add leaf || { echo "no network namespaces"; exit 77; }
ip link add eth0 type veth peer name port7 netns leaf 2>/dev/null || {
	echo "this kernel has no veth"; exit 77
}
ip link set eth0 up
ip -n leaf link set port7 up

bad() {
	echo "FAIL: $*"
	cat /run/*.log
	exit 1
}

# within SECONDS WHAT COMMAND...
within() {
	local end=$((SECONDS + $1)) what=$2
	shift 2
	until "$@"; do
		[ $SECONDS -lt "$end" ] || bad "waited in vain: $what"
		sleep 0.2
	done
}
answers() { lldpcli -u "$1" show interfaces >/dev/null 2>&1; }

ip netns exec leaf lldpd -d -u /run/leaf.socket -I port7 >/run/leaf.log 2>&1 &
lldpd -d -u /run/lldpd.socket -I eth0 >/run/host.log 2>&1 &
lldpd=$!
within 60 "lldpd of the switch answers" answers /run/leaf.socket
within 60 "lldpd of the host answers" answers /run/lldpd.socket
lldpcli -u /run/leaf.socket configure system hostname leaf7 >/dev/null
lldpcli -u /run/leaf.socket configure lldp tx-interval 1 >/dev/null

unit=$src/contrib/systemd/rpingmesh-lldp.service
command=$(sed -n "s/^ExecStart=\/bin\/sh -c '\(.*\)'$/\1/p" "$unit")
[ -n "$command" ] || bad "no command in $unit"
rights=$(sed -n 's/^CapabilityBoundingSet=CAP_/+/p' "$unit" | tr '[:upper:]' '[:lower:]')
cd "$(sed -n 's/^WorkingDirectory=//p' "$unit")" || bad "no working directory"
umask "$(sed -n 's/^UMask=//p' "$unit")"
setpriv --bounding-set="-all,$rights" --inh-caps=-all --no-new-privs /bin/sh -c "$command" \
	>/run/service.log 2>&1 &
service=$!

named() { grep -q '"value": "leaf7"' neighbors.json 2>/dev/null; }
within 120 "the file names the switch" named
[ "$(stat -c %a neighbors.json)" = 644 ] || bad "mode $(stat -c %a neighbors.json)"

kill $lldpd
wait $lldpd 2>/dev/null
# It waits ten seconds between two looks.
wait $service
got=$?
[ $got = 1 ] || bad "it ended with $got"
named || bad "the file is gone"
echo "ok"
