//! Several credentials on one channel: used in turn, each with its own rest, and out one by one.

use std::time::Duration;

use real200::clock::Clock;
use real200::domain::Timestamp;
use serde_json::{Value, json};

use super::harness::{Console, Request, Script, TestGateway, Upstream, chat};

fn good() -> Script {
    Script::chat("hi", 1, 1)
}

fn refusing(words: &str) -> Script {
    Script::json(401, &json!({"error": {"message": words}}))
}

/// The credential that a request came with.
fn presented(request: &Request) -> &str {
    let header = request.header("authorization").unwrap();
    header.strip_prefix("Bearer ").unwrap()
}

/// A channel with several credentials, whose turn it is by the calls and not by the key.
fn channel(admin: &Console, upstream: &Upstream, credentials: &[&str]) -> Value {
    let turns = json!({"routing_sticky": false});
    admin.patch("/api/settings", &turns).expect(200);
    let body = json!({
        "name": "several", "kind": "openai", "base_url": upstream.base_url(),
        "credentials": credentials, "models": ["m", "n"],
    });
    admin.post("/api/channels", &body).expect(201)
}

fn path(channel: &Value) -> String {
    format!("/api/channels/{}", channel["id"].as_str().unwrap())
}

fn states(channel: &Value) -> Vec<&str> {
    let credentials = channel["credentials"].as_array().unwrap().iter();
    credentials.map(|c| c["state"].as_str().unwrap()).collect()
}

fn id(channel: &Value, place: usize) -> &str {
    channel["credentials"][place]["id"].as_str().unwrap()
}

/// Channel and credential of each attempt of the newest call, and how it went.
fn attempts(admin: &Console) -> Vec<(Value, Value)> {
    let call = admin.calls()[0].clone();
    let attempts = call["attempts"].as_array().unwrap().iter();
    attempts
        .map(|attempt| (attempt["credential"].clone(), attempt["status"].clone()))
        .collect()
}

#[test]
fn the_credentials_of_a_channel_are_used_in_turn_and_never_returned() {
    let upstream = Upstream::start(|_| good());
    let gateway = TestGateway::start();
    let admin = gateway.admin();
    let made = channel(&admin, &upstream, &["sk-a", " sk-b ", "sk-a"]);
    assert_eq!(states(&made), ["healthy", "healthy"]);
    assert!(!made.to_string().contains("sk-a"), "{made}");
    let client = gateway.new_client();
    for _ in 0..6 {
        client.chat(&chat("m", "x")).expect(200);
    }
    for credential in ["sk-a", "sk-b"] {
        let requests = upstream.requests();
        let mine = requests.iter().filter(|r| presented(r) == credential);
        assert_eq!(mine.count(), 3, "{credential}");
    }
}

#[test]
fn a_rate_limit_rests_one_credential_for_one_model_and_the_next_is_tried_at_once() {
    let clock = Clock::manual(Timestamp::parse("2026-05-04T10:00:00Z").unwrap());
    let gateway = TestGateway::with(clock.clone(), |_| {});
    let upstream = Upstream::start(|request| {
        let limited = presented(request) == "sk-a" && request.json()["model"] == "m";
        if limited { Script::limited(30) } else { good() }
    });
    let admin = gateway.admin();
    let made = channel(&admin, &upstream, &["sk-a", "sk-b"]);
    let client = gateway.new_client();
    for _ in 0..4 {
        client.chat(&chat("m", "x")).expect(200);
    }
    let asked = |credential: &str, model: &str| {
        let requests = upstream.requests();
        let mine = |r: &&Request| presented(r) == credential && r.json()["model"] == model;
        requests.iter().filter(mine).count()
    };
    assert_eq!((asked("sk-a", "m"), asked("sk-b", "m")), (1, 4));
    let first = admin.calls().last().unwrap()["attempts"].clone();
    let tried = |place: usize| {
        (
            first[place]["credential"].clone(),
            first[place]["status"].clone(),
        )
    };
    assert_eq!(tried(0), (json!(1), json!("provider_error")), "{first}");
    assert_eq!(tried(1), (json!(2), json!("ok")), "{first}");
    for _ in 0..2 {
        client.chat(&chat("n", "x")).expect(200);
    }
    assert_eq!((asked("sk-a", "n"), asked("sk-b", "n")), (1, 1));
    let shown = admin.get(&path(&made)).expect(200);
    assert_eq!(states(&shown), ["rate_limited", "healthy"]);
    assert_eq!(
        shown["credentials"][0]["rate_limited"],
        json!([{"model": "m", "until": "2026-05-04T10:00:30.000Z"}])
    );
    // The channel itself takes calls for the model.
    assert_eq!(shown["health"]["state"], "healthy");
    assert_eq!(shown["health"]["rate_limited"], json!([]));
    clock.advance(Duration::from_secs(30));
    assert_eq!(
        states(&admin.get(&path(&made)).expect(200)),
        ["healthy", "healthy"]
    );
}

#[test]
fn a_refused_credential_is_out_and_the_channel_only_when_all_are() {
    let upstream = Upstream::start(|request| match presented(request) {
        "sk-a" => refusing("sk-a is revoked"),
        "sk-b" if request.text.contains("too far") => refusing("no more of that"),
        _ => good(),
    });
    let gateway = TestGateway::start();
    let admin = gateway.admin();
    let made = channel(&admin, &upstream, &["sk-a", "sk-b"]);
    let client = gateway.new_client();
    for _ in 0..3 {
        client.chat(&chat("m", "x")).expect(200);
    }
    assert_eq!(upstream.requests().len(), 4);
    let shown = admin.get(&path(&made)).expect(200);
    assert_eq!(states(&shown), ["refused", "healthy"]);
    assert_eq!(shown["credentials"][0]["reason"], "*** is revoked");
    assert_eq!(shown["health"]["state"], "healthy");

    assert_eq!(
        client.chat(&chat("m", "too far")).expect_error(502),
        "bad_gateway"
    );
    let shown = admin.get(&path(&made)).expect(200);
    assert_eq!(states(&shown), ["refused", "refused"]);
    assert_eq!(shown["health"]["state"], "credential_refused");
    let refused = client.chat(&chat("m", "x"));
    assert!(refused.body.contains("Your own API key is fine"));
    assert_eq!(refused.expect_error(502), "bad_gateway");
    assert_eq!(upstream.requests().len(), 5);

    // A test that goes well brings back the credential that it was made with.
    let test = |place| {
        let body = json!({"credential": id(&made, place)});
        admin
            .post(&format!("{}/test", path(&made)), &body)
            .expect(200)["ok"]
            .clone()
    };
    assert_eq!((test(0), test(1)), (json!(false), json!(true)));
    assert_eq!(
        states(&admin.get(&path(&made)).expect(200)),
        ["refused", "healthy"]
    );
    client.chat(&chat("m", "x")).expect(200);
}

#[test]
fn a_credential_that_stays_in_an_edit_keeps_its_seal_and_its_state() {
    let upstream = Upstream::start(|request| match presented(request) {
        "sk-a" => refusing("revoked"),
        _ => good(),
    });
    let gateway = TestGateway::start();
    let admin = gateway.admin();
    let made = channel(&admin, &upstream, &["sk-a", "sk-b"]);
    let client = gateway.new_client();
    client.chat(&chat("m", "x")).expect(200);
    client.chat(&chat("m", "x")).expect(200);
    let set = |credentials: Value| {
        let change = json!({ "credentials": credentials });
        admin.patch(&path(&made), &change).expect(200)
    };
    // Named by its id or entered once more: it is the same.
    for same in [json!({"id": id(&made, 0)}), json!("sk-a")] {
        let after = set(json!([same, "sk-c"]));
        assert_eq!(states(&after), ["refused", "healthy"], "{after}");
        assert_eq!(id(&after, 0), id(&made, 0));
    }
    let after = set(json!(["sk-b", "sk-a"]));
    assert_eq!(states(&after), ["healthy", "refused"], "{after}");
    let one = admin.patch(&path(&made), &json!({"credential": "sk-d"}));
    assert_eq!(states(&one.expect(200)), ["healthy"]);
    let none = admin.patch(&path(&made), &json!({"credential": null}));
    assert_eq!(states(&none.expect(200)), Vec::<&str>::new());

    for (wrong, field) in [
        (
            json!({"credentials": [{"id": id(&made, 0)}]}),
            "credentials",
        ),
        (json!({"credentials": [" "]}), "credentials"),
        (
            json!({"credential": "x", "credentials": ["y"]}),
            "credentials",
        ),
    ] {
        let refused = admin.patch(&path(&made), &wrong).expect(422);
        assert_eq!(refused["error"]["param"], field, "{wrong}");
    }
}

#[test]
fn a_channel_that_fails_is_not_asked_once_more_with_another_credential() {
    let failing = Upstream::start(|_| Script::json(500, &json!({"error": {"message": "boom"}})));
    let spare = Upstream::start(|_| good());
    let gateway = TestGateway::start();
    let admin = gateway.admin();
    let made = channel(&admin, &failing, &["sk-a", "sk-b"]);
    admin
        .patch(&path(&made), &json!({"priority": 1}))
        .expect(200);
    gateway.channel(&spare, &["m"]);
    gateway.new_client().chat(&chat("m", "x")).expect(200);
    assert_eq!(
        attempts(&admin),
        [
            (json!(1), json!("provider_error")),
            (Value::Null, json!("ok"))
        ]
    );
}
