# SPDX-License-Identifier: Apache-2.0
"""The tables in the C code, as tests/doc/tables prints them: classes of probes, and every map of
the records with its fields."""

import json
import os
import subprocess

BUILD = os.environ.get("top_builddir", os.environ.get("RPINGMESH_BUILD", "."))
_tables = json.loads(subprocess.check_output([os.path.join(BUILD, "tests/doc/tables")]))

CLASSES = _tables["classes"]
LOST = {name for name, c in CLASSES.items() if c["lost"]}
ANSWERED = {name for name, c in CLASSES.items() if c["answered"]}
MAPS = _tables["maps"]


def rows(name):
    """The fields of a map, those of an included map left out; a class of probes is a field, too."""
    for field in MAPS[name]:
        if not field["classes"]:
            yield field
            continue
        for key, c in CLASSES.items():
            meaning = f"Probes of this class: {c['meaning']}."
            yield {"name": key, "type": "integer", "meaning": meaning}


def words(name, key):
    """What the string may be; None: anything."""
    for field in MAPS[name]:
        if field["name"] == key:
            return field["one_of"].split(", ") if "one_of" in field else field.get("words")
    return None


def spec(name, field):
    """What stands in brackets behind a field's name: type; unit; range; values; when it is
    there."""
    out = [] if "include" in field else [field["type"]]
    if "unit" in field:
        out.append(field["unit"])
    if "range" in field:
        out.append(f"{field['range'][0]} to {field['range'][1]}")
    allowed = words(name, field["name"])
    if allowed:
        out.append("one of " + ", ".join(allowed))
    if "only" in field:
        out.append("only " + field["only"])
    if "since" in field:
        out.append("since " + field["since"])
    return "; ".join(out)
