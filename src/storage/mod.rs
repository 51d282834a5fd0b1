//! The store: what survives. The only place that knows sled, bincode and the journal.
//!
//! Everything that changes is an entry of one journal: queued in order, written in groups, synced once a group. Only then
//! is it visible and acknowledged. The database behind it is a checkpoint: what has been committed, in a form that can be
//! searched; it can be made again from the journal. See DESIGN §4.
//!
//! ```text
//! callers -> journal (queue) -> writer: frames -> segment, sync -> gate (wakes) and image (what is committed)
//!                                                    image -> keeper: checkpoint -> database (sled): records, totals, pages
//! start:  open -> verify (database against its digest) -> replay (journal beyond it) -> checkpoint
//! ```

mod audit;
mod checkpoint;
mod codec;
mod database;
mod disk;
mod entry;
mod error;
mod examine;
mod filter;
mod frame;
mod gate;
mod image;
mod journal;
mod keeper;
mod open;
mod options;
mod pages;
mod patience;
mod query;
mod records;
mod replay;
mod segment;
mod totals;
mod verify;
mod words;
mod writer;

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    clippy::wildcard_enum_match_arm,
    reason = "a test joins its threads before it ends, and looks for the one variant it is about"
)]
mod tests;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

pub use error::{CodecError, JournalFailed, OpenError, ReadError};
pub use examine::{Examination, Finding, Severity, examine};
pub use filter::{CallFilter, CallPage, Cursor};
pub use journal::{Durable, Ticket};
pub use options::{Options, Progress, StoreStats};
pub use records::{Batch, Record, Setting, Table};

use self::database::Database;
use self::entry::{Corrected, Entry};
use self::gate::lock;
use self::image::Image;
use self::journal::Journal;
use self::keeper::{Bell, Keeper};
use self::open::Parts;
use self::query::Reader;
use self::segment::Segments;
use self::writer::Writer;
use crate::domain::{
    Call, CallId, Correction, Day, Grain, KeyId, Opened, Outcome, ScopeKind, Tally, TotalKey,
};

/// The store of one data directory. Clones are handles to the same store.
#[derive(Clone)]
pub struct Store(Arc<Shared>);

struct Shared {
    journal: Arc<Journal>,
    image: Arc<Mutex<Image>>,
    database: Arc<Database>,
    reader: Reader,
    keeper: Arc<Keeper>,
    segments: Arc<Segments>,
    warnings: Vec<String>,
    patience: Duration,
    threads: Mutex<Option<Threads>>,
}

struct Threads {
    writer: JoinHandle<()>,
    keeper: JoinHandle<()>,
    ahead: JoinHandle<()>,
    held: open::Lock,
}

impl Store {
    /// Locks, opens, verifies and replays; `progress` is told of what takes long. Nothing is open before all of it is sound.
    ///
    /// # Errors
    /// One sentence that names the path and says what to change.
    pub fn open(
        dir: &Path,
        options: Options,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self, OpenError> {
        let Parts {
            held,
            image,
            database,
            checkpoint,
            journal,
            segments,
            current,
            ready,
            ahead,
            warnings,
        } = open::open(dir, &options, progress)?;
        let bell = Arc::new(Bell::default());
        let ring = bell.clone();
        let keeper = Arc::new(Keeper {
            journal: journal.clone(),
            checkpoint,
            segments: segments.clone(),
            keep_bytes: options.keep_bytes,
            bell,
            last: Mutex::new((database.stamp().checkpoint, 0)),
            held: Mutex::default(),
        });
        let keeping = keeper
            .start(options.checkpoint_every)
            .map_err(OpenError::io("start a thread for", dir))?;
        let writer = Writer {
            journal: journal.clone(),
            image: image.clone(),
            segments: segments.clone(),
            disk: open::disk(&options),
            gather: options.gather,
            current,
            ready,
            dirty: Box::new(move || ring.dirty()),
        };
        let writer = writer
            .start()
            .map_err(OpenError::io("start a thread for", dir))?;
        let reader = Reader {
            image: image.clone(),
            database: database.clone(),
            pages_opened: AtomicU64::new(0),
        };
        let threads = Mutex::new(Some(Threads {
            writer,
            keeper: keeping,
            ahead,
            held,
        }));
        Ok(Self(Arc::new(Shared {
            journal,
            image,
            database,
            reader,
            keeper,
            segments,
            warnings,
            patience: options.patience,
            threads,
        })))
    }

    /// What the operator should know about how the store was opened, such as that the database was made again.
    pub fn warnings(&self) -> &[String] {
        &self.0.warnings
    }

    /// All records of a table, in the order of their keys.
    ///
    /// # Errors
    /// When the database or a record cannot be read.
    pub fn load<R: Record>(&self) -> Result<Vec<R>, ReadError> {
        self.0.reader.load()
    }

    /// One record.
    ///
    /// # Errors
    /// When the database or the record cannot be read.
    pub fn find<R: Record>(&self, key: &[u8]) -> Result<Option<R>, ReadError> {
        self.0.reader.find(key)
    }

    /// At most `limit` records of a table before `before`, the greatest key first.
    ///
    /// # Errors
    /// When the database or a record cannot be read.
    pub fn newest<R: Record>(
        &self,
        before: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<R>, ReadError> {
        self.0.reader.newest(before, limit)
    }

    /// Calls that are open, the oldest id first. Right after `open`: those which a crash left behind.
    pub fn open_calls(&self) -> Vec<Opened> {
        let mut calls: Vec<Opened> = lock(&self.0.image)
            .open
            .values()
            .map(|open| open.call.clone())
            .collect();
        calls.sort_unstable_by_key(|call| call.id);
        calls
    }

    /// One total; zero where nothing was counted.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn total(&self, key: &TotalKey) -> Result<Tally, ReadError> {
        self.0.reader.total(key)
    }

    /// Totals of one kind and grain with `from <= period.index() < to` (of `Ever`, the index is 0), in the order of period and
    /// scope; of one key only where that is given (kinds `Key` and `KeyModel`).
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn totals(
        &self,
        kind: ScopeKind,
        grain: Grain,
        from: i32,
        to: i32,
        of_key: Option<KeyId>,
    ) -> Result<Vec<(TotalKey, Tally)>, ReadError> {
        self.0.reader.totals(kind, grain, from, to, of_key)
    }

    /// The call log, the latest ended first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn calls(
        &self,
        filter: &CallFilter,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<CallPage, ReadError> {
        self.0.reader.calls(filter, cursor, limit)
    }

    /// One call of the call log.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn call(&self, id: CallId) -> Result<Option<Call>, ReadError> {
        self.0.reader.call(id)
    }

    /// Queues a batch: all or nothing. The order of queueing is the order of the journal. An empty batch changes nothing.
    pub fn write(&self, batch: Batch) -> Ticket {
        if batch.unencodable {
            return Ticket::REFUSED;
        }
        if batch.edits.is_empty() {
            return Ticket(self.0.journal.durable());
        }
        self.0.journal.push(Entry::Edited(batch.edits))
    }

    /// Queues the opening of a call.
    pub fn open_call(&self, opened: Opened) -> Ticket {
        self.0.journal.push(Entry::Opened(opened))
    }

    /// Queues the end of an open call. Its ticket covers the opening, too.
    pub fn settle_call(&self, id: CallId, outcome: Outcome) -> Ticket {
        self.0.journal.push(Entry::Settled(id, outcome))
    }

    /// Queues a call that was refused: opened and settled in one.
    pub fn record_call(&self, call: Call) -> Ticket {
        self.0.journal.push(Entry::Recorded(Box::new(call)))
    }

    /// Queues the correction of a call, with the records that change with it.
    pub fn correct_call(&self, call: Call, correction: Correction, batch: Batch) -> Ticket {
        if batch.unencodable {
            return Ticket::REFUSED;
        }
        self.0.journal.push(Entry::Corrected(Box::new(Corrected {
            call,
            correction,
            edits: batch.edits,
        })))
    }

    /// Resolves when everything up to the ticket is on disk, or the journal has failed. For any thread and runtime.
    pub fn durable(&self, ticket: Ticket) -> Durable {
        Durable::new(self.0.journal.clone(), ticket)
    }

    /// Blocks until everything up to the ticket is on disk.
    ///
    /// # Errors
    /// When the journal has failed.
    pub fn wait_durable(&self, ticket: Ticket) -> Result<(), JournalFailed> {
        self.durable(ticket).wait()
    }

    /// Drops the call log of the days before `day`; totals stay. Returns the number of calls dropped.
    ///
    /// # Errors
    /// When the journal has failed.
    pub fn drop_calls_before(&self, day: Day) -> Result<usize, ReadError> {
        let calls = lock(&self.0.image).calls_before(day);
        if calls > 0 {
            self.wait_durable(self.0.journal.push(Entry::Dropped(day)))?;
        }
        Ok(usize::try_from(calls).unwrap_or(usize::MAX))
    }

    /// Why the journal has failed for good, if it has: the process must stop taking calls and exit.
    pub fn failed(&self) -> Option<JournalFailed> {
        self.0.journal.failed()
    }

    /// Runs `f` once when the journal fails; at once if it has already.
    pub fn on_failure(&self, f: impl FnOnce(JournalFailed) + Send + 'static) {
        self.0.journal.on_failure(Box::new(f));
    }

    /// Ends as if the process had been killed: nothing queued is written, no checkpoint is.
    #[cfg(test)]
    pub(crate) fn crash(&self) {
        self.0.crash();
    }

    /// Makes everything queued durable, writes a checkpoint and closes. Closing again does nothing.
    ///
    /// # Errors
    /// When the journal has failed.
    pub fn close(&self) -> Result<(), JournalFailed> {
        self.0.close()
    }

    /// Numbers for `/metrics` and the doctor.
    pub fn stats(&self) -> StoreStats {
        let shared = &self.0;
        let (segments, journal_bytes) = shared.segments.measure();
        let (checkpoint, checkpoints) = *lock(&shared.keeper.last);
        let durable = shared.journal.durable();
        let pending = shared.journal.last_queued().saturating_sub(durable);
        let image = lock(&shared.image);
        let (calls, pages) = image.measure();
        StoreStats {
            journal_bytes,
            segments,
            pending,
            durable,
            checkpoint,
            checkpoints,
            groups: image.groups,
            open_calls: image.open.len(),
            pages,
            calls,
            pages_opened: shared.reader.pages_opened.load(Ordering::Relaxed),
        }
    }
}

impl Shared {
    fn close(&self) -> Result<(), JournalFailed> {
        let mut threads = lock(&self.threads);
        let Some(Threads {
            writer,
            keeper,
            ahead,
            held,
        }) = threads.take()
        else {
            return self.journal.failed().map_or(Ok(()), Err);
        };
        let durable = Durable::new(self.journal.clone(), Ticket(self.journal.last_queued())).wait();
        self.keeper.bell.stop();
        if !is_this(&keeper) && !self.keeper.bell.ended(self.patience) {
            // sled may wait for ever for a write that failed. All is in the journal: the next start needs no checkpoint.
            // That thread may still write, so it keeps the lock for as long as it lives.
            *lock(&self.keeper.held) = Some(held);
            self.journal.fail(JournalFailed::new(format!(
                "The database {} does not come to the end of a checkpoint. What was acknowledged is safe in the journal; check the disk, then start again.",
                self.database.path().display()
            )));
            self.journal.close();
            join(writer);
            return self.journal.failed().map_or(Ok(()), Err);
        }
        join(keeper);
        let kept = durable.and_then(|()| self.keeper.keep());
        self.journal.close();
        join(writer);
        join(ahead);
        let closed = self.database.close();
        drop(held);
        kept?;
        closed
            .map_err(|what| JournalFailed::new(format!("Could not close the database: {what}.")))?;
        self.journal.failed().map_or(Ok(()), Err)
    }

    /// See [`Store::crash`].
    #[cfg(test)]
    fn crash(&self) {
        if let Some(Threads {
            writer,
            keeper,
            ahead,
            held,
        }) = lock(&self.threads).take()
        {
            self.journal.crash();
            join(writer);
            self.keeper.bell.stop();
            join(keeper);
            join(ahead);
            drop(self.database.close());
            drop(held);
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // A failure is told once: by whoever closed it, or here.
        let open = lock(&self.threads).is_some();
        if let Err(failure) = self.close()
            && open
        {
            tracing::error!("{failure}");
        }
    }
}

/// Waits for a thread to end; one that closes the store from its own callback does not wait for itself.
fn join(thread: JoinHandle<()>) {
    if !is_this(&thread) && thread.join().is_err() {
        tracing::error!("a thread of the store panicked");
    }
}

fn is_this(thread: &JoinHandle<()>) -> bool {
    thread.thread().id() == std::thread::current().id()
}
