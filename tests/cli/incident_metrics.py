# SPDX-License-Identifier: Apache-2.0
"""incident_metrics.py BUILD: what central's metrics say of a 5-tuple that a switch drops and of the
pairs of switches, of which there are more than `metrics_pairs`. Broker, fabric and hosts are those
of culprit.py and asks.py. What is true is what this test has broken."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request

from asks import Agents
from checks import LONG, check
from culprit import LEAVES, RATE, World, address, free_port, route

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../doc"))
import metricspage  # noqa: E402

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
PAIRS = 5
PAIR = ("leaf1", "leaf2")  # of the 5-tuple
SAMPLE = re.compile(r'^rpingmesh_central_(\w+?)(?:\{(.*)\})? (\S+)$', re.M)


class Page:
    """The metrics of central, now."""

    def __init__(self, port):
        # Whatever http_proxy says: it is this machine that is asked.
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self.text = direct.open(f"http://127.0.0.1:{port}/metrics", timeout=LONG).read().decode()
        self.samples = [(name, dict(re.findall(r'(\w+)="([^"]*)"', labels)), float(value))
                        for name, labels, value in SAMPLE.findall(self.text)]

    def of(self, name):
        return [(labels, value) for n, labels, value in self.samples if n == name]

    def one(self, name):
        (_, value), = self.of(name)
        return value

    def pairs(self, name):
        return {(labels["from"], labels["to"]): value for labels, value in self.of("pair_" + name)}


def drop(world):
    """A switch drops one 5-tuple of leaf 1, and nothing else. Returns that stream."""
    fabric = world.fabric
    stream = next(s for s in fabric.hosts[0].streams if s.destination.leaf == 2)
    row = fabric.row

    def with_hole(place, s):
        if s is not stream:
            return row(place, s)
        return {"place": place, "classes": {"lost": RATE}, "noise": 0, "noise_lost": 0,
                "corrected": 0, "slow": 0}
    fabric.row = with_hole
    return stream


def on_the_way(culprit, stream):
    links = [[address(end) for end in x] for x in route(
        stream.source, stream.destination, stream.port) + route(
        stream.destination, stream.source, stream.back) if isinstance(x, tuple)]
    return [culprit["from"], culprit["to"]] in links or culprit["name"].startswith(
        f"{stream.source.address} -> {stream.destination.address} port {stream.port} ")


def shown(incidents):
    """What metrics show of them."""
    return sorted((i["id"], i["kind"], i["priority"], i["effect"], i["culprits"][0]["name"],
                   len(i["culprits"])) for i in incidents)


def try_healthy(world, port):
    total = LEAVES * LEAVES  # hosts of a leaf probe each other, too
    page = world.wait("all pairs are counted", lambda: (
        lambda p: p if p.one("pairs_left_out") == total - PAIRS else None)(Page(port)))
    check("the first pairs by name have metrics", sorted(page.pairs("probes")) == sorted(
        (f"leaf{1 + i // LEAVES}", f"leaf{1 + i % LEAVES}") for i in range(PAIRS)))
    check("they lose nothing", set(page.pairs("loss_ratio").values()) == {0.0} and
          len(page.pairs("loss_ratio")) == PAIRS)
    check("there is no incident", not page.of("incident") and
          page.one("incidents_left_out") == 0)
    status = world.ctl("--json", "status")[1][0]
    check("status says what is left out",
          (status["metrics_pairs"], status["metrics_pairs_left_out"]) == (PAIRS, total - PAIRS))


def try_hole(world, port):
    stream = drop(world)

    def named():
        before, page, found = world.blamed(), Page(port), world.blamed()
        # Candidates become fewer at any time: the page is compared with what was true all along.
        return (page, found) if (
            found and shown(before) == shown(found) and
            page.of("incident") and page.pairs("loss_ratio").get(PAIR) and
            page.of("incident_loss_ratio")[0][1] > 0.9) else None
    page, found = world.wait("the 5-tuple is named, with a loss that rules call a black hole",
                             named)
    print("#", found[0]["culprits"], flush=True)
    check("metrics have the incidents that blame has", sorted(
        (labels["id"], labels["kind"], labels["priority"], labels["effect"], labels["culprit"],
         int(labels["candidates"])) for labels, _ in page.of("incident")) == shown(found))
    check("one incident, of this 5-tuple or of links on its way", len(found) == 1 and
          all(on_the_way(c, stream) for c in found[0]["culprits"]))
    check("its loss has its id", [x for x, _ in page.of("incident_loss_ratio")] == [
        {"id": found[0]["id"]}])
    loss = page.pairs("loss_ratio")
    check("the pair that loses is one of the five", len(loss) == PAIRS and
          0 < loss[PAIR] < 1 and sum(v > 0 for v in loss.values()) == 1)
    check("names and labels are those of the manual",
          not metricspage.problems(page.text, TOP, "rpingmesh-central.8"))
    if shutil.which("promtool"):
        lint = subprocess.run(["promtool", "check", "metrics"], input=page.text, text=True,
                              capture_output=True, timeout=LONG)
        check(f"promtool takes the page {lint.stdout}{lint.stderr}",
              lint.returncode == 0 and not lint.stderr)


def main():
    with tempfile.TemporaryDirectory() as directory:
        world, port = World(directory), free_port()
        streams = {host: host.streams for host in world.fabric.hosts}
        agents = Agents(world)
        agents.deaf = False  # a 5-tuple is accused only if its path was traced since it loses
        for host in world.fabric.hosts:
            host.streams = streams[host]
        try:
            world.form(10, f'listen = "127.0.0.1:{port}";\nmetrics_pairs = {PAIRS};\n')
            try_healthy(world, port)
            try_hole(world, port)
        finally:
            world.end()
            if check.failed:
                world.explain()
    sys.exit(check.failed > 0)


if __name__ == "__main__":
    main()
