//! Policies: what admins set for all keys that are made from now on. Stored as settings, one record each.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::clock::Clock;
use crate::domain::{Error, KeyPolicy, Quota, Result};
use crate::storage::{Batch, Setting, Store};

use super::audit::{self, Actor, Differences};
use super::write;

const MAX_LIFETIME: &str = "key_max_lifetime_days";
const DEFAULT_QUOTA: &str = "key_default_quota";

/// What holds for new keys.
#[derive(Clone)]
pub struct Policies(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Clock,
    keys: ArcSwap<KeyPolicy>,
    /// Held while a change is worked out and queued, so that changes do not cross.
    changing: Mutex<()>,
}

/// What to change of the policies; `None` leaves a field as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct PolicyChange {
    /// The longest lifetime in days; `Some(None)`: no end.
    pub max_lifetime_days: Option<Option<u32>>,
    /// The quota of keys that are made without one; one without caps: none.
    pub default_quota: Option<Quota>,
}

impl Policies {
    pub(super) fn load(store: Store, clock: Clock) -> Result<Self> {
        let keys = KeyPolicy {
            max_lifetime_days: read(&store, MAX_LIFETIME)?,
            default_quota: read(&store, DEFAULT_QUOTA)?,
        };
        Ok(Self(Arc::new(Inner {
            store,
            clock,
            keys: ArcSwap::from_pointee(keys),
            changing: Mutex::default(),
        })))
    }

    /// What holds for keys that are made now.
    pub fn keys(&self) -> Arc<KeyPolicy> {
        self.0.keys.load_full()
    }

    /// Changes policies, for all keys made from now on; those that are there stay as they are.
    ///
    /// # Errors
    /// `invalid_field` when there is no such lifetime.
    pub async fn update(&self, change: PolicyChange, actor: &Actor) -> Result<()> {
        if let Some(Some(days)) = change.max_lifetime_days {
            KeyPolicy::check_lifetime(MAX_LIFETIME, days)?;
        }
        let ticket = {
            let _changing = self
                .0
                .changing
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let old = self.keys();
            let new = KeyPolicy {
                max_lifetime_days: change.max_lifetime_days.unwrap_or(old.max_lifetime_days),
                default_quota: change.default_quota.unwrap_or(old.default_quota),
            };
            let mut differences = Differences::default();
            differences.note_option(MAX_LIFETIME, old.max_lifetime_days, new.max_lifetime_days);
            differences.note_quota(DEFAULT_QUOTA, &old.default_quota, &new.default_quota);
            let log = audit::settings_entry(&self.0.clock, actor, differences);
            let batch = Batch::new()
                .put(&setting(MAX_LIFETIME, &new.max_lifetime_days)?)
                .put(&setting(DEFAULT_QUOTA, &new.default_quota)?)
                .put(&log);
            let ticket = self.0.store.write(batch);
            self.0.keys.store(Arc::new(new));
            ticket
        };
        write(&self.0.store, ticket).await
    }
}

/// A stored setting; the default where it was never set.
pub(super) fn read<T: DeserializeOwned + Default>(store: &Store, name: &str) -> Result<T> {
    let found = store
        .find::<Setting>(name.as_bytes())
        .map_err(Error::internal)?;
    found.map_or_else(
        || Ok(T::default()),
        |setting| serde_json::from_str(&setting.value).map_err(Error::internal),
    )
}

pub(super) fn setting<T: Serialize>(name: &str, value: &T) -> Result<Setting> {
    Ok(Setting {
        name: name.to_owned(),
        value: serde_json::to_string(value).map_err(Error::internal)?,
    })
}
