#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What this kernel can do of what rpingmesh builds on, by trying it: prints one JSON object.

Runs inside the test VM: tests/vm/run --kernel K --hosts 2 -- tests/vm/features.py [CELL...].
Without CELL all of CELLS. A cell is {"is": "yes"} or {"is": "no", "why": what failed, and the
error's name}; "by" says in which of several ways it works.

Nothing is concluded from a version. Most of it is asked by tests/vm/feature_probe.c, with system
calls; soft-RoCE and SIDR by programs that are not ours where there are some; tracing by the daemon
itself and a case of test_trace.py."""

import functools
import json
import os
import re
import subprocess
import sys
import time

import harness
from harness import BUILD, Failure, Host, address, fabric, sh, until

# In the order of the matrix, with what its table calls them.
CELLS = {
    "boots": "boots",
    "rxe": "soft-RoCE (rxe), RC",
    "sidr": "rdma_cm, SIDR, UD",
    "timestamps": "completion timestamps",
    "vmlinux_btf": "BTF of vmlinux",
    "ib_core_btf": "BTF of ib_core",
    "ring_buffer": "BPF ring buffer",
    "cap_bpf": "CAP_BPF",
    "perf_kprobe": "perf kprobe",
    "kprobe_multi": "kprobe.multi in ib_core",
    "bpf_timer": "BPF timer",
    "bpf_iter": "BPF iterator",
    "sleepable": "sleepable BPF program",
    "bpf_lsm": "BPF LSM",
    "task_storage": "BPF task local storage",
    "dynptr": "BPF dynptr",
    "arena": "BPF arena",
    "trace_loads": "tracing loads",
    "trace_attaches": "tracing attaches",
    "trace_fields": "tracing: all fields",
}
PROBE = os.path.join(BUILD, "tests/vm/feature_probe")
QPGEN = os.path.join(BUILD, "tests/vm/qpgen")
PROBED = ("timestamps", "vmlinux_btf", "ib_core_btf", "ring_buffer", "perf_kprobe", "kprobe_multi",
          "bpf_timer", "bpf_iter", "sleepable", "bpf_lsm", "task_storage", "dynptr", "arena")
YES = {"is": "yes"}
# CAP_BPF is seen by what nobody may with it and may not without; CAP_PERFMON is what programs of
# this kind need besides.
NOBODY = ("prlimit", "--memlock=134217728:134217728", "setpriv", "--reuid", "65534", "--regid",
          "65534", "--clear-groups")


def no(why):
    return {"is": "no", "why": why}


def gid(i):
    return fabric("gid", i, 4).strip()


def probe(*cells, prefix=()):
    return json.loads(sh(*prefix, PROBE, "rxe0", *cells))


def thrice(attempt):
    """Tries until attempt() is 0, three times at most: a busy machine may be too late for one."""
    for _ in range(3):
        status = attempt()
        if status == 0:
            return YES
    return no(f"{attempt.__name__}: exit {status}")


def qpgen():
    try:
        p = subprocess.run([QPGEN, "rxe0", gid(0), "rxe1", gid(1), "--send", "5"],
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, timeout=harness.PATIENCE_S)
    except subprocess.TimeoutExpired:
        return "a time limit"
    print(p.stdout, file=sys.stderr)
    return p.returncode if p.returncode or "sent 5" in p.stdout else "0, but nothing sent"


def rxe():
    """Devices of the fabric, which `rdma link add` made, and connected QPs that send to each
    other."""
    return thrice(qpgen)


def udaddy():
    """udaddy resolves by SIDR and exchanges UD messages; tried again while its server may still be
    starting."""
    to, from_ = address(1), address(0)
    server = subprocess.Popen(["udaddy", "-b", to], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(1)
    try:
        p = subprocess.run(["udaddy", "-s", to, "-b", from_], stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=20)
        print(p.stdout, file=sys.stderr)
        return p.returncode
    except subprocess.TimeoutExpired:
        return "a time limit"
    finally:
        server.kill()
        server.wait()


def sidr():
    return thrice(udaddy)


def cap_bpf():
    def caps(*which):
        text = ",".join(["-all", *(f"+{c}" for c in which)])
        return (*NOBODY, "--bounding-set", text, "--ambient-caps", text, "--inh-caps", text)
    for node in os.listdir("/dev/infiniband"):
        os.chmod(f"/dev/infiniband/{node}", 0o666)
    wanted = ("ring_buffer", "load")
    with_it, without = (probe(*wanted, prefix=caps(*c)) for c in (("bpf", "perfmon"), ("perfmon",)))
    bad = [f"{c} with it: {with_it[c]['why']}" for c in wanted if with_it[c]["is"] == "no"]
    bad += [f"{c} without it: allowed" for c in wanted if without[c]["is"] == "yes"]
    return no("; ".join(bad)) if bad else YES


def decided(host):
    """The status, when tracing has been tried, or is not built."""
    host.alive()
    status = host.status()
    return status if (status["trace"]["state"] in ("on", "failed") or
                      "built without BPF" in (status["tracing_reason"] or "")) else None


def trace_status():
    t = harness.Test()
    host = Host(t, 0).start()
    status = until("tracing is on or has failed", lambda: decided(host), 3 * harness.PATIENCE_S)
    t.end()
    return status


@functools.lru_cache(maxsize=None)
def trace():
    """The daemon's own word, for loading and attaching; trace_fields() does not take it. A machine
    that is too busy to tell is asked twice."""
    try:
        status = trace_status()
    except Failure as e:
        print(f"features: {e}; once more", file=sys.stderr)
        status = trace_status()
    found = status["trace"]
    if found["state"] == "on":
        hooks = (YES if found["hooks"] == found["hooks_wanted"]
                 else no(f"{found['hooks']} of {found['hooks_wanted']} hooks"))
        return {"trace_loads": YES, "trace_attaches": {**hooks, "by": found["method"]}}
    why = no(status["tracing_reason"])
    return {"trace_loads": YES if found["hooks"] else why, "trace_attaches": why}


def trace_fields():
    """Each field of each flow against what its owner set, and the port against tcpdump."""
    p = subprocess.run([sys.executable, os.path.join(harness.HERE, "test_trace.py"),
                        "fields_and_ports"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       text=True)
    sys.stderr.write(p.stdout)
    return (YES if p.returncode == 0 and
            "\nok - fields_and_ports" in "\n" + p.stdout else no("test_trace.py fields_and_ports"))


def observe(wanted):
    """The cells that are wanted, in order."""
    cells = {}
    if "boots" in wanted:
        cells["boots"] = YES
    for name, function in (("rxe", rxe), ("sidr", sidr), ("cap_bpf", cap_bpf),
                           ("trace_fields", trace_fields)):
        if name in wanted:
            cells[name] = function()
    probed = [c for c in PROBED if c in wanted]
    if probed:
        cells.update(probe(*probed))
    if "trace_loads" in wanted or "trace_attaches" in wanted:
        cells.update(trace())
    return {c: cells[c] for c in CELLS if c in wanted}


def main():
    wanted = sys.argv[1:] or list(CELLS)
    if wanted[0] in ("-h", "--help"):
        print(__doc__ + "\n\nCells: " + " ".join(CELLS))
        return
    unknown = [c for c in wanted if c not in CELLS]
    if unknown:
        sys.exit(f"no such cell: {' '.join(unknown)}; there are: {' '.join(CELLS)}")
    kernel = os.uname()
    # Debian's kernels tell their package's version there: "#1 SMP … Debian 6.1.158-1 (2025-11-09)".
    version = re.search(r"Debian (\S+)", kernel.version)
    print(json.dumps({"release": kernel.release, "version": version[1] if version
                      else kernel.release, "machine": kernel.machine, "cells": observe(wanted)}))


if __name__ == "__main__":
    try:
        main()
    except Failure as e:
        sys.exit(f"features: {e}")
