#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Service tracing on a real kernel: QPs of user and kernel consumers, their flows, and probes on
their paths.

Expected values come from the programs that own the QPs (qpgen prints what it set, ibv_rc_pingpong
its QPN), from `rdma resource show qp`, from /proc, and from tcpdump. tests/vm/run --kernel K
--hosts 3 -- tests/vm/test_trace.py [CASE...]"""

import json
import os
import re
import signal
import subprocess
import time

import harness
from harness import (BUILD, Capture, Host, Skip, address, check, child_of, classes, fabric,
                     probes_in, sh, until)

QPGEN = os.path.join(BUILD, "tests/vm/qpgen")
CONSUMER = os.path.join(harness.HERE, "kernel_consumer")
KERNEL = tuple(int(n) for n in re.findall(r"\d+", os.uname().release)[:2])


def gid(i, family=4):
    return fabric("gid", i, family).strip()


class Program:
    """A program of the service kind: its output line by line, ended with the test."""

    def __init__(self, t, *argv):
        self.out = os.path.join(t.dir, f"out{time.monotonic_ns()}")
        with open(self.out, "w") as f:
            self.process = subprocess.Popen([str(a) for a in argv], stdin=subprocess.PIPE, stdout=f,
                                            stderr=subprocess.STDOUT)
        self.pid = self.process.pid
        t.programs.append(self)

    def text(self):
        with open(self.out) as f:
            return f.read()

    def alive(self):
        check(self.process.poll() is None,
              f"{self.process.args}: ended with {self.process.returncode}: {self.text()[-500:]}")
        return True

    def stop(self, signo=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(signo)
        self.process.wait(harness.PATIENCE_S)
        return self.process.returncode

    def qps(self, n):
        """The JSON lines of qpgen --print, n of them."""
        def lines():
            self.alive()
            found = [json.loads(line) for line in self.text().splitlines()
                     if line.startswith("{") and line.endswith("}")]
            return found if len(found) >= n else None
        return until(f"{n} QPs of qpgen", lines)


def services(function):
    """A case with programs, which end with it."""
    def case(t):
        t.programs = []
        try:
            function(t)
        finally:
            for p in t.programs:
                if p.process.poll() is None:
                    p.process.kill()
                    p.process.wait()
    case.__name__, case.__doc__ = function.__name__, function.__doc__
    return case


def tracing(t, index, text=""):
    # Emulated, a probe costs milliseconds of the one processor: flows are probed less often than by
    # default.
    if "tracing" not in text:
        text += "tracing = { interval_ms = 200; };"
    host = Host(t, index, text).start()
    until(f"host {index} traces", lambda: host.alive() and host.status()["tracing"] == "on")
    return host


def flows(host, **wanted):
    return [f for f in host.json("flows") if all(f.get(k) == v for k, v in wanted.items())]


def flow_of(host, qpn):
    return next((f for f in host.json("flows") if any(q["qpn"] == qpn for q in f["qps"])), None)


def cgroup(pid):
    with open(f"/proc/{pid}/cgroup") as f:
        return next((line.split("::", 1)[1].strip() for line in f if line.startswith("0::")), None)


def qpgen(t, *more, hosts=(0, 1)):
    a, b = hosts
    return Program(t, QPGEN, f"rxe{a}", gid(a), f"rxe{b}", gid(b), "--print", *more)


def check_flow(f, qp, pid, comm):
    """One flow record against what its owner says of the QP."""
    check(f["device"] == qp["device"] and f["driver"] == "rxe" and f["port"] == 1, f"device: {f}")
    check(f["src_gid"] == qp["gid"] and f["dst_gid"] == qp["remote_gid"],
          f"GIDs: {f['src_gid']} {f['dst_gid']}, {qp}")
    check(f["gid_type"] == "RoCE v2", f"GID type: {f['gid_type']}")
    check(f["traffic_class"] == qp["tos"] and f["service_level"] == qp["sl"],
          f"class: {f['traffic_class']} {f['service_level']}")
    check(f["path_mtu"] == qp["mtu"], f"MTU: {f['path_mtu']}, set {qp['mtu']}")
    q = next(q for q in f["qps"] if q["qpn"] == qp["qpn"])
    check(q["remote_qpn"] == qp["remote_qpn"] and q["state"] == "RTS", f"{q}, set {qp}")
    check(q["flow_label"] == qp["flow_label"] and q["qp_type"] == qp.get("type", "RC").upper(),
          f"{q}, set {qp}")
    check(q["pid"] == pid, f"pid {q['pid']}, is {pid}")
    owner = next(o for o in f["owners"] if o["pid"] == pid)
    check(owner["comm"] == comm[:15] and not owner["kernel"], f"{owner}")
    check(owner["cgroup"] == cgroup(pid), f"cgroup {owner['cgroup']}, is {cgroup(pid)}")


def wire_ports(capture, qps):
    """UDP source ports of each QP's packets: by who they are sent to, since an RC packet names only
    its destination QP."""
    to = {(qp["gid"], qp["remote_qpn"]): qp["qpn"] for qp in qps}
    ports = {}
    for p in capture.packets(ud=False):
        qpn = to.get((p["source"], p["qpn"]))
        if qpn is not None and p["opcode"] >> 5 in (0, 1):
            ports.setdefault(qpn, set()).add(p["sport"])
    return ports


@services
def test_fields_and_ports(t):
    """RC flows with the flow label set and unset, two classes: every field is what its owner set,
    the port what tcpdump saw."""
    a = tracing(t, 0)
    for label, tos, sl, mtu in ((0, 0, 0, 1024), (0xABCDE, 104, 3, 2048), (0x00001, 8, 0, 4096)):
        capture = Capture(t, 0)
        p = qpgen(t, "--pairs", 2, "--flow-label", label, "--tos", tos, "--sl", sl, "--mtu", mtu,
                  "--send", 5, "--hold", 600)
        mine = [q for q in p.qps(4) if q["device"] == "rxe0"]
        check(len(mine) == 2, f"{mine}")
        until("the packets are sent", lambda: p.alive() and "sent" in p.text())
        ports = wire_ports(capture, mine)
        for qp in mine:
            f = until("the flow shows", lambda q=qp: flow_of(a, q["qpn"]))
            check_flow(f, qp, p.pid, "qpgen")
            check(ports.get(qp["qpn"]) == {f["src_port"]},
                  f"port {f['src_port']}, on the wire {ports.get(qp['qpn'])}, label {label:#x}")
        t.note(f"label {label:#x}: ports {sorted(x for s in ports.values() for x in s)}")
        p.stop()
        until("its flows end", lambda: not flows(a))
    check(a.status()["trace"]["lost_ring"] == 0 and a.status()["trace"]["lost_calls"] == 0,
          "events were lost")


@services
def test_pingpong(t):
    """ibv_rc_pingpong, a program that is not ours: QPN as it prints it, and no flow once it has
    ended."""
    a = tracing(t, 0)
    b = tracing(t, 1)
    # Hop limit 1, which 5.10 puts on the wire, does not cross the fabric's router: there only the
    # QPs are looked at.
    n = 1000000
    server = Program(t, "stdbuf", "-oL", "ibv_rc_pingpong", "-d", "rxe1", "-g", gid(1), "-n", n)
    until("the server listens", lambda: server.alive() and "local address" in server.text())
    client = Program(t, "stdbuf", "-oL", "ibv_rc_pingpong", "-d", "rxe0", "-g", gid(0), "-n", n,
                     "localhost")
    until("they are connected", lambda: client.alive() and "remote address" in client.text())
    time.sleep(1)
    # They send as fast as they can; stopped, their QPs stay.
    for program in (client, server):
        program.process.send_signal(signal.SIGSTOP)
    for host, program, peer in ((a, client, 1), (b, server, 0)):
        until("QPNs are printed",
              lambda p=program: p.alive() and re.search(r"remote address.*QPN (\w+)", p.text()))
        local = int(re.search(r"local address.*QPN (\w+)", program.text())[1], 16)
        remote = int(re.search(r"remote address.*QPN (\w+)", program.text())[1], 16)
        f = until("its flow shows", lambda h=host, q=local: flow_of(h, q))
        check(f["src_gid"] == address(host.index) and f["dst_gid"] == address(peer),
              f"{f['src_gid']} {f['dst_gid']}")
        check(f["qps"][0]["remote_qpn"] == remote and f["qps"][0]["qp_type"] == "RC",
              f"{f['qps']}, remote is {remote}")
        owner = f["owners"][0]
        check(owner["pid"] == program.pid and owner["comm"] == "ibv_rc_pingpong"[:15],
              f"{owner}, pid {program.pid}")
        check(f["path_mtu"] == 1024, f"MTU {f['path_mtu']}: ibv_rc_pingpong's default is 1024")
    client.stop(signal.SIGKILL)
    server.stop(signal.SIGKILL)
    until("killed: the flows end", lambda: not flows(a) and not flows(b))


@services
def test_rping(t):
    """rping, by rdma_cm: both ends' flows, and the port on the wire."""
    a = tracing(t, 0)
    b = tracing(t, 1)
    server = Program(t, "rping", "-s", "-a", address(1), "-P")
    capture = Capture(t, 0)
    time.sleep(1)
    client = Program(t, "rping", "-c", "-a", address(1), "-I", address(0), "-C", 1000000)
    # It sends as fast as it can; once packets are on the wire it is stopped, and its QPs stay.
    time.sleep(2)
    client.process.send_signal(signal.SIGSTOP)
    f = until("the client's flow", lambda: client.alive() and flows(a, dst_gid=address(1)))[0]
    g = until("the server's flow", lambda: server.alive() and flows(b, dst_gid=address(0)))[0]
    check(f["owners"][0]["comm"] == "rping" and f["owners"][0]["pid"] == client.pid,
          f"{f['owners']}")
    check(g["owners"][0]["pid"] == server.pid, f"{g['owners']}")
    check(f["qps"][0]["remote_qpn"] == g["qps"][0]["qpn"] and
          g["qps"][0]["remote_qpn"] == f["qps"][0]["qpn"], "QPNs do not match")
    seen = {p["sport"] for p in capture.packets(ud=False) if p["source"] == address(0) and
            p["qpn"] == g["qps"][0]["qpn"] and p["opcode"] >> 5 == 0}
    check(seen == {f["src_port"]}, f"port {f['src_port']}, on the wire {seen}")
    client.stop(signal.SIGKILL)
    until("they end", lambda: not flows(a))


@services
def test_kernel_consumer(t):
    """QPs that a kernel module owns carry its name, and no process."""
    a = tracing(t, 0)
    try:
        used = sh(CONSUMER, "up", "0", "1")
        t.note(used.strip().splitlines()[-1])
        f = until("a kernel's flow shows",
                  lambda: [f for f in flows(a) if f["owners"][0]["kernel"]])[0]
        check(f["src_gid"] == address(0) and f["dst_gid"] == address(1),
              f"{f['src_gid']} {f['dst_gid']}")
        owner = f["owners"][0]
        check(owner["pid"] is None and owner["cgroup"] is None, f"{owner}")
        kernel = [q for q in json.loads(sh("rdma", "-j", "-d", "resource", "show", "qp"))
                  if q.get("lqpn") == f["qps"][0]["qpn"]]
        check(kernel and owner["comm"] == kernel[0].get("comm", "").strip("[]"),
              f"{owner['comm']}, the kernel says {kernel}")
        check(f["qps"][0]["remote_qpn"] == kernel[0].get("rqpn"),
              f"{f['qps'][0]}, the kernel says {kernel[0]}")
    finally:
        sh(CONSUMER, "down", ok=False)
    until("its flows end", lambda: not flows(a))


@services
def test_older_than_the_daemon(t):
    """QPs that were there before are found by the dump, with every field."""
    p = qpgen(t, "--pairs", 3, "--flow-label", 0x12345, "--tos", 40, "--hold", 600)
    mine = [q for q in p.qps(6) if q["device"] == "rxe0"]
    a = tracing(t, 0)
    for qp in mine:
        f = until("it is found", lambda q=qp: flow_of(a, q["qpn"]))
        check_flow(f, qp, p.pid, "qpgen")
        check(next(q for q in f["qps"] if q["qpn"] == qp["qpn"])["found"],
              "not marked as found by a dump")
    trace = a.status()["trace"]
    check(trace["found"] >= 3 and trace["dumps"] >= 1, f"{trace}")
    p.stop(signal.SIGKILL)
    until("SIGKILL ends them", lambda: not flows(a))


@services
def test_many_quick_qps(t):
    """1,000 QPs opened and closed as fast as it goes: each seen, or counted as lost."""
    a = tracing(t, 0)
    before = a.status()["trace"]
    p = Program(t, QPGEN, "rxe0", gid(0), "rxe1", gid(1), "--churn", 1000)
    until("1,000 QPs", lambda: p.process.poll() is not None, 300)
    check(p.process.returncode == 0, p.text())
    made = int(re.search(r"churned (\d+)", p.text())[1])
    def all_in():
        now = a.status()["trace"]
        lost = sum(now[k] - before[k] for k in ("lost_ring", "lost_calls", "missed_returns"))
        created, destroyed = (now[k] - before[k] for k in ("qps_created", "qps_destroyed"))
        return ((created, destroyed, lost) if created + lost >= made and
                destroyed + lost >= made else None)
    created, destroyed, lost = until("all are accounted for", all_in)
    t.note(f"{made} QPs: {created} created, {destroyed} destroyed seen, {lost} events lost")
    check(created <= made and destroyed <= made,
          f"{created} created, {destroyed} destroyed of {made}")
    check(lost or (created == made and destroyed == made), "neither seen nor counted")


@services
def test_probed_on_its_path(t):
    """Flows are probed on their class; where a source QP has the port the path is exact, and the
    wire says the same."""
    a = tracing(t, 0, "tracing = { interval_ms = 50; };")
    Host(t, 1, "").start()
    own = a.ping(address(1), 2, "-i", "0.2", status=0)[0]["src_port"]
    # The label that yields the port which the daemon's own QP has (ibv_flow_label_to_udp_sport(3)):
    # exact at once.
    p = qpgen(t, "--pairs", 1, "--flow-label", own & 0x3FFF, "--tos", 104, "--hold", 600)
    qp = next(q for q in p.qps(2) if q["device"] == "rxe0")
    f = until("it is probed", lambda: (f := flow_of(a, qp["qpn"])) and f["probing"] == "probing" and
              f["ok"] >= 10 and f)
    # Before Linux 5.17 rxe takes a connected QP's port from its QPN alone.
    path = "exact" if KERNEL >= (5, 17) else "approximate"
    check((f["src_port"] == own) == (path == "exact") and f["path"] == path and
          f["probe_src_port"] == own, f"{f}")
    check(f["hostname"] == "host1", f"{f['hostname']}")
    watch = harness.Watch(a)
    capture = Capture(t, 0)
    until("20 more", lambda: flow_of(a, qp["qpn"])["ok"] >= f["ok"] + 20)
    # Host 1's daemon probes its own end of the flow, on its own.
    probes = [x for x in probes_in(capture.packets()) if x["source"] == address(0)]
    records = [r for r in watch.stop() if r["kind"] == "service"]
    check({(x["sport"], x["tos"], x["dest"]) for x in probes} == {(own, 104, address(1))},
          f"{ {(x['sport'], x['tos']) for x in probes} }")
    # Eight of ten are 50 bytes, one 1,024, and one the path MTU.
    mtu = int(re.search(r"active_mtu:\s+(\d+)", harness.sh("ibv_devinfo", "-d", "rxe0")).group(1))
    check({x["size"] for x in probes} == {50, 1024, mtu},
          f"MTU {mtu}: { {x['size'] for x in probes} }")
    check(records and all(r["flow"] == f["id"] and r["src_port"] == own and r["path"] == path
                          for r in records), f"{records[:1]}")
    p.stop()
    until("the flow ends", lambda: not flows(a))
    capture = Capture(t, 0)
    time.sleep(2)
    check(not probes_in(capture.packets()), "probing goes on after the flow has ended")


@services
def test_delay_on_the_path(t):
    """A delay that netem adds shows in the flow's RTT; a budget is shared between flow and mesh."""
    a = tracing(t, 0, f'tracing = {{ interval_ms = 20; }}; max_probes_per_s = 20; '
                f'peers = ({{ address = "{address(1)}"; interval_ms = 50; }});')
    Host(t, 1, "").start()
    p = qpgen(t, "--pairs", 1, "--flow-label", 5, "--hold", 600)
    qp = next(q for q in p.qps(2) if q["device"] == "rxe0")
    # Results that a stall of the emulator touched do not count, and under load may be all.
    f = until("it is probed", lambda: (f := flow_of(a, qp["qpn"])) and f["ok"] >= 20 and
              f["recent"]["rtt_p50_ns"] and f, 300)
    check(f["path"] == "approximate" and f["probe_src_port"] != f["src_port"] or
          f["path"] == "exact", f"{f['path']}")
    idle = f["recent"]["rtt_p50_ns"] / 1e6
    fabric("delay", 0, 60, "out")
    time.sleep(12)  # recent spans 10 s
    hurt = until("recent results", lambda: flow_of(a, qp["qpn"])["recent"]["rtt_p50_ns"]) / 1e6
    fabric("delay", 0, 0, "out")
    t.note(f"flow's median {idle:.1f} ms, with 60 ms injected {hurt:.1f} ms")
    check(abs(hurt - idle - 60) < 12, f"raised by {hurt - idle:.1f} ms, injected 60")
    d0, s0 = a.json("devices")[0], a.json("status")[0]
    time.sleep(10)
    d1, s1 = a.json("devices")[0], a.json("status")[0]
    service = d1["posted_service"] - d0["posted_service"]
    mesh = d1["posted"] - d0["posted"] - service
    t.note(f"of {service + mesh} probes under a budget of 20/s: {service} along the flow, "
           f"{mesh} to the mesh")
    # Both want more than half: each gets half. A busy emulator skips some of both.
    check(mesh and service and 0.7 < service / mesh < 1.4, f"{service} against {mesh}")
    p.stop()


@services
def test_no_daemon_there(t):
    """A remote end without a daemon is shown as such, and asked less and less often; when one
    starts, probing begins."""
    a = tracing(t, 0, "tracing = { interval_ms = 50; };")
    p = qpgen(t, "--pairs", 1, "--hold", 600)
    qp = next(q for q in p.qps(2) if q["device"] == "rxe0")
    f = until("no daemon",
              lambda: (f := flow_of(a, qp["qpn"])) and f["probing"] == "no_daemon" and f)
    check("rpingmeshd" in f["probing_reason"] or "answer" in f["probing_reason"],
          f"{f['probing_reason']}")
    check(f["sent"] == 0, "probes to nobody were counted")
    Host(t, 1, "").start()
    until("probing begins",
          lambda: (f := flow_of(a, qp["qpn"])) and f["probing"] == "probing" and f["ok"] >= 3)
    p.stop()


@services
def test_events(t):
    """events --follow shows a QP's life in order, with its owner."""
    a = tracing(t, 0)
    out = os.path.join(t.dir, "events")
    with open(out, "w") as f:
        follow = subprocess.Popen(a.ctl_argv("--json", "events", "--follow"), stdout=f)
    try:
        time.sleep(2)
        p = qpgen(t, "--pairs", 1, "--hold", 600)
        qp = next(q for q in p.qps(2) if q["device"] == "rxe0")
        p.stop()
        def lived():
            with open(out) as f:
                life = [json.loads(line) for line in f.read().split("\n")[:-1]]
            life = [e for e in life if e.get("type") == "event" and e["qpn"] == qp["qpn"]]
            return life if life and life[-1]["event"] == "destroy" else None
        life = until("the QP's life", lived)
    finally:
        follow.terminate()
        follow.wait()
    check([e["event"] for e in life] == ["create", "init", "rtr", "rts", "destroy"],
          f"{[e['event'] for e in life]}")
    check(all(e["pid"] == p.pid and e["comm"] == "qpgen" for e in life), f"{life[0]}")
    check(life[3]["remote_qpn"] == qp["remote_qpn"] and life[3]["dst_gid"] == qp["remote_gid"],
          f"{life[3]}")


@services
def test_stack_reloaded(t):
    """The RDMA modules go and come back while the daemon runs: tracing goes on with the new
    ones."""
    a = tracing(t, 0, f'peers = ({{ address = "{address(1)}"; interval_ms = 200; }});')
    method = a.status()["trace"]["method"]
    if method == "kprobe.multi":
        raise Skip("kprobe.multi keeps ib_core from being unloaded")
    mods = ["rdma_ucm", "rdma_rxe", "ib_uverbs", "ib_uverbs_support", "rdma_cm", "iw_cm", "ib_cm",
            "ib_core"]
    mods = [m for m in mods if os.path.exists(f"/sys/module/{m}")]  # ib_uverbs_support: Linux 7.2
    links = [(f"rxe{i}", f"h{i}") for i in range(3)]
    for dev, _ in links:
        sh("rdma", "link", "delete", dev)
    until("the daemon lets go", lambda: a.alive() and
          subprocess.run(["modprobe", "-r"] + mods, stderr=subprocess.DEVNULL).returncode == 0 and
          not os.path.exists("/sys/module/ib_core"))
    until("that is seen", lambda: a.status()["trace"]["state"] == "waiting")
    sh("modprobe", "-a", "rdma_rxe", "ib_uverbs", "rdma_ucm")
    for dev, net in links:
        sh("rdma", "link", "add", dev, "type", "rxe", "netdev", net)
    until("tracing is on again", lambda: a.alive() and a.status()["tracing"] == "on")
    Host(t, 1, "").start()
    p = qpgen(t, "--pairs", 1, "--hold", 600)
    qp = next(q for q in p.qps(2) if q["device"] == "rxe0")
    f = until("a new flow shows", lambda: flow_of(a, qp["qpn"]))
    check_flow(f, qp, p.pid, "qpgen")
    until("the peer is probed again", lambda: a.peer(address(1))["state"] == "up")
    p.stop()
    until("and ends", lambda: not flows(a))


@services
def test_helper_killed(t):
    """The kernel takes the hooks away with the helper. The daemon goes on without them, and names
    the cure, which helps."""
    a = tracing(t, 0, f'peers = ({{ address = "{address(1)}"; interval_ms = 200; }});')
    Host(t, 1, "").start()
    p = qpgen(t, "--pairs", 1, "--hold", 600)
    qp = next(q for q in p.qps(2) if q["device"] == "rxe0")
    until("the flow shows", lambda: flow_of(a, qp["qpn"]))
    os.kill(child_of(a.status()["pid"]), signal.SIGKILL)
    s = until("it is told", lambda: (s := a.status())["trace"]["state"] == "failed" and s)
    t.note(s["tracing_reason"])
    check("has ended by signal 9: restart rpingmeshd" in s["tracing_reason"] and
          any(s["tracing_reason"] in d for d in s["degraded"]), f"{s['degraded']}")
    check(s["trace"]["hooks"] == 0 and not flows(a) and "helper_capabilities" not in s, f"{s}")
    before = a.peer(address(1))["ok"]
    until("probes are answered", lambda: a.peer(address(1))["ok"] >= before + 5)
    a.stop()
    a.start()
    f = until("the flow shows again", lambda: flow_of(a, qp["qpn"]))
    check_flow(f, qp, p.pid, "qpgen")
    p.stop()


def unprivileged(t, caps):
    """A daemon as user nobody with these capabilities; memlock as a unit would set it."""
    a = Host(t, 0, "tracing = { interval_ms = 200; };")
    os.chmod(t.dir, 0o777)
    os.chmod(a.dir, 0o777)
    for node in os.listdir("/dev/infiniband"):
        os.chmod(f"/dev/infiniband/{node}", 0o666)
    more = ["--ambient-caps", caps, "--inh-caps", caps] if caps else []
    with open(a.log_path, "a") as log:
        a.process = subprocess.Popen(
            ["prlimit", "--memlock=134217728:134217728", "setpriv", "--reuid", "65534", "--regid",
             "65534", "--clear-groups", "--bounding-set", caps or "-all"] + more +
            [harness.DAEMON, "-c", a.conf], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    until("it answers", lambda: a.alive() and a.try_status())
    return a


@services
def test_two_capabilities(t):
    """As a user with CAP_BPF and CAP_PERFMON alone, where the kernel lets them."""
    with open("/proc/sys/kernel/perf_event_paranoid") as f:
        paranoid = int(f.read())
    a = unprivileged(t, "-all,+bpf,+perfmon")
    settled = until("a decision", lambda: a.alive() and
                    (s := a.status())["trace"]["state"] in ("on", "failed") and s)
    t.note(f"perf_event_paranoid {paranoid}: {settled['trace']['state']}, "
           f"{settled['trace']['method']}; {settled['tracing_reason']}")
    if settled["trace"]["state"] == "failed":
        check(paranoid > 2 and "perf_event_paranoid" in settled["tracing_reason"],
              f"{settled['tracing_reason']}")
        check(any("not traced" in s for s in settled["degraded"]), f"{settled['degraded']}")
        a.stop()
        sh("sysctl", "-w", "kernel.perf_event_paranoid=2")
        a = unprivileged(t, "-all,+bpf,+perfmon")
        until("the cure helps", lambda: a.alive() and a.status()["tracing"] == "on")
        sh("sysctl", "-w", f"kernel.perf_event_paranoid={paranoid}")
    p = qpgen(t, "--pairs", 1, "--flow-label", 9, "--hold", 600)
    qp = next(q for q in p.qps(2) if q["device"] == "rxe0")
    f = until("the flow shows", lambda: flow_of(a, qp["qpn"]))
    check_flow(f, qp, p.pid, "qpgen")
    p.stop()
    until("and ends", lambda: not flows(a))


@services
def test_no_rights(t):
    """Without any capability the daemon measures on and says what tracing lacks."""
    a = unprivileged(t, "")
    s = until("a decision",
              lambda: a.alive() and (s := a.status())["trace"]["state"] == "failed" and s)
    t.note(s["tracing_reason"])
    check(s["tracing"] == "off" and "CAP_BPF" in s["tracing_reason"], f"{s['tracing_reason']}")
    Host(t, 1, "").start()
    check(classes(a.ping(address(1), 3, "-i", "0.1", status=0)) == {"ok": 3}, "it does not measure")


if __name__ == "__main__":
    harness.main(globals())
