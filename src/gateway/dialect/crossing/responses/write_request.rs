//! Writes a request of OpenAI responses.
//!
//! | piece of the request | |
//! |---|---|
//! | texts to stop at, penalties other than 0, recordings, media in a model's turn | refused: there is no word for them |
//! | `top_k`, `seed` | dropped: there is no word for them, and they only narrow chance |
//! | marks to cache | see `family`; none on calls, thinking, tools and what the model said: OpenAI has no place for them |
//! | that a tool failed | dropped: what it answered says so |
//! | thinking of other providers, and thinking that nothing proves | dropped: nobody but its maker can use it |
//! | no thinking at all | the least that the model can; nothing for a model that is not known to think |
//! | the user beyond 64 characters | cut there: OpenAI takes no more |

use serde_json::{Map, Value, json};

use super::items;
use super::members::{self, with};
use super::settings;
use crate::domain::Result;
use crate::gateway::dialect::crossing::conversation::{
    Cache, CallResult, Content, Message, Part, Request, Role, Thinking,
};
use crate::gateway::dialect::crossing::effort::Depth;
use crate::gateway::dialect::crossing::family::{self, Marks};
use crate::gateway::dialect::crossing::media::{Kind, Media, Source};
use crate::gateway::dialect::crossing::{Dialect, Target, fields};

/// The most characters of a user's name that OpenAI takes.
const USER_LIMIT: usize = 64;

/// Writes the body of a request.
///
/// # Errors
/// When it asks for what this dialect has no words for; `param` names it.
pub(crate) fn write_request(request: &Request, target: &Target<'_>) -> Result<String> {
    if !request.stop.is_empty() {
        return Err(fields::inexpressible("stop", "texts to stop at"));
    }
    let sampling = &request.sampling;
    for (name, penalty) in [
        ("frequency_penalty", &sampling.frequency_penalty),
        ("presence_penalty", &sampling.presence_penalty),
    ] {
        if penalty.as_ref().is_some_and(|n| n.as_f64() != Some(0.0)) {
            return Err(fields::inexpressible(name, "such penalty"));
        }
    }
    let marks = match Marks::of(target.model) {
        Marks::Breakpoint => Marks::Breakpoint,
        // A word of chat's.
        Marks::CacheControl | Marks::None => Marks::None,
    };
    let (instructions, messages) = settings::instructions(request);
    let mut input = Vec::new();
    for message in messages {
        turn(message, marks, &mut input)?;
    }
    let text = settings::text(request);
    let user = request
        .user
        .as_ref()
        .map(|user| user.chars().take(USER_LIMIT).collect::<String>());
    let mut body = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    };
    put("model", Some(json!(target.model)));
    put("instructions", instructions.map(|text| json!(text)));
    put("input", Some(json!(input)));
    put(
        "tools",
        (!request.tools.is_empty()).then(|| settings::tools(&request.tools)),
    );
    put(
        "tool_choice",
        request.tool_choice.as_ref().map(settings::tool_choice),
    );
    put(
        "parallel_tool_calls",
        request.parallel_calls.map(Value::from),
    );
    put("text", (!text.is_empty()).then_some(Value::Object(text)));
    put("temperature", sampling.temperature.clone().map(Value::from));
    put("top_p", sampling.top_p.clone().map(Value::from));
    put(
        "max_output_tokens",
        target.output_limit.or(request.max_output).map(Value::from),
    );
    put("reasoning", reasoning(request, target.model));
    put("top_logprobs", request.logprobs.map(Value::from));
    put("include", include(request, target.model, &input));
    put(
        "prompt_cache_key",
        request.cache_key.as_ref().map(|key| json!(key)),
    );
    put("user", user.map(Value::from));
    put(
        "metadata",
        (!request.metadata.is_empty()).then(|| json!(request.metadata)),
    );
    // Nobody could fetch it: the client does not know of this dialect.
    put("store", Some(json!(false)));
    put("stream", request.stream.then_some(json!(true)));
    Ok(Value::Object(body).to_string())
}

/// The items of a turn, in the order of its pieces; words that follow each other are one message.
fn turn(message: &Message, marks: Marks, input: &mut Vec<Value>) -> Result<()> {
    let mut said = Vec::new();
    for part in &message.parts {
        let item = match &part.content {
            Content::Text(_) | Content::Refusal(_) | Content::Media(_) => {
                said.push(content(part, message.role, marks)?);
                continue;
            }
            Content::Thinking(thinking) => match reasoning_item(thinking) {
                Some(item) => item,
                None => continue,
            },
            Content::Call(call) => json!({
                "type": "function_call",
                "call_id": call.id,
                "name": call.name,
                "arguments": if call.arguments.is_empty() { items::NO_ARGUMENTS } else { &call.arguments },
            }),
            Content::Result(result) => json!({
                "type": "function_call_output",
                "call_id": result.id,
                "output": output(result, part.cache, marks)?,
            }),
        };
        flush(&mut said, message.role, input);
        input.push(item);
    }
    flush(&mut said, message.role, input);
    Ok(())
}

/// Ends the message that is being written, if one is.
fn flush(said: &mut Vec<Value>, role: Role, input: &mut Vec<Value>) {
    if said.is_empty() {
        return;
    }
    let role = match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
    };
    let content = plain(std::mem::take(said));
    input.push(json!({"type": "message", "role": role, "content": content}));
}

/// A text by itself needs no array.
fn plain(mut parts: Vec<Value>) -> Value {
    match parts.as_mut_slice() {
        // Nothing but its kind and the words.
        [Value::Object(only)] if only.len() == 2 && only.contains_key("text") => {
            only.remove("text").unwrap_or_default()
        }
        _ => Value::Array(parts),
    }
}

fn content(part: &Part, role: Role, marks: Marks) -> Result<Value> {
    let model = match role {
        Role::Assistant => true,
        Role::System | Role::User => false,
    };
    let mut told = match &part.content {
        Content::Text(text) if model => return Ok(json!({"type": "output_text", "text": text})),
        Content::Refusal(text) if model => return Ok(json!({"type": "refusal", "refusal": text})),
        Content::Text(text) | Content::Refusal(text) => json!({"type": "input_text", "text": text}),
        Content::Media(_) if model => {
            return Err(fields::inexpressible(
                "messages",
                "images, documents or recordings in a turn of the model",
            ));
        }
        Content::Media(media) => self::media(media)?,
        Content::Thinking(_) | Content::Call(_) | Content::Result(_) => {
            return Err(fields::inexpressible(
                "messages",
                "thinking, calls or results inside words",
            ));
        }
    };
    mark(&mut told, part.cache, marks);
    Ok(told)
}

fn mark(part: &mut Value, cache: Option<Cache>, marks: Marks) {
    if let Some(part) = part.as_object_mut() {
        marks.put(part, cache);
    }
}

fn media(media: &Media) -> Result<Value> {
    let part = match (media.kind, &media.source) {
        (Kind::Image, source) => json!({"type": "input_image", "image_url": source.to_url()}),
        (Kind::Document, Source::Url { url, .. }) => json!({"type": "input_file", "file_url": url}),
        (Kind::Document, source @ (Source::Data { .. } | Source::Text(_))) => json!({
            "type": "input_file",
            "filename": file_name(media.name.as_deref(), source),
            "file_data": source.to_url(),
        }),
        (Kind::Recording, _) => {
            return Err(fields::inexpressible("messages", "recordings in a prompt"));
        }
    };
    Ok(with(part, "detail", members::text(&media.detail)))
}

/// A name that ends as the file's kind wants it: OpenAI demands one, and goes by its ending.
fn file_name(name: Option<&str>, source: &Source) -> String {
    let name = name.unwrap_or("document");
    if name.contains('.') {
        return name.to_owned();
    }
    let ending = match source {
        Source::Data { media_type, .. } => match media_type.split_once('/') {
            Some((_, "plain")) | None => "txt",
            Some((_, "markdown")) => "md",
            Some((_, kind)) => kind,
        },
        Source::Text(_) | Source::Url { .. } => "txt",
    };
    format!("{name}.{ending}")
}

/// What a tool answered; a mark on the whole of it stands on its last part.
fn output(result: &CallResult, cache: Option<Cache>, marks: Marks) -> Result<Value> {
    let mut parts: Vec<Value> = result
        .parts
        .iter()
        .map(|part| content(part, Role::User, marks))
        .collect::<Result<_>>()?;
    let Some(last) = parts.last_mut() else {
        return Ok(json!(""));
    };
    mark(last, cache, marks);
    Ok(plain(parts))
}

/// A thought for its maker.
fn reasoning_item(thinking: &Thinking) -> Option<Value> {
    let seal = &thinking.seal;
    if seal.by != Dialect::Responses || seal.data.is_empty() {
        return None;
    }
    let item = json!({
        "type": "reasoning",
        "summary": items::summary(&thinking.text),
        "encrypted_content": seal.data,
    });
    Some(with(item, "id", members::text(&seal.id)))
}

fn reasoning(request: &Request, model: &str) -> Option<Value> {
    let effort = match request.reasoning.depth {
        Some(Depth::Off) => family::least_effort(model),
        Some(depth) => depth.word(),
        None => None,
    };
    let mut reasoning = Map::new();
    if let Some(word) = effort {
        reasoning.insert("effort".to_owned(), json!(word));
    }
    // Not asked for unasked: OpenAI gives summaries to verified organisations only.
    if request.reasoning.shown == Some(true) {
        reasoning.insert("summary".to_owned(), json!("auto"));
    }
    (!reasoning.is_empty()).then_some(Value::Object(reasoning))
}

/// What is asked for beside the answer. Seals only of a model that thinks: any other refuses the question.
fn include(request: &Request, model: &str, input: &[Value]) -> Option<Value> {
    let thinks = match request.reasoning.depth {
        Some(Depth::Off) => false,
        Some(Depth::Dynamic | Depth::Effort(_) | Depth::Budget(_)) => true,
        None => request.reasoning.shown == Some(true),
    };
    let mut asked = Vec::new();
    if thinks
        || family::thinks(model)
        || input
            .iter()
            .any(|item| item.get("type") == Some(&json!("reasoning")))
    {
        asked.push("reasoning.encrypted_content");
    }
    if request.logprobs.is_some() {
        asked.push("message.output_text.logprobs");
    }
    (!asked.is_empty()).then(|| json!(asked))
}
