# SPDX-License-Identifier: Apache-2.0
"""central_return.py BUILD: several rpingmesh-central, of which one starts late, returns after it
has been cut off, or hears slowly what the broker has kept. None of them may undo what the others
know."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

import msgpack

from central import PREFIX, Refused, World, whom
from checks import LONG, check, until


class Link:
    """A way to the broker that can be slow, cut, and refuse the subscription to one filter."""

    def __init__(self, port, bytes_per_s=None):
        self.to, self.rate, self.up, self.open = port, bytes_per_s, True, []
        self.refuse, self.refused = None, b"no answer"
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.server.accept()
            if not self.up:
                client.close()
                continue
            broker = socket.create_connection(("127.0.0.1", self.to))
            self.open += [client, broker]
            for a, b, rate in ((client, broker, None), (broker, client, self.rate)):
                threading.Thread(target=self.copy, args=(a, b, rate), daemon=True).start()

    def edit(self, data):
        """SUBSCRIBE and SUBACK, MQTT 3.1.1 sections 3.8 and 3.9: the packet identifier is before
        the length of the filter. The broker gets another filter instead."""
        at = data.find(self.refuse) if self.refuse else -1
        if at >= 0:
            self.refused = b"\x90\x03" + data[at - 4:at - 2]
            data = data.replace(self.refuse, b"x" * len(self.refuse))
        for granted in b"\x00", b"\x01":
            data = data.replace(self.refused + granted, self.refused + b"\x80")
        return data

    def copy(self, a, b, rate):
        try:
            while True:
                data = a.recv(rate // 20 if rate else 65536)
                if not data:
                    break
                b.sendall(self.edit(data))
                if rate:
                    time.sleep(len(data) / rate)
        except OSError:
            pass
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        self.up = False
        for s in self.open:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.open = []

    def heal(self):
        self.up = True


def kill(w, name):
    program = w.centrals.pop(name)
    program.kill()
    program.wait(LONG)


def connected(w, name):
    until(name + " is connected", lambda: w.status(name)["bus"]["state"] == "connected")


def drain_c(w, name):
    w.call(name, "drain", host="c", reason="new NIC", by="ada",
           until_ns=time.time_ns() + 3600 * 10**9)


def same(w):
    """Whether both centrals have planned the same, with c drained."""
    one, two = w.status("one"), w.status("two")
    return one["drains"] == two["drains"] == 1 and one["plan_digest"] == two["plan_digest"] and \
        "10.0.0.3" not in whom(w, "a")


def stays(seconds, condition):
    """Whether it is true all the time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not condition():
            return False
        time.sleep(0.2)
    return True


def drains(w):
    """A central that was cut off does not bring a drain back that was ended meanwhile."""
    link = Link(w.port)
    w.start_central("one")
    w.start_central("two", port=link.port)
    for i, host in enumerate("abc"):
        w.join(host, "leaf-1", f"10.0.0.{i + 1}")
    until("the lists", lambda: whom(w, "a") == {"10.0.0.2", "10.0.0.3"})
    connected(w, "two")
    drain_c(w, "two")
    until("both know it", lambda: same(w))
    link.cut()
    until("two is cut off", lambda: w.status("two")["bus"]["state"] != "connected")
    w.call("one", "undrain", host="c")
    until("its return", lambda: "10.0.0.3" in whom(w, "a"))
    link.heal()
    connected(w, "two")
    until("two hears of it", lambda: w.status("two")["drains"] == 0)
    check("a central that returns takes over the end of a drain",
          stays(3, lambda: w.status("one")["drains"] == 0 and "10.0.0.3" in whom(w, "a")))

    drain_c(w, "two")
    until("both know it", lambda: same(w))
    link.cut()
    until("two is cut off", lambda: w.status("two")["bus"]["state"] != "connected")
    w.call("one", "undrain", host="c")
    kept = until("the end is kept", lambda: ended(w, "c"))
    kill(w, "one")
    link.heal()
    connected(w, "two")
    until("two reads it at the broker", lambda: w.status("two")["drains"] == 0)
    until("its list", lambda: "10.0.0.3" in whom(w, "a"))
    check("so it does if nobody else is there", ended(w, "c") == kept)

    link.cut()
    until("two is cut off", lambda: w.status("two")["bus"]["state"] != "connected")
    drain_c(w, "two")
    link.heal()
    until("its drain", lambda: "10.0.0.3" not in whom(w, "a"))
    w.publish(f"{PREFIX}/drain/c", kept)
    until("the later one", lambda: not ended(w, "c"))
    w.publish(f"{PREFIX}/drain/c", b"")
    until("the drain", lambda: w.retained(f"{PREFIX}/drain/c"))
    check("what was decided later counts, whatever comes to the broker later",
          w.status("two")["drains"] == 1)
    w.call("two", "undrain", host="c")
    kill(w, "two")


def ended(w, host):
    """What the broker has kept of a drain, if that has been ended."""
    payload = w.retained(f"{PREFIX}/drain/{host}")
    drain = msgpack.unpackb(payload) if payload else None
    return payload if drain and drain["until_ns"] <= drain["time_ns"] else None


def first_plan(w):
    """Nothing is planned before all that the broker has kept is there."""
    hosts = [f"h{i}" for i in range(60)]
    for i, host in enumerate(hosts):
        w.join(host, f"leaf-{i // 20}", f"10.1.{i // 20}.{i % 20 + 1}")
    link = Link(w.port, bytes_per_s=6000)
    seen = open(w.path("seen"), "wb")
    watch = subprocess.Popen(["mosquitto_sub", "-p", str(w.port), "-R", "-F", "%t", "-t",
                              f"{PREFIX}/pinglist/+"], stdout=seen)
    time.sleep(1)
    hour = time.time() // 3600
    w.start_central("slow", port=link.port)
    until("all lists", lambda: w.status("slow")["lists_published"] >= 60)
    time.sleep(2)
    watch.terminate()
    watch.wait(LONG)
    with open(w.path("seen")) as f:
        topics = f.read().split()
    check("each list is published once, after the last registration has come",
          time.time() // 3600 != hour or len(topics) == len(set(topics)) == 60)
    kill(w, "slow")


def age_beat(w):
    """The sign of life that the broker has kept becomes an hour old."""
    beat = msgpack.unpackb(w.retained(f"{PREFIX}/central/+"))
    assert beat["hosts"] == 30
    beat["time_ns"] -= 3600 * 10**9
    w.publish(f"{PREFIX}/central/" + beat["host"].replace(".", "%2E"), msgpack.packb(beat))


def frozen(w):
    """A central that starts while another one has frozen its plan does not empty it."""
    w.start_central("one")
    for i in range(30):
        w.join(f"many{i}", "leaf-3", f"10.0.3.{i + 1}")
    until("a list", lambda: len(whom(w, "many29")) == 29)
    for i in range(15):
        w.leave(f"many{i}")
    until("frozen", lambda: w.status("one")["frozen"])
    w.start_central("two")
    until("two hears them", lambda: w.status("two")["hosts_present"] == 15)
    until("two is frozen", lambda: w.status("two")["frozen"])
    check("a new central leaves the lists of a frozen plan alone",
          stays(4, lambda: "10.0.3.1" in whom(w, "many29")))
    check("this is said", any("has planned for 30 hosts, and only 15 are there" in s
                              for s in w.status("two")["degraded"]))
    for i in (15, 16, 17):
        w.leave(f"many{i}")
    until("three more leave", lambda: w.status("two")["hosts_leaving"] == 3)
    try:
        w.call("two", "confirm")
        check("it is for the other one to confirm", False)
    except Refused as error:
        check("it is for the other one to confirm", "still there" in str(error))
    check("what is refused is not done", w.status("two")["hosts_leaving"] == 3)
    kill(w, "one")
    kill(w, "two")
    age_beat(w)
    w.start_central("three")
    until("three is frozen", lambda: w.status("three")["frozen"])
    check("so does one that starts after the other has ended",
          stays(4, lambda: "10.0.3.1" in whom(w, "many29")))
    check("confirm counts those that are missing", w.call("three", "confirm")["hosts"] == 18)
    until("the plan", lambda: "10.0.3.1" not in whom(w, "many29"))
    check("then they are gone", not w.status("three")["frozen"])
    w.stop_central("three")


def refused(w):
    """A broker that refuses a subscription, as NATS does in an election, hides no hosts."""
    for i in range(3):
        w.join(f"r{i}", "leaf-4", f"10.0.4.{i + 1}")
    link = Link(w.port)
    link.refuse = f"{PREFIX}/host/+".encode()
    w.start_central("late", port=link.port)
    until("it is refused", lambda: any("refuses the subscription to" in s
                                       for s in w.status("late")["degraded"]))
    check("without registrations, it does not say that there are no hosts",
          stays(3, lambda: w.retained(f"{PREFIX}/central/+") == b""))
    link.refuse, link.refused = None, b"no answer"
    until("a list", lambda: len(whom(w, "r0")) == 2)
    claim = until("its word", lambda: w.retained(f"{PREFIX}/central/+"))
    check("it begins when the broker is ready", msgpack.unpackb(claim)["hosts"] == 3)
    link.refuse = f"{PREFIX}/host/+".encode()
    link.cut()
    link.heal()
    until("it is refused again", lambda: any("refuses the subscription to" in s
                                             for s in w.status("late")["degraded"]))
    before = w.status("late")["lists_published"]
    link.refuse, link.refused = None, b"no answer"
    until("all lists again", lambda: w.status("late")["lists_published"] >= before + 3)
    check("a later connection, too", len(whom(w, "r0")) == 2)
    w.stop_central("late")


def others(w):
    """Signs of life of two more centrals, which have one name as in containers, take turns."""
    for i in range(3):
        w.join(f"r{i}", "leaf-4", f"10.0.4.{i + 1}")
    w.start_central("one")
    until("a list", lambda: len(whom(w, "r0")) == 2)
    hour = time.time() // 3600
    stays(2, lambda: True)
    before = w.status("one")["lists_published"]
    for i in range(6):
        w.publish(f"{PREFIX}/central/other", msgpack.packb({
            "type": "central", "schema": 1, "host": "other", "version": "1",
            "incarnation": 5 + i % 2, "time_ns": time.time_ns(), "hosts": 3}))
    check("two others of one name do not make it publish all lists again",
          stays(3, lambda: w.status("one")["lists_published"] == before) or
          time.time() // 3600 != hour)
    w.stop_central("one")


def main():
    directory = tempfile.mkdtemp()
    world = World(directory)
    try:
        for part in (drains, first_plan, frozen, refused, others):
            world.start_broker()
            part(world)
            world.stop_broker()
    except (AssertionError, Refused, subprocess.SubprocessError) as error:
        check(f"{type(error).__name__}: {error}", False)
        for name in list(world.centrals):
            print(name, world.status(name))
            print(world.log(name))
    finally:
        for program in list(world.centrals.values()) + [world.broker]:
            if program:
                program.kill()
        shutil.rmtree(directory)
    sys.stdout.flush()
    os._exit(check.failed > 0)  # threads of links may wait for ever


main()
