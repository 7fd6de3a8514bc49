# SPDX-License-Identifier: Apache-2.0
"""nats.py BUILD: rpingmesh-central, two daemons without ports, and a NATS cluster of three servers
as their broker. Its name has three addresses of the loopback interface. One server is killed,
which some of the three programs were connected to: all go on with the others."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile

import msgpack

from checks import LONG, check, until

BUILD = os.path.abspath(sys.argv[1])
NODES = ("127.0.0.1", "127.0.0.2", "127.0.0.3")


class World:
    def __init__(self, directory):
        self.dir, self.programs, self.nodes = directory, {}, {}
        hosts = self.path("hosts")
        with open(hosts, "w") as f:
            f.write("127.0.0.1 localhost\n" + "".join(f"{a} broker.example\n" for a in NODES))
        subprocess.run(["mount", "--bind", hosts, "/etc/hosts"], check=True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def start_node(self, address):
        name = "n" + address[-1]
        with open(self.path(name + ".conf"), "w") as f:
            routes = ", ".join(f'"nats://{a}:6222"' for a in NODES)
            f.write(f'server_name: {name}\nlisten: "{address}:4222"\n'
                    f'jetstream {{ store_dir: "{self.path(name)}" }}\n'
                    f'cluster {{ name: c, listen: "{address}:6222", routes: [{routes}] }}\n'
                    f'mqtt {{ listen: "{address}:1883" }}\n')
        with open(self.path(name + ".log"), "a") as log:
            self.nodes[address] = subprocess.Popen(
                ["nats-server", "-c", self.path(name + ".conf")], stdout=log, stderr=log)

    def start(self, name):
        bus = 'broker = "mqtt://broker.example"; '
        common = f'socket = "{self.path(name + ".sock")}"; socket_group = "";\n'
        program = "rpingmesh-central"
        if name != "central":
            program = "rpingmeshd"
            bus = (f'hostname = "{name}.example"; devices = ("nosuch*"); tracing = {{ enable = '
                   f'false; }}; cluster = {{ {bus} directory = "{self.path(name)}"; }};\n')
            os.mkdir(self.path(name))
        with open(self.path(name + ".conf"), "w") as f:
            f.write(common + bus)
        with open(self.path(name + ".log"), "a") as log:
            self.programs[name] = subprocess.Popen(
                [os.path.join(BUILD, program), "-c", self.path(name + ".conf")], stdout=log,
                stderr=log, stdin=subprocess.DEVNULL)

    def call(self, name, method):
        assert self.programs[name].poll() is None, f"{name} has ended"
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(LONG)
            s.connect(self.path(name + ".sock"))
            s.sendall(msgpack.packb([0, 1, method, [{}]]))
            unpacker = msgpack.Unpacker(strict_map_key=False)
            while data := s.recv(65536):
                unpacker.feed(data)
                for message in unpacker:
                    return message[3]
        raise ConnectionResetError(name)

    def bus(self, name):
        status = self.call(name, "status")
        return status["bus"] if name == "central" else status["cluster"]

    def is_well(self):
        hosts = {h["host"]: h["state"] for h in self.call("central", "hosts")["hosts"]}
        return (all(self.bus(n)["state"] == "connected" for n in self.programs) and
                hosts == {"h1.example": "present", "h2.example": "present"} and
                all(self.bus(n)["pinglist"]["from"] for n in self.programs if n != "central"))


def main():
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    directory = tempfile.mkdtemp()
    world = World(directory)
    try:
        for address in NODES:
            world.start_node(address)
        for name in ("central", "h1", "h2"):
            world.start(name)
        until("all are registered, and have their lists", world.is_well)
        check("a cluster of three NATS servers is a broker", True)
        used = {n: world.bus(n)["address"] for n in world.programs}
        victim = used["h1"]
        lost = {n: world.bus(n)["lost"] for n in used}
        before = world.call("central", "status")["registrations"]
        world.nodes[victim].kill()
        world.nodes[victim].wait()
        until("those that were connected there have noticed", lambda: all(
            world.bus(n)["lost"] > lost[n] for n in used if used[n] == victim))
        until("all are connected to the others", lambda: world.is_well() and all(
            world.bus(n)["address"] != victim and not world.bus(n)["reason"] for n in used))
        if used["central"] == victim:
            until("central has heard both hosts again", lambda:
                  world.call("central", "status")["registrations"] >= before + 2)
        check(f"{victim} is killed, which {sum(a == victim for a in used.values())} of 3 used: "
              "all go on with the others", True)
        world.start_node(victim)
        world.programs["h2"].terminate()
        world.programs["h2"].wait(LONG)
        until("its goodbye arrives", lambda: any(
            h["host"] == "h2.example" and h["state"] == "gone"
            for h in world.call("central", "hosts")["hosts"]))
        check("a host that says goodbye is gone", True)
    except (AssertionError, subprocess.SubprocessError) as error:
        check(f"{type(error).__name__}: {error}", False)
        for name in [*world.programs, "n1", "n2", "n3"]:
            with open(world.path(name + ".log")) as f:
                print(f"{name}:\n{f.read()[-3000:]}")
    shutil.rmtree(directory, ignore_errors=True)
    sys.exit(check.failed > 0)  # ends the namespace of processes


main()
