"""What goes wrong reaches the SDK's users as the exception that the SDK's documentation names."""

import datetime

import openai
import pytest
from conftest import connect
from eventually import eventually

ASK = [{"role": "user", "content": "hello"}]


def ask(client, model="echo"):
    return client.chat.completions.create(model=model, messages=ASK)


def refusal(gateway, secret):
    """The code of the 401 that this key gets, or None if it works."""
    with connect(gateway, secret) as client:
        try:
            ask(client)
        except openai.AuthenticationError as error:
            return error.code
    return None


@pytest.mark.parametrize("secret", ["sk-real200-" + "0" * 32, "sk-proj-something-else", "x"])
def test_an_unknown_key_is_an_authentication_error(gateway, secret):
    assert refusal(gateway, secret) == "invalid_api_key"


def test_a_disabled_key_fails_on_the_next_request_and_works_again_when_enabled(gateway, key):
    path = f"/api/keys/{key['id']}"
    with connect(gateway, key["key"]) as client:
        ask(client)
        gateway.call("PATCH", path, {"status": "disabled"})
        with pytest.raises(openai.AuthenticationError) as caught:
            ask(client)
        assert caught.value.code == "api_key_disabled"
        gateway.call("PATCH", path, {"status": "active"})
        ask(client)


def test_a_deleted_key_is_unknown_from_then_on_and_its_calls_stay(gateway, key):
    with connect(gateway, key["key"]) as client:
        ask(client)
        gateway.call("DELETE", f"/api/keys/{key['id']}")
        with pytest.raises(openai.AuthenticationError) as caught:
            ask(client)
    assert caught.value.code == "invalid_api_key"
    (call,) = gateway.calls(key_id=key["id"])
    assert (call["key_name"], call["key_deleted"]) == (key["name"], True)


def test_a_key_stops_when_it_expires(gateway):
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=2)
    key = gateway.key("short-lived", expires_at=soon.isoformat(timespec="milliseconds").replace("+00:00", "Z"))
    assert refusal(gateway, key["key"]) is None
    eventually(lambda: refusal(gateway, key["key"]), lambda code: code == "api_key_expired")


def test_an_unknown_model_is_a_not_found_error(client):
    with pytest.raises(openai.NotFoundError) as caught:
        ask(client, "no-such-model")
    assert caught.value.code == "model_not_found"


def test_a_model_outside_the_keys_permissions_is_a_permission_error(gateway):
    narrow = gateway.key("narrow", permissions={"models": ["scripted-*"]})
    with connect(gateway, narrow["key"]) as client:
        assert ask(client, "scripted-chat").choices
        with pytest.raises(openai.PermissionDeniedError) as caught:
            ask(client, "echo")
    assert caught.value.code == "model_not_allowed"


def test_an_endpoint_outside_the_keys_permissions_is_a_permission_error(gateway):
    narrow = gateway.key("narrow", permissions={"endpoints": ["embeddings"]})
    with connect(gateway, narrow["key"]) as client:
        assert client.embeddings.create(model="echo", input="hello").data
        with pytest.raises(openai.PermissionDeniedError) as caught:
            ask(client)
    assert caught.value.code == "endpoint_not_allowed"


def test_a_request_without_a_model_is_a_bad_request(client):
    with pytest.raises(openai.BadRequestError) as caught:
        client.post("/chat/completions", body={"messages": ASK}, cast_to=object)
    assert caught.value.code == "invalid_request_error"


def test_the_providers_refusal_of_the_input_passes_through(client):
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, "scripted-400")
    assert caught.value.code == "context_length_exceeded"
    assert "scripted 400" in caught.value.message


def test_the_providers_rate_limit_is_a_rate_limit_error(client):
    with pytest.raises(openai.RateLimitError):
        ask(client, "scripted-429")


def test_the_providers_failure_is_a_server_error(client, gateway, key):
    with pytest.raises(openai.InternalServerError) as caught:
        ask(client, "scripted-500")
    assert caught.value.status_code >= 500
    (call,) = eventually(lambda: gateway.calls(key_id=key["id"]), lambda calls: len(calls) == 1)
    assert call["status"] == "error"


def test_a_request_over_the_rate_limit_says_when_to_come_back(gateway):
    limited = gateway.key("limited", rate_limit={"rpm": 1})
    with connect(gateway, limited["key"]) as client:
        ask(client)
        with pytest.raises(openai.RateLimitError) as caught:
            ask(client)
    assert caught.value.code == "rate_limit_exceeded"
    assert int(caught.value.response.headers["retry-after"]) >= 1


def test_a_quota_that_is_used_up_is_a_402(gateway):
    poor = gateway.key("poor", quota={"total_requests": 1})
    with connect(gateway, poor["key"]) as client:
        ask(client)
        with pytest.raises(openai.APIStatusError) as caught:
            ask(client)
    assert caught.value.status_code == 402
    assert caught.value.code == "insufficient_quota"
