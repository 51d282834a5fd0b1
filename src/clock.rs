//! The only place that reads the time. It is passed in from the top, so that a test can move it by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::Notify;

use crate::domain::Timestamp;

/// Tells the time of day and measures durations.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Source>);

#[derive(Debug)]
enum Source {
    System {
        start: Instant,
    },
    Manual {
        now: AtomicI64,
        /// Microseconds; not moved when the time of day is set.
        passed: AtomicU64,
        moved: Notify,
    },
}

/// A point on a scale that never goes back: microseconds since the clock was made.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Tick(u64);

impl Tick {
    /// Microseconds passed since `earlier`.
    pub const fn micros_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Time passed since the clock was made.
    pub const fn since_start(self) -> Duration {
        Duration::from_micros(self.0)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that may ask the system for the time"
)]
impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(Arc::new(Source::System {
            start: Instant::now(),
        }))
    }

    /// A clock that stands at `now` until it is moved.
    pub fn manual(now: Timestamp) -> Self {
        Self(Arc::new(Source::Manual {
            now: AtomicI64::new(now.as_micros()),
            passed: AtomicU64::new(0),
            moved: Notify::new(),
        }))
    }

    /// The time of day.
    pub fn now(&self) -> Timestamp {
        match &*self.0 {
            Source::System { .. } => {
                let since_epoch = SystemTime::now()
                    .duration_since(SystemTime::UNIX_EPOCH)
                    .unwrap_or_default();
                Timestamp::default().after(since_epoch)
            }
            Source::Manual { now, .. } => Timestamp::from_micros(now.load(Ordering::SeqCst)),
        }
    }

    /// For measuring durations: never goes back, even when the time of day is set.
    pub fn tick(&self) -> Tick {
        Tick(match &*self.0 {
            Source::System { start } => micros(start.elapsed()),
            Source::Manual { passed, .. } => passed.load(Ordering::SeqCst),
        })
    }

    /// Moves a manual clock forward; the system's cannot be moved.
    pub fn advance(&self, by: Duration) {
        match &*self.0 {
            Source::System { .. } => {}
            Source::Manual { now, passed, moved } => {
                now.store(self.now().after(by).as_micros(), Ordering::SeqCst);
                passed.fetch_add(micros(by), Ordering::SeqCst);
                moved.notify_waiters();
            }
        }
    }

    /// Resolves when this much time has passed on this clock.
    pub async fn sleep(&self, span: Duration) {
        match &*self.0 {
            Source::System { .. } => tokio::time::sleep(span).await,
            Source::Manual { moved, .. } => {
                let end = self.tick().since_start().saturating_add(span);
                loop {
                    // Registered before looking, so that a move in between is not missed.
                    let mut moved = std::pin::pin!(moved.notified());
                    moved.as_mut().enable();
                    if self.tick().since_start() >= end {
                        return;
                    }
                    moved.await;
                }
            }
        }
    }

    /// Sets the time of day of a manual clock, back too, as an operator may set the system's. No time passes.
    pub fn set(&self, to: Timestamp) {
        match &*self.0 {
            Source::System { .. } => {}
            Source::Manual { now, .. } => now.store(to.as_micros(), Ordering::SeqCst),
        }
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
