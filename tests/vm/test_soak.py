#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An accelerated soak: everything that may happen in weeks, in minutes. SOAK_MIN is how long,
default 2 minutes.

Host 0 is watched. Rounds of storms: its peers restart and lose their cables, its own link goes
down, its configuration is read again, pings and control clients come, stall and go, QPs of services
come and go, the wall clock jumps. Each round ends in the same calm, and then memory and descriptors
must be what they were after the warm-up."""

import os
import random
import signal
import socket
import subprocess
import time

import harness
from harness import BUILD, DAEMON, Host, address, check, fabric, until

MINUTES = float(os.environ.get("SOAK_MIN", "2"))
with open(DAEMON, "rb") as program:
    SANITIZED = b"__asan_init" in program.read()
QPGEN = os.path.join(BUILD, "tests/vm/qpgen")
QUIET = "tracing = { enable = false; };\n"
# What malloc and the control buffers may sway by; a leak of 16 bytes for each probe would show in
# half an hour. What of that is in RAM sways by a huge page. A sanitizer keeps what was freed, 1 MB
# below, and every stack that ever allocated.
DATA_KIB = 512
ANON_KIB = 4096


def base(interval_ms=25, more=""):
    return (f'peers = ({{ address = "{address(1)}"; interval_ms = {interval_ms}; }}, {{ address = '
            f'"{address(2)}"; interval_ms = 50; }}{more});\nlog = {{ peer = "error"; }};\n')


# What is read again: other intervals, peers that do not exist, flow labels, a file that is refused.
RELOADS = (base(10), base(40, ', "10.0.9.9", "no-such-host.invalid"'),
           base(25, f', {{ address = "{address(2, 6)}"; flow_labels = (1, 2, 3); sizes = (50, '
                f'1024); interval_ms = 20; }}'), base() + "timeout_ms = 300;\n",
           "peers = ( nonsense", base(100) + QUIET)


class Stalled:
    """A client that asks for everything and reads nothing."""

    FRAMES = (b"\x94\x00\x01\xa9subscribe\x90", b"\x94\x00\x01\xa5peers\x90" * 200, b"\xc1" * 100,
              b"\x94\x00\x01\xa5pe", b"",
              b"\x94\x00\x01\xa6events\x90" + b"\x94\x00\x02\xa5flows\x90" * 100)

    def __init__(self, host, number):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(host.socket)
        self.socket.setblocking(False)
        try:
            self.socket.send(self.FRAMES[number % len(self.FRAMES)])
        except (BlockingIOError, BrokenPipeError, ConnectionResetError):
            pass

    def end(self):
        self.socket.close()


class Soak:
    def __init__(self, t):
        self.t = t
        self.rng = random.Random(7)
        sanitizer = os.environ.get("ASAN_OPTIONS",
                                   "") + ":quarantine_size_mb=1:malloc_context_size=5"
        self.a = Host(t, 0, base(), {"ASAN_OPTIONS": sanitizer}).start()
        self.peers = [Host(t, i, f'{QUIET}peers = ("{address(0)}");\n').start() for i in (1, 2)]
        self.counts = {}
        self.wall = time.time() - time.monotonic()
        self.samples = []

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    def spawn(self, *argv):
        return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)

    # --- storms: each does its worst and undoes it ---

    def restart_peer(self):
        host = self.rng.choice(self.peers)
        host.stop(self.rng.choice((signal.SIGKILL, signal.SIGTERM)))
        host.start(wait=self.rng.random() < 0.5)

    def reload(self):
        for text in self.rng.sample(RELOADS, 3):
            self.a.configure(text)
            self.a.send_signal(signal.SIGHUP)
            time.sleep(0.2)

    def flap(self):
        """Only host 2 loses what it was sent: host 0's own link makes local errors."""
        host, how = self.rng.choice(((2, "cable"), (2, "admin"), (0, "admin"), (0, "cable")))
        fabric("down", host, how)
        time.sleep(self.rng.random())
        fabric("link-up", host)

    def clients(self):
        clients = [Stalled(self.a, i) for i in range(12)]
        for command in ("peers", "targets", "devices", "flows"):
            self.a.ctl(command)
        for c in clients:
            c.end()

    def pings(self):
        pings = [self.spawn(*self.a.ctl_argv("ping", address(host), "-c", 20, "-i", 0.02))
                 for host in (1, 1, 2, 2)]
        pings[0].terminate()
        self.a.ctl("ping", address(1), "-c", 5, "-i", "0.01")
        for p in pings[:3]:
            p.kill()
        pings[3].send_signal(signal.SIGINT)
        for p in pings:
            p.wait()

    def qps(self):
        gids = [fabric("gid", i).strip() for i in (0, 1)]
        ends = ("rxe0", gids[0], "rxe1", gids[1])
        churn = self.spawn(QPGEN, *ends, "--churn", "100")
        pairs = self.spawn(QPGEN, *ends, "--pairs", "4", "--send", "3", "--flow-label",
                           str(self.rng.randrange(1, 1 << 20)))
        for p in (churn, pairs):
            p.wait()

    def step_clock(self):
        for step_s in (self.rng.choice((-3600, -2, 2, 86400)), 0):
            time.clock_settime(time.CLOCK_REALTIME, self.wall + time.monotonic() + step_s)
            time.sleep(0.5)

    STORMS = (restart_peer, reload, flap, clients, pings, qps, step_clock)

    # --- calm ---

    def calm(self):
        self.a.configure(base())
        self.a.send_signal(signal.SIGHUP)
        for host in self.peers:
            until("the peer lives", lambda h=host: h.alive() and h.try_status())
        until("two peers are left", lambda: self.a.alive() and len(self.a.json("peers")) == 2 and
              not self.a.json("flows"))
        for i in (1, 2):
            self.a.wait_peer(address(i), "up")
        until("no client is left", lambda: self.a.status()["control"]["clients"] == 1)
        time.sleep(1.5)

    def sample(self):
        """Seconds; KiB of anonymous memory in RAM, and of data segments; descriptors."""
        pid = self.a.process.pid
        with open(f"/proc/{pid}/status") as f:
            fields = dict(line.split(":", 1) for line in f)
        self.samples.append((time.monotonic(), int(fields["RssAnon"].split()[0]),
                             int(fields["VmData"].split()[0]), len(os.listdir(f"/proc/{pid}/fd"))))

    def no_loss(self):
        p = self.a.peer(address(1))
        check(not any(p[c] for c in harness.LOST), f"lost without a loss: {p}")

    def round(self):
        for storm in self.rng.sample(self.STORMS, len(self.STORMS)):
            storm(self)
            self.count(storm.__name__)
            self.a.alive()
        self.calm()
        self.sample()
        self.no_loss()


def test_soak(t):
    """Memory and descriptors stay flat, nothing is lost without a loss, and the daemon ends
    cleanly."""
    s = Soak(t)
    started = time.monotonic()
    s.calm()
    # A third of the time, and two rounds at least, to warm up; two more at least to leak in.
    while time.monotonic() < started + MINUTES * 20 or len(s.samples) < 2:
        s.round()
    warm = s.samples[-3:]
    while time.monotonic() < started + MINUTES * 60 or len(s.samples) < len(warm) + 3:
        s.round()
    last = s.samples[-2:]
    for at, anon, data, fds in s.samples:
        t.note(f"{at - started:6.0f} s: RssAnon {anon} KiB, VmData {data} KiB, {fds} descriptors")
    t.note(f"{len(s.samples)} rounds: {s.counts}; totals {s.a.status()['probes']}")
    anon, data, fds = ([min(x[i] for x in last) - max(x[i] for x in warm) for i in (1, 2, 3)])
    t.note(f"from the warm-up to the end: RssAnon {anon:+} KiB, VmData {data:+} KiB, "
           f"descriptors {fds:+}")
    check(fds <= 0, f"{fds} descriptors more")
    check(anon <= ANON_KIB, f"{anon} KiB more in use")
    check(SANITIZED or data <= DATA_KIB, f"{data} KiB more allocated")


if __name__ == "__main__":
    harness.main(globals())
