# SPDX-License-Identifier: Apache-2.0
"""asks.py BUILD: while rpingmesh-central cannot tell candidates apart, it asks hosts to probe more
5-tuples, and then it can. Broker, fabric and hosts are those of culprit.py, but hosts probe only
between leaf 1 and leaf 2, and between leaf 3 and leaf 4, so that nothing tells a link to a spine
from the link behind it."""

import collections
import sys
import tempfile
import time

import msgpack

from checks import check
from culprit import PREFIX, Stream, World, address

PAIRS = {1: 2, 2: 1, 3: 4, 4: 3}
BAD = ("leaf1", "spine2")
LASTS_S = 60      # no ask is longer
HOST_MAX = 16     # 5-tuples of a host in a message


class Agents:
    """What the agents of all hosts do when they are asked."""

    def __init__(self, world, pairs=PAIRS):
        self.fabric, self.bus = world.fabric, world.fabric.bus
        self.by_address = {h.address: h for h in self.fabric.hosts}
        self.deaf, self.asks = True, []
        self.sequence = collections.Counter({h.name: 1 for h in self.fabric.hosts})
        self.bus.subscribe(f"{PREFIX}/ask/+")
        for host in self.fabric.hosts:
            host.streams = [s for s in host.streams
                            if not pairs or s.destination.leaf == pairs[host.leaf]]
        turn = world.turn

        def turn_with_asks():
            self.turn()
            turn()
        world.turn = turn_with_asks

    def path(self, host, other, port):
        self.sequence[host.name] += 1
        self.fabric.publish("paths", host, {
            "sequence": self.sequence[host.name], "time_ns": time.time_ns(), "whole": False,
            "paths": [self.fabric.path(host, other, port)]})

    def probe(self, host, asked, until_s):
        other = self.by_address[asked["destination"]]
        for s in host.streams:
            if s.until and s.destination is other and s.port == asked["src_port"]:
                s.until = until_s
                return
        stream = Stream(host, other, asked["src_port"],
                        40000 + self.fabric.random.randrange(400))
        stream.until = until_s
        host.streams.append(stream)
        self.path(host, other, stream.port)
        self.path(other, host, stream.back)

    def take(self, ask):
        host = next(h for h in self.fabric.hosts if h.name == ask["host"])
        for asked in ask["trace"]:
            self.path(host, self.by_address[asked["destination"]], asked["src_port"])
        for asked in ask["probe"]:
            self.probe(host, asked, ask["until_ns"] / 1e9)

    def turn(self):
        for payload in self.bus.heard():
            self.asks.append(msgpack.unpackb(payload))
            if not self.deaf:
                self.take(self.asks[-1])
        for host in self.fabric.hosts:
            host.streams = [s for s in host.streams if not s.until or s.until > time.time()]


def bounded(ask):
    own = {f"10.0.{ask['host'][1]}.{ask['host'][2]}"}
    tuples = ask["trace"] + ask["probe"]
    return (0 < ask["until_ns"] - ask["made_ns"] <= LASTS_S * 10**9 and
            0 < len(tuples) <= HOST_MAX and {t["source"] for t in tuples} == own and
            all(t["interval_ns"] >= 10**7 for t in ask["probe"]))


def culprits(world):
    found = world.blamed()
    return [(c["kind"], c["from"], c["to"]) for c in found[0]["culprits"]] if found else []


def try_group(world, agents):
    """What they probe cannot tell one from the other, and nobody does what is asked."""
    world.fabric.bad = {BAD: 0.4}
    world.wait("something is found", lambda: culprits(world))
    for _ in range(8):
        world.turn()
    group = culprits(world)
    print("#", group, flush=True)
    check("what is probed does not tell links beside each other apart", len(group) > 1)
    world.wait("hosts are asked", lambda: [a for a in agents.asks if a["about"] and a["probe"]])
    return group


def try_shrink(world, agents, group):
    agents.deaf = False
    truth = ("link", address(BAD[0]), address(BAD[1]))
    world.wait("one candidate is left", lambda: len(culprits(world)) == 1)
    check("it is the one that is bad, and was a candidate",
          culprits(world) == [truth] and truth in group)
    check("other 5-tuples were probed for it", any(s.until for h in world.fabric.hosts
                                                   for s in h.streams))
    check("and lossy ones were to be traced", any(a["trace"] for a in agents.asks))


def try_story(world):
    found = world.blamed()
    _, story = world.ctl("--json", "incident", found[0]["id"])
    events = story[0]["events"]
    kinds = [e["what"] for e in events]
    check("the story says what was asked for, before the candidates became fewer",
          "asked" in kinds and "narrowed" in kinds and
          kinds.index("asked") < kinds.index("narrowed"))
    print("#", [e["text"] for e in events if e["what"] == "asked"][0], flush=True)
    check("and what came of it", "answered" in kinds)
    check("people can read it", any("to probe" in line and "5-tuples" in line
                                    for line in world.ctl("incident", found[0]["id"])[1]))


def try_bounds(world, agents):
    check("each ask is for a host's own tuples, for a while, and bounded",
          agents.asks and all(bounded(a) for a in agents.asks))
    world.wait("nothing is asked for any more, and nothing of it is probed",
               lambda: world.ctl("--json", "status")[1][0]["asks_live"] == 0 and
               not any(s.until for h in world.fabric.hosts for s in h.streams))

    def counted():
        status = world.ctl("--json", "status")[1][0]
        return (status["asks"], status["asked_probes"], status["asked_traces"]) == (
            len(agents.asks), sum(len(a["probe"]) for a in agents.asks),
            sum(len(a["trace"]) for a in agents.asks))
    world.wait("status counts them", counted)
    check("there is still one incident", len(world.blamed()) == 1)


def main():
    with tempfile.TemporaryDirectory() as directory:
        world = World(directory)
        agents = Agents(world)
        try:
            world.form(10)
            check("a healthy fabric is not asked", not agents.asks)
            group = try_group(world, agents)
            try_shrink(world, agents, group)
            for _ in range(25):
                world.turn()
            try_story(world)
            try_bounds(world, agents)
        finally:
            world.end()
            if check.failed:
                world.explain()
    sys.exit(check.failed > 0)


if __name__ == "__main__":
    main()
