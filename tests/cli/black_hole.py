# SPDX-License-Identifier: Apache-2.0
"""black_hole.py BUILD: a switch that drops a single 5-tuple. rpingmesh-central names the 5-tuple,
with its path, as soon as hosts have traced it anew, which central asks them to do. Broker and
fabric are those of culprit.py, hosts do what they are asked as in asks.py."""

import json
import sys
import tempfile
import urllib.request

from asks import Agents
from checks import LONG, check
from culprit import RATE, World, address, free_port


class Holes:
    """Drops all of a stream on its way there, behind its first router. `traceable`: datagrams of
    traces pass nevertheless, because only the QP's packets are dropped."""

    def __init__(self, world, agents):
        self.fabric, self.stream, self.traceable = world.fabric, None, False
        self.row, self.path = world.fabric.row, world.fabric.path
        world.fabric.row, world.fabric.path = self.row_with_hole, self.path_with_hole
        self.agents = agents

    def swallows(self, source, destination, port):
        s = self.stream
        return s and (s.source, s.destination, s.port) == (source, destination, port)

    def row_with_hole(self, place, stream):
        if not self.swallows(stream.source, stream.destination, stream.port):
            return self.row(place, stream)
        return {"place": place, "classes": {"lost": RATE}, "noise": 0, "noise_lost": 0,
                "corrected": 0, "slow": 0}

    def path_with_hole(self, source, destination, port):
        path = self.path(source, destination, port)
        if not self.traceable and self.swallows(source, destination, port):
            path["reached"] = False
            for hop in path["hops"][1:]:
                hop["address"] = None
        return path

    def pick(self, source, destination, port):
        return next(s for h in self.fabric.hosts for s in h.streams if
                    (s.source.name, s.destination.name, s.port) == (source, destination, port))


def try_hole(world, holes, what):
    s = holes.stream
    found = world.wait(f"{what} is named", world.blamed)
    print("#", json.dumps(found), flush=True)
    culprit = found[0]["culprits"][0]
    check(f"{what}: one incident, of a 5-tuple",
          [(i["kind"], len(i["culprits"])) for i in found] == [("tuples", 1)])
    check(f"{what}: it is the one that is dropped",
          (culprit["from"], culprit["to"], culprit["name"]) ==
          (s.source.address, s.destination.address,
           f"{s.source.address} -> {s.destination.address} port {s.port} class 0"))
    # Of the window of 20 s, in which it had been well at first.
    world.wait(f"{what}: all of it is lost", lambda: [
        i for i in world.blamed() if i["id"] == found[0]["id"] and i["loss_ratio"] > 0.9])
    return found[0]["id"]


def try_path(world, port, ident, routers, what):
    """The links of its path, in the evidence of its page."""
    url = f"http://127.0.0.1:{port}/api/1/evidence?id={ident}"
    with urllib.request.urlopen(url, timeout=LONG) as page:
        evidence = json.load(page)
    links = [(link["from"]["address"], link["to"]["address"]) for link in evidence["links"]]
    print("#", links, flush=True)
    wanted = list(zip(routers, routers[1:]))
    check(f"{what}: with its path", all(link in links for link in wanted))


def main():
    with tempfile.TemporaryDirectory() as directory:
        world = World(directory)
        agents = Agents(world, None)
        holes = Holes(world, agents)
        try:
            port = free_port()
            world.form(20, f'listen = "127.0.0.1:{port}";\n')
            holes.stream = holes.pick("h11", "h31", 50001)
            world.wait("it is suspected, and hosts are to trace it", lambda: [
                t for a in agents.asks for t in a["trace"] if t["src_port"] == 50001 and
                t["source"] == holes.stream.source.address])
            for _ in range(25):
                world.turn()
            check("nobody is accused by a path that was traced before", not world.blamed())
            agents.deaf = False
            ident = try_hole(world, holes, "a black hole that swallows traces, too")
            try_path(world, port, ident, ["10.0.1.1", address("leaf1"), address("spine2"),
                                    address("leaf3"), "10.0.3.1"], "a black hole")
            for _ in range(40):
                world.turn()
            check("it is still the only one later", [i["id"] for i in world.blamed()] == [ident])
            holes.stream = None
            world.wait("it is closed", lambda: not world.blamed())
            holes.traceable, holes.stream = True, holes.pick("h22", "h41", 50003)
            try_hole(world, holes, "a black hole for RDMA alone")
        finally:
            world.end()
            if check.failed:
                world.explain()
    sys.exit(check.failed > 0)


if __name__ == "__main__":
    main()
