//! What can go wrong in the store. Every error is one sentence that names the path and says what to change.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::words::is_of_descriptors;

/// The store cannot be opened: nothing is served.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process holds the data directory.
    #[error("The data directory {path} is in use by another process; stop that one, or choose another directory.", path = .0.display())]
    Locked(PathBuf),
    /// The operating system refused something.
    #[error("Could not {doing} {path}: {refusal}; {advice}.", path = path.display(), advice = advice(refusal))]
    Io {
        /// What was tried, as a verb.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Its answer. Part of the sentence, so not told again as the error's source.
        refusal: io::Error,
    },
    /// The data was written by a later release.
    #[error("{path} was written by a newer release of this program ({what}); start that release, or restore a backup made by this one.", path = path.display())]
    Newer {
        /// The file that says so.
        path: PathBuf,
        /// Which version was found.
        what: String,
    },
    /// A file of the journal is damaged where damage cannot be a torn write.
    #[error("The journal file {path} is damaged at byte {offset}: {what}; restore this file or the whole data directory from a backup, nothing is served until then.", path = path.display())]
    Journal {
        /// The segment.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong there.
        what: String,
    },
    /// The database is damaged and the journal does not reach back far enough to rebuild it.
    #[error("The database {path} cannot be used: {what}; the journal begins too late to rebuild it, so restore the data directory from a backup, nothing is served until then.", path = path.display())]
    Database {
        /// Its folder.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The system refuses something about the database: that says nothing of what is in it.
    #[error("The database {path} cannot be used now: {what}; {advice}. It is not damaged, and nothing of it was changed.", path = path.display())]
    Refused {
        /// Its folder.
        path: PathBuf,
        /// Its answer.
        what: String,
        /// What to do.
        advice: &'static str,
    },
    /// Database and journal do not belong together.
    #[error("The data directory {path} is incomplete: {what}; restore it from a backup, nothing is served until then.", path = path.display())]
    Incomplete {
        /// The data directory.
        path: PathBuf,
        /// What is missing.
        what: String,
    },
    /// The journal failed while the store was being opened.
    #[error(transparent)]
    Failed(#[from] JournalFailed),
}

impl OpenError {
    /// Wraps the operating system's refusal: `.map_err(OpenError::io("create", &path))`.
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |refusal| Self::Io {
            doing,
            path,
            refusal,
        }
    }
}

/// What a person can do about a refusal of the operating system.
pub(super) fn advice(error: &io::Error) -> &'static str {
    let kind = error.kind();
    if is_of_descriptors(error.raw_os_error()) {
        "raise the limit of open files (`ulimit -n`, or LimitNOFILE= in a systemd unit), then start again"
    } else if kind == io::ErrorKind::OutOfMemory {
        "give it more memory, then start again"
    } else if kind == io::ErrorKind::PermissionDenied {
        "give this user read and write permission, or choose another data directory"
    } else if kind == io::ErrorKind::StorageFull || kind == io::ErrorKind::QuotaExceeded {
        "free space on that disk, then start again"
    } else if kind == io::ErrorKind::AlreadyExists || kind == io::ErrorKind::NotADirectory {
        "there is a file where a directory is needed: move it away, or choose another data directory"
    } else if kind == io::ErrorKind::NotFound {
        "check that the path exists"
    } else if kind == io::ErrorKind::ReadOnlyFilesystem {
        "mount that disk writable, or choose another data directory"
    } else {
        "check the disk, then start again"
    }
}

/// Something stored cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The database failed.
    #[error("The database {path} cannot be read: {what}; run `real200 doctor`.", path = path.display())]
    Database {
        /// Its folder.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A stored value is not what it should be.
    #[error("A stored {what} cannot be read: {why}; run `real200 doctor`.")]
    Value {
        /// What kind of value.
        what: &'static str,
        /// Why. Part of the sentence, so not told again as the error's source.
        why: CodecError,
    },
    /// The store was closed.
    #[error("The store is closed.")]
    Closed,
    /// The journal failed.
    #[error(transparent)]
    Failed(#[from] JournalFailed),
}

impl ReadError {
    pub(super) fn value(what: &'static str) -> impl FnOnce(CodecError) -> Self {
        move |why| Self::Value { what, why }
    }
}

/// Bytes that are no value of ours.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CodecError {
    /// Nothing at all.
    #[error("it is empty")]
    Empty,
    /// Written by a later release.
    #[error("it has format version {found}, this release knows {known}; start the newer release")]
    Newer {
        /// The version found.
        found: u8,
        /// The newest one known.
        known: u8,
    },
    /// Damaged.
    #[error("{0}")]
    Malformed(String),
}

/// The journal has failed for good: a write, a sync, a preallocation or a checkpoint did. The process must stop taking
/// calls and exit; what was acknowledged is safe and is recovered on the next start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalFailed(Arc<str>);

impl JournalFailed {
    pub(super) fn new(words: impl Into<Arc<str>>) -> Self {
        Self(words.into())
    }
}

impl fmt::Display for JournalFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for JournalFailed {}
