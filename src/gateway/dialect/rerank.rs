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
use serde_json::value::RawValue;

use super::number::{Count, lenient};
use super::report::Report;
use super::usage;
use crate::domain::Pieces;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Meta<'a> {
    #[serde(borrow)]
    billed_units: Option<&'a RawValue>,
    #[serde(borrow)]
    tokens: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Units {
    search_units: Count,
    input_tokens: Count,
}

/// Reads the usage of a whole answer; `None`: it tells none.
pub(super) fn usage(told: Option<&RawValue>, meta: Option<&RawValue>) -> Option<Report> {
    let meta: Meta<'_> = lenient(meta).unwrap_or_default();
    let units = |raw| lenient::<Units>(raw).unwrap_or_default();
    let (billed, tokens) = (units(meta.billed_units), units(meta.tokens));
    let told = told.and_then(|told| usage::report(told, None));
    let total = told.as_ref().and_then(|told| told.input.or(told.total));
    let input = total.or(billed.input_tokens.0).or(tokens.input_tokens.0);
    let searches = billed.search_units.0;
    if input.is_none() && searches.is_none() {
        return None;
    }
    let told = told.unwrap_or_default();
    Some(Report {
        input: Some(input.unwrap_or(0)),
        output: Some(0),
        total: None,
        pieces: Pieces {
            searches: searches.unwrap_or(0),
            ..told.pieces
        },
        ..told
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
                .used()
                .map(|usage| (usage.prompt, usage.pieces.searches));
            assert_eq!(read, expected, "{answer}");
        }
    }
}
