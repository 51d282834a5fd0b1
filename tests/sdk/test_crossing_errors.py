"""What goes wrong at a provider of any kind reaches each SDK as the exception of its own that its users expect, or not at all,
where another channel does better.
"""

import itertools

import clients
import pytest
from asks import as_said
from eventually import eventually
from providers import ANTHROPIC, GEMINI, OPENAI

NUMBER = itertools.count()
streamed = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])


@pytest.fixture
def failing(gateway, replay, provider):
    """Makes a model that fails in that way at its only channel, or at the first one of two."""

    def make(case, next_one=None):
        name = f"failing-{next(NUMBER)}"
        provider.add_channel(gateway, replay.origin, [name], model_map={name: provider.model(case)}, priority=9)
        if next_one:
            next_one.add_channel(gateway, replay.origin, [name], model_map={name: next_one.model("plain")})
        return name

    return make


def ask(sdk, model, streamed):
    plain = as_said(sdk.dialect, "plain")
    return "".join(sdk.pieces(model, plain)) if streamed else sdk.ask(model, plain)[0].text


def status(error):
    """OpenAI's and Anthropic's exceptions have a status, Google's a code."""
    return getattr(error, "status_code", None) or error.code


@streamed
def test_what_the_client_got_wrong_is_a_bad_request_in_the_providers_words(sdk, failing, streamed):
    with pytest.raises(sdk.bad_request) as caught:
        ask(sdk, failing("400"), streamed)
    assert status(caught.value) == 400
    assert "scripted 400" in str(caught.value)


@streamed
@pytest.mark.parametrize("case", ["500", "529"])
def test_a_provider_that_fails_is_a_server_error(sdk, failing, case, streamed):
    with pytest.raises(sdk.errors) as caught:
        ask(sdk, failing(case), streamed)
    assert status(caught.value) >= 500
    assert "Try again" in str(caught.value)


@pytest.mark.parametrize("case", ["error", "cut"])
def test_a_stream_that_fails_in_the_middle_raises_the_sdks_own_exception(sdk, failing, case):
    pieces = []
    with pytest.raises(sdk.errors):
        for piece in sdk.pieces(failing(case), as_said(sdk.dialect, "plain")):
            pieces.append(piece)
    assert pieces, "what came before is delivered"


@pytest.mark.parametrize("case", ["error_first", "529"])
@streamed
def test_a_provider_that_fails_before_its_first_event_is_not_noticed_beside_another(sdk, provider, failing, case, streamed):
    case = case if streamed else case.replace("error_first", "500")
    other = ANTHROPIC if provider is not ANTHROPIC else GEMINI
    assert ask(sdk, failing(case, other), streamed) == ask(sdk, other.model("plain"), streamed)


def test_an_error_inside_a_good_status_is_not_noticed_beside_another(sdk, provider, failing):
    other = OPENAI if provider is not OPENAI else ANTHROPIC
    assert ask(sdk, failing("error", other), streamed=False) == ask(sdk, other.model("plain"), streamed=False)


def test_a_stream_that_failed_is_an_error_in_the_log(gateway, failing):
    key = gateway.key("failing")
    sdk = clients.Messages(f"http://{gateway.address}", key["key"])
    with pytest.raises(sdk.errors):
        list(sdk.pieces(failing("error"), as_said("messages", "plain")))
    (call,) = eventually(lambda: gateway.calls(key_id=key["id"]), lambda calls: len(calls) == 1)
    assert (call["status"], call["error_code"]) == ("error", "bad_gateway")


def test_what_no_provider_of_the_model_can_be_told_is_a_bad_request_that_names_it(gateway, session_key):
    chat = clients.Chat(f"http://{gateway.address}", session_key["key"])
    with pytest.raises(chat.bad_request) as caught:
        chat.ask(ANTHROPIC.model("plain"), as_said("chat", "plain") | {"logit_bias": {"50256": -100}})
    assert caught.value.param == "logit_bias"


