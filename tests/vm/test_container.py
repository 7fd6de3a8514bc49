#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The container image, run by podman as contrib/container/README.md says: tests/vm/run --systemd
--hosts 2.

The commands are read out of that page. The container is the daemon of host 0 of the fabric, a plain
rpingmeshd of $RPINGMESH_BUILD that of host 1. The image is in the image store that `make
check-container` has made, $RPINGMESH_STORE (default: container/store in $RPINGMESH_BUILD), which
the VM reads in place. What is expected comes from /proc, podman, systemd, rdma(8) and tcpdump."""

import json
import os
import re
import shlex
import signal
import subprocess
import time

import harness
from harness import Capture, Failure, Host, address, check, child_of, probes_in, until

TOP = os.path.realpath(os.path.join(harness.HERE, "../.."))
PAGE = os.path.join(TOP, "contrib/container/README.md")
STORE = os.path.realpath(os.environ.get("RPINGMESH_STORE",
                                        os.path.join(harness.BUILD, "container/store")))
NAME = "rpingmesh"
CONF = "/etc/rpingmesh/rpingmeshd.conf"
SOCKET = "/run/rpingmesh/rpingmeshd.sock"
# What the page makes for the daemon to write to.
WRITTEN = "/run/rpingmesh", "/var/lib/rpingmesh"
PARANOID = "/proc/sys/kernel/perf_event_paranoid"
# Whatever podman does takes tens of seconds under emulation.
SLOW_S = 300
# linux/capability.h
TWO_CAPABILITIES = 1 << 38 | 1 << 39
STORAGE = """[storage]
driver = "overlay"
graphroot = "/var/lib/containers/storage"
runroot = "/run/containers/storage"
[storage.options]
additionalimagestores = ["/host{store}"]
"""


def documented(mark):
    """The commands below <!-- mark --> in the page, up to an empty line."""
    with open(PAGE, encoding="utf-8") as f:
        found = re.search(rf"^<!-- {mark} -->\n\n((?:    .*\n)+)", f.read(), re.M)
    check(found, f"{PAGE} has no commands below <!-- {mark} -->")
    return found[1].replace("\\\n", "")


def run(*argv):
    """Exit status and output."""
    p = subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       text=True, timeout=SLOW_S, cwd=TOP)
    return p.returncode, p.stdout


def must(*argv):
    status, text = run(*argv)
    check(status == 0, f"{' '.join(map(str, argv))}: exit {status}: {text.strip()[-800:]}")
    return text


def prepare():
    """What the page has an operator do once on a host. The disk's systemd lacks the bus, which
    podman asks for control groups."""
    if os.path.exists(CONF):
        return
    must("systemctl", "unmask", "dbus.socket", "dbus.service")
    must("systemctl", "start", "dbus.socket")
    with open("/etc/containers/storage.conf", "w", encoding="utf-8") as f:
        f.write(STORAGE.format(store=STORE))
    must("bash", "-euxo", "pipefail", "-c", documented("prepare"))
    check(os.path.getsize(CONF) > 0, "no default configuration")
    with open(CONF, "a", encoding="utf-8") as f:
        # The emulation is slow: no limit of the processor.
        f.write(f'devices = ("rxe0");\nlimits = {{ cpu_percent = 0; }};\ntimeout_ms = 5000;\n'
                f'peers = ({{ address = "{address(1)}"; interval_ms = 200; }});\n')
    must("bash", "-euxo", "pipefail", "-c", documented("test"))


def options(argv, leave_out=()):
    """The documented command line without options of these names, each with its value."""
    rest, skip = [], False
    for word in argv:
        if not skip and word not in leave_out:
            rest.append(word)
        skip = not skip and word in leave_out
    return rest


def start(t, argv=None):
    """Host 0's container, made anew, by the page's command line if there is no other; and host 1's
    daemon."""
    prepare()
    remove()
    must(*(argv or shlex.split(documented("run"))))
    Host(t, 1).start()


def remove():
    run("podman", "rm", "-f", "-t", "15", NAME)


def inspect(what):
    return must("podman", "inspect", "-f", what, NAME).strip()


def main_pid():
    return int(inspect("{{.State.Pid}}"))


def proc_status(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def ctl(*argv):
    """The host's rpingmesh-ctl --json on the mounted directory: records, or nothing while the
    daemon does not answer."""
    p = subprocess.run([harness.CTL, "-S", SOCKET, "--json", *map(str, argv)],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=SLOW_S)
    return [json.loads(line) for line in p.stdout.splitlines()] if p.returncode in (0, 1) else []


def status():
    return (ctl("status") or [None])[0]


def log():
    return run("podman", "logs", "--tail", 40, NAME)[1]


def wait(what, condition):
    try:
        return until(what, condition, SLOW_S, 1)
    except Failure as e:
        raise Failure(f"{e}; status {status()}; log: {log()}") from e


def peer():
    return next((p for p in ctl("peers") if p["address"] == address(1)), None)


def measures(more=10):
    """Host 1 is up and answers so many more probes; each that it answered was on the wire, outside
    of the container."""
    t = harness.Test()
    wait("host 1 is up", lambda: (peer() or {"state": ""})["state"] == "up")
    capture = Capture(t, 0)
    before = peer()["ok"]
    after = wait(f"{more} more probes are answered",
                 lambda: (peer() or {"ok": 0})["ok"] >= before + more and peer())
    packets = [p for p in probes_in(capture.packets())
               if (p["source"], p["dest"]) == (address(0), address(1))]
    check(len(packets) >= after["ok"] - before,
          f"{after['ok'] - before} answered, {len(packets)} on the wire")
    check(after["lost"] == 0, f"lost on a clean wire: {after}")
    return after


def tracing_is_on():
    return wait("tracing is on", lambda: (status() or {}).get("tracing") == "on" and status())


def sentence(*words):
    """Of a degraded state, with all these words."""
    def there():
        return next((d for d in (status() or {"degraded": []})["degraded"]
                     if all(w in d for w in words)), None)
    return wait(f"a degraded state with {words}", there)


def rights_are(uid, capabilities):
    """Of the tracing helper; the daemon holds none. The group is that of the page with any user."""
    for pid, held in ((main_pid(), 0), (child_of(main_pid()), capabilities)):
        s = proc_status(pid)
        check(s["Uid"].split() == [str(uid)] * 4 and s["Gid"].split() == [str(page_uid())] * 4,
              f"{s['Uid']} {s['Gid']}, {uid} wanted")
        for field in ("CapEff", "CapPrm"):
            check(int(s[field], 16) == held, f"{field} {s[field]}, {held:016x} wanted")
        check(int(s["CapBnd"], 16) == capabilities, f"CapBnd {s['CapBnd']}")
        check(s["NoNewPrivs"].strip() == "1", "may gain privileges")


def page_uid():
    return int(re.search(r"d /run/rpingmesh 0755 (\d+) \1\b", documented("prepare"))[1])


def test_measure(t):
    """By the page's commands: an unprivileged user with two capabilities, which measures and
    traces; the host's rpingmesh-ctl."""
    prepare()
    with open(PARANOID, encoding="utf-8") as f:
        check(f.read().strip() == "2", "the page's sysctl does not hold")
    must("sysctl", "-qw", "kernel.perf_event_paranoid=3")
    start(t)
    t.note(sentence("perf_event_paranoid=3"))
    must("sysctl", "-qw", "kernel.perf_event_paranoid=2")
    must("podman", "kill", "--signal", "HUP", NAME)
    s = tracing_is_on()
    check(not s["degraded"], f"{s['degraded']}")
    check(s["pid"] == main_pid(), f"pid {s['pid']} answers, the container's is {main_pid()}")
    rights_are(page_uid(), TWO_CAPABILITIES)
    after = measures(20)
    t.note(f"uid {page_uid()}, hooks {s['trace']['hooks']} of {s['trace']['hooks_wanted']}, "
           f"{after['ok']} ok")


def asked_by_group():
    """The page's group of the host may ask, others may not."""
    as_nobody = ["setpriv", "--reuid", "nobody", "--regid", "nogroup"]
    argv = [harness.CTL, "-S", SOCKET, "status"]
    allowed, text = run(*as_nobody, "--groups", page_uid(), *argv)
    check(allowed in (0, 1) and "rpingmeshd" in text, f"in the group: exit {allowed}: {text}")
    refused, text = run(*as_nobody, "--clear-groups", *argv)
    check(refused > 1 and "ermission" in text, f"not in the group: exit {refused}: {text}")


def test_who_may_ask(t):
    """Members of the page's group on the host, and rpingmesh-ctl in the container."""
    start(t)
    wait("it answers", status)
    asked_by_group()
    inside, text = run("podman", "exec", NAME, "rpingmesh-ctl", "status")
    check(inside in (0, 1) and f"pid {main_pid()}" in text,
          f"in the container: exit {inside}: {text}")


def test_stop_and_restart(t):
    """podman stop ends it cleanly within its time, podman restart has it measure again, and so does
    a crash."""
    start(t)
    measures()
    pid = main_pid()
    must("podman", "stop", NAME)
    check(inspect("{{.State.Status}} {{.State.ExitCode}}") == "exited 0",
          inspect("{{json .State}}"))
    check(not os.path.exists(f"/proc/{pid}"), f"pid {pid} is there")
    left = [q for q in json.loads(must("rdma", "-j", "-d", "resource", "show", "qp") or "[]")
            if q.get("pid") == pid]
    check(not left, f"queue pairs are left: {left}")
    check(not os.path.exists(SOCKET), "the socket is left")
    must("podman", "start", NAME)
    measures()
    pid = main_pid()
    must("podman", "restart", NAME)
    check(main_pid() not in (0, pid), "the same process")
    pid = main_pid()
    os.kill(pid, signal.SIGKILL)
    wait("another one after a crash", lambda: (status() or {"pid": pid})["pid"] != pid)
    check(status()["pid"] == main_pid(),
          f"pid {status()['pid']} answers, the container's is {main_pid()}")
    measures()


def test_jobs(t):
    """--pid host and --cgroupns host: a connection of a unit of the host is that program's and that
    unit's."""
    start(t)
    tracing_is_on()
    unit = "container-test-rping"
    server = subprocess.Popen(["rping", "-s", "-a", address(1), "-P"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(3)
        must("systemd-run", "--unit", unit, "rping", "-c", "-a", address(1), "-I", address(0), "-C",
             "1000000")
        pid = int(must("systemctl", "show", "-P", "MainPID", unit))
        # It sends as fast as it can; once it is stopped its QPs stay.
        time.sleep(3)
        must("systemctl", "kill", "-s", "STOP", unit)

        def flow():
            return next((f for f in ctl("flows") for o in f["owners"]
                         if o["pid"] == pid and f["dst_gid"] == address(1)), None)
        f = wait("rping's flow", flow)
        check([(o["comm"], o["job"]) for o in f["owners"]] == [("rping", f"unit:{unit}.service")],
              f"{f['owners']}")
    finally:
        run("systemctl", "kill", "-s", "KILL", unit)
        server.kill()
        server.wait()


def test_without_capabilities(t):
    """It measures, names what is missing, and is healthy; one that hangs is not."""
    start(t, options(shlex.split(documented("run")), ["--cap-add"]))
    measures()
    t.note(sentence("services are not traced", "CAP_BPF and CAP_PERFMON"))
    rights_are(page_uid(), 0)
    must("podman", "healthcheck", "run", NAME)
    pid = main_pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        sick, text = run("podman", "healthcheck", "run", NAME)
    finally:
        os.kill(pid, signal.SIGCONT)
    check(sick == 1, f"a daemon that hangs is healthy: exit {sick}: {text}")


def test_without_device(t):
    """It runs, and says what a container must be given."""
    start(t, options(shlex.split(documented("run")), ["--device"]))
    t.note(sentence("rxe0", "a container must be given /dev/infiniband/uverbs"))
    check(not ctl("devices"), f"{ctl('devices')}")


def test_as_docker(t):
    """The page's command line for docker, by podman: root with the same two capabilities and
    directories of root's."""
    prepare()
    # Its socket goes with it.
    remove()
    argv = shlex.split(documented("docker"))
    check(argv[:2] == ["docker", "run"], f"{argv}")
    seccomp = next(w for w in shlex.split(documented("run")) if w.startswith("seccomp="))
    must("chown", "0:0", *WRITTEN)
    try:
        # Docker's system call filter lets pass what the page's copy of podman's does.
        start(t, ["podman", "run", "--security-opt", seccomp, *argv[2:]])
        tracing_is_on()
        rights_are(0, TWO_CAPABILITIES)
        asked_by_group()
        measures()
    finally:
        must("chown", f"{page_uid()}:{page_uid()}", *WRITTEN)


if harness.fabric_hosts() < 2 or not os.path.isdir("/run/systemd/system"):
    raise SystemExit("test_container.py: run it with tests/vm/run --systemd --hosts 2")
harness.main(globals())
