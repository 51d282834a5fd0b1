//! Both bounds are held against the real tokenizers, over texts of every kind.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::domain::Endpoint;

/// Words of a language, a script or a programming language, or none at all.
fn any_text() -> impl Strategy<Value = String> {
    let english = prop::collection::vec(
        prop::sample::select(vec![
            "the",
            "Quota",
            "is",
            "a",
            "promise,",
            "kept",
            "under\n",
            "any",
            "burst.",
            "1,234.56",
            "don't",
            "re-entrant",
        ]),
        0..40,
    )
    .prop_map(|words| words.join(" "));
    let code = prop::collection::vec(
        prop::sample::select(vec![
            "fn main() {\n",
            "    ",
            "\t\t",
            "let x: Vec<_> = ",
            "->",
            "!=",
            "\"\\n\"",
            "// TODO",
            "0xFF_u8",
            "});\n",
            "self.0",
            "<div class=\"a\">",
            "&&",
        ]),
        0..40,
    )
    .prop_map(|pieces| pieces.concat());
    prop_oneof![
        english,
        code,
        "[\u{4e00}-\u{9fff}。，！]{0,60}",
        "[ぁ-ヿ가-힣]{0,40}",
        "[а-яА-ЯёЁ ]{0,60}",
        "[\u{0600}-\u{06ff}\u{0900}-\u{097f} ]{0,60}",
        "[😀-🙏🇦-🇿👩‍💻\u{200d}\u{fe0f}🏽]{0,30}",
        "[\\x00-\\x1f\"\\\\/]{0,30}",
        " {0,200}",
        "a{0,200}",
        "\\PC{0,60}",
        any::<String>(),
    ]
}

/// What OpenAI counts for plain messages: three tokens each, role and content, one for a name, three for the reply.
fn exact(encoding: Encoding, messages: &[(String, String, Option<String>)]) -> u64 {
    let each = messages.iter().map(|(role, content, name)| {
        let name = name.as_ref().map_or(0, |name| encoding.count(name) + 1);
        3 + encoding.count(role) + encoding.count(content) + name
    });
    each.sum::<u64>() + 3
}

/// The body in one of the ways in which clients write JSON.
fn written(body: &Value, way: u8) -> String {
    match way % 3 {
        0 => body.to_string(),
        1 => serde_json::to_string_pretty(body).unwrap(),
        _ => {
            let mut ascii = String::new();
            for unit in body.to_string().encode_utf16() {
                match u8::try_from(unit) {
                    Ok(byte) if byte.is_ascii() => ascii.push(char::from(byte)),
                    _ => ascii.push_str(&format!("\\u{unit:04x}")),
                }
            }
            ascii
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]
    #[test]
    fn no_bound_is_below_the_tokens(
        messages in prop::collection::vec((prop::sample::select(vec!["user", "assistant", "system", "developer"]), any_text(), prop::option::of("[a-z_]{1,12}")), 1..5),
        parts: bool,
        way: u8,
    ) {
        let told: Vec<_> = messages.iter().map(|(role, content, name)| {
            let content = if parts { json!([{"type": "text", "text": content}]) } else { json!(content) };
            let mut message = json!({"role": role, "content": content});
            if let Some(name) = name {
                message["name"] = json!(name);
            }
            message
        }).collect();
        let body = written(&json!({"model": "gpt-4o", "temperature": 1, "messages": told}), way);
        let request = Request::read(Endpoint::Chat, Bytes::from(body)).unwrap();
        let cheap = prompt_bound(&request);
        let owned: Vec<_> = messages.iter().map(|(role, content, name)| ((*role).to_owned(), content.clone(), name.clone())).collect();
        let unknown = tight_bound(&request, None, cheap);
        for encoding in [Encoding::O200k, Encoding::Cl100k] {
            let exact = exact(encoding, &owned);
            let tight = tight_bound(&request, Some(encoding), cheap);
            prop_assert!(cheap >= unknown && unknown >= exact, "{cheap} {unknown} {exact}");
            prop_assert!(unknown >= tight && tight >= exact, "{tight} {exact}");
        }
    }

    #[test]
    fn no_bound_is_below_the_tokens_of_plain_inputs(texts in prop::collection::vec(any_text(), 1..6), way: u8) {
        for (endpoint, body) in [
            (Endpoint::Embeddings, json!({"model": "m", "input": texts})),
            (Endpoint::Completions, json!({"model": "m", "prompt": texts})),
            (Endpoint::Responses, json!({"model": "m", "instructions": texts[0], "input": texts[0]})),
        ] {
            let request = Request::read(endpoint, Bytes::from(written(&body, way))).unwrap();
            let cheap = prompt_bound(&request);
            for encoding in [Encoding::O200k, Encoding::Cl100k] {
                // Two messages, and the reply.
                let exact: u64 = if endpoint == Endpoint::Responses {
                    2 * encoding.count(&texts[0]) + 11
                } else {
                    texts.iter().map(|text| encoding.count(text)).sum()
                };
                let tight = tight_bound(&request, Some(encoding), cheap);
                prop_assert!(cheap >= tight && tight >= exact, "{endpoint:?} {cheap} {tight} {exact}");
            }
        }
    }
}
