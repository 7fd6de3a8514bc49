# SPDX-License-Identifier: Apache-2.0
"""The fields and methods as rpingmesh-records(5) and rpingmesh-control(7) list them, and whether a
decoded object fits.

A section `.Ss Map NAME` lists fields: `.It Va NAME Pq TYPE; CLAUSE; ...` is one, `.It Sx Map OTHER`
stands for those of another map. TYPE is a word of TYPES, `value` (what a key of a configuration may
have: a number, a boolean, a string or a list of such), `map NAME`, `list of TYPE` or `table of
TYPE`, or several joined by " or ". The clauses that mean something to a program are `A to B`, `one
of A, B` (the last one), and `only ...` or `optional`: the key may be missing. `.Ss Method NAME` has
parameters in the same way, and `Right: change.`, `Answer: TYPE.`, `Notification: NAME, TYPE.` each
on a line of its own."""

import os
import re

PAGES = ("man/rpingmesh-records.5", "man/rpingmesh-control.7")
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
    def __init__(self, top="."):
        self.maps = {}     # name -> {field: Field or None for an included map, by its heading}
        self.methods = {}  # name -> Method
        for page in PAGES:
            with open(os.path.join(top, page), encoding="utf-8") as f:
                self.read(f, page)

    def read(self, lines, page):
        fields = method = None
        for number, line in enumerate(lines, 1):
            line = line.rstrip("\n")
            head = re.match(r"\.S[sh] (.*)", line)
            if head:
                kind, _, name = head[1].partition(" ")
                fields = method = None
                if line.startswith(".Ss Map "):
                    fields = self.maps.setdefault(name, {})
                elif line.startswith(".Ss Method "):
                    method = self.methods[name] = Method()
                    fields = method.params
                continue
            if fields is None:
                continue
            item = re.match(r"\.It (Va (\w+)|Sx Map (\w+)) ?(Pq (.*))?$", line)
            if line.startswith(".It ") and not item:
                raise ValueError(f"{page}:{number}: neither a field nor a map: {line}")
            if item and item[2]:
                if item[2] in fields:
                    raise ValueError(f"{page}:{number}: {item[2]} stands there twice")
                fields[item[2]] = Field(item[5])
            elif item:
                fields["+" + item[3]] = bool(item[5])
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
        for key, field in self.maps[name].items():
            if not key.startswith("+"):
                out[key] = field
                continue
            for k, f in self.fields(key[1:]).items():
                copy = Field(f.spec)
                copy.optional = f.optional or field
                out[k] = copy
        return out

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
        bad = [f"{where}.{k}: not in the manual's Map {name}" for k in value if k not in known]
        for k, field in known.items():
            if k in value:
                bad += self.problems(value[k], field.type, f"{where}.{k}", field)
            elif not field.optional:
                bad.append(f"{where}.{k}: missing, though the manual's Map {name} has it")
        return bad
