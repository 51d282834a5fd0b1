//! OpenAI chat completions. A stream ends with `data: [DONE]`; its usage comes in a frame without `choices` when asked
//! for (LiteLLM's has a choice that says nothing), or, with some providers, unasked in the last frame with choices or in
//! every frame.
//! Reference: OpenAI API reference, "Chat Completions" and "Streaming".

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;
use serde_json::value::RawValue;

use super::number::lenient;
use super::report::Report;
use super::told::{CutOff, Seen, Written, wire_usage};
use super::usage;
use super::walk::{self, Value};
use crate::domain::Error;

/// Keys under which a model's words stand.
const WORDS: [&[u8]; 7] = [
    b"content",
    b"reasoning_content",
    b"reasoning",
    b"thinking",
    b"refusal",
    b"arguments",
    b"name",
];

pub(super) fn read_frame(data: &[u8], written: &mut Written) -> Seen {
    frame_with(data, |key, text| {
        let wrote = WORDS.contains(&key) && !text.is_empty();
        if wrote {
            written.push(text);
        }
        wrote
    })
}

/// Reads a frame; `words` is shown each string with its key and says whether a model wrote it.
pub(super) fn frame_with(data: &[u8], mut words: impl FnMut(&[u8], &[u8]) -> bool) -> Seen {
    if data.trim_ascii() == b"[DONE]" {
        return Seen {
            terminal: true,
            ..Seen::default()
        };
    }
    let (mut seen, mut has_usage, mut finishes) = (Seen::default(), false, false);
    walk::members(data, |depth, key, value| match value {
        Value::Text(text) => {
            if depth > 1 && key == b"finish_reason" {
                finishes |= !text.is_empty();
            } else if depth > 1 {
                seen.content |= words(key, text);
            } else if key == b"error" {
                seen.error = true;
            }
        }
        Value::Other(_) => {
            has_usage |= key == b"usage" && value.is_object();
            seen.error |= depth == 1 && key == b"error" && !value.is_null();
        }
    });
    if has_usage {
        read_usage(data, &mut seen);
    }
    if finishes {
        seen.finished = finished(data);
    }
    seen
}

/// The answers that a chunk ends, a bit each.
fn finished(data: &[u8]) -> u64 {
    #[derive(Deserialize)]
    struct Chunk<'a> {
        #[serde(borrow)]
        choices: Option<Vec<Choice<'a>>>,
    }
    #[derive(Deserialize)]
    struct Choice<'a> {
        index: Option<u32>,
        #[serde(borrow)]
        finish_reason: Option<&'a RawValue>,
    }
    let chunk = serde_json::from_slice::<Chunk<'_>>(data).ok();
    let choices = chunk.and_then(|chunk| chunk.choices).unwrap_or_default();
    let ended = |choice: &&Choice<'_>| choice.finish_reason.is_some_and(|why| why.get() != "\"\"");
    choices.iter().filter(ended).fold(0, |bits, choice| {
        bits | 1u64.checked_shl(choice.index.unwrap_or(0)).unwrap_or(0)
    })
}

fn read_usage(data: &[u8], seen: &mut Seen) {
    let Ok(chunk) = serde_json::from_slice::<Chunk<'_>>(data) else {
        return;
    };
    seen.usage = chunk.report().map(Box::new);
    seen.only_usage = chunk.usage.is_some()
        && lenient::<Vec<Choice<'_>>>(chunk.choices)
            .is_some_and(|choices| choices.iter().all(Choice::says_nothing));
}

/// What of an answer, or of a chunk of one, says what was used.
#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    choices: Option<&'a RawValue>,
    #[serde(borrow)]
    service_tier: Option<&'a RawValue>,
    #[serde(borrow)]
    x_groq: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    delta: Option<&'a RawValue>,
    text: Option<IgnoredAny>,
    finish_reason: Option<IgnoredAny>,
}

impl Choice<'_> {
    fn says_nothing(&self) -> bool {
        let empty = |delta: &RawValue| delta.get() == "{}";
        self.delta.is_none_or(empty) && self.text.is_none() && self.finish_reason.is_none()
    }
}

#[derive(Deserialize)]
struct WithUsage<'a> {
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
}

impl Chunk<'_> {
    /// All that it says; Kimi says it in its choices, each of which has words of its own.
    fn report(&self) -> Option<Report> {
        let read = |usage| usage::report(usage, self.service_tier);
        if let Some(told) = self.usage.filter(|raw| raw.get().starts_with('{')) {
            return read(told);
        }
        if let Some(groq) = lenient::<WithUsage<'_>>(self.x_groq).and_then(|groq| groq.usage) {
            return read(groq);
        }
        let choices = self.choices.filter(|raw| raw.get().contains("\"usage\""));
        let choices: Vec<WithUsage<'_>> = lenient(choices)?;
        let told = choices.into_iter().filter_map(|choice| read(choice.usage?));
        told.reduce(|mut all, next| {
            let more = next.output;
            let output = all.output;
            all.merge(next);
            all.total = None;
            all.output = output.zip(more).map(|(a, b)| a.saturating_add(b));
            all
        })
    }
}

/// What a whole answer, or a chunk of one, says was used.
pub(super) fn report(answer: &[u8]) -> Option<Report> {
    serde_json::from_slice::<Chunk<'_>>(answer).ok()?.report()
}

pub(super) fn read_written(answer: &[u8], written: &mut Written) {
    walk::members(answer, |_, key, value| {
        if WORDS.contains(&key)
            && let Some(text) = value.text()
        {
            written.push(text);
        }
    });
}

pub(super) fn error_frame(error: &Error) -> String {
    format!("data: {}\n\n", json!({ "error": body(error) }))
}

pub(super) fn cut_off(cut: &CutOff<'_>) -> String {
    cut_off_with(
        cut,
        |index| json!({"index": index, "delta": {}, "logprobs": null, "finish_reason": "length"}),
    )
}

/// The last frames of a stream; `choice` ends the answer with this index.
pub(super) fn cut_off_with(cut: &CutOff<'_>, choice: impl Fn(u64) -> serde_json::Value) -> String {
    let mut chunk = CutOff::object(cut.first);
    chunk.retain(|name, _| name != "usage" && name != "x_groq");
    chunk.insert(
        "choices".to_owned(),
        (0..cut.choices).map(choice).collect::<Vec<_>>().into(),
    );
    let mut frames = format!("data: {}\n\n", json!(chunk));
    if cut.show_usage {
        chunk.insert("choices".to_owned(), json!([]));
        chunk.insert(
            "usage".to_owned(),
            wire_usage(cut.usage, "prompt", "completion"),
        );
        frames.push_str(&format!("data: {}\n\n", json!(chunk)));
    }
    frames.push_str("data: [DONE]\n\n");
    frames
}

/// The error object of OpenAI's shape.
pub(super) fn body(error: &Error) -> serde_json::Value {
    json!({ "message": error.message, "type": error.code.kind(), "code": error.code.as_str(), "param": error.param })
}
