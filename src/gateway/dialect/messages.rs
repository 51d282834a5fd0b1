//! Anthropic messages. A stream begins with `message_start`, which tells the prompt's tokens, and ends with `message_stop`
//! behind a `message_delta`, which tells those of the answer; between them each block is opened, written and closed. An error
//! in the middle is an `error` event.
//! What its `usage` counts stands in the table of `usage`.
//!
//! References: Anthropic API, "Messages", "Streaming Messages", "Errors", "Prompt caching" (what `usage` counts).

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value as Json, json};

use super::number::{Count, lenient};
use super::report::Report;
use super::told::{CutOff, Seen, Written};
use super::usage::{self, ToolUse};
use super::walk::{self, Value};
use crate::domain::{Error, Geography, Speed, UsagePart};

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

fn read_usage(data: &[u8]) -> Option<Box<Report>> {
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
    report(reported).map(Box::new)
}

/// The usage of an answer, or of one iteration in it (anthropic-python 2.14.0, `types/beta/beta_usage.py`).
#[derive(Deserialize, Default)]
#[serde(default)]
struct Reported<'a> {
    input_tokens: Count,
    cache_creation_input_tokens: Count,
    #[serde(borrow)]
    cache_creation: Option<&'a RawValue>,
    cache_read_input_tokens: Count,
    output_tokens: Count,
    #[serde(borrow)]
    output_tokens_details: Option<&'a RawValue>,
    #[serde(borrow)]
    server_tool_use: Option<&'a RawValue>,
    #[serde(borrow)]
    service_tier: Option<&'a RawValue>,
    #[serde(borrow)]
    speed: Option<&'a RawValue>,
    #[serde(borrow)]
    inference_geo: Option<&'a RawValue>,
    #[serde(borrow)]
    iterations: Option<&'a RawValue>,
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    model: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct CacheCreation {
    ephemeral_5m_input_tokens: Count,
    ephemeral_1h_input_tokens: Count,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Output {
    thinking_tokens: Count,
}

impl Reported<'_> {
    /// Its own numbers.
    fn report(&self) -> Report {
        let word = |raw| lenient::<String>(raw);
        let split: CacheCreation = lenient(self.cache_creation).unwrap_or_default();
        let (minutes, hour) = (
            split.ephemeral_5m_input_tokens.0,
            split.ephemeral_1h_input_tokens.0,
        );
        let both = minutes
            .or(hour)
            .map(|_| minutes.unwrap_or(0).saturating_add(hour.unwrap_or(0)));
        let output: Output = lenient(self.output_tokens_details).unwrap_or_default();
        let tools: ToolUse = lenient(self.server_tool_use).unwrap_or_default();
        Report {
            input: self.input_tokens.0,
            cached: self.cache_read_input_tokens.0,
            written: self.cache_creation_input_tokens.0.max(both),
            written_1h: hour,
            cache_apart: true,
            output: self.output_tokens.0,
            reasoning: output.thinking_tokens.0,
            pieces: tools.pieces(),
            tier: usage::tier(self.service_tier),
            speed: word(self.speed).map(|word| Speed::of(&word)),
            geography: word(self.inference_geo).map(|word| Geography::of(&word)),
            ..Report::default()
        }
    }
}

/// Reads a `usage` object. Iterations are priced each by itself; those of a compaction and of an advisor are not in the numbers
/// above them.
pub(super) fn report(usage: &RawValue) -> Option<Report> {
    let told: Reported<'_> = lenient(Some(usage))?;
    let mut report = told.report();
    let iterations: Vec<Reported<'_>> = lenient(told.iterations).unwrap_or_default();
    let mut within = Report {
        cache_apart: true,
        ..Report::default()
    };
    for iteration in &iterations {
        let own = iteration.report();
        let Some(used) = own.usage() else { continue };
        let kind: String = lenient(iteration.kind).unwrap_or_default();
        if matches!(kind.as_str(), "compaction" | "advisor_message") {
            report.beside = report.beside.plus(used);
        } else {
            within.add(&own);
        }
        report.parts.push(UsagePart {
            model: lenient(iteration.model),
            usage: used,
        });
    }
    match report.parts.as_slice() {
        [only] if only.model.is_none() => report.parts.clear(),
        [] => {}
        // What is told above does not always have what a model that declined has used.
        _ => report.merge(Report {
            parts: Vec::new(),
            ..within
        }),
    }
    Some(report)
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
