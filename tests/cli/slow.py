# SPDX-License-Identifier: Apache-2.0
"""slow.py BUILD: a link delays a part of what crosses it. rpingmesh-central names it, and says how
long the delay is. Broker, fabric and hosts are those of culprit.py; what they report of RTTs comes
from the delay that this test has chosen."""

import json
import sys
import tempfile

from checks import check
from culprit import RATE, World, address, route

USUAL_NS, DELAY_NS = 20_000, 750_000
LINK = ("leaf1", "spine2")


class Slow:
    """Half of the probes that cross the link, there or back, take longer."""

    def __init__(self, fabric):
        self.fabric, self.on, self.publish = fabric, False, fabric.publish
        fabric.publish = self.publish_slow

    def publish_slow(self, kind, host, record, retained=False):
        if kind == "report" and self.on:
            for place, stream in enumerate(host.streams):
                if (LINK in route(stream.source, stream.destination, stream.port) or
                        LINK in route(stream.destination, stream.source, stream.back)):
                    slow = RATE // 2
                    record["rtt_ns"][place] = USUAL_NS + DELAY_NS * slow // RATE
                    record["rows"].append({"place": place, "classes": {}, "noise": 0,
                                           "noise_lost": 0, "corrected": 0, "slow": slow})
        self.publish(kind, host, record, retained)


def main():
    with tempfile.TemporaryDirectory() as directory:
        world = World(directory)
        slow = Slow(world.fabric)
        try:
            world.form(20)
            slow.on = True
            found = world.wait("a slow link is named", world.blamed)
            print("#", json.dumps(found), flush=True)
            culprit = found[0]["culprits"][0]
            check("one incident, of that link", len(found) == 1 and
                  (culprit["from"], culprit["to"]) == (address(LINK[0]), address(LINK[1])))
            check("its effect is a delay", found[0]["effect"] == "delay")
            check("which is as long as it is", abs(found[0]["delay_ns"] - DELAY_NS) <
                  DELAY_NS // 20)
            for what in ("blame",), ("incident", found[0]["id"]):
                lines = world.ctl(*what)[1]
                print("#", lines[0], flush=True)
                check(f"{what[0]} says so to people",
                      any("adds 7" in line and "us" in line.replace("µs", "us")
                          for line in lines))
            slow.on = False
            world.wait("it is closed", lambda: not world.blamed())
        finally:
            world.end()
            if check.failed:
                world.explain()
    sys.exit(check.failed > 0)


if __name__ == "__main__":
    main()
