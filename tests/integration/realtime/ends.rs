//! How a session ends: by its key's death, by the provider, by the client, or with the gateway.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::harness::{Act, Talk, TestGateway, eventually};
use super::{RealtimeUpstream, assert_nothing_kept, begun, price, quiet};

/// A provider whose responses never end.
fn endless() -> RealtimeUpstream {
    RealtimeUpstream::start(quiet(), |event| match event["type"].as_str() {
        Some("response.create") => begun("resp_1", json!("inf")),
        Some("cut") => vec![Act::Cut],
        Some("flood") => (0..100)
            .map(|_| Act::Say(json!({"type": "noise", "noise": "x".repeat(500_000)})))
            .collect(),
        _ => Vec::new(),
    })
}

fn start(upstream: &RealtimeUpstream) -> (TestGateway, Value) {
    let gateway = TestGateway::start();
    upstream.channel(&gateway, &json!({}));
    price(&gateway, &json!({}));
    let key = gateway.key(&json!({"quota": {"daily_usd": 1}}));
    (gateway, key)
}

/// A session with a response under way.
fn answering(gateway: &TestGateway, key: &Value) -> Talk {
    let mut talk = Talk::with_key(gateway, key);
    talk.send(&json!({"type": "response.create"}));
    talk.until("response.output_text.delta");
    talk
}

/// The call of the response that was cut off, charged for what was written.
fn cut_off(gateway: &TestGateway) -> Value {
    assert_nothing_kept(gateway);
    let call = eventually("the call", || gateway.admin().calls().into_iter().next());
    assert_eq!(
        (
            &call["usage"]["completion_tokens"],
            &call["usage"]["estimated"]
        ),
        (&json!(1), &json!(true)),
        "{call}"
    );
    call
}

#[test]
fn a_key_that_dies_ends_its_session_within_100_ms() {
    let upstream = endless();
    let (gateway, _) = start(&upstream);
    // The best of three: the machine may have other things to do.
    let mut soonest = Duration::MAX;
    for _ in 0..3 {
        let key = gateway.key(&json!({"quota": {"daily_usd": 1}}));
        let talk = answering(&gateway, &key);
        let ended = upstream.ended();
        let path = format!("/api/keys/{}", key["id"].as_str().unwrap());
        gateway
            .admin()
            .patch(&path, &json!({"status": "disabled"}))
            .expect(200);
        let died = Instant::now();
        let (events, code) = talk.rest();
        eventually("the provider's session", || {
            (upstream.ended() > ended).then_some(())
        });
        soonest = soonest.min(died.elapsed());
        assert_eq!(
            (&events[0]["error"]["code"], code),
            (&json!("api_key_disabled"), 1008)
        );
        let call = cut_off(&gateway);
        assert_eq!(
            (&call["status"], &call["error_code"]),
            (&json!("error"), &json!("api_key_disabled"))
        );
        if soonest < Duration::from_millis(100) {
            return;
        }
    }
    panic!("{soonest:?}");
}

#[test]
fn a_client_that_takes_nothing_keeps_no_session_alive_past_its_key() {
    let upstream = endless();
    let (gateway, _) = start(&upstream);
    let mut soonest = Duration::MAX;
    for _ in 0..3 {
        let key =
            gateway.key(&json!({"quota": {"daily_usd": 1}, "rate_limit": {"concurrency": 1}}));
        let mut talk = answering(&gateway, &key);
        talk.send(&json!({"type": "flood"}));
        upstream.stands_still();
        let ended = upstream.ended();
        let path = format!("/api/keys/{}", key["id"].as_str().unwrap());
        let set_status = |status| {
            gateway
                .admin()
                .patch(&path, &json!({"status": status}))
                .expect(200)
        };
        set_status("disabled");
        let died = Instant::now();
        eventually("the provider's session and the call", || {
            (upstream.ended() > ended && gateway.metric("real200_open_calls") == 0.0).then_some(())
        });
        soonest = soonest.min(died.elapsed());
        assert_eq!(cut_off(&gateway)["error_code"], "api_key_disabled");
        // Its place is free, though the client still holds its connection.
        set_status("active");
        Talk::with_key(&gateway, &key).close();
        drop(talk);
        if soonest < Duration::from_millis(100) {
            return;
        }
    }
    panic!("{soonest:?}");
}

#[test]
fn a_provider_that_breaks_off_is_told_to_the_client_and_in_the_log() {
    let upstream = endless();
    let (gateway, key) = start(&upstream);
    let mut talk = answering(&gateway, &key);
    talk.send(&json!({"type": "cut"}));
    let (events, code) = talk.rest();
    assert_eq!(
        (&events[0]["error"]["code"], code),
        (&json!("bad_gateway"), 1011)
    );
    let call = cut_off(&gateway);
    assert_eq!(
        (
            &call["status"],
            &call["error_code"],
            &call["attempts"][0]["status"]
        ),
        (
            &json!("error"),
            &json!("bad_gateway"),
            &json!("broken_answer")
        )
    );
}

#[test]
fn a_client_that_goes_away_ends_the_providers_session_too() {
    let upstream = endless();
    let (gateway, key) = start(&upstream);
    drop(answering(&gateway, &key));
    eventually("the provider's session", || {
        (upstream.ended() == 1).then_some(())
    });
    assert_eq!(cut_off(&gateway)["status"], "cancelled");
}

#[test]
fn a_stop_ends_idle_sessions_at_once_and_the_others_after_their_answer() {
    let upstream = RealtimeUpstream::start(quiet(), |event| match event["type"].as_str() {
        Some("response.create") => begun("resp_1", json!("inf")),
        Some("response.cancel") => vec![Act::Say(
            json!({"type": "response.done", "response": {"id": "resp_1", "status": "cancelled", "usage": super::tokens(10, 5)}}),
        )],
        _ => Vec::new(),
    });
    let (mut gateway, key) = start(&upstream);
    let mut idle = Talk::with_key(&gateway, &key);
    idle.until("session.created");
    let mut busy = answering(&gateway, &key);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| gateway.stop());
        let (events, code) = idle.rest();
        assert_eq!(
            (&events[0]["error"]["code"], code),
            (&json!("no_channel_available"), 1001)
        );
        busy.send(&json!({"type": "response.cancel"}));
        assert_eq!(
            busy.until("response.done")["response"]["status"],
            "cancelled"
        );
        assert_eq!(busy.rest().1, 1001);
    });
    // Nothing had to wait for the end of the time that is given to it.
    assert!(begun.elapsed() < Duration::from_secs(2));
}
