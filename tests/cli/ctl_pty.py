# SPDX-License-Identifier: Apache-2.0
"""Runs a command on a terminal of ROWS x COLUMNS: ctl_pty.py ROWS COLUMNS ACTION[,ACTION…] COMMAND…

An action is SECONDS to wait, "int" for Ctrl-C, "susp" for Ctrl-Z and, once it has stopped, SIGCONT,
"term" for SIGTERM, "RxC" to resize, "key:TEXT" to type, "do:FILE" to run a script meanwhile, or
"see:TEXT" to wait until that is drawn. Prints what the terminal got, and whether its modes are what
they were: "[modes kept]" or "[modes changed]", when it stopped and at the end. Exits as the command
did (128 + N for signal N), 99 if something was never seen.
"""
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time


def resize(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def pump(fd, seconds, out):
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if select.select([fd], [], [], left)[0]:
            try:
                data = os.read(fd, 65536)
            except OSError:
                return False
            if not data:
                return False
            out.append(data)
    return True


def see(fd, text, out):
    """From the last action on."""
    begin, end = sum(map(len, out)), time.monotonic() + 20
    while text.encode() not in b"".join(out)[begin:]:
        if time.monotonic() > end or not pump(fd, 0.05, out):
            return False
    return True


def modes(fd, was, out):
    out.append(b"\n[modes kept]\n" if termios.tcgetattr(fd) == was else b"\n[modes changed]\n")


def suspend(pid, fd, was, out):
    os.write(fd, b"\x1a")
    for _ in range(100):
        pump(fd, 0.05, out)
        if os.WIFSTOPPED(os.waitpid(pid, os.WUNTRACED | os.WNOHANG)[1]):
            out.append(b"\n[stopped]")
            break
    modes(fd, was, out)
    os.kill(pid, signal.SIGCONT)


def main():
    rows, columns, actions, command = (int(sys.argv[1]), int(sys.argv[2]), sys.argv[3].split(","),
                                       sys.argv[4:])
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.setdefault("TERM", "xterm")
        time.sleep(0.2)  # until the size is set
        os.execvp(command[0], command)
    resize(fd, rows, columns)
    was, out, alive = termios.tcgetattr(fd), [], True
    for action in actions:
        verb, _, what = action.partition(":")
        if verb == "int":
            os.write(fd, b"\x03")
        elif verb == "susp":
            suspend(pid, fd, was, out)
        elif verb == "term":
            os.kill(pid, signal.SIGTERM)
        elif verb == "key":
            os.write(fd, what.encode().decode("unicode_escape").encode())
        elif verb == "do":
            subprocess.Popen(["sh", what], stdin=subprocess.DEVNULL)
        elif verb == "see":
            if not see(fd, what, out):
                out.append(f"\n[never seen: {what}]\n".encode())
                os.kill(pid, signal.SIGTERM)
        elif "x" in action:
            resize(fd, *map(int, action.split("x")))
            os.kill(pid, signal.SIGWINCH)
        else:
            alive = alive and pump(fd, float(action), out)
    pump(fd, 10, out)
    os.kill(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    modes(fd, was, out)
    sys.stdout.buffer.write(b"".join(out))
    sys.stdout.flush()
    if b"[never seen" in b"".join(out):
        sys.exit(99)
    sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


main()
