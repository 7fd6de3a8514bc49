# SPDX-License-Identifier: Apache-2.0
"""The Clos of tests/vm/fabric --clos, and daemons on its hosts.

Switches are called leaf0 and spine0, the ports of hosts h0. Port I belongs to host I / rails, which
is called hostN until name() gives it another name. `tests/vm/fabric --help` says more."""

import collections
import ipaddress
import os
import time

import harness
from harness import Host, check, fabric, sh

STATE = "/run/fabric"
# Hosts reach what the test itself starts, such as a broker, at this address.
MANAGER = "10.8.255.254"
# RoCE packets that have arrived at the end of a link, that a black hole there has dropped, and what
# netem has dropped on the way out of its other end.
Counter = collections.namedtuple("Counter", "roce hole netem")
OUT = os.environ.get("RPINGMESH_VM_OUT")


def disturb(*argv):
    """What is done to links, and when, is kept for those who read what daemons said meanwhile."""
    fabric(*argv)
    if OUT:
        with open(os.path.join(OUT, "netem"), "a") as f:
            f.write(" ".join(map(str, (time.time(), *argv))) + "\n")


class Clos:
    """`leaves`, `spines`, `hosts` under each leaf. The machine has one Clos, which all cases of a
    file share: what a case disturbs, it puts right again."""

    def __init__(self, leaves, spines, hosts, rails=1):
        wanted = f"{leaves} {spines} {hosts} {rails}"
        path = os.path.join(STATE, "clos")
        if not os.path.exists(path):
            # It takes minutes under emulation on a busy machine.
            sh(os.path.join(harness.HERE, "fabric"), "--clos", *wanted.split()[:3], "--rails",
               str(rails), limit_s=1200)
        with open(path) as f:
            found = f.read().split()
        check(found[:4] == wanted.split(), f"there is a Clos {found}")
        self.namespaces = len(found) > 4
        self.leaves = [f"leaf{n}" for n in range(leaves)]
        self.spines = [f"spine{n}" for n in range(spines)]
        self.rails = rails
        self.ports = range(leaves * hosts)
        self.hosts = range(leaves * hosts // rails)

    @staticmethod
    def links():
        """Pairs of names."""
        return [tuple(line.split()) for line in fabric("links").splitlines()]

    @staticmethod
    def switch_addresses():
        """Lines of a switch and its addresses, which is rpingmesh-central's file `switches`."""
        return fabric("switch-addresses")

    @staticmethod
    def counters():
        """{(from, to): Counter}"""
        lines = [line.split() for line in fabric("counters").splitlines()]
        return {(a, b): Counter(*map(int, n)) for a, b, *n in lines}

    @staticmethod
    def places():
        """{port: (number of its leaf, its slot there)}"""
        with open(os.path.join(STATE, "ports")) as f:
            return {i: (leaf, slot) for i, leaf, slot in
                    (map(int, line.split()) for line in f)}

    def address(self, port, family=4):
        """As `fabric addr` prints it, and quicker. move() changes it."""
        leaf, slot = self.places()[port]
        return (f"10.1.{leaf}.{slot + 1}" if family == 4 else
                str(ipaddress.ip_address(f"fd00:1:{leaf:x}::{slot + 1:x}")))

    def leaf_of(self, port):
        return f"leaf{self.places()[port][0]}"

    @staticmethod
    def fault(a, b, *netem):
        """tc-netem's arguments, for what `a` sends to `b`; none: nothing is wrong."""
        disturb("fault", a, b, *netem)

    @staticmethod
    def fault_large(a, b, *netem):
        """The same for packets of 1,024 bytes or more alone."""
        disturb("fault-large", a, b, *netem)

    @staticmethod
    def blackhole(a, b, *match):
        """`b` drops RoCE packets from `a` that match, by tc-flower's words."""
        disturb("blackhole", a, b, *match)

    @staticmethod
    def link(a, b, state):
        """down or up; routes follow."""
        fabric("link", a, b, state)

    @staticmethod
    def switch(name, state):
        """down, up or silent."""
        fabric("switch", name, state)

    @staticmethod
    def move(port, leaf, slot):
        """To the address `slot` under `leaf`."""
        fabric("move", port, leaf.removeprefix("leaf"), slot)

    @staticmethod
    def name(host, name):
        """For commands and daemons that start from now on."""
        fabric("name", host, name)

    @staticmethod
    def prefix(host):
        """What runs a command as a host, when put in front of it."""
        return [os.path.join(harness.HERE, "fabric"), "as", str(host)]


class ClosHost(Host):
    """rpingmeshd on a host of a Clos, with a file that it shares with others. It has its name and
    its devices from the system, and the default socket, which others see at self.socket."""

    def __init__(self, t, index, conf):
        super().__init__(t, index)
        self.conf = conf
        self.socket = os.path.join(STATE, f"host.{index}", "run", "rpingmeshd.sock")

    def configure(self, text):
        check(not text, "the file is not this host's")

    def start(self, wait=True, prefix=()):
        return super().start(wait, (*Clos.prefix(self.index), *prefix))
