//! A whole answer of Anthropic messages, and what it has in common with the pieces of a stream.
//! Reference: Claude API reference, "Create a Message", response; Claude docs, "Stop reasons and fallback".
//!
//! | in the answer | |
//! |---|---|
//! | citations of a text, calls of Anthropic's own tools and their results, blocks that are not known | passed over |
//! | `pause_turn` | the end: what ran at Anthropic cannot go on elsewhere |
//! | `stop_details.explanation` | the words with which the model declines |
//! | arguments that are not a JSON object | `{"INVALID_JSON": the text}`, as Anthropic asks for them; read back as they were |
//! | probabilities of tokens | dropped: the dialect has none |

use serde_json::{Map, Value, json};

use crate::domain::{Code, Error, Usage};
use crate::gateway::dialect::crossing::answer::{Answer, Finish};
use crate::gateway::dialect::crossing::conversation::{Call, Content, Part, Thinking};
use crate::gateway::dialect::crossing::seal::Seal;
use crate::gateway::dialect::crossing::{Dialect, Head, Unreadable};
use crate::gateway::dialect::{Report, messages};

/// Where arguments stand that are not a JSON object (Claude docs, "Fine-grained tool streaming").
const INVALID_JSON: &str = "INVALID_JSON";

/// Reads a whole answer.
///
/// # Errors
/// When it is none, or an error.
pub(in crate::gateway::dialect::crossing) fn read_answer(
    body: &[u8],
) -> Result<Answer, Unreadable> {
    let answer: Value = serde_json::from_slice(body)
        .map_err(|_| Unreadable::Foreign("it is not JSON".to_owned()))?;
    if let Some(error) = error(&answer) {
        return Err(Unreadable::Foreign(error.message));
    }
    let Some(content) = answer.get("content").and_then(Value::as_array) else {
        return Err(Unreadable::Foreign("it has no content".to_owned()));
    };
    let mut parts: Vec<Part> = content
        .iter()
        .filter_map(|block| Some(self::content(block)?.into()))
        .collect();
    if let Some(words) = declined(&answer) {
        parts.push(Content::Refusal(words.to_owned()).into());
    }
    let mut counts = Counts::default();
    counts.add(answer.get("usage"));
    Ok(Answer {
        parts,
        finish: read_finish(&answer).unwrap_or(Finish::Stop),
        usage: counts.usage(),
        logprobs: Vec::new(),
    })
}

/// Writes a whole answer.
pub(in crate::gateway::dialect::crossing) fn write_answer(answer: &Answer, head: &Head) -> String {
    let content: Vec<Value> = answer.parts.iter().filter_map(block).collect();
    let calls = answer
        .parts
        .iter()
        .any(|part| matches!(part.content, Content::Call(_)));
    let mut message = message(head, content, usage(answer.usage.as_ref(), head));
    message.extend(write_finish(&answer.finish, calls));
    Value::Object(message).to_string()
}

/// The message without its end.
pub(super) fn message(head: &Head, content: Vec<Value>, usage: Value) -> Map<String, Value> {
    [
        ("id", json!(format!("msg_{}", head.id))),
        ("type", json!("message")),
        ("role", json!("assistant")),
        ("model", json!(head.model)),
        ("content", Value::Array(content)),
        ("stop_reason", Value::Null),
        ("stop_sequence", Value::Null),
        ("usage", usage),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

fn content(block: &Value) -> Option<Content> {
    let text = |name: &str| block.get(name).and_then(Value::as_str).map(str::to_owned);
    match text("type")?.as_str() {
        "text" => text("text")
            .filter(|text| !text.is_empty())
            .map(Content::Text),
        "thinking" => Some(Content::Thinking(Thinking {
            text: text("thinking").unwrap_or_default(),
            seal: Seal::read(Dialect::Messages, text("signature").unwrap_or_default()),
        })),
        "redacted_thinking" => Some(Content::Thinking(redacted(text("data")?))),
        "tool_use" => Some(Content::Call(Call {
            id: text("id")?,
            name: text("name")?,
            arguments: block.get("input").map(arguments).unwrap_or_default(),
        })),
        _ => None,
    }
}

fn block(part: &Part) -> Option<Value> {
    match &part.content {
        Content::Text(text) | Content::Refusal(text) => {
            (!text.is_empty()).then(|| json!({"type": "text", "text": text}))
        }
        Content::Thinking(thought) => Some(match redaction(&thought.seal) {
            Some(data) => json!({"type": "redacted_thinking", "data": data}),
            None => json!({
                "type": "thinking",
                "thinking": thought.text,
                "signature": thought.seal.token(Dialect::Messages),
            }),
        }),
        Content::Call(call) => Some(json!({
            "type": "tool_use",
            "id": call.id,
            "name": call.name,
            "input": input(&call.arguments),
        })),
        // A model answers with neither here.
        Content::Media(_) | Content::Result(_) => None,
    }
}

/// Thinking that is hidden altogether.
pub(super) fn redacted(data: String) -> Thinking {
    let mut seal = Seal::read(Dialect::Messages, data);
    seal.redacted |= seal.by == Dialect::Messages;
    Thinking {
        text: String::new(),
        seal,
    }
}

/// What stands in `redacted_thinking`, if the seal is of that kind.
pub(super) fn redaction(seal: &Seal) -> Option<&str> {
    (seal.by == Dialect::Messages && seal.redacted).then_some(seal.data.as_str())
}

/// The arguments of a call whose `input` this is.
pub(super) fn arguments(input: &Value) -> String {
    match input.as_object() {
        Some(members) if members.len() == 1 => match members.get(INVALID_JSON) {
            Some(Value::String(text)) => text.clone(),
            Some(_) | None => input.to_string(),
        },
        Some(_) | None => input.to_string(),
    }
}

/// The `input` of a call with these arguments.
pub(super) fn input(arguments: &str) -> Value {
    if arguments.trim().is_empty() {
        return json!({});
    }
    match serde_json::from_str(arguments) {
        Ok(input @ Value::Object(_)) => input,
        Ok(_) | Err(_) => json!({ INVALID_JSON: arguments }),
    }
}

/// Why an answer ended, out of the object that holds `stop_reason`; `None`: it has not.
pub(super) fn read_finish(told: &Value) -> Option<Finish> {
    Some(match told.get("stop_reason")?.as_str()? {
        "stop_sequence" => {
            let which = told.get("stop_sequence").and_then(Value::as_str);
            Finish::StopSequence(which.map(str::to_owned))
        }
        "max_tokens" | "model_context_window_exceeded" => Finish::Length,
        "tool_use" => Finish::Calls,
        "refusal" => Finish::Filtered,
        _ => Finish::Stop,
    })
}

/// The words with which a model declined, beside those it wrote.
pub(super) fn declined(told: &Value) -> Option<&str> {
    told.get("stop_details")?.get("explanation")?.as_str()
}

/// The members that say why an answer ended. A client runs the tools that are called only when it is told to.
pub(super) fn write_finish(finish: &Finish, calls: bool) -> Map<String, Value> {
    let (reason, sequence) = match finish {
        Finish::Stop if calls => ("tool_use", None),
        Finish::Stop => ("end_turn", None),
        Finish::StopSequence(sequence) => ("stop_sequence", sequence.as_ref()),
        Finish::Length => ("max_tokens", None),
        Finish::Calls => ("tool_use", None),
        Finish::Filtered => ("refusal", None),
    };
    let mut told = Map::new();
    told.insert("stop_reason".to_owned(), json!(reason));
    told.insert("stop_sequence".to_owned(), json!(sequence));
    if *finish == Finish::Filtered {
        told.insert(
            "stop_details".to_owned(),
            json!({"type": "refusal", "category": null, "explanation": null}),
        );
    }
    told
}

/// The numbers of `usage` so far. Those of a stream are cumulative; what a later one leaves out stays as it was.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts(Box<Report>);

impl Counts {
    /// Takes the numbers of a `usage` object.
    pub(super) fn add(&mut self, usage: Option<&Value>) {
        let raw = usage.and_then(|usage| serde_json::value::to_raw_value(usage).ok());
        if let Some(report) = raw.and_then(|raw| messages::report(&raw)) {
            self.0.merge(report);
        }
    }

    /// In our way of counting: `input_tokens` leaves out what was read from the cache or written to it.
    pub(super) fn usage(&self) -> Option<Usage> {
        let read = self.0.usage()?;
        // Tiers, places and how long a cache is kept have no place in what is carried to another dialect.
        Some(Usage {
            prompt: read.prompt,
            cached: read.cached,
            cache_write: read.cache_write,
            completion: read.completion,
            reasoning: read.reasoning,
            ..Usage::default()
        })
    }
}

/// The `usage` object. The dialect demands one: of what is not known, the prompt is the gateway's count.
pub(super) fn usage(usage: Option<&Usage>, head: &Head) -> Value {
    let counted = Usage {
        prompt: head.prompt_tokens,
        ..Usage::default()
    };
    let usage = usage.unwrap_or(&counted);
    let mut told = json!({
        "input_tokens": usage.prompt.saturating_sub(usage.cached).saturating_sub(usage.cache_write),
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cached,
        "output_tokens": usage.completion,
    });
    if let (Some(told), true) = (told.as_object_mut(), usage.reasoning > 0) {
        told.insert(
            "output_tokens_details".to_owned(),
            json!({"thinking_tokens": usage.reasoning}),
        );
    }
    told
}

/// What an `error` object says; `None`: there is none. It is the provider's, so it does not blame the client's key or pace.
pub(super) fn error(told: &Value) -> Option<Error> {
    let error = told.get("error").filter(|error| !error.is_null())?;
    let text = |name: &str| error.get(name).and_then(Value::as_str);
    let code = match text("type").unwrap_or_default() {
        "invalid_request_error" => Code::InvalidRequest,
        "request_too_large" => Code::RequestTooLarge,
        "timeout_error" => Code::GatewayTimeout,
        "overloaded_error" | "rate_limit_error" => Code::NoChannelAvailable,
        _ => Code::BadGateway,
    };
    let words = text("message")
        .or(error.as_str())
        .unwrap_or("no reason given");
    Some(Error::new(code, format!("The provider failed: {words}")))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::gateway::dialect::crossing::conversation::Request;

    fn head() -> Head {
        Head {
            id: "1".to_owned(),
            model: "m".to_owned(),
            created: 0,
            request: Arc::new(Request::default()),
            prompt_tokens: 7,
        }
    }

    fn read(answer: Value) -> Answer {
        read_answer(answer.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn an_answer_comes_back_as_it_was() {
        let wire = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "m",
            "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "EqQ="},
                {"type": "redacted_thinking", "data": "Eom="},
                {"type": "text", "text": "Let me look."},
                {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"b": 1, "a": 2}},
                {"type": "tool_use", "id": "toolu_2", "name": "g", "input": {}}],
            "stop_reason": "tool_use", "stop_sequence": null,
            "usage": {"input_tokens": 5, "cache_creation_input_tokens": 20, "cache_read_input_tokens": 300,
                "output_tokens": 40, "output_tokens_details": {"thinking_tokens": 30}}});
        let answer = read(wire.clone());
        assert_eq!(
            answer.usage,
            Some(Usage {
                prompt: 325,
                cached: 300,
                cache_write: 20,
                completion: 40,
                reasoning: 30,
                ..Usage::default()
            })
        );
        let written: Value = serde_json::from_str(&write_answer(&answer, &head())).unwrap();
        assert_eq!(written, wire);
    }

    #[test]
    fn every_reason_to_end_comes_back_as_it_was() {
        for (reason, sequence, finish) in [
            ("end_turn", None, Finish::Stop),
            ("max_tokens", None, Finish::Length),
            ("tool_use", None, Finish::Calls),
            ("refusal", None, Finish::Filtered),
            (
                "stop_sequence",
                Some("END"),
                Finish::StopSequence(Some("END".to_owned())),
            ),
        ] {
            let told = json!({"stop_reason": reason, "stop_sequence": sequence});
            assert_eq!(read_finish(&told), Some(finish.clone()));
            let written = write_finish(&finish, false);
            assert_eq!(written["stop_reason"], reason);
            assert_eq!(written["stop_sequence"], json!(sequence));
        }
        for (reason, finish) in [
            ("model_context_window_exceeded", Finish::Length),
            ("pause_turn", Finish::Stop),
            ("what comes next", Finish::Stop),
        ] {
            assert_eq!(read_finish(&json!({"stop_reason": reason})), Some(finish));
        }
        assert_eq!(read_finish(&json!({"stop_reason": null})), None);
        assert_eq!(write_finish(&Finish::Stop, true)["stop_reason"], "tool_use");
    }

    #[test]
    fn why_a_model_declined_is_said() {
        let answer = read(json!({"content": [], "stop_reason": "refusal",
            "stop_details": {"type": "refusal", "category": "bio", "explanation": "I cannot help with that."}}));
        assert_eq!(answer.finish, Finish::Filtered);
        assert_eq!(
            answer.parts,
            [Content::Refusal("I cannot help with that.".to_owned()).into()]
        );
        assert_eq!(answer.usage, None);
    }

    #[test]
    fn what_ran_at_anthropic_is_passed_over() {
        let answer = read(json!({"content": [
            {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}},
            {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
            {"type": "text", "text": "Found.", "citations": [{"type": "web_search_result_location"}]}],
            "stop_reason": "end_turn"}));
        assert_eq!(answer.parts, [Part::text("Found.")]);
    }

    #[test]
    fn arguments_that_are_no_object_are_not_lost() {
        assert_eq!(input("{\"a\":"), json!({"INVALID_JSON": "{\"a\":"}));
        assert_eq!(arguments(&input("{\"a\":")), "{\"a\":");
        assert_eq!(arguments(&input("[1]")), "[1]");
        assert_eq!(input(""), json!({}));
    }

    #[test]
    fn an_error_is_no_answer() {
        let error = json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
        assert!(
            read_answer(error.to_string().as_bytes())
                .unwrap_err()
                .why()
                .ends_with("Overloaded")
        );
        assert!(read_answer(b"<html>").is_err());
        assert!(read_answer(b"{}").is_err());
    }

    #[test]
    fn a_later_count_replaces_an_earlier_one_and_none_takes_it_away() {
        let mut counts = Counts::default();
        counts.add(Some(&json!({"output_tokens": 1})));
        assert_eq!(counts.usage(), None);
        counts.add(Some(
            &json!({"input_tokens": 9, "cache_read_input_tokens": 4, "output_tokens": 1}),
        ));
        counts.add(Some(&json!({"input_tokens": 0, "output_tokens": 6})));
        let usage = counts.usage().unwrap();
        assert_eq!((usage.prompt, usage.cached, usage.completion), (13, 4, 6));
    }
}
