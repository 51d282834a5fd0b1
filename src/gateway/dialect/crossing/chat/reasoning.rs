//! A model's thinking in OpenAI chat. OpenAI itself has no place for it; what others made is read and written here:
//! `reasoning_content` (DeepSeek, Qwen, Kimi, vLLM) or `reasoning` (OpenRouter, Ollama) for its words, `reasoning_details`
//! (OpenRouter docs, "Reasoning tokens") for words with signatures, and for what is encrypted. A detail that belongs to one
//! call has the call's id.

use serde_json::{Map, Value, json};

use crate::domain::Result;
use crate::gateway::dialect::crossing::Dialect;
use crate::gateway::dialect::crossing::conversation::{Call, Content, Part, Thinking};
use crate::gateway::dialect::crossing::fields::{Fields, wrong};
use crate::gateway::dialect::crossing::seal::Seal;

/// Details, with those put together that a stream cut into pieces.
#[derive(Clone, Default, Debug)]
pub(super) struct Details(Vec<Map<String, Value>>);

impl Details {
    /// Adds a detail, or a piece of one; what is no object is passed over.
    pub(super) fn add(&mut self, piece: Value) {
        let Value::Object(piece) = piece else { return };
        match self.0.iter_mut().rfind(|whole| continues(whole, &piece)) {
            None => self.0.push(piece),
            Some(whole) => {
                for (name, value) in piece {
                    match (whole.get_mut(&name), value) {
                        (_, Value::Null) => {}
                        (Some(Value::String(text)), Value::String(more))
                            if WORDS.contains(&name.as_str()) =>
                        {
                            text.push_str(&more);
                        }
                        (_, value) => {
                            whole.insert(name, value);
                        }
                    }
                }
            }
        }
    }

    /// All of them as one array of JSON, and nothing is left; `None`: there are none.
    pub(super) fn take(&mut self) -> Option<String> {
        let details = std::mem::take(&mut self.0);
        (!details.is_empty()).then(|| json!(details).to_string())
    }
}

/// Members that a stream cuts.
const WORDS: [&str; 2] = ["text", "summary"];

/// Whether a piece goes on with a detail: of the same kind and place, and not signed yet.
fn continues(whole: &Map<String, Value>, piece: &Map<String, Value>) -> bool {
    let same = |name| {
        whole
            .get(name)
            .is_some_and(|value| piece.get(name) == Some(value))
    };
    same("type")
        && same("index")
        && WORDS.iter().any(|word| whole.contains_key(*word))
        && whole.get("signature").is_none_or(Value::is_null)
}

/// What an earlier answer thought.
#[derive(Default)]
pub(super) struct Thoughts {
    /// What it began with.
    pub(super) first: Vec<Part>,
    /// What belongs to a call, by the call's id.
    pub(super) of_calls: Vec<(String, Part)>,
}

/// Takes the thinking out of an assistant's message.
pub(super) fn read(fields: &mut Fields, calls: &[Call]) -> Result<Thoughts> {
    let other_word = fields.text("reasoning")?;
    let text = fields.text("reasoning_content")?.or(other_word);
    let mut details = Details::default();
    for (detail, path) in fields.items("reasoning_details")? {
        if !detail.is_object() {
            return Err(wrong(&path, "must be an object"));
        }
        details.add(detail);
    }
    let (mut thoughts, mut own) = (Thoughts::default(), Vec::new());
    for detail in details.0 {
        let member = |name| detail.get(name).and_then(Value::as_str);
        let token = member("signature").or(member("data"));
        let Some(seal) = token.and_then(Seal::foreign) else {
            own.push(detail);
            continue;
        };
        let part = thought(member("text").unwrap_or_default(), seal);
        match member("id") {
            Some(id) if calls.iter().any(|call| call.id == id) => {
                thoughts.of_calls.push((id.to_owned(), part));
            }
            Some(_) | None => thoughts.first.push(part),
        }
    }
    if !own.is_empty() {
        let seal = Seal::new(Dialect::Chat, json!(own).to_string());
        thoughts
            .first
            .insert(0, thought(text.unwrap_or_default(), seal));
    } else if thoughts.first.is_empty() && thoughts.of_calls.is_empty() {
        let text = text.filter(|text| !text.is_empty());
        thoughts
            .first
            .extend(text.map(|text| thought(text, Seal::new(Dialect::Chat, ""))));
    }
    Ok(thoughts)
}

pub(super) fn thought(text: impl Into<String>, seal: Seal) -> Part {
    let text = text.into();
    Content::Thinking(Thinking { text, seal }).into()
}

/// Writes into a message to a channel what one of its kind thought; what others thought is left out, see `seal`.
pub(super) fn write_own(thoughts: &[&Thinking], message: &mut Map<String, Value>) {
    let (mut text, mut details) = (String::new(), Vec::new());
    for thinking in thoughts
        .iter()
        .filter(|thinking| thinking.seal.by == Dialect::Chat)
    {
        text.push_str(&thinking.text);
        details.extend(own_details(&thinking.seal));
    }
    let word = if details.is_empty() {
        "reasoning_content"
    } else {
        "reasoning"
    };
    if !text.is_empty() {
        message.insert(word.to_owned(), text.into());
    }
    if !details.is_empty() {
        message.insert("reasoning_details".to_owned(), details.into());
    }
}

/// The details that tell a client of a seal and of the words under it, if there are any; `call`: the call it belongs to.
pub(super) fn details(
    words: Option<&str>,
    seal: &Seal,
    call: Option<&str>,
    index: usize,
) -> Vec<Value> {
    if seal.by == Dialect::Chat {
        return own_details(seal);
    }
    let token = seal.token(Dialect::Chat);
    let mut detail = match words {
        Some(words) => json!({"type": "reasoning.text", "text": words, "signature": token}),
        None => json!({"type": "reasoning.encrypted", "data": token}),
    };
    if let Some(detail) = detail.as_object_mut() {
        detail.insert("index".to_owned(), index.into());
        detail.extend(call.map(|id| ("id".to_owned(), id.into())));
    }
    vec![detail]
}

fn own_details(seal: &Seal) -> Vec<Value> {
    serde_json::from_str(&seal.data).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_a_detail_are_put_together_and_whole_ones_stay_apart() {
        let mut details = Details::default();
        for piece in [
            json!({"type": "reasoning.text", "text": "Let ", "index": 0, "signature": null}),
            json!({"type": "reasoning.text", "text": "me.", "index": 0}),
            json!({"type": "reasoning.text", "index": 0, "signature": "s"}),
            json!({"type": "reasoning.text", "text": "More.", "index": 0, "signature": "t"}),
            json!({"type": "reasoning.encrypted", "data": "a", "id": "1", "index": 0}),
            json!({"type": "reasoning.encrypted", "data": "b", "id": "2", "index": 0}),
            json!(7),
        ] {
            details.add(piece);
        }
        let whole: Value = serde_json::from_str(&details.take().unwrap()).unwrap();
        assert_eq!(
            whole,
            json!([
                {"type": "reasoning.text", "text": "Let me.", "index": 0, "signature": "s"},
                {"type": "reasoning.text", "text": "More.", "index": 0, "signature": "t"},
                {"type": "reasoning.encrypted", "data": "a", "id": "1", "index": 0},
                {"type": "reasoning.encrypted", "data": "b", "id": "2", "index": 0},
            ])
        );
        assert_eq!(details.take(), None);
    }

    #[test]
    fn what_others_thought_does_not_go_to_a_channel() {
        let thinking = |by, data: &str| Thinking {
            text: format!("{by:?}."),
            seal: Seal::new(by, data),
        };
        let (mine, theirs) = (
            thinking(Dialect::Chat, ""),
            thinking(Dialect::Messages, "sig"),
        );
        let mut message = Map::new();
        write_own(&[&theirs, &mine], &mut message);
        assert_eq!(
            Value::Object(message),
            json!({"reasoning_content": "Chat."})
        );
        let detailed = thinking(
            Dialect::Chat,
            r#"[{"type":"reasoning.encrypted","data":"x"}]"#,
        );
        let mut message = Map::new();
        write_own(&[&detailed], &mut message);
        assert_eq!(
            Value::Object(message),
            json!({"reasoning": "Chat.", "reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}]})
        );
    }
}
