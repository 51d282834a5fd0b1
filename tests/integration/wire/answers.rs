//! What a provider says, in bytes: right bodies for a mark, and heads and framings for them.

use serde_json::{Value, json};

use super::super::harness::{Arrived, Mark, Piece};

/// What a right answer to a mark says, in all.
pub(super) fn words(mark: Mark) -> String {
    format!("said to {mark} and to nobody else")
}

/// The body of a right answer: JSON, or a stream of events.
pub(super) fn body(arrived: &Arrived) -> String {
    if arrived.stream {
        events(arrived.mark)
            .iter()
            .map(|event| format!("data: {event}\n\n"))
            .collect()
    } else {
        whole(arrived.mark).to_string()
    }
}

/// A whole chat completion.
pub(super) fn whole(mark: Mark) -> Value {
    json!({
        "id": format!("chatcmpl-{mark}"), "object": "chat.completion", "created": 1, "model": "upstream-model",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": words(mark)}, "finish_reason": "stop"}],
        "usage": usage(mark),
    })
}

fn usage(mark: Mark) -> Value {
    let tokens = mark.tokens();
    json!({"prompt_tokens": tokens, "completion_tokens": 7, "total_tokens": tokens + 7})
}

/// The events of a streamed one, the last of them `[DONE]`.
pub(super) fn events(mark: Mark) -> Vec<String> {
    let chunk = |choices: Value, usage: Value| {
        json!({
            "id": format!("chatcmpl-{mark}"), "object": "chat.completion.chunk", "created": 1, "model": "upstream-model",
            "choices": choices, "usage": usage,
        })
        .to_string()
    };
    let said = words(mark);
    let (first, second) = said.split_at(30);
    let delta =
        |delta: Value, end: Value| json!([{"index": 0, "delta": delta, "finish_reason": end}]);
    vec![
        chunk(
            delta(json!({"role": "assistant", "content": first}), Value::Null),
            Value::Null,
        ),
        chunk(delta(json!({"content": second}), Value::Null), Value::Null),
        chunk(delta(json!({}), json!("stop")), Value::Null),
        chunk(json!([]), usage(mark)),
        "[DONE]".to_owned(),
    ]
}

/// An error in the provider's words.
pub(super) fn error(mark: Mark) -> String {
    json!({"error": {"message": format!("not for {mark}"), "type": "invalid_request_error"}})
        .to_string()
}

pub(super) fn kind(arrived: &Arrived) -> &'static str {
    if arrived.stream {
        "text/event-stream"
    } else {
        "application/json"
    }
}

/// A head of HTTP/1.1 with these headers behind the content type; each ends in CRLF.
pub(super) fn head(arrived: &Arrived, headers: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {}\r\n{headers}\r\n",
        kind(arrived)
    )
}

/// Any body with its length in the head.
pub(super) fn sized(arrived: &Arrived, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = format!("{headers}content-length: {}\r\n", body.len());
    let mut answer = head(arrived, &length).into_bytes();
    answer.extend(body);
    answer
}

/// Any body in one chunk.
pub(super) fn chunked(body: &[u8]) -> Vec<u8> {
    let mut framed = format!("{:x}\r\n", body.len()).into_bytes();
    framed.extend(body);
    framed.extend(b"\r\n0\r\n\r\n");
    framed
}

/// A right answer, framed as most do.
pub(super) fn good(arrived: &Arrived) -> Vec<u8> {
    if arrived.stream {
        let mut answer = head(arrived, "transfer-encoding: chunked\r\n").into_bytes();
        for event in events(arrived.mark) {
            let frame = format!("data: {event}\n\n");
            answer.extend(format!("{:x}\r\n{frame}\r\n", frame.len()).as_bytes());
        }
        answer.extend(b"0\r\n\r\n");
        answer
    } else {
        sized(arrived, "", body(arrived).as_bytes())
    }
}

/// A refusal with this status, in the provider's words.
pub(super) fn refusal(arrived: &Arrived, status: u16) -> Vec<u8> {
    let error = error(arrived.mark);
    let length = error.len();
    format!(
        "HTTP/1.1 {status} No\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{error}"
    )
    .into_bytes()
}

pub(super) fn send(bytes: impl AsRef<[u8]>) -> Vec<Piece> {
    vec![Piece::send(bytes)]
}

/// These bytes, and then the connection's end.
pub(super) fn then_close(bytes: impl AsRef<[u8]>) -> Vec<Piece> {
    vec![Piece::send(bytes), Piece::Close]
}
