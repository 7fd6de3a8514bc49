#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A daemon's answers against the manual: every method that rpingmesh-control(7) names is called as
it says, and each answer, error and notification is compared, field by field, with the tables of the
two pages.

    wire.py SOCKET          whatever the daemon has to say; without a device, that is the status,
                            and peers that nobody can reach"""

import errno
import importlib.util
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import manpage  # noqa: E402

TOP = os.environ.get("top_srcdir",
                     os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))


def example():
    """contrib/examples/subscribe.py as a module: what a user would start from is what talks
    here."""
    spec = importlib.util.spec_from_file_location(
        "subscribe", os.path.join(TOP, "contrib/examples/subscribe.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Checker:
    """Calls methods and compares; problems are kept, and how many maps of each kind were
    compared."""

    def __init__(self, path):
        self.pages = manpage.Pages(TOP)
        self.subscribe = example()
        self.daemon = self.subscribe.Daemon(path)
        self.problems = []
        self.seen = {}
        self.called = set()

    def compare(self, value, kind, where):
        if kind.startswith("map ") and " or list of " in kind:  # in pages, or as one list
            page, _, whole = kind.partition(" or ")
            kind = whole if isinstance(value, list) else page
        self.problems += self.pages.problems(value, kind, where)
        for one in value if isinstance(value, list) else [value]:
            name = kind.removeprefix("list of ").removeprefix("map ")
            self.seen[name] = self.seen.get(name, 0) + (one is not None)

    def call(self, method, **params):
        self.called.add(method)
        result = self.daemon.call(method, **params)
        self.compare(result, self.pages.methods[method].answer, method)
        return result

    def refused(self, code, method, **params):
        """The call must fail with this errno."""
        self.called.add(method)
        try:
            self.daemon.call(method, **params)
            self.problems.append(f"{method} {params} is not refused")
        except self.subscribe.DaemonError as e:
            if e.code != code:
                self.problems.append(f"{method} {params}: {errno.errorcode.get(e.code, e.code)} "
                                     f"instead of {errno.errorcode[code]}: {e}")

    def notified(self, name, record):
        kinds = self.pages.notifications()
        if name not in kinds:
            self.problems.append(f"notification {name} is in no method of the manual")
        else:
            self.compare(record, kinds[name], f"notification {name}")

    def methods(self):
        """The list of methods is the manual's, rights included."""
        told = {m["name"]: m["change"] for m in self.call("methods")}
        known = {name: m.change for name, m in self.pages.methods.items()}
        for name in sorted(set(told) | set(known)):
            if told.get(name) != known.get(name):
                self.problems.append(f"method {name}: change is {told.get(name)} on the wire, "
                                     f"{known.get(name)} in the manual")

    def everything(self):
        """What any daemon answers."""
        self.methods()
        for name in ("status", "devices", "peers", "targets", "flows", "windows", "config",
                     "config_peers", "log_level"):
            self.call(name)
        for by in ("target", "flow", "device"):
            self.call("windows", by=by, limit=1)
        for name in ("peers", "targets"):
            self.call(name, limit=1)
        for name in ("subscribe", "subscribe_windows", "events", "unsubscribe",
                     "unsubscribe_windows", "events_stop", "acknowledge"):
            self.call(name)
        self.call("reload")
        self.call("log_level_set", level="debug", subsystems=["peer"])
        self.refused(errno.EINVAL, "log_level_set", level="loud")
        self.refused(errno.EINVAL, "log_level_set")
        self.refused(errno.EINVAL, "log_level_set", level="info", subsystems=["moon"])
        for peer in self.daemon.call("peers")[:2]:
            self.call("explain", target=peer["address"])
            self.call("path", target=peer["address"])
        self.refused(errno.ENOENT, "path", target="no.such.peer")
        self.refused(errno.EINVAL, "path")
        self.refused(errno.ENOENT, "explain", target="no.such.peer")
        self.refused(errno.EINVAL, "explain")
        self.refused(errno.ENOSYS, "no_such_method")
        self.refused(errno.EINVAL, "ping")
        self.refused(errno.EINVAL, "ping", host="10.0.0.1", size=49)
        self.refused(errno.EINVAL, "windows", by="moon")
        self.refused(errno.ENODEV, "acknowledge", device="nosuch0")
        self.refused(errno.ENOENT, "ping_stop", ping=4711)
        self.rest()

    def rest(self):
        """Methods that are named nowhere above: called as they are, if nothing is required."""
        for name, method in self.pages.methods.items():
            if name in self.called:
                continue
            required = [key for key, field in method.params.items() if not field.optional]
            if required:
                self.problems.append(f"method {name} needs {', '.join(required)}: "
                                     "call it in everything() of tests/doc/wire.py")
            else:
                self.call(name)


def main():
    checker = Checker(sys.argv[1])
    checker.everything()
    checker.refused(errno.EHOSTUNREACH, "ping", host="10.9.9.9")
    for p in checker.problems:
        print(p)
    print(f"compared: {', '.join(f'{n} {k}' for k, n in sorted(checker.seen.items()))}")
    sys.exit(1 if checker.problems else 0)


if __name__ == "__main__":
    main()
