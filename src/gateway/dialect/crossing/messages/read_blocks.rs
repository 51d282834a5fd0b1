//! Reads what turns are made of. The documented drops are in the table of `read_request.rs`.

use serde_json::Value;

use crate::domain::{Error, Result};
use crate::gateway::dialect::crossing::Dialect;
use crate::gateway::dialect::crossing::conversation::{
    Cache, Call, CallResult, Content, Message, Part, Role, Thinking,
};
use crate::gateway::dialect::crossing::fields::{self, Fields};
use crate::gateway::dialect::crossing::media::{Kind, Media, Source};
use crate::gateway::dialect::crossing::seal::Seal;

use super::answer;

/// The conversation, the system prompt first.
pub(super) fn messages(body: &mut Fields) -> Result<Vec<Message>> {
    let mut messages = Vec::new();
    if body.has("system") {
        messages.push(Message::new(Role::System, texts(body, "system")?));
    }
    if !body.has("messages") {
        return Err(body.refuse("messages", "is missing"));
    }
    for mut turn in body.each("messages")? {
        let message = match turn.need_text("role")?.as_str() {
            "user" => Message::new(Role::User, content(&mut turn, user_block)?),
            "assistant" => Message::new(Role::Assistant, content(&mut turn, assistant_block)?),
            "system" => Message::new(Role::System, texts(&mut turn, "content")?),
            _ => return Err(turn.refuse("role", "must be user, assistant or system")),
        };
        turn.finish(&[])?;
        messages.push(message);
    }
    Ok(messages)
}

/// A mark to cache up to there.
pub(super) fn cache(fields: &mut Fields) -> Result<Option<Cache>> {
    let Some(mut mark) = fields.fields("cache_control")? else {
        return Ok(None);
    };
    if mark.need_text("type")? != "ephemeral" {
        return Err(mark.refuse("type", "must be ephemeral"));
    }
    let cache = match mark.text("ttl")?.as_deref() {
        None | Some("5m") => Cache::Usual,
        Some("1h") => Cache::Hour,
        Some(_) => return Err(mark.refuse("ttl", "must be 5m or 1h")),
    };
    mark.finish(&[])?;
    Ok(Some(cache))
}

type Block = fn(&mut Fields, &str) -> Result<Content>;

/// A text, or an array of blocks.
fn blocks(fields: &mut Fields, name: &str, block: Block) -> Result<Vec<Part>> {
    let path = fields.path(name);
    let items = match fields.take(name) {
        None => return Err(fields.refuse(name, "is missing")),
        Some(Value::String(text)) => return Ok(vec![Part::text(text)]),
        Some(Value::Array(items)) => items,
        Some(_) => return Err(fields.refuse(name, "must be a text or an array of blocks")),
    };
    let part = |(item, path): (Value, String)| {
        let mut fields = Fields::of(item, path)?;
        let kind = fields.need_text("type")?;
        let part = Part {
            content: block(&mut fields, &kind)?,
            cache: cache(&mut fields)?,
        };
        fields.finish(&[])?;
        Ok(part)
    };
    fields::numbered(items, &path)
        .into_iter()
        .map(part)
        .collect()
}

fn content(turn: &mut Fields, block: Block) -> Result<Vec<Part>> {
    blocks(turn, "content", block)
}

fn texts(fields: &mut Fields, name: &str) -> Result<Vec<Part>> {
    blocks(fields, name, |block, kind| match kind {
        "text" => text(block),
        _ => Err(block.refuse("type", "must be text here")),
    })
}

fn user_block(block: &mut Fields, kind: &str) -> Result<Content> {
    match kind {
        "tool_result" => result(block),
        _ => said(block, kind),
    }
}

fn assistant_block(block: &mut Fields, kind: &str) -> Result<Content> {
    match kind {
        "tool_use" => call(block),
        "thinking" => Ok(Content::Thinking(Thinking {
            text: block.text("thinking")?.unwrap_or_default(),
            seal: Seal::read(
                Dialect::Messages,
                block.text("signature")?.unwrap_or_default(),
            ),
        })),
        "redacted_thinking" => Ok(Content::Thinking(answer::redacted(
            block.need_text("data")?,
        ))),
        _ => said(block, kind),
    }
}

/// What both sides may say, and tools too.
fn said(block: &mut Fields, kind: &str) -> Result<Content> {
    match kind {
        "text" => text(block),
        "image" => image(block),
        "document" => document(block),
        _ => Err(block.refuse("type", "is not a kind of block that can be carried over")),
    }
}

fn text(block: &mut Fields) -> Result<Content> {
    if !block.items("citations")?.is_empty() {
        return Err(citations(block));
    }
    Ok(Content::Text(block.need_text("text")?))
}

fn citations(fields: &Fields) -> Error {
    fields::inexpressible(&fields.path("citations"), "citations")
}

fn image(block: &mut Fields) -> Result<Content> {
    let mut source = block.need_fields("source")?;
    let kind = source.need_text("type")?;
    let found = match kind.as_str() {
        "base64" => data(&mut source)?,
        "url" => url(&mut source)?,
        _ => return Err(elsewhere(&source)),
    };
    source.finish(&[])?;
    Ok(Content::Media(Media {
        kind: Kind::Image,
        source: found,
        name: None,
        detail: None,
    }))
}

fn document(block: &mut Fields) -> Result<Content> {
    if let Some(mut asked) = block.fields("citations")? {
        if asked.flag("enabled")? == Some(true) {
            return Err(citations(block));
        }
        asked.finish(&[])?;
    }
    let mut source = block.need_fields("source")?;
    let kind = source.need_text("type")?;
    let found = match kind.as_str() {
        "base64" => data(&mut source)?,
        "url" => url(&mut source)?,
        "text" => {
            if source.need_text("media_type")? != "text/plain" {
                return Err(source.refuse("media_type", "must be text/plain"));
            }
            Source::Text(source.need_text("data")?)
        }
        _ => return Err(elsewhere(&source)),
    };
    source.finish(&[])?;
    Ok(Content::Media(Media {
        kind: Kind::Document,
        source: found,
        name: block.text("title")?,
        detail: None,
    }))
}

fn data(source: &mut Fields) -> Result<Source> {
    Ok(Source::Data {
        media_type: source.need_text("media_type")?,
        base64: source.need_text("data")?,
    })
}

fn url(source: &mut Fields) -> Result<Source> {
    Ok(Source::Url {
        url: source.need_text("url")?,
        media_type: None,
    })
}

fn elsewhere(source: &Fields) -> Error {
    source.refuse(
        "type",
        "only base64, url and text can be carried over: a file kept at Anthropic is not there for the provider of this model",
    )
}

fn call(block: &mut Fields) -> Result<Content> {
    let caller = block.fields("caller")?;
    if let Some(mut caller) = caller
        && caller.need_text("type")? != "direct"
    {
        return Err(caller.refuse(
            "type",
            "calls made by code at Anthropic cannot be carried over",
        ));
    }
    let id = block.need_text("id")?;
    let name = block.need_text("name")?;
    let arguments = match block.take("input") {
        Some(input @ Value::Object(_)) => answer::arguments(&input),
        Some(_) => return Err(block.refuse("input", "must be an object")),
        None => return Err(block.refuse("input", "is missing")),
    };
    Ok(Content::Call(Call {
        id,
        name,
        arguments,
    }))
}

fn result(block: &mut Fields) -> Result<Content> {
    Ok(Content::Result(CallResult {
        id: block.need_text("tool_use_id")?,
        parts: if block.has("content") {
            content(block, said)?
        } else {
            Vec::new()
        },
        failed: block.flag("is_error")?.unwrap_or(false),
    }))
}
