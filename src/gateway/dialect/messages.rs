//! Anthropic messages. A stream begins with `message_start`, which tells the prompt's tokens, and ends with `message_stop`
//! behind a `message_delta`, which tells those of the answer; between them each block is opened, written and closed. An error
//! in the middle is an `error` event.
//! What its `usage` counts stands in the table of `usage`.
//!
//! References: Anthropic API, "Messages", "Streaming Messages", "Errors", "Prompt caching" (what `usage` counts).

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Number, Value as Json, json};

use super::told::{CutOff, Report, Seen, Written};
use super::usage;
use super::walk::{self, Value};
use crate::domain::{Error, Usage};

/// Keys under which a model's words stand.
const WORDS: [&[u8]; 4] = [b"text", b"thinking", b"partial_json", b"name"];

pub(super) fn read_frame(data: &[u8], written: &mut Written) -> Seen {
    let mut kind = &[][..];
    walk::members(data, |depth, key, value| {
        if let (1, b"type", Value::Text(text)) = (depth, key, value) {
            kind = text;
        }
    });
    match kind {
        b"content_block_delta" | b"content_block_start" => {
            let mut seen = Seen::default();
            walk::members(data, |depth, key, value| {
                if let Value::Text(text) = value
                    && depth > 1
                    && WORDS.contains(&key)
                    && !text.is_empty()
                {
                    written.push(text);
                    seen.content = true;
                }
            });
            seen
        }
        b"message_start" => Seen {
            usage: read_usage(data),
            ..Seen::default()
        },
        // Behind the reason to stop only the terminal event comes, which some servers leave out.
        b"message_delta" => Seen {
            usage: read_usage(data),
            may_end: says_why(data),
            ..Seen::default()
        },
        b"message_stop" => Seen {
            terminal: true,
            ..Seen::default()
        },
        b"error" => Seen {
            terminal: true,
            error: true,
            ..Seen::default()
        },
        _ => Seen::default(),
    }
}

fn says_why(data: &[u8]) -> bool {
    let mut says = false;
    walk::members(data, |depth, key, value| {
        says |= depth == 2 && key == b"stop_reason" && value.text().is_some();
    });
    says
}

fn read_usage(data: &[u8]) -> Option<Report> {
    #[derive(Deserialize)]
    struct Event<'a> {
        #[serde(borrow)]
        message: Option<Message<'a>>,
        #[serde(borrow)]
        usage: Option<&'a RawValue>,
    }
    #[derive(Deserialize)]
    struct Message<'a> {
        #[serde(borrow)]
        usage: Option<&'a RawValue>,
    }
    let event: Event<'_> = serde_json::from_slice(data).ok()?;
    let reported = event
        .usage
        .or(event.message.and_then(|message| message.usage))?;
    report(reported)
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Reported<'a> {
    input_tokens: Option<Number>,
    cache_creation_input_tokens: Option<Number>,
    cache_creation: Option<CacheCreation>,
    cache_read_input_tokens: Option<Number>,
    output_tokens: Option<Number>,
    #[serde(borrow)]
    service_tier: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct CacheCreation {
    ephemeral_1h_input_tokens: Option<Number>,
}

fn report(usage: &RawValue) -> Option<Report> {
    let reported: Reported<'_> = serde_json::from_str(usage.get()).ok()?;
    let count = |number: &Option<Number>| number.as_ref().and_then(Number::as_u64);
    let written = count(&reported.output_tokens);
    // What is read from the cache and written to it is not in the input's number.
    let Some(input) = count(&reported.input_tokens) else {
        return written.map(Report::Output);
    };
    let cached = count(&reported.cache_read_input_tokens).unwrap_or(0);
    let cache_write = count(&reported.cache_creation_input_tokens).unwrap_or(0);
    let hour = reported.cache_creation.unwrap_or_default();
    let hour = count(&hour.ephemeral_1h_input_tokens).unwrap_or(0);
    Some(Report::All(Usage {
        cache_write_1h: hour.min(cache_write),
        tier: usage::tier(reported.service_tier),
        prompt: input.saturating_add(cached).saturating_add(cache_write),
        cached,
        cache_write,
        completion: written.unwrap_or(0),
        ..Usage::default()
    }))
}

/// The usage of a whole answer; `None`: it does not say how many tokens the prompt had.
pub(super) fn usage(usage: &RawValue) -> Option<Usage> {
    match report(usage)? {
        Report::All(usage) => Some(usage),
        Report::Output(_) => None,
    }
}

pub(super) fn read_written(answer: &[u8], written: &mut Written) {
    walk::members(answer, |depth, key, value| {
        if depth > 1
            && WORDS.contains(&key)
            && let Some(text) = value.text()
        {
            written.push(text);
        }
    });
}

/// Closes the block that is being written, and ends the message.
pub(super) fn cut_off(cut: &CutOff<'_>) -> String {
    let mut events = Vec::new();
    let dropped = CutOff::object(cut.dropped);
    if let Some(index) = dropped.get("index").and_then(Json::as_u64)
        && dropped.get("type") == Some(&json!("content_block_delta"))
    {
        events.push(json!({"type": "content_block_stop", "index": index}));
    }
    events.push(json!({
        "type": "message_delta",
        "delta": {"stop_reason": "max_tokens", "stop_sequence": null},
        "usage": {"output_tokens": cut.usage.completion},
    }));
    events.push(json!({"type": "message_stop"}));
    events.iter().map(frame).collect()
}

pub(super) fn error_frame(error: &Error) -> String {
    let kind = error.code.anthropic_kind();
    frame(&json!({"type": "error", "error": {"type": kind, "message": error.message}}))
}

fn frame(event: &Json) -> String {
    let kind = event.get("type").and_then(Json::as_str).unwrap_or_default();
    format!("event: {kind}\ndata: {event}\n\n")
}
