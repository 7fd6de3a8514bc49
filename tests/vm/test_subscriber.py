#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What rpingmeshd tells a program that knows the two manual pages and Python's msgpack, and nothing
else of ours.

The program is contrib/examples/subscribe.py; what it gets is compared, field by field, with the
tables of rpingmesh-control(7) and rpingmesh-records(5), and counted against tcpdump. tests/vm/run
--hosts 3 -- tests/vm/test_subscriber.py [CASE...]"""

import json
import os
import subprocess
import sys

import harness
from harness import BUILD, Capture, Host, Skip, address, check, fabric, probes_in, until

sys.path.insert(0, os.path.join(harness.HERE, "../doc"))
import wire  # noqa: E402

EXAMPLE = os.path.join(harness.HERE, "../../contrib/examples/subscribe.py")
QUIET = "tracing = { enable = false; };\n"
QPGEN = os.path.join(BUILD, "tests/vm/qpgen")


def checker(host):
    try:
        return wire.Checker(host.socket)
    except ModuleNotFoundError as e:
        raise Skip(f"no {e.name}")


def fits(c):
    check(not c.problems,
          f"{len(c.problems)} differences between wire and manual: " + "; ".join(c.problems[:10]))


def listen(c, wanted, t, what):
    """Compares notifications until `wanted(seen)`, where seen is {(name, kind or by): number}. The
    patience is that of the case."""
    seen = {}
    c.daemon.socket.settimeout(harness.PATIENCE_S)
    for name, record in c.daemon.notifications():
        c.notified(name, record)
        key = (name, record.get("by") or record.get("kind"))
        seen[key] = seen.get(key, 0) + 1
        if wanted(seen):
            break
    t.note(f"{what}: " + ", ".join(f"{n} {' '.join(filter(None, k))}" for k, n in seen.items()))
    return seen


def test_fields(t):
    """Every kind of record that a mesh with services produces has the fields, types and ranges of
    the manual, and no other."""
    a, _ = t.pair("tracing = { interval_ms = 200; };\nwindow_s = 1;", QUIET)
    until("host 0 traces", lambda: a.status()["tracing"] == "on")
    c = checker(a)
    for method in ("subscribe", "subscribe_windows", "events"):
        c.call(method)
    service = subprocess.Popen([QPGEN, "rxe0", fabric("gid", 0).strip(), "rxe1",
                                fabric("gid", 1).strip(), "--pairs", "1", "--hold", "600"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT,
                               stdin=subprocess.PIPE)
    try:
        c.call("ping", host=address(1), count=3, interval_ns=100_000_000)
        kinds = [("probe", "mesh"), ("probe", "service"), ("probe", "ping"), ("ping", "ping"),
                 ("ping_done", None), ("event", None), ("window", "target"), ("window", "flow"),
                 ("window", "device")]
        listen(c, lambda seen: all(k in seen for k in kinds), t, "notified")
        c.everything()
        flows = c.call("flows")["flows"]
        check(flows and all(f["owners"] and f["qps"] for f in flows), f"{flows}")
    finally:
        service.kill()
        service.wait()
    fits(c)
    for kind in ("status", "device", "peer", "target", "flows", "windows", "method"):
        check(c.seen.get(kind), f"no {kind} was compared: {c.seen}")
    t.note(f"compared: {', '.join(f'{n} {k}' for k, n in sorted(c.seen.items()))}")


COUNT, SIZE = 120, 333


def test_counts(t):
    """A subscriber gets a record of each probe that tcpdump sees sent, with its addresses and with
    the names in both configurations, and `lost` is what did not arrive."""
    a = Host(t, 0, f'{QUIET}tor = "tor-a";\n'
             f'peers = ({{ address = "{address(1)}"; interval_ms = 3600000; }});').start()
    Host(t, 1, f'{QUIET}tor = "tor-b";\n').start()
    a.wait_peer(address(1), "up")
    sent, arrived = Capture(t, 0), Capture(t, 1)
    c = checker(a)
    c.call("subscribe", kinds=["ping"])
    fabric("loss", 1, 15, "in")
    id_ = c.call("ping", host=address(1), count=COUNT + 40, interval_ns=20_000_000, size=SIZE,
                 timeout_ns=2_000_000_000)["ping"]
    records, done = [], None
    c.daemon.socket.settimeout(harness.PATIENCE_S)
    for name, record in c.daemon.notifications():
        c.notified(name, record)
        if name == "probe":
            records.append(record)
            if len(records) == COUNT:
                fabric("loss", 1, 0, "in") # the last ones prove that the peer is alive
        if name == "ping_done":
            done = record
            break
    fits(c)
    on_wire = [p for p in probes_in(sent.packets()) if p["size"] == SIZE]
    there = [p for p in probes_in(arrived.packets()) if p["size"] == SIZE]
    posted = [r for r in records if r["posted"]]
    check(len(posted) == len(on_wire),
          f"{len(posted)} records of posted probes, {len(on_wire)} probes on the wire")
    check({r["seq"] for r in records} == set(range(COUNT + 40)),
          f"{len(records)} records of {COUNT + 40} probes")
    check({r["src_port"] for r in posted} == {p["sport"] for p in on_wire}, "source ports differ")
    check({(r["source"], r["destination"]) for r in posted} ==
          {(p["source"], p["dest"]) for p in on_wire}, "addresses differ")
    who = {(r["host"], r["tor"], r["hostname"], r["peer_tor"]) for r in records}
    check(who == {("host0", "tor-a", "host1", "tor-b")}, f"{who}")
    check({r["incarnation"] for r in records} == {a.status()["incarnation"]}, "incarnations differ")
    lost = sum(r["class"] == "lost" for r in records)
    gone = len(on_wire) - len(there)
    check(lost == gone > 0, f"{lost} probes are lost in the records, {gone} did not arrive")
    check(done["ping"] == id_ and done["lost"] == lost and done["posted"] == len(posted), f"{done}")
    t.note(f"{len(posted)} sent, {gone} did not arrive; {lost} records say so")


def first_line_of_the_manual_s_program(host):
    """What the Python program in rpingmesh-control(7) prints first."""
    with open(os.path.join(harness.HERE, "../../man/rpingmesh-control.7")) as f:
        text = (f.read().partition("\n.Sh EXAMPLES\n")[2].partition("\n.Ed\n")[0]
                .partition(".Bd -literal -offset indent\n")[2])
    text = text.replace("/run/rpingmesh/rpingmeshd.sock", host.socket)
    with subprocess.Popen([sys.executable, "-u", "-c",
                           text], stdout=subprocess.PIPE, text=True) as p:
        try:
            return p.stdout.readline().strip()
        finally:
            p.kill()


def test_example(t):
    """subscribe.py as a user runs it: lines, JSON, a method with parameters, its sum at the end."""
    a, _ = t.pair(f"{QUIET}window_s = 1;", QUIET)
    checker(a)

    def example(*argv, status=0):
        p = subprocess.run([EXAMPLE, "-S", a.socket, *argv], stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True, timeout=harness.PATIENCE_S)
        check(p.returncode == status, f"subscribe.py {argv}: exit {p.returncode}: {p.stderr}")
        return p

    p = example("-c", "5")
    check(len(p.stdout.splitlines()) == 5 and f"rxe0 -> {address(1)} seq=" in p.stdout, p.stdout)
    check(p.stderr.startswith(f"{address(1)}: ok "), p.stderr)
    record = json.loads(example("--windows", "--json", "-c", "1").stdout)
    check(record["type"] == "window" and record["end_ns"] > record["start_ns"], f"{record}")
    page = json.loads(example("--call", "windows", "by=device", "limit=1").stdout)
    check([w["by"] for w in page["windows"]] == ["device"], f"{page}")
    check(first_line_of_the_manual_s_program(a) == f"{address(1)} ok",
          "the program in rpingmesh-control(7)")
    check("interval_ns" in example("--call", "ping", f"host={address(1)}", "interval_ns=1",
                                   status=1).stderr, "no word about the parameter")


harness.main(globals())
