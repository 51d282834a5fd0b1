//! What a call used, and what that costs.

use serde::{Deserialize, Serialize};

use super::channel::Multiplier;
use super::money::Money;

/// Tokens of a call, always counted in one way whatever the provider's own way is:
/// `prompt` includes `cached` and `cache_write`; `completion` includes `reasoning`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Input tokens, all of them.
    pub prompt: u64,
    /// Of these, read from the provider's cache.
    pub cached: u64,
    /// Of these, written to the provider's cache.
    pub cache_write: u64,
    /// Output tokens, all of them.
    pub completion: u64,
    /// Of these, spent on reasoning.
    pub reasoning: u64,
    /// Counted by the gateway, because the provider gave no numbers.
    pub estimated: bool,
}

impl Usage {
    /// Input and output together.
    pub const fn total(&self) -> u64 {
        self.prompt.saturating_add(self.completion)
    }
}

/// What a model costs: picodollars a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Price {
    /// An input token.
    pub input: Money,
    /// An input token read from cache; `None`: as `input`.
    pub cached_input: Option<Money>,
    /// An input token written to cache; `None`: as `input`.
    pub cache_write: Option<Money>,
    /// An output token.
    pub output: Money,
    /// An output token of reasoning; `None`: as `output`.
    pub reasoning: Option<Money>,
    /// Each request, whatever its tokens.
    pub per_request: Money,
}

impl Price {
    /// The exact cost of `usage` through a channel with `multiplier`, rounded up to the next picodollar.
    pub fn cost(&self, usage: &Usage, multiplier: Multiplier) -> Money {
        let cached = usage.cached.min(usage.prompt);
        let written = usage.cache_write.min(usage.prompt - cached);
        let plain = usage.prompt - cached - written;
        let reasoning = usage.reasoning.min(usage.completion);
        let list_price = [
            self.per_request,
            self.input.times(plain),
            self.cached_input.unwrap_or(self.input).times(cached),
            self.cache_write.unwrap_or(self.input).times(written),
            self.output.times(usage.completion - reasoning),
            self.reasoning.unwrap_or(self.output).times(reasoning),
        ];
        multiplier.apply(list_price.into_iter().sum())
    }

    /// The dearest that an input token can be: what a reservation counts with.
    pub fn dearest_input(&self) -> Money {
        self.input
            .max(self.cached_input.unwrap_or(Money::ZERO))
            .max(self.cache_write.unwrap_or(Money::ZERO))
    }

    /// The dearest that an output token can be.
    pub fn dearest_output(&self) -> Money {
        self.output.max(self.reasoning.unwrap_or(Money::ZERO))
    }

    /// The most that a call with at most these tokens can cost.
    pub fn bound(&self, prompt: u64, completion: u64, multiplier: Multiplier) -> Money {
        let tokens = self
            .dearest_input()
            .times(prompt)
            .plus(self.dearest_output().times(completion));
        multiplier.apply(self.per_request.plus(tokens))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn usd(text: &str) -> Money {
        Money::from_usd(text).unwrap()
    }

    #[test]
    fn cached_and_reasoning_tokens_are_priced_once() {
        let price = Price {
            input: usd("0.0000025"),
            cached_input: Some(usd("0.00000125")),
            output: usd("0.00001"),
            ..Price::default()
        };
        let usage = Usage {
            prompt: 1000,
            cached: 400,
            completion: 100,
            reasoning: 60,
            ..Usage::default()
        };
        assert_eq!(price.cost(&usage, Multiplier::ONE), usd("0.003"));
    }

    #[test]
    fn a_fraction_of_a_picodollar_is_rounded_up() {
        let price = Price {
            input: Money::from_pico(1),
            ..Price::default()
        };
        let usage = Usage {
            prompt: 1,
            ..Usage::default()
        };
        assert_eq!(
            price.cost(&usage, Multiplier::from_millionths(1)),
            Money::from_pico(1)
        );
    }

    prop_compose! {
        fn prices()(input in 0u64..1_000_000_000, cached in proptest::option::of(0u64..1_000_000_000),
                    write in proptest::option::of(0u64..1_000_000_000), output in 0u64..1_000_000_000,
                    reasoning in proptest::option::of(0u64..1_000_000_000), request in 0u64..1_000_000_000_000) -> Price {
            Price {
                input: Money::from_pico(input), cached_input: cached.map(Money::from_pico), cache_write: write.map(Money::from_pico),
                output: Money::from_pico(output), reasoning: reasoning.map(Money::from_pico), per_request: Money::from_pico(request),
            }
        }
    }

    proptest! {
        #[test]
        fn the_bound_is_never_below_the_cost(price in prices(), prompt in 0u64..1_000_000, cached in 0u64..1_200_000,
                                             cache_write in 0u64..1_200_000, completion in 0u64..1_000_000,
                                             reasoning in 0u64..1_200_000, ppm in 0u32..5_000_000) {
            let usage = Usage { prompt, cached, cache_write, completion, reasoning, estimated: false };
            let multiplier = Multiplier::from_millionths(ppm);
            prop_assert!(price.cost(&usage, multiplier) <= price.bound(prompt, completion, multiplier));
        }
    }
}
