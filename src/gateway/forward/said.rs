//! An error as a provider said it, by its status or inside an answer that looked well.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use bytes::Bytes;

use crate::gateway::miss;
use crate::gateway::provider::Answer;
use crate::gateway::words::scrub;
use crate::state::Upstream;

/// The most that is read of a provider's error.
const ERROR_BYTES: usize = 64 * 1024;
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
    pub(super) async fn read(answer: Answer, upstream: &Upstream, idle: Duration) -> Self {
        let (status, retry_after) = (answer.status, retry_after(&answer));
        let (headers, body) = read_error(answer, upstream, idle).await;
        Self {
            http_status: status,
            status: Some(status),
            retry_after,
            headers,
            body,
        }
    }

    /// Inside an answer with a good status. What the client may get of it is plain JSON, streamed or not.
    pub(super) fn inside(answer: &Answer, body: Bytes) -> Self {
        Self {
            http_status: answer.status,
            status: miss::status_inside(&body),
            retry_after: retry_after(answer),
            headers: vec![(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json"),
            )],
            body,
        }
    }
}

/// Reads an error's body, up to a bound, without the channel's secrets should the provider repeat it.
pub(in crate::gateway) async fn read_error(
    answer: Answer,
    upstream: &Upstream,
    idle: Duration,
) -> (Vec<(HeaderName, HeaderValue)>, Bytes) {
    let read = answer.body.read_up_to(ERROR_BYTES, idle).await;
    (answer.headers, scrub(read, upstream.secrets()))
}

fn retry_after(answer: &Answer) -> Option<Duration> {
    answer
        .header("retry-after")?
        .trim()
        .parse()
        .ok()
        .map(Duration::from_secs)
}
