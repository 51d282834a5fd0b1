//! What goes wrong with the database, in words; and whether it is damaged, or the system refuses.
//!
//! A full disk, a lost permission, too few descriptors, a device that does not answer, another process: none of them says
//! anything of what is stored, and none of them may be taken for damage. sled tells its errors as text, or panics with it,
//! so the system's number is read out of that.

use std::fmt;
use std::io::{self, ErrorKind};

/// What is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Words {
    text: String,
    refusal: Option<Refusal>,
}

/// What the system refuses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Refusal {
    /// Another process has it open.
    InUse,
    /// The system's own number of the error.
    System(i32),
}

/// The numbers for which Rust has no stable name; the same on every Unix.
const NO_DEVICE: i32 = 5;
const FILES_OF_SYSTEM: i32 = 23;
const FILES_OF_PROCESS: i32 = 24;

/// Whether an error passes by itself: nothing is wrong with what was asked for, there is only not enough of something now.
pub(super) fn passes(code: i32) -> bool {
    let kind = io::Error::from_raw_os_error(code).kind();
    [FILES_OF_SYSTEM, FILES_OF_PROCESS].contains(&code)
        || [
            ErrorKind::OutOfMemory,
            ErrorKind::WouldBlock,
            ErrorKind::Interrupted,
        ]
        .contains(&kind)
}

/// Whether an error is about descriptors.
pub(super) fn is_of_descriptors(code: Option<i32>) -> bool {
    code.is_some_and(|code| [FILES_OF_SYSTEM, FILES_OF_PROCESS].contains(&code))
}

/// Whether the system refuses, rather than that something is not there or not what it should be.
fn refuses(code: i32) -> bool {
    const KINDS: [ErrorKind; 8] = [
        ErrorKind::StorageFull,
        ErrorKind::QuotaExceeded,
        ErrorKind::ReadOnlyFilesystem,
        ErrorKind::PermissionDenied,
        ErrorKind::ResourceBusy,
        ErrorKind::StaleNetworkFileHandle,
        ErrorKind::FileTooLarge,
        ErrorKind::TimedOut,
    ];
    passes(code) || code == NO_DEVICE || KINDS.contains(&io::Error::from_raw_os_error(code).kind())
}

/// The system's number in a text such as `Os { code: 28, kind: StorageFull, message: "No space left on device" }`.
fn code_in(text: &str) -> Option<i32> {
    let (_, rest) = text.split_once("Os { code: ")?;
    rest.split(',').next()?.trim().parse().ok()
}

impl Words {
    /// Of a sled error.
    pub(super) fn of_sled(error: &sled::Error) -> Self {
        let text = error.to_string();
        if let sled::Error::Io(error) = error {
            if text.contains("could not acquire lock") {
                return Self {
                    text: "another process has it open".to_owned(),
                    refusal: Some(Refusal::InUse),
                };
            }
            if let Some(code) = error.raw_os_error().or_else(|| code_in(&text)) {
                return Self::of_system(code);
            }
            // The kind alone reads as words, unless it is none.
            if error.kind() != ErrorKind::Other {
                return error.kind().to_string().into();
            }
        }
        match code_in(&text) {
            Some(code) => Self::of_system(code),
            None => text.into(),
        }
    }

    /// Of a panic of sled's.
    pub(super) fn of_panic(text: Option<&str>) -> Self {
        if let Some(code) = text.and_then(code_in).filter(|code| refuses(*code)) {
            return Self::of_system(code);
        }
        let line = text.unwrap_or("no reason given").lines().next();
        format!("it is damaged ({})", line.unwrap_or_default()).into()
    }

    /// Of the system's answer to something of ours.
    pub(super) fn of_io(doing: &str, error: &io::Error) -> Self {
        Self {
            text: format!("could not {doing} it: {error}"),
            refusal: error
                .raw_os_error()
                .filter(|code| refuses(*code))
                .map(Refusal::System),
        }
    }

    fn of_system(code: i32) -> Self {
        Self {
            text: io::Error::from_raw_os_error(code).to_string(),
            refusal: refuses(code).then_some(Refusal::System(code)),
        }
    }

    /// What the system refuses, if that is what is wrong.
    pub(super) const fn refusal(&self) -> Option<Refusal> {
        self.refusal
    }

    /// Whether it passes by itself.
    pub(super) fn passes(&self) -> bool {
        match self.refusal {
            // Of our own, once the data directory is ours: somebody still reads.
            Some(Refusal::InUse) => true,
            Some(Refusal::System(code)) => passes(code),
            None => false,
        }
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<String> for Words {
    fn from(text: String) -> Self {
        Self {
            text,
            refusal: None,
        }
    }
}

impl From<&str> for Words {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(code: i32) -> Option<Refusal> {
        let error = sled::Error::Io(io::Error::from_raw_os_error(code));
        // As sled hands it on: the number is left in the text only.
        let told = Words::of_sled(&error.clone());
        assert_eq!(Words::of_sled(&error), told);
        let panic = format!("called `Result::unwrap()` on an `Err` value: {error:?}");
        assert_eq!(Words::of_panic(Some(&panic)).refusal(), told.refusal());
        told.refusal()
    }

    #[test]
    fn what_the_system_refuses_is_no_damage_and_is_called_by_its_name() {
        // ENOSPC, EROFS, EACCES, EPERM, EMFILE, ENFILE, EIO, ENOMEM, EAGAIN.
        for code in [28, 30, 13, 1, 24, 23, 5, 12, 11] {
            assert_eq!(refusal(code), Some(Refusal::System(code)));
            let words = Words::of_sled(&sled::Error::Io(io::Error::from_raw_os_error(code)));
            assert_eq!(words.passes(), [24, 23, 12, 11].contains(&code), "{words}");
            assert!(words.to_string().contains("os error"), "{words}");
        }
        let locked = io::Error::other("could not acquire lock on \"db\": WouldBlock");
        assert_eq!(
            Words::of_sled(&sled::Error::Io(locked)).refusal(),
            Some(Refusal::InUse)
        );
    }

    #[test]
    fn what_is_not_there_or_not_what_it_should_be_is_damage() {
        // ENOENT, EINVAL.
        for code in [2, 22] {
            assert_eq!(refusal(code), None);
        }
        assert_eq!(Words::of_panic(None).refusal(), None);
        let cut = io::Error::from(ErrorKind::UnexpectedEof);
        assert_eq!(Words::of_sled(&sled::Error::Io(cut)).refusal(), None);
        assert_eq!(Words::from("a page is damaged").refusal(), None);
    }
}
