//! Providers that misbehave: the client gets a good answer from the next channel or a clear error in its dialect, in time, and
//! what it is charged is what the provider that served it bills.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
mod blame;
mod dialects;
mod wire;

use std::time::{Duration, Instant};

use real200::clock::Clock;
use serde_json::{Value, json};

use super::harness::{Gate, Script, TestGateway, Upstream, chat, streamed_chat};

/// What a misbehaving provider does with a call.
type Behaviour = (&'static str, fn(&Gate) -> Script);

/// Each is found out before anything goes to the client, streamed or not.
const WHOLE: [Behaviour; 11] = [
    ("500", |_| failing(500)),
    ("429", |_| failing(429)),
    ("529", |_| failing(529)),
    ("hangs", |gate| Script::default().wait(gate)),
    ("hangs up", |_| Script::default().cut()),
    ("hangs in its answer", |gate| half().wait(gate)),
    ("cuts its answer", |_| half().cut()),
    ("half a JSON", |_| {
        whole("{\"choices\":[{\"index\":0,\"mess")
    }),
    ("no JSON", |_| whole("<html>Bad Gateway</html>")),
    ("an error in a 200", |_| Script::json(200, &boom())),
    ("10 MB of headers", |_| {
        Script::default().send(&format!(
            "HTTP/1.1 200 OK\r\nx-long: {}\r\n\r\n",
            "x".repeat(10 << 20)
        ))
    }),
];

const STREAMED: [Behaviour; 6] = [
    ("an error first", |_| Script::stream().frame(&boom()).end()),
    ("no event", |_| Script::stream().end()),
    ("only comments", |_| {
        Script::stream().chunk(": wait\n\n").end()
    }),
    ("cut in its first event", |_| {
        Script::stream().chunk("data: {\"cho").cut()
    }),
    ("hangs before its first event", |gate| {
        Script::stream().chunk("data: {").wait(gate)
    }),
    ("an error and no stream", |_| Script::json(200, &boom())),
];

fn boom() -> Value {
    json!({"error": {"message": "boom"}})
}

fn failing(status: u16) -> Script {
    Script::json(status, &boom())
}

fn whole(body: &str) -> Script {
    Script::default().send(&format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    ))
}

fn half() -> Script {
    Script::default().send(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{\"id\":",
    )
}

/// A gateway that waits a short time only, with a channel that misbehaves before one that does not.
struct Chaos {
    gateway: TestGateway,
    gate: Gate,
    bad: Value,
    _upstreams: [Upstream; 2],
}

impl Chaos {
    fn start(behaviour: fn(&Gate) -> Script) -> Self {
        let gateway = TestGateway::with(Clock::system(), |config| {
            config.upstream.first_byte_timeout_ms = 300;
            config.upstream.idle_timeout_ms = 300;
        });
        let gate = Gate::default();
        let held = gate.clone();
        let bad = Upstream::start(move |_| behaviour(&held));
        let good = Upstream::start(|request| {
            if request.json()["stream"] == true {
                Script::stream().word("good").usage(1000, 10).done()
            } else {
                Script::chat("good", 1000, 10)
            }
        });
        let first = gateway.channel(&bad, &["m"]);
        let admin = gateway.admin();
        let path = format!("/api/channels/{}", first["id"].as_str().unwrap());
        admin.patch(&path, &json!({"priority": 9})).expect(200);
        gateway.channel(&good, &["m"]);
        admin
            .put(
                "/api/models/m",
                &json!({"input_usd_per_mtok": 1, "output_usd_per_mtok": 100}),
            )
            .expect(200);
        Self {
            gateway,
            gate,
            bad: first,
            _upstreams: [bad, good],
        }
    }

    /// The next channel answers, in time, and its bill is the call's.
    fn is_not_noticed(&self, what: &str, streamed: bool) {
        let client = self.gateway.new_client();
        let began = Instant::now();
        let body = if streamed {
            streamed_chat("m", "x")
        } else {
            chat("m", "x")
        };
        let reply = client.chat(&body);
        assert!(began.elapsed() < Duration::from_secs(10), "{what}");
        assert_eq!(reply.status, 200, "{what}: {}", reply.body);
        assert!(reply.body.contains("good"), "{what}: {}", reply.body);
        let admin = self.gateway.admin();
        let call = super::harness::eventually("the call's record", || {
            admin
                .calls()
                .into_iter()
                .find(|call| call["status"] == "ok")
        });
        let attempts = call["attempts"].as_array().unwrap();
        let (last, missed) = attempts.split_last().unwrap();
        assert_eq!(last["status"], "ok", "{what}: {call}");
        assert!(!missed.is_empty(), "{what}: {call}");
        for attempt in missed {
            assert_eq!(attempt["channel_id"], self.bad["id"], "{what}");
            assert!(attempt["error"].is_string(), "{what}: {call}");
        }
        assert_eq!(call["usage"]["prompt_tokens"], 1000, "{what}: {call}");
        assert_eq!(call["usage"]["estimated"], false, "{what}: {call}");
        assert_eq!(call["cost_usd"], json!(0.002), "{what}: {call}");
    }

    /// Alone it is a clear error in the client's dialect, in time, that costs nothing.
    fn is_told(&self, what: &str, streamed: bool) {
        let admin = self.gateway.admin();
        let channels = admin.get("/api/channels").expect(200);
        for channel in channels["items"].as_array().unwrap() {
            if channel["models"] == json!(["m"]) && channel["id"] != self.bad["id"] {
                let path = format!("/api/channels/{}", channel["id"].as_str().unwrap());
                assert_eq!(admin.delete(&path).status, 204);
            }
        }
        let before = admin.calls().len();
        let client = self.gateway.new_client();
        let began = Instant::now();
        let body = if streamed {
            streamed_chat("m", "x")
        } else {
            chat("m", "x")
        };
        let reply = client.chat(&body);
        assert!(began.elapsed() < Duration::from_secs(10), "{what}");
        assert!(
            matches!(reply.status, 429 | 502 | 503 | 504),
            "{what}: {} {}",
            reply.status,
            reply.body
        );
        let message = reply.json()["error"]["message"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(
            message.contains("Try again") || message.contains("Wait"),
            "{what}: {message}"
        );
        let call = super::harness::eventually("the call's record", || {
            let calls = admin.calls();
            (calls.len() > before).then(|| calls[0].clone())
        });
        assert_eq!(
            (&call["status"], &call["cost_usd"]),
            (&json!("error"), &json!(0)),
            "{what}: {call}"
        );
        self.gate.open();
    }
}

#[test]
fn a_provider_that_misbehaves_is_not_noticed_beside_another_and_a_clear_error_alone() {
    for (what, behaviour) in WHOLE {
        let chaos = Chaos::start(behaviour);
        chaos.is_not_noticed(what, false);
        chaos.is_told(what, false);
    }
}

#[test]
fn a_stream_that_does_not_begin_is_not_noticed_beside_another_and_a_clear_error_alone() {
    for (what, behaviour) in STREAMED {
        let chaos = Chaos::start(behaviour);
        chaos.is_not_noticed(what, true);
        chaos.is_told(what, true);
    }
}

#[test]
fn an_answer_that_dribbles_in_pieces_is_a_good_one() {
    let upstream = Upstream::start(|_| {
        let answer = json!({"choices": [{"index": 0, "message": {"role": "assistant", "content": "slow"}}], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}).to_string();
        let head = Script::default().send("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n");
        let pieces = answer.as_bytes().chunks(1);
        pieces
            .fold(head, |script, piece| {
                script.chunk(&String::from_utf8_lossy(piece))
            })
            .end()
    });
    let gateway = TestGateway::start();
    gateway.channel(&upstream, &["m"]);
    let answer = gateway.new_client().chat(&chat("m", "x")).expect(200);
    assert_eq!(answer["choices"][0]["message"]["content"], "slow");
}

#[test]
fn an_error_that_says_whose_it_is_inside_a_200_is_treated_as_if_its_status_said_so() {
    let upstream = Upstream::start(|request| {
        let code = if request.text.contains("too long") {
            400
        } else {
            502
        };
        let error = json!({"error": {"code": code, "message": "as the provider says"}});
        if request.json()["stream"] == true {
            Script::stream().frame(&error).end()
        } else {
            Script::json(200, &error)
        }
    });
    let gateway = TestGateway::start();
    gateway.channel(&upstream, &["m"]);
    let client = gateway.new_client();
    for body in [chat("m", "too long"), streamed_chat("m", "too long")] {
        let reply = client.chat(&body);
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert_eq!(
            reply.expect(400)["error"]["message"],
            "as the provider says"
        );
    }
    for body in [chat("m", "x"), streamed_chat("m", "x")] {
        assert_eq!(client.chat(&body).expect_error(502), "bad_gateway");
    }
}

#[test]
fn a_failure_that_may_pass_is_tried_once_more_on_the_same_channel_when_nothing_else_is_left() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let flaky = Upstream::start(move |request| {
        let first = count.fetch_add(1, Ordering::SeqCst) == 0;
        match request.json()["model"].as_str() {
            Some("m") if first => failing(502),
            Some("m") => Script::chat("good", 1, 1),
            Some("limited") => Script::limited(1),
            Some("wrong") => failing(400),
            Some("late") => failing(504),
            Some("said") => failing(500),
            _ => failing(502),
        }
    });
    let gateway = TestGateway::start();
    gateway.channel(&flaky, &["m", "limited", "wrong", "late", "said", "down"]);
    let (admin, client) = (gateway.admin(), gateway.new_client());
    let answer = client.chat(&chat("m", "x")).expect(200);
    assert_eq!(answer["choices"][0]["message"]["content"], "good");
    let attempts = admin.calls()[0]["attempts"].clone();
    let statuses: Vec<_> = attempts
        .as_array()
        .unwrap()
        .iter()
        .map(|a| &a["status"])
        .collect();
    assert_eq!(statuses, ["provider_error", "ok"], "{attempts}");
    // Not what the client got wrong, nor what says when to come back, nor what took its time, nor what was said at once of this
    // very call.
    for (model, status, calls) in [
        ("wrong", 400, 1),
        ("limited", 429, 1),
        ("late", 504, 1),
        ("said", 502, 1),
        ("down", 502, 2),
    ] {
        let before = asked.load(Ordering::SeqCst);
        client.chat(&chat(model, "x")).expect(status);
        assert_eq!(asked.load(Ordering::SeqCst) - before, calls, "{model}");
    }
}

#[test]
fn a_failure_is_not_tried_once_more_where_another_channel_is_left() {
    let bad = Upstream::start(|_| failing(500));
    let good = Upstream::start(|_| Script::chat("good", 1, 1));
    let gateway = TestGateway::start();
    let admin = gateway.admin();
    let first = gateway.channel(&bad, &["m"]);
    let path = format!("/api/channels/{}", first["id"].as_str().unwrap());
    admin.patch(&path, &json!({"priority": 9})).expect(200);
    gateway.channel(&good, &["m"]);
    gateway.new_client().chat(&chat("m", "x")).expect(200);
    assert_eq!(bad.requests().len(), 1);
}
