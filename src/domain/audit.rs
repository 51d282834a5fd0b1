//! The audit log: who changed what, when, from where.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::id::{AccountId, AuditId};
use super::time::Timestamp;

/// One change.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its id.
    pub id: AuditId,
    /// When.
    pub at: Timestamp,
    /// Who; `None`: the gateway itself or the command line.
    pub account_id: Option<AccountId>,
    /// Who, by the name at that time; `system` or `command line` where there is no account.
    pub username: String,
    /// What, as `noun.verb`, such as `key.disable`.
    pub action: String,
    /// The id of what was changed.
    pub target_id: String,
    /// Its name at that time.
    pub target_name: String,
    /// Which fields, with old and new value. Never a secret.
    pub changes: Vec<Change>,
    /// From which address.
    pub client_ip: Option<IpAddr>,
}

/// One field's change, both values as JSON text.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Change {
    /// The field's name in the API.
    pub field: String,
    /// Its value before.
    pub old: String,
    /// Its value after.
    pub new: String,
}
