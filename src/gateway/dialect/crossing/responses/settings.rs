//! What a request asks for, in the words that both a request and the response that repeats it use.

use serde_json::{Map, Value, json};

use super::members::{self, with};
use crate::gateway::dialect::crossing::conversation::{
    Content, Format, Message, Request, Role, Tool, ToolChoice,
};

/// The system prompt and the messages behind it. `instructions` is one text: a system prompt of several parts or with a mark
/// to cache stays among the messages, and so does one with nothing behind it, since a request without `input` is refused.
pub(super) fn instructions(request: &Request) -> (Option<&str>, &[Message]) {
    if let [
        Message {
            role: Role::System,
            parts,
        },
        rest @ ..,
    ] = request.messages.as_slice()
        && let [part] = parts.as_slice()
        && let Content::Text(text) = &part.content
        && part.cache.is_none()
        && !rest.is_empty()
    {
        return (Some(text), rest);
    }
    (None, &request.messages)
}

/// The functions. What is strict must be said: left out, OpenAI takes it for granted and changes the schema to fit.
pub(super) fn tools(tools: &[Tool]) -> Value {
    let tool = |tool: &Tool| {
        let told = json!({
            "type": "function",
            "name": tool.name,
            "parameters": tool.schema,
            "strict": tool.strict.unwrap_or(false),
        });
        with(told, "description", members::text(&tool.description))
    };
    tools.iter().map(tool).collect()
}

/// Whether and which of them is called.
pub(super) fn tool_choice(choice: &ToolChoice) -> Value {
    match choice {
        ToolChoice::Auto => json!("auto"),
        ToolChoice::Never => json!("none"),
        ToolChoice::Required => json!("required"),
        ToolChoice::Among { names, required } => {
            let function = |name: &String| json!({"type": "function", "name": name});
            match names.as_slice() {
                [name] if *required => function(name),
                names => json!({
                    "type": "allowed_tools",
                    "mode": if *required { "required" } else { "auto" },
                    "tools": names.iter().map(function).collect::<Vec<_>>(),
                }),
            }
        }
    }
}

/// The shape of the words and how many there are to be.
pub(super) fn text(request: &Request) -> Map<String, Value> {
    let mut text = Map::new();
    match &request.format {
        Format::Text => {}
        Format::Json => {
            text.insert("format".to_owned(), json!({"type": "json_object"}));
        }
        Format::Schema {
            name,
            description,
            schema,
            strict,
        } => {
            let name = name.as_deref().unwrap_or("answer");
            let format = json!({"type": "json_schema", "name": name, "schema": schema});
            let format = with(format, "description", members::text(description));
            let format = with(format, "strict", strict.map(Value::from));
            text.insert("format".to_owned(), format);
        }
    }
    if let Some(verbosity) = &request.verbosity {
        text.insert("verbosity".to_owned(), json!(verbosity));
    }
    text
}
