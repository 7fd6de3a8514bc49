# SPDX-License-Identifier: Apache-2.0
"""The metrics as rpingmeshd(8) or rpingmesh-central(8) lists them, and what a page of metrics has.

In the section METRICS `.It Li NAME` is a family, and a line `Labels: A, B (or C), D.` its labels;
of those in parentheses a page has one; "none" among them: or none."""

import os
import re


class Family:
    def __init__(self):
        self.labels = []  # sets: a page has one of each

    def allows(self):
        return set().union(*self.labels) - {"none"}

    def fits(self, labels):
        return labels <= self.allows() and all(
            len(labels & choice) == 1 or "none" in choice and not labels & choice
            for choice in self.labels)


def in_manual(top=".", manual="rpingmeshd.8"):
    """{name: Family}"""
    with open(os.path.join(top, "man", manual), encoding="utf-8") as f:
        section = f.read().partition("\n.Sh METRICS\n")[2].partition("\n.Sh ")[0]
    families = {}
    for item in re.split(r"^\.It Li ", section, flags=re.M)[1:]:
        family = families[item.split()[0]] = Family()
        said = re.search(r"^Labels: (.*)\.$", item, re.M)
        for choice in re.split(r", (?!or )", said[1]) if said else []:
            family.labels.append(set(re.findall(r"\w+", choice)) - {"or"})
    return families


def on_page(text):
    """{name of a family: [labels of each sample]}, without `le`; a family that has no samples is
    there, too."""
    types, found = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            types[name] = kind
            found[name] = []
        elif line and not line.startswith("#"):
            name, _, rest = line.partition(" " if "{" not in line else "{")
            labels = set(re.findall(r'(?:^|,)(\w+)="(?:[^"\\]|\\.)*"', rest))
            base = re.sub(r"_(bucket|sum|count)$", "", name)
            name = base if types.get(base) == "histogram" else name
            found[name].append(labels - {"le"})
    return found


def problems(text, top=".", where="rpingmeshd.8"):
    """What a page has, in Prometheus' format, that the manual does not, and the reverse."""
    manual, page = in_manual(top, where), on_page(text)
    bad = [f"{name}: in {where}, not on the page" for name in manual if name not in page]
    for name, samples in page.items():
        if name not in manual:
            bad.append(f"{name}: on the page, not in {where}")
            continue
        wrong = {tuple(sorted(s)) for s in samples if not manual[name].fits(s)}
        bad += [f"{name}: has the labels {', '.join(w) or '(none)'}, in {where} others"
                for w in sorted(wrong)]
    return bad
