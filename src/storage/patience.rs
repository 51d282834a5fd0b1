//! Waiting for what the system has not enough of now, such as descriptors: it comes back. Never for an fsync that failed: what
//! that has lost, a second one does not find.

use std::fmt::Display;
use std::time::Duration;

/// So long in all.
const PATIENCE: Duration = Duration::from_secs(60);

/// Does it; and again, so often, as long as what went wrong `passes` by itself.
pub(super) fn patiently<T, E: Display>(
    what: impl Display,
    every: Duration,
    passes: impl Fn(&E) -> bool,
    mut act: impl FnMut() -> Result<T, E>,
) -> Result<T, E> {
    let tries = PATIENCE.as_millis() / every.as_millis().max(1);
    for tried in 0..tries {
        match act() {
            Err(error) if passes(&error) => {
                if tried == 0 {
                    tracing::warn!("{what} has to wait: {error}");
                }
                std::thread::park_timeout(every);
            }
            done => return done,
        }
    }
    act()
}
