//! Providers that stop talking: a call waits for what may still come only as long as that could change anything.

use std::time::Instant;

use serde_json::json;

use super::super::harness::{Arrived, Mark, Piece, RawProvider};
use super::answers::{self, body, error, good, head};
use super::judge::{Came, judge};
use super::{Case, IN_TIME, Outcome, Wire};

/// Says this, and then nothing until the gateway hangs up.
fn stalls(bytes: impl AsRef<[u8]>) -> Vec<Piece> {
    vec![Piece::send(bytes), Piece::UntilHungUp]
}

fn promised(arrived: &Arrived) -> String {
    head(
        arrived,
        &format!("content-length: {}\r\n", body(arrived).len()),
    )
}

/// The idle time is short: each call ends soon, in an error or on another channel.
#[test]
fn silence_at_each_phase_ends_in_time() {
    Wire::waiting(300).try_all(&[
        Case::fails("before any byte", |_| vec![Piece::UntilHungUp]).not_reused(),
        Case::fails("behind 103", |_| stalls("HTTP/1.1 103 Early Hints\r\n\r\n")).not_reused(),
        Case::fails("in the head", |a| stalls(&promised(a)[..40])).not_reused(),
        Case::fails("behind the head", |a| stalls(promised(a))).not_reused(),
        Case::fails("in the body", |a| stalls(promised(a) + &body(a)[..150])).not_reused(),
        Case::fails("before the last byte", |a| {
            let body = body(a);
            stalls(promised(a) + &body[..body.len() - 1])
        })
        .stream(Outcome::Either)
        .not_reused(),
        Case::fails("instead of the connection's end", |a| {
            stalls(head(a, "") + &body(a))
        })
        .stream(Outcome::Either)
        .not_reused(),
        Case::fails("in a chunk", |a| {
            let head = head(a, "transfer-encoding: chunked\r\n");
            stalls(head + "400\r\n" + &body(a)[..150])
        })
        .not_reused(),
    ]);
}

/// A refusal whose body does not end.
fn endless(arrived: &Arrived, status: u16, part: usize) -> Vec<Piece> {
    let body = error(arrived.mark);
    let body = &body[..body.len().min(part)];
    stalls(format!(
        "HTTP/1.1 {status} No\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\n{body}"
    ))
}

fn ask(wire: &Wire, what: &str, model: &str, streamed: bool) -> (Came, u16, String) {
    let mark = Mark::new();
    let body = json!({"model": model, "stream": streamed, "messages": [{"role": "user", "content": format!("say {mark}")}]});
    let began = Instant::now();
    let reply = wire.callers[0].client.chat(&body);
    let took = began.elapsed();
    assert!(took < IN_TIME, "{what}: {took:?}");
    (
        judge(what, mark, streamed, &reply),
        reply.status,
        reply.body,
    )
}

/// The idle time is twice as long as a call may take, and nobody waits for it: the status has decided already.
#[test]
fn a_failure_whose_body_does_not_end_is_not_waited_for() {
    let wire = Wire::patient();
    for status in [500, 502, 503, 429, 401] {
        for part in [0, 30, 5000] {
            let what = format!("{status} with {part} bytes");
            let bad = RawProvider::start(move |a| endless(a, status, part));
            let model = wire.model(&[&bad, &wire.good], true);
            let streamed = part == 30;
            let (came, status, said) = ask(&wire, &what, &model, streamed);
            assert_eq!(came, Came::Right, "{what}: {status} {said}");
        }
    }
}

#[test]
fn a_refusal_whose_body_does_not_end_is_told_without_it() {
    let wire = Wire::patient();
    for status in [400, 404, 413, 422] {
        for part in [0, 30, 5000] {
            let what = format!("{status} with {part} bytes");
            let bad = RawProvider::start(move |a| endless(a, status, part));
            let model = wire.model(&[&bad], true);
            let (came, told, said) = ask(&wire, &what, &model, part == 30);
            assert_ne!(came, Came::Right, "{what}: {told} {said}");
            assert!(told >= 400, "{what}: {told} {said}");
        }
    }
}

/// A failure that is longer than anybody wants to read, and one that trickles.
#[test]
fn a_failure_without_bounds_is_not_read_to_its_end() {
    let wire = Wire::patient();
    let long = RawProvider::start(|_| {
        let head = "HTTP/1.1 500 No\r\ncontent-type: text/plain\r\n\r\n";
        let mut pieces = vec![Piece::send(head)];
        pieces.extend((0..200).map(|_| Piece::Send(vec![b'x'; 1 << 20])));
        pieces
    });
    let model = wire.model(&[&long, &wire.good], true);
    let (came, status, said) = ask(&wire, "200 MB of 500", &model, false);
    assert_eq!(came, Came::Right, "{status} {said}");
    // The right answer, at last, to a caller that waited with nothing but comments.
    let patient = RawProvider::start(|arrived: &Arrived| {
        if !arrived.stream {
            return answers::send(good(arrived));
        }
        let body = ": wait\n\n".repeat(2000) + &body(arrived);
        answers::send(answers::sized(arrived, "", body.as_bytes()))
    });
    let model = wire.model(&[&patient], true);
    let (came, status, said) = ask(&wire, "comments first", &model, true);
    assert_eq!(came, Came::Right, "{status} {said}");
}
