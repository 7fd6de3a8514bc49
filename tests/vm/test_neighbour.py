#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A neighbour on the fabric that runs no daemon and sends what it likes (tests/vm/roce.py), beside
two honest hosts: what it does must not become a fault of theirs."""

import os
import time

import harness
from harness import Capture, address, check, until
from roce import Neighbour, probe, request_data, sidr_requests

NEIGHBOUR = 2
# Longer than the buffers of the prober (128), and of the responder (4096); the wire takes 4200.
LONG = 4120
N_LONG = 20


def devices(*hosts):
    return [h.json("devices")[0] for h in hosts]


class Honest:
    """Two hosts that probe each other. check(): since then ports have not flapped, all probes were
    answered."""

    def __init__(self, t):
        self.t = t
        self.hosts = t.pair()
        self.before = [self.probes(h) for h in self.hosts]

    @staticmethod
    def probes(host):
        status = host.status()["probes"]
        return {c: status[c] for c in harness.CLASSES}

    def check(self, at_least=20):
        for h, d, before in zip(self.hosts, devices(*self.hosts), self.before):
            count = {c: n - before[c] for c, n in self.probes(h).items() if n > before[c]}
            self.t.note(f"host {h.index}: {count}")
            check(d["flaps"] == 0 and d["state"] == "up",
                  f"host {h.index}: {d['state']}, {d['flaps']} flaps")
            check(set(count) <= {"ok", "late"} and count["ok"] >= at_least,
                  f"host {h.index}: {count}")


def test_long_messages(t):
    """UD messages longer than the buffers cost themselves only, and are counted."""
    honest = Honest(t)
    a = honest.hosts[0]
    neighbour = Neighbour(NEIGHBOUR)
    qkey = neighbour.session(address(0)).qkey
    d = devices(a)[0]
    for qpn in (d["qpn"], d["responder_qpn"]):
        before = devices(a)[0]["receives_too_long"]
        for _ in range(N_LONG):
            neighbour.send(address(0), qpn, qkey, bytes(LONG))
            time.sleep(0.05)
        until(f"long messages to QP {qpn} are counted",
              lambda n=before: devices(a)[0]["receives_too_long"] == n + N_LONG, 20)
    time.sleep(3)
    check(devices(a)[0]["qpn"] == d["qpn"], "another QP")
    honest.check()
    neighbour.close()


def victim_incarnation(t, honest):
    """What host 1 tells host 0, by a capture of its start: it stands in every SIDR request."""
    capture = Capture(t, 1)
    honest.hosts[1].stop()
    honest.hosts[1].start()
    honest.hosts[1].wait_peer(address(0), "up")
    honest.hosts[0].wait_peer(address(1), "up")
    asked = [r for source, dest, r in sidr_requests(capture.packets())
             if (source, dest) == (address(1), address(0))]
    check(asked, "host 1 has not asked")
    honest.before = [honest.probes(h) for h in honest.hosts]
    return asked[-1].incarnation


def test_forged_requests(t):
    """The neighbour asks host 0 in the name of host 1, with the incarnation that host 1 has told
    and with another, each with another Q_Key, and sends probes in its name with the sessions that
    it gets. Host 1 measures on."""
    honest = Honest(t)
    incarnation = victim_incarnation(t, honest)
    neighbour = Neighbour(NEIGHBOUR)
    sessions = {}
    for n in range(30):
        for what, claimed in (("same", incarnation), ("other", incarnation ^ n + 1)):
            reply = neighbour.reply(neighbour.ask(
                address(0), request_data(0x6666, claimed, nonce=0x7777 + n), address(1)), 3)
            if reply and not reply.refused:
                check(reply.nonce == 0x7777 + n, f"nonce {reply.nonce:#x}")
                sessions.setdefault(reply.session, reply)
                neighbour.send(address(0), reply.qpn, reply.qkey, probe(reply.session, n),
                               source=address(1))
    t.note(f"{len(sessions)} sessions in the name of host 1")
    check(len(sessions) > 5, "the neighbour got no sessions")
    capture = Capture(t, 1)
    last = list(sessions.values())[-1]
    for n in range(20):
        neighbour.send(address(0), last.qpn, last.qkey, probe(last.session, 100 + n),
                       source=address(1))
    time.sleep(3)
    acks = [p for p in capture.packets() if p["dest"] == address(1) and p["qpn"] == 0x77
            and p["payload"][5] in (2, 3)]
    check(not acks, f"{len(acks)} ACKs to a queue pair of the forger's choice")
    check(honest.hosts[0].status()["responder"]["challenges"] > 1, "no challenge was sent")
    honest.check()
    neighbour.close()


def test_older_requests(t):
    """The neighbour asks host 0 in the name of host 1 like a build that knows no challenges: it is
    refused, because host 1 probes and has a newer build."""
    honest = Honest(t)
    before = honest.hosts[0].status()["responder"]["refused_opens"]
    neighbour = Neighbour(NEIGHBOUR)
    asked = [neighbour.reply(neighbour.ask(address(0), request_data(0x6666, n + 1), address(1)), 3)
             for n in range(10)]
    replies = [r for r in asked if r]
    refused = honest.hosts[0].status()["responder"]["refused_opens"] - before
    t.note(f"{len(replies)} replies, {refused} refused")
    check(replies and all(r.refused for r in replies), "the neighbour got a session")
    check(refused >= len(replies), f"{refused} counted as refused")
    time.sleep(3)
    honest.check()
    neighbour.close()


def test_claims(t):
    """Requests in the names of a thousand hosts that do not exist: a bounded number of them is
    resolved, the others are counted, and honest hosts measure on."""
    honest = Honest(t)
    a = honest.hosts[0]
    neighbour = Neighbour(NEIGHBOUR)
    for n in range(1000):
        neighbour.ask(address(0), request_data(0x6666, n + 1, nonce=n + 1),
                      f"10.0.0.{2 + n % 250}")
        time.sleep(0.002)
    refused = until("claims are refused", lambda: a.status()["responder"]["refused_claims"], 20)
    t.note(f"{refused} claims refused")
    time.sleep(3)
    honest.check()
    neighbour.close()


def resident_kb(host):
    with open(f"/proc/{host.process.pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))


def attack(neighbour, device, reply, n):
    """One round of everything against host 0, in the name of host 1 and of nobody."""
    for qpn in (device["qpn"], device["responder_qpn"]):
        neighbour.send(address(0), qpn, reply.qkey, bytes(LONG))
        neighbour.send(address(0), qpn, reply.qkey, os.urandom(60))
    neighbour.ask(address(0), request_data(0x6666, n + 1, nonce=n + 1), address(1))
    neighbour.ask(address(0), request_data(0x6666, n + 1), f"10.0.0.{2 + n % 250}")
    for label in range(4):
        neighbour.send(address(0), reply.qpn, reply.qkey,
                       probe(reply.session, n, flow_label=(4 * n + label) & 0xfffff))
        neighbour.send(address(0), reply.qpn, reply.qkey, probe(reply.session, n),
                       source=address(1))


def test_all_at_once(t):
    """All of it for NEIGHBOUR_S seconds: no flap, no wrong class, no growth."""
    seconds = int(os.environ.get("NEIGHBOUR_S", 20))
    honest = Honest(t)
    a = honest.hosts[0]
    neighbour = Neighbour(NEIGHBOUR)
    device, reply = devices(a)[0], neighbour.session(address(0))
    end, n, resident = time.monotonic() + seconds, 0, 0
    while time.monotonic() < end:
        attack(neighbour, device, reply, n)
        n += 1
        time.sleep(0.05)
        # What there is to remember has its bounds, which are reached in the first third.
        if not resident and time.monotonic() > end - seconds * 2 / 3:
            resident = resident_kb(a)
    grown = resident_kb(a) - resident
    t.note(f"{n} rounds, {resident} kB resident after a third, {grown} more at the end")
    check(grown < 1024, f"{grown} kB more")
    time.sleep(3)
    honest.check()
    neighbour.close()


if __name__ == "__main__":
    harness.main(globals())
