# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The command's three standard streams, as far as they are no terminal. Sourced by tests/vm/run.

# stdin_is_empty: no input, /dev/null, or a terminal, which is left to its shell: a run in the
# background must not stop with SIGTTIN, and one in the foreground not eat what is typed for later.
stdin_is_empty() { [ -t 0 ] || [ ! -e /proc/self/fd/0 ] || [ /proc/self/fd/0 -ef /dev/null ]; }

# start_stdin: a copy of the input goes to a pipe, which qemu reads when the guest does. qemu itself
# would make the caller's descriptor non-blocking.
start_stdin() {
	mkfifo "$run/stdin"
	setpriv --pdeathsig KILL cat <&0 >"$run/stdin" & copier=$!
	machine+=(-device virtio-serial-pci -chardev "stdio,id=stdin,signal=off"
		-device "virtserialport,chardev=stdin,name=rpingmesh.stdin")
}

# start_follower STREAM: copies a stream of the command while the VM runs, and what is left of it
# when it has ended.
start_follower() { setpriv --pdeathsig TERM tail -c +1 -s 0.05 --pid="$vm_pid" -f "$run/$1" & }

start_followers() {
	start_follower stdout && followers=($!)
	start_follower stderr >&2 && followers+=($!)
}

# await_vm: until the VM has ended; returns the status of qemu. Whoever read the output may go away
# before (run | head -1), which ends the VM: broken is then the status of what could write no more.
await_vm() {
	local ended status
	wait -n -p ended "$vm_pid" "${followers[@]}"
	status=$?
	if [ "$ended" != "$vm_pid" ]; then
		# Without an error, it has seen the VM's end first.
		if [ $status -ne 0 ]; then
			broken=$status
			kill -TERM "$vm_pid" 2>/dev/null
		fi
		wait "$vm_pid"
		status=$?
	fi
	vm_pid=
	wait "${followers[@]}" 2>/dev/null
	followers=()
	return $status
}

# stop_streams: what may still wait for a caller that neither writes nor closes.
stop_streams() {
	local pid
	for pid in "${followers[@]}" $copier; do kill "$pid" 2>/dev/null; done
	copier=
	followers=()
}
