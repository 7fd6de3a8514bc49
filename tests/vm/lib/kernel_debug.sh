# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The debug symbols of a kernel in the cache, for `tests/vm/run --kernel-gdb`. Sourced by
# tests/vm/kernel.

# What is kept of the package's files: the kernel, and of its thousands of modules those that RDMA
# and its tests use.
debug_files=('*/boot/vmlinux-*' '*/drivers/infiniband/core/*.ko*'
	'*/drivers/infiniband/sw/rxe/*.ko*' '*/drivers/net/veth.ko*' '*/drivers/net/virtio_net.ko*'
	'*/net/ipv4/udp_tunnel.ko*' '*/net/ipv6/ip6_udp_tunnel.ko*' '*/net/sched/sch_netem.ko*')

# debug_banner FILE: "Linux version ..." of a kernel, which tells one build of it from another.
debug_banner() {
	LC_ALL=C grep -a -o -m 1 'Linux version [0-9][^[:cntrl:]]*' "$1" | head -n 1 || true
}

# debug_package CONF RELEASE ABI: the name of the package, once the archive is known to have it.
debug_package() {
	local package=linux-image-$3-dbg
	[ -n "$(apt-cache -c "$1" show --no-all-versions "$package" 2>/dev/null)" ] ||
		die "the archive has no $package (any more?);" \
			"tests/vm/kernel --update $2 fetches the newest kernel"
	echo "$package"
}

# debug_fetch RELEASE KERNEL-DIR DIR: DIR gets vmlinux and modules/*.ko.
debug_fetch() {
	local release=$1 kernel=$2 dir=$3 package suites
	suites=$(suites_of "$release")
	# shellcheck disable=SC2086 # a list of words
	apt_private "$dir/apt" "$(debian_arch)" $suites
	package=$(debug_package "$dir/apt/apt.conf" "$release" "$(cat "$kernel/release")")
	say "downloading $package, about 1 GB"
	(cd "$dir/apt" && apt-get -c apt.conf -qq download "$package" >&2) || die "download failed"
	say "unpacking, which takes minutes"
	mkdir "$dir/unpacked" "$dir/modules"
	dpkg-deb --fsys-tarfile "$dir/apt/$package"_*.deb |
		tar -x -C "$dir/unpacked" --wildcards "${debug_files[@]}" ||
		die "cannot unpack $package"
	mv "$(find "$dir/unpacked" -type f -name 'vmlinux-*' -print -quit)" "$dir/vmlinux"
	find "$dir/unpacked" -type f -name '*.ko*' -exec mv -t "$dir/modules" {} +
	rm -rf "$dir/apt" "$dir/unpacked"
}

# prepare_debug RELEASE KERNEL-DIR: in a temporary directory that is then renamed. A kernel that is
# fetched anew takes the symbols of the old one with it.
prepare_debug() {
	local release=$1 kernel=$2 image=$2/vmlinux
	require dpkg-deb tar
	# Its own lock: others need not wait for the download.
	exec 9>"$kernel/.debug.lock"
	flock 9
	[ ! -f "$kernel/debug/vmlinux" ] || return 0
	work=$(mktemp -d "$kernel/.debug.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	chmod 755 "$work"
	debug_fetch "$release" "$kernel" "$work"
	[ -e "$image" ] || image=$kernel/Image
	[ "$(debug_banner "$image")" = "$(debug_banner "$work/vmlinux")" ] ||
		die "the symbols are of another build than the kernel;" \
			"tests/vm/kernel --update $release fetches the newest kernel"
	mv "$work" "$kernel/debug"
	say "ready: symbols of $(cat "$kernel/release"), $(du -sh "$kernel/debug" | cut -f 1)"
}
