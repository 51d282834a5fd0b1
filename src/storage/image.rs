//! What has been committed and is not in the database alone: open calls, the newest calls, sums and changed records
//! since the last checkpoint, and the summaries of all pages. Brought up to date by the writer; read under a short lock.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::entry::{Corrected, Entry};
use super::pages::{Line, Summary};
use super::records::{Edit, Place};
use super::totals::Sums;
use crate::domain::{Call, CallId, Day, Opened, Outcome};

/// Changed records; `None`: removed.
pub(super) type Edits = BTreeMap<Place, Option<Vec<u8>>>;

/// The committed state.
#[derive(Debug)]
pub(super) struct Image {
    /// The sequence of the last entry applied.
    pub(super) applied: u64,
    /// The sequence of the last snapshot for a checkpoint; what has changed since is in `edits` and `sums`.
    pub(super) base: u64,
    /// Replay only: what the database has of entries up to here, it has whole. See [`super::checkpoint`].
    pub(super) effects: u64,
    pub(super) open: HashMap<CallId, Open>,
    /// Opened since the last snapshot.
    opened: Vec<CallId>,
    /// In the database as open, and settled since the last snapshot.
    settled: Vec<CallId>,
    pub(super) edits: Edits,
    pub(super) sums: Sums,
    /// What a checkpoint is writing just now.
    pub(super) writing: Option<Arc<(Edits, Sums)>>,
    pub(super) days: BTreeMap<Day, DayLog>,
    /// Days before this one are no longer in the call log.
    pub(super) kept_from: Day,
    /// A checkpoint is due even if nothing else has changed.
    due: bool,
    /// Ends of calls that were not open: a fault of the floor above, or of this one.
    pub(super) strays: u64,
    /// Groups written since the start.
    pub(super) groups: u64,
}

/// An open call.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) call: Opened,
    /// Whether the database has it.
    pub(super) stored: bool,
}

/// The call log of a day.
#[derive(Clone, Debug, Default)]
pub(super) struct DayLog {
    /// Pages that are complete.
    pub(super) pages: Arc<Vec<Arc<Summary>>>,
    /// Lines behind the last complete page.
    pub(super) tail: Vec<Line>,
    /// Pages that hold the first `stored` of these lines.
    pub(super) tail_pages: Vec<Arc<Summary>>,
    pub(super) stored: usize,
    /// The sequence of the last line in a page of the database.
    pub(super) logged: u64,
    /// Snapshots since a line was added.
    pub(super) idle: u32,
}

/// What a checkpoint writes.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) upto: u64,
    pub(super) kept_from: Day,
    pub(super) changes: Arc<(Edits, Sums)>,
    pub(super) opened: Vec<Opened>,
    pub(super) settled: Vec<CallId>,
    pub(super) days: Vec<(Day, DayLog)>,
    pub(super) dropped: Vec<(Day, DayLog)>,
}

/// What became of a day's tail in a checkpoint.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) day: Day,
    /// Pages that are complete now, in place of all tail pages.
    pub(super) complete: Vec<Arc<Summary>>,
    /// Lines in them.
    pub(super) lines: usize,
    pub(super) tail_pages: Vec<Arc<Summary>>,
    /// Lines behind the complete pages that are in pages now.
    pub(super) stored: usize,
}

/// A day's tail is given up after so many checkpoints without a new line.
const IDLE: u32 = 120;

impl Image {
    pub(super) fn new() -> Self {
        Self {
            applied: 0,
            base: 0,
            effects: 0,
            open: HashMap::new(),
            opened: Vec::new(),
            settled: Vec::new(),
            edits: Edits::new(),
            sums: Sums::default(),
            writing: None,
            days: BTreeMap::new(),
            kept_from: Day(i32::MIN),
            due: false,
            strays: 0,
            groups: 0,
        }
    }

    /// Whether a checkpoint has anything to write.
    pub(super) fn is_dirty(&self) -> bool {
        !self.opened.is_empty()
            || !self.settled.is_empty()
            || !self.edits.is_empty()
            || !self.sums.is_empty()
            || self.due
    }

    /// Applies the next entry.
    pub(super) fn apply(&mut self, sequence: u64, entry: Entry) {
        self.applied = sequence;
        match entry {
            Entry::Opened(call) => {
                if !self.open.contains_key(&call.id) {
                    self.opened.push(call.id);
                    self.open.insert(
                        call.id,
                        Open {
                            call,
                            stored: false,
                        },
                    );
                }
            }
            Entry::Settled(id, outcome) => self.settle(sequence, id, outcome),
            Entry::Recorded(call) => self.log(sequence, Arc::from(call)),
            Entry::Edited(edits) => self.edit(edits),
            Entry::Corrected(corrected) => {
                let Corrected {
                    call,
                    correction,
                    edits,
                } = *corrected;
                self.sums.correct(Arc::new(call), correction.tally());
                self.edit(edits);
            }
            Entry::Dropped(day) => {
                if day > self.kept_from {
                    self.kept_from = day;
                    self.due = true;
                }
            }
            Entry::Checkpointed(_) => {}
        }
    }

    fn edit(&mut self, edits: Vec<Edit>) {
        for edit in edits {
            match edit {
                Edit::Put { place, value } => self.edits.insert(place, Some(value)),
                Edit::Delete { place } => self.edits.insert(place, None),
            };
        }
    }

    /// The journal has been replayed: from now on each end of a call must find it open.
    pub(super) fn settle_replay(&mut self) {
        self.effects = 0;
        self.due |= self.applied > self.base;
    }

    /// Days that a checkpoint which was cut off has left are dropped by the next one.
    pub(super) fn drop_old_days(&mut self) {
        self.due |= self.days.range(..self.kept_from).next().is_some();
    }

    fn settle(&mut self, sequence: u64, id: CallId, outcome: Outcome) {
        match self.open.remove(&id) {
            Some(Open { call, stored }) => {
                if stored {
                    self.settled.push(id);
                }
                self.log(
                    sequence,
                    Arc::new(Call {
                        opened: call,
                        outcome,
                    }),
                );
            }
            // A checkpoint that was cut in half had already removed it: all its effects are in the database.
            None if sequence <= self.effects => {}
            None => {
                self.strays += 1;
                tracing::error!(%id, sequence, "a call was settled that is not open: the entry changes nothing");
            }
        }
    }

    fn log(&mut self, sequence: u64, call: Arc<Call>) {
        self.sums.count(&call);
        let day = call.opened.day;
        if day >= self.kept_from {
            let log = self.days.entry(day).or_default();
            if sequence > log.logged {
                log.tail.push((sequence, call));
                log.idle = 0;
            }
        }
    }

    /// Takes what a checkpoint has to write. Until [`Image::finish`], readers see it in `writing`.
    pub(super) fn snapshot(&mut self) -> Snapshot {
        let mut opened = Vec::new();
        for id in std::mem::take(&mut self.opened) {
            if let Some(open) = self.open.get_mut(&id) {
                open.stored = true;
                opened.push(open.call.clone());
            }
        }
        let changes = Arc::new((
            std::mem::take(&mut self.edits),
            std::mem::take(&mut self.sums),
        ));
        self.writing = Some(changes.clone());
        self.base = self.applied;
        self.due = false;
        let kept = self.days.split_off(&self.kept_from);
        let dropped = std::mem::replace(&mut self.days, kept)
            .into_iter()
            .collect();
        let newest = self.days.last_key_value().map(|(day, _)| *day);
        for (day, log) in &mut self.days {
            log.idle = log.idle.saturating_add(1);
            if log.idle > IDLE && Some(*day) != newest && log.stored == log.tail.len() {
                log.give_up_tail();
            }
        }
        let days = self
            .days
            .iter()
            .filter(|(_, log)| log.tail.len() > log.stored);
        Snapshot {
            upto: self.applied,
            kept_from: self.kept_from,
            changes,
            opened,
            settled: std::mem::take(&mut self.settled),
            days: days.map(|(day, log)| (*day, log.clone())).collect(),
            dropped,
        }
    }

    /// The checkpoint has written everything. Returns what is no longer needed, to be dropped without the lock.
    pub(super) fn finish(&mut self, written: Vec<Written>) -> impl Sized + use<> {
        let mut garbage = Vec::new();
        for Written {
            day,
            complete,
            lines,
            tail_pages,
            stored,
        } in written
        {
            if let Some(log) = self.days.get_mut(&day) {
                if let Some(last) = complete.last().or(tail_pages.last()) {
                    log.logged = log.logged.max(last.last);
                }
                if let Some(last) = tail_pages.last() {
                    log.logged = log.logged.max(last.last);
                }
                if !complete.is_empty() {
                    Arc::make_mut(&mut log.pages).extend(complete);
                }
                log.tail_pages = tail_pages;
                log.stored = stored;
                garbage.push(log.tail.drain(..lines).collect::<Vec<_>>());
            }
        }
        (garbage, self.writing.take())
    }

    /// Calls and pages in the call log.
    pub(super) fn measure(&self) -> (u64, usize) {
        self.days
            .range(self.kept_from..)
            .fold((0, 0), |(calls, pages), (_, log)| {
                (
                    calls + log.calls(),
                    pages + log.pages.len() + log.tail_pages.len(),
                )
            })
    }

    /// Calls of the days before `day`.
    pub(super) fn calls_before(&self, day: Day) -> u64 {
        self.days
            .range(self.kept_from.min(day)..day)
            .map(|(_, log)| log.calls())
            .sum()
    }
}

impl DayLog {
    fn calls(&self) -> u64 {
        self.pages
            .iter()
            .map(|page| u64::from(page.count))
            .sum::<u64>()
            + self.tail.len() as u64
    }

    /// The tail's pages count as complete from now on; its lines are no longer kept in memory.
    pub(super) fn give_up_tail(&mut self) {
        if !self.tail_pages.is_empty() {
            Arc::make_mut(&mut self.pages).append(&mut self.tail_pages);
        }
        self.tail = Vec::new();
        self.stored = 0;
    }

    /// All its stored pages.
    pub(super) fn all_pages(&self) -> impl Iterator<Item = &Arc<Summary>> {
        self.pages.iter().chain(&self.tail_pages)
    }
}
