#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""rpingmesh-records(5) and rpingmesh-control(7) against the code, both ways: each map, each key and
its type, each method, its right and its parameters. Prints what differs; the exit status is 1 if
anything does."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import manpage  # noqa: E402
import records_in_code  # noqa: E402

# Packed by hand in src/serve/rpc.c, which knows no records; they are checked on the wire.
BY_HAND = {"error", "method", "dropped", "nothing"}
# Printed by rpingmesh-ctl; tests/cli/ctl_cli.sh compares them (ctl_json.py).
BY_CTL = {"matrix_cell", "path_histogram", "histogram_row", "flow_group", "recording_totals"}
# Parts that the manual lists once for several maps.
SHARED = {"totals", "classes", "verdict", "who"}


def fits(code, page):
    if code == "nested" or page.startswith(("map ", "list ", "table ", "value")):
        return code in ("nested", "nil") and page.startswith(("map ", "list ", "table ", "value"))
    return code in (page, page.replace(" or nil", "")) if code == "string" else code == page


def compare_map(name, code, page):
    for key in sorted(set(code) | set(page)):
        if key not in page:
            yield f"map {name}: the code packs \"{key}\", the manual does not have it"
        elif key not in code:
            yield f"map {name}: the manual has \"{key}\", the code does not pack it"
        elif not fits(code[key], page[key].type):
            yield (f"map {name}: \"{key}\" is {code[key]} in the code, "
                   f"{page[key].type} in the manual")


def compare(top):
    pages, code = manpage.Pages(top), records_in_code.Code(top)
    yield from code.unknown
    # Maps of data have no fields of their own.
    coded = {name: keys for name, keys in code.maps.items() if keys}
    for name in sorted(set(coded) | set(pages.maps)):
        if name not in pages.maps:
            yield f"map {name}: in the code, not in the manual"
        elif name in coded:
            yield from compare_map(name, coded[name], pages.fields(name))
        elif name not in BY_HAND | SHARED | BY_CTL:
            yield f"map {name}: in the manual, not in the code"
    methods = records_in_code.methods(top)
    for name in sorted(set(methods) | set(pages.methods)):
        if name not in pages.methods or name not in methods:
            yield f"method {name}: only in the {'code' if name in methods else 'manual'}"
        elif methods[name] != pages.methods[name].change:
            yield (f"method {name}: right to change: {methods[name]} in the code, "
                   f"{pages.methods[name].change} in the manual")
        elif not pages.methods[name].answer:
            yield f"method {name}: the manual has no line \"Answer: ...\""
    for (name, key), words in records_in_code.words(top).items():
        listed = set(pages.maps[name][key].values or [])
        for word in sorted(words ^ listed):
            yield (f"map {name}: \"{key}\" may be \"{word}\" only by the "
                   f"{'manual' if word in listed else 'code'}")
    known = {p for m in pages.methods.values() for p in m.params}
    for key in sorted(records_in_code.parameters(top) ^ known):
        yield f"parameter {key}: only in the {'manual' if key in known else 'code'}"
    if sum(len(k) for k in coded.values()) < 300 or len(methods) < 17:
        yield "too little was found in the code: does this script still understand it?"


def main():
    problems = list(compare(os.environ.get("top_srcdir", ".")))
    for p in problems:
        print(p)
    sys.exit(1 if problems else 0)


main()
