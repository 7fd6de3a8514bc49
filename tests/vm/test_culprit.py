#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Who is to blame, from end to end: the daemons of a Clos, a broker and rpingmesh-central.
Something is broken at a place that a seed draws (CULPRIT_SEED, default 1): `rpingmesh-ctl blame`
names it and nothing else; when it is well again, the incident closes. A daemon that is stopped or
killed and a broker that is away are no faults of the network.

What is true is what this test has broken, by tests/vm/fabric. Which address belongs to which switch
is read off the kernel; central gets the same as its file `switches`.

The clock of the VM counts instructions (suites: +icount)."""

import os
import random
import shutil
import signal
import time

import harness
from harness import check, until
from test_clos import Cluster, CONF

SEED = int(os.environ.get("CULPRIT_SEED", 1))
SHAPE = tuple(map(int, os.environ.get("CULPRIT_SHAPE", "3 2 2").split()))
PATHS, REPORT = "rpingmesh/1/path/", "rpingmesh/1/report/"
LOSS = ("loss", "30%")
GROUP_MAX = 3
# How long nothing may be found. The windows of central are 20 s.
QUIET_S = 40
LATER_S = 10
# debug: central says what it has found and suspects in each window.
LOG = os.environ.get("CULPRIT_LOG", "info")
OUT = os.environ.get("RPINGMESH_VM_OUT")
# Switches of the Clos do not limit their answers.
TEXT = CONF.replace("max_probes_per_s = 10", "max_probes_per_s = 40").replace(
    "cluster = {", "cluster = { trace_per_s = 100;")
NETWORK = ("nic", "link", "switch", "tuples", "unknown")


class Named(Cluster):
    """A cluster whose switches have names at central."""

    def __init__(self, t):
        super().__init__(t, SHAPE, TEXT)
        self.switches = self.clos.switch_addresses()
        self.path = os.path.join(t.dir, "switches")
        with open(self.path, "w") as f:
            f.write(self.switches)

    def central_text(self):
        return (f'{super().central_text()}switches = "{self.path}";\n'
                f'log = {{ level = "{LOG}"; }};\n')

    def __exit__(self, *error):
        """What was published is of use to those who look for the cause of a failure."""
        super().__exit__(*error)
        if OUT:
            shutil.copy(self.topics.path, os.path.join(OUT, f"topics.{time.monotonic():.0f}"))


class Faults:
    """The cluster, quiet at first."""

    def __init__(self, t):
        self.t = t
        self.cluster = Named(t)
        self.clos = self.cluster.clos
        self.random = random.Random(SEED)
        # All of the first leaf, and one of each other leaf, so as to spare processor time.
        first = [n for n in self.clos.hosts if self.clos.leaf_of(n) == "leaf0"]
        self.hosts = first + list(self.clos.hosts[len(first)::len(first)])
        self.nodes = {}
        for line in self.cluster.switches.splitlines():
            name, *addresses = line.split()
            self.nodes.update({a.partition("=")[0]: name for a in addresses})

    def __enter__(self):
        self.cluster.__enter__()
        self.cluster.start(*self.hosts)
        self.cluster.wait_settled(self.hosts)
        until("all paths are known at central", self.all_paths, step_s=3, limit_s=300)
        self.check_quiet("before any fault")
        return self

    def __exit__(self, *error):
        self.cluster.__exit__(*error)

    def all_paths(self):
        """Each link between leaf and spine, both ways, is on a path that was published."""
        links = set()
        for _, topic, record in self.cluster.topics.messages():
            if topic.startswith(PATHS) and record:
                hops = [[self.nodes.get(hop["address"]) for hop in path["hops"]]
                        for path in record["paths"]]
                links |= {pair for one in hops for pair in zip(one, one[1:])}
        return {x for leaf in self.clos.leaves for spine in self.clos.spines
                for x in ((leaf, spine), (spine, leaf))} <= links

    def blame(self):
        return [x for x in self.cluster.central.json("blame") if x["type"] == "incident"]

    def stalled_s(self, number, since):
        """The seconds for which a daemon has stalled, by its reports."""
        return sum(record["stalled_s"] for _, topic, record in self.cluster.topics.messages(since)
                   if topic.startswith(REPORT) and topic.endswith(f"/host{number}") and record)

    def name(self, culprit):
        """A culprit in words of the fabric."""
        if culprit["kind"] == "link":
            return frozenset((self.nodes[culprit["from"]], self.nodes[culprit["to"]]))
        if culprit["kind"] == "switch":
            return culprit["name"]
        if culprit["kind"] == "unknown":
            return culprit["name"].removeprefix("above ")
        if culprit["kind"] == "tuples":
            return culprit["name"]
        return culprit["host"]

    def check_quiet(self, what):
        """For QUIET_S, no incident in the network."""
        end = time.monotonic() + QUIET_S
        while time.monotonic() < end:
            found = [x for x in self.blame() if x["kind"] in NETWORK]
            check(not found, f"{what}: {found}")
            time.sleep(3)

    def others(self, truth):
        """Incidents of which the truth is not the likeliest candidate of a few; a NIC must be the
        only one."""
        return [x for x in self.blame()
                if truth != self.name(x["culprits"][0]) or
                len(x["culprits"]) > (1 if x["kind"] == "nic" else GROUP_MAX)]

    def check_found(self, what, truth, netem, *ends, fault=None):
        """netem, or what fault() does, at these ends of links: the culprit is named, no other is,
        and it is well when the links are."""
        began_ns = time.time_ns()
        fault = fault or self.clos.fault
        try:
            self.check_named(what, truth, netem, *ends, fault=fault)
        finally:
            for a, b in ends:
                fault(a, b)
        until("the incident closes", lambda: not self.blame(), limit_s=300, step_s=5)
        self.check_accused(what, truth, began_ns)

    def check_accused(self, what, truth, began_ns):
        """Nobody else was accused meanwhile, not for a moment; the first losses over a switch may
        look like those of some of its links."""
        accused = [self.name(x["culprits"][0]) for x in
                   self.cluster.central.json("incidents", "--all") if x["since_ns"] >= began_ns]
        parts = [x for x in accused if isinstance(x, frozenset) and truth in x]
        if parts:
            self.t.note(f"{what}: accused before: {[' - '.join(sorted(x)) for x in parts]}")
        check(all(x == truth for x in accused if x not in parts),
              f"{what}: others were accused: {accused}")

    def check_named(self, what, truth, netem, *ends, fault):
        began = time.monotonic()
        for a, b in ends:
            fault(a, b, *netem)
        until(f"{what} is named", lambda: [x for x in self.blame() if truth in
                                           map(self.name, x["culprits"])], limit_s=180, step_s=1)
        self.t.note(f"{what} is named after {time.monotonic() - began:.0f} s: " + ", ".join(
            c["name"] for x in self.blame() for c in x["culprits"]))
        time.sleep(LATER_S)
        check(not self.others(truth), f"{what}: others are accused: {self.others(truth)}")

    def draw_leaf(self):
        """A leaf with two daemons: the uplinks of one alone look like its NIC."""
        leaves = [self.clos.leaf_of(n) for n in self.hosts]
        return self.random.choice([x for x in self.clos.leaves if leaves.count(x) > 1])

    def draw_path(self):
        """A path that crosses a spine, of a 5-tuple that a host probes by its list."""
        paths = {}
        for _, topic, record in self.cluster.topics.messages():
            if topic.startswith(PATHS) and record:
                paths.update({(p["source"], p["destination"], p["src_port"]): p
                              for p in record["paths"]})
        probed = set()
        for _, topic, record in self.cluster.topics.messages():
            if topic.startswith(REPORT) and record and record["whole"]:
                probed |= {(s["source"], d, p) for s in record["streams"]
                           for d, p in zip(s["destinations"], s["src_ports"])}
        return self.random.choice([p for key, p in sorted(paths.items())
                                   if key in probed and len(p["hops"]) == 3 and
                                   all(hop["address"] for hop in p["hops"])])


def test_links(t):
    """One direction of a link between a leaf and a spine."""
    with Faults(t) as faults:
        ends = [faults.random.choice(faults.clos.leaves), faults.random.choice(faults.clos.spines)]
        faults.random.shuffle(ends)
        faults.check_found(f"the link from {ends[0]} to {ends[1]}", frozenset(ends), LOSS, ends)


def both(*links):
    return [x for a, b in links for x in ((a, b), (b, a))]


def test_parts(t):
    """One after the other, by the seed: a cable, a NIC, a spine, the uplinks of a leaf, a link that
    delays."""
    with Faults(t) as faults:
        clos, draw = faults.clos, faults.random.choice
        leaf, spine = draw(clos.leaves), draw(clos.spines)
        port = draw([n for n in faults.hosts if clos.leaf_of(n) == "leaf0"])
        faults.check_found(f"the cable of {leaf} and {spine}", frozenset((leaf, spine)), LOSS,
                           *both((leaf, spine)))
        faults.check_found(f"the NIC of host {port}", f"host{port}", LOSS,
                           *both((f"h{port}", "leaf0")))
        faults.check_found(spine, spine, LOSS, *both(*((x, spine) for x in clos.leaves)))
        full = faults.draw_leaf()
        faults.check_found(f"uplinks of {full}", full, LOSS,
                           *both(*((full, x) for x in clos.spines)))
        faults.check_found(f"a slow link from {leaf} to {spine}", frozenset((leaf, spine)),
                           ("delay", "20ms"), (leaf, spine))


def test_hole(t):
    """A spine drops what it gets of one 5-tuple, and nothing else."""
    with Faults(t) as faults:
        path = faults.draw_path()
        leaf, spine, _ = (faults.nodes[hop["address"]] for hop in path["hops"])
        name = (f"{path['source']} -> {path['destination']} port {path['src_port']} "
                f"class {path['traffic_class']}")
        match = ("src_port", str(path["src_port"]), "src_ip", path["source"], "dst_ip",
                 path["destination"])
        faults.check_found(f"{name} at {spine}", name, match, (leaf, spine),
                           fault=faults.clos.blackhole)


def test_hosts(t):
    """What is no network's fault: a daemon that is stopped for a while, or killed, and a broker
    that is away."""
    with Faults(t) as faults:
        number = faults.random.choice(faults.hosts)
        host = faults.cluster.hosts[number]
        host.send_signal(signal.SIGSTOP)
        faults.check_quiet("a daemon is stopped")
        since = time.time()
        host.send_signal(signal.SIGCONT)
        faults.check_quiet("the daemon goes on")
        check(faults.stalled_s(number, since) >= QUIET_S / 2, "it does not say that it has stalled")
        host.stop(signal.SIGKILL)
        host.start(wait=False)
        faults.check_quiet("the daemon is killed and started again")
        central = faults.cluster.central
        central.broker.terminate()
        central.broker.wait(60)
        faults.check_quiet("the broker is away")
        central.start_broker()
        faults.check_quiet("the broker is back")


if __name__ == "__main__":
    harness.main(globals())
