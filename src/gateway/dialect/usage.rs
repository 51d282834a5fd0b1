//! The numbers that providers of OpenAI-compatible interfaces report, brought to one way of counting.
//!
//! | provider | cached input | reasoning | note |
//! |---|---|---|---|
//! | OpenAI chat, vLLM, Groq, OpenRouter | `prompt_tokens_details.cached_tokens`, included | `completion_tokens_details.reasoning_tokens`, included | vLLM's details may be `null`; OpenRouter adds `cache_write_tokens`, included |
//! | OpenAI responses | `input_tokens_details.cached_tokens`, included | `output_tokens_details.reasoning_tokens`, included | |
//! | DeepSeek | `prompt_cache_hit_tokens`, included | as OpenAI | hit + miss = prompt |
//! | Groq, streamed | as OpenAI | as OpenAI | also under `x_groq.usage` |
//! | xAI | as OpenAI | *not* included | told by `total_tokens` = prompt + completion + reasoning |
//! | Gemini's compatible interface | as OpenAI | neither told nor included | told by `total_tokens` above prompt + completion |
//! | Mistral, llama.cpp, Ollama | none | none | |
//!
//! Zero is a number, not a missing one; what cannot be read is missing, not zero.

use serde::Deserialize;
use serde_json::Number;
use serde_json::value::RawValue;

use crate::domain::Usage;

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
    input_tokens_details: Option<Details>,
    completion_tokens_details: Option<Details>,
    output_tokens_details: Option<Details>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Details {
    cached_tokens: Option<Number>,
    cache_write_tokens: Option<Number>,
    reasoning_tokens: Option<Number>,
}

fn count(number: &Option<Number>) -> Option<u64> {
    number.as_ref().and_then(Number::as_u64)
}

/// Reads a `usage` object; `None`: it does not say how many tokens the prompt had, or cannot be read.
pub(crate) fn read(usage: &RawValue) -> Option<Usage> {
    let reported: Reported = serde_json::from_str(usage.get()).ok()?;
    let prompt = count(&reported.prompt_tokens).or(count(&reported.input_tokens))?;
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
        estimated: false,
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
