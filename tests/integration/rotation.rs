//! A key is replaced without a gap, and two live keys do not spend twice.

use std::time::Duration;

use real200::clock::Clock;
use real200::domain::Timestamp;
use serde_json::{Value, json};

use super::harness::{Console, Gate, KeyClient, Script, TestGateway, Upstream, chat};
use super::harness::{eventually, streamed_chat};

fn path(key: &Value) -> String {
    format!("/api/keys/{}", key["id"].as_str().unwrap())
}

fn client(gateway: &TestGateway, key: &Value) -> KeyClient {
    gateway.client(key["key"].as_str().unwrap())
}

fn rotate(admin: &Console, key: &Value, how: &Value) -> Value {
    admin
        .post(&format!("{}/rotate", path(key)), how)
        .expect(201)
}

fn at(time: &str) -> TestGateway {
    TestGateway::with(Clock::manual(Timestamp::parse(time).unwrap()), |_| {})
}

#[test]
fn a_successor_has_the_settings_of_its_predecessor_and_a_secret_of_its_own() {
    let gateway = TestGateway::start();
    let admin = gateway.admin();
    let old = gateway.key(&json!({
        "name": "production", "expires_at": "2099-01-01T00:00:00Z", "quota": {"daily_usd": 0.5, "total_requests": 9},
        "rate_limit": {"rpm": 600}, "permissions": {"models": ["echo"], "endpoints": ["chat"], "ips": ["127.0.0.0/8"]},
    }));
    let new = rotate(&admin, &old, &json!({}));
    for field in [
        "name",
        "account_id",
        "expires_at",
        "quota",
        "rate_limit",
        "permissions",
    ] {
        assert_eq!(new[field], old[field], "{field}");
    }
    assert!(new["key"] != old["key"] && new["masked"] != old["masked"] && new["id"] != old["id"]);
    assert_eq!(
        (&new["rotated_from"], &new["rotated_to"], &new["disable_at"]),
        (&old["id"], &Value::Null, &Value::Null)
    );
    let old_now = admin.get(&path(&old)).expect(200);
    assert_eq!(
        (
            &old_now["rotated_to"],
            &old_now["status"],
            &old_now["disable_at"]
        ),
        (&new["id"], &json!("active"), &Value::Null)
    );
    for key in [&old, &new] {
        client(&gateway, key).chat(&chat("echo", "x")).expect(200);
    }
    assert_eq!(admin.get("/api/keys").expect(200)["total"], 2);
    let log = admin.get("/api/audit").expect(200)["items"][0].clone();
    assert_eq!(
        (
            &log["action"],
            &log["target_id"],
            &log["changes"]["rotated_to"]
        ),
        (
            &json!("key.rotate"),
            &old["id"],
            &json!(["none", new["id"]])
        )
    );
}

#[test]
fn two_live_keys_of_one_budget_do_not_double_it_not_even_across_a_restart() {
    let mut gateway = TestGateway::start();
    let old = gateway.key(&json!({"quota": {"total_requests": 3}}));
    let new = rotate(&gateway.admin(), &old, &json!({}));
    client(&gateway, &old).chat(&chat("echo", "x")).expect(200);
    client(&gateway, &new).chat(&chat("echo", "x")).expect(200);
    gateway.restart();
    client(&gateway, &old).chat(&chat("echo", "x")).expect(200);
    for key in [&old, &new] {
        let refused = client(&gateway, key).chat(&chat("echo", "x")).expect(402);
        assert_eq!(refused["error"]["param"], "key.total_requests");
    }
    let admin = gateway.admin();
    for (key, own_requests) in [(&old, 2), (&new, 1)] {
        let shown = admin.get(&path(key)).expect(200);
        assert_eq!(shown["balance"]["used"]["total"]["requests"], 3, "{shown}");
        assert_eq!(shown["balance"]["remaining"]["total"]["requests"], 0);
        // Refused calls are in the log, and are no consumption.
        assert_eq!(
            shown["usage"]["requests"].as_u64().unwrap()
                - shown["usage"]["errors"].as_u64().unwrap(),
            own_requests,
            "{shown}"
        );
    }
    // A third generation shares it, too.
    let third = rotate(&admin, &new, &json!({}));
    client(&gateway, &third)
        .chat(&chat("echo", "x"))
        .expect(402);
}

#[test]
fn the_old_key_is_disabled_at_its_time_and_no_earlier() {
    let gateway = at("2026-11-24T07:00:00Z");
    let admin = gateway.admin();
    let old = gateway.key(&json!({}));
    let new = rotate(&admin, &old, &json!({"disable_old_after_s": 3600}));
    let shown = |key: &Value| admin.get(&path(key)).expect(200);
    assert_eq!(shown(&old)["disable_at"], "2026-11-24T08:00:00.000Z");
    gateway.clock.advance(Duration::from_secs(3599));
    client(&gateway, &old).chat(&chat("echo", "x")).expect(200);
    assert_eq!(
        (&shown(&old)["status"], &shown(&old)["refusal"]),
        (&json!("active"), &Value::Null)
    );
    gateway.clock.advance(Duration::from_secs(1));
    assert_eq!(
        client(&gateway, &old)
            .chat(&chat("echo", "x"))
            .expect_error(401),
        "api_key_disabled"
    );
    let disabled = shown(&old);
    assert_eq!(
        (&disabled["status"], &disabled["refusal"]["code"]),
        (&json!("disabled"), &json!("api_key_disabled"))
    );
    client(&gateway, &new).chat(&chat("echo", "x")).expect(200);
    for (status, key) in [("active", &new), ("disabled", &old)] {
        let list = admin.get(&format!("/api/keys?status={status}")).expect(200);
        assert_eq!(
            (&list["total"], &list["items"][0]["id"]),
            (&json!(1), &key["id"])
        );
    }
}

#[test]
fn the_time_at_which_the_old_key_is_disabled_survives_a_restart() {
    let mut gateway = at("2026-11-24T07:00:00Z");
    let old = gateway.key(&json!({}));
    let new = rotate(&gateway.admin(), &old, &json!({"disable_old_after_s": 60}));
    gateway.restart();
    client(&gateway, &old).chat(&chat("echo", "x")).expect(200);
    gateway.stop();
    gateway.clock.advance(Duration::from_secs(60));
    gateway.restart();
    assert_eq!(
        client(&gateway, &old)
            .chat(&chat("echo", "x"))
            .expect_error(401),
        "api_key_disabled"
    );
    client(&gateway, &new).chat(&chat("echo", "x")).expect(200);
}

#[test]
fn a_stream_in_flight_with_the_old_key_ends_when_it_is_disabled_by_rotation() {
    let gate = Gate::default();
    let held = gate.clone();
    let upstream = Upstream::start(move |_| {
        Script::stream()
            .word("one")
            .wait(&held)
            .word("two")
            .usage(5, 2)
            .done()
    });
    let gateway = TestGateway::start();
    gateway.channel(&upstream, &["slow"]);
    let old = gateway.key(&json!({}));
    let streaming = client(&gateway, &old);
    let stream = std::thread::spawn(move || streaming.chat(&streamed_chat("slow", "hello")));
    eventually("the upstream's request", || {
        (!upstream.requests().is_empty()).then_some(())
    });
    rotate(&gateway.admin(), &old, &json!({"disable_old_after_s": 1}));
    let answer = stream.join().unwrap();
    gate.open();
    assert!(
        answer.body.contains("api_key_disabled") && !answer.body.contains("[DONE]"),
        "{}",
        answer.body
    );
}

#[test]
fn a_planned_switch_off_can_be_called_off_and_a_key_that_it_disabled_enabled_again() {
    let gateway = at("2026-11-24T07:00:00Z");
    let admin = gateway.admin();
    let old = gateway.key(&json!({}));
    rotate(&admin, &old, &json!({"disable_old_after_s": 60}));
    let kept = admin
        .patch(&path(&old), &json!({"disable_at": null}))
        .expect(200);
    assert_eq!(kept["disable_at"], Value::Null);
    admin
        .patch(&path(&old), &json!({"disable_at": "2026-11-24T07:01:00Z"}))
        .expect(200);
    gateway.clock.advance(Duration::from_secs(60));
    client(&gateway, &old).chat(&chat("echo", "x")).expect(401);
    let enabled = admin
        .patch(&path(&old), &json!({"status": "active"}))
        .expect(200);
    assert_eq!(
        (&enabled["status"], &enabled["disable_at"]),
        (&json!("active"), &Value::Null)
    );
    client(&gateway, &old).chat(&chat("echo", "x")).expect(200);
    assert_eq!(
        admin.get("/api/audit").expect(200)["items"][0]["action"],
        "key.enable"
    );
    let past = admin.patch(&path(&old), &json!({"disable_at": "2026-11-24T07:00:00Z"}));
    assert_eq!(past.expect(422)["error"]["param"], "disable_at");
}

#[test]
fn what_cannot_be_rotated_says_why() {
    let gateway = at("2026-11-24T07:00:00Z");
    let admin = gateway.admin();
    let refused = |key: &Value, how: &Value, status: u16| {
        let answer = admin
            .post(&format!("{}/rotate", path(key)), how)
            .expect(status);
        answer["error"].clone()
    };
    let old = gateway.key(&json!({"expires_at": "2026-11-24T08:00:00Z"}));
    for (how, field) in [
        (
            json!({"disable_old_after_s": 31_536_001}),
            "disable_old_after_s",
        ),
        (json!({"disable_old_after_s": -1}), "disable_old_after_s"),
        (json!({"expires_at": "2026-11-24T06:00:00Z"}), "expires_at"),
        (json!({"after": 1}), "after"),
    ] {
        assert_eq!(refused(&old, &how, 422)["param"], field, "{how}");
    }
    let new = rotate(&admin, &old, &json!({}));
    let again = refused(&old, &json!({}), 409);
    assert!(
        again["message"]
            .as_str()
            .unwrap()
            .contains(new["id"].as_str().unwrap()),
        "{again}"
    );
    // Whoever lost the new key deletes it, and rotates again.
    admin.delete(&path(&new));
    assert_eq!(refused(&new, &json!({}), 404)["code"], "not_found");
    let second = rotate(&admin, &old, &json!({}));
    admin
        .patch(&path(&second), &json!({"status": "disabled"}))
        .expect(200);
    assert_eq!(refused(&second, &json!({}), 409)["code"], "conflict");
    admin
        .patch(&path(&second), &json!({"status": "active"}))
        .expect(200);
    gateway.clock.advance(Duration::from_secs(3600));
    assert_eq!(refused(&second, &json!({}), 409)["param"], "expires_at");
    let third = rotate(&admin, &second, &json!({"expires_at": null}));
    assert_eq!(third["expires_at"], Value::Null);
}
