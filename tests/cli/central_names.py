# SPDX-License-Identifier: Apache-2.0
"""central_names.py BUILD DIRECTORY: names of routers by PTR at rpingmesh-central. central_names.sh
calls it in namespaces where DIRECTORY has hosts, resolv.conf and nsswitch.conf. The name server at
127.0.0.2 is silent, the one at 127.0.0.1 knows these:

    a 10.0.1.1 - 10.1.0.1 leaf-1 - 10.2.1.1 - 10.3.0.1 - 10.0.2.1 b
                                 - 10.2.2.1 - 10.3.0.2
"""

import os
import subprocess
import sys

from central import Refused, World, ctl
from central_paths import A, B, Host, OVER, known, lldp, path, switches
from checks import LONG, check, until

HERE = os.path.dirname(os.path.abspath(__file__))
LONGEST = ".".join(["x" * 31, "y" * 32])
ZONE = {"10.1.0.1": "other.example", "10.2.1.1": "Spine-1.example", "10.2.2.1": "spine-1.example",
        "10.3.0.1": LONGEST, "10.3.0.2": "z" + LONGEST, "fd00::1": "six.example"}


class Names:
    """The name servers."""

    def __init__(self, directory):
        self.dir, self.log = directory, os.path.join(directory, "asked")
        zone = [f"{name}={address}" for address, name in ZONE.items()]
        self.programs = [self.start("--silent", "127.0.0.2"),
                         self.start("--log", self.log, "127.0.0.1", *zone)]

    @staticmethod
    def start(*args):
        program = subprocess.Popen(["/usr/bin/python3", "-B", f"{HERE}/names_server.py", *args],
                                   stdout=subprocess.PIPE, text=True)
        assert program.stdout.readline() == "ready\n", "no name server"
        return program

    def asked(self):
        """The addresses whose names were asked for, with repetitions."""
        if not os.path.exists(self.log):
            return []
        with open(self.log) as f:
            names = [line.split()[0] for line in f]
        return [".".join(reversed(n.split(".")[:4])) for n in names if n.endswith("in-addr.arpa")]

    def write(self, name, text):
        """In place: the file is mounted."""
        with open(os.path.join(self.dir, name), "w") as f:
            f.write(text)

    def end(self):
        for program in self.programs:
            program.kill()


def silent(w, a, names):
    lldp(w, "a", "leaf-1", A)
    w.join("b", "leaf-2", B, ports=[
        {"device": "mlx5_0", "port": 1, "addresses": [B], "tors": ["10.3.0.1"], "tor_by": "router",
         "clock": "hw", "out_per_s": 1000, "in_per_s": 5000, "src_ports": 0}])
    until("two hosts", lambda: w.status()["hosts_present"] == 2)
    a.send_all(path(1, OVER[1]), path(2, OVER[2]))
    known(w, 2)
    until("all have failed", lambda: w.status()["names_failed"] >= 4)
    status = w.status()
    check("a name server that is silent is counted",
          status["names_failed_why"] and status["names_asked"] >= 4)
    lines = ctl(w, "one", "status", width=200)[1]
    check("ctl status shows it", any(line.split()[0] == "names" and "without answer" in line
                                     for line in lines))
    check("addresses remain", switches(w) == {
        "leaf-1": ("lldp", 2), **{x: ("address", 1) for o in OVER.values() for x in o[1:]}})


def found(w, a, names):
    names.write("resolv.conf", "nameserver 127.0.0.1\n")
    until("the names", lambda: switches(w).get("spine-1.example") == ("dns", 2))
    until("all are asked", lambda: len(set(names.asked())) == 4)
    until("the refusal", lambda: w.status()["names_refused"] == 1)
    check("addresses with one name are one switch, also if their case differs; a name of 64 bytes "
          "is taken, one of 65 is not", switches(w) == {
              "leaf-1": ("lldp", 2), "spine-1.example": ("dns", 2), LONGEST: ("dns", 1),
              "10.3.0.2": ("address", 1)})
    check("why is said", w.status()["names_refused_why"] ==
          "the name of 10.3.0.2 is longer than 64 bytes, or no host name")
    check("what LLDP knows is not asked for", "10.1.0.1" not in names.asked())
    by = {r["to"]: (r["to_name"], r["to_by"]) for r in w.call("one", "links")["links"]}
    check("links have the names", by["10.2.1.1"] == ("spine-1.example", "dns") and
          by["10.1.0.1"] == ("leaf-1", "lldp") and by["10.3.0.2"] == ("10.3.0.2", "address"))
    check("ctl shows how they are known", any(
        line.split()[:2] == ["spine-1.example", "dns"]
        for line in ctl(w, "one", "switches", width=200)[1]))


def cached(w, a, names):
    before = len(names.asked())
    for port in range(3, 6):
        a.send(path(port, OVER[1]))
    known(w, 5)
    seconds = w.status()["uptime_s"] + 5
    until("some seconds", lambda: w.status()["uptime_s"] > seconds)
    check("an address is asked for once", len(names.asked()) == before)
    a.send(path(6, [OVER[1][0], "10.2.7.7", OVER[1][2]]))
    until("the new one", lambda: "10.2.7.7" in names.asked())
    check("one without a name is a switch by its address",
          switches(w)["10.2.7.7"] == ("address", 1))


def changes(w, a, names):
    refused = w.status()["names_refused"]
    names.write("hosts", "127.0.0.1 localhost\n10.2.1.1 spine-one\n10.2.2.1 sp(ine\n")
    until("the name by hosts(5)", lambda: switches(w).get("spine-one") == ("dns", 4))
    until("the odd name is refused", lambda: "10.2.2.1" in switches(w))
    check("hosts(5) counts, too, at once; a name with odd bytes is refused",
          switches(w)["10.2.2.1"] == ("address", 1) and w.status()["names_refused"] > refused)
    with open(w.path("names"), "w") as f:
        f.write("core-7 10.2.1.1\n")
    w.call("one", "reload")
    check("the file of switches comes first", switches(w)["core-7"] == ("file", 4) and
          "spine-one" not in switches(w))
    failed = w.status()["names_failed"]
    names.write("resolv.conf", "nameserver 127.0.0.2\noptions timeout:1 attempts:1\n")
    until("failures", lambda: w.status()["names_failed"] >= failed + 2)
    check("a name stays while no server answers", switches(w)[LONGEST] == ("dns", 5))


def main():
    directory = sys.argv[2]
    world, names = World(directory), None
    a = Host(world, "a")
    try:
        names = Names(directory)
        world.start_broker()
        world.start_central("one", f'switches = "{world.path("names")}";')
        for part in (silent, found, cached, changes):
            part(world, a, names)
        world.stop_central("one")
    except (AssertionError, Refused, subprocess.SubprocessError) as error:
        check(f"{type(error).__name__}: {error}", False)
        print(world.status() if world.centrals else "", names and names.asked())
        for name in list(world.centrals):
            print(world.log(name))
    finally:
        for program in list(world.centrals.values()) + [world.broker]:
            if program:
                program.kill()
                program.wait(LONG)
        if names:
            names.end()
    sys.exit(check.failed > 0)


main()
