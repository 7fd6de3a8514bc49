#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures rpingmeshd against its goals; runs inside the VM, started by tests/bench/run, which says
how to read it.

A figure is a function figure_*(b) that calls b.add() for each value. What is a ratio is measured in
rounds, one side and the other in turn, and is the median of the rounds' ratios. Times and rates are
those of the VM's clock: with tests/vm/run --icount-idle one nanosecond is one instruction, of user
space and kernel together, and nothing else that the machine does matters."""

import argparse
import functools
import json
import operator
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "vm"))
import harness  # noqa: E402
import test_cluster  # noqa: E402
from harness import BUILD, Host, address, check, fabric, sh, until  # noqa: E402

BENCH = os.path.join(BUILD, "tests", "bench")
SIZE = 50
# Figures that measure the probing itself do without tracing, which takes no part in it and seconds
# to start.
PLAIN = "tracing = { enable = false; };\n"
# For a host that is probed faster than people do.
NO_LIMITS = "limits = { cpu_percent = 0; memory_mb = 0; };\n"
OPEN = (PLAIN + NO_LIMITS + "timeout_ms = 5000;\n"
        "responder = { per_source = 1000000; total = 1000000; };\n")


class Unmeasured(Exception):
    pass


def need(program):
    if not shutil.which(program):
        raise Unmeasured(f"no {program} (contrib/setup bench)")


def percentile(values, p):
    return sorted(values)[min(len(values) - 1, int(len(values) * p / 100))]


class Bench:
    """What the figures share: the results, and hosts that end with each figure."""

    OPERATORS = {"<=": operator.le, ">=": operator.ge}

    def __init__(self, rounds):
        self.rounds = rounds
        self.results = []
        self.test = None
        self.names = 0
        self.carried = 4000  # probes/s, unless throughput is measured

    def add(self, name, value, unit, goal=None, rounds=None, note="", digits=2):
        """goal: ("<=", 1.6) or None."""
        state = "no goal"
        if goal:
            state = "met" if self.OPERATORS[goal[0]](value, goal[1]) else "missed"
        self.results.append({"name": name, "value": round(value, digits), "unit": unit,
                             "goal": " ".join(map(str, goal)) if goal else None, "state": state,
                             "rounds": [round(r, 3) for r in rounds or []], "note": note})
        print(f"#   {name}: {value:.{digits}f} {unit} {state if goal else ''} {note}", flush=True)

    def fail(self, name, reason):
        self.results.append({"name": name, "value": None, "unit": "", "goal": None,
                             "state": "not measured", "rounds": [], "note": reason})
        print(f"#   {name}: not measured: {reason}", flush=True)

    def host(self, index, text=PLAIN, env=None):
        return Host(self.test, index, text, env)

    def named(self, n, i=1):
        """n names of host i's address: each is a peer of its own."""
        with open("/etc/hosts", "a") as f:
            for k in range(n):
                f.write(f"{address(i)} bench{self.names + k}\n")
        self.names += n
        return [f"bench{self.names - n + k}" for k in range(n)]


def group(peers, **keys):
    text = f"sizes = ({SIZE}); " + " ".join(f"{k} = {v};" for k, v in keys.items())
    return "peers = (" + ",\n".join(f'{{ address = "{p}"; {text} }}' for p in peers) + ");\n"


def status(host):
    """People come after probes: a busy daemon may keep them waiting."""
    return until("an answer to status", host.try_status)


def wait_up(host, n):
    until(f"{n} peers are up", lambda: status(host)["peers_up"] == n, limit_s=600, step_s=1)


# ---- bare programs ----

def gids():
    return ["-d", "rxe0", "-g", fabric("gid", 0).strip(), "-D", "rxe1", "-G",
            fabric("gid", 1).strip()]


def bare(*argv):
    return json.loads(sh(os.path.join(BENCH, "ud_bare"), "-s", str(SIZE), *gids(),
                         *[str(a) for a in argv]))


def ud_pingpong(n, *more):
    """Mean of a round trip of rdma-core's program, in ns: it says no percentile."""
    argv = lambda i: ["ibv_ud_pingpong", "-d", f"rxe{i}", "-g", fabric("gid", i).strip(), "-s",
                      str(SIZE), "-n", str(n), *more]
    server = subprocess.Popen(argv(1), stdout=subprocess.DEVNULL)
    time.sleep(0.5)
    out = sh(*argv(0), address(1))
    server.wait(harness.PATIENCE_S)
    return float(re.search(r"= ([0-9.]+) usec/iter", out).group(1)) * 1e3


# ---- round trips ----

PINGS = 200
PAUSE_MS = 10


def pings(host):
    """Round trips of the daemon: what it reports, and all of it, from before the post until the ACK
    was handled."""
    records = host.ping(address(1), PINGS, "-i", PAUSE_MS / 1000, "-s", SIZE)
    good = [r for r in records if r["class"] == "ok"]
    check(len(good) > 0.9 * PINGS, f"only {len(good)} of {PINGS} pings were answered in time")
    return [r["rtt_ns"] for r in good], [r["t6_ns"] - r["t1_ns"] for r in good]


def compare_round_trips(b, prober, kind, goal, other):
    """other(): (p50, p99) of the bare program in ns."""
    table = {"p50": [], "p99": [], "whole": [], "bare": [], "rtt": [], "rtt99": []}
    prober.ping(address(1), 5, "-i", "0.1")
    for _ in range(b.rounds):
        p50, p99 = other()
        rtt, whole = pings(prober)
        table["bare"].append(p50)
        table["rtt"].append(percentile(rtt, 50))
        table["rtt99"].append(percentile(rtt, 99))
        table["p50"].append(percentile(rtt, 50) / p50)
        table["p99"].append(percentile(rtt, 99) / p99)
        table["whole"].append(percentile(whole, 50) / p50)
    median = {k: statistics.median(v) for k, v in table.items()}
    b.add(f"rtt_p50_{kind}", median["p50"], "x bare", ("<=", goal), table["p50"],
          f"reported RTT {median['rtt'] / 1e3:.0f} us, "
          f"bare ping-pong {median['bare'] / 1e3:.0f} us")
    b.add(f"rtt_p99_{kind}", median["p99"], "x bare", None, table["p99"],
          f"reported RTT {median['rtt99'] / 1e3:.0f} us")
    b.add(f"round_trip_p50_{kind}", median["whole"], "x bare", None, table["whole"],
          "T6-T1: with what both hosts take, as the bare one is measured")
    return median


def figure_rtt(b):
    """Idle round trips, all sides event-driven."""
    b.host(1).start()
    median = compare_round_trips(b, b.host(0).start(), "event", 1.6,
                                 lambda: (lambda r: (r["p50_ns"], r["p99_ns"]))(
                                     bare("-m", "pingpong", "-n", PINGS, "-i", PAUSE_MS * 1000)))
    theirs = [ud_pingpong(PINGS, "-e") for _ in range(b.rounds)]
    b.add("rtt_p50_ud_pingpong", median["rtt"] / statistics.median(theirs), "x its mean",
          ("<=", 1.6), [], f"ibv_ud_pingpong -e: mean {statistics.median(theirs) / 1e3:.0f} us; "
          "it says no percentile")


def figure_rtt_busy(b):
    """Idle round trips, the asking side polling. Who answers is event-driven: there is one
    processor."""
    text = PLAIN + "busy_poll_us = 1000;\n"
    prober = b.host(0, text)
    if subprocess.run([harness.DAEMON, "-t", "-c", prober.conf], stdout=subprocess.DEVNULL,
                      stderr=subprocess.DEVNULL).returncode:
        raise Unmeasured("this daemon knows no busy_poll_us")
    b.host(1).start()
    compare_round_trips(b, prober.start(), "busy", 1.15,
                        lambda: (lambda r: (r["p50_ns"], r["p99_ns"]))(
                            bare("-m", "pingpong", "-p", "-n", PINGS, "-i", PAUSE_MS * 1000)))


# ---- throughput ----

FLOOD_PEERS = 16
FLOOD_S = 0.5
FLOOD_FIRST = 0.5  # of the bare loop's rate …
FLOOD_STEP = 0.1   # … and upwards …
FLOOD_LAST = 1.0   # … to here
CARRIED = 0.95     # of what is posted must be answered


def answered_per_s(host, seconds, ask=status):
    first = ask(host)
    time.sleep(seconds)
    last = ask(host)
    span = (last["time_ns"] - first["time_ns"]) / 1e9
    return {k: (last["probes"][k] - first["probes"][k]) / span for k in ("ok", "posted")}


def set_flood(prober, peers, rate):
    """Peers want more than `rate`, the port's budget holds them back."""
    prober.configure(OPEN + f"max_probes_per_s = {rate};\n" + group(peers, interval_ms=1))
    prober.send_signal(signal.SIGHUP)
    time.sleep(0.2)


def quick_status(host):
    return json.loads(subprocess.run(host.ctl_argv("--json", "status"), stdout=subprocess.PIPE,
                                     stderr=subprocess.DEVNULL, timeout=1).stdout)


def most_carried(prober, peers, bare_per_s):
    """Wants more and more until no more is answered, or the daemon is too busy to tell. Returns the
    most that was answered."""
    best, share = 0, FLOOD_FIRST
    while share < FLOOD_LAST + FLOOD_STEP / 2:
        rate = int(bare_per_s * share)
        set_flood(prober, peers, rate)
        try:
            got = answered_per_s(prober, FLOOD_S, quick_status)
        except (subprocess.TimeoutExpired, ValueError):
            print(f"#     {rate}/s wanted, too busy to tell", flush=True)
            return best
        print(f"#     {rate}/s wanted, {got['posted']:.0f}/s posted, {got['ok']:.0f}/s answered",
              flush=True)
        if got["ok"] < CARRIED * got["posted"] or got["ok"] < 1.02 * best:
            return best
        best, share = got["ok"], share + FLOOD_STEP
    return best


def figure_throughput(b):
    """Both ends on one processor. A probe is three messages, so the bare loop answers each message
    with two."""
    b.host(1, OPEN).start()
    peers = b.named(FLOOD_PEERS)
    ours, bares = [], []
    for _ in range(b.rounds):
        bares.append(bare("-m", "flood", "-r", 2, "-w", 32, "-t", 1)["per_s"])
        prober = b.host(0, OPEN + group(peers, interval_ms=1)).start()
        wait_up(prober, FLOOD_PEERS)
        ours.append(most_carried(prober, peers, bares[-1]))
        prober.stop(signal.SIGKILL)
    ratios = [o / r for o, r in zip(ours, bares)]
    b.carried = statistics.median(ours) or b.carried
    b.add("probes_per_s", statistics.median(ours), "/s", None, ours,
          f"answered, {CARRIED * 100:.0f} % of those posted at least", 0)
    b.add("probes_vs_bare", statistics.median(ratios), "x bare", (">=", 0.9), ratios,
          f"bare loop of the same three messages: {statistics.median(bares):.0f}/s; "
          f"sought in steps of {FLOOD_STEP}, as far as {FLOOD_LAST}")


# ---- instructions ----

def count_probe_path(probes, *more):
    out = sh("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
             os.path.join(BENCH, "probe_path"), "-n", str(probes), *more)
    return int(re.search(r"Collected : (\d+)", out).group(1))


def figure_instructions(b):
    """User space alone: the pure rooms, without a kernel, counted by callgrind. What a whole probe
    costs is a figure of load."""
    for name, more in (("rooms", ()), ("rooms_record", ("-r",))):
        each = (count_probe_path(2500, *more) - count_probe_path(500, *more)) / 2000
        b.add(f"instructions_{name}", each, "user instr/probe", None, [],
              "prober and responder" + (", and a record" if more else ""), 0)


# ---- processor and wake-ups ----

class Usage:
    """Processor time and wake-ups of a process since the object was made, by the kernel's
    account."""

    def __init__(self, pid):
        self.pid = pid
        self.begin = self.read()

    def read(self):
        with open(f"/proc/{self.pid}/schedstat") as f:
            cpu_ns = int(f.read().split()[0])
        with open(f"/proc/{self.pid}/status") as f:
            wakeups = int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", f.read(), re.M).group(1))
        return time.monotonic(), cpu_ns, wakeups

    def end(self):
        """(seconds, share of the processor in %, wake-ups/s)"""
        span, cpu_ns, wakeups = (b - a for a, b in zip(self.begin, self.read()))
        return span, cpu_ns / span / 1e7, wakeups / span


def measure_usage(b, name, host, seconds, goal, note=""):
    callbacks = status(host)["loop_callbacks"]
    usage = Usage(host.process.pid)
    time.sleep(seconds)
    span, cpu, wakeups = usage.end()
    callbacks = (status(host)["loop_callbacks"] - callbacks) / span
    b.add(f"wakeups_{name}", wakeups, "/s", goal, [],
          f"voluntary context switches; callbacks of the loop {callbacks:.1f}/s {note}")
    b.add(f"cpu_{name}", cpu, "%", None, [], "of one processor of 1 instruction a nanosecond", 3)
    return cpu


IDLE_S = 30


def figure_idle(b):
    """No peers, tracing on: it only answers. The default configuration."""
    host = b.host(0, "").start()
    until("tracing runs", lambda: status(host)["tracing"] == "on")
    time.sleep(5)
    measure_usage(b, "idle", host, IDLE_S, ("<=", 2), "(with those of asking for it)")


def figure_load(b):
    """The most that a port does by default: 150/s."""
    b.host(1, OPEN).start()
    host = b.host(0, PLAIN + group(b.named(15), interval_ms=100)).start()
    wait_up(host, 15)
    time.sleep(1)
    rate = answered_per_s(host, 5)
    posted = status(host)["probes"]["posted"]
    cpu = measure_usage(b, "150", host, 10, None, f"at {rate['posted']:.0f} probes/s")
    each = cpu * 1e7 * 10 / (status(host)["probes"]["posted"] - posted)
    b.add("cpu_probe", each / 1e3, "us/probe", ("<=", 45), [],
          "of the prober, what the kernel does in its name included")


def figure_many(b):
    """10,000 targets once a second: 160 peers with 63 flow labels each."""
    b.host(1, OPEN).start()
    labels = 63
    peers = b.named(160)
    rate = int(b.carried * 0.5)  # more starves what measures
    host = b.host(0, OPEN + f"max_probes_per_s = {rate};\n" +
                  group(peers, interval_ms=16,
                        flow_labels="(" + ", ".join(map(str, range(1, labels + 1))) + ")"))
    host.start()
    wait_up(host, len(peers))
    targets = status(host)["targets"]
    usage = Usage(host.process.pid)
    sent = answered_per_s(host, 5)
    _, cpu, wakeups = usage.end()
    note = (f"{targets} targets; wanted {targets / (labels * 0.016):.0f}/s, allowed {rate}/s for "
            f"this processor, posted {sent['posted']:.0f}/s, answered {sent['ok']:.0f}/s")
    b.add("wakeups_10000", wakeups, "/s", None, [], note)
    b.add("cpu_10000", cpu, "%", None, [], "of the one processor that both hosts share")


# ---- system calls ----

CALLS_SETTLE_S = 12  # names are looked up again 10 s after the start
CALLS = ((10, 10, 1000, 20), (1000, 20, 20, 3))  # probes/s: peers, interval in ms, seconds
TRACEFS = "/sys/kernel/tracing"


def write_file(path, text):
    with open(path, "w") as f:
        f.write(text)


def counted_calls(pid, seconds):
    """System calls of a thread by name, from a histogram that the kernel makes. strace would slow
    it down, so that it reads more at once and makes fewer."""
    folder = os.path.join(TRACEFS, "events", "raw_syscalls", "sys_enter")
    if not os.path.exists(folder):
        sh("mount", "-t", "tracefs", "tracefs", TRACEFS)
    if not os.path.exists(os.path.join(folder, "hist")):
        raise Unmeasured("this kernel has no histograms of events")
    trigger = f"hist:keys=id.syscall if common_pid == {pid}"
    write_file(os.path.join(folder, "trigger"), trigger)
    time.sleep(seconds)
    with open(os.path.join(folder, "hist")) as f:
        counts = re.findall(r"id: sys_(\w+)\s*\[[ \d]+\] } hitcount:\s+(\d+)", f.read())
    write_file(os.path.join(folder, "trigger"), "!" + trigger)
    return {name: int(n) for name, n in counts}


def add_calls(b, name, calls, n, goal):
    each = sorted(((k / n, call) for call, k in calls.items()), reverse=True)
    b.add(name, sum(k for k, _ in each), "/probe", goal, [],
          ", ".join(f"{call} {k:.1f}" for k, call in each if k >= 0.05))


def bare_calls(b, rate, seconds):
    """The least for a probe and two answers: a program that does nothing else."""
    argv = [os.path.join(BENCH, "ud_bare"), "-s", SIZE, *gids(), "-m", "pingpong", "-r", 2, "-n",
            2 * rate * seconds + 2 * rate, "-i", 1000000 // rate]
    with subprocess.Popen([str(a) for a in argv], stdout=subprocess.DEVNULL) as process:
        time.sleep(1)
        usage = Usage(process.pid)
        calls = counted_calls(process.pid, seconds)
        span, cpu, wakeups = usage.end()
        process.kill()
    n = calls["write"]  # one for each message that it posts
    b.add(f"bare_wakeups_{rate}", wakeups * span / n, "/probe")
    b.add(f"bare_cpu_{rate}", cpu * span * 1e4 / n, "us/probe")
    add_calls(b, f"bare_calls_{rate}", calls, n, None)


def figure_calls(b):
    """System calls and wake-ups a probe, of the loop, once what a start makes is over, and those of
    a bare program. An ACK that interrupts the responder, which is about to send the next one, is a
    wake-up of its own here: there is one processor.

    A probe by itself takes one write (post), epoll_wait and timerfd_settime, and epoll_wait, read
    and ioctl (arm the queue) for the wake-up by ACK1: 6 calls. ACK2 raises no event, so sometimes
    another epoll_wait reads it. Probes that leave together share these. At 10/s, about 1 more call
    a probe is what the daemon does in any case: counters in sysfs, its own use of the processor,
    names, devices. The bare program has no timer, but wakes up for each of the two answers."""
    for rate, _, _, seconds in CALLS:
        bare_calls(b, rate, seconds)
    b.host(1, OPEN).start()
    for rate, peers, interval, seconds in CALLS:
        host = b.host(0, OPEN + "max_probes_per_s = 100000;\n" +
                      group(b.named(peers), interval_ms=interval)).start()
        wait_up(host, peers)
        time.sleep(CALLS_SETTLE_S)
        posted = status(host)["probes"]["posted"]
        usage = Usage(host.process.pid)
        calls = counted_calls(host.process.pid, seconds)
        span, cpu, wakeups = usage.end()
        posted = status(host)["probes"]["posted"] - posted
        slow = rate == CALLS[0][0]
        b.add(f"wakeups_a_probe_{rate}", wakeups * span / posted, "/probe",
              ("<=", 1.5) if slow else None)
        b.add(f"cpu_a_probe_{rate}", cpu * span * 1e4 / posted, "us/probe")
        add_calls(b, f"calls_a_probe_{rate}", calls, posted, ("<=", 5) if slow else None)
        host.stop()


# ---- other programs ----

def send_lat(n):
    """Median round trip of perftest's ib_send_lat, in us: it prints half of it."""
    argv = lambda i: ["ib_send_lat", "-c", "UD", "-e", "-F", "-d", f"rxe{i}", "-x",
                      fabric("gid", i).strip(), "-s", str(SIZE), "-n", str(n)]
    server = subprocess.Popen(argv(1), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(1)
    out = sh(*argv(0), address(1))
    server.wait(harness.PATIENCE_S)
    row = next(line.split() for line in out.splitlines()
               if line.split()[:2] == [str(SIZE), str(n)])
    return 2 * float(row[4])


def fping(n):
    """Mean round trip of fping, in us."""
    out = sh("fping", "-q", "-c", str(n), "-p", str(PAUSE_MS), "-S", address(0), address(1))
    return 1e3 * float(re.search(r"min/avg/max = [^/]*/([0-9.]+)/", out).group(1))


def figure_others(b):
    """What a round trip takes as the asker sees it, and with other programs."""
    need("ib_send_lat")
    need("fping")
    b.host(1).start()
    prober = b.host(0).start()
    prober.ping(address(1), 5, "-i", "0.1")
    ours, theirs, icmp = [], [], []
    for _ in range(b.rounds):
        theirs.append(send_lat(PINGS))
        icmp.append(fping(PINGS))
        ours.append(percentile(pings(prober)[1], 50) / 1e3)
    note = f"T6-T1 {statistics.median(ours):.0f} us"
    b.add("round_trip_vs_send_lat", statistics.median(o / t for o, t in zip(ours, theirs)),
          "x its", None, [o / t for o, t in zip(ours, theirs)],
          f"{note}; ib_send_lat -c UD -e {statistics.median(theirs):.0f} us")
    b.add("round_trip_vs_fping", statistics.median(o / t for o, t in zip(ours, icmp)), "x its",
          None, [o / t for o, t in zip(ours, icmp)],
          f"{note}; fping, ICMP of the kernel {statistics.median(icmp):.0f} us")


# ---- the page of metrics ----

PAGE = "127.0.0.1:9469"
PAGE_PATHS = 1000


def fetched(host):
    """The page, and the processor time of the daemon meanwhile in ms."""
    usage = Usage(host.process.pid)
    with urllib.request.urlopen(f"http://{PAGE}/metrics", timeout=harness.PATIENCE_S) as answer:
        text = answer.read()
    span, cpu, _ = usage.end()
    return text, cpu * span * 10


def figure_page(b):
    """The page of metrics with 1,000 paths, each with measured probes: their histograms are summed
    up, as is the default for so many."""
    b.host(1, OPEN).start()
    host = b.host(0, OPEN + f'metrics = {{ listen = "{PAGE}"; max_paths = {PAGE_PATHS}; }};\n'
                  "max_probes_per_s = 20000;\n" +
                  group(b.named(PAGE_PATHS), interval_ms=5000)).start()
    wait_up(host, PAGE_PATHS)
    until("all paths are there", lambda: fetched(host)[0].count(b"rtt_p99_seconds{") >= PAGE_PATHS,
          limit_s=600, step_s=2)
    pages = [fetched(host) for _ in range(b.rounds)]
    text = pages[-1][0]
    samples = sum(not line.startswith(b"#") for line in text.splitlines())
    b.add("page_1000", len(text) / 1e6, "MB", ("<=", 1), [],
          f"metrics of 1,000 paths, {samples} samples")
    b.add("page_cpu_1000", statistics.median(cpu for _, cpu in pages), "ms", ("<=", 50),
          [cpu for _, cpu in pages], "of the daemon, with what it probes meanwhile", 0)


# ---- memory ----

def rss_mib(host):
    with open(f"/proc/{host.process.pid}/status") as f:
        return int(re.search(r"^VmRSS:\s+(\d+) kB", f.read(), re.M).group(1)) / 1024


def figure_memory(b):
    """Resident memory, registered buffers included. Each target a peer of its own, resolved and
    probed, as far as 1,000."""
    b.host(1, OPEN).start()
    names = b.named(1000)
    text = NO_LIMITS + "timeout_ms = 5000;\nmax_probes_per_s = 20000;\n"
    labels = "(" + ", ".join(map(str, range(1, 11))) + ")"
    for n, peers, more, goal in ((1, names[:1], {}, None), (1000, names, {}, ("<=", 12)),
                                 (10000, names, {"flow_labels": labels}, ("<=", 25))):
        host = b.host(0, text + group(peers, interval_ms=5000, **more))
        host.start()
        wait_up(host, len(peers))
        check(status(host)["targets"] == n, f"{status(host)['targets']} targets instead of {n}")
        until("most have been probed", lambda: status(host)["probes"]["ok"] >= len(peers),
              limit_s=600, step_s=1)
        b.add(f"rss_{n}", rss_mib(host), "MiB", goal, [], f"{len(peers)} peers, tracing on")
        host.stop()


# ---- cluster ----

CLUSTER_S = 60  # two signs of life of central


def cluster_cost(b, host, name):
    time.sleep(5)
    before, usage = status(host)["probes"]["posted"], Usage(host.process.pid)
    time.sleep(CLUSTER_S)
    span, cpu, _ = usage.end()
    rate = (status(host)["probes"]["posted"] - before) / span
    b.add(f"instructions_{name}", cpu * 1e7, "/s", None, [], f"at {rate:.1f} probes/s", 0)
    b.add(f"rss_{name}", rss_mib(host), "MiB", None, [])
    return cpu


def figure_cluster(b):
    """The daemon with a pinglist, and with the same peers from its file. The kernel's work in its
    name is counted, that of broker and central is not."""
    need("mosquitto")
    central = test_cluster.Central(b.test)
    try:
        central.start_broker()
        central.start()
        b.host(1, test_cluster.listed(b.test, 1)).start()
        host = b.host(0, test_cluster.listed(b.test, 0)).start()
        test_cluster.wait_probed(host, [1])
        targets = {t["destination"]: t["interval_ns"] for t in host.json("targets")}
        listed = cluster_cost(b, host, "cluster")
        host.stop()
        peers = ",\n".join(f'{{ address = "{a}"; interval_ms = {ns // 1000000}; }}'
                           for a, ns in targets.items())
        host = b.host(0, PLAIN + f"peers = ({peers});\n").start()
        wait_up(host, len(targets))
        filed = cluster_cost(b, host, "file")
        b.add("cluster_over_file", listed / filed, "", None, [], "instructions, of the two above")
    finally:
        central.end()


# ---- jitter ----

JITTER_TARGETS = 1000
JITTER_PER_S = 2000


def figure_jitter(b):
    """1,000 targets at a rate that the machine carries: how even the probes of a target are."""
    b.host(1, OPEN).start()
    peers, labels = b.named(20), 50
    interval = len(peers) * 1000 // JITTER_PER_S
    host = b.host(0, OPEN + "max_probes_per_s = 100000;\n" +
                  group(peers, interval_ms=interval,
                        flow_labels="(" + ", ".join(map(str, range(labels))) + ")")).start()
    wait_up(host, len(peers))
    time.sleep(1)
    check(status(host)["targets"] == JITTER_TARGETS, "not as many targets as wanted")
    watch = harness.Watch(host)
    time.sleep(1.5)
    records = [r for r in watch.stop() if r["posted"] and r.get("t1_ns")]
    check(len(records) > JITTER_PER_S / 2, f"only {len(records)} records")
    each = JITTER_TARGETS / JITTER_PER_S * 1e9
    last, off = {}, []
    for r in sorted(records, key=lambda r: r["t1_ns"]):
        key = (r["peer"], r["flow_label"])
        if key in last and r["seq"] == last[key]["seq"] + 1:
            off.append(abs(r["t1_ns"] - last[key]["t1_ns"] - each) / 1e6)
        last[key] = r
    check(len(off) > JITTER_TARGETS / 2, f"only {len(off)} pairs of probes")
    b.add("jitter_p99", percentile(off, 99), "ms", None, [],
          f"{JITTER_TARGETS} targets each {each / 1e6:.0f} ms: "
          f"how far two probes of a target ({len(off)} pairs) are from one interval apart, by T1; "
          f"p50 {percentile(off, 50):.3f} ms", 3)


# ---- control socket ----

READ_S = 2


def figure_subscription(b):
    """Records of probes that are not posted, since there is nobody: nothing but making and sending
    records. One reader."""
    n = 40
    host = b.host(0, PLAIN + "max_probes_per_s = 1000000;\n" +
                  group([f"10.0.1.{k + 20}" for k in range(n)], interval_ms=1)).start()
    until("results come", lambda: status(host)["probes"]["sent"] > 1000, limit_s=300)
    rates, losses = [], []
    for _ in range(b.rounds):
        r = json.loads(sh(os.path.join(BENCH, "subscriber"), "-S", host.socket, "-t", str(READ_S)))
        rates.append(r["per_s"])
        losses.append(r["dropped"])
    b.add("records_per_s", statistics.median(rates), "/s", None, rates,
          f"{statistics.median(losses):.0f} of "
          f"{statistics.median(losses) + statistics.median(rates) * READ_S:.0f} dropped, "
          "and counted", 0)


FIGURES = {n[7:]: f for n, f in globals().items() if n.startswith("figure_")}


def measure(b, name):
    b.test = harness.Test()
    print(f"# {name}: {FIGURES[name].__doc__}", flush=True)
    started = time.monotonic()
    try:
        try:
            FIGURES[name](b)
        finally:
            for h in b.test.hosts:
                if h.process:
                    h.stop(signal.SIGKILL)
    except Exception as e:
        b.fail(name, str(e) or type(e).__name__)
        if not isinstance(e, Unmeasured):
            for h in b.test.hosts:
                print(f"--- log of host {h.index} ---\n{h.tail()}", file=sys.stderr)
    print(f"#   took {time.monotonic() - started:.1f} s of the VM's clock", flush=True)


def print_table(results):
    print(f"\n{'figure':<24} {'value':>12} {'unit':<18} {'goal':<8} state")
    for r in results:
        value = ("-" if r["value"] is None else f"{r['value']:g}" if r["value"] < 1e5
                 else f"{r['value']:.0f}")
        print(f"{r['name']:<24} {value:>12} {r['unit']:<18} {r['goal'] or '-':<8} {r['state']}")
    count = lambda state: sum(r["state"] == state for r in results)
    print(f"{count('met')} met, {count('missed')} missed, {count('no goal')} without a goal, "
          f"{count('not measured')} not measured")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--json")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("figures", nargs="*", metavar="FIGURE", choices=[*FIGURES, []])
    args = parser.parse_args()
    b = Bench(args.rounds)
    for name in args.figures or FIGURES:
        measure(b, name)
    if args.json:
        with open(args.json, "w") as f:
            json.dump({"schema": 1, "kernel": os.uname().release, "rounds": args.rounds,
                       "figures": b.results}, f, indent=1)
            f.write("\n")
    print_table(b.results)
    sys.exit(1 if any(r["state"] == "not measured" for r in b.results) else 0)


main()
