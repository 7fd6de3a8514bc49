# SPDX-License-Identifier: Apache-2.0
"""recording.py DIRECTORY: makes tests/web/recorded.* of what tests/vm/test_culprit.py has left in
DIRECTORY: what real daemons published (topics), what was done to links meanwhile (netem), and which
addresses switches have (switches). One fault is kept, with the quiet before it.

CULPRIT_SEED=8 CULPRIT_ALL_HOSTS=1 CULPRIT_RATE=20 CULPRIT_KINDS=up CULPRIT_FAULTS=1 \\
    tests/vm/run --sudo --kernel 7.2 --icount-idle --memory 2048 --out DIRECTORY -- \\
    tests/vm/test_culprit.py drawn"""

import collections
import glob
import lzma
import os
import sys
import threading
import time

import msgpack

HERE = os.path.dirname(os.path.abspath(__file__))
PREFIX = "rpingmesh/1/"
KINDS = ("host", "path", "report")
AFTER_S = 15
Message = collections.namedtuple("Message", "time kind topic record")
Change = collections.namedtuple("Change", "time what a b argv")


def parse(line):
    when, topic, *data = line.split(" ")
    kind = topic.removeprefix(PREFIX).split("/")[0]
    data = bytes.fromhex(data[0]) if data and data[0] else b""
    if kind in KINDS and data:
        return Message(float(when), kind, topic, msgpack.unpackb(data, strict_map_key=False))
    return None


def changes(lines):
    return [Change(float(t), what, a, b, argv) for t, what, a, b, *argv in map(str.split, lines)]


def make(directory):
    with open(os.path.join(directory, "netem"), encoding="utf-8") as f:
        netem = f.read().splitlines()[:2]
    begin, end = changes(netem)
    assert begin.argv and not end.argv and (begin.a, begin.b) == (end.a, end.b), netem
    with open(glob.glob(os.path.join(directory, "topics*"))[0], encoding="utf-8") as f:
        messages = list(filter(None, map(parse, f)))
    with lzma.open(os.path.join(HERE, "recorded.xz"), "wb", preset=9) as f:
        for m in (m for m in messages if m.time < end.time + AFTER_S):
            f.write(msgpack.packb(list(m)))
    with open(os.path.join(HERE, "recorded.netem"), "w", encoding="utf-8") as f:
        f.write("".join(line + "\n" for line in netem))
    with open(os.path.join(directory, "switches"), encoding="utf-8") as f:
        switches = f.read()
    with open(os.path.join(HERE, "recorded.switches"), "w", encoding="utf-8") as f:
        f.write(switches)


def read():
    """All messages, and what was done to links."""
    with lzma.open(os.path.join(HERE, "recorded.xz")) as f:
        messages = [Message(*m) for m in msgpack.Unpacker(f, strict_map_key=False)]
    with open(os.path.join(HERE, "recorded.netem"), encoding="utf-8") as f:
        return messages, changes(f.read().splitlines())


def leaves():
    with open(os.path.join(HERE, "recorded.switches"), encoding="utf-8") as f:
        return sorted(line.split()[0] for line in f if line.startswith("leaf"))


def shifted(value, ns):
    """The same with other times of the wall clock."""
    if isinstance(value, dict):
        return {k: v + ns if k in ("time_ns", "begin_ns", "end_ns") and isinstance(v, int) and
                v > 10**18 else shifted(v, ns) for k, v in value.items()}
    return [shifted(v, ns) for v in value] if isinstance(value, list) else value


class Replay(threading.Thread):
    """Publishes what was recorded from a time on, as fast as it was: bus.publish(topic, payload,
    retained). Registrations and paths of before come first, at once."""

    def __init__(self, bus, messages, begin):
        super().__init__(daemon=True)
        self.bus, self.messages, self.begin = bus, messages, begin
        self.end, self.later = threading.Event(), time.time() - begin

    def when(self, recorded):
        """The time at which what was then is now."""
        return recorded + self.later

    def publish(self, m):
        record = shifted(m.record, int(self.later * 1e9))
        self.bus.publish(m.topic, msgpack.packb(record), m.kind == "host")

    def run(self):
        for m in self.messages:
            if m.time < self.begin and m.kind == "report":
                continue
            if not self.end.wait(max(0, self.when(m.time) - time.time())):
                self.publish(m)

    def stop(self):
        self.end.set()
        self.join()


if __name__ == "__main__":
    make(sys.argv[1])
