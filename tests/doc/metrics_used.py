#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The alert rules and the dashboards against rpingmeshd(8) and rpingmesh-central(8): each metric
and label in them is one that a program has. Prints what is not.

  metrics_used.py             compare
  metrics_used.py --rules     print the dashboard's expressions as a file of rules, for promtool
                              to parse
  metrics_used.py --receiver  print the Prometheus configuration inside that of the OpenTelemetry
                              Collector"""

import json
import os
import re
import sys
import textwrap

import metricspage
import tables as code

TOP = os.environ.get("top_srcdir", ".")
# What Prometheus itself gives to all it scrapes, and what it says of the scrape.
TARGET = {"job", "instance"}
SUFFIX = re.compile(r"_(bucket|sum|count)$")


def read(path):
    with open(os.path.join(TOP, "contrib", path), encoding="utf-8") as f:
        return f.read()


def rules():
    """(name, expression, annotations) of each rule; the file is simple enough to be read without a
    parser of YAML."""
    for block in re.split(r"^ +- (?=alert:|record:)", read("prometheus/rpingmesh.rules.yml"),
                          flags=re.M)[1:]:
        name = block.split()[1]
        block = re.sub(r"^ *#.*\n", "", block, flags=re.M)
        expr = re.search(r"^( *)expr: (\|\n((?:\1 +.*\n)+)|.*\n)", block, re.M)
        yield block.split(":")[0], name, expr[3] or expr[2], block.partition("annotations:")[2]


def dashboard():
    """(where, expression, legend) of all that the dashboards ask."""
    for name in ("rpingmesh", "rpingmesh-central"):
        yield from asked_by(json.loads(read(f"grafana/{name}.json")))


def asked_by(board):
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"], target["legendFormat"]
    for note in board["annotations"]["list"]:
        yield note["name"], note["expr"], note["textFormat"]
    for variable in board["templating"]["list"]:
        asked = re.fullmatch(r"label_values\((.*), (\w+)\)", variable.get("definition", ""))
        if asked:
            yield variable["name"], f"sum by ({asked[2]}) ({asked[1]})", ""


def plain(expr):
    """Without Grafana's variables."""
    return (expr.replace("$__rate_interval", "5m").replace("$__all", ".*")
            .replace("$instance", ".*").replace("$device", ".*"))


class Vocabulary:
    def __init__(self):
        self.families = {**metricspage.in_manual(TOP, "rpingmesh-central.8"),
                         **metricspage.in_manual(TOP)}
        self.recorded = {}  # a recording rule's name -> labels

    def labels_of(self, metric):
        """None: there is no such metric."""
        if metric in self.recorded:
            return self.recorded[metric]
        if metric == "up":
            return TARGET
        if metric in self.families and not self.is_histogram(metric):
            return self.families[metric].allows() | TARGET
        base = SUFFIX.sub("", metric)
        if base != metric and base in self.families and self.is_histogram(base):
            return (self.families[base].allows() | TARGET |
                    ({"le"} if metric.endswith("_bucket") else set()))
        return None

    def is_histogram(self, family):
        return family.endswith(("rtt_seconds", "delay_seconds"))

    def problems(self, expr, text=""):
        bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', expr)
        metrics = set(re.findall(r"\b(?:(?:rpingmesh|process)[\w:]*|up)\b", bare))
        every = set()
        for metric in sorted(metrics):
            labels = self.labels_of(metric)
            if labels is None:
                yield f"there is no metric {metric}"
            every |= labels or set()
            for matchers in re.findall(rf"\b{metric}\{{([^}}]*)\}}", bare):
                used = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
                for label in used - (labels or set()):
                    yield f"{metric} has no label {label}"
        by = r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)"
        named = {w for words in re.findall(by, bare) for w in re.findall(r"\w+", words)}
        named |= set(re.findall(r"\$labels\.(\w+)", text)) | set(re.findall(r"\{\{(\w+)\}\}", text))
        for label in sorted(named - every):
            yield f"none of its metrics has the label {label}"
        if not metrics:
            yield "no metric in it"

    def values(self, expr):
        """Values of `class` and `kind` that probes do not have."""
        known = {w for name in code.MAPS for row in code.rows(name)
                 for w in code.words(name, row["name"]) or []}
        for label, values in re.findall(r'\b(class|kind|state)\s*(?:=~|!~|!=|=)\s*"([^"$]*)"',
                                        expr):
            for value in values.split("|"):
                if value not in known:
                    yield f'no {label} is "{value}"'


def classes_left_out():
    """Where a query or a page chooses classes of probes: those that are lost, or those that loss is
    a ratio of."""
    for path in ("README.md", "man/rpingmeshd.8", "contrib/prometheus/rpingmesh.rules.yml",
                 "contrib/grafana/rpingmesh.json"):
        with open(os.path.join(TOP, path), encoding="utf-8") as f:
            chosen = re.findall(r'class=~\\?"([\w|]+)\\?"', f.read())
        if not chosen:
            yield f"{path}: no query that chooses classes"
        for classes in chosen:
            if set(classes.split("|")) not in (code.LOST, code.LOST | code.ANSWERED):
                yield f"{path}: {classes} is neither what is lost nor what is lost or answered"


def routes():
    """What alertmanager.yml says of labels: amtool does not know which ones alerts have."""
    text = read("prometheus/alertmanager.yml")
    if text.count("source_matchers:") != text.count("equal:"):
        yield "alertmanager.yml: an alert of anything at all inhibits those of all hosts (no equal)"
    grouped = re.findall(r"group_by: \[(.*)\]", text)
    if grouped != ["alertname, instance", "id", "id"]:
        yield f"alertmanager.yml: groups by {grouped}; an incident's alert has no label but its id"


def compare():
    yield from classes_left_out()
    yield from routes()
    words = Vocabulary()
    n = 0
    for kind, name, expr, text in rules():
        n += 1
        for problem in [*words.problems(expr, text), *words.values(expr)]:
            yield f"rule {name}: {problem}"
        if kind == "record":
            metrics = re.findall(r"\brpingmesh[\w:]*", expr)
            words.recorded[name] = (words.labels_of(metrics[0]) or set()) - {"class", "le"}
        elif not re.search(rf"alertname=\"{name}\"", read("prometheus/rpingmesh.rules.test.yml")):
            yield f"rule {name}: fires in no test"
    if n < 15:
        yield "too few rules were found: does this script still understand the file?"
    asked = list(dashboard())
    for where, expr, text in asked:
        for problem in [*words.problems(plain(expr), text), *words.values(expr)]:
            yield f"dashboard, {where}: {problem}"
    if len(asked) < 20:
        yield "too few expressions in the dashboard"


def main():
    if sys.argv[1:] == ["--rules"]:
        rules_of = [{"record": "dashboard", "expr": plain(expr)} for _, expr, _ in dashboard()]
        print(json.dumps({"groups": [{"name": f"g{i}", "rules": [rule]}
                                     for i, rule in enumerate(rules_of)]}))
        return 0
    if sys.argv[1:] == ["--receiver"]:
        print(textwrap.dedent(re.search(r"^    config:\n((?:      .*\n)+)",
                                        read("prometheus/otel-collector.yaml"), re.M)[1]))
        return 0
    problems = list(compare())
    print(*problems, sep="\n", end="\n" if problems else "")
    return 1 if problems else 0


sys.exit(main())
