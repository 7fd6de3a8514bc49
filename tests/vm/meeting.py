# SPDX-License-Identifier: Apache-2.0
"""Cases that run on two machines of tests/vm/run --machines 2 at once: how they meet."""

import contextlib
import functools
import os
import signal
import subprocess

from harness import MACHINE, Capture, Failure, check

OTHER = 3 - MACHINE
# A machine that fails its half goes to the end of the case and waits there; so the other one's wait
# has an end.
MEET_S = 240
case_name = ""


def meet(name, limit_s=MEET_S):
    """Barriers count who has come: each case has its own, so that one that failed before a barrier
    puts no later one out of step."""
    p = subprocess.run(["machine-barrier", f"{case_name}.{name}", str(limit_s)],
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    check(p.returncode == 0, f"the other machine does not come to {name}: {p.stdout.strip()}")


def both(f):
    """A case that ends on both machines at once, also when one of them has failed."""
    @functools.wraps(f)
    def case(t):
        global case_name
        case_name = f.__name__
        try:
            f(t)
        except Exception:
            # Why this one has failed matters more than that the other one does not come.
            with contextlib.suppress(Failure):
                meet("end")
            raise
        meet("end")
    return case


def address_of(machine, family=4):
    return f"10.77.0.{machine}" if family == 4 else f"fd00:77::{machine}"


class WireCapture(Capture):
    """RoCE packets at this machine's end of the wire."""

    def start(self):
        self.tcpdump = subprocess.Popen(["tcpdump", "-i", "eth0", "-n", "-U", "--immediate-mode",
                                         "-B", "8192", "-Z", "root", "-w", self.path, "udp", "port",
                                         "4791"], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        text=True)
        check("listening on" in self.tcpdump.stderr.readline(), "tcpdump does not start")

    def stop(self):
        self.tcpdump.send_signal(signal.SIGINT)
        self.tcpdump.communicate()


def only_two(program):
    if MACHINE == 0 or os.environ["RPINGMESH_MACHINES"] != "2":
        raise SystemExit(f"{program}: run it with tests/vm/run --machines 2")
