# SPDX-License-Identifier: Apache-2.0
"""The marked blocks of rpingmesh-cluster(7), for those who do what the page says:
tests/doc/cluster_page.py on namespaces, tests/vm/booted_cluster.py on machines that booted
Debian."""

import re


def blocks(page):
    """(verb, machine, rest, text) of each marked block of the page."""
    marks = []
    with open(page, encoding="utf-8") as f:
        parts = re.split(r"^(?=\.\\\" (?:run|write|wait): )", f.read(), flags=re.M)[1:]
    for part in parts:
        verb, machine, rest = re.match(r"\.\\\" (\w+): (\w+) ?(.*)", part).groups()
        text = re.search(r"^\.Bd -literal -offset indent\n(.*?)^\.Ed", part, re.M | re.S)
        marks.append((verb, machine, rest, text and text[1].replace("\\e", "\\").replace(
            "\\&", "")))
    return marks
