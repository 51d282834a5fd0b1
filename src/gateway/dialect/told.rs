//! What an answer tells the gateway, the same in every dialect.

use crate::domain::Usage;

/// What a frame of a stream told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Seen {
    /// The tokens used so far.
    pub usage: Option<Usage>,
    /// It carries the usage and nothing else: the frame that is asked for with `include_usage`.
    pub only_usage: bool,
    /// It ends the stream as its dialect demands.
    pub terminal: bool,
    /// It is an error.
    pub error: bool,
    /// It carries part of the answer.
    pub content: bool,
}

/// What a whole answer told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Told {
    /// The tokens used.
    pub usage: Option<Usage>,
    /// It says that the call failed, whatever its HTTP status.
    pub error: bool,
}

/// The answer is not JSON.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the answer is not a whole JSON object")]
pub struct NotJson;

/// Text that a model wrote, kept to be counted if its provider gives no numbers. Bounded: beyond the bound only the
/// bytes are counted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Written {
    escaped: Vec<u8>,
    beyond: u64,
}

const WRITTEN_LIMIT: usize = 1024 * 1024;

impl Written {
    /// Adds a string of JSON as it stands between its quotes.
    pub(crate) fn push(&mut self, escaped: &[u8]) {
        if self.escaped.len() + escaped.len() <= WRITTEN_LIMIT {
            self.escaped.extend_from_slice(escaped);
        } else {
            self.beyond = self
                .beyond
                .saturating_add(u64::try_from(escaped.len()).unwrap_or(u64::MAX));
        }
    }

    /// How many bytes it has, escapes included.
    pub(crate) fn bytes(&self) -> u64 {
        u64::try_from(self.escaped.len())
            .unwrap_or(u64::MAX)
            .saturating_add(self.beyond)
    }

    /// The text, and how many bytes more there were.
    pub(crate) fn text(&self) -> (String, u64) {
        let raw = String::from_utf8_lossy(&self.escaped);
        let text = serde_json::from_str(&format!("\"{raw}\"")).unwrap_or_else(|_| raw.into_owned());
        (text, self.beyond)
    }
}
