#!/usr/bin/env python3
"""Many streams at once through one gateway: none may break, and what does each cost in memory?

The upstream sends one frame a second on each stream, all of them from one event loop on raw sockets, so that two cores
are enough. A stream counts as whole if its frames came complete, in order, and with the dialect's end.
"""

import argparse
import asyncio
import collections
import contextlib
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "tests" / "sdk"))

from eventually import eventually  # noqa: E402
from gateway import Gateway, find_binary  # noqa: E402
from processes import cpu_seconds, raise_file_limit, rss_bytes  # noqa: E402

MODEL = "bench-slow-stream"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
USAGE = {"prompt_tokens": 3, "completion_tokens": 30, "total_tokens": 33}


def main():
    options = arguments()
    raise_file_limit(4 * options.streams + 1024)
    with tempfile.TemporaryDirectory(prefix="real200-streams-") as data:
        with Gateway(find_binary(options.profile), data) as gateway:
            whole = asyncio.run(measure(gateway, options))
    sys.exit(0 if whole else 1)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=2000)
    parser.add_argument("--seconds", type=int, default=30, help="of each stream")
    parser.add_argument("--profile", default="release", help="which build of the gateway, unless REAL200_BIN says")
    return parser.parse_args()


async def measure(gateway, options):
    upstream = SlowUpstream(options.streams, options.seconds)
    server = await asyncio.get_running_loop().create_server(lambda: UpstreamStream(upstream), "127.0.0.1", 0, backlog=4096)
    async with server:
        port = server.sockets[0].getsockname()[1]
        gateway.channel("slow", f"http://127.0.0.1:{port}/v1", [MODEL])
        key = gateway.key("streams")
        host, gateway_port = gateway.address.split(":")
        before, cpu = rss_bytes(gateway.pid), cpu_seconds(gateway.pid)
        peak = Peak(lambda: rss_bytes(gateway.pid))
        opening = asyncio.Semaphore(200)  # So that the listen queue is not what is measured.
        clients = [
            client(host, int(gateway_port), key["key"], opening, options.seconds) for _ in range(options.streams)
        ]
        async with peak:
            results = await asyncio.gather(*clients)
        cpu = cpu_seconds(gateway.pid) - cpu

    broken = collections.Counter(result.fault for result in results if result.fault)
    delays = sorted(delay for result in results for delay in result.delays)
    frames = len(delays)
    mib = 2**20
    print(f"{options.streams} streams of {options.seconds} s; at once: {upstream.most_active}; broken: {broken.total()}")
    for fault, count in broken.most_common(5):
        print(f"  {count} x {fault}")
    print(f"gateway RSS: {before / mib:.1f} MiB before, {peak.value / mib:.1f} MiB at the peak")
    print(f"memory of a stream: {(peak.value - before) / options.streams / 1024:.1f} KiB")
    if frames:
        p50, p99 = statistics.median(delays) * 1000, delays[int(frames * 0.99)] * 1000
        print(f"delay of a frame, upstream to client: p50 {p50:.2f} ms, p99 {p99:.2f} ms; CPU {cpu / frames * 1e6:.1f} us a frame")
    logged = eventually(
        lambda: gateway.call("GET", f"/api/keys/{key['id']}")["usage"]["requests"], lambda n: n >= options.streams, within=30
    )
    print(f"calls in the ledger: {logged}")
    return not broken and upstream.most_active == options.streams and logged == options.streams


class Peak:
    """The greatest value seen while the `async with` block runs."""

    def __init__(self, look):
        self.value, self._look = look(), look

    async def __aenter__(self):
        self._task = asyncio.create_task(self._watch())

    async def _watch(self):
        while True:
            self.value = max(self.value, self._look())
            await asyncio.sleep(0.5)

    async def __aexit__(self, *_):
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task


# --- The upstream ---------------------------------------------------------------------------------------------------


class SlowUpstream:
    """Holds every stream's content back until all are open, so that all of them run at once."""

    def __init__(self, streams, seconds):
        self.seconds = seconds
        self.active = self.most_active = 0
        self._expected = streams
        self._waiting = []

    def opened(self, stream):
        self.active += 1
        self.most_active = max(self.most_active, self.active)
        self._waiting.append(stream)
        if len(self._waiting) == self._expected:
            # Spread over a second: a burst of all frames at once would measure the burst.
            loop = asyncio.get_running_loop()
            for i, waiting in enumerate(self._waiting):
                loop.call_later(i / self._expected, waiting.tick)

    def closed(self):
        self.active -= 1


class UpstreamStream(asyncio.Protocol):
    """One connection of the gateway: reads a request, streams the answer, then reads the next."""

    def __init__(self, upstream):
        self._upstream = upstream
        self._received = b""
        self._sent = None
        self._with_usage = False

    def connection_made(self, transport):
        self._transport = transport

    def connection_lost(self, error):
        if self._sent is not None:
            self._sent = None
            self._upstream.closed()

    def data_received(self, data):
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end or len(body) < _content_length(head):
            return
        self._received = b""
        self._sent = 0
        self._with_usage = (json.loads(body).get("stream_options") or {}).get("include_usage")
        # The role comes at once, as providers do it; a gateway may hold the head back until the first frame.
        self._transport.write(HEAD)
        self._write({"role": "assistant"})
        self._upstream.opened(self)

    def tick(self):
        if self._sent is None or self._transport.is_closing():
            return
        if self._sent < self._upstream.seconds:
            self._write({"content": f"{self._sent} {time.monotonic()}"})
            self._sent += 1
            asyncio.get_running_loop().call_later(1.0, self.tick)
            return
        self._write({}, finish_reason="stop")
        usage = f"data: {json.dumps(_chunk([]) | {'usage': USAGE})}\n\n" if self._with_usage else ""
        self._transport.write(_http_chunk(usage + "data: [DONE]\n\n") + b"0\r\n\r\n")
        self._sent = None
        self._upstream.closed()

    def _write(self, delta, finish_reason=None):
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        self._transport.write(_http_chunk(f"data: {json.dumps(_chunk([choice]))}\n\n"))


def _chunk(choices):
    return {"id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 1, "model": MODEL, "choices": choices}


def _http_chunk(text):
    payload = text.encode()
    return b"%x\r\n%s\r\n" % (len(payload), payload)


def _content_length(head):
    lines = (line.split(b":", 1) for line in head.split(b"\r\n")[1:])
    return next((int(value) for name, value in lines if name.strip().lower() == b"content-length"), 0)


# --- The clients ----------------------------------------------------------------------------------------------------


class StreamResult:
    """What became of one stream: the delay of each frame, and the fault that broke it, if one did."""

    def __init__(self):
        self.delays, self.fault = [], None


async def client(host, port, secret, opening, seconds):
    result = StreamResult()
    try:
        async with asyncio.timeout(seconds + 120):
            await _read_stream(result, host, port, secret, opening, seconds)
    except (OSError, EOFError, TimeoutError, ValueError, KeyError, IndexError) as error:
        result.fault = f"{type(error).__name__}: {error}"[:200]
    return result


async def _read_stream(result, host, port, secret, opening, seconds):
    body = json.dumps({"model": MODEL, "stream": True, "messages": [{"role": "user", "content": "slowly"}]}).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {secret}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    async with opening:
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(head.encode() + body)
        status = await reader.readuntil(b"\r\n\r\n")
    try:
        if not status.startswith(b"HTTP/1.1 200"):
            raise ValueError(status.split(b"\r\n", 1)[0].decode())
        expected, done, buffered = 0, False, b""
        async for part in _chunks(reader):
            buffered += part
            *frames, buffered = buffered.split(b"\n\n")
            for frame in frames:
                data = frame.removeprefix(b"data: ")
                if data == b"[DONE]":
                    done = True
                    continue
                content = json.loads(data)["choices"][0]["delta"].get("content")
                if content is None:
                    continue
                number, sent = content.split()
                if int(number) != expected:
                    raise ValueError(f"frame {number} instead of {expected}")
                expected += 1
                result.delays.append(time.monotonic() - float(sent))
        if expected != seconds or not done:
            raise EOFError(f"{expected} of {seconds} frames, end {'seen' if done else 'missing'}")
    finally:
        writer.close()


async def _chunks(reader):
    while size := int(await reader.readuntil(b"\r\n"), 16):
        yield (await reader.readexactly(size + 2))[:-2]
    await reader.readexactly(2)


if __name__ == "__main__":
    main()
