# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What differs by architecture: the machine, how it boots, and its root file system. Sourced by
# tests/vm/run.

arch_is_known() { case $1 in x86_64 | arm64) ;; *) return 1 ;; esac }

arch_qemu() {
	case $arch in
	x86_64) echo qemu-system-x86_64 ;;
	arm64) echo qemu-system-aarch64 ;;
	esac
}

# arch_machine: begins the array machine, and adds to the kernel's arguments.
arch_machine() {
	case $arch in
	x86_64)
		# Interrupt routing through ACPI costs 0.4 s for each PCI device under emulation.
		arguments+=" console=ttyS0 tsc=reliable no_timer_check acpi=noirq"
		machine=(-M pc -cpu max -device "isa-debug-exit,iobase=0xf4,iosize=1"
			-kernel "$kernel_dir/vmlinux") ;;
	arm64)
		# What later processors have, as pointer authentication, only takes time when it is
		# emulated.
		arguments+=" console=ttyAMA0"
		machine=(-M virt,gic-version=3 -cpu cortex-a72 -kernel "$kernel_dir/Image") ;;
	esac
}

# arch_root: sets root, the directory on the host that is the VM's root file system, and shared, the
# host's directories that the VM has at their own paths because its root is another.
arch_root() {
	local dir
	root=/
	shared=()
	if [ -n "$systemd" ]; then
		root=$("$here/disk" --suite "$debian") || exit 125
	elif [ "$arch" = x86_64 ]; then
		return
	else
		root=$("$here/../../contrib/root" "$arch") || exit 125
	fi
	for dir in "$PWD" "$(cd -- "$here/../.." && pwd)" "${RPINGMESH_BUILD:-}" "${TMPDIR:-}"; do
		[ -z "$dir" ] || share_directory "$dir"
	done
}

# share_directory DIR: what lies below another one is there already.
share_directory() {
	local dir other
	local -a rest=()
	dir=$(realpath -s -- "$1")
	[ -d "$dir" ] || return 0
	case $dir/ in
	/ | // | /bin/* | /boot/* | /dev/* | /etc/* | /lib*/* | /proc/* | /run/* | /sbin/* | \
	/sys/* | /usr/* | /var/)
		bad_call "this VM has a $dir of its own, and so cannot have the host's" ;;
	esac
	for other in "${shared[@]}"; do
		case $dir/ in "$other"/*) return ;; esac
		case $other/ in "$dir"/*) ;; *) rest+=("$other") ;; esac
	done
	shared=("${rest[@]}" "$dir")
}
