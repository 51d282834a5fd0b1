//! The numbers that providers report, brought to one way of counting: all input in `prompt`, all output in `completion`. This
//! file reads those of OpenAI-compatible interfaces; `messages` and `gemini` read the last three rows of the table.
//!
//! | provider | cached input | reasoning | note |
//! |---|---|---|---|
//! | OpenAI chat, vLLM, Groq, OpenRouter | `prompt_tokens_details.cached_tokens`, included | `completion_tokens_details.reasoning_tokens`, included | vLLM's details may be `null`; OpenAI and OpenRouter add `cache_write_tokens`, included |
//! | OpenAI responses | `input_tokens_details.cached_tokens`, included | `output_tokens_details.reasoning_tokens`, included | |
//! | DeepSeek | `prompt_cache_hit_tokens`, included | as OpenAI | hit + miss = prompt |
//! | Groq, streamed | as OpenAI | as OpenAI | also under `x_groq.usage` |
//! | xAI | as OpenAI | *not* included | told by `total_tokens` = prompt + completion + reasoning |
//! | Gemini's compatible interface | as OpenAI | neither told nor included | told by `total_tokens` above prompt + completion |
//! | Mistral, llama.cpp, Ollama | none | none | |
//! | Bedrock, streamed | `cacheReadInputTokenCount`, *not* included | not told | where there is no `usage`, made of `amazon-bedrock-invocationMetrics` (`provider/bedrock/chat_end.rs`) |
//! | Anthropic; Claude in Bedrock and Vertex | `cache_read_input_tokens`, *not* included; nor is `cache_creation_input_tokens`, of which `cache_creation.ephemeral_1h_input_tokens` are for an hour | included, not told | tiers: `service_tier` in the usage |
//! | Gemini; Gemini in Vertex | `cachedContentTokenCount`, included | `thoughtsTokenCount`, *not* included | `toolUsePromptTokenCount`, *not* in the prompt's number; media in the details of each |
//! | token counts (`count_tokens`, `:countTokens`) | | | nothing is used |
//!
//! Audio and images, all of them included in the totals: `audio_tokens` and `image_tokens` of the same details, and of
//! `cached_tokens_details` inside those what came from cache (OpenAI realtime). Realtime and transcriptions write
//! `input_token_details`, without the `s`. What is told as `{"type":"duration","seconds"}` (whisper) has no tokens at all.
//!
//! The tier that was used stands beside the usage, as `service_tier` of the answer or of each frame (OpenAI chat) or of the
//! response (OpenAI responses): `flex` and `priority` have factors of their own, every other word is the list price.
//!
//! Zero is a number, not a missing one; what cannot be read is missing, not zero.

use serde::Deserialize;
use serde_json::Number;
use serde_json::value::RawValue;

use crate::domain::{Media, Pieces, ServiceTier, Usage};

#[derive(Deserialize, Default)]
#[serde(default)]
struct Reported {
    prompt_tokens: Option<Number>,
    input_tokens: Option<Number>,
    completion_tokens: Option<Number>,
    output_tokens: Option<Number>,
    total_tokens: Option<Number>,
    prompt_cache_hit_tokens: Option<Number>,
    prompt_tokens_details: Option<Details>,
    #[serde(alias = "input_token_details")]
    input_tokens_details: Option<Details>,
    completion_tokens_details: Option<Details>,
    #[serde(alias = "output_token_details")]
    output_tokens_details: Option<Details>,
    seconds: Option<Number>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Details {
    cached_tokens: Option<Number>,
    cache_write_tokens: Option<Number>,
    reasoning_tokens: Option<Number>,
    audio_tokens: Option<Number>,
    image_tokens: Option<Number>,
    cached_tokens_details: Option<CachedDetails>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct CachedDetails {
    audio_tokens: Option<Number>,
    image_tokens: Option<Number>,
}

fn count(number: &Option<Number>) -> Option<u64> {
    number.as_ref().and_then(Number::as_u64)
}

/// How many seconds a number is, each begun one whole.
pub(super) fn seconds(number: &Number) -> Option<u64> {
    format!("{:.0}", number.as_f64()?.ceil()).parse().ok()
}

/// The tier that an answer names beside its usage.
pub(crate) fn tier(named: Option<&RawValue>) -> ServiceTier {
    let word = named.and_then(|named| serde_json::from_str::<&str>(named.get()).ok());
    word.map_or(ServiceTier::Standard, ServiceTier::of)
}

/// The tokens of one medium.
fn medium(
    input: &Details,
    output: &Details,
    of: fn(&Details) -> &Option<Number>,
    cached: fn(&CachedDetails) -> &Option<Number>,
) -> Media {
    let told = |number: &Option<Number>| count(number).unwrap_or(0);
    let from_cache = input.cached_tokens_details.as_ref();
    Media {
        input: told(of(input)),
        cached: from_cache.map_or(0, |details| told(cached(details))),
        output: told(of(output)),
    }
}

/// Reads a `usage` object; `None`: it says neither how many tokens the prompt had nor how many seconds the audio, or cannot
/// be read.
pub(crate) fn read(usage: &RawValue) -> Option<Usage> {
    let reported: Reported = serde_json::from_str(usage.get()).ok()?;
    let prompt = count(&reported.prompt_tokens).or(count(&reported.input_tokens));
    if let (None, Some(listened)) = (prompt, reported.seconds.as_ref().and_then(seconds)) {
        let pieces = Pieces {
            seconds: listened,
            ..Pieces::default()
        };
        return Some(Usage {
            pieces,
            ..Usage::default()
        });
    }
    let prompt = prompt?;
    let input = reported
        .prompt_tokens_details
        .or(reported.input_tokens_details)
        .unwrap_or_default();
    let output = reported
        .completion_tokens_details
        .or(reported.output_tokens_details)
        .unwrap_or_default();
    let cached = count(&input.cached_tokens)
        .or(count(&reported.prompt_cache_hit_tokens))
        .unwrap_or(0);
    let told = count(&reported.completion_tokens)
        .or(count(&reported.output_tokens))
        .unwrap_or(0);
    let reasoning = count(&output.reasoning_tokens).unwrap_or(0);
    let beyond = count(&reported.total_tokens)
        .map_or(0, |total| total.saturating_sub(prompt.saturating_add(told)));
    // Some leave reasoning out of the completion's number, though not out of the bill.
    let (completion, reasoning) =
        if beyond > 0 && (reasoning == beyond || (reasoning == 0 && cached == 0 && told > 0)) {
            (told.saturating_add(beyond), beyond)
        } else {
            (told, reasoning)
        };
    Some(Usage {
        prompt,
        cached,
        cache_write: count(&input.cache_write_tokens).unwrap_or(0),
        completion,
        reasoning,
        audio: medium(
            &input,
            &output,
            |details| &details.audio_tokens,
            |cached| &cached.audio_tokens,
        ),
        image: medium(
            &input,
            &output,
            |details| &details.image_tokens,
            |cached| &cached.image_tokens,
        ),
        ..Usage::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> Option<Usage> {
        read(serde_json::from_str::<&RawValue>(json).unwrap())
    }

    #[test]
    fn zero_is_not_missing_and_missing_is_not_zero() {
        assert_eq!(
            of(r#"{"prompt_tokens":0,"completion_tokens":0}"#),
            Some(Usage::default())
        );
        assert_eq!(of(r#"{"prompt_tokens":null}"#), None);
        assert_eq!(of(r#"{"completion_tokens":5}"#), None);
        assert_eq!(of("{}"), None);
        assert_eq!(of("7"), None);
        assert_eq!(of(r#"{"prompt_tokens":"7"}"#), None);
    }

    #[test]
    fn audio_and_images_are_parts_of_the_totals() {
        let spoken = of(r#"{"total_tokens":253,"input_tokens":132,"output_tokens":121,
            "input_token_details":{"text_tokens":119,"audio_tokens":13,"image_tokens":0,"cached_tokens":64,"cached_tokens_details":{"text_tokens":60,"audio_tokens":4}},
            "output_token_details":{"text_tokens":30,"audio_tokens":91}}"#).unwrap();
        assert_eq!(
            (spoken.prompt, spoken.cached, spoken.completion),
            (132, 64, 121)
        );
        assert_eq!(
            spoken.audio,
            Media {
                input: 13,
                cached: 4,
                output: 91
            }
        );
        let drawn = of(r#"{"total_tokens":100,"input_tokens":50,"output_tokens":50,"input_tokens_details":{"text_tokens":10,"image_tokens":40}}"#).unwrap();
        assert_eq!(
            drawn.image,
            Media {
                input: 40,
                ..Media::default()
            }
        );
    }

    #[test]
    fn a_duration_is_no_tokens() {
        for (json, expected) in [
            (r#"{"type":"duration","seconds":27}"#, 27),
            (r#"{"type":"duration","seconds":27.1}"#, 28),
            (r#"{"type":"duration","seconds":0.0}"#, 0),
        ] {
            let listened = of(json).unwrap();
            assert_eq!(
                (listened.pieces.seconds, listened.total()),
                (expected, 0),
                "{json}"
            );
        }
        assert_eq!(of(r#"{"type":"duration","seconds":-1}"#), None);
    }

    #[test]
    fn reasoning_left_out_of_the_completion_is_counted() {
        let xai = of(r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":115,"completion_tokens_details":{"reasoning_tokens":100}}"#).unwrap();
        assert_eq!((xai.completion, xai.reasoning), (105, 100));
        let gemini =
            of(r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":115}"#).unwrap();
        assert_eq!((gemini.completion, gemini.reasoning), (105, 100));
        let openai = of(r#"{"prompt_tokens":10,"completion_tokens":105,"total_tokens":115,"completion_tokens_details":{"reasoning_tokens":100}}"#).unwrap();
        assert_eq!((openai.completion, openai.reasoning), (105, 100));
    }
}
