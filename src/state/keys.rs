//! The key ring: all API keys in memory, found by digest without a lock; every change is effective for the next request.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use arc_swap::ArcSwap;
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::crypto;
use crate::domain::{
    Account, AccountId, AccountStatus, ApiKey, BudgetId, Code, Digest, Error, KeyId, KeyStatus,
    Period, Permissions, Quota, RateLimit, Result, Scope, Secret, Tally, Timestamp, TotalKey,
    Windows,
};
use crate::storage::{Batch, Store};

use super::accounts::{AccountEntry, Accounts};
use super::audit::{self, Actor, Differences};
use super::caller::Caller;
use super::ids::new_id;
use super::limits::RateLimiter;
use super::quota::Budget;
use super::{Page, write};

/// A key with what belongs to it at run time.
#[derive(Debug)]
pub(super) struct KeyEntry {
    record: ArcSwap<ApiKey>,
    pub(super) account: Arc<AccountEntry>,
    pub(super) budget: Arc<Budget>,
    pub(super) limiter: Arc<RateLimiter>,
    /// Told of every change: streams in flight look again whether they may go on.
    pub(super) changed: Notify,
}

impl KeyEntry {
    pub(super) fn record(&self) -> Arc<ApiKey> {
        self.record.load_full()
    }

    /// Whether it may be used now.
    ///
    /// # Errors
    /// The 401 that says why not.
    pub(super) fn check(&self, key: &ApiKey, account: &Account, now: Timestamp) -> Result<()> {
        if key.deleted_at.is_some() || account.deleted_at.is_some() {
            return Err(unknown_key());
        }
        if account.status == AccountStatus::Disabled {
            return Err(Error::new(
                Code::AccountDisabled,
                "The account of this API key is disabled. Ask the operator to enable it.",
            ));
        }
        if key.status == KeyStatus::Disabled {
            return Err(Error::new(
                Code::ApiKeyDisabled,
                "This API key is disabled. Enable it in the console, or use another key.",
            ));
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

fn unknown_key() -> Error {
    Error::new(
        Code::InvalidApiKey,
        "This API key is not known here. Check that it was copied whole, or create a new one in the console.",
    )
}

/// All keys.
#[derive(Clone)]
pub struct Keys(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Clock,
    accounts: Accounts,
    by_digest: papaya::HashMap<Digest, Arc<KeyEntry>>,
    /// In order of creation; deleted ones too, for the call log's names.
    by_id: RwLock<BTreeMap<KeyId, Arc<KeyEntry>>>,
    /// Held while a change is worked out and queued, so that changes do not cross.
    changing: Mutex<()>,
}

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
}

/// Which keys to list.
#[derive(Clone, Debug, Default)]
pub struct KeyFilter {
    /// Part of the name, the masked value or the owner's name, without regard to case; empty: all.
    pub q: String,
    /// In which condition.
    pub status: Option<KeyFilterStatus>,
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

/// What a new key is made of.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Whose it is.
    pub account_id: AccountId,
    /// What its owner calls it; may be empty.
    pub name: String,
    /// From when on it no longer works.
    pub expires_at: Option<Timestamp>,
    /// What it may consume.
    pub quota: Quota,
    /// How fast.
    pub rate_limit: RateLimit,
    /// Of what.
    pub permissions: Permissions,
}

/// What to change of a key; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct KeyChange {
    /// What its owner calls it.
    pub name: Option<String>,
    /// The owner's switch.
    pub status: Option<KeyStatus>,
    /// From when on it no longer works; `Some(None)`: never.
    pub expires_at: Option<Option<Timestamp>>,
    /// What it may consume.
    pub quota: Option<Quota>,
    /// How fast.
    pub rate_limit: Option<RateLimit>,
    /// Of what.
    pub permissions: Option<Permissions>,
}

impl Keys {
    pub(super) fn load(
        store: Store,
        clock: Clock,
        accounts: Accounts,
        booked: impl Fn(BudgetId) -> Windows,
    ) -> Result<Self> {
        let keys = Self(Arc::new(Inner {
            store: store.clone(),
            clock,
            accounts,
            by_digest: papaya::HashMap::new(),
            by_id: RwLock::default(),
            changing: Mutex::default(),
        }));
        let mut budgets: BTreeMap<BudgetId, Arc<Budget>> = BTreeMap::new();
        for key in store.load::<ApiKey>().map_err(Error::internal)? {
            let Some(account) = keys.0.accounts.entry(key.account_id) else {
                continue;
            };
            let budget = budgets
                .entry(key.budget_id)
                .or_insert_with(|| Arc::new(Budget::new(booked(key.budget_id))));
            keys.add(key, account, Arc::clone(budget));
        }
        Ok(keys)
    }

    fn add(&self, key: ApiKey, account: Arc<AccountEntry>, budget: Arc<Budget>) -> Arc<KeyEntry> {
        let (id, digest) = (key.id, key.digest);
        if key.deleted_at.is_none() {
            account.key_count.fetch_add(1, Ordering::Relaxed);
        }
        let entry = Arc::new(KeyEntry {
            record: ArcSwap::from_pointee(key),
            account,
            budget,
            limiter: Arc::default(),
            changed: Notify::new(),
        });
        if let Some(digest) = digest {
            self.0.by_digest.pin().insert(digest, Arc::clone(&entry));
        }
        self.0
            .by_id
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id, Arc::clone(&entry));
        entry
    }

    /// Who presents this key from this address.
    ///
    /// # Errors
    /// `missing_api_key`, `invalid_api_key`, `api_key_disabled`, `api_key_expired`, `account_disabled`, `ip_not_allowed`.
    pub fn authenticate(&self, presented: Option<&str>, client_ip: IpAddr) -> Result<Caller> {
        let caller = self.identify(presented)?;
        caller.key().permissions.check_ip(client_ip)?;
        Ok(caller)
    }

    fn identify(&self, presented: Option<&str>) -> Result<Caller> {
        let presented = presented.map(str::trim).filter(|text| !text.is_empty()).ok_or_else(|| {
            Error::new(Code::MissingApiKey, "No API key was given. Send it as \"Authorization: Bearer sk-real200-…\"; create one in the console.")
        })?;
        let secret = Secret::parse(presented).map_err(|_| {
            Error::new(Code::InvalidApiKey, "This is not an API key of this gateway: it starts with sk-real200- and is 43 characters long. Check that it was copied whole.")
        })?;
        let digest = crypto::sha256(secret.expose());
        let entry = self
            .0
            .by_digest
            .pin()
            .get(&digest)
            .cloned()
            .ok_or_else(unknown_key)?;
        let (key, account) = (entry.record(), entry.account.record());
        entry.check(&key, &account, self.0.clock.now())?;
        Ok(Caller::new(entry, key, account, self.0.clock.clone()))
    }

    fn entry(&self, id: KeyId) -> Option<Arc<KeyEntry>> {
        self.0
            .by_id
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&id)
            .cloned()
    }

    /// A key's record and owner by its id; deleted ones too, for the call log's names.
    pub fn find(&self, id: KeyId) -> Option<(Arc<ApiKey>, Arc<Account>)> {
        self.entry(id)
            .map(|entry| (entry.record(), entry.account.record()))
    }

    /// Ids of all keys of an account; deleted ones too.
    pub fn ids_of(&self, account: AccountId) -> Vec<KeyId> {
        let by_id = self.0.by_id.read().unwrap_or_else(PoisonError::into_inner);
        by_id
            .iter()
            .filter(|(_, entry)| entry.record.load().account_id == account)
            .map(|(id, _)| *id)
            .collect()
    }

    /// Frees what rate limits no longer need: the slots of keys that have been at rest for a minute.
    pub(super) fn shrink_limits(&self) {
        let now = self.0.clock.tick();
        let by_id = self.0.by_id.read().unwrap_or_else(PoisonError::into_inner);
        by_id.values().for_each(|entry| entry.limiter.shrink(now));
    }

    /// Whether there is any key, deleted ones not counted.
    pub fn is_empty(&self) -> bool {
        self.0
            .by_id
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .all(|entry| entry.record.load().deleted_at.is_some())
    }

    /// A key as lists show it; not a deleted one.
    ///
    /// # Errors
    /// `not_found`.
    pub fn show(&self, id: KeyId) -> Result<KeyView> {
        self.view(&*self.existing(id)?)
    }

    fn existing(&self, id: KeyId) -> Result<Arc<KeyEntry>> {
        let alive = |entry: &Arc<KeyEntry>| {
            entry.record.load().deleted_at.is_none() && entry.account.record().deleted_at.is_none()
        };
        self.entry(id).filter(alive).ok_or_else(|| {
            Error::new(
                Code::NotFound,
                "No API key has this id. GET /api/keys lists them.",
            )
        })
    }

    fn view(&self, entry: &KeyEntry) -> Result<KeyView> {
        let key = entry.record();
        let total = TotalKey {
            scope: Scope::Key(key.id),
            period: Period::Ever,
        };
        let tally = self.0.store.total(&total).map_err(Error::internal)?;
        let last_used_at = (tally.requests > 0).then_some(tally.last_started_at);
        Ok(KeyView {
            key,
            account: entry.account.record(),
            tally,
            last_used_at,
        })
    }

    /// Keys that match, newest first, and how many there are in all.
    ///
    /// # Errors
    /// When totals cannot be read.
    pub fn list(&self, filter: &KeyFilter, page: Page) -> Result<(Vec<KeyView>, usize)> {
        let now = self.0.clock.now();
        let q = filter.q.trim().to_lowercase();
        let matching = |entry: &&Arc<KeyEntry>| {
            let key = entry.record.load();
            let expired = key.is_expired(now);
            let in_condition = filter.status.is_none_or(|status| match status {
                KeyFilterStatus::Active => key.status == KeyStatus::Active && !expired,
                KeyFilterStatus::Disabled => key.status == KeyStatus::Disabled,
                KeyFilterStatus::Expired => expired,
            });
            if key.deleted_at.is_some()
                || !in_condition
                || filter.account_id.is_some_and(|id| id != key.account_id)
            {
                return false;
            }
            let account = entry.account.record();
            account.deleted_at.is_none()
                && (q.is_empty()
                    || key.name.to_lowercase().contains(&q)
                    || key.masked.as_str().to_lowercase().contains(&q)
                    || account.username.folded().contains(&q))
        };
        let (found, total) = {
            let by_id = self.0.by_id.read().unwrap_or_else(PoisonError::into_inner);
            page.of(by_id.values().rev().filter(matching).cloned())
        };
        let views = found
            .iter()
            .map(|entry| self.view(entry))
            .collect::<Result<_>>()?;
        Ok((views, total))
    }

    /// Makes a key. The secret is in this one answer and nowhere else.
    ///
    /// # Errors
    /// `invalid_field` when there is no such account.
    pub async fn create(&self, new: NewKey, actor: &Actor) -> Result<(KeyView, Secret)> {
        let account = self
            .0
            .accounts
            .entry(new.account_id)
            .filter(|entry| entry.record().deleted_at.is_none())
            .ok_or_else(|| {
                Error::invalid_field(
                    "account_id",
                    "No account has this id. GET /api/accounts lists them.",
                )
            })?;
        let secret = crypto::new_secret().map_err(Error::internal)?;
        let now = self.0.clock.now();
        let id: KeyId = new_id(now);
        let key = ApiKey {
            id,
            account_id: new.account_id,
            budget_id: id.into(),
            name: new.name,
            digest: Some(crypto::sha256(secret.expose())),
            masked: secret.masked(),
            status: KeyStatus::Active,
            created_at: now,
            expires_at: new.expires_at,
            deleted_at: None,
            rotated_from: None,
            rotated_to: None,
            quota: new.quota,
            rate_limit: new.rate_limit,
            permissions: new.permissions,
        };
        let log = audit::entry(
            &self.0.clock,
            actor,
            "key.create",
            (id, shown_name(&key)),
            Vec::new(),
        );
        let ticket = self.0.store.write(Batch::new().put(&key).put(&log));
        let budget = Arc::new(Budget::new(Windows::new(crate::domain::Day(0))));
        let entry = self.add(key, account, budget);
        write(&self.0.store, ticket).await?;
        Ok((self.view(&entry)?, secret))
    }

    /// Changes a key, effective for the very next request; streams in flight follow.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn update(&self, id: KeyId, change: KeyChange, actor: &Actor) -> Result<KeyView> {
        let (entry, ticket) = {
            let _changing = self
                .0
                .changing
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let entry = self.existing(id)?;
            let old = entry.record();
            let mut new = ApiKey::clone(&old);
            let mut differences = Differences::default();
            if let Some(name) = change.name {
                differences.note("name", &old.name, &name);
                new.name = name;
            }
            if let Some(status) = change.status {
                differences.note("status", old.status.as_str(), status.as_str());
                new.status = status;
            }
            if let Some(expires_at) = change.expires_at {
                differences.note_option("expires_at", old.expires_at, expires_at);
                new.expires_at = expires_at;
            }
            if let Some(quota) = change.quota {
                differences.note_quota(&old.quota, &quota);
                new.quota = quota;
            }
            if let Some(limit) = change.rate_limit {
                differences.note_rate_limit(&old.rate_limit, &limit);
                new.rate_limit = limit;
            }
            if let Some(permissions) = change.permissions {
                note_permissions(&mut differences, &old.permissions, &permissions);
                new.permissions = permissions;
            }
            let action = match (old.status, new.status) {
                (KeyStatus::Active, KeyStatus::Disabled) => "key.disable",
                (KeyStatus::Disabled, KeyStatus::Active) => "key.enable",
                (KeyStatus::Active, KeyStatus::Active)
                | (KeyStatus::Disabled, KeyStatus::Disabled) => "key.update",
            };
            let log = audit::entry(
                &self.0.clock,
                actor,
                action,
                (id, shown_name(&new)),
                differences.into_changes(),
            );
            let ticket = self.0.store.write(Batch::new().put(&new).put(&log));
            entry.record.store(Arc::new(new));
            (entry, ticket)
        };
        entry.changed.notify_waiters();
        write(&self.0.store, ticket).await?;
        self.view(&entry)
    }

    /// Deletes a key for ever: from the next request on it is unknown. Its calls stay in the log under its name.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn delete(&self, id: KeyId, actor: &Actor) -> Result<()> {
        let (entry, ticket) = {
            let _changing = self
                .0
                .changing
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let entry = self.existing(id)?;
            let old = entry.record();
            let new = ApiKey {
                digest: None,
                deleted_at: Some(self.0.clock.now()),
                ..ApiKey::clone(&old)
            };
            let log = audit::entry(
                &self.0.clock,
                actor,
                "key.delete",
                (id, shown_name(&old)),
                Vec::new(),
            );
            let ticket = self.0.store.write(Batch::new().put(&new).put(&log));
            if let Some(digest) = old.digest {
                self.0.by_digest.pin().remove(&digest);
            }
            entry.account.key_count.fetch_sub(1, Ordering::Relaxed);
            entry.record.store(Arc::new(new));
            (entry, ticket)
        };
        entry.changed.notify_waiters();
        write(&self.0.store, ticket).await
    }
}

fn shown_name(key: &ApiKey) -> &str {
    if key.name.is_empty() {
        key.masked.as_str()
    } else {
        &key.name
    }
}

fn note_permissions(differences: &mut Differences, old: &Permissions, new: &Permissions) {
    let list = |items: Vec<String>| {
        if items.is_empty() {
            "all".to_owned()
        } else {
            items.join(", ")
        }
    };
    let models = |p: &Permissions| list(p.models().map(str::to_owned).collect());
    let endpoints = |p: &Permissions| list(p.endpoints().map(str::to_owned).collect());
    let ips = |p: &Permissions| list(p.ips().collect());
    differences.note("permissions.models", models(old), models(new));
    differences.note("permissions.endpoints", endpoints(old), endpoints(new));
    differences.note("permissions.ips", ips(old), ips(new));
}
