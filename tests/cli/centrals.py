# SPDX-License-Identifier: Apache-2.0
"""centrals.py BUILD: two rpingmesh-centrals at one broker, with the hosts and the fabric of
culprit.py, have the same incidents; an operator speaks to either; one is killed, and what is open
ends with the other. What is forged changes nothing. The history of the mesh has its minutes."""

import copy
import json
import os
import subprocess
import sys
import tempfile
import urllib.request

import msgpack

from checks import LONG, check, until
from culprit import PREFIX, World, free_port

FORGED = "fedcba9876543210"


def retained(world, topic):
    """What the broker keeps there; {}: nothing. The topics of hosts, which it keeps for certain,
    show that it has answered; None: it has not."""
    result = subprocess.run(
        ["mosquitto_sub", "-p", str(world.port), "-t", topic, "-t", f"{PREFIX}/host/+", "-W", "3",
         "-F", "%t %x"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=LONG)
    kept = dict(line.split(" ") for line in result.stdout.splitlines())
    if not [name for name in kept if name != topic]:
        return None
    return msgpack.unpackb(bytes.fromhex(kept[topic])) if kept.get(topic) else {}


def publish(world, topic, payload):
    path = world.path("payload")
    with open(path, "wb") as f:
        f.write(payload)
    subprocess.run(["mosquitto_pub", "-p", str(world.port), "-q", "1", "-r", "-t", topic] +
                   (["-f", path] if payload else ["-n"]), check=True, timeout=LONG)


def another(world, name):
    """A second central, with the same hosts, in a directory of its own."""
    other = copy.copy(world)
    other.dir = world.path(name)
    other.central = None
    os.mkdir(other.dir)
    return other


def fetch(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=LONG) as page:
        return json.load(page)


def find(a, b):
    """Both name the link, under one id."""
    a.fabric.bad = {("leaf1", "spine2"): 0.3}
    a.wait("both name the culprit under one id", lambda: len(a.blamed()) == len(b.blamed()) == 1 and
           a.blamed()[0]["id"] == b.blamed()[0]["id"])
    found = a.blamed()[0]
    topic = f"{PREFIX}/incident/{found['id']}"
    check("it is published", until("its topic", lambda: retained(a, topic))["id"] == found["id"])
    a.wait("the elder since holds", lambda: a.blamed()[0]["since_ns"] == b.blamed()[0]["since_ns"])
    return found["id"]


def operators(a, b, ident):
    a.ctl("incident", ident, "--ack", "--reason", "ticket 1")
    a.wait("what is acknowledged at one is at the other", lambda: (
        b.blamed()[0]["acknowledged"] or {}).get("reason") == "ticket 1")
    b.ctl("incident", ident, "--mute", "--until", "1h", "--reason", "cable")
    a.wait("what is muted at one is muted at the other", lambda: a.blamed() == [])
    a.ctl("incident", ident, "--unmute", "--reason", "it is not")
    a.wait("and not any more", lambda: b.blamed() != [])


def forged(a, b, ident):
    topic = f"{PREFIX}/incident/{ident}"
    record = a.wait("its topic", lambda: retained(a, topic))
    for payload in (b"no record", msgpack.packb({**record, "incarnation": 5, "id": FORGED}),
                    msgpack.packb({**record, "incarnation": 5, "state": "closed"}), b""):
        publish(a, topic, payload)
    a.wait("a topic that is forged or cleared is set again",
           lambda: (retained(a, topic) or {}).get("id") == ident)
    check("it is still open, here and there",
          [[i["id"] for i in w.blamed()] for w in (a, b)] == [[ident], [ident]])
    with open(b.path("central.log")) as f:
        check("it is said", "of another central is refused" in f.read())


def history(b, port):
    """The last of the minutes since the start, in which all have probed all."""
    def last():
        times = fetch(port, "/api/1/mesh/times")
        if not times["runs"]:
            return None
        mesh = fetch(port, f"/api/1/mesh?at={times['runs'][-1][1] + 59 * 10**9}")
        return len(mesh["cells"]) == 16 and (times, mesh)
    times, mesh = b.wait("a minute of the mesh", last)
    check("it is kept on disk", times["on_disk"] and times["size"] > 0)
    check("it is the one that was asked for", mesh["time_ns"] == times["runs"][-1][1] > 0)
    check("its switches", sorted(mesh["names"]) == [f"leaf{i}" for i in (1, 2, 3, 4)])
    check("each pair of them", all(sent > 0 for _, _, sent, *_ in mesh["cells"]))


def ended(a, b, ident):
    """a is killed; b closes what is well, and nothing remains at the broker."""
    a.central.kill()
    a.central.wait()
    a.central = None
    a.fabric.bad = {}
    b.wait("the other one closes it", lambda: not b.blamed())
    b.wait("and clears its topic", lambda: retained(b, f"{PREFIX}/incident/{ident}") == {})


def main():
    with tempfile.TemporaryDirectory() as directory:
        a = World(directory)
        b = another(a, "b")
        port = free_port()
        try:
            for host in a.fabric.hosts:
                a.fabric.register(host)
            a.start_central()
            b.start_central(f'listen = "127.0.0.1:{port}";\n')
            for w in a, b:
                until("all hosts are there",
                      lambda w=w: len(w.ctl("--json", "hosts")[1]) == len(a.fabric.hosts))
            for host in a.fabric.hosts:
                a.fabric.trace(host)
            for _ in range(10):
                a.turn()
            ident = find(a, b)
            operators(a, b, ident)
            forged(a, b, ident)
            ended(a, b, ident)
            history(b, port)
        finally:
            for w in b, a:
                if check.failed or sys.exc_info()[0]:
                    w.explain()
            if b.central:
                b.central.kill()
                b.central.wait()
            a.end()
    sys.exit(check.failed > 0)


if __name__ == "__main__":
    main()
