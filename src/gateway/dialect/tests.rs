//! Every fixture of `tests/fixtures/openai/` is read as its `.want` says, whole and streamed.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::domain::{Code, ServiceTier, Usage};
use crate::gateway::sse;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/openai")
}

fn names() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(fixtures())
        .unwrap()
        .filter_map(|entry| {
            entry
                .unwrap()
                .file_name()
                .into_string()
                .unwrap()
                .strip_suffix(".want")
                .map(str::to_owned)
        })
        .collect();
    names.sort();
    names
}

fn wanted(name: &str) -> Usage {
    let text = fs::read_to_string(fixtures().join(format!("{name}.want"))).unwrap();
    let numbers: Vec<u64> = text
        .split_whitespace()
        .map(|n| n.parse().unwrap())
        .collect();
    let [prompt, cached, cache_write, completion, reasoning] = numbers[..] else {
        panic!("{name}: five numbers")
    };
    Usage {
        prompt,
        cached,
        cache_write,
        completion,
        reasoning,
        ..Usage::default()
    }
}

/// Without the provider's own dollars.
fn tokens(usage: Usage) -> Usage {
    Usage {
        reported_cost: None,
        ..usage
    }
}

fn endpoint(name: &str) -> Endpoint {
    match name.split_once('-') {
        Some((_, word)) => Endpoint::parse(word).unwrap(),
        None => Endpoint::Chat,
    }
}

struct Stream {
    usage: Option<Usage>,
    terminal: bool,
    error: bool,
    hidden: usize,
    text: String,
}

fn stream(endpoint: Endpoint, text: &str) -> Stream {
    let (mut seen, mut written) = (
        Stream {
            usage: None,
            terminal: false,
            error: false,
            hidden: 0,
            text: String::new(),
        },
        Written::default(),
    );
    let mut report = Report::default();
    for frame in sse::split(text.as_bytes()) {
        let frame = read_frame(endpoint, frame, &mut written);
        if let Some(told) = frame.usage {
            report.merge(*told);
            seen.usage = report.usage();
        }
        seen.terminal |= frame.terminal;
        seen.error |= frame.error;
        seen.hidden += usize::from(frame.only_usage);
    }
    seen.text = written.text().0;
    seen
}

#[test]
fn whole_answers_are_read_as_their_providers_mean_them() {
    assert!(names().len() >= 10, "fixtures are found");
    for name in names() {
        let answer = fs::read(fixtures().join(format!("{name}.json"))).unwrap();
        assert_eq!(
            read_answer(Endpoint::Chat, &answer).map(|told| (told.used().map(tokens), told.error)),
            Ok((Some(wanted(&name)), false)),
            "{name}"
        );
    }
}

#[test]
fn streams_are_read_as_their_providers_mean_them() {
    for name in names() {
        let Ok(text) = fs::read_to_string(fixtures().join(format!("{name}.sse"))) else {
            continue;
        };
        let seen = stream(endpoint(&name), &text);
        assert_eq!(seen.usage.map(tokens), Some(wanted(&name)), "{name}");
        assert!(seen.terminal && !seen.error, "{name}");
        let asked_for = matches!(
            name.as_str(),
            "openai" | "openai-completions" | "vllm" | "llamacpp" | "ollama" | "litellm"
        );
        assert_eq!(
            seen.hidden,
            usize::from(asked_for),
            "{name}: frames with nothing but usage"
        );
        assert!(
            !seen.text.is_empty(),
            "{name}: what the model wrote is collected"
        );
        let cut = text
            .replace("data: [DONE]", ": nothing")
            .replace("\"response.completed\"", "\"response.odd\"");
        assert!(!stream(endpoint(&name), &cut).terminal, "{name}");
    }
}

#[test]
fn a_frame_is_only_usage_where_its_choices_say_nothing() {
    for (choices, only) in [
        ("[]", true),
        (r#"[{"index":0,"delta":{}}]"#, true),
        (
            r#"[{"index":1,"delta":{},"logprobs":null,"finish_reason":null}]"#,
            true,
        ),
        (r#"[{"index":0,"delta":{"content":"a"}}]"#, false),
        (r#"[{"index":0,"delta":{"role":"assistant"}}]"#, false),
        (r#"[{"index":0,"delta":{},"finish_reason":"stop"}]"#, false),
    ] {
        let usage = r#"{"prompt_tokens":1,"completion_tokens":1}"#;
        let frame = format!("data: {{\"choices\":{choices},\"usage\":{usage}}}\n\n");
        for endpoint in [Endpoint::Chat, Endpoint::Completions] {
            assert_eq!(
                stream(endpoint, &frame).hidden,
                usize::from(only),
                "{choices}"
            );
        }
    }
}

#[test]
fn what_a_model_wrote_is_collected_the_same_whole_and_streamed() {
    for (name, text) in [
        ("deepseek", "Greet.Hello!"),
        ("groq", "Count.Three."),
        ("mistral", "OK"),
        ("ollama", "Hi."),
    ] {
        let streamed = stream(
            Endpoint::Chat,
            &fs::read_to_string(fixtures().join(format!("{name}.sse"))).unwrap(),
        )
        .text;
        assert_eq!(streamed, text, "{name}");
        let mut written = Written::default();
        read_written(
            Endpoint::Chat,
            &fs::read(fixtures().join(format!("{name}.json"))).unwrap(),
            &mut written,
        );
        assert_eq!(written.text().0.len(), text.len(), "{name}");
    }
}

#[test]
fn errors_inside_an_answer_are_noticed() {
    assert!(
        stream(
            Endpoint::Chat,
            "data: {\"error\":{\"message\":\"overloaded\"}}\n\n"
        )
        .error
    );
    assert!(stream(Endpoint::Chat, "data: {\"error\" : \"overloaded\"}\n\n").error);
    assert!(!stream(Endpoint::Chat, "data: {\"choices\":[{\"delta\":{\"content\":\"\\\"error\\\":{}\"}}],\"error\":null}\n\n").error);
    let failed = stream(
        Endpoint::Responses,
        "event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{\"usage\":null}}\n\n",
    );
    assert!(failed.error && failed.terminal);
    assert!(
        read_answer(Endpoint::Chat, br#"{"error":{"message":"no"}}"#)
            .unwrap()
            .error
    );
    assert!(
        !read_answer(Endpoint::Chat, br#"{"error":null}"#)
            .unwrap()
            .error
    );
    for broken in ["", "{\"usage\":{}", "[]", "<html>"] {
        assert_eq!(
            read_answer(Endpoint::Chat, broken.as_bytes()),
            Err(NotJson),
            "{broken}"
        );
    }
}

#[test]
fn the_tier_that_was_used_is_read_beside_the_usage() {
    let usage = r#""usage":{"prompt_tokens":1,"completion_tokens":1,"input_tokens":1}"#;
    for (word, tier) in [
        (r#""priority""#, ServiceTier::Priority),
        (r#""flex""#, ServiceTier::Flex),
        (r#""default""#, ServiceTier::Standard),
        ("null", ServiceTier::Standard),
        ("7", ServiceTier::Standard),
    ] {
        let members = format!(r#""service_tier":{word},{usage}"#);
        let told = read_answer(Endpoint::Chat, format!("{{{members}}}").as_bytes()).unwrap();
        let chunk = format!("data: {{\"choices\":[],{members}}}\n\n");
        let completed =
            format!("data: {{\"type\":\"response.completed\",\"response\":{{{members}}}}}\n\n");
        for usage in [
            told.used(),
            stream(Endpoint::Chat, &chunk).usage,
            stream(Endpoint::Responses, &completed).usage,
        ] {
            assert_eq!(usage.unwrap().tier, tier, "{word}");
        }
    }
}

#[test]
fn a_stream_is_told_its_error_so_that_the_sdks_raise() {
    let error = Error::new(Code::BadGateway, "It broke off.");
    for (endpoint, event) in [
        (Endpoint::Chat, None),
        (Endpoint::Responses, Some(&b"error"[..])),
    ] {
        let frame = error_frame(endpoint, &error);
        let read = sse::Frame::read(frame.as_bytes());
        let data: serde_json::Value = serde_json::from_slice(&read.data.unwrap()).unwrap();
        assert_eq!(read.event, event);
        assert_eq!(data["error"]["code"], "bad_gateway");
        assert!(stream(endpoint, &frame).error);
    }
}

#[test]
fn what_is_kept_of_an_answer_is_bounded() {
    let mut written = Written::default();
    for _ in 0..40 {
        written.push(&[b'a'; 50_000]);
    }
    let (text, beyond) = written.text();
    assert_eq!(text.len() as u64 + beyond, 2_000_000);
    assert!(text.len() <= 1024 * 1024);
}

/// Cuts a fixture's stream off in its middle; what a client has then read of it.
fn cut(
    endpoint: Endpoint,
    text: &str,
    choices: u64,
    show_usage: bool,
) -> (Vec<serde_json::Value>, String) {
    let frames: Vec<&[u8]> = sse::split(text.as_bytes()).collect();
    let mut written = Written::default();
    let dropped = frames
        .iter()
        .filter(|frame| read_frame(endpoint, frame, &mut written).content)
        .nth(1)
        .expect("two frames with words");
    let mut until = Written::default();
    for frame in frames
        .iter()
        .take_while(|frame| !std::ptr::eq(**frame, *dropped))
    {
        read_frame(endpoint, frame, &mut until);
    }
    let passed = until.text().0;
    read_frame(endpoint, dropped, &mut until);
    let usage = Usage {
        prompt: 7,
        completion: 2,
        estimated: true,
        ..Usage::default()
    };
    let first = frames
        .iter()
        .find(|frame| sse::Frame::read(frame).data.is_some())
        .unwrap();
    let last = cut_off(
        endpoint,
        &CutOff {
            first,
            dropped,
            written: &until,
            choices,
            usage: &usage,
            show_usage,
        },
    );
    let read = stream(endpoint, &last);
    assert!(read.terminal && !read.error, "{last}");
    let events = sse::split(last.as_bytes())
        .filter_map(|frame| serde_json::from_slice(&sse::Frame::read(frame).data?).ok())
        .collect();
    (events, passed)
}

fn fixture(name: &str) -> String {
    fs::read_to_string(fixtures().join(format!("{name}.sse"))).unwrap()
}

#[test]
fn a_chat_that_is_cut_off_ends_with_its_length_and_the_usage_that_was_asked_for() {
    let text = fixture("openai");
    let first: serde_json::Value = serde_json::from_slice(
        &sse::Frame::read(
            text.as_bytes()
                .split_inclusive(|b| *b == b'\n')
                .next()
                .unwrap(),
        )
        .data
        .unwrap(),
    )
    .unwrap();
    let (events, _) = cut(Endpoint::Chat, &text, 2, true);
    assert_eq!(events.len(), 2, "{events:?}");
    for name in ["id", "object", "created", "model"] {
        assert_eq!(events[0][name], first[name]);
        assert_eq!(events[1][name], first[name]);
    }
    for index in [0, 1] {
        let choice = &events[0]["choices"][index];
        assert_eq!(
            (&choice["index"], &choice["finish_reason"]),
            (&index.into(), &"length".into())
        );
    }
    assert_eq!(events[1]["choices"], serde_json::json!([]));
    assert_eq!(events[1]["usage"]["total_tokens"], 9);
    assert_eq!(cut(Endpoint::Chat, &text, 1, false).0.len(), 1);
}

#[test]
fn a_completion_that_is_cut_off_ends_with_its_length() {
    let (events, _) = cut(
        Endpoint::Completions,
        &fixture("openai-completions"),
        1,
        false,
    );
    let choice = &events[0]["choices"][0];
    assert_eq!(
        (&choice["text"], &choice["finish_reason"]),
        (&"".into(), &"length".into())
    );
}

#[test]
fn a_response_that_is_cut_off_is_incomplete_and_holds_what_was_written() {
    let (events, passed) = cut(Endpoint::Responses, &fixture("openai-responses"), 1, false);
    let last = events.last().unwrap();
    assert_eq!(last["type"], "response.incomplete");
    let response = &last["response"];
    assert_eq!(
        response["incomplete_details"]["reason"],
        "max_output_tokens"
    );
    assert_eq!(
        (&response["status"], &response["usage"]["output_tokens"]),
        (&"incomplete".into(), &2.into())
    );
    assert!(!passed.is_empty());
    assert_eq!(response["output"][0]["content"][0]["text"], passed.as_str());
    let numbers: Vec<_> = events
        .iter()
        .map(|event| event["sequence_number"].as_u64().unwrap())
        .collect();
    assert!(
        numbers.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "{numbers:?}"
    );
}
