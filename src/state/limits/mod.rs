//! Rate limits of a key and of its account: requests a minute, tokens a minute, calls at the same time, and the pace.
//!
//! A call must fit all eight; it takes from all of them or, refused, from none. Its tokens are estimated then, and what it has
//! used in truth replaces the estimate at its end: more is charged afterwards, so that the next calls wait for it, less is given
//! back. The counters live in the entries of key and account and die with them: a key that is unknown makes no state.
//! A key and its successors have one between them.
//! The two locks are always taken account first, are held for a few additions, and never across an await.

mod pacer;
mod window;

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use crate::clock::{Clock, Tick};
use crate::domain::{Code, Error, Pace, RateLimit, Result};

use super::sync::{Mutex, MutexGuard};

use pacer::Paced;
use window::{SlotAt, Window};

/// What has been taken by one key or account. It knows no limits: they come with each call, so that a changed limit
/// holds for the next one and forgets nothing.
#[derive(Debug, Default)]
pub(super) struct RateLimiter(Mutex<Counters>);

#[derive(Debug, Default)]
struct Counters {
    in_flight: u32,
    requests: Window,
    tokens: Window,
    pace: pacer::Slot,
}

impl RateLimiter {
    fn counters(&self) -> MutexGuard<'_, Counters> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives back memory that is no longer needed.
    pub(super) fn shrink(&self, now: Tick) {
        let mut counters = self.counters();
        counters.requests.shrink(now);
        counters.tokens.shrink(now);
        counters.pace.shrink(now);
    }

    /// Takes a changed setting over: what was taken stays taken.
    pub(super) fn change(&self, from: &RateLimit, to: &RateLimit, clock: &Clock) {
        if from.pace != to.pace {
            let mut counters = self.counters();
            counters
                .pace
                .change(from.pace, to.pace, clock, clock.tick());
        }
    }
}

impl Counters {
    /// A place that was taken just now, under the same lock.
    fn undo(&self, paced: Option<Paced>) {
        if let (Some(paced), Some(pacer)) = (paced, self.pace.get()) {
            pacer.undo(paced);
        }
    }
}

/// One that is limited: an account or a key.
#[derive(Clone, Copy)]
pub(super) struct Limited<'a> {
    /// `account` or `API key`.
    pub(super) noun: &'static str,
    /// Stands before the limit's name in `param`.
    pub(super) prefix: &'static str,
    pub(super) limit: RateLimit,
    pub(super) limiter: &'a Arc<RateLimiter>,
    /// The clock for a limiter that is made now.
    pub(super) clock: &'a Clock,
}

/// What is taken of the limits at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Take {
    /// Places among the concurrent calls.
    places: u32,
    requests: u64,
    tokens: u64,
}

impl Take {
    /// A session: its place. The rest is taken by its responses.
    pub(super) const SESSION: Self = Self {
        places: 1,
        requests: 0,
        tokens: 0,
    };

    /// A call with so many tokens.
    pub(super) fn call(tokens: u64) -> Self {
        Self {
            places: 1,
            requests: 1,
            tokens: tokens.max(1),
        }
    }

    /// A response of a session that has its place.
    pub(super) fn response(tokens: u64) -> Self {
        Self {
            places: 0,
            ..Self::call(tokens)
        }
    }
}

/// Takes all of it from account and key, or nothing from either.
///
/// # Errors
/// `rate_limit_exceeded` with the time to wait; `param` names the limit.
pub(super) fn admit(
    account: Limited<'_>,
    key: Limited<'_>,
    take: Take,
    now: Tick,
) -> Result<Permit> {
    let mut account_counters = account.limiter.counters();
    let mut key_counters = key.limiter.counters();
    key.check(&mut key_counters, take, now)?;
    account.check(&mut account_counters, take, now)?;
    // Last, and taken at once: governor looks and takes in one. The waits of the others are the longer ones.
    let key_paced = key.pace(&mut key_counters, take, now)?;
    let account_paced = account
        .pace(&mut account_counters, take, now)
        .inspect_err(|_| key_counters.undo(key_paced))?;
    Ok(Permit {
        account: account.take(&mut account_counters, take, account_paced, now),
        key: key.take(&mut key_counters, take, key_paced, now),
        tokens: take.tokens,
        headers: account
            .standing(&mut account_counters, now)
            .tighter(key.standing(&mut key_counters, now)),
    })
}

/// How the limits of account and key stand, the tighter of each kind.
pub(super) fn standing(account: Limited<'_>, key: Limited<'_>, now: Tick) -> RateLimitHeaders {
    let of = |limited: Limited<'_>| limited.standing(&mut limited.limiter.counters(), now);
    of(account).tighter(of(key))
}

impl Limited<'_> {
    fn check(&self, counters: &mut Counters, take: Take, now: Tick) -> Result<()> {
        if let Some(limit) = self.limit.concurrency
            && take.places > 0
            && counters.in_flight >= limit
        {
            let words = format!("{limit} calls at the same time");
            return Err(self.refuse("concurrency", &words, Duration::from_secs(1)));
        }
        let requests = (
            &mut counters.requests,
            self.limit.rpm,
            "rpm",
            "requests",
            take.requests,
        );
        let tokens = (
            &mut counters.tokens,
            self.limit.tpm,
            "tpm",
            "tokens",
            take.tokens,
        );
        for (window, limit, param, unit, amount) in [requests, tokens] {
            let Some(limit) = limit.filter(|_| amount > 0) else {
                continue;
            };
            let most = u64::from(limit);
            if amount > most {
                return Err(self.never(param, unit, limit, amount));
            }
            if window.taken(now).saturating_add(amount) > most {
                let wait = window.wait(now, most, amount);
                return Err(self.refuse(param, &format!("{limit} {unit} a minute"), wait));
            }
        }
        Ok(())
    }

    /// Takes a request's place in the pace, if there is one.
    fn pace(&self, counters: &mut Counters, take: Take, now: Tick) -> Result<Option<Paced>> {
        let Some(pace) = self.limit.pace.filter(|_| take.requests > 0) else {
            return Ok(None);
        };
        let taken = counters.pace.at(pace, self.clock, now).take(now);
        taken
            .map(Some)
            .map_err(|wait| self.refuse("rps", &words_of(pace), wait))
    }

    fn refuse(&self, param: &str, words: &str, wait: Duration) -> Error {
        let wait_words = match wait.as_micros().div_ceil(1_000) {
            millis @ ..1_000 => format!("{millis} ms"),
            millis => format!("{} s", millis.div_ceil(1_000)),
        };
        let message = format!(
            "This {} is limited to {words}. Try again in {wait_words}.",
            self.noun
        );
        Error::new(Code::RateLimitExceeded, message)
            .param(format!("{}{param}", self.prefix))
            .retry_after(wait)
    }

    fn never(&self, param: &str, unit: &str, limit: u32, amount: u64) -> Error {
        let noun = self.noun;
        let message = if limit == 0 {
            format!(
                "This {noun} is limited to 0 {unit} a minute: no call fits. Have the limit raised."
            )
        } else {
            format!(
                "This call needs about {amount} {unit} at once, and the {noun} is limited to {limit} a minute: it can never fit. Send a shorter prompt, or have the limit raised."
            )
        };
        Error::new(Code::RateLimitExceeded, message)
            .param(format!("{}{param}", self.prefix))
            .retry_after(Duration::from_secs(60))
    }

    fn take(&self, counters: &mut Counters, take: Take, paced: Option<Paced>, now: Tick) -> Place {
        counters.in_flight += take.places;
        let of = |limit: Option<u32>, window: &mut Window, amount: u64| {
            limit
                .filter(|_| amount > 0)
                .map(|_| window.take(now, amount))
        };
        Place {
            limiter: Arc::clone(self.limiter),
            places: take.places,
            request: of(self.limit.rpm, &mut counters.requests, take.requests),
            tokens: of(self.limit.tpm, &mut counters.tokens, take.tokens),
            paced,
        }
    }

    fn standing(&self, counters: &mut Counters, now: Tick) -> RateLimitHeaders {
        let of = |limit: Option<u32>, window: &mut Window| {
            let limit = limit?;
            let taken = u32::try_from(window.taken(now)).unwrap_or(u32::MAX);
            Some(RateStanding {
                limit,
                remaining: limit.saturating_sub(taken),
                reset: window.until_empty(now),
            })
        };
        RateLimitHeaders {
            requests: of(self.limit.rpm, &mut counters.requests),
            tokens: of(self.limit.tpm, &mut counters.tokens),
        }
    }
}

/// `10 requests a second, 20 at once`.
fn words_of(pace: Pace) -> String {
    let (rps, at_once) = (pace.rps.to_string(), pace.at_once());
    let noun = if rps == "1" { "request" } else { "requests" };
    format!("{rps} {noun} a second, {at_once} at once")
}

/// A call's place at one limiter, given back when dropped.
#[derive(Debug)]
struct Place {
    limiter: Arc<RateLimiter>,
    /// How many it has among the concurrent calls.
    places: u32,
    /// Where its request was taken; `None`: not counted, or to be kept.
    request: Option<SlotAt>,
    /// Where its tokens were taken.
    tokens: Option<SlotAt>,
    /// Its place in the pace; `None`: it needs none, or is to be kept.
    paced: Option<Paced>,
}

/// Leave to make a call. Settled with the tokens that the call has used; dropped without, all that it took is given back.
#[derive(Debug)]
#[must_use = "a permit that is dropped is given back"]
pub struct Permit {
    account: Place,
    key: Place,
    /// Taken at each.
    tokens: u64,
    headers: RateLimitHeaders,
}

impl Permit {
    /// What `x-ratelimit-*` says.
    pub fn headers(&self) -> RateLimitHeaders {
        self.headers
    }

    /// The call was made, and has used this many tokens: its request stays taken, and they replace the estimate.
    pub(super) fn settle(mut self, tokens: u64, now: Tick) {
        for place in [&mut self.account, &mut self.key] {
            place.request = None;
            place.paced = None;
            let Some(taken) = place.tokens else { continue };
            let mut counters = place.limiter.counters();
            match tokens.checked_sub(self.tokens) {
                Some(0) => {}
                Some(more) => {
                    counters.tokens.take(now, more);
                }
                None => counters.tokens.give_back(taken, self.tokens - tokens),
            }
            place.tokens = None;
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        for place in [&self.account, &self.key] {
            let mut counters = place.limiter.counters();
            counters.in_flight -= place.places;
            if let Some(at) = place.request {
                counters.requests.give_back(at, 1);
            }
            if let Some(at) = place.tokens {
                counters.tokens.give_back(at, self.tokens);
            }
            if let (Some(paced), Some(pacer)) = (place.paced, counters.pace.get()) {
                pacer.give_back(paced);
            }
        }
    }
}

/// How the limits a minute stand; `None`: not limited.
#[derive(Clone, Copy, Debug, Default)]
pub struct RateLimitHeaders {
    /// Requests a minute.
    pub requests: Option<RateStanding>,
    /// Tokens a minute.
    pub tokens: Option<RateStanding>,
}

impl RateLimitHeaders {
    /// Of each kind the one of which less remains.
    fn tighter(self, other: Self) -> Self {
        let less = |a: Option<RateStanding>, b: Option<RateStanding>| {
            a.into_iter()
                .chain(b)
                .min_by_key(|standing| standing.remaining)
        };
        Self {
            requests: less(self.requests, other.requests),
            tokens: less(self.tokens, other.tokens),
        }
    }
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
mod tests;
