#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Two machines, each with a kernel, a clock and a daemon of its own, on one network: tests/vm/run --machines 2.

Each case runs in both at once; they meet at barriers. What a machine prints of a case is its own half."""

import functools
import os
import signal
import subprocess

import harness
from harness import MACHINE, Capture, Host, Watch, check, classes, probes_in, sh, until

OTHER = 3 - MACHINE
# A machine that fails its half goes to the end of the case and waits there; so the other one's wait has an end.
MEET_S = 240
case_name = ""
# A stall of the emulation is not to count as a loss.
PATIENT = "timeout_ms = 5000;"


def meet(name):
    """Barriers count who has come: each case has its own, so that one that failed before a barrier puts no later one out of step."""
    p = subprocess.run(["machine-barrier", f"{case_name}.{name}", str(MEET_S)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    check(p.returncode == 0, f"the other machine does not come to {name}: {p.stdout.strip()}")


def both(f):
    """A case that ends on both machines at once, also when one of them has failed."""
    @functools.wraps(f)
    def case(t):
        global case_name
        case_name = f.__name__
        try:
            f(t)
        finally:
            meet("end")
    return case


def address_of(machine, family=4):
    return f"10.77.0.{machine}" if family == 4 else f"fd00:77::{machine}"


def daemon(t, family=4, interval_ms=100):
    """This machine's daemon, which probes the other one's; up."""
    there = address_of(OTHER, family)
    h = Host(t, MACHINE, f'peers = ({{ address = "{there}"; interval_ms = {interval_ms}; }});\n{PATIENT}').start()
    meet("daemon")
    h.wait_peer(there, "up")
    return h, there


class WireCapture(Capture):
    """RoCE packets at this machine's end of the wire."""

    def start(self):
        self.tcpdump = subprocess.Popen(["tcpdump", "-i", "eth0", "-n", "-U", "--immediate-mode", "-B", "8192", "-Z", "root",
                                         "-w", self.path, "udp", "port", "4791"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        check("listening on" in self.tcpdump.stderr.readline(), "tcpdump does not start")

    def stop(self):
        self.tcpdump.send_signal(signal.SIGINT)
        self.tcpdump.communicate()


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
    return tuple(int(open(f"/sys/class/infiniband/rxe0/ports/1/hw_counters/{n}").read()) for n in names)


@both
def test_mesh(t):
    """Both probe each other: nothing is lost, and the kernel has sent and received a probe and two answers for each."""
    sent_before, received_before = kernel_packets()
    h, there = daemon(t)
    p = until("100 answered probes", lambda: h.peer(there)["ok"] >= 100 and h.peer(there))
    sent, received = kernel_packets()
    t.note(f"vm{MACHINE}: {p['ok']} ok, {p['lost']} lost; {sent - sent_before} packets sent, {received - received_before} received")
    check(p["lost"] == 0 and p["peer_down"] == 0, f"losses on a clean wire: {p}")
    check(sent - sent_before >= p["ok"] and received - received_before >= 2 * p["ok"], "the kernel has seen fewer packets")
    meet("measured")


@both
def test_peer_killed(t):
    """SIGKILL of one daemon: peer_down at the other; started again: up, and one restart is counted."""
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
    """eth0 of one machine goes down: local_error there, peer_down at the other; both recover by themselves."""
    if os.uname().release.startswith("6.1."):
        # Seen: a null pointer in rxe_skb_tx_dtor(), from virtio_net's free_old_xmit_skbs().
        raise harness.Skip("soft-RoCE of Linux 6.1 panics when a QP ends before virtio_net has freed its last packets")
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
        until("peer_down", lambda: classes(watch.records()).get("peer_down", 0) >= 10)
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


if MACHINE == 0 or os.environ["RPINGMESH_MACHINES"] != "2":
    raise SystemExit("test_machines.py: run it with tests/vm/run --machines 2")
harness.main(globals())
