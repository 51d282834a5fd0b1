//! The ledger: opens calls and settles them, each exactly once, and reads what was written.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::clock::{Clock, Tick};
use crate::domain::{
    Attempt, Booking, Call, CallId, CallStatus, ChannelId, Code, Correction, Corrections, Day,
    Error, Grain, Headroom, KeyId, ModelName, Money, Opened, Outcome, Result, ScopeKind, Tally,
    TimeZone, Timestamp, TotalKey, Usage, UsagePart,
};
use crate::storage::{Batch, CallFilter, CallPage, Cursor, Store, Ticket};

use super::audit::{self, Actor, Differences};
use super::hidden::HiddenPrompts;
use super::ids::new_id;
use super::limits::Permit;
use super::quota::{Budget, Reservation};
use super::telemetry::Telemetry;
use super::webhooks::Signs;
use super::write;

/// Opens, settles and reads calls.
#[derive(Clone)]
pub struct Ledger(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Clock,
    zone: TimeZone,
    telemetry: Telemetry,
    hidden: HiddenPrompts,
    signs: Signs,
    open: AtomicUsize,
    /// By call; few, as each is made by hand.
    corrections: RwLock<HashMap<CallId, Arc<Corrections>>>,
    /// One correction at a time: each begins with what the last one has left.
    correcting: Mutex<()>,
}

impl Ledger {
    /// Takes over the ledger of a store. Calls that a crash left open are settled at their reservation, as `interrupted`.
    pub(super) fn load(
        store: Store,
        clock: Clock,
        zone: TimeZone,
        telemetry: Telemetry,
        hidden: HiddenPrompts,
        signs: Signs,
    ) -> Result<Self> {
        let now = clock.now();
        let mut last = None;
        for opened in store.open_calls() {
            last = Some(store.settle_call(opened.id, Outcome::interrupted(&opened, now)));
        }
        if let Some(ticket) = last {
            store.wait_durable(ticket).map_err(Error::internal)?;
        }
        let corrections = store.load::<Corrections>().map_err(Error::internal)?;
        let corrections = corrections
            .into_iter()
            .map(|corrected| (corrected.call_id, Arc::new(corrected)))
            .collect();
        Ok(Self(Arc::new(Inner {
            corrections: RwLock::new(corrections),
            correcting: Mutex::new(()),
            store,
            clock,
            zone,
            telemetry,
            hidden,
            signs,
            open: AtomicUsize::new(0),
        })))
    }

    /// A new call's id: `x-request-id`.
    pub fn next_id(&self) -> CallId {
        new_id(self.0.clock.now())
    }

    /// Calls in flight.
    pub fn open_calls(&self) -> usize {
        self.0.open.load(Ordering::Acquire)
    }

    /// Opens a call in the journal, not waiting for it, and takes over what has to be given back at its end.
    ///
    /// # Errors
    /// `api_error` when the journal has failed: nothing may be forwarded that cannot be written down.
    pub fn open(
        &self,
        opened: Opened,
        started: Tick,
        reservation: Reservation,
        permit: Permit,
    ) -> Result<OpenCall> {
        if let Some(failed) = self.0.store.failed() {
            return Err(Error::internal(failed));
        }
        let opened = Opened {
            reserved: Some(reservation.amount()),
            ..opened
        };
        let ticket = self.0.store.open_call(opened.clone());
        self.0.open.fetch_add(1, Ordering::AcqRel);
        Ok(OpenCall {
            ledger: self.clone(),
            opened,
            started,
            ticket,
            draft: Draft::default(),
            held: Some((reservation, permit)),
        })
    }

    /// Writes down a call of a known key that was refused before it was opened, and what was tried before. Nothing is booked,
    /// nobody waits.
    pub fn refuse(&self, opened: Opened, started: Tick, error: &Error, attempts: Vec<Attempt>) {
        let draft = Draft {
            status: CallStatus::Error,
            http_status: Some(error.code.status()),
            error_code: Some(error.code),
            cost: opened.priced.then_some(Money::ZERO),
            channel_id: attempts.last().map(|attempt| attempt.channel_id),
            attempts,
            ..Draft::default()
        };
        let outcome = draft.into_outcome(&self.0.clock, started);
        self.0.telemetry.ended(&outcome);
        self.0.signs.refused(&opened, error);
        self.0.store.record_call(Call {
            opened: Opened {
                reserved: None,
                ..opened
            },
            outcome,
        });
    }

    /// The call log, the latest ended first. Reads from disk: not for an async thread.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn calls(
        &self,
        filter: &CallFilter,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<CallPage> {
        let mut page = self.0.store.calls(filter, cursor, limit);
        if let Ok(page) = &mut page {
            page.calls
                .iter_mut()
                .for_each(|call| self.as_corrected(call));
        }
        page.map_err(Error::internal)
    }

    /// One call. Reads from disk: not for an async thread.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn call(&self, id: CallId) -> Result<Option<Call>> {
        let mut call = self.0.store.call(id).map_err(Error::internal)?;
        if let Some(call) = &mut call {
            self.as_corrected(call);
        }
        Ok(call)
    }

    /// The corrections of a call; `None`: there are none.
    pub fn corrections(&self, id: CallId) -> Option<Arc<Corrections>> {
        let all = self.0.corrections.read();
        all.unwrap_or_else(PoisonError::into_inner)
            .get(&id)
            .cloned()
    }

    fn as_corrected(&self, call: &mut Call) {
        if let Some(corrected) = self.corrections(call.opened.id) {
            corrected.apply(call);
        }
    }

    /// Corrects a call by an entry of its own: totals and quotas follow, and the call shows both. `budgets` are those that the
    /// call is booked on. Reads from disk: not for an async thread.
    ///
    /// # Errors
    /// `not_found` for a call that is not in the log; what `change` says; `api_error` when it cannot be written.
    pub(super) fn correct(
        &self,
        id: CallId,
        actor: &Actor,
        reason: String,
        change: impl FnOnce(&Call) -> Result<Booking>,
        budgets: impl FnOnce(&Opened) -> Vec<Arc<Budget>>,
    ) -> Result<Ticket> {
        let inner = &self.0;
        let _one = inner
            .correcting
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(call) = self.call(id)? else {
            return Err(Error::new(
                Code::NotFound,
                "No call has this id, or it is older than the call log is kept.",
            ));
        };
        let (before, after) = (Booking::of(&call.outcome), change(&call)?);
        let correction = Correction {
            at: inner.clock.now(),
            by: actor.username.clone(),
            reason: reason.clone(),
            before,
            after,
        };
        let mut list = self
            .corrections(id)
            .map(|corrected| corrected.list.clone())
            .unwrap_or_default();
        list.push(correction.clone());
        let corrected = Corrections {
            call_id: id,
            day: call.opened.day,
            list,
        };
        let mut differences = Differences::default();
        let cost = |booking: &Booking| {
            booking
                .cost
                .map_or_else(|| "unknown".to_owned(), |cost| cost.to_string())
        };
        differences.note("prompt_tokens", before.usage.prompt, after.usage.prompt);
        differences.note("cached_tokens", before.usage.cached, after.usage.cached);
        differences.note(
            "cache_write_tokens",
            before.usage.cache_write,
            after.usage.cache_write,
        );
        differences.note(
            "completion_tokens",
            before.usage.completion,
            after.usage.completion,
        );
        differences.note(
            "reasoning_tokens",
            before.usage.reasoning,
            after.usage.reasoning,
        );
        differences.note("cost_usd", cost(&before), cost(&after));
        differences.note("reason", "", &reason);
        let name = id.to_string();
        let log = audit::entry(
            &inner.clock,
            actor,
            "call.correct",
            (&name, &call.opened.model),
            differences.into_changes(),
        );
        let batch = Batch::new().put(&corrected).put(&log);
        let booked = call.opened.reserved.is_some();
        let (opened, day) = (call.opened.clone(), call.opened.day);
        let ticket = inner.store.correct_call(call, correction, batch);
        inner
            .corrections
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id, Arc::new(corrected));
        if booked {
            for budget in budgets(&opened) {
                budget.correct(day, before.consumption(), after.consumption());
            }
        }
        inner.signs.settled(&opened);
        Ok(ticket)
    }

    /// Forgets the corrections of calls that are no longer in the log; the totals keep them.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) async fn forget_corrections(&self, before: Day) -> Result<()> {
        let ticket = {
            let all = self.0.corrections.write();
            let mut all = all.unwrap_or_else(PoisonError::into_inner);
            let old = all.values().filter(|corrected| corrected.day < before);
            let old: Vec<CallId> = old.map(|corrected| corrected.call_id).collect();
            let batch = old.iter().fold(Batch::new(), |batch, id| {
                batch.delete::<Corrections>(id.as_bytes())
            });
            for id in &old {
                all.remove(id);
            }
            self.0.store.write(batch)
        };
        write(&self.0.store, ticket).await
    }

    /// Totals by hour or day, of the buckets that begin in `from..to`. Reads from disk: not for an async thread.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn usage(
        &self,
        kind: ScopeKind,
        grain: Grain,
        from: Timestamp,
        to: Timestamp,
        key: Option<KeyId>,
    ) -> Result<Vec<(TotalKey, Tally)>> {
        // The bucket that `to` lies in is whole unless `to` is its very beginning.
        let last = to.before(std::time::Duration::from_micros(1));
        let (first, end) = match grain {
            Grain::Ever => (0, 1),
            Grain::Month => (
                self.0.zone.day(from).month().0,
                self.0.zone.day(last).month().0 + 1,
            ),
            Grain::Day => (self.0.zone.day(from).0, self.0.zone.day(last).0 + 1),
            Grain::Hour => (from.hour().0, last.hour().0 + 1),
        };
        self.0
            .store
            .totals(kind, grain, first, end, key)
            .map_err(Error::internal)
    }
}

/// What is known of a call's outcome so far.
#[derive(Clone, Debug)]
pub struct Draft {
    /// How it would be said to have ended if it ended now.
    pub status: CallStatus,
    /// The status that the client got.
    pub http_status: Option<u16>,
    /// The error's code where there was one of ours.
    pub error_code: Option<Code>,
    /// The channel that answered, or was tried last.
    pub channel_id: Option<ChannelId>,
    /// The model's name at the provider.
    pub upstream_model: Option<ModelName>,
    /// The public name of the model that answered, where it is not the one that was asked for.
    pub served_model: Option<ModelName>,
    /// What it used, all of it.
    pub usage: Usage,
    /// Its parts, where they are priced each by itself; none: it is one.
    pub parts: Vec<UsagePart>,
    /// What it cost; `None`: not priced.
    pub cost: Option<Money>,
    /// From the request's arrival to the first byte of the answer, in microseconds.
    pub first_token_us: Option<u64>,
    /// Time in the gateway before forwarding, in microseconds.
    pub overhead_us: u64,
    /// Each try at a channel, in order.
    pub attempts: Vec<Attempt>,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            status: CallStatus::Cancelled,
            http_status: None,
            error_code: None,
            channel_id: None,
            upstream_model: None,
            served_model: None,
            usage: Usage::default(),
            parts: Vec::new(),
            cost: None,
            first_token_us: None,
            overhead_us: 0,
            attempts: Vec::new(),
        }
    }
}

impl Draft {
    fn into_outcome(self, clock: &Clock, started: Tick) -> Outcome {
        Outcome {
            ended_at: clock.now(),
            status: self.status,
            http_status: self.http_status,
            error_code: self.error_code,
            channel_id: self.channel_id,
            upstream_model: self.upstream_model,
            usage: self.usage,
            parts: self.parts,
            // What used nothing costs nothing, whether there is a price or not.
            cost: self.cost.or(self.usage.is_nothing().then_some(Money::ZERO)),
            latency_us: clock.tick().micros_since(started),
            first_token_us: self.first_token_us,
            overhead_us: self.overhead_us,
            attempts: self.attempts,
            over_reservation: false,
        }
    }
}

/// A call in flight. Settled once, by [`OpenCall::settle`] or else when dropped, with what its draft says then; either way
/// reservation and permit are given back.
#[must_use = "a call that is dropped is settled as its draft says"]
pub struct OpenCall {
    ledger: Ledger,
    opened: Opened,
    started: Tick,
    ticket: Ticket,
    draft: Draft,
    /// Taken when the call is settled: there is no second time.
    held: Option<(Reservation, Permit)>,
}

impl OpenCall {
    /// What is known of its beginning.
    pub fn opened(&self) -> &Opened {
        &self.opened
    }

    /// When its request arrived.
    pub fn started(&self) -> Tick {
        self.started
    }

    /// How many tokens are set aside for its prompt.
    pub fn prompt_tokens(&self) -> u64 {
        self.held
            .as_ref()
            .map_or(0, |(reservation, _)| reservation.prompt_tokens())
    }

    /// What it may come to before a quota could be passed by it.
    pub fn ceiling(&self) -> Headroom {
        self.held
            .as_ref()
            .map(|(reservation, _)| reservation.ceiling())
            .unwrap_or_default()
    }

    /// Resolves when its opening is on disk: before that no byte of a streamed answer may go to the client.
    pub fn durable(&self) -> impl Future<Output = Result<()>> + use<> {
        write(&self.ledger.0.store, self.ticket)
    }

    /// What would be written if it ended now; filled in as more becomes known.
    pub fn draft(&mut self) -> &mut Draft {
        &mut self.draft
    }

    /// Ends the call with its draft, at once and once; the future only waits until that is on disk.
    pub fn settle(mut self) -> impl Future<Output = Result<()>> + use<> {
        self.finish();
        write(&self.ledger.0.store, self.ticket)
    }

    fn finish(&mut self) {
        let Some((reservation, permit)) = self.held.take() else {
            return;
        };
        let inner = &self.ledger.0;
        let served = self.draft.served_model.take();
        let mut outcome = std::mem::take(&mut self.draft).into_outcome(&inner.clock, self.started);
        if outcome.usage.implausible {
            tracing::warn!(
                call = %self.opened.id, channel = ?outcome.channel_id.map(|id| id.to_string()), model = %self.opened.model,
                "a provider reports a usage that cannot be; what was set aside is booked in its place"
            );
            inner.signs.implausible(&self.opened, outcome.channel_id);
        } else if !outcome.usage.estimated {
            outcome.over_reservation = outcome.consumption().exceeds(reservation.amount());
            let (prompt, set_aside) = (outcome.usage.prompt, reservation.prompt_tokens());
            if prompt > set_aside {
                let (known, excess) = (reservation.hidden_tokens(), prompt - set_aside);
                let model = served.as_ref().unwrap_or(&self.opened.model);
                inner.hidden.learn(model, known, excess);
            }
        }
        reservation.settle(outcome.consumption());
        permit.settle(outcome.consumption().tokens, inner.clock.tick());
        inner.signs.settled(&self.opened);
        inner.telemetry.ended(&outcome);
        self.ticket = inner.store.settle_call(self.opened.id, outcome);
        inner.open.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.finish();
    }
}
