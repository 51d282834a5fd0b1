//! The echo in the messages dialect.

use std::collections::VecDeque;

use bytes::Bytes;
use serde_json::{Value, json};

use super::prompt::Echo;
use super::spaced;

fn message(echo: &Echo, content: &Value, stop_reason: Value, output: usize) -> Value {
    json!({
        "id": format!("msg_{}", echo.id), "type": "message", "role": "assistant", "model": echo.model, "content": content,
        "stop_reason": stop_reason, "stop_sequence": null,
        "usage": {"input_tokens": echo.prompt_tokens, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": output},
    })
}

fn stop_reason(echo: &Echo) -> &'static str {
    match (echo.cut, &echo.tool) {
        (true, _) => "max_tokens",
        (false, Some(_)) => "tool_use",
        (false, None) => "end_turn",
    }
}

/// The whole answer.
pub(super) fn answer(echo: &Echo) -> Value {
    let block = match &echo.tool {
        Some(name) => {
            json!({"type": "tool_use", "id": format!("toolu_{}", echo.id), "name": name, "input": {"text": echo.text()}})
        }
        None => json!({"type": "text", "text": echo.text()}),
    };
    message(
        echo,
        &json!([block]),
        stop_reason(echo).into(),
        echo.words.len(),
    )
}

/// The answer as a stream: each word by itself, or the arguments of the tool.
pub(super) fn events(echo: &Echo) -> VecDeque<Bytes> {
    let delta = |delta: Value| json!({"type": "content_block_delta", "index": 0, "delta": delta});
    let (block, deltas) = match &echo.tool {
        Some(name) => (
            json!({"type": "tool_use", "id": format!("toolu_{}", echo.id), "name": name, "input": {}}),
            vec![delta(
                json!({"type": "input_json_delta", "partial_json": echo.arguments()}),
            )],
        ),
        None => {
            let words = echo.words.iter().enumerate();
            let word = |(place, word): (usize, &String)| {
                delta(json!({"type": "text_delta", "text": spaced(place, word)}))
            };
            (
                json!({"type": "text", "text": ""}),
                words.map(word).collect(),
            )
        }
    };
    let mut events = VecDeque::from([
        json!({"type": "message_start", "message": message(echo, &json!([]), Value::Null, 0)}),
        json!({"type": "content_block_start", "index": 0, "content_block": block}),
    ]);
    events.extend(deltas);
    events.extend([
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": stop_reason(echo), "stop_sequence": null},
               "usage": {"output_tokens": echo.words.len()}}),
        json!({"type": "message_stop"}),
    ]);
    events.iter().map(frame).collect()
}

fn frame(event: &Value) -> Bytes {
    let kind = event
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    Bytes::from(format!("event: {kind}\ndata: {event}\n\n"))
}
