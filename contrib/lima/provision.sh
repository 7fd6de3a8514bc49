#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Makes a virtual machine of Debian or Ubuntu one that rpingmesh can be built and tried in; see
# --help. The templates beside it let Lima run it as root at each start, so it does nothing twice.
# It knows nothing of Lima.

set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)

usage() {
	cat <<USAGE
Usage: contrib/lima/provision.sh
       contrib/lima/provision.sh --soft-roce [NETDEV]

As root: installs what building needs (contrib/setup build check) and the tools of rdma-core, the
kernel's modules where Ubuntu has them in a package of their own, and then what --soft-roce does
alone, without a network:

  --soft-roce   loads ib_uverbs, rdma_ucm and rdma_rxe, now and at each boot, makes the device roce0
                on NETDEV (that of the default route, if none is given), lets users lock memory, and
                BPF attach without root

Exit status: 0 fine, 1 not, 2 wrong usage.
USAGE
}

fail() { printf 'provision: error: %s\n' "$*" >&2; exit 1; }

# --- packages -------------------------------------------------------------------------------------

known() { [ -n "$(apt-cache show --no-all-versions "$1" 2>/dev/null)" ]; }

install() { DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "$@"; }

packages() {
	"$top/contrib/setup" build check
	install rdma-core ibverbs-providers ibverbs-utils rdmacm-utils iproute2 kmod tcpdump
}

# Ubuntu packs rdma_rxe apart from the kernel. Debian's kernels called cloud lack it; the templates
# take images with the full one.
modules() {
	local extra
	extra=linux-modules-extra-$(uname -r)
	if ! modinfo rdma_rxe >/dev/null 2>&1 && known "$extra"; then
		install "$extra"
	fi
}

# --- soft-RoCE ------------------------------------------------------------------------------------

# Kernels for clouds come without rdma_rxe; Ubuntu has it in a package of its own.
kernel_hint() {
	local arch
	arch=$(dpkg --print-architecture 2>/dev/null || echo amd64)
	case $(sed -n 's/^ID=//p' /etc/os-release) in
	debian)
		echo "apt-get install linux-image-$arch, then reboot into it" \
			"(the kernels called cloud have none)" ;;
	ubuntu) echo "apt-get install linux-modules-extra-$(uname -r)" ;;
	*) echo "install a kernel with CONFIG_RDMA_RXE" ;;
	esac
}

load() {
	local module
	for module in ib_uverbs rdma_ucm rdma_rxe; do
		modprobe "$module" 2>/dev/null ||
			fail "this kernel, $(uname -r), has no module $module: $(kernel_hint)"
	done
	mkdir -p /etc/modules-load.d
	printf '%s\n' ib_uverbs rdma_ucm rdma_rxe >/etc/modules-load.d/rpingmesh.conf
}

# The interface behind the default route.
default_netdev() { ip -o route show default | sed -nE 's/.* dev ([^ ]+).*/\1/p' | head -n 1; }

# rxe_on NETDEV: the name of the rxe device on it, if there is one.
rxe_on() {
	local device
	for device in /sys/class/infiniband/*; do
		[ "$(cat "$device/parent" 2>/dev/null)" != "$1" ] || basename "$device"
	done
}

link_up() {
	local netdev=$1 name=roce0 n=0
	[ -e "/sys/class/net/$netdev" ] || fail "there is no network interface \"$netdev\""
	if [ -n "$(rxe_on "$netdev")" ]; then
		name=$(rxe_on "$netdev")
	else
		while [ -e "/sys/class/infiniband/$name" ]; do
			n=$((n + 1))
			name=roce$n
		done
		rdma link add "$name" type rxe netdev "$netdev" ||
			fail "rdma link add $name type rxe netdev $netdev failed"
	fi
	ip link set "$netdev" up
	echo "provision: $name on $netdev: $(cat "/sys/class/infiniband/$name/ports/1/state")"
}

# 6 MB a port and daemon. What was logged in already keeps what it had.
memlock() {
	mkdir -p /etc/security/limits.d
	printf '%s\n' '# Written by contrib/lima/provision.sh.' '* - memlock unlimited' \
		'root - memlock unlimited' >/etc/security/limits.d/rpingmesh.conf
}

# Kprobes of a daemon that is not root, see rpingmeshd(8).
paranoid() {
	mkdir -p /etc/sysctl.d
	echo 'kernel.perf_event_paranoid = 2' >/etc/sysctl.d/60-rpingmesh.conf
	sysctl -qp /etc/sysctl.d/60-rpingmesh.conf
}

soft_roce() {
	local netdev=${1:-$(default_netdev)}
	[ -n "$netdev" ] || fail "there is no default route: name the network interface"
	load
	link_up "$netdev"
	memlock
	paranoid
}

case ${1:-} in
-h | --help) usage; exit 0 ;;
'' | --soft-roce) ;;
*) usage >&2; exit 2 ;;
esac
[ "$(id -u)" -eq 0 ] || fail "needs root"
if [ "${1:-}" = --soft-roce ]; then
	[ $# -le 2 ] || { usage >&2; exit 2; }
	soft_roce "${2:-}"
else
	packages
	modules
	soft_roce ""
fi
