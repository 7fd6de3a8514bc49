# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What came out of a run: streams, kernel log, exit status. Sourced by tests/vm/run.

print_tail() {
	say "last lines of $1:"
	tail -n "${3:-40}" "$2" | tr -d '\r' | sed 's/^/  | /' >&2
}

# What a kernel says that has a bug. Those that begin with WARNING are lockdep's and RCU's; a plain
# warning is not counted.
bugs='BUG:|Oops|Kernel panic|kernel BUG at|general protection fault'
bugs+='|Unable to handle kernel|Internal error:'
bugs+='|KASAN:|KCSAN:|KMSAN:|KFENCE:|UBSAN:|refcount_t:'
bugs+='|list_(add|del) corruption|DEBUG_LOCKS_WARN_ON'
bugs+='|INFO: (task .* blocked for more than|possible recursive locking|lockdep'
bugs+='|trying to register non-static key)'
bugs+='|WARNING: (possible|inconsistent|suspicious|bad unlock|lock held|nested lock|held lock)'
bugs+='|INFO: rcu_.* detected'
bugs+='|unregister_netdevice: waiting for'
warnings='WARNING: (CPU|.* CPU#)'

# check_kernel_log: a kernel that reported a bug makes the run fail, whatever the command said.
check_kernel_log() {
	local log=$run/dmesg
	if grep -Eq "$bugs" "$log"; then
		say "the kernel reported a bug (all of its log: $out/dmesg$suffix):"
		grep -E -A 30 "$bugs" "$log" | head -n 60 | sed 's/^/  | /' >&2
		return 1
	fi
	if grep -Eq "$warnings" "$log"; then
		say "the kernel printed a warning (not counted as a failure):"
		grep -E -A 3 "$warnings" "$log" | head -n 12 | sed 's/^/  | /' >&2
	fi
}

# keep_logs: the kernel's log, and the console when the kernel wrote there, which it does only when
# it dies.
keep_logs() {
	if [ -e "$run/dmesg" ]; then cp "$run/dmesg" "$out/dmesg$suffix"; fi
	if [ -s "$run/console" ]; then tr -d '\r' <"$run/console" >"$out/console$suffix"; fi
}

# verdict QEMU_STATUS: prints nothing when all is well; returns the exit status of the run.
verdict() {
	if [ "$broken" = 141 ]; then return 141; fi
	if [ -n "$broken" ]; then
		say "the output could not be written, so the VM was ended"
		return 125
	fi
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
	say "kernel $(cat "$kernel_dir/release"), $accel: command started at" \
		"$(cat "$run/uptime" 2>/dev/null || echo -) s of the VM's time; whole run" \
		"$(awk -v a="$begin" -v b="$end" 'BEGIN { printf "%.1f", b - a }') s"
}
