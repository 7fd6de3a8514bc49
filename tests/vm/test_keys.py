#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Hosts that share keys: only those who have one are answered; keys change while all probe."""

import os
import signal

import harness
from harness import Capture, Host, address, check, classes, until

OLD = "2026a 000102030405060708090a0b0c0d0e0f\n"
NEW = "2026b 8OHSw7Sllod4aVpLPC0eDw==\n"
MASK = 2**64 - 1


def siphash(key, message):
    """SipHash-2-4 by the paper, as bytes."""
    def turn(x, n):
        return (x << n | x >> (64 - n)) & MASK

    def rounds(n):
        for _ in range(n):
            v[0] = (v[0] + v[1]) & MASK
            v[1] = turn(v[1], 13) ^ v[0]
            v[0] = turn(v[0], 32)
            v[2] = (v[2] + v[3]) & MASK
            v[3] = turn(v[3], 16) ^ v[2]
            v[0] = (v[0] + v[3]) & MASK
            v[3] = turn(v[3], 21) ^ v[0]
            v[2] = (v[2] + v[1]) & MASK
            v[1] = turn(v[1], 17) ^ v[2]
            v[2] = turn(v[2], 32)

    k = [int.from_bytes(key[i:i + 8], "little") for i in (0, 8)]
    text = b"somepseudorandomlygeneratedbytes"
    v = [int.from_bytes(text[8 * i:8 * i + 8], "big") ^ k[i % 2] for i in range(4)]
    whole = message + bytes(7 - len(message) % 8) + bytes([len(message) % 256])
    for i in range(0, len(whole), 8):
        word = int.from_bytes(whole[i:i + 8], "little")
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xff
    rounds(4)
    return (v[0] ^ v[1] ^ v[2] ^ v[3]).to_bytes(8, "little")


class Keyed(Host):
    def __init__(self, t, index, keys, peer):
        super().__init__(t, index)
        self.keys = os.path.join(self.dir, "keys")
        key_file = f'key_file = "{self.keys}"; ' if keys else ""
        self.write(keys)
        self.configure(f'{key_file}tracing = {{ enable = false; }}; interval_ms = 100; '
                       f'peers = ("{address(peer)}");')

    def write(self, keys):
        with open(self.keys, "w") as f:
            os.fchmod(f.fileno(), 0o600)
            f.write(keys)

    def change(self, keys):
        self.write(keys)
        n = self.log().count("reloaded")
        self.send_signal(signal.SIGHUP)
        until("the keys are read again", lambda: self.log().count("reloaded") > n)


def test_signed(t):
    """All packets of two hosts with a key are signed with it, says a SipHash of its own."""
    check(siphash(bytes(range(16)), bytes(range(15))) ==
          bytes.fromhex("e545be4961ca29a1"), "not the paper's example")
    a, b = Keyed(t, 0, OLD, 1).start(), Keyed(t, 1, OLD, 0).start()
    a.wait_peer(address(1), "up")
    b.wait_peer(address(0), "up")
    capture = Capture(t, 0)
    for size in (50, 1000):
        count = classes(a.ping(address(1), 5, "-i", "0.1", "-s", size, "-W", 2))
        check(count == {"ok": 5}, f"{count}")
    seen = {1: 0, 2: 0, 3: 0}
    for p in capture.packets():
        payload = p.get("payload", b"")
        if payload[:5] != b"RPMH\x01":
            continue
        kind = payload[5]
        n = 50 if kind == 3 else 42
        check(payload[n:n + 8] == siphash(bytes(range(16)), payload[:n]),
              f"type {kind}: {payload.hex()}")
        seen[kind] += 1
    t.note(f"signed: {seen}")
    check(min(seen.values()) >= 10, f"{seen}")
    check(a.status()["signing_key"] == "2026a", "the key's name")
    check(a.status()["probes"]["unauthenticated"] == 0, "ACKs were refused")


def test_stranger(t):
    """A host without a key, and one with another: not answered, counted, named on both sides."""
    a = Keyed(t, 0, OLD, 1).start()
    b = Keyed(t, 1, "", 0).start()
    # The kernel refuses for a: the reason is that of any request that is dropped.
    until("b is refused", lambda: "not keep up" in (b.peer(address(0))["state_reason"] or ""))
    until("a counts it", lambda: a.status()["responder"]["unauthenticated"] > 0)
    until("a names it", lambda: any("key_file" in d and address(1) in d
                                    for d in a.status()["degraded"]))
    t.note(a.peer(address(1))["state_reason"] or "")
    until("a says why", lambda: "key_file" in (a.peer(address(1))["state_reason"] or "") or
          "other keys" in (a.peer(address(1))["state_reason"] or ""))
    check(a.status()["responder"]["opened"] == 0, "it got a session")
    check(not a.status()["probes"].get("ok") and not b.status()["probes"].get("ok"), "answered")
    b.stop()
    c = Keyed(t, 1, NEW, 0).start()
    until("c says why", lambda: "other keys" in (c.peer(address(0))["state_reason"] or ""))
    until("c names it", lambda: any("key_file" in d for d in c.status()["degraded"]))
    check(not a.status()["probes"].get("ok") and not c.status()["probes"].get("ok"), "answered")
    # The cure: the same key.
    c.change(NEW + OLD)
    a.change(OLD + NEW)
    a.wait_peer(address(1), "up")
    c.wait_peer(address(0), "up")
    until("the degraded states end",
          lambda: not any("key_file" in d for h in (a, c) for d in h.status()["degraded"]))


def test_change(t):
    """old -> old, new -> new, old -> new, one host after the other: no probe is lost."""
    hosts = [Keyed(t, i, OLD, 1 - i).start() for i in (0, 1)]
    for i, h in enumerate(hosts):
        h.wait_peer(address(1 - i), "up")
    for keys in (OLD + NEW, NEW + OLD, NEW):
        for i, h in enumerate(hosts):
            h.change(keys)
            count = classes(hosts[0].ping(address(1), 5, "-i", "0.1", "-W", 2))
            check(count == {"ok": 5}, f"host {i} has {keys.split()[::2]}: {count}")
    for h in hosts:
        probes = h.status()["probes"]
        check(not any(probes.get(c) for c in harness.LOST), f"host {h.index}: {probes}")
        check(h.status()["signing_key"] == "2026b", "the new key does not sign")
    # A file that others may read is refused, and the old keys stay in force.
    os.chmod(hosts[0].keys, 0o644)
    hosts[0].send_signal(signal.SIGHUP)
    until("it is refused", lambda: "chmod 600" in (hosts[0].status()["config_error"] or ""))
    check(classes(hosts[0].ping(address(1), 3, "-i", "0.1", "-W", 2)) == {"ok": 3}, "no keys")


if __name__ == "__main__":
    harness.main(globals())
