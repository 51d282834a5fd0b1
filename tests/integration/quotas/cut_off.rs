//! A stream that goes on beyond what is set aside for it is ended as its output limit would end it.

use serde_json::{Value, json};

use super::{client, key_balance, price};
use crate::integration::harness::{
    Gate, Reply, Script, TestGateway, Upstream, eventually, streamed_chat,
};

/// A token each.
const WORD: &str = " ledger";

fn start(upstream: &Upstream) -> TestGateway {
    let gateway = TestGateway::start();
    gateway.channel(upstream, &["gpt-4o"]);
    price(&gateway, "gpt-4o", 1.0, 1.0);
    gateway
}

/// The words that reached the client, in any dialect.
fn words(answer: &Reply) -> usize {
    answer.body.matches(&format!("\"{WORD}\"")).count()
}

/// The call as it was written down: whole, counted here, and at what was set aside.
#[track_caller]
fn assert_cut_off(gateway: &TestGateway, answer: &Reply, tokens: u64) {
    assert_eq!(answer.status, 200);
    let call = eventually("the call", || gateway.admin().calls().into_iter().next());
    assert_eq!(
        (&call["status"], &call["http_status"], &call["error_code"]),
        (&json!("ok"), &json!(200), &Value::Null)
    );
    assert_eq!(
        (&call["usage"]["estimated"], &call["usage"]["total_tokens"]),
        (&json!(true), &json!(tokens))
    );
    assert_eq!(call["over_reservation"], false);
    let written = call["usage"]["completion_tokens"].as_u64().unwrap();
    assert_eq!(words(answer) as u64, written, "{}", answer.body);
}

/// What the body's bound is, with its output limit.
fn reserved(body: &Value, limit: u64) -> u64 {
    body.to_string().len() as u64 + limit
}

#[test]
fn a_chat_ends_with_finish_reason_length_and_the_usage_that_was_asked_for() {
    for asks in [false, true] {
        let gate = Gate::default();
        let held = gate.clone();
        let upstream = Upstream::start(move |_| {
            let endless = (0..2_000).fold(Script::stream(), |script, _| script.word(WORD));
            endless.wait(&held).word("more")
        });
        let gateway = start(&upstream);
        let client = client(&gateway, &json!({"total_tokens": 1_000}));
        let mut body = streamed_chat("gpt-4o", "x");
        body["max_tokens"] = json!(100);
        if asks {
            body["stream_options"] = json!({"include_usage": true});
        }
        let answer = client.chat(&body);
        assert_cut_off(&gateway, &answer, reserved(&body, 100));
        let frames = answer.frames();
        assert_eq!(frames.last(), Some(&"[DONE]"));
        let frame = |from_end: usize| -> Value {
            serde_json::from_str(frames[frames.len() - from_end]).unwrap()
        };
        let last = if asks { frame(3) } else { frame(2) };
        assert_eq!(
            (&last["id"], &last["choices"][0]["finish_reason"]),
            (&json!("chatcmpl-1"), &json!("length"))
        );
        if asks {
            assert_eq!(frame(2)["usage"]["total_tokens"], reserved(&body, 100));
        }
        assert_eq!(
            key_balance(&client, "used/total/tokens"),
            reserved(&body, 100)
        );
        gate.open();
        eventually("the upstream's hang-up", || {
            (upstream.hung_up() == 1).then_some(())
        });
    }
}

#[test]
fn completions_and_responses_end_in_their_own_way() {
    let upstream = Upstream::start(move |request| {
        (0..2_000).fold(Script::stream(), |script, number| {
            if request.path.ends_with("/responses") {
                let event = if number == 0 {
                    json!({"type": "response.created", "sequence_number": 0, "response": {"id": "resp_1", "object": "response", "status": "in_progress", "model": "gpt-4o", "output": []}})
                } else {
                    json!({"type": "response.output_text.delta", "sequence_number": number, "item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": WORD})
                };
                let kind = event["type"].as_str().unwrap();
                script.chunk(&format!("event: {kind}\ndata: {event}\n\n"))
            } else {
                script.frame(&json!({"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "gpt-4o", "choices": [{"index": 0, "text": WORD, "finish_reason": null}]}))
            }
        }).end()
    });
    let gateway = start(&upstream);
    let completion = json!({"model": "gpt-4o", "prompt": "x", "stream": true, "max_tokens": 100});
    let answer =
        client(&gateway, &json!({"total_tokens": 1_000})).post("/v1/completions", &completion);
    assert_cut_off(&gateway, &answer, reserved(&completion, 100));
    let frames = answer.frames();
    let last: Value = serde_json::from_str(frames[frames.len() - 2]).unwrap();
    assert_eq!(
        (
            frames.last(),
            &last["choices"][0]["finish_reason"],
            &last["id"]
        ),
        (Some(&"[DONE]"), &json!("length"), &json!("cmpl-1"))
    );

    let response =
        json!({"model": "gpt-4o", "input": "x", "stream": true, "max_output_tokens": 100});
    let answer = client(&gateway, &json!({"total_tokens": 1_000})).post("/v1/responses", &response);
    assert_cut_off(&gateway, &answer, reserved(&response, 100));
    let last: Value = serde_json::from_str(answer.frames().last().unwrap()).unwrap();
    assert_eq!(last["type"], "response.incomplete");
    assert_eq!(
        (
            &last["response"]["id"],
            &last["response"]["incomplete_details"]["reason"]
        ),
        (&json!("resp_1"), &json!("max_output_tokens"))
    );
    let text = last["response"]["output"][0]["content"][0]["text"]
        .as_str()
        .unwrap();
    assert_eq!(text, WORD.repeat(words(&answer)));
}

#[test]
fn a_money_quota_cuts_off_too_and_a_key_without_quota_is_left_alone() {
    let upstream = Upstream::start(move |_| {
        let long = (0..2_000).fold(Script::stream(), |script, _| script.word(WORD));
        long.usage(10, 2_000).done()
    });
    let gateway = start(&upstream);
    let mut body = streamed_chat("gpt-4o", "x");
    body["max_tokens"] = json!(100);
    let capped = client(&gateway, &json!({"daily_usd": 1}));
    assert_cut_off(&gateway, &capped.chat(&body), reserved(&body, 100));

    let free = client(&gateway, &json!({"daily_requests": 5}));
    let answer = free.chat(&body);
    assert_eq!(
        (words(&answer), answer.frames().last()),
        (2_000, Some(&"[DONE]"))
    );
    assert!(!answer.body.contains("\"length\""));
    let call = eventually("the call", || {
        gateway
            .admin()
            .calls()
            .into_iter()
            .find(|call| call["usage"]["total_tokens"] == 2_010)
    });
    // The provider wrote more than it was told to: that is on the record.
    assert_eq!(
        (&call["usage"]["estimated"], &call["over_reservation"]),
        (&json!(false), &json!(true))
    );
}

#[test]
fn a_provider_that_follows_its_limit_is_never_cut_off() {
    let upstream = Upstream::start(move |request| {
        let limit = request.json()["max_tokens"].as_u64().unwrap();
        let all = (0..limit).fold(Script::stream(), |script, _| script.word(WORD));
        let end = json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
        all.frame(&end).usage(9, limit).done()
    });
    let gateway = start(&upstream);
    let client = client(&gateway, &json!({"total_tokens": 1_200}));
    // No limit of the client's: it is lowered to what fits, and all of it is used.
    let answer = client.chat(&streamed_chat("gpt-4o", "x"));
    let told: usize = answer
        .header("x-real200-max-output-tokens")
        .unwrap()
        .parse()
        .unwrap();
    assert!(told > 1_100 && words(&answer) == told, "{told}");
    assert!(answer.body.contains("\"stop\"") && !answer.body.contains("\"length\""));
    let call = eventually("the call", || gateway.admin().calls().into_iter().next());
    assert_eq!(
        (
            &call["usage"]["estimated"],
            &call["usage"]["completion_tokens"]
        ),
        (&json!(false), &json!(told))
    );
}
