#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# rpingmesh-records(5) and rpingmesh-control(7) have the fields of the table of records, and a
# daemon without devices answers as that says, to a program with Python's msgpack alone. What needs
# devices is compared by tests/vm/test_subscriber.py.
set -uo pipefail
src=${top_srcdir:-.}
build=${top_builddir:-.}
export top_srcdir=$src top_builddir=$build
[ -x /usr/bin/python3 ] || { echo "python3 is missing: contrib/setup installs it"; exit 77; }
/usr/bin/python3 -B "$src/tests/doc/records_page.py" || exit 1
/usr/bin/python3 -B "$src/tests/doc/records_doc.py" || exit 1
/usr/bin/python3 -c 'import msgpack' 2>/dev/null || {
	echo "python3-msgpack is missing: contrib/setup installs it"; exit 77
}

dir=$(mktemp -d)
daemon=
status=0
trap '[ -z "$daemon" ] || kill -KILL "$daemon" 2>/dev/null; rm -rf "$dir"' EXIT
bad() {
	echo "FAIL: $*"
	status=1
}

cat >"$dir/conf" <<END
socket = "$dir/sock"; socket_group = ""; devices = ( "nosuch*" ); peers = ( "10.0.0.2" );
tracing = { enable = false; };
END
"$build/rpingmeshd" -c "$dir/conf" >"$dir/log" 2>&1 </dev/null &
daemon=$!
n=0
until [ -S "$dir/sock" ]; do
	n=$((n + 1))
	[ $n -lt 600 ] || { cat "$dir/log"; bad "the daemon makes no socket"; exit 1; }
	sleep 0.1
done
/usr/bin/python3 -B "$src/tests/doc/wire.py" "$dir/sock" ||
	bad "the daemon's answers are not those of the manual"

# The example as a user calls it.
example() {
	timeout 60 /usr/bin/python3 -B "$src/contrib/examples/subscribe.py" -S "$dir/sock" "$@" \
		>"$dir/out" 2>&1
}
example --call status || bad "subscribe.py --call status: $(cat "$dir/out")"
grep -q '"type": "status"' "$dir/out" || bad "subscribe.py --call status prints no status"
example --call flows limit=0 && bad "subscribe.py takes a parameter that is out of range"
grep -q 'limit: expected 1 to 256' "$dir/out" ||
	bad "subscribe.py does not print the daemon's error: $(cat "$dir/out")"
example --call ping host=10.9.9.9 && bad "a ping to where no device leads is no error"
kill "$daemon"
wait "$daemon" 2>/dev/null
daemon=
example --call status && bad "subscribe.py finds a daemon that has ended"
exit $status
