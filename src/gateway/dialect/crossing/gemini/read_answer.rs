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
mod tests;
