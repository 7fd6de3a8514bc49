# SPDX-License-Identifier: Apache-2.0
"""Faults that a seed draws in a Clos, one after the other, and what rpingmesh-central says of each:
for tests/vm/test_culprit.py.

Kinds come in an order that the seed shuffles, each once before one comes again. What is true is
what is broken here; the verdict on each is one of these:

right        every incident that was open meanwhile has the truth as its only or likeliest culprit
cannot tell  every one has the truth among its candidates, but not as the first, or among many
wrong        one was open that does not have it
missed       none that has it came in time"""

import collections
import json
import os
import statistics
import time

RATES = (5, 10, 20, 30, 50, 100)
DELAYS_MS = (5, 10, 20)
OUT = os.environ.get("RPINGMESH_VM_OUT")
EFFECTS = {"slow": "delay", "large": "size"}
# Of a group, and of how many seconds are given to name a culprit, to shrink a group and to close.
GROUP_MAX, NAMED_S, SHRINK_S, CLOSED_S = 3, 240, 10, 600

Fault = collections.namedtuple("Fault", "kind what truth direction argv ends how")
Row = collections.namedtuple("Row", "fault verdict named direction effect seconds group others")


def both(*links):
    return [x for a, b in links for x in ((a, b), (b, a))]


class Draw:
    """faults: of test_culprit.py."""

    def __init__(self, faults):
        self.faults, self.clos, self.random = faults, faults.clos, faults.random
        self.kinds = [name[5:] for name in dir(self) if name.startswith("draw_")]
        self.left = []

    def next(self, kind=None):
        if not self.left:
            self.left = self.random.sample(self.kinds, len(self.kinds))
        kind = kind or self.left.pop()
        return getattr(self, f"draw_{kind}")(kind)

    def fault(self, kind, what, truth, ends, direction="both", argv=None, how=None):
        argv = argv or ("loss", f"{self.random.choice(RATES)}%")
        return Fault(kind, f"{what} {' '.join(argv)}", truth, direction, argv, ends,
                     how or self.clos.fault)

    def ends(self):
        return self.random.choice(self.clos.leaves), self.random.choice(self.clos.spines)

    def draw_nic(self, kind):
        n = self.random.choice(self.faults.hosts)
        return self.fault(kind, f"h{n}", f"host{n}", both((f"h{n}", self.clos.leaf_of(n))))

    def draw_nic_one_way(self, kind):
        n = self.random.choice(self.faults.hosts)
        a, b = self.random.choice(both((f"h{n}", self.clos.leaf_of(n))))
        return self.fault(kind, f"{a} to {b}", f"host{n}", [(a, b)], "one_way")

    def draw_cable(self, kind):
        a, b = self.ends()
        return self.fault(kind, f"{a} and {b}", frozenset((a, b)), both((a, b)))

    def directed(self, kind, a, b, **more):
        return self.fault(kind, f"{a} to {b}", frozenset((a, b)), [(a, b)], "one_way", **more)

    def draw_up(self, kind):
        return self.directed(kind, *self.ends())

    def draw_down(self, kind):
        return self.directed(kind, *reversed(self.ends()))

    def draw_slow(self, kind):
        ends = self.random.choice(both(self.ends()))
        return self.directed(kind, *ends, argv=("delay",
                                                f"{self.random.choice(DELAYS_MS)}ms"))

    def draw_large(self, kind):
        ends = self.random.choice(both(self.ends()))
        argv = ("loss", f"{self.random.choice(RATES[2:])}%")
        return self.directed(kind, *ends, argv=argv, how=self.clos.fault_large)

    def draw_spine(self, kind):
        spine = self.random.choice(self.clos.spines)
        return self.fault(kind, spine, spine, both(*((x, spine) for x in self.clos.leaves)))

    def draw_uplinks(self, kind):
        leaf = self.faults.draw_leaf()
        return self.fault(kind, leaf, leaf, both(*((leaf, x) for x in self.clos.spines)))

    def draw_tuple(self, kind):
        path = self.faults.draw_path()
        leaf, spine, _ = (self.faults.nodes[hop["address"]] for hop in path["hops"])
        name = (f"{path['source']} -> {path['destination']} port {path['src_port']} "
                f"class {path['traffic_class']}")
        match = ("src_port", str(path["src_port"]), "src_ip", path["source"], "dst_ip",
                 path["destination"])
        return Fault(kind, f"{name} at {spine}", name, "one_way", match, [(leaf, spine)],
                     self.clos.blackhole)


class Trial:
    """One fault, from its beginning until all incidents are closed. What happened when, by the
    wall clock, is added to the output directory's file `faults`, a line of JSON each."""

    def __init__(self, faults, fault):
        self.faults, self.fault = faults, fault
        self.seen = {}  # all incidents that were open, as they were last
        self.accused = set()  # first candidates of which the truth was no part, at any moment
        self.seconds = None
        self.times = {}
        self.named = []  # the incidents that were open when the fault ended

    def run(self):
        fault = self.fault
        began = time.monotonic()
        self.times["began"] = time.time()
        try:
            for a, b in fault.ends:
                fault.how(a, b, *fault.argv)
            self.times["applied"] = time.time()
            while self.seconds is None and time.monotonic() - began < NAMED_S:
                if any(self.has_truth(x) for x in self.look()):
                    self.seconds = time.monotonic() - began
                    self.times["seen"] = time.time()
                time.sleep(1)
            end = time.monotonic() + SHRINK_S
            while time.monotonic() < end:
                self.look()
                time.sleep(1)
            named = self.named = self.look()
        finally:
            for a, b in fault.ends:
                fault.how(a, b)
            self.times["ended"] = time.time()
        closed = self.wait_closed()
        self.times["closed"] = time.time()
        row = self.row(named, closed)
        self.keep(row)
        return row

    def keep(self, row):
        opened = [x["since_ns"] / 1e9 for x in self.seen.values() if self.has_truth(x)]
        if opened:
            self.times["opened"] = min(opened)
        if OUT:
            with open(os.path.join(OUT, "faults"), "a") as f:
                json.dump({"kind": row.fault.kind, "what": row.fault.what, "ends": row.fault.ends,
                           "verdict": row.verdict, "named": row.named, "others": row.others,
                           **self.times}, f)
                f.write("\n")

    def wait_closed(self):
        began = time.monotonic()
        while time.monotonic() - began < CLOSED_S:
            if not self.look():
                return time.monotonic() - began
            time.sleep(3)
        return None

    def names(self, incident):
        """Candidates, the likeliest first."""
        prefix = "the host " if incident["kind"] == "host" else ""
        names = [self.faults.name(c) for c in incident["culprits"]]
        return [prefix + x if prefix else x for x in names]

    def has_truth(self, incident):
        return self.fault.truth in self.names(incident)

    def is_part(self, name):
        """A link of the switch that is broken: what is lost first may look like it."""
        return isinstance(name, frozenset) and self.fault.truth in name

    def look(self):
        found = self.faults.blame()
        for x in found:
            self.seen[x["id"]] = x
            if not self.has_truth(x):
                self.accused.add(self.text(x))
        return found

    @staticmethod
    def text(incident):
        return ", ".join(c["name"] for c in incident["culprits"])

    def row(self, named, closed):
        true = [x for x in named if self.has_truth(x)]
        wrong = [x for x in self.seen.values() if not self.has_truth(x)]
        wrong = [x for x in wrong if not self.is_part(self.names(x)[0])]
        group = max((len(set(self.names(x))) for x in true), default=0)
        first = all(self.names(x)[0] == self.fault.truth for x in true)
        verdict = ("missed" if self.seconds is None and not wrong else
                   "wrong" if wrong or not true else
                   "right" if first and group <= GROUP_MAX else "cannot tell")
        direction, effect = ((true[0][key] if true else "-") for key in ("direction", "effect"))
        others = sorted(self.accused - {self.text(x) for x in true})
        if closed is None:
            verdict, others = "wrong", [*others, "does not close"]
        return Row(self.fault, verdict, "; ".join(map(self.text, named)), direction, effect,
                   self.seconds, group, others)


def line(row):
    seconds = "-" if row.seconds is None else f"{row.seconds:.0f}"
    also = f" | also: {'; '.join(row.others)}" if row.others else ""
    return (f"{row.verdict:<11} | {row.fault.kind:<11} | {row.fault.what} | {row.named or '-'} | "
            f"{row.direction} | {row.effect} | {seconds} s | {row.group}{also}")


def summary(rows):
    count = collections.Counter(row.verdict for row in rows)
    seconds = [row.seconds for row in rows if row.seconds is not None]
    directed = [row for row in rows if row.verdict == "right" and
                isinstance(row.fault.truth, frozenset)]
    ways = sum(row.direction == row.fault.direction for row in directed)
    named = [row for row in rows if row.verdict == "right"]
    effects = sum(row.effect == EFFECTS.get(row.fault.kind, "loss") for row in named)
    return (f"{len(rows)} faults: " + ", ".join(f"{count[x]} {x}" for x in (
        "right", "cannot tell", "wrong", "missed")) +
        f"; median {statistics.median(seconds) if seconds else 0:.0f} s, longest "
        f"{max(seconds, default=0):.0f} s; direction of {ways} of {len(directed)} links and "
        f"effect of {effects} of {len(named)} right")
