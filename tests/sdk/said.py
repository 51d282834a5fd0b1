"""What a model said, read from what each official SDK makes of an answer, so that answers of all of them can be compared."""

import dataclasses
import json

from google.genai import types as google


@dataclasses.dataclass
class Said:
    text: str = ""
    thinking: str = ""
    calls: list = dataclasses.field(default_factory=list)
    """Name and arguments."""
    finish: str = ""
    """stop, length, calls or filtered."""
    prompt: int = 0
    cached: int = 0
    completion: int = 0
    reasoning: int = 0


def of_completion(answer):
    (choice,) = answer.choices
    message, usage = choice.message, answer.usage
    finish = {"tool_calls": "calls", "content_filter": "filtered"}.get(choice.finish_reason, choice.finish_reason)
    thinking = getattr(message, "reasoning_content", None) or getattr(message, "reasoning", None)
    return Said(
        text=(message.content or "") + (message.refusal or ""),
        thinking=thinking or "",
        calls=[(c.function.name, json.loads(c.function.arguments or "{}")) for c in message.tool_calls or []],
        finish=finish,
        prompt=usage.prompt_tokens,
        cached=usage.prompt_tokens_details.cached_tokens if usage.prompt_tokens_details else 0,
        completion=usage.completion_tokens,
        reasoning=usage.completion_tokens_details.reasoning_tokens if usage.completion_tokens_details else 0,
    )


def of_response(answer):
    said, usage = Said(), answer.usage
    for item in answer.output:
        match item.type:
            case "reasoning":
                said.thinking += "".join(part.text for part in item.summary)
            case "message":
                said.text += "".join(getattr(part, "text", None) or part.refusal for part in item.content)
            case "function_call":
                said.calls.append((item.name, json.loads(item.arguments)))
    why = answer.incomplete_details.reason if answer.status == "incomplete" else answer.status
    finish = {"max_output_tokens": "length", "content_filter": "filtered", "completed": "calls" if said.calls else "stop"}
    said.finish = finish[why]
    said.prompt, said.cached = usage.input_tokens, usage.input_tokens_details.cached_tokens
    said.completion, said.reasoning = usage.output_tokens, usage.output_tokens_details.reasoning_tokens
    return said


def of_message(answer):
    said, usage = Said(), answer.usage
    for block in answer.content:
        match block.type:
            case "thinking":
                said.thinking += block.thinking
            case "text":
                said.text += block.text
            case "tool_use":
                said.calls.append((block.name, block.input))
    if answer.stop_reason == "refusal" and answer.stop_details:
        said.text += answer.stop_details.explanation or ""
    finish = {"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "tool_use": "calls", "refusal": "filtered"}
    said.finish = finish[answer.stop_reason]
    said.cached = usage.cache_read_input_tokens
    said.prompt = usage.input_tokens + said.cached + usage.cache_creation_input_tokens
    said.completion = usage.output_tokens
    if usage.output_tokens_details:
        said.reasoning = usage.output_tokens_details.thinking_tokens
    return said


def of_content(*answers):
    """Of one answer, or of all pieces of a stream."""
    said, usage = Said(), answers[-1].usage_metadata
    for answer in answers:
        candidate = answer.candidates[0] if answer.candidates else google.Candidate(finish_reason="PROHIBITED_CONTENT")
        for part in (candidate.content and candidate.content.parts) or []:
            if part.function_call:
                said.calls.append((part.function_call.name, part.function_call.args or {}))
            elif part.thought:
                said.thinking += part.text or ""
            else:
                said.text += part.text or ""
        if candidate.finish_reason:
            reason = candidate.finish_reason.value
            said.finish = {"STOP": "calls" if said.calls else "stop", "MAX_TOKENS": "length"}.get(reason, "filtered")
    said.prompt, said.cached = usage.prompt_token_count, usage.cached_content_token_count or 0
    said.reasoning = usage.thoughts_token_count or 0
    said.completion = (usage.candidates_token_count or 0) + said.reasoning
    return said

