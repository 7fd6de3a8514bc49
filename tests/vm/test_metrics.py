#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The metrics, scraped by a real Prometheus and asked for in PromQL, against netem and against
ctl."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request

import harness
from harness import Host, Skip, address, binomial_interval, check, fabric, until
from test_devices import rdma_add, rdma_delete

TOP = os.path.join(harness.HERE, "../..")
sys.path.insert(0, os.path.join(TOP, "tests/doc"))
import metricspage  # noqa: E402

PAGE = "127.0.0.1:9479"
PROMETHEUS = "127.0.0.1:9090"
LISTEN = f'metrics = {{ listen = "{PAGE}"; max_paths = 50; }};'


def need(program):
    if not shutil.which(program):
        raise Skip(f"no {program} (contrib/setup metrics)")


def page(accept=None, where=PAGE):
    request = urllib.request.Request(f"http://{where}/metrics",
                                     headers={"Accept": accept} if accept else {})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read().decode()


def gone(where=PAGE):
    try:
        page(where=where)
    except OSError:
        return True
    return False


def value(text, name, **labels):
    """The sum of the samples that have these labels; None: there is none."""
    found = None
    for line in text.splitlines():
        head, _, number = line.rpartition(" ")
        if head.partition("{")[0] == name and all(f'{k}="{v}"' in head for k, v in labels.items()):
            found = (found or 0) + float(number)
    return found


def fits_manual(text):
    bad = metricspage.problems(text, TOP)
    check(not bad, "; ".join(bad))


class Prometheus:
    def __init__(self):
        self.home = tempfile.mkdtemp()
        with open(f"{self.home}/prometheus.yml", "w") as f:
            f.write("global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
                    f"scrape_configs: [{{job_name: rpingmesh, static_configs: [{{targets: "
                    f"['{PAGE}']}}]}}]\n")
        with open(f"{self.home}/log", "w") as log:
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={self.home}/prometheus.yml",
                 f"--storage.tsdb.path={self.home}/data", f"--web.listen-address={PROMETHEUS}"],
                stdout=log, stderr=log)

    def ask(self, query):
        """The value of an instant query that has one result; None: it has none."""
        try:
            with urllib.request.urlopen(f"http://{PROMETHEUS}/api/v1/query?" +
                                        urllib.parse.urlencode({"query": query}),
                                        timeout=30) as answer:
                result = json.load(answer)["data"]["result"]
        except OSError:
            return None
        check(len(result) <= 1, f"{query}: {len(result)} results")
        return float(result[0]["value"][1]) if result else None

    def end(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.home)


def test_page_is_clean(t):
    """promtool has nothing to complain about, in either format each family is there, and counts are
    those of ctl."""
    need("promtool")
    a, _ = t.pair(LISTEN)
    a.ping(address(1), 20, "-i", "0.1", status=0)
    until("a window is over", lambda: value(page(), "rpingmesh_peer_rtt_p99_seconds"), 120)
    text = page()
    lint = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True,
                          text=True)
    check(lint.returncode == 0 and not lint.stderr, f"promtool: {lint.stdout}{lint.stderr}")
    fits_manual(text)
    families = metricspage.on_page(text)
    # All is well here, and there is no broker, so these have none.
    none = {"rpingmesh_peer_state", "rpingmesh_peer_verdict", "rpingmesh_probes_corrected_total",
            *(f for f in families if f.startswith("rpingmesh_cluster_"))}
    empty = {f for f in families if not families[f]}
    check(empty == none, f"without samples: {empty}")
    openmetrics = page("application/openmetrics-text; version=1.0.0")
    check(openmetrics.endswith("# EOF\n"), "OpenMetrics ends without # EOF")
    check(value(text, "rpingmesh_probes_total", kind="ping", **{"class": "ok"}) == 20,
          "20 probes of a ping are not 20")
    check(value(text, "rpingmesh_rtt_seconds_count", kind="ping") +
          value(text, "rpingmesh_probes_noise_total", kind="ping") >= 20,
          "probes of the ping are missing in the histogram")
    check(value(text, "rpingmesh_device_up", device="rxe0") == 1, "rxe0 is not up")
    before, sent, after = page(), a.peer(address(1))["sent"], page()
    low, high = (value(text, "rpingmesh_probes_total", peer=address(1)) for text in (before, after))
    # A probe in flight is in ctl's count already.
    check(low <= sent <= high + 5, f"ctl says {sent} probes, metrics {low} to {high}")


def test_dead_peer(t):
    """A path of which no probe was answered has counts, and no histograms of zeros."""
    dead = "10.0.1.77"
    Host(t, 0, LISTEN + f'peers = ({{ address = "{dead}"; interval_ms = 100; }});').start()
    until("probes came due", lambda: (value(page(), "rpingmesh_probes_total", peer=dead) or 0) > 3)
    text = page()
    check("# TYPE rpingmesh_rtt_seconds histogram" in text, "no family of round-trip times")
    check("_seconds_bucket{" not in text, "a histogram without values")


def test_many_paths(t):
    """With more paths than path_histograms, histograms are sums without a label of the peer, counts
    remain those of each path, and a path has at most ten samples and 1,000 bytes."""
    listen = LISTEN.replace("max_paths = 50;", "max_paths = 50; path_histograms = 1;")
    dead = "10.0.1.77"
    a = Host(t, 0, listen + f'interval_ms = 100; peers = ("{address(1)}", "{dead}");').start()
    Host(t, 1, "").start()
    a.wait_peer(address(1), "up")
    until("a window is over", lambda: value(page(), "rpingmesh_peer_rtt_p99_seconds"), 120)
    text = page()
    fits_manual(text)
    check(value(text, "rpingmesh_path_histograms") == 0, "the page does not say what it has")
    check(value(text, "rpingmesh_paths") == 2, "there are not two paths")
    buckets = [line for line in text.splitlines() if "_bucket{" in line]
    check(len(buckets) == 3 * 23 and not any("peer=" in line for line in buckets),
          f"{len(buckets)} buckets")
    check(value(text, "rpingmesh_rtt_seconds_bucket", le="+Inf") ==
          value(text, "rpingmesh_rtt_seconds_count") > 0, "the last bucket is not the count")
    check(value(text, "rpingmesh_peer_state", peer=dead) == 1, "no state of the dead peer")
    p50, p99 = (value(text, f"rpingmesh_peer_rtt_p{p}_seconds", peer=address(1)) for p in (50, 99))
    check(0 < p50 <= p99, f"p50 {p50}, p99 {p99}")
    check(value(text, "rpingmesh_peer_rtt_p99_seconds", peer=dead) is None,
          "a dead peer has a round-trip time")
    lines = [line for line in text.splitlines() if f'peer="{address(1)}"' in line]
    check(len(lines) <= 10 and sum(map(len, lines)) <= 1000, f"a path has {lines}")


def test_prometheus_sees_loss(t):
    """PromQL over what a Prometheus has scraped gives the loss that netem was told.

    Tolerance: the 99.99 % interval of the binomial distribution for the probes that the query
    covers, 200 a second of which take the loss on their way out; 10 % on the way out alone."""
    need("prometheus")
    a = Host(t, 0, LISTEN + f'interval_ms = 20; peers = ("{address(1)}");').start()
    Host(t, 1, "").start()
    a.wait_peer(address(1), "up")
    prometheus = Prometheus()
    missing = "lost|ack1_missing|ack2_missing"
    judged = f'sum(increase(rpingmesh_probes_total{{class=~"ok|late|{missing}"}}[40s]))'
    loss = f'sum(increase(rpingmesh_probes_total{{class=~"{missing}"}}[40s])) / {judged}'
    try:
        until("Prometheus has scraped", lambda: prometheus.ask("up") == 1, 180)
        fabric("loss", 0, 10, "out")
        first = value(page(), "rpingmesh_probes_total", kind="mesh")
        until("1,500 probes more",
              lambda: value(page(), "rpingmesh_probes_total", kind="mesh") >= first + 1500, 300)
        # The range begins after the loss has.
        until("40 s have passed",
              lambda: (prometheus.ask("time() - timestamp(up offset 41s)") or 0) >= 41, 120)
        n, ratio = prometheus.ask(judged), prometheus.ask(loss)
        text = page()
    finally:
        fabric("loss", 0, 0, "out")
        prometheus.end()
    low, high = binomial_interval(n, 0.1, z=3.89)
    t.note(f"PromQL: {ratio:.4f} of {n:.0f} probes; interval {low / n:.4f} to {high / n:.4f}")
    check(low / n <= ratio <= high / n,
          f"loss {ratio:.4f} is outside {low / n:.4f} to {high / n:.4f}")
    check(value(text, "rpingmesh_scrapes_total", result="answered") > 20, "no scrapes were counted")


def test_paths_are_bounded(t):
    """More peers than max_paths: the rest is counted together, and nothing is lost."""
    peers = ", ".join(f'"10.9.{i // 250}.{i % 250 + 1}"' for i in range(120))
    a = Host(t, 0, LISTEN + f'interval_ms = 500; peers = ({peers}, "{address(1)}");').start()
    Host(t, 1, "").start()
    until("paths overflow", lambda: (value(page(), "rpingmesh_paths_overflow_total") or 0) > 0, 120)
    text = page()
    check(value(text, "rpingmesh_paths") <= 52, f"{value(text, 'rpingmesh_paths')} paths")
    check(value(text, "rpingmesh_probes_total", peer="_other") > 0, "nothing is counted as _other")
    before, totals, after = page(), a.status()["probes"], page()
    judged = sum(totals[c] for c in harness.CLASSES)
    low, high = (value(text, "rpingmesh_probes_total") for text in (before, after))
    check(low <= judged <= high, f"ctl says {judged} probes, metrics {low} to {high}")


def test_device_goes(t):
    """The device is removed and comes back while pages are made: each is whole, no count of a path
    falls, and what happened shows."""
    a, _ = t.pair(LISTEN, interval_ms=20)
    a.wait_peer(address(1), "up")
    seen = []

    def look(what, holds):
        def scrape():
            text = page()
            fits_manual(text)
            seen.append(value(text, "rpingmesh_probes_total", device="rxe0"))
            return holds(text)
        until(what, scrape, 120)

    look("probes are counted",
         lambda text: value(text, "rpingmesh_probes_total", **{"class": "ok"}) > 20)
    rdma_delete(0)
    look("the device is down", lambda text: not value(text, "rpingmesh_device_up", device="rxe0"))
    look("local errors are counted",
         lambda text: value(text, "rpingmesh_probes_total", **{"class": "local_error"}) > 0)
    rdma_add(0)
    look("the device is up", lambda text: value(text, "rpingmesh_device_up", device="rxe0") == 1)
    last = value(page(), "rpingmesh_probes_total", **{"class": "ok"})
    look("probes are answered again",
         lambda text: value(text, "rpingmesh_probes_total", **{"class": "ok"}) > last + 20)
    check(seen == sorted(seen), f"a count fell: {seen}")


def test_port_taken(t):
    """Another program has the port: said, and cured by itself when the port is free; a reload moves
    it."""
    squatter = socket.socket()
    squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    squatter.bind(("127.0.0.1", 9479))
    squatter.listen()
    with squatter:
        a = Host(t, 0, LISTEN).start()
        check(any("metrics" in s and "in use" in s for s in a.status()["degraded"]),
              f"not degraded: {a.status()['degraded']}")
        said = a.ctl("status")
        check("no metrics: 127.0.0.1:9479" in said, f"ctl does not show it: {said}")
    until("the port is taken over", lambda: not any("metrics" in s for s in a.status()["degraded"]),
          60)
    check("rpingmesh_build_info" in page(), "no page")
    a.configure('metrics = { listen = ""; };')
    a.process.send_signal(signal.SIGHUP)
    until("the page is gone", gone, 60)
    a.configure('metrics = { listen = "[::1]:9479"; };')
    a.process.send_signal(signal.SIGHUP)
    until("the page is there by IPv6", lambda: not gone("[::1]:9479"), 60)


if __name__ == "__main__":
    harness.main(globals())
