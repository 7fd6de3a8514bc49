#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What tracing needs is taken away on a real kernel, one thing after the other: the state is told
with its cause and cure, the log has it once, the mesh is probed on, and what comes back is used.

tests/vm/bpf_deny makes the kernel answer as an old one, a container or a policy would;
capabilities, sysctls, files of sysfs and modules are really gone. Which words must be in a sentence
is what an operator searches for: the right, the setting, the path. tests/vm/run --kernel K --hosts
2 -- tests/vm/test_degraded.py [CASE...]; lockdown cannot be taken back and comes last."""

import contextlib
import os
import platform
import re
import shutil
import signal
import subprocess
import time

import harness
from harness import BUILD, Host, Skip, address, check, child_of, sh, until
from test_trace import KERNEL, QPGEN, Program, flow_of, gid, services

BPF_DENY = os.path.join(BUILD, "tests/vm/bpf_deny")
BTF = "/sys/kernel/btf"
LOCKDOWN = "/sys/kernel/security/lockdown"
NOBODY = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")


class Degraded(Host):
    """Host 0, which probes host 1, under what takes things away. rules(): what bpf_deny refuses
    from now on."""

    def __init__(self, t, prefix=(), user=False):
        super().__init__(t, 0, f'peers = ({{ address = "{address(1)}"; interval_ms = 300; }});')
        self.rules_path = os.path.join(self.dir, "rules")
        self.prefix = prefix
        self.rules()
        if user:
            for path in (t.dir, self.dir):
                os.chmod(path, 0o777)
            for node in os.listdir("/dev/infiniband"):
                os.chmod(f"/dev/infiniband/{node}", 0o666)

    def denied(self, *rules):
        self.rules(*rules)
        return self.start(prefix=(BPF_DENY, "--rules", self.rules_path, "--", *self.prefix))

    def rules(self, *rules):
        with open(self.rules_path + ".new", "w") as f:
            f.write("\n".join(rules))
        os.rename(self.rules_path + ".new", self.rules_path)

    def told(self, *words, state="failed"):
        """Waits until status has a sentence with these words; returns it."""
        def there():
            self.alive()
            s = self.status()
            found = [d for d in s["degraded"] if all(w in d for w in words)]
            return (found[0], s) if found and s["trace"]["state"] == state else None
        try:
            sentence, s = until(f"a sentence with {words}", there)
        except harness.Failure as e:
            raise harness.Failure(f"{e}; there is: {self.status()['degraded']}")
        check(s["tracing"] == ("degraded" if state == "on" else "off") and s["tracing_reason"],
              f"{s['tracing']}: {s['tracing_reason']}")
        check(len(sentence) < 512 and not re.search(r"\n|\(null\)|\.\.\.$", sentence),
              f"reads badly: {sentence}")
        return sentence

    def says(self, word):
        """As told(), where it is not tracing that lacks something."""
        until(f"a sentence with {word}",
              lambda: self.alive() and any(word in d for d in self.status()["degraded"]))
        return next(d for d in self.status()["degraded"] if word in d)

    def reads_well(self, *words):
        """The same for people: status and flows name it, and exit as they should."""
        text = self.ctl("status", status=1)
        line = next((x for x in text.splitlines()
                     if x.lstrip().startswith("degraded") and all(w in x for w in words)), None)
        check(line, f"status does not show {words}: {text}")
        self.ctl("flows")
        check("tracing is" in self.errors and self.errors.count("\n") == 1,
              f"flows does not say why it is empty: {self.errors}")

    def status(self):
        """Loading the programs keeps an emulated daemon from answering for seconds."""
        return until("the daemon answers", lambda: self.alive() and self.try_status())

    def reload(self):
        """What failed is tried again at once, instead of within a minute."""
        self.send_signal(signal.SIGHUP)

    def well(self):
        def there():
            self.alive()
            s = self.status()
            # The peer may have no daemon.
            return s["tracing"] == "on" and not [d for d in s["degraded"]
                                                 if "configured peers is up" not in d]
        until("tracing is on, and nothing is degraded", there)

    def goes_on_by_multi(self):
        """Perf kprobes are still refused; kprobe.multi is not any more."""
        self.rules()
        self.reload()
        self.well()
        check(self.status()["trace"]["method"] == "kprobe.multi", "not by kprobe.multi")

    def logged_once(self, *words):
        lines = [x for x in self.log().splitlines()
                 if " trace: " in x and all(w in x for w in words)]
        check(len(lines) == 1, f"{words}: {len(lines)} times in the log: {lines}")

    def probes(self):
        """Whatever tracing lacks: host 1 is probed, and answers."""
        ok = self.wait_peer(address(1), "up")["ok"]
        until("probing goes on", lambda: self.peer(address(1))["ok"] > ok + 1)

    def sees_flows(self, t):
        p = Program(t, QPGEN, "rxe0", gid(0), "rxe1", gid(1), "--print", "--hold", 600)
        qp = next(q for q in p.qps(2) if q["device"] == "rxe0")
        until("the flow shows", lambda: flow_of(self, qp["qpn"]))
        p.stop()
        until("and ends", lambda: flow_of(self, qp["qpn"]) is None)


def capabilities(*names):
    caps = ",".join(["-all"] + [f"+{n}" for n in names])
    return (*NOBODY, "--bounding-set", caps, "--ambient-caps", caps, "--inh-caps", caps)


def value(path):
    with open(path) as f:
        return f.read().strip()


@contextlib.contextmanager
def setting(path, wanted):
    before = value(path)
    try:
        with open(path, "w") as f:
            f.write(str(wanted))
        yield
    finally:
        with open(path, "w") as f:
            f.write(before)


@contextlib.contextmanager
def hidden(*paths):
    """Nothing is to be seen below these directories."""
    there = []
    try:
        for path in paths:
            if os.path.isdir(path):
                sh("mount", "-t", "tmpfs", "none", path)
                there.append(path)
        yield
    finally:
        for path in there:
            sh("umount", path)


def responder(t):
    Host(t, 1, "").start()


def multi_works():
    """kprobe.multi finds functions of modules from 6.12 on, on arm64 on 7.2 (README's matrix)."""
    return KERNEL >= ((6, 12) if platform.machine() == "x86_64" else (7, 2))


@services
def test_refused(t):
    """System calls that an old kernel has not, or that a container, a policy or the verifier
    refuses: a sentence each, by one daemon."""
    responder(t)
    h = Degraded(t, prefix=("setarch", platform.machine(),
                            "--uname-2.6")).denied("map_create:ringbuf=EINVAL")
    steps = (
        (("map_create:ringbuf=EINVAL",), ("Linux 2.6", "no BPF ring buffer", "5.8")),
        (("bpf=ENOSYS",), ("bpf(2)", "CONFIG_BPF_SYSCALL")),
        (("bpf=EPERM",), ("refuses bpf(2)", "SystemCallFilter", "Operation not permitted")),
        (("prog_load:kprobe=EINVAL",), ("does not take the programs", "Invalid argument", "debug")),
        (("perf_event_open=EPERM", "link_create:kprobe_multi=EINVAL"),
         ("refuses kprobes", "SystemCallFilter", "kprobe.multi")),
        (("perf_event_open:ib_destroy_qp_user=ENOENT", "link_create:kprobe_multi=EINVAL"),
         ("no function ib_destroy_qp_user", "kprobe.multi does not work either")),
    )
    for i, (rules, words) in enumerate(steps):
        h.rules(*rules)
        if i:
            h.reload()
        sentence = h.told("services are not traced", *words)
        t.note(f"{' '.join(rules)}: {sentence}")
        h.logged_once("failed", *words)
        if i in (0, 4):
            h.reads_well(*words)
    check("CAP_" not in h.status()["tracing_reason"], "a right is blamed that is there")
    h.reload()
    h.probes()
    h.logged_once("no function ib_destroy_qp_user")
    h.rules()
    h.reload()
    h.well()
    h.sees_flows(t)


@services
def test_dump_refused(t):
    """No RDMA netlink, as systemd's RestrictAddressFamilies= or a container has it: flows show, the
    dump is missed; then it comes."""
    responder(t)
    h = Degraded(t).denied("socket:rdma=EPERM")
    t.note(h.told("dump of QPs by RDMA netlink failed", "not permitted", "RestrictAddressFamilies",
                  state="on"))
    h.reads_well("RestrictAddressFamilies")
    h.sees_flows(t)
    before = h.status()["trace"]["dumps_failed"]
    h.reload()
    until("it is tried again", lambda: h.status()["trace"]["dumps_failed"] > before)
    h.logged_once("dump of QPs", "not permitted")
    h.probes()
    h.rules()
    h.reload()
    h.well()


@services
def test_hidden_processes(t):
    """A /proc that hides the processes of others (hidepid=2): flows show, jobs do not, and that is
    told; a group that sees them cures it."""
    responder(t)
    h = Degraded(t, user=True)
    mounted = ("sh", "-c", 'mount -t proc -o "$0" proc /proc && exec "$@"')
    for options, hides in (("hidepid=2", True), ("hidepid=2,gid=65534", False)):
        h.start(prefix=("unshare", "--mount", *mounted, options,
                        *capabilities("bpf", "perfmon", "sys_admin", "ipc_lock")))
        if hides:
            t.note(h.told("/proc hides the processes of other users", "hidepid=", "gid=",
                          "ProtectProc=", state="on"))
            h.reads_well("hides the processes")
        else:
            h.well()
        h.probes()
        h.stop()


@services
def test_function_missing(t):
    """An ib_core without a function that only adds to what is known: tracing runs and says what it
    lacks."""
    responder(t)
    h = Degraded(t).denied("perf_event_open:ib_query_qp=ENOENT", "link_create:kprobe_multi=EINVAL")
    t.note(h.told("tracing lacks something", "no function ib_query_qp", state="on"))
    h.reads_well("ib_query_qp")
    h.sees_flows(t)
    h.probes()


@services
def test_function_hidden(t):
    """Perf kprobes find no function of ib_core by its bare name, as on some kernels; kprobe.multi
    does."""
    if not multi_works():
        raise Skip("kprobe.multi of this kernel finds no functions of modules")
    responder(t)
    h = Degraded(t).denied("perf_event_open:ib_query_qp=ENOENT",
                           "perf_event_open:ib_destroy_qp_user=ENOENT")
    h.well()
    check(h.status()["trace"]["method"] == "kprobe.multi", "it is not traced by kprobe.multi")
    h.sees_flows(t)
    h.probes()


@services
def test_no_btf(t):
    """No description of the kernel's types; a damaged one. Uncovered, it is used without a
    restart."""
    responder(t)
    h = Degraded(t)
    copy = os.path.join(t.dir, "vmlinux")
    shutil.copy(f"{BTF}/vmlinux", copy)
    with hidden(BTF):
        h.start()
        t.note(h.told("not traced", "/sys/kernel/btf/vmlinux", "CONFIG_DEBUG_INFO_BTF"))
        h.reads_well("/sys/kernel/btf/vmlinux")
        h.reload()
        h.probes()
        h.logged_once("failed", "/sys/kernel/btf/vmlinux")
        with open(copy, "rb") as whole, open(f"{BTF}/vmlinux", "wb") as part:
            part.write(whole.read(os.path.getsize(copy) // 2))
        h.reload()
        t.note(h.told("not traced", "/sys/kernel/btf/vmlinux: not valid BTF", "damaged"))
    h.reload()
    h.well()
    h.sees_flows(t)


@services
def test_foreign_stack(t):
    """Types of ib_core alone are not described, as where a driver package built it: vmlinux's may
    stand in, and that is told."""
    if not os.path.exists(f"{BTF}/ib_core"):
        raise Skip("this kernel describes no module's types")
    responder(t)
    h = Degraded(t)
    files = [os.path.join(t.dir, name) for name in ("vmlinux", "rdma_cm")]
    for file in files:
        shutil.copy(f"{BTF}/{os.path.basename(file)}", file)
    with hidden(BTF):
        for file in files:
            shutil.copy(file, BTF)
        h.start()
        until("a decision", lambda: h.alive() and h.status()["trace"]["state"] in ("on", "failed"))
        state = h.status()["trace"]["state"]
        t.note(f"{state}: " + h.told("/sys/kernel/btf/ib_core", "pahole", state=state))
        h.reads_well("/sys/kernel/btf/ib_core")
        h.probes()


@services
def test_field_missing(t):
    """Types without a field that is read where it is there: tracing runs and names it."""
    responder(t)
    h = Degraded(t)
    # Renamed: a name stands once in the string tables of vmlinux and of ib_core, whose table goes
    # on where that of vmlinux ends.
    files = {}
    for name in ("vmlinux", "ib_core"):
        if os.path.exists(f"{BTF}/{name}"):
            with open(f"{BTF}/{name}", "rb") as f:
                files[f"{BTF}/{name}"] = f.read()
    check(sum(content.count(b"\0kern_name\0") for content in files.values()) == 1,
          "the field is not named once")
    files = {name: content.replace(b"\0kern_name\0", b"\0kern_nane\0")
             for name, content in files.items()}
    with hidden(BTF):
        for file, content in files.items():
            with open(file, "wb") as f:
                f.write(content)
        h.start()
        t.note(h.told("tracing lacks something", "rdma_restrack_entry.kern_name", state="on"))
        h.reads_well("kern_name")
        h.sees_flows(t)
        h.probes()


@services
def test_rights(t):
    """Each right alone: the other is named; CAP_SYS_ADMIN alone, which is all that a kernel before
    5.8 has, will do."""
    responder(t)
    for have, lacks in (((), "CAP_BPF and CAP_PERFMON"), (("bpf",), "CAP_PERFMON"),
                        (("perfmon",), "CAP_BPF")):
        h = Degraded(t, user=True)
        # Where everybody may use some of bpf(2), the refusal comes later.
        with setting("/proc/sys/kernel/unprivileged_bpf_disabled", 0 if "perfmon" in have else 2):
            h.start(prefix=capabilities(*have, "ipc_lock"))
            sentence = h.told("not traced", f"lacks {lacks}: ", "restart")
        t.note(f"{have}: {sentence}")
        if not have:
            h.reads_well("CAP_BPF")
            h.reload()
            h.probes()
            h.logged_once("failed")
        h.stop()
    h = Degraded(t, user=True)
    h.start(prefix=capabilities("sys_admin", "ipc_lock"))
    h.well()
    h.sees_flows(t)


@services
def test_paranoid(t):
    """kernel.perf_event_paranoid=3 with the two rights alone, and without what gets round it; the
    sysctl is changed, and tracing begins."""
    responder(t)
    with setting("/proc/sys/kernel/perf_event_paranoid", 3):
        h = Degraded(t, prefix=capabilities("bpf", "perfmon", "ipc_lock"), user=True)
        h.denied("link_create:kprobe_multi=EINVAL")
        t.note(h.told("not traced", "kernel.perf_event_paranoid=3",
                      "sysctl kernel.perf_event_paranoid=2", "kprobe.multi"))
        h.reads_well("kernel.perf_event_paranoid")
        h.probes()
        if multi_works():
            h.goes_on_by_multi()
            h.stop()
            h = Degraded(t, prefix=capabilities("bpf", "perfmon", "ipc_lock"), user=True)
            h.denied("link_create:kprobe_multi=EINVAL")
            h.told("kernel.perf_event_paranoid=3")
        with setting("/proc/sys/kernel/perf_event_paranoid",
                     2), setting("/proc/sys/kernel/kptr_restrict", 2):
            h.reload()
            h.well()
            h.sees_flows(t)


@services
def test_silent_hooks(t):
    """Attached, but the kernel calls no hook: ftrace is off, or kprobes are. The dump finds out,
    and finds out when it is over."""
    responder(t)
    h = Degraded(t).start()
    h.well()
    for path, word in (("/proc/sys/kernel/ftrace_enabled", "sysctl kernel.ftrace_enabled=1"),
                       ("/sys/kernel/debug/kprobes/enabled", "/sys/kernel/debug/kprobes/enabled")):
        with setting(path, 0):
            def seen():
                h.reload()
                return any(word in d for d in h.status()["degraded"])
            until(f"{path} is blamed", seen, step_s=3)
            t.note(h.told("tracing lacks something", "not called", word, state="on"))
            h.reads_well(word)
            h.reload()
            h.probes()
            h.logged_once(word)
        h.reload()
        h.well()
        h.sees_flows(t)


@services
def test_no_kprobes(t):
    """A kernel without kprobes: neither the performance events' kind of them nor tracefs's."""
    responder(t)
    h = Degraded(t)
    with hidden("/sys/bus/event_source/devices", "/sys/kernel/tracing",
                "/sys/kernel/debug/tracing"):
        h.denied("link_create:kprobe_multi=EINVAL")
        t.note(h.told("not traced", "no kprobes", "CONFIG_KPROBE_EVENTS"))
        h.reads_well("CONFIG_KPROBE_EVENTS")
        h.probes()
        if multi_works():
            h.goes_on_by_multi()
            h.sees_flows(t)
            return
    h.reload()
    h.well()


@services
def test_memlock(t):
    """Before Linux 5.11 BPF memory counts as locked memory; a limit that is too low is named, and
    raised from outside it will do."""
    if KERNEL >= (5, 11):
        raise Skip("this kernel does not count BPF memory as locked")
    responder(t)
    h = Degraded(t, user=True)
    h.start(prefix=("prlimit", "--memlock=65536:65536",
                    *capabilities("bpf", "perfmon", "sys_admin", "ipc_lock")))
    t.note(h.told("not traced", "64 kB", "LimitMEMLOCK", "ulimit -l", "restart"))
    h.reads_well("LimitMEMLOCK")
    h.probes()
    # The helper makes the maps.
    for pid in (h.process.pid, child_of(h.process.pid)):
        sh("prlimit", "--pid", str(pid), "--memlock=134217728:134217728")
    h.reload()
    h.well()


@services
def test_pid_namespace(t):
    """In a pid namespace of its own, where the kernel does not tell who the daemon is: its own QPs
    may show."""
    h = Degraded(t, prefix=("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", BPF_DENY,
                            "prog_run=EINVAL", "--"))
    h.start(prefix=h.prefix)
    try:
        t.note(h.told("tracing lacks something", "pid namespace", state="on"))
        h.reads_well("pid namespace")
    finally:
        # unshare waits for the daemon and does not pass on SIGTERM.
        daemon = value(f"/proc/{h.process.pid}/task/{h.process.pid}/children").split()[0]
        os.kill(int(daemon), signal.SIGTERM)
        check(h.process.wait(harness.PATIENCE_S) == 0, "no clean stop")
        h.process = None


@services
def test_stack_comes_later(t):
    """The RDMA modules are loaded after the daemon has started: it waits, and says for what."""
    mods = ["rdma_ucm", "rdma_rxe", "ib_uverbs", "ib_uverbs_support", "rdma_cm", "iw_cm", "ib_cm",
            "ib_core"]
    for i in range(2):
        sh("rdma", "link", "delete", f"rxe{i}")
    sh("modprobe", "-r", *[m for m in mods if os.path.exists(f"/sys/module/{m}")])
    h = Degraded(t)
    try:
        h.start()
        t.note(h.told("not traced", "ib_core is not loaded", state="waiting"))
        h.reads_well("ib_core")
        h.logged_once("ib_core")
        check(not os.path.exists("/sys/module/ib_core"), "the daemon has loaded ib_core")
    finally:
        sh("modprobe", "-a", "rdma_rxe", "ib_uverbs", "rdma_ucm")
        for i in range(2):
            sh("rdma", "link", "add", f"rxe{i}", "type", "rxe", "netdev", f"h{i}")
    responder(t)
    h.well()
    h.probes()
    h.sees_flows(t)


def test_built_without(t):
    """configure --disable-bpf: the daemon measures, and tells why no flow is seen."""
    responder(t)
    h = Degraded(t).start()
    if "built without BPF" not in (h.status()["tracing_reason"] or ""):
        raise Skip("this build has BPF")
    t.note(h.told("not traced", "built without BPF", "--disable-bpf", state="off"))
    h.reads_well("--disable-bpf")
    h.probes()
    h.logged_once("built without BPF")


def test_no_rdma_cm(t):
    """A user who may not open rdma_cm: nothing is probed, and that is told; permitted, it
    begins."""
    responder(t)
    h = Degraded(t, user=True)
    os.chmod("/dev/infiniband/rdma_cm", 0o600)
    try:
        h.start(prefix=capabilities("bpf", "perfmon", "sys_admin", "ipc_lock"))
        t.note(h.says("rdma_cm"))
        check("modprobe rdma_ucm" in h.ctl("status", status=1), "status does not show the cure")
    finally:
        os.chmod("/dev/infiniband/rdma_cm", 0o666)
    h.reload()
    h.well()
    h.probes()


def test_second_listener(t):
    """Two daemons on one device: the second says that it is not the one that answers there, and
    does not probe, which would take the sessions of the first; when that ends it takes over."""
    first = Host(t, 0, f'peers = ({{ address = "{address(1)}"; interval_ms = 300; }});').start()
    responder(t)
    first.wait_peer(address(1), "up")
    h = Degraded(t)
    h.socket = os.path.join(h.dir, "second.sock")
    with open(h.conf) as f:
        text = f.read().replace("rpingmeshd.sock", "second.sock")
    with open(h.conf, "w") as f:
        f.write(text)
    h.start()
    t.note(h.says("does not probe"))
    told = until("the first daemon says it, too",
                 lambda: [d for d in first.status()["degraded"] if "wants to listen" in d])
    t.note(told[0])
    pid = h.process.pid
    check(f"process {pid})" in told[0], f"not process {pid}: {told[0]}")
    first.ctl("status", status=1)
    time.sleep(3)
    peer = h.peer(address(1))
    check(peer["posted"] == 0 and peer["ok"] == 0, f"the second daemon probes: {peer}")
    mine = first.peer(address(1))
    check(mine["ok"] > 5 and mine["peer_restarted"] == 0,
          f"the first daemon's sessions: {mine}")
    first.stop()
    h.well()
    h.probes()


@services
def test_lockdown(t):
    """Locked down in confidentiality mode, as some have it with Secure Boot: nobody reads kernel
    memory. Holds until the VM ends."""
    if not os.path.exists(LOCKDOWN):
        sh("mount", "-t", "securityfs", "none", "/sys/kernel/security", ok=False)
    if not os.path.exists(LOCKDOWN):
        raise Skip("this kernel has no lockdown")
    responder(t)
    with open(LOCKDOWN, "w") as f:
        f.write("integrity")
    h = Degraded(t).start()
    h.well()
    h.sees_flows(t)
    h.stop()
    with open(LOCKDOWN, "w") as f:
        f.write("confidentiality")
    h.start()
    t.note(h.told("not traced", "confidentiality", "lockdown=integrity"))
    h.reads_well("lockdown")
    h.probes()


if __name__ == "__main__":
    harness.main(globals())
