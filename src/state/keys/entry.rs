//! One key with what belongs to it at run time, and whether it may be used.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::domain::{Account, AccountStatus, ApiKey, Code, Error, KeyStatus, Result, Timestamp};
use crate::state::accounts::AccountEntry;
use crate::state::limits::RateLimiter;
use crate::state::quota::Budget;

/// A key with what belongs to it at run time.
#[derive(Debug)]
pub(in crate::state) struct KeyEntry {
    pub(super) record: ArcSwap<ApiKey>,
    pub(in crate::state) account: Arc<AccountEntry>,
    pub(in crate::state) budget: Arc<Budget>,
    pub(in crate::state) limiter: Arc<RateLimiter>,
    /// Told of every change: streams in flight look again whether they may go on.
    pub(in crate::state) changed: Notify,
    /// Kept with each key, so that calls of different keys share nothing: not even a counter of the clock's owners.
    pub(in crate::state) clock: Clock,
}

/// What a key shares with its successors: rotating a key gives neither a second quota nor a second rate.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    pub(super) budget: Arc<Budget>,
    pub(super) limiter: Arc<RateLimiter>,
}

impl Shared {
    /// With a rate limiter of its own.
    pub(super) fn new(budget: Arc<Budget>) -> Self {
        Self {
            budget,
            limiter: Arc::default(),
        }
    }
}

impl KeyEntry {
    /// What a successor is given of it.
    pub(super) fn shared(&self) -> Shared {
        Shared {
            budget: Arc::clone(&self.budget),
            limiter: Arc::clone(&self.limiter),
        }
    }

    pub(in crate::state) fn record(&self) -> Arc<ApiKey> {
        self.record.load_full()
    }

    /// Whether it may be used now.
    ///
    /// # Errors
    /// The 401 that says why not.
    pub(in crate::state) fn check(
        &self,
        key: &ApiKey,
        account: &Account,
        now: Timestamp,
    ) -> Result<()> {
        if key.deleted_at.is_some() || account.deleted_at.is_some() {
            return Err(unknown_key());
        }
        if account.status == AccountStatus::Disabled {
            return Err(Error::new(
                Code::AccountDisabled,
                "The account of this API key is disabled. Ask the operator to enable it.",
            ));
        }
        if key.status_at(now) == KeyStatus::Disabled {
            let words = if key.rotated_to.is_some() {
                "This API key is disabled: it was rotated. Use the key that replaced it."
            } else {
                "This API key is disabled. Enable it in the console, or use another key."
            };
            return Err(Error::new(Code::ApiKeyDisabled, words));
        }
        match key.expires_at {
            Some(end) if end <= now => Err(Error::new(
                Code::ApiKeyExpired,
                format!(
                    "This API key expired at {end}. Extend it in the console, or use another key."
                ),
            )),
            _ => Ok(()),
        }
    }
}

pub(super) fn unknown_key() -> Error {
    Error::new(
        Code::InvalidApiKey,
        "This API key is not known here. Check that it was copied whole, or create a new one in the console.",
    )
}
