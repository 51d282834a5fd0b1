//! Gemini's answers, whole and streamed, as they are and as they should not be.

use serde_json::json;

use super::*;
use crate::gateway::dialect::crossing::Dialect;
use crate::gateway::dialect::crossing::conversation::{Part, Thinking};

fn whole(answer: &Value) -> Result<Answer, Unreadable> {
    read_answer(answer.to_string().as_bytes())
}

fn streamed(frames: &[Value]) -> String {
    let mut reader = Reader::default();
    let mut events = Vec::new();
    for frame in frames {
        events.extend(reader.read(frame.to_string().as_bytes()).unwrap());
    }
    events.extend(reader.end());
    events.iter().map(|event| format!("{event:?}\n")).collect()
}

fn says(parts: Value, finish: Option<&str>) -> Value {
    json!({"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": finish, "index": 0}], "responseId": "r"})
}

#[test]
fn thoughts_and_calls_keep_their_order_and_their_seal() {
    let answer = whole(&says(
        json!([
            {"text": "Hm.", "thought": true},
            {"functionCall": {"name": "f", "args": {"city": "Oslo"}}, "thoughtSignature": "c2ln"},
            {"functionCall": {"id": "given", "name": "g"}}
        ]),
        Some("STOP"),
    ))
    .unwrap();
    let call = |id: &str, name: &str, arguments: &str| -> Part {
        Content::Call(Call {
            id: id.to_owned(),
            name: name.to_owned(),
            arguments: arguments.to_owned(),
        })
        .into()
    };
    assert_eq!(answer.finish, Finish::Calls);
    assert_eq!(
        answer.parts,
        [
            Content::Thinking(Thinking {
                text: "Hm.".to_owned(),
                seal: Seal::new(Dialect::Gemini, "c2ln")
            })
            .into(),
            call("call_r_0", "f", r#"{"city":"Oslo"}"#),
            call("given", "g", "{}")
        ]
    );
}

#[test]
fn a_blocked_prompt_is_an_answer_held_back() {
    let blocked = json!({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 4}});
    let answer = whole(&blocked).unwrap();
    assert_eq!((answer.parts.len(), answer.finish), (0, Finish::Filtered));
    assert_eq!(answer.usage.unwrap().prompt, 4);
    assert!(streamed(&[blocked]).ends_with("Finish(Filtered)\nEnd\n"));
    for none in [
        json!({"usageMetadata": {"promptTokenCount": 4}}),
        json!({"candidates": []}),
    ] {
        assert!(matches!(whole(&none), Err(Unreadable::Failed(_))), "{none}");
    }
    let foreign = whole(&json!({"ok": true}));
    assert!(matches!(foreign, Err(Unreadable::Foreign(_))));
    assert!(streamed(&[json!({"candidates": []})]).contains("Failed"));
}

#[test]
fn an_error_is_no_answer_alone_or_in_an_array() {
    let error = json!({"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}});
    let overloaded = "the provider's answer is not of its dialect: overloaded";
    assert_eq!(whole(&error).unwrap_err().to_string(), overloaded);
    assert_eq!(whole(&json!([error])).unwrap_err().to_string(), overloaded);
    for frame in [error.clone(), json!([error])] {
        let mut reader = Reader::default();
        let events = reader.read(frame.to_string().as_bytes()).unwrap();
        assert!(
            matches!(&events[..], [Event::Failed(error)] if error.code == Code::NoChannelAvailable)
        );
        assert!(reader.end().is_empty());
    }
}

#[test]
fn an_answer_that_ended_broken_has_failed() {
    let broken = says(json!([{"text": "a"}]), Some("MALFORMED_FUNCTION_CALL"));
    let Unreadable::Failed(told) = whole(&broken).unwrap_err() else {
        panic!("it is one of the dialect")
    };
    assert!(told.message.contains("MALFORMED"), "{}", told.message);
    let said = streamed(&[broken]);
    assert!(said.contains("Failed") && !said.contains("End"), "{said}");
}

#[test]
fn a_picture_is_not_lost_silently() {
    let picture = says(
        json!([{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]),
        Some("STOP"),
    );
    assert!(matches!(whole(&picture), Err(Unreadable::Failed(_))));
    assert!(streamed(&[picture]).contains("Failed"));
}

#[test]
fn a_stream_without_a_reason_to_end_has_not_ended() {
    assert!(!streamed(&[says(json!([{"text": "a"}]), None)]).contains("End"));
    assert!(!streamed(&[]).contains("End"));
}

#[test]
fn usage_comes_first_and_whenever_it_changes() {
    let with = |mut frame: Value, output: u64| {
        frame["usageMetadata"] = json!({"promptTokenCount": 3, "candidatesTokenCount": output});
        frame
    };
    let said = streamed(&[
        with(says(json!([{"text": "a"}]), None), 1),
        with(says(json!([{"text": "b"}]), None), 1),
        with(says(json!([{"text": ""}]), Some("MAX_TOKENS")), 2),
    ]);
    let lines: Vec<&str> = said
        .lines()
        .map(|line| line.split(['(', ' ']).next().unwrap())
        .collect();
    assert_eq!(
        lines,
        ["Start", "Text", "Text", "Usage", "Finish", "End"],
        "{said}"
    );
}

#[test]
fn what_google_adds_is_passed_over() {
    let mut answer = says(
        json!([{"text": "a", "newThing": {"x": 1}}, {"executableCode": {"code": "1"}}]),
        Some("BRAND_NEW"),
    );
    answer["modelStatus"] = json!("x");
    let answer = whole(&answer).unwrap();
    assert_eq!(answer.parts, [Part::text("a")]);
    assert_eq!(answer.finish, Finish::Stop);
    assert!(read_answer(b"<html>").is_err());
}

#[test]
fn probabilities_are_read_with_their_alternatives() {
    let mut answer = says(json!([{"text": "ab"}]), Some("STOP"));
    answer["candidates"][0]["logprobsResult"] = json!({
        "chosenCandidates": [{"token": "a", "tokenId": 1, "logProbability": -0.5}, {"token": "b", "logProbability": -0.25}],
        "topCandidates": [{"candidates": [{"token": "a", "logProbability": -0.5}, {"token": "x", "logProbability": -1.5}]}, {}]
    });
    let logprobs = whole(&answer).unwrap().logprobs;
    assert_eq!(logprobs.len(), 2);
    assert_eq!(logprobs[0].top[1].0, "x");
    assert!(logprobs[1].top.is_empty());
    assert!(streamed(&[answer]).contains("TokenLogprob"));
}
