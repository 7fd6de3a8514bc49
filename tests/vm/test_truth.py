#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Whether what is measured is true: RTT against injected delay, loss against what was dropped on
the wire."""

import concurrent.futures
import itertools
import random
import statistics
import time

import harness
from harness import Capture, Host, address, binomial_interval, check, classes, fabric, sh

QUIET = "tracing = { enable = false; };\n"
PROBE, ACK1, ACK2 = 1, 2, 3
TAIL = 5


def one_way(t, text=""):
    """Host 0 probes when told, host 1 only answers. Its peer stays resolved between pings by a
    probe an hour: else the first SIDR request, which netem may drop like anything, would leave the
    first probes unresolved."""
    a = Host(t, 0, f'{QUIET}peers = ({{ address = "{address(1)}"; interval_ms = 3600000; }});\n'
             f'{text}').start()
    b = Host(t, 1, QUIET + "responder = { per_source = 10000; };").start()
    a.wait_peer(address(1), "up")
    a.ping(address(1), 10, "-i", "0.05", status=0)
    return a, b


def slope_of(points):
    """Theil and Sen: the median of the slopes of all pairs. One median that a busy spell has spoilt
    does not count."""
    return statistics.median((y2 - y1) / (x2 - x1)
                             for (x1, y1), (x2, y2) in itertools.combinations(points, 2))


def test_slope(t):
    """The median RTT grows by as much as netem delays: slope 1.00 +- 0.01 from 0 to 200 ms.

    Idle RTT under emulation is a fraction of a millisecond with a tail of tens of them when the
    machine is busy; 0.01 of 200 ms is 2 ms. So the delays take turns, in a new order each round,
    and a median over all rounds lets no busy spell fall on one delay alone. Half of the rounds
    delay the probes, half the ACKs."""
    delays, rounds, each = (0, 20, 50, 100, 150, 200), 6, 30
    a, _ = one_way(t, "max_probes_per_s = 1000;")
    order = random.Random(1)
    rtt_ms = {d: [] for d in delays}
    for r in range(rounds):
        direction = ("out", "in")[r % 2]
        for delay in order.sample(delays, len(delays)):
            fabric("delay", 0, delay, direction)
            records = a.ping(address(1), each, "-i", "0.02", "-W", "2")
            fabric("delay", 0, 0, direction)
            check(set(classes(records)) <= {"ok", "late"}, f"{delay} ms: {classes(records)}")
            rtt_ms[delay] += [x["rtt_ns"] / 1e6 for x in records]
    medians = [(d, statistics.median(rtt_ms[d])) for d in delays]
    slope = slope_of(medians)
    t.note(f"{rounds * each} probes each: " + ", ".join(f"{d} ms: {m:.2f}" for d, m in medians) +
           f"; slope {slope:.4f}")
    check(abs(slope - 1) <= 0.01, f"slope {slope:.4f}")


def flood(host, n, loss_ends, streams=2, interval_s=0.02):
    """n probes in several pings at once, each with a flow label of its own; their records.
    loss_ends() is called when all have been sent, and a few more probes then prove that the peer is
    alive, as those of a stream without end would. The timeout is long: an emulated machine that
    falls behind shall make no probe late."""
    before = host.status()["probes"]["posted"]
    more = ("-i", interval_s, "-W", "3")
    with concurrent.futures.ThreadPoolExecutor(streams) as pool:
        pings = [pool.submit(host.ping, address(1), n // streams, *more, "--flow-label", i)
                 for i in range(streams)]
        harness.until(f"{n} probes are sent", lambda: host.status()["probes"]["posted"] >=
                      before + n, limit_s=300, step_s=1)
        time.sleep(1)
        loss_ends()
        check(classes(host.ping(address(1), TAIL, *more)) == {"ok": TAIL},
              "without loss not all is well")
        return [r for p in pings for r in p.result()]


def on_the_wire(packets):
    """Sequence numbers of the probes, first and second ACKs that were seen
    (include/rpingmesh/probe_wire.h)."""
    seen = {PROBE: set(), ACK1: set(), ACK2: set()}
    for p in packets:
        if p["payload"][:5] == b"RPMH\x01" and p["payload"][5] in seen:
            seen[p["payload"][5]].add(p["payload"][8:16])
    return seen


def dropped_by_netem(direction):
    where = ("dev", "h0") if direction == "out" else ("dev", "p0")
    tc = ("tc", "-s") if direction == "out" else ("tc", "-n", "router", "-s")
    return int(sh(*tc, "qdisc", "show", *where).split("dropped")[1].split(",")[0])


def lossy_run(t, a, percent, direction, n):
    """Counts of lost, ack1_missing, ack2_missing, equal to what host 0's wire has shown: tcpdump
    sees what leaves behind netem, and what arrives."""
    capture = Capture(t, 0)
    fabric("loss", 0, percent, direction)
    drops = 0

    def loss_ends():
        nonlocal drops
        drops = dropped_by_netem(direction)
        fabric("loss", 0, 0, direction)

    records = flood(a, n, loss_ends)
    seen = on_the_wire(capture.packets())
    count = classes(records)
    counts = [count.get(c, 0) for c in harness.LOST]
    t.note(f"{percent} % {direction}: {count}; on the wire {len(seen[PROBE])} probes, "
           f"{len(seen[ACK1])} ACK1, {len(seen[ACK2])} ACK2; netem dropped {drops}")
    check(len(records) == n, f"{len(records)} records")
    check(set(count) <= {"ok", "late", *harness.LOST}, f"other classes: {count}")
    n_wire = n + TAIL
    on_wire = [n_wire - len(seen[ACK1] | seen[ACK2]), len(seen[ACK2] - seen[ACK1]),
               len(seen[ACK1] - seen[ACK2])]
    check(counts == on_wire, f"{', '.join(harness.LOST)}: {counts}, on the wire {on_wire}")
    if direction == "out":
        check(len(seen[PROBE]) == len(seen[ACK1]) == len(seen[ACK2]),
              "a probe that went out was not answered twice")
    # Nobody else drops: what is missing on the wire is what netem dropped, but for a SIDR message
    # or an ARP request.
    missing = (n_wire - len(seen[PROBE]) if direction == "out"
               else 2 * len(seen[PROBE]) - len(seen[ACK1]) - len(seen[ACK2]))
    check(missing <= drops <= missing + 3 + drops // 20,
          f"netem dropped {drops}, {missing} are missing on the wire")
    return counts


def test_loss(t):
    """netem loss of 0.5, 2, 10 and 30 %: what is reported lost is exactly what was dropped, and
    as many as the wire drops by chance."""
    a, _ = one_way(t, "max_probes_per_s = 2000;")
    for percent, direction, n in ((0.5, "out", 4000), (2, "in", 1500), (10, "out", 600),
                                  (10, "in", 600), (30, "in", 300), (30, "out", 300)):
        p = percent / 100
        # A probe is lost when it is dropped itself, or when both of its ACKs are.
        shares = (p, 0, 0) if direction == "out" else (p * p, p * (1 - p), p * (1 - p))
        bounds = [binomial_interval(n, share, z=3) for share in shares]
        # 0.3 % of honest figures lie outside. Twice in a row, with six runs of three figures each,
        # that is one test in a thousand.
        for _ in range(2):
            counts = lossy_run(t, a, percent, direction, n)
            inside = all(low <= c <= high for c, (low, high) in zip(counts, bounds))
            if inside:
                break
        wanted = ", ".join(f"{low:.0f} to {high:.0f}" for low, high in bounds)
        check(inside, f"{percent} % {direction}: twice outside {wanted}; now {counts}")


def test_blackout(t):
    """A path loses everything, SIDR as well, and heals: when the same daemon answers again, each
    probe that was sent meanwhile is lost, as tcpdump has it, and what was not sent is not."""
    a = Host(t, 0, f'{QUIET}peers = ({{ address = "{address(1)}"; interval_ms = 200; }});').start()
    Host(t, 1, QUIET).start()
    a.wait_peer(address(1), "up")
    capture, watch = Capture(t, 0), harness.Watch(a)
    fabric("loss", 0, 100, "in")
    harness.until("the peer is down", lambda: a.peer(address(1))["state"] == "down")
    time.sleep(5)
    silent = a.peer(address(1))
    fabric("loss", 0, 0, "in")
    a.wait_peer(address(1), "up")
    harness.until("it answers", lambda: a.peer(address(1))["ok"] > silent["ok"] + 5)
    peer = a.peer(address(1))
    seen = on_the_wire(capture.packets())
    records = [r for r in watch.stop() if r["class"] == "unreachable"]
    lost = len(seen[PROBE] - seen[ACK1] - seen[ACK2])
    corrections = watch.of_type("correction")
    t.note(f"{lost} without an answer on the wire; before {silent['lost']} lost, "
           f"{silent['unreachable']} unreachable; after {peer['lost']} and {peer['unreachable']}")
    check(silent["lost"] == 0 and silent["unreachable"] > 0, f"while nobody knew: {silent}")
    # Those in flight at the end of the capture have no answer yet.
    check(lost - 3 <= peer["lost"] <= lost, f"{peer['lost']} lost, on the wire {lost}")
    posted = {r["seq"] for r in records if r["posted"]}
    check({r["seq"] for r in corrections} == posted and len(corrections) == len(posted),
          f"{len(corrections)} corrections of {len(posted)} posted probes")
    check(all(r["class"] == "lost" and r["was"] == "unreachable" for r in corrections),
          f"{corrections[:1]}")
    check(peer["unreachable"] == len(records) - len(posted),
          f"{peer['unreachable']} are unreachable, {len(records)} were, {len(posted)} sent")


def crossings(packets):
    """By sequence number: when a probe and its first ACK passed, in seconds."""
    times = {}
    for p in packets:
        if p["payload"][:5] == b"RPMH\x01" and p["payload"][5] in (PROBE, ACK1):
            times.setdefault(p["payload"][8:16], {})[p["payload"][5]] = p["time"]
    return {seq: t for seq, t in times.items() if len(t) == 2}


def wire_rtts_ns(here, there):
    """RTTs between the two interfaces, in the order of the probes: what passed between probe and
    ACK1 at the prober, less what passed between them at the responder. Both hosts are in one VM,
    and no clock of a daemon is in it."""
    passed = sorted(((t[PROBE], t[ACK1] - t[PROBE], seq) for seq, t in here.items()))
    return [(d - (there[seq][ACK1] - there[seq][PROBE])) * 1e9 for _, d, seq in passed]


def errors(t, a, n):
    """How far the RTT of each clean result of host 0 is from that of tcpdump, and its error_ns."""
    captures = [Capture(t, i) for i in (0, 1)]
    records = sorted(a.ping(address(1), n, "-i", "0.03", "-W", "2"), key=lambda r: r["t1_ns"])
    wire = wire_rtts_ns(*(crossings(c.packets()) for c in captures))
    check(set(classes(records)) <= {"ok", "late"}, f"{classes(records)}")
    check(len(records) == len(wire) == n, f"{len(records)} records, {len(wire)} on the wire")
    check(all(r["clock"] == "sw" and r["error_ns"] > 0 for r in records), "no estimate")
    return [(r["rtt_ns"] - w, r["error_ns"]) for r, w in zip(records, wire)
            if r["host_noise"] is None]


def test_error_estimate(t):
    """error_ns is an estimate and no bound (rpingmeshd(8), WHAT IS MEASURED): each result has one,
    and what it leaves out, the waking of the daemons, makes an RTT too long, not too short. The
    share of the results that are within it is shown, but depends on the machine."""
    resolution_ns = 2000
    a, _ = one_way(t)
    for delay in (0, 20):
        fabric("delay", 0, delay, "in")
        off = errors(t, a, 300)
        fabric("delay", 0, 0, "in")
        check(off, "no result is clean")
        within = sum(abs(d) <= e + resolution_ns for d, e in off)
        short = sum(d < -e - resolution_ns for d, e in off)
        t.note(f"{delay} ms: of {len(off)} clean results {within} are within error_ns of tcpdump's "
               f"RTT, {short} too short; median error_ns "
               f"{statistics.median(e for _, e in off) / 1e3:.0f} us, median difference "
               f"{statistics.median(d for d, _ in off) / 1e3:.0f} us")
        check(short <= 0.05 * len(off), f"{short} of {len(off)} are too short by more than that")


if __name__ == "__main__":
    harness.main(globals())
