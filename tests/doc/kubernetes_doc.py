#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The manifests of contrib/container against the models of the Kubernetes API in Debian's
python3-kubernetes, which are made from its OpenAPI schema: each field has a name that its object
knows, a value of its type, and no required field is missing. What only a server checks is not."""

import glob
import os
import re
import sys

import kubernetes.client
import yaml

DIR = os.path.join(os.environ.get("top_srcdir", "."), "contrib/container")
TYPES = {"str": str, "int": int, "bool": bool, "float": (int, float)}
# A name is a label of RFC 1123.
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def check(value, of, where):
    """Yields what is wrong with a value that should be of the type `of`, a name of the models."""
    if found := re.fullmatch(r"list\[(.*)\]", of):
        if not isinstance(value, list):
            yield f"{where} is no list"
            return
        for n, item in enumerate(value):
            yield from check(item, found[1], f"{where}[{n}]")
    elif found := re.fullmatch(r"dict\(str, (.*)\)", of):
        if not isinstance(value, dict):
            yield f"{where} is no map"
            return
        # Quantities: "4Gi" or 1.
        quantity = where.endswith((".limits", ".requests"))
        for key, item in value.items():
            if not (quantity and type(item) is int):
                yield from check(item, found[1], f"{where}.{key}")
    elif of in TYPES:
        # For Python, True is an int.
        if not isinstance(value, TYPES[of]) or isinstance(value, bool) != (of == "bool"):
            yield f"{where} is {value!r}, not a {of}"
    elif of != "object":
        yield from model(value, getattr(kubernetes.client, of), where)


def model(value, cls, where):
    if not isinstance(value, dict):
        yield f"{where} is no map"
        return
    attributes = {name: attribute for attribute, name in cls.attribute_map.items()}
    known = {}
    for key, item in value.items():
        if key not in attributes:
            yield f"{where}: {cls.__name__} has no field \"{key}\""
            continue
        known[attributes[key]] = item
        yield from check(item, cls.openapi_types[attributes[key]], f"{where}.{key}")
    try:
        cls(**known)
    except ValueError as e:  # a required field is missing, or it is no value of an enumeration
        yield f"{where}: {e}"


def document(value):
    kind = f"{value.get('apiVersion')} {value.get('kind')}"
    cls = getattr(kubernetes.client, f"V1{value.get('kind')}", None)
    if value.get("apiVersion") not in ("v1", "apps/v1") or not cls:
        yield f"no model of {kind}"
        return
    yield from model(value, cls, value["kind"])
    if not NAME.fullmatch(value["metadata"].get("name") or ""):
        yield f"{value['kind']}: its name"


def main():
    paths = sorted(glob.glob(os.path.join(DIR, "*.yaml")))
    count, problems = 0, []
    for path in paths:
        with open(path, encoding="utf-8") as f:
            for value in yaml.safe_load_all(f):
                count += 1
                problems += [f"{path}: {x}" for x in document(value)]
    for p in problems:
        print(p)
    print(f"{count} objects in {len(paths)} files, by {kubernetes.__version__} of the models")
    sys.exit(1 if problems or count < 6 else 0)


main()
