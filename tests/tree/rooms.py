#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""rooms.py [TREE]: holds the sources to the house. Prints each fault and fails:

- src/rooms: a room may use only rooms that stand above it;
- an include from a room, or of a header of a library, that src/rooms does not give;
- modules that include each other in a circle. A module is X.c with X.h; X_impl.h is a part of X;
- a line of over 100 columns (a tab goes to the next multiple of 8) in C, shell, Python, the build's
  files and HACKING.md."""

import glob
import os
import re
import sys

WIDTH = 100
# What has long lines for a reason: generated or foreign text.
WIDE = ("tests/fuzz/corpus/", "build-aux/", "configure", "libtool")


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


class House:
    """src/rooms."""

    def __init__(self, text):
        self.libraries, self.rooms, self.faults = {}, {}, []
        for line in text.replace("\\\n", " ").splitlines():
            kind, _, rest = line.partition(" ")
            name, _, words = rest.partition(":")
            if kind == "library":
                self.libraries[name] = words.split()
            elif kind == "room":
                rooms, _, libraries = words.partition("|")
                self.add(name, rooms.split(), libraries.split())

    def add(self, name, rooms, libraries):
        for used in rooms:
            if used not in self.rooms:
                self.faults.append(f"src/rooms: {name} uses {used}, which does not stand above it")
        for used in libraries:
            if used not in self.libraries:
                self.faults.append(f"src/rooms: {name} uses {used}, which is no library there")
        self.rooms[name] = (rooms, libraries)

    def room_of(self, path):
        """The room of src/PATH: the longest name that begins it."""
        names = [r for r in self.rooms if path.startswith(r + "/")]
        return max(names, key=len) if names else None

    def library_of(self, header):
        for name, headers in self.libraries.items():
            if any(header == h or (h.endswith("/") and header.startswith(h)) for h in headers):
                return name
        return None


def includes(path):
    for number, line in enumerate(read(path).splitlines(), 1):
        found = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
        if found:
            yield number, found[1], found[2]


def sources(tree):
    for path in sorted(glob.glob(os.path.join(tree, "src/**/*.[ch]"), recursive=True)):
        yield path, os.path.relpath(path, os.path.join(tree, "src"))


def include_faults(tree, house):
    for path, name in sources(tree):
        room = house.room_of(name)
        if room is None:
            yield f"src/{name}: its folder is no room of src/rooms"
            continue
        rooms, libraries = house.rooms[room]
        for number, kind, header in includes(path):
            where = f"src/{name}:{number}: src/{room} may not include {header}"
            library = house.library_of(header) if kind == "<" else None
            if library and library not in libraries:
                yield f"{where}, of {library}"
            if kind != '"' or "/" not in header or header.startswith("rpingmesh/"):
                continue
            theirs = house.room_of(header)
            if theirs is None:
                yield f"{where}: it is in no room"
            elif theirs != room and theirs not in rooms:
                yield f"{where}, of src/{theirs}"


def module(name):
    return re.sub(r"(_impl)?\.[ch]$", "", name)


def circles(tree):
    """Tarjan's strongly connected components, of more than one module."""
    edges = {}
    for path, name in sources(tree):
        mine = edges.setdefault(module(name), set())
        mine |= {module(h) for _, kind, h in includes(path) if kind == '"'} - {module(name)}
    index, low, stack = {}, {}, []

    def visit(v):
        index[v] = low[v] = len(index)
        stack.append(v)
        for w in sorted(edges.get(v, ())):
            if w not in index:
                yield from visit(w)
            if w in stack:
                low[v] = min(low[v], low[w])
        if low[v] == index[v]:
            at = stack.index(v)
            circle = sorted(stack[at:])
            del stack[at:]
            if len(circle) > 1:
                yield "src/: modules include each other in a circle: " + ", ".join(circle)

    for v in sorted(edges):
        if v not in index:
            yield from visit(v)


def is_code(path):
    name = os.path.basename(path)
    if name.endswith((".c", ".h", ".sh", ".py", ".am", ".ac")) or name in ("HACKING.md", "rooms"):
        return True
    if "." in name or not os.path.isfile(path):
        return False
    with open(path, "rb") as f:
        return re.match(rb"#!.*(sh|python3)\b", f.readline()) is not None


def tree_files(tree):
    for folder, folders, names in os.walk(tree):
        # Builds, caches and what VM tests leave lie in the tree as well.
        folders[:] = [d for d in folders if not d.startswith((".git", ".cache", "build", "vm-out"))
                      and not os.path.exists(os.path.join(folder, d, "config.status"))
                      and d not in ("autom4te.cache", "m4", "coverage-build", "fuzz-build")]
        if os.path.exists(os.path.join(folder, "configure.ac")) and folder != tree:
            folders[:] = []
            continue
        for name in names:
            yield os.path.join(folder, name)


def wide_lines(tree):
    for path in sorted(tree_files(tree)):
        name = os.path.relpath(path, tree)
        if (name.startswith(WIDE) and name != "configure.ac") or not is_code(path):
            continue
        for number, line in enumerate(read(path).splitlines(), 1):
            columns = len(line.expandtabs(8))
            if columns > WIDTH:
                yield f"{name}:{number}: {columns} columns; {WIDTH} at most"


def main():
    tree = sys.argv[1] if len(sys.argv) > 1 else "."
    house = House(read(os.path.join(tree, "src/rooms")))
    checks = {
        "src/rooms: each room uses only rooms above it": house.faults,
        "includes": list(include_faults(tree, house)),
        "no circle of modules": list(circles(tree)),
        f"no line over {WIDTH} columns": list(wide_lines(tree)),
    }
    seen = sum(1 for _ in sources(tree))
    if seen < 100:
        checks["includes"].append(f"only {seen} files of src/ were found")
    for name, faults in checks.items():
        print("not ok" if faults else "ok", "-", name)
        for fault in faults[:50]:
            print("# " + fault)
    sys.exit(any(checks.values()))


main()
