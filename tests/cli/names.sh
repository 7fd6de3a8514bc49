#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Names are resolved as the C library of this host does it, at any moment: names_ask runs on while
# hosts, resolv.conf, nsswitch.conf and name servers change, and must answer what getent(1), started
# anew, answers. In namespaces of its own, with name servers of its own (names_server.py).
set -u
# A misspelt check is no passed one.
# shellcheck disable=SC2317 # bash calls it
command_not_found_handle() { echo "FAIL: no command $1"; kill -TERM $$; }
src=$(cd "${top_srcdir:-.}" && pwd)
build=$(cd "${top_builddir:-.}" && pwd)
PATH=$PATH:/usr/sbin:/sbin
if [ "${1:-}" != inside ]; then
	for program in /usr/bin/python3 ip getent; do
		command -v "$program" >/dev/null || {
			echo "$program is missing: contrib/setup installs it"; exit 77
		}
	done
	root=()
	[ "$(id -u)" = 0 ] || root=(-r)
	unshare "${root[@]}" -mn true 2>/dev/null || { echo "no namespaces of its own"; exit 77; }
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	unshare "${root[@]}" -mn --kill-child -pf bash "$0" inside "$work"
	exit
fi

work=$2
status=0
ip link set lo up
: >"$work/ready"
for file in hosts resolv.conf nsswitch.conf; do
	printf 'hosts: files dns\n' >"$work/$file"
	[ "$file" = nsswitch.conf ] || : >"$work/$file"
	mount --bind "$work/$file" "/etc/$file" || {
		echo "/etc/$file cannot be replaced"; exit 77
	}
done
/usr/bin/python3 -B "$src/tests/cli/names_server.py" 127.0.0.1 ::1 >>"$work/ready" &
/usr/bin/python3 -B "$src/tests/cli/names_server.py" --silent 127.0.0.2 >>"$work/ready" &
for _ in $(seq 600); do
	[ "$(wc -l <"$work/ready")" = 2 ] && break
	sleep 0.1
done
[ "$(wc -l <"$work/ready")" = 2 ] || { echo "the name servers did not start"; exit 1; }

mkfifo "$work/names"
"$build/tests/cli/names_ask" <"$work/names" >"$work/answers" &
exec 3>"$work/names"

# The C library's answer: the first IPv4 address, else the first address, else "-".
theirs() {
	getent ahosts "$1" | awk '{ if (!any) any = $1; if (!four && $1 !~ /:/) four = $1 }
		END { print four ? four : any ? any : "-" }'
}

ours() {
	local n=$(($(wc -l <"$work/answers") + 1))
	echo "$1" >&3
	for _ in $(seq 1200); do
		[ "$(wc -l <"$work/answers")" -ge $n ] && break
		sleep 0.05
	done
	sed -n "${n}s/^- .*/-/;${n}p" "$work/answers"
}

# same CASE NAME EXPECTED: ours, the C library's and the table's answer are one.
same() {
	local a b
	a=$(ours "$2")
	b=$(theirs "$2")
	if [ "$a" = "$3" ] && [ "$b" = "$3" ]; then
		echo "ok - $1"
	else
		echo "not ok - $1: $2 is \"$a\", getent says \"$b\", expected is \"$3\""
		status=1
	fi
}

same "no server, no hosts" node7 -
printf '10.0.1.1 node7\n' >"$work/hosts"
same "a host that is added to hosts later" node7 10.0.1.1
printf '10.0.2.1 node7\n' >"$work/hosts"
same "a host that moves" node7 10.0.2.1
printf '10.0.3.1\tnode7 # rack 3\r\n10.0.3.2 node8\r\n' >"$work/hosts"
same "lines that end in CR LF" node7 10.0.3.1
: >"$work/hosts"
same "a host that is removed" node7 -
printf 'nameserver 127.0.0.1\n' >"$work/resolv.conf"
same "a resolver that comes later" four.example 192.0.2.1
same "AAAA alone" six.example 2001:db8::1
same "A and AAAA" both.example 192.0.2.1
same "no such name" nobody.example -
printf 'search none.example example\nnameserver 127.0.0.1\n' >"$work/resolv.conf"
same "a search list" four 192.0.2.1
printf 'nameserver 127.0.0.2\nnameserver 127.0.0.1\noptions timeout:1 attempts:1\n' \
	>"$work/resolv.conf"
same "the first server is silent" four.example 192.0.2.1
printf 'nameserver 127.0.0.3\nnameserver 127.0.0.1\n' >"$work/resolv.conf"
same "nobody listens at the first server" four.example 192.0.2.1
printf 'nameserver ::1\n' >"$work/resolv.conf"
same "a server by IPv6" four.example 192.0.2.1
printf 'nameserver fe80::1%%lo\nnameserver 127.0.0.1\noptions timeout:1 attempts:1\n' \
	>"$work/resolv.conf"
same "the first server is link-local" four.example 192.0.2.1
printf 'nameserver 127.0.0.1\r\nsearch example\r\n' >"$work/resolv.conf"
crlf=$(theirs four.example)
same "resolv.conf with CR LF" four.example "$crlf"
printf 'nameserver 127.0.0.1\n' >"$work/resolv.conf"
printf '10.0.9.9 four.example\n' >"$work/hosts"
same "hosts before DNS" four.example 10.0.9.9
printf 'hosts: dns files\n' >"$work/nsswitch.conf"
same "DNS before hosts, as nsswitch.conf says" four.example 192.0.2.1
printf 'hosts: files\n' >"$work/nsswitch.conf"
: >"$work/hosts"
same "no DNS, as nsswitch.conf says" four.example -
exec 3>&-
n=$(wc -l <"$work/answers")
[ "$n" -ge 18 ] || { echo "only $n names were asked"; status=1; }
exit $status
