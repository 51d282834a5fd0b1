//! Counting tokens where no provider does: an upper bound before a call, a tokenizer's count after one without usage.
//!
//! **The bound.** Tokenizers of today's models work on bytes: no token stands for less than one byte of text, so a body's
//! length in bytes is above its number of tokens, and the JSON around each message, tool and string is longer than what a
//! provider adds for it. Three things break that rule and are counted apart:
//! - images: [`IMAGE_TOKENS`] each (of `4o-mini` models, which count images dearer, [`IMAGE_TOKENS_4O_MINI`]); an image in
//!   the body counts as that instead of its base64 text;
//! - audio in the body: a token for each [`AUDIO_BYTES_PER_TOKEN`] bytes of base64 (speech is 10 tokens a second, and no
//!   coding in use has less than 640 bytes of base64 a second);
//! - what the body only points to (an earlier response, a stored prompt, an uploaded file, a web search): bounded by the
//!   model's context alone.
//!
//! **The count.** `o200k_base`, or `cl100k_base` for the models that use it; for other families it is an approximation,
//! which is why such usage is flagged `estimated`. It runs on a blocking thread, never on a worker.

use memchr::memmem;
use tiktoken_rs::tokenizer::{Tokenizer, get_tokenizer};

use super::dialect::Written;
use super::dialect::walk::members;
use super::request::Request;
use crate::domain::Usage;

/// What one image counts at most: above a full tile grid of GPT-4o (1,445), the patches of GPT-4.1 nano (3,779) and
/// Claude's largest (4,784).
pub const IMAGE_TOKENS: u64 = 5_000;
/// What one image counts at most with GPT-4o mini: 2,833 + 8 × 5,667.
pub const IMAGE_TOKENS_4O_MINI: u64 = 48_169;
/// Bytes of base64 audio behind one token at least.
pub const AUDIO_BYTES_PER_TOKEN: u64 = 64;
/// A prompt that is not in the body.
const UNBOUNDED: u64 = 10_000_000;
/// What a provider adds around each message, and at the end; the usual rule for OpenAI's chat models.
const MESSAGE_TOKENS: u64 = 4;
const REPLY_TOKENS: u64 = 3;

/// An upper bound of the tokens in a request's prompt.
pub fn prompt_bound(request: &Request) -> u64 {
    let body = &request.body;
    let bytes = len(body);
    if request.scan.hidden_prompt {
        return bytes.max(UNBOUNDED);
    }
    // Almost every body ends here: a few passes at memory speed.
    let has = |what: &str| memmem::find(body, what.as_bytes()).is_some();
    if !has("image") && !has("audio") && !has("file") && !has("web_search") && !has("\\u00") {
        return bytes;
    }
    let image = if request.scan.model.contains("4o-mini") {
        IMAGE_TOKENS_4O_MINI
    } else {
        IMAGE_TOKENS
    };
    let (mut taken_out, mut added) = (0u64, 0u64);
    members(body, |_, key, value| {
        let Some(text) = value.text() else { return };
        match (key, text) {
            (b"type", b"image_url" | b"input_image" | b"image") => {
                added = added.saturating_add(image)
            }
            (b"type", b"input_file" | b"file") => added = added.saturating_add(UNBOUNDED),
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

/// What a call used, counted here. Slow: not for a worker thread.
pub(crate) fn count(model: &str, request_body: &[u8], written: &Written) -> Usage {
    let tokens = |text: &str| len(&encoder(model).encode_ordinary(text));
    let mut prompt_text = Written::default();
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
                prompt_text.push(text);
                prompt_text.push(b" ");
            }
        }
    });
    let (prompt, prompt_rest) = prompt_text.text();
    let (completion, completion_rest) = written.text();
    let overhead = if messages == 0 {
        0
    } else {
        messages
            .saturating_mul(MESSAGE_TOKENS)
            .saturating_add(REPLY_TOKENS)
    };
    Usage {
        prompt: tokens(&prompt)
            .saturating_add(overhead)
            .saturating_add(prompt_rest / 4),
        completion: tokens(&completion).saturating_add(completion_rest / 4),
        estimated: true,
        ..Usage::default()
    }
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

fn encoder(model: &str) -> &'static tiktoken_rs::CoreBPE {
    match get_tokenizer(model) {
        Some(Tokenizer::Cl100kBase) => tiktoken_rs::cl100k_base_singleton(),
        Some(Tokenizer::P50kBase) => tiktoken_rs::p50k_base_singleton(),
        Some(Tokenizer::P50kEdit) => tiktoken_rs::p50k_edit_singleton(),
        Some(Tokenizer::R50kBase | Tokenizer::Gpt2) => tiktoken_rs::r50k_base_singleton(),
        Some(Tokenizer::O200kBase | Tokenizer::O200kHarmony) | None => {
            tiktoken_rs::o200k_base_singleton()
        }
    }
}

fn len<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;
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
    fn a_count_is_near_what_openai_counts() {
        // From OpenAI's cookbook, "How to count tokens with tiktoken": "tiktoken is great!" is six tokens.
        let body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "tiktoken is great!"}]}).to_string();
        let mut written = Written::default();
        written.push(b"tiktoken is great!");
        let usage = count("gpt-4o", body.as_bytes(), &written);
        assert_eq!((usage.completion, usage.estimated), (6, true));
        assert!((13..=15).contains(&usage.prompt), "{}", usage.prompt);
    }

    #[test]
    fn an_image_cannot_be_hidden_by_its_spelling() {
        let body = r#"{"model":"m","messages":[{"content":[{"type":"im\u0061ge_url","image_url":{"url":"https://x"}}]}]}"#;
        let request = Request::read(Endpoint::Chat, Bytes::from(body)).unwrap();
        assert!(prompt_bound(&request) >= UNBOUNDED);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_bound_is_never_below_the_tokens(texts in prop::collection::vec(prop_oneof!["\\PC{0,40}", "[\u{4e00}-\u{4fff}]{0,30}", "[😀-🙏]{0,20}", "[a-z ]{0,80}", "[\\x00-\\x1f\"\\\\]{0,20}"], 1..5)) {
            let messages: Vec<_> = texts.iter().map(|text| json!({"role": "user", "content": text})).collect();
            let body = json!({"model": "gpt-4o", "messages": messages});
            let tokens: usize = texts.iter().map(|text| encoder("gpt-4o").encode_ordinary(text).len() + 4).sum::<usize>() + 3;
            prop_assert!(prompt_bound(&request(&body)) >= tokens as u64);
        }
    }
}
