//! Channels: test, failover before the first byte, and credentials that do not leave.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use real200::clock::Clock;
use real200::domain::Timestamp;
use serde_json::json;

use super::harness::{Script, TestGateway, Upstream, chat, streamed_chat};

#[test]
fn a_credential_is_never_returned() {
    let upstream = Upstream::start(|_| Script::chat("hi", 1, 1));
    let gateway = TestGateway::start();
    let channel = gateway.channel(&upstream, &["m"]);
    assert_eq!(channel["credential_state"], "sealed");
    let admin = gateway.admin();
    for answer in [
        admin.get("/api/channels").body,
        channel.to_string(),
        admin.get("/api/audit").body,
    ] {
        assert!(!answer.contains("sk-upstream-credential"), "{answer}");
    }
}

#[test]
fn the_test_button_shows_the_providers_error_as_it_came() {
    let upstream = Upstream::start(|request| match request.header("authorization") {
        Some("Bearer right") => Script::chat("hi", 1, 1),
        _ => Script::json(
            401,
            &json!({"error": {"message": "Incorrect API key provided: sk-upst*****tial"}}),
        ),
    });
    let gateway = TestGateway::start();
    let channel = gateway.channel(&upstream, &["m"]);
    let admin = gateway.admin();
    let path = format!("/api/channels/{}", channel["id"].as_str().unwrap());
    let report = admin.post(&format!("{path}/test"), &json!({})).expect(200);
    assert_eq!(
        (&report["ok"], &report["http_status"]),
        (&json!(false), &json!(401))
    );
    assert!(
        report["error"]
            .as_str()
            .unwrap()
            .contains("Incorrect API key"),
        "{report}"
    );
    assert_eq!(
        report["body"],
        r#"{"error":{"message":"Incorrect API key provided: sk-upst*****tial"}}"#
    );
    admin
        .patch(&path, &json!({"credential": "right"}))
        .expect(200);
    let report = admin.post(&format!("{path}/test"), &json!({})).expect(200);
    assert_eq!(
        (&report["ok"], &report["model"]),
        (&json!(true), &json!("m"))
    );
}

#[test]
fn failover_goes_to_the_next_channel_before_the_first_byte_and_is_in_the_record() {
    let gateway = TestGateway::start();
    let admin = gateway.admin();
    let (dead, broken) = (
        Upstream::dead(),
        Upstream::start(|_| Script::json(500, &json!({"error": {"message": "boom"}}))),
    );
    let good = Upstream::start(|request| {
        if request.json()["stream"] == true {
            Script::stream().word("hi").usage(1, 1).done()
        } else {
            Script::chat("hi", 1, 1)
        }
    });
    for (upstream, priority) in [(&dead, 3), (&broken, 2), (&good, 1)] {
        let channel = gateway.channel(upstream, &["m"]);
        admin
            .patch(
                &format!("/api/channels/{}", channel["id"].as_str().unwrap()),
                &json!({"priority": priority}),
            )
            .expect(200);
    }
    let client = gateway.new_client();
    client.chat(&chat("m", "x")).expect(200);
    client
        .chat(&streamed_chat("m", "x"))
        .headers
        .get("x-request-id")
        .unwrap();
    for call in admin.calls() {
        let attempts: Vec<_> = call["attempts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|a| a["status"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(
            attempts,
            ["connect_failed", "provider_error", "ok"],
            "{call}"
        );
    }
}

#[test]
fn a_channel_that_keeps_failing_is_left_alone_until_one_call_finds_it_back() {
    let clock = Clock::manual(Timestamp::parse("2026-05-04T10:00:00Z").unwrap());
    let gateway = TestGateway::with(clock.clone(), |_| {});
    let mended = Arc::new(AtomicBool::new(false));
    let state = Arc::clone(&mended);
    let failing = Upstream::start(move |_| {
        if state.load(Ordering::SeqCst) {
            Script::chat("hi", 1, 1)
        } else {
            Script::failing()
        }
    });
    gateway.channel(&failing, &["m"]);
    let client = gateway.new_client();
    // Each is tried once more: four failures in a row.
    for _ in 0..2 {
        client.chat(&chat("m", "x")).expect(502);
    }
    let refused = client.chat(&chat("m", "x"));
    assert_eq!(refused.header("retry-after"), Some("5"));
    assert_eq!(refused.expect_error(503), "no_channel_available");
    assert_eq!(failing.requests().len(), 4);
    clock.advance(Duration::from_secs(5));
    client.chat(&chat("m", "x")).expect(502);
    let refused = client.chat(&chat("m", "x"));
    assert_eq!(refused.header("retry-after"), Some("10"));
    clock.advance(Duration::from_secs(10));
    mended.store(true, Ordering::SeqCst);
    for _ in 0..2 {
        client.chat(&chat("m", "x")).expect(200);
    }
    assert_eq!(failing.requests().len(), 7);
}

#[test]
fn when_the_operators_credential_is_refused_the_client_is_not_blamed() {
    let upstream =
        Upstream::start(|_| Script::json(401, &json!({"error": {"message": "bad key"}})));
    let gateway = TestGateway::start();
    gateway.channel(&upstream, &["m"]);
    let answer = gateway.new_client().chat(&chat("m", "x"));
    assert_eq!(answer.status, 502, "{}", answer.body);
    assert_eq!(answer.json()["error"]["code"], "bad_gateway");
}

#[test]
fn a_providers_rate_limit_is_told_as_one_but_not_as_the_keys_own() {
    let upstream =
        Upstream::start(|_| Script::json(429, &json!({"error": {"message": "slow down"}})));
    let gateway = TestGateway::start();
    gateway.channel(&upstream, &["m"]);
    let answer = gateway.new_client().chat(&chat("m", "x"));
    let error = &answer.json()["error"];
    assert_eq!(
        (&error["code"], &error["param"]),
        (&json!("rate_limit_exceeded"), &json!("provider"))
    );
    assert!(answer.header("retry-after").is_some());
    assert_eq!(answer.expect_error(429), "rate_limit_exceeded");
}

#[test]
fn a_refused_credential_is_out_until_it_is_changed_or_tested_well() {
    let good = Arc::new(AtomicBool::new(false));
    let state = Arc::clone(&good);
    let upstream = Upstream::start(move |request| {
        if state.load(Ordering::SeqCst) || request.header("authorization") == Some("Bearer right") {
            Script::chat("hi", 1, 1)
        } else {
            Script::json(402, &json!({"error": {"message": "top up first"}}))
        }
    });
    let gateway = TestGateway::start();
    let channel = gateway.channel(&upstream, &["m"]);
    let path = format!("/api/channels/{}", channel["id"].as_str().unwrap());
    let (admin, client) = (gateway.admin(), gateway.new_client());
    assert_eq!(channel["health"]["state"], "healthy");
    for _ in 0..3 {
        let refused = client.chat(&chat("m", "x"));
        assert!(
            refused.body.contains("Your own API key is fine"),
            "{}",
            refused.body
        );
        assert_eq!(refused.expect_error(502), "bad_gateway");
    }
    assert_eq!(upstream.requests().len(), 1);
    let health = &admin.get(&path).expect(200)["health"];
    assert_eq!(
        (&health["state"], &health["reason"]),
        (&json!("credential_refused"), &json!("top up first"))
    );
    // What says nothing of the credential does not bring it back; a new one does.
    admin.patch(&path, &json!({"weight": 2})).expect(200);
    client.chat(&chat("m", "x")).expect(502);
    admin
        .patch(&path, &json!({"credential": "right"}))
        .expect(200);
    client.chat(&chat("m", "x")).expect(200);
    admin
        .patch(&path, &json!({"credential": "wrong"}))
        .expect(200);
    client.chat(&chat("m", "x")).expect(502);
    let test = || admin.post(&format!("{path}/test"), &json!({})).expect(200)["ok"].clone();
    assert_eq!(test(), false);
    client.chat(&chat("m", "x")).expect(502);
    good.store(true, Ordering::SeqCst);
    assert_eq!(test(), true);
    client.chat(&chat("m", "x")).expect(200);
    assert_eq!(admin.get(&path).expect(200)["health"]["state"], "healthy");
}

#[test]
fn one_flagged_prompt_does_not_take_a_channel_out() {
    let upstream = Upstream::start(|request| {
        if request.text.contains("bad words") {
            let flagged = json!({"error": {"code": 403, "message": "Your input was flagged"}});
            Script::json(403, &flagged)
        } else {
            Script::chat("hi", 1, 1)
        }
    });
    let gateway = TestGateway::start();
    gateway.channel(&upstream, &["m"]);
    let client = gateway.new_client();
    let refused = client.chat(&chat("m", "bad words")).expect(403);
    assert_eq!(refused["error"]["message"], "Your input was flagged");
    client.chat(&chat("m", "x")).expect(200);
}

#[test]
fn a_rate_limit_with_retry_after_rests_the_channel_for_that_model_only() {
    let clock = Clock::manual(Timestamp::parse("2026-05-04T10:00:00Z").unwrap());
    let gateway = TestGateway::with(clock.clone(), |_| {});
    let upstream = Upstream::start(|request| {
        if request.json()["model"] == "busy" {
            Script::limited(30)
        } else {
            Script::chat("hi", 1, 1)
        }
    });
    gateway.channel(&upstream, &["busy", "free"]);
    let client = gateway.new_client();
    for wait in ["30", "30"] {
        let limited = client.chat(&chat("busy", "x"));
        assert_eq!(limited.header("retry-after"), Some(wait));
        assert_eq!(limited.expect_error(429), "rate_limit_exceeded");
    }
    client.chat(&chat("free", "x")).expect(200);
    assert_eq!(upstream.requests().len(), 2);
    let health = &gateway.admin().get("/api/channels").expect(200)["items"];
    let limited = health
        .as_array()
        .unwrap()
        .iter()
        .find_map(|channel| channel["health"]["rate_limited"].get(0));
    assert_eq!(
        limited,
        Some(&json!({"model": "busy", "until": "2026-05-04T10:00:30.000Z"}))
    );
    clock.advance(Duration::from_secs(30));
    client.chat(&chat("busy", "x")).expect(429);
    assert_eq!(upstream.requests().len(), 3);
}

#[test]
fn a_slow_channel_is_asked_last() {
    let clock = Clock::manual(Timestamp::parse("2026-05-04T10:00:00Z").unwrap());
    let gateway = TestGateway::with(clock.clone(), |_| {});
    let moved = clock.clone();
    let slow = Upstream::start(move |_| {
        moved.advance(Duration::from_secs(11));
        Script::stream().word("slow").usage(1, 1).done()
    });
    let quick = Upstream::start(|_| Script::stream().word("quick").usage(1, 1).done());
    let channel = gateway.channel(&slow, &["m"]);
    let path = format!("/api/channels/{}", channel["id"].as_str().unwrap());
    let (admin, client) = (gateway.admin(), gateway.new_client());
    let ask = || client.chat(&streamed_chat("m", "x")).body;
    for _ in 0..3 {
        assert!(ask().contains("slow"));
    }
    let health = &admin.get(&path).expect(200)["health"];
    assert_eq!(
        (
            &health["state"],
            &health["latency_ms"],
            &health["error_rate"]
        ),
        (&json!("slow"), &json!(11_000), &json!(0.0))
    );
    // Alone it still serves, then as the one that tries whether it is better; beside another, only when that one is out.
    for _ in 0..2 {
        assert!(ask().contains("slow"));
    }
    let other = gateway.channel(&quick, &["m"]);
    assert_eq!(other["health"]["latency_ms"], json!(null));
    for _ in 0..3 {
        assert!(ask().contains("quick"));
    }
    assert_eq!(slow.requests().len(), 5);
}

#[test]
fn a_disabled_channel_takes_no_calls_and_says_so() {
    let upstream = Upstream::start(|_| Script::chat("hi", 1, 1));
    let gateway = TestGateway::start();
    let channel = gateway.channel(&upstream, &["m"]);
    let path = format!("/api/channels/{}", channel["id"].as_str().unwrap());
    let (admin, client) = (gateway.admin(), gateway.new_client());
    admin
        .patch(&path, &json!({"status": "disabled"}))
        .expect(200);
    let answer = client.chat(&chat("m", "x"));
    assert!(answer.header("retry-after").is_some());
    assert_eq!(answer.expect_error(503), "no_channel_available");
    admin.patch(&path, &json!({"status": "active"})).expect(200);
    client.chat(&chat("m", "x")).expect(200);
    assert_eq!(admin.delete(&path).status, 204);
    assert_eq!(
        client.chat(&chat("m", "x")).expect_error(404),
        "model_not_found"
    );
}

#[test]
fn a_price_multiplier_is_in_the_cost() {
    let upstream = Upstream::start(|_| Script::chat("hi", 1000, 0));
    let gateway = TestGateway::start();
    let admin = gateway.admin();
    let channel = gateway.channel(&upstream, &["m"]);
    admin
        .put(
            "/api/models/m",
            &json!({"input_usd_per_mtok": 1, "output_usd_per_mtok": 1}),
        )
        .expect(200);
    admin
        .patch(
            &format!("/api/channels/{}", channel["id"].as_str().unwrap()),
            &json!({"price_multiplier": 1.5}),
        )
        .expect(200);
    gateway.new_client().chat(&chat("m", "x")).expect(200);
    assert_eq!(admin.calls()[0]["cost_usd"], 0.0015);
}

#[test]
fn what_is_no_channel_is_refused_by_field() {
    let gateway = TestGateway::start();
    let admin = gateway.admin();
    for (change, field) in [
        (json!({"base_url": "ftp://x"}), "base_url"),
        (json!({"base_url": "http://user:pw@host/v1"}), "base_url"),
        (json!({"models": []}), "models"),
        (json!({"kind": "telepathy"}), "kind"),
        (json!({"price_multiplier": -1}), "price_multiplier"),
    ] {
        let mut body = json!({"name": "c", "kind": "openai", "base_url": "http://127.0.0.1:1/v1", "models": ["m"]});
        body.as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        let answer = admin.post("/api/channels", &body);
        assert_eq!(answer.status, 422, "{change}: {}", answer.body);
        assert!(
            answer.json()["error"]["param"]
                .as_str()
                .unwrap_or("")
                .contains(field),
            "{change}: {}",
            answer.body
        );
    }
}
