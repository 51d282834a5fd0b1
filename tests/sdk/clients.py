"""The official SDKs, each behind the same few words: ask, whole or streamed, and go on with the conversation.

What is asked is written as a user of that SDK would write it; see `asks.py`.
"""

import anthropic
import openai
import said
from google import genai
from google.genai import types as google


class Chat:
    """The openai SDK, chat completions."""

    name = dialect = "chat"
    errors = openai.APIError
    bad_request = openai.BadRequestError

    def __init__(self, origin, key):
        self.sdk = openai.OpenAI(base_url=f"{origin}/v1", api_key=key, max_retries=0, timeout=30.0)

    def ask(self, model, ask):
        answer = self.sdk.chat.completions.create(model=model, **ask)
        return said.of_completion(answer), answer

    def stream(self, model, ask):
        """By the helper, which puts the pieces together."""
        with self.sdk.chat.completions.stream(model=model, **ask, stream_options={"include_usage": True}) as stream:
            stream.until_done()
            try:
                answer = stream.get_final_completion()
            except (openai.LengthFinishReasonError, openai.ContentFilterFinishReasonError):
                # The helper takes it for an error that an answer ended early.
                answer = stream.current_completion_snapshot
        return said.of_completion(answer), answer

    def pieces(self, model, ask):
        """The text as it comes, without the helper."""
        with self.sdk.chat.completions.create(model=model, **ask, stream=True) as stream:
            for chunk in stream:
                if chunk.choices and chunk.choices[0].delta.content:
                    yield chunk.choices[0].delta.content

    def go_on(self, ask, answer, results):
        """The next request: what was asked and answered, and the results of the calls."""
        message = answer.choices[0].message
        told = [
            {"role": "tool", "tool_call_id": call.id, "content": result}
            for call, result in zip(message.tool_calls or [], results, strict=True)
        ]
        return ask | {"messages": [*ask["messages"], message, *(told or [{"role": "user", "content": "Go on."}])]}

    def models(self):
        return [model.id for model in self.sdk.models.list()]


class Responses:
    """The openai SDK, responses."""

    name = dialect = "responses"
    errors = openai.APIError
    bad_request = openai.BadRequestError

    def __init__(self, origin, key):
        self.sdk = openai.OpenAI(base_url=f"{origin}/v1", api_key=key, max_retries=0, timeout=30.0)

    def ask(self, model, ask):
        answer = self.sdk.responses.create(model=model, **ask)
        return said.of_response(answer), answer

    def stream(self, model, ask):
        with self.sdk.responses.stream(model=model, **ask) as stream:
            # The helper's own last word is for those that are completed only.
            (answer,) = [e.response for e in stream if e.type in ("response.completed", "response.incomplete")]
        return said.of_response(answer), answer

    def pieces(self, model, ask):
        with self.sdk.responses.create(model=model, **ask, stream=True) as stream:
            for event in stream:
                if event.type == "response.output_text.delta":
                    yield event.delta
                if event.type == "response.failed":
                    # The SDK has no exception for it: it is an event that its users look for.
                    raise openai.APIError(event.response.error.message, request=stream.response.request, body=None)

    def go_on(self, ask, answer, results):
        calls = [item for item in answer.output if item.type == "function_call"]
        told = [
            {"type": "function_call_output", "call_id": call.call_id, "output": result}
            for call, result in zip(calls, results, strict=True)
        ]
        return ask | {"input": [*ask["input"], *answer.output, *(told or [{"role": "user", "content": "Go on."}])]}

    def models(self):
        return [model.id for model in self.sdk.models.list()]


class Messages:
    """The anthropic SDK."""

    name = dialect = "messages"
    errors = anthropic.APIError
    bad_request = anthropic.BadRequestError

    def __init__(self, origin, key):
        self.sdk = anthropic.Anthropic(base_url=origin, api_key=key, max_retries=0, timeout=30.0)

    def ask(self, model, ask):
        answer = self.sdk.messages.create(model=model, **ask)
        return said.of_message(answer), answer

    def stream(self, model, ask):
        with self.sdk.messages.stream(model=model, **ask) as stream:
            answer = stream.get_final_message()
        return said.of_message(answer), answer

    def pieces(self, model, ask):
        with self.sdk.messages.stream(model=model, **ask) as stream:
            yield from stream.text_stream

    def go_on(self, ask, answer, results):
        calls = [block for block in answer.content if block.type == "tool_use"]
        told = [
            {"type": "tool_result", "tool_use_id": call.id, "content": result}
            for call, result in zip(calls, results, strict=True)
        ]
        turns = [{"role": "assistant", "content": answer.content}, {"role": "user", "content": told or "Go on."}]
        return ask | {"messages": [*ask["messages"], *turns]}

    def models(self):
        return [model.id for model in self.sdk.models.list()]


class Gemini:
    """The google-genai SDK."""

    name = dialect = "gemini"
    errors = genai.errors.APIError
    bad_request = genai.errors.ClientError

    def __init__(self, origin, key):
        self.sdk = genai.Client(api_key=key, http_options=google.HttpOptions(base_url=origin, timeout=30_000))

    def ask(self, model, ask):
        answer = self.sdk.models.generate_content(model=model, **ask)
        return said.of_content(answer), answer

    def stream(self, model, ask):
        answers = list(self.sdk.models.generate_content_stream(model=model, **ask))
        contents = [answer.candidates[0].content for answer in answers if answer.candidates]
        parts = [part for content in contents if content for part in content.parts or []]
        whole = google.Candidate(content=google.Content(role="model", parts=parts))
        return said.of_content(*answers), google.GenerateContentResponse(candidates=[whole])

    def pieces(self, model, ask):
        for answer in self.sdk.models.generate_content_stream(model=model, **ask):
            if answer.text:
                yield answer.text

    def go_on(self, ask, answer, results):
        content = answer.candidates[0].content
        calls = [part.function_call for part in content.parts if part.function_call]
        told = [
            google.Part(function_response=google.FunctionResponse(id=call.id, name=call.name, response={"output": result}))
            for call, result in zip(calls, results, strict=True)
        ]
        return ask | {"contents": [*ask["contents"], content, google.UserContent(told or "Go on.")]}

    def models(self):
        return [model.name.removeprefix("models/") for model in self.sdk.models.list()]


ALL = [Chat, Responses, Messages, Gemini]
