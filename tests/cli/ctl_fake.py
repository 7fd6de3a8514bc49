# SPDX-License-Identifier: Apache-2.0
"""A daemon that answers rpingmesh-ctl by a script: ctl_fake.py SOCKET SCENARIO. What it says in the
scenario "good" has no key and no value that the table of records does not have; it may lack some,
as an older daemon does."""
import os
import socket
import sys
import threading
import time

import msgpack

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../doc"))
import manpage  # noqa: E402
import tables  # noqa: E402

CLASSES = list(tables.CLASSES)
PAGES = manpage.Pages(os.path.join(HERE, "../.."), partial=True)


def totals(**given):
    out = {c: given.get(c, 0) for c in CLASSES}
    out["sent"] = out["posted"] = sum(out.values())
    return out


def recent(ratio=0.0):
    return {"span_s": 10.0, "lost_ratio": ratio, "rtt_p50_ns": 20_400_000,
            "rtt_p99_ns": 31_000_000, "rtt_max_ns": 40_000_000, "prober_delay_p50_ns": 83_100,
            "responder_delay_p50_ns": 12_300}


def peer(address, state="up", ratio=0.0, **more):
    p = {"type": "peer", "address": address, "device": "rxe0", "source": "10.0.0.1",
         "state": state, "state_reason": None,
         "hostname": "host-b", "configured": True, "last_ok_ns": time.time_ns() - 1_500_000_000,
         "routers_there": 3, "routers_back": 3,
         "recent": recent(ratio), **totals(ok=100), "sent": 112}
    p.update(more)
    return p


def trace(**more):
    now = time.time_ns()
    t = {"state": "on", "method": "perf kprobe", "hooks": 4, "hooks_wanted": 5,
         "attached_ns": now - 7_805 * 10**9, "reattached": 1, "events": 1234, "lost_ring": 7,
         "lost_calls": 0, "missed_returns": 2, "own": 5, "other_devices": 0, "bad": 0, "qps": 12,
         "flows": 3, "flows_probed": 2, "qps_created": 100, "qps_destroyed": 88, "found": 6,
         "vanished": 0, "over_qps": 0, "over_flows": 9, "dumps": 40, "dumps_failed": 2,
         "last_dump_ns": now - 12_500_000_000, "last_dump_qps": 11,
         "dump_error": "Device or resource busy"}
    t.update(more)
    return t


def owner(pid=4711, comm="python3", **more):
    o = {"pid": pid, "comm": comm, "cgroup": "/x.slice/job_12", "cgroup_id": 99, "job": "slurm:12",
         "kernel": False, "qps": 2}
    o.update(more)
    return o


KERNEL = owner(None, "nvme_rdma", cgroup=None, cgroup_id=None, job=None, kernel=True, qps=1)


def qp(qpn, **more):
    q = {"qpn": qpn, "remote_qpn": qpn + 1000, "qp_type": "RC", "state": "RTS", "flow_label": 0,
         "pid": 4711}
    q.update(more)
    return q


def flow(ident, **more):
    f = {"type": "flow", "id": ident, "device": "rxe0", "port": 1, "driver": "rxe",
         "src_gid": "10.0.0.1", "dst_gid": "10.0.0.2", "gid_type": "RoCE v2", "src_port": 57236,
         "traffic_class": 104, "service_level": 0, "path_mtu": 1024,
         "since_ns": time.time_ns() - (100 * 86400 + 1800) * 10**9, "owners": [owner()],
         "qps_of_other_owners": 0, "qps": [qp(17), qp(18)], "qps_total": 2, "probing": "probing",
         "probing_reason": None, "hostname": "host-b", "tor": None, "path": "exact",
         "probe_src_port": 57236, "interval_ns": 100_000_000,
         "recent": {**recent(), "answered": 100, "lost": 0}, **totals(ok=100)}
    f.update(more)
    return f


ORIGIN = {"host": "host-a", "tor": "tor-1", "incarnation": 2**63 + 1}


def event(qpn, what="rtr", **more):
    e = {"type": "event", "schema": 1, "time_ns": 1_700_000_000_123_456_789, **ORIGIN,
         "event": what, "device": "rxe0", "port": 1, "driver": "rxe", "qpn": qpn, "remote_qpn": 42,
         "qp_type": "RC", "state": "RTR", "pid": 4711, "comm": "python3", "cgroup": "/x",
         "cgroup_id": 99, "job": "slurm:12", "kernel": False, "src_gid": "10.0.0.1",
         "dst_gid": "10.0.0.2", "gid_type": "RoCE v2", "src_port": 57236, "flow_label": 0,
         "traffic_class": 104, "service_level": 0, "path_mtu": 1024, "flow": 3}
    e.update(more)
    return e


NO_PATH = dict.fromkeys(["remote_qpn", "src_gid", "dst_gid", "gid_type", "src_port", "flow_label",
                         "traffic_class", "service_level", "path_mtu", "flow", "port"])
EVENTS = [event(17, "create", **NO_PATH), event(17),
          event(18, src_port=None, pid=None, comm="nvme_rdma", kernel=True, job=None),
          event(19, "destroy", device="rxe1", pid=4712)]

# Not in the order that they are to be shown in: worst first is 3, 1, 5, 2, 4.
FLOWS = [
    flow(1),
    flow(2, src_port=None, path="unknown", probe_src_port=None, probing="waiting", recent={}),
    flow(3, dst_gid="fd00::3", hostname="host-c", path="approximate", probe_src_port=50000,
         device="rxe1", owners=[owner(), owner(4712), KERNEL], qps_of_other_owners=95,
         qps_total=100, qps=[qp(i) for i in range(20, 82)] +
         [qp(82, pid=4712, flow_label=0xabcde), qp(83, pid=None, state="SQD")],
         recent={**recent(0.25), "rtt_p99_ns": 50_000_000, "answered": 75, "lost": 25}),
    flow(4, dst_gid="10.0.0.9", hostname=None, owners=[KERNEL], qps=[qp(90, pid=None)], qps_total=1,
         probing="no_daemon", path="unknown", probe_src_port=None, recent={}),
    flow(5, probing="unprobed", probing_reason="more flows than service_flows_max", src_port=60000,
         recent={**recent(), "rtt_p99_ns": 30_000_000, "answered": 10, "lost": 0}),
]


def bucket(value):
    """As rpingmesh/control.h numbers them."""
    shift = max(value.bit_length() - 7, 0)
    return 64 * shift + (value >> shift)


def histogram(value, count=10):
    """All but one are value, that one twice as much."""
    return {"count": count, "sum_ns": value * (count + 1), "min_ns": value, "p50_ns": value,
            "p90_ns": value, "p99_ns": 2 * value, "p999_ns": 2 * value, "max_ns": 2 * value,
            "buckets": [bucket(value), count - 1, bucket(2 * value), 1]}


def window_size(size, ratio, low, high):
    return {"size": size, "due": 100, "answered": 100, "answered_noise": 0, "lost": 0,
            "lost_noise": 0,
            "loss_ratio": ratio, "loss_low": low, "loss_high": high, "rtt_min_ns": 1,
            "rtt_p50_ns": 2, "rtt_p99_ns": 3}


def window(by="target", **more):
    w = {"type": "window", "schema": 1, **ORIGIN, "by": by, "device": "rxe0", "port": 1,
         "source": "10.0.0.1",
         "start_ns": 1_700_000_000_000_000_000, "end_ns": 1_700_000_010_000_000_000, "windows": 1,
         "clock_stepped": False, "length_changed": False, "path_changed": False, "ended": False,
         "due": 1000, "posted": 1000, **{c: 0 for c in CLASSES}, "ok": 994, "lost": 6,
         "loss_lost": 5, "loss_of": 999, "loss_ratio": 0.0052, "loss_low": 0.0031,
         "loss_high": 0.0083, "loss_level": 0.95, "lost_noise": 1,
         "answered_noise": 4,
         "noise": {"prober": 3, "responder": 0, "both": 1}, "clock": {"sw": 994, "hw": 0},
         "sizes": [window_size(50, 0.0, 0.0, 0.0037), window_size(1024, 0.1, 0.0123, 0.31698)],
         "rtt": histogram(20_400_000), "prober_delay": histogram(83_100),
         "responder_delay": histogram(12_300), "unbinned": 0}
    if by != "device":
        w.update(peer="10.0.0.2", source="10.0.0.1", destination="10.0.0.2", hostname="host-b",
                 peer_tor="tor-2", kind="mesh",
                 interval_ns=10_000_000, flow_label=0, traffic_class=0, service_level=0,
                 src_port=57236, path="exact")
    w.update(more)
    return w


QUIET = {"loss_lost": 0, "loss_of": 0, "loss_ratio": None, "loss_low": 0.0, "loss_high": 1.0,
         "noise": {"prober": 0, "responder": 0, "both": 0}, "sizes": [],
         "rtt": {"count": 0, "p50_ns": None, "buckets": []}, "prober_delay": {},
         "responder_delay": {}, "ok": 0, "lost": 0}
WINDOWS = {
    "target": [window(),
               window(peer="10.0.0.3", clock_stepped=True, **{**QUIET, "peer_down": 1000})],
    "flow": [window("flow", flow=17, kind="service", hostname=None, loss_ratio=1.0, loss_low=0.0,
                    loss_high=1.0, ended=True,
                    sizes=[window_size(50, 0.0, 0.0, 0.1), window_size(None, 0.5, 0.1, 0.9)])],
    "device": [window("device", loss_ratio=1e-5, loss_low=1e-7, loss_high=0.9996)],
}


def status(**more):
    s = {"type": "status", "schema": 1, "version": "9.9", "pid": 42, "uptime_s": 7805,
         "hostname": "host-a", "incarnation": 2**63 + 1, "time_ns": time.time_ns(),
         "config_file": "/etc/x.conf", "config_error": None, "tracing": "off",
         "tracing_reason": "not built", "degraded": [], "loop_stall_max_ns": 1_230_000,
         "loop_stall_max_who": "control client",
         "loop_stall_max_time_ns": time.time_ns() - 2_050_000_000, "devices": 2, "devices_up": 1,
         "peers": 3, "peers_up": 3, "targets": 3, "flows": 0, "in_flight": 1,
         "probes": totals(ok=97, lost=3), "responder": {"probes": 12, "malformed": 0},
         "control": {"clients": 1}, "throttle_step": 2, "throttle_factor": 0.25,
         "throttle_reason": "cpu", "cpu_percent": 21.5,
         "cpu_percent_others": 1.5, "cpu_percent_max": 20,
         "memory_bytes": 9 * 2**20, "memory_bytes_max": None, "user": "mesh",
         "seccomp": True, "signing_key": "2026b",
         "capabilities": [], "helper_capabilities": ["CAP_BPF", "CAP_PERFMON"],
         "paths": {"interval_s": 300, "traced": 12, "waiting": 0, "failed": 2,
                   "failed_reason": "no route", "not_traced": 0, "not_traced_reason": None,
                   "incomplete": 1, "unstable": 0, "refused": 7,
                   "oldest_ns": time.time_ns() - 185 * 10**9}}
    s.update(more)
    return s


def device(**more):
    d = {"type": "device", "device": "rxe0", "port": 1, "state": "up", "netdev": "eth0",
         "driver": "rxe", "gid": "10.0.0.1", "gid_index": 1,
         "gids_foreign": 2, "mtu": 1024, "clock": "sw", "qpn": 17,
         "responder_qpn": 18, "posted": 5, "deferred": 0, "send_errors": 0, "receive_errors": 0,
         "receives_too_long": 0, "receive_queue_full": 7}
    d.update(more)
    return d


BUDGET = {"probes_per_s_max": 150, "probes_per_s": 120, "probes_per_s_service": 80,
          "posted_service": 3, "skipped": 2, "skipped_service": 1,
          "source_qps": {"wanted": 5, "found": 3, "tries": 1000, "given_up": 1}}


PORTLOG = {"flaps": 3, "flaps_total": 4, "history": [
    {"time_ns": 1700000000123456789, "from": "backing_off", "to": "up", "event": "timer",
     "error": None, "lasted_ns": 3 * 10**9, "acknowledged": False},
    {"time_ns": 1699999990000000000, "from": "up", "to": "backing_off", "event": "build_failed",
     "error": "Cannot allocate memory", "lasted_ns": 7200 * 10**9, "acknowledged": True}],
           "counters": {
               "sent_pkts": {"value": 1000, "delta": 50, "total": 900, "bad": False, "resets": 0,
                             "odd": 0, "saturated": False},
               "duplicate_request": {"value": 0, "delta": 0, "total": 0, "bad": True},
               "net_rx_dropped": {"value": 7, "delta": 2, "total": 7, "bad": True, "resets": 1,
                                  "odd": 2, "saturated": True}}}


def target(**more):
    t = {"type": "target", "peer": "10.0.0.2", "device": "rxe0", "source": "10.0.0.1",
         "destination": "10.0.0.2", "peer_tor": None, "kind": "mesh",
         "interval_ns": 100_000_000, "sizes": [50, 1024], "flow_label": 0xabcde,
         "traffic_class": 104, "service_level": 0, "src_port": 57236, "path": "exact",
         "routers_there": 3, "routers_back": 1, "recent": recent(0.125), **totals(ok=7, lost=1)}
    t.update(more)
    return t


def probe(seq, cls="ok", **more):
    p = {"type": "probe", "schema": 1, "time_ns": time.time_ns(), **ORIGIN, "device": "rxe0",
         "source": "10.0.0.1", "destination": "10.0.1.1", "peer": "10.0.1.1",
         "hostname": "host-b", "peer_tor": None, "seq": seq, "kind": "ping", "class": cls,
         "reason": None, "clock": "sw", "src_port": 57236, "return_src_port": 49153,
         "flow_label": 0, "traffic_class": 0, "service_level": 0, "size": 50, "path": "exact",
         "posted": True, "late": cls == "late", "ping": 77}
    if cls in ("ok", "late"):
        p.update(rtt_ns=1_234_000 + seq * 1000, prober_delay_ns=12_300, responder_delay_ns=34_500,
                 error_ns=100)
    p.update(more)
    return p


JUNK = [{}, 5, None, [], "x",
        {"address": 5, "recent": 7, "sent": "many", "state": ["up"], "hostname": {"a": 1},
         "last_ok_ns": -1, "configured": "yes", "lost": -5, "state_reason": b"\xff\x00"},
        {"address": "a\x1b[2Jb", "state": "up",
         "recent": {"lost_ratio": float("nan"), "rtt_p50_ns": 2**64 - 1}, "sent": 2**64 - 1,
         "last_ok_ns": 2**64 - 1, "sizes": [None] * 100, "interval_ns": True, "flow_label": -1}]


# As they might come from hell: names that a terminal would obey, lists of the wrong things, numbers
# without measure.
JUNK_FLOWS = JUNK + [
    {"owners": [5, None, {}, owner("x", "a\x1b]0;t\x07b"), owner(2**64 - 1, "\u4e2d\u00e9\u202e"),
                owner(7, "\udcff\udcfe"), owner(8, "")], "qps_of_other_owners": 2**64 - 1,
     "qps": [7, None, {}, qp(5, remote_qpn="q", state=9, flow_label="z")], "qps_total": 2**64 - 1,
     "src_port": "x", "recent": {"lost_ratio": float("nan"), "rtt_p99_ns": -1,
                                 "answered": 2**64 - 1, "lost": 2**64 - 1}, "probing": 5},
    {"owners": {"a": 1}, "qps": "x", "dst_gid": "\x1b[31m" + "g" * 5000, "device": [1],
     "probing": "later", "path": None, "recent": {"lost_ratio": 1e300, "rtt_p50_ns": 2**64 - 1},
     "probing_reason": "r\n" * 500, "hostname": "\x9b2J"},
    {"owners": [owner(9, "x" * 10000, job="j" * 300)] * 50, "qps": [qp(i) for i in range(64)],
     "recent": [1], "id": "x"},
    dict.fromkeys(flow(1)),
]


NAN = float("nan")
JUNK_WINDOWS = [
    {},
    window(start_ns=2**64 - 1, end_ns=2**64 - 1, loss_ratio=NAN, loss_low=-1, loss_high=1e300,
           peer="a\x1b[2J", flow=[]),
    window(start_ns=5, end_ns=1, noise={"prober": 2**64 - 1, "both": -1},
           sizes=[5, None, {}, window_size("x\x1b", 1, 0, 1)] * 50),
    window(sizes=[window_size(2**64 - 1, 0.5, 0.1, 0.9)] * 100, rtt=7, prober_delay=[1],
           responder_delay={"p50_ns": -1}),
    dict.fromkeys(window()),
]


def hop(ttl, address, name=None):
    return {"ttl": ttl, "address": address, "name": name, "rtt_ns": 83_100 if address else None}


def road(port, spine="198.51.100.1", **more):
    """As the daemon has it: a leaf, a spine, a leaf."""
    r = {"type": "path", "device": "rxe0", "source": "10.0.0.1", "destination": "10.0.1.1",
         "src_port": port, "traffic_class": 104, "flow_label": None, "hostname": "host-b",
         "kind": "mesh", "routers": 3, "state": "traced", "state_reason": None, "losing": False,
         "hops": [hop(1, "192.0.2.1", "leaf1"), hop(2, spine), hop(3, "192.0.2.3", "leaf3")],
         "reached": True, "stable": True, "time_ns": time.time_ns() - 65 * 10**9, "before": [],
         "before_ns": None, "changes": 0, "changed_ns": None}
    r.update(more)
    return r


ROADS = {
    "10.0.1.1": [road(50000), road(50001, "198.51.100.2"), road(50002), road(50003, stable=False),
                 road(50004, hops=[hop(1, "192.0.2.1", "leaf1"), hop(2, None),
                                   hop(3, "192.0.2.3", "leaf3")]),
                 road(50005, source="10.0.0.9", kind="back"),
                 road(50006, hops=[], time_ns=None, state="failed", reached=False,
                      state_reason="no route leads over the device")],
    "flow:17": [road(57236, kind="flow", losing=True, changes=2,
                     changed_ns=time.time_ns() - 125 * 10**9,
                     before=[hop(1, "192.0.2.1", "leaf1"), hop(2, "198.51.100.7"),
                             hop(3, "192.0.2.3", "leaf3")])],
    "10.0.1.9": [],
}

EXPLAINED = {"type": "explain", "schema": 1, "time_ns": time.time_ns(), "asked": "10.0.0.2",
             "matches": 2, "streams_total": 18, "flows_total": 1,
             "peer": peer("10.0.0.2", state_since_ns=time.time_ns() - 5 * 10**9, resolves=3,
                          restarts=1, state_reason="because " * 20),
             "path": {"device": "rxe0", "port": 1, "netdev": "eth0", "source": "10.0.0.1",
                      "source_rule": "the configured source", "destination": "10.0.0.2",
                      "gid_index": 7, "hop_limit": 64, "ahs": 2, "neighbour_known": True,
                      "service_port": 21072, "qpn": 4711, "max_size": 4096, "max_per_s": None},
             "streams": [{"target": target(lost=3), "flow": None, "qpn": 17,
                          "port_rule": "the driver derives it from the QPN", "kept": True,
                          "responder_clock": "hw", "window": window(), "road": road(57236),
                          "last": [
                              probe(9, "ok", rtt_ns=2_000_000, t1_ns=1_000_000, t2_ns=1_010_000,
                                    t3_ns=7, t4_ns=34_507, t5_ns=3_044_500, t6_ns=3_060_000),
                              probe(8, "lost", t1_ns=5, reason="no answer"),
                              probe(7, "ok", time_ns=time.time_ns() - 150 * 10**9, rtt_ns=83_100,
                                    t1_ns=1_000_000, t2_ns=1_010_000, t3_ns=7, t4_ns=34_507,
                                    t5_ns=1_127_600, t6_ns=1_140_000)]}], "flows": [flow(17)],
             "device": device(**PORTLOG), "kept_streams": 1, "kept_bytes": 2, "not_kept": 0}
# A peer that is away, on the way to which nothing is sent; one stream of a flow without a result; a
# flow without a peer.
EXPLAINED_OTHERS = {
    "10.0.0.3": {**EXPLAINED, "matches": 1, "peer": peer("10.0.0.3", "down", tor="tor-7",
                                                         state_reason="no answer"),
                 "path": {**EXPLAINED["path"], "source": "127.0.0.1", "destination": "127.0.0.1",
                          "netdev": None}, "streams": [], "flows_total": 9,
                 "device": device(state="down", state_reason="port is down", counters={})},
    "10.0.0.4": {**EXPLAINED, "streams_total": 1, "streams": [
        {"target": target(kind="service", loss_verdict="lossy", recent={"results": 1}), "flow": 17,
         "qpn": 17, "kept": False, "last": []},
        {"target": target(loss_verdict="lossy"), "flow": None, "qpn": 17, "kept": True,
         "last": []}]},
    "flow:5": {**EXPLAINED, "peer": None, "path": None, "streams": [],
               "flows": [flow(5, probing_reason="no peer has its address")], "device": None},
}
CONFIG = {"type": "config", "file": "/etc/x.conf", "error": None, "read_ns": time.time_ns(),
          "generation": 3, "peers": 1, "files": [{"path": "/etc/x.conf", "changed": None}],
          "values": [{"key": "tor", "value": "a\x1b[2J\"\\", "default": False,
                      "file": "/etc/x\n.conf", "line": 3, "restart": False},
                     {"key": "log.main", "value": "info", "default": True, "file": None,
                      "line": None, "restart": False},
                     {"key": "interval_ms", "value": 7, "default": True}]}
CONFIG_PEER = {"address": "10.0.0.2", "device": None, "source": None, "interval_ms": 7,
               "sizes": [50, "mtu"]}


class Conn:
    def __init__(self, sock, scenario):
        self.sock, self.scenario, self.stopped = sock, scenario, threading.Event()
        self.lock = threading.Lock()
        self.stalled = False

    def send(self, message):
        with self.lock:
            self.sock.sendall(msgpack.packb(message, use_bin_type=True,
                                            unicode_errors="surrogateescape"))

    def check(self, value, kind):
        """What no daemon would say in the scenario "good" ends the fake, with the reason."""
        problems = PAGES.problems(value, kind, kind) if self.scenario == "good" and kind else []
        if problems:
            print(*problems, sep="\n", file=sys.stderr, flush=True)
            os._exit(97)

    def note(self, method, payload):
        self.check(payload, PAGES.notifications().get(method))
        self.send([2, method, [payload]])

    def serve(self):
        unpacker = msgpack.Unpacker(raw=False, strict_map_key=False)
        try:
            while data := self.sock.recv(65536):
                unpacker.feed(data)
                for kind, ident, method, params in unpacker:
                    assert kind == 0 and isinstance(params, list), (kind, params)
                    assert len(params) <= 1, (kind, params)
                    self.request(ident, method, params[0] if params else None)
        except OSError:
            pass
        finally:
            self.stopped.set()
            self.sock.close()

    def request(self, ident, method, param):
        self.method = method
        if os.environ.get("FAKE_LOG"):
            with open(os.environ["FAKE_LOG"], "a", encoding="utf-8") as f:
                f.write(f"{method} {sorted(param.items()) if isinstance(param, dict) else param}\n")
        getattr(self, "do_" + self.scenario)(ident, method, param)

    def answer(self, ident, result):
        known = self.method in PAGES.methods
        self.check(result, PAGES.methods[self.method].answer if known else None)
        self.send([1, ident, None, result])

    def do_good(self, ident, method, param):
        if method == "ping":
            self.ping(ident, param)
        elif method == "subscribe":
            self.answer(ident, {})
            for seq in range(3):
                self.note("probe", probe(seq, kind="mesh"))
            self.note("dropped", {"count": 5})
            self.note("from_the_future", {"x": 1})
            for seq in range(3, 6):
                self.note("probe", probe(seq, kind="mesh"))
        elif method == "ping_stop":
            self.answer(ident, {})
            self.stopped.set()
        elif method == "windows":
            assert param["limit"] == 256, param
            if "after" not in param:  # a page without any
                self.answer(ident, {"windows": [], "next": 7})
            else:
                self.answer(ident, {"windows": WINDOWS[param["by"]], "next": None})
        elif method == "subscribe_windows":
            self.answer(ident, {})
            by = param["by"][0] if param else "target"
            for w in WINDOWS[by]:
                self.note("window", w)
            self.note("dropped", {"count": 5})
            if param:
                self.note("probe", probe(0))
            self.note("window", window(by, due=77))
        elif method == "flows":
            self.flows(ident, param, FLOWS)
        elif method == "events":
            self.note("event", EVENTS[0])  # a notification may overtake the answer
            self.answer(ident, {})
            self.note("event", EVENTS[1])
            self.note("dropped", {"count": 5})
            self.note("from_the_future", probe(0))
            for e in EVENTS[2:]:
                self.note("event", e)
        elif method == "explain" and param["target"] in EXPLAINED_OTHERS:
            self.answer(ident, EXPLAINED_OTHERS[param["target"]])
        elif method == "explain" and param["target"] == "host-b":
            self.send([1, ident, {"code": 76, "message": '"host-b" has several addresses; name one '
                                  'of them: 10.0.0.2 (host-b/mlx5_0), 10.0.0.3 (host-b/mlx5_1)'},
                       None])
        elif method == "explain" and param["target"] not in ("10.0.0.2", "flow:17"):
            self.send([1, ident, {"code": 2, "message": f'there is no peer or flow '
                                  f'"{param["target"]}"'}, None])
        elif method == "explain":
            self.answer(ident, EXPLAINED)
        elif method == "path" and param["target"] in ROADS:
            paths = ROADS[param["target"]]
            self.answer(ident, {"paths_total": len(paths) + 3 * (len(paths) > 1), "paths": paths})
        elif method == "path":
            self.send([1, ident, {"code": 2, "message": f'there is no peer '
                                  f'"{param["target"]}"'}, None])
        elif method == "config":
            self.answer(ident, CONFIG)
        elif method == "config_peers":
            self.answer(ident, {"generation": 3, "peers": [] if "after" in param else [CONFIG_PEER],
                                "next": None if "after" in param else 1})
        elif method in ("log_level", "log_level_set"):
            self.answer(ident, {"type": "log_level", "levels": {"main": "info"},
                                "configured": {"main": "info"}})
        elif method == "reload":
            self.answer(ident, {"type": "reload", "file": "/etc/x.conf", "peers": 3, "changed": [],
                                "peers_removed": {"count": 2, "names": ["a"]}})
        elif method == "acknowledge":
            if param.get("device") == "rxe7":
                self.send([1, ident, {"code": 19, "message": 'no device "rxe7"'}, None])
            else:
                self.answer(ident, {"flaps": 3 if param else 1})
        else:
            self.answer(ident,
                        {"status": status(tracing="on", tracing_reason=None, trace=trace()),
                         "peers": [peer("10.0.0.2", listed_host="host-b", listed_device="mlx5_0"),
                                   peer("10.0.0.3", ratio=0.003),
                                   peer("10.0.0.1", "self")],
                         "devices": [device(**BUDGET, **PORTLOG)], "targets": [target()]}[method])

    def flows(self, ident, param, flows):
        """A page, as the contract has it; flows are in the order of their ids."""
        assert param.keys() <= {"after", "limit"} and 1 <= param["limit"] <= 256, param
        rest = [f for f in flows if f["id"] > param.get("after", 0)]
        page = rest[:param["limit"]]
        self.answer(ident,
                    {"flows": page, "next": page[-1]["id"] if len(rest) > len(page) else None})

    def ping(self, ident, param):
        # a notification may overtake the answer
        self.note("ping", probe(0))
        self.answer(ident, {"ping": 77, "address": "10.0.1.1", "device": "rxe0", "size": 50,
                            "timeout_ns": 500_000_000})
        if "count" in param:
            rest = [probe(1, "lost"), probe(2, "late", rtt_ns=612_345_678, host_noise="responder"),
                    probe(3, "local_error", reason="port is down"),
                    probe(4, host_noise="prober", stalled=False)]
            for p in rest:
                self.note("ping", p)
            self.note("ping", probe(9, ping=78))  # somebody else's
            self.note("ping_done",
                      {"ping": 77, **totals(ok=2, lost=1, late=1, local_error=1), "error": None})
        else:
            threading.Thread(target=self.ping_forever).start()

    def ping_forever(self):
        seq = 0
        try:
            while not self.stopped.wait(0.02):
                seq += 1
                self.note("ping", probe(seq))
            self.note("ping_done", {"ping": 77, **totals(ok=seq + 1), "error": None})
        except OSError:
            pass

    def do_bad(self, ident, method, param):
        if method == "ping":
            self.answer(ident, {"ping": 77})
            for seq in range(2):
                self.note("ping", probe(seq, "unresolved", reason="no answer", posted=False,
                                        host_noise=None if seq else "prober"))
            self.note("ping_done", {"ping": 77, **totals(unresolved=2)})
            return
        down = peer("10.0.0.3", "down", None, state_reason="SIDR request timed out",
                    last_ok_ns=None, hostname=None, loss_verdict="lossy",
                    **totals(ok=5, lost=3, peer_down=12))
        down["recent"]["noise"] = 7
        lossy = [{"device": "rxe0", "peer": "10.0.0.3", "hostname": "host-c", "flow": None,
                  "src_port": 57236, "flow_label": 0, "traffic_class": 0,
                  "since_ns": time.time_ns() - 185 * 10**9, "lost": 5, "of": 3200,
                  "last_lost_ns": time.time_ns() - 61 * 10**9},
                 {"peer": "a\x1b[2J", "since_ns": 2**64 - 1, "hostname": "h" * 500}, 5, {}]
        self.answer(ident,
                    {"status": status(degraded=["device rxe1 is down", "tracing is off"],
                                      devices_up=1, lossy=lossy, lossy_paths=9, noisy_paths=2,
                                      slow_paths=0, host_slow_paths=1),
                     "peers": [peer("10.0.0.2"), down],
                     "devices": [device(state="down", state_reason="port is down",
                                        probes_per_s_max=150, skipped=0)], "targets": []}[method])

    def do_slow(self, ident, method, param):  # all are up, and there are verdicts
        now = time.time_ns()
        self.answer(ident, [peer("10.0.0.2", noisy_since_ns=None),
                            peer("10.0.0.3", loss_verdict="lossy", slow_since_ns=now,
                                 last_lost_ns=now - 3725 * 10**9, host_slow_since_ns=now)])

    def do_noisy(self, ident, method, param):
        self.answer(ident, [peer("10.0.0.4", loss_verdict="clean", noisy_since_ns=time.time_ns())])

    def do_fresh(self, ident, method, param):  # nothing configured, nothing measured
        changed = {"device": [window("device", length_changed=True, loss_low=-1)],
                   "flow": [window("flow", path_changed=True)]}
        cut = changed.get(param["by"], []) if method == "windows" else []
        self.answer(ident, {"status": status(memory_bytes_max=512 * 2**20), "peers": [],
                            "windows": {"windows": cut, "next": None}}[method])

    def do_untraced(self, ident, method, param):
        if method == "events":
            self.answer(ident, {})
            self.note("event", EVENTS[1])
            return
        self.answer(ident,
                    {"status": status(tracing="off", tracing_reason="BPF: permission denied: "
                                      "run as root"), "flows": {"flows": [], "next": None}}[method])

    def do_degraded(self, ident, method, param):
        self.answer(ident, {"status": status(tracing="degraded", tracing_reason="ring full",
                                             trace=dict.fromkeys(trace())),
                            "flows": {"flows": FLOWS[:1], "next": None}}[method])

    def do_manyflows(self, ident, method, param):
        if method == "status":
            self.answer(ident, status(tracing="on"))
            return
        self.flows(ident, param, [flow(3 * i, owners=[owner(i)], recent={
            "lost_ratio": i / 1000, "answered": 1000 - i, "lost": i},
            hops=[hop(1, "192.0.2.1", "leaf1"), hop(2, None), hop(3, "192.0.2.3")]
            if i > 998 else []) for i in range(1, 1001)])

    def do_manytargets(self, ident, method, param):  # more than one answer can hold
        after = param.get("after", 0)
        n = min(param["limit"], 10_000 - after)
        self.answer(ident, {"targets": [target(peer=f"p{after + i}") for i in range(n)],
                            "next": after + n if after + n < 10_000 else None})

    def do_endless(self, ident, method, param):  # ids go on for ever
        after = param.get("after", 0)
        name = "flows" if method == "flows" else "windows"
        self.answer(ident, {name: [{"id": after + i, "schema": 1} for i in range(1, 257)],
                            "next": after + 256})

    def do_circle(self, ident, method, param):
        self.answer(ident, {"flows": [flow(1)], "next": 1})

    def do_emptypage(self, ident, method, param):
        self.answer(ident, {"flows": [], "next": param.get("after", 0) + 1})

    def do_nextword(self, ident, method, param):
        self.answer(ident, {"flows": [flow(1)], "next": "more"})

    def do_nodevice(self, ident, method, param):
        self.answer(ident, {"status": status(devices=0, devices_up=0), "devices": [],
                            "peers": [peer("10.0.0.9", "down", configured=False)]}[method])

    def do_refuses(self, ident, method, param):
        if method == "ping":
            self.answer(ident, {"ping": 77})
            self.note("ping_done", {"ping": 77, **totals(), "error": "no address for that name"})
        else:
            self.send([1, ident, {"code": 22, "message": "size: expected\x1b 50 to 4096 bytes"},
                       None])

    def do_old(self, ident, method, param):
        self.send([1, ident, {"code": 38, "message": f'no method "{method}"'}, None])

    def do_schema(self, ident, method, param):
        if method == "ping":
            self.answer(ident, {"ping": 77})
            self.note("ping", probe(0, schema=0))
        elif method == "subscribe":
            self.answer(ident, {})
            self.note("probe", probe(0, schema=0))
        elif method == "events":
            self.answer(ident, {})
            self.note("event", event(1, schema=0))
        elif method == "windows":
            self.answer(ident, {"windows": [window(schema=0)], "next": None})
        elif method == "subscribe_windows":
            self.answer(ident, {})
            self.note("window", window(schema=0))
        else:
            self.answer(ident, status(schema=0))

    def do_dies(self, ident, method, param):
        if method in ("ping", "subscribe"):
            self.answer(ident, {"ping": 77})
            self.note("ping", probe(0))
            self.note("probe", probe(0))
            self.note("probe", probe(1))
        self.sock.sendall(msgpack.packb([1, ident, None, [peer("10.0.0.2")]])[:-20])
        self.sock.shutdown(socket.SHUT_RDWR)

    def do_goes(self, ident, method, param):
        self.answer(ident, status(tracing="on") if method == "status" else {})
        if method == "events":
            self.note("event", EVENTS[0])
            self.note("event", EVENTS[1])
            self.sock.shutdown(socket.SHUT_RDWR)

    def do_stays(self, ident, method, param):  # and nothing more happens
        self.answer(ident, status(tracing="on") if method == "status" else {})
        if method == "events":
            self.note("event", EVENTS[1])

    def do_garbage(self, ident, method, param):
        self.sock.sendall(b"\xc1HTTP/1.1 400 Bad Request\r\n\r\n")

    def do_huge(self, ident, method, param):
        self.sock.sendall(b"\x94\x01" + msgpack.packb(ident) + b"\xc0\xdd\xff\xff\xff\xff")

    def do_hangs(self, ident, method, param):
        self.note("from_the_future", None)

    def do_check(self, ident, method, param):  # of many, the 5th loses one, the 7th is unknown
        n = self.checked = getattr(self, "checked", 0) + 1
        assert param["count"] == 4 and param["interval_ns"] == 10**8, param
        if n == 9:
            self.send([1, ident, {"code": 22, "message": "host: expected a name"}, None])
            return
        if n % 2:
            self.answer(ident, {"ping": n})
        for i in range(4 if n != 7 else 0):
            lost = n == 5 and i == 1 or n == 6 and i == 2
            self.note("ping", probe(i, "lost" if lost else "ok", ping=n, stalled=n == 6 and lost,
                                    rtt_ns=None if lost else 20000 + 1000 * i))
        good = {7: 0, 5: 3, 6: 3}.get(n, 4)
        self.note("ping_done", {"ping": n, **totals(ok=good, lost=0 if n == 7 else 4 - good),
                                "error": "no address for that name" if n == 7 else None})
        if not n % 2:
            self.answer(ident, {"ping": n})

    def do_selfcheck(self, ident, method, param):  # mlx5_0's clock is half as fast as it says
        if method == "devices":
            self.answer(ident, [device(netdev="none0", clock_reason="no timestamps"),
                                device(device="mlx5_0", driver="mlx5_core", netdev="none1",
                                       clock="hw", clock_khz=1_000_000, clock_reason=None,
                                       clock_wrap_ns=1 << 32)])
        elif method == "subscribe":
            self.answer(ident, {})
            for i in range(20):
                self.note("probe", probe(i, kind="mesh", device="mlx5_0", clock="hw",
                                         t1_ns=10**18 + i * 5 * 10**8, t2_ns=i * 25 * 10**7))
        else:
            self.do_good(ident, method, param)

    def do_junk(self, ident, method, param):
        if method in ("ping", "subscribe", "events", "subscribe_windows"):
            self.send([1, ident + 1000, None, None])
            self.send(5)
            self.send([2, 5, 5])
            self.send([2, "ping", []])
            self.send([])
            self.answer(ident, JUNK[4])
            for j in JUNK:
                self.note("ping", j)
                self.note("probe", j)
                self.note("event", j)
                self.note("window", j)
                self.note("dropped", j)
            for j in JUNK_WINDOWS:
                self.note("window", j)
            for j in JUNK_FLOWS:
                self.note("event", {**(j if isinstance(j, dict) else {}),
                                    "comm": "a\x1b[2J\udcff\u202e", "pid": -1, "src_gid": [1]})
            self.note("ping_done", JUNK[5])
        elif method == "status":
            self.answer(ident,
                        {"devices": "x", "devices_up": 1, "degraded": 7,
                         "probes": {5: 5, "a": None}, "uptime_s": 1e300,
                         "loop_stall_max_ns": 2**64 - 1, "time_ns": 0, "schema": "x",
                         "version": [1], "tracing": "\x07" * 300, "tracing_reason": "\x1b[2J" * 100,
                         "trace": {k: [2**64 - 1, -1, "\x1b[2J", None, {}, 0][i % 6]
                                   for i, k in enumerate(trace())}})
        elif method == "windows":
            self.answer(ident, {"windows": JUNK_WINDOWS + JUNK, "next": None})
        elif method == "flows":
            self.answer(ident, {"flows": JUNK_FLOWS, "next": None})
        elif method == "path":
            self.answer(ident, {"paths_total": 2**64 - 1, "paths": [
                *JUNK, road(1, hops=JUNK), road([1], source="\x1b[2J", stable=7, before="x"),
                road(2**64 - 1, hops=[hop("\x1b", "\x1b", "\u202e" * 300)] * 100)]})
        elif method == "explain":
            self.answer(ident, {
                "peer": JUNK[6], "path": {"source": "\x1b", "destination": "x",
                                          "neighbour_seen_ns": 2**64 - 1, "asked_ns": -1},
                "streams": [*JUNK, {"target": JUNK[6], "window": JUNK_WINDOWS[1],
                                    "last": [*JUNK, probe(1, t1_ns=2**64 - 1, t2_ns="x")]}],
                "flows": JUNK_FLOWS, "flows_total": "x",
                "device": {"counters": {"\x1b": {"bad": True, "total": 5}}, "history": JUNK}})
        elif method == "config":
            self.answer(ident, {"values": [*JUNK, {"key": "\x1b[2J.x", "value": {"a": 1}},
                                           {"key": "a.b", "pending": [[1.5]], "default": 7}],
                                "files": JUNK})
        elif method == "config_peers":
            self.answer(ident, {"peers": JUNK, "next": None})
        elif method in ("log_level", "log_level_set"):
            self.answer(ident,
                        {"levels": {"\x1b[2J": 5, 5: "x", "a": None}, "configured": {"a": "\x1b"}})
        elif method == "reload":
            self.answer(ident, {"changed": [*JUNK, {"key": "\x1b", "from": [{}], "to": "\x1b"}],
                                "peers_added": {"count": 2**64 - 1, "names": JUNK}})
        elif method == "devices":
            self.answer(ident, JUNK + [{"history": JUNK,
                                        "counters": {"\x1b[2J": {"value": 1}, 5: 5, "x": JUNK[1:]}},
                                       {"history": [{"time_ns": 2**64 - 1, "from": "\x1b[2J",
                                                     "lasted_ns": -1, "acknowledged": "x"}]}])
        else:
            self.answer(ident, JUNK)

    def do_wrong(self, ident, method, param):
        self.answer(ident, 5)

    def do_many(self, ident, method, param):
        peers = [peer(f"10.0.0.{i}") for i in range(200)]
        peers[150] = peer("10.0.0.150", "down", None)
        self.answer(ident, {"peers": peers, "targets": [target()],
                            "windows": {"windows": [], "next": None}}.get(method, {}))

    def do_trends(self, ident, method, param):
        """A peer whose RTT and loss rise, with one window missing, another that is sent in two
        halves, and a second peer without any."""
        if method != "subscribe_windows":
            self.do_many(ident, method, param)
            return
        self.answer(ident, {})
        base = time.time_ns() // 10**10 - 9
        for i, at in enumerate([(10, 0), (20, 0), (40, 1), None, (60, 20), (70, 600), (80, 0)]):
            if at:
                self.note("window",
                          window(peer="10.0.0.7", start_ns=(base + 1 + i) * 10**10,
                                 end_ns=(base + 2 + i) * 10**10, start_mono_ns=i + 1,
                                 loss_lost=at[1], loss_of=1000, rtt=histogram(at[0] * 10**6)))

    def do_ending(self, ident, method, param):
        """Three windows of a stream, and one of another that ended with it."""
        if method != "windows":
            self.answer(ident, {})
            return
        self.answer(ident,
                    {"windows": [window(start_mono_ns=1),
                                 window(peer="10.0.0.9", kind="ping", ended=True, start_mono_ns=1)],
                     "next": None})
        for i in (2, 3):
            self.note("window", window(start_mono_ns=i))

    def do_stalls(self, ident, method, param):
        if not self.stalled:
            self.do_many(ident, method, param)
        self.stalled = method == "peers"

    def do_mesh(self, ident, method, param):
        """Three peers on two devices."""
        peers = [peer("10.0.0.2"), peer("10.0.0.3", device="rxe1", ratio=0.02),
                 peer("10.0.0.4", "down", None, device="rxe1")]
        peers[1]["recent"]["rtt_p50_ns"] = 81_600_000
        peers.append(peer("10.0.0.3",
                          recent={**recent(None), "rtt_p50_ns": None, "lost_ratio": None}))
        self.answer(ident, peers)

    def do_flood(self, ident, method, param):
        if method == "status":
            self.answer(ident, status(tracing="on"))
            return
        self.answer(ident, {"ping": 77})
        for seq in range(200000):
            if method == "subscribe_windows":
                self.note("window", WINDOWS["target"][0])
            elif method == "events":
                self.note("event", EVENTS[1])
            else:
                self.note("ping" if method == "ping" else "probe", probe(seq))


def main():
    path, scenario = sys.argv[1:]
    server = socket.socket(socket.AF_UNIX)
    server.bind(path + ".new")
    server.listen(16)
    os.rename(path + ".new", path)
    while True:
        sock, _ = server.accept()
        if scenario == "leaves":
            sock.close()
            continue
        threading.Thread(target=Conn(sock, scenario).serve, daemon=True).start()


main()
