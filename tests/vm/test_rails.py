#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Several devices in one host: who probes from where. Needs three hosts in the fabric."""

import harness
from harness import Capture, Host, address, check, probes_in, sh, until
from test_road import TRACE_BYTES, Sniffer


def answered(h, index, n=5):
    return until(f"peer {index} is answered",
                 lambda: (p := h.json("peers")[index])["ok"] >= n and p)


def test_bound_to_device_and_source(t):
    """One daemon on two devices: a peer bound by device, the same bound by source; each leaves by
    its own wire."""
    peers = (f'peers = ({{ address = "{address(2)}"; device = "rxe0"; }}, '
             f'{{ address = "{address(2)}"; source = "{address(1)}"; }});')
    a = Host(t, 0, f'devices = ("rxe0", "rxe1"); interval_ms = 100; {peers}').start()
    Host(t, 2, "").start()
    first, second = answered(a, 0), answered(a, 1)
    check(first["device"] == "rxe0" and first["source"] == address(0), f"{first}")
    check(second["device"] == "rxe1" and second["source"] == address(1), f"{second}")
    captures = [Capture(t, 0), Capture(t, 1)]
    answered(a, 0, first["ok"] + 10)
    answered(a, 1, second["ok"] + 10)
    for index, capture in enumerate(captures):
        sources = {p["source"] for p in probes_in(capture.packets())}
        check(sources == {address(index)}, f"on the wire of host {index}: probes from {sources}")


def test_pattern_and_gid_index(t):
    """devices by pattern; gid_index leaves that address alone: peers of the other family have no
    device."""
    a = Host(t, 0, f'devices = ("rxe[01]"); gid_index = 2; peers = ("{address(2, 6)}", '
             f'"{address(2)}"); interval_ms = 100;').start()
    Host(t, 2, "").start()
    check([d["device"] for d in a.json("devices")] == ["rxe0", "rxe1"],
          "the pattern took other devices")
    answered(a, 0)
    p = a.peer(address(2))
    check(p["state"] == "no_device" and "address of the peer's family" in p["state_reason"],
          f"{p['state']}: {p['state_reason']}")
    device = a.json("devices")[0]
    check(device["gid_index"] == 2 and ":" in device["gid"], f"{device['gid']}")


def test_device_dropped_by_reload(t):
    """A device that the configuration drops: its peers move to another, the daemon and its other
    peers go on."""
    a = Host(t, 0,
             f'devices = ("rxe0", "rxe1"); peers = ("{address(2)}"); interval_ms = 100;').start()
    Host(t, 2, "").start()
    was = answered(a, 0)["device"]
    stays = {"rxe0": "rxe1", "rxe1": "rxe0"}[was]
    a.configure(f'devices = ("{stays}"); peers = ("{address(2)}"); interval_ms = 100;')
    a.send_signal(harness.signal.SIGHUP)
    p = until("the peer moves",
              lambda: (q := a.peer(address(2)))["device"] == stays and q["ok"] >= 5 and q)
    check(p["state"] == "up", f"{p['state']}")
    check([d["device"] for d in a.json("devices")] == [stays], "the device is still there")


def test_flow_labels_and_sizes(t):
    """Each flow label is a target of its own, sizes come in turn, and the peer's interval holds for
    all together."""
    text = (f'peers = ({{ address = "{address(1)}"; interval_ms = 50; flow_labels = [0, 7]; '
            f'sizes = [50, 1024]; traffic_class = 104; }});')
    a = Host(t, 0, text).start()
    Host(t, 1, "").start()
    until("both labels are answered",
          lambda: all(x["ok"] >= 10 for x in a.json("targets")) and len(a.json("targets")) == 2)
    capture = Capture(t, 0)
    before = a.peer(address(1))["posted"]
    until("60 more", lambda: a.peer(address(1))["posted"] >= before + 60)
    probes = probes_in(capture.packets())
    sizes = [p["size"] for p in probes]
    check(set(sizes) == {50, 1024} and abs(sizes.count(50) - sizes.count(1024)) <= 2, f"{sizes}")
    check({p["tos"] for p in probes} == {104}, "another traffic class")
    gaps = (probes[-1]["time"] - probes[0]["time"]) / (len(probes) - 1)
    t.note(f"mean interval {gaps * 1e3:.1f} ms, configured 50 ms")
    # No probe is skipped unless the host stalls for more than an interval; under emulation it may.
    check(0.045 < gaps < 0.075, f"mean interval {gaps * 1e3:.1f} ms")


def rules_of(index):
    """[(family, words)] of the rules that lead a host's packets out of its own device."""
    return [(family, line.split(":", 1)[1].split()) for family in ("-4", "-6")
            for line in sh("ip", family, "rule", "show", "pref", f"{1000 + index}").splitlines()]


def change_rules(action, index, rules):
    for family, words in rules:
        sh("ip", family, "rule", action, "pref", f"{1000 + index}", *words)


def paths_in_state(host, state):
    paths = [p for family in (4, 6) for p in host.json("path", address(2, family))
             if p["kind"] == "mesh"]
    return paths if len(paths) == 2 and all(p["state"] == state for p in paths) else None


def test_no_policy_routing(t):
    """What has the address of the second device would leave by the first: such paths are not
    traced, by neither device, and the daemon says why."""
    peers = ", ".join(f'{{ address = "{address(2, f)}"; source = "{address(1, f)}"; }}'
                      for f in (4, 6))
    a = Host(t, 0, f'devices = ("rxe0", "rxe1"); interval_ms = 100; peers = ({peers}); '
             'cluster = { trace_s = 5; };').start()
    Host(t, 2, "").start()
    traced = until("paths are traced", lambda: paths_in_state(a, "traced"))
    check([[hop["address"] for hop in p["hops"]] for p in traced] ==
          [["10.0.1.254"], ["fd00:0:0:1::fe"]], f"{traced}")
    rules, first = rules_of(1), [("-4", "10.0.0.254"), ("-6", "fd00::fe")]
    wire = Sniffer(t, "router", "p0")
    change_rules("del", 1, rules)
    try:
        for family, router in first:
            sh("ip", family, "route", "add", "default", "via", router, "dev", "h0", "onlink")
        failed = until("no path is traced", lambda: paths_in_state(a, "failed"))
        check(all("needs policy routing" in p["state_reason"] and not p["hops"] for p in failed),
              f"{failed}")
        check("needs policy routing" in a.status()["paths"]["failed_reason"], "status is silent")
        wire.end()
        found = [p for p, length in wire.packets() if length == TRACE_BYTES]
        check(not found, f"traces leave by the other device: {found}")
    finally:
        for family, router in first:
            sh("ip", family, "route", "del", "default", "via", router, "dev", "h0", ok=False)
        change_rules("add", 1, rules)


if __name__ == "__main__":
    harness.main(globals())
