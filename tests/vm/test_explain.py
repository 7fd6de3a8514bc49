#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What `explain` and `config` say of a running daemon, against the kernel and tcpdump; and a
recording of its results."""

import pathlib
import signal
import subprocess
import time

import harness
from harness import Capture, Host, address, check, probes_in, sh, until


def gids(device):
    """{index: GID as sysfs writes it, colons left out} of the RoCE v2 entries."""
    base = pathlib.Path(f"/sys/class/infiniband/{device}/ports/1")
    out = {}
    for entry in (base / "gids").iterdir():
        try:
            if "v2" in (base / f"gid_attrs/types/{entry.name}").read_text():
                out[int(entry.name)] = entry.read_text().strip().replace(":", "")
        except OSError:  # an empty entry
            pass
    return out


def ipv4_gid(text):
    return "00000000000000000000ffff" + "".join(f"{int(b):02x}" for b in text.split("."))


def qps_of(device, pid):
    """Numbers of the QPs that the kernel says this process has on the device."""
    text = sh("rdma", "res", "show", "qp", "link", f"{device}/1")
    return {int(line.split("lqpn")[1].split()[0]) for line in text.splitlines()
            if f"pid {pid} " in line}


def test_path_and_probes(t):
    """Port, headers, addresses, GID index, QPs and route are the kernel's and the wire's; the six
    times follow from each other."""
    a = Host(t, 0, f'peers = ({{ address = "{address(1)}"; interval_ms = 100; traffic_class = 104; '
             f'flow_labels = (0); }});').start()
    b = Host(t, 1, "").start()
    a.wait_peer(address(1), "up")
    until("as many probes as are kept", lambda: a.peer(address(1))["ok"] >= 20)
    capture = Capture(t, 0)
    time.sleep(4)
    packets = capture.packets()
    wire = probes_in(packets)
    said = a.json("explain", address(1), status=0)[0]
    path, stream = said["path"], said["streams"][0]
    device, target = said["device"]["device"], stream["target"]
    check(wire, "no probe on the wire")
    check({p["sport"] for p in wire} == {target["src_port"]},
          f"port {target['src_port']}, on the wire {sorted({p['sport'] for p in wire})}")
    check({p["tos"] for p in wire} == {target["traffic_class"]},
          "another traffic class on the wire")
    check(path["source"] == address(0) and path["destination"] == address(1),
          f"{path['source']} -> {path['destination']}")
    table = gids(device)
    check(table.get(path["gid_index"]) == ipv4_gid(address(0)),
          f"GID index {path['gid_index']} is {table.get(path['gid_index'])} in sysfs")
    check(stream["qpn"] in qps_of(device, a.process.pid),
          f"QP {stream['qpn']} is none of the daemon's")
    there = b.json("devices")[0]
    check(path["qpn"] in qps_of(there["device"], b.process.pid),
          f"QP {path['qpn']} is none of the peer's daemon")
    netdev = (
        pathlib.Path(f"/sys/class/infiniband/{device}/ports/1/gid_attrs/ndevs/{path['gid_index']}")
        .read_text().strip())
    check(path["netdev"] == netdev, f"netdev {path['netdev']}, in sysfs {netdev}")
    text = a.ctl("explain", address(1), status=0)
    route = sh("ip", "-o", "route", "get", address(1), "from", address(0), "oif", netdev)
    words = route.split()
    check(f"route        by {words[words.index('dev') + 1]}" in text,
          f"the route is not in\n{text}\nbut is {route}")
    check("via" not in words or f"via {words[words.index('via') + 1]}" in text,
          f"no gateway in\n{text}\nbut {route}")
    check(all(len(line) <= 80 for line in text.splitlines()),
          "a line is longer than 80 columns:\n" + text)
    t.note(text)
    # What was on the wire while we listened is among the last probes, and these are as the figures
    # say.
    last = stream["last"]
    check(len(last) == 16, f"{len(last)} probes kept")
    check([p["seq"] for p in last] == list(range(last[0]["seq"], last[0]["seq"] - 16, -1)),
          "not the last 16, the newest first")
    for p in last:
        if p["class"] in ("ok", "late"):
            t1, t2, t3, t4, t5, t6 = (p[f"t{i}_ns"] for i in range(1, 7))
            check(p["rtt_ns"] == max((t5 - t2) - (t4 - t3), 0) and t1 <= t2 <= t5 <= t6 and
                  t3 <= t4, f"times do not fit: {p}")
    check(stream["responder_clock"] == "sw", "rxe has no completion timestamps")


def test_unknown_and_down(t):
    """A name that is almost one is met with it; a peer that is down says why, and its losses say
    what they mean."""
    a, b = t.pair(interval_ms=100)
    a.wait_peer(address(1), "up")
    a.ctl("explain", address(1) + "0", status=1)
    check("there is no peer or flow" in a.errors and f"did you mean {address(1)}" in a.errors,
          a.errors)
    a.ctl("explain", "something.else.entirely", status=1)
    check("lists the peers" in a.errors, "no way to the list is shown")
    b.stop(signal.SIGKILL)
    a.wait_peer(address(1), "down")
    text = a.ctl("explain", address(1), status=0)
    check(f"Peer {address(1)}" in text and ": down for" in text and "  reason " in text, text)
    check("the peer's host says that its daemon is down: no loss" in text, text)


def test_record_replay(t):
    """A recording made beside `watch --json` holds the same probes, byte for byte, and is whole
    though its writer was killed."""
    a, _ = t.pair(interval_ms=100)
    a.wait_peer(address(1), "up")
    path = pathlib.Path(a.dir) / "x.rec"
    watch = subprocess.Popen(a.ctl_argv("--json", "watch", "-c", "25"), stdout=subprocess.PIPE,
                             text=True)
    record = subprocess.Popen(a.ctl_argv("record", "-k", "probe", str(path)),
                              stdout=subprocess.DEVNULL)
    lines = watch.communicate()[0].splitlines()
    time.sleep(3)
    record.kill()
    record.wait()
    replay = a.ctl("--json", "replay", str(path), status=1)
    check("no end" in a.errors or "cut within" in a.errors, a.errors)
    got = replay.splitlines()
    both = [line for line in lines if line in set(got)]
    check(len(both) >= 15,
          f"{len(both)} of {len(lines)} probes watched are in the recording of {len(got)}")
    first = got.index(both[0])
    check(got[first:first + len(both)] == both, "other probes in between, or another order")


def test_config(t):
    """`config show` follows a reload, and reads back as the configuration in force."""
    a = Host(t, 0, 'tor = "first";').start()
    a.configure('tor = "second";')
    check("since it was read" in a.ctl("config", "show", status=0), "the change is not noticed")
    check("tor: " in a.ctl("config", "reload", status=0), "the reload does not tell")
    until("the new name", lambda: a.status()["tor"] == "second")
    a.send_signal(signal.SIGHUP)
    check('tor = "second";' in a.ctl("config", "show", status=0), "not in force")


if __name__ == "__main__":
    harness.main(globals())
