//! Reads a request of Anthropic messages.
//!
//! | member | |
//! |---|---|
//! | citations, search results, documents made of blocks or with `context`, files kept at Anthropic, server tools and their results, toolsets, `mcp_servers`, `container`, and whatever is not known | refused by name |
//! | `service_tier`, `inference_geo`, `speed`, `diagnostics`, `context_management`, `fallbacks`, `output_config.task_budget`, `user_profile_id`, `workspace_id` | dropped: they are about Anthropic's own service |
//! | `eager_input_streaming` and `input_examples` of a tool, `defer_loading: false`, `allowed_callers: ["direct"]` | dropped: hints, and what is so anyway |
//! | `thinking: between_tools` | no thinking, its nearest |
//! | `output_config.effort` beside a budget of tokens | dropped: the budget is what is exact |
//! | `output_format` | as `output_config.format`, which took its place |

use serde_json::Value;

use super::read_blocks::{cache, messages};
use crate::domain::Result;
use crate::gateway::dialect::crossing::conversation::{
    Format, Reasoning, Request, Sampling, Tool, ToolChoice,
};
use crate::gateway::dialect::crossing::effort::{Depth, Effort};
use crate::gateway::dialect::crossing::fields::{self, Fields};

const DROPPED: [&str; 8] = [
    "service_tier",
    "inference_geo",
    "speed",
    "diagnostics",
    "context_management",
    "fallbacks",
    "user_profile_id",
    "workspace_id",
];

/// Reads the body of a request.
///
/// # Errors
/// When it is not JSON, a member has the wrong type, or one cannot be carried into another dialect; `param` names it.
pub(in crate::gateway::dialect::crossing) fn read_request(body: &[u8]) -> Result<Request> {
    let mut fields = Fields::body(body)?;
    let (tool_choice, parallel_calls) = tool_choice(&mut fields)?;
    let mut request = Request {
        model: fields.need_text("model")?,
        messages: messages(&mut fields)?,
        tools: tools(&mut fields)?,
        tool_choice,
        parallel_calls,
        stop: fields.texts("stop_sequences")?,
        sampling: Sampling {
            temperature: fields.number("temperature")?,
            top_p: fields.number("top_p")?,
            top_k: fields.number("top_k")?,
            ..Sampling::default()
        },
        max_output: fields.count("max_tokens")?,
        cache: cache(&mut fields)?,
        stream: fields.flag("stream")?.unwrap_or(false),
        ..Request::default()
    };
    if request.max_output.is_none() {
        return Err(fields.refuse("max_tokens", "is missing"));
    }
    if let Some(mut metadata) = fields.fields("metadata")? {
        request.user = metadata.text("user_id")?;
        metadata.finish(&[])?;
    }
    let older = format(&mut fields, "output_format")?;
    let mut effort = None;
    if let Some(mut config) = fields.fields("output_config")? {
        request.format = format(&mut config, "format")?.unwrap_or_default();
        effort = self::effort(&mut config)?;
        config.finish(&["task_budget"])?;
    }
    if let Some(older) = older {
        request.format = older;
    }
    request.reasoning = reasoning(&mut fields, effort)?;
    fields.finish(&DROPPED)?;
    Ok(request)
}

fn tools(fields: &mut Fields) -> Result<Vec<Tool>> {
    let mut tools = Vec::new();
    for mut tool in fields.each("tools")? {
        if tool.text("type")?.is_some_and(|kind| kind != "custom") {
            return Err(tool.refuse(
                "type",
                "only tools of your own (custom) can be carried over",
            ));
        }
        if tool.flag("defer_loading")? == Some(true) {
            return Err(fields::inexpressible(
                &tool.path("defer_loading"),
                "search for tools",
            ));
        }
        if tool
            .texts("allowed_callers")?
            .iter()
            .any(|caller| caller != "direct")
        {
            return Err(fields::inexpressible(
                &tool.path("allowed_callers"),
                "code that calls tools",
            ));
        }
        let read = Tool {
            name: tool.need_text("name")?,
            description: tool.text("description")?,
            schema: Some(
                tool.take("input_schema")
                    .ok_or_else(|| tool.refuse("input_schema", "is missing"))?,
            ),
            strict: tool.flag("strict")?,
            cache: cache(&mut tool)?,
        };
        tool.finish(&["eager_input_streaming", "input_examples"])?;
        tools.push(read);
    }
    Ok(tools)
}

/// Which tools must be called, and whether several may be in one turn.
fn tool_choice(fields: &mut Fields) -> Result<(Option<ToolChoice>, Option<bool>)> {
    let Some(mut choice) = fields.fields("tool_choice")? else {
        return Ok((None, None));
    };
    let read = match choice.need_text("type")?.as_str() {
        "auto" => ToolChoice::Auto,
        "any" => ToolChoice::Required,
        "none" => ToolChoice::Never,
        "tool" => ToolChoice::Among {
            names: vec![choice.need_text("name")?],
            required: true,
        },
        _ => return Err(choice.refuse("type", "must be auto, any, tool or none")),
    };
    let parallel = choice.flag("disable_parallel_tool_use")?.map(|not| !not);
    choice.finish(&[])?;
    Ok((Some(read), parallel))
}

fn format(fields: &mut Fields, name: &str) -> Result<Option<Format>> {
    let Some(mut format) = fields.fields(name)? else {
        return Ok(None);
    };
    if format.need_text("type")? != "json_schema" {
        return Err(format.refuse("type", "must be json_schema"));
    }
    let schema = match format.take("schema") {
        Some(schema @ Value::Object(_)) => schema,
        Some(_) => return Err(format.refuse("schema", "must be an object")),
        None => return Err(format.refuse("schema", "is missing")),
    };
    format.finish(&[])?;
    Ok(Some(Format::Schema {
        name: None,
        description: None,
        schema,
        strict: Some(true),
    }))
}

fn effort(config: &mut Fields) -> Result<Option<Effort>> {
    let Some(word) = config.text("effort")? else {
        return Ok(None);
    };
    match Effort::parse(&word) {
        Some(effort) if effort != Effort::Minimal => Ok(Some(effort)),
        Some(_) | None => Err(config.refuse("effort", "must be low, medium, high, xhigh or max")),
    }
}

fn reasoning(fields: &mut Fields, effort: Option<Effort>) -> Result<Reasoning> {
    let by_effort = effort.map(Depth::Effort);
    let Some(mut thinking) = fields.fields("thinking")? else {
        return Ok(Reasoning {
            depth: by_effort,
            shown: None,
        });
    };
    let shown = match thinking.text("display")?.as_deref() {
        None => None,
        Some("summarized") => Some(true),
        Some("omitted") => Some(false),
        Some(_) => return Err(thinking.refuse("display", "must be summarized or omitted")),
    };
    let reasoning = match thinking.need_text("type")?.as_str() {
        "enabled" => Reasoning {
            depth: Some(Depth::Budget(
                thinking
                    .count("budget_tokens")?
                    .ok_or_else(|| thinking.refuse("budget_tokens", "is missing"))?,
            )),
            // The models that have a budget show their thoughts unless told otherwise.
            shown: shown.or(Some(true)),
        },
        "adaptive" => Reasoning {
            depth: by_effort.or(Some(Depth::Dynamic)),
            shown,
        },
        "disabled" | "between_tools" => Reasoning {
            depth: Some(Depth::Off),
            shown: None,
        },
        _ => {
            return Err(thinking.refuse(
                "type",
                "must be adaptive, enabled, disabled or between_tools",
            ));
        }
    };
    thinking.finish(&[])?;
    Ok(reasoning)
}
