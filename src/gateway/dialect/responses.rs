//! OpenAI responses. Each event has a `type`; a stream ends with `response.completed`, `response.incomplete` or
//! `response.failed`, which carry the whole response with its usage, or with an `error` event.
//! Reference: OpenAI API reference, "Responses" and "Streaming events".

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json, json};

use super::event::Event;
use super::told::{CutOff, Report, Seen, Written, wire_usage};
use super::walk;
use super::{chat, usage};
use crate::domain::{Error, Usage};

pub(super) fn read_frame(data: &[u8], written: &mut Written) -> Seen {
    let Event {
        kind,
        delta,
        failed,
    } = Event::read(data);
    match kind {
        b"response.completed" | b"response.incomplete" => Seen {
            terminal: true,
            usage: read_usage(data),
            ..Seen::default()
        },
        b"response.failed" | b"response.cancelled" => Seen {
            terminal: true,
            error: true,
            usage: read_usage(data),
            ..Seen::default()
        },
        b"error" => Seen {
            terminal: true,
            error: true,
            ..Seen::default()
        },
        _ if kind.ends_with(b".delta") && !delta.is_empty() => {
            written.push(delta);
            Seen {
                content: true,
                error: failed,
                ..Seen::default()
            }
        }
        _ => Seen {
            error: failed,
            ..Seen::default()
        },
    }
}

fn read_usage(data: &[u8]) -> Option<Report> {
    #[derive(Deserialize)]
    struct Event<'a> {
        #[serde(borrow)]
        response: Option<Response<'a>>,
    }
    #[derive(Deserialize)]
    struct Response<'a> {
        #[serde(borrow)]
        usage: Option<&'a RawValue>,
        #[serde(borrow)]
        service_tier: Option<&'a RawValue>,
    }
    let event: Event<'_> = serde_json::from_slice(data).ok()?;
    let response = event.response?;
    let usage = response.usage.and_then(usage::read)?;
    Some(Report::All(Usage {
        tier: usage::tier(response.service_tier),
        ..usage
    }))
}

pub(super) fn read_written(answer: &[u8], written: &mut Written) {
    // Words stand inside `output`; the members outside repeat the request.
    walk::members(answer, |depth, key, value| {
        if depth > 2
            && matches!(key, b"text" | b"refusal" | b"arguments" | b"name")
            && let Some(text) = value.text()
        {
            written.push(text);
        }
    });
}

/// Ends the message that is being written, if it is the only item, and then the response, which is incomplete.
pub(super) fn cut_off(cut: &CutOff<'_>) -> String {
    let mut response = match CutOff::object(cut.first).remove("response") {
        Some(Json::Object(response)) => response,
        Some(_) | None => Map::new(),
    };
    let dropped = CutOff::object(cut.dropped);
    let mut events = Vec::new();
    if let Some((place, text)) = only_message(&dropped, cut.written) {
        let part = json!({"type": "output_text", "text": text, "annotations": []});
        let item = json!({"type": "message", "id": place, "status": "incomplete", "role": "assistant", "content": [part]});
        events.push(json!({"type": "response.output_text.done", "item_id": place, "output_index": 0, "content_index": 0, "text": text}));
        events.push(json!({"type": "response.content_part.done", "item_id": place, "output_index": 0, "content_index": 0, "part": part}));
        events.push(json!({"type": "response.output_item.done", "output_index": 0, "item": item}));
        response.insert("output".to_owned(), json!([item]));
    }
    response.insert("status".to_owned(), json!("incomplete"));
    response.insert(
        "incomplete_details".to_owned(),
        json!({"reason": "max_output_tokens"}),
    );
    response.insert("usage".to_owned(), wire_usage(cut.usage, "input", "output"));
    events.push(json!({"type": "response.incomplete", "response": response}));
    let next = dropped
        .get("sequence_number")
        .and_then(Json::as_u64)
        .unwrap_or(0);
    let mut frames = String::new();
    for (number, mut event) in (next..).zip(events) {
        if let Some(fields) = event.as_object_mut() {
            fields.insert("sequence_number".to_owned(), number.into());
        }
        let kind = event.get("type").and_then(Json::as_str).unwrap_or_default();
        frames.push_str(&format!("event: {kind}\ndata: {event}\n\n"));
    }
    frames
}

/// The id and the text of the message that is being written, where nothing else was.
fn only_message<'a>(
    dropped: &'a Map<String, Json>,
    written: &Written,
) -> Option<(&'a str, String)> {
    let is = |name: &str, value: Json| dropped.get(name) == Some(&value);
    if !is("type", json!("response.output_text.delta"))
        || !is("output_index", json!(0))
        || !is("content_index", json!(0))
    {
        return None;
    }
    let (text, beyond) = written.text();
    let delta = dropped.get("delta")?.as_str()?;
    let kept = text.strip_suffix(delta).filter(|_| beyond == 0)?;
    Some((dropped.get("item_id")?.as_str()?, kept.to_owned()))
}

pub(super) fn error_frame(error: &Error) -> String {
    let event = json!({
        "type": "error",
        "code": error.code.as_str(),
        "message": error.message,
        "param": error.param,
        "sequence_number": 0,
        "error": chat::body(error),
    });
    format!("event: error\ndata: {event}\n\n")
}
