//! Reads a request of Anthropic messages.
//!
//! | member | |
//! |---|---|
//! | citations, search results, documents made of blocks or with `context`, files kept at Anthropic, server tools and their results, toolsets, `mcp_servers`, `container`, and whatever is not known | refused by name |
//! | `service_tier`, `inference_geo`, `speed`, `diagnostics`, `context_management`, `fallbacks` and their credit, `billing_policy`, `output_config.task_budget`, `user_profile_id`, `workspace_id` | dropped: they are about Anthropic's own service |
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

const DROPPED: [&str; 10] = [
    "service_tier",
    "inference_geo",
    "speed",
    "diagnostics",
    "context_management",
    "fallbacks",
    "fallback_credit_token",
    "billing_policy",
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::gateway::dialect::crossing::Dialect;
    use crate::gateway::dialect::crossing::conversation::{Cache, Content, Part, Role, Thinking};
    use crate::gateway::dialect::crossing::media::{Kind, Media, Source};
    use crate::gateway::dialect::crossing::seal::Seal;

    fn read(members: Value) -> Result<Request> {
        let mut body = json!({"model": "m", "max_tokens": 9, "messages": []});
        for (name, value) in members.as_object().unwrap() {
            body[name] = value.clone();
        }
        read_request(body.to_string().as_bytes())
    }

    fn refused(members: Value) -> String {
        read(members).unwrap_err().param.unwrap()
    }

    fn said(role: &str, block: Value) -> Part {
        let request = read(json!({"messages": [{"role": role, "content": [block]}]})).unwrap();
        request.messages[0].parts[0].clone()
    }

    #[test]
    fn the_system_prompt_comes_first_and_may_come_again() {
        let request = read(json!({"system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
            "messages": [{"role": "user", "content": "Hi"}, {"role": "system", "content": "Be kind."}]}))
        .unwrap();
        let turns: Vec<(Role, &Content, Option<Cache>)> = request
            .messages
            .iter()
            .map(|turn| (turn.role, &turn.parts[0].content, turn.parts[0].cache))
            .collect();
        assert_eq!(
            turns,
            [
                (
                    Role::System,
                    &Content::Text("Be brief.".to_owned()),
                    Some(Cache::Hour)
                ),
                (Role::User, &Content::Text("Hi".to_owned()), None),
                (Role::System, &Content::Text("Be kind.".to_owned()), None),
            ]
        );
    }

    #[test]
    fn thinking_comes_with_the_seal_of_whoever_made_it() {
        let thinking = |block| {
            let Content::Thinking(thought) = said("assistant", block).content else {
                panic!("no thinking");
            };
            thought
        };
        let thought = |text: &str, seal| Thinking {
            text: text.to_owned(),
            seal,
        };
        let foreign = Seal {
            by: Dialect::Responses,
            id: Some("rs_1".to_owned()),
            data: "x".to_owned(),
            redacted: false,
        };
        assert_eq!(
            thinking(json!({"type": "thinking", "thinking": "Hm.", "signature": "EqQ="})),
            thought("Hm.", Seal::new(Dialect::Messages, "EqQ="))
        );
        assert_eq!(
            thinking(
                json!({"type": "thinking", "thinking": "Hm.", "signature": foreign.token(Dialect::Messages)})
            ),
            thought("Hm.", foreign)
        );
        let hidden = thinking(json!({"type": "redacted_thinking", "data": "Eom="}));
        assert!(hidden.seal.redacted);
        assert_eq!(hidden.seal.data, "Eom=");
    }

    #[test]
    fn arguments_are_the_input_as_it_is_written() {
        let arguments = |input: Value| {
            let block = json!({"type": "tool_use", "id": "a", "name": "f", "input": input, "caller": {"type": "direct"}});
            let Content::Call(call) = said("assistant", block).content else {
                panic!("no call");
            };
            call.arguments
        };
        assert_eq!(arguments(json!({"b": 1, "a": [2]})), r#"{"b":1,"a":[2]}"#);
        assert_eq!(arguments(json!({"INVALID_JSON": "{\"b\":"})), "{\"b\":");
    }

    #[test]
    fn documents_are_data_addresses_or_text() {
        let document = |source: Value| {
            said("user", json!({"type": "document", "title": "t", "citations": {"enabled": false}, "source": source})).content
        };
        let media = |source| {
            Content::Media(Media {
                kind: Kind::Document,
                source,
                name: Some("t".to_owned()),
                detail: None,
            })
        };
        assert_eq!(
            document(json!({"type": "text", "media_type": "text/plain", "data": "Words."})),
            media(Source::Text("Words.".to_owned()))
        );
        assert_eq!(
            document(json!({"type": "base64", "media_type": "application/pdf", "data": "JVBE"})),
            media(Source::Data {
                media_type: "application/pdf".to_owned(),
                base64: "JVBE".to_owned()
            })
        );
        assert_eq!(
            document(json!({"type": "url", "url": "https://a/b.pdf"})),
            media(Source::Url {
                url: "https://a/b.pdf".to_owned(),
                media_type: None
            })
        );
    }

    #[test]
    fn depth_is_a_budget_an_effort_or_none() {
        let depth = |members| read(members).unwrap().reasoning;
        let of = |depth, shown| Reasoning { depth, shown };
        assert_eq!(depth(json!({})), of(None, None));
        assert_eq!(
            depth(
                json!({"thinking": {"type": "enabled", "budget_tokens": 2048}, "output_config": {"effort": "low"}})
            ),
            of(Some(Depth::Budget(2_048)), Some(true))
        );
        assert_eq!(
            depth(
                json!({"thinking": {"type": "adaptive", "display": "omitted"}, "output_config": {"effort": "xhigh"}})
            ),
            of(Some(Depth::Effort(Effort::XHigh)), Some(false))
        );
        assert_eq!(
            depth(json!({"thinking": {"type": "adaptive"}})),
            of(Some(Depth::Dynamic), None)
        );
        assert_eq!(
            depth(json!({"thinking": {"type": "disabled"}, "output_config": {"effort": "low"}})),
            of(Some(Depth::Off), None)
        );
        assert_eq!(
            depth(json!({"output_config": {"effort": "max"}})),
            of(Some(Depth::Effort(Effort::Max)), None)
        );
    }

    #[test]
    fn what_cannot_be_carried_over_is_named() {
        let user = |block: Value| json!({"messages": [{"role": "user", "content": [block]}]});
        for (members, param) in [
            (json!({"max_tokens": null}), "max_tokens"),
            (json!({"container": "c"}), "container"),
            (json!({"mcp_servers": []}), "mcp_servers"),
            (
                json!({"tools": [{"type": "web_search_20260318", "name": "web_search"}]}),
                "tools[0].type",
            ),
            (
                json!({"tools": [{"name": "f", "input_schema": {}, "defer_loading": true}]}),
                "tools[0].defer_loading",
            ),
            (
                json!({"thinking": {"type": "enabled"}}),
                "thinking.budget_tokens",
            ),
            (
                json!({"output_config": {"effort": "minimal"}}),
                "output_config.effort",
            ),
            (
                json!({"cache_control": {"type": "ephemeral", "ttl": "2h"}}),
                "cache_control.ttl",
            ),
            (
                json!({"messages": [{"role": "tool", "content": "x"}]}),
                "messages[0].role",
            ),
            (
                user(json!({"type": "search_result"})),
                "messages[0].content[0].type",
            ),
            (
                user(json!({"type": "image", "source": {"type": "file", "file_id": "f"}})),
                "messages[0].content[0].source.type",
            ),
            (
                user(
                    json!({"type": "document", "citations": {"enabled": true}, "source": {"type": "url", "url": "u"}}),
                ),
                "messages[0].content[0].citations",
            ),
            (
                user(
                    json!({"type": "tool_result", "tool_use_id": "a", "content": [{"type": "tool_reference"}]}),
                ),
                "messages[0].content[0].content[0].type",
            ),
            (
                user(json!({"type": "text", "text": "x", "odd": 1})),
                "messages[0].content[0].odd",
            ),
        ] {
            assert_eq!(refused(members), param);
        }
    }
}
