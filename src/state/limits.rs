//! Rate limits: requests a minute, tokens a minute, concurrent calls. The machines live in the key's entry and die with it.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use governor::clock::Clock as GovernorClock;
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};

use crate::clock::Clock;
use crate::domain::{Code, Error, RateLimit, Result};

/// Lets governor tell the time by the gateway's clock.
#[derive(Clone, Debug)]
struct RateClock(Clock);

impl GovernorClock for RateClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.tick().since_start()
    }
}

type Bucket = governor::RateLimiter<NotKeyed, InMemoryState, RateClock, StateInformationMiddleware>;

/// The limits of one key at work.
#[derive(Debug)]
pub(super) struct RateLimiter {
    buckets: ArcSwap<Buckets>,
    in_flight: Arc<AtomicU32>,
    clock: Clock,
}

#[derive(Debug, Default)]
struct Buckets {
    limit: RateLimit,
    requests: Option<Bucket>,
    tokens: Option<Bucket>,
}

impl RateLimiter {
    pub(super) fn new(limit: RateLimit, clock: Clock) -> Self {
        let limiter = Self {
            buckets: ArcSwap::default(),
            in_flight: Arc::default(),
            clock,
        };
        limiter.set(limit);
        limiter
    }

    /// Takes over a changed setting; what is in flight stays counted.
    pub(super) fn set(&self, limit: RateLimit) {
        if self.buckets.load().limit == limit {
            return;
        }
        let bucket = |per_minute: Option<u32>| {
            let per_minute = NonZeroU32::new(per_minute?)?;
            let bucket = governor::RateLimiter::direct_with_clock(
                governor::Quota::per_minute(per_minute),
                RateClock(self.clock.clone()),
            );
            Some(bucket.with_middleware::<StateInformationMiddleware>())
        };
        self.buckets.store(Arc::new(Buckets {
            limit,
            requests: bucket(limit.rpm),
            tokens: bucket(limit.tpm),
        }));
    }

    /// Takes one request and `tokens` tokens.
    ///
    /// # Errors
    /// `rate_limit_exceeded` with the time to wait; `param` names the limit.
    pub(super) fn admit(&self, tokens: u64) -> Result<Permit> {
        let buckets = self.buckets.load();
        let place = self.enter(buckets.limit.concurrency)?;
        let requests = take(
            buckets.requests.as_ref(),
            buckets.limit.rpm,
            1,
            &self.clock,
            "rpm",
            "requests a minute",
        )?;
        let tokens = u32::try_from(tokens).unwrap_or(u32::MAX).max(1);
        let tokens = take(
            buckets.tokens.as_ref(),
            buckets.limit.tpm,
            tokens,
            &self.clock,
            "tpm",
            "tokens a minute",
        )?;
        Ok(Permit {
            _place: place,
            headers: RateLimitHeaders { requests, tokens },
        })
    }

    fn enter(&self, limit: Option<u32>) -> Result<Place> {
        let before = self.in_flight.fetch_add(1, Ordering::AcqRel);
        let place = Place(Arc::clone(&self.in_flight));
        match limit {
            Some(limit) if before >= limit => {
                drop(place);
                Err(exceeded(
                    "concurrency",
                    &format!("{limit} concurrent calls"),
                    Duration::from_secs(1),
                ))
            }
            _ => Ok(place),
        }
    }
}

fn take(
    bucket: Option<&Bucket>,
    limit: Option<u32>,
    amount: u32,
    clock: &Clock,
    param: &str,
    words: &str,
) -> Result<Option<RateStanding>> {
    let Some(limit) = limit else { return Ok(None) };
    // A limit of zero has no bucket: nothing ever fits.
    let (Some(bucket), Some(amount)) = (bucket, NonZeroU32::new(amount)) else {
        return Err(exceeded(
            param,
            &format!("0 {words}"),
            Duration::from_secs(60),
        ));
    };
    match bucket.check_n(amount) {
        Ok(Ok(state)) => {
            let remaining = state.remaining_burst_capacity();
            let reset = Duration::from_secs(60).mul_f64(f64::from(limit.saturating_sub(remaining)) / f64::from(limit));
            Ok(Some(RateStanding { limit, remaining, reset }))
        }
        Ok(Err(wait)) => Err(exceeded(param, &format!("{limit} {words}"), wait.wait_time_from(RateClock(clock.clone()).now()))),
        Err(_) => Err(Error::new(
            Code::RateLimitExceeded,
            format!("This call needs about {amount} tokens at once, and the key's limit is {limit} {words}: it can never fit. Send a shorter prompt, or have the limit raised."),
        )
        .param(param)),
    }
}

fn exceeded(param: &str, limit: &str, wait: Duration) -> Error {
    let seconds = wait.as_millis().div_ceil(1_000).max(1);
    Error::new(
        Code::RateLimitExceeded,
        format!("This API key is limited to {limit}. Try again in {seconds} s."),
    )
    .param(param)
    .retry_after(wait)
}

/// A call's place among the concurrent ones, given back when dropped.
#[derive(Debug)]
struct Place(Arc<AtomicU32>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Leave to make a call; its place among the concurrent ones is given back when it is dropped.
#[derive(Debug)]
#[must_use = "a permit that is dropped is given back"]
pub struct Permit {
    _place: Place,
    headers: RateLimitHeaders,
}

impl Permit {
    /// What `x-ratelimit-*` says.
    pub fn headers(&self) -> RateLimitHeaders {
        self.headers
    }
}

/// How the key's limits stand after this call; `None`: not limited.
#[derive(Clone, Copy, Debug, Default)]
pub struct RateLimitHeaders {
    /// Requests a minute.
    pub requests: Option<RateStanding>,
    /// Tokens a minute.
    pub tokens: Option<RateStanding>,
}

/// How one limit stands.
#[derive(Clone, Copy, Debug)]
pub struct RateStanding {
    /// The limit, a minute.
    pub limit: u32,
    /// What may be taken at once now.
    pub remaining: u32,
    /// Until all of it may be taken again.
    pub reset: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Timestamp;

    #[test]
    fn requests_come_back_with_time() {
        let clock = Clock::manual(Timestamp::default());
        let limiter = RateLimiter::new(
            RateLimit {
                rpm: Some(2),
                ..RateLimit::default()
            },
            clock.clone(),
        );
        assert!(limiter.admit(1).is_ok());
        assert_eq!(
            limiter
                .admit(1)
                .unwrap()
                .headers()
                .requests
                .unwrap()
                .remaining,
            0
        );
        let error = limiter.admit(1).unwrap_err();
        assert_eq!(error.param.as_deref(), Some("rpm"));
        assert_eq!(error.retry_after, Some(Duration::from_secs(30)));
        clock.advance(Duration::from_secs(30));
        assert!(limiter.admit(1).is_ok());
    }

    #[test]
    fn a_place_is_given_back_when_the_permit_is_dropped() {
        let limiter = RateLimiter::new(
            RateLimit {
                concurrency: Some(1),
                ..RateLimit::default()
            },
            Clock::manual(Timestamp::default()),
        );
        let permit = limiter.admit(1).unwrap();
        assert_eq!(
            limiter.admit(1).unwrap_err().param.as_deref(),
            Some("concurrency")
        );
        drop(permit);
        assert!(limiter.admit(1).is_ok());
    }

    #[test]
    fn a_limit_of_zero_admits_nothing() {
        let limiter = RateLimiter::new(
            RateLimit {
                rpm: Some(0),
                ..RateLimit::default()
            },
            Clock::manual(Timestamp::default()),
        );
        assert!(limiter.admit(1).is_err());
    }
}
