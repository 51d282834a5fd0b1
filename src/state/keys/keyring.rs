//! The key ring: all API keys in memory, found by digest without a lock; every change is effective for the next request.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use arc_swap::ArcSwap;
use tokio::sync::Notify;

use super::entry::{KeyEntry, Shared, unknown_key};
use crate::clock::Clock;
use crate::crypto;
use crate::domain::{
    Account, AccountId, ApiKey, BudgetId, Code, Consumption, Digest, Error, KeyId, Result, Secret,
};
use crate::state::accounts::{AccountEntry, Accounts};
use crate::state::caller::Caller;
use crate::state::policies::Policies;
use crate::state::quota::Budget;
use crate::storage::Store;

/// All keys.
#[derive(Clone)]
pub struct Keys(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) accounts: Accounts,
    pub(super) policies: Policies,
    pub(super) by_digest: papaya::HashMap<Digest, Arc<KeyEntry>>,
    /// In order of creation; deleted ones too, for the call log's names.
    pub(super) by_id: RwLock<BTreeMap<KeyId, Arc<KeyEntry>>>,
    /// Held while a change is worked out and queued, so that changes do not cross.
    pub(super) changing: Mutex<()>,
}

impl Keys {
    pub(in crate::state) fn load(
        store: Store,
        clock: Clock,
        accounts: Accounts,
        policies: Policies,
        budget: impl Fn(BudgetId) -> Arc<Budget>,
    ) -> Result<Self> {
        let keys = Self(Arc::new(Inner {
            store: store.clone(),
            clock,
            accounts,
            policies,
            by_digest: papaya::HashMap::new(),
            by_id: RwLock::default(),
            changing: Mutex::default(),
        }));
        let mut shared: BTreeMap<BudgetId, Shared> = BTreeMap::new();
        for key in store.load::<ApiKey>().map_err(Error::internal)? {
            let Some(account) = keys.0.accounts.entry(key.account_id) else {
                continue;
            };
            let shared = shared
                .entry(key.budget_id)
                .or_insert_with(|| Shared::new(budget(key.budget_id)));
            keys.add(key, account, shared.clone());
        }
        Ok(keys)
    }

    pub(super) fn add(
        &self,
        key: ApiKey,
        account: Arc<AccountEntry>,
        shared: Shared,
    ) -> Arc<KeyEntry> {
        let (id, digest) = (key.id, key.digest);
        if key.deleted_at.is_none() {
            account.key_count.fetch_add(1, Ordering::Relaxed);
        }
        let entry = Arc::new(KeyEntry {
            record: ArcSwap::from_pointee(key),
            account,
            budget: shared.budget,
            limiter: shared.limiter,
            changed: Notify::new(),
            clock: self.0.clock.clone(),
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
        Ok(Caller::new(entry, key, account))
    }

    /// Shows every key; deleted ones too.
    pub(in crate::state) fn for_each(&self, see: impl FnMut(&Arc<KeyEntry>)) {
        let by_id = self.0.by_id.read().unwrap_or_else(PoisonError::into_inner);
        by_id.values().for_each(see);
    }

    pub(in crate::state) fn entry(&self, id: KeyId) -> Option<Arc<KeyEntry>> {
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
    pub(in crate::state) fn shrink_limits(&self) {
        let now = self.0.clock.tick();
        let by_id = self.0.by_id.read().unwrap_or_else(PoisonError::into_inner);
        by_id.values().for_each(|entry| entry.limiter.shrink(now));
    }

    /// What is set aside for calls in flight, on all their budgets together; one that keys share counts once.
    pub(in crate::state) fn reserved(&self) -> Consumption {
        let by_id = self.0.by_id.read().unwrap_or_else(PoisonError::into_inner);
        by_id
            .values()
            .filter(|entry| {
                let key = entry.record();
                key.budget_id == key.id.into()
            })
            .map(|entry| entry.budget.reserved())
            .fold(Consumption::default(), Consumption::plus)
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

    pub(super) fn existing(&self, id: KeyId) -> Result<Arc<KeyEntry>> {
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
}
