#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Nothing is called lost that the network has not lost: restarts, stalls, a busy host and devices
that come and go."""

import signal
import subprocess
import time

import harness
from harness import Host, Watch, address, check, classes, fabric, sh, until

QUIET = "tracing = { enable = false; };\n"


def kernel_drops():
    """Every packet that this kernel says it dropped: {where: count}. netem's are among them
    (tc)."""
    drops = {}
    for ns in ([], ["ip", "netns", "exec", "router"]):
        for line in sh(*ns, "sh", "-c",
                       "cd /sys/class/net && grep -H . */statistics/[rt]x_dropped").splitlines():
            name, value = line.rsplit(":", 1)
            drops[name] = int(value)
        for line in sh(*ns, "tc", "-s", "qdisc", "show").replace("\n Sent", " Sent").splitlines():
            if "dropped" in line:
                device = line.split(" dev ")[1].split()[0]
                drops[f"{device}/qdisc"] = (drops.get(f"{device}/qdisc", 0) +
                                            int(line.split("dropped ")[1].split(",")[0]))
    with open("/proc/net/softnet_stat") as f:
        drops["softnet"] = sum(int(line.split()[1], 16) for line in f)
    return drops


class Watched:
    """Two daemons that probe each other, and what the kernel drops meanwhile."""

    def __init__(self, t, interval_ms=25, text=""):
        self.t = t
        self.a, self.b = t.pair(QUIET + text, QUIET + text, interval_ms)
        self.drops = kernel_drops()
        self.watches = [Watch(self.a), Watch(self.b)]
        self.answered(5)

    def answered(self, n):
        """Until each has had n more answers from the other."""
        for host, other in ((self.a, address(1)), (self.b, address(0))):
            host.wait_peer(other, "up")
            before = host.peer(other)
            until(f"{n} more answers", lambda h=host, o=other, b=before: h.alive() and
                  h.peer(o)["ok"] + h.peer(o)["late"] >= b["ok"] + b["late"] + n)

    def no_loss(self, allowed):
        """The end: other classes than ok, late and those in `allowed` fail."""
        self.answered(20)
        time.sleep(2)
        new = {k: n - self.drops.get(k, 0) for k, n in kernel_drops().items()
               if n != self.drops.get(k, 0)}
        for host, watch in ((self.a, self.watches[0]), (self.b, self.watches[1])):
            totals = host.status()["probes"]
            full = [d["receive_queue_full"] for d in host.json("devices")]
            records = watch.stop()
            count = classes(records)
            self.t.note(f"host {host.index}: {count}; receive queue full {full}; "
                        f"the kernel dropped {new or 'nothing'}")
            odd = {k: n for k, n in host.status()["responder"].items()
                   if n and k not in ("sessions", "opened", "probes", "ack1", "ack2")}
            reasons = {r["reason"] for r in records if r["class"] == "local_error"}
            if odd or reasons:
                self.t.note(f"its responder: {odd}, local errors: {reasons}")
            for loss in harness.LOST:
                check(totals[loss] == 0 and count.get(loss, 0) == 0,
                      f"host {host.index}: {loss} without a loss: {totals}, {count}")
            check(set(count) <= {"ok", "late"} | set(allowed), f"host {host.index}: {count}")
            check(count.get("ok", 0) >= 20, f"host {host.index}: hardly any answers: {count}")


def restarts(t, who, other, signals):
    """Host 0 (who 0) or host 1 restarts again and again; both probe."""
    w = Watched(t)
    hosts = (w.a, w.b)
    for i, signo in enumerate(signals):
        check(all(hosts[who].status()["probes"][c] == 0 for c in harness.LOST),
              f"lost: {hosts[who].status()['probes']}")
        hosts[who].stop(signo)
        hosts[who].start(wait=False)
        until("it answers", lambda: hosts[who].alive() and hosts[who].try_status())
        until("the restart is noticed",
              lambda: hosts[other].peer(address(who))["restarts"] == i + 1)
        w.answered(10)
    w.watches[who].stop()
    w.watches[who] = Watch(hosts[who])
    w.no_loss(("peer_restarted", "peer_down", "unreachable", "unresolved", "local_error"))


KILLS = (signal.SIGKILL, signal.SIGTERM) * 2


def test_peer_restarts(t):
    """The peer is killed or ended and started, four times: what was in flight is peer_restarted or
    peer_down."""
    restarts(t, 1, 0, KILLS)


def test_own_restarts(t):
    """The same with the prober: its old session at the peer, and the messages that come for it,
    confuse nobody."""
    restarts(t, 0, 1, KILLS)


def test_stalls(t):
    """SIGSTOP for less than the timeout, more than it, and for long: each daemon in turn, then
    both."""
    w = Watched(t)
    for hosts in ((w.b,), (w.a,), (w.a, w.b)):
        for stall_s in (0.2, 0.2, 0.2, 0.7, 1.5, 4, 0.3, 8):
            for h in hosts:
                h.send_signal(signal.SIGSTOP)
            time.sleep(stall_s)
            for h in hosts:
                h.send_signal(signal.SIGCONT)
            time.sleep(0.5)
        w.answered(10)
    w.no_loss(("peer_down", "unreachable", "peer_restarted", "local_error"))


def test_cpu_hog(t):
    """Six busy loops beside the daemons on the one processor, and stalls on top."""
    w = Watched(t)
    hogs = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(6)]
    try:
        time.sleep(15)
        for host in (w.a, w.b):
            host.send_signal(signal.SIGSTOP)
            time.sleep(1)
            host.send_signal(signal.SIGCONT)
            time.sleep(3)
        w.answered(20)
    finally:
        for p in hogs:
            p.kill()
            p.wait()
    w.no_loss(("peer_down", "unreachable", "peer_restarted", "local_error"))


def device_returns(t, host):
    w = Watched(t)
    for _ in range(2):
        sh("rdma", "link", "delete", f"rxe{host}")
        time.sleep(2)
        sh("rdma", "link", "add", f"rxe{host}", "type", "rxe", "netdev", f"h{host}")
        until("its GID is back", lambda: fabric("gid", host))
        w.answered(10)
    w.no_loss(("peer_down", "unreachable", "peer_restarted", "local_error", "unresolved"))


def test_prober_device_returns(t):
    """rdma link delete and add at host 0, twice."""
    device_returns(t, 0)


def test_responder_device_returns(t):
    """The same at host 1. Both probe and answer: two cases, since the order of things differs."""
    device_returns(t, 1)


if __name__ == "__main__":
    harness.main(globals())
