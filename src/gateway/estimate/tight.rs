//! The tight bound: worked out where the cheap one does not fit, so that an estimate that is too high starves nobody of the
//! last cents. Still an upper bound; slow, not for a worker thread.
//!
//! It starts from the cheap bound, in which every byte of the body counts as a token, and takes back what is known not to:
//! - of the text in `messages`, `input`, `prompt` and `instructions`: where the encoding is known, its bytes above its
//!   tokens; else what its JSON escapes have in excess of the text itself (`\u4f60` is six bytes for three);
//! - where the encoding is known: the names of `role` and `content` with their punctuation. What stays of a message, its
//!   braces and commas, is what a provider adds around it: four tokens, and three for the reply;
//! - where the encoding is known: settings that no model gets to see, such as `temperature`.
//!
//! Everything else stays at a token a byte: tools, schemas, tool calls, white space between values, whatever is not known.

use std::borrow::Cow;

use super::count::Encoding;
use super::{REPLY_TOKENS, UNBOUNDED, len};
use crate::gateway::dialect::walk::members;
use crate::gateway::members::Members;
use crate::gateway::request::Request;

/// The most text that is tokenized for one call, in bytes; what is beyond counts a token a byte.
const TOKENIZED_MOST: usize = 4 * 1024 * 1024;

/// Fields whose text is the prompt.
const PROMPT: [&str; 8] = [
    "messages",
    "input",
    "prompt",
    "instructions",
    "system",
    "contents",
    "systemInstruction",
    "system_instruction",
];

/// Fields that change how the model answers, or nothing at all, and that it does not get to see.
const SETTINGS: [&str; 27] = [
    "model",
    "stream",
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "temperature",
    "top_p",
    "n",
    "best_of",
    "stop",
    "seed",
    "user",
    "frequency_penalty",
    "presence_penalty",
    "logprobs",
    "top_logprobs",
    "logit_bias",
    "metadata",
    "store",
    "service_tier",
    "parallel_tool_calls",
    "safety_identifier",
    "prompt_cache_key",
    "encoding_format",
    "dimensions",
    "truncation",
];

/// An upper bound of the tokens in a request's prompt, as tight as it can be told here. `encoding` is that of all models that
/// may get the request; `None` where it is not known. `cheap` is the bound of [`super::prompt_bound`].
pub fn tight_bound(request: &Request, encoding: Option<Encoding>, cheap: u64) -> u64 {
    if cheap >= UNBOUNDED {
        return cheap;
    }
    let Some(fields) = Members::read(&request.body) else {
        return cheap;
    };
    let mut saved = 0u64;
    let mut budget = TOKENIZED_MOST;
    for (name, value) in fields.iter() {
        let value = value.as_bytes();
        if PROMPT.contains(&name) {
            saved = saved.saturating_add(saved_in(value, encoding, &mut budget));
        } else if encoding.is_some() && SETTINGS.contains(&name) {
            // Quotes and colon go with it; the comma stays.
            saved = saved.saturating_add(len(name.as_bytes()) + len(value) + 3);
        }
    }
    let added = if encoding.is_some() { REPLY_TOKENS } else { 0 };
    cheap.saturating_sub(saved).saturating_add(added).min(cheap)
}

/// By how much the bytes of a prompt exceed its tokens.
fn saved_in(json: &[u8], encoding: Option<Encoding>, budget: &mut usize) -> u64 {
    let mut saved = 0u64;
    members(json, |_, key, value| {
        let Some(escaped) = value.text() else { return };
        if !matches!(
            key,
            b"" | b"content" | b"text" | b"role" | b"output" | b"instructions" | b"system"
        ) {
            return;
        }
        let start = (escaped.as_ptr() as usize).wrapping_sub(json.as_ptr() as usize);
        let quoted = start.wrapping_sub(1)..start.wrapping_add(escaped.len()).wrapping_add(1);
        let Some(Ok(text)) = json.get(quoted).map(serde_json::from_slice::<Cow<'_, str>>) else {
            return;
        };
        let tokens = match encoding {
            Some(encoding) if text.len() <= *budget => {
                *budget -= text.len();
                encoding.count(&text)
            }
            Some(_) | None => len(text.as_bytes()),
        };
        saved = saved.saturating_add(len(escaped).saturating_sub(tokens));
        // Its own name before it, and not only that of the list it stands in.
        let named = json
            .get(..start.wrapping_sub(1))
            .is_some_and(|before| before.trim_ascii_end().ends_with(b":"));
        if encoding.is_some() && named && matches!(key, b"role" | b"content") {
            saved = saved.saturating_add(len(key) + 5);
        }
    });
    saved
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::super::prompt_bound;
    use super::*;
    use crate::domain::Endpoint;

    fn bounds(endpoint: Endpoint, body: &str, encoding: Option<Encoding>) -> (u64, u64) {
        let request = Request::read(endpoint, Bytes::copy_from_slice(body.as_bytes())).unwrap();
        let cheap = prompt_bound(&request);
        (cheap, tight_bound(&request, encoding, cheap))
    }

    #[test]
    fn a_plain_chat_is_bounded_to_within_its_frame() {
        let words = "The quick brown fox jumps over the lazy dog. ".repeat(200);
        let body = json!({"model": "gpt-4o", "temperature": 0.5, "max_tokens": 10, "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": words}]}).to_string();
        let encoding = Encoding::O200k;
        let exact = 2 * 4 + 3 + encoding.count("Be brief.") + encoding.count(&words);
        let (cheap, tight) = bounds(Endpoint::Chat, &body, Some(encoding));
        assert!(cheap > 4 * exact, "{cheap} {exact}");
        assert!((exact..exact + 30).contains(&tight), "{tight} {exact}");
    }

    #[test]
    fn without_a_known_encoding_escapes_are_taken_back() {
        let body = r#"{"model":"m","messages":[{"role":"user","content":"\u4f60\u597d"}]}"#;
        let (cheap, tight) = bounds(Endpoint::Chat, body, None);
        assert_eq!((cheap, tight), (len(body.as_bytes()), cheap - 6));
    }

    #[test]
    fn texts_of_embeddings_and_responses_count_too() {
        let text = "word ".repeat(100);
        let encoding = Some(Encoding::Cl100k);
        for (endpoint, body) in [
            (
                Endpoint::Embeddings,
                json!({"model": "m", "input": [text, text]}),
            ),
            (
                Endpoint::Responses,
                json!({"model": "m", "instructions": text, "input": text}),
            ),
            (
                Endpoint::Completions,
                json!({"model": "m", "prompt": [text, text]}),
            ),
        ] {
            let (cheap, tight) = bounds(endpoint, &body.to_string(), encoding);
            assert!(
                cheap > 1_000 && (200..250).contains(&tight),
                "{endpoint:?} {cheap} {tight}"
            );
        }
    }

    #[test]
    fn a_field_that_stands_twice_is_bounded_as_both() {
        let words = "word ".repeat(50);
        let body = format!(
            r#"{{"model":"m","messages":[{{"role":"user","content":"{words}","content":"x"}}]}}"#
        );
        let (_, tight) = bounds(Endpoint::Chat, &body, Some(Encoding::O200k));
        assert!(tight > 50, "{tight}");
    }

    #[test]
    fn tools_and_what_is_not_known_stay_at_a_token_a_byte() {
        let tools = json!([{"type": "function", "function": {"name": "f", "description": "word ".repeat(100)}}]);
        let body = json!({"model": "m", "messages": [], "tools": tools}).to_string();
        let (_, tight) = bounds(Endpoint::Chat, &body, Some(Encoding::O200k));
        assert!(tight >= len(tools.to_string().as_bytes()), "{tight}");
    }
}
