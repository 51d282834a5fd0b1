//! A quota is a promise: no set of concurrent calls spends past it, and all of it can be spent.
//!
//! That nothing stays set aside is checked at the end of every test, by the harness.

mod bounds;
mod calendar;
mod cut_off;
mod death;
mod unread;
mod ways_out;

use real200::domain::Money;
use serde_json::{Value, json};

use super::harness::{KeyClient, Script, TestGateway, Upstream, chat};

/// Sets a price in dollars per million tokens, for input and output.
fn price(gateway: &TestGateway, model: &str, input: f64, output: f64) {
    let price = json!({"input_usd_per_mtok": input, "output_usd_per_mtok": output, "max_output_tokens": 100_000});
    gateway
        .admin()
        .put(&format!("/api/models/{model}"), &price)
        .expect(200);
}

/// A client with a new key of this quota.
fn client(gateway: &TestGateway, quota: &Value) -> KeyClient {
    let key = gateway.key(&json!({ "quota": quota }));
    gateway.client(key["key"].as_str().unwrap())
}

/// What `/v1/balance` says of the key, such as `used/daily/usd`; money in picodollars.
fn key_balance(client: &KeyClient, path: &str) -> u64 {
    let balance = client.get("/v1/balance").expect(200);
    let value = balance["key"].pointer(&format!("/{path}")).unwrap().clone();
    if path.ends_with("usd") {
        pico(&value)
    } else {
        value.as_u64().unwrap()
    }
}

/// A JSON number of dollars in picodollars.
fn pico(usd: &Value) -> u64 {
    Money::from_usd(&usd.to_string()).unwrap().as_pico()
}

#[test]
fn a_refusal_names_the_window_and_says_what_is_left_and_when_it_resets() {
    let gateway = TestGateway::start();
    let key = gateway.key(&json!({"quota": {"daily_requests": 1}}));
    let client = gateway.client(key["key"].as_str().unwrap());
    client.chat(&chat("echo", "x")).expect(200);
    let refused = client.chat(&chat("echo", "x"));
    let error = refused.expect(402)["error"].clone();
    assert_eq!(
        (&error["code"], &error["param"]),
        (&json!("insufficient_quota"), &json!("key.daily_requests"))
    );
    assert!(
        error["message"].as_str().unwrap().contains("resets at"),
        "{error}"
    );
    let call = &gateway.admin().calls()[0];
    assert_eq!(
        (&call["status"], &call["error_code"]),
        (&json!("error"), &json!("insufficient_quota"))
    );
}

#[test]
fn consumption_survives_a_restart() {
    let mut gateway = TestGateway::start();
    let key = gateway
        .key(&json!({"quota": {"total_requests": 2, "monthly_requests": 2, "daily_requests": 2}}));
    let plain = key["key"].as_str().unwrap();
    gateway.client(plain).chat(&chat("echo", "x")).expect(200);
    gateway.restart();
    gateway.client(plain).chat(&chat("echo", "x")).expect(200);
    gateway.restart();
    gateway.client(plain).chat(&chat("echo", "x")).expect(402);
    let balance = gateway.client(plain).get("/v1/balance").expect(200);
    for window in ["total", "monthly", "daily"] {
        assert_eq!(balance["key"]["used"][window]["requests"], 2, "{balance}");
    }
}

#[test]
fn a_money_quota_refuses_a_model_without_a_price() {
    let upstream = Upstream::start(|_| Script::chat("hi", 5, 5));
    let gateway = TestGateway::start();
    gateway.channel(&upstream, &["unpriced"]);
    let key = gateway.key(&json!({"quota": {"daily_usd": 1}}));
    assert_eq!(
        gateway
            .client(key["key"].as_str().unwrap())
            .chat(&chat("unpriced", "x"))
            .expect_error(403),
        "model_not_priced"
    );
    assert!(upstream.requests().is_empty());
}

#[test]
fn rate_limits_answer_429_with_the_time_to_wait() {
    let gateway = TestGateway::start();
    let key = gateway.key(&json!({"rate_limit": {"rpm": 1}}));
    let client = gateway.client(key["key"].as_str().unwrap());
    let first = client.chat(&chat("echo", "x"));
    assert_eq!(
        (
            first.header("x-ratelimit-limit-requests"),
            first.header("x-ratelimit-remaining-requests")
        ),
        (Some("1"), Some("0"))
    );
    let second = client.chat(&chat("echo", "x"));
    assert!(second.header("retry-after").is_some() && second.header("retry-after-ms").is_some());
    assert_eq!(second.expect_error(429), "rate_limit_exceeded");
}
