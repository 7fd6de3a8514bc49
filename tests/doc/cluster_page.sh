#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# rpingmesh-cluster(7) is executed as it is written: see cluster_page.py.
[ "$(id -u)" = 0 ] || { echo "only root can make namespaces with a /etc of their own"; exit 77; }
PATH=$PATH:/usr/sbin:/sbin
for program in /usr/bin/python3 mosquitto mosquitto_pub mosquitto_sub openssl ip useradd; do
	command -v "$program" >/dev/null || {
		echo "$program is missing: contrib/setup installs it"; exit 77
	}
done
[ -f /lib/systemd/system/mosquitto.service ] || {
	echo "mosquitto has no unit of Debian's"; exit 77
}
getent passwd mosquitto >/dev/null || { echo "there is no user mosquitto"; exit 77; }
[ -f "${top_builddir:-.}/contrib/systemd/rpingmeshd.service" ] || {
	echo "this build is without systemd units"; exit 77
}
set -- unshare --mount --net --pid --fork --kill-child --mount-proc
"$@" true 2>/dev/null || { echo "this machine allows no namespaces"; exit 77; }
exec "$@" /usr/bin/python3 -B "${top_srcdir:-.}/tests/doc/cluster_page.py" "${top_srcdir:-.}" \
	"${top_builddir:-.}"
