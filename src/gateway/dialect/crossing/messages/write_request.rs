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
use super::schema;
use super::thinking::{self, Around, plan};
use super::turns::Turns;
use super::write_blocks::mark;
use super::write_tools::{forced, tool_choice, tools};
use crate::domain::Result;
use crate::gateway::dialect::crossing::Target;
use crate::gateway::dialect::crossing::conversation::{Format, Request, Sampling};
use crate::gateway::dialect::crossing::fields;

/// How the answer is to look; what comes before it says what it is.
const NOTHING_ELSE: &str = "and nothing else: no words before or after it, no code fence.";

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

/// The schema that the model is held to; what it is not held to is asked for in the system prompt.
fn format(format: &Format, abilities: &Abilities, turns: &mut Turns) -> Option<Value> {
    match format {
        Format::Text => None,
        Format::Json => {
            turns.instruct(format!("Answer with one JSON object {NOTHING_ELSE}"));
            None
        }
        Format::Schema { schema, .. } => {
            let held = abilities.schemas.then(|| schema::held(schema)).flatten();
            if held.is_none() {
                turns.instruct(format!(
                    "Answer with JSON of this schema {NOTHING_ELSE}\n{schema}"
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::dialect::crossing::conversation::{
        Cache, Content, Message, Part, Reasoning, Role, Tool, ToolChoice,
    };
    use crate::gateway::dialect::crossing::effort::{Depth, Effort};

    fn write_for(model: &str, request: Request) -> Result<Value> {
        let target = Target {
            model,
            output_limit: None,
            most_output: 64_000,
        };
        let mut request = request;
        if request.messages.is_empty() {
            request.messages = vec![Message::new(Role::User, vec![Part::text("Hi")])];
        }
        write_request(&request, &target).map(|body| serde_json::from_str(&body).unwrap())
    }

    fn write(request: Request) -> Value {
        write_for("claude-haiku-4-5", request).unwrap()
    }

    #[test]
    fn a_limit_is_always_given() {
        assert_eq!(write(Request::default())["max_tokens"], 64_000);
        let request = Request {
            max_output: Some(9),
            ..Request::default()
        };
        assert_eq!(write(request.clone())["max_tokens"], 9);
        let target = Target {
            model: "claude-haiku-4-5",
            output_limit: Some(5),
            most_output: 64_000,
        };
        let request = Request {
            messages: vec![Message::new(Role::User, vec![Part::text("Hi")])],
            ..request
        };
        let body = write_request(&request, &target).unwrap();
        assert!(body.contains(r#""max_tokens":5,"#), "{body}");
    }

    #[test]
    fn only_sampling_that_the_model_takes_is_sent() {
        let number = |number: f64| Number::from_f64(number);
        let request = Request {
            sampling: Sampling {
                temperature: number(1.5),
                top_p: number(0.9),
                top_k: Some(5.into()),
                ..Sampling::default()
            },
            ..Request::default()
        };
        let body = write(request.clone());
        assert_eq!(
            (&body["temperature"], &body["top_p"], &body["top_k"]),
            (&json!(1), &Value::Null, &json!(5))
        );
        let newest = write_for("claude-opus-5-5", request.clone()).unwrap();
        assert_eq!(newest.get("temperature"), None);
        assert_eq!(newest.get("top_k"), None);
        let thinking = Request {
            reasoning: Reasoning {
                depth: Some(Depth::Effort(Effort::Low)),
                shown: None,
            },
            sampling: Sampling {
                top_p: number(0.97),
                ..request.sampling
            },
            ..request
        };
        let body = write(thinking);
        assert_eq!(
            (body.get("temperature"), &body["top_p"], body.get("top_k")),
            (None, &json!(0.97), None)
        );
    }

    #[test]
    fn a_schema_is_held_to_or_asked_for() {
        let request = |schema: Value| Request {
            format: Format::Schema {
                name: Some("n".to_owned()),
                description: None,
                schema,
                strict: None,
            },
            ..Request::default()
        };
        let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": false});
        let held = write(request(schema.clone()));
        assert_eq!(
            held["output_config"],
            json!({"format": {"type": "json_schema", "schema": schema}})
        );
        assert_eq!(held.get("system"), None);
        let older = write_for("claude-opus-4-1", request(schema.clone())).unwrap();
        assert_eq!(older.get("output_config"), None);
        assert!(
            older["system"]
                .as_str()
                .unwrap()
                .ends_with(&schema.to_string())
        );
        let open = write(request(json!({"type": "object"})));
        assert!(
            open["system"]
                .as_str()
                .unwrap()
                .ends_with(r#"{"type":"object"}"#)
        );
        let json = write(Request {
            format: Format::Json,
            ..Request::default()
        });
        assert!(json["system"].as_str().unwrap().ends_with(NOTHING_ELSE));
    }

    #[test]
    fn what_cannot_be_said_is_refused_by_name() {
        let refused =
            |model: &str, request: Request| write_for(model, request).unwrap_err().param.unwrap();
        let forced = Request {
            tools: vec![Tool {
                name: "f".to_owned(),
                description: None,
                schema: None,
                strict: None,
                cache: None,
            }],
            tool_choice: Some(ToolChoice::Required),
            ..Request::default()
        };
        assert_eq!(refused("claude-opus-5-5", forced.clone()), "tool_choice");
        assert!(write_for("claude-opus-5", forced).is_ok());
        for (request, param) in [
            (
                Request {
                    logprobs: Some(0),
                    ..Request::default()
                },
                "logprobs",
            ),
            (
                Request {
                    stop: vec!["\n".to_owned()],
                    ..Request::default()
                },
                "stop",
            ),
            (
                Request {
                    sampling: Sampling {
                        presence_penalty: Number::from_f64(0.5),
                        ..Sampling::default()
                    },
                    ..Request::default()
                },
                "presence_penalty",
            ),
            (
                Request {
                    tool_choice: Some(ToolChoice::Required),
                    ..Request::default()
                },
                "tool_choice",
            ),
        ] {
            assert_eq!(refused("claude-haiku-4-5", request), param);
        }
    }

    #[test]
    fn the_rest_has_its_place() {
        let body = write(Request {
            user: Some("u".to_owned()),
            cache: Some(Cache::Hour),
            stop: vec!["END".to_owned()],
            stream: true,
            messages: vec![
                Message::new(Role::System, vec![Part::text("Be brief.")]),
                Message::new(
                    Role::User,
                    vec![Part {
                        content: Content::Text("Hi".to_owned()),
                        cache: Some(Cache::Usual),
                    }],
                ),
            ],
            ..Request::default()
        });
        assert_eq!(
            body,
            json!({
                "model": "claude-haiku-4-5",
                "max_tokens": 64_000,
                "stop_sequences": ["END"],
                "metadata": {"user_id": "u"},
                "cache_control": {"type": "ephemeral", "ttl": "1h"},
                "stream": true,
                "system": "Be brief.",
                "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}]}],
            })
        );
    }
}
