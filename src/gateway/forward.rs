//! Forwarding: one candidate after the other, until one answers. Only before the first byte, and only where another
//! candidate may do better: no connection, no answer in time, a provider that is out or over its limits, or the operator's
//! credential refused. What the client got wrong is wrong everywhere and goes back to it as the provider said it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;

use super::admission::Plan;
use super::bill::Bill;
use super::provider::{self, Answer, Failure, Outgoing};
use super::rewrite::{self, Changes};
use crate::domain::{Attempt, AttemptStatus, ChannelId, Code, Endpoint, Error};
use crate::state::{State, Upstream, out_of_the_pool};

/// The most that is read of a provider's error.
const ERROR_BYTES: usize = 64 * 1024;
/// What the call log keeps of it.
const ERROR_WORDS: usize = 512;
/// A kept connection that the provider has closed shows at once: only then the same candidate is tried again.
const HUNG_UP_WITHIN: Duration = Duration::from_millis(500);
/// When all are out and none said for how long.
const TRY_AGAIN: Duration = Duration::from_secs(5);

thread_local! {
    /// Channels whose provider does not know `stream_options`, until they change.
    static NO_STREAM_OPTIONS: RefCell<HashMap<ChannelId, Weak<Upstream>>> = RefCell::default();
}

/// What came of it.
pub(crate) enum Forwarded {
    /// A provider took the call and answers.
    Answered {
        answer: Answer,
        /// The usage frame was asked for by the gateway alone: the client is not to see it.
        hide_usage: bool,
    },
    /// A provider says that the client is wrong.
    Rejected {
        status: StatusCode,
        headers: Vec<(HeaderName, HeaderValue)>,
        body: Bytes,
    },
    /// None could be had.
    Failed(Error),
    /// The key died before one could.
    Died(Error),
}

/// Why one candidate did not do.
enum Miss {
    NoAnswer(Failure),
    Answered {
        status: StatusCode,
        retry_after: Option<Duration>,
    },
}

/// Sends the call to the candidates of its route, in order.
pub(crate) async fn forward(
    state: &State,
    plan: &Plan,
    headers: &[(HeaderName, HeaderValue)],
    bill: &mut Bill,
) -> Forwarded {
    let (mut last, mut soonest) = (None, Duration::MAX);
    for upstream in &plan.route.candidates {
        let turn = match state.channels.turn(upstream) {
            Ok(turn) => turn,
            Err(wait) => {
                soonest = soonest.min(wait);
                continue;
            }
        };
        match try_candidate(state, plan, upstream, headers, bill).await {
            Ok(forwarded) => {
                turn.succeed();
                return forwarded;
            }
            Err(miss) => {
                if miss.is_the_channels() {
                    turn.fail();
                }
                last = Some(miss);
            }
        }
    }
    Forwarded::Failed(last.map_or_else(
        || out_of_the_pool(&plan.request.scan.model, soonest),
        |miss| miss.into_error(),
    ))
}

async fn try_candidate(
    state: &State,
    plan: &Plan,
    upstream: &Arc<Upstream>,
    headers: &[(HeaderName, HeaderValue)],
    bill: &mut Bill,
) -> Result<Forwarded, Miss> {
    let scan = &plan.request.scan;
    let endpoint = plan.arrival.endpoint;
    let model = upstream.channel.upstream_model(&scan.model);
    let has_usage_frame = matches!(endpoint, Endpoint::Chat | Endpoint::Completions) && scan.stream;
    let mut ask_usage =
        has_usage_frame && scan.include_usage != Some(true) && !lacks_stream_options(upstream);
    let mut again = true;
    loop {
        let output_limit = plan.lowered_output.map(|limit| {
            (
                rewrite::limit_field(endpoint, &upstream.channel.base_url),
                limit,
            )
        });
        let body = rewrite::rewrite(
            &plan.request,
            Changes {
                model,
                include_usage: ask_usage,
                output_limit,
            },
        );
        let attempt = Try::begin(state, upstream, model, bill);
        let outgoing = Outgoing {
            endpoint,
            body: &body,
            headers,
            timeouts: state.settings.timeouts,
            now: plan.arrival.started_at,
        };
        match provider::send(upstream, outgoing).await {
            Err(failure) => {
                let took = attempt.end(
                    state,
                    bill,
                    failure.status,
                    None,
                    Some(failure.words.clone()),
                );
                if failure.hung_up && std::mem::take(&mut again) && took < HUNG_UP_WITHIN {
                    continue;
                }
                return Err(Miss::NoAnswer(failure));
            }
            Ok(answer) if answer.status.is_success() => {
                attempt.end(state, bill, AttemptStatus::Ok, Some(answer.status), None);
                bill.accept(upstream.channel.price_multiplier, model);
                return Ok(Forwarded::Answered {
                    answer,
                    hide_usage: ask_usage,
                });
            }
            Ok(answer) => {
                let (status, retry_after) = (answer.status, retry_after(&answer));
                let (headers, body) =
                    read_error(answer, upstream, state.settings.timeouts.idle).await;
                attempt.end(
                    state,
                    bill,
                    AttemptStatus::ProviderError,
                    Some(status),
                    Some(words(&body)),
                );
                if ask_usage
                    && matches!(status.as_u16(), 400 | 422)
                    && memchr::memmem::find(&body, b"stream_options").is_some()
                {
                    note_no_stream_options(upstream);
                    ask_usage = false;
                    continue;
                }
                if is_the_clients(status) {
                    return Ok(Forwarded::Rejected {
                        status,
                        headers,
                        body,
                    });
                }
                return Err(Miss::Answered {
                    status,
                    retry_after,
                });
            }
        }
    }
}

/// Whether a status says that the request itself is wrong: then it would be with any candidate.
fn is_the_clients(status: StatusCode) -> bool {
    status.is_client_error()
        && !matches!(
            status.as_u16(),
            401 | 402 | 403 | 407 | 408 | 421 | 425 | 429
        )
}

impl Miss {
    /// Whether it says something of the channel's health. A refused credential and a rate limit do not: the provider is there.
    fn is_the_channels(&self) -> bool {
        match self {
            Self::NoAnswer(_) => true,
            Self::Answered { status, .. } => {
                !matches!(status.as_u16(), 401 | 402 | 403 | 407 | 429)
            }
        }
    }

    /// The error for the client when this was the last candidate.
    fn into_error(self) -> Error {
        match self {
            Self::NoAnswer(Failure { status: AttemptStatus::TimedOut, .. }) => {
                Error::new(Code::GatewayTimeout, "The provider did not answer in time. Try again; if it keeps happening, use another model or tell the operator.")
            }
            Self::NoAnswer(Failure { status: AttemptStatus::ConnectFailed, .. }) => {
                Error::new(Code::BadGateway, "The provider could not be reached. Try again; if it keeps happening, tell the operator.")
            }
            Self::NoAnswer(_) => Error::new(Code::BadGateway, "The provider hung up without an answer. Try again; if it keeps happening, tell the operator."),
            Self::Answered { status, retry_after } => match status.as_u16() {
                401 | 402 | 403 | 407 => Error::new(
                    Code::BadGateway,
                    "The provider refused the operator's credential or account. Your own API key is fine; tell the operator to look at the channel.",
                ),
                408 | 504 | 524 => Error::new(Code::GatewayTimeout, "The provider did not answer in time. Try again, or use another model."),
                429 => Error::new(Code::RateLimitExceeded, "The provider limits the rate of the operator's account; your API key's own limits are not reached. Wait as Retry-After says, or use another model.")
                    .param("provider")
                    .retry_after(retry_after.unwrap_or(TRY_AGAIN)),
                503 | 529 => Error::new(Code::NoChannelAvailable, "The provider is overloaded. Try again in a moment, or use another model.")
                    .retry_after(retry_after.unwrap_or(TRY_AGAIN)),
                _ => Error::new(Code::BadGateway, format!("The provider failed with status {}. Try again; if it keeps happening, tell the operator.", status.as_u16())),
            },
        }
    }
}

/// One try, noted as cancelled until it has ended: that is how it ended if the client goes away in the middle.
struct Try {
    started: crate::clock::Tick,
}

impl Try {
    fn begin(state: &State, upstream: &Upstream, model: &str, bill: &mut Bill) -> Self {
        let channel_id = upstream.channel.id;
        bill.draft(|draft| {
            draft.channel_id = Some(channel_id);
            draft.upstream_model = Some(model.to_owned());
            draft.attempts.push(Attempt {
                channel_id,
                status: AttemptStatus::Cancelled,
                http_status: None,
                latency_us: 0,
                error: None,
            });
        });
        Self {
            started: state.clock.tick(),
        }
    }

    fn end(
        self,
        state: &State,
        bill: &mut Bill,
        status: AttemptStatus,
        http_status: Option<StatusCode>,
        error: Option<String>,
    ) -> Duration {
        let latency_us = state.clock.tick().micros_since(self.started);
        bill.draft(|draft| {
            if let Some(attempt) = draft.attempts.last_mut() {
                attempt.status = status;
                attempt.http_status = http_status.map(|status| status.as_u16());
                attempt.latency_us = latency_us;
                attempt.error = error.map(|words| cut(words, ERROR_WORDS));
            }
        });
        Duration::from_micros(latency_us)
    }
}

/// Reads an error's body, up to a bound, without the channel's credential should the provider repeat it.
pub(super) async fn read_error(
    answer: Answer,
    upstream: &Upstream,
    idle: Duration,
) -> (Vec<(HeaderName, HeaderValue)>, Bytes) {
    let (mut read, mut body) = (BytesMut::new(), answer.body);
    while let Ok(Some(Ok(piece))) = tokio::time::timeout(idle, body.next()).await {
        let room = ERROR_BYTES.saturating_sub(read.len());
        read.extend_from_slice(piece.get(..room).unwrap_or(&piece));
        if read.len() >= ERROR_BYTES {
            break;
        }
    }
    (answer.headers, scrub(read.freeze(), upstream.credential()))
}

fn scrub(body: Bytes, credential: Option<&str>) -> Bytes {
    match credential {
        Some(secret)
            if !secret.is_empty() && memchr::memmem::find(&body, secret.as_bytes()).is_some() =>
        {
            Bytes::from(String::from_utf8_lossy(&body).replace(secret, "***"))
        }
        _ => body,
    }
}

/// What an error's body says, for the call log: its message, if it has one where all providers have it.
pub(super) fn words(body: &[u8]) -> String {
    let read: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let message = read.as_ref().and_then(|body| {
        let error = body.get("error").unwrap_or(body);
        error
            .get("message")
            .or_else(|| body.get("detail"))
            .unwrap_or(error)
            .as_str()
    });
    let text = message.map_or_else(|| String::from_utf8_lossy(body).into_owned(), str::to_owned);
    cut(text.trim().to_owned(), ERROR_WORDS)
}

fn cut(mut text: String, most: usize) -> String {
    text.truncate(text.floor_char_boundary(most));
    text
}

fn retry_after(answer: &Answer) -> Option<Duration> {
    answer
        .header("retry-after")?
        .trim()
        .parse()
        .ok()
        .map(Duration::from_secs)
}

fn lacks_stream_options(upstream: &Arc<Upstream>) -> bool {
    NO_STREAM_OPTIONS.with_borrow(|known| {
        known
            .get(&upstream.channel.id)
            .is_some_and(|noted| std::ptr::eq(noted.as_ptr(), Arc::as_ptr(upstream)))
    })
}

fn note_no_stream_options(upstream: &Arc<Upstream>) {
    NO_STREAM_OPTIONS
        .with_borrow_mut(|known| known.insert(upstream.channel.id, Arc::downgrade(upstream)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_client_got_wrong_goes_back_to_it_and_the_rest_does_not() {
        for (status, clients) in [
            (400, true),
            (404, true),
            (413, true),
            (415, true),
            (422, true),
            (401, false),
            (402, false),
            (403, false),
            (408, false),
            (429, false),
            (500, false),
            (503, false),
            (529, false),
            (302, false),
        ] {
            assert_eq!(
                is_the_clients(StatusCode::from_u16(status).unwrap()),
                clients,
                "{status}"
            );
        }
    }

    #[test]
    fn the_operators_troubles_are_not_blamed_on_the_client() {
        let error = |status| {
            Miss::Answered {
                status: StatusCode::from_u16(status).unwrap(),
                retry_after: None,
            }
            .into_error()
        };
        assert_eq!(
            (error(401).code, error(403).code, error(402).code),
            (Code::BadGateway, Code::BadGateway, Code::BadGateway)
        );
        assert!(error(401).message.contains("Your own API key is fine"));
        assert_eq!(
            (error(429).code, error(429).retry_after),
            (Code::RateLimitExceeded, Some(TRY_AGAIN))
        );
        assert_eq!(
            (error(500).code, error(504).code, error(302).code),
            (Code::BadGateway, Code::GatewayTimeout, Code::BadGateway)
        );
    }

    #[test]
    fn the_log_gets_the_providers_words_but_no_credential() {
        assert_eq!(words(br#"{"error":{"message":"Too long."}}"#), "Too long.");
        assert_eq!(words(br#"{"error":"Too long."}"#), "Too long.");
        assert_eq!(words(br#"{"detail":"Too long."}"#), "Too long.");
        assert_eq!(words(br#"{"message":"Too long."}"#), "Too long.");
        assert_eq!(words(b"<html>Too long.\n"), "<html>Too long.");
        assert_eq!(words("é".repeat(600).as_bytes()).len(), 512);
        assert_eq!(
            scrub(Bytes::from_static(b"bad key sk-abc!"), Some("sk-abc")),
            "bad key ***!"
        );
        assert_eq!(scrub(Bytes::from_static(b"bad"), None), "bad");
    }
}
