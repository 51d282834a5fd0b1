//! Replay: applies what the journal holds beyond the database, in bounded memory, and finds where the journal ends.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::checkpoint::Checkpoint;
use super::codec;
use super::disk::Disk;
use super::entry::Entry;
use super::error::{CodecError, OpenError};
use super::gate::lock;
use super::options::Progress;
use super::segment::{self, Content, End, Found, HEAD};
use super::words::Words;

/// Entries between two checkpoints: what bounds the memory of a replay.
const STEP: u64 = 50_000;

/// Where the journal goes on.
#[derive(Debug)]
pub(super) struct Replayed {
    /// The sequence of its last entry.
    pub(super) last: u64,
    /// The sequence of the last entry that the database had.
    pub(super) from: u64,
    /// The segment with its last frame, as a place in the list, and where its frames end.
    pub(super) end: Option<(usize, u64)>,
    /// The last checkpoint that the journal knows of.
    pub(super) mark: u64,
}

/// What stands in the way.
#[derive(Debug)]
pub(super) enum Obstacle {
    /// Something about the database; it may be made again from the journal.
    Database(Words),
    /// Something else.
    Other(OpenError),
}

impl From<OpenError> for Obstacle {
    fn from(error: OpenError) -> Self {
        Self::Other(error)
    }
}

/// Whether the journal begins with the first entry ever written.
pub(super) fn is_whole(segments: &[Found]) -> bool {
    matches!(
        segments.first(),
        Some(Found {
            number: 1,
            content: Content::From(1) | Content::Empty,
            ..
        })
    )
}

/// Applies everything beyond the image's last entry.
pub(super) fn replay(
    dir: &Path,
    segments: &[Found],
    ahead: &BTreeSet<u64>,
    checkpoint: &Checkpoint,
    disk: &Disk,
    progress: &mut dyn FnMut(Progress),
) -> Result<Replayed, Obstacle> {
    let from = lock(&checkpoint.image).applied + 1;
    let used = segments
        .iter()
        .rposition(|segment| segment.content != Content::Empty)
        .map_or(0, |last| last + 1);
    let start = start(dir, &segments[..used], from)?;
    let of: u64 = segments[start..used]
        .iter()
        .map(|segment| segment.size)
        .sum();
    let (mut read, mut since) = (0, 0);
    let mut replayed = Replayed {
        last: 0,
        from: from - 1,
        end: None,
        mark: 0,
    };
    let mut next = None;
    for (place, segment) in segments[..used].iter().enumerate().skip(start) {
        let path = &segment.path;
        let bytes = fs::read(path).map_err(OpenError::io("read", path))?;
        let expected = next.or(if place == 0 && segment.number == 1 {
            Some(1)
        } else {
            first(segment)
        });
        let scan = segment::scan(&bytes, expected, place + 1 == used, |frame, offset| {
            let entry =
                codec::decode(frame.body).map_err(|error| unreadable(path, offset, error))?;
            if let Entry::Checkpointed(mark) = entry {
                replayed.mark = replayed.mark.max(mark);
            }
            replayed.last = frame.sequence;
            if frame.sequence < from {
                return Ok(());
            }
            let mut image = lock(&checkpoint.image);
            image.apply(frame.sequence, entry);
            drop(image);
            since += 1;
            // A checkpoint that was cut off has to be made up for at the very entry that it reached.
            if since >= STEP || ahead.contains(&frame.sequence) {
                checkpoint.run().map_err(Obstacle::Database)?;
                since = 0;
            }
            if frame.sequence.is_multiple_of(4096) {
                progress(Progress {
                    what: "Replaying the journal",
                    done: read + offset,
                    of,
                });
            }
            Ok::<_, Obstacle>(())
        })?;
        match scan.end {
            End::Clean => {}
            End::Torn(what) => {
                tracing::warn!(file = %path.display(), offset = scan.used, what, "the journal's end was torn: cut off, nothing acknowledged is lost");
                segment::cut(disk, path, scan.used)?;
            }
            End::Damaged(what) => return Err(damaged(path, scan.used, what).into()),
        }
        if scan.next.is_some() {
            next = scan.next;
        } else if place + 1 < used {
            return Err(damaged(path, HEAD, "it has no entry, and files follow it".into()).into());
        }
        replayed.end = Some((place, scan.used));
        read += segment.size;
    }
    progress(Progress {
        what: "Replaying the journal",
        done: of,
        of,
    });
    if replayed.last + 1 < from {
        let what = format!(
            "the database has everything up to entry {}, but the journal ends at entry {}",
            from - 1,
            replayed.last
        );
        return Err(OpenError::Incomplete {
            path: dir.to_owned(),
            what,
        }
        .into());
    }
    Ok(replayed)
}

/// The segment that holds entry `from`, or would hold it.
fn start(dir: &Path, used: &[Found], from: u64) -> Result<usize, Obstacle> {
    let Some(oldest) = used.first() else {
        if from > 1 {
            let what = format!(
                "the database has everything up to entry {}, but the journal is empty",
                from - 1
            );
            return Err(OpenError::Incomplete {
                path: dir.to_owned(),
                what,
            }
            .into());
        }
        return Ok(0);
    };
    for segment in &used[..used.len() - 1] {
        if first(segment).is_none() {
            return Err(damaged(
                &segment.path,
                HEAD,
                "its first entry is broken, and files follow it".into(),
            )
            .into());
        }
    }
    match used
        .iter()
        .rposition(|segment| first(segment).is_some_and(|first| first <= from))
    {
        Some(start) => Ok(start),
        // Its only segment is torn at its very first frame.
        None if first(oldest).is_none() && oldest.number == 1 => Ok(0),
        None if from == 1 => Err(Obstacle::Database(
            format!(
                "it is missing or empty, and the journal begins at entry {}",
                first(oldest).unwrap_or_default()
            )
            .into(),
        )),
        None => Err(Obstacle::Database(
            format!(
                "it has everything up to entry {}, but the journal begins at entry {}",
                from - 1,
                first(oldest).unwrap_or_default()
            )
            .into(),
        )),
    }
}

fn first(segment: &Found) -> Option<u64> {
    match segment.content {
        Content::From(first) => Some(first),
        Content::Empty | Content::Broken => None,
    }
}

fn damaged(path: &Path, offset: u64, what: String) -> OpenError {
    OpenError::Journal {
        path: path.to_owned(),
        offset,
        what,
    }
}

fn unreadable(path: &Path, offset: u64, error: CodecError) -> Obstacle {
    Obstacle::Other(match error {
        CodecError::Newer { found, .. } => OpenError::Newer {
            path: path.to_owned(),
            what: format!("entry version {found}"),
        },
        CodecError::Empty | CodecError::Malformed(_) => {
            damaged(path, offset, format!("an entry cannot be read: {error}"))
        }
    })
}
