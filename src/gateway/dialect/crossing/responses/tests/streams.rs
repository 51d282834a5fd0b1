//! Every stream that is written is held to the rules by which the official SDKs take one in.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::domain::{Code, Error, Usage};
use crate::gateway::dialect::crossing::answer::{Event, TokenLogprob};
use crate::gateway::sse::{self, Frame};

/// The events of a stream.
fn events(stream: &[u8]) -> Vec<Event> {
    let mut reader = Reader::default();
    let mut events = Vec::new();
    for frame in sse::split(stream) {
        if let Some(data) = Frame::read(frame).data {
            events.extend(reader.read(&data).unwrap());
        }
    }
    events.extend(reader.end());
    events
}

pub(super) fn write(events: &[Event]) -> String {
    let (mut writer, mut out) = (Writer::new(head()), String::new());
    for event in events {
        writer.write(event, &mut out);
    }
    out
}

/// The answer that the pieces of a stream make, as they tell it.
fn gathered(events: &[Event]) -> Answer {
    let mut answer = Answer {
        parts: Vec::new(),
        finish: Finish::Stop,
        usage: None,
        logprobs: Vec::new(),
    };
    let mut thought = String::new();
    for event in events {
        let last = answer.parts.last_mut().map(|part| &mut part.content);
        match event {
            Event::Start(_) | Event::End => {}
            Event::Thinking(text) => thought.push_str(text),
            Event::Sealed(seal) => {
                let thinking = Thinking {
                    text: std::mem::take(&mut thought),
                    seal: seal.clone(),
                };
                answer.parts.push(Content::Thinking(thinking).into());
            }
            Event::Text { text, logprobs } => {
                answer.logprobs.extend_from_slice(logprobs);
                match last {
                    Some(Content::Text(words)) => words.push_str(text),
                    _ => answer.parts.push(Part::text(text)),
                }
            }
            Event::Refusal(text) => match last {
                Some(Content::Refusal(words)) => words.push_str(text),
                _ => answer.parts.push(Content::Refusal(text.clone()).into()),
            },
            Event::Call { id, name } => {
                let call = Call {
                    id: id.clone(),
                    name: name.clone(),
                    arguments: String::new(),
                };
                answer.parts.push(Content::Call(call).into());
            }
            Event::Arguments(text) => match last {
                Some(Content::Call(call)) => call.arguments.push_str(text),
                _ => panic!("arguments of no call: {text}"),
            },
            Event::Usage(usage) => answer.usage = Some(*usage),
            Event::Finish(finish) => answer.finish = finish.clone(),
            Event::Failed(error) => panic!("{error}"),
        }
    }
    assert_eq!(thought, "");
    answer
}

/// Without the names of thoughts, which a stream gives anew.
fn nameless(mut answer: Answer) -> Answer {
    for part in &mut answer.parts {
        if let Content::Thinking(thinking) = &mut part.content {
            thinking.seal.id = None;
        }
    }
    answer
}

/// Holds a stream to the rules of the dialect, and gives back its last event.
pub(super) fn well_formed(stream: &str) -> Value {
    let mut items: Vec<Value> = Vec::new();
    let (mut open, mut part): (Option<Value>, Option<Value>) = (None, None);
    let mut last = Value::Null;
    for (number, frame) in sse::split(stream.as_bytes()).enumerate() {
        let frame = Frame::read(frame);
        let event: Value = serde_json::from_slice(&frame.data.unwrap()).unwrap();
        let kind = event["type"].as_str().unwrap().to_owned();
        assert_eq!(frame.event, Some(kind.as_bytes()));
        assert_eq!(event["sequence_number"], number);
        assert!(
            !matches!(
                last["type"].as_str(),
                Some("response.completed" | "response.incomplete" | "error")
            ),
            "{kind} behind the end"
        );
        assert_eq!(number == 0, kind == "response.created");
        if event.get("output_index").is_some() {
            assert_eq!(event["output_index"], items.len(), "{event}");
        }
        if let (Some(id), Some(item)) = (event.get("item_id"), &open) {
            assert_eq!(*id, item["id"]);
        }
        let inner = open.clone().unwrap_or(Value::Null);
        let of = |kind: &str| assert_eq!(inner["type"], *kind, "{event}");
        let text = |part: &Option<Value>| {
            let part = part.as_ref().unwrap();
            part.get("text")
                .or(part.get("refusal"))
                .unwrap()
                .as_str()
                .unwrap()
                .to_owned()
        };
        match kind.as_str() {
            "response.created" | "response.in_progress" => {
                assert_eq!(event["response"]["status"], "in_progress");
                assert_eq!(event["response"]["output"], json!([]));
            }
            "response.output_item.added" => {
                assert!(open.is_none());
                open = Some(event["item"].clone());
            }
            "response.content_part.added" | "response.reasoning_summary_part.added" => {
                of(if kind.contains("summary") {
                    "reasoning"
                } else {
                    "message"
                });
                assert!(part.is_none());
                part = Some(event["part"].clone());
                assert_eq!(text(&part), "");
            }
            "response.output_text.delta"
            | "response.refusal.delta"
            | "response.reasoning_summary_text.delta" => {
                let (wanted, name) = match kind.as_str() {
                    "response.output_text.delta" => ("output_text", "text"),
                    "response.refusal.delta" => ("refusal", "refusal"),
                    _ => ("summary_text", "text"),
                };
                let part = part.as_mut().unwrap();
                assert_eq!(part["type"], wanted);
                let words = format!(
                    "{}{}",
                    part[name].as_str().unwrap(),
                    event["delta"].as_str().unwrap()
                );
                part[name] = json!(words);
                if let Some(logprobs) = event.get("logprobs") {
                    let told = part["logprobs"].as_array_mut().unwrap();
                    told.extend(logprobs.as_array().unwrap().iter().cloned());
                }
            }
            "response.output_text.done" | "response.reasoning_summary_text.done" => {
                assert_eq!(event["text"], text(&part));
            }
            "response.refusal.done" => assert_eq!(event["refusal"], text(&part)),
            "response.content_part.done" => {
                let part = part.take().unwrap();
                assert_eq!(event["part"], part);
                let content = open.as_mut().unwrap()["content"].as_array_mut().unwrap();
                assert_eq!(event["content_index"], content.len());
                content.push(part);
            }
            "response.reasoning_summary_part.done" => {
                let part = part.take().unwrap();
                assert_eq!(event["part"], part);
                open.as_mut().unwrap()["summary"]
                    .as_array_mut()
                    .unwrap()
                    .push(part);
            }
            "response.function_call_arguments.delta" => {
                of("function_call");
                let item = open.as_mut().unwrap();
                let arguments = item["arguments"].as_str().unwrap().to_owned();
                item["arguments"] = json!(arguments + event["delta"].as_str().unwrap());
            }
            "response.function_call_arguments.done" => {
                assert_eq!(event["arguments"], inner["arguments"]);
            }
            "response.output_item.done" => {
                assert!(part.is_none());
                let mut item = open.take().unwrap();
                // What was not known when the item began.
                for late in ["status", "encrypted_content"] {
                    if let Some(value) = event["item"].get(late) {
                        item[late] = value.clone();
                    }
                }
                assert_eq!(event["item"], item);
                assert_ne!(item["status"], "in_progress");
                items.push(item);
            }
            "response.completed" | "response.incomplete" => {
                assert!(open.is_none());
                assert_eq!(
                    kind,
                    format!("response.{}", event["response"]["status"].as_str().unwrap())
                );
                assert_eq!(event["response"]["output"], json!(items));
            }
            "error" => {
                assert!(event["error"]["message"].is_string() && event["message"].is_string())
            }
            _ => panic!("no such event: {kind}"),
        }
        last = event;
    }
    last
}

#[test]
fn a_stream_is_the_same_when_written_and_read_again() {
    for (case, stream) in fixtures(".stream.sse") {
        if case.starts_with("error") {
            continue;
        }
        let told = events(&stream);
        assert!(matches!(told.first(), Some(Event::Start(None))), "{case}");
        assert!(matches!(told.last(), Some(Event::End)), "{case}");
        let out = write(&told);
        let last = well_formed(&out);
        let answer = nameless(gathered(&told));
        assert_eq!(
            nameless(gathered(&events(out.as_bytes()))),
            answer,
            "{case}"
        );
        let whole = read_answer(last["response"].to_string().as_bytes()).unwrap();
        assert_eq!(nameless(whole), answer, "{case}");
        // And what the provider itself says of the whole.
        let provider: Vec<&[u8]> = sse::split(&stream).collect();
        let end = Frame::read(provider.last().unwrap()).data.unwrap();
        let end: Value = serde_json::from_slice(&end).unwrap();
        let whole = read_answer(end["response"].to_string().as_bytes()).unwrap();
        assert_eq!(nameless(whole), answer, "{case}");
    }
}

#[test]
fn pieces_of_calls_that_are_written_side_by_side_are_not_mixed() {
    let told = gathered(&events(&fixture("tool_calls_interleaved.stream.sse")));
    let call = |id: &str, name: &str, arguments: &str| -> Part {
        Content::Call(Call {
            id: id.to_owned(),
            name: name.to_owned(),
            arguments: arguments.to_owned(),
        })
        .into()
    };
    let wanted = [
        call(
            "call_a",
            "get_weather",
            r#"{"location":"Paris","unit":null}"#,
        ),
        call("call_b", "get_time", r#"{"location":"Oslo"}"#),
    ];
    assert_eq!(told.parts, wanted);
    assert_eq!(told.finish, Finish::Calls);
}

#[test]
fn an_error_in_a_stream_is_told_and_ends_it() {
    for (case, code, words) in [
        (
            "error",
            Code::BadGateway,
            "The model failed to generate a response.",
        ),
        (
            "error_event",
            Code::RateLimitExceeded,
            "Rate limit reached for tokens per min.",
        ),
    ] {
        let told = events(&fixture(&format!("{case}.stream.sse")));
        let Some(Event::Failed(error)) = told.last() else {
            panic!("{told:?}")
        };
        assert_eq!((error.code, error.message.as_str()), (code, words));
        let last = well_formed(&write(&told));
        assert_eq!(
            (&last["type"], &last["message"]),
            (&json!("error"), &json!(words))
        );
    }
    let mut reader = Reader::default();
    assert!(reader.read(b"{\"type\":").is_err());
    assert!(reader.read(b"7").unwrap().is_empty());
    let told = reader.read(br#"{"error":{"message":"No."}}"#).unwrap();
    assert!(matches!(&told[..], [Event::Failed(error)] if error.message == "No."));
    assert!(
        reader
            .read(br#"{"type":"response.completed"}"#)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_server_with_fewer_events_is_understood() {
    let read = |frames: &[Value]| {
        let mut reader = Reader::default();
        let told: Vec<Event> = frames
            .iter()
            .flat_map(|frame| reader.read(frame.to_string().as_bytes()).unwrap())
            .collect();
        gathered(&told)
    };
    let message = json!({"type": "message", "content": [{"type": "output_text", "text": "Hi"}]});
    let call = json!({"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"});
    let end = json!({"type": "response.completed", "response": {"status": "completed", "output": [message, call]}});
    let wanted = read(&[
        json!({"type": "response.output_item.added", "item": {"type": "message"}}),
        json!({"type": "response.output_text.delta", "delta": "Hi"}),
        json!({"type": "response.output_item.added", "item": {"type": "function_call", "call_id": "a", "name": "f"}}),
        json!({"type": "response.function_call_arguments.delta", "delta": "{}"}),
        end.clone(),
    ]);
    assert_eq!(wanted.parts.len(), 2);
    assert_eq!(wanted.finish, Finish::Calls);
    // Only done items, and only the end.
    let done = |at: u64, item: &Value| json!({"type": "response.output_item.done", "output_index": at, "item": item});
    assert_eq!(
        read(&[done(0, &message), done(1, &call), end.clone()]),
        wanted
    );
    assert_eq!(read(&[end]), wanted);
}

fn any_event() -> impl Strategy<Value = Event> {
    let text = || prop::sample::select(vec!["", "a", "é\n", "{\"x\":"]).prop_map(str::to_owned);
    let logprob = TokenLogprob {
        token: "a".to_owned(),
        logprob: (-1).into(),
        top: vec![("b".to_owned(), (-2).into())],
    };
    let finish = vec![
        Finish::Stop,
        Finish::Calls,
        Finish::Length,
        Finish::Filtered,
    ];
    prop_oneof![
        1 => Just(()).prop_map(|()| Event::Start(None)),
        4 => text().prop_map(Event::Thinking),
        2 => text().prop_map(|data| Event::Sealed(Seal::new(Dialect::Gemini, data))),
        4 => (text(), 0usize..3).prop_map(move |(text, n)| Event::Text { text, logprobs: vec![logprob.clone(); n] }),
        2 => text().prop_map(Event::Refusal),
        4 => (prop::sample::select(vec!["", "a", "b"]), text()).prop_map(|(id, name)| Event::Call { id: id.to_owned(), name }),
        4 => text().prop_map(Event::Arguments),
        1 => (0u64..9).prop_map(|prompt| Event::Usage(Usage { prompt, ..Usage::default() })),
        1 => prop::sample::select(finish).prop_map(Event::Finish),
    ]
}

fn any_end() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(()).prop_map(|()| Event::End),
        Just(()).prop_map(|()| Event::Failed(Error::new(Code::BadGateway, "It broke off."))),
    ]
}

proptest! {
    #[test]
    fn whatever_comes_in_whatever_order_a_stream_is_well_formed(
        mut told in prop::collection::vec(any_event(), 0..30),
        ends in prop::collection::vec(any_end(), 1..3),
    ) {
        let mut used = None;
        for event in &told {
            if let Event::Usage(usage) = event {
                used = Some(usage.prompt);
            }
        }
        told.extend(ends);
        let last = well_formed(&write(&told));
        if last["type"] != "error" {
            prop_assert_eq!(last["response"]["usage"]["input_tokens"].as_u64(), used);
            let mut ids: Vec<&str> = last["response"]["output"].as_array().unwrap().iter()
                .filter_map(|item| item["call_id"].as_str()).collect();
            let all = ids.len();
            ids.sort_unstable();
            ids.dedup();
            prop_assert_eq!(ids.len(), all);
            prop_assert!(!ids.contains(&""));
        }
    }
}
