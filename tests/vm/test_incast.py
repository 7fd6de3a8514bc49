#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Thirty-two probers, each a daemon with a device of its own, on one responder. Needs tests/vm/run
--hosts 33."""

import signal
import subprocess
import time

import harness
from harness import Host, address, check, until
from test_false_loss import QUIET, kernel_drops

PROBERS = 32
# All 33 daemons share one emulated processor: each gets its turn about once a second in the storm,
# and an ACK that waits for longer than the grace of one timeout would be called missing.
TIMEOUT_MS = 3000


def totals(hosts):
    """The sum over all hosts of each class, and what is in flight."""
    total = {}
    for h in hosts:
        s = h.status()
        for key, n in dict(s["probes"], in_flight=s["in_flight"]).items():
            total[key] = total.get(key, 0) + n
    return total


def test_incast(t):
    """32 probers ask at the same moment, again and again: late at worst, or unreachable where the
    one emulated processor, which all 33 daemons share, leaves probes and SIDR unanswered for
    seconds."""
    responder = Host(t, 0, QUIET + "responder = { per_source = 10000; };").start()
    text = (f'peers = ({{ address = "{address(0)}"; interval_ms = 1000; }});\n'
            f'max_probes_per_s = 1000;\ntimeout_ms = {TIMEOUT_MS};\n')
    probers = [Host(t, i, QUIET + text).start(wait=False) for i in range(1, PROBERS + 1)]
    for h in probers:
        until(f"host {h.index} answers on its socket", lambda h=h: h.alive() and h.try_status(),
              limit_s=300)
        h.wait_peer(address(0), "up")
    check(responder.status()["responder"]["sessions"] == PROBERS,
          f"{responder.status()['responder']}")
    before, drops = totals(probers), kernel_drops()
    # Stopped together and let go together: all that came due meanwhile is sent at once.
    for stall_s in (1.2, 1.2, 1.2, 3):
        for signo in (signal.SIGSTOP, signal.SIGCONT):
            for h in probers:
                h.send_signal(signo)
            time.sleep(stall_s)
    pings = [subprocess.Popen(h.ctl_argv("ping", address(0), "-c", 5, "-i", "0.05"),
                              stdout=subprocess.DEVNULL) for h in probers]
    for p in pings:
        p.wait(300)
    time.sleep(3)
    after = totals(probers)
    count = {k: n - before[k] for k, n in after.items()}
    full = responder.json("devices")[0]["receive_queue_full"]
    new = {k: n - drops.get(k, 0) for k, n in kernel_drops().items() if n != drops.get(k, 0)}
    t.note(f"{count}; {responder.status()['responder']}; receive queue full {full}; "
           f"the kernel dropped {new or 'nothing'}")
    check(count["ok"] + count["late"] >= PROBERS * 10, "hardly any answers")
    for c in (*harness.LOST, "peer_restarted", "local_error"):
        check(after[c] == 0, f"{c}: {after[c]} of {after}")
    # After the storm all is well.
    before = totals(probers)
    time.sleep(5)
    count = {k: n - before[k] for k, n in totals(probers).items()}
    t.note(f"after it: {count}")
    check(count["ok"] + count["late"] >= PROBERS and not any(count[c] for c in harness.LOST),
          f"{count}")


if __name__ == "__main__":
    harness.main(globals())
