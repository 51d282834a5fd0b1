"""A scripted provider of every dialect. It takes what the official SDKs' own types take, and answers with the recorded
answers of tests/fixtures/crossing.

The model's name says which: `claude-opus-4-6-plain` is answered with `messages/plain.answer.json`, or
`messages/plain.stream.sse` where a stream is asked for; one that ends in a number, with that status; one that ends in `cut`,
with half a stream.
"""

import base64
import json
import threading
import typing
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import anthropic.types
import openai.types.chat.completion_create_params as chat_params
import openai.types.responses.response_create_params as response_params
import pydantic
from google.genai import types as google
from upstream import Server

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "crossing"
# One pixel.
IMAGE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def _forbidding_unknown_members(module):
    """Lets pydantic refuse members that the types of this module do not have, as the provider does."""
    for name in dir(module):
        if typing.is_typeddict(kind := getattr(module, name)):
            kind.__pydantic_config__ = pydantic.ConfigDict(extra="forbid")
    return module


class _GenerateContent(pydantic.BaseModel):
    """`GenerateContentRequest` of the REST interface, of the SDK's types, which forbid unknown members."""

    model_config = pydantic.ConfigDict(extra="forbid", alias_generator=pydantic.alias_generators.to_camel)

    contents: list[google.Content]
    system_instruction: google.Content | None = None
    tools: list[google.Tool] | None = None
    tool_config: google.ToolConfig | None = None
    generation_config: google.GenerationConfig | None = None


_TYPES = {
    "chat": pydantic.TypeAdapter(chat_params.CompletionCreateParamsNonStreaming),
    "responses": pydantic.TypeAdapter(response_params.ResponseCreateParamsNonStreaming),
    "messages": pydantic.TypeAdapter(
        _forbidding_unknown_members(anthropic.types).message_create_params.MessageCreateParamsNonStreaming
    ),
    "gemini": pydantic.TypeAdapter(_GenerateContent),
}


def in_blocks(value):
    """Content as a list of blocks where it may be a string: pydantic takes a string for an iterable of blocks."""
    if isinstance(value, list):
        return [in_blocks(v) for v in value]
    if not isinstance(value, dict):
        return value
    text = ("content", "system")
    return {k: [{"type": "text", "text": v}] if k in text and isinstance(v, str) else in_blocks(v) for k, v in value.items()}


def _exhaust(value):
    """Walks into what pydantic validates only when it is read."""
    if isinstance(value, dict):
        value = value.values()
    if hasattr(value, "__iter__") and not isinstance(value, (str, bytes)):
        for item in value:
            _exhaust(item)


def check(dialect, body):
    """Raises unless the SDK of the dialect could have sent that body."""
    body = {k: v for k, v in body.items() if k != "stream"}
    _exhaust(_TYPES[dialect].validate_json(json.dumps(in_blocks(body) if dialect in ("chat", "messages") else body)))


def error(dialect, status):
    """An error as the provider of that dialect words it."""
    message = f"scripted {status}"
    if dialect == "messages":
        kind = {400: "invalid_request_error", 413: "request_too_large", 529: "overloaded_error"}.get(status, "api_error")
        return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}
    if dialect == "gemini":
        return {"error": {"code": status, "message": message, "status": "INVALID_ARGUMENT" if status == 400 else "UNAVAILABLE"}}
    return {"error": {"message": message, "type": "invalid_request_error" if status == 400 else "server_error", "code": None}}


class Replay:
    """The running server. `requests` are the paths, headers and bodies that it got, oldest first."""

    def __init__(self):
        self.requests = []
        self._server = Server(("127.0.0.1", 0), _Handler)
        self._server.replay = self
        self.origin = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.image_url = f"{self.origin}/image.png"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def last(self):
        """The body of the newest request."""
        return self.requests[-1][2]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Quiet: the tests show what went wrong."""

    def do_GET(self):
        if self.path == "/last":
            # For tests in another process.
            return self._json(200, self.server.replay.last())
        self._send(200, "image/png", base64.b64decode(IMAGE))

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.replay.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        path, _, query = self.path.partition("?")
        if dialect := {"/v1/chat/completions": "chat", "/v1/responses": "responses", "/v1/messages": "messages"}.get(path):
            self._answer(dialect, body["model"], body, body.get("stream"))
        elif path == "/v1/messages/count_tokens":
            self._json(200, {"input_tokens": 4711})
        elif path.startswith(("/v1/models/", "/v1beta/models/")):
            model, _, method = path.rsplit("/", 1)[1].partition(":")
            if method == "countTokens":
                return self._json(200, {"totalTokens": 4711})
            if method == "batchEmbedContents":
                return self._json(200, {"embeddings": [{"values": [0.5, -0.25]} for _ in body["requests"]]})
            assert (method, query) in [("generateContent", ""), ("streamGenerateContent", "alt=sse")], self.path
            self._answer("gemini", model, body, bool(query))
        elif path == "/v1beta/openai/embeddings":
            data = [{"object": "embedding", "index": i, "embedding": [0.5, -0.25]} for i, _ in enumerate(body["input"])]
            usage = {"prompt_tokens": 5, "total_tokens": 5}
            self._json(200, {"object": "list", "data": data, "model": body["model"], "usage": usage})
        else:
            self._json(404, error("chat", 404))

    def _answer(self, dialect, model, body, stream):
        case = model.rsplit("-", 1)[1]
        try:
            check(dialect, body)
        except pydantic.ValidationError as wrong:
            words = f"not of the dialect: {wrong}"[:4000]
            return self._json(400, {"type": "error", "error": {"message": words, "type": "invalid_request_error"}})
        if case.isdigit():
            return self._json(int(case), error(dialect, int(case)))
        if not stream:
            return self._send(200, "application/json", (FIXTURES / dialect / f"{case}.answer.json").read_bytes())
        recorded = (FIXTURES / dialect / f"{case.replace('cut', 'plain')}.stream.sse").read_bytes()
        if case == "cut":
            frames = recorded.split(b"\n\n")
            recorded = b"\n\n".join(frames[: len(frames) // 2]) + b"\n\n"
        self._send(200, "text/event-stream", recorded)

    def _json(self, status, value):
        self._send(status, "application/json", json.dumps(value).encode())

    def _send(self, status, kind, payload):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)
