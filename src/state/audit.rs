//! Who changed what: every change of state carries an [`Actor`] and is written together with its audit entry.

use std::fmt::Display;
use std::net::IpAddr;

use crate::clock::Clock;
use crate::domain::{
    AccountId, AuditEntry, AuditId, Change, Error, Quota, RateLimit, Result, Window,
};
use crate::storage::Store;

use super::ids::new_id;

/// Who makes a change, and from where.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The account; `None`: the gateway itself or the command line.
    pub account_id: Option<AccountId>,
    /// The account's name, `system`, `configuration` or `command line`.
    pub username: String,
    /// From which address.
    pub client_ip: Option<IpAddr>,
}

impl Actor {
    /// The gateway itself.
    pub fn system() -> Self {
        Self {
            account_id: None,
            username: "system".to_owned(),
            client_ip: None,
        }
    }

    /// The configuration's file.
    pub fn configuration() -> Self {
        Self {
            account_id: None,
            username: "configuration".to_owned(),
            client_ip: None,
        }
    }

    /// Somebody at the machine's command line.
    pub fn command_line() -> Self {
        Self {
            account_id: None,
            username: "command line".to_owned(),
            client_ip: None,
        }
    }
}

/// Reads the audit log.
#[derive(Clone)]
pub struct Audit {
    store: Store,
}

impl Audit {
    pub(super) fn new(store: Store) -> Self {
        Self { store }
    }

    /// The newest entries before `before`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn newest(&self, before: Option<AuditId>, limit: usize) -> Result<Vec<AuditEntry>> {
        let before = before.map(|id| id.as_bytes().to_vec());
        self.store
            .newest::<AuditEntry>(before.as_deref(), limit)
            .map_err(Error::internal)
    }
}

/// The entry for one change.
pub(super) fn entry(
    clock: &Clock,
    actor: &Actor,
    action: &str,
    target: (impl Display, impl Display),
    changes: Vec<Change>,
) -> AuditEntry {
    let now = clock.now();
    AuditEntry {
        id: new_id(now),
        at: now,
        account_id: actor.account_id,
        username: actor.username.clone(),
        action: action.to_owned(),
        target_id: target.0.to_string(),
        target_name: target.1.to_string(),
        changes,
        client_ip: actor.client_ip,
    }
}

/// The entry for a change of the settings.
pub(super) fn settings_entry(clock: &Clock, actor: &Actor, changed: Differences) -> AuditEntry {
    let target = ("settings", "settings");
    entry(
        clock,
        actor,
        "settings.update",
        target,
        changed.into_changes(),
    )
}

/// Collects the fields that differ.
#[derive(Default)]
pub(super) struct Differences(Vec<Change>);

impl Differences {
    /// Notes `field` if its text differs.
    pub(super) fn note(&mut self, field: &str, old: impl Display, new: impl Display) {
        let (old, new) = (old.to_string(), new.to_string());
        if old != new {
            self.0.push(Change {
                field: field.to_owned(),
                old,
                new,
            });
        }
    }

    /// Notes an optional field; nothing is written as `none`.
    pub(super) fn note_option<T: Display>(&mut self, field: &str, old: Option<T>, new: Option<T>) {
        let text =
            |value: Option<T>| value.map_or_else(|| "none".to_owned(), |value| value.to_string());
        self.note(field, text(old), text(new));
    }

    /// Notes each cap of the quota in `field` by its name in the API.
    pub(super) fn note_quota(&mut self, field: &str, old: &Quota, new: &Quota) {
        for window in Window::ALL {
            let (old, new, name) = (old.of(window), new.of(window), window.as_str());
            self.note_option(&format!("{field}.{name}_usd"), old.usd, new.usd);
            self.note_option(&format!("{field}.{name}_tokens"), old.tokens, new.tokens);
            self.note_option(
                &format!("{field}.{name}_requests"),
                old.requests,
                new.requests,
            );
        }
    }

    /// Notes each rate limit by its name in the API.
    pub(super) fn note_rate_limit(&mut self, old: &RateLimit, new: &RateLimit) {
        self.note_option("rate_limit.rpm", old.rpm, new.rpm);
        self.note_option("rate_limit.tpm", old.tpm, new.tpm);
        self.note_option("rate_limit.concurrency", old.concurrency, new.concurrency);
        let rps = |limit: &RateLimit| limit.pace.map(|pace| pace.rps);
        let burst = |limit: &RateLimit| limit.pace.and_then(|pace| pace.burst);
        self.note_option("rate_limit.rps", rps(old), rps(new));
        self.note_option("rate_limit.burst", burst(old), burst(new));
    }

    /// What was collected.
    pub(super) fn into_changes(self) -> Vec<Change> {
        self.0
    }
}
