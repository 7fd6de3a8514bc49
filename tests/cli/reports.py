# SPDX-License-Identifier: Apache-2.0
"""reports.py BUILD: what rpingmesh-central makes of the reports of hosts, which mosquitto_pub
publishes; good ones, lost ones, and those that somebody has forged."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

import msgpack

from central import PREFIX, Refused, World, free_port
from checks import check, until


class Agent:
    """A host whose probes go to two addresses."""

    def __init__(self, world, name, number):
        self.world, self.name, self.incarnation, self.sequence = world, name, number, 0
        self.source = f"10.0.0.{number}"
        self.end_ns = time.time_ns() - 60 * 10**9  # its clock is a minute behind

    def report(self, whole=True, **more):
        self.sequence += 1
        begin_ns, self.end_ns = self.end_ns, time.time_ns() - 60 * 10**9
        report = {
            "type": "report", "schema": 1, "host": self.name, "incarnation": self.incarnation,
            "sequence": self.sequence, "begin_ns": begin_ns, "end_ns": self.end_ns,
            "whole": whole, "streams_of": self.sequence if whole else 1, "throttled": False,
            "degraded": 0, "dropped": 0, "stalled_s": 0, "sent": [50, 50], "rtt_ns": [9000, 0],
            "ports": [{"device": "mlx5_0", "port": 1, "up": True, "counters": {"flaps": 1}}],
            "rows": [{"place": 1, "classes": {"lost": 5}, "noise": 0, "noise_lost": 0,
                      "corrected": 0, "slow": 0}]}
        if whole:
            report["streams"] = [{
                "device": "mlx5_0", "port": 1, "source": self.source, "kind": "fabric",
                "traffic_class": 106, "size": 50, "job": None,
                "destinations": ["10.0.1.1", "10.0.1.2"], "src_ports": [50000, 50001],
                "back_ports": [50002, 0]}]
        return {**report, **more}

    def send(self, *args, **more):
        self.publish(msgpack.packb(self.report(*args, **more)))

    def publish(self, payload):
        self.world.publish(f"{PREFIX}/report/17/{self.name}", payload, retained=False)

    def row(self, central="one"):
        hosts = self.world.call(central, "hosts")["hosts"]
        return next((host for host in hosts if host["host"] == self.name), None)


def taken(w, n):
    until(f"{n} reports", lambda: w.status()["reports"] >= n)
    return w.status()


def good(w, agents):
    for agent in agents:
        agent.send()
    status = taken(w, 2)
    check("both hosts report, and each has two rows",
          (status["reporting"], status["report_rows"], status["reports"]) == (2, 4, 2))
    check("a host that does not report has no age of reports", Agent(w, "c", 3).row() and
          Agent(w, "c", 3).row()["report_age_ns"] is None)
    agents[0].send(whole=False)
    agents[0].sequence += 3
    agents[0].send(whole=False)
    check("three lost reports are counted", taken(w, 4)["reports_lost"] == 3)
    check("they are those of that host", agents[0].row()["reports_lost"] == 3 and
          agents[1].row()["reports_lost"] == 0)
    check("a host whose clock is wrong is not late", w.status()["reports_late"] == 0)


def restarted(w, agent):
    reports = w.status()["reports"]
    agent.incarnation, agent.sequence = 99, 0
    agent.send()
    status = taken(w, reports + 1)
    check("a restart is no lost report", status["reports_lost"] == 3)
    check("a restart makes no rows", status["report_rows"] == 4)


def hostile(w, agent):
    """None of these counts, and each of them but the last one is said."""
    before, last = w.status(), agent.sequence
    rows = [{"place": 1, "classes": {"lost": 51}, "noise": 0, "noise_lost": 0, "corrected": 0,
             "slow": 0}]
    forged = [agent.report(host="b"), agent.report(sent=[50]), agent.report(rows=rows),
              agent.report(streams=[]), agent.report(sequence=0), agent.report(type="x"),
              agent.report(sent=[0] * 20000, rtt_ns=[0] * 20000)]
    payloads = [msgpack.packb(report) for report in forged] + [b"", b"\xc1", b"\xdf" * 60,
                                                               os.urandom(100000)]
    for payload in payloads:
        agent.publish(payload)
    until("all are refused",
          lambda: w.status()["reports_refused"] >= before["reports_refused"] + len(payloads))
    status = w.status()
    check("none of them is taken", status["reports"] == before["reports"])
    check("the status says why", status["reports_refused_why"] and any(
        "reports of hosts are refused" in s for s in status["degraded"]))
    agent.sequence = last
    agent.send()
    check("the host itself is heard as before", taken(w, before["reports"] + 1) and
          w.status()["report_rows"] == before["report_rows"])
    agent.sequence = last
    agent.send()
    agent.send()
    check("one that comes twice counts once",
          taken(w, before["reports"] + 2)["reports"] == before["reports"] + 2)
    last = agent.sequence
    agent.send(sequence=2**62, streams_of=2**62)
    taken(w, before["reports"] + 3)
    agent.sequence = last
    for _ in range(3):
        agent.send()
    check("a forged number does not silence the host", taken(w, before["reports"] + 4))


def flood(w):
    """Somebody publishes without end in the name of hosts that nobody knows."""
    agents = [Agent(w, f"x{i}", i + 10) for i in range(6)]
    before = w.status()["reports_refused"]
    for agent in agents:
        agent.send()
    until("refused", lambda: w.status()["reports_refused"] > before)
    check("not more hosts are kept than max_hosts", w.status()["reporting"] == 5)


def agrees(w, port):
    """Whether the page says what the status says. Between the two, a report may come."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as page:
        text = page.read().decode()
    status = w.status()
    return all(line in text.splitlines() for line in (
        f'rpingmesh_central_reports_total{{result="taken"}} {status["reports"]}',
        f'rpingmesh_central_reports_total{{result="refused"}} {status["reports_refused"]}',
        f'rpingmesh_central_report_rows {status["report_rows"]}'))


def metrics(w, port):
    check("the metrics agree with the status",
          until("an agreement", lambda: agrees(w, port)))


def silent(w, agent):
    """The host goes on to be registered, but does not report."""
    until("it is silent", lambda: any(
        "do not report any more" in s and "a, for" in s for s in w.status()["degraded"]))
    check("a host that is silent is said", w.status()["silent"] >= 1)
    reports = w.status()["reports"]
    agent.send()
    taken(w, reports + 1)
    check("until it reports again", not any(
        "the first: a, for" in s for s in w.status()["degraded"]))


def run(w):
    port = free_port()
    w.start_broker()
    w.start_central("one", f'max_hosts = 5;\nlisten = "127.0.0.1:{port}";')
    agents = [Agent(w, "a", 1), Agent(w, "b", 2)]
    for i, name in enumerate("abc"):
        w.join(name, "leaf-1", f"10.0.0.{i + 1}")
    until("the hosts", lambda: w.status()["hosts_present"] == 3)
    good(w, agents)
    restarted(w, agents[1])
    hostile(w, agents[0])
    flood(w)
    metrics(w, port)
    silent(w, agents[0])
    w.stop_central("one")


def main():
    directory = tempfile.mkdtemp()
    world = World(directory)
    try:
        run(world)
    except (AssertionError, Refused, subprocess.SubprocessError) as error:
        check(f"{type(error).__name__}: {error}", False)
        for name in list(world.centrals):
            print(name, world.status(name))
            print(world.log(name))
    finally:
        for program in list(world.centrals.values()) + [world.broker]:
            if program:
                program.kill()
        shutil.rmtree(directory)
    sys.exit(check.failed > 0)


main()
