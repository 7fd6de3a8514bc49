# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# --gdb, a program in the VM under gdb, and --kernel-gdb, the VM's kernel under a gdb outside.
# Sourced by tests/vm/run.

# check_gdb: before the other options are checked, as --gdb implies --interactive.
check_gdb() {
	[ -z "$gdb" ] && [ ${#gdb_commands[@]} -eq 0 ] && return
	gdb=yes
	[ ${#command[@]} -gt 0 ] || bad_call "no command"
	[ "$arch" = "$(uname -m)" ] || bad_call "--gdb: with --arch $arch the VM has no gdb"
	command -v gdb >/dev/null || die "missing: gdb; run contrib/setup gdb as root"
	[ ${#gdb_commands[@]} -eq 0 ] || return 0
	{ [ -t 0 ] && [ -t 1 ]; } ||
		bad_call "--gdb needs a terminal as standard input and output, or --gdb-command"
	interactive=yes
}

# is_elf FILE
is_elf() { [ "$(LC_ALL=C head -c 4 -- "$1" 2>/dev/null | od -An -tx1)" = " 7f 45 4c 46" ]; }

# gdb_program NAME: the program itself. What libtool leaves in a build directory may be a script
# that starts it.
gdb_program() {
	local program
	program=$(type -P -- "$1") || bad_call "--gdb: no program $1"
	if ! is_elf "$program" && head -n 10 -- "$program" 2>/dev/null | grep -qa 'libtool'; then
		program=${program%"${program##*/}"}.libs/${program##*/}
	fi
	is_elf "$program" || bad_call "--gdb: $1 is no program but a script"
	echo "$program"
}

# wrap_in_gdb: from the command to a gdb that runs it. There is no network to fetch symbols from.
wrap_in_gdb() {
	local program text
	local -a wrapped=(gdb -q -iex "set debuginfod enabled off")
	program=$(gdb_program "${command[0]}") || exit
	if [ ${#gdb_commands[@]} -gt 0 ]; then wrapped+=(-batch); fi
	for text in "${gdb_commands[@]}"; do wrapped+=(-ex "$text"); done
	command=("${wrapped[@]}" --args "$program" "${command[@]:1}")
}

# --- the kernel -----------------------------------------------------------------------------------

# check_kernel_gdb: a debugger takes its time, so there is no limit but one that is asked for.
check_kernel_gdb() {
	[ -n "$kernel_gdb" ] || return 0
	[ "$machines" = 1 ] || bad_call "--kernel-gdb and --machines exclude each other"
	[ ! -e "$kernel" ] || bad_call "--kernel-gdb: only for Debian's kernels"
	limit=${limit:-0}
}

# find_symbols: sets symbols, the directory with vmlinux and modules.
find_symbols() {
	symbols=$("$here/kernel" --arch "$arch" --debug "$kernel") || exit 125
	kernel_gdb=gdb
	if [ "$arch" != "$(uname -m)" ]; then kernel_gdb=gdb-multiarch; fi
	command -v "$kernel_gdb" >/dev/null ||
		die "missing: $kernel_gdb; run contrib/setup gdb as root"
}

# kernel_gdb_arguments: qemu's. It waits for a gdb to say continue. The socket lies in the run
# directory, of which each VM has its own.
kernel_gdb_arguments() {
	machine+=(-S -gdb chardev:gdb
		-chardev "socket,id=gdb,path=${run//,/,,}/gdb,server=on,wait=off")
}

# print_kernel_gdb: the line to paste.
print_kernel_gdb() {
	local -a line=("$kernel_gdb" -x "$here/lib/kernel_gdb.py" -ex "target remote $run/gdb"
		"$symbols/vmlinux")
	say "the VM waits for gdb, and starts with its \"continue\":"
	printf '%s\n' "${line[*]@Q}" >&2
}
