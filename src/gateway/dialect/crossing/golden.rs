//! Golden transcripts: each case of `tests/fixtures/crossing/<dialect>/` is written in every other dialect, and what comes out
//! is held by a snapshot in `tests/fixtures/crossing/snapshots/`. A new case is a new file; `cargo insta review` shows what
//! it becomes.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::answer::Event;
use super::codec::{self, Reader, Writer};
use super::conversation::Request;
use super::{Dialect, Head, Target};
use crate::domain::{Code, Error};
use crate::gateway::sse::{self, Frame};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/crossing")
}

/// The cases of a dialect with this ending: name and content.
fn cases(dialect: Dialect, ending: &str) -> Vec<(String, Vec<u8>)> {
    let mut cases: Vec<(String, Vec<u8>)> = fs::read_dir(fixtures().join(dialect.as_str()))
        .unwrap()
        .filter_map(|entry| {
            let path = entry.unwrap().path();
            let case = path.file_name()?.to_str()?.strip_suffix(ending)?;
            Some((case.to_owned(), fs::read(&path).unwrap()))
        })
        .collect();
    cases.sort();
    assert!(cases.len() >= 5, "{ending} cases of {dialect:?} are found");
    cases
}

/// All dialects but this one.
fn others(dialect: Dialect) -> impl Iterator<Item = Dialect> {
    Dialect::ALL
        .into_iter()
        .filter(move |other| *other != dialect)
}

fn hold(dialect: Dialect, case: &str, kind: &str, told: &str) {
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path(fixtures().join("snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(format!("{}.{case}.{kind}", dialect.as_str()), told));
}

fn refusal(error: &Error) -> String {
    format!(
        "{} {:?} {}",
        error.code.status(),
        error.param,
        error.message
    )
}

fn pretty(json: &str) -> String {
    let value: Value = serde_json::from_str(json).unwrap();
    serde_json::to_string_pretty(&value).unwrap()
}

fn target(dialect: Dialect) -> Target<'static> {
    Target {
        model: match dialect {
            Dialect::Chat | Dialect::Responses => "gpt-5.6",
            Dialect::Messages => "claude-opus-4-6",
            Dialect::Gemini => "gemini-2.5-flash",
        },
        output_limit: None,
        most_output: 64_000,
    }
}

/// What writers are told beside the answer.
pub(super) fn head() -> Head {
    Head {
        id: "0198".to_owned(),
        model: "public-model".to_owned(),
        created: 1_760_000_000,
        request: Arc::new(Request {
            model: "public-model".to_owned(),
            stream: true,
            include_usage: true,
            ..Request::default()
        }),
        prompt_tokens: 25,
    }
}

/// Reads a request and puts into it what its path says and what its addresses hold.
fn request(dialect: Dialect, body: &[u8], to: Dialect) -> Result<String, Error> {
    let mut request = codec::read_request(dialect, body)?;
    for url in request.to_fetch(to) {
        let (media_type, bytes) = match url.rsplit('.').next() {
            Some("pdf") => ("application/pdf", "%PDF"),
            Some("mp3" | "wav") => ("audio/mp3", "ID3"),
            Some(_) | None if url.contains("youtu") => ("video/mp4", "ftyp"),
            Some(_) | None => ("image/png", "PNG"),
        };
        request.supply(&url, media_type, bytes.as_bytes());
    }
    codec::write_request(to, &request, &target(to))
}

#[test]
fn requests() {
    for dialect in Dialect::ALL {
        for (case, body) in cases(dialect, ".request.json") {
            let mut told = String::new();
            match codec::read_request(dialect, &body) {
                Err(error) => writeln!(told, "refused: {}", refusal(&error)).unwrap(),
                Ok(_) => {
                    for other in others(dialect) {
                        let written = match request(dialect, &body, other) {
                            Ok(body) => pretty(&body),
                            Err(error) => format!("refused: {}", refusal(&error)),
                        };
                        writeln!(told, "--- {}\n{written}", other.as_str()).unwrap();
                    }
                }
            }
            hold(dialect, &case, "request", &told);
        }
    }
}

#[test]
fn answers() {
    for dialect in Dialect::ALL {
        for (case, body) in cases(dialect, ".answer.json") {
            let mut told = String::new();
            match codec::read_answer(dialect, &body) {
                Err(error) => writeln!(told, "unreadable: {}", error.why()).unwrap(),
                Ok(answer) => {
                    for other in others(dialect) {
                        let written = codec::write_answer(other, &answer, &head());
                        writeln!(told, "--- {}\n{}", other.as_str(), pretty(&written)).unwrap();
                    }
                }
            }
            hold(dialect, &case, "answer", &told);
        }
    }
}

/// The stream that a client gets of what a channel streamed.
fn stream(from: Dialect, stream: &[u8], to: Dialect) -> String {
    let (mut reader, mut writer, mut out) =
        (Reader::new(from), Writer::new(to, head()), String::new());
    let mut events = Vec::new();
    for frame in sse::split(stream) {
        if let Some(data) = Frame::read(frame).data {
            events.extend(reader.read(&data).unwrap());
        }
    }
    events.extend(reader.end());
    if !matches!(events.last(), Some(Event::End | Event::Failed(_))) {
        // As the caller does where a stream was cut.
        events.push(Event::Failed(Error::new(
            Code::BadGateway,
            "The stream was cut.",
        )));
    }
    for event in &events {
        writer.write(event, &mut out);
    }
    out
}

#[test]
fn streams() {
    for dialect in Dialect::ALL {
        for (case, body) in cases(dialect, ".stream.sse") {
            let mut told = String::new();
            for other in others(dialect) {
                let written = stream(dialect, &body, other);
                super::properties::well_formed(other, &written);
                writeln!(told, "--- {}\n{written}", other.as_str()).unwrap();
            }
            hold(dialect, &case, "stream", &told);
        }
    }
}

#[test]
fn every_snapshot_has_its_case() {
    let mut known = BTreeSet::new();
    for dialect in Dialect::ALL {
        for (ending, kind) in [
            (".request.json", "request"),
            (".answer.json", "answer"),
            (".stream.sse", "stream"),
        ] {
            for (case, _) in cases(dialect, ending) {
                known.insert(format!("{}.{case}.{kind}.snap", dialect.as_str()));
            }
        }
    }
    for entry in fs::read_dir(fixtures().join("snapshots")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            known.contains(&name) || name.ends_with(".new"),
            "{name} has no case"
        );
    }
}
