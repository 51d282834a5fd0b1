//! Channels in memory with their credentials opened, the routes over them, and every change to them.

mod calling;
mod change;
mod route;
mod seals;
mod upstream;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use zeroize::Zeroizing;

pub use calling::{CallingChange, CallingView};
pub use change::{ChannelChange, NewChannel};
pub use route::{AllOut, Route};
pub(super) use seals::of_channel as seals_of_channel;
pub use upstream::{CredentialState, Turn, Upstream};

use crate::clock::Clock;
use crate::crypto::MasterKey;
use crate::domain::{
    Calling, Channel, ChannelId, Code, Condition, Endpoint, Error, Out, Period, Result, Scope,
    Tally, Timestamp, TotalKey,
};
use crate::storage::{Batch, Store};

use super::audit::{self, Actor};
use super::ids::new_id;
use super::write;

/// A channel as lists show it.
#[derive(Clone, Debug)]
pub struct ChannelView {
    /// The record.
    pub channel: Arc<Channel>,
    /// Whether its credential can be used.
    pub credential: CredentialState,
    /// What is shown of how its provider is called.
    pub calling: CallingView,
    /// How it has done lately.
    pub health: HealthView,
    /// What it has served, ever.
    pub tally: Tally,
}

/// A channel's health with times of day.
#[derive(Clone, Debug)]
pub struct HealthView {
    /// Its times are ticks of the clock.
    pub condition: Condition,
    /// When the channel is tried again.
    pub until: Option<Timestamp>,
    /// When each rate-limited model, by the provider's name, is tried again.
    pub limited: BTreeMap<String, Timestamp>,
}

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
    /// Replaced as a whole at each change: calls read it without a lock.
    all: ArcSwap<BTreeMap<ChannelId, Arc<Upstream>>>,
    changing: Mutex<()>,
}

impl Channels {
    pub(super) fn load(store: Store, clock: Clock, master_key: MasterKey) -> Result<Self> {
        let records = store.load::<Channel>().map_err(Error::internal)?;
        let all = records
            .into_iter()
            .map(|channel| (channel.id, Arc::new(Upstream::open(&master_key, channel))))
            .collect();
        Ok(Self(Arc::new(Inner {
            store,
            clock,
            master_key,
            all: ArcSwap::from_pointee(all),
            changing: Mutex::default(),
        })))
    }

    /// Names of the channels whose credentials were sealed with another master key.
    pub fn unreadable(&self) -> Vec<String> {
        let lost = |upstream: &&Arc<Upstream>| {
            upstream.channel.deleted_at.is_none()
                && upstream.credential_state() == CredentialState::Unreadable
        };
        self.0
            .all
            .load()
            .values()
            .filter(lost)
            .map(|upstream| upstream.channel.name.clone())
            .collect()
    }

    /// Whether there is none, deleted ones not counted.
    pub fn is_empty(&self) -> bool {
        self.0
            .all
            .load()
            .values()
            .all(|upstream| upstream.channel.deleted_at.is_some())
    }

    /// The channels that may serve a model at an endpoint, in the order in which to try them.
    ///
    /// # Errors
    /// `model_not_found` when none is set up for it, `no_channel_available` when all that are cannot be used.
    pub fn route(&self, model: &str, endpoint: Endpoint) -> Result<Route> {
        let all = self.0.all.load();
        let mut candidates: Vec<Arc<Upstream>> = all
            .values()
            .filter(|upstream| upstream.channel.serves(model))
            .cloned()
            .collect();
        let set_up = !candidates.is_empty()
            || all.values().any(|u| {
                u.channel.deleted_at.is_none() && u.channel.models.iter().any(|m| m == model)
            });
        let served = candidates.len();
        // Tokens are counted here where a provider does not.
        candidates.retain(|upstream| {
            endpoint == Endpoint::CountTokens
                || upstream.channel.kind.serves_with(endpoint).is_some()
        });
        if candidates.is_empty() && served > 0 {
            return Err(Error::new(
                Code::ModelNotFound,
                format!("The model {model:?} cannot be used at this endpoint ({}): its providers have none such. Use another endpoint, or another model.", endpoint.as_str()),
            )
            .param("model"));
        }
        candidates.retain(|upstream| upstream.credential_state() != CredentialState::Unreadable);
        let now = self.0.clock.tick().since_start();
        match route::pick(candidates, model, now) {
            Ok(candidates) => return Ok(Route { candidates }),
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

    /// Gives a call for a model its turn at a channel.
    ///
    /// # Errors
    /// When the channel takes no call now: another one may have failed on it since the route was made.
    pub fn turn(&self, upstream: &Arc<Upstream>, model: &str) -> Result<Turn, Out> {
        Turn::begin(upstream, model, &self.0.clock)
    }

    /// What a client is told when none of its route's channels took the call.
    pub fn all_out(&self, out: AllOut, model: &str) -> Error {
        let now = self.0.clock.tick().since_start();
        out.error(model, now)
            .unwrap_or_else(|| Error::internal("a route without candidates"))
    }

    /// A test went well: whatever the channel's health was, it is back.
    pub fn mend(&self, upstream: &Upstream) {
        let turned = upstream.health().mend();
        upstream.tell(turned);
    }

    /// One channel by its id, for a test call.
    ///
    /// # Errors
    /// `not_found`.
    pub fn upstream(&self, id: ChannelId) -> Result<Arc<Upstream>> {
        self.existing(id)
    }

    /// Every model that an active channel serves, by name.
    pub fn served_models(&self) -> Vec<ServedModel> {
        let mut models: BTreeMap<String, (ServedModel, i32)> = BTreeMap::new();
        for upstream in self.0.all.load().values() {
            let channel = &upstream.channel;
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
            .filter(|upstream| upstream.channel.deleted_at.is_none())
            .collect();
        channels.sort_by_key(|upstream| {
            (
                std::cmp::Reverse(upstream.channel.priority),
                upstream.channel.id,
            )
        });
        channels
            .into_iter()
            .map(|upstream| self.view(upstream))
            .collect()
    }

    /// A channel by its id; deleted ones too, for the call log's names.
    pub fn find(&self, id: ChannelId) -> Option<Arc<Channel>> {
        self.0
            .all
            .load()
            .get(&id)
            .map(|upstream| Arc::clone(&upstream.channel))
    }

    /// A channel as lists show it.
    ///
    /// # Errors
    /// `not_found`.
    pub fn show(&self, id: ChannelId) -> Result<ChannelView> {
        self.view(&*self.existing(id)?)
    }

    fn existing(&self, id: ChannelId) -> Result<Arc<Upstream>> {
        let found = self
            .0
            .all
            .load()
            .get(&id)
            .filter(|upstream| upstream.channel.deleted_at.is_none())
            .cloned();
        found.ok_or_else(|| {
            Error::new(
                Code::NotFound,
                "No channel has this id. GET /api/channels lists them.",
            )
        })
    }

    fn view(&self, upstream: &Upstream) -> Result<ChannelView> {
        let key = TotalKey {
            scope: Scope::Channel(upstream.channel.id),
            period: Period::Ever,
        };
        let tally = self.0.store.total(&key).map_err(Error::internal)?;
        Ok(ChannelView {
            channel: Arc::clone(&upstream.channel),
            credential: upstream.credential_state(),
            calling: upstream.calling(),
            health: self.health(upstream),
            tally,
        })
    }

    fn health(&self, upstream: &Upstream) -> HealthView {
        let (wall, now) = (self.0.clock.now(), self.0.clock.tick().since_start());
        let condition = upstream.health().condition(now);
        let at = |tick: Duration| wall.after(tick.saturating_sub(now));
        HealthView {
            until: condition.until.map(at),
            limited: condition
                .limited
                .iter()
                .map(|(model, until)| (model.clone(), at(*until)))
                .collect(),
            condition,
        }
    }

    /// A channel that is not kept, and takes no calls: for asking its provider something before it is made.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn draft(&self, new: NewChannel) -> Result<Arc<Upstream>> {
        let channel = self.made(new)?;
        Ok(Arc::new(Upstream::open(&self.0.master_key, channel)))
    }

    fn made(&self, new: NewChannel) -> Result<Channel> {
        let now = self.0.clock.now();
        let id: ChannelId = new_id(now);
        let credential = self.seal(id, new.credential.as_ref())?;
        let calling = self.seal_calling(id, &Calling::default(), new.calling)?;
        Ok(Channel {
            id,
            name: new.name,
            kind: new.kind,
            base_url: new.base_url,
            api_version: new.api_version,
            credential,
            models: new.models,
            model_map: new.model_map,
            priority: new.priority,
            weight: new.weight,
            price_multiplier: new.price_multiplier,
            calling,
            status: new.status,
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
        mut change: ChannelChange,
        actor: &Actor,
    ) -> Result<ChannelView> {
        let put = {
            let _changing = self
                .0
                .changing
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let old = Arc::clone(&self.existing(id)?.channel);
            let sealed = match &change.credential {
                Some(credential) => Some(self.seal(id, credential.as_ref())?),
                None => None,
            };
            let calling = std::mem::take(&mut change.calling);
            let calling = self.seal_calling(id, &old.calling, calling)?;
            let (new, differences) = change.apply(&old, sealed, calling);
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
            let new = Channel {
                deleted_at: Some(self.0.clock.now()),
                credential: None,
                calling: Calling::default(),
                ..Channel::clone(&old)
            };
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

    fn seal(
        &self,
        id: ChannelId,
        credential: Option<&Zeroizing<String>>,
    ) -> Result<Option<crate::domain::Sealed>> {
        credential
            .map(|text| self.0.master_key.seal(text, &seals::credential_place(id)))
            .transpose()
            .map_err(Error::internal)
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
        let mut upstream = Upstream::open(&self.0.master_key, channel);
        if let Some(old) = self.0.all.load().get(&upstream.channel.id) {
            upstream.inherit(old);
        }
        let upstream = Arc::new(upstream);
        self.0.all.rcu(|all| {
            let mut all = BTreeMap::clone(all);
            all.insert(upstream.channel.id, Arc::clone(&upstream));
            all
        });
        let channels = self.clone();
        async move {
            write(&channels.0.store, ticket).await?;
            channels.view(&upstream)
        }
    }
}
