# SPDX-License-Identifier: Apache-2.0
"""central.py BUILD: rpingmesh-central against Debian's mosquitto. What it publishes is read by
mosquitto_sub and msgpack alone, and compared with what the rules of plan.h and registry.h say."""

import itertools
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import msgpack

from checks import LONG, check, until

BUILD = os.path.abspath(sys.argv[1])
PREFIX = "rpingmesh/1"
counter = itertools.count(1)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class World:
    """A broker, centrals, and hosts that are nothing but their registrations."""

    def __init__(self, directory):
        self.dir, self.port = directory, free_port()
        self.broker, self.centrals, self.incarnations = None, {}, {}
        self.prefix = PREFIX  # of the hosts that join

    def path(self, name):
        return os.path.join(self.dir, name)

    def start_broker(self):
        with open(self.path("broker.conf"), "w") as f:
            f.write(f"listener {self.port} 127.0.0.1\nallow_anonymous true\n"
                    "persistence false\n")
        self.broker = subprocess.Popen(["mosquitto", "-c", self.path("broker.conf")],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + LONG
        while time.monotonic() < end:
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError("mosquitto does not listen")

    def stop_broker(self):
        self.broker.kill()
        self.broker.wait()

    def start_central(self, name, extra="", port=None):
        with open(self.path(name + ".conf"), "w") as f:
            f.write(f'broker = "mqtt://127.0.0.1:{port or self.port}";\nsocket_group = "";\n'
                    f'socket = "{self.path(name + ".sock")}";\n{extra}\n')
        log = open(self.path(name + ".log"), "a")
        self.centrals[name] = subprocess.Popen(
            [BUILD + "/rpingmesh-central", "-c", self.path(name + ".conf")],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        until("the socket of " + name, lambda: os.path.exists(self.path(name + ".sock")))

    def stop_central(self, name):
        program = self.centrals.pop(name)
        program.terminate()
        status = program.wait(LONG)
        assert status == 0, f"{name} ends with {status}: {self.log(name)}"

    def log(self, name):
        with open(self.path(name + ".log")) as f:
            return f.read()

    def call(self, name, method, **params):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(LONG)
            s.connect(self.path(name + ".sock"))
            s.sendall(msgpack.packb([0, 1, method, [params]]))
            unpacker = msgpack.Unpacker(strict_map_key=False)
            while True:
                data = s.recv(65536)
                assert data, f"{name} hangs up after {method}"
                unpacker.feed(data)
                for message in unpacker:
                    if message[2]:
                        raise Refused(message[2]["message"])
                    return message[3]

    def status(self, name="one"):
        return self.call(name, "status")

    def publish(self, topic, payload, retained=True):
        path = self.path("payload")
        with open(path, "wb") as f:
            f.write(payload)
        args = ["mosquitto_pub", "-p", str(self.port), "-q", "1", "-t", topic]
        args += ["-r"] * retained + (["-f", path] if payload else ["-n"])
        subprocess.run(args, check=True, timeout=LONG)

    def retained(self, topic):
        """The retained payload of a topic; b"" if it has none."""
        result = subprocess.run(
            ["mosquitto_sub", "-p", str(self.port), "-t", topic, "-C", "1", "-W", "1", "-N"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=LONG)
        return result.stdout

    def pinglist(self, host):
        payload = self.retained(f"{PREFIX}/pinglist/{host}")
        return msgpack.unpackb(payload) if payload else None

    def join(self, name, tor, *addresses, **more):
        """A host with a port for each address."""
        ports = [{"device": f"mlx5_{i}", "port": 1, "addresses": [address], "tors": [tor],
                  "tor_by": "config", "clock": "hw", "out_per_s": 1000, "in_per_s": 5000,
                  "src_ports": 0} for i, address in enumerate(addresses)]
        registration = {"type": "registration", "schema": 1, "host": name, "version": "9",
                        "incarnation": self.incarnations.setdefault(name, next(counter)),
                        "time_ns": time.time_ns(), "ports": ports, "labels": {"pod": "a"}}
        registration.update(more)
        self.publish(f"{self.prefix}/host/{name}", msgpack.packb(registration))

    def leave(self, name):
        self.publish(f"{self.prefix}/host/{name}", b"")


class Refused(Exception):
    pass


def targets(pinglist):
    """{(source, address): kind} of a pinglist."""
    return {(port["source"], target["address"]): group["kind"]
            for port in (pinglist or {}).get("ports", [])
            for group in port["groups"] for target in group["targets"]}


def whom(world, host):
    return {address for _, address in targets(world.pinglist(host))}


# ---- what is tried ----

def without_broker(w):
    w.start_central("one")
    until("a reason", lambda: w.status()["bus"]["state"] == "waiting")
    check("without a broker, status says so",
          any("no connection to the broker" in s for s in w.status()["degraded"]))
    w.start_broker()
    until("a connection", lambda: w.status()["bus"]["state"] == "connected")
    check("nothing is wrong with a broker", w.status()["degraded"] == [])


def mesh(w):
    w.join("a", "leaf-1", "10.0.0.1")
    w.join("b", "leaf-1", "10.0.0.2", "10.0.0.12")
    w.join("c", "leaf-1", "10.0.0.3")
    until("three hosts", lambda: w.status()["hosts_present"] == 3)
    others = {"10.0.0.2", "10.0.0.12", "10.0.0.3"}
    until("a list", lambda: whom(w, "a") == others)
    check("under one ToR, each port probes all others", True)
    b = until("a list", lambda: targets(w.pinglist("b")))
    check("no port probes its own host",
          set(b) == {(s, d) for s in ("10.0.0.2", "10.0.0.12") for d in ("10.0.0.1", "10.0.0.3")}
          and set(b.values()) == {"tor"})
    w.join("d", "leaf-2", "10.0.1.1")
    w.join("e", "leaf-2", "10.0.1.2")
    until("the fabric", lambda: "fabric" in targets(w.pinglist("d")).values())
    check("a second ToR is probed across the fabric", True)
    rows = until("coverage", lambda: w.call("one", "coverage")["coverage"])
    check("coverage names both ToRs", {r["tor"] for r in rows} == {"leaf-1", "leaf-2"})
    check("hosts and ports are listed",
          [h["host"] for h in w.call("one", "hosts")["hosts"]] == list("abcde") and
          len(w.call("one", "ports")["ports"]) == 6)


def pages(w):
    seen, after = [], 0
    while after is not None:
        page = w.call("one", "hosts", after=after, limit=2)
        seen += [h["host"] for h in page["hosts"]]
        after = page["next"]
    check("pages of two hosts are all hosts", seen == list("abcde"))


def ctl(w, name, *args, width=80):
    """(status, lines of standard output, standard error)"""
    p = subprocess.run([BUILD + "/rpingmesh-ctl", "-S", w.path(name + ".sock"), *args],
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       text=True, timeout=LONG, check=False,
                       env={**os.environ, "COLUMNS": str(width), "NO_COLOR": "1"})
    return p.returncode, p.stdout.splitlines(), p.stderr


def tors(w):
    rows = {r["tor"]: r for r in w.call("one", "tors")["tors"]}
    check("switches have their hosts and ports, and how they were learnt",
          [(t, r["hosts"], r["ports"], r["by"], r["problems"]) for t, r in rows.items()] ==
          [("leaf-1", 3, 4, ["config"], []), ("leaf-2", 2, 2, ["config"], [])])
    covered = {r["tor"]: r for r in w.call("one", "coverage")["coverage"]}
    check("what is covered is that of coverage",
          all(rows[t][k] == covered[t][k] for t in rows
              for k in ("paths", "wanted", "out", "in", "share_out", "share_in")))
    page = w.call("one", "tors", after=1, limit=1)
    check("pages of one switch", ([r["tor"] for r in page["tors"]], page["next"]) ==
          (["leaf-2"], None) and w.call("one", "tors", limit=1)["next"] == 1)
    status, lines, errors = ctl(w, "one", "tors")
    check("ctl tors prints a row for each", (status, errors, [line.split()[0] for line in lines])
          == (0, "", ["TOR", "leaf-1", "leaf-2"]))
    status, lines, errors = ctl(w, "one", "--json", "tors")
    check("ctl --json tors prints these records",
          (status, errors, [json.loads(line) for line in lines]) == (0, "", list(rows.values())))
    w.join("e", "leaf-2", "10.0.1.2", ports=[
        {"device": "mlx5_0", "port": 1, "addresses": ["10.0.1.2"], "tors": [], "tor_by": "none",
         "clock": "hw", "out_per_s": 1000, "in_per_s": 5000, "src_ports": 0}])
    until("a port without one", lambda: ctl(w, "one", "tors")[0] == 1)
    row = w.call("one", "tors")["tors"][0]
    check("ports without a switch are a row of their own",
          (row["tor"], row["ports"], row["by"], row["problems"]) == (None, 1, ["none"], ["no_tor"]))
    check("a narrow terminal has the name and the problem",
          any("no_tor" in line for line in ctl(w, "one", "tors", width=30)[1]))
    w.join("e", "leaf-2", "10.0.1.2")
    until("its return", lambda: w.call("one", "tors")["tors"][0]["tor"] == "leaf-1")


def few(w):
    """A cluster of its own, with more hosts than its central keeps."""
    w.prefix = "few/1"
    w.join("a", "leaf-1", "10.0.0.1")
    w.join("b", "leaf-1", "10.0.0.2", ports=[
        {"device": "mlx5_0", "port": 1, "addresses": ["10.0.0.2"], "tors": [], "tor_by": "none",
         "clock": "hw", "out_per_s": 1000, "in_per_s": 5000, "src_ports": 0}])
    w.start_central("few", 'prefix = "few"; max_hosts = 2;')
    until("two hosts", lambda: w.status("few")["hosts_present"] == 2)
    until("a port without a switch", lambda: any(
        "ports have no ToR switch, so they take no part: 1; the first: b mlx5_0/1; set tor" in s
        for s in w.status("few")["degraded"]))
    w.join("c", "leaf-1", "10.0.0.3")
    until("the third", lambda: any("there are max_hosts (2) hosts" in s
                                   for s in w.status("few")["degraded"]))
    check("max_hosts, and ports without a switch, are said", True)
    check("ctl status says it, too", ctl(w, "few", "status")[0] == 1 and
          any("max_hosts (2)" in line for line in ctl(w, "few", "status", width=200)[1]))
    w.leave("a")
    until("room", lambda: w.status("few")["hosts_gone"] == 1)
    check("the third has no part yet",
          any("max_hosts (2)" in s for s in w.status("few")["degraded"]))
    w.join("c", "leaf-1", "10.0.0.3")
    until("the third is in", lambda: w.status("few")["hosts_present"] == 2)
    check("nobody is refused any more",
          not any("max_hosts" in s for s in w.status("few")["degraded"]))
    w.stop_central("few")
    w.prefix = PREFIX


def big(w):
    """A cluster of its own, where the list of a host with 512 addresses would be longer than
    4 MiB. Nobody else waits for it."""
    w.prefix = "big/1"

    def port(device, addresses, tor):
        return {"device": device, "port": 1, "addresses": addresses, "tors": [tor],
                "tor_by": "config", "clock": "hw", "out_per_s": 1000000, "in_per_s": 1000000,
                "src_ports": 0}

    def join(name, tor, host, ports, addresses):
        w.join(name, "", ports=[port(
            f"device-with-a-long-name-that-takes-many-bytes-of-each-list-{p:02}",
            [f"10.{host}.{p}.{a + 1}" for a in range(addresses)], tor) for p in range(ports)])

    for i in range(128):
        join(f"host{i:03}" + "-long" * 10, f"leaf-{i % 4}", i, 8, 1)
    w.start_central("big", 'prefix = "big"; budget_percent = 100;')
    until("all hosts", lambda: w.status("big")["hosts_present"] == 128)
    join("ahuge", "leaf-0", 200, 64, 8)
    until("its judgement", lambda: any(
        "pinglists are longer than agents take" in s and "that of ahuge:" in s
        for s in w.status("big")["degraded"]))
    join("late", "leaf-1", 201, 1, 1)
    until("a list", lambda: w.retained("big/1/pinglist/late"))
    check("the others get theirs", True)
    huge = until("its list", lambda: w.retained("big/1/pinglist/ahuge"))
    check("a list that is too long is published without ports",
          msgpack.unpackb(huge)["ports"] == [])
    w.stop_central("big")
    w.prefix = PREFIX


def mqtt(kind, body):
    """A packet of MQTT 3.1.1."""
    length, size = b"", len(body)
    while size > 127:
        length, size = length + bytes([size % 128 | 128]), size // 128
    return bytes([kind]) + length + bytes([size]) + body


def mqtt_text(text):
    return struct.pack(">H", len(text)) + text.encode()


def publish_many(w, messages):
    """Retained, with QoS 1, over one connection."""
    with socket.create_connection(("127.0.0.1", w.port), LONG) as s:
        s.sendall(mqtt(0x10, mqtt_text("MQTT") + b"\4\2" + struct.pack(">H", 600) +
                       mqtt_text("many")))
        answers = s.makefile("rb")
        assert answers.read(4) == b"\x20\2\0\0", "no connection"
        for topic, payload in messages:
            s.sendall(mqtt(0x33, mqtt_text(topic) + b"\0\1" + payload))
            assert answers.read(4) == b"\x40\2\0\1", "no acknowledgement"


def thousands(w):
    """More hosts than messages that mosquitto lets wait for one client, 1,020."""
    publish_many(w, ((f"thousands/1/host/h{i}", msgpack.packb({
        "type": "registration", "schema": 1, "host": f"h{i}", "version": "9",
        "incarnation": i + 1, "time_ns": time.time_ns(), "ports": [], "labels": {}}))
                     for i in range(1500)))
    w.start_central("thousands", 'prefix = "thousands";')
    until("all hosts", lambda: w.status("thousands")["hosts_present"] == 1500)
    check("a central that starts hears of 1,500 hosts", True)
    w.stop_central("thousands")


# Whatever http_proxy says: it is this machine that is asked.
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def get(port, path, method="GET"):
    """(status, type, body)"""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
    try:
        with direct.open(request, timeout=LONG) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read().decode()
    except urllib.error.URLError as error:
        raise ConnectionError(error) from error


def mesh_history(w, port):
    """A minute is only over after a minute, so none is kept yet."""
    times = json.loads(get(port, "/api/1/mesh/times")[2])
    check("of the mesh, no minute is kept yet", (times["type"], times["step_s"], times["runs"],
                                                 times["reason"]) == ("mesh_times", 60, [], None))
    status, kind, body = get(port, "/api/1/mesh?at=1700000000000000000")
    then = json.loads(body)
    check("then the mesh is empty", (status, kind) == (200, "application/json") and
          then["kept"] is True and (then["time_ns"], then["names"], then["cells"]) == (0, [], []))
    check("what is kept is the mesh of now", then.keys() - {"kept"} ==
          json.loads(get(port, "/api/1/mesh")[2]).keys())
    check("no such time", [get(port, "/api/1/mesh?at=" + at)[0] for at in
                           ("x", "-1", "1x", "99999999999999999999", "1&from=a&to=b")] == 5 * [400])


def web(w):
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    port = taken.getsockname()[1]
    w.start_central("web", f'listen = "127.0.0.1:{port}";')
    until("its five hosts", lambda: w.status("web")["hosts_present"] == 5)
    check("a port that is taken is said, and nothing else",
          [s for s in w.status("web")["degraded"]
           if f"no metrics and pages: 127.0.0.1:{port}: Address already in use" in s] ==
          w.status("web")["degraded"] != [])
    taken.close()
    until("the page", lambda: get(port, "/")[0] == 200)
    check("it is tried again", w.status("web")["degraded"] == [])
    slow = socket.create_connection(("127.0.0.1", port))
    slow.sendall(b"GET /metrics HTT")
    status, kind, body = get(port, "/api/1/hosts")
    check("/api/1/hosts is the answer of the method", (status, kind, json.loads(body)) ==
          (200, "application/json", w.call("web", "hosts")))
    status, kind, body = get(port, "/api/1/status")
    known = json.loads(body)
    check("/api/1/status, too", known.keys() == w.status("web").keys() and
          known["hosts_present"] == 5 and known["bus"]["state"] == "connected")
    mesh_history(w, port)
    metrics = get(port, "/metrics")[2]
    check("metrics count hosts, ports and switches", all(line in metrics.splitlines() for line in (
        'rpingmesh_central_hosts{state="present"} 5', "rpingmesh_central_ports 6",
        "rpingmesh_central_broker_connected 1",
        'rpingmesh_central_degraded_reason{reason="listen"} 0',
        'rpingmesh_central_tors{coverage="full"} 2')))
    for host in "de":
        w.call("web", "drain", host=host, reason="x", by="ada",
               until_ns=time.time_ns() + 3600 * 10**9)
    until("no lists of leaf-2", lambda: not whom(w, "d") and not whom(w, "e"))
    check("a drained switch is not capped", until("its metric", lambda: (
        'rpingmesh_central_tors{coverage="capped"} 0' in get(port, "/metrics")[2].splitlines())))
    for host in "de":
        w.call("web", "undrain", host=host)
    until("leaf-2 again", lambda: whom(w, "d") and whom(w, "e"))
    check("HEAD has no body", get(port, "/api/1/hosts", "HEAD") == (200, "application/json", ""))
    check("another path is 404", get(port, "/api/1/x")[0] == 404)
    slow.close()
    other = free_port()
    with open(w.path("web.conf")) as f:
        text = f.read()
    with open(w.path("web.conf"), "w") as f:
        f.write(text.replace(str(port), str(other)))
    w.call("web", "reload")
    until("the other port", lambda: get(other, "/metrics")[0] == 200)
    try:
        get(port, "/")
        check("a reload ends the old one", False)
    except ConnectionError:
        check("a reload ends the old one", True)
    w.stop_central("web")


def drain(w):
    w.call("one", "drain", host="c", reason="new NIC", by="ada",
           until_ns=time.time_ns() + 3600 * 10**9)
    until("an empty list", lambda: w.pinglist("c")["ports"] == [])
    until("the others", lambda: "10.0.0.3" not in whom(w, "a") | whom(w, "b"))
    check("a drained host neither probes nor is probed", True)
    host = [h for h in w.call("one", "hosts")["hosts"] if h["host"] == "c"][0]
    check("why and by whom is shown", (host["drain"]["reason"], host["drain"]["by"]) ==
          ("new NIC", "ada"))
    w.call("one", "undrain", host="c")
    until("its return", lambda: "10.0.0.3" in whom(w, "a") and whom(w, "c"))
    for params, word in (({"host": "c"}, "reason"), ({}, "host"),
                         ({"host": "c", "reason": "x", "by": "y", "until_ns": 5}, "until_ns")):
        try:
            w.call("one", "drain", **params)
            check(f"drain without {word} is refused", False)
        except Refused as refused:
            check(f"drain without {word} is refused", str(refused).startswith(word))
    w.call("one", "drain", host="c", reason="short", by="ada",
           until_ns=time.time_ns() + 3 * 10**9)
    until("it is drained", lambda: w.pinglist("c")["ports"] == [])
    until("its end", lambda: whom(w, "c") and w.status()["drains"] == 0)
    check("a drain ends by itself", True)


def leave(w):
    before = w.retained(f"{PREFIX}/pinglist/d")
    w.leave("c")
    until("it is gone", lambda: w.status()["hosts_gone"] == 1)
    until("the others", lambda: "10.0.0.3" not in whom(w, "a"))
    check("the list of a host that is gone is cleared",
          until("no list", lambda: w.retained(f"{PREFIX}/pinglist/c") == b""))
    host = [h for h in w.call("one", "hosts")["hosts"] if h["host"] == "c"][0]
    check("how it has left is shown", (host["state"], host["left"]) == ("gone", "will"))
    w.join("c", "leaf-1", "10.0.0.33")
    until("its new address", lambda: "10.0.0.33" in whom(w, "a"))
    check("a host returns with another address", True)
    del before


def freeze(w):
    for i in range(30):
        w.join(f"many{i}", "leaf-3", f"10.0.3.{i + 1}")
    until("they are there", lambda: w.status()["hosts_present"] == 35)
    until("a list", lambda: len(whom(w, "many0")) >= 29)
    for i in range(10):
        w.leave(f"many{i}")
    until("frozen", lambda: w.status()["frozen"])
    time.sleep(5)
    check("many that leave at once stay in the plan", "10.0.3.1" in whom(w, "many20"))
    check("this is said", any("have left at once" in s for s in w.status()["degraded"]))
    check("confirm removes them", w.call("one", "confirm")["hosts"] == 10)
    check("how they have left remains true", {
        (h["state"], h["left"], h["confirmed"]) for h in w.call("one", "hosts")["hosts"]
        if h["host"] in {f"many{i}" for i in range(10)}} == {("gone", "will", True)})
    until("the plan", lambda: "10.0.3.1" not in whom(w, "many20"))


def hostile(w):
    before = w.status()["refused"]
    w.publish(f"{PREFIX}/host/evil", os.urandom(1000))
    w.publish(f"{PREFIX}/host/big", b"\xdd\xff\xff\xff\xff" + bytes(200000))
    w.publish(f"{PREFIX}/host/huge", bytes(3 << 20))
    w.publish(f"{PREFIX}/host/%zz", b"x")
    w.publish(f"{PREFIX}/drain/a", b"\xc1")
    w.join("a", "leaf-1", "10.0.0.1", host="b")  # a registration of b in the topic of a
    until("five are refused", lambda: w.status()["refused"] >= before + 5)
    until("the longest is refused", lambda: w.status()["bus"]["refused"] >= 1)
    check("what is wrong is refused and counted", True)
    said = until("all of them", lambda: [s for s in w.status()["degraded"]
                                         if "refused, so these hosts take no part: 4;" in s])
    check("status says so, with the last", "the registration of " in said[0] or
          "the topic of host a has a registration of b" in said[0])
    check("nobody else has changed", "10.0.0.2" in whom(w, "a"))
    for name in ("evil", "big", "huge", "%zz"):
        w.leave(name)
    w.publish(f"{PREFIX}/drain/a", b"")
    w.join("a", "leaf-1", "10.0.0.1")
    until("nothing is refused any more", lambda: not any(
        "registrations are refused" in s for s in w.status()["degraded"]))


def two(w):
    until("a is there", lambda: "10.0.0.1" in whom(w, "b"))
    lists = {h: w.retained(f"{PREFIX}/pinglist/{h}") for h in ("a", "b", "d", "many20")}
    w.start_central("two")
    until("the same plan", lambda: w.status("two")["plan_digest"] == w.status()["plan_digest"])
    hour = time.time() // 3600
    time.sleep(1)
    check("two centrals publish the same bytes", time.time() // 3600 != hour or all(
        w.retained(f"{PREFIX}/pinglist/{h}") == payload for h, payload in lists.items()))
    w.stop_central("two")
    check("one that ends leaves the lists alone",
          time.time() // 3600 != hour or w.retained(f"{PREFIX}/pinglist/a") == lists["a"])


def broker_restart(w):
    w.stop_broker()
    until("it is said", lambda: any("no connection" in s for s in w.status()["degraded"]))
    w.start_broker()
    until("a connection", lambda: w.status()["bus"]["state"] == "connected")
    until("the list", lambda: whom(w, "a"))
    check("a broker that has forgotten all gets the lists again", True)
    check("its restart empties no mesh", w.status()["hosts_present"] == 25)


def twins(w):
    for incarnation in (7001, 7002, 7001):
        w.join("t", "leaf-1", "10.0.0.77", incarnation=incarnation)
    until("they are named",
          lambda: any("the same name, t;" in s for s in w.status()["degraded"]))
    w.join("u", "leaf-1", "10.0.0.77")
    until("the address", lambda: any("belong to two ports" in s and "10.0.0.77" in s
                                     for s in w.status()["degraded"]))
    w.join("slow", "leaf-1", "10.0.0.78", time_ns=time.time_ns() - 3600 * 10**9)
    until("the clock", lambda: any("clock of slow is 3600 s behind" in s
                                   for s in w.status()["degraded"]))
    check("two hosts of one name, one address twice, and clocks apart are named", True)


def reload(w):
    with open(w.path("one.conf"), "a") as f:
        f.write("nonsense = 1;\n")
    w.centrals["one"].send_signal(signal.SIGHUP)
    until("the mistake", lambda: "nonsense" in (w.status()["config_error"] or ""))
    check("a wrong configuration is refused and said",
          any("last reload was refused" in s for s in w.status()["degraded"]))


def main():
    directory = tempfile.mkdtemp()
    world = World(directory)
    try:
        for part in (without_broker, mesh, few, big, thousands, tors, pages, web, drain, leave,
                     freeze, hostile, two, broker_restart, twins, reload):
            part(world)
        world.stop_central("one")
    except (AssertionError, Refused, subprocess.SubprocessError) as error:
        check(f"{type(error).__name__}: {error}", False)
        try:
            print(json.dumps(world.status(), indent=1))
        except Exception as second:  # whatever it is, the first error is what matters
            print(second)
        for name in list(world.centrals):
            print(world.log(name))
    finally:
        for program in list(world.centrals.values()) + [world.broker]:
            if program:
                program.kill()
        shutil.rmtree(directory)
    sys.exit(check.failed > 0)


if __name__ == "__main__":
    main()
