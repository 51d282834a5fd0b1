//! How a session begins: with whose key, at which provider, or not at all.

use serde_json::{Value, json};

use super::super::harness::{KeyClient, Reply, Script, Talk, TestGateway, Upstream};
use super::{RealtimeUpstream, answering, assert_nothing_kept, quiet, tokens};

/// What a client that cannot connect is told.
fn refused(client: &KeyClient, path: &str) -> Reply {
    let request = client
        .request("GET", path)
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "x3JJHMbDL1EzLkh9GBhXDw==");
    let answer = request.send().unwrap();
    Reply {
        status: answer.status().as_u16(),
        headers: answer.headers().clone(),
        body: answer.text().unwrap(),
    }
}

#[test]
fn a_browser_sends_its_key_as_a_subprotocol() {
    let upstream = answering(quiet(), tokens(10, 5));
    let gateway = TestGateway::start();
    upstream.channel(&gateway, &json!({}));
    let key = gateway.key(&json!({}));
    let protocols = format!(
        "realtime, openai-insecure-api-key.{}, openai-beta.realtime-v1",
        key["key"].as_str().unwrap()
    );
    let headers = [("sec-websocket-protocol", protocols.as_str())];
    let (mut talk, answer) = Talk::begin(&gateway, "/v1/realtime?model=rt", &headers);
    assert!(answer.contains(&("sec-websocket-protocol".to_owned(), "realtime".to_owned())));
    talk.send(&json!({"type": "response.create"}));
    talk.until("response.done");
    talk.close();
    let (_, sent) = upstream.sessions()[0].clone();
    assert!(sent.contains(&("openai-beta".to_owned(), "realtime=v1".to_owned())));
    assert!(!format!("{sent:?}").contains("insecure"), "{sent:?}");
    assert_nothing_kept(&gateway);
}

#[test]
fn who_may_not_is_told_so_before_anything_is_connected() {
    let upstream = answering(quiet(), tokens(10, 5));
    let gateway = TestGateway::start();
    upstream.channel(&gateway, &json!({}));
    let client = |settings: &Value| gateway.client(gateway.key(settings)["key"].as_str().unwrap());
    let path = "/v1/realtime?model=rt";
    assert_eq!(
        refused(&gateway.client("sk-x"), path).expect_error(401),
        "invalid_api_key"
    );
    let chat_only = client(&json!({"permissions": {"endpoints": ["chat"]}}));
    assert_eq!(
        refused(&chat_only, path).expect_error(403),
        "endpoint_not_allowed"
    );
    let other_model = client(&json!({"permissions": {"models": ["gpt*"]}}));
    assert_eq!(
        refused(&other_model, path).expect_error(403),
        "model_not_allowed"
    );
    let realtime = client(&json!({"permissions": {"endpoints": ["realtime"]}}));
    assert_eq!(
        refused(&realtime, "/v1/realtime?model=nobodys").expect_error(404),
        "model_not_found"
    );
    assert_eq!(
        refused(&realtime, "/v1/realtime?model=echo").expect_error(404),
        "model_not_found"
    );
    let missing = refused(&realtime, "/v1/realtime");
    assert_eq!(missing.json()["error"]["param"], "model");
    assert_eq!(missing.expect_error(400), "invalid_request_error");
    let plain = realtime.get(path);
    assert!(plain.body.contains("WebSocket"), "{}", plain.body);
    assert_eq!(plain.expect_error(400), "invalid_request_error");
    assert!(upstream.sessions().is_empty());
    let refused = &gateway.admin().calls()[0];
    assert_eq!(
        (&refused["endpoint"], &refused["http_status"]),
        (&json!("realtime"), &json!(400))
    );
}

#[test]
fn the_next_channel_takes_over_before_the_client_has_its_answer() {
    let failing = Upstream::start(|_| Script::json(500, &json!({"error": {"message": "no"}})));
    let upstream = answering(quiet(), tokens(10, 5));
    let gateway = TestGateway::start();
    let admin = gateway.admin();
    let mut failed = Vec::new();
    for base_url in [Upstream::dead().base_url(), failing.base_url()] {
        let channel = json!({"name": base_url, "kind": "openai", "base_url": base_url, "models": ["rt"], "priority": 9});
        failed.push(admin.post("/api/channels", &channel).expect(201)["id"].clone());
    }
    let works = upstream.channel(&gateway, &json!({}));
    let mut talk = Talk::with_key(&gateway, &gateway.key(&json!({})));
    for _ in 0..2 {
        talk.send(&json!({"type": "response.create"}));
        talk.until("response.done");
    }
    talk.close();
    let calls = gateway.admin().calls();
    let attempts = |call: &Value| call["attempts"].as_array().unwrap().clone();
    let (second, first) = (attempts(&calls[0]), attempts(&calls[1]));
    assert_eq!((first.len(), second.len()), (3, 1), "{calls:?}");
    assert!(
        first[..2]
            .iter()
            .all(|attempt| failed.contains(&attempt["channel_id"]) && attempt["status"] != "ok")
    );
    assert_eq!(
        (&first[2]["channel_id"], &first[2]["status"]),
        (&works["id"], &json!("ok"))
    );
    assert_nothing_kept(&gateway);
}

#[test]
fn where_no_channel_takes_it_the_client_gets_an_error_and_the_log_the_attempts() {
    let refusing = Upstream::start(|_| Script::json(401, &json!({"error": {"message": "no"}})));
    let gateway = TestGateway::start();
    let channel = gateway.channel(&refusing, &["rt"]);
    let client = gateway.new_client();
    let answer = refused(&client, "/v1/realtime?model=rt");
    assert!(
        answer.body.contains("Your own API key is fine"),
        "{}",
        answer.body
    );
    assert_eq!(answer.expect_error(502), "bad_gateway");
    let call = gateway.admin().calls()[0].clone();
    assert_eq!(
        (
            &call["status"],
            &call["attempts"][0]["channel_id"],
            &call["attempts"][0]["http_status"]
        ),
        (&json!("error"), &channel["id"], &json!(401))
    );
}

#[test]
fn azures_sessions_go_to_the_deployment_with_its_own_header() {
    let upstream = RealtimeUpstream::start(quiet(), |_| Vec::new());
    let gateway = TestGateway::start();
    let root = upstream.base_url().replace("/v1", "");
    for (base_url, expected) in [
        (
            root.clone(),
            "/openai/realtime?api-version=2025-04-01-preview&deployment=mine",
        ),
        (
            format!("{root}/openai/v1"),
            "/openai/v1/realtime?model=mine",
        ),
    ] {
        let channel = upstream.channel(
            &gateway,
            &json!({"kind": "azure-openai", "base_url": base_url, "model_map": {"rt": "mine"}}),
        );
        let mut talk = Talk::with_key(&gateway, &gateway.key(&json!({})));
        talk.until("session.created");
        talk.close();
        let (address, sent) = upstream.sessions().pop().unwrap();
        assert_eq!(address, expected);
        assert!(sent.contains(&("api-key".to_owned(), "sk-upstream-credential".to_owned())));
        let path = format!("/api/channels/{}", channel["id"].as_str().unwrap());
        gateway.admin().delete(&path).expect(204);
    }
}
