//! The echo in the Gemini dialect.

use std::collections::VecDeque;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::prompt::Echo;
use super::{embed, spaced};

fn chunk(echo: &Echo, part: &Value, finish: Option<&str>, output: usize) -> Value {
    let mut candidate = json!({"content": {"role": "model", "parts": [part]}, "index": 0});
    if let (Some(finish), Some(fields)) = (finish, candidate.as_object_mut()) {
        fields.insert("finishReason".to_owned(), finish.into());
    }
    json!({
        "candidates": [candidate], "modelVersion": echo.model, "responseId": echo.id,
        "usageMetadata": {"promptTokenCount": echo.prompt_tokens, "candidatesTokenCount": output, "totalTokenCount": echo.prompt_tokens + output},
    })
}

fn call(echo: &Echo, name: &str) -> Value {
    json!({"functionCall": {"name": name, "args": {"text": echo.text()}}})
}

fn finish(echo: &Echo) -> &'static str {
    if echo.cut { "MAX_TOKENS" } else { "STOP" }
}

/// The whole answer.
pub(super) fn answer(echo: &Echo) -> Value {
    let part = match &echo.tool {
        Some(name) => call(echo, name),
        None => json!({"text": echo.text()}),
    };
    chunk(echo, &part, Some(finish(echo)), echo.words.len())
}

/// The answer as a stream: each word by itself, the last with the reason of its end.
pub(super) fn chunks(echo: &Echo) -> VecDeque<Bytes> {
    if echo.tool.is_some() || echo.words.is_empty() {
        return VecDeque::from([frame(&answer(echo))]);
    }
    let last = echo.words.len();
    let words = echo.words.iter().enumerate();
    let piece = |(place, word): (usize, &String)| {
        let finish = (place + 1 == last).then(|| finish(echo));
        frame(&chunk(
            echo,
            &json!({"text": spaced(place, word)}),
            finish,
            place + 1,
        ))
    };
    words.map(piece).collect()
}

fn frame(chunk: &Value) -> Bytes {
    Bytes::from(format!("data: {chunk}\n\n"))
}

/// The embeddings of the contents of several requests.
pub(super) fn embeddings(body: &Map<String, Value>) -> Value {
    let requests = body.get("requests").and_then(Value::as_array);
    let requests = requests.into_iter().flatten().filter_map(Value::as_object);
    json!({"embeddings": requests.map(embedding).collect::<Vec<_>>()})
}

/// The embedding of a content's text.
pub(super) fn embedding(body: &Map<String, Value>) -> Value {
    let parts = body.get("content").and_then(|content| content.get("parts"));
    let texts = parts.and_then(Value::as_array).into_iter().flatten();
    let text: Vec<&str> = texts
        .filter_map(|part| part.get("text")?.as_str())
        .collect();
    json!({"values": embed::of_text(&text.join(" "))})
}
