//! How much more a model may write in a stream before a quota could be passed by it. Bytes are counted first, which costs
//! nothing: no token is less than a byte. Only where they could have come to what is set aside, a tokenizer counts; as text has
//! several bytes a token, that happens a few times in a long answer, and each time only what is new is counted.
//!
//! A provider that follows the output limit is never cut off: what it was allowed is what is set aside. Where the encoding is not known, or the
//! words of several answers are mixed, the count is too high for some languages: then it is halved before a stream is cut off
//! for it. What is charged never comes to more than is set aside ([`super::tariff`]).

use super::dialect::Written;
use super::estimate::{self, Encoding};
use super::tariff::Tariff;
use crate::domain::Usage;

/// What a stream has come to for certain; what is written beyond counts a token a byte.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    floor: Floor,
    /// How many of the written bytes are in that.
    bytes: u64,
    /// What was used when it was counted last, to the token.
    counted: Option<Usage>,
    /// How many bytes of the kept text are counted, and how many tokens they are.
    done: (usize, u64),
}

#[derive(Clone, Copy, Debug)]
enum Floor {
    /// A prompt of so many tokens at most, and nothing written.
    Prompt(u64),
    /// What the provider reported, or what was counted here, as far as it weighs.
    Used(Usage),
}

/// The outcome of a count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Count {
    goes_on: bool,
    allowance: Allowance,
}

impl Count {
    /// Whether the stream may go on, and for how long.
    pub(crate) fn into_allowance(self) -> (bool, Allowance) {
        (self.goes_on, self.allowance)
    }
}

impl Default for Allowance {
    fn default() -> Self {
        Self::after_prompt(0)
    }
}

impl Allowance {
    fn from(floor: Floor) -> Self {
        Self {
            floor,
            bytes: 0,
            counted: None,
            done: (0, 0),
        }
    }

    /// Of a stream that begins, after a prompt of so many tokens at most.
    pub(crate) fn after_prompt(tokens: u64) -> Self {
        Self::from(Floor::Prompt(tokens))
    }

    /// Of a stream whose provider has given its numbers for all that was written so far.
    pub(crate) fn after_report(usage: Usage) -> Self {
        Self::from(Floor::Used(usage))
    }

    /// Whether what was written could by now have come to more than fits, so that it has to be counted.
    pub(crate) fn is_used_up(&self, tariff: &Tariff, written: &Written) -> bool {
        let beyond = written.bytes().saturating_sub(self.bytes);
        beyond > 0
            && !match self.floor {
                Floor::Prompt(tokens) => tariff.holds(tokens, beyond),
                Floor::Used(usage) => tariff.fits(&more(&usage, beyond)),
            }
    }

    /// What was used when it was counted last.
    pub(crate) fn counted(&self) -> Option<Usage> {
        self.counted
    }

    /// Counts what was written beyond `base`. Slow: not for a worker thread.
    pub(crate) fn count(
        &self,
        tariff: &Tariff,
        base: &Usage,
        encoding: Option<Encoding>,
        exact: bool,
        written: &Written,
    ) -> Count {
        let weighed = |tokens: u64| if exact { tokens } else { tokens / 2 };
        let fits = |tokens: u64| weighed(tokens) == 0 || tariff.fits(&more(base, weighed(tokens)));
        let (from, before) = self.done;
        let mut tokens = before.saturating_add(estimate::text(encoding, written, from));
        if !fits(tokens) && from > 0 {
            // Counted in pieces, words at their edges count twice.
            tokens = estimate::text(encoding, written, 0);
        }
        Count {
            goes_on: fits(tokens),
            allowance: Self {
                floor: Floor::Used(more(base, weighed(tokens))),
                bytes: written.bytes(),
                counted: Some(Usage {
                    estimated: true,
                    ..more(base, tokens)
                }),
                done: (written.kept(), tokens),
            },
        }
    }
}

fn more(usage: &Usage, tokens: u64) -> Usage {
    Usage {
        completion: usage.completion.saturating_add(tokens),
        ..*usage
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{Headroom, Money, Price};

    fn tokens_at_most(most: u64) -> Tariff {
        Tariff {
            ceiling: Headroom {
                tokens: Some(most),
                ..Headroom::default()
            },
            ..Tariff::default()
        }
    }

    /// Streams `words` until they are cut off; how many were let through, and how often they were counted.
    fn stream(words: &[&str], most: u64, exact: bool) -> (usize, usize) {
        let (mut written, mut allowance) = (Written::default(), Allowance::default());
        let (tariff, base, mut counts) = (tokens_at_most(most), Usage::default(), 0);
        for (number, word) in words.iter().enumerate() {
            written.push(word.as_bytes());
            if allowance.is_used_up(&tariff, &written) {
                counts += 1;
                let count = allowance.count(&tariff, &base, Some(Encoding::O200k), exact, &written);
                let (goes_on, after) = count.into_allowance();
                if !goes_on {
                    return (number, counts);
                }
                allowance = after;
            }
        }
        (words.len(), counts)
    }

    #[test]
    fn exactly_what_is_allowed_goes_through() {
        // A token each.
        let words = vec![" ledger"; 1_000];
        assert_eq!(stream(&words, 600, true).0, 600);
        assert_eq!(stream(&words, 1_000, true).0, 1_000);
        assert_eq!(stream(&words, 300, false).0, 601);
    }

    #[test]
    fn a_long_answer_is_counted_a_few_times_only() {
        let words = vec![" ledger"; 900];
        let (through, counts) = stream(&words, 1_000, true);
        assert_eq!(through, 900);
        assert!((1..20).contains(&counts), "{counts}");
    }

    #[test]
    fn without_a_limit_nothing_is_counted() {
        let mut written = Written::default();
        written.push(&[b'x'; 10_000]);
        assert!(!Allowance::default().is_used_up(&Tariff::default(), &written));
    }

    proptest! {
        #[test]
        fn what_need_not_be_counted_fits_even_at_a_token_a_byte(
            input in 0u64..100, output in 0u64..100, usd in prop::option::of(0u64..10_000), tokens in prop::option::of(0u64..300),
            prompt in 0u64..300, completion in 0u64..300, bytes in 1usize..400,
        ) {
            let tariff = Tariff {
                price: Some(Price { input: Money::from_pico(input), output: Money::from_pico(output), ..Price::default() }),
                ceiling: Headroom { usd: usd.map(Money::from_pico), tokens, requests: None },
                ..Tariff::default()
            };
            let mut written = Written::default();
            written.push(&vec![b'x'; bytes]);
            let reported = Usage { prompt, completion, ..Usage::default() };
            let at_most = |base: Usage| Usage { completion: base.completion + bytes as u64, ..base };
            for (allowance, base) in [
                (Allowance::after_prompt(prompt), Usage { completion: 0, ..reported }),
                (Allowance::after_report(reported), reported),
            ] {
                prop_assert_eq!(allowance.is_used_up(&tariff, &written), !tariff.fits(&at_most(base)));
            }
        }
    }
}
