//! What goes to a provider and what comes back, whatever interface it speaks.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};

pub(crate) use crate::client::BrokeOff;
use crate::domain::{AttemptStatus, Endpoint, Timestamp};
use crate::gateway::content_type::is_json;
use crate::gateway::upload::Upload;
use crate::state::Timeouts;

/// A call as a provider gets it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing<'a> {
    /// Which endpoint of the provider.
    pub(crate) endpoint: Endpoint,
    /// The provider's name of the model.
    pub(crate) model: &'a str,
    /// Whether the answer is to come piece by piece.
    pub(crate) stream: bool,
    /// Whether the body holds several requests.
    pub(crate) batch: bool,
    /// The body, rewritten for this provider.
    pub(crate) body: &'a Bytes,
    /// What is sent in its place, where that is an upload.
    pub(crate) upload: Option<&'a Upload>,
    /// Headers of the client that may go on.
    pub(crate) headers: &'a [(HeaderName, HeaderValue)],
    /// How long to wait.
    pub(crate) timeouts: Timeouts,
    /// The time of day.
    pub(crate) now: Timestamp,
}

/// The head of a provider's answer, and its body to be read.
pub(crate) struct Answer {
    /// The provider's status.
    pub(crate) status: StatusCode,
    /// Those of its headers that the client may see.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// How long the body is, if it says so.
    pub(crate) length: Option<u64>,
    /// The body.
    pub(crate) body: Body,
}

impl Answer {
    /// Whether it is a stream of events.
    pub(crate) fn is_stream(&self) -> bool {
        self.header("content-type").is_some_and(|kind| {
            kind.get(..17)
                .is_some_and(|start| start.eq_ignore_ascii_case("text/event-stream"))
        })
    }

    /// Whether it says that it is JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.header("content-type").is_some_and(is_json)
    }

    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

/// A header's value among these.
pub(crate) fn header<'a>(headers: &'a [(HeaderName, HeaderValue)], name: &str) -> Option<&'a str> {
    let found = headers.iter().find(|(own, _)| own.as_str() == name);
    found.and_then(|(_, value)| value.to_str().ok())
}

/// A body as it comes from the network.
pub(crate) type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, BrokeOff>>>>;

/// The body of an answer, piece by piece.
pub(crate) enum Body {
    /// From the network.
    Network(Pieces),
    /// From the network, after what was read of it ahead.
    Begun(VecDeque<Bytes>, Pieces),
    /// Made here.
    Made(VecDeque<Bytes>),
    /// At its end: the network's is not asked again, it does not bear it.
    Ended,
}

impl Body {
    /// Reads it up to a bound, or as far as it comes within a time, in all.
    pub(crate) async fn read_up_to(mut self, most: usize, within: Duration) -> Bytes {
        let mut read = BytesMut::new();
        let reading = async {
            while let Some(Ok(piece)) = self.next().await {
                let room = most.saturating_sub(read.len());
                read.extend_from_slice(piece.get(..room).unwrap_or(&piece));
                if read.len() >= most {
                    break;
                }
            }
        };
        // What was read until then is kept.
        let _ = tokio::time::timeout(within, reading).await;
        read.freeze()
    }

    /// Puts what was read back in front.
    pub(crate) fn give_back(&mut self, mut read: VecDeque<Bytes>) {
        *self = match std::mem::replace(self, Self::Ended) {
            Self::Network(rest) => Self::Begun(read, rest),
            Self::Begun(mut more, rest) => {
                read.append(&mut more);
                Self::Begun(read, rest)
            }
            Self::Made(mut rest) => {
                read.append(&mut rest);
                Self::Made(read)
            }
            Self::Ended => Self::Made(read),
        };
    }
}

impl Stream for Body {
    type Item = Result<Bytes, BrokeOff>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Self::Begun(read, _) = &mut *self {
            if let Some(piece) = read.pop_front() {
                return Poll::Ready(Some(Ok(piece)));
            }
            if let Self::Begun(_, rest) = std::mem::replace(&mut *self, Self::Ended) {
                *self = Self::Network(rest);
            }
        }
        let next = match &mut *self {
            Self::Network(pieces) => match pieces.as_mut().poll_next(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(next) => next,
            },
            Self::Begun(pieces, _) | Self::Made(pieces) => pieces.pop_front().map(Ok),
            Self::Ended => None,
        };
        if !matches!(next, Some(Ok(_))) {
            *self = Self::Ended;
        }
        Poll::Ready(next)
    }
}

/// Why there is no answer.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// In one word.
    pub(crate) status: AttemptStatus,
    /// In words without secrets, for the call log.
    pub(crate) words: String,
    /// The connection was closed before anything of an answer came: it may have been a kept one that the provider no longer
    /// wanted, and the call never read.
    pub(crate) hung_up: bool,
    /// The operator's credential was refused, before the call itself could be sent.
    pub(crate) refused: bool,
}

impl Failure {
    /// The operator's credential is refused, or is none that the kind could use.
    pub(super) fn refused(words: String) -> Self {
        Self {
            status: AttemptStatus::ProviderError,
            words,
            hung_up: false,
            refused: true,
        }
    }

    /// A part of the channel's own record cannot be used.
    pub(super) fn unusable(what: &str) -> Self {
        Self {
            status: AttemptStatus::ConnectFailed,
            words: format!("the channel's {what} cannot be used"),
            hung_up: false,
            refused: false,
        }
    }

    /// The provider has no such endpoint.
    pub(super) fn no_endpoint(endpoint: Endpoint) -> Self {
        Self {
            status: AttemptStatus::ConnectFailed,
            words: format!(
                "the channel's kind has no endpoint for {}",
                endpoint.as_str()
            ),
            hung_up: false,
            refused: false,
        }
    }
}
