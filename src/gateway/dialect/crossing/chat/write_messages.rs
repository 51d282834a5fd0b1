//! Writes the messages of a request of OpenAI chat.
//!
//! | of the conversation | |
//! |---|---|
//! | documents and recordings by their address, recordings but `wav`, `mp3` and the like, media in system prompts and in a model's own turns | refused by name |
//! | media in the result of a call | follow the results in a message of the user that names the call: a `tool` message takes text only |
//! | images at an address that is not of the web | refused by name |
//! | a last turn of the model's own | as it is: some go on with it, OpenAI's models answer it |
//! | that a call failed | dropped: its result says so in words |
//! | the order of words and calls within a turn | words first |
//! | whether thinking is shown, thinking by other kinds of models | dropped, see `seal` |

use serde_json::{Map, Value, json};

use super::reasoning;
use crate::domain::Result;
use crate::gateway::dialect::crossing::conversation::{
    CallResult, Content, Message, Part, Request, Role,
};
use crate::gateway::dialect::crossing::family::Marks;
use crate::gateway::dialect::crossing::fields::inexpressible;
use crate::gateway::dialect::crossing::media::{Kind, Media, Source};

/// Writes the conversation.
///
/// # Errors
/// When the dialect has no words for a part of it.
pub(super) fn write(request: &Request, marks: Marks) -> Result<Vec<Value>> {
    let mut messages = Vec::new();
    for turn in &request.messages {
        match turn.role {
            Role::System => messages.push(system(turn, marks)?),
            Role::User => user(request, turn, marks, &mut messages)?,
            Role::Assistant => messages.push(assistant(turn, marks)?),
        }
    }
    Ok(messages)
}

fn system(turn: &Message, marks: Marks) -> Result<Value> {
    let mut parts = Vec::new();
    for part in &turn.parts {
        match &part.content {
            Content::Text(words) | Content::Refusal(words) => parts.push(text(words, part, marks)),
            Content::Media(_) | Content::Thinking(_) | Content::Call(_) | Content::Result(_) => {
                return Err(inexpressible("messages", "system prompts but of text"));
            }
        }
    }
    Ok(json!({"role": "system", "content": content(parts)}))
}

/// The results of calls, each a message, and behind them what else the user says.
fn user(request: &Request, turn: &Message, marks: Marks, out: &mut Vec<Value>) -> Result<()> {
    let (mut attached, mut said) = (Vec::new(), Vec::new());
    for part in &turn.parts {
        match &part.content {
            Content::Text(words) | Content::Refusal(words) => said.push(text(words, part, marks)),
            Content::Media(file) => said.push(media(file, part, marks)?),
            Content::Result(result) => {
                out.push(answered(request, result, part, marks, &mut attached)?)
            }
            Content::Thinking(_) | Content::Call(_) => {
                return Err(inexpressible(
                    "messages",
                    "calls and thinking in a user's turn",
                ));
            }
        }
    }
    let only_results = said.is_empty() && !turn.parts.is_empty();
    attached.append(&mut said);
    if !attached.is_empty() || !only_results {
        out.push(json!({"role": "user", "content": content(attached)}));
    }
    Ok(())
}

fn answered(
    request: &Request,
    result: &CallResult,
    whole: &Part,
    marks: Marks,
    attached: &mut Vec<Value>,
) -> Result<Value> {
    let (mut texts, mut files) = (Vec::new(), Vec::new());
    for part in &result.parts {
        match &part.content {
            Content::Text(words) | Content::Refusal(words) => texts.push(text(words, part, marks)),
            Content::Media(file) => files.push(media(file, part, marks)?),
            Content::Thinking(_) | Content::Call(_) | Content::Result(_) => {
                return Err(inexpressible(
                    "messages",
                    "calls and thinking in the result of a call",
                ));
            }
        }
    }
    if !files.is_empty() {
        let tool = request.called(&result.id).unwrap_or_default();
        let note = format!("Attached to the result of {tool} ({}):", result.id);
        attached.push(json!({"type": "text", "text": note}));
        attached.append(&mut files);
    }
    if let Some(Value::Object(last)) = texts.last_mut() {
        marks.put(last, whole.cache);
    }
    Ok(json!({"role": "tool", "tool_call_id": result.id, "content": content(texts)}))
}

fn assistant(turn: &Message, marks: Marks) -> Result<Value> {
    let (mut said, mut refusal, mut thoughts, mut calls) =
        (Vec::new(), String::new(), Vec::new(), Vec::new());
    // OpenAI takes its own marks in what it is told, not in what it has said.
    let marks = if marks == Marks::Breakpoint {
        Marks::None
    } else {
        marks
    };
    for part in &turn.parts {
        match &part.content {
            Content::Text(words) => said.push(text(words, part, marks)),
            Content::Refusal(words) => refusal.push_str(words),
            Content::Thinking(thinking) => thoughts.push(thinking),
            Content::Call(call) => calls.push(json!({
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            })),
            Content::Media(_) | Content::Result(_) => {
                return Err(inexpressible("messages", "files in a model's own turns"));
            }
        }
    }
    let mut message = Map::new();
    message.insert("role".to_owned(), "assistant".into());
    let silent = said.is_empty() && (!calls.is_empty() || !refusal.is_empty());
    let content = if silent { Value::Null } else { content(said) };
    message.insert("content".to_owned(), content);
    if !refusal.is_empty() {
        message.insert("refusal".to_owned(), refusal.into());
    }
    reasoning::write_own(&thoughts, &mut message);
    if !calls.is_empty() {
        message.insert("tool_calls".to_owned(), calls.into());
    }
    Ok(message.into())
}

/// A text where one says it all: many providers do not know parts.
fn content(parts: Vec<Value>) -> Value {
    let alone = match parts.as_slice() {
        [] => Some("".into()),
        [Value::Object(part)] if part.len() == 2 => part.get("text").cloned(),
        _ => None,
    };
    alone.unwrap_or_else(|| parts.into())
}

fn text(words: &str, part: &Part, marks: Marks) -> Value {
    marked(json!({"type": "text", "text": words}), part, marks)
}

fn marked(mut value: Value, part: &Part, marks: Marks) -> Value {
    if let Some(members) = value.as_object_mut() {
        marks.put(members, part.cache);
    }
    value
}

fn media(file: &Media, part: &Part, marks: Marks) -> Result<Value> {
    let value = match (file.kind, &file.source) {
        (Kind::Image, Source::Url { url, .. }) if !url.starts_with("http") => {
            return Err(inexpressible(
                "messages",
                "way to an image that is not on the web",
            ));
        }
        (Kind::Image, source) => {
            let mut image = json!({"url": source.to_url()});
            if let (Some(image), Some(detail)) = (image.as_object_mut(), &file.detail) {
                image.insert("detail".to_owned(), detail.as_str().into());
            }
            json!({"type": "image_url", "image_url": image})
        }
        (Kind::Document, Source::Data { .. } | Source::Text(_)) => {
            let name = file.name.clone().unwrap_or_else(|| file_name(&file.source));
            json!({"type": "file", "file": {"filename": name, "file_data": file.source.to_url()}})
        }
        (Kind::Recording, Source::Data { media_type, base64 }) => {
            let Some(format) = sound(media_type) else {
                return Err(inexpressible(
                    "messages",
                    &format!("way to take {media_type}"),
                ));
            };
            json!({"type": "input_audio", "input_audio": {"data": base64, "format": format}})
        }
        (Kind::Document | Kind::Recording, Source::Url { .. })
        | (Kind::Recording, Source::Text(_)) => {
            return Err(inexpressible(
                "messages",
                "way to take a document or a recording by its address",
            ));
        }
    };
    Ok(marked(value, part, marks))
}

/// A name for a document that has none: OpenAI demands one, and tells by its ending what it is.
fn file_name(source: &Source) -> String {
    let ending = match source {
        Source::Data { media_type, .. } => match media_type.rsplit('/').next() {
            Some("plain") | None => "txt",
            Some(ending) => ending,
        },
        Source::Url { .. } | Source::Text(_) => "txt",
    };
    format!("document.{ending}")
}

/// The word for a format of sound. OpenAI knows `wav` and `mp3`, providers like it more; films are none.
fn sound(media_type: &str) -> Option<&str> {
    let format = media_type.split(';').next()?.strip_prefix("audio/")?;
    Some(match format {
        "mpeg" => "mp3",
        "x-wav" | "wave" | "vnd.wave" => "wav",
        format => format.strip_prefix("x-").unwrap_or(format),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::dialect::crossing::conversation::Call;

    fn written(messages: Vec<Message>) -> Result<Vec<Value>> {
        let request = Request {
            messages,
            ..Request::default()
        };
        write(&request, Marks::None)
    }

    #[test]
    fn files_of_a_result_follow_all_results() {
        let image = Content::Media(Media {
            kind: Kind::Image,
            source: Source::of_url("https://a/b.png".to_owned()),
            name: None,
            detail: None,
        });
        let result = |id: &str, parts| {
            Content::Result(CallResult {
                id: id.to_owned(),
                parts,
                failed: true,
            })
            .into()
        };
        let call = Call {
            id: "a".to_owned(),
            name: "shot".to_owned(),
            arguments: "{}".to_owned(),
        };
        let messages = vec![
            Message::new(Role::Assistant, vec![Content::Call(call).into()]),
            Message::new(
                Role::User,
                vec![
                    result("a", vec![Part::text("Taken."), image.into()]),
                    result("b", vec![Part::text("No.")]),
                    Part::text("Well?"),
                ],
            ),
        ];
        assert_eq!(
            json!(written(messages).unwrap()),
            json!([
                {"role": "assistant", "content": null, "tool_calls": [{"id": "a", "type": "function", "function": {"name": "shot", "arguments": "{}"}}]},
                {"role": "tool", "tool_call_id": "a", "content": "Taken."},
                {"role": "tool", "tool_call_id": "b", "content": "No."},
                {"role": "user", "content": [
                    {"type": "text", "text": "Attached to the result of shot (a):"},
                    {"type": "image_url", "image_url": {"url": "https://a/b.png"}},
                    {"type": "text", "text": "Well?"}]},
            ])
        );
    }

    #[test]
    fn what_the_dialect_has_no_words_for_is_refused() {
        let refused = |kind, url: &str| {
            let media = Media {
                kind,
                source: Source::of_url(url.to_owned()),
                name: None,
                detail: None,
            };
            let turn = Message::new(Role::User, vec![Content::Media(media).into()]);
            written(vec![turn]).unwrap_err().message
        };
        for (kind, url, why) in [
            (Kind::Recording, "gs://a/b", "by its address"),
            (Kind::Document, "https://a/b.pdf", "by its address"),
            (Kind::Recording, "data:video/mp4;base64,AAAA", "video/mp4"),
            (Kind::Image, "gs://a/b.png", "not on the web"),
        ] {
            let told = refused(kind, url);
            assert!(told.contains(why), "{told}");
        }
    }
}
