//! How calls find their channels: the settings for all models, what is set for one of them, and the route of a call over
//! channels and fallback models.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use crate::clock::Clock;
use crate::domain::{Endpoint, Error, ModelName, ModelRouting, Result, RoutingPolicy, Strategy};
use crate::storage::{Batch, Store};

use super::audit::{self, Actor, Differences};
use super::channels::{Candidate, Fallback, Route, Upstream, Wish};
use super::policies::{read, setting};
use super::{Caller, State, write};

const STRATEGY: &str = "routing_strategy";
const STICKY: &str = "routing_sticky";
/// More would be a mistake.
const MOST_FALLBACKS: usize = 10;

/// How calls find their channels.
#[derive(Clone)]
pub struct Routing(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Clock,
    policy: ArcSwap<RoutingPolicy>,
    /// Replaced as a whole at each change: calls read it without a lock.
    models: ArcSwap<BTreeMap<ModelName, Arc<ModelRouting>>>,
    /// Held while a change is worked out and queued, so that changes do not cross.
    changing: Mutex<()>,
}

/// What to change for all models; `None` leaves a field as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct RoutingChange {
    /// The order in which channels are tried.
    pub strategy: Option<Strategy>,
    /// Whether the calls of one key go the same way.
    pub sticky: Option<bool>,
}

/// What to change for one model; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct ModelRoutingChange {
    /// The order in which its channels are tried; inner `None`: as for all.
    pub strategy: Option<Option<Strategy>>,
    /// Models that serve in its place.
    pub fallbacks: Option<Vec<ModelName>>,
}

impl Routing {
    pub(super) fn load(store: Store, clock: Clock) -> Result<Self> {
        let default = RoutingPolicy::default();
        let policy = RoutingPolicy {
            strategy: read::<Option<_>>(&store, STRATEGY)?.unwrap_or(default.strategy),
            sticky: read::<Option<_>>(&store, STICKY)?.unwrap_or(default.sticky),
        };
        let models = store.load::<ModelRouting>().map_err(Error::internal)?;
        let models = models
            .into_iter()
            .map(|routing| (routing.model.clone(), Arc::new(routing)));
        Ok(Self(Arc::new(Inner {
            policy: ArcSwap::from_pointee(policy),
            models: ArcSwap::from_pointee(models.collect()),
            store,
            clock,
            changing: Mutex::default(),
        })))
    }

    /// What holds for all models.
    pub fn policy(&self) -> RoutingPolicy {
        **self.0.policy.load()
    }

    /// What is set for one model; `None`: nothing.
    pub fn of(&self, model: &str) -> Option<Arc<ModelRouting>> {
        self.0.models.load().get(model).cloned()
    }

    fn strategy(&self, own: Option<&ModelRouting>) -> Strategy {
        own.and_then(|own| own.strategy)
            .unwrap_or_else(|| self.policy().strategy)
    }

    /// Changes what holds for all models, effective for the very next call.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn update(&self, change: RoutingChange, actor: &Actor) -> Result<()> {
        let ticket = {
            let _changing = self.lock();
            let old = self.policy();
            let new = RoutingPolicy {
                strategy: change.strategy.unwrap_or(old.strategy),
                sticky: change.sticky.unwrap_or(old.sticky),
            };
            if new == old {
                return Ok(());
            }
            let mut differences = Differences::default();
            differences.note(STRATEGY, old.strategy.as_str(), new.strategy.as_str());
            differences.note(STICKY, old.sticky, new.sticky);
            let log = audit::settings_entry(&self.0.clock, actor, differences);
            let batch = Batch::new()
                .put(&setting(STRATEGY, &new.strategy)?)
                .put(&setting(STICKY, &new.sticky)?)
                .put(&log);
            let ticket = self.0.store.write(batch);
            self.0.policy.store(Arc::new(new));
            ticket
        };
        write(&self.0.store, ticket).await
    }

    /// Changes what is set for one model, effective for the very next call.
    ///
    /// # Errors
    /// `invalid_field` for fallback models that are too many or the model itself.
    pub async fn set(&self, model: &str, change: ModelRoutingChange, actor: &Actor) -> Result<()> {
        if let Some(fallbacks) = &change.fallbacks {
            check(model, fallbacks)?;
        }
        let ticket = {
            let _changing = self.lock();
            let old = self.of(model).as_deref().cloned().unwrap_or_default();
            let new = ModelRouting {
                model: model.to_owned(),
                strategy: change.strategy.unwrap_or(old.strategy),
                fallbacks: change.fallbacks.unwrap_or_else(|| old.fallbacks.clone()),
            };
            let mut differences = Differences::default();
            let word = |routing: &ModelRouting| routing.strategy.map(Strategy::as_str);
            differences.note_option("strategy", word(&old), word(&new));
            differences.note(
                "fallbacks",
                old.fallbacks.join(", "),
                new.fallbacks.join(", "),
            );
            let log = audit::entry(
                &self.0.clock,
                actor,
                "model.route",
                (model, model),
                differences.into_changes(),
            );
            let plain = new.strategy.is_none() && new.fallbacks.is_empty();
            let batch = if plain {
                Batch::new().delete::<ModelRouting>(model.as_bytes())
            } else {
                Batch::new().put(&new)
            };
            let ticket = self.0.store.write(batch.put(&log));
            let mut models = BTreeMap::clone(&self.0.models.load());
            models.remove(model);
            if !plain {
                models.insert(model.to_owned(), Arc::new(new));
            }
            self.0.models.store(Arc::new(models));
            ticket
        };
        write(&self.0.store, ticket).await
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, ()> {
        self.0
            .changing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn check(model: &str, fallbacks: &[ModelName]) -> Result<()> {
    let refuse = |words: &str| Err(Error::invalid_field("fallbacks", words.to_owned()));
    if fallbacks.len() > MOST_FALLBACKS {
        return refuse("A model has at most 10 fallback models.");
    }
    for (place, name) in fallbacks.iter().enumerate() {
        if name == model {
            return refuse("A model cannot be its own fallback.");
        }
        if name.is_empty() || name.len() > 200 || name.chars().any(char::is_control) {
            return refuse("Name models, each 1 to 200 characters.");
        }
        if fallbacks[..place].contains(name) {
            return refuse("Name each fallback model once.");
        }
    }
    Ok(())
}

impl State {
    /// The ways of a call for a model, in the order in which to try them: its own channels, then those of its fallback models
    /// as far as the caller's key may use them. The fallbacks' own fallbacks are not looked at, so there is no circle.
    ///
    /// # Errors
    /// `model_not_found`, `no_channel_available` and others when there is none: as for the model itself.
    pub fn route(
        &self,
        caller: &Caller,
        model: &str,
        endpoint: Endpoint,
        streamed: bool,
    ) -> Result<Route> {
        let own = self.routing.of(model);
        let key = self.routing.policy().sticky.then(|| caller.key().id);
        let wish = |model, own: Option<&ModelRouting>| {
            let strategy = self.routing.strategy(own);
            self.channels.route(&Wish {
                model,
                endpoint,
                strategy,
                streamed,
                key,
            })
        };
        let ways = |upstreams: Vec<Arc<Upstream>>, fallback: Option<Arc<Fallback>>| {
            upstreams.into_iter().map(move |upstream| Candidate {
                upstream,
                fallback: fallback.clone(),
            })
        };
        let first = wish(model, own.as_deref());
        let Some(own) = own.filter(|own| !own.fallbacks.is_empty()) else {
            return Ok(Route {
                candidates: ways(first?, None).collect(),
            });
        };
        let (mut candidates, refused): (Vec<_>, _) = match first {
            Ok(upstreams) => (ways(upstreams, None).collect(), None),
            Err(error) => (Vec::new(), Some(error)),
        };
        for name in &own.fallbacks {
            let known = self.models.find(name);
            let priced = known.as_ref().is_some_and(|known| known.price.is_some());
            // What the key may not use it does not get in another's place either, nor what its quota could not be held to.
            if caller.key().permissions.check_call(endpoint, name).is_err()
                || (!priced && caller.counts_money())
            {
                continue;
            }
            if let Ok(upstreams) = wish(name, self.routing.of(name).as_deref()) {
                let fallback = Fallback {
                    name: name.clone(),
                    model: known,
                };
                candidates.extend(ways(upstreams, Some(Arc::new(fallback))));
            }
        }
        match refused {
            Some(error) if candidates.is_empty() => Err(error),
            _ => Ok(Route { candidates }),
        }
    }
}
