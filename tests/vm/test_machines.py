#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Two machines, each with a kernel, a clock and a daemon of its own, on one network: tests/vm/run
--machines 2.

Each case runs in both at once; they meet at barriers. What a machine prints of a case is its own
half."""

import os
import signal

import harness
from harness import MACHINE, Host, Watch, check, classes, probes_in, sh, until
from meeting import OTHER, WireCapture, address_of, both, meet, only_two

# A stall of the emulation is not to count as a loss.
PATIENT = "timeout_ms = 5000;"


def daemon(t, family=4, interval_ms=100):
    """This machine's daemon, which probes the other one's; up."""
    there = address_of(OTHER, family)
    h = Host(t, MACHINE, f'peers = ({{ address = "{there}"; interval_ms = {interval_ms}; }});\n'
             f'{PATIENT}').start()
    meet("daemon")
    h.wait_peer(there, "up")
    return h, there


def ping_over_the_wire(t, family):
    count = 50
    h = Host(t, MACHINE, PATIENT).start()
    capture = WireCapture(t, MACHINE)
    meet("captured")
    if MACHINE == 1:
        records = h.ping(address_of(OTHER, family), count, "-i", "0.05", "-W", "5")
        t.note(f"IPv{family}: {classes(records)}, median RTT {harness.median_ms(records):.1f} ms")
        check(classes(records) == {"ok": count}, f"{classes(records)}")
        check(all(r["rtt_ns"] > 0 for r in records), "an RTT that is not positive")
    meet("pinged")
    source = {4: "10.77.0.1", 6: "fd000077" + "0" * 23 + "1"}[family]
    packets = [p for p in probes_in(capture.packets()) if p["source"] == source]
    check(len(packets) == count, f"{len(packets)} probes of {count} on the wire of vm{MACHINE}")


@both
def test_ping(t):
    """Each probe that is reported left one machine and came to the other, says tcpdump in both."""
    ping_over_the_wire(t, 4)


@both
def test_ping6(t):
    ping_over_the_wire(t, 6)


def kernel_packets():
    """Packets of soft-RoCE that the kernel counts on this machine's device, sent and received."""
    names = ("sent_pkts", "rcvd_pkts")
    return tuple(int(open(f"/sys/class/infiniband/rxe0/ports/1/hw_counters/{n}").read())
                 for n in names)


@both
def test_mesh(t):
    """Both probe each other: nothing is lost, and the kernel has sent and received a probe and two
    answers for each."""
    sent_before, received_before = kernel_packets()
    h, there = daemon(t)
    p = until("100 answered probes", lambda: h.peer(there)["ok"] >= 100 and h.peer(there))
    sent, received = kernel_packets()
    t.note(f"vm{MACHINE}: {p['ok']} ok, {p['lost']} lost; {sent - sent_before} packets sent, "
           f"{received - received_before} received")
    check(p["lost"] == 0 and p["peer_down"] == 0, f"losses on a clean wire: {p}")
    check(sent - sent_before >= p["ok"] and received - received_before >= 2 * p["ok"],
          "the kernel has seen fewer packets")
    meet("measured")


@both
def test_peer_killed(t):
    """SIGKILL of one daemon: peer_down at the other; started again: up, and one restart is
    counted."""
    h, there = daemon(t, interval_ms=50)
    if MACHINE == 2:
        meet("watching")
        h.stop(signal.SIGKILL)
        meet("killed")
        meet("down")
        h.start()
        h.wait_peer(there, "up")
        meet("up")
        return
    watch = Watch(h)
    meet("watching")
    meet("killed")
    p = h.wait_peer(there, "down")
    check("no rpingmeshd" in (p["state_reason"] or ""), f"reason: {p['state_reason']}")
    until("peer_down", lambda: classes(watch.records()).get("peer_down", 0) >= 10)
    meet("down")
    p = h.wait_peer(there, "up")
    before = p["ok"]
    until("answers of the new one", lambda: h.peer(there)["ok"] > before + 10)
    meet("up")
    count = classes(watch.stop())
    t.note(f"{count}, restarts {h.peer(there)['restarts']}")
    check(h.peer(there)["restarts"] == 1, f"restarts: {h.peer(there)['restarts']}")
    check(count.get("lost", 0) == 0, f"lost without a loss: {count}")


@both
def test_link_down(t):
    """eth0 of one machine goes down: local_error there, unreachable at the other; both recover by
    themselves."""
    if os.uname().release.startswith("6.1."):
        # Seen: a null pointer in rxe_skb_tx_dtor(), from virtio_net's free_old_xmit_skbs().
        raise harness.Skip("soft-RoCE of Linux 6.1 panics when a QP ends before virtio_net has "
                           "freed its last packets")
    h, there = daemon(t, interval_ms=50)
    watch = Watch(h)
    meet("watching")
    if MACHINE == 2:
        sh("ip", "link", "set", "eth0", "down")
        until("local_error", lambda: classes(watch.records()).get("local_error", 0) >= 10)
        check(h.json("devices")[0]["state"] == "down", "the device is not shown as down")
        meet("down")
        sh("ip", "link", "set", "eth0", "up")
        sh("ip", "addr", "replace", "fd00:77::2/64", "dev", "eth0", "nodad")
    else:
        h.wait_peer(there, "down")
        until("unreachable", lambda: classes(watch.records()).get("unreachable", 0) >= 10)
        meet("down")
    h.wait_peer(there, "up")
    before = h.peer(there)["ok"]
    until("answers after the link's return", lambda: h.peer(there)["ok"] > before + 10)
    meet("up")
    count = classes(watch.stop())
    t.note(f"vm{MACHINE}: {count}")
    check(count.get("lost", 0) == 0, f"lost though the link was down: {count}")
    wrong = "local_error" if MACHINE == 1 else "peer_restarted"
    check(count.get(wrong, 0) == 0, f"{wrong}: {count}")


only_two("test_machines.py")
harness.main(globals())
