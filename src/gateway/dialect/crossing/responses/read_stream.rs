//! Reads a streamed answer of OpenAI responses, event by event.
//!
//! Items may be written side by side, while here the pieces of one follow each other: only the first unfinished item flows,
//! what comes of the others waits for it. Whatever an item's events left out is taken from the item as it is when done, so
//! that servers with fewer events than OpenAI are understood too.

use std::collections::VecDeque;

use serde_json::Value;

use super::read_answer::{self, Item, Said, elements, text};
use crate::domain::{Code, Error};
use crate::gateway::dialect::crossing::Unreadable;
use crate::gateway::dialect::crossing::answer::Event;
use crate::gateway::dialect::fault::{self, Asked, Blame};

/// Reads one stream.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    items: VecDeque<Flow>,
    /// Some item was there.
    any: bool,
    /// A call was among them.
    called: bool,
    /// The terminal event has come: what follows is not of the answer.
    over: bool,
}

/// An item that is being written.
#[derive(Debug, Default)]
struct Flow {
    index: u64,
    /// What is not told yet.
    events: Vec<Event>,
    /// The call was told.
    called: bool,
    /// Words or arguments were told.
    wrote: bool,
    /// The thoughts that were told.
    thoughts: Option<Thoughts>,
    done: bool,
}

/// Where thoughts stand: the summary or the words themselves, never both, and the place in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Thoughts {
    Summary(u64),
    Words(u64),
}

impl Thoughts {
    /// Whether this follows `before`, and with a paragraph between.
    fn after(self, before: Option<Self>) -> Option<bool> {
        match (before, self) {
            (None, _) => Some(false),
            (Some(Self::Summary(one)), Self::Summary(two))
            | (Some(Self::Words(one)), Self::Words(two)) => Some(one != two),
            (Some(Self::Summary(_)), Self::Words(_)) | (Some(Self::Words(_)), Self::Summary(_)) => {
                None
            }
        }
    }
}

impl Reader {
    /// Reads the data of a frame.
    ///
    /// # Errors
    /// When it is not JSON.
    pub(crate) fn read(&mut self, data: &[u8]) -> Result<Vec<Event>, Unreadable> {
        // Some compatible servers end as chat does.
        if self.over || data.trim_ascii() == b"[DONE]" {
            return Ok(Vec::new());
        }
        let event: Value = serde_json::from_slice(data)
            .map_err(|_| Unreadable::Foreign("an event is not JSON".to_owned()))?;
        let index = number(&event, "output_index");
        let delta = text(&event, "delta").unwrap_or_default();
        let nothing = Value::Null;
        let item = event.get("item").unwrap_or(&nothing);
        let response = event.get("response").unwrap_or(&nothing);
        let mut events = Vec::new();
        match text(&event, "type") {
            Some("response.created") => events.push(Event::Start(read_answer::usage(response))),
            Some("response.output_item.added") => {
                self.interrupt(index);
                self.write(index, |flow| flow.begin(item));
            }
            Some("response.output_text.delta") => {
                let logprobs = read_answer::logprobs(&event);
                let words = |text| Event::Text { text, logprobs };
                self.write(index, |flow| flow.words(delta, words));
            }
            Some("response.refusal.delta") => {
                self.write(index, |flow| flow.words(delta, Event::Refusal));
            }
            Some("response.function_call_arguments.delta") => {
                self.write(index, |flow| flow.arguments(delta));
            }
            Some("response.reasoning_summary_text.delta") => {
                let place = Thoughts::Summary(number(&event, "summary_index"));
                self.write(index, |flow| flow.thought(place, delta));
            }
            Some("response.reasoning_text.delta") => {
                let place = Thoughts::Words(number(&event, "content_index"));
                self.write(index, |flow| flow.thought(place, delta));
            }
            Some("response.output_item.done") => self.write(index, |flow| flow.finish(item)),
            Some("response.completed" | "response.incomplete") => {
                self.complete(response, &mut events);
            }
            Some("response.failed" | "response.cancelled") => self.fail(response, &mut events),
            Some("error") => self.fail(&event, &mut events),
            _ if event.get("error").is_some_and(|error| !error.is_null()) => {
                self.fail(&event, &mut events);
            }
            Some(_) | None => {}
        }
        // All but `created` come behind what has been written.
        let mut told = self.drain();
        told.append(&mut events);
        Ok(told)
    }

    /// The bytes have ended: the dialect has a terminal event, so that there is nothing left to say.
    pub(crate) fn end(&mut self) -> Vec<Event> {
        Vec::new()
    }

    /// A new item begins at this place. Servers that do not count have all of them at the same.
    fn interrupt(&mut self, index: u64) {
        for flow in self.items.iter_mut().filter(|flow| flow.index == index) {
            flow.done = true;
        }
    }

    /// Lets the item at this place write, which begins where nothing is being written.
    fn write(&mut self, index: u64, write: impl FnOnce(&mut Flow)) {
        self.any = true;
        let mut open = self.items.iter_mut();
        match open.find(|flow| flow.index == index && !flow.done) {
            Some(flow) => write(flow),
            None => {
                let mut flow = Flow {
                    index,
                    ..Flow::default()
                };
                write(&mut flow);
                self.items.push_back(flow);
            }
        }
    }

    /// What can be told now.
    fn drain(&mut self) -> Vec<Event> {
        let mut told = Vec::new();
        while let Some(flow) = self.items.front_mut() {
            self.called |= flow.called;
            told.append(&mut flow.events);
            if !flow.done {
                break;
            }
            self.items.pop_front();
        }
        told
    }

    fn complete(&mut self, response: &Value, events: &mut Vec<Event>) {
        if !self.any {
            for (index, item) in (0..).zip(elements(response, "output")) {
                self.write(index, |flow| flow.finish(item));
            }
        }
        for flow in &mut self.items {
            flow.done = true;
        }
        events.append(&mut self.drain());
        events.extend(read_answer::usage(response).map(Event::Usage));
        events.push(Event::Finish(read_answer::finish(response, self.called)));
        events.push(Event::End);
        self.over = true;
    }

    fn fail(&mut self, said: &Value, events: &mut Vec<Event>) {
        let whose = fault::blame(None, said.to_string().as_bytes(), Asked::default());
        let code = match whose {
            Blame::Limit => Code::RateLimitExceeded,
            Blame::Client => Code::InvalidRequest,
            Blame::Credential | Blame::Model | Blame::Channel => Code::BadGateway,
        };
        let told = match whose {
            Blame::Credential | Blame::Model => {
                let words = "The provider refuses the gateway's own credential or model name. Your request is fine; tell the operator.";
                Error::new(code, words).because(read_answer::failure(said).to_owned())
            }
            Blame::Client | Blame::Limit | Blame::Channel => {
                Error::new(code, read_answer::failure(said))
            }
        };
        events.push(Event::Failed(told));
        self.over = true;
    }
}

impl Flow {
    fn begin(&mut self, item: &Value) {
        if let Item::Call(call) = Item::read(item) {
            self.called = true;
            self.events.push(Event::Call {
                id: call.id,
                name: call.name,
            });
            self.arguments(&call.arguments);
        }
    }

    fn words(&mut self, delta: &str, event: impl FnOnce(String) -> Event) {
        if !delta.is_empty() {
            self.wrote = true;
            self.events.push(event(delta.to_owned()));
        }
    }

    /// Arguments of a call that was not told are left for [`Self::finish`], which knows its name.
    fn arguments(&mut self, delta: &str) {
        if self.called {
            self.words(delta, Event::Arguments);
        }
    }

    fn thought(&mut self, place: Thoughts, delta: &str) {
        if delta.is_empty() {
            return;
        }
        if let Some(paragraph) = place.after(self.thoughts) {
            self.thoughts = Some(place);
            let gap = if paragraph { "\n\n" } else { "" };
            self.events.push(Event::Thinking(format!("{gap}{delta}")));
        }
    }

    /// The item is done: tells what has not been told of it.
    fn finish(&mut self, item: &Value) {
        self.done = true;
        match Item::read(item) {
            Item::Message(content) if !self.wrote => {
                self.events
                    .extend(content.into_iter().map(|said| match said {
                        Said::Text(text, logprobs) => Event::Text { text, logprobs },
                        Said::Refusal(text) => Event::Refusal(text),
                    }));
            }
            Item::Message(_) | Item::Other => {}
            Item::Thinking(thinking) => {
                if self.thoughts.is_none() && !thinking.text.is_empty() {
                    self.events.push(Event::Thinking(thinking.text));
                }
                self.events.push(Event::Sealed(thinking.seal));
            }
            Item::Call(call) => {
                if !self.called {
                    self.begin(item);
                } else if !self.wrote {
                    self.arguments(&call.arguments);
                }
            }
        }
    }
}

fn number(event: &Value, name: &str) -> u64 {
    event.get(name).and_then(Value::as_u64).unwrap_or(0)
}
