//! Six limits, of a key and its account, and a clock moved by hand.

use super::*;
use crate::clock::Clock;
use crate::domain::{Rps, Timestamp};

/// An account with a key, and a clock.
struct Pair {
    account: (RateLimit, Arc<RateLimiter>),
    key: (RateLimit, Arc<RateLimiter>),
    clock: Clock,
}

impl Pair {
    fn new(account: RateLimit, key: RateLimit) -> Self {
        Self {
            account: (account, Arc::default()),
            key: (key, Arc::default()),
            clock: Clock::manual(Timestamp::default()),
        }
    }

    fn limited(&self) -> (Limited<'_>, Limited<'_>) {
        (
            Limited {
                noun: "account",
                prefix: "account.",
                limit: self.account.0,
                limiter: &self.account.1,
                clock: &self.clock,
            },
            Limited {
                noun: "API key",
                prefix: "",
                limit: self.key.0,
                limiter: &self.key.1,
                clock: &self.clock,
            },
        )
    }

    fn admit(&self, tokens: u64) -> Result<Permit> {
        let (account, key) = self.limited();
        admit(account, key, Take::call(tokens), self.clock.tick())
    }

    /// The limit that refuses such a call.
    fn refused_by(&self, tokens: u64) -> String {
        self.admit(tokens).unwrap_err().param.unwrap()
    }

    /// Makes a call that uses as many tokens.
    fn call(&self, estimated: u64, used: u64) {
        self.admit(estimated)
            .unwrap()
            .settle(used, self.clock.tick());
    }

    fn remaining(&self) -> (Option<u32>, Option<u32>) {
        let (account, key) = self.limited();
        let standing = standing(account, key, self.clock.tick());
        let remaining = |of: Option<RateStanding>| of.map(|of| of.remaining);
        (remaining(standing.requests), remaining(standing.tokens))
    }
}

const NONE: RateLimit = RateLimit {
    rpm: None,
    tpm: None,
    concurrency: None,
    pace: None,
};

fn rpm(rpm: u32) -> RateLimit {
    RateLimit {
        rpm: Some(rpm),
        ..NONE
    }
}

fn tpm(tpm: u32) -> RateLimit {
    RateLimit {
        tpm: Some(tpm),
        ..NONE
    }
}

fn concurrency(concurrency: u32) -> RateLimit {
    RateLimit {
        concurrency: Some(concurrency),
        ..NONE
    }
}

#[test]
fn requests_come_back_after_a_minute_and_the_wait_says_when() {
    let pair = Pair::new(NONE, rpm(2));
    pair.call(1, 1);
    let second = pair.admit(1).unwrap();
    assert_eq!(second.headers().requests.unwrap().remaining, 0);
    second.settle(1, pair.clock.tick());
    let error = pair.admit(1).unwrap_err();
    assert_eq!(error.param.as_deref(), Some("rpm"));
    let wait = error.retry_after.unwrap();
    assert!(
        wait >= Duration::from_secs(60) && wait < Duration::from_secs(61),
        "{wait:?}"
    );
    pair.clock.advance(wait);
    pair.call(1, 1);
}

#[test]
fn a_call_must_fit_key_and_account_and_a_refused_one_takes_nothing_from_either() {
    for (account, key, param) in [
        (rpm(9), tpm(5), "tpm"),
        (tpm(5), rpm(9), "account.tpm"),
        (rpm(0), rpm(9), "account.rpm"),
        (concurrency(0), rpm(9), "account.concurrency"),
        (tpm(9), concurrency(0), "concurrency"),
    ] {
        let pair = Pair::new(account, key);
        let before = pair.remaining();
        assert_eq!(pair.refused_by(6), param);
        assert_eq!(pair.remaining(), before);
        assert_eq!(pair.account.1.counters().in_flight, 0);
        assert_eq!(pair.key.1.counters().in_flight, 0);
    }
}

#[test]
fn two_keys_share_their_accounts_limit() {
    let first = Pair::new(rpm(3), NONE);
    let second = Pair {
        account: first.account.clone(),
        key: (rpm(9), Arc::default()),
        clock: first.clock.clone(),
    };
    first.call(1, 1);
    second.call(1, 1);
    assert_eq!(second.remaining().0, Some(1));
    first.call(1, 1);
    assert_eq!(second.refused_by(1), "account.rpm");
}

#[test]
fn tokens_beyond_the_estimate_are_charged_when_known_and_the_rest_is_given_back() {
    let pair = Pair::new(tpm(1_000), tpm(100));
    let less = pair.admit(60).unwrap();
    assert_eq!(pair.remaining().1, Some(40));
    less.settle(10, pair.clock.tick());
    assert_eq!(pair.remaining().1, Some(90));
    pair.call(60, 250);
    assert_eq!(pair.remaining().1, Some(0));
    assert_eq!(pair.refused_by(1), "tpm");
    assert_eq!(
        pair.account.1.counters().tokens.taken(pair.clock.tick()),
        260
    );
    pair.clock.advance(Duration::from_secs(61));
    pair.call(100, 100);
}

#[test]
fn what_is_charged_late_counts_from_then_on() {
    let pair = Pair::new(NONE, tpm(100));
    let slow = pair.admit(10).unwrap();
    pair.clock.advance(Duration::from_secs(300));
    slow.settle(100, pair.clock.tick());
    assert_eq!(pair.remaining().1, Some(10));
    pair.clock.advance(Duration::from_secs(61));
    assert_eq!(pair.remaining().1, Some(100));
}

#[test]
fn a_permit_dropped_before_the_call_was_made_gives_all_of_it_back() {
    let all = RateLimit {
        rpm: Some(1),
        tpm: Some(10),
        concurrency: Some(1),
        pace: None,
    };
    let pair = Pair::new(all, all);
    let permit = pair.admit(10).unwrap();
    assert_eq!(pair.refused_by(10), "concurrency");
    drop(permit);
    assert_eq!(pair.remaining(), (Some(1), Some(10)));
    pair.call(10, 10);
    assert_eq!(pair.refused_by(10), "rpm");
}

#[test]
fn a_changed_limit_holds_at_once_and_remembers_what_was_taken() {
    let mut pair = Pair::new(NONE, rpm(2));
    pair.call(1, 1);
    pair.call(1, 1);
    pair.key.0 = rpm(3);
    assert_eq!(pair.remaining().0, Some(1));
    pair.call(1, 1);
    assert_eq!(pair.refused_by(1), "rpm");
    pair.key.0 = rpm(1);
    assert_eq!(pair.refused_by(1), "rpm");
    let waiting = pair.admit(1).unwrap_err().retry_after.unwrap();
    pair.key.0 = concurrency(1);
    let open = pair.admit(1).unwrap();
    pair.key.0 = rpm(3);
    assert_eq!(pair.refused_by(1), "rpm");
    pair.clock.advance(waiting);
    let second = pair.admit(1).unwrap();
    pair.key.0 = concurrency(2);
    assert_eq!(pair.refused_by(1), "concurrency");
    drop((open, second));
    pair.call(1, 1);
}

#[test]
fn a_call_that_alone_is_more_than_the_limit_is_told_so() {
    let pair = Pair::new(NONE, tpm(100));
    let error = pair.admit(101).unwrap_err();
    assert!(error.message.contains("can never fit"), "{}", error.message);
    assert!(error.retry_after.is_some());
    let nothing = Pair::new(NONE, rpm(0)).admit(1).unwrap_err();
    assert!(
        nothing.message.contains("no call fits"),
        "{}",
        nothing.message
    );
}

#[test]
fn a_pace_is_taken_of_both_or_of_neither_and_given_back_with_the_rest() {
    let pace = |burst| RateLimit {
        pace: Some(Pace {
            rps: Rps::parse("1").unwrap(),
            burst: std::num::NonZeroU32::new(burst),
        }),
        ..NONE
    };
    let pair = Pair::new(pace(2), pace(3));
    drop(pair.admit(1).unwrap());
    let kept = pair.admit(1).unwrap();
    pair.call(1, 1);
    for _ in 0..9 {
        let refused = pair.admit(1).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("account.rps"));
        assert_eq!(refused.retry_after, Some(Duration::from_secs(1)));
        assert!(
            refused.message.contains("1 request a second, 2 at once"),
            "{}",
            refused.message
        );
    }
    // A session's place needs none, its responses do.
    let (account, key) = pair.limited();
    let now = pair.clock.tick();
    drop(admit(account, key, Take::SESSION, now).unwrap());
    assert!(admit(account, key, Take::response(1), now).is_err());
    drop(kept);
    pair.call(1, 1);
    assert_eq!(pair.refused_by(1), "account.rps");
}

#[test]
fn the_tighter_of_two_limits_is_told() {
    let pair = Pair::new(rpm(10), rpm(5));
    let told = pair.admit(1).unwrap().headers().requests.unwrap();
    assert_eq!((told.limit, told.remaining), (5, 4));
    assert!(told.reset > Duration::from_secs(59));
}

/// 100,000 keys: 12 MB at rest, 19 MB in the minute in which each of them is used.
#[test]
fn a_hundred_thousand_limiters_cost_less_than_20_mb() {
    let allocated = |limiter: &RateLimiter| {
        let counters = limiter.counters();
        let inline = size_of::<RateLimiter>() + 2 * size_of::<usize>() + size_of::<Arc<()>>();
        inline
            + counters.requests.heap_bytes()
            + counters.tokens.heap_bytes()
            + counters.pace.heap_bytes()
    };
    let both = RateLimit {
        rpm: Some(60),
        tpm: Some(60_000),
        concurrency: Some(5),
        pace: None,
    };
    let pair = Pair::new(NONE, both);
    let at_rest = allocated(&pair.key.1);
    for _ in 0..60 {
        pair.call(10, 1_000);
        pair.clock.advance(Duration::from_secs(1));
    }
    assert!(allocated(&pair.key.1) > at_rest);
    pair.clock.advance(Duration::from_secs(61));
    pair.key.1.shrink(pair.clock.tick());
    assert_eq!(allocated(&pair.key.1), at_rest);
    pair.call(10, 1_000);
    let (at_rest, in_use) = (at_rest * 100_000, allocated(&pair.key.1) * 100_000);
    println!("100,000 limiters: {at_rest} bytes at rest, {in_use} bytes when each has been used");
    assert!(at_rest <= 12_000_000 && in_use < 20_000_000);
    // Only who has a pace pays for one, and only while it has something to remember.
    let mut paced = Pair::new(NONE, NONE);
    paced.key.0.pace = Some(Pace {
        rps: Rps::parse("2").unwrap(),
        burst: None,
    });
    paced.call(1, 1);
    let more = allocated(&paced.key.1) * 100_000 - at_rest;
    println!("{more} bytes more while each of them paces");
    assert!((1..16_000_000).contains(&more));
    paced.clock.advance(Duration::from_secs(1));
    paced.key.1.shrink(paced.clock.tick());
    assert_eq!(allocated(&paced.key.1) * 100_000, at_rest);
}
