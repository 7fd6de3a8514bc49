# SPDX-License-Identifier: Apache-2.0
"""Runs a command on a terminal of ROWS x COLUMNS: ctl_pty.py ROWS COLUMNS ACTION[,ACTION…] COMMAND…

An action is SECONDS to wait, "int" for Ctrl-C, or "RxC" to resize. Prints what the terminal got; exits as
the command did (128 + N for signal N).
"""
import fcntl
import os
import pty
import select
import signal
import struct
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


def main():
    rows, columns, actions, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3].split(","), sys.argv[4:]
    pid, fd = pty.fork()
    if pid == 0:
        time.sleep(0.2)  # until the size is set
        os.execvp(command[0], command)
    resize(fd, rows, columns)
    out, alive = [], True
    for action in actions:
        if action == "int":
            os.write(fd, b"\x03")
        elif "x" in action:
            resize(fd, *map(int, action.split("x")))
            os.kill(pid, signal.SIGWINCH)
        else:
            alive = alive and pump(fd, float(action), out)
    pump(fd, 10, out)
    os.kill(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    sys.stdout.buffer.write(b"".join(out))
    sys.stdout.flush()
    sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


main()
