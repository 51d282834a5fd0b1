//! The echo says what the gateway's own readers understand, in every dialect.

use std::time::Duration;

use super::*;
use crate::domain::{Timestamp, Usage};
use crate::gateway::dialect::{Written, read_answer, read_frame};
use crate::state::Timeouts;

fn ask(endpoint: Endpoint, body: &Value) -> (Value, Vec<Bytes>) {
    let second = Duration::from_secs(1);
    let timeouts = Timeouts {
        connect: second,
        first_byte: second,
        idle: second,
    };
    let outgoing = Outgoing {
        endpoint,
        model: "echo",
        stream: body.get("stream").and_then(Value::as_bool).unwrap_or(false),
        batch: body.get("requests").is_some(),
        body: &Bytes::from(body.to_string()),
        upload: None,
        headers: &[],
        timeouts,
        now: Timestamp::default(),
    };
    let Body::Made(pieces) = answer(&outgoing).body else {
        panic!("made here")
    };
    let pieces: Vec<Bytes> = pieces.into();
    (
        serde_json::from_slice(&pieces[0]).unwrap_or_default(),
        pieces,
    )
}

fn used(prompt: u64, completion: u64) -> Usage {
    Usage {
        prompt,
        completion,
        ..Usage::default()
    }
}

#[test]
fn it_answers_with_the_words_of_the_last_prompt() {
    let body = json!({"model": "echo", "messages": [
        {"role": "system", "content": "Be brief."}, {"role": "user", "content": "no"}, {"role": "assistant", "content": "no"},
        {"role": "user", "content": [{"type": "text", "text": "Hello  there"}]},
    ]});
    let (chat, pieces) = ask(Endpoint::Chat, &body);
    assert_eq!(chat["choices"][0]["message"]["content"], "Hello there");
    assert_eq!(chat["choices"][0]["finish_reason"], "stop");
    assert_eq!(
        read_answer(Endpoint::Chat, &pieces[0]).unwrap().used(),
        Some(used(6, 2))
    );
    let (completion, _) = ask(
        Endpoint::Completions,
        &json!({"model": "echo", "prompt": "one two", "n": 2}),
    );
    assert_eq!(completion["choices"][1]["text"], "one two");
    let (response, pieces) = ask(
        Endpoint::Responses,
        &json!({"model": "echo", "input": "one two three"}),
    );
    assert_eq!(response["output"][0]["content"][0]["text"], "one two three");
    assert_eq!(
        read_answer(Endpoint::Responses, &pieces[0]).unwrap().used(),
        Some(used(3, 3))
    );
}

#[test]
fn it_stops_at_the_limit_and_calls_the_tool_it_must() {
    let (chat, _) = ask(
        Endpoint::Chat,
        &json!({"messages": [{"role": "user", "content": "a b c"}], "max_tokens": 2}),
    );
    assert_eq!(
        (
            &chat["choices"][0]["message"]["content"],
            &chat["choices"][0]["finish_reason"]
        ),
        (&json!("a b"), &json!("length"))
    );
    let tools = json!([{"type": "function", "function": {"name": "look_up", "parameters": {}}}]);
    let (chat, _) = ask(
        Endpoint::Chat,
        &json!({"messages": [{"role": "user", "content": "a b"}], "tools": tools, "tool_choice": "required"}),
    );
    let call = &chat["choices"][0]["message"]["tool_calls"][0]["function"];
    assert_eq!(
        (&call["name"], &call["arguments"]),
        (&json!("look_up"), &json!("{\"text\":\"a b\"}"))
    );
    let (response, _) = ask(
        Endpoint::Responses,
        &json!({"input": "a b c", "max_output_tokens": 1}),
    );
    assert_eq!(
        response["incomplete_details"]["reason"],
        "max_output_tokens"
    );
}

#[test]
fn its_streams_are_read_like_those_of_a_provider() {
    for (endpoint, body) in [
        (
            Endpoint::Chat,
            json!({"stream": true, "stream_options": {"include_usage": true}, "messages": [{"role": "user", "content": "a b c"}]}),
        ),
        (
            Endpoint::Completions,
            json!({"stream": true, "stream_options": {"include_usage": true}, "prompt": "a b c"}),
        ),
        (
            Endpoint::Responses,
            json!({"stream": true, "input": "a b c"}),
        ),
    ] {
        let (_, frames) = ask(endpoint, &body);
        let mut written = Written::default();
        let seen: Vec<_> = frames
            .iter()
            .map(|frame| read_frame(endpoint, frame, &mut written))
            .collect();
        assert_eq!(written.text().0, "a b c", "{endpoint:?}");
        assert_eq!(
            seen.iter().find_map(|seen| seen.usage.as_ref()?.usage()),
            Some(used(3, 3)),
            "{endpoint:?}"
        );
        assert!(seen.last().unwrap().terminal, "{endpoint:?}");
        assert_eq!(
            seen.iter().filter(|seen| seen.content).count(),
            3,
            "{endpoint:?}: word by word"
        );
    }
}

#[test]
fn it_embeds_each_text() {
    let (list, _) = ask(
        Endpoint::Embeddings,
        &json!({"model": "echo", "input": ["a b", "c"], "dimensions": 8}),
    );
    assert_eq!(
        (
            list["data"].as_array().unwrap().len(),
            list["data"][1]["embedding"].as_array().unwrap().len()
        ),
        (2, 8)
    );
    assert_eq!(list["usage"]["prompt_tokens"], 3);
}
