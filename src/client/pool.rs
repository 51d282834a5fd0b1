//! The connections that a worker keeps: bounded in number and age, newest first, and each looked at before it is used again.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use super::link::{Line, Link};
use crate::clock::{Clock, Tick};

/// How long an unused connection is kept.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// How long a connection lives at most, so that a change of address is noticed.
const LIFETIME: Duration = Duration::from_secs(300);
/// How many are kept of a line, and in all, by each worker.
const MOST_OF_A_LINE: usize = 256;
const MOST: usize = 1_024;
/// How often those of all lines are looked through.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

thread_local! {
    static POOL: RefCell<Pool<Box<Link>>> = RefCell::new(Pool::new(Clock::system()));
}

/// The present of the pool's clock.
pub(super) fn now() -> Tick {
    POOL.with_borrow(|pool| pool.clock.tick())
}

/// A connection that may be used.
pub(super) fn take(line: &Rc<Line>) -> Option<Box<Link>> {
    POOL.with_borrow_mut(|pool| pool.take(line))
}

/// Keeps a connection whose exchange is over, if it is in a state that is known.
pub(super) fn give_back(line: Rc<Line>, mut link: Box<Link>) {
    if link.is_idle() {
        // A worker that ends has no pool any more, and needs none.
        let _ = POOL.try_with(|pool| {
            if let Ok(mut pool) = pool.try_borrow_mut() {
                pool.put(line, link);
            }
        });
    }
}

/// How many connections this worker keeps.
#[cfg(test)]
pub(super) fn kept() -> usize {
    POOL.with_borrow(|pool| pool.count)
}

/// What the pool needs to know of a connection.
pub(super) trait Kept {
    /// When it was made.
    fn born(&self) -> Tick;
    /// Whether nothing came while it was put away.
    fn is_untouched(&self) -> bool;
}

impl Kept for Box<Link> {
    fn born(&self) -> Tick {
        self.born
    }

    fn is_untouched(&self) -> bool {
        Link::is_untouched(self)
    }
}

struct Idle<L> {
    link: L,
    since: Tick,
}

struct Pool<L> {
    clock: Clock,
    idle: HashMap<Rc<Line>, VecDeque<Idle<L>>>,
    count: usize,
    swept: Tick,
}

impl<L: Kept> Pool<L> {
    fn new(clock: Clock) -> Self {
        let swept = clock.tick();
        Self {
            clock,
            idle: HashMap::new(),
            count: 0,
            swept,
        }
    }

    fn take(&mut self, line: &Rc<Line>) -> Option<L> {
        let now = self.clock.tick();
        self.sweep(now);
        let idle = self.idle.get_mut(line)?;
        while let Some(newest) = idle.pop_back() {
            self.count = self.count.saturating_sub(1);
            if is_young(&newest, now) && newest.link.is_untouched() {
                return Some(newest.link);
            }
        }
        None
    }

    fn put(&mut self, line: Rc<Line>, link: L) {
        let now = self.clock.tick();
        self.sweep(now);
        if self.count >= MOST {
            return;
        }
        let idle = self.idle.entry(line).or_default();
        if idle.len() >= MOST_OF_A_LINE {
            return;
        }
        idle.push_back(Idle { link, since: now });
        self.count += 1;
    }

    /// Closes what is too old, of all lines: a line that nobody uses any more would keep its connections.
    fn sweep(&mut self, now: Tick) {
        if !passed(self.swept, now, SWEEP_EVERY) {
            return;
        }
        self.swept = now;
        for idle in self.idle.values_mut() {
            idle.retain(|idle| is_young(idle, now));
        }
        self.idle.retain(|_, idle| !idle.is_empty());
        self.count = self.idle.values().map(VecDeque::len).sum();
    }
}

fn is_young<L: Kept>(idle: &Idle<L>, now: Tick) -> bool {
    !passed(idle.since, now, KEEP_ALIVE) && !passed(idle.link.born(), now, LIFETIME)
}

fn passed(since: Tick, now: Tick, span: Duration) -> bool {
    u128::from(now.micros_since(since)) >= span.as_micros()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Timestamp;

    struct Fake {
        number: usize,
        born: Tick,
        untouched: bool,
    }

    impl Kept for Fake {
        fn born(&self) -> Tick {
            self.born
        }

        fn is_untouched(&self) -> bool {
            self.untouched
        }
    }

    fn pool() -> Pool<Fake> {
        Pool::new(Clock::manual(Timestamp::from_micros(0)))
    }

    fn line(address: &str) -> Rc<Line> {
        Rc::new(Line::to(&address.parse().unwrap(), None).unwrap())
    }

    impl Pool<Fake> {
        fn keep(&mut self, address: &str, number: usize) {
            self.keep_as(address, number, true);
        }

        fn keep_as(&mut self, address: &str, number: usize, untouched: bool) {
            let born = self.clock.tick();
            self.put(
                line(address),
                Fake {
                    number,
                    born,
                    untouched,
                },
            );
        }

        fn number(&mut self, address: &str) -> Option<usize> {
            self.take(&line(address)).map(|fake| fake.number)
        }
    }

    #[test]
    fn a_connection_serves_its_own_line_only_and_once() {
        let mut pool = pool();
        pool.keep("http://a.example/x", 1);
        for other in [
            "https://a.example/",
            "http://b.example/",
            "http://a.example:81/",
        ] {
            assert_eq!(pool.number(other), None, "{other}");
        }
        assert_eq!(pool.number("http://A.example:80/y"), Some(1));
        assert_eq!(pool.number("http://a.example/"), None);
    }

    #[test]
    fn another_proxy_or_another_login_is_another_line() {
        let to = |proxy: Option<&str>| {
            let proxy =
                proxy.map(|text| std::sync::Arc::new(crate::domain::Proxy::parse(text).unwrap()));
            Line::to(&"http://a.example/".parse().unwrap(), proxy).unwrap()
        };
        let lines = [
            to(None),
            to(Some("http://p.example:1")),
            to(Some("http://p.example:2")),
            to(Some("http://u:x@p.example:1")),
            to(Some("http://u:y@p.example:1")),
        ];
        for (at, one) in lines.iter().enumerate() {
            for (other_at, other) in lines.iter().enumerate() {
                assert_eq!(one == other, at == other_at);
            }
        }
    }

    #[test]
    fn one_that_was_touched_while_idle_is_closed_and_the_next_taken() {
        let mut pool = pool();
        pool.keep("http://a.example/", 1);
        pool.keep_as("http://a.example/", 2, false);
        assert_eq!(pool.number("http://a.example/"), Some(1));
        assert_eq!(pool.count, 0);
    }

    #[test]
    fn it_is_not_kept_longer_than_it_may_be_idle_or_may_live() {
        let mut pool = pool();
        pool.keep("http://a.example/", 1);
        pool.clock.advance(KEEP_ALIVE);
        assert_eq!(pool.number("http://a.example/"), None);
        // Used all the time, it grows old all the same.
        pool.keep("http://a.example/", 2);
        for _ in 0..30 {
            pool.clock.advance(Duration::from_secs(10));
            if let Some(fake) = pool.take(&line("http://a.example/")) {
                pool.put(line("http://a.example/"), fake);
            }
        }
        assert_eq!(pool.number("http://a.example/"), None);
    }

    #[test]
    fn those_of_a_line_that_nobody_uses_are_closed_too() {
        let mut pool = pool();
        pool.keep("http://a.example/", 1);
        pool.clock.advance(KEEP_ALIVE);
        pool.keep("http://b.example/", 2);
        assert_eq!((pool.count, pool.idle.len()), (1, 1));
    }

    #[test]
    fn their_number_is_bounded_for_a_line_and_in_all() {
        let mut pool = pool();
        for number in 0..MOST_OF_A_LINE + 10 {
            pool.keep("http://a.example/", number);
        }
        assert_eq!(pool.count, MOST_OF_A_LINE);
        for number in 0..2 * MOST {
            pool.keep(&format!("http://h{}.example/", number % 100), number);
        }
        assert_eq!(pool.count, MOST);
    }
}
