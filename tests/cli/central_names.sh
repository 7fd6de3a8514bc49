#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Names of routers at rpingmesh-central, by PTR, with real name servers: names_server.py, in a
# network namespace of its own, where resolv.conf and hosts are files of this test.
set -u
src=$(cd "${top_srcdir:-.}" && pwd)
build=$(cd "${top_builddir:-.}" && pwd)
PATH=$PATH:/usr/sbin:/sbin
if [ "${1:-}" != inside ]; then
	[ -x /usr/bin/python3 ] || {
		echo "python3 is missing: contrib/setup installs it"; exit 77
	}
	/usr/bin/python3 -c 'import msgpack' 2>/dev/null || {
		echo "python3-msgpack is missing: contrib/setup installs it"; exit 77
	}
	for program in ip mosquitto mosquitto_pub mosquitto_sub; do
		command -v "$program" >/dev/null || {
			echo "$program is missing: contrib/setup installs it"; exit 77
		}
	done
	root=()
	[ "$(id -u)" = 0 ] || root=(-r)
	unshare "${root[@]}" -mn true 2>/dev/null || { echo "no namespaces of its own"; exit 77; }
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	unshare "${root[@]}" -mn --kill-child -pf --mount-proc bash "$0" inside "$work"
	exit
fi

work=$2
ip link set lo up
printf 'hosts: files dns\n' >"$work/nsswitch.conf"
printf 'nameserver 127.0.0.2\noptions timeout:1 attempts:1\n' >"$work/resolv.conf"
printf '127.0.0.1 localhost\n' >"$work/hosts"
for file in hosts resolv.conf nsswitch.conf; do
	mount --bind "$work/$file" "/etc/$file" || {
		echo "/etc/$file cannot be replaced"; exit 77
	}
done
exec /usr/bin/python3 -B "$src/tests/cli/central_names.py" "$build" "$work"
