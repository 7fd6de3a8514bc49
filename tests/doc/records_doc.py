#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The table of records is sound: the types and the names of maps in it and in rpingmesh-control(7)
exist, each map has a section in one of the pages, and each method a line "Answer: ...". Prints what
is not so."""

import os
import re
import sys

import manpage
import records_page
import tables

PAGES = manpage.Pages(os.environ.get("top_srcdir", "."))


def unknown(kind, where):
    """Types in an expression that there are not."""
    outer, of, inner = kind.partition(" of ")
    if of and outer in ("list", "table"):
        yield from unknown(inner, where)
        return
    for one in kind.split(" or "):
        if one.startswith(("list of ", "table of ")):
            yield from unknown(one, where)
            continue
        name = one.removeprefix("map ")
        is_map = one.startswith("map ") and name in tables.MAPS
        if not is_map and one not in [*manpage.TYPES, "value"]:
            yield f"{where}: there is no type {one}"


def compare():
    sections = []
    for path in records_page.PAGES:
        with open(os.path.join(records_page.TOP, path), encoding="utf-8") as f:
            sections += re.findall(r"^\.Ss Map (\w+)$", f.read(), re.M)
    for name in sorted(set(sections) ^ set(tables.MAPS)):
        known = name in tables.MAPS
        yield f"map {name}: " + ("no page has a section for it" if known else "not in the table")
    for name in tables.MAPS:
        keys = [row["name"] for row in tables.rows(name) if row["name"]]
        yield from (f"map {name}: {key} twice" for key in set(keys) if keys.count(key) > 1)
        for key, field in PAGES.fields(name).items():
            yield from unknown(field.type, f"map {name}: {key}")
    for name, method in PAGES.methods.items():
        if not method.answer:
            yield f"method {name}: the manual has no line \"Answer: ...\""
        kinds = [p.type for p in method.params.values()]
        for kind in [method.answer or "nil", *method.notifications.values(), *kinds]:
            yield from unknown(kind, f"method {name}")
    if sum(len(PAGES.fields(name)) for name in tables.MAPS) < 600 or len(PAGES.methods) < 17:
        yield "too little was found in table and manual: does this script still understand them?"


def main():
    problems = list(compare())
    for p in problems:
        print(p)
    return 1 if problems else 0


sys.exit(main())
