//! Large requests that are answered before they are wholly sent, and files that are given up half way: what the provider said
//! to one is not read by another, and a connection with half a request on it is never used again. RFC 9112 §9.3, §9.6.

use std::io::Write;
use std::net::TcpStream;
use std::sync::mpsc;

use serde_json::{Value, json};

use super::super::harness::{Arrived, Mark, Piece, RawProvider, Reply, When, eventually};
use super::answers::{error, good, send};
use super::judge::{Came, judge};
use super::{Expected, IN_TIME, Outcome, Wire, is_right};

/// More than all buffers on the way hold.
const LARGE: usize = 8 << 20;

fn transcript(arrived: &Arrived) -> Vec<u8> {
    let text = json!({"text": format!("heard {}", arrived.mark), "usage": {"type": "tokens", "input_tokens": arrived.mark.tokens(), "output_tokens": 7, "total_tokens": arrived.mark.tokens() + 7}});
    let body = text.to_string();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn too_large(arrived: &Arrived, headers: &str) -> Vec<u8> {
    let body = error(arrived.mark);
    format!(
        "HTTP/1.1 413 Too Large\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// What the provider does as soon as it has seen whose request it is.
type Early = fn(Vec<u8>) -> Vec<Piece>;

const ENDS: [(&str, Early); 5] = [
    ("kept open", |answer| send(answer)),
    ("closed", |answer| vec![Piece::Send(answer), Piece::Close]),
    ("reset", |answer| vec![Piece::Send(answer), Piece::Reset]),
    ("half closed", |answer| {
        vec![Piece::Send(answer), Piece::HalfClose]
    }),
    ("twice", |answer| vec![Piece::send(answer.repeat(2))]),
];

/// The right answer to small requests, and an early one to all that are larger than buffers.
fn early(answer: fn(&Arrived) -> Vec<u8>, end: Early, marked: usize) -> RawProvider {
    RawProvider::answering(When::Marked, move |arrived| {
        if arrived.before < marked {
            end(answer(arrived))
        } else {
            send(good(arrived))
        }
    })
}

fn large(model: &str, mark: Mark) -> Value {
    let words = format!("say {mark} {}", "and so on ".repeat(LARGE / 30));
    json!({"model": model, "messages": [{"role": "user", "content": words}]})
}

#[test]
fn a_large_request_that_is_refused_at_once_leaves_nothing_to_the_next() {
    let wire = Wire::patient();
    for (end, play) in ENDS {
        for headers in [
            |a: &Arrived| too_large(a, ""),
            |a: &Arrived| too_large(a, "connection: close\r\n"),
        ] {
            let what = format!("413, {end}");
            let provider = early(headers, play, 4);
            let model = wire.model(&[&provider], true);
            std::thread::scope(|scope| {
                for caller in &wire.callers[..2] {
                    let (what, model) = (&what, &model);
                    scope.spawn(move || {
                        for _ in 0..2 {
                            let mark = Mark::new();
                            let began = std::time::Instant::now();
                            let reply = caller.client.chat(&large(model, mark));
                            assert!(began.elapsed() < IN_TIME, "{what}");
                            let came = judge(what, mark, false, &reply);
                            let kept = matches!(end, "kept open" | "twice");
                            assert!(
                                came == Came::Refused(413) || !kept,
                                "{what}: {} {}",
                                reply.status,
                                reply.body
                            );
                        }
                    });
                }
            });
            let after = format!("behind {what}");
            let told = wire.ask(
                &after,
                &model,
                &[&provider],
                8,
                1,
                Expected::all(Outcome::Either),
            );
            assert!(
                told.iter().any(|told| told.came == Came::Right),
                "{after}: nobody got through"
            );
        }
    }
}

const BOUNDARY: &str = "----wire";

/// A file of so many bytes, behind the caller's mark.
fn form(model: &str, mark: Mark, length: usize) -> String {
    let field = |name: &str, value: &str| {
        format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        )
    };
    format!(
        "{}{}--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\n{}\r\n--{BOUNDARY}--\r\n",
        field("model", model),
        field("prompt", &format!("say {mark}")),
        "0123456789abcdef".repeat(length / 16)
    )
}

fn transcribe(wire: &Wire, caller: usize, model: &str, mark: Mark, length: usize) -> Reply {
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    let client = &wire.callers[caller].client;
    let request = client
        .request("POST", "/v1/audio/transcriptions")
        .header("content-type", kind)
        .body(form(model, mark, length));
    let reply = Reply::read(request.send().unwrap());
    for other in Mark::all_in(&reply.body) {
        assert_eq!(other, mark, "ANOTHER CALLER'S ANSWER: {}", reply.body);
    }
    reply
}

#[test]
fn a_file_that_is_answered_at_once_leaves_nothing_to_the_next() {
    let wire = Wire::patient();
    for (end, play) in ENDS {
        let provider = RawProvider::answering(When::Marked, move |arrived| {
            if arrived.before % 2 == 0 {
                play(transcript(arrived))
            } else {
                send(transcript(arrived))
            }
        });
        let model = wire.model(&[&provider], true);
        std::thread::scope(|scope| {
            for caller in 0..4 {
                let (wire, model) = (&wire, &model);
                scope.spawn(move || {
                    for length in [LARGE, 1600, LARGE, 1600] {
                        let mark = Mark::new();
                        let reply = transcribe(wire, caller, model, mark, length);
                        let kept = matches!(end, "kept open" | "twice");
                        if reply.status == 200 {
                            assert_eq!(reply.json()["text"], format!("heard {mark}"));
                        } else {
                            assert!(!kept, "{end}: {} {}", reply.status, reply.body);
                        }
                    }
                });
            }
        });
    }
}

#[test]
fn a_file_that_is_given_up_half_way_leaves_nothing_to_the_next() {
    let wire = Wire::patient();
    let (reached, reaches) = mpsc::channel();
    let provider = RawProvider::answering(When::Marked, move |arrived| {
        if arrived.before < 4 {
            // It answers, and yet the caller has not sent all.
            vec![
                Piece::Tell(reached.clone()),
                Piece::send(&transcript(arrived)[..60]),
            ]
        } else {
            send(good(arrived))
        }
    });
    let model = wire.model(&[&provider], true);
    let gone: Vec<_> = (0..4)
        .map(|_| {
            let key = wire.gateway.key(&json!({}));
            let body = form(&model, Mark::new(), LARGE);
            let address = wire.gateway.url("").replace("http://", "");
            let mut connection = TcpStream::connect(&address).unwrap();
            write!(
                connection,
                "POST /v1/audio/transcriptions HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\ncontent-type: multipart/form-data; boundary={BOUNDARY}\r\ncontent-length: {}\r\n\r\n{}",
                key["key"].as_str().unwrap(),
                body.len(),
                &body[..LARGE / 4]
            )
            .unwrap();
            connection
        })
        .collect();
    for _ in 0..4 {
        reaches.recv().unwrap();
    }
    drop(gone);
    for caller in 0..8 {
        is_right(
            "behind a file",
            &wire.callers[caller].client,
            &model,
            caller % 2 == 1,
        );
    }
    eventually("the end of the calls that were given up", || {
        (wire.gateway.metric("real200_open_calls") == 0.0).then_some(())
    });
    for caller in 0..8 {
        is_right(
            "behind a file",
            &wire.callers[caller].client,
            &model,
            caller % 2 == 0,
        );
    }
}
