#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""cluster_load.py [HOSTS]: that many hosts (1,000 unless given; cluster_load.c) at one mosquitto,
with one rpingmesh-central; in the build directory, or $RPINGMESH_BUILD. Prints figures."""

import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get("RPINGMESH_BUILD", ".")
HOSTS = int(sys.argv[1]) if len(sys.argv) > 1 else 1000


def kb(pid, key):
    with open(f"/proc/{pid}/status") as f:
        return int(f.read().partition(key + ":")[2].split()[0])


def cpu_s(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    directory = tempfile.mkdtemp()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    broker = f"mqtt://127.0.0.1:{port}"
    for name, text in (("mosquitto.conf", f"listener {port} 127.0.0.1\nallow_anonymous true\n"
                        f"max_queued_messages 100000\nmessage_size_limit 4194304\n"),
                       ("central.conf", f'broker = "{broker}"; socket = "{directory}/sock";\n'
                        'socket_group = ""; rails_isolated = true; paths = 64;\n')):
        with open(os.path.join(directory, name), "w") as f:
            f.write(text)
    programs = {}
    with open(os.path.join(directory, "log"), "w") as log:
        for name, argv in (("mosquitto", ["/usr/sbin/mosquitto"]),
                           ("central", [os.path.join(BUILD, "rpingmesh-central")])):
            programs[name] = subprocess.Popen(
                [*argv, "-c", os.path.join(directory, name + ".conf")], stdout=log, stderr=log)
    try:
        while True:
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        load = subprocess.Popen([os.path.join(BUILD, "tests/bench/cluster_load"), broker,
                                 str(HOSTS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                text=True)
        print(f"hosts {HOSTS}")
        for line in load.stdout:
            print(line, end="")
            if line.startswith("host_memory"):
                break
        for name, program in programs.items():
            print(f"{name}_cpu {cpu_s(program.pid):.2f} s")
            print(f"{name}_memory {kb(program.pid, 'VmRSS') / 1024:.1f} MB")
            print(f"{name}_memory_peak {kb(program.pid, 'VmHWM') / 1024:.1f} MB")
        load.communicate("\n")
        return load.returncode
    finally:
        for program in programs.values():
            program.terminate()
            program.wait()
        shutil.rmtree(directory)


sys.exit(main())
