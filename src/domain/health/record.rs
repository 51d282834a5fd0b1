//! The failures of one thing, a channel or one of its models at an endpoint: when they make an outage, and when that is over.

use std::time::Duration;

use super::{DownReason, FEWEST, IN_A_ROW, NEWEST};

/// The first cool-down; each further one without a success between is twice as long, up to the longest.
const FIRST_COOL_DOWN: Duration = Duration::from_secs(5);
pub(super) const LONGEST_COOL_DOWN: Duration = Duration::from_secs(60);
/// So many different calls that were answered with an error are remembered: one more than makes an outage.
const COMPLAINTS: usize = IN_A_ROW as usize + 1;

/// A call that the provider answered with an error of its own, at once and in words. One caller's bad calls look like an
/// outage from here, so that it is told by what was said to several, or to one whose calls went well before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Complaint {
    /// Whose call it was.
    pub caller: u64,
    /// What it said: the same call again tells nothing new.
    pub call: u64,
}

/// The newest outcomes, a bit each, set: failed; the newest is the lowest.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Newest {
    failed: u32,
    seen: u32,
}

impl Newest {
    pub(super) fn note(&mut self, failed: bool) {
        self.failed = ((self.failed << 1) | u32::from(failed)) & ((1 << NEWEST) - 1);
        self.seen = (self.seen + 1).min(NEWEST);
    }

    /// How many failed, and of how many.
    pub(super) fn failed(self) -> (u32, u32) {
        (self.failed.count_ones(), self.seen)
    }
}

/// How one thing has done since it was last well.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    newest: Newest,
    in_a_row: u32,
    cool_downs: u32,
    /// Different calls that were answered with an error since one went well.
    complaints: Vec<Complaint>,
    pub(super) out: Option<Outage>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Outage {
    pub(super) until: Duration,
    pub(super) probing: bool,
    pub(super) reason: DownReason,
}

impl Record {
    /// Claims the probe, if it is due.
    pub(super) fn begin(&mut self, now: Duration) -> bool {
        match &mut self.out {
            Some(out) if now >= out.until && !out.probing => {
                out.probing = true;
                true
            }
            Some(_) | None => false,
        }
    }

    /// A probe ended without telling anything.
    pub(super) fn release(&mut self) {
        if let Some(out) = &mut self.out {
            out.probing = false;
        }
    }

    /// It went well. Whether it was out.
    pub(super) fn succeed(&mut self) -> bool {
        let was_out = self.out.take().is_some();
        if was_out {
            self.newest = Newest::default();
        }
        self.newest.note(false);
        self.in_a_row = 0;
        self.complaints.clear();
        was_out
    }

    /// The next outage is a new one.
    pub(super) fn calm(&mut self) {
        self.cool_downs = 0;
    }

    /// It failed. Calls that began before it went out and fail after it change nothing: only a failed probe makes the cool-down
    /// longer.
    pub(super) fn fail(&mut self, now: Duration, probe: bool) {
        if let Some(out) = self.out {
            if probe {
                self.cool_down(now, out.reason);
                return;
            }
            if !out.reason.is_soft() {
                return;
            }
        }
        self.newest.note(true);
        self.in_a_row = self.in_a_row.saturating_add(1);
        let (failed, seen) = self.newest.failed();
        if self.in_a_row > IN_A_ROW {
            self.cool_down(now, DownReason::Failures);
        } else if seen >= FEWEST && failed * 2 > seen {
            self.cool_down(now, DownReason::ErrorRate);
        }
    }

    /// It answered, with an error of its own in words: where it was thought to be dead, it is not.
    pub(super) fn complain(
        &mut self,
        now: Duration,
        probe: bool,
        complaint: Complaint,
        last_good: Option<u64>,
    ) {
        self.answer(probe);
        if self.out.is_some() {
            if probe {
                self.cool_down(now, DownReason::Errors);
            }
            return;
        }
        if !self.complaints.contains(&complaint) && self.complaints.len() < COMPLAINTS {
            self.complaints.push(complaint);
        }
        let several =
            |first: &Complaint| self.complaints.iter().any(|one| one.caller != first.caller);
        // One caller alone tells of an outage only where its own calls went well before, or where there is no other.
        let tells =
            |first: &Complaint| several(first) || last_good.is_none_or(|good| good == first.caller);
        if self.complaints.len() == COMPLAINTS && self.complaints.first().is_some_and(tells) {
            self.cool_down(now, DownReason::Errors);
        }
    }

    /// A probe was answered, whatever was said: what did not answer is up again.
    pub(super) fn answer(&mut self, probe: bool) {
        if probe && self.out.is_some_and(|out| !out.reason.is_soft()) {
            *self = Self::default();
        }
    }

    /// Whether there is nothing to remember.
    pub(super) fn is_well(&self) -> bool {
        self.out.is_none() && self.newest.failed().0 == 0 && self.complaints.is_empty()
    }

    pub(super) fn cool_down(&mut self, now: Duration, reason: DownReason) {
        let wait = FIRST_COOL_DOWN
            .saturating_mul(1 << self.cool_downs.min(8))
            .min(LONGEST_COOL_DOWN);
        self.cool_downs = self.cool_downs.saturating_add(1);
        self.out = Some(Outage {
            until: now.saturating_add(wait),
            probing: false,
            reason,
        });
    }
}
