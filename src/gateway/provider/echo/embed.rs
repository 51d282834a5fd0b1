//! Embeddings of the echo: a unit vector of each text, the same for the same words, nearer the more words are shared.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

const DIMENSIONS: u64 = 256;
const MOST_DIMENSIONS: u64 = 4_096;

pub(super) fn answer(body: &Map<String, Value>) -> Value {
    let dimensions = body
        .get("dimensions")
        .and_then(Value::as_u64)
        .unwrap_or(DIMENSIONS)
        .clamp(1, MOST_DIMENSIONS);
    let base64 = body.get("encoding_format").and_then(Value::as_str) == Some("base64");
    let texts: Vec<Vec<String>> = match body.get("input") {
        Some(Value::Array(items)) if items.iter().all(Value::is_number) => {
            vec![items.iter().map(Value::to_string).collect()]
        }
        Some(Value::Array(items)) => items.iter().map(words).collect(),
        Some(one) => vec![words(one)],
        None => Vec::new(),
    };
    let tokens: usize = texts.iter().map(Vec::len).sum();
    let data: Vec<Value> = texts
        .iter()
        .enumerate()
        .map(|(index, words)| {
            let vector = unit_vector(words, usize::try_from(dimensions).unwrap_or(1));
            let embedding = if base64 {
                Value::from(encode(&vector))
            } else {
                json!(vector)
            };
            json!({"object": "embedding", "index": index, "embedding": embedding})
        })
        .collect();
    json!({"object": "list", "data": data, "model": body.get("model"), "usage": {"prompt_tokens": tokens, "total_tokens": tokens}})
}

/// The vector of one text, of the usual length.
pub(super) fn of_text(text: &str) -> Vec<f32> {
    let dimensions = usize::try_from(DIMENSIONS).unwrap_or(1);
    unit_vector(&words(&Value::from(text)), dimensions)
}

fn words(item: &Value) -> Vec<String> {
    match item {
        Value::String(text) => text.split_whitespace().map(str::to_owned).collect(),
        Value::Array(tokens) => tokens.iter().map(Value::to_string).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            vec![item.to_string()]
        }
    }
}

/// The sum of a direction for each word, made one long.
fn unit_vector(words: &[String], dimensions: usize) -> Vec<f32> {
    let mut sum = vec![0f32; dimensions];
    for word in words
        .iter()
        .map(String::as_str)
        .chain(words.is_empty().then_some(""))
    {
        let mut seed = u64::from(crc32fast::hash(word.to_lowercase().as_bytes())) | 1 << 40;
        for value in &mut sum {
            // xorshift64*: Vigna, 2016.
            seed ^= seed >> 12;
            seed ^= seed << 25;
            seed ^= seed >> 27;
            let bits = u16::try_from(seed.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 48).unwrap_or(0);
            *value += f32::from(bits) / 32_768.0 - 1.0;
        }
    }
    let length = sum.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > 0.0 {
        sum.iter_mut().for_each(|value| *value /= length);
    }
    sum
}

/// Base64 (RFC 4648) of the numbers as little-endian: what the official SDKs ask for.
fn encode(vector: &[f32]) -> String {
    let bytes: Vec<u8> = vector
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(text: &str) -> Vec<f32> {
        unit_vector(&words(&Value::from(text)), 64)
    }

    #[test]
    fn the_same_words_give_the_same_unit_vector_and_shared_words_a_near_one() {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        let (one, same, near, far) = (
            vector("a red apple"),
            vector("a red apple"),
            vector("a red pear"),
            vector("quantum flux"),
        );
        assert_eq!(one, same);
        assert!((dot(&one, &one) - 1.0).abs() < 1e-5);
        assert!(dot(&one, &near) > dot(&one, &far));
    }

    #[test]
    fn base64_is_as_the_standard_says() {
        // 1.0f32 is 00 00 80 3F.
        assert_eq!(encode(&[1.0]), "AACAPw==");
        assert_eq!(encode(&[1.0, 0.0, 0.0]), "AACAPwAAAAAAAAAA");
    }
}
