#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What can be wrong on a host: each gives a clear line and a state that can be seen, and nothing
else suffers."""

import os
import signal
import socket
import subprocess
import time

import harness
from harness import DAEMON, Host, Watch, address, check, classes, until


NODES = "/dev/infiniband"


def run_daemon(*argv, env=None, limit_s=30):
    p = subprocess.run([DAEMON, *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                       timeout=limit_s, env=env)
    return p.returncode, p.stdout, p.stderr


def test_no_device(t):
    """No RoCE port: the daemon runs, says so in the log and in status."""
    h = Host(t, 0, 'devices = ("late0");').start()
    s = h.json("status", status=1)[0]
    check(any("no RoCE port" in d for d in s["degraded"]), f"{s['degraded']}")
    check("no RoCE port found" in h.log(), "the log does not say it")
    check(h.stop() == 0, "no clean stop")


def test_no_peer_device(t):
    """A peer bound to a device that is not there is shown as such, others are probed."""
    Host(t, 1, "").start()
    h = Host(t, 0, f'peers = ({{ address = "{address(1)}"; device = "mlx5_7"; }}, "{address(1)}"); '
             'devices = ("rxe0", "mlx5_*");').start()
    until("one is up", lambda: [p["state"] for p in h.json("peers")].count("up") == 1)
    p = h.json("peers")[0]
    check(p["state"] == "no_device" and "configured device" in p["state_reason"],
          f"{p['state']}: {p['state_reason']}")


def test_unknown_name(t):
    """A peer whose name nobody knows; /etc/hosts is asked without blocking."""
    with open("/etc/hosts", "a") as f:
        f.write(f"{address(1)} rpm-known\n")
    Host(t, 1, "").start()
    h = Host(t, 0, 'peers = ("rpm-unknown.invalid", "rpm-known");').start()
    h.wait_peer("rpm-known", "up")
    p = h.wait_peer("rpm-unknown.invalid", "no_name")
    check("/etc/hosts or DNS" in p["state_reason"], f"{p['state_reason']}")


def test_not_allowed(t):
    """Outside responder.allow: the prober is told why, the responder counts it."""
    a = Host(t, 0, f'peers = ("{address(1)}");').start()
    b = Host(t, 1, 'responder = { allow = ("192.168.0.0/16"); };').start()
    # Before host 1's daemon is there the reason is that it is not.
    until("the refusal arrives",
          lambda: "responder.allow" in (a.peer(address(1))["state_reason"] or ""))
    check(b.status()["responder"]["refused_network"] > 0, "not counted")
    check(classes(a.ping(address(1), 2, "-i", "0.1", status=1)) == {"unresolved": 2},
          "not unresolved")


def test_rate_limit(t):
    """A prober keeps to what the responder said that it answers: the rest is not sent, and nothing
    looks like loss."""
    a = Host(t, 0, "max_probes_per_s = 1000;").start()
    b = Host(t, 1, "responder = { per_source = 20; };").start()
    records = a.ping(address(1), 300, "-i", "0.01")
    s = b.status()["responder"]
    count = classes(records)
    t.note(f"{count}, refused {s['refused_source']}")
    check(count.get("local_error", 0) > 50 and count.get("ok", 0) >= 20, f"{count}")
    check(all("per_source" in r["reason"] for r in records if r["class"] == "local_error"),
          "the reason does not name the limit")
    check(count.get("lost", 0) == 0 and s["refused_source"] == 0,
          f"lost by a limit: {count}, refused {s['refused_source']}")


def test_second_daemon(t):
    """A second daemon on the same socket ends with a clear line; a socket left by a crash is taken
    over."""
    h = Host(t, 0, "").start()
    status, _, err = run_daemon("-c", h.conf)
    check(status == 1 and f"{h.socket}: another daemon listens there already" in err,
          f"exit {status}: {err}")
    h.json("status", status=0)
    h.stop(signal.SIGKILL)
    check(os.path.exists(h.socket), "no socket left to try with")
    h.start()
    h.json("status", status=0)


def test_bad_configuration(t):
    """Wrong files: exit 3, one line that names file, line and key."""
    path = os.path.join(t.dir, "bad.conf")
    for text, wanted in (("peers = ( \"10.0.0.1\" ); timeout_ms = \"x\";",
                          "bad.conf:1: timeout_ms"), ("\n\nfoo = 1;", "bad.conf:3: foo"),
                         ("timeout_ms = 5;", "10"), ("peers = (", "bad.conf:1")):
        with open(path, "w") as f:
            f.write(text)
        for argv in (("-t", "-c", path), ("-c", path)):
            status, _, err = run_daemon(*argv)
            check(status == 3 and wanted in err and err.count("\n") == 1,
                  f"{argv} {text!r}: exit {status}: {err}")
    status, _, err = run_daemon("-c", "/nonexistent.conf")
    check(status == 3 and "/nonexistent.conf" in err, f"exit {status}: {err}")
    status, _, err = run_daemon("--no-such-option")
    check(status == 2, f"exit {status}: {err}")


def test_no_memlock(t):
    """Too little locked memory, without the right to exceed it: the log says which limit to raise;
    the daemon runs on."""
    h = Host(t, 0, "")
    h.process = subprocess.Popen(["setpriv", "--bounding-set=-all", "--inh-caps=-all", "prlimit",
                                  "--memlock=65536", DAEMON, "-c", h.conf],
                                 stdout=subprocess.DEVNULL, stderr=open(h.log_path, "a"))
    until("the log names the limit",
          lambda: "raise the locked memory limit (ulimit -l, LimitMEMLOCK=)" in h.log())
    told = until("status tells it", lambda: [x for x in (h.try_status() or {}).get("degraded", [])
                                             if "endpoint could not be made" in x])
    t.note(told[0])
    # A limit raised from outside is enough, as it is tried again.
    subprocess.run(["prlimit", "--pid", str(h.process.pid), "--memlock=67108864"], check=True)
    until("the port is up", lambda: [d["state"] for d in h.json("devices")] == ["up"])
    check(not any("could not be made" in x for x in h.status()["degraded"]),
          f"still told: {h.status()['degraded']}")


def ordinary_user(t, h, *prefix):
    """Starts the daemon as one who has no capability."""
    os.chmod(t.dir, 0o777)
    os.chmod(h.dir, 0o777)
    h.process = subprocess.Popen([*prefix, "setpriv", "--reuid=65534", "--regid=65534",
                                  "--clear-groups", DAEMON, "-c", h.conf],
                                 stdout=subprocess.DEVNULL, stderr=open(h.log_path, "a"))
    until("status answers", h.try_status)


def uverbs_nodes(mode):
    """Who may open the devices; the node of rdma_cm is everybody's. Returns the nodes of
    devices."""
    nodes = [os.path.join(NODES, x) for x in sorted(os.listdir(NODES))]
    for node in nodes:
        os.chmod(node, mode if "uverbs" in node else 0o666)
    return [x for x in nodes if "uverbs" in x]


def test_unprivileged(t):
    """An ordinary user who may open the device nodes measures."""
    h = Host(t, 0, f'peers = ({{ address = "{address(1)}"; interval_ms = 100; }});')
    Host(t, 1, "").start()
    uverbs_nodes(0o666)
    ordinary_user(t, h)
    h.wait_peer(address(1), "up")
    until("probes are answered", lambda: h.peer(address(1))["ok"] >= 5)


def test_no_permission(t):
    """Device nodes that the daemon's user may not open: status and one line of the log say which;
    once they are, it probes."""
    Host(t, 1, "").start()
    nodes = uverbs_nodes(0o600)
    h = Host(t, 0, f'peers = ("{address(1)}"); devices = ("rxe0");')
    ordinary_user(t, h)
    told = until("it is told",
                 lambda: [x for x in h.status()["degraded"] if "cannot be opened" in x])
    check("rxe0 " in told[0] and "Permission denied" in told[0] and
          any(told[0].endswith(" to " + x) for x in nodes), f"{told}")
    check(not any("no RoCE port" in x for x in h.status()["degraded"]),
          f"blamed on the device: {h.status()['degraded']}")
    time.sleep(5)
    check(h.log().count("cannot be opened") == 1, f"not one line in the log: {h.log()}")
    uverbs_nodes(0o666)
    h.wait_peer(address(1), "up")
    check(not any("cannot be opened" in x for x in h.status()["degraded"]),
          f"still told: {h.status()['degraded']}")


def test_no_node(t):
    """A container without the nodes of the devices, which are in sysfs all the same."""
    uverbs_nodes(0o666)
    h = Host(t, 0, f'peers = ("{address(1)}"); devices = ("rxe0");')
    ordinary_user(t, h, "unshare", "-m", "sh", "-c",
                  f'mkdir -p {t.dir}/n && cp -a {NODES}/rdma_cm {t.dir}/n && mount -t tmpfs none '
                  f'{NODES} && cp -a {t.dir}/n/rdma_cm {NODES} && exec "$@"', "sh")
    told = until("it is told",
                 lambda: [x for x in h.status()["degraded"] if "cannot be opened" in x])
    check("No such file" in told[0] and f"given {NODES}/uverbs" in told[0], f"{told}")
    until("the log says it", lambda: "cannot be opened" in h.log())


def test_control_abuse(t):
    """A hundred clients, garbage, huge frames and readers that do not read: probing goes on without
    a loss."""
    a, _ = t.pair(interval_ms=50)
    watch = Watch(a)
    time.sleep(1)
    clients = []
    for i in range(100):
        s = socket.socket(socket.AF_UNIX)
        s.connect(a.socket)
        clients.append(s)
    for i, s in enumerate(clients):
        s.setblocking(False)
        try:
            if i % 4 == 0:
                s.send(b"\xc1" * 1000)
            elif i % 4 == 1:
                s.send(b"\xdd\xff\xff\xff\xff" + b"\x00" * 1000)
            elif i % 4 == 2:
                s.send(b"\x94\x00\x01\xa9subscribe\x90")
            else:
                s.send(b"\x94\x00\x01\xa5peers\x90" * 500)
        except (BrokenPipeError, BlockingIOError, ConnectionResetError):
            pass
    time.sleep(8)
    s = a.status()
    t.note(f"control: {s['control']}; "
           f"longest stall {s['loop_stall_max_ns'] / 1e6:.1f} ms in {s['loop_stall_max_who']}")
    check(s["control"]["bad_frames"] >= 50, "the bad frames were not counted")
    for c in clients:
        c.close()
    a.json("status", status=0)
    count = classes(watch.stop())
    t.note(f"{count}")
    check(count.get("ok", 0) > 50 and set(count) <= {"ok", "late"}, f"{count}")


def test_ctl_exit_codes(t):
    """0 fine, 1 bad news, 2 usage, 3 no daemon; and what a person sees."""
    h = Host(t, 0, f'peers = ("{address(1)}");')
    h.ctl("status", status=3)
    check(h.errors.count("\n") == 1 and h.socket in h.errors, f"not one clear line: {h.errors}")
    h.ctl("frobnicate", status=2)
    Host(t, 1, "").start()
    h.start()
    h.wait_peer(address(1), "up")
    for command in ("status", "devices", "peers", "targets"):
        out = h.ctl(command, status=0)
        check(out, f"{command} prints nothing")
    out = h.ctl("ping", address(1), "-c", "3", "-i", "0.2", status=0)
    check(out.count("rtt") >= 3, f"{out}")
    t.note(out.splitlines()[-1])
    out = h.ctl("watch", "-c", "2", status=0)
    check(address(1) in out, f"{out}")
    check(not h.ctl("ping", "10.0.9.1", "-c", "2", "-i", "0.2", status=1).count("rtt="),
          "an answer from nowhere")


def test_help_and_version(t):
    for argv in (("--help",), ("--version",), ("--print-default-config",)):
        status, out, err = run_daemon(*argv)
        check(status == 0 and out and not err, f"{argv}: exit {status}, {err}")


if __name__ == "__main__":
    harness.main(globals())
