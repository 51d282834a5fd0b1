//! Interim answers: a 1xx is no answer, however many there are and however they are cut, and what follows one is its own
//! caller's. RFC 9110 §15.2.

use serde_json::json;
use tungstenite::Message;
use tungstenite::handshake::derive_accept_key;

use super::super::harness::{Arrived, Piece, Talk, TestGateway};
use super::answers::{good, refusal, send, then_close};
use super::{Case, Outcome, Wire};

const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload; as=style\r\nlink: </b.js>; rel=preload\r\n\r\n";
const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";
const PROCESSING: &str = "HTTP/1.1 102 Processing\r\n\r\n";

/// An interim answer and the right one, in one packet.
fn before(interim: &str, answer: &[u8]) -> Vec<Piece> {
    send([interim.as_bytes(), answer].concat())
}

/// In two packets, the second one sent when the first has been.
fn apart(interim: &str, arrived: &Arrived) -> Vec<Piece> {
    vec![Piece::send(interim), Piece::Send(good(arrived))]
}

#[test]
fn interim_answers_are_passed_over() {
    Wire::patient().try_all(&[
        Case::right("100", |a| before(CONTINUE, &good(a))).reused(),
        Case::right("102", |a| before(PROCESSING, &good(a))).reused(),
        Case::right("103", |a| before(HINTS, &good(a))).reused(),
        Case::right("103 apart", |a| apart(HINTS, a)).reused(),
        Case::right("an unknown 1xx", |a| {
            before("HTTP/1.1 199 What\r\nx-a: b\r\n\r\n", &good(a))
        })
        .reused(),
        Case::right("one without a reason", |a| {
            before("HTTP/1.1 103\r\n\r\n", &good(a))
        }),
        Case::right("several", |a| {
            before(&[CONTINUE, PROCESSING, HINTS, HINTS].concat(), &good(a))
        })
        .reused(),
        Case::right("several, each in a packet", |a| {
            let interim = [CONTINUE, PROCESSING, HINTS].map(Piece::send);
            interim.into_iter().chain(send(good(a))).collect()
        })
        .reused(),
        Case::right(
            "103 and the answer's head in one packet, byte by byte",
            |a| {
                let all = [HINTS.as_bytes(), &good(a)].concat();
                vec![Piece::Slowly(all)]
            },
        )
        .reused(),
        Case::right("103 with a length", |a| {
            before(
                "HTTP/1.1 103 Early Hints\r\ncontent-length: 0\r\n\r\n",
                &good(a),
            )
        }),
    ]);
}

#[test]
fn interim_answers_before_a_refusal_are_passed_over() {
    Wire::patient().try_all(&[
        Case::new("103 before 400", Outcome::Refused(400), |a| {
            before(HINTS, &refusal(a, 400))
        })
        .reused(),
        Case::new("100 and 103 before 422", Outcome::Refused(422), |a| {
            let interim = [CONTINUE, HINTS].map(Piece::send);
            interim.into_iter().chain(send(refusal(a, 422))).collect()
        })
        .reused(),
        Case::fails("103 before 503", |a| before(HINTS, &refusal(a, 503))),
    ]);
}

#[test]
fn interim_answers_that_nobody_could_mean_are_an_error() {
    Wire::patient().try_all(&[
        Case::fails("200 of them", |a| before(&HINTS.repeat(200), &good(a))).not_reused(),
        Case::fails("20,000 of them", |a| {
            before(&CONTINUE.repeat(20_000), &good(a))
        })
        .not_reused(),
        Case::fails("101 unasked", |a| {
            let switch = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
            before(switch, &good(a))
        })
        .not_reused(),
        Case::fails("101 unasked and without a protocol", |a| {
            before("HTTP/1.1 101 Switching Protocols\r\n\r\n", &good(a))
        })
        .not_reused(),
        Case::fails("103 and the end", |_| then_close(HINTS)).not_reused(),
        Case::fails("103 and a reset", |_| {
            vec![Piece::send(HINTS), Piece::Reset]
        })
        .not_reused(),
        Case::fails("half a 103 and the end", |_| then_close(&HINTS[..40])).not_reused(),
        Case::either("103 with a body", |a| {
            let body = "HTTP/1.1 103 Early Hints\r\ncontent-length: 5\r\n\r\nhello";
            before(body, &good(a))
        }),
        Case::fails("an answer of version 9", |a| {
            before("HTTP/9.9 103 Early Hints\r\n\r\n", &good(a))
        }),
        Case::fails("status 099", |a| before("HTTP/1.1 099 No\r\n\r\n", &good(a))).not_reused(),
    ]);
}

#[test]
fn an_interim_answer_behind_the_answer_is_nobodys() {
    Wire::patient().try_all(&[
        Case::right("103 behind the body", |a| {
            send([&good(a), HINTS.as_bytes()].concat())
        })
        .not_reused(),
        Case::right("half a 103 behind the body", |a| {
            send([&good(a), &HINTS.as_bytes()[..30]].concat())
        })
        .not_reused(),
        Case::right("103 when the caller has its answer", |a| {
            vec![Piece::Send(good(a)), Piece::AfterAnswer, Piece::send(HINTS)]
        }),
        Case::right("100 when the caller has its answer", |a| {
            vec![
                Piece::Send(good(a)),
                Piece::AfterAnswer,
                Piece::send(CONTINUE),
            ]
        }),
    ]);
}

/// A provider of realtime sessions that says something before its 101; each session tells whose it is.
fn realtime(before: &'static str) -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            std::thread::spawn(move || session(stream, before));
        }
    });
    address
}

fn session(mut stream: std::net::TcpStream, before: &str) {
    use std::io::{BufRead, BufReader, Write};
    let mut key = String::new();
    let reader = BufReader::new(stream.try_clone().unwrap());
    for line in reader.lines() {
        let line = line.unwrap();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(": ").unwrap_or_default();
        if name.eq_ignore_ascii_case("sec-websocket-key") {
            value.clone_into(&mut key);
        }
    }
    let accepted = derive_accept_key(key.as_bytes());
    write!(
        stream,
        "{before}HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: {accepted}\r\n\r\n"
    )
    .unwrap();
    let role = tungstenite::protocol::Role::Server;
    let mut socket = tungstenite::WebSocket::from_raw_socket(stream, role, None);
    let created = json!({"type": "session.created", "session": {"id": accepted, "model": "rt"}});
    let _ = socket.send(Message::text(created.to_string()));
    while socket.read().is_ok() {}
}

#[test]
fn an_interim_answer_before_a_realtime_session_is_passed_over() {
    for before in [
        "",
        HINTS,
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n",
    ] {
        let address = realtime(before);
        let gateway = TestGateway::start();
        let channel = json!({"name": "realtime", "kind": "openai", "base_url": format!("http://{address}/v1"), "credential": "sk-upstream", "models": ["rt"]});
        gateway.admin().post("/api/channels", &channel).expect(201);
        for _ in 0..3 {
            let key = gateway.key(&json!({}));
            let mut talk = Talk::with_key(&gateway, &key);
            assert_eq!(talk.next()["type"], "session.created", "behind {before:?}");
            talk.close();
        }
    }
}
