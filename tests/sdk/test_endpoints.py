"""The other endpoints through the official SDK: embeddings, responses, completions, models."""

import openai
import pytest
import upstream as scripted

ASK = "Say hello to the harbour"


def test_an_embedding_is_made(client, backend):
    answer = client.embeddings.create(model=backend.embeddings, input="one")
    assert len(answer.data) == 1
    assert answer.data[0].embedding and isinstance(answer.data[0].embedding[0], float)
    assert answer.usage.prompt_tokens > 0


@pytest.mark.parametrize("model", ["echo", "scripted-embed"])
def test_each_input_gets_its_embedding(client, model):
    answer = client.embeddings.create(model=model, input=["one", "two"])
    assert [e.index for e in answer.data] == [0, 1]


def test_embeddings_keep_the_providers_numbers(client):
    answer = client.embeddings.create(model="scripted-embed", input="one")
    assert answer.data[0].embedding == scripted.VECTOR
    as_floats = client.embeddings.create(model="scripted-embed", input="one", encoding_format="float")
    assert as_floats.data[0].embedding == scripted.VECTOR


def test_a_response_is_answered(client, backend):
    answer = client.responses.create(model=backend.responses, input=ASK)
    assert answer.status == "completed"
    assert answer.output_text == backend.text if backend.text else "harbour" in answer.output_text
    assert answer.usage.input_tokens > 0
    assert answer.usage.output_tokens > 0


def test_a_streamed_response_ends_with_the_whole_response(client, backend):
    if not backend.streams_responses:
        pytest.skip(f"{backend.name} cannot stream a response")
    with client.responses.create(model=backend.responses, input=ASK, stream=True) as stream:
        events = list(stream)
    assert events[0].type == "response.created"
    assert events[-1].type == "response.completed"
    deltas = "".join(e.delta for e in events if e.type == "response.output_text.delta")
    assert deltas == events[-1].response.output_text
    assert events[-1].response.usage.output_tokens > 0


def test_a_responses_usage_is_what_is_logged(client, gateway, key):
    client.responses.create(model="scripted-chat", input=ASK)
    (call,) = gateway.calls(key_id=key["id"])
    assert call["endpoint"] == "responses"
    usage = {k: call["usage"][k] for k in ("prompt_tokens", "cached_tokens", "completion_tokens", "reasoning_tokens")}
    assert usage == {"prompt_tokens": 11, "cached_tokens": 3, "completion_tokens": 7, "reasoning_tokens": 2}


def test_a_cut_response_raises_or_never_completes(client):
    seen = []
    try:
        with client.responses.create(model="scripted-cut", input=ASK, stream=True) as stream:
            seen.extend(event.type for event in stream)
    except openai.APIError:
        seen.append("error")
    assert "response.output_text.delta" in seen
    assert seen[-1] == "error", f"a cut stream must not look finished: {seen}"


def test_old_completions_are_answered(client):
    answer = client.completions.create(model="scripted-text", prompt=ASK)
    assert answer.choices[0].text == scripted.TEXT
    assert answer.usage.total_tokens == 18


def test_the_models_list_is_what_the_key_may_use(client, gateway, backend):
    listed = {model.id for model in client.models.list()}
    assert backend.chat in listed
    narrow = gateway.key("narrow", permissions={"models": [backend.chat]})
    with client.with_options(api_key=narrow["key"]) as restricted:
        assert {model.id for model in restricted.models.list()} == {backend.chat}


def test_a_model_can_be_looked_up(client, backend):
    assert client.models.retrieve(backend.chat).id == backend.chat
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("no-such-model")
