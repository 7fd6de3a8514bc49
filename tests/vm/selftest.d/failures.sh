# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Sourced by tests/vm/selftest: time limit, signals, crashes.

test_timeout() {
	"$here/run" --sudo --kernel "$kernel" --out "$work/vm-out" --timeout 15 -- sleep 1000 \
		2>"$work/stderr"
	equal "time limit" 124 $?
	check "time limit is explained" contains "$work/stderr" "time limit of 15 s"
	check "nothing left after a time limit" no_trace
}

# Lines as kernels print them, and whether each is a bug. From the kernel's sources:
# kernel/locking/lockdep.c, kernel/rcu/tree_stall.h, kernel/hung_task.c, arch/x86/kernel/traps.c,
# mm/kasan/report.c, lib/ubsan.c, kernel/panic.c.
check_patterns() {
	local line expected found
	while read -r expected line; do
		found=no
		# shellcheck disable=SC1091 # its patterns only
		if (. "$here/lib/outcome.sh" && grep -Eq "$bugs" <<<"[    5.123456] $line"); then
			found=bug
		fi
		equal "kernel log: $line" "$expected" "$found"
	done <<'LINES'
bug BUG: kernel NULL pointer dereference, address: 0000000000000000
bug kernel BUG at mm/slub.c:379!
bug general protection fault, probably for non-canonical address 0xdead000000000100: 0000 [#1] SMP
bug Unable to handle kernel paging request at virtual address dead000000000108
bug WARNING: possible recursive locking detected
bug WARNING: inconsistent lock state
bug WARNING: suspicious RCU usage
bug BUG: KASAN: slab-use-after-free in rxe_completer+0x1a1/0x2b0 [rdma_rxe]
bug UBSAN: array-index-out-of-bounds in drivers/infiniband/sw/rxe/rxe_qp.c:12:3
bug rcu: INFO: rcu_sched detected stalls on CPUs/tasks:
bug INFO: task rpingmeshd:123 blocked for more than 120 seconds.
bug refcount_t: underflow; use-after-free.
bug unregister_netdevice: waiting for h0 to become free. Usage count = 2
no WARNING: CPU: 0 PID: 12 at drivers/infiniband/sw/rxe/rxe_pool.c:116 rxe_pool_cleanup+0x2a/0x40
no rdma_rxe: loaded
no debug: an oopsie
LINES
}

test_crash() {
	vm -- sh -c 'echo before; echo c >/proc/sysrq-trigger; sleep 100'
	equal "a kernel panic is a failure" 125 "$status"
	check "a kernel panic is shown" contains "$work/stderr" "sysrq triggered crash"
	equal "output before the panic" before "$(cat "$work/stdout")"
	check "and kept" contains "$work/vm-out/console" "sysrq triggered crash"
	vm -- sh -c 'echo "WARNING: possible circular locking dependency detected" >/dev/kmsg
		echo "made up for the test" >/dev/kmsg'
	equal "a bug in the kernel log is a failure" 125 "$status"
	check "a bug in the kernel log is shown" contains "$work/stderr" "made up for the test"
	check "the kernel log is kept" contains "$work/vm-out/dmesg" "made up for the test"
	check "all of it" contains "$work/vm-out/dmesg" "Linux version"
	check "no console of an earlier run" test ! -e "$work/vm-out/console"
	check_patterns
	vm -- sh -c 'echo o >/proc/sysrq-trigger; sleep 100'
	equal "a VM that vanishes is a failure" 125 "$status"
}

# A signal ends the VM; what cannot be caught, too, as far as processes and files go.
test_signals() {
	local signal ended
	for signal in HUP TERM KILL; do
		begin "$signal" -- sh -c \
			'echo "in the log" >/dev/kmsg; sleep 1; echo now; sleep 100' </etc/passwd
		kill -0 "$run_pid" && kill -"$signal" "$run_pid"
		wait "$run_pid" 2>/dev/null
		ended=$?
		equal "SIG$signal ends the VM while its output comes live" \
			"$((128 + $(kill -l "$signal"))) now" \
			"$ended $(cat "$work/stdout.$signal")"
		check "nothing left after SIG$signal" no_trace
		[ "$signal" = KILL ] ||
			check "but the kernel log after SIG$signal" contains "$work/vm-out/dmesg" \
				"in the log"
	done
}

# shellcheck disable=SC2016 # dollars that must not expand here
test_cores() {
	# The signal is not to meet the shell that is about to become the program.
	vm --as daemon -- bash -c 'cp "$(command -v sleep)" "$RPINGMESH_VM_OUT/crash me"
		"$RPINGMESH_VM_OUT/crash me" 100 & echo $!
		until [[ $(</proc/$!/comm) = crash* ]]; do :; done
		kill -SEGV $!; wait $!; echo $?
		(ulimit -c 0; "$RPINGMESH_VM_OUT/crash me" 100 & kill -ABRT $!; wait $!); echo $?
		for i in {1..9}; do sleep 100 & kill -ABRT $!; wait $!; done 2>/dev/null; true'
	local pid core
	{ read -r pid && read -r; } <"$work/stdout"
	core=$work/vm-out/core.crash_me.$pid
	equal "a crash is not the run's failure" 0 "$status"
	equal "statuses of the crashed" $'139\n134' "$(tail -n +2 "$work/stdout")"
	check "core dump named for program and process" test -s "$core"
	check "the crash is told" contains "$work/stderr" "crash me (pid $pid) crashed with SIGSEGV"
	check "and how to open the dump" contains "$work/stderr" \
		"gdb '$work/vm-out/crash me' '$core'"
	# ET_CORE, in the byte order of x86
	equal "an ELF core file" "7f454c46 0400" \
		"$(od -An -tx1 -N4 "$core" | tr -d ' ') $(od -An -tx1 -j16 -N2 "$core" | tr -d ' ')"
	if command -v gdb >/dev/null; then
		gdb -batch -ex 'print $_siginfo.si_signo' "$work/vm-out/crash me" "$core" \
			>"$work/gdb" 2>&1
		check "gdb reads it" contains "$work/gdb" '$1 = 11'
	else
		skip "gdb reads it" "no gdb"
	fi
	equal "no more than eight" 8 "$(find "$work/vm-out" -name 'core.*' | wc -l)"
	check "those left out are told" contains "$work/stderr" "one too many"
	rm -f "$work"/vm-out/core.*
}
