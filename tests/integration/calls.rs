//! Calls that are not streamed, and what is written down of them.

use std::time::Duration;

use real200::clock::Clock;
use real200::domain::Timestamp;
use serde_json::{Value, json};

use super::harness::{Script, TestGateway, Upstream, chat, eventually};

#[test]
fn the_whole_loop_key_call_usage_cost_log() {
    let gateway = TestGateway::start();
    let admin = gateway.admin();
    let key = gateway.key(&json!({"name": "loop"}));
    let client = gateway.client(key["key"].as_str().unwrap());
    let answer = client.chat(&chat("echo", "four words in here"));
    let id = answer.header("x-request-id").unwrap().to_owned();
    assert!(answer.header("x-real200-overhead-ms").is_some());
    let body = answer.expect(200);
    assert_eq!(
        body["choices"][0]["message"]["content"],
        "four words in here"
    );
    let call = admin.call(&id);
    assert_eq!(
        (&call["status"], &call["http_status"], &call["endpoint"]),
        (&json!("ok"), &json!(200), &json!("chat"))
    );
    assert_eq!(
        call["usage"]["prompt_tokens"],
        body["usage"]["prompt_tokens"]
    );
    assert_eq!(
        call["usage"]["completion_tokens"],
        body["usage"]["completion_tokens"]
    );
    let tokens = |name: &str| body["usage"][name].as_f64().unwrap();
    let cost = tokens("prompt_tokens").mul_add(1e-6, tokens("completion_tokens") * 2e-6);
    assert!(
        (call["cost_usd"].as_f64().unwrap() - cost).abs() < 1e-12,
        "{call}"
    );
    let row = admin
        .get(&format!("/api/keys/{}", key["id"].as_str().unwrap()))
        .expect(200);
    assert_eq!(row["usage"]["requests"], 1);
    assert_eq!(row["usage"]["total_tokens"], body["usage"]["total_tokens"]);
    assert_eq!(row["usage"]["cost_usd"], call["cost_usd"]);
    assert!(row["last_used_at"].is_string());
}

#[test]
fn the_body_reaches_the_provider_as_it_came_but_for_the_model_name() {
    let upstream = Upstream::start(|_| Script::chat("hi", 3, 2));
    let gateway = TestGateway::start();
    let admin = gateway.admin();
    let channel = gateway.channel(&upstream, &["public-name"]);
    admin
        .patch(
            &format!("/api/channels/{}", channel["id"].as_str().unwrap()),
            &json!({"model_map": {"public-name": "its/own-name"}}),
        )
        .expect(200);
    let body = r#"{ "model" : "public-name",  "messages":[{"role":"user","content":"h\u00e9"}],"x_unknown":{"a":[1, 2.50]}, "temperature":0.10}"#;
    let client = gateway.new_client();
    let answer = client
        .request("POST", "/v1/chat/completions")
        .header("content-type", "application/json")
        .body(body)
        .send()
        .unwrap();
    assert_eq!(answer.status(), 200);
    let sent = &upstream.requests()[0];
    assert_eq!(sent.text, body.replace("public-name", "its/own-name"));
    assert_eq!(sent.path, "/v1/chat/completions");
    assert_eq!(
        sent.header("authorization"),
        Some("Bearer sk-upstream-credential")
    );
    let call = &admin.calls()[0];
    assert_eq!(
        (&call["model"], &call["upstream_model"]),
        (&json!("public-name"), &json!("its/own-name"))
    );
}

#[test]
fn a_model_without_a_price_is_not_priced_never_free() {
    let upstream = Upstream::start(|_| Script::chat("hi", 3, 2));
    let gateway = TestGateway::start();
    gateway.channel(&upstream, &["nobody-knows-this-model"]);
    let client = gateway.new_client();
    client
        .chat(&chat("nobody-knows-this-model", "x"))
        .expect(200);
    let admin = gateway.admin();
    let call = &admin.calls()[0];
    assert_eq!(
        (&call["cost_usd"], &call["usage"]["total_tokens"]),
        (&Value::Null, &json!(5))
    );
    assert_eq!(
        admin.get("/api/keys").expect(200)["items"][0]["usage"]["unpriced_requests"],
        1
    );
    admin
        .put(
            "/api/models/nobody-knows-this-model",
            &json!({"input_usd_per_mtok": 1, "output_usd_per_mtok": 10}),
        )
        .expect(200);
    client
        .chat(&chat("nobody-knows-this-model", "x"))
        .expect(200);
    assert_eq!(admin.calls()[0]["cost_usd"], 0.000_023);
}

#[test]
fn a_call_that_used_nothing_costs_nothing_in_log_and_totals_even_without_a_price() {
    let upstream = Upstream::start(|_| Script::json(503, &json!({"error": {"message": "no"}})));
    let gateway = TestGateway::start();
    gateway.channel(&upstream, &["nobody-knows-this-model"]);
    gateway
        .new_client()
        .chat(&chat("nobody-knows-this-model", "x"))
        .expect_error(503);
    let admin = gateway.admin();
    assert_eq!(admin.calls()[0]["cost_usd"], 0.0);
    let total = &admin.get("/api/usage").expect(200)["total"];
    assert_eq!(
        (&total["errors"], &total["unpriced_requests"]),
        (&json!(1), &json!(0))
    );
}

#[test]
fn usage_is_of_the_hours_that_are_asked_for() {
    let clock = Clock::manual(Timestamp::parse("2026-11-24T07:30:00Z").unwrap());
    let gateway = TestGateway::with(clock.clone(), |_| {});
    let key = gateway.key(&json!({}));
    let client = gateway.client(key["key"].as_str().unwrap());
    client.chat(&chat("echo", "x")).expect(200);
    clock.advance(Duration::from_secs(2 * 3600));
    client.chat(&chat("echo", "x")).expect(200);
    let admin = gateway.admin();
    let requests = |query: &str| {
        admin.get(&format!("/api/usage?{query}")).expect(200)["total"]["requests"].clone()
    };
    assert_eq!(requests("bucket=none&from=2026-11-24T09:00:00Z"), 1);
    assert_eq!(requests("bucket=none&from=2026-11-24T07:00:00Z"), 2);
    assert_eq!(requests("bucket=none&from=2026-01-01T00:00:00Z"), 2);
    let of_key = key["id"].as_str().unwrap();
    let refused = admin.get(&format!("/api/usage?group_by=account&key_id={of_key}"));
    assert_eq!(refused.expect_error(422), "invalid_field");
}

#[test]
fn cached_and_reasoning_tokens_are_read_and_priced_once() {
    let upstream = Upstream::start(|_| {
        Script::json(
            200,
            &json!({"id": "c", "object": "chat.completion", "model": "m", "choices": [],
                "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100,
                    "prompt_tokens_details": {"cached_tokens": 600}, "completion_tokens_details": {"reasoning_tokens": 80}}}),
        )
    });
    let gateway = TestGateway::start();
    gateway.channel(&upstream, &["m"]);
    let admin = gateway.admin();
    admin
        .put("/api/models/m", &json!({"input_usd_per_mtok": 10, "cached_input_usd_per_mtok": 1, "output_usd_per_mtok": 20}))
        .expect(200);
    gateway.new_client().chat(&chat("m", "x")).expect(200);
    let call = &admin.calls()[0];
    assert_eq!(
        (
            &call["usage"]["cached_tokens"],
            &call["usage"]["reasoning_tokens"]
        ),
        (&json!(600), &json!(80))
    );
    // 400 at $10, 600 at $1, 100 at $20 a million.
    assert_eq!(call["cost_usd"], 0.0066);
}

#[test]
fn usage_that_the_provider_does_not_give_is_counted_and_flagged() {
    let upstream = Upstream::start(|_| {
        Script::json(
            200,
            &json!({"id": "c", "object": "chat.completion", "model": "m",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "one two three four five"}, "finish_reason": "stop"}]}),
        )
    });
    let gateway = TestGateway::start();
    gateway.channel(&upstream, &["m"]);
    gateway
        .new_client()
        .chat(&chat("m", "hello there"))
        .expect(200);
    let usage = gateway.admin().calls()[0]["usage"].clone();
    assert_eq!(
        (&usage["estimated"], &usage["completion_tokens"]),
        (&json!(true), &json!(5))
    );
    assert!(usage["prompt_tokens"].as_u64().unwrap() >= 2, "{usage}");
}

#[test]
fn the_providers_own_4xx_passes_through_and_costs_nothing() {
    let upstream = Upstream::start(|_| {
        Script::json(
            400,
            &json!({"error": {"message": "temperature is too high", "type": "invalid_request_error", "code": "bad_temperature"}}),
        )
    });
    let gateway = TestGateway::start();
    gateway.channel(&upstream, &["m"]);
    let answer = gateway.new_client().chat(&chat("m", "x"));
    assert!(answer.header("x-request-id").is_some());
    assert_eq!(answer.expect(400)["error"]["code"], "bad_temperature");
    let call = &gateway.admin().calls()[0];
    assert_eq!(
        (
            &call["status"],
            &call["http_status"],
            &call["usage"]["total_tokens"]
        ),
        (&json!("error"), &json!(400), &json!(0))
    );
    assert_eq!(call["attempts"][0]["http_status"], 400);
}

#[test]
fn what_is_no_request_is_400_with_words() {
    let gateway = TestGateway::start();
    let client = gateway.new_client();
    let raw = |body: &'static str| {
        let answer = client
            .request("POST", "/v1/chat/completions")
            .header("content-type", "application/json")
            .body(body)
            .send()
            .unwrap();
        (answer.status().as_u16(), answer.json::<Value>().unwrap())
    };
    for (body, word) in [
        ("", "JSON"),
        ("not json", "JSON"),
        ("[1]", "object"),
        ("{}", "model"),
        (r#"{"model":7,"messages":[]}"#, "model"),
        (r#"{"model":"echo","stream":"yes","messages":[]}"#, "stream"),
        (
            r#"{"model":"echo","max_tokens":-1,"messages":[]}"#,
            "max_tokens",
        ),
    ] {
        let (status, answer) = raw(body);
        assert_eq!(
            (status, &answer["error"]["type"]),
            (400, &json!("invalid_request_error")),
            "{body}: {answer}"
        );
        assert!(
            answer["error"]["message"].as_str().unwrap().contains(word),
            "{body}: {answer}"
        );
    }
}

#[test]
fn a_body_over_the_limit_is_413() {
    let gateway = TestGateway::with(real200::clock::Clock::system(), |config| {
        config.server.body_limit_bytes = 1000
    });
    let client = gateway.new_client();
    assert_eq!(
        client
            .chat(&chat("echo", &"x".repeat(2000)))
            .expect_error(413),
        "request_too_large"
    );
    client.chat(&chat("echo", &"x".repeat(500))).expect(200);
}

#[test]
fn unknown_models_and_routes_are_404_in_the_clients_dialect() {
    let gateway = TestGateway::start();
    let client = gateway.new_client();
    assert_eq!(
        client.chat(&chat("no-such-model", "x")).expect_error(404),
        "model_not_found"
    );
    let answer = client.get("/v1/no/such/route");
    assert!(answer.header("x-request-id").is_some());
    assert_eq!(answer.status, 404);
    assert!(answer.json()["error"]["message"].is_string());
}

#[test]
fn embeddings_completions_and_responses_answer_and_are_counted() {
    let gateway = TestGateway::start();
    let client = gateway.new_client();
    let embedding = client
        .post(
            "/v1/embeddings",
            &json!({"model": "echo", "input": ["one", "two"]}),
        )
        .expect(200);
    assert_eq!(embedding["data"].as_array().unwrap().len(), 2);
    let completion = client
        .post(
            "/v1/completions",
            &json!({"model": "echo", "prompt": "say this"}),
        )
        .expect(200);
    assert!(
        completion["choices"][0]["text"]
            .as_str()
            .unwrap()
            .contains("say this")
    );
    let response = client
        .post(
            "/v1/responses",
            &json!({"model": "echo", "input": "say that"}),
        )
        .expect(200);
    assert_eq!(response["output"][0]["content"][0]["text"], "say that");
    let endpoints: Vec<_> = gateway
        .admin()
        .calls()
        .iter()
        .map(|call| call["endpoint"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(endpoints, ["responses", "completions", "embeddings"]);
}

#[test]
fn a_key_sees_its_models_its_balance_and_its_usage() {
    let gateway = TestGateway::start();
    let key = gateway.key(&json!({"name": "me", "quota": {"daily_usd": 1}}));
    let client = gateway.client(key["key"].as_str().unwrap());
    client.chat(&chat("echo", "hello")).expect(200);
    let models = client.get("/v1/models").expect(200);
    assert_eq!(
        (&models["object"], &models["data"][0]["id"]),
        (&json!("list"), &json!("echo"))
    );
    assert_eq!(client.get("/v1/models/echo").expect(200)["object"], "model");
    let balance = client.get("/v1/balance").expect(200);
    assert_eq!(
        (&balance["object"], &balance["currency"]),
        (&json!("balance"), &json!("USD"))
    );
    let cost = gateway.admin().calls()[0]["cost_usd"].as_f64().unwrap();
    assert!(
        (balance["key"]["remaining"]["daily"]["usd"]
            .as_f64()
            .unwrap()
            - (1.0 - cost))
            .abs()
            < 1e-12,
        "{balance}"
    );
    let who = client.get("/v1/dashboard/user/info").expect(200);
    assert_eq!(
        (&who["account"]["username"], &who["key"]["name"]),
        (&json!("ada"), &json!("me"))
    );
    let usage = client
        .get("/v1/usage?bucket=day&group_by=model")
        .expect(200);
    assert!(usage.to_string().contains("echo"), "{usage}");
}

#[test]
fn logs_are_filtered_and_paged_without_gaps() {
    let gateway = TestGateway::start();
    let admin = gateway.admin();
    let (a, b) = (
        gateway.key(&json!({"name": "a"})),
        gateway.key(&json!({"name": "b"})),
    );
    for i in 0..25 {
        let key = if i % 5 == 0 { &b } else { &a };
        gateway
            .client(key["key"].as_str().unwrap())
            .chat(&chat("echo", &format!("call {i}")))
            .expect(200);
    }
    gateway
        .client(a["key"].as_str().unwrap())
        .chat(&chat("no-such-model", "x"))
        .expect_error(404);
    let only_b = admin
        .get(&format!("/api/logs?key_id={}", b["id"].as_str().unwrap()))
        .expect(200);
    assert_eq!(only_b["items"].as_array().unwrap().len(), 5);
    // Nobody waits for a refused call's line to be on disk.
    let refused = eventually("the refused call", || {
        let found = admin.get("/api/logs?status=error").expect(200);
        found["items"].get(0).cloned()
    });
    assert_eq!(refused["error_code"], "model_not_found");
    assert_eq!(
        admin
            .get("/api/logs?status=ok&model=echo&limit=200")
            .expect(200)["items"]
            .as_array()
            .unwrap()
            .len(),
        25
    );
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = admin.get(&format!("/api/logs?limit=7{cursor}")).expect(200);
        seen.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|call| call["id"].as_str().unwrap().to_owned()),
        );
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 26);
    seen.dedup();
    assert_eq!(seen.len(), 26);
    let csv = admin.get("/api/logs/export.csv?status=ok").body;
    assert_eq!(csv.lines().count(), 26, "{csv}");
    let usage = admin.get("/api/usage?bucket=day&group_by=key").expect(200);
    assert_eq!(
        (&usage["total"]["requests"], &usage["total"]["errors"]),
        (&json!(26), &json!(1))
    );
}
