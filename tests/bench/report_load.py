#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""report_load.py [--seconds N] [--broken] [--page] [HOSTS...]: the registrations, paths and reports
of that many hosts (125, 1,250 and 12,500 unless given; 8 ports each, report_load.c) through one
mosquitto to one rpingmesh-central, in the build directory, or $RPINGMESH_BUILD. Prints what central
uses for them. --seconds: of reports, 60 unless given. --broken: a switch loses probes in the second
half. --page: and what a browser needs to show them (page_load.py), while reports go on. Processor
time is that of the process, so a busy machine does not change it; durations are wall time, and it
does."""

import argparse
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import page_load

BUILD = os.environ.get("RPINGMESH_BUILD", ".")
ROWS = 400  # of a host
PAGE_S = 200 # what page_load.py takes at most, and the reports go on
WARM = 12   # seconds: each host has been heard for two rounds, and has its rows


def kb(pid, key):
    with open(f"/proc/{pid}/status") as f:
        text = f.read()
    if key not in text:
        raise SystemExit(f"process {pid} has ended")
    return int(text.partition(key + ":")[2].split()[0])


def cpu_of(path):
    with open(path) as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_s(pid):
    return cpu_of(f"/proc/{pid}/stat")


def loop_s(pid):
    """Of the main thread, which runs the loop."""
    return cpu_of(f"/proc/{pid}/task/{pid}/stat")


def status(directory):
    """A busy machine may need more than the 5 s that rpingmesh-ctl waits."""
    for _ in range(60):
        p = subprocess.run([os.path.join(BUILD, "rpingmesh-ctl"), "-S", f"{directory}/sock",
                            "--json", "status"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if p.stdout.strip():  # its exit status says whether something is degraded
            return json.loads(p.stdout)
        time.sleep(0.5)
    raise SystemExit(p.stderr.decode())


class Instructions:
    """perf stat of a process, where the kernel and the machine let us."""

    def __init__(self, pid):
        self.perf = None
        if shutil.which("perf"):
            self.perf = subprocess.Popen(
                ["perf", "stat", "-x,", "-e", "instructions", "-p", str(pid)],
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def end(self):
        """None: unknown."""
        if not self.perf:
            return None
        if self.perf.poll() is None:
            self.perf.send_signal(2)
        text = self.perf.communicate()[1]
        counts = [line.split(",")[0] for line in text.splitlines() if "instructions" in line]
        return int(counts[0]) if counts and counts[0].isdigit() else None


class Log:
    """What central says at level debug: stalls, and how long judgements took."""

    def __init__(self, path):
        self.file = open(path)

    def print(self, title):
        stalls, windows = {}, {}
        for line in self.file.read().splitlines():
            m = re.search(r"(\S+) has kept the others waiting for \d+ ms, (\d+) ms of", line)
            if m and int(m[2]) >= 10:
                stalls.setdefault(m[1], []).append(int(m[2]))
            m = re.search(r"window of (\d+) s: (\d+) rows collected in (\d+) ms of the loop, "
                          r"judged in (\d+) ms, (\d+) ms in all", line)
            if m:
                windows.setdefault(int(m[1]), []).append([int(x) for x in m.groups()[1:]])
            if re.search(r" (error|warning) |incident ", line):
                print("   ", line)
        print(f"  {title}: callbacks of 10 ms or more of processor time: " + (", ".join(
            f"{who} {len(ms)} (longest {max(ms)} ms)"
            for who, ms in sorted(stalls.items(), key=lambda s: -max(s[1]))) or "none"))
        for window, cases in sorted(windows.items()):
            last = cases[-1]
            print(f"    window of {window} s: {len(cases)} times; the last one: {last[0]} rows, "
                  f"loop {last[1]} ms, worker {last[2]} ms, {last[3]} ms in all")
        sys.stdout.flush()


def phase(load, log, pid, name, title):
    """Waits until the load begins with this."""
    start, cpu = time.monotonic(), cpu_s(pid)
    while load.stdout.readline().strip() != name:
        if load.poll() is not None:
            raise SystemExit(f"report_load has ended with {load.returncode}")
    if title:
        print(f"  {title}: {time.monotonic() - start:.0f} s, central {cpu_s(pid) - cpu:.1f} s of "
              f"processor time, {kb(pid, 'VmRSS') / 1024:.0f} MB")
        log.print(title)


def run(args, directory, broker, hosts, central, mosquitto):
    log = Log(os.path.join(directory, "log"))
    seconds = args.seconds + (PAGE_S if args.page else 0)
    argv = [os.path.join(BUILD, "tests/bench/report_load"), broker, str(hosts), str(seconds)]
    load = subprocess.Popen(argv + (["broken"] if args.broken else []), stdout=subprocess.PIPE,
                            text=True)
    print(f"{hosts} hosts, {hosts * 8} ports")
    phase(load, log, central, "registrations", None)
    phase(load, log, central, "paths", "registrations")
    phase(load, log, central, "reports", "paths")
    time.sleep(WARM)
    before = (status(directory)["reports"], cpu_s(central), cpu_s(mosquitto), cpu_s(load.pid),
              loop_s(central), time.monotonic())
    instructions = Instructions(central)
    time.sleep(args.seconds - WARM - 5)
    count = instructions.end()
    now = status(directory)
    reports, cpu, loop = (now["reports"] - before[0], cpu_s(central) - before[1],
                          loop_s(central) - before[4])
    broker_cpu, load_cpu = cpu_s(mosquitto) - before[2], cpu_s(load.pid) - before[3]
    span = time.monotonic() - before[5]
    if args.page:
        page_load.measure(f"http://127.0.0.1:{args.port}", free_port())
    sent, size, behind = load.communicate()[0].split()
    rows = max(1, reports * ROWS)
    print(f"  {reports / span:.0f} reports/s of {int(size) / int(sent):.0f} bytes on average "
          f"({int(size) / int(sent) / ROWS:.1f} a row)")
    print(f"  central {100 * cpu / span:.1f} % of a core (loop {100 * loop / span:.1f} %), "
          f"{1e9 * cpu / rows:.0f} ns a row"
          f"{f', {count / rows:.0f} instructions a row' if count else ''}, "
          f"{kb(central, 'VmRSS') / 1024:.0f} MB, at most {kb(central, 'VmHWM') / 1024:.0f} MB")
    print(f"  mosquitto {100 * broker_cpu / span:.1f} %, load {100 * load_cpu / span:.1f} % of a "
          f"core; the load was {behind} s late at most")
    log.print("reports")
    final = status(directory)
    print(f"  {final['report_rows']} rows, {final['paths']} paths; lost {final['reports_lost']}, "
          f"late {final['reports_late']}, refused {final['reports_refused']} of "
          f"{final['reports']} ({sent} sent); longest callback "
          f"{final['loop_stall_max_ns'] / 1e6:.0f} ms ({final['loop_stall_max_who']})", flush=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def one(args, hosts):
    directory = tempfile.mkdtemp()
    port, args.port = free_port(), free_port()
    broker = f"mqtt://127.0.0.1:{port}"
    for name, text in (("mosquitto.conf", f"listener {port} 127.0.0.1\nallow_anonymous true\n"
                        "max_queued_messages 100000\nmessage_size_limit 4194304\n"),
                       ("central.conf", f'broker = "{broker}"; socket = "{directory}/sock";\n'
                        'socket_group = ""; max_hosts = 20000; rails_isolated = true;\n'
                        f'paths = 64; database = "{directory}/db"; log = {{ level = "debug"; }};\n'
                        f'listen = "127.0.0.1:{args.port}";\n')):
        with open(os.path.join(directory, name), "w") as f:
            f.write(text)
    programs = []
    for argv, name in (("/usr/sbin/mosquitto", "mosquitto"),
                       (os.path.join(BUILD, "rpingmesh-central"), "central")):
        with open(os.path.join(directory, "log" if name == "central" else "other"), "w") as log:
            programs.append(subprocess.Popen([argv, "-c", os.path.join(directory, name + ".conf")],
                                             stdout=log, stderr=log))
    try:
        while status(directory)["bus"]["state"] != "connected":
            time.sleep(0.2)
        run(args, directory, broker, hosts, programs[1].pid, programs[0].pid)
    finally:
        for program in programs:
            ended = program.poll()
            if ended is not None:
                print(f"{program.args[0]} has ended with {ended}; its last words:")
                with open(os.path.join(directory, "log")) as f:
                    print("".join(f.readlines()[-5:]))
            program.terminate()
            program.wait()
        shutil.rmtree(directory)


parser = argparse.ArgumentParser()
parser.add_argument("--seconds", type=int, default=60)
parser.add_argument("--broken", action="store_true")
parser.add_argument("--page", action="store_true")
parser.add_argument("hosts", type=int, nargs="*", default=[125, 1250, 12500])
arguments = parser.parse_args()
for number in arguments.hosts:
    one(arguments, number)
