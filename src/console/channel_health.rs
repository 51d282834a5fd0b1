//! A channel's health, and that of its credentials, as the API shows it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Number;
use utoipa::ToSchema;

use crate::domain::Timestamp;
use crate::state::{BarredView, CredentialState, CredentialView, HealthView, PartView};

/// How a channel has done lately, from the calls that went through it. In memory: a start of the gateway begins anew.
#[derive(Serialize, ToSchema)]
pub(super) struct ChannelHealth {
    #[schema(value_type = ChannelHealthState)]
    state: &'static str,
    /// When it is tried again, if it is out for a time.
    #[schema(required)]
    until: Option<String>,
    /// Why it is not healthy; what the provider said, if it refused every credential.
    #[schema(required)]
    reason: Option<String>,
    /// Which part of the newest calls failed, 0 to 1, of at most 20; null: there was none.
    #[schema(required, value_type = Option<f64>)]
    error_rate: Option<Number>,
    /// Moving average of the time to the first event of a stream; null: there was none.
    #[schema(required)]
    latency_ms: Option<u64>,
    /// Models that take no call for a time because the provider limits their rate under every credential.
    rate_limited: Vec<RateLimited>,
    /// Models at endpoints that are out by themselves, while the channel's others take calls.
    parts: Vec<PartOut>,
    /// Models that the provider does not know by the name that is set up, or does not let a credential use.
    barred: Vec<BarredModel>,
}

/// A model at an endpoint that is out by itself.
#[derive(Serialize, ToSchema)]
pub(super) struct PartOut {
    /// The provider's endpoint.
    endpoint: &'static str,
    /// The provider's name of the model.
    model: String,
    #[schema(value_type = ChannelHealthState)]
    state: &'static str,
    /// When it is tried again.
    #[schema(required)]
    until: Option<String>,
    reason: String,
}

/// A model that cannot be used as it is set up: mend its name, or what the credential may use. A change of the channel or a
/// test that goes well tries it at once.
#[derive(Serialize, ToSchema)]
pub(super) struct BarredModel {
    /// The provider's endpoint.
    endpoint: &'static str,
    /// The provider's name of the model.
    model: String,
    /// When it is asked for again.
    until: String,
    /// What the provider said.
    reason: String,
}

/// A model that a provider limits the rate of.
#[derive(Serialize, ToSchema)]
pub(super) struct RateLimited {
    /// The provider's name of it.
    model: String,
    until: String,
}

/// `healthy`; `slow`, and `failing`, which answers with errors at once: takes calls that no other channel can; `cooling`: takes none for a while; `probing`: the next call, or
/// one under way, tries whether it is back; `credential_refused`: takes none until it is changed or tested well.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "stands in the API's description")]
pub(super) enum ChannelHealthState {
    Healthy,
    Slow,
    Failing,
    Cooling,
    Probing,
    CredentialRefused,
}

impl From<&HealthView> for ChannelHealth {
    fn from(view: &HealthView) -> Self {
        let condition = &view.condition;
        let (failed, seen) = condition.failed;
        let rate = || Number::from_f64(f64::from(failed) / f64::from(seen));
        let millis =
            |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Self {
            state: condition.state.as_str(),
            until: view.until.map(|until| until.to_string()),
            reason: view.reason.clone(),
            error_rate: (seen > 0).then(rate).flatten(),
            latency_ms: condition.first_event.map(millis),
            rate_limited: rate_limited(&view.limited),
            parts: view.parts.iter().map(PartOut::from).collect(),
            barred: view.barred.iter().map(BarredModel::from).collect(),
        }
    }
}

impl From<&PartView> for PartOut {
    fn from(view: &PartView) -> Self {
        Self {
            endpoint: view.endpoint.as_str(),
            model: view.model.clone(),
            state: view.state.as_str(),
            until: view.until.map(|until| until.to_string()),
            reason: view.reason.clone(),
        }
    }
}

impl From<&BarredView> for BarredModel {
    fn from(view: &BarredView) -> Self {
        Self {
            endpoint: view.endpoint.as_str(),
            model: view.model.clone(),
            until: view.until.to_string(),
            reason: view.words.clone(),
        }
    }
}

fn rate_limited(limited: &BTreeMap<String, Timestamp>) -> Vec<RateLimited> {
    let each = limited.iter().map(|(model, until)| RateLimited {
        model: model.clone(),
        until: until.to_string(),
    });
    each.collect()
}

/// One of a channel's credentials, which is never returned.
#[derive(Serialize, ToSchema)]
pub(super) struct ChannelCredential {
    /// Another one after it was entered anew.
    id: String,
    #[schema(value_type = ChannelCredentialState)]
    state: &'static str,
    /// What the provider said when it refused it.
    #[schema(required)]
    reason: Option<String>,
    /// Models that take no call with it for a time because the provider limits their rate.
    rate_limited: Vec<RateLimited>,
}

/// `healthy`; `rate_limited`: for some models; `refused`: takes no calls until it is entered anew or tested well;
/// `unreadable`: it was sealed with another master key, enter it again.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "stands in the API's description")]
pub(super) enum ChannelCredentialState {
    Healthy,
    RateLimited,
    Refused,
    Unreadable,
}

impl From<&CredentialView> for ChannelCredential {
    fn from(view: &CredentialView) -> Self {
        let state = match view.state {
            CredentialState::Unreadable => "unreadable",
            CredentialState::None | CredentialState::Sealed if view.refused.is_some() => "refused",
            CredentialState::None | CredentialState::Sealed if !view.limited.is_empty() => {
                "rate_limited"
            }
            CredentialState::None | CredentialState::Sealed => "healthy",
        };
        Self {
            id: view.mark.clone(),
            state,
            reason: view.refused.clone(),
            rate_limited: rate_limited(&view.limited),
        }
    }
}
