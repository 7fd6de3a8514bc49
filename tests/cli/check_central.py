# SPDX-License-Identifier: Apache-2.0
"""check_central.py BUILD: `rpingmesh-ctl --central check` lets hosts probe each other, and says
what they report. Broker, fabric and hosts are those of culprit.py and asks.py. What is true is what
this test has broken."""

import json
import os
import subprocess
import sys
import tempfile
import time

from asks import Agents
from checks import LONG, check, until
from culprit import BUILD, PREFIX, RATE, Host, World

BUDGET = 1000     # of a port, as Fabric.register() says
SHARE = 4
AT_ONCE = 32      # 5-tuples of a host in a message


FIXED = {"h11": 50002, "h31": 50003}  # hosts with one source port, as soft-RoCE has few
UNSAID = {"h21": 50777, "h12": 0}     # so have these, or do not know it, but do not say so


class Deaf(Agents):
    """Agents, of which some do not do what they are asked, and some do it longer, from one port."""

    def __init__(self, world):
        super().__init__(world)
        self.deaf, self.silent, self.lazy = False, set(), set()
        publish = world.fabric.publish

        def limited(kind, host, record, retained=False):
            if kind == "registration" and host.name in FIXED:
                record["ports"][0]["src_ports"] = 1
            publish(kind, host, record, retained)
        world.fabric.publish = limited

    def take(self, ask):
        port = {**FIXED, **UNSAID}.get(ask["host"])
        if port is not None:
            ask["until_ns"] += 15 * 10**9
            for t in ask["probe"]:
                t["src_port"] = port
        ask["probe"] = [t for t in ask["probe"]
                        if (ask["host"], self.by_address[t["destination"]].name) not in self.lazy]
        if ask["host"] not in self.silent:
            super().take(ask)


class Check:
    """A check that runs while hosts report."""

    def __init__(self, world, *args, program=None, env=None):
        self.world = world
        program = program or [BUILD + "/rpingmesh-ctl", "--central", "-S",
                              world.path("central.sock")]
        self.process = subprocess.Popen([*program, *args], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, env=env)

    def over(self):
        return self.process.poll() is not None

    def result(self):
        """Exit status, records by host or lines, standard error."""
        self.world.wait("a check is over", self.over)
        out, err = self.process.communicate(timeout=LONG)
        lines = out.splitlines()
        return self.process.returncode, lines, err

    def records(self):
        status, lines, err = self.result()
        assert not err, err
        found = [json.loads(line) for line in lines]
        return status, {r["host"]: r for r in found}


def names(world):
    return [h.name for h in world.fabric.hosts]


def try_well(world, agents):
    every = names(world)
    status, hosts = Check(world, "--json", "check", *every).records()
    check("all hosts are well", status == 0 and sorted(hosts) == sorted(every) and
          all(h["well"] and not h["bad"] and not h["error"] for h in hosts.values()))
    n = len(every) - 1
    check("each has probed each other one, and been probed, ten times at least",
          all(h["others"] == n and h["answered"] == h["sent"] >= 10 * n and
              h["in_answered"] == h["in_sent"] >= 10 * n for h in hosts.values()))
    check("the RTT is what hosts report", all(h["rtt_mean_ns"] == 20000 for h in hosts.values()))
    tuples = {(t["source"], t["destination"]) for a in agents.asks for t in a["probe"]}
    check("each was asked for its own part of all pairs", len(tuples) == len(every) * n and
          all({t["source"] for t in a["probe"]} ==
              {next(h.address for h in world.fabric.hosts if h.name == a["host"])}
              for a in agents.asks))
    check("within bounds", all(bounded(a) for a in agents.asks))
    status, lines, _ = Check(world, "check", *every[:3], "-c", "20").result()
    check("people can read it", status == 0 and len(lines) == 3 and
          all(line.split()[1] == "ok" and "from others, rtt mean 20" in line for line in lines))
    print("#", lines[0], flush=True)


def bounded(ask):
    rate = sum(10**9 / t["interval_ns"] for t in ask["probe"])
    return (len(ask["probe"]) <= AT_ONCE and not ask["trace"] and
            0 < ask["until_ns"] - ask["made_ns"] <= 60 * 10**9 and rate <= BUDGET / SHARE)


def try_bad(world, agents):
    """A NIC that loses; one host that does nothing; one that does not exist; one that has left."""
    world.fabric.bad = {"h31": 0.5}
    agents.silent = {"h42"}
    status, hosts = Check(world, "--json", "check", *names(world), "nosuch").records()
    world.fabric.bad = {}
    agents.silent = set()
    check("it is bad news", status == 1)
    check("whoever probes the bad one names it, and only it",
          all(hosts[n]["bad"] == ["h31"] and not hosts[n]["well"] and not hosts[n]["error"]
              for n in ("h11", "h12", "h21", "h22", "h32", "h41")))
    check("the bad one is not well with anybody",
          hosts["h31"]["bad"] == sorted(n for n in names(world) if n != "h31"))
    check("its losses are counted both ways",
          0 < hosts["h31"]["answered"] < hosts["h31"]["sent"] and
          0 < hosts["h31"]["in_answered"] < hosts["h31"]["in_sent"])
    silent = hosts["h42"]
    check("one that reports nothing is said, and what others say of it counts",
          not silent["well"] and "reported none" in silent["error"] and silent["sent"] == 0 and
          silent["in_sent"] > 0 and silent["bad"] == ["h31"])
    check("one that does not exist is said", "registered" in hosts["nosuch"]["error"] and
          not hosts["nosuch"]["well"] and hosts["nosuch"]["others"] == 0)
    status, hosts = Check(world, "--json", "check", "h11", "h31").records()
    check("after the repair all is well again", status == 0 and len(hosts) == 2)


def try_lazy(world, agents):
    """A host refuses a part of what it is asked, as one does that has no budget left."""
    agents.lazy = {("h22", "h41")}
    status, hosts = Check(world, "--json", "check", "h22", "h32", "h41").records()
    agents.lazy = set()
    check("what nobody has probed is not well, and the host that was to do it is said",
          status == 1 and not hosts["h22"]["well"] and hosts["h22"]["bad"] == ["h41"] and
          "1 of its 2 5-tuples were not probed" in hosts["h22"]["error"])
    check("others are not", hosts["h32"]["well"] and hosts["h41"]["well"])
    check("how much was wanted is said", all(
        (h["wanted"], h["in_wanted"]) == (20, 20) for h in hosts.values()) and
          hosts["h22"]["sent"] < 2 * hosts["h32"]["sent"])


def begun(world, *args):
    """A check that has begun, before hosts report anything more."""
    def counted():
        return world.ctl("--json", "status")[1][0]["checks"]
    before = counted()
    process = Check(world, *args)
    until("it has begun", lambda: counted() > before)
    return process


def try_again(world, one, two):
    """A check finds losses; they are repaired; and the next report is of the time before that."""
    world.fabric.bad = {two: 1.0}
    status, hosts = Check(world, "--json", "check", one, two).records()
    check(f"{one} and {two}: losses are found", status == 1 and hosts[one]["bad"] == [two])
    again = begun(world, "--json", "check", one, two)
    world.turn()
    world.fabric.bad = {}
    status, hosts = again.records()
    check(f"{one} and {two}: probes from before the next check do not count for it",
          status == 0 and all(h["answered"] == h["sent"] >= h["wanted"] for h in hosts.values()))


def try_family(world):
    """A host that the others cannot reach by any address."""
    world.fabric.publish("registration", Host(9, 1), {
        "version": "9", "time_ns": time.time_ns(), "leaving": False, "labels": {},
        "ports": [{"device": "mlx5_0", "port": 1, "addresses": ["2001:db8::9"], "tors": ["leaf9"],
                   "tor_by": "lldp", "clock": "hw", "out_per_s": 6, "in_per_s": 6,
                   "src_ports": 0}]}, True)
    until("it is there", lambda: "h91" in [h["host"] for h in world.ctl("--json", "hosts")[1]])
    status, hosts = Check(world, "--json", "check", "h22", "h32", "h91").records()
    check("a host without an address of their family is said, and no other is accused",
          status == 1 and hosts["h22"]["well"] and hosts["h32"]["well"] and
          hosts["h22"]["others"] == 1 and hosts["h91"]["others"] == 0 and
          "family" in hosts["h91"]["error"])
    status, lines, err = Check(world, "check", "-c", "100", "h22", "h32", "h91").result()
    check("that it would take too long is no bad news, and the reason names who keeps it up",
          (status, lines) == (3, []) and "leave out h91 (6 probes/s)" in err)
    world.fabric.bus.publish(f"{PREFIX}/host/h91", b"", True)


def try_left(world):
    host = world.fabric.hosts[-1]
    world.fabric.bus.publish(f"rpingmesh/1/host/{host.name}", b"", True)
    until("it has left", lambda: next(
        h for h in world.ctl("--json", "hosts")[1] if h["host"] == host.name)["state"] != "present")
    status, hosts = Check(world, "--json", "check", "h11", "h12", host.name).records()
    check("one that has left is said", status == 1 and "left" in hosts[host.name]["error"] and
          hosts["h11"]["well"] and hosts["h12"]["well"])
    status, lines, err = Check(world, "check", "h11", host.name).result()
    check("a check of one host is refused, with the reason, and that is no bad news of hosts",
          (status, lines) == (3, []) and "fewer than two" in err)
    world.fabric.register(host)


def try_several(world, agents):
    """The same hosts at once are one check; others wait for theirs."""
    def counted():
        return world.ctl("--json", "status")[1][0]["checks"]
    before, asks = counted(), len(agents.asks)
    one, two = Check(world, "check", "h11", "h12"), Check(world, "check", "h12", "h11")
    third = Check(world, "check", "h12", "h21")
    check("all of them end well", [c.result()[0] for c in (one, two, third)] == [0, 0, 0])
    world.wait("the asks are here", lambda: len(agents.asks) >= asks + 4)
    check("two of the same hosts were one", counted() == before + 2)
    check("none runs any more", world.ctl("--json", "status")[1][0]["checks_running"] == 0)


def program(world, name, *lines):
    path = os.path.join(world.path("bin"), name)
    with open(path, "w") as f:
        f.write("\n".join(("#!/bin/sh",) + lines) + "\n")
    os.chmod(path, 0o755)
    return path


def try_prolog(world):
    """The PrologSlurmctld of the manual, for jobs of several hosts, of one, and without central."""
    with open(os.path.join(os.environ["top_srcdir"], "man/rpingmesh-ctl.1")) as f:
        blocks = f.read().split(".Bd -literal\n#!/bin/sh\n")[1:]
    script = next(b.split(".Ed")[0] for b in blocks if "--central check" in b)
    os.mkdir(world.path("bin"))
    prolog = program(world, "prolog", script)
    program(world, "scontrol", 'echo "$3" | tr , "\\n"')
    ctl = f'exec {BUILD}/rpingmesh-ctl -S {world.path("$SOCKET")} "$@"'
    program(world, "rpingmesh-ctl", ctl)

    def run(hosts, sock="central.sock"):
        env = {"PATH": world.path("bin") + ":" + os.environ["PATH"], "SOCKET": sock,
               "SLURM_JOB_NODELIST": hosts}
        return Check(world, program=[prolog], env=env).result()
    check("a job of two hosts begins", run("h22,h32")[0] == 0)
    check("one of a host that is not well does not", run("h22,h32,nosuch")[0] == 1)
    check("one of one host begins", run("h22") == (0, [], ""))
    check("all do while there is no central", run("h22,h32", "nosuch.sock")[0] == 0)


def try_bad_usage(world):
    for args in (("check", "h11"), ("check", "h11", "h11"), ("check", "-c", "101", "h11", "h12"),
                 ("check", *[f"x{i}" for i in range(65)])):
        status, _, err = Check(world, *args).result()
        check(f"usage: {args[:3]}", status == 2 and len(err.splitlines()) == 1)


def try_no_broker(world):
    world.broker.kill()
    world.broker.wait()
    until("it is noticed", lambda:
          world.ctl("--json", "status")[1][0]["bus"]["state"] != "connected")
    process = Check(world, "check", "h11", "h12").process
    _, err = process.communicate(timeout=LONG)
    check("without a broker there is no check, and that is no bad news of hosts",
          process.returncode == 3 and "broker" in err)


def main():
    with tempfile.TemporaryDirectory() as directory:
        world = World(directory)
        agents = Deaf(world)
        try:
            world.form(3)
            check("nobody is asked for nothing", not agents.asks and RATE == 10)
            try_well(world, agents)
            try_bad(world, agents)
            try_lazy(world, agents)
            try_again(world, "h11", "h31")  # with source ports that cannot be chosen
            try_again(world, "h12", "h21")  # which they do not say
            try_family(world)
            try_left(world)
            try_several(world, agents)
            try_prolog(world)
            try_bad_usage(world)
            try_no_broker(world)
        finally:
            world.end()
            if check.failed:
                world.explain()
    sys.exit(check.failed > 0)


if __name__ == "__main__":
    main()
