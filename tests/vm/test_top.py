#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""rpingmesh-ctl top, matrix and histogram on a network that is slow and lossy to one of two peers.
Needs three hosts in the fabric."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import harness
from harness import Host, address, binomial_interval, check, fabric, sh, until

DELAY_MS = 40
LOSS = 0.2
QUIET = "tracing = { enable = false; };\n"
# Idle RTT under emulation wanders between 0.1 and 20 ms, see test_measure.py.
WANDER_MS = 20


def three(t):
    """Host 0 probes the others; the delay makes 1 sort first only by its figures, its address comes
    first or not."""
    for i in (1, 2):
        Host(t, i, QUIET).start()
    peers = ", ".join(f'{{ address = "{address(i)}"; interval_ms = 100; }}' for i in (2, 1))
    a = Host(t, 0, f"{QUIET}window_s = 2;\npeers = ({peers});").start()
    for i in (1, 2):
        a.wait_peer(address(i), "up")
    return a


def filled(h, since, n=80):
    """The figures of the last 10 seconds are all of what came after `since`, and n results at
    least."""
    until("10 s are over", lambda: time.monotonic() > since + 11)
    until(f"{n} results", lambda: all(p["recent"]["results"] >= n for p in h.json("peers")))


def netem_drops():
    text = sh("tc", "-n", "router", "-s", "qdisc", "show", "dev", "p1")
    return int(re.search(r"dropped (\d+)", text).group(1))


def first_row(text):
    return text.splitlines()[2].split()[0]


def matrix_cell(text, addr):
    """(mark, RTT in ms, loss) of a cell of the default matrix."""
    m = re.search(rf"^{re.escape(addr)} +(\S+) ([\d.]+) (ns|us|ms|s) ([<\d.]+)%", text, re.M)
    check(m, f"no cell of {addr}: {text}")
    return m[1], float(m[2]) * {"ns": 1e-6, "us": 1e-3, "ms": 1,
                                "s": 1e3}[m[3]], float(m[4].lstrip("<")) / 100


def test_slow_peer(t):
    """netem delays and drops what concerns host 1: it sorts first by RTT and by loss, and its cell
    has the delay and the loss.

    What is expected is netem's setting: RTT from DELAY_MS on, for it never sends early, and no more
    than WANDER_MS above; and of n probes lost as many as the 99 % interval of LOSS has, which
    netem's own count of drops bounds. Two runs out of the interval are one in ten thousand."""
    a = three(t)
    os.environ["LC_ALL"] = "C"
    fabric("delay", 1, DELAY_MS, "out")
    fabric("loss", 1, int(LOSS * 100), "in")
    begin = time.monotonic()
    for attempt in range(2):
        filled(a, begin)
        text = a.ctl("matrix", status=0)
        cells = {c["address"]: c for c in a.json("matrix")}
        slow, sound = cells[address(1)], cells[address(2)]
        n = slow["answered"] + slow["lost"]
        low, high = binomial_interval(n, LOSS)
        t.note(f"{slow['lost']} of {n} lost, median RTT {slow['rtt_p50_ns'] / 1e6:.1f} ms; sound: "
               f"{sound['rtt_p50_ns'] / 1e6:.1f} ms")
        if low <= slow["lost"] <= high:
            break
        check(attempt == 0, f"{slow['lost']} of {n} lost twice, expected {low:.0f} to {high:.0f}")
        begin = time.monotonic()
    check(netem_drops() >= slow["lost"],
          f"netem dropped {netem_drops()}, {slow['lost']} are shown as lost")
    check(DELAY_MS <= slow["rtt_p50_ns"] / 1e6 <= DELAY_MS + WANDER_MS,
          f"RTT of the slow peer: {slow['rtt_p50_ns']} ns")
    check(sound["rtt_p50_ns"] / 1e6 < DELAY_MS / 2 and sound["lost"] == 0,
          f"the sound peer: {sound}")
    mark, rtt_ms, loss = matrix_cell(text, address(1))
    check(mark == "d" and DELAY_MS <= rtt_ms <= DELAY_MS + WANDER_MS and 0.05 < loss < 0.4,
          f"{text}")
    mark, rtt_ms, loss = matrix_cell(text, address(2))
    check(mark == "a" and rtt_ms < DELAY_MS / 2 and loss == 0, f"{text}")
    for sort, first in (("rtt", 1), ("p99", 1), ("loss", 1), ("worst", 1), ("name", 1)):
        check(first_row(a.ctl("top", "--once", "--sort", sort, status=0)) == address(first),
              f"by {sort}: not host {first} first")
    text = a.ctl("top", "--once", "--sort", "rtt", "--reverse", status=0)
    check(first_row(text) == address(2), f"in reverse: {text}")
    check([r["address"] for r in a.json("top", "--once", "--sort", "rtt")] ==
          [address(1), address(2)], "as JSON")
    print(a.ctl("top", "--once"), a.ctl("matrix"), sep="\n")


def test_histogram(t):
    """All that a histogram of the delayed path counts lies at the delay or above, and is as much as
    the merged windows have."""
    a = three(t)
    fabric("delay", 1, DELAY_MS, "out")
    until("a window of the delay alone",
          lambda: (w := [x for x in a.json("windows") if x["peer"] == address(1)]) and
          (w[0]["rtt"]["min_ns"] or 0) >= DELAY_MS * 1e6)
    watcher = subprocess.Popen(a.ctl_argv("--json", "windows", "--follow"), stdout=subprocess.PIPE,
                               text=True)
    got = a.json("histogram", "-c", 3, address(1), status=0)
    time.sleep(3)
    watcher.terminate()
    windows = [w for w in map(harness.json.loads, watcher.communicate()[0].splitlines())
               if w["peer"] == address(1)]
    check(len(got) == 1 and got[0]["windows"] == 3, f"{got}")
    h = got[0]
    check(h["end_ns"] - h["start_ns"] == 6 * 10**9,
          f"three windows of 2 s: {h['end_ns'] - h['start_ns']} ns")
    check(h["min_ns"] >= DELAY_MS * 1e6, f"min {h['min_ns']}: earlier than netem sends")
    check(sum(r["count"] for r in h["rows"]) == h["count"] and
          all(r["count"] == 0 or r["high_ns"] >= DELAY_MS * 1e6 for r in h["rows"]), f"{h}")
    inside = [w["rtt"]["count"] for w in windows if h["start_ns"] < w["start_ns"] < h["end_ns"]]
    check(len(inside) == 2 and 0 < sum(inside) < h["count"],
          f"{inside} of the windows that followed, {h['count']} in all")
    text = a.ctl("histogram", address(1), status=0)
    check(f"-> {address(1)} (host1)" in text and "#" in text, text)
    os.environ["LC_ALL"] = "C.UTF-8"
    print(a.ctl("histogram", "--rows", 12, address(1)))


class Screen:
    """rpingmesh-ctl top on a terminal of 24 x 100."""

    def __init__(self, host):
        self.text = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm", LC_ALL="C")
            time.sleep(0.3)
            argv = host.ctl_argv("top", "-d", "0.5")
            os.execv(argv[0], argv)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))

    def shows(self, pattern, limit_s=60):
        """Waits for what is drawn from now on."""
        self.text, end = "", time.monotonic() + limit_s
        while not re.search(pattern, self.text, re.S):
            check(time.monotonic() < end,
                  f"the screen never shows {pattern}: {self.text[-2000:]!r}")
            if select.select([self.fd], [], [], 1)[0]:
                self.text += os.read(self.fd, 65536).decode()
        return self.text

    def quit(self):
        os.write(self.fd, b"q")
        self.shows(r"\x1b\[\?1049l")
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_daemon_restarts(t):
    """The screen outlives the daemon: it says that there is none, and goes on with the next."""
    a = three(t)
    s = Screen(a)
    s.shows("2 peers, 2 up, 0 not.*" + re.escape(address(1)))
    s.shows("RTT TREND")
    a.send_signal(signal.SIGKILL)
    a.process.wait()
    a.process = None
    s.shows(r"No daemon since \d\d:\d\d:\d\d, figures are of \d\d:\d\d:\d\d: ")
    a.start()
    until("the peers are up again", lambda: all(p["state"] == "up" for p in a.json("peers")))
    s.shows("2 peers, 2 up.*LOSS and times: last")
    check(s.quit() == 0, "the exit status is not 0")


if __name__ == "__main__":
    harness.main(globals())
