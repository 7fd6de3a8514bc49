#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A cluster that forms by itself: 16 hosts of a Clos of 4 leaves and 4 spines, with one and the
same configuration file, a broker and rpingmesh-central. What is published is read off the broker by
mosquitto_sub, when it came by its clock; what crosses the spines is counted there by the kernel.

The clock of the VM counts instructions (suites: +icount). It stands at the beginning of an hour,
since the plan exchanges a fifth of its 5-tuples at each full hour."""

import collections
import os
import shutil
import signal
import subprocess
import time

import msgpack

import harness
from clos import MANAGER, STATE, Clos, ClosHost
from harness import Failure, check, sh, until
from test_cluster import PORT, Central

LISTS, HOSTS = "rpingmesh/1/pinglist/", "rpingmesh/1/host/"
# How soon lists follow a change, by the VM's clock, which counts instructions: all hosts share a
# processor that runs one in a nanosecond, and the load of the machine does not count.
FOLLOW_S = 10
CONF = f"""
cluster = {{ broker = "mqtt://{MANAGER}:{PORT}"; }};
tracing = {{ enable = false; }};
# All hosts share one processor.
max_probes_per_s = 10;
limits = {{ cpu_percent = 0; }};
socket_group = "";
"""

Target = collections.namedtuple("Target", "host source address to kind")


class Topics:
    """Everything that is published, with its time."""

    def __init__(self, t):
        self.path = os.path.join(t.dir, "topics")
        self.out = open(self.path, "w")
        self.process = subprocess.Popen(
            ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(PORT), "-t", "rpingmesh/1/#", "-F",
             "%U %t %x"], stdout=self.out)

    def messages(self, since=0):
        with open(self.path) as f:
            lines = f.read().split("\n")[:-1]
        for line in lines:
            when, topic, *data = line.split(" ")
            if float(when) >= since:
                data = bytes.fromhex(data[0]) if data and data[0] else b""
                yield float(when), topic, msgpack.unpackb(data) if data else None

    def last(self, prefix):
        """{host: its last message}, of those that have one."""
        found = {topic[len(prefix):]: record for _, topic, record in self.messages()
                 if topic.startswith(prefix)}
        return {host: record for host, record in found.items() if record}

    def registered(self):
        return self.last(HOSTS)

    def lists(self):
        """{host: the set of its targets}"""
        return {host: targets_of(record) for host, record in self.last(LISTS).items()}

    def targets(self):
        return set().union(*self.lists().values(), set())

    def changed(self, since):
        """When each host has got its last list since a time: {host: seconds after it}."""
        return {topic[len(LISTS):]: when - since for when, topic, _ in self.messages(since)
                if topic.startswith(LISTS)}


def targets_of(record):
    return {Target(record["host"], port["source"], target["address"], target["host"],
                   group["kind"])
            for port in record["ports"] for group in port["groups"] for target in group["targets"]}


class Cluster:
    """Broker, central and hosts."""

    def __init__(self, t, shape=(4, 4, 4), text=CONF):
        """shape: leaves, spines, and hosts under each leaf; text: the file of all daemons."""
        self.t, self.clos = t, Clos(*shape)
        self.conf = os.path.join(t.dir, "rpingmeshd.conf")
        with open(self.conf, "w") as f:
            f.write(text)
        sh("date", "-s", f"@{int(time.time()) // 3600 * 3600 + 5}")
        # What the case before has left there: names, and lists that were kept.
        for n in self.clos.hosts:
            shutil.rmtree(os.path.join(STATE, f"host.{n}"), ignore_errors=True)
        self.central = Central(t)
        self.hosts = {}

    def __enter__(self):
        self.central.start_broker()
        self.topics = Topics(self.t)
        self.central.start(self.central_text())
        return self

    def central_text(self):
        """The configuration of central."""
        return f"paths = {len(self.clos.spines)};\n"

    def __exit__(self, *_):
        self.central.end()
        self.topics.process.terminate()
        self.topics.process.wait()

    def start(self, *numbers):
        for n in numbers:
            host = ClosHost(self.t, n, self.conf)
            self.hosts[n] = host.start(wait=False)

    def addresses(self, *numbers):
        return {self.clos.address(n, family) for n in numbers for family in (4, 6)}

    def wait_settled(self, wanted):
        """Until the ports of all hosts in `wanted` are registered, and lists are as they are to
        be."""
        names = {f"host{n}" for n in wanted}
        until("all hosts are registered with all addresses", lambda: {
            name: {a for p in r["ports"] for a in p["addresses"]}
            for name, r in self.topics.registered().items()} ==
            {f"host{n}": self.addresses(n) for n in wanted}, limit_s=600, step_s=1)
        until("all have lists", lambda: set(self.topics.lists()) == names, step_s=1)
        until("the mesh is full", lambda: not self.missing(wanted), step_s=1)

    def missing(self, wanted):
        """What the rules of plan.h want, and is in no list: all pairs under a leaf, and all pairs
        of leaves in both directions."""
        leaf = {f"host{n}": self.clos.leaf_of(n) for n in wanted}
        have = collections.defaultdict(set)
        for target in self.topics.targets():
            have[":" in target.address].add((target.host, target.to))
        missing = []
        for v6, pairs in ((v6, have[v6]) for v6 in (False, True)):
            missing += [(v6, a, b) for a in leaf for b in leaf if a != b and leaf[a] == leaf[b]
                        and (a, b) not in pairs]
            crossed = {(leaf[a], leaf[b]) for a, b in pairs}
            missing += [(v6, a, b) for a in set(leaf.values()) for b in set(leaf.values())
                        if a != b and (a, b) not in crossed]
        return missing


    def wait_probed(self, wanted):
        """Until each host probes whom its list names and nobody else, and has answers of all."""
        lists = self.topics.lists()
        for n in wanted:
            peers = {}

            def probed(n=n, peers=peers):
                peers.update({p["address"]: (p["state"], p["ok"])
                              for p in self.hosts[n].json("peers")})
                return (set(peers) == {x.address for x in lists[f"host{n}"]} and
                        all(state == "up" and ok > 0 for state, ok in peers.values()))
            try:
                until(f"host {n} probes its list", probed, step_s=1)
            except Failure as e:
                raise Failure(f"{e}: {peers}") from None

    def leaf_of(self, name):
        return self.clos.leaf_of(int(name.removeprefix("host")))


def test_forms(t):
    """From a cold start to lists of a full mesh, without touching anything."""
    with Cluster(t) as cluster:
        hosts = cluster.clos.hosts
        cluster.start(*hosts)
        cluster.wait_settled(hosts)
        check_registered(cluster)
        targets = cluster.topics.targets()
        check(not [x for x in targets if x.host == x.to], "a host probes itself")
        check(not [x for x in targets if (":" in x.source) != (":" in x.address)],
              "a target of another family")
        t.note(f"{len(targets)} targets of {len(hosts)} hosts")


def test_crosses(t):
    """Hosts probe whom their lists name, and these probes cross each link of each spine in both
    directions."""
    with Cluster(t) as cluster:
        cluster.start(*cluster.clos.hosts)
        cluster.wait_settled(cluster.clos.hosts)
        cluster.wait_probed(cluster.clos.hosts)
        check_spines(t, cluster)


def check_registered(cluster):
    """Each host has its own device, and its ToR is its leaf."""
    tors = {}
    for name, record in cluster.topics.registered().items():
        port, = record["ports"]
        check(port["device"] == name.replace("host", "rxe"), f"{name} has {port}")
        tors[name] = port["tors"]
    leaves = {name: cluster.leaf_of(name) for name in tors}
    check(all((tors[a] == tors[b]) == (leaves[a] == leaves[b]) for a in tors for b in tors),
          f"ToRs are not the leaves: {tors}")


def check_spines(t, cluster):
    before = cluster.clos.counters()
    time.sleep(20)
    after = cluster.clos.counters()
    crossed = {link: after[link].roce - before[link].roce for link in after
               if link[0].startswith("spine") or link[1].startswith("spine")}
    t.note("packets of 20 s: " + ", ".join(f"{a}-{b} {n}" for (a, b), n in crossed.items()))
    check(len(crossed) == 2 * len(cluster.clos.leaves) * len(cluster.clos.spines),
          f"{len(crossed)} directions of links")
    check(min(crossed.values()) > 0, "a link without probes")


class Change:
    """What happens to one host, or to the leaves that it is under: with a `with`, whose body does
    it and waits until it is done."""

    def __init__(self, t, cluster, what, *names):
        self.t, self.cluster, self.what, self.names = t, cluster, what, names
        self.leaves = {cluster.leaf_of(names[0])}

    def __enter__(self):
        self.before = self.cluster.topics.lists()
        self.since = time.time()
        return self

    def follow(self, condition):
        """Waits until the lists are as they are to be; condition(lists)."""
        until(f"lists follow: {self.what}", lambda: condition(self.cluster.topics.lists()),
              step_s=1)

    def __exit__(self, kind, *_):
        if kind:
            return
        # What is to come in addition does so now, or is not to come.
        time.sleep(FOLLOW_S)
        after, changed = self.cluster.topics.lists(), self.cluster.topics.changed(self.since)
        self.leaves.add(self.cluster.leaf_of(self.names[0]))
        took = max(changed.values())
        was, now = (set().union(*lists.values()) for lists in (self.before, after))
        moved = {x for x in was ^ now if not {x.host, x.to} & set(self.names)}
        self.t.note(f"{self.what}: {len(changed)} lists after {took:.1f} s; of {len(was)} targets "
                    f"{len(was ^ now)} are new or gone, {len(moved)} of these between others")
        check(took <= FOLLOW_S, f"{self.what}: lists followed after {took:.1f} s")
        check(not [x for x in moved if x.kind == "tor"], f"{self.what}: a ToR mesh moved: {moved}")
        self.check_others(was, now, set(changed))

    def check_others(self, was, now, changed):
        """As plan.h says: lists change under the ToRs of the host, on those that probe it, or did,
        and on a few that make room there: these probe other ports under its ToRs instead."""
        under = {f"host{n}" for n in self.cluster.clos.hosts
                 if self.cluster.clos.leaf_of(n) in self.leaves} | set(self.names)
        room = changed - under - {x.host for x in was | now if x.to in self.names}
        away = {x for x in was ^ now if x.host in room and (x.kind, x.to in under) !=
                ("fabric", True)}
        self.t.note(f"{self.what}: {len(room)} others make room")
        check(not away, f"{self.what}: lists of others changed: {away}")
        # The plan of such a cluster has none or one in 19 of 20 hours, and never had more than
        # four in 12,000.
        check(len(room) <= 4, f"{self.what}: too many lists changed: {room}")


def without(*names):
    """Lists in which no host has these."""
    return lambda lists: not [x for targets in lists.values() for x in targets
                              if {x.host, x.to} & set(names)]


def having(name, addresses):
    """Lists in which a host is probed at all its addresses, and at no others."""
    return lambda lists: addresses == {x.address for targets in lists.values() for x in targets
                                       if x.to == name} and lists.get(name)


def test_changes(t):
    """A host is added, killed, renamed, gets another address, moves to another leaf, is drained:
    lists follow, others do not move, and agents do as their lists say."""
    with Cluster(t) as cluster:
        clos, hosts = cluster.clos, cluster.clos.hosts
        cluster.start(*hosts[:-1])
        cluster.wait_settled(hosts[:-1])
        with Change(t, cluster, "added", "host15") as change:
            cluster.start(15)
            change.follow(having("host15", cluster.addresses(15)))
        check(not cluster.missing(hosts), "the mesh is not full")
        with Change(t, cluster, "killed", "host2") as change:
            cluster.hosts[2].stop(signal.SIGKILL)
            change.follow(without("host2"))
        with Change(t, cluster, "back", "host2") as change:
            cluster.hosts[2].start(wait=False)
            change.follow(having("host2", cluster.addresses(2)))
        with Change(t, cluster, "readdressed", "host5") as change:
            clos.move(5, clos.leaf_of(5), 9)
            change.follow(having("host5", cluster.addresses(5)))
        with Change(t, cluster, "moved to another leaf", "host6") as change:
            clos.move(6, "leaf3", 9)
            change.follow(having("host6", cluster.addresses(6)))
        check(not cluster.missing(hosts), "the mesh is not full")
        with Change(t, cluster, "renamed", "host9", "another") as change:
            check(cluster.hosts[9].stop() == 0, "the daemon ends cleanly")
            clos.name(9, "another")
            cluster.hosts[9].start(wait=False)
            change.follow(having("another", cluster.addresses(9)))
            change.follow(without("host9"))
        with Change(t, cluster, "drained", "host12") as change:
            cluster.central.json("drain", "host12", "--until", "2h", "--reason", "a test")
            change.follow(without("host12"))
        cluster.wait_probed(n for n in hosts if n not in (9, 12))
        for n, leaf, slot in ((5, "leaf1", 1), (6, "leaf1", 2)):
            clos.move(n, leaf, slot)


if __name__ == "__main__":
    harness.main(globals())
