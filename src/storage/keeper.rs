//! The thread that writes checkpoints: some time after something has changed, and never when nothing has.

use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use super::checkpoint::Checkpoint;
use super::entry::Entry;
use super::error::JournalFailed;
use super::gate::lock;
use super::journal::Journal;
use super::open::Lock;
use super::segment::Segments;
use super::words::passes;

/// Writes checkpoints, and drops what the journal no longer needs.
pub(super) struct Keeper {
    pub(super) journal: Arc<Journal>,
    pub(super) checkpoint: Checkpoint,
    pub(super) segments: Arc<Segments>,
    pub(super) keep_bytes: u64,
    pub(super) bell: Arc<Bell>,
    pub(super) last: Mutex<(u64, u64)>,
    /// The data directory's lock, when the store was closed without waiting for this thread any longer.
    pub(super) held: Mutex<Option<Lock>>,
}

/// What wakes the keeper.
#[derive(Debug, Default)]
pub(super) struct Bell {
    state: Mutex<State>,
    rung: Condvar,
}

#[derive(Debug, Default)]
struct State {
    dirty: bool,
    stop: bool,
    ended: bool,
}

/// Says at its drop that the keeper's thread is over.
struct Ended<'a>(&'a Bell);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        lock(&self.0.state).ended = true;
        self.0.rung.notify_all();
    }
}

impl Bell {
    /// Something has changed.
    pub(super) fn dirty(&self) {
        lock(&self.state).dirty = true;
        self.rung.notify_all();
    }

    /// The keeper shall end.
    pub(super) fn stop(&self) {
        lock(&self.state).stop = true;
        self.rung.notify_all();
    }

    /// Waits until the keeper's thread is over, at most this long. Says whether it is.
    pub(super) fn ended(&self, at_most: Duration) -> bool {
        self.rung
            .wait_timeout_while(lock(&self.state), at_most, |state| !state.ended)
            .unwrap_or_else(PoisonError::into_inner)
            .0
            .ended
    }

    /// Waits until something has changed, and then as long as `every`. Says whether to go on.
    fn wait(&self, every: Duration) -> bool {
        let idle = |state: &mut State| !state.dirty && !state.stop;
        let state = self
            .rung
            .wait_while(lock(&self.state), idle)
            .unwrap_or_else(PoisonError::into_inner);
        let mut state = self
            .rung
            .wait_timeout_while(state, every, |state| !state.stop)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
        state.dirty = false;
        !state.stop
    }
}

impl Keeper {
    /// Starts the keeper's thread.
    pub(super) fn start(self: &Arc<Self>, every: Duration) -> io::Result<JoinHandle<()>> {
        let keeper = self.clone();
        Builder::new().name("checkpoint".into()).spawn(move || {
            let _ended = Ended(&keeper.bell);
            let _watch = keeper.journal.watch("checkpoint");
            while keeper.bell.wait(every) && keeper.keep().is_ok() {}
        })
    }

    /// Writes a checkpoint, tells the journal, and removes segments that nothing needs. A failure is final.
    pub(super) fn keep(&self) -> Result<(), JournalFailed> {
        self.try_keep()
            .inspect_err(|failure| self.journal.fail(failure.clone()))
    }

    fn try_keep(&self) -> Result<(), JournalFailed> {
        let path = self.checkpoint.database.path();
        let written = self.checkpoint.run().map_err(|what| {
            JournalFailed::new(format!(
                "Could not write a checkpoint to the database {}: {what}. What was acknowledged is safe in the journal; check that its disk works and has room, then start again.",
                path.display()
            ))
        })?;
        if let Some(upto) = written {
            let mut last = lock(&self.last);
            *last = (upto, last.1 + 1);
            drop(last);
            self.journal.push(Entry::Checkpointed(upto));
            match self.segments.trim(self.keep_bytes, upto) {
                // The next checkpoint tries it again.
                Err(error) if error.raw_os_error().is_some_and(passes) => {
                    tracing::warn!("old files of the journal stay a while longer: {error}");
                }
                trimmed => trimmed.map_err(|error| {
                    JournalFailed::new(format!("Could not remove old files of the journal: {error}; check the data directory's permissions."))
                })?,
            }
        }
        Ok(())
    }
}
