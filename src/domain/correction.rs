//! What an admin sets right in a call that was booked wrongly: a later entry beside it, which takes away what was booked and adds
//! what is right. The call's own entry is never changed.

use serde::{Deserialize, Serialize};

use super::call::{Call, Outcome};
use super::id::CallId;
use super::money::Money;
use super::quota::Consumption;
use super::tally::{Taken, Tally};
use super::time::{Day, Timestamp};
use super::usage::Usage;

/// Usage and cost as they are booked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Booking {
    /// What was used.
    pub usage: Usage,
    /// What it cost; `None`: not priced.
    pub cost: Option<Money>,
}

impl Booking {
    /// Of a call.
    pub fn of(outcome: &Outcome) -> Self {
        Self {
            usage: outcome.usage,
            cost: outcome.cost,
        }
    }

    /// What it consumes of a budget, beside its request.
    pub fn consumption(&self) -> Consumption {
        Consumption {
            usd: self.cost.unwrap_or(Money::ZERO),
            tokens: self.usage.total(),
            requests: 0,
        }
    }
}

/// One correction of a call.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Correction {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// What was booked until then.
    pub before: Booking,
    /// What is booked since.
    pub after: Booking,
}

impl Correction {
    /// What it adds to the totals of its call.
    pub fn tally(&self) -> Tally {
        let Self { before, after, .. } = self;
        Tally {
            taken: Taken::of(&before.usage, before.cost),
            ..Tally::booked(&after.usage, after.cost)
        }
    }
}

/// All corrections of a call, in order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Corrections {
    /// Which call.
    pub call_id: CallId,
    /// The day that it counts on.
    pub day: Day,
    /// The corrections; at least one.
    pub list: Vec<Correction>,
}

impl Corrections {
    /// The call as it is booked after all of them.
    pub fn apply(&self, call: &mut Call) {
        if let Some(last) = self.list.last() {
            call.outcome.usage = last.after.usage;
            call.outcome.cost = last.after.cost;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_correction_takes_away_what_was_booked_and_adds_what_is_right() {
        let booking = |prompt, cost: u64| Booking {
            usage: Usage {
                prompt,
                completion: 3,
                ..Usage::default()
            },
            cost: Some(Money::from_pico(cost)),
        };
        let at = Timestamp::from_micros(1);
        let correction = |before, after| Correction {
            at,
            by: "ada".to_owned(),
            reason: "wrong".to_owned(),
            before,
            after,
        };
        let booked = Tally {
            requests: 1,
            prompt_tokens: 900,
            completion_tokens: 3,
            cost: Money::from_pico(700),
            ..Tally::default()
        };
        let down = correction(booking(900, 700), booking(10, 5));
        let up = correction(booking(10, 5), booking(20, 8));
        let net = booked.plus(up.tally()).plus(down.tally()).net();
        assert_eq!(
            (net.requests, net.prompt_tokens, net.completion_tokens),
            (1, 20, 3)
        );
        assert_eq!(
            (net.cost, net.taken),
            (Money::from_pico(8), Taken::default())
        );
    }
}
