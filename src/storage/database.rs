//! sled, held at arm's length. What it stores, under which keys, and a digest of it all that is written with every batch.
//!
//! sled opens a file that was cut short without a word and panics on a flipped byte. So nothing it says is believed
//! until it agrees with the digest, and each call is made where a panic becomes an error.

use std::cell::Cell;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sled::{Batch, Db, IVec, Tree};
use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::codec;
use super::error::ReadError;
use super::gate::lock;
use super::totals::{ordered, unordered};
pub(super) use super::words::Words;
use crate::domain::Day;

/// Memory that sled may use for what it has read.
const CACHE: u64 = 64 << 20;

/// sled puts what is larger than a fourth of this into a file of its own; a leaf of pages is.
const SEGMENT: usize = 2 << 20;

/// The most changes in one batch: larger ones bloat sled.
pub(super) const BATCH: usize = 128;

/// First bytes of the keys in the tree of everything but pages.
pub(super) mod kind {
    pub(in super::super) const STAMP: u8 = 0;
    pub(in super::super) const RECORD: u8 = 1;
    pub(in super::super) const TOTAL: u8 = 2;
    pub(in super::super) const OPEN: u8 = 3;
    pub(in super::super) const SUMMARY: u8 = 4;
}

const MAIN: &str = "main";
const PAGES: &str = "pages";

/// What the database says of itself; written in one batch with what it speaks of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Stamp {
    /// It has everything up to this sequence.
    pub(super) checkpoint: u64,
    /// Of calls settled up to this sequence, it has log and totals; some of them may no longer stand as open.
    pub(super) effects: u64,
    /// Days before this one are no longer in the call log.
    pub(super) kept_from: Day,
    /// Number of entries.
    pub(super) count: u64,
    /// The sum of the hashes of all entries: the same in any order.
    pub(super) digest: u128,
}

impl Default for Stamp {
    fn default() -> Self {
        Self {
            checkpoint: 0,
            effects: 0,
            kept_from: Day(i32::MIN),
            count: 0,
            digest: 0,
        }
    }
}

/// One change of the main tree.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) key: Vec<u8>,
    pub(super) value: Option<Vec<u8>>,
}

/// An open database.
#[derive(Debug)]
pub(super) struct Database {
    path: PathBuf,
    open: Mutex<Option<(Db, Tree)>>,
    stamp: Mutex<Stamp>,
}

/// How often, and how many times, sled is asked for its file's lock.
const LOCK_EVERY: Duration = Duration::from_millis(10);
const LOCK_TRIES: u32 = 300;

/// Opens sled; waits for its file's lock, if it must. The data directory is ours, so whoever has that lock has it for a moment:
/// a child process, between its fork and its exec, has every file of its parent open.
fn open_unlocked(config: &sled::Config) -> sled::Result<Db> {
    let is_locked = |error: &sled::Error| matches!(error, sled::Error::Io(error) if error.to_string().contains("could not acquire lock"));
    let mut tries = 1;
    loop {
        match config.open() {
            Err(error) if tries < LOCK_TRIES && is_locked(&error) => {
                tries += 1;
                std::thread::park_timeout(LOCK_EVERY);
            }
            opened => return opened,
        }
    }
}

fn open_at(path: &Path) -> Result<(Db, Tree), Words> {
    quietly(|| {
        let config = sled::Config::default()
            .path(path)
            .cache_capacity(CACHE)
            .segment_size(SEGMENT)
            .flush_every_ms(None);
        let db = open_unlocked(&config)?;
        let main = db.open_tree(MAIN)?;
        Ok((db, main))
    })
}

impl Database {
    /// Opens or creates it. What it holds is not yet to be believed.
    pub(super) fn open(path: &Path) -> Result<Self, Words> {
        let database = Self {
            path: path.to_owned(),
            open: Mutex::new(Some(open_at(path)?)),
            stamp: Mutex::new(Stamp::default()),
        };
        database.read_stamp()?;
        Ok(database)
    }

    /// Closes it and opens it anew, as it stands on disk; whoever reads waits meanwhile. For the checkpoint alone.
    pub(super) fn reopen(&self) -> Result<(), Words> {
        {
            let mut open = lock(&self.open);
            let handles = open.take();
            quietly(|| {
                drop(handles);
                Ok(())
            })?;
            *open = Some(open_at(&self.path)?);
        }
        self.read_stamp()
    }

    fn read_stamp(&self) -> Result<(), Words> {
        if let Some(bytes) = self.get(&[kind::STAMP])? {
            *lock(&self.stamp) = codec::decode(&bytes)
                .map_err(|error| format!("its stamp cannot be read: {error}"))?;
        }
        Ok(())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn stamp(&self) -> Stamp {
        *lock(&self.stamp)
    }

    fn handles(&self) -> Result<(Db, Tree), Words> {
        lock(&self.open)
            .clone()
            .ok_or_else(|| "it is closed".into())
    }

    /// Turns words into an error that names the database.
    pub(super) fn unreadable(&self, what: impl Into<Words>) -> ReadError {
        ReadError::Database {
            path: self.path.clone(),
            what: what.into().to_string(),
        }
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<IVec>, Words> {
        let (_, main) = self.handles()?;
        quietly(|| main.get(key))
    }

    /// Visits entries in order of their keys, `from <= key < to`, until `visit` has had enough.
    pub(super) fn range(
        &self,
        from: &[u8],
        to: &[u8],
        mut visit: impl FnMut(&[u8], &[u8]) -> Next,
    ) -> Result<(), Words> {
        let (_, main) = self.handles()?;
        if from >= to {
            return Ok(());
        }
        let mut entries = quietly(|| Ok(main.range(from..to)))?;
        while let Some((key, value)) = quietly(|| entries.next().transpose())? {
            match visit(&key, &value) {
                Next::Go => {}
                Next::Stop => break,
                Next::Seek(from) => entries = quietly(|| Ok(main.range(from.as_slice()..to)))?,
            }
        }
        Ok(())
    }

    /// The same, from the greatest key down.
    pub(super) fn range_down(
        &self,
        from: &[u8],
        to: &[u8],
        mut visit: impl FnMut(&[u8], &[u8]) -> Next,
    ) -> Result<(), Words> {
        let (_, main) = self.handles()?;
        if from >= to {
            return Ok(());
        }
        let mut entries = quietly(|| Ok(main.range(from..to)))?;
        while let Some((key, value)) = quietly(|| entries.next_back().transpose())? {
            if matches!(visit(&key, &value), Next::Stop) {
                break;
            }
        }
        Ok(())
    }

    /// Days that have a tree of pages.
    pub(super) fn days(&self) -> Result<Vec<Day>, Words> {
        let (db, _) = self.handles()?;
        let names = quietly(|| Ok(db.tree_names()))?;
        let day = |name: IVec| {
            name.strip_prefix(PAGES.as_bytes())?
                .try_into()
                .ok()
                .map(|bytes| Day(unordered(bytes)))
        };
        Ok(names.into_iter().filter_map(day).collect())
    }

    fn pages(&self, day: Day) -> Result<Tree, Words> {
        let (db, _) = self.handles()?;
        quietly(|| db.open_tree(tree_name(day)))
    }

    pub(super) fn page(&self, day: Day, key: &[u8]) -> Result<Option<IVec>, Words> {
        let pages = self.pages(day)?;
        quietly(|| pages.get(key))
    }

    /// Visits all pages of a day in order.
    pub(super) fn each_page(
        &self,
        day: Day,
        mut visit: impl FnMut(&[u8], &[u8]),
    ) -> Result<(), Words> {
        let pages = self.pages(day)?;
        let mut entries = quietly(|| Ok(pages.iter()))?;
        while let Some((key, value)) = quietly(|| entries.next().transpose())? {
            visit(&key, &value);
        }
        Ok(())
    }

    /// Writes pages, or removes them, in one batch. For the checkpoint alone.
    pub(super) fn write_pages<'a>(
        &self,
        day: Day,
        pages: impl Iterator<Item = ([u8; 16], Option<&'a [u8]>)>,
    ) -> Result<(), Words> {
        let tree = self.pages(day)?;
        let mut batch = Batch::default();
        for (key, page) in pages {
            match page {
                Some(bytes) => batch.insert(&key, bytes),
                None => batch.remove(&key),
            }
        }
        quietly(|| tree.apply_batch(batch))
    }

    /// Drops all pages of a day. For the checkpoint alone.
    pub(super) fn drop_day(&self, day: Day) -> Result<(), Words> {
        let (db, _) = self.handles()?;
        quietly(|| db.drop_tree(tree_name(day))).map(drop)
    }

    /// Writes changes and the stamp that fits them in one batch; `restamp` changes the rest of the stamp. For the checkpoint alone.
    pub(super) fn commit(
        &self,
        changes: &[Change],
        restamp: impl FnOnce(&mut Stamp),
    ) -> Result<(), Words> {
        let (_, main) = self.handles()?;
        let mut stamp = lock(&self.stamp);
        let mut next = *stamp;
        restamp(&mut next);
        quietly(|| {
            let mut batch = Batch::default();
            for Change { key, value } in changes {
                if let Some(old) = main.get(key)? {
                    next.count = next.count.wrapping_sub(1);
                    next.digest = next.digest.wrapping_sub(hash(key, &old));
                }
                match value {
                    Some(value) => {
                        next.count = next.count.wrapping_add(1);
                        next.digest = next.digest.wrapping_add(hash(key, value));
                        batch.insert(key.as_slice(), value.as_slice());
                    }
                    None => batch.remove(key.as_slice()),
                }
            }
            let bytes = codec::encode(&next)
                .map_err(|error| sled::Error::Unsupported(error.to_string()))?;
            batch.insert(&[kind::STAMP], bytes);
            main.apply_batch(batch)
        })?;
        *stamp = next;
        Ok(())
    }

    /// Makes everything durable: sled's own flush promises nothing for a power loss, so its files are synced as well.
    pub(super) fn sync(&self) -> Result<(), Words> {
        let (db, _) = self.handles()?;
        quietly(|| db.flush())?;
        sync_files(&self.path).map_err(|error| Words::of_io("sync", &error))
    }

    /// Closes it. Whatever is read afterwards is an error.
    pub(super) fn close(&self) -> Result<(), Words> {
        let handles = lock(&self.open).take();
        quietly(|| {
            drop(handles);
            Ok(())
        })
    }
}

/// What a visitor wants next.
pub(super) enum Next {
    Go,
    Stop,
    /// To go on at this key.
    Seek(Vec<u8>),
}

/// What an entry adds to the digest.
pub(super) fn hash(key: &[u8], value: &[u8]) -> u128 {
    // The key's hash seeds the value's, so that values cannot change places unnoticed.
    let key = xxh3_128_with_seed(key, key.len() as u64);
    let [low, high] =
        [key, key >> 64].map(|half| u64::try_from(half & u128::from(u64::MAX)).unwrap_or_default());
    xxh3_128_with_seed(value, low) ^ (u128::from(high) << 64)
}

fn tree_name(day: Day) -> Vec<u8> {
    [PAGES.as_bytes(), &ordered(day.0)].concat()
}

fn sync_files(dir: &Path) -> io::Result<()> {
    for item in fs::read_dir(dir)? {
        let item = item?;
        let path = item.path();
        let metadata = match item.metadata() {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        if metadata.is_dir() {
            if metadata.permissions().mode() & 0o777 != 0o700 {
                fs::set_permissions(&path, Permissions::from_mode(0o700))?;
            }
            sync_files(&path)?;
        } else {
            match File::open(&path) {
                Ok(file) => {
                    if metadata.permissions().mode() & 0o777 != 0o600 {
                        file.set_permissions(Permissions::from_mode(0o600))?;
                    }
                    file.sync_all()?;
                }
                // sled removes snapshots that are superseded in the background.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    File::open(dir)?.sync_all()
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Calls sled: a panic becomes an error, and prints no trace.
fn quietly<T>(call: impl FnOnce() -> sled::Result<T>) -> Result<T, Words> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                before(panic);
            }
        }));
    });
    let outer = QUIET.replace(true);
    let result = catch_unwind(AssertUnwindSafe(call));
    QUIET.set(outer);
    match result {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Words::of_sled(&error)),
        Err(panic) => {
            let text = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied());
            Err(Words::of_panic(text))
        }
    }
}
