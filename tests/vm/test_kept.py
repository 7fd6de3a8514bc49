#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a daemon was told once, and the system changes: within a minute it says what a daemon says
that is started afterwards.

tests/cli/daemon_kept.sh does the same for what needs no RDMA; tests/unit/core/test_names.c for the
servers of resolv.conf."""

import contextlib
import os
import socket
import subprocess
import sys
import time

import harness
from harness import Capture, Host, address, check, fabric, probes_in, sh, until

MINUTE = 60
QUIET = "tracing = { enable = false; };\n"


def port(a):
    return a.json("devices")[0]


def say(a):
    """What the daemon says of the world, without counts, times and what is drawn at the start."""
    s = a.status()
    return {
        "status": {k: s[k] for k in ("hostname", "tor", "degraded", "devices", "devices_up",
                                     "peers", "peers_up", "targets", "config_error")},
        "devices": [{k: d[k] for k in ("device", "port", "state", "state_reason", "gids", "mtu",
                                       "driver")}
                    for d in sorted(a.json("devices"), key=lambda d: d["device"])],
        "peers": [{k: p.get(k) for k in ("address", "device", "source", "gid", "state", "hostname",
                                         "configured")}
                  for p in sorted(a.json("peers"), key=lambda p: p["address"])],
    }


def difference(x, y):
    return {k: (x[k], y[k]) for k in x if x[k] != y[k]}


def as_a_fresh_one(t, a, what):
    """The running daemon says the same as one that is started now."""
    settled = until(f"{what}: all is up", lambda: (now := say(a))["status"]["peers_up"] ==
                    now["status"]["peers"] and not now["status"]["degraded"] and now, MINUTE)
    check(a.stop() == 0, "it does not stop")
    a.start()
    # A fresh one needs a moment to resolve, too.
    last = {}

    def same():
        last.update(now=say(a))
        return not difference(settled, last["now"])
    try:
        until(f"{what}: the same", same, MINUTE)
    except harness.Failure as e:
        raise harness.Failure(f"{e}: before, after: {difference(settled, last['now'])}")
    t.note(f"{what}: as a fresh daemon says")


def file_of(t, path, text):
    """Puts a file of our own over one of the system's."""
    mine = os.path.join(t.dir, os.path.basename(path))
    with open(mine, "w") as f:
        f.write(text)
    if not os.path.exists(path):
        open(path, "w").close()
    sh("mount", "--bind", mine, path)
    return mine


def rename(old, new):
    sh("rdma", "dev", "set", old, "name", new)


def test_renamed(t):
    """udev gives a device another name while it is probed: it is shown under that name, and probes
    go on."""
    a = Host(t, 0, f'{QUIET}devices = ("rxe0", "roce7"); '
             f'peers = ({{ address = "{address(1)}"; interval_ms = 100; }});').start()
    b = Host(t, 1, f'{QUIET}peers = ({{ address = "{address(0)}"; interval_ms = 100; }});').start()
    a.wait_peer(address(1), "up")
    b.wait_peer(address(0), "up")
    rename("rxe0", "roce7")
    try:
        until("the device has its new name", lambda: [d["device"] for d in a.json("devices")] ==
              ["roce7"], MINUTE)
        peer = until("its peer is up there", lambda: (p := a.peer(address(1)))["state"] == "up" and
                     p["device"] == "roce7" and p, MINUTE)
        until("it is probed", lambda: a.peer(address(1))["ok"] > peer["ok"] + 5)
        b.wait_peer(address(0), "up")
        check(not [d for d in a.status()["degraded"] if "rxe0" in d], f"{a.status()['degraded']}")
    finally:
        rename("roce7", "rxe0")


def test_sweep(t):
    """One thing after the other changes under a running daemon: a name in the hosts file, its own
    name, its socket's file."""
    hosts = file_of(t, "/etc/hosts", f"127.0.0.1 localhost\n{address(1)} node7\n")
    before = socket.gethostname()
    text = (QUIET + 'devices = ("rxe0");\npeers = ({ address = "node7"; '
            'interval_ms = 200; }, { address = "late9"; interval_ms = 200; });')
    Host(t, 1, QUIET).start()
    a = Host(t, 0, text)
    with open(a.conf) as f:
        conf = f.read().replace('hostname = "host0";\n', "")
    with open(a.conf, "w") as f:
        f.write(conf)
    a.start()
    try:
        a.wait_peer("node7", "up")
        with open(hosts, "w") as f:
            f.write(f"127.0.0.1 localhost\n{address(1)} node7\n{address(1, 6)} late9\n")
        a.wait_peer("late9", "up", limit_s=MINUTE)
        as_a_fresh_one(t, a, "the hosts file")
        socket.sethostname("kept-2")
        until("its own name", lambda: a.status()["hostname"] == "kept-2", MINUTE)
        as_a_fresh_one(t, a, "the host's name")
        os.unlink(a.socket)
        until("its socket", lambda: os.path.exists(a.socket) and a.try_status(), MINUTE)
        as_a_fresh_one(t, a, "the socket")
    finally:
        socket.sethostname(before)
        sh("umount", "-l", "/etc/hosts")


@contextlib.contextmanager
def name_server(t, at, *names):
    """tests/cli/names_server.py, as long as the block runs."""
    server = os.path.join(harness.HERE, "..", "cli", "names_server.py")
    with subprocess.Popen([sys.executable, "-B", server, at, *names], stdout=subprocess.PIPE,
                          text=True) as p:
        check(p.stdout.readline() == "ready\n", "the name server does not start")
        try:
            yield
        finally:
            p.kill()


def test_name_server(t):
    """resolv.conf names nobody who answers, then a server that does; then the peer moves to another
    address."""
    resolv = file_of(t, "/etc/resolv.conf", "nameserver 127.0.0.54\n")
    old, new = Host(t, 1, QUIET).start(), Host(t, 2, QUIET)
    a = Host(t, 0, f'{QUIET}devices = ("rxe0");\n'
             'peers = ({ address = "late.example"; interval_ms = 200; });').start()
    try:
        a.wait_peer("late.example", "no_name")
        with name_server(t, "127.0.0.53", f"late.example={address(1)}"):
            with open(resolv, "w") as f:
                f.write("nameserver 127.0.0.53\n")
            a.wait_peer("late.example", "up", limit_s=MINUTE)
            as_a_fresh_one(t, a, "resolv.conf")
        new.start()
        with name_server(t, "127.0.0.53", f"late.example={address(2)}"):
            check(old.stop() == 0, "the old one does not stop")
            until("the peer is host 2", lambda: (p := a.peer("late.example"))["state"] == "up" and
                  p["hostname"] == "host2", MINUTE)
            as_a_fresh_one(t, a, "the peer's address")
    finally:
        sh("umount", "-l", "/etc/resolv.conf")


def readdress(old, new):
    """Host 0 has another address. In this order: a second one of the same network would go with the
    first."""
    table = ("table", "1000")
    sh("ip", "addr", "del", f"{old}/24", "dev", "h0")
    sh("ip", "addr", "add", f"{new}/24", "dev", "h0")
    sh("ip", "route", "replace", "local", new, "dev", "h0", *table)
    for net, via in (("10.0.0.0/24", ()), ("10.0.0.0/16", ("via", "10.0.0.254"))):
        sh("ip", "route", "replace", net, *via, "dev", "h0", "src", new, *table)


def test_own_address(t):
    """The own address goes and returns, then there is another one."""
    old, new = address(0), "10.0.0.9"
    Host(t, 1, QUIET).start()
    a = Host(t, 0, f'{QUIET}peers = ({{ address = "{address(1)}"; interval_ms = 200; }});').start()
    a.wait_peer(address(1), "up")
    sh("ip", "rule", "add", "pref", "1000", "iif", "lo", "from", new, "to", "10.0.0.0/16",
       "lookup", "1000")
    try:
        sh("ip", "addr", "del", f"{old}/24", "dev", "h0")
        until("the address has gone", lambda: a.peer(address(1))["source"] != old or
              a.peer(address(1))["state"] != "up", MINUTE)
        fabric("link-up", 0)
        until("it has returned", lambda: (p := a.peer(address(1)))["state"] == "up" and
              p["source"] == old, MINUTE)
        a.ctl("acknowledge", status=0)
        as_a_fresh_one(t, a, "the address returns")
        readdress(old, new)
        until("the other one is used", lambda: (p := a.peer(address(1)))["state"] == "up" and
              p["source"] == new, MINUTE)
        a.ctl("acknowledge", status=0)
        as_a_fresh_one(t, a, "another address")
    finally:
        sh("ip", "addr", "del", f"{new}/24", "dev", "h0", ok=False)
        sh("ip", "rule", "del", "pref", "1000", "from", new, ok=False)
        fabric("link-up", 0)


def test_late_rail(t):
    """The device that is nearer to the peer comes when the peer is probed from another one."""
    sh("rdma", "link", "delete", "rxe0")
    try:
        Host(t, 1, QUIET).start()
        a = Host(t, 0, f'{QUIET}devices = ("rxe0", "rxe2");\n'
                 f'peers = ({{ address = "{address(1)}"; interval_ms = 200; }}, '
                 f'{{ address = "{address(1, 6)}"; device = "rxe0"; interval_ms = 200; }});')
        a.start()
        a.wait_peer(address(1), "up")
        check(a.peer(address(1))["device"] == "rxe2", "probed from elsewhere")
    finally:
        sh("rdma", "link", "add", "rxe0", "type", "rxe", "netdev", "h0")
    until("the nearer one is used", lambda: (p := a.peer(address(1)))["state"] == "up" and
          p["device"] == "rxe0", MINUTE)
    as_a_fresh_one(t, a, "a nearer rail")


def longest(t):
    """The longest payload of 20 probes on the wire of host 0."""
    capture = Capture(t, 0)
    time.sleep(2)
    sizes = [p["size"] for p in probes_in(capture.packets()) if p["source"] == address(0)]
    check(len(sizes) >= 10, f"{sizes}")
    return max(sizes)


def route_mtu(*mtu):
    sh("ip", "route", "replace", "10.0.0.0/16", "via", "10.0.0.254", "dev", "h0", "src", address(0),
       "table", "1000", *mtu)


def test_route_mtu(t):
    """The route takes less than the port: probes of size "mtu" follow it, as it changes, too. A
    message has 52 bytes of headers around it (20 IP, 8 UDP, 12 BTH, 8 DETH, 4 ICRC). The MTU falls
    only while nothing long is sent: soft-RoCE of Linux 6.1 sends for ever what does not fit."""
    route_mtu("mtu", "1500")
    try:
        a, b = t.pair(f'{QUIET}sizes = [50, "mtu"];', QUIET)
        check((n := longest(t)) == 1500 - 52, f"{n} bytes at an MTU of 1500")
        route_mtu()
        until("the port's MTU is used", lambda: longest(t) == 4096, MINUTE)
        b.stop()
        a.wait_peer(address(1), "down")
        route_mtu("mtu", "1500")
        time.sleep(20)
        b.start()
        a.wait_peer(address(1), "up")
        check((n := longest(t)) == 1500 - 52, f"{n} bytes at an MTU of 1500 again")
    finally:
        route_mtu()


@contextlib.contextmanager
def link_local_alone():
    """The port of host 0 keeps no address but a link-local one."""
    sh("ip", "-6", "addr", "add", "fe80::77/64", "dev", "h0", "nodad")
    try:
        for family in (4, 6):
            shown = sh("ip", f"-{family}", "-o", "addr", "show", "dev", "h0", "scope", "global")
            for line in shown.splitlines():
                sh("ip", "addr", "del", line.split()[3], "dev", "h0")
        yield
    finally:
        sh("ip", "-6", "addr", "del", "fe80::77/64", "dev", "h0", ok=False)
        fabric("link-up", 0)


def unprobed(a):
    p = a.peer(address(1))
    return p["state"] == "unprobed" and p


def test_link_local(t):
    """DHCP has failed: nobody can probe the port, so it is down, and its peers are unprobed. The
    address returns, and they are up."""
    a, b = t.pair(interval_ms=100)
    with link_local_alone():
        d = until("the port is down", lambda: (d := port(a))["state"] == "down" and d)
        t.note(f"{d['port_state']}: {d['state_reason']}")
        check(d["port_state"] == "no_address" and "link-local" in d["state_reason"], f"{d}")
        p = until("the peer is unprobed", lambda: unprobed(a))
        check("link-local" in p["state_reason"], f"{p['state_reason']}")
        a.ctl("peers", status=1)
        check("link-local" in a.ctl("status", status=1), "status does not name it")
    a.wait_peer(address(1), "up")
    b.wait_peer(address(0), "up")
    # What is left is the flap in the last hour, until somebody has seen it.
    a.ctl("acknowledge", status=0)
    until("status is well", lambda: subprocess.run(
        a.ctl_argv("status"), stdout=subprocess.DEVNULL).returncode == 0, MINUTE)


if __name__ == "__main__":
    harness.main(globals())
