//! What the events of OpenAI's streams have in common, but for chat: a type, and mostly a delta.

use super::walk::{self, Value};

/// One event.
pub(super) struct Event<'a> {
    /// Its `type`.
    pub(super) kind: &'a [u8],
    /// Its `delta`, if that is a text.
    pub(super) delta: &'a [u8],
    /// It tells of an error.
    pub(super) failed: bool,
}

impl<'a> Event<'a> {
    pub(super) fn read(data: &'a [u8]) -> Self {
        let (mut kind, mut delta, mut failed) = (&[][..], &[][..], false);
        walk::members(data, |depth, key, value| match (depth, key, value) {
            (1, b"type", Value::Text(text)) => kind = text,
            (1, b"delta", Value::Text(text)) => delta = text,
            (1, b"error", value) => failed |= !value.is_null(),
            _ => {}
        });
        Self {
            kind,
            delta,
            failed: failed || kind == b"error",
        }
    }
}
