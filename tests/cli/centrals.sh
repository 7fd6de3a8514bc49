#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Two rpingmesh-centrals at one broker have the same incidents; one of them keeps the mesh.
[ -x /usr/bin/python3 ] || { echo "python3 is missing: contrib/setup installs it"; exit 77; }
/usr/bin/python3 -c 'import msgpack' 2>/dev/null || {
	echo "python3-msgpack is missing: contrib/setup installs it"; exit 77
}
PATH=$PATH:/usr/sbin
for program in mosquitto mosquitto_pub mosquitto_sub; do
	command -v "$program" >/dev/null || {
		echo "$program is missing: contrib/setup installs it"; exit 77
	}
done
exec /usr/bin/python3 -B "${top_srcdir:-.}/tests/cli/centrals.py" "${top_builddir:-.}"
