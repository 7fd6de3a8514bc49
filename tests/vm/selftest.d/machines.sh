# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2154 # variables of selftest
#
# tests/vm/run --machines. Sourced by tests/vm/selftest.

# machines_refused NAME ERROR ARGUMENT...
machines_refused() {
	local name=$1 error=$2
	shift 2
	"$here/run" --sudo "$@" -- true 2>"$work/stderr"
	equal "$name" 2 $?
	check "$name: says why" contains "$work/stderr" "$error"
}

# What each machine does: it shows itself, meets the others twice at the same barrier, reads what
# they have written, and speaks RDMA. Then each ends in its own way.
# shellcheck disable=SC2016 # dollars that must not expand here
machines_command='me=$RPINGMESH_MACHINE
	echo "$(hostname) $me of $RPINGMESH_MACHINES" \
		$(ip -o addr show dev eth0 scope global | grep -o "[^ ]*/[0-9]*")
	ibv_devinfo -d rxe0 | grep -o "active_mtu: *[0-9]*"
	[ $me = 1 ] || sleep $me
	echo $me >"$RPINGMESH_VM_OUT/from.$me"; machine-barrier b
	cat "$RPINGMESH_VM_OUT"/from.*; machine-barrier b
	sleep $me; echo $me >>"$RPINGMESH_VM_OUT/from.$me"; machine-barrier b
	cat "$RPINGMESH_VM_OUT"/from.* | wc -l
	case $me in
	1) timeout 60 udaddy -b 10.77.0.1 >/dev/null 2>&1; echo "served $?" ;;
	3) for try in 1 2 3 4 5; do
			sleep 2
			timeout 20 udaddy -s vm1 -b 10.77.0.3 >/dev/null 2>&1 &&
				echo reached && break
		done ;;
	esac
	machine-barrier c; echo "err $me" >&2
	case $me in 1) machine-barrier nobody; echo "barrier $?"; exit 0 ;; esac; exit $((8 - me))'

# of N: the lines of machine N.
of() { sed -n "s/^$1: //p" "$work/stdout"; }

extra_machines() {
	machines_refused "one machine too many" "--machines" --machines 9
	machines_refused "--machines and --hosts" "exclude each other" --machines 2 --hosts 2
	machines_refused "--machines and --icount" "--icount-idle" --machines 2 --icount
	rm -rf "$work/vm-out"
	vm --timeout 600 --machines 3 -- bash -c "$machines_command"
	equal "the exit status is the first that is not 0" 6 "$status"
	equal "machine 1" "vm1 1 of 3 10.77.0.1/24 fd00:77::1/64
active_mtu:		4096
1
2
3
6
served 0
barrier 1" "$(of 1)"
	equal "machine 3" "vm3 3 of 3 10.77.0.3/24 fd00:77::3/64
active_mtu:		4096
1
2
3
6
reached" "$(of 3)"
	equal "each line has a number" "" "$(grep -v '^[123]: ' "$work/stdout")"
	check "stderr apart from stdout" contains "$work/stderr" "2: err 2"
	check "a barrier that nobody else will come to" contains "$work/stderr" \
		"machine 2 has ended"
	check "nothing left in TMPDIR" no_trace
}

# shellcheck disable=SC2016 # dollars that must not expand here
extra_machine_dies() {
	vm --timeout 400 --machines 2 --no-rxe -- sh -c 'ls /sys/class/infiniband
		machine-barrier up; echo here
		[ $RPINGMESH_MACHINE = 1 ] || echo c >/proc/sysrq-trigger; sleep 1000'
	equal "a machine that dies ends all" 125 "$status"
	check "its panic is shown" contains "$work/stderr" "2:   | "
	check "it says which" contains "$work/stderr" "machine 2 gave up"
	equal "output before, without rxe0" here "$(of 1)"
	check "nothing left in TMPDIR" no_trace
	"$here/run" --sudo --kernel "$kernel" --out "$work/vm-out" --machines 2 --no-rxe \
		--timeout 600 -- sh -c 'echo here; sleep 1000' \
		>"$work/stdout" 2>/dev/null &
	local pid=$! try
	for try in {1..600}; do
		if [ "$(grep -c here "$work/stdout")" -eq 2 ]; then break; fi
		sleep 0.2
	done
	kill -TERM $pid
	wait $pid
	equal "SIGTERM ends all machines (begun after $((try / 5)) s)" 143 $?
	check "nothing left in TMPDIR after SIGTERM" no_trace
}
