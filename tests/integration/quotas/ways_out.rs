//! A reservation is given back on every way out, and what is booked is what was used.

use std::io::BufRead;
use std::io::BufReader;
use std::time::Duration;

use serde_json::{Value, json};

use super::{client, key_balance, price};
use crate::integration::harness::{
    Gate, KeyClient, Script, TestGateway, Upstream, chat, eventually, streamed_chat,
};

const TOTAL: u64 = 1_000_000_000_000;

/// A gateway, and a client of it with a dollar, whose calls of `m` go to `upstreams` in this order.
fn with_a_dollar(upstreams: &[&Upstream]) -> (TestGateway, KeyClient) {
    let gateway = TestGateway::with(real200::clock::Clock::system(), |config| {
        config.upstream.first_byte_timeout_ms = 1_000;
        config.upstream.idle_timeout_ms = 1_000;
    });
    for (place, upstream) in upstreams.iter().enumerate() {
        let channel = gateway.channel(upstream, &["m"]);
        let path = format!("/api/channels/{}", channel["id"].as_str().unwrap());
        let priority = json!({"priority": 10 - i64::try_from(place).unwrap()});
        gateway.admin().patch(&path, &priority).expect(200);
    }
    price(&gateway, "m", 1.0, 2.0);
    let client = client(&gateway, &json!({"total_usd": 1}));
    (gateway, client)
}

/// Nothing is set aside, and exactly this is booked, in picodollars.
#[track_caller]
fn assert_booked(gateway: &TestGateway, client: &KeyClient, cost: u64) {
    gateway.assert_nothing_reserved();
    assert_eq!(key_balance(client, "used/total/usd"), cost);
    assert_eq!(key_balance(client, "remaining/total/usd"), TOTAL - cost);
}

#[test]
fn a_call_that_comes_to_nothing_gives_all_of_it_back() {
    let gate = Gate::default();
    let held = gate.clone();
    let failing = Upstream::start(move |request| {
        let how = request.json()["user"].as_str().unwrap().to_owned();
        match how.as_str() {
            "fails" => Script::json(500, &json!({"error": {"message": "no"}})),
            "rejects" => Script::json(400, &json!({"error": {"message": "you"}})),
            "limits" => Script::json(429, &json!({"error": {"message": "slow"}})),
            "breaks off" => Script::default()
                .send("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{")
                .cut(),
            "is no json" => Script::default()
                .send("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 6\r\n\r\n<html>"),
            "hangs up" => Script::default().cut(),
            "is silent" => Script::default().wait(&held),
            other => panic!("{other}"),
        }
    });
    let (gateway, client) = with_a_dollar(&[&failing]);
    for (how, status) in [
        ("fails", 502),
        ("rejects", 400),
        ("limits", 429),
        ("breaks off", 502),
        ("is no json", 502),
        ("hangs up", 502),
        ("is silent", 504),
    ] {
        let ask = |how: &str| {
            let mut body = chat("m", "x");
            body["user"] = json!(how);
            client.chat(&body).status
        };
        assert_eq!(ask(how), status, "{how}");
        assert_booked(&gateway, &client, 0);
        // What the client got wrong says that the channel is there: it stays in the pool.
        for _ in 0..3 {
            assert_eq!(ask("rejects"), 400);
        }
    }
    gate.open();
}

#[test]
fn after_a_failover_the_one_that_answered_is_paid_and_nobody_else() {
    let (dead, broken) = (
        Upstream::dead(),
        Upstream::start(|_| Script::json(503, &json!({}))),
    );
    let answering = Upstream::start(|_| Script::chat("hi", 10, 5));
    let (gateway, client) = with_a_dollar(&[&dead, &broken, &answering]);
    client.chat(&chat("m", "x")).expect(200);
    assert_booked(&gateway, &client, 20_000_000);
    let attempts = gateway.admin().calls()[0]["attempts"].clone();
    assert_eq!(attempts.as_array().unwrap().len(), 3, "{attempts}");
}

#[test]
fn a_stream_that_breaks_off_is_paid_as_far_as_it_was_counted() {
    let upstream = Upstream::start(|_| Script::stream().word("one").word(" two").cut());
    let (gateway, client) = with_a_dollar(&[&upstream]);
    client.chat(&streamed_chat("m", "x")).expect_broken();
    let call = eventually("the call", || gateway.admin().calls().into_iter().next());
    let tokens = |name: &str| call["usage"][name].as_u64().unwrap();
    let cost = tokens("prompt_tokens") * 1_000_000 + tokens("completion_tokens") * 2_000_000;
    assert_eq!(tokens("completion_tokens"), 2);
    assert_booked(&gateway, &client, cost);
}

#[test]
fn a_client_that_goes_away_pays_what_it_got() {
    let gate = Gate::default();
    let held = gate.clone();
    let upstream = Upstream::start(move |request| {
        if request.text.contains("before the head") {
            return Script::default().wait(&held);
        }
        // Some providers tell the usage in every frame.
        let frame = |prompt: u64, completion: u64| {
            json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
                "choices": [{"index": 0, "delta": {"content": "one"}, "finish_reason": null}],
                "usage": {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}})
        };
        Script::stream().frame(&frame(10, 1)).wait(&held)
    });
    let (gateway, client) = with_a_dollar(&[&upstream]);
    let gone = client
        .request("POST", "/v1/chat/completions")
        .json(&chat("m", "before the head"))
        .timeout(Duration::from_millis(200));
    assert!(gone.send().is_err());
    assert_booked(&gateway, &client, 0);

    let mut stream =
        BufReader::new(client.open("/v1/chat/completions", &streamed_chat("m", "then")));
    let mut line = String::new();
    while !line.contains("one") {
        line.clear();
        stream.read_line(&mut line).unwrap();
    }
    drop(stream);
    assert_booked(&gateway, &client, 12_000_000);
    gate.open();
}

#[test]
fn a_refused_call_takes_nothing() {
    let upstream = Upstream::start(|_| Script::chat("hi", 10, 5));
    let (gateway, client) = with_a_dollar(&[&upstream]);
    let mut body = chat("m", "x");
    body["max_tokens"] = json!(10_000_000);
    assert_eq!(client.chat(&body).expect_error(402), "insufficient_quota");
    assert_eq!(client.chat(&chat("none", "x")).status, 404);
    let no_model: Value = json!({"messages": []});
    assert_eq!(client.chat(&no_model).status, 400);
    assert_booked(&gateway, &client, 0);
    assert!(upstream.requests().is_empty());
}
