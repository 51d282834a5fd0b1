//! Puts a model's turn together from its parts, with each signature where the conversation has it.
//!
//! Gemini signs what it thought on the part that follows the thoughts, a call or words; the conversation has the seal at the
//! end of the thoughts, or by itself in front of that part. In a conversation that a client kept of a stream, each piece of
//! thought and of text is a part of its own.

use std::mem;

use crate::gateway::dialect::crossing::Dialect;
use crate::gateway::dialect::crossing::conversation::{Content, Part, Thinking};
use crate::gateway::dialect::crossing::seal::Seal;

/// The parts of a turn so far.
#[derive(Default, Debug)]
pub(super) struct Pieces {
    parts: Vec<Part>,
    /// The next piece of text goes on where the last one ended.
    goes_on: bool,
}

impl Pieces {
    /// What comes now was sent as a turn of its own, but is the same turn.
    pub(super) fn go_on(&mut self) {
        self.goes_on = true;
    }

    /// Thoughts, not sealed yet.
    pub(super) fn thinking(&mut self, text: String) {
        match self.unsealed() {
            Some(thinking) => thinking.text.push_str(&text),
            None if text.is_empty() => {}
            None => self.push(Content::Thinking(Thinking {
                text,
                seal: Seal::new(Dialect::Gemini, ""),
            })),
        }
    }

    /// The thoughts up to here are sealed.
    pub(super) fn sealed(&mut self, seal: Seal) {
        match self.unsealed() {
            Some(thinking) if !seal.redacted => thinking.seal = seal,
            Some(_) | None => self.push(Content::Thinking(Thinking {
                text: String::new(),
                seal,
            })),
        }
    }

    /// Words.
    pub(super) fn text(&mut self, text: String) {
        if text.is_empty() {
            return;
        }
        if mem::take(&mut self.goes_on)
            && let Some(Content::Text(last)) = self.last()
        {
            last.push_str(&text);
        } else {
            self.push(Content::Text(text));
        }
    }

    /// Anything else.
    pub(super) fn push(&mut self, content: Content) {
        self.goes_on = false;
        self.parts.push(content.into());
    }

    /// All of it.
    pub(super) fn into_parts(self) -> Vec<Part> {
        self.parts
    }

    fn unsealed(&mut self) -> Option<&mut Thinking> {
        if let Some(Content::Thinking(thinking)) = self.last()
            && thinking.seal.by == Dialect::Gemini
            && thinking.seal.data.is_empty()
        {
            return Some(thinking);
        }
        None
    }

    fn last(&mut self) -> Option<&mut Content> {
        self.parts.last_mut().map(|part| &mut part.content)
    }
}

/// Reads a signature. The SDKs hold it as bytes and write these in the alphabet for addresses, ours was in the common one.
pub(super) fn seal(token: String) -> Seal {
    let common: String = token
        .chars()
        .map(|c| match c {
            '-' => '+',
            '_' => '/',
            c => c,
        })
        .collect();
    Seal::foreign(&common).unwrap_or_else(|| Seal::new(Dialect::Gemini, token))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thinking(text: &str, seal: Seal) -> Part {
        Content::Thinking(Thinking {
            text: text.to_owned(),
            seal,
        })
        .into()
    }

    #[test]
    fn pieces_of_a_stream_become_what_they_were() {
        let mut pieces = Pieces::default();
        for text in ["Let ", "me see."] {
            pieces.go_on();
            pieces.thinking(text.to_owned());
        }
        pieces.go_on();
        pieces.sealed(seal("c2ln".to_owned()));
        for text in ["Hel", "lo", ""] {
            pieces.go_on();
            pieces.text(text.to_owned());
        }
        assert_eq!(
            pieces.into_parts(),
            [
                thinking("Let me see.", Seal::new(Dialect::Gemini, "c2ln")),
                Part::text("Hello")
            ]
        );
    }

    #[test]
    fn texts_of_one_turn_stay_apart() {
        let mut pieces = Pieces::default();
        pieces.text("a".to_owned());
        pieces.text("b".to_owned());
        assert_eq!(pieces.into_parts(), [Part::text("a"), Part::text("b")]);
    }

    #[test]
    fn a_signature_without_thoughts_is_a_seal_of_its_own() {
        let mut pieces = Pieces::default();
        pieces.sealed(seal("a".to_owned()));
        pieces.sealed(seal("b".to_owned()));
        let by = |data: &str| Seal::new(Dialect::Gemini, data);
        assert_eq!(
            pieces.into_parts(),
            [thinking("", by("a")), thinking("", by("b"))]
        );
    }

    #[test]
    fn a_seal_of_another_dialect_survives_the_alphabet_of_the_sdk() {
        let foreign = Seal {
            by: Dialect::Messages,
            id: None,
            data: "~~~???>>>".to_owned(),
            redacted: false,
        };
        let token = foreign
            .token(Dialect::Gemini)
            .replace('+', "-")
            .replace('/', "_");
        assert_eq!(seal(token), foreign);
        assert_eq!(seal("a-b_".to_owned()), Seal::new(Dialect::Gemini, "a-b_"));
    }
}
