//! What a call may need at most: the bound that is set aside for it.

use std::sync::Arc;

use super::channels::Fallback;
use crate::domain::{
    Consumption, Headroom, Model, Money, Most, Multiplier, Pieces, Price, ServiceTier, highest,
};

/// The most that a model of unknown limits is taken to write in one call, in tokens.
pub const ASSUMED_MAX_OUTPUT: u64 = 16_384;

/// What a call may need at most.
#[derive(Clone, Debug)]
pub struct Ask {
    /// An upper bound of the input tokens that the client sends.
    pub prompt_tokens: u64,
    /// What the provider is known to add to them.
    pub hidden_tokens: u64,
    /// Whether the model writes tokens.
    pub generates: bool,
    /// The lowest output limit that providers take.
    pub least_output: u64,
    /// The output limit that the client set, for each choice.
    pub client_limit: Option<u64>,
    /// How many answers it asked for (`n`).
    pub choices: u64,
    /// The most that it may need of what is billed by the piece.
    pub pieces: Pieces,
    /// The provider's tier that it asked for.
    pub tier: ServiceTier,
    /// Price and limits of the model; `None`: unknown.
    pub model: Option<Arc<Model>>,
    /// The dearest channel that might serve it.
    pub multiplier: Multiplier,
    /// Models that may serve in its place, and the dearest channel of each: the bound holds for all of them.
    pub fallbacks: Vec<(Arc<Fallback>, Multiplier)>,
}

impl Ask {
    pub(super) fn price(&self) -> Option<Price> {
        self.model.as_ref().and_then(|model| model.price)
    }

    /// All models that may serve it, each with its dearest channel.
    fn models(&self) -> impl Iterator<Item = (Option<&Model>, Multiplier)> {
        let fallbacks = self.fallbacks.iter();
        let fallbacks = fallbacks.map(|(fallback, dearest)| (fallback.model.as_deref(), *dearest));
        std::iter::once((self.model.as_deref(), self.multiplier)).chain(fallbacks)
    }

    /// Input cannot exceed the model's context: a longer one is refused by the provider. What a provider has been seen to
    /// add counts whatever its context is said to be.
    pub(super) fn prompt_bound(&self) -> u64 {
        let context = |model: Option<&Model>| model.and_then(|model| model.context_tokens);
        self.models()
            .map(|(model, _)| {
                context(model).map_or(self.prompt_tokens, |context| {
                    self.prompt_tokens.min(u64::from(context))
                })
            })
            .max()
            .unwrap_or(self.prompt_tokens)
            .saturating_add(self.hidden_tokens)
    }

    /// The output limit for each choice under no quota: the client's, else the model's, else an assumed one.
    pub(super) fn output(&self) -> u64 {
        self.client_limit.unwrap_or_else(|| {
            let limits = self
                .limits()
                .map(|limit| limit.unwrap_or(ASSUMED_MAX_OUTPUT));
            limits.max().unwrap_or(ASSUMED_MAX_OUTPUT)
        })
    }

    /// Whether its output limit is the gateway's to lower.
    pub(super) fn may_be_lowered(&self) -> bool {
        self.generates && self.client_limit.is_none()
    }

    /// The least that it may be bounded to.
    pub(super) fn least(&self) -> Consumption {
        self.bound(self.client_limit.unwrap_or(self.least_output.max(1)))
    }

    /// Whether nobody limits its output.
    pub(super) fn is_unlimited(&self) -> bool {
        self.may_be_lowered() && self.limits().any(|limit| limit.is_none())
    }

    fn limits(&self) -> impl Iterator<Item = Option<u64>> {
        self.models()
            .map(|(model, _)| model?.max_output_tokens.map(u64::from))
    }

    /// The bound with this output limit for each choice.
    pub(super) fn bound(&self, output: u64) -> Consumption {
        let prompt = self.prompt_bound();
        let output = if self.generates {
            output.saturating_mul(self.choices.max(1))
        } else {
            0
        };
        let most = Most {
            prompt,
            completion: output,
            pieces: self.pieces,
            tier: self.tier,
        };
        let each = self.models().filter_map(|(model, dearest)| {
            let price = model?.price?;
            Some(price.bound(&most, dearest))
        });
        Consumption {
            usd: each.max().unwrap_or(Money::ZERO),
            tokens: prompt.saturating_add(output),
            requests: 1,
        }
    }

    /// The highest output limit from the least that providers take to `most` whose bound fits the headroom.
    pub(super) fn highest_fitting(&self, most: u64, headroom: &Headroom) -> Option<u64> {
        let fits = |output: u64| headroom.holds(self.bound(output));
        let least = self.least_output.max(1);
        (most >= least && fits(least)).then(|| highest(least..=most, fits))
    }
}
