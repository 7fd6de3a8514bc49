#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What real daemons have published in tests/vm, in Debian's Chromium, by a real broker and a real
# central: the mesh, a link that loses, its story.
[ -x /usr/bin/python3 ] || { echo "python3 is missing: contrib/setup installs it"; exit 77; }
/usr/bin/python3 -c 'import msgpack' 2>/dev/null || {
	echo "python3-msgpack is missing: contrib/setup installs it"; exit 77
}
PATH=$PATH:/usr/sbin
for program in mosquitto mosquitto_pub chromium chromedriver; do
	command -v "$program" >/dev/null || {
		echo "$program is missing: contrib/setup installs it"; exit 77
	}
done
src=${top_srcdir:-.}
PYTHONPATH=$src/tests/cli:$src/tests/web exec /usr/bin/python3 -B "$src/tests/web/recorded.py" \
	"${top_builddir:-.}"
