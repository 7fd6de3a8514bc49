# SPDX-License-Identifier: Apache-2.0
"""killed.py BUILD: rpingmesh-central is killed by SIGKILL at any moment, while incidents open and
close and an operator speaks to them, and started again, KILLED_ROUNDS times (6). Each time it has
all that it had told before, and nothing twice. Broker, fabric and hosts are those of culprit.py.
KILLED_SEED draws the moments."""

import os
import random
import shutil
import sqlite3
import sys
import tempfile
import time

from checks import check, until
from culprit import World

ROUNDS = int(os.environ.get("KILLED_ROUNDS", 6))
SEED = int(os.environ.get("KILLED_SEED", 1))
FAULTS = ({}, {("leaf1", "spine2"): 0.4}, {"h31": 0.4}, {("leaf1", "spine2"): 0.4, "h31": 0.4})
LASTING = ("opened", "reopened", "closed", "acknowledged", "muted", "unmuted")


class Killed:
    def __init__(self, world):
        self.world, self.random = world, random.Random(SEED)
        self.broken, self.opened, self.logs = 0, set(), 0

    def incidents(self):
        return self.world.ctl("--json", "incidents", "--all")[1]

    def stories(self):
        """What must last of each incident, by id."""
        known = {}
        for i in self.incidents():
            _, story = self.world.ctl("--json", "incident", i["id"])
            if story:
                known[i["id"]] = story[0]
        return known

    def speak(self, ids):
        """An operator says something of an incident, or nothing."""
        ident, what = self.random.choice(ids), self.random.randrange(4)
        reason = ("--reason", f"word {self.random.randrange(10**6)}")
        if what == 0:
            self.world.ctl("incident", ident, "--ack", *reason)
        elif what == 1:
            self.world.ctl("incident", ident, "--mute", "--until", "1h", *reason)
        elif what == 2:
            self.world.ctl("incident", ident, "--unmute", *reason)

    def restart(self):
        # Some time passes, so that the end falls on any moment of what central does.
        time.sleep(self.random.random() * 0.5)
        self.world.central.kill()
        self.world.central.wait()
        self.database()
        log = self.world.path("central.db-wal")
        self.logs += os.path.exists(log) and os.path.getsize(log) > 0
        self.world.start_central()
        until("central is back", lambda: self.world.ctl("--json", "status")[0] == 0)

    def database(self):
        """The database is whole. It is a copy that is looked at: whoever opens the files
        first recovers what SIGKILL has left in the log, and that is central's task."""
        with tempfile.TemporaryDirectory() as copy:
            for end in ("", "-wal", "-shm"):
                if os.path.exists(self.world.path("central.db" + end)):
                    shutil.copy(self.world.path("central.db" + end), copy)
            db = sqlite3.connect(os.path.join(copy, "central.db"))
            self.hold("the database is whole",
                      db.execute("PRAGMA integrity_check").fetchone()[0] == "ok")
            db.close()

    def hold(self, what, good, *about):
        if not good:
            self.broken += 1
            print(f"# round {self.n}: not so: {what}", *about, flush=True)

    def same(self, before, after):
        for ident, was in before.items():
            now = after.get(ident)
            self.hold("each incident is there", now, ident)
            if not now:
                continue
            self.hold("it has opened as often", now["opens"] >= was["opens"], was, now)
            self.hold("what was said holds", all(now[key] == was[key] for key in (
                "acknowledged", "first_ns")) or now["opens"] > was["opens"], was, now)
            told = [(e["time_ns"], e["what"]) for e in now["events"]]
            self.hold("its story goes on", all(
                (e["time_ns"], e["what"]) in told for e in was["events"]
                if e["what"] in LASTING) or len(told) >= 64, was["events"], told)

    def once(self):
        every = self.incidents()
        ids = [i["id"] for i in every]
        self.hold("no id is there twice", len(ids) == len(set(ids)), ids)
        first = [i["culprits"][0]["name"] for i in every if i["state"] == "open"]
        self.hold("no culprit is there twice", len(first) == len(set(first)), first)
        self.opened |= set(ids)

    def round(self, n):
        self.n = n
        if self.random.random() < 0.4:
            self.world.fabric.bad = self.random.choice(FAULTS)
        for _ in range(self.random.randrange(1, 3)):
            self.world.turn()
        before = self.stories()
        if before:
            self.speak(sorted(before))
            before = self.stories()
        self.restart()
        self.same(before, self.stories())
        for host in self.world.fabric.hosts:
            self.world.fabric.trace(host)
        self.world.turn()
        self.once()


def main():
    with tempfile.TemporaryDirectory() as directory:
        world = World(directory)
        try:
            world.form(5)
            killed = Killed(world)
            world.fabric.bad = FAULTS[3]
            world.wait("two things are found", lambda: len(world.blamed()) == 2)
            for n in range(ROUNDS):
                killed.round(n)
            check(f"{ROUNDS} times, incidents were as before, and none was there twice",
                  not killed.broken)
            check("central had a log to recover", killed.logs > 0)
            check("they were those of what was broken", len(killed.opened) >= 2)
            print("#", len(killed.opened), "incidents in all", flush=True)
        finally:
            world.end()
            if check.failed:
                world.explain()
    sys.exit(check.failed > 0)


if __name__ == "__main__":
    main()
