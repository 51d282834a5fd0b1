//! Tells on standard error, once a second, how far a step is that takes longer than a second; also one that says nothing
//! itself until it is over.

use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use crate::clock::{Clock, Tick};
use crate::storage::Progress;

const EVERY: Duration = Duration::from_secs(1);

/// Tells of steps until it is dropped.
#[derive(Debug)]
pub struct Reporter {
    shared: Arc<Shared>,
    clock: Clock,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    steps: Mutex<Steps>,
    over: Condvar,
}

#[derive(Debug, Default)]
struct Steps {
    now: Option<(Progress, Tick)>,
    over: bool,
}

impl Reporter {
    /// Tells nothing yet.
    pub fn new(clock: Clock) -> Self {
        let shared = Arc::new(Shared::default());
        let (told, time) = (shared.clone(), clock.clone());
        // Without the thread nothing is told, which is no reason not to start.
        let thread = Builder::new()
            .name("progress".into())
            .spawn(move || told.tell(&time))
            .ok();
        Self {
            shared,
            clock,
            thread,
        }
    }

    /// Notes how far a step is.
    pub fn report(&self, progress: Progress) {
        let mut steps = self
            .shared
            .steps
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let begun = match &steps.now {
            Some((before, begun)) if before.what == progress.what => *begun,
            Some(_) | None => self.clock.tick(),
        };
        steps.now = Some((progress, begun));
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.shared
            .steps
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .over = true;
        self.shared.over.notify_all();
        if let Some(thread) = self.thread.take() {
            // It panics only where a line cannot be written, which was not needed.
            drop(thread.join());
        }
    }
}

impl Shared {
    fn tell(&self, clock: &Clock) {
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            steps = self
                .over
                .wait_timeout_while(steps, EVERY, |steps| !steps.over)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            if steps.over {
                return;
            }
            let line = steps.now.as_ref().and_then(|(progress, begun)| {
                line(progress, clock.tick().micros_since(*begun) / 1_000_000)
            });
            if let Some(line) = line {
                // Nobody reading is no reason to stop.
                let _ = writeln!(std::io::stderr(), "{line}");
            }
        }
    }
}

/// What is told of a step that has taken this many seconds; `None`: nothing.
fn line(progress: &Progress, seconds: u64) -> Option<String> {
    let Progress { what, done, of } = progress;
    if seconds == 0 || (done == of && *of > 0) {
        return None;
    }
    Some(match done.saturating_mul(100).checked_div(*of) {
        Some(percent) => format!("{what}: {percent} % ({done} of {of}, {seconds} s)"),
        None => format!("{what}: {seconds} s"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_takes_longer_than_a_second_is_told() {
        let step = |done, of| Progress {
            what: "Working",
            done,
            of,
        };
        assert_eq!(line(&step(1, 4), 0), None);
        assert_eq!(line(&step(1, 4), 2).unwrap(), "Working: 25 % (1 of 4, 2 s)");
        assert_eq!(line(&step(4, 4), 2), None);
        assert_eq!(line(&step(0, 0), 3).unwrap(), "Working: 3 s");
    }
}
