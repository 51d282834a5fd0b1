//! What should be looked at in a key that works: nothing limits it, it never ends, or nobody uses it.

use std::time::Duration;

use super::key::{ApiKey, KeyStatus};
use super::quota::{Quota, RateLimit};
use super::time::Timestamp;

/// Nobody has used it for so long.
const UNUSED: Duration = Duration::from_secs(90 * 86_400);

/// A reason to look at a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyHint {
    /// It has neither a quota nor a rate limit of its own.
    NoLimit,
    /// It neither expires nor is to be switched off.
    NoExpiry,
    /// Nobody has used it for 90 days, nor since it was made.
    Unused,
}

impl KeyHint {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::NoLimit, Self::NoExpiry, Self::Unused];

    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoLimit => "no_limit",
            Self::NoExpiry => "no_expiry",
            Self::Unused => "unused",
        }
    }

    /// Whether it is given for this key. One that does not work is no risk: it has no hints.
    pub fn is_given(self, key: &ApiKey, last_used_at: Option<Timestamp>, now: Timestamp) -> bool {
        if key.status_at(now) == KeyStatus::Disabled || key.is_expired(now) {
            return false;
        }
        match self {
            Self::NoLimit => {
                key.quota == Quota::default() && key.rate_limit == RateLimit::default()
            }
            Self::NoExpiry => key.ends_at().is_none(),
            Self::Unused => now.since(last_used_at.unwrap_or(key.created_at)) >= UNUSED,
        }
    }
}
