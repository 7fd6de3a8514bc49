# SPDX-License-Identifier: Apache-2.0
"""broker_days.py BUILD: the bad days of a broker. rpingmeshd, which has no ports here, and
rpingmesh-central with Debian's mosquitto, which is killed, has a full disk, refuses both programs,
and carries what nobody should believe. Both must say what is wrong, come back by themselves, and
not grow."""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import msgpack

from checks import LONG, check, until

BUILD = os.path.abspath(sys.argv[1])
PREFIX = "rpingmesh/1"
GROWS_KB = 8192
os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"

ACL = f"""user agent
topic readwrite {PREFIX}/host/h1
topic read {PREFIX}/pinglist/h1
topic read {PREFIX}/central/+
user stranger
topic readwrite {PREFIX}/host/h2
user central
topic readwrite {PREFIX}/#
user evil
topic readwrite #
"""


class World:
    def __init__(self, directory):
        os.chmod(directory, 0o755)  # mosquitto has a user of its own
        self.dir, self.programs, self.broker = directory, {}, None
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        for user in ("agent", "stranger", "central", "evil"):
            subprocess.run(["mosquitto_passwd", "-b"] + ["-c"] * (user == "agent") +
                           [self.path("users"), user, "secret-" + user], check=True,
                           stderr=subprocess.DEVNULL)
            self.write(user + ".password", f"secret-{user}\n", 0o600)
        self.write("acl", ACL)
        os.chmod(self.path("users"), 0o644)
        os.mkdir(self.path("disk"), 0o777)
        self.certificates()

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text, mode=0o644):
        with open(self.path(name), "w") as f:
            f.write(text)
        os.chmod(self.path(name), mode)

    def certificates(self):
        self.write("ext", "subjectAltName = IP:127.0.0.1\n")
        new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        self.openssl("req", "-x509", *new, "-days", "2", "-subj", "/CN=CA", "-keyout", "ca.key",
                     "-out", "ca.crt")
        self.openssl("req", "-new", *new, "-subj", "/CN=broker", "-keyout", "broker.key", "-out",
                     "broker.csr")
        os.chmod(self.path("broker.key"), 0o644)
        for name, days in (("good", "2"), ("expired", "-1")):
            self.openssl("x509", "-req", "-in", "broker.csr", "-extfile", "ext", "-days", days,
                         "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-out",
                         name + ".crt")

    def openssl(self, *argv):
        subprocess.run(["openssl", *argv], cwd=self.dir, check=True, stderr=subprocess.DEVNULL)

    # ---- the broker ----

    def start_broker(self, certificate="good", limit=True):
        self.write("broker.conf", f"""listener {self.port} 127.0.0.1
certfile {self.path(certificate)}.crt
keyfile {self.path('broker.key')}
password_file {self.path('users')}
acl_file {self.path('acl')}
allow_anonymous false
persistence true
persistence_location {self.path('disk')}/
autosave_interval 1
{"message_size_limit 4194304" if limit else ""}
""")
        with open(self.path("broker.log"), "a") as log:
            self.broker = subprocess.Popen(["mosquitto", "-c", self.path("broker.conf")],
                                           stdout=log, stderr=log)

        def listens():
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", self.port)) == 0
        until("mosquitto listens", listens)

    def stop_broker(self, how=signal.SIGKILL):
        self.broker.send_signal(how)
        self.broker.wait(LONG)

    def publish(self, topic, payload):
        self.write("payload", "")
        with open(self.path("payload"), "wb") as f:
            f.write(payload)
        subprocess.run(
            ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.port), "--cafile",
             self.path("ca.crt"), "-u", "evil", "-P", "secret-evil", "-q", "1", "-r", "-t",
             f"{PREFIX}/{topic}"] + (["-f", self.path("payload")] if payload else ["-n"]),
            check=True, timeout=LONG)

    # ---- the two programs ----

    def start(self, name):
        """`agent` or `central`."""
        bus = (f'broker = "mqtts://127.0.0.1:{self.port}"; ca = "{self.path("ca.crt")}"; '
               f'user = "{name}"; password_file = "{self.path(name + ".password")}"; ')
        common = f'socket = "{self.path(name + ".sock")}"; socket_group = "";\n'
        if name == "agent":
            text = (f'{common}hostname = "h1"; devices = ("nosuch*"); tracing = '
                    f'{{ enable = false; }};\ncluster = {{ {bus} allow = ("10.0.0.0/8"); '
                    f'directory = "{self.dir}"; }};\n')
        else:
            text = common + bus + "\ntrace_per_s = 4;\n"
        self.write(name + ".conf", text)
        program = "rpingmeshd" if name == "agent" else "rpingmesh-central"
        with open(self.path(name + ".log"), "a") as log:
            self.programs[name] = subprocess.Popen(
                [os.path.join(BUILD, program), "-c", self.path(name + ".conf")], stdout=log,
                stderr=log, stdin=subprocess.DEVNULL)
        until(f"{name} answers", lambda: self.status(name))

    def stop(self, name):
        program = self.programs.pop(name)
        program.terminate()
        status = program.wait(LONG)
        check(f"{name} ends with 0", status == 0)
        if os.path.exists(self.path(name + ".sock")):
            os.unlink(self.path(name + ".sock"))

    def reload(self, name):
        self.programs[name].send_signal(signal.SIGHUP)

    def call(self, name, method):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(LONG)
            s.connect(self.path(name + ".sock"))
            s.sendall(msgpack.packb([0, 1, method, [{}]]))
            unpacker = msgpack.Unpacker(strict_map_key=False)
            while True:
                data = s.recv(65536)
                if not data:
                    raise ConnectionResetError(name)
                unpacker.feed(data)
                for message in unpacker:
                    return message[3]

    def status(self, name):
        assert self.programs[name].poll() is None, f"{name} has ended"
        return self.call(name, "status")

    def bus(self, name):
        return self.status(name)["cluster" if name == "agent" else "bus"]

    def says(self, name, *words):
        until(f"{name} says {words}", lambda: any(
            all(w in s for w in words) for s in self.status(name)["degraded"]))
        check(f"{name} says: … {' … '.join(words)} …", True)

    def hosts(self):
        return {h["host"]: h["state"] for h in self.call("central", "hosts")["hosts"]}

    def well(self, when):
        """Both are connected, and central knows the host. A reload ends pauses, which grow."""
        for name in ("agent", "central"):
            def connected(name=name):
                if self.bus(name)["state"] == "waiting":
                    self.reload(name)
                    time.sleep(0.5)
                return self.bus(name)["state"] == "connected"
            until(f"{when}: {name} is connected", connected)
        until(f"{when}: h1 is registered", lambda: self.hosts().get("h1") == "present")
        until(f"{when}: the agent has no complaint", lambda: not [
            s for s in self.status("agent")["degraded"] if "broker" in s or "pinglist" in s])
        # One host, and 4 datagrams of traces a second for all hosts.
        until(f"{when}: the agent knows its share of the traces",
              lambda: self.status("agent")["paths"]["share_ns"] == 250_000_000)
        check(f"{when}, all is well again", True)

    def rss_kb(self, name):
        with open(f"/proc/{self.programs[name].pid}/status") as f:
            return int(f.read().partition("VmRSS:")[2].split()[0])


# ---- the days ----

def killed(w):
    for name in ("agent", "central"):
        w.says(name, "no connection to the broker", "refused: no broker listens")
    w.start_broker()
    w.well("after the broker's first start")
    connects = w.bus("agent")["connects"]
    w.stop_broker()
    for name in ("agent", "central"):
        w.says(name, "no connection to the broker")
    w.start_broker()
    w.well("after SIGKILL of the broker")
    check("this was another connection", w.bus("agent")["connects"] > connects)


def passwords(w):
    for name in ("agent", "central"):
        w.write(name + ".password", "wrong\n", 0o600)
        w.reload(name)
        w.says(name, "no connection to the broker", "`password_file`")
    for name in ("agent", "central"):
        w.write(name + ".password", f"secret-{name}\n", 0o600)
        w.reload(name)
    w.well("after a wrong password")


def expired(w):
    w.stop_broker()
    w.start_broker("expired")
    for name in ("agent", "central"):
        w.says(name, "certificate has expired", "renew it")
    w.stop_broker()
    w.start_broker()
    w.well("after an expired certificate")


def access(w):
    """The agent gets the rights of another host."""
    w.write("acl", ACL.replace("user agent", "user nobody").replace("user stranger",
                                                                    "user agent"))
    w.stop_broker()
    for left in os.listdir(w.path("disk")):
        os.unlink(os.path.join(w.path("disk"), left))
    w.start_broker()
    w.says("agent", "does not take this host's registration", f"{PREFIX}/host/h1")
    w.write("acl", ACL)
    w.stop_broker()
    w.start_broker()
    w.well("after another one's access list")


def full_disk(w):
    """The broker cannot write what it keeps."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=777", "tmpfs", w.path("disk")],
                   check=True)
    w.stop_broker()
    w.start_broker()
    with open(os.path.join(w.path("disk"), "filler"), "wb", buffering=0) as f:
        try:
            while f.write(bytes(4096)):
                pass
        except OSError:
            pass
    w.well("with a full disk")
    w.publish("host/h3", os.urandom(100000))
    time.sleep(2)
    w.publish("host/h3", b"")
    w.stop_broker(signal.SIGTERM)
    w.start_broker()
    w.well("after a restart with a full disk")
    w.stop_broker()
    subprocess.run(["umount", w.path("disk")], check=True)
    w.start_broker()
    w.well("with a disk again")


TOPICS = ("host/h1", "host/h2", "host/%zz", "pinglist/h1", "drain/h1", "drain/h2", "central/x",
          "report/7/h1", "x")


def garbage(w):
    generator = random.Random(7)
    junk = [generator.randbytes(1000), bytes(1 << 20), b"\xdd\xff\xff\xff\xff" + bytes(9),
            b"\x81" * 50000, b"\xc1", msgpack.packb({"type": "registration", "schema": 1,
                                                      "host": "h1", "ports": [{}] * 10000})]
    before = w.status("central")["refused"]
    sizes = []
    for _ in range(2):
        for topic in TOPICS:
            for payload in junk:
                w.publish(topic, payload)
        until("central refuses", lambda: w.status("central")["refused"] > before + 4)
        sizes.append({name: w.rss_kb(name) for name in w.programs})
        before = w.status("central")["refused"]
    for name, size in sizes[1].items():
        check(f"{name} does not grow with garbage ({sizes[0][name]} KB, then {size} KB)",
              size - sizes[0][name] < GROWS_KB)
    w.publish("host/h2", bytes(3 << 20))
    until("central counts a message that is longer than any may be",
          lambda: w.bus("central")["refused"] == 1)
    w.publish("host/h2", b"")
    check("central knows why it refused something", w.status("central")["refused_why"])
    w.says("agent", "the last pinglist is refused")
    check("the agent has put its registration right", w.bus("agent")["foreign"] >= 1)
    check("garbage is no host", set(w.hosts()) == {"h1"})
    # What it was replaced by stays until central publishes the list again.
    for topic in TOPICS:
        w.publish(topic, b"")


def older(w):
    """What an older version left at the broker, before anybody starts."""
    for name in ("agent", "central"):
        w.stop(name)
    old = {"type": "registration", "schema": 0, "host": "h9", "nics": ["mlx5_0"]}
    w.publish("host/h9", msgpack.packb(old))
    w.publish("host/h1", json.dumps(old).encode())
    w.publish("pinglist/h1", msgpack.packb({"type": "pinglist", "schema": 0, "peers": ["a"]}))
    w.publish("drain/h1", b"maintenance")
    w.start("central")
    w.start("agent")
    until("h1 is registered", lambda: w.hosts().get("h1") == "present")
    check("what an older version left is refused", w.status("central")["refused"] >= 2 and
          "h9" not in w.hosts())
    for topic in ("host/h9", "drain/h1"):
        w.publish(topic, b"")
    w.well("after an older version")


def forged(w):
    """A million targets: too long for any limit. Then as many as fit."""
    w.stop_broker()
    w.start_broker(limit=False)
    w.well("without a limit of size")
    before = w.rss_kb("agent")
    w.publish("pinglist/h1", pinglist(1000000))
    until("the agent says so", lambda: any(
        ("the last pinglist is refused" in s and "too long" in s) or "a packet of more than" in s
        for s in w.status("agent")["degraded"]))
    check("a million targets are refused", True)
    w.publish("pinglist/h1", pinglist(20000))
    w.says("agent", "20000 of 20000 entries of the pinglist are refused")
    check("nothing of it is probed", w.bus("agent")["pinglist"]["taken"] == 0)
    for _ in range(3):
        w.publish("pinglist/h1", pinglist(20000))
    after = w.rss_kb("agent")
    check(f"the agent does not grow ({before} KB, then {after} KB)", after - before < 4 * GROWS_KB)


def pinglist(n):
    """A well-formed list of a port with n targets outside `allow`."""
    each = {"host": "x", "device": "d", "port": 1, "tuples": 1}
    targets = [dict(each, address=f"192.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}")
               for i in range(n)]
    return msgpack.packb({
        "type": "pinglist", "schema": 1, "host": "h1", "generation": n, "time_ns": time.time_ns(),
        "ports": [{"device": "mlx5_0", "port": 1, "source": "10.0.0.1", "groups": [
            {"kind": "tor", "tor": "leaf", "traffic_class": 0, "interval_ns": 10**9,
             "targets": targets}]}]})


def main():
    directory = tempfile.mkdtemp()
    world = None
    try:
        world = World(directory)
        world.start("agent")
        world.start("central")
        for day in (killed, passwords, expired, access, full_disk, garbage, older, forged):
            day(world)
        for name in list(world.programs):
            world.stop(name)
    except (AssertionError, subprocess.SubprocessError) as error:
        check(f"{type(error).__name__}: {error}", False)
        for name in list(world.programs) if world else ():
            try:
                print(json.dumps(world.status(name), indent=1))
            except Exception as second:  # whatever it is, the first error is what matters
                print(second)
            with open(world.path(name + ".log")) as f:
                print(f.read()[-6000:])
    finally:
        for program in (list(world.programs.values()) + [world.broker]) if world else []:
            if program and program.poll() is None:
                program.kill()
                program.wait()
        subprocess.run(["umount", os.path.join(directory, "disk")], stderr=subprocess.DEVNULL,
                       check=False)
        shutil.rmtree(directory)
    sys.exit(check.failed > 0)


main()
