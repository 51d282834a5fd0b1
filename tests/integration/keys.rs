//! API keys: the heart. Each test is named after the sentence that it proves.

use std::time::Duration;

use real200::clock::Clock;
use real200::domain::Timestamp;
use serde_json::{Value, json};

use super::harness::{Gate, Script, TestGateway, Upstream, chat, eventually, streamed_chat};

fn path(key: &Value) -> String {
    format!("/api/keys/{}", key["id"].as_str().unwrap())
}

fn secret(key: &Value) -> &str {
    key["key"].as_str().unwrap()
}

#[test]
fn a_key_is_shown_once_and_afterwards_only_its_masked_value() {
    let gateway = TestGateway::start();
    let admin = gateway.admin();
    let created = gateway.key(&json!({"name": "production"}));
    let plain = secret(&created);
    assert!(
        plain.starts_with("sk-real200-") && plain.len() == 43,
        "{plain}"
    );
    for answer in [
        admin.get("/api/keys").body,
        admin.get(&path(&created)).body,
        admin.patch(&path(&created), &json!({"name": "b"})).body,
    ] {
        assert!(!answer.contains(plain), "{answer}");
    }
}

#[test]
fn the_masked_value_is_the_first_8_and_last_4_characters() {
    let gateway = TestGateway::start();
    let created = gateway.key(&json!({}));
    let plain = secret(&created);
    assert_eq!(
        created["masked"],
        format!("{}···{}", &plain[..8], &plain[plain.len() - 4..])
    );
    assert_eq!(
        created["masked"]
            .as_str()
            .unwrap()
            .chars()
            .filter(|c| *c == '\u{b7}')
            .count(),
        3
    );
}

#[test]
fn the_status_words_are_active_and_disabled_and_expiry_is_a_word_of_its_own() {
    let gateway = TestGateway::with(
        Clock::manual(Timestamp::parse("2026-11-24T07:00:00Z").unwrap()),
        |_| {},
    );
    let admin = gateway.admin();
    let key = gateway.key(&json!({"expires_at": "2026-11-24T07:10:00Z"}));
    assert_eq!(
        (&key["status"], &key["expired"]),
        (&json!("active"), &json!(false))
    );
    let disabled = admin
        .patch(&path(&key), &json!({"status": "disabled"}))
        .expect(200);
    assert_eq!(disabled["status"], "disabled");
    admin
        .patch(&path(&key), &json!({"status": "active"}))
        .expect(200);
    gateway.clock.advance(Duration::from_secs(600));
    let expired = admin.get(&path(&key)).expect(200);
    assert_eq!(
        (&expired["status"], &expired["expired"]),
        (&json!("active"), &json!(true))
    );
}

#[test]
fn a_disabled_key_fails_at_its_very_next_request_and_works_again_once_enabled() {
    let gateway = TestGateway::start();
    let admin = gateway.admin();
    let key = gateway.key(&json!({"name": "k"}));
    let client = gateway.client(secret(&key));
    for _ in 0..20 {
        client.chat(&chat("echo", "hello")).expect(200);
        admin
            .patch(&path(&key), &json!({"status": "disabled"}))
            .expect(200);
        assert_eq!(
            client.chat(&chat("echo", "hello")).expect_error(401),
            "api_key_disabled"
        );
        assert_eq!(
            client.get("/v1/models").expect_error(401),
            "api_key_disabled"
        );
        admin
            .patch(&path(&key), &json!({"status": "active"}))
            .expect(200);
    }
    client.chat(&chat("echo", "hello")).expect(200);
}

#[test]
fn a_deleted_key_is_401_for_ever_and_its_calls_stay_in_the_log_under_its_name() {
    let mut gateway = TestGateway::start();
    let key = gateway.key(&json!({"name": "gone soon"}));
    let client = gateway.client(secret(&key));
    client.chat(&chat("echo", "hello")).expect(200);
    let admin = gateway.admin();
    assert_eq!(admin.delete(&path(&key)).status, 204);
    assert_eq!(
        client.chat(&chat("echo", "hello")).expect_error(401),
        "invalid_api_key"
    );
    assert_eq!(admin.get(&path(&key)).expect_error(404), "not_found");
    assert_eq!(
        admin
            .patch(&path(&key), &json!({"status": "active"}))
            .expect_error(404),
        "not_found"
    );
    assert_eq!(admin.get("/api/keys").expect(200)["total"], 0);
    gateway.restart();
    assert_eq!(
        gateway
            .client(secret(&key))
            .chat(&chat("echo", "hello"))
            .expect_error(401),
        "invalid_api_key"
    );
    let calls = gateway.admin().calls();
    assert_eq!(
        (calls.len(), &calls[0]["key_name"], &calls[0]["key_deleted"]),
        (1, &json!("gone soon"), &json!(true))
    );
}

#[test]
fn an_expired_key_does_not_work() {
    let gateway = TestGateway::with(
        Clock::manual(Timestamp::parse("2026-11-24T07:00:00Z").unwrap()),
        |_| {},
    );
    let key = gateway.key(&json!({"expires_at": "2026-11-24T07:10:00Z"}));
    let client = gateway.client(secret(&key));
    let answer = client.chat(&chat("echo", "hello"));
    assert_eq!(
        answer.header("x-real200-key-expires-at"),
        Some("2026-11-24T07:10:00.000Z")
    );
    answer.expect(200);
    gateway.clock.advance(Duration::from_secs(600));
    assert_eq!(
        client.chat(&chat("echo", "hello")).expect_error(401),
        "api_key_expired"
    );
}

#[test]
fn a_key_of_a_disabled_account_does_not_work() {
    let gateway = TestGateway::start();
    let admin = gateway.admin();
    let account = admin
        .post(
            "/api/accounts",
            &json!({"username": "bob", "password": "a long password", "role": "member"}),
        )
        .expect(201);
    let key = gateway.key(&json!({"account_id": account["id"]}));
    let client = gateway.client(secret(&key));
    client.chat(&chat("echo", "hello")).expect(200);
    let account = format!("/api/accounts/{}", account["id"].as_str().unwrap());
    admin
        .patch(&account, &json!({"status": "disabled"}))
        .expect(200);
    assert_eq!(
        client.chat(&chat("echo", "hello")).expect_error(401),
        "account_disabled"
    );
    admin
        .patch(&account, &json!({"status": "active"}))
        .expect(200);
    client.chat(&chat("echo", "hello")).expect(200);
    assert_eq!(admin.delete(&account).status, 204);
    assert_eq!(
        client.chat(&chat("echo", "hello")).expect_error(401),
        "invalid_api_key"
    );
}

#[test]
fn keys_that_are_missing_malformed_or_invented_are_told_apart_from_known_ones() {
    let gateway = TestGateway::start();
    let anonymous = reqwest::blocking::Client::new();
    let answer = anonymous
        .post(gateway.url("/v1/chat/completions"))
        .json(&chat("echo", "x"))
        .send()
        .unwrap();
    assert_eq!(
        (
            answer.status().as_u16(),
            answer.json::<Value>().unwrap()["error"]["code"].clone()
        ),
        (401, json!("missing_api_key"))
    );
    for invented in [
        "sk-something-else",
        "sk-real200-00000000000000000000000000000000",
        "sk-real200-",
        "é",
    ] {
        let answer = anonymous
            .get(gateway.url("/v1/models"))
            .query(&[("key", invented)])
            .send()
            .unwrap();
        assert_eq!(answer.status().as_u16(), 401, "{invented}");
        assert_eq!(
            answer.json::<Value>().unwrap()["error"]["code"],
            "invalid_api_key",
            "{invented}"
        );
    }
}

#[test]
fn a_key_is_taken_from_each_header_that_the_sdks_use() {
    let gateway = TestGateway::start();
    let key = gateway.key(&json!({}));
    let http = reqwest::blocking::Client::new();
    for header in ["x-api-key", "api-key", "x-goog-api-key"] {
        assert_eq!(
            http.get(gateway.url("/v1/models"))
                .header(header, secret(&key))
                .send()
                .unwrap()
                .status(),
            200,
            "{header}"
        );
    }
    assert_eq!(
        http.get(gateway.url("/v1/models"))
            .query(&[("key", secret(&key))])
            .send()
            .unwrap()
            .status(),
        200
    );
}

#[test]
fn keys_are_searched_filtered_and_paged() {
    let gateway = TestGateway::start();
    let admin = gateway.admin();
    for i in 0..30 {
        gateway.key(&json!({"name": format!("worker {i:02}")}));
    }
    let first = admin.get("/api/keys?page_size=10").expect(200);
    assert_eq!(
        (&first["total"], &first["items"][0]["name"]),
        (&json!(30), &json!("worker 29"))
    );
    let third = admin.get("/api/keys?page_size=10&page=3").expect(200);
    assert_eq!(third["items"][9]["name"], "worker 00");
    let found = admin.get("/api/keys?q=WORKER%2007").expect(200);
    assert_eq!(
        (&found["total"], &found["items"][0]["name"]),
        (&json!(1), &json!("worker 07"))
    );
    let masked: String = found["items"][0]["masked"]
        .as_str()
        .unwrap()
        .chars()
        .rev()
        .take(4)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .collect();
    assert!(
        admin.get(&format!("/api/keys?q={masked}")).expect(200)["total"]
            .as_u64()
            .unwrap()
            >= 1
    );
    admin
        .patch(&path(&found["items"][0]), &json!({"status": "disabled"}))
        .expect(200);
    assert_eq!(
        admin.get("/api/keys?status=disabled").expect(200)["total"],
        1
    );
    assert_eq!(
        admin.get("/api/keys?status=active").expect(200)["total"],
        29
    );
    assert_eq!(
        admin.get("/api/keys?status=expired").expect(200)["total"],
        0
    );
    assert_eq!(admin.get("/api/keys?status=sleeping").status, 422);
}

#[test]
fn a_key_can_be_edited_and_a_null_clears() {
    let gateway = TestGateway::start();
    let admin = gateway.admin();
    let key = gateway.key(&json!({"name": "a", "expires_at": "2099-01-01T00:00:00Z", "quota": {"daily_usd": 0.5, "total_requests": 9}}));
    assert_eq!(key["quota"]["daily_usd"], 0.5);
    let renamed = admin.patch(&path(&key), &json!({"name": "b"})).expect(200);
    assert_eq!(
        (&renamed["name"], &renamed["expires_at"]),
        (&json!("b"), &json!("2099-01-01T00:00:00.000Z"))
    );
    let cleared = admin
        .patch(
            &path(&key),
            &json!({"expires_at": null, "quota": {"daily_usd": null}}),
        )
        .expect(200);
    assert_eq!(
        (&cleared["expires_at"], &cleared["quota"]["daily_usd"]),
        (&Value::Null, &Value::Null)
    );
    for (bad, field) in [
        (json!({"name": "x".repeat(300)}), "name"),
        (json!({"expires_at": "tomorrow"}), "expires_at"),
        (json!({"quota": {"daily_usd": -1}}), "quota.daily_usd"),
        (
            json!({"permissions": {"ips": ["nowhere"]}}),
            "permissions.ips",
        ),
        (json!({"stattus": "active"}), "stattus"),
    ] {
        let answer = admin.patch(&path(&key), &bad);
        assert_eq!(answer.status, 422, "{bad}: {}", answer.body);
        assert!(
            answer.json()["error"]["param"]
                .as_str()
                .unwrap_or("")
                .contains(field),
            "{bad}: {}",
            answer.body
        );
    }
}

#[test]
fn what_a_key_cannot_have_is_named_by_the_path_of_its_field() {
    let gateway = TestGateway::start();
    let admin = gateway.admin();
    let key = gateway.key(&json!({}));
    for (bad, field) in [
        (json!({"quota": {"daily_usd": "much"}}), "quota.daily_usd"),
        (
            json!({"quota": {"monthly_tokens": 1.5}}),
            "quota.monthly_tokens",
        ),
        (
            json!({"quota": {"total_requests": -1}}),
            "quota.total_requests",
        ),
        (json!({"quota": {"weekly_usd": 1}}), "quota.weekly_usd"),
        // No call could ever be made: that is what disabling is for.
        (json!({"rate_limit": {"rpm": 0}}), "rate_limit.rpm"),
        (
            json!({"rate_limit": {"tpm": 5_000_000_000u64}}),
            "rate_limit.tpm",
        ),
        (
            json!({"rate_limit": {"concurrency": 0}}),
            "rate_limit.concurrency",
        ),
        (json!({"rate_limit": {"rps": 0}}), "rate_limit.rps"),
        (json!({"rate_limit": {"rps": -1}}), "rate_limit.rps"),
        (json!({"rate_limit": {"rps": 0.0001}}), "rate_limit.rps"),
        (json!({"rate_limit": {"rps": 1_000_001}}), "rate_limit.rps"),
        (json!({"rate_limit": {"rps": "10"}}), "rate_limit.rps"),
        (json!({"rate_limit": {"burst": 5}}), "rate_limit.burst"),
        (
            json!({"rate_limit": {"rps": 1, "burst": 0}}),
            "rate_limit.burst",
        ),
        (
            json!({"rate_limit": {"rps": 1, "burst": 1_000_001}}),
            "rate_limit.burst",
        ),
        (
            json!({"permissions": {"models": ["a[b"]}}),
            "permissions.models",
        ),
        (
            json!({"permissions": {"endpoints": ["chats"]}}),
            "permissions.endpoints",
        ),
        (
            json!({"permissions": {"ips": ["2001:db8::/129"]}}),
            "permissions.ips",
        ),
    ] {
        for answer in [
            admin.post("/api/keys", &bad),
            admin.patch(&path(&key), &bad),
        ] {
            assert_eq!(answer.expect(422)["error"]["param"], field, "{bad}");
        }
    }
    let unchanged = admin.get(&path(&key)).expect(200);
    for field in ["quota", "rate_limit", "permissions"] {
        assert_eq!(unchanged[field], key[field]);
    }
}

#[test]
fn permissions_hold_on_every_route() {
    let gateway = TestGateway::start();
    let key = gateway
        .key(&json!({"permissions": {"models": ["gpt-*"], "endpoints": ["chat", "embeddings"]}}));
    let client = gateway.client(secret(&key));
    assert_eq!(
        client.chat(&chat("echo", "x")).expect_error(403),
        "model_not_allowed"
    );
    assert_eq!(
        client
            .post("/v1/responses", &json!({"model": "gpt-4o", "input": "x"}))
            .expect_error(403),
        "endpoint_not_allowed"
    );
    assert_eq!(client.get("/v1/models").expect(200)["data"], json!([]));
    assert_eq!(
        client.get("/v1/models/echo").expect_error(404),
        "model_not_found"
    );
    let elsewhere = gateway.key(&json!({"permissions": {"ips": ["192.0.2.0/24"]}}));
    for route in [
        "/v1/models",
        "/v1/balance",
        "/v1/usage",
        "/v1/dashboard/user/info",
    ] {
        assert_eq!(
            gateway
                .client(secret(&elsewhere))
                .get(route)
                .expect_error(403),
            "ip_not_allowed",
            "{route}"
        );
    }
}

#[test]
fn a_stream_in_flight_ends_when_its_key_is_disabled() {
    let gate = Gate::default();
    let held = gate.clone();
    let upstream = Upstream::start(move |_| {
        Script::stream()
            .word("one")
            .word("two")
            .wait(&held)
            .word("three")
            .usage(5, 3)
            .done()
    });
    let gateway = TestGateway::start();
    gateway.channel(&upstream, &["slow"]);
    let key = gateway.key(&json!({"name": "k"}));
    let client = gateway.client(secret(&key));
    let stream = std::thread::spawn(move || client.chat(&streamed_chat("slow", "hello")));
    eventually("the upstream's request", || {
        (!upstream.requests().is_empty()).then_some(())
    });
    let admin = gateway.admin();
    let asked = std::time::Instant::now();
    admin
        .patch(&path(&key), &json!({"status": "disabled"}))
        .expect(200);
    let answer = stream.join().unwrap();
    let took = asked.elapsed();
    gate.open();
    assert!(
        answer.body.contains("api_key_disabled") && !answer.body.contains("[DONE]"),
        "{}",
        answer.body
    );
    assert!(took < Duration::from_secs(2), "{took:?}");
    let call = eventually("the call", || admin.calls().into_iter().next());
    assert_eq!(
        (&call["status"], &call["error_code"]),
        (&json!("error"), &json!("api_key_disabled"))
    );
    assert!(
        call["usage"]["completion_tokens"].as_u64().unwrap() > 0
            && call["usage"]["estimated"] == true,
        "{call}"
    );
}

#[test]
fn every_change_of_a_key_is_in_the_audit_log() {
    let gateway = TestGateway::start();
    let admin = gateway.admin();
    let key = gateway.key(&json!({"name": "k"}));
    admin
        .patch(&path(&key), &json!({"status": "disabled"}))
        .expect(200);
    admin
        .patch(
            &path(&key),
            &json!({"status": "active", "quota": {"daily_usd": 2}}),
        )
        .expect(200);
    admin.delete(&path(&key));
    let log = admin.get("/api/audit").expect(200);
    let actions: Vec<_> = log["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["action"].as_str().unwrap())
        .collect();
    assert_eq!(
        actions[..4],
        ["key.delete", "key.enable", "key.disable", "key.create"]
    );
    assert_eq!(
        log["items"][1]["changes"]["quota.daily_usd"],
        json!(["none", "2"])
    );
    assert_eq!(log["items"][1]["username"], "ada");
}
