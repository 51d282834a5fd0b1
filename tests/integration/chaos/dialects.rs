//! The same between dialects: providers of each dialect misbehave, clients of each one ask. Nobody notices beside another
//! channel, which speaks yet another dialect; alone it is a clear error in the client's own, and costs nothing.

use std::time::{Duration, Instant};

use real200::clock::Clock;
use real200::gateway::dialect::crossing::Dialect;
use serde_json::{Value, json};

use super::wire::{ask, boom, end, frames, good, kind, stream, told, wants_stream, written};
use crate::integration::harness::{
    Console, Gate, KeyClient, Script, TestGateway, Upstream, eventually,
};

/// The kinds of channels that speak these, each with the one that does better.
const PROVIDERS: [(Dialect, Dialect); 3] = [
    (Dialect::Chat, Dialect::Messages),
    (Dialect::Messages, Dialect::Gemini),
    (Dialect::Gemini, Dialect::Chat),
];

/// What a misbehaving provider of a dialect does with a call.
type Behaviour = (&'static str, fn(Dialect, &Gate) -> Script);

const WHOLE: [Behaviour; 8] = [
    ("500", |dialect, _| Script::json(500, &boom(dialect))),
    ("429", |dialect, _| Script::json(429, &boom(dialect))),
    ("529", |dialect, _| Script::json(529, &boom(dialect))),
    ("hangs", |_, gate| Script::default().wait(gate)),
    ("hangs up", |_, _| Script::default().cut()),
    ("half a JSON", |dialect, _| {
        let whole = good(dialect).to_string();
        let half = &whole[..whole.len() / 2];
        Script::bytes_of("application/json", half.len()).send(half)
    }),
    ("an error in a 200", |dialect, _| {
        Script::json(200, &boom(dialect))
    }),
    ("10 MB of headers", |_, _| {
        Script::default().send(&format!(
            "HTTP/1.1 200 OK\r\nx-long: {}\r\n\r\n",
            "x".repeat(10 << 20)
        ))
    }),
];

/// Between ends of one dialect it passes.
const FOREIGN: [Behaviour; 1] = [("JSON of another kind", |_, _| {
    Script::json(200, &json!({"ok": true}))
})];

const BEGINNINGS: [Behaviour; 5] = [
    ("an error first", |dialect, _| {
        Script::stream().chunk(&written(&[boom(dialect)])).end()
    }),
    ("no event", |_, _| Script::stream().end()),
    ("cut in its first event", |dialect, _| {
        let first = written(&frames(dialect).0);
        Script::stream().chunk(&first[..20]).cut()
    }),
    ("hangs before its first event", |_, gate| {
        Script::stream().chunk(": wait\n\n").wait(gate)
    }),
    ("an error and no stream", |dialect, _| {
        Script::json(200, &boom(dialect))
    }),
];

/// Too late for another channel: the client has the beginning.
const MIDDLES: [Behaviour; 5] = [
    ("an error in the middle", |dialect, _| {
        begun(dialect).chunk(&written(&[boom(dialect)])).end()
    }),
    ("cut in the middle", |dialect, _| begun(dialect).cut()),
    ("ends in the middle", |dialect, _| begun(dialect).end()),
    ("hangs in the middle", |dialect, gate| {
        begun(dialect).wait(gate)
    }),
    ("half an event", |dialect, _| {
        let last = written(&frames(dialect).1);
        begun(dialect).chunk(&last[..last.len() / 3]).end()
    }),
];

fn begun(dialect: Dialect) -> Script {
    Script::stream().chunk(&written(&frames(dialect).0))
}

/// A gateway that waits a short time only. A model's name says how its first channel misbehaves.
struct Chaos {
    _gateway: TestGateway,
    admin: Console,
    client: KeyClient,
    gate: Gate,
    bad: Upstream,
    good: Upstream,
    dialects: (Dialect, Dialect),
}

impl Chaos {
    fn start(dialects: (Dialect, Dialect), behaviours: &'static [Behaviour]) -> Self {
        let gateway = TestGateway::with(Clock::system(), |config| {
            config.upstream.first_byte_timeout_ms = 300;
            config.upstream.idle_timeout_ms = 300;
        });
        let gate = Gate::default();
        let held = gate.clone();
        let bad = Upstream::start(move |request| {
            let is_asked = |(place, _): &(usize, _)| {
                let name = format!("b{place}-");
                request.path.contains(&name) || request.text.contains(&name)
            };
            let (_, (_, behaviour)) = behaviours.iter().enumerate().find(is_asked).unwrap();
            behaviour(dialects.0, &held)
        });
        let good = Upstream::start(move |request| {
            if wants_stream(request) {
                stream(dialects.1)
            } else {
                Script::json(200, &good(dialects.1))
            }
        });
        Self {
            admin: gateway.admin(),
            client: gateway.new_client(),
            _gateway: gateway,
            gate,
            bad,
            good,
            dialects,
        }
    }

    /// A model with a channel that misbehaves, and one that does not, if there is to be another.
    fn model(&self, place: usize, client: Dialect, beside: bool) -> String {
        let model = format!("b{place}-{}-{beside}", client.as_str());
        let admin = &self.admin;
        let channel = |name: &str, dialect: Dialect, upstream: &Upstream, priority: i32| {
            let body = json!({"name": format!("{model} {name}"), "kind": kind(dialect), "base_url": upstream.base_url(),
                              "credential": "provider-secret", "models": [model], "priority": priority});
            admin.post("/api/channels", &body).expect(201);
        };
        channel("bad", self.dialects.0, &self.bad, 9);
        if beside {
            channel("good", self.dialects.1, &self.good, 0);
        }
        let price = json!({"input_usd_per_mtok": 1, "output_usd_per_mtok": 100});
        admin
            .put(&format!("/api/models/{model}"), &price)
            .expect(200);
        model
    }

    fn call(&self, model: &str) -> Value {
        eventually("the call's record", || {
            let of_model = |call: &Value| call["model"] == model;
            self.admin.calls().into_iter().find(of_model)
        })
    }

    /// The next channel answers, in time, and its bill is the call's.
    fn is_not_noticed(&self, place: usize, client: Dialect, streamed: bool, what: &str) {
        let model = self.model(place, client, true);
        let began = Instant::now();
        let reply = ask(&self.client, client, &model, streamed);
        assert!(began.elapsed() < Duration::from_secs(10), "{what}");
        assert_eq!(reply.status, 200, "{what}: {}", reply.body);
        assert!(reply.body.contains("good"), "{what}: {}", reply.body);
        if streamed {
            assert!(reply.body.contains(end(client)), "{what}: {}", reply.body);
        }
        let call = self.call(&model);
        let attempts = call["attempts"].as_array().unwrap();
        let (last, missed) = attempts.split_last().unwrap();
        assert_eq!(last["status"], "ok", "{what}: {call}");
        assert!(
            missed.iter().all(|attempt| attempt["error"].is_string()) && !missed.is_empty(),
            "{what}: {call}"
        );
        assert_eq!(
            (&call["usage"]["prompt_tokens"], &call["cost_usd"]),
            (&json!(1000), &json!(0.002)),
            "{what}: {call}"
        );
    }

    /// Alone it is a clear error in the client's dialect, in time, that costs nothing.
    fn is_told(&self, place: usize, client: Dialect, streamed: bool, what: &str) {
        let model = self.model(place, client, false);
        let began = Instant::now();
        let reply = ask(&self.client, client, &model, streamed);
        assert!(began.elapsed() < Duration::from_secs(10), "{what}");
        assert!(
            matches!(reply.status, 429 | 502 | 503 | 504),
            "{what}: {} {}",
            reply.status,
            reply.body
        );
        let error = reply.json();
        let message = told(client, &error).unwrap_or_else(|| panic!("{what}: {error}"));
        assert!(
            message.contains("ry again") || message.contains("Wait"),
            "{what}: {message}"
        );
        let call = self.call(&model);
        assert_eq!(
            (&call["status"], &call["cost_usd"]),
            (&json!("error"), &json!(0)),
            "{what}: {call}"
        );
    }

    /// The client has the beginning, then an error of its dialect and no end; what the provider said of its bill counts.
    fn is_told_in_the_middle(&self, place: usize, client: Dialect, what: &str) {
        let model = self.model(place, client, true);
        let began = Instant::now();
        let reply = ask(&self.client, client, &model, true);
        assert!(began.elapsed() < Duration::from_secs(10), "{what}");
        assert!(
            reply.status == 200 && reply.body.contains("good"),
            "{what}: {}",
            reply.body
        );
        assert!(!reply.body.contains(end(client)), "{what}: {}", reply.body);
        let frames = reply.frames();
        let errors: Vec<Value> = frames
            .iter()
            .filter_map(|frame| serde_json::from_str(frame).ok())
            .filter(|frame: &Value| {
                frame["error"].is_object() || frame["type"] == "response.failed"
            })
            .collect();
        assert_eq!(errors.len(), 1, "{what}: {}", reply.body);
        let call = self.call(&model);
        assert_eq!(call["status"], "error", "{what}: {call}");
        if self.dialects.0 != Dialect::Chat {
            assert_eq!(call["usage"]["prompt_tokens"], 1000, "{what}: {call}");
        }
        assert!(call["cost_usd"].as_f64().unwrap() > 0.0, "{what}: {call}");
    }

    /// Tries each behaviour with clients of all dialects at once.
    fn each(&self, behaviours: &[Behaviour], check: impl Fn(&Self, usize, Dialect, &str) + Sync) {
        let (bad, good) = self.dialects;
        // Responses are not carried to OpenAI, but pass: the scripts have none.
        let carried = |client: &Dialect| {
            *client != Dialect::Responses || (bad != Dialect::Chat && good != Dialect::Chat)
        };
        for (place, (what, _)) in behaviours.iter().enumerate() {
            std::thread::scope(|threads| {
                for client in Dialect::ALL.into_iter().filter(carried) {
                    let what = format!("{} to {}: {what}", client.as_str(), kind(self.dialects.0));
                    let check = &check;
                    threads.spawn(move || check(self, place, client, &what));
                }
            });
        }
        self.gate.open();
    }
}

#[test]
fn a_provider_of_another_dialect_that_misbehaves_is_not_noticed_beside_another_and_a_clear_error_alone()
 {
    for dialects in PROVIDERS {
        Chaos::start(dialects, &WHOLE).each(&WHOLE, |chaos, place, client, what| {
            chaos.is_not_noticed(place, client, false, what);
            chaos.is_told(place, client, false, what);
        });
        Chaos::start(dialects, &FOREIGN).each(&FOREIGN, |chaos, place, client, what| {
            if client != dialects.0 {
                chaos.is_not_noticed(place, client, false, what);
                chaos.is_told(place, client, false, what);
            }
        });
    }
}

#[test]
fn a_stream_of_another_dialect_that_does_not_begin_is_not_noticed_beside_another_and_a_clear_error_alone()
 {
    for dialects in PROVIDERS {
        Chaos::start(dialects, &BEGINNINGS).each(&BEGINNINGS, |chaos, place, client, what| {
            chaos.is_not_noticed(place, client, true, what);
            chaos.is_told(place, client, true, what);
        });
    }
}

#[test]
fn a_stream_of_another_dialect_that_fails_in_the_middle_is_an_error_of_the_clients() {
    for dialects in PROVIDERS {
        Chaos::start(dialects, &MIDDLES).each(&MIDDLES, |chaos, place, client, what| {
            chaos.is_told_in_the_middle(place, client, what);
        });
    }
}

#[test]
fn a_stream_that_dribbles_a_byte_at_a_time_is_carried_as_one_that_does_not() {
    let gateway = TestGateway::start();
    for (dialect, _) in PROVIDERS {
        let upstream = Upstream::start(move |_| {
            let (begin, end) = frames(dialect);
            let done = if dialect == Dialect::Chat {
                "data: [DONE]\n\n"
            } else {
                ""
            };
            let text = written(&begin) + &written(&end) + done;
            let pieces = text.as_bytes().chunks(1);
            pieces
                .fold(Script::stream(), |script, piece| {
                    script.chunk(&String::from_utf8_lossy(piece))
                })
                .end()
        });
        let model = format!("slow-{}", kind(dialect));
        let body = json!({"name": model, "kind": kind(dialect), "base_url": upstream.base_url(), "credential": "provider-secret", "models": [model]});
        gateway.admin().post("/api/channels", &body).expect(201);
        for client in Dialect::ALL {
            // Responses pass to OpenAI as they are: the script has none.
            if (client, dialect) == (Dialect::Responses, Dialect::Chat) {
                continue;
            }
            let reply = ask(&gateway.new_client(), client, &model, true);
            assert!(
                reply.body.contains("good") && reply.body.contains(end(client)),
                "{client:?} to {dialect:?}: {}",
                reply.body
            );
        }
    }
}
