//! Why a candidate did not do: whose fault it is, what the channel's health learns of it, and what the client is told when it
//! was the last one.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use actix_web::http::StatusCode;
use serde::Deserialize;

pub(super) use super::dialect::fault::{Asked, Blame, blame};
use super::provider::Failure;
use crate::domain::{AttemptStatus, CallId, Code, Complaint, Error, Failed, KeyId};
use crate::state::Turn;

/// When all are out and none said for how long.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// Why one candidate did not do.
pub(super) enum Miss {
    /// There was no answer.
    NoAnswer(Failure),
    /// The request cannot be said in the dialect of its provider: it was not asked.
    Inexpressible(Error),
    /// There was one that broke off, stood still or is none.
    Unusable(AttemptStatus),
    /// The provider said that it failed.
    Said {
        /// Its status, or the one that its error carries; `None`: an error without any, in an answer with status 200.
        status: Option<StatusCode>,
        blame: Blame,
        retry_after: Option<Duration>,
        words: String,
        /// It came at once and was JSON: whoever said it is up.
        at_once: bool,
    },
}

/// Whose call it was, as health tells callers and their calls apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller {
    /// The key.
    pub(super) key: u64,
    /// What it said.
    pub(super) body: u64,
    /// This very call.
    pub(super) call: u64,
}

impl Caller {
    pub(super) fn of(key: KeyId, call: CallId, body: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        Self {
            key: tail(key.as_bytes()),
            body: hasher.finish(),
            call: tail(call.as_bytes()),
        }
    }
}

/// The random part of an id.
fn tail(id: &[u8; 16]) -> u64 {
    let [.., a, b, c, d, e, f, g, h] = *id;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// The status that an error inside a 200 answer carries as its `code`, as OpenRouter and those who follow it write it.
pub(super) fn status_inside(body: &[u8]) -> Option<StatusCode> {
    #[derive(Deserialize)]
    struct Answer {
        error: Inside,
    }
    #[derive(Deserialize)]
    struct Inside {
        code: u16,
    }
    let read: Answer = serde_json::from_slice(body).ok()?;
    let status = StatusCode::from_u16(read.error.code).ok()?;
    (status.is_client_error() || status.is_server_error()).then_some(status)
}

impl Miss {
    /// Tells the channel's health of it.
    pub(super) fn tell(&self, turn: Turn, caller: Caller) {
        match self {
            Self::Inexpressible(_) => {}
            Self::NoAnswer(failure) if failure.refused => turn.refuse(&failure.words),
            Self::NoAnswer(failure) if failure.status == AttemptStatus::ConnectFailed => {
                turn.fail(Failed::Channel);
            }
            Self::NoAnswer(_) | Self::Unusable(_) => turn.fail(Failed::Part),
            Self::Said {
                status,
                blame,
                retry_after,
                words,
                at_once,
            } => match blame {
                Blame::Channel => turn.fail(failed(*status, *at_once, caller)),
                Blame::Credential => turn.refuse(words),
                Blame::Model => turn.bar(words),
                Blame::Limit => turn.limit(*retry_after),
                Blame::Client => turn.answer(),
            },
        }
    }

    /// Whether another credential of the same channel may do better.
    pub(super) fn is_the_credentials(&self) -> bool {
        match self {
            Self::NoAnswer(failure) => failure.refused,
            Self::Unusable(_) | Self::Inexpressible(_) => false,
            Self::Said { blame, .. } => match blame {
                Blame::Credential | Blame::Model | Blame::Limit => true,
                Blame::Client | Blame::Channel => false,
            },
        }
    }

    /// Whether the same candidate may do better a moment later: no connection, a broken answer, an error of the provider's own.
    /// What took its time to fail is not waited for a second time, and who says when to come back is not asked before.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::NoAnswer(Failure { refused: true, .. }) => false,
            Self::NoAnswer(Failure { status, .. }) | Self::Unusable(status) => {
                *status != AttemptStatus::TimedOut
            }
            Self::Said {
                status,
                blame: Blame::Channel,
                retry_after: None,
                at_once,
                ..
            } => {
                let status = status.map(|status| status.as_u16());
                // What was said at once of this very call would be said once more; not what was said of the server.
                !matches!(status, Some(408 | 504 | 524)) && (!at_once || is_the_servers(status))
            }
            Self::Said { .. } | Self::Inexpressible(_) => false,
        }
    }

    /// Whether the connection was closed before an answer.
    pub(super) fn hung_up(&self) -> bool {
        matches!(self, Self::NoAnswer(failure) if failure.hung_up)
    }

    /// The error for the client when this was the last candidate.
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Inexpressible(error) => error,
            Self::NoAnswer(Failure { refused: true, .. }) => refused_credential(),
            Self::NoAnswer(Failure { status: AttemptStatus::TimedOut, .. }) => {
                Error::new(Code::GatewayTimeout, "The provider did not answer in time. Try again; if it keeps happening, use another model or tell the operator.")
            }
            Self::NoAnswer(Failure { status: AttemptStatus::ConnectFailed, .. }) => {
                Error::new(Code::BadGateway, "The provider could not be reached. Try again; if it keeps happening, tell the operator.")
            }
            Self::NoAnswer(_) => Error::new(Code::BadGateway, "The provider hung up without an answer. Try again; if it keeps happening, tell the operator."),
            Self::Unusable(AttemptStatus::TimedOut) => Error::new(
                Code::GatewayTimeout,
                "The provider fell silent in the middle of its answer. Try again; if it keeps happening, use another model.",
            ),
            Self::Unusable(_) => Error::new(
                Code::BadGateway,
                "The provider's answer could not be used: it broke off or is not JSON. Try again; if it keeps happening, tell the operator.",
            ),
            Self::Said { blame: Blame::Credential, .. } => refused_credential(),
            Self::Said { blame: Blame::Model, .. } => Error::new(
                Code::BadGateway,
                "The provider does not know this model by the name that is set up for it, or does not let the operator's account use it. Your request is fine; tell the operator to look at the channel, or use another model.",
            ),
            Self::Said { blame: Blame::Limit, retry_after, .. } => Error::new(Code::RateLimitExceeded, "The provider limits the rate of the operator's account; your API key's own limits are not reached. Wait as Retry-After says, or use another model.")
                .param("provider")
                .retry_after(retry_after.unwrap_or(TRY_AGAIN)),
            Self::Said { status: None, words, .. } => Error::new(
                Code::BadGateway,
                format!("The provider sent an error in place of an answer{}. Try again; if it keeps happening, tell the operator.", saying(&words)),
            ),
            Self::Said { status: Some(status), retry_after, words, at_once, .. } => match status.as_u16() {
                408 | 504 | 524 => Error::new(Code::GatewayTimeout, "The provider did not answer in time. Try again, or use another model."),
                503 | 529 => Error::new(Code::NoChannelAvailable, "The provider is overloaded. Try again in a moment, or use another model.")
                    .retry_after(retry_after.unwrap_or(TRY_AGAIN)),
                status => {
                    let words = if at_once { saying(&words) } else { String::new() };
                    Error::new(Code::BadGateway, format!("The provider failed with status {status}{words}. Try again; if it keeps happening with other requests too, tell the operator."))
                }
            },
        }
    }
}

/// The provider's own words, where it has any.
fn saying(words: &str) -> String {
    let words = words.trim().trim_end_matches('.');
    if words.is_empty() {
        String::new()
    } else {
        format!(" and said: {words}")
    }
}

/// Whether a status speaks of the server, and not of the call.
fn is_the_servers(status: Option<u16>) -> bool {
    matches!(status, Some(502 | 503 | 520..=529))
}

/// What has failed where the provider says that it has.
fn failed(status: Option<StatusCode>, at_once: bool, caller: Caller) -> Failed {
    let status = status.map(|status| status.as_u16());
    match (at_once, is_the_servers(status)) {
        // One that stands before it says so in its place.
        (false, true) => Failed::Channel,
        (false, false) => Failed::Part,
        // It speaks of itself, whoever asks.
        (true, true) => Failed::Call(Complaint {
            caller: caller.call,
            call: caller.call,
        }),
        (true, false) => Failed::Call(Complaint {
            caller: caller.key,
            call: caller.body,
        }),
    }
}

fn refused_credential() -> Error {
    Error::new(
        Code::BadGateway,
        "The provider refused the operator's credential or account. Your own API key is fine; tell the operator to look at the channel.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16) -> StatusCode {
        StatusCode::from_u16(status).unwrap()
    }

    #[test]
    fn what_the_client_got_wrong_goes_back_to_it_and_the_rest_does_not() {
        for (code, expected) in [
            (400, Blame::Client),
            (404, Blame::Client),
            (413, Blame::Client),
            (415, Blame::Client),
            (422, Blame::Client),
            (401, Blame::Credential),
            (402, Blame::Credential),
            (403, Blame::Credential),
            (407, Blame::Credential),
            (408, Blame::Channel),
            (429, Blame::Limit),
            (500, Blame::Channel),
            (501, Blame::Client),
            (503, Blame::Channel),
            (505, Blame::Client),
            (529, Blame::Channel),
            (302, Blame::Channel),
        ] {
            let said = br#"{"error":{"message":"x"}}"#;
            assert_eq!(
                blame(Some(code), said, Asked::default()),
                expected,
                "{code}"
            );
        }
    }

    #[test]
    fn the_status_inside_an_answer_is_read_where_it_is_one() {
        assert_eq!(
            status_inside(br#"{"error":{"code":502,"message":"x"}}"#),
            Some(status(502))
        );
        for other in [
            &br#"{"error":{"code":"server_error"}}"#[..],
            br#"{"error":{"code":7}}"#,
            br#"{"error":"x"}"#,
            b"x",
        ] {
            assert_eq!(status_inside(other), None);
        }
    }

    #[test]
    fn the_operators_troubles_are_not_blamed_on_the_client() {
        let error = |code| {
            Miss::Said {
                status: Some(status(code)),
                blame: blame(Some(code), br#"{"error":{}}"#, Asked::default()),
                retry_after: None,
                words: String::new(),
                at_once: true,
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
}
