//! What should be looked at in keys is told with each of them, and found among all of them.

use std::collections::BTreeMap;
use std::time::Duration;

use real200::clock::Clock;
use real200::domain::Timestamp;
use serde_json::{Value, json};

use super::harness::{Console, TestGateway, chat};

/// The keys with a hint, by name, oldest first.
fn hinted(admin: &Console, hint: &str) -> Vec<String> {
    let found = admin.get(&format!("/api/keys?hint={hint}")).expect(200);
    let names = found["items"].as_array().unwrap().iter().rev();
    let names: Vec<_> = names
        .map(|key| key["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(found["total"], names.len(), "{found}");
    names
}

#[test]
fn keys_that_should_be_looked_at_say_so_and_are_found_by_it() {
    let start = Timestamp::parse("2026-11-24T12:00:00Z").unwrap();
    let gateway = TestGateway::with(Clock::manual(start), |_| {});
    let end = "2027-11-24T12:00:00Z";
    let keys: BTreeMap<&str, Value> = [
        (
            "capped",
            json!({"quota": {"daily_usd": 1}, "expires_at": end}),
        ),
        ("slow", json!({"rate_limit": {"rpm": 5}, "expires_at": end})),
        ("endless", json!({"quota": {"daily_usd": 1}})),
        ("open", json!({})),
        ("off", json!({})),
        (
            "used",
            json!({"quota": {"total_requests": 9}, "expires_at": end}),
        ),
        ("over", json!({"expires_at": "2026-12-01T00:00:00Z"})),
    ]
    .into_iter()
    .map(|(name, mut settings)| {
        settings["name"] = json!(name);
        (name, gateway.key(&settings))
    })
    .collect();
    let off = format!("/api/keys/{}", keys["off"]["id"].as_str().unwrap());
    let off = gateway.admin().patch(&off, &json!({"status": "disabled"}));
    // What does not work is no risk.
    assert_eq!(off.expect(200)["hints"], json!([]));
    assert_eq!(keys["capped"]["hints"], json!([]));
    assert_eq!(keys["open"]["hints"], json!(["no_limit", "no_expiry"]));

    let admin = gateway.admin();
    assert_eq!(hinted(&admin, "no_limit"), ["open", "over"]);
    assert_eq!(hinted(&admin, "no_expiry"), ["endless", "open"]);
    assert!(hinted(&admin, "unused").is_empty());

    gateway.clock.advance(Duration::from_secs(45 * 86_400));
    let used = gateway.client(keys["used"]["key"].as_str().unwrap());
    used.chat(&chat("echo", "x")).expect(200);
    gateway.clock.advance(Duration::from_secs(45 * 86_400));
    let admin = gateway.admin();
    assert_eq!(
        hinted(&admin, "unused"),
        ["capped", "slow", "endless", "open"]
    );
    assert_eq!(hinted(&admin, "no_limit"), ["open"]);
    let second = admin
        .get("/api/keys?hint=unused&page_size=3&page=2")
        .expect(200);
    assert_eq!(
        (
            &second["total"],
            &second["items"][0]["name"],
            &second["items"][1]
        ),
        (&json!(4), &json!("capped"), &Value::Null)
    );

    let wrong = admin.get("/api/keys?hint=dusty");
    assert_eq!(wrong.json()["error"]["param"], "hint");
    assert_eq!(wrong.expect_error(422), "invalid_field");
}
