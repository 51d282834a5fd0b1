//! Writes what turns are made of. The documented drops are in the table of `write_request.rs`.

use serde_json::{Map, Value, json};

use super::answer;
use crate::domain::Result;
use crate::gateway::dialect::crossing::Dialect;
use crate::gateway::dialect::crossing::conversation::{
    Cache, Call, CallResult, Content, Part, Thinking,
};
use crate::gateway::dialect::crossing::fields;
use crate::gateway::dialect::crossing::media::{Kind, Media, Source};

/// Types of images that the dialect takes.
const IMAGES: [&str; 4] = ["image/jpeg", "image/png", "image/gif", "image/webp"];
const PDF: &str = "application/pdf";

/// One text without a mark stands for itself.
pub(super) fn short(mut blocks: Vec<Value>) -> Value {
    if let [Value::Object(block)] = blocks.as_mut_slice()
        && block.len() == 2
        && let Some(text) = block.get_mut("text")
    {
        return text.take();
    }
    Value::Array(blocks)
}

/// A block; `None`: there is nothing to be said.
pub(super) fn block(part: &Part) -> Result<Option<Value>> {
    let block = match &part.content {
        // A text of blanks is refused.
        Content::Text(text) | Content::Refusal(text) => {
            if text.trim().is_empty() {
                return Ok(None);
            }
            json!({"type": "text", "text": text})
        }
        Content::Media(media) => self::media(media)?,
        // It takes no mark.
        Content::Thinking(thought) => return Ok(thinking(thought)),
        Content::Call(call) => self::call(call),
        Content::Result(found) => return result(found, part.cache).map(Some),
    };
    Ok(Some(marked(block, part.cache)))
}

/// With a mark to cache up to there.
fn marked(mut block: Value, cache: Option<Cache>) -> Value {
    if let (Some(cache), Some(members)) = (cache, block.as_object_mut()) {
        members.insert("cache_control".to_owned(), mark(cache));
    }
    block
}

/// A mark to cache up to there.
pub(super) fn mark(cache: Cache) -> Value {
    match cache {
        Cache::Usual => json!({"type": "ephemeral"}),
        Cache::Hour => json!({"type": "ephemeral", "ttl": "1h"}),
    }
}

/// Only what Anthropic sealed is of use to it.
fn thinking(thought: &Thinking) -> Option<Value> {
    let seal = &thought.seal;
    if seal.by != Dialect::Messages || seal.data.is_empty() {
        return None;
    }
    Some(match answer::redaction(seal) {
        Some(data) => json!({"type": "redacted_thinking", "data": data}),
        None => json!({"type": "thinking", "thinking": thought.text, "signature": seal.data}),
    })
}

fn call(call: &Call) -> Value {
    json!({
        "type": "tool_use",
        "id": id(&call.id),
        "name": call.name,
        "input": answer::input(&call.arguments),
    })
}

pub(super) fn result(result: &CallResult, cache: Option<Cache>) -> Result<Value> {
    let mut written = Map::new();
    written.insert("type".to_owned(), json!("tool_result"));
    written.insert("tool_use_id".to_owned(), json!(id(&result.id)));
    let mut blocks = Vec::new();
    for part in &result.parts {
        blocks.extend(block(part)?);
    }
    if !blocks.is_empty() {
        written.insert("content".to_owned(), short(blocks));
    }
    if result.failed {
        written.insert("is_error".to_owned(), json!(true));
    }
    Ok(marked(Value::Object(written), cache))
}

/// The id of a call in the letters that the dialect allows; different ids stay different.
pub(super) fn id(id: &str) -> String {
    let mut written = String::with_capacity(id.len());
    for c in id.chars() {
        match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' => written.push(c),
            other => written.push_str(&format!("_{:x}_", u32::from(other))),
        }
    }
    written
}

fn media(media: &Media) -> Result<Value> {
    let refused = |what: &str| Err(fields::inexpressible("messages", what));
    let kind = match &media.source {
        Source::Data { media_type, .. } => Kind::of(media_type),
        Source::Url { .. } | Source::Text(_) => media.kind,
    };
    match kind {
        Kind::Image => {
            let source = match &media.source {
                Source::Data { media_type, base64 } => {
                    if !IMAGES.contains(&media_type.as_str()) {
                        return refused("images of this type");
                    }
                    json!({"type": "base64", "media_type": media_type, "data": base64})
                }
                Source::Url { url, .. } => json!({"type": "url", "url": url}),
                Source::Text(_) => return refused("images of text"),
            };
            Ok(json!({"type": "image", "source": source}))
        }
        Kind::Document => {
            let source = match (&media.source, media.source.as_text()) {
                (Source::Url { url, .. }, _) => json!({"type": "url", "url": url}),
                (Source::Data { media_type, base64 }, None) if media_type == PDF => {
                    json!({"type": "base64", "media_type": PDF, "data": base64})
                }
                (_, Some(text)) => {
                    json!({"type": "text", "media_type": "text/plain", "data": text})
                }
                (Source::Data { .. } | Source::Text(_), None) => {
                    return refused("documents but PDF and text");
                }
            };
            let mut document = json!({"type": "document", "source": source});
            if let (Some(name), Some(members)) = (&media.name, document.as_object_mut()) {
                members.insert("title".to_owned(), json!(name));
            }
            Ok(document)
        }
        Kind::Recording => refused("recordings"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stay_different_in_letters_that_are_allowed() {
        assert_eq!(id("call_a-1"), "call_a-1");
        assert_eq!(id("functions.f:0"), "functions_2e_f_3a_0");
        assert_ne!(id("a.b"), id("a:b"));
    }

    #[test]
    fn media_is_an_image_a_pdf_or_text() {
        let written = |kind, source| {
            let media = Media {
                kind,
                source,
                name: Some("n".to_owned()),
                detail: None,
            };
            super::media(&media)
        };
        let data = |media_type: &str| Source::Data {
            media_type: media_type.to_owned(),
            base64: "SGk=".to_owned(),
        };
        // A file may turn out to be an image.
        assert_eq!(
            written(Kind::Document, data("image/png")).unwrap(),
            json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "SGk="}})
        );
        assert_eq!(
            written(Kind::Document, data("application/pdf")).unwrap(),
            json!({"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "SGk="}, "title": "n"})
        );
        assert_eq!(
            written(Kind::Document, data("text/csv")).unwrap(),
            json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Hi"}, "title": "n"})
        );
        for odd in ["image/tiff", "audio/wav", "application/zip"] {
            assert!(written(Kind::Document, data(odd)).is_err(), "{odd}");
        }
    }
}
