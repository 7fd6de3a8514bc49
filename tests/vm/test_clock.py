#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Completion timestamps. Soft-RoCE has none: tests/vm/clock_shim.so gives its extended completion
queues a synthetic clock. What is measured by it is held against netem's setting, against the same
by the system clock, and against what the shim was told.

What is compared are 20th percentiles: a host that is busy makes netem and everything else late,
never early, while a clock that is wrong is so in each probe. Tolerance, unless a case states its
own: 6 ms + 5 %, as in test_measure.py."""

import os
import signal
import statistics

import harness
from harness import BUILD, Host, address, check, classes, fabric

SHIM = os.path.join(BUILD, "tests/vm/clock_shim.so")
DELAY_MS = 60
QUIET = "\ninterval_ms = 3600000; timeout_ms = 2000; tracing = { enable = false; };"


def shim(**settings):
    """Environment for a daemon with a clock: khz=250000, offset=0, ppm=0, bits=64, …"""
    return {"LD_PRELOAD": SHIM, **{f"CLOCK_SHIM_{k.upper()}": str(v) for k, v in settings.items()}}


def pair(t, env0, env1, text=""):
    """Host 0 and 1; the peer stays resolved, and nothing but pings is sent. Tracing would take time
    while it begins."""
    text += QUIET
    a = Host(t, 0, f'peers = ("{address(1)}"); {text}', env0).start()
    b = Host(t, 1, text, env1).start()
    a.wait_peer(address(1), "up")
    return a, b


def reload(host):
    before = host.log().count(": reloaded")
    host.send_signal(signal.SIGHUP)
    harness.until("the configuration is read again",
                  lambda: host.log().count(": reloaded") > before)


def device(host):
    return host.json("devices")[0]


def pings(host, count=30, wait_s=4):
    return host.ping(address(1), count, "-i", "0.1", "-W", wait_s)


def late_pings(host, count=30, delay_ms=DELAY_MS):
    """With a delay by netem on the way out."""
    fabric("delay", 0, delay_ms, "out")
    late = pings(host, count)
    fabric("delay", 0, 0, "out")
    check(classes(late) == {"ok": count}, f"not all are ok: {classes(late)}")
    return late


def delayed(host, count=30, delay_ms=DELAY_MS):
    """Idle first, then with a delay: both lists of records."""
    idle = pings(host, count)
    check(classes(idle) == {"ok": count}, f"not all are ok: {classes(idle)}")
    return idle, late_pings(host, count, delay_ms)


def low(times):
    times = sorted(times)
    check(times, "no probe was answered in time")
    return times[len(times) // 5]


def low_ms(records):
    return low(r["rtt_ns"] for r in records if r["class"] == "ok") / 1e6


def check_near(what, got_ms, wanted_ms):
    check(abs(got_ms - wanted_ms) <= 6 + 0.05 * wanted_ms,
          f"{what}: {got_ms:.2f} ms, not {wanted_ms:.2f} ms")


def check_raised(t, what, idle, late, delay_ms=DELAY_MS):
    base, got = low_ms(idle), low_ms(late)
    t.note(f"{what}: idle {base:.2f} ms, with {delay_ms} ms more {got:.2f} ms")
    check_near(f"{what}: raised by", got - base, delay_ms)
    return base, got


def clocks(records):
    return {c: sum(r["clock"] == c for r in records) for c in ("hw", "sw")}


def check_times(records):
    """The figures follow from the six times, by whichever clock."""
    for r in records:
        t1, t2, t3, t4, t5, t6 = (r[f"t{i}_ns"] for i in range(1, 7))
        # What the RNIC timed may be longer than the host's T6 - T1 by the drift that is allowed:
        # 1000 ppm and 10 us.
        check(t1 - 10000 - (t6 - t1) / 1000 <= t2 <= t5 <= t6 and t3 <= t4,
              f"times out of order: {r}")
        check(r["rtt_ns"] == max((t5 - t2) - (t4 - t3), 0),
              f"rtt does not follow from the times: {r}")
        check(r["prober_delay_ns"] == max((t6 - t1) - (t5 - t2), 0),
              f"prober delay does not follow from the times: {r}")


def low_of(records, key):
    return low(r[key] for r in records) / 1e6


def test_chosen(t):
    """Both RNICs have a clock, of different frequency and start: both are chosen and shown, and
    each result is theirs.

    Errors: two ticks of each clock and 110 ppm of what it measured."""
    a, b = pair(t, shim(khz=156250, offset=0x123456789ABCDEF), shim(khz=1000000, bits=48, offset=5))
    d = device(a)
    check((d["clock"], d["clock_khz"], d["clock_rejected"]) == ("hw", 156250, 0), f"device {d}")
    check(not d.get("clock_wrap_ns") and not d.get("clock_reason"), f"device {d}")
    d = device(b)
    check((d["clock"], d["clock_khz"], d["clock_wrap_ns"]) == ("hw", 1000000, 1 << 48),
          f"device {d}")
    check("hw" in a.ctl("devices").split(), "the table does not show it")
    idle, late = delayed(a)
    check(clocks(idle + late) == {"hw": 60, "sw": 0}, f"clocks {clocks(idle + late)}")
    check_times(idle + late)
    check_raised(t, "by the RNICs' clocks", idle, late)
    for r in idle + late:
        there, here = r["t5_ns"] - r["t2_ns"], r["t4_ns"] - r["t3_ns"]
        # 2 ticks are 12.8 ns and 2 ns; rounding, 2 ns for each.
        check(abs(r["error_ns"] - (there + here) * 110e-6 - 14.8) <= 5,
              f"error {r['error_ns']} ns of {there} and {here} ns")
    check("clock=hw" in a.ctl("ping", address(1), "-c", 1), "ping does not show the clock")
    check(not a.status()["degraded"], f"degraded: {a.status()['degraded']}")


def test_same_as_system_clock(t):
    """With a clock that drifts, and with the host's own: the same RTT, idle and delayed."""
    a, b = pair(t, shim(ppm=100, offset=1 << 60), shim(ppm=-100, khz=500000))
    by_hw = delayed(a)
    check(clocks(by_hw[0] + by_hw[1])["sw"] == 0, "not all by the RNICs' clocks")
    for h in (a, b):
        h.stop()
        h.env = dict(os.environ)
    b.start()
    a.start()
    a.wait_peer(address(1), "up")
    by_sw = delayed(a)
    check(clocks(by_sw[0] + by_sw[1])["hw"] == 0, "soft-RoCE has no clock")
    hw, sw = check_raised(t, "hw", *by_hw), check_raised(t, "sw", *by_sw)
    for what, i in (("idle", 0), ("delayed", 1)):
        check_near(f"{what}: by hw against by sw", hw[i], sw[i])


def test_is_what_counts(t):
    """The RNIC saw messages 20 ms before the host did. That is no network time: prober and
    responder delay have it.

    By the host's clock it would be in the RTT; so this tells by which clock a result really was.
    Without netem's delay the messages would have come before they were sent."""
    a, b = pair(t, shim(early_us=20000), shim())
    late = late_pings(a)
    check(clocks(late)["sw"] == 0, f"clocks {clocks(late)}")
    rtt, prober = low_ms(late), low_of(late, "prober_delay_ns")
    t.note(f"early at the prober: RTT {rtt:.2f} ms, prober delay {prober:.2f} ms, "
           f"responder {low_of(late, 'responder_delay_ns'):.2f} ms")
    a.stop()
    a.env = dict(os.environ, **shim())
    a.start()
    a.wait_peer(address(1), "up")
    late = late_pings(a)
    same = low_ms(late)
    check_near("20 ms less at the prober", rtt, same - 20)
    check(20 <= prober <= 20 + 6, f"prober delay {prober:.2f} ms, not 20 and a little")
    b.stop()
    b.env = dict(os.environ, **shim(early_us=20000))
    b.start()
    harness.until("host 1 is known anew", lambda: classes(pings(a, 3)) == {"ok": 3})
    late = late_pings(a)
    rtt, responder = low_ms(late), low_of(late, "responder_delay_ns")
    t.note(f"early at the responder: RTT {rtt:.2f} ms, responder delay {responder:.2f} ms; "
           f"never early: RTT {same:.2f} ms")
    check_near("20 ms less at the responder", rtt, same - 20)
    check(20 <= responder <= 20 + 6, f"responder delay {responder:.2f} ms, not 20 and a little")


def test_drift(t):
    """500 ppm too fast and too slow: nothing is rejected. A fifth too fast: nothing is believed,
    and the RTTs are right."""
    a, b = pair(t, shim(ppm=500), shim(ppm=-500))
    idle, late = delayed(a)
    check(clocks(idle + late)["sw"] == 0, f"clocks {clocks(idle + late)}")
    check_raised(t, "500 ppm", idle, late)
    check(device(a)["clock_rejected"] == device(b)["clock_rejected"] == 0, "rejected")
    a.stop()
    a.env = dict(os.environ, **shim(ppm=200000))
    a.start()
    a.wait_peer(address(1), "up")
    late = late_pings(a)
    d = device(a)
    t.note(f"a fifth too fast: {clocks(late)}, {d['clock_rejected']} rejected, "
           f"RTT {low_ms(late):.2f} ms")
    check_near("a fifth too fast, delayed", low_ms(late), low_ms(idle) + DELAY_MS)
    check(d["clock"] == "sw" and "do not fit" in d["clock_reason"], f"device {d}")
    check(any("clock" in s for s in a.status()["degraded"]), f"degraded {a.status()['degraded']}")


def test_wraps(t):
    """22 bits at 250 MHz start over each 16.8 ms, a dozen times while a probe is under way for 200
    ms.

    Which round it was is told by the host's clock if that is sure within half a round: a few
    results may be by the host's."""
    a, b = pair(t, shim(bits=22, offset=7), shim(bits=22, khz=249000))
    check(device(a)["clock_wrap_ns"] == (1 << 22) * 4, f"device {device(a)}")
    idle, late = delayed(a, delay_ms=200)
    check_raised(t, "wrapping", idle, late, 200)
    got = clocks(idle + late)
    t.note(f"{got}, rejected {device(a)['clock_rejected']} at the prober, "
           f"{device(b)['clock_rejected']} at the responder")
    check(got["hw"] >= 40, f"clocks {got}")
    check_times(idle + late)
    for r in late:
        check(low_ms(late) - 8 < r["rtt_ns"] / 1e6 < low_ms(late) + 500,
              f"half a round or more short: {r}")


def test_jumps(t):
    """Each seventh completion the counter jumps by 1 to 100 s, for good: such results are the
    host's, and all are right.

    T2 and T5 are two completions in a row: one pair in seven has a jump in between. Of 60 that is 4
    to 14 with 99 % (binomial, were they independent); 20 would be the third from which the clock is
    left alone."""
    a, b = pair(t, shim(jump_every=7, jump_seed=42), shim())
    idle, late = delayed(a)
    check_raised(t, "jumping", idle, late)
    got, rejected = clocks(idle + late), device(a)["clock_rejected"]
    t.note(f"{got}, {rejected} rejected")
    check(3 <= rejected <= 18, f"{rejected} rejected")
    check(abs(got["sw"] - rejected) <= 1, f"{rejected} rejected, {got}")
    check(device(a)["clock"] == "hw", f"device {device(a)}")
    for r in idle + late:
        check(r["rtt_ns"] < 900e6, f"a jump got through: {r}")


def test_distrust(t):
    """A counter that jumps at each completion is left alone, which shows; and is used again once it
    has stopped jumping."""
    jumps = os.path.join(t.dir, "jumps")
    open(jumps, "w").close()
    a, b = pair(t, shim(), shim(jump_every=1, jump_file=jumps))
    records = pings(a, 30)
    check(classes(records) == {"ok": 30}, f"not all are ok: {classes(records)}")
    check(clocks(records)["hw"] == 0, f"clocks {clocks(records)}")
    d = device(b)
    check(d["clock"] == "sw" and "do not fit" in d["clock_reason"], f"device {d}")
    # Sixteen in a row; the rest was not looked at.
    check(16 <= d["clock_rejected"] <= 18, f"{d['clock_rejected']} rejected")
    check(any("clock" in s for s in b.status()["degraded"]), f"degraded {b.status()['degraded']}")
    check("trusted -> distrusted" in b.log(), "nothing in the log")
    check(device(a)["clock"] == "hw", "the prober's has nothing to do with it")
    os.unlink(jumps)
    harness.until("the clock is tried again", lambda: pings(a, 3) and device(b)["clock"] == "hw")
    check(clocks(pings(a, 10)) == {"hw": 10, "sw": 0}, "not used again")
    check(not b.status()["degraded"], f"degraded {b.status()['degraded']}")


def test_none(t):
    """No clock, for each reason that there is, is the host's, and the reason is shown."""
    for env, reason in (({}, "no completion timestamps"),
                        (shim(bits=0), "no completion timestamps"), (shim(khz=0), "frequency"),
                        (shim(fail=95), "makes no completion queues")):
        a = Host(t, 0, "", env).start()
        d = device(a)
        t.note(d["clock_reason"])
        check(d["clock"] == "sw" and reason in d["clock_reason"], f"{env}: device {d}")
        check(not d.get("clock_khz") and not a.status()["degraded"], f"{env}: device {d}")
        a.stop()
    # Only wall-clock timestamps: those are used.
    a, b = pair(t, shim(wall=1), {})
    d = device(a)
    check(d["clock"] == "hw" and d["clock_khz"] == 1000000 and "wall-clock" in d["clock_reason"],
          f"device {d}")
    records = pings(a, 20)
    # The responder has none: the result is sw, and its own half still exact.
    check(clocks(records) == {"hw": 0, "sw": 20}, f"clocks {clocks(records)}")
    check(d["clock_rejected"] == 0, f"device {d}")
    check_times(records)


def test_configured(t):
    """clock = "software" does without; a reload changes it, either way, without a restart."""
    a, b = pair(t, shim(), shim(), 'clock = "software";')
    d = device(a)
    check(d["clock"] == "sw" and "configuration" in d["clock_reason"], f"device {d}")
    check(clocks(pings(a, 5))["hw"] == 0, "measured by the RNIC's clock")
    for h in (a, b):
        text = f'peers = ("{address(1)}");' if h is a else ""
        h.configure(text + QUIET)
        reload(h)
    harness.until("the clock is used", lambda: device(a)["clock"] == device(b)["clock"] == "hw")
    harness.until("probes are answered again", lambda: clocks(pings(a, 3))["hw"] == 3)
    qpn = device(a)["qpn"]
    reload(a)
    check(device(a)["qpn"] == qpn, "the same configuration has replaced the queue pairs")


def test_busy_polling(t):
    """Waiting without sleeping: all is measured as before, and the daemon answers others meanwhile.

    One processor serves everything here, so the polling itself takes time from the other end: no
    gain can be seen. What can is that answers are found while polling, that RTTs stay right, and
    that the control socket is served."""
    a, b = pair(t, {}, {}, "busy_poll_us = 1000; max_probes_per_s = 1000; "
                "responder = { per_source = 10000; };")
    idle, late = delayed(a)
    check_raised(t, "busy polling", idle, late)
    check_times(idle + late)
    flood = harness.Watch(a)
    records = a.ping(address(1), 300, "-i", "0.005", "-W", 4)
    flood.stop()
    check(classes(records) == {"ok": 300}, f"classes {classes(records)}")
    times = []
    for _ in range(10):
        started = harness.time.monotonic()
        a.status()
        times.append(harness.time.monotonic() - started)
    t.note(f"status takes {statistics.median(times) * 1000:.0f} ms; longest stall "
           f"{a.status()['loop_stall_max_ns'] / 1e6:.1f} ms by {a.status()['loop_stall_max_who']}; "
           f"error {statistics.median(r['error_ns'] for r in idle) / 1e3:.0f} us")
    check(statistics.median(times) < 5, f"status takes {times} s")
    a.configure(f'peers = ("{address(1)}"); max_probes_per_s = 1000;' + QUIET)
    reload(a)
    t.note(f"idle: RTT {low_ms(pings(a, 30)):.2f} ms without, {low_ms(idle):.2f} ms with")


if __name__ == "__main__":
    harness.main(globals())
