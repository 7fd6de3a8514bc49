#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Who is to blame, from end to end: the daemons of a Clos, a broker and rpingmesh-central.
Something is broken at a place that a seed draws (CULPRIT_SEED, default 1): `rpingmesh-ctl blame`
names it and nothing else; when it is well again, the incident closes, and of two jobs it says the
one that is hurt. A daemon that is stopped, killed or starved and a broker that is away are no
faults of the network.

What is true is what this test has broken, by tests/vm/fabric. Which address belongs to which switch
is read off the kernel; central gets the same as its file `switches`.

The clock of the VM counts instructions (suites: +icount)."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import msgpack

import culprit_draw
import harness
from harness import Failure, check, sh, until
from test_clos import Cluster, CONF

SEED = int(os.environ.get("CULPRIT_SEED", 1))
SHAPE = tuple(map(int, os.environ.get("CULPRIT_SHAPE", "3 2 2").split()))
PATHS, REPORT = "rpingmesh/1/path/", "rpingmesh/1/report/"
LOSS = ("loss", "30%")
# How many faults the case `drawn` draws, and, if they are not all, of which kinds.
FAULTS = int(os.environ.get("CULPRIT_FAULTS", 2))
KINDS = os.environ.get("CULPRIT_KINDS", "").split()
GROUP_MAX = 3
ALL_HOSTS = bool(os.environ.get("CULPRIT_ALL_HOSTS"))
# How long nothing may be found. The windows of central are 20 s.
QUIET_S = 40
LATER_S = 10
# Of the small probes of a stream (CLUSTER_ROWS_LEARN), which are four in five.
LEARNED = 30
# debug: central says what it has found and suspects in each window.
LOG = os.environ.get("CULPRIT_LOG", "info")
OUT = os.environ.get("RPINGMESH_VM_OUT")
# Of each daemon.
RATE = int(os.environ.get("CULPRIT_RATE", 40))
# Switches of the Clos do not limit their answers.
TEXT = CONF.replace("max_probes_per_s = 10", f"max_probes_per_s = {RATE}").replace(
    "cluster = {", "cluster = { trace_per_s = 100;")
# Probes of flows, and a few for each: all hosts share a processor.
TEXT_TRACING = TEXT.replace("tracing = { enable = false; };", "tracing = { interval_ms = 200; };")
NETWORK = ("nic", "link", "switch", "tuples", "unknown")


class Named(Cluster):
    """A cluster whose switches have names at central."""

    def __init__(self, t, text):
        super().__init__(t, SHAPE, text)
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
            shutil.copy(self.path, OUT)


class Reader:
    """Reads each message of Topics once: they are many, and the processor is slow."""

    def __init__(self, topics):
        self.file = open(topics.path)
        self.rest = ""

    def read(self):
        lines = (self.rest + self.file.read()).split("\n")
        self.rest = lines.pop()
        for line in lines:
            _, topic, *data = line.split(" ")
            if topic.startswith(PATHS) and data and data[0]:
                yield topic, msgpack.unpackb(bytes.fromhex(data[0]))


class Faults:
    """The cluster, quiet at first."""

    def __init__(self, t, text=TEXT):
        self.t = t
        self.cluster = Named(t, text)
        self.clos = self.cluster.clos
        self.random = random.Random(SEED)
        self.paths, self.reader = {}, None
        # All of the first leaf, and one of each other leaf, so as to spare processor time.
        first = [n for n in self.clos.hosts if self.clos.leaf_of(n) == "leaf0"]
        self.hosts = (list(self.clos.hosts) if ALL_HOSTS else
                      first + list(self.clos.hosts[len(first)::len(first)]))
        self.nodes = {}
        for line in self.cluster.switches.splitlines():
            name, *addresses = line.split()
            self.nodes.update({a.partition("=")[0]: name for a in addresses})

    def __enter__(self):
        self.cluster.__enter__()
        self.reader = Reader(self.cluster.topics)
        self.cluster.start(*self.hosts)
        self.cluster.wait_settled(self.hosts)
        until("all paths are known at central", self.all_paths, step_s=3, limit_s=300)
        until("what RTT is usual is known of all", self.all_learned, step_s=5, limit_s=300)
        self.check_quiet("before any fault", QUIET_S / 2)
        return self

    def __exit__(self, *error):
        self.cluster.__exit__(*error)

    def read_paths(self):
        """What was published of paths since the last call."""
        for topic, record in self.reader.read():
            if topic.startswith(PATHS) and record:
                self.paths.update({(p["source"], p["destination"], p["src_port"]): p
                                   for p in record["paths"]})

    def all_paths(self):
        """Each link between leaf and spine, both ways, is on a path that was published."""
        links = set()
        self.read_paths()
        for path in self.paths.values():
            hops = [self.nodes.get(hop["address"]) for hop in path["hops"]]
            links |= set(zip(hops, hops[1:]))
        return {x for leaf in self.clos.leaves for spine in self.clos.spines
                for x in ((leaf, spine), (spine, leaf))} <= links

    def all_learned(self):
        """What is slow is told from the first LEARNED answers of a stream."""
        return all(x["ok"] >= LEARNED for n in self.hosts
                   for x in self.cluster.hosts[n].json("targets") if x["kind"] != "ask")

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

    def check_quiet(self, what, seconds=QUIET_S):
        """For so long, no incident in the network."""
        end = time.monotonic() + seconds
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
        self.read_paths()
        host = self.cluster.hosts[self.random.choice(self.hosts)]
        keys = sorted({(x["source"], x["destination"], x["src_port"])
                       for x in host.json("targets") if x["src_port"]})
        return self.random.choice([path for path in map(self.paths.get, keys) if path and
                                   len(path["hops"]) == 3 and
                                   all(hop["address"] for hop in path["hops"])])


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


# Of 100 ms of a processor.
LITTLE_US = 2000


class Cgroup:
    """A control group below the root of version 2."""
    ROOT = "/sys/fs/cgroup"

    def __init__(self, name):
        self.path = os.path.join(self.ROOT, name)
        at = self.ROOT
        for part in name.split("/"):
            self.write(at, "cgroup.subtree_control", "+cpu")
            at = os.path.join(at, part)
            os.makedirs(at, exist_ok=True)

    def limit(self, us_of_100_ms):
        self.write(self.path, "cpu.max", f"{us_of_100_ms} 100000")

    @staticmethod
    def write(at, name, value):
        with open(os.path.join(at, name), "w") as f:
            f.write(str(value))

    def add(self, pid):
        self.write(self.path, "cgroup.procs", pid)

    def throttled_s(self):
        with open(os.path.join(self.path, "cpu.stat")) as f:
            return int(dict(line.split() for line in f)["throttled_usec"]) / 1e6

    def start(self, *argv):
        return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                preexec_fn=lambda: self.add(0))


@contextlib.contextmanager
def ended(processes):
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


# Uses a processor for ever, or for a share of each second of the VM's clock.
HOG = "while True: pass"
HOG_SHARE = """
import time
while True:
    end = time.monotonic() + 0.7
    while time.monotonic() < end: pass
    time.sleep(0.3)
"""


def test_hogs(t):
    """Programs that take the processor from a daemon, and from all: they probe less, or late, and
    no network is to blame."""
    with Faults(t) as faults:
        number = faults.random.choice(faults.hosts)
        host = faults.cluster.hosts[number]
        # What a container with too small a limit gets, and shares with four others.
        cgroup = Cgroup("hogs")
        cgroup.limit(LITTLE_US)
        cgroup.add(host.process.pid)
        with ended([cgroup.start(sys.executable, "-c", HOG) for _ in range(4)]):
            faults.check_quiet("hogs beside a daemon")
        t.note(f"host{number} and its hogs were held back for {cgroup.throttled_s():.0f} s, and "
               f"its daemon says that it stalled for {faults.stalled_s(number, 0):.1f} s")
        check(cgroup.throttled_s() >= QUIET_S / 2, "the hogs were no hogs")
        faults.check_quiet("the hogs have ended")
        with ended([subprocess.Popen(["chrt", "-f", "50", sys.executable, "-c", HOG_SHARE])]):
            faults.check_quiet("a hog that nobody else can interrupt")
        faults.check_quiet("that hog has ended")


class Job:
    """rping between two hosts, in a control group as Slurm makes it for a job."""

    def __init__(self, faults, number, client, server):
        self.faults, self.number, self.client, self.server = faults, number, client, server
        name = f"system.slice/slurmstepd.scope/job_{number}/step_0"
        self.cgroup = Cgroup(name)
        clos, port = faults.clos, str(7000 + number)
        self.processes = []
        self.start(server, "-s", "-a", clos.address(server), "-p", port)
        time.sleep(1)
        self.start(client, "-c", "-a", clos.address(server), "-I", clos.address(client), "-p",
                   port, "-C", "100000000")
        # It sends as fast as it can, and is not to take the one processor from all.
        self.cgroup.limit(LITTLE_US)
        try:
            self.flow = until(f"the flow of job {number}", self.find_flow, step_s=1)
        except Failure as e:
            self.end()
            raise Failure(f"{e}: flows of the jobs {self.found}") from None

    def start(self, host, *argv):
        process = self.cgroup.start(*self.faults.clos.prefix(host), "rping", *argv)
        self.processes.append(process)

        def runs():
            with open(f"/proc/{process.pid}/comm") as f:
                return f.read().strip() == "rping"
        until("rping runs", runs)

    def find_flow(self):
        for process in self.processes:
            check(process.poll() is None, f"rping has ended with {process.returncode}")
        flows = self.faults.cluster.hosts[self.client].json("flows")
        self.found = [[o["job"] for o in f["owners"]] for f in flows]
        return next((f for f, jobs in zip(flows, self.found) if f"slurm:{self.number}" in jobs),
                    None)

    def spine(self):
        """Over which spine the kernel of the leaf sends what the client sends."""
        clos = self.faults.clos
        leaf = clos.leaf_of(self.client)
        text = sh("ip", "netns", "exec", leaf, "ip", "route", "get", clos.address(self.server),
                  "from", clos.address(self.client), "iif", "hosts", "ipproto", "udp", "sport",
                  str(self.flow["src_port"]), "dport", "4791")
        return next(x for x in self.faults.clos.spines if f"dev {x} " in text)

    def end(self):
        for process in self.processes:
            process.kill()
            process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


def test_jobs(t):
    """Two jobs with traffic between the same hosts: the link that only one of them crosses loses,
    and the incident says that it hurts this one, and not the other."""
    with contextlib.ExitStack() as stack:
        faults = stack.enter_context(Faults(t, TEXT_TRACING))
        client = next(n for n in faults.hosts if faults.clos.leaf_of(n) == "leaf0")
        server = next(n for n in faults.hosts if faults.clos.leaf_of(n) == "leaf1")
        hurt = stack.enter_context(Job(faults, 1, client, server))
        leaf, spine = faults.clos.leaf_of(client), hurt.spine()
        beside = None
        for number in range(2, 18):
            job = stack.enter_context(Job(faults, number, client, server))
            if job.spine() != spine:
                beside = job
                break
        check(beside, "all flows take the same way")
        t.note(f"job 1 of host{client} crosses {spine}, job {beside.number} {beside.spine()}")
        time.sleep(LATER_S)
        trial = culprit_draw.Trial(faults, culprit_draw.Draw(faults).directed(
            "up", leaf, spine, argv=LOSS))
        row = trial.run()
        t.note(culprit_draw.line(row))
        check(row.verdict == "right", "the link is not named")
        jobs = {key: {x for incident in trial.named for x in incident[key]}
                for key in ("hurts", "crosses")}
        t.note(f"hurts {jobs['hurts']}, crosses {jobs['crosses']}")
        check("slurm:1" in jobs["hurts"], f"job 1 is not named as hurt: {jobs}")
        check(f"slurm:{beside.number}" not in jobs["hurts"] | jobs["crosses"],
              f"the job beside it is named: {jobs}")
        hurt.find_flow()


def test_drawn(t):
    """CULPRIT_FAULTS faults, one after the other: kind, place and rate by the seed. None is named
    wrong, and none is missed."""
    with Faults(t) as faults:
        draw, rows = culprit_draw.Draw(faults), []
        for i in range(FAULTS):
            fault = draw.next(KINDS[i % len(KINDS)] if KINDS else None)
            rows.append(culprit_draw.Trial(faults, fault).run())
            t.note(culprit_draw.line(rows[-1]))
        t.note(f"seed {SEED}, Clos {SHAPE}, {len(faults.hosts)} daemons, "
               f"{culprit_draw.summary(rows)}")
        bad = [culprit_draw.line(row) for row in rows if row.verdict in ("wrong", "missed")]
        check(not bad, "; ".join(bad))


if __name__ == "__main__":
    harness.main(globals())
