//! A channel's credential in memory: opened, and how the provider takes it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

use super::access::Access;
use super::seals;
use crate::crypto::MasterKey;
use crate::domain::{Acceptance, ChannelId, Sealed};

/// One of a channel's credentials.
#[derive(Debug)]
pub(super) struct Credential {
    /// As it is stored; `None`: the provider needs none.
    sealed: Option<Sealed>,
    opened: Opened,
    /// In memory only, and kept through changes that do not touch this credential or where its calls go.
    acceptance: Arc<Mutex<Acceptance>>,
    /// What it was exchanged for; kept as long.
    access: Arc<Access>,
}

enum Opened {
    None,
    Plain(Zeroizing<String>),
    Unreadable,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Plain(_) => "Plain(…)",
            Self::Unreadable => "Unreadable",
        })
    }
}

/// Whether a credential can be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CredentialState {
    /// There is none.
    None,
    /// Stored sealed, and opened.
    Sealed,
    /// Sealed with another master key: it has to be entered again.
    Unreadable,
}

impl Credential {
    /// What a channel goes by that has none.
    pub(super) fn none() -> Self {
        Self {
            sealed: None,
            opened: Opened::None,
            acceptance: Arc::default(),
            access: Arc::default(),
        }
    }

    pub(super) fn open(master_key: &MasterKey, channel: ChannelId, sealed: &Sealed) -> Self {
        Self {
            sealed: Some(sealed.clone()),
            opened: master_key
                .open(sealed, &seals::credential_place(channel))
                .map_or(Opened::Unreadable, Opened::Plain),
            acceptance: Arc::default(),
            access: Arc::default(),
        }
    }

    /// Keeps how the provider takes it, if it was among these.
    pub(super) fn inherit(&mut self, old: &[Self]) {
        if let Some(same) = old.iter().find(|old| old.sealed == self.sealed) {
            self.acceptance = Arc::clone(&same.acceptance);
            self.access = Arc::clone(&same.access);
        }
    }

    pub(super) fn access(&self) -> &Access {
        &self.access
    }

    pub(super) fn sealed(&self) -> Option<&Sealed> {
        self.sealed.as_ref()
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.opened {
            Opened::Plain(text) => Some(text),
            Opened::None | Opened::Unreadable => None,
        }
    }

    pub(super) fn state(&self) -> CredentialState {
        match self.opened {
            Opened::None => CredentialState::None,
            Opened::Plain(_) => CredentialState::Sealed,
            Opened::Unreadable => CredentialState::Unreadable,
        }
    }

    pub(super) fn acceptance(&self) -> MutexGuard<'_, Acceptance> {
        self.acceptance
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether no call can be made with it until somebody has seen to it.
    pub(super) fn is_out(&self) -> bool {
        self.state() == CredentialState::Unreadable || self.acceptance().refusal().is_some()
    }
}
