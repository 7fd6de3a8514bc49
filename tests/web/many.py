# SPDX-License-Identifier: Apache-2.0
"""many.py BUILD: 1,250 hosts with 10,000 NICs (tests/bench/report_load.c) at a real central, in a
browser: what is there, and that nobody has to wait long. How long it takes with 100,000 NICs, on a
quiet machine, tests/bench/report_load.py --page measures."""

import os
import subprocess
import sys
import tempfile

from central import World, free_port
from checks import LONG, check, until
from left import fetch
import page_load
from webdriver import Browser

BUILD = os.path.abspath(sys.argv[1])
HOSTS, RAILS, POD = 1250, 8, 64  # of report_made.c
REPORTS_S = 900  # at most
WAIT_MS = 10000  # for a picture; a quiet machine takes less than a tenth


def tors():
    return [f"pod{pod}-rail{rail}" for pod in range(-(-HOSTS // POD)) for rail in range(RAILS)]


def drawn(b, what):
    ms = page_load.wait_for(b)
    print(f"# {what}: {ms:.0f} ms")
    check(f"{what}: nobody waits long", ms < WAIT_MS)


def until_late(what, met):
    """As until(). On a busy machine, central and generator take minutes to come to an end."""
    for _ in range(4):
        try:
            return until(what, met)
        except AssertionError as e:
            print("#", e)
    return until(what, met)


def look(b, url):
    mesh = fetch(url + "/api/1/mesh")
    check("all ToRs of 10,000 NICs are rows and columns", mesh["names"] == tors())
    # Rails are apart: a ToR is probed by those of its rail alone.
    rail = [name.partition("-")[2] for name in mesh["names"]]
    pairs = {(i, k) for i in range(len(rail)) for k in range(len(rail)) if rail[i] == rail[k]}
    check("all pairs of a rail have been probed, and no others", until_late("all pairs", lambda: {
        (c[0], c[1]) for c in fetch(url + "/api/1/mesh")["cells"] if c[2]} == pairs))
    b.devtools("Page.addScriptToEvaluateOnNewDocument", source=page_load.WATCH)
    b.resize(1600, 1000)
    b.go(url + "/")
    drawn(b, "the first matrix")
    check("the map has a cell for each pair", f"{len(tors())} rows and {len(tors())} columns" in
          b.run("return document.querySelector('#map canvas').getAttribute('aria-label')"))
    b.run("""const e = document.getElementById('order');
        e.value = 'rail';
        e.dispatchEvent(new Event('change'))""")
    b.screenshot(os.path.join(BUILD, "tests/web/many.png"))
    b.run("go(arguments[0])", "#/mesh/pod3-rail2/pod4-rail2")
    drawn(b, "the ports of two ToRs")
    check("64 by 64 ports", "64 rows and 64 columns" in
          b.run("return document.querySelector('#map canvas').getAttribute('aria-label')"))
    b.go(url + "/#/hosts")
    until("hosts", lambda: f"the first 1000 of {HOSTS}" in b.text("main"))
    last = sorted(h["host"] for h in fetch(url + "/api/1/hosts")["hosts"])[-1]
    b.run("""const f = document.getElementById('filter');
        f.value = arguments[0];
        f.dispatchEvent(new Event('input'))""", last)
    check("the filter finds one of all hosts, also of those that are not shown",
          b.text("tbody").startswith(last) and f"1 of {HOSTS}" in b.text("main"))


def run(directory, w, url):
    load = subprocess.Popen([os.path.join(BUILD, "tests/bench/report_load"),
                             f"mqtt://127.0.0.1:{w.port}", str(HOSTS), str(REPORTS_S)],
                            stdout=subprocess.PIPE, text=True)
    b = Browser(directory, free_port())
    try:
        while load.stdout.readline().strip() != "reports":
            assert load.poll() is None, "report_load has ended"
        until("all hosts", lambda: fetch(url + "/api/1/mesh")["names"] == tors())
        look(b, url)
        complaints = b.complaints()
        print("#", complaints)
        check("nothing was complained about", [c for c in complaints if " 503 " not in c] == [])
        check("no report was refused", w.status()["reports_refused"] == 0)
    finally:
        b.close()
        load.kill()
        load.wait(LONG)


def main():
    with tempfile.TemporaryDirectory() as directory:
        w, port = World(directory), free_port()
        w.extra = (f'listen = "127.0.0.1:{port}";\nmax_hosts = 2000;\nrails_isolated = true;\n'
                   'paths = 64;')
        os.makedirs(os.path.join(BUILD, "tests/web"), exist_ok=True)
        try:
            w.start_broker()
            w.start_central("one", w.extra)
            run(directory, w, f"http://127.0.0.1:{port}")
            w.stop_central("one")
        finally:
            if w.centrals:
                print(w.log("one"), file=sys.stderr)
            for program in w.centrals.values():
                program.kill()
            w.stop_broker()
    return check.failed > 0


if __name__ == "__main__":
    sys.exit(main())
