//! The writer: takes what is queued, writes it as one group of frames, syncs once, lets the waiters through, and brings
//! the image up to date. A second thread has the next segment ready before it is needed.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use super::codec;
use super::disk::Disk;
use super::entry::Entry;
use super::error::{JournalFailed, advice};
use super::frame;
use super::gate::lock;
use super::image::Image;
use super::journal::Journal;
use super::patience::patiently;
use super::segment::{self, HEAD, Segment, Segments};
use super::words::passes;

/// Everything that the writer needs.
pub(super) struct Writer {
    pub(super) journal: Arc<Journal>,
    pub(super) image: Arc<Mutex<Image>>,
    pub(super) segments: Arc<Segments>,
    pub(super) disk: Disk,
    pub(super) gather: Duration,
    pub(super) current: Segment,
    pub(super) ready: Receiver<Segment>,
    /// Told when the image turns dirty.
    pub(super) dirty: Box<dyn Fn() + Send>,
}

/// Starts the thread that makes segments ready, one ahead: first those that exist, then new ones from `number` on.
pub(super) fn prepare(
    journal: Arc<Journal>,
    disk: Disk,
    dir: PathBuf,
    exist: Vec<Segment>,
    number: u64,
    largest: u64,
) -> io::Result<(Receiver<Segment>, JoinHandle<()>)> {
    let (give, ready) = sync_channel(0);
    let thread = Builder::new().name("journal-ahead".into()).spawn(move || {
        let _watch = journal.watch("journal-ahead");
        for segment in exist {
            if give.send(segment).is_err() {
                return;
            }
        }
        for number in number.. {
            let size = segment::size_of(number, largest);
            match at_last(&dir, || segment::create(&disk, &dir, number, size)) {
                Ok(segment) => {
                    if give.send(segment).is_err() {
                        return;
                    }
                }
                Err(error) => return journal.fail(failure("make the next file of", &dir, &error)),
            }
        }
    })?;
    Ok((ready, thread))
}

/// How often the journal tries again what the system has not enough for.
const TRY_EVERY: Duration = Duration::from_millis(100);

/// Does it to a file of the journal's, waiting where the system has too few descriptors or too little memory now.
pub(super) fn at_last<T>(path: &Path, act: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let passes = |error: &io::Error| error.raw_os_error().is_some_and(passes);
    patiently(path.display(), TRY_EVERY, passes, act)
}

fn failure(doing: &str, path: &Path, error: &io::Error) -> JournalFailed {
    JournalFailed::new(format!(
        "Could not {doing} the journal {}: {error}; {}. What was acknowledged is safe.",
        path.display(),
        advice(error)
    ))
}

impl Writer {
    /// Starts the writer's thread.
    pub(super) fn start(self) -> io::Result<JoinHandle<()>> {
        Builder::new().name("journal".into()).spawn(move || {
            let _watch = self.journal.watch("journal");
            self.run();
        })
    }

    fn run(mut self) {
        let mut group = Vec::new();
        let mut buffer = Vec::new();
        let (mut load, mut depend) = (0, false);
        while let Some(first) = self.journal.take(&mut group, load, depend, self.gather) {
            if group.is_empty() {
                continue;
            }
            if let Err(failure) = self.commit(first, &group, &mut buffer) {
                return self.journal.fail(failure);
            }
            // The lock is taken before anyone is woken: who reads what he has just written finds it.
            let mut image = lock(&self.image);
            let last = first + group.len() as u64 - 1;
            (load, depend) = self.journal.publish(last);
            let was_dirty = image.is_dirty();
            for (sequence, entry) in (first..).zip(group.drain(..)) {
                image.apply(sequence, entry);
            }
            image.groups += 1;
            let turned_dirty = image.is_dirty() && !was_dirty;
            drop(image);
            if turned_dirty {
                (self.dirty)();
            }
        }
    }

    /// Writes a group and syncs it.
    fn commit(
        &mut self,
        first: u64,
        group: &[Entry],
        buffer: &mut Vec<u8>,
    ) -> Result<(), JournalFailed> {
        buffer.clear();
        let synced = self.journal.durable();
        for (sequence, entry) in (first..).zip(group) {
            let start = buffer.len();
            frame::append(buffer, sequence, synced, |out| {
                codec::encode_into(entry, out)
            })
            .map_err(|error| {
                JournalFailed::new(format!(
                    "An entry of the journal could not be encoded: {error}."
                ))
            })?;
            let fits = self.current.used + buffer.len() as u64 <= self.current.size;
            if !fits && (start > 0 || self.current.used > HEAD) {
                self.write(&buffer[..start])?;
                buffer.drain(..start);
                self.rotate(sequence)?;
            }
        }
        self.write(buffer)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), JournalFailed> {
        if bytes.is_empty() {
            return Ok(());
        }
        let Segment {
            file, path, used, ..
        } = &mut self.current;
        let disk = &self.disk;
        at_last(path, || disk.write(file, bytes, *used))
            .map_err(|error| failure("write to", path, &error))?;
        self.disk
            .sync(file)
            .map_err(|error| failure("sync", path, &error))?;
        *used += bytes.len() as u64;
        Ok(())
    }

    /// Goes on in the next segment. All that stands in this one is synced.
    fn rotate(&mut self, first: u64) -> Result<(), JournalFailed> {
        self.current = self.ready.recv().map_err(|_| {
            self.journal.failed().unwrap_or_else(|| {
                JournalFailed::new("The thread that makes journal files has ended.")
            })
        })?;
        self.segments
            .add(self.current.path.clone(), self.current.size, first);
        Ok(())
    }
}
