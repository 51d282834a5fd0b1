//! Gemini `generateContent`. A stream is a row of whole answers, each with a piece of the words and the usage so far; it has
//! no event that ends it: behind an answer that says why it finished, or that the prompt was blocked, it may end.
//! What its `usage` counts stands in the table of `usage`.
//!
//! Audio and images stand in the details of each number.
//! References: Gemini API, "Generating content" (`GenerateContentResponse`, `UsageMetadata`, `FinishReason`), and Google Cloud
//! APIs, "Errors".

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json, json};

use super::number::{Count, lenient};
use super::report::Report;
use super::told::{CutOff, Seen, Written};
use super::usage;
use super::walk::{self, Value};
use crate::domain::{Error, Media, Usage};

pub(super) fn read_frame(data: &[u8], written: &mut Written) -> Seen {
    let (mut seen, mut has_usage) = (Seen::default(), false);
    walk::members(data, |depth, key, value| match (depth, key, value) {
        (1, b"error", value) => seen.error |= !value.is_null(),
        (1, b"usageMetadata", value) => has_usage |= value.is_object(),
        (_, b"webSearchQueries" | b"imageSearchQueries", Value::Other(_)) => has_usage = true,
        (_, b"finishReason" | b"blockReason", Value::Text(_)) => seen.may_end = true,
        (_, b"text" | b"name", Value::Text(text)) if depth > 1 && !text.is_empty() => {
            written.push(text);
            seen.content = true;
        }
        (_, b"args", value) if depth > 1 && value.is_object() => seen.content = true,
        _ => {}
    });
    if seen.error {
        seen.terminal = true;
    } else if has_usage {
        seen.usage = report(data).map(Box::new);
    }
    seen
}

/// What a whole answer, or a piece of a streamed one, says was used.
pub(super) fn report(answer: &[u8]) -> Option<Report> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Chunk<'a> {
        #[serde(borrow)]
        usage_metadata: Option<&'a RawValue>,
        #[serde(borrow)]
        service_tier: Option<&'a RawValue>,
        #[serde(borrow)]
        candidates: Option<&'a RawValue>,
    }
    let chunk: Chunk<'_> = serde_json::from_slice(answer).ok()?;
    let queries = grounding(chunk.candidates);
    let mut report = match chunk.usage_metadata.and_then(usage_report) {
        Some(report) => report,
        None if queries > 0 => Report::default(),
        None => return None,
    };
    report.tier = report.tier.or(usage::tier(chunk.service_tier));
    report.pieces.grounded_queries = queries;
    Some(report)
}

/// How many searches of the web grounded the answer.
fn grounding(candidates: Option<&RawValue>) -> u64 {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Candidate<'a> {
        #[serde(borrow)]
        grounding_metadata: Option<&'a RawValue>,
    }
    #[derive(Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    #[derive(Default)]
    struct Grounding {
        web_search_queries: Option<Vec<String>>,
        image_search_queries: Option<Vec<String>>,
    }
    let candidates = candidates.filter(|raw| raw.get().contains("SearchQueries"));
    let candidates: Vec<Candidate<'_>> = lenient(candidates).unwrap_or_default();
    let found = candidates.into_iter().map(|candidate| {
        let told: Grounding = lenient(candidate.grounding_metadata).unwrap_or_default();
        let lists = [told.web_search_queries, told.image_search_queries];
        let queries = lists.into_iter().flatten().flatten();
        u64::try_from(queries.filter(|query| !query.trim().is_empty()).count()).unwrap_or(u64::MAX)
    });
    found.fold(0, u64::saturating_add)
}

/// google-genai 3.6.1, `GenerateContentResponseUsageMetadata` and `UsageMetadata`.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Reported<'a> {
    prompt_token_count: Count,
    cached_content_token_count: Count,
    tool_use_prompt_token_count: Count,
    candidates_token_count: Count,
    response_token_count: Count,
    thoughts_token_count: Count,
    total_token_count: Count,
    #[serde(borrow)]
    prompt_tokens_details: Option<&'a RawValue>,
    #[serde(borrow)]
    cache_tokens_details: Option<&'a RawValue>,
    #[serde(borrow)]
    candidates_tokens_details: Option<&'a RawValue>,
    #[serde(borrow)]
    response_tokens_details: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_use_prompt_tokens_details: Option<&'a RawValue>,
    #[serde(borrow)]
    traffic_type: Option<&'a RawValue>,
    #[serde(borrow)]
    service_tier: Option<&'a RawValue>,
}

/// The tokens of one medium.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Modality {
    modality: String,
    token_count: Count,
}

impl Reported<'_> {
    fn media(&self) -> (Media, Media) {
        let read = |lists: [Option<&RawValue>; 2]| -> Vec<Modality> {
            let lists = lists.into_iter();
            lists
                .flat_map(|raw| lenient::<Vec<Modality>>(raw).unwrap_or_default())
                .collect()
        };
        let input = read([
            self.prompt_tokens_details,
            self.tool_use_prompt_tokens_details,
        ]);
        let cached = read([self.cache_tokens_details, None]);
        let output = read([
            self.candidates_tokens_details
                .or(self.response_tokens_details),
            None,
        ]);
        let of = |details: &[Modality], name: &str| -> u64 {
            let named = details
                .iter()
                .filter(|one| one.modality.eq_ignore_ascii_case(name));
            named
                .filter_map(|one| one.token_count.0)
                .fold(0, u64::saturating_add)
        };
        let medium = |name: &str| Media {
            input: of(&input, name),
            cached: of(&cached, name),
            output: of(&output, name),
        };
        (medium("AUDIO"), medium("IMAGE"))
    }
}

/// Reads `usageMetadata`. What the model thought is not in the number of the candidates, what tools put into the prompt not in
/// that of the prompt.
fn usage_report(usage: &RawValue) -> Option<Report> {
    let told: Reported<'_> = lenient(Some(usage))?;
    let (audio, image) = told.media();
    // The sum tells what was written where that is left out: behind a prompt that was thought about and not answered.
    let output = told
        .candidates_token_count
        .0
        .or(told.response_token_count.0)
        .or_else(|| {
            let parts = [
                told.prompt_token_count.0?,
                told.tool_use_prompt_token_count.0.unwrap_or(0),
                told.thoughts_token_count.0.unwrap_or(0),
            ];
            let parts = parts.into_iter().fold(0, u64::saturating_add);
            Some(told.total_token_count.0?.saturating_sub(parts))
        });
    Some(Report {
        input: told.prompt_token_count.0,
        cached: told.cached_content_token_count.0,
        from_tools: told.tool_use_prompt_token_count.0,
        output,
        reasoning: told.thoughts_token_count.0,
        thought_apart: true,
        audio,
        image,
        tier: usage::tier(told.service_tier).or(usage::tier(told.traffic_type)),
        ..Report::default()
    })
}

/// Reads `usageMetadata` into our way of counting; `None`: it does not say how many tokens the prompt had.
pub(super) fn usage(usage: &RawValue) -> Option<Usage> {
    usage_report(usage)?.usage()
}

pub(super) fn read_written(answer: &[u8], written: &mut Written) {
    walk::members(answer, |depth, key, value| {
        if depth > 1
            && matches!(key, b"text" | b"name")
            && let Some(text) = value.text()
        {
            written.push(text);
        }
    });
}

/// One more answer, without words, which says that the limit was reached.
pub(super) fn cut_off(cut: &CutOff<'_>) -> String {
    let mut last = Map::new();
    for (name, value) in CutOff::object(cut.first) {
        if matches!(name.as_str(), "modelVersion" | "responseId") {
            last.insert(name, value);
        }
    }
    let candidate = |index: u64| json!({"content": {"role": "model", "parts": [{"text": ""}]}, "finishReason": "MAX_TOKENS", "index": index});
    let candidates: Vec<Json> = (0..cut.choices).map(candidate).collect();
    last.insert("candidates".to_owned(), candidates.into());
    last.insert("usageMetadata".to_owned(), wire_usage(cut.usage));
    format!("data: {}\n\n", Json::Object(last))
}

/// `usageMetadata`; what was written to the cache has no place in it but the prompt.
pub(super) fn wire_usage(usage: &Usage) -> Json {
    json!({
        "promptTokenCount": usage.prompt,
        "cachedContentTokenCount": usage.cached,
        "candidatesTokenCount": usage.completion.saturating_sub(usage.reasoning),
        "thoughtsTokenCount": usage.reasoning,
        "totalTokenCount": usage.total(),
    })
}

pub(super) fn error_frame(error: &Error) -> String {
    let (code, status) = (error.code.status(), error.code.google_status());
    let body = json!({"error": {"code": code, "message": error.message, "status": status}});
    format!("data: {body}\n\n")
}
