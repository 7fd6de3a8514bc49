#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""rpingmesh-records(5) and rpingmesh-control(7) from their *.in and the table of records: `@fields
MAP@` becomes the list of the map's fields. Compares; the exit status is 1 if a page is not what it
should be. With --write it writes the pages instead."""

import os
import re
import sys
import textwrap

import tables

TOP = os.environ.get("top_srcdir", ".")
# A marked word, a page or a heading, with what may stand around it.
MACRO = r"(\(?)(?:`([^`]+)`|([\w.-]+)\((\d)\)|(Map [a-z_]+))([.,;:)]*)"
PAGES = ("man/rpingmesh-records.5", "man/rpingmesh-control.7")


def plain(text):
    return textwrap.wrap(text.strip().replace("\\", "\\e"), 80, break_long_words=False,
                         break_on_hyphens=False)


def mdoc(text):
    """A meaning as lines of mdoc: a sentence begins on a new line; marked words and references are
    macros."""
    for sentence in re.split(r"(?<=[.]) (?=[A-Z`])", text):
        at = 0
        for macro in re.finditer(rf"(?<!\S){MACRO}(?!\S)", sentence):
            yield from plain(sentence[at:macro.start()])
            at = macro.end()
            lead, word, name, section, heading, trail = macro.groups()
            kind, what = ("Cm", word) if word else ("Sx", heading) if heading else ("Xr", name)
            yield " ".join([f".{kind}", *lead, what, *([section] if section else []), *trail])
        yield from plain(sentence[at:])


def fields(name):
    yield ".Bl -tag -width Ds -compact"
    for field in tables.rows(name):
        head = f"Sx Map {field['include']}" if "include" in field else f"Va {field['name']}"
        spec = tables.spec(name, field)
        yield f".It {head}" + (f" Pq {spec}" if spec else "")
        yield from mdoc(field["meaning"])
    yield ".El"


def page(path):
    with open(os.path.join(TOP, path + ".in"), encoding="utf-8") as f:
        text = f.read()
    head, _, rest = text.partition("\n")
    rest = re.sub(r"^@fields (\w+)@$", lambda m: "\n".join(fields(m[1])), rest, flags=re.M)
    made = f'.\\" Made by "make man-records" of {path}.in and src/record/records*.c.'
    return f"{head}\n{made}\n{rest}"


def main():
    status = 0
    for path in PAGES:
        text = page(path)
        if sys.argv[1:] == ["--write"]:
            with open(os.path.join(TOP, path), "w", encoding="utf-8") as f:
                f.write(text)
            continue
        with open(os.path.join(TOP, path), encoding="utf-8") as f:
            if f.read() != text:
                print(f"{path} is not as {path}.in and the table have it: make man-records")
                status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
