# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# qemu: the machine that it emulates, and its process. Sourced by tests/vm/run.

# share N TAG PATH OPTIONS: one 9p file system. A comma in a path must be doubled for qemu.
share() {
	machine+=(-fsdev "local,id=f$1,path=${3//,/,,},security_model=none,multidevs=remap$4"
		-device "virtio-9p-pci,fsdev=f$1,mount_tag=$2")
}

# describe_machine: fills the array machine with qemu's arguments. One processor: emulation with
# several dies when the kernel patches its own code, which every kernel probe does.
describe_machine() {
	local i
	local arguments="panic=-1 oops=panic quiet mitigations=off cryptomgr.notests"
	arguments+=" random.trust_cpu=on"
	# A busy host stalls the VM; these would report that as a fault of the kernel.
	arguments+=" nowatchdog rcupdate.rcu_cpu_stall_suppress=1"
	if [ -n "$kernel_gdb" ]; then arguments+=" nokaslr"; fi
	arch_machine
	if [ -n "$systemd" ]; then systemd_machine; else share 0 root "$root" ,readonly=on; fi
	machine+=(-accel "$1" -smp 1 -m "$memory" -nodefaults -no-user-config -display none
		-nic none -no-reboot -serial "file:$run/console" -device virtio-rng-pci
		-initrd "$initramfs" -append "$arguments")
	if [ -n "$forward" ]; then
		machine+=(-device "virtio-net-pci,netdev=forward,romfile=" -netdev
			"user,id=forward,restrict=on,hostfwd=tcp:127.0.0.1:$forward-:$forward")
	fi
	share 1 run "$run" ""
	share 2 out "$out" ""
	if [ ${#shared[@]} -gt 0 ]; then share 3 host / ,readonly=on; fi
	for i in "${!writable[@]}"; do share $((i + 10)) "rw$i" "${writable[i]}" ""; done
	if [ -n "$icount" ]; then machine+=(-icount "shift=0,sleep=$icount"); fi
	if [ -n "$interactive" ]; then machine+=("${terminal[@]}"); fi
	if [ -n "$kernel_gdb" ]; then kernel_gdb_arguments; fi
	if [ -n "$member" ]; then wire_arguments; fi
}

# boot LIMIT: starts qemu. It ends with this script, even when the script is killed.
boot() {
	local tty=/dev/null
	if [ -n "$copier" ]; then tty=$run/stdin; fi
	local -a streams=("$run/qemu" "$run/qemu")
	if [ -n "$interactive" ]; then
		saved_terminal=$(stty -g)
		# Opened anew: qemu makes its descriptors non-blocking, which those of the caller
		# must not become.
		tty=$(tty)
		streams=("$tty" "$run/qemu")
	fi
	setpriv --pdeathsig TERM timeout --foreground -k 2 "$1" setpriv --pdeathsig KILL "$qemu" \
		"${machine[@]}" \
		<"$tty" >"${streams[0]}" 2>>"${streams[1]}" &
	vm_pid=$!
}

# kvm_works: whether a VM under KVM gets anywhere. Nested or restricted KVM is known to hang.
kvm_works() {
	local status
	[ -w /dev/kvm ] || return 1
	RPINGMESH_VM_ACCEL=kvm-trial "$here/run" --arch "$arch" --timeout 10 --kernel "$kernel" \
		${modules:+--modules "$modules"} --out "$run" -- true </dev/null >/dev/null 2>&1
	status=$?
	[ $status -eq 0 ]
}
