//! Quotas, rate limits and permissions as the API says them.

use std::num::NonZeroU32;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::domain::{self, Error};

use super::endpoint::Endpoint;
use super::refusal::Refusal;
use super::usd::Usd;

/// Caps on consumption; null is no cap.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Quota {
    #[schema(required, value_type = Option<f64>)]
    total_usd: Option<Usd>,
    #[schema(required, value_type = Option<f64>)]
    monthly_usd: Option<Usd>,
    #[schema(required, value_type = Option<f64>)]
    daily_usd: Option<Usd>,
    #[schema(required)]
    total_tokens: Option<u64>,
    #[schema(required)]
    monthly_tokens: Option<u64>,
    #[schema(required)]
    daily_tokens: Option<u64>,
    #[schema(required)]
    total_requests: Option<u64>,
    #[schema(required)]
    monthly_requests: Option<u64>,
    #[schema(required)]
    daily_requests: Option<u64>,
}

impl From<&domain::Quota> for Quota {
    fn from(quota: &domain::Quota) -> Self {
        let (total, monthly, daily) = (&quota.total, &quota.monthly, &quota.daily);
        Self {
            total_usd: total.usd.map(Usd),
            monthly_usd: monthly.usd.map(Usd),
            daily_usd: daily.usd.map(Usd),
            total_tokens: total.tokens,
            monthly_tokens: monthly.tokens,
            daily_tokens: daily.tokens,
            total_requests: total.requests,
            monthly_requests: monthly.requests,
            daily_requests: daily.requests,
        }
    }
}

impl From<Quota> for domain::Quota {
    fn from(quota: Quota) -> Self {
        let caps = |usd: Option<Usd>, tokens, requests| domain::Caps {
            usd: usd.map(|usd| usd.0),
            tokens,
            requests,
        };
        Self {
            total: caps(quota.total_usd, quota.total_tokens, quota.total_requests),
            monthly: caps(
                quota.monthly_usd,
                quota.monthly_tokens,
                quota.monthly_requests,
            ),
            daily: caps(quota.daily_usd, quota.daily_tokens, quota.daily_requests),
        }
    }
}

/// How fast a key, or all keys of an account together, may be used; null is no limit.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RateLimit {
    /// Requests a minute.
    #[schema(required, value_type = Option<u32>, minimum = 1)]
    rpm: Option<NonZeroU32>,
    /// Tokens a minute.
    #[schema(required, value_type = Option<u32>, minimum = 1)]
    tpm: Option<NonZeroU32>,
    /// Calls at the same time.
    #[schema(required, value_type = Option<u32>, minimum = 1)]
    concurrency: Option<NonZeroU32>,
    /// Requests a second, to three digits after the point: 0.2 is one in five seconds.
    #[schema(required, value_type = Option<f64>, minimum = 0.001, maximum = 1_000_000)]
    rps: Option<Rps>,
    /// How many requests may come at once after a rest; null: as many as `rps` rounded up.
    #[schema(required, value_type = Option<u32>, minimum = 1, maximum = 1_000_000)]
    burst: Option<NonZeroU32>,
}

/// Requests a second in JSON: a number, exact both ways.
#[derive(Clone, Copy)]
struct Rps(domain::Rps);

impl Serialize for Rps {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.0.to_string())
            .map_err(serde::ser::Error::custom)?
            .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Rps {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        domain::Rps::parse(&number.to_string())
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}

impl From<domain::RateLimit> for RateLimit {
    fn from(limit: domain::RateLimit) -> Self {
        Self {
            rpm: limit.rpm.and_then(NonZeroU32::new),
            tpm: limit.tpm.and_then(NonZeroU32::new),
            concurrency: limit.concurrency.and_then(NonZeroU32::new),
            rps: limit.pace.map(|pace| Rps(pace.rps)),
            burst: limit.pace.and_then(|pace| pace.burst),
        }
    }
}

impl RateLimit {
    /// Reads the limits.
    pub(super) fn parse(&self) -> Result<domain::RateLimit, Refusal> {
        let pace = match (self.rps, self.burst) {
            (Some(_), Some(burst)) if burst.get() > domain::Pace::MOST_AT_ONCE => {
                return Err(Error::invalid_field(
                    "rate_limit.burst",
                    "At most 1,000,000 requests may come at once.",
                )
                .into());
            }
            (None, Some(_)) => {
                return Err(Error::invalid_field(
                    "rate_limit.burst",
                    "A burst is how many requests may come at once at a pace: give rate_limit.rps, too, or leave it out.",
                )
                .into());
            }
            (rps, burst) => rps.map(|rps| domain::Pace { rps: rps.0, burst }),
        };
        Ok(domain::RateLimit {
            rpm: self.rpm.map(NonZeroU32::get),
            tpm: self.tpm.map(NonZeroU32::get),
            concurrency: self.concurrency.map(NonZeroU32::get),
            pace,
        })
    }
}

/// What a key may be used for; an empty list allows all.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Permissions {
    /// Globs such as `gpt-4o*`.
    #[schema(required)]
    models: Vec<String>,
    #[schema(required, value_type = Vec<Endpoint>)]
    endpoints: Vec<String>,
    /// Addresses or CIDR blocks such as `10.0.0.0/8`.
    #[schema(required)]
    ips: Vec<String>,
}

impl From<&domain::Permissions> for Permissions {
    fn from(permissions: &domain::Permissions) -> Self {
        Self {
            models: permissions.models().map(str::to_owned).collect(),
            endpoints: permissions.endpoints().map(str::to_owned).collect(),
            ips: permissions.ips().collect(),
        }
    }
}

impl Permissions {
    /// Reads the lists.
    pub(super) fn parse(&self) -> Result<domain::Permissions, Refusal> {
        domain::Permissions::parse(&self.models, &self.endpoints, &self.ips)
            .map_err(|e| Error::invalid_field(e.field, e.message).into())
    }
}
