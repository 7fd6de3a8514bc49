# SPDX-License-Identifier: Apache-2.0
"""The feature matrix as a record (tests/vm/matrix.json) and as a table (README.md), and what they
must agree with.

matrix.json: {"columns": [{"kernel", "arch", "features"?: RUN + {"cells", "later"?}, "suites":
{NAME: RUN + {"passed", "failed", "skipped", "again", "failures"}}}]}.
RUN is {"date", "release", "version", "took_s" (0: not known), "object", "sources", "build"}:
SHA-256 of the BPF object that was run, of what it is made of, and of all programs and tests that
the VM ran (older runs do not have it). "later" has the dates of cells that were asked alone, after
the run. What was not run is not there."""

import glob
import hashlib
import json
import os
import re

import features

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
RECORD = os.path.join(HERE, "matrix.json")
README = os.path.join(TOP, "README.md")
SUITES = os.path.join(HERE, "suites")
BEGIN = "<!-- matrix: written by make readme-matrix -->"
END = "<!-- matrix: end -->"
KERNELS = ("5.10", "6.1", "6.12", "7.2")
ARCHES = ("x86_64", "arm64")
NOT_RUN = "–"


def sources():
    """SHA-256 of what tracing is made of. Not of the object: that depends on the compiler too."""
    digest = hashlib.sha256()
    names = [n for n in glob.glob(os.path.join(TOP, "bpf/*.[ch]")) if not n.endswith(".skel.h")]
    for name in sorted(names) + [os.path.join(TOP, "include/rpingmesh/qp_event.h")]:
        with open(name, "rb") as f:
            digest.update(os.path.basename(name).encode() + b"\0" + f.read() + b"\0")
    return digest.hexdigest()


# --- the record -----------------------------------------------------------------------------------

def load():
    if not os.path.exists(RECORD):
        return {"columns": []}
    with open(RECORD) as f:
        return json.load(f)


def save(record):
    order = [(k, a) for a in ARCHES for k in KERNELS]
    record["columns"].sort(key=lambda c: order.index((c["kernel"], c["arch"])))
    with open(RECORD + ".new", "w") as f:
        json.dump(record, f, indent=1, sort_keys=True)
        f.write("\n")
    os.rename(RECORD + ".new", RECORD)


def column(record, kernel, arch):
    """The column, which is made if it is not there."""
    for c in record["columns"]:
        if (c["kernel"], c["arch"]) == (kernel, arch):
            return c
    record["columns"].append({"kernel": kernel, "arch": arch, "suites": {}})
    return record["columns"][-1]


def runs(record):
    """Every RUN in it."""
    for c in record["columns"]:
        if "features" in c:
            yield c["features"]
        yield from c["suites"].values()


def objects_of(record):
    """The BPF objects that the kernels were asked to load."""
    return {c["features"]["object"] for c in record["columns"] if "features" in c}


# --- the list of suites ---------------------------------------------------------------------------

def tests():
    return sorted(re.sub(r".*/test_(.*)\.py", r"\1", n)
                  for n in glob.glob(os.path.join(HERE, "test_*.py")))


def suite_lines(when):
    """(test, kernels, arches, build, hosts, memory, cases) of tests/vm/suites; lists are split."""
    with open(SUITES) as f:
        text = f.read().replace("\\\n", "")
    lines = [w.split() for w in text.splitlines() if w.strip() and not w.startswith("#")]
    return [(w[1], w[2].split(","), w[3].split(","), w[4], w[5], int(w[6]), w[7:]) for w in lines
            if w[0] == when]


def suite_rows(record):
    """Suites that have been run somewhere, as the matrix names them: the test's name, with +icount
    where the kernel had that. Others make no row, so that a new test alone makes no table old."""
    return sorted({name for c in record["columns"] for name in c["suites"]})


def suites_wrong():
    """What is wrong with the list: each test, case and kernel that it names must be there."""
    wrong = []
    for when in ("ci", "full"):
        for test, kernels, arches, _, _, _, cases in suite_lines(when):
            path = os.path.join(HERE, f"test_{test}.py")
            if not os.path.exists(path):
                wrong.append(f"no {path}")
                continue
            with open(path) as f:
                there = (set(re.findall(r"^def test_(\w+)\(t\):", f.read(), re.M)) |
                         (set(features.CELLS) if test == "features" else set()))
            wrong += [f"{test}: no case {c}" for c in cases if c not in there]
            wrong += [f"{test}: no kernel {k}" for k in kernels
                      if k.removesuffix("+icount") not in (*KERNELS, "-")]
            wrong += [f"{test}: no architecture {a}" for a in arches if a not in ARCHES]
    return wrong


# --- the table ------------------------------------------------------------------------------------

def cell_text(cell):
    if cell is None:
        return NOT_RUN
    if cell["is"] == "yes":
        return f"yes: {cell['by']}" if "by" in cell else "yes"
    # "step: ENOENT" is an error of the kernel; all else that failed is a sentence, which the record
    # has.
    name = re.fullmatch(r".*: (E[A-Z0-9]+)", cell["why"])
    return f"no: {name[1]}" if name else "no"


def suite_text(run):
    if run is None:
        return NOT_RUN
    all_of = run["passed"] + run["failed"] + run["skipped"]
    text = f"{run['passed']}" if run["passed"] == all_of else f"{run['passed']} of {all_of}"
    return text + (f", {run['skipped']} skipped" if run["skipped"] else "")


def table_rows(record):
    found = {(c["kernel"], c["arch"]): c for c in record["columns"]}
    columns = [found.get((k, a), {"suites": {}}) for a in ARCHES for k in KERNELS]
    yield ["", *(f"{k} {a}" for a in ARCHES for k in KERNELS)]
    yield ["Debian's version",
           *(c["features"]["version"] if "features" in c else NOT_RUN for c in columns)]
    for cell, label in features.CELLS.items():
        yield [label,
               *(cell_text(c.get("features", {}).get("cells", {}).get(cell)) for c in columns)]
    for name in suite_rows(record):
        yield [f"suite `{name}`", *(suite_text(c["suites"].get(name)) for c in columns)]


def table(record):
    rows = list(table_rows(record))
    rows.insert(1, ["---"] * len(rows[0]))
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def minutes(all_runs):
    """How long the VMs took in all; nothing if it is not known of one."""
    took = [r["took_s"] for r in all_runs]
    return f", {sum(took) / 60:.0f} minutes of emulated VMs" if all(took) else ""


def notes(record):
    """What holds for all columns: the object, the dates, and which cases needed a second try or
    failed."""
    all_runs = list(runs(record))
    if not all_runs:
        return "Nothing has been run yet."
    objects = sorted(objects_of(record))
    dates = sorted({d for r in all_runs for d in (r["date"], *r.get("later", {}).values())})
    text = [f"One BPF object on all of them, byte for byte: SHA-256 `{objects[0][:16]}…`."
            if len(objects) == 1 else f"{len(objects)} different BPF objects were run."]
    text.append(f"Recorded {dates[0]}" + (f" to {dates[-1]}" if len(dates) > 1 else "") +
                minutes(all_runs) + f". {NOT_RUN}, and a suite without a line: not run.")
    for c in record["columns"]:
        for name, run in sorted(c["suites"].items()):
            if run["failures"]:
                text.append(f"Failed on {c['kernel']} {c['arch']}: "
                            f"`{name}` {', '.join(run['failures'])}.")
            if run["again"]:
                text.append(f"Passed at the second try on {c['kernel']} {c['arch']}: "
                            f"`{name}` {', '.join(run['again'])}.")
    return "\n".join(text)


def rendered(record):
    return f"{BEGIN}\n{table(record)}\n\n{notes(record)}\n{END}"


def readme_parts():
    with open(README) as f:
        before, begin, rest = f.read().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{README} has no {BEGIN} … {END}")
    return before, begin + rest[:len(rest) - len(after)], after


def write_readme():
    before, _, after = readme_parts()
    with open(README, "w") as f:
        f.write(before + rendered(load()) + after)


# --- is it current? -------------------------------------------------------------------------------

def checks():
    """(what must hold, why it does not or "")"""
    record = load()
    now = sources()
    old = [f"{c['kernel']} {c['arch']}" for c in record["columns"]
           if "features" in c and c["features"]["sources"] != now]
    objects = objects_of(record)
    wrong = suites_wrong()
    yield ("README.md has the table of tests/vm/matrix.json",
           "" if readme_parts()[1] == rendered(record) else "run make readme-matrix")
    yield ("bpf/ is what the matrix was recorded with",
           ("bpf/ has changed since the matrix was recorded: "
            "run make check-matrix (on " + ", ".join(old) + ")" if old else ""))
    yield ("all kernels ran the same BPF object",
           "" if len(objects) <= 1 else f"{len(objects)} different ones: run make check-matrix")
    yield "tests/vm/suites names what there is", "; ".join(wrong)


def check():
    """Prints each of checks(); whether all hold."""
    good = True
    for what, why in checks():
        print(f"not ok - {what}: {why}" if why else f"ok - {what}")
        good = good and not why
    return good
