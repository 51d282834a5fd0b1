//! What a stream begins with before its answer: frames that carry none of it. Until the first that does, another candidate can
//! still do better. What is not known to carry nothing carries something.

use serde_json::Value;

use crate::domain::{Dialect, Endpoint};

/// What a frame has of an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Opening {
    /// Something of it, or its end.
    Answer,
    /// Nothing.
    Nothing,
    /// Nothing, and it says that there is none (Gemini).
    NoAnswer,
}

impl Opening {
    /// Of a frame by its data; `content`: its reader has seen a part of the answer in it.
    pub(crate) fn of(endpoint: Endpoint, content: bool, data: &[u8]) -> Self {
        if content {
            return Self::Answer;
        }
        let Ok(frame) = serde_json::from_slice::<Value>(data) else {
            return Self::Answer;
        };
        let (nothing, none) = match endpoint.dialect() {
            Some(Dialect::Responses) => (responses(&frame), false),
            Some(Dialect::Messages) => (messages(&frame), false),
            Some(Dialect::Gemini) => {
                let none = frame.get("candidates").is_some_and(is_empty);
                (gemini(&frame), none)
            }
            Some(Dialect::Chat) => (chat(&frame), false),
            None => (endpoint == Endpoint::Completions && chat(&frame), false),
        };
        match (nothing, none) {
            (false, _) => Self::Answer,
            (true, false) => Self::Nothing,
            (true, true) => Self::NoAnswer,
        }
    }
}

/// Nothing, or what holds nothing.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(several) => several.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A usage, a filter's verdict on the prompt, a role.
fn chat(frame: &Value) -> bool {
    let Some(object) = frame.as_object() else {
        return false;
    };
    if !object.contains_key("choices") && !object.contains_key("usage") {
        return false;
    }
    let choices = frame.get("choices").and_then(Value::as_array);
    choices.into_iter().flatten().all(|choice| {
        let delta = choice.get("delta").and_then(Value::as_object);
        choice.get("finish_reason").is_none_or(Value::is_null)
            && choice.get("text").is_none_or(is_empty)
            && choice.get("message").is_none_or(is_empty)
            && delta
                .into_iter()
                .flatten()
                .all(|(name, value)| name == "role" || is_empty(value))
    })
}

fn messages(frame: &Value) -> bool {
    match text(frame, "type") {
        "message_start" => frame.pointer("/message/content").is_none_or(is_empty),
        "ping" => true,
        "content_block_start" => frame.get("content_block").is_none_or(|block| {
            matches!(text(block, "type"), "text" | "thinking")
                && ["text", "thinking", "signature"]
                    .into_iter()
                    .all(|name| text(block, name).is_empty())
        }),
        "content_block_delta" => frame.get("delta").is_none_or(|delta| {
            matches!(text(delta, "type"), "text_delta" | "thinking_delta")
                && text(delta, "text").is_empty()
                && text(delta, "thinking").is_empty()
        }),
        _ => false,
    }
}

fn responses(frame: &Value) -> bool {
    match text(frame, "type") {
        "response.created"
        | "response.in_progress"
        | "response.queued"
        | "response.reasoning_summary_part.added"
        | "keepalive" => true,
        "response.output_item.added" => frame.get("item").is_none_or(|item| {
            matches!(text(item, "type"), "message" | "reasoning")
                && item.get("content").is_none_or(is_empty)
                && item.get("summary").is_none_or(is_empty)
        }),
        "response.content_part.added" => frame
            .get("part")
            .is_none_or(|part| text(part, "text").is_empty() && text(part, "refusal").is_empty()),
        "response.output_text.delta" | "response.reasoning_summary_text.delta" => {
            text(frame, "delta").is_empty()
        }
        _ => false,
    }
}

fn gemini(frame: &Value) -> bool {
    if !frame.is_object()
        || frame.pointer("/promptFeedback/blockReason").is_some()
        || frame.get("error").is_some()
    {
        return false;
    }
    let candidates = frame.get("candidates").and_then(Value::as_array);
    candidates.into_iter().flatten().all(|candidate| {
        let parts = candidate
            .pointer("/content/parts")
            .and_then(Value::as_array);
        candidate.get("finishReason").is_none_or(Value::is_null)
            && parts.into_iter().flatten().all(|part| {
                let members = part.as_object();
                members
                    .into_iter()
                    .flatten()
                    .all(|(name, value)| name == "thought" || is_empty(value))
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_carries_nothing_is_told_from_what_does() {
        for (endpoint, data, nothing) in [
            (
                Endpoint::Chat,
                r#"{"choices":[],"prompt_filter_results":[{"prompt_index":0}]}"#,
                true,
            ),
            (
                Endpoint::Chat,
                r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"finish_reason":null}]}"#,
                true,
            ),
            (
                Endpoint::Chat,
                r#"{"choices":[],"usage":{"prompt_tokens":1}}"#,
                true,
            ),
            (
                Endpoint::Chat,
                r#"{"choices":[{"index":0,"delta":{"reasoning_content":"Hm"}}]}"#,
                false,
            ),
            (
                Endpoint::Chat,
                r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c"}]}}]}"#,
                false,
            ),
            (
                Endpoint::Chat,
                r#"{"choices":[{"index":0,"delta":{"audio":{"id":"a"}}}]}"#,
                false,
            ),
            (
                Endpoint::Chat,
                r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
                false,
            ),
            (Endpoint::Chat, r#"{"something":"else"}"#, false),
            (
                Endpoint::Completions,
                r#"{"choices":[{"index":0,"text":""}]}"#,
                true,
            ),
            (
                Endpoint::Completions,
                r#"{"choices":[{"index":0,"text":"a"}]}"#,
                false,
            ),
            (
                Endpoint::Messages,
                r#"{"type":"message_start","message":{"content":[],"usage":{"input_tokens":1}}}"#,
                true,
            ),
            (Endpoint::Messages, r#"{"type":"ping"}"#, true),
            (
                Endpoint::Messages,
                r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
                true,
            ),
            (
                Endpoint::Messages,
                r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}"#,
                false,
            ),
            (
                Endpoint::Messages,
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Hm"}}"#,
                false,
            ),
            (
                Endpoint::Messages,
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"x"}}"#,
                false,
            ),
            (
                Endpoint::Messages,
                r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#,
                false,
            ),
            (
                Endpoint::Responses,
                r#"{"type":"response.created","response":{"id":"r","instructions":"long"}}"#,
                true,
            ),
            (
                Endpoint::Responses,
                r#"{"type":"response.output_item.added","item":{"type":"message","content":[]}}"#,
                true,
            ),
            (
                Endpoint::Responses,
                r#"{"type":"response.output_item.added","item":{"type":"function_call","name":"f"}}"#,
                false,
            ),
            (
                Endpoint::Responses,
                r#"{"type":"response.content_part.added","part":{"type":"output_text","text":""}}"#,
                true,
            ),
            (
                Endpoint::Responses,
                r#"{"type":"response.output_text.delta","delta":"a"}"#,
                false,
            ),
            (
                Endpoint::Responses,
                r#"{"type":"response.image_generation_call.partial_image"}"#,
                false,
            ),
            (
                Endpoint::GenerateContent,
                r#"{"usageMetadata":{"promptTokenCount":1}}"#,
                true,
            ),
            (
                Endpoint::GenerateContent,
                r#"{"candidates":[{"content":{"role":"model"},"index":0}]}"#,
                true,
            ),
            (
                Endpoint::GenerateContent,
                r#"{"candidates":[{"content":{"parts":[{"text":""}]}}]}"#,
                true,
            ),
            (
                Endpoint::GenerateContent,
                r#"{"candidates":[{"content":{"parts":[{"text":"","thoughtSignature":"x"}]}}]}"#,
                false,
            ),
            (
                Endpoint::GenerateContent,
                r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f"}}]}}]}"#,
                false,
            ),
            (
                Endpoint::GenerateContent,
                r#"{"promptFeedback":{"blockReason":"SAFETY"}}"#,
                false,
            ),
            (
                Endpoint::GenerateContent,
                r#"{"candidates":[{"finishReason":"STOP"}]}"#,
                false,
            ),
            (Endpoint::Speech, r#"{"type":"speech.audio.delta"}"#, false),
        ] {
            let opening = Opening::of(endpoint, false, data.as_bytes());
            assert_eq!(opening == Opening::Nothing, nothing, "{data}");
        }
    }

    #[test]
    fn gemini_says_that_there_is_no_answer() {
        for (data, opening) in [
            (r#"{"candidates":[]}"#, Opening::NoAnswer),
            (r#"{"candidates":null}"#, Opening::NoAnswer),
            (
                r#"{"candidates":[],"promptFeedback":{"blockReason":"SAFETY"}}"#,
                Opening::Answer,
            ),
            (r#"{"usageMetadata":{}}"#, Opening::Nothing),
        ] {
            let endpoint = Endpoint::GenerateContent;
            let of = Opening::of(endpoint, false, data.as_bytes());
            assert_eq!(of, opening, "{data}");
        }
    }
}
