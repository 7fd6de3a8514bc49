# SPDX-License-Identifier: Apache-2.0
"""Daemons on the hosts of the fabric, rpingmesh-ctl against them, and test cases with a count at
the end.

A test file defines functions test_*(t) and ends with harness.main(globals()). It runs inside the
test VM: tests/vm/run --hosts 3 -- tests/vm/test_measure.py [CASE...]. Each case gets a fresh pair
of daemons unless it starts its own. The programs are those of $RPINGMESH_BUILD (default: the
working directory)."""

import functools
import json
import os
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("RPINGMESH_BUILD", os.getcwd())
# Which one of several machines this is, of tests/vm/run --machines; 0: the fabric's hosts all lie
# in this one.
MACHINE = int(os.environ.get("RPINGMESH_MACHINE", 0))
DAEMON = os.path.join(BUILD, "rpingmeshd")
CTL = os.path.join(BUILD, "rpingmesh-ctl")
# Everything is emulated, and slow: a limit only ends what hangs.
PATIENCE_S = 90


# Classes that count as loss, as the manual has them, and the others.
LOST = ("lost", "ack1_missing", "ack2_missing")
CLASSES = ("ok", "late", "peer_restarted", "peer_down", "unresolved", "local_error",
           "refused", "unreachable") + LOST


class Failure(Exception):
    pass


class Skip(Exception):
    pass


def check(condition, message):
    if not condition:
        raise Failure(message)


def sh(*argv, ok=True, limit_s=PATIENCE_S):
    """Runs a command, returns its output; a failure fails the test."""
    p = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                       timeout=limit_s)
    if ok and p.returncode:
        raise Failure(f"{' '.join(argv)}: exit {p.returncode}: {p.stdout.strip()[-500:]}")
    return p.stdout


def fabric(*argv):
    return sh(os.path.join(HERE, "fabric"), *[str(a) for a in argv])


def fabric_hosts():
    """How many hosts of the fabric lie in this machine."""
    try:
        with open("/run/fabric/hosts") as f:
            return int(f.read())
    except FileNotFoundError:
        return 0


@functools.lru_cache(maxsize=None)
def address(i, family=4):
    return fabric("addr", i, family).strip()


def until(what, condition, limit_s=PATIENCE_S, step_s=0.2):
    """Waits until condition() is true; returns what it returned."""
    end = time.monotonic() + limit_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"waited {limit_s} s in vain: {what}")
        time.sleep(step_s)


def child_of(pid):
    """The only process that this one has made: the tracing helper, if it is a daemon."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as f:
                if f.read().rpartition(")")[2].split()[1] == str(pid):
                    found.append(int(entry))
        except OSError:
            pass  # it has ended
    check(len(found) == 1, f"process {pid} has the children {found}")
    return found[0]


class Host:
    """rpingmeshd on one host of the fabric. `text` is added to its configuration."""

    def __init__(self, t, index, text="", env=None):
        self.index = index
        self.dir = os.path.join(t.dir, f"h{index}")
        os.makedirs(self.dir, exist_ok=True)
        self.conf = os.path.join(self.dir, "rpingmeshd.conf")
        self.socket = os.path.join(self.dir, "rpingmeshd.sock")
        self.log_path = os.path.join(self.dir, "log")
        self.process = None
        self.build = BUILD
        self.env = dict(os.environ, **(env or {}))
        self.configure(text)
        t.hosts.append(self)

    def configure(self, text):
        with open(self.conf, "w") as f:
            f.write(f'hostname = "host{self.index}";\n')
            f.write(f'socket = "{self.socket}";\nsocket_group = "";\n')
            if "devices" not in text:
                f.write(f'devices = ("rxe{0 if MACHINE else self.index}");\n')
            # The emulated machine is 10 to 50 times slower than hardware: what a test wants to be
            # sent is to be sent.
            if "limits" not in text:
                f.write("limits = { cpu_percent = 0; };\n")
            f.write(text + "\n")

    def start(self, wait=True, prefix=()):
        """prefix: a program, with arguments, that runs the daemon."""
        with open(self.log_path, "a") as log:
            daemon = os.path.join(self.build, "rpingmeshd")
            self.process = subprocess.Popen([*prefix, daemon, "-c", self.conf],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=self.env)
        if wait:
            until(f"host {self.index} answers on its socket",
                  lambda: self.alive() and self.try_status())
        return self

    def alive(self):
        check(self.process.poll() is None, f"rpingmeshd of host {self.index} ended with "
              f"{self.process.returncode}: {self.tail()}")
        return True

    def send_signal(self, signo):
        self.process.send_signal(signo)

    def stop(self, signo=signal.SIGTERM):
        """Ends the daemon; returns its exit status."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signo)
        try:
            status = self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Failure(f"rpingmeshd of host {self.index} does not stop: {self.tail()}")
        self.process = None
        return status

    def log(self):
        if not os.path.exists(self.log_path):
            return "(none)"
        with open(self.log_path) as f:
            return f.read()

    def tail(self):
        return self.log()[-3000:]

    def ctl_argv(self, *argv):
        ctl = os.path.join(self.build, "rpingmesh-ctl")
        return [ctl, "-S", self.socket] + [str(a) for a in argv]

    def ctl(self, *argv, status=None):
        """rpingmesh-ctl's output as text; its exit status must be `status` (None: any)."""
        p = subprocess.run(self.ctl_argv(*argv), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           text=True, timeout=4 * PATIENCE_S)
        self.errors = p.stderr
        if status is not None:
            check(p.returncode == status,
                  f"ctl {argv}: exit {p.returncode}, expected {status}: {p.stdout} {p.stderr}")
        return p.stdout

    def json(self, *argv, status=None):
        return [json.loads(line) for line in self.ctl("--json", *argv, status=status).splitlines()]

    def try_status(self):
        p = subprocess.run(self.ctl_argv("--json", "status"), stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL, text=True)
        return json.loads(p.stdout) if p.returncode in (0, 1) and p.stdout else None

    def status(self):
        return self.json("status")[0]

    def peer(self, addr):
        peers = self.json("peers")
        check(any(p["address"] == addr for p in peers),
              f"peers has no {addr}: {peers} {self.errors}")
        return next(p for p in peers if p["address"] == addr)

    def wait_peer(self, addr, *states, limit_s=PATIENCE_S):
        def there():
            self.alive()
            # While a daemon loads its BPF programs, seconds here, rpingmesh-ctl may have no answer.
            return next((p for p in self.json("peers")
                         if p["address"] == addr and p["state"] in states), None)
        return until(f"{addr} is {' or '.join(states)} for host {self.index}", there, limit_s)

    def ping(self, host, count, *more, status=None):
        records = self.json("ping", host, "-c", count, *more, status=status)
        return [r for r in records if r.get("type") == "probe"]


class Watch:
    """A running `rpingmesh-ctl --json watch`: every probe record of a host."""

    def __init__(self, host):
        self.path = os.path.join(host.dir, f"watch{time.monotonic_ns()}")
        self.out = open(self.path, "w")
        self.process = subprocess.Popen(host.ctl_argv("--json", "watch"), stdout=self.out,
                                        stderr=subprocess.DEVNULL)

    def of_type(self, name):
        with open(self.path) as f:
            lines = f.read().split("\n")[:-1]
        return [r for r in map(json.loads, lines) if r.get("type") == name]

    def records(self):
        return self.of_type("probe")

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.out.close()
        return self.records()


class Capture:
    """tcpdump on a host's wire; packets() gives RoCE v2 UD sends as dicts. The independent
    witness."""

    def __init__(self, t, index):
        self.index = index
        self.path = os.path.join(t.dir, f"capture{index}-{time.monotonic_ns()}.pcap")
        self.start()

    def start(self):
        fabric("capture", self.index, self.path)

    def stop(self):
        fabric("capture-stop", self.index)

    def packets(self, ud=True):
        """UD sends alone, or with ud=False everything: "opcode" tells (InfiniBand Architecture
        9.2)."""
        self.stop()
        with open(self.path, "rb") as f:
            data = f.read()
        magic = struct.unpack_from("<I", data)[0]
        check(magic in (0xA1B2C3D4, 0xA1B23C4D), "not a pcap file")
        at, packets = 24, []
        while at < len(data):
            sec, sub, length = struct.unpack_from("<III", data, at)
            packet = parse_roce(data[at + 16:at + 16 + length])
            at += 16 + length
            if packet and (packet["opcode"] == UD_SEND_ONLY or not ud):
                packet["time"] = sec + sub / (1e9 if magic == 0xA1B23C4D else 1e6)
                packets.append(packet)
        return packets


UD_SEND_ONLY = 0x64


def parse_roce(frame):
    """Ethernet, IPv4 or IPv6, UDP 4791, BTH and, for UD, DETH (InfiniBand Architecture, Annex A17).
    None: not RoCE v2, or a datagram of a trace (src/hops), whose transport version there is not."""
    ethertype = struct.unpack_from(">H", frame, 12)[0]
    ip = frame[14:]
    if ethertype == 0x0800:
        if ip[9] != 17:
            return None
        tos, udp = ip[1], ip[(ip[0] & 15) * 4:]
        source, dest = (".".join(map(str, ip[at:at + 4])) for at in (12, 16))
    elif ethertype == 0x86DD:
        if ip[6] != 17:
            return None
        tos, udp = (struct.unpack_from(">H", ip)[0] >> 4) & 0xFF, ip[40:]
        source, dest = ip[8:24].hex(), ip[24:40].hex()
    else:
        return None
    sport, dport, udp_len = struct.unpack_from(">HHH", udp)
    opcode = udp[8]
    if dport != 4791 or udp[9] & 15:
        return None
    pad = (udp[9] >> 4) & 3
    # UDP header 8, BTH 12, DETH 8 (UD alone), payload, pad, ICRC 4
    payload = udp[28 if opcode == UD_SEND_ONLY else 20:udp_len - 4 - pad]
    qpn = int.from_bytes(udp[13:16], "big")
    return {"source": source, "dest": dest, "opcode": opcode, "sport": sport, "tos": tos,
            "qpn": qpn, "size": len(payload), "payload": payload}


def probes_in(packets):
    """PROBE messages by the header of include/rpingmesh/probe_wire.h."""
    return [p for p in packets if p["payload"][:6] == b"RPMH\x01\x01"]


def median_ms(records):
    times = [r["rtt_ns"] for r in records if r["class"] in ("ok", "late")]
    check(times, "no probe was answered")
    return statistics.median(times) / 1e6


def classes(records):
    count = {}
    for r in records:
        count[r["class"]] = count.get(r["class"], 0) + 1
    return count


def binomial_interval(n, p, z=2.5758):
    """Where 99 % of the counts lie (z = 3.89: 99.99 %), by the normal approximation (n p >= 10),
    half a count added on each side."""
    half = z * (n * p * (1 - p)) ** 0.5 + 0.5
    return n * p - half, n * p + half


class Test:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="rpingmesh-")
        self.hosts = []

    def note(self, text):
        print(f"#   {text}", flush=True)

    def pair(self, text0="", text1="", interval_ms=100):
        """Two daemons that probe each other, up."""
        a = Host(self, 0, f'peers = ({{ address = "{address(1)}"; '
                 f'interval_ms = {interval_ms}; }});\n{text0}').start()
        b = Host(self, 1, f'peers = ({{ address = "{address(0)}"; '
                 f'interval_ms = {interval_ms}; }});\n{text1}').start()
        a.wait_peer(address(1), "up")
        b.wait_peer(address(0), "up")
        return a, b

    def end(self):
        """Stops what is left; a daemon that does not stop cleanly fails the test."""
        bad = []
        for h in self.hosts:
            status = h.stop() if h.process else None
            if status not in (None, 0):
                bad.append(f"rpingmeshd of host {h.index} ended with {status}: {h.tail()}")
        for i in range(min(2, fabric_hosts())):
            for direction in ("in", "out"):
                fabric("delay", i, 0, direction)
                fabric("loss", i, 0, direction)
        check(not bad, "; ".join(bad))


def run_case(name, function):
    t = Test()
    started = time.monotonic()
    try:
        try:
            function(t)
        except BaseException:
            for h in t.hosts:
                sys.stderr.write(f"--- log of host {h.index} ---\n{h.tail()}\n")
            try:
                t.end()
            except Exception as e:
                sys.stderr.write(f"{e}\n")
            raise
        t.end()
    except Skip as e:
        print(f"ok - {name} # SKIP {e}", flush=True)
        return "skipped"
    except Exception as e:
        if not isinstance(e, Failure):
            traceback.print_exc()
        print(f"not ok - {name}: {e}", flush=True)
        return "failed"
    print(f"ok - {name} ({time.monotonic() - started:.0f} s)", flush=True)
    return "passed"


def main(names):
    cases = {n[5:]: f for n, f in names.items() if n.startswith("test_") and callable(f)}
    wanted = sys.argv[1:] or list(cases)
    unknown = [w for w in wanted if w not in cases]
    if unknown:
        sys.exit(f"no such case: {' '.join(unknown)}; there are: {' '.join(cases)}")
    count = {"passed": 0, "failed": 0, "skipped": 0}
    for w in wanted:
        count[run_case(w, cases[w])] += 1
    print(f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped",
          flush=True)
    sys.exit(1 if count["failed"] else 0)
