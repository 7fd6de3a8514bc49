# SPDX-License-Identifier: Apache-2.0
"""proxies.py BUILD: the examples for nginx and caddy in rpingmesh-central(8), in front of a real
central. Only names, ports and files are replaced."""

import base64
import http.client
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import tempfile

from central import World, free_port
from checks import LONG, check, until
from page import Cluster, a_tenth

SRC = os.environ.get("top_srcdir", ".")
USER, PASSWORD, TOKEN = "ann", "a password", "a-token-to-change-things-0123456789"


def output(*argv):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True).stdout.strip()


def example(begin):
    """An example of the manual that begins with this line."""
    with open(os.path.join(SRC, "man/rpingmesh-central.8")) as f:
        blocks = re.findall(r"^\.Bd .*?\n(.*?)^\.Ed", f.read(), re.M | re.S)
    found = [b for b in blocks if b.startswith(begin)]
    assert len(found) == 1, f"rpingmesh-central(8) has {len(found)} examples with {begin}"
    return found[0]


def put(text, *pairs):
    for old, new in pairs:
        assert old in text, f"the example lacks {old}"
        text = text.replace(old, new)
    return text


class Proxy:
    def __init__(self, directory, name, central):
        self.name, self.port = name, free_port()
        self.directory = os.path.join(directory, name)
        os.mkdir(self.directory)
        self.pem, self.key = os.path.join(directory, "pem"), os.path.join(directory, "key")
        self.log = open(self.path("log"), "w")
        argv = getattr(self, name)(central)
        self.program = subprocess.Popen(argv, stdout=self.log, stderr=self.log,
                                        env={**os.environ, "HOME": self.directory})

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)
        return self.path(name)

    def nginx(self, central):
        passwd = self.write("passwd", f"{USER}:{output('openssl', 'passwd', '-apr1', PASSWORD)}\n")
        server = put(example("server {"), ("listen 443 ssl", f"listen 127.0.0.1:{self.port} ssl"),
                     ("/etc/ssl/certs/rpingmesh.pem", self.pem), ("127.0.0.1:9480", central),
                     ("/etc/ssl/private/rpingmesh.key", self.key),
                     ("/etc/nginx/rpingmesh.passwd", passwd))
        places = "".join(f"{kind}_temp_path {self.path(kind)};\n" for kind in
                         ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        user = "user root;\n" if os.geteuid() == 0 else ""
        conf = self.write("conf", f"{user}daemon off;\npid {self.path('pid')};\nevents {{}}\n"
                          f"http {{\naccess_log off;\n{places}{server}}}\n")
        return ["nginx", "-c", conf, "-p", self.directory, "-e", "stderr"]

    def caddy(self, central):
        hashed = output("caddy", "hash-password", "--plaintext", PASSWORD)
        site = put(example("rpingmesh.example {\n"), ("127.0.0.1:9480", central),
                   ("rpingmesh.example {", f"https://localhost:{self.port} {{\n"
                    f"\tbind 127.0.0.1\n\ttls {self.pem} {self.key}"),
                   ("$2a$14$HASH-OF-caddy-hash-password", hashed))
        conf = self.write("Caddyfile", "{\n\tadmin off\n\tauto_https disable_redirects\n}\n" + site)
        return ["caddy", "run", "--adapter", "caddyfile", "--config", conf]

    def open(self):
        context = ssl.create_default_context(cafile=self.pem)
        return http.client.HTTPSConnection("localhost", self.port, context=context, timeout=LONG)

    def ask(self, path, password=PASSWORD, token=None, form=None):
        """(status, text)"""
        connection = self.open()
        headers = {"X-Rpingmesh-Token": token} if token else {}
        if password:
            code = base64.b64encode(f"{USER}:{password}".encode()).decode()
            headers["Authorization"] = f"Basic {code}"
        if form:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request("POST" if form else "GET", path, form, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    def end(self):
        self.program.terminate()
        self.program.wait()
        self.log.close()
        if check.failed:
            with open(self.path("log")) as f:
                print(f.read(), file=sys.stderr)


def events(proxy, cluster):
    """The stream comes at once, not when some buffer is full."""
    connection = proxy.open()
    code = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    connection.request("GET", "/api/1/events", headers={"Authorization": f"Basic {code}"})
    answer = connection.getresponse()
    check(f"{proxy.name}: the stream of events is one",
          answer.status == 200 and answer.headers["Content-Type"].startswith("text/event-stream"))
    seen = set()
    while not {"begin", "mesh"} <= seen:
        line = answer.readline().decode()
        assert line, f"the stream has ended after {seen}"
        if line.startswith("event:"):
            seen.add(line.split(":")[1].strip())
            cluster.report(a_tenth)
    check(f"{proxy.name}: its events come while it is open", True)
    connection.close()


def through(proxy, cluster):
    until(f"{proxy.name}", lambda: proxy.ask("/")[0] == 200)
    name = proxy.name
    check(f"{name}: who has no password sees nothing", proxy.ask("/", password=None)[0] == 401 and
          proxy.ask("/api/1/mesh", password=None)[0] == 401)
    check(f"{name}: nor with a wrong one", proxy.ask("/", password="wrong")[0] == 401)
    check(f"{name}: the page comes", "<title>rpingmesh</title>" in proxy.ask("/")[1])
    check(f"{name}: and its data", until("the mesh", lambda: json.loads(
        proxy.ask("/api/1/mesh")[1])["names"]) == ["leaf-0", "leaf-1"])
    events(proxy, cluster)
    form = "id=0123456789abcdef&say=acknowledge&by=me&reason=x"
    check(f"{name}: a token reaches central, which knows no such incident",
          proxy.ask("/api/1/incident", token=TOKEN, form=form)[0] == 404)
    check(f"{name}: the password changes nothing",
          proxy.ask("/api/1/incident", form=form)[0] == 403)


def main():
    directory = tempfile.mkdtemp(prefix="rpingmesh-proxies-")
    output("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
           "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
           "-keyout", os.path.join(directory, "key"), "-out", os.path.join(directory, "pem"))
    with open(os.path.join(directory, "token"), "w",
              opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write(TOKEN + "\n")
    w, proxies = World(directory), []
    central = f"127.0.0.1:{free_port()}"
    w.extra = f'listen = "{central}";\ntoken_file = "{directory}/token";\n'
    try:
        w.start_broker()
        w.start_central("one", w.extra)
        cluster = Cluster(w, 2, 2)
        cluster.report(a_tenth)
        for name in ("nginx", "caddy"):
            proxies.append(Proxy(directory, name, central))
            through(proxies[-1], cluster)
        w.stop_central("one")
    except Exception:
        check.failed += 1
        raise
    finally:
        for proxy in proxies:
            proxy.end()
        for program in w.centrals.values():
            program.kill()
        w.stop_broker()
        shutil.rmtree(directory)
    return check.failed > 0


if __name__ == "__main__":
    sys.exit(main())
