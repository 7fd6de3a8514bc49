#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What contrib has for Prometheus, Grafana and the OpenTelemetry Collector: promtool accepts all of
# it, each alert fires when it is to and else does not, and no metric or label is asked for that the
# programs do not have. The pages themselves, too: of a daemon without devices, and of
# rpingmesh-central without a broker.
set -uo pipefail
src=${top_srcdir:-.}
build=${top_builddir:-.}
export top_srcdir=$src PYTHONDONTWRITEBYTECODE=1
[ -x /usr/bin/python3 ] || { echo "python3 is missing: contrib/setup installs it"; exit 77; }
dir=$(mktemp -d)
daemon=
central=
status=0

cleanup() {
	[ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
	[ -z "$central" ] || kill "$central" 2>/dev/null || true
	rm -rf "$dir"
}
trap cleanup EXIT

# expect WHAT COMMAND...: it succeeds and complains of nothing on standard error.
expect() {
	local what=$1
	shift
	"$@" >"$dir/out" 2>"$dir/err" && [ ! -s "$dir/err" ] && return
	echo "$what:"
	cat "$dir/out" "$dir/err"
	status=1
}

expect "metrics and labels" /usr/bin/python3 "$src/tests/doc/metrics_used.py"

# The page, once the daemon is there. Its own port for each run: whoever else runs these tests has
# the same addresses.
port=$((20000 + $$ % 10000))
cat >"$dir/conf" <<END
socket = "$dir/sock";
socket_group = "";
devices = ("none-such");
metrics = { listen = "127.0.0.1:$port"; };
END
"$build/rpingmeshd" -c "$dir/conf" >"$dir/log" 2>&1 </dev/null &
daemon=$!
cat >"$dir/central.conf" <<END
broker = "mqtt://127.0.0.1:1";
socket = "$dir/central";
socket_group = "";
listen = "127.0.0.1:$((port - 10000))";
END
"$build/rpingmesh-central" -c "$dir/central.conf" >"$dir/central.log" 2>&1 </dev/null &
central=$!
cat >"$dir/fetch" <<'PYTHON'
import sys, time, urllib.request
sys.path.insert(0, sys.argv[1] + "/tests/doc")
import metricspage
base, url, copy, manual, counter = sys.argv[1:]
# Whatever http_proxy says: it is this machine that is asked.
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
def fetch(accept):
    return direct.open(urllib.request.Request(url, headers={"Accept": accept}), timeout=60)
for _ in range(600):
    try:
        text = fetch("text/plain;version=0.0.4").read().decode()
        break
    except OSError:
        time.sleep(0.1)
else:
    sys.exit("no page")
open(copy, "w").write(text)
answer = fetch("application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
openmetrics = answer.read().decode()
bad = metricspage.problems(text, base, manual)
kind = answer.headers["Content-Type"]
if (not kind.startswith("application/openmetrics-text; version=1.0.0") or
        not openmetrics.endswith("\n# EOF\n")):
    bad.append("OpenMetrics was asked for")
# The specification: the family of a counter has no _total, its samples have.
bad += [f"OpenMetrics: {line}" for line in openmetrics.splitlines()
        if line.startswith("# TYPE ") and line.endswith("_total counter")]
if f"\n{counter}_total " not in openmetrics:
    bad.append("OpenMetrics: samples of counters end in _total")
sys.exit("\n".join(bad) or 0)
PYTHON
expect "the page" /usr/bin/python3 "$dir/fetch" "$src" "http://127.0.0.1:$port/metrics" \
	"$dir/page" rpingmeshd.8 rpingmesh_loop_callbacks
expect "central's page" /usr/bin/python3 "$dir/fetch" "$src" \
	"http://127.0.0.1:$((port - 10000))/metrics" \
	"$dir/central_page" rpingmesh-central.8 rpingmesh_central_loop_callbacks

if ! command -v promtool >/dev/null; then
	[ $status -eq 0 ] || exit 1
	echo "no promtool (contrib/setup metrics)"
	exit 77
fi
expect "promtool check metrics" promtool check metrics <"$dir/page"
expect "promtool check metrics of central" promtool check metrics <"$dir/central_page"
expect "rules" promtool check rules "$src/contrib/prometheus/rpingmesh.rules.yml"
expect "tests of rules" promtool test rules "$src/contrib/prometheus/rpingmesh.rules.test.yml"
if command -v amtool >/dev/null; then
	expect "alertmanager.yml" amtool check-config "$src/contrib/prometheus/alertmanager.yml"
else
	echo "alertmanager.yml is not checked: no amtool (contrib/setup metrics)"
fi
expect "prometheus.yml" promtool check config "$src/contrib/prometheus/prometheus.yml"
/usr/bin/python3 "$src/tests/doc/metrics_used.py" --rules >"$dir/dashboard.yml" || status=1
expect "the dashboard's expressions" promtool check rules --lint=none "$dir/dashboard.yml"
/usr/bin/python3 "$src/tests/doc/metrics_used.py" --receiver >"$dir/receiver.yml" || status=1
expect "the collector's receiver" promtool check config "$dir/receiver.yml"
[ $status -eq 0 ]
