#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What `rpingmesh-ctl config` and `log-level` say of a running daemon, without RDMA: the
# configuration in force reads back as itself, a reload tells what it changed, and one by SIGHUP
# does the same. Runs in the build directory.
set -uo pipefail
# A misspelt check is no passed one.
# shellcheck disable=SC2317 # bash calls it
command_not_found_handle() { echo "FAIL: no command $1"; kill -TERM $$; }
build=${top_builddir:-.}
[ -x /usr/bin/python3 ] || { echo "python3 is missing: contrib/setup installs it"; exit 77; }
dir=$(mktemp -d)
conf=$dir/mesh.conf
daemon=
status=0
trap '[ -z "$daemon" ] || kill -KILL "$daemon" 2>/dev/null; rm -rf "$dir"' EXIT

bad() {
	echo "FAIL: $*"
	sed 's/^/  out: /' "$dir/out"
	sed 's/^/  err: /' "$dir/err"
	status=1
}

# ctl STATUS ARGUMENT...
ctl() {
	local want=$1 got=0
	shift
	timeout 120 "$build/rpingmesh-ctl" -S "$dir/sock" "$@" >"$dir/out" 2>"$dir/err" || got=$?
	[ $got -eq "$want" ] || bad "rpingmesh-ctl $*: exit status $got, not $want"
}
out() { grep -qE -- "$1" "$dir/out" || bad "no '$1' in the output"; }
not_out() { ! grep -qE -- "$1" "$dir/out" || bad "'$1' in the output"; }
err() { grep -qE -- "$1" "$dir/err" || bad "no '$1' on stderr"; }
# keys: "KEY VALUE" of each key in force and each peer, as sorted JSON
keys() {
	"$build/rpingmesh-ctl" -S "$dir/sock" --json config show | /usr/bin/python3 -c '
import json, sys
for line in sys.stdin:
    o = json.loads(line)
    if o["type"] == "config_peer":
        print("peer", json.dumps(o, sort_keys=True))
    for v in o.get("values", []):
        print(v["key"], json.dumps(v["value"]))' | sort
}
# start FILE: a daemon with that configuration
start() {
	local n=0
	"$build/rpingmeshd" -c "$1" >"$dir/log" 2>&1 </dev/null &
	daemon=$!
	until [ -S "$dir/sock" ]; do
		n=$((n + 1))
		[ $n -lt 600 ] || { cat "$dir/log"; bad "the daemon makes no socket"; exit 1; }
		sleep 0.1
	done
}
stop() {
	kill "$daemon"
	wait "$daemon" || bad "the daemon ended with $?"
	daemon=
}

cat >"$dir/limits.conf" <<'END'
responder = {
	allow = ("10.0.0.0/8", "fd00::7", "192.168.4.4");
	per_source = 500;
};
END
cat >"$conf" <<END
socket = "$dir/sock"; socket_group = "";
devices = ("nosuch*", "mlx[0-9]");
@include "limits.conf"
sizes = (50, "mtu");
tor = "a \\"quoted\\" \\\\ name";
gid_index = 3;
clock = "software";
log = { level = "warning"; cm = "debug"; };
peers = ( "10.0.0.2", "node7.example.",
	{ address = "10.0.0.3"; device = "mlx5"; interval_ms = 5; flow_labels = (1, 0xabcde);
	  sizes = 1024; },
	{ address = "fd00::9"; source = "fd00::1"; traffic_class = 104; service_level = 3; } );
END
start "$conf"
ctl 0 config show
out "^# $conf, read "; not_out 'changed since'
out "^gid_index = 3;  # $conf:6$"; out '^#port = 21072;$'
out "^    per_source = 500;  # $dir/limits.conf:3$"; out '^    #total = 50000;$'
out '^tor = "a \\"quoted\\" \\\\ name";'; out '^    #peer = "warning";$'; out '^    cm = "debug";'
out '^    allow = \("10.0.0.0/8", "fd00::7/128", "192.168.4.4/32"\);'; out '^    "10.0.0.2",$'
out '\{ address = "10.0.0.3"; device = "mlx5"; interval_ms = 5; sizes = \(1024\); flow_labels = '\
'\(1, 703710\); \}'
ctl 0 --json config show
keys >"$dir/keys"
[ "$(grep -c . "$dir/keys")" -ge 40 ] || bad "only $(wc -l <"$dir/keys") keys"
ctl 0 config show
cp "$dir/out" "$dir/shown.conf"
stop
start "$dir/shown.conf"
keys >"$dir/again"
diff "$dir/keys" "$dir/again" || bad "what is shown reads back as something else"
stop

# Another daemon, whose file changes.
start "$conf"
sleep 0.01 # another mtime
sed -i 's/500/600/' "$dir/limits.conf"
ctl 0 config show
out "^# $dir/limits.conf: it has been (changed|replaced) since it was read"
not_out "^# $conf: it"
sed -i -e 's/gid_index = 3/gid_index = 4/' -e 's/"10.0.0.2", /"10.0.0.4", "10.0.0.5", /' \
	-e 's/interval_ms = 5;/interval_ms = 6;/' "$conf"
ctl 0 config reload
out "^$conf: read again$"; out '^  responder.per_source: 500 -> 600$'
out '^  gid_index: 3 -> 4, at the next start only'
out '^  peers: 2 added \(10.0.0.4, 10.0.0.5\)$'; out '^  peers: 1 removed \(10.0.0.2\)$'
out '^  peers: 1 changed \(10.0.0.3\)$'
ctl 0 config show
out "^gid_index = 3;  # from the next start on 4, $conf:6$"; out '^    per_source = 600;'
not_out 'since it was read'
ctl 0 --json config reload
out '"changed":\[\{"key":"gid_index","from":3,"to":4,"restart":true\}\]'
sed -i 's/gid_index = 4/gid_index = 3/' "$conf"
ctl 0 config reload; out '^  nothing has changed$'
echo 'total = 5;' >>"$dir/limits.conf"
ctl 1 config reload; err "^rpingmesh-ctl: reload: $dir/limits.conf:5: total: "
ctl 0 config show; out "^# the last reload was refused: $dir/limits.conf:5: total"
out '^    per_source = 600;'
sed -i 5d "$dir/limits.conf"
sed -i 's/600/700/' "$dir/limits.conf"
kill -HUP "$daemon"
n=0
until ctl 0 config show && grep -q 'per_source = 700' "$dir/out"; do
	n=$((n + 1))
	[ $n -lt 600 ] || { bad "SIGHUP is not heard"; break; }
	sleep 0.1
done
not_out 'refused'
rm "$dir/limits.conf"
ctl 1 config reload; err "$conf:3: @include: "
ctl 0 config show; out "^# $dir/limits.conf: it cannot be found"
ctl 2 config; ctl 2 config drop; ctl 2 config show reload

ctl 0 log-level; out '^main *warning$'; out '^cm *debug$'; not_out lasts
ctl 0 log-level debug peer trace; out '^peer *debug \(configured: warning\)$'; out '^main *warning$'
out 'until the next reload or restart'
ctl 0 log-level info; out '^cm *info \(configured: debug\)$'
ctl 0 --json log-level; out '"levels":\{"main":"info"'
ctl 2 log-level loud; err 'error, warning, info or debug, not "loud"'
ctl 2 log-level info moon
err 'main, config, device, cm, peer, responder, trace, control or cluster, not "moon"'
printf 'socket = "%s/sock"; socket_group = ""; devices = ("nosuch*"); log = { level = '\
'"error"; };\n' "$dir" >"$conf"
ctl 0 config reload
ctl 0 log-level; out '^cm *error$'; not_out configured
stop

if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	stranger() {
		setpriv --reuid 12345 --regid 12345 --clear-groups -- "$dir/ctl" -S "$dir/sock" \
			"$@" >"$dir/out" 2>"$dir/err"
	}
	start "$conf"
	chmod 755 "$dir"
	chmod 666 "$dir/sock"
	# A copy: the build directory may be closed to others. One that is emulated is a script, and
	# needs that directory.
	cp "$build/rpingmesh-ctl" "$dir/ctl"
	if [ "$(head -c 2 "$dir/ctl")" = '#!' ] && ! stranger --version; then
		echo "the build directory is closed to others, and the program emulated:" \
			"rights not tried"
	else
		stranger config show ||
			bad "a stranger who may connect cannot see the configuration"
		stranger config reload; [ $? = 3 ] || bad "a stranger may reload"
		err 'reload: '
		stranger log-level debug; [ $? = 3 ] || bad "a stranger may set the log level"
		stranger log-level || bad "a stranger cannot see the log level"
	fi
	stop
fi
exit $status
