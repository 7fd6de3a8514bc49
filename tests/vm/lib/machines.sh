# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# --machines: several VMs on one virtual network. Each is a tests/vm/run of its own, called with
# --member before the caller's options; what follows is the part of the caller's tests/vm/run, which
# runs none itself, and then what a member adds to its machine. Sourced by tests/vm/run.
#
# The net directory belongs to the caller: sockets of the network, the path of the output directory,
# ended.I as soon as machine I's command has ended by itself, and meet, which all machines see as
# /run/machines (see machine-barrier).

# check_machines: the options that --machines does not go with.
check_machines() {
	[ "$machines" != 1 ] || return 0
	{ is_number "$machines" && [ "$machines" -ge 2 ] && [ "$machines" -le 8 ]; } ||
		bad_call "--machines: 2 to 8"
	[ "$hosts" = 0 ] ||
		bad_call "--machines and --hosts exclude each other:" \
			"the fabric's hosts lie in one machine"
	[ -z "$interactive" ] ||
		bad_call "--machines has no terminal to give, which --interactive and --gdb need"
	# While one idles, its clock would run ahead of the others'.
	[ "$icount" != off ] ||
		bad_call "--machines does not go with --icount; with --icount-idle it does"
}

# number_lines I: copies standard input, with the machine's number before each line; a line is one
# write.
number_lines() {
	local line LC_ALL=C
	while IFS= read -r line || [ -n "$line" ]; do printf '%s: %s\n' "$1" "$line"; done
}

# start_machine I ARGUMENT...: it gets SIGTERM when this script ends, however that ends.
start_machine() {
	local i=$1 stdout stderr
	shift
	exec {stdout}> >(number_lines "$i") && machine_readers+=($!)
	exec {stderr}> >(number_lines "$i" >&2) && machine_readers+=($!)
	setpriv --pdeathsig TERM "$here/run" --member "$i:$net" "$@" \
		</dev/null >&"$stdout" 2>&"$stderr" {stdout}>&- {stderr}>&- {out_lock}<&- &
	machine_pids[i]=$!
	exec {stdout}>&- {stderr}>&-
}

end_machines() {
	local pid
	for pid in "${machine_pids[@]}"; do kill -TERM "$pid" 2>/dev/null; done
	for pid in "${machine_pids[@]}" "${machine_readers[@]}"; do wait "$pid" 2>/dev/null; done
	machine_pids=() machine_readers=()
}

cleanup_machines() {
	trap - EXIT
	end_machines
	rm -rf "$net"
}

# machines_interrupted SIGNAL NUMBER: one is enough; another may come for the whole process group.
machines_interrupted() {
	trap '' INT TERM HUP
	say "ended by SIG$1"
	exit $((128 + $2))
}

# machine_ended PID STATUS: takes it from the list; fails when it was not its command that ended.
machine_ended() {
	local i
	for i in "${!machine_pids[@]}"; do
		[ "${machine_pids[i]}" = "$1" ] || continue
		unset "machine_pids[$i]"
		machine_status[i]=$2
		if [ ! -e "$net/ended.$i" ]; then
			say "machine $i gave up, the others are ended"
			return 1
		fi
		: >"$net/meet/ended.$i"
	done
}

# wait_for_machines: returns the exit status of the run.
wait_for_machines() {
	local pid status i
	while [ ${#machine_pids[@]} -gt 0 ]; do
		pid=
		wait -n -p pid "${machine_pids[@]}"
		status=$?
		machine_ended "$pid" "$status" || { end_machines && return "$status"; }
	done
	end_machines
	for ((i = 1; i <= machines; i++)); do
		[ "${machine_status[i]}" -eq 0 ] || return "${machine_status[i]}"
	done
}

# run_machines ARGUMENT...: the whole run, with the arguments that the caller gave.
run_machines() {
	local i
	machine_pids=() machine_readers=() machine_status=()
	claim_out
	rm -f -- "$out"/dmesg.[1-8] "$out"/console.[1-8]
	"$here/kernel" --arch "$arch" ${modules:+--modules "$modules"} "$kernel" >/dev/null ||
		exit 125
	net=$(mktemp -d "${TMPDIR:-/tmp}/rpingmesh-net.XXXXXX") ||
		die "cannot create a temporary directory"
	trap cleanup_machines EXIT
	trap 'machines_interrupted INT 2' INT
	trap 'machines_interrupted TERM 15' TERM
	trap 'machines_interrupted HUP 1' HUP
	# sun_path of unix(7)
	[ ${#net} -le 98 ] || die "TMPDIR is too long for a socket: $net"
	mkdir "$net/meet"
	# Users of --as meet, too.
	chmod 777 "$net/meet"
	echo "$out" >"$net/out"
	for ((i = 1; i <= machines; i++)); do start_machine "$i" "$@"; done
	wait_for_machines
}

# --- a member -------------------------------------------------------------------------------------

# join_machines: called once the options are parsed.
join_machines() {
	number=${member%%:*}
	net=${member#*:}
	suffix=.$number
	out=$(cat "$net/out")
}

# wire_arguments: qemu's. Machine 1 holds the hub; each other one is joined to it by two sockets.
# The MTU leaves room for an RDMA MTU of 4096.
wire_arguments() {
	local i
	local mac=52:54:00:77:00:0$number
	machine+=(-device "virtio-net-pci,netdev=eth0,mac=$mac,host_mtu=4200,romfile=")
	share net machines "$net/meet" ""
	if [ "$number" -ne 1 ]; then
		machine+=(-netdev "$(wire eth0 "$number" "$number" 1)")
		return
	fi
	machine+=(-netdev "hubport,id=eth0,hubid=0")
	for ((i = 2; i <= machines; i++)); do
		machine+=(-netdev "$(wire "wire$i" "$i" 1 "$i")"
			-netdev "hubport,id=hub$i,hubid=0,netdev=wire$i")
	done
}

# wire ID WIRE FROM TO: one end of a wire; the other has FROM and TO exchanged.
wire() {
	local local_path=$net/wire$2.$3 remote_path=$net/wire$2.$4
	printf 'dgram,id=%s,local.type=unix,local.path=%s,remote.type=unix,remote.path=%s\n' \
		"$1" "${local_path//,/,,}" "${remote_path//,/,,}"
}

# machine_settings: for the guest script.
machine_settings() {
	printf 'machine=%q\n' "$number"
	printf 'machines=%q\n' "$machines"
	printf 'rxe=%q\n' "$rxe"
	printf 'machine_script=%q\n' "$here/lib/machines_guest.sh"
}

# note_end: tells the caller's tests/vm/run that the command ended by itself.
note_end() { [ ! -s "$run/status" ] || : >"$net/ended.$number"; }
