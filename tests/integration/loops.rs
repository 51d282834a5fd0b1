//! A channel that leads back to the gateway ends at the second sight, and costs nothing.

use std::net::TcpStream;

use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest;

use super::harness::{Script, TestGateway, Upstream, chat, eventually, streamed_chat};

/// Makes a channel of `gateway` that is the gateway `other`, with a key of its.
fn leads_to(gateway: &TestGateway, other: &TestGateway, models: &[&str]) -> Value {
    let key = other.key(&json!({"name": "loop"}));
    gateway
        .admin()
        .post(
            "/api/channels",
            &json!({
                "name": "another gateway", "kind": "openai", "base_url": other.url("/v1"),
                "credential": key["key"], "models": models,
            }),
        )
        .expect(201)
}

fn requests(gateway: &TestGateway) -> u64 {
    let keys = gateway.admin().get("/api/keys").expect(200);
    let keys = keys["items"].as_array().unwrap().clone();
    keys.iter()
        .map(|key| key["usage"]["requests"].as_u64().unwrap())
        .sum()
}

#[test]
fn a_channel_that_is_the_gateway_itself_ends_with_508_at_the_second_sight() {
    let gateway = TestGateway::start();
    leads_to(&gateway, &gateway, &["round"]);
    let client = gateway.new_client();
    for body in [chat("round", "x"), streamed_chat("round", "x")] {
        let before = requests(&gateway);
        let reply = client.chat(&body);
        assert_eq!(reply.expect_error(508), "loop_detected");
        // The client's call, and the one that came back.
        eventually("both are in the log", || {
            (requests(&gateway) == before + 2).then_some(())
        });
    }
    let message =
        json!({"model": "round", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}]});
    assert_eq!(client.post("/v1/messages", &message).status, 508);
    let health = gateway.admin().get("/api/channels").expect(200);
    assert!(!health.to_string().contains("\"down\""), "{health}");
}

#[test]
fn two_gateways_at_each_other_end_with_508_and_a_chain_without_a_loop_goes_through() {
    let upstream = Upstream::start(|_| Script::chat("hi", 5, 5));
    let (first, second) = (TestGateway::start(), TestGateway::start());
    second.channel(&upstream, &["straight"]);
    leads_to(&first, &second, &["round", "straight"]);
    leads_to(&second, &first, &["round"]);
    let client = first.new_client();
    assert_eq!(
        client.chat(&chat("round", "x")).expect_error(508),
        "loop_detected"
    );
    client.chat(&chat("straight", "x")).expect(200);
    let hops = upstream.requests()[0]
        .header("x-real200-hops")
        .unwrap()
        .to_owned();
    assert_eq!(hops.split(',').count(), 2, "{hops}");
}

#[test]
fn another_channel_of_the_model_takes_a_call_whose_first_one_leads_back() {
    let upstream = Upstream::start(|_| Script::chat("hi", 5, 5));
    let gateway = TestGateway::start();
    let back = leads_to(&gateway, &gateway, &["m"]);
    let path = format!("/api/channels/{}", back["id"].as_str().unwrap());
    gateway
        .admin()
        .patch(&path, &json!({"priority": 10}))
        .expect(200);
    gateway.channel(&upstream, &["m"]);
    gateway.new_client().chat(&chat("m", "x")).expect(200);
}

#[test]
fn a_realtime_session_that_comes_back_ends_with_508() {
    let gateway = TestGateway::start();
    leads_to(&gateway, &gateway, &["round"]);
    let key = gateway.key(&json!({}));
    let address = gateway.url("/v1/realtime?model=round");
    let stream = TcpStream::connect(gateway.url("").trim_start_matches("http://")).unwrap();
    let mut request = address
        .replacen("http", "ws", 1)
        .into_client_request()
        .unwrap();
    let bearer = format!("Bearer {}", key["key"].as_str().unwrap());
    request
        .headers_mut()
        .insert("authorization", bearer.parse().unwrap());
    match tungstenite::client(request, stream) {
        Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(answer))) => {
            assert_eq!(answer.status().as_u16(), 508);
        }
        other => panic!("{:?}", other.map(drop)),
    }
}
