//! What is used, set aside and left is told wherever somebody asks: to the key itself, and in the console.

use std::time::Duration;

use real200::clock::Clock;
use real200::domain::Timestamp;
use serde_json::{Value, json};

use super::harness::{
    Console, Gate, Script, TestGateway, Upstream, chat, eventually, streamed_chat,
};

fn path(kind: &str, record: &Value) -> String {
    format!("/api/{kind}/{}", record["id"].as_str().unwrap())
}

fn at(time: &str) -> TestGateway {
    TestGateway::with(Clock::manual(Timestamp::parse(time).unwrap()), |_| {})
}

fn account(admin: &Console, quota: &Value) -> Value {
    admin
        .post(
            "/api/accounts",
            &json!({"username": "bob", "password": "a long password", "role": "member", "quota": quota}),
        )
        .expect(201)
}

/// A model at $1 a million tokens, answered with 20 prompt and 10 completion tokens.
fn priced(gateway: &TestGateway) -> Upstream {
    let upstream = Upstream::start(|_| Script::chat("hi", 20, 10));
    gateway.channel(&upstream, &["m"]);
    gateway
        .admin()
        .put(
            "/api/models/m",
            &json!({"input_usd_per_mtok": 1, "output_usd_per_mtok": 1, "max_output_tokens": 40}),
        )
        .expect(200);
    upstream
}

#[test]
fn key_and_account_show_what_is_used_and_left_in_each_window_and_when_it_resets() {
    let gateway = at("2026-11-29T23:00:00Z");
    let _upstream = priced(&gateway);
    let admin = gateway.admin();
    let owner = account(&admin, &json!({"total_usd": 1, "daily_requests": 5}));
    let quota = json!({"total_usd": 0.5, "monthly_tokens": 1000, "daily_requests": 3});
    let key = gateway.key(&json!({"account_id": owner["id"], "quota": quota}));
    let client = gateway.client(key["key"].as_str().unwrap());
    client.chat(&chat("m", "x")).expect(200);
    gateway.clock.advance(Duration::from_secs(3600));
    client.chat(&chat("m", "x")).expect(200);

    let amounts = |usd: f64, tokens: u64, requests: u64| json!({"usd": usd, "tokens": tokens, "requests": requests});
    let shown = admin.get(&path("keys", &key)).expect(200);
    let used = json!({"total": amounts(6e-5, 60, 2), "monthly": amounts(6e-5, 60, 2), "daily": amounts(3e-5, 30, 1)});
    assert_eq!(shown["balance"]["used"], used);
    assert_eq!(
        shown["balance"]["remaining"],
        json!({
            "total": {"usd": 0.49994, "tokens": null, "requests": null},
            "monthly": {"usd": null, "tokens": 940, "requests": null},
            "daily": {"usd": null, "tokens": null, "requests": 2},
        })
    );
    assert_eq!(shown["balance"]["reserved"]["requests"], 0);
    assert_eq!(
        shown["balance"]["resets_at"],
        json!({"monthly": "2026-12-01T00:00:00.000Z", "daily": "2026-12-01T00:00:00.000Z"})
    );
    let owner = admin.get(&path("accounts", &owner)).expect(200);
    assert_eq!(owner["balance"]["used"], used);
    assert_eq!(owner["balance"]["remaining"]["total"]["usd"], 0.99994);

    let told = client.get("/v1/balance").expect(200);
    for (holder, in_console) in [("key", &shown), ("account", &owner)] {
        for part in ["used", "remaining", "reserved"] {
            assert_eq!(told[holder][part], in_console["balance"][part], "{part}");
        }
    }
    assert_eq!(told["resets_at"], shown["balance"]["resets_at"]);
    assert_eq!(
        client.get("/v1/dashboard/user/info").expect(200)["balance"],
        told
    );
}

#[test]
fn what_is_set_aside_for_a_call_in_flight_is_shown_and_is_not_left() {
    let gate = Gate::default();
    let held = gate.clone();
    let upstream =
        Upstream::start(move |_| Script::stream().wait(&held).word("hi").usage(20, 10).done());
    let gateway = TestGateway::start();
    gateway.channel(&upstream, &["m"]);
    let admin = gateway.admin();
    admin
        .put(
            "/api/models/m",
            &json!({"input_usd_per_mtok": 1, "output_usd_per_mtok": 1, "max_output_tokens": 40}),
        )
        .expect(200);
    let key = gateway.key(&json!({"quota": {"daily_requests": 1, "total_usd": 1}}));
    let client = gateway.client(key["key"].as_str().unwrap());
    let calling = client.clone();
    let call = std::thread::spawn(move || calling.chat(&streamed_chat("m", "x")).body);
    eventually("the upstream's request", || {
        (!upstream.requests().is_empty()).then_some(())
    });
    let shown = admin.get(&path("keys", &key)).expect(200);
    let reserved = shown["balance"]["reserved"]["usd"].as_f64().unwrap();
    assert!(reserved >= 30e-6, "{shown}");
    assert_eq!(shown["balance"]["remaining"]["daily"]["requests"], 0);
    assert_eq!(shown["refusal"]["param"], "key.daily_requests");
    gate.open();
    assert!(call.join().unwrap().contains("[DONE]"));
    let after = admin.get(&path("keys", &key)).expect(200);
    assert_eq!(after["balance"]["reserved"]["usd"], 0);
    assert_eq!(after["balance"]["used"]["total"]["usd"], 3e-5);
}

#[test]
fn a_keys_row_says_why_its_next_call_would_be_refused_and_so_does_the_call() {
    let clock = Clock::manual(Timestamp::parse("2026-11-24T07:00:00Z").unwrap());
    let gateway = TestGateway::with(clock, |config| config.session.idle_minutes = 7 * 24 * 60);
    let admin = gateway.admin();
    let owner = account(&admin, &json!({"monthly_requests": 2}));
    let key = gateway.key(&json!({
        "account_id": owner["id"], "expires_at": "2026-11-25T12:00:00Z", "quota": {"daily_requests": 1},
    }));
    let client = gateway.client(key["key"].as_str().unwrap());
    let refused_for = |code: &str, param: Option<&str>| {
        let listed = admin.get("/api/keys").expect(200)["items"][0].clone();
        let answer = client.chat(&chat("echo", "x")).json();
        for told in [&listed["refusal"], &answer["error"]] {
            assert_eq!(
                (&told["code"], &told["param"]),
                (&json!(code), &json!(param))
            );
        }
        listed["refusal"]["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        admin.get("/api/keys").expect(200)["items"][0]["refusal"],
        Value::Null
    );
    client.chat(&chat("echo", "x")).expect(200);
    let words = refused_for("insufficient_quota", Some("key.daily_requests"));
    assert!(words.contains("resets at 2026-11-25T00:00:00"), "{words}");
    gateway.clock.advance(Duration::from_secs(24 * 3600));
    client.chat(&chat("echo", "x")).expect(200);
    admin
        .patch(&path("keys", &key), &json!({"quota": {}}))
        .expect(200);
    refused_for("insufficient_quota", Some("account.monthly_requests"));
    admin
        .patch(&path("keys", &key), &json!({"status": "disabled"}))
        .expect(200);
    refused_for("api_key_disabled", None);
    admin
        .patch(&path("keys", &key), &json!({"status": "active"}))
        .expect(200);
    gateway.clock.advance(Duration::from_secs(5 * 3600));
    refused_for("api_key_expired", None);
    admin
        .patch(&path("accounts", &owner), &json!({"status": "disabled"}))
        .expect(200);
    refused_for("account_disabled", None);
}

#[test]
fn a_top_up_raises_the_balance_for_the_very_next_call_and_top_ups_add_up() {
    let gateway = TestGateway::start();
    let _upstream = priced(&gateway);
    let admin = gateway.admin();
    let owner = account(&admin, &json!({"total_usd": 0}));
    let key = gateway.key(&json!({"account_id": owner["id"]}));
    let client = gateway.client(key["key"].as_str().unwrap());
    assert_eq!(
        client.chat(&chat("m", "x")).expect(402)["error"]["param"],
        "account.total_usd"
    );
    let top_up = format!("{}/top-up", path("accounts", &owner));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let admin = gateway.admin();
                for _ in 0..5 {
                    admin.post(&top_up, &json!({"usd": 0.1})).expect(200);
                }
            });
        }
    });
    client.chat(&chat("m", "x")).expect(200);
    let owner = admin.get(&path("accounts", &owner)).expect(200);
    assert_eq!(
        (
            &owner["quota"]["total_usd"],
            &owner["balance"]["remaining"]["total"]["usd"]
        ),
        (&json!(4), &json!(3.99997))
    );
    let log = admin.get("/api/audit?limit=100").expect(200);
    let top_ups: Vec<_> = log["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["action"] == "account.top_up")
        .collect();
    assert_eq!(top_ups.len(), 40);
    let last = json!(["3.9", "4"]);
    assert!(
        top_ups
            .iter()
            .any(|entry| entry["changes"]["quota.total_usd"] == last)
    );
}

#[test]
fn what_is_no_top_up_says_why() {
    let gateway = TestGateway::start();
    let admin = gateway.admin();
    let owner = account(&admin, &json!({"total_usd": 1}));
    let top_up = |record: &Value, body: &Value| {
        admin.post(&format!("{}/top-up", path("accounts", record)), body)
    };
    for bad in [
        json!({"usd": 0}),
        json!({"usd": -1}),
        json!({"usd": 18_000_000}),
        json!({"usd": 1e99}),
        json!({"usd": "1"}),
        json!({}),
    ] {
        if bad == json!({"usd": 18_000_000}) {
            // The first time it fits, the second time it would be more than can be held.
            top_up(&owner, &bad).expect(200);
        }
        assert_eq!(
            top_up(&owner, &bad).expect(422)["error"]["param"],
            "usd",
            "{bad}"
        );
    }
    admin
        .patch(&path("accounts", &owner), &json!({"quota": {}}))
        .expect(200);
    let uncapped = top_up(&owner, &json!({"usd": 1})).expect(409);
    assert!(
        uncapped["error"]["message"]
            .as_str()
            .unwrap()
            .contains("quota.total_usd"),
        "{uncapped}"
    );
    let bob = Console::log_in(&gateway.url(""), "bob", "a long password");
    let own = format!("{}/top-up", path("accounts", &owner));
    assert_eq!(
        bob.post(&own, &json!({"usd": 1})).expect_error(403),
        "forbidden"
    );
}

#[test]
fn a_key_learns_what_it_has_used_by_hour_day_and_model() {
    let gateway = at("2026-11-24T22:30:00Z");
    let _upstream = priced(&gateway);
    let key = gateway.key(&json!({}));
    let other = gateway.new_client();
    let client = gateway.client(key["key"].as_str().unwrap());
    for _ in 0..3 {
        client.chat(&chat("m", "x")).expect(200);
        other.chat(&chat("m", "x")).expect(200);
        gateway.clock.advance(Duration::from_secs(3600));
    }
    client.chat(&chat("echo", "x")).expect(200);
    let rows = |query: &str| {
        let usage = client.get(&format!("/v1/usage{query}")).expect(200);
        let rows = usage["data"].as_array().unwrap().clone();
        rows.iter()
            .map(|row| {
                json!([
                    row["bucket"],
                    row.get("model").unwrap_or(&Value::Null),
                    row["requests"]
                ])
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(
        rows("?bucket=hour"),
        [
            json!(["2026-11-24T22:00:00.000Z", null, 1]),
            json!(["2026-11-24T23:00:00.000Z", null, 1]),
            json!(["2026-11-25T00:00:00.000Z", null, 1]),
            json!(["2026-11-25T01:00:00.000Z", null, 1]),
        ]
    );
    assert_eq!(
        rows("?bucket=day&group_by=model"),
        [
            json!(["2026-11-24T00:00:00.000Z", "m", 2]),
            json!(["2026-11-25T00:00:00.000Z", "echo", 1]),
            json!(["2026-11-25T00:00:00.000Z", "m", 1]),
        ]
    );
    assert_eq!(
        rows("?bucket=hour&from=2026-11-24T23:00:00Z&to=2026-11-25T00:00:00Z"),
        [json!(["2026-11-24T23:00:00.000Z", null, 1])]
    );
    for (query, field) in [
        ("?bucket=week", "bucket"),
        ("?group_by=key", "group_by"),
        ("?from=yesterday", "from"),
        ("?bucket=hour&from=2020-01-01T00:00:00Z", "from"),
    ] {
        let refused = client.get(&format!("/v1/usage{query}")).expect(400);
        assert_eq!(refused["error"]["param"], field, "{query}");
    }
}

#[test]
fn a_member_sees_their_own_account_and_no_other() {
    let gateway = at("2026-11-24T12:00:00Z");
    let _upstream = priced(&gateway);
    let admin = gateway.admin();
    let owner = account(&admin, &json!({"total_usd": 1, "daily_requests": 5}));
    let key = gateway.key(&json!({"account_id": owner["id"]}));
    let client = gateway.client(key["key"].as_str().unwrap());
    client.chat(&chat("m", "x")).expect(200);

    let member = Console::log_in(&gateway.url(""), "bob", "a long password");
    let own = member.get("/api/account").expect(200);
    assert_eq!(own, admin.get(&path("accounts", &owner)).expect(200));
    assert_eq!(
        (
            &own["username"],
            &own["balance"]["remaining"]["daily"]["requests"]
        ),
        (&json!("bob"), &json!(4))
    );
    assert_eq!(
        member.get(&path("accounts", &owner)).expect_error(403),
        "forbidden"
    );
    assert_eq!(
        gateway.stranger().get("/api/account").expect_error(401),
        "not_authenticated"
    );
}
