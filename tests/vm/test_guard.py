#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Self-protection: above its budget the daemon probes less, says so, and goes back. What it sends
is counted by tcpdump."""

import time

import harness
from harness import Capture, Host, address, check, classes, probes_in, until

FAST = f'max_probes_per_s = 1000; interval_ms = 10; peers = ("{address(1)}");\n'
STEPS = 6


def on_the_wire(t, host, seconds=4):
    """Probes per second that host 0 sends, by tcpdump; the answers that it gives are none."""
    capture = Capture(t, 0)
    time.sleep(seconds)
    probes = [p for p in probes_in(capture.packets()) if p["source"] == address(0)]
    span = probes[-1]["time"] - probes[0]["time"] if len(probes) > 1 else seconds
    return (len(probes) - 1) / span if len(probes) > 1 else len(probes) / seconds


def fast_pair(t, limits):
    Host(t, 1, "responder = { per_source = 10000; };").start()
    a = Host(t, 0, FAST + limits).start()
    a.wait_peer(address(1), "up")
    return a


def reload(a, limits):
    a.configure(FAST + limits)
    a.send_signal(harness.signal.SIGHUP)


def held_back(a, step, limit_s=120):
    return until(f"step {step}", lambda: (s := a.status())["throttle_step"] >= step and s, limit_s)


def at_full_rate(a):
    return until("the full rate", lambda: (s := a.status())["throttle_step"] == 0 and s, 180)


def test_cpu(t):
    """A budget of CPU that is far too small: rates fall to 1/64 and are seen to; a larger one by
    reload: they rise again."""
    a = fast_pair(t, "limits = { cpu_percent = 0; };")
    before = on_the_wire(t, a)
    s = a.status()
    check(s["throttle_step"] == 0 and s["throttle_factor"] == 1 and s["throttle_reason"] is None,
          f"{s}")
    check(s["cpu_percent_max"] is None and s["cpu_percent"] > 1,
          f"{s['cpu_percent']} of {s['cpu_percent_max']} %")
    skipped = a.json("devices")[0]["skipped"]
    reload(a, "limits = { cpu_percent = 1; };")
    s = held_back(a, 3)
    check(s["throttle_reason"] == "cpu" and s["throttle_factor"] == 1 / 2 ** s["throttle_step"],
          f"{s}")
    check(any("limits.cpu_percent is 1" in d for d in s["degraded"]), f"{s['degraded']}")
    text = a.ctl("status", status=1)
    check("over its budget" in text and "for others (at most 1 %)" in text, text)
    after = on_the_wire(t, a)
    device = a.json("devices")[0]
    t.note(f"probes/s on the wire: {before:.0f}, "
           f"at step {s['throttle_step']} and more {after:.1f}; {s['cpu_percent']} % of a core")
    # 1/8 or less is due; a quarter leaves room for the emulated machine's stalls and catching up.
    check(after < before / 4, f"{after:.1f}/s after {before:.1f}/s")
    # Less is sent because less is due, not because due probes are left out.
    check(device["skipped"] - skipped < 3 * before,
          f"{device['skipped'] - skipped} intervals skipped")
    check(device["probes_per_s_max"] <= 1000 // 8, f"{device['probes_per_s_max']}")
    check("probing at 1/2 of the configured rate" in a.log() and "1/8 of" in a.log(),
          "no line in the log for a step")
    reload(a, "limits = { cpu_percent = 100; };")
    s = at_full_rate(a)
    check(not s["degraded"] and a.json("devices")[0]["probes_per_s_max"] == 1000,
          f"{s['degraded']}")
    check("probing at the configured rate again" in a.log(), "no line in the log for the way up")
    again = on_the_wire(t, a)
    t.note(f"again {again:.0f}")
    check(again > before / 2, f"{again:.1f}/s after {before:.1f}/s before")


def test_memory(t):
    """A budget of memory below what is resident: down to the last step, with the figure that the
    kernel has, too."""
    a = fast_pair(t, "limits = { cpu_percent = 0; memory_mb = 1; };")
    s = held_back(a, STEPS)
    with open(f"/proc/{a.process.pid}/status") as f:
        rss = next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmRSS:"))
    t.note(f"resident: {rss / 2**20:.1f} MiB by /proc, "
           f"{s['memory_bytes'] / 2**20:.1f} MiB by the daemon")
    # VmRSS is counted per thread and summed up in batches of up to 64 pages (proc_pid_status(5):
    # "inaccurate").
    check(abs(s["memory_bytes"] - rss) < 64 * 4096 + rss / 10, "another size than the kernel says")
    check(s["throttle_reason"] == "memory" and s["memory_bytes_max"] == 1 << 20,
          f"{s['throttle_reason']}")
    check(any("limits.memory_mb is 1" in d for d in s["degraded"]), f"{s['degraded']}")
    check(on_the_wire(t, a) < 100 / 8, "it probes on")


def test_pings_go_on(t):
    """Held back as far as can be, the daemon still sends the pings that somebody asks for, and
    answers others."""
    a = fast_pair(t, "limits = { cpu_percent = 0; memory_mb = 1; };")
    b = t.hosts[0]
    held_back(a, STEPS)
    posted = a.json("devices")[0]["posted"]
    started = time.monotonic()
    records = a.ping(address(1), 40, "-i", "0.05")
    took = time.monotonic() - started
    check(classes(records).get("ok", 0) >= 38, f"{classes(records)}")
    # 2 s at the rate asked for; 1/64 of it would take two minutes.
    check(took < 30, f"40 pings every 50 ms took {took:.0f} s")
    check(a.json("devices")[0]["posted"] - posted >= 40, "not counted")
    check(classes(b.ping(address(0), 20, "-i", "0.05")).get("ok", 0) >= 18,
          "it does not answer as before")


if __name__ == "__main__":
    harness.main(globals())
