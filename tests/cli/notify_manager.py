# SPDX-License-Identifier: Apache-2.0
"""Stands where systemd stands: starts a daemon with NOTIFY_SOCKET and with sockets passed, and
prints what it is told.

notify_manager.py DIR [--stream PATH | --datagram PATH | --inet]... -- COMMAND...

What arrives at DIR/notify goes to standard output, one datagram a line, its lines joined by spaces;
then, when the command has ended, "exit N". The command's process is that of the file DIR/pid. Its
other output is the caller's standard error. """
import os
import socket
import subprocess
import sys
import threading

FIRST = 3  # SD_LISTEN_FDS_START


def listeners(args):
    made = []
    while args and args[0] != "--":
        option = args.pop(0)
        if option == "--inet":
            s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            s.bind(("127.0.0.1", 0))
        else:
            s = socket.socket(socket.AF_UNIX,
                              socket.SOCK_STREAM if option == "--stream" else socket.SOCK_DGRAM)
            s.bind(args.pop(0))
        if s.type == socket.SOCK_STREAM:
            s.listen(8)
        made.append(s)
    return made


def start(command, passed):
    # High numbers first: what is put at FIRST and behind must not step on what is still to be put
    # there.
    high = [os.dup2(s.fileno(), 100 + i) for i, s in enumerate(passed)]
    targets = [FIRST + i for i in range(len(passed))]

    # LISTEN_PID is known to the process alone: a shell that becomes the command sets it.
    puts = " ".join(f"{t}<&{h} {h}<&-" for t, h in zip(targets, high))
    listen = f"LISTEN_FDS={len(passed)} LISTEN_PID=$$ " if passed else ""
    return subprocess.Popen(["bash", "-c", f'exec {puts}; exec env {listen}"$@"', "bash", *command],
                            pass_fds=high, stdin=subprocess.DEVNULL, stdout=sys.stderr)


def main():
    directory, args = sys.argv[1], sys.argv[2:]
    passed = listeners(args)
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind(f"{directory}/notify")
    os.environ["NOTIFY_SOCKET"] = f"{directory}/notify"
    child = start(args[1:], passed)
    with open(f"{directory}/pid.new", "w") as f:
        f.write(str(child.pid))
    os.rename(f"{directory}/pid.new", f"{directory}/pid")

    def wait():
        # By the way that all else goes, so that it comes last.
        end = f"exit {child.wait()}".encode()
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(end, f"{directory}/notify")

    threading.Thread(target=wait, daemon=True).start()
    text = ""
    while not text.startswith("exit"):
        text = notify.recv(4096).decode().strip().replace("\n", " ")
        print(text, flush=True)


main()
