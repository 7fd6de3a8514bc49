# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Core dumps, which tests/vm/core has written in the guest. Sourced by tests/vm/run.

# debugger PROGRAM CORE: a command line that opens the dump, to be pasted into a shell.
debugger() {
	local program=${root%/}$1
	local -a gdb=(gdb)
	if [ "$root" != / ]; then gdb=(gdb-multiarch -iex "'set sysroot $root'"); fi
	[ -e "$program" ] || program=$1
	if [ -e "$program" ]; then gdb+=("${program@Q}" "${2@Q}"); else gdb+=(-c "${2@Q}"); fi
	echo "${gdb[*]}"
}

# report_cores: a line for each program that crashed. Whether that is a failure, the command says.
report_cores() {
	local signal pid program file cut
	[ -s "$run/cores" ] || return 0
	while IFS=$'\t' read -r signal pid program file; do
		say "${program##*/} (pid $pid) crashed with" \
			"SIG$(kill -l "$signal" 2>/dev/null || echo " $signal")"
		if [ -z "$file" ]; then
			say "  its core dump was one too many"
			continue
		fi
		cut=
		if [ "$(stat -c %s -- "$file")" -eq $((256 << 20)) ]; then
			cut="   # cut at 256 MiB"
		fi
		say "  $(debugger "$program" "$file")$cut"
	done <"$run/cores"
}
