//! Where an upload waits: a little in memory, the rest in a file of the data directory that has no name, so that nothing of
//! it stays behind.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

/// The most of one upload that is held in memory.
const MEMORY: usize = 256 * 1024;
/// How much is read from the file at once.
const PIECE: u64 = 64 * 1024;

/// What waits.
#[derive(Debug)]
pub(super) struct Spool {
    dir: PathBuf,
    /// The beginning.
    memory: BytesMut,
    /// What comes behind that.
    file: Option<Arc<File>>,
    length: u64,
}

impl Spool {
    /// An empty one; its file would be made in `dir`.
    pub(super) fn new(dir: PathBuf) -> Self {
        Self {
            dir,
            memory: BytesMut::new(),
            file: None,
            length: 0,
        }
    }

    /// How long it is.
    pub(super) fn len(&self) -> u64 {
        self.length
    }

    /// Adds to its end.
    pub(super) async fn push(&mut self, bytes: Bytes) -> io::Result<()> {
        let added = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let in_memory = self.in_memory();
        if self.file.is_none() && self.memory.len() + bytes.len() <= MEMORY {
            self.memory.extend_from_slice(&bytes);
        } else {
            let (file, dir) = (self.file.clone(), self.dir.clone());
            let at = self.length.saturating_sub(in_memory);
            let written = tokio::task::spawn_blocking(move || {
                let file = match file {
                    Some(file) => file,
                    None => Arc::new(tempfile::tempfile_in(dir)?),
                };
                file.write_all_at(&bytes, at)?;
                Ok::<_, io::Error>(file)
            });
            self.file = Some(written.await.map_err(io::Error::other)??);
        }
        self.length = self.length.saturating_add(added);
        Ok(())
    }

    /// What can be read of it, now and later.
    pub(super) fn reader(&self) -> Reader {
        Reader {
            memory: Bytes::copy_from_slice(&self.memory),
            file: self.file.clone(),
            length: self.length,
        }
    }

    fn in_memory(&self) -> u64 {
        u64::try_from(self.memory.len()).unwrap_or(u64::MAX)
    }
}

/// Reads what was there when it was made.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    memory: Bytes,
    file: Option<Arc<File>>,
    length: u64,
}

impl Reader {
    /// The bytes from a place on, as many as come at once, and none from `end` on.
    pub(super) async fn read(&self, from: u64, end: u64) -> io::Result<Bytes> {
        let end = end.min(self.length);
        let in_memory = u64::try_from(self.memory.len()).unwrap_or(u64::MAX);
        if from >= end {
            return Ok(Bytes::new());
        }
        if from < in_memory {
            let place = |at: u64| usize::try_from(at.min(in_memory)).unwrap_or(self.memory.len());
            return Ok(self.memory.slice(place(from)..place(end)));
        }
        let Some(file) = self.file.clone() else {
            return Ok(Bytes::new());
        };
        let wanted = usize::try_from((end - from).min(PIECE)).unwrap_or(0);
        let read = tokio::task::spawn_blocking(move || {
            let mut piece = vec![0; wanted];
            file.read_exact_at(&mut piece, from - in_memory)?;
            Ok::<_, io::Error>(Bytes::from(piece))
        });
        read.await.map_err(io::Error::other)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn what_was_put_in_comes_out_from_any_place() {
        let dir = tempfile::tempdir().unwrap();
        let mut spool = Spool::new(dir.path().to_owned());
        let whole: Vec<u8> = (0..MEMORY + 300_000)
            .map(|at| at.to_le_bytes()[0] ^ at.to_le_bytes()[1])
            .collect();
        for piece in whole.chunks(100_000) {
            spool.push(Bytes::copy_from_slice(piece)).await.unwrap();
        }
        assert_eq!(spool.len(), whole.len() as u64);
        assert!(spool.memory.len() <= MEMORY);
        // The file has no name.
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        let reader = spool.reader();
        for (from, end) in [
            (0, whole.len()),
            (7, 9),
            (MEMORY - 60_000, MEMORY + 70_000),
            (whole.len(), whole.len() + 9),
        ] {
            let mut read = Vec::new();
            loop {
                let piece = reader
                    .read((from + read.len()) as u64, end as u64)
                    .await
                    .unwrap();
                if piece.is_empty() {
                    break;
                }
                read.extend_from_slice(&piece);
            }
            assert_eq!(
                read,
                whole.get(from..end.min(whole.len())).unwrap_or_default(),
                "{from}..{end}"
            );
        }
    }
}
