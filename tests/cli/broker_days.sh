#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The bad days of a broker: see broker_days.py.
[ "$(id -u)" = 0 ] || { echo "only root can mount a disk that is full"; exit 77; }
PATH=$PATH:/usr/sbin:/sbin
for program in /usr/bin/python3 mosquitto mosquitto_pub mosquitto_passwd openssl; do
	command -v "$program" >/dev/null || {
		echo "$program is missing: contrib/setup installs it"; exit 77
	}
done
/usr/bin/python3 -c 'import msgpack' 2>/dev/null || {
	echo "python3-msgpack is missing: contrib/setup installs it"; exit 77
}
unshare --mount true 2>/dev/null || { echo "this machine allows no namespaces"; exit 77; }
exec unshare --mount /usr/bin/python3 -B "${top_srcdir:-.}/tests/cli/broker_days.py" \
	"${top_builddir:-.}"
