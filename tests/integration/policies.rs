//! Policies hold for every key that is made, whoever makes it.

use std::time::Duration;

use real200::clock::Clock;
use real200::domain::Timestamp;
use serde_json::{Value, json};

use super::harness::{Console, TestGateway};

fn gateway() -> TestGateway {
    let clock = Clock::manual(Timestamp::parse("2026-11-24T07:00:00Z").unwrap());
    TestGateway::with(clock, |_| {})
}

fn path(key: &Value) -> String {
    format!("/api/keys/{}", key["id"].as_str().unwrap())
}

fn member(gateway: &TestGateway) -> Console {
    gateway
        .admin()
        .post(
            "/api/accounts",
            &json!({"username": "bob", "password": "a long password", "role": "member"}),
        )
        .expect(201);
    Console::log_in(&gateway.url(""), "bob", "a long password")
}

#[test]
fn no_new_key_lives_longer_than_the_longest_lifetime_whoever_makes_it() {
    for as_member in [false, true] {
        let gateway = gateway();
        let admin = gateway.admin();
        admin
            .patch("/api/settings", &json!({"key_max_lifetime_days": 30}))
            .expect(200);
        let who = if as_member { member(&gateway) } else { admin };
        let too_long = who.post("/api/keys", &json!({"expires_at": "2026-12-24T07:00:01Z"}));
        let error = too_long.expect(422)["error"].clone();
        assert_eq!(error["param"], "expires_at");
        let words = error["message"].as_str().unwrap();
        assert!(
            words.contains("30 days") && words.contains("2026-12-24T07:00:00"),
            "{words}"
        );
        let unnamed = who.post("/api/keys", &json!({})).expect(201);
        assert_eq!(unnamed["expires_at"], "2026-12-24T07:00:00.000Z");
        // Its life counts from its creation, however late it is extended.
        gateway.clock.advance(Duration::from_secs(600));
        for (end, status) in [
            (json!("2026-12-24T07:10:00Z"), 422),
            (Value::Null, 422),
            (json!("2026-12-01T00:00:00Z"), 200),
            (json!("2026-12-24T07:00:00Z"), 200),
        ] {
            let answer = who.patch(&path(&unnamed), &json!({"expires_at": end}));
            assert_eq!(answer.status, status, "{end}: {}", answer.body);
        }
        // A successor is a new key: it may live as long as its predecessor, or as long again where that is asked for.
        let successor = who
            .post(
                &format!("{}/rotate", path(&unnamed)),
                &json!({"expires_at": null}),
            )
            .expect(201);
        assert_eq!(successor["expires_at"], "2026-12-24T07:10:00.000Z");
    }
}

#[test]
fn keys_that_are_there_when_a_policy_comes_may_be_shortened_and_not_lengthened() {
    let gateway = gateway();
    let admin = gateway.admin();
    let key = gateway.key(&json!({}));
    admin
        .patch("/api/settings", &json!({"key_max_lifetime_days": 30}))
        .expect(200);
    let to = |end: Value| admin.patch(&path(&key), &json!({"name": "old", "expires_at": end}));
    assert_eq!(to(Value::Null).expect(200)["expires_at"], Value::Null);
    to(json!("2030-01-01T00:00:00Z")).expect(200);
    to(json!("2029-01-01T00:00:00Z")).expect(200);
    assert_eq!(
        to(json!("2029-01-02T00:00:00Z")).expect(422)["error"]["param"],
        "expires_at"
    );
    to(Value::Null).expect(422);
    let successor = admin
        .post(&format!("{}/rotate", path(&key)), &json!({}))
        .expect(201);
    assert_eq!(successor["expires_at"], "2026-12-24T07:00:00.000Z");
}

#[test]
fn a_key_that_is_made_without_a_quota_gets_the_default_one() {
    let mut gateway = gateway();
    gateway
        .admin()
        .patch(
            "/api/settings",
            &json!({"key_default_quota": {"daily_usd": 0.1, "monthly_requests": 1000}}),
        )
        .expect(200);
    gateway.restart();
    for without in [json!({}), json!({"quota": null}), json!({"quota": {}})] {
        let key = gateway.key(&without);
        assert_eq!(
            (
                &key["quota"]["daily_usd"],
                &key["quota"]["monthly_requests"]
            ),
            (&json!(0.1), &json!(1000)),
            "{without}"
        );
    }
    let own = gateway.key(&json!({"quota": {"total_tokens": 5}}));
    assert_eq!(
        (&own["quota"]["total_tokens"], &own["quota"]["daily_usd"]),
        (&json!(5), &Value::Null)
    );
    gateway
        .admin()
        .patch("/api/settings", &json!({"key_default_quota": null}))
        .expect(200);
    assert_eq!(gateway.key(&json!({}))["quota"]["daily_usd"], Value::Null);
}

#[test]
fn policies_survive_a_restart_are_audited_and_an_admins_alone() {
    let mut gateway = gateway();
    let admin = gateway.admin();
    let fresh = admin.get("/api/settings").expect(200);
    assert_eq!(
        (&fresh["key_max_lifetime_days"], &fresh["key_default_quota"]),
        (&Value::Null, &Value::Null)
    );
    admin
        .patch(
            "/api/settings",
            &json!({"key_max_lifetime_days": 90, "key_default_quota": {"total_usd": 3}}),
        )
        .expect(200);
    for (bad, field) in [
        (json!({"key_max_lifetime_days": 0}), "key_max_lifetime_days"),
        (
            json!({"key_max_lifetime_days": 36_501}),
            "key_max_lifetime_days",
        ),
        (
            json!({"key_default_quota": {"daily_usd": -1}}),
            "key_default_quota.daily_usd",
        ),
        (json!({"listen": "0.0.0.0:80"}), "listen"),
    ] {
        let answer = admin.patch("/api/settings", &bad);
        assert_eq!(answer.expect(422)["error"]["param"], field, "{bad}");
    }
    assert_eq!(
        member(&gateway)
            .patch("/api/settings", &json!({"key_max_lifetime_days": null}))
            .expect_error(403),
        "forbidden"
    );
    gateway.restart();
    let admin = gateway.admin();
    let kept = admin.get("/api/settings").expect(200);
    assert_eq!(
        (
            &kept["key_max_lifetime_days"],
            &kept["key_default_quota"]["total_usd"]
        ),
        (&json!(90), &json!(3))
    );
    let log = admin.get("/api/audit").expect(200);
    let entry = log["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["action"] == "settings.update")
        .unwrap();
    assert_eq!(
        entry["changes"],
        json!({"key_max_lifetime_days": ["none", "90"], "key_default_quota.total_usd": ["none", "3"]})
    );
}
