//! Writes the parts of a turn, with each signature on the part that Gemini wants it on: the one that follows the thoughts.

use std::mem;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::gateway::dialect::crossing::Dialect;
use crate::gateway::dialect::crossing::conversation::Thinking;
use crate::gateway::dialect::crossing::media::{Media, Source};
use crate::gateway::dialect::crossing::seal::Seal;

/// The parts of a turn so far, and the signature that waits for the next.
#[derive(Default, Debug)]
pub(super) struct Parts {
    written: Vec<Value>,
    signature: Option<String>,
}

impl Parts {
    /// Words. Gemini takes no empty ones but under a signature.
    pub(super) fn text(&mut self, text: &str) {
        if !text.is_empty() {
            self.push(json!({ "text": text }));
        }
    }

    /// A call.
    pub(super) fn call(&mut self, id: &str, name: &str, arguments: Value) {
        self.push(json!({"functionCall": {"id": id, "name": name, "args": arguments}}));
    }

    /// An image, a document or a recording.
    pub(super) fn media(&mut self, media: &Media) {
        self.push(self::media(media));
    }

    /// Thoughts for a client: it gets the seal of any dialect, and brings it back.
    pub(super) fn thinking_for_client(&mut self, thinking: &Thinking) {
        self.thought(&thinking.text);
        self.sealed(&thinking.seal);
    }

    /// Thoughts for the provider: it can use its own only.
    pub(super) fn thinking_for_provider(&mut self, thinking: &Thinking) {
        if thinking.seal.by == Dialect::Gemini {
            self.thought(&thinking.text);
            self.sealed(&thinking.seal);
        }
    }

    /// A piece of a thought.
    pub(super) fn thought(&mut self, text: &str) {
        if !text.is_empty() {
            self.flush();
            self.written.push(json!({"thought": true, "text": text}));
        }
    }

    /// The thoughts up to here are sealed. A seal of another dialect stays with the thoughts.
    pub(super) fn sealed(&mut self, seal: &Seal) {
        if seal.data.is_empty() && seal.id.is_none() {
            return;
        }
        self.flush();
        if seal.by == Dialect::Gemini {
            self.signature = Some(seal.data.clone());
            return;
        }
        let token = seal.token(Dialect::Gemini).into();
        match self.written.last_mut().and_then(Value::as_object_mut) {
            Some(part)
                if !seal.redacted
                    && part.contains_key("thought")
                    && !part.contains_key("thoughtSignature") =>
            {
                part.insert("thoughtSignature".to_owned(), token);
            }
            Some(_) | None => self
                .written
                .push(json!({"thought": true, "text": "", "thoughtSignature": token})),
        }
    }

    /// What is written so far; a signature goes on waiting.
    pub(super) fn take(&mut self) -> Vec<Value> {
        mem::take(&mut self.written)
    }

    /// All of it; a signature that nothing followed stands by itself.
    pub(super) fn finish(mut self) -> Vec<Value> {
        self.flush();
        self.written
    }

    /// Lets a signature stand by itself that nothing can follow any more.
    fn flush(&mut self) {
        if let Some(signature) = self.signature.take() {
            self.written
                .push(json!({"text": "", "thoughtSignature": signature}));
        }
    }

    fn push(&mut self, mut part: Value) {
        if let Some(signature) = self.signature.take() {
            part["thoughtSignature"] = signature.into();
        }
        self.written.push(part);
    }
}

/// An image, a document or a recording. Its name and how closely to look at it have no place that every model takes.
pub(super) fn media(media: &Media) -> Value {
    match &media.source {
        Source::Data { media_type, base64 } => {
            json!({"inlineData": {"mimeType": media_type, "data": base64}})
        }
        Source::Text(text) => {
            json!({"inlineData": {"mimeType": "text/plain", "data": STANDARD.encode(text)}})
        }
        Source::Url {
            url,
            media_type: None,
        } => json!({"fileData": {"fileUri": url}}),
        Source::Url {
            url,
            media_type: Some(media_type),
        } => json!({"fileData": {"mimeType": media_type, "fileUri": url}}),
    }
}

/// The arguments of a call as an object; `None`: they are none.
pub(super) fn arguments(written: &str) -> Option<Value> {
    if written.trim().is_empty() {
        return Some(Value::Object(Map::new()));
    }
    serde_json::from_str(written).ok().filter(Value::is_object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_stands_on_what_follows_the_thoughts() {
        let mut parts = Parts::default();
        parts.thinking_for_provider(&Thinking {
            text: "Let me see.".to_owned(),
            seal: Seal::new(Dialect::Gemini, "c2ln"),
        });
        parts.call("a", "f", json!({}));
        parts.call("b", "g", json!({}));
        parts.sealed(&Seal::new(Dialect::Gemini, "ZW5k"));
        assert_eq!(
            parts.finish(),
            [
                json!({"thought": true, "text": "Let me see."}),
                json!({"functionCall": {"id": "a", "name": "f", "args": {}}, "thoughtSignature": "c2ln"}),
                json!({"functionCall": {"id": "b", "name": "g", "args": {}}}),
                json!({"text": "", "thoughtSignature": "ZW5k"}),
            ]
        );
    }

    #[test]
    fn thoughts_of_others_go_to_clients_and_not_to_the_provider() {
        let seal = Seal::new(Dialect::Messages, "c2ln");
        let thinking = Thinking {
            text: "Hm.".to_owned(),
            seal: seal.clone(),
        };
        let mut parts = Parts::default();
        parts.thinking_for_provider(&thinking);
        assert!(parts.take().is_empty());
        parts.thinking_for_client(&thinking);
        assert_eq!(
            parts.finish(),
            [
                json!({"thought": true, "text": "Hm.", "thoughtSignature": seal.token(Dialect::Gemini)})
            ]
        );
    }

    #[test]
    fn arguments_are_an_object_or_nothing() {
        assert_eq!(arguments(" "), Some(json!({})));
        assert_eq!(arguments(r#"{"a": 1}"#), Some(json!({"a": 1})));
        assert_eq!(arguments("[1]"), None);
        assert_eq!(arguments(r#"{"a": "#), None);
    }
}
