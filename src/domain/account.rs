//! Accounts: the people who log in.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::error::{Code, Error};
use super::id::AccountId;
use super::money::Money;
use super::quota::{Quota, RateLimit};
use super::time::Timestamp;

/// A person who logs in and owns keys.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// The name to log in with.
    pub username: Username,
    /// The password's hash, as a PHC string (argon2id).
    pub password_hash: String,
    /// What it may do in the console.
    pub role: Role,
    /// Whether it, and with it all its keys, works.
    pub status: AccountStatus,
    /// What all its keys together may consume; `total` is its balance.
    pub quota: Quota,
    /// How fast all its keys together may be used.
    pub rate_limit: RateLimit,
    /// Webhooks are told `balance.low` when less than this is left of the total; `None`: never.
    pub balance_low_usd: Option<Money>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was deleted; the record stays, so that the call log keeps its name.
    pub deleted_at: Option<Timestamp>,
}

impl Account {
    /// What is left of its total after `used`, if that is less than the threshold.
    pub fn low_balance(&self, used: Money) -> Option<Money> {
        let remaining = self.quota.total.usd?.minus(used);
        (remaining < self.balance_low_usd?).then_some(remaining)
    }
}

/// A name to log in with: 1 to 64 characters, compared without regard to case.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Username(String);

impl Username {
    /// Trims and checks a name.
    ///
    /// # Errors
    /// `invalid_field` when it is empty, too long or contains control characters.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let name = text.trim();
        if name.is_empty() || name.chars().count() > 64 || name.chars().any(char::is_control) {
            return Err(Error::new(
                Code::InvalidField,
                "A username has 1 to 64 characters and no control characters.",
            )
            .param("username"));
        }
        Ok(Self(name.to_owned()))
    }

    /// As entered.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form in which names are compared.
    pub fn folded(&self) -> String {
        self.0.to_lowercase()
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// What an account may do in the console.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Role {
    /// Everything.
    Admin,
    /// What is its own.
    Member,
}

impl Role {
    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Member => "member",
        }
    }
}

/// Whether an account works.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum AccountStatus {
    /// It does.
    Active,
    /// Neither it nor its keys do.
    Disabled,
}

impl AccountStatus {
    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }
}
