//! Why a candidate did not do: whose fault it is, what the channel's health learns of it, and what the client is told when it
//! was the last one.

use std::time::Duration;

use actix_web::http::StatusCode;
use serde::Deserialize;

use super::provider::Failure;
use crate::domain::{AttemptStatus, Code, Error};
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
    },
}

/// Whose fault an error of the provider's is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Blame {
    /// The client's: it would be wrong with any candidate, and goes back as the provider said it.
    Client,
    /// The operator's credential or account is refused.
    Credential,
    /// The operator's credential may not use this model, but perhaps others.
    Model,
    /// The provider limits the rate.
    Limit,
    /// The provider's own.
    Channel,
}

/// Reads whose fault an error is. A 403 is the credential's, unless its body says that the input was flagged or that only the
/// model is barred: one prompt must not take a channel from everyone.
pub(super) fn blame(status: StatusCode, body: &[u8]) -> Blame {
    let says = |words: &str| memchr::memmem::find(body, words.as_bytes()).is_some();
    match status.as_u16() {
        401 | 402 | 407 => Blame::Credential,
        403 if [
            "flagged_input",
            "input was flagged",
            "moderation",
            "content_policy",
            "content_filter",
        ]
        .into_iter()
        .any(says) =>
        {
            Blame::Client
        }
        403 if says("model_not_found") => Blame::Model,
        403 => Blame::Credential,
        429 => Blame::Limit,
        // Nobody is down: the operator has the channel lead back here. Another one may serve the model.
        508 => Blame::Model,
        408 | 421 | 424 | 425 => Blame::Channel,
        _ if status.is_client_error() => Blame::Client,
        _ => Blame::Channel,
    }
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
    /// Tells the channel's health of it. A rate limit without a `Retry-After` and a barred model tell nothing: the provider is
    /// there.
    pub(super) fn tell(&self, turn: Turn, model: &str) {
        match self {
            Self::Inexpressible(_) => {}
            Self::NoAnswer(failure) if failure.refused => turn.refuse(&failure.words),
            Self::NoAnswer(_) | Self::Unusable(_) => turn.fail(),
            Self::Said {
                blame,
                retry_after,
                words,
                ..
            } => match blame {
                Blame::Channel => turn.fail(),
                Blame::Credential => turn.refuse(words),
                Blame::Limit => {
                    if let Some(wait) = retry_after {
                        turn.limit(model, *wait);
                    }
                }
                Blame::Client | Blame::Model => {}
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
                ..
            } => !matches!(status.map(|status| status.as_u16()), Some(408 | 504 | 524)),
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
            Self::Said { status: None, .. } => Error::new(
                Code::BadGateway,
                "The provider sent an error in place of an answer. Try again; if it keeps happening, tell the operator.",
            ),
            Self::Said { status: Some(status), retry_after, .. } => match status.as_u16() {
                401 | 402 | 403 | 407 => refused_credential(),
                408 | 504 | 524 => Error::new(Code::GatewayTimeout, "The provider did not answer in time. Try again, or use another model."),
                429 => Error::new(Code::RateLimitExceeded, "The provider limits the rate of the operator's account; your API key's own limits are not reached. Wait as Retry-After says, or use another model.")
                    .param("provider")
                    .retry_after(retry_after.unwrap_or(TRY_AGAIN)),
                508 => super::hops::looped(),
                503 | 529 => Error::new(Code::NoChannelAvailable, "The provider is overloaded. Try again in a moment, or use another model.")
                    .retry_after(retry_after.unwrap_or(TRY_AGAIN)),
                _ => Error::new(Code::BadGateway, format!("The provider failed with status {}. Try again; if it keeps happening, tell the operator.", status.as_u16())),
            },
        }
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
            (503, Blame::Channel),
            (508, Blame::Model),
            (529, Blame::Channel),
            (302, Blame::Channel),
        ] {
            assert_eq!(blame(status(code), b"{}"), expected, "{code}");
        }
    }

    #[test]
    fn a_403_about_one_prompt_or_one_model_is_not_the_credentials() {
        let flagged = br#"{"error":{"code":403,"message":"Your input was flagged","metadata":{"reasons":["violence"]}}}"#;
        assert_eq!(blame(status(403), flagged), Blame::Client);
        let barred =
            br#"{"error":{"code":"model_not_found","message":"no access to model `gpt-5`"}}"#;
        assert_eq!(blame(status(403), barred), Blame::Model);
        let account = br#"{"error":{"message":"Your account was flagged for abuse"}}"#;
        assert_eq!(blame(status(403), account), Blame::Credential);
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
                blame: Blame::Channel,
                retry_after: None,
                words: String::new(),
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
