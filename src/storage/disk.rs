//! The three things that the journal does to a disk, in one place, so that tests can make each of them fail.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Writes and syncs.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    #[cfg(test)]
    pub(super) faults: Faults,
}

/// How much is preallocated with one write.
const CHUNK: usize = 1 << 20;

impl Disk {
    /// Writes all of `bytes` at `offset`.
    pub(super) fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        #[cfg(test)]
        self.faults.write.strike()?;
        file.write_all_at(bytes, offset)
    }

    /// Makes what was written durable.
    pub(super) fn sync(&self, file: &File) -> io::Result<()> {
        #[cfg(test)]
        self.faults.sync.strike()?;
        file.sync_data()
    }

    /// Fills a file with zeros up to `size`, so that a later sync of what is written there carries no metadata.
    pub(super) fn preallocate(&self, file: &File, size: u64) -> io::Result<()> {
        let zeros = vec![0; CHUNK.min(usize::try_from(size).unwrap_or(CHUNK))];
        let mut offset = 0;
        while offset < size {
            #[cfg(test)]
            self.faults.preallocate.strike()?;
            let length = (size - offset).min(zeros.len() as u64);
            file.write_all_at(
                &zeros[..usize::try_from(length).unwrap_or(zeros.len())],
                offset,
            )?;
            offset += length;
        }
        file.sync_all()
    }
}

/// Makes the disk fail where a test wants it to.
#[cfg(test)]
#[derive(Clone, Debug, Default)]
pub(super) struct Faults {
    pub(super) write: Fault,
    pub(super) sync: Fault,
    pub(super) preallocate: Fault,
}

/// Fails after a number of further successes, for ever.
#[cfg(test)]
#[derive(Clone, Debug, Default)]
pub(super) struct Fault(std::sync::Arc<std::sync::Mutex<Option<(u32, io::ErrorKind)>>>);

#[cfg(test)]
impl Fault {
    pub(super) fn after(&self, successes: u32, kind: io::ErrorKind) {
        *self.0.lock().unwrap() = Some((successes, kind));
    }

    fn strike(&self) -> io::Result<()> {
        match &mut *self.0.lock().unwrap() {
            None => Ok(()),
            Some((0, kind)) => Err(io::Error::new(*kind, "a fault made by the test")),
            Some((left, _)) => {
                *left -= 1;
                Ok(())
            }
        }
    }
}
