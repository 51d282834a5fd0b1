//! Writes a request of Anthropic messages.
//!
//! | asked for | becomes |
//! |---|---|
//! | system prompts | `system`, all of them, as Anthropic's own OpenAI interface does; one in between stays there where the model takes it (abilities.rs) |
//! | a prompt of nothing but system prompts | a turn of the user |
//! | turns of one side that follow each other | one turn, results of calls first |
//! | texts of blanks; blanks at the end of a turn that is to be gone on with; thinking that others sealed; `detail` of an image | dropped |
//! | no limit of tokens | what the model can write at most: the dialect demands one |
//! | `temperature` above 1 | 1, as Anthropic's own OpenAI interface does |
//! | sampling, where the model takes none; `temperature` and `top_k` beside thinking; `top_p` beside `temperature`, or beside thinking below 0.95 | dropped: Anthropic refuses it |
//! | only some of the tools | these tools, without the others |
//! | a call that must be made, where the model cannot be made to | refused by name |
//! | JSON, or a schema that the model is not held to (schema.rs) | an instruction at the end of the system prompt |
//! | `strict` tools whose schema it is not held to | not strict |
//! | the name and description of a schema, `seed`, `verbosity`, the client's notes, `cache_key` | dropped |
//! | `frequency_penalty`, `presence_penalty` other than 0, probabilities of tokens, recordings, files but images, PDF and text, texts of blanks to stop at | refused by name |
//!
//! What is said of thinking is in thinking.rs.

use serde_json::{Map, Number, Value, json};

use super::abilities::Abilities;
use super::thinking::{Around, plan};
use super::turns::{Turns, mark};
use super::{schema, thinking};
use crate::domain::Result;
use crate::gateway::dialect::crossing::Target;
use crate::gateway::dialect::crossing::conversation::{
    Format, Request, Sampling, Tool, ToolChoice,
};
use crate::gateway::dialect::crossing::fields;

const JSON_ONLY: &str =
    "Answer with one JSON value and nothing else: no words before or after it, no code fence.";

/// Writes the body of a request.
///
/// # Errors
/// When the model has no way to do what is asked for; `param` names it.
pub(in crate::gateway::dialect::crossing) fn write_request(
    request: &Request,
    target: &Target<'_>,
) -> Result<String> {
    let abilities = Abilities::of(target.model);
    if request.logprobs.is_some() {
        return Err(fields::inexpressible("logprobs", "probabilities of tokens"));
    }
    let max_tokens = target
        .output_limit
        .or(request.max_output)
        .unwrap_or(target.most_output);
    let mut turns = Turns::of(&request.messages, &abilities)?;
    let forced = forced(request.tool_choice.as_ref());
    let plan = plan(
        request.reasoning,
        &abilities,
        Around {
            max_tokens,
            forced,
            may_begin: turns.may_begin_with_thinking(),
        },
    );
    let schema = format(&request.format, &abilities, &mut turns);

    let mut body = Map::new();
    let mut set = |name: &str, value: Value| body.insert(name.to_owned(), value);
    set("model", json!(target.model));
    set("max_tokens", json!(max_tokens));
    if !request.stop.is_empty() {
        set("stop_sequences", json!(stop(&request.stop)?));
    }
    for (name, number) in sampling(&request.sampling, &abilities, plan.thinks)? {
        set(name, Value::Number(number));
    }
    if let Some(choice) = tool_choice(request, &abilities)? {
        set("tool_choice", choice);
    }
    let tools = tools(request, &abilities);
    if !tools.is_empty() {
        set("tools", Value::Array(tools));
    }
    if let Some(config) = output_config(&plan, schema) {
        set("output_config", config);
    }
    if let Some(thinking) = plan.thinking {
        set("thinking", thinking);
    }
    if let Some(user) = &request.user {
        set("metadata", json!({ "user_id": user }));
    }
    if let Some(cache) = request.cache {
        set("cache_control", mark(cache));
    }
    if request.stream {
        set("stream", json!(true));
    }
    turns.write(&mut body);
    Ok(Value::Object(body).to_string())
}

fn forced(choice: Option<&ToolChoice>) -> bool {
    match choice {
        None | Some(ToolChoice::Auto | ToolChoice::Never) => false,
        Some(ToolChoice::Required) => true,
        Some(ToolChoice::Among { required, .. }) => *required,
    }
}

fn stop(texts: &[String]) -> Result<&[String]> {
    if texts.iter().any(|text| text.trim().is_empty()) {
        return Err(fields::inexpressible("stop", "stopping at blanks"));
    }
    Ok(texts)
}

fn sampling(
    sampling: &Sampling,
    abilities: &Abilities,
    thinks: bool,
) -> Result<Vec<(&'static str, Number)>> {
    for (name, number) in [
        ("frequency_penalty", &sampling.frequency_penalty),
        ("presence_penalty", &sampling.presence_penalty),
    ] {
        if number.as_ref().and_then(Number::as_f64).unwrap_or(0.0) != 0.0 {
            return Err(fields::inexpressible(name, "penalties for repeating"));
        }
    }
    let mut set = Vec::new();
    if !abilities.sampling {
        return Ok(set);
    }
    let above = |number: &Number, least: f64| number.as_f64().is_some_and(|at| at >= least);
    if thinks {
        let near = sampling.top_p.clone().filter(|top_p| above(top_p, 0.95));
        set.extend(near.map(|top_p| ("top_p", top_p)));
        return Ok(set);
    }
    match (&sampling.temperature, &sampling.top_p) {
        (Some(temperature), _) if above(temperature, 1.0) => set.push(("temperature", 1.into())),
        (Some(temperature), _) => set.push(("temperature", temperature.clone())),
        (None, Some(top_p)) => set.push(("top_p", top_p.clone())),
        (None, None) => {}
    }
    set.extend(sampling.top_k.clone().map(|top_k| ("top_k", top_k)));
    Ok(set)
}

fn tools(request: &Request, abilities: &Abilities) -> Vec<Value> {
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

fn tool_choice(request: &Request, abilities: &Abilities) -> Result<Option<Value>> {
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

/// The schema that the model is held to; what it is not held to is asked for in the system prompt.
fn format(format: &Format, abilities: &Abilities, turns: &mut Turns) -> Option<Value> {
    match format {
        Format::Text => None,
        Format::Json => {
            turns.instruct(JSON_ONLY.to_owned());
            None
        }
        Format::Schema { schema, .. } => {
            let held = abilities.schemas.then(|| schema::held(schema)).flatten();
            if held.is_none() {
                turns.instruct(format!(
                    "{JSON_ONLY} It must follow this JSON schema:\n{schema}"
                ));
            }
            held
        }
    }
}

fn output_config(plan: &thinking::Plan, schema: Option<Value>) -> Option<Value> {
    let mut config = Map::new();
    if let Some(effort) = plan.effort {
        config.insert("effort".to_owned(), json!(effort.as_str()));
    }
    if let Some(schema) = schema {
        let format = json!({"type": "json_schema", "schema": schema});
        config.insert("format".to_owned(), format);
    }
    (!config.is_empty()).then_some(Value::Object(config))
}
