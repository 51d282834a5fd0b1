//! A channel's health, from the calls that go through it: when it is taken out of the pool, and how one live call at a time
//! brings it back. Times are durations on a scale that never goes back, passed in by the caller.

use std::time::Duration;

use super::pace::{Average, Pace, Took};

/// More failures than this in a row take a channel out of the pool.
const IN_A_ROW: u32 = 3;
/// The outcomes that the error rate is taken of: so many of the newest, and not before there are this few.
const NEWEST: u32 = 20;
const FEWEST: u32 = 10;
/// The first cool-down; each further one without a success between is twice as long, up to the longest.
const FIRST_COOL_DOWN: Duration = Duration::from_secs(5);
const LONGEST_COOL_DOWN: Duration = Duration::from_secs(60);
/// A moving average of the time to a stream's first event above this makes a channel slow, once there are this many of them.
const SLOW: Duration = Duration::from_secs(10);
const FEWEST_TIMES: u32 = 3;

/// Why a channel is out of the pool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DownReason {
    /// More than three failures in a row.
    Failures,
    /// More than half of its newest calls failed.
    ErrorRate,
    /// Its streams take more than 10 s to begin.
    Slow,
    /// The provider refused its credential, or all of them.
    CredentialRefused,
}

impl DownReason {
    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failures => "more than 3 failures in a row",
            Self::ErrorRate => "more than half of the newest calls failed",
            Self::Slow => "more than 10 s to the first event of a stream",
            Self::CredentialRefused => "the provider refused the credential",
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
    /// It is slow: only when no other is left.
    LastResort,
    /// It does not.
    Out(Out),
}

/// Why and until when a channel takes no call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Out {
    /// It failed, and is given a rest until this time.
    Cooling(Duration),
    /// The provider wants no call for this model before this time.
    Limited(Duration),
    /// The provider refused its credential: until an operator has seen to it.
    Refused,
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
    /// The moving average of the time to the first event of a stream, and of how many it is.
    first_event: Average,
    /// How quickly it answers, since it was last out.
    pace: Pace,
}

#[derive(Clone, Copy, Debug)]
struct Outage {
    until: Duration,
    probing: bool,
    reason: DownReason,
}

/// A channel's health as an operator sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Condition {
    /// Whether it takes calls.
    pub state: HealthState,
    /// When it is tried again, if it is cooling or slow.
    pub until: Option<Duration>,
    /// Why it is not healthy.
    pub reason: Option<DownReason>,
    /// How many of the newest calls failed, and of how many.
    pub failed: (u32, u32),
    /// The moving average of the time to the first event of a stream; `None`: there was none.
    pub first_event: Option<Duration>,
}

/// In one word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HealthState {
    /// It takes calls.
    Healthy,
    /// It takes calls that no other channel can.
    Slow,
    /// It takes none for a while.
    Cooling,
    /// The next call, or one under way, tries whether it is back.
    Probing,
    /// It takes none until a credential is changed or tested well.
    CredentialRefused,
}

impl HealthState {
    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Slow => "slow",
            Self::Cooling => "cooling",
            Self::Probing => "probing",
            Self::CredentialRefused => "credential_refused",
        }
    }
}

impl Health {
    /// Whether it takes a call; changes nothing.
    pub fn admits(&self, now: Duration) -> Admits {
        match self.out {
            None => Admits::Call,
            Some(out) if now < out.until || out.probing => match out.reason {
                DownReason::Slow => Admits::LastResort,
                DownReason::Failures | DownReason::ErrorRate | DownReason::CredentialRefused => {
                    Admits::Out(Out::Cooling(out.until.max(now)))
                }
            },
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

    /// A call for a model got an answer. It brings the channel back, unless it was slow and this call does not tell that it is
    /// better: only the beginning of a stream does.
    pub fn succeed(&mut self, now: Duration, probe: bool, model: &str, took: Took) -> Turned {
        let first_event = match took {
            Took::ToFirstEvent(time) => Some(time),
            Took::ToEnd(_) | Took::Unknown => None,
        };
        let slow = |out: &Outage| out.reason == DownReason::Slow;
        if self.out.as_ref().is_some_and(slow) && !probe && first_event.is_none_or(|t| t > SLOW) {
            return Turned::None;
        }
        let was_out = self.out.take().is_some();
        if was_out {
            (self.failed, self.seen) = (0, 0);
            (self.first_event, self.pace) = Default::default();
        }
        self.note(0);
        self.in_a_row = 0;
        self.pace.note(model, took);
        if let Some(time) = first_event {
            self.first_event.note(time);
            let enough = was_out || self.first_event.times() >= FEWEST_TIMES;
            if enough && self.first_event.value() > Some(SLOW) {
                self.cool_down(now, DownReason::Slow);
                return if was_out {
                    Turned::None
                } else {
                    Turned::Down(DownReason::Slow)
                };
            }
        }
        self.cool_downs = 0;
        if was_out { Turned::Back } else { Turned::None }
    }

    /// A call failed by the channel's fault. Calls that began before it went out and fail after it change nothing: only a
    /// failed probe makes the cool-down longer.
    pub fn fail(&mut self, now: Duration, probe: bool) -> Turned {
        if let Some(out) = self.out {
            if probe {
                self.cool_down(now, out.reason);
                return Turned::None;
            }
            if out.reason != DownReason::Slow {
                return Turned::None;
            }
        }
        self.note(1);
        self.in_a_row = self.in_a_row.saturating_add(1);
        let reason = if self.in_a_row > IN_A_ROW {
            DownReason::Failures
        } else if self.seen >= FEWEST && self.failed.count_ones() * 2 > self.seen {
            DownReason::ErrorRate
        } else {
            return Turned::None;
        };
        self.cool_down(now, reason);
        Turned::Down(reason)
    }

    /// A test of the operator's went well: whatever was before, it is back.
    pub fn mend(&mut self) {
        *self = Self::default();
    }

    /// Whether it is out of the pool.
    pub fn is_out(&self) -> bool {
        self.out.is_some()
    }

    /// A probe ended without telling anything, as when its client went away: the next call may try.
    pub fn release(&mut self) {
        if let Some(out) = &mut self.out {
            out.probing = false;
        }
    }

    /// How long it takes to answer a call for a model, by its own name; `None`: not known.
    pub fn latency(&self, model: &str, streamed: bool) -> Option<Duration> {
        self.pace.of(model, streamed)
    }

    /// What an operator is to see of it.
    pub fn condition(&self, now: Duration) -> Condition {
        let (state, until, reason) = match self.out {
            None => (HealthState::Healthy, None, None),
            Some(out) => {
                let resting = now < out.until;
                let state = if out.reason == DownReason::Slow {
                    HealthState::Slow
                } else if resting {
                    HealthState::Cooling
                } else {
                    HealthState::Probing
                };
                let until = resting.then_some(out.until);
                (state, until, Some(out.reason))
            }
        };
        Condition {
            state,
            until,
            reason,
            failed: (self.failed.count_ones(), self.seen),
            first_event: self.first_event.value(),
        }
    }

    fn note(&mut self, failed: u32) {
        self.failed = ((self.failed << 1) | failed) & ((1 << NEWEST) - 1);
        self.seen = (self.seen + 1).min(NEWEST);
    }

    fn cool_down(&mut self, now: Duration, reason: DownReason) {
        let wait = FIRST_COOL_DOWN
            .saturating_mul(1 << self.cool_downs.min(8))
            .min(LONGEST_COOL_DOWN);
        self.cool_downs = self.cool_downs.saturating_add(1);
        self.out = Some(Outage {
            until: now.saturating_add(wait),
            probing: false,
            reason,
        });
    }
}

/// What a call's end changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turned {
    /// Nothing that anyone needs to be told.
    None,
    /// The channel is out of the pool now.
    Down(DownReason),
    /// It is back.
    Back,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const M: &str = "model";

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    const fn cooling(until: u64) -> Admits {
        Admits::Out(Out::Cooling(at(until)))
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
            assert_eq!(health.fail(at(0), false), Turned::None);
        }
        assert_eq!(health.admits(at(0)), Admits::Call);
        assert_eq!(
            health.fail(at(0), false),
            Turned::Down(DownReason::Failures)
        );
        assert_eq!(health.admits(at(4)), cooling(5));
    }

    #[test]
    fn more_than_half_of_at_least_ten_failing_takes_it_out() {
        let mut health = Health::default();
        let mut reasons = Vec::new();
        for _ in 0..5 {
            reasons.push(health.fail(at(0), false));
            reasons.push(health.fail(at(0), false));
            if reasons.last() != Some(&Turned::Down(DownReason::ErrorRate)) {
                health.succeed(at(0), false, M, Took::Unknown);
            }
        }
        let first = reasons.iter().position(|change| *change != Turned::None);
        // Two of three fail: the tenth outcome is the seventh failure.
        assert_eq!(first, Some(6), "{reasons:?}");
    }

    #[test]
    fn one_probe_at_a_time_and_a_longer_wait_after_each_that_fails() {
        let mut health = down();
        assert_eq!(health.begin(at(5)), Admits::Probe);
        assert_eq!(health.begin(at(5)), cooling(5));
        health.release();
        assert_eq!(health.begin(at(5)), Admits::Probe);
        health.fail(at(6), true);
        assert_eq!(health.admits(at(15)), cooling(16));
        assert_eq!(health.begin(at(16)), Admits::Probe);
        assert_eq!(health.succeed(at(16), true, M, Took::Unknown), Turned::Back);
        assert_eq!(health.admits(at(16)), Admits::Call);
    }

    #[test]
    fn failures_of_calls_that_began_before_do_not_add_up() {
        let mut health = down();
        for _ in 0..50 {
            assert_eq!(health.fail(at(1), false), Turned::None);
        }
        assert_eq!(health.admits(at(1)), cooling(5));
    }

    #[test]
    fn a_slow_channel_is_the_last_resort_until_a_stream_begins_in_time() {
        let mut health = Health::default();
        let slow = Took::ToFirstEvent(at(11));
        assert_eq!(health.succeed(at(0), false, M, slow), Turned::None);
        assert_eq!(health.succeed(at(0), false, M, slow), Turned::None);
        assert_eq!(
            health.succeed(at(0), false, M, slow),
            Turned::Down(DownReason::Slow)
        );
        assert_eq!(health.admits(at(4)), Admits::LastResort);
        // Neither another slow one nor one that was not streamed tells that it is better.
        health.succeed(at(4), false, M, slow);
        health.succeed(at(4), false, M, Took::Unknown);
        assert_eq!(health.admits(at(4)), Admits::LastResort);
        // A slow probe makes the rest longer.
        assert_eq!(health.begin(at(5)), Admits::Probe);
        assert_eq!(health.succeed(at(5), true, M, slow), Turned::None);
        assert_eq!(health.condition(at(14)).until, Some(at(15)));
        assert_eq!(health.condition(at(14)).state, HealthState::Slow);
        assert_eq!(
            health.succeed(at(14), false, M, Took::ToFirstEvent(at(1))),
            Turned::Back
        );
        assert_eq!(health.admits(at(14)), Admits::Call);
    }

    #[test]
    fn a_slow_channel_that_fails_is_out_like_any_other() {
        let mut health = Health::default();
        for _ in 0..3 {
            health.succeed(at(0), false, M, Took::ToFirstEvent(at(11)));
        }
        for _ in 0..3 {
            assert_eq!(health.fail(at(1), false), Turned::None);
        }
        assert_eq!(
            health.fail(at(1), false),
            Turned::Down(DownReason::Failures)
        );
        assert!(matches!(health.admits(at(2)), Admits::Out(Out::Cooling(_))));
    }

    proptest! {
        #[test]
        fn no_history_keeps_it_out_for_longer_than_a_minute(outcomes in prop::collection::vec((0u64..90, any::<bool>()), 0..200)) {
            let (mut health, mut now) = (Health::default(), at(0));
            for (passed, good) in outcomes {
                now += at(passed);
                match health.begin(now) {
                    Admits::Out(Out::Cooling(until)) => {
                        prop_assert!(until <= now + LONGEST_COOL_DOWN);
                        prop_assert_eq!(health.admits(until), Admits::Probe);
                    }
                    Admits::Call | Admits::Probe if good => { health.succeed(at(0), false, M, Took::Unknown); prop_assert_eq!(health.admits(now), Admits::Call); }
                    Admits::LastResort | Admits::Out(Out::Limited(_) | Out::Refused) => prop_assert!(false, "nothing here is slow, limited or refused"),
                    admits @ (Admits::Call | Admits::Probe) => { health.fail(now, admits == Admits::Probe); }
                }
            }
        }
    }
}
