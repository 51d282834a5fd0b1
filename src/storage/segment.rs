//! The journal's files. Each is filled with zeros before it is used, has a head that is durable before any frame is
//! written into it, and is numbered; the next one is made ready while the current one is written.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::disk::Disk;
use super::error::OpenError;
use super::frame::{self, Frame};
use super::gate::lock;

const MAGIC: &[u8; 8] = b"R200JRNL";
const VERSION: u32 = 1;

/// Bytes before the first frame: magic, version, number, CRC-32C of these.
pub(super) const HEAD: u64 = HEAD_LEN as u64;

const HEAD_LEN: usize = 24;

/// The first segment's size; each one is twice as large as the one before, up to the configured size.
const SMALLEST: u64 = 4 << 20;

/// A segment that is written to.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) file: File,
    pub(super) path: PathBuf,
    pub(super) number: u64,
    pub(super) size: u64,
    /// Where the next frame goes.
    pub(super) used: u64,
}

/// The size of segment `number`.
pub(super) fn size_of(number: u64, largest: u64) -> u64 {
    let doublings = u32::try_from(number.saturating_sub(1)).unwrap_or(u32::MAX);
    let size = if doublings < 32 {
        SMALLEST << doublings
    } else {
        u64::MAX
    };
    size.min(largest).max(HEAD + 64)
}

fn head(number: u64) -> [u8; HEAD_LEN] {
    let mut head = [0; HEAD_LEN];
    head[..8].copy_from_slice(MAGIC);
    head[8..12].copy_from_slice(&VERSION.to_le_bytes());
    head[12..20].copy_from_slice(&number.to_le_bytes());
    let checksum = crc32c::crc32c(&head[..20]);
    head[20..].copy_from_slice(&checksum.to_le_bytes());
    head
}

/// Makes an empty segment ready: whole or not there at all.
pub(super) fn create(disk: &Disk, dir: &Path, number: u64, size: u64) -> io::Result<Segment> {
    let path = dir.join(format!("{number:012}.journal"));
    let unfinished = path.with_extension("new");
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)?;
    disk.preallocate(&file, size)?;
    disk.write(&file, &head(number), 0)?;
    disk.sync(&file)?;
    fs::rename(&unfinished, &path)?;
    sync_dir(dir)?;
    Ok(Segment {
        file,
        path,
        number,
        size,
        used: HEAD,
    })
}

/// Makes the names in a directory durable.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Makes a directory that only its owner may enter.
pub(super) fn create_dir(dir: &Path) -> Result<(), OpenError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(OpenError::io("create", dir))
}

/// A segment as it was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) number: u64,
    pub(super) size: u64,
    pub(super) content: Content,
}

/// What a segment begins with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Content {
    /// Nothing but zeros: it was made ready and not yet used.
    Empty,
    /// A whole frame with this sequence.
    From(u64),
    /// Something that is no whole frame.
    Broken,
}

/// The segments of a journal in order, without a gap. Removes what was left of an unfinished one.
pub(super) fn list(dir: &Path) -> Result<Vec<Found>, OpenError> {
    let mut found = Vec::new();
    for item in fs::read_dir(dir).map_err(OpenError::io("list", dir))? {
        let path = item.map_err(OpenError::io("list", dir))?.path();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("new") => fs::remove_file(&path).map_err(OpenError::io("remove", &path))?,
            Some("journal") => found.push(peek(&path)?),
            _ => {}
        }
    }
    found.sort_by_key(|segment| segment.number);
    for pair in found.windows(2) {
        if pair[0].number + 1 != pair[1].number {
            let missing = dir.join(format!("{:012}.journal", pair[0].number + 1));
            return Err(OpenError::Incomplete {
                path: dir.to_owned(),
                what: format!("{} is missing", missing.display()),
            });
        }
    }
    Ok(found)
}

fn peek(path: &Path) -> Result<Found, OpenError> {
    let mut file = File::open(path).map_err(OpenError::io("open", path))?;
    let size = file.metadata().map_err(OpenError::io("read", path))?.len();
    let mut bytes = vec![0; usize::try_from(size.min(HEAD + 4096)).unwrap_or(0)];
    file.read_exact(&mut bytes)
        .map_err(OpenError::io("read", path))?;
    let number = check_head(path, &bytes)?;
    let content = match frame::parse(&bytes[HEAD_LEN..]) {
        Ok(frame) => Content::From(frame.sequence),
        Err(_) => {
            // A frame longer than what was read, a broken one, or none at all: the whole file tells.
            let bytes = fs::read(path).map_err(OpenError::io("read", path))?;
            match frame::parse(&bytes[HEAD_LEN..]) {
                Ok(frame) => Content::From(frame.sequence),
                Err(_) if is_zero(&bytes[HEAD_LEN..]) => Content::Empty,
                Err(_) => Content::Broken,
            }
        }
    };
    Ok(Found {
        path: path.to_owned(),
        number,
        size,
        content,
    })
}

/// Checks a segment's head, and returns its number.
fn check_head(path: &Path, bytes: &[u8]) -> Result<u64, OpenError> {
    let damaged = |what: &str| OpenError::Journal {
        path: path.to_owned(),
        offset: 0,
        what: what.to_owned(),
    };
    let bytes = bytes
        .get(..HEAD_LEN)
        .ok_or_else(|| damaged("it ends inside its head"))?;
    let version = u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]);
    if bytes[..8] == *MAGIC && version > VERSION {
        return Err(OpenError::Newer {
            path: path.to_owned(),
            what: format!("journal version {version}"),
        });
    }
    let named = path
        .file_stem()
        .and_then(|stem| stem.to_str())
        .and_then(|stem| stem.parse().ok());
    match named {
        Some(number) if *bytes == head(number) => Ok(number),
        _ => Err(damaged(
            "its head is not that of a journal file with this number",
        )),
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes
        .chunks(4096)
        .all(|chunk| chunk.iter().all(|&byte| byte == 0))
}

/// How a segment ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// With zeros.
    Clean,
    /// With frames that were never acknowledged: they may be cut off.
    Torn(&'static str),
    /// With damage.
    Damaged(String),
}

/// A segment read to its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Scan {
    /// The sequence that comes after its last frame; `None`: it has none.
    pub(super) next: Option<u64>,
    /// Where its last whole frame ends.
    pub(super) used: u64,
    pub(super) end: End,
}

/// Reads every frame of a segment. `next` is the sequence that must come first, where that is known; `last` says that no
/// segment with frames follows.
pub(super) fn scan<E>(
    bytes: &[u8],
    next: Option<u64>,
    last: bool,
    mut visit: impl FnMut(&Frame<'_>, u64) -> Result<(), E>,
) -> Result<Scan, E> {
    let mut scan = Scan {
        next,
        used: HEAD,
        end: End::Clean,
    };
    let mut any = false;
    loop {
        let rest = bytes
            .get(usize::try_from(scan.used).unwrap_or(usize::MAX)..)
            .unwrap_or_default();
        match frame::parse(rest) {
            Ok(frame) if scan.next.is_none_or(|next| next == frame.sequence) => {
                visit(&frame, scan.used)?;
                scan.used += frame.len() as u64;
                scan.next = Some(frame.sequence + 1);
                any = true;
            }
            Ok(frame) => {
                let next = scan.next.unwrap_or_default();
                scan.end = End::Damaged(format!(
                    "entry {} stands where entry {next} belongs",
                    frame.sequence
                ));
                break;
            }
            Err(_) if is_zero(rest) => break,
            Err(what) => {
                scan.end = match scan.next {
                    _ if !last => End::Damaged(format!("{what}, and files follow it")),
                    Some(next) if frame::proves_synced(rest, next) => {
                        End::Damaged(format!("{what}, and whole entries follow it"))
                    }
                    _ => End::Torn(what),
                };
                break;
            }
        }
    }
    if !any {
        scan.next = None;
    }
    Ok(scan)
}

/// Cuts off what stands behind `used`, so that nothing of it is ever taken for a frame again.
pub(super) fn cut(disk: &Disk, path: &Path, used: u64) -> Result<(), OpenError> {
    let bytes = fs::read(path).map_err(OpenError::io("read", path))?;
    let end = bytes
        .iter()
        .rposition(|&byte| byte != 0)
        .map_or(0, |last| last as u64 + 1);
    if end > used {
        let file = OpenOptions::new()
            .write(true)
            .open(path)
            .map_err(OpenError::io("open", path))?;
        let zeros = vec![0; usize::try_from(end - used).unwrap_or_default()];
        disk.write(&file, &zeros, used)
            .map_err(OpenError::io("write", path))?;
        disk.sync(&file).map_err(OpenError::io("sync", path))?;
    }
    Ok(())
}

/// Opens a segment to write on where its frames end.
pub(super) fn resume(found: &Found, used: u64) -> Result<Segment, OpenError> {
    let path = &found.path;
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .map_err(OpenError::io("open", path))?;
    Ok(Segment {
        file,
        path: path.clone(),
        number: found.number,
        size: found.size,
        used,
    })
}

/// The segments that hold frames, oldest first.
#[derive(Debug)]
pub(super) struct Segments {
    /// Open from the start: to remove a segment takes no descriptor.
    dir: File,
    all: Mutex<Vec<Used>>,
}

#[derive(Debug)]
struct Used {
    path: PathBuf,
    size: u64,
    /// Sequence of its first frame.
    first: u64,
}

impl Segments {
    pub(super) fn new(dir: &Path) -> Result<Self, OpenError> {
        Ok(Self {
            dir: File::open(dir).map_err(OpenError::io("open", dir))?,
            all: Mutex::default(),
        })
    }

    pub(super) fn add(&self, path: PathBuf, size: u64, first: u64) {
        lock(&self.all).push(Used { path, size, first });
    }

    /// Number and bytes.
    pub(super) fn measure(&self) -> (usize, u64) {
        let all = lock(&self.all);
        (all.len(), all.iter().map(|segment| segment.size).sum())
    }

    /// Removes the oldest segments as long as more than `keep` bytes are left and all they hold is at or below `checkpoint`.
    pub(super) fn trim(&self, keep: u64, checkpoint: u64) -> io::Result<()> {
        let mut all = lock(&self.all);
        let mut bytes: u64 = all.iter().map(|segment| segment.size).sum();
        while let [oldest, next, ..] = &all[..] {
            if bytes <= keep || next.first > checkpoint + 1 {
                break;
            }
            // One after the other, and each known of until it is gone: neither a crash nor a refusal must leave a gap.
            match fs::remove_file(&oldest.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => self.dir.sync_all()?,
            }
            bytes -= oldest.size;
            all.remove(0);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_oldest_segments_that_are_wholly_in_the_database_go() {
        let dir = tempfile::tempdir().unwrap();
        let segments = Segments::new(dir.path()).unwrap();
        for (number, first) in [(1, 1), (2, 11), (3, 21), (4, 31)] {
            let path = dir.path().join(format!("{number}"));
            fs::write(&path, "").unwrap();
            segments.add(path, 100, first);
        }
        let left = |keep, checkpoint| {
            segments.trim(keep, checkpoint).unwrap();
            assert_eq!(
                fs::read_dir(dir.path()).unwrap().count(),
                segments.measure().0
            );
            segments.measure().0
        };
        assert_eq!(left(400, 40), 4, "no more than is kept");
        assert_eq!(left(0, 9), 4, "entry 10 is not in the database");
        assert_eq!(left(0, 10), 3);
        assert_eq!(left(200, 40), 2);
        assert_eq!(left(0, 40), 1, "the current one stays");
    }
}
