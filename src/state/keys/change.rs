//! Every change of a key: effective in memory for the very next request, then on disk.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::entry::{KeyEntry, Shared};
use super::keyring::Keys;
use super::list::KeyView;
use crate::crypto;
use crate::domain::{
    AccountId, ApiKey, Code, Error, KeyId, KeyStatus, Permissions, Quota, RateLimit, Result,
    Secret, Timestamp, Windows,
};
use crate::state::audit::{self, Actor, Differences};
use crate::state::ids::new_id;
use crate::state::quota::Budget;
use crate::state::write;
use crate::storage::{Batch, Ticket};

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
    /// When it is to be switched off; `Some(None)`: no longer.
    pub disable_at: Option<Option<Timestamp>>,
    /// What it may consume.
    pub quota: Option<Quota>,
    /// How fast.
    pub rate_limit: Option<RateLimit>,
    /// Of what.
    pub permissions: Option<Permissions>,
}

/// How to rotate a key.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rotation {
    /// How long the old key goes on working; `None`: until somebody disables it.
    pub disable_old_after: Option<Duration>,
    /// From when on the successor no longer works: `None` as its predecessor, `Some(None)` never.
    pub expires_at: Option<Option<Timestamp>>,
}

impl Keys {
    /// Makes a key, by the policy for new keys. The secret is in this one answer and nowhere else.
    ///
    /// # Errors
    /// `invalid_field` when there is no such account, or the policy allows no such expiry.
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
        let now = self.0.clock.now();
        let policy = self.0.policies.keys();
        let expires_at = policy.expiry(new.expires_at, now)?;
        let secret = crypto::new_secret().map_err(Error::internal)?;
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
            expires_at,
            disable_at: None,
            deleted_at: None,
            rotated_from: None,
            rotated_to: None,
            quota: policy.quota(new.quota),
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
        let entry = self.add(key, account, Shared::new(budget));
        write(&self.0.store, ticket).await?;
        Ok((self.view(entry)?, secret))
    }

    /// Changes a key, effective for the very next request; streams in flight follow.
    ///
    /// # Errors
    /// `not_found`; `invalid_field` when the policy for new keys lets it not live that long.
    pub async fn update(&self, id: KeyId, change: KeyChange, actor: &Actor) -> Result<KeyView> {
        let (entry, ticket) = self.replace(id, actor, |old, differences| {
            let now = self.0.clock.now();
            let mut new = ApiKey::clone(old);
            if let Some(name) = change.name {
                differences.note("name", &old.name, &name);
                new.name = name;
            }
            let was = old.status_at(now);
            if let Some(status) = change.status {
                // What was planned for a key is over once somebody has switched it by hand.
                if status != was {
                    new.disable_at = None;
                }
                new.status = status;
            }
            if let Some(disable_at) = change.disable_at {
                new.disable_at = disable_at;
            }
            let is = new.status_at(now);
            differences.note("status", was.as_str(), is.as_str());
            differences.note_option("disable_at", old.disable_at, new.disable_at);
            if let Some(expires_at) = change.expires_at {
                self.0.policies.keys().check_extension(old, expires_at)?;
                differences.note_option("expires_at", old.expires_at, expires_at);
                new.expires_at = expires_at;
            }
            if let Some(quota) = change.quota {
                differences.note_quota("quota", &old.quota, &quota);
                new.quota = quota;
            }
            if let Some(limit) = change.rate_limit {
                differences.note_rate_limit(&old.rate_limit, &limit);
                new.rate_limit = limit;
            }
            if let Some(permissions) = change.permissions {
                note_permissions(differences, &old.permissions, &permissions);
                new.permissions = permissions;
            }
            let action = match (was, is) {
                (KeyStatus::Active, KeyStatus::Disabled) => "key.disable",
                (KeyStatus::Disabled, KeyStatus::Active) => "key.enable",
                (KeyStatus::Active, KeyStatus::Active)
                | (KeyStatus::Disabled, KeyStatus::Disabled) => "key.update",
            };
            Ok((action, new))
        })?;
        write(&self.0.store, ticket).await?;
        self.view(entry)
    }

    /// Makes a successor with the same settings, which draws on the same budget and the same rate limiter. The old key goes on working until somebody
    /// disables it, or until its time. The secret is in this one answer and nowhere else.
    ///
    /// # Errors
    /// `not_found`; `conflict` when it is disabled, expired or rotated already; `invalid_field` when the policy for new keys
    /// allows no such expiry.
    pub async fn rotate(
        &self,
        id: KeyId,
        rotation: Rotation,
        actor: &Actor,
    ) -> Result<(KeyView, Secret)> {
        let secret = crypto::new_secret().map_err(Error::internal)?;
        let (old_entry, new_entry, ticket) = {
            let _changing = self
                .0
                .changing
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let entry = self.existing(id)?;
            let now = self.0.clock.now();
            let old = entry.record();
            self.check_rotatable(&old, now)?;
            let policy = self.0.policies.keys();
            let expires_at = match rotation.expires_at {
                Some(asked) => policy.expiry(asked, now)?,
                None if old.is_expired(now) => {
                    return Err(Error::new(
                        Code::Conflict,
                        "This API key has expired, and its successor would have, too. Say when the successor is to expire.",
                    )
                    .param("expires_at"));
                }
                None => policy.expiry_within(old.expires_at, now),
            };
            let successor = ApiKey {
                id: new_id(now),
                digest: Some(crypto::sha256(secret.expose())),
                masked: secret.masked(),
                status: KeyStatus::Active,
                created_at: now,
                expires_at,
                disable_at: None,
                rotated_from: Some(id),
                rotated_to: None,
                ..ApiKey::clone(&old)
            };
            let replaced = ApiKey {
                rotated_to: Some(successor.id),
                disable_at: rotation
                    .disable_old_after
                    .map(|after| now.after(after))
                    .into_iter()
                    .chain(old.disable_at)
                    .min(),
                ..ApiKey::clone(&old)
            };
            let mut differences = Differences::default();
            differences.note_option("rotated_to", old.rotated_to, replaced.rotated_to);
            differences.note_option("disable_at", old.disable_at, replaced.disable_at);
            let log = audit::entry(
                &self.0.clock,
                actor,
                "key.rotate",
                (id, shown_name(&replaced)),
                differences.into_changes(),
            );
            let batch = Batch::new().put(&successor).put(&replaced).put(&log);
            let ticket = self.0.store.write(batch);
            entry.record.store(Arc::new(replaced));
            let successor = self.add(successor, Arc::clone(&entry.account), entry.shared());
            (entry, successor, ticket)
        };
        old_entry.changed.notify_waiters();
        write(&self.0.store, ticket).await?;
        Ok((self.view(new_entry)?, secret))
    }

    fn check_rotatable(&self, key: &ApiKey, now: Timestamp) -> Result<()> {
        if key.status_at(now) == KeyStatus::Disabled {
            return Err(Error::new(
                Code::Conflict,
                "This API key is disabled. Enable it first, or create a new one.",
            ));
        }
        // Whoever lost the successor's secret deletes it, and may rotate again.
        let successor = key.rotated_to.and_then(|id| self.find(id));
        match successor {
            Some((successor, _)) if successor.deleted_at.is_none() => Err(Error::new(
                Code::Conflict,
                format!(
                    "This API key has been rotated already: {} ({}) is its successor. Rotate that one, or delete it first.",
                    successor.masked, successor.id
                ),
            )),
            _ => Ok(()),
        }
    }

    /// Deletes a key for ever: from the next request on it is unknown. Its calls stay in the log under its name.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn delete(&self, id: KeyId, actor: &Actor) -> Result<()> {
        let mut digest = None;
        let (entry, ticket) = self.replace(id, actor, |old, _| {
            digest = old.digest;
            let new = ApiKey {
                digest: None,
                deleted_at: Some(self.0.clock.now()),
                ..ApiKey::clone(old)
            };
            Ok(("key.delete", new))
        })?;
        if let Some(digest) = digest {
            self.0.by_digest.pin().remove(&digest);
        }
        entry.account.key_count.fetch_sub(1, Ordering::Relaxed);
        write(&self.0.store, ticket).await
    }

    /// Puts a changed record in the place of a key's, in memory at once and in the journal with what was done and changed.
    fn replace(
        &self,
        id: KeyId,
        actor: &Actor,
        change: impl FnOnce(&ApiKey, &mut Differences) -> Result<(&'static str, ApiKey)>,
    ) -> Result<(Arc<KeyEntry>, Ticket)> {
        let _changing = self
            .0
            .changing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let entry = self.existing(id)?;
        let mut differences = Differences::default();
        let (action, new) = change(&entry.record(), &mut differences)?;
        let log = audit::entry(
            &self.0.clock,
            actor,
            action,
            (id, shown_name(&new)),
            differences.into_changes(),
        );
        let ticket = self.0.store.write(Batch::new().put(&new).put(&log));
        let old = entry.record();
        entry
            .limiter
            .change(&old.rate_limit, &new.rate_limit, &self.0.clock);
        entry.record.store(Arc::new(new));
        entry.changed.notify_waiters();
        Ok((entry, ticket))
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
