//! The codec against the cases of `tests/fixtures/crossing/messages`: what is read and written again is as it was.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{Reader, Writer, read_answer, read_request, write_answer, write_request};
use crate::gateway::dialect::crossing::answer::Event;
use crate::gateway::dialect::crossing::conversation::Request;
use crate::gateway::dialect::crossing::{Head, Target};
use crate::gateway::sse::{Frame, split};

/// The cases of a kind, with their names.
fn cases(kind: &str) -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/crossing/messages"
    ));
    let mut cases = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if let Some(case) = name.strip_suffix(kind) {
            cases.push((case.to_owned(), fs::read(&path).unwrap()));
        }
    }
    cases.sort();
    assert!(!cases.is_empty(), "no case of {kind}");
    cases
}

fn head() -> Head {
    Head {
        id: "01XFDUDYJgAACzvnptvVoYEL".to_owned(),
        model: "claude-opus-4-6".to_owned(),
        created: 0,
        request: Arc::new(Request::default()),
        prompt_tokens: 25,
    }
}

fn json(text: &[u8]) -> Value {
    serde_json::from_slice(text).unwrap()
}

/// What a request leaves behind on its way, as the tables of the codec have it.
fn as_written(case: &str, mut body: Value) -> Value {
    match case {
        "json_schema_beta" => {
            let format = body.as_object_mut().unwrap().remove("output_format");
            body["output_config"] = json!({ "format": format });
        }
        "multi_turn" | "system_blocks" | "tools" => {
            if case == "tools" {
                body["tools"][1].as_object_mut().unwrap().remove("type");
            }
            if case == "system_blocks" {
                // Opus 4.6 takes no system prompt in between.
                let later = body["messages"].as_array_mut().unwrap().pop().unwrap();
                let block = json!({"type": "text", "text": later["content"]});
                body["system"].as_array_mut().unwrap().push(block);
            }
        }
        // The default, said.
        "thinking" | "thinking_returned" => body["thinking"]["display"] = json!("summarized"),
        _ => {}
    }
    body
}

#[test]
fn requests_are_written_as_they_were_read() {
    for (case, body) in cases(".request.json") {
        let read = read_request(&body);
        if case.starts_with("refused_") {
            assert!(read.unwrap_err().param.is_some(), "{case}");
            continue;
        }
        let request = read.unwrap_or_else(|error| panic!("{case}: {error}"));
        let target = Target {
            model: &request.model,
            output_limit: None,
            most_output: 64_000,
        };
        let written = write_request(&request, &target).unwrap();
        let expected = as_written(&case, json(&body));
        assert_eq!(json(written.as_bytes()), expected, "{case}");
    }
}

/// Without what is about Anthropic's own service.
fn bare(mut message: Value) -> Value {
    let blocks = message["content"].as_array_mut().unwrap();
    blocks.retain(|block| {
        let kind = block["type"].as_str().unwrap();
        !kind.starts_with("server_tool") && !kind.starts_with("web_search")
    });
    for block in blocks {
        block.as_object_mut().unwrap().remove("citations");
    }
    let usage = message["usage"].as_object_mut().unwrap();
    usage.retain(|name, _| name.ends_with("_tokens") || name.ends_with("_details"));
    message
}

#[test]
fn answers_are_written_as_they_were_read() {
    for (case, body) in cases(".answer.json") {
        let read = read_answer(&body);
        if case == "error" {
            assert!(read.is_err());
            continue;
        }
        let answer = read.unwrap_or_else(|error| panic!("{case}: {error}"));
        let written = json(write_answer(&answer, &head()).as_bytes());
        let mut expected = bare(json(&body));
        if case == "refusal" {
            // Why it declined becomes words that any client shows.
            let why = expected["stop_details"]["explanation"].take();
            expected["stop_details"]["category"].take();
            expected["content"] = json!([{"type": "text", "text": why}]);
        }
        assert_eq!(written, expected, "{case}");
    }
}

fn events(stream: &[u8]) -> Vec<Event> {
    let mut reader = Reader::default();
    let mut events = Vec::new();
    for frame in split(stream) {
        events.extend(reader.read(&Frame::read(frame).data.unwrap()).unwrap());
    }
    events.extend(reader.end());
    events
}

fn rewritten(events: &[Event]) -> String {
    let (mut writer, mut out) = (Writer::new(head()), String::new());
    for event in events {
        writer.write(event, &mut out);
    }
    out
}

#[test]
fn streams_are_written_as_they_were_read() {
    for (case, stream) in cases(".stream.sse") {
        let events = events(&stream);
        let written = rewritten(&events);
        let again = self::events(written.as_bytes());
        // Words that decline are text here.
        let events = format!("{events:?}").replace(
            "Refusal(\"This request could enable cyber harm.\")",
            "Text { text: \"This request could enable cyber harm.\", logprobs: [] }",
        );
        if case.starts_with("error") {
            let words = r#""message":"The provider failed: Overloaded"}}"#;
            assert!(written.trim_end().ends_with(words), "{case}");
            assert!(matches!(again.last(), Some(Event::Failed(_))), "{case}");
        } else {
            assert_eq!(format!("{again:?}"), events, "{case}");
        }
    }
}

/// The message that a client makes of a stream.
fn gathered(stream: &str) -> Value {
    let mut message = Value::Null;
    for frame in split(stream.as_bytes()) {
        let told = json(&Frame::read(frame).data.unwrap());
        let index = told["index"]
            .as_u64()
            .map(|index| usize::try_from(index).unwrap());
        match told["type"].as_str().unwrap() {
            "message_start" => message = told["message"].clone(),
            "content_block_start" => {
                let blocks = message["content"].as_array_mut().unwrap();
                blocks.push(told["content_block"].clone());
            }
            "content_block_delta" => {
                let block = &mut message["content"][index.unwrap()];
                let delta = &told["delta"];
                let (from, to) = match delta["type"].as_str().unwrap() {
                    "text_delta" => ("text", "text"),
                    "thinking_delta" => ("thinking", "thinking"),
                    "signature_delta" => ("signature", "signature"),
                    "input_json_delta" => ("partial_json", "written"),
                    other => panic!("{other}"),
                };
                let before = block.get(to).and_then(Value::as_str).unwrap_or_default();
                block[to] = json!(format!("{before}{}", delta[from].as_str().unwrap()));
            }
            "content_block_stop" => {
                let block = message["content"][index.unwrap()].as_object_mut().unwrap();
                if let Some(Value::String(written)) = block.remove("written") {
                    block.insert("input".to_owned(), json(written.as_bytes()));
                }
            }
            "message_delta" => {
                for (name, value) in told["delta"].as_object().unwrap() {
                    message[name] = value.clone();
                }
                message["usage"] = told["usage"].clone();
            }
            "message_stop" => {}
            other => panic!("{other}"),
        }
    }
    message
}

#[test]
fn a_stream_says_what_the_answer_says() {
    let answers = cases(".answer.json");
    let mut compared = 0;
    for (case, stream) in cases(".stream.sse") {
        let Some((_, answer)) = answers.iter().find(|(name, _)| *name == case) else {
            continue;
        };
        // These are cut off at different places, or tell of different calls.
        if ["error", "refusal", "server_tool", "thinking_omitted"].contains(&case.as_str()) {
            continue;
        }
        let events = events(&stream);
        assert_eq!(gathered(&rewritten(&events)), bare(json(answer)), "{case}");
        compared += 1;
    }
    assert!(compared > 5);
}
