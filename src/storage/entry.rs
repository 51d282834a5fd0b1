//! The entries of the journal. Stored by their place in this list: new kinds are added at the end, none is changed.

use serde::{Deserialize, Serialize};

use super::records::Edit;
use crate::domain::{Call, CallId, Correction, Day, Opened, Outcome};

/// One change: all or nothing.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) enum Entry {
    /// A call was opened.
    Opened(Opened),
    /// An open call came to its end.
    Settled(CallId, Outcome),
    /// A call was refused: opened and settled in one.
    Recorded(Box<Call>),
    /// Records changed.
    Edited(Vec<Edit>),
    /// The call log of the days before this one was dropped.
    Dropped(Day),
    /// The database has everything up to this sequence.
    Checkpointed(u64),
    /// A call was corrected.
    Corrected(Box<Corrected>),
}

/// A correction of a call, and the records that change with it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Corrected {
    /// The call.
    pub(super) call: Call,
    pub(super) correction: Correction,
    pub(super) edits: Vec<Edit>,
}
