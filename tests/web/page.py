# SPDX-License-Identifier: Apache-2.0
"""page.py BUILD: the page of rpingmesh-central in a real browser. What it must show is known from
the reports that this test publishes. Screenshots stay in tests/web/*.png of the build."""

import gzip
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import msgpack

from central import PREFIX, World, free_port
from checks import LONG, check, until
import left
import looks
from left import fetch, grade
from webdriver import Browser

SRC = os.environ.get("top_srcdir", ".")
BUILD = os.path.abspath(sys.argv[1])
EVIL = "x<img src=q onerror=document.title='cracked'>"
PROBES = 50


def topic(name):
    """A name as topics have it (rpingmesh-cluster(7))."""
    return "".join(c if c.isalnum() or c in "-_~:" else f"%{ord(c):02X}" for c in name)


class Cluster:
    """Hosts of which each probes all others. lost(from, to) says how many of 50 are lost."""

    def __init__(self, world, tors, hosts):
        self.world, self.sequence = world, 0
        self.hosts = [(f"node-{t}-{i}", f"leaf-{t}", f"10.0.{t}.{i + 1}")
                      for t in range(tors) for i in range(hosts)]
        self.hosts[-1] = (EVIL, self.hosts[-1][1], self.hosts[-1][2])
        for host, tor, address in self.hosts:
            world.join(topic(host), tor, address, host=host)

    def report(self, lost):
        self.sequence += 1
        for host, tor, address in self.hosts:
            others = [h for h in self.hosts if h[0] != host]
            counts = [lost((host, tor), other) for other in others]
            streams = {"device": "mlx5_0", "port": 1, "source": address, "kind": "fabric",
                       "traffic_class": 106, "size": 50, "job": None,
                       "destinations": [other[2] for other in others],
                       "src_ports": list(range(50000, 50000 + len(others))),
                       "back_ports": [0] * len(others)}
            now = time.time_ns()
            report = {"type": "report", "schema": 1, "host": host, "incarnation": 1,
                      "sequence": self.sequence, "begin_ns": now - 5 * 10**9, "end_ns": now,
                      "whole": True, "streams_of": self.sequence, "throttled": False,
                      "degraded": 0, "dropped": 0, "stalled_s": 0,
                      "sent": [PROBES] * len(others), "rtt_ns": [9000] * len(others),
                      "ports": [{"device": "mlx5_0", "port": 1, "up": True, "counters": {}}],
                      "rows": [{"place": i, "classes": {"lost": n}, "noise": 0, "noise_lost": 0,
                                "corrected": 0, "slow": 0} for i, n in enumerate(counts) if n],
                      "streams": [streams],
                      # Of leaf-2, one host is slow to answer, and no host says more.
                      "delays": {"prober_p50_ns": 9000, "prober_p99_ns": 30000,
                                 "responder_p50_ns": 8000, "responder_p99_ns":
                                 700000 if address == "10.0.2.2" else 20000}}
            self.world.publish(f"{PREFIX}/report/17/{topic(host)}", msgpack.packb(report),
                               retained=False)


def cells(mesh):
    """{(from, to): (answered, lost)} by names."""
    names = mesh["names"]
    return {(names[c[0]], names[c[1]]): (c[3], c[4]) for c in mesh["cells"]}


def two_ports(url):
    """One report: 5 of 50 are lost in one direction, and none in the other."""
    pair = fetch(url + "/api/1/pair?from=node-1-2/mlx5_0&to=node-0-0/mlx5_0")
    there, back = pair["ways"]
    check("a pair has both directions", (there["from"], there["to"]) ==
          ("node-1-2/mlx5_0", "node-0-0/mlx5_0") == (back["to"], back["from"]))
    row = there["tuples"][0]
    check("a 5-tuple has its probes", len(there["tuples"]) == 1 and
          [row[k] for k in ("source", "destination", "sent", "lost", "answered", "rtt_ns")] ==
          ["10.0.1.3", "10.0.0.1", PROBES, 5, PROBES - 5, 9000] and row["there"] is None)
    for length in (5, 60, 900):
        slots = [s for s in there["slots"] if s[1] == length]
        check(f"its slots of {length} s have them, too", slots and slots == sorted(slots) and
              [sum(s[k] for s in slots) for k in (2, 3, 4)] == [PROBES, PROBES - 5, 5])
    check("the other direction has lost nothing", back["tuples"][0]["lost"] == 0 and
          back["tuples"][0]["answered"] == PROBES)
    for query in ("?from=node-0-0/mlx5_0", "?from=node-0-0&to=node-1-2/mlx5_0",
                  "?from=node-0-0/mlx5_0&to=node-9-9/mlx5_0"):
        try:
            fetch(url + "/api/1/pair" + query)
            status = 200
        except urllib.error.HTTPError as error:
            status = error.code
        check(f"{query} of pairs is refused", status == 400)


def api(w, cluster, url):
    """leaf-1 loses a tenth of what it sends to leaf-0, one of 4 hosts all of it within."""
    until("a mesh", lambda: fetch(url + "/api/1/mesh")["cells"])
    mesh = fetch(url + "/api/1/mesh")
    got = cells(mesh)
    check("rows and columns are the switches", mesh["names"] == ["leaf-0", "leaf-1", "leaf-2"] and
          (mesh["rows"], mesh["columns"]) == (3, 0))
    check("all pairs of switches are there", len(got) == 9)
    answered, lost = got["leaf-1", "leaf-0"]
    check("a cell has the probes of its pairs", (answered + lost, lost) == (9 * PROBES, 45))
    check("its opposite has lost nothing", got["leaf-0", "leaf-1"] == (9 * PROBES, 0))
    into = fetch(url + "/api/1/mesh?from=leaf-1&to=leaf-0")
    check("within: rows are the ports of one, columns those of the other",
          into["names"] == [f"node-1-{i}/mlx5_0" for i in range(3)] +
          [f"node-0-{i}/mlx5_0" for i in range(3)] and (into["rows"], into["columns"]) == (3, 3))
    check("each pair has its probes",
          cells(into)["node-1-2/mlx5_0", "node-0-0/mlx5_0"] == (PROBES - 5, 5))
    two_ports(url)
    host = [h for h in fetch(url + "/api/1/hosts")["hosts"] if h["host"] == "node-2-1"][0]
    check("a host has said how long probes take inside it", host["delays"] == {
        "prober_p50_ns": 9000, "prober_p99_ns": 30000, "responder_p50_ns": 8000,
        "responder_p99_ns": 700000})
    check("a switch has those of its worst host", mesh["delays"] == [
        [9000, 30000, 8000, 20000], [9000, 30000, 8000, 20000], [9000, 30000, 8000, 700000]])
    for query in ("?from=leaf-1", "?from=leaf-1&to=nowhere", "?from=%zz&to=leaf-0"):
        try:
            fetch(url + "/api/1/mesh" + query)
            status = 200
        except urllib.error.HTTPError as error:
            status = error.code
        check(f"{query} is refused", status == 400)
    check("there are no incidents", fetch(url + "/api/1/incidents?all=1")["incidents"] == [])


def deltas(cluster, url):
    """Only what has changed since a picture."""
    def rests():
        first = fetch(url + "/api/1/mesh")
        until("a later one", lambda: fetch(url + "/api/1/mesh")["time_ns"] > first["time_ns"])
        less = fetch(f"{url}/api/1/mesh?since={first['time_ns']}")
        return (less.get("since"), less["names"], less["cells"]) == (first["time_ns"], [], []) and \
            first
    first = until("a picture without a change", rests)
    check("of a cluster at rest, nothing changes", True)
    cluster.report(lambda a, o: 7 if (a[1], o[1]) == ("leaf-0", "leaf-2") else 0)

    def changed():
        now = fetch(f"{url}/api/1/mesh?since={first['time_ns']}")
        return [c[:2] + c[4:5] for c in now["cells"] if c[:2] == [0, 2] and c[4] == 63]
    until("the cell that has changed", changed)
    check("then the cell that loses is there", True)
    check("a time of long ago gets everything", "since" not in fetch(f"{url}/api/1/mesh?since=1"))


def a_tenth(a, o):
    """Of 50 probes of a pair, what leaf-1 loses on the way to leaf-0."""
    return 5 if (a[1], o[1]) == ("leaf-1", "leaf-0") else 0


def drawn(b, cluster, url):
    b.resize(1100, 900)
    b.go(url + "/")
    until("a map", lambda: b.run("return document.querySelector('#map canvas')?.width > 100"))
    check("the page is live", until("live", lambda: b.text("#live") == "live"))

    def right():
        cluster.report(a_tenth)
        time.sleep(3)
        return (grade(b, 1, 0), grade(b, 0, 1)) == ("#cc4a26", "#cfe3d4")
    until("the colours of 5 % and of no loss", right)
    check("a cell with a tenth lost has the colour of 5 %, and its opposite that of no loss", True)
    b.screenshot(os.path.join(BUILD, "tests/web/mesh.png"))


def keys(b, cluster, url):
    """Arrow keys and Enter lead into two switches, and the URL says where."""
    b.run("document.querySelector('#map canvas').focus()")
    for key in ("ArrowDown", "ArrowDown"):
        b.run("""document.querySelector('#map canvas').dispatchEvent(
            new KeyboardEvent('keydown', {key: arguments[0], bubbles: true}))""", key)
    cluster.report(a_tenth)
    until("what the cell has", lambda: re.match(r"leaf-1 → leaf-0: 10 % lost \(\d+ of \d+\), RTT",
                                                b.text("#about")))
    check("the text says what the cell has", True)
    b.run("""document.querySelector('#map canvas').dispatchEvent(
        new KeyboardEvent('keydown', {key: 'Enter', bubbles: true}))""")
    until("the ports", lambda: "leaf-1 → leaf-0" in (b.text("h2") or ""))
    check("Enter goes into it", b.run("return location.hash") == "#/mesh/leaf-1/leaf-0")
    b.screenshot(os.path.join(BUILD, "tests/web/ports.png"))
    until("the map", lambda: b.run("return document.querySelector('#map canvas')?.width > 100"))
    for key in ("ArrowDown", "Enter"):
        b.run("""document.querySelector('#map canvas').dispatchEvent(
            new KeyboardEvent('keydown', {key: arguments[0], bubbles: true}))""", key)
    cluster.report(a_tenth)
    until("two bars", lambda: b.run("return document.querySelectorAll('svg.bars').length") == 2)
    check("Enter goes into the pair, both ways", b.text("h2") ==
          "node-1-0/mlx5_0 and node-0-0/mlx5_0" and "10.0.1.1" in b.text("main"))
    b.screenshot(os.path.join(BUILD, "tests/web/pair.png"))


def follows(b, w, cluster, url):
    """A page that is left open shows what changes, without a new request by hand."""
    b.go(url + "/#/mesh")
    until("a map", lambda: b.run("return document.querySelector('#map canvas')?.width > 100"))
    deadline = time.monotonic() + LONG
    while grade(b, 2, 1) != "#7a1010" and time.monotonic() < deadline:
        cluster.report(lambda a, o: 40 if (a[1], o[1]) == ("leaf-2", "leaf-1") else 0)
        time.sleep(3)
    check("a loss that begins is drawn while one looks", grade(b, 2, 1) == "#7a1010")
    w.stop_central("one")
    until("an old page", lambda: "old" in b.text("#live"))
    check("a page without central says that it is old", True)
    w.start_central("one", w.extra)
    until("live", lambda: b.text("#live") == "live")
    check("and comes back by itself", True)


# Of each item of the legend: where its mark is, without any colour.
MARKS = """
return [...document.querySelectorAll('.legend canvas')].map((c) => {
    const p = c.getContext('2d').getImageData(0, 0, 31, 31).data, back = [...p.slice(0, 3)];
    let mark = '';
    for (let i = 0; i < p.length; i += 4)
        mark += back.some((v, k) => Math.abs(v - p[i + k]) > 40) ? 'x' : '.';
    return mark;
});
"""


def choose(b, name, value):
    b.run("""const e = document.getElementById(arguments[0]);
        if (e.type === 'checkbox') e.checked = arguments[1]; else e.value = arguments[1];
        e.dispatchEvent(new Event('change'))""", name, value)


def controls(b, cluster, url):
    """What colours show, in which order, and only what is not green."""
    cluster.report(lambda a, o: 40 if (a[1], o[1]) == ("leaf-2", "leaf-1") else 0)
    until("a loss", lambda: [c for c in fetch(url + "/api/1/mesh")["cells"] if c[4] == 360])
    b.go(url + "/#/mesh?again")
    until("the loss", lambda: b.run("return document.querySelector('#map canvas')?.width > 100") and
          grade(b, 2, 1) == "#7a1010")

    choose(b, "by", "p99abs")
    check("RTTs of 9 us are good, as far as they are known", grade(b, 0, 1) == "#cfe3d4")
    check("the legend says what the colours mean", "less than 20 µs" in b.text(".legend"))
    marks = b.run(MARKS)
    check("and each has a mark of its own, which needs no colours",
          len(marks) == 9 == len(set(marks)) and "x" not in marks[0])
    choose(b, "by", "delay99")
    check("who probes the switch of a host that is slow to answer has its delay, and no others", [
        grade(b, *at) for at in ((0, 2), (1, 2), (2, 2), (2, 1), (0, 1), (1, 0))] ==
        ["#ee9f3f"] * 3 + ["#cfe3d4"] * 3)
    check("and its legend", "200 µs" in b.text(".legend"))
    key(b, "ArrowDown")
    b.run("const r = document.querySelector('#map canvas');"
          "r.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: true}));"
          "r.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: true}))")
    check("a sentence has the delays", "hosts took up to 9.00 µs, 99th percentile 700 µs" in
          b.text("#about"))
    choose(b, "by", "loss")
    choose(b, "order", "worst")
    check("the worst is first", grade(b, 0, 1) == "#7a1010" or grade(b, 1, 0) == "#7a1010")
    choose(b, "order", "name")
    choose(b, "bad", True)
    check("only what is not green: two switches", b.run(
        "return document.querySelector('#map canvas').getAttribute('aria-label')").startswith(
            "Heat map of 2 rows and 2 columns"))
    choose(b, "bad", False)


FRAMES = """
const { Grid } = await import('/grid.js'), { HeatMap } = await import('/map.js');
const N = 1000, names = Array.from({ length: N }, (_, i) => `tor-${i}`);
const cell = [0, 0, 500, 500, 0, 0, 9e3];
function* all(n) {
    for (let i = 0; i < n; i++) {
        const at = n === N * N ? i : Math.floor(Math.random() * N * N);
        cell[0] = Math.floor(at / N); cell[1] = at % N; cell[4] = i % 97 ? 0 : 40;
        yield cell;
    }
}
const cells = (n) => ({ length: n, [Symbol.iterator]: () => all(n) });
const grid = new Grid({ names, rows: N, columns: 0, time_ns: 1, window_s: 20,
    cells: cells(N * N) });
const map = new HeatMap(grid, { pick() {}, say() {}, muted: () => false });
document.querySelector('main').append(map.canvas);
const begin = performance.now();
map.draw();
const first = performance.now() - begin, took = [];
let frames = 0;
const frame = () => { frames++; if (took.length < 30) requestAnimationFrame(frame); };
requestAnimationFrame(frame);
let inputs = 0, heard = 0;
map.canvas.addEventListener('mousemove', () => { heard++; });
while (took.length < 30) {
    const t = performance.now();
    map.change(grid.change({ time_ns: 2, window_s: 20, cells: cells(10000) }));
    inputs++;
    map.canvas.dispatchEvent(new MouseEvent('mousemove', { clientX: 50, clientY: 200 }));
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    took.push(performance.now() - t);
}
took.sort((a, b) => a - b);
map.canvas.remove();
return { first, fastest: took[0], median: took[15],
    worst: took[29], frames, inputs, heard, size: grid.size };
"""


# By each of what colours can show: the grade of a cell of 30 us, at most 100 us, where 10 us are
# usual, between hosts that take up to 300 us. And the order of ports by rail.
GRADES = """
const { Grid, SHOWN } = await import('/grid.js'), { HeatMap } = await import('/map.js');
const names = ['b/mlx5_10', 'b/mlx5_2', 'a/mlx5_2'];
const grid = new Grid({ names, rows: 3, columns: 0, time_ns: 1, window_s: 20,
    delays: [[30e3, 60e3, 0, 0], [0, 0, 40e3, 300e3], [0, 0, 0, 0]],
    cells: [[0, 1, 1000, 994, 6, 0, 31e3, 30e3, 100e3, 10e3]] });
const grades = Object.keys(SHOWN).map((by) => { grid.judge(by); return [by, grid.look(0, 1)]; });
const map = new HeatMap(grid, { pick() {}, say() {}, muted: () => false });
map.order = 'rail';
map.draw();
const tors = ['pod1-rail10', 'pod1-rail2', 'pod2-rail10', 'pod2-rail2'];
map.grid = new Grid({ names: tors, rows: 4, columns: 0, time_ns: 1, window_s: 20, cells: [] });
const ports = map.rows.map((i) => names[i]);
map.draw();
return [Object.fromEntries(grades), ports, map.rows.map((i) => tors[i])];
"""


def grades(b, url):
    b.go(url + "/#/status")
    until("the page", lambda: b.text("h2"))
    found, order, tors = b.run(GRADES)
    check("each of what colours show has its grade", found == {
        "loss": 2, "p50": 2, "p99": 3, "p50abs": 1, "p99abs": 2, "delay50": 0, "delay99": 2})
    check("ports can be in the order of their rails", order == ["b/mlx5_2", "a/mlx5_2",
                                                                "b/mlx5_10"])
    check("and so can switches", tors == ["pod1-rail2", "pod2-rail2", "pod1-rail10", "pod2-rail10"])


def files(b, url):
    """Each table as CSV: all its rows, and as JSON."""
    for view in ("hosts", "coverage", "incidents", "links", "paths/node-0-0", "mesh",
                 "pair/node-1-0%2Fmlx5_0/node-0-0%2Fmlx5_0"):
        b.go(f"{url}/?file#/{view}")
        until(view, lambda: b.text("h2") and "loading" not in b.text("main"))
        name = "CSV of 5-tuples" if "pair" in view else "CSV"
        lines = looks.saved(b, name)
        rows = (9 if view == "mesh" else b.run(
            "return [...document.querySelectorAll('section > .scroll table, main > .scroll table')]"
            ".map((t) => t.tBodies[0].rows.length).reduce((a, b) => a + b, 0)"))
        check(f"{view.split('/')[0]}: a CSV of {rows} rows", len(lines) == rows + 2)
        path = b.run("return [...document.querySelectorAll('main a')]"
                     ".find((a) => a.textContent === 'JSON').getAttribute('href')")
        check(f"{view.split('/')[0]}: {path}", isinstance(fetch(url + path), dict))


def frames(b, url):
    """A map of 1,000 by 1,000 switches, of which 10,000 pairs change at a time."""
    b.go(url + "/#/status")
    until("the page", lambda: b.text("h2"))
    result = b.run(FRAMES)
    print("# a map of a million cells, ms:", result)
    # Ten a second: the fastest of 30, as the machine may have other work.
    check("updates are drawn fast", result["fastest"] < 100 and result["median"] < 2000)
    check("no input is lost", result["heard"] == result["inputs"] == 30)
    check("its memory does not grow", result["size"] == 1000000)


def lists(w, cluster, url):
    """The same as by the control socket; and a page without JavaScript."""
    for name in ("coverage", "tors", "switches"):
        check(f"/api/1/{name} is what the method says", fetch(f"{url}/api/1/{name}")[name] ==
              w.call("one", name)[name])
    check("paths of a host", fetch(url + "/api/1/paths?host=node-0-0") ==
          {"paths": [], "next": None})
    try:
        fetch(url + "/api/1/paths")
        status = 200
    except urllib.error.HTTPError as error:
        status = error.code
    check("paths of nobody are refused", status == 400)
    cluster.report(a_tenth)

    def plain():
        with urllib.request.urlopen(url + "/plain", timeout=LONG) as answer:
            return re.findall(r"<tr><td>(leaf-.)<td>(leaf-.)<td>\d+<td>\d+<td>(.*)",
                              answer.read().decode())
    check("/plain has the pair that loses most",
          until("a pair", plain) == [("leaf-1", "leaf-0", "0.100")])


def manual(url):
    """The examples of the manual work, against this central."""
    with open(os.path.join(SRC, "man/rpingmesh-central.8")) as f:
        page = f.read()
    found = [line.replace("http://127.0.0.1:9480", url) for line in page.splitlines()
             if line.startswith("curl ") and not line.endswith("\\e")]
    check("the manual has examples", len(found) >= 5)
    for line in found:
        result = subprocess.run(["sh", "-c", line], stdout=subprocess.PIPE, text=True, check=False,
                                timeout=LONG)
        # Status 28: a stream has no end, and -m ends it.
        check(line.replace(url, ""), result.returncode == (28 if " -m " in line else 0) and
              result.stdout)


def weight(url):
    """What a browser fetches to show the page, compressed as a proxy does it."""
    page = urllib.request.urlopen(url + "/", timeout=LONG).read()
    names = re.findall(r'(?:src|href)="(/[a-z.]+)"', page.decode())
    seen, todo, total = set(), ["/"] + names, 0
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        text = urllib.request.urlopen(url + name, timeout=LONG).read()
        total += len(gzip.compress(text))
        todo += ["/" + n for n in re.findall(r'from "./([a-z]+.js)"', text.decode())]
    print(f"# {len(seen)} files, {total} bytes compressed")
    check("the page weighs at most 150 kB", 8 <= len(seen) and total <= 150000)


def key(b, name):
    b.run("""document.querySelector('#map canvas').dispatchEvent(
        new KeyboardEvent('keydown', {key: arguments[0], bubbles: true}))""", name)


def many(b, w, cluster, url):
    """With 400 more switches, the map is one of pods, which lead to switches."""
    b.go(url + "/?many#/mesh")
    until("ToRs", lambda: "ToR by ToR" in (b.text("h2") or ""))
    for i in range(400):
        w.join(f"many-{i}", f"pod{i // 40}-tor{i % 40}", f"10.9.{i // 200}.{i % 200 + 1}")
    pods = ["?"] + [f"pod{i}" for i in range(10)]

    def shown():
        cluster.report(a_tenth)
        time.sleep(2)
        mesh = fetch(url + "/api/1/mesh?pods=1")
        return mesh["names"] == pods and mesh
    mesh = until("pods", shown)
    whole = fetch(url + "/api/1/mesh")
    check("all switches are there without pods", len(whole["names"]) == 403 and
          "pods" not in whole)
    check("a pair of pods has the probes of its switches", mesh["pods"] and
          [c[:2] for c in mesh["cells"]] == [[0, 0]])
    into = fetch(url + "/api/1/mesh?pods=1&from=%3F&to=pod3")
    check("two pods have their switches", into["names"][:4] ==
          ["leaf-0", "leaf-1", "leaf-2", "pod3-tor0"] and into["rows"] == into["columns"] == 3 and
          len(into["names"]) == 43)
    until("pods", lambda: "Pod by pod" in (b.text("h2") or "") and
          b.run("return document.querySelector('#map canvas')?.width > 100"))
    check("the map that was open has become one of pods", b.run(
        "return document.querySelectorAll('h2').length") == 1)
    b.screenshot(os.path.join(BUILD, "tests/web/pods.png"))
    b.run("document.querySelector('#map canvas').focus()")
    key(b, "ArrowDown")
    key(b, "Enter")
    until("switches", lambda: "All pods" in (b.text("h2") or "") and
          b.run("return document.querySelector('#map canvas')?.width > 100"))
    check("a cell leads to the switches of two pods", b.run("return location.hash") ==
          "#/pods/%3F/%3F" and "3 rows" in b.run(
              "return document.querySelector('#map canvas').getAttribute('aria-label')"))
    for name in ("ArrowDown", "ArrowDown", "Enter"):
        key(b, name)
    until("ports", lambda: "leaf-1 → leaf-0" in (b.text("h2") or ""))
    check("and these to ports", b.run("return location.hash") == "#/mesh/leaf-1/leaf-0")
    b.run("history.back()")
    until("back", lambda: (b.text("#about") or "").startswith("leaf-1 → leaf-0"))
    check("who goes back is where he was", True)
    minute = fetch(url + "/api/1/mesh/times")["runs"][-1][1]
    then = fetch(f"{url}/api/1/mesh?pods=1&from=nowhere&to=pod3&at={minute}")
    check("of pods that there were not, a minute of the past has nothing",
          then["kept"] and then["names"] == then["cells"] == [])


def first_minute(b, cluster, url):
    """A page that is opened before a minute is kept gets its slider while it is open."""
    b.go(url + "/#/mesh")
    until("a map", lambda: b.run("return document.querySelector('#map canvas')?.width > 100"))
    runs = fetch(url + "/api/1/mesh/times")["runs"]
    b.run("window.same = document.getElementById('when')")
    if not runs:
        check("without a kept minute, there is no slider", b.run(
            "return document.querySelector('.when').hidden"))

    def kept():
        cluster.report(a_tenth)
        time.sleep(2)
        return b.run("const r = document.getElementById('when');"
                     "return !r.closest('.when').hidden && r === window.same && +r.max") or 0
    n = sum((last - first) // (60 * 10**9) + 1 for first, last in runs)
    until("one more minute", lambda: kept() > n)
    check("a map that is open has the minutes that are kept meanwhile", b.run(
        "return document.querySelector('.when output').textContent") == "now")
    b.run("""const e = document.getElementById('when');
        e.value = 0;
        e.dispatchEvent(new Event('input'));
        e.dispatchEvent(new Event('change'))""")
    first = fetch(url + "/api/1/mesh/times")["runs"][0][0]
    until("the first minute", lambda: b.run("return location.hash") == f"#/mesh?at={first}" and
          "the minute from" in (b.text("h2") or ""))
    check("the slider leads to the first minute, and stays there",
          b.run("return document.getElementById('when').value") == "0")


def unknown(b, w, url):
    """Links to what is not there: that is said, and the whole mesh is shown instead."""
    script = left.watched(b, url)
    for place in ("pods/nowhere/never", "mesh/leaf-0/nowhere", "pair/node-0-0%2Fx/none"):
        b.go("about:blank")
        b.go(f"{url}/#/{place}")
        until(place, lambda: "knows no such place" in b.text("main"))
        asks = b.run("return asks")
        time.sleep(4)
        check(f"{place} is unknown, and that is said", "knows no such place" in b.text("main") and
              b.run("return asks") <= asks + 8 and place in b.run("return location.hash"))
        check(f"{place}: the whole mesh is there instead", b.text("h2") == "ToR by ToR" and
              b.run("return document.querySelector('#map canvas')?.width > 100"))
    b.devtools("Page.removeScriptToEvaluateOnNewDocument", identifier=script)
    # A place that leaves while one looks at it, and comes back.
    w.join("guest", "leaf-9", "10.0.9.1")
    until("a guest", lambda: "leaf-9" in fetch(url + "/api/1/mesh")["names"])
    b.go(url + "/?guest#/mesh/leaf-9/leaf-0")
    until("its map", lambda: "leaf-9 → leaf-0" in (b.text("h2") or "") and b.run(
        "return document.querySelector('#map canvas')?.width > 50"))
    w.leave("guest")
    until("that it has left", lambda: "leaf-9 → leaf-0" in (b.text("p.bad") or ""))
    check("who looks at what leaves gets the whole mesh, at the same place", b.text("h2") ==
          "ToR by ToR" and b.run("return location.hash") == "#/mesh/leaf-9/leaf-0")
    w.join("guest", "leaf-9", "10.0.9.1")
    until("it again", lambda: b.text("h2") == "All ToRs: leaf-9 → leaf-0")
    check("and it again when it is back", b.text("p.bad") is None)
    w.leave("guest")
    until("no guest", lambda: "leaf-9" not in fetch(url + "/api/1/mesh")["names"])


def past(b, cluster, url):
    """A minute that central has kept, by the slider and by its link."""
    def kept():
        cluster.report(a_tenth)
        time.sleep(2)
        minutes = [m for first, last in fetch(url + "/api/1/mesh/times")["runs"]
                   for m in range(first, last + 1, 60 * 10**9)]
        return [(i, m) for i, m in enumerate(minutes)
                if fetch(f"{url}/api/1/mesh?at={m}")["cells"]]
    place, minute = until("a kept minute", kept)[0]
    b.go(url + "/#/status")
    b.go(url + "/#/mesh")
    until("the slider", lambda: b.run("return !!document.getElementById('when')"))
    b.run("""const e = document.getElementById('when');
        e.value = arguments[0];
        e.dispatchEvent(new Event('input'));
        e.dispatchEvent(new Event('change'))""", place)
    until("the minute", lambda: "the minute from" in (b.text("h2") or ""))
    check("the slider leads to a minute, which has a link",
          b.run("return location.hash") == f"#/mesh?at={minute}")
    check("its map is drawn", b.run("return document.querySelector('#map canvas').width") > 100)
    b.screenshot(os.path.join(BUILD, "tests/web/past.png"))
    check("a minute of the past shows loss", "not kept" not in b.text("main"))
    choose(b, "by", "delay99")
    check("and says that it has no delays of hosts", "not kept" in b.text("main"))
    choose(b, "by", "loss")
    b.go(f"{url}/#/mesh?at=1000")
    until("nothing", lambda: "Nothing is kept" in b.text("main"))
    check("a time of which nothing is kept says so", True)


def hostile(b, url):
    b.go(url + "/#/hosts")
    until("the table", lambda: EVIL in (b.text("tbody") or ""))
    check("a name that is markup is shown as text", b.run(
        "return document.querySelectorAll('main img').length") == 0 and
        b.run("return document.title") == "Hosts - rpingmesh")
    headers = urllib.request.urlopen(url + "/", timeout=LONG).headers
    check("the browser may load nothing from elsewhere",
          "default-src 'self'" in headers["Content-Security-Policy"])
    b.complaints()
    b.run("const s = document.createElement('script'); s.textContent = 'document.title = \"no\"';"
          "document.body.append(s)")
    check("and no script that somebody puts into the page", b.run("return document.title") ==
          "Hosts - rpingmesh" and any("Content Security Policy" in c for c in b.complaints()))


def silent(b, url):
    """Nobody has reported for 20 s."""
    b.resize(1100, 900)
    b.go(url + "/#/mesh?silent")
    until("a map", lambda: b.run("return document.querySelector('#map canvas')?.width > 100"))
    until("no report", lambda: (grade(b, 0, 1), grade(b, 2, 2)) == ("#5c656e", "#5c656e"))
    b.run("document.querySelector('#map canvas').focus()")
    key(b, "ArrowDown")
    check("hosts that do not report have a colour of their own, and the reason",
          re.match(r"leaf-0 → leaf-0: no report. .*silent", b.text("#about")))


def views(b, url):
    for view, word in (("incidents", "Incidents"), ("hosts", "node-0-0"),
                       ("coverage", "leaf-1"), ("paths/node-0-0", "Paths of node-0-0"),
                       ("status", "Status of rpingmesh-central")):
        b.go(f"{url}/#/{view}")
        until(view, lambda word=word: word in b.text("main"))
        check(f"{view}: no value is missing",
              not {"null", "undefined", "NaN"} & set(b.text("main").split()))
        b.screenshot(os.path.join(BUILD, f"tests/web/{view.split('/')[0]}.png"))
    for width, height in ((360, 800), (2560, 1440)):
        b.resize(width, height)
        for view in ("mesh", "hosts", "coverage", "incidents", "pair/node-1-0%2Fmlx5_0/" +
                     "node-0-0%2Fmlx5_0", "status"):
            b.go(f"{url}/#/{view}")
            until(view, lambda: b.text("h2") and "loading" not in b.text("main"))
            time.sleep(1)
            b.screenshot(os.path.join(BUILD, f"tests/web/{view.split('/')[0]}-{width}.png"))
            check(f"{view} is not wider than {width} pixels", b.run(
                "return document.documentElement.scrollWidth <= innerWidth"))
    check("nothing was complained about", [c for c in b.complaints() if "/api/1/" not in c] == [])


def main():
    directory = tempfile.mkdtemp(prefix="rpingmesh-page-")
    os.makedirs(os.path.join(BUILD, "tests/web"), exist_ok=True)
    w, web, b = World(directory), free_port(), None
    w.extra, url = f'listen = "127.0.0.1:{web}";', f"http://127.0.0.1:{web}"
    try:
        w.start_broker()
        w.start_central("one", w.extra)
        cluster = Cluster(w, 3, 3)
        cluster.report(a_tenth)
        api(w, cluster, url)
        weight(url)
        lists(w, cluster, url)
        manual(url)
        b = Browser(directory, free_port())
        first_minute(b, cluster, url)
        drawn(b, cluster, url)
        keys(b, cluster, url)
        follows(b, w, cluster, url)
        controls(b, cluster, url)
        frames(b, url)
        grades(b, url)
        files(b, url)
        unknown(b, w, url)
        hostile(b, url)
        views(b, url)
        silent(b, url)
        looks.accessible(b, url, ("mesh", "incidents", "hosts", "links", "coverage", "status",
                                  "pair/node-1-0%2Fmlx5_0/node-0-0%2Fmlx5_0"))
        deltas(cluster, url)
        past(b, cluster, url)
        left.slept(b, cluster, url)
        left.hidden(b, url)
        left.left_open(b, url)
        many(b, w, cluster, url)
        w.stop_central("one")
    except Exception:
        print(w.log("one"), file=sys.stderr)
        raise
    finally:
        if b:
            b.close()
        for program in w.centrals.values():
            program.kill()
        w.stop_broker()
        shutil.rmtree(directory)
    return check.failed > 0


if __name__ == "__main__":
    sys.exit(main())
