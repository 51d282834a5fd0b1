//! Reads the events of a streamed answer. Blocks come one after the other; what belongs to a block of Anthropic's own tools
//! is passed over with it.
//! Reference: Claude docs, "Streaming messages".

use serde_json::Value;

use super::answer::{self, Counts};
use crate::gateway::dialect::crossing::answer::Event;
use crate::gateway::dialect::crossing::seal::Seal;
use crate::gateway::dialect::crossing::{Dialect, Unreadable};

/// Where a stream stands.
#[derive(Debug, Default)]
pub(in crate::gateway::dialect::crossing) struct Reader {
    counts: Counts,
    block: Block,
    /// It was told why it ends.
    finished: bool,
    ended: bool,
}

/// The block that is open.
#[derive(Debug, Default)]
enum Block {
    #[default]
    None,
    Text,
    Thinking {
        /// The newest is the whole one.
        signature: String,
    },
    Call {
        index: u64,
        /// Arguments that came with the beginning, as some speakers of the dialect send them.
        whole: Option<String>,
    },
    /// One that is passed over.
    Other,
}

impl Reader {
    /// Reads the data of a frame.
    ///
    /// # Errors
    /// When it is not of this dialect.
    pub(in crate::gateway::dialect::crossing) fn read(
        &mut self,
        data: &[u8],
    ) -> Result<Vec<Event>, Unreadable> {
        let mut events = Vec::new();
        if self.ended {
            return Ok(events);
        }
        let told: Value = serde_json::from_slice(data)
            .map_err(|_| Unreadable::Foreign("an event is not JSON".to_owned()))?;
        match told.get("type").and_then(Value::as_str) {
            Some("message_start") => {
                self.counts
                    .add(told.get("message").and_then(|message| message.get("usage")));
                events.push(Event::Start(self.counts.usage()));
            }
            Some("content_block_start") => {
                self.stop(&mut events);
                self.start(&told, &mut events);
            }
            Some("content_block_delta") => self.delta(&told, &mut events)?,
            Some("content_block_stop") => self.stop(&mut events),
            Some("message_delta") => {
                self.stop(&mut events);
                self.message_delta(&told, &mut events);
            }
            Some("message_stop") => {
                self.stop(&mut events);
                self.ended = true;
                events.push(Event::End);
            }
            Some(_) | None => {
                if let Some(error) = answer::error(&told) {
                    self.ended = true;
                    events.push(Event::Failed(error));
                }
            }
        }
        Ok(events)
    }

    /// The bytes ended: the end too, if the reason for it was told. Some servers leave out what comes behind that.
    pub(in crate::gateway::dialect::crossing) fn end(&mut self) -> Vec<Event> {
        if self.ended || !self.finished {
            return Vec::new();
        }
        self.ended = true;
        vec![Event::End]
    }

    fn start(&mut self, told: &Value, events: &mut Vec<Event>) {
        let Some(block) = told.get("content_block") else {
            return;
        };
        let text = |name: &str| block.get(name).and_then(Value::as_str).unwrap_or_default();
        self.block = match text("type") {
            "text" => {
                push_text(text("text"), events);
                Block::Text
            }
            "thinking" => {
                push_thinking(text("thinking"), events);
                Block::Thinking {
                    signature: text("signature").to_owned(),
                }
            }
            "redacted_thinking" => {
                let hidden = answer::redacted(text("data").to_owned());
                events.push(Event::Sealed(hidden.seal));
                Block::Other
            }
            "tool_use" => {
                events.push(Event::Call {
                    id: text("id").to_owned(),
                    name: text("name").to_owned(),
                });
                let input = block
                    .get("input")
                    .filter(|input| input.as_object().is_some_and(|members| !members.is_empty()));
                Block::Call {
                    index: index(told),
                    whole: input.map(answer::arguments),
                }
            }
            _ => Block::Other,
        };
    }

    fn delta(&mut self, told: &Value, events: &mut Vec<Event>) -> Result<(), Unreadable> {
        let delta = told.get("delta").unwrap_or(&Value::Null);
        let text = |name: &str| delta.get(name).and_then(Value::as_str).unwrap_or_default();
        match (text("type"), &mut self.block) {
            ("text_delta", Block::Other) => {}
            ("text_delta", _) => push_text(text("text"), events),
            ("thinking_delta", _) => push_thinking(text("thinking"), events),
            ("signature_delta", Block::Thinking { signature }) => {
                text("signature").clone_into(signature);
            }
            ("input_json_delta", Block::Call { index: open, whole }) => {
                if index(told) != *open {
                    return Err(Unreadable::Foreign(
                        "arguments of a call that is not open".to_owned(),
                    ));
                }
                let more = text("partial_json");
                if !more.is_empty() {
                    *whole = None;
                    events.push(Event::Arguments(more.to_owned()));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Closes the block that is open.
    fn stop(&mut self, events: &mut Vec<Event>) {
        match std::mem::take(&mut self.block) {
            Block::Thinking { signature } if !signature.is_empty() => {
                events.push(Event::Sealed(Seal::read(Dialect::Messages, signature)));
            }
            Block::Call {
                whole: Some(arguments),
                ..
            } => events.push(Event::Arguments(arguments)),
            Block::None
            | Block::Text
            | Block::Thinking { .. }
            | Block::Call { .. }
            | Block::Other => {}
        }
    }

    fn message_delta(&mut self, told: &Value, events: &mut Vec<Event>) {
        let delta = told.get("delta").unwrap_or(&Value::Null);
        if let Some(words) = answer::declined(delta) {
            events.push(Event::Refusal(words.to_owned()));
        }
        if told.get("usage").is_some_and(Value::is_object) {
            self.counts.add(told.get("usage"));
            events.extend(self.counts.usage().map(Event::Usage));
        }
        let finish = answer::read_finish(delta);
        self.finished |= finish.is_some();
        events.extend(finish.map(Event::Finish));
    }
}

fn index(told: &Value) -> u64 {
    told.get("index").and_then(Value::as_u64).unwrap_or(0)
}

fn push_text(text: &str, events: &mut Vec<Event>) {
    if !text.is_empty() {
        events.push(Event::Text {
            text: text.to_owned(),
            logprobs: Vec::new(),
        });
    }
}

fn push_thinking(text: &str, events: &mut Vec<Event>) {
    if !text.is_empty() {
        events.push(Event::Thinking(text.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::Code;

    /// What the events say, in short.
    fn read(frames: &[Value]) -> Vec<String> {
        let mut reader = Reader::default();
        let mut said = Vec::new();
        for frame in frames {
            for event in reader.read(frame.to_string().as_bytes()).unwrap() {
                said.push(match event {
                    Event::Start(usage) => {
                        format!("start {}", usage.map_or(0, |usage| usage.prompt))
                    }
                    Event::Thinking(text) => format!("thinking {text}"),
                    Event::Sealed(seal) => format!("sealed {} {}", seal.data, seal.redacted),
                    Event::Text { text, .. } => format!("text {text}"),
                    Event::Refusal(text) => format!("refusal {text}"),
                    Event::Call { id, name } => format!("call {id} {name}"),
                    Event::Arguments(more) => format!("arguments {more}"),
                    Event::Usage(usage) => format!("usage {} {}", usage.prompt, usage.completion),
                    Event::Finish(finish) => format!("finish {finish:?}"),
                    Event::End => "end".to_owned(),
                    Event::Failed(error) => format!("failed {}", error.code.as_str()),
                });
            }
        }
        said.extend(reader.end().iter().map(|event| match event {
            Event::End => "end at the bytes' end".to_owned(),
            other => format!("{other:?}"),
        }));
        said
    }

    fn start(block: Value) -> Value {
        json!({"type": "content_block_start", "index": 0, "content_block": block})
    }

    fn delta(delta: Value) -> Value {
        json!({"type": "content_block_delta", "index": 0, "delta": delta})
    }

    #[test]
    fn a_stream_is_read_block_by_block() {
        let stop = || json!({"type": "content_block_stop", "index": 0});
        let frames = [
            json!({"type": "message_start", "message": {"usage": {"input_tokens": 3, "cache_read_input_tokens": 4, "output_tokens": 1}}}),
            start(json!({"type": "thinking", "thinking": "", "signature": ""})),
            json!({"type": "ping"}),
            delta(json!({"type": "thinking_delta", "thinking": "Hm."})),
            delta(json!({"type": "signature_delta", "signature": "EqQ="})),
            stop(),
            start(json!({"type": "redacted_thinking", "data": "Eom="})),
            stop(),
            start(json!({"type": "text", "text": ""})),
            delta(json!({"type": "text_delta", "text": "Hi"})),
            delta(json!({"type": "citations_delta", "citation": {}})),
            stop(),
            start(json!({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}})),
            delta(json!({"type": "input_json_delta", "partial_json": "{\"q\":1}"})),
            stop(),
            start(json!({"type": "tool_use", "id": "t", "name": "f", "input": {}})),
            delta(json!({"type": "input_json_delta", "partial_json": ""})),
            delta(json!({"type": "input_json_delta", "partial_json": "{\"a\":"})),
            delta(json!({"type": "input_json_delta", "partial_json": "1}"})),
            stop(),
            json!({"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": null}, "usage": {"output_tokens": 9}}),
            json!({"type": "message_stop"}),
            json!({"type": "message_stop"}),
        ];
        assert_eq!(
            read(&frames),
            [
                "start 7",
                "thinking Hm.",
                "sealed EqQ= false",
                "sealed Eom= true",
                "text Hi",
                "call t f",
                "arguments {\"a\":",
                "arguments 1}",
                "usage 7 9",
                "finish Calls",
                "end"
            ]
        );
    }

    #[test]
    fn arguments_that_come_whole_are_taken_once() {
        let whole = start(json!({"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}}));
        let stop = json!({"type": "content_block_stop", "index": 0});
        assert_eq!(
            read(&[whole.clone(), stop.clone()]),
            ["call t f", "arguments {\"a\":1}"]
        );
        let again = delta(json!({"type": "input_json_delta", "partial_json": "{\"a\":1}"}));
        assert_eq!(
            read(&[whole, again, stop]),
            ["call t f", "arguments {\"a\":1}"]
        );
    }

    #[test]
    fn a_stream_that_fails_says_so_and_no_more() {
        let failed = json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
        let overloaded = format!("failed {}", Code::NoChannelAvailable.as_str());
        assert_eq!(
            read(&[failed, delta(json!({"type": "text_delta", "text": "x"}))]),
            [overloaded]
        );
        let bare = json!({"error": {"message": "odd"}});
        assert_eq!(
            read(&[bare]),
            [format!("failed {}", Code::BadGateway.as_str())]
        );
    }

    #[test]
    fn a_refusal_says_why() {
        let delta = json!({"type": "message_delta", "delta": {"stop_reason": "refusal",
            "stop_details": {"type": "refusal", "category": null, "explanation": "No."}}});
        let said = ["refusal No.", "finish Filtered", "end at the bytes' end"];
        assert_eq!(read(&[delta]), said);
    }

    #[test]
    fn what_is_not_of_the_dialect_is_said() {
        assert!(Reader::default().read(b"[DONE]").is_err());
        let mut reader = Reader::default();
        let call = start(json!({"type": "tool_use", "id": "t", "name": "f", "input": {}}));
        reader.read(call.to_string().as_bytes()).unwrap();
        let other = json!({"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "{"}});
        assert!(reader.read(other.to_string().as_bytes()).is_err());
        assert!(
            Reader::default()
                .read(b"{\"type\":\"from_next_year\"}")
                .unwrap()
                .is_empty()
        );
    }
}
