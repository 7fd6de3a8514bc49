# SPDX-License-Identifier: Apache-2.0
"""A daemon that answers rpingmesh-ctl by a script: ctl_fake.py SOCKET SCENARIO."""
import os
import socket
import sys
import threading
import time

import msgpack

CLASSES = ["ok", "lost", "late", "peer_restarted", "peer_down", "unresolved", "local_error", "ack2_missing"]


def totals(**given):
    out = {c: given.get(c, 0) for c in CLASSES}
    out["sent"] = out["posted"] = sum(out.values())
    return out


def recent(ratio=0.0):
    return {"span_s": 10.0, "sent": 100, "lost_ratio": ratio, "rtt_p50_ns": 20_400_000, "rtt_p99_ns": 31_000_000,
            "rtt_max_ns": 40_000_000, "prober_delay_p50_ns": 83_100, "responder_delay_p50_ns": 12_300}


def peer(address, state="up", ratio=0.0, **more):
    p = {"type": "peer", "address": address, "device": "rxe0", "state": state, "state_reason": None,
         "hostname": "host-b", "configured": True, "last_ok_ns": time.time_ns() - 1_500_000_000,
         "recent": recent(ratio), **totals(ok=100)}
    p.update(more)
    return p


def status(**more):
    s = {"type": "status", "schema": 1, "version": "9.9", "pid": 42, "uptime_s": 7805.5, "hostname": "host-a",
         "incarnation": 2**63 + 1, "time_ns": time.time_ns(), "config_file": "/etc/x.conf", "config_error": None,
         "tracing": "off", "tracing_reason": "not built", "degraded": [], "loop_stall_max_ns": 1_230_000,
         "loop_stall_max_who": "control client", "loop_stall_max_time_ns": time.time_ns() - 2_050_000_000,
         "devices": 2, "devices_up": 1, "peers": 3, "peers_up": 3, "targets": 3, "flows": 0, "in_flight": 1,
         "probes": totals(ok=97, lost=3), "responder": {"probes": 12, "malformed": 0}, "control": {"clients": 1}}
    s.update(more)
    return s


def device(**more):
    d = {"type": "device", "device": "rxe0", "port": 1, "state": "up", "netdev": "eth0", "driver": "rxe", "gid": "10.0.0.1",
         "gid_index": 1, "mtu": 1024, "clock": "sw", "qpn": 17, "responder_qpn": 18, "posted": 5, "deferred": 0,
         "send_errors": 0, "receive_errors": 0, "receive_queue_full": 7}
    d.update(more)
    return d


def target(**more):
    t = {"type": "target", "peer": "10.0.0.2", "device": "rxe0", "kind": "mesh", "interval_ns": 100_000_000,
         "sizes": [50, 1024], "flow_label": 0xabcde, "traffic_class": 104, "service_level": 0, "src_port": 57236,
         "path": "exact", "recent": recent(0.125), **totals(ok=7, lost=1)}
    t.update(more)
    return t


def probe(seq, cls="ok", **more):
    p = {"type": "probe", "schema": 1, "time_ns": time.time_ns(), "device": "rxe0", "peer": "10.0.1.1",
         "hostname": "host-b", "seq": seq, "kind": "ping", "class": cls, "reason": None, "clock": "sw",
         "src_port": 57236, "flow_label": 0, "traffic_class": 0, "service_level": 0, "size": 50, "path": "exact",
         "posted": True, "late": cls == "late", "ping": 77}
    if cls in ("ok", "late"):
        p.update(rtt_ns=1_234_000 + seq * 1000, prober_delay_ns=12_300, responder_delay_ns=34_500, error_ns=100)
    p.update(more)
    return p


JUNK = [{}, 5, None, [], "x", {"address": 5, "recent": 7, "sent": "many", "state": ["up"], "hostname": {"a": 1},
        "last_ok_ns": -1, "configured": "yes", "lost": -5, "state_reason": b"\xff\x00"},
        {"address": "a\x1b[2Jb", "state": "up", "recent": {"lost_ratio": float("nan"), "rtt_p50_ns": 2**64 - 1},
         "sent": 2**64 - 1, "last_ok_ns": 2**64 - 1, "sizes": [None] * 100, "interval_ns": True, "flow_label": -1}]


class Conn:
    def __init__(self, sock, scenario):
        self.sock, self.scenario, self.stopped = sock, scenario, threading.Event()
        self.lock = threading.Lock()

    def send(self, message):
        with self.lock:
            self.sock.sendall(msgpack.packb(message, use_bin_type=True))

    def note(self, method, payload):
        self.send([2, method, [payload]])

    def serve(self):
        unpacker = msgpack.Unpacker(raw=False, strict_map_key=False)
        try:
            while data := self.sock.recv(65536):
                unpacker.feed(data)
                for kind, ident, method, params in unpacker:
                    assert kind == 0 and isinstance(params, list) and len(params) <= 1, (kind, params)
                    self.request(ident, method, params[0] if params else None)
        except OSError:
            pass
        finally:
            self.stopped.set()
            self.sock.close()

    def request(self, ident, method, param):
        if os.environ.get("FAKE_LOG"):
            with open(os.environ["FAKE_LOG"], "a", encoding="utf-8") as f:
                f.write(f"{method} {sorted(param.items()) if isinstance(param, dict) else param}\n")
        getattr(self, "do_" + self.scenario)(ident, method, param)

    def answer(self, ident, result):
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
        else:
            self.answer(ident, {"status": status(), "peers": [peer("10.0.0.2"), peer("10.0.0.3", ratio=0.003),
                                peer("10.0.0.1", "self")], "devices": [device()], "targets": [target()]}[method])

    def ping(self, ident, param):
        # a notification may overtake the answer
        self.note("ping", probe(0))
        self.answer(ident, {"ping": 77, "address": "10.0.1.1", "device": "rxe0", "size": 50, "timeout_ns": 500_000_000})
        if "count" in param:
            rest = [probe(1, "lost"), probe(2, "late", rtt_ns=612_345_678), probe(3, "local_error", reason="port is down")]
            for p in rest:
                self.note("ping", p)
            self.note("ping", probe(9, ping=78))  # somebody else's
            self.note("ping_done", {"ping": 77, **totals(ok=1, lost=1, late=1, local_error=1), "error": None})
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
                self.note("ping", probe(seq, "unresolved", reason="no answer", posted=False))
            self.note("ping_done", {"ping": 77, **totals(unresolved=2)})
            return
        down = peer("10.0.0.3", "down", None, state_reason="SIDR request timed out", last_ok_ns=None, hostname=None,
                    **totals(ok=5, lost=3, peer_down=12))
        self.answer(ident, {"status": status(degraded=["device rxe1 is down", "tracing is off"], devices_up=1),
                            "peers": [peer("10.0.0.2"), down], "devices": [device(state="down", state_reason="port is down")],
                            "targets": []}[method])

    def do_nodevice(self, ident, method, param):
        self.answer(ident, {"status": status(devices=0, devices_up=0), "devices": [],
                            "peers": [peer("10.0.0.9", "down", configured=False)]}[method])

    def do_refuses(self, ident, method, param):
        if method == "ping":
            self.answer(ident, {"ping": 77})
            self.note("ping_done", {"ping": 77, **totals(), "error": "no address for that name"})
        else:
            self.send([1, ident, {"code": 22, "message": "size: expected\x1b 50 to 4096 bytes"}, None])

    def do_old(self, ident, method, param):
        self.send([1, ident, {"code": 38, "message": f'no method "{method}"'}, None])

    def do_schema(self, ident, method, param):
        if method == "ping":
            self.answer(ident, {"ping": 77})
            self.note("ping", probe(0, schema=0))
        elif method == "subscribe":
            self.answer(ident, {})
            self.note("probe", probe(0, schema=0))
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

    def do_garbage(self, ident, method, param):
        self.sock.sendall(b"\xc1HTTP/1.1 400 Bad Request\r\n\r\n")

    def do_huge(self, ident, method, param):
        self.sock.sendall(b"\x94\x01" + msgpack.packb(ident) + b"\xc0\xdd\xff\xff\xff\xff")

    def do_hangs(self, ident, method, param):
        self.note("from_the_future", None)

    def do_junk(self, ident, method, param):
        if method in ("ping", "subscribe"):
            self.send([1, ident + 1000, None, None])
            self.send(5)
            self.send([2, 5, 5])
            self.send([2, "ping", []])
            self.send([])
            self.answer(ident, JUNK[4])
            for j in JUNK:
                self.note("ping", j)
                self.note("probe", j)
                self.note("dropped", j)
            self.note("ping_done", JUNK[5])
        elif method == "status":
            self.answer(ident, {"devices": "x", "devices_up": 1, "degraded": 7, "probes": {5: 5, "a": None}, "uptime_s": 1e300,
                                "loop_stall_max_ns": 2**64 - 1, "time_ns": 0, "schema": "x", "version": [1],
                                "tracing": "\x07" * 300})
        else:
            self.answer(ident, JUNK)

    def do_wrong(self, ident, method, param):
        self.answer(ident, 5)

    def do_many(self, ident, method, param):
        peers = [peer(f"10.0.0.{i}") for i in range(200)]
        peers[150] = peer("10.0.0.150", "down", None)
        self.answer(ident, peers if method == "peers" else {})

    def do_flood(self, ident, method, param):
        self.answer(ident, {"ping": 77})
        for seq in range(200000):
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
