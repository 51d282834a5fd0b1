//! How much more a model may write in a stream before a quota could be passed by it. Bytes are counted first, which costs
//! nothing: no token is less than a byte. Only where they could have come to what is set aside, a tokenizer counts; as text has
//! several bytes a token, that happens a few times in a long answer, and each time only what is new is counted.
//!
//! A provider that follows the output limit is never cut off: what it was allowed is what is set aside. Where the encoding is not known, or the
//! words of several answers are mixed, the count is too high for some languages: then it is halved before a stream is cut off
//! for it. What is charged never comes to more than is set aside ([`super::tariff`]).

use super::dialect::Written;
use super::estimate::{self, Encoding};
use crate::domain::Usage;

/// What was counted, and until where it lasts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Allowance {
    /// What may be written, in bytes since the provider last gave numbers; `None`: anything.
    bytes: Option<u64>,
    /// What was used when it was counted last.
    usage: Usage,
    /// The number of its tokens of the prompt, once it is counted.
    prompt: Option<u64>,
    /// How many bytes of the written text are counted, and how many tokens they are.
    done: (usize, u64),
}

/// The outcome of a count.
#[derive(Debug)]
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

impl Allowance {
    /// For so many tokens; `None`: any number.
    pub(crate) fn new(tokens: Option<u64>) -> Self {
        Self {
            bytes: tokens,
            ..Self::default()
        }
    }

    /// Whether what was written has to be counted.
    pub(crate) fn is_used_up(&self, written: &Written) -> bool {
        self.bytes.is_some_and(|bytes| written.bytes() > bytes)
    }

    /// The tokens of the prompt, if they have been counted.
    pub(crate) fn prompt(&self) -> Option<u64> {
        self.prompt
    }

    /// What was used when it was counted last.
    pub(crate) fn usage(&self) -> Usage {
        self.usage
    }

    /// Counts what was written beyond `base`, of which `most` tokens are allowed. Slow: not for a worker thread.
    pub(crate) fn count(
        &self,
        base: &Usage,
        most: Option<u64>,
        encoding: Option<Encoding>,
        exact: bool,
        written: &Written,
    ) -> Count {
        let weighed = |tokens: u64| if exact { tokens } else { tokens / 2 };
        let is_over = |tokens: u64| most.is_some_and(|most| weighed(tokens) > most);
        let (from, before) = self.done;
        let mut tokens = before.saturating_add(estimate::text(encoding, written, from));
        if is_over(tokens) && from > 0 {
            // Counted in pieces, words at their edges count twice.
            tokens = estimate::text(encoding, written, 0);
        }
        let left = most.map(|most| most.saturating_sub(weighed(tokens)));
        Count {
            goes_on: !is_over(tokens),
            allowance: Self {
                bytes: left.map(|left| written.bytes().saturating_add(left)),
                usage: Usage {
                    completion: base.completion.saturating_add(tokens),
                    estimated: true,
                    ..*base
                },
                prompt: Some(base.prompt),
                done: (written.kept(), tokens),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Streams `words` until they are cut off; how many were let through, and how often they were counted.
    fn stream(words: &[&str], most: u64, exact: bool) -> (usize, usize) {
        let (mut written, mut allowance) = (Written::default(), Allowance::new(Some(most)));
        let (base, mut counts) = (Usage::default(), 0);
        for (number, word) in words.iter().enumerate() {
            written.push(word.as_bytes());
            if allowance.is_used_up(&written) {
                counts += 1;
                let count =
                    allowance.count(&base, Some(most), Some(Encoding::O200k), exact, &written);
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
        assert!(!Allowance::new(None).is_used_up(&written));
    }
}
