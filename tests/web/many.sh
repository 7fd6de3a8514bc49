#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The page with 10,000 NICs, which tests/bench/report_load.c makes up, in Debian's Chromium, with a
# real broker and a real central.
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
if grep -q '^SAN_CFLAGS = .*-fsanitize' "${top_builddir:-.}/Makefile"; then
	echo "with sanitizers, 10,000 NICs take central minutes"; exit 77
fi
src=${top_srcdir:-.}
PYTHONPATH=$src/tests/cli:$src/tests/web:$src/tests/bench exec /usr/bin/python3 -B \
	"$src/tests/web/many.py" "${top_builddir:-.}"
