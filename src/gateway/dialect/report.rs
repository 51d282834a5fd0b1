//! What a provider says of a call's usage, member by member, so that the reports of one stream can be put together: what a
//! later one leaves out stays as it was, and no count falls, as all of them are of the whole call so far.

use crate::domain::{Drawn, Geography, Media, Money, Pieces, ServiceTier, Speed, Usage, UsagePart};

/// What a provider has said. `None`: nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    pub(super) input: Option<u64>,
    pub(super) cached: Option<u64>,
    pub(super) written: Option<u64>,
    pub(super) written_1h: Option<u64>,
    pub(super) written_12h: Option<u64>,
    /// What was read from the cache and written to it is not in the input's number.
    pub(super) cache_apart: bool,
    /// What tools put into the prompt, which is not in the input's number.
    pub(super) from_tools: Option<u64>,
    pub(super) output: Option<u64>,
    pub(super) reasoning: Option<u64>,
    /// What was thought is not in the output's number.
    pub(super) thought_apart: bool,
    /// All of it, where it says more than the parts.
    pub(super) total: Option<u64>,
    pub(super) audio: Media,
    pub(super) image: Media,
    pub(super) pieces: Pieces,
    /// What has been seen done so far; what is told in the end stands in its place.
    pub(super) made: Pieces,
    /// It counts in seconds and not in tokens.
    pub(super) timed: bool,
    pub(super) drawn: Drawn,
    pub(super) tier: Option<ServiceTier>,
    pub(super) speed: Option<Speed>,
    pub(super) geography: Option<Geography>,
    pub(super) cost: Option<Money>,
    /// The parts that are priced each by itself, in order.
    pub(super) parts: Vec<UsagePart>,
    /// What of these is not in the numbers above.
    pub(super) beside: Usage,
}

fn most<T: Ord>(mine: Option<T>, later: Option<T>) -> Option<T> {
    // Nothing is less than any number.
    mine.max(later)
}

fn most_media(mine: Media, later: Media) -> Media {
    Media {
        input: mine.input.max(later.input),
        cached: mine.cached.max(later.cached),
        output: mine.output.max(later.output),
    }
}

impl Report {
    /// One that says all of this.
    pub fn of(usage: &Usage) -> Self {
        Self {
            input: Some(usage.prompt),
            cached: Some(usage.cached),
            written: Some(usage.cache_write),
            written_1h: Some(usage.cache_write_1h),
            written_12h: Some(usage.cache_write_12h),
            output: Some(usage.completion),
            reasoning: Some(usage.reasoning),
            audio: usage.audio,
            image: usage.image,
            pieces: usage.pieces,
            drawn: usage.drawn,
            tier: Some(usage.tier),
            speed: Some(usage.speed),
            geography: Some(usage.geography),
            cost: usage.reported_cost,
            ..Self::default()
        }
    }

    /// Adds the tokens of another one of the same provider.
    pub(super) fn add(&mut self, other: &Self) {
        let both = |mine: Option<u64>, others: Option<u64>| match (mine, others) {
            (Some(mine), Some(others)) => Some(mine.saturating_add(others)),
            (mine, others) => mine.or(others),
        };
        self.input = both(self.input, other.input);
        self.cached = both(self.cached, other.cached);
        self.written = both(self.written, other.written);
        self.written_1h = both(self.written_1h, other.written_1h);
        self.written_12h = both(self.written_12h, other.written_12h);
        self.output = both(self.output, other.output);
        self.reasoning = both(self.reasoning, other.reasoning);
    }

    /// Takes in a later report of the same call.
    pub fn merge(&mut self, later: Self) {
        self.input = most(self.input, later.input);
        self.cached = most(self.cached, later.cached);
        self.written = most(self.written, later.written);
        self.written_1h = most(self.written_1h, later.written_1h);
        self.written_12h = most(self.written_12h, later.written_12h);
        self.cache_apart |= later.cache_apart;
        self.from_tools = most(self.from_tools, later.from_tools);
        self.output = most(self.output, later.output);
        self.reasoning = most(self.reasoning, later.reasoning);
        self.thought_apart |= later.thought_apart;
        self.total = most(self.total, later.total);
        self.audio = most_media(self.audio, later.audio);
        self.image = most_media(self.image, later.image);
        self.pieces = self.pieces.max(later.pieces);
        self.made = self.made.plus(later.made);
        self.timed |= later.timed;
        if later.drawn != Drawn::default() {
            self.drawn = later.drawn;
        }
        self.tier = later.tier.or(self.tier);
        self.speed = later.speed.or(self.speed);
        self.geography = later.geography.or(self.geography);
        self.cost = most(self.cost, later.cost);
        if later.parts.len() >= self.parts.len() && !later.parts.is_empty() {
            self.parts = later.parts;
            self.beside = later.beside;
        }
    }

    /// One that says nothing but the tier, by the provider's word.
    pub fn at_tier(word: &str) -> Self {
        Self {
            tier: Some(ServiceTier::of(word)),
            ..Self::default()
        }
    }

    /// What was seen done, where the stream ended before it was told.
    pub fn made(&self) -> Pieces {
        self.made
    }

    /// Whether it says that something was written to a cache that has more than one length of time, and not for how long.
    pub fn leaves_out_how_long(&self) -> bool {
        !self.cache_apart
            && self.written.unwrap_or(0) > 0
            && self.written_1h.is_none()
            && self.written_12h.is_none()
    }

    /// Whether it says how many tokens were written, itself or by its sum.
    pub fn says_output(&self) -> bool {
        self.output.is_some() || self.timed || (self.input.is_some() && self.beyond() > 0)
    }

    /// Whether it says that nothing at all was used: where words came, nobody has counted them.
    pub fn is_empty(&self) -> bool {
        let none = |count: Option<u64>| count.unwrap_or(0) == 0;
        [
            self.input,
            self.cached,
            self.written,
            self.from_tools,
            self.output,
            self.reasoning,
            self.total,
        ]
        .into_iter()
        .all(none)
            && self.pieces == Pieces::default()
            && self.parts.is_empty()
            && !self.timed
    }

    /// What the sum has beyond input and output.
    fn beyond(&self) -> u64 {
        let told = self
            .input
            .unwrap_or(0)
            .saturating_add(self.output.unwrap_or(0));
        self.total.map_or(0, |total| total.saturating_sub(told))
    }

    /// All that was used, in our way of counting; `None`: it says neither how many tokens the prompt had nor how many seconds the
    /// audio.
    pub fn usage(&self) -> Option<Usage> {
        if self.input.is_none() && !self.timed {
            return None;
        }
        let told = |count: Option<u64>| count.unwrap_or(0);
        let (cached, written) = (told(self.cached), told(self.written));
        let (mut prompt, mut completion) = (told(self.input), told(self.output));
        let mut reasoning = told(self.reasoning);
        let from_cache = cached.saturating_add(written);
        let beyond = self.beyond();
        if self.cache_apart || from_cache > prompt {
            prompt = prompt.saturating_add(from_cache);
        } else if beyond > 0 && beyond != reasoning && beyond == from_cache {
            // Its sum shows that they are not in the input's number.
            prompt = prompt.saturating_add(from_cache);
        } else if !self.thought_apart && beyond > 0 && (reasoning == 0 || reasoning == beyond) {
            // Some leave what was thought out of the output's number, though not out of the bill.
            completion = completion.saturating_add(beyond);
            reasoning = beyond;
        }
        if self.thought_apart {
            completion = completion.saturating_add(reasoning);
        }
        let written_12h = told(self.written_12h).min(written);
        let usage = Usage {
            prompt: prompt.saturating_add(told(self.from_tools)),
            cached,
            cache_write: written,
            cache_write_1h: told(self.written_1h).min(written - written_12h),
            cache_write_12h: written_12h,
            completion,
            reasoning: reasoning.min(completion),
            audio: self.audio,
            image: self.image,
            pieces: self.pieces,
            drawn: self.drawn,
            tier: self.tier.unwrap_or_default(),
            speed: self.speed.unwrap_or_default(),
            geography: self.geography.unwrap_or_default(),
            reported_cost: self.cost,
            ..Usage::default()
        };
        Some(usage.plus(self.beside))
    }

    /// The parts that are priced each by itself; none: it is one. Together they are all that was used.
    pub fn parts(&self) -> Vec<UsagePart> {
        let Some(all) = self.usage().filter(|_| !self.parts.is_empty()) else {
            return Vec::new();
        };
        let each = |part: &UsagePart| UsagePart {
            model: part.model.clone(),
            usage: Usage {
                tier: all.tier,
                speed: all.speed,
                geography: all.geography,
                ..part.usage
            },
        };
        let mut parts: Vec<UsagePart> = self.parts.iter().map(each).collect();
        parts.extend(UsagePart::rest(&all, parts.iter()));
        parts
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reports() -> impl Strategy<Value = Report> {
        let count = || prop::option::of(0u64..1_000);
        (
            (count(), count(), count(), count()),
            (count(), count(), any::<bool>()),
        )
            .prop_map(
                |((input, cached, written, hour), (output, total, apart))| Report {
                    input,
                    cached,
                    written,
                    written_1h: hour,
                    cache_apart: apart,
                    output,
                    total,
                    ..Report::default()
                },
            )
    }

    fn all(reports: &[Report]) -> Report {
        reports.iter().fold(Report::default(), |mut sum, report| {
            sum.merge(report.clone());
            sum
        })
    }

    #[test]
    fn what_a_later_report_leaves_out_stays() {
        let begun = Report {
            input: Some(10),
            written: Some(5_000),
            written_1h: Some(4_000),
            cache_apart: true,
            output: Some(1),
            tier: Some(ServiceTier::Priority),
            ..Report::default()
        };
        let later = Report {
            input: Some(0),
            written: Some(5_000),
            cache_apart: true,
            output: Some(30),
            ..Report::default()
        };
        let usage = all(&[begun, later]).usage().unwrap();
        assert_eq!((usage.prompt, usage.completion), (5_010, 30));
        assert_eq!((usage.cache_write, usage.cache_write_1h), (5_000, 4_000));
        assert_eq!(usage.tier, ServiceTier::Priority);
    }

    #[test]
    fn parts_add_up_to_all() {
        let part = |model: Option<&str>, prompt| UsagePart {
            model: model.map(str::to_owned),
            usage: Usage {
                prompt,
                ..Usage::default()
            },
        };
        let told = Report {
            input: Some(100),
            output: Some(7),
            tier: Some(ServiceTier::Priority),
            beside: Usage {
                prompt: 30,
                ..Usage::default()
            },
            parts: vec![part(Some("other"), 30), part(None, 60)],
            ..Report::default()
        };
        let (parts, usage) = (told.parts(), told.usage().unwrap());
        assert_eq!((parts.len(), usage.prompt, usage.completion), (3, 130, 7));
        let rest = &parts[2];
        assert_eq!((rest.usage.prompt, rest.usage.completion), (40, 7));
        assert!(
            parts
                .iter()
                .all(|part| part.usage.tier == ServiceTier::Priority)
        );
    }

    proptest! {
        #[test]
        fn no_count_falls_and_the_order_of_reports_changes_nothing(reports in prop::collection::vec(reports(), 1..6)) {
            let whole = all(&reports);
            let mut turned = reports.clone();
            turned.reverse();
            prop_assert_eq!(&whole, &all(&turned));
            for at in 1..reports.len() {
                let (before, after) = (all(&reports[..at]), all(&reports[..=at]));
                prop_assert!(before.input <= after.input && before.output <= after.output && before.written_1h <= after.written_1h);
            }
            if let Some(usage) = whole.usage() {
                prop_assert!(usage.cached.saturating_add(usage.cache_write) <= usage.prompt);
                prop_assert!(usage.cache_write_1h + usage.cache_write_12h <= usage.cache_write);
                prop_assert!(usage.reasoning <= usage.completion);
            }
        }
    }
}
