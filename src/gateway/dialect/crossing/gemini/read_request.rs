//! Reads a request for `generateContent`.
//!
//! | member | |
//! |---|---|
//! | `cachedContent`, `candidateCount` above 1, output but text and JSON, tools that are no functions, their parts (`executableCode`, `toolCall`, …), `retrievalConfig`, `videoMetadata`, `speechConfig`, `imageConfig`, `responseFormat`, and whatever is not known | refused by name |
//! | `safetySettings`, `labels`, `serviceTier`, `store`, `model`, `generationConfig.mediaResolution` and `.enableEnhancedCivicAnswers`, `scheduling` of a result, `partMetadata`, `streamFunctionCallArguments` | dropped: they are about Google's own service |
//! | `response`, `responseJsonSchema` and `behavior` of a function | dropped: no other dialect tells what a function gives back |
//! | `mediaResolution` of a part | how closely to look: low or high; the levels between and a number of tokens are dropped |
//! | `VALIDATED` | as the model likes; among the functions that are named, if any |
//! | calls without an id | get one; a result without an id answers the first call of its name that is not answered |
//! | model turns that follow each other, as a client keeps them of a stream | one turn |
//!
//! Every member is known in `camelCase` and in `snake_case`, as Google does.

use super::{read_config, read_contents, schema};
use crate::domain::Result;
use crate::gateway::dialect::crossing::conversation::{Request, Tool, ToolChoice};
use crate::gateway::dialect::crossing::fields::{self, Fields};

const DROPPED: [&str; 5] = ["safetySettings", "labels", "serviceTier", "store", "model"];

/// Reads the body of a request.
///
/// # Errors
/// When it is not JSON, a member has the wrong type, or one cannot be carried into another dialect; `param` names it.
pub(crate) fn read_request(body: &[u8]) -> Result<Request> {
    let mut fields = Fields::body(body)?;
    if fields.has("cachedContent") {
        return Err(fields.refuse("cachedContent", "a prompt kept at Google is not there for the provider of this model; send it with the request"));
    }
    let mut request = Request {
        messages: read_contents::read(&mut fields)?,
        tools: tools(&mut fields)?,
        tool_choice: tool_choice(&mut fields)?,
        ..Request::default()
    };
    read_config::read(&mut fields, &mut request)?;
    fields.finish(&DROPPED)?;
    Ok(request)
}

fn tools(fields: &mut Fields) -> Result<Vec<Tool>> {
    let mut tools = Vec::new();
    for mut group in fields.each("tools")? {
        for mut function in group.each("functionDeclarations")? {
            let openapi = function.take("parameters").map(schema::json_schema);
            tools.push(Tool {
                name: function.need_text("name")?,
                description: function.text("description")?,
                schema: function.take("parametersJsonSchema").or(openapi),
                strict: None,
                cache: None,
            });
            function.finish(&["response", "responseJsonSchema", "behavior"])?;
        }
        group.finish(&[])?;
    }
    Ok(tools)
}

fn tool_choice(fields: &mut Fields) -> Result<Option<ToolChoice>> {
    let Some(mut config) = fields.fields("toolConfig")? else {
        return Ok(None);
    };
    let choice = match config.fields("functionCallingConfig")? {
        None => None,
        Some(mut calling) => {
            let names = calling.texts("allowedFunctionNames")?;
            let mode = calling.text("mode")?.map(|mode| mode.to_ascii_uppercase());
            let choice = match (mode.as_deref(), names.is_empty()) {
                (None | Some("MODE_UNSPECIFIED"), true) => None,
                (Some("AUTO" | "VALIDATED"), true) => Some(ToolChoice::Auto),
                (Some("NONE"), _) => Some(ToolChoice::Never),
                (Some("ANY"), true) => Some(ToolChoice::Required),
                (Some(mode @ ("ANY" | "VALIDATED")), false) => Some(ToolChoice::Among {
                    names,
                    required: mode == "ANY",
                }),
                (None | Some("MODE_UNSPECIFIED" | "AUTO"), false) => {
                    return Err(fields::wrong(
                        &calling.path("allowedFunctionNames"),
                        "may be set with the modes ANY and VALIDATED only",
                    ));
                }
                (Some(_), _) => {
                    return Err(calling.refuse("mode", "must be AUTO, ANY, NONE or VALIDATED"));
                }
            };
            calling.finish(&["streamFunctionCallArguments"])?;
            choice
        }
    };
    config.finish(&[])?;
    Ok(choice)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::gateway::dialect::crossing::Dialect;
    use crate::gateway::dialect::crossing::conversation::{
        Call, CallResult, Content, Format, Message, Part, Role, Thinking,
    };
    use crate::gateway::dialect::crossing::seal::Seal;

    fn read(body: Value) -> Result<Request> {
        read_request(body.to_string().as_bytes())
    }

    fn of_contents(contents: Value) -> Vec<Message> {
        read(json!({ "contents": contents })).unwrap().messages
    }

    fn call(id: &str, name: &str) -> Part {
        Content::Call(Call {
            id: id.to_owned(),
            name: name.to_owned(),
            arguments: "{}".to_owned(),
        })
        .into()
    }

    #[test]
    fn results_find_their_calls_without_ids() {
        let messages = of_contents(json!([
            {"role": "user", "parts": [{"text": "Weather?"}]},
            {"role": "model", "parts": [
                {"functionCall": {"name": "f"}, "thoughtSignature": "c2ln"}, {"functionCall": {"name": "f", "args": {}}}]},
            {"role": "user", "parts": [
                {"functionResponse": {"name": "f", "response": {"output": "sunny"}}},
                {"functionResponse": {"name": "f", "response": {"error": "no such city"}}}]}]));
        let seal = Content::Thinking(Thinking {
            text: String::new(),
            seal: Seal::new(Dialect::Gemini, "c2ln"),
        });
        assert_eq!(
            messages[1].parts,
            [seal.into(), call("call_0", "f"), call("call_1", "f")]
        );
        let result = |id: &str, text: &str, failed| -> Part {
            Content::Result(CallResult {
                id: id.to_owned(),
                parts: vec![Part::text(text)],
                failed,
            })
            .into()
        };
        assert_eq!(
            messages[2].parts,
            [
                result("call_0", "sunny", false),
                result("call_1", "no such city", true)
            ]
        );
    }

    #[test]
    fn an_object_that_is_not_about_output_or_error_is_all_output() {
        let messages = of_contents(json!([
            {"role": "model", "parts": [{"functionCall": {"id": "a", "name": "f"}}]},
            {"role": "function", "parts": [{"functionResponse": {"id": "a", "name": "f", "response": {"output": 1, "unit": "C"}}}]}]));
        let Content::Result(result) = &messages[1].parts[0].content else {
            panic!("{messages:?}")
        };
        assert_eq!(result.parts, [Part::text(r#"{"output":1,"unit":"C"}"#)]);
    }

    #[test]
    fn what_a_client_kept_of_a_stream_is_one_turn() {
        let messages = of_contents(json!([
            {"role": "user", "parts": [{"text": "Hi"}]},
            {"role": "model", "parts": [{"text": "Let me ", "thought": true}]},
            {"role": "model", "parts": [{"text": "see.", "thought": true}]},
            {"role": "model", "parts": [{"text": "Hel"}]},
            {"role": "model", "parts": [{"text": "lo"}]},
            {"role": "model", "parts": [{"text": "", "thoughtSignature": "c2ln"}]}]));
        let thinking = |text: &str, data: &str| {
            Part::from(Content::Thinking(Thinking {
                text: text.to_owned(),
                seal: Seal::new(Dialect::Gemini, data),
            }))
        };
        assert_eq!(
            messages[1],
            Message::new(
                Role::Assistant,
                vec![
                    thinking("Let me see.", ""),
                    Part::text("Hello"),
                    thinking("", "c2ln")
                ]
            )
        );
    }

    #[test]
    fn both_spellings_are_known() {
        let request = read(json!({
            "system_instruction": {"parts": [{"text": "Be brief."}]},
            "contents": [{"parts": [{"inline_data": {"mime_type": "image/png", "data": "AAAA"}}]}],
            "tools": [{"function_declarations": [{"name": "f", "parameters": {"type": "OBJECT"}}]}],
            "tool_config": {"function_calling_config": {"mode": "any", "allowed_function_names": ["f"]}},
            "generation_config": {"max_output_tokens": 5, "response_mime_type": "application/json", "response_schema": {"type": "STRING"}},
            "safety_settings": []
        }))
        .unwrap();
        assert_eq!(request.messages[0].role, Role::System);
        assert_eq!(request.max_output, Some(5));
        assert_eq!(request.tools[0].schema, Some(json!({"type": "object"})));
        assert_eq!(
            request.tool_choice,
            Some(ToolChoice::Among {
                names: vec!["f".to_owned()],
                required: true
            })
        );
        let Format::Schema { schema, .. } = request.format else {
            panic!("{:?}", request.format)
        };
        assert_eq!(schema, json!({"type": "string"}));
    }

    #[test]
    fn what_cannot_be_carried_over_is_named() {
        let with = |name: &str, value: Value| {
            let mut body = json!({"contents": []});
            body[name] = value;
            read(body).unwrap_err().param.unwrap()
        };
        for (name, value, param) in [
            ("cachedContent", json!("cachedContents/1"), "cachedContent"),
            (
                "tools",
                json!([{"googleSearch": {}}]),
                "tools[0].googleSearch",
            ),
            (
                "generationConfig",
                json!({"candidateCount": 2}),
                "generationConfig.candidateCount",
            ),
            (
                "generationConfig",
                json!({"responseModalities": ["IMAGE"]}),
                "generationConfig.responseModalities",
            ),
            (
                "generationConfig",
                json!({"speechConfig": {}}),
                "generationConfig.speechConfig",
            ),
            (
                "contents",
                json!([{"role": "model", "parts": [{"executableCode": {"code": "1"}}]}]),
                "contents[0].parts[0].executableCode",
            ),
            (
                "contents",
                json!([{"role": "user", "parts": [{}]}]),
                "contents[0].parts[0]",
            ),
            (
                "contents",
                json!([{"role": "system", "parts": []}]),
                "contents[0].role",
            ),
            (
                "contents",
                json!([{"parts": [{"functionResponse": {"name": "f", "response": {}}}]}]),
                "contents[0].parts[0].functionResponse",
            ),
            (
                "toolConfig",
                json!({"functionCallingConfig": {"mode": "SOMETIMES"}}),
                "toolConfig.functionCallingConfig.mode",
            ),
        ] {
            assert_eq!(with(name, value), param);
        }
        assert_eq!(
            read(json!({})).unwrap_err().param.as_deref(),
            Some("contents")
        );
    }
}
