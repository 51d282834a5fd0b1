//! A key dies at once: calls of it that are under way end, wherever they are, and are charged for what was streamed.

use std::io::Read;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use real200::clock::Clock;
use real200::domain::Timestamp;
use serde_json::{Value, json};

use super::price;
use crate::integration::harness::{
    Gate, Script, TestGateway, Upstream, chat, eventually, streamed_chat,
};

/// Where a call is when its key dies.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Stage {
    WaitingForTheHead,
    ReadingTheAnswer,
    Streaming,
}

/// How a key dies.
type Death = dyn Fn(&TestGateway, &Value);

/// More than all buffers between provider and gateway hold: once it is sent, the gateway is reading.
const MORE_THAN_BUFFERED: usize = 32 << 20;

/// A gateway with a provider that stops at each stage until the gate opens, and tells when an answer is being read.
fn start(gate: &Gate) -> (TestGateway, Upstream, Receiver<()>) {
    let held = gate.clone();
    let (reading, is_reading) = channel();
    let upstream = Upstream::start(move |request| {
        if request.text.contains("WaitingForTheHead") {
            Script::default().wait(&held)
        } else if request.text.contains("ReadingTheAnswer") {
            Script::default()
                .send(&format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", 2 * MORE_THAN_BUFFERED))
                .send(&" ".repeat(MORE_THAN_BUFFERED))
                .tell(&reading)
                .wait(&held)
        } else {
            Script::stream().word("one").word(" two").wait(&held)
        }
    });
    let clock = Clock::manual(Timestamp::parse("2026-11-24T12:00:00Z").unwrap());
    let gateway = TestGateway::with(clock, |_| {});
    gateway.channel(&upstream, &["m"]);
    price(&gateway, "m", 1.0, 1.0);
    (gateway, upstream, is_reading)
}

/// Brings a call to its stage, lets its key die, and gives what the client got, and how long after.
fn die(
    gateway: &TestGateway,
    (upstream, is_reading): (&Upstream, &Receiver<()>),
    stage: Stage,
    death: &Death,
) -> (u16, String, Duration) {
    let key = gateway.key(&json!({"quota": {"daily_usd": 1}, "expires_at": gateway.clock.now().after(Duration::from_secs(600)).to_string()}));
    let client = gateway.client(key["key"].as_str().unwrap());
    let words = format!("{stage:?}");
    let body = if stage == Stage::Streaming {
        streamed_chat("m", &words)
    } else {
        chat("m", &words)
    };
    let before = upstream.requests().len();
    std::thread::scope(|scope| {
        let (begun, has_begun) = channel();
        let reader = scope.spawn(move || {
            let mut answer = client.open("/v1/chat/completions", &body);
            let (status, mut text, mut piece) =
                (answer.status().as_u16(), String::new(), [0; 4096]);
            while let Ok(length @ 1..) = answer.read(&mut piece) {
                text.push_str(&String::from_utf8_lossy(&piece[..length]));
                if text.contains(" two") {
                    let _ = begun.send(());
                }
            }
            (status, text, Instant::now())
        });
        eventually("the call at the provider", || {
            (upstream.requests().len() > before).then_some(())
        });
        match stage {
            Stage::WaitingForTheHead => {}
            Stage::ReadingTheAnswer => is_reading.recv().unwrap(),
            Stage::Streaming => has_begun.recv().unwrap(),
        }
        death(gateway, &key);
        let died = Instant::now();
        let (status, text, ended) = reader.join().unwrap();
        (status, text, ended.saturating_duration_since(died))
    })
}

fn path(key: &Value) -> String {
    format!("/api/keys/{}", key["id"].as_str().unwrap())
}

#[test]
fn calls_under_way_end_within_100_ms_wherever_they_are() {
    let gate = Gate::default();
    let (gateway, upstream, is_reading) = start(&gate);
    let disable = |gateway: &TestGateway, key: &Value| {
        gateway
            .admin()
            .patch(&path(key), &json!({"status": "disabled"}))
            .expect(200);
    };
    let delete = |gateway: &TestGateway, key: &Value| {
        gateway.admin().delete(&path(key)).expect(204);
    };
    let expire = |gateway: &TestGateway, _: &Value| gateway.clock.advance(Duration::from_secs(600));
    let deaths: [(&str, &Death); 3] = [
        ("api_key_disabled", &disable),
        ("invalid_api_key", &delete),
        ("api_key_expired", &expire),
    ];
    for (code, death) in deaths {
        for stage in [
            Stage::WaitingForTheHead,
            Stage::ReadingTheAnswer,
            Stage::Streaming,
        ] {
            // The best of three: the machine may have other things to do.
            let mut soonest = Duration::MAX;
            for _ in 0..3 {
                let (status, text, took) = die(&gateway, (&upstream, &is_reading), stage, death);
                assert!(text.contains(code), "{code} {stage:?}: {status} {text}");
                assert_eq!(status, if stage == Stage::Streaming { 200 } else { 401 });
                assert!(!text.contains("[DONE]"), "{text}");
                soonest = soonest.min(took);
                if took < Duration::from_millis(100) {
                    break;
                }
            }
            assert!(
                soonest < Duration::from_millis(100),
                "{code} {stage:?}: {soonest:?}"
            );
            gateway.assert_nothing_reserved();
            let call = gateway.admin().calls()[0].clone();
            let tokens = |name: &str| call["usage"][name].as_u64().unwrap();
            assert_eq!(
                (&call["status"], &call["error_code"]),
                (&json!("error"), &json!(code)),
                "{call}"
            );
            assert_eq!(
                tokens("completion_tokens"),
                if stage == Stage::Streaming { 2 } else { 0 },
                "{call}"
            );
            // The prompt counts once the provider has accepted the request.
            assert_eq!(
                tokens("prompt_tokens") > 0,
                stage != Stage::WaitingForTheHead,
                "{call}"
            );
        }
    }
    gate.open();
    let calls = upstream.requests().len();
    eventually("the provider's connections", || {
        (upstream.hung_up() == calls).then_some(())
    });
}

#[test]
fn an_account_that_is_disabled_takes_its_keys_with_it() {
    let gate = Gate::default();
    let (gateway, upstream, _) = start(&gate);
    let admin = gateway.admin();
    let account = admin
        .post(
            "/api/accounts",
            &json!({"username": "bob", "password": "a long enough password", "role": "member"}),
        )
        .expect(201);
    let key = admin
        .post("/api/keys", &json!({"account_id": account["id"]}))
        .expect(201);
    let client = gateway.client(key["key"].as_str().unwrap());
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| client.chat(&chat("m", "WaitingForTheHead")));
        eventually("the call at the provider", || {
            (upstream.requests().len() == 1).then_some(())
        });
        admin
            .patch(
                &format!("/api/accounts/{}", account["id"].as_str().unwrap()),
                &json!({"status": "disabled"}),
            )
            .expect(200);
        assert_eq!(
            waiting.join().unwrap().expect_error(401),
            "account_disabled"
        );
    });
    gate.open();
}
