//! The doctor's examination: every frame of the journal, all of the database, every page, every total.
//!
//! It looks before it opens: where anything is damaged, it says so and what the next start will do, and leaves the files as they
//! are. Where all is sound, it opens the store as a start does, so that what a crash left is replayed first.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::atomic::AtomicU64;

use super::audit::{self, Audit};
use super::codec;
use super::database::Database;
use super::entry::Entry;
use super::error::{OpenError, ReadError};
use super::gate::lock;
use super::open::{self, Layout, Parts};
use super::options::{Options, Progress};
use super::query::Reader;
use super::records::{Record, Setting};
use super::replay;
use super::segment::{self, Content, End, Found};
use super::verify;
use crate::domain::{Account, ApiKey, AuditEntry, CallId, Channel, Day, Model, Session};

/// What an examination found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
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

/// The most findings of one kind that are told one by one.
const TOLD: usize = 20;

impl Examination {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.findings
            .iter()
            .all(|finding| finding.severity < Severity::Error)
    }

    pub(super) fn error(&mut self, text: impl Into<String>) {
        self.findings.push(Finding {
            severity: Severity::Error,
            text: text.into(),
        });
    }

    fn notice(&mut self, text: impl Into<String>) {
        self.findings.push(Finding {
            severity: Severity::Notice,
            text: text.into(),
        });
    }

    /// Tells the first differences one by one, and how many there are.
    pub(super) fn differences(&mut self, differences: Vec<String>) {
        let more = differences.len().saturating_sub(TOLD);
        differences
            .into_iter()
            .take(TOLD)
            .for_each(|text| self.error(text));
        if more > 0 {
            self.error(format!("{more} more differences of this kind."));
        }
    }
}

/// What the journal says, by itself.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// First and last sequence.
    pub(super) first: u64,
    pub(super) last: u64,
    /// The last checkpoint that the journal knows of.
    mark: u64,
    /// It reaches back to the first entry ever written.
    pub(super) whole: bool,
    /// Sequences of calls' ends, with the day where the opening is in the journal as well.
    pub(super) ended: Vec<(u64, Option<Day>)>,
    open: HashMap<CallId, Day>,
    strays: u64,
}

/// Checks everything in a data directory that no gateway is serving.
pub fn examine(dir: &Path, options: &Options, progress: &mut dyn FnMut(Progress)) -> Examination {
    let mut found = Examination::default();
    let layout = Layout::new(dir);
    match fs::metadata(&layout.journal).map_err(|e| (e.kind(), e)) {
        Ok(journal) if journal.is_dir() => {}
        Err((kind, error)) if kind != ErrorKind::NotFound => {
            found.error(OpenError::io("look into", &layout.journal)(error).to_string());
            return found;
        }
        Ok(_) | Err(_) => {
            found.error(format!(
                "{} is not a data directory: it has no journal.",
                dir.display()
            ));
            return found;
        }
    }
    let told = match look(&layout, &mut found, progress) {
        Ok(Some(told)) => told,
        Ok(None) => return found,
        Err(error) => {
            found.error(error.to_string());
            return found;
        }
    };
    match open::open(dir, options, progress) {
        Ok(parts) => inspect(&parts, told, &mut found, progress),
        Err(error) => found.error(error.to_string()),
    }
    found
}

/// Looks at journal and database without changing them. `None`: they are not fit to be opened.
fn look(
    layout: &Layout,
    found: &mut Examination,
    progress: &mut dyn FnMut(Progress),
) -> Result<Option<Told>, OpenError> {
    let _held = layout.lock()?;
    if layout.format().exists() {
        layout.check_format()?;
    }
    let segments = segment::list(&layout.journal)?;
    let told = read_journal(&segments, found, progress)?;
    if !layout.database.exists() {
        if told.whole {
            found.notice("The database is missing; the journal holds everything, so the next start makes it again.");
        } else if told.last > 0 {
            found.error(format!(
                "The database {} is missing.",
                layout.database.display()
            ));
        }
    } else if found.is_sound() {
        match Database::open(&layout.database).and_then(|database| {
            let verified = verify::verify(&database, progress);
            database.close()?;
            verified
        }) {
            Ok(verified) if verified.stamp.checkpoint < told.mark => found.error(format!(
                "The database {} ends at journal entry {}, but had reached entry {}: a file of it was cut short or restored; {}.",
                layout.database.display(),
                verified.stamp.checkpoint,
                told.mark,
                if told.first <= verified.stamp.checkpoint + 1 {
                    "the journal has what is missing, so the next start completes it"
                } else {
                    "the journal begins too late to complete it, so restore the data directory from a backup"
                }
            )),
            Ok(verified) => found.facts.push(format!(
                "The database holds {} entries up to journal entry {}; they agree with its digest.",
                verified.stamp.count, verified.stamp.checkpoint
            )),
            Err(what) => {
                let next = if told.whole {
                    "the journal holds everything, so the next start moves it aside and makes it again"
                } else {
                    "the journal begins too late to make it again, so restore the data directory from a backup"
                };
                found.error(format!("The database {} cannot be used: {what}; {next}.", layout.database.display()));
            }
        }
    }
    Ok(found.is_sound().then_some(told))
}

/// Reads every frame of every segment.
fn read_journal(
    segments: &[Found],
    found: &mut Examination,
    progress: &mut dyn FnMut(Progress),
) -> Result<Told, OpenError> {
    let mut told = Told {
        whole: replay::is_whole(segments),
        ..Told::default()
    };
    let used = segments
        .iter()
        .rposition(|segment| segment.content != Content::Empty)
        .map_or(0, |last| last + 1);
    let of = segments[..used].iter().map(|segment| segment.size).sum();
    let (mut next, mut done, mut frames) = (told.whole.then_some(1), 0, 0u64);
    for (place, segment) in segments[..used].iter().enumerate() {
        let path = segment.path.display();
        let bytes = fs::read(&segment.path).map_err(OpenError::io("read", &segment.path))?;
        let scan = segment::scan(&bytes, next, place + 1 == used, |frame, offset| {
            frames += 1;
            if told.first == 0 {
                told.first = frame.sequence;
            }
            told.last = frame.sequence;
            match codec::decode::<Entry>(frame.body) {
                Ok(entry) => told.hear(frame.sequence, &entry),
                Err(error) => found.error(format!(
                    "The journal entry at byte {offset} of {path} cannot be read: {error}."
                )),
            }
            Ok::<_, OpenError>(())
        })?;
        match scan.end {
            End::Clean => {}
            End::Torn(what) => found.notice(format!(
                "The journal's end is torn at byte {} of {path} ({what}), as a power loss leaves it; the next start cuts it off, nothing acknowledged is lost.",
                scan.used
            )),
            End::Damaged(what) => found.error(format!(
                "The journal file {path} is damaged at byte {}: {what}; restore it from a backup.",
                scan.used
            )),
        }
        next = scan.next.or(next);
        done += segment.size;
        progress(Progress {
            what: "Reading the journal",
            done,
            of,
        });
    }
    found.facts.push(format!(
        "The journal has {used} files with {frames} entries ({} to {}){}.",
        told.first,
        told.last,
        if told.whole {
            ", all since the beginning"
        } else {
            ""
        }
    ));
    if told.strays > 0 {
        found.notice(format!(
            "{} entries of the journal end calls that were not open; they changed nothing.",
            told.strays
        ));
    }
    Ok(told)
}

impl Told {
    fn hear(&mut self, sequence: u64, entry: &Entry) {
        match entry {
            Entry::Opened(call) => {
                self.open.entry(call.id).or_insert(call.day);
            }
            Entry::Settled(id, _) => match self.open.remove(id) {
                Some(day) => self.ended.push((sequence, Some(day))),
                None if self.whole => self.strays += 1,
                None => self.ended.push((sequence, None)),
            },
            Entry::Recorded(call) => self.ended.push((sequence, Some(call.opened.day))),
            Entry::Checkpointed(mark) => self.mark = self.mark.max(*mark),
            Entry::Edited(_) | Entry::Dropped(_) | Entry::Corrected(_) => {}
        }
    }
}

/// Looks into an open store.
fn inspect(parts: &Parts, told: Told, found: &mut Examination, progress: &mut dyn FnMut(Progress)) {
    parts
        .warnings
        .iter()
        .for_each(|warning| found.notice(warning.clone()));
    let reader = Reader {
        image: parts.image.clone(),
        database: parts.database.clone(),
        pages_opened: AtomicU64::new(0),
    };
    inspect_open_calls(parts, &told, found);
    let tables = [
        count::<Account>(&reader, "accounts"),
        count::<ApiKey>(&reader, "API keys"),
        count::<Channel>(&reader, "channels"),
        count::<Model>(&reader, "models"),
        count::<Session>(&reader, "sessions"),
        count::<AuditEntry>(&reader, "audit entries"),
        count::<Setting>(&reader, "settings"),
    ];
    let mut counts = Vec::new();
    for table in tables {
        match table {
            Ok(words) => counts.push(words),
            Err(error) => found.error(error.to_string()),
        }
    }
    found.facts.push(format!("Records: {}.", counts.join(", ")));
    let (days, kept_from) = {
        let image = lock(&parts.image);
        (image.days.clone(), image.kept_from)
    };
    let audit = Audit {
        reader: &reader,
        days,
        kept_from,
    };
    if let Err(error) = audit::audit(&audit, told, found, progress) {
        found.error(error.to_string());
    }
}

fn inspect_open_calls(parts: &Parts, told: &Told, found: &mut Examination) {
    let open: BTreeSet<CallId> = lock(&parts.image).open.keys().copied().collect();
    if !open.is_empty() {
        found.notice(format!(
            "{} calls are open, as a crash leaves them; the next start settles them at what was set aside.",
            open.len()
        ));
    }
    let by_journal: BTreeSet<CallId> = told.open.keys().copied().collect();
    let missing = by_journal
        .difference(&open)
        .map(|id| format!("Call {id} is open in the journal, but not in the database."));
    let surplus = open.difference(&by_journal).filter(|_| told.whole);
    let surplus =
        surplus.map(|id| format!("Call {id} is open in the database, but not in the journal."));
    found.differences(missing.chain(surplus).collect());
}

fn count<R: Record>(reader: &Reader, name: &str) -> Result<String, ReadError> {
    Ok(format!("{} {name}", reader.load::<R>()?.len()))
}
