//! An answer of bytes that nobody reads, such as audio: it passes as it comes, and none of it is held.
//!
//! It ends well with its last byte, by its length or by the end of its chunks. Whatever else ends it breaks the connection off,
//! for there is no frame that could tell why. What it used is what the request tells, its provider gives no numbers with it.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use tokio::time::Sleep;

use super::bill::Bill;
use super::meter::{BrokenOff, FAREWELL, Next};
use super::provider::{Answer, Body};
use super::silence::Silence;
use crate::clock::{Clock, Tick};
use crate::domain::{AttemptStatus, CallStatus, Code, Error};
use crate::state::Timeouts;

/// An answer on its way.
pub(crate) struct Passing {
    body: Body,
    /// How long it is, where it says so.
    length: Option<u64>,
    /// How much of that is still to come.
    left: Option<u64>,
    bill: Bill,
    clock: Clock,
    started: Tick,
    silence: Silence,
    begun: bool,
    phase: Phase,
}

enum Phase {
    /// Bytes go by.
    Going,
    /// It has failed: what came before may still leave, then the connection is broken off.
    Breaking(Pin<Box<Sleep>>),
    Over,
}

impl Passing {
    /// Passes the answer to a call on.
    pub(crate) fn new(answer: Answer, clock: &Clock, timeouts: Timeouts, bill: Bill) -> Self {
        let started = bill
            .open()
            .map_or_else(|| clock.tick(), |open| open.started());
        Self {
            body: answer.body,
            length: answer.length,
            left: answer.length,
            bill,
            clock: clock.clone(),
            started,
            silence: Silence::new(timeouts),
            begun: false,
            phase: Phase::Going,
        }
    }

    /// How long it is.
    pub(crate) fn length(&self) -> Option<u64> {
        self.length
    }

    /// What comes next for the client.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Next {
        loop {
            match &mut self.phase {
                Phase::Over => return Poll::Ready(None),
                Phase::Breaking(farewell) => {
                    std::task::ready!(farewell.as_mut().poll(context));
                    self.phase = Phase::Over;
                    return Poll::Ready(Some(Err(BrokenOff)));
                }
                Phase::Going => {}
            }
            if let Some(next) = self.poll_body(context) {
                return next;
            }
        }
    }

    /// What comes next of the body; `None`: it has failed.
    fn poll_body(&mut self, context: &mut Context<'_>) -> Option<Next> {
        match Pin::new(&mut self.body).poll_next(context) {
            Poll::Ready(Some(Ok(piece))) => {
                self.count(&piece);
                return Some(Poll::Ready(Some(Ok(piece))));
            }
            Poll::Ready(Some(Err(error))) => self.break_off(&error.to_string()),
            Poll::Ready(None) if self.left.is_some_and(|left| left > 0) => {
                self.break_off("the answer ended before its length");
            }
            Poll::Ready(None) => {
                self.end();
                return Some(Poll::Ready(None));
            }
            Poll::Pending if !self.silence.is_too_long(context) => return Some(Poll::Pending),
            Poll::Pending => {
                self.bill
                    .fail_attempt(AttemptStatus::TimedOut, "the answer stood still");
                self.fail(Code::GatewayTimeout);
            }
        }
        None
    }

    /// Its key has died: at once, whether or not the client takes anything.
    pub(crate) fn die(&mut self, error: &Error) {
        if matches!(self.phase, Phase::Going) {
            self.fail(error.code);
        }
    }

    fn count(&mut self, piece: &Bytes) {
        self.silence.is_broken();
        if !self.begun {
            self.begun = true;
            self.silence.begin();
            let first_token_us = self.clock.tick().micros_since(self.started);
            self.bill
                .draft(|draft| draft.first_token_us = Some(first_token_us));
        }
        let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(length);
            // The server does not ask for more than the length that it was told.
            if *left == 0 {
                self.end();
            }
        }
    }

    fn end(&mut self) {
        self.body = Body::Ended;
        self.bill.settle_detached(CallStatus::Ok, None);
        self.phase = Phase::Over;
    }

    fn break_off(&mut self, words: &str) {
        self.bill.fail_attempt(AttemptStatus::BrokenAnswer, words);
        self.fail(Code::BadGateway);
    }

    /// Cancels at the provider and settles.
    fn fail(&mut self, code: Code) {
        self.body = Body::Ended;
        self.bill.settle_detached(CallStatus::Error, Some(code));
        self.phase = Phase::Breaking(Box::pin(tokio::time::sleep(FAREWELL)));
    }
}
