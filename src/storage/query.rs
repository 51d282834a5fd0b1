//! Reading: records, totals and the call log, each as the database has it with what has changed since laid over it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::codec;
use super::database::{Database, Next, kind};
use super::error::ReadError;
use super::filter::{CallFilter, CallPage, Cursor};
use super::gate::lock;
use super::image::{Edits, Image};
use super::pages::{self, Summary, Wanted};
use super::records::{Record, place};
use super::totals::{self, Stored, Sums};
use crate::domain::{Call, CallId, Grain, KeyId, Scope, ScopeKind, Tally, TotalKey};

/// Reads the image and the database.
pub(super) struct Reader {
    pub(super) image: Arc<Mutex<Image>>,
    pub(super) database: Arc<Database>,
    pub(super) pages_opened: AtomicU64,
}

/// Sums since the last snapshot for a checkpoint, those that are just being written, and the snapshot's sequence.
struct Since {
    base: u64,
    sums: Sums,
    writing: Option<Arc<(Edits, Sums)>>,
}

impl Since {
    /// The total, given what the database has of it. A checkpoint may have been written since the sums were copied: the
    /// database then counts up to a later sequence and has them all.
    fn add(&self, stored: Stored, sum: Tally, writing: Tally) -> Tally {
        match stored.upto.cmp(&self.base) {
            std::cmp::Ordering::Greater => stored.tally,
            std::cmp::Ordering::Equal => stored.tally.plus(sum),
            std::cmp::Ordering::Less => stored.tally.plus(writing).plus(sum),
        }
    }

    fn spread(
        &self,
        wanted: impl Fn(&TotalKey) -> bool,
    ) -> BTreeMap<Vec<u8>, (TotalKey, Tally, Tally)> {
        let mut totals = BTreeMap::new();
        let writing = self
            .writing
            .as_ref()
            .map(|writing| writing.1.spread(&wanted))
            .unwrap_or_default();
        for (key, sum) in writing {
            totals.insert(totals::encode_key(&key), (key, Tally::default(), sum));
        }
        for (key, sum) in self.sums.spread(&wanted) {
            totals
                .entry(totals::encode_key(&key))
                .or_insert((key, Tally::default(), Tally::default()))
                .1 = sum;
        }
        totals
    }
}

impl Reader {
    fn since(&self) -> Since {
        let image = lock(&self.image);
        Since {
            base: image.base,
            sums: image.sums.clone(),
            writing: image.writing.clone(),
        }
    }

    /// Changes of records in a range that are not in the database yet.
    fn edits(&self, from: &[u8], to: &[u8]) -> Edits {
        let image = lock(&self.image);
        let range = (
            std::ops::Bound::Included(from),
            std::ops::Bound::Excluded(to),
        );
        let copy = |(place, value): (&Vec<u8>, &Option<Vec<u8>>)| (place.clone(), value.clone());
        let mut edits = Edits::new();
        if let Some(writing) = &image.writing {
            edits.extend(writing.0.range::<[u8], _>(range).map(copy));
        }
        edits.extend(image.edits.range::<[u8], _>(range).map(copy));
        edits
    }

    pub(super) fn load<R: Record>(&self) -> Result<Vec<R>, ReadError> {
        let (from, to) = (vec![R::TABLE as u8], vec![R::TABLE as u8 + 1]);
        let mut records: BTreeMap<Vec<u8>, R> = BTreeMap::new();
        let mut fault = None;
        let edits = self.edits(&from, &to);
        self.database
            .range(
                &[&[kind::RECORD], &from[..]].concat(),
                &[&[kind::RECORD], &to[..]].concat(),
                |key, value| {
                    if edits.contains_key(&key[1..]) {
                        return Next::Go;
                    }
                    match codec::decode(value) {
                        Ok(record) => {
                            records.insert(key[1..].to_vec(), record);
                            Next::Go
                        }
                        Err(error) => {
                            fault = Some(error);
                            Next::Stop
                        }
                    }
                },
            )
            .map_err(|what| self.database.unreadable(what))?;
        if let Some(error) = fault {
            return Err(ReadError::value("record")(error));
        }
        for (place, value) in edits {
            if let Some(value) = value {
                records.insert(
                    place,
                    codec::decode(&value).map_err(ReadError::value("record"))?,
                );
            }
        }
        Ok(records.into_values().collect())
    }

    pub(super) fn find<R: Record>(&self, key: &[u8]) -> Result<Option<R>, ReadError> {
        let place = place(R::TABLE, key);
        let changed = {
            let image = lock(&self.image);
            let writing = || {
                image
                    .writing
                    .as_ref()
                    .and_then(|writing| writing.0.get(&place))
            };
            image.edits.get(&place).or_else(writing).cloned()
        };
        let value = match changed {
            Some(value) => value,
            None => {
                let stored = self.database.get(&[&[kind::RECORD], &place[..]].concat());
                stored
                    .map_err(|what| self.database.unreadable(what))?
                    .map(|value| value.to_vec())
            }
        };
        value
            .map(|value| codec::decode(&value).map_err(ReadError::value("record")))
            .transpose()
    }

    pub(super) fn newest<R: Record>(
        &self,
        before: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<R>, ReadError> {
        let from = vec![R::TABLE as u8];
        let to = before.map_or_else(|| vec![R::TABLE as u8 + 1], |key| place(R::TABLE, key));
        let edits = self.edits(&from, &to);
        let mut values: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        if limit > 0 {
            self.database
                .range_down(
                    &[&[kind::RECORD], &from[..]].concat(),
                    &[&[kind::RECORD], &to[..]].concat(),
                    |key, value| {
                        if !edits.contains_key(&key[1..]) {
                            values.insert(key[1..].to_vec(), value.to_vec());
                        }
                        if values.len() < limit {
                            Next::Go
                        } else {
                            Next::Stop
                        }
                    },
                )
                .map_err(|what| self.database.unreadable(what))?;
        }
        values.extend(
            edits
                .into_iter()
                .filter_map(|(place, value)| Some((place, value?))),
        );
        values
            .values()
            .rev()
            .take(limit)
            .map(|value| codec::decode(value).map_err(ReadError::value("record")))
            .collect()
    }

    pub(super) fn total(&self, wanted: &TotalKey) -> Result<Tally, ReadError> {
        let since = self.since();
        let key = totals::encode_key(wanted);
        let stored = self.database.get(&[&[kind::TOTAL], &key[..]].concat());
        let stored = match stored.map_err(|what| self.database.unreadable(what))? {
            Some(bytes) => codec::decode(&bytes).map_err(ReadError::value("total"))?,
            None => Stored::default(),
        };
        let (_, sum, writing) = since.spread(|key| key == wanted).remove(&key).unwrap_or((
            wanted.clone(),
            Tally::default(),
            Tally::default(),
        ));
        Ok(since.add(stored, sum, writing).net())
    }

    pub(super) fn totals(
        &self,
        scope: ScopeKind,
        grain: Grain,
        from: i32,
        to: i32,
        of_key: Option<KeyId>,
    ) -> Result<Vec<(TotalKey, Tally)>, ReadError> {
        if from >= to {
            return Ok(Vec::new());
        }
        let since = self.since();
        let is_of = |scope: &Scope| match (of_key, scope) {
            (None, _) => true,
            (Some(key), Scope::Key(id) | Scope::KeyModel(id, _)) => *id == key,
            (
                Some(_),
                Scope::All
                | Scope::Account(_)
                | Scope::Model(_)
                | Scope::Channel(_)
                | Scope::Budget(_),
            ) => false,
        };
        let mut fresh = since.spread(|key| {
            key.scope.kind() == scope
                && key.period.grain() == grain
                && (from..to).contains(&key.period.index())
                && is_of(&key.scope)
        });
        let at = |index| [&[kind::TOTAL], &totals::prefix(scope, grain, index)[..]].concat();
        let id = of_key.map(|key| *key.as_bytes());
        let mut found: BTreeMap<Vec<u8>, (TotalKey, Tally)> = BTreeMap::new();
        let mut fault = None;
        let start = [&at(from)[..], id.as_ref().map_or(&[][..], |id| &id[..])].concat();
        let visit = |key: &[u8], value: &[u8]| {
            let (Some(total), Ok(stored)) = (
                totals::decode_key(&key[1..]),
                codec::decode::<Stored>(value),
            ) else {
                fault = Some("a total cannot be read");
                return Next::Stop;
            };
            if let Some(id) = &id {
                let scoped = &key[7..];
                if !scoped.starts_with(id) {
                    // Totals of other keys are passed over, not read one by one.
                    let index = total.period.index();
                    let period = if scoped < &id[..] {
                        index
                    } else {
                        index.saturating_add(1)
                    };
                    return if period < to {
                        Next::Seek([&at(period)[..], id].concat())
                    } else {
                        Next::Stop
                    };
                }
            }
            let (sum, writing) = fresh
                .remove(&key[1..])
                .map_or_else(Default::default, |(_, sum, writing)| (sum, writing));
            found.insert(key[1..].to_vec(), (total, since.add(stored, sum, writing)));
            Next::Go
        };
        self.database
            .range(&start, &at(to), visit)
            .map_err(|what| self.database.unreadable(what))?;
        if let Some(what) = fault {
            return Err(self.database.unreadable(what));
        }
        for (key, (total, sum, writing)) in fresh {
            found.insert(key, (total, since.add(Stored::default(), sum, writing)));
        }
        let net = |(key, tally): (TotalKey, Tally)| (key, tally.net());
        Ok(found.into_values().map(net).collect())
    }

    pub(super) fn calls(
        &self,
        filter: &CallFilter,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<CallPage, ReadError> {
        let before = cursor.map_or(u64::MAX, |cursor| cursor.0);
        if limit == 0 {
            return Ok(CallPage {
                calls: Vec::new(),
                next: cursor,
            });
        }
        // One more than asked for tells whether there is a next page.
        let enough = limit.saturating_add(1);
        let wanted = Wanted::new(filter);
        let mut lines: Vec<(u64, Arc<Call>)> = Vec::new();
        let logs: Vec<_> = {
            let image = lock(&self.image);
            for log in image.days.range(image.kept_from..).map(|(_, log)| log) {
                let tail = log
                    .tail
                    .iter()
                    .rev()
                    .filter(|(sequence, call)| *sequence < before && filter.matches(call));
                lines.extend(tail.take(enough).cloned());
            }
            image
                .days
                .range(image.kept_from..)
                .map(|(_, log)| log.pages.clone())
                .collect()
        };
        let pages = logs.iter().flat_map(|pages| pages.iter());
        let mut pages: Vec<&Arc<Summary>> = pages
            .filter(|page| page.first < before && page.may_match(&wanted))
            .collect();
        pages.sort_unstable_by_key(|page| std::cmp::Reverse(page.last));
        for page in pages {
            if lines.len() >= enough
                && lines
                    .iter()
                    .filter(|(sequence, _)| *sequence > page.last)
                    .count()
                    >= enough
            {
                break;
            }
            let calls = self.open_page(page)?.into_iter();
            let matching =
                calls.filter(|(sequence, call)| *sequence < before && filter.matches(call));
            lines.extend(matching.map(|(sequence, call)| (sequence, Arc::new(call))));
        }
        lines.sort_unstable_by_key(|(sequence, _)| std::cmp::Reverse(*sequence));
        let more = lines.len() > limit;
        lines.truncate(limit);
        let next = lines
            .last()
            .filter(|_| more)
            .map(|(sequence, _)| Cursor(*sequence));
        Ok(CallPage {
            calls: lines
                .into_iter()
                .map(|(_, call)| Arc::unwrap_or_clone(call))
                .collect(),
            next,
        })
    }

    pub(super) fn call(&self, id: CallId) -> Result<Option<Call>, ReadError> {
        let pages: Vec<Arc<Summary>> = {
            let image = lock(&self.image);
            let logs = || {
                image
                    .days
                    .range(image.kept_from..)
                    .rev()
                    .map(|(_, log)| log)
            };
            if let Some((_, call)) = logs()
                .flat_map(|log| &log.tail)
                .find(|(_, call)| call.opened.id == id)
            {
                return Ok(Some(Call::clone(call)));
            }
            logs()
                .flat_map(|log| log.pages.iter())
                .filter(|page| page.may_hold(id))
                .cloned()
                .collect()
        };
        for page in pages {
            if let Some((_, call)) = self
                .open_page(&page)?
                .into_iter()
                .find(|(_, call)| call.opened.id == id)
            {
                return Ok(Some(call));
            }
        }
        Ok(None)
    }

    /// The lines of a page. Of a day that was dropped since its summary was copied: none.
    pub(super) fn open_page(&self, page: &Summary) -> Result<Vec<(u64, Call)>, ReadError> {
        self.pages_opened.fetch_add(1, Ordering::Relaxed);
        match self
            .database
            .page(page.day, &page.key())
            .map_err(|what| self.database.unreadable(what))?
        {
            Some(bytes) if pages::digest(&bytes) == page.digest => {
                pages::decode(&bytes).map_err(ReadError::value("page of the call log"))
            }
            None if page.day < lock(&self.image).kept_from => Ok(Vec::new()),
            Some(_) => Err(self
                .database
                .unreadable(format!("a page of {}'s call log is damaged", page.day))),
            None => Err(self
                .database
                .unreadable(format!("a page of {}'s call log is missing", page.day))),
        }
    }
}
