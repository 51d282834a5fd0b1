//! The rules of a stream in each dialect, as the official SDKs hold it to them and their references say.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::Dialect;
use crate::gateway::sse::{self, Frame};

/// Panics where a stream breaks a rule of its dialect.
pub(in super::super) fn well_formed(dialect: Dialect, stream: &str) {
    let frames: Vec<(Option<String>, String)> = sse::split(stream.as_bytes())
        .filter_map(|frame| {
            let frame = Frame::read(frame);
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            Some((frame.event.map(text), text(&frame.data?)))
        })
        .collect();
    assert!(
        stream.ends_with("\n\n"),
        "the last frame is whole: {stream}"
    );
    match dialect {
        Dialect::Chat => chat(&frames),
        Dialect::Responses => responses(&frames),
        Dialect::Messages => messages(&frames),
        Dialect::Gemini => gemini(&frames),
    }
}

fn parsed(data: &str) -> Value {
    serde_json::from_str(data).unwrap_or_else(|_| panic!("no JSON: {data}"))
}

/// A role first; calls from 0 on, each begun with id and name; one reason to end; then usage, then `[DONE]`, or an error.
fn chat(frames: &[(Option<String>, String)]) {
    let (last, chunks) = frames.split_last().unwrap();
    let failed = parsed_error(&last.1);
    assert!(failed || last.1 == "[DONE]", "the end: {}", last.1);
    let (mut calls, mut finished, mut role) = (0, 0, false);
    for (_, data) in chunks {
        let chunk = parsed(data);
        assert_eq!(chunk["object"], "chat.completion.chunk", "{data}");
        let Some(choice) = chunk["choices"].get(0) else {
            assert!(
                chunk["usage"].is_object() && finished == 1,
                "usage behind the end: {data}"
            );
            continue;
        };
        assert_eq!(finished, 0, "nothing behind the reason to end: {data}");
        let delta = choice["delta"].as_object().unwrap();
        assert_eq!(
            delta.contains_key("role"),
            !role,
            "a role first, and once: {data}"
        );
        role = true;
        for call in delta
            .get("tool_calls")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let index = call["index"].as_u64().unwrap();
            if call.get("id").is_some() {
                assert_eq!(index, calls, "calls one behind the other: {data}");
                assert!(call["function"]["name"].is_string(), "{data}");
                calls += 1;
            } else {
                assert_eq!(index + 1, calls, "arguments of the last call: {data}");
            }
        }
        finished += u32::from(!choice["finish_reason"].is_null());
    }
    assert_eq!(finished, u32::from(!failed), "one reason to end");
}

fn parsed_error(data: &str) -> bool {
    serde_json::from_str::<Value>(data).is_ok_and(|value| value.get("error").is_some())
}

/// `message_start`; blocks from 0 on, one open at a time, each with deltas of its kind; `message_delta`, `message_stop`.
fn messages(frames: &[(Option<String>, String)]) {
    let mut open: Option<(u64, String)> = None;
    let (mut next, mut stage) = (0, "fresh");
    for (name, data) in frames {
        let event = parsed(data);
        let kind = event["type"].as_str().unwrap();
        assert_eq!(
            name.as_deref(),
            Some(kind),
            "the frame's name is the event's type"
        );
        assert!(stage != "over", "nothing behind the end: {data}");
        match kind {
            "ping" => {}
            "error" => stage = "over",
            "message_start" => {
                assert_eq!(stage, "fresh", "{data}");
                let message = &event["message"];
                assert!(
                    message["usage"]["input_tokens"].is_u64()
                        && message["content"] == Value::Array(Vec::new()),
                    "{data}"
                );
                stage = "started";
            }
            "content_block_start" => {
                assert!(
                    open.is_none() && stage == "started",
                    "one block at a time: {data}"
                );
                assert_eq!(event["index"].as_u64(), Some(next), "{data}");
                let block = event["content_block"]["type"].as_str().unwrap();
                open = Some((next, block.to_owned()));
                next += 1;
            }
            "content_block_delta" => {
                let (index, block) = open
                    .as_ref()
                    .unwrap_or_else(|| panic!("no block is open: {data}"));
                assert_eq!(event["index"].as_u64(), Some(*index), "{data}");
                let fits = match event["delta"]["type"].as_str().unwrap() {
                    "text_delta" => block == "text",
                    "thinking_delta" | "signature_delta" => block == "thinking",
                    "input_json_delta" => block == "tool_use",
                    _ => false,
                };
                assert!(
                    fits,
                    "a delta of another kind in a block of {block}: {data}"
                );
            }
            "content_block_stop" => {
                let (index, _) = open
                    .take()
                    .unwrap_or_else(|| panic!("no block is open: {data}"));
                assert_eq!(event["index"].as_u64(), Some(index), "{data}");
            }
            "message_delta" => {
                assert!(open.is_none() && stage == "started", "{data}");
                assert!(
                    event["delta"]["stop_reason"].is_string()
                        && event["usage"]["output_tokens"].is_u64(),
                    "{data}"
                );
                stage = "told";
            }
            "message_stop" => {
                assert_eq!(stage, "told", "{data}");
                stage = "over";
            }
            _ => panic!("{data}"),
        }
    }
    assert_eq!(stage, "over", "the stream ends");
}

/// Numbered events; items from 0 on, each begun, told and ended as it stands in the last response.
fn responses(frames: &[(Option<String>, String)]) {
    let mut done = BTreeMap::<u64, Value>::new();
    let mut open: Option<(u64, Value)> = None;
    let mut part: Option<(u64, String)> = None;
    let (mut parts, mut over) = (0, false);
    for (number, (name, data)) in (0u64..).zip(frames) {
        let event = parsed(data);
        let kind = event["type"].as_str().unwrap();
        assert_eq!(
            name.as_deref(),
            Some(kind),
            "the frame's name is the event's type"
        );
        assert_eq!(event["sequence_number"].as_u64(), Some(number), "{data}");
        assert!(!over, "nothing behind the end: {data}");
        let index = event["output_index"].as_u64();
        let place = event["content_index"]
            .as_u64()
            .or(event["summary_index"].as_u64());
        match kind {
            "response.created" => assert_eq!(number, 0, "{data}"),
            "response.in_progress" => assert_eq!(number, 1, "{data}"),
            "error" => over = true,
            "response.completed" | "response.incomplete" | "response.failed" => {
                assert!(
                    open.is_none() || kind == "response.failed",
                    "all items are ended: {data}"
                );
                let told = event["response"]["output"].as_array().unwrap();
                let ended: Vec<Value> = std::mem::take(&mut done).into_values().collect();
                if kind == "response.failed" {
                    assert!(event["response"]["error"].is_object(), "{data}");
                } else {
                    assert_eq!(told, &ended, "the response has the items as they ended");
                }
                over = true;
            }
            "response.output_item.added" => {
                assert!(open.is_none(), "one item at a time: {data}");
                assert_eq!(index, Some(u64::try_from(done.len()).unwrap()), "{data}");
                open = Some((index.unwrap(), event["item"].clone()));
                parts = 0;
            }
            "response.output_item.done" => {
                let (at, item) = open
                    .take()
                    .unwrap_or_else(|| panic!("no item is open: {data}"));
                assert!(part.is_none(), "all parts are ended: {data}");
                assert_eq!(index, Some(at), "{data}");
                for name in ["id", "type"] {
                    assert_eq!(
                        event["item"][name], item[name],
                        "an item stays what it is: {data}"
                    );
                }
                done.insert(at, event["item"].clone());
            }
            _ => {
                let (at, item) = open
                    .as_ref()
                    .unwrap_or_else(|| panic!("no item is open: {data}"));
                assert_eq!(index, Some(*at), "{data}");
                assert_eq!(event["item_id"], item["id"], "{data}");
                let of = item["type"].as_str().unwrap();
                let word = kind.strip_prefix("response.").unwrap();
                match word {
                    "content_part.added" | "reasoning_summary_part.added" => {
                        assert!(part.is_none(), "one part at a time: {data}");
                        assert_eq!(place, Some(parts), "{data}");
                        let kind = event["part"]["type"].as_str().unwrap();
                        part = Some((parts, kind.to_owned()));
                        parts += 1;
                    }
                    "content_part.done" | "reasoning_summary_part.done" => {
                        let (at, kind) = part
                            .take()
                            .unwrap_or_else(|| panic!("no part is open: {data}"));
                        assert_eq!(
                            (place, event["part"]["type"].as_str()),
                            (Some(at), Some(kind.as_str())),
                            "{data}"
                        );
                    }
                    "output_text.delta" | "output_text.done" => {
                        in_part(&part, "output_text", place, data)
                    }
                    "refusal.delta" | "refusal.done" => in_part(&part, "refusal", place, data),
                    "reasoning_summary_text.delta" | "reasoning_summary_text.done" => {
                        assert_eq!(of, "reasoning", "{data}");
                        in_part(&part, "summary_text", place, data);
                    }
                    "function_call_arguments.delta" | "function_call_arguments.done" => {
                        assert_eq!(of, "function_call", "{data}");
                    }
                    _ => panic!("{data}"),
                }
            }
        }
    }
    assert!(over, "the stream ends");
}

fn in_part(part: &Option<(u64, String)>, kind: &str, place: Option<u64>, data: &str) {
    let (at, open) = part
        .as_ref()
        .unwrap_or_else(|| panic!("no part is open: {data}"));
    assert_eq!((place, open.as_str()), (Some(*at), kind), "{data}");
}

/// Chunks with parts; the last alone has a reason to end, or is an error.
fn gemini(frames: &[(Option<String>, String)]) {
    let ends = |chunk: &Value| {
        chunk.get("error").is_some() || chunk.pointer("/candidates/0/finishReason").is_some()
    };
    let (last, chunks) = frames.split_last().unwrap();
    assert!(ends(&parsed(&last.1)), "the end: {}", last.1);
    for (_, data) in chunks {
        assert!(!ends(&parsed(data)), "one end: {data}");
    }
    for (_, data) in frames {
        let chunk = parsed(data);
        for part in chunk
            .pointer("/candidates/0/content/parts")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let kinds = ["text", "functionCall", "inlineData"];
            let has = kinds
                .iter()
                .filter(|kind| part.get(**kind).is_some())
                .count();
            assert!(
                has == 1 || (has == 0 && part.get("thoughtSignature").is_some()),
                "a part is one thing: {data}"
            );
            if let Some(call) = part.get("functionCall") {
                assert!(
                    call["name"].is_string() && call["args"].is_object(),
                    "{data}"
                );
            }
        }
    }
}
