# SPDX-License-Identifier: Apache-2.0
"""central_paths.py BUILD: what rpingmesh-central makes of the paths of hosts, which this test makes
up. Two hosts under two leaves, joined by two spines:

    a 10.0.1.1 - 10.1.0.1 leaf-1 - 10.2.1.1 - 10.3.0.1 leaf-2 - 10.0.2.1 b
                                 - 10.2.2.1 - 10.3.0.2 leaf-2
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import msgpack

from central import BUILD, PREFIX, Refused, World, ctl
from checks import LONG, check, until

COMPLETION = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                          "../../contrib/completion/rpingmesh-ctl")
A, B = "10.0.1.1", "10.0.2.1"
OVER = {1: ["10.1.0.1", "10.2.1.1", "10.3.0.1"], 2: ["10.1.0.1", "10.2.2.1", "10.3.0.2"]}


def path(port, hops, source=A, destination=B, **more):
    return {"source": source, "destination": destination, "src_port": port, "traffic_class": 0,
            "hops": [{"ttl": i + 1, "address": a} for i, a in enumerate(hops)],
            "reached": hops[-1] is not None, "stable": True, "time_ns": time.time_ns(), **more}


class Host:
    """The paths of a host."""

    def __init__(self, world, name):
        self.world, self.name, self.sequence = world, name, 0

    def send(self, *paths, shard=7, **more):
        self.sequence += 1
        self.world.publish(f"{PREFIX}/path/{shard}/{self.name}", msgpack.packb({
            "type": "paths", "schema": 1, "host": self.name, "incarnation": 1,
            "sequence": self.sequence, "time_ns": time.time_ns(), "whole": False,
            "paths": list(paths), **more}), retained=False)

    def send_all(self, *paths):
        self.send(*paths, whole=True, part=0, parts=1)


def links(w, name="one"):
    """{(from, to): tuples}"""
    return {(r["from"], r["to"]): r["tuples"] for r in w.call(name, "links")["links"]}


def switches(w):
    """{name: (by, tuples)}"""
    return {r["name"]: (r["by"], r["tuples"]) for r in w.call("one", "switches")["switches"]}


def known(w, n, name="one"):
    until(f"{n} paths", lambda: w.status(name)["paths"] == n)


def lldp(w, name, tor, *addresses, by="lldp"):
    ports = [{"device": f"mlx5_{i}", "port": 1, "addresses": [address], "tors": [tor],
              "tor_by": by, "clock": "hw", "out_per_s": 1000, "in_per_s": 5000,
              "src_ports": 0} for i, address in enumerate(addresses)]
    w.join(name, tor, ports=ports)


def begin(w):
    w.start_broker()
    with open(w.path("topology.conf"), "w") as f:
        f.write("SwitchName=rack-4 Nodes=r[1-9]\nSwitchName=pod Switches=leaf-[1-2],rack-4\n")
    w.start_central("one", f'listen = "127.0.0.1:{w.page}";\nswitches = "{w.path("names")}";\n'
                           f'topology = "{w.path("topology.conf")}";')
    until("a connection", lambda: w.status()["bus"]["state"] == "connected")
    lldp(w, "a", "leaf-1", A)
    w.join("b", "leaf-2", B)
    until("two hosts", lambda: w.status()["hosts_present"] == 2)
    check("without paths, nothing is claimed",
          (ctl(w, "one", "links")[:2], w.status()["paths"]) ==
          ((0, ["No host has reported a path."]), 0))


def shown(w, a):
    a.send_all(path(1, OVER[1]), path(2, OVER[1]), path(3, OVER[2]))
    known(w, 3)
    expected = {(A, "10.1.0.1"): 3, ("10.1.0.1", "10.2.1.1"): 2, ("10.2.1.1", "10.3.0.1"): 2,
                ("10.3.0.1", B): 2, ("10.1.0.1", "10.2.2.1"): 1, ("10.2.2.1", "10.3.0.2"): 1,
                ("10.3.0.2", B): 1}
    check("the links are those of the paths, with their 5-tuples", links(w) == expected)
    check("the ToRs of the ports name the first and the last routers", switches(w) == {
        "leaf-1": ("lldp", 3), "10.2.1.1": ("address", 2), "10.2.2.1": ("address", 1),
        "leaf-2": ("config", 3)})
    first = next(r for r in w.call("one", "links")["links"] if r["from"] == A)
    check("a link names host, device and switch", (first["from_name"], first["from_port"],
                                                   first["to_name"]) == ("a", "mlx5_0", "leaf-1"))
    status, lines, _ = ctl(w, "one", "links")
    check("ctl shows a table of links", status == 0 and len(lines) == 8 and "TUPLES" in lines[0])
    status, lines, _ = ctl(w, "one", "--json", "switches")
    check("ctl prints switches as JSON",
          status == 0 and {json.loads(line)["name"] for line in lines} == set(switches(w)))
    paths = w.call("one", "paths", host="a")["paths"]
    check("the paths of a host are listed", sorted(
        (p["src_port"], [h["address"] for h in p["hops"]]) for p in paths) ==
        [(1, OVER[1]), (2, OVER[1]), (3, OVER[2])] and
        w.call("one", "paths", host="b")["paths"] == [])
    with urllib.request.urlopen(f"http://127.0.0.1:{w.page}/api/1/links", timeout=LONG) as page:
        check("/api/1/links is the same", {(r["from"], r["to"]): r["tuples"] for r in
                                           json.load(page)["links"]} == expected)
    page = w.call("one", "links", limit=3)
    rest = w.call("one", "links", after=page["next"])
    check("pages of links are all links", len(page["links"]) == 3 and len(rest["links"]) == 4)


def paths_of(w, *args):
    """The records of rpingmesh-ctl path, {port: routers}."""
    status, lines, errors = ctl(w, "one", "--json", "path", *args)
    assert status == 0 and not errors, (args, errors)
    records = [json.loads(line) for line in lines]
    assert all(r["type"] == "path" for r in records)
    return {r["src_port"]: [h["address"] for h in r["hops"]] for r in records}


def completed(w, line):
    """What bash offers at the end of a line."""
    script = """. "$1"; COMP_LINE=$2 COMP_POINT=${#2}; read -ra COMP_WORDS <<<"$2"
        [[ $2 != *" " ]] || COMP_WORDS+=("")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _rpingmesh_ctl; echo "${COMPREPLY[@]}" """
    done = subprocess.run(["bash", "--norc", "-c", script, "-", COMPLETION, line], text=True,
                          stdout=subprocess.PIPE, timeout=LONG, check=True,
                          env={**os.environ, "PATH": BUILD + ":" + os.environ["PATH"],
                               "RPINGMESH_COMPLETION_S": "60"})
    return done.stdout.split()


def path_shown(w, a):
    line = f"rpingmesh-ctl --central -S {w.path('one.sock')} path "
    check("bash completes hosts", completed(w, line) == ["a", "b"] and
          completed(w, line + "a b") == ["b"])
    all_of_a = {1: OVER[1], 2: OVER[1], 3: OVER[2]}
    back = Host(w, "b")
    back.send(path(7, OVER[1][::-1], source=B, destination=A))
    known(w, 4)
    for args in (("a",), ("a", "b"), ("a/mlx5_0",), (A, B), ("a", B), ("a", "b/mlx5_0"),
                 ("--device", "mlx5_0", "a")):
        check(f"path {' '.join(args)} has the paths of a", paths_of(w, *args) == all_of_a)
    check("a flow is one of these", paths_of(w, A + ":3") == {3: OVER[2]} and
          paths_of(w, A + ":3", "b") == {3: OVER[2]} and paths_of(w, A + ":9") == {})
    check("the way back is another path", paths_of(w, "b", "a") == {7: OVER[1][::-1]})
    check("other devices and addresses have none", paths_of(w, "a/mlx5_1") == {} and
          paths_of(w, "a", "10.0.9.9") == {} and paths_of(w, "a", "a") == {})
    for args, what in ((("a", "a"), "from a to a"), ((A + ":9",), f"from {A}:9")):
        check(f"path {' '.join(args)} says that there is none", ctl(w, "one", "path", *args)[:2] ==
              (0, [f"No host has reported a path {what}."]))
    status, lines, _ = ctl(w, "one", "path", "a", "b")
    check("several are a tree with shares", status == 0 and [line.split() for line in lines] == [
        [A, "3", "100.0", "%"], ["leaf-1", "3", "100.0", "%"],
        ["10.2.1.1", "2", "66.7", "%"], ["leaf-2", "2", "66.7", "%"], [B, "2", "66.7", "%"],
        ["10.2.2.1", "1", "33.3", "%"], ["leaf-2", "1", "33.3", "%"], [B, "1", "33.3", "%"]])
    status, lines, _ = ctl(w, "one", "path", A + ":3", width=200)
    check("one is a list", status == 0 and
          lines[0] == f"{A} -> {B} (b), UDP port 3, TOS 0, mlx5_0" and
          [line.split() for line in lines[1:4]] ==
          [["1", "10.1.0.1", "leaf-1"], ["2", "10.2.2.1", "10.2.2.1"], ["3", "10.3.0.2", "leaf-2"]]
          and lines[4].startswith("  traced, "))
    a.send(path(3, ["10.1.0.1", None, None]))
    until("the gap", lambda: paths_of(w, A + ":3") == {3: ["10.1.0.1", None, None]})
    check("the last good path stays beside one that is not",
          "  before: leaf-1 > 10.2.2.1 > leaf-2" in ctl(w, "one", "path", A + ":3")[1])
    for args, why in ((("x",), 'no host "x"'), (("a", "x"), 'no host "x"'),
                      (("10.0.9.9",), "no host has registered the address 10.0.9.9"),
                      (("a/",), "target"), (("a", A + ":5"), "peer")):
        status, lines, errors = ctl(w, "one", "path", *args)
        check(f"path {' '.join(args)} is refused", (status, lines) == (1, []) and why in errors)
    many = {port: OVER[1] for port in range(1000, 1600)}
    a.send(*(path(port, hops) for port, hops in many.items() if port < 1300))
    a.send(*(path(port, hops) for port, hops in many.items() if port >= 1300))
    known(w, 604)
    check("all pages are shown", {p: h for p, h in paths_of(w, "a", "b").items() if p >= 1000} ==
          many and "603" in ctl(w, "one", "path", "a")[1][0])
    a.send_all(path(1, OVER[1]), path(2, OVER[1]), path(3, OVER[2]))
    back.send_all()
    known(w, 3)


def test_config(w, name):
    """The status of rpingmesh-central -t, and what it says."""
    done = subprocess.run([BUILD + "/rpingmesh-central", "-t", "-c", w.path(name + ".conf")],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LONG, text=True)
    return done.returncode, done.stdout


def named(w, a):
    names = w.path("names")
    why = f"{names}: cannot be read: no such file"
    check("without the file of switches, central runs and says so",
          any(why in s for s in w.status()["degraded"]))
    check("-t says so, too", test_config(w, "one") == (3, f"rpingmesh-central: {why}\n"))
    with open(names, "w") as f:
        f.write("spine-1 10.2.1.1=swp1\nspine-1 10.2.2.1=swp2 10.2.9.9 # one switch\n"
                "leaf-2 10.3.0.1 10.3.0.2=Ethernet1/2 fd00::1\n")
    w.call("one", "reload")
    check("a reload reads the names", w.status()["degraded"] == [] and switches(w) == {
        "leaf-1": ("lldp", 3), "spine-1": ("file", 3), "leaf-2": ("file", 3)})
    with urllib.request.urlopen(f"http://127.0.0.1:{w.page}/metrics", timeout=LONG) as page:
        lines = page.read().decode().splitlines()
    check("the metrics have them", {
        "rpingmesh_central_paths 3", "rpingmesh_central_paths_incomplete 0",
        "rpingmesh_central_links 7", 'rpingmesh_central_switches{by="lldp"} 1',
        'rpingmesh_central_switches{by="file"} 2',
        'rpingmesh_central_switches{by="address"} 0'} <= set(lines))
    link = next(r for r in w.call("one", "links")["links"] if r["to"] == "10.3.0.2")
    check("links have names and ports", (link["from_name"], link["from_port"], link["to_name"],
                                         link["to_port"]) ==
          ("spine-1", "swp2", "leaf-2", "Ethernet1/2"))
    check("-t takes the file", test_config(w, "one")[0] == 0)
    with open(names, "a") as f:
        f.write("leaf-3 10.2.1.1\n")
    why = f"{names}:4: 10.2.1.1 is an address of spine-1 already, in line 1"
    check("-t names file and line of a mistake",
          test_config(w, "one") == (3, f"rpingmesh-central: {why}\n"))
    try:
        w.call("one", "reload")
        check("a reload is refused", False)
    except Refused as error:
        check("a reload is refused, with file and line", why in str(error))
    check("status says so, and the old names stay",
          any(why in s for s in w.status()["degraded"]) and "spine-1" in switches(w))
    with open(names, "w"):
        pass
    w.call("one", "reload")
    check("an empty file has no names", w.status()["degraded"] == [] and
          "10.2.1.1" in switches(w) and "spine-1" not in switches(w))


def topology(w, a):
    lldp(w, "r4", "10.4.0.1", "10.0.4.1", by="router")
    until("three hosts", lambda: w.status()["hosts_present"] == 3)
    Host(w, "r4").send(path(4, ["10.4.0.1", "10.2.1.1", "10.3.0.1"], source="10.0.4.1"))
    known(w, 4)
    check("the topology names the leaf of a host that knows nothing itself",
          switches(w)["rack-4"] == ("topology", 1) and switches(w)["leaf-1"] == ("lldp", 3))
    above = {r["name"]: r["above"] for r in w.call("one", "switches")["switches"]}
    check("and the switches above", (above["rack-4"], above["leaf-1"], above["10.2.1.1"]) ==
          (["pod"], ["pod"], []))
    link = next(r for r in w.call("one", "links")["links"] if r["from"] == "10.4.0.1")
    check("links say how names are known", (link["from_by"], link["to_by"]) ==
          ("topology", "address"))
    with open(w.path("topology.conf"), "a") as f:
        f.write("SwitchName=x Nodes=r[1-\n")
    why = f"{w.path('topology.conf')}:3: a bracket is not closed"
    check("-t names its mistakes", test_config(w, "one") == (3, f"rpingmesh-central: {why}\n"))
    with open(w.path("topology.conf"), "w") as f:
        f.write("SwitchName=rack-5 Nodes=r4\n")
    w.call("one", "reload")
    until("the new name", lambda: switches(w).get("rack-5") == ("topology", 1))
    w.leave("r4")
    known(w, 3)


def conflict(w, a):
    lldp(w, "c", "leaf-3", "10.0.3.1")
    until("three hosts", lambda: w.status()["hosts_present"] == 3)
    Host(w, "c").send(path(4, OVER[1], source="10.0.3.1"))
    until("the conflict", lambda: [s for s in w.status()["degraded"]
                                   if "two switches claim one address" in s and
                                   "10.1.0.1, by leaf-1 and leaf-3;" in s])
    check("an address that two switches claim has the name of neither, and status says so",
          "10.1.0.1" in switches(w) and not {"leaf-1", "leaf-3"} & set(switches(w)))
    with open(w.path("names"), "w") as f:
        f.write("leaf-1 10.1.0.1\n")
    w.call("one", "reload")
    check("the file decides", w.status()["degraded"] == [] and
          switches(w)["leaf-1"] == ("file", 4))
    w.leave("c")
    known(w, 3)


def changes(w, a):
    a.send(path(1, OVER[2]))
    until("the move", lambda: links(w)[("10.1.0.1", "10.2.2.1")] == 2)
    check("a path that moves is counted where it is now", links(w)[("10.1.0.1", "10.2.1.1")] == 1)
    a.send(path(1, ["10.1.0.1", None, None]))
    until("the gap", lambda: w.status()["paths_incomplete"] == 1)
    check("a router that does not answer is no link", links(w)[("10.1.0.1", "10.2.2.1")] == 1)
    a.sequence += 2
    a.send_all(path(1, OVER[1]), path(3, OVER[2]))
    known(w, 2)
    check("what a whole set does not have has ended; lost messages are counted",
          w.status()["path_messages_lost"] == 2 and w.status()["path_messages_old"] == 0)
    a.sequence -= 1
    a.send(path(9, OVER[1]))
    until("an old one", lambda: w.status()["path_messages_old"] == 1)
    check("a message whose number does not grow is ignored and counted", w.status()["paths"] == 2
          and any("1 messages old" in line for line in ctl(w, "one", "status", width=200)[1]))


def hostile(w, a):
    refused = w.status()["paths_refused"]
    mallory = Host(w, "mallory")
    mallory.send(path(1, OVER[1]))
    b = Host(w, "b")
    b.sequence = 10                                        # above those of path_shown
    b.send(path(9, OVER[1]))                               # the source is not its own
    b.send(path(9, OVER[1], source=B), host="a")           # of another host
    b.send(path(0, OVER[1], source=B))
    b.send({**path(9, OVER[1], source=B), "hops": []})
    b.send({**path(9, OVER[1], source=B), "hops": "no"})
    b.send(path(9, ["10.1.0.1"] * 31, source=B))
    w.publish(f"{PREFIX}/path/7/b", b"\xdd\xff\xff\xff\xff", retained=False)
    until("8 refused", lambda: w.status()["paths_refused"] == refused + 8)
    check("wrong paths are refused and counted, and change nothing",
          w.status()["paths"] == 2 and w.status()["paths_refused_why"] is not None)
    before = w.status()["refused"]
    b.send(path(9, OVER[1], source=B), shard=64)
    until("the topic", lambda: w.status()["refused"] == before + 1)
    check("a shard that there is not is refused", w.status()["paths"] == 2)


def two(w, a):
    w.start_central("two")
    until("two hosts", lambda: w.status("two")["hosts_present"] == 2)

    def both_have_heard():  # "two" may have subscribed only after the first one
        a.send_all(path(1, OVER[1]), path(2, OVER[2]))
        return w.status("two")["paths"] == 2

    until("paths at two", both_have_heard)
    until("both", lambda: links(w) == links(w, "two"))
    check("two centrals agree", True)
    w.stop_central("two")


def leave(w, a):
    lldp(w, "a", "leaf-1", "10.0.1.99")
    known(w, 0)
    check("paths from an address that a host has no more are gone", links(w) == {})
    lldp(w, "a", "leaf-1", A)
    until("its address", lambda: w.call("one", "ports")["ports"][0]["addresses"] == [A])
    a.send_all(path(1, OVER[1]))
    known(w, 1)
    w.leave("a")
    known(w, 0)
    check("a host that is gone has no paths", w.call("one", "switches")["switches"] == [])


def main():
    directory = tempfile.mkdtemp()
    world = World(directory)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        world.page = s.getsockname()[1]
    a = Host(world, "a")
    try:
        begin(world)
        for part in (shown, path_shown, named, topology, conflict, changes, hostile, two, leave):
            part(world, a)
        world.stop_central("one")
    except (AssertionError, Refused, subprocess.SubprocessError) as error:
        check(f"{type(error).__name__}: {error}", False)
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
