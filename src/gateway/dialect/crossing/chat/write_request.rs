//! Writes a request of OpenAI chat; its messages are written in `write_messages`.
//!
//! | of the conversation | |
//! |---|---|
//! | `top_k` | dropped for OpenAI's models, which refuse it: it only narrows chance |
//! | no thinking at all | for OpenAI's models the least that the model can; nothing for those that do not think |
//! | marks to cache up to a place | see `family`; none on calls and thinking, and at OpenAI none on tools and the model's own words |
//! | the client's notes (`metadata`) | dropped: OpenAI takes them for answers that it stores |
//! | a stream | always with its usage |

use serde_json::{Map, Value, json};

use super::write_messages;
use crate::domain::Result;
use crate::gateway::dialect::crossing::Target;
use crate::gateway::dialect::crossing::conversation::{Format, Request, Tool, ToolChoice};
use crate::gateway::dialect::crossing::effort::Depth;
use crate::gateway::dialect::crossing::family::{self, Marks};

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
    put(
        "messages",
        Some(write_messages::write(request, marks)?.into()),
    );
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
        ("frequency_penalty", &request.sampling.frequency_penalty),
        ("presence_penalty", &request.sampling.presence_penalty),
        ("seed", &request.sampling.seed),
    ] {
        put(name, number.clone().map(Value::Number));
    }
    let top_k = request.sampling.top_k.clone();
    let top_k = top_k.filter(|_| !family::by_openai(target.model));
    put("top_k", top_k.map(Value::Number));
    let limit = target.output_limit.or(request.max_output);
    put(family::limit_member(target.model), limit.map(Value::from));
    let effort = match request.reasoning.depth {
        Some(Depth::Off) if family::by_openai(target.model) => family::least_effort(target.model),
        depth => depth.and_then(Depth::word),
    };
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
    use crate::gateway::dialect::crossing::conversation::{Cache, Message, Part, Role};

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
}
