//! Opening a store: lock, format, journal, database; and what to do when the database cannot be believed.
//!
//! The journal is the truth. If the database is broken, cut, or gone, it is made again from the journal where that
//! still holds everything; otherwise nothing is served. Either way nothing is served with calls or deletions missing.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use super::checkpoint::{Checkpoint, remove_orphans};
use super::database::Database;
use super::disk::Disk;
use super::error::{OpenError, advice};
use super::gate::lock;
use super::image::Image;
use super::journal::Journal;
use super::options::{Options, Progress};
use super::replay::{self, Obstacle, Replayed};
use super::segment::{self, Content, Found, HEAD, Segment, Segments};
use super::verify;
use super::words::{Refusal, Words};
use super::writer;

/// The format of the data directory that this release writes.
const FORMAT: u32 = 1;

/// Holds the data directory: no other process opens it until this is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    /// The file `lock`, and the directory itself: that file can be removed, by somebody who takes it for a leftover.
    held: Vec<File>,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Not left to closing the file: a child process, between its fork and its exec, has it open too.
        for held in &self.held {
            if let Err(error) = held.unlock() {
                tracing::error!("the data directory's lock could not be given back: {error}");
            }
        }
    }
}

/// A store that is open, before its threads run.
pub(super) struct Parts {
    pub(super) held: Lock,
    pub(super) image: Arc<Mutex<Image>>,
    pub(super) database: Arc<Database>,
    pub(super) checkpoint: Checkpoint,
    pub(super) journal: Arc<Journal>,
    pub(super) segments: Arc<Segments>,
    pub(super) current: Segment,
    pub(super) ready: Receiver<Segment>,
    pub(super) ahead: JoinHandle<()>,
    pub(super) warnings: Vec<String>,
}

/// Where things stand in a data directory.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) dir: PathBuf,
    pub(super) journal: PathBuf,
    pub(super) database: PathBuf,
}

impl Layout {
    pub(super) fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            journal: dir.join("journal"),
            database: dir.join("db"),
        }
    }

    /// The file that says which format the directory has.
    pub(super) fn format(&self) -> PathBuf {
        self.dir.join("format")
    }

    /// Takes the lock, or says who has it.
    pub(super) fn lock(&self) -> Result<Lock, OpenError> {
        let path = self.dir.join("lock");
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(OpenError::io("open", &path))?;
        let mut lock = Lock { held: Vec::new() };
        match file.try_lock() {
            Ok(()) => lock.held.push(file),
            Err(TryLockError::WouldBlock) => return Err(OpenError::Locked(self.dir.clone())),
            Err(TryLockError::Error(error)) => return Err(OpenError::io("lock", &path)(error)),
        }
        let dir = File::open(&self.dir).map_err(OpenError::io("open", &self.dir))?;
        match dir.try_lock() {
            Ok(()) => lock.held.push(dir),
            Err(TryLockError::WouldBlock) => return Err(OpenError::Locked(self.dir.clone())),
            // Some file systems lock no directories; there, the file is what there is.
            Err(TryLockError::Error(error)) => {
                tracing::debug!("the data directory itself cannot be locked: {error}");
            }
        }
        Ok(lock)
    }

    /// Checks that this release knows the directory's format.
    pub(super) fn check_format(&self) -> Result<(), OpenError> {
        let path = self.format();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return self.write_format(&path);
            }
            Err(error) => return Err(OpenError::io("read", &path)(error)),
        };
        match text.trim().parse::<u32>() {
            Ok(FORMAT) => Ok(()),
            Ok(found) if found > FORMAT => Err(OpenError::Newer {
                path,
                what: format!("format {found}, this release knows {FORMAT}"),
            }),
            _ => Err(OpenError::Incomplete {
                path: self.dir.clone(),
                what: format!("{} does not hold a format number", path.display()),
            }),
        }
    }

    fn write_format(&self, path: &Path) -> Result<(), OpenError> {
        let new = path.with_extension("new");
        let write = || {
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&new)?;
            writeln!(file, "{FORMAT}")?;
            file.sync_all()?;
            fs::rename(&new, path)?;
            segment::sync_dir(&self.dir)
        };
        write().map_err(OpenError::io("write", path))
    }
}

/// Opens everything.
pub(super) fn open(
    dir: &Path,
    options: &Options,
    progress: &mut dyn FnMut(Progress),
) -> Result<Parts, OpenError> {
    let layout = Layout::new(dir);
    segment::create_dir(dir)?;
    // A directory that was there before may be open to others; what is in it is not theirs.
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700))
        .map_err(OpenError::io("restrict", dir))?;
    let held = layout.lock()?;
    // The journal is made before the format is written: where that stands, there was a journal.
    if layout.format().exists() && !layout.journal.exists() {
        return Err(OpenError::Incomplete {
            path: dir.to_owned(),
            what: format!("{} is missing", layout.journal.display()),
        });
    }
    segment::create_dir(&layout.journal)?;
    layout.check_format()?;
    segment::sync_dir(dir).map_err(OpenError::io("sync", dir))?;
    let disk = disk(options);
    let found = segment::list(&layout.journal)?;
    let mut warnings = Vec::new();
    let whole = replay::is_whole(&found);
    let existed = layout.database.exists();
    let refuse = |what| unusable(&layout, &what);
    let (checkpoint, replayed) = match attempt(&layout, &found, &disk, progress) {
        Ok(up) => up,
        Err(Obstacle::Other(error)) => return Err(error),
        Err(Obstacle::Database(what)) if whole && existed && what.refusal().is_none() => {
            let aside = move_aside(&layout)?;
            warnings.push(format!(
                "The database {} could not be used: {what}. It was moved to {} and made again from the journal; no call and no change is missing.",
                layout.database.display(),
                aside.display()
            ));
            let up =
                attempt(&layout, &found, &disk, progress).map_err(|obstacle| match obstacle {
                    Obstacle::Other(error) => error,
                    Obstacle::Database(what) => refuse(what),
                })?;
            remove_oldest_broken(&layout);
            up
        }
        Err(Obstacle::Database(what)) => return Err(refuse(what)),
    };
    if warnings.is_empty() && replayed.mark > replayed.from {
        warnings.push(format!(
            "The database {} had lost its latest state ({}); it was completed from the journal, no call and no change is missing.",
            layout.database.display(),
            if existed { "a file of it was cut short or restored" } else { "it was missing" }
        ));
    }
    warnings
        .iter()
        .for_each(|warning| tracing::warn!("{warning}"));
    lock(&checkpoint.image).settle_replay();
    run_checkpoint(&checkpoint).map_err(refuse)?;
    let journal = Arc::new(Journal::new(replayed.last));
    let (segments, current, exist) = resume(&layout, &found, &replayed, &disk, options)?;
    let number = exist.last().unwrap_or(&current).number + 1;
    let (ready, ahead) = writer::prepare(
        journal.clone(),
        disk,
        layout.journal.clone(),
        exist,
        number,
        options.segment_bytes,
    )
    .map_err(OpenError::io("start a thread for", &layout.journal))?;
    let (image, database) = (checkpoint.image.clone(), checkpoint.database.clone());
    Ok(Parts {
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
    })
}

/// The disk as the options want it: in tests, one that may fail.
pub(super) fn disk(options: &Options) -> Disk {
    let _ = options;
    Disk {
        #[cfg(test)]
        faults: options.faults.clone(),
    }
}

fn run_checkpoint(checkpoint: &Checkpoint) -> Result<(), Words> {
    checkpoint.run().map(drop)
}

/// Why the database cannot be used: the system refuses, or it is damaged and nothing can make it again.
fn unusable(layout: &Layout, what: &Words) -> OpenError {
    let path = layout.database.clone();
    let refused = |advice| OpenError::Refused {
        path: path.clone(),
        what: what.to_string(),
        advice,
    };
    match what.refusal() {
        Some(Refusal::InUse) => refused("stop that one, or choose another data directory"),
        Some(Refusal::System(code)) => refused(advice(&io::Error::from_raw_os_error(code))),
        None => OpenError::Database {
            path,
            what: what.to_string(),
        },
    }
}

/// Opens and verifies the database, and replays the journal onto it.
fn attempt(
    layout: &Layout,
    found: &[Found],
    disk: &Disk,
    progress: &mut dyn FnMut(Progress),
) -> Result<(Checkpoint, Replayed), Obstacle> {
    segment::create_dir(&layout.database)?;
    segment::sync_dir(&layout.dir).map_err(OpenError::io("sync", &layout.dir))?;
    progress(Progress {
        what: "Opening the database",
        done: 0,
        of: 0,
    });
    let database = Arc::new(Database::open(&layout.database).map_err(Obstacle::Database)?);
    let attempt = || {
        let verified = verify::verify(&database, progress).map_err(Obstacle::Database)?;
        remove_orphans(&database, &verified.orphans).map_err(Obstacle::Database)?;
        let (image, ahead) = verified.into_image(&database).map_err(Obstacle::Database)?;
        let checkpoint = Checkpoint::new(database.clone(), Arc::new(Mutex::new(image)));
        let replayed = replay::replay(&layout.dir, found, &ahead, &checkpoint, disk, progress)?;
        Ok((checkpoint, replayed))
    };
    let mut attempt = attempt;
    attempt().inspect_err(|_| drop(database.close()))
}

/// So many databases that were broken are kept.
const KEPT_BROKEN: usize = 3;

/// Databases that were moved aside, the oldest first.
fn broken(layout: &Layout) -> Vec<(u32, PathBuf)> {
    let number = |path: &Path| {
        let name = path.file_name()?.to_str()?;
        name.strip_prefix("db.broken-")?.parse::<u32>().ok()
    };
    let entries = fs::read_dir(&layout.dir).into_iter().flatten().flatten();
    let mut broken: Vec<_> = entries
        .filter_map(|entry| Some((number(&entry.path())?, entry.path())))
        .collect();
    broken.sort_unstable();
    broken
}

/// Moves a broken database out of the way.
fn move_aside(layout: &Layout) -> Result<PathBuf, OpenError> {
    let next = broken(layout)
        .last()
        .map_or(1, |(number, _)| number.saturating_add(1));
    let aside = layout.dir.join(format!("db.broken-{next}"));
    fs::rename(&layout.database, &aside).map_err(OpenError::io("move aside", &layout.database))?;
    segment::sync_dir(&layout.dir).map_err(OpenError::io("sync", &layout.dir))?;
    Ok(aside)
}

/// Once there is a good one again, the oldest broken ones go: a disk that breaks one after the other is not filled by them.
fn remove_oldest_broken(layout: &Layout) {
    let broken = broken(layout);
    let gone = broken.len().saturating_sub(KEPT_BROKEN);
    for (_, path) in &broken[..gone] {
        match fs::remove_dir_all(path) {
            Ok(()) => tracing::warn!(
                "removed {}: the {KEPT_BROKEN} latest broken databases are kept",
                path.display()
            ),
            Err(error) => tracing::warn!("{} could not be removed: {error}", path.display()),
        }
    }
}

type Resumed = (Arc<Segments>, Segment, Vec<Segment>);

/// The segments in use, the one to write on, and those that were made ready but not used.
fn resume(
    layout: &Layout,
    found: &[Found],
    replayed: &Replayed,
    disk: &Disk,
    options: &Options,
) -> Result<Resumed, OpenError> {
    let segments = Segments::new(&layout.journal)?;
    let next = replayed.last + 1;
    let used = replayed.end.map_or(0, |(place, _)| place + 1);
    for segment in &found[..used] {
        let first = match segment.content {
            Content::From(first) => first,
            Content::Empty | Content::Broken => next,
        };
        segments.add(segment.path.clone(), segment.size, first);
    }
    let mut unused = found[used..]
        .iter()
        .map(|segment| segment::resume(segment, HEAD))
        .collect::<Result<Vec<_>, _>>()?;
    let current = match replayed.end {
        Some((place, end)) => segment::resume(&found[place], end)?,
        None => {
            let segment = if unused.is_empty() {
                let size = segment::size_of(1, options.segment_bytes);
                segment::create(disk, &layout.journal, 1, size)
                    .map_err(OpenError::io("write to", &layout.journal))?
            } else {
                unused.remove(0)
            };
            segments.add(segment.path.clone(), segment.size, next);
            segment
        }
    };
    Ok((Arc::new(segments), current, unused))
}
