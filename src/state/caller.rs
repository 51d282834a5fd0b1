//! Whoever makes a call: a key that has been authenticated, with its account.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Tick;
use crate::domain::{Account, ApiKey, Day, Error, Result, TimeZone};

use super::ask::Ask;
use super::keys::KeyEntry;
use super::limits::{self, Limited, Permit, RateLimitHeaders, Take};
use super::quota::{self, Holder, Reservation, Standing};

/// A key that has been authenticated.
#[derive(Clone, Debug)]
pub struct Caller {
    entry: Arc<KeyEntry>,
    key: Arc<ApiKey>,
    account: Arc<Account>,
}

/// How key and account stand against their quotas.
#[derive(Clone, Copy, Debug)]
pub struct Balance {
    /// The key; with whatever key it shares a budget with.
    pub key: Standing,
    /// The account, all its keys together.
    pub account: Standing,
}

impl Caller {
    pub(super) fn new(entry: Arc<KeyEntry>, key: Arc<ApiKey>, account: Arc<Account>) -> Self {
        Self {
            entry,
            key,
            account,
        }
    }

    /// The key as it was when it was authenticated.
    pub fn key(&self) -> &ApiKey {
        &self.key
    }

    /// The key's account as it was then.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Whether a cap of its key or account is in money.
    pub(super) fn counts_money(&self) -> bool {
        self.key.quota.counts_money() || self.account.quota.counts_money()
    }

    /// The same key and account as they are now: a session makes one call after the other with them.
    ///
    /// # Errors
    /// The 401 that its next request would get.
    pub fn renewed(&self) -> Result<Self> {
        let (key, account) = (self.entry.record(), self.entry.account.record());
        self.entry.check(&key, &account, self.entry.clock.now())?;
        Ok(Self::new(Arc::clone(&self.entry), key, account))
    }

    /// How key and account stand on this day.
    pub(super) fn balance(&self, day: Day) -> Balance {
        Balance {
            key: self.entry.budget.standing(self.key.quota, day),
            account: self.entry.account.budget.standing(self.account.quota, day),
        }
    }

    /// Account and key as their rate limits see them.
    fn limited(&self) -> (Limited<'_>, Limited<'_>) {
        let account = Limited {
            noun: "account",
            prefix: "account.",
            limit: self.account.rate_limit,
            limiter: &self.entry.account.limiter,
            clock: &self.entry.clock,
        };
        let key = Limited {
            noun: "API key",
            prefix: "",
            limit: self.key.rate_limit,
            limiter: &self.entry.limiter,
            clock: &self.entry.clock,
        };
        (account, key)
    }

    pub(super) fn admit(&self, take: Take, now: Tick) -> Result<Permit> {
        let (account, key) = self.limited();
        limits::admit(account, key, take, now)
    }

    pub(super) fn rate_limits(&self, now: Tick) -> RateLimitHeaders {
        let (account, key) = self.limited();
        limits::standing(account, key, now)
    }

    pub(super) fn could_fit(&self, ask: &Ask, day: Day) -> bool {
        let (account, key) = self.holders();
        quota::could_fit(&account, &key, ask, day)
    }

    pub(super) fn reserve(&self, ask: &Ask, day: Day, zone: &TimeZone) -> Result<Reservation> {
        let (account, key) = self.holders();
        quota::reserve(&account, &key, ask, day, zone)
    }

    fn holders(&self) -> (Holder<'_>, Holder<'_>) {
        let account = Holder {
            noun: "account",
            quota: &self.account.quota,
            budget: &self.entry.account.budget,
        };
        let key = Holder {
            noun: "key",
            quota: &self.key.quota,
            budget: &self.entry.budget,
        };
        (account, key)
    }

    /// Resolves when the key dies: disabled, deleted, expired, or its account disabled or deleted. Yields the error that its
    /// next request would get.
    pub fn death(&self) -> impl Future<Output = Error> + 'static {
        let entry = Arc::clone(&self.entry);
        async move {
            loop {
                // Registered before looking, so that a change in between is not missed.
                let key_changed = entry.changed.notified();
                let account_changed = entry.account.changed.notified();
                tokio::pin!(key_changed, account_changed);
                key_changed.as_mut().enable();
                account_changed.as_mut().enable();

                let (key, account, now) =
                    (entry.record(), entry.account.record(), entry.clock.now());
                if let Err(error) = entry.check(&key, &account, now) {
                    return error;
                }
                // An hour is long enough to cost nothing and short enough to notice a clock that was set.
                let until_expiry = key
                    .ends_at()
                    .map_or(Duration::MAX, |end| end.since(now))
                    .min(Duration::from_secs(3600));
                tokio::select! {
                    () = key_changed => {}
                    () = account_changed => {}
                    () = entry.clock.sleep(until_expiry) => {}
                }
            }
        }
    }
}
