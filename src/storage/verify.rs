//! Verification: reads the whole database once, believes it only if all of it agrees with its digest, and returns what
//! the image needs of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::checkpoint::summary_key;
use super::codec;
use super::database::{Database, Next, Stamp, Words, hash, kind};
use super::image::{DayLog, Image, Open};
use super::options::Progress;
use super::pages::{self, FULL, Summary};
use super::totals::Stored;
use crate::domain::{Day, Opened};

/// What a database holds, verified.
#[derive(Debug)]
pub(super) struct Verified {
    pub(super) stamp: Stamp,
    pub(super) open: Vec<Opened>,
    pub(super) days: BTreeMap<Day, Vec<Arc<Summary>>>,
    /// Sequences beyond the checkpoint that some totals count up to: a checkpoint was cut off there.
    pub(super) ahead: BTreeSet<u64>,
    /// Pages that no summary speaks of; of a day with none: all.
    pub(super) orphans: BTreeMap<Day, Vec<[u8; 16]>>,
}

/// Entries between two reports of progress.
const STEP: u64 = 4096;

/// Verifies everything.
pub(super) fn verify(
    database: &Database,
    progress: &mut dyn FnMut(Progress),
) -> Result<Verified, Words> {
    let stamp = database.stamp();
    let mut found = Verified {
        stamp,
        open: Vec::new(),
        days: BTreeMap::new(),
        ahead: BTreeSet::new(),
        orphans: BTreeMap::new(),
    };
    let (mut count, mut digest, mut fault) = (0u64, 0u128, None);
    let mut say = |done| {
        progress(Progress {
            what: "Verifying the database",
            done,
            of: stamp.count.max(done),
        })
    };
    database.range(&[kind::RECORD], &[u8::MAX], |key, value| {
        count += 1;
        digest = digest.wrapping_add(hash(key, value));
        if count.is_multiple_of(STEP) {
            say(count);
        }
        match found.take(key, value) {
            Ok(()) => Next::Go,
            Err(words) => {
                fault = Some(words);
                Next::Stop
            }
        }
    })?;
    if let Some(words) = fault {
        return Err(words);
    }
    if (count, digest) != (stamp.count, stamp.digest) {
        return Err(format!(
            "it holds {count} entries that do not add up to its stamp of {} entries",
            stamp.count
        )
        .into());
    }
    say(count);
    found.verify_pages(database, progress)?;
    Ok(found)
}

impl Verified {
    fn take(&mut self, key: &[u8], value: &[u8]) -> Result<(), Words> {
        let words = |what: &'static str| move |error| format!("{what} cannot be read: {error}");
        match key.first() {
            Some(&kind::TOTAL) => {
                let stored: Stored = codec::decode(value).map_err(words("a total"))?;
                if stored.upto > self.stamp.checkpoint {
                    self.ahead.insert(stored.upto);
                }
            }
            Some(&kind::OPEN) => self
                .open
                .push(codec::decode(value).map_err(words("an open call"))?),
            Some(&kind::SUMMARY) => {
                let summary: Summary = codec::decode(value).map_err(words("a page's summary"))?;
                if key[1..] != summary_key(&summary) {
                    return Err("a page's summary stands under another page's key".into());
                }
                self.days
                    .entry(summary.day)
                    .or_default()
                    .push(Arc::new(summary));
            }
            _ => {}
        }
        Ok(())
    }

    fn verify_pages(
        &mut self,
        database: &Database,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), Words> {
        let of = self.days.values().map(|pages| pages.len() as u64).sum();
        let mut done = 0;
        for day in database.days()? {
            if !self.days.contains_key(&day) {
                self.orphans.insert(day, Vec::new());
            }
        }
        for (day, summaries) in self.days.range(self.stamp.kept_from..) {
            let mut expected = summaries.iter();
            let mut next = expected.next();
            let mut fault = None;
            let mut orphans = Vec::new();
            database.each_page(*day, |key, bytes| match next {
                Some(summary) if key == summary.key() => {
                    if pages::digest(bytes) != summary.digest {
                        fault.get_or_insert_with(|| {
                            format!("a page of {day}'s call log is damaged")
                        });
                    }
                    next = expected.next();
                    done += 1;
                    if done % 256 == 0 {
                        progress(Progress {
                            what: "Verifying the call log",
                            done,
                            of,
                        });
                    }
                }
                _ => orphans.extend(key.try_into().ok().map(|key: [u8; 16]| key)),
            })?;
            if next.is_some() {
                fault.get_or_insert_with(|| format!("a page of {day}'s call log is missing"));
            }
            if let Some(words) = fault {
                return Err(words.into());
            }
            if !orphans.is_empty() {
                self.orphans.insert(*day, orphans);
            }
        }
        progress(Progress {
            what: "Verifying the call log",
            done: of,
            of,
        });
        Ok(())
    }

    /// The image as it was when the database was last written, and where checkpoints were cut off after that.
    pub(super) fn into_image(self, database: &Database) -> Result<(Image, BTreeSet<u64>), Words> {
        let mut image = Image::new();
        image.applied = self.stamp.checkpoint;
        image.base = self.stamp.checkpoint;
        image.effects = self.stamp.effects;
        image.kept_from = self.stamp.kept_from;
        image.open = self
            .open
            .into_iter()
            .map(|call| (call.id, Open { call, stored: true }))
            .collect();
        let newest = self.days.last_key_value().map(|(day, _)| *day);
        for (day, mut summaries) in self.days {
            let logged = summaries.last().map_or(0, |page| page.last);
            let mut log = DayLog {
                logged,
                ..DayLog::default()
            };
            if Some(day) == newest && day >= image.kept_from {
                // Lines are added to the newest day: its last small pages are merged with them.
                let full = summaries
                    .iter()
                    .rposition(|page| page.count as usize >= FULL)
                    .map_or(0, |last| last + 1);
                log.tail_pages = summaries.split_off(full);
                for page in &log.tail_pages {
                    let bytes = database
                        .page(day, &page.key())?
                        .ok_or("a page is missing")?;
                    let lines = pages::decode(&bytes)
                        .map_err(|error| format!("a page cannot be read: {error}"))?;
                    log.tail.extend(
                        lines
                            .into_iter()
                            .map(|(sequence, call)| (sequence, Arc::new(call))),
                    );
                }
                log.stored = log.tail.len();
            }
            log.pages = Arc::new(summaries);
            image.days.insert(day, log);
        }
        image.drop_old_days();
        Ok((image, self.ahead))
    }
}
