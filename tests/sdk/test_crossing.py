"""Each official SDK against a channel of each kind: what is asked reaches the provider in its own words, and what it answers
reaches the SDK, whole and streamed, as the provider said it.
"""

import functools
import json

import clients
import pytest
from asks import ASKED, as_got, as_said
from eventually import eventually
from providers import ANTHROPIC, GEMINI, OPENAI, PROVIDERS
from replay import FIXTURES, in_blocks

ANSWERED = [(provider, case) for provider in PROVIDERS for case in provider.cases]
streamed = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
answered = pytest.mark.parametrize(("provider", "case"), ANSWERED, ids=lambda p: p if isinstance(p, str) else p.kind)


def ask_for(sdk, case):
    return as_said(sdk.dialect, {"tool_calls_parallel": "tools", "thinking": "thinking"}.get(case, "plain"))


@functools.cache
def asked_directly(origin, dialect, model, case, streamed):
    """What the SDK of the provider's own dialect makes of the recorded answer, without a gateway."""
    own = next(sdk for sdk in clients.ALL if sdk.dialect == dialect)(origin, "sk-upstream")
    return (own.stream if streamed else own.ask)(model, ask_for(own, case))[0]


@pytest.fixture
def wanted(sdk, replay):
    """What the provider's answer in this case says."""

    def look(provider, case, streamed=False):
        return asked_directly(replay.origin, provider.spoken_to(sdk.dialect), provider.model(case), case, streamed)

    return look


@streamed
@answered
def test_an_answer_says_what_the_provider_said(sdk, provider, case, streamed, wanted):
    said, _ = (sdk.stream if streamed else sdk.ask)(provider.model(case), ask_for(sdk, case))
    assert said == wanted(provider, case, streamed)


def test_a_streamed_answer_comes_in_pieces(sdk, provider, wanted):
    pieces = list(sdk.pieces(provider.model("plain"), as_said(sdk.dialect, "plain")))
    assert len(pieces) > 1
    assert "".join(pieces) == wanted(provider, "plain", streamed=True).text


@pytest.mark.parametrize("what", ASKED)
def test_a_provider_is_asked_in_its_own_words(sdk, provider, replay, what):
    dialect = provider.spoken_to(sdk.dialect)
    model = provider.model("plain", thinking=what == "thinking")
    sdk.ask(model, as_said(sdk.dialect, what, replay.image_url))
    body = replay.last()
    if dialect == sdk.dialect:
        return  # Its bytes passed: the provider took them.
    want = as_got(dialect, what, replay.image_url)
    if what == "sampling" and sdk.dialect == "responses":
        for holder in (want, want.get("generationConfig", {})):
            for name in ("stop", "stop_sequences", "stopSequences"):
                holder.pop(name, None)
    assert missing(want, in_blocks(body)) == []


def missing(wanted, got, at=""):
    """Where what is wanted is not in what was got; there may be more members, but not more items."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        absent = [f"{at}.{name} is not in {got}" for name in wanted if name not in got]
        return absent + [m for k, v in wanted.items() if k in got for m in missing(v, got[k], f"{at}.{k}")]
    if isinstance(wanted, list) and isinstance(got, list) and len(wanted) == len(got):
        return [m for i, (w, g) in enumerate(zip(wanted, got)) for m in missing(w, g, f"{at}[{i}]")]
    return [] if wanted == got else [f"{at}: {got!r}, not {wanted!r}"]


def test_probabilities_of_tokens_are_carried_where_both_dialects_have_them(gateway, session_key, replay):
    origin, key = f"http://{gateway.address}", session_key["key"]
    ask = as_said("chat", "plain") | {"logprobs": True, "top_logprobs": 2}
    _, answer = clients.Chat(origin, key).ask(GEMINI.model("logprobs"), ask)
    assert missing({"responseLogprobs": True, "logprobs": 2}, replay.last()["generationConfig"]) == []
    tokens = [(t.token, [top.token for top in t.top_logprobs]) for t in answer.choices[0].logprobs.content]
    assert tokens == [("Once", ["Once", "The"]), (" upon", [" upon", " there"])]
    ask = as_said("gemini", "plain")
    ask["config"].response_logprobs, ask["config"].logprobs = True, 2
    _, answer = clients.Gemini(origin, key).ask(OPENAI.model("logprobs"), ask)
    assert missing({"logprobs": True, "top_logprobs": 2}, replay.last()) == []
    assert [c.token for c in answer.candidates[0].logprobs_result.chosen_candidates] == ["Hello", "!"]


# --- over two turns -------------------------------------------------------------------------------------------------


@streamed
def test_calls_and_their_results_come_back_to_the_provider(sdk, provider, replay, streamed, wanted):
    ask = as_said(sdk.dialect, "tools")
    call = sdk.stream if streamed else sdk.ask
    _, answer = call(provider.model("tool_calls_parallel"), ask)
    said, _ = sdk.ask(provider.model("plain"), sdk.go_on(ask, answer, ["sunny", "midnight"]))
    assert said == wanted(provider, "plain")
    dialect = provider.spoken_to(sdk.dialect)
    calls = wanted(provider, "tool_calls_parallel").calls
    assert exchanged(dialect, replay.last()) == [(*c, r) for c, r in zip(calls, ["sunny", "midnight"])]


def exchanged(dialect, body):
    """The calls in a request with their results: name, arguments, result."""
    if dialect == "chat":
        results = {m["tool_call_id"]: m["content"] for m in body["messages"] if m["role"] == "tool"}
        calls = [c for m in body["messages"] for c in m.get("tool_calls") or []]
        return [(c["function"]["name"], json.loads(c["function"]["arguments"]), words(results[c["id"]])) for c in calls]
    if dialect == "responses":
        results = {i["call_id"]: i["output"] for i in body["input"] if i.get("type") == "function_call_output"}
        calls = [i for i in body["input"] if i.get("type") == "function_call"]
        return [(c["name"], json.loads(c["arguments"]), results[c["call_id"]]) for c in calls]
    if dialect == "messages":
        blocks = [b for m in body["messages"] for b in (m["content"] if isinstance(m["content"], list) else [])]
        results = {b["tool_use_id"]: b["content"] for b in blocks if b["type"] == "tool_result"}
        return [(b["name"], b["input"], words(results[b["id"]])) for b in blocks if b["type"] == "tool_use"]
    parts = [p for c in body["contents"] for p in c["parts"]]
    calls = [p["functionCall"] for p in parts if "functionCall" in p]
    results = [p["functionResponse"] for p in parts if "functionResponse" in p]
    assert [c["name"] for c in calls] == [r["name"] for r in results], "each call is answered, in order"
    return [(c["name"], c["args"], next(iter(r["response"].values()))) for c, r in zip(calls, results)]


def words(content):
    """The words of a result, whether they are a string or a list of parts; JSON of one member is what is in it."""
    text = content if isinstance(content, str) else "".join(part["text"] for part in content)
    return json.loads(text)["output"] if text.startswith("{") else text


SIGNED = [(OPENAI, "thinking_signed"), (ANTHROPIC, "thinking"), (GEMINI, "thinking"), (GEMINI, "tool_calls_parallel")]


@streamed
@pytest.mark.parametrize(("provider", "case"), SIGNED, ids=lambda p: p if isinstance(p, str) else p.kind)
def test_the_seal_of_a_thought_comes_back_as_its_maker_made_it(sdk, provider, case, replay, streamed):
    dialect = provider.spoken_to(sdk.dialect)
    if dialect == "responses":
        case = "thinking"
    if dialect == sdk.dialect == "chat" and streamed:
        pytest.skip("OpenRouter repeats the role in each chunk, and the SDK's helper joins them")
    ask = as_said(sdk.dialect, "thinking")
    call = sdk.stream if streamed else sdk.ask
    said, answer = call(provider.model(case, thinking=True), ask)
    sdk.ask(provider.model("plain", thinking=True), sdk.go_on(ask, answer, ["sunny"] * len(said.calls)))
    made = seals(dialect, fixture(dialect, case))
    assert made, "the recorded answer has one"
    assert seals(dialect, replay.last()) == made


def fixture(dialect, case):
    return json.loads((FIXTURES / dialect / f"{case}.answer.json").read_text())


SEALS = {
    "chat": ["signature"],
    "responses": ["encrypted_content"],
    "messages": ["signature", "data"],
    "gemini": ["thoughtSignature"],
}


def seals(dialect, value):
    """All seals in a request or an answer, in order."""
    names = SEALS[dialect]
    if isinstance(value, list):
        return [s for item in value for s in seals(dialect, item)]
    if not isinstance(value, dict):
        return []
    # Google's SDK writes bytes in the other alphabet of base64.
    own = [v.replace("-", "+").replace("_", "/") for k, v in value.items() if k in names and isinstance(v, str)]
    return own + [s for v in value.values() for s in seals(dialect, v)]


# --- the bill -------------------------------------------------------------------------------------------------------


@streamed
def test_the_log_has_the_usage_that_the_provider_reported(sdk, provider, gateway, streamed):
    key = gateway.key("bill")
    own = type(sdk)(f"http://{gateway.address}", key["key"])
    said, _ = (own.stream if streamed else own.ask)(provider.model("cached"), as_said(sdk.dialect, "plain"))
    (call,) = eventually(lambda: gateway.calls(key_id=key["id"]), lambda calls: len(calls) == 1)
    usage = call["usage"]
    assert (call["status"], usage["estimated"]) == ("ok", False)
    assert (usage["prompt_tokens"], usage["cached_tokens"]) == (said.prompt, said.cached)
    assert (usage["completion_tokens"], usage["reasoning_tokens"]) == (said.completion, said.reasoning)
