//! Writes a request for `generateContent`.
//!
//! | what is asked for | |
//! |---|---|
//! | calls one at a time, where more than one function may be called | refused: there is no way to ask for it |
//! | system prompts | all of them in `systemInstruction`, wherever they stood; without any turn they are the user's |
//! | thinking that another dialect sealed, or nobody | left out of the history |
//! | a call that Gemini did not sign, for Gemini 3 and later | signed as Google says for calls of other models |
//! | several texts of one result | joined by line feeds |
//! | images and files in a result | inside it with Gemini 3 and later, behind it with older models |
//! | schemas | `parametersJsonSchema` and `responseJsonSchema`: the older members know a part of JSON Schema only |
//! | functions whose arguments must follow the schema (`strict`) | `VALIDATED`; `ANY` sees to it by itself |
//! | the name and purpose of a schema for the answer, and whether it is held to | dropped: Gemini always holds to it |
//! | marks to cache, cache key, user, metadata, verbosity, how closely to look at an image | dropped: Gemini caches by itself and has no words for the rest |
//! | thinking | the table of `thinking.rs` |

use serde_json::{Map, Value, json};

use super::thinking::{self, Thinks};
use super::write_contents;
use crate::domain::Result;
use crate::gateway::dialect::crossing::Target;
use crate::gateway::dialect::crossing::conversation::{Format, Request, Tool, ToolChoice};
use crate::gateway::dialect::crossing::fields;

/// Writes the body of a request.
///
/// # Errors
/// When it asks for what Gemini cannot do; `param` names it.
pub(crate) fn write_request(request: &Request, target: &Target<'_>) -> Result<String> {
    let thinks = Thinks::of(target.model);
    let (system, contents) = write_contents::write(&request.messages, thinks)?;
    let mut body = Map::new();
    if !system.is_empty() {
        body.insert("systemInstruction".to_owned(), json!({"parts": system}));
    }
    body.insert("contents".to_owned(), contents.into());
    if !request.tools.is_empty() {
        let functions: Vec<Value> = request.tools.iter().map(function).collect();
        body.insert(
            "tools".to_owned(),
            json!([{"functionDeclarations": functions}]),
        );
        if let Some(calling) = calling(request)? {
            body.insert(
                "toolConfig".to_owned(),
                json!({"functionCallingConfig": calling}),
            );
        }
    }
    let config = config(request, target, thinks)?;
    if !config.is_empty() {
        body.insert("generationConfig".to_owned(), config.into());
    }
    Ok(Value::Object(body).to_string())
}

fn function(tool: &Tool) -> Value {
    let mut function = json!({"name": tool.name});
    if let Some(description) = &tool.description {
        function["description"] = description.as_str().into();
    }
    if let Some(schema) = &tool.schema {
        function["parametersJsonSchema"] = schema.clone();
    }
    function
}

/// Whether functions are called; `None`: as the model likes.
fn calling(request: &Request) -> Result<Option<Value>> {
    let strict = request.tools.iter().any(|tool| tool.strict == Some(true));
    let (choice, callable) = match &request.tool_choice {
        Some(ToolChoice::Never) => (Some(json!({"mode": "NONE"})), 0),
        None | Some(ToolChoice::Auto) if strict => {
            (Some(json!({"mode": "VALIDATED"})), request.tools.len())
        }
        None => (None, request.tools.len()),
        Some(ToolChoice::Auto) => (Some(json!({"mode": "AUTO"})), request.tools.len()),
        Some(ToolChoice::Required) => (Some(json!({"mode": "ANY"})), request.tools.len()),
        Some(ToolChoice::Among { names, required }) => {
            let mode = if *required { "ANY" } else { "VALIDATED" };
            let choice = json!({"mode": mode, "allowedFunctionNames": names});
            (Some(choice), names.len())
        }
    };
    if request.parallel_calls == Some(false) && callable > 1 {
        return Err(fields::inexpressible(
            "parallel_tool_calls",
            "way to call one function at a time only",
        ));
    }
    Ok(choice)
}

fn config(request: &Request, target: &Target<'_>, thinks: Thinks) -> Result<Map<String, Value>> {
    let mut config = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            config.insert(name.to_owned(), value);
        }
    };
    let sampling = request.sampling.clone();
    let limit = target.output_limit.or(request.max_output);
    put("temperature", sampling.temperature.map(Value::Number));
    put("topP", sampling.top_p.map(Value::Number));
    put("topK", sampling.top_k.map(Value::Number));
    put("maxOutputTokens", limit.map(Value::from));
    put(
        "stopSequences",
        (!request.stop.is_empty()).then(|| json!(request.stop)),
    );
    put(
        "frequencyPenalty",
        sampling.frequency_penalty.map(Value::Number),
    );
    put(
        "presencePenalty",
        sampling.presence_penalty.map(Value::Number),
    );
    put("seed", sampling.seed.map(Value::Number));
    let (kind, schema) = match &request.format {
        Format::Text => (None, None),
        Format::Json => (Some("application/json"), None),
        Format::Schema { schema, .. } => (Some("application/json"), Some(schema)),
    };
    put("responseMimeType", kind.map(Value::from));
    put("responseJsonSchema", schema.cloned());
    put("responseLogprobs", request.logprobs.map(|_| true.into()));
    put(
        "logprobs",
        request.logprobs.filter(|top| *top > 0).map(Value::from),
    );
    put(
        "thinkingConfig",
        thinking::write(request.reasoning, thinks)?,
    );
    Ok(config)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::gateway::dialect::crossing::Dialect;
    use crate::gateway::dialect::crossing::conversation::{
        Call, CallResult, Content, Message, Part, Reasoning, Role, Sampling, Thinking,
    };
    use crate::gateway::dialect::crossing::effort::{Depth, Effort};
    use crate::gateway::dialect::crossing::gemini::read_request;
    use crate::gateway::dialect::crossing::media::{Kind, Media, Source};
    use crate::gateway::dialect::crossing::seal::Seal;

    const OLDER: &str = "gemini-2.5-flash";
    const NEWER: &str = "gemini-3.8-flash";

    fn write_for(request: &Request, model: &str) -> Result<Value> {
        let target = Target {
            model,
            output_limit: None,
            most_output: 1_000,
        };
        write_request(request, &target).map(|body| serde_json::from_str(&body).unwrap())
    }

    fn of(messages: Vec<Message>) -> Request {
        Request {
            messages,
            ..Request::default()
        }
    }

    fn call(id: &str) -> Part {
        Content::Call(Call {
            id: id.to_owned(),
            name: "f".to_owned(),
            arguments: r#"{"a": 1}"#.to_owned(),
        })
        .into()
    }

    fn result(id: &str, parts: Vec<Part>) -> Part {
        Content::Result(CallResult {
            id: id.to_owned(),
            parts,
            failed: false,
        })
        .into()
    }

    fn image() -> Part {
        Content::Media(Media {
            kind: Kind::Image,
            source: Source::of_url("data:image/png;base64,AAAA".to_owned()),
            name: None,
            detail: None,
        })
        .into()
    }

    fn thinking(text: &str, seal: Seal) -> Part {
        Content::Thinking(Thinking {
            text: text.to_owned(),
            seal,
        })
        .into()
    }

    #[test]
    fn turns_of_one_role_are_one_and_results_come_first() {
        let request = of(vec![
            Message::new(Role::System, vec![Part::text("Be brief.")]),
            Message::new(Role::User, vec![Part::text("Hi")]),
            Message::new(Role::Assistant, vec![call("a")]),
            Message::new(Role::User, vec![Part::text("So?")]),
            Message::new(Role::User, vec![result("a", vec![Part::text("7")])]),
            Message::new(Role::System, vec![Part::text("In English.")]),
        ]);
        assert_eq!(
            write_for(&request, OLDER).unwrap(),
            json!({
                "systemInstruction": {"parts": [{"text": "Be brief."}, {"text": "In English."}]},
                "contents": [
                    {"role": "user", "parts": [{"text": "Hi"}]},
                    {"role": "model", "parts": [{"functionCall": {"id": "a", "name": "f", "args": {"a": 1}}}]},
                    {"role": "user", "parts": [
                        {"functionResponse": {"id": "a", "name": "f", "response": {"output": "7"}}}, {"text": "So?"}]}
                ]
            })
        );
    }

    #[test]
    fn system_prompts_alone_are_asked() {
        let request = of(vec![Message::new(Role::System, vec![Part::text("Hi")])]);
        assert_eq!(
            write_for(&request, OLDER).unwrap(),
            json!({"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]})
        );
    }

    #[test]
    fn a_call_that_gemini_did_not_sign_is_excused_where_it_is_asked_for() {
        let request = of(vec![Message::new(
            Role::Assistant,
            vec![
                thinking("Hm.", Seal::new(Dialect::Messages, "c2ln")),
                call("a"),
                call("b"),
            ],
        )]);
        let parts = |model| {
            let body = write_for(&request, model).unwrap();
            body["contents"][0]["parts"].clone()
        };
        let plain = |id: &str| json!({"functionCall": {"id": id, "name": "f", "args": {"a": 1}}});
        let mut excused = plain("a");
        excused["thoughtSignature"] = json!("skip_thought_signature_validator");
        assert_eq!(parts(NEWER), json!([excused, plain("b")]));
        assert_eq!(parts(OLDER), json!([plain("a"), plain("b")]));
    }

    #[test]
    fn a_signature_goes_back_on_its_call() {
        let request = of(vec![Message::new(
            Role::Assistant,
            vec![thinking("", Seal::new(Dialect::Gemini, "c2ln")), call("a")],
        )]);
        let body = write_for(&request, NEWER).unwrap();
        assert_eq!(
            body["contents"][0]["parts"][0]["thoughtSignature"],
            json!("c2ln")
        );
    }

    #[test]
    fn images_of_a_result_stand_in_it_or_behind_it() {
        let request = of(vec![
            Message::new(Role::Assistant, vec![call("a")]),
            Message::new(Role::User, vec![result("a", vec![image()])]),
        ]);
        let parts = |model| {
            let body = write_for(&request, model).unwrap();
            body["contents"][1]["parts"].clone()
        };
        let picture = json!({"inlineData": {"mimeType": "image/png", "data": "AAAA"}});
        assert_eq!(
            parts(NEWER),
            json!([{"functionResponse": {"id": "a", "name": "f", "response": {}, "parts": [picture]}}])
        );
        assert_eq!(
            parts(OLDER),
            json!([{"functionResponse": {"id": "a", "name": "f", "response": {}}}, picture])
        );
    }

    #[test]
    fn what_is_not_json_as_we_write_it_stays_text() {
        let response = |text: &str| {
            let request = of(vec![
                Message::new(Role::Assistant, vec![call("a")]),
                Message::new(Role::User, vec![result("a", vec![Part::text(text)])]),
            ]);
            let body = write_for(&request, OLDER).unwrap();
            body["contents"][1]["parts"][0]["functionResponse"]["response"].clone()
        };
        assert_eq!(response(r#"{"t":20}"#), json!({"t": 20}));
        assert_eq!(response(r#"{"t": 20}"#), json!({"output": r#"{"t": 20}"#}));
        assert_eq!(
            response(r#"{"error":"x"}"#),
            json!({"output": r#"{"error":"x"}"#})
        );
        assert_eq!(response("[1]"), json!({"output": "[1]"}));
        assert_eq!(response("{}"), json!({"output": "{}"}));
    }

    #[test]
    fn tools_are_chosen_as_asked() {
        let tool = |name: &str, strict| Tool {
            name: name.to_owned(),
            description: None,
            schema: Some(json!({"type": "object", "$defs": {}})),
            strict,
            cache: None,
        };
        let calling = |choice, strict, parallel_calls| {
            let request = Request {
                tools: vec![tool("f", None), tool("g", strict)],
                tool_choice: choice,
                parallel_calls,
                ..of(vec![Message::new(Role::User, vec![Part::text("Hi")])])
            };
            write_for(&request, NEWER)
                .map(|body| body["toolConfig"]["functionCallingConfig"].clone())
        };
        let among = |required| {
            Some(ToolChoice::Among {
                names: vec!["f".to_owned()],
                required,
            })
        };
        assert_eq!(calling(None, None, None).unwrap(), Value::Null);
        assert_eq!(
            calling(None, Some(true), None).unwrap(),
            json!({"mode": "VALIDATED"})
        );
        assert_eq!(
            calling(Some(ToolChoice::Never), Some(true), Some(false)).unwrap(),
            json!({"mode": "NONE"})
        );
        assert_eq!(
            calling(Some(ToolChoice::Required), None, Some(true)).unwrap(),
            json!({"mode": "ANY"})
        );
        assert_eq!(
            calling(among(true), None, Some(false)).unwrap(),
            json!({"mode": "ANY", "allowedFunctionNames": ["f"]})
        );
        assert_eq!(
            calling(among(false), None, None).unwrap(),
            json!({"mode": "VALIDATED", "allowedFunctionNames": ["f"]})
        );
        let error = calling(None, None, Some(false)).unwrap_err();
        assert_eq!(error.param.as_deref(), Some("parallel_tool_calls"));
    }

    #[test]
    fn the_gateways_limit_goes_before_the_clients() {
        let request = Request {
            max_output: Some(500),
            logprobs: Some(0),
            ..of(vec![Message::new(Role::User, vec![Part::text("Hi")])])
        };
        let target = Target {
            model: OLDER,
            output_limit: Some(40),
            most_output: 1_000,
        };
        let body: Value = serde_json::from_str(&write_request(&request, &target).unwrap()).unwrap();
        assert_eq!(
            body["generationConfig"],
            json!({"maxOutputTokens": 40, "responseLogprobs": true})
        );
    }

    fn texts() -> impl Strategy<Value = String> {
        "[a-zA-Z0-9 .{}\"é]{1,12}"
    }

    fn model_parts() -> impl Strategy<Value = Vec<Part>> {
        let signed = prop_oneof![
            texts().prop_map(|text| vec![Part::text(text)]),
            (texts(), texts()).prop_map(|(thought, text)| vec![
                thinking(&thought, Seal::new(Dialect::Gemini, "c2ln")),
                Part::text(text)
            ]),
            Just(vec![
                thinking("", Seal::new(Dialect::Gemini, "c2ln")),
                Part::text("x")
            ]),
        ];
        prop::collection::vec(signed, 1..4).prop_map(|parts| parts.concat())
    }

    prop_compose! {
        /// What Gemini can express, as its own reader would read it.
        fn requests()(system in proptest::option::of(texts()),
                      turns in prop::collection::vec((texts(), model_parts(), 0usize..3, texts()), 0..4),
                      question in texts(), stop in prop::collection::vec(texts(), 0..3), max_output in proptest::option::of(1u64..9_000),
                      temperature in proptest::option::of(0i64..3), budget in proptest::option::of(1u64..20_000),
                      json in any::<bool>(), logprobs in proptest::option::of(0u64..5)) -> Request {
            let mut messages: Vec<Message> = system.map(|text| Message::new(Role::System, vec![Part::text(text)])).into_iter().collect();
            let mut made = 0;
            for (asked, mut said, calls, found) in turns {
                messages.push(Message::new(Role::User, vec![Part::text(asked)]));
                let ids: Vec<String> = (0..calls).map(|_| { made += 1; format!("id_{made}") }).collect();
                said.extend(ids.iter().map(|id| Content::Call(Call { id: id.clone(), name: "f".to_owned(), arguments: r#"{"a":1}"#.to_owned() }).into()));
                messages.push(Message::new(Role::Assistant, said));
                if calls > 0 {
                    let results = ids.iter().map(|id| result(id, vec![Part::text(found.clone())])).collect();
                    messages.push(Message::new(Role::User, results));
                    messages.push(Message::new(Role::Assistant, vec![Part::text("So.")]));
                }
            }
            messages.push(Message::new(Role::User, vec![Part::text(question), image()]));
            Request {
                messages,
                stop,
                max_output,
                logprobs,
                tools: vec![Tool { name: "f".to_owned(), description: Some("It.".to_owned()), schema: Some(json!({"type": "object"})), strict: None, cache: None }],
                tool_choice: Some(ToolChoice::Auto),
                format: if json { Format::Json } else { Format::Text },
                sampling: Sampling { temperature: temperature.map(Into::into), ..Sampling::default() },
                reasoning: Reasoning { depth: budget.map(Depth::Budget), shown: Some(true) },
                ..Request::default()
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(request in requests()) {
            let target = Target { model: OLDER, output_limit: None, most_output: 1_000 };
            let body = write_request(&request, &target).unwrap();
            prop_assert_eq!(read_request(body.as_bytes()).unwrap(), request);
        }
    }

    #[test]
    fn a_level_is_written_for_a_newer_model() {
        let request = Request {
            reasoning: Reasoning {
                depth: Some(Depth::Effort(Effort::Medium)),
                shown: Some(true),
            },
            ..of(vec![Message::new(Role::User, vec![Part::text("Hi")])])
        };
        assert_eq!(
            write_for(&request, NEWER).unwrap()["generationConfig"],
            json!({"thinkingConfig": {"thinkingLevel": "medium", "includeThoughts": true}})
        );
    }
}
