#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""contrib/lima: each template parses, has the keys that Lima's documentation
(templates/default.yaml) requires and no other than it knows, and everything that templates and page
name in this tree exists. Lima itself is not run."""

import glob
import os
import re
import subprocess
import sys

import yaml

TOP = os.environ.get("top_srcdir", ".")
# https://github.com/lima-vm/lima/blob/master/templates/default.yaml
KNOWN = {"minimumLimaVersion", "base", "vmType", "vmOpts", "os", "arch", "images", "cpuType",
         "cpus", "memory", "disk", "mounts", "mountTypesUnsupported", "mountType", "mountInotify",
         "additionalDisks", "ssh", "firmware", "audio", "video", "upgradePackages", "containerd",
         "provision", "probes", "portForwards", "copyToHost", "message", "networks", "env", "param",
         "dns", "hostResolver", "propagateProxyEnv", "caCerts", "rosetta", "plain", "timezone",
         "nestedVirtualization", "user"}
KERNELS = {"debian-11.yaml": "5.10", "debian-12.yaml": "6.1", "debian-13.yaml": "6.12",
           "debian-sid.yaml": "7.2", "rocky-8.yaml": "4.18", "ubuntu-22.04.yaml": "5.15",
           "ubuntu-24.04.yaml": "6.8", "arch.yaml": "newest"}
# The address of each image, with the name of the template and that of the architecture.
IMAGES = (
    (r"https://cloud\.debian\.org/images/cloud/\w+/(?:daily/)?latest/"
     r"(debian-\w+)-generic-(\w+)(?:-daily)?\.qcow2"),
    (r"https://cloud-images\.ubuntu\.com/releases/[\d.]+/release/"
     r"(ubuntu-[\d.]+)-server-cloudimg-(\w+)\.img"),
    (r"https://dl\.rockylinux\.org/pub/rocky/8/images/\w+/"
     r"(Rocky-8)-GenericCloud\.latest\.(\w+)\.qcow2"),
    r"https://geo\.mirror\.pkgbuild\.com/images/latest/(Arch)-Linux-(\w+)-cloudimg\.qcow2")
ARCHES = {"aarch64": "arm64", "x86_64": "amd64"}


def template(path):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    t = yaml.safe_load(text)
    name = os.path.basename(path)
    yield from (f"unknown key {k}" for k in set(t) - KNOWN)
    kernel = f"Linux {KERNELS[name]}".replace("Linux newest", "newest Linux")
    if kernel not in text.split("\n")[2]:
        yield f"its head does not say Linux {KERNELS[name]}"
    if t.get("vmType") not in (None, "vz", "qemu"):
        yield f"vmType {t['vmType']}"
    arches = {i.get("arch") for i in t.get("images", [])}
    if arches != set(ARCHES) and not (name == "arch.yaml" and arches == {"x86_64"}):
        yield "images: not one for aarch64 and x86_64 each"
    for image in t.get("images", []):
        found = [m for p in IMAGES for m in [re.fullmatch(p, image["location"])] if m]
        if (not found or found[0][1].lower() + ".yaml" != name or
                found[0][2] not in (image["arch"], ARCHES[image["arch"]])):
            yield f"image {image['location']} is not that for {image['arch']}"
    for key, pattern in (("memory", r"\d+GiB"), ("disk", r"\d+GiB"),
                         ("minimumLimaVersion", r"\d+\.\d+\.\d+")):
        if not re.fullmatch(pattern, str(t.get(key))):
            yield f"{key}: {t.get(key)}"
    if not isinstance(t.get("cpus"), int):
        yield "cpus is no number"
    if ([m.get("location") for m in t.get("mounts", [])] != ["{{.Param.tree}}"] or
            "tree" not in t.get("param", {})):
        yield "the tree is not mounted"
    for step in t.get("provision", []) + t.get("probes", []):
        if (step.get("mode") not in ("system", "readiness") or
                not step.get("script", "").startswith("#!")):
            yield f"a script that is none: {step}"
        p = subprocess.run(["bash", "-n"], input=step.get("script", ""), text=True,
                           stderr=subprocess.PIPE, check=False)
        if p.returncode:
            yield f"a script: {p.stderr.strip()}"
    named = [n for step in t.get("provision", [])
             for n in re.findall(r"\{\{\.Param\.tree\}\}/([\w./-]+)", step.get("script", ""))]
    if not named:
        yield "nothing of the tree is run"
    for n in named:
        if not os.access(os.path.join(TOP, n), os.X_OK):
            yield f"{n} is no program"


def page():
    with open(os.path.join(TOP, "contrib/lima/README.md"), encoding="utf-8") as f:
        text = f.read()
    for name, kernel in KERNELS.items():
        if not re.search(rf"\| `{re.escape(name)}` \|[^\n]*{re.escape(kernel)}", text):
            yield f"no line for {name} with {kernel}"
    for n in set(re.findall(r"(?:contrib|tests)/[\w./-]*\w", text)):
        if not os.path.exists(os.path.join(TOP, n)):
            yield f"{n} does not exist"
    # What its table quotes is said by a script.
    said = "".join(open(os.path.join(TOP, "contrib/lima", n), encoding="utf-8").read()
                   for n in ("provision.sh", "try"))
    for quote in ("there is no default route", "has no module", "the peer does not come up",
                  "it measures"):
        if quote not in said or quote not in text:
            yield f"\"{quote}\" stands in page or script alone"
    if "were not run" not in text:
        yield "it does not say that Lima was not run"


def main():
    paths = sorted(glob.glob(os.path.join(TOP, "contrib/lima/*.yaml")))
    problems = [f"{p}: {x}" for p in paths for x in template(p)]
    problems += [f"contrib/lima/README.md: {x}" for x in page()]
    if {os.path.basename(p) for p in paths} != set(KERNELS):
        problems.append(f"contrib/lima has {paths}")
    for p in problems:
        print(p)
    sys.exit(1 if problems else 0)


main()
