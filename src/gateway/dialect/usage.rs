//! The numbers that providers report, brought to one way of counting: all input in `prompt`, all output in `completion`. This
//! file reads those of OpenAI-compatible interfaces; `messages` and `gemini` read the last three rows of the table.
//!
//! | provider | cached input | reasoning | note |
//! |---|---|---|---|
//! | OpenAI chat, vLLM, Groq, OpenRouter | `prompt_tokens_details.cached_tokens`, included | `completion_tokens_details.reasoning_tokens`, included | vLLM's details may be `null`; OpenAI and OpenRouter add `cache_write_tokens`, included |
//! | OpenAI responses | `input_tokens_details.cached_tokens`, included | `output_tokens_details.reasoning_tokens`, included | |
//! | Moonshot, Kimi | `cached_tokens` beside the totals, included | as OpenAI | streamed, in `choices[0].usage` |
//! | DashScope | as OpenAI; `prompt_tokens_details.cache_creation_input_tokens` written, included | as OpenAI | |
//! | Perplexity | none | `reasoning_tokens`, included | `cost` is an object |
//! | DeepSeek | `prompt_cache_hit_tokens`, included | as OpenAI | hit + miss = prompt |
//! | Groq, streamed | as OpenAI | as OpenAI | also under `x_groq.usage` |
//! | xAI | as OpenAI | *not* included | told by `total_tokens` = prompt + completion + reasoning |
//! | Gemini's compatible interface | as OpenAI | neither told nor included | told by `total_tokens` above prompt + completion |
//! | Mistral, llama.cpp, Ollama | none | none | |
//! | Bedrock, streamed | `cacheReadInputTokenCount`, *not* included | not told | where there is no `usage`, made of `amazon-bedrock-invocationMetrics` (`provider/bedrock/chat_end.rs`) |
//! | Anthropic; Claude in Bedrock and Vertex | `cache_read_input_tokens`, *not* included; nor is `cache_creation_input_tokens`, of which `cache_creation.ephemeral_1h_input_tokens` are for an hour | included, `output_tokens_details.thinking_tokens` | `service_tier`, `speed`, `inference_geo` and `server_tool_use` in the usage; `iterations` (`messages.rs`) |
//! | Gemini; Gemini in Vertex | `cachedContentTokenCount`, included | `thoughtsTokenCount`, *not* included | `toolUsePromptTokenCount`, *not* in the prompt's number; media in the details of each; tiers: `serviceTier`, `trafficType`, header `x-gemini-service-tier`; searches: `groundingMetadata.webSearchQueries` |
//! | token counts (`count_tokens`, `:countTokens`) | | | nothing is used |
//!
//! Audio and images, all of them included in the totals: `audio_tokens` and `image_tokens` of the same details, and of
//! `cached_tokens_details` inside those what came from cache (OpenAI realtime). Realtime and transcriptions write
//! `input_token_details`, without the `s`. What is told as `{"type":"duration","seconds"}` (whisper) has no tokens at all.
//!
//! The tier that was used stands beside the usage, as `service_tier` of the answer or of each frame (OpenAI chat) or of the
//! response (OpenAI responses). What its words mean says `ServiceTier::of`; one that is not known is the dearest.
//!
//! Counts are read as `number` says: `12.0` and `"12"` are 12; what is negative, null or no number is missing, not zero, and
//! spoils nothing else. Zero is a number; all zeros beside words are no report ([`Report::is_empty`]). The reports of one stream
//! are put together by `report`.
//!
//! More that is read here: Moonshot's and Kimi's `usage` of a choice and its `cached_tokens` (Moonshot docs, "Chat");
//! DashScope's `prompt_tokens_details.cache_creation_input_tokens` (Qwen docs, "Context cache"); OpenAI's
//! `cache_write_tokens_details.ttl_12h_tokens` and `tool_usage` (openai-python 3.57.0, `types/responses`); Mistral's
//! `service_tier` and `prompt_audio_seconds` in the usage (mistralai 3.7.0, `UsageInfo`); searches as
//! `server_tool_use.web_search_requests` (OpenRouter), `num_search_queries` (Perplexity) and
//! `server_side_tool_usage_details.web_search_calls` (xAI).
//!
//! The provider's own dollars: `cost`, a number (OpenRouter; with `is_byok` the provider behind it takes
//! `cost_details.upstream_inference_cost` more) or an object with `total_cost` (Perplexity), and `cost_in_usd_ticks`, 10^-10
//! dollars each (docs.x.ai, "Cost Tracking").

use serde::Deserialize;
use serde_json::value::RawValue;

use super::number::{Count, dollars, lenient};
use super::report::Report;
use crate::domain::{Media, Money, Pieces, ServiceTier, Usage};

#[derive(Deserialize, Default)]
#[serde(default)]
struct Reported<'a> {
    prompt_tokens: Count,
    input_tokens: Count,
    completion_tokens: Count,
    output_tokens: Count,
    total_tokens: Count,
    cached_tokens: Count,
    prompt_cache_hit_tokens: Count,
    cache_read_input_tokens: Count,
    cache_creation_input_tokens: Count,
    #[serde(borrow)]
    prompt_tokens_details: Option<&'a RawValue>,
    #[serde(borrow)]
    input_tokens_details: Option<&'a RawValue>,
    #[serde(borrow)]
    input_token_details: Option<&'a RawValue>,
    #[serde(borrow)]
    completion_tokens_details: Option<&'a RawValue>,
    #[serde(borrow)]
    output_tokens_details: Option<&'a RawValue>,
    #[serde(borrow)]
    output_token_details: Option<&'a RawValue>,
    seconds: Count,
    prompt_audio_seconds: Count,
    num_search_queries: Count,
    #[serde(borrow)]
    server_tool_use: Option<&'a RawValue>,
    #[serde(borrow)]
    server_side_tool_usage_details: Option<&'a RawValue>,
    #[serde(borrow)]
    service_tier: Option<&'a RawValue>,
    #[serde(borrow)]
    cost: Option<&'a RawValue>,
    #[serde(borrow)]
    cost_details: Option<&'a RawValue>,
    is_byok: Option<&'a RawValue>,
    cost_in_usd_ticks: Count,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Details<'a> {
    cached_tokens: Count,
    cache_write_tokens: Count,
    cache_creation_tokens: Count,
    cache_creation_input_tokens: Count,
    reasoning_tokens: Count,
    audio_tokens: Count,
    image_tokens: Count,
    #[serde(borrow)]
    cached_tokens_details: Option<&'a RawValue>,
    #[serde(borrow)]
    cache_write_tokens_details: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct CachedDetails {
    audio_tokens: Count,
    image_tokens: Count,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WrittenDetails {
    ttl_12h_tokens: Count,
}

/// What a provider's own tools did.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct ToolUse {
    web_search_requests: Count,
    web_fetch_requests: Count,
    web_search_calls: Count,
    x_search_calls: Count,
    file_search_calls: Count,
    collections_search_calls: Count,
    code_interpreter_calls: Count,
}

impl ToolUse {
    pub(super) fn pieces(&self) -> Pieces {
        let told = |counts: &[Count]| {
            let counts = counts.iter().filter_map(|count| count.0);
            counts.fold(0, u64::saturating_add)
        };
        Pieces {
            web_searches: told(&[
                self.web_search_requests,
                self.web_search_calls,
                self.x_search_calls,
            ]),
            web_fetches: told(&[self.web_fetch_requests]),
            file_searches: told(&[self.file_search_calls, self.collections_search_calls]),
            code_sessions: told(&[self.code_interpreter_calls]),
            ..Pieces::default()
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct CostDetails<'a> {
    #[serde(borrow)]
    total_cost: Option<&'a RawValue>,
    #[serde(borrow)]
    upstream_inference_cost: Option<&'a RawValue>,
}

/// A tick of xAI's is so many picodollars.
const TICK: Money = Money::from_pico(100);

impl Reported<'_> {
    /// The provider's own dollars.
    fn dollars(&self) -> Option<Money> {
        if let Some(ticks) = self.cost_in_usd_ticks.0 {
            return Some(TICK.times(ticks));
        }
        let details = |raw| lenient::<CostDetails<'_>>(raw).unwrap_or_default();
        let told = dollars(self.cost).or_else(|| dollars(details(self.cost).total_cost))?;
        let behind = self
            .is_byok
            .filter(|own| own.get() == "true")
            .and_then(|_| dollars(details(self.cost_details).upstream_inference_cost));
        Some(told.plus(behind.unwrap_or_default()))
    }
}

/// How many seconds a number is, each begun one whole.
pub(super) fn seconds(raw: &RawValue) -> Option<u64> {
    lenient::<Count>(Some(raw))?.0
}

/// The tier that an answer names beside its usage; `None`: it names none.
pub(crate) fn tier(named: Option<&RawValue>) -> Option<ServiceTier> {
    lenient::<String>(named).map(|word| ServiceTier::of(&word))
}

/// The first of these that is an object.
fn object(names: [Option<&RawValue>; 3]) -> Option<&RawValue> {
    let mut told = names.into_iter().flatten();
    told.find(|raw| raw.get().starts_with('{'))
}

/// Reads a `usage` object; `None`: it cannot be read. `tier` is what stands beside it.
pub(super) fn report(usage: &RawValue, beside: Option<&RawValue>) -> Option<Report> {
    let told: Reported<'_> = lenient(Some(usage))?;
    let input = object([
        told.prompt_tokens_details,
        told.input_tokens_details,
        told.input_token_details,
    ]);
    let output = object([
        told.completion_tokens_details,
        told.output_tokens_details,
        told.output_token_details,
    ]);
    let input: Details<'_> = lenient(input).unwrap_or_default();
    let output: Details<'_> = lenient(output).unwrap_or_default();
    let from_cache: CachedDetails = lenient(input.cached_tokens_details).unwrap_or_default();
    let written: WrittenDetails = lenient(input.cache_write_tokens_details).unwrap_or_default();
    let told_media = |input: Count, cached: Count, output: Count| Media {
        input: input.0.unwrap_or(0),
        cached: cached.0.unwrap_or(0),
        output: output.0.unwrap_or(0),
    };
    let tools = [told.server_tool_use, told.server_side_tool_usage_details];
    let tools = tools.into_iter().fold(Pieces::default(), |sum, raw| {
        sum.max(lenient::<ToolUse>(raw).unwrap_or_default().pieces())
    });
    let input_tokens = told.prompt_tokens.0.or(told.input_tokens.0);
    Some(Report {
        timed: input_tokens.is_none() && told.seconds.0.is_some(),
        input: input_tokens,
        cached: input
            .cached_tokens
            .0
            .or(told.cached_tokens.0)
            .or(told.prompt_cache_hit_tokens.0)
            .or(told.cache_read_input_tokens.0),
        written: input
            .cache_write_tokens
            .0
            .or(input.cache_creation_input_tokens.0)
            .or(input.cache_creation_tokens.0)
            .or(told.cache_creation_input_tokens.0),
        written_12h: written.ttl_12h_tokens.0,
        output: told.completion_tokens.0.or(told.output_tokens.0),
        reasoning: output.reasoning_tokens.0,
        total: told.total_tokens.0,
        audio: told_media(
            input.audio_tokens,
            from_cache.audio_tokens,
            output.audio_tokens,
        ),
        image: told_media(
            input.image_tokens,
            from_cache.image_tokens,
            output.image_tokens,
        ),
        pieces: Pieces {
            seconds: told.seconds.0.or(told.prompt_audio_seconds.0).unwrap_or(0),
            web_searches: tools
                .web_searches
                .max(told.num_search_queries.0.unwrap_or(0)),
            ..tools
        },
        tier: tier(beside).or(tier(told.service_tier)),
        cost: told.dollars(),
        ..Report::default()
    })
}

/// Reads a `usage` object into our way of counting; `None`: it says nothing of the input.
pub(crate) fn read(usage: &RawValue) -> Option<Usage> {
    report(usage, None)?.usage()
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
        assert_eq!(of(r#"{"prompt_tokens":"7"}"#).unwrap().prompt, 7);
        assert_eq!(of(r#"{"prompt_tokens":-7}"#), None);
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
