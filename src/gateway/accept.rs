//! Whether an answer with a good status is one: found out before anything of it goes to the client, while another candidate
//! can still do better. A whole answer is read to its end; of a stream its first event is awaited, and what was read of it is
//! given back.

use std::collections::VecDeque;

use bytes::Bytes;
use futures_util::StreamExt;

use super::dialect::{self, Told, Written};
use super::meter::{self, Unreadable};
use super::provider::{Answer, Body};
use super::sse::{self, Frame, Frames};
use crate::domain::{AttemptStatus, Endpoint};
use crate::state::Timeouts;

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
    Stream(Answer),
    /// Bytes that nobody reads have begun.
    Bytes(Answer),
}

/// An answer that cannot.
pub(super) enum Unfit {
    /// It broke off, stood still or is none.
    Unusable(Unreadable),
    /// It is an error, whatever its status says.
    Error { answer: Box<Answer>, body: Bytes },
}

/// Waits until an answer of the provider's endpoint with a good status has shown that it is one.
pub(super) async fn accept(
    endpoint: Endpoint,
    mut answer: Answer,
    timeouts: Timeouts,
) -> Result<Accepted, Unfit> {
    if answer.is_stream() {
        return match first_event(endpoint, &mut answer.body, timeouts).await {
            Ok(None) => Ok(Accepted::Stream(answer)),
            Ok(Some(body)) => Err(Unfit::Error {
                answer: Box::new(answer),
                body,
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
    let body = meter::read_whole(&mut answer, timeouts.idle)
        .await
        .map_err(Unfit::Unusable)?;
    if !answer.is_json()
        && let Some(told) = dialect::read_text(endpoint, &body)
    {
        return Ok(Accepted::Whole { answer, body, told });
    }
    match dialect::read_answer(endpoint, &body) {
        Ok(told) if told.error => Err(Unfit::Error {
            answer: Box::new(answer),
            body,
        }),
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

/// Waits for the first event of a stream; gives it if it is an error. Comments that keep the connection alive are no event,
/// but each begins the time anew: a model may think for long.
async fn first_event(
    endpoint: Endpoint,
    body: &mut Body,
    timeouts: Timeouts,
) -> Result<Option<Bytes>, Unreadable> {
    let allowed = timeouts.first_byte.max(timeouts.idle);
    let (mut frames, mut read, mut written) =
        (Frames::default(), VecDeque::new(), Written::default());
    loop {
        let next = next_frames(body, &mut frames, &mut read);
        let next = tokio::time::timeout(allowed, next).await;
        let (whole, ended) = next.map_err(|_| Unreadable {
            status: AttemptStatus::TimedOut,
            words: "the stream stood still before its first event".to_owned(),
        })??;
        for frame in sse::split(&whole) {
            let data = Frame::read(frame)
                .data
                .filter(|data| !data.trim_ascii().is_empty());
            let Some(data) = data else { continue };
            let seen = dialect::read_frame(endpoint, frame, &mut written);
            if seen.error {
                return Ok(Some(Bytes::copy_from_slice(&data)));
            }
            if ended && !seen.terminal && !seen.may_end {
                return Err(broken("the stream ended in its first event".to_owned()));
            }
            body.give_back(read);
            return Ok(None);
        }
        if ended {
            // Some say that they stream and send a plain error.
            return match dialect::read_answer(endpoint, &whole) {
                Ok(told) if told.error => Ok(Some(whole)),
                Ok(_) | Err(_) => Err(broken("the stream ended before its first event".to_owned())),
            };
        }
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

    /// What a stream of these pieces begins with, and what is left to be read of it.
    async fn begin(pieces: &[&'static str]) -> (Result<Option<Bytes>, String>, String) {
        let made = pieces
            .iter()
            .map(|piece| Bytes::from_static(piece.as_bytes()));
        let mut body = Body::Made(made.collect());
        let first = first_event(Endpoint::Chat, &mut body, TIMEOUTS).await;
        let mut left = Vec::new();
        while let Some(piece) = body.next().await {
            left.extend_from_slice(&piece.unwrap());
        }
        let left = String::from_utf8(left).unwrap();
        (first.map_err(|unreadable| unreadable.words), left)
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
        ] {
            let (first, left) = begin(pieces).await;
            assert_eq!((first, left), (Ok(None), pieces.concat()));
        }
    }

    #[actix_web::test]
    async fn one_that_begins_with_an_error_or_not_at_all_is_none() {
        let error = "{\"error\":{\"message\":\"boom\"}}";
        for pieces in [
            &[": wait\n\n", "data: {\"error\":{\"message\":\"boom\"}}\n\n"][..],
            &["data: {\"error\":{\"message\":\"boom\"}}"],
            &["{\"error\":{\"message\":\"boom\"}}"],
        ] {
            assert_eq!(begin(pieces).await.0, Ok(Some(Bytes::from(error))));
        }
        for pieces in [&[][..], &[": wait\n\n"], &["<html>"], &["data: {\"cho"]] {
            let words = begin(pieces).await.0.unwrap_err();
            assert!(words.starts_with("the stream ended"), "{words}");
        }
    }
}
