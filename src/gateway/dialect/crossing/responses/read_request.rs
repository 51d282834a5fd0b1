//! Reads a request of OpenAI responses.
//!
//! | member | |
//! |---|---|
//! | `previous_response_id`, `conversation`, `prompt`, `background`, items by reference, files by id | refused by name: they need what OpenAI keeps |
//! | tools that are no functions, the items of such tools, `context_management`, `reasoning.mode`, and whatever is not known | refused by name |
//! | `service_tier`, `store`, `moderation`, `prompt_cache_options`, `prompt_cache_retention`, `stream_options.include_obfuscation`, `reasoning.context` | dropped: they are about OpenAI's own service |
//! | `truncation` | dropped: a prompt that is too long is refused by the provider |
//! | `max_tool_calls`, and what `include` asks of OpenAI's own tools | dropped: there are no such tools |
//! | `id`, `status`, `phase` and `caller` of an item, `annotations` and `logprobs` of an earlier answer, `output_schema` of a tool | dropped: another dialect has no place for them |
//! | `prompt_cache_breakpoint` | a mark to cache up to there |
//! | an image that a model made | an image in its turn |

use serde_json::Value;

use super::items::IMAGE_MADE;
use crate::domain::Result;
use crate::gateway::dialect::crossing::Dialect;
use crate::gateway::dialect::crossing::conversation::{
    Cache, Call, CallResult, Content, Format, Message, Part, Reasoning, Request, Role, Sampling,
    Thinking, Tool,
};
use crate::gateway::dialect::crossing::fields::{self, Fields};
use crate::gateway::dialect::crossing::media::{Kind, Media, Source};
use crate::gateway::dialect::crossing::openai::{self, Functions};
use crate::gateway::dialect::crossing::seal::Seal;

const DROPPED: [&str; 8] = [
    "service_tier",
    "store",
    "moderation",
    "prompt_cache_options",
    "prompt_cache_retention",
    "truncation",
    "max_tool_calls",
    "background",
];

/// What needs the memory of the provider.
const KEPT_AT_OPENAI: [&str; 3] = ["previous_response_id", "conversation", "prompt"];

/// What may be asked for beside the answer.
const LOGPROBS: &str = "message.output_text.logprobs";
const INCLUDED: [&str; 7] = [
    // Is always there.
    "reasoning.encrypted_content",
    // Is about OpenAI's own tools.
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
];

/// Reads the body of a request.
///
/// # Errors
/// When it is not JSON, a member has the wrong type, or one cannot be carried into another dialect; `param` names it.
pub(crate) fn read_request(body: &[u8]) -> Result<Request> {
    let mut fields = Fields::body(body)?;
    for name in KEPT_AT_OPENAI {
        if fields.has(name) {
            return Err(fields.refuse(name, "what is kept at OpenAI is not there for the provider of this model; send the whole conversation in `input`"));
        }
    }
    if fields.flag("background")?.unwrap_or(false) {
        return Err(fields.refuse(
            "background",
            "the provider of this model keeps no answers to be fetched later",
        ));
    }
    let mut request = Request {
        model: fields.need_text("model")?,
        messages: messages(&mut fields)?,
        tools: tools(&mut fields)?,
        tool_choice: openai::tool_choice(&mut fields, Functions::Flat)?,
        parallel_calls: fields.flag("parallel_tool_calls")?,
        sampling: Sampling {
            temperature: fields.number("temperature")?,
            top_p: fields.number("top_p")?,
            ..Sampling::default()
        },
        max_output: fields.count("max_output_tokens")?,
        reasoning: reasoning(&mut fields)?,
        logprobs: logprobs(&mut fields)?,
        cache_key: fields.text("prompt_cache_key")?,
        stream: fields.flag("stream")?.unwrap_or(false),
        ..Request::default()
    };
    (request.format, request.verbosity) = text(&mut fields)?;
    let user = fields.text("user")?;
    request.user = fields.text("safety_identifier")?.or(user);
    if let Some(Value::Object(metadata)) = fields.take("metadata") {
        request.metadata = metadata;
    }
    if let Some(options) = fields.fields("stream_options")? {
        options.finish(&["include_obfuscation"])?;
    }
    fields.finish(&DROPPED)?;
    Ok(request)
}

fn messages(fields: &mut Fields) -> Result<Vec<Message>> {
    let mut messages = Vec::new();
    if let Some(text) = fields.text("instructions")?.filter(|text| !text.is_empty()) {
        messages.push(Message::new(Role::System, vec![Part::text(text)]));
    }
    let path = fields.path("input");
    let items = match fields.take("input") {
        Some(Value::String(text)) => {
            messages.push(Message::new(Role::User, vec![Part::text(text)]));
            return Ok(messages);
        }
        Some(Value::Array(items)) => items,
        Some(_) => return Err(fields.refuse("input", "must be a text or an array of items")),
        None => return Err(fields.refuse("input", "is missing")),
    };
    let mut open = false;
    for (item, path) in fields::numbered(items, &path) {
        let (role, parts, joins) = match self::item(Fields::of(item, path)?)? {
            Item::Message(role, parts) => (role, parts, role == Role::Assistant),
            Item::Made(part) => (Role::Assistant, vec![part], true),
            Item::Returned(result) => (Role::User, vec![Content::Result(result).into()], true),
            Item::Nothing => continue,
        };
        // What a model thought, said and called stands in one turn elsewhere, and so do the results of its calls.
        match messages.last_mut() {
            Some(turn) if joins && open && turn.role == role => turn.parts.extend(parts),
            Some(_) | None => messages.push(Message::new(role, parts)),
        }
        open = joins;
    }
    Ok(messages)
}

/// An element of `input`.
enum Item {
    /// Somebody says something.
    Message(Role, Vec<Part>),
    /// What a model made beside its words: a thought, a call, an image.
    Made(Part),
    /// What a tool answered.
    Returned(CallResult),
    /// A thought without words and seal.
    Nothing,
}

fn item(mut fields: Fields) -> Result<Item> {
    let kind = match fields.text("type")? {
        Some(kind) => kind,
        None if fields.has("role") => "message".to_owned(),
        None => "item_reference".to_owned(),
    };
    let item = match kind.as_str() {
        "message" => {
            let role = match fields.need_text("role")?.as_str() {
                "system" | "developer" => Role::System,
                "user" => Role::User,
                "assistant" => Role::Assistant,
                _ => {
                    return Err(
                        fields.refuse("role", "must be system, developer, user or assistant")
                    );
                }
            };
            Item::Message(role, content(&mut fields, "content")?)
        }
        "reasoning" => thinking(&mut fields)?,
        "function_call" => Item::Made(
            Content::Call(Call {
                id: fields.need_text("call_id")?,
                name: fields.need_text("name")?,
                arguments: fields.text("arguments")?.unwrap_or_default(),
            })
            .into(),
        ),
        "function_call_output" => Item::Returned(CallResult {
            id: fields.need_text("call_id")?,
            parts: content(&mut fields, "output")?,
            failed: false,
        }),
        IMAGE_MADE => {
            let format = fields.text("output_format")?;
            Item::Made(image_made(
                fields.need_text("result")?,
                &format.unwrap_or_else(|| "png".to_owned()),
            ))
        }
        "item_reference" => {
            return Err(fields.refuse("", "an item kept at OpenAI is not there for the provider of this model; send the item itself"));
        }
        _ => return Err(fields.refuse("type", "is not a kind of item that can be carried over")),
    };
    fields.finish(match kind.as_str() {
        "message" => &["id", "status", "phase"],
        "function_call" => &["id", "status", "caller", "parsed_arguments"],
        "function_call_output" => &["id", "status", "caller", "name"],
        IMAGE_MADE => &[
            "id",
            "status",
            "action",
            "background",
            "quality",
            "size",
            "revised_prompt",
        ],
        _ => &["status"],
    })?;
    Ok(item)
}

fn image_made(base64: String, format: &str) -> Part {
    Content::Media(Media {
        kind: Kind::Image,
        source: Source::Data {
            media_type: format!("image/{format}"),
            base64,
        },
        name: None,
        detail: None,
    })
    .into()
}

/// A text, or an array of parts.
fn content(fields: &mut Fields, name: &str) -> Result<Vec<Part>> {
    let path = fields.path(name);
    match fields.take(name) {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![Part::text(text)]),
        Some(Value::Array(items)) => fields::numbered(items, &path)
            .into_iter()
            .map(|(item, path)| part(Fields::of(item, path)?))
            .collect(),
        Some(_) => Err(fields.refuse(name, "must be a text or an array of parts")),
    }
}

fn part(mut fields: Fields) -> Result<Part> {
    let kind = fields.need_text("type")?;
    if fields.has("file_id") {
        return Err(fields.refuse("file_id", "a file kept at OpenAI is not there for the provider of this model; send its bytes or its address"));
    }
    let content = match kind.as_str() {
        "input_text" | "output_text" => Content::Text(fields.need_text("text")?),
        "refusal" => Content::Refusal(fields.need_text("refusal")?),
        "input_image" => Content::Media(Media {
            kind: Kind::Image,
            source: Source::of_url(fields.need_text("image_url")?),
            name: None,
            detail: fields.text("detail")?,
        }),
        "input_file" => Content::Media(Media {
            kind: Kind::Document,
            source: file(&mut fields)?,
            name: fields.text("filename")?,
            detail: fields.text("detail")?,
        }),
        "input_audio" => {
            let mut audio = fields.need_fields("input_audio")?;
            Content::Media(Media {
                kind: Kind::Recording,
                source: Source::Data {
                    media_type: format!("audio/{}", audio.need_text("format")?),
                    base64: audio.need_text("data")?,
                },
                name: None,
                detail: None,
            })
        }
        _ => {
            return Err(fields.refuse("type", "is not a kind of content that can be carried over"));
        }
    };
    let cache = cache(&mut fields)?;
    fields.finish(&["annotations", "logprobs", "parsed"])?;
    Ok(Part { content, cache })
}

fn file(fields: &mut Fields) -> Result<Source> {
    let Some(data) = fields.text("file_data")? else {
        return Ok(Source::of_url(fields.need_text("file_url")?));
    };
    match Source::of_url(data) {
        Source::Url { .. } => Err(fields.refuse(
            "file_data",
            "must begin with data:, the media type and ;base64,",
        )),
        source @ (Source::Data { .. } | Source::Text(_)) => Ok(source),
    }
}

fn cache(fields: &mut Fields) -> Result<Option<Cache>> {
    let Some(mut mark) = fields.fields("prompt_cache_breakpoint")? else {
        return Ok(None);
    };
    Ok(Some(match mark.text("ttl")?.as_deref() {
        Some("12h") => Cache::Hour,
        Some(_) | None => Cache::Usual,
    }))
}

/// A thought of an earlier answer: its summary, or its words where it has them only.
fn thinking(fields: &mut Fields) -> Result<Item> {
    let id = fields.text("id")?;
    let summary = thoughts(fields, "summary")?;
    let words = thoughts(fields, "content")?;
    let token = fields.text("encrypted_content")?.unwrap_or_default();
    let seal = Seal::foreign(&token).unwrap_or_else(|| Seal {
        id,
        ..Seal::new(Dialect::Responses, token)
    });
    let text = if summary.is_empty() { words } else { summary };
    if text.is_empty() && seal.data.is_empty() {
        return Ok(Item::Nothing);
    }
    Ok(Item::Made(
        Content::Thinking(Thinking { text, seal }).into(),
    ))
}

fn thoughts(fields: &mut Fields, name: &str) -> Result<String> {
    let mut texts = Vec::new();
    for mut thought in fields.each(name)? {
        texts.push(thought.need_text("text")?);
    }
    Ok(texts.join("\n\n"))
}

fn tools(fields: &mut Fields) -> Result<Vec<Tool>> {
    let mut tools = Vec::new();
    for mut tool in fields.each("tools")? {
        if tool.need_text("type")? != "function" {
            return Err(tool.refuse(
                "type",
                "only functions can be carried over; OpenAI's own tools run at OpenAI",
            ));
        }
        tools.push(Tool {
            name: tool.need_text("name")?,
            description: tool.text("description")?,
            schema: tool.take("parameters"),
            strict: tool.flag("strict")?,
            cache: None,
        });
        tool.finish(&["output_schema"])?;
    }
    Ok(tools)
}

/// The shape of the words, and how many there are to be.
fn text(fields: &mut Fields) -> Result<(Format, Option<String>)> {
    let Some(mut text) = fields.fields("text")? else {
        return Ok((Format::Text, None));
    };
    let verbosity = text.text("verbosity")?;
    let format = text.fields("format")?;
    text.finish(&[])?;
    let Some(mut format) = format else {
        return Ok((Format::Text, verbosity));
    };
    let read = match format.need_text("type")?.as_str() {
        "text" => Format::Text,
        "json_object" => Format::Json,
        "json_schema" => openai::schema(&mut format)?,
        _ => return Err(format.refuse("type", "must be text, json_object or json_schema")),
    };
    format.finish(&[])?;
    Ok((read, verbosity))
}

fn reasoning(fields: &mut Fields) -> Result<Reasoning> {
    let Some(mut reasoning) = fields.fields("reasoning")? else {
        return Ok(Reasoning::default());
    };
    let depth = openai::effort(&mut reasoning, "effort")?;
    let older = reasoning.text("generate_summary")?;
    let shown = reasoning.text("summary")?.or(older).map(|_| true);
    reasoning.finish(&["context"])?;
    Ok(Reasoning { depth, shown })
}

fn logprobs(fields: &mut Fields) -> Result<Option<u64>> {
    let mut asked = false;
    for (at, name) in fields.texts("include")?.iter().enumerate() {
        if name == LOGPROBS {
            asked = true;
        } else if !INCLUDED.contains(&name.as_str()) {
            return Err(fields::wrong(
                &format!("include[{at}]"),
                "cannot be had from the provider of this model",
            ));
        }
    }
    // A client that repeats a response's settings sends a zero and means nothing by it.
    let top = fields.count("top_logprobs")?;
    Ok(match top {
        Some(0) | None => asked.then_some(0),
        Some(_) => top,
    })
}
