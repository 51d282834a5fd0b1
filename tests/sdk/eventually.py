"""Waiting for what the gateway does after it has answered."""

import time


def eventually(look, wanted, within=10.0):
    """Calls `look` until `wanted(its result)` holds, and returns that result; fails with the last one."""
    deadline = time.monotonic() + within
    while True:
        seen = look()
        if wanted(seen):
            return seen
        assert time.monotonic() < deadline, f"not within {within} s; last seen: {seen!r}"
        time.sleep(0.02)
