#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""contrib/container: the commands of README.md, its table, the quadlet, the DaemonSet and the
Containerfile say the same. None of them is run here; tests/vm/test_container.py runs the
commands."""

import os
import re
import shlex
import subprocess
import sys
import tempfile

import yaml

TOP = os.environ.get("top_srcdir", ".")
DIR = os.path.join(TOP, "contrib/container")
# Of podman run, options without a value.
SWITCHES = {"-d", "--read-only"}
# podman-systemd.unit(5): keys and the options that they stand for.
KEYS = {"Network": "--network", "DropCapability": "--cap-drop", "AddCapability": "--cap-add",
        "Ulimit": "--ulimit", "AddDevice": "--device", "Volume": "-v", "ContainerName": "--name",
        "SeccompProfile": "--security-opt"}
# Each way of running it has its own for these.
NOT_COMPARED = {"-d", "--name", "--restart"}


def text(name):
    with open(os.path.join(DIR, name), encoding="utf-8") as f:
        return f.read()


def documented(mark):
    found = re.search(rf"^<!-- {mark} -->\n\n((?:    .*\n)+)", text("README.md"), re.M)
    return found[1].replace("\\\n", "") if found else ""


def value(option, word):
    """As one form: cap_bpf and BPF are the same."""
    return ({w.upper().removeprefix("CAP_") for w in re.split("[ ,]", word)}
            if option.startswith("--cap") else {word})


def options(words):
    """(option, value) of a command line of podman run, up to the image, and the image."""
    found, at = set(), 0
    while at < len(words) and words[at].startswith("-"):
        if words[at] in SWITCHES:
            found.add((words[at], ""))
        else:
            found |= {(words[at], v) for v in value(words[at], words[at + 1])}
            at += 1
        at += 1
    return found, words[at:]


def quadlet():
    found, image = set(), None
    section = ""
    for line in text("rpingmesh.container").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        if section != "Container" or "=" not in line or line.startswith("#"):
            continue
        key, word = line.split("=", 1)
        if key == "Image":
            image = word
        elif key == "PodmanArgs":
            found |= options(shlex.split(word))[0]
        elif key in ("ReadOnly", "NoNewPrivileges"):
            found.add(("--read-only", "") if key == "ReadOnly"
                      else ("--security-opt", "no-new-privileges"))
        elif key in KEYS:
            found |= {(KEYS[key], v) for v in value(KEYS[key], f"seccomp={word}"
                                                    if key == "SeccompProfile" else word)}
        elif key != "Notify":
            yield f"rpingmesh.container: unknown key {key}"
    run, rest = options(shlex.split(documented("run"))[2:])
    if rest != [image]:
        yield f"rpingmesh.container: image {image}, README.md: {rest}"
    yield from differences("rpingmesh.container", found, run)


def differences(name, found, run):
    for option, word in sorted({o for o in found ^ run if o[0] not in NOT_COMPARED}):
        yield f"{name} and README.md's podman run differ in {option} {word}"


def docker():
    # Docker's filter is another.
    run = {(o, v) for o, v in options(shlex.split(documented("run"))[2:])[0]
           if not v.startswith("seccomp=")}
    found = options(shlex.split(documented("docker"))[2:])[0]
    yield from differences("README.md's docker run", found - {("--user", f"0:{uid()}")}, run)


def table():
    """Each option of the command line has its line."""
    run = options(shlex.split(documented("run"))[2:])[0]
    cells = re.findall(r"^\| (`-.*?) \|.*\|.*\|$", text("README.md").split("| given |")[1], re.M)
    listed = set()
    for words in re.findall(r"`([^`]+)`", " ".join(cells)):
        listed |= options(shlex.split(words))[0]
    for option, word in sorted(run):
        if option not in ("-d", "--name") and not any(option == o and word.startswith(w)
                                                      for o, w in listed):
            yield f"README.md: its table lacks {option} {word}"
    for option, word in sorted(listed):
        if not any(option == o and w.startswith(word) for o, w in run):
            yield f"README.md: its table has {option} {word}, which the command lacks"


def uid():
    return re.search(r"^ARG UID=(\d+)$", text("Containerfile"), re.M)[1]


def numbers():
    for pattern in (r"d /run/rpingmesh 0755 (\d+) ", r"d /run/rpingmesh 0755 \d+ (\d+)'",
                    r"groupadd --gid (\d+)", r"is the user (\d+)"):
        if not re.search(pattern.replace(r"(\d+)", uid()), text("README.md")):
            yield f"README.md: {pattern} is not {uid()}, the Containerfile's"


def volumes():
    """(place in the container, whether it is read-only) of README.md's command."""
    run = options(shlex.split(documented("run"))[2:])[0]
    return {(v.split(":")[1], v.endswith(":ro")) for o, v in run if o == "-v"}


def places():
    """The root is read-only, so what the daemon writes, by its defaults, must be a volume; and what
    it reads of the host."""
    with open(os.path.join(TOP, "etc/rpingmeshd.conf"), encoding="utf-8") as f:
        defaults = dict(re.findall(r'^# *(\w+) = "(/.*)";', f.read(), re.M))
    with open(os.path.join(TOP, "src/lldp/lldp.h"), encoding="utf-8") as f:
        networkd = re.search(r'LLDP_NETWORKD_DIR "(.*)"', f.read())[1]
    need = {(os.path.dirname(defaults["socket"]), False), (defaults["directory"], False),
            (os.path.dirname(defaults["lldp_file"]), True), (networkd, True),
            ("/etc/rpingmesh", True)}
    for place, read_only in sorted(need ^ volumes()):
        yield (f"README.md: {place}{' (ro)' if read_only else ''} is "
               f"{'no volume' if (place, read_only) in need else 'a volume that nobody needs'}")


def memory_max(unit):
    """That of the unit, as Kubernetes writes it."""
    with open(os.path.join(TOP, f"contrib/systemd/{unit}.service.in"), encoding="utf-8") as f:
        return re.search(r"^MemoryMax=(\w+)$", f.read(), re.M)[1] + "i"


def daemonset():
    documents = list(yaml.safe_load_all(text("daemonset.yaml")))
    if [d["kind"] for d in documents] != ["ConfigMap", "DaemonSet"]:
        yield f"daemonset.yaml: {[d['kind'] for d in documents]}"
        return
    config, spec = documents[0], documents[1]["spec"]
    pod = spec["template"]["spec"]
    daemon, run = pod["containers"][0], options(shlex.split(documented("run"))[2:])[0]
    added = {v for o, v in run if o == "--cap-add"}
    mounts = {(m["mountPath"], m.get("readOnly", False)) for m in daemon["volumeMounts"]}
    health = re.search(r"^HEALTHCHECK .* CMD (.*)$", text("Containerfile"), re.M)[1]
    right = daemon["securityContext"]
    for good, what in (
            (spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"],
             "the selector is not the labels"),
            ((right["runAsUser"], right["runAsGroup"]) == (0, int(uid())), "its user"),
            (pod["hostNetwork"] and pod["hostPID"], "not in the host's namespaces"),
            (set(right["capabilities"]["add"]) == added | {"IPC_LOCK"} and
             right["capabilities"]["drop"] == ["ALL"], "capabilities"),
            (right["readOnlyRootFilesystem"] and right["allowPrivilegeEscalation"] is False,
             "what README.md's command takes away"),
            (mounts == volumes(), f"mounts {mounts}, README.md has {volumes()}"),
            ({m["name"] for m in daemon["volumeMounts"]} == {v["name"] for v in pod["volumes"]},
             "a mount without its volume"),
            (pod["volumes"][1]["configMap"]["name"] == config["metadata"]["name"],
             "the configuration's name"),
            ("rpingmeshd.conf" in config["data"], "no rpingmeshd.conf"),
            (daemon["resources"]["limits"]["memory"] == memory_max("rpingmeshd"),
             "its limit of memory is not the unit's"),
            (daemon["livenessProbe"]["exec"]["command"] == ["/bin/sh", "-c", health],
             "its probe is not the image's health check")):
        if not good:
            yield f"daemonset.yaml: {what}"
    yield from parsed("daemonset.yaml", "rpingmeshd", config["data"]["rpingmeshd.conf"])


def parsed(name, program, configuration):
    """A configuration, by the program's own parser, where there is one."""
    path = os.path.join(os.environ.get("top_builddir", "."), program)
    if os.access(path, os.X_OK):
        with tempfile.NamedTemporaryFile("w") as f:
            f.write(configuration)
            f.flush()
            p = subprocess.run([path, "-t", "-c", f.name], text=True, stderr=subprocess.STDOUT,
                               stdout=subprocess.PIPE, check=False)
        if p.returncode:
            yield f"{name}: its configuration: {p.stdout.strip()}"


def deployment():
    """central.yaml: what Kubernetes would refuse, and what the program by its defaults needs."""
    documents = list(yaml.safe_load_all(text("central.yaml")))
    if [d["kind"] for d in documents] != ["ConfigMap", "PersistentVolumeClaim", "Service",
                                          "Deployment"]:
        yield f"central.yaml: {[d['kind'] for d in documents]}"
        return
    config, claim, service, spec = *documents[:3], documents[3]["spec"]
    labels, pod = spec["template"]["metadata"]["labels"], spec["template"]["spec"]
    central = pod["containers"][0]
    mounts = {m["name"]: m["mountPath"] for m in central["volumeMounts"]}
    volumes_of = {v["name"]: v for v in pod["volumes"]}
    conf = config["data"]["rpingmesh-central.conf"]
    with open(os.path.join(TOP, "etc/rpingmesh-central.conf"), encoding="utf-8") as f:
        defaults = dict(re.findall(r'^# *(\w+) = "(/.*)";', f.read(), re.M))
    for good, what in (
            (spec["selector"]["matchLabels"] == labels == service["spec"]["selector"],
             "the selectors are not the labels"),
            (mounts.keys() == volumes_of.keys(), f"{mounts.keys()} against {volumes_of.keys()}"),
            (mounts["run"] == os.path.dirname(defaults["socket"]), "the socket's directory"),
            (mounts["state"] == os.path.dirname(defaults["database"]), "the database's directory"),
            (all(path.startswith(mounts["tls"] + "/") for path in
                 re.findall(r'^(?:ca|certificate|key) = "(.*)"', conf, re.M)), "the certificates"),
            (volumes_of["config"]["configMap"]["name"] == config["metadata"]["name"],
             "the configuration's name"),
            (volumes_of["state"]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"],
             "the claim's name"),
            (pod["securityContext"]["runAsUser"] == int(uid()), "its user"),
            (central["resources"]["limits"]["memory"] == memory_max("rpingmesh-central"),
             "its limit of memory is not the unit's"),
            (spec["replicas"] == 1 and spec["strategy"]["type"] == "Recreate",
             "two programs with one database"),
            (central["ports"][0]["containerPort"] == service["spec"]["ports"][0]["port"] ==
             int(re.search(r'^listen = ".*:(\d+)"', conf, re.M)[1]), "its port")):
        if not good:
            yield f"central.yaml: {what}"
    yield from parsed("central.yaml", "rpingmesh-central", conf)


def page():
    readme = text("README.md")
    for n in set(re.findall(r"contrib/[\w./-]*\w", readme)):
        if not os.path.exists(os.path.join(TOP, n)):
            yield f"README.md: {n} does not exist"
    for n in re.findall(r"\]\(([\w.]+)\)", readme):
        if not os.path.exists(os.path.join(DIR, n)):
            yield f"README.md: {n} does not exist"
    usage = subprocess.run([os.path.join(DIR, "build"), "--help"], text=True,
                           stdout=subprocess.PIPE, check=True).stdout
    for option in set(re.findall(r"^\| `(--\w+) ", readme.split("| given |")[0], re.M)):
        if f"  {option} " not in usage:
            yield f"README.md: contrib/container/build has no {option}"
    if "Kubernetes were not run" not in readme or any(
            "was not run" not in text(name).replace("\n# ", " ")
            for name in ("daemonset.yaml", "central.yaml")):
        yield "what was not run is not said"


def main():
    parts = quadlet, docker, table, numbers, places, daemonset, deployment, page
    problems = [f"contrib/container/{p}" for part in parts for p in part()]
    for p in problems:
        print(p)
    sys.exit(1 if problems else 0)


main()
