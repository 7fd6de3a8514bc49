#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The families of metrics in src/agent/tell/metrics_family.c against rpingmeshd(8): each is
described there by the words of its HELP line, and those of devices and paths have these labels.
(The labels of the others are compared by tests/package/prometheus.sh, with a daemon.) The same for
those of central, whose table names all labels."""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import metricspage  # noqa: E402

TOP = os.environ.get("top_srcdir", ".")
DEVICE = [{"device"}, {"port"}]
PATH = [{"device"}, {"peer", "tor"}, {"kind"}]


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as f:
        return f.read()


def words(mdoc):
    """The text of an item without marks and without its line of labels."""
    lines = [line for line in mdoc.splitlines() if not line.startswith(("Labels: ", ".El"))]
    return re.sub(r" ([.,;])", r"\1",
                  " ".join(re.sub(r"^\.(?:Li|Cm|Ic) ", "", line) for line in lines))


def items_of(page):
    """{name of a family: its description}"""
    section = read(page).partition("\n.Sh METRICS\n")[2].partition("\n.Sh ")[0]
    return dict(re.findall(r"^\.It Li (\w+)\n(.*?)(?=^\.It|\Z)", section, re.S | re.M))


def central():
    items = items_of("man/rpingmesh-central.8")
    labels = metricspage.in_manual(TOP, "rpingmesh-central.8")
    rows = re.findall(
        r'\{\{"(\w+)", \w+, (?:NULL|"\w+"), "([^"]*)"\}, AT\(\w+\)(?:, BY\("(\w+)")?',
        re.sub(r'" "', "", re.sub(r"\s+", " ", read("src/central/tell/central_metrics.c"))))
    rows += [(*row, None) for row in re.findall(
        r'\{\{"(\w+)", GAUGE, (?:NULL|"\w+"), "([^"]*)"\}, central_metrics_\w+\}',
        re.sub(r'" "', "", re.sub(r"\s+", " ", read("src/central/tell/central_metrics_lists.c"))))]
    for name, said, label in rows:
        if words(items.get(name, "")) != said:
            yield (f"{name}: rpingmesh-central(8) says \"{words(items.get(name, ''))}\", "
                   f"its HELP line \"{said}\"")
        # Of those that are lists, tests/cli/incident_metrics.sh compares the labels.
        if label is not None and name in labels and (
                labels[name].labels != [{label}] * bool(label)):
            yield f"{name}: rpingmesh-central(8) names other labels than it has"
    if len(rows) < 38:
        yield f"only {len(rows)} families of central were found"


def main():
    items = items_of("man/rpingmeshd.8")
    labels = {name: family.labels for name, family in metricspage.in_manual(TOP).items()}
    rows = re.findall(
        r'\{\{"(\w+)", EXPOSITION_(\w+), (?:NULL|"\w+"), "([^"]*)"\}, \.(\w+) = (\w+)\}',
        re.sub(r'" "', "", re.sub(r"\s+", " ", read("src/agent/tell/metrics_family.c"))))
    bad = list(central())
    for name, shape, said, kind, function in rows:
        if words(items.get(name, "")) != said:
            bad.append(f"{name}: rpingmeshd(8) says \"{words(items.get(name, ''))}\", "
                       f"its HELP line \"{said}\"")
        path = PATH + [{"class"}] if function == "metrics_path_classes" else PATH
        if shape == "HISTOGRAM":
            path = [{"device"}, {"peer", "tor", "none"}, {"kind"}]
        has = {"device": DEVICE, "path": path}.get(kind, labels.get(name))
        if labels.get(name) != has:
            bad.append(f"{name}: rpingmeshd(8) names other labels than it has")
    if len(rows) < 40:
        bad.append(f"only {len(rows)} families were found: "
                   "does this script still understand the code?")
    for b in bad:
        print(b)
    sys.exit(1 if bad else 0)


main()
