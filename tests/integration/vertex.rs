//! Vertex AI: the exchange of a service account's key for tokens, and models of three makers behind one address.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use real200::clock::Clock;
use real200::domain::Timestamp;
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::{Value, json};

use super::harness::{Request, Script, TestGateway, Upstream, eventually};

/// Made for tests.
const KEY: &str = include_str!("../fixtures/google/private-key.pem");
pub(super) const PROJECT: &str = "/v1/projects/p/locations/us-east5";

/// A service account whose token service is at this port.
pub(super) fn account(port: u16) -> Value {
    json!({"type": "service_account", "project_id": "p", "private_key_id": "key-1", "private_key": KEY,
           "client_email": "gateway@p.iam.gserviceaccount.com", "token_uri": format!("http://127.0.0.1:{port}/token")})
}

/// A channel to the scripted cloud, with this credential.
fn channel(gateway: &TestGateway, cloud: &Upstream, credential: &str, models: &[&str]) -> Value {
    let body = json!({"name": "vertex", "kind": "vertex", "base_url": format!("http://127.0.0.1:{}{PROJECT}", cloud.port()),
                      "credential": credential, "models": models});
    gateway.admin().post("/api/channels", &body).expect(201)
}

/// The claims of a statement with a good signature.
fn claims(request: &Request) -> Value {
    let grant = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
    let statement = request.text.strip_prefix(grant).unwrap();
    let (signed, signature) = statement.rsplit_once('.').unwrap();
    let der: String = KEY.lines().filter(|line| !line.starts_with('-')).collect();
    let pair = RsaKeyPair::from_pkcs8(&BASE64_STANDARD.decode(der).unwrap()).unwrap();
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key());
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
    public.verify(signed.as_bytes(), &signature).unwrap();
    let (head, claims) = signed.split_once('.').unwrap();
    let read = |part: &str| -> Value {
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    assert_eq!(
        read(head),
        json!({"alg": "RS256", "typ": "JWT", "kid": "key-1"})
    );
    read(claims)
}

fn content(words: &str) -> Value {
    json!({"candidates": [{"content": {"role": "model", "parts": [{"text": words}]}, "finishReason": "STOP", "index": 0}],
           "usageMetadata": {"promptTokenCount": 8, "candidatesTokenCount": 2, "totalTokenCount": 10, "trafficType": "ON_DEMAND"}})
}

fn message() -> Value {
    json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "content": [{"type": "text", "text": "Hello"}],
           "stop_reason": "end_turn", "usage": {"input_tokens": 10, "output_tokens": 7}})
}

/// A cloud that gives tokens, counted from 1, and takes only those that `is_good` says.
fn cloud(is_good: impl Fn(usize) -> bool + Send + Sync + 'static) -> Upstream {
    let given = Arc::new(AtomicUsize::new(0));
    Upstream::start(move |request| {
        if request.path == "/token" {
            let number = given.fetch_add(1, Ordering::SeqCst) + 1;
            return Script::json(
                200,
                &json!({"access_token": format!("token-{number}"), "expires_in": 3599, "token_type": "Bearer"}),
            );
        }
        let token = request.header("authorization").unwrap_or_default();
        let number = token.strip_prefix("Bearer token-");
        if !number.is_some_and(|number| is_good(number.parse().unwrap())) {
            let error = json!({"error": {"code": 401, "message": format!("no good: {token}"), "status": "UNAUTHENTICATED"}});
            return Script::json(401, &error);
        }
        answer(request)
    })
}

fn answer(request: &Request) -> Script {
    let path = request.path.strip_prefix(PROJECT).unwrap();
    match path {
        "/publishers/anthropic/models/claude-x:rawPredict" => Script::json(200, &message()),
        "/publishers/anthropic/models/claude-x:streamRawPredict" => {
            let mut begun = message();
            begun["content"] = json!([]);
            let events = [
                json!({"type": "message_start", "message": begun}),
                json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
                json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}}),
                json!({"type": "content_block_stop", "index": 0}),
                json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}}),
                json!({"type": "message_stop"}),
            ];
            let event = |script: Script, event: &Value| {
                let kind = event["type"].as_str().unwrap();
                script.chunk(&format!("event: {kind}\ndata: {event}\n\n"))
            };
            events.iter().fold(Script::stream(), event).end()
        }
        "/publishers/anthropic/models/count-tokens:rawPredict" => {
            Script::json(200, &json!({"input_tokens": 4711}))
        }
        "/publishers/google/models/gemini-x:generateContent" => {
            Script::json(200, &content("Hello"))
        }
        "/publishers/google/models/gemini-x:streamGenerateContent?alt=sse" => {
            Script::stream().frame(&content("Hello")).end()
        }
        "/publishers/google/models/gemini-x:countTokens" => {
            Script::json(200, &json!({"totalTokens": 4712}))
        }
        "/endpoints/openapi/chat/completions" => Script::chat("Hello", 115, 7),
        other => panic!("nothing is at {other}"),
    }
}

fn paths(cloud: &Upstream) -> Vec<String> {
    let requests = cloud.requests();
    requests
        .iter()
        .map(|request| request.path.replace(PROJECT, ""))
        .collect()
}

fn turns() -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]})
}

#[test]
fn a_token_is_asked_for_once_and_again_before_it_ends() {
    let start = Timestamp::parse("2026-11-25T12:00:00Z").unwrap();
    let gateway = TestGateway::with(Clock::manual(start), |_| {});
    let cloud = cloud(|_| true);
    let key = account(cloud.port()).to_string();
    channel(&gateway, &cloud, &key, &["gemini-x"]);
    let client = gateway.new_client();
    let path = "/v1beta/models/gemini-x:generateContent";
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let client = client.clone();
            std::thread::spawn(move || client.post(path, &turns()).expect(200))
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), content("Hello"));
    }
    let asked = || {
        paths(&cloud)
            .iter()
            .filter(|path| *path == "/token")
            .count()
    };
    assert_eq!((asked(), cloud.requests().len()), (1, 9));
    let claims = claims(&cloud.requests()[0]);
    assert_eq!(
        claims,
        json!({"iss": "gateway@p.iam.gserviceaccount.com", "scope": "https://www.googleapis.com/auth/cloud-platform",
               "aud": format!("http://127.0.0.1:{}/token", cloud.port()),
               "iat": start.as_millis() / 1_000, "exp": start.as_millis() / 1_000 + 3_600})
    );
    for request in &cloud.requests()[1..] {
        assert_eq!(request.header("authorization"), Some("Bearer token-1"));
        assert_eq!(request.json(), turns());
    }
    gateway.clock.advance(Duration::from_secs(3_300));
    client.post(path, &turns()).expect(200);
    assert_eq!(asked(), 1);
    gateway.clock.advance(Duration::from_secs(60));
    client.post(path, &turns()).expect(200);
    assert_eq!(asked(), 2);
    let last = cloud.requests().pop().unwrap();
    assert_eq!(last.header("authorization"), Some("Bearer token-2"));
}

#[test]
fn a_token_that_is_no_longer_taken_is_asked_for_anew() {
    let taken = Arc::new(AtomicUsize::new(1));
    let least = Arc::clone(&taken);
    let cloud = cloud(move |number| number >= least.load(Ordering::SeqCst));
    let gateway = TestGateway::start();
    let key = account(cloud.port()).to_string();
    let channel = channel(&gateway, &cloud, &key, &["claude-x"]);
    let client = gateway.new_client();
    let body = json!({"model": "claude-x", "max_tokens": 50, "messages": [{"role": "user", "content": "Hi"}]});
    client.post("/v1/messages", &body).expect(200);
    taken.store(2, Ordering::SeqCst);
    assert_eq!(client.post("/v1/messages", &body).expect(200), message());
    // Where none is taken, it is the operator's credential that is refused, and no token is in what is told of it.
    taken.store(usize::MAX, Ordering::SeqCst);
    client.post("/v1/messages", &body).expect(502);
    let path = format!("/api/channels/{}", channel["id"].as_str().unwrap());
    let health = &gateway.admin().get(&path).expect(200)["health"];
    assert_eq!(
        (&health["state"], &health["reason"]),
        (&json!("credential_refused"), &json!("no good: Bearer ***"))
    );
}

#[test]
fn a_wrong_service_account_takes_the_credential_out_and_says_so() {
    let cloud = Upstream::start(|request| {
        if request.path != "/token" {
            return answer(request);
        }
        claims(request);
        let error = json!({"error": "invalid_grant", "error_description": "Invalid grant: account not found"});
        Script::json(400, &error)
    });
    let gateway = TestGateway::start();
    let key = account(cloud.port()).to_string();
    let channel = channel(&gateway, &cloud, &key, &["gemini-x"]);
    let path = format!("/api/channels/{}", channel["id"].as_str().unwrap());
    let (admin, client) = (gateway.admin(), gateway.new_client());
    for _ in 0..3 {
        let refused = client.post("/v1beta/models/gemini-x:generateContent", &turns());
        assert!(
            refused.status == 502 && refused.body.contains("Your own API key is fine"),
            "{}",
            refused.body
        );
    }
    assert_eq!(paths(&cloud), ["/token"]);
    let words = "the token service refused the service account with status 400: invalid_grant: Invalid grant: account not found";
    let health = &admin.get(&path).expect(200)["health"];
    assert_eq!(
        (&health["state"], &health["reason"]),
        (&json!("credential_refused"), &json!(words))
    );
    let calls = eventually("the calls", || {
        let calls = admin.calls();
        (calls.len() == 3).then_some(calls)
    });
    assert_eq!(calls[2]["attempts"][0]["error"], words, "{}", calls[2]);
    let test = admin.post(&format!("{path}/test"), &json!({})).expect(200);
    assert_eq!(
        (&test["ok"], &test["error"]),
        (&json!(false), &json!(words))
    );
    // Another credential is tried at once.
    admin
        .patch(&path, &json!({"credential": "ya29.given"}))
        .expect(200);
    client
        .post("/v1beta/models/gemini-x:generateContent", &turns())
        .expect(200);
    let last = cloud.requests().pop().unwrap();
    assert_eq!(last.header("authorization"), Some("Bearer ya29.given"));
}

#[test]
fn a_token_service_that_is_out_is_a_failure_and_the_next_channel_serves() {
    let cloud = Upstream::start(|_| Script::json(503, &json!({"error": "unavailable"})));
    let other = Upstream::start(|_| Script::json(200, &content("from the other")));
    let gateway = TestGateway::start();
    let key = account(cloud.port()).to_string();
    let channel = channel(&gateway, &cloud, &key, &["gemini-x"]);
    let body = json!({"name": "gemini", "kind": "gemini", "base_url": other.base_url(), "models": ["gemini-x"], "priority": -1});
    gateway.admin().post("/api/channels", &body).expect(201);
    let answer = gateway
        .new_client()
        .post("/v1beta/models/gemini-x:generateContent", &turns());
    assert_eq!(answer.expect(200), content("from the other"));
    let path = format!("/api/channels/{}", channel["id"].as_str().unwrap());
    let health = &gateway.admin().get(&path).expect(200)["health"];
    assert_eq!(
        (&health["state"], &health["error_rate"]),
        (&json!("healthy"), &json!(1.0)),
        "{health}"
    );
}

#[test]
fn clients_of_all_dialects_reach_models_of_three_makers() {
    let cloud = cloud(|_| true);
    let gateway = TestGateway::start();
    let key = account(cloud.port()).to_string();
    let models = ["claude-x", "gemini-x", "meta/llama-x-maas"];
    channel(&gateway, &cloud, &key, &models);
    let client = gateway.new_client();
    let messages = json!([{"role": "user", "content": "Hi"}]);
    for model in models {
        for stream in [false, true] {
            // The scripted chat is never streamed.
            if stream && model.contains('/') {
                continue;
            }
            let body =
                json!({"model": model, "stream": stream, "max_tokens": 50, "messages": messages});
            for path in ["/v1/chat/completions", "/v1/messages"] {
                let answer = client.post(path, &body);
                assert!(
                    answer.status == 200 && answer.body.contains("Hello"),
                    "{model}: {}",
                    answer.body
                );
            }
        }
    }
    let counted = client.post(
        "/v1/messages/count_tokens",
        &json!({"model": "claude-x", "messages": messages}),
    );
    assert_eq!(counted.expect(200)["input_tokens"], 4711);
    let counted = client.post("/v1beta/models/gemini-x:countTokens", &turns());
    assert_eq!(counted.expect(200)["totalTokens"], 4712);
    let claude = cloud.requests().into_iter().filter(|request| {
        request.path.ends_with("claude-x:rawPredict")
            || request.path.ends_with("claude-x:streamRawPredict")
    });
    let claude: Vec<_> = claude.collect();
    assert_eq!(claude.len(), 4);
    for request in claude {
        let body = request.json();
        assert_eq!(
            (
                &body["model"],
                &body["anthropic_version"],
                &body["max_tokens"]
            ),
            (&Value::Null, &json!("vertex-2023-10-16"), &json!(50))
        );
        assert_eq!(
            request.path.contains("stream"),
            body["stream"] == true,
            "{body}"
        );
    }
    let requests = cloud.requests();
    let counting = requests
        .iter()
        .find(|request| request.path.contains("count-tokens"));
    assert_eq!(counting.unwrap().json()["model"], "claude-x");
    let calls = eventually("all calls", || {
        let calls = gateway.admin().calls();
        (calls.len() == 12).then_some(calls)
    });
    for call in calls {
        let wanted = match (call["endpoint"].as_str(), call["model"].as_str()) {
            (Some("count_tokens"), _) => json!([0, 0]),
            (_, Some("claude-x")) => json!([10, 7]),
            (_, Some("gemini-x")) => json!([8, 2]),
            _ => json!([115, 7]),
        };
        let usage = &call["usage"];
        assert_eq!(
            (
                &json!([usage["prompt_tokens"], usage["completion_tokens"]]),
                &call["status"]
            ),
            (&wanted, &json!("ok")),
            "{call}"
        );
    }
}

#[test]
fn an_error_of_googles_is_told_in_the_dialect_of_the_model() {
    let cloud = Upstream::start(|request| {
        assert_eq!(request.header("x-goog-api-key"), Some("AIzaKey"));
        assert_eq!(request.header("anthropic-beta"), Some("some-beta"));
        assert_eq!(request.header("anthropic-version"), None);
        let error = json!([{"error": {"code": 404, "message": "Publisher Model was not found.", "status": "NOT_FOUND"}}]);
        Script::json(404, &error)
    });
    let gateway = TestGateway::start();
    channel(&gateway, &cloud, "AIzaKey", &["claude-x"]);
    let client = gateway.new_client();
    let body = json!({"model": "claude-x", "max_tokens": 50, "messages": [{"role": "user", "content": "Hi"}]});
    let request = client
        .request("POST", "/v1/messages")
        .header("anthropic-beta", "some-beta")
        .header("anthropic-version", "2023-06-01")
        .body(body.to_string());
    let answer = request.send().unwrap();
    assert_eq!(answer.status(), 404);
    let error: Value = serde_json::from_str(&answer.text().unwrap()).unwrap();
    assert_eq!(
        (
            &error["type"],
            &error["error"]["type"],
            &error["error"]["message"]
        ),
        (
            &json!("error"),
            &json!("not_found_error"),
            &json!("Publisher Model was not found.")
        )
    );
}

#[test]
fn a_credential_that_cannot_work_is_refused_when_it_is_entered() {
    let gateway = TestGateway::start();
    let mut damaged = account(1);
    damaged["private_key"] =
        json!("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    let mut nowhere = account(1);
    nowhere["token_uri"] = json!("oauth2.googleapis.com/token");
    for bad in [json!({"type": "authorized_user"}), damaged, nowhere] {
        let body = json!({"name": "v", "kind": "vertex", "base_url": "https://x.example", "credential": bad.to_string(), "models": ["m"]});
        let refused = gateway.admin().post("/api/channels", &body).expect(422);
        assert_eq!(refused["error"]["param"], "credential", "{refused}");
    }
}

#[test]
fn a_token_is_asked_for_on_the_channels_way_but_without_its_headers() {
    let proxy = Upstream::start(|request| {
        let path = request.path.strip_prefix("http://cloud.example").unwrap();
        if path == "/token" {
            return Script::json(200, &json!({"access_token": "token-1", "expires_in": 3599}));
        }
        Script::json(200, &content("Hello"))
    });
    let gateway = TestGateway::start();
    let mut key = account(1);
    key["token_uri"] = json!("http://cloud.example/token");
    let body = json!({"name": "vertex", "kind": "vertex", "base_url": format!("http://cloud.example{PROJECT}"), "credential": key.to_string(),
                      "models": ["gemini-x"], "proxy": format!("http://127.0.0.1:{}", proxy.port()), "headers": {"x-own": "for the cloud"}});
    gateway.admin().post("/api/channels", &body).expect(201);
    let client = gateway.new_client();
    client
        .post("/v1beta/models/gemini-x:generateContent", &turns())
        .expect(200);
    let own: Vec<_> = proxy
        .requests()
        .iter()
        .map(|request| request.header("x-own").map(str::to_owned))
        .collect();
    assert_eq!(own, [None, Some("for the cloud".to_owned())]);
}
