#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The feature matrix is still true: what this kernel does now against what tests/vm/matrix.json
says it did, a case for each cell.

tests/vm/run --kernel K --hosts 2 -- tests/vm/test_features.py [CELL...]"""

import json
import os
import sys
import traceback

import features
import harness

MATRIX = os.path.join(harness.HERE, "matrix.json")


def recorded():
    """The cells of the machine that this is: same architecture, same series of the kernel."""
    with open(MATRIX) as f:
        columns = json.load(f)["columns"]
    release, arch = (os.uname().release,
                     {"aarch64": "arm64"}.get(os.uname().machine, os.uname().machine))
    for column in columns:
        if column["arch"] == arch and release.startswith(column["kernel"] + "."):
            return column.get("features", {}).get("cells", {})
    return {}


def compare(cell, was):
    """A line like those of harness.run_case(), without what that does to the fabric after each
    case; "passed", "failed" or "skipped"."""
    name = features.CELLS[cell]
    if was is None:
        print(f"ok - {cell} # SKIP {name}: not recorded for {os.uname().release}; "
              "run make check-matrix", flush=True)
        return "skipped"
    try:
        found = features.observe([cell])[cell]
    except Exception as e:  # whatever it is, the other cells are looked at, and all are counted
        traceback.print_exc()
        found = f"{type(e).__name__}: {e}"
    if found != was:
        print(f"not ok - {cell}: {name}: found {found}, recorded {was}; if that is right, "
              "run make check-matrix", flush=True)
        return "failed"
    print(f"ok - {cell}", flush=True)
    return "passed"


def main():
    wanted = sys.argv[1:] or list(features.CELLS)
    unknown = [c for c in wanted if c not in features.CELLS]
    if unknown:
        sys.exit(f"no such cell: {' '.join(unknown)}; there are: {' '.join(features.CELLS)}")
    cells = recorded()
    results = [compare(cell, cells.get(cell)) for cell in wanted]
    print(", ".join(f"{results.count(r)} {r}" for r in ("passed", "failed", "skipped")), flush=True)
    sys.exit(1 if "failed" in results else 0)


if __name__ == "__main__":
    main()
