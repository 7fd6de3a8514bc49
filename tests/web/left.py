# SPDX-License-Identifier: Apache-2.0
"""A page that is left alone: for long, hidden, or on a machine that sleeps. page.py runs it."""

import json
import time
import urllib.request

from checks import LONG, check, until


def fetch(url):
    with urllib.request.urlopen(url, timeout=LONG) as answer:
        return json.load(answer)


def grade(b, y, x):
    """The colour of a cell of the map that is shown: above the middle, where no mark is."""
    return b.run("""
        const c = document.querySelector('#map canvas'), d = devicePixelRatio;
        const [y, x] = arguments, n = document.querySelectorAll('#map canvas').length;
        const names = 3, size = 44, edge = c.width / d - names * size;
        const p = c.getContext('2d').getImageData((edge + x * size + 22) * d,
                                                  (edge + y * size + 8) * d, 1, 1).data;
        return '#' + [...p.slice(0, 3)].map((v) => v.toString(16).padStart(2, '0')).join('');
        """, y, x)


# Before the scripts of a page: its streams of events, and its requests, can be looked at.
WATCH = """
window.streams = [];
window.EventSource = class extends EventSource {
    constructor(...args) { super(...args); window.streams.push(this); }
};
window.asks = 0;
window.ticks = [];
const every = window.setInterval;
window.setInterval = (f, ...more) => { ticks.push(f); return every(f, ...more); };
const ask = window.fetch, later = window.setTimeout;
window.fetch = (...args) => { window.asks++; return ask(...args); };
window.hurry = () => { window.setTimeout = (f, ms, ...a) => later(f, ms / 100, ...a); };
"""
# More events than a page gets in hours. The page's own timers work, as scripts of the driver that
# last long take memory of their own.
EVENTS = """
hurry();
setInterval(() => streams.at(-1).dispatchEvent(new MessageEvent(arguments[0], { data: '{}' })), 10);
"""


def heap(b):
    """(bytes of JavaScript, nodes, listeners) that are in use."""
    for _ in range(3):
        b.devtools("HeapProfiler.collectGarbage")
    counters = b.devtools("Memory.getDOMCounters")
    return (b.devtools("Runtime.getHeapUsage")["usedSize"], counters["nodes"],
            counters["jsEventListeners"])


def watched(b, url):
    return b.devtools("Page.addScriptToEvaluateOnNewDocument", source=WATCH)["identifier"]


def slept(b, cluster, url):
    """The connection of a machine that sleeps dies, and nothing says so; its clock jumps."""
    script = watched(b, url)
    b.go(url + "/?sleep#/mesh")
    until("a map", lambda: b.text("#live") == "live" and
          b.run("return document.querySelector('#map canvas')?.width > 100"))
    b.run("streams[0].close()")

    def lossy():
        cluster.report(lambda a, o: 40 if (a[1], o[1]) == ("leaf-0", "leaf-2") else 0)
        time.sleep(2)
        return [c for c in fetch(url + "/api/1/mesh")["cells"] if c[:2] == [0, 2] and c[4] >= 360]
    until("a loss", lossy)
    check("a page without a stream misses a loss", grade(b, 0, 2) != "#7a1010")
    b.run("const now = Date.now; Date.now = () => now() + 8 * 3600e3;")
    until("what was missed", lambda: lossy() and grade(b, 0, 2) == "#7a1010")
    check("after a sleep, it opens a new one, and shows what it has missed",
          b.run("return streams.length") > 1 and b.text("#live") == "live")
    b.devtools("Page.removeScriptToEvaluateOnNewDocument", identifier=script)


# Five minutes of a page that is not shown; arguments[0]: whether it hears something.
MINUTES = """
for (let i = 0; i < 5; i++) {
    ahead += 60e3;
    if (arguments[0])
        streams.at(-1).dispatchEvent(new MessageEvent('status', { data: '{}' }));
    for (const f of ticks)
        f();
}
return streams.length;
"""


def hidden(b, url):
    """A page that is hidden keeps its stream, unless that has ended."""
    script = watched(b, url)
    b.go(url + "/?hidden#/status")
    until("the page", lambda: b.text("#live") == "live")
    b.run("""const now = Date.now;
        window.ahead = 0;
        Date.now = () => now() + ahead;
        Object.defineProperty(document, 'hidden', { get: () => window.dark });
        window.dark = true;""")
    check("a hidden page whose timers are late keeps its stream", b.run(MINUTES, True) == 1)
    check("and when it is shown again", b.run("""
        ahead += 32e3;
        window.dark = false;
        document.dispatchEvent(new Event('visibilitychange'));
        for (const f of ticks)
            f();
        return streams.length;""") == 1)
    check("but not one that says nothing", b.run("window.dark = true;" + MINUTES, False) > 1)
    b.devtools("Page.removeScriptToEvaluateOnNewDocument", identifier=script)


def left_open(b, url):
    """A page that gets events for long does not grow, once Chromium's memory of some thousand
    requests is full."""
    script = watched(b, url)
    for view, event, first, n in (("hosts", "status", 200, 500), ("mesh", "mesh", 3600, 1500),
                                  ("incidents", "incident", 3600, 1500)):
        b.go(f"{url}/?{view[:4]}#/{view}")
        until(view, lambda: b.text("h2") and "loading" not in b.text("main"))
        b.run(EVENTS, event)
        until("requests", lambda first=first: b.run("return asks") > first)
        before = heap(b)
        until("more requests", lambda n=first + n: b.run("return asks") > n)
        after = heap(b)
        print("#", view, before, after)
        check(f"{view}: {n} requests later it is as large as after {first}",
              after[0] < 1.1 * before[0] + 300000 and after[1] < 1.2 * before[1] + 200 and
              after[2] < 1.2 * before[2] + 50)
    b.go("about:blank")  # its requests would take the places of others
    b.devtools("Page.removeScriptToEvaluateOnNewDocument", identifier=script)
