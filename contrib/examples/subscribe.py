#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Asks rpingmeshd, or listens to it, with Python's msgpack (Debian: python3-msgpack) and nothing
else.

    subscribe.py                          each probe that ends, as a line; Ctrl-C ends it and sums
                                          up by peer
    subscribe.py --windows --events       statistics when a window is over, events in the life of
                                          QPs
    subscribe.py --kinds service -c 100   a hundred probes along the flows of services
    subscribe.py --call status            one method; its answer as JSON
    subscribe.py --call methods           which methods there are
    subscribe.py --call flows limit=10    with a parameter

How it talks to the daemon is told by rpingmesh-control(7), what a record means by
rpingmesh-records(5). Take it as a beginning: class Daemon is all that another program needs."""

import argparse
import collections
import json
import os
import socket
import sys

import msgpack

REQUEST, RESPONSE, NOTIFICATION = 0, 1, 2
SCHEMA = 1


class DaemonError(Exception):
    """The daemon's answer was an error: a Linux errno, and a sentence."""

    def __init__(self, method, error):
        super().__init__(f"{method}: {error['message']}")
        self.code = error["code"]


class Daemon:
    """A connection to rpingmeshd."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)
        # Names of processes and control groups need not be UTF-8.
        self.unpacker = msgpack.Unpacker(raw=False, unicode_errors="replace", max_buffer_size=2**26)
        self.id = 0
        self.waiting = collections.deque()

    def frame(self):
        """The next frame; None: the daemon has closed the connection."""
        while True:
            try:
                return self.unpacker.unpack()
            except msgpack.OutOfData:
                data = self.socket.recv(65536)
                if not data:
                    return None
                self.unpacker.feed(data)

    def call(self, method, **params):
        """The result of a method. Notifications that come before its answer are kept for
        notifications()."""
        self.id += 1
        self.socket.sendall(msgpack.packb([REQUEST, self.id, method, [params] if params else []]))
        while True:
            frame = self.frame()
            if frame is None:
                raise ConnectionError("the daemon closed the connection")
            if frame[0] == NOTIFICATION:
                self.waiting.append((frame[1], frame[2][0]))
            elif frame[0] == RESPONSE and frame[1] == self.id:
                if frame[2] is not None:
                    raise DaemonError(method, frame[2])
                return frame[3]

    def notifications(self):
        """(name, record) of each, as they come; ConnectionResetError when the daemon hangs up."""
        while True:
            while self.waiting:
                yield self.waiting.popleft()
            frame = self.frame()
            if frame is None:
                raise ConnectionResetError("the daemon closed the connection")
            if frame[0] == NOTIFICATION:
                yield frame[1], frame[2][0]


def line_of(name, record):
    """A record in a line for people. Keys that this program does not know are passed over."""
    if name == "probe":
        rtt = f"{record['rtt_ns'] / 1e3:.1f} us" if record["rtt_ns"] is not None else "-"
        return (f"{record['device']} -> {record['peer']} seq={record['seq']} {record['class']} "
                f"rtt={rtt} port={record['src_port'] or '?'} clock={record['clock']}" +
                (f" ({record['reason']})" if record["reason"] else ""))
    if name == "window":
        p50 = record["rtt"] and record["rtt"]["p50_ns"]
        return (f"window by {record['by']}: {record['device']} -> {record.get('peer', 'all')} "
                f"due={record['due']} lost={record['loss_lost']}/{record['loss_of']} "
                f"[{record['loss_low']:.4f} {record['loss_high']:.4f}] rtt "
                f"p50={f'{p50 / 1e3:.1f} us' if p50 is not None else '-'}")
    if name == "event":
        return f"QP {record['qpn']} of {record['comm']} on {record['device']}: {record['event']}"
    if name == "dropped":
        return f"{record['count']} notifications were missed: this program reads too slowly"
    return json.dumps(record)


def listen(daemon, args):
    """Prints notifications until there are enough, and counts the classes of probes by peer."""
    peers = collections.defaultdict(collections.Counter)
    if args.windows:
        daemon.call("subscribe_windows")
    if args.events:
        daemon.call("events")
    if args.kinds or not (args.windows or args.events):
        daemon.call("subscribe", **({"kinds": args.kinds} if args.kinds else {}))
    try:
        for n, (name, record) in enumerate(daemon.notifications(), 1):
            print(json.dumps(record) if args.json else line_of(name, record), flush=True)
            if name == "probe":
                peers[record["peer"]][record["class"]] += 1
            if n == args.count:
                break
    except KeyboardInterrupt:
        pass
    finally:
        for peer, classes in sorted(peers.items()):
            print(f"{peer}: " + ", ".join(f"{c} {n}" for c, n in sorted(classes.items())),
                  file=sys.stderr)


def parameter(text):
    """KEY=VALUE; the value as JSON, or as the text that it is."""
    key, _, value = text.partition("=")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def arguments():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("-S", "--socket",
                   default=os.environ.get("RPINGMESH_SOCKET", "/run/rpingmesh/rpingmeshd.sock"))
    p.add_argument("--call", nargs="+", metavar=("METHOD", "KEY=VALUE"),
                   help="call a method and print its answer")
    p.add_argument("--kinds", nargs="+", choices=("mesh", "ping", "service"),
                   help="probes of these kinds only")
    p.add_argument("--windows", action="store_true", help="windows of statistics")
    p.add_argument("--events", action="store_true", help="events in the life of QPs")
    p.add_argument("--json", action="store_true", help="records as they are, one a line")
    p.add_argument("-c", "--count", type=int, default=0, help="end after so many notifications")
    return p.parse_args()


def main():
    args = arguments()
    try:
        daemon = Daemon(args.socket)
        schema = daemon.call("status")["schema"]
        if schema != SCHEMA:
            sys.exit(f"the daemon's records have schema {schema}, this program knows {SCHEMA}")
        if args.call:
            print(json.dumps(daemon.call(args.call[0], **dict(map(parameter, args.call[1:]))),
                             indent=2))
        else:
            listen(daemon, args)
    except BrokenPipeError:  # who read our output has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, DaemonError) as e:
        sys.exit(f"{args.socket}: {e}")


if __name__ == "__main__":
    main()
