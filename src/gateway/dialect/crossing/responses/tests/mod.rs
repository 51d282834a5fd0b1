//! Every fixture is read and written again; and what is refused, dropped or changed.

mod streams;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use streams::{well_formed, write};

use super::*;
use crate::domain::Result;
use crate::gateway::dialect::crossing::answer::{Answer, Event, Finish};
use crate::gateway::dialect::crossing::conversation::{
    Cache, Call, CallResult, Content, Message, Part, Request, Role, Thinking, Tool,
};
use crate::gateway::dialect::crossing::effort::{Depth, Effort};
use crate::gateway::dialect::crossing::media::{Kind, Media, Source};
use crate::gateway::dialect::crossing::seal::Seal;
use crate::gateway::dialect::crossing::{Dialect, Head, Target};

/// The fixtures whose names end so, by case.
fn fixtures(ending: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/crossing/responses"
    );
    let found: BTreeMap<_, _> = std::fs::read_dir(folder)
        .unwrap()
        .filter_map(|entry| {
            let path = entry.unwrap().path();
            let case = path.file_name()?.to_str()?.strip_suffix(ending)?.to_owned();
            Some((case, std::fs::read(&path).unwrap()))
        })
        .collect();
    assert!(!found.is_empty());
    found
}

fn fixture(name: &str) -> Vec<u8> {
    let (case, ending) = name.split_once('.').unwrap();
    fixtures(&format!(".{ending}")).remove(case).unwrap()
}

fn head() -> Head {
    Head {
        id: "018f".to_owned(),
        model: "m".to_owned(),
        created: 1_741_476_542,
        request: Arc::new(Request::default()),
        prompt_tokens: 7,
    }
}

fn target(model: &str) -> Target<'_> {
    Target {
        model,
        output_limit: None,
        most_output: 4096,
    }
}

fn written(request: &Request, model: &str) -> Value {
    serde_json::from_str(&write_request(request, &target(model)).unwrap()).unwrap()
}

fn read(body: &Value) -> Result<Request> {
    read_request(body.to_string().as_bytes())
}

#[test]
fn a_request_is_the_same_when_written_and_read_again() {
    for (case, body) in fixtures(".request.json") {
        let request = read_request(&body).unwrap();
        let again = read(&written(&request, &request.model)).unwrap();
        assert_eq!(again, request, "{case}");
    }
}

#[test]
fn an_answer_is_the_same_when_written_and_read_again() {
    for (case, body) in fixtures(".answer.json") {
        if case == "error" {
            assert_eq!(
                read_answer(&body).unwrap_err().why(),
                "The model failed to generate a response."
            );
            continue;
        }
        let answer = read_answer(&body).unwrap();
        assert_eq!(
            read_answer(write_answer(&answer, &head()).as_bytes()),
            Ok(answer),
            "{case}"
        );
    }
}

#[test]
fn what_cannot_be_carried_over_is_named() {
    let with = |name: &str, value: Value| {
        let mut body = json!({"model": "m", "input": "Hi"});
        body[name] = value;
        read(&body).unwrap_err().param.unwrap()
    };
    for (name, value, param) in [
        (
            "previous_response_id",
            json!("resp_1"),
            "previous_response_id",
        ),
        ("conversation", json!({"id": "conv_1"}), "conversation"),
        ("prompt", json!({"id": "pmpt_1"}), "prompt"),
        ("background", json!(true), "background"),
        (
            "context_management",
            json!([{"type": "compaction"}]),
            "context_management",
        ),
        ("reasoning", json!({"mode": "pro"}), "reasoning.mode"),
        ("reasoning", json!({"effort": "deep"}), "reasoning.effort"),
        (
            "include",
            json!(["reasoning.encrypted_content", "x"]),
            "include[1]",
        ),
        ("tools", json!([{"type": "web_search"}]), "tools[0].type"),
        (
            "tool_choice",
            json!({"type": "mcp", "server_label": "x"}),
            "tool_choice",
        ),
        (
            "text",
            json!({"format": {"type": "grammar"}}),
            "text.format.type",
        ),
        (
            "input",
            json!([{"type": "item_reference", "id": "msg_1"}]),
            "input[0]",
        ),
        ("input", json!([{"id": "msg_1"}]), "input[0]"),
        (
            "input",
            json!([{"type": "web_search_call", "id": "ws_1"}]),
            "input[0].type",
        ),
        (
            "input",
            json!([{"role": "tool", "content": "x"}]),
            "input[0].role",
        ),
        (
            "input",
            json!([{"role": "user", "content": "x", "name": "y"}]),
            "input[0].name",
        ),
        (
            "input",
            json!([{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}]),
            "input[0].content[0].file_id",
        ),
        (
            "input",
            json!([{"role": "user", "content": [{"type": "input_file", "file_data": "AAAA"}]}]),
            "input[0].content[0].file_data",
        ),
        ("top_k", json!(5), "top_k"),
    ] {
        assert_eq!(with(name, value.clone()), param, "{value}");
    }
}

#[test]
fn what_this_dialect_has_no_words_for_is_refused() {
    let refused = |request: &Request| {
        let error = write_request(request, &target("m")).unwrap_err();
        error.param.unwrap()
    };
    let mut request = Request {
        stop: vec!["END".to_owned()],
        ..Request::default()
    };
    assert_eq!(refused(&request), "stop");
    request.stop.clear();
    request.sampling.presence_penalty = Some(0.into());
    request.sampling.frequency_penalty = Some(1.into());
    assert_eq!(refused(&request), "frequency_penalty");
    request.sampling.frequency_penalty = None;
    let recording = Content::Media(Media {
        kind: Kind::Recording,
        source: Source::of_url("data:audio/wav;base64,AAAA".to_owned()),
        name: None,
        detail: None,
    });
    request.messages = vec![Message::new(Role::User, vec![recording.into()])];
    assert_eq!(refused(&request), "messages");
}

#[test]
fn a_turn_of_the_model_is_one_turn_and_its_results_are_another() {
    let request = read_request(&fixture("tool_results.request.json")).unwrap();
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
    let request = read_request(&fixture("thinking.request.json")).unwrap();
    assert_eq!(request.messages[1].parts.len(), 2);
}

#[test]
fn marks_to_cache_are_written_for_a_model_that_knows_them() {
    let marked = |cache: Cache, content: Content| Part {
        content,
        cache: Some(cache),
    };
    let result = CallResult {
        id: "a".to_owned(),
        parts: vec![Part::text("18"), Part::text("19")],
        failed: false,
    };
    let request = Request {
        messages: vec![
            Message::new(
                Role::System,
                vec![marked(Cache::Hour, Content::Text("a".to_owned()))],
            ),
            Message::new(
                Role::User,
                vec![marked(Cache::Usual, Content::Result(result))],
            ),
        ],
        ..Request::default()
    };
    let body = written(&request, "gpt-5.6");
    let mark = |part: &Value| part["prompt_cache_breakpoint"].clone();
    assert_eq!(
        mark(&body["input"][0]["content"][0]),
        json!({"mode": "explicit", "ttl": "12h"})
    );
    let output = &body["input"][1]["output"];
    assert_eq!(mark(&output[0]), Value::Null);
    assert_eq!(mark(&output[1]), json!({"mode": "explicit"}));
    for model in ["gpt-5.1", "anthropic/claude-opus-4"] {
        let body = written(&request, model).to_string();
        assert!(!body.contains("cache"), "{body}");
    }
}

#[test]
fn a_tool_that_is_not_strict_is_said_to_be_so() {
    let request = Request {
        tools: vec![Tool {
            name: "f".to_owned(),
            description: None,
            schema: None,
            strict: None,
            cache: None,
        }],
        ..Request::default()
    };
    let wanted = json!([{"type": "function", "name": "f", "parameters": null, "strict": false}]);
    assert_eq!(written(&request, "m")["tools"], wanted);
}

#[test]
fn seals_are_asked_for_of_a_model_that_thinks() {
    let mut request = Request::default();
    let include = |request: &Request, model: &str| written(request, model).get("include").cloned();
    let seals = Some(json!(["reasoning.encrypted_content"]));
    assert_eq!(include(&request, "gpt-4.1"), None);
    assert_eq!(include(&request, "gpt-5.1"), seals);
    request.reasoning.depth = Some(Depth::Effort(Effort::Low));
    assert_eq!(include(&request, "my-deployment"), seals);
    assert_eq!(
        written(&request, "m")["reasoning"],
        json!({"effort": "low"})
    );
    request.reasoning.shown = Some(true);
    assert_eq!(
        written(&request, "m")["reasoning"],
        json!({"effort": "low", "summary": "auto"})
    );
}

#[test]
fn a_system_prompt_stays_what_it_is() {
    let system = |parts: Vec<Part>| Message::new(Role::System, parts);
    let user = Message::new(Role::User, vec![Part::text("Hi")]);
    for (messages, instructions, items) in [
        (
            vec![system(vec![Part::text("a")]), user.clone()],
            json!("a"),
            1,
        ),
        (
            vec![system(vec![Part::text("a"), Part::text("b")]), user.clone()],
            Value::Null,
            2,
        ),
        (vec![system(vec![Part::text("a")])], Value::Null, 1),
        (
            vec![user.clone(), system(vec![Part::text("a")]), user],
            Value::Null,
            3,
        ),
    ] {
        let request = Request {
            messages,
            ..Request::default()
        };
        let body = written(&request, "m");
        assert_eq!(body["instructions"], instructions);
        assert_eq!(body["input"].as_array().unwrap().len(), items);
    }
}

#[test]
fn a_seal_of_another_dialect_travels_in_this_one() {
    let seal = Seal {
        redacted: true,
        ..Seal::new(Dialect::Messages, "EqQBCkgIARAB")
    };
    let thinking = |text: &str, seal: &Seal| -> Part {
        Content::Thinking(Thinking {
            text: text.to_owned(),
            seal: seal.clone(),
        })
        .into()
    };
    let answer = Answer {
        parts: vec![thinking("Hm.", &seal), Part::text("Yes.")],
        finish: Finish::Stop,
        usage: None,
        logprobs: Vec::new(),
    };
    let whole: Value = serde_json::from_str(&write_answer(&answer, &head())).unwrap();
    let streamed = write(&[
        Event::Thinking("Hm.".to_owned()),
        Event::Sealed(seal.clone()),
        Event::Text {
            text: "Yes.".to_owned(),
            logprobs: Vec::new(),
        },
        Event::End,
    ]);
    for response in [&whole, &well_formed(&streamed)["response"]] {
        let body = json!({"model": "m", "input": response["output"]});
        let request = read(&body).unwrap();
        assert_eq!(request.messages[0].parts, answer.parts);
        // For its maker only.
        let items = written(&request, "m")["input"].as_array().unwrap().len();
        assert_eq!(items, 1);
    }
}

#[test]
fn an_image_that_a_model_made_goes_out_and_comes_back() {
    let image: Part = Content::Media(Media {
        kind: Kind::Image,
        source: Source::of_url("data:image/png;base64,AAAA".to_owned()),
        name: None,
        detail: None,
    })
    .into();
    let answer = Answer {
        parts: vec![Part::text("Here:"), image],
        finish: Finish::Stop,
        usage: None,
        logprobs: Vec::new(),
    };
    let whole: Value = serde_json::from_str(&write_answer(&answer, &head())).unwrap();
    let request = read(&json!({"model": "m", "input": whole["output"]})).unwrap();
    assert_eq!(
        request.messages,
        [Message::new(Role::Assistant, answer.parts)]
    );
}

#[test]
fn a_response_repeats_what_was_asked() {
    let request = read_request(&fixture("tool_choice_allowed.request.json")).unwrap();
    let head = Head {
        request: Arc::new(request),
        ..head()
    };
    let answer = read_answer(&fixture("length.answer.json")).unwrap();
    let response: Value = serde_json::from_str(&write_answer(&answer, &head)).unwrap();
    let asked: Value =
        serde_json::from_slice(&fixture("tool_choice_allowed.request.json")).unwrap();
    assert_eq!(response["tools"], asked["tools"]);
    assert_eq!(response["tool_choice"], asked["tool_choice"]);
    assert_eq!(response["id"], "resp_018f");
    assert_eq!(response["model"], "m");
    assert_eq!(
        response["incomplete_details"],
        json!({"reason": "max_output_tokens"})
    );
    assert_eq!(response["output"][0]["status"], "incomplete");
    assert_eq!(
        response["usage"]["input_tokens_details"]["cached_tokens"],
        0
    );
}

#[test]
fn a_call_without_arguments_is_one_that_a_client_can_parse() {
    let call = Call {
        id: "a".to_owned(),
        name: "f".to_owned(),
        arguments: String::new(),
    };
    let began = Event::Call {
        id: "a".to_owned(),
        name: "f".to_owned(),
    };
    let answer = Answer {
        parts: vec![Content::Call(call).into()],
        finish: Finish::Calls,
        usage: None,
        logprobs: Vec::new(),
    };
    let whole: Value = serde_json::from_str(&write_answer(&answer, &head())).unwrap();
    let streamed = well_formed(&write(&[began, Event::End]));
    for response in [&whole, &streamed["response"]] {
        assert_eq!(response["output"][0]["arguments"], "{}");
    }
}

#[test]
fn a_file_is_named_as_its_kind_wants() {
    let named = |name: Option<&str>, url: &str| {
        let file = Content::Media(Media {
            kind: Kind::Document,
            source: Source::of_url(url.to_owned()),
            name: name.map(str::to_owned),
            detail: None,
        });
        let request = Request {
            messages: vec![Message::new(Role::User, vec![file.into()])],
            ..Request::default()
        };
        written(&request, "m")["input"][0]["content"][0]["filename"].clone()
    };
    let pdf = "data:application/pdf;base64,AAAA";
    assert_eq!(named(None, pdf), "document.pdf");
    assert_eq!(named(Some("My report"), pdf), "My report.pdf");
    assert_eq!(named(Some("a.b"), pdf), "a.b");
    assert_eq!(named(None, "data:text/plain;base64,AAAA"), "document.txt");
}
