#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Real ports register at a real broker, and rpingmesh-central plans for them. Expected values are
the addresses of the fabric and the kernel's devices."""

import ipaddress
import json
import os
import shutil
import signal
import socket
import subprocess

import harness
from harness import BUILD, Host, Skip, address, check, fabric, fabric_hosts, sh, until

PORT = 18830
BROKER = f"mqtt://127.0.0.1:{PORT}"


class Central:
    """mosquitto and rpingmesh-central."""

    def __init__(self, t):
        if not shutil.which("mosquitto"):
            raise Skip("no mosquitto (contrib/setup check)")
        self.t, self.broker, self.process = t, None, None
        self.socket = os.path.join(t.dir, "central.sock")

    def start_broker(self):
        path = os.path.join(self.t.dir, "broker.conf")
        with open(path, "w") as f:
            f.write(f"listener {PORT}\nallow_anonymous true\n")
        self.broker = subprocess.Popen(["mosquitto", "-c", path], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)

        def listens():
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", PORT)) == 0
        until("mosquitto listens", listens)

    def start(self, text="", log=None):
        """log: a file that gets what it logs, instead of standard error."""
        path = os.path.join(self.t.dir, "central.conf")
        with open(path, "w") as f:
            f.write(f'broker = "{BROKER}";\nsocket = "{self.socket}";\nsocket_group = "";\n'
                    f'{text}')
        self.process = subprocess.Popen([os.path.join(BUILD, "rpingmesh-central"), "-c", path],
                                        stdin=subprocess.DEVNULL, stderr=log)
        until("central answers", lambda: os.path.exists(self.socket))

    def json(self, *argv):
        ctl = os.path.join(BUILD, "rpingmesh-ctl")
        p = subprocess.run([ctl, "-S", self.socket, "--json", *argv], stdout=subprocess.PIPE,
                           text=True, timeout=120)
        return [json.loads(line) for line in p.stdout.splitlines()]

    def hosts(self):
        return {h["host"]: h for h in self.json("hosts")}

    def targets(self, host):
        """The addresses that a host is to probe."""
        lists = self.json("pinglist", host)
        return {target["address"] for one in lists for port in one["ports"]
                for group in port["groups"] for target in group["targets"]}

    def end(self):
        for process in (self.process, self.broker):
            if process:
                process.terminate()
                process.wait(60)


def cluster(tor="leaf"):
    return (f'tor = "{tor}";\ntracing = {{ enable = false; }};\n'
            f'cluster = {{ broker = "{BROKER}"; }};')


def of_host(i):
    return {address(i), address(i, 6)}


def listed(t, i, more="", text=""):
    """A host that keeps its pinglist in a directory of its own."""
    directory = os.path.join(t.dir, f"kept{i}")
    os.makedirs(directory, exist_ok=True)
    return (f'tor = "leaf";\ntracing = {{ enable = false; }};\n'
            f'cluster = {{ broker = "{BROKER}"; directory = "{directory}"; {more} }};\n{text}')


def pinglist(host):
    return host.status()["cluster"]["pinglist"]


def origins(host):
    """The origins of each peer, by its address."""
    return {p["address"]: p["origins"] for p in host.json("peers")}


def intervals(host):
    return sorted(target["interval_ns"] for target in host.json("targets"))


def wait_probed(host, others):
    """The pinglist has these hosts, and they answer."""
    for i in others:
        until(f"host {host.index} probes host {i} by its pinglist", lambda i=i: next(
            (p for p in host.json("peers")
             if p["address"] == address(i) and "pinglist" in p["origins"] and
             p["state"] == "up" and p["ok"] >= 3), None))


def packed(value):
    """MessagePack, as far as a pinglist needs it."""
    if isinstance(value, dict):
        return b"\xdf" + len(value).to_bytes(4, "big") + b"".join(
            packed(k) + packed(v) for k, v in value.items())
    if isinstance(value, list):
        return b"\xdd" + len(value).to_bytes(4, "big") + b"".join(map(packed, value))
    if isinstance(value, str):
        return b"\xdb" + len(value.encode()).to_bytes(4, "big") + value.encode()
    return b"\xcf" + value.to_bytes(8, "big")


def target(addr, tuples=1):
    return {"address": addr, "host": "x", "device": "d", "port": 1, "tuples": tuples}


def forged(host, generation, groups, source=None):
    return packed({"type": "pinglist", "schema": 1, "host": host, "generation": generation,
                   "time_ns": 0, "ports": [{"device": "rxe0", "port": 1,
                                            "source": source or address(0), "groups": groups}]})


def publish(t, host, payload):
    path = os.path.join(t.dir, "payload")
    with open(path, "wb") as f:
        f.write(payload)
    subprocess.run(["mosquitto_pub", "-p", str(PORT), "-t", f"rpingmesh/1/pinglist/{host}", "-r",
                    *(["-f", path] if payload else ["-n"])], check=True, timeout=60)


def test_mesh(t):
    """No file names a peer, and all hosts probe each other. A host that joins is probed. A reload
    that adds a peer of the pinglist, and one that removes it again, neither doubles nor ends it."""
    central = Central(t)
    try:
        central.start_broker()
        central.start()
        hosts = [Host(t, i, listed(t, i)).start() for i in range(fabric_hosts() - 1)]
        for host in hosts:
            wait_probed(host, {h.index for h in hosts} - {host.index})
            counts = pinglist(host)
            check(counts["from"] == "broker" and counts["taken"] == counts["targets"] > 0,
                  f"{counts}")
        joins = fabric_hosts() - 1
        before = hosts[0].peer(address(1))
        hosts.append(Host(t, joins, listed(t, joins)).start())
        wait_probed(hosts[0], {1, joins})
        wait_probed(hosts[-1], range(joins))
        after = hosts[0].peer(address(1))
        check(after["resolves"] == before["resolves"] and after["ok"] >= before["ok"],
              f"the other peers go on: {before}, {after}")
        hosts[0].configure(listed(t, 0, text=f'peers = ("{address(1)}");'))
        hosts[0].send_signal(signal.SIGHUP)
        until("file and pinglist want it", lambda:
              origins(hosts[0]).get(address(1)) == ["file", "pinglist"])
        peers = [p for p in hosts[0].json("peers") if p["address"] == address(1)]
        streams = [s for s in hosts[0].json("targets") if s["destination"] == address(1)]
        check(len(peers) == len(streams) == 1, f"it is probed once: {peers} {streams}")
        check(streams[0]["interval_ns"] == 1000000000, f"as the file says: {streams}")
        hosts[0].configure(listed(t, 0))
        hosts[0].send_signal(signal.SIGHUP)
        until("only the pinglist wants it", lambda:
              origins(hosts[0]).get(address(1)) == ["pinglist"])
        wait_probed(hosts[0], {1, joins})
    finally:
        central.end()


def test_without_broker(t):
    """The hosts start again without a broker, and use the lists that they have kept. When central
    has been silent for cluster.keep, they probe a tenth of it, and all of it when it is back."""
    central = Central(t)
    try:
        central.start_broker()
        central.start()
        hosts = [Host(t, i, listed(t, i)).start() for i in range(2)]
        wait_probed(hosts[0], {1})
        usual = intervals(hosts[0])
        until("the list is kept", lambda: os.path.exists(os.path.join(t.dir, "kept0", "pinglist")))
        central.end()
        central.broker = central.process = None
        check(hosts[0].stop() == 0, "the daemon ends")
        hosts[0].start()
        wait_probed(hosts[0], {1})
        check(pinglist(hosts[0])["from"] == "file", f"{pinglist(hosts[0])}")
        check(not pinglist(hosts[0])["slow"] and intervals(hosts[0]) == usual, "the usual rates")
        until("status says what is missing", lambda: any(
            "no connection to the broker" in d for d in hosts[0].status()["degraded"]))
        hosts[0].configure(listed(t, 0, "keep = 5;"))
        hosts[0].send_signal(signal.SIGHUP)
        until("status says that central is silent", lambda: any(
            "central has said nothing" in d for d in hosts[0].status()["degraded"]))
        check(intervals(hosts[0]) == [10 * ns for ns in usual], f"a tenth of {usual}")
        hosts[0].configure(listed(t, 0))
        hosts[0].send_signal(signal.SIGHUP)
        until("the usual rates are back", lambda: intervals(hosts[0]) == usual)
        check(hosts[0].stop() == 0, "the daemon ends")
        with open(os.path.join(t.dir, "kept0", "pinglist"), "r+b") as f:
            f.truncate(20)
        hosts[0].start()
        until("status says that the file is broken", lambda: "is ignored" in
              (pinglist(hosts[0])["file_error"] or ""))
        check(hosts[0].json("peers") == [], "nothing of it is used")
    finally:
        central.end()


def test_forged(t):
    """Whoever may publish can write a list: targets outside cluster.allow, on ports of others, and
    more than max_probes_per_s are refused and counted; a list with a mistake, or of another host,
    leaves the one before; an empty one ends it."""
    central = Central(t)
    try:
        central.start_broker()
        host = Host(t, 0, listed(t, 0, f'allow = ("{address(1)}");')).start()
        Host(t, 1, listed(t, 1)).start()
        group = {"kind": "tor", "tor": "leaf", "traffic_class": 0, "interval_ns": 100000000}
        fast = dict(group, interval_ns=1000000, targets=[target(address(1))])
        strangers = [target(f"192.0.2.{i}") for i in range(1, 201)]
        good = dict(group, targets=[target(address(1), 2), *strangers, target(address(0))])
        publish(t, "host0", forged("host0", 1, [fast, good]))
        wait_probed(host, {1})
        want = {"targets": 203, "taken": 1, "refused_allow": 201, "refused_budget": 1,
                "refused_port": 0, "refused_own": 0, "refused_room": 0}
        until("all are counted", lambda: want.items() <= pinglist(host).items())
        check(list(origins(host)) == [address(1)], f"{origins(host)}")
        check(len(host.json("targets")) == 2, "one stream for each tuple")
        check("1 of 203 entries, generation 0000000000000001, from broker" in host.ctl("status"),
              host.ctl("status"))
        check(" pinglist " in host.ctl("peers") and " leaf " in host.ctl("peers"),
              host.ctl("peers"))
        check(any("202 of 203 entries of the pinglist are refused" in d
                  for d in host.status()["degraded"]), f"{host.status()['degraded']}")
        publish(t, "host0", b"junk")
        until("a mistake is counted", lambda: pinglist(host)["malformed"] == 1)
        publish(t, "host0", forged("host1", 2, [good]))
        until("another host's is counted", lambda: pinglist(host)["foreign"] == 1)
        check(want.items() <= pinglist(host).items() and pinglist(host)["generation"] == 1,
              f"the list before stays: {pinglist(host)}")
        check(pinglist(host)["error"] == "it is for host host1", f"{pinglist(host)}")
        publish(t, "host0", forged("host0", 3, [good], source=address(1)))
        until("a source of others is counted", lambda: pinglist(host)["refused_port"] == 202)
        until("nothing is probed", lambda: host.json("peers") == [])
        publish(t, "host0", forged("host0", 4, [good]))
        wait_probed(host, {1})
        publish(t, "host0", b"")
        until("the list is taken back", lambda: pinglist(host)["withdrawn"] == 1)
        until("nothing is probed", lambda: host.json("peers") == [])
        until("nothing is kept", lambda: not os.path.exists(
            os.path.join(t.dir, "kept0", "pinglist")))
    finally:
        central.end()


def test_join(t):
    """One file on all hosts: each registers, and is to probe all others; one that is killed leaves,
    one that ends says goodbye, one that gets another ToR is planned anew."""
    central = Central(t)
    try:
        central.start_broker()
        central.start()
        hosts = [Host(t, i, cluster()).start() for i in range(fabric_hosts())]
        names = {f"host{h.index}" for h in hosts}
        until("all hosts are registered", lambda: set(central.hosts()) == names)
        ports = until("all ports are registered", lambda: (p := central.json("ports")) and
                      len({q["host"] for q in p}) == len(hosts) and p)
        for port in ports:
            i = int(port["host"][4:])
            check(port["device"] == f"rxe{i}", f"device {port['device']} of host {i}")
            check(address(i) in port["addresses"], f"{port['addresses']} lacks {address(i)}")
            check((port["tors"], port["tor_by"]) == (["leaf"], "config"), f"ToR of {port}")
        others = {f"host{h.index}": {address(j) for j in range(len(hosts)) if j != h.index}
                  for h in hosts}
        for name, wanted in others.items():
            until(f"{name} is to probe {wanted}",
                  lambda name=name, wanted=wanted: wanted <= central.targets(name))
            check(not central.targets(name) & of_host(int(name[4:])), f"{name} probes itself")
        killed, stopped = hosts[-1], hosts[-2]
        killed.stop(signal.SIGKILL)
        until("the killed host is gone",
              lambda: central.hosts()[f"host{killed.index}"]["state"] == "gone")
        check(central.hosts()[f"host{killed.index}"]["left"] == "will", "it left by its will")
        until("nobody is to probe it", lambda: address(killed.index) not in
              central.targets("host0"))
        check(stopped.stop() == 0, "the daemon ends cleanly")
        until("the stopped host is gone",
              lambda: central.hosts()[f"host{stopped.index}"]["state"] == "gone")
        check(central.hosts()[f"host{stopped.index}"]["left"] == "goodbye", "it said goodbye")
        stopped.configure(cluster("other"))
        stopped.start()
        until("it is planned under its new ToR",
              lambda: any(c["tor"] == "other" for c in central.json("coverage")))
        until("it is probed across the fabric", lambda: address(stopped.index) in
              central.targets("host0"))
    finally:
        central.end()


def test_broker_restarts(t):
    """The broker forgets everything: the hosts register again by themselves."""
    central = Central(t)
    try:
        host = Host(t, 0, cluster()).start()
        until("status says that there is no broker", lambda:
              host.status()["cluster"]["state"] == "waiting")
        central.start_broker()
        central.start()
        until("the host is there", lambda: "host0" in central.hosts())
        central.broker.kill()
        central.broker.wait()
        central.start_broker()
        until("the host has registered again", lambda:
              central.json("status")[0]["registrations"] >= 2)
        check(central.hosts()["host0"]["state"] == "present", f"{central.hosts()}")
    finally:
        central.end()


class Lldp:
    """lldpd on the router, which forwards packets and so is a router for LLDP, too, and lldpd on
    the hosts, whose neighbours are written to a file as rpingmesh-lldp.service does."""

    def __init__(self, t):
        if not shutil.which("lldpd"):
            raise Skip("no lldpd (contrib/setup vm)")
        self.file = os.path.join(t.dir, "neighbors.json")
        # lldpcli becomes the user of lldpd, who may not look into t.dir.
        self.sockets = [f"/run/lldpd-{name}.socket" for name in ("router", "hosts")]
        self.processes = []
        os.makedirs("/run/lldpd", exist_ok=True)
        for socket_path, ports, where in zip(
                self.sockets, ("p*", "h*"), (["ip", "netns", "exec", "router"], [])):
            self.processes.append(subprocess.Popen(
                [*where, "lldpd", "-d", "-u", socket_path, "-I", ports], stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            until("lldpd answers", lambda at=socket_path: self.ask(at, "show", "interfaces"))
        self.ask(self.sockets[0], "configure", "system", "hostname", "leaf7")
        self.ask(self.sockets[0], "configure", "lldp", "tx-interval", "1")

    @staticmethod
    def ask(socket_path, *argv):
        p = subprocess.run(["lldpcli", "-u", socket_path, *argv], stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL, text=True, timeout=120)
        return p.stdout if p.returncode == 0 else None

    def write(self, text=None):
        with open(self.file + ".new", "w") as f:
            f.write(text or self.ask(self.sockets[1], "-f", "json0", "show", "neighbors"))
        os.rename(self.file + ".new", self.file)
        return True

    def end(self):
        for process in self.processes:
            process.terminate()
            process.wait(60)


def tor(central, host):
    for port in central.json("ports"):
        if port["host"] == host:
            return port["tor_by"], port["tors"]
    return None


def test_lldp(t):
    """Without `tor`, the ToR of a port is the fabric's router by its address; once lldpd hears it,
    by its name, which remains while LLDP fails."""
    lldp, central = Lldp(t), Central(t)
    try:
        central.start_broker()
        central.start()
        host = Host(t, 0, 'tracing = { enable = false; };\n'
                    f'cluster = {{ broker = "{BROKER}"; lldp_file = "{lldp.file}"; }};').start()
        until("the router is its ToR", lambda: tor(central, "host0") ==
              ("router", ["10.0.0.254"]))
        until("lldpd names the router as its ToR", lambda: lldp.write() and
              tor(central, "host0") == ("lldp", ["leaf7"]))
        uplink = host.status()["cluster"]["uplinks"][0]
        check((uplink["device"], uplink["lldp"], uplink["tors"]) == ("rxe0", "heard", ["leaf7"]),
              f"{uplink}")
        lldp.write("no JSON")
        until("status says that LLDP fails", lambda: any(
            "LLDP does not name" in d for d in host.status()["degraded"]))
        uplink = host.status()["cluster"]["uplinks"][0]
        check((uplink["lldp"], uplink["tor_by"], uplink["tors"]) == ("failed", "lldp", ["leaf7"]),
              f"{uplink}")
        check(tor(central, "host0") == ("lldp", ["leaf7"]), "it is still registered")
        lldp.write()
        until("LLDP fails no more", lambda: lldp.write() and host.status()["cluster"]["uplinks"][0][
            "lldp"] == "heard")
    finally:
        central.end()
        lldp.end()


# ---- reports ----

def unpacked(data, at=0):
    """(value, its end) of MessagePack, as far as a report needs it."""
    def number(size):
        return int.from_bytes(data[at + 1:at + 1 + size], "big"), at + 1 + size

    def several(n, begin):
        values, end = [], begin
        for _ in range(n):
            value, end = unpacked(data, end)
            values.append(value)
        return values, end

    def table(n, begin):
        values, end = several(2 * n, begin)
        return dict(zip(values[::2], values[1::2])), end

    def text(n, begin):
        return data[begin:begin + n].decode(), begin + n

    tag = data[at]
    if tag < 0x80:
        return tag, at + 1
    if tag < 0xc0:
        of = table if tag < 0x90 else several if tag < 0xa0 else text
        return of(tag & (31 if tag >= 0xa0 else 15), at + 1)
    if tag in (0xc0, 0xc2, 0xc3):
        return {0xc0: None, 0xc2: False, 0xc3: True}[tag], at + 1
    if 0xcc <= tag <= 0xcf:
        return number(1 << (tag - 0xcc))
    of, size = {0xd9: (text, 1), 0xda: (text, 2), 0xdb: (text, 4), 0xdc: (several, 2),
                0xdd: (several, 4), 0xde: (table, 2), 0xdf: (table, 4)}[tag]
    return of(*number(size))


class Reports:
    """What mosquitto_sub hears of the reports of all hosts."""

    def __init__(self, t):
        self.path = os.path.join(t.dir, "reports")
        self.process = subprocess.Popen(
            ["mosquitto_sub", "-p", str(PORT), "-t", "rpingmesh/1/report/+/+", "-F", "%x"],
            stdout=open(self.path, "w"), stderr=subprocess.DEVNULL)

    def of(self, host):
        with open(self.path) as f:
            lines = [line.strip() for line in f if line.endswith("\n")]
        reports = [unpacked(bytes.fromhex(line))[0] for line in lines]
        return [r for r in reports if r["host"] == host]

    def sums(self, host):
        """Probes with a result, and those of each class but ok, in all reports of a host."""
        total = {"sent": 0}
        for report in self.of(host):
            total["sent"] += sum(report["sent"])
            for row in report["rows"]:
                for name, n in row["classes"].items():
                    total[name] = total.get(name, 0) + n
                total["corrected"] = total.get("corrected", 0) + row["corrected"]
        return total

    def end(self):
        self.process.terminate()
        self.process.wait(60)


def netem_drops(index):
    text = sh("tc", "-s", "qdisc", "show", "dev", f"h{index}")
    return int(text.split("dropped")[1].split(",")[0])


NETWORK = ("lost", "ack1_missing", "ack2_missing")


def losses(host):
    """By the totals of the daemon's own targets."""
    return {name: sum(s[name] for s in host.json("targets")) for name in NETWORK}


def same_addresses(texts, host):
    """Whether all of them are addresses of the host, however they are written."""
    return {ipaddress.ip_address(text) for text in texts} <= {
        ipaddress.ip_address(text) for text in of_host(host)}


def since(before, now):
    """What both hosts have lost more."""
    return [{name: b[name] - a[name] for name in NETWORK} for a, b in zip(before, now)]


def test_reports(t):
    """What two hosts report agrees with their own totals and with the drops of netem on the way
    out of one of them: there, probes are lost; at the other one, ACKs are missing."""
    central = Central(t)
    reports = None
    try:
        central.start_broker()
        central.start()
        reports = Reports(t)
        hosts = [Host(t, i, listed(t, i, "report_s = 1;")).start() for i in range(2)]
        wait_probed(hosts[0], {1})
        wait_probed(hosts[1], {0})
        until("both report", lambda: all(reports.sums(f"host{i}")["sent"] > 5 for i in range(2)))
        before = [losses(host) for host in hosts]
        drops = netem_drops(0)
        fabric("loss", 0, 20, "out")
        until("losses at both", lambda: losses(hosts[0])["lost"] >= 5 and
              losses(hosts[1])["ack2_missing"] >= 3 and losses(hosts[1])["ack1_missing"] >= 3)
        early = [losses(host) for host in hosts]
        drops = netem_drops(0) - drops
        fabric("loss", 0, 0, "out")
        for i, host in enumerate(hosts):
            def agrees(i=i, host=host):
                own, told = losses(host), reports.sums(f"host{i}")
                return all(own[name] == told.get(name, 0) + (
                    told["corrected"] if name == "lost" else 0) for name in NETWORK)
            until(f"host {i} has reported each loss once", agrees)
        there, back = since(before, [losses(host) for host in hosts])
        t.note(f"netem dropped {drops}; host 0: {there}; host 1: {back}")
        check(there["ack1_missing"] == there["ack2_missing"] == 0, "no ACK of host 1 is lost")
        # netem goes on to drop until it is told to end, and drops what is no probe.
        seen, early = (there["lost"] + 2 * back["lost"] + back["ack1_missing"] +
                       back["ack2_missing"]
                       for there, back in ((there, back), since(before, early)))
        check(drops / 2 <= seen and early <= 2 * drops + 10,
              f"netem dropped {drops}, of which {early} were known before, {seen} are reported")
        for i in range(2):
            numbers = [r["sequence"] for r in reports.of(f"host{i}")]
            check(numbers == list(range(1, len(numbers) + 1)), f"no gap: {numbers}")
            check(all(a["end_ns"] == b["begin_ns"] for a, b in zip(
                reports.of(f"host{i}"), reports.of(f"host{i}")[1:])), "without a gap in time")
        named = reports.of("host0")[-1]
        whole = next(r for r in reports.of("host0") if r["sequence"] == named["streams_of"])
        check(same_addresses([d for g in whole["streams"] for d in g["destinations"]], 1) and
              same_addresses([g["source"] for g in whole["streams"]], 0) and
              {g["kind"] for g in whole["streams"]} - {"ask"} == {"tor"}, f"{whole['streams']}")
        # A probe takes some time in software, and less than the time in which it would be lost.
        until("both have said how long probes take inside them", lambda: all(
            any(r.get("delays") for r in reports.of(f"host{i}")) for i in range(2)))
        for i in range(2):
            delays = next(r["delays"] for r in reversed(reports.of(f"host{i}")) if "delays" in r)
            for who in "prober", "responder":
                check(0 < delays[f"{who}_p50_ns"] <= delays[f"{who}_p99_ns"] < 10**9, f"{delays}")
        status = central.json("status")[0]
        check(status["reporting"] == 2 and status["reports_lost"] == 0 and
              status["reports_refused"] == 0, f"{status}")
        # A restart begins anew: what was reported is not reported again.
        told = reports.sums("host0")["lost"]
        check(hosts[0].stop() == 0, "the daemon ends")
        hosts[0].start()
        wait_probed(hosts[0], {1})
        until("it reports as another one", lambda:
              len({r["incarnation"] for r in reports.of("host0")}) == 2)
        check(reports.sums("host0")["lost"] == told, "its losses counted once")
    finally:
        central.end()
        if reports:
            reports.end()


def checked(central, *names):
    """rpingmesh-ctl --central check: its exit status, and what it says of each host."""
    p = subprocess.run([os.path.join(BUILD, "rpingmesh-ctl"), "--central", "-S", central.socket,
                        "--json", "check", *names], stdout=subprocess.PIPE, text=True, timeout=300)
    return p.returncode, {r["host"]: r for r in map(json.loads, p.stdout.splitlines())}


def test_checks(t):
    """Hosts probe each other at once because somebody asks central, also those that are drained
    and probe nobody else; a host whose wire drops packets, and one that has ended, are said."""
    central = Central(t)
    try:
        central.start_broker()
        central.start()
        hosts = [Host(t, i, listed(t, i)).start() for i in range(3)]
        names = [f"host{i}" for i in range(3)]
        until("all are there", lambda: sorted(central.hosts()) == names)
        central.json("drain", "host2", "--until", "1h", "--reason", "test")
        until("host 2 probes nobody", lambda: not central.targets("host2"))
        status, found = checked(central, *names)
        t.note(f"{found}")
        check(status == 0 and sorted(found) == names, f"{status}")
        check(all(h["answered"] == h["sent"] - h["noise"] >= 20 and h["others"] == 2 and
                  h["in_answered"] >= 20 and h["rtt_mean_ns"] for h in found.values()), f"{found}")
        fabric("loss", 1, 40, "out")
        status, found = checked(central, *names)
        fabric("loss", 1, 0, "out")
        t.note(f"{found}")
        check(status == 1 and found["host0"]["bad"] == found["host2"]["bad"] == ["host1"] and
              found["host1"]["bad"] == ["host0", "host2"], f"{found}")
        check(hosts[2].stop() == 0, "the daemon ends")
        until("host 2 has left", lambda: central.hosts()["host2"]["state"] != "present")
        status, found = checked(central, *names)
        check(status == 1 and "left" in found["host2"]["error"] and
              found["host0"]["bad"] == found["host1"]["bad"] == [], f"{found}")
    finally:
        central.end()


if __name__ == "__main__":
    harness.main(globals())
