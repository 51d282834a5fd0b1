//! What a model sealed its thinking with, carried through any dialect and back.
//!
//! Providers sign or encrypt a model's thinking and want it back untouched at the next turn: Anthropic in `signature` and
//! `redacted_thinking.data`, Gemini in `thoughtSignature`, OpenAI responses in `encrypted_content`, OpenRouter in
//! `reasoning_details`. Each dialect has such a slot, and each treats what is in it as opaque; so a seal made in one dialect
//! travels in the slot of another as a token that names where it belongs. When it comes back, and the call goes to a channel
//! of its own dialect again, it is as it was; with a channel of any other dialect the thinking is left out, since nobody but
//! its maker can use it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Dialect;
use super::media::standard_base64;

/// The proof of a piece of thinking.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seal {
    /// The dialect that made it, and the only one that can use it.
    pub by: Dialect,
    /// The name of the item, where a dialect wants it back with the seal.
    pub id: Option<String>,
    /// The opaque bytes as they were written; empty: that dialect seals nothing.
    pub data: String,
    /// All of the thinking is hidden in `data`, by a word of its own.
    pub redacted: bool,
}

const MARK: &str = "real200";

/// How the token of another dialect's seal begins, in base64.
const BEGINNING: &[u8] = b"WyJyZWFsMjAwI";

/// Whether a request carries a seal that its own dialect cannot use.
pub fn is_foreign_in(body: &[u8]) -> bool {
    memchr::memmem::find(body, BEGINNING).is_some()
}

impl Seal {
    /// A seal of this dialect.
    pub fn new(by: Dialect, data: impl Into<String>) -> Self {
        Self {
            by,
            id: None,
            data: data.into(),
            redacted: false,
        }
    }

    /// What stands in the slot of dialect `inside`.
    pub fn token(&self, inside: Dialect) -> String {
        if self.by == inside {
            return self.data.clone();
        }
        let told = serde_json::json!([MARK, self.by.as_str(), self.id, self.data, self.redacted]);
        STANDARD.encode(told.to_string())
    }

    /// Reads what stands in the slot of dialect `inside`.
    pub fn read(inside: Dialect, token: String) -> Self {
        Self::foreign(&token).unwrap_or_else(|| Self::new(inside, token))
    }

    /// The seal of another dialect that a token carries.
    pub(super) fn foreign(token: &str) -> Option<Self> {
        // Google's SDKs write it anew, in the alphabet for addresses.
        let told = STANDARD.decode(standard_base64(token.to_owned())).ok()?;
        let (mark, by, id, data, redacted): (String, String, Option<String>, String, bool) =
            serde_json::from_slice(&told).ok()?;
        (mark == MARK).then_some(Self {
            by: Dialect::parse(&by)?,
            id,
            data,
            redacted,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_comes_back_from_every_dialect_as_it_was() {
        for by in Dialect::ALL {
            for inside in Dialect::ALL {
                let seal = Seal {
                    by,
                    id: (by != inside).then(|| "rs_1".to_owned()),
                    data: "EqQBCkgIARABGAIiQL8=".to_owned(),
                    redacted: by != inside,
                };
                let token = seal.token(inside);
                assert_eq!(is_foreign_in(token.as_bytes()), by != inside);
                assert_eq!(Seal::read(inside, token), seal);
            }
        }
    }

    #[test]
    fn a_seal_that_an_sdk_has_read_and_written_again_is_the_same() {
        use base64::engine::general_purpose::URL_SAFE;
        for data in ["a", "ab", "abc>", "abcd?", "ÿþý"] {
            let seal = Seal::new(Dialect::Messages, data);
            let bytes = STANDARD.decode(seal.token(Dialect::Gemini)).unwrap();
            assert_eq!(Seal::read(Dialect::Gemini, URL_SAFE.encode(bytes)), seal);
        }
        let excused = "skip_thought_signature_validator";
        assert_eq!(
            Seal::read(Dialect::Gemini, excused.to_owned()).data,
            excused
        );
    }

    #[test]
    fn what_only_looks_like_a_token_is_a_seal_of_the_dialect_it_stands_in() {
        for odd in ["", "AAAA", "not base64 at all!", "WyJyZWFsMjAwIl0="] {
            assert_eq!(
                Seal::read(Dialect::Messages, odd.to_owned()),
                Seal::new(Dialect::Messages, odd)
            );
        }
    }
}
