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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use proptest::strategy::LazyJust;

    use super::*;
    use crate::domain::Code;
    use crate::gateway::dialect::crossing::conversation::Request;
    use crate::gateway::sse::{Frame, split};

    fn head() -> Head {
        Head {
            id: "1".to_owned(),
            model: "m".to_owned(),
            created: 0,
            request: Arc::new(Request::default()),
            prompt_tokens: 7,
        }
    }

    fn write(events: &[Event]) -> Vec<Value> {
        let (mut writer, mut out) = (Writer::new(head()), String::new());
        for event in events {
            writer.write(event, &mut out);
        }
        split(out.as_bytes())
            .map(|frame| {
                let frame = Frame::read(frame);
                let told: Value = serde_json::from_slice(&frame.data.unwrap()).unwrap();
                assert_eq!(told["type"].as_str().map(str::as_bytes), frame.event);
                told
            })
            .collect()
    }

    /// Holds frames to the rules of the dialect and gives the blocks that they make up.
    fn blocks(frames: &[Value]) -> Vec<Value> {
        let (mut blocks, mut open) = (Vec::<Value>::new(), false);
        let mut frames = frames.iter();
        assert_eq!(frames.next().unwrap()["type"], "message_start");
        let mut ends = Vec::new();
        for frame in frames {
            let index = frame["index"]
                .as_u64()
                .map(|index| usize::try_from(index).unwrap());
            match frame["type"].as_str().unwrap() {
                "content_block_start" => {
                    assert!(!open && ends.is_empty());
                    assert_eq!(index, Some(blocks.len()));
                    blocks.push(frame["content_block"].clone());
                    open = true;
                }
                "content_block_delta" => {
                    assert!(open);
                    assert_eq!(index, Some(blocks.len() - 1));
                    let (delta, block) = (&frame["delta"], blocks.last_mut().unwrap());
                    let (kind, from, to) = match delta["type"].as_str().unwrap() {
                        "text_delta" => ("text", "text", "text"),
                        "thinking_delta" => ("thinking", "thinking", "thinking"),
                        "signature_delta" => ("thinking", "signature", "signature"),
                        "input_json_delta" => ("tool_use", "partial_json", "written"),
                        other => panic!("{other}"),
                    };
                    assert_eq!(block["type"], kind);
                    let before = block.get(to).and_then(Value::as_str).unwrap_or_default();
                    block[to] = json!(format!("{before}{}", delta[from].as_str().unwrap()));
                }
                "content_block_stop" => {
                    assert!(open);
                    assert_eq!(index, Some(blocks.len() - 1));
                    open = false;
                }
                end => {
                    assert!(!open);
                    ends.push(end);
                }
            }
        }
        assert_eq!(ends, ["message_delta", "message_stop"]);
        blocks
    }

    fn text(text: &str) -> Event {
        Event::Text {
            text: text.to_owned(),
            logprobs: Vec::new(),
        }
    }

    fn usage(prompt: u64, completion: u64) -> Usage {
        Usage {
            prompt,
            completion,
            ..Usage::default()
        }
    }

    #[test]
    fn each_piece_comes_into_a_block_of_its_kind() {
        let call = || Event::Call {
            id: "t".to_owned(),
            name: "f".to_owned(),
        };
        let hidden = Seal {
            redacted: true,
            ..Seal::new(Dialect::Messages, "Eom=")
        };
        let of_call = Seal::new(Dialect::Gemini, "c2ln");
        let token = of_call.token(Dialect::Messages);
        let frames = write(&[
            Event::Start(None),
            Event::Thinking("H".to_owned()),
            Event::Thinking("m.".to_owned()),
            Event::Sealed(Seal::new(Dialect::Messages, "EqQ=")),
            Event::Sealed(hidden),
            text("Hi"),
            text(""),
            Event::Refusal("!".to_owned()),
            Event::Sealed(of_call),
            call(),
            Event::Arguments("{\"a\":".to_owned()),
            Event::Arguments("1}".to_owned()),
            call(),
            Event::Finish(Finish::Calls),
            Event::End,
        ]);
        assert_eq!(
            blocks(&frames),
            [
                json!({"type": "thinking", "thinking": "Hm.", "signature": "EqQ="}),
                json!({"type": "redacted_thinking", "data": "Eom="}),
                json!({"type": "text", "text": "Hi!"}),
                json!({"type": "thinking", "thinking": "", "signature": token}),
                json!({"type": "tool_use", "id": "t", "name": "f", "input": {}, "written": "{\"a\":1}"}),
                json!({"type": "tool_use", "id": "t", "name": "f", "input": {}}),
            ]
        );
    }

    #[test]
    fn the_start_tells_the_prompt_and_the_end_all() {
        let counts = |frame: &Value| {
            let usage = frame
                .get("usage")
                .unwrap_or(&frame["message"]["usage"])
                .clone();
            (
                usage["input_tokens"].as_u64().unwrap(),
                usage["output_tokens"].as_u64().unwrap(),
            )
        };
        let last = |frames: &[Value]| counts(&frames[frames.len() - 2]);
        let told = write(&[
            Event::Start(Some(usage(20, 1))),
            Event::Finish(Finish::Stop),
            Event::Usage(usage(21, 30)),
            Event::End,
            Event::Usage(usage(1, 1)),
            Event::End,
        ]);
        assert_eq!((counts(&told[0]), last(&told)), ((20, 1), (21, 30)));
        let late = write(&[
            Event::Start(None),
            text("a"),
            Event::Usage(usage(21, 30)),
            Event::End,
        ]);
        assert_eq!((counts(&late[0]), last(&late)), ((7, 0), (21, 30)));
        let never = write(&[text("a"), Event::End]);
        assert_eq!((counts(&never[0]), last(&never)), ((7, 0), (7, 0)));
    }

    #[test]
    fn a_failure_is_the_last_word() {
        let frames = write(&[
            text("a"),
            Event::Failed(Error::new(Code::NoChannelAvailable, "Wait.")),
            text("b"),
            Event::End,
        ]);
        assert_eq!(
            frames.last(),
            Some(
                &json!({"type": "error", "error": {"type": "overloaded_error", "message": "Wait."}})
            )
        );
    }

    fn events() -> impl Strategy<Value = Event> {
        let seal = (prop::sample::select(&Dialect::ALL[..]), any::<bool>());
        prop_oneof![
            LazyJust::new(|| Event::Start(None)),
            "[a-z]{0,2}".prop_map(Event::Thinking),
            seal.prop_map(|(by, redacted)| Event::Sealed(Seal {
                redacted,
                ..Seal::new(by, "x")
            })),
            "[a-z]{0,2}".prop_map(|words| text(&words)),
            "[a-z]{0,2}".prop_map(Event::Refusal),
            LazyJust::new(|| Event::Call {
                id: "t".to_owned(),
                name: "f".to_owned()
            }),
            "[a-z]{0,2}".prop_map(Event::Arguments),
            (0u64..9, 0u64..9)
                .prop_map(|(prompt, completion)| Event::Usage(usage(prompt, completion))),
            LazyJust::new(|| Event::Finish(Finish::Length)),
        ]
    }

    proptest! {
        #[test]
        fn events_in_any_order_give_a_stream_of_the_dialect(mut events in prop::collection::vec(events(), 0..30)) {
            events.push(Event::End);
            let words: String = events.iter().filter_map(|event| match event {
                Event::Text { text, .. } | Event::Refusal(text) => Some(text.as_str()),
                Event::Start(_) | Event::Thinking(_) | Event::Sealed(_) | Event::Call { .. } | Event::Arguments(_)
                | Event::Usage(_) | Event::Finish(_) | Event::End | Event::Failed(_) => None,
            }).collect();
            let blocks = blocks(&write(&events));
            let written: String = blocks.iter().filter_map(|block| block["text"].as_str()).collect();
            prop_assert_eq!(written, words);
        }
    }
}
