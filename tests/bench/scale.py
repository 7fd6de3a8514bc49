#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""scale.py [--reports] [HOSTS...]: what rpingmesh-central costs from 16 to 100,000
ports (2 to 12,500 hosts of 8 ports, 64 under a ToR switch, unless given), as one table of Markdown.

Runs tests/bench/plan, central and intake_cost of the build directory, or $RPINGMESH_BUILD (make
bench-scale makes them). The column "growth" is the power of the number of ports with which a figure
grows, from the last but one size to the last that were measured; goals are for the last. --reports:
also the reports of these hosts through one broker (report_load.py), two minutes each, up to 10,000
ports; sizes above need gigabytes and are run if they are given. Processor time is that of the
process, so a busy machine changes it little. A figure that was not measured is "-"; 0 s is less
than 5 ms.

Exit status: 0 if all was measured, whether goals were met or not."""

import argparse
import datetime
import math
import os
import re
import subprocess
import sys

BUILD = os.environ.get("RPINGMESH_BUILD", ".")
HERE = os.path.dirname(os.path.abspath(__file__))
RAILS = 8
POD = 64                 # hosts under one ToR switch of each rail
STREAMS_MAX = 1250       # hosts: intake_cost keeps all rows of all rounds, 600 bytes each
REPORTS_MAX = 1250       # hosts, unless given
REPORTS_S = 90

# (program, its name of it): (what the table says, unit, at most)
FIGURES = {
    ("central", "central_first"): ("all lists, processor time", "s", 5),
    ("central", "central_lists"): ("all lists, size", "MB", None),
    ("central", "central_join_median"): ("one host joins, processor time", "ms", None),
    ("central", "central_join_lists_median"): ("one host joins, lists that change", "%", 1),
    ("central", "central_memory"): ("memory without reports", "MiB", 1024),
    ("plan", "first"): ("of this the plan: all lists", "s", 5),
    ("plan", "join_median"): ("of this the plan: one host joins", "ms", 10),
    ("plan", "crowd_step_max"): ("longest step while a crowd comes", "ms", 50),
    ("plan", "coverage_least"): ("paths covered at least, promised 0.99", "", None),
    ("intake", "bytes"): ("a row of a report, in the message", "bytes", None),
    ("intake", "ns"): ("a row of a report, processor time", "ns", None),
    ("intake", "memory"): ("a stream of a report, memory", "bytes", None),
    ("reports", "core"): ("reports every 5 s: of a processor", "%", None),
    ("reports", "memory"): ("the same: resident", "MB", None),
    ("reports", "judged"): ("window of 20 s judged after", "ms", 1000),
    ("reports", "stall"): ("longest callback", "ms", None),
    ("reports", "lost"): ("reports lost or refused", "", 0),
}


def run(*argv):
    p = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if p.returncode:
        sys.exit(f"scale: {' '.join(argv)} has ended with {p.returncode}:\n{p.stdout}")
    return p.stdout


def bench(name):
    return os.path.join(BUILD, "tests/bench", name)


def lines(program, hosts):
    """Figures of a program that prints: name, value, unit, goal."""
    pods = max(1, math.ceil(hosts / POD))
    for line in run(bench(program), str(hosts), str(pods)).splitlines():
        fields = line.split()
        if len(fields) == 4:
            yield fields[0], float(fields[1])


def intake(hosts):
    if hosts > STREAMS_MAX:
        return
    text = run(bench("intake_cost"), str(hosts), str(max(5, min(200, 5000 // hosts))))
    m = re.search(r"([\d.]+) bytes, (\d+) ns a row; (\d+) bytes of memory", text)
    yield from zip(("bytes", "ns", "memory"), map(float, m.groups()))


def reports(hosts):
    text = run(sys.executable, "-B", os.path.join(HERE, "report_load.py"), "--seconds",
               str(REPORTS_S), str(hosts))
    part = text[text.index("reports/s"):]
    m = re.search(r"central ([\d.]+) % of a core.*, (\d+) MB, at most", part)
    yield "core", float(m[1])
    yield "memory", float(m[2])
    m = re.search(r"window of 20 s: .*, (\d+) ms in all", part)
    if m:
        yield "judged", float(m[1])
    m = re.search(r"lost (\d+), late \d+, refused (\d+) .* longest callback (\d+) ms", part)
    yield "stall", float(m[3])
    yield "lost", float(m[1]) + float(m[2])


def measure(hosts, with_reports):
    parts = {"plan": lines("plan", hosts), "central": lines("central", hosts),
             "intake": intake(hosts)}
    if with_reports:
        parts["reports"] = reports(hosts)
    found = {(part, name): value for part, figures in parts.items() for name, value in figures}
    print(f"scale: {hosts} hosts measured", file=sys.stderr)
    return {key: found[key] for key in FIGURES if key in found}


def growth(sizes, values):
    """The power, from the last two sizes of which there is a value that is not too small."""
    known = [(n, v) for n, v in zip(sizes, values) if v]
    if len(known) < 2:
        return "-"
    (n, a), (m, b) = known[-2:]
    return f"{math.log(b / a) / math.log(m / n):.2f}"


def number(value):
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def table(sizes, columns):
    ports = [n * RAILS for n in sizes]
    print("| figure | unit | " + " | ".join(f"{n:,} ports" for n in ports) +
          " | growth | goal |\n| --- | --- |" + " --- |" * (len(ports) + 2))
    for key, (name, unit, goal) in FIGURES.items():
        values = [column.get(key) for column in columns]
        if not any(v is not None for v in values):
            continue
        last = [v for v in values if v is not None][-1]
        told = "-" if goal is None else f"{goal:,}: " + ("met" if last <= goal else "missed")
        print(f"| {name} | {unit} | " + " | ".join(map(number, values)) +
              f" | {growth(ports, values)} | {told} |")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--reports", action="store_true")
    parser.add_argument("hosts", nargs="*", type=int)
    args = parser.parse_args()
    sizes = sorted(args.hosts or [2, 12, 125, 1250, 12500])
    columns = [measure(n, args.reports and (args.hosts or n <= REPORTS_MAX)) for n in sizes]
    print(f"\nMeasured {datetime.date.today()}, {os.cpu_count()} processors, load "
          f"{os.getloadavg()[0]:.0f} at the end:\n")
    table(sizes, columns)


if __name__ == "__main__":
    main()
