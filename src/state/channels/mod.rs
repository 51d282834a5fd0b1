//! Channels in memory with their credentials opened, the routes over them, and every change to them.

mod access;
mod calling;
mod change;
mod configured;
mod credential;
mod route;
mod seals;
mod upstream;
mod view;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use zeroize::Zeroizing;

pub use access::{Access, AccessToken, Denied};
pub use calling::{CallingChange, CallingView};
pub use change::{ChannelChange, GivenCredential, NewChannel};
pub(super) use configured::conflict as set_in_configuration;
pub use credential::CredentialState;
pub(super) use route::Wish;
pub use route::{AllOut, Candidate, Fallback, Route};
pub(super) use seals::of_channel as seals_of_channel;
pub use upstream::{Turn, Upstream};
pub use view::{BarredView, ChannelView, CredentialView, HealthView, PartView};

use crate::clock::Clock;
use crate::crypto::{self, MasterKey};
use crate::domain::{
    Calling, Channel, ChannelId, ChannelSource, Code, Endpoint, Error, Out, Period, Result, Scope,
    Sealed, Timestamp, TotalKey,
};
use crate::storage::{Batch, Store};

use super::audit::{self, Actor};
use super::ids::new_id;
use super::webhooks::Signs;
use super::write;
use credential::Credential;
use upstream::Ready;

/// A model that some channel serves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServedModel {
    /// Its public name.
    pub name: String,
    /// When the oldest channel that serves it was made.
    pub created_at: Timestamp,
    /// The kind of the channel that would be tried first.
    pub owned_by: &'static str,
}

/// All channels.
#[derive(Clone)]
pub struct Channels(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Clock,
    master_key: MasterKey,
    signs: Signs,
    /// Replaced as a whole at each change: calls read it without a lock.
    all: ArcSwap<BTreeMap<ChannelId, Arc<Ready>>>,
    changing: Mutex<()>,
}

impl Channels {
    pub(super) fn load(
        store: Store,
        clock: Clock,
        master_key: MasterKey,
        signs: Signs,
    ) -> Result<Self> {
        let records = store.load::<Channel>().map_err(Error::internal)?;
        let all = records
            .into_iter()
            .map(|channel| {
                let ready = Ready::open(&master_key, &signs, channel, None);
                (ready.channel.id, Arc::new(ready))
            })
            .collect();
        Ok(Self(Arc::new(Inner {
            store,
            clock,
            master_key,
            signs,
            all: ArcSwap::from_pointee(all),
            changing: Mutex::default(),
        })))
    }

    /// Names of the channels of which some secret was sealed with another master key.
    pub fn unreadable(&self) -> Vec<String> {
        let unreadable =
            |credential: &Credential| credential.state() == CredentialState::Unreadable;
        let lost = |ready: &&Arc<Ready>| {
            ready.channel.deleted_at.is_none()
                && (ready.credential_state() == CredentialState::Unreadable
                    || ready.credentials().iter().any(unreadable))
        };
        self.0
            .all
            .load()
            .values()
            .filter(lost)
            .map(|ready| ready.channel.name.clone())
            .collect()
    }

    /// Whether there is none, deleted ones not counted.
    pub fn is_empty(&self) -> bool {
        self.0
            .all
            .load()
            .values()
            .all(|ready| ready.channel.deleted_at.is_some())
    }

    /// The channels that may serve a model at an endpoint, each with its credentials, in the order in which to try them.
    ///
    /// # Errors
    /// `model_not_found` when none is set up for it, `no_channel_available` when all that are cannot be used.
    pub(super) fn route(&self, wish: &Wish<'_>) -> Result<Vec<Arc<Upstream>>> {
        let Wish {
            model, endpoint, ..
        } = *wish;
        let all = self.0.all.load();
        let mut candidates: Vec<&Arc<Ready>> = all
            .values()
            .filter(|ready| ready.channel.serves(model))
            .collect();
        let set_up = !candidates.is_empty()
            || all.values().any(|u| {
                u.channel.deleted_at.is_none() && u.channel.models.iter().any(|m| m == model)
            });
        let served = candidates.len();
        // Tokens are counted here where a provider does not.
        candidates.retain(|ready| {
            endpoint == Endpoint::CountTokens
                || ready.channel.serves_with(endpoint, model).is_some()
        });
        if candidates.is_empty() && served > 0 {
            return Err(Error::new(
                Code::ModelNotFound,
                format!("The model {model:?} cannot be used at this endpoint ({}): its providers have none such. Use another endpoint, or another model.", endpoint.as_str()),
            )
            .param("model"));
        }
        candidates.retain(|ready| ready.credential_state() != CredentialState::Unreadable);
        let now = self.0.clock.tick().since_start();
        match route::pick(candidates, wish, now) {
            Ok(upstreams) => return Ok(upstreams),
            Err(out) => {
                if let Some(error) = out.error(model, now) {
                    return Err(error);
                }
            }
        }
        if set_up {
            return Err(Error::new(
                Code::NoChannelAvailable,
                format!("All channels for the model {model:?} are switched off or have no usable credential. Try again later, or ask the operator."),
            )
            .retry_after(std::time::Duration::from_secs(30)));
        }
        Err(Error::new(
            Code::ModelNotFound,
            format!("No channel serves the model {model:?}. GET /v1/models lists the models that can be used."),
        )
        .param("model"))
    }

    /// Gives a call that came in at an endpoint, for a model by the provider's name, its turn at a channel.
    ///
    /// # Errors
    /// When the channel takes no call now: another one may have failed on it since the route was made.
    pub fn turn(
        &self,
        upstream: &Arc<Upstream>,
        endpoint: Endpoint,
        model: &str,
    ) -> Result<Turn, Out> {
        Turn::begin(upstream, endpoint, model, &self.0.clock)
    }

    /// What a client is told when none of its route's channels took the call.
    pub fn all_out(&self, out: AllOut, model: &str) -> Error {
        let now = self.0.clock.tick().since_start();
        out.error(model, now)
            .unwrap_or_else(|| Error::internal("a route without candidates"))
    }

    /// A test went well: whatever the channel's health was, it is back.
    pub fn mend(&self, upstream: &Upstream) {
        upstream.mend();
    }

    /// One channel by its id, for a test call: with the credential of this mark, or else its first.
    ///
    /// # Errors
    /// `not_found`, `invalid_field`.
    pub fn upstream(&self, id: ChannelId, mark: Option<&str>) -> Result<Arc<Upstream>> {
        let ready = self.existing(id)?;
        ready
            .upstream(mark)
            .cloned()
            .ok_or_else(|| no_credential("credential", mark.unwrap_or_default()))
    }

    /// Every model that an active channel serves, by name.
    pub fn served_models(&self) -> Vec<ServedModel> {
        let mut models: BTreeMap<String, (ServedModel, i32)> = BTreeMap::new();
        for ready in self.0.all.load().values() {
            let channel = &ready.channel;
            for name in channel.models.iter().filter(|name| channel.serves(name)) {
                let fresh = ServedModel {
                    name: name.clone(),
                    created_at: channel.created_at,
                    owned_by: channel.kind.as_str(),
                };
                let (known, priority) = models
                    .entry(name.clone())
                    .or_insert((fresh, channel.priority));
                known.created_at = known.created_at.min(channel.created_at);
                if channel.priority > *priority {
                    (*priority, known.owned_by) = (channel.priority, channel.kind.as_str());
                }
            }
        }
        models.into_values().map(|(model, _)| model).collect()
    }

    /// All channels, in order of priority and age, deleted ones not.
    ///
    /// # Errors
    /// When totals cannot be read.
    pub fn list(&self) -> Result<Vec<ChannelView>> {
        let all = self.0.all.load();
        let mut channels: Vec<_> = all
            .values()
            .filter(|ready| ready.channel.deleted_at.is_none())
            .collect();
        channels.sort_by_key(|ready| (std::cmp::Reverse(ready.channel.priority), ready.channel.id));
        channels.into_iter().map(|ready| self.view(ready)).collect()
    }

    /// A channel by its id; deleted ones too, for the call log's names.
    pub fn find(&self, id: ChannelId) -> Option<Arc<Channel>> {
        self.0
            .all
            .load()
            .get(&id)
            .map(|ready| Arc::clone(&ready.channel))
    }

    /// A channel as lists show it.
    ///
    /// # Errors
    /// `not_found`.
    pub fn show(&self, id: ChannelId) -> Result<ChannelView> {
        self.view(&*self.existing(id)?)
    }

    fn existing(&self, id: ChannelId) -> Result<Arc<Ready>> {
        let found = self
            .0
            .all
            .load()
            .get(&id)
            .filter(|ready| ready.channel.deleted_at.is_none())
            .cloned();
        found.ok_or_else(|| {
            Error::new(
                Code::NotFound,
                "No channel has this id. GET /api/channels lists them.",
            )
        })
    }

    fn view(&self, ready: &Ready) -> Result<ChannelView> {
        let key = TotalKey {
            scope: Scope::Channel(ready.channel.id),
            period: Period::Ever,
        };
        let tally = self.0.store.total(&key).map_err(Error::internal)?;
        Ok(ChannelView::new(ready, &self.0.clock, tally))
    }

    /// A channel that is not kept, and takes no calls: for asking its provider something before it is made.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn draft(&self, new: NewChannel) -> Result<Arc<Upstream>> {
        let channel = self.made(new)?;
        let ready = Ready::open(&self.0.master_key, &self.0.signs, channel, None);
        let first = ready.upstream(None).cloned();
        first.ok_or_else(|| Error::internal("a channel without an upstream"))
    }

    fn made(&self, new: NewChannel) -> Result<Channel> {
        let now = self.0.clock.now();
        let id: ChannelId = new_id(now);
        let credentials = self.seal(id, new.credentials, &[])?;
        let calling = self.seal_calling(id, &Calling::default(), new.calling)?;
        Ok(Channel {
            id,
            name: new.name,
            kind: new.kind,
            base_url: new.base_url,
            api_version: new.api_version,
            credentials,
            models: new.models,
            model_map: new.model_map,
            priority: new.priority,
            weight: new.weight,
            price_multiplier: new.price_multiplier,
            cost_source: new.cost_source,
            calling,
            status: new.status,
            source: ChannelSource::Own,
            created_at: now,
            deleted_at: None,
        })
    }

    /// Makes a channel.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn create(&self, new: NewChannel, actor: &Actor) -> Result<ChannelView> {
        let channel = self.made(new)?;
        let log = audit::entry(
            &self.0.clock,
            actor,
            "channel.create",
            (channel.id, &channel.name),
            Vec::new(),
        );
        self.put(channel, log).await
    }

    /// Changes a channel, effective for the very next call.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn update(
        &self,
        id: ChannelId,
        change: ChannelChange,
        actor: &Actor,
    ) -> Result<ChannelView> {
        let put = {
            let _changing = self
                .0
                .changing
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let old = self.existing(id)?;
            if let ChannelSource::Config { file } = &old.channel.source {
                return Err(configured::conflict(file));
            }
            let (new, differences) = self.changed(&old, change)?;
            let log = audit::entry(
                &self.0.clock,
                actor,
                "channel.update",
                (id, &new.name),
                differences.into_changes(),
            );
            self.put(new, log)
        };
        put.await
    }

    /// Deletes a channel. Its calls stay in the log under its name.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn delete(&self, id: ChannelId, actor: &Actor) -> Result<()> {
        let put = {
            let _changing = self
                .0
                .changing
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let old = Arc::clone(&self.existing(id)?.channel);
            if let ChannelSource::Config { file } = &old.source {
                return Err(configured::conflict(file));
            }
            let new = self.deleted(&old);
            let log = audit::entry(
                &self.0.clock,
                actor,
                "channel.delete",
                (id, &old.name),
                Vec::new(),
            );
            self.put(new, log)
        };
        put.await.map(|_| ())
    }

    /// A channel with a change, its secrets sealed; and what is different.
    fn changed(
        &self,
        old: &Ready,
        mut change: ChannelChange,
    ) -> Result<(Channel, audit::Differences)> {
        let id = old.channel.id;
        let sealed = match change.credentials.take() {
            Some(given) => Some(self.seal(id, given, old.credentials())?),
            None => None,
        };
        let calling = std::mem::take(&mut change.calling);
        let calling = self.seal_calling(id, &old.channel.calling, calling)?;
        Ok(change.apply(&old.channel, sealed, calling))
    }

    /// A channel as it stays for the call log: without its secrets.
    fn deleted(&self, old: &Channel) -> Channel {
        Channel {
            deleted_at: Some(self.0.clock.now()),
            credentials: Vec::new(),
            calling: Calling::default(),
            ..Channel::clone(old)
        }
    }

    /// Seals credentials for a channel. What it has already keeps its seal, and with it how the provider takes it.
    fn seal(
        &self,
        id: ChannelId,
        given: Vec<GivenCredential>,
        old: &[Credential],
    ) -> Result<Vec<Sealed>> {
        let mut sealed: Vec<Sealed> = Vec::with_capacity(given.len());
        let mut entered: Vec<Zeroizing<String>> = Vec::new();
        for given in given {
            let known = |is_it: &dyn Fn(&Credential) -> bool| {
                let found = old.iter().find(|old| is_it(old));
                found.and_then(Credential::sealed).cloned()
            };
            let one = match given {
                GivenCredential::Kept(mark) => {
                    let marked = |old: &Credential| {
                        old.sealed()
                            .is_some_and(|sealed| crypto::mark(sealed) == mark)
                    };
                    known(&marked).ok_or_else(|| no_credential("credentials", &mark))?
                }
                GivenCredential::Entered(text) if entered.contains(&text) => continue,
                GivenCredential::Entered(text) => {
                    let same = |old: &Credential| old.text() == Some(text.as_str());
                    let one = match known(&same) {
                        Some(sealed) => sealed,
                        None => self
                            .0
                            .master_key
                            .seal(&text, &seals::credential_place(id))
                            .map_err(Error::internal)?,
                    };
                    entered.push(text);
                    one
                }
            };
            if !sealed.contains(&one) {
                sealed.push(one);
            }
        }
        Ok(sealed)
    }

    fn seal_calling(&self, id: ChannelId, old: &Calling, change: CallingChange) -> Result<Calling> {
        let sealed = change.apply(old, id, &self.0.master_key);
        sealed.map_err(Error::internal)
    }

    /// Takes effect at the call; the future waits until it is on disk.
    fn put(
        &self,
        channel: Channel,
        log: crate::domain::AuditEntry,
    ) -> impl Future<Output = Result<ChannelView>> + use<> {
        let ticket = self.0.store.write(Batch::new().put(&channel).put(&log));
        let old = self.0.all.load().get(&channel.id).cloned();
        let ready = Ready::open(&self.0.master_key, &self.0.signs, channel, old.as_deref());
        if let Some(old) = &old {
            ready.tell_of_mending(old);
        }
        let ready = Arc::new(ready);
        self.0.all.rcu(|all| {
            let mut all = BTreeMap::clone(all);
            all.insert(ready.channel.id, Arc::clone(&ready));
            all
        });
        let channels = self.clone();
        async move {
            write(&channels.0.store, ticket).await?;
            channels.view(&ready)
        }
    }
}

fn no_credential(field: &str, mark: &str) -> Error {
    Error::invalid_field(
        field,
        format!(
            "This channel has no credential {mark:?}. GET /api/channels shows the ids of those it has."
        ),
    )
}
