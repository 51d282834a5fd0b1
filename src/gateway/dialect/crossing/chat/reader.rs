//! Reads a streamed answer of OpenAI chat. It ends with `[DONE]`. What providers add or leave out: usage in any chunk, a
//! reason to end in any chunk, several words for thinking, calls without index or id (see `sequencer`).

use serde_json::Value;

use super::answer;
use super::reasoning::Details;
use super::sequencer::{Piece, Sequencer};
use crate::gateway::dialect::crossing::answer::Event;
use crate::gateway::dialect::crossing::seal::Seal;
use crate::gateway::dialect::crossing::{Dialect, Unreadable};

/// What was read so far.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    started: bool,
    /// Words of thinking are not sealed yet.
    thinking: bool,
    details: Details,
    calls: Sequencer,
    /// The last reason to end that was told: some tell one in every chunk.
    reason: String,
    ended: bool,
}

impl Reader {
    /// Reads the data of a frame.
    ///
    /// # Errors
    /// When it is not of this dialect.
    pub(crate) fn read(&mut self, data: &[u8]) -> Result<Vec<Event>, Unreadable> {
        let mut events = Vec::new();
        if self.ended {
            return Ok(events);
        }
        if data.trim_ascii() == b"[DONE]" {
            self.finish(&mut events);
            return Ok(events);
        }
        let chunk: Value =
            serde_json::from_slice(data).map_err(|error| Unreadable::Foreign(error.to_string()))?;
        if let Some(error) = answer::failure(&chunk) {
            self.ended = true;
            return Ok(vec![Event::Failed(error)]);
        }
        let usage = answer::used(&chunk);
        if !self.started {
            self.started = true;
            events.push(Event::Start(usage));
        }
        let choices = answer::items(&chunk, "choices").iter();
        for choice in choices.filter(|choice| choice.get("index").is_none_or(|index| *index == 0)) {
            self.choice(choice, answer::text(&chunk, "id"), &mut events);
        }
        events.extend(usage.map(Event::Usage));
        Ok(events)
    }

    /// The bytes ended: the end too, if the reason for it was told. Some servers leave out what comes behind that.
    pub(crate) fn end(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        if !self.ended && !self.reason.is_empty() {
            self.finish(&mut events);
        }
        events
    }

    fn finish(&mut self, events: &mut Vec<Event>) {
        self.seal(events);
        self.calls.finish(events);
        if !self.reason.is_empty() {
            let finish = answer::finish(&self.reason, self.calls.any());
            events.push(Event::Finish(finish));
        }
        events.push(Event::End);
        self.ended = true;
    }

    fn choice(&mut self, choice: &Value, id: &str, events: &mut Vec<Event>) {
        if let Some(delta) = choice.get("delta") {
            self.delta(delta, choice, id, events);
        }
        let reason = answer::text(choice, "finish_reason");
        if !reason.is_empty() {
            self.reason = reason.to_owned();
        }
    }

    fn delta(&mut self, delta: &Value, choice: &Value, id: &str, events: &mut Vec<Event>) {
        for detail in answer::items(delta, "reasoning_details") {
            self.details.add(detail.clone());
        }
        let said = answer::words(delta);
        if !said.thought.is_empty() {
            self.thinking = true;
            events.push(Event::Thinking(said.thought));
        }
        let (logprobs, calls) = (answer::logprobs(choice), answer::items(delta, "tool_calls"));
        if !said.text.is_empty() || !logprobs.is_empty() {
            self.seal(events);
            events.push(Event::Text {
                text: said.text,
                logprobs,
            });
        }
        if !said.refused.is_empty() {
            self.seal(events);
            events.push(Event::Refusal(said.refused.to_owned()));
        }
        if !calls.is_empty() {
            self.seal(events);
        }
        for call in calls {
            let function = call.get("function").unwrap_or(&Value::Null);
            let piece = Piece {
                index: call.get("index").and_then(Value::as_u64),
                id: answer::text(call, "id").to_owned(),
                name: answer::text(function, "name").to_owned(),
                arguments: answer::written(function.get("arguments")),
            };
            self.calls.take(piece, |at| answer::made_id(id, at), events);
        }
    }

    /// The thoughts up to here are all that there are.
    fn seal(&mut self, events: &mut Vec<Event>) {
        let details = self.details.take();
        if std::mem::take(&mut self.thinking) || details.is_some() {
            let seal = Seal::new(Dialect::Chat, details.unwrap_or_default());
            events.push(Event::Sealed(seal));
        }
    }
}
