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
use crate::domain::{Most, Usage};

/// What a stream has come to: what it began with, and what was counted of the text since; what is written beyond that counts a
/// token a byte.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    base: Base,
    /// What weighs in of the text that is counted, in tokens.
    weighed: u64,
    /// How many of the written bytes are in that.
    bytes: u64,
    /// How many bytes of the kept text are counted, and how many tokens they are.
    done: (usize, u64),
}

/// What the text comes on top of.
#[derive(Clone, Copy, Debug)]
enum Base {
    /// A prompt that is so long at most: it is counted only when that is too much.
    Prompt(Usage),
    /// What the provider reported, or a prompt that was counted.
    Used(Usage),
}

impl Base {
    fn fits(&self, tariff: &Tariff, beyond: u64) -> bool {
        match self {
            Self::Prompt(most) => tariff.holds(&Most {
                prompt: most.prompt,
                completion: beyond,
                pieces: most.pieces,
                tier: most.tier,
            }),
            Self::Used(usage) => tariff.fits(&more(usage, beyond)),
        }
    }
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
        Self::after_prompt(Usage::default())
    }
}

impl Allowance {
    fn on(base: Base) -> Self {
        Self {
            base,
            weighed: 0,
            bytes: 0,
            done: (0, 0),
        }
    }

    /// Of a stream that begins, after a prompt that is so long at most.
    pub(crate) fn after_prompt(most: Usage) -> Self {
        Self::on(Base::Prompt(most))
    }

    /// Of a stream whose provider has given its numbers for all that was written so far.
    pub(crate) fn after_report(usage: Usage) -> Self {
        Self::on(Base::Used(usage))
    }

    /// Whether what was written could by now have come to more than fits, so that it has to be counted.
    pub(crate) fn is_used_up(&self, tariff: &Tariff, written: &Written) -> bool {
        let beyond = written.bytes().saturating_sub(self.bytes);
        beyond > 0 && !self.base.fits(tariff, self.weighed.saturating_add(beyond))
    }

    /// What was used when it was counted last.
    pub(crate) fn usage(&self) -> Usage {
        let (Base::Prompt(base) | Base::Used(base)) = self.base;
        Usage {
            estimated: true,
            ..more(&base, self.done.1)
        }
    }

    /// Counts what is new where that takes no time. `None`: it does, or it is too much, and has to be counted for good.
    pub(crate) fn count_quickly(
        &self,
        tariff: &Tariff,
        encoding: Option<Encoding>,
        exact: bool,
        written: &Written,
    ) -> Option<Self> {
        let (from, before) = self.done;
        if !estimate::is_quick(encoding, written.kept().saturating_sub(from)) {
            return None;
        }
        let tokens = before.saturating_add(estimate::text(encoding, written, from));
        let after = Self::after(self.base, exact, tokens, written);
        after.fits(tariff).then_some(after)
    }

    /// Counts what was written, and the prompt if the bound of it is too much. Slow: not for a worker thread.
    pub(crate) fn count(
        &self,
        tariff: &Tariff,
        encoding: Option<Encoding>,
        exact: bool,
        written: &Written,
        prompt: impl FnOnce() -> u64,
    ) -> Count {
        let (from, before) = self.done;
        let tokens = before.saturating_add(estimate::text(encoding, written, from));
        let mut after = Self::after(self.base, exact, tokens, written);
        if let Base::Prompt(most) = self.base
            && !after.fits(tariff)
        {
            after.base = Base::Used(Usage {
                prompt: prompt(),
                ..most
            });
        }
        if from > 0 && !after.fits(tariff) {
            // Counted in pieces, words at their edges count twice.
            let tokens = estimate::text(encoding, written, 0);
            after = Self::after(after.base, exact, tokens, written);
        }
        Count {
            goes_on: after.fits(tariff),
            allowance: after,
        }
    }

    /// What was written so far has so many tokens.
    fn after(base: Base, exact: bool, tokens: u64, written: &Written) -> Self {
        Self {
            base,
            weighed: if exact { tokens } else { tokens / 2 },
            bytes: written.bytes(),
            done: (written.kept(), tokens),
        }
    }

    fn fits(&self, tariff: &Tariff) -> bool {
        self.weighed == 0 || self.base.fits(tariff, self.weighed)
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
        let (tariff, mut counts) = (tokens_at_most(most), 0);
        for (number, word) in words.iter().enumerate() {
            written.push(word.as_bytes());
            if allowance.is_used_up(&tariff, &written) {
                counts += 1;
                let count = allowance.count(&tariff, Some(Encoding::O200k), exact, &written, || 0);
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
    fn the_prompt_is_counted_only_where_its_bound_is_too_much() {
        let mut written = Written::default();
        written.push(" ledger".repeat(20).as_bytes());
        let begun = Allowance::after_prompt(Usage {
            prompt: 90,
            ..Usage::default()
        });
        let count = |most, prompt: &dyn Fn() -> u64| {
            let tariff = tokens_at_most(most);
            assert!(begun.is_used_up(&tariff, &written));
            let count = begun.count(&tariff, Some(Encoding::O200k), true, &written, prompt);
            let (goes_on, after) = count.into_allowance();
            (goes_on, after.usage().prompt, after.usage().completion)
        };
        assert_eq!(count(110, &|| unreachable!()), (true, 90, 20));
        assert_eq!(count(109, &|| 30), (true, 30, 20));
        assert_eq!(count(49, &|| 30), (false, 30, 20));
    }

    #[test]
    fn a_quick_count_is_the_same_count_and_refuses_nothing_by_itself() {
        let o200k = Some(Encoding::O200k);
        let mut written = Written::default();
        written.push(" ledger".repeat(20).as_bytes());
        assert_eq!(Encoding::O200k.count(" ledger"), 1);
        for most in [19, 20, 1_000] {
            let (tariff, begun) = (tokens_at_most(most), Allowance::default());
            let (goes_on, after) = begun
                .count(&tariff, o200k, true, &written, || 0)
                .into_allowance();
            let quick = begun.count_quickly(&tariff, o200k, true, &written);
            assert_eq!(
                quick.map(|quick| quick.usage()),
                goes_on.then(|| after.usage())
            );
        }
        // More than a few words are counted by another thread.
        written.push(" ledger".repeat(100).as_bytes());
        let quick =
            Allowance::default().count_quickly(&tokens_at_most(1_000), o200k, true, &written);
        assert!(quick.is_none());
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
                (Allowance::after_prompt(Usage { completion: 0, ..reported }), Usage { completion: 0, ..reported }),
                (Allowance::after_report(reported), reported),
            ] {
                prop_assert_eq!(allowance.is_used_up(&tariff, &written), !tariff.fits(&at_most(base)));
            }
        }
    }
}
