//! What was taken in the last minute: the machine of a rate limit.
//!
//! Time is cut into slots of 1/128 minute, and what was taken in a slot counts until a whole minute after the slot's end. So over
//! no 60 seconds is more taken than the limit, and who always asks for more gets it again every 129 slots: at least 99.2 %
//! of the limit. A token bucket would not do: after a rest it gives out the whole limit at once and refills meanwhile, which
//! makes twice the limit in the first minute. What is kept are amounts, not limits: a limit that changes forgets nothing.

use std::time::Duration;

use crate::clock::Tick;

/// Microseconds of a slot.
const SLOT: u64 = 60_000_000 / SLOTS;

/// Slots of a minute.
const SLOTS: u64 = 128;

/// The amounts taken in the last minute, by slot; slots in which nothing was taken are not there.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// A list, which is smaller than a queue: nearly all keys are at rest.
    slots: Vec<Slot>,
    /// Of all slots.
    sum: u64,
}

/// What was taken in one slot.
#[derive(Clone, Copy, Debug)]
struct Slot {
    at: SlotAt,
    amount: u32,
}

/// Which slot, counted from the clock's start; enough for 63 years.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct SlotAt(u32);

impl SlotAt {
    fn of(now: Tick) -> Self {
        Self(u32::try_from(micros(now) / SLOT).unwrap_or(u32::MAX))
    }

    /// From when on it no longer counts.
    fn end(self) -> Duration {
        Duration::from_micros((u64::from(self.0) + SLOTS + 1) * SLOT)
    }
}

fn micros(now: Tick) -> u64 {
    u64::try_from(now.since_start().as_micros()).unwrap_or(u64::MAX)
}

impl Window {
    /// What counts now.
    pub(super) fn taken(&mut self, now: Tick) -> u64 {
        let over = |slot: &&Slot| slot.at.end() <= now.since_start();
        let over = self.slots.iter().take_while(over).count();
        if over > 0 {
            let freed = self.slots.drain(..over);
            self.sum -= freed.map(|slot| u64::from(slot.amount)).sum::<u64>();
        }
        self.sum
    }

    /// Takes an amount now; says in which slot, so that it can be given back.
    pub(super) fn take(&mut self, now: Tick, amount: u64) -> SlotAt {
        // Who read the clock just before another may come just after.
        let at = match self.slots.last() {
            Some(last) => last.at.max(SlotAt::of(now)),
            None => SlotAt::of(now),
        };
        let amount = u32::try_from(amount).unwrap_or(u32::MAX);
        match self.slots.last_mut() {
            Some(last) if last.at == at => {
                let before = last.amount;
                last.amount = before.saturating_add(amount);
                self.sum += u64::from(last.amount - before);
            }
            _ => {
                self.slots.push(Slot { at, amount });
                self.sum += u64::from(amount);
            }
        }
        at
    }

    /// Gives back what was taken in a slot; nothing if that counts no longer.
    pub(super) fn give_back(&mut self, at: SlotAt, amount: u64) {
        if let Ok(index) = self.slots.binary_search_by_key(&at, |slot| slot.at)
            && let Some(slot) = self.slots.get_mut(index)
        {
            let amount = u32::try_from(amount).unwrap_or(u32::MAX).min(slot.amount);
            slot.amount -= amount;
            self.sum -= u64::from(amount);
        }
    }

    /// How long until this amount fits under the limit, if nothing else is taken.
    pub(super) fn wait(&self, now: Tick, limit: u64, amount: u64) -> Duration {
        let mut taken = self.sum;
        let mut freed = now.since_start();
        for slot in &self.slots {
            if taken.saturating_add(amount) <= limit {
                break;
            }
            taken -= u64::from(slot.amount);
            freed = slot.at.end();
        }
        freed.saturating_sub(now.since_start())
    }

    /// How long until nothing counts any more.
    pub(super) fn until_empty(&self, now: Tick) -> Duration {
        let last = self.slots.iter().rfind(|slot| slot.amount > 0);
        last.map_or(Duration::ZERO, |last| {
            last.at.end().saturating_sub(now.since_start())
        })
    }

    /// What its slots take beside itself.
    #[cfg(test)]
    pub(super) fn heap_bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>()
    }

    /// Gives back the memory of slots that count no longer.
    pub(super) fn shrink(&mut self, now: Tick) {
        if self.taken(now) == 0 {
            self.slots = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock::Clock;
    use crate::domain::Timestamp;

    const MINUTE: Duration = Duration::from_secs(60);

    /// Asks at these distances in time; says when something was given.
    fn given(limit: u64, distances: impl IntoIterator<Item = Duration>) -> Vec<Duration> {
        let clock = Clock::manual(Timestamp::default());
        let mut window = Window::default();
        let mut given = Vec::new();
        for distance in distances {
            clock.advance(distance);
            if window.taken(clock.tick()) < limit {
                window.take(clock.tick(), 1);
                given.push(clock.tick().since_start());
            }
        }
        given
    }

    /// The most that was given in any 60 seconds.
    fn most_in_a_minute(given: &[Duration]) -> usize {
        let end = |first: usize| given.partition_point(|at| *at < given[first] + MINUTE);
        (0..given.len())
            .map(|first| end(first) - first)
            .max()
            .unwrap_or(0)
    }

    #[test]
    fn who_always_asks_gets_the_limit_to_one_percent() {
        for (limit, every) in [(1, 100), (7, 50), (60, 10), (600, 5), (6_000, 2)] {
            let every = Duration::from_millis(every);
            let asked = usize::try_from(10 * MINUTE.as_micros() / every.as_micros()).unwrap();
            let given = given(limit, std::iter::repeat_n(every, asked));
            let limit = usize::try_from(limit).unwrap();
            assert_eq!(given.iter().filter(|at| **at < MINUTE).count(), limit);
            assert_eq!(most_in_a_minute(&given), limit);
            // Ten minutes from the first on: the tenth share of all is a minute's.
            assert!(given.len() * 100 >= limit * 10 * 99, "{}", given.len());
        }
    }

    #[test]
    fn who_asks_evenly_at_the_limit_is_refused_less_than_one_percent() {
        let every = MINUTE / 600;
        let given = given(600, std::iter::repeat_n(every, 6_000));
        assert!(given.len() > 5_940, "{}", given.len());
        assert_eq!(most_in_a_minute(&given), 600);
    }

    #[test]
    fn the_wait_is_exact() {
        let clock = Clock::manual(Timestamp::default());
        let mut window = Window::default();
        for _ in 0..4 {
            window.take(clock.tick(), 10);
            clock.advance(Duration::from_secs(7));
        }
        for amount in [5, 15, 25, 35, 40] {
            let wait = window.wait(clock.tick(), 40, amount);
            let at = |wait: Duration| {
                let later = Clock::manual(Timestamp::default());
                later.advance(clock.tick().since_start() + wait);
                let mut window = Window {
                    slots: window.slots.clone(),
                    sum: window.sum,
                };
                window.taken(later.tick()) + amount
            };
            assert!(at(wait) <= 40);
            assert!(at(wait - Duration::from_micros(1)) > 40);
        }
    }

    #[test]
    fn what_is_given_back_is_there_at_once_and_nothing_is_given_back_twice() {
        let clock = Clock::manual(Timestamp::default());
        let mut window = Window::default();
        let first = window.take(clock.tick(), 10);
        clock.advance(Duration::from_secs(30));
        window.take(clock.tick(), 5);
        window.give_back(first, 4);
        assert_eq!(window.taken(clock.tick()), 11);
        clock.advance(Duration::from_secs(31));
        assert_eq!(window.taken(clock.tick()), 5);
        window.give_back(first, 6);
        assert_eq!(window.taken(clock.tick()), 5);
        clock.advance(MINUTE);
        window.shrink(clock.tick());
        assert_eq!(window.slots.capacity(), 0);
    }

    proptest! {
        #[test]
        fn over_no_sixty_seconds_is_more_given_than_the_limit_nor_anything_refused_without_need(
            limit in 1u64..20,
            distances in prop::collection::vec(0u64..20_000, 1..200),
        ) {
            let distances: Vec<_> = distances.into_iter().map(Duration::from_millis).collect();
            let given = given(limit, distances.iter().copied());
            prop_assert!(most_in_a_minute(&given) <= usize::try_from(limit).unwrap());
            let mut now = Duration::ZERO;
            for distance in distances {
                now += distance;
                if !given.contains(&now) {
                    let recent = given.iter().filter(|at| **at <= now && **at + MINUTE + Duration::from_micros(SLOT) >= now);
                    // One more where the oldest of them counted until just now.
                    prop_assert!(recent.count() as u64 >= limit);
                }
            }
        }
    }
}
