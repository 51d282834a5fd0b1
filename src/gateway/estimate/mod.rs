//! Counting tokens where no provider does: an upper bound before a call, a tokenizer's count after one without usage.
//!
//! **The bound.** It costs a few passes at memory speed over the body, about 0.1 us a KiB, so that every call has it. Where it
//! does not fit a quota, [`tight_bound`] is worked out before anything is lowered or refused: 0.4 to 1.4 us a KiB where no
//! tokenizer is asked, 20 to 50 us where one is (`cargo bench --bench estimate`).
//! Tokenizers of today's models work on bytes: no token stands for less than one byte of text, so a body's length in bytes
//! is above its number of tokens, and the JSON around each message, tool and string is longer than what a provider adds
//! for it. Three things break that rule and are counted apart:
//! - images: [`IMAGE_TOKENS`] each (of `4o-mini` models, which count images dearer, [`IMAGE_TOKENS_4O_MINI`]); an image in
//!   the body counts as that instead of its base64 text;
//! - documents, and films: bounded by the model's context alone;
//! - audio in the body: a token for each [`AUDIO_BYTES_PER_TOKEN`] bytes of base64 (speech is 10 tokens a second, and no
//!   coding in use has less than 640 bytes of base64 a second);
//! - what the body only points to (an earlier response, a stored prompt, an uploaded file, a web search): bounded by the
//!   model's context alone.
//!
//! What a provider adds beyond that, a system prompt of its own for one, shows in its first report and is set aside from then
//! on (`state/hidden.rs`).
//!
//! **The count.** `o200k_base`, or `cl100k_base` for the models that use it; for other families it is an approximation,
//! which is why such usage is flagged `estimated`. It runs on a blocking thread; only a few words, with a tokenizer that is
//! loaded, are counted on a worker.

mod count;
mod inline;
mod tight;

use memchr::memmem;

use super::dialect::walk::members;
use super::request::Request;
use inline::{Inline, What};

pub use count::{Encoding, encoding};
pub(crate) use count::{guess, is_quick, prompt, text};
pub use tight::tight_bound;

/// What one image counts at most: above a full tile grid of GPT-4o (1,445), the patches of GPT-4.1 nano (3,779) and
/// Claude's largest (4,784).
pub const IMAGE_TOKENS: u64 = 5_000;
/// What one image counts at most with GPT-4o mini: 2,833 + 8 × 5,667.
pub const IMAGE_TOKENS_4O_MINI: u64 = 48_169;
/// Bytes of base64 audio behind one token at least.
pub const AUDIO_BYTES_PER_TOKEN: u64 = 64;
/// A prompt that is not in the body.
const UNBOUNDED: u64 = 10_000_000;
/// What a provider adds around each message, its role included, and before the reply: the usual rule for OpenAI's chat
/// models (OpenAI cookbook, "How to count tokens with tiktoken").
const MESSAGE_TOKENS: u64 = 4;
const REPLY_TOKENS: u64 = 3;

/// An upper bound of the tokens in a request's prompt.
pub fn prompt_bound(request: &Request) -> u64 {
    body_bound(request).saturating_add(request.scan.media_tokens)
}

fn body_bound(request: &Request) -> u64 {
    let body = &request.body;
    let bytes = len(body);
    if request.scan.hidden_prompt {
        return bytes.max(UNBOUNDED);
    }
    // Almost every body ends here: a few passes at memory speed.
    let has = |what: &str| memmem::find(body, what.as_bytes()).is_some();
    if ![
        "image",
        "audio",
        "video",
        "file",
        "inline",
        "document",
        "pdf",
        "web_search",
        "\\u00",
    ]
    .into_iter()
    .any(has)
    {
        return bytes;
    }
    let image = if request.scan.model.contains("4o-mini") {
        IMAGE_TOKENS_4O_MINI
    } else {
        IMAGE_TOKENS
    };
    let (mut taken_out, mut added) = (0u64, 0u64);
    let mut inline = Inline::default();
    members(body, |depth, key, value| {
        if let Some((bytes, what)) = inline.see(depth, key, value) {
            taken_out = taken_out.saturating_add(bytes);
            added = added.saturating_add(match what {
                What::Image => image,
                What::Audio => bytes.div_ceil(AUDIO_BYTES_PER_TOKEN),
                What::Document => UNBOUNDED,
            });
        }
        let Some(text) = value.text() else { return };
        match (key, text) {
            (b"type", b"image_url" | b"input_image" | b"image") => {
                added = added.saturating_add(image)
            }
            (b"type", b"input_file" | b"file" | b"document") => {
                added = added.saturating_add(UNBOUNDED)
            }
            (b"fileUri" | b"file_uri", _) => added = added.saturating_add(UNBOUNDED),
            (b"type", kind) if kind.starts_with(b"web_search") => {
                added = added.saturating_add(UNBOUNDED)
            }
            (b"url" | b"image_url", data) if data.starts_with(b"data:image") => {
                taken_out = taken_out.saturating_add(len(data))
            }
            (b"data", data) if has("input_audio") => {
                taken_out = taken_out.saturating_add(len(data));
                added = added.saturating_add(len(data).div_ceil(AUDIO_BYTES_PER_TOKEN));
            }
            // Letters are escaped by nobody but those who hide something.
            (key, _) if hides_letters(key) => added = added.saturating_add(UNBOUNDED),
            (b"type", kind) if hides_letters(kind) => added = added.saturating_add(UNBOUNDED),
            _ => {}
        }
    });
    bytes.saturating_sub(taken_out).saturating_add(added)
}

/// Whether a letter, digit or underscore stands there as `\u00..`.
fn hides_letters(text: &[u8]) -> bool {
    text.windows(5)
        .any(|five| matches!(five, [b'\\', b'u', b'0', b'0', b'3'..=b'7']))
}

/// A likely number of the tokens in a request's prompt, for rate limits: four bytes a token.
pub fn prompt_guess(bound: u64) -> u64 {
    bound.div_ceil(4).min(UNBOUNDED / 4)
}

fn len<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod properties;

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::*;
    use crate::domain::Endpoint;

    fn request(body: &serde_json::Value) -> Request {
        Request::read(Endpoint::Chat, Bytes::from(body.to_string())).unwrap()
    }

    #[test]
    fn an_image_counts_as_an_image_and_not_as_its_text() {
        let data = format!("data:image/png;base64,{}", "A".repeat(1_000_000));
        let body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": data}}]}]});
        let bound = prompt_bound(&request(&body));
        assert!(
            (IMAGE_TOKENS..IMAGE_TOKENS + 500).contains(&bound),
            "{bound}"
        );
    }

    #[test]
    fn what_is_only_pointed_to_is_bounded_by_the_context_alone() {
        let body = json!({"model": "m", "previous_response_id": "r", "input": "go on"});
        let request = Request::read(Endpoint::Responses, Bytes::from(body.to_string())).unwrap();
        assert!(prompt_bound(&request) >= UNBOUNDED);
    }

    #[test]
    fn an_image_cannot_be_hidden_by_its_spelling() {
        let body = r#"{"model":"m","messages":[{"content":[{"type":"im\u0061ge_url","image_url":{"url":"https://x"}}]}]}"#;
        let request = Request::read(Endpoint::Chat, Bytes::from(body)).unwrap();
        assert!(prompt_bound(&request) >= UNBOUNDED);
    }
}
