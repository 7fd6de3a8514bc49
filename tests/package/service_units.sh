#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The units of systemd: no complaint of systemd-analyze verify, a sandbox that exposes 2.5 at most,
# and the path that the default configuration has.
set -uo pipefail
src=${top_srcdir:-.}
[ -x "$(command -v systemd-analyze)" ] || { echo "no systemd-analyze"; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
status=0
bad() { echo "FAIL: $*"; status=1; }

cp "$src/contrib/systemd/rpingmeshd.socket" "$dir"
sed 's|@sbindir@|/usr/sbin|' "$src/contrib/systemd/rpingmeshd.service.in" >"$dir/rpingmeshd.service"
grep -n '@' "$dir/rpingmeshd.service" | grep -vE 'SystemCallFilter=' &&
	bad "something was not filled in"

# verify looks whether the program is there, so one is. The manual pages are not installed either.
mkdir "$dir/verify"
sed "s|/usr/sbin/rpingmeshd|$(command -v true)|" "$dir/rpingmeshd.service" \
	>"$dir/verify/rpingmeshd.service"
cp "$dir/rpingmeshd.socket" "$dir/verify"
systemd-analyze verify --man=no "$dir"/verify/rpingmeshd.{service,socket} >"$dir/out" 2>&1 ||
	bad "systemd-analyze verify: exit status $?"
[ ! -s "$dir/out" ] || bad "systemd-analyze verify: $(cat "$dir/out")"

sed "s|@sbindir@/rpingmesh-central|$(command -v true)|" \
	"$src/contrib/systemd/rpingmesh-central.service.in" >"$dir/verify/rpingmesh-central.service"
systemd-analyze verify --man=no "$dir/verify/rpingmesh-central.service" >"$dir/out" 2>&1 ||
	bad "systemd-analyze verify: exit status $?"
[ ! -s "$dir/out" ] || bad "rpingmesh-central.service: $(cat "$dir/out")"

# The second fences: as the pages have them, and with room for what the code may use.
# workers ROOM: how many threads its pools, and that of the names, have at most.
names=$(sed -nE 's/^#define NAMES_WORKERS ([0-9]+)$/\1/p' "$src/src/core/names.c")
workers() {
	local n sum=$names
	while read -r n; do
		sum=$((sum + n))
	done < <(grep -rhoE --include='*.c' 'work_new\([^;]*;' "$src/src/$1" |
		sed -E 's/^work_new\([^"]*"[^"]*", ([0-9]+),.*/\1/')
	echo "$sum"
}
# fence UNIT KEY: sets `value`, which the page has, too.
fence() {
	value=$(sed -nE "s/^$2=([0-9]+G?)$/\\1/p" "$src/contrib/systemd/$1.service.in")
	[ -n "$value" ] || bad "$1.service: no $2="
	grep -qx ".Cm $2=$value" "$src/man/$1.8" || bad "$1(8): no $2=$value"
	value=${value:-0}
}
# The loop and the helper; the loop.
for unit in agent:rpingmeshd:2 central:rpingmesh-central:1; do
	IFS=: read -r room name more <<<"$unit"
	most=$(($(workers "$room") + more))
	echo "$name: $most threads and processes at most"
	grep -q "$most threads" "$src/man/$name.8" || bad "$name(8): not $most threads"
	grep -qE "At most ${most}[ :]" "$src/contrib/systemd/$name.service.in" ||
		bad "$name.service: not $most threads"
	fence "$name" TasksMax
	[ "$value" -ge $((2 * most)) ] || bad "$name.service: TasksMax=$value for $most"
done
fence rpingmeshd MemoryMax
limit=$(sed -nE 's/^#    memory_mb = ([0-9]+);$/\1/p' "$src/etc/rpingmeshd.conf")
[ $((${value%G} * 1024)) -ge $((2 * ${limit:?})) ] ||
	bad "MemoryMax=$value is not twice limits.memory_mb, $limit"
# By what was measured, 100,000 NICs take 8 GB.
fence rpingmesh-central MemoryMax
[ "${value%G}" -gt 8 ] || bad "rpingmesh-central.service: MemoryMax=$value"

cp "$src/contrib/systemd/rpingmesh-lldp.service" "$dir"
systemd-analyze verify --man=no "$dir/rpingmesh-lldp.service" >"$dir/out" 2>&1 ||
	bad "systemd-analyze verify: exit status $?"
[ ! -s "$dir/out" ] || bad "systemd-analyze verify: $(cat "$dir/out")"
default=$(sed -nE 's/^#    lldp_file = "(.*)";/\1/p' "$src/etc/rpingmeshd.conf")
grep -qx "WorkingDirectory=${default%/*}" "$dir/rpingmesh-lldp.service" ||
	bad "WorkingDirectory= is not that of the default of \`cluster.lldp_file\`, $default"
grep -q "mv new ${default##*/};" "$dir/rpingmesh-lldp.service" ||
	bad "it does not write ${default##*/}"
grep -qE "rm -rf .*${default%/*}( |$)" "$src/contrib/debian/rpingmesh.postrm" ||
	bad "the Debian package does not remove ${default%/*}"

# In tenths. systemd before 250, as that of Debian 11, cannot tell of a file.
offline=yes
systemd-analyze --help | grep -q -- --offline || offline=no
[ $offline = no ] ||
	systemd-analyze security --offline=true --threshold=25 \
		--no-pager "$dir/rpingmeshd.service" >"$dir/out" 2>&1 ||
	bad "it exposes more than 2.5: $(grep -v ✓ "$dir/out")"
[ $offline = no ] ||
	systemd-analyze security --offline=true --threshold=25 \
		--no-pager "$dir/rpingmesh-lldp.service" >"$dir/out-lldp" 2>&1 ||
	bad "rpingmesh-lldp.service exposes more than 2.5: $(grep -v ✓ "$dir/out-lldp")"
[ $offline = no ] || grep 'Overall exposure' "$dir/out" ||
	bad "no figure of systemd-analyze security: $(cat "$dir/out")"

default=$(sed -nE 's/^#socket = "(.*)";/\1/p' "$src/etc/rpingmeshd.conf")
grep -qx "ListenStream=$default" "$dir/rpingmeshd.socket" ||
	bad "ListenStream= is not the default of \`socket\`, $default"
group=$(sed -nE 's/^#socket_group = "(.*)";/\1/p' "$src/etc/rpingmeshd.conf")
grep -qx "SocketGroup=$group" "$dir/rpingmeshd.socket" ||
	bad "SocketGroup= is not the default of \`socket_group\`, $group"
grep -qE "^u $group " "$src/contrib/systemd/sysusers.d/rpingmesh.conf" ||
	bad "no user $group is made"
[ $status = 0 ] && [ $offline = no ] && {
	echo "systemd-analyze has no security --offline"; exit 77
}
exit $status
