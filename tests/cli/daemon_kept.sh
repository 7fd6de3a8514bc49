#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What a running daemon learns when the host changes around it, without RDMA, in namespaces of its
# own: a name that moves to another address, this host's name, the control socket that is removed.
# And what of its peers it says in status.
# Each must be seen within a minute.
set -uo pipefail
# A misspelt check is no passed one.
# shellcheck disable=SC2317 # bash calls it
command_not_found_handle() { echo "FAIL: no command $1"; kill -TERM $$; }
build=$(cd "${top_builddir:-.}" && pwd)
[ -x /usr/bin/python3 ] || { echo "python3 is missing: contrib/setup installs it"; exit 77; }
if [ "${1:-}" != inside ]; then
	root=()
	[ "$(id -u)" = 0 ] || root=(-r)
	unshare "${root[@]}" -mu true 2>/dev/null || { echo "no namespaces of its own"; exit 77; }
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	unshare "${root[@]}" -mu --kill-child -pf bash "$0" inside "$work"
	exit
fi

dir=$2
status=0
# value METHOD JSON-KEY: of the first record that the command prints
value() {
	timeout 60 "$build/rpingmesh-ctl" -S "$dir/sock" --json "$1" 2>"$dir/err" |
		/usr/bin/python3 -c '
import json, sys
print(json.loads(sys.stdin.readline() or "{}").get(sys.argv[1]))' "$2"
}
# becomes WHAT COMMAND KEY PATTERN: within a minute by the clock of this script
becomes() {
	local until=$((SECONDS + 60)) got=
	while [ $SECONDS -lt $until ]; do
		got=$(value "$2" "$3")
		# shellcheck disable=SC2053 # a pattern
		[[ $got != $4 ]] || { echo "ok - $1"; return; }
		sleep 0.5
	done
	echo "not ok - $1: $2 says $3 \"$got\", not \"$4\", after a minute"
	sed 's/^/  log: /' "$dir/log"
	status=1
}

echo "192.0.2.7 node7" >"$dir/hosts"
echo "hosts: files" >"$dir/nsswitch.conf"
for file in hosts nsswitch.conf; do
	mount --bind "$dir/$file" "/etc/$file" || { echo "/etc/$file cannot be replaced"; exit 77; }
done
cat >"$dir/conf" <<END
socket = "$dir/sock"; socket_group = "";
tracing = { enable = false; };
peers = ("node7");
END
sethostname() { /usr/bin/python3 -c 'import socket, sys; socket.sethostname(sys.argv[1])' "$1"; }
sethostname kept-1
"$build/rpingmeshd" -c "$dir/conf" >"$dir/log" 2>&1 </dev/null &
daemon=$!
for _ in $(seq 600); do
	[ ! -S "$dir/sock" ] || break
	sleep 0.1
done

becomes "a name" peers gid 192.0.2.7
echo "192.0.2.8 node7" >"$dir/hosts"
becomes "a name that moves" peers gid 192.0.2.8
becomes "no peer is up" status degraded "*none of 1 configured peers is up*"
becomes "the host's name" status hostname kept-1
sethostname kept-2
becomes "the host's name that changes" status hostname kept-2
rm "$dir/sock"
becomes "the socket that is removed" status hostname kept-2
echo 'peers = ("node7", "node-nine");' >>"$dir/conf"
sed -i '/^peers = ("node7");/d' "$dir/conf"
kill -HUP "$daemon"
becomes "a name that is not found" status degraded \
	"*1 of 2 configured peers have a name that is not found, first node-nine;*"
kill "$daemon"
wait "$daemon" || { echo "not ok - the daemon ended with $?"; status=1; }
exit $status
