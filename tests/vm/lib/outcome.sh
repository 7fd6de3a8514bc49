# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What came out of a run: streams, kernel log, exit status. Sourced by tests/vm/run.

# follow: copies the two streams while the VM runs, and what is left of them when it has ended.
follow() {
	tail -c +1 -s 0.05 --pid="$vm_pid" -f "$run/stdout" & followers=$!
	tail -c +1 -s 0.05 --pid="$vm_pid" -f "$run/stderr" >&2 & followers="$followers $!"
}

print_tail() {
	say "last lines of $1:"
	tail -n "${3:-40}" "$2" | tr -d '\r' | sed 's/^/  | /' >&2
}

# check_kernel_log: a kernel that reported a bug makes the run fail, whatever the command said.
check_kernel_log() {
	local log=$run/dmesg
	if grep -Eq 'BUG:|Oops|Kernel panic|general protection fault|kernel BUG at|refcount_t:|KASAN:' "$log"; then
		say "the kernel reported a bug:"
		grep -E -A 30 'BUG:|Oops|Kernel panic|general protection fault|kernel BUG at|refcount_t:|KASAN:' "$log" |
			head -n 60 | sed 's/^/  | /' >&2
		return 1
	fi
	if grep -q 'WARNING: CPU' "$log"; then
		say "the kernel printed a warning (not counted as a failure):"
		grep -A 3 'WARNING: CPU' "$log" | head -n 12 | sed 's/^/  | /' >&2
	fi
}

# verdict QEMU_STATUS: prints nothing when all is well; returns the exit status of the run.
verdict() {
	if [ -s "$run/status" ]; then
		check_kernel_log || return 125
		return "$(cat "$run/status")"
	fi
	if [ "$1" -eq 124 ] || [ "$1" -eq 137 ]; then
		if [ -s "$run/uptime" ]; then
			say "time limit of $limit s reached while the command ran: ${command[*]}"
		else
			say "time limit of $limit s reached before the command started"
			print_tail "the console" "$run/console" 20
		fi
		return 124
	fi
	if [ -n "$interactive" ] && [ "$1" -eq 0 ]; then
		say "the VM was ended before the command"
		return 125
	fi
	say "the VM died (qemu ended with $1)"
	if [ -s "$run/qemu" ]; then print_tail "qemu" "$run/qemu" 10; fi
	if [ -s "$run/console" ]; then print_tail "the console" "$run/console" 60; fi
	return 125
}

report_times() {
	local end=$EPOCHREALTIME
	say "kernel $(cat "$kernel_dir/release"), $accel: command started at $(cat "$run/uptime" 2>/dev/null || echo -) s of" \
		"the VM's time; whole run $(awk -v a="$begin" -v b="$end" 'BEGIN { printf "%.1f", b - a }') s"
}
