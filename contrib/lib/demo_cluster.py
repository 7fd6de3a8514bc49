#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The inside of contrib/demo: a Clos in the test VM, a daemon on each host, a broker and
rpingmesh-central. Parts of the network are broken, one after the other, and what central says
stands beside what was done."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
sys.path.insert(0, os.path.join(TOP, "tests/vm"))

import harness  # noqa: E402
from clos import MANAGER, STATE, Clos, ClosHost  # noqa: E402
from test_cluster import PORT, Central  # noqa: E402

LEAVES, SPINES, HOSTS = 3, 2, 2
PAGE_PORT = 9480
# What an emulated machine needs: all hosts share one processor, and switches do not limit answers.
CONF = f"""cluster = {{ broker = "mqtt://{MANAGER}:{PORT}"; trace_per_s = 100; }};
tracing = {{ enable = false; }};
max_probes_per_s = 60;
limits = {{ cpu_percent = 0; }};
socket_group = "";
"""
LONGEST_S = 240
SHRINK_S = 40  # a group of candidates has this long to become one
QUIET_S = 10  # after which nothing may be wrong
CRASH_S = 25
KEEP_LOG = "/tmp/rpingmesh-demo"  # in the VM, while it runs


EXPLAINS = f"""
                  spine0        spine1              every leaf is connected to every spine
             leaf0        leaf1        leaf2        leaf0: host0 host1, leaf1: host2 host3, ...

  Hosts, switches and cables are network namespaces of one emulated machine; switches hash flows to
  links (ECMP) and answer traceroute, and know nothing of rpingmesh. rpingmeshd on each host probes
  NICs of other hosts over RDMA, traces the paths of its probes, and reports both to an MQTT broker.
  rpingmesh-central reads that, and nothing else. What is broken below is told to the kernel (tc
  netem) and to nobody of these. "$ ..." is a command that you could type. What central logs is in
  {KEEP_LOG}/central.log, for contrib/demo --keep. Seconds ("s") are those of the
  emulated machine, which has one slow processor.
"""


def heading(text):
    print(f"\n== {text}", flush=True)


def say(text):
    print(text, flush=True)


class Demo(harness.Test):
    """A list of what was done and what was said."""

    def __init__(self):
        super().__init__()
        self.clos = Clos(LEAVES, SPINES, HOSTS)
        self.central = Central(self)
        self.rows = []
        self.judged = {}  # incident: what was done, when it was mended
        self.failed = False

    # ---- the cluster ----

    def start(self):
        conf = os.path.join(self.dir, "rpingmeshd.conf")
        with open(conf, "w") as f:
            f.write(CONF)
        switches = os.path.join(self.dir, "switches")
        with open(switches, "w") as f:
            f.write(self.clos.switch_addresses())
        os.makedirs(KEEP_LOG, exist_ok=True)
        self.log = open(os.path.join(KEEP_LOG, "central.log"), "w")
        self.central.start_broker()
        self.central.start(f'paths = {SPINES};\nswitches = "{switches}";\n'
                           f'listen = "0.0.0.0:{PAGE_PORT}";\n', log=self.log)
        self.daemons = [ClosHost(self, n, conf) for n in self.clos.hosts]
        for daemon in self.daemons:
            daemon.start(wait=False)

    def ctl(self, *argv):
        program = os.path.join(harness.BUILD, "rpingmesh-ctl")
        return subprocess.run([program, "-S", self.central.socket, *argv],
                              stdout=subprocess.PIPE, text=True, timeout=120).stdout

    def show(self, *argv):
        say(f"\n$ rpingmesh-ctl --central {' '.join(argv)}")
        say(self.ctl(*argv).rstrip())

    def settle(self):
        began = time.monotonic()
        want = len(self.daemons)
        harness.until("all hosts are registered", lambda: sum(
            h["state"] == "present" for h in self.central.json("hosts")) == want, 300, 1)
        say(f"  {want} hosts have registered after {time.monotonic() - began:.0f} s")
        links = 2 * LEAVES * SPINES
        harness.until("all links are known", lambda: sum(
            {str(x["from_name"])[:4], str(x["to_name"])[:4]} == {"leaf", "spin"}
            for x in self.central.json("links")) >= links, 300, 2)
        say(f"  central knows each link between leaf and spine after "
            f"{time.monotonic() - began:.0f} s: nobody has told it")
        time.sleep(QUIET_S)

    # ---- what is done, and what is said ----

    def blame(self):
        return [x for x in self.central.json("blame") if x["type"] == "incident"]

    def row(self, done, said, after, ok):
        self.failed |= not ok
        self.rows.append((("ok" if ok else "FAILED"), done, said, after))

    def fault(self, done, look, wanted, netem, *ends):
        """Breaks links, until they are named. In the end, `wanted` must be in the name of the first
        candidate of the only new incident. Its end is not waited for here: the next fault is
        elsewhere."""
        heading(done)
        say(look)
        began = time.monotonic()
        for a, b in ends:
            self.clos.fault(a, b, *netem)

        def new():
            return [x for x in self.blame() if x["id"] not in self.judged]

        def named():
            return [x for x in new() for c in x["culprits"] if wanted in c["name"]]
        try:
            harness.until("it is named", named, LONGEST_S, 1)
            after = f"{time.monotonic() - began:.0f} s"
        except harness.Failure:
            after = "never"
        end = time.monotonic() + SHRINK_S
        while [x for x in new() if len(x["culprits"]) > 1] and time.monotonic() < end:
            time.sleep(1)
        found = new()
        self.show("blame")
        if found:
            self.show("incident", found[0]["id"])
        for a, b in ends:
            self.clos.fault(a, b)
        said = "; ".join(" or ".join(c["name"] for c in x["culprits"]) + f", {x['effect']} "
                         f"{x['loss_ratio'] or 0:.0%}" for x in found) or "nothing"
        self.row(done, said, after, len(found) == 1 and
                 wanted in found[0]["culprits"][0]["name"])
        for x in found:
            self.judged[x["id"]] = (f"  {wanted} is mended", time.time_ns())
        say("\nIt is mended. That central closes the incident is looked at in the end.")

    def all_closed(self):
        """Each incident closed, soon after what was done was undone, and no other ever opened."""
        heading("All is mended: do the incidents close?")
        try:
            harness.until("all are closed", lambda: not self.blame(), LONGEST_S, 1)
        except harness.Failure:
            pass
        self.show("incidents", "--all")
        every = {x["id"]: x for x in self.central.json("incidents", "--all")}
        for key, (done, mended_ns) in self.judged.items():
            closed_ns = every[key].get("closed_ns")
            self.row(done, "closed" if closed_ns else "still open",
                     f"{(closed_ns - mended_ns) / 1e9:.0f} s" if closed_ns else "never",
                     bool(closed_ns))
        others = [x for key, x in every.items() if key not in self.judged and x["kind"] != "host"]
        self.row("all in all", "; ".join(c["name"] for x in others for c in x["culprits"]) or
                 "nothing else", "-", not others)

    def crash(self):
        """A daemon that is killed is no fault of the network."""
        done = f"host{self.daemons[-1].index}'s daemon is killed"
        heading(done)
        say("Its NIC and the network are fine. Nobody but the host may be accused; it is gone.")
        self.daemons[-1].stop(signal.SIGKILL)
        time.sleep(CRASH_S)
        found = [x for x in self.blame() if x["kind"] != "host" and x["id"] not in self.judged]
        self.show("hosts")
        said = "no fault of the network" if not found else found[0]["culprits"][0]["name"]
        self.row(done, said, f"in {CRASH_S} s", not found)
        self.daemons[-1].start(wait=False)

    def summary(self):
        heading("Summary")
        wide = max(len(done) for _, done, _, _ in self.rows)
        wider = max(len(said) for _, _, said, _ in self.rows)
        say(f"\n  {'':6}  {'WHAT WAS DONE':{wide}}  {'WHAT CENTRAL SAID':{wider}}  AFTER")
        for ok, done, said, after in self.rows:
            say(f"  {ok:6}  {done:{wide}}  {said:{wider}}  {after}")
        say("\n" + ("Not all of it was right." if self.failed else "All of it was right."))

    def finish(self):
        self.central.end()
        for daemon in self.daemons:
            daemon.stop()
        self.log.close()


def shell(demo, page):
    say(f"""
Everything still runs. This is a shell in the VM, in the checkout; what is written is lost. Try:

  rpingmesh-ctl hosts                             who is there, as central sees it
  rpingmesh-ctl links; rpingmesh-ctl coverage     what is crossed
  tests/vm/fabric fault spine0 leaf1 loss 10%     break something; without "loss 10%", mend it
  rpingmesh-ctl incidents --follow                what central says of it
  less {KEEP_LOG}/central.log           what it logs
  rpingmesh-ctl -S {STATE}/host.0/run/rpingmeshd.sock top
  exit                                            ends the VM
""")
    if page:
        say(f"The page is at http://127.0.0.1:{page}/ on your machine.\n")
    env = dict(os.environ, RPINGMESH_SOCKET=demo.central.socket,
               PATH=f"{harness.BUILD}:{os.environ['PATH']}:/usr/sbin:/sbin")
    subprocess.run(["bash", "--norc", "-i"], env=env, check=False)


def forward():
    """The network device over which the page is reached from outside, if there is one."""
    subprocess.run(["modprobe", "virtio_net"], check=False)
    subprocess.run(["udevadm", "settle"], check=False, stderr=subprocess.DEVNULL)
    if os.path.exists("/sys/class/net/eth0"):
        harness.sh("ip", "link", "set", "eth0", "up")
        harness.sh("ip", "addr", "add", "10.0.2.15/24", "dev", "eth0")


def main():
    keep, page = "--keep" in sys.argv, os.environ.get("RPINGMESH_DEMO_PAGE")
    shutil.rmtree(os.path.join(STATE, "host.0"), ignore_errors=True)
    heading(f"A Clos of {LEAVES} leaves, {SPINES} spines and {LEAVES * HOSTS} hosts")
    say(EXPLAINS)
    demo = Demo()
    if page:
        forward()
    say("  Each host runs rpingmeshd with this file, and no list of peers:")
    say("".join(f"      {line}\n" for line in CONF.splitlines()).rstrip())
    try:
        demo.start()
        demo.settle()
        say("\nWho is there, and whether something is wrong:")
        demo.show("hosts")
        demo.show("blame")
        demo.fault("spine1 drops 30 % of what it sends to leaf0",
                   "Look at the name of the link: its direction is known, too.",
                   "spine1", ("loss", "30%"), ("spine1", "leaf0"))
        demo.fault("host3's NIC drops 20 % both ways",
                   "Look for host3: the NIC is named, not the switch beside it.",
                   "host3", ("loss", "20%"), ("h3", "leaf1"), ("leaf1", "h3"))
        demo.crash()
        demo.all_closed()
        demo.summary()
        if keep:
            shell(demo, page)
    finally:
        demo.finish()
    sys.exit(1 if demo.failed else 0)


if __name__ == "__main__":
    main()
