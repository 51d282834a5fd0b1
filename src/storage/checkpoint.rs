//! The checkpoint: writes what has changed to the database. The only place that does.
//!
//! It may be cut off after any batch. What comes first, totals, pages, records and new open calls, can be written over
//! again: a total says up to which sequence it counts, a day's pages say up to which they reach. Only when all of that
//! is there (`effects`) are settled calls removed from the open ones, so that on replay the end of a call whose opening is gone is known to
//! have had its effect. The last batch says that everything up to the snapshot is there (`checkpoint`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::codec;
use super::database::{BATCH, Change, Database, Words, kind};
use super::gate::lock;
use super::image::{DayLog, Image, Snapshot, Written};
use super::pages::{self, FULL, Page, Summary};
use super::patience::patiently;
use super::totals::{self, Stored, ordered};
use crate::domain::{CallId, Day};

/// A day's tail is rewritten as one page when it lies in so many.
const MANY: usize = 64;

/// How often a checkpoint that the system has not enough for is tried again.
const TRY_EVERY: Duration = Duration::from_millis(250);

/// What a test does before each batch of a checkpoint; an error stops it there.
#[cfg(test)]
pub(super) type BeforeBatch = Box<dyn FnMut() -> Result<(), Words> + Send>;

/// Writes checkpoints of an image to a database.
pub(super) struct Checkpoint {
    pub(super) database: Arc<Database>,
    pub(super) image: Arc<Mutex<Image>>,
    #[cfg(test)]
    pub(super) before_batch: Mutex<Option<BeforeBatch>>,
}

impl Checkpoint {
    pub(super) fn new(database: Arc<Database>, image: Arc<Mutex<Image>>) -> Self {
        Self {
            database,
            image,
            #[cfg(test)]
            before_batch: Mutex::default(),
        }
    }

    /// Writes one, if anything has changed. Returns the sequence up to which the database has everything; `None`: it had.
    pub(super) fn run(&self) -> Result<Option<u64>, Words> {
        let snapshot = {
            let mut image = lock(&self.image);
            if !image.is_dirty() {
                return Ok(None);
            }
            image.snapshot()
        };
        let written = self.write_until_it_passes(&snapshot)?;
        let garbage = lock(&self.image).finish(written);
        drop(garbage);
        Ok(Some(snapshot.upto))
    }

    /// Writes it; and again, when there was not enough of something that comes back, such as descriptors. sled is opened anew
    /// first: of a batch that it refused, it may have half in memory. An fsync that failed is not among these.
    fn write_until_it_passes(&self, snapshot: &Snapshot) -> Result<Vec<Written>, Words> {
        let mut again = false;
        patiently("a checkpoint", TRY_EVERY, Words::passes, || {
            if std::mem::replace(&mut again, true) {
                self.database.reopen()?;
            }
            self.write(snapshot)
        })
    }

    fn write(&self, snapshot: &Snapshot) -> Result<Vec<Written>, Words> {
        let upto = snapshot.upto;
        if snapshot.kept_from != self.database.stamp().kept_from {
            self.commit(&[], |stamp| stamp.kept_from = snapshot.kept_from)?;
        }
        let mut changes = Vec::new();
        let (edits, sums) = &*snapshot.changes;
        changes.extend(
            edits
                .iter()
                .map(|(place, value)| change(kind::RECORD, place, value.clone())),
        );
        for (key, sum) in sums.spread(|_| true) {
            let key = totals::encode_key(&key);
            let mut change = change(kind::TOTAL, &key, None);
            let stored = match self.database.get(&change.key)? {
                Some(bytes) => codec::decode(&bytes)
                    .map_err(|error| format!("a total cannot be read: {error}"))?,
                None => Stored::default(),
            };
            // A checkpoint that was cut off and reached further has counted this already.
            if stored.upto < upto {
                change.value = Some(encode(&Stored {
                    upto,
                    tally: stored.tally.plus(sum),
                })?);
                changes.push(change);
            }
        }
        for opened in &snapshot.opened {
            changes.push(change(
                kind::OPEN,
                opened.id.as_bytes(),
                Some(encode(opened)?),
            ));
        }
        self.commit_all(&changes)?;
        let mut written = Vec::new();
        for (day, log) in &snapshot.days {
            written.push(self.write_day(*day, log)?);
        }
        for (day, log) in &snapshot.dropped {
            let summaries: Vec<_> = log
                .all_pages()
                .map(|page| change(kind::SUMMARY, &summary_key(page), None))
                .collect();
            self.commit_all(&summaries)?;
            self.database.drop_day(*day)?;
        }
        self.commit(&[], |stamp| stamp.effects = stamp.effects.max(upto))?;
        let settled: Vec<_> = snapshot
            .settled
            .iter()
            .map(|id: &CallId| change(kind::OPEN, id.as_bytes(), None))
            .collect();
        self.commit_all(&settled)?;
        self.commit(&[], |stamp| stamp.checkpoint = upto)?;
        self.database.sync()?;
        Ok(written)
    }

    /// Writes a day's new lines: as a small page of their own, or, when there are enough, together with those before.
    fn write_day(&self, day: Day, log: &DayLog) -> Result<Written, Words> {
        let merge = log.tail.len() >= FULL || log.tail_pages.len() >= MANY;
        let (lines, replaced) = if merge {
            (&log.tail[..], &log.tail_pages[..])
        } else {
            (&log.tail[log.stored..], &[][..])
        };
        let mut complete = Vec::new();
        let mut tail_pages = if merge {
            Vec::new()
        } else {
            log.tail_pages.clone()
        };
        let mut replaced = replaced.iter();
        for some in lines.chunks(FULL * (BATCH / 4)) {
            let pages = some
                .chunks(FULL)
                .filter_map(|lines| pages::encode(day, lines).transpose())
                .collect::<Result<Vec<Page>, _>>()
                .map_err(|error| format!("a page of the call log could not be encoded: {error}"))?;
            self.tick()?;
            for few in pages.chunks(4) {
                self.database.write_pages(
                    day,
                    few.iter()
                        .map(|page| (page.summary.key(), Some(&page.bytes[..]))),
                )?;
            }
            // The first pages hold all lines of those they replace: both change in one batch.
            let mut changes = Vec::new();
            for page in &pages {
                changes.push(change(
                    kind::SUMMARY,
                    &summary_key(&page.summary),
                    Some(encode(&*page.summary)?),
                ));
            }
            let old: Vec<&Arc<Summary>> = replaced.by_ref().collect();
            for page in &old {
                let key = summary_key(page);
                if !pages.iter().any(|new| summary_key(&new.summary) == key) {
                    changes.push(change(kind::SUMMARY, &key, None));
                }
            }
            self.commit(&changes, |_| {})?;
            if !old.is_empty() {
                self.database
                    .write_pages(day, old.iter().map(|page| (page.key(), None)))?;
            }
            for page in pages {
                if page.summary.count as usize == FULL && merge {
                    complete.push(page.summary);
                } else {
                    tail_pages.push(page.summary);
                }
            }
        }
        let lines = complete.len() * FULL;
        Ok(Written {
            day,
            complete,
            lines,
            tail_pages,
            stored: log.tail.len() - lines,
        })
    }

    fn commit_all(&self, changes: &[Change]) -> Result<(), Words> {
        changes
            .chunks(BATCH)
            .try_for_each(|batch| self.commit(batch, |_| {}))
    }

    fn commit(
        &self,
        changes: &[Change],
        restamp: impl FnOnce(&mut super::database::Stamp),
    ) -> Result<(), Words> {
        self.tick()?;
        self.database.commit(changes, restamp)
    }

    #[cfg(test)]
    fn tick(&self) -> Result<(), Words> {
        lock(&self.before_batch)
            .as_mut()
            .map_or(Ok(()), |before| before())
    }

    #[cfg(not(test))]
    const fn tick(&self) -> Result<(), Words> {
        Ok(())
    }
}

fn change(kind: u8, key: &[u8], value: Option<Vec<u8>>) -> Change {
    Change {
        key: [&[kind], key].concat(),
        value,
    }
}

fn encode<T: serde::Serialize>(value: &T) -> Result<Vec<u8>, Words> {
    codec::encode(value).map_err(|error| format!("a value could not be encoded: {error}").into())
}

/// A summary's key: its day, then its first sequence and its last.
pub(super) fn summary_key(summary: &Summary) -> Vec<u8> {
    [&ordered(summary.day.0)[..], &summary.key()].concat()
}

/// Removes pages that no summary speaks of, as a checkpoint that was cut off leaves them.
pub(super) fn remove_orphans(
    database: &Database,
    orphans: &BTreeMap<Day, Vec<[u8; 16]>>,
) -> Result<(), Words> {
    for (day, keys) in orphans {
        if keys.is_empty() {
            database.drop_day(*day)?;
        }
        for some in keys.chunks(BATCH) {
            database.write_pages(*day, some.iter().map(|key| (*key, None)))?;
        }
    }
    Ok(())
}
