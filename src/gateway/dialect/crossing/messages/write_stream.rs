//! Writes the events of a streamed answer: `message_start`, each block from its start to its stop, `message_delta`,
//! `message_stop`. A delta is written into the block that is open, or opens one of its kind; there is no other way to write
//! one, so none can come into the wrong block.
//! Reference: Claude docs, "Streaming messages".

use serde_json::{Map, Value, json};

use super::answer;
use crate::domain::{Error, Usage};
use crate::gateway::dialect::crossing::answer::{Event, Finish};
use crate::gateway::dialect::crossing::seal::Seal;
use crate::gateway::dialect::crossing::{Dialect, Head};

/// Where a stream stands.
#[derive(Debug)]
pub(in crate::gateway::dialect::crossing) struct Writer {
    head: Head,
    stage: Stage,
    block: Option<Block>,
    next: u64,
    calls: bool,
    finish: Option<Finish>,
    usage: Option<Usage>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Fresh,
    Started,
    Ended,
}

/// A block that takes deltas, with its index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Block {
    Words(Kind, u64),
    Call(u64),
}

/// What the first delta of its kind opens a block for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Text,
    Thinking,
}

impl Writer {
    /// Nothing is written yet.
    pub(in crate::gateway::dialect::crossing) fn new(head: Head) -> Self {
        Self {
            head,
            stage: Stage::Fresh,
            block: None,
            next: 0,
            calls: false,
            finish: None,
            usage: None,
        }
    }

    /// Writes what an event becomes: whole frames.
    pub(in crate::gateway::dialect::crossing) fn write(&mut self, event: &Event, out: &mut String) {
        if self.stage == Stage::Ended {
            return;
        }
        match event {
            Event::Start(usage) => self.start(*usage, out),
            Event::Thinking(text) => {
                let delta = json!({"type": "thinking_delta", "thinking": text});
                self.add(Kind::Thinking, text, delta, out);
            }
            Event::Sealed(seal) => self.seal(seal, out),
            Event::Text { text, .. } | Event::Refusal(text) => {
                let delta = json!({"type": "text_delta", "text": text});
                self.add(Kind::Text, text, delta, out);
            }
            Event::Call { id, name } => {
                self.calls = true;
                let call = json!({"type": "tool_use", "id": id, "name": name, "input": {}});
                self.block = Some(Block::Call(self.open(call, out)));
            }
            Event::Arguments(more) => {
                // With no call open there is none that they could belong to.
                if let (Some(Block::Call(index)), false) = (self.block, more.is_empty()) {
                    let delta = json!({"type": "input_json_delta", "partial_json": more});
                    self::delta(index, delta, out);
                }
            }
            Event::Usage(usage) => {
                self.start(Some(*usage), out);
                self.usage = Some(*usage);
            }
            Event::Finish(finish) => self.finish = Some(finish.clone()),
            Event::End => self.end(out),
            Event::Failed(error) => self.fail(error, out),
        }
    }

    /// `message_start`, once. What it says of the prompt is the provider's count, or else the gateway's.
    fn start(&mut self, usage: Option<Usage>, out: &mut String) {
        if self.stage != Stage::Fresh {
            return;
        }
        self.stage = Stage::Started;
        let told = usage.filter(|usage| usage.prompt > 0);
        self.usage = told;
        let message = answer::message(
            &self.head,
            Vec::new(),
            answer::usage(told.as_ref(), &self.head),
        );
        frame("message_start", json!({ "message": message }), out);
    }

    /// Adds to the open block, if it is of that kind; else opens one.
    fn add(&mut self, kind: Kind, text: &str, delta: Value, out: &mut String) {
        if text.is_empty() {
            return;
        }
        let index = match self.block {
            Some(Block::Words(open, index)) if open == kind => index,
            Some(Block::Words(..) | Block::Call(_)) | None => {
                let index = self.open(empty(kind), out);
                self.block = Some(Block::Words(kind, index));
                index
            }
        };
        self::delta(index, delta, out);
    }

    /// A seal ends the thinking that it is for; one that hides it, or that stands alone, is a block of its own.
    fn seal(&mut self, seal: &Seal, out: &mut String) {
        if let Some(data) = answer::redaction(seal) {
            let index = self.open(json!({"type": "redacted_thinking", "data": data}), out);
            stop(index, out);
        } else {
            let signature = seal.token(Dialect::Messages);
            let delta = json!({"type": "signature_delta", "signature": signature});
            self.add(Kind::Thinking, &signature, delta, out);
            self.close(out);
        }
    }

    /// Starts the next block and gives its index.
    fn open(&mut self, content: Value, out: &mut String) -> u64 {
        self.start(None, out);
        self.close(out);
        let index = self.next;
        self.next += 1;
        let start = json!({"index": index, "content_block": content});
        frame("content_block_start", start, out);
        index
    }

    fn close(&mut self, out: &mut String) {
        match self.block.take() {
            Some(Block::Words(_, index) | Block::Call(index)) => stop(index, out),
            None => {}
        }
    }

    fn end(&mut self, out: &mut String) {
        self.start(None, out);
        self.close(out);
        self.stage = Stage::Ended;
        let finish = self.finish.take().unwrap_or(Finish::Stop);
        let delta = answer::write_finish(&finish, self.calls);
        let usage = answer::usage(self.usage.as_ref(), &self.head);
        frame(
            "message_delta",
            json!({"delta": delta, "usage": usage}),
            out,
        );
        frame("message_stop", json!({}), out);
    }

    fn fail(&mut self, error: &Error, out: &mut String) {
        self.stage = Stage::Ended;
        let told = json!({"type": error.code.anthropic_kind(), "message": error.message});
        frame("error", json!({ "error": told }), out);
    }
}

fn empty(kind: Kind) -> Value {
    match kind {
        Kind::Text => json!({"type": "text", "text": ""}),
        Kind::Thinking => json!({"type": "thinking", "thinking": "", "signature": ""}),
    }
}

fn delta(index: u64, delta: Value, out: &mut String) {
    let told = json!({"index": index, "delta": delta});
    frame("content_block_delta", told, out);
}

fn stop(index: u64, out: &mut String) {
    frame("content_block_stop", json!({ "index": index }), out);
}

fn frame(kind: &str, members: Value, out: &mut String) {
    let mut told = Map::new();
    told.insert("type".to_owned(), json!(kind));
    if let Value::Object(members) = members {
        told.extend(members);
    }
    let told = Value::Object(told);
    out.push_str(&format!("event: {kind}\ndata: {told}\n\n"));
}
