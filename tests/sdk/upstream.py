"""A scripted provider that speaks OpenAI's dialect. The model's name says what it does.

    scripted-chat       answers, or calls the first tool where tools are offered
    scripted-cut        ends its stream in the middle, without a terminal event
    scripted-endless    streams until its reader goes away
    scripted-400 …      answers with that status and an error of OpenAI's shape
    scripted-embed      embeds
    scripted-text       the old completions
"""

import base64
import itertools
import json
import struct
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WORDS = ["The ", "answer ", "is ", "42."]
TEXT = "".join(WORDS)
VECTOR = [0.5, -0.25, 0.125]
MODELS = [
    "scripted-chat",
    "scripted-cut",
    "scripted-endless",
    "scripted-embed",
    "scripted-text",
    "scripted-400",
    "scripted-404",
    "scripted-429",
    "scripted-500",
]
ERRORS = {
    400: ("invalid_request_error", "context_length_exceeded", "messages"),
    404: ("invalid_request_error", "model_not_found", "model"),
    429: ("requests", "rate_limit_exceeded", None),
    500: ("server_error", None, None),
}
CHAT_USAGE = {
    "prompt_tokens": 11,
    "completion_tokens": 7,
    "total_tokens": 18,
    "prompt_tokens_details": {"cached_tokens": 3},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
RESPONSES_USAGE = {
    "input_tokens": 11,
    "output_tokens": 7,
    "total_tokens": 18,
    "input_tokens_details": {"cached_tokens": 3},
    "output_tokens_details": {"reasoning_tokens": 2},
}
# In pieces, as providers stream it: a gateway must neither join nor drop them.
TOOL_ARGUMENTS = ['{"ci', 'ty":"Ham', 'burg"}']


class Upstream:
    """The running server. `requests` are the JSON bodies and headers that it got, oldest first."""

    def __init__(self):
        self.requests = []
        self._server = Server(("127.0.0.1", 0), _Handler)
        self._server.upstream = self
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.base_url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def last(self, model):
        """The newest request for that model, as (headers, body)."""
        return next((h, b) for h, b in reversed(self.requests) if b.get("model") == model)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    # A burst of connections must find room, or a test of many clients measures this queue.
    request_queue_size = 1024

    def handle_error(self, request, client_address):
        """A reader that goes away is part of the script; anything else is a fault of the script."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Quiet: the tests show what went wrong."""

    def do_GET(self):
        self._json(200, {"object": "list", "data": [{"id": m, "object": "model", "owned_by": "script"} for m in MODELS]})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.upstream.requests.append((dict(self.headers), body))
        suffix = body["model"].rsplit("-", 1)[1]
        if suffix.isdigit():
            return self._error(int(suffix))
        answer = {
            "/v1/chat/completions": self._chat,
            "/v1/completions": self._completion,
            "/v1/embeddings": self._embedding,
            "/v1/responses": self._response,
        }.get(self.path)
        return answer(body) if answer else self._error(404)

    def _error(self, status):
        kind, code, param = ERRORS[status]
        message = f"scripted {status}"
        headers = {"Retry-After": "1"} if status == 429 else {}
        self._json(status, {"error": {"message": message, "type": kind, "code": code, "param": param}}, headers)

    # --- chat ---------------------------------------------------------------------------------------------------

    def _chat(self, body):
        tool = body["tools"][0]["function"]["name"] if body.get("tools") else None
        if not body.get("stream"):
            message = {"role": "assistant", "content": TEXT}
            if tool:
                message = {"role": "assistant", "content": None, "tool_calls": [_tool_call(tool, "".join(TOOL_ARGUMENTS))]}
            choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if tool else "stop", "logprobs": None}
            return self._json(200, _chat_object(body, "chat.completion", [choice]) | {"usage": CHAT_USAGE})

        deltas = [{"role": "assistant", "content": ""}]
        if tool:
            deltas = [{"role": "assistant", "content": None, "tool_calls": [{"index": 0, **_tool_call(tool, "")}]}]
            deltas += [{"tool_calls": [{"index": 0, "function": {"arguments": part}}]} for part in TOOL_ARGUMENTS]
        else:
            deltas += [{"content": word} for word in WORDS]
        choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
        frames = [_chat_object(body, "chat.completion.chunk", [choice]) for choice in choices]
        if body["model"].endswith("-cut"):
            return self._sse([(None, f) for f in frames[:3]])
        if body["model"].endswith("-endless"):
            return self._sse((None, frame) for frame in itertools.cycle(frames[1:]))
        end = {"index": 0, "delta": {}, "finish_reason": "tool_calls" if tool else "stop"}
        frames.append(_chat_object(body, "chat.completion.chunk", [end]))
        if (body.get("stream_options") or {}).get("include_usage"):
            frames = [f | {"usage": None} for f in frames]
            frames.append(_chat_object(body, "chat.completion.chunk", []) | {"usage": CHAT_USAGE})
        return self._sse([(None, f) for f in frames], done=True)

    def _completion(self, body):
        choice = {"index": 0, "text": TEXT, "finish_reason": "stop", "logprobs": None}
        usage = {k: CHAT_USAGE[k] for k in ("prompt_tokens", "completion_tokens", "total_tokens")}
        self._json(200, _chat_object(body, "text_completion", [choice]) | {"usage": usage})

    # --- embeddings ---------------------------------------------------------------------------------------------

    def _embedding(self, body):
        inputs = body["input"] if isinstance(body["input"], list) else [body["input"]]
        vector = VECTOR
        if body.get("encoding_format") == "base64":
            vector = base64.b64encode(struct.pack(f"<{len(VECTOR)}f", *VECTOR)).decode()
        data = [{"object": "embedding", "index": i, "embedding": vector} for i, _ in enumerate(inputs)]
        usage = {"prompt_tokens": 5, "total_tokens": 5}
        self._json(200, {"object": "list", "data": data, "model": body["model"], "usage": usage})

    # --- responses ----------------------------------------------------------------------------------------------

    def _response(self, body):
        part = {"type": "output_text", "text": TEXT, "annotations": []}
        item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
        done = _response_object(body, "completed", [item]) | {"usage": RESPONSES_USAGE}
        if not body.get("stream"):
            return self._json(200, done)
        place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
        started = _response_object(body, "in_progress", [])
        events = [
            ("response.created", {"response": started}),
            ("response.output_item.added", {"output_index": 0, "item": item | {"status": "in_progress", "content": []}}),
            ("response.content_part.added", place | {"part": part | {"text": ""}}),
            *[("response.output_text.delta", place | {"delta": word, "logprobs": []}) for word in WORDS],
            ("response.output_text.done", place | {"text": TEXT, "logprobs": []}),
            ("response.content_part.done", place | {"part": part}),
            ("response.output_item.done", {"output_index": 0, "item": item}),
            ("response.completed", {"response": done}),
        ]
        frames = [(name, {"type": name, "sequence_number": i} | data) for i, (name, data) in enumerate(events)]
        if body["model"].endswith("-cut"):
            return self._sse(frames[:5])
        return self._sse(frames)

    # --- the wire -----------------------------------------------------------------------------------------------

    def _json(self, status, value, headers=None):
        payload = json.dumps(value).encode()
        self.send_response(status)
        for name, content in (headers or {}).items():
            self.send_header(name, content)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def _sse(self, frames, done=False):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for name, value in frames:
            self._chunk((f"event: {name}\n" if name else "") + f"data: {json.dumps(value)}\n\n")
        if done:
            self._chunk("data: [DONE]\n\n")
        # A cut stream ends well as HTTP: only the dialect's terminal event is missing. That is the hard case.
        self.wfile.write(b"0\r\n\r\n")

    def _chunk(self, text):
        payload = text.encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(payload), payload))
        self.wfile.flush()


def _tool_call(name, arguments):
    return {"id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments}}


def _chat_object(body, kind, choices):
    return {"id": "chatcmpl-1", "object": kind, "created": 1, "model": body["model"], "choices": choices}


def _response_object(body, status, output):
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": status,
        "model": body["model"],
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "temperature": 1.0,
        "top_p": 1.0,
        "usage": None,
    }
