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
use super::channels::Channels;
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
    /// When it cannot be written.
    pub async fn set_price(&self, name: &str, own: OwnPrice, actor: &Actor) -> Result<ModelView> {
        let model = Model {
            name: name.to_owned(),
            price: Some(own.price),
            context_tokens: own.context_tokens,
            max_output_tokens: own.max_output_tokens,
            source: PriceSource::Own {
                at: self.0.clock.now(),
            },
        };
        let ticket = {
            let mut all = self.0.own.write().unwrap_or_else(PoisonError::into_inner);
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
    /// `not_found` when there is no own price.
    pub async fn clear_price(&self, name: &str, actor: &Actor) -> Result<()> {
        let ticket = {
            let mut all = self.0.own.write().unwrap_or_else(PoisonError::into_inner);
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
