//! Reads a whole answer of OpenAI responses, and what a stream has in common with it. What is not known is passed over: items
//! of OpenAI's own tools, annotations, what a later version adds.

use serde_json::{Number, Value};

use crate::domain::Usage;
use crate::gateway::dialect::crossing::answer::{Answer, Finish, TokenLogprob};
use crate::gateway::dialect::crossing::conversation::{Call, Content, Part, Thinking};
use crate::gateway::dialect::crossing::seal::Seal;
use crate::gateway::dialect::crossing::{Dialect, Unreadable};
use crate::gateway::dialect::usage;

/// Reads the body of an answer.
///
/// # Errors
/// When it is not a response, has failed, or is not finished.
pub(crate) fn read_answer(body: &[u8]) -> Result<Answer, Unreadable> {
    let response: Value = serde_json::from_slice(body)
        .map_err(|_| Unreadable::Foreign("it is not JSON".to_owned()))?;
    let status = text(&response, "status");
    if response.get("error").is_some_and(|error| !error.is_null())
        || matches!(status, Some("failed" | "cancelled"))
    {
        return Err(Unreadable::Foreign(failure(&response).to_owned()));
    }
    if matches!(status, Some("queued" | "in_progress")) {
        return Err(Unreadable::Foreign("it is not finished".to_owned()));
    }
    let Some(output) = response.get("output").and_then(Value::as_array) else {
        return Err(Unreadable::Foreign("it has no output".to_owned()));
    };
    let mut answer = Answer {
        parts: Vec::new(),
        finish: Finish::Stop,
        usage: self::usage(&response),
        logprobs: Vec::new(),
    };
    for item in output {
        match Item::read(item) {
            Item::Message(content) => {
                for said in content {
                    answer.parts.push(match said {
                        Said::Text(text, logprobs) => {
                            answer.logprobs.extend(logprobs);
                            Part::text(text)
                        }
                        Said::Refusal(text) => Content::Refusal(text).into(),
                    });
                }
            }
            Item::Thinking(thinking) => answer.parts.push(Content::Thinking(thinking).into()),
            Item::Call(call) => answer.parts.push(Content::Call(call).into()),
            Item::Other => {}
        }
    }
    let calls = |part: &Part| matches!(part.content, Content::Call(_));
    answer.finish = finish(&response, answer.parts.iter().any(calls));
    Ok(answer)
}

/// An item of `output`.
pub(super) enum Item {
    /// What is said.
    Message(Vec<Said>),
    /// A thought.
    Thinking(Thinking),
    /// A call of a function.
    Call(Call),
    /// What another dialect has no place for, and a thought of which nothing is told.
    Other,
}

/// A part of a message.
pub(super) enum Said {
    /// Words, with the probabilities of their tokens.
    Text(String, Vec<TokenLogprob>),
    /// Words that decline.
    Refusal(String),
}

impl Item {
    pub(super) fn read(item: &Value) -> Self {
        match text(item, "type") {
            Some("message") => Self::Message(elements(item, "content").filter_map(said).collect()),
            Some("reasoning") => {
                let summary = joined(item, "summary");
                let words = if summary.is_empty() {
                    joined(item, "content")
                } else {
                    summary
                };
                // Opaque, even where it looks like a token of ours: then it is that of another gateway behind this one.
                let seal = Seal {
                    id: text(item, "id").map(str::to_owned),
                    ..Seal::new(
                        Dialect::Responses,
                        text(item, "encrypted_content").unwrap_or_default(),
                    )
                };
                if words.is_empty() && seal.data.is_empty() {
                    return Self::Other;
                }
                Self::Thinking(Thinking { text: words, seal })
            }
            Some("function_call") => Self::Call(call(item)),
            Some(_) | None => Self::Other,
        }
    }
}

fn said(part: &Value) -> Option<Said> {
    match text(part, "type")? {
        "output_text" => Some(Said::Text(text(part, "text")?.to_owned(), logprobs(part))),
        "refusal" => Some(Said::Refusal(text(part, "refusal")?.to_owned())),
        _ => None,
    }
}

fn call(item: &Value) -> Call {
    let member = |name| text(item, name).unwrap_or_default().to_owned();
    Call {
        id: text(item, "call_id")
            .or_else(|| text(item, "id"))
            .unwrap_or_default()
            .to_owned(),
        name: member("name"),
        arguments: member("arguments"),
    }
}

fn joined(item: &Value, name: &str) -> String {
    let texts: Vec<&str> = elements(item, name)
        .filter_map(|part| text(part, "text"))
        .collect();
    texts.join("\n\n")
}

/// Why the response ended.
pub(super) fn finish(response: &Value, calls: bool) -> Finish {
    let reason = response
        .get("incomplete_details")
        .and_then(|details| text(details, "reason"));
    match (reason, text(response, "status")) {
        (Some("content_filter"), _) => Finish::Filtered,
        (Some("max_output_tokens"), _) | (_, Some("incomplete")) => Finish::Length,
        (_, _) if calls => Finish::Calls,
        (_, _) => Finish::Stop,
    }
}

/// What the response used.
pub(super) fn usage(response: &Value) -> Option<Usage> {
    let told = response.get("usage").filter(|usage| usage.is_object())?;
    usage::read(&serde_json::value::to_raw_value(told).ok()?)
}

/// What the provider says of a failure.
pub(super) fn failure(response: &Value) -> &str {
    let error = response.get("error").unwrap_or(response);
    text(error, "message").unwrap_or("the provider failed and did not say why")
}

/// The probabilities that stand in an object.
pub(super) fn logprobs(object: &Value) -> Vec<TokenLogprob> {
    let token = |told: &Value| -> Option<(String, Number)> {
        let logprob = told.get("logprob")?.as_number()?.clone();
        Some((text(told, "token")?.to_owned(), logprob))
    };
    let one = |told: &Value| {
        let (name, logprob) = token(told)?;
        Some(TokenLogprob {
            token: name,
            logprob,
            top: elements(told, "top_logprobs").filter_map(token).collect(),
        })
    };
    elements(object, "logprobs").filter_map(one).collect()
}

/// A member that is a text.
pub(super) fn text<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.get(name)?.as_str()
}

/// The elements of an array; none if there is no such member.
pub(super) fn elements<'a>(object: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    object
        .get(name)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}
