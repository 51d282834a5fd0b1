//! The list of a provider's models, as the provider gives it.

use std::sync::Arc;

use super::provider::{self, Unlisted};
use super::words::{scrub, words};
use crate::domain::{AttemptStatus, Code, Error, Result};
use crate::state::{Discovery, Listed, State};

/// The list, ready to be asked for by the console.
pub fn discovery(state: Arc<State>) -> Discovery {
    Arc::new(move |listed| {
        let state = Arc::clone(&state);
        Box::pin(async move { list(&state, listed).await })
    })
}

async fn list(state: &State, listed: Listed) -> Result<Vec<String>> {
    let upstream = match listed {
        Listed::Saved(id) => state.channels.upstream(id, None)?,
        Listed::Draft(new) => state.channels.draft(*new)?,
    };
    let timeouts = upstream.timeouts(state.settings.timeouts);
    let unlisted = match provider::list(&upstream, timeouts).await {
        Ok(mut names) => {
            names.sort();
            names.dedup();
            return Ok(names);
        }
        Err(unlisted) => unlisted,
    };
    Err(match unlisted {
        Unlisted::NotOffered(why) => Error::invalid_field("kind", why),
        Unlisted::NoAnswer(failure) => {
            let code = match failure.status {
                AttemptStatus::TimedOut => Code::GatewayTimeout,
                AttemptStatus::Ok
                | AttemptStatus::Cancelled
                | AttemptStatus::ConnectFailed
                | AttemptStatus::ProviderError
                | AttemptStatus::BrokenAnswer => Code::BadGateway,
            };
            Error::new(
                code,
                format!("The provider gave no list: {}.", failure.words),
            )
        }
        Unlisted::Said(status, body) => {
            let said = words(&scrub(body, upstream.secrets()));
            let status = status.as_u16();
            Error::new(
                Code::BadGateway,
                format!("The provider answered with status {status}: {said}"),
            )
        }
        Unlisted::Unreadable => Error::new(
            Code::BadGateway,
            "What the provider answered is no list of models. Check the base URL, or name the models by hand.",
        ),
    })
}
