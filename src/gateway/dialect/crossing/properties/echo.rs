//! What a client sends back of an answer: its SDK's message, put behind a question.

use serde_json::{Map, Value, json};

use super::super::Dialect;
use crate::gateway::sse::{self, Frame};

/// The next request of a client that got this answer whole.
pub(super) fn whole(client: Dialect, answer: &str) -> String {
    let answer: Value = serde_json::from_str(answer).unwrap();
    request(
        client,
        match client {
            Dialect::Chat => answer["choices"][0]["message"].clone(),
            Dialect::Responses => answer["output"].clone(),
            Dialect::Messages => json!({"role": "assistant", "content": answer["content"]}),
            Dialect::Gemini => answer["candidates"][0]["content"].clone(),
        },
    )
}

/// The next request of a client that put this stream together as the official SDKs do.
pub(super) fn streamed(client: Dialect, stream: &str) -> String {
    let data: Vec<Value> = sse::split(stream.as_bytes())
        .filter_map(|frame| serde_json::from_slice(&Frame::read(frame).data?).ok())
        .collect();
    request(
        client,
        match client {
            Dialect::Chat => chat(&data),
            Dialect::Responses => data.last().unwrap()["response"]["output"].clone(),
            Dialect::Messages => messages(&data),
            Dialect::Gemini => gemini(&data),
        },
    )
}

fn request(client: Dialect, said: Value) -> String {
    match client {
        Dialect::Chat => json!({"model": "m", "messages": [{"role": "user", "content": "?"}, said]}),
        Dialect::Responses => {
            let mut input = vec![json!({"role": "user", "content": "?"})];
            input.extend(said.as_array().unwrap().clone());
            json!({"model": "m", "input": input})
        }
        Dialect::Messages => {
            json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "?"}, said]})
        }
        Dialect::Gemini => json!({"contents": [{"role": "user", "parts": [{"text": "?"}]}, said]}),
    }
    .to_string()
}

/// As `accumulate_delta` of OpenAI's SDK: texts are joined, elements of a list by their index.
fn chat(chunks: &[Value]) -> Value {
    let mut message = Map::new();
    for delta in chunks
        .iter()
        .filter_map(|chunk| chunk.pointer("/choices/0/delta")?.as_object())
    {
        accumulate(&mut message, delta);
    }
    message.retain(|_, value| !value.is_null());
    message.into()
}

fn accumulate(whole: &mut Map<String, Value>, delta: &Map<String, Value>) {
    for (name, more) in delta {
        match (whole.get_mut(name), more) {
            (Some(Value::String(text)), Value::String(more)) if name != "type" => {
                text.push_str(more)
            }
            (Some(Value::Object(object)), Value::Object(more)) => accumulate(object, more),
            (Some(Value::Array(list)), Value::Array(more)) => {
                for entry in more {
                    let same = list
                        .iter_mut()
                        .find(|known| known["index"] == entry["index"]);
                    match same {
                        Some(known) => {
                            accumulate(known.as_object_mut().unwrap(), entry.as_object().unwrap())
                        }
                        None => list.push(entry.clone()),
                    }
                }
            }
            (_, more) => {
                whole.insert(name.clone(), more.clone());
            }
        }
    }
}

/// As `accumulate_event` of Anthropic's SDK.
fn messages(events: &[Value]) -> Value {
    let (mut blocks, mut inputs) = (Vec::<Value>::new(), Vec::<String>::new());
    for event in events {
        match event["type"].as_str().unwrap() {
            "content_block_start" => {
                blocks.push(event["content_block"].clone());
                inputs.push(String::new());
            }
            "content_block_delta" => {
                let at = usize::try_from(event["index"].as_u64().unwrap()).unwrap();
                let delta = &event["delta"];
                let (name, more) = match delta["type"].as_str().unwrap() {
                    "text_delta" => ("text", &delta["text"]),
                    "thinking_delta" => ("thinking", &delta["thinking"]),
                    "signature_delta" => ("signature", &delta["signature"]),
                    "input_json_delta" => {
                        inputs[at].push_str(delta["partial_json"].as_str().unwrap());
                        continue;
                    }
                    other => panic!("{other}"),
                };
                let before = match name {
                    "signature" => "",
                    name => blocks[at][name].as_str().unwrap(),
                };
                blocks[at][name] = format!("{before}{}", more.as_str().unwrap()).into();
            }
            _ => {}
        }
    }
    for (block, input) in blocks.iter_mut().zip(inputs) {
        if !input.is_empty() {
            block["input"] = serde_json::from_str(&input).unwrap();
        }
    }
    json!({"role": "assistant", "content": blocks})
}

/// The parts of all chunks, as they came: so the chats of Google's SDK keep them.
fn gemini(chunks: &[Value]) -> Value {
    let parts: Vec<Value> = chunks
        .iter()
        .filter_map(|chunk| {
            chunk
                .pointer("/candidates/0/content/parts")?
                .as_array()
                .cloned()
        })
        .flatten()
        .collect();
    json!({"role": "model", "parts": parts})
}
