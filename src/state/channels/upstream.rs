//! A channel ready for calls: its credentials opened, its health beside them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use zeroize::Zeroizing;

use super::access::Access;
use super::calling::{self, CallingView};
use super::credential::{Credential, CredentialState};
use crate::clock::Clock;
use crate::crypto::{self, MasterKey};
use crate::domain::{
    Acceptance, Admits, AwsCredential, Channel, ChannelKind, ChannelStatus, Claim, DownReason,
    Endpoint, Failed, Health, Out, Place, Proxy, Took, Turned,
};
use crate::state::Timeouts;
use crate::state::webhooks::Signs;

/// A channel with one of its credentials, ready for a call.
#[derive(Debug)]
pub struct Upstream {
    /// The channel's settings.
    pub channel: Arc<Channel>,
    /// Which of its credentials, counted from 0; 0 also where it has none.
    pub place: usize,
    /// All of the channel's. Never empty.
    credentials: Arc<[Credential]>,
    calling: Arc<calling::Opened>,
    /// The channel's. In memory only, and kept through changes that do not touch where its calls go.
    health: Arc<Mutex<Health>>,
    /// Who is told when the channel goes out and comes back.
    signs: Signs,
}

/// A channel with each of its credentials.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) channel: Arc<Channel>,
    credentials: Arc<[Credential]>,
    calling: Arc<calling::Opened>,
    health: Arc<Mutex<Health>>,
    /// One for each credential; one too where the channel has none.
    upstreams: Vec<Arc<Upstream>>,
    /// Whose turn it is.
    next: AtomicUsize,
}

impl Ready {
    /// Opens a channel. What it replaces leaves it its health and how its credentials are taken, if its calls still go to the
    /// same place in the same name. What an operator has mended is tried at once.
    pub(super) fn open(
        master_key: &MasterKey,
        signs: &Signs,
        channel: Channel,
        old: Option<&Self>,
    ) -> Self {
        let old = old.filter(|old| {
            let old = &old.channel;
            channel.kind == old.kind
                && channel.base_url == old.base_url
                && channel.api_version == old.api_version
                && channel.calling == old.calling
                && channel.status == old.status
        });
        let mut credentials: Vec<_> = channel
            .credentials
            .iter()
            .map(|sealed| Credential::open(master_key, channel.id, sealed))
            .collect();
        if credentials.is_empty() {
            credentials.push(Credential::none());
        }
        let mut health = Arc::default();
        if let Some(old) = old {
            for credential in &mut credentials {
                credential.inherit(&old.credentials);
                credential.acceptance().unbar();
            }
            if channel.credentials == old.channel.credentials {
                health = Arc::clone(&old.health);
            }
        }
        let calling = calling::Opened::open(master_key, channel.id, &channel.calling);
        let (channel, calling) = (Arc::new(channel), Arc::new(calling));
        let credentials = Arc::<[Credential]>::from(credentials);
        let upstream = |place| {
            Arc::new(Upstream {
                channel: Arc::clone(&channel),
                place,
                credentials: Arc::clone(&credentials),
                calling: Arc::clone(&calling),
                health: Arc::clone(&health),
                signs: signs.clone(),
            })
        };
        Self {
            upstreams: (0..credentials.len()).map(upstream).collect(),
            channel,
            credentials,
            calling,
            health,
            next: AtomicUsize::new(0),
        }
    }

    /// Its credentials, as they were entered.
    pub(super) fn upstreams(&self) -> &[Arc<Upstream>] {
        &self.upstreams
    }

    /// Its credentials, the next in turn first.
    pub(super) fn in_turn(&self) -> impl Iterator<Item = &Arc<Upstream>> {
        let first = match self.upstreams.len() {
            1 => 0,
            many => self.next.fetch_add(1, Ordering::Relaxed) % many,
        };
        let (before, from) = self.upstreams.split_at(first);
        from.iter().chain(before)
    }

    /// The channel with its credential of this mark; without one, with the first that can be read.
    pub(super) fn upstream(&self, mark: Option<&str>) -> Option<&Arc<Upstream>> {
        let mut upstreams = self.upstreams.iter();
        match mark {
            Some(mark) => upstreams.find(|upstream| {
                let sealed = upstream.own().sealed();
                sealed.is_some_and(|sealed| crypto::mark(sealed) == mark)
            }),
            None => upstreams
                .find(|upstream| upstream.own().state() != CredentialState::Unreadable)
                .or(self.upstreams.first()),
        }
    }

    pub(super) fn credentials(&self) -> &[Credential] {
        &self.credentials
    }

    pub(super) fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells that it is back, if it is another one's successor that was out.
    pub(super) fn tell_of_mending(&self, old: &Self) {
        let serves =
            self.channel.status == ChannelStatus::Active && self.channel.deleted_at.is_none();
        if let (true, Some(old), Some(new)) =
            (serves, old.upstreams.first(), self.upstreams.first())
            && old.is_out()
            && !new.is_out()
        {
            new.tell(Turned::Back, None);
        }
    }

    /// What is shown of how its provider is called.
    pub(super) fn calling(&self) -> CallingView {
        self.calling.view(&self.channel.calling)
    }

    /// Whether its secrets can be used: one credential that can be read is enough.
    pub(super) fn credential_state(&self) -> CredentialState {
        if self.calling.unreadable {
            return CredentialState::Unreadable;
        }
        let states = || self.credentials.iter().map(Credential::state);
        states()
            .find(|state| *state != CredentialState::Unreadable)
            .unwrap_or(CredentialState::Unreadable)
    }
}

impl Upstream {
    fn own(&self) -> &Credential {
        &self.credentials[self.place]
    }

    /// What to authenticate with at the provider.
    pub fn credential(&self) -> Option<&str> {
        self.own().text()
    }

    /// The access token that the credential is exchanged for, where the provider wants one.
    pub fn access(&self) -> &Access {
        self.own().access()
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

    /// Whatever must not be repeated in what its provider says: every credential of the channel's too, for a provider may know
    /// them all. What is too short to be a secret is none.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        let headers = self.calling.headers.iter().map(|(_, value)| value.as_str());
        let login = self.calling.proxy.iter().flat_map(|proxy| &proxy.login);
        let long = |text: &&str| text.len() >= 8;
        let others = headers.chain(login.map(|(_, password)| password.as_str()));
        let credentials = self.credentials.iter().filter_map(Credential::text);
        // Of an access key of AWS it is a part that would be repeated.
        let is_aws = self.channel.kind == ChannelKind::Bedrock;
        let keys = credentials.clone().filter(move |_| is_aws);
        let parts = keys
            .filter_map(AwsCredential::read)
            .flat_map(|key| key.secrets());
        credentials.chain(parts).chain(others.filter(long))
    }

    /// Which of the channel's credentials that is, counted from 1; `None`: it has one or none.
    pub fn credential_number(&self) -> Option<u16> {
        let number = || u16::try_from(self.place + 1).ok();
        (self.credentials.len() > 1).then(number).flatten()
    }

    /// Its credential as it is stored: tells it from the channel's others.
    pub(super) fn seal(&self) -> &[u8] {
        self.own().sealed().map_or(&[], |sealed| &sealed.0)
    }

    /// Whether a call for a model, by the provider's name, can be made with it as far as its credential goes.
    pub(super) fn check(&self, place: Place<'_>, now: Duration) -> Result<(), Out> {
        self.own().acceptance().check(place, now)
    }

    pub(super) fn is_readable(&self) -> bool {
        self.own().state() != CredentialState::Unreadable
    }

    pub(super) fn acceptance(&self) -> MutexGuard<'_, Acceptance> {
        self.own().acceptance()
    }

    pub(super) fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the channel takes no calls: it rests, or none of its credentials is taken.
    pub(super) fn is_out(&self) -> bool {
        self.credentials.iter().all(Credential::is_out) || self.health().is_out()
    }

    /// A test went well: the channel and this credential are back, whatever was before.
    pub(super) fn mend(&self) {
        let was_out = self.is_out();
        self.acceptance().mend();
        self.health().mend();
        if was_out {
            self.tell(Turned::Back, None);
        }
    }

    /// The provider refused this credential, in these words. The channel is out when it is the last one.
    fn refuse(&self, words: &str) {
        if !self.acceptance().refuse(words) {
            return;
        }
        if self.credentials.iter().all(Credential::is_out) {
            self.tell(Turned::Down(DownReason::CredentialRefused), Some(words));
        } else {
            tracing::warn!(
                channel = %self.channel.name, credential = self.place + 1, words,
                "the provider refused one of a channel's credentials; the others go on"
            );
        }
    }

    /// Tells what a call's end, a test or a change of the operator's has changed; `words` are the provider's, where it has said
    /// something.
    pub(super) fn tell(&self, turned: Turned, words: Option<&str>) {
        let channel = &self.channel.name;
        match turned {
            Turned::None => {}
            Turned::Down(reason) => {
                let reason = reason.as_str();
                tracing::warn!(%channel, reason, words, "a channel is out of the pool");
                let told = words.map_or_else(
                    || reason.to_owned(),
                    |words| format!("{reason}, which said: {words}"),
                );
                self.signs.turned(&self.channel, Some(told));
            }
            Turned::Back => {
                tracing::info!(%channel, "a channel is back");
                self.signs.turned(&self.channel, None);
            }
        }
    }
}

/// A call's turn at a channel. Dropped before it is known how it went, it tells nothing of the channel's health.
#[derive(Debug)]
pub struct Turn {
    upstream: Arc<Upstream>,
    clock: Clock,
    endpoint: Endpoint,
    model: String,
    claim: Claim,
}

impl Turn {
    /// Begins one for a call that came in at an endpoint, for a model by the provider's name.
    ///
    /// # Errors
    /// When the channel takes no call now.
    pub(super) fn begin(
        upstream: &Arc<Upstream>,
        endpoint: Endpoint,
        model: &str,
        clock: &Clock,
    ) -> std::result::Result<Self, Out> {
        let now = clock.tick().since_start();
        let endpoint = upstream.channel.kind.goes_to(endpoint, model);
        let place = Place { endpoint, model };
        upstream.check(place, now)?;
        let (admits, claim) = upstream.health().begin(now, place);
        match admits {
            Admits::Out(out) => Err(out),
            Admits::Call | Admits::Probe | Admits::LastResort => Ok(Self {
                upstream: Arc::clone(upstream),
                clock: clock.clone(),
                endpoint,
                model: model.to_owned(),
                claim,
            }),
        }
    }

    /// The channel answered a call well; `caller`: whose, or nobody's where it was the client who was wrong.
    pub fn succeed(self, caller: Option<u64>, took: Took) {
        self.end(|health, now, claim, place| health.succeed(now, claim, place, caller, took));
    }

    /// The channel failed, or a part of it.
    pub fn fail(self, failed: Failed) {
        self.end(|health, now, claim, place| health.fail(now, claim, place, failed));
    }

    /// The channel answered, be it that the client is wrong: it is there, and no more is known of it.
    pub fn answer(self) {
        self.end(|health, _, claim, place| health.answer(claim, place));
    }

    /// The provider refused the credential, in these words: that says nothing of the channel's health but that it is there.
    pub fn refuse(self, words: &str) {
        self.upstream.refuse(words);
        self.answer();
    }

    /// The provider does not know the model, or does not let this credential use it, in these words.
    pub fn bar(self, words: &str) {
        let (now, channel) = (self.clock.tick().since_start(), &self.upstream.channel.name);
        if self.upstream.acceptance().bar(self.place(), now, words) {
            tracing::warn!(
                %channel, model = %self.model, endpoint = self.endpoint.as_str(), words,
                "the provider does not know a channel's model, or does not let it be used"
            );
        }
        self.answer();
    }

    /// The provider wants no call for the model under this credential for so long; `None`: it does not say.
    pub fn limit(self, wait: Option<Duration>) {
        if let Some(wait) = wait {
            let now = self.clock.tick().since_start();
            self.upstream.acceptance().limit(&self.model, now, wait);
        }
        self.answer();
    }

    fn place(&self) -> Place<'_> {
        Place {
            endpoint: self.endpoint,
            model: &self.model,
        }
    }

    fn end(mut self, how: impl FnOnce(&mut Health, Duration, Claim, Place<'_>) -> Turned) {
        let now = self.clock.tick().since_start();
        let claim = std::mem::take(&mut self.claim);
        let turned = how(&mut self.upstream.health(), now, claim, self.place());
        self.upstream.tell(turned, None);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.claim.is_any() {
            self.upstream.health().release(self.claim, self.place());
        }
    }
}
