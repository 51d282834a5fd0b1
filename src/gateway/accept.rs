//! Whether an answer with a good status is one: found out before anything of it goes to the client, while another candidate
//! can still do better. A whole answer is read to its end; a stream is held back until the first frame that carries something
//! of its answer, and what was read of it is given back. Not for ever, and not without bound: a client waits for signs of life
//! while a model thinks.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;

use super::dialect::{self, Opening, Report, Told, Written};
use super::provider::{Answer, Body};
use super::sse::{self, Frame, Frames};
use super::whole::{self, Unreadable};
use crate::clock::{Clock, Tick};
use crate::domain::{AttemptStatus, Endpoint};
use crate::state::Timeouts;

/// So long what carries nothing is held back. Then the client sees it: it would take the silence for a dead connection.
const HELD_FOR: Duration = Duration::from_secs(10);
/// So much of it, in frames and bytes: `response.created` repeats the instructions and tools of the request.
const MOST_FRAMES: usize = 100;
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// An answer that can be given out.
#[expect(
    clippy::large_enum_variant,
    reason = "it is taken apart at once: a box would cost more than the move"
)]
pub(crate) enum Accepted {
    /// All of it.
    Whole {
        answer: Answer,
        body: Bytes,
        told: Told,
    },
    /// The stream has begun.
    Stream {
        answer: Answer,
        /// When its first event came; `None`: none has.
        first_event: Option<Tick>,
    },
    /// Bytes that nobody reads have begun.
    Bytes(Answer),
}

/// An answer that cannot.
pub(super) enum Unfit {
    /// It broke off, stood still or is none.
    Unusable(Unreadable),
    /// It is an error, whatever its status says.
    Error {
        /// All that came is still to be read of it.
        answer: Box<Answer>,
        /// What says so.
        body: Bytes,
        /// What it says was used until then.
        used: Vec<Report>,
    },
}

/// Waits until an answer of the provider's endpoint with a good status has shown that it is one.
pub(super) async fn accept(
    endpoint: Endpoint,
    mut answer: Answer,
    timeouts: Timeouts,
    clock: &Clock,
) -> Result<Accepted, Unfit> {
    if answer.is_stream() {
        return match begin(endpoint, &mut answer.body, timeouts, clock).await {
            Ok(Beginning {
                error: None,
                first_event,
                ..
            }) => Ok(Accepted::Stream {
                answer,
                first_event,
            }),
            Ok(Beginning {
                error: Some(body),
                used,
                ..
            }) => Err(Unfit::Error {
                answer: Box::new(answer),
                body,
                used,
            }),
            Err(unreadable) => Err(Unfit::Unusable(unreadable)),
        };
    }
    if endpoint == Endpoint::Speech && !answer.is_json() {
        first_bytes(&mut answer.body, timeouts)
            .await
            .map_err(Unfit::Unusable)?;
        return Ok(Accepted::Bytes(answer));
    }
    let body = whole::read_whole(&mut answer, timeouts.idle)
        .await
        .map_err(Unfit::Unusable)?;
    if !answer.is_json()
        && let Some(told) = dialect::read_text(endpoint, &body)
    {
        return Ok(Accepted::Whole { answer, body, told });
    }
    match dialect::read_answer(endpoint, &body) {
        Ok(told) if told.error => {
            answer.body.give_back(VecDeque::from([body.clone()]));
            Err(Unfit::Error {
                answer: Box::new(answer),
                body,
                used: told.usage.into_iter().collect(),
            })
        }
        Ok(told) => Ok(Accepted::Whole { answer, body, told }),
        Err(not_json) => Err(Unfit::Unusable(broken(not_json.to_string()))),
    }
}

/// Waits for the first bytes of an answer.
async fn first_bytes(body: &mut Body, timeouts: Timeouts) -> Result<(), Unreadable> {
    let first = async {
        loop {
            match body.next().await {
                Some(Ok(piece)) if piece.is_empty() => {}
                Some(Ok(piece)) => return Ok(piece),
                Some(Err(error)) => return Err(broken(format!("the answer broke off: {error}"))),
                None => return Err(broken("the answer is empty".to_owned())),
            }
        }
    };
    let allowed = timeouts.first_byte.max(timeouts.idle);
    let first = tokio::time::timeout(allowed, first).await;
    let first = first.map_err(|_| Unreadable {
        status: AttemptStatus::TimedOut,
        words: "the answer stood still before its first byte".to_owned(),
    })??;
    body.give_back(VecDeque::from([first]));
    Ok(())
}

/// How a stream begins.
#[derive(Default, Debug)]
struct Beginning {
    /// With an error: this one.
    error: Option<Bytes>,
    /// What it says was used until then.
    used: Vec<Report>,
    first_event: Option<Tick>,
}

/// Waits for the first frame of a stream that carries something of its answer, ends it, or is an error. Comments that keep the
/// connection alive begin the time anew, as all that comes does: a model may think for long. All that was read is given back.
async fn begin(
    endpoint: Endpoint,
    body: &mut Body,
    timeouts: Timeouts,
    clock: &Clock,
) -> Result<Beginning, Unreadable> {
    let mut read = VecDeque::new();
    let begun = hold(endpoint, body, timeouts, clock, &mut read).await?;
    body.give_back(read);
    Ok(begun)
}

async fn hold(
    endpoint: Endpoint,
    body: &mut Body,
    timeouts: Timeouts,
    clock: &Clock,
    read: &mut VecDeque<Bytes>,
) -> Result<Beginning, Unreadable> {
    let allowed = timeouts.first_byte.max(timeouts.idle);
    let (mut frames, mut written) = (Frames::default(), Written::default());
    let (mut held, mut bytes, mut barren) = (0, 0, false);
    let mut begun = Beginning::default();
    let mut patience = None;
    loop {
        let next = tokio::time::timeout(allowed, next_frames(body, &mut frames, read));
        let (whole, ended) = match &mut patience {
            None => next.await,
            Some(patience) => tokio::select! {
                biased;
                next = next => next,
                () = patience => return Ok(begun),
            },
        }
        .map_err(|_| Unreadable {
            status: AttemptStatus::TimedOut,
            words: "the stream stood still before its answer began".to_owned(),
        })??;
        for frame in sse::split(&whole) {
            let data = Frame::read(frame)
                .data
                .filter(|data| !data.trim_ascii().is_empty());
            let Some(data) = data else { continue };
            begun.first_event.get_or_insert_with(|| clock.tick());
            let seen = dialect::read_frame(endpoint, frame, &mut written);
            begun.used.extend(seen.usage.map(|report| *report));
            if seen.error {
                begun.error = Some(Bytes::copy_from_slice(&data));
                return Ok(begun);
            }
            let ends = seen.terminal || seen.may_end || seen.finished != 0;
            let opening = Opening::of(endpoint, seen.content, &data);
            if ends || !ended && opening == Opening::Answer {
                return Ok(begun);
            }
            barren |= opening == Opening::NoAnswer;
            held += 1;
        }
        if ended {
            return match dialect::read_answer(endpoint, &whole) {
                // Some say that they stream and send a plain error.
                Ok(told) if told.error => {
                    begun.error = Some(whole);
                    Ok(begun)
                }
                // It has ended, and says that there is no answer: so it goes on, and the client is told.
                Ok(_) | Err(_) if barren => Ok(begun),
                Ok(_) | Err(_) => Err(broken(
                    "the stream ended before its answer began".to_owned(),
                )),
            };
        }
        bytes += whole.len();
        if held > MOST_FRAMES || bytes > MOST_BYTES {
            return Ok(begun);
        }
        patience.get_or_insert_with(|| Box::pin(tokio::time::sleep(HELD_FOR)));
    }
}

/// Reads on until frames are whole, or to the end, where what is left counts as one. All that is read is kept in `read` too.
async fn next_frames(
    body: &mut Body,
    frames: &mut Frames,
    read: &mut VecDeque<Bytes>,
) -> Result<(Bytes, bool), Unreadable> {
    loop {
        let Some(chunk) = body.next().await else {
            return Ok((frames.finish(), true));
        };
        let chunk = chunk.map_err(|error| broken(format!("the stream broke off: {error}")))?;
        read.push_back(chunk.clone());
        let whole = frames
            .push(chunk)
            .map_err(|error| broken(error.to_string()))?;
        if !whole.is_empty() {
            return Ok((whole, false));
        }
    }
}

fn broken(words: String) -> Unreadable {
    Unreadable {
        status: AttemptStatus::BrokenAnswer,
        words,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const TIMEOUTS: Timeouts = Timeouts {
        connect: Duration::from_secs(1),
        first_byte: Duration::from_secs(1),
        idle: Duration::from_secs(1),
    };

    const ROLE: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"}}]}\n\n";
    const WORD: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";

    /// What a stream of these pieces begins with, and what is left to be read of it.
    async fn begin_with(pieces: &[&'static str]) -> (Result<Option<Bytes>, String>, String) {
        let made = pieces
            .iter()
            .map(|piece| Bytes::from_static(piece.as_bytes()));
        let mut body = Body::Made(made.collect());
        let begun = begin(Endpoint::Chat, &mut body, TIMEOUTS, &Clock::system()).await;
        let mut left = Vec::new();
        while let Some(piece) = body.next().await {
            left.extend_from_slice(&piece.unwrap());
        }
        let left = String::from_utf8(left).unwrap();
        let begun = begun.map(|begun| begun.error);
        (begun.map_err(|unreadable| unreadable.words), left)
    }

    #[actix_web::test]
    async fn a_stream_that_begins_well_is_given_back_as_it_came() {
        for pieces in [
            &["data: {\"choices\":[]}\n\ndata: [DONE]\n\n"][..],
            &[
                ": wait\n\n",
                "data: {\"cho",
                "ices\":[]}\n",
                "\ndata: [DONE]\n\n",
            ],
            &["data: [DONE]"],
            &[ROLE, WORD],
            &[ROLE, "data: not JSON\n\n", WORD],
        ] {
            let (first, left) = begin_with(pieces).await;
            assert_eq!((first, left), (Ok(None), pieces.concat()));
        }
    }

    #[actix_web::test]
    async fn one_that_begins_with_an_error_or_not_at_all_is_none() {
        let error = "{\"error\":{\"message\":\"boom\"}}";
        for pieces in [
            &[": wait\n\n", "data: {\"error\":{\"message\":\"boom\"}}\n\n"][..],
            &[ROLE, "data: {\"error\":{\"message\":\"boom\"}}\n\n"],
            &["data: {\"error\":{\"message\":\"boom\"}}"],
            &["{\"error\":{\"message\":\"boom\"}}"],
        ] {
            assert_eq!(begin_with(pieces).await.0, Ok(Some(Bytes::from(error))));
        }
        for pieces in [
            &[][..],
            &[": wait\n\n"],
            &["<html>"],
            &["data: {\"cho"],
            &[ROLE],
            &[ROLE, "data: {\"cho"],
        ] {
            let words = begin_with(pieces).await.0.unwrap_err();
            assert!(words.starts_with("the stream ended"), "{words}");
        }
    }

    #[actix_web::test]
    async fn no_more_is_held_back_than_so_much() {
        let many = [ROLE; MOST_FRAMES + 2];
        assert_eq!(begin_with(&many).await, (Ok(None), many.concat()));
    }
}
