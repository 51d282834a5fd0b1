"""Chat completions through the official SDK, streamed and not."""

import json

import httpx2
import openai
import pytest
import upstream as scripted
from eventually import eventually

ASK = [{"role": "user", "content": "Say hello to the harbour"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def text_of(chunks):
    return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)


def is_expected(text, backend):
    return text == backend.text if backend.text else "hello" in text and "harbour" in text


def test_a_chat_is_answered(client, backend):
    answer = client.chat.completions.create(model=backend.chat, messages=ASK)
    assert is_expected(answer.choices[0].message.content, backend)
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.prompt_tokens > 0
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_every_answer_carries_the_calls_id(client, backend, gateway, key):
    answer = client.chat.completions.with_raw_response.create(model=backend.chat, messages=ASK)
    call_id = answer.headers["x-request-id"]
    (call,) = eventually(lambda: gateway.calls(key_id=key["id"]), lambda calls: len(calls) == 1)
    assert call["id"] == call_id
    assert call["status"] == "ok"
    assert float(answer.headers["x-real200-overhead-ms"]) >= 0


def test_a_streamed_chat_arrives_in_more_than_one_piece(client, backend):
    with client.chat.completions.create(model=backend.chat, messages=ASK, stream=True) as stream:
        chunks = list(stream)
    assert is_expected(text_of(chunks), backend)
    assert len([c for c in chunks if c.choices and c.choices[0].delta.content]) > 1
    assert [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason] == ["stop"]


def test_the_usage_frame_is_not_seen_when_it_was_not_asked_for(client, backend):
    with client.chat.completions.create(model=backend.chat, messages=ASK, stream=True) as stream:
        chunks = list(stream)
    assert all(c.choices for c in chunks), "a frame without choices is the usage frame"
    assert all(c.usage is None for c in chunks)


def test_the_usage_frame_comes_last_and_once_when_it_was_asked_for(client, backend):
    options = {"include_usage": True}
    with client.chat.completions.create(model=backend.chat, messages=ASK, stream=True, stream_options=options) as stream:
        chunks = list(stream)
    assert [i for i, c in enumerate(chunks) if c.usage] == [len(chunks) - 1]
    assert chunks[-1].usage.completion_tokens > 0


def test_a_streamed_call_is_logged_with_its_usage(client, backend, gateway, key):
    with client.chat.completions.create(model=backend.chat, messages=ASK, stream=True) as stream:
        for _ in stream:
            pass
    (call,) = eventually(lambda: gateway.calls(key_id=key["id"]), lambda calls: len(calls) == 1)
    assert call["stream"] is True
    assert call["status"] == "ok"
    assert call["usage"]["prompt_tokens"] > 0
    assert call["usage"]["completion_tokens"] > 0


def test_the_async_client_works_too(gateway, key, backend):
    import asyncio

    async def ask():
        async with openai.AsyncOpenAI(base_url=gateway.base_url, api_key=key["key"], max_retries=0) as client:
            one = client.chat.completions.create(model=backend.chat, messages=ASK)
            two = client.chat.completions.create(model=backend.chat, messages=ASK)
            return await asyncio.gather(one, two)

    assert all(is_expected(a.choices[0].message.content, backend) for a in asyncio.run(ask()))


def test_tool_calls_pass_through(client, upstream):
    answer = client.chat.completions.create(model="scripted-chat", messages=ASK, tools=[WEATHER])
    (call,) = answer.choices[0].message.tool_calls
    assert (call.id, call.function.name) == ("call_1", "weather")
    assert json.loads(call.function.arguments) == {"city": "Hamburg"}
    assert upstream.last("scripted-chat")[1]["tools"] == [WEATHER]


def test_streamed_tool_calls_keep_their_pieces(client):
    with client.chat.completions.create(model="scripted-chat", messages=ASK, tools=[WEATHER], stream=True) as stream:
        deltas = [c.choices[0].delta.tool_calls for c in stream]
    pieces = [calls[0].function.arguments for calls in deltas if calls]
    assert pieces == ["", *scripted.TOOL_ARGUMENTS]


def test_the_streaming_helper_puts_tool_calls_together(client):
    with client.chat.completions.stream(model="scripted-chat", messages=ASK, tools=[WEATHER]) as stream:
        stream.until_done()
        (call,) = stream.get_final_completion().choices[0].message.tool_calls
    assert json.loads(call.function.arguments) == {"city": "Hamburg"}


def test_fields_that_nobody_knows_reach_the_provider(client, upstream):
    client.chat.completions.create(model="scripted-chat", messages=ASK, extra_body={"x_unheard_of": {"a": [1, 2.50]}})
    assert upstream.last("scripted-chat")[1]["x_unheard_of"] == {"a": [1, 2.50]}


def test_the_provider_gets_its_own_credential_and_not_the_key(client, upstream, key):
    client.chat.completions.create(model="scripted-chat", messages=ASK)
    headers, body = upstream.last("scripted-chat")
    assert {k.lower(): v for k, v in headers.items()}["authorization"] == "Bearer sk-upstream"
    assert key["key"] not in json.dumps([headers, body])


def test_the_providers_usage_is_what_is_charged(client, gateway, key):
    price = {"input_usd_per_mtok": 1.0, "cached_input_usd_per_mtok": 0.5, "output_usd_per_mtok": 2.0}
    gateway.call("PUT", "/api/models/scripted-chat", price)
    answer = client.chat.completions.create(model="scripted-chat", messages=ASK)
    assert answer.usage.prompt_tokens_details.cached_tokens == 3
    (call,) = gateway.calls(key_id=key["id"])
    usage = {k: call["usage"][k] for k in ("prompt_tokens", "cached_tokens", "completion_tokens", "reasoning_tokens")}
    assert usage == {"prompt_tokens": 11, "cached_tokens": 3, "completion_tokens": 7, "reasoning_tokens": 2}
    assert call["usage"]["estimated"] is False
    # 8 fresh and 3 cached prompt tokens, 7 generated ones.
    assert call["cost_usd"] == pytest.approx((8 * 1.0 + 3 * 0.5 + 7 * 2.0) / 1e6, rel=1e-12)


def test_a_model_without_a_price_is_not_priced_and_not_free(client, gateway, key):
    client.embeddings.create(model="scripted-embed", input="hello")
    (call,) = gateway.calls(key_id=key["id"])
    assert call["cost_usd"] is None


def test_a_cut_stream_raises_instead_of_ending_cleanly(client, gateway, key):
    pieces = []
    with pytest.raises((openai.APIError, httpx2.TransportError)):
        with client.chat.completions.create(model="scripted-cut", messages=ASK, stream=True) as stream:
            for chunk in stream:
                pieces.append(chunk)
    assert text_of(pieces) == "The answer ", "what came before the cut is delivered"
    (call,) = eventually(lambda: gateway.calls(key_id=key["id"]), lambda calls: len(calls) == 1)
    assert call["status"] == "error"


def test_a_stream_left_early_is_logged_as_cancelled_and_the_key_works_on(client, gateway, key):
    with client.chat.completions.create(model="scripted-endless", messages=ASK, stream=True) as stream:
        next(iter(stream))
    (call,) = eventually(lambda: gateway.calls(key_id=key["id"]), lambda calls: len(calls) == 1)
    assert call["status"] == "cancelled"
    assert client.chat.completions.create(model="scripted-chat", messages=ASK).choices
