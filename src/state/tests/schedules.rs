//! Reserving and settling, admitting and leaving, under many orders of the threads that do it: shuttle runs them one step
//! at a time and chooses at each lock who goes on. It also finds a deadlock, were the locks taken in different orders.
//!
//! `just schedules` runs a million; `SCHEDULES` says how many.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;

use crate::clock::Clock;
use crate::domain::{
    Consumption, Day, Model, ModelName, Money, Multiplier, Pieces, Price, PriceSource, Quota,
    RateLimit, ServiceTier, TimeZone, Timestamp, Window, Windows,
};
use crate::state::ask::Ask;
use crate::state::limits::{self, Limited, RateLimiter, Take};
use crate::state::quota::{self, Budget, Holder};

const DAY: Day = Day(20_000);

/// Picodollars that the account may spend in all, and each key.
const CAPS: (u64, u64) = (100, 70);

#[expect(clippy::disallowed_methods, reason = "a switch of this test alone")]
fn schedules() -> usize {
    let asked = std::env::var("SCHEDULES").ok();
    asked.map_or(1_000_000, |count| count.parse().unwrap())
}

/// A call of this many input tokens, a picodollar each.
fn ask(tokens: u64) -> Ask {
    Ask {
        prompt_tokens: tokens,
        hidden_tokens: 0,
        generates: false,
        least_output: 1,
        client_limit: None,
        choices: 1,
        pieces: Pieces::default(),
        tier: ServiceTier::default(),
        model: Some(Arc::new(Model {
            name: ModelName::from("m"),
            price: Some(Price {
                input: Money::from_pico(1),
                ..Price::default()
            }),
            context_tokens: None,
            max_output_tokens: None,
            source: PriceSource::Own {
                at: Timestamp::default(),
            },
        })),
        multiplier: Multiplier::ONE,
        fallbacks: Vec::new(),
    }
}

fn total(pico: u64) -> Quota {
    let mut quota = Quota::default();
    quota.total.usd = Some(Money::from_pico(pico));
    quota
}

fn cost(pico: u64) -> Consumption {
    Consumption {
        usd: Money::from_pico(pico),
        tokens: pico,
        requests: 1,
    }
}

struct House {
    account: Arc<Budget>,
    keys: [Arc<Budget>; 2],
}

impl House {
    fn new() -> Self {
        let budget = || Arc::new(Budget::new(Windows::new(DAY)));
        Self {
            account: budget(),
            keys: [budget(), budget()],
        }
    }

    /// One call from its reservation to its end; what it has spent.
    fn call(&self, key: usize, day: Day, bound: u64, spent: Option<u64>) -> u64 {
        let account = Holder {
            noun: "account",
            quota: &total(CAPS.0),
            budget: &self.account,
        };
        let key = Holder {
            noun: "key",
            quota: &total(CAPS.1),
            budget: &self.keys[key],
        };
        let Ok(reservation) = quota::reserve(&account, &key, &ask(bound), day, &TimeZone::UTC)
        else {
            return 0;
        };
        assert_eq!(reservation.amount(), cost(bound));
        match spent {
            Some(spent) => {
                reservation.settle(cost(spent));
                spent
            }
            // Given back.
            None => 0,
        }
    }

    /// Nobody ever sees a budget past its cap.
    fn look(&self) {
        for (budget, cap) in [
            (&self.account, CAPS.0),
            (&self.keys[0], CAPS.1),
            (&self.keys[1], CAPS.1),
        ] {
            let standing = budget.standing(total(cap), DAY);
            let taken = standing.used.total.plus(standing.reserved.total);
            assert!(taken.usd.as_pico() <= cap, "{taken:?} of {cap}");
        }
    }

    fn booked(budget: &Budget) -> Windows {
        let standing = budget.standing(Quota::default(), DAY);
        assert_eq!(standing.reserved.total, Consumption::default());
        standing.used
    }
}

/// Three callers of two keys, one of them past midnight, and one who looks.
fn spend() {
    let house = Arc::new(House::new());
    let callers: Vec<_> = (0..3)
        .map(|caller| {
            let house = Arc::clone(&house);
            thread::spawn(move || {
                let mut spent = 0;
                for _ in 0..2 {
                    let bound = thread_rng().gen_range(1..60);
                    let used = thread_rng().gen_range(0..=bound);
                    let day = Day(DAY.0 + i32::from(caller == 2));
                    let used = thread_rng().gen_bool(0.7).then_some(used);
                    spent += house.call(caller % 2, day, bound, used);
                }
                spent
            })
        })
        .collect();
    let looking = {
        let house = Arc::clone(&house);
        thread::spawn(move || house.look())
    };
    let spent: u64 = callers
        .into_iter()
        .map(|caller| caller.join().unwrap())
        .sum();
    looking.join().unwrap();
    let account = House::booked(&house.account);
    let keys = house.keys.each_ref().map(|key| House::booked(key));
    assert_eq!(account.total.usd.as_pico(), spent);
    for window in [Window::Total, Window::Monthly] {
        assert_eq!(
            account.of(window),
            keys[0].of(window).plus(keys[1].of(window))
        );
    }
    house.look();
}

/// Where both calls of a key fit, neither is refused; and who then asks for more than is left is.
fn all_that_fits_is_granted() {
    let house = Arc::new(House::new());
    let callers: Vec<_> = [40, 30]
        .map(|bound| {
            let house = Arc::clone(&house);
            thread::spawn(move || house.call(0, DAY, bound, Some(bound)))
        })
        .into();
    let spent: u64 = callers
        .into_iter()
        .map(|caller| caller.join().unwrap())
        .sum();
    assert_eq!(spent, CAPS.1);
    assert_eq!(house.call(0, DAY, 1, Some(1)), 0);
}

fn limited<'a>(limiter: &'a Arc<RateLimiter>, clock: &'a Clock, concurrency: u32) -> Limited<'a> {
    Limited {
        noun: "key",
        prefix: "",
        limit: RateLimit {
            concurrency: Some(concurrency),
            rpm: Some(9),
            tpm: Some(1_000),
            pace: None,
        },
        limiter,
        clock,
    }
}

/// Two keys of an account with two places, one of them with one place: never more inside than there are places, nobody turned
/// away from a free one, and all places free at the end.
fn admit() {
    let account: Arc<RateLimiter> = Arc::default();
    let keys: [Arc<RateLimiter>; 2] = Default::default();
    let (inside, clock) = (
        Arc::new(AtomicU32::new(0)),
        Clock::manual(Timestamp::default()),
    );
    let callers: Vec<_> = [0, 0, 1]
        .map(|key| {
            let (account, keys) = (Arc::clone(&account), keys.clone());
            let (inside, clock) = (Arc::clone(&inside), clock.clone());
            thread::spawn(move || {
                let account = limited(&account, &clock, 2);
                let key = limited(&keys[key], &clock, 1 + u32::from(key == 1));
                let Ok(permit) = limits::admit(account, key, Take::call(10), clock.tick()) else {
                    return 0;
                };
                assert!(inside.fetch_add(1, Ordering::SeqCst) < 2);
                thread::yield_now();
                inside.fetch_sub(1, Ordering::SeqCst);
                permit.settle(25, clock.tick());
                1
            })
        })
        .into();
    let made: u32 = callers
        .into_iter()
        .map(|caller| caller.join().unwrap())
        .sum();
    assert!(made >= 2, "both keys have a place");
    let left = limits::standing(
        limited(&account, &clock, 2),
        limited(&keys[1], &clock, 2),
        clock.tick(),
    );
    assert_eq!(left.requests.unwrap().remaining, 9 - made);
    assert_eq!(left.tokens.unwrap().remaining, 1_000 - 25 * made);
    let all = [
        limits::admit(
            limited(&account, &clock, 2),
            limited(&keys[0], &clock, 1),
            Take::call(1),
            clock.tick(),
        ),
        limits::admit(
            limited(&account, &clock, 2),
            limited(&keys[1], &clock, 2),
            Take::call(1),
            clock.tick(),
        ),
    ];
    assert!(all.iter().all(Result::is_ok));
}

#[test]
fn spending_at_random() {
    shuttle::check_random(spend, schedules() / 2);
}

/// Chooses the few switches that matter most: finds what random orders rarely do.
#[test]
fn spending_with_few_switches() {
    shuttle::check_pct(spend, schedules() / 4, 3);
}

#[test]
fn admitting_at_random() {
    shuttle::check_random(admit, schedules() / 4);
}

/// Every order there is.
#[test]
fn granting_exhaustively() {
    let orders = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&orders);
    let all = move || {
        counted.fetch_add(1, Ordering::Relaxed);
        all_that_fits_is_granted();
    };
    shuttle::check_dfs(all, None);
    println!("{} orders", orders.load(Ordering::Relaxed));
}
