# SPDX-License-Identifier: Apache-2.0
"""cluster_page.py TOP BUILD: does what rpingmesh-cluster(7) says, as it is written there, on three
machines. These are namespaces of this machine with an /etc, /run and /var of their own and one
loopback interface. mosquitto is Debian's; systemctl, ssh and scp are scripts that do the same to
these namespaces. Then it looks whether the access list holds."""

import os
import shutil
import subprocess
import sys
import tempfile
import time

from cluster_blocks import blocks

TOP, BUILD = (os.path.abspath(p) for p in sys.argv[1:3])
PAGE = os.path.join(TOP, "man/rpingmesh-cluster.7")
MACHINES = ("broker", "node1", "node2")
LONG = 120  # the longest wait for what takes a second on an idle machine

SETUP = r"""set -e
hostname "$1"
mkdir "$2"
cp -a /etc "$2/etc"
mount --bind "$2/etc" /etc
for dir in /run /var/lib /var/log; do mount -t tmpfs tmpfs $dir; done
rm -rf /etc/rpingmesh
mkdir -p /etc/rpingmesh /var/lib/mosquitto
chown mosquitto /var/lib/mosquitto
echo '127.0.0.1 localhost broker.example' >/etc/hosts
getent passwd rpingmesh >/dev/null || useradd -r -U -M rpingmesh
echo ready
cat >/dev/null
"""
# systemctl enable [--now] UNIT, restart UNIT
SYSTEMCTL = r"""#!/bin/bash
set -e
verb=$1 unit=${!#}
file=/lib/systemd/system/$unit.service
[ "$unit" = mosquitto ] || file=UNITS/$unit.service
[ -f "$file" ] || { echo "no $file"; exit 5; }
[ "$verb" = restart ] || [ "$2" = --now ] || exit 0
[ ! -f /run/$unit.pid ] || kill "$(cat /run/$unit.pid)"
while grep -qs '^State:.*[^Z] (' "/proc/$(cat /run/$unit.pid 2>/dev/null)/status"; do
	sleep 0.1
done
sed -n 's/^ExecStartPre=//p' "$file" | sh -e
user=$(sed -n 's/^User=//p' "$file")
mkdir -p /run/rpingmesh
chown rpingmesh /run/rpingmesh
set -- $(sed -nE 's,^ExecStart=[^ ]*/,,p' "$file")
# What a build for Debian has built in.
[ "$unit" = mosquitto ] || set -- "$@" -c /etc/rpingmesh/$unit.conf
[ -z "$user" ] || set -- setpriv --reuid "$user" --regid "$user" --clear-groups "$@"
setsid "$@" </dev/null >>/run/$unit.log 2>&1 &
echo $! >/run/$unit.pid
"""
SSH = r"""#!/bin/bash
exec /usr/bin/nsenter --mount=/proc/$(cat DIR/${1#root@}.pid)/ns/mnt \
	--uts=/proc/$(cat DIR/${1#root@}.pid)/ns/uts bash -euc "${*:2}"
"""
SCP = r"""#!/bin/bash
exec ssh "${2%%:*}" "install -m $(stat -c %a "$1") /dev/stdin ${2#*:}" <"$1"
"""


def check(what, good):
    print(("ok - " if good else "FAIL: ") + what, flush=True)
    check.failed += not good


check.failed = 0


class World:
    def __init__(self, directory):
        self.dir, self.machines = directory, []
        os.chmod(directory, 0o755)
        self.bin = os.path.join(directory, "bin")
        os.mkdir(self.bin)
        for program in ("rpingmeshd", "rpingmesh-central", "rpingmesh-ctl"):
            shutil.copy(os.path.join(BUILD, program), self.bin)
        for name, text in (("systemctl", SYSTEMCTL), ("ssh", SSH), ("scp", SCP)):
            path = os.path.join(self.bin, name)
            with open(path, "w") as f:
                f.write(text.replace("UNITS", os.path.join(BUILD, "contrib/systemd"))
                        .replace("DIR", directory))
            os.chmod(path, 0o755)
        os.environ["PATH"] = self.bin + ":" + os.environ["PATH"] + ":/usr/sbin:/sbin"
        for name in MACHINES:
            self.start(name)

    def start(self, name):
        machine = subprocess.Popen(
            ["unshare", "--mount", "--uts", "bash", "-c", SETUP, "setup", name,
             os.path.join(self.dir, name)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)
        assert machine.stdout.readline() == "ready\n", f"{name} does not start"
        self.machines.append(machine)
        with open(os.path.join(self.dir, name + ".pid"), "w") as f:
            f.write(f"{machine.pid}\n")

    def run(self, machine, text):
        p = subprocess.run([os.path.join(self.bin, "ssh"), machine, text], text=True,
                           errors="replace", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, timeout=LONG, check=False)
        return p.returncode, p.stdout

    def must(self, machine, text):
        status, output = self.run(machine, text)
        assert status == 0, f"on {machine}: exit {status} of\n{text}\n{output}"
        return output

    def until(self, machine, text):
        end = time.monotonic() + LONG
        while (result := self.run(machine, text))[0]:
            assert time.monotonic() < end, f"on {machine}: not within {LONG} s: {text}: {result}"
            time.sleep(0.3)

    def write(self, machine, path, text):
        subprocess.run([os.path.join(self.bin, "ssh"), machine, f"cat >{path}"], text=True,
                       input=text, timeout=LONG, check=True)

    def logs(self):
        for name in MACHINES:
            print(self.run(name, "tail -n 30 /run/*.log /var/log/mosquitto/*.log")[1])


def follow(world):
    """Does what the page says."""
    done = []
    for verb, machine, rest, text in blocks(PAGE):
        if verb == "write":
            world.write(machine, rest, text)
        elif verb == "run":
            world.must(machine, text)
        else:
            world.until(machine, rest)
            continue
        done.append(verb)
    check("the page was done as it is written", done.count("run") >= 6 and
          done.count("write") >= 4)


CLIENT = ("-h broker.example -p 8883 --cafile /etc/rpingmesh/ca.crt "
          "--cert /etc/rpingmesh/{0}.crt --key /etc/rpingmesh/{0}.key")


def retained(world, topic):
    """What central reads there."""
    return world.run("broker", f"mosquitto_sub {CLIENT.format('central')} -t {topic} -C 1 -W 5 "
                     "| od -An -tx1")[1]


def access(world):
    """A host writes its own registration only."""
    forged = "66 6f 72 67 65 64"
    for topic in ("host/node2", "pinglist/node1", "pinglist/node2", "drain/node2", "central/x"):
        world.must("node1", f"mosquitto_pub {CLIENT.format('host')} -q 1 -r -m forged "
                   f"-t rpingmesh/1/{topic}")
        got = retained(world, f"rpingmesh/1/{topic}").strip()
        check(f"node1 cannot write {topic}", got != forged and
              (got != "" or not topic.startswith("host")))
    output = world.run("node1", f"mosquitto_sub {CLIENT.format('host')} -W 3 -C 1 "
                       "-t rpingmesh/1/host/node2")[1]
    check("node1 cannot read the registration of node2", output.strip() in ("", "Timed out"))
    status, _ = world.run("node1", "mosquitto_pub -h broker.example -p 8883 -t x -m x "
                          "--cafile /etc/rpingmesh/ca.crt")
    check("nobody gets in without a certificate", status != 0)
    world.must("node1", f"mosquitto_pub {CLIENT.format('host')} -q 1 -r -m forged "
               "-t rpingmesh/1/host/node1")
    world.until("node1", "rpingmesh-ctl --json status | grep -q '\"foreign\":1'")
    check("node1 can write its own, and its daemon puts it right", True)
    world.until("broker", "rpingmesh-ctl --central --json hosts | grep -c '\"present\"' | "
                "grep -qx 2")


def wrong_name(world):
    """A certificate of another name: status names the access list."""
    world.must("broker", "cd /etc/rpingmesh && scp ca/node2.crt root@node1:/etc/rpingmesh/host.crt "
               "&& scp ca/node2.key root@node1:/etc/rpingmesh/host.key && "
               "ssh root@node1 'chgrp rpingmesh /etc/rpingmesh/host.key && "
               "chmod 640 /etc/rpingmesh/host.key && systemctl restart rpingmeshd'")
    world.until("node1", "rpingmesh-ctl --json status | grep -q 'its access list must let'")
    check("a host with another one's certificate says that it is not registered", True)


def same(world):
    check("all hosts have the same configuration",
          world.must("node1", "cat /etc/rpingmesh/rpingmeshd.conf") ==
          world.must("node2", "cat /etc/rpingmesh/rpingmeshd.conf"))
    for name, path in (("node1", "host.key"), ("broker", "central.key"), ("broker", "ca/ca.key")):
        mode = world.must(name, f"stat -c %a /etc/rpingmesh/{path}").strip()
        check(f"{path} on {name}: others cannot read it", mode[-1] == "0")


def main():
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    directory = tempfile.mkdtemp()
    world = None
    try:
        world = World(directory)
        follow(world)
        same(world)
        access(world)
        wrong_name(world)
    except (AssertionError, subprocess.SubprocessError) as error:
        check(f"{type(error).__name__}: {error}", False)
        if world:
            world.logs()
    shutil.rmtree(directory, ignore_errors=True)
    sys.exit(check.failed > 0)  # ends the namespace of processes, and all that run there


main()
