//! Keys as lists show them.

use std::sync::{Arc, PoisonError};

use super::entry::KeyEntry;
use super::keyring::Keys;
use crate::domain::{
    Account, AccountId, ApiKey, Day, Error, KeyHint, KeyId, KeyStatus, Period, Result, Scope,
    Tally, TimeZone, Timestamp, TotalKey,
};
use crate::state::Page;
use crate::state::quota::Standing;
use crate::state::refusal::used_up;
use crate::state::search::Needle;

/// A key as lists show it.
#[derive(Clone, Debug)]
pub struct KeyView {
    /// The record.
    pub key: Arc<ApiKey>,
    /// Its owner.
    pub account: Arc<Account>,
    /// What it has used, ever.
    pub tally: Tally,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
    entry: Arc<KeyEntry>,
}

impl KeyView {
    /// How its budget stands on this day; shared with the keys it was rotated from and to.
    pub fn standing(&self, day: Day) -> Standing {
        self.entry.budget.standing(self.key.quota, day)
    }

    /// What should be looked at in it.
    pub fn hints(&self, now: Timestamp) -> impl Iterator<Item = KeyHint> + use<'_> {
        KeyHint::ALL
            .into_iter()
            .filter(move |hint| hint.is_given(&self.key, self.last_used_at, now))
    }

    /// Why its next call would be refused, whatever it asks for: it or its account may not be used now, or a cap of theirs
    /// is used up.
    pub fn refusal(&self, now: Timestamp, day: Day, zone: &TimeZone) -> Option<Error> {
        if let Err(error) = self.entry.check(&self.key, &self.account, now) {
            return Some(error);
        }
        let account = self.entry.account.budget.standing(self.account.quota, day);
        [("key", self.standing(day)), ("account", account)]
            .into_iter()
            .find_map(|(noun, standing)| {
                let exceeded = standing.used_up()?;
                Some(used_up(noun, &standing.quota, &exceeded, day, zone))
            })
    }
}

/// Which keys to list.
#[derive(Clone, Debug, Default)]
pub struct KeyFilter {
    /// Part of the name, the masked value or the owner's name, without regard to case; empty: all.
    pub q: String,
    /// In which condition.
    pub status: Option<KeyFilterStatus>,
    /// With what that should be looked at.
    pub hint: Option<KeyHint>,
    /// Whose.
    pub account_id: Option<AccountId>,
}

/// The condition of a key, as the list filters it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyFilterStatus {
    /// Switched on, and its time is not over.
    Active,
    /// Switched off.
    Disabled,
    /// Its time is over.
    Expired,
}

impl Keys {
    /// A key as lists show it; not a deleted one.
    ///
    /// # Errors
    /// `not_found`.
    pub fn show(&self, id: KeyId) -> Result<KeyView> {
        self.view(self.existing(id)?)
    }

    pub(super) fn view(&self, entry: Arc<KeyEntry>) -> Result<KeyView> {
        let key = entry.record();
        let tally = self.tally(key.id)?;
        Ok(KeyView {
            key,
            account: entry.account.record(),
            last_used_at: last_used(&tally),
            tally,
            entry,
        })
    }

    fn tally(&self, id: KeyId) -> Result<Tally> {
        let total = TotalKey {
            scope: Scope::Key(id),
            period: Period::Ever,
        };
        self.0.store.total(&total).map_err(Error::internal)
    }

    /// Keys that match, newest first, and how many there are in all.
    ///
    /// # Errors
    /// When totals cannot be read.
    pub fn list(&self, filter: &KeyFilter, page: Page) -> Result<(Vec<KeyView>, usize)> {
        let now = self.0.clock.now();
        let needle = Needle::new(&filter.q);
        let matching = |entry: &&Arc<KeyEntry>| {
            let key = entry.record.load();
            let (expired, switch) = (key.is_expired(now), key.status_at(now));
            let in_condition = filter.status.is_none_or(|status| match status {
                KeyFilterStatus::Active => switch == KeyStatus::Active && !expired,
                KeyFilterStatus::Disabled => switch == KeyStatus::Disabled,
                KeyFilterStatus::Expired => expired,
            });
            // When it was last used is read from disk, not while the list is held: here it counts as never.
            let hinted = filter
                .hint
                .is_none_or(|hint| hint.is_given(&key, None, now));
            if key.deleted_at.is_some()
                || !in_condition
                || !hinted
                || filter.account_id.is_some_and(|id| id != key.account_id)
            {
                return false;
            }
            let account = entry.account.record();
            account.deleted_at.is_none()
                && (needle.is_in(&key.name)
                    || needle.is_in(key.masked.as_str())
                    || needle.is_in(account.username.as_str()))
        };
        let by_id = self.0.by_id.read().unwrap_or_else(PoisonError::into_inner);
        let matching = by_id.values().rev().filter(matching).cloned();
        let (found, total) = if filter.hint == Some(KeyHint::Unused) {
            let candidates: Vec<_> = matching.collect();
            drop(by_id);
            let mut unused = Vec::new();
            for entry in candidates {
                let key = entry.record();
                let tally = self.tally(key.id)?;
                if KeyHint::Unused.is_given(&key, last_used(&tally), now) {
                    unused.push(entry);
                }
            }
            page.of(unused.into_iter())
        } else {
            let found = page.of(matching);
            drop(by_id);
            found
        };
        let views = found
            .into_iter()
            .map(|entry| self.view(entry))
            .collect::<Result<_>>()?;
        Ok((views, total))
    }
}

fn last_used(tally: &Tally) -> Option<Timestamp> {
    (tally.requests > 0).then_some(tally.last_started_at)
}
