#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Peers that restart, die and return, links that go down: each cause gets its own class, and
recovery is automatic."""

import signal
import time

import harness
from harness import Capture, Host, Watch, address, check, classes, fabric, sh, until

QUIET = "tracing = { enable = false; };"
PROBE, ACK1, ACK2 = 1, 2, 3  # include/rpingmesh/probe_wire.h


def wait_class(watch, name, at_least=1):
    return until(f"{at_least} records of class {name}",
                 lambda: [r for r in watch.records() if r["class"] == name][at_least - 1:] and
                 watch.records())


def test_peer_restart(t):
    """A peer daemon that is stopped and started: peer_restarted or peer_down, and not one lost."""
    a, b = t.pair(interval_ms=20)
    watch = Watch(a)
    restarts = 4
    for i in range(restarts):
        harness.until("probing", lambda: a.peer(address(1))["state"] == "up" and
                      a.peer(address(1))["ok"] > 30 * (i + 1))
        check(b.stop() == 0, "no clean stop")
        b.start()
        until("the restart is noticed", lambda: a.peer(address(1))["restarts"] == i + 1)
    a.wait_peer(address(1), "up")
    count = classes(watch.stop())
    t.note(f"{restarts} restarts: {count}")
    check(count.get("lost", 0) == 0, f"lost without a loss: {count}")
    check(count.get("peer_restarted", 0) + count.get("peer_down", 0) > 0,
          "the restarts left no trace")


def test_quick_restart(t):
    """A restart quicker than three timeouts: the probes in flight are peer_restarted."""
    a, b = t.pair("timeout_ms = 1000;", "timeout_ms = 1000;", interval_ms=50)
    watch = Watch(a)
    time.sleep(2)
    # SIGKILL and at once a new daemon: nobody says goodbye.
    b.stop(signal.SIGKILL)
    b.start(wait=False)
    until("the restart is noticed", lambda: a.peer(address(1))["restarts"] == 1)
    a.wait_peer(address(1), "up")
    time.sleep(1)
    count = classes(watch.stop())
    t.note(f"{count}")
    check(count.get("peer_restarted", 0) > 0, f"no peer_restarted: {count}")
    check(count.get("lost", 0) == 0, f"lost without a loss: {count}")


def test_peer_killed(t):
    """SIGKILL of the peer: peer_down, with the reason; up again when it returns."""
    a, b = t.pair(interval_ms=50)
    watch = Watch(a)
    b.stop(signal.SIGKILL)
    p = a.wait_peer(address(1), "down")
    check("no rpingmeshd" in (p["state_reason"] or ""), f"reason: {p['state_reason']}")
    check(a.ctl("peers", status=1), "peers prints nothing")
    wait_class(watch, "peer_down", 20)
    b.start()
    a.wait_peer(address(1), "up")
    count = classes(watch.stop())
    t.note(f"{count}")
    check(count.get("lost", 0) == 0, f"lost without a loss: {count}")


def test_host_cut_off(t):
    """The peer's cable is pulled: it answers neither probes nor SIDR: unreachable."""
    a, _ = t.pair(interval_ms=100)
    watch = Watch(a)
    fabric("loss", 1, 100, "in")
    a.wait_peer(address(1), "down")
    fabric("loss", 1, 0, "in")
    a.wait_peer(address(1), "up")
    count = classes(watch.stop())
    t.note(f"{count}")
    check(count.get("unreachable", 0) > 0 and count.get("peer_down", 0) == 0 and
          count.get("lost", 0) == 0, f"{count}")


def test_data_path_only(t):
    """Probes vanish, SIDR passes: a data path problem, lost, with the peer not called down.

    SIDR goes to QP 1, probes to others: a filter drops what is addressed to the responder's QP,
    found in the BTH at byte 32 of the IPv4 packet (20 IPv4, 8 UDP, 4 BTH; then 8 reserved bits and
    the QPN). It sits where the router receives: a drop at the sender's egress makes soft-RoCE of
    Linux 6.1 send again for ever, in the kernel."""
    a, b = t.pair(interval_ms=100)
    watch = Watch(a)
    qpn = b.json("devices")[0]["responder_qpn"]
    router = ("ip", "netns", "exec", "router", "tc")
    harness.sh("modprobe", "-a", "sch_ingress", "cls_u32", "act_gact")
    harness.sh(*router, "qdisc", "add", "dev", "p0", "clsact")
    try:
        harness.sh(*router, "filter", "add", "dev", "p0", "ingress", "protocol", "ip", "u32",
                   "match", "u32", hex(qpn), "0xffffff", "at", "32", "action", "drop")
        a.wait_peer(address(1), "no_data")
        wait_class(watch, "lost", 10)
        check(a.peer(address(1))["state"] == "no_data", "not no_data any more")
    finally:
        harness.sh(*router, "qdisc", "del", "dev", "p0", "clsact")
    a.wait_peer(address(1), "up")
    count = classes(watch.stop())
    t.note(f"{count}")
    check(count.get("peer_down", 0) == 0 and count.get("peer_restarted", 0) == 0, f"{count}")


def first_ok_after(watch, wall_ns):
    return next((r for r in watch.records() if r["class"] == "ok" and r["time_ns"] >= wall_ns),
                None)


def link_flap(t, how):
    a, b = t.pair(interval_ms=50)
    wa, wb = Watch(a), Watch(b)
    time.sleep(1)
    fabric("down", 0, how)
    wait_class(wa, "local_error", 10)
    check(a.json("devices")[0]["state"] == "down", "the device is not shown as down")
    status = a.json("status", status=1)[0]
    check(any("rxe0" in d for d in status["degraded"]),
          f"status does not name it: {status['degraded']}")
    b.wait_peer(address(0), "down")
    returned = time.time_ns()
    fabric("link-up", 0)
    up = time.time_ns()
    for watch, who in ((wa, "the host itself"), (wb, "its peer")):
        ok = until("an answered probe", lambda w=watch: first_ok_after(w, returned))
        t.note(f"link {how}: first answered probe of {who} {(ok['time_ns'] - up) / 1e9:+.2f} s "
               "after the link's return")
        # 2 s is what is promised; 0.5 to 1.5 s is what the emulated VM shows. A busy machine may
        # add to that, so only what is far beyond fails.
        check(ok["time_ns"] - up <= 6e9,
              f"{who}: {(ok['time_ns'] - up) / 1e9:.2f} s after the link's return")
    for watch in (wa, wb):
        count = classes(watch.stop())
        t.note(f"{count}")
        check(set(count) <= {"ok", "late", "local_error", "unresolved", "unreachable", "lost"},
              f"{count}")
        check(count.get("lost", 0) == 0, f"lost though the link was down: {count}")


def test_link_down(t):
    """The device taken down: local_error for its host, unreachable for the other; both recover by
    themselves."""
    link_flap(t, "admin")


def test_cable_pulled(t):
    """The same with the carrier lost at the far end."""
    link_flap(t, "cable")


def not_answered_on_the_wire(records, packets):
    """Checks that each probe that is reported lost has left, and that the wire of host 0 carried no
    answer to it. A record and its packet meet by the time of the send."""
    sent, answered = [], set()
    for p in packets:
        head, seq = p["payload"][:6], p["payload"][8:16]
        if head[:5] != b"RPMH\x01":
            continue
        if head[5] == PROBE and p["source"] == address(0):
            sent.append((p["time"], seq))
        if head[5] in (ACK1, ACK2) and p["dest"] == address(0):
            answered.add(seq)
    for r in (r for r in records if r["class"] in harness.LOST):
        at = r["time_ns"] / 1e9
        near = [seq for when, seq in sent if at - 0.002 < when < at + 0.04]
        check(near, f"lost, but it has not left: {r}")
        check(any(seq not in answered for seq in near), f"lost, but it was answered: {r}")
    return len(sent), sum(seq not in answered for _, seq in sent)


def move_address(i, old, new):
    """Host i gets another address, and the way back from there. In this order: a second address
    of the same network would go with the first."""
    table, device = str(1000 + i), f"h{i}"
    sh("ip", "addr", "del", f"{old}/24", "dev", device)
    sh("ip", "addr", "add", f"{new}/24", "dev", device)
    sh("ip", "route", "replace", "local", new, "dev", device, "table", table)
    for net, via in ((f"10.0.{i}.0/24", ()), ("10.0.0.0/16", ("via", f"10.0.{i}.254"))):
        sh("ip", "route", "replace", net, *via, "dev", device, "src", new, "table", table)


def test_address_returns(t):
    """The peer's address moves to another one and back, three times: probes are lost only if the
    wire carried no answer, the asker has no local error, and the peer has none that lasts."""
    a, b = t.pair(QUIET, QUIET, interval_ms=50)
    capture, watch, theirs = Capture(t, 0), Watch(a), Watch(b)
    old, new = address(1), "10.0.1.3"
    rule = ("pref", "1001", "iif", "lo", "from", new, "to", "10.0.0.0/16", "lookup", "1001")
    sh("ip", "rule", "add", *rule)
    try:
        for away_s in (0.3, 1.5, 8):
            move_address(1, old, new)
            time.sleep(away_s)
            move_address(1, new, old)
            for host, other in ((a, 1), (b, 0)):
                host.wait_peer(address(other), "up")
            back = time.time_ns()
            for w in (watch, theirs):
                until("probes are answered", lambda w=w: first_ok_after(w, back))
    finally:
        sh("ip", "addr", "del", f"{new}/24", "dev", "h1", ok=False)
        sh("ip", "rule", "del", *rule, ok=False)
        fabric("link-up", 1)
    time.sleep(3)
    packets, records, of_peer = capture.packets(), watch.stop(), theirs.stop()
    sent, silent = not_answered_on_the_wire(records, packets)
    t.note(f"{classes(records)}; {sent} sent, {silent} without an answer; of the peer "
           f"{classes(of_peer)}")
    check(classes(records).get("local_error", 0) == 0, "local_error, but nothing happened here")
    late = [r for r in of_peer if r["class"] == "local_error" and r["time_ns"] > back]
    check(not late, f"local errors after the address has returned: {late[:2]}")
    for host, other in ((a, 1), (b, 0)):
        host.wait_peer(address(other), "up")
        check(host.json("devices")[0]["state"] == "up", "a port is not up")


def test_killed_while_asked(t):
    """The peer gets SIGKILL while SIDR requests wait for it, which SIGSTOP sees to: no local error,
    nothing lost that was answered, and it is up when it has come back."""
    a, b = t.pair(QUIET, QUIET, interval_ms=50)
    capture, watch = Capture(t, 0), Watch(a)
    states = []
    for i in range(10):
        b.send_signal(signal.SIGSTOP)
        p = a.wait_peer(address(1), "checking", "no_data", "resolving", "down")
        states.append(p["state"])
        time.sleep(0.15 * i)
        b.stop(signal.SIGKILL)
        if i % 2:
            time.sleep(0.3 * i)
        b.start(wait=False)
        a.wait_peer(address(1), "up")
        now = time.time_ns()
        until("probes are answered", lambda now=now: first_ok_after(watch, now))
    packets, records = capture.packets(), watch.stop()
    sent, silent = not_answered_on_the_wire(records, packets)
    t.note(f"{states}; {classes(records)}; {sent} sent, {silent} without an answer")
    check(set(classes(records)) <= {"ok", "late", "peer_restarted", "peer_down", "unreachable"},
          f"{classes(records)}")
    check(a.peer(address(1))["state"] == "up", "it is not up")


def test_reload(t):
    """SIGHUP: peers that stay are not resolved again; a bad file changes nothing and is shown."""
    a, _ = t.pair()
    resolves = a.peer(address(1))["resolves"]
    session = a.peer(address(1))["incarnation"]
    a.configure(f'peers = ({{ address = "{address(1)}"; interval_ms = 50; flow_labels = [1, 2]; '
                f'}}, "10.0.9.9");')
    a.send_signal(signal.SIGHUP)
    until("the new peer is there", lambda: len(a.json("peers")) == 2)
    check(len([x for x in a.json("targets") if x["peer"] == address(1)]) == 2,
          "not one target for each flow label")
    p = a.peer(address(1))
    check(p["resolves"] == resolves and p["incarnation"] == session and p["state"] == "up",
          "resolved again without need")
    a.configure('peers = ( "10.0.1.1" ); intervall_ms = 5;')
    a.send_signal(signal.SIGHUP)
    error = until("the refusal is shown", lambda: a.status()["config_error"])
    check("intervall_ms" in error and "rpingmeshd.conf:" in error, f"{error}")
    check(len(a.json("peers")) == 2, "a bad file changed something")
    a.configure("")
    a.send_signal(signal.SIGHUP)
    until("the peers are gone", lambda: not a.json("peers"))
    check(a.status()["config_error"] is None, "the error stays after a good reload")


def test_stop_releases(t):
    """After a clean stop no QP and no cm_id of the daemon is left, and the socket is gone."""
    a, _ = t.pair()
    pid = a.process.pid
    check(f"pid {pid} " in harness.sh("rdma", "res", "show", "qp"),
          "rdma res does not show the running daemon")
    check(a.stop() == 0, "no clean stop")
    for what in ("qp", "cm_id", "mr"):
        check(f"pid {pid} " not in harness.sh("rdma", "res", "show", what), f"a {what} is left")
    check(not harness.os.path.exists(a.socket), "the socket is left")


if __name__ == "__main__":
    harness.main(globals())
