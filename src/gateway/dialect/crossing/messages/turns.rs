//! Writes the conversation. The documented drops are in the table of `write_request.rs`.

use serde_json::{Map, Value, json};

use super::abilities::Abilities;
use super::answer;
use crate::domain::Result;
use crate::gateway::dialect::crossing::Dialect;
use crate::gateway::dialect::crossing::conversation::{
    Cache, Call, CallResult, Content, Message, Part, Role, Thinking,
};
use crate::gateway::dialect::crossing::fields;
use crate::gateway::dialect::crossing::media::{Kind, Media, Source};

/// Types of images that the dialect takes.
const IMAGES: [&str; 4] = ["image/jpeg", "image/png", "image/gif", "image/webp"];
const PDF: &str = "application/pdf";

/// The conversation as it is sent.
#[derive(Debug, Default)]
pub(super) struct Turns {
    system: Vec<Value>,
    turns: Vec<Turn>,
}

#[derive(Debug)]
struct Turn {
    role: Role,
    /// Results of calls, which come first in a turn.
    results: Vec<Value>,
    blocks: Vec<Value>,
}

impl Turns {
    /// Writes the messages of a request.
    pub(super) fn of(messages: &[Message], abilities: &Abilities) -> Result<Self> {
        let mut written = Self::default();
        for (at, message) in messages.iter().enumerate() {
            match message.role {
                Role::System => {
                    let blocks = system(message)?;
                    let behind = messages.get(at + 1..).unwrap_or_default();
                    if abilities.system_turns && written.may_have_system(behind) {
                        written.add(Role::System, Vec::new(), blocks);
                    } else {
                        written.system.extend(blocks);
                    }
                }
                Role::User | Role::Assistant => {
                    let (mut results, mut blocks) = (Vec::new(), Vec::new());
                    for part in &message.parts {
                        match &part.content {
                            Content::Result(found) => results.push(result(found, part.cache)?),
                            Content::Text(_)
                            | Content::Refusal(_)
                            | Content::Media(_)
                            | Content::Thinking(_)
                            | Content::Call(_) => blocks.extend(block(part)?),
                        }
                    }
                    written.add(message.role, results, blocks);
                }
            }
        }
        written.be_a_conversation()?;
        Ok(written)
    }

    /// Turns of one speaker that follow each other become one.
    fn add(&mut self, role: Role, results: Vec<Value>, blocks: Vec<Value>) {
        if results.is_empty() && blocks.is_empty() {
            return;
        }
        match self.turns.last_mut() {
            Some(turn) if turn.role == role => {
                turn.results.extend(results);
                turn.blocks.extend(blocks);
            }
            Some(_) | None => self.turns.push(Turn {
                role,
                results,
                blocks,
            }),
        }
    }

    /// A system prompt may stand behind a turn of the user, if that of the model comes next.
    fn may_have_system(&self, behind: &[Message]) -> bool {
        let next = behind
            .iter()
            .map(|message| message.role)
            .find(|role| *role != Role::System);
        matches!(
            self.turns.last().map(|turn| turn.role),
            Some(Role::User | Role::System)
        ) && matches!(next, None | Some(Role::Assistant))
    }

    /// What the dialect demands of the whole: there is a turn, and none that the model is to go on with ends in blanks.
    fn be_a_conversation(&mut self) -> Result<()> {
        if self.turns.is_empty() {
            if self.system.is_empty() {
                return Err(fields::wrong("messages", "must say something"));
            }
            let blocks = std::mem::take(&mut self.system);
            self.add(Role::User, Vec::new(), blocks);
        }
        if let Some(turn) = self.turns.last_mut()
            && turn.role == Role::Assistant
            && let Some(Value::String(text)) = turn
                .blocks
                .last_mut()
                .and_then(|block| block.get_mut("text"))
        {
            text.truncate(text.trim_end().len());
        }
        Ok(())
    }

    /// Whether the answer may begin with thinking: one that goes on with calls that were thought about must come with the
    /// thinking, sealed by its maker, where the model has a budget for it.
    pub(super) fn may_begin_with_thinking(&self) -> bool {
        match self.turns.as_slice() {
            [.., calls, last] if !last.results.is_empty() => {
                let first = calls.blocks.first().and_then(|block| block.get("type"));
                matches!(
                    first.and_then(Value::as_str),
                    Some("thinking" | "redacted_thinking")
                )
            }
            [.., last] => last.role != Role::Assistant,
            [] => true,
        }
    }

    /// Adds a text to the system prompt.
    pub(super) fn instruct(&mut self, text: String) {
        self.system.push(json!({"type": "text", "text": text}));
    }

    /// Puts `system` and `messages` into the request.
    pub(super) fn write(self, body: &mut Map<String, Value>) {
        if !self.system.is_empty() {
            body.insert("system".to_owned(), short(self.system));
        }
        let turn = |mut turn: Turn| {
            let role = match turn.role {
                Role::System => "system",
                Role::User => "user",
                Role::Assistant => "assistant",
            };
            turn.results.append(&mut turn.blocks);
            json!({"role": role, "content": short(turn.results)})
        };
        let turns = self.turns.into_iter().map(turn).collect();
        body.insert("messages".to_owned(), Value::Array(turns));
    }
}

/// One text without a mark stands for itself.
fn short(mut blocks: Vec<Value>) -> Value {
    if let [Value::Object(block)] = blocks.as_mut_slice()
        && block.len() == 2
        && let Some(text) = block.get_mut("text")
    {
        return text.take();
    }
    Value::Array(blocks)
}

fn system(message: &Message) -> Result<Vec<Value>> {
    let mut blocks = Vec::new();
    for part in &message.parts {
        match &part.content {
            Content::Text(_) | Content::Refusal(_) => blocks.extend(block(part)?),
            Content::Media(_) | Content::Thinking(_) | Content::Call(_) | Content::Result(_) => {
                return Err(fields::inexpressible(
                    "messages",
                    "system prompts but of text",
                ));
            }
        }
    }
    Ok(blocks)
}

/// A block; `None`: there is nothing to be said.
fn block(part: &Part) -> Result<Option<Value>> {
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

fn result(result: &CallResult, cache: Option<Cache>) -> Result<Value> {
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
fn id(id: &str) -> String {
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
