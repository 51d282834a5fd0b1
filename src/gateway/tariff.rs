//! What a call's tokens cost, and how many of them fit what is set aside for it.

use crate::domain::{Consumption, Headroom, Money, Most, Multiplier, Price, Usage, highest};

/// Price, channel and limit of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tariff {
    /// The model's price; `None`: not priced.
    pub(crate) price: Option<Price>,
    /// The channel's factor on it.
    pub(crate) multiplier: Multiplier,
    /// What the call may come to before a quota could be passed by it.
    pub(crate) ceiling: Headroom,
}

impl Default for Tariff {
    fn default() -> Self {
        Self {
            price: None,
            multiplier: Multiplier::ONE,
            ceiling: Headroom::default(),
        }
    }
}

impl Tariff {
    /// What it costs; `None`: not priced.
    pub(crate) fn cost(&self, usage: &Usage) -> Option<Money> {
        self.price.map(|price| price.cost(usage, self.multiplier))
    }

    /// Whether a usage comes to no more than the ceiling.
    pub(crate) fn fits(&self, usage: &Usage) -> bool {
        self.ceiling.holds(Consumption {
            usd: self.cost(usage).unwrap_or_default(),
            tokens: usage.total(),
            requests: 0,
        })
    }

    /// Whether so much does, each token at its dearest.
    pub(crate) fn holds(&self, most: &Most) -> bool {
        self.ceiling.holds(Consumption {
            usd: self
                .price
                .map_or(Money::ZERO, |price| price.bound(most, self.multiplier)),
            tokens: most.prompt.saturating_add(most.completion),
            requests: 0,
        })
    }

    /// A usage that was counted here, cut down to what is set aside, but not below what the provider `reported`.
    pub(crate) fn within(&self, counted: Usage, reported: Option<&Usage>) -> Usage {
        if self.fits(&counted) {
            return counted;
        }
        // The most of each that fits, or the least there is where that does not fit either.
        let most = counted.completion;
        let least = reported.map_or(0, |reported| reported.completion.min(most));
        let written = |completion: u64| Usage {
            completion,
            ..counted
        };
        let cut = written(highest(least..=most, |completion| {
            self.fits(&written(completion))
        }));
        if reported.is_some() || self.fits(&cut) {
            return cut;
        }
        // Even the prompt alone is more than the bound of it: the bound is right, and the count of another tokenizer is not.
        let asked = |prompt: u64| Usage { prompt, ..cut };
        asked(highest(0..=cut.prompt, |prompt| self.fits(&asked(prompt))))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tariff(input: u64, output: u64, usd: Option<u64>, tokens: Option<u64>) -> Tariff {
        Tariff {
            price: Some(Price {
                input: Money::from_pico(input),
                output: Money::from_pico(output),
                ..Price::default()
            }),
            multiplier: Multiplier::from_millionths(1_500_000),
            ceiling: Headroom {
                usd: usd.map(Money::from_pico),
                tokens,
                requests: None,
            },
        }
    }

    #[test]
    fn without_a_ceiling_anything_fits() {
        let usage = Usage {
            prompt: u64::MAX,
            completion: 7,
            estimated: true,
            ..Usage::default()
        };
        let free = tariff(1, 1, None, None);
        let most = Most {
            prompt: 9,
            completion: u64::MAX,
            ..Most::default()
        };
        assert_eq!((free.holds(&most), free.within(usage, None)), (true, usage));
    }

    #[test]
    fn what_the_provider_reported_is_not_cut() {
        let reported = Usage {
            prompt: 90,
            completion: 30,
            ..Usage::default()
        };
        let counted = Usage {
            completion: 50,
            estimated: true,
            ..reported
        };
        let cut = tariff(1, 1, None, Some(100)).within(counted, Some(&reported));
        assert_eq!((cut.prompt, cut.completion), (90, 30));
    }

    proptest! {
        #[test]
        fn what_is_counted_never_comes_to_more_than_is_set_aside(
            input in 0u64..100, output in 0u64..100, usd in prop::option::of(0u64..10_000), tokens in prop::option::of(0u64..300),
            prompt in 0u64..300, completion in 0u64..300,
        ) {
            let tariff = tariff(input, output, usd, tokens);
            let counted = Usage { prompt, completion, estimated: true, ..Usage::default() };
            let cut = tariff.within(counted, None);
            prop_assert!(tariff.fits(&cut), "{cut:?}");
            prop_assert!(cut.prompt <= prompt && cut.completion <= completion);
            // And to no less than it has to.
            if tariff.fits(&Usage { completion: 0, ..counted }) {
                prop_assert_eq!(cut.prompt, prompt);
                let one_more = Usage { completion: cut.completion + 1, ..cut };
                prop_assert!(cut.completion == completion || !tariff.fits(&one_more));
            }
        }
    }
}
