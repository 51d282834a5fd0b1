//! Writes a streamed answer of OpenAI chat: a chunk with the role, chunks with what is said, one with the reason to end, the
//! usage if it was asked for, `[DONE]`. What ends the stream waits for the end: usage may come behind the reason.
//!
//! Thinking comes as `reasoning_content` and, so that its seal and its words come back together, as `reasoning_details`; a
//! seal waits for the next event, which tells whether it belongs to a call.

use serde_json::{Map, Value, json};

use super::answer::{head_of, reason, write_logprobs, write_usage};
use super::reasoning;
use crate::domain::Usage;
use crate::gateway::dialect;
use crate::gateway::dialect::crossing::Head;
use crate::gateway::dialect::crossing::answer::{Event, Finish};
use crate::gateway::dialect::crossing::seal::Seal;

/// What was written so far.
#[derive(Debug)]
pub(crate) struct Writer {
    head: Map<String, Value>,
    show_usage: bool,
    phase: Phase,
    thoughts: Thoughts,
    /// How many details of thinking were begun.
    details: usize,
    /// How many calls were begun.
    calls: usize,
    usage: Option<Usage>,
    finish: Option<Finish>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Before,
    Within,
    Ended,
}

/// How far the thinking has come.
#[derive(Debug)]
enum Thoughts {
    /// None is open.
    Closed,
    /// Words came; they are those of the detail begun last.
    Words,
    /// They are sealed; what the seal belongs to is not known yet.
    Sealed { seal: Seal, words: bool },
}

impl Writer {
    /// Begins an answer.
    pub(crate) fn new(head: Head) -> Self {
        Self {
            head: head_of("chat.completion.chunk", &head),
            show_usage: head.request.include_usage,
            phase: Phase::Before,
            thoughts: Thoughts::Closed,
            details: 0,
            calls: 0,
            usage: None,
            finish: None,
        }
    }

    /// Writes the frames of an event.
    pub(crate) fn write(&mut self, event: &Event, out: &mut String) {
        if self.phase == Phase::Ended {
            return;
        }
        match event {
            Event::Start(usage) => {
                self.usage = usage.or(self.usage);
                self.begin(out);
            }
            Event::Thinking(words) => self.think(words, out),
            Event::Sealed(seal) => self.seal(seal, out),
            Event::Text { text, logprobs } => {
                self.close_thoughts(None, out);
                let mut choice = delta(json!({"content": text}));
                choice.insert("logprobs".to_owned(), write_logprobs(logprobs));
                self.chunk(choice, out);
            }
            Event::Refusal(words) => {
                self.close_thoughts(None, out);
                self.chunk(delta(json!({"refusal": words})), out);
            }
            Event::Call { id, name } => {
                self.close_thoughts(Some(id), out);
                let function = json!({"name": name, "arguments": ""});
                let call = json!({"index": self.calls, "id": id, "type": "function", "function": function});
                self.calls += 1;
                self.chunk(delta(json!({"tool_calls": [call]})), out);
            }
            Event::Arguments(more) => {
                self.close_thoughts(None, out);
                // Without a call there is nothing that they could be arguments of.
                if let Some(index) = self.calls.checked_sub(1) {
                    let call = json!({"index": index, "function": {"arguments": more}});
                    self.chunk(delta(json!({"tool_calls": [call]})), out);
                }
            }
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Finish(finish) => self.finish = Some(finish.clone()),
            Event::End => self.end(out),
            Event::Failed(error) => {
                self.phase = Phase::Ended;
                out.push_str(&dialect::chat::error_frame(error));
            }
        }
    }

    fn begin(&mut self, out: &mut String) {
        if self.phase == Phase::Before {
            self.phase = Phase::Within;
            self.chunk(delta(json!({"role": "assistant", "content": null})), out);
        }
    }

    fn think(&mut self, words: &str, out: &mut String) {
        if !matches!(self.thoughts, Thoughts::Words) {
            self.close_thoughts(None, out);
            self.thoughts = Thoughts::Words;
            self.details += 1;
        }
        let index = self.details.saturating_sub(1);
        let detail = json!({"type": "reasoning.text", "text": words, "index": index});
        let told = json!({"reasoning_content": words, "reasoning_details": [detail]});
        self.chunk(delta(told), out);
    }

    fn seal(&mut self, seal: &Seal, out: &mut String) {
        let words = matches!(self.thoughts, Thoughts::Words);
        if !words {
            self.close_thoughts(None, out);
            self.details += 1;
        }
        self.thoughts = Thoughts::Sealed {
            seal: seal.clone(),
            words,
        };
    }

    /// Something else comes: a call with this id, or none.
    fn close_thoughts(&mut self, call: Option<&str>, out: &mut String) {
        match std::mem::replace(&mut self.thoughts, Thoughts::Closed) {
            Thoughts::Closed | Thoughts::Words => {}
            Thoughts::Sealed { seal, words } => {
                let index = self.details.saturating_sub(1);
                let details = reasoning::details(words.then_some(""), &seal, call, index);
                if !details.is_empty() {
                    self.chunk(delta(json!({"reasoning_details": details})), out);
                }
            }
        }
    }

    fn end(&mut self, out: &mut String) {
        self.close_thoughts(None, out);
        let without = if self.calls > 0 {
            Finish::Calls
        } else {
            Finish::Stop
        };
        let finish = self.finish.take().unwrap_or(without);
        let mut choice = delta(json!({}));
        choice.insert("finish_reason".to_owned(), reason(&finish).into());
        self.chunk(choice, out);
        if let (true, Some(usage)) = (self.show_usage, self.usage) {
            self.frame(json!([]), write_usage(&usage), out);
        }
        out.push_str("data: [DONE]\n\n");
        self.phase = Phase::Ended;
    }

    /// A chunk with one choice.
    fn chunk(&mut self, choice: Map<String, Value>, out: &mut String) {
        self.begin(out);
        self.frame(json!([choice]), Value::Null, out);
    }

    fn frame(&self, choices: Value, usage: Value, out: &mut String) {
        let mut chunk = self.head.clone();
        chunk.insert("choices".to_owned(), choices);
        if self.show_usage {
            chunk.insert("usage".to_owned(), usage);
        }
        out.push_str("data: ");
        out.push_str(&Value::Object(chunk).to_string());
        out.push_str("\n\n");
    }
}

/// A choice that says this and goes on.
fn delta(delta: Value) -> Map<String, Value> {
    let members = [
        ("index", json!(0)),
        ("delta", delta),
        ("logprobs", Value::Null),
        ("finish_reason", Value::Null),
    ];
    members
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
