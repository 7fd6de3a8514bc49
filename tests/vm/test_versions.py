#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""This build and the one before (tests/vm/previous, built into $RPINGMESH_PREVIOUS) in one mesh:
hosts are upgraded and downgraded one by one, and nothing is called lost that is not."""

import contextlib
import itertools
import os

import harness
from harness import (BUILD, Capture, Host, Skip, Watch, address, check, classes, probes_in, until)

PREVIOUS = os.environ.get("RPINGMESH_PREVIOUS", "")
N_HOSTS = 3
PINGS = 8
# No other probe has this size: the wire shows which ones are these.
SIZE = 777
NAMES = {BUILD: "new", PREVIOUS: "old"}


class Mesh:
    """All hosts probe each other, from `build` on; what becomes of each probe is kept."""

    def __init__(self, t, build):
        if not os.path.exists(os.path.join(PREVIOUS, "rpingmeshd")):
            raise Skip("there is no build of the version before")
        self.t = t
        self.records = []
        self.hosts = [self.host(i) for i in range(N_HOSTS)]
        for h in self.hosts:
            h.build = build
            h.start()
        self.watches = [Watch(h) for h in self.hosts]
        self.pairs = list(itertools.permutations(range(N_HOSTS), 2))
        for i, j in self.pairs:
            self.hosts[i].wait_peer(address(j), "up")

    def host(self, i):
        peers = ", ".join(f'"{address(j)}"' for j in range(N_HOSTS) if j != i)
        return Host(self.t, i, "tracing = { enable = false; };\n"
                    f"peers = ({peers}); interval_ms = 100;")

    def restart(self, i, build):
        """Host i becomes the other version; until all have found each other again."""
        host = self.hosts[i]
        others = [h for h in self.hosts if h is not host]
        before = [h.peer(address(i))["restarts"] for h in others]
        host.stop()
        self.records += self.watches[i].stop()
        host.build = build
        host.start()
        self.watches[i] = Watch(host)
        for h, n in zip(others, before):
            until(f"host {h.index} has seen the restart of host {i}",
                  lambda h=h, n=n: h.peer(address(i))["restarts"] > n)
            h.wait_peer(address(i), "up")
            host.wait_peer(address(h.index), "up")

    def versions(self):
        return ", ".join(NAMES[h.build] for h in self.hosts)

    def ping_all(self):
        """Each pings each: all is ok, and on the wire as in the records."""
        captures = [Capture(self.t, i) for i in range(N_HOSTS)]
        records = {(i, j): self.hosts[i].ping(address(j), PINGS, "-i", "0.05", "-s", SIZE, "-W", 2)
                   for i, j in self.pairs}
        packets = [c.packets() for c in captures]
        for (i, j), of in records.items():
            who = f"{self.versions()}: host {i} to host {j}"
            check(classes(of) == {"ok": PINGS}, f"{who}: {classes(of)}")
            self.check_wire(who, of, [p for p in packets[i]
                                      if {p["source"], p["dest"]} == {address(i), address(j)}])
            told = NAMES[self.hosts[j].build] == "new" and NAMES[self.hosts[i].build] == "new"
            check(all(bool(r.get("return_src_port")) == told for r in of),
                  f"{who}: the ACKs' source port: {of[0].get('return_src_port')}")
            if self.hosts[i].build == BUILD:
                self.wait_routers(who, self.hosts[i], address(j), 1 if told else None)

    @staticmethod
    def wait_routers(who, host, peer, routers):
        """There is one router between any two hosts; only a new one reports the hop limits. What a
        peer reported before it restarted does not count."""
        def seen():
            p = host.peer(peer)
            return p["routers_there"], p["routers_back"]
        until(f"{who}: {routers} routers", lambda: seen() == (routers, routers))

    def check_wire(self, who, records, packets):
        """Each record's probe is on the wire once, with two ACKs, from the ports that it says."""
        probes = [p for p in probes_in(packets) if p["size"] == SIZE
                  and p["source"] == address(int(who.split("host ")[1][0]))]
        check(len(probes) == len(records), f"{who}: {len(probes)} probes on the wire")
        check({p["sport"] for p in probes} == {r["src_port"] for r in records}, f"{who}: ports")
        for p in probes:
            seq = p["payload"][8:16]
            acks = [a for a in packets if a["payload"][:5] == b"RPMH\x01"
                    and a["payload"][5] in (2, 3) and a["payload"][8:16] == seq]
            check(sorted(a["payload"][5] for a in acks) == [2, 3], f"{who}: {len(acks)} ACKs")
            for port in {r.get("return_src_port") for r in records} - {None}:
                check({a["sport"] for a in acks} == {port}, f"{who}: ACKs not from port {port}")

    def end(self, allowed):
        """Of all probes since the start, other classes than these fail."""
        for h, watch in zip(self.hosts, self.watches):
            probes = h.status()["probes"]
            check(not any(probes.get(c) for c in harness.LOST), f"host {h.index}: {probes}")
            self.records += watch.stop()
        count = classes(self.records)
        self.t.note(f"{count}")
        check(set(count) <= {"ok", "late"} | set(allowed), f"{count}")
        check(count["ok"] >= 500, f"hardly any answers: {count}")


@contextlib.contextmanager
def ctl_of(host, build):
    """rpingmesh-ctl of that build against the host's daemon."""
    own, host.build = host.build, build
    try:
        yield
    finally:
        host.build = own


def check_ctl(host, build, other):
    who = f"{NAMES[build]} rpingmesh-ctl, {NAMES[host.build]} daemon"
    with ctl_of(host, build):
        text = host.ctl("status", status=0)
        check(f"on host{host.index}" in text and "2, 2 up" in text, f"{who}: status: {text}")
        check(host.peer(other)["state"] == "up", f"{who}: peers")
        check(other in host.ctl("peers", status=0), f"{who}: peers")
        count = classes(host.ping(other, 5, "-i", "0.05", "-W", 2, status=0))
        check(count == {"ok": 5}, f"{who}: ping: {count}")


def test_upgrade(t):
    """All pairs of versions; each host is upgraded and one is downgraded, while all probe."""
    mesh = Mesh(t, PREVIOUS)
    mesh.ping_all()
    for who, build in ((0, BUILD), (1, BUILD), (2, BUILD), (1, PREVIOUS)):
        mesh.restart(who, build)
        t.note(f"now: {mesh.versions()}")
        mesh.ping_all()
    check_ctl(mesh.hosts[1], BUILD, address(0))
    check_ctl(mesh.hosts[0], PREVIOUS, address(1))
    # Who restarts takes probes with it that are in flight, and is away until it is back.
    mesh.end({"peer_restarted", "peer_down", "unreachable", "unresolved"})


if __name__ == "__main__":
    harness.main(globals())
