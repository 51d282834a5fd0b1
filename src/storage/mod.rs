//! The store: what survives. The only place that knows sled, bincode and the journal.
//!
//! Everything that changes is an entry of one journal: queued in order, written in groups, synced once a group. Only then
//! is it visible and acknowledged. The database behind it is a checkpoint: what has been committed, in a form that can be
//! searched; it can be made again from the journal. See DESIGN §4.

mod codec;
mod error;
mod filter;
mod options;
mod records;

use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

pub use error::{CodecError, JournalFailed, OpenError, ReadError};
pub use filter::{CallFilter, CallPage, Cursor};
pub use options::{Options, Progress, StoreStats};
pub use records::{Batch, Record, Setting, Table};

use crate::domain::{Call, CallId, Day, Grain, KeyId, Opened, Outcome, ScopeKind, Tally, TotalKey};

/// The place of an entry in the journal: everything up to it is durable when its [`Durable`] resolves.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Ticket(pub(super) u64);

/// Resolves when everything up to a ticket is on disk, or the journal has failed.
pub struct Durable;

impl Future for Durable {
    type Output = Result<(), JournalFailed>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        todo!()
    }
}

/// What an examination found.
#[derive(Clone, Debug, Default)]
pub struct Examination {
    /// What is wrong, or could be.
    pub findings: Vec<Finding>,
    /// What was looked at, with numbers.
    pub facts: Vec<String>,
}

/// One thing found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// In plain words.
    pub text: String,
}

/// How bad a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// Worth knowing.
    Notice,
    /// Something is wrong.
    Error,
}

/// Checks everything in a data directory that no gateway is serving.
pub fn examine(
    _dir: &Path,
    _options: &Options,
    _progress: &mut dyn FnMut(Progress),
) -> Examination {
    todo!()
}

/// The store of one data directory. Clones are handles to the same store.
#[derive(Clone)]
pub struct Store;

impl Store {
    /// Locks, opens, verifies and replays.
    ///
    /// # Errors
    /// One sentence that names the path and says what to change.
    pub fn open(
        _dir: &Path,
        _options: Options,
        _progress: &mut dyn FnMut(Progress),
    ) -> Result<Self, OpenError> {
        todo!()
    }

    /// What the operator should know about how the store was opened, such as that the database was rebuilt.
    pub fn warnings(&self) -> Vec<String> {
        todo!()
    }

    /// All records of a table, in the order of their keys.
    ///
    /// # Errors
    /// When the database or a record cannot be read.
    pub fn load<R: Record>(&self) -> Result<Vec<R>, ReadError> {
        todo!()
    }

    /// One record.
    ///
    /// # Errors
    /// When the database or the record cannot be read.
    pub fn find<R: Record>(&self, _key: &[u8]) -> Result<Option<R>, ReadError> {
        todo!()
    }

    /// The last records of a table before `before`, the greatest key first.
    ///
    /// # Errors
    /// When the database or a record cannot be read.
    pub fn newest<R: Record>(
        &self,
        _before: Option<&[u8]>,
        _limit: usize,
    ) -> Result<Vec<R>, ReadError> {
        todo!()
    }

    /// Calls that are open. Right after `open`: those which a crash left behind.
    pub fn open_calls(&self) -> Vec<Opened> {
        todo!()
    }

    /// One total; zero where nothing was counted.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn total(&self, _key: &TotalKey) -> Result<Tally, ReadError> {
        todo!()
    }

    /// Totals of one kind and grain with `from <= period.index() < to` (of `Ever`, the index is 0), in the order of period and
    /// scope; of one key only where that is given (kinds `Key` and `KeyModel`).
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn totals(
        &self,
        _kind: ScopeKind,
        _grain: Grain,
        _from: i32,
        _to: i32,
        _of_key: Option<KeyId>,
    ) -> Result<Vec<(TotalKey, Tally)>, ReadError> {
        todo!()
    }

    /// The call log, the latest ended first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn calls(
        &self,
        _filter: &CallFilter,
        _cursor: Option<Cursor>,
        _limit: usize,
    ) -> Result<CallPage, ReadError> {
        todo!()
    }

    /// One call of the call log.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn call(&self, _id: CallId) -> Result<Option<Call>, ReadError> {
        todo!()
    }

    /// Queues a batch: all or nothing. The order of queueing is the order of the journal.
    pub fn write(&self, _batch: Batch) -> Ticket {
        todo!()
    }

    /// Queues the opening of a call.
    pub fn open_call(&self, _opened: Opened) -> Ticket {
        todo!()
    }

    /// Queues the end of a call. Its ticket covers the opening, too.
    pub fn settle_call(&self, _id: CallId, _outcome: Outcome) -> Ticket {
        todo!()
    }

    /// Queues a call that was refused: opened and settled in one.
    pub fn record_call(&self, _call: Call) -> Ticket {
        todo!()
    }

    /// Resolves when everything up to the ticket is on disk, or the journal has failed.
    pub fn durable(&self, _ticket: Ticket) -> Durable {
        todo!()
    }

    /// Blocks until everything up to the ticket is on disk.
    ///
    /// # Errors
    /// When the journal has failed.
    pub fn wait_durable(&self, _ticket: Ticket) -> Result<(), JournalFailed> {
        todo!()
    }

    /// Drops the call log of the days before `day`; totals stay. Returns the number of calls dropped.
    ///
    /// # Errors
    /// When the journal has failed.
    pub fn drop_calls_before(&self, _day: Day) -> Result<usize, ReadError> {
        todo!()
    }

    /// Why the journal has failed for good, if it has: the process must stop taking calls and exit.
    pub fn failed(&self) -> Option<JournalFailed> {
        todo!()
    }

    /// Runs `f` once when the journal fails; at once if it has already.
    pub fn on_failure(&self, _f: impl FnOnce(JournalFailed) + Send + 'static) {
        todo!()
    }

    /// Makes everything queued durable, writes a checkpoint and closes. Closing again does nothing.
    ///
    /// # Errors
    /// When the journal has failed.
    pub fn close(&self) -> Result<(), JournalFailed> {
        todo!()
    }

    /// Numbers for `/metrics` and the doctor.
    pub fn stats(&self) -> StoreStats {
        todo!()
    }
}
