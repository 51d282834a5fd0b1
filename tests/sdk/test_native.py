"""What is not carried: each SDK with a channel of its own dialect, the echo in every dialect, and what SDKs ask beside
conversations.
"""

import anthropic
import clients
import pydantic
import pytest
from asks import as_said
from google import genai
from google.genai import types as google
from providers import ANTHROPIC, GEMINI, PROVIDERS


def test_the_echo_speaks_every_dialect(sdk):
    ask = as_said(sdk.dialect, "plain")
    for said in (sdk.ask("echo", ask)[0], sdk.stream("echo", ask)[0]):
        assert (said.text, said.finish) == ("Hi", "stop")
        assert said.prompt == said.completion == 1


def test_the_echo_calls_tools_in_every_dialect(sdk):
    ask = as_said(sdk.dialect, "any_tool")
    for said in (sdk.ask("echo", ask)[0], sdk.stream("echo", ask)[0]):
        assert (said.calls, said.finish) == ([("get_weather", {"text": "Hi"})], "calls")


def test_each_sdk_lists_the_models(sdk):
    assert {"echo", *(provider.model("plain") for provider in PROVIDERS)} <= set(sdk.models())


def test_a_model_can_be_looked_up_in_every_dialect(gateway, session_key):
    origin, key = f"http://{gateway.address}", session_key["key"]
    described = clients.Messages(origin, key).sdk.models.retrieve("echo")
    assert (described.display_name, described.lifecycle, described.created_at.tzinfo is not None) == ("echo", "active", True)
    assert clients.Gemini(origin, key).sdk.models.get(model="echo").name == "models/echo"


@pytest.mark.parametrize(("model", "expected"), [(ANTHROPIC.model("plain"), 4711), (GEMINI.model("plain"), None), ("echo", None)])
def test_messages_are_counted_for_any_model(gateway, session_key, model, expected):
    sdk = clients.Messages(f"http://{gateway.address}", session_key["key"]).sdk
    messages = [{"role": "user", "content": "one two three"}]
    counted = sdk.messages.count_tokens(model=model, messages=messages, system="Be brief.").input_tokens
    assert counted == expected if expected else 5 <= counted < 30


@pytest.mark.parametrize(("model", "expected"), [(GEMINI.model("plain"), 4711), (ANTHROPIC.model("plain"), None), ("echo", None)])
def test_contents_are_counted_for_any_model(gateway, session_key, model, expected):
    sdk = clients.Gemini(f"http://{gateway.address}", session_key["key"]).sdk
    counted = sdk.models.count_tokens(model=model, contents="one two three").total_tokens
    assert counted == expected if expected else 3 <= counted < 30


def test_texts_are_embedded_by_the_genai_sdk(gateway, session_key, replay):
    sdk = clients.Gemini(f"http://{gateway.address}", session_key["key"]).sdk
    texts = [google.UserContent("one"), google.UserContent("two")]
    provided = sdk.models.embed_content(model=GEMINI.model("plain"), contents=texts)
    assert [e.values for e in provided.embeddings] == [[0.5, -0.25]] * 2
    path, headers, body = replay.requests[-1]
    assert path == f"/v1beta/models/{GEMINI.model('plain')}:batchEmbedContents"
    assert [r["model"] for r in body["requests"]] == [f"models/{GEMINI.model('plain')}"] * 2
    echoed = sdk.models.embed_content(model="echo", contents=texts)
    assert [len(e.values) for e in echoed.embeddings] == [256, 256]


def test_texts_are_embedded_by_the_openai_sdk_at_googles_compatible_endpoint(gateway, session_key, replay):
    sdk = clients.Chat(f"http://{gateway.address}", session_key["key"]).sdk
    answer = sdk.embeddings.create(model=GEMINI.model("plain"), input=["one", "two"], encoding_format="float")
    assert [e.embedding for e in answer.data] == [[0.5, -0.25]] * 2
    assert replay.requests[-1][1]["authorization"] == "Bearer sk-upstream"


def test_each_provider_gets_its_own_credential_and_not_the_key(sdk, provider, replay, session_key):
    sdk.ask(provider.model("plain"), as_said(sdk.dialect, "plain"))
    _, headers, body = replay.requests[-1]
    credential = {"messages": "x-api-key", "gemini": "x-goog-api-key"}.get(provider.dialect, "authorization")
    assert headers[credential].removeprefix("Bearer ") == "sk-upstream"
    assert session_key["key"] not in str((headers, body))


# --- without the codecs ---------------------------------------------------------------------------------------------


def test_what_the_gateway_does_not_know_passes_between_ends_of_one_dialect(gateway, session_key, replay):
    origin, key = f"http://{gateway.address}", session_key["key"]
    messages = clients.Messages(origin, key).sdk
    metadata = {"user_id": "u-1"}
    ask = as_said("messages", "plain") | {"metadata": metadata, "inference_geo": "eu"}
    messages.messages.create(model=ANTHROPIC.model("plain"), **ask)
    _, headers, body = replay.requests[-1]
    assert (body["metadata"], body["inference_geo"]) == (metadata, "eu")
    assert headers["anthropic-version"] == messages.default_headers["anthropic-version"]


@pytest.mark.parametrize("model", [ANTHROPIC.model("plain"), GEMINI.model("plain")])
def test_a_beta_of_the_anthropic_sdk_is_asked_for_at_anthropic(gateway, session_key, replay, model):
    sdk = clients.Messages(f"http://{gateway.address}", session_key["key"]).sdk
    assert sdk.beta.messages.create(model=model, betas=["some-beta"], **as_said("messages", "plain")).content[0].text
    _, headers, _ = replay.requests[-1]
    if model == ANTHROPIC.model("plain"):
        assert headers["anthropic-beta"] == "some-beta"


def test_googles_older_version_is_answered_too(gateway, session_key):
    options = google.HttpOptions(base_url=f"http://{gateway.address}", api_version="v1beta")
    older = genai.Client(api_key=session_key["key"], http_options=options)
    assert older.models.generate_content(model="echo", contents="Hi").text == "Hi"
    assert "models/echo" in [model.name for model in older.models.list()]


@pytest.mark.parametrize("sdk_type", [clients.Messages, clients.Gemini], ids=lambda sdk: sdk.name)
def test_a_key_that_is_not_known_is_the_sdks_own_error(gateway, sdk_type):
    wrong = sdk_type(f"http://{gateway.address}", "sk-real200-" + "0" * 32)
    with pytest.raises((anthropic.AuthenticationError, genai.errors.ClientError)) as caught:
        wrong.ask("echo", as_said(wrong.dialect, "plain"))
    assert getattr(caught.value, "status_code", None) == 401 or caught.value.code == 401


def test_a_bearer_token_is_taken_from_the_anthropic_sdk_too(gateway, session_key):
    with anthropic.Anthropic(base_url=f"http://{gateway.address}", auth_token=session_key["key"], max_retries=0) as sdk:
        assert sdk.messages.create(model="echo", **as_said("messages", "plain")).content[0].text == "Hi"


def test_a_chat_object_of_the_genai_sdk_keeps_the_conversation(gateway, session_key, replay):
    sdk = clients.Gemini(f"http://{gateway.address}", session_key["key"]).sdk
    chat = sdk.chats.create(model=ANTHROPIC.model("plain"))
    pieces = [piece.text for piece in chat.send_message_stream("One")]
    assert len(pieces) > 1
    chat.send_message("Two")
    turns = [(m["role"], m["content"]) for m in replay.last()["messages"]]
    assert turns == [("user", "One"), ("assistant", "".join(pieces)), ("user", "Two")]


def test_parsed_answers_of_the_openai_sdk_come_from_any_provider(gateway, session_key):
    class Lead(pydantic.BaseModel):
        name: str
        email: str
        demo_requested: bool

    sdk = clients.Chat(f"http://{gateway.address}", session_key["key"]).sdk
    model = ANTHROPIC.model("json_schema")
    answer = sdk.chat.completions.parse(model=model, messages=[{"role": "user", "content": "Who?"}], response_format=Lead)
    assert answer.choices[0].message.parsed == Lead(name="John Smith", email="john@example.com", demo_requested=True)
    response = sdk.responses.parse(model=model, input="Who?", text_format=Lead)
    assert response.output_parsed.name == "John Smith"
