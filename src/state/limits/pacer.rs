//! How closely requests may follow one another: governor's limiter, on our clock.
//!
//! A window of a minute lets all of its minute come at once; this spreads it. It is governor's direct limiter (GCRA) with a
//! state of our own, for what governor has no words for: to give back, and to change the pace. It stands inside the lock of
//! its key's or account's limiter, is made by the first request, and is let go once it has nothing to remember.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{NotKeyed, StateStore};
use governor::{Quota, RateLimiter, clock};

use crate::clock::{Clock, Tick};
use crate::domain::Pace;

/// Remembers how much of its burst is taken.
#[derive(Debug)]
pub(super) struct Pacer {
    pace: Pace,
    limiter: RateLimiter<NotKeyed, Arrival, Watch, NoOpMiddleware<Duration>>,
    arrival: Arrival,
    /// From which moment on governor counts.
    start: Tick,
    /// Nanoseconds given back so far: whoever stood behind has moved up by as much.
    given_back: Cell<u64>,
}

/// A request's place in the pace, to be given back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Paced {
    pace: Pace,
    /// What was there before.
    before: u64,
    /// When the place is earned again, as time since the limiter's start.
    earned: u64,
    /// What had been given back then.
    given_back: u64,
    start: Tick,
}

/// governor's whole state: when the next request would arrive if all came evenly; nanoseconds since the limiter's start, 0 at
/// rest. Changed under the lock of the limiter only.
#[derive(Clone, Default, Debug)]
struct Arrival(Arc<AtomicU64>);

impl Arrival {
    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, to: u64) {
        self.0.store(to, Ordering::Relaxed);
    }
}

impl StateStore for Arrival {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _: &NotKeyed, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let arrival = Some(self.get()).filter(|arrival| *arrival > 0);
        let (outcome, next) = decide(arrival.map(Nanos::from))?;
        self.set(next.as_u64());
        Ok(outcome)
    }
}

/// Tells governor the time at which a call is looked at: one reading for all of its limits.
#[derive(Debug)]
struct Watch {
    now: Cell<Tick>,
    clock: Clock,
}

impl clock::Clock for Watch {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.now.get().since_start()
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

impl Pacer {
    /// All of the burst is free.
    pub(super) fn new(pace: Pace, clock: &Clock, now: Tick) -> Self {
        let watch = Watch {
            now: Cell::new(now),
            clock: clock.clone(),
        };
        // The interval is a nanosecond at least: there is always a quota.
        let quota = Quota::with_period(pace.interval())
            .unwrap_or(Quota::per_second(std::num::NonZeroU32::MIN))
            .allow_burst(pace.at_once());
        let arrival = Arrival::default();
        Self {
            pace,
            limiter: RateLimiter::new(quota, arrival.clone(), watch),
            arrival,
            start: now,
            given_back: Cell::default(),
        }
    }

    /// So many of the burst are free; no more than there are.
    fn with_free(pace: Pace, free: u32, clock: &Clock, now: Tick) -> Self {
        let pacer = Self::new(pace, clock, now);
        let taken = u64::from(pace.at_once().get().saturating_sub(free));
        pacer
            .arrival
            .set(taken.saturating_mul(nanos(pace.interval())));
        pacer
    }

    /// Takes a request's place, or says how long to wait for it.
    pub(super) fn take(&self, now: Tick) -> Result<Paced, Duration> {
        let before = self.arrival.get();
        let watch = self.limiter.clock();
        watch.now.set(now.max(self.start));
        match self.limiter.check() {
            Ok(()) => Ok(Paced {
                pace: self.pace,
                before,
                earned: self.arrival.get(),
                given_back: self.given_back.get(),
                start: self.start,
            }),
            Err(until) => Err(until.wait_time_from(now.since_start())),
        }
    }

    /// As if it had not been taken: nothing else was, since.
    pub(super) fn undo(&self, paced: Paced) {
        self.arrival.set(paced.before);
    }

    /// Gives a place back: what of it has not been earned again meanwhile, so that never more is free than was taken. Where
    /// several are given back out of order, rather less than all; nothing where the pace has changed since.
    pub(super) fn give_back(&self, paced: Paced) {
        if (paced.pace, paced.start) != (self.pace, self.start) {
            return;
        }
        let now = self.since_start(self.limiter.clock().clock.tick());
        let given_back = self.given_back.get();
        let rest = paced
            .earned
            .saturating_sub(given_back - paced.given_back)
            .saturating_sub(now)
            .min(nanos(self.pace.interval()));
        self.arrival.set(self.arrival.get().saturating_sub(rest));
        self.given_back.set(given_back.saturating_add(rest));
    }

    /// Goes on with another pace. What is free of the burst stays free, up to the new burst; more is to be earned, so that
    /// nothing is gained by changing it, and nobody waits longer than the new pace makes anybody wait.
    fn change(&mut self, pace: Pace, now: Tick) {
        let most =
            |pace: Pace| u128::from(pace.at_once().get()) * u128::from(nanos(pace.interval()));
        let interval = |pace: Pace| u128::from(nanos(pace.interval()));
        let debt = self.arrival.get().saturating_sub(self.since_start(now));
        // Free requests, in the old pace's nanoseconds; then in the new one's.
        let free = most(self.pace).saturating_sub(u128::from(debt));
        let free = free * interval(pace) / interval(self.pace);
        let debt = most(pace).saturating_sub(free);
        let clock = &self.limiter.clock().clock;
        let changed = Self::new(pace, clock, now);
        changed.arrival.set(u64::try_from(debt).unwrap_or(u64::MAX));
        *self = changed;
    }

    fn since_start(&self, now: Tick) -> u64 {
        now.micros_since(self.start).saturating_mul(1_000)
    }

    /// Whether all of its burst is free: it has nothing to remember.
    fn is_at_rest(&self, now: Tick) -> bool {
        self.arrival.get() <= self.since_start(now)
    }
}

/// The pacer of a key or account, if it has something to remember.
#[derive(Debug, Default)]
pub(super) struct Slot(Option<Box<Pacer>>);

impl Slot {
    /// The pacer for this pace. Keys that share one may have paces of their own: each goes on from what the other left free.
    pub(super) fn at(&mut self, pace: Pace, clock: &Clock, now: Tick) -> &Pacer {
        let pacer = self
            .0
            .get_or_insert_with(|| Box::new(Pacer::new(pace, clock, now)));
        if pacer.pace != pace {
            pacer.change(pace, now);
        }
        pacer
    }

    pub(super) fn get(&self) -> Option<&Pacer> {
        self.0.as_deref()
    }

    /// A setting was changed. Where there was no pace, the new one begins with one request; one that is taken away is kept in
    /// mind until it would be at rest, lest setting it anew give a fresh burst.
    pub(super) fn change(
        &mut self,
        from: Option<Pace>,
        to: Option<Pace>,
        clock: &Clock,
        now: Tick,
    ) {
        let Some(to) = to else { return };
        match (&mut self.0, from) {
            (Some(pacer), _) => pacer.change(to, now),
            (empty, from) => {
                let free = from.map_or(1, |from| from.at_once().get());
                *empty = Some(Box::new(Pacer::with_free(to, free, clock, now)));
            }
        }
    }

    /// Lets go of what has nothing to remember.
    pub(super) fn shrink(&mut self, now: Tick) {
        self.0.take_if(|pacer| pacer.is_at_rest(now));
    }

    /// What it takes beside itself.
    #[cfg(test)]
    pub(super) fn heap_bytes(&self) -> usize {
        let arrival = size_of::<AtomicU64>() + 2 * size_of::<usize>();
        self.0.as_ref().map_or(0, |_| size_of::<Pacer>() + arrival)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::{Rps, Timestamp};

    fn pace(rps: &str, burst: u32) -> Pace {
        Pace {
            rps: Rps::parse(rps).unwrap(),
            burst: NonZeroU32::new(burst),
        }
    }

    /// A slot and a clock.
    struct Paced {
        slot: Slot,
        clock: Clock,
    }

    impl Paced {
        fn new() -> Self {
            Self {
                slot: Slot::default(),
                clock: Clock::manual(Timestamp::default()),
            }
        }

        fn take(&mut self, pace: Pace) -> Result<super::Paced, Duration> {
            let now = self.clock.tick();
            self.slot.at(pace, &self.clock, now).take(now)
        }

        /// How many are let through at once.
        fn burst(&mut self, pace: Pace) -> u32 {
            let through = (0..).take_while(|_| self.take(pace).is_ok());
            u32::try_from(through.count()).unwrap()
        }

        fn change(&mut self, from: Option<Pace>, to: Option<Pace>) {
            let now = self.clock.tick();
            self.slot.change(from, to, &self.clock, now);
        }

        fn advance(&self, millis: u64) {
            self.clock.advance(Duration::from_millis(millis));
        }
    }

    #[test]
    fn after_the_burst_they_come_one_by_one_and_the_wait_is_exact() {
        let mut paced = Paced::new();
        let ten = pace("10", 5);
        assert_eq!(paced.burst(ten), 5);
        for _ in 0..20 {
            let wait = paced.take(ten).unwrap_err();
            assert_eq!(wait, Duration::from_millis(100));
            paced.clock.advance(wait - Duration::from_micros(1));
            assert!(paced.take(ten).is_err());
            paced.clock.advance(Duration::from_micros(1));
            assert!(paced.take(ten).is_ok());
        }
        paced.advance(10_000);
        assert_eq!(paced.burst(ten), 5);
    }

    #[test]
    fn one_in_five_seconds() {
        let mut paced = Paced::new();
        let slow = pace("0.2", 1);
        assert_eq!(paced.burst(slow), 1);
        assert_eq!(paced.take(slow), Err(Duration::from_secs(5)));
    }

    #[test]
    fn changing_it_hands_out_nothing_and_holds_at_once() {
        let (slow, fast) = (pace("1", 10), pace("100", 100));
        let mut paced = Paced::new();
        assert_eq!(paced.burst(slow), 10);
        paced.change(Some(slow), Some(fast));
        assert_eq!(paced.take(fast), Err(Duration::from_millis(10)));
        paced.advance(30);
        assert_eq!(paced.burst(fast), 3);
        for _ in 0..5 {
            paced.change(Some(fast), Some(slow));
            paced.change(Some(slow), Some(fast));
        }
        assert_eq!(paced.burst(fast), 0);
        // A burst that is made smaller locks nobody out longer than the new pace does.
        let slowest = pace("0.1", 1);
        paced.change(Some(fast), Some(slowest));
        assert_eq!(paced.take(slowest), Err(Duration::from_secs(10)));
    }

    #[test]
    fn taking_it_away_and_setting_it_anew_hands_out_nothing() {
        let five = pace("1", 5);
        let mut paced = Paced::new();
        assert_eq!(paced.burst(five), 5);
        for _ in 0..9 {
            paced.change(Some(five), None);
            paced.slot.shrink(paced.clock.tick());
            paced.change(None, Some(five));
        }
        assert_eq!(paced.burst(five), 0);
        // Where there was none, it begins with one.
        let mut fresh = Paced::new();
        fresh.change(None, Some(five));
        assert_eq!(fresh.burst(five), 1);
        // What a larger burst adds is earned.
        let mut rested = Paced::new();
        rested.change(Some(pace("1", 2)), Some(five));
        assert_eq!(rested.burst(five), 2);
    }

    #[test]
    fn two_paces_of_one_slot_are_never_more_than_the_faster() {
        let (slow, fast) = (pace("1", 1), pace("10", 2));
        let mut paced = Paced::new();
        let mut through = 0;
        for _ in 0..1_000 {
            through += u32::from(paced.take(slow).is_ok());
            through += u32::from(paced.take(fast).is_ok());
            paced.advance(10);
        }
        assert!(through <= 102, "{through}");
        assert!(through >= 50, "{through}");
    }

    #[test]
    fn one_at_rest_is_let_go_and_only_then() {
        let mut paced = Paced::new();
        let two = pace("1", 2);
        assert_eq!(paced.burst(two), 2);
        paced.advance(1_999);
        paced.slot.shrink(paced.clock.tick());
        assert!(paced.slot.get().is_some());
        paced.advance(1);
        paced.slot.shrink(paced.clock.tick());
        assert_eq!(paced.slot.heap_bytes(), 0);
        assert_eq!(paced.burst(two), 2);
    }

    #[test]
    fn the_longest_waits_there_are_do_not_overflow() {
        let mut paced = Paced::new();
        let slowest = pace("0.001", Pace::MOST_AT_ONCE);
        assert!(paced.take(slowest).is_ok());
        paced.change(Some(pace("1000000", 1)), Some(slowest));
        paced.change(Some(slowest), Some(pace("1000000", Pace::MOST_AT_ONCE)));
        assert!(paced.take(slowest).is_ok() || paced.take(slowest).is_err());
    }

    /// What a caller does.
    #[derive(Clone, Copy, Debug)]
    enum Act {
        /// So many milliseconds pass.
        Rest(u64),
        /// A request that is made.
        Take,
        /// A request that is given back so many acts later.
        Try(usize),
    }

    fn acts() -> impl Strategy<Value = Vec<Act>> {
        let act = prop_oneof![
            (0u64..400).prop_map(Act::Rest),
            Just(Act::Take),
            (1usize..6).prop_map(Act::Try),
        ];
        prop::collection::vec(act, 1..120)
    }

    proptest! {
        #[test]
        fn whatever_is_given_back_never_more_is_made_than_the_pace_allows(acts in acts(), burst in 1u32..5) {
            let five = pace("5", burst);
            let mut paced = Paced::new();
            let mut made = Vec::new();
            let mut tried = Vec::new();
            for (number, act) in acts.into_iter().enumerate() {
                match act {
                    Act::Rest(millis) => paced.advance(millis),
                    Act::Take => {
                        if paced.take(five).is_ok() {
                            made.push(paced.clock.tick().since_start());
                        }
                    }
                    Act::Try(acts) => {
                        if let Ok(place) = paced.take(five) {
                            tried.push((number + acts, place));
                        }
                    }
                }
                tried.retain(|(until, place)| {
                    let waits = *until > number;
                    if !waits {
                        paced.slot.get().unwrap().give_back(*place);
                    }
                    waits
                });
            }
            for (first, from) in made.iter().enumerate() {
                for (count, to) in made[first..].iter().enumerate() {
                    let most = u128::from(burst) + (*to - *from).as_nanos() / 200_000_000;
                    prop_assert!((count as u128) < most, "{made:?}");
                }
            }
        }
    }
}
