//! Reads a request of OpenAI chat.
//!
//! | member | |
//! |---|---|
//! | `n` above 1, `audio`, `modalities` with audio, `prediction`, `logit_bias`, `functions`, `web_search_options`, tools that are no functions, files by id, and whatever is not known | refused by name |
//! | `service_tier`, `store`, `moderation`, `prompt_cache_options`, `prompt_cache_retention`, `stream_options.include_obfuscation`, `name` of a message | dropped: they are about OpenAI's own service |
//! | `parsed`, `parsed_arguments` | dropped: the official SDKs leave in a message what they have read in it |
//! | `prompt_cache_breakpoint`, and `cache_control` as OpenRouter has it | a mark to cache up to there; beside `messages`, the whole prompt |
//! | `images` of an earlier answer | an image in its turn |
//! | `reasoning_content` or `reasoning`, and `reasoning_details` of an earlier answer | its thinking, with its seals |

use serde_json::Value;

use super::{answer, reasoning};
use crate::domain::Result;
use crate::gateway::dialect::crossing::conversation::{
    Cache, Call, CallResult, Content, Format, Message, Part, Reasoning, Request, Role, Sampling,
    Tool,
};
use crate::gateway::dialect::crossing::fields::{self, Fields};
use crate::gateway::dialect::crossing::media::{Kind, Media, Source};
use crate::gateway::dialect::crossing::openai::{self, Functions};

const DROPPED: [&str; 5] = [
    "service_tier",
    "store",
    "moderation",
    "prompt_cache_options",
    "prompt_cache_retention",
];

/// Reads the body of a request.
///
/// # Errors
/// When it is not JSON, a member has the wrong type, or one cannot be carried into another dialect; `param` names it.
pub(crate) fn read_request(body: &[u8]) -> Result<Request> {
    let mut fields = Fields::body(body)?;
    let mut request = Request {
        model: fields.need_text("model")?,
        messages: messages(&mut fields)?,
        tools: tools(&mut fields)?,
        tool_choice: openai::tool_choice(&mut fields, Functions::Nested)?,
        parallel_calls: fields.flag("parallel_tool_calls")?,
        format: format(&mut fields)?,
        stop: stop(&mut fields)?,
        sampling: Sampling {
            temperature: fields.number("temperature")?,
            top_p: fields.number("top_p")?,
            top_k: fields.number("top_k")?,
            frequency_penalty: fields.number("frequency_penalty")?,
            presence_penalty: fields.number("presence_penalty")?,
            seed: fields.number("seed")?,
        },
        reasoning: reasoning(&mut fields)?,
        verbosity: fields.text("verbosity")?,
        stream: fields.flag("stream")?.unwrap_or(false),
        cache: cache(&mut fields)?,
        cache_key: fields.text("prompt_cache_key")?,
        ..Request::default()
    };
    let older_limit = fields.count("max_tokens")?;
    request.max_output = fields.count("max_completion_tokens")?.or(older_limit);
    let user = fields.text("user")?;
    request.user = fields.text("safety_identifier")?.or(user);
    let top = fields.count("top_logprobs")?;
    request.logprobs = match fields.flag("logprobs")? {
        Some(true) => Some(top.unwrap_or(0)),
        Some(false) | None => None,
    };
    if let Some(Value::Object(metadata)) = fields.take("metadata") {
        request.metadata = metadata;
    }
    if let Some(mut options) = fields.fields("stream_options")? {
        request.include_usage = options.flag("include_usage")?.unwrap_or(false);
        options.finish(&["include_obfuscation"])?;
    }
    if fields.count("n")?.is_some_and(|n| n > 1) {
        return Err(fields.refuse(
            "n",
            "only one answer can be had from the provider of this model; ask again for another",
        ));
    }
    if fields
        .texts("modalities")?
        .iter()
        .any(|kind| kind != "text")
    {
        return Err(fields::inexpressible("modalities", "output but text"));
    }
    fields.finish(&DROPPED)?;
    Ok(request)
}

fn messages(fields: &mut Fields) -> Result<Vec<Message>> {
    if !fields.has("messages") {
        return Err(fields.refuse("messages", "is missing"));
    }
    let (mut messages, mut after_tool) = (Vec::<Message>::new(), false);
    for mut fields in fields.each("messages")? {
        let role = fields.need_text("role")?;
        match role.as_str() {
            "system" | "developer" => {
                messages.push(Message::new(Role::System, content(&mut fields, "content")?));
            }
            "user" => messages.push(Message::new(Role::User, content(&mut fields, "content")?)),
            "assistant" => messages.push(Message::new(Role::Assistant, assistant(&mut fields)?)),
            "tool" => {
                let result = Content::Result(CallResult {
                    id: fields.need_text("tool_call_id")?,
                    parts: content(&mut fields, "content")?,
                    failed: false,
                });
                // The results of calls made together stand in one turn elsewhere.
                match messages.last_mut() {
                    Some(turn) if after_tool => turn.parts.push(result.into()),
                    Some(_) | None => messages.push(Message::new(Role::User, vec![result.into()])),
                }
            }
            _ => {
                return Err(
                    fields.refuse("role", "must be system, developer, user, assistant or tool")
                );
            }
        }
        after_tool = role == "tool";
        fields.finish(&["name", "annotations", "parsed"])?;
    }
    Ok(messages)
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
    let content = match fields.need_text("type")?.as_str() {
        "text" => Content::Text(fields.need_text("text")?),
        "refusal" => Content::Refusal(fields.need_text("refusal")?),
        "image_url" => {
            let mut image = fields.need_fields("image_url")?;
            let media = Media {
                kind: Kind::Image,
                source: Source::of_url(image.need_text("url")?),
                name: None,
                detail: image.text("detail")?,
            };
            image.finish(&[])?;
            Content::Media(media)
        }
        "input_audio" => {
            let mut audio = fields.need_fields("input_audio")?;
            let media = Media {
                kind: Kind::Recording,
                source: Source::Data {
                    media_type: format!("audio/{}", audio.need_text("format")?),
                    base64: audio.need_text("data")?,
                },
                name: None,
                detail: None,
            };
            audio.finish(&[])?;
            Content::Media(media)
        }
        "file" => {
            let mut file = fields.need_fields("file")?;
            if file.has("file_id") {
                return Err(file.refuse("file_id", "a file kept at OpenAI is not there for the provider of this model; send it as file_data"));
            }
            let media = Media {
                kind: Kind::Document,
                source: Source::of_url(file.need_text("file_data")?),
                name: file.text("filename")?,
                detail: None,
            };
            file.finish(&[])?;
            Content::Media(media)
        }
        _ => return Err(fields.refuse("type", "is not a kind of content that can be carried over")),
    };
    let cache = cache(&mut fields)?;
    fields.finish(&[])?;
    Ok(Part { content, cache })
}

fn cache(fields: &mut Fields) -> Result<Option<Cache>> {
    let newer = fields.fields("prompt_cache_breakpoint")?;
    let older = fields.fields("cache_control")?;
    let Some(mut mark) = older.or(newer) else {
        return Ok(None);
    };
    Ok(Some(match mark.text("ttl")?.as_deref() {
        Some("1h" | "12h") => Cache::Hour,
        Some(_) | None => Cache::Usual,
    }))
}

fn assistant(fields: &mut Fields) -> Result<Vec<Part>> {
    let mut calls = Vec::new();
    for mut call in fields.each("tool_calls")? {
        if call.text("type")?.is_some_and(|kind| kind != "function") {
            return Err(call.refuse("type", "only calls of functions can be carried over"));
        }
        let id = call.need_text("id")?;
        let mut function = call.need_fields("function")?;
        let arguments = function.text("arguments")?.unwrap_or_default();
        calls.push(Call {
            id,
            name: function.need_text("name")?,
            arguments: match arguments.trim() {
                "" => "{}".to_owned(),
                _ => arguments,
            },
        });
        function.finish(&["parsed_arguments"])?;
        // Clients that put a stream together leave its place in it.
        call.finish(&["index"])?;
    }
    let thoughts = reasoning::read(fields, &calls)?;
    let mut parts = thoughts.first;
    // Many write an empty text beside calls.
    let said = content(fields, "content")?.into_iter();
    parts.extend(
        said.filter(|part| !matches!(&part.content, Content::Text(text) if text.is_empty())),
    );
    for mut image in fields.each("images")? {
        let mut at = image.need_fields("image_url")?;
        parts.push(answer::image_at(at.need_text("url")?));
        at.finish(&[])?;
        image.finish(&["type", "index"])?;
    }
    if let Some(refusal) = fields.text("refusal")? {
        parts.push(Content::Refusal(refusal).into());
    }
    for call in calls {
        let of_call = thoughts.of_calls.iter().filter(|(id, _)| *id == call.id);
        parts.extend(of_call.map(|(_, thought)| thought.clone()));
        parts.push(Content::Call(call).into());
    }
    Ok(parts)
}

fn tools(fields: &mut Fields) -> Result<Vec<Tool>> {
    let mut tools = Vec::new();
    for mut tool in fields.each("tools")? {
        if tool.need_text("type")? != "function" {
            return Err(tool.refuse("type", "only functions can be carried over"));
        }
        let mut function = tool.need_fields("function")?;
        tools.push(Tool {
            name: function.need_text("name")?,
            description: function.text("description")?,
            schema: function.take("parameters"),
            strict: function.flag("strict")?,
            cache: cache(&mut tool)?,
        });
        function.finish(&[])?;
        tool.finish(&[])?;
    }
    Ok(tools)
}

fn format(fields: &mut Fields) -> Result<Format> {
    let Some(mut format) = fields.fields("response_format")? else {
        return Ok(Format::Text);
    };
    match format.need_text("type")?.as_str() {
        "text" => Ok(Format::Text),
        "json_object" => Ok(Format::Json),
        "json_schema" => {
            let mut schema = format.need_fields("json_schema")?;
            openai::schema(&mut schema)
        }
        _ => Err(format.refuse("type", "must be text, json_object or json_schema")),
    }
}

fn stop(fields: &mut Fields) -> Result<Vec<String>> {
    match fields.take("stop") {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![text]),
        Some(Value::Array(texts)) => fields::texts(texts, "stop"),
        Some(_) => Err(fields.refuse("stop", "must be a text or an array of texts")),
    }
}

fn reasoning(fields: &mut Fields) -> Result<Reasoning> {
    Ok(Reasoning {
        depth: openai::effort(fields, "reasoning_effort")?,
        shown: None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::reasoning::thought;
    use super::*;
    use crate::gateway::dialect::crossing::Dialect;
    use crate::gateway::dialect::crossing::seal::Seal;

    fn read(body: Value) -> Result<Request> {
        read_request(body.to_string().as_bytes())
    }

    #[test]
    fn results_of_calls_made_together_become_one_turn() {
        let request = read(json!({"model": "m", "messages": [
            {"role": "user", "content": "Weather?"},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "a", "content": "1"},
            {"role": "tool", "tool_call_id": "b", "content": "2"},
            {"role": "user", "content": "And now?"}]}))
        .unwrap();
        let turns: Vec<(Role, usize)> = request
            .messages
            .iter()
            .map(|turn| (turn.role, turn.parts.len()))
            .collect();
        assert_eq!(
            turns,
            [
                (Role::User, 1),
                (Role::Assistant, 2),
                (Role::User, 2),
                (Role::User, 1)
            ]
        );
        assert_eq!(request.called("b"), Some("g"));
    }

    #[test]
    fn a_seal_of_another_dialect_goes_back_before_its_call() {
        let seal = Seal::new(Dialect::Gemini, "c2ln");
        let request = read(json!({"model": "m", "messages": [{"role": "assistant", "content": "Let me see.",
            "reasoning_details": [{"type": "reasoning.encrypted", "data": seal.token(Dialect::Chat), "id": "a"}],
            "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}]}))
        .unwrap();
        assert_eq!(request.messages[0].parts[1], thought("", seal));
    }

    #[test]
    fn what_cannot_be_carried_over_is_named() {
        let with = |name: &str, value: Value| {
            let mut body = json!({"model": "m", "messages": []});
            body[name] = value;
            read(body).unwrap_err().param.unwrap()
        };
        assert_eq!(with("n", json!(2)), "n");
        assert_eq!(with("logit_bias", json!({"1": 2})), "logit_bias");
        assert_eq!(with("modalities", json!(["text", "audio"])), "modalities");
        assert_eq!(
            with("tools", json!([{"type": "custom", "custom": {}}])),
            "tools[0].type"
        );
        assert_eq!(
            with(
                "messages",
                json!([{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}])
            ),
            "messages[0].content[0].file.file_id"
        );
        assert_eq!(with("stop", json!(["a", 1])), "stop[1]");
    }
}
