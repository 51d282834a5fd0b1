//! A channel's health, and that of its credentials, as the API shows it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Number;
use utoipa::ToSchema;

use crate::domain::Timestamp;
use crate::state::{CredentialState, CredentialView, HealthView};

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
}

/// A model that a provider limits the rate of.
#[derive(Serialize, ToSchema)]
pub(super) struct RateLimited {
    /// The provider's name of it.
    model: String,
    until: String,
}

/// `healthy`; `slow`: takes calls that no other channel can; `cooling`: takes none for a while; `probing`: the next call, or
/// one under way, tries whether it is back; `credential_refused`: takes none until it is changed or tested well.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "stands in the API's description")]
pub(super) enum ChannelHealthState {
    Healthy,
    Slow,
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
