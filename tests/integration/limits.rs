//! Rate limits: on key and account, by request, token and concurrent call, as clients see them.

use std::time::Duration;

use real200::clock::Clock;
use real200::domain::Timestamp;
use serde_json::{Value, json};

use super::harness::{
    Gate, KeyClient, Reply, Script, TestGateway, Upstream, chat, eventually, streamed_chat,
};

fn limited(gateway: &TestGateway, limit: &Value) -> KeyClient {
    let key = gateway.key(&json!({"rate_limit": limit}));
    gateway.client(key["key"].as_str().unwrap())
}

fn limit_account(gateway: &TestGateway, limit: &Value) {
    let admin = gateway.admin();
    let id = admin.get("/api/accounts").expect(200)["items"][0]["id"].clone();
    let path = format!("/api/accounts/{}", id.as_str().unwrap());
    admin
        .patch(&path, &json!({"rate_limit": limit}))
        .expect(200);
}

fn standing(reply: &Reply, unit: &str) -> (u32, u32, String) {
    let header = |what| reply.header(&format!("x-ratelimit-{what}-{unit}")).unwrap();
    (
        header("limit").parse().unwrap(),
        header("remaining").parse().unwrap(),
        header("reset").to_owned(),
    )
}

/// The limit that refused it.
#[track_caller]
fn refused_by(reply: &Reply) -> String {
    assert_eq!(reply.status, 429, "{}", reply.body);
    let millis: u64 = reply.header("retry-after-ms").unwrap().parse().unwrap();
    let seconds: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert_eq!(seconds, millis.div_ceil(1_000));
    let error = &reply.json()["error"];
    assert_eq!(error["code"], "rate_limit_exceeded");
    error["param"].as_str().unwrap().to_owned()
}

#[test]
fn a_minute_admits_what_the_limit_says_and_every_answer_tells_how_it_stands() {
    let clock = Clock::manual(Timestamp::parse("2026-11-24T07:00:00Z").unwrap());
    let gateway = TestGateway::with(clock.clone(), |_| {});
    let client = limited(&gateway, &json!({"rpm": 20}));
    let mut admitted = 0;
    for second in 0..60 {
        let reply = client.chat(&chat("echo", "x"));
        let (limit, remaining, reset) = standing(&reply, "requests");
        if reply.status == 200 {
            admitted += 1;
            assert_eq!((limit, remaining), (20, 20 - admitted));
            assert!(
                reset.starts_with("1m0s") || reset.starts_with("1m1s"),
                "{reset}"
            );
        } else {
            assert_eq!(refused_by(&reply), "rpm");
            assert_eq!((limit, remaining), (20, 0));
            let wait: u64 = reply.header("retry-after-ms").unwrap().parse().unwrap();
            assert!(
                wait.abs_diff(60_000 - second * 1_000) < 500,
                "{second} {wait}"
            );
        }
        clock.advance(Duration::from_secs(1));
    }
    assert_eq!(admitted, 20);
    clock.advance(Duration::from_secs(1));
    client.chat(&chat("echo", "x")).expect(200);
}

#[test]
fn tokens_are_charged_as_estimated_at_admission_and_as_used_at_the_end() {
    let clock = Clock::manual(Timestamp::parse("2026-11-24T07:00:00Z").unwrap());
    let upstream = Upstream::start(|request| {
        if request.json()["stream"] == true {
            Script::stream().word("hi").usage(30, 870).done()
        } else {
            Script::chat("hi", 30, 70)
        }
    });
    let gateway = TestGateway::with(clock.clone(), |_| {});
    gateway.channel(&upstream, &["m"]);
    let client = limited(&gateway, &json!({"tpm": 1_000}));
    let first = client.chat(&chat("m", "x"));
    let (limit, estimated, _) = standing(&first, "tokens");
    first.expect(200);
    assert!(limit == 1_000 && estimated > 900, "{estimated}");
    let standing_now = || standing(&client.get("/v1/models"), "tokens").1;
    assert_eq!(standing_now(), 900);
    client.chat(&streamed_chat("m", "x"));
    eventually("the stream's tokens", || {
        (standing_now() == 0).then_some(())
    });
    let refused = client.chat(&chat("m", "x"));
    assert_eq!(refused_by(&refused), "tpm");
    clock.advance(Duration::from_secs(61));
    assert_eq!(standing_now(), 1_000);
    client.chat(&chat("m", "x")).expect(200);
}

#[test]
fn all_keys_of_an_account_share_its_limits() {
    let gateway = TestGateway::start();
    limit_account(&gateway, &json!({"rpm": 3, "tpm": 100_000}));
    let first = limited(&gateway, &json!({"rpm": 100}));
    let second = limited(&gateway, &Value::Null);
    first.chat(&chat("echo", "x")).expect(200);
    second.chat(&chat("echo", "x")).expect(200);
    let third = first.chat(&chat("echo", "x"));
    assert_eq!(
        (
            standing(&third, "requests").0,
            standing(&third, "requests").1
        ),
        (3, 0),
        "the tighter of both"
    );
    assert_eq!(standing(&third, "tokens").0, 100_000);
    assert_eq!(refused_by(&second.chat(&chat("echo", "x"))), "account.rpm");
    // The limit holds for the next call, and what was taken stays taken.
    limit_account(&gateway, &json!({"rpm": 4}));
    second.chat(&chat("echo", "x")).expect(200);
    assert_eq!(refused_by(&second.chat(&chat("echo", "x"))), "account.rpm");
}

#[test]
fn a_place_among_the_concurrent_calls_is_given_back_on_every_way_out() {
    let gate = Gate::default();
    let held = gate.clone();
    let upstream = Upstream::start(move |request| match request.json()["user"].as_str() {
        Some("error") => Script::json(400, &json!({"error": {"message": "no"}})),
        Some("cut") => Script::stream().word("hi").cut(),
        Some("held") => Script::stream().word("hi").wait(&held),
        _ => Script::chat("hi", 5, 5),
    });
    let gateway = TestGateway::start();
    gateway.channel(&upstream, &["m"]);
    let client = limited(&gateway, &json!({"concurrency": 1}));
    let ask = |way: &str| {
        let mut body = if way == "cut" || way == "held" {
            streamed_chat("m", "x")
        } else {
            chat("m", "x")
        };
        body["user"] = json!(way);
        body
    };
    let get_through = || {
        // A client that goes away is noticed a moment later.
        eventually("a place", || {
            let reply = client.chat(&ask("well"));
            if reply.status == 200 {
                return Some(());
            }
            assert_eq!(refused_by(&reply), "concurrency");
            None
        });
    };
    get_through();
    assert_ne!(client.chat(&ask("error")).status, 429);
    get_through();
    assert_ne!(client.chat(&ask("cut")).status, 429);
    get_through();
    let open = client.open("/v1/chat/completions", &ask("held"));
    assert_eq!(refused_by(&client.chat(&ask("well"))), "concurrency");
    drop(open);
    get_through();
    gate.open();
    assert_eq!(client.chat(&chat("unknown", "x")).status, 404);
    assert_eq!(client.chat(&json!({"model": 1})).status, 400);
    get_through();
}

#[test]
fn a_call_refused_for_its_quota_takes_nothing_from_the_rate_limit() {
    let gateway = TestGateway::start();
    let key = gateway.key(&json!({"rate_limit": {"rpm": 5, "tpm": 50_000, "concurrency": 1}, "quota": {"total_requests": 1}}));
    let client = gateway.client(key["key"].as_str().unwrap());
    client.chat(&chat("echo", "x")).expect(200);
    for _ in 0..9 {
        let refused = client.chat(&chat("echo", "x"));
        assert_eq!(standing(&refused, "requests").1, 4);
        assert_eq!(refused.expect_error(402), "insufficient_quota");
    }
}

fn set(gateway: &TestGateway, key: &Value, limit: &Value) {
    let path = format!("/api/keys/{}", key["id"].as_str().unwrap());
    gateway
        .admin()
        .patch(&path, &json!({"rate_limit": limit}))
        .expect(200);
}

/// How many of these calls, at one moment, get through; the others are refused for the pace, and say for how long.
fn at_once(client: &KeyClient, calls: u32, param: &str, millis: u64) -> u32 {
    let through = |_: &u32| {
        let reply = client.chat(&chat("echo", "x"));
        if reply.status == 200 {
            return true;
        }
        assert_eq!(refused_by(&reply), param);
        let wait: u64 = reply.header("retry-after-ms").unwrap().parse().unwrap();
        assert_eq!(wait, millis);
        false
    };
    u32::try_from((0..calls).filter(through).count()).unwrap()
}

#[test]
fn a_pace_spreads_what_a_minute_would_let_through_at_once() {
    let gateway = at_noon();
    let clock = &gateway.clock;
    let client = limited(&gateway, &json!({"rpm": 600, "rps": 10, "burst": 3}));
    assert_eq!(at_once(&client, 12, "rps", 100), 3);
    clock.advance(Duration::from_millis(99));
    assert_eq!(at_once(&client, 1, "rps", 1), 0);
    clock.advance(Duration::from_millis(1));
    assert_eq!(at_once(&client, 3, "rps", 100), 1);
    clock.advance(Duration::from_secs(61));
    // The refused ones took nothing, and there is no more of a burst after a long rest.
    let reply = client.chat(&chat("echo", "x"));
    assert_eq!(standing(&reply, "requests").1, 599);
    assert_eq!(at_once(&client, 5, "rps", 100), 2);
    let slow = limited(&gateway, &json!({"rps": 0.2}));
    assert_eq!(at_once(&slow, 3, "rps", 5_000), 1);
    // Without a burst: what a second has.
    assert_eq!(
        at_once(&limited(&gateway, &json!({"rps": 2.5})), 9, "rps", 400),
        3
    );
}

#[test]
fn all_keys_of_an_account_share_its_pace_and_what_it_refuses_costs_the_key_nothing() {
    let gateway = at_noon();
    limit_account(&gateway, &json!({"rps": 1, "burst": 1}));
    // Set anew, it begins with one request.
    let first = limited(&gateway, &json!({"rps": 1, "burst": 2}));
    let second = limited(&gateway, &Value::Null);
    assert_eq!(at_once(&second, 3, "account.rps", 1_000), 1);
    assert_eq!(at_once(&first, 9, "account.rps", 1_000), 0);
    limit_account(&gateway, &json!({}));
    assert_eq!(at_once(&first, 9, "rps", 1_000), 2);
}

#[test]
fn a_changed_pace_holds_at_once_and_hands_out_no_fresh_burst() {
    let gateway = at_noon();
    let key = gateway.key(&json!({"rate_limit": {"rps": 1, "burst": 5}}));
    let client = gateway.client(key["key"].as_str().unwrap());
    assert_eq!(at_once(&client, 9, "rps", 1_000), 5);
    for _ in 0..3 {
        for limit in [
            json!({}),
            json!({"rps": 1, "burst": 1}),
            json!({"rps": 1, "burst": 5}),
        ] {
            set(&gateway, &key, &limit);
        }
        assert_eq!(at_once(&client, 2, "rps", 1_000), 0);
    }
    set(&gateway, &key, &json!({"rps": 20, "burst": 5}));
    assert_eq!(at_once(&client, 2, "rps", 50), 0);
    gateway.clock.advance(Duration::from_millis(100));
    assert_eq!(at_once(&client, 9, "rps", 50), 2);
    set(&gateway, &key, &json!({}));
    assert_eq!(at_once(&client, 30, "rps", 0), 30);
}

#[test]
fn a_call_refused_for_its_quota_gives_its_place_in_the_pace_back() {
    let gateway = at_noon();
    let key =
        gateway.key(&json!({"rate_limit": {"rps": 1, "burst": 2}, "quota": {"total_requests": 1}}));
    let client = gateway.client(key["key"].as_str().unwrap());
    client.chat(&chat("echo", "x")).expect(200);
    for _ in 0..9 {
        client.chat(&chat("echo", "x")).expect(402);
    }
    let path = format!("/api/keys/{}", key["id"].as_str().unwrap());
    let more = json!({"quota": {"total_requests": 99}});
    gateway.admin().patch(&path, &more).expect(200);
    assert_eq!(at_once(&client, 5, "rps", 1_000), 1);
}

/// Two live keys, one rate.
#[test]
fn a_rotated_key_and_its_successor_have_one_rate_between_them() {
    let gate = Gate::default();
    let held = gate.clone();
    let upstream = Upstream::start(move |request| {
        if request.json()["stream"] == true {
            Script::stream().word("hi").wait(&held)
        } else {
            Script::chat("hi", 30, 970)
        }
    });
    let mut gateway = at_noon();
    gateway.channel(&upstream, &["m"]);
    let rotated = |gateway: &TestGateway, limit: &Value| {
        let old = gateway.key(&json!({"rate_limit": limit}));
        let path = format!("/api/keys/{}/rotate", old["id"].as_str().unwrap());
        let new = gateway.admin().post(&path, &json!({})).expect(201);
        [old, new].map(|key| key["key"].as_str().unwrap().to_owned())
    };
    let clients = |gateway: &TestGateway, keys: &[String; 2]| {
        [0, 1].map(|number: usize| gateway.client(&keys[number]))
    };
    let pair = |limit: Value| clients(&gateway, &rotated(&gateway, &limit));
    let [old, new] = pair(json!({"rpm": 3}));
    for client in [&old, &new, &old] {
        client.chat(&chat("echo", "x")).expect(200);
    }
    for client in [&old, &new] {
        assert_eq!(refused_by(&client.chat(&chat("echo", "x"))), "rpm");
    }
    let [old, new] = pair(json!({"tpm": 1_000}));
    old.chat(&chat("m", "x")).expect(200);
    assert_eq!(refused_by(&new.chat(&chat("m", "x"))), "tpm");
    let [old, new] = pair(json!({"rps": 1, "burst": 4}));
    assert_eq!(at_once(&old, 2, "rps", 0), 2);
    assert_eq!(at_once(&new, 9, "rps", 1_000), 2);
    assert_eq!(at_once(&old, 2, "rps", 1_000), 0);
    let [old, new] = pair(json!({"concurrency": 1}));
    let open = old.open("/v1/chat/completions", &streamed_chat("m", "x"));
    assert_eq!(refused_by(&new.chat(&chat("echo", "x"))), "concurrency");
    gate.open();
    drop(open);
    // After a restart they are found together again.
    let keys = rotated(&gateway, &json!({"rpm": 2}));
    gateway.restart();
    let [old, new] = clients(&gateway, &keys);
    for client in [&old, &new] {
        client.chat(&chat("echo", "x")).expect(200);
    }
    for client in [&old, &new] {
        assert_eq!(refused_by(&client.chat(&chat("echo", "x"))), "rpm");
    }
}

fn at_noon() -> TestGateway {
    TestGateway::with(
        Clock::manual(Timestamp::parse("2026-11-24T12:00:00Z").unwrap()),
        |_| {},
    )
}
