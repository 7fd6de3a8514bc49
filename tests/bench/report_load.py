#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""report_load.py [HOSTS...]: the reports of that many hosts (125, 1,250 and 12,500 unless given;
8 ports each, report_load.c) through one mosquitto to one rpingmesh-central, for 45 s each; in the
build directory, or $RPINGMESH_BUILD. Prints what central uses for them."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get("RPINGMESH_BUILD", ".")
SECONDS, WARM = 45, 15
ROWS = 400  # of a host


def kb(pid, key):
    with open(f"/proc/{pid}/status") as f:
        return int(f.read().partition(key + ":")[2].split()[0])


def cpu_s(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def status(directory):
    """A busy machine may need more than the 5 s that rpingmesh-ctl waits."""
    for _ in range(20):
        p = subprocess.run([os.path.join(BUILD, "rpingmesh-ctl"), "-S", f"{directory}/sock",
                            "--json", "status"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if p.returncode == 0:
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


def run(directory, broker, hosts, central, mosquitto):
    load = subprocess.Popen([os.path.join(BUILD, "tests/bench/report_load"), broker, str(hosts),
                             str(SECONDS)], stdout=subprocess.PIPE, text=True)
    time.sleep(WARM)  # each host has been heard for two rounds, and has its rows
    before = status(directory)["reports"], cpu_s(central), cpu_s(mosquitto), time.monotonic()
    instructions = Instructions(central)
    time.sleep(SECONDS - WARM - 5)
    count = instructions.end()
    now = status(directory)
    reports, cpu = now["reports"] - before[0], cpu_s(central) - before[1]
    broker_cpu, span = cpu_s(mosquitto) - before[2], time.monotonic() - before[3]
    sent, size = load.communicate()[0].split()
    rows = reports * ROWS
    print(f"{hosts} hosts, {hosts * 8} ports: {reports / span:.0f} reports/s of "
          f"{int(size) / int(sent):.0f} bytes on average ({int(size) / int(sent) / ROWS:.1f} a "
          f"row)")
    print(f"  central {100 * cpu / span:.1f} % of a core, {1e9 * cpu / rows if rows else 0:.0f} ns "
          f"a row, {f'{count / rows:.0f} instructions a row' if count and rows else ''}"
          f"{kb(central, 'VmRSS') / 1024:10.0f} MB")
    print(f"  mosquitto {100 * broker_cpu / span:.1f} % of a core")
    final = status(directory)
    print(f"  from the start: {cpu_s(central):.1f} s for {final['reports']} reports, "
          f"{1e9 * cpu_s(central) / max(1, final['reports'] * ROWS):.0f} ns a row")
    print(f"  {final['report_rows']} rows; lost {final['reports_lost']}, late "
          f"{final['reports_late']}, refused {final['reports_refused']} of {final['reports']}; "
          f"longest callback {final['loop_stall_max_ns'] / 1e6:.0f} ms "
          f"({final['loop_stall_max_who']})", flush=True)


def one(hosts):
    directory = tempfile.mkdtemp()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    broker = f"mqtt://127.0.0.1:{port}"
    for name, text in (("mosquitto.conf", f"listener {port} 127.0.0.1\nallow_anonymous true\n"
                        "max_queued_messages 100000\nmessage_size_limit 4194304\n"),
                       ("central.conf", f'broker = "{broker}"; socket = "{directory}/sock";\n'
                        'socket_group = "";\n')):
        with open(os.path.join(directory, name), "w") as f:
            f.write(text)
    programs = []
    with open(os.path.join(directory, "log"), "w") as log:
        for argv, name in (("/usr/sbin/mosquitto", "mosquitto"),
                           (os.path.join(BUILD, "rpingmesh-central"), "central")):
            programs.append(subprocess.Popen([argv, "-c", os.path.join(directory, name + ".conf")],
                                             stdout=log, stderr=log))
    try:
        while status(directory)["bus"]["state"] != "connected":
            time.sleep(0.2)
        run(directory, broker, hosts, programs[1].pid, programs[0].pid)
    finally:
        for program in programs:
            program.terminate()
            program.wait()
        shutil.rmtree(directory)


for number in [int(arg) for arg in sys.argv[1:]] or [125, 1250, 12500]:
    one(number)
