//! What is set aside before a call: enough for whatever it may cost, and no more than it has to be.

use serde_json::{Value, json};

use super::{client, key_balance, pico, price};
use crate::integration::harness::{Script, TestGateway, Upstream, chat};

/// A gateway whose model `gpt-4o` costs a dollar per million tokens either way, and answers as told.
fn gateway(upstream: &Upstream) -> TestGateway {
    let gateway = TestGateway::start();
    gateway.channel(upstream, &["gpt-4o", "m"]);
    price(&gateway, "gpt-4o", 1.0, 1.0);
    price(&gateway, "m", 1.0, 1.0);
    gateway
}

#[test]
fn an_output_limit_is_lowered_to_what_fits_and_the_client_is_told() {
    let upstream = Upstream::start(|request| match request.path.as_str() {
        "/v1/responses" => Script::json(
            200,
            &json!({"id": "r", "object": "response", "output": [], "usage": {"input_tokens": 5, "output_tokens": 5, "total_tokens": 10}}),
        ),
        _ => Script::chat("hi", 5, 5),
    });
    let gateway = gateway(&upstream);
    for (path, body, field, choices) in [
        (
            "chat/completions",
            json!({"messages": [{"role": "user", "content": "x"}]}),
            "max_tokens",
            1,
        ),
        (
            "chat/completions",
            json!({"messages": [{"role": "user", "content": "x"}], "n": 4}),
            "max_tokens",
            4,
        ),
        ("completions", json!({"prompt": "x"}), "max_tokens", 1),
        (
            "completions",
            json!({"prompt": ["x", "y"], "max_tokens": null}),
            "max_tokens",
            2,
        ),
        ("responses", json!({"input": "x"}), "max_output_tokens", 1),
    ] {
        let mut body = body;
        body["model"] = json!("m");
        let client = client(&gateway, &json!({"total_usd": 0.01}));
        let answer = client.post(&format!("/v1/{path}"), &body);
        let told: u64 = answer
            .header("x-real200-max-output-tokens")
            .unwrap_or_else(|| panic!("{path}: not told: {}", answer.body))
            .parse()
            .unwrap();
        answer.expect(200);
        // All of the 10,000 tokens but the prompt's bound is theirs.
        assert!(
            told * choices <= 9_990 && told * choices > 9_800,
            "{path} {told}"
        );
        let sent = upstream.requests().pop().unwrap().json();
        assert_eq!(sent[field], told, "{sent}");
    }
    // A model that writes nothing is not told how much.
    let client = client(&gateway, &json!({"total_usd": 0.01}));
    let answer = client.post("/v1/embeddings", &json!({"model": "m", "input": "x"}));
    assert_eq!(answer.header("x-real200-max-output-tokens"), None);
    answer.expect(200);
}

#[test]
fn a_limit_that_the_client_gave_is_not_lowered_and_no_lower_one_is_sent_than_providers_take() {
    let upstream = Upstream::start(|_| Script::chat("hi", 5, 5));
    let gateway = gateway(&upstream);
    let client = client(&gateway, &json!({"total_tokens": 60}));
    let mut body = chat("m", "x");
    body["max_tokens"] = json!(1_000);
    assert_eq!(client.chat(&body).expect_error(402), "insufficient_quota");
    // OpenAI refuses less than 16 for responses: with the prompt's 25 bytes that is 41.
    let tight = super::client(&gateway, &json!({"total_tokens": 40}));
    let refused = tight.post("/v1/responses", &json!({"model": "m", "input": "x"}));
    assert_eq!(refused.expect_error(402), "insufficient_quota");
    assert!(upstream.requests().is_empty());
}

#[test]
fn an_estimate_that_is_too_high_does_not_starve_the_last_cents() {
    let upstream = Upstream::start(|_| Script::chat("hi", 1_000, 10));
    let gateway = gateway(&upstream);
    // 7,000 bytes; of o200k 1,001 tokens at most.
    let mut body = chat("gpt-4o", &" ledger".repeat(1_000));
    body["max_tokens"] = json!(10);
    for (usd, status) in [(0.00099, 402), (0.00106, 200)] {
        let client = client(&gateway, &json!({"total_usd": usd}));
        assert_eq!(client.chat(&body).status, status, "{usd}");
    }
    // What it is lowered to counts with the tight bound, too.
    let open = chat("gpt-4o", &" ledger".repeat(1_000));
    let answer = client(&gateway, &json!({"total_usd": 0.003})).chat(&open);
    let told: u64 = answer
        .header("x-real200-max-output-tokens")
        .unwrap()
        .parse()
        .unwrap();
    assert!((1_950..2_000).contains(&told), "{told}");
}

#[test]
fn escapes_do_not_count_against_a_model_of_unknown_encoding() {
    let upstream = Upstream::start(|_| Script::chat("hi", 600, 10));
    let gateway = gateway(&upstream);
    let body = format!(
        r#"{{"model":"m","max_tokens":10,"messages":[{{"role":"user","content":"{}"}}]}}"#,
        "\\u4f60\\u597d".repeat(100)
    );
    // 1,200 bytes of escapes for 600 of text.
    for (tokens, status) in [(600, 402), (800, 200)] {
        let client = client(&gateway, &json!({"total_tokens": tokens}));
        let sent = client
            .request("POST", "/v1/chat/completions")
            .header("content-type", "application/json")
            .body(body.clone())
            .send()
            .unwrap();
        assert_eq!(sent.status().as_u16(), status, "{tokens}");
    }
}

#[test]
fn a_hidden_prompt_is_booked_flagged_and_set_aside_from_then_on() {
    let upstream = Upstream::start(|_| Script::chat("hi", 5_000, 10));
    let mut gateway = gateway(&upstream);
    let mut body = chat("m", "x");
    body["max_tokens"] = json!(10);
    let first = client(&gateway, &json!({"total_usd": 0.001}));
    first.chat(&body).expect(200);
    // The truth is booked, past the quota: this is the only way.
    assert_eq!(key_balance(&first, "used/total/usd"), 5_010_000_000);
    let call = gateway.admin().calls()[0].clone();
    assert_eq!(
        (&call["over_reservation"], pico(&call["cost_usd"])),
        (&json!(true), 5_010_000_000)
    );
    // Now it is known: a second key is not let past its quota by it, not after a restart either.
    for restarted in [false, true] {
        if restarted {
            gateway.restart();
        }
        let second = client(&gateway, &json!({"total_usd": 0.005}));
        let refused = second.chat(&body).expect(402);
        assert_eq!(refused["error"]["param"], "key.total_usd");
        let third = client(&gateway, &json!({"total_usd": 0.0052}));
        third.chat(&body).expect(200);
        assert_eq!(gateway.admin().calls()[0]["over_reservation"], false);
    }
    // An operator who sets the price has looked at the model.
    price(&gateway, "m", 1.0, 1.0);
    client(&gateway, &json!({"total_usd": 0.001}))
        .chat(&body)
        .expect(200);
}

#[test]
fn a_model_without_a_price_is_counted_in_tokens_and_refused_under_a_money_quota() {
    let upstream = Upstream::start(|_| Script::chat("hi", 5, 5));
    let gateway = TestGateway::start();
    gateway.channel(&upstream, &["unpriced"]);
    let client = client(&gateway, &json!({"total_tokens": 500}));
    let mut body = chat("unpriced", "x");
    body["max_tokens"] = json!(5);
    client.chat(&body).expect(200);
    assert_eq!(key_balance(&client, "used/total/tokens"), 10);
    let call = gateway.admin().calls()[0].clone();
    assert_eq!(
        (&call["cost_usd"], &call["over_reservation"]),
        (&Value::Null, &json!(false))
    );

    // The account's money quota counts as well.
    let admin = gateway.admin();
    let me = admin.get("/api/session").expect(200);
    let id = me["id"].as_str().or(me["account"]["id"].as_str()).unwrap();
    admin
        .patch(
            &format!("/api/accounts/{id}"),
            &json!({"quota": {"total_usd": 1}}),
        )
        .expect(200);
    let refused = client.chat(&body).expect(403);
    assert_eq!(refused["error"]["code"], "model_not_priced");
    let words = refused["error"]["message"].as_str().unwrap();
    assert!(
        words.starts_with("The account has a money quota"),
        "{words}"
    );
}

#[test]
fn a_refusal_says_what_is_left_when_it_resets_or_whom_to_ask() {
    let upstream = Upstream::start(|_| Script::chat("hi", 5, 5));
    let gateway = gateway(&upstream);
    let mut body = chat("m", "x");
    body["max_tokens"] = json!(1_000_000);
    for (quota, param, words) in [
        (
            json!({"daily_usd": 0.5}),
            "key.daily_usd",
            vec![
                "$0.5:",
                "$0.5 is left",
                "may need up to $1.0000",
                "resets at",
                "lower output limit",
            ],
        ),
        (
            json!({"monthly_tokens": 500}),
            "key.monthly_tokens",
            vec!["500 tokens: 500 are left", "resets at"],
        ),
        (
            json!({"total_usd": 0.5}),
            "key.total_usd",
            vec!["does not reset", "ask whoever issued the key"],
        ),
    ] {
        let refused = client(&gateway, &quota).chat(&body).expect(402);
        assert_eq!(refused["error"]["param"], param);
        let message = refused["error"]["message"].as_str().unwrap();
        for word in words {
            assert!(message.contains(word), "{word}: {message}");
        }
    }
}
