//! The other end: what shares a client's connection is not shared by their keys. Pipelined requests are answered each by itself
//! and in order (RFC 9112 §9.3.2), and a client that waits to be told to go on is told (RFC 9110 §10.1.1).

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use super::super::harness::{Mark, RawProvider, eventually};
use super::Wire;
use super::answers::{good, send, words};

fn connect(wire: &Wire) -> (TcpStream, String) {
    let address = wire.gateway.url("").replace("http://", "");
    let stream = TcpStream::connect(&address).unwrap();
    let limit = Some(Duration::from_secs(20));
    stream.set_read_timeout(limit).unwrap();
    (stream, address)
}

fn head(address: &str, key: &str, more: &str, length: usize) -> String {
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n{more}content-length: {length}\r\n\r\n"
    )
}

fn body(model: &str, mark: Mark, streamed: bool) -> String {
    json!({"model": model, "stream": streamed, "messages": [{"role": "user", "content": format!("say {mark}")}]}).to_string()
}

/// The marks of an answer in the order in which they come, each once.
fn marks(said: &str) -> Vec<Mark> {
    let mut marks = Mark::all_in(said);
    marks.dedup();
    marks
}

#[test]
fn pipelined_requests_of_several_keys_get_their_own_answers_in_order() {
    let wire = Wire::patient();
    let provider = RawProvider::start(|arrived| send(good(arrived)));
    let model = wire.model(&[&provider], true);
    let made: Vec<_> = (0..2).map(|_| wire.gateway.key(&json!({}))).collect();
    for piece in [1 << 20, 100, 1] {
        let (mut stream, address) = connect(&wire);
        stream.set_nodelay(true).unwrap();
        let (mut all, mut asked) = (String::new(), Vec::new());
        for number in 0..6 {
            let mark = Mark::new();
            let more = if number == 5 {
                "connection: close\r\n"
            } else {
                ""
            };
            let key = made[number % 2]["key"].as_str().unwrap();
            let body = body(&model, mark, number % 3 == 2);
            all += &(head(&address, key, more, body.len()) + &body);
            asked.push(mark);
        }
        for piece in all.as_bytes().chunks(piece) {
            stream.write_all(piece).unwrap();
        }
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        assert_eq!(marks(&said), asked, "{said}");
    }
    for key in made {
        let id = key["id"].as_str().unwrap();
        let path = format!("/api/logs?key_id={id}");
        // A streamed answer is settled when it is out.
        eventually("nine calls of each key", || {
            let calls = wire.admin.get(&path).expect(200);
            (calls["items"].as_array().unwrap().len() == 9).then_some(())
        });
    }
}

/// The body of a request that is refused is nobody's request, whatever it looks like.
#[test]
fn the_body_of_a_refused_request_is_not_the_next_one() {
    let wire = Wire::patient();
    let provider = RawProvider::start(|arrived| send(good(arrived)));
    let model = wire.model(&[&provider], true);
    let key = wire.gateway.key(&json!({}));
    let key = key["key"].as_str().unwrap();
    for refused in ["sk-real200-nobody", key] {
        let (mut stream, address) = connect(&wire);
        let hidden = body(&model, Mark::new(), false);
        let hidden = head(&address, key, "", hidden.len()) + &hidden;
        let own = Mark::new();
        let last = body(&model, own, false);
        // No JSON, or no key: refused either way before its body is of interest.
        let first = head(&address, refused, "", hidden.len()) + &hidden;
        let second = head(&address, key, "connection: close\r\n", last.len()) + &last;
        stream.write_all((first + &second).as_bytes()).unwrap();
        let mut said = String::new();
        let _ = stream.read_to_string(&mut said);
        // The connection may be closed behind a refusal; the second may not be answered by the first's body.
        let marks = marks(&said);
        assert!(marks.is_empty() || marks == [own], "{said}");
    }
    assert!(provider.requests() <= 2, "{} requests", provider.requests());
}

#[test]
fn a_client_that_waits_to_go_on_is_told_to() {
    let wire = Wire::patient();
    let provider = RawProvider::start(|arrived| send(good(arrived)));
    let model = wire.model(&[&provider], true);
    let key = wire.gateway.key(&json!({}));
    let (mut stream, address) = connect(&wire);
    for close in ["", "connection: close\r\n"] {
        let mark = Mark::new();
        let body = body(&model, mark, false);
        let more = format!("expect: 100-continue\r\n{close}");
        let head = head(&address, key["key"].as_str().unwrap(), &more, body.len());
        stream.write_all(head.as_bytes()).unwrap();
        let mut told = [0; 25];
        stream.read_exact(&mut told).unwrap();
        assert_eq!(told, *b"HTTP/1.1 100 Continue\r\n\r\n");
        stream.write_all(body.as_bytes()).unwrap();
        let mut said = Vec::new();
        while !String::from_utf8_lossy(&said).contains(&words(mark)) {
            let mut piece = [0; 4096];
            let read = stream.read(&mut piece).unwrap();
            assert!(read > 0, "{}", String::from_utf8_lossy(&said));
            said.extend(&piece[..read]);
        }
        // What is left of it stands behind the words.
        while !said.ends_with(b"}") {
            let mut piece = [0; 4096];
            let read = stream.read(&mut piece).unwrap();
            said.extend(&piece[..read]);
        }
        let said = String::from_utf8(said).unwrap();
        assert_eq!(marks(&said), [mark], "{said}");
    }
}
