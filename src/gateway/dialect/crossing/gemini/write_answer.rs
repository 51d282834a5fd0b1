//! Writes answers, whole and streamed.
//!
//! | what a model did | |
//! |---|---|
//! | it declined | its words are text |
//! | it wrote arguments that are not a JSON object | no call: `MALFORMED_FUNCTION_CALL` with what it wrote, or `MAX_TOKENS` where the limit cut them off |
//! | it stopped at a text | `STOP`; which text has no place |
//! | tokens written to the cache | are in the prompt |

use std::mem;

use serde_json::{Value, json};

use super::finish;
use super::write_parts::{self, Parts};
use crate::domain::Usage;
use crate::gateway::dialect::crossing::Head;
use crate::gateway::dialect::crossing::answer::{Answer, Event, Finish, TokenLogprob};
use crate::gateway::dialect::crossing::conversation::Content;
use crate::gateway::dialect::gemini;

/// Writes a whole answer.
pub(crate) fn write_answer(answer: &Answer, head: &Head) -> String {
    let (mut parts, mut broken) = (Parts::default(), None);
    for part in &answer.parts {
        match &part.content {
            Content::Text(text) | Content::Refusal(text) => parts.text(text),
            Content::Media(media) => parts.media(media),
            Content::Thinking(thinking) => parts.thinking_for_client(thinking),
            Content::Call(call) => match write_parts::arguments(&call.arguments) {
                Some(arguments) => parts.call(&call.id, &call.name, arguments),
                None => broken = Some(malformed(&call.name, &call.arguments)),
            },
            // A model gives none.
            Content::Result(_) => {}
        }
    }
    let mut candidate = last(parts.finish(), &answer.finish, broken);
    if !answer.logprobs.is_empty() {
        candidate["logprobsResult"] = logprobs(&answer.logprobs);
    }
    response(candidate, answer.usage.as_ref(), head).to_string()
}

/// Writes a stream.
#[derive(Debug)]
pub(crate) struct Writer {
    head: Head,
    parts: Parts,
    state: State,
    usage: Option<Usage>,
    finish: Option<Finish>,
    broken: Option<String>,
}

/// Gemini's calls come whole: one is held back until it is.
#[derive(Debug)]
enum State {
    Open,
    Calling {
        id: String,
        name: String,
        arguments: String,
    },
    Ended,
}

impl Writer {
    /// Begins a stream.
    pub(crate) fn new(head: Head) -> Self {
        Self {
            head,
            parts: Parts::default(),
            state: State::Open,
            usage: None,
            finish: None,
            broken: None,
        }
    }

    /// Writes what an event says, in whole frames.
    pub(crate) fn write(&mut self, event: &Event, out: &mut String) {
        let mut chances: &[TokenLogprob] = &[];
        match (&mut self.state, event) {
            (State::Ended, _) => return,
            (_, Event::Failed(failure)) => {
                self.state = State::Ended;
                out.push_str(&gemini::error_frame(failure));
                return;
            }
            (_, Event::Start(usage)) => self.usage = usage.or(self.usage),
            (_, Event::Usage(usage)) => self.usage = Some(*usage),
            (State::Calling { arguments, .. }, Event::Arguments(more)) => arguments.push_str(more),
            // Of no call.
            (State::Open, Event::Arguments(_)) => {}
            (State::Open | State::Calling { .. }, Event::Thinking(text)) => {
                self.close_call();
                self.parts.thought(text);
            }
            (State::Open | State::Calling { .. }, Event::Sealed(seal)) => {
                self.close_call();
                self.parts.sealed(seal);
            }
            (State::Open | State::Calling { .. }, Event::Text { text, logprobs }) => {
                self.close_call();
                self.parts.text(text);
                chances = logprobs;
            }
            (State::Open | State::Calling { .. }, Event::Refusal(text)) => {
                self.close_call();
                self.parts.text(text);
            }
            (State::Open | State::Calling { .. }, Event::Call { id, name }) => {
                self.close_call();
                self.state = State::Calling {
                    id: id.clone(),
                    name: name.clone(),
                    arguments: String::new(),
                };
            }
            (State::Open | State::Calling { .. }, Event::Finish(finish)) => {
                self.close_call();
                self.finish = Some(finish.clone());
            }
            (State::Open | State::Calling { .. }, Event::End) => {
                self.close_call();
                return self.close(out);
            }
        }
        let parts = self.parts.take();
        if !parts.is_empty() || !chances.is_empty() {
            let mut candidate = content(parts);
            if !chances.is_empty() {
                candidate["logprobsResult"] = logprobs(chances);
            }
            frame(&response(candidate, self.usage.as_ref(), &self.head), out);
        }
    }

    fn close_call(&mut self) {
        if let State::Calling {
            id,
            name,
            arguments,
        } = mem::replace(&mut self.state, State::Open)
        {
            match write_parts::arguments(&arguments) {
                Some(arguments) => self.parts.call(&id, &name, arguments),
                None => self.broken = Some(malformed(&name, &arguments)),
            }
        }
    }

    fn close(&mut self, out: &mut String) {
        self.state = State::Ended;
        let finish = self.finish.take().unwrap_or(Finish::Stop);
        let parts = mem::take(&mut self.parts).finish();
        let candidate = last(parts, &finish, self.broken.take());
        frame(&response(candidate, self.usage.as_ref(), &self.head), out);
    }
}

fn frame(data: &Value, out: &mut String) {
    out.push_str("data: ");
    out.push_str(&data.to_string());
    out.push_str("\n\n");
}

fn response(candidate: Value, usage: Option<&Usage>, head: &Head) -> Value {
    let mut response = json!({"candidates": [candidate]});
    if let Some(usage) = usage {
        response["usageMetadata"] = gemini::wire_usage(usage);
    }
    response["modelVersion"] = head.model.as_str().into();
    response["responseId"] = head.id.as_str().into();
    response
}

fn content(parts: Vec<Value>) -> Value {
    json!({"content": {"role": "model", "parts": parts}, "index": 0})
}

/// The candidate that ends the answer. What is held back has no content; all else has, if only an empty text: the SDKs take a
/// turn without parts for a broken one.
fn last(mut parts: Vec<Value>, ending: &Finish, broken: Option<String>) -> Value {
    let filtered = match ending {
        Finish::Filtered => true,
        Finish::Stop | Finish::StopSequence(_) | Finish::Length | Finish::Calls => false,
    };
    if parts.is_empty() && !filtered {
        parts.push(json!({"text": ""}));
    }
    let mut candidate = if parts.is_empty() {
        json!({"index": 0})
    } else {
        content(parts)
    };
    candidate["finishReason"] = finish::word(ending).into();
    if let Some(message) = broken.filter(|_| *ending != Finish::Length) {
        candidate["finishReason"] = "MALFORMED_FUNCTION_CALL".into();
        candidate["finishMessage"] = message.into();
    }
    candidate
}

fn malformed(name: &str, arguments: &str) -> String {
    format!("Malformed function call: {name}({arguments})")
}

fn logprobs(tokens: &[TokenLogprob]) -> Value {
    let chosen =
        |token: &TokenLogprob| json!({"token": token.token, "logProbability": token.logprob});
    let top = |token: &TokenLogprob| {
        let candidates: Vec<Value> = token
            .top
            .iter()
            .map(|(token, logprob)| json!({"token": token, "logProbability": logprob}))
            .collect();
        json!({"candidates": candidates})
    };
    json!({
        "topCandidates": tokens.iter().map(top).collect::<Vec<_>>(),
        "chosenCandidates": tokens.iter().map(chosen).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::{Code, Error};
    use crate::gateway::dialect::crossing::Dialect;
    use crate::gateway::dialect::crossing::conversation::{Call, Part, Request, Thinking};
    use crate::gateway::dialect::crossing::gemini::{Reader, read_answer};
    use crate::gateway::dialect::crossing::seal::Seal;

    fn head() -> Head {
        Head {
            id: "r".to_owned(),
            model: "m".to_owned(),
            created: 0,
            request: Arc::new(Request::default()),
            prompt_tokens: 3,
        }
    }

    fn frames(events: &[Event]) -> Vec<Value> {
        let (mut writer, mut out) = (Writer::new(head()), String::new());
        for event in events {
            writer.write(event, &mut out);
        }
        let data = |frame: &str| serde_json::from_str(frame.strip_prefix("data: ").unwrap());
        out.split_terminator("\n\n")
            .map(|frame| data(frame).unwrap())
            .collect()
    }

    fn parts(frames: &[Value]) -> Vec<Value> {
        let parts = |frame: &Value| {
            frame["candidates"][0]["content"]["parts"]
                .as_array()
                .cloned()
        };
        frames.iter().filter_map(parts).flatten().collect()
    }

    fn begins(id: &str) -> Event {
        Event::Call {
            id: id.to_owned(),
            name: "f".to_owned(),
        }
    }

    fn more(arguments: &str) -> Event {
        Event::Arguments(arguments.to_owned())
    }

    #[test]
    fn a_call_comes_whole_when_it_is() {
        let usage = Usage {
            prompt: 3,
            completion: 2,
            ..Usage::default()
        };
        let frames = frames(&[
            Event::Start(None),
            begins("a"),
            more(r#"{"x""#),
            Event::Usage(usage),
            more(": 1}"),
            begins("b"),
            Event::Finish(Finish::Calls),
            Event::Usage(usage),
            Event::End,
        ]);
        assert_eq!(
            parts(&frames),
            [
                json!({"functionCall": {"id": "a", "name": "f", "args": {"x": 1}}}),
                json!({"functionCall": {"id": "b", "name": "f", "args": {}}}),
                json!({"text": ""}),
            ]
        );
        let last = frames.last().unwrap();
        assert_eq!(last["candidates"][0]["finishReason"], json!("STOP"));
        assert_eq!(last["usageMetadata"]["totalTokenCount"], json!(5));
    }

    #[test]
    fn a_seal_of_another_dialect_follows_its_thoughts() {
        let seal = Seal::new(Dialect::Messages, "c2ln");
        let frames = frames(&[
            Event::Thinking("Hm".to_owned()),
            Event::Thinking(".".to_owned()),
            Event::Sealed(seal.clone()),
            Event::Finish(Finish::Stop),
            Event::End,
        ]);
        assert_eq!(
            parts(&frames),
            [
                json!({"thought": true, "text": "Hm"}),
                json!({"thought": true, "text": "."}),
                json!({"thought": true, "text": "", "thoughtSignature": seal.token(Dialect::Gemini)}),
                json!({"text": ""}),
            ]
        );
    }

    #[test]
    fn a_call_that_the_limit_cut_off_is_no_call() {
        let ending = |finish: Finish| {
            let frames = frames(&[
                begins("a"),
                more(r#"{"x": "#),
                Event::Finish(finish),
                Event::End,
            ]);
            assert_eq!(frames.len(), 1);
            frames[0]["candidates"][0].clone()
        };
        let broken = ending(Finish::Calls);
        assert_eq!(broken["finishReason"], json!("MALFORMED_FUNCTION_CALL"));
        assert_eq!(
            broken["finishMessage"],
            json!(r#"Malformed function call: f({"x": )"#)
        );
        assert_eq!(ending(Finish::Length)["finishReason"], json!("MAX_TOKENS"));
    }

    #[test]
    fn what_is_held_back_has_no_content() {
        let frames = frames(&[Event::Finish(Finish::Filtered), Event::End]);
        assert_eq!(
            frames[0]["candidates"],
            json!([{"index": 0, "finishReason": "SAFETY"}])
        );
    }

    #[test]
    fn an_error_ends_the_stream_and_comes_first_in_its_frame() {
        let (mut writer, mut out) = (Writer::new(head()), String::new());
        let error = Error::new(Code::BadGateway, "cut");
        writer.write(&Event::Failed(error), &mut out);
        writer.write(&Event::End, &mut out);
        assert_eq!(
            out,
            "data: {\"error\":{\"code\":502,\"message\":\"cut\",\"status\":\"INTERNAL\"}}\n\n"
        );
    }

    fn events() -> impl Strategy<Value = Event> {
        (0u8..14, "[a-z]{0,3}").prop_map(|(kind, text)| match kind {
            0 => Event::Start(None),
            1 => Event::Thinking(text),
            2 => Event::Sealed(Seal::new(Dialect::Responses, text)),
            3 => Event::Sealed(Seal::new(Dialect::Gemini, text)),
            4 => Event::Refusal(text),
            5 => begins(&text),
            6 => more(r#"{"a":"#),
            7 => more("1}"),
            8 => Event::Usage(Usage::default()),
            9 => Event::Finish(Finish::Stop),
            10 => Event::Finish(Finish::Filtered),
            11 => Event::End,
            12 => Event::Failed(Error::new(Code::BadGateway, text)),
            _ => Event::Text {
                text,
                logprobs: Vec::new(),
            },
        })
    }

    /// Parts that Gemini's own reader gives.
    fn said() -> impl Strategy<Value = Vec<Part>> {
        let word = "[a-z]{1,5}";
        let thinking = |text: String, by| {
            Part::from(Content::Thinking(Thinking {
                text,
                seal: Seal::new(by, "c2ln"),
            }))
        };
        let by = prop::sample::select(vec![Dialect::Gemini, Dialect::Messages, Dialect::Chat]);
        let piece = prop_oneof![
            word.prop_map(|text| vec![Part::text(text)]),
            ("[a-z]{0,5}", by, word)
                .prop_map(move |(thought, by, text)| vec![thinking(thought, by), Part::text(text)]),
            word.prop_map(|id| {
                vec![
                    Content::Call(Call {
                        id,
                        name: "f".to_owned(),
                        arguments: r#"{"a":1}"#.to_owned(),
                    })
                    .into(),
                ]
            }),
        ];
        prop::collection::vec(piece, 1..6).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn a_stream_ends_once_whatever_came(events in prop::collection::vec(events(), 0..30)) {
            let ended = events.iter().any(|event| matches!(event, Event::End | Event::Failed(_)));
            let frames = frames(&events);
            let ends = |frame: &Value| frame["candidates"][0]["finishReason"].is_string() || frame["error"].is_object();
            prop_assert_eq!(frames.iter().filter(|frame| ends(frame)).count(), usize::from(ended));
            prop_assert!(!ended || frames.last().is_some_and(ends));
            prop_assert!(parts(&frames).iter().all(|part| part.as_object().is_some_and(|part| !part.is_empty())));
        }

        #[test]
        fn an_answer_is_read_as_it_was_written(parts in said(), prompt in 0u64..99, said in 0u64..99, thought in 0u64..99) {
            let calls = parts.iter().any(|part| matches!(part.content, Content::Call(_)));
            let answer = Answer {
                parts,
                finish: if calls { Finish::Calls } else { Finish::Stop },
                usage: Some(Usage { prompt, completion: said + thought, reasoning: thought, ..Usage::default() }),
                logprobs: Vec::new(),
            };
            let written = write_answer(&answer, &head());
            prop_assert_eq!(read_answer(written.as_bytes()).unwrap(), answer);
        }

        #[test]
        fn a_stream_is_read_as_it_was_written(texts in prop::collection::vec("[a-z]{1,5}", 1..5), calls in 0usize..3) {
            let mut events: Vec<Event> = texts.iter().map(|text| Event::Text { text: text.clone(), logprobs: Vec::new() }).collect();
            for at in 0..calls {
                events.push(begins(&format!("id_{at}")));
                events.push(more(r#"{"a":1}"#));
            }
            events.push(Event::Finish(if calls > 0 { Finish::Calls } else { Finish::Stop }));
            events.push(Event::End);
            let mut reader = Reader::default();
            let mut again = Vec::new();
            for frame in frames(&events) {
                again.extend(reader.read(frame.to_string().as_bytes()).unwrap());
            }
            again.extend(reader.end());
            events.insert(0, Event::Start(None));
            prop_assert_eq!(format!("{again:?}"), format!("{events:?}"));
        }
    }
}
