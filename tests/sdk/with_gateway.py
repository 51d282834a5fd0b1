"""Runs a command beside a gateway and scripted upstreams: `with_gateway.py node --test ...`.

The command finds in its environment REAL200_TEST_BASE_URL, and keys for the cases it tests.
"""

import os
import subprocess
import sys
import tempfile

import upstream as scripted
from gateway import Gateway, find_binary
from providers import PROVIDERS, add_channels
from replay import Replay


def main(command):
    with (
        scripted.Upstream() as upstream,
        Replay() as replay,
        tempfile.TemporaryDirectory() as data,
        Gateway(find_binary(), data) as gateway,
    ):
        gateway.channel("scripted", upstream.base_url, scripted.MODELS)
        add_channels(gateway, replay.origin)
        for provider in PROVIDERS:
            # Of their own, so that what fails takes nothing else out of the pool.
            for case in ("400", "error", "cut"):
                provider.add_channel(gateway, replay.origin, [provider.model(case)])
        disabled, deleted = gateway.key("disabled"), gateway.key("deleted")
        gateway.call("PATCH", f"/api/keys/{disabled['id']}", {"status": "disabled"})
        gateway.call("DELETE", f"/api/keys/{deleted['id']}")
        env = {
            "REAL200_TEST_BASE_URL": gateway.base_url,
            "REAL200_TEST_REPLAY": replay.origin,
            "REAL200_TEST_KEY": gateway.key("node")["key"],
            "REAL200_TEST_NARROW_KEY": gateway.key("narrow", permissions={"models": ["scripted-*"]})["key"],
            "REAL200_TEST_DISABLED_KEY": disabled["key"],
            "REAL200_TEST_DELETED_KEY": deleted["key"],
        }
        return subprocess.run(command, env=os.environ | env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
