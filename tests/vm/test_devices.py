#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Devices that come and go under a running daemon: what becomes of them, what is remembered, and
that nobody else suffers.

The times that the history is held against are those of `ip -ts monitor`, the counters those of
sysfs and of `ip -s link`."""

import datetime
import json
import os
import re
import signal
import subprocess
import time

import harness
from harness import Host, Watch, address, check, classes, fabric, sh, until

# The daemon is told of a change at once by an event, or sees it within its recheck of 1 s (down) or
# 5 s (up); the emulated machine adds to that, so that only what is far beyond fails.
NOTICE_S = 10


def device(host, name=None):
    return next(d for d in host.json("devices") if name in (None, d["device"]))


def wait_device(host, port_state, name=None):
    return until(f"port {port_state}", lambda:
                 (lambda d: d if d["port_state"] == port_state else None)(device(host, name)))


def rdma_delete(i):
    sh("rdma", "link", "delete", f"rxe{i}")


def rdma_add(i):
    sh("rdma", "link", "add", f"rxe{i}", "type", "rxe", "netdev", f"h{i}")
    for family in (4, 6):
        until(f"IPv{family} GID of rxe{i}", lambda f=family:
              subprocess.run([os.path.join(harness.HERE, "fabric"), "gid", str(i), str(f)],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0)


def wait_ok(watch, after_ns, what):
    return until(f"an answered probe {what}", lambda:
                 [r for r in watch.records() if r["class"] == "ok" and r["time_ns"] >= after_ns])


def no_loss(count, who):
    check(not any(count.get(c) for c in harness.LOST), f"{who}: lost without a loss: {count}")


def departures(d):
    """Entries that left `up`, the oldest first."""
    return [e for e in d["history"] if e["from"] == "up"][::-1]


def test_delete_add(t):
    """rdma link delete and add, twice: local_error here, unreachable there, back by itself under a
    new QPN, remembered."""
    a, b = t.pair(interval_ms=50)
    wa, wb = Watch(a), Watch(b)
    pid = a.process.pid
    times = []
    for i in range(2):
        old = device(a)
        until("probing", lambda: a.peer(address(1))["ok"] > 10)
        gone = time.time_ns()
        rdma_delete(0)
        d = wait_device(a, "closed")
        check(d["state"] == "down" and d["state_reason"] == "device is gone",
              f"{d['state']}: {d['state_reason']}")
        b.wait_peer(address(0), "down")
        check(a.process.pid == pid and a.alive(), "another daemon")
        back = time.time_ns()
        times.append((gone, back))
        rdma_add(0)
        d = wait_device(a, "up")
        wait_ok(wa, back, "of the host itself")
        wait_ok(wb, back, "of its peer")
        peer = b.wait_peer(address(0), "up")
        check(peer["qpn"] == d["responder_qpn"],
              f"the peer probes QP {peer['qpn']}, the responder is {d['responder_qpn']}")
        check(peer["incarnation"] != a.status()["incarnation"] and d["node_guid"] and
              old["node_guid"], "no incarnation of its own")
        check(peer["restarts"] == i + 1, f"the peer noticed {peer['restarts']} restarts")
    left = departures(device(a))
    check([e["event"] for e in left] == ["gone", "gone"] and all(e["to"] == "closed" for e in left),
          f"{left}")
    for e, (gone, back) in zip(left, times):
        check(gone <= e["time_ns"] <= back,
              f"left at {e['time_ns']}, deleted at {gone}, added again at {back}")
    ca, cb = classes(wa.stop()), classes(wb.stop())
    t.note(f"host {ca}, peer {cb}")
    no_loss(ca, "host")
    no_loss(cb, "peer")
    check(ca.get("local_error", 0) > 10 and cb.get("unreachable", 0) + cb.get("peer_down", 0) > 10,
          f"host {ca}, peer {cb}")
    check(set(ca) <= {"ok", "late", "local_error", "unresolved"}, f"{ca}")


class Monitor:
    """`ip -ts monitor link`: when the kernel said that a link went down or came up, by its own
    clock of the wall."""

    def __init__(self, t, dev):
        self.dev = dev
        self.path = os.path.join(t.dir, "monitor")
        self.out = open(self.path, "w")
        self.process = subprocess.Popen(["ip", "-ts", "monitor", "link"], stdout=self.out,
                                        stderr=subprocess.STDOUT, bufsize=1)
        time.sleep(1)

    def stop(self):
        """[(time_ns, carrier: bool)], only changes."""
        self.process.terminate()
        self.process.wait()
        self.out.close()
        changes = []
        with open(self.path) as f:
            for line in f:
                m = re.match(r"\[(\d+-\d+-\d+T\d+:\d+:\d+\.\d+)\] .*?\b" + self.dev +
                             r"(?:@\S*)?: <([^>]*)>", line)
                if not m:
                    continue
                up = "LOWER_UP" in m.group(2).split(",")
                when = datetime.datetime.fromisoformat(m.group(1)).timestamp()
                if not changes or changes[-1][1] != up:
                    changes.append((int(when * 1e9), up))
        return changes


def test_flaps(t):
    """The link flaps three times: the history has each, at the times of `ip monitor`, until
    somebody acknowledges."""
    a, _ = t.pair(interval_ms=50)
    watch = Watch(a)
    monitor = Monitor(t, "h0")
    for _ in range(3):
        wait_device(a, "up")
        fabric("down", 0)
        until("it is down", lambda: device(a)["port_state"] in ("down", "no_address"))
        fabric("link-up", 0)
    d = wait_device(a, "up")
    downs = [when for when, up in monitor.stop() if not up]
    left = departures(d)
    check(len(downs) == 3, f"ip monitor saw {len(downs)} times")
    # Around the time that the link goes down soft-RoCE may fail a send. Its QP is replaced then,
    # which is one departure more, or the back-off is what the port leaves `up` for.
    check(d["flaps"] == d["flaps_total"] == len(left) <= 4,
          f"{len(left)} departures, {d['flaps']} flaps: {d['history']}")
    n = len(left)
    for when in downs:
        within = [e for e in d["history"][::-1] if -0.05e9 <= e["time_ns"] - when <= NOTICE_S * 1e9]
        e = next((e for e in within if e["to"] in ("down", "no_address")), None)
        check(e and not e["acknowledged"], f"down at {when}, not noticed: {d['history']}")
        first = next((e for e in within if e["from"] == "up"), e)
        check(first is e or first["event"] == "qp_error", f"{first}")
        t.note(f"link down at {when / 1e9:.3f}, left up "
               f"{(first['time_ns'] - when) / 1e9:+.3f} s later by {first['event']}, down "
               f"{(e['time_ns'] - when) / 1e9:+.3f} s later")
    returns = [e for e in d["history"] if e["to"] == "up" and e["from"] in ("down", "no_address")]
    check(len(returns) == 3, f"{len(returns)} returns: {d['history']}")
    check(d["async_events"].get("port_error", 0) >= 3,
          f"port errors by events: {d['async_events']}")
    status = a.json("status", status=1)[0]
    check(any(f"rxe0/1 flapped {n} times" in s and "acknowledge rxe0" in s
              for s in status["degraded"]), f"{status['degraded']}")
    check("FLAPS" in a.ctl("devices"), "devices shows no flaps")
    check(a.ctl("devices", "--history").count("rxe0/1") >= 6, "devices --history lacks some")
    a.ctl("acknowledge", "rxe7", status=1)
    check(device(a)["flaps"] == n, "acknowledged by another's name")
    check(a.json("acknowledge", "rxe0", status=0)[0] == {"flaps": n}, "acknowledge")
    status = a.json("status", status=0)[0]
    check(not status["degraded"], f"{status['degraded']}")
    d = device(a)
    check(d["flaps"] == 0 and len(departures(d)) == n and
          all(e["acknowledged"] for e in d["history"]), f"{d['flaps']} {d['history']}")
    count = classes(watch.stop())
    t.note(f"{count}")
    # What its peer sent meanwhile was lost on the wire; its own probes were not.
    check(set(count) <= {"ok", "late", "local_error", "unresolved"} and
          count.get("local_error", 0) > 3, f"{count}")


def test_give_up(t):
    """Five departures within a minute: left alone for a minute, then up again by itself;
    acknowledge makes that sooner."""
    a = Host(t, 0, f'peers = ({{ address = "{address(1)}"; interval_ms = 100; }});').start()
    Host(t, 1, "").start()
    for ends in ("by itself", "when told"):
        a.wait_peer(address(1), "up")
        started = time.time_ns()
        for _ in range(12):
            # Only the carrier: addresses and routes stay, which makes a flap quick.
            sh("ip", "-n", "router", "link", "set", "p0", "down")
            until("it has left up", lambda: device(a)["port_state"] != "up")
            sh("ip", "-n", "router", "link", "set", "p0", "up")
            if until("it is up or left alone", lambda: device(a)["port_state"] in (
                "up", "given_up")) and device(a)["port_state"] == "given_up":
                break
        fabric("link-up", 0)
        d = device(a)
        check(d["port_state"] == "given_up", f"never left alone: {d['port_state']}, {d['history']}")
        check("left alone" in d["state_reason"] and d["state"] == "down", f"{d['state_reason']}")
        n = len([e for e in departures(d) if e["time_ns"] >= started])
        t.note(f"left alone after {n} departures in {(time.time_ns() - started) / 1e9:.0f} s")
        check(n >= 5, f"left alone after {n} departures")
        if ends == "when told":
            a.ctl("acknowledge", status=0)
        wait_device(a, "up")
        e = next(e for e in device(a)["history"] if e["from"] == "given_up")
        t.note(f"{ends}: after {e['lasted_ns'] / 1e9:.1f} s by {e['event']}")
        check(e["event"] == ("timer" if ends == "by itself" else "retry"), f"{e}")
        check(ends != "by itself" or 60e9 <= e["lasted_ns"] <= 90e9,
              f"left alone for {e['lasted_ns'] / 1e9} s")
    a.wait_peer(address(1), "up")


def test_address_change(t):
    """The address moves from .1 to .9: probes go on from the new one, who asks there is answered,
    and nothing restarts."""
    a, b = t.pair(interval_ms=50)
    watch = Watch(a)
    table = 1000
    old, new = address(0), "10.0.0.9"
    b.configure(f'peers = ("{old}", {{ address = "{new}"; interval_ms = 50; }});')
    b.send_signal(signal.SIGHUP)
    sh("ip", "rule", "add", "pref", str(table), "iif", "lo", "from", new, "to", "10.0.0.0/16",
       "lookup", str(table))
    try:
        # In this order: a second address of the same network would go with the first.
        sh("ip", "addr", "del", f"{old}/24", "dev", "h0")
        sh("ip", "addr", "add", f"{new}/24", "dev", "h0")
        sh("ip", "route", "replace", "local", new, "dev", "h0", "table", str(table))
        for net, via in (("10.0.0.0/24", ()), ("10.0.0.0/16", ("via", "10.0.0.254"))):
            sh("ip", "route", "replace", net, *via, "dev", "h0", "src", new, "table", str(table))
        moved = time.time_ns()
        ok = wait_ok(watch, moved, "from the new address")
        until("probes come from the new address",
              lambda: any(r["source"] == new for r in watch.records() if r["class"] == "ok"))
        b.wait_peer(new, "up")
        d = device(a)
        check(new in [g["address"] for g in d["gids"]] and
              old not in [g["address"] for g in d["gids"]], f"{d['gids']}")
        # A send from an address that has just left may cost a QP.
        check(d["events"].get("address", 0) >= 2 and d["rebuilds"] <= 2,
              f"{d['events']}, {d['rebuilds']} rebuilds")
        t.note(f"first answered probe {(ok[0]['time_ns'] - moved) / 1e9:+.2f} s after the change; "
               f"events {d['events']}, async {d['async_events']}")
    finally:
        sh("ip", "addr", "del", f"{new}/24", "dev", "h0", ok=False)
        sh("ip", "rule", "del", "pref", str(table), "from", new, ok=False)
        fabric("link-up", 0)
    a.wait_peer(address(1), "up")
    count = classes(watch.stop())
    t.note(f"{count}")
    check(set(count) <= {"ok", "late", "local_error", "unresolved", "peer_down", "unreachable",
                         "peer_restarted"},
          f"{count}")


def test_mtu_change(t):
    """The MTU goes down and up again while probes run: it is followed, and neither QP nor port
    changes."""
    sizes = "sizes = [50, 800];"
    a = Host(t, 0, f'peers = ({{ address = "{address(1)}"; interval_ms = 50; {sizes} }});').start()
    b = Host(t, 1, "").start()
    a.wait_peer(address(1), "up")
    before = device(a)
    check(before["mtu"] == 4096, f"{before['mtu']}")
    watch = Watch(a)
    try:
        for mtu, rdma_mtu in ((1500, 1024), (4200, 4096), (1500, 1024)):
            for host in (0, 1):
                fabric("mtu", host, mtu)
            until("the MTU follows",
                  lambda m=rdma_mtu: device(a)["mtu"] == m and device(b)["mtu"] == m)
            now = time.time_ns()
            wait_ok(watch, now, f"at an MTU of {mtu}")
    finally:
        for host in (0, 1):
            fabric("mtu", host, 4200)
    until("the MTU is what it was", lambda: device(a)["mtu"] == 4096)
    d = device(a)
    check(d["qpn"] == before["qpn"] and d["responder_qpn"] == before["responder_qpn"],
          "the QPs are others")
    check(d["flaps_total"] == 0 and d["events"]["mtu"] == 4,
          f"{d['flaps_total']} flaps, {d['events']}")
    count = classes(watch.stop())
    t.note(f"{count}")
    check(set(count) <= {"ok", "late"}, f"{count}")


def test_module_reload(t):
    """All devices deleted, the driver unloaded and loaded, devices added: both daemons go on by
    themselves."""
    a, b = t.pair(interval_ms=100)
    wa = Watch(a)
    links = json.loads(sh("rdma", "-j", "link", "show"))
    for i in range(len(links)):
        rdma_delete(i)
    until("the driver can be unloaded", lambda: a.alive() and b.alive() and
          subprocess.run(["modprobe", "-r", "rdma_rxe"], stderr=subprocess.DEVNULL).returncode == 0,
          limit_s=60)
    check(device(a)["port_state"] == "closed" and device(b)["port_state"] == "closed", "not closed")
    status = a.json("status", status=1)[0]
    check(any("no RoCE port" in s or "device is gone" in s for s in status["degraded"]),
          f"{status['degraded']}")
    time.sleep(2)
    sh("modprobe", "rdma_rxe")
    back = time.time_ns()
    for i in range(len(links)):
        rdma_add(i)
    for host, peer in ((a, address(1)), (b, address(0))):
        wait_device(host, "up")
        host.wait_peer(peer, "up")
    wait_ok(wa, back, "after the reload")
    count = classes(wa.stop())
    first = min(r["time_ns"] for r in wa.records() if r["class"] == "ok" and r["time_ns"] > back)
    t.note(f"{count}; the first one that is ok {(first - back) / 1e9:.1f} s after modprobe")
    no_loss(count, "host")


def test_other_device(t):
    """One daemon with two devices: while one is deleted and added three times, every probe of the
    other is answered."""
    b = Host(t, 1, "").start()
    a = Host(t, 0, f'devices = ("rxe0", "rxe2"); peers = ({{ address = "{address(1)}"; '
             f'device = "rxe0"; interval_ms = 50; }}, {{ address = "{address(1)}"; '
             f'device = "rxe2"; interval_ms = 50; }});').start()
    until("both are up", lambda: [p["state"] for p in a.json("peers")] == ["up", "up"])
    watch = Watch(a)
    before = device(a, "rxe0")
    time.sleep(2)
    for _ in range(3):
        rdma_delete(2)
        wait_device(a, "closed", "rxe2")
        back = time.time_ns()
        rdma_add(2)
        wait_device(a, "up", "rxe2")
        until("answered again", lambda: any(r["class"] == "ok" and r["device"] == "rxe2" and
                                            r["time_ns"] > back for r in watch.records()))
    records = watch.stop()
    steady, flapping = (classes([r for r in records if r["device"] == d]) for d in ("rxe0", "rxe2"))
    t.note(f"steady {steady}, flapping {flapping}, longest stall "
           f"{a.status()['loop_stall_max_ns'] / 1e6:.0f} ms in {a.status()['loop_stall_max_who']}")
    # An emulated machine may be late; it may not lose.
    check(set(steady) <= {"ok", "late"} and steady["ok"] > 100,
          f"the other device suffers: {steady}")
    check(flapping.get("local_error", 0) > 10, f"{flapping}")
    no_loss(flapping, "the flapping one")
    d = device(a, "rxe0")
    check(d["flaps_total"] == 0 and d["qpn"] == before["qpn"] and
          d["responder_qpn"] == before["responder_qpn"], "the other one has changed")
    check(device(a, "rxe2")["flaps_total"] == 3, "flaps of rxe2")
    check(b.alive(), "the peer has died")


def test_foreign_namespace(t):
    """A macvlan of the port's interface in a container's namespace puts its address into the GID
    table: it is counted and not used, also if its interface has the number of one of ours."""
    b = Host(t, 1, "").start()
    sh("ip", "netns", "add", "pod")
    try:
        sh("ip", "link", "add", "mv0", "link", "h0", "type", "macvlan", "mode", "bridge")
        sh("ip", "link", "set", "mv0", "netns", "pod")
        sh("ip", "-n", "pod", "addr", "add", "10.0.0.77/24", "dev", "mv0")
        sh("ip", "-n", "pod", "link", "set", "mv0", "up")
        table = "/sys/class/infiniband/rxe0/ports/1/gids"

        def listed():
            gids = [open(os.path.join(table, n)).read() for n in sorted(os.listdir(table), key=int)]
            return any(g.strip().endswith(":ffff:0a00:004d") for g in gids)
        until("the kernel lists the address", listed)
        a = Host(t, 0, f'peers = ({{ address = "{address(1)}"; interval_ms = 100; }}, '
                 f'{{ address = "10.0.0.77"; }});').start()
        a.wait_peer(address(1), "up")
        d = device(a)
        check(d["port_state"] == "up" and d["gids_foreign"] == 2, f"{d}")
        check("10.0.0.77" not in [g["address"] for g in d["gids"]], f"{d['gids']}")
        check(address(0) in [g["address"] for g in d["gids"]], f"{d['gids']}")
        check(a.peer("10.0.0.77")["state"] != "self", "a container counts as this host")
        check("listen on 10.0.0.77" not in a.tail(), "it is listened on")
        check(b.alive() and "FOREIGN" in a.ctl("devices"), "not shown")
        sh("ip", "link", "add", "mv1", "link", "h0", "type", "macvlan", "mode", "bridge")
        sh("ip", "addr", "add", "10.0.0.78/24", "dev", "mv1")
        sh("ip", "link", "set", "mv1", "up")
        until("an interface of ours is used", lambda:
              "10.0.0.78" in [g["address"] for g in device(a)["gids"]])
    finally:
        sh("ip", "netns", "delete", "pod")
    until("none is foreign", lambda: device(a)["gids_foreign"] == 0)
    sh("ip", "link", "delete", "mv1")


def port_counters(dev):
    """What can be read of hw_counters and, where there are, PMA counters."""
    values = {}
    for kind in ("hw_counters", "counters"):
        base = f"/sys/class/infiniband/{dev}/ports/1/{kind}"
        for name in os.listdir(base) if os.path.isdir(base) else ():
            with open(os.path.join(base, name)) as f:
                text = f.read().strip()
            if name != "lifespan" and text.isdigit():
                values.setdefault(name, int(text))
    return values


def link_dropped(dev):
    return json.loads(sh("ip", "-s", "-j", "link", "show", "dev",
                         dev))[0]["stats64"]["tx"]["dropped"]


def next_round(host):
    """The device record of the next complete round of reading, which began after now."""
    asked = time.time_ns()
    return until("a round of counters", lambda:
                 (lambda d: d if (d["counters_time_ns"] or 0) > asked else None)(device(host)))


def test_counters(t):
    """hw_counters and drops of the interface are those of sysfs and ip, and a rise while probes are
    lost is named."""
    a = Host(t, 0,
             f'peers = ({{ address = "{address(1)}"; interval_ms = 50; sizes = [50]; }});').start()
    Host(t, 1, "").start()
    a.wait_peer(address(1), "up")
    next_round(a)
    low = port_counters("rxe0")
    d = next_round(a)
    high = port_counters("rxe0")
    check(set(low) == {n for n in d["counters"] if not n.startswith(("net_", "ethtool_"))},
          f"{sorted(low)} against {sorted(d['counters'])}")
    for name, value in low.items():
        seen = d["counters"][name]
        check(value <= seen["value"] <= high[name],
              f"{name}: {seen['value']}, sysfs {value} before, {high[name]} after")
    check(high["sent_pkts"] > low["sent_pkts"] and d["counters"]["sent_pkts"]["delta"] > 0,
          "nothing was sent")
    check(5e9 <= d["counters_span_ns"] <= 30e9, f"span {d['counters_span_ns']}")
    t.note(f"{len(d['counters'])} counters; sent_pkts +{d['counters']['sent_pkts']['delta']} in "
           f"{d['counters_span_ns'] / 1e9:.1f} s; longest read "
           f"{d['counters_read_max_ns'] / 1e6:.2f} ms of {d['counters_read_max_name']}")
    # The router's end takes no more than 1,000 bytes: veth drops what is longer, and counts it on
    # the sender. Pings, since soft-RoCE of Linux 6.1 would send again for ever. Probes are short,
    # and lost by netem elsewhere.
    dropped = link_dropped("h0")
    sh("ip", "-n", "router", "link", "set", "p0", "mtu", "1000")
    fabric("loss", 1, 30, "in")
    pings = subprocess.Popen(["ping", "-n", "-q", "-i", "0.2", "-s", "3000", "-I", address(0),
                              address(1)], stdout=subprocess.DEVNULL)
    try:
        sentence = until("the verdict",
                         lambda: [s for s in a.status()["degraded"] if "net_tx_dropped +" in s])
    finally:
        pings.kill()
        pings.wait()
        fabric("loss", 1, 0, "in")
        sh("ip", "-n", "router", "link", "set", "p0", "mtu", "4200")
    t.note(sentence[0])
    check("rxe0/1" in sentence[0] and "probes were lost" in sentence[0], sentence[0])
    d = next_round(a)
    now = link_dropped("h0")
    t.note(f"ip counts {now - dropped} drops, "
           f"the daemon {d['counters']['net_tx_dropped']['total']}")
    check(d["counters"]["net_tx_dropped"]["value"] == now and now > dropped,
          f"{d['counters']['net_tx_dropped']}, ip {now}")
    check(d["counters"]["net_tx_dropped"]["total"] == now - dropped, "not what ip counted")
    out = a.ctl("devices", "--counters", status=0)
    check("net_tx_dropped" in out and "sent_pkts" in out and "duplicate_request" not in out, out)
    check("duplicate_request" in a.ctl("devices", "--counters", "-a"), "--all leaves some out")


def test_selfcheck(t):
    """What the daemon claims about soft-RoCE holds: the source ports are those of packets, and
    selfcheck has seen them itself."""
    a = Host(t, 0, f'peers = ("{address(1)}", "{address(2)}"); interval_ms = 100;').start()
    for i in (1, 2):
        Host(t, i, "").start()
        a.wait_peer(address(i), "up")
    lines = [json.loads(line) for line in
             a.ctl("--json", "selfcheck", "-t", "15", status=0).splitlines()]
    found = {x["check"]: x["result"] for x in lines if x["device"] == "rxe0"}
    for x in lines:
        t.note(f"{x['check']}: {x['result']}: {x['detail']}")
    check(found == {"gid": "holds", "mtu": "holds", "counters": "holds", "clock": "cannot tell",
                    "port": "holds"}, f"{lines}")


if __name__ == "__main__":
    harness.main(globals())
