//! A tokenizer's count, for what no provider has counted. Slow: not for a worker thread, but for a few words ([`is_quick`]).

use std::sync::atomic::{AtomicBool, Ordering};

use tiktoken_rs::CoreBPE;
use tiktoken_rs::tokenizer::{Tokenizer, get_tokenizer};

use super::{MESSAGE_TOKENS, REPLY_TOKENS, len};
use crate::domain::Usage;
use crate::gateway::dialect::Written;
use crate::gateway::dialect::walk::members;

/// How a model cuts text into tokens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encoding {
    /// GPT-4o and later.
    O200k,
    /// GPT-4, GPT-3.5 and the embeddings.
    Cl100k,
    /// The models before those.
    P50k,
    /// The models before those.
    R50k,
}

impl Encoding {
    fn tokenizer(self) -> &'static CoreBPE {
        match self {
            Self::O200k => tiktoken_rs::o200k_base_singleton(),
            Self::Cl100k => tiktoken_rs::cl100k_base_singleton(),
            Self::P50k => tiktoken_rs::p50k_base_singleton(),
            Self::R50k => tiktoken_rs::r50k_base_singleton(),
        }
    }

    /// The number of tokens in `text`.
    pub fn count(self, text: &str) -> u64 {
        let tokens = len(&self.tokenizer().encode_ordinary(text));
        let loaded = self.loaded();
        if !loaded.load(Ordering::Relaxed) {
            loaded.store(true, Ordering::Relaxed);
        }
        tokens
    }

    /// Whether its tokenizer has been used: until then a count loads it first, which takes a tenth of a second.
    fn loaded(self) -> &'static AtomicBool {
        static LOADED: [AtomicBool; 4] = [const { AtomicBool::new(false) }; 4];
        let [o200k, cl100k, p50k, r50k] = &LOADED;
        match self {
            Self::O200k => o200k,
            Self::Cl100k => cl100k,
            Self::P50k => p50k,
            Self::R50k => r50k,
        }
    }
}

/// So much text is counted in less time than it takes to ask another thread: 10 to 25 us.
const QUICK: usize = 512;

/// Whether so many bytes may be counted on a worker.
pub(crate) fn is_quick(encoding: Option<Encoding>, bytes: usize) -> bool {
    bytes <= QUICK && in_use(encoding).loaded().load(Ordering::Relaxed)
}

fn in_use(encoding: Option<Encoding>) -> Encoding {
    encoding.unwrap_or(Encoding::O200k)
}

/// The encoding of the model with this name at its provider, where it is known to the token. The open models of the gpt-oss
/// family are left out: their template adds a prompt of its own.
pub fn encoding(model: &str) -> Option<Encoding> {
    match get_tokenizer(model)? {
        Tokenizer::O200kBase => Some(Encoding::O200k),
        Tokenizer::Cl100kBase => Some(Encoding::Cl100k),
        Tokenizer::P50kBase => Some(Encoding::P50k),
        Tokenizer::R50kBase | Tokenizer::Gpt2 => Some(Encoding::R50k),
        Tokenizer::O200kHarmony | Tokenizer::P50kEdit => None,
    }
}

/// Tokens of a request's prompt; near enough where the encoding is not known.
pub(crate) fn prompt(encoding: Option<Encoding>, request_body: &[u8]) -> u64 {
    let mut words = Written::default();
    let mut messages = 0u64;
    members(request_body, |_, key, value| {
        let Some(text) = value.text() else { return };
        match key {
            b"role" => messages += 1,
            b"model" | b"type" | b"id" | b"tool_call_id" | b"call_id" | b"detail" | b"user"
            | b"format" => {}
            _ if text.starts_with(b"data:") => {}
            b"url" | b"image_url" | b"data" | b"file_data" => {}
            _ => {
                words.push(text);
                words.push(b" ");
            }
        }
    });
    let overhead = if messages == 0 {
        0
    } else {
        messages
            .saturating_mul(MESSAGE_TOKENS)
            .saturating_add(REPLY_TOKENS)
    };
    text(encoding, &words, 0).saturating_add(overhead)
}

/// Tokens of what a model wrote, from a place in it on; near enough where the encoding is not known.
pub(crate) fn text(encoding: Option<Encoding>, written: &Written, from: usize) -> u64 {
    let (text, rest) = written.text_from(from);
    in_use(encoding).count(&text).saturating_add(rest / 4)
}

/// What a call used, guessed without a tokenizer: stands in the draft until the count is there.
pub(crate) fn guess(request_body: &[u8], written: &Written) -> Usage {
    Usage {
        prompt: len(request_body).div_ceil(4),
        completion: written.bytes().div_ceil(4),
        estimated: true,
        ..Usage::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_count_is_near_what_openai_counts() {
        // From OpenAI's cookbook, "How to count tokens with tiktoken": "tiktoken is great!" is six tokens.
        let body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "tiktoken is great!"}]}).to_string();
        let mut written = Written::default();
        written.push(b"tiktoken is great!");
        assert_eq!(text(encoding("gpt-4o"), &written, 0), 6);
        let prompt = prompt(encoding("gpt-4o"), body.as_bytes());
        assert!((13..=15).contains(&prompt), "{prompt}");
    }

    #[test]
    fn only_encodings_that_are_known_are_named() {
        for (model, known) in [
            ("gpt-4o-mini", Some(Encoding::O200k)),
            ("gpt-4-turbo", Some(Encoding::Cl100k)),
            ("text-embedding-3-small", Some(Encoding::Cl100k)),
            ("gpt-oss-120b", None),
            ("llama-3.3-70b", None),
            ("", None),
        ] {
            assert_eq!(encoding(model), known, "{model}");
        }
    }
}
