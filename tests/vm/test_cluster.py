#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Real ports register at a real broker, and rpingmesh-central plans for them. Expected values are
the addresses of the fabric and the kernel's devices."""

import json
import os
import shutil
import signal
import socket
import subprocess

import harness
from harness import BUILD, Host, Skip, address, check, fabric_hosts, until

PORT = 18830
BROKER = f"mqtt://127.0.0.1:{PORT}"


class Central:
    """mosquitto and rpingmesh-central."""

    def __init__(self, t):
        if not shutil.which("mosquitto"):
            raise Skip("no mosquitto (contrib/setup check)")
        self.t, self.broker, self.process = t, None, None
        self.socket = os.path.join(t.dir, "central.sock")

    def start_broker(self):
        path = os.path.join(self.t.dir, "broker.conf")
        with open(path, "w") as f:
            f.write(f"listener {PORT} 127.0.0.1\nallow_anonymous true\n")
        self.broker = subprocess.Popen(["mosquitto", "-c", path], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)

        def listens():
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", PORT)) == 0
        until("mosquitto listens", listens)

    def start(self):
        path = os.path.join(self.t.dir, "central.conf")
        with open(path, "w") as f:
            f.write(f'broker = "{BROKER}";\nsocket = "{self.socket}";\nsocket_group = "";\n')
        self.process = subprocess.Popen([os.path.join(BUILD, "rpingmesh-central"), "-c", path],
                                        stdin=subprocess.DEVNULL)
        until("central answers", lambda: os.path.exists(self.socket))

    def json(self, *argv):
        ctl = os.path.join(BUILD, "rpingmesh-ctl")
        p = subprocess.run([ctl, "-S", self.socket, "--json", *argv], stdout=subprocess.PIPE,
                           text=True, timeout=120)
        return [json.loads(line) for line in p.stdout.splitlines()]

    def hosts(self):
        return {h["host"]: h for h in self.json("hosts")}

    def targets(self, host):
        """The addresses that a host is to probe."""
        lists = self.json("pinglist", host)
        return {target["address"] for one in lists for port in one["ports"]
                for group in port["groups"] for target in group["targets"]}

    def end(self):
        for process in (self.process, self.broker):
            if process:
                process.terminate()
                process.wait(60)


def cluster(tor="leaf"):
    return (f'tor = "{tor}";\ntracing = {{ enable = false; }};\n'
            f'cluster = {{ broker = "{BROKER}"; }};')


def of_host(i):
    return {address(i), address(i, 6)}


def test_join(t):
    """One file on all hosts: each registers, and is to probe all others; one that is killed leaves,
    one that ends says goodbye, one that gets another ToR is planned anew."""
    central = Central(t)
    try:
        central.start_broker()
        central.start()
        hosts = [Host(t, i, cluster()).start() for i in range(fabric_hosts())]
        names = {f"host{h.index}" for h in hosts}
        until("all hosts are registered", lambda: set(central.hosts()) == names)
        ports = until("all ports are registered", lambda: (p := central.json("ports")) and
                      len({q["host"] for q in p}) == len(hosts) and p)
        for port in ports:
            i = int(port["host"][4:])
            check(port["device"] == f"rxe{i}", f"device {port['device']} of host {i}")
            check(address(i) in port["addresses"], f"{port['addresses']} lacks {address(i)}")
            check((port["tors"], port["tor_by"]) == (["leaf"], "config"), f"ToR of {port}")
        others = {f"host{h.index}": {address(j) for j in range(len(hosts)) if j != h.index}
                  for h in hosts}
        for name, wanted in others.items():
            until(f"{name} is to probe {wanted}",
                  lambda name=name, wanted=wanted: wanted <= central.targets(name))
            check(not central.targets(name) & of_host(int(name[4:])), f"{name} probes itself")
        killed, stopped = hosts[-1], hosts[-2]
        killed.stop(signal.SIGKILL)
        until("the killed host is gone",
              lambda: central.hosts()[f"host{killed.index}"]["state"] == "gone")
        check(central.hosts()[f"host{killed.index}"]["left"] == "will", "it left by its will")
        until("nobody is to probe it", lambda: address(killed.index) not in
              central.targets("host0"))
        check(stopped.stop() == 0, "the daemon ends cleanly")
        until("the stopped host is gone",
              lambda: central.hosts()[f"host{stopped.index}"]["state"] == "gone")
        check(central.hosts()[f"host{stopped.index}"]["left"] == "goodbye", "it said goodbye")
        stopped.configure(cluster("other"))
        stopped.start()
        until("it is planned under its new ToR",
              lambda: any(c["tor"] == "other" for c in central.json("coverage")))
        until("it is probed across the fabric", lambda: address(stopped.index) in
              central.targets("host0"))
    finally:
        central.end()


def test_broker_restarts(t):
    """The broker forgets everything: the hosts register again by themselves."""
    central = Central(t)
    try:
        host = Host(t, 0, cluster()).start()
        until("status says that there is no broker", lambda:
              host.status()["cluster"]["state"] == "waiting")
        central.start_broker()
        central.start()
        until("the host is there", lambda: "host0" in central.hosts())
        central.broker.kill()
        central.broker.wait()
        central.start_broker()
        until("the host has registered again", lambda:
              central.json("status")[0]["registrations"] >= 2)
        check(central.hosts()["host0"]["state"] == "present", f"{central.hosts()}")
    finally:
        central.end()


if __name__ == "__main__":
    harness.main(globals())
