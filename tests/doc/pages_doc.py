#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the programs and the code know against what the pages say, both ways: options, commands,
variables of the environment, classes of probes, states, degraded states; that examples of
configurations are valid, and that each file named by README.md and HACKING.md exists. Prints what
differs."""

import glob
import os
import re
import subprocess
import sys
import tempfile

import tables as code

TOP = os.environ.get("top_srcdir", ".")
BUILD = os.environ.get("top_builddir", ".")
DAEMON_PAGE, CTL_PAGE, CONCEPTS = "man/rpingmeshd.8", "man/rpingmesh-ctl.1", "man/rpingmesh.7"
CENTRAL_PAGE = "man/rpingmesh-central.8"


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as f:
        return f.read()


def rendered(path):
    """A page as one line of text, or a Markdown file without its marks."""
    if path.endswith(".md"):
        return re.sub(r"\s+", " ", read(path))
    text = subprocess.run(["mandoc", "-Tascii", "-O", "width=1000", os.path.join(TOP, path)],
                          stdout=subprocess.PIPE, text=True, check=True).stdout
    return re.sub(r"\s+", " ", re.sub(".\b", "", text))


def differ(what, code, page, where):
    for name in sorted(set(code) ^ set(page)):
        yield f"{what} {name}: " + (f"not in {where}" if name in code else f"only in {where}")
    if not code:
        yield f"no {what} was found in the code"


# ---- the command lines ----

def run(*argv):
    return subprocess.run([os.path.join(BUILD, argv[0]), *argv[1:]], stdout=subprocess.PIPE,
                          text=True, check=True, stdin=subprocess.DEVNULL, timeout=60).stdout


def options_of(text):
    """The long options that a help text explains: those that begin a line, behind a short one or
    not."""
    return set(re.findall(r"^ +(?:-\w, )?(--[a-z][a-z-]+)", text, re.M))


def options_in(mdoc):
    """Those that heads of lists or sections name in mdoc."""
    lines = "\n".join(line for line in mdoc.splitlines()
                      if line.startswith((".It ", ".Ss ", ".Op ")))
    return {"-" + o for o in re.findall(r"Fl (?:\w , Fl )?\\?(-[a-z][a-z-]+)", lines)} | {
        "-" + o for o in re.findall(r"(?:Fl|,) \\?(-[a-z][a-z-]+)", lines)}


def command_lines():
    yield from differ("option of rpingmeshd", options_of(run("rpingmeshd", "--help")),
                      options_in(read(DAEMON_PAGE)), DAEMON_PAGE)
    page = read(CTL_PAGE)
    head, *sections = re.split(r"^\.Ss ", page, flags=re.M)
    help_text = run("rpingmesh-ctl", "--help")
    common = options_of(help_text)
    yield from differ("option of rpingmesh-ctl", common, options_in(head), CTL_PAGE)
    commands = re.findall(r"^  (\w[\w-]*) +",
                          help_text.partition("Commands:")[2].partition("\n\n")[0], re.M)
    described = {re.split(r"\W", s)[0] if not re.match(r"[\w]+-[\w-]+", s)
                 else re.match(r"[\w-]+", s)[0]: s for s in sections}
    yield from differ("command of rpingmesh-ctl", set(commands), set(described), CTL_PAGE)
    for command in commands:
        section = re.split(r"^\.Sh ", described.get(command, ""), flags=re.M)[0]
        own = options_of(run("rpingmesh-ctl", command, "--help")) - common
        yield from (d for d in differ(f"option of rpingmesh-ctl "
                                      f"{command}", own, options_in(section) - common, CTL_PAGE)
                    if not d.startswith("no "))


def environment():
    for page, rooms in ((CTL_PAGE, "ctl"), (DAEMON_PAGE, "core agent rdma record serve trace")):
        code = "".join(read(os.path.relpath(p, TOP)) for room in rooms.split()
                       for p in glob.glob(os.path.join(TOP, "src", room, "**/*.c"), recursive=True))
        for name in set(re.findall(r'getenv\("(\w+)"\)', code)):
            if not re.search(rf"^\.It Ev.*\b{name}\b", read(page), re.M):
                yield f"variable {name} of the environment: not in {page}"
        # What libraries read: setlocale(3); sd_notify(3), sd_listen_fds(3) and
        # sd_watchdog_enabled(3).
        elsewhere = {"ctl": "LC_ALL LC_CTYPE LANG"}.get(
            rooms, "LISTEN_FDS LISTEN_PID NOTIFY_SOCKET WATCHDOG_USEC WATCHDOG_PID").split()
        for line in re.findall(r"^\.It Ev (.*)$", read(page), re.M):
            for name in set(re.findall(r"[A-Z][A-Z_]+", line)) - set(elsewhere):
                if f'"{name}"' not in code:
                    yield f"variable {name} of the environment: in {page}, not in the code"


# ---- tables of names ----

def heads(page, section):
    """The words that heads of lists mark with Cm or Li in a section."""
    text = re.split(r"^\.Sh ", read(page).partition(f"\n.Sh {section}\n")[2], flags=re.M)[0]
    lines = re.findall(r"^\.It (?:Cm|Li) (.*)$", text, re.M)
    return {w for line in lines
            for w in re.findall(r"\w+", line.replace("Li ", "").replace("Cm ", ""))}


def losses_left_out(page):
    """A paragraph that names two classes that count as lost names all, unless it is about one
    class."""
    for paragraph in re.split(r"^\.(?=Pp|Sh|Ss|It)", read(page), flags=re.M):
        if re.match(r"It (?:Cm|Li) (\w+)", paragraph) and paragraph.split()[2] in code.CLASSES:
            continue
        named = code.LOST & set(re.findall(r"^\.(?:Cm|Li) (\w+)", paragraph, re.M))
        if len(named) > 1 and named != code.LOST:
            yield f"{page}: not all classes that are lost: {paragraph!r}"


def tables():
    classes = set(code.CLASSES)
    for page, section in ((CONCEPTS, "CLASSES"), (CTL_PAGE, "CLASSES"),
                          (DAEMON_PAGE, "WHAT IS MEASURED")):
        yield from differ("class", classes, heads(page, section), page)
    rows = set(re.findall(r"^\| `(\w+)` \|", read("README.md"), re.M))
    yield from differ("class", classes, rows & classes, "README.md")
    for page in (CONCEPTS, CTL_PAGE, DAEMON_PAGE):
        yield from losses_left_out(page)
    yield from differ("state of a peer", code.words("peer", "state"), heads(DAEMON_PAGE, "PEERS"),
                      DAEMON_PAGE)
    yield from differ("state of a port", code.words("device", "port_state"),
                      heads(DAEMON_PAGE, "DEVICES"), DAEMON_PAGE)


# ---- degraded states ----

def functions(path):
    return re.findall(r"^(\w+)\([^;{}]*?\)\n\{\n(.*?)^\}",
                      re.sub(r"/\*.*?\*/", "", read(path), flags=re.S), re.S | re.M)


def literals(body):
    """String literals, those that stand side by side as one, conversions as %."""
    for whole in re.findall(r'"(?:[^"\\]|\\.)*"(?:\s*(?:PRI\w+\s*)?"(?:[^"\\]|\\.)*")*', body):
        text = re.sub(r'%"\s*PRI\w+\s*"', "%d", whole[1:-1])
        yield re.sub(r"%[-+ #0-9.*]*(?:l|ll|z)?[a-zA-Z]", "%", re.sub(r'"\s*"', "", text))


def sentences(room):
    """What a program may say of a degraded state: each fragment that tells one from the others."""
    for path in sorted(glob.glob(os.path.join(TOP, "src", room, "**/*.c"), recursive=True)):
        for name, body in functions(os.path.relpath(path, TOP)):
            if "fn(arg, " in body or re.search(
                    r"_(sentence|flaps_text|counters_text|unopened_text|fsm_reason|fsm_failure)$",
                    name):
                yield from literals(body)


def key(sentence):
    """The longest stretch of a sentence, up to its cure, without a conversion: to the end of the
    clause."""
    longest = max(re.split(r";", sentence)[0].split("%"), key=len).strip(" :,/")
    clause = re.split(r"[:,(]", longest)[0].strip()
    return clause if " " in clause else longest


def degraded():
    yield from degraded_of("agent", DAEMON_PAGE, "rpingmesh_degraded_reason", "DEGRADED", 15)
    yield from degraded_of("central", CENTRAL_PAGE, "rpingmesh_central_degraded_reason", "CENTRAL",
                           9)


def degraded_of(room, page, metric, prefix, least):
    said = [s for s in sentences(room) if s.count(" ") >= 2 and "%Y" not in s]
    text = rendered(page)
    for s in said:
        if key(s) not in text:
            yield f"degraded state \"{s}\": {page} does not have \"{key(s)}\""
    section = re.split(r"^\.S[sh] ", read(page).partition("\n.Sh DEGRADED STATES\n")[2],
                       flags=re.M)[0]
    items = [i for line in re.findall(r"^\.It Li (.*)$", section, re.M)
             for i in re.split(r" , Li ", line)]
    for item in items:
        if not any(item.strip('"') in s for s in said):
            yield f"degraded state \"{item}\": in {page}, not in the code"
    head = section.partition(".Bl")[0].partition(metric)[2]
    yield from differ("reason of a degraded state",
                      set(re.findall(rf'\[{prefix}_\w+\] = "(\w+)"',
                                     read("include/rpingmesh/states.h"))),
                      set(re.findall(r"^\.Li (\w+)", head, re.M)), page)
    if len(said) < least or not items:
        yield "too few degraded states were found: does this script still understand the code?"


# ---- messages ----

def said_by_programs():
    sources = (path for room in ("ctl", "serve", "core", "agent", "trace")
               for path in sorted(glob.glob(os.path.join(TOP, "src", room, "**/*.c"),
                                            recursive=True)))
    return " ".join(t for path in sources
                    for t in literals(read(os.path.relpath(path, TOP)))).replace('\\"', '"')


def messages():
    """The messages that DIAGNOSTICS of both pages and README.md explain are messages of the
    programs."""
    said, states = said_by_programs(), set(code.words("peer", "state"))
    for page, least in ((CTL_PAGE, 4), (DAEMON_PAGE, 3), ("README.md", 5)):
        if page == "README.md":
            table = read(page).partition("| message | what to do |\n")[2].partition("\n\n")[0]
            found = re.findall(r"^\| (.*?) \|", table, re.M)[1:]
        else:
            section = re.split(r"^\.Sh ", read(page).partition("\n.Sh DIAGNOSTICS\n")[2],
                               flags=re.M)[0]
            section = section.replace("\\(dq", '"').replace("\\&...", "…")
            found = re.findall(r"^\.It Li (.*)$", section, re.M)
        for message in found:
            state = re.fullmatch(r"peer `(\w+)`", message)
            longest = max(re.split(r'…|\(|"|:|, ', message), key=len).strip()
            if not (state[1] in states if state else longest in said):
                yield f"message \"{message}\": {page} has \"{longest}\", no program does"
        if len(found) < least:
            yield f"{page}: too few messages were found"


# ---- examples ----

def examples():
    """The configurations that README.md and rpingmeshd.conf(5) show are valid ones."""
    blocks = {"README.md": re.findall(r"(?:^    .* = .*;.*\n)+",
                                      read("README.md").partition("## Configure it")[2], re.M)[:1],
              "man/rpingmeshd.conf.5": re.findall(r"^\.Bd -literal -offset indent\n(.*?)^\.Ed",
                                                  read("man/rpingmeshd.conf.5").partition(
                                                      "\n.Sh EXAMPLES\n")[2], re.S | re.M)}
    for where, found in blocks.items():
        if not found:
            yield f"{where}: no example of a configuration was found"
        for text in found:
            with tempfile.NamedTemporaryFile("w", suffix=".conf") as f:
                f.write(text.replace("\\e", "\\"))
                f.flush()
                p = subprocess.run([os.path.join(BUILD, "rpingmeshd"), "-t", "-c", f.name],
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                   check=False, timeout=60)
                if p.returncode:
                    yield f"{where}: its configuration is not valid: {p.stdout.strip()}"


# ---- files that are named ----

def paths():
    known = subprocess.run(["find", ".", "-name", ".git", "-prune", "-o", "-print"], cwd=TOP,
                           stdout=subprocess.PIPE, text=True, check=True).stdout
    base = {os.path.basename(p) for p in known.splitlines()}
    for document in ("README.md", "HACKING.md"):
        text = read(document)
        named = set(re.findall(
            r"(?<![\w/.$*-])((?:src|tests|contrib|bpf|include|etc)/[\w./*+-]*[\w*])", text))
        for name in sorted(named):
            if (not re.search("NAME|ROOM", name) and not glob.glob(os.path.join(TOP, name)) and
                    not os.path.exists(os.path.join(BUILD, name)) and not made(name)):
                yield f"{document} names {name}, which does not exist"
        for name in sorted(set(re.findall(r"`(\w+\.(?:[ch]|py|sh))`", text))):
            if name not in base:
                yield f"{document} names {name}, which does not exist"
        if len(named) < (3 if document == "README.md" else 40):
            yield f"{document}: too few files were found"


def made(name):
    """Whether a build makes it: a program or a generated file that a file of the build names."""
    for path in glob.glob(os.path.join(TOP, "**/*.am"), recursive=True):
        folder = os.path.relpath(os.path.dirname(path), TOP)
        text = read(os.path.relpath(path, TOP)).replace("%D%", folder)
        if re.search(rf"(?<![\w/]){re.escape(name)}(?![\w/])", text):
            return True
    return False


def main():
    problems = [p for part in (command_lines, environment, tables, degraded, messages, examples,
                               paths) for p in part()]
    for p in problems:
        print(p)
    sys.exit(1 if problems else 0)


main()
