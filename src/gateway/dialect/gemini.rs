//! Gemini `generateContent`. A stream is a row of whole answers, each with a piece of the words and the usage so far; it has
//! no event that ends it: behind an answer that says why it finished, or that the prompt was blocked, it may end.
//! What its `usage` counts stands in the table of `usage`.
//!
//! Audio and images stand in the details of each number.
//! References: Gemini API, "Generating content" (`GenerateContentResponse`, `UsageMetadata`, `FinishReason`), and Google Cloud
//! APIs, "Errors".

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value as Json, json};

use super::told::{CutOff, Report, Seen, Written};
use super::walk::{self, Value};
use crate::domain::{Error, Media, Usage};

pub(super) fn read_frame(data: &[u8], written: &mut Written) -> Seen {
    let (mut seen, mut has_usage) = (Seen::default(), false);
    walk::members(data, |depth, key, value| match (depth, key, value) {
        (1, b"error", value) => seen.error |= !value.is_null(),
        (1, b"usageMetadata", value) => has_usage |= value.is_object(),
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
        seen.usage = read_usage(data).map(Report::All);
    }
    seen
}

fn read_usage(data: &[u8]) -> Option<Usage> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Chunk<'a> {
        #[serde(borrow)]
        usage_metadata: Option<&'a RawValue>,
    }
    let chunk: Chunk<'_> = serde_json::from_slice(data).ok()?;
    chunk.usage_metadata.and_then(usage)
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Reported {
    prompt_token_count: Option<Number>,
    cached_content_token_count: Option<Number>,
    tool_use_prompt_token_count: Option<Number>,
    candidates_token_count: Option<Number>,
    thoughts_token_count: Option<Number>,
    prompt_tokens_details: Vec<Modality>,
    cache_tokens_details: Vec<Modality>,
    candidates_tokens_details: Vec<Modality>,
}

/// The tokens of one medium.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Modality {
    modality: String,
    token_count: Option<Number>,
}

impl Reported {
    fn medium(&self, name: &str) -> Media {
        let of = |details: &[Modality]| -> u64 {
            let named = details.iter().filter(|one| one.modality == name);
            named.filter_map(|one| count(&one.token_count)).sum()
        };
        Media {
            input: of(&self.prompt_tokens_details),
            cached: of(&self.cache_tokens_details),
            output: of(&self.candidates_tokens_details),
        }
    }
}

fn count(number: &Option<Number>) -> Option<u64> {
    number.as_ref().and_then(Number::as_u64)
}

/// The usage; `None`: it does not say how many tokens the prompt had. What the model thought is not in the number of the
/// candidates, what tools put into the prompt not in that of the prompt.
pub(super) fn usage(usage: &RawValue) -> Option<Usage> {
    let reported: Reported = serde_json::from_str(usage.get()).ok()?;
    let prompt = count(&reported.prompt_token_count)?;
    let reasoning = count(&reported.thoughts_token_count).unwrap_or(0);
    Some(Usage {
        prompt: prompt.saturating_add(count(&reported.tool_use_prompt_token_count).unwrap_or(0)),
        cached: count(&reported.cached_content_token_count).unwrap_or(0),
        completion: count(&reported.candidates_token_count)
            .unwrap_or(0)
            .saturating_add(reasoning),
        reasoning,
        audio: reported.medium("AUDIO"),
        image: reported.medium("IMAGE"),
        ..Usage::default()
    })
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
