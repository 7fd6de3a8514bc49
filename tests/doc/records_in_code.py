# SPDX-License-Identifier: Apache-2.0
"""The maps that the daemon packs, read from its C code: which keys, of which type. What it does not
understand is an error, so that nothing is left out in silence: see Code.unknown.

A map begins with record_begin(&M, TYPE) and ends with record_end(&M, WHERE); between them
record_str(), record_u64() and so on give M a key, or functions that take M (`struct record *`) do.
A function that takes a key as well, as `const char *key`, gets it from its caller."""

import glob
import os
import re

import tables

GIVERS = {
    "record_str": "string", "record_u64": "integer", "record_u64_if": "integer or nil",
    "record_bool": "boolean",
    "record_double": "number", "record_double_if": "number or nil", "record_key": "nested",
}
# Keys that come out of a function with a table of names.
NAMES = {"probe_class_name": "class_names", "probe_noise_name": "noise_names",
         "probe_clock_name": "clock_names"}
# Keys that are data: the map is a table.
DATA = ("log_subsystem_name", "port_event_name", "device_async_name", "c->name")
# Maps that neither their type nor the key that they are under names: by the function that packs
# them and the variable.
PLACES = {
    ("record_window_histogram", "map"): "histogram", ("record_window_size", "map"): "size",
    ("flow_record_pack_owners", "map"): "owner",
    ("flow_record_qp", "map"): "qp", ("nic_record_gids", "map"): "gid",
    ("nic_record_history", "map"): "history",
    ("nic_record_counters", "one"): "counter", ("verdict_path", "map"): "lossy",
    ("methods_acknowledge", "r"): "acknowledged",
    ("methods_ping", "r"): "ping", ("methods_flows", "r"): "flows",
    ("windows_page", "r"): "windows",
    ("explain_stream", "map"): "stream", ("reload_pack_names", "map"): "names",
    ("reload_pack_key", "map"): "change", ("reload_record_value", "r"): "key",
    ("reload_record_files", "map"): "file", ("reload_pack_peer", "r"): "config_peer",
    ("reload_record_peers", "r"): "config_peers",
}


def arguments(text, at):
    """The arguments of a call whose bracket opens at text[at], and where it ends."""
    depth, start, out, quoted = 0, at + 1, [], False
    for i in range(at, len(text)):
        c = text[i]
        if c == '"' and text[i - 1] != "\\":
            quoted = not quoted
        if quoted:
            continue
        if c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
            if depth == 0:
                out.append(text[start:i].strip())
                return out, i
        elif c == "," and depth == 1:
            out.append(text[start:i].strip())
            start = i + 1
    raise ValueError("a bracket that does not close")


class Function:
    def __init__(self, name, params, body):
        self.name = name
        self.body = body
        self.params = [p.strip() for p in params.replace("\n", " ").split(",")]
        self.names = [re.sub(r"\[.*", "", p).split("*")[-1].split(" ")[-1] for p in self.params]
        self.record = next((i for i, p in enumerate(self.params)
                            if p.startswith("struct record *")), None)
        self.calls = []
        for m in re.finditer(r"\b([a-z]\w*)\(", body):
            args, _ = arguments(body, m.end() - 1)
            self.calls.append((m[1], args))


class Code:
    def __init__(self, top="."):
        self.functions = {}
        self.tables = {}
        self.unknown = []
        self.maps = {}     # name -> {key: type}
        self.nested = {}   # (map, key) -> name of the map under it
        for pattern in ("src/record/record*.c", "src/agent/*/*.c", "src/agent/*.c"):
            for path in sorted(glob.glob(os.path.join(top, pattern))):
                with open(path, encoding="utf-8") as f:
                    self.read(re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S))
        with open(os.path.join(top, "src/stat/result.c"), encoding="utf-8") as f:
            for name, body in re.findall(r"const char \*const (\w+)\[\] = \{(.*?)\};", f.read(),
                                         re.S):
                self.tables[name] = re.findall(r'"(\w+)"', body)
        self.tables["class_names"] = list(tables.CLASSES)
        self.reached = set()
        for function in list(self.functions.values()):
            self.begun(function)
        for function in self.functions.values():
            gives = any(c in GIVERS for c, _ in function.calls)
            if (gives and function.name not in [*GIVERS, "record_begin"] and
                    function.name not in self.reached):
                self.unknown.append(f"{function.name}() packs keys into no map that is known")

    def read(self, text):
        for name, params, body in re.findall(r"^(\w+)\(([^;{}]*?)\)\n\{\n(.*?)^\}", text,
                                             re.S | re.M):
            self.functions[name] = Function(name, params, body)

    def keys(self, function, expression, env):
        """Which keys an expression stands for."""
        if re.fullmatch(r'"\w+"', expression):
            return [expression[1:-1]]
        if expression in env:
            return self.keys(function, env[expression], {})
        called = re.match(r"(\w+)\(", expression)
        if called and called[1] in NAMES:
            return [n for n in self.tables[NAMES[called[1]]] if n != "none"]
        if expression.startswith(DATA):
            return []
        array = re.fullmatch(r"(\w+)\[\w+\]", expression)
        found = array and re.search(rf"{array[1]}\[\] = \{{(.*?)\}};", function.body, re.S)
        if found:
            return re.findall(r'"(\w+)"', found[1])
        self.unknown.append(f"{function.name}(): which keys are `{expression}`?")
        return []

    def given(self, function, receiver, env, calls):
        """{key: type} that these calls of a function give to the map `receiver`."""
        out = {}
        self.reached.add(function.name)
        for name, args in calls:
            if name in GIVERS and args[0] == receiver:
                for key in self.keys(function, args[1], env):
                    if name == "record_str" and args[2] == "NULL":
                        out.setdefault(key, "nil")
                    elif out.get(key) in (None, "nil"):
                        out[key] = GIVERS[name]
                continue
            callee = self.functions.get(name)
            if (not callee or callee.record is None or name in GIVERS or
                    len(args) <= callee.record or args[callee.record] != receiver):
                continue
            inner = {p: self.resolved(a, env) for p, a in zip(callee.names, args)}
            for key, kind in self.given(callee, callee.names[callee.record], inner,
                                        callee.calls).items():
                if out.get(key) in (None, "nil"):
                    out[key] = kind
        return out

    @staticmethod
    def resolved(argument, env):
        return env.get(argument, argument)

    def begun(self, function):
        """The maps that begin in this function."""
        for at, (name, args) in enumerate(function.calls):
            if name != "record_begin" or function.name == "record_begin":
                continue
            end = next(i for i in range(at, len(function.calls)) if function.calls[i][0] ==
                       "record_end" and function.calls[i][1][0] == args[0])
            where = function.calls[end][1][1]
            keys = self.given(function, args[0], {}, function.calls[at + 1:end])
            if args[1] != "NULL":
                keys["type"] = "string"
            # A map under way whose own record_end() holds a key of it, as in record_end(&one,
            # record_key(&map, ...)).
            under = re.fullmatch(r'record_key\(&?\w+, "(\w+)"\)', where)
            variable = args[0].lstrip("&")
            if args[1] != "NULL":
                label = args[1].strip('"')
            elif (function.name, variable) in PLACES:
                label = PLACES[(function.name, variable)]
            elif under:
                label = under[1]
            else:
                self.unknown.append(f"{function.name}(): which map is `{variable}`? "
                                    "Name it in PLACES")
                continue
            if keys or label not in self.maps:
                self.maps[label] = keys
        return self.maps


def methods(top="."):
    """{name: whether it needs the right to change} of the daemon's methods."""
    with open(os.path.join(top, "src/agent/tell/methods.c"), encoding="utf-8") as f:
        table = re.search(r"methods_table\[\] = \{\n(.*?)^\};", f.read(), re.S | re.M)[1]
    out = {name: right == "CHANGE"
           for name, right in re.findall(r'\{"(\w+)",.*?CONTROL_(READ|CHANGE),', table, re.S)}
    out["methods"] = False
    return out


def parameters(top="."):
    """Keys of parameters that the daemon looks for."""
    with open(os.path.join(top, "src/agent/tell/params.c"), encoding="utf-8") as f:
        text = f.read()
    return (set(re.findall(r'params_(?:text|find)\(\w+, "(\w+)"', text)) |
            set(re.findall(r'\{\s*"(\w+)",', text)))


# Where the words come from that a field may hold: tables of names, what stands in them and never
# comes, and what comes besides.
WORDS = {
    "probe.kind window.kind": ("src/stat/result.c:kind_names", "", ""),
    "target.kind": ("src/stat/result.c:kind_names", "service", ""),
    "probe.clock device.clock": ("src/stat/result.c:clock_names", "", ""),
    "probe.path window.path flow.path target.path": ("src/stat/result.c:path_names", "", ""),
    "probe.host_noise": ("src/stat/result.c:noise_names", "none", ""),
    "window.by": ("src/record/record_window.c:record_window_by_names", "", ""),
    "device.port_state history.from history.to": ("src/agent/nic/port_fsm.c:port_state_names", "",
                                                  ""),
    "verdict.loss_verdict": ("src/stat/sequential.c:sequential_names", "", ""),
    "flow.probing": ("src/agent/peer/service.c:service_state_names", "", ""),
    "qp.state event.state": ("src/trace/flows_names.c:flow_qp_state_names", "", "unknown"),
    "trace.state": ("src/trace/tracer_names.c:state_names", "", ""),
    "status.throttle_reason": ("src/probe/throttle.c:throttle_reason_names", "none", ""),
    "peer.state": ("src/probe/prober_peer.c:state_names src/agent/peer/peer.c:peer_binding_names",
                   "bound", ""),
}


def words(top="."):
    """{(map, field): set of the words that it may hold}, of the fields whose words stand in
    tables."""
    out = {("probe", "class"): set(tables.CLASSES)}
    for fields, (paths, never, besides) in WORDS.items():
        found = set(besides.split())
        for table in paths.split():
            path, name = table.split(":")
            with open(os.path.join(top, path), encoding="utf-8") as f:
                body = re.search(rf"\b{name}\[\] = \{{(.*?)\}};", f.read(), re.S)[1]
            found |= set(re.findall(r'"([^"]+)"', body))
        for field in fields.split():
            out[tuple(field.split("."))] = found - set(never.split())
    return out
