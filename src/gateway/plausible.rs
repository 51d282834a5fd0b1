//! What a provider's numbers cannot be: more tokens than were set aside or than the model's context and output hold, more pieces
//! than anybody makes in one call, more dollars than that much can cost. A report beyond that is a fault of the provider, and
//! booked as it stands it would lock its key and account for ever: what cannot be is cut down to what was set aside, marked in
//! the call (`usage.implausible`), logged, and told to webhooks (`usage.implausible`); an admin corrects the call.

use super::tariff::Tariff;
use crate::domain::{Consumption, Model, Money, Most, Pieces, Usage};

/// A model of unknown limits has no longer context than this, in tokens: the longest there is.
const LONGEST_CONTEXT: u64 = 10_000_000;
/// No call makes more pieces of one kind than this, unless more were asked for: a day of audio in seconds.
const MOST_PIECES: u64 = 86_400;
/// No call of a model without a price costs more.
const MOST_UNPRICED: Money = Money::from_pico(1_000_000_000_000_000);

/// What a call's numbers can be.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Limits {
    /// What was set aside for it.
    reserved: Consumption,
    /// Of that, for its prompt.
    prompt: u64,
    /// The tokens of the model's context and output.
    model: u64,
}

impl Limits {
    pub(super) fn new(reserved: Option<Consumption>, prompt: u64, model: Option<&Model>) -> Self {
        let context = model.and_then(|model| model.context_tokens);
        let output = model.and_then(|model| model.max_output_tokens);
        Self {
            reserved: reserved.unwrap_or_default(),
            prompt,
            model: context.map_or(LONGEST_CONTEXT, |context| {
                u64::from(context).saturating_add(u64::from(output.unwrap_or(0)))
            }),
        }
    }

    /// What of a report can be. Each of its `parts` has a context of its own.
    pub(super) fn hold(&self, told: Usage, parts: usize, asked: &Pieces, tariff: &Tariff) -> Usage {
        let times = u64::try_from(parts.max(1)).unwrap_or(u64::MAX);
        let most = self.model.saturating_mul(times).max(self.reserved.tokens);
        let mut usage = told;
        if usage.prompt > most {
            usage.prompt = self.prompt;
        }
        if usage.completion > most {
            usage.completion = self.reserved.tokens.saturating_sub(self.prompt);
        }
        usage.pieces = usage.pieces.held(asked, MOST_PIECES);
        let all = Most {
            prompt: most,
            completion: most,
            pieces: usage.pieces,
            tier: usage.tier,
        };
        let dearest = tariff
            .price
            .map_or(MOST_UNPRICED, |price| price.bound(&all, tariff.multiplier));
        let dearest = dearest.max(self.reserved.usd);
        usage.reported_cost = usage.reported_cost.filter(|cost| *cost <= dearest);
        usage.implausible = usage != told;
        usage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits {
            reserved: Consumption {
                usd: Money::from_pico(700),
                tokens: 700,
                requests: 1,
            },
            prompt: 600,
            model: 1_000,
        }
    }

    fn held(told: Usage) -> Usage {
        limits().hold(told, 0, &Pieces::default(), &Tariff::default())
    }

    #[test]
    fn what_can_be_stands() {
        let told = Usage {
            prompt: 1_000,
            completion: 1_000,
            cached: 900,
            reported_cost: Some(Money::from_pico(5)),
            ..Usage::default()
        };
        assert_eq!(held(told), told);
    }

    #[test]
    fn what_cannot_be_is_what_was_set_aside() {
        let told = Usage {
            prompt: 1_000_000_000_000_000_000,
            completion: 7,
            ..Usage::default()
        };
        let prompt = held(told);
        assert_eq!((prompt.prompt, prompt.completion), (600, 7));
        let completion = held(Usage {
            prompt: 5,
            completion: u64::MAX,
            ..told
        });
        assert_eq!((completion.prompt, completion.completion), (5, 100));
        assert!(prompt.implausible && completion.implausible);
        let searched = held(Usage {
            prompt: 5,
            pieces: Pieces {
                web_searches: u64::MAX,
                ..Pieces::default()
            },
            ..Usage::default()
        });
        assert_eq!(
            (searched.pieces.web_searches, searched.implausible),
            (0, true)
        );
        let dear = held(Usage {
            reported_cost: Some(Money::MAX),
            ..Usage::default()
        });
        assert_eq!((dear.reported_cost, dear.implausible), (None, true));
    }

    #[test]
    fn each_part_has_a_context_of_its_own() {
        let told = Usage {
            prompt: 2_500,
            ..Usage::default()
        };
        let hold = |parts| limits().hold(told, parts, &Pieces::default(), &Tariff::default());
        assert!(hold(2).implausible && !hold(3).implausible);
    }
}
