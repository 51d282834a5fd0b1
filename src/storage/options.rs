//! How a store is opened, and what it tells about itself.

use std::time::Duration;

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many bytes of journal are kept beyond what is needed, so that a damaged database can be rebuilt.
    pub keep_bytes: u64,
    /// The most that a journal file holds. The first ones are smaller: a small installation takes little room.
    pub segment_bytes: u64,
    /// How often what has changed is written to the database.
    pub checkpoint_every: Duration,
    /// How long closing waits for a checkpoint that is being written.
    pub patience: Duration,
    /// How long, under load, the journal's writer waits for more before it writes.
    pub gather: Duration,
    /// Where tests make the disk fail.
    #[cfg(test)]
    pub(super) faults: super::disk::Faults,
}

impl Options {
    /// The defaults but for what an operator can set.
    pub fn new(keep_bytes: u64, segment_bytes: u64, gather: Duration) -> Self {
        Self {
            keep_bytes,
            segment_bytes,
            gather,
            ..Self::default()
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            keep_bytes: 2 << 30,
            segment_bytes: 64 << 20,
            checkpoint_every: Duration::from_secs(1),
            gather: Duration::from_millis(1),
            patience: Duration::from_secs(30),
            #[cfg(test)]
            faults: super::disk::Faults::default(),
        }
    }
}

/// How far a step has come that may take long. `done` equals `of` when it has ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Progress {
    /// What is being done, such as `Replaying the journal`.
    pub what: &'static str,
    /// How much of it is done.
    pub done: u64,
    /// How much there is.
    pub of: u64,
}

/// What a store tells about itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StoreStats {
    /// Bytes of all journal files in use.
    pub journal_bytes: u64,
    /// Number of journal files in use.
    pub segments: usize,
    /// Entries queued, not yet durable.
    pub pending: u64,
    /// The sequence up to which everything is durable.
    pub durable: u64,
    /// The sequence up to which the database has everything.
    pub checkpoint: u64,
    /// Checkpoints written since the start.
    pub checkpoints: u64,
    /// Groups written to the journal since the start: one sync each.
    pub groups: u64,
    /// Calls that are open.
    pub open_calls: usize,
    /// Pages of the call log.
    pub pages: usize,
    /// Calls in the call log.
    pub calls: u64,
    /// Pages of the call log that queries have opened since the start.
    pub pages_opened: u64,
}
