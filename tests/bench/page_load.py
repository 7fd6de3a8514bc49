# SPDX-License-Identifier: Apache-2.0
"""What a browser needs to show the mesh of a large cluster: report_load.py --page. Times are wall
time, of requests on loopback and of Debian's Chromium: from the start of the navigation, or from a
click, until the map is drawn."""

import json
import os
import sys
import tempfile
import time
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path += [os.path.join(HERE, "../web"), os.path.join(HERE, "../cli")]
from webdriver import Browser  # pylint: disable=wrong-import-position

# Runs before the scripts of the page. The frame after the one in which a map is drawn shows it.
WATCH = """
window.begun = 0;
window.drawn = null;
const look = () => {
    const c = document.querySelector('#map canvas');
    if (drawn === null && c?.width > 50 && c.getAttribute('aria-label'))
        requestAnimationFrame(() => { drawn ??= performance.now() - begun; });
    requestAnimationFrame(look);
};
requestAnimationFrame(look);
window.go = (hash) => {
    document.querySelector('#map canvas')?.remove();
    begun = performance.now();
    drawn = null;
    location.hash = hash;
};
"""


def wait_for(b):
    for _ in range(1200):
        ms = b.run("return window.drawn")
        if ms is not None:
            return ms
        time.sleep(0.1)
    raise SystemExit(f"no map in two minutes: {b.text('main')}")


def fetch(url, path):
    begin = time.monotonic()
    with urllib.request.urlopen(url + path, timeout=120) as answer:
        text = answer.read()
    mesh = json.loads(text)
    print(f"    {path}: {1000 * (time.monotonic() - begin):.0f} ms, {len(text) / 1000:.0f} kB, "
          f"{len(mesh['names'])} names, {len(mesh['cells'])} cells")
    return mesh


def part(*names):
    return "/".join(urllib.parse.quote(n, safe="") for n in names)


def pairs(mesh):
    """The row and column of the first pair that is not one with itself."""
    cell = next((c for c in mesh["cells"] if c[0] != c[1]), mesh["cells"][0])
    return mesh["names"][cell[0]], mesh["names"][cell[1]]


def complete(url):
    """Waits for a picture that has been begun since reports came."""
    begin, seen = time.time(), 0
    while not seen:
        with urllib.request.urlopen(url + "/api/1/mesh?pods=1", timeout=120) as answer:
            mesh = json.load(answer)
        seen += bool(mesh["cells"]) and mesh["time_ns"] > begin * 1e9
        if time.time() > begin + 120:
            raise SystemExit("no picture in two minutes")
        time.sleep(0.5)
    print(f"    a picture of now after {time.time() - begin:.0f} s; it is "
          f"{time.time() - mesh['time_ns'] / 1e9:.0f} s old when it is complete")


def measure(url, port):
    print("  the page:")
    complete(url)
    pods = fetch(url, "/api/1/mesh?pods=1")
    tors = fetch(url, "/api/1/mesh")
    two = pairs(tors)
    fetch(url, "/api/1/mesh?from={}&to={}".format(*(part(t) for t in two)))
    with tempfile.TemporaryDirectory() as directory:
        b = Browser(directory, port)
        try:
            b.resize(1600, 1000)
            b.devtools("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
            b.go(url + "/")
            print(f"    first matrix ({'pods' if pods.get('pods') else 'ToRs'}): "
                  f"{wait_for(b):.0f} ms")
            b.go(url + "/?again")
            print(f"    again: {wait_for(b):.0f} ms")
            for what, place in ([("ToRs of two pods", "pods/" + part(*pairs(pods)))]
                                if pods.get("pods") else []) + [
                                    ("ports of two ToRs", "mesh/" + part(*two))]:
                b.run("go(arguments[0])", f"#/{place}")
                print(f"    {what}: {wait_for(b):.0f} ms", flush=True)
        finally:
            b.close()
