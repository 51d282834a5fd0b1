//! What providers and clients of each dialect say: a small answer, an error, a call.

use std::fmt::Write as _;

use real200::gateway::dialect::crossing::Dialect;
use serde_json::{Value, json};

use crate::integration::harness::{KeyClient, Reply, Request, Script};

pub(super) fn kind(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Chat | Dialect::Responses => "openai",
        Dialect::Messages => "anthropic",
        Dialect::Gemini => "gemini",
    }
}

/// A failure as the provider words it.
pub(super) fn boom(dialect: Dialect) -> Value {
    match dialect {
        Dialect::Chat | Dialect::Responses => {
            json!({"error": {"message": "boom", "type": "server_error", "code": null, "param": null}})
        }
        Dialect::Messages => {
            json!({"type": "error", "error": {"type": "overloaded_error", "message": "boom"}})
        }
        Dialect::Gemini => {
            json!({"error": {"code": 503, "message": "boom", "status": "UNAVAILABLE"}})
        }
    }
}

/// A whole answer that says "good" and reports 1000 and 10 tokens.
pub(super) fn good(dialect: Dialect) -> Value {
    match dialect {
        Dialect::Chat | Dialect::Responses => {
            json!({"id": "c", "object": "chat.completion", "created": 1, "model": "m",
                   "choices": [{"index": 0, "message": {"role": "assistant", "content": "good"}, "finish_reason": "stop"}],
                   "usage": {"prompt_tokens": 1000, "completion_tokens": 10, "total_tokens": 1010}})
        }
        Dialect::Messages => {
            json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [{"type": "text", "text": "good"}],
                   "stop_reason": "end_turn", "usage": {"input_tokens": 1000, "output_tokens": 10}})
        }
        Dialect::Gemini => {
            json!({"candidates": [{"content": {"role": "model", "parts": [{"text": "good"}]}, "finishReason": "STOP", "index": 0}],
                   "usageMetadata": {"promptTokenCount": 1000, "candidatesTokenCount": 10}})
        }
    }
}

/// The frames of the same as a stream: what begins it, with "good" in it, and what ends it.
pub(super) fn frames(dialect: Dialect) -> (Vec<Value>, Vec<Value>) {
    match dialect {
        Dialect::Chat | Dialect::Responses => {
            let chunk = |choices: Value, usage: Value| json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices, "usage": usage});
            let delta = |delta: Value, finish: Value| {
                chunk(
                    json!([{"index": 0, "delta": delta, "finish_reason": finish}]),
                    Value::Null,
                )
            };
            (
                vec![delta(
                    json!({"role": "assistant", "content": "good"}),
                    Value::Null,
                )],
                vec![
                    delta(json!({}), "stop".into()),
                    chunk(
                        json!([]),
                        json!({"prompt_tokens": 1000, "completion_tokens": 10, "total_tokens": 1010}),
                    ),
                ],
            )
        }
        Dialect::Messages => (
            vec![
                json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [],
                       "stop_reason": null, "usage": {"input_tokens": 1000, "output_tokens": 1}}}),
                json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
                json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "good"}}),
            ],
            vec![
                json!({"type": "content_block_stop", "index": 0}),
                json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 10}}),
                json!({"type": "message_stop"}),
            ],
        ),
        Dialect::Gemini => {
            let piece = |text: &str| {
                json!({"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}],
                                            "usageMetadata": {"promptTokenCount": 1000, "candidatesTokenCount": 10}})
            };
            let mut last = piece("");
            last["candidates"][0]["finishReason"] = "STOP".into();
            (vec![piece("good")], vec![last])
        }
    }
}

pub(super) fn written(frames: &[Value]) -> String {
    frames.iter().fold(String::new(), |mut text, frame| {
        if let Some(kind) = frame["type"].as_str() {
            writeln!(text, "event: {kind}").unwrap();
        }
        write!(text, "data: {frame}\n\n").unwrap();
        text
    })
}

pub(super) fn stream(dialect: Dialect) -> Script {
    let (begin, end) = frames(dialect);
    let done = if dialect == Dialect::Chat {
        "data: [DONE]\n\n"
    } else {
        ""
    };
    Script::stream()
        .chunk(&(written(&begin) + &written(&end) + done))
        .end()
}

pub(super) fn wants_stream(request: &Request) -> bool {
    request.path.contains(":stream") || request.json()["stream"] == true
}

/// What a client asks, and where.
pub(super) fn ask(client: &KeyClient, dialect: Dialect, model: &str, streamed: bool) -> Reply {
    ask_with(client, dialect, model, streamed, "x")
}

/// The same in these words.
pub(super) fn ask_with(
    client: &KeyClient,
    dialect: Dialect,
    model: &str,
    streamed: bool,
    text: &str,
) -> Reply {
    let turns = json!([{"role": "user", "content": text}]);
    let (path, body) = match dialect {
        Dialect::Chat => (
            "/v1/chat/completions".to_owned(),
            json!({"model": model, "stream": streamed, "messages": turns}),
        ),
        Dialect::Responses => (
            "/v1/responses".to_owned(),
            json!({"model": model, "stream": streamed, "input": turns}),
        ),
        Dialect::Messages => (
            "/v1/messages".to_owned(),
            json!({"model": model, "stream": streamed, "max_tokens": 100, "messages": turns}),
        ),
        Dialect::Gemini => {
            let method = if streamed {
                "streamGenerateContent?alt=sse"
            } else {
                "generateContent"
            };
            (
                format!("/v1beta/models/{model}:{method}"),
                json!({"contents": [{"role": "user", "parts": [{"text": text}]}]}),
            )
        }
    };
    client.post(&path, &body)
}

/// How a stream ends well.
pub(super) fn end(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Chat => "[DONE]",
        Dialect::Responses => "response.completed",
        Dialect::Messages => "message_stop",
        Dialect::Gemini => "\"STOP\"",
    }
}

/// The message of an error that has the shape of the dialect; `None`: it has not.
pub(super) fn told(dialect: Dialect, error: &Value) -> Option<&str> {
    let shaped = match dialect {
        Dialect::Chat | Dialect::Responses => error["error"]["code"].is_string(),
        Dialect::Messages => error["type"] == "error" && error["error"]["type"].is_string(),
        Dialect::Gemini => error["error"]["code"].is_u64() && error["error"]["status"].is_string(),
    };
    error["error"]["message"].as_str().filter(|_| shaped)
}
