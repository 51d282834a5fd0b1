//! A channel ready for a call: its credential opened, its health beside it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use zeroize::Zeroizing;

use super::calling::{self, CallingView};
use super::seals;
use crate::clock::Clock;
use crate::crypto::MasterKey;
use crate::domain::{Admits, Channel, Health, Out, Proxy, Turned};
use crate::state::Timeouts;

/// A channel ready for a call.
#[derive(Debug)]
pub struct Upstream {
    /// Its settings.
    pub channel: Arc<Channel>,
    credential: Opened,
    calling: calling::Opened,
    /// In memory only, and kept through changes that do not touch where its calls go.
    health: Arc<Mutex<Health>>,
}

/// A channel's credential in memory.
#[derive(Clone)]
enum Opened {
    None,
    Plain(Arc<Zeroizing<String>>),
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

/// Whether a channel's credential can be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CredentialState {
    /// It has none.
    None,
    /// Stored sealed, and opened.
    Sealed,
    /// It, a header or the proxy was sealed with another master key: it has to be entered again.
    Unreadable,
}

impl Upstream {
    pub(super) fn open(master_key: &MasterKey, channel: Channel) -> Self {
        let credential = match &channel.credential {
            None => Opened::None,
            Some(sealed) => match master_key.open(sealed, &seals::credential_place(channel.id)) {
                Some(text) => Opened::Plain(Arc::new(text)),
                None => Opened::Unreadable,
            },
        };
        let calling = calling::Opened::open(master_key, channel.id, &channel.calling);
        Self {
            channel: Arc::new(channel),
            credential,
            calling,
            health: Arc::default(),
        }
    }

    /// What to authenticate with at the provider.
    pub fn credential(&self) -> Option<&str> {
        match &self.credential {
            Opened::Plain(text) => Some(text),
            Opened::None | Opened::Unreadable => None,
        }
    }

    /// The headers that every request gets, by lower-case name.
    pub fn headers(&self) -> &[(String, Zeroizing<String>)] {
        &self.calling.headers
    }

    /// The proxy to go through.
    pub fn proxy(&self) -> Option<&Arc<Proxy>> {
        self.calling.proxy.as_ref()
    }

    /// How long to wait for its provider, where for all it is so long.
    pub fn timeouts(&self, all: Timeouts) -> Timeouts {
        calling::timeouts(self.channel.calling.timeouts, all)
    }

    /// Whatever must not be repeated in what its provider says. What is too short to be a secret is none.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        let headers = self.calling.headers.iter().map(|(_, value)| value.as_str());
        let login = self.calling.proxy.iter().flat_map(|proxy| &proxy.login);
        let long = |text: &&str| text.len() >= 8;
        let others = headers.chain(login.map(|(_, password)| password.as_str()));
        self.credential().into_iter().chain(others.filter(long))
    }

    /// What is shown of how its provider is called.
    pub(super) fn calling(&self) -> CallingView {
        self.calling.view(&self.channel.calling)
    }

    /// Whether its secrets can be used.
    pub fn credential_state(&self) -> CredentialState {
        if self.calling.unreadable {
            return CredentialState::Unreadable;
        }
        match self.credential {
            Opened::None => CredentialState::None,
            Opened::Plain(_) => CredentialState::Sealed,
            Opened::Unreadable => CredentialState::Unreadable,
        }
    }

    /// Keeps the health of what it replaces, if its calls still go to the same place in the same name. What an operator has
    /// mended is tried at once.
    pub(super) fn inherit(&mut self, old: &Self) {
        let (new, old_channel) = (&self.channel, &old.channel);
        let same = new.kind == old_channel.kind
            && new.base_url == old_channel.base_url
            && new.api_version == old_channel.api_version
            && new.credential == old_channel.credential
            && new.calling == old_channel.calling
            && new.status == old_channel.status;
        if same {
            self.health = Arc::clone(&old.health);
        }
    }

    pub(super) fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Logs what a call's end, or a test, changed.
    pub(super) fn tell(&self, turned: Turned) {
        let channel = &self.channel.name;
        match turned {
            Turned::None => {}
            Turned::Down(reason) => {
                tracing::warn!(%channel, reason = reason.as_str(), "a channel is out of the pool");
            }
            Turned::Back => tracing::info!(%channel, "a channel is back"),
        }
    }
}

/// A call's turn at a channel. Dropped before it is known how it went, it tells nothing of the channel's health.
#[derive(Debug)]
pub struct Turn {
    upstream: Arc<Upstream>,
    clock: Clock,
    probe: bool,
}

impl Turn {
    /// Begins one for a model of a public name.
    ///
    /// # Errors
    /// When the channel takes no call now.
    pub(super) fn begin(
        upstream: &Arc<Upstream>,
        model: &str,
        clock: &Clock,
    ) -> std::result::Result<Self, Out> {
        let now = clock.tick().since_start();
        let model = upstream.channel.upstream_model(model);
        let admits = upstream.health().begin(model, now);
        match admits {
            Admits::Out(out) => Err(out),
            Admits::Call | Admits::Probe | Admits::LastResort => Ok(Self {
                upstream: Arc::clone(upstream),
                clock: clock.clone(),
                probe: admits == Admits::Probe,
            }),
        }
    }

    /// The channel answered, be it that the client is wrong; a stream's first event came after `first_event`.
    pub fn succeed(self, first_event: Option<Duration>) {
        self.end(|health, now, probe| health.succeed(now, probe, first_event));
    }

    /// The channel failed.
    pub fn fail(self) {
        self.end(Health::fail);
    }

    /// The provider refused the channel's credential, in these words.
    pub fn refuse(self, words: &str) {
        self.end(|health, _, _| health.refuse(words));
    }

    /// The provider wants no call for a model, by its own name, for so long.
    pub fn limit(self, model: &str, wait: Duration) {
        let now = self.clock.tick().since_start();
        self.upstream.health().limit(model, now, wait);
    }

    fn end(mut self, how: impl FnOnce(&mut Health, Duration, bool) -> Turned) {
        let now = self.clock.tick().since_start();
        let probe = std::mem::take(&mut self.probe);
        let turned = how(&mut self.upstream.health(), now, probe);
        self.upstream.tell(turned);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.probe {
            self.upstream.health().release();
        }
    }
}
