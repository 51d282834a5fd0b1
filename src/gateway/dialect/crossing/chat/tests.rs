//! Answers of OpenAI chat: those of `tests/fixtures/openai/` are read as their `.want` says; what is written is read again.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::domain::{Code, Error, Usage};
use crate::gateway::dialect::crossing::answer::{Answer, Event, Finish};
use crate::gateway::dialect::crossing::conversation::{Call, Content, Part, Request, Thinking};
use crate::gateway::dialect::crossing::seal::Seal;
use crate::gateway::dialect::crossing::{Dialect, Head, Unreadable};
use crate::gateway::sse::{self, Frame};

fn providers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/openai")
}

/// The events of a stream.
fn events(stream: &str) -> Vec<Event> {
    let (mut reader, mut events) = (Reader::default(), Vec::new());
    for frame in sse::split(stream.as_bytes()) {
        if let Some(data) = Frame::read(frame).data {
            events.extend(reader.read(&data).unwrap());
        }
    }
    events.extend(reader.end());
    events
}

/// The events of a stream of these deltas, the last with a reason to end.
fn of_deltas(deltas: &[Value], reason: &str) -> Vec<Event> {
    let mut stream = String::new();
    for delta in deltas {
        let chunk = json!({"id": "chatcmpl-1", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]});
        stream.push_str(&format!("data: {chunk}\n\n"));
    }
    events(&format!("{stream}data: [DONE]\n\n"))
}

/// Events in short.
fn short(events: &[Event]) -> Vec<String> {
    events
        .iter()
        .map(|event| match event {
            Event::Start(_) => "start".to_owned(),
            Event::Thinking(words) => format!("thinks {words}"),
            Event::Sealed(seal) => format!("sealed {}", seal.data),
            Event::Text { text, .. } => format!("says {text}"),
            Event::Refusal(words) => format!("refuses {words}"),
            Event::Call { id, name } => format!("calls {name} {id}"),
            Event::Arguments(more) => format!("with {more}"),
            Event::Usage(usage) => format!("used {}", usage.total()),
            Event::Finish(finish) => format!("{finish:?}"),
            Event::End => "end".to_owned(),
            Event::Failed(error) => error.message.clone(),
        })
        .collect()
}

fn head(include_usage: bool) -> Head {
    Head {
        id: "1".to_owned(),
        model: "m".to_owned(),
        created: 7,
        request: Arc::new(Request {
            include_usage,
            ..Request::default()
        }),
        prompt_tokens: 3,
    }
}

/// The data of the frames that these events are written as.
fn frames(include_usage: bool, events: &[Event]) -> Vec<Value> {
    let (mut writer, mut out) = (Writer::new(head(include_usage)), String::new());
    for event in events {
        writer.write(event, &mut out);
    }
    sse::split(out.as_bytes())
        .map(|frame| {
            let data = Frame::read(frame).data.unwrap().into_owned();
            serde_json::from_slice(&data)
                .unwrap_or_else(|_| String::from_utf8(data).unwrap().into())
        })
        .collect()
}

#[test]
fn answers_of_all_providers_are_read() {
    let mut read = 0;
    for entry in fs::read_dir(providers()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if path.extension().is_none_or(|kind| kind != "want") || name.contains('-') {
            continue;
        }
        let want: Vec<u64> = fs::read_to_string(&path)
            .unwrap()
            .split_whitespace()
            .map(|number| number.parse().unwrap())
            .collect();
        let counts = |usage: Usage| {
            vec![
                usage.prompt,
                usage.cached,
                usage.cache_write,
                usage.completion,
                usage.reasoning,
            ]
        };
        let answer = read_answer(&fs::read(path.with_extension("json")).unwrap()).unwrap();
        assert_eq!(answer.usage.map(counts).as_ref(), Some(&want), "{name}");
        assert!(!answer.parts.is_empty(), "{name}");
        assert_eq!(answer.finish, Finish::Stop, "{name}");

        let streamed = events(&fs::read_to_string(path.with_extension("sse")).unwrap());
        let mut used = None;
        for event in &streamed {
            if let Event::Usage(usage) = event {
                used = Some(*usage);
            }
        }
        assert_eq!(used.map(counts), Some(want), "{name}");
        let told = short(&streamed);
        assert_eq!(told.first().map(String::as_str), Some("start"), "{name}");
        assert!(
            told.iter().any(|word| word.starts_with("says ")),
            "{name}: {told:?}"
        );
        assert!(
            told.ends_with(&["Stop".to_owned(), "end".to_owned()]),
            "{name}: {told:?}"
        );
        read += 1;
    }
    assert!(read >= 9, "fixtures are found");
}

#[test]
fn thinking_ends_with_its_seal_where_anything_else_begins() {
    let told = of_deltas(
        &[
            json!({"role": "assistant", "reasoning": "Hm", "reasoning_details": [{"type": "reasoning.text", "text": "Hm", "index": 0}]}),
            json!({"reasoning": ".", "reasoning_details": [{"type": "reasoning.text", "text": ".", "index": 0}]}),
            json!({"reasoning_details": [{"type": "reasoning.text", "signature": "s", "index": 0}]}),
            json!({"content": "So"}),
            json!({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}]}),
            json!({"reasoning_details": [{"type": "reasoning.encrypted", "data": "e", "id": "a"}]}),
        ],
        "",
    );
    assert_eq!(
        short(&told),
        [
            "start",
            "thinks Hm",
            "thinks .",
            r#"sealed [{"type":"reasoning.text","text":"Hm.","index":0,"signature":"s"}]"#,
            "says So",
            "calls f a",
            "with {}",
            r#"sealed [{"type":"reasoning.encrypted","data":"e","id":"a"}]"#,
            "end"
        ]
    );
}

#[test]
fn what_providers_do_differently_is_understood() {
    // Mistral: content in parts. A reason to end in every chunk. Arguments as an object, no id.
    let told = of_deltas(
        &[
            json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}]}),
            json!({"content": [{"type": "text", "text": "So"}]}),
            json!({"tool_calls": [{"function": {"name": "f", "arguments": {"x": 1}}}]}),
        ],
        "stop",
    );
    assert_eq!(
        short(&told),
        [
            "start",
            "thinks Hm.",
            "sealed ",
            "says So",
            "calls f call_chatcmpl1_0",
            "with {\"x\":1}",
            "Calls",
            "end"
        ]
    );
}

#[test]
fn an_error_in_place_of_a_chunk_ends_the_stream() {
    let credential =
        "The provider refuses the gateway's own credential. Your key is fine; tell the operator.";
    for (error, code, words) in [
        (
            json!({"message": "Busy.", "code": 529}),
            Code::NoChannelAvailable,
            "The provider failed: Busy.",
        ),
        (
            json!({"message": "Slow down.", "code": "rate_limit_exceeded"}),
            Code::NoChannelAvailable,
            "The provider failed: Slow down.",
        ),
        (
            json!({"message": "Too long.", "type": "invalid_request_error"}),
            Code::InvalidRequest,
            "The provider failed: Too long.",
        ),
        (
            json!({"message": "Bad key sk-1.", "code": "invalid_api_key", "type": "invalid_request_error"}),
            Code::BadGateway,
            credential,
        ),
        (json!("no"), Code::BadGateway, "The provider failed: no"),
        (
            json!({"code": 1}),
            Code::BadGateway,
            "The provider failed: {\"code\":1}",
        ),
    ] {
        let error = json!({ "error": error });
        let told = events(&format!("data: {error}\n\ndata: [DONE]\n\n"));
        assert_eq!(short(&told), [words]);
        assert!(
            matches!(&told[0], Event::Failed(error) if error.code == code),
            "{told:?}"
        );
        assert_eq!(
            read_answer(error.to_string().as_bytes()),
            Err(Unreadable::Foreign(words.to_owned()))
        );
    }
    for odd in ["", "<html>", "[]", "{}", "7", r#"{"choices":[]}"#] {
        assert!(read_answer(odd.as_bytes()).is_err(), "{odd}");
    }
    assert!(Reader::default().read(b"<html>").is_err());
}

#[test]
fn an_answer_is_read_as_it_was_written() {
    let call = |id: &str| {
        Content::Call(Call {
            id: id.to_owned(),
            name: "f".to_owned(),
            arguments: "{\"x\":1}".to_owned(),
        })
        .into()
    };
    let answer = Answer {
        parts: vec![
            Part::text("So."),
            answer::image_at("data:image/png;base64,AAAA".to_owned()),
            call("a"),
            call("b"),
        ],
        finish: Finish::Calls,
        usage: Some(Usage {
            prompt: 9,
            cached: 4,
            cache_write: 2,
            completion: 5,
            reasoning: 3,
            ..Usage::default()
        }),
        logprobs: Vec::new(),
    };
    assert_eq!(
        read_answer(write_answer(&answer, &head(false)).as_bytes()),
        Ok(answer)
    );
}

#[test]
fn a_seal_goes_back_where_it_stood() {
    let thought = |text: &str, data: &str| {
        Content::Thinking(Thinking {
            text: text.to_owned(),
            seal: Seal::new(Dialect::Gemini, data),
        })
        .into()
    };
    let call = Call {
        id: "a".to_owned(),
        name: "f".to_owned(),
        arguments: "{}".to_owned(),
    };
    let parts = vec![
        thought("First.", "one"),
        Part::text("So."),
        thought("", "two"),
        Content::Call(call.clone()).into(),
    ];
    let answer = Answer {
        parts: parts.clone(),
        finish: Finish::Calls,
        usage: None,
        logprobs: Vec::new(),
    };
    let echoed = |message: &Value| {
        let body = json!({"model": "m", "messages": [message]});
        read_request(body.to_string().as_bytes()).unwrap().messages[0]
            .parts
            .clone()
    };
    let written: Value = serde_json::from_str(&write_answer(&answer, &head(false))).unwrap();
    assert_eq!(echoed(&written["choices"][0]["message"]), parts);

    // Streamed, a client puts the pieces together, or keeps them as they came.
    let sealed = |data: &str| Event::Sealed(Seal::new(Dialect::Gemini, data));
    let chunks = frames(
        false,
        &[
            Event::Thinking("Fir".to_owned()),
            Event::Thinking("st.".to_owned()),
            sealed("one"),
            Event::Text {
                text: "So.".to_owned(),
                logprobs: Vec::new(),
            },
            sealed("two"),
            Event::Call {
                id: call.id.clone(),
                name: call.name.clone(),
            },
            Event::Arguments("{}".to_owned()),
            Event::End,
        ],
    );
    let details: Vec<Value> = chunks
        .iter()
        .flat_map(|chunk| {
            chunk
                .pointer("/choices/0/delta/reasoning_details")
                .and_then(Value::as_array)
                .cloned()
        })
        .flatten()
        .collect();
    let calls =
        json!([{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]);
    let message = json!({"role": "assistant", "content": "So.", "reasoning_content": "First.", "reasoning_details": details, "tool_calls": calls});
    assert_eq!(echoed(&message), parts);
}

#[test]
fn what_ends_a_stream_waits_for_its_end() {
    let usage = |completion| {
        Event::Usage(Usage {
            prompt: 2,
            completion,
            ..Usage::default()
        })
    };
    let written = |include_usage, end| {
        frames(
            include_usage,
            &[
                Event::Start(None),
                Event::Finish(Finish::Length),
                usage(1),
                usage(5),
                end,
                Event::End,
                Event::Text {
                    text: "late".to_owned(),
                    logprobs: Vec::new(),
                },
            ],
        )
    };
    let told = written(true, Event::End);
    assert_eq!(told.len(), 4);
    assert_eq!(told[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(told[1]["choices"][0]["finish_reason"], "length");
    assert_eq!(
        (&told[2]["choices"], &told[2]["usage"]["total_tokens"]),
        (&json!([]), &json!(7))
    );
    assert_eq!(told[3], "[DONE]");
    assert_eq!(written(false, Event::End).len(), 3);
    let failed = written(true, Event::Failed(Error::new(Code::BadGateway, "No.")));
    assert_eq!(
        failed[1],
        json!({"error": {"message": "No.", "type": "api_error", "code": "bad_gateway", "param": null}})
    );
    assert_eq!(failed.len(), 2);
}
