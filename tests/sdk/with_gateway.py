"""Runs a command beside a gateway and a scripted upstream: `with_gateway.py node --test ...`.

The command finds in its environment REAL200_TEST_BASE_URL, and keys for the cases it tests.
"""

import os
import subprocess
import sys
import tempfile

import upstream as scripted
from gateway import Gateway, find_binary


def main(command):
    with scripted.Upstream() as upstream, tempfile.TemporaryDirectory() as data, Gateway(find_binary(), data) as gateway:
        gateway.channel("scripted", upstream.base_url, scripted.MODELS)
        disabled, deleted = gateway.key("disabled"), gateway.key("deleted")
        gateway.call("PATCH", f"/api/keys/{disabled['id']}", {"status": "disabled"})
        gateway.call("DELETE", f"/api/keys/{deleted['id']}")
        env = {
            "REAL200_TEST_BASE_URL": gateway.base_url,
            "REAL200_TEST_KEY": gateway.key("node")["key"],
            "REAL200_TEST_NARROW_KEY": gateway.key("narrow", permissions={"models": ["scripted-*"]})["key"],
            "REAL200_TEST_DISABLED_KEY": disabled["key"],
            "REAL200_TEST_DELETED_KEY": deleted["key"],
        }
        return subprocess.run(command, env=os.environ | env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
