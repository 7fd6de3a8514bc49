#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The Debian package on two machines that booted Debian with systemd: tests/vm/run --systemd
--machines 2.

Each case runs in both at once, on a machine where the package is installed and the daemon runs. The
package is the one in $RPINGMESH_DEB, a directory (default: deb in $RPINGMESH_BUILD). What is
expected comes from systemd, dpkg, /proc, tcpdump, rdma(8)."""

import glob
import grp
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import time

import booted_cluster
import harness
from harness import MACHINE, Skip, check, child_of, probes_in, until
from meeting import OTHER, WireCapture, address_of, both, meet, only_two

PACKAGE = "rpingmesh"
CTL, CENTRAL = "rpingmesh-ctl", "rpingmesh-central"
UNIT = "rpingmeshd.service"
CONF = "/etc/rpingmesh/rpingmeshd.conf"
SOCKET_UNIT = "rpingmeshd.socket"
SYSCTL = "/etc/sysctl.d/60-rpingmesh.conf"
DEBS = os.environ.get("RPINGMESH_DEB", os.path.join(harness.BUILD, "deb"))
PREVIOUS = os.environ.get("RPINGMESH_PREVIOUS_DEB", "")
# Whatever systemd and apt do takes tens of seconds under emulation, and minutes on a busy machine.
SLOW_S = 600
# linux/capability.h
CAPABILITIES = {"cap_ipc_lock": 14, "cap_sys_admin": 21, "cap_perfmon": 38, "cap_bpf": 39}


def run(*argv):
    """Exit status and output."""
    p = subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       text=True, timeout=SLOW_S,
                       env=dict(os.environ, DEBIAN_FRONTEND="noninteractive", SYSTEMD_PAGER=""))
    return p.returncode, p.stdout


def must(*argv):
    status, text = run(*argv)
    check(status == 0, f"{' '.join(map(str, argv))}: exit {status}: {text.strip()[-800:]}")
    return text


def apt(*argv):
    return must("apt-get", "-y", "-q", "-o", "Dpkg::Options::=--force-confold", "-o",
                "Dpkg::Use-Pty=0", *argv)


def package_file(name=PACKAGE, debs=DEBS):
    files = glob.glob(os.path.join(debs, f"{name}_*.deb"))
    check(len(files) == 1, f"one package {name} wanted in {debs} (make deb): {files}")
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


class Journal:
    """What the journal gets of the unit from now on."""

    def __init__(self):
        text = must("journalctl", "-n", "0", "--show-cursor")
        self.cursor = re.search(r"-- cursor: (.*)", text)[1]

    def text(self):
        return must("journalctl", "-o", "cat", "--no-pager", "-u", UNIT, "--after-cursor",
                    self.cursor)

    def wait(self, pattern):
        return until(f"the journal says {pattern}", lambda: re.search(pattern, self.text()), SLOW_S,
                     1)


def ctl(*argv):
    """rpingmesh-ctl --json as an operator calls it: records, or nothing while the daemon does not
    answer."""
    p = subprocess.run(["rpingmesh-ctl", "--json", *map(str, argv)], stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True, timeout=SLOW_S)
    return [json.loads(line) for line in p.stdout.splitlines()] if p.returncode in (0, 1) else []


def status():
    return (ctl("status") or [None])[0]


def answers():
    return until("rpingmesh-ctl status answers", status, SLOW_S, 1)


def configure(*lines):
    """What an operator writes below what is there."""
    with open(CONF, "a") as f:
        f.write("\n".join(lines) + "\n")


def install():
    apt("install", package_file(), package_file(CTL))


def allow_tracing():
    """As README.Debian says: Debian's kernels refuse kprobes to a user with CAP_PERFMON."""
    shutil.copy(f"/usr/share/doc/{PACKAGE}/examples/{os.path.basename(SYSCTL)}", SYSCTL)
    must("sysctl", "--system")


def peers_line(interval_ms=200):
    return f'peers = ({{ address = "{address_of(OTHER)}"; interval_ms = {interval_ms}; }});'


def probe_the_other():
    """The other machine as a peer in the configuration. The emulation is slow: no limit of the
    processor."""
    with open(CONF) as f:
        plain = "\npeers = " not in f.read()
    if plain:
        configure("limits = { cpu_percent = 0; };", "timeout_ms = 5000;", peers_line())


def running():
    """The package installed, with the other machine as peer, and the daemon up: what most cases
    begin with."""
    if package_state() != "installed":
        install()
    probe_the_other()
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
    return until(f"{want} probes are answered",
                 lambda: (there() or {"ok": 0})["ok"] >= want and there(), SLOW_S, 1)


@both
def test_install(t):
    """apt installs the package without a network; the daemon runs at once, and at each boot."""
    check(package_state() != "installed", "the package is there already: run this case first")
    install()
    check(package_state() == "installed", package_state())
    check(run("systemctl", "is-active", UNIT)[1].strip() == "active",
          must("journalctl", "-u", UNIT, "--no-pager", "-n", "40"))
    check(run("systemctl", "is-enabled", UNIT)[1].strip() == "enabled", "not enabled")
    check(CONF in must("dpkg-query", "-W", "-f", "${Conffiles}", PACKAGE),
          "the configuration is no conffile")
    answers()
    t.note(f"version {package_version()}, "
           f"{must('systemd-analyze', 'security', '--no-pager', UNIT).strip().splitlines()[-1]}")


@both
def test_unprivileged(t):
    """The daemon is the user rpingmesh, with the capabilities that the unit lists and no way to
    others."""
    running()
    user = pwd.getpwnam("rpingmesh")
    check(user.pw_uid < 1000 and user.pw_shell.endswith("nologin"), f"{user}")
    wanted = sum(1 << CAPABILITIES[c] for c in prop("AmbientCapabilities").split())
    check(not wanted & 1 << CAPABILITIES["cap_sys_admin"], "CAP_SYS_ADMIN")
    # The unit's capabilities are those of the tracing helper. Only CAP_SETPCAP could take them out
    # of the bounding set of the daemon.
    for pid, held in ((main_pid(), 0), (child_of(main_pid()), wanted)):
        s = proc_status(pid)
        check(s["Uid"].split() == [str(user.pw_uid)] * 4 and
              s["Gid"].split() == [str(user.pw_gid)] * 4, f"{s['Uid']} {s['Gid']}")
        for field in ("CapEff", "CapPrm"):
            check(int(s[field], 16) == held, f"{field} {s[field]}, not {held:016x}")
        check(int(s["CapBnd"], 16) == wanted, f"CapBnd {s['CapBnd']}, the unit: {wanted:016x}")
        check(s["NoNewPrivs"].strip() == "1", "may gain privileges")
        t.note(f"pid {pid}: Uid {s['Uid'].split()[0]} CapEff {s['CapEff'].strip()}")
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
    """Two machines measure each other, with tracing on, as that user; each answered probe was on
    the wire, says tcpdump."""
    running()
    meet("running")
    s = until("tracing is on", lambda: (status() or {}).get("tracing") == "on" and status(), SLOW_S,
              1)
    peer_is_up()
    capture = WireCapture(t, MACHINE)
    before = peer_is_up()
    after = peer_is_up(20)
    packets = [p for p in probes_in(capture.packets()) if p["source"] == address_of(MACHINE)]
    check(len(packets) >= after["ok"] - before["ok"],
          f"{after['ok'] - before['ok']} answered, {len(packets)} on the wire")
    check(after["lost"] == 0, f"lost on a clean wire: {after}")
    records = [r for r in ctl("ping", address_of(OTHER), "-c", 5, "-W", 5)
               if r.get("type") == "probe"]
    check(len(records) == 5 and all(r["class"] == "ok" and r["rtt_ns"] > 0 for r in records),
          f"{records}")
    t.note(f"{after['ok']} ok, RTT of a ping {harness.median_ms(records):.1f} ms, "
           f"hooks {s['trace']['hooks']} of {s['trace']['hooks_wanted']}")
    meet("measured")


@both
def test_service_flow(t):
    """rping between the machines shows as a flow of its process, with the QPN that rdma(8)
    tells."""
    running()
    until("tracing is on", lambda: (status() or {}).get("tracing") == "on", SLOW_S, 1)
    meet("running")
    if MACHINE == 1:
        argv = ["rping", "-s", "-a", address_of(1)]
    else:
        meet("listening")
        argv = ["rping", "-c", "-a", address_of(1), "-I", address_of(2), "-C", "1000000"]
    p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
    try:
        if MACHINE == 1:
            until("rping listens", lambda: "rping" in must("rdma", "resource", "show", "cm_id"),
                  SLOW_S, 1)
            meet("listening")
        mine = until("rping has a QP", lambda:
                     [q for q in json.loads(must("rdma", "-j", "-d", "resource", "show", "qp"))
                      if q.get("pid") == p.pid and q.get("state") == "RTS"], SLOW_S, 1)[0]
        # It sends as fast as it can; stopped, its QP stays.
        p.send_signal(signal.SIGSTOP)
        f = until("its flow shows", lambda: [f for f in ctl("flows")
                                             if any(q["qpn"] == mine["lqpn"] for q in f["qps"])],
                  SLOW_S, 1)[0]
        check(f["owners"][0]["pid"] == p.pid and f["owners"][0]["comm"] == "rping",
              f"{f['owners']}, pid {p.pid}")
        check(f["src_gid"] == address_of(MACHINE) and f["dst_gid"] == address_of(OTHER),
              f"{f['src_gid']} {f['dst_gid']}")
        t.note(f"QPN {mine['lqpn']} of pid {p.pid}, {f['probing']}")
        meet("shown")
    finally:
        p.kill()
        p.wait()


@both
def test_reload(t):
    """systemctl reload: the same process has the changed configuration; a wrong one is refused,
    with a line in the journal."""
    running()
    pid = main_pid()
    configure('tor = "tor-of-the-test";')
    must("systemctl", "reload", UNIT)
    s = until("the new configuration holds",
              lambda: (status() or {}).get("tor") == "tor-of-the-test" and status(), SLOW_S, 1)
    check(s["pid"] == pid == main_pid(), f"another process: {s['pid']}, {pid}")
    shutil.copy(CONF, "/root/good.conf")
    journal = Journal()
    configure("interval_ms = 0;")
    code, text = run("systemctl", "reload", UNIT)
    journal.wait("interval_ms")
    check(code != 0, f"a wrong configuration was taken: {text}")
    check(run("systemctl", "is-active", UNIT)[1].strip() == "active" and main_pid() == pid,
          f"not alive: {text}")
    s = answers()
    check(s["tor"] == "tor-of-the-test", f"not what it had: {s['tor']}")
    shutil.copy("/root/good.conf", CONF)
    must("systemctl", "reload", UNIT)
    check(main_pid() == pid and answers()["config_error"] is None, "restarted, or an error stays")


def returns_after(t, kill):
    """kill(pid) ends the daemon; systemd starts another one, which answers on the same socket and
    measures."""
    restarts, pid = int(prop("NRestarts")), main_pid()
    kill(pid)
    until("systemd has started another one",
          lambda: main_pid() not in (0, pid) and int(prop("NRestarts")) == restarts + 1, SLOW_S, 1)
    s = until("it answers", lambda: (status() or {"pid": pid})["pid"] != pid and status(), SLOW_S,
              1)
    check(s["pid"] == main_pid(), f"another daemon answers: {s['pid']}")
    t.note(f"pid {pid} is now {s['pid']}")


@both
def test_watchdog(t):
    """A daemon that hangs (SIGSTOP) misses its watchdog: systemd kills it and starts another
    one."""
    running()
    check(prop("WatchdogUSec") not in ("", "0", "infinity"), "the unit has no watchdog")
    journal = Journal()
    returns_after(t, lambda pid: os.kill(pid, signal.SIGSTOP))
    journal.wait("[Ww]atchdog timeout")
    meet("returned")
    peer_is_up(5)
    meet("measured")


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


@both
def test_socket_activation(t):
    """With rpingmeshd.socket, a call of rpingmesh-ctl starts the daemon, which gets that socket;
    without it the socket is the daemon's."""
    running()
    must("systemctl", "stop", UNIT)
    check(ctl("status") == [], "it answers though it was stopped")
    must("systemctl", "start", SOCKET_UNIT)
    check(main_pid() == 0 and run("systemctl", "is-active", UNIT)[1].strip() == "inactive",
          "active without a call")
    s = answers()
    check(s["pid"] == main_pid() and run("systemctl", "is-active", UNIT)[1].strip() == "active",
          f"pid {s['pid']}")
    must("systemctl", "stop", SOCKET_UNIT, UNIT)
    must("systemctl", "start", UNIT)
    check(answers()["pid"] == main_pid(), "no answer without the socket unit")


def newer_package(t):
    """The same package with a higher version, a line more in its configuration."""
    tree, deb = os.path.join(t.dir, "tree"), os.path.join(t.dir, "newer.deb")
    must("dpkg-deb", "-R", package_file(), tree)
    control = os.path.join(tree, "DEBIAN/control")
    with open(control) as f:
        text = f.read()
    version = re.search(r"^Version: (.*)$", text, re.M)[1] + "+newer"
    with open(control, "w") as f:
        f.write(re.sub(r"^Version: .*$", f"Version: {version}", text, flags=re.M))
    with open(tree + CONF, "a") as f:
        f.write("# A line of the newer package.\n")
    must("dpkg-deb", "-Zgzip", "-z1", "--root-owner-group", "-b", tree, deb)
    return version, deb


@both
def test_upgrade(t):
    """A higher version: what the operator wrote stays, the new program runs, and measures."""
    running()
    pid, inode = main_pid(), os.stat("/usr/sbin/rpingmeshd").st_ino
    with open(CONF) as f:
        edited = f.read()
    version, deb = newer_package(t)
    apt("install", deb)
    check(package_version() == version and package_state() == "installed",
          f"{package_version()} {package_state()}")
    with open(CONF) as f:
        check(f.read() == edited, "the operator's configuration was changed")
    check(os.path.exists(CONF + ".dpkg-dist"), "no .dpkg-dist beside it")
    check(os.stat("/usr/sbin/rpingmeshd").st_ino != inode, "the program is the old file")
    until("another daemon runs", lambda: main_pid() not in (0, pid), SLOW_S, 1)
    check(os.stat(f"/proc/{main_pid()}/exe").st_ino == os.stat("/usr/sbin/rpingmeshd").st_ino,
          "the daemon is the old program")
    answers()
    meet("upgraded")
    peer_is_up(5)
    meet("measured")


def of_central(command):
    text = run("rpingmesh-ctl", "--central", "--json", command)[1]
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def in_the_cluster():
    """This machine has a pinglist of the broker's, and probes the other by it."""
    def listed():
        counts = ((status() or {}).get("cluster") or {}).get("pinglist") or {}
        return counts.get("from") == "broker" and counts.get("taken", 0) > 0
    until("a pinglist has come", listed, SLOW_S, 1)
    peer_is_up(10)


def central_is_well(t):
    """What central says: both hosts, with the addresses that these have, and their reports."""
    hosts = {h["host"]: h["state"] for h in of_central("hosts")}
    check(hosts == {"node1": "present", "node2": "present"}, f"{hosts}")
    ports = of_central("ports")
    for name, machine in booted_cluster.NAMES.items():
        check([p for p in ports if p["host"] == name and
               address_of(machine) in json.dumps(p)], f"{name}: {ports}")
    s = until("central has reports of both", lambda: [
        s for s in of_central("status")
        if s.get("reporting") == 2 and s["reports_refused"] == 0], SLOW_S, 1)[0]
    t.note(f"degraded: {s['degraded']}")
    pid = int(must("systemctl", "show", "-P", "MainPID", CENTRAL))
    check(proc_status(pid)["Uid"].split() == [str(pwd.getpwnam("rpingmesh").pw_uid)] * 4,
          "central is not the user rpingmesh")
    check(int(proc_status(pid)["CapBnd"], 16) == 0, "central may get capabilities")
    check(os.path.exists("/var/lib/rpingmesh-central/central.db"), "no database")
    t.note(f"{s['reports']} reports of {s['report_rows']} rows, {s['lists_published']} pinglists")


def files_of_the_page():
    places = [d for d in ("/etc/rpingmesh", "/etc/mosquitto") if os.path.isdir(d)]
    found = must("find", *places, "-depth").split("\n")
    return [f for f in found if f]


def remove_all_but(before):
    for path in files_of_the_page():
        if path not in before:
            (os.rmdir if os.path.isdir(path) else os.unlink)(path)


@both
def test_cluster(t):
    """rpingmesh-cluster(7) as it is written, with the three packages, Debian's broker and TLS: the
    same configuration on both hosts, both in the list of hosts, each probes the other."""
    running()
    must("systemctl", "stop", UNIT)
    shutil.copy(CONF, "/root/before.conf")
    before = files_of_the_page()
    if MACHINE == 1:
        apt("install", package_file(CENTRAL))
    node = booted_cluster.Node()
    try:
        meet("named", SLOW_S)
        if MACHINE == 1:
            t.note(f"{booted_cluster.follow(SLOW_S)} blocks of commands were run")
        meet("followed", 2 * SLOW_S)
        in_the_cluster()
        meet("probes", SLOW_S)
        if MACHINE == 1:
            theirs = booted_cluster.shell(f"ssh root@node2 cat {CONF}")
            with open(CONF) as f:
                check(theirs == (0, f.read()), f"not one configuration: {theirs}")
            central_is_well(t)
            apt("purge", CENTRAL)
            must("systemctl", "disable", "--now", "mosquitto")
        meet("seen", 2 * SLOW_S)
    finally:
        must("systemctl", "stop", UNIT)
        node.close()
    remove_all_but(before)
    shutil.copy("/root/before.conf", CONF)
    running()


@both
def test_upgrade_previous(t):
    """The version before this one on machine 2, whose package has all programs in one: the two
    versions measure each other; then an upgrade to today's packages keeps what was edited."""
    if not glob.glob(os.path.join(PREVIOUS, "*.deb")):
        raise Skip("no packages of the version before ($RPINGMESH_PREVIOUS_DEB)")
    if MACHINE == 2:
        if package_state() == "installed":
            apt("purge", PACKAGE, CENTRAL, CTL)
        apt("install", package_file(debs=PREVIOUS))
        probe_the_other()
        must("systemctl", "restart", UNIT)
        answers()
    else:
        running()
    meet("mixed", SLOW_S)
    peer_is_up(5)
    meet("measured", SLOW_S)
    if MACHINE == 2:
        before, pid = package_version(), main_pid()
        with open(CONF) as f:
            edited = f.read()
        apt("install", *map(package_file, (PACKAGE, CTL, CENTRAL)))
        t.note(f"{before} is now {package_version()}")
        check(run("dpkg", "--compare-versions", before, "lt", package_version())[0] == 0,
              "the same version")
        with open(CONF) as f:
            check(f.read() == edited, "the operator's configuration was changed")
        for name, path in ((PACKAGE, "/usr/sbin/rpingmeshd"), (CTL, "/usr/bin/rpingmesh-ctl"),
                           (CENTRAL, "/usr/sbin/rpingmesh-central")):
            check(must("dpkg", "-S", path).split(":")[0] == name, f"{path} is not of {name}")
        until("another daemon runs", lambda: main_pid() not in (0, pid), SLOW_S, 1)
        check(answers()["version"] == package_version().split("-")[0], f"{answers()['version']}")
        apt("purge", CENTRAL)
    meet("upgraded", SLOW_S)
    peer_is_up(5)
    meet("end of measurement", SLOW_S)


def left_of_the_package():
    places = ["/etc", "/run", "/var", "/lib/systemd", "/usr/lib/systemd", "/usr/lib/sysusers.d",
              "/usr/sbin", "/usr/bin", "/usr/share"]
    found = must("find", *places, "-xdev", "-iname", "*rpingmesh*").split("\n")
    # Made by the test, not by the package.
    return sorted({f for f in found
                   if f and not f.startswith("/run/") or f.startswith("/run/rpingmesh")})


def with_central(t):
    """rpingmesh-central beside the daemon: it waits to be enabled, runs, and says that there is no
    broker; neither takes the other's socket away."""
    apt("install", package_file(CENTRAL))
    check(run("systemctl", "is-active", CENTRAL)[1].strip() == "inactive", "it runs by itself")
    must("systemctl", "start", CENTRAL)
    said = until("central misses its broker", lambda: (
        lambda s: s if s[0] == 1 and "broker" in s[1] else None)(
            run("rpingmesh-ctl", "--central", "status")), SLOW_S, 1)
    t.note(said[1].strip().splitlines()[-1])
    check(os.path.isdir("/var/lib/rpingmesh-central"), "no directory for its database")
    pid = must("systemctl", "show", "-P", "MainPID", CENTRAL).strip()
    apt("install", "--reinstall", package_file(CENTRAL))
    until("it runs again after an upgrade", lambda: must(
        "systemctl", "show", "-P", "MainPID", CENTRAL).strip() not in ("0", pid), SLOW_S, 1)
    apt("remove", CENTRAL)
    check(os.path.exists("/run/rpingmesh/rpingmeshd.sock"), "the daemon's socket is gone, too")
    check(not os.path.exists("/run/rpingmesh/central.sock"), "central's socket is left")
    answers()


@both
def test_remove_purge(t):
    """Remove: the daemon stops, the configuration stays. Purge: nothing is left but the user, whose
    number may own files."""
    running()
    pid = main_pid()
    with_central(t)
    apt("remove", PACKAGE)
    check(not os.path.exists(f"/proc/{pid}"), "the daemon still runs")
    check(package_state() == "config-files", package_state())
    check(os.path.exists(CONF) and not os.path.exists("/usr/sbin/rpingmeshd"),
          "wrong files are left")
    check(not os.path.exists("/run/rpingmesh"), "/run/rpingmesh is left")
    check(run("systemctl", "is-active", UNIT)[1].strip() in ("inactive", "unknown", "failed"),
          "active")
    apt("purge", PACKAGE, CENTRAL, CTL)
    check(package_state() in ("", "not-installed", "unknown") or "no packages" in package_state(),
          package_state())
    # The test's own.
    os.unlink(SYSCTL)
    left = [f for f in left_of_the_package()
            if not f.startswith("/var/lib/dpkg/") and not f.startswith("/var/log/")]
    check(left == [], f"left: {left}")
    check(run("systemctl", "--failed", "--no-legend", "--plain")[1].strip() == "",
          "failed units are left")
    t.note(f"user rpingmesh: "
           f"{'stays' if any(u.pw_name == 'rpingmesh' for u in pwd.getpwall()) else 'is gone'}")
    install()
    answers()


@both
def test_autopkgtest(t):
    """The package's own tests, as Debian's machines run them on a package that has just been
    installed: the two that need no source."""
    if package_state() == "installed":
        apt("purge", PACKAGE)
    install()
    for name in ("commands", "service"):
        must("sh", os.path.join(harness.HERE, "../../contrib/debian/tests", name))
        t.note(f"{name} passed")


only_two("test_booted.py")
harness.main(globals())
