"""nginx twice: as the mock upstream, which answers from memory, and as a plain reverse proxy before it."""

import json
import shutil
import socket
import subprocess
import time
from pathlib import Path

USAGE = {"prompt_tokens": 12, "completion_tokens": 20, "total_tokens": 32}
TEXT = "The harbour answers with the sound of a small bell and a rope that knocks against a mast."
MODEL, STREAMED_MODEL = "bench-chat", "bench-stream"


def chat_completion():
    """The fixed answer of the unstreamed location."""
    choice = {"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"}
    return json.dumps(_object("chat.completion", [choice]) | {"usage": USAGE})


def event_stream():
    """The fixed answer of the streamed location: a frame a word, the usage, the end."""
    deltas = [{"role": "assistant", "content": ""}, *({"content": word + " "} for word in TEXT.split())]
    frames = [_object("chat.completion.chunk", [{"index": 0, "delta": d, "finish_reason": None}]) for d in deltas]
    frames.append(_object("chat.completion.chunk", [{"index": 0, "delta": {}, "finish_reason": "stop"}]))
    frames.append(_object("chat.completion.chunk", []) | {"usage": USAGE})
    return "".join(f"data: {json.dumps(frame)}\n\n" for frame in frames) + "data: [DONE]\n\n"


def _object(kind, choices):
    return {"id": "chatcmpl-bench", "object": kind, "created": 1, "model": MODEL, "choices": choices}


def mock_upstream(folder, workers):
    """Answers POST /v1/chat/completions at once, and streamed under /sse/v1/chat/completions."""
    return Nginx(
        folder / "upstream",
        workers,
        lambda port: f"""
        server {{
            listen 127.0.0.1:{port} backlog=4096;
            location = /v1/chat/completions {{ default_type application/json; return 200 {_quoted(chat_completion())}; }}
            location = /sse/v1/chat/completions {{ default_type text/event-stream; {_return_in_parts(event_stream())} }}
        }}""",
    )


def reverse_proxy(folder, workers, upstream_port):
    """What a gateway is measured against: pass on, pass back, nothing else."""
    return Nginx(
        folder / "proxy",
        workers,
        lambda port: f"""
        upstream mock {{ server 127.0.0.1:{upstream_port}; keepalive 512; keepalive_requests 100000000; }}
        server {{
            listen 127.0.0.1:{port} backlog=4096;
            location / {{
                proxy_pass http://mock;
                proxy_http_version 1.1;
                proxy_set_header Connection "";
            }}
            location /sse/ {{
                proxy_pass http://mock;
                proxy_http_version 1.1;
                proxy_set_header Connection "";
                proxy_buffering off;
            }}
        }}""",
    )


def _quoted(text):
    # nginx reads \" and \n in a quoted string, and $ as a variable.
    assert "$" not in text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _return_in_parts(text, size=2000):
    # One word of nginx's configuration is at most 4,096 bytes.
    parts = [text[start : start + size] for start in range(0, len(text), size)]
    setting = " ".join(f"set $part{i} {_quoted(part)};" for i, part in enumerate(parts))
    return f'{setting} return 200 "{"".join(f"$part{i}" for i in range(len(parts)))}";'


class Nginx:
    """A running nginx with its own folder. Leaving the `with` block stops it."""

    def __init__(self, folder, workers, server):
        folder.mkdir()
        binary = shutil.which("nginx") or "/usr/sbin/nginx"
        for _ in range(5):
            # The port may be taken between looking and listening: then another one.
            self.port = _free_port()
            (folder / "nginx.conf").write_text(_config(folder, workers, server(self.port)))
            self.process = subprocess.Popen(
                [binary, "-p", str(folder), "-c", "nginx.conf", "-e", "error.log"],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            if self._is_up():
                return
        raise RuntimeError("nginx did not start:\n" + (folder / "error.log").read_text())

    def _is_up(self, within=10.0):
        deadline = time.monotonic() + within
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return True
            except OSError:
                time.sleep(0.02)
        self.process.kill()
        self.process.wait()
        return False

    @property
    def pid(self):
        return self.process.pid

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _config(folder: Path, workers, server):
    return f"""
    daemon off;
    worker_processes {workers};
    worker_rlimit_nofile 16384;
    pid {folder}/nginx.pid;
    error_log {folder}/error.log warn;
    events {{ worker_connections 8192; }}
    http {{
        access_log off;
        keepalive_requests 100000000;
        client_body_temp_path {folder}/body;
        proxy_temp_path {folder}/proxy;
        fastcgi_temp_path {folder}/fastcgi;
        uwsgi_temp_path {folder}/uwsgi;
        scgi_temp_path {folder}/scgi;
        {server}
    }}
    """
