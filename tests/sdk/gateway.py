"""Starts the real gateway binary and talks to its console API, as an admin's script would.

Only the standard library, because the load harness uses it too.
"""

import collections
import http.client
import json
import os
import re
import subprocess
import threading
import urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
USERNAME, PASSWORD = "admin", "correct horse battery staple"
CONSOLE_LINE = re.compile(r"http://(127\.0\.0\.1:\d+)/console")


class ConsoleError(Exception):
    """An answer of the console API that is not a success."""


class Gateway:
    """One running gateway. Leaving the `with` block stops it and fails if it did not stop well."""

    def __init__(self, binary, data_dir, env=None, start_timeout=60.0):
        foreign = ("REAL200_", "OPENAI_", "ANTHROPIC_", "GEMINI_")
        full_env = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
        full_env |= {"REAL200_ADMIN_USERNAME": USERNAME, "REAL200_ADMIN_PASSWORD": PASSWORD} | (env or {})
        self.process = subprocess.Popen(
            [str(binary), "--listen", "127.0.0.1:0", "--data-dir", str(Path(data_dir).resolve())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=full_env,
            # Away from config/real200.toml: the defaults are under test, not somebody's settings.
            cwd=Path(data_dir).resolve().parent,
        )
        self.output = collections.deque(maxlen=400)
        self._address = None
        self._listening = threading.Event()
        self._reader = threading.Thread(target=self._read_output, daemon=True)
        self._reader.start()
        self._cookie = None
        try:
            if not self._listening.wait(start_timeout) or self._address is None:
                raise RuntimeError("the gateway printed no console address:\n" + "".join(self.output))
            self.call("POST", "/api/session", {"username": USERNAME, "password": PASSWORD})
        except BaseException:
            self.kill()
            raise

    def _read_output(self):
        # Read to the end, also after the address: a full pipe would block the gateway.
        for line in self.process.stdout:
            self.output.append(line)
            if self._address is None and (found := CONSOLE_LINE.search(line)):
                self._address = found.group(1)
                self._listening.set()
        self._listening.set()

    @property
    def pid(self):
        return self.process.pid

    @property
    def address(self):
        """host:port"""
        return self._address

    @property
    def base_url(self):
        """What an OpenAI SDK wants as its base URL."""
        return f"http://{self._address}/v1"

    def call(self, method, path, body=None):
        """One request to the console API; the answer's JSON, or None where there is none."""
        headers = {"Accept": "application/json", "Origin": f"http://{self._address}", "Sec-Fetch-Site": "same-origin"}
        if self._cookie:
            headers["Cookie"] = self._cookie
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection(self._address, timeout=30)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status >= 300:
            raise ConsoleError(f"{method} {path} answered {answer.status}: {text.decode(errors='replace')}")
        if cookie := answer.getheader("Set-Cookie"):
            self._cookie = cookie.split(";", 1)[0]
        return json.loads(text) if text else None

    def channel(self, name, base_url, models, credential="sk-upstream", **settings):
        """Makes a channel to an OpenAI-compatible server."""
        body = {"name": name, "kind": "openai", "base_url": base_url, "credential": credential, "models": models}
        return self.call("POST", "/api/channels", body | settings)

    def key(self, name="test", **settings):
        """Makes an API key; the plain key is in the answer's `key`, this once."""
        return self.call("POST", "/api/keys", {"name": name} | settings)

    def calls(self, **filters):
        """The call log, newest first."""
        return self.call("GET", "/api/logs?" + urllib.parse.urlencode(filters))["items"]

    def stop(self, timeout=30.0):
        """Asks the gateway to stop; raises if it does not do so in time and with exit code 0."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise RuntimeError(f"the gateway did not stop within {timeout} s:\n" + "".join(self.output)) from None
        self._reader.join(5)
        if code != 0:
            raise RuntimeError(f"the gateway ended with {code}:\n" + "".join(self.output))

    def kill(self):
        """Ends the process at once, for when something already went wrong."""
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        if kind is None:
            self.stop()
        else:
            self.kill()


def find_binary(profile="debug"):
    """The binary under test: REAL200_BIN, or what cargo built."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    binary = Path(os.environ.get("REAL200_BIN", target / profile / "real200"))
    if not binary.is_file():
        raise FileNotFoundError(f"{binary} is not there: build it first, or set REAL200_BIN")
    return binary.resolve()
