//! What holds for every case of `tests/fixtures/crossing/gemini/`.

use std::fs;
use std::path::Path;

use super::pieces::Pieces;
use super::{Reader, read_answer, read_request, write_request};
use crate::gateway::dialect::crossing::Target;
use crate::gateway::dialect::crossing::answer::{Answer, Event, Finish};
use crate::gateway::dialect::crossing::conversation::{Call, Content};
use crate::gateway::sse::{self, Frame};

/// The cases with this ending: name and content.
fn cases(ending: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/crossing/gemini");
    let cases: Vec<(String, Vec<u8>)> = fs::read_dir(folder)
        .unwrap()
        .filter_map(|entry| {
            let path = entry.unwrap().path();
            let case = path.file_name()?.to_str()?.strip_suffix(ending)?;
            Some((case.to_owned(), fs::read(&path).unwrap()))
        })
        .collect();
    assert!(cases.len() > 5, "{ending}");
    cases
}

fn events(stream: &[u8]) -> Vec<Event> {
    let (mut reader, mut events) = (Reader::default(), Vec::new());
    for frame in sse::split(stream) {
        if let Some(data) = Frame::read(frame).data {
            events.extend(reader.read(&data).unwrap());
        }
    }
    events.extend(reader.end());
    events
}

/// What a stream said in all; `None`: it did not end.
fn collected(events: Vec<Event>) -> Option<Answer> {
    let (mut pieces, mut call) = (Pieces::default(), None::<Call>);
    let (mut finish, mut told, mut chances, mut ended) = (Finish::Stop, None, Vec::new(), false);
    for event in events {
        if !matches!(event, Event::Arguments(_) | Event::Usage(_)) {
            call.take()
                .into_iter()
                .for_each(|call| pieces.push(Content::Call(call)));
        }
        pieces.go_on();
        match event {
            Event::Start(usage) => told = usage,
            Event::Thinking(text) => pieces.thinking(text),
            Event::Sealed(seal) => pieces.sealed(seal),
            Event::Text { text, logprobs } => {
                pieces.text(text);
                chances.extend(logprobs);
            }
            Event::Refusal(text) => pieces.text(text),
            Event::Call { id, name } => {
                call = Some(Call {
                    id,
                    name,
                    arguments: String::new(),
                });
            }
            Event::Arguments(more) => call.as_mut().unwrap().arguments.push_str(&more),
            Event::Usage(usage) => told = Some(usage),
            Event::Finish(reason) => finish = reason,
            Event::End => ended = true,
            Event::Failed(_) => return None,
        }
    }
    ended.then(|| Answer {
        parts: pieces.into_parts(),
        finish,
        usage: told,
        logprobs: chances,
    })
}

#[test]
fn every_request_is_read_or_refused_as_its_name_says_and_can_be_written_again() {
    for (case, body) in cases(".request.json") {
        let read = read_request(&body);
        assert_eq!(read.is_err(), case.starts_with("refused_"), "{case}");
        let Ok(request) = read else { continue };
        for model in ["gemini-2.5-flash", "gemini-3.8-flash"] {
            let target = Target {
                model,
                output_limit: None,
                most_output: 1_000,
            };
            let written = write_request(&request, &target).unwrap();
            let again = read_request(written.as_bytes()).unwrap();
            assert_eq!(
                write_request(&again, &target).unwrap(),
                written,
                "{case} for {model}"
            );
        }
    }
}

#[test]
fn every_stream_says_what_the_whole_answer_says() {
    let wholes = cases(".answer.json");
    let mut compared = 0;
    for (case, stream) in cases(".stream.sse") {
        let streamed = collected(events(&stream));
        let Some((_, whole)) = wholes.iter().find(|(name, _)| *name == case) else {
            continue;
        };
        let whole = read_answer(whole).ok();
        // A stream tells the signature of words behind them, and sent words before it held the rest back.
        if case == "thinking" || case == "filtered" {
            assert_eq!(
                streamed.map(|answer| answer.finish),
                whole.map(|answer| answer.finish)
            );
            continue;
        }
        compared += 1;
        assert_eq!(streamed, whole, "{case}");
    }
    assert!(compared > 5);
}

#[test]
fn a_stream_that_was_cut_or_failed_has_no_end() {
    for (case, stream) in cases(".stream.sse") {
        let ended = matches!(events(&stream).last(), Some(Event::End));
        let failed = ["cut", "error", "error_first", "malformed_call"];
        assert_eq!(ended, !failed.contains(&case.as_str()), "{case}");
    }
}
