//! How calls find their channels: strategies, models that serve in another's place, and keys whose calls go the same way.

use std::collections::BTreeMap;
use std::time::Duration;

use real200::clock::Clock;
use real200::domain::Timestamp;
use serde_json::{Value, json};

use super::harness::{Console, KeyClient, Script, TestGateway, Upstream, chat, streamed_chat};

/// An upstream that answers with its name.
fn named(name: &'static str) -> Upstream {
    Upstream::start(move |request| {
        if request.json()["stream"] == true {
            Script::stream().word(name).usage(1, 1).done()
        } else {
            Script::chat(name, 1, 1)
        }
    })
}

fn failing() -> Upstream {
    // Without words: what is said in words may be one caller's own trouble, and takes no channel from others.
    Upstream::start(|_| Script::default().send("HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"))
}

/// A channel for a model, with these settings.
fn channel(gateway: &TestGateway, upstream: &Upstream, model: &str, settings: Value) -> Value {
    let made = gateway.channel(upstream, &[model]);
    let path = format!("/api/channels/{}", made["id"].as_str().unwrap());
    gateway.admin().patch(&path, &settings).expect(200)
}

fn settings(admin: &Console, change: Value) {
    admin.patch("/api/settings", &change).expect(200);
}

fn routed(admin: &Console, model: &str, change: Value) -> Value {
    let path = format!("/api/models/{model}");
    admin.patch(&path, &change).expect(200)
}

/// Who answered.
fn ask(client: &KeyClient, model: &str) -> String {
    let answer = client.chat(&chat(model, "x")).expect(200);
    let content = &answer["choices"][0]["message"]["content"];
    content.as_str().unwrap().to_owned()
}

fn answers(client: &KeyClient, model: &str, calls: usize) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for _ in 0..calls {
        *found.entry(ask(client, model)).or_default() += 1;
    }
    found
}

fn new_key(gateway: &TestGateway, permissions: Value) -> KeyClient {
    let key = gateway.key(&json!({"name": "k", "permissions": permissions}));
    gateway.client(key["key"].as_str().unwrap())
}

#[test]
fn by_priority_the_highest_serves_alone_and_by_weight_all_do() {
    let (high, low) = (named("high"), named("low"));
    let gateway = TestGateway::start();
    channel(&gateway, &high, "m", json!({"priority": 1}));
    channel(&gateway, &low, "m", json!({"weight": 3}));
    let (admin, client) = (gateway.admin(), gateway.new_client());
    settings(&admin, json!({"routing_sticky": false}));
    assert_eq!(answers(&client, "m", 8), [("high".to_owned(), 8)].into());
    // For one model, whatever holds for all; then for all.
    routed(&admin, "m", json!({"strategy": "weighted"}));
    let found = answers(&client, "m", 80);
    assert!((40..=76).contains(&found["low"]), "{found:?}");
    let cleared = routed(&admin, "m", json!({"strategy": null}));
    assert_eq!(cleared["strategy"], Value::Null);
    assert_eq!(answers(&client, "m", 8), [("high".to_owned(), 8)].into());
    settings(&admin, json!({"routing_strategy": "weighted"}));
    let found = answers(&client, "m", 80);
    assert!((40..=76).contains(&found["low"]), "{found:?}");
}

#[test]
fn by_latency_the_quickest_serves_and_what_is_not_measured_is_tried_once_in_a_while() {
    let clock = Clock::manual(Timestamp::parse("2026-05-04T10:00:00Z").unwrap());
    let gateway = TestGateway::with(clock.clone(), |_| {});
    let moved = clock.clone();
    let slow = Upstream::start(move |_| {
        moved.advance(Duration::from_secs(2));
        Script::stream().word("slow").usage(1, 1).done()
    });
    let quick = named("quick");
    channel(&gateway, &slow, "m", json!({"priority": 1}));
    let (admin, client) = (gateway.admin(), gateway.new_client());
    settings(&admin, json!({"routing_strategy": "lowest-latency"}));
    let stream = || client.chat(&streamed_chat("m", "x")).body;
    assert!(stream().contains("slow"));
    // The new one is not known to be quicker until a call has looked.
    channel(&gateway, &quick, "m", json!({}));
    let looked = (0..1_000).position(|_| stream().contains("quick"));
    assert!(looked.is_some(), "nothing was explored");
    let quick_ones = (0..20).filter(|_| stream().contains("quick")).count();
    assert!(quick_ones >= 15, "{quick_ones} of 20");
}

#[test]
fn by_price_the_cheapest_serves() {
    let (dear, cheap) = (named("dear"), named("cheap"));
    let gateway = TestGateway::start();
    channel(&gateway, &dear, "m", json!({"priority": 9}));
    channel(&gateway, &cheap, "m", json!({"price_multiplier": 0.8}));
    let (admin, client) = (gateway.admin(), gateway.new_client());
    assert_eq!(ask(&client, "m"), "dear");
    let shown = routed(&admin, "m", json!({"strategy": "best-price"}));
    assert_eq!(shown["strategy"], "best-price");
    assert_eq!(answers(&client, "m", 8), [("cheap".to_owned(), 8)].into());
}

#[test]
fn the_calls_of_one_key_go_the_same_way_and_those_of_many_spread_by_weight() {
    let (one, two) = (named("one"), named("two"));
    let gateway = TestGateway::start();
    channel(
        &gateway,
        &one,
        "m",
        json!({"credentials": ["sk-a", "sk-b"]}),
    );
    channel(&gateway, &two, "m", json!({}));
    let mut first = BTreeMap::new();
    for _ in 0..24 {
        let client = gateway.new_client();
        let found = answers(&client, "m", 3);
        assert_eq!(found.len(), 1, "{found:?}");
        *first
            .entry(found.keys().next().unwrap().clone())
            .or_insert(0) += 1;
    }
    assert_eq!(first.len(), 2, "{first:?}");
    // With one credential too: two keys have used both, each one of them.
    let requests = one.requests();
    let of = |credential: &str| {
        let header = format!("Bearer {credential}");
        let mine = requests
            .iter()
            .filter(|r| r.header("authorization") == Some(&header));
        mine.count()
    };
    assert!(of("sk-a") > 0 && of("sk-b") > 0);
    assert!(of("sk-a") % 3 == 0 && of("sk-b") % 3 == 0);
    settings(&gateway.admin(), json!({"routing_sticky": false}));
    let found = answers(&gateway.new_client(), "m", 40);
    assert_eq!(found.len(), 2, "{found:?}");
}

#[test]
fn a_fallback_model_serves_when_no_channel_of_the_model_can_and_is_charged_at_its_own_price() {
    let (bad, spare) = (failing(), named("spare"));
    let gateway = TestGateway::start();
    channel(&gateway, &bad, "m", json!({}));
    channel(
        &gateway,
        &spare,
        "n",
        json!({"price_multiplier": 2, "model_map": {"n": "own-n"}}),
    );
    let admin = gateway.admin();
    for (model, usd) in [("m", 1), ("n", 100)] {
        let price = json!({"input_usd_per_mtok": usd, "output_usd_per_mtok": usd, "max_output_tokens": 1000});
        admin
            .put(&format!("/api/models/{model}"), &price)
            .expect(200);
    }
    let client = gateway.new_client();
    client.chat(&chat("m", "x")).expect(502);
    let shown = routed(&admin, "m", json!({"fallbacks": ["n", "nobody-has-this"]}));
    assert_eq!(shown["fallbacks"], json!(["n", "nobody-has-this"]));
    assert_eq!(ask(&client, "m"), "spare");
    let call = admin.calls()[0].clone();
    assert_eq!(
        (&call["model"], &call["upstream_model"]),
        (&json!("m"), &json!("own-n"))
    );
    // 2 tokens at $100 a million, twice.
    assert_eq!(call["cost_usd"], json!(0.0004), "{call}");
    let statuses: Vec<_> = call["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| &a["status"])
        .collect();
    assert_eq!(statuses, ["provider_error", "ok"], "{call}");
    assert_eq!(spare.requests().last().unwrap().json()["model"], "own-n");
    // And when the model's channels are out already, or are none.
    let out = (0..9).find(|_| {
        assert_eq!(ask(&client, "m"), "spare");
        admin.calls()[0]["attempts"].as_array().unwrap().len() == 1
    });
    assert!(out.is_some(), "the failing channel stays in the pool");
    routed(&admin, "alias", json!({"fallbacks": ["n"]}));
    assert_eq!(ask(&client, "alias"), "spare");
    routed(&admin, "alias", json!({"fallbacks": []}));
    assert_eq!(
        client.chat(&chat("alias", "x")).expect_error(404),
        "model_not_found"
    );
}

#[test]
fn a_fallback_model_is_set_aside_at_its_price() {
    let (bad, spare) = (failing(), named("spare"));
    let gateway = TestGateway::start();
    channel(&gateway, &bad, "m", json!({}));
    channel(&gateway, &spare, "n", json!({}));
    let admin = gateway.admin();
    let price = |usd: u32| json!({"input_usd_per_mtok": usd, "output_usd_per_mtok": usd, "max_output_tokens": 1000});
    admin.put("/api/models/m", &price(1)).expect(200);
    admin.put("/api/models/n", &price(100_000)).expect(200);
    let key = gateway.key(&json!({"quota": {"daily_usd": 1}}));
    let client = gateway.client(key["key"].as_str().unwrap());
    client.chat(&chat("m", "x")).expect(502);
    routed(&admin, "m", json!({"fallbacks": ["n"]}));
    // One token of the dearer model costs ten cents: the prompt alone is above the dollar.
    let refused = client.chat(&chat("m", "a prompt of some words"));
    assert_eq!(refused.expect_error(402), "insufficient_quota");
    // What has no price does not serve a key whose quota is in money.
    admin.delete("/api/models/n");
    client.chat(&chat("m", "x")).expect(502);
    assert_eq!(ask(&gateway.new_client(), "m"), "spare");
    assert_eq!(admin.calls()[0]["cost_usd"], Value::Null);
}

#[test]
fn a_key_gets_no_fallback_model_that_it_may_not_use_and_there_is_no_circle() {
    let (bad, spare, third) = (failing(), failing(), named("third"));
    let gateway = TestGateway::start();
    channel(&gateway, &bad, "m", json!({}));
    channel(&gateway, &spare, "n", json!({}));
    channel(&gateway, &third, "o", json!({}));
    let admin = gateway.admin();
    routed(&admin, "m", json!({"fallbacks": ["n"]}));
    routed(&admin, "n", json!({"fallbacks": ["m", "o"]}));
    let may = new_key(&gateway, json!({"models": ["m", "n"]}));
    // m fails, then n, whose own fallbacks are not looked at; the last is tried once more.
    may.chat(&chat("m", "x")).expect(502);
    assert_eq!((bad.requests().len(), spare.requests().len()), (1, 2));
    may.chat(&chat("n", "x")).expect(502);
    assert_eq!(third.requests().len(), 0);
    let may_not = new_key(&gateway, json!({"models": ["m"]}));
    assert!(may_not.chat(&chat("m", "x")).status >= 500);
    assert_eq!(third.requests().len(), 0);
    for wrong in [json!(["m"]), json!(["n", "n"]), json!([""])] {
        let refused = admin
            .patch("/api/models/m", &json!({"fallbacks": wrong}))
            .expect(422);
        assert_eq!(refused["error"]["param"], "fallbacks");
    }
}

#[test]
fn what_the_client_got_wrong_does_not_fall_back() {
    let (strict, spare) = (
        Upstream::start(|_| Script::json(400, &json!({"error": {"message": "you"}}))),
        named("spare"),
    );
    let gateway = TestGateway::start();
    channel(&gateway, &strict, "m", json!({}));
    channel(&gateway, &spare, "n", json!({}));
    routed(&gateway.admin(), "m", json!({"fallbacks": ["n"]}));
    gateway.new_client().chat(&chat("m", "x")).expect(400);
    assert_eq!(spare.requests().len(), 0);
}

#[test]
fn how_calls_are_routed_is_kept_across_a_restart() {
    let (one, two) = (named("one"), named("two"));
    let mut gateway = TestGateway::start();
    channel(&gateway, &one, "m", json!({"priority": 9}));
    channel(&gateway, &two, "m", json!({"price_multiplier": 0.5}));
    let admin = gateway.admin();
    settings(
        &admin,
        json!({"routing_strategy": "weighted", "routing_sticky": false}),
    );
    routed(
        &admin,
        "m",
        json!({"strategy": "best-price", "fallbacks": ["x"]}),
    );
    gateway.restart();
    let shown = gateway.admin().get("/api/settings").expect(200);
    assert_eq!(
        (&shown["routing_strategy"], &shown["routing_sticky"]),
        (&json!("weighted"), &json!(false))
    );
    let models = gateway.admin().get("/api/models").expect(200);
    let m = models["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|m| m["name"] == "m")
        .unwrap();
    assert_eq!(
        (&m["strategy"], &m["fallbacks"]),
        (&json!("best-price"), &json!(["x"]))
    );
    assert_eq!(ask(&gateway.new_client(), "m"), "two");
}
