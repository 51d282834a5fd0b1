//! What an answer tells the gateway, the same in every dialect.

use serde_json::{Map, Value, json};

use super::report::Report;
use crate::domain::{Pieces, Usage};
use crate::gateway::sse::Frame;

/// What a frame of a stream told.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Seen {
    /// What was used so far.
    pub usage: Option<Box<Report>>,
    /// It carries the usage and nothing else: the frame that is asked for with `include_usage`.
    pub only_usage: bool,
    /// It ends the stream as its dialect demands.
    pub terminal: bool,
    /// The stream may end behind it, or go on: its dialect has no event that ends it.
    pub may_end: bool,
    /// The answers that it ends, a bit each: when all have ended, the stream may end too.
    pub finished: u64,
    /// It is an error.
    pub error: bool,
    /// It carries part of the answer.
    pub content: bool,
}

/// What a whole answer told.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Told {
    /// What was used.
    pub usage: Option<Report>,
    /// What it holds of what is billed by the piece; none: it does not say.
    pub pieces: Pieces,
    /// It says that the call failed, whatever its HTTP status.
    pub error: bool,
}

impl Told {
    /// What was used, in our way of counting.
    pub fn used(&self) -> Option<Usage> {
        self.usage.as_ref()?.usage()
    }
}

/// The answer is not JSON.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the answer is not a whole JSON object")]
pub struct NotJson;

/// Where a stream is cut off at its output limit, and what its last frames have to say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CutOff<'a> {
    /// The first frame with data: it names answer and model.
    pub(crate) first: &'a [u8],
    /// The frame that goes to the client no more.
    pub(crate) dropped: &'a [u8],
    /// What the model wrote, that frame included.
    pub(crate) written: &'a Written,
    /// How many answers there are.
    pub(crate) choices: u64,
    /// What was used.
    pub(crate) usage: &'a Usage,
    /// Whether the client asked for the usage frame.
    pub(crate) show_usage: bool,
}

impl CutOff<'_> {
    /// The object of a frame; empty if it is none.
    pub(super) fn object(frame: &[u8]) -> Map<String, Value> {
        let frame = Frame::read(frame);
        frame
            .data
            .and_then(|data| serde_json::from_slice(&data).ok())
            .unwrap_or_default()
    }
}

/// Usage as a provider writes it, with these names of input and output.
pub(crate) fn wire_usage(usage: &Usage, input: &str, output: &str) -> Value {
    json!({
        format!("{input}_tokens"): usage.prompt,
        format!("{input}_tokens_details"): {"cached_tokens": usage.cached},
        format!("{output}_tokens"): usage.completion,
        format!("{output}_tokens_details"): {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.total(),
    })
}

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

    /// How many bytes of it are kept: where a count of what comes next begins.
    pub(crate) fn kept(&self) -> usize {
        self.escaped.len()
    }

    /// The text, and how many bytes more there were.
    pub(crate) fn text(&self) -> (String, u64) {
        self.text_from(0)
    }

    /// The text from a place in its bytes on, and how many bytes more there were.
    pub(crate) fn text_from(&self, from: usize) -> (String, u64) {
        let raw = String::from_utf8_lossy(self.escaped.get(from..).unwrap_or_default());
        let text = serde_json::from_str(&format!("\"{raw}\"")).unwrap_or_else(|_| raw.into_owned());
        (text, self.beyond)
    }
}
