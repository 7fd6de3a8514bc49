#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A neighbour on the fabric that runs no daemon and sends what it likes (tests/vm/roce.py), beside
two honest hosts: what it does must not become a fault of theirs."""

import time

import harness
from harness import address, check, until
from roce import Neighbour

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


if __name__ == "__main__":
    harness.main(globals())
