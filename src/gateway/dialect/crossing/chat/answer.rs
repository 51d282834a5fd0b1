//! A whole answer of OpenAI chat.
//!
//! Read: the first choice; `reasoning_content` or `reasoning` with `reasoning_details`, and Mistral's content in parts, are
//! its thinking. A call without an id gets one; an answer with calls ends with `Calls`, whatever word its provider has.
//! Written: words of several parts as one text, thinking as `reasoning_content` with `reasoning_details`, images as `images`
//! (OpenRouter docs, "Image generation"). Dropped: other files, and which text it stopped at: there is no place for them.

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::reasoning::{self, Details, thought};
use crate::domain::{Code, Error, Usage};
use crate::gateway::dialect::crossing::answer::{Answer, Finish, TokenLogprob};
use crate::gateway::dialect::crossing::conversation::{Call, Content, Part};
use crate::gateway::dialect::crossing::media::{Kind, Media, Source};
use crate::gateway::dialect::crossing::seal::Seal;
use crate::gateway::dialect::crossing::{Dialect, Head, Unreadable};
use crate::gateway::dialect::{told, usage};

/// Reads an answer.
///
/// # Errors
/// When it is not one, or an error.
pub(crate) fn read_answer(body: &[u8]) -> Result<Answer, Unreadable> {
    let answer: Value =
        serde_json::from_slice(body).map_err(|error| Unreadable::Foreign(error.to_string()))?;
    if let Some(error) = failure(&answer) {
        return Err(Unreadable::Foreign(error.message));
    }
    let Some(choice) = answer.pointer("/choices/0") else {
        return Err(Unreadable::Foreign("it has no choices".to_owned()));
    };
    let mut parts = Vec::new();
    if let Some(message) = choice.get("message") {
        read_message(message, text(&answer, "id"), &mut parts);
    }
    let calls = parts
        .iter()
        .any(|part| matches!(part.content, Content::Call(_)));
    Ok(Answer {
        finish: finish(text(choice, "finish_reason"), calls),
        usage: used(&answer),
        logprobs: logprobs(choice),
        parts,
    })
}

fn read_message(message: &Value, answer: &str, parts: &mut Vec<Part>) {
    let mut details = Details::default();
    for detail in items(message, "reasoning_details") {
        details.add(detail.clone());
    }
    let said = words(message);
    let sealed = details.take();
    if !said.thought.is_empty() || sealed.is_some() {
        let seal = Seal::new(Dialect::Chat, sealed.unwrap_or_default());
        parts.push(thought(said.thought, seal));
    }
    if !said.text.is_empty() {
        parts.push(Part::text(said.text));
    }
    if !said.refused.is_empty() {
        parts.push(Content::Refusal(said.refused.to_owned()).into());
    }
    for image in items(message, "images") {
        let url = image
            .get("image_url")
            .map_or("", |image| text(image, "url"));
        parts.push(image_at(url.to_owned()));
    }
    for (at, call) in items(message, "tool_calls").iter().enumerate() {
        let function = call.get("function").unwrap_or(&Value::Null);
        let (id, arguments) = (text(call, "id"), written(function.get("arguments")));
        parts.push(
            Content::Call(Call {
                id: if id.is_empty() {
                    made_id(answer, at)
                } else {
                    id.to_owned()
                },
                name: text(function, "name").to_owned(),
                arguments: if arguments.trim().is_empty() {
                    "{}".to_owned()
                } else {
                    arguments
                },
            })
            .into(),
        );
    }
}

/// An image by its address, which may be its data.
pub(super) fn image_at(url: String) -> Part {
    Content::Media(Media {
        kind: Kind::Image,
        source: Source::of_url(url),
        name: None,
        detail: None,
    })
    .into()
}

/// What a message, or a delta of one, says.
pub(super) struct Words<'a> {
    pub(super) thought: String,
    pub(super) text: String,
    pub(super) refused: &'a str,
}

/// Reads the words of a message or of a delta.
pub(super) fn words(message: &Value) -> Words<'_> {
    let other_word = text(message, "reasoning");
    let thought = match text(message, "reasoning_content") {
        "" => other_word,
        words => words,
    };
    let mut words = Words {
        thought: thought.to_owned(),
        text: text(message, "content").to_owned(),
        refused: text(message, "refusal"),
    };
    for part in items(message, "content") {
        for piece in items(part, "thinking") {
            words.thought.push_str(text(piece, "text"));
        }
        words.text.push_str(text(part, "text"));
    }
    words
}

/// A text member; empty if there is none.
pub(super) fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The elements of an array; none if there is none.
pub(super) fn items<'a>(object: &'a Value, name: &str) -> &'a [Value] {
    object
        .get(name)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Arguments: a text with JSON in it, or, with some, the JSON itself.
pub(super) fn written(arguments: Option<&Value>) -> String {
    match arguments {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    }
}

/// An id for a call that has none, unlike any of another answer.
pub(super) fn made_id(answer: &str, at: usize) -> String {
    let answer: String = answer.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("call_{answer}_{at}")
}

/// Why it ended; `calls`: it has called tools.
pub(super) fn finish(reason: &str, calls: bool) -> Finish {
    match reason {
        "length" => Finish::Length,
        "content_filter" => Finish::Filtered,
        _ if calls => Finish::Calls,
        _ => Finish::Stop,
    }
}

/// The word for it.
pub(super) fn reason(finish: &Finish) -> &'static str {
    match finish {
        Finish::Stop | Finish::StopSequence(_) => "stop",
        Finish::Length => "length",
        Finish::Calls => "tool_calls",
        Finish::Filtered => "content_filter",
    }
}

/// What an answer, or a chunk of one, says was used.
pub(super) fn used(answer: &Value) -> Option<Usage> {
    let told = |path: &str| answer.pointer(path).filter(|usage| usage.is_object());
    let usage = told("/usage")
        .or_else(|| told("/x_groq/usage"))
        .or_else(|| told("/choices/0/usage"))?;
    usage::read(&RawValue::from_string(usage.to_string()).ok()?)
}

/// Usage as OpenAI writes it.
pub(super) fn write_usage(usage: &Usage) -> Value {
    let mut told = told::wire_usage(usage, "prompt", "completion");
    if let Some(details) = told
        .pointer_mut("/prompt_tokens_details")
        .and_then(Value::as_object_mut)
    {
        details.insert("cache_write_tokens".to_owned(), usage.cache_write.into());
    }
    told
}

/// The error that stands in place of an answer. It is the provider's, so it blames neither the client's key nor its pace.
/// OpenRouter has the HTTP status as its `code`, OpenAI a word.
pub(super) fn failure(answer: &Value) -> Option<Error> {
    let error = answer.get("error").filter(|error| !error.is_null())?;
    let words = match (error, text(error, "message")) {
        (Value::String(words), _) => words.clone(),
        (error, "") => error.to_string(),
        (_, words) => words.to_owned(),
    };
    let status = error.get("code").and_then(Value::as_u64);
    let code = match (text(error, "code"), text(error, "type"), status) {
        ("invalid_api_key" | "insufficient_quota", _, _)
        | (_, "authentication_error" | "permission_error" | "insufficient_quota", _)
        | (_, _, Some(401..=403)) => {
            let told = "The provider refuses the gateway's own credential. Your key is fine; tell the operator.";
            return Some(Error::new(Code::BadGateway, told).because(words));
        }
        ("rate_limit_exceeded", _, _)
        | (_, "rate_limit_error" | "overloaded_error", _)
        | (_, _, Some(429 | 503 | 529)) => Code::NoChannelAvailable,
        (_, "invalid_request_error", _) | (_, _, Some(400)) => Code::InvalidRequest,
        (_, "timeout_error", _) | (_, _, Some(408 | 504)) => Code::GatewayTimeout,
        _ => Code::BadGateway,
    };
    Some(Error::new(code, format!("The provider failed: {words}")))
}

/// The probabilities in a choice.
pub(super) fn logprobs(choice: &Value) -> Vec<TokenLogprob> {
    let Some(told) = choice.get("logprobs") else {
        return Vec::new();
    };
    let pair = |entry: &Value| {
        Some((
            text(entry, "token").to_owned(),
            entry.get("logprob")?.as_number()?.clone(),
        ))
    };
    let read = |entry: &Value| {
        let (token, logprob) = pair(entry)?;
        let top = items(entry, "top_logprobs")
            .iter()
            .filter_map(pair)
            .collect();
        Some(TokenLogprob {
            token,
            logprob,
            top,
        })
    };
    items(told, "content").iter().filter_map(read).collect()
}

/// The `logprobs` of a choice; `null` if there are none.
pub(super) fn write_logprobs(logprobs: &[TokenLogprob]) -> Value {
    if logprobs.is_empty() {
        return Value::Null;
    }
    let entry = |token: &String, logprob| json!({"token": token, "logprob": logprob, "bytes": token.as_bytes()});
    let content: Vec<Value> = logprobs
        .iter()
        .map(|told| {
            let mut written = entry(&told.token, &told.logprob);
            let top = told
                .top
                .iter()
                .map(|(token, logprob)| entry(token, logprob));
            if let Some(written) = written.as_object_mut() {
                written.insert("top_logprobs".to_owned(), top.collect());
            }
            written
        })
        .collect();
    json!({"content": content, "refusal": null})
}

/// Writes an answer.
pub(crate) fn write_answer(answer: &Answer, head: &Head) -> String {
    let mut choice = json!({"index": 0});
    if let Some(choice) = choice.as_object_mut() {
        choice.insert("message".to_owned(), write_message(&answer.parts));
        choice.insert("logprobs".to_owned(), write_logprobs(&answer.logprobs));
        choice.insert("finish_reason".to_owned(), reason(&answer.finish).into());
    }
    let mut body = head_of("chat.completion", head);
    body.insert("choices".to_owned(), json!([choice]));
    body.extend(
        answer
            .usage
            .map(|usage| ("usage".to_owned(), write_usage(&usage))),
    );
    Value::Object(body).to_string()
}

/// What an answer and each chunk of one begin with.
pub(super) fn head_of(object: &str, head: &Head) -> Map<String, Value> {
    let members = [
        ("id", Value::from(format!("chatcmpl-{}", head.id))),
        ("object", object.into()),
        ("created", head.created.into()),
        ("model", head.model.as_str().into()),
    ];
    members
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn write_message(parts: &[Part]) -> Value {
    let (mut said, mut refused, mut thought) = (String::new(), String::new(), String::new());
    let (mut details, mut images, mut calls) = (Vec::new(), Vec::new(), Vec::new());
    for (at, part) in parts.iter().enumerate() {
        match &part.content {
            Content::Text(words) => said.push_str(words),
            Content::Refusal(words) => refused.push_str(words),
            Content::Thinking(thinking) => {
                thought.push_str(&thinking.text);
                let call = match parts.get(at + 1).map(|part| &part.content) {
                    Some(Content::Call(call)) => Some(call.id.as_str()),
                    Some(_) | None => None,
                };
                let words = (!thinking.text.is_empty()).then_some(thinking.text.as_str());
                details.extend(reasoning::details(
                    words,
                    &thinking.seal,
                    call,
                    details.len(),
                ));
            }
            Content::Call(call) => calls.push(json!({
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            })),
            Content::Media(media) if media.kind == Kind::Image => {
                let image = json!({"url": media.source.to_url()});
                images.push(json!({"type": "image_url", "image_url": image}));
            }
            Content::Media(_) | Content::Result(_) => {}
        }
    }
    let given = |text: String| {
        if text.is_empty() {
            Value::Null
        } else {
            text.into()
        }
    };
    let mut message =
        json!({"role": "assistant", "content": given(said), "refusal": given(refused)});
    if let Some(message) = message.as_object_mut() {
        if !thought.is_empty() {
            message.insert("reasoning_content".to_owned(), thought.into());
        }
        if !details.is_empty() {
            message.insert("reasoning_details".to_owned(), details.into());
        }
        if !images.is_empty() {
            message.insert("images".to_owned(), images.into());
        }
        if !calls.is_empty() {
            message.insert("tool_calls".to_owned(), calls.into());
        }
    }
    message
}
