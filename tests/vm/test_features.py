#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The feature matrix is still true: what this kernel does now against what tests/vm/matrix.json says it did, a case for each cell.

tests/vm/run --kernel K --hosts 2 -- tests/vm/test_features.py [CELL...]"""

import json
import os

import features
import harness
from harness import check

MATRIX = os.path.join(harness.HERE, "matrix.json")


def recorded():
    """The cells of the machine that this is: same architecture, same series of the kernel."""
    with open(MATRIX) as f:
        columns = json.load(f)["columns"]
    release, arch = os.uname().release, {"aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    for column in columns:
        if column["arch"] == arch and release.startswith(column["kernel"] + "."):
            return column.get("features", {}).get("cells", {})
    return {}


def compare(cell):
    def case(t):
        was = recorded().get(cell)
        if was is None:
            raise harness.Skip(f"{features.CELLS[cell]}: not recorded for {os.uname().release}; run make check-matrix")
        found = features.observe([cell])[cell]
        check(found == was, f"{features.CELLS[cell]}: found {found}, recorded {was}; if that is right, run make check-matrix")
    return case


if __name__ == "__main__":
    harness.main({f"test_{cell}": compare(cell) for cell in features.CELLS})
