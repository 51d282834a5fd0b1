//! OpenAI audio: speech, and what is heard in a recording.
//!
//! Speech is bytes without any usage, or, with `stream_format` `sse`, `speech.audio.delta` events that end with
//! `speech.audio.done`, which carries it.
//!
//! What is heard comes as JSON, whose usage is of tokens or of a `duration` in seconds, as plain text, or as subtitles (SRT and
//! WebVTT), whose last time is as long as the recording at least; streamed, as `transcript.text.delta` events that end with
//! `transcript.text.done`, which carries the usage. A usage that does not tell audio apart is all audio.
//! Reference: OpenAI API reference, "Audio".

use serde::Deserialize;
use serde_json::value::RawValue;

use super::event::Event;
use super::report::Report;
use super::told::{Seen, Told, Written};
use super::usage;
use super::walk;
use crate::domain::Pieces;

/// Reads an event of speech.
pub(super) fn read_speech(data: &[u8]) -> Seen {
    let event = Event::read(data);
    let done = event.kind == b"speech.audio.done";
    Seen {
        usage: event_usage(data, done).map(|mut told| {
            told.audio.output = told.output.unwrap_or(0);
            Box::new(told)
        }),
        terminal: done || event.failed,
        error: event.failed,
        ..Seen::default()
    }
}

/// Reads an event of what is heard.
pub(super) fn read_heard(data: &[u8], written: &mut Written) -> Seen {
    let event = Event::read(data);
    let done = event.kind == b"transcript.text.done";
    if event.kind == b"transcript.text.delta" {
        written.push(event.delta);
    }
    Seen {
        usage: event_usage(data, done).map(all_audio).map(Box::new),
        terminal: done || event.failed,
        error: event.failed,
        ..Seen::default()
    }
}

/// Reads the `usage` of what is heard.
pub(super) fn heard_usage(told: &RawValue) -> Option<Report> {
    usage::report(told, None).map(all_audio)
}

fn all_audio(mut told: Report) -> Report {
    if told.audio.input == 0 {
        told.audio.input = told.input.unwrap_or(0);
    }
    told
}

/// How long the recording was, as a whole answer says; none: it does not.
pub(super) fn pieces(answer: &[u8]) -> Pieces {
    #[derive(Deserialize)]
    struct Verbose<'a> {
        #[serde(borrow)]
        duration: Option<&'a RawValue>,
    }
    let verbose: Option<Verbose<'_>> = serde_json::from_slice(answer).ok();
    let seconds = verbose.and_then(|verbose| usage::seconds(verbose.duration?));
    seconds_heard(seconds.unwrap_or(0))
}

fn seconds_heard(seconds: u64) -> Pieces {
    Pieces {
        seconds,
        ..Pieces::default()
    }
}

/// Reads an answer that is plain text or subtitles.
pub(super) fn read_text(text: &[u8]) -> Told {
    let lines = text.split(|byte| *byte == b'\n');
    let times = lines.filter_map(|line| {
        let at = memchr::memmem::find(line, b" --> ")?;
        end_of_cue(line.get(at + 5..)?.trim_ascii())
    });
    Told {
        pieces: seconds_heard(times.max().unwrap_or(0)),
        ..Told::default()
    }
}

/// The seconds of `00:01:02,500` or `01:02.500`, each begun one whole.
fn end_of_cue(time: &[u8]) -> Option<u64> {
    let time = std::str::from_utf8(time).ok()?.split(' ').next()?;
    let (whole, fraction) = time.split_once([',', '.'])?;
    let mut seconds = 0u64;
    for number in whole.split(':') {
        seconds = seconds.checked_mul(60)?.checked_add(number.parse().ok()?)?;
    }
    let begun = fraction.bytes().any(|digit| digit != b'0');
    seconds.checked_add(u64::from(begun))
}

/// Collects what was heard, of a whole answer.
pub(super) fn read_written(answer: &[u8], written: &mut Written) {
    if !answer.trim_ascii_start().starts_with(b"{") {
        written.push(answer);
        return;
    }
    walk::members(answer, |depth, key, value| {
        if let (1, b"text", Some(text)) = (depth, key, value.text()) {
            written.push(text);
        }
    });
}

/// The usage of the last event.
fn event_usage(data: &[u8], last: bool) -> Option<Report> {
    #[derive(Deserialize)]
    struct Told<'a> {
        #[serde(borrow)]
        usage: Option<&'a RawValue>,
    }
    let told: Option<Told<'_>> = last.then(|| serde_json::from_slice(data).ok()).flatten();
    usage::report(told?.usage?, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Endpoint;
    use crate::gateway::dialect::read_answer;

    #[test]
    fn what_was_heard_is_told_in_tokens_or_seconds() {
        let tokens = r#"{"text":"Hi.","usage":{"type":"tokens","input_tokens":14,"input_token_details":{"text_tokens":4,"audio_tokens":10},"output_tokens":45,"total_tokens":59}}"#;
        let usage = read_answer(Endpoint::Transcriptions, tokens.as_bytes())
            .unwrap()
            .used()
            .unwrap();
        assert_eq!(
            (usage.prompt, usage.audio.input, usage.completion),
            (14, 10, 45)
        );
        let apart = r#"{"text":"Hi.","usage":{"input_tokens":14,"output_tokens":4}}"#;
        let usage = read_answer(Endpoint::Translations, apart.as_bytes())
            .unwrap()
            .used()
            .unwrap();
        assert_eq!(usage.audio.input, 14);
        let seconds = r#"{"text":"Hi.","usage":{"type":"duration","seconds":3.2}}"#;
        let usage = read_answer(Endpoint::Transcriptions, seconds.as_bytes())
            .unwrap()
            .used()
            .unwrap();
        assert_eq!((usage.pieces.seconds, usage.total()), (4, 0));
        let verbose = r#"{"text":"Hi.","duration":8.470000267028809}"#;
        let told = read_answer(Endpoint::Transcriptions, verbose.as_bytes()).unwrap();
        assert_eq!((told.used(), told.pieces.seconds), (None, 9));
    }

    #[test]
    fn subtitles_tell_how_long_it_was() {
        for (text, seconds) in [
            (
                "1\n00:00:00,000 --> 00:01:02,500\nHi.\n\n2\n00:01:02,500 --> 00:01:04,000\nYou.\n",
                64,
            ),
            ("WEBVTT\n\n00:00.000 --> 01:02.001 align:start\nHi.\n", 63),
            ("Hi --> you.", 0),
            ("Hi.", 0),
        ] {
            assert_eq!(read_text(text.as_bytes()).pieces.seconds, seconds, "{text}");
        }
    }

    #[test]
    fn streams_end_with_their_usage() {
        let mut written = Written::default();
        let delta = read_heard(
            br#"{"type":"transcript.text.delta","delta":"Hi"}"#,
            &mut written,
        );
        assert_eq!((delta, written.bytes()), (Seen::default(), 2));
        let done = read_heard(br#"{"type":"transcript.text.done","text":"Hi","usage":{"input_tokens":9,"output_tokens":1}}"#, &mut written);
        assert!(done.terminal && done.usage.is_some() && written.bytes() == 2);
        let spoken = read_speech(br#"{"type":"speech.audio.done","usage":{"input_tokens":14,"output_tokens":101,"total_tokens":115}}"#);
        let usage = spoken.usage.unwrap().usage().unwrap();
        assert_eq!((spoken.terminal, usage.audio.output), (true, 101));
        assert!(read_speech(br#"{"type":"error","error":{"message":"no"}}"#).error);
    }
}
