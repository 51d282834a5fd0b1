//! Reranks. There is no one standard: a query and documents go in, and an order comes out, with its usage in one of these
//! forms.
//!
//! | provider | usage |
//! |---|---|
//! | Jina, Voyage, vLLM | `usage.total_tokens`, often nothing else |
//! | Cohere | `meta.billed_units.search_units`; one search for each 100 documents, long ones cut into several |
//! | SiliconFlow, Cohere's newer models | `meta.tokens.input_tokens` |
//!
//! References: Jina, Voyage, Cohere and SiliconFlow API references, "Rerank".

use serde::Deserialize;
use serde_json::Number;
use serde_json::value::RawValue;

use super::usage;
use crate::domain::{Pieces, Usage};

#[derive(Deserialize, Default)]
#[serde(default)]
struct Meta {
    billed_units: Option<Units>,
    tokens: Option<Units>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Units {
    search_units: Option<Number>,
    input_tokens: Option<Number>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Total {
    total_tokens: Option<Number>,
}

/// Reads the usage of a whole answer; `None`: it tells none.
pub(super) fn usage(told: Option<&RawValue>, meta: Option<&RawValue>) -> Option<Usage> {
    let total = |raw: &RawValue| serde_json::from_str::<Total>(raw.get()).ok()?.total_tokens;
    let meta: Meta = meta
        .and_then(|raw| serde_json::from_str(raw.get()).ok())
        .unwrap_or_default();
    let billed = meta.billed_units.unwrap_or_default();
    let tokens = [
        billed.input_tokens,
        meta.tokens.unwrap_or_default().input_tokens,
    ];
    let prompt = told
        .and_then(usage::read)
        .map(|usage| usage.prompt)
        .or_else(|| told.and_then(total)?.as_u64())
        .or_else(|| {
            tokens
                .into_iter()
                .flatten()
                .find_map(|count| count.as_u64())
        });
    let searches = billed.search_units.and_then(|count| count.as_u64());
    if prompt.is_none() && searches.is_none() {
        return None;
    }
    Some(Usage {
        prompt: prompt.unwrap_or(0),
        pieces: Pieces {
            searches: searches.unwrap_or(0),
            ..Pieces::default()
        },
        ..Usage::default()
    })
}

#[cfg(test)]
mod tests {
    use crate::domain::Endpoint;
    use crate::gateway::dialect::read_answer;

    #[test]
    fn each_form_of_usage_is_read() {
        for (answer, expected) in [
            (
                r#"{"results":[],"usage":{"total_tokens":15}}"#,
                Some((15, 0)),
            ),
            (
                r#"{"results":[],"usage":{"prompt_tokens":14,"total_tokens":15}}"#,
                Some((14, 0)),
            ),
            (
                r#"{"results":[],"meta":{"billed_units":{"search_units":2}}}"#,
                Some((0, 2)),
            ),
            (
                r#"{"results":[],"meta":{"tokens":{"input_tokens":31,"output_tokens":0}}}"#,
                Some((31, 0)),
            ),
            (r#"{"results":[]}"#, None),
            (r#"{"results":[],"meta":7}"#, None),
        ] {
            let told = read_answer(Endpoint::Rerank, answer.as_bytes()).unwrap();
            let read = told
                .usage
                .map(|usage| (usage.prompt, usage.pieces.searches));
            assert_eq!(read, expected, "{answer}");
        }
    }
}
