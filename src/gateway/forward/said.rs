//! An error as a provider said it, by its status or inside an answer that looked well.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use bytes::Bytes;

use crate::domain::Timestamp;
use crate::gateway::dialect::fault::Words;
use crate::gateway::miss;
use crate::gateway::provider::{self, Answer};
use crate::gateway::waits;
use crate::gateway::words::scrub;
use crate::state::Upstream;

/// The most that is read of a provider's error.
const ERROR_BYTES: usize = 64 * 1024;
/// What comes of it later is not waited for.
const ERROR_WITHIN: Duration = Duration::from_secs(1);

/// An error as a provider said it.
pub(super) struct Said {
    /// The status of its answer.
    pub(super) http_status: StatusCode,
    /// What that, or the error inside it, says; `None`: a good status and an error without one.
    pub(super) status: Option<StatusCode>,
    pub(super) retry_after: Option<Duration>,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Bytes,
}

impl Said {
    /// By its status.
    pub(super) async fn read(answer: Answer, upstream: &Upstream, now: Timestamp) -> Self {
        let status = answer.status;
        let (headers, body) = read_error(answer, upstream).await;
        let retry_after = waits::wait(|name| provider::header(&headers, name), &body, now);
        Self {
            http_status: status,
            status: Some(status),
            retry_after,
            // What else the provider says of limits is the operator's.
            headers: headers
                .into_iter()
                .filter(|(name, _)| !is_the_operators(name.as_str()))
                .collect(),
            body,
        }
    }

    /// Inside an answer with a good status. What the client may get of it is plain JSON, streamed or not.
    pub(super) fn inside(answer: &Answer, body: Bytes, now: Timestamp) -> Self {
        Self {
            http_status: answer.status,
            status: miss::status_inside(&body),
            retry_after: waits::wait(|name| answer.header(name), &body, now),
            headers: vec![(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json"),
            )],
            body,
        }
    }

    /// Whether it is JSON that tells of an error.
    pub(super) fn is_in_words(&self) -> bool {
        Words::read(&self.body).is_some()
    }
}

fn is_the_operators(name: &str) -> bool {
    name == "date" || name.contains("ratelimit")
}

/// Reads an error's body: what comes of it within a moment, up to a bound, without the channel's secrets should the provider
/// repeat them. Its status alone decides what is done, so that nobody waits for a body that does not end.
pub(in crate::gateway) async fn read_error(
    answer: Answer,
    upstream: &Upstream,
) -> (Vec<(HeaderName, HeaderValue)>, Bytes) {
    let read = answer.body.read_up_to(ERROR_BYTES, ERROR_WITHIN).await;
    (answer.headers, scrub(read, upstream.secrets()))
}
