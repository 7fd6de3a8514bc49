# SPDX-License-Identifier: Apache-2.0
"""culprit.py BUILD: rpingmesh-central names who is to blame, against Debian's mosquitto. Hosts and
fabric are simulated: each host publishes its registration, its paths and its reports, whose counts
come from links that lose messages at random. What is true is what this test has broken."""

import json
import os
import random
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time

import msgpack

from checks import LONG, check, until

BUILD = os.path.abspath(sys.argv[1])
LEAVES, SPINES, HOSTS = 4, 4, 2  # hosts under each leaf
RATE = 10                        # probes of a stream in a second
PREFIX = "rpingmesh/1"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Bus:
    """As much of MQTT 3.1.1 as it takes to publish and to hear with QoS 0."""

    def __init__(self, port, name="culprit"):
        self.socket = socket.create_connection(("127.0.0.1", port), LONG)
        body = b"\x00\x04MQTT\x04\x02\x00\x00" + self.text(name)
        self.socket.sendall(b"\x10" + self.length(len(body)) + body)
        assert self.socket.recv(4) == b"\x20\x02\x00\x00", "the broker refuses us"
        self.unread = b""

    @staticmethod
    def text(value):
        return struct.pack(">H", len(value)) + value.encode()

    @staticmethod
    def length(n):
        out = b""
        while True:
            n, low = divmod(n, 128)
            out += bytes([low | (128 if n else 0)])
            if not n:
                return out

    def publish(self, topic, payload, retained=False):
        body = self.text(topic) + payload
        self.socket.sendall(bytes([0x30 | retained]) + self.length(len(body)) + body)


    def subscribe(self, topic):
        body = b"\x00\x01" + self.text(topic) + b"\x00"
        self.socket.sendall(b"\x82" + self.length(len(body)) + body)

    def heard(self):
        """The payloads that have come so far."""
        while select.select([self.socket], [], [], 0)[0]:
            data = self.socket.recv(65536)
            assert data, "the broker has gone"
            self.unread += data
        payloads = []
        while len(self.unread) > 1:
            n, at = 0, 1
            while at < len(self.unread) and at < 5:
                n |= (self.unread[at] & 127) << 7 * (at - 1)
                at += 1
                if self.unread[at - 1] < 128:
                    break
            if len(self.unread) < at + n:
                break
            kind, body = self.unread[0] >> 4, self.unread[at:at + n]
            self.unread = self.unread[at + n:]
            if kind == 3:
                payloads.append(body[2 + struct.unpack(">H", body[:2])[0]:])
        return payloads


class Host:
    def __init__(self, leaf, number):
        self.leaf = leaf
        self.name, self.address = f"h{leaf}{number}", f"10.0.{leaf}.{number}"
        self.streams, self.sequence, self.stalled, self.job = [], 0, 0, None


class Stream:
    def __init__(self, source, destination, port, back, job=None):
        self.source, self.destination, self.port, self.back = source, destination, port, back
        self.job, self.until = job, None  # until: what central has asked for ends then

    def kind(self):
        return "ask" if self.until else "flow" if self.job else "fabric"


def route(source, destination, port):
    """The elements on the way: NICs, and directed links between routers."""
    if source.leaf == destination.leaf:
        return [source.name, destination.name]
    spine = port % SPINES + 1
    return [source.name, (f"leaf{source.leaf}", f"spine{spine}"),
            (f"spine{spine}", f"leaf{destination.leaf}"), destination.name]


def address(router):
    return f"10.{1 if router[:4] == 'leaf' else 2}.{router[-1]}.1"


# Sums of this and of honest numbers do not fit into 32 bits.
FORGED = {"place": 0, "classes": {"lost": 1}, "noise": 0, "noise_lost": 0,
          "corrected": 2**32 - 2, "slow": 0}


class Fabric:
    def __init__(self, port):
        self.random = random.Random(7)
        self.bus = Bus(port)
        self.forged = None  # the name of a host whose reports lie
        self.bad = {}  # an element of route(): the share that it loses
        self.dead = None    # the name of a host that nobody reaches
        self.old = False    # hosts have agents of an older version
        self.busy = False   # hosts stall now and then, as older agents count
        self.hosts = [Host(leaf, n + 1) for leaf in range(1, LEAVES + 1) for n in range(HOSTS)]
        for host in self.hosts:
            for other in self.hosts:
                for k in range(SPINES if other.leaf != host.leaf else 1):
                    if other is not host:
                        host.streams.append(
                            Stream(host, other, 50000 + k, 40000 + self.random.randrange(400)))
        self.give_jobs()

    def give_jobs(self):
        """A job whose flow crosses the link that try_link() breaks, one beside it, and one of whose
        probes the ACKs cross it, which are none of its packets."""
        streams = [s for host in self.hosts for s in host.streams]
        bad = ("leaf1", "spine2")
        over = [s for s in streams if bad in route(s.source, s.destination, s.port)]
        beside = [s for s in streams if 1 not in (s.source.leaf, s.destination.leaf)]
        back = [s for s in streams if bad in route(s.destination, s.source, s.back)]
        over[0].job, beside[0].job, back[0].job = "slurm:1", "slurm:2", "slurm:3"

    def publish(self, kind, host, record, retained=False):
        record.update({"type": kind, "schema": 1, "host": host.name, "incarnation": 1})
        level = {"registration": "host", "paths": "path/0", "report": "report/0"}[kind]
        self.bus.publish(f"{PREFIX}/{level}/{host.name}", msgpack.packb(record), retained)

    def register(self, host):
        port = {"device": "mlx5_0", "port": 1, "addresses": [host.address],
                "tors": [f"leaf{host.leaf}"], "tor_by": "lldp", "clock": "hw",
                "out_per_s": 1000, "in_per_s": 5000, "src_ports": 0}
        self.publish("registration", host, {
            "version": "9", "time_ns": time.time_ns(), "leaving": False, "ports": [port],
            "labels": {}}, True)

    def path(self, source, destination, port):
        links = [e for e in route(source, destination, port) if isinstance(e, tuple)]
        routers = [links[0][0]] + [to for _, to in links] if links else [f"leaf{source.leaf}"]
        return {"source": source.address, "destination": destination.address, "src_port": port,
                "traffic_class": 0, "flow_label": 0, "reached": True, "stable": True,
                "time_ns": time.time_ns(),
                "hops": [{"ttl": i + 1, "address": address(r)} for i, r in enumerate(routers)]}

    def trace(self, host, deaf=None):
        """deaf: a router that answers no trace."""
        paths = [self.path(host, s.destination, s.port) for s in host.streams]
        paths += [self.path(host, s.source, s.back) for other in self.hosts
                  for s in other.streams if s.destination is host]
        for hop in (hop for path in paths for hop in path["hops"]):
            if deaf and hop["address"] == address(deaf):
                hop["address"] = None
        for part in range(0, len(paths), 500):
            host.sequence += 1
            self.publish("paths", host, {"sequence": host.sequence, "time_ns": time.time_ns(),
                                         "whole": False, "paths": paths[part:part + 500]})

    def survives(self, way):
        return all(self.random.random() >= self.bad.get(element, 0) for element in way)

    def probe(self, stream, there, back):
        if not self.survives(there):
            return "lost"
        acks = self.survives(back), self.survives(back)
        return {(True, True): "ok", (False, False): "lost", (False, True): "ack1_missing",
                (True, False): "ack2_missing"}[acks]

    def row(self, place, stream):
        there = route(stream.source, stream.destination, stream.port)
        back = route(stream.destination, stream.source, stream.back)
        classes = {}
        if self.dead in there:
            return {"place": place, "classes": {"unreachable": RATE}, "noise": 0, "noise_lost": 0,
                    "corrected": 0, "slow": 0}
        if not any(element in self.bad for element in there + back):
            return None
        for _ in range(RATE):
            what = self.probe(stream, there, back)
            if what != "ok":
                classes[what] = classes.get(what, 0) + 1
        # Within the last second; agents of older versions do not say it.
        when = {} if self.old else {"lost_when": sum(1 << eighth for eighth in range(8) if
                                                     eighth == 0 or self.random.random() < 0.5)}
        return {"place": place, "classes": classes, "noise": 0, "noise_lost": 0, "corrected": 0,
                "slow": 0, **when} if classes else None

    def report(self, host, sequence):
        rows = [r for r in (self.row(i, s) for i, s in enumerate(host.streams)) if r]
        if host.name == self.forged:
            rows = [FORGED] + [r for r in rows if r["place"]]
        streams = [{"device": "mlx5_0", "port": 1, "source": host.address,
                    "kind": s.kind(), "traffic_class": 0, "size": 0,
                    "job": s.job, "destinations": [s.destination.address],
                    "src_ports": [s.port], "back_ports": [s.back]} for s in host.streams]
        now = time.time_ns()
        self.publish("report", host, {
            "sequence": sequence, "begin_ns": now - 10**9, "end_ns": now, "whole": True,
            "streams_of": sequence, "throttled": False, "degraded": 0, "dropped": 0,
            "stalled_s": int(self.busy and sequence % 4 == 0),
            "streams": streams, "sent": [RATE] * len(streams),
            "rtt_ns": [20000] * len(streams), "rows": rows,
            "ports": [{"device": "mlx5_0", "port": 1, "up": True, "counters": {}}]})


class World:
    def __init__(self, directory):
        self.dir, self.port, self.sequence, self.next = directory, free_port(), 0, 0
        with open(self.path("broker.conf"), "w") as f:
            f.write(f"listener {self.port} 127.0.0.1\nallow_anonymous true\n"
                    "persistence false\n")
        self.broker = subprocess.Popen(["mosquitto", "-c", self.path("broker.conf")],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until("mosquitto listens", self.listens)
        self.fabric = Fabric(self.port)
        self.central = None

    def path(self, name):
        return os.path.join(self.dir, name)

    def listens(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def start_central(self, extra=""):
        with open(self.path("central.conf"), "w") as f:
            f.write(f'broker = "mqtt://127.0.0.1:{self.port}";\nsocket_group = "";\n'
                    f'socket = "{self.path("central.sock")}";\n'
                    f'database = "{self.path("central.db")}";\n{extra}')
        with open(self.path("central.log"), "a") as log:
            self.central = subprocess.Popen(
                [BUILD + "/rpingmesh-central", "-c", self.path("central.conf")],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        until("the socket of central", lambda: os.path.exists(self.path("central.sock")))

    def ctl(self, *args):
        """The exit status, and the records or lines."""
        result = subprocess.run(
            [BUILD + "/rpingmesh-ctl", "-S", self.path("central.sock"), *args],
            stdout=subprocess.PIPE, timeout=LONG, text=True)
        lines = result.stdout.splitlines()
        return result.returncode, [json.loads(x) for x in lines] if "--json" in args else lines

    def form(self, turns, extra=""):
        """Hosts register and publish their paths, central is started, and all is well for so many
        turns."""
        for host in self.fabric.hosts:
            self.fabric.register(host)
        self.start_central(extra)
        until("all hosts are there", lambda: len(self.ctl("--json", "hosts")[1]) ==
              len(self.fabric.hosts))
        for host in self.fabric.hosts:
            self.fabric.trace(host)
        for _ in range(turns):
            self.turn()

    def turn(self):
        """All hosts report what they have met, as often as once a second."""
        time.sleep(max(0, self.next - time.monotonic()))
        self.next = time.monotonic() + 1
        self.sequence += 1
        for host in self.fabric.hosts:
            self.fabric.report(host, self.sequence)

    def wait(self, what, condition):
        """Lets hosts report until condition() returns something true; says how long it took."""
        begin, end = time.monotonic(), time.monotonic() + 2 * LONG
        while time.monotonic() < end:
            self.turn()
            result = condition()
            if result:
                print(f"# {what}: {time.monotonic() - begin:.0f} s", flush=True)
                return result
        self.explain()
        raise AssertionError(f"{what}: not within {2 * LONG} s; {self.ctl('--json', 'blame')}")

    def explain(self):
        with open(self.path("central.log")) as f:
            print(f.read())

    def blamed(self):
        status, records = self.ctl("--json", "blame")
        assert status == (1 if records else 0), status
        return records

    def end(self):
        for program in self.central, self.broker:
            if program:
                program.kill()
                program.wait()


def try_link(world):
    world.fabric.forged = "h21"
    world.fabric.bad = {("leaf1", "spine2"): 0.3}
    found = world.wait("a link with 30 % loss is named", world.blamed)
    world.fabric.forged = None
    print("#", json.dumps(found), flush=True)
    culprit = found[0]["culprits"][0]
    check("one incident", len(found) == 1)
    check("it is a link", found[0]["kind"] == culprit["kind"] == "link")
    check("that which is bad", (culprit["from"], culprit["to"]) == ("10.1.1.1", "10.2.2.1"))
    check("its loss, in a window that began before it", 0 < found[0]["loss_ratio"] < 0.4)
    for _ in range(10):
        world.turn()
    again = world.blamed()
    check("the job that crosses it is hurt, and those beside it are not",
          (again[0]["hurts"], again[0]["priority"]) == (["slurm:1"], "P0"))
    check("nor do they cross it", again[0]["crosses"] == ["slurm:1"])
    check("and nothing else is, later", [i["id"] for i in again] == [found[0]["id"]])
    status, lines = world.ctl("blame")
    check("blame in words", status == 1 and "leaf1 -> " in lines[0])
    world.fabric.bad = {}
    world.wait("it is closed by evidence of health", lambda: not world.blamed())
    check("nothing is wrong", world.ctl("blame") == (0, ["Nothing is wrong."]))
    _, every = world.ctl("--json", "incidents", "--all")
    kept = [i for i in every if i["id"] == found[0]["id"]]
    check("it is kept", [i["state"] for i in kept] == ["closed"])
    check("no other was found when it ended", [i["culprits"][0]["name"] for i in every] ==
          [i["culprits"][0]["name"] for i in kept])
    world.fabric.bad = {("leaf1", "spine2"): 0.3}
    found = world.wait("it is bad again", world.blamed)
    check("the same incident opens again",
          (found[0]["id"], found[0]["opens"]) == (kept[0]["id"], 2))
    status, story = world.ctl("--json", "incident", found[0]["id"][:6])
    check("its story", [e["what"] for e in story[0]["events"]
                        if e["what"] in ("opened", "closed", "reopened")] ==
          ["opened", "closed", "reopened"])
    return found[0]["id"]


def try_operator(world, ident):
    status, _ = world.ctl("incident", ident, "--ack", "--reason", "ticket 1")
    check("acknowledged", status == 0 and world.blamed()[0]["acknowledged"]["reason"] == "ticket 1")
    status, _ = world.ctl("incident", ident, "--mute", "--until", "1h", "--reason", "cable")
    check("muted", status == 0 and world.blamed() == [])
    _, records = world.ctl("--json", "incidents")
    check("it is still listed", [(i["id"], i["muted"]) for i in records] == [(ident, True)])
    world.ctl("incident", ident, "--unmute", "--reason", "again")
    check("unmuted", [i["id"] for i in world.blamed()] == [ident])
    check("no such incident", world.ctl("incident", "ffffffffffffffff")[0] == 1)


def try_killed(world, ident):
    world.central.kill()
    world.central.wait()
    world.start_central()
    found = until("central is back", lambda: world.ctl("--json", "blame")[1])
    check("killed and started again, it knows the incident",
          [(i["id"], i["opens"], i["state"]) for i in found] == [(ident, 2, "open")])
    check("and what operators have said", found[0]["acknowledged"]["reason"] == "ticket 1")
    world.turn()
    check("none is there twice", [i["id"] for i in world.blamed()] == [ident])
    for host in world.fabric.hosts:
        world.fabric.trace(host)


def try_nic(world):
    world.fabric.bad = {}
    world.wait("it is closed", lambda: not world.blamed())
    world.fabric.bad = {"h31": 0.1}
    found = world.wait("a NIC with 10 % loss is named", world.blamed)
    culprit = found[0]["culprits"][0]
    print("#", json.dumps(found), flush=True)
    check("it is the NIC", len(found) == 1 and culprit["host"] == "h31" and
          culprit["kind"] in ("nic", "host"))


def try_spine(world):
    """What loses probes loses traces: the paths before still tell which switch it is."""
    world.fabric.bad = {}
    world.wait("it is closed", lambda: not world.blamed())
    world.fabric.bad = {way: 0.3 for leaf in range(1, LEAVES + 1)
                        for way in ((f"leaf{leaf}", "spine3"), ("spine3", f"leaf{leaf}"))}
    for host in world.fabric.hosts:
        world.fabric.trace(host, "spine3")
    world.wait("a switch with 30 % loss is named", lambda: [
        i for i in world.blamed() if i["kind"] == "switch"])
    for _ in range(20):
        world.turn()
    found = world.blamed()
    print("#", json.dumps([i["culprits"] for i in found]), flush=True)
    check("it is the switch, and nothing else",
          [[c["addresses"] for c in i["culprits"]] for i in found] == [[[address("spine3")]]])


def try_dead(world):
    """A NIC is dead, and its host reports over another network, while all hosts stall so often that
    none of them is well for 20 s: longer windows find it."""
    world.fabric.bad = {}
    world.wait("it is closed", lambda: not world.blamed())
    world.fabric.busy, world.fabric.dead = True, "h41"
    found = world.wait("a dead NIC is named", world.blamed)
    check("it is the NIC", len(found) == 1 and found[0]["culprits"][0]["host"] == "h41" and
          found[0]["culprits"][0]["kind"] in ("nic", "host"))


def main():
    with tempfile.TemporaryDirectory() as directory:
        world = World(directory)
        try:
            world.form(15)
            check("a healthy fabric has no culprit", world.ctl("--json", "blame") == (0, []))
            ident = try_link(world)
            try_operator(world, ident)
            try_killed(world, ident)
            try_nic(world)
            try_spine(world)
            try_dead(world)
        finally:
            world.end()
            if check.failed:
                world.explain()
    sys.exit(check.failed > 0)


if __name__ == "__main__":
    main()
