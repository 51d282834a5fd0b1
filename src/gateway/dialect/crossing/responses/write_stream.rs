//! Writes a streamed answer of OpenAI responses: a machine whose state is the item that is open, so that no delta can stand
//! in an item of another kind. Every item and every part of it is begun, told and ended once, in this order, and stands in
//! the last event's response exactly as it was when it ended.
//!
//! A seal comes when its item has its name already, so that a thought goes by the name it was given here.

use serde_json::{Map, Value, json};

use super::items::{self, Items, Progress};
use super::response::{incomplete, response};
use crate::domain::{Error, Usage};
use crate::gateway::dialect::crossing::answer::{Event, Finish, TokenLogprob};
use crate::gateway::dialect::crossing::seal::Seal;
use crate::gateway::dialect::crossing::{Dialect, Head};

/// Writes one stream.
#[derive(Debug)]
pub(crate) struct Writer {
    head: Head,
    frames: Frames,
    items: Items,
    open: Open,
    phase: Phase,
    usage: Option<Usage>,
    finish: Finish,
}

/// How far the stream is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// Nothing is written.
    New,
    /// The response is begun.
    Begun,
    /// The last event is written.
    Over,
}

/// The item that is being written.
#[derive(Debug, Default)]
enum Open {
    #[default]
    Nothing,
    Thought(Thought),
    Message(Message),
    Call(Call),
}

#[derive(Debug)]
struct Thought {
    name: String,
    /// Its summary, which has one part; `None`: not begun.
    summary: Option<String>,
}

#[derive(Debug)]
struct Message {
    name: String,
    /// The parts that are ended.
    content: Vec<Value>,
    part: Option<MessagePart>,
}

#[derive(Debug)]
enum MessagePart {
    Text(String, Vec<TokenLogprob>),
    Refusal(String),
}

#[derive(Debug)]
struct Call {
    name: String,
    id: String,
    tool: String,
    arguments: String,
}

/// Numbers the events as it writes them.
#[derive(Debug, Default)]
struct Frames {
    next: u64,
}

impl Frames {
    /// Writes an event of this kind with the members of these objects.
    fn write<const N: usize>(&mut self, out: &mut String, kind: &str, members: [Value; N]) {
        let mut event = Map::new();
        event.insert("type".to_owned(), kind.into());
        event.insert("sequence_number".to_owned(), self.next.into());
        self.next += 1;
        for object in members {
            if let Value::Object(object) = object {
                event.extend(object);
            }
        }
        out.push_str(&format!(
            "event: {kind}\ndata: {}\n\n",
            Value::Object(event)
        ));
    }
}

impl Writer {
    /// Begins with nothing written.
    pub(crate) fn new(head: Head) -> Self {
        Self {
            items: Items::new(&head.id),
            head,
            frames: Frames::default(),
            open: Open::Nothing,
            phase: Phase::New,
            usage: None,
            finish: Finish::Stop,
        }
    }

    /// Writes the frames of an event; nothing behind the last one.
    pub(crate) fn write(&mut self, event: &Event, out: &mut String) {
        match self.phase {
            Phase::New => self.begin(out),
            Phase::Begun => {}
            Phase::Over => return,
        }
        match event {
            Event::Start(usage) => self.usage = usage.or(self.usage),
            // An empty text is no reason to begin an item.
            Event::Thinking(text) | Event::Refusal(text) | Event::Arguments(text)
                if text.is_empty() => {}
            Event::Text { text, logprobs } if text.is_empty() && logprobs.is_empty() => {}
            Event::Thinking(text) => self.think(text, out),
            Event::Sealed(seal) => self.seal(seal, out),
            Event::Text { text, logprobs } => self.say(text, logprobs, out),
            Event::Refusal(text) => self.decline(text, out),
            Event::Call { id, name } => self.call(id, name, out),
            // Those of a call that is not open belong nowhere.
            Event::Arguments(text) => match std::mem::take(&mut self.open) {
                Open::Call(mut call) => {
                    self.argue(&mut call, text, out);
                    self.open = Open::Call(call);
                }
                other @ (Open::Nothing | Open::Thought(_) | Open::Message(_)) => self.open = other,
            },
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Finish(finish) => self.finish = finish.clone(),
            Event::End => self.end(out),
            Event::Failed(error) => self.fail(error, out),
        }
    }

    fn begin(&mut self, out: &mut String) {
        self.phase = Phase::Begun;
        let response = response(&self.head, None, Vec::new(), None);
        for kind in ["response.created", "response.in_progress"] {
            self.frames
                .write(out, kind, [json!({"response": response})]);
        }
    }

    fn think(&mut self, text: &str, out: &mut String) {
        let mut thought = self.thought(out);
        let place =
            json!({"item_id": thought.name, "output_index": self.items.next(), "summary_index": 0});
        let summary = thought.summary.get_or_insert_with(|| {
            let members = json!({"part": items::summary_part("")});
            self.frames.write(
                out,
                "response.reasoning_summary_part.added",
                [place.clone(), members],
            );
            String::new()
        });
        summary.push_str(text);
        let members = json!({"delta": text});
        self.frames.write(
            out,
            "response.reasoning_summary_text.delta",
            [place, members],
        );
        self.open = Open::Thought(thought);
    }

    /// The thought that is open, or a new one.
    fn thought(&mut self, out: &mut String) -> Thought {
        match std::mem::take(&mut self.open) {
            Open::Thought(thought) => thought,
            other @ (Open::Nothing | Open::Message(_) | Open::Call(_)) => {
                self.close(other, Progress::Whole, out);
                let name = self.items.name("rs");
                self.added(items::reasoning(&name, "", ""), out);
                Thought {
                    name,
                    summary: None,
                }
            }
        }
    }

    /// Ends the thought that is open, or writes one that is nothing but a seal.
    fn seal(&mut self, seal: &Seal, out: &mut String) {
        let thought = self.thought(out);
        self.close_thought(&thought, &seal.token(Dialect::Responses), out);
    }

    fn close_thought(&mut self, thought: &Thought, seal: &str, out: &mut String) {
        let text = thought.summary.as_deref();
        if let Some(text) = text {
            let place = json!({"item_id": thought.name, "output_index": self.items.next(), "summary_index": 0});
            let members = json!({"text": text});
            self.frames.write(
                out,
                "response.reasoning_summary_text.done",
                [place.clone(), members],
            );
            let members = json!({"part": items::summary_part(text)});
            self.frames.write(
                out,
                "response.reasoning_summary_part.done",
                [place, members],
            );
        }
        self.done(
            items::reasoning(&thought.name, text.unwrap_or_default(), seal),
            out,
        );
    }

    /// The message that is open, or a new one.
    fn message(&mut self, out: &mut String) -> Message {
        match std::mem::take(&mut self.open) {
            Open::Message(message) => message,
            other @ (Open::Nothing | Open::Thought(_) | Open::Call(_)) => {
                self.close(other, Progress::Whole, out);
                let name = self.items.name("msg");
                self.added(items::message(&name, Progress::Begun, &[]), out);
                Message {
                    name,
                    content: Vec::new(),
                    part: None,
                }
            }
        }
    }

    fn say(&mut self, text: &str, logprobs: &[TokenLogprob], out: &mut String) {
        let mut message = self.message(out);
        let (mut words, mut told) = match message.part.take() {
            Some(MessagePart::Text(words, told)) => (words, told),
            other @ (Some(MessagePart::Refusal(_)) | None) => {
                self.close_part(&mut message, other, out);
                self.begin_part(&message, items::text_part("", &[]), out);
                (String::new(), Vec::new())
            }
        };
        let place = self.place(&message);
        let members = json!({"delta": text, "logprobs": items::logprobs(logprobs)});
        self.frames
            .write(out, "response.output_text.delta", [place, members]);
        words.push_str(text);
        told.extend_from_slice(logprobs);
        message.part = Some(MessagePart::Text(words, told));
        self.open = Open::Message(message);
    }

    fn decline(&mut self, text: &str, out: &mut String) {
        let mut message = self.message(out);
        let mut words = match message.part.take() {
            Some(MessagePart::Refusal(words)) => words,
            other @ (Some(MessagePart::Text(..)) | None) => {
                self.close_part(&mut message, other, out);
                self.begin_part(&message, items::refusal_part(""), out);
                String::new()
            }
        };
        let place = self.place(&message);
        let members = json!({"delta": text});
        self.frames
            .write(out, "response.refusal.delta", [place, members]);
        words.push_str(text);
        message.part = Some(MessagePart::Refusal(words));
        self.open = Open::Message(message);
    }

    /// Where the part of a message that is open stands.
    fn place(&self, message: &Message) -> Value {
        json!({
            "item_id": message.name,
            "output_index": self.items.next(),
            "content_index": message.content.len(),
        })
    }

    fn begin_part(&mut self, message: &Message, part: Value, out: &mut String) {
        let place = self.place(message);
        let members = json!({"part": part});
        self.frames
            .write(out, "response.content_part.added", [place, members]);
    }

    fn close_part(&mut self, message: &mut Message, part: Option<MessagePart>, out: &mut String) {
        let place = self.place(message);
        let part = match part {
            None => return,
            Some(MessagePart::Text(text, logprobs)) => {
                let members = json!({"text": text, "logprobs": items::logprobs(&logprobs)});
                self.frames
                    .write(out, "response.output_text.done", [place.clone(), members]);
                items::text_part(&text, &logprobs)
            }
            Some(MessagePart::Refusal(text)) => {
                let members = json!({"refusal": text});
                self.frames
                    .write(out, "response.refusal.done", [place.clone(), members]);
                items::refusal_part(&text)
            }
        };
        let members = json!({"part": part});
        self.frames
            .write(out, "response.content_part.done", [place, members]);
        message.content.push(part);
    }

    fn call(&mut self, id: &str, tool: &str, out: &mut String) {
        let open = std::mem::take(&mut self.open);
        self.close(open, Progress::Whole, out);
        let id = self.items.call_id(id);
        let name = self.items.name("fc");
        self.added(items::call(&name, Progress::Begun, &id, tool, ""), out);
        self.open = Open::Call(Call {
            name,
            id,
            tool: tool.to_owned(),
            arguments: String::new(),
        });
    }

    fn argue(&mut self, call: &mut Call, text: &str, out: &mut String) {
        call.arguments.push_str(text);
        let members =
            json!({"item_id": call.name, "output_index": self.items.next(), "delta": text});
        self.frames
            .write(out, "response.function_call_arguments.delta", [members]);
    }

    fn close(&mut self, open: Open, progress: Progress, out: &mut String) {
        match open {
            Open::Nothing => {}
            Open::Thought(thought) => self.close_thought(&thought, "", out),
            Open::Message(mut message) => {
                let part = message.part.take();
                self.close_part(&mut message, part, out);
                self.done(
                    items::message(&message.name, progress, &message.content),
                    out,
                );
            }
            Open::Call(mut call) => {
                if call.arguments.is_empty() && progress == Progress::Whole {
                    self.argue(&mut call, items::NO_ARGUMENTS, out);
                }
                let members = json!({"item_id": call.name, "output_index": self.items.next(), "arguments": call.arguments});
                self.frames
                    .write(out, "response.function_call_arguments.done", [members]);
                let Call {
                    name,
                    id,
                    tool,
                    arguments,
                } = call;
                self.done(items::call(&name, progress, &id, &tool, &arguments), out);
            }
        }
    }

    /// The next item begins.
    fn added(&mut self, item: Value, out: &mut String) {
        let members = json!({"output_index": self.items.next(), "item": item});
        self.frames
            .write(out, "response.output_item.added", [members]);
    }

    /// The item that was open is as it will be.
    fn done(&mut self, item: Value, out: &mut String) {
        let members = json!({"output_index": self.items.next(), "item": item});
        self.frames
            .write(out, "response.output_item.done", [members]);
        self.items.push(item);
    }

    fn end(&mut self, out: &mut String) {
        self.phase = Phase::Over;
        let (kind, progress) = match incomplete(&self.finish) {
            None => ("response.completed", Progress::Whole),
            Some(_) => ("response.incomplete", Progress::CutOff),
        };
        let open = std::mem::take(&mut self.open);
        self.close(open, progress, out);
        let output = self.items.take();
        let response = response(&self.head, Some(&self.finish), output, self.usage.as_ref());
        self.frames
            .write(out, kind, [json!({"response": response})]);
    }

    /// The official SDKs raise an error at an `error` object; beside it stand the members of the `error` event.
    fn fail(&mut self, error: &Error, out: &mut String) {
        self.phase = Phase::Over;
        let (code, kind) = (error.code.as_str(), error.code.kind());
        let members = json!({
            "code": code,
            "message": error.message,
            "param": error.param,
            "error": {"message": error.message, "type": kind, "code": code, "param": error.param},
        });
        self.frames.write(out, "error", [members]);
    }
}
