//! What a response of a session needs before it may begin: its place within the rate limits, and its bound set aside.

use std::sync::Arc;

use super::super::admission;
use super::super::arrival::Arrival;
use super::super::bill::Bill;
use super::super::estimate;
use super::super::request::{Request, Scan};
use crate::domain::{
    Attempt, Day, Endpoint, Error, Model, Opened, Pieces, Result, ServiceTier, Usage,
};
use crate::state::{Ask, Caller, Candidate, Permit, Reservation, State};

/// The most that a model writes of which it is not known.
const ASSUMED_OUTPUT: u64 = 32_768;
/// More is set aside for what is still being said than it has come to, so that this is not done anew with every piece of it.
const AHEAD: u64 = 2_000;

/// Whose session it is, and where it goes.
pub(super) struct Guest {
    pub(super) arrival: Arrival,
    pub(super) caller: Caller,
    /// The model's public name.
    pub(super) model: String,
    /// The channel, and the model that serves in it.
    pub(super) candidate: Candidate,
    /// How the provider was reached; told in the log with the first response.
    pub(super) attempts: Vec<Attempt>,
}

/// What is set aside for a response that has not begun.
pub(super) struct Seat {
    caller: Caller,
    model: Option<Arc<Model>>,
    permit: Permit,
    reservation: Reservation,
    day: Day,
    /// How long a prompt it holds.
    prompt: u64,
    /// The output limit that it holds for; `None`: the model's own.
    pub(super) limit: Option<u64>,
    /// What the event is called that asked for the response.
    pub(super) about: Option<String>,
}

impl Guest {
    /// The public name of the model that serves.
    fn served(&self) -> &str {
        self.candidate.model(&self.model)
    }

    /// The provider's name of it.
    pub(super) fn upstream_model(&self) -> &str {
        self.candidate.upstream_model(&self.model)
    }

    /// Takes a seat for a response to a prompt of so many tokens at most; where the client gives no output limit, what fits is
    /// the limit.
    ///
    /// # Errors
    /// What a call would be refused with.
    pub(super) fn take_seat(&self, state: &State, prompt: u64, limit: Option<u64>) -> Result<Seat> {
        let caller = self.caller.renewed()?;
        let permissions = &caller.key().permissions;
        permissions.check_ip(self.arrival.client_ip)?;
        permissions.check_call(Endpoint::Realtime, &self.model)?;
        let permit = state.admit_response(&caller, estimate::prompt_guess(prompt))?;
        let (model, day) = (state.models.find(self.served()), state.today());
        let ask = self.ask(state, model.clone(), prompt, limit);
        let reservation = state.reserve(&caller, &ask, day)?;
        Ok(Seat {
            limit: limit.or(reservation.lowered_output()),
            caller,
            model,
            permit,
            reservation,
            day,
            prompt,
            about: None,
        })
    }

    /// Takes a seat for a response that the provider may make by itself, or sees to it that the one there is holds a prompt so
    /// long. Its output cannot be limited further than the session's is.
    ///
    /// # Errors
    /// As [`Self::take_seat`]; the seat that was there is there still.
    pub(super) fn keep_ahead(
        &self,
        state: &State,
        ahead: &mut Option<Seat>,
        prompt: u64,
        session_limit: Option<u64>,
    ) -> Result<()> {
        let model = state.models.find(self.served());
        let known = model.as_ref().and_then(|model| model.max_output_tokens);
        let limit = session_limit
            .or(known.map(u64::from))
            .unwrap_or(ASSUMED_OUTPUT);
        let generous = prompt.saturating_add(prompt / 2).saturating_add(AHEAD);
        let today = state.today();
        let Some(seat) = ahead.as_mut().filter(|seat| seat.day == today) else {
            let seat = self
                .take_seat(state, generous, Some(limit))
                .or_else(|_| self.take_seat(state, prompt, Some(limit)))?;
            *ahead = Some(seat);
            return Ok(());
        };
        let context = model.as_ref().and_then(|model| model.context_tokens);
        let needed = context.map_or(prompt, |context| prompt.min(context.into()));
        if needed <= seat.prompt && seat.limit >= Some(limit) {
            return Ok(());
        }
        // The old reservation is there until the new one is: what was said already may be answered at any time.
        let reserve = |prompt| {
            let ask = self.ask(state, model.clone(), prompt, Some(limit));
            let reservation = state.reserve(&seat.caller, &ask, seat.day)?;
            Ok::<_, Error>((reservation, prompt))
        };
        let (reservation, prompt) = reserve(generous).or_else(|_| reserve(prompt))?;
        (seat.reservation, seat.prompt, seat.limit) = (reservation, prompt, Some(limit));
        Ok(())
    }

    fn ask(
        &self,
        state: &State,
        model: Option<Arc<Model>>,
        prompt: u64,
        limit: Option<u64>,
    ) -> Ask {
        Ask {
            prompt_tokens: prompt,
            hidden_tokens: state.hidden_tokens(self.served()),
            generates: true,
            least_output: 1,
            client_limit: limit,
            choices: 1,
            pieces: Pieces::default(),
            tier: ServiceTier::default(),
            model,
            fallbacks: Vec::new(),
            multiplier: self.candidate.upstream.channel.price_multiplier,
        }
    }

    /// What is written down of the beginning of a response.
    fn opened(&self, state: &State, caller: &Caller, priced: bool, day: Day) -> Opened {
        let session = &self.arrival;
        let arrival = Arrival {
            id: state.ledger.next_id(),
            started: state.clock.tick(),
            started_at: state.clock.now(),
            endpoint: session.endpoint,
            in_path: None,
            is_loop: false,
            client_ip: session.client_ip,
            user_agent: session.user_agent.clone(),
            client_request_id: session
                .client_request_id
                .clone()
                .or_else(|| Some(session.id.to_string())),
        };
        admission::opened(&arrival, caller, &self.model, true, priced, day)
    }

    /// Writes down a response that was refused.
    pub(super) fn note_refusal(&self, state: &State, error: &Error) {
        let priced = state.models.find(self.served());
        let priced = priced.is_some_and(|model| model.price.is_some());
        let opened = self.opened(state, &self.caller, priced, state.today());
        state
            .ledger
            .refuse(opened, state.clock.tick(), error, Vec::new());
    }

    /// Opens the call of a response that has begun; until the provider tells what was used, its prompt counts as so many tokens.
    ///
    /// # Errors
    /// `api_error` when the journal has failed.
    pub(super) fn open(&mut self, state: &State, seat: Seat, likely_prompt: u64) -> Result<Bill> {
        let priced = seat
            .model
            .as_ref()
            .is_some_and(|model| model.price.is_some());
        let opened = self.opened(state, &seat.caller, priced, seat.day);
        let set_aside = seat.reservation.prompt_tokens();
        let open = state
            .ledger
            .open(opened, state.clock.tick(), seat.reservation, seat.permit)?;
        let request = Request {
            body: bytes::Bytes::new(),
            scan: Scan::default(),
        };
        let mut bill = Bill::new(open, seat.model, &request, &state.models);
        let channel_id = self.candidate.upstream.channel.id;
        let upstream_model = self.upstream_model().to_owned();
        bill.accept(&self.candidate, &upstream_model);
        let last = self.attempts.last().cloned();
        let attempts = std::mem::replace(&mut self.attempts, last.into_iter().collect());
        bill.draft(|draft| {
            draft.http_status = Some(101);
            draft.channel_id = Some(channel_id);
            draft.upstream_model = Some(upstream_model);
            draft.attempts = attempts;
        });
        bill.guess(Usage {
            prompt: likely_prompt.min(set_aside),
            ..Usage::default()
        });
        Ok(bill)
    }
}
