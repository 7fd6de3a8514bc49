# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# --systemd: a machine that boots Debian from a disk of its own (tests/vm/disk). In it
# tests/vm/guest is a service; what it shares with the host it has as with --arch arm64. Sourced by
# tests/vm/run.

check_systemd() {
	[ -z "$systemd" ] || [ "$arch" = x86_64 ] || bad_call "--systemd: x86_64 only"
	case $debian in bookworm | trixie) ;; *) bad_call "unknown suite $debian" ;; esac
}

# systemd_machine: adds the disk, of which what is written is lost, and the kernel's arguments.
# Network devices keep the kernel's names.
systemd_machine() {
	arguments+=" rpingmesh.systemd net.ifnames=0 systemd.show_status=error"
	machine+=(-drive "file=${root//,/,,}/disk.ext4,if=none,id=disk,format=raw,snapshot=on"
		-device "virtio-blk-pci,drive=disk")
	share 4 modules "$kernel_dir/lib/modules" ,readonly=on
}
