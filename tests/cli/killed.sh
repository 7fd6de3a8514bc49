#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# rpingmesh-central is killed at any moment and started again: KILLED_ROUNDS times, 6 by default.
[ -x /usr/bin/python3 ] || { echo "python3 is missing: contrib/setup installs it"; exit 77; }
/usr/bin/python3 -c 'import msgpack' 2>/dev/null || {
	echo "python3-msgpack is missing: contrib/setup installs it"; exit 77
}
PATH=$PATH:/usr/sbin
command -v mosquitto >/dev/null || {
	echo "mosquitto is missing: contrib/setup installs it"; exit 77
}
exec /usr/bin/python3 -B "${top_srcdir:-.}/tests/cli/killed.py" "${top_builddir:-.}"
