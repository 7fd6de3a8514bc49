#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Makes a virtual machine of Debian, Ubuntu, Rocky Linux or Arch one that rpingmesh can be built and
# tried in; see --help. The templates beside it let Lima run it as root at each start, so it does
# nothing twice. It knows nothing of Lima.

set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)

usage() {
	cat <<USAGE
Usage: contrib/lima/provision.sh
       contrib/lima/provision.sh --soft-roce [NETDEV]
       contrib/lima/provision.sh --print [OS-RELEASE]

As root: installs what building needs and the tools of rdma-core, by apt, dnf or pacman, the
kernel's modules where they are in a package of their own, and then what --soft-roce does alone,
without a network:

  --soft-roce   loads ib_uverbs, rdma_ucm and rdma_rxe, now and at each boot, makes the device roce0
                on NETDEV (that of the default route, if none is given), lets users lock memory, and
                BPF attach without root
  --print       only prints the commands that install, on this system or on the one whose
                os-release(5) is named

Exit status: 0 fine, 1 not, 2 wrong usage.
USAGE
}

fail() { printf 'provision: error: %s\n' "$*" >&2; exit 1; }

# --- packages -------------------------------------------------------------------------------------

os_release=/etc/os-release
print=""

# os KEY: what this system is called, and what it is like.
os() { sed -nE "s/^$1=\"?([^\"]*)\"?$/\1/p" "$os_release"; }

# manager: the program that installs here.
manager() {
	case " $(os ID) $(os ID_LIKE) " in
	*" debian "*) echo apt ;;
	*" fedora "* | *" rhel "*) echo dnf ;;
	*" arch "*) echo pacman ;;
	*) fail "$(os PRETTY_NAME): neither apt, dnf nor pacman is known here" ;;
	esac
}

do_or_print() { if [ -n "$print" ]; then echo "$*"; else "$@"; fi; }

# Names of Fedora and of Rocky Linux with EPEL, and of Arch.
dnf_packages=(autoconf automake gcc make pkgconf-pkg-config libevent-devel libmnl-devel
	mosquitto-devel msgpack-devel openssl-devel rdma-core-devel sqlite-devel uthash-devel
	libcmocka-devel python3 libibverbs-utils librdmacm-utils rdma-core iproute kmod tcpdump)
bpf_dnf_packages=(bpftool clang libbpf-devel)
pacman_packages=(base-devel bpf clang cmocka iproute2 kmod libbpf libevent libmnl mosquitto
	msgpack-c openssl python rdma-core sqlite tcpdump uthash)

known() { [ -n "$(apt-cache show --no-all-versions "$1" 2>/dev/null)" ]; }

install() {
	case $(manager) in
	apt)
		do_or_print env DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
			--no-install-recommends install "$@" ;;
	dnf) do_or_print dnf -q -y install "$@" ;;
	pacman) do_or_print pacman -S --noconfirm --needed "$@" ;;
	esac
}

packages() {
	manager >/dev/null || exit 1
	local -a tools=(rdma-core ibverbs-providers ibverbs-utils rdmacm-utils iproute2 kmod
		tcpdump)
	case $(manager) in
	apt)
		# Ubuntu's chromium is a snap, so the tests of the page are skipped there.
		if [ "$(os ID)" = debian ]; then
			do_or_print "$top/contrib/setup" build check
		else
			do_or_print "$top/contrib/setup" build
			tools+=(libcmocka-dev python3-msgpack python3-yaml)
		fi
		install "${tools[@]}" ;;
	dnf)
		if [[ " $(os ID_LIKE) " == *" rhel "* ]]; then
			install dnf-plugins-core epel-release
			do_or_print dnf config-manager --set-enabled "$(repository)"
		else
			dnf_packages+=("${bpf_dnf_packages[@]}")
		fi
		install "${dnf_packages[@]}" ;;
	pacman)
		do_or_print pacman -Syu --noconfirm
		install "${pacman_packages[@]}" ;;
	esac
}

# Where headers are of what the system only runs.
repository() { case $(os VERSION_ID) in 8*) echo powertools ;; *) echo crb ;; esac }

# Ubuntu and Rocky Linux pack rdma_rxe apart from the kernel. Debian's kernels called cloud lack it;
# the templates take images with the full one.
modules() {
	local extra=""
	[ -n "$print" ] || ! modinfo rdma_rxe >/dev/null 2>&1 || return 0
	case $(os ID)$(manager) in
	ubuntuapt) extra=linux-modules-extra-$(uname -r) ;;
	*dnf) extra=kernel-modules-extra-$(uname -r) ;;
	esac
	[ -z "$extra" ] || { [ -z "$print" ] && [[ $extra == linux* ]] && ! known "$extra"; } ||
		install "$extra" ||
		# load() says what helps, if the module is really missing.
		echo "provision: $extra cannot be installed: see above" >&2
}

# --- soft-RoCE ------------------------------------------------------------------------------------

# Kernels for clouds come without rdma_rxe; some have it in a package of its own.
kernel_hint() {
	local arch
	arch=$(dpkg --print-architecture 2>/dev/null || echo amd64)
	case $(os ID) in
	debian)
		echo "apt-get install linux-image-$arch, then reboot into it" \
			"(the kernels called cloud have none)" ;;
	ubuntu) echo "apt-get install linux-modules-extra-$(uname -r)" ;;
	rocky | almalinux | rhel | fedora)
		echo "dnf install kernel-modules-extra-$(uname -r); if that is gone," \
			"dnf install kernel kernel-modules-extra, then reboot" ;;
	arch) echo "pacman -S linux, then reboot into it" ;;
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
--print)
	print=yes
	os_release=${2:-$os_release}
	[ -r "$os_release" ] || fail "cannot read $os_release"
	packages
	modules
	exit 0 ;;
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
