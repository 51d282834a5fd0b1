//! Slows down guessing of passwords: waits that grow with each failure of an address or an account.
//!
//! Nobody is ever locked out: an attempt is delayed, not refused, and the right password always works after the wait. Only an
//! address that keeps very many attempts waiting at once is turned away. IPv6 addresses count by their /64.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Clock;
use crate::crypto;
use crate::domain::{Code, Digest, Error, Result, Timestamp};

const FREE_FAILURES: u32 = 3;
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(8);
const FORGET_AFTER: Duration = Duration::from_secs(3600);
const WAITING_AT_ONCE: u32 = 20;
const TRACKED: usize = 50_000;

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Subject {
    Address(IpAddr),
    /// By a digest of its name: a stranger decides how long the names are that are remembered.
    Account(Digest),
}

#[derive(Clone, Copy, Debug)]
struct Record {
    failures: u32,
    waiting: u32,
    last: Timestamp,
}

/// Remembers failures for an hour.
pub(super) struct Throttle {
    clock: Clock,
    records: Mutex<HashMap<Subject, Record>>,
}

impl Throttle {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            records: Mutex::default(),
        }
    }

    /// How long this attempt has to wait before its password is looked at. The attempt counts as waiting until dropped.
    ///
    /// # Errors
    /// `rate_limit_exceeded` when the address has too many attempts waiting.
    pub(super) fn begin(&self, address: IpAddr, username: &str) -> Result<Trial<'_>> {
        let now = self.clock.now();
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        if records.len() > TRACKED {
            records.retain(|_, record| record.waiting > 0 || now.since(record.last) < FORGET_AFTER);
        }
        let subjects = [
            Subject::Address(network(address)),
            Subject::Account(crypto::sha256(&username.trim().to_lowercase())),
        ];
        let fresh = Record {
            failures: 0,
            waiting: 0,
            last: now,
        };
        let mut wait = Duration::ZERO;
        for subject in &subjects {
            let record = records.entry(subject.clone()).or_insert(fresh);
            if record.waiting == 0 && now.since(record.last) >= FORGET_AFTER {
                *record = fresh;
            }
            if matches!(subject, Subject::Address(_)) && record.waiting >= WAITING_AT_ONCE {
                return Err(Error::new(Code::RateLimitExceeded, "Too many log-in attempts from this address are waiting. Try again in a few seconds.")
                    .retry_after(LONGEST_WAIT));
            }
            wait = wait.max(delay(record.failures));
        }
        for subject in &subjects {
            if let Some(record) = records.get_mut(subject) {
                record.waiting += 1;
            }
        }
        drop(records);
        Ok(Trial {
            throttle: self,
            subjects,
            wait,
            failed: true,
        })
    }

    fn end(&self, subjects: &[Subject; 2], failed: bool) {
        let now = self.clock.now();
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        for subject in subjects {
            if let Some(record) = records.get_mut(subject) {
                record.waiting = record.waiting.saturating_sub(1);
                record.last = now;
                record.failures = if failed {
                    record.failures.saturating_add(1)
                } else {
                    0
                };
                if !failed && record.waiting == 0 {
                    records.remove(subject);
                }
            }
        }
    }
}

fn delay(failures: u32) -> Duration {
    match failures.checked_sub(FREE_FAILURES) {
        None => Duration::ZERO,
        Some(doublings) => FIRST_WAIT
            .saturating_mul(2u32.saturating_pow(doublings))
            .min(LONGEST_WAIT),
    }
}

/// One home gets a whole /64 of IPv6 addresses: they count as one.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        v4 @ IpAddr::V4(_) => v4,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

/// One attempt to log in; counts as failed unless it is said to have succeeded.
pub(super) struct Trial<'a> {
    throttle: &'a Throttle,
    subjects: [Subject; 2],
    /// How long to wait first.
    pub(super) wait: Duration,
    failed: bool,
}

impl Trial<'_> {
    /// The password was right.
    pub(super) fn succeed(mut self) {
        self.failed = false;
    }
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        self.throttle.end(&self.subjects, self.failed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    #[test]
    fn waits_grow_are_capped_and_end_with_success() {
        let throttle = Throttle::new(Clock::manual(Timestamp::default()));
        let waits: Vec<_> = (0..12)
            .map(|_| throttle.begin(HOME, "ada").unwrap().wait.as_millis())
            .collect();
        assert_eq!(
            waits,
            [0, 0, 0, 250, 500, 1000, 2000, 4000, 8000, 8000, 8000, 8000]
        );
        throttle.begin(HOME, "Ada").unwrap().succeed();
        assert_eq!(throttle.begin(HOME, "ada").unwrap().wait, Duration::ZERO);
    }

    #[test]
    fn a_stranger_only_delays_the_owner() {
        let throttle = Throttle::new(Clock::manual(Timestamp::default()));
        for host in 0..200u8 {
            drop(throttle.begin(IpAddr::from([198, 51, 100, host]), "ada"));
        }
        assert!(throttle.begin(HOME, "ada").unwrap().wait <= LONGEST_WAIT);
    }

    #[test]
    fn failures_are_forgotten_after_an_hour() {
        let clock = Clock::manual(Timestamp::default());
        let throttle = Throttle::new(clock.clone());
        for _ in 0..9 {
            drop(throttle.begin(HOME, "ada"));
        }
        clock.advance(FORGET_AFTER);
        assert_eq!(throttle.begin(HOME, "ada").unwrap().wait, Duration::ZERO);
    }

    #[test]
    fn an_address_with_many_attempts_waiting_is_turned_away() {
        let throttle = Throttle::new(Clock::manual(Timestamp::default()));
        let waiting: Vec<_> = (0..WAITING_AT_ONCE)
            .map(|i| throttle.begin(HOME, &i.to_string()).unwrap())
            .collect();
        assert!(throttle.begin(HOME, "ada").is_err());
        drop(waiting);
        assert!(throttle.begin(HOME, "ada").is_ok());
    }
}
