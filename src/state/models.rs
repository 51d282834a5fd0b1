//! Models: the operator's own prices over the catalogue's.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use crate::clock::Clock;
use crate::domain::{
    ChannelId, Code, Error, LongContext, Model, Money, Multiplier, Price, PriceSource, Result,
};
use crate::storage::{Batch, Store};

use super::audit::{self, Actor, Differences};
use super::catalogue::{self, per_mtok};
use super::channels::{Channels, set_in_configuration};
use super::hidden::HiddenPrompts;
use super::write;

/// Prices and limits by model name.
#[derive(Clone)]
pub struct Models(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Clock,
    channels: Channels,
    hidden: HiddenPrompts,
    catalogue: HashMap<String, Arc<Model>>,
    own: RwLock<BTreeMap<String, Arc<Model>>>,
}

/// A model as lists show it.
#[derive(Clone, Debug)]
pub struct ModelView {
    /// Name, limits; price and its source where it has one.
    pub model: Arc<Model>,
    /// The channels that serve it, by id and name.
    pub channels: Vec<(ChannelId, String)>,
}

/// An operator's own price and limits for a model.
#[derive(Clone, Copy, Debug, Default)]
pub struct OwnPrice {
    /// Its price.
    pub price: Price,
    /// The longest context, in tokens.
    pub context_tokens: Option<u32>,
    /// The most it writes in one call, in tokens.
    pub max_output_tokens: Option<u32>,
}

impl OwnPrice {
    fn of(self, name: &str, source: PriceSource) -> Model {
        Model {
            name: name.to_owned(),
            price: Some(self.price),
            context_tokens: self.context_tokens,
            max_output_tokens: self.max_output_tokens,
            source,
        }
    }
}

/// Whether an admin may set a model's price.
fn free(known: Option<&Arc<Model>>) -> Result<()> {
    match known.map(|model| &model.source) {
        Some(PriceSource::Config { file }) => Err(set_in_configuration(file)),
        Some(PriceSource::Own { .. } | PriceSource::Catalogue { .. }) | None => Ok(()),
    }
}

impl Models {
    pub(super) fn load(
        store: Store,
        clock: Clock,
        channels: Channels,
        hidden: HiddenPrompts,
    ) -> Result<Self> {
        let own = store.load::<Model>().map_err(Error::internal)?;
        let own = own
            .into_iter()
            .map(|model| (model.name.clone(), Arc::new(model)))
            .collect();
        let catalogue = catalogue::parse(catalogue::EMBEDDED)?;
        Ok(Self(Arc::new(Inner {
            store,
            clock,
            channels,
            hidden,
            catalogue,
            own: RwLock::new(own),
        })))
    }

    /// What is known of a model; `None`: nothing, so it is not priced.
    pub fn find(&self, name: &str) -> Option<Arc<Model>> {
        self.own(name)
            .or_else(|| self.0.catalogue.get(name).cloned())
    }

    fn own(&self, name: &str) -> Option<Arc<Model>> {
        self.0
            .own
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .cloned()
    }

    /// Every model that a channel serves or that has an own price, by name.
    ///
    /// # Errors
    /// When the channels cannot be read.
    pub fn list(&self) -> Result<Vec<ModelView>> {
        let mut channels: BTreeMap<String, Vec<(ChannelId, String)>> = BTreeMap::new();
        for view in self.0.channels.list()? {
            for model in &view.channel.models {
                channels
                    .entry(model.clone())
                    .or_default()
                    .push((view.channel.id, view.channel.name.clone()));
            }
        }
        for name in self
            .0
            .own
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .keys()
        {
            channels.entry(name.clone()).or_default();
        }
        Ok(channels
            .into_iter()
            .map(|(name, channels)| ModelView {
                model: self.known_or_unpriced(&name),
                channels,
            })
            .collect())
    }

    fn known_or_unpriced(&self, name: &str) -> Arc<Model> {
        self.find(name).unwrap_or_else(|| {
            Arc::new(Model {
                name: name.to_owned(),
                price: None,
                context_tokens: None,
                max_output_tokens: None,
                source: PriceSource::Own {
                    at: self.0.clock.now(),
                },
            })
        })
    }

    /// Sets an own price, effective for the very next call.
    ///
    /// # Errors
    /// When it cannot be written; `conflict` when the configuration sets it.
    pub async fn set_price(&self, name: &str, own: OwnPrice, actor: &Actor) -> Result<ModelView> {
        let at = self.0.clock.now();
        let model = own.of(name, PriceSource::Own { at });
        let ticket = {
            let mut all = self.0.own.write().unwrap_or_else(PoisonError::into_inner);
            free(all.get(name))?;
            let before = all.get(name).or_else(|| self.0.catalogue.get(name));
            let log = audit::entry(
                &self.0.clock,
                actor,
                "model.set_price",
                (name, name),
                differences(before, &model),
            );
            let ticket = self.0.store.write(Batch::new().put(&model).put(&log));
            all.insert(name.to_owned(), Arc::new(model));
            ticket
        };
        self.0.hidden.forget(name);
        write(&self.0.store, ticket).await?;
        self.show(name)
    }

    /// Removes an own price: the catalogue's holds again, if it has one.
    ///
    /// # Errors
    /// `not_found` when there is no own price, `conflict` when the configuration sets it.
    pub async fn clear_price(&self, name: &str, actor: &Actor) -> Result<()> {
        let ticket = {
            let mut all = self.0.own.write().unwrap_or_else(PoisonError::into_inner);
            free(all.get(name))?;
            if all.remove(name).is_none() {
                return Err(Error::new(
                    Code::NotFound,
                    format!(
                        "The model {name:?} has no own price. GET /api/models shows which have."
                    ),
                ));
            }
            let log = audit::entry(
                &self.0.clock,
                actor,
                "model.clear_price",
                (name, name),
                Vec::new(),
            );
            self.0
                .store
                .write(Batch::new().delete::<Model>(name.as_bytes()).put(&log))
        };
        self.0.hidden.forget(name);
        write(&self.0.store, ticket).await
    }

    /// Makes the models of the configuration what its file says; they go before own prices. One that is no longer there is
    /// priced by the catalogue again.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn configure(&self, file: &str, wanted: Vec<(String, OwnPrice)>) -> Result<()> {
        let actor = Actor::configuration();
        let (mut batch, mut changed) = (Batch::new(), Vec::new());
        let ticket = {
            let mut all = self.0.own.write().unwrap_or_else(PoisonError::into_inner);
            let named: BTreeMap<String, Arc<Model>> = wanted
                .into_iter()
                .map(|(name, own)| {
                    let file = file.to_owned();
                    let model = own.of(&name, PriceSource::Config { file });
                    (name, Arc::new(model))
                })
                .collect();
            let gone = all.iter().filter(|(name, model)| {
                matches!(model.source, PriceSource::Config { .. }) && !named.contains_key(*name)
            });
            let gone: Vec<String> = gone.map(|(name, _)| name.clone()).collect();
            for name in gone {
                all.remove(&name);
                let target = (&name, &name);
                let log = audit::entry(
                    &self.0.clock,
                    &actor,
                    "model.clear_price",
                    target,
                    Vec::new(),
                );
                batch = batch.delete::<Model>(name.as_bytes()).put(&log);
                changed.push(name);
            }
            for (name, model) in named {
                if all.get(&name) == Some(&model) {
                    continue;
                }
                let before = all.get(&name).or_else(|| self.0.catalogue.get(&name));
                let changes = differences(before, &model);
                let target = (&name, &name);
                let log = audit::entry(&self.0.clock, &actor, "model.set_price", target, changes);
                batch = batch.put(model.as_ref()).put(&log);
                all.insert(name.clone(), model);
                changed.push(name);
            }
            self.0.store.write(batch)
        };
        for name in changed {
            self.0.hidden.forget(&name);
        }
        write(&self.0.store, ticket).await
    }

    /// A model as lists show it, served or not.
    ///
    /// # Errors
    /// When the channels cannot be read.
    pub fn show(&self, name: &str) -> Result<ModelView> {
        let serving = self.0.channels.list()?;
        let serving = serving
            .into_iter()
            .filter(|view| view.channel.models.iter().any(|model| model == name));
        let channels = serving
            .map(|view| (view.channel.id, view.channel.name.clone()))
            .collect();
        Ok(ModelView {
            model: self.known_or_unpriced(name),
            channels,
        })
    }
}

fn differences(before: Option<&Arc<Model>>, after: &Model) -> Vec<crate::domain::Change> {
    let mut differences = Differences::default();
    let old = before.and_then(|model| model.price);
    let new = after.price;
    let mut note = |field: &str, of: fn(Price) -> Option<Money>| {
        differences.note_option(
            field,
            old.and_then(of).map(per_mtok),
            new.and_then(of).map(per_mtok),
        );
    };
    note("input_usd_per_mtok", |price| Some(price.input));
    note("cached_input_usd_per_mtok", |price| price.cached_input);
    note("cache_write_usd_per_mtok", |price| price.cache_write);
    note("cache_write_1h_usd_per_mtok", |price| price.cache_write_1h);
    note("output_usd_per_mtok", |price| Some(price.output));
    note("reasoning_usd_per_mtok", |price| price.reasoning);
    note("audio_input_usd_per_mtok", |price| price.audio.input);
    note("audio_cached_input_usd_per_mtok", |price| {
        price.audio.cached_input
    });
    note("audio_output_usd_per_mtok", |price| price.audio.output);
    note("image_input_usd_per_mtok", |price| price.image.input);
    note("image_cached_input_usd_per_mtok", |price| {
        price.image.cached_input
    });
    note("image_output_usd_per_mtok", |price| price.image.output);
    let mut note = |field: &str, of: fn(Price) -> Money| {
        differences.note_option(field, old.map(of), new.map(of));
    };
    note("per_request_usd", |price| price.per_request);
    note("per_image_usd", |price| price.pieces.image);
    note("per_second_usd", |price| price.pieces.second);
    note("per_character_usd", |price| price.pieces.character);
    note("per_search_usd", |price| price.pieces.search);
    let long = |of: fn(LongContext) -> Multiplier| {
        move |price: Option<Price>| price.and_then(|price| price.long_context).map(of)
    };
    let above = |price: Option<Price>| Some(price?.long_context?.above);
    differences.note_option("long_context_above_tokens", above(old), above(new));
    for (field, of) in [
        ("long_context_input_factor", long(|long| long.input)),
        ("long_context_output_factor", long(|long| long.output)),
    ] {
        differences.note_option(field, of(old), of(new));
    }
    let mut note = |field: &str, of: fn(Price) -> Option<Multiplier>| {
        differences.note_option(field, old.and_then(of), new.and_then(of));
    };
    note("flex_factor", |price| price.flex);
    note("priority_factor", |price| price.priority);
    differences.note_option(
        "max_output_tokens",
        before.and_then(|m| m.max_output_tokens),
        after.max_output_tokens,
    );
    differences.note_option(
        "context_tokens",
        before.and_then(|m| m.context_tokens),
        after.context_tokens,
    );
    differences.into_changes()
}
