# SPDX-License-Identifier: Apache-2.0
"""gdb on the kernel of a test VM: symbols of its modules. Sourced by gdb, see tests/vm/run
--kernel-gdb.

Modules get their symbols as they are loaded, just before their code runs, so that a breakpoint in
one may be set before that; `load-modules` does it for those that are already there. The symbols lie
beside those of the kernel: vmlinux, modules/*.ko."""

import os

import gdb

# What code and its data lie in. That of the module's beginning is freed once it has begun, and the
# next module may get the place.
SECTIONS = (".text", ".exit.text", ".noinstr.text", ".data", ".rodata", ".bss")
FIRST_SECTIONS = (".init.text", ".init.data")
# enum module_state
LIVE, COMING = 0, 1

loaded = {}  # name of a module: address of its text and its state when gdb got its symbols


def symbol_file(name):
    """Debian keeps what is stripped off in a file with the module's name, in which - and _ are the
    same."""
    directory = os.path.join(os.path.dirname(gdb.objfiles()[0].filename), "modules")
    for file in os.listdir(directory):
        if file.split(".ko")[0].replace("-", "_") == name:
            return os.path.join(directory, file)
    return None


def section_attributes(module):
    """(bin_attribute, address) of each section, as /sys/module/NAME/sections has them. Since Linux
    6.14 the address is the attribute's private pointer and the list ends with the group's."""
    sections = module["sect_attrs"].dereference()
    fields = [f.name for f in sections.type.fields()]
    if "nsections" in fields:
        for i in range(int(sections["nsections"])):
            yield sections["attrs"][i]["battr"], int(sections["attrs"][i]["address"])
        return
    group = sections["grp"]
    pointers = group["bin_attrs"]
    i = 0
    while int(pointers[i]):
        yield sections["attrs"][i], int(sections["attrs"][i]["private"])
        i += 1


def sections_of(module, state):
    found = {a["attr"]["name"].string(): address for a, address in section_attributes(module)}
    wanted = SECTIONS + FIRST_SECTIONS if state == COMING else SECTIONS
    return {n: a for n, a in found.items() if n.startswith(wanted) and a}


def load(module):
    """Adds one module's symbols; says so. Those of an earlier life of the module go."""
    name, state = module["name"].string(), int(module["state"])
    file = symbol_file(name)
    if file is None or state not in (LIVE, COMING):
        return
    sections = sections_of(module, state)
    text = sections.pop(".text", None)
    if text is None or loaded.get(name) == (text, state):
        return
    old = loaded.pop(name, (None, None))[0]
    if old is not None:
        gdb.execute(f"remove-symbol-file -a {old:#x}", to_string=True)
    more = "".join(f" -s {n} {a:#x}" for n, a in sorted(sections.items()))
    gdb.execute(f"add-symbol-file {file} {text:#x}{more}", to_string=True)
    loaded[name] = text, state
    if old != text:
        gdb.write(f"module {name} at {text:#x}\n")


def load_all():
    for module in modules():
        load(module)


def modules():
    """struct module of each that is loaded; none while the kernel is not up yet, and memory is not
    what it will be."""
    kind = gdb.lookup_type("struct module")
    offset = next(f.bitpos // 8 for f in kind.fields() if f.name == "list")
    try:
        head = gdb.parse_and_eval("&modules")
        entry = head["next"]
        while int(entry) not in (0, int(head)):
            yield gdb.Value(int(entry) - offset).cast(kind.pointer()).dereference()
            entry = entry["next"]
    except gdb.MemoryError:
        return


class LoadModules(gdb.Command):
    """Loads the symbols of the kernel's modules, as far as they are at hand."""

    def __init__(self):
        super().__init__("load-modules", gdb.COMMAND_FILES)

    def invoke(self, argument, from_tty):
        load_all()


class ModuleComes(gdb.Breakpoint):
    """Where the kernel has placed a module, and not run it yet."""

    def __init__(self):
        super().__init__("do_init_module", internal=True)
        self.silent = True

    def stop(self):
        try:
            # The new one, and those that were new before.
            load_all()
        except gdb.error as error:
            gdb.write(f"no symbols of a module: {error}\n")
        return False


gdb.execute("set breakpoint pending on")
LoadModules()
ModuleComes()
