//! How quickly a channel answers, from the calls that go through it.

use std::collections::BTreeMap;
use std::time::Duration;

/// What a new time counts in an average: one in this many.
const SHARE: u32 = 4;

/// A moving average of times.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Average {
    value: Duration,
    times: u32,
}

impl Average {
    pub(super) fn note(&mut self, time: Duration) {
        self.value = match self.times {
            0 => time,
            _ => (self.value * (SHARE - 1)).saturating_add(time) / SHARE,
        };
        self.times = self.times.saturating_add(1);
    }

    /// How many times it is of.
    pub(super) fn times(self) -> u32 {
        self.times
    }

    /// `None`: there was none yet.
    pub(super) fn value(self) -> Option<Duration> {
        (self.times > 0).then_some(self.value)
    }
}

/// How long a call that went well took: a stream to its first event, which says how quick the channel is; any other to its
/// end, which says it only beside calls like it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Took {
    /// To the first event of a stream.
    ToFirstEvent(Duration),
    /// To the end of an answer in one piece.
    ToEnd(Duration),
    /// It says nothing: the client was wrong.
    Unknown,
}

/// How quickly a channel answers, by model, streams apart from answers in one piece.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace(BTreeMap<String, [Average; 2]>);

impl Pace {
    pub(super) fn note(&mut self, model: &str, took: Took) {
        let (streamed, time) = match took {
            Took::ToFirstEvent(time) => (true, time),
            Took::ToEnd(time) => (false, time),
            Took::Unknown => return,
        };
        if let Some(known) = self.0.get_mut(model) {
            known[usize::from(streamed)].note(time);
        } else {
            let mut averages = [Average::default(); 2];
            averages[usize::from(streamed)].note(time);
            self.0.insert(model.to_owned(), averages);
        }
    }

    /// On average; `None`: not known.
    pub(super) fn of(&self, model: &str, streamed: bool) -> Option<Duration> {
        self.0.get(model)?[usize::from(streamed)].value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_averaged_by_model_and_streams_apart() {
        let at = Duration::from_secs;
        let mut pace = Pace::default();
        for took in [
            Took::ToFirstEvent(at(8)),
            Took::ToFirstEvent(at(4)),
            Took::ToEnd(at(20)),
            Took::Unknown,
        ] {
            pace.note("m", took);
        }
        assert_eq!(pace.of("m", true), Some(at(7)));
        assert_eq!(pace.of("m", false), Some(at(20)));
        assert_eq!(pace.of("n", true), None);
    }
}
