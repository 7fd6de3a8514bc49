# SPDX-License-Identifier: Apache-2.0
"""recorded.py BUILD: what real daemons have published while a link of a Clos lost packets, in a
browser. Broker, central and Chromium are real, too. What is true is what tests/vm/fabric did to the
links (recorded.netem), not what central said of it. recording.py says how it was recorded."""

import json
import os
import sys
import tempfile
import threading
import time

from central import World, free_port
from checks import LONG, check, until
from culprit import Bus
from left import fetch, grade
from looks import BUILD, saved
from webdriver import Browser
import recording

MINUTE_S = 60
QUIET_S = 25  # at least, before something is wrong: time to look at the mesh
FIRST_S = 10  # then all hosts have reported, and are in a picture
# What the page may need to show a culprit once central has published it.
SHOWN_S = 2
GREEN, DARK = ("#cfe3d4", "#f3d97a"), ("#cc4a26", "#7a1010")


class Knows(threading.Thread):
    """When central publishes an incident, by this machine's clock."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.bus, self.first = Bus(port, "knows"), None
        self.bus.subscribe("rpingmesh/1/incident/+")

    def run(self):
        while not self.first:
            self.first = time.time() if any(map(len, self.bus.heard())) else None
            time.sleep(0.005)


def names(netem):
    """The link that was broken, as operators call it: FROM -> TO."""
    begin, end = netem
    assert begin.what == end.what == "fault" and begin.argv[0] == "loss" and not end.argv
    return begin.a, begin.b


def quiet(b, url, leaves):
    """All hosts report, and no switch loses anything."""
    b.resize(1100, 900)
    b.go(url + "/#/mesh")

    def green():
        return [[grade(b, y, x) for x in range(leaves)] for y in range(leaves)]
    until("a map", lambda: b.run("return document.querySelector('#map canvas')?.width > 100") and
          b.text("#about"))
    until("a quiet mesh", lambda: {x for row in green() for x in row} == {"#cfe3d4"})
    check("the mesh of real daemons is shown, and all of it is well", True)


# Notes when the list has the culprit, and how late a timer of the page is at most.
WAITS = """
window.seen = null;
window.late = 0;
let due = Date.now() + 100;
setInterval(() => { window.late = Math.max(late, Date.now() - due); due = Date.now() + 100; }, 100);
const look = () => {
    if (!seen && document.querySelector('tbody')?.textContent.includes(arguments[0]))
        window.seen = Date.now();
};
new MutationObserver(look).observe(document.getElementById('main'),
                                   { childList: true, subtree: true });
"""


def appears(b, url, knows, replay, netem):
    """The list is open, and shows the culprit by itself."""
    link = names(netem)
    b.go(url + "/?wait#/incidents")
    until("no incident", lambda: "Nothing is wrong" in (b.text("main") or ""))
    b.run(WAITS, link[0])
    check("before the fault, nothing is said to be wrong",
          time.time() < replay.when(netem[0].time) and not knows.first)
    shown_s = until("the culprit in the list", lambda: b.run("return window.seen")) / 1000
    late_s = b.run("return window.late") / 1000
    print(f"# the list shows the culprit {shown_s - knows.first:.2f} s after central has published "
          f"it, and {shown_s - replay.when(netem[0].time):.2f} s after the fault began; timers of "
          f"the page were {late_s:.2f} s late")
    check(f"the culprit is in the list {SHOWN_S} s after central knows, at most",
          shown_s - knows.first <= SHOWN_S + late_s)
    check("and not before the fault", shown_s > replay.when(netem[0].time))
    check("it is the link that was broken", until("its name alone", lambda: [
        [c["name"] for c in i["culprits"]] for i in fetch(url + "/api/1/incidents")["incidents"]] ==
        [[" -> ".join(link)]]))
    until("the same in the list", lambda: " -> ".join(link) in b.text("tbody") and
          "one way" in b.text("tbody"))
    check("the list says which way it loses", True)
    b.screenshot(os.path.join(BUILD, "tests/web/recorded-list.png"))
    return fetch(url + "/api/1/incidents")["incidents"][0]["id"]


def key(b, *pressed):
    for name in pressed:
        b.run("""document.querySelector('#map canvas').dispatchEvent(
            new KeyboardEvent('keydown', {key: arguments[0], bubbles: true}))""", name)


def drill(b, url, tors, bad):
    """By keys from the worst cell of the map to its worst two ports. Only what goes to or from the
    leaf of the broken link can lose something."""
    b.go(url + "/#/mesh")
    row = tors.index(bad)

    def shown():
        cells = {(y, x): grade(b, y, x) for y in range(len(tors)) for x in range(len(tors))}
        return any(c in DARK for at, c in cells.items() if row in at) and cells
    until("a map", lambda: b.run("return document.querySelector('#map canvas')?.width > 100"))
    cells = until("the loss", shown)
    print("#", cells)
    check("switches that the link does not lead to lose nothing",
          all(c == "#cfe3d4" for at, c in cells.items() if row not in at))
    check("nor does what stays below its own", cells[row, row] == "#cfe3d4")
    b.screenshot(os.path.join(BUILD, "tests/web/recorded-mesh.png"))
    y, x = next(at for at, c in sorted(cells.items()) if c in DARK)
    b.run("document.querySelector('#map canvas').focus()")
    key(b, "ArrowDown", *["ArrowDown"] * y, *["ArrowRight"] * x)
    check("a sentence says what it loses", b.text("#about").startswith(f"{tors[y]} → {tors[x]}: ")
          and "% lost" in b.text("#about"))
    key(b, "Enter")
    until("its ports", lambda: f"{tors[y]} → {tors[x]}" in (b.text("h2") or "") and
          b.run("return document.querySelector('#map canvas')?.width > 50"))
    mesh = fetch(f"{url}/api/1/mesh?from={tors[y]}&to={tors[x]}")
    worst = max(mesh["cells"], key=lambda c: c[4])
    check("two of its ports lose", worst[4] > 0)
    key(b, "ArrowDown", *["ArrowDown"] * worst[0],
        *["ArrowRight"] * (worst[1] - mesh["columns"]), "Enter")
    pair = [mesh["names"][i] for i in worst[:2]]
    until("two ports", lambda: b.text("h2") == " and ".join(pair) and
          b.run("return document.querySelectorAll('svg.bars').length") > 0)
    way = fetch(f"{url}/api/1/pair?from={pair[0]}&to={pair[1]}")["ways"][0]
    over = [t for t in way["tuples"] if t["lost"]]
    check("their 5-tuples say which of them lose", over and all(
        str(t["src_port"]) in b.text("main") for t in over))
    b.screenshot(os.path.join(BUILD, "tests/web/recorded-pair.png"))


def story(b, url, ident, link):
    b.go(f"{url}/#/incident/{ident}")
    until("a picture", lambda: b.run("return !!document.querySelector('svg.proof line.candidate')"))
    check("the link that was broken is drawn as the candidate, and nothing else", b.run(
        "return [...document.querySelectorAll('svg.proof line.candidate title')]"
        ".map((t) => t.textContent.split(':')[0])") == [" → ".join(link)])
    check("its spine is drawn above its leaf", b.run("""
        const y = (name) => +[...document.querySelectorAll('svg.proof text')]
            .find((t) => t.textContent === name).getAttribute('y');
        const hosts = [...document.querySelectorAll('svg.proof rect.host')]
            .map((r) => +r.getAttribute('y'));
        return y(arguments[1]) < y(arguments[0]) && y(arguments[0]) < Math.min(...hosts);""",
        *link))
    b.resize(1100, 1400)
    b.screenshot(os.path.join(BUILD, "tests/web/recorded-story.png"))
    b.resize(1100, 900)


def before(b, url, minute_s, leaves):
    """The slider leads to a minute before the fault, in which nothing is lost."""
    minute = minute_s * 10**9

    def kept():
        runs = fetch(url + "/api/1/mesh/times")["runs"]
        return [m for first, last in runs for m in range(first, last + 1, MINUTE_S * 10**9)]
    minutes = until("a minute that is kept", lambda: minute in kept() and kept())
    b.go(url + "/?slide#/mesh")
    until("the slider", lambda: b.run("return document.querySelector('.when')?.hidden === false"))
    b.run("""const e = document.getElementById('when');
        e.value = arguments[0];
        e.dispatchEvent(new Event('input'));
        e.dispatchEvent(new Event('change'))""", minutes.index(minute))
    until("that minute", lambda: b.run("return location.hash") == f"#/mesh?at={minute}" and
          "the minute from" in (b.text("h2") or ""))
    check("then all was well", {grade(b, y, x) for y in range(leaves) for x in range(leaves)} ==
          {"#cfe3d4"})


def files(b, url):
    """Each table as CSV has the rows of its JSON."""
    for view in ("incidents", "links", "paths/host2", "hosts"):
        b.go(f"{url}/?file#/{view}")
        until(view, lambda: b.run("return document.querySelectorAll('tbody tr').length"))
        path = b.run("return [...document.querySelectorAll('main a')]"
                     ".find((a) => a.textContent === 'JSON').getAttribute('href')")
        lines, rows = saved(b, "CSV"), fetch(url + path)[view.partition("/")[0]]
        check(f"the CSV of {view} has the rows of {path}", len(lines) - 2 == len(rows) > 0)


def begin_of(fault):
    """The recorded time from which on to replay, and the minute that is kept of the time before the
    fault: that of pictures until 20 s after it, of which the first one in each 20 s counts."""
    first = time.time() + FIRST_S
    end = first + MINUTE_S - (first - 20) % MINUTE_S
    fault_at = max(time.time() + QUIET_S, max(end - 20, first) + 5)
    return fault - (fault_at - time.time()), round(end) - 20 - MINUTE_S


def run(w, directory, url):
    messages, netem = recording.read()
    knows = Knows(w.port)
    w.start_central("one", w.extra)
    b = Browser(directory, free_port())
    begin, minute_s = begin_of(netem[0].time)
    replay = recording.Replay(Bus(w.port), messages, begin)
    try:
        replay.start()
        knows.start()
        tors = recording.leaves()
        until("the switches", lambda: fetch(url + "/api/1/mesh")["names"])
        check("hosts know the addresses of their switches alone, and the mesh has their names",
              until("their names", lambda: fetch(url + "/api/1/mesh")["names"] == tors))
        quiet(b, url, len(tors))
        link = names(netem)
        ident = appears(b, url, knows, replay, netem)
        drill(b, url, tors, next(x for x in link if x in tors))
        story(b, url, ident, link)
        check("a minute is over before the fault", minute_s + MINUTE_S <=
              replay.when(netem[0].time))
        files(b, url)
        before(b, url, minute_s, len(tors))
        complaints = [c for c in b.complaints() if "/api/1/" not in c]
        print("#", complaints)
        check("nothing was complained about", complaints ==
              [])
    finally:
        replay.stop()
        b.close()


def main():
    with tempfile.TemporaryDirectory() as directory:
        w, port = World(directory), free_port()
        switches = os.path.join(recording.HERE, "recorded.switches")
        w.extra = f'listen = "127.0.0.1:{port}";\nswitches = "{switches}";\npaths = 2;'
        os.makedirs(os.path.join(BUILD, "tests/web"), exist_ok=True)
        try:
            w.start_broker()
            run(w, directory, f"http://127.0.0.1:{port}")
            w.stop_central("one")
        finally:
            if check.failed or w.centrals:
                print(w.log("one"), file=sys.stderr)
            for program in w.centrals.values():
                program.kill()
            w.stop_broker()
    return check.failed > 0


if __name__ == "__main__":
    sys.exit(main())
