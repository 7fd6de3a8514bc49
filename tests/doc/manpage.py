# SPDX-License-Identifier: Apache-2.0
"""What the daemon sends, and whether a decoded object fits: maps from the table in the code
(tables.py), methods as rpingmesh-control(7) lists them.

`.Ss Method NAME` has parameters, `.It Va NAME Pq TYPE; CLAUSE; ...`, and `Right: change.`, `Answer:
TYPE.`, `Notification: NAME, TYPE.` each on a line of its own. TYPE is as in src/record/records.h;
the clauses that mean something here are `A to B`, `one of A, B`, and `only ...` or `optional`: the
key may be missing."""

import os
import re

import tables

PAGE = "man/rpingmesh-control.7"
TYPES = {"integer": int, "number": float, "string": str, "boolean": bool, "nil": type(None)}
INTEGER_MAX = 2**64 - 1


class Field:
    """One field: what its values may be."""

    def __init__(self, spec):
        clauses = [c.strip() for c in spec.split(";")]
        self.spec = spec
        self.type = clauses[0]
        self.range = None
        self.values = None
        self.optional = False
        for clause in clauses[1:]:
            numbers = re.fullmatch(r"(\d+) to (\d+)", clause)
            if numbers:
                self.range = (int(numbers[1]), int(numbers[2]))
            elif clause.startswith("one of "):
                self.values = clause[len("one of "):].split(", ")
            elif clause.startswith("only ") or clause == "optional":
                self.optional = True


class Method:
    def __init__(self):
        self.change = False
        self.params = {}
        self.answer = None
        self.notifications = {}


class Pages:
    def __init__(self, top=".", partial=False):
        """partial: a map may lack any of its fields, as that of an older daemon does."""
        self.partial = partial
        self.methods = {}  # name -> Method
        with open(os.path.join(top, PAGE), encoding="utf-8") as f:
            self.read(f)

    def read(self, lines):
        method = None
        for number, line in enumerate(lines, 1):
            line = line.rstrip("\n")
            if re.match(r"\.S[sh] ", line):
                name = re.match(r"\.Ss Method (\w+)", line)
                method = self.methods.setdefault(name[1], Method()) if name else None
            elif method and line.startswith(".It "):
                item = re.match(r"\.It Va (\w+) Pq (.*)$", line)
                if not item or item[1] in method.params:
                    raise ValueError(f"{PAGE}:{number}: no parameter, or one twice: {line}")
                method.params[item[1]] = Field(item[2])
            elif method:
                self.read_method(method, line)

    @staticmethod
    def read_method(method, line):
        said = re.fullmatch(r"(Right|Answer|Notification): (.*)\.", line)
        if said and said[1] == "Right":
            method.change = said[2] == "change"
        elif said and said[1] == "Answer":
            method.answer = said[2]
        elif said:
            name, _, kind = said[2].partition(", ")
            method.notifications[name] = kind

    def fields(self, name):
        """All fields of a map, those of included maps among them: {name: Field}."""
        out = {}
        for row in tables.rows(name):
            if "include" not in row:
                out[row["name"]] = Field(tables.spec(name, row))
                continue
            for key, field in self.fields(row["include"]).items():
                field.optional = field.optional or "only" in row
                out[key] = field
        return out

    def notifications(self):
        """{name: type} of what a method may make the daemon send."""
        told = {n: kind for m in self.methods.values() for n, kind in m.notifications.items()}
        return told | {"dropped": "map dropped"}

    def problems(self, value, kind, where="", field=None):
        """What is wrong with a decoded object of this type; [] if nothing is."""
        kinds = [kind] if kind.startswith(("list of ", "table of ")) else kind.split(" or ")
        found = [self.problems_of(value, k, where, field) for k in kinds]
        return [] if [] in found else min(found, key=len)

    def problems_of(self, value, kind, where, field):
        if kind.startswith(("list of ", "table of ")):
            return self.problems_inside(value, kind, where)
        if kind == "value":
            elements = value if type(value) is list else [value]
            return [f"{where}: {e!r} is no value of a key" for e in elements
                    if type(e) not in (int, bool, str)]
        if kind.startswith("map "):
            return self.problems_map(value, kind[4:], where)
        if type(value) is not TYPES[kind]:
            return [f"{where}: {value!r} is no {kind}"]
        low, high = field.range if field and field.range else (0, INTEGER_MAX)
        if (kind in ("integer", "number") and (kind == "integer" or field and field.range) and
                not low <= value <= high):
            return [f"{where}: {value} is not from {low} to {high}"]
        if kind == "string" and field and field.values and value not in field.values:
            return [f"{where}: {value!r} is none of {field.values}"]
        return []

    def problems_inside(self, value, kind, where):
        outer, _, inner = kind.partition(" of ")
        if type(value) is not {"list": list, "table": dict}[outer]:
            return [f"{where}: {value!r} is no {outer}"]
        if outer == "table":
            bad = [f"{where}: key {k!r} is no string" for k in value if type(k) is not str]
            return bad + [p for k, v in value.items()
                          for p in self.problems(v, inner, f"{where}.{k}")]
        union = inner.split(" or ")
        return [p for i, v in enumerate(value)
                for p in min((self.problems_of(v, u, f"{where}[{i}]", None) for u in union),
                             key=len)]

    def problems_map(self, value, name, where):
        if type(value) is not dict:
            return [f"{where}: {value!r} is no map"]
        known = self.fields(name)
        bad = [f"{where}.{k}: not in the table of Map {name}" for k in value if k not in known]
        for k, field in known.items():
            if k in value:
                bad += self.problems(value[k], field.type, f"{where}.{k}", field)
            elif not field.optional and not self.partial:
                bad.append(f"{where}.{k}: missing, though the table of Map {name} has it")
        return bad
