#!/usr/bin/env python3
"""The gateway beside a plain nginx reverse proxy: requests/s, latency, CPU a request and memory.

One upstream (nginx, answers from memory), three ways to it: directly, through nginx, through the gateway. wrk loads
them in turn, round after round, so that a slow minute of the machine hits all three; the table shows medians.
The gateway does all its work: the key has a quota, the model a price, and every call is durable before its answer.
"""

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "tests" / "sdk"))

import nginx  # noqa: E402
from eventually import eventually  # noqa: E402
from gateway import Gateway, find_binary  # noqa: E402
from processes import cpu_seconds, raise_file_limit, rss_bytes  # noqa: E402


def main():
    options = arguments()
    for tool, package in (("wrk", "wrk"), ("nginx", "nginx-light")):
        if not shutil.which(tool, path=f"{os.environ['PATH']}:/usr/sbin"):
            sys.exit(f"{tool} is not installed: apt-get install {package}")
    raise_file_limit(8192)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="real200-load-")))
        upstream = stack.enter_context(nginx.mock_upstream(folder, options.workers))
        proxy = stack.enter_context(nginx.reverse_proxy(folder, options.workers, upstream.port))
        targets = {"upstream": upstream, "nginx": proxy}
        secret = "none"
        if not options.without_gateway:
            workers = {"REAL200_SERVER__WORKERS": str(options.workers)}
            gateway = stack.enter_context(Gateway(find_binary(options.profile), folder / "data", workers))
            targets["gateway"] = gateway
            key = prepare(gateway, upstream)
            secret = key["key"]

        cases = [("json", connections) for connections in options.connections]
        cases.append(("sse", options.connections[0]))
        print(f"{options.rounds} rounds of {options.seconds} s, {options.workers} workers, {os.cpu_count()} cores")
        results = {}
        answered = 0
        for kind in dict(cases):
            # Warm-up: caches, connections, the journal's first segment.
            for name, target in targets.items():
                result = measure(name, target, kind, 16, 1, secret)
                answered += result["requests"] if name == "gateway" else 0
        for _ in range(options.rounds):
            for case in cases:
                for name, target in targets.items():
                    result = measure(name, target, *case, options.seconds, secret)
                    results.setdefault(case, {}).setdefault(name, []).append(result)
                    answered += result["requests"] if name == "gateway" else 0
        for case in cases:
            show(case, results[case])
        if "gateway" in targets:
            check_log(gateway, key["id"], answered)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5, help="of each run of wrk")
    parser.add_argument("--connections", type=int, nargs="+", default=[64, 256])
    parser.add_argument("--workers", type=int, default=2, help="of each nginx and of the gateway")
    parser.add_argument("--profile", default="release", help="which build of the gateway, unless REAL200_BIN says")
    parser.add_argument("--without-gateway", action="store_true", help="only nginx, to look at the harness itself")
    return parser.parse_args()


def prepare(gateway, upstream):
    """Two channels to the mock, a price for each model, and a key whose quota must be reserved on each call."""
    gateway.channel("mock", f"http://{upstream.address}/v1", [nginx.MODEL])
    gateway.channel("mock, streamed", f"http://{upstream.address}/sse/v1", [nginx.STREAMED_MODEL])
    for model in (nginx.MODEL, nginx.STREAMED_MODEL):
        gateway.call("PUT", f"/api/models/{model}", {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 2.0})
    return gateway.key("load", quota={"total_usd": 1_000_000})


def measure(name, target, kind, connections, seconds, secret):
    """One run of wrk; its numbers, and what the target itself cost."""
    streamed = kind == "sse"
    path = "/v1/chat/completions"
    if streamed and name != "gateway":
        path = "/sse" + path
    body = {
        "model": nginx.STREAMED_MODEL if streamed else nginx.MODEL,
        "messages": [{"role": "user", "content": "How does the harbour answer?"}],
        "max_tokens": 64,
    }
    if streamed:
        # Asked for, so that all three deliver the same frames.
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    command = ["wrk", "-t2", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", HERE / "post.lua"]
    env = os.environ | {"LOAD_KEY": secret, "LOAD_BODY": json.dumps(body)}
    cpu = cpu_seconds(target.pid)
    run = subprocess.run(
        [*command, f"http://{target.address}{path}"], env=env, capture_output=True, text=True, timeout=seconds + 60, check=False
    )
    cpu = cpu_seconds(target.pid) - cpu
    line = next((line for line in run.stdout.splitlines() if line.startswith("RESULT ")), None)
    if run.returncode != 0 or line is None:
        raise RuntimeError(f"wrk against {name} failed:\n{run.stdout}\n{run.stderr}")
    result = json.loads(line.removeprefix("RESULT "))
    if result["failed"] or not result["requests"]:
        raise RuntimeError(f"{result['failed']} of {result['requests']} requests to {name} failed:\n{run.stdout}")
    return result | {
        "per_second": result["requests"] / (result["microseconds"] / 1e6),
        "cpu_us": cpu / result["requests"] * 1e6,
        "rss_mib": rss_bytes(target.pid) / 2**20,
    }


def show(case, by_target):
    kind, connections = case
    print(f"\n{kind}, {connections} connections")
    print(f"{'':10}{'requests/s':>12}{'p50 ms':>9}{'p99 ms':>9}{'CPU us/request':>16}{'RSS MiB':>9}")

    def median(name, field):
        return statistics.median(result[field] for result in by_target[name])

    for name in by_target:
        p50, p99 = median(name, "p50_us") / 1000, median(name, "p99_us") / 1000
        numbers = f"{median(name, 'per_second'):>12,.0f}{p50:>9.2f}{p99:>9.2f}"
        print(f"{name:10}{numbers}{median(name, 'cpu_us'):>16.1f}{median(name, 'rss_mib'):>9.1f}")
    if "gateway" in by_target:
        ratios = [g["per_second"] / n["per_second"] for g, n in zip(by_target["gateway"], by_target["nginx"], strict=True)]
        ratio = median("gateway", "per_second") / median("nginx", "per_second")
        print(f"gateway/nginx: {ratio:.2f} of the requests/s (rounds: {min(ratios):.2f} to {max(ratios):.2f})")


def check_log(gateway, key_id, answered):
    """Every answered call is in the totals. wrk leaves some behind unanswered at each end: those may be there too."""
    usage = eventually(
        lambda: gateway.call("GET", f"/api/keys/{key_id}")["usage"], lambda usage: usage["requests"] >= answered, within=60
    )
    print(f"\n{answered:,} calls answered to wrk, {usage['requests']:,} in the ledger, {usage['cost_usd']:.6f} USD")


if __name__ == "__main__":
    main()
