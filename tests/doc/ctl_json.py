#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The lines of `rpingmesh-ctl --json` on standard input against rpingmesh-records(5): each that is
of one of its maps, key by key.

    ctl_json.py MAP...      these maps must be among the lines"""

import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import manpage  # noqa: E402

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")


class Pages(manpage.Pages):
    def problems_of(self, value, kind, where, field):
        # JSON has one kind of number.
        number = kind == "number" and type(value) is int
        return super().problems_of(float(value) if number else value, kind, where, field)


def main():
    pages = Pages(TOP)
    # Two maps may have one type: that of a window's field is no line.
    maps = {"histogram": "path_histogram"}
    problems, seen = [], set()
    for line in sys.stdin:
        record = json.loads(line)
        name = maps.get(record["type"], record["type"])
        seen.add(name)
        problems += pages.problems(record, f"map {name}", name)
    problems += [f"no line is a {name}" for name in sys.argv[1:] if name not in seen]
    print("\n".join(problems))
    sys.exit(bool(problems))


main()
