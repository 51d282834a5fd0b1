//! Reading an answer that is not streamed, to its end and within a bound.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;

use super::provider::Answer;
use crate::domain::AttemptStatus;

/// The most that is held of an answer that is not streamed.
const WHOLE_LIMIT: usize = 256 * 1024 * 1024;

/// Why an answer could not be read whole.
#[derive(Debug)]
pub(crate) struct Unreadable {
    /// In one word.
    pub(crate) status: AttemptStatus,
    /// For the call log.
    pub(crate) words: String,
}

/// Reads an answer that is not streamed. One that comes in one piece is not copied.
pub(crate) async fn read_whole(answer: &mut Answer, idle: Duration) -> Result<Bytes, Unreadable> {
    let broken = |words: &str| Unreadable {
        status: AttemptStatus::BrokenAnswer,
        words: words.to_owned(),
    };
    let (mut first, mut more) = (Bytes::new(), BytesMut::new());
    loop {
        let next = tokio::time::timeout(idle, answer.body.next()).await;
        let piece = match next {
            Err(_) => {
                return Err(Unreadable {
                    status: AttemptStatus::TimedOut,
                    words: "the answer stood still".to_owned(),
                });
            }
            Ok(Some(Err(error))) => return Err(broken(&format!("the answer broke off: {error}"))),
            Ok(Some(Ok(piece))) => piece,
            Ok(None) => break,
        };
        if first.is_empty() {
            first = piece;
            continue;
        }
        if more.is_empty() {
            let expected = answer
                .length
                .and_then(|length| usize::try_from(length).ok())
                .unwrap_or(0);
            more.reserve(expected.min(WHOLE_LIMIT).max(first.len() + piece.len()));
            more.extend_from_slice(&first);
        }
        more.extend_from_slice(&piece);
        if more.len() > WHOLE_LIMIT {
            return Err(broken("the answer is too long"));
        }
    }
    let whole = if more.is_empty() {
        first
    } else {
        more.freeze()
    };
    match answer.length {
        Some(length) if u64::try_from(whole.len()).ok() != Some(length) => {
            Err(broken("the answer ended before its length"))
        }
        Some(_) | None => Ok(whole),
    }
}
