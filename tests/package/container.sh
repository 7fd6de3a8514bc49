#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The page and the files of contrib/container agree (tests/doc/container_doc.py), the command lines
# of its scripts, and the manifests against Kubernetes' models (tests/doc/kubernetes_doc.py). What
# the scripts do is run by make check-container.
set -uo pipefail
export top_srcdir=${top_srcdir:-.} top_builddir=${top_builddir:-.}
status=0
bad() { echo "FAIL: $*"; status=1; }

/usr/bin/python3 -c 'import yaml' 2>/dev/null || {
	echo "python3-yaml is missing: contrib/setup installs it"; exit 77
}
/usr/bin/python3 -B "$top_srcdir/tests/doc/container_doc.py" || status=1
for script in base build; do
	"$top_srcdir/contrib/container/$script" --help |
		grep -q "^Usage: contrib/container/$script" ||
		bad "$script --help"
	for wrong in "" --bogus; do
		"$top_srcdir/contrib/container/$script" $wrong >/dev/null 2>&1
		[ $? -eq 2 ] || bad "$script $wrong is not exit status 2"
	done
done
[ $status = 0 ] || exit $status
/usr/bin/python3 -c 'import kubernetes' 2>/dev/null || {
	echo "python3-kubernetes is missing: contrib/setup installs it"; exit 77
}
exec /usr/bin/python3 -B "$top_srcdir/tests/doc/kubernetes_doc.py"
