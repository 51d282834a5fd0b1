//! A channel's health, from the calls that go through it: when it is taken out of the pool, and how one live call at a time
//! brings it back. Times are durations on a scale that never goes back, passed in by the caller.
//!
//! What does not answer at all is the channel's: it is out as a whole. What answers and fails is counted for its model at its
//! endpoint: embeddings that fail take no chat away. An error that comes at once and in words may be one caller's mistake: it
//! never takes anything out, it only lets other channels be asked first (see [`Complaint`]).

mod condition;
mod record;

use std::collections::BTreeMap;
use std::time::Duration;

use super::endpoint::Endpoint;
use super::pace::{Average, Pace, Took};
pub use condition::{Condition, HealthState, Part};
pub use record::Complaint;
use record::{Newest, Record};

/// More failures than this in a row take a channel out of the pool.
const IN_A_ROW: u32 = 3;
/// The outcomes that the error rate is taken of: so many of the newest, and not before there are this few.
const NEWEST: u32 = 20;
const FEWEST: u32 = 10;
/// A moving average of the time to a stream's first event above this makes a channel slow, once there are this many of them.
const SLOW: Duration = Duration::from_secs(10);
const FEWEST_TIMES: u32 = 3;
/// The most models at endpoints of which failures are remembered.
const MOST_PARTS: usize = 1_024;

/// Why a channel is out of the pool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DownReason {
    /// More than three failures in a row.
    Failures,
    /// More than half of its newest calls failed.
    ErrorRate,
    /// Its streams take more than 10 s to begin.
    Slow,
    /// The provider refused its credential, or all of them.
    CredentialRefused,
    /// More than three different calls in a row were answered at once with errors.
    Errors,
}

impl DownReason {
    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failures => "more than 3 failures in a row",
            Self::ErrorRate => "more than half of the newest calls failed",
            Self::Slow => "more than 10 s to the first event of a stream",
            Self::CredentialRefused => "the provider refused the credential",
            Self::Errors => "more than 3 calls in a row were answered at once with an error",
        }
    }

    /// Whether it still takes calls that no other channel can.
    const fn is_soft(self) -> bool {
        match self {
            Self::Slow | Self::Errors => true,
            Self::Failures | Self::ErrorRate | Self::CredentialRefused => false,
        }
    }
}

/// Whether a channel takes a call now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Admits {
    /// It does.
    Call,
    /// It is out, and this call may try whether it is back: no other may until this one has ended.
    Probe,
    /// It is slow, or answers with errors: only when no other is left.
    LastResort,
    /// It does not.
    Out(Out),
}

/// Why and until when a channel takes no call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Out {
    /// It failed, and is given a rest until this time.
    Cooling(Duration),
    /// The provider wants no call for this model before this time.
    Limited(Duration),
    /// The provider refused its credential: until an operator has seen to it.
    Refused,
    /// The provider does not know the model by the name that is set up, or does not let it be used: until this time.
    Barred(Duration),
}

/// A model, by the provider's name, at an endpoint of the provider's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place<'a> {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The model.
    pub model: &'a str,
}

/// What a call tries beside being answered: whether what was out is back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Claim {
    channel: bool,
    part: bool,
}

impl Claim {
    /// Whether it tries anything.
    pub fn is_any(self) -> bool {
        self.channel || self.part
    }
}

/// What failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failed {
    /// The channel: nobody answers there.
    Channel,
    /// The model at the endpoint.
    Part,
    /// One call, which was answered at once with an error in words.
    Call(Complaint),
}

/// How a channel has done lately.
#[derive(Clone, Debug, Default)]
pub struct Health {
    newest: Newest,
    /// The channel as a whole.
    channel: Record,
    /// Its models at endpoints, of those that have failed lately.
    parts: BTreeMap<(Endpoint, String), Record>,
    /// Whose call went well last.
    last_good: Option<u64>,
    /// The moving average of the time to the first event of a stream, and of how many it is.
    first_event: Average,
    /// How quickly it answers, since it was last out.
    pace: Pace,
}

impl Health {
    /// Whether it takes a call; changes nothing.
    pub fn admits(&self, now: Duration, place: Place<'_>) -> Admits {
        // Almost always there is none: then no key is made.
        let parts = Some(&self.parts).filter(|parts| !parts.is_empty());
        let part = parts.and_then(|parts| parts.get(&key(place)));
        let each = [Some(&self.channel), part].map(|record| admits(record, now));
        match each {
            [
                Admits::Out(Out::Cooling(one)),
                Admits::Out(Out::Cooling(two)),
            ] => Admits::Out(Out::Cooling(one.max(two))),
            [out @ Admits::Out(_), _] | [_, out @ Admits::Out(_)] => out,
            [Admits::LastResort, _] | [_, Admits::LastResort] => Admits::LastResort,
            [Admits::Probe, _] | [_, Admits::Probe] => Admits::Probe,
            [Admits::Call, Admits::Call] => Admits::Call,
        }
    }

    /// Takes a call in. A claim that is made with it ends with [`Self::succeed`], [`Self::fail`], [`Self::answer`] or
    /// [`Self::release`].
    pub fn begin(&mut self, now: Duration, place: Place<'_>) -> (Admits, Claim) {
        let admits = self.admits(now, place);
        if matches!(admits, Admits::Out(_) | Admits::Call) {
            return (admits, Claim::default());
        }
        let part = self.parts.get_mut(&key(place));
        let claim = Claim {
            channel: self.channel.begin(now),
            part: part.is_some_and(|record| record.begin(now)),
        };
        (admits, claim)
    }

    /// A call got an answer, of this caller. It brings the channel back, unless it was slow and this call does not tell that it
    /// is better: only the beginning of a stream does.
    pub fn succeed(
        &mut self,
        now: Duration,
        claim: Claim,
        place: Place<'_>,
        caller: Option<u64>,
        took: Took,
    ) -> Turned {
        let before = self.reason();
        self.last_good = caller.or(self.last_good);
        if !self.parts.is_empty()
            && let Some(record) = self.parts.get_mut(&key(place))
        {
            if record.succeed() {
                self.newest = Newest::default();
            }
            record.calm();
            if record.is_well() {
                self.parts.remove(&key(place));
            }
        }
        self.succeed_as_whole(now, claim.channel, place.model, took);
        self.newest.note(false);
        self.turned(before)
    }

    fn succeed_as_whole(&mut self, now: Duration, probe: bool, model: &str, took: Took) {
        let first_event = match took {
            Took::ToFirstEvent(time) => Some(time),
            Took::ToEnd(_) | Took::Unknown => None,
        };
        let is_slow = self
            .channel
            .out
            .is_some_and(|out| out.reason == DownReason::Slow);
        if is_slow && !probe && first_event.is_none_or(|time| time > SLOW) {
            return;
        }
        let was_out = self.channel.succeed();
        if was_out {
            self.newest = Newest::default();
            (self.first_event, self.pace) = Default::default();
        }
        self.pace.note(model, took);
        if let Some(time) = first_event {
            self.first_event.note(time);
            let enough = was_out || self.first_event.times() >= FEWEST_TIMES;
            if enough && self.first_event.value() > Some(SLOW) {
                self.channel.cool_down(now, DownReason::Slow);
                return;
            }
        }
        self.channel.calm();
    }

    /// A call failed, and not by its caller's fault as far as it shows.
    pub fn fail(
        &mut self,
        now: Duration,
        claim: Claim,
        place: Place<'_>,
        failed: Failed,
    ) -> Turned {
        let before = self.reason();
        self.newest.note(true);
        if failed == Failed::Channel {
            self.channel.fail(now, claim.channel);
            self.release_part(claim, place);
            return self.turned(before);
        }
        // Whatever it says, it is there.
        self.channel.answer(claim.channel);
        if self.channel.out.is_some() && claim.channel {
            self.channel.release();
        }
        let last_good = self.last_good;
        if let Some(record) = self.part(place) {
            match failed {
                Failed::Call(complaint) => record.complain(now, claim.part, complaint, last_good),
                Failed::Part | Failed::Channel => record.fail(now, claim.part),
            }
        }
        self.turned(before)
    }

    /// A call was answered in a way that tells nothing more, such as with a limit of its rate: what was thought to be dead is
    /// not.
    pub fn answer(&mut self, claim: Claim, place: Place<'_>) -> Turned {
        let before = self.reason();
        self.channel.answer(claim.channel);
        if let Some(record) = self.parts.get_mut(&key(place)) {
            record.answer(claim.part);
        }
        self.release(claim, place);
        self.turned(before)
    }

    /// A test of the operator's went well: whatever was before, it is back.
    pub fn mend(&mut self) {
        *self = Self::default();
    }

    /// Whether it, or a part of it, is out of the pool.
    pub fn is_out(&self) -> bool {
        self.reason().is_some()
    }

    /// A claim ended without telling anything, as when its client went away: the next call may try.
    pub fn release(&mut self, claim: Claim, place: Place<'_>) {
        if claim.channel {
            self.channel.release();
        }
        self.release_part(claim, place);
    }

    fn release_part(&mut self, claim: Claim, place: Place<'_>) {
        if claim.part
            && let Some(record) = self.parts.get_mut(&key(place))
        {
            record.release();
        }
    }

    /// How long it takes to answer a call for a model, by its own name; `None`: not known.
    pub fn latency(&self, model: &str, streamed: bool) -> Option<Duration> {
        self.pace.of(model, streamed)
    }

    /// What an operator is to see of it.
    pub fn condition(&self, now: Duration) -> Condition {
        let parts = self.parts.iter().filter_map(|((endpoint, model), record)| {
            Some(Part::of(*endpoint, model, record.out.as_ref()?, now))
        });
        Condition::of(
            self.channel.out.as_ref(),
            parts.collect(),
            now,
            self.newest.failed(),
            self.first_event.value(),
        )
    }

    /// Why it, or a part of it, is out: the worst.
    fn reason(&self) -> Option<DownReason> {
        let out = std::iter::once(&self.channel).chain(self.parts.values());
        out.filter_map(|record| record.out.map(|out| out.reason))
            .min_by_key(|reason| reason.is_soft())
    }

    fn turned(&self, before: Option<DownReason>) -> Turned {
        match (before, self.reason()) {
            (Some(_), None) => Turned::Back,
            (None, Some(reason)) => Turned::Down(reason),
            (Some(before), Some(reason)) if before.is_soft() && !reason.is_soft() => {
                Turned::Down(reason)
            }
            (Some(_), Some(_)) | (None, None) => Turned::None,
        }
    }

    /// The record of a model at an endpoint; `None`: there are too many.
    fn part(&mut self, place: Place<'_>) -> Option<&mut Record> {
        let key = key(place);
        if self.parts.len() >= MOST_PARTS && !self.parts.contains_key(&key) {
            return None;
        }
        Some(self.parts.entry(key).or_default())
    }
}

fn key(place: Place<'_>) -> (Endpoint, String) {
    (place.endpoint, place.model.to_owned())
}

fn admits(record: Option<&Record>, now: Duration) -> Admits {
    match record.and_then(|record| record.out) {
        None => Admits::Call,
        Some(out) if now < out.until || out.probing => {
            if out.reason.is_soft() {
                Admits::LastResort
            } else {
                Admits::Out(Out::Cooling(out.until.max(now)))
            }
        }
        Some(_) => Admits::Probe,
    }
}

/// What a call's end changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turned {
    /// Nothing that anyone needs to be told.
    None,
    /// The channel is out of the pool now.
    Down(DownReason),
    /// It is back.
    Back,
}

#[cfg(test)]
mod tests;
