//! Reads `contents` and `systemInstruction`: who said what.

use serde_json::{Map, Value};

use super::made_ids::Calls;
use super::pieces::{self, Pieces};
use crate::domain::{Error, Result};
use crate::gateway::dialect::crossing::conversation::{
    Call, CallResult, Content, Message, Part, Role,
};
use crate::gateway::dialect::crossing::fields::Fields;
use crate::gateway::dialect::crossing::media::{Kind, Media, Source, standard_base64};

/// The conversation, its system prompt in front.
pub(super) fn read(request: &mut Fields) -> Result<Vec<Message>> {
    let mut messages: Vec<Message> = system(request)?.into_iter().collect();
    if !request.has("contents") {
        return Err(request.refuse("contents", "is missing"));
    }
    let mut calls = Calls::default();
    let mut model: Option<Pieces> = None;
    for mut content in request.each("contents")? {
        let role = content.text("role")?;
        match role.as_deref() {
            Some("model") => {
                let pieces = model.get_or_insert_default();
                pieces.go_on();
                for part in content.each("parts")? {
                    said(part, pieces, &mut calls)?;
                }
            }
            // Results came under a role of their own once.
            None | Some("user" | "function") => {
                messages.extend(model.take().map(turn));
                let parts = content.each("parts")?.into_iter();
                let parts = parts
                    .map(|part| given(part, &mut calls))
                    .collect::<Result<_>>()?;
                messages.push(Message::new(Role::User, parts));
            }
            Some(_) => return Err(content.refuse("role", "must be user or model")),
        }
        content.finish(&[])?;
    }
    messages.extend(model.map(turn));
    Ok(messages)
}

fn turn(pieces: Pieces) -> Message {
    Message::new(Role::Assistant, pieces.into_parts())
}

fn system(request: &mut Fields) -> Result<Option<Message>> {
    let Some(mut content) = request.fields("systemInstruction")? else {
        return Ok(None);
    };
    let mut parts = Vec::new();
    for mut part in content.each("parts")? {
        parts.push(Part::text(part.need_text("text")?));
        part.finish(&["partMetadata"])?;
    }
    content.finish(&["role"])?;
    Ok(Some(Message::new(Role::System, parts)))
}

/// A part of a model's turn.
fn said(mut part: Fields, pieces: &mut Pieces, calls: &mut Calls) -> Result<()> {
    let seal = part.text("thoughtSignature")?.map(pieces::seal);
    let thought = part.flag("thought")?.unwrap_or(false);
    let text = part.text("text")?;
    if thought {
        pieces.thinking(text.unwrap_or_default());
        seal.into_iter().for_each(|seal| pieces.sealed(seal));
        return part.finish(&["partMetadata"]);
    }
    let signed = seal.is_some();
    seal.into_iter().for_each(|seal| pieces.sealed(seal));
    if let Some(text) = text {
        pieces.text(text);
    } else if let Some(mut call) = part.fields("functionCall")? {
        let name = call.need_text("name")?;
        let arguments = match call.take("args") {
            None => Value::Object(Map::new()),
            Some(args @ Value::Object(_)) => args,
            Some(_) => return Err(call.refuse("args", "must be an object")),
        };
        pieces.push(Content::Call(Call {
            id: calls.call(call.text("id")?, &name),
            name,
            arguments: arguments.to_string(),
        }));
        call.finish(&[])?;
    } else if let Some(media) = media(&mut part)? {
        pieces.push(Content::Media(media));
    } else if !signed {
        return Err(unknown(part));
    }
    part.finish(&["partMetadata"])
}

/// A part of a user's turn.
fn given(mut part: Fields, calls: &mut Calls) -> Result<Part> {
    let content = if let Some(text) = part.text("text")? {
        Content::Text(text)
    } else if let Some(result) = part.fields("functionResponse")? {
        Content::Result(self::result(result, calls)?)
    } else if let Some(media) = media(&mut part)? {
        Content::Media(media)
    } else {
        return Err(unknown(part));
    };
    part.finish(&["partMetadata", "thought", "thoughtSignature"])?;
    Ok(content.into())
}

/// The error about a part of a kind that cannot be carried over: it names the kind, if there is one.
fn unknown(part: Fields) -> Error {
    let nothing = part.refuse(
        "",
        "says nothing: text, inlineData, fileData, functionCall or functionResponse must be in it",
    );
    part.finish(&["partMetadata"]).err().unwrap_or(nothing)
}

fn media(part: &mut Fields) -> Result<Option<Media>> {
    let (source, name, kind) = if let Some(mut blob) = part.fields("inlineData")? {
        let media_type = blob.need_text("mimeType")?;
        let kind = Kind::of(&media_type);
        let base64 = standard_base64(blob.need_text("data")?);
        let name = blob.text("displayName")?;
        blob.finish(&[])?;
        (Source::Data { media_type, base64 }, name, kind)
    } else if let Some(mut file) = part.fields("fileData")? {
        let media_type = file.text("mimeType")?;
        let url = file.need_text("fileUri")?;
        // A film on YouTube needs no type.
        let film = url.contains("youtu").then_some("video/*");
        let kind = Kind::of(media_type.as_deref().or(film).unwrap_or_default());
        let name = file.text("displayName")?;
        file.finish(&[])?;
        (Source::Url { url, media_type }, name, kind)
    } else {
        return Ok(None);
    };
    Ok(Some(Media {
        kind,
        source,
        name,
        detail: detail(part)?,
    }))
}

/// How closely to look, in OpenAI's words.
fn detail(part: &mut Fields) -> Result<Option<String>> {
    let Some(mut resolution) = part.fields("mediaResolution")? else {
        return Ok(None);
    };
    let level = resolution.text("level")?;
    resolution.finish(&["numTokens"])?;
    Ok(match level.as_deref() {
        Some("MEDIA_RESOLUTION_LOW") => Some("low".to_owned()),
        Some("MEDIA_RESOLUTION_HIGH" | "MEDIA_RESOLUTION_ULTRA_HIGH") => Some("high".to_owned()),
        Some(_) | None => None,
    })
}

fn result(mut result: Fields, calls: &mut Calls) -> Result<CallResult> {
    let (id, name) = (result.text("id")?, result.text("name")?);
    let Some(id) = calls.answered(id.as_deref(), name.as_deref()) else {
        return Err(result.refuse("", "answers no call of the turns before it"));
    };
    let (text, failed) = match result.take("response") {
        None => (None, false),
        Some(Value::Object(response)) => output(response),
        Some(_) => return Err(result.refuse("response", "must be an object")),
    };
    let mut parts: Vec<Part> = text.map(Part::text).into_iter().collect();
    for mut part in result.each("parts")? {
        match media(&mut part)? {
            Some(media) => parts.push(Content::Media(media).into()),
            None => return Err(unknown(part)),
        }
        part.finish(&[])?;
    }
    result.finish(&["scheduling"])?;
    Ok(CallResult { id, parts, failed })
}

/// What a tool put out, and whether it failed: `output` and `error` say so, otherwise all of the object is its output.
fn output(response: Map<String, Value>) -> (Option<String>, bool) {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            value.to_string()
        }
    };
    let only = |name: &str| response.get(name).filter(|_| response.len() == 1);
    match (only("output"), only("error")) {
        (Some(output), _) => (Some(text(output)), false),
        (_, Some(error)) => (Some(text(error)), true),
        (None, None) if response.is_empty() => (None, false),
        (None, None) => (Some(Value::Object(response).to_string()), false),
    }
}
