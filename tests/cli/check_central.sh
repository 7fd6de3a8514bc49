#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `rpingmesh-ctl --central check` with simulated agents at a real broker.
[ -x /usr/bin/python3 ] || { echo "python3 is missing: contrib/setup installs it"; exit 77; }
/usr/bin/python3 -c 'import msgpack' 2>/dev/null || {
	echo "python3-msgpack is missing: contrib/setup installs it"; exit 77
}
PATH=$PATH:/usr/sbin
command -v mosquitto >/dev/null || {
	echo "mosquitto is missing: contrib/setup installs it"; exit 77
}
export top_srcdir="${top_srcdir:-.}"
exec /usr/bin/python3 -B "${top_srcdir:-.}/tests/cli/check_central.py" "${top_builddir:-.}"
