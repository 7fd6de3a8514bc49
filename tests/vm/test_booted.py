#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The Debian package on two machines that booted Debian with systemd: tests/vm/run --systemd --machines 2.

Each case runs in both at once, on a machine where the package is installed and the daemon runs. The package is the one in
$RPINGMESH_DEB, a directory (default: deb in $RPINGMESH_BUILD). What is expected comes from systemd, dpkg, /proc, tcpdump, rdma(8)."""

import glob
import grp
import json
import os
import pwd
import shutil
import signal
import subprocess

import harness
from harness import MACHINE, check, probes_in, until
from meeting import OTHER, WireCapture, address_of, both, meet, only_two

PACKAGE = "rpingmesh"
UNIT = "rpingmeshd.service"
CONF = "/etc/rpingmesh/rpingmeshd.conf"
SYSCTL = "/etc/sysctl.d/60-rpingmesh.conf"
DEBS = os.environ.get("RPINGMESH_DEB", os.path.join(harness.BUILD, "deb"))
# Whatever systemd does takes tens of seconds under emulation.
SLOW_S = 240
# linux/capability.h
CAPABILITIES = {"cap_ipc_lock": 14, "cap_sys_admin": 21, "cap_perfmon": 38, "cap_bpf": 39}


def run(*argv):
    """Exit status and output."""
    p = subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SLOW_S,
                       env=dict(os.environ, DEBIAN_FRONTEND="noninteractive", SYSTEMD_PAGER=""))
    return p.returncode, p.stdout


def must(*argv):
    status, text = run(*argv)
    check(status == 0, f"{' '.join(map(str, argv))}: exit {status}: {text.strip()[-800:]}")
    return text


def apt(*argv):
    return must("apt-get", "-y", "-q", "-o", "Dpkg::Options::=--force-confold", "-o", "Dpkg::Use-Pty=0", *argv)


def package_file():
    files = glob.glob(os.path.join(DEBS, f"{PACKAGE}_*.deb"))
    check(len(files) == 1, f"one package wanted in {DEBS} (make deb): {files}")
    return files[0]


def package_state():
    return run("dpkg-query", "-W", "-f", "${db:Status-Status}", PACKAGE)[1].strip()


def package_version():
    return must("dpkg-query", "-W", "-f", "${Version}", PACKAGE)


def prop(name):
    return must("systemctl", "show", "-P", name, UNIT).strip()


def main_pid():
    return int(prop("MainPID"))


def proc_status(pid):
    with open(f"/proc/{pid}/status") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def ctl(*argv):
    """rpingmesh-ctl --json as an operator calls it: records, or nothing while the daemon does not answer."""
    p = subprocess.run(["rpingmesh-ctl", "--json", *map(str, argv)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=SLOW_S)
    return [json.loads(line) for line in p.stdout.splitlines()] if p.returncode in (0, 1) else []


def status():
    return (ctl("status") or [None])[0]


def answers():
    return until("rpingmesh-ctl status answers", status, SLOW_S, 1)


def configure(*lines):
    """What an operator writes below the file that came with the package. The emulation is slow: no limit of the processor."""
    with open(CONF, "a") as f:
        f.write("\n".join(["limits = { cpu_percent = 0; };", "timeout_ms = 5000;", *lines]) + "\n")


def install():
    apt("install", package_file())


def allow_tracing():
    """As README.Debian says: Debian's kernels refuse kprobes to a user with CAP_PERFMON."""
    shutil.copy(f"/usr/share/doc/{PACKAGE}/examples/{os.path.basename(SYSCTL)}", SYSCTL)
    must("sysctl", "--system")


def peers_line(interval_ms=200):
    return f'peers = ({{ address = "{address_of(OTHER)}"; interval_ms = {interval_ms}; }});'


def running():
    """The package installed, with the other machine as peer, and the daemon up: what most cases begin with."""
    if package_state() != "installed":
        install()
    with open(CONF) as f:
        plain = "\npeers = " not in f.read()
    if plain:
        configure(peers_line())
    if not os.path.exists(SYSCTL):
        allow_tracing()
    must("systemctl", "reset-failed")
    must("systemctl", "restart", UNIT)
    return answers()


def peer_is_up(more=0):
    """The other machine as a peer that is up, and that has answered so many more probes."""
    def there():
        found = [p for p in ctl("peers") if p.get("address") == address_of(OTHER)]
        return found[0] if found and found[0]["state"] == "up" else None
    p = until("the other machine is up", there, SLOW_S, 1)
    want = p["ok"] + more
    return until(f"{want} probes are answered", lambda: (there() or {"ok": 0})["ok"] >= want and there(), SLOW_S, 1)


@both
def test_install(t):
    """apt installs the package without a network; the daemon runs at once, and at each boot."""
    check(package_state() != "installed", "the package is there already: run this case first")
    install()
    check(package_state() == "installed", package_state())
    check(run("systemctl", "is-active", UNIT)[1].strip() == "active", must("journalctl", "-u", UNIT, "--no-pager", "-n", "40"))
    check(run("systemctl", "is-enabled", UNIT)[1].strip() == "enabled", "not enabled")
    check(CONF in must("dpkg-query", "-W", "-f", "${Conffiles}", PACKAGE), "the configuration is no conffile")
    answers()
    t.note(f"version {package_version()}, {must('systemd-analyze', 'security', '--no-pager', UNIT).strip().splitlines()[-1]}")


@both
def test_unprivileged(t):
    """The daemon is the user rpingmesh, with the capabilities that the unit lists and no way to others."""
    running()
    user = pwd.getpwnam("rpingmesh")
    check(user.pw_uid < 1000 and user.pw_shell.endswith("nologin"), f"{user}")
    s = proc_status(main_pid())
    check(s["Uid"].split() == [str(user.pw_uid)] * 4 and s["Gid"].split() == [str(user.pw_gid)] * 4, f"{s['Uid']} {s['Gid']}")
    wanted = sum(1 << CAPABILITIES[c] for c in prop("AmbientCapabilities").split())
    for field in ("CapEff", "CapPrm", "CapBnd"):
        check(int(s[field], 16) == wanted, f"{field} {s[field]}, the unit says {wanted:016x}")
    check(not wanted & 1 << CAPABILITIES["cap_sys_admin"], "CAP_SYS_ADMIN")
    check(s["NoNewPrivs"].strip() == "1", "may gain privileges")
    t.note(f"pid {main_pid()}: Uid {s['Uid'].split()[0]} CapEff {s['CapEff'].strip()}")
    meet("seen")


@both
def test_control_group(t):
    """The group rpingmesh may ask, others may not."""
    running()
    group = grp.getgrnam("rpingmesh").gr_gid
    as_nobody = ["setpriv", "--reuid", "nobody", "--regid", "nogroup"]
    allowed, text = run(*as_nobody, "--groups", group, "rpingmesh-ctl", "status")
    check(allowed in (0, 1) and "rpingmesh" in text, f"in the group: exit {allowed}: {text}")
    refused, text = run(*as_nobody, "--clear-groups", "rpingmesh-ctl", "status")
    check(refused > 1 and "ermission" in text, f"not in the group: exit {refused}: {text}")


@both
def test_measure(t):
    """Two machines measure each other, with tracing on, as that user; each answered probe was on the wire, says tcpdump."""
    running()
    meet("running")
    s = until("tracing is on", lambda: (status() or {}).get("tracing") == "on" and status(), SLOW_S, 1)
    peer_is_up()
    capture = WireCapture(t, MACHINE)
    before = peer_is_up()
    after = peer_is_up(20)
    packets = [p for p in probes_in(capture.packets()) if p["source"] == address_of(MACHINE)]
    check(len(packets) >= after["ok"] - before["ok"], f"{after['ok'] - before['ok']} answered, {len(packets)} on the wire")
    check(after["lost"] == 0, f"lost on a clean wire: {after}")
    records = [r for r in ctl("ping", address_of(OTHER), "-c", 5, "-W", 5) if r.get("type") == "probe"]
    check(len(records) == 5 and all(r["class"] == "ok" and r["rtt_ns"] > 0 for r in records), f"{records}")
    t.note(f"{after['ok']} ok, RTT of a ping {harness.median_ms(records):.1f} ms, hooks {s['trace']['hooks']} of {s['trace']['hooks_wanted']}")
    meet("measured")


def returns_after(t, kill):
    """kill(pid) ends the daemon; systemd starts another one, which answers on the same socket and measures."""
    restarts, pid = int(prop("NRestarts")), main_pid()
    kill(pid)
    until("systemd has started another one", lambda: main_pid() not in (0, pid) and int(prop("NRestarts")) == restarts + 1, SLOW_S, 1)
    s = until("it answers", lambda: (status() or {"pid": pid})["pid"] != pid and status(), SLOW_S, 1)
    check(s["pid"] == main_pid(), f"another daemon answers: {s['pid']}")
    t.note(f"pid {pid} is now {s['pid']}")


@both
def test_crash(t):
    """SIGKILL and SIGSEGV: another daemon, each time."""
    running()
    returns_after(t, lambda pid: os.kill(pid, signal.SIGKILL))
    returns_after(t, lambda pid: os.kill(pid, signal.SIGSEGV))
    for core in glob.glob(f"{os.environ['RPINGMESH_VM_OUT']}/core.rpingmeshd.*.{MACHINE}"):
        os.unlink(core)
    meet("returned")
    peer_is_up(5)
    meet("measured")


only_two("test_booted.py")
harness.main(globals())
