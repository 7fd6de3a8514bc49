#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Which switches a 5-tuple crosses, in a Clos of 2 leaves and 4 spines: traces of src/hops
(tests/cli/hops_ask, without capabilities) against RoCE packets of queue pairs, and the paths that
daemons report against their probes and ACKs. What is right is read by tcpdump off each spine's
links and at each host, and added up by the kernel's counters.

The clock of the VM counts instructions (suites: +icount)."""

import collections
import concurrent.futures
import ipaddress
import os
import re
import subprocess
import time

import harness
from clos import Clos, ClosHost
from harness import BUILD, HERE, Failure, check, fabric, sh, until
from test_trace import Program

QPGEN = os.path.join(BUILD, "tests/vm/qpgen")
HOPS_ASK = os.path.join(BUILD, "tests/cli/hops_ask")
HOPS_LOAD = os.path.join(HERE, "..", "cli", "hops_load.py")
POWERLESS = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
# A line of `tcpdump -n`: addresses and ports, length of the payload.
PACKET = re.compile(r".*\bIP6? (\S+)\.(\d+) > (\S+)\.4791: UDP, length (\d+)")
# An acknowledgement has 20, and what is sent here more than 60.
TRACE_BYTES = 24

Tuple = collections.namedtuple("Tuple", "source destination port")
Trace = collections.namedtuple("Trace", "end shape hops")


class Sniffer:
    """What arrives on port 4791 in a namespace; None: the initial one."""

    def __init__(self, t, namespace, device="any"):
        self.path = os.path.join(t.dir, f"sniffed-{namespace}-{device}-{time.monotonic_ns()}")
        where = ["ip", "netns", "exec", namespace] if namespace else []
        with open(self.path, "w") as out, open(self.path + ".err", "w") as err:
            self.process = subprocess.Popen(
                [*where, "tcpdump", "-i", device, "-Q", "in", "-n", "-t", "-l",
                 "udp dst port 4791"], stdout=out, stderr=err)
        until(f"tcpdump listens in {namespace}", lambda: "listening on" in self.errors())

    def errors(self):
        with open(self.path + ".err") as f:
            return f.read()

    def packets(self):
        """[(Tuple, length)]"""
        with open(self.path) as f:
            found = map(PACKET.match, f.read().split("\n")[:-1])
        return [(Tuple(m[1], m[3], int(m[2])), int(m[4])) for m in found if m]

    def end(self):
        self.process.terminate()
        self.process.wait()


class Road:
    """The Clos, with a tcpdump at each spine and each host's port."""

    def __init__(self, t):
        self.t, self.clos = t, Clos(2, 4, 2)
        self.near, self.far = 0, self.clos.ports[-1]
        t.programs, self.sniffers = [], {}
        for name in self.clos.spines + self.clos.leaves:
            no_limit(name)
        no_limit(None)

    def __enter__(self):
        for name in self.clos.spines:
            self.sniffers[name] = Sniffer(self.t, name)
        for port in self.clos.ports:
            name = f"host{port}" if self.clos.namespaces else None
            self.sniffers[port] = Sniffer(self.t, name, f"h{port}")
        return self

    def end_sniffers(self):
        for sniffer in self.sniffers.values():
            sniffer.end()

    def __exit__(self, *_):
        self.end_sniffers()
        for program in self.t.programs:
            program.stop()

    def roce(self, family, pairs=50, sends=2):
        """Queue pairs between the near and the far port, and what they send: a port each."""
        ends = [x for port in (self.near, self.far)
                for x in (f"rxe{port}", fabric("gid", port, family).strip())]
        program = Program(self.t, QPGEN, *ends, "--pairs", pairs, "--hold", 0)
        until("the QPs are there", lambda: program.alive() and "ready" in program.text())
        program.sends = 0
        self.send(program, sends)
        return program

    @staticmethod
    def send(program, count):
        program.process.stdin.write(f"send {count}\n".encode())
        program.process.stdin.flush()
        program.sends += 1
        until("all is sent", lambda: program.alive() and
              program.text().count("sent ") == program.sends)

    def crossed(self, family):
        """{tuple: the spines where packets of RoCE between the two ports have been seen}"""
        found = collections.defaultdict(set)
        ends = {self.clos.address(self.near, family), self.clos.address(self.far, family)}
        for name in self.clos.spines:
            for tuple_, length in self.sniffers[name].packets():
                if length != TRACE_BYTES and {tuple_.source, tuple_.destination} == ends:
                    found[tuple_].add(name)
        return found

    def truth(self, family, pairs=50):
        """{tuple: its spine}, when all have been seen, in both directions."""
        found = until("RoCE of all ports is seen", lambda: (c := self.crossed(family)) and
                      len(c) >= 2 * pairs and c)
        check(all(len(spines) == 1 for spines in found.values()), f"several spines: {found}")
        return {tuple_: spines.copy().pop() for tuple_, spines in found.items()}

    def forget(self):
        """What was seen until now."""
        self.end_sniffers()
        self.__enter__()

    def trace(self, tuples, *options, label=0, per_s=500, routers=3):
        """{tuple: Trace}; all have one source and destination, or the reverse."""
        found = {}
        for source, destination in {(x.source, x.destination) for x in tuples}:
            ports = sorted(x.port for x in tuples if x.source == source)
            at = next(p for p in self.clos.ports if source in
                      (self.clos.address(p), self.clos.address(p, 6)))
            out = sh(*self.clos.prefix(at), *POWERLESS, HOPS_ASK, "-r", str(per_s), "-s",
                     str(per_s), "-b", f"h{at}", "-l", str(label), *options, source, destination,
                     str(routers), *map(str, ports), limit_s=600)
            for line in out.splitlines():
                port, end, shape, _, *hops = line.split()
                found[Tuple(source, destination, int(port))] = Trace(end, shape, hops)
        check(set(found) == set(tuples), f"traced {len(found)} of {len(tuples)}: {found}")
        return found

    def spine_of(self, hop):
        """By the addresses of tests/vm/lib/clos.sh."""
        if "." in hop:
            return f"spine{int(hop.split('.')[3]) // 4}"
        words = ipaddress.ip_address(hop).exploded.split(":")
        return f"spine{int(words[3], 16)}"

    def spines(self, traces):
        for tuple_, trace in traces.items():
            check(trace.end == "reached" and trace.shape == "stable" and len(trace.hops) == 3 and
                  "-" not in trace.hops, f"{tuple_} is {trace}")
        return {tuple_: self.spine_of(trace.hops[1]) for tuple_, trace in traces.items()}

    def traces_at_hosts(self):
        return [p for port in self.clos.ports for p in self.sniffers[port].packets()
                if p[1] == TRACE_BYTES]


def no_limit(namespace):
    """Linux sends 1,000 ICMP errors a second in all: of the machine, or, of late, a namespace."""
    where = ["ip", "netns", "exec", namespace] if namespace else []
    sh(*where, "sysctl", "-qw", "net.ipv4.icmp_msgs_per_sec=100000",
       "net.ipv4.icmp_msgs_burst=100000", ok=False)


def differing(a, b):
    return {x: (a[x], b.get(x)) for x in a if a[x] != b.get(x)}


def check_crossed(road, family):
    before = road.clos.counters()
    road.roce(family)
    truth = road.truth(family)
    after = road.clos.counters()
    for name in road.clos.spines:
        rose = sum(after[a, name].roce - before[a, name].roce for a in road.clos.leaves)
        until(f"tcpdump prints the {rose} packets that the kernel has counted at {name}",
              lambda name=name, rose=rose: rose == sum(
                  1 for _, length in road.sniffers[name].packets() if length != TRACE_BYTES))
    traced = road.spines(road.trace(truth))
    check(traced == truth, f"IPv{family}: other spines: {differing(traced, truth)}")
    check(len(set(truth.values())) == len(road.clos.spines), "a spine that no port crosses")
    check(not road.traces_at_hosts(), f"at hosts: {road.traces_at_hosts()}")
    road.t.note(f"IPv{family}: {len(truth)} tuples, by spine "
                f"{sorted(collections.Counter(truth.values()).items())}")


def test_spines(t):
    """For 50 ports, in both directions, the traced spine is the one that RoCE packets cross, and
    nothing of a trace arrives at a host. Without capabilities."""
    for family in (4, 6):
        with Road(t) as road:
            check_crossed(road, family)


def test_label(t):
    """A trace has the flow label that it is asked for: leaf0 chooses the spine by it."""
    with Road(t) as road:
        source, destination = (road.clos.address(p, 6) for p in (road.near, road.far))
        sh("ip", "netns", "exec", "leaf0", "sysctl", "-qw", "net.ipv6.fib_multipath_hash_policy=0")
        found = {}
        for label in range(0x10000, 0x1000a):
            tuple_ = Tuple(source, destination, 50000 + label % 16)
            sh(*road.clos.prefix(road.near), "/usr/bin/python3", "-B", HOPS_LOAD, source,
               destination, str(tuple_.port), str(label))
            spine = until("the datagrams are seen", lambda x=tuple_: [
                name for name in road.clos.spines for seen, _ in road.sniffers[name].packets()
                if seen == x])[0]
            traced = road.spines(road.trace([tuple_], label=label))[tuple_]
            check(traced == spine, f"label {label:#x}: {traced}, datagrams cross {spine}")
            found[label] = spine
        sh("ip", "netns", "exec", "leaf0", "sysctl", "-qw", "net.ipv6.fib_multipath_hash_policy=1")
        check(len(set(found.values())) > 1, f"all labels lead to one spine: {found}")


def test_arrives(t):
    """Datagrams of a trace that takes the way for longer than it is arrive at a NIC, which drops
    them: QPs and kernel go on."""
    with Road(t) as road:
        program = road.roce(4)
        truth = road.truth(4)
        wanted = dict(sorted(truth.items())[::10])
        for tuple_, trace in road.trace(wanted, routers=5).items():
            check(trace.end == "open" and trace.hops[3:] == ["-", "-"] and
                  road.spine_of(trace.hops[1]) == truth[tuple_], f"{tuple_} is {trace}")
        check(len(road.traces_at_hosts()) >= 2 * len(wanted), "nothing has arrived")
        road.send(program, 2)


def test_withdrawn(t):
    """A route withdrawn moves the traces of just the tuples whose packets it moves."""
    with Road(t) as road:
        program = road.roce(4)
        before = road.truth(4)
        check(road.spines(road.trace(before)) == before, "traces before")
        road.clos.link("leaf0", "spine1", "down")
        try:
            road.forget()
            road.send(program, 2)
            after = road.truth(4)
            traced = road.spines(road.trace(after))
        finally:
            road.clos.link("leaf0", "spine1", "up")
        check(traced == after, f"other spines: {differing(traced, after)}")
        moved = differing(before, after)
        check(moved and "spine1" not in after.values(), f"the route is still there: {after}")
        t.note(f"{len(moved)} of {len(before)} tuples have moved")
        check(road.spines(road.trace(before)) == before, "traces when the route is back")


def in_switch(name, *argv):
    sh("ip", "netns", "exec", name, *argv)


def check_silent(road, mine, others):
    """It forwards, but its own packets go nowhere."""
    in_switch("spine0", "ip", "rule", "add", "iif", "lo", "to", "10.1.0.0/16", "blackhole")
    for tuple_, trace in road.trace(mine).items():
        check(trace.end == "reached" and trace.shape == "stable" and trace.hops[1] == "-" and
              "-" not in (trace.hops[0], trace.hops[2]), f"silent: {tuple_} is {trace}")
    check(road.spines(road.trace(others)) == others, "silent: other spines are as before")
    in_switch("spine0", "ip", "rule", "del", "iif", "lo", "to", "10.1.0.0/16", "blackhole")


def check_other_address(road, mine, _others):
    in_switch("spine0", "sysctl", "-qw", "net.ipv4.icmp_errors_use_inbound_ifaddr=0")
    in_switch("spine0", "ip", "addr", "add", "10.9.9.9/32", "dev", "lo")
    for n in (0, 1):
        in_switch("spine0", "ip", "route", "replace", f"10.1.{n}.0/24", "via", f"10.9.{n}.1",
                  "src", "10.9.9.9")
    for tuple_, trace in road.trace(mine).items():
        check(trace.end == "reached" and trace.hops[1] == "10.9.9.9",
              f"other address: {tuple_} is {trace}")
    for n in (0, 1):
        in_switch("spine0", "ip", "route", "replace", f"10.1.{n}.0/24", "via", f"10.9.{n}.1")
    in_switch("spine0", "ip", "addr", "del", "10.9.9.9/32", "dev", "lo")
    in_switch("spine0", "sysctl", "-qw", "net.ipv4.icmp_errors_use_inbound_ifaddr=1")


def check_hole(road, mine, _others):
    """One tuple is dropped at the spine: nothing is claimed of what is behind the leaf."""
    hole, *rest = sorted(mine)
    leaf = road.clos.leaf_of(0 if hole.source == road.clos.address(0) else road.far)
    road.clos.blackhole(leaf, "spine0", "src_port", hole.port)
    traces = road.trace([hole])
    check(traces[hole].end == "open" and traces[hole].hops[1:] == ["-", "-"] and
          traces[hole].hops[0] != "-", f"black hole: {traces}")
    wanted = {x: "spine0" for x in rest if x.source == hole.source}
    check(road.spines(road.trace(wanted)) == wanted, "black hole: other tuples pass")
    road.clos.blackhole(leaf, "spine0")


def check_limited(road, mine, others):
    """All switches as Linux is by default. With the default budget no answer is missed."""
    for name in road.clos.leaves + road.clos.spines:
        in_switch(name, "sysctl", "-qw", "net.ipv4.icmp_ratelimit=1000")
    wanted = dict(sorted((mine | others).items())[:10])
    traced = road.spines(road.trace(wanted, "-r", "50", "-s", "1"))
    check(traced == wanted, f"limited: {differing(traced, wanted)}")
    for name in road.clos.leaves + road.clos.spines:
        in_switch(name, "sysctl", "-qw", "net.ipv4.icmp_ratelimit=0")


def test_odd_switches(t):
    """A spine that answers nothing, one that answers from another address, one that drops a tuple,
    and switches that limit what they answer."""
    with Road(t) as road:
        road.roce(4)
        truth = road.truth(4)
        mine = {x: spine for x, spine in truth.items() if spine == "spine0"}
        others = {x: spine for x, spine in truth.items() if spine != "spine0"}
        for part in (check_silent, check_other_address, check_hole, check_limited):
            part(road, mine, others)
        check(not road.traces_at_hosts(), f"at hosts: {road.traces_at_hosts()}")


def test_changing(t):
    """The routes change while tuples are traced: a path that is called stable is a path that there
    was, before or after the change."""
    with Road(t) as road:
        source, destination = (road.clos.address(p) for p in (road.near, road.far))
        tuples = [Tuple(source, destination, port) for port in range(50000, 50060)]
        before = road.spines(road.trace(tuples))
        road.clos.link("leaf0", "spine1", "down")
        after = road.spines(road.trace(tuples))
        road.clos.link("leaf0", "spine1", "up")
        with concurrent.futures.ThreadPoolExecutor() as pool:
            tracing = pool.submit(road.trace, tuples, "-a", "2", per_s=30)
            while not tracing.done():
                for state in ("down", "up"):
                    road.clos.link("leaf0", "spine1", state)
            traces = tracing.result()
        stable = {x: trace for x, trace in traces.items() if trace.shape == "stable" and
                  trace.end == "reached" and "-" not in trace.hops}
        t.note(f"{len(stable)} of {len(traces)} stable and complete, "
               f"{len(differing(before, after))} have two paths")
        check(len(stable) < len(traces), "the change met no trace")
        for tuple_, trace in stable.items():
            # Both routers answer from the interface where the datagram came in.
            spine, last = (road.spine_of(hop) for hop in trace.hops[1:])
            check(spine == last and spine in (before[tuple_], after[tuple_]),
                  f"{tuple_} is {trace}, before {before[tuple_]}, after {after[tuple_]}")


TRACE_S = 10
# When another route is found, by rpingmeshd(8), PATHS. A trace is repeated before it counts.
PROMISE_S = TRACE_S + 10


def configuration(road, n, other):
    """Of a daemon that probes the other."""
    peers = ", ".join(f'"{road.clos.address(other, family)}"' for family in (4, 6))
    path = os.path.join(road.t.dir, f"host{n}.conf")
    with open(path, "w") as f:
        f.write(f"""
peers = ({peers});
interval_ms = 200;
cluster = {{ trace_s = {TRACE_S}; trace_per_s = 100; }};
tracing = {{ enable = false; }};
limits = {{ cpu_percent = 0; }};
socket_group = "";
""")
    return path


def reported(road, hosts):
    """{tuple: the record of its path}, of both hosts."""
    records = [r for n, host in hosts.items() for other in hosts if other != n
               for family in (4, 6) for r in host.json("path", road.clos.address(other, family))]
    return {Tuple(r["source"], r["destination"], r["src_port"]): r for r in records}


def all_traced(road, hosts):
    """Each host's probes and its ACKs, by IPv4 and IPv6."""
    found = reported(road, hosts)
    kinds = {(x.source, r["kind"]) for x, r in found.items()}
    return found if len(kinds) == 2 * 2 * len(hosts) and all(
        r["state"] == "traced" for r in found.values()) else None


def wrong_paths(road, records):
    """What is not as the probes and ACKs of now go."""
    seen = collections.defaultdict(set)
    for name in road.clos.spines:
        for tuple_, length in road.sniffers[name].packets():
            if length != TRACE_BYTES:
                seen[tuple_].add(name)
    wrong = {}
    for tuple_, r in records.items():
        hops = [hop["address"] for hop in r["hops"]]
        if not r["reached"] or not r["stable"] or None in hops:
            wrong[tuple_] = r
        elif len(hops) != 3 or seen[tuple_] != {road.spine_of(hops[1])}:
            wrong[tuple_] = f"{hops}, packets cross {seen[tuple_]}"
    return wrong


def until_right(road, hosts, what):
    """Waits until all paths are those of the probes; returns the records."""
    began, last = time.monotonic(), {}

    def right():
        records = all_traced(road, hosts)
        last.update(wrong=wrong_paths(road, records) if records else reported(road, hosts))
        return records if records and not last["wrong"] else None
    try:
        records = until(what, right, limit_s=200, step_s=2)
    except Failure as e:
        raise Failure(f"{e}: {last}") from None
    road.t.note(f"{what} after {time.monotonic() - began:.0f} s, {len(records)} of them")
    return records


def addresses(hops):
    return [hop["address"] for hop in hops]


def check_moves(road, hosts, before):
    """A link goes down and comes back: just the tuples whose packets move get another path."""
    crossed = next(r for x, r in before.items() if ":" not in x.source)["hops"][1]["address"]
    for state in ("down", "up"):
        changed_ns = time.time_ns()
        road.clos.link("leaf0", road.spine_of(crossed), state)
        road.forget()
        after = until_right(road, hosts, f"with the link {state}, all paths are right")
        moved = {x for x, r in after.items() if x in before and
                 addresses(r["hops"]) != addresses(before[x]["hops"])}
        changed = {x for x, r in after.items() if x in before and
                   r["changes"] > before[x]["changes"]}
        check(moved and moved == changed, f"link {state}: moved {moved}, changed {changed}")
        waited = max(after[x]["changed_ns"] - changed_ns for x in moved) / 1e9
        road.t.note(f"link {state}: {len(moved)} of {len(after)} have changed, the last after "
                    f"{waited:.1f} s")
        check(waited <= PROMISE_S, f"link {state}: seen after {waited:.0f} s")
        before = after
    return before


def check_label(road, hosts):
    """Switches that choose by addresses and flow label: traces have the label of the packets."""
    for policy in (0, 1):
        for name in road.clos.leaves:
            in_switch(name, "sysctl", "-qw", f"net.ipv6.fib_multipath_hash_policy={policy}")
        road.forget()
        records = until_right(road, hosts, f"with hash policy {policy}, all paths are right")
    return records


def check_loses(road, hosts, records):
    """A tuple is dropped at a spine: its path is traced anew, and the good one kept beside it."""
    source = road.clos.address(road.near)
    tuple_ = next(x for x, r in records.items() if x.source == source and r["kind"] == "mesh")
    good = records[tuple_]["hops"]
    spine = road.spine_of(good[1]["address"])

    def record():
        return reported(road, hosts)[tuple_]
    road.clos.blackhole("leaf0", spine, "src_port", tuple_.port, "src_ip", source)
    lost = until("the path ends at the leaf", lambda: (r := record())["losing"] and
                 not r["reached"] and r, step_s=1)
    check(addresses(lost["hops"]) == [good[0]["address"], None, None] and
          addresses(lost["before"]) == addresses(good), f"was {good}, is {lost}")
    road.clos.blackhole("leaf0", spine)
    until("it has its path again", lambda: addresses(record()["hops"]) == addresses(good),
          step_s=1)


def check_silent_daemons(road, hosts, records):
    """A spine that answers no ICMP is unknown, which is no other path, and no loss."""
    source = road.clos.address(road.near)
    tuple_, before = next((x, r) for x, r in records.items() if x.source == source)
    spine = road.spine_of(before["hops"][1]["address"])
    rule = ("iif", "lo", "to", "10.1.0.0/16", "blackhole")
    in_switch(spine, "ip", "rule", "add", *rule)
    first, _, last = addresses(before["hops"])
    now = until("the spine is unknown", lambda: (r := reported(road, hosts)[tuple_]) and
                addresses(r["hops"]) == [first, None, last] and r, step_s=1)
    in_switch(spine, "ip", "rule", "del", *rule)
    check(now["reached"] and now["stable"] and now["changes"] == before["changes"] and
          addresses(now["before"]) == addresses(before["hops"]), f"was {before}, is {now}")


def test_daemons(t):
    """What daemons report is the way of their probes and ACKs, also after routes have changed. A
    tuple that begins to lose keeps its last good path. No trace arrives at a host."""
    with Road(t) as road:
        ends = (road.near, road.far)
        hosts = {n: ClosHost(t, n, configuration(road, n, other)).start(wait=False)
                 for n, other in (ends, ends[::-1])}
        records = check_moves(road, hosts, until_right(road, hosts, "all paths are right"))
        check_loses(road, hosts, records)
        check_silent_daemons(road, hosts, records)
        check_label(road, hosts)
        check(not road.traces_at_hosts(), f"at hosts: {road.traces_at_hosts()}")


if __name__ == "__main__":
    harness.main(globals())
