//! What a call's tokens cost, and how many of them fit what is set aside for it.

use crate::domain::{Consumption, Headroom, Money, Multiplier, Price, Usage};

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

    fn fits(&self, usage: &Usage) -> bool {
        self.ceiling.holds(Consumption {
            usd: self.cost(usage).unwrap_or_default(),
            tokens: usage.total(),
            requests: 0,
        })
    }

    /// The most output tokens that fit after a prompt of so many tokens, at its dearest; `None`: any number.
    pub(crate) fn most_written(&self, prompt: u64) -> Option<u64> {
        let limit = |output: u64| {
            self.ceiling.holds(Consumption {
                usd: self.price.map_or(Money::ZERO, |price| {
                    price.bound(prompt, output, self.multiplier)
                }),
                tokens: prompt.saturating_add(output),
                requests: 0,
            })
        };
        self.most(limit)
    }

    /// The most output tokens that fit beyond this usage; `None`: any number.
    pub(crate) fn most_beyond(&self, usage: &Usage) -> Option<u64> {
        self.most(|beyond| {
            self.fits(&Usage {
                completion: usage.completion.saturating_add(beyond),
                ..*usage
            })
        })
    }

    fn most(&self, fits: impl Fn(u64) -> bool) -> Option<u64> {
        if self.ceiling == Headroom::default() || fits(u64::MAX) {
            return None;
        }
        let (mut fitting, mut too_much) = (0, u64::MAX);
        while too_much - fitting > 1 {
            let middle = fitting + (too_much - fitting) / 2;
            if fits(middle) {
                fitting = middle;
            } else {
                too_much = middle;
            }
        }
        Some(fitting)
    }

    /// A usage that was counted here, cut down to what is set aside, but not below what the provider `reported`.
    pub(crate) fn within(&self, counted: Usage, reported: Option<&Usage>) -> Usage {
        if self.fits(&counted) {
            return counted;
        }
        let least = reported.map_or(0, |reported| reported.completion);
        let beyond = self.most_beyond(&Usage {
            completion: least,
            ..counted
        });
        let completion = least
            .saturating_add(beyond.unwrap_or(u64::MAX))
            .min(counted.completion);
        let cut = Usage {
            completion,
            ..counted
        };
        if reported.is_some() || self.fits(&cut) {
            return cut;
        }
        // Even the prompt alone is more than the bound of it: the bound is right, and the count of another tokenizer is not.
        let most = |prompt: u64| Usage { prompt, ..cut };
        let (mut fitting, mut too_much) = (0, cut.prompt);
        while too_much - fitting > 1 {
            let middle = fitting + (too_much - fitting) / 2;
            if self.fits(&most(middle)) {
                fitting = middle;
            } else {
                too_much = middle;
            }
        }
        most(fitting)
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
        assert_eq!(
            (free.most_written(9), free.within(usage, None)),
            (None, usage)
        );
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
            if let Some(most) = tariff.most_beyond(&counted) {
                let with = |beyond| Usage { completion: completion + beyond, ..counted };
                prop_assert!(!tariff.fits(&with(most + 1)));
                prop_assert!(most == 0 || tariff.fits(&with(most)));
            }
        }
    }
}
