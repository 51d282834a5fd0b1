//! Metering a streamed answer on its way to the client, frame by frame as the frames come.
//!
//! A stream is passed on as it is, whole frames at a time; the only frame held back is the usage that the gateway alone
//! asked for. It ends well only with its dialect's terminal event, or properly framed behind the reason why each answer in it
//! has finished. Whatever else ends it (the provider breaks off or falls silent, the key dies) is told to the client as an error frame and then by breaking the connection off, so that no client
//! takes it for a whole answer. It is settled with its last frame; dropped before that, because the client went away, it is
//! settled as cancelled, and the provider's connection is closed with it. `watch` ends it when its key dies.
//!
//! Where the provider goes on beyond what is set aside for the call, the stream is ended as its output limit would end it,
//! before the frame that would be too much.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use tokio::task::JoinHandle;
use tokio::time::Sleep;

use super::allowance::Count;
use super::bill::Bill;
use super::carry::CarriedStream;
use super::dialect::fault::{self, Asked, Blame};
use super::dialect::{self, CutOff, Opening};
use super::provider::{Answer, Body};
use super::silence::Silence;
use super::sse::{self, Frames};
use crate::clock::{Clock, Tick};
use crate::domain::{AttemptStatus, CallStatus, Code, Endpoint, Error};
use crate::state::Timeouts;

/// Time for what was said last to leave before the connection is broken off.
pub(super) const FAREWELL: Duration = Duration::from_millis(20);

/// What the client asked for, as far as the end of a stream depends on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// The endpoint it called.
    pub(crate) endpoint: Endpoint,
    /// The provider's endpoint that answers.
    pub(crate) wire: Endpoint,
    /// How many answers.
    pub(crate) choices: u64,
    /// Whether the usage frame was asked for by the client.
    pub(crate) show_usage: bool,
    /// Whether it was asked for by the gateway alone.
    pub(crate) hide_usage: bool,
}

/// What comes of asking for more of a stream.
pub(crate) type Next = Poll<Option<Result<Bytes, BrokenOff>>>;

/// A streamed answer on its way.
pub(crate) struct Meter {
    wanted: Wanted,
    /// Between the provider's dialect and the client's, where they differ.
    carried: Option<CarriedStream>,
    body: Body,
    frames: Frames,
    /// The first frame with data.
    first: Bytes,
    /// Whole frames that wait until it is counted whether the first of them may go on.
    held: Bytes,
    bill: Bill,
    clock: Clock,
    started: Tick,
    silence: Silence,
    begun: bool,
    /// The client is told, or has been, that the stream has failed: with this code.
    failed: Option<Code>,
    /// The stream may end here, by its dialect.
    may_end: bool,
    /// The answers that have ended, a bit each.
    finished: u64,
    phase: Phase,
}

enum Phase {
    /// Frames go by and are read.
    Streaming,
    /// The frames wait for a count.
    Counting(JoinHandle<Count>),
    /// The terminal event has gone by: what may come yet only passes.
    Settled,
    /// Its key has died while nobody asked for more: the error frame is what comes next.
    Dead(Bytes),
    /// The error frame is on its way; then the connection is broken off.
    Breaking(Pin<Box<Sleep>>),
    Over,
}

/// The code of an error that the provider has sent in the middle of a stream.
fn code_of(said: &[u8]) -> Code {
    match fault::blame(None, said, Asked::default()) {
        Blame::Client => Code::InvalidRequest,
        Blame::Limit => Code::RateLimitExceeded,
        Blame::Credential | Blame::Model | Blame::Channel => Code::BadGateway,
    }
}

/// The stream has failed, and the client was told.
#[derive(Debug, thiserror::Error)]
#[error("the stream was broken off; its client has been told why")]
pub(crate) struct BrokenOff;

impl Meter {
    /// Meters the answer to a call.
    pub(crate) fn new(
        wanted: Wanted,
        carried: Option<CarriedStream>,
        answer: Answer,
        clock: &Clock,
        timeouts: Timeouts,
        bill: Bill,
    ) -> Self {
        let started = bill
            .open()
            .map_or_else(|| clock.tick(), |open| open.started());
        Self {
            wanted,
            carried,
            body: answer.body,
            frames: Frames::default(),
            first: Bytes::new(),
            held: Bytes::new(),
            bill,
            clock: clock.clone(),
            started,
            silence: Silence::new(timeouts),
            begun: false,
            failed: None,
            may_end: false,
            finished: 0,
            phase: Phase::Streaming,
        }
    }

    /// Takes bytes that came; gives what of them may go on.
    fn take(&mut self, chunk: Bytes) -> Result<Bytes, sse::FrameTooLong> {
        let whole = self.frames.push(chunk)?;
        match self.phase {
            Phase::Streaming => Ok(self.read(whole, true)),
            Phase::Counting(_)
            | Phase::Settled
            | Phase::Dead(_)
            | Phase::Breaking(_)
            | Phase::Over => Ok(self.carry(whole)),
        }
    }

    /// What the client is to see of frames that go on.
    fn carry(&mut self, frames: Bytes) -> Bytes {
        let Some(carried) = &mut self.carried else {
            return frames;
        };
        match carried.pass(&frames) {
            Ok(seen) => {
                self.note_told();
                seen
            }
            Err(unreadable) => {
                let error = Error::new(
                    Code::BadGateway,
                    "The provider's answer could not be read. What came is incomplete; try again.",
                );
                let told = carried.fail(&error);
                self.failed = Some(error.code);
                self.body = Body::Ended;
                self.bill.break_attempt(unreadable.to_string());
                self.settle();
                self.phase = Phase::Settled;
                told
            }
        }
    }

    /// What the client was told of a failure in its own dialect is what the log says.
    fn note_told(&mut self) {
        let told = self.carried.as_mut().and_then(CarriedStream::take_failure);
        if let Some((code, words)) = told
            && self.failed.is_none()
        {
            self.failed = Some(code);
            let words = self.bill.without_secrets(Bytes::from(words));
            let words = String::from_utf8_lossy(&words);
            self.bill.fail_attempt(AttemptStatus::ProviderError, &words);
        }
    }

    /// Reads whole frames; gives those that the client is to see. Where one could be too much, it is held back with all
    /// behind it, and counted, if that `may_wait`.
    fn read(&mut self, mut whole: Bytes, may_wait: bool) -> Bytes {
        let (mut at, mut kept_from, mut kept, mut terminal) = (0, 0, BytesMut::new(), false);
        let mut hold_from = None;
        for frame in sse::split(&whole) {
            let seen = dialect::read_frame(self.wanted.wire, frame, self.bill.written());
            if let Some(usage) = seen.usage {
                self.bill.report(*usage);
            }
            if seen.error && self.failed.is_none() {
                let data = sse::Frame::read(frame).data.unwrap_or_default();
                self.failed = Some(code_of(&data));
                self.bill.fail_attempt_as_said(&data);
            }
            terminal |= seen.terminal;
            self.finished |= seen.finished;
            self.may_end |= seen.may_end || self.all_have_ended();
            if (self.first.is_empty() || !self.begun)
                && let Some(data) = sse::Frame::read(frame).data
            {
                if self.first.is_empty() {
                    self.first = Bytes::copy_from_slice(frame);
                }
                if !self.begun
                    && Opening::of(self.wanted.wire, seen.content, &data) == Opening::Answer
                {
                    self.begin();
                }
            }
            if seen.content && may_wait && self.bill.must_wait(self.wanted.choices) {
                hold_from = Some(at);
                break;
            }
            if self.wanted.hide_usage && seen.only_usage {
                kept.extend_from_slice(whole.get(kept_from..at).unwrap_or_default());
                kept_from = at + frame.len();
            }
            at += frame.len();
        }
        if let Some(from) = hold_from {
            self.held = whole.split_off(from);
        }
        if kept_from > 0 {
            kept.extend_from_slice(whole.get(kept_from..).unwrap_or_default());
            whole = kept.freeze();
        }
        if self.failed.is_some() {
            whole = self.bill.without_secrets(whole);
        }
        let seen = self.carry(whole);
        // Only now is it known what the client is told.
        if matches!(self.phase, Phase::Streaming) {
            if hold_from.is_some() {
                let counting = self.bill.counting(self.wanted.choices);
                self.phase = Phase::Counting(tokio::task::spawn_blocking(counting));
            } else if terminal {
                self.phase = Phase::Settled;
                self.settle();
            }
        }
        seen
    }

    /// The first of the answer has come.
    fn begin(&mut self) {
        self.begun = true;
        self.silence.begin();
        let first_token_us = self.clock.tick().micros_since(self.started);
        self.bill
            .draft(|draft| draft.first_token_us = Some(first_token_us));
    }

    /// Whether each of the answers that were asked for has said why it ends.
    fn all_have_ended(&self) -> bool {
        let all = u32::try_from(self.wanted.choices.max(1)).unwrap_or(u32::MAX);
        self.finished.trailing_ones() >= all
    }

    /// It is counted: the frame that waited goes on, and with it what came behind, or the stream ends before it.
    fn go_on(&mut self, counted: Result<Count, tokio::task::JoinError>) -> Next {
        let count = match counted {
            Ok(count) => count,
            Err(error) => return self.break_off(&Error::internal(error)),
        };
        let end = sse::split(&self.held).next().map_or(0, <[u8]>::len);
        let frame = self.held.split_to(end);
        if self.bill.counted(count) {
            self.phase = Phase::Streaming;
            return Poll::Ready(Some(Ok(self.carry(frame))));
        }
        let written = std::mem::take(self.bill.written());
        let usage = self.bill.cut_off();
        let cut = CutOff {
            first: &self.first,
            dropped: &frame,
            written: &written,
            choices: self.wanted.choices,
            usage: &usage,
            show_usage: self.wanted.show_usage,
        };
        let last = match &mut self.carried {
            Some(carried) => carried.cut_off(&usage),
            None => Bytes::from(dialect::cut_off(self.wanted.endpoint, &cut)),
        };
        self.body = Body::Ended;
        self.bill.settle_detached(CallStatus::Ok, None);
        self.phase = Phase::Over;
        Poll::Ready(Some(Ok(last)))
    }

    /// The answer is whole.
    fn settle(&mut self) {
        match self.failed {
            Some(code) => self.bill.settle_detached(CallStatus::Error, Some(code)),
            None => self.bill.settle_detached(CallStatus::Ok, None),
        }
    }

    /// The provider's bytes have ended.
    fn end(&mut self, broke_off: Option<String>) -> Next {
        self.body = Body::Ended;
        let rest = self.frames.finish();
        let mut last = Bytes::new();
        if !rest.trim_ascii().is_empty() {
            // Some leave out the blank line behind the last frame.
            let mut whole = BytesMut::from(rest.trim_ascii_end());
            whole.extend_from_slice(b"\n\n");
            last = match self.phase {
                Phase::Streaming => self.read(whole.freeze(), false),
                Phase::Counting(_)
                | Phase::Settled
                | Phase::Dead(_)
                | Phase::Breaking(_)
                | Phase::Over => self.carry(whole.freeze()),
            };
        }
        let ends_well = self.may_end && broke_off.is_none();
        if ends_well && matches!(self.phase, Phase::Streaming)
            || matches!(self.phase, Phase::Settled)
        {
            if let Some(carried) = &mut self.carried {
                last = [last, carried.end()].concat().into();
                self.note_told();
            }
            self.settle();
            self.phase = Phase::Over;
            return Poll::Ready((!last.is_empty()).then_some(Ok(last)));
        }
        if broke_off.is_none()
            && let Some(carried) = &mut self.carried
        {
            // That there is no answer is known only now.
            let told = carried.end();
            self.note_told();
            if let Some(code) = self.failed
                && !told.is_empty()
            {
                last = [last, told].concat().into();
                self.bill.settle_detached(CallStatus::Error, Some(code));
                return self.farewell(last);
            }
        }
        // What the provider said itself says more.
        if self.failed.is_none() {
            self.bill.fail_attempt(
                AttemptStatus::BrokenAnswer,
                broke_off
                    .as_deref()
                    .unwrap_or("the stream ended without its terminal event"),
            );
        }
        self.break_off(&Error::new(
            Code::BadGateway,
            "The provider's answer broke off before its end. What came is incomplete; try again.",
        ))
    }

    /// Its key has died: at once, whether or not the client takes anything.
    pub(crate) fn die(&mut self, error: &Error) {
        match self.phase {
            Phase::Streaming | Phase::Counting(_) => self.phase = Phase::Dead(self.fail(error)),
            Phase::Settled | Phase::Dead(_) | Phase::Breaking(_) | Phase::Over => {}
        }
    }

    /// Cancels at the provider, settles, and tells the client why.
    fn break_off(&mut self, error: &Error) -> Next {
        let frame = self.fail(error);
        self.farewell(frame)
    }

    /// Cancels at the provider and settles; gives what the client is told, unless the provider has told it already.
    fn fail(&mut self, error: &Error) -> Bytes {
        self.body = Body::Ended;
        let code = self.failed.unwrap_or(error.code);
        self.bill.settle_detached(CallStatus::Error, Some(code));
        match &mut self.carried {
            _ if self.failed.is_some() => Bytes::from_static(b": the stream has failed\n\n"),
            Some(carried) => carried.fail(error),
            None => Bytes::from(dialect::error_frame(self.wanted.endpoint, error)),
        }
    }

    fn farewell(&mut self, frame: Bytes) -> Next {
        self.phase = Phase::Breaking(Box::pin(tokio::time::sleep(FAREWELL)));
        Poll::Ready(Some(Ok(frame)))
    }

    /// What comes next for the client.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Next {
        loop {
            match &mut self.phase {
                Phase::Over => return Poll::Ready(None),
                Phase::Dead(frame) => {
                    let frame = std::mem::take(frame);
                    return self.farewell(frame);
                }
                Phase::Breaking(farewell) => {
                    std::task::ready!(farewell.as_mut().poll(context));
                    self.phase = Phase::Over;
                    return Poll::Ready(Some(Err(BrokenOff)));
                }
                Phase::Counting(count) => {
                    let counted = std::task::ready!(Pin::new(count).poll(context));
                    return self.go_on(counted);
                }
                Phase::Streaming | Phase::Settled => {}
            }
            if !self.held.is_empty() {
                let behind = std::mem::take(&mut self.held);
                let visible = self.read(behind, true);
                if visible.is_empty() {
                    continue;
                }
                return Poll::Ready(Some(Ok(visible)));
            }
            match Pin::new(&mut self.body).poll_next(context) {
                Poll::Ready(Some(Ok(chunk))) => {
                    self.silence.is_broken();
                    match self.take(chunk) {
                        Ok(visible) if visible.is_empty() => {}
                        Ok(visible) => return Poll::Ready(Some(Ok(visible))),
                        Err(error) => return self.end(Some(error.to_string())),
                    }
                }
                Poll::Ready(Some(Err(error))) => return self.end(Some(error.to_string())),
                Poll::Ready(None) => return self.end(None),
                Poll::Pending => {
                    if !self.silence.is_too_long(context) {
                        return Poll::Pending;
                    }
                    if matches!(self.phase, Phase::Settled) {
                        return self.end(None);
                    }
                    self.bill
                        .fail_attempt(AttemptStatus::TimedOut, "the stream stood still");
                    return self.break_off(&Error::new(Code::GatewayTimeout, "The provider fell silent in the middle of its answer. What came is incomplete; try again."));
                }
            }
        }
    }
}
