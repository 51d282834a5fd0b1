//! Connections that end: at each phase of an answer and between answers, by closing and by reset; bytes that come when nobody
//! waits for them; and callers that go away in the middle.

use std::sync::mpsc;

use serde_json::json;

use super::super::harness::{Arrived, Gate, Mark, Piece, RawProvider, eventually};
use super::answers::{good, send};
use super::{Case, Expected, Outcome, Wire, is_right};

/// So much of a right answer, and then this end.
fn cut(arrived: &Arrived, length: impl FnOnce(&[u8]) -> usize, end: Piece) -> Vec<Piece> {
    let all = good(arrived);
    let length = length(&all);
    vec![Piece::send(&all[..length]), end]
}

fn head_of(all: &[u8]) -> usize {
    let end = all.windows(4).position(|four| four == b"\r\n\r\n");
    end.unwrap() + 4
}

#[test]
fn hang_ups_at_each_phase_are_errors_and_cross_nothing() {
    Wire::patient().try_all(&[
        Case::fails("before any byte", |_| vec![Piece::Close]),
        Case::fails("half closed before any byte", |_| vec![Piece::HalfClose]),
        Case::fails("in the status line", |a| cut(a, |_| 10, Piece::Close)),
        Case::fails("behind the status line", |a| cut(a, |_| 17, Piece::Close)),
        Case::fails("in the headers", |a| {
            cut(a, |all| head_of(all) - 9, Piece::Close)
        }),
        Case::fails("before the blank line", |a| {
            cut(a, |all| head_of(all) - 2, Piece::Close)
        }),
        Case::fails("behind the head", |a| cut(a, head_of, Piece::Close)),
        Case::fails("in the body", |a| {
            cut(a, |all| head_of(all) + 150, Piece::Close)
        }),
        Case::fails("half closed in the body", |a| {
            cut(a, |all| head_of(all) + 150, Piece::HalfClose)
        }),
        Case::fails("before the last byte", |a| {
            cut(a, |all| all.len() - 1, Piece::Close)
        })
        .stream(Outcome::Either),
    ]);
}

#[test]
fn resets_at_each_phase_are_errors_and_cross_nothing() {
    Wire::patient().try_all(&[
        Case::fails("before any byte", |_| vec![Piece::Reset]),
        Case::fails("in the status line", |a| cut(a, |_| 10, Piece::Reset)),
        Case::fails("in the headers", |a| {
            cut(a, |all| head_of(all) - 9, Piece::Reset)
        }),
        Case::fails("behind the head", |a| cut(a, head_of, Piece::Reset)),
        Case::fails("in the body", |a| {
            cut(a, |all| head_of(all) + 150, Piece::Reset)
        }),
        // What had come and was not yet read may be lost with it.
        Case::either("behind the answer", |a| cut(a, <[u8]>::len, Piece::Reset)),
    ]);
}

#[test]
fn kept_connections_that_end_are_not_noticed() {
    Wire::patient().try_all(&[
        Case::right("closed behind the answer", |a| {
            cut(a, <[u8]>::len, Piece::Close)
        }),
        Case::right("closed when the caller has its answer", |a| {
            vec![Piece::Send(good(a)), Piece::AfterAnswer, Piece::Close]
        })
        .not_reused(),
        Case::right("reset when the caller has its answer", |a| {
            vec![Piece::Send(good(a)), Piece::AfterAnswer, Piece::Reset]
        })
        .not_reused(),
        Case::right("half closed when the caller has its answer", |a| {
            vec![Piece::Send(good(a)), Piece::AfterAnswer, Piece::HalfClose]
        })
        .not_reused(),
        // As balancers do with a connection that was idle for too long.
        Case::right("408 when the caller has its answer", |a| {
            let late =
                "HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            vec![
                Piece::Send(good(a)),
                Piece::AfterAnswer,
                Piece::send(late),
                Piece::Close,
            ]
        })
        .in_turn()
        .not_reused(),
        Case::right("408 when the caller has its answer, and not closed", |a| {
            let late = "HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n";
            vec![Piece::Send(good(a)), Piece::AfterAnswer, Piece::send(late)]
        })
        .in_turn()
        .not_reused(),
    ]);
}

/// The provider keeps a connection and closes it just when the next request comes on it.
#[test]
fn a_kept_connection_that_ends_as_the_next_request_is_sent_is_not_noticed() {
    for end in [|| Piece::Close, || Piece::Reset] {
        let wire = Wire::patient();
        let provider = RawProvider::start(move |arrived| {
            if arrived.on_connection > 0 {
                vec![end()]
            } else {
                send(good(arrived))
            }
        });
        let model = wire.model(&[&provider], true);
        let outcomes = Expected::all(Outcome::Right);
        let what = "ended as the next request came";
        let mut told = wire.ask(what, &model, &[&provider], 1, 4, outcomes);
        // Several kept connections are in the same state: all of them may be used up before a new one is.
        told.extend(wire.ask(
            what,
            &model,
            &[&provider],
            8,
            2,
            Expected::all(Outcome::Either),
        ));
        wire.is_booked(what, &model, &told);
        let model = wire.model(&[&provider, &wire.good], true);
        let told = wire.ask(what, &model, &[&provider], 8, 2, outcomes);
        wire.is_booked(what, &model, &told);
    }
}

/// What was under way for a caller that has gone is nobody's: whatever of it had come, and whatever comes still.
#[test]
fn a_caller_that_goes_away_leaves_nothing_to_the_next() {
    let wire = Wire::patient();
    let parts: [fn(&[u8]) -> usize; 4] = [|_| 0, |_| 20, head_of, |all| head_of(all) + 250];
    for (number, part) in parts.into_iter().enumerate() {
        for streamed in [false, true] {
            let what = format!("gone at part {number}, streamed: {streamed}");
            let (gate, (reached, reaches)) = (Gate::default(), mpsc::channel());
            let held = gate.clone();
            let provider = RawProvider::start(move |arrived| {
                let all = good(arrived);
                if arrived.before >= 4 {
                    return send(all);
                }
                let at = part(&all);
                vec![
                    Piece::send(&all[..at]),
                    Piece::Tell(reached.clone()),
                    Piece::Wait(held.clone()),
                    Piece::send(&all[at..]),
                ]
            });
            let model = wire.model(&[&provider], true);
            let gone: Vec<_> = (0..4)
                .map(|caller| {
                    let body = json!({"model": model, "stream": streamed, "messages": [{"role": "user", "content": format!("say {}", Mark::new())}]});
                    let client = &wire.callers[caller].client;
                    client.send("/v1/chat/completions", &body)
                })
                .collect();
            for _ in 0..4 {
                reaches.recv().unwrap();
            }
            drop(gone);
            // On both workers, while the first answers are still to come, and when they have.
            for caller in 4..8 {
                is_right(&what, &wire.callers[caller].client, &model, streamed);
            }
            gate.open();
            for caller in 0..8 {
                is_right(&what, &wire.callers[caller].client, &model, streamed);
            }
            eventually("the end of the calls that were given up", || {
                (wire.gateway.metric("real200_open_calls") == 0.0).then_some(())
            });
            let calls = wire
                .admin
                .get(&format!("/api/logs?model={model}&status=cancelled"));
            let calls = calls.expect(200)["items"].as_array().unwrap().clone();
            assert_eq!(calls.len(), 4, "{what}: {calls:?}");
        }
    }
}
