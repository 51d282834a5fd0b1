//! What the echo thinks of texts: nothing bad, and the more of the query's words a document has, the better it fits.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

/// One result for each input, none of them flagged.
pub(super) fn moderation(model: &str, body: &Map<String, Value>) -> Value {
    let inputs = match body.get("input") {
        Some(Value::Array(inputs)) if inputs.iter().all(Value::is_string) => inputs.len(),
        Some(_) | None => 1,
    };
    let result = json!({"flagged": false, "categories": {}, "category_scores": {}, "category_applied_input_types": {}});
    json!({"id": "modr-echo", "model": model, "results": vec![result; inputs]})
}

/// The documents in the order of the share of the query's words that they have.
pub(super) fn rerank(body: &Map<String, Value>) -> Value {
    let query = words(body.get("query").unwrap_or(&Value::Null));
    let documents = body
        .get("documents")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let read: Vec<Vec<String>> = documents.iter().map(words).collect();
    let wanted: HashSet<&String> = query.iter().collect();
    let score = |document: &[String]| {
        let own: HashSet<&String> = document.iter().collect();
        let found = u32::try_from(wanted.intersection(&own).count()).unwrap_or(u32::MAX);
        f64::from(found) / f64::from(u32::try_from(wanted.len()).unwrap_or(u32::MAX).max(1))
    };
    let mut ranked: Vec<(usize, f64)> = read
        .iter()
        .enumerate()
        .map(|(index, document)| (index, score(document)))
        .collect();
    ranked.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    let most = body.get("top_n").and_then(Value::as_u64);
    ranked.truncate(most.map_or(usize::MAX, |most| {
        usize::try_from(most).unwrap_or(usize::MAX)
    }));
    let results: Vec<Value> = ranked
        .into_iter()
        .map(|(index, score)| {
            json!({"index": index, "relevance_score": score, "document": documents.get(index)})
        })
        .collect();
    let tokens = query.len() + read.iter().map(Vec::len).sum::<usize>();
    json!({"model": body.get("model"), "results": results, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}})
}

/// The words of a text, or of an object's `text`.
fn words(value: &Value) -> Vec<String> {
    let text = value.as_str().or_else(|| value.get("text")?.as_str());
    text.unwrap_or_default()
        .split_whitespace()
        .map(str::to_lowercase)
        .collect()
}
