//! A channel's health, from the calls that go through it: when it is taken out of the pool, and how one live call at a time
//! brings it back. Times are durations on a scale that never goes back, passed in by the caller.

use std::time::Duration;

/// More failures than this in a row take a channel out of the pool.
const IN_A_ROW: u32 = 3;
/// The outcomes that the error rate is taken of: so many of the newest, and not before there are this few.
const NEWEST: u32 = 20;
const FEWEST: u32 = 10;
/// The first cool-down; each further one without a success between is twice as long, up to the longest.
const FIRST_COOL_DOWN: Duration = Duration::from_secs(5);
const LONGEST_COOL_DOWN: Duration = Duration::from_secs(60);

/// Why a channel is out of the pool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DownReason {
    /// More than three failures in a row.
    Failures,
    /// More than half of its newest calls failed.
    ErrorRate,
}

impl DownReason {
    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failures => "more than 3 failures in a row",
            Self::ErrorRate => "more than half of the newest calls failed",
        }
    }
}

/// Whether a channel takes a call now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Admits {
    /// It does.
    Call,
    /// It is out, and this call may try whether it is back: no other may until this one has ended.
    Probe,
    /// Not before this time.
    NotBefore(Duration),
}

/// How a channel has done lately.
#[derive(Clone, Debug, Default)]
pub struct Health {
    /// The newest outcomes, a bit each, set: failed; the newest is the lowest.
    failed: u32,
    seen: u32,
    in_a_row: u32,
    cool_downs: u32,
    out: Option<Outage>,
}

#[derive(Clone, Copy, Debug)]
struct Outage {
    until: Duration,
    probing: bool,
}

impl Health {
    /// Whether it takes a call; changes nothing.
    pub fn admits(&self, now: Duration) -> Admits {
        match self.out {
            None => Admits::Call,
            Some(out) if now < out.until || out.probing => Admits::NotBefore(out.until.max(now)),
            Some(_) => Admits::Probe,
        }
    }

    /// Takes a call in. A probe is claimed with it: it ends with [`Self::succeed`], [`Self::fail`] or [`Self::release`].
    pub fn begin(&mut self, now: Duration) -> Admits {
        let admits = self.admits(now);
        if admits == Admits::Probe
            && let Some(out) = &mut self.out
        {
            out.probing = true;
        }
        admits
    }

    /// A call got an answer: whatever was before, it is back. Says whether it was out.
    pub fn succeed(&mut self) -> bool {
        let was_out = self.out.take().is_some();
        if was_out {
            (self.failed, self.seen) = (0, 0);
        }
        self.note(0);
        (self.in_a_row, self.cool_downs) = (0, 0);
        was_out
    }

    /// A call failed by the channel's fault. Gives the reason when that takes it out of the pool. Calls that began before it
    /// went out and fail after it change nothing: only a failed probe makes the cool-down longer.
    pub fn fail(&mut self, now: Duration, probe: bool) -> Option<DownReason> {
        if self.out.is_some() {
            if probe {
                self.cool_down(now);
            }
            return None;
        }
        self.note(1);
        self.in_a_row = self.in_a_row.saturating_add(1);
        let reason = if self.in_a_row > IN_A_ROW {
            DownReason::Failures
        } else if self.seen >= FEWEST && self.failed.count_ones() * 2 > self.seen {
            DownReason::ErrorRate
        } else {
            return None;
        };
        self.cool_down(now);
        Some(reason)
    }

    /// A probe ended without telling anything, as when its client went away: the next call may try.
    pub fn release(&mut self) {
        if let Some(out) = &mut self.out {
            out.probing = false;
        }
    }

    fn note(&mut self, failed: u32) {
        self.failed = ((self.failed << 1) | failed) & ((1 << NEWEST) - 1);
        self.seen = (self.seen + 1).min(NEWEST);
    }

    fn cool_down(&mut self, now: Duration) {
        let wait = FIRST_COOL_DOWN
            .saturating_mul(1 << self.cool_downs.min(8))
            .min(LONGEST_COOL_DOWN);
        self.cool_downs = self.cool_downs.saturating_add(1);
        self.out = Some(Outage {
            until: now.saturating_add(wait),
            probing: false,
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn down() -> Health {
        let mut health = Health::default();
        for _ in 0..4 {
            health.fail(at(0), false);
        }
        health
    }

    #[test]
    fn the_fourth_failure_in_a_row_takes_it_out() {
        let mut health = Health::default();
        for _ in 0..3 {
            assert_eq!(health.fail(at(0), false), None);
        }
        assert_eq!(health.admits(at(0)), Admits::Call);
        assert_eq!(health.fail(at(0), false), Some(DownReason::Failures));
        assert_eq!(health.admits(at(4)), Admits::NotBefore(at(5)));
    }

    #[test]
    fn more_than_half_of_at_least_ten_failing_takes_it_out() {
        let mut health = Health::default();
        let mut reasons = Vec::new();
        for _ in 0..5 {
            reasons.push(health.fail(at(0), false));
            reasons.push(health.fail(at(0), false));
            if reasons.last() != Some(&Some(DownReason::ErrorRate)) {
                health.succeed();
            }
        }
        let first = reasons.iter().position(Option::is_some);
        // Two of three fail: the tenth outcome is the seventh failure.
        assert_eq!(first, Some(6), "{reasons:?}");
    }

    #[test]
    fn one_probe_at_a_time_and_a_longer_wait_after_each_that_fails() {
        let mut health = down();
        assert_eq!(health.begin(at(5)), Admits::Probe);
        assert_eq!(health.begin(at(5)), Admits::NotBefore(at(5)));
        health.release();
        assert_eq!(health.begin(at(5)), Admits::Probe);
        health.fail(at(6), true);
        assert_eq!(health.admits(at(15)), Admits::NotBefore(at(16)));
        assert_eq!(health.begin(at(16)), Admits::Probe);
        assert!(health.succeed());
        assert_eq!(health.admits(at(16)), Admits::Call);
    }

    #[test]
    fn failures_of_calls_that_began_before_do_not_add_up() {
        let mut health = down();
        for _ in 0..50 {
            assert_eq!(health.fail(at(1), false), None);
        }
        assert_eq!(health.admits(at(1)), Admits::NotBefore(at(5)));
    }

    proptest! {
        #[test]
        fn no_history_keeps_it_out_for_longer_than_a_minute(outcomes in prop::collection::vec((0u64..90, any::<bool>()), 0..200)) {
            let (mut health, mut now) = (Health::default(), at(0));
            for (passed, good) in outcomes {
                now += at(passed);
                match health.begin(now) {
                    Admits::NotBefore(until) => {
                        prop_assert!(until <= now + LONGEST_COOL_DOWN);
                        prop_assert_eq!(health.admits(until), Admits::Probe);
                    }
                    Admits::Call | Admits::Probe if good => { health.succeed(); prop_assert_eq!(health.admits(now), Admits::Call); }
                    admits @ (Admits::Call | Admits::Probe) => { health.fail(now, admits == Admits::Probe); }
                }
            }
        }
    }
}
