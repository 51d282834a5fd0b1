//! A client that has stopped to read, or to write, keeps nothing alive: its key's death ends its call as any other, and what it
//! does not take is not kept for it without end.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::price;
use crate::integration::harness::{Script, TestGateway, Upstream, chat, eventually, streamed_chat};

/// More than all buffers between provider and client hold.
const MORE_THAN_BUFFERED: usize = 48 << 20;

/// A provider that says two words and then floods whoever says "flood".
fn flooding() -> Upstream {
    Upstream::start(|request| {
        if !request.text.contains("flood") {
            return Script::chat("hi", 1, 1);
        }
        let wait = format!(": {}\n\n", "wait ".repeat(3_000));
        let flood = format!("{:x}\r\n{wait}\r\n", wait.len());
        Script::stream()
            .word("one")
            .word(" two")
            .send(&flood.repeat(MORE_THAN_BUFFERED / flood.len()))
    })
}

/// Calls, reads the two words and no more, and gives the connection when nothing on the way can take more.
fn stop_reading(gateway: &TestGateway, upstream: &Upstream, key: &Value) -> TcpStream {
    let client = gateway.client(key["key"].as_str().unwrap());
    let mut connection = client.send("/v1/chat/completions", &streamed_chat("m", "flood"));
    let (mut text, mut byte) = (Vec::new(), [0]);
    while !text.ends_with(b" two") {
        connection.read_exact(&mut byte).unwrap();
        text.push(byte[0]);
    }
    upstream.stands_still();
    connection
}

fn set_status(gateway: &TestGateway, key: &Value, status: &str) {
    let path = format!("/api/keys/{}", key["id"].as_str().unwrap());
    let change = json!({ "status": status });
    gateway.admin().patch(&path, &change).expect(200);
}

#[test]
fn a_key_that_dies_ends_the_stream_of_a_client_that_has_stopped_reading_within_100_ms() {
    let upstream = flooding();
    let gateway = TestGateway::start();
    gateway.channel(&upstream, &["m"]);
    price(&gateway, "m", 1.0, 1.0);
    // The best of three: the machine may have other things to do.
    let mut soonest = Duration::MAX;
    for _ in 0..3 {
        let key =
            gateway.key(&json!({"quota": {"daily_usd": 1}, "rate_limit": {"concurrency": 1}}));
        let hung_up = upstream.hung_up();
        let unread = stop_reading(&gateway, &upstream, &key);
        assert_eq!(gateway.metric("real200_open_calls"), 1.0);
        set_status(&gateway, &key, "disabled");
        let died = Instant::now();
        eventually("the provider's connection and the call", || {
            let closed = upstream.hung_up() > hung_up;
            (closed && gateway.metric("real200_open_calls") == 0.0).then_some(())
        });
        soonest = soonest.min(died.elapsed());
        gateway.assert_nothing_reserved();
        let call = gateway.admin().calls()[0].clone();
        assert_eq!(
            (
                &call["status"],
                &call["error_code"],
                &call["usage"]["completion_tokens"]
            ),
            (&json!("error"), &json!("api_key_disabled"), &json!(2)),
            "{call}"
        );
        // The one call that it may have at a time is free, though the client still holds its connection.
        set_status(&gateway, &key, "active");
        let client = gateway.client(key["key"].as_str().unwrap());
        client.chat(&chat("m", "x")).expect(200);
        drop(unread);
        if soonest < Duration::from_millis(100) {
            return;
        }
    }
    panic!("{soonest:?}");
}

/// Elsewhere the system offers nothing for it.
#[cfg(target_os = "linux")]
#[test]
fn a_client_that_takes_nothing_for_the_write_timeout_is_cut_off_and_gives_back_what_is_set_aside() {
    let upstream = flooding();
    let gateway = TestGateway::with(real200::clock::Clock::system(), |config| {
        config.server.write_timeout_seconds = 1;
    });
    gateway.channel(&upstream, &["m"]);
    let key = gateway.key(&json!({"quota": {"daily_requests": 1}}));
    let unread = stop_reading(&gateway, &upstream, &key);
    gateway.assert_nothing_reserved();
    let call = &gateway.admin().calls()[0];
    assert_eq!(
        (&call["status"], &call["usage"]["completion_tokens"]),
        (&json!("cancelled"), &json!(2)),
        "{call}"
    );
    eventually("the provider's connection", || {
        (upstream.hung_up() == 1).then_some(())
    });
    drop(unread);
}

#[test]
fn a_body_that_comes_slowly_is_refused_within_100_ms_of_its_keys_death() {
    let gateway = TestGateway::start();
    let mut soonest = Duration::MAX;
    for _ in 0..3 {
        let key = gateway.key(&json!({}));
        let address = gateway.url("").replace("http://", "");
        let mut connection = TcpStream::connect(&address).unwrap();
        write!(
            connection,
            "POST /v1/chat/completions HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: 1000\r\nexpect: 100-continue\r\n\r\n",
            key["key"].as_str().unwrap()
        )
        .unwrap();
        // The gateway says this when it has begun to wait for the body.
        let mut go_on = [0; 25];
        connection.read_exact(&mut go_on).unwrap();
        assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
        connection.write_all(b"{\"model\": \"echo\", ").unwrap();
        set_status(&gateway, &key, "disabled");
        let died = Instant::now();
        let (mut answer, mut byte) = (Vec::new(), [0]);
        while !answer.ends_with(b"}}") {
            connection.read_exact(&mut byte).unwrap();
            answer.push(byte[0]);
        }
        soonest = soonest.min(died.elapsed());
        let answer = String::from_utf8(answer).unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 401") && answer.contains("api_key_disabled"),
            "{answer}"
        );
        let call = &gateway.admin().calls()[0];
        assert_eq!(call["error_code"], "api_key_disabled", "{call}");
        if soonest < Duration::from_millis(100) {
            return;
        }
    }
    panic!("{soonest:?}");
}
