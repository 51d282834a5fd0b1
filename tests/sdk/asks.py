"""What is asked: each thing that a conversation may hold, as the users of each SDK write it, and as each provider must get it.

`as_said(dialect, what)` is for the SDK of that dialect; `as_got(dialect, what)` is what stands in the request to a provider of
it, among other things.
"""

import base64

from google.genai import types as google
from replay import IMAGE

CITY = {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]}
PDF = base64.b64encode(b"%PDF-1.4 made up").decode()


TURNS = [("user", "One"), ("assistant", "Two"), ("user", "Three")]
ASKED = [
    *("plain", "system", "turns", "image", "image_url", "document", "tools", "any_tool", "one_tool"),
    *("schema", "sampling", "thinking"),
]


def _text(text):
    return {"type": "text", "text": text}


def _base64(media_type, data):
    return {"type": "base64", "media_type": media_type, "data": data}


def _gemini(*contents, **config):
    contents = [google.UserContent(c) if not isinstance(c, google.Content) else c for c in contents]
    # The calls are the test's to answer, not the SDK's.
    config |= {"automatic_function_calling": google.AutomaticFunctionCallingConfig(disable=True)}
    return {"contents": contents, "config": google.GenerateContentConfig(**config)}


def _messages(*messages, **more):
    turns = [m if isinstance(m, dict) else {"role": "user", "content": m} for m in messages]
    return {"max_tokens": 4096, "messages": turns, **more}


def _chat(*messages, **more):
    return {"messages": [m if isinstance(m, dict) else {"role": "user", "content": m} for m in messages], **more}


def _responses(*items, **more):
    turns = [m if isinstance(m, dict) else {"role": "user", "content": m} for m in items]
    # What nobody stores comes back with its seals.
    return {"input": turns, "store": False, "include": ["reasoning.encrypted_content"], **more}


def _tools(dialect):
    about = {"name": "get_weather", "description": "The weather in a city"}
    return {
        "chat": [{"type": "function", "function": {**about, "parameters": CITY}}],
        "responses": [{"type": "function", **about, "parameters": CITY, "strict": False}],
        "messages": [{**about, "input_schema": CITY}],
        "gemini": [google.Tool(function_declarations=[google.FunctionDeclaration(**about, parameters_json_schema=CITY)])],
    }[dialect]


SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"], "additionalProperties": False}
_ANY = google.ToolConfig(function_calling_config=google.FunctionCallingConfig(mode="ANY"))
_ONE = google.ToolConfig(function_calling_config=google.FunctionCallingConfig(mode="ANY", allowed_function_names=["get_weather"]))


def as_said(dialect, what, image_url=""):
    data_url = f"data:image/png;base64,{IMAGE}"
    input_text = {"type": "input_text", "text": "What?"}
    pdf = {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}
    adaptive = {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "high"}}
    high = google.ThinkingConfig(include_thoughts=True, thinking_level="HIGH")
    return {
        "plain": {
            "chat": _chat("Hi"),
            "responses": _responses("Hi"),
            "messages": _messages("Hi"),
            "gemini": _gemini("Hi"),
        },
        "system": {
            "chat": _chat({"role": "system", "content": "Be brief."}, "Hi"),
            "responses": _responses("Hi", instructions="Be brief."),
            "messages": _messages("Hi", system="Be brief."),
            "gemini": _gemini("Hi", system_instruction="Be brief."),
        },
        "turns": {
            "chat": _chat("One", {"role": "assistant", "content": "Two"}, "Three"),
            "responses": _responses("One", {"role": "assistant", "content": "Two"}, "Three"),
            "messages": _messages("One", {"role": "assistant", "content": "Two"}, "Three"),
            "gemini": _gemini("One", google.ModelContent("Two"), "Three"),
        },
        "image": {
            "chat": _chat([_text("What?"), {"type": "image_url", "image_url": {"url": data_url}}]),
            "responses": _responses([input_text, {"type": "input_image", "detail": "auto", "image_url": data_url}]),
            "messages": _messages([_text("What?"), {"type": "image", "source": _base64("image/png", IMAGE)}]),
            "gemini": _gemini(["What?", google.Part.from_bytes(data=base64.b64decode(IMAGE), mime_type="image/png")]),
        },
        "image_url": {
            "chat": _chat([_text("What?"), {"type": "image_url", "image_url": {"url": image_url}}]),
            "responses": _responses([input_text, {"type": "input_image", "detail": "auto", "image_url": image_url}]),
            "messages": _messages([_text("What?"), {"type": "image", "source": {"type": "url", "url": image_url}}]),
            "gemini": _gemini(["What?", google.Part.from_uri(file_uri=image_url, mime_type="image/png")]),
        },
        "document": {
            "chat": _chat([_text("What?"), {"type": "file", "file": pdf}]),
            "responses": _responses([input_text, {"type": "input_file", **pdf}]),
            "messages": _messages([_text("What?"), {"type": "document", "source": _base64("application/pdf", PDF)}]),
            "gemini": _gemini(["What?", google.Part.from_bytes(data=base64.b64decode(PDF), mime_type="application/pdf")]),
        },
        "tools": {
            "chat": _chat("Hi", tools=_tools("chat")),
            "responses": _responses("Hi", tools=_tools("responses")),
            "messages": _messages("Hi", tools=_tools("messages")),
            "gemini": _gemini("Hi", tools=_tools("gemini")),
        },
        "any_tool": {
            "chat": _chat("Hi", tools=_tools("chat"), tool_choice="required"),
            "responses": _responses("Hi", tools=_tools("responses"), tool_choice="required"),
            "messages": _messages("Hi", tools=_tools("messages"), tool_choice={"type": "any"}),
            "gemini": _gemini("Hi", tools=_tools("gemini"), tool_config=_ANY),
        },
        "one_tool": {
            "chat": _chat("Hi", tools=_tools("chat"), tool_choice={"type": "function", "function": {"name": "get_weather"}}),
            "responses": _responses("Hi", tools=_tools("responses"), tool_choice={"type": "function", "name": "get_weather"}),
            "messages": _messages("Hi", tools=_tools("messages"), tool_choice={"type": "tool", "name": "get_weather"}),
            "gemini": _gemini("Hi", tools=_tools("gemini"), tool_config=_ONE),
        },
        "schema": {
            "chat": _chat("Hi", response_format={"type": "json_schema", "json_schema": {"name": "person", "schema": SCHEMA}}),
            "responses": _responses("Hi", text={"format": {"type": "json_schema", "name": "person", "schema": SCHEMA}}),
            "messages": _messages("Hi", output_config={"format": {"type": "json_schema", "schema": SCHEMA}}),
            "gemini": _gemini("Hi", response_mime_type="application/json", response_json_schema=SCHEMA),
        },
        "sampling": {
            "chat": _chat("Hi", temperature=0.5, max_completion_tokens=64, stop=["END"]),
            # Responses knows no texts to stop at.
            "responses": _responses("Hi", temperature=0.5, max_output_tokens=64),
            # The SDK has no word for a temperature any more, since newer models take none; older ones do.
            "messages": _messages("Hi", extra_body={"temperature": 0.5}, stop_sequences=["END"]) | {"max_tokens": 64},
            "gemini": _gemini("Hi", temperature=0.5, max_output_tokens=64, stop_sequences=["END"]),
        },
        "thinking": {
            "chat": _chat("Hi", tools=_tools("chat"), reasoning_effort="high"),
            "responses": _responses("Hi", tools=_tools("responses"), reasoning={"effort": "high", "summary": "auto"}),
            "messages": _messages("Hi", tools=_tools("messages"), **adaptive),
            "gemini": _gemini("Hi", tools=_tools("gemini"), thinking_config=high),
        },
    }[what][dialect]


def _user(*blocks):
    return {"messages": [{"role": "user", "content": list(blocks)}]}


def _parts(*parts):
    return {"contents": [{"role": "user", "parts": list(parts)}]}


def as_got(dialect, what, image_url=""):
    data_url = f"data:image/png;base64,{IMAGE}"
    text = _text("What?")
    function = {"name": "get_weather", "description": "The weather in a city"}
    declared = [{"functionDeclarations": [function | {"parametersJsonSchema": CITY}]}]
    inline = {"inlineData": {"mimeType": "image/png", "data": IMAGE}}
    return {
        "plain": {"chat": _user(_text("Hi")), "messages": _user(_text("Hi")), "gemini": _parts({"text": "Hi"})},
        "system": {
            "chat": {"messages": [{"content": [_text("Be brief.")]}, {"role": "user", "content": [_text("Hi")]}]},
            "messages": {"system": [_text("Be brief.")]} | _user(_text("Hi")),
            "gemini": {"systemInstruction": {"parts": [{"text": "Be brief."}]}} | _parts({"text": "Hi"}),
        },
        "turns": {
            "chat": {"messages": [{"role": r, "content": [_text(t)]} for r, t in TURNS]},
            "messages": {"messages": [{"role": r, "content": [_text(t)]} for r, t in TURNS]},
            "gemini": {"contents": [{"role": r.replace("assistant", "model"), "parts": [{"text": t}]} for r, t in TURNS]},
        },
        "image": {
            "chat": _user(text, {"type": "image_url", "image_url": {"url": data_url}}),
            "messages": _user(text, {"type": "image", "source": _base64("image/png", IMAGE)}),
            "gemini": _parts({"text": "What?"}, inline),
        },
        # Who does not fetch it gets its bytes; Anthropic fetches by https only.
        "image_url": {
            "chat": _user(text, {"type": "image_url", "image_url": {"url": image_url}}),
            "messages": _user(text, {"type": "image", "source": _base64("image/png", IMAGE)}),
            "gemini": _parts({"text": "What?"}, inline),
        },
        "document": {
            "chat": _user(text, {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PDF}"}}),
            "messages": _user(text, {"type": "document", "source": _base64("application/pdf", PDF)}),
            "gemini": _parts({"text": "What?"}, {"inlineData": {"mimeType": "application/pdf", "data": PDF}}),
        },
        "tools": {
            "chat": {"tools": [{"type": "function", "function": function | {"parameters": CITY}}]},
            "messages": {"tools": [function | {"input_schema": CITY}]},
            "gemini": {"tools": declared},
        },
        "any_tool": {
            "chat": {"tool_choice": "required"},
            "messages": {"tool_choice": {"type": "any"}},
            "gemini": {"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}},
        },
        "one_tool": {
            "chat": {"tool_choice": {"type": "function", "function": {"name": "get_weather"}}},
            "messages": {"tool_choice": {"type": "tool", "name": "get_weather"}},
            "gemini": {"toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["get_weather"]}}},
        },
        "schema": {
            "chat": {"response_format": {"type": "json_schema", "json_schema": {"schema": SCHEMA}}},
            "messages": {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
            "gemini": {"generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}},
        },
        "sampling": {
            "chat": {"temperature": 0.5, "max_tokens": 64, "stop": ["END"]},
            "messages": {"temperature": 0.5, "max_tokens": 64, "stop_sequences": ["END"]},
            "gemini": {"generationConfig": {"temperature": 0.5, "maxOutputTokens": 64, "stopSequences": ["END"]}},
        },
        "thinking": {
            "chat": {"reasoning_effort": "high"},
            "messages": {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}},
            "gemini": {"generationConfig": {"thinkingConfig": {"thinkingLevel": "high"}}},
        },
    }[what][dialect]
