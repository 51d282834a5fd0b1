//! Reads answers, whole and streamed. A stream has no last event of its own: it is whole if a `finishReason`, or what the
//! prompt was blocked for, was in it.
//!
//! | member | |
//! |---|---|
//! | `safetyRatings`, `citationMetadata`, `groundingMetadata`, `avgLogprobs`, `tokenCount`, candidates beside the first, parts of tools that run at Google's, and whatever is not known | passed over |
//! | pictures and recordings, no candidates | it failed, and says why: it is the caller's to change what is asked |
//! | `finishReason` | the table of `finish.rs` |

use std::mem;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};

use super::error::Told;
use super::finish;
use super::made_ids::AnswerIds;
use super::pieces::{self, Pieces};
use crate::domain::{Code, Error, Usage};
use crate::gateway::dialect::crossing::Unreadable;
use crate::gateway::dialect::crossing::answer::{Answer, Event, Finish, TokenLogprob};
use crate::gateway::dialect::crossing::conversation::{Call, Content};
use crate::gateway::dialect::crossing::seal::Seal;
use crate::gateway::dialect::gemini;

/// A whole answer, or a frame of a stream: both are a `GenerateContentResponse`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    candidates: Option<Vec<Candidate>>,
    prompt_feedback: Option<Feedback>,
    usage_metadata: Option<Box<RawValue>>,
    response_id: Option<String>,
    error: Option<Told>,
    model_version: Option<IgnoredAny>,
    /// It is an answer of Gemini's, whatever is in it.
    #[serde(skip)]
    is_one: bool,
    /// It says that there are no candidates.
    #[serde(skip)]
    is_empty: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    index: Option<u64>,
    content: Option<Turn>,
    finish_reason: Option<String>,
    finish_message: Option<String>,
    logprobs_result: Option<Logprobs>,
}

#[derive(Deserialize)]
struct Turn {
    parts: Option<Vec<Piece>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Piece {
    text: Option<String>,
    thought: Option<bool>,
    thought_signature: Option<String>,
    function_call: Option<FunctionCall>,
    inline_data: Option<IgnoredAny>,
    file_data: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct FunctionCall {
    id: Option<String>,
    name: Option<String>,
    args: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback {
    block_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Logprobs {
    chosen_candidates: Option<Vec<Token>>,
    top_candidates: Option<Vec<Top>>,
}

#[derive(Deserialize)]
struct Top {
    candidates: Option<Vec<Token>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Token {
    token: Option<String>,
    log_probability: Option<Number>,
}

/// A piece of what a model says.
enum Said {
    Thinking(String),
    Sealed(Seal),
    Text(String),
    Call(Call),
}

/// Reads a whole answer.
///
/// # Errors
/// When it is not of this dialect, is an error, or ended with one.
pub(crate) fn read_answer(body: &[u8]) -> Result<Answer, Unreadable> {
    let mut response = parse(body)?;
    if let Some(told) = &response.error {
        return Err(Unreadable::Foreign(told.error().message));
    }
    let mut ids = AnswerIds::default();
    ids.begin(response.response_id.as_deref(), body);
    let usage = response.usage();
    let blocked = response.blocked();
    let Some(mut candidate) = response.first() else {
        if !blocked {
            return Err(if response.is_one {
                Unreadable::Failed(no_candidates())
            } else {
                Unreadable::Foreign("it has no candidates".to_owned())
            });
        }
        return Ok(Answer {
            parts: Vec::new(),
            finish: Finish::Filtered,
            usage,
            logprobs: Vec::new(),
        });
    };
    let mut pieces = Pieces::default();
    for said in candidate.said(&mut ids).map_err(Unreadable::Failed)? {
        match said {
            Said::Thinking(text) => pieces.thinking(text),
            Said::Sealed(seal) => pieces.sealed(seal),
            Said::Text(text) => pieces.text(text),
            Said::Call(call) => pieces.push(Content::Call(call)),
        }
    }
    let reason = candidate.finish_reason.as_deref().unwrap_or("STOP");
    let Some(finish) = finish::read(reason, ids.any()) else {
        return Err(Unreadable::Failed(broken(reason, candidate.finish_message)));
    };
    Ok(Answer {
        parts: pieces.into_parts(),
        finish,
        usage,
        logprobs: candidate
            .logprobs_result
            .map(Logprobs::read)
            .unwrap_or_default(),
    })
}

/// Reads the frames of a stream.
#[derive(Default, Debug)]
pub(crate) struct Reader {
    ids: AnswerIds,
    started: bool,
    usage: Option<Usage>,
    /// How it ended, as far as it is known: Google repeats it, and may send more after it.
    finish: Option<String>,
    /// It said that there are no candidates.
    barren: bool,
    failed: bool,
}

impl Reader {
    /// Reads the data of a frame.
    ///
    /// # Errors
    /// When it is not of this dialect.
    pub(crate) fn read(&mut self, data: &[u8]) -> Result<Vec<Event>, Unreadable> {
        if self.failed {
            return Ok(Vec::new());
        }
        let mut response = parse(data)?;
        if let Some(told) = &response.error {
            self.failed = true;
            return Ok(vec![Event::Failed(told.error())]);
        }
        self.ids.begin(response.response_id.as_deref(), data);
        let mut events = Vec::new();
        let usage = response.usage();
        let news = usage.filter(|usage| self.usage != Some(*usage));
        self.usage = news.or(self.usage);
        if !mem::replace(&mut self.started, true) {
            events.push(Event::Start(news));
        } else {
            events.extend(news.map(Event::Usage));
        }
        if response.blocked() {
            self.finish = Some("SAFETY".to_owned());
        }
        if let Some(candidate) = response.first() {
            self.candidate(candidate, &mut events);
        } else if response.is_empty && self.finish.is_none() {
            self.barren = true;
        }
        Ok(events)
    }

    fn candidate(&mut self, mut candidate: Candidate, events: &mut Vec<Event>) {
        let said = match candidate.said(&mut self.ids) {
            Ok(said) => said,
            Err(error) => {
                self.failed = true;
                events.push(Event::Failed(error));
                return;
            }
        };
        self.barren = false;
        let mut logprobs = candidate
            .logprobs_result
            .map(Logprobs::read)
            .unwrap_or_default();
        for said in said {
            match said {
                Said::Thinking(text) if text.is_empty() => {}
                Said::Thinking(text) => events.push(Event::Thinking(text)),
                Said::Sealed(seal) => events.push(Event::Sealed(seal)),
                Said::Text(text) if text.is_empty() => {}
                Said::Text(text) => events.push(Event::Text {
                    text,
                    logprobs: mem::take(&mut logprobs),
                }),
                Said::Call(call) => {
                    events.push(Event::Call {
                        id: call.id,
                        name: call.name,
                    });
                    events.push(Event::Arguments(call.arguments));
                }
            }
        }
        if let Some(reason) = candidate.finish_reason {
            if finish::read(&reason, false).is_none() {
                self.failed = true;
                let why = broken(&reason, candidate.finish_message);
                events.push(Event::Failed(why));
            }
            self.finish = Some(reason);
        }
    }

    /// The bytes ended: the end, if all was said.
    pub(crate) fn end(&mut self) -> Vec<Event> {
        if self.failed {
            return Vec::new();
        }
        let reason = self.finish.take();
        match reason.and_then(|reason| finish::read(&reason, self.ids.any())) {
            Some(finish) => vec![Event::Finish(finish), Event::End],
            None if self.barren => vec![Event::Failed(no_candidates())],
            None => Vec::new(),
        }
    }
}

impl Response {
    fn usage(&self) -> Option<Usage> {
        gemini::usage(self.usage_metadata.as_deref()?)
    }

    fn blocked(&self) -> bool {
        self.prompt_feedback
            .as_ref()
            .is_some_and(|feedback| feedback.block_reason.is_some())
    }

    /// The candidate; nobody asked for another.
    fn first(&mut self) -> Option<Candidate> {
        let candidates = self.candidates.take().unwrap_or_default();
        candidates
            .into_iter()
            .find(|candidate| candidate.index.unwrap_or(0) == 0)
    }
}

impl Candidate {
    /// What the model says, in order. A part that is passed over is one that nobody asked for, and nothing of the answer.
    fn said(&mut self, ids: &mut AnswerIds) -> Result<Vec<Said>, Error> {
        let turn = self.content.take();
        let mut said = Vec::new();
        for piece in turn.and_then(|turn| turn.parts).unwrap_or_default() {
            let seal = piece.thought_signature.map(pieces::seal).map(Said::Sealed);
            if piece.inline_data.is_some() || piece.file_data.is_some() {
                return Err(Error::new(
                    Code::InvalidRequest,
                    "The model answered with a picture or a recording, which this endpoint cannot carry for this model. Ask for text only, or call the model at /v1beta, its provider's own dialect.",
                ));
            }
            if piece.thought == Some(true) {
                said.push(Said::Thinking(piece.text.unwrap_or_default()));
                said.extend(seal);
                continue;
            }
            said.extend(seal);
            said.extend(piece.text.map(Said::Text));
            if let Some(call) = piece.function_call {
                said.push(Said::Call(Call {
                    id: ids.next(call.id),
                    name: call.name.unwrap_or_default(),
                    arguments: Value::Object(call.args.unwrap_or_default()).to_string(),
                }));
            }
        }
        Ok(said)
    }
}

impl Logprobs {
    fn read(self) -> Vec<TokenLogprob> {
        let pair = |token: Token| Some((token.token?, token.log_probability?));
        let mut tops = self.top_candidates.unwrap_or_default().into_iter();
        let chosen = self.chosen_candidates.unwrap_or_default().into_iter();
        chosen
            .filter_map(|token| {
                let top = tops.next().and_then(|top| top.candidates);
                let (token, logprob) = pair(token)?;
                Some(TokenLogprob {
                    token,
                    logprob,
                    top: top.into_iter().flatten().filter_map(pair).collect(),
                })
            })
            .collect()
    }
}

/// An object, or an array with nothing else in it: so Google writes errors of a stream that it did not begin.
fn parse(bytes: &[u8]) -> Result<Response, Unreadable> {
    let parsed = match bytes.trim_ascii_start() {
        [b'[', ..] => serde_json::from_slice(bytes).map(|[response]: [Response; 1]| response),
        _ => serde_json::from_slice(bytes),
    };
    let mut response: Response = parsed.map_err(|error| Unreadable::Foreign(error.to_string()))?;
    response.is_empty = response.candidates.as_ref().is_some_and(Vec::is_empty);
    response.is_one = response.candidates.is_some()
        || response.prompt_feedback.is_some()
        || response.usage_metadata.is_some()
        || response.response_id.is_some()
        || response.model_version.is_some();
    Ok(response)
}

/// What comes of the caller's prompt and tools: another channel would do no better.
fn broken(reason: &str, message: Option<String>) -> Error {
    let message = message.unwrap_or_default();
    let words = format!(
        "The model's answer ended with {reason}. {message} Change the prompt or the tools, or try again."
    );
    Error::new(Code::InvalidRequest, words.replace(".  ", ". "))
}

fn no_candidates() -> Error {
    Error::new(
        Code::InvalidRequest,
        "The model gave no answer: its provider sent no candidates, and did not say why. Change the prompt, or try again.",
    )
}

#[cfg(test)]
mod tests {
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
        let error =
            json!({"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}});
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
}
