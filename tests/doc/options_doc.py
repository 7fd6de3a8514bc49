#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The options that the code takes, those that --help explains and those of the pages are the same,
with their letters and whether they have an argument; the columns of tables stand in
rpingmesh-ctl(1); subsystems of the log where they are listed. Prints what differs."""

import glob
import os
import re
import subprocess
import sys

TOP = os.environ.get("top_srcdir", ".")
BUILD = os.environ.get("top_builddir", ".")
DAEMON_PAGE, CTL_PAGE, CONF_PAGE = ("man/rpingmeshd.8", "man/rpingmesh-ctl.1",
                                    "man/rpingmeshd.conf.5")


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as f:
        return f.read()


def run(*argv):
    return subprocess.run([os.path.join(BUILD, argv[0]), *argv[1:]], stdout=subprocess.PIPE,
                          text=True, check=True, stdin=subprocess.DEVNULL, timeout=60).stdout


def spelled(option):
    letter, name, argument = option
    return (f"{'-' + letter + ', ' if letter else ''}--{name}" +
            (" with an argument" if argument else ""))


def differ(what, one, here, other, there):
    for option in sorted(one - other, key=str):
        yield f"{what}: {here} has {spelled(option)}, {there} has not"
    for option in sorted(other - one, key=str):
        yield f"{what}: {there} has {spelled(option)}, {here} has not"


# ---- options: sets of (letter or None, long name, has an argument) ----

def in_code(text):
    """Those of the tables for getopt_long(3), with the letters that its string has."""
    text = re.sub(r"\n\s+", " ", text)
    letters = set("".join(re.findall(r'"\+?:?([\w:]*)" ?(?:CMD_SHORT|, )',
                                     "".join(re.findall(r"getopt_long\([^;]*", text)))))
    letters |= set("".join(re.findall(r'CMD_SHORT "([\w:]*)"', text)))
    rows = re.findall(r'\{"([a-z-]+)", (no|required|optional)_argument, NULL, (?:\'(\w)\'|\w+)\}',
                      text)
    return {(letter if letter in letters else None, name, kind != "no")
            for name, kind, letter in rows}


def in_help(text):
    rows = re.findall(r"^ +(?:-(\w), )?--([a-z][a-z-]+)((?: |\[=)[A-Z]+\]?)?(?=  |$)", text, re.M)
    return {(letter or None, name, bool(argument)) for letter, name, argument in rows}


def in_page(mdoc):
    found = set()
    for head in re.findall(r"^\.It ((?:Fl \w .*, )?Fl \\?-.*)$", mdoc, re.M):
        letter = re.match(r"Fl (\w)", head)
        found.add((letter and letter[1], re.search(r"Fl -([a-z-]+)", head.replace("\\", ""))[1],
                   "Ar" in head.split()))
    return found


def sections(page):
    """{command: its text in the page}, and what stands before the first one."""
    head, *rest = re.split(r"^\.Ss ", page, flags=re.M)
    return head, {re.match(r"[\w-]+", s.replace("\\", ""))[0]: re.split(r"^\.Sh ", s, flags=re.M)[0]
                  for s in rest}


def options():
    code, text = in_code(read("src/agent/main.c")), run("rpingmeshd", "--help")
    yield from differ("rpingmeshd", code, "the code", in_help(text), "--help")
    yield from differ("rpingmeshd", in_help(text), "--help",
                      in_page(read(DAEMON_PAGE).partition("\n.Sh WHAT")[0]), DAEMON_PAGE)
    head, commands = sections(read(CTL_PAGE))
    common = in_code(read("src/ctl/cmd/cmd.h") + read("src/ctl/ctl.c").replace('"+:V"', '"+:V" ') +
                     'getopt_long(":V", )')
    text = run("rpingmesh-ctl", "--help")
    yield from differ("rpingmesh-ctl", common, "the code", in_help(text), "--help")
    yield from differ("rpingmesh-ctl", common, "the code", in_page(head), CTL_PAGE)
    seen = 0
    for path in sorted(glob.glob(os.path.join(TOP, "src/ctl/**/*.c"), recursive=True)):
        source = read(os.path.relpath(path, TOP))
        names = re.findall(r'\.name = "([a-z-]+)", ?\s*\.summary', source)
        if not names:
            continue
        helps = set().union(*(in_help(run("rpingmesh-ctl", name, "--help")) for name in names))
        pages = set().union(*(in_page(commands.get(name, "")) for name in names))
        what = "rpingmesh-ctl " + ", ".join(names)
        yield from differ(what, in_code(source), os.path.relpath(path, TOP), helps, "--help")
        yield from differ(what, helps, "--help", pages, CTL_PAGE)
        seen += len(helps)
    if seen < 40:
        yield (f"only {seen} options of commands were found: "
               "does this script still understand the code?")


# ---- columns ----

# Where else than in its own section a column may be explained: the page says that they are those of
# another command.
LIKE = {"targets": ["peers", "devices"], "top": ["peers", "targets"],
        "windows": ["peers", "targets"], "flows": ["peers", "targets", "devices"]}
TABLES = {"peer": "peers", "devices": "devices", "targets": "targets", "history": "devices",
          "counters": "devices", "flowtable": "flows", "flowgroup": "flows", "toptable": "top",
          "windowtable": "windows", "hosts": "hosts", "ports": "ports", "coverage": "coverage",
          "pinglist": "pinglist", "tors": "tors",
          "links": "links", "switches": "switches",
          "incidents": "incidents"}


def columns():
    _, commands = sections(read(CTL_PAGE))
    seen = 0
    for path in sorted(glob.glob(os.path.join(TOP, "src/ctl/**/*.c"), recursive=True)):
        for row, title in re.findall(r'\[([A-Z_0-9]+)\] = \{\.title = "([^"]+)"',
                                     read(os.path.relpath(path, TOP))):
            seen += 1
            command = next((c for prefix, c in TABLES.items()
                            if row.lower().startswith(prefix + "_")), None)
            if not command:
                yield (f"column {row}: of which command? Add it to TABLES in "
                       "tests/doc/options_doc.py")
                continue
            said = " ".join(re.sub(r"^\.\w+|\b(?:Li|Ns|Cm)\b", " ", commands.get(c, ""), flags=re.M)
                            for c in [command, *LIKE.get(command, [])])
            if not re.search(rf"\b{re.escape(title.split(' (')[0])}\b", re.sub(r"\s+", " ", said)):
                yield f"rpingmesh-ctl {command}: the column {title} is not in {CTL_PAGE}"
    if seen < 60:
        yield f"only {seen} columns were found: does this script still understand the code?"


# ---- the log ----

def subsystems():
    names = re.findall(r'"(\w+)"', read("include/rpingmesh/log_subsystems.h"))
    _, commands = sections(read(CTL_PAGE))
    for where, text in ((f"log-level in {CTL_PAGE}", commands["log-level"]),
                        ("rpingmesh-ctl log-level --help",
                         run("rpingmesh-ctl", "log-level", "--help")), (CONF_PAGE, read(CONF_PAGE)),
                        ("man/rpingmesh-control.7", read("man/rpingmesh-control.7"))):
        if not re.search(r"[ ,]+(?:Cm )?".join(names), text.replace("\n.", " ").replace("\n", " ")):
            yield f"subsystems of the log: {where} does not list {', '.join(names)}"
    if len(names) < 8:
        yield "too few subsystems of the log were found"


def main():
    problems = [p for part in (options, columns, subsystems) for p in part()]
    for p in problems:
        print(p)
    sys.exit(1 if problems else 0)


main()
