//! Forwarding: one candidate after the other, until one answers. Only before the first byte, and only where another
//! candidate may do better: no connection, no answer in time, a provider that is out or over its limits, the operator's
//! credential refused, an error or nothing usable behind a good status. What the client got wrong is wrong everywhere and goes
//! back to it as the provider said it.

mod attempt;
mod candidate;
mod said;

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use bytes::Bytes;

use super::accept::Accepted;
use super::admission::Plan;
use super::bill::Bill;
use super::carry::{Back, Carry};
use super::count;
use super::miss::{Caller, Miss};
use crate::crypto;
use crate::domain::{Endpoint, Error};
use crate::state::{AllOut, Candidate, State};
use candidate::try_candidate;
pub(super) use said::read_error;

/// The least wait before the same candidate is tried once more; the most is twice as long.
const BACK_OFF: Duration = Duration::from_millis(20);

/// What came of it.
#[expect(
    clippy::large_enum_variant,
    reason = "it is taken apart at once: a box would cost more than the move"
)]
pub(crate) enum Forwarded {
    /// A provider took the call and answers.
    Answered { accepted: Accepted, way: Way },
    /// A provider says that the client is wrong.
    Rejected {
        status: StatusCode,
        headers: Vec<(HeaderName, HeaderValue)>,
        body: Bytes,
        /// It says so in another dialect than the client's.
        foreign: bool,
    },
    /// A provider has worked on it, and it came to nothing by what was asked.
    Answerless(Error),
    /// None could be had.
    Failed(Error),
    /// The key died before one could.
    Died(Error),
}

/// How an answer comes back to the client.
pub(crate) struct Way {
    /// The provider's endpoint that answers.
    pub(crate) wire: Endpoint,
    /// Into the client's dialect, where that is another one.
    pub(crate) back: Option<Box<Back>>,
    /// The usage frame was asked for by the gateway alone: the client is not to see it.
    pub(crate) hide_usage: bool,
}

impl Way {
    /// As it is.
    pub(super) fn straight(wire: Endpoint) -> Self {
        Self {
            wire,
            back: None,
            hide_usage: false,
        }
    }
}

/// What came of the candidates so far.
#[derive(Default)]
struct Tried<'a> {
    last: Option<Miss>,
    out: AllOut,
    /// The channel that was tried last, where it failed by itself: another of its credentials does no better.
    failing: Option<&'a Candidate>,
    /// The last one whose failure may pass.
    may_pass: Option<&'a Candidate>,
}

impl<'a> Tried<'a> {
    /// Whether a candidate is of the channel that has just failed by itself.
    fn is_in_vain(&self, candidate: &Candidate) -> bool {
        self.failing
            .is_some_and(|failing| failing.is_as_good_as(candidate))
    }

    fn note(&mut self, candidate: &'a Candidate, miss: Miss) {
        self.failing = (!miss.is_the_credentials()).then_some(candidate);
        if miss.may_pass() {
            self.may_pass = Some(candidate);
        }
        // What a provider said says more than that another one could not be asked.
        if self.last.is_none() || !matches!(miss, Miss::Inexpressible(_)) {
            self.last = Some(miss);
        }
    }
}

/// Sends the call to the candidates of its route, in order. Where none is left and the last failure may pass, that candidate is
/// tried once more after a moment.
pub(crate) async fn forward(
    state: &State,
    plan: &Plan,
    headers: &[(HeaderName, HeaderValue)],
    bill: &mut Bill,
) -> Forwarded {
    let model = &plan.request.scan.model;
    let counts = plan.arrival.endpoint == Endpoint::CountTokens;
    let mut round = Round {
        state,
        plan,
        headers,
        bill,
        carry: Carry::new(plan, &state.fetcher),
        tried: Tried::default(),
    };
    for candidate in &plan.route.candidates {
        let kind = candidate.upstream.channel.kind;
        let own_name = candidate.upstream_model(model);
        if counts && !kind.counts_tokens(plan.conversation(), own_name)
            || round.tried.is_in_vain(candidate)
        {
            continue;
        }
        if let Some(forwarded) = round.give_turn(candidate).await {
            return forwarded;
        }
    }
    if counts {
        return count::here(plan).await;
    }
    let may_pass = round.tried.may_pass;
    if let Some(candidate) = may_pass.filter(|_| plan.can_be_sent_again()) {
        tokio::time::sleep(back_off()).await;
        if let Some(forwarded) = round.give_turn(candidate).await {
            return forwarded;
        }
    }
    let Tried { last, out, .. } = round.tried;
    Forwarded::Failed(last.map_or_else(|| state.channels.all_out(out, model), Miss::into_error))
}

/// So long after a failure the same candidate is tried once more: long enough for a restart of a provider's process, or the next
/// one behind its balancer; calls that failed together do not come back together.
fn back_off() -> Duration {
    let jitter = u16::from_be_bytes(crypto::random().unwrap_or_default());
    BACK_OFF + BACK_OFF * u32::from(jitter) / u32::from(u16::MAX)
}

/// One call on its way round the candidates.
struct Round<'a> {
    state: &'a State,
    plan: &'a Plan,
    headers: &'a [(HeaderName, HeaderValue)],
    bill: &'a mut Bill,
    carry: Carry<'a>,
    tried: Tried<'a>,
}

impl<'a> Round<'a> {
    /// Whose call it is.
    fn caller(&self) -> Caller {
        let arrival = &self.plan.arrival;
        Caller::of(
            self.plan.caller.key().id,
            arrival.id,
            &self.plan.request.body,
        )
    }

    /// Tries one candidate, if its channel takes the call; `None`: the next one's turn.
    async fn give_turn(&mut self, candidate: &'a Candidate) -> Option<Forwarded> {
        let model = candidate.upstream_model(&self.plan.request.scan.model);
        let (arrival, upstream) = (&self.plan.arrival, &candidate.upstream);
        let turn = self.state.channels.turn(upstream, arrival.endpoint, model);
        let turn = match turn {
            Ok(turn) => turn,
            Err(why) => {
                self.tried.out.note(why);
                return None;
            }
        };
        let tried = try_candidate(
            self.state,
            self.plan,
            &mut self.carry,
            candidate,
            self.headers,
            self.bill,
        );
        match tried.await {
            Ok((forwarded, took)) => {
                match &forwarded {
                    Forwarded::Answered { .. } => turn.succeed(Some(self.caller().key), took),
                    // It has read the request, and is well but for it.
                    Forwarded::Rejected { status, .. } if status.is_client_error() => {
                        turn.succeed(None, took);
                    }
                    Forwarded::Answerless(_) => turn.succeed(None, took),
                    Forwarded::Rejected { .. } | Forwarded::Failed(_) | Forwarded::Died(_) => {
                        turn.answer();
                    }
                }
                Some(forwarded)
            }
            Err(miss) => {
                self.bill.waive();
                // A provider that does not want a file may hang up in the middle of it: that tells nothing of its health.
                if !(self.plan.upload.is_some() && miss.hung_up()) {
                    miss.tell(turn, self.caller());
                }
                self.tried.note(candidate, miss);
                None
            }
        }
    }
}
