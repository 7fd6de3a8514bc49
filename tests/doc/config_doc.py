#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""config_doc.py [central]: compares the keys of rpingmeshd, or of rpingmesh-central, as config_keys
prints them, with the manual page, group by group: names, ranges of integers, defaults (those of
etc/*.conf, which tests/unit/agent/config/test_config_file.c compares with the code), and which keys
change at the next start only."""

import os
import re
import subprocess
import sys

TOP = os.environ.get("top_srcdir", ".")
CENTRAL = sys.argv[1:] == ["central"]
NAME = "rpingmesh-central.conf" if CENTRAL else "rpingmeshd.conf"
LEAST = (14, 14, 10) if CENTRAL else (45, 35, 6) # keys, defaults, keys for the next start


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as f:
        return f.read()


def in_code():
    """{(group or "", key): {"range": (low, high) of an integer or None, "restart": bool}}; those
    of peers have the group "peers"."""
    program = os.path.join(os.environ.get("top_builddir", "."), "tests/doc/config_keys")
    keys = {}
    printed = subprocess.run([program] + sys.argv[1:], check=True, stdout=subprocess.PIPE,
                             text=True).stdout
    for line in printed.splitlines():
        *name, low, high, when = line.split()
        if when == "group":
            continue
        keys["" if len(name) == 1 else name[0], name[-1]] = {
            "range": None if low == "-" else (int(low), int(high)), "restart": when == "restart"}
    return keys


def in_page():
    """{(group or "", key): what the page says}, as one line."""
    text = (read(f"man/{NAME}.5").partition("\n.Sh DESCRIPTION\n")[2]
            .partition("\n.Ss " + ("Changes" if CENTRAL else "How names"))[0])
    keys, group = {}, ""
    for part in re.split(r"^(?=\.It |\.El|\.Ss |The group$|Keys of a peer)", text, flags=re.M):
        line = " ".join(re.sub(r"^\.(?:Li|Pq|Qq|Ql|Pa|Cm) ?", "", x).replace("\\", "")
                        for x in part.splitlines())
        if part.startswith("The group\n"):
            group = re.match(r"The group\n\.Cm (\w+)", part)[1]
        elif part.startswith("Keys of a peer"):
            group = "peers"
        elif part.startswith((".El", ".Ss")):
            group = ""
        elif part.startswith(".It"):
            head = re.match(r"\.It (?:Xo\n\.)?(.*)", part)[1]
            for name in re.findall(r"\w+", re.sub(r"No = Ar [^,]*", "", head).replace("Cm ", "")):
                keys[group, name] = line
    return keys


def defaults():
    """{(group or "", key): the value that etc/rpingmeshd.conf shows, on one line}"""
    shown, group = {}, ""
    text = re.sub(r"\n# +", " ", read(f"etc/{NAME}").replace("\n#    ", "\n#"))
    for line in text.splitlines():
        value = re.match(r"#(\w+) = (.*);", line)
        if re.match(r"#\w+ = \{", line):
            group = re.match(r"#(\w+)", line)[1]
        elif line == "#};":
            group = ""
        elif value:
            shown[group, value[1]] = value[2]
    return shown


def wrong_default(said, value):
    """Whether an item of the page gives another default than this value."""
    if said.endswith("Default: ."):
        return value != '""'
    told = re.search(r"Default: (\S+?) ?\.$", said)
    if not told:
        return "Default:" not in said  # in words
    return told[1].strip('"()') != value.strip('"()')


def main():
    code, page, shown = in_code(), in_page(), defaults()
    bad = []
    inherited = {key for (group, key) in code if group == "peers" and ("", key) in code}
    for group, key in sorted(code):
        if group == "peers" and key in inherited:
            continue
        name, said = (group + "." if group else "") + key, page.get((group, key))
        if said is None:
            bad.append(f"{name}: not in {NAME}(5), or in another group there")
            continue
        if code[group, key]["range"] and key not in ("size", "flow_label"):
            low, high = code[group, key]["range"]
            low = 0 if low == -1 else low
            if not re.search(rf"\b{low} to (?:{high}|{high:#x})\b", said):
                bad.append(f"{name}: {NAME}(5) does not say that it is "
                           f"from {low} to {high}")
        if (group, key) in shown and wrong_default(said, shown[group, key]):
            bad.append(f"{name}: its default is {shown[group, key]}, "
                       f"in {NAME}(5) another one, or none")
    bad += [f"{'.'.join(k)}: only in {NAME}(5)" for k in sorted(set(page) - set(code))]
    said = re.search(r"These keys change at the next start.*?\n\n?(?=\.Sh|\.Ss)",
                     read(f"man/{NAME}.5"), re.S)[0]
    told = set(re.findall(r"[\w.]+", " ".join(re.findall(r"^\.Cm (.*)$", said, re.M)))) - {"."}
    restart = {(group + "." if group else "") + key for (group, key), k in code.items()
               if k["restart"]}
    bad += [f"{k}: changes at the next start only, {'which' if k in restart else 'says'} "
            f"{NAME}(5){' does not say' if k in restart else ', not the code'}"
            for k in sorted(told ^ restart)]
    if len(code) < LEAST[0] or len(shown) < LEAST[1] or len(restart) < LEAST[2]:
        bad.append(f"only {len(code)} keys, {len(shown)} defaults")
    for b in bad:
        print(b)
    sys.exit(1 if bad else 0)


main()
