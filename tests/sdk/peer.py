"""Starts LiteLLM's proxy and runs the common SDK cases through the gateway against it.

    target/venv-sdk/bin/python tests/sdk/peer.py target/venv-peer/bin/litellm
"""

import os
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from eventually import eventually

HERE = Path(__file__).parent


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_alive(url):
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def main(litellm):
    port = free_port()
    env = os.environ | {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "NO_DOCS": "True"}
    command = [litellm, "--config", HERE / "peer.yaml", "--host", "127.0.0.1", "--port", str(port)]
    with tempfile.TemporaryFile() as log:
        proxy = subprocess.Popen(command, env=env, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        try:
            health = f"http://127.0.0.1:{port}/health/liveliness"
            eventually(lambda: proxy.poll() is not None or is_alive(health), bool, within=120)
            if proxy.poll() is not None:
                log.seek(0)
                sys.exit("LiteLLM did not start:\n" + log.read().decode(errors="replace"))
            pytest = [sys.executable, "-m", "pytest", HERE, "--peer", f"http://127.0.0.1:{port}/v1"]
            return subprocess.run(pytest, check=False).returncode
        finally:
            proxy.terminate()
            proxy.wait(30)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
