#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Paths that hosts publish, at rpingmesh-central: links and switches, with a real broker.
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
exec /usr/bin/python3 -B "${top_srcdir:-.}/tests/cli/central_paths.py" "${top_builddir:-.}"
