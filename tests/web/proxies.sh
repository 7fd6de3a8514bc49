#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# nginx and caddy in front of rpingmesh-central, as rpingmesh-central(8) shows them: TLS, a
# password, the stream of events, and what an operator says.
[ -x /usr/bin/python3 ] || { echo "python3 is missing: contrib/setup installs it"; exit 77; }
/usr/bin/python3 -c 'import msgpack' 2>/dev/null || {
	echo "python3-msgpack is missing: contrib/setup installs it"; exit 77
}
PATH=$PATH:/usr/sbin
for program in mosquitto mosquitto_pub openssl nginx caddy; do
	command -v "$program" >/dev/null || {
		echo "$program is missing: contrib/setup installs it"; exit 77
	}
done
src=${top_srcdir:-.}
PYTHONPATH=$src/tests/cli:$src/tests/web exec /usr/bin/python3 -B "$src/tests/web/proxies.py" \
	"${top_builddir:-.}"
