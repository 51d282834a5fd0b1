//! Writes a request of OpenAI chat.
//!
//! | of the conversation | |
//! |---|---|
//! | documents and recordings by their address, recordings but `wav`, `mp3` and the like, media in system prompts and in a model's own turns | refused by name |
//! | media in the result of a call | follow the results in a message of the user that names the call: a `tool` message takes text only |
//! | that a call failed | dropped: its result says so in words |
//! | the order of words and calls within a turn | words first |
//! | marks to cache up to a place | see `family`; none on calls, thinking and, at OpenAI, the model's own words and tools |
//! | whether thinking is shown, thinking by other kinds of models | dropped, see `seal` |
//! | the client's notes (`metadata`) | dropped: OpenAI takes them for answers that it stores |
//! | a stream | always with its usage |

use serde_json::{Map, Value, json};

use super::reasoning;
use crate::domain::Result;
use crate::gateway::dialect::crossing::Target;
use crate::gateway::dialect::crossing::conversation::{
    CallResult, Content, Format, Message, Part, Request, Role, Tool, ToolChoice,
};
use crate::gateway::dialect::crossing::effort::Depth;
use crate::gateway::dialect::crossing::family::{self, Marks};
use crate::gateway::dialect::crossing::fields::inexpressible;
use crate::gateway::dialect::crossing::media::{Kind, Media, Source};

/// Writes the body of a request.
///
/// # Errors
/// When the dialect has no words for a part of the conversation.
pub(crate) fn write_request(request: &Request, target: &Target<'_>) -> Result<String> {
    let marks = Marks::of(target.model);
    let mut body = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        body.extend(value.map(|value| (name.to_owned(), value)));
    };
    put("model", Some(target.model.into()));
    put("messages", Some(messages(request, marks)?.into()));
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|declared| tool(declared, marks));
        put("tools", Some(tools.collect()));
        put("tool_choice", request.tool_choice.as_ref().map(tool_choice));
        put(
            "parallel_tool_calls",
            request.parallel_calls.map(Value::from),
        );
    }
    put("response_format", format(&request.format));
    put(
        "stop",
        (!request.stop.is_empty()).then(|| json!(request.stop)),
    );
    for (name, number) in [
        ("temperature", &request.sampling.temperature),
        ("top_p", &request.sampling.top_p),
        ("top_k", &request.sampling.top_k),
        ("frequency_penalty", &request.sampling.frequency_penalty),
        ("presence_penalty", &request.sampling.presence_penalty),
        ("seed", &request.sampling.seed),
    ] {
        put(name, number.clone().map(Value::Number));
    }
    let limit = target.output_limit.or(request.max_output);
    put(family::limit_member(target.model), limit.map(Value::from));
    let effort = request.reasoning.depth.and_then(Depth::word);
    put("reasoning_effort", effort.map(Value::from));
    put("verbosity", request.verbosity.clone().map(Value::from));
    put("logprobs", request.logprobs.map(|_| true.into()));
    let alternatives = request.logprobs.filter(|count| *count > 0);
    put("top_logprobs", alternatives.map(Value::from));
    put(
        "prompt_cache_key",
        request.cache_key.clone().map(Value::from),
    );
    put("user", request.user.clone().map(Value::from));
    if request.stream {
        put("stream", Some(true.into()));
        put("stream_options", Some(json!({"include_usage": true})));
    }
    if marks == Marks::CacheControl {
        marks.put(&mut body, request.cache);
    }
    Ok(Value::Object(body).to_string())
}

fn messages(request: &Request, marks: Marks) -> Result<Vec<Value>> {
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
        (Kind::Image, source) => {
            let mut image = json!({"url": source.to_url()});
            if let (Some(image), Some(detail)) = (image.as_object_mut(), &file.detail) {
                image.insert("detail".to_owned(), detail.as_str().into());
            }
            json!({"type": "image_url", "image_url": image})
        }
        (Kind::Document, Source::Data { .. } | Source::Text(_)) => {
            // OpenAI refuses data without a name.
            let name = file.name.as_deref().unwrap_or("document");
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

/// The word for a format of sound. OpenAI knows `wav` and `mp3`, providers like it more; films are none.
fn sound(media_type: &str) -> Option<&str> {
    let format = media_type.split(';').next()?.strip_prefix("audio/")?;
    Some(match format {
        "mpeg" => "mp3",
        "x-wav" | "wave" | "vnd.wave" => "wav",
        format => format.strip_prefix("x-").unwrap_or(format),
    })
}

fn tool(declared: &Tool, marks: Marks) -> Value {
    let mut function = json!({"name": declared.name});
    if let Some(function) = function.as_object_mut() {
        let description = declared.description.clone().map(Value::from);
        let members = [
            ("description", description),
            ("parameters", declared.schema.clone()),
            ("strict", declared.strict.map(Value::from)),
        ];
        let given = members
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)));
        function.extend(given);
    }
    let mut tool = json!({"type": "function", "function": function});
    if let (Marks::CacheControl, Some(tool)) = (marks, tool.as_object_mut()) {
        marks.put(tool, declared.cache);
    }
    tool
}

fn tool_choice(choice: &ToolChoice) -> Value {
    let named = |name: &String| json!({"type": "function", "function": {"name": name}});
    match choice {
        ToolChoice::Auto => "auto".into(),
        ToolChoice::Never => "none".into(),
        ToolChoice::Required => "required".into(),
        ToolChoice::Among { names, required } => match (names.as_slice(), required) {
            ([name], true) => named(name),
            (names, required) => json!({"type": "allowed_tools", "allowed_tools": {
                "mode": if *required { "required" } else { "auto" },
                "tools": names.iter().map(named).collect::<Vec<_>>(),
            }}),
        },
    }
}

fn format(format: &Format) -> Option<Value> {
    match format {
        Format::Text => None,
        Format::Json => Some(json!({"type": "json_object"})),
        Format::Schema {
            name,
            description,
            schema,
            strict,
        } => {
            // OpenAI demands a name.
            let mut told = json!({"name": name.as_deref().unwrap_or("answer")});
            if let Some(told) = told.as_object_mut() {
                told.extend(
                    description
                        .clone()
                        .map(|words| ("description".to_owned(), words.into())),
                );
                told.insert("schema".to_owned(), schema.clone());
                told.extend(strict.map(|strict| ("strict".to_owned(), strict.into())));
            }
            Some(json!({"type": "json_schema", "json_schema": told}))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::dialect::crossing::chat::read_request;
    use crate::gateway::dialect::crossing::conversation::{Cache, Call};

    const GPT: Target<'static> = Target {
        model: "gpt-4o",
        output_limit: None,
        most_output: 4096,
    };

    fn written(request: &Request, target: &Target<'_>) -> Value {
        serde_json::from_str(&write_request(request, target).unwrap()).unwrap()
    }

    #[test]
    fn what_is_read_is_written_again() {
        let body = json!({
            "model": "gpt-4o",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image_url", "image_url": {"url": "https://a/b.png", "detail": "low"}},
                    {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}},
                    {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}]},
                {"role": "assistant", "content": null, "reasoning_content": "Hm.", "tool_calls": [
                    {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{\"x\": 1}"}},
                    {"id": "b", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
                {"role": "tool", "tool_call_id": "a", "content": "1"},
                {"role": "tool", "tool_call_id": "b", "content": "2"},
                {"role": "assistant", "content": null, "refusal": "No."},
            ],
            "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": true}}],
            "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]}},
            "parallel_tool_calls": true,
            "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": true}},
            "stop": ["END"],
            "temperature": 0.5, "top_p": 0.9, "frequency_penalty": 0.1, "presence_penalty": 0.2, "seed": 7,
            "max_tokens": 100,
            "reasoning_effort": "low", "verbosity": "high",
            "logprobs": true, "top_logprobs": 2,
            "prompt_cache_key": "k", "user": "u",
            "stream": true, "stream_options": {"include_usage": true},
        });
        let request = read_request(body.to_string().as_bytes()).unwrap();
        assert_eq!(written(&request, &GPT), body);
    }

    #[test]
    fn each_model_gets_the_marks_and_the_limit_it_knows() {
        let marked = Part {
            cache: Some(Cache::Hour),
            ..Part::text("Long.")
        };
        let request = Request {
            messages: vec![
                Message::new(Role::User, vec![marked.clone()]),
                Message::new(Role::Assistant, vec![marked]),
            ],
            max_output: Some(9),
            ..Request::default()
        };
        let of = |model| {
            let target = Target {
                model,
                output_limit: Some(5),
                ..GPT
            };
            let body = written(&request, &target);
            let limit =
                ["max_tokens", "max_completion_tokens"].map(|name| body.get(name).is_some());
            assert!(body.to_string().contains("tokens\":5"));
            (
                body["messages"][0]["content"][0].clone(),
                body["messages"][1]["content"].clone(),
                limit,
            )
        };
        let control = json!({"type": "text", "text": "Long.", "cache_control": {"type": "ephemeral", "ttl": "1h"}});
        assert_eq!(of("gpt-4o"), (Value::Null, "Long.".into(), [true, false]));
        assert_eq!(
            of("gpt-5.6"),
            (
                json!({"type": "text", "text": "Long.", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"}}),
                "Long.".into(),
                [false, true]
            )
        );
        assert_eq!(
            of("anthropic/claude-opus-4"),
            (control.clone(), json!([control]), [true, false])
        );
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
        let request = Request {
            messages: vec![
                Message::new(Role::Assistant, vec![Content::Call(call).into()]),
                Message::new(
                    Role::User,
                    vec![
                        result("a", vec![Part::text("Taken."), image.into()]),
                        result("b", vec![Part::text("No.")]),
                        Part::text("Well?"),
                    ],
                ),
            ],
            ..Request::default()
        };
        assert_eq!(
            written(&request, &GPT)["messages"],
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
        let film = |source| {
            let media = Media {
                kind: Kind::Recording,
                source,
                name: None,
                detail: None,
            };
            let turn = Message::new(Role::User, vec![Content::Media(media).into()]);
            let request = Request {
                messages: vec![turn],
                ..Request::default()
            };
            write_request(&request, &GPT).unwrap_err().param
        };
        let named = Some("messages".to_owned());
        assert_eq!(film(Source::of_url("gs://a/b".to_owned())), named);
        assert_eq!(
            film(Source::of_url("data:video/mp4;base64,AAAA".to_owned())),
            named
        );
    }
}
