# SPDX-License-Identifier: Apache-2.0
"""rpingmesh-cluster(7), done as it is written on two machines that booted Debian: machine 1 is
broker.example and node1, machine 2 is node2. ssh and scp are scripts that have the commands run on
the other machine over its network; the rest is Debian's and the packages'."""

import os
import subprocess
import sys
import threading
import xmlrpc.server

import harness
from harness import MACHINE, check, until
from meeting import address_of

TOP = os.path.realpath(os.path.join(harness.HERE, "../.."))
sys.path.insert(0, os.path.join(TOP, "tests/doc"))
from cluster_blocks import blocks  # noqa: E402 # pylint: disable=wrong-import-position

PAGE = os.path.join(TOP, "man/rpingmesh-cluster.7")
PORT = 7000
NAMES = {"node1": 1, "node2": 2}
# Made of the page's file: the emulation is slow, so there is no limit of the processor.
SLOW = "limits = { cpu_percent = 0; };\ntimeout_ms = 5000;\n"
SSH = f"""#!/usr/bin/python3
import sys, xmlrpc.client
host = sys.argv[1].removeprefix("root@")
status, out = xmlrpc.client.ServerProxy(f"http://{{host}}:{PORT}").run(
    " ".join(sys.argv[2:]), "" if sys.stdin.isatty() else sys.stdin.read())
sys.stdout.write(out)
sys.exit(status)
"""
SCP = r"""#!/bin/bash
exec ssh "${2%%:*}" "install -m $(stat -c %a "$1") /dev/stdin ${2#*:}" <"$1"
"""


def shell(text, given="", limit_s=600):
    """Exit status and output of commands that root types."""
    p = subprocess.run(["bash", "-euc", text], input=given, text=True, errors="replace",
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=limit_s,
                       check=False)
    return p.returncode, p.stdout


class Node:
    """This machine under the page's name, until close()."""

    def __init__(self):
        self.hostname = os.uname().nodename
        with open("/etc/hosts", encoding="utf-8") as f:
            self.hosts = f.read()
        with open("/etc/hosts", "w", encoding="utf-8") as f:
            f.write(f"127.0.0.1 localhost\n{address_of(1)} broker.example node1\n"
                    f"{address_of(2)} node2\n")
        subprocess.run(["hostname", f"node{MACHINE}"], check=True)
        for name, text in (("ssh", SSH), ("scp", SCP)):
            path = os.path.join("/usr/local/bin", name)
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
            os.chmod(path, 0o755)
        self.server = xmlrpc.server.SimpleXMLRPCServer((address_of(MACHINE), PORT),
                                                       logRequests=False)
        self.server.register_function(shell, "run")
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        subprocess.run(["hostname", self.hostname], check=True)
        with open("/etc/hosts", "w", encoding="utf-8") as f:
            f.write(self.hosts)
        for name in ("ssh", "scp"):
            os.unlink(os.path.join("/usr/local/bin", name))


def follow(limit_s):
    """What root does on broker.example; returns how many blocks were run."""
    done = 0
    for verb, machine, rest, text in blocks(PAGE):
        check(machine == "broker", f"the page has commands for {machine}")
        if verb == "write":
            with open(rest, "w", encoding="utf-8") as f:
                f.write(text + (SLOW if rest.endswith("/cluster.conf") else ""))
        elif verb == "run":
            status, out = shell(text)
            check(status == 0, f"exit {status} of\n{text}\n{out[-800:]}")
            done += 1
        else:
            until(rest, lambda command=rest: shell(command)[0] == 0, limit_s, 1)
    return done
