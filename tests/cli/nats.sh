#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A NATS cluster as broker: see nats.py. It has a network of its own, for fixed ports.
[ "$(id -u)" = 0 ] || { echo "only root can make namespaces"; exit 77; }
PATH=$PATH:/usr/sbin:/sbin
for program in /usr/bin/python3 nats-server ip; do
	command -v "$program" >/dev/null || { echo "$program is missing"; exit 77; }
done
/usr/bin/python3 -c 'import msgpack' 2>/dev/null || { echo "python3-msgpack is missing"; exit 77; }
set -- unshare --mount --net --pid --fork --kill-child --mount-proc
"$@" true 2>/dev/null || { echo "this machine allows no namespaces"; exit 77; }
exec "$@" /usr/bin/python3 -B "${top_srcdir:-.}/tests/cli/nats.py" "${top_builddir:-.}"
