//! Nobody is blamed for another: whose fault each answer of a provider's is, what the client is told, what the channel's health
//! learns, what is booked, and who is asked next. The table of `docs/failover.md` is this one, and the tests run from it.

use real200::gateway::dialect::crossing::Dialect;
use serde_json::{Value, json};

use super::wire::{ask_with, frames, good, kind, stream, wants_stream, written};
use crate::integration::harness::{Script, TestGateway, Upstream, chat, eventually, streamed_chat};

/// What comes of an answer.
struct Row {
    what: &'static str,
    provider: Dialect,
    client: Dialect,
    streamed: bool,
    says: fn() -> Script,
    whose: Whose,
    /// Status and words for the client where no other channel is left.
    told: (u16, &'static str),
    /// What its calls cost it, in USD.
    booked: f64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// No other channel is asked, and nothing is held against this one.
    Client,
    /// Others are asked; the credential is out until an operator has seen to it.
    Account,
    /// Others are asked; the model is out on this channel for a minute.
    Name,
    /// Others are asked; others' calls still come to this one.
    Provider,
}

impl Whose {
    fn words(self) -> [&'static str; 3] {
        match self {
            Self::Client => ["the client's", "nothing", "nobody"],
            Self::Account => [
                "the operator's account",
                "`credential_refused`",
                "the next channel",
            ],
            Self::Name => [
                "the operator's name for the model",
                "the model is barred",
                "the next channel",
            ],
            Self::Provider => ["the provider's", "a failure", "the next channel"],
        }
    }
}

const PAID: f64 = 0.002;

fn gemini(finish: &str) -> Value {
    json!({"candidates": [{"content": {"role": "model", "parts": []}, "finishReason": finish, "index": 0}],
           "usageMetadata": {"promptTokenCount": 1000, "candidatesTokenCount": 10}, "modelVersion": "m"})
}

fn failed(code: &str) -> Value {
    json!({"id": "r", "object": "response", "status": "failed", "error": {"code": code, "message": "as the provider says"}, "output": [],
           "usage": {"input_tokens": 1000, "output_tokens": 10, "total_tokens": 1010}})
}

fn event(event: Value) -> Script {
    Script::stream().chunk(&written(&[event])).end()
}

fn google(code: u16, message: &str, reason: &str) -> Script {
    Script::json(
        code,
        &json!({"error": {"code": code, "message": message, "status": "INVALID_ARGUMENT",
        "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}]}}),
    )
}

fn openai(status: u16, code: &str, message: &str) -> Script {
    Script::json(
        status,
        &json!({"error": {"message": message, "type": "invalid_request_error", "code": code, "param": null}}),
    )
}

fn anthropic(status: u16, kind: &str, message: &str) -> Script {
    Script::json(
        status,
        &json!({"type": "error", "error": {"type": kind, "message": message}}),
    )
}

/// The first frames of a stream, which carry nothing.
fn opening(dialect: Dialect) -> Script {
    Script::stream().chunk(&match dialect {
        Dialect::Chat => written(&[
            json!({"choices": [], "prompt_filter_results": []}),
            json!({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": null}]}),
        ]),
        Dialect::Messages => written(&frames(dialect).0[..2]) + "event: ping\ndata: {\"type\": \"ping\"}\n\n",
        Dialect::Responses => written(&[
            json!({"type": "response.created", "response": {"id": "r"}}),
            json!({"type": "response.in_progress", "response": {"id": "r"}}),
            json!({"type": "response.output_item.added", "output_index": 0, "item": {"type": "message", "content": []}}),
        ]),
        Dialect::Gemini => written(&[json!({"usageMetadata": {"promptTokenCount": 1000}})]),
    })
}

const ROWS: &[Row] = &[
    Row {
        what: "Gemini `MALFORMED_FUNCTION_CALL`",
        provider: Dialect::Gemini,
        client: Dialect::Chat,
        streamed: false,
        says: || Script::json(200, &gemini("MALFORMED_FUNCTION_CALL")),
        whose: Whose::Client,
        told: (400, "MALFORMED_FUNCTION_CALL"),
        booked: PAID,
    },
    Row {
        what: "the same, streamed",
        provider: Dialect::Gemini,
        client: Dialect::Messages,
        streamed: true,
        says: || event(gemini("MALFORMED_FUNCTION_CALL")),
        whose: Whose::Client,
        told: (200, "MALFORMED_FUNCTION_CALL"),
        booked: PAID,
    },
    Row {
        what: "Gemini `UNEXPECTED_TOOL_CALL`",
        provider: Dialect::Gemini,
        client: Dialect::Responses,
        streamed: false,
        says: || Script::json(200, &gemini("UNEXPECTED_TOOL_CALL")),
        whose: Whose::Client,
        told: (400, "UNEXPECTED_TOOL_CALL"),
        booked: PAID,
    },
    Row {
        what: "Gemini `candidates: []`",
        provider: Dialect::Gemini,
        client: Dialect::Messages,
        streamed: false,
        says: || {
            Script::json(
                200,
                &json!({"candidates": [], "usageMetadata": {"promptTokenCount": 1000, "candidatesTokenCount": 10}}),
            )
        },
        whose: Whose::Client,
        told: (400, "no candidates"),
        booked: PAID,
    },
    Row {
        what: "Gemini, a picture for a client of text",
        provider: Dialect::Gemini,
        client: Dialect::Messages,
        streamed: false,
        says: || {
            let mut answer = gemini("STOP");
            answer["candidates"][0]["content"]["parts"] =
                json!([{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]);
            Script::json(200, &answer)
        },
        whose: Whose::Client,
        told: (400, "picture"),
        booked: PAID,
    },
    Row {
        what: "responses `failed`, `invalid_prompt`",
        provider: Dialect::Responses,
        client: Dialect::Responses,
        streamed: false,
        says: || Script::json(200, &failed("invalid_prompt")),
        whose: Whose::Client,
        told: (200, "invalid_prompt"),
        booked: PAID,
    },
    Row {
        what: "`response.failed`, `image_too_large`",
        provider: Dialect::Responses,
        client: Dialect::Responses,
        streamed: true,
        says: || {
            opening(Dialect::Responses)
                .chunk(&written(&[
                    json!({"type": "response.failed", "response": failed("image_too_large")}),
                ]))
                .end()
        },
        whose: Whose::Client,
        told: (200, "image_too_large"),
        booked: PAID,
    },
    Row {
        what: "`response.failed`, `server_error`",
        provider: Dialect::Responses,
        client: Dialect::Responses,
        streamed: true,
        says: || {
            opening(Dialect::Responses)
                .chunk(&written(&[
                    json!({"type": "response.failed", "response": failed("server_error")}),
                ]))
                .end()
        },
        whose: Whose::Provider,
        told: (502, "as the provider says"),
        booked: 0.0,
    },
    Row {
        what: "Anthropic «credit balance is too low»",
        provider: Dialect::Messages,
        client: Dialect::Messages,
        streamed: false,
        says: || {
            anthropic(
                400,
                "invalid_request_error",
                "Your credit balance is too low to access the Anthropic API.",
            )
        },
        whose: Whose::Account,
        told: (502, "tell the operator"),
        booked: 0.0,
    },
    Row {
        what: "Gemini `API_KEY_INVALID`",
        provider: Dialect::Gemini,
        client: Dialect::Gemini,
        streamed: true,
        says: || google(400, "API key not valid.", "API_KEY_INVALID"),
        whose: Whose::Account,
        told: (502, "tell the operator"),
        booked: 0.0,
    },
    Row {
        what: "Gemini «User location is not supported»",
        provider: Dialect::Gemini,
        client: Dialect::Chat,
        streamed: false,
        says: || google(400, "User location is not supported for the API use.", ""),
        whose: Whose::Account,
        told: (502, "tell the operator"),
        booked: 0.0,
    },
    Row {
        what: "OpenAI 429 `insufficient_quota`",
        provider: Dialect::Chat,
        client: Dialect::Chat,
        streamed: true,
        says: || {
            openai(
                429,
                "insufficient_quota",
                "You exceeded your current quota.",
            )
        },
        whose: Whose::Account,
        told: (502, "tell the operator"),
        booked: 0.0,
    },
    Row {
        what: "404 `model_not_found` for the name that is set up",
        provider: Dialect::Chat,
        client: Dialect::Messages,
        streamed: false,
        says: || openai(404, "model_not_found", "The model `m` does not exist"),
        whose: Whose::Name,
        told: (502, "tell the operator"),
        booked: 0.0,
    },
    Row {
        what: "Azure 404 `DeploymentNotFound`",
        provider: Dialect::Chat,
        client: Dialect::Chat,
        streamed: true,
        says: || {
            openai(
                404,
                "DeploymentNotFound",
                "The API deployment for this resource does not exist.",
            )
        },
        whose: Whose::Name,
        told: (502, "tell the operator"),
        booked: 0.0,
    },
    Row {
        what: "Anthropic 404 `not_found_error` for the model",
        provider: Dialect::Messages,
        client: Dialect::Messages,
        streamed: false,
        says: || anthropic(404, "not_found_error", "model: m"),
        whose: Whose::Name,
        told: (502, "tell the operator"),
        booked: 0.0,
    },
    Row {
        what: "404 for a file that the caller named",
        provider: Dialect::Messages,
        client: Dialect::Messages,
        streamed: false,
        says: || anthropic(404, "not_found_error", "File not found: file_1"),
        whose: Whose::Client,
        told: (404, "file_1"),
        booked: 0.0,
    },
    Row {
        what: "501 in words",
        provider: Dialect::Chat,
        client: Dialect::Chat,
        streamed: false,
        says: || {
            Script::json(
                501,
                &json!({"error": {"code": 501, "message": "This is switched off.", "type": "not_supported_error"}}),
            )
        },
        whose: Whose::Client,
        told: (501, "switched off"),
        booked: 0.0,
    },
    Row {
        what: "500 in words of the caller's input",
        provider: Dialect::Chat,
        client: Dialect::Gemini,
        streamed: false,
        says: || {
            Script::json(
                500,
                &json!({"error": {"code": 500, "message": "input is too large to process. increase the physical batch size", "type": "server_error"}}),
            )
        },
        whose: Whose::Client,
        told: (500, "physical batch size"),
        booked: 0.0,
    },
    Row {
        what: "500 in other words, at once",
        provider: Dialect::Chat,
        client: Dialect::Chat,
        streamed: false,
        says: || Script::json(500, &json!({"error": {"message": "odd things"}})),
        whose: Whose::Provider,
        told: (502, "odd things"),
        booked: 0.0,
    },
    Row {
        what: "an error behind a role",
        provider: Dialect::Chat,
        client: Dialect::Chat,
        streamed: true,
        says: || {
            opening(Dialect::Chat)
                .chunk(&written(&[super::wire::boom(Dialect::Chat)]))
                .end()
        },
        whose: Whose::Provider,
        told: (502, "boom"),
        booked: 0.0,
    },
    Row {
        what: "an error behind `message_start` and `ping`",
        provider: Dialect::Messages,
        client: Dialect::Chat,
        streamed: true,
        says: || {
            opening(Dialect::Messages)
                .chunk(&written(&[super::wire::boom(Dialect::Messages)]))
                .end()
        },
        whose: Whose::Provider,
        told: (502, "boom"),
        booked: 0.0,
    },
    Row {
        what: "a cut behind `message_start` and `ping`",
        provider: Dialect::Messages,
        client: Dialect::Messages,
        streamed: true,
        says: || opening(Dialect::Messages).cut(),
        whose: Whose::Provider,
        told: (502, "broke off"),
        booked: 0.0,
    },
    Row {
        what: "an end behind a frame of usage",
        provider: Dialect::Gemini,
        client: Dialect::Gemini,
        streamed: true,
        says: || opening(Dialect::Gemini).end(),
        whose: Whose::Provider,
        told: (502, "broke off"),
        booked: 0.0,
    },
];

/// A gateway with a channel that answers so, unless it is asked for "fine".
fn start(row: &'static Row, beside: bool) -> (TestGateway, Value, Upstream, Upstream) {
    let gateway = TestGateway::start();
    let answer = |dialect: Dialect, request: &crate::integration::harness::Request| {
        if wants_stream(request) {
            stream(dialect)
        } else {
            Script::json(200, &good(dialect))
        }
    };
    let bad = Upstream::start(move |request| {
        if request.text.contains("fine") {
            answer(row.provider, request)
        } else {
            (row.says)()
        }
    });
    let next = Upstream::start(move |request| answer(row.provider, request));
    let admin = gateway.admin();
    let channel = |name: &str, upstream: &Upstream, priority: i32| {
        let body = json!({"name": name, "kind": kind(row.provider), "base_url": upstream.base_url(),
                          "credential": "provider-secret", "models": ["m"], "priority": priority});
        admin.post("/api/channels", &body).expect(201)
    };
    let first = channel("bad", &bad, 9);
    if beside {
        channel("next", &next, 0);
    }
    let price = json!({"input_usd_per_mtok": 1, "output_usd_per_mtok": 100});
    admin.put("/api/models/m", &price).expect(200);
    (gateway, first, bad, next)
}

#[test]
fn what_each_answer_means_to_the_client_the_channel_and_the_bill() {
    for row in ROWS {
        let (gateway, channel, bad, _next) = start(row, false);
        let (admin, client) = (gateway.admin(), gateway.new_client());
        let what = row.what;
        let calls = match row.whose {
            Whose::Client => 6,
            Whose::Provider if row.told.1 != "broke off" => 6,
            Whose::Provider | Whose::Account | Whose::Name => 1,
        };
        for number in 0..calls {
            let text = format!("odd {number}");
            let reply = ask_with(&client, row.client, "m", row.streamed, &text);
            assert_eq!(reply.status, row.told.0, "{what}: {}", reply.body);
            assert!(reply.body.contains(row.told.1), "{what}: {}", reply.body);
            assert!(!reply.body.contains("provider-secret"), "{what}");
        }
        let logged = eventually("the calls' records", || {
            let logged = admin.calls();
            (logged.len() == calls).then_some(logged)
        });
        for call in logged {
            assert_eq!(call["status"], "error", "{what}: {call}");
            assert!(call["error_code"].is_string(), "{what}: {call}");
            assert_eq!(
                call["cost_usd"].as_f64(),
                Some(row.booked),
                "{what}: {call}"
            );
            let attempts = call["attempts"].as_array().unwrap();
            // What broke off may do better a moment later; nothing else is asked twice.
            let most = if row.told.1 == "broke off" { 2 } else { 1 };
            assert!(attempts.len() <= most, "{what}: {call}");
        }
        let path = format!("/api/channels/{}", channel["id"].as_str().unwrap());
        let health = admin.get(&path).expect(200)["health"].clone();
        let other = ask_with(&gateway.new_client(), row.client, "m", false, "fine");
        match row.whose {
            Whose::Client => {
                assert_eq!(health["state"], "healthy", "{what}: {health}");
                assert_eq!(
                    health["error_rate"].as_f64().unwrap_or(0.0),
                    0.0,
                    "{what}: {health}"
                );
                assert_eq!(other.status, 200, "{what}: {}", other.body);
            }
            Whose::Account => {
                assert_eq!(health["state"], "credential_refused", "{what}: {health}");
                assert_eq!(other.status, 502, "{what}: {}", other.body);
            }
            Whose::Name => {
                assert_eq!(health["state"], "healthy", "{what}: {health}");
                assert_eq!(health["barred"][0]["model"], "m", "{what}: {health}");
                assert_eq!(other.status, 502, "{what}: {}", other.body);
                assert!(other.body.contains("tell the operator"), "{}", other.body);
                assert_eq!(bad.requests().len(), 1, "{what}");
                // A change of the channel tries it at once.
                admin.patch(&path, &json!({"weight": 2})).expect(200);
                let again = ask_with(&gateway.new_client(), row.client, "m", false, "fine");
                assert_eq!(again.status, 200, "{what}: {}", again.body);
            }
            Whose::Provider if row.told.1 == "broke off" => {}
            Whose::Provider => assert_eq!(other.status, 200, "{what}: {}", other.body),
        }
    }
}

#[test]
fn the_next_channel_is_asked_where_it_may_do_better_and_only_there() {
    for row in ROWS {
        let (gateway, _, _bad, next) = start(row, true);
        let reply = ask_with(&gateway.new_client(), row.client, "m", row.streamed, "odd");
        let what = row.what;
        if row.whose == Whose::Client {
            assert_eq!(reply.status, row.told.0, "{what}: {}", reply.body);
            assert_eq!(next.requests().len(), 0, "{what}");
        } else if row.provider == Dialect::Responses {
            // The scripts have no answer of this dialect.
            assert_eq!(next.requests().len(), 1, "{what}");
        } else {
            assert_eq!(reply.status, 200, "{what}: {}", reply.body);
            assert!(reply.body.contains("good"), "{what}: {}", reply.body);
        }
    }
}

#[test]
fn the_table_of_the_documentation_is_this_one() {
    let mut table = String::from(
        "| the provider's answer | whose fault | the client is told, where it is the last channel | health learns | booked | asked next |\n|---|---|---|---|---|---|\n",
    );
    for row in ROWS {
        let [whose, health, next] = row.whose.words();
        let (status, words) = row.told;
        let booked = if row.booked > 0.0 {
            "what the provider reports"
        } else {
            "nothing"
        };
        table += &format!(
            "| {} | {whose} | {status}, «{words}» | {health} | {booked} | {next} |\n",
            row.what
        );
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/failover.md");
    let page = std::fs::read_to_string(path).unwrap_or_default();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let (before, behind) = page.split_once("<!-- table -->\n").unwrap();
        let (_, after) = behind.split_once("<!-- end of the table -->").unwrap();
        let new = format!("{before}<!-- table -->\n{table}<!-- end of the table -->{after}");
        std::fs::write(path, new).unwrap();
        return;
    }
    assert!(
        page.contains(&table),
        "docs/failover.md has another table; UPDATE_DOCS=1 writes it:\n{table}"
    );
}

#[test]
fn one_bad_call_a_turn_takes_none_of_the_good_ones_on_one_channel_or_two() {
    for channels in [1, 2] {
        let gateway = TestGateway::start();
        let upstreams: Vec<_> = (0..channels)
            .map(|_| {
                Upstream::start(|request| {
                    if request.text.contains("odd") {
                        Script::json(500, &json!({"error": {"message": "no such thing"}}))
                    } else {
                        Script::chat("good", 1, 1)
                    }
                })
            })
            .collect();
        for upstream in &upstreams {
            gateway.channel(upstream, &["m"]);
        }
        let (bad, good) = (gateway.new_client(), gateway.new_client());
        for number in 0..70 {
            let odd = bad.chat(&chat("m", &format!("odd {number}")));
            assert_eq!(odd.status, 502, "{}", odd.body);
            assert!(odd.body.contains("no such thing"), "{}", odd.body);
            good.chat(&chat("m", "x")).expect(200);
        }
        // And where nothing good comes between.
        for number in 0..20 {
            bad.chat(&chat("m", &format!("odd again {number}")))
                .expect(502);
        }
        good.chat(&chat("m", "x")).expect(200);
    }
}

#[test]
fn embeddings_that_fail_take_no_chat_away() {
    let upstream = Upstream::start(|request| {
        if request.path.contains("embeddings") {
            Script::failing()
        } else {
            Script::chat("good", 1, 1)
        }
    });
    let gateway = TestGateway::start();
    gateway.channel(&upstream, &["m"]);
    let client = gateway.new_client();
    for _ in 0..4 {
        client.post("/v1/embeddings", &json!({"model": "m", "input": "x"}));
    }
    let out = client.post("/v1/embeddings", &json!({"model": "m", "input": "x"}));
    assert_eq!(out.expect_error(503), "no_channel_available");
    client.chat(&chat("m", "x")).expect(200);
}

#[test]
fn the_status_alone_decides_whatever_becomes_of_the_body() {
    let gate = crate::integration::harness::Gate::default();
    let held = gate.clone();
    let stuck = Upstream::start(move |_| {
        let head = "HTTP/1.1 500 Scripted\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{\"error\":";
        Script::default().send(head).wait(&held)
    });
    let next = Upstream::start(|_| Script::chat("good", 1, 1));
    let gateway = TestGateway::start();
    let first = gateway.channel(&stuck, &["m"]);
    let path = format!("/api/channels/{}", first["id"].as_str().unwrap());
    gateway
        .admin()
        .patch(&path, &json!({"priority": 9}))
        .expect(200);
    gateway.channel(&next, &["m"]);
    let began = std::time::Instant::now();
    gateway.new_client().chat(&chat("m", "x")).expect(200);
    assert!(began.elapsed() < std::time::Duration::from_secs(10));
    gate.open();
}

#[test]
fn a_stream_with_its_reason_to_end_and_a_proper_end_is_whole_and_a_cut_one_is_not() {
    let upstream = Upstream::start(|request| {
        let begun = Script::stream().word("good").stop().usage(1000, 10);
        if request.text.contains("cut") {
            begun.cut()
        } else {
            begun.end()
        }
    });
    let gateway = TestGateway::start();
    gateway.channel(&upstream, &["m"]);
    let (admin, client) = (gateway.admin(), gateway.new_client());
    let whole = client.chat(&streamed_chat("m", "x"));
    assert!(!whole.body.contains("\"error\""), "{}", whole.body);
    let messages = ask_with(&client, Dialect::Messages, "m", true, "x");
    assert!(messages.body.contains("message_stop"), "{}", messages.body);
    client.chat(&streamed_chat("m", "cut")).expect_broken();
    let statuses = eventually("the calls' records", || {
        let calls = admin.calls();
        let statuses: Vec<_> = calls.iter().map(|call| call["status"].clone()).collect();
        (statuses.len() == 3).then_some(statuses)
    });
    assert_eq!(statuses, ["error", "ok", "ok"]);
}

#[test]
fn the_wait_that_a_provider_asks_for_is_told_as_it_was_sent() {
    let upstream = Upstream::start(|_| {
        Script::json(
            429,
            &json!({"error": {"code": 429, "message": "x", "status": "RESOURCE_EXHAUSTED",
            "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "37.5s"}]}}),
        )
    });
    let gateway = TestGateway::start();
    gateway.channel(&upstream, &["m"]);
    let reply = gateway.new_client().chat(&chat("m", "x"));
    assert_eq!(
        (reply.header("retry-after"), reply.header("retry-after-ms")),
        (Some("38"), Some("37500"))
    );
    reply.expect(429);
}
