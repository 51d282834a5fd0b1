//! What makes a channel and what changes it.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::super::audit::Differences;
use super::calling::{self, CallingChange};
use crate::domain::{Calling, Channel, ChannelKind, ChannelStatus, CostSource, Multiplier, Sealed};

/// What a new channel is made of.
#[derive(Debug)]
pub struct NewChannel {
    /// What the operator calls it.
    pub name: String,
    /// Which provider interface it speaks.
    pub kind: ChannelKind,
    /// Where the provider is.
    pub base_url: String,
    /// The version of the provider's interface; `None`: the usual one.
    pub api_version: Option<String>,
    /// The provider's credentials; none where it needs none.
    pub credentials: Vec<GivenCredential>,
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
    /// Whose dollars are booked.
    pub cost_source: CostSource,
    /// How its provider is called.
    pub calling: CallingChange,
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
    /// Its version; inner `None`: the usual one.
    pub api_version: Option<Option<String>>,
    /// All credentials that it is to have.
    pub credentials: Option<Vec<GivenCredential>>,
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
    /// Whose dollars are booked.
    pub cost_source: Option<CostSource>,
    /// How its provider is called.
    pub calling: CallingChange,
    /// Whether it takes calls.
    pub status: Option<ChannelStatus>,
}

/// A credential in a change.
#[derive(Debug)]
pub enum GivenCredential {
    /// Entered; one that the channel has already stays as it is.
    Entered(Zeroizing<String>),
    /// The one that has this mark.
    Kept(String),
}

impl ChannelChange {
    /// The channel with this change, whose secrets come sealed; and what is different.
    pub(super) fn apply(
        self,
        old: &Channel,
        sealed: Option<Vec<Sealed>>,
        calling: Calling,
    ) -> (Channel, Differences) {
        let mut new = old.clone();
        let mut differences = Differences::default();
        if let Some(sealed) = sealed.filter(|sealed| *sealed != old.credentials) {
            let shown = if sealed.is_empty() {
                "none"
            } else {
                "(changed)"
            };
            differences.note("credential", "(not shown)", shown);
            differences.note("credentials", old.credentials.len(), sealed.len());
            new.credentials = sealed;
        }
        new.name = self.name.unwrap_or(new.name);
        new.kind = self.kind.unwrap_or(new.kind);
        new.base_url = self.base_url.unwrap_or(new.base_url);
        new.api_version = self.api_version.unwrap_or(new.api_version);
        new.models = self.models.unwrap_or(new.models);
        new.model_map = self.model_map.unwrap_or(new.model_map);
        new.priority = self.priority.unwrap_or(new.priority);
        new.weight = self.weight.unwrap_or(new.weight);
        new.price_multiplier = self.price_multiplier.unwrap_or(new.price_multiplier);
        new.cost_source = self.cost_source.unwrap_or(new.cost_source);
        new.status = self.status.unwrap_or(new.status);
        new.calling = calling;
        note_differences(&mut differences, old, &new);
        (new, differences)
    }
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
    let version = |channel: &Channel| channel.api_version.clone().unwrap_or_default();
    differences.note("api_version", version(old), version(new));
    differences.note("models", old.models.join(", "), new.models.join(", "));
    differences.note("model_map", map(old), map(new));
    differences.note("priority", old.priority, new.priority);
    differences.note("weight", old.weight, new.weight);
    differences.note(
        "price_multiplier",
        old.price_multiplier,
        new.price_multiplier,
    );
    differences.note(
        "cost_source",
        old.cost_source.as_str(),
        new.cost_source.as_str(),
    );
    calling::note_differences(differences, &old.calling, &new.calling);
    differences.note("status", status(old), status(new));
}
