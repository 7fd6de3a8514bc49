# SPDX-License-Identifier: Apache-2.0
"""A browser by WebDriver (W3C Recommendation), as far as the tests of the page need it: Debian's
chromedriver starts Debian's Chromium."""

import base64
import json
import os
import subprocess
import time
import urllib.error
import urllib.request

from checks import LONG

ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--disable-dev-shm-usage", "--force-color-profile=srgb"]


class Browser:
    def __init__(self, directory, port):
        self.base, self.session = f"http://127.0.0.1:{port}", ""
        self.log = open(os.path.join(directory, "chromedriver.log"), "w")
        self.driver = subprocess.Popen(["chromedriver", f"--port={port}"], stdin=subprocess.DEVNULL,
                                       stdout=self.log, stderr=self.log)
        self.wait_for_driver()
        options = {"binary": "/usr/bin/chromium",
                   "args": ARGUMENTS + [f"--user-data-dir={directory}/profile"]}
        value = self.call("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options,
            "timeouts": {"script": 1000 * (LONG - 10), "pageLoad": 1000 * (LONG - 10)},
            "goog:loggingPrefs": {"browser": "ALL"}}}})
        self.session = "/session/" + value["sessionId"]

    def wait_for_driver(self):
        end = time.monotonic() + LONG
        while True:
            try:
                self.call("GET", "/status")
                return
            except OSError:
                assert time.monotonic() < end and self.driver.poll() is None, "no chromedriver"
                time.sleep(0.1)

    def call(self, method, path, body=None):
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.base + self.session + path, data, method=method,
                                         headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=LONG) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path}: {error.read().decode()[:600]}") from None

    def go(self, url):
        self.call("POST", "/url", {"url": url})

    def run(self, script, *args):
        """The value of a JavaScript function's body."""
        return self.call("POST", "/execute/sync", {"script": script, "args": list(args)})

    def text(self, selector="body"):
        return self.run("return document.querySelector(arguments[0])?.innerText ?? null", selector)

    def resize(self, width, height):
        self.call("POST", "/window/rect", {"width": width, "height": height})

    def screenshot(self, path):
        with open(path, "wb") as f:
            f.write(base64.b64decode(self.call("GET", "/screenshot")))

    def devtools(self, command, **params):
        """A command of Chromium's DevTools protocol."""
        return self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": params})

    def complaints(self):
        """What the console has said since the last time; tests read canvases, which is slow."""
        return [e["message"] for e in self.call("POST", "/se/log", {"type": "browser"})
                if e["level"] in ("SEVERE", "WARNING") and "willReadFrequently" not in e["message"]]

    def close(self):
        if self.session:
            self.call("DELETE", "")
        self.driver.terminate()
        self.driver.wait()
        self.log.close()
