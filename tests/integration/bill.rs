//! The bill is the provider's: every fixture of `tests/bill/` through the real gateway, whole and streamed, in the provider's own
//! dialect and carried from another one; at the end the ledger has what the scripted provider has billed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use real200::domain::Money;
use serde_json::{Value, json};

use super::bedrock::{chunk, framed};
use super::harness::{Request, Script, TestGateway, Upstream, eventually};
use super::vertex;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bill")
}

fn fixtures() -> BTreeMap<String, Value> {
    let files = fs::read_dir(folder()).unwrap().map(|file| file.unwrap());
    files
        .filter_map(|file| {
            let name = file.file_name().into_string().unwrap();
            let name = name.strip_suffix(".json")?.to_owned();
            let row = serde_json::from_slice(&fs::read(file.path()).unwrap());
            Some((name, row.unwrap()))
        })
        .collect()
}

/// The name of a fixture's model. Those of the clouds tell by it whose models they are.
fn model(name: &str, row: &Value) -> String {
    match row["kind"].as_str().unwrap() {
        "bedrock" => format!("us.anthropic.claude-{name}-v1:0"),
        "vertex" => format!("claude-{name}"),
        "gemini" => format!("gemini-{name}"),
        _ => name.to_owned(),
    }
}

/// What the provider answers: it finds the fixture by the model that it was asked for.
fn answer(fixtures: &BTreeMap<String, Value>, request: &Request) -> Script {
    if request.path == "/token" {
        let token = json!({"access_token": "token", "expires_in": 3599, "token_type": "Bearer"});
        return Script::json(200, &token);
    }
    let body = request.json();
    let named = body["model"].as_str().unwrap_or_default();
    let path = request.path.replace("%3A", ":").replace("%3a", ":");
    let (_, row) = fixtures
        .iter()
        .filter(|(name, row)| {
            let model = model(name, row);
            named == model
                || path.contains(&format!("/{model}:"))
                || path.contains(&format!("/{model}/"))
        })
        .max_by_key(|(name, _)| name.len())
        .unwrap_or_else(|| panic!("no fixture for {} {named}", request.path));
    let streams = body["stream"] == true
        || path.contains("streamGenerateContent")
        || path.contains("streamRawPredict")
        || path.contains("response-stream");
    let frames = || row["frames"].as_array().unwrap();
    match (streams, row["wire"].as_str().unwrap()) {
        (false, _) => Script::json(200, &row["whole"]),
        (true, "messages") if row["kind"] == "bedrock" => {
            framed(&frames().iter().map(chunk).collect::<Vec<_>>()).end()
        }
        (true, "messages" | "responses") => {
            let event = |script: Script, event: &Value| {
                let kind = event["type"].as_str().unwrap();
                script.chunk(&format!("event: {kind}\ndata: {event}\n\n"))
            };
            frames().iter().fold(Script::stream(), event).end()
        }
        (true, "gemini") => frames().iter().fold(Script::stream(), Script::frame).end(),
        (true, _) => frames().iter().fold(Script::stream(), Script::frame).done(),
    }
}

/// A request of a client of this dialect.
fn request(dialect: &str, model: &str, stream: bool) -> (String, Value) {
    let turns = json!([{"role": "user", "content": "Say two words."}]);
    match dialect {
        "chat" => (
            "/v1/chat/completions".to_owned(),
            json!({"model": model, "stream": stream, "max_tokens": 200, "messages": turns}),
        ),
        "responses" => (
            "/v1/responses".to_owned(),
            json!({"model": model, "stream": stream, "max_output_tokens": 200, "input": turns}),
        ),
        "messages" => (
            "/v1/messages".to_owned(),
            json!({"model": model, "stream": stream, "max_tokens": 200, "messages": turns}),
        ),
        "gemini" => {
            let call = if stream {
                "streamGenerateContent?alt=sse"
            } else {
                "generateContent"
            };
            (
                format!("/v1beta/models/{model}:{call}"),
                json!({"contents": [{"role": "user", "parts": [{"text": "Say two words."}]}]}),
            )
        }
        "images" => (
            "/v1/images/generations".to_owned(),
            json!({"model": model, "prompt": "Two dots.", "n": 1}),
        ),
        "rerank" => (
            "/v1/rerank".to_owned(),
            json!({"model": model, "query": "Dots?", "documents": ["one", "two"]}),
        ),
        other => panic!("no client speaks {other}"),
    }
}

/// The client's dialects that reach such a provider.
fn clients(row: &Value) -> Vec<&'static str> {
    match (row["kind"].as_str().unwrap(), row["wire"].as_str().unwrap()) {
        ("openai", "chat") => vec!["chat", "messages", "gemini"],
        ("openai", "responses") => vec!["responses"],
        ("openai", "images") => vec!["images"],
        ("openai", "rerank") => vec!["rerank"],
        (_, "messages") => vec!["messages", "chat", "responses"],
        (_, "gemini") => vec!["gemini", "chat", "messages"],
        other => panic!("nobody speaks {other:?}"),
    }
}

fn price(factor: f64) -> Value {
    json!({
        "input_usd_per_mtok": factor, "cached_input_usd_per_mtok": factor * 0.1, "cache_write_usd_per_mtok": factor * 1.25,
        "cache_write_1h_usd_per_mtok": factor * 2.0, "output_usd_per_mtok": factor * 5.0, "reasoning_usd_per_mtok": factor * 6.0,
        "flex_factor": 0.5, "priority_factor": 2, "max_output_tokens": 1000, "context_tokens": 100_000,
    })
}

fn channels(gateway: &TestGateway, upstream: &Upstream, fixtures: &BTreeMap<String, Value>) {
    let admin = gateway.admin();
    for kind in ["openai", "anthropic", "gemini", "bedrock", "vertex"] {
        for source in ["catalogue", "provider"] {
            let of = fixtures.iter().filter(|(_, row)| {
                row["kind"] == kind && row["cost_source"].as_str().unwrap_or("catalogue") == source
            });
            let models: Vec<String> = of.map(|(name, row)| model(name, row)).collect();
            if models.is_empty() {
                continue;
            }
            let address = match kind {
                "bedrock" => format!("http://127.0.0.1:{}", upstream.port()),
                "vertex" => format!("http://127.0.0.1:{}{}", upstream.port(), vertex::PROJECT),
                _ => upstream.base_url(),
            };
            let credential = match kind {
                "bedrock" => super::bedrock::KEYS.to_owned(),
                "vertex" => vertex::account(upstream.port()).to_string(),
                _ => "provider-secret".to_owned(),
            };
            let body = json!({"name": format!("{kind} {source}"), "kind": kind, "base_url": address, "credential": credential,
                              "models": models, "cost_source": source});
            let made = admin.post("/api/channels", &body).expect(201);
            assert_eq!(made["cost_source"], source);
            for model in &models {
                admin
                    .put(&format!("/api/models/{model}"), &price(1.0))
                    .expect(200);
            }
        }
    }
    admin.put("/api/models/bill-dear", &price(10.0)).expect(200);
}

fn pico(number: &Value) -> u64 {
    Money::from_usd(&number.to_string()).unwrap().as_pico()
}

/// What the gateway counted, at the model's price.
fn counted(usage: &Value) -> u64 {
    usage["prompt_tokens"].as_u64().unwrap() * 1_000_000
        + usage["completion_tokens"].as_u64().unwrap() * 5_000_000
}

/// Compares a call with its fixture; gives what the provider bills for it.
fn compare(call: &Value, row: &Value, about: &str) -> u64 {
    let expected = row["usage"].as_object().unwrap();
    for (member, value) in expected {
        assert_eq!(&call["usage"][member], value, "{member}: {about}: {call}");
    }
    let estimated = expected.contains_key("estimated");
    assert_eq!(call["usage"]["estimated"], estimated, "{about}: {call}");
    assert_eq!(call["usage"]["implausible"], false, "{about}: {call}");
    let provider = row.get("provider_cost_usd").unwrap_or(&Value::Null);
    assert_eq!(&call["provider_cost_usd"], provider, "{about}: {call}");
    let bill = if estimated {
        assert!(
            call["usage"]["completion_tokens"].as_u64().unwrap() > 0,
            "{about}: {call}"
        );
        counted(&call["usage"])
    } else {
        row["picodollars"].as_u64().unwrap()
    };
    assert_eq!(pico(&call["cost_usd"]), bill, "{about}: {call}");
    bill
}

#[test]
fn the_ledger_has_what_every_provider_bills() {
    let fixtures = Arc::new(fixtures());
    let table = fs::read_to_string(folder().join("README.md")).unwrap();
    for name in fixtures.keys() {
        assert!(
            table.contains(&format!("| `{name}` |")),
            "{name} stands in no row of the table"
        );
    }
    assert_eq!(
        table.matches("\n| `").count(),
        fixtures.len(),
        "a row has no fixture"
    );
    let of = Arc::clone(&fixtures);
    let upstream = Upstream::start(move |request| answer(&of, request));
    let gateway = TestGateway::start();
    channels(&gateway, &upstream, &fixtures);
    let key = gateway.key(&json!({"name": "bill"}));
    let client = gateway.client(key["key"].as_str().unwrap());
    let admin = gateway.admin();
    let mut billed = 0;
    for (name, row) in fixtures.iter() {
        for dialect in clients(row) {
            for stream in [false, true] {
                if row.get(if stream { "frames" } else { "whole" }).is_none() {
                    continue;
                }
                let about = format!(
                    "{name} from {dialect}, {}",
                    if stream { "streamed" } else { "whole" }
                );
                let (path, body) = request(dialect, &model(name, row), stream);
                let reply = client.post(&path, &body);
                assert_eq!(reply.status, 200, "{about}: {}", reply.body);
                let id = reply.header("x-request-id").unwrap().to_owned();
                let call = eventually("the call", || {
                    let call = admin.get(&format!("/api/logs/{id}"));
                    (call.status == 200).then(|| call.json())
                });
                billed += compare(&call, row, &about);
            }
        }
    }
    let row = admin
        .get(&format!("/api/keys/{}", key["id"].as_str().unwrap()))
        .expect(200);
    assert_eq!(pico(&row["usage"]["cost_usd"]), billed);
}

/// A provider that says 10^18 tokens.
fn mad(stream: bool) -> Script {
    let usage = json!({"prompt_tokens": 1_000_000_000_000_000_000u64, "completion_tokens": 3, "total_tokens": 1_000_000_000_000_000_003u64});
    if stream {
        let last = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [], "usage": usage});
        return Script::stream().word("Two").stop().frame(&last).done();
    }
    Script::json(
        200,
        &json!({"id": "c", "object": "chat.completion", "created": 1, "model": "m",
                "choices": [{"index": 0, "message": {"role": "assistant", "content": "Two words."}, "finish_reason": "stop"}], "usage": usage}),
    )
}

#[test]
fn numbers_that_cannot_be_lock_nobody_out() {
    let upstream = Upstream::start(|request| mad(request.json()["stream"] == true));
    let hook = Upstream::start(|_| Script::json(200, &json!({})));
    let gateway = TestGateway::with(real200::clock::Clock::system(), |config| {
        config.outbound.allow_private = vec!["127.0.0.0/8".parse().unwrap()];
    });
    gateway.channel(&upstream, &["mad"]);
    let admin = gateway.admin();
    admin.put("/api/models/mad", &price(1.0)).expect(200);
    let webhook = json!({"name": "told", "url": format!("http://127.0.0.1:{}/", hook.port()), "events": ["usage.implausible"]});
    admin.post("/api/webhooks", &webhook).expect(201);
    let key = gateway.key(&json!({"name": "bill", "quota": {"total_usd": 1.0}}));
    let client = gateway.client(key["key"].as_str().unwrap());
    for stream in [false, true] {
        let (path, body) = request("chat", "mad", stream);
        let reply = client.post(&path, &body);
        assert_eq!(reply.status, 200, "{}", reply.body);
        let id = reply.header("x-request-id").unwrap().to_owned();
        let call = eventually("the call", || {
            let call = admin.get(&format!("/api/logs/{id}"));
            (call.status == 200).then(|| call.json())
        });
        assert_eq!(call["usage"]["implausible"], true, "{call}");
        assert_eq!(call["usage"]["completion_tokens"], 3, "{call}");
        assert!(call["cost_usd"].as_f64().unwrap() < 0.01, "{call}");
    }
    let told = eventually("the webhook", || hook.requests().into_iter().next());
    assert_eq!(told.json()["event"], "usage.implausible", "{}", told.text);
    assert_eq!(client.chat(&request("chat", "mad", false).1).status, 200);
}

#[test]
fn a_call_is_corrected_by_an_entry_of_its_own_and_totals_and_quotas_follow() {
    let upstream = Upstream::start(|_| Script::chat("Two words.", 100_000, 100_000));
    let mut gateway = TestGateway::start();
    gateway.channel(&upstream, &["m"]);
    gateway
        .admin()
        .put("/api/models/m", &price(1.0))
        .expect(200);
    // 100,000 tokens each way are $0.60.
    let key = gateway.key(&json!({"name": "bill", "quota": {"daily_usd": 0.5}}));
    let client = gateway.client(key["key"].as_str().unwrap());
    let (_, body) = request("chat", "m", false);
    let reply = client.chat(&body);
    let id = reply.header("x-request-id").unwrap().to_owned();
    assert_eq!(client.chat(&body).status, 402);
    let path = format!("/api/logs/{id}/correct");
    let right = json!({"prompt_tokens": 10, "completion_tokens": 20, "cost_usd": 0.00011, "reason": "The provider counted wrong."});
    let admin = gateway.admin();
    for (wrong, param) in [
        (json!({"reason": "nothing"}), "cost_usd"),
        (json!({"reason": " ", "cost_usd": 1}), "reason"),
        (
            json!({"reason": "x", "prompt_tokens": 5, "cached_tokens": 6}),
            "cached_tokens",
        ),
        (
            json!({"reason": "x", "completion_tokens": 5, "reasoning_tokens": 6}),
            "reasoning_tokens",
        ),
        (
            json!({"reason": "x", "prompt_tokens": 1_000_000_001u64}),
            "prompt_tokens",
        ),
    ] {
        let refused = admin.post(&path, &wrong).expect(422);
        assert_eq!(refused["error"]["param"], param, "{refused}");
    }
    admin
        .post(
            "/api/logs/00000000-0000-7000-8000-000000000000/correct",
            &right,
        )
        .expect(404);
    let call = admin.post(&path, &right).expect(200);
    assert_eq!(
        (&call["cost_usd"], &call["usage"]["total_tokens"]),
        (&json!(0.00011), &json!(30)),
        "{call}"
    );
    let correction = &call["corrections"][0];
    assert_eq!(
        (&correction["before"]["cost_usd"], &correction["by"]),
        (&json!(0.6), &json!("ada"))
    );
    // Up again, to show that each correction begins with what the last has left.
    let again = json!({"cost_usd": 0.0002, "reason": "Not quite."});
    assert_eq!(
        admin.post(&path, &again).expect(200)["corrections"][1]["before"]["cost_usd"],
        0.00011
    );
    let check = |gateway: &TestGateway| {
        let admin = gateway.admin();
        let key = admin
            .get(&format!("/api/keys/{}", key["id"].as_str().unwrap()))
            .expect(200);
        assert_eq!(key["usage"]["cost_usd"], 0.0002, "{key}");
        assert_eq!(key["usage"]["total_tokens"], 30, "{key}");
        assert_eq!(admin.call(&id)["cost_usd"], 0.0002);
        let audit = admin.get("/api/audit").expect(200).to_string();
        assert!(audit.contains("call.correct") && audit.contains("The provider counted wrong."));
    };
    check(&gateway);
    assert_eq!(client.chat(&body).status, 200, "the quota has room again");
    let newest = gateway.admin().calls()[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let free =
        json!({"prompt_tokens": 0, "completion_tokens": 0, "cost_usd": 0, "reason": "A test."});
    gateway
        .admin()
        .post(&format!("/api/logs/{newest}/correct"), &free)
        .expect(200);
    gateway.restart();
    check(&gateway);
    assert_eq!(
        gateway.client(client_key(&key)).chat(&body).status,
        200,
        "also after a restart"
    );
}

fn client_key(key: &Value) -> &str {
    key["key"].as_str().unwrap()
}

#[test]
fn a_member_corrects_nothing() {
    let gateway = TestGateway::start();
    let member = json!({"username": "bob", "password": "correct horse battery", "role": "member"});
    gateway.admin().post("/api/accounts", &member).expect(201);
    let bob = super::harness::Console::log_in(&gateway.url(""), "bob", "correct horse battery");
    let right = json!({"cost_usd": 0, "reason": "Please."});
    let path = "/api/logs/00000000-0000-7000-8000-000000000000/correct";
    bob.post(path, &right).expect(403);
}
