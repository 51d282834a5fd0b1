//! Amazon Bedrock: signed requests, and streams in binary frames given on as events.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use real200::clock::Clock;
use real200::domain::Timestamp;
use ring::digest::{SHA256, digest};
use ring::hmac;
use serde_json::{Value, json};

use super::harness::{Request, Script, TestGateway, Upstream, eventually};

const CLAUDE: &str = "us.anthropic.claude-x-v1:0";
const OPEN: &str = "openai.gpt-oss-120b-1:0";
pub(super) const KEYS: &str = "AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY@eu-west-1";

fn channel(gateway: &TestGateway, cloud: &Upstream, credential: &str) -> Value {
    let body = json!({"name": "bedrock", "kind": "bedrock", "base_url": format!("http://127.0.0.1:{}", cloud.port()),
                      "credential": credential, "models": [CLAUDE, OPEN, "amazon.nova-pro-v1:0"]});
    gateway.admin().post("/api/channels", &body).expect(201)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the signature of a request must be, computed from what came as the reference says it.
fn signature(request: &Request, secret: &str, region: &str) -> String {
    let authorization = request.header("authorization").unwrap();
    let names = authorization
        .split("SignedHeaders=")
        .nth(1)
        .and_then(|rest| rest.split(',').next())
        .unwrap();
    let headers: String = names
        .split(';')
        .map(|name| format!("{name}:{}\n", request.header(name).unwrap()))
        .collect();
    // The path is encoded once more.
    let path = request.path.replace('%', "%25");
    let body = hex(digest(&SHA256, request.text.as_bytes()).as_ref());
    let canonical = format!("POST\n{path}\n\n{headers}\n{names}\n{body}");
    let date = request.header("x-amz-date").unwrap();
    let day = &date[..8];
    let scope = format!("{day}/{region}/bedrock/aws4_request");
    let hashed = hex(digest(&SHA256, canonical.as_bytes()).as_ref());
    let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{hashed}");
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in [day, region, "bedrock", "aws4_request"] {
        let signing = hmac::Key::new(hmac::HMAC_SHA256, &key);
        key = hmac::sign(&signing, part.as_bytes()).as_ref().to_vec();
    }
    let signing = hmac::Key::new(hmac::HMAC_SHA256, &key);
    hex(hmac::sign(&signing, to_sign.as_bytes()).as_ref())
}

/// A frame as AWS encodes it.
fn frame(headers: &[(&str, &str)], payload: &str) -> Vec<u8> {
    let mut coded = Vec::new();
    for (name, value) in headers {
        coded.push(u8::try_from(name.len()).unwrap());
        coded.extend(name.bytes());
        coded.push(7);
        coded.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
        coded.extend(value.bytes());
    }
    let size = |size: usize| u32::try_from(size).unwrap().to_be_bytes();
    let mut frame = Vec::new();
    frame.extend(size(16 + coded.len() + payload.len()));
    frame.extend(size(coded.len()));
    frame.extend(crc32fast::hash(&frame).to_be_bytes());
    frame.extend(coded);
    frame.extend(payload.bytes());
    frame.extend(crc32fast::hash(&frame).to_be_bytes());
    frame
}

pub(super) fn chunk(event: &Value) -> Vec<u8> {
    let payload = json!({"bytes": BASE64_STANDARD.encode(event.to_string()), "p": "abc"});
    let headers = [(":event-type", "chunk"), (":message-type", "event")];
    frame(&headers, &payload.to_string())
}

fn exception(kind: &str, message: &str) -> Vec<u8> {
    let headers = [(":exception-type", kind), (":message-type", "exception")];
    frame(&headers, &json!({"message": message}).to_string())
}

/// A streamed answer of these frames, cut into small pieces.
pub(super) fn framed(frames: &[Vec<u8>]) -> Script {
    let script = Script::stream_of("application/vnd.amazon.eventstream");
    let bytes = frames.concat();
    bytes.chunks(37).fold(script, Script::byte_chunk)
}

fn message() -> Value {
    json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "content": [{"type": "text", "text": "Hello"}],
           "stop_reason": "end_turn", "usage": {"input_tokens": 10, "cache_read_input_tokens": 100, "output_tokens": 7}})
}

fn message_events() -> Vec<Value> {
    let mut begun = message();
    begun["content"] = json!([]);
    vec![
        json!({"type": "message_start", "message": begun}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}}),
        json!({"type": "message_stop", "amazon-bedrock-invocationMetrics": {"inputTokenCount": 10, "outputTokenCount": 7}}),
    ]
}

fn chat_pieces() -> Vec<Value> {
    let piece = |choices: Value| json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": OPEN, "choices": choices});
    let mut last = piece(json!([{"index": 0, "delta": {}, "finish_reason": "stop"}]));
    last["amazon-bedrock-invocationMetrics"] =
        json!({"inputTokenCount": 115, "outputTokenCount": 7, "invocationLatency": 9});
    vec![
        piece(
            json!([{"index": 0, "delta": {"role": "assistant", "content": "Hello"}, "finish_reason": null}]),
        ),
        last,
    ]
}

/// Answers as the path asks.
fn answer(request: &Request) -> Script {
    let frames = |events: &[Value]| framed(&events.iter().map(chunk).collect::<Vec<_>>()).end();
    match request.path.as_str() {
        "/model/us.anthropic.claude-x-v1%3A0/invoke" => Script::json(200, &message()),
        "/model/us.anthropic.claude-x-v1%3A0/invoke-with-response-stream" => {
            frames(&message_events())
        }
        "/model/openai.gpt-oss-120b-1%3A0/invoke" => Script::chat("Hello", 115, 7),
        "/model/openai.gpt-oss-120b-1%3A0/invoke-with-response-stream" => frames(&chat_pieces()),
        other => panic!("nothing is at {other}"),
    }
}

fn ask(stream: bool) -> Value {
    json!({"model": CLAUDE, "max_tokens": 50, "stream": stream, "messages": [{"role": "user", "content": "Hi"}]})
}

#[test]
fn a_request_is_signed_and_has_the_body_that_bedrock_takes() {
    let start = Timestamp::parse("2026-11-25T12:00:00Z").unwrap();
    let gateway = TestGateway::with(Clock::manual(start), |_| {});
    let cloud = Upstream::start(answer);
    let (keys, region) = KEYS.split_once('@').unwrap();
    channel(
        &gateway,
        &cloud,
        &format!("{keys}:session/token==@{region}"),
    );
    let client = gateway.new_client();
    let request = client
        .request("POST", "/v1/messages")
        .header("anthropic-beta", "one-beta, another-beta")
        .header("anthropic-version", "2023-06-01")
        .body(ask(false).to_string());
    let said = request.send().unwrap();
    assert_eq!(said.status(), 200);
    assert_eq!(said.json::<Value>().unwrap(), message());
    let got = &cloud.requests()[0];
    assert_eq!(
        got.json(),
        json!({"max_tokens": 50, "messages": [{"role": "user", "content": "Hi"}],
               "anthropic_version": "bedrock-2023-05-31", "anthropic_beta": ["one-beta", "another-beta"]})
    );
    assert_eq!(got.header("x-amz-date"), Some("20261125T120000Z"));
    assert_eq!(got.header("x-amz-security-token"), Some("session/token=="));
    assert_eq!(got.header("anthropic-beta"), None);
    let wanted = signature(got, keys.split_once(':').unwrap().1, region);
    let authorization = got.header("authorization").unwrap();
    assert_eq!(
        authorization,
        format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261125/eu-west-1/bedrock/aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token, Signature={wanted}"
        )
    );
}

#[test]
fn an_api_key_goes_as_it_is() {
    let cloud = Upstream::start(answer);
    let gateway = TestGateway::start();
    channel(&gateway, &cloud, "ABSKexample");
    gateway
        .new_client()
        .post("/v1/messages", &ask(false))
        .expect(200);
    let got = &cloud.requests()[0];
    assert_eq!(got.header("authorization"), Some("Bearer ABSKexample"));
    assert_eq!(got.header("x-amz-date"), None);
}

#[test]
fn frames_reach_the_client_as_the_events_of_its_dialect() {
    let cloud = Upstream::start(answer);
    let gateway = TestGateway::start();
    channel(&gateway, &cloud, KEYS);
    let client = gateway.new_client();
    let streamed = client.post("/v1/messages", &ask(true));
    let said: String = message_events()
        .iter()
        .map(|event| {
            format!(
                "event: {}\ndata: {event}\n\n",
                event["type"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(
        (streamed.status, streamed.header("content-type")),
        (200, Some("text/event-stream; charset=utf-8"))
    );
    assert_eq!(streamed.body, said);
    let mut chat = ask(true);
    let carried = client.chat(&chat);
    assert!(
        carried.body.contains("Hello") && carried.body.ends_with("data: [DONE]\n\n"),
        "{}",
        carried.body
    );
    chat["model"] = json!(OPEN);
    let streamed = client.chat(&chat);
    assert!(
        streamed.body.contains("Hello") && streamed.body.ends_with("data: [DONE]\n\n"),
        "{}",
        streamed.body
    );
    assert!(!streamed.body.contains("\"usage\""), "{}", streamed.body);
    chat["stream_options"] = json!({"include_usage": true});
    let streamed = client.chat(&chat);
    let usage: Value = serde_json::from_str(streamed.frames()[2]).unwrap();
    assert_eq!(
        (&usage["choices"], &usage["usage"]["total_tokens"]),
        (&json!([]), &json!(122))
    );
    let carried = client.post(
        "/v1/messages",
        &json!({"model": OPEN, "max_tokens": 50, "stream": true, "messages": [{"role": "user", "content": "Hi"}]}),
    );
    assert!(
        carried.body.contains("Hello") && carried.body.contains("message_stop"),
        "{}",
        carried.body
    );
    chat["stream"] = json!(false);
    chat.as_object_mut().unwrap().remove("stream_options");
    client.chat(&chat).expect(200);
    for request in cloud.requests() {
        let body = request.json();
        for gone in ["model", "stream", "stream_options"] {
            assert_eq!(body[gone], Value::Null, "{gone} in {body}");
        }
    }
    let calls = eventually("all calls", || {
        let calls = gateway.admin().calls();
        (calls.len() == 6).then_some(calls)
    });
    for call in calls {
        let wanted = if call["model"] == CLAUDE {
            json!([110, 100, 7])
        } else {
            json!([115, 0, 7])
        };
        let usage = &call["usage"];
        assert_eq!(
            (
                &json!([
                    usage["prompt_tokens"],
                    usage["cached_tokens"],
                    usage["completion_tokens"]
                ]),
                &usage["estimated"],
                &call["status"]
            ),
            (&wanted, &json!(false), &json!("ok")),
            "{call}"
        );
    }
}

#[test]
fn an_exception_in_the_middle_ends_the_stream_with_an_error_of_the_dialect() {
    let cloud = Upstream::start(|request| {
        let is_chat = request.path.contains("openai");
        let begun = if is_chat {
            chat_pieces()
        } else {
            message_events()
        };
        // As far as its first words: before them another channel could still do better.
        let far = if is_chat { 1 } else { 3 };
        let mut frames: Vec<_> = begun[..far].iter().map(chunk).collect();
        if !request.text.contains("cut") {
            frames.push(exception("modelStreamErrorException", "the model is gone"));
        }
        framed(&frames).end()
    });
    let gateway = TestGateway::start();
    channel(&gateway, &cloud, KEYS);
    let client = gateway.new_client();
    let failed = client.post("/v1/messages", &ask(true));
    assert!(
        failed
            .body
            .contains("event: error\ndata: {\"type\":\"error\""),
        "{}",
        failed.body
    );
    assert!(failed.body.contains("the model is gone"), "{}", failed.body);
    let mut chat = ask(true);
    chat["model"] = json!(OPEN);
    let failed = client.chat(&chat);
    failed.expect_broken();
    assert!(failed.body.contains("the model is gone"), "{}", failed.body);
    chat["messages"][0]["content"] = json!("cut");
    client.chat(&chat).expect_broken();
    let calls = eventually("all calls", || {
        let calls = gateway.admin().calls();
        (calls.len() == 3).then_some(calls)
    });
    for call in calls {
        assert_eq!(call["status"], "error", "{call}");
    }
}

#[test]
fn a_stream_that_begins_with_an_exception_or_is_damaged_goes_to_the_next_channel() {
    for damaged in [false, true] {
        let cloud = Upstream::start(move |_| {
            let mut frame = exception("throttlingException", "slow down");
            if damaged {
                frame[20] ^= 1;
            }
            framed(&[frame]).end()
        });
        let other = Upstream::start(|_| Script::json(200, &message()));
        let gateway = TestGateway::start();
        channel(&gateway, &cloud, KEYS);
        let client = gateway.new_client();
        let alone = client.post("/v1/messages", &ask(true));
        let error = alone.json()["error"]["type"].clone();
        let wanted = if damaged {
            (502, json!("api_error"))
        } else {
            (429, json!("rate_limit_error"))
        };
        assert_eq!((alone.status, error), wanted, "{}", alone.body);
        let body = json!({"name": "anthropic", "kind": "anthropic", "base_url": other.base_url(), "models": [CLAUDE], "priority": -1});
        gateway.admin().post("/api/channels", &body).expect(201);
        client.post("/v1/messages", &ask(true)).expect(200);
        assert_eq!(other.requests().len(), 1);
    }
}

#[test]
fn errors_are_told_in_the_dialect_of_the_model() {
    let cloud = Upstream::start(|request| {
        if request.text.contains("secret") {
            let words = "The Canonical String for this request should have been x-amz-security-token:session-token wJalrXUtnFEMI";
            return Script::json(403, &json!({"message": words}));
        }
        if request.text.contains("barred") {
            let words = "You don't have access to the model with the specified model ID.";
            return Script::json(403, &json!({"message": words}));
        }
        Script::json(
            400,
            &json!({"message": "max_tokens: must be greater than 0"}),
        )
    });
    let gateway = TestGateway::start();
    let made = channel(
        &gateway,
        &cloud,
        "AKIDEXAMPLE:wJalrXUtnFEMI:session-token@eu-west-1",
    );
    let path = format!("/api/channels/{}", made["id"].as_str().unwrap());
    let client = gateway.new_client();
    let refused = client.post("/v1/messages", &ask(false)).expect(400);
    assert_eq!(
        (&refused["error"]["type"], &refused["error"]["message"]),
        (
            &json!("invalid_request_error"),
            &json!("max_tokens: must be greater than 0")
        )
    );
    let mut chat = ask(false);
    chat["model"] = json!(OPEN);
    let refused = client.chat(&chat).expect(400);
    assert_eq!(
        refused["error"]["message"],
        "max_tokens: must be greater than 0"
    );
    let health = || gateway.admin().get(&path).expect(200)["health"].clone();
    // One model that is barred says nothing of the credential for others; a signature that is wrong does.
    chat["messages"][0]["content"] = json!("barred");
    client.chat(&chat).expect(502);
    assert_eq!(health()["state"], "healthy");
    let mut other = ask(false);
    other["messages"][0]["content"] = json!("secret");
    client.post("/v1/messages", &other).expect(502);
    let health = health();
    assert_eq!(
        (&health["state"], &health["reason"]),
        (
            &json!("credential_refused"),
            &json!(
                "The Canonical String for this request should have been x-amz-security-token:*** ***"
            )
        )
    );
}

#[test]
fn a_quota_lowers_the_output_limit_under_the_name_that_the_model_knows() {
    let cloud = Upstream::start(answer);
    let gateway = TestGateway::start();
    channel(&gateway, &cloud, KEYS);
    let key = gateway.key(&json!({"quota": {"total_tokens": 400}}));
    let client = gateway.client(key["key"].as_str().unwrap());
    let chat = json!({"model": OPEN, "messages": [{"role": "user", "content": "Hi"}]});
    let lowered = client.chat(&chat);
    let limit = lowered.header("x-real200-max-output-tokens").unwrap();
    let limit: u64 = limit.parse().unwrap();
    let sent = cloud.requests()[0].json();
    assert_eq!(
        (&sent["max_completion_tokens"], &sent["max_tokens"]),
        (&json!(limit), &Value::Null)
    );
    lowered.expect(200);
}

#[test]
fn what_cannot_work_says_why() {
    let gateway = TestGateway::start();
    let cloud = Upstream::start(answer);
    let made = channel(&gateway, &cloud, "AKIDEXAMPLE:secretsecret");
    let client = gateway.new_client();
    client.post("/v1/messages", &ask(false)).expect(502);
    assert!(cloud.requests().is_empty());
    let path = format!("/api/channels/{}", made["id"].as_str().unwrap());
    let health = gateway.admin().get(&path).expect(200)["health"].clone();
    assert!(
        health["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("names no AWS region")),
        "{health}"
    );
    let mut nova = ask(false);
    nova["model"] = json!("amazon.nova-pro-v1:0");
    client.post("/v1/messages", &nova).expect(404);
    for bad in ["AKID:", "AKID:se cret", "a:b:c:d"] {
        let refused = gateway.admin().patch(&path, &json!({"credential": bad}));
        let refused = refused.expect(422);
        assert_eq!(refused["error"]["param"], "credential", "{bad}");
    }
}
