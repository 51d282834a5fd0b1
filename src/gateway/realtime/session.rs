//! What a session has come to: what it was told, which responses are under way, and what is set aside for the next ones.
//!
//! No response begins for which nothing is set aside. The client's `response.create` goes on with a seat taken for it, or is
//! answered with an error and goes no further. Where the provider answers by itself when somebody has finished speaking, no
//! audio goes on without a seat for the answer to it; if none can be had, the answers under way are finished and the session
//! ends. A prompt is all that the session has been told and has answered, at most the model's context.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::rc::Rc;

use actix_web::web::Data;
use bytes::Bytes;
use bytestring::ByteString;
use serde_json::{Map, Value};
use tokio::sync::Notify;

use super::super::dialect::{self, Report};
use super::super::estimate;
use super::super::request::{Request, Scan};
use super::super::words;
use super::answer::Answer;
use super::events::{self, Asked, Coding, Settings, Told};
use super::seat::{Guest, Seat};
use crate::domain::{AttemptStatus, CallStatus, Code, Error, Result};
use crate::state::{Permit, State};

/// A prompt that the session only points to is bounded by the model's context alone.
const UNBOUNDED: u64 = 10_000_000;

/// A session under way.
pub(super) struct Session {
    state: Data<State>,
    guest: Guest,
    _place: Permit,
    /// The client speaks the interface of the preview.
    preview: bool,
    settings: Settings,
    /// Changes of the settings that the provider has not confirmed, by what their events are called.
    updates: VecDeque<String>,
    /// An output limit in one of them, if it is higher than the session's: `Some(None)` is none at all.
    raised: Option<Option<u64>>,
    /// All that was told so far, in tokens at most.
    told: u64,
    /// How long the last prompt with its answer was, and what had been told by then.
    last: (u64, u64),
    /// For `response.create` that the provider has not answered yet.
    waiting: VecDeque<Seat>,
    /// For what the provider answers by itself.
    ahead: Option<Seat>,
    answers: HashMap<String, Answer>,
    /// Why it ends when no answer is under way any more.
    leaving: Option<Error>,
    /// Told of the end of each answer.
    changed: Rc<Notify>,
}

/// What becomes of an event of the client.
#[derive(Debug, PartialEq)]
pub(super) enum Heard {
    /// It goes on to the provider.
    Pass(ByteString),
    /// It goes on; the client is told something of it.
    PassWith(ByteString, String),
    /// The client is told why it does not.
    Refused(String),
    /// The session is at its end: it is not heard any more.
    Ignored,
}

/// What has to be done before an event of the provider goes on to the client.
pub(super) struct Said {
    pub(super) text: ByteString,
    /// Resolves when the response's opening is on disk.
    pub(super) opened: Option<Opened>,
}

type Opened = Pin<Box<dyn Future<Output = Result<()>>>>;

impl Session {
    pub(super) fn new(state: Data<State>, guest: Guest, place: Permit, preview: bool) -> Self {
        Self {
            state,
            guest,
            _place: place,
            preview,
            settings: Settings::default(),
            updates: VecDeque::new(),
            raised: None,
            told: 0,
            last: (0, 0),
            waiting: VecDeque::new(),
            ahead: None,
            answers: HashMap::new(),
            leaving: None,
            changed: Rc::default(),
        }
    }

    /// Told of the end of each answer.
    pub(super) fn changed(&self) -> Rc<Notify> {
        Rc::clone(&self.changed)
    }

    /// Whether an answer is under way.
    pub(super) fn is_answering(&self) -> bool {
        !self.answers.is_empty()
    }

    /// The session is to end when the answers under way have.
    pub(super) fn leave(&mut self, why: Error) {
        self.leaving.get_or_insert(why);
        self.changed.notify_one();
    }

    /// Why it ends, if it is to end and nothing is under way any more.
    pub(super) fn left(&mut self) -> Option<Error> {
        if self.is_answering() {
            return None;
        }
        self.leaving.take()
    }

    /// The event that tells the client of an error.
    pub(super) fn error_event(&self, error: &Error, about: Option<&str>) -> String {
        events::error(self.state.ledger.next_id(), error, about)
    }

    /// Takes an event of the client.
    pub(super) fn hear(&mut self, text: ByteString) -> Heard {
        let Ok(event) = serde_json::from_str::<Asked<'_>>(&text) else {
            let error =
                invalid("An event is a JSON object with a type. Send one as a text message.");
            return Heard::Refused(self.error_event(&error, None));
        };
        let about = event.event_id.as_deref();
        // What ends an answer sooner is still heard.
        if self.leaving.is_some() && event.kind != "response.cancel" {
            return Heard::Ignored;
        }
        match &*event.kind {
            "response.create" => match self.create(&text, about) {
                Ok(text) => Heard::Pass(text),
                Err(error) => {
                    self.guest.note_refusal(&self.state, &error);
                    Heard::Refused(self.error_event(&error, about))
                }
            },
            "session.update" => match self.update(&text, about) {
                Ok((text, None)) => Heard::Pass(text),
                Ok((text, Some(note))) => Heard::PassWith(text, self.error_event(&note, about)),
                Err(error) => Heard::Refused(self.error_event(&error, about)),
            },
            "input_audio_buffer.append" | "input_audio_buffer.commit" => {
                let told = self.told.saturating_add(self.audio_bound(&text));
                if let Err(error) = self.listen(told) {
                    self.guest.note_refusal(&self.state, &error);
                    self.leave(error);
                    return Heard::Ignored;
                }
                self.told = told;
                Heard::Pass(text)
            }
            _ => {
                self.told = self.told.saturating_add(self.bound(&text));
                Heard::Pass(text)
            }
        }
    }

    /// Sees to it that what the provider may answer by itself has its seat.
    fn listen(&mut self, told: u64) -> Result<()> {
        if !self.settings.answers_by_itself && self.updates.is_empty() {
            return Ok(());
        }
        let limit = self.limit();
        self.guest
            .keep_ahead(&self.state, &mut self.ahead, told, limit)
    }

    /// The output limit of a response for which none is given; the highest of those that may hold.
    fn limit(&self) -> Option<u64> {
        match self.raised {
            Some(raised) => raised.filter(|_| self.settings.limit.is_some()),
            None => self.settings.limit,
        }
    }

    /// What an event of the client is called; one that has no name gets one, so that an error that it meets is known for its.
    fn name(&self, event: &mut Map<String, Value>, about: Option<&str>) -> String {
        let name = about.map_or_else(
            || format!("event_{}", self.state.ledger.next_id()),
            str::to_owned,
        );
        event.insert("event_id".to_owned(), name.clone().into());
        name
    }

    /// Takes a seat for a response that the client asks for; where it gives no output limit, one that fits is written into its
    /// event.
    fn create(&mut self, text: &ByteString, about: Option<&str>) -> Result<ByteString> {
        let mut event = object(text)?;
        let mut settings = part(&event, "response")?;
        let own = events::limit(&settings);
        let mut told = self.told.saturating_add(self.bound(text));
        if settings
            .get("prompt")
            .is_some_and(|prompt| !prompt.is_null())
        {
            told = told.saturating_add(UNBOUNDED);
        }
        let given = own.or(self.limit());
        let mut seat = self.guest.take_seat(&self.state, told, given)?;
        if let Some(lowered) = seat.limit.filter(|_| given.is_none()) {
            events::set_limit(&mut settings, self.preview, lowered);
            event.insert("response".to_owned(), Value::Object(settings));
        }
        seat.about = Some(self.name(&mut event, about));
        self.told = told;
        self.waiting.push_back(seat);
        Ok(Value::Object(event).to_string().into())
    }

    /// Looks at a change of the settings. What cannot be metered is left out, and the client is told so.
    fn update(
        &mut self,
        text: &ByteString,
        about: Option<&str>,
    ) -> Result<(ByteString, Option<Error>)> {
        let mut event = object(text)?;
        let mut settings = part(&event, "session")?;
        if settings
            .get("type")
            .is_some_and(|kind| kind == "transcription")
        {
            return Err(invalid("Sessions of transcription only are not supported here: their use could not be metered. Use /v1/audio/transcriptions.").param("session.type"));
        }
        if let Some(model) = settings.get_mut("model") {
            if *model != self.guest.model.as_str() {
                return Err(invalid(
                    "The model of a session cannot be changed. Begin another one.",
                )
                .param("session.model"));
            }
            *model = self.guest.upstream_model().into();
        }
        let transcribes = events::take_transcription(&mut settings);
        if settings
            .get("prompt")
            .is_some_and(|prompt| !prompt.is_null())
        {
            self.told = self.told.saturating_add(UNBOUNDED);
        }
        if events::names_limit(&settings) {
            let new = events::limit(&settings);
            self.raised = Some(match self.raised.unwrap_or(self.settings.limit) {
                Some(before) => new.map(|new| new.max(before)),
                None => None,
            });
        }
        self.told = self.told.saturating_add(self.bound(text));
        let name = self.name(&mut event, about);
        self.updates.push_back(name);
        let note = transcribes.then(|| {
            invalid("The transcription of what is said was left out of the session's settings: another model's use, which could not be metered here. All else was taken over.")
                .param("session.audio.input.transcription")
        });
        event.insert("session".to_owned(), Value::Object(settings));
        Ok((Value::Object(event).to_string().into(), note))
    }

    /// Takes an event of the provider.
    ///
    /// # Errors
    /// When a response has begun for which nothing could be set aside, or the event cannot be read: the session must end.
    pub(super) fn say(&mut self, text: ByteString) -> Result<Said> {
        let event: Told<'_> = serde_json::from_str(&text).map_err(|_| unreadable())?;
        let mut opened = None;
        match &*event.kind {
            "session.created" | "session.updated" => self.confirm(&event, &text),
            "response.created" => opened = self.begin(&event)?,
            "response.done" => opened = self.finish(&event)?,
            "error" => {
                if let Some(about) = event.about() {
                    self.waiting
                        .retain(|seat| seat.about.as_deref() != Some(about));
                    self.updates.retain(|update| update != about);
                }
                let said = words::scrub(
                    text.as_bytes().clone(),
                    self.guest.candidate.upstream.secrets(),
                );
                let text = ByteString::try_from(said).unwrap_or(text);
                return Ok(Said { text, opened: None });
            }
            kind if kind.ends_with(".delta") => self.note(kind, &event),
            _ => {}
        }
        Ok(Said { text, opened })
    }

    fn confirm(&mut self, event: &Told<'_>, text: &str) {
        let Some(session) = &event.session else {
            return;
        };
        self.settings = Settings::of(session);
        if &*event.kind == "session.created" {
            // The instructions that the provider begins with.
            self.told = self.told.saturating_add(length(text.as_bytes()));
        } else {
            self.updates.pop_front();
        }
        if self.updates.is_empty() {
            self.raised = None;
        }
    }

    /// A response begins: its call is opened.
    fn begin(&mut self, event: &Told<'_>) -> Result<Option<Opened>> {
        let response = event.response().ok_or_else(unreadable)?;
        let seat = match self.seat_for(response.limit()) {
            Some(seat) => seat,
            // Nobody asked for it, and nobody spoke.
            None => {
                let limit = self.limit();
                let seat = self.guest.take_seat(&self.state, self.told, limit);
                seat.inspect_err(|error| self.guest.note_refusal(&self.state, error))?
            }
        };
        let (known, then) = self.last;
        let prompt = known.saturating_add(estimate::prompt_guess(self.told.saturating_sub(then)));
        let bill = self.guest.open(&self.state, seat, prompt)?;
        let opened = bill.open().map(crate::state::OpenCall::durable);
        self.answers.insert(response.id, Answer::new(bill, prompt));
        Ok(opened.map(|opened| Box::pin(opened) as Opened))
    }

    /// The seat of a response with this output limit: the one that was taken for it, if one of that limit was, else the one for
    /// what the provider makes by itself.
    fn seat_for(&mut self, limit: Option<u64>) -> Option<Seat> {
        let its_own = self.waiting.iter().position(|seat| seat.limit == limit);
        if let Some(at) = its_own {
            return self.waiting.remove(at);
        }
        self.ahead.take().or_else(|| self.waiting.pop_front())
    }

    /// Keeps what is needed to charge a response that is cut off.
    fn note(&mut self, kind: &str, event: &Told<'_>) {
        let Some((id, piece)) = event.piece() else {
            return;
        };
        let Some(answer) = self.answers.get_mut(id) else {
            return;
        };
        answer.note(
            kind.ends_with("audio.delta"),
            piece,
            self.state.clock.tick(),
        );
    }

    /// A response is at its end; one of whose beginning nothing was said is opened first.
    fn finish(&mut self, event: &Told<'_>) -> Result<Option<Opened>> {
        let response = event.response().ok_or_else(unreadable)?;
        let opened = if self.answers.contains_key(&response.id) {
            None
        } else {
            self.begin(event)?
        };
        let Some(mut answer) = self.answers.remove(&response.id) else {
            return Ok(opened);
        };
        let failed = response.status.as_deref() == Some("failed");
        let usage = response.usage.and_then(dialect::read_usage);
        // Nothing but zeros beside words is no report.
        let usage = usage.filter(|usage| !usage.is_nothing() || answer.bound() == 0);
        match usage {
            Some(usage) => {
                answer.bill.report(Report::of(&usage));
                self.told = self.told.saturating_add(usage.completion);
                self.last = (usage.total(), self.told);
            }
            // What came to nothing costs nothing.
            None if failed => answer.bill.waive(),
            None => {
                self.told = self.told.saturating_add(answer.bound());
                answer.guess(self.settings.spoken);
            }
        }
        let (status, code) = if failed {
            let said = event.response_text().as_bytes();
            answer.bill.fail_attempt_as_said(said);
            (CallStatus::Error, Some(Code::BadGateway))
        } else if response.status.as_deref() == Some("cancelled") {
            (CallStatus::Cancelled, None)
        } else {
            (CallStatus::Ok, None)
        };
        answer.bill.settle_detached(status, code);
        self.changed.notify_one();
        Ok(opened)
    }

    /// Settles the responses under way: the session is over.
    pub(super) fn settle(mut self, status: CallStatus, code: Option<Code>, broke_off: bool) {
        for (_, mut answer) in self.answers.drain() {
            if broke_off {
                let words = "the session ended in the middle of the response";
                answer.bill.fail_attempt(AttemptStatus::BrokenAnswer, words);
            }
            answer.guess(self.settings.spoken);
            answer.bill.settle_detached(status, code);
        }
    }

    /// The most tokens that an event adds to the prompts to come.
    fn bound(&self, text: &ByteString) -> u64 {
        let scan = Scan {
            model: self.guest.model.clone(),
            ..Scan::default()
        };
        let body: Bytes = text.as_bytes().clone();
        estimate::prompt_bound(&Request { body, scan })
    }

    /// The same of audio. A second is ten tokens, and 64,000 bytes of base64, or 10,667 with the narrow coding: bounded by half
    /// of that.
    fn audio_bound(&self, text: &str) -> u64 {
        let bytes_a_token = match self.settings.heard {
            Coding::Pcm if self.updates.is_empty() => 3_000,
            Coding::Pcm | Coding::Narrow => 500,
        };
        length(text.as_bytes()).div_ceil(bytes_a_token)
    }
}

fn invalid(words: &str) -> Error {
    Error::new(Code::InvalidRequest, words)
}

fn unreadable() -> Error {
    let words = "The provider sent an event that cannot be read, so that it could not be metered. Begin another session; if it keeps happening, tell the operator.";
    Error::new(Code::BadGateway, words)
}

fn length(text: &[u8]) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}

/// An event as an object.
fn object(text: &str) -> Result<Map<String, Value>> {
    serde_json::from_str(text).map_err(|_| invalid("An event is a JSON object."))
}

/// A part of an event that is an object; empty if it is not there.
fn part(event: &Map<String, Value>, name: &str) -> Result<Map<String, Value>> {
    match event.get(name) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(part)) => Ok(part.clone()),
        Some(_) => Err(invalid(&format!("{name} must be an object.")).param(name)),
    }
}
