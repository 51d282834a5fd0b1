//! A channel's health as an operator sees it.

use std::time::Duration;

use super::DownReason;
use super::record::Outage;
use crate::domain::endpoint::Endpoint;

/// The whole of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Condition {
    /// Whether it takes calls.
    pub state: HealthState,
    /// When it is tried again, if it is cooling or slow.
    pub until: Option<Duration>,
    /// Why it is not healthy.
    pub reason: Option<DownReason>,
    /// How many of the newest calls failed, and of how many.
    pub failed: (u32, u32),
    /// The moving average of the time to the first event of a stream; `None`: there was none.
    pub first_event: Option<Duration>,
    /// Models at endpoints that are out by themselves.
    pub parts: Vec<Part>,
}

/// A model at an endpoint that is out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// The provider's endpoint.
    pub endpoint: Endpoint,
    /// The provider's name of the model.
    pub model: String,
    /// Whether it takes calls.
    pub state: HealthState,
    /// When it is tried again.
    pub until: Option<Duration>,
    /// Why.
    pub reason: DownReason,
}

/// In one word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HealthState {
    /// It takes calls.
    Healthy,
    /// It takes calls that no other channel can.
    Slow,
    /// It answers with errors: it takes calls that no other channel can.
    Failing,
    /// It takes none for a while.
    Cooling,
    /// The next call, or one under way, tries whether it is back.
    Probing,
    /// It takes none until a credential is changed or tested well.
    CredentialRefused,
}

impl HealthState {
    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Slow => "slow",
            Self::Failing => "failing",
            Self::Cooling => "cooling",
            Self::Probing => "probing",
            Self::CredentialRefused => "credential_refused",
        }
    }
}

impl Condition {
    pub(super) fn of(
        channel: Option<&Outage>,
        parts: Vec<Part>,
        now: Duration,
        failed: (u32, u32),
        first_event: Option<Duration>,
    ) -> Self {
        let whole = channel.map(|out| (state(out, now), until(out, now), out.reason));
        // What is out of a part is told of the whole where that is well: an operator looks there first.
        let worst = || {
            let worst = parts.iter().min_by_key(|part| part.reason.is_soft());
            worst.map(|part| (part.state, part.until, part.reason))
        };
        let told = whole.or_else(worst);
        Self {
            state: told.map_or(HealthState::Healthy, |(state, _, _)| state),
            until: told.and_then(|(_, until, _)| until),
            reason: told.map(|(_, _, reason)| reason),
            failed,
            first_event,
            parts,
        }
    }
}

impl Part {
    pub(super) fn of(endpoint: Endpoint, model: &str, out: &Outage, now: Duration) -> Self {
        Self {
            endpoint,
            model: model.to_owned(),
            state: state(out, now),
            until: until(out, now),
            reason: out.reason,
        }
    }
}

fn state(out: &Outage, now: Duration) -> HealthState {
    match out.reason {
        DownReason::Slow => HealthState::Slow,
        DownReason::Errors => HealthState::Failing,
        DownReason::Failures | DownReason::ErrorRate | DownReason::CredentialRefused => {
            if now < out.until {
                HealthState::Cooling
            } else {
                HealthState::Probing
            }
        }
    }
}

fn until(out: &Outage, now: Duration) -> Option<Duration> {
    (now < out.until).then_some(out.until)
}
