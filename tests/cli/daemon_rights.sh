#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a daemon and its tracing helper may do that root has started: the kernel says who they are,
# which capabilities they have and could get (/proc/PID/status), and the daemon says the same. Runs
# in the build directory.
set -uo pipefail
# A misspelt check is no passed one.
# shellcheck disable=SC2317 # bash calls it
command_not_found_handle() { echo "FAIL: no command $1"; kill -TERM $$; }
build=${top_builddir:-.}
[ "$(id -u)" = 0 ] || { echo "only root has rights to give up"; exit 77; }
id nobody >/dev/null 2>&1 || { echo "no user nobody"; exit 77; }
dir=$(mktemp -d)
conf=$dir/mesh.conf
daemon=
status=0
trap '[ -z "$daemon" ] || kill -KILL "$daemon" 2>/dev/null; rm -rf "$dir"' EXIT

bad() {
	echo "FAIL: $*"
	sed 's/^/  log: /' "$dir/log"
	status=1
}

# start TEXT [OPTION...]: a daemon with TEXT in its configuration
start() {
	local n=0
	: >"$dir/log"
	printf 'socket = "%s/sock"; socket_group = ""; devices = ( "nosuch*" );\n%s\n' "$dir" "$1" \
		>"$conf"
	"$build/rpingmeshd" -c "$conf" "${@:2}" >"$dir/log" 2>&1 </dev/null &
	daemon=$!
	until grep -q 'is running' "$dir/log"; do
		n=$((n + 1))
		{ [ $n -lt 600 ] && kill -0 "$daemon" 2>/dev/null; } || {
			bad "it does not start"; exit 1
		}
		sleep 0.1
	done
}
stop() {
	kill "$daemon"
	wait "$daemon" || bad "it ended with $?"
	daemon=
}
# kernel KEY WANT [PID]: a line of /proc/PID/status, of every thread
kernel() {
	local got
	got=$(sed -nE "s/^$1:[[:space:]]*//p" /proc/"${3:-$daemon}"/task/*/status | sort -u |
		tr '\t' ' ')
	[ "$got" = "$2" ] || bad "$1 of ${3:-the daemon} is $got, not $2"
}
# held WANT [PID]: the kernel says that these are the capabilities, and nothing is left for a
# program to inherit
held() {
	kernel CapEff "$(printf '%016x' $((0x$1 & 0x$mine)))" "${2:-}"
	kernel CapPrm "$(printf '%016x' $((0x$1 & 0x$mine)))" "${2:-}"
	kernel CapBnd "$(printf '%016x' $((0x$1 & 0x$bound)))" "${2:-}"
	kernel CapInh $none "${2:-}"
	kernel CapAmb $none "${2:-}"
	kernel NoNewPrivs 1 "${2:-}"
}
# capabilities: the daemon has none. Where the limit of locked memory can be raised no more,
# CAP_IPC_LOCK (14) stays.
capabilities() {
	local lock=0
	[ "$(awk '/^Max locked memory/ { print $4 }' /proc/"$daemon"/limits)" = $((512 << 20)) ] ||
		lock=$((1 << 14))
	held "$(printf '%016x' $lock)"
}
# children: the processes that the daemon has made
children() { awk -v d="$daemon" '$4 == d { print $1 }' /proc/[0-9]*/stat 2>/dev/null; }
# helper: the tracing helper, the only child, is prepared: it has its last right taken away
helper() {
	local n=0
	helper=$(children)
	until [ "$(cat /proc/"$helper"/comm 2>/dev/null)" = rpingmesh-trace ] &&
		grep -q '^NoNewPrivs:.1' /proc/"$helper"/status; do
		n=$((n + 1))
		[ $n -lt 600 ] || { bad "no tracing helper among the children: $helper"; return 1; }
		sleep 0.1
		helper=$(children)
	done
	return 0 # awk has another status if a process ends meanwhile
}
# told PATTERN: in the text of status
told() {
	"$build/rpingmesh-ctl" -S "$dir/sock" status >"$dir/out" 2>&1
	grep -qE -- "$1" "$dir/out" || bad "status has no '$1': $(cat "$dir/out")"
}
# said PATTERN
said() { grep -qE -- "$1" "$dir/log" || bad "the log has no '$1'"; }

none=0000000000000000
# <linux/capability.h>: CAP_PERFMON 38, CAP_BPF 39; CAP_SYS_ADMIN 21 where the kernel asks for it.
two=000000c000000000
paranoid=$(cat /proc/sys/kernel/perf_event_paranoid 2>/dev/null || echo 0)
[ "$paranoid" -le 2 ] || two=000000c000200000
# What this shell does not have, the daemon cannot keep.
mine=$(sed -nE 's/^CapEff:\t//p' /proc/self/status)
bound=$(sed -nE 's/^CapBnd:\t//p' /proc/self/status)
ulimit -S -l 64 # kB; a limit that root raises

# The daemon's own filter comes on top of those that this shell has.
filters=$(sed -nE 's/^Seccomp_filters:\t//p' /proc/self/status)
asan=$(nm "$build/rpingmeshd" 2>/dev/null | grep -c __asan_init)

# No user of its own here: it stays root, with no more than it needs.
name=root
! id rpingmesh >/dev/null 2>&1 || name=rpingmesh
start 'tracing = { enable = false; };'
uid=$(id -u $name)
kernel Uid "$uid $uid $uid $uid"
capabilities
told "^ *rights +user $name, (no capabilities|CAP_IPC_LOCK),"
if [ "$asan" = 0 ]; then
	kernel Seccomp 2
	[ -z "$filters" ] || kernel Seccomp_filters $((filters + 1))
	told '^ *rights .*, system calls filtered$'
	said 'system calls .* are filtered'
fi
# It works: another host's name is looked up in a thread, and the configuration is read again.
printf 'peers = ( "localhost" );\n' >>"$conf"
kill -HUP "$daemon"
for _ in $(seq 100); do
	grep -q 'reloaded, 1 peers' "$dir/log" && break
	sleep 0.1
done
said 'reloaded, 1 peers'
capabilities
stop
[ ! -e "$dir/sock" ] || bad "the socket stays behind"

# Tracing needs two of them, and a process of its own has these: it has no descriptor but a socket,
# the same user, and cannot be traced by it. The daemon has none.
start ''
helper && {
	held $two "$helper"
	kernel Uid "$uid $uid $uid $uid" "$helper"
	open=$(find /proc/"$helper"/fd -mindepth 1 -printf '%f %l\n' | grep -v ' /dev/null$')
	[[ $open == "3 socket:["* && $(wc -l <<<"$open") = 1 ]] || bad "its descriptors: $open"
	[ "$asan" != 0 ] || kernel Seccomp 2 "$helper"
}
capabilities
[ "$asan" != 0 ] || kernel Seccomp 2
[ $((0x$mine >> 39 & 1)) = 0 ] || told '^ *rights .*, tracing helper .*CAP_BPF'
[ "$paranoid" -le 2 ] || said 'helper keeps CAP_SYS_ADMIN, because kernel.perf_event_paranoid'
# Signals of the terminal are for the daemon, which ends the helper itself.
kill -TERM "$helper"
kill -INT "$helper"
stop
[ ! -e /proc/"$helper" ] || bad "the helper stays behind"

# Without a helper, the daemon goes on, and says what to do. Without the daemon, no helper goes on.
start ''
helper && kill -KILL "$helper"
for _ in $(seq 600); do
	grep -q 'tracing helper.*has ended' "$dir/log" && break
	sleep 0.1
done
said 'tracing helper.*has ended by signal 9: restart rpingmeshd'
told 'tracing helper.*has ended by signal 9: restart rpingmeshd'
stop
start ''
helper
kill -KILL "$daemon"
wait "$daemon" 2>/dev/null
for _ in $(seq 100); do
	[ -e /proc/"$helper" ] || break
	sleep 0.1
done
[ ! -e /proc/"$helper" ] || bad "the helper survives the daemon"
daemon=
rm -f "$dir/sock"

# A user: all four numbers, no group of root's, and the same capabilities. What only root can read
# is said at once, and again by the reload.
chmod 0755 "$dir"
start 'user = "nobody"; tracing = { enable = false; };'
uid=$(id -u nobody)
gid=$(id -g nobody)
kernel Uid "$uid $uid $uid $uid"
kernel Gid "$gid $gid $gid $gid"
kernel Groups "$gid "
capabilities
told '^ *rights +user nobody, (no capabilities|CAP_IPC_LOCK),'
! grep -q 'so a reload will be refused' "$dir/log" || bad "a file that it can read is complained of"
stop
rm -f "$dir/sock"
chmod 0600 "$conf"
printf 'a 000102030405060708090a0b0c0d0e0f\n' >"$dir/keys"
chmod 0600 "$dir/keys"
start "user = \"nobody\"; key_file = \"$dir/keys\";"
capabilities
said "$conf: Permission denied, so a reload will be refused"
said "$dir/keys: Permission denied, so a reload will be refused"
kill -HUP "$daemon"
for _ in $(seq 100); do
	grep -q 'old configuration stays' "$dir/log" && break
	sleep 0.1
done
told "degraded +the last reload was refused.*$conf.*[Pp]ermission denied"
stop

# A core dump is possible, as for a program of that user's.
rm -f "$dir/sock"
start 'user = "nobody";'
[ "$(stat -c %u /proc/"$daemon"/fd)" = "$uid" ] || bad "the kernel would not dump it"
stop

# -F: no filter.
rm -f "$dir/sock"
start 'tracing = { enable = false; };' -F
[ -z "$filters" ] || kernel Seccomp_filters "$filters"
told '^ *rights .*, system calls not filtered$'
stop

# A user that does not exist.
printf 'user = "no-such-user"; socket = "%s/sock2";\n' "$dir" >"$conf"
timeout 60 "$build/rpingmeshd" -c "$conf" >"$dir/log" 2>&1 </dev/null && bad "it runs"
said 'user: there is no user "no-such-user"'
"$build/rpingmeshd" -t -c "$conf" >"$dir/log" 2>&1 || bad "-t refuses it"
said 'user: there is no user "no-such-user"'
printf 'user = "nobody";\n' >"$conf"
"$build/rpingmeshd" -t -c "$conf" >"$dir/log" 2>&1 || bad "-t refuses it"
said "$conf: Permission denied, so a reload will be refused"
[ ! -e "$dir/sock2" ] || bad "its socket stays behind"
exit $status
