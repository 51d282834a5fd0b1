//! OpenAI responses. Each event has a `type`; a stream ends with `response.completed`, `response.incomplete` or
//! `response.failed`, which carry the whole response with its usage, or with an `error` event.
//! Reference: OpenAI API reference, "Responses" and "Streaming events".

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::told::{Seen, Written};
use super::walk::{self, Value};
use super::{chat, usage};
use crate::domain::Error;

pub(super) fn read_frame(data: &[u8], written: &mut Written) -> Seen {
    let (mut kind, mut delta, mut failed) = (&[][..], &[][..], false);
    walk::members(data, |depth, key, value| match (depth, key, value) {
        (1, b"type", Value::Text(text)) => kind = text,
        (1, b"delta", Value::Text(text)) => delta = text,
        (1, b"error", value) => failed |= !value.is_null(),
        _ => {}
    });
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

fn read_usage(data: &[u8]) -> Option<crate::domain::Usage> {
    #[derive(Deserialize)]
    struct Event<'a> {
        #[serde(borrow)]
        response: Option<Response<'a>>,
    }
    #[derive(Deserialize)]
    struct Response<'a> {
        #[serde(borrow)]
        usage: Option<&'a RawValue>,
    }
    let event: Event<'_> = serde_json::from_slice(data).ok()?;
    event.response?.usage.and_then(usage::read)
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
