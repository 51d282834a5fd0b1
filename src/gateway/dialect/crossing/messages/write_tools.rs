//! Writes the tools and which of them must be called. The documented drops are in the table of `write_request.rs`.

use serde_json::{Map, Value, json};

use super::abilities::Abilities;
use super::schema;
use super::write_blocks::mark;
use crate::domain::Result;
use crate::gateway::dialect::crossing::conversation::{Request, Tool, ToolChoice};
use crate::gateway::dialect::crossing::fields;

/// Whether a call must be made.
pub(super) fn forced(choice: Option<&ToolChoice>) -> bool {
    match choice {
        None | Some(ToolChoice::Auto | ToolChoice::Never) => false,
        Some(ToolChoice::Required) => true,
        Some(ToolChoice::Among { required, .. }) => *required,
    }
}

/// The tools that the model may call.
pub(super) fn tools(request: &Request, abilities: &Abilities) -> Vec<Value> {
    let wanted = |tool: &&Tool| match &request.tool_choice {
        Some(ToolChoice::Among { names, required }) => {
            // One that must be called is named by the choice itself.
            (*required && names.len() == 1) || names.contains(&tool.name)
        }
        Some(ToolChoice::Auto | ToolChoice::Never | ToolChoice::Required) | None => true,
    };
    let tools = request.tools.iter().filter(wanted);
    tools.map(|tool| self::tool(tool, abilities)).collect()
}

fn tool(tool: &Tool, abilities: &Abilities) -> Value {
    let mut schema = match &tool.schema {
        Some(Value::Object(schema)) => schema.clone(),
        Some(_) | None => Map::new(),
    };
    if !schema.contains_key("type") {
        schema.insert("type".to_owned(), json!("object"));
    }
    let mut schema = Value::Object(schema);
    let held = match tool.strict {
        Some(true) if abilities.schemas => schema::held(&schema),
        Some(_) | None => None,
    };
    let strict = held.is_some();
    if let Some(held) = held {
        schema = held;
    }
    let mut written = Map::new();
    let mut set = |name: &str, value: Value| written.insert(name.to_owned(), value);
    set("name", json!(tool.name));
    if let Some(description) = &tool.description {
        set("description", json!(description));
    }
    set("input_schema", schema);
    if strict {
        set("strict", json!(true));
    }
    if let Some(cache) = tool.cache {
        set("cache_control", mark(cache));
    }
    Value::Object(written)
}

/// Whether and which it must call.
///
/// # Errors
/// When the model cannot be made to.
pub(super) fn tool_choice(request: &Request, abilities: &Abilities) -> Result<Option<Value>> {
    let forced = forced(request.tool_choice.as_ref());
    if request.tools.is_empty() {
        return if forced {
            Err(fields::wrong("tool_choice", "there are no tools"))
        } else {
            Ok(None)
        };
    }
    if forced && !abilities.forced_calls {
        return Err(fields::inexpressible(
            "tool_choice",
            "way to make it call a tool",
        ));
    }
    let mut choice = match &request.tool_choice {
        None if request.parallel_calls != Some(false) => return Ok(None),
        Some(ToolChoice::Never) => return Ok(Some(json!({"type": "none"}))),
        None | Some(ToolChoice::Auto) => json!({"type": "auto"}),
        Some(ToolChoice::Required) => json!({"type": "any"}),
        Some(ToolChoice::Among { names, required }) => match (names.as_slice(), required) {
            ([name], true) => json!({"type": "tool", "name": name}),
            (_, true) => json!({"type": "any"}),
            (_, false) => json!({"type": "auto"}),
        },
    };
    if let (Some(parallel), Some(members)) = (request.parallel_calls, choice.as_object_mut()) {
        members.insert("disable_parallel_tool_use".to_owned(), json!(!parallel));
    }
    Ok(Some(choice))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str, schema: Value, strict: bool) -> Tool {
        Tool {
            name: name.to_owned(),
            description: None,
            schema: Some(schema),
            strict: Some(strict),
            cache: None,
        }
    }

    #[test]
    fn the_choice_of_tools_is_said_as_anthropic_takes_it() {
        let with = |choice: Option<ToolChoice>, parallel: Option<bool>| {
            let schema = json!({"type": "object", "properties": {}});
            let request = Request {
                tools: vec![named("f", schema.clone(), false), named("g", schema, false)],
                tool_choice: choice,
                parallel_calls: parallel,
                ..Request::default()
            };
            let model = Abilities::of("claude-haiku-4-5");
            let said = tool_choice(&request, &model).unwrap();
            (said.unwrap_or_default(), tools(&request, &model).len())
        };
        let among = |names: &[&str], required| {
            Some(ToolChoice::Among {
                names: names.iter().map(|name| (*name).to_owned()).collect(),
                required,
            })
        };
        assert_eq!(with(None, None), (Value::Null, 2));
        assert_eq!(
            with(None, Some(false)),
            (
                json!({"type": "auto", "disable_parallel_tool_use": true}),
                2
            )
        );
        assert_eq!(
            with(Some(ToolChoice::Required), Some(true)),
            (
                json!({"type": "any", "disable_parallel_tool_use": false}),
                2
            )
        );
        assert_eq!(
            with(Some(ToolChoice::Never), Some(false)),
            (json!({"type": "none"}), 2)
        );
        assert_eq!(
            with(among(&["g"], true), None),
            (json!({"type": "tool", "name": "g"}), 2)
        );
        assert_eq!(
            with(among(&["g"], false), None),
            (json!({"type": "auto"}), 1)
        );
        assert_eq!(
            with(among(&["f", "g"], true), None),
            (json!({"type": "any"}), 2)
        );
    }

    #[test]
    fn a_tool_is_strict_only_where_its_schema_can_be() {
        let schema =
            json!({"type": "object", "properties": {"a": {"type": "integer", "minimum": 1}}});
        let written = |model: &str| {
            let request = Request {
                tools: vec![
                    named("f", schema.clone(), true),
                    named("g", json!({}), true),
                ],
                ..Request::default()
            };
            Value::Array(tools(&request, &Abilities::of(model)))
        };
        assert_eq!(
            written("claude-opus-5"),
            json!([
                {"name": "f", "input_schema": {"type": "object",
                    "properties": {"a": {"type": "integer", "description": "{minimum: 1}"}}, "additionalProperties": false}, "strict": true},
                {"name": "g", "input_schema": {"type": "object"}}])
        );
        assert_eq!(
            written("claude-opus-4-1"),
            json!([{"name": "f", "input_schema": schema}, {"name": "g", "input_schema": {"type": "object"}}])
        );
    }
}
