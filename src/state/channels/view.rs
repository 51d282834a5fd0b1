//! A channel as lists show it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::calling::CallingView;
use super::credential::{Credential, CredentialState};
use super::upstream::Ready;
use crate::clock::Clock;
use crate::crypto;
use crate::domain::{Channel, Condition, Endpoint, HealthState, Tally, Timestamp};

/// A channel as lists show it.
#[derive(Clone, Debug)]
pub struct ChannelView {
    /// The record.
    pub channel: Arc<Channel>,
    /// Whether any of its credentials can be used.
    pub credential: CredentialState,
    /// Each of them, in the order in which they were entered.
    pub credentials: Vec<CredentialView>,
    /// What is shown of how its provider is called.
    pub calling: CallingView,
    /// How it has done lately.
    pub health: HealthView,
    /// What it has served, ever.
    pub tally: Tally,
}

/// One of a channel's credentials.
#[derive(Clone, Debug)]
pub struct CredentialView {
    /// Tells it from the others; another one after it was entered anew.
    pub mark: String,
    /// Whether it can be read.
    pub state: CredentialState,
    /// What the provider said when it refused it.
    pub refused: Option<String>,
    /// When each rate-limited model, by the provider's name, is tried again with it.
    pub limited: BTreeMap<String, Timestamp>,
}

/// A model that cannot be used, and what the provider said.
#[derive(Clone, Debug)]
pub struct BarredView {
    /// The provider's endpoint.
    pub endpoint: Endpoint,
    /// The provider's name of the model, as it is set up.
    pub model: String,
    /// When it is asked for again.
    pub until: Timestamp,
    /// The provider's words.
    pub words: String,
}

/// A model at an endpoint that is out by itself.
#[derive(Clone, Debug)]
pub struct PartView {
    /// The provider's endpoint.
    pub endpoint: Endpoint,
    /// The provider's name of the model.
    pub model: String,
    /// Whether it takes calls.
    pub state: HealthState,
    /// When it is tried again.
    pub until: Option<Timestamp>,
    /// Why.
    pub reason: String,
}

/// A channel's health with times of day.
#[derive(Clone, Debug)]
pub struct HealthView {
    /// Its times are ticks of the clock.
    pub condition: Condition,
    /// Why it is not healthy; the provider's words where it refused all credentials.
    pub reason: Option<String>,
    /// When the channel is tried again.
    pub until: Option<Timestamp>,
    /// When each model, by the provider's name, is tried again whose rate is limited under every credential.
    pub limited: BTreeMap<String, Timestamp>,
    /// Models at endpoints that are out by themselves.
    pub parts: Vec<PartView>,
    /// Models that a provider does not know, or does not let a credential use.
    pub barred: Vec<BarredView>,
}

impl ChannelView {
    pub(super) fn new(ready: &Ready, clock: &Clock, tally: Tally) -> Self {
        let (wall, now) = (clock.now(), clock.tick().since_start());
        let at = |tick: Duration| wall.after(tick.saturating_sub(now));
        let times = |limited: BTreeMap<String, Duration>| {
            let times = limited.into_iter();
            times.map(|(model, until)| (model, at(until))).collect()
        };
        let barred = |credential: &Credential| -> Vec<BarredView> {
            let acceptance = credential.acceptance();
            let each = acceptance.barred(now).map(|barred| BarredView {
                endpoint: barred.endpoint,
                model: barred.model.clone(),
                until: at(barred.until),
                words: barred.words.clone(),
            });
            each.collect()
        };
        let credentials = ready.credentials();
        let mut condition = ready.health().condition(now);
        let mut reason = condition.reason.map(|reason| reason.as_str().to_owned());
        let words = credentials
            .iter()
            .find_map(|credential| credential.acceptance().refusal().map(str::to_owned));
        if words.is_some() && credentials.iter().all(Credential::is_out) {
            (condition.state, condition.until) = (HealthState::CredentialRefused, None);
            reason = words;
        }
        Self {
            channel: Arc::clone(&ready.channel),
            credential: ready.credential_state(),
            credentials: credentials
                .iter()
                .filter_map(|credential| {
                    let mark = crypto::mark(credential.sealed()?);
                    let acceptance = credential.acceptance();
                    Some(CredentialView {
                        mark,
                        state: credential.state(),
                        refused: acceptance.refusal().map(str::to_owned),
                        limited: times(acceptance.limited(now)),
                    })
                })
                .collect(),
            calling: ready.calling(),
            health: HealthView {
                reason,
                until: condition.until.map(at),
                limited: times(limited_under_all(credentials, now)),
                barred: credentials.iter().flat_map(barred).collect(),
                parts: condition
                    .parts
                    .iter()
                    .map(|part| PartView {
                        endpoint: part.endpoint,
                        model: part.model.clone(),
                        state: part.state,
                        until: part.until.map(at),
                        reason: part.reason.as_str().to_owned(),
                    })
                    .collect(),
                condition,
            },
            tally,
        }
    }
}

/// The models that take no call under any credential, until the first takes one again.
fn limited_under_all(credentials: &[Credential], now: Duration) -> BTreeMap<String, Duration> {
    let usable = credentials.iter().filter(|credential| !credential.is_out());
    let each = usable.map(|credential| credential.acceptance().limited(now));
    let all = each.reduce(|all, limited| {
        let both = all.into_iter().filter_map(|(model, until)| {
            let other = *limited.get(&model)?;
            Some((model, until.min(other)))
        });
        both.collect()
    });
    all.unwrap_or_default()
}
