//! Lines of the log, held to a rate: what happens at every call, or whenever a stranger likes, tells no more in a million lines,
//! and would fill the disk, which may be the fault.

use std::sync::atomic::{AtomicU64, Ordering};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

/// Lines of one kind.
#[derive(Debug)]
pub struct Lines {
    limiter: DefaultDirectRateLimiter,
    left_out: AtomicU64,
}

impl Lines {
    /// At this rate.
    pub fn at(rate: Quota) -> Self {
        Self {
            limiter: RateLimiter::direct(rate),
            left_out: AtomicU64::new(0),
        }
    }

    /// How many were left out since the last line; `None`: so is this one.
    pub fn next(&self) -> Option<u64> {
        if self.limiter.check().is_ok() {
            return Some(self.left_out.swap(0, Ordering::Relaxed));
        }
        self.left_out.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    #[test]
    fn what_comes_at_every_call_does_not_fill_the_log() {
        let rate = Quota::per_second(NonZeroU32::new(10).unwrap())
            .allow_burst(NonZeroU32::new(50).unwrap());
        let lines = Lines::at(rate);
        let written = (0..10_000).filter(|_| lines.next().is_some()).count();
        assert!((50..1_000).contains(&written), "{written}");
        let left_out = lines.left_out.load(Ordering::Relaxed);
        assert_eq!(left_out, 10_000 - u64::try_from(written).unwrap());
    }
}
