//! The echo in the responses dialect.

use std::collections::VecDeque;

use bytes::Bytes;
use serde_json::{Value, json};

use super::prompt::Echo;
use super::spaced;

/// The response object with these fields in the state given.
fn response(echo: &Echo, status: &str, output: Value, usage: Value) -> Value {
    let incomplete = if status == "incomplete" {
        json!({"reason": "max_output_tokens"})
    } else {
        Value::Null
    };
    json!({
        "id": format!("resp_{}", echo.id), "object": "response", "created_at": echo.created, "status": status, "error": null,
        "incomplete_details": incomplete, "instructions": null, "metadata": {}, "model": echo.model, "output": output,
        "parallel_tool_calls": true, "previous_response_id": null, "temperature": 1.0, "tool_choice": "auto", "tools": [], "top_p": 1.0,
        "usage": usage,
    })
}

fn usage(echo: &Echo) -> Value {
    let (input, output) = (echo.prompt_tokens, echo.words.len());
    json!({"input_tokens": input, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": output,
           "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": input + output})
}

fn item(echo: &Echo, status: &str, text: &str) -> Value {
    match &echo.tool {
        Some(name) => {
            json!({"type": "function_call", "id": format!("fc_{}", echo.id), "call_id": format!("call_{}", echo.id),
                             "name": name, "arguments": text, "status": status})
        }
        None => {
            let content = if status == "in_progress" {
                json!([])
            } else {
                json!([part(text)])
            };
            json!({"type": "message", "id": format!("msg_{}", echo.id), "status": status, "role": "assistant", "content": content})
        }
    }
}

fn part(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": []})
}

fn text(echo: &Echo) -> String {
    if echo.tool.is_some() {
        echo.arguments()
    } else {
        echo.text()
    }
}

fn status(echo: &Echo) -> &'static str {
    if echo.cut { "incomplete" } else { "completed" }
}

/// The whole answer.
pub(super) fn answer(echo: &Echo) -> Value {
    response(
        echo,
        status(echo),
        json!([item(echo, status(echo), &text(echo))]),
        usage(echo),
    )
}

/// The events of a stream.
pub(super) fn events(echo: &Echo) -> VecDeque<Bytes> {
    let mut events = Vec::new();
    let begun = response(echo, "in_progress", json!([]), Value::Null);
    events.push(json!({"type": "response.created", "response": begun}));
    events.push(json!({"type": "response.in_progress", "response": begun}));
    events.push(json!({"type": "response.output_item.added", "output_index": 0, "item": item(echo, "in_progress", "")}));
    let item_id = match echo.tool {
        Some(_) => format!("fc_{}", echo.id),
        None => format!("msg_{}", echo.id),
    };
    let text = text(echo);
    if echo.tool.is_some() {
        events.push(json!({"type": "response.function_call_arguments.delta", "item_id": item_id, "output_index": 0, "delta": text}));
        events.push(json!({"type": "response.function_call_arguments.done", "item_id": item_id, "output_index": 0, "arguments": text}));
    } else {
        let place = |kind: &str| json!({"type": kind, "item_id": item_id, "output_index": 0, "content_index": 0});
        let with = |kind: &str, key: &str, value: Value| {
            let mut event = place(kind);
            if let Some(fields) = event.as_object_mut() {
                fields.insert(key.to_owned(), value);
            }
            event
        };
        events.push(with("response.content_part.added", "part", part("")));
        for (place, word) in echo.words.iter().enumerate() {
            events.push(with(
                "response.output_text.delta",
                "delta",
                Value::from(spaced(place, word)),
            ));
        }
        events.push(with(
            "response.output_text.done",
            "text",
            Value::from(text.as_str()),
        ));
        events.push(with("response.content_part.done", "part", part(&text)));
    }
    events.push(json!({"type": "response.output_item.done", "output_index": 0, "item": item(echo, status(echo), &text)}));
    events.push(json!({"type": format!("response.{}", status(echo)), "response": answer(echo)}));
    events
        .into_iter()
        .enumerate()
        .map(|(number, event)| frame(number, event))
        .collect()
}

fn frame(number: usize, mut event: Value) -> Bytes {
    if let Some(fields) = event.as_object_mut() {
        fields.insert("sequence_number".to_owned(), number.into());
    }
    let kind = event
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    Bytes::from(format!("event: {kind}\ndata: {event}\n\n"))
}
