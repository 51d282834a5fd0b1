//! OpenAI audio: speech, and what is heard in a recording.
//!
//! Speech is bytes without any usage, or, with `stream_format` `sse`, `speech.audio.delta` events that end with
//! `speech.audio.done`, which carries it.
//! Reference: OpenAI API reference, "Audio".

use serde::Deserialize;
use serde_json::value::RawValue;

use super::told::{Report, Seen};
use super::usage;
use super::walk::{self, Value};
use crate::domain::{Media, Usage};

/// Reads an event of speech.
pub(super) fn read_speech(data: &[u8]) -> Seen {
    let event = Event::read(data);
    let done = event.kind == b"speech.audio.done";
    let spoken = |usage: Usage| Usage {
        audio: Media {
            output: usage.completion,
            ..usage.audio
        },
        ..usage
    };
    Seen {
        usage: event_usage(data, done).map(spoken).map(Report::All),
        terminal: done || event.failed,
        error: event.failed,
        ..Seen::default()
    }
}

/// What every event of audio has.
struct Event<'a> {
    kind: &'a [u8],
    failed: bool,
}

impl<'a> Event<'a> {
    fn read(data: &'a [u8]) -> Self {
        let (mut kind, mut failed) = (&[][..], false);
        walk::members(data, |depth, key, value| match (depth, key, value) {
            (1, b"type", Value::Text(text)) => kind = text,
            (1, b"error", value) => failed |= !value.is_null(),
            _ => {}
        });
        Self {
            kind,
            failed: failed || kind == b"error",
        }
    }
}

/// The usage of the last event.
fn event_usage(data: &[u8], last: bool) -> Option<Usage> {
    #[derive(Deserialize)]
    struct Told<'a> {
        #[serde(borrow)]
        usage: Option<&'a RawValue>,
    }
    let told: Option<Told<'_>> = last.then(|| serde_json::from_slice(data).ok()).flatten();
    told?.usage.and_then(usage::read)
}
