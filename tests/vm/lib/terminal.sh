# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# --interactive: the caller's terminal. Sourced by tests/vm/run.

# The guest's end is /dev/hvc0. qemu leaves Ctrl-C to it, and takes Ctrl-] (0x1d) as its own escape.
terminal=(-device virtio-serial-pci -chardev "stdio,id=terminal,mux=on,signal=off" -echr 0x1d
	-device "virtconsole,chardev=terminal")

# restore_terminal: qemu does it too, unless it was killed.
restore_terminal() {
	[ -z "${saved_terminal:-}" ] || stty "$saved_terminal" 2>/dev/null </dev/tty
	saved_terminal=
}

# shell_command: --shell is an interactive command.
shell_command() {
	[ ${#command[@]} -eq 0 ] || bad_call "--shell takes no command"
	interactive=yes
	# shellcheck disable=SC2016 # dollars for the guest
	case ${SHELL:-bash} in
	bash | */bash) command=(bash --rcfile /run/vm.shellrc -i) ;;
	*) command=(sh -c 'sh /run/vm.shellrc; exec "$0" -i' "$SHELL") ;;
	esac
}
