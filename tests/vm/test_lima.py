#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""contrib/lima's scripts, as far as they go without a network: a soft-RoCE device on an interface,
and the mesh that a user tries.

tests/vm/run -- tests/vm/test_lima.py [CASE...]: without hosts of the fabric."""

import os
import subprocess

import harness
from harness import BUILD, check, sh

LIMA = os.path.join(harness.HERE, "../../contrib/lima")


def test_soft_roce(t):
    """provision.sh --soft-roce: a device on the interface that is named, once; limits; errors that
    say what to do."""
    sh("ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1")
    sh("ip", "addr", "add", "192.0.2.1/24", "dev", "v0")
    sh("ip", "link", "set", "v1", "up")
    try:
        for _ in range(2):
            sh(os.path.join(LIMA, "provision.sh"), "--soft-roce", "v0")
        links = sh("rdma", "link", "show").splitlines()
        check([line for line in links
               if "netdev v0" in line and "roce0/1" in line and "ACTIVE" in line], f"{links}")
        check(len([line for line in links if "netdev v0" in line]) == 1, f"{links}")
        for module in ("ib_uverbs", "rdma_ucm", "rdma_rxe"):
            check(os.path.exists(f"/sys/module/{module}"), f"{module} is not loaded")
        with open("/etc/security/limits.d/rpingmesh.conf") as f:
            check("memlock unlimited" in f.read(), "no limit for locked memory")
        with open("/proc/sys/kernel/perf_event_paranoid") as f:
            check(f.read().strip() == "2", "perf_event_paranoid")
        p = subprocess.run([os.path.join(LIMA, "provision.sh"), "--soft-roce", "nosuch0"],
                           stderr=subprocess.PIPE, text=True)
        check(p.returncode == 1 and 'no network interface "nosuch0"' in p.stderr, p.stderr)
        p = subprocess.run([os.path.join(LIMA, "provision.sh"), "--soft-roce"],
                           stderr=subprocess.PIPE, text=True)
        check(p.returncode == 1 and "name the network interface" in p.stderr, p.stderr)
    finally:
        sh("ip", "link", "del", "v0")


def test_try(t):
    """try: the mesh measures the delay that it injects, and nothing stays."""
    out = sh(os.path.join(LIMA, "try"), BUILD)
    t.note(out.strip().splitlines()[0])
    check(out.strip().endswith("it measures"), out)
    check(not [n for n in os.listdir("/sys/class/net") if n.startswith("h")],
          "an interface of the fabric is left")
    check("rpingmeshd" not in sh("ps", "-e", "-o", "comm="), "a daemon is left")


harness.main(globals())
