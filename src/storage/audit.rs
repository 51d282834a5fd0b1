//! The audit: totals are recomputed from the call log, and the call log is compared with the journal.
//!
//! Of days whose calls are still kept, the totals of the day and of its hours must be those of the log. Totals of days
//! stay for ever, so the totals of months and those since the beginning must be sums of days.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::codec;
use super::database::{Next, kind};
use super::error::ReadError;
use super::examine::{Examination, Told};
use super::image::DayLog;
use super::options::Progress;
use super::query::Reader;
use super::totals::{self, Stored};
use crate::domain::{
    Call, CallId, Correction, Corrections, Day, Grain, Month, Period, ScopeKind, Tally, TotalKey,
};

/// What is audited.
pub(super) struct Audit<'a> {
    pub(super) reader: &'a Reader,
    pub(super) days: BTreeMap<Day, DayLog>,
    pub(super) kept_from: Day,
}

const KINDS: [ScopeKind; 7] = [
    ScopeKind::All,
    ScopeKind::Key,
    ScopeKind::Account,
    ScopeKind::Model,
    ScopeKind::Channel,
    ScopeKind::KeyModel,
    ScopeKind::Budget,
];

/// Totals by their keys.
type Totals = BTreeMap<Vec<u8>, Tally>;

/// Hours are compared early when more totals of hours than this have been counted.
const HOURS: usize = 1_000_000;

/// A day of any time zone begins at most so many hours before, and ends at most so many after, that of UTC.
const ZONES: i32 = 14;

/// Audits everything.
pub(super) fn audit(
    audit: &Audit<'_>,
    told: Told,
    found: &mut Examination,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), ReadError> {
    let mut count = Count::default();
    let mut differences = Vec::new();
    let mut hours: BTreeMap<i32, Totals> = BTreeMap::new();
    let mut compared = 0;
    let mut sequences = BTreeSet::new();
    let days: BTreeSet<Day> = audit
        .days
        .keys()
        .copied()
        .chain(audit.stored_periods(Grain::Day)?.into_iter().map(Day))
        .collect();
    let of = days.len() as u64;
    let whole_from = if audit.kept_from.0 == i32::MIN {
        i32::MIN
    } else {
        audit.kept_from.0.saturating_mul(24) + ZONES
    };
    let mut hours_from = whole_from;
    let corrections = audit.reader.load::<Corrections>()?;
    let corrections: HashMap<CallId, Vec<Correction>> = corrections
        .into_iter()
        .map(|corrected| (corrected.call_id, corrected.list))
        .collect();
    for (done, day) in (1..).zip(days.range(audit.kept_from..)) {
        let mut of_day = Totals::new();
        let mut counting = |call: &Call| {
            let corrected = corrections.get(&call.opened.id).into_iter().flatten();
            let tally = corrected.fold(Tally::of(call), |sum, one| sum.plus(one.tally()));
            TotalKey::each_of(call, |key| match key.period {
                Period::Day(_) => add(&mut of_day, totals::encode_key(&key), tally),
                Period::Hour(hour) => add(
                    hours.entry(hour.0).or_default(),
                    totals::encode_key(&key),
                    tally,
                ),
                Period::Ever | Period::Month(_) => {}
            });
        };
        audit.read_day(
            *day,
            &told,
            &mut count,
            &mut sequences,
            &mut differences,
            &mut counting,
        )?;
        compared += audit.compare(Grain::Day, day.0, of_day, &mut differences)?;
        while hours.values().map(BTreeMap::len).sum::<usize>() > HOURS
            && hours
                .first_key_value()
                .is_some_and(|(hour, _)| *hour < day.0.saturating_mul(24) - ZONES - 24)
        {
            let Some((hour, totals)) = hours.pop_first() else {
                break;
            };
            if hour >= hours_from {
                compared += audit.compare(Grain::Hour, hour, totals, &mut differences)?;
                hours_from = hour + 1;
            }
        }
        progress(Progress {
            what: "Recomputing the totals",
            done,
            of: of.max(done),
        });
    }
    let rest: BTreeSet<i32> = hours
        .keys()
        .copied()
        .chain(audit.stored_periods(Grain::Hour)?)
        .collect();
    for hour in rest.range(hours_from..) {
        compared += audit.compare(
            Grain::Hour,
            *hour,
            hours.remove(hour).unwrap_or_default(),
            &mut differences,
        )?;
    }
    compared += audit.compare_sums(&mut differences)?;
    found.facts.push(format!(
        "The call log has {} calls in {} pages of {} days.",
        count.calls,
        count.pages,
        audit.days.len()
    ));
    found.facts.push(format!(
        "{compared} totals were recomputed from the call log; {}.",
        if differences.is_empty() {
            "none differs".to_owned()
        } else {
            format!("{} differences were found", differences.len())
        }
    ));
    found.differences(differences);
    compare_with_journal(audit, &told, &sequences, found);
    Ok(())
}

#[derive(Debug, Default)]
struct Count {
    calls: u64,
    pages: u64,
}

fn add(totals: &mut Totals, key: Vec<u8>, tally: Tally) {
    let total = totals.entry(key).or_default();
    *total = total.plus(tally);
}

impl Audit<'_> {
    /// Reads all pages of a day, and checks each against its summary.
    fn read_day(
        &self,
        day: Day,
        told: &Told,
        count: &mut Count,
        sequences: &mut BTreeSet<u64>,
        differences: &mut Vec<String>,
        counting: &mut dyn FnMut(&Call),
    ) -> Result<(), ReadError> {
        let Some(log) = self.days.get(&day) else {
            return Ok(());
        };
        let (mut before, mut ids) = (0, HashSet::new());
        for page in log.all_pages() {
            let lines = self.reader.open_page(page)?;
            count.pages += 1;
            count.calls += lines.len() as u64;
            let ends = (
                lines.first().map(|line| line.0),
                lines.last().map(|line| line.0),
            );
            if lines.len() != page.count as usize
                || ends != (Some(page.first), Some(page.last))
                || page.first <= before
            {
                differences.push(format!(
                    "A page of {day}'s call log does not hold what its summary says."
                ));
            }
            before = page.last;
            for (sequence, call) in lines {
                if call.opened.day != day || !page.may_hold(call.opened.id) {
                    differences.push(format!(
                        "Call {} stands on a page that it does not belong to.",
                        call.opened.id
                    ));
                }
                if !ids.insert(call.opened.id) {
                    differences.push(format!("Call {} is in the call log twice.", call.opened.id));
                }
                if sequence >= told.first {
                    sequences.insert(sequence);
                }
                counting(&call);
            }
        }
        Ok(())
    }

    /// Visits the stored totals of a kind, grain and range of periods.
    fn stored(
        &self,
        scope: ScopeKind,
        grain: Grain,
        from: i32,
        to: Option<i32>,
        mut visit: impl FnMut(&[u8], TotalKey, Tally) -> Next,
    ) -> Result<(), ReadError> {
        let start = [&[kind::TOTAL], &totals::prefix(scope, grain, from)[..]].concat();
        let end = match to {
            Some(to) => [&[kind::TOTAL], &totals::prefix(scope, grain, to)[..]].concat(),
            None => vec![kind::TOTAL, scope as u8, grain as u8 + 1],
        };
        let database = &self.reader.database;
        let mut fault = false;
        let visited = database.range(&start, &end, |key, value| {
            match (
                totals::decode_key(&key[1..]),
                codec::decode::<Stored>(value),
            ) {
                (Some(total), Ok(stored)) => visit(&key[1..], total, stored.tally),
                _ => {
                    fault = true;
                    Next::Stop
                }
            }
        });
        visited.map_err(|what| database.unreadable(what))?;
        if fault {
            Err(database.unreadable("a total cannot be read"))
        } else {
            Ok(())
        }
    }

    /// The periods of a grain that have totals.
    fn stored_periods(&self, grain: Grain) -> Result<BTreeSet<i32>, ReadError> {
        let mut periods = BTreeSet::new();
        for scope in KINDS {
            self.stored(scope, grain, i32::MIN, None, |_, total, _| {
                let index = total.period.index();
                periods.insert(index);
                match index.checked_add(1) {
                    Some(next) => Next::Seek(
                        [&[kind::TOTAL], &totals::prefix(scope, grain, next)[..]].concat(),
                    ),
                    None => Next::Stop,
                }
            })?;
        }
        Ok(periods)
    }

    /// Compares all totals of a period with those of the call log.
    fn compare(
        &self,
        grain: Grain,
        index: i32,
        mut log: Totals,
        differences: &mut Vec<String>,
    ) -> Result<u64, ReadError> {
        let mut compared = 0;
        for scope in KINDS {
            let to = index.checked_add(1);
            self.stored(scope, grain, index, to, |key, total, stored| {
                compared += 1;
                let counted = log.remove(key).unwrap_or_default();
                if counted != stored {
                    differences.push(differ(&total, &stored, "the call log has", &counted));
                }
                Next::Go
            })?;
        }
        for (key, counted) in log {
            compared += 1;
            if let Some(total) = totals::decode_key(&key) {
                differences.push(differ(
                    &total,
                    &Tally::default(),
                    "the call log has",
                    &counted,
                ));
            }
        }
        Ok(compared)
    }

    /// Compares months, and what was counted since the beginning, with sums of days.
    fn compare_sums(&self, differences: &mut Vec<String>) -> Result<u64, ReadError> {
        let mut compared = 0;
        for scope in KINDS {
            let mut sums: BTreeMap<TotalKey, Tally> = BTreeMap::new();
            let mut months: BTreeMap<i32, Month> = BTreeMap::new();
            self.stored(scope, Grain::Day, i32::MIN, None, |_, total, tally| {
                let mut add = |period| {
                    let sum = sums
                        .entry(TotalKey {
                            scope: total.scope.clone(),
                            period,
                        })
                        .or_default();
                    *sum = sum.plus(tally);
                };
                add(Period::Ever);
                if scope == ScopeKind::Budget {
                    let index = total.period.index();
                    add(Period::Month(
                        *months.entry(index).or_insert_with(|| Day(index).month()),
                    ));
                }
                Next::Go
            })?;
            for grain in [Grain::Ever, Grain::Month] {
                self.stored(scope, grain, i32::MIN, None, |_, total, stored| {
                    compared += 1;
                    let sum = sums.remove(&total).unwrap_or_default();
                    if sum != stored {
                        differences.push(differ(&total, &stored, "its days add up to", &sum));
                    }
                    Next::Go
                })?;
            }
            for (total, sum) in sums {
                compared += 1;
                differences.push(differ(
                    &total,
                    &Tally::default(),
                    "its days add up to",
                    &sum,
                ));
            }
        }
        Ok(compared)
    }
}

fn differ(total: &TotalKey, stored: &Tally, other: &str, counted: &Tally) -> String {
    let words = |tally: &Tally| {
        format!(
            "{} requests, {} tokens, ${}",
            tally.requests,
            tally.total_tokens(),
            tally.cost
        )
    };
    let detail = if words(stored) == words(counted) {
        format!(" ({stored:?} against {counted:?})")
    } else {
        String::new()
    };
    format!(
        "The total of {:?} in {:?} says {}; {other} {}{detail}.",
        total.scope,
        total.period,
        words(stored),
        words(counted)
    )
}

/// Every call that ended in the journal is in the log, and no other.
fn compare_with_journal(
    audit: &Audit<'_>,
    told: &Told,
    log: &BTreeSet<u64>,
    found: &mut Examination,
) {
    let ended: BTreeSet<u64> = told.ended.iter().map(|(sequence, _)| *sequence).collect();
    let kept = told
        .ended
        .iter()
        .filter(|(_, day)| day.is_some_and(|day| day >= audit.kept_from));
    let missing = kept.filter(|(sequence, _)| !log.contains(sequence));
    let missing = missing.map(|(sequence, _)| {
        format!("The call that journal entry {sequence} ended is not in the call log.")
    });
    let surplus = log.difference(&ended);
    let surplus = surplus.map(|sequence| {
        format!("The call log has a call of journal entry {sequence}, which ended none.")
    });
    let differences: Vec<String> = missing.chain(surplus).collect();
    if differences.is_empty() {
        found.facts.push(format!(
            "All {} calls that ended in the journal were looked up in the call log.",
            ended.len()
        ));
    }
    found.differences(differences);
}
