//! A quota is a promise: no set of concurrent calls spends past it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;

use super::harness::{Script, TestGateway, Upstream, chat, streamed_chat};

#[test]
fn concurrent_calls_do_not_spend_past_the_keys_quota_and_the_bill_agrees() {
    let billed = Arc::new(AtomicU64::new(0));
    let bill = Arc::clone(&billed);
    // Each answer costs what its own usage says: 10 to 40 tokens at $1 a million.
    let upstream = Upstream::start(move |request| {
        let completion = 10 + (request.text.len() as u64 * 7) % 31;
        bill.fetch_add(20 + completion, Ordering::SeqCst);
        if request.json()["stream"] == true {
            Script::stream().word("hi").usage(20, completion).done()
        } else {
            Script::chat("hi", 20, completion)
        }
    });
    let gateway = TestGateway::start();
    gateway.channel(&upstream, &["m"]);
    let admin = gateway.admin();
    admin
        .put(
            "/api/models/m",
            &json!({"input_usd_per_mtok": 1, "output_usd_per_mtok": 1, "max_output_tokens": 40}),
        )
        .expect(200);
    let key = gateway.key(&json!({"quota": {"daily_usd": 0.005}}));
    let client = gateway.client(key["key"].as_str().unwrap());
    std::thread::scope(|scope| {
        for worker in 0..32usize {
            let client = client.clone();
            scope.spawn(move || {
                for i in 0..12 {
                    let words = "word ".repeat(1 + (worker + i) % 5);
                    let mut body = if i % 2 == 0 {
                        chat("m", &words)
                    } else {
                        streamed_chat("m", &words)
                    };
                    body["max_tokens"] = json!(40);
                    let answer = client.chat(&body);
                    match answer.status {
                        200 => {}
                        402 => assert_eq!(answer.json()["error"]["param"], "key.daily_usd"),
                        other => panic!("{other}: {}", answer.body),
                    }
                }
            });
        }
    });
    let balance = client.get("/v1/balance").expect(200);
    let used = balance["key"]["used"]["daily"]["usd"].as_f64().unwrap();
    assert!(used <= 0.005, "{balance}");
    assert!(
        (used - billed.load(Ordering::SeqCst) as f64 * 1e-6).abs() < 1e-12,
        "{balance} {billed:?}"
    );
    let total = admin
        .get(&format!("/api/keys/{}", key["id"].as_str().unwrap()))
        .expect(200);
    assert!(
        (total["usage"]["cost_usd"].as_f64().unwrap() - used).abs() < 1e-12,
        "{total}"
    );
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
fn an_output_limit_is_lowered_to_what_fits_and_the_client_is_told() {
    let upstream = Upstream::start(|_| Script::chat("hi", 5, 5));
    let gateway = TestGateway::start();
    gateway.channel(&upstream, &["m"]);
    gateway.admin().put("/api/models/m", &json!({"input_usd_per_mtok": 1, "output_usd_per_mtok": 1, "max_output_tokens": 100_000})).expect(200);
    let key = gateway.key(&json!({"quota": {"total_usd": 0.01}}));
    let answer = gateway
        .client(key["key"].as_str().unwrap())
        .chat(&chat("m", "x"));
    let told: u64 = answer
        .header("x-real200-max-output-tokens")
        .unwrap()
        .parse()
        .unwrap();
    answer.expect(200);
    assert!(told > 9_000 && told < 10_000, "{told}");
    let sent = upstream.requests()[0].json();
    assert!(
        sent["max_tokens"] == told || sent["max_completion_tokens"] == told,
        "{sent}"
    );
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
