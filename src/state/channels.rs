//! Channels in memory with their credentials opened, the routes over them, and every change to them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::crypto::{self, MasterKey};
use crate::domain::{
    Admits, Channel, ChannelId, ChannelKind, ChannelStatus, Code, Error, Health, Multiplier,
    Period, Result, Scope, Tally, Timestamp, TotalKey, order_candidates,
};
use crate::storage::{Batch, Store};

use super::audit::{self, Actor, Differences};
use super::ids::new_id;
use super::write;

/// A channel ready for a call.
#[derive(Debug)]
pub struct Upstream {
    /// Its settings.
    pub channel: Arc<Channel>,
    credential: Opened,
    /// In memory only, and kept through changes that do not touch where its calls go.
    health: Arc<Mutex<Health>>,
}

/// A call's turn at a channel. Dropped before it is known how it went, it tells nothing of the channel's health.
#[derive(Debug)]
pub struct Turn {
    upstream: Arc<Upstream>,
    clock: Clock,
    probe: bool,
}

impl Turn {
    /// The channel answered, be it that the client is wrong.
    pub fn succeed(self) {
        if self.upstream.health().succeed() {
            tracing::info!(channel = %self.upstream.channel.name, "a channel is back");
        }
    }

    /// The channel failed.
    pub fn fail(mut self) {
        let now = self.clock.tick().since_start();
        let probe = std::mem::take(&mut self.probe);
        let down = self.upstream.health().fail(now, probe);
        if let Some(reason) = down {
            tracing::warn!(channel = %self.upstream.channel.name, reason = reason.as_str(), "a channel is out of the pool");
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.probe {
            self.upstream.health().release();
        }
    }
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

impl Upstream {
    /// What to authenticate with at the provider.
    pub fn credential(&self) -> Option<&str> {
        match &self.credential {
            Opened::Plain(text) => Some(text),
            Opened::None | Opened::Unreadable => None,
        }
    }

    /// Keeps the health of what it replaces, if its calls still go to the same place in the same name. What an operator has
    /// mended is tried at once.
    fn inherit(&mut self, old: &Self) {
        let (new, old_channel) = (&self.channel, &old.channel);
        let same = new.kind == old_channel.kind
            && new.base_url == old_channel.base_url
            && new.credential == old_channel.credential
            && new.status == old_channel.status;
        if same {
            self.health = Arc::clone(&old.health);
        }
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The channels that may serve a call, in the order in which to try them. Never empty.
#[derive(Clone, Debug)]
pub struct Route {
    /// The candidates.
    pub candidates: Vec<Arc<Upstream>>,
}

impl Route {
    /// The highest price multiplier among them.
    pub fn dearest(&self) -> Multiplier {
        self.candidates
            .iter()
            .map(|upstream| upstream.channel.price_multiplier)
            .max()
            .unwrap_or(Multiplier::ONE)
    }
}

/// Whether a channel's credential can be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CredentialState {
    /// It has none.
    None,
    /// Stored sealed, and opened.
    Sealed,
    /// Sealed with another master key: it has to be entered again.
    Unreadable,
}

/// A channel as lists show it.
#[derive(Clone, Debug)]
pub struct ChannelView {
    /// The record.
    pub channel: Arc<Channel>,
    /// Whether its credential can be used.
    pub credential: CredentialState,
    /// What it has served, ever.
    pub tally: Tally,
}

/// What a new channel is made of.
#[derive(Debug)]
pub struct NewChannel {
    /// What the operator calls it.
    pub name: String,
    /// Which provider interface it speaks.
    pub kind: ChannelKind,
    /// Where the provider is.
    pub base_url: String,
    /// The provider's credential.
    pub credential: Option<Zeroizing<String>>,
    /// Public names of the models it serves.
    pub models: Vec<String>,
    /// Public name to the provider's own.
    pub model_map: BTreeMap<String, String>,
    /// Higher is tried first.
    pub priority: i32,
    /// Share among channels of one priority.
    pub weight: u32,
    /// Factor on prices.
    pub price_multiplier: Multiplier,
    /// Whether it takes calls.
    pub status: ChannelStatus,
}

/// What to change of a channel; `None` leaves a field as it is.
#[derive(Debug, Default)]
pub struct ChannelChange {
    /// What the operator calls it.
    pub name: Option<String>,
    /// Which provider interface it speaks.
    pub kind: Option<ChannelKind>,
    /// Where the provider is.
    pub base_url: Option<String>,
    /// The provider's credential; `Some(None)`: none.
    pub credential: Option<Option<Zeroizing<String>>>,
    /// Public names of the models it serves.
    pub models: Option<Vec<String>>,
    /// Public name to the provider's own.
    pub model_map: Option<BTreeMap<String, String>>,
    /// Higher is tried first.
    pub priority: Option<i32>,
    /// Share among channels of one priority.
    pub weight: Option<u32>,
    /// Factor on prices.
    pub price_multiplier: Option<Multiplier>,
    /// Whether it takes calls.
    pub status: Option<ChannelStatus>,
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
            .map(|channel| (channel.id, Arc::new(open(&master_key, channel))))
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
                && matches!(upstream.credential, Opened::Unreadable)
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

    /// The channels that may serve a model, in the order in which to try them.
    ///
    /// # Errors
    /// `model_not_found` when none is set up for it, `no_channel_available` when all that are cannot be used.
    pub fn route(&self, model: &str) -> Result<Route> {
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
        candidates.retain(|upstream| !matches!(upstream.credential, Opened::Unreadable));
        let now = self.0.clock.tick().since_start();
        let mut soonest: Option<Duration> = None;
        candidates.retain(|upstream| match upstream.health().admits(now) {
            Admits::Call | Admits::Probe => true,
            Admits::NotBefore(until) => {
                soonest = Some(soonest.map_or(until, |soonest| soonest.min(until)));
                false
            }
        });
        if !candidates.is_empty() {
            order_candidates(
                &mut candidates,
                |u| (u.channel.priority, u.channel.weight),
                chance,
            );
            return Ok(Route { candidates });
        }
        if let Some(until) = soonest {
            return Err(out_of_the_pool(model, until.saturating_sub(now)));
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

    /// Gives a call its turn at a channel.
    ///
    /// # Errors
    /// How long to wait, when the channel is out of the pool or another call is trying whether it is back.
    pub fn turn(&self, upstream: &Arc<Upstream>) -> Result<Turn, Duration> {
        let now = self.0.clock.tick().since_start();
        let admits = upstream.health().begin(now);
        match admits {
            Admits::NotBefore(until) => Err(until.saturating_sub(now)),
            Admits::Call | Admits::Probe => Ok(Turn {
                upstream: Arc::clone(upstream),
                clock: self.0.clock.clone(),
                probe: admits == Admits::Probe,
            }),
        }
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
        let credential = match upstream.credential {
            Opened::None => CredentialState::None,
            Opened::Plain(_) => CredentialState::Sealed,
            Opened::Unreadable => CredentialState::Unreadable,
        };
        Ok(ChannelView {
            channel: Arc::clone(&upstream.channel),
            credential,
            tally,
        })
    }

    /// Makes a channel.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn create(&self, new: NewChannel, actor: &Actor) -> Result<ChannelView> {
        let now = self.0.clock.now();
        let id: ChannelId = new_id(now);
        let credential = self.seal(id, new.credential.as_ref())?;
        let channel = Channel {
            id,
            name: new.name,
            kind: new.kind,
            base_url: new.base_url,
            credential,
            models: new.models,
            model_map: new.model_map,
            priority: new.priority,
            weight: new.weight,
            price_multiplier: new.price_multiplier,
            status: new.status,
            created_at: now,
            deleted_at: None,
        };
        let log = audit::entry(
            &self.0.clock,
            actor,
            "channel.create",
            (id, &channel.name),
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
            let old = Arc::clone(&self.existing(id)?.channel);
            let mut new = Channel::clone(&old);
            let mut differences = Differences::default();
            if let Some(credential) = change.credential {
                new.credential = self.seal(id, credential.as_ref())?;
                differences.note(
                    "credential",
                    "(not shown)",
                    if credential.is_some() {
                        "(changed)"
                    } else {
                        "none"
                    },
                );
            }
            new.name = change.name.unwrap_or(new.name);
            new.kind = change.kind.unwrap_or(new.kind);
            new.base_url = change.base_url.unwrap_or(new.base_url);
            new.models = change.models.unwrap_or(new.models);
            new.model_map = change.model_map.unwrap_or(new.model_map);
            new.priority = change.priority.unwrap_or(new.priority);
            new.weight = change.weight.unwrap_or(new.weight);
            new.price_multiplier = change.price_multiplier.unwrap_or(new.price_multiplier);
            new.status = change.status.unwrap_or(new.status);
            note_differences(&mut differences, &old, &new);
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
            .map(|text| self.0.master_key.seal(text, id.as_bytes()))
            .transpose()
            .map_err(Error::internal)
    }

    /// Takes effect at the call; the future waits until it is on disk.
    fn put(
        &self,
        channel: Channel,
        log: crate::domain::AuditEntry,
    ) -> impl Future<Output = Result<ChannelView>> + use<> {
        let ticket = self.0.store.write(Batch::new().put(&channel).put(&log));
        let mut upstream = open(&self.0.master_key, channel);
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

fn open(master_key: &MasterKey, channel: Channel) -> Upstream {
    let credential = match &channel.credential {
        None => Opened::None,
        Some(sealed) => match master_key.open(sealed, channel.id.as_bytes()) {
            Some(text) => Opened::Plain(Arc::new(text)),
            None => Opened::Unreadable,
        },
    };
    Upstream {
        channel: Arc::new(channel),
        credential,
        health: Arc::default(),
    }
}

/// All channels of a model are out of the pool; the first of them is tried again after `wait`.
pub fn out_of_the_pool(model: &str, wait: Duration) -> Error {
    let message = format!(
        "All channels for the model {model:?} have failed lately and are given a rest. Try again as Retry-After says, or use another model."
    );
    Error::new(Code::NoChannelAvailable, message).retry_after(wait.max(Duration::from_secs(1)))
}

fn note_differences(differences: &mut Differences, old: &Channel, new: &Channel) {
    let map = |channel: &Channel| {
        channel
            .model_map
            .iter()
            .map(|(public, own)| format!("{public}={own}"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let status = |channel: &Channel| match channel.status {
        ChannelStatus::Active => "active",
        ChannelStatus::Disabled => "disabled",
    };
    differences.note("name", &old.name, &new.name);
    differences.note("kind", old.kind.as_str(), new.kind.as_str());
    differences.note("base_url", &old.base_url, &new.base_url);
    differences.note("models", old.models.join(", "), new.models.join(", "));
    differences.note("model_map", map(old), map(new));
    differences.note("priority", old.priority, new.priority);
    differences.note("weight", old.weight, new.weight);
    differences.note(
        "price_multiplier",
        old.price_multiplier,
        new.price_multiplier,
    );
    differences.note("status", status(old), status(new));
}

/// A random number in (0, 1] for sharing calls out by weight. Which channel serves a call is no secret, so without randomness
/// the first one serves.
fn chance() -> f64 {
    let bytes = crypto::random::<4>().unwrap_or_default();
    (f64::from(u32::from_be_bytes(bytes)) + 1.0) / (f64::from(u32::MAX) + 1.0)
}
