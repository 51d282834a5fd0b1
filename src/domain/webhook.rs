//! Webhooks: who is told of which events, what is on its way to them, and when it is tried again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::channel::Sealed;
use super::id::{DeliveryId, WebhookId};
use super::time::Timestamp;

/// The first retry comes after about this long; each further one after twice the last wait.
const FIRST_WAIT: Duration = Duration::from_secs(10);
/// No wait is longer than this.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);
/// What was not delivered by then is given up.
const GIVE_UP_AFTER: Duration = Duration::from_secs(24 * 3_600);

/// An address that is told of events.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// What the operator calls it.
    pub name: String,
    /// Where it is. May hold a token of the receiver's: for admins only.
    pub url: String,
    /// The key of the signature, sealed with the master key.
    pub secret: Sealed,
    /// What it is told of.
    pub events: Vec<Event>,
    /// Whether it is told anything.
    pub status: WebhookStatus,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Webhook {
    /// Whether it is told of this event.
    pub fn takes(&self, event: Event) -> bool {
        self.status == WebhookStatus::Active && self.events.contains(&event)
    }
}

/// Whether a webhook is told anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum WebhookStatus {
    /// It is.
    Active,
    /// It is not; what was on its way has been given up.
    Disabled,
}

impl WebhookStatus {
    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }
}

/// What webhooks are told of. Stored by its place in this list: new ones go to the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Event {
    /// Somebody pressed the test button.
    Test,
    /// A call did not fit a cap of a quota, or the cap has been reached.
    QuotaExceeded,
    /// What is left of an account's total has fallen below its threshold.
    BalanceLow,
    /// A channel went out of the pool.
    ChannelDown,
    /// It is back.
    ChannelUp,
    /// A provider reported a usage that cannot be.
    UsageImplausible,
}

impl Event {
    /// What is noticed of the gateway's own accord.
    pub const NOTICED: [Self; 5] = [
        Self::QuotaExceeded,
        Self::BalanceLow,
        Self::ChannelDown,
        Self::ChannelUp,
        Self::UsageImplausible,
    ];

    /// The word of the contract.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::QuotaExceeded => "quota.exceeded",
            Self::BalanceLow => "balance.low",
            Self::ChannelDown => "channel.down",
            Self::ChannelUp => "channel.up",
            Self::UsageImplausible => "usage.implausible",
        }
    }
}

/// One event on its way to one webhook.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Delivery {
    /// Its id: the same at every try, so that a receiver can tell a repetition.
    pub id: DeliveryId,
    /// To whom.
    pub webhook_id: WebhookId,
    /// What happened.
    pub event: Event,
    /// The body, JSON text; what is signed.
    pub body: String,
    /// When it happened.
    pub created_at: Timestamp,
    /// How far it has come.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u32,
    /// The last try.
    pub last: Option<DeliveryAttempt>,
}

/// How far a delivery has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum DeliveryState {
    /// On its way.
    Pending {
        /// When it is tried next.
        next_try: Timestamp,
    },
    /// The receiver answered with a status of success.
    Delivered,
    /// It is not tried any more.
    GivenUp,
}

impl DeliveryState {
    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending { .. } => "pending",
            Self::Delivered => "delivered",
            Self::GivenUp => "given_up",
        }
    }

    /// When it is tried next, if it is.
    pub const fn next_try(self) -> Option<Timestamp> {
        match self {
            Self::Pending { next_try } => Some(next_try),
            Self::Delivered | Self::GivenUp => None,
        }
    }
}

/// One try at a delivery.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DeliveryAttempt {
    /// When it ended.
    pub at: Timestamp,
    /// The receiver's status; `None`: none came.
    pub http_status: Option<u16>,
    /// What went wrong; `None`: nothing did.
    pub error: Option<String>,
    /// How long it took, in milliseconds.
    pub latency_ms: u64,
}

impl Delivery {
    /// Takes down what came of a try. A failure is tried again, later each time, until a day has passed since the event.
    /// `jitter` is a random number: receivers that were down together are not all called at the same moment.
    pub fn tried(&mut self, attempt: DeliveryAttempt, jitter: u16) {
        self.attempts = self.attempts.saturating_add(1);
        self.state = if attempt.error.is_none() {
            DeliveryState::Delivered
        } else {
            let next_try = attempt.at.after(wait(self.attempts, jitter));
            if next_try.since(self.created_at) > GIVE_UP_AFTER {
                DeliveryState::GivenUp
            } else {
                DeliveryState::Pending { next_try }
            }
        };
        self.last = Some(attempt);
    }

    /// Takes down what came of a try that somebody asked for. A failure changes nothing of when it is tried next, or whether.
    pub fn resent(&mut self, attempt: DeliveryAttempt) {
        self.attempts = self.attempts.saturating_add(1);
        if attempt.error.is_none() {
            self.state = DeliveryState::Delivered;
        }
        self.last = Some(attempt);
    }
}

/// How long to wait after this many tries: half of it certain, the other half by chance.
fn wait(attempts: u32, jitter: u16) -> Duration {
    let doubled = FIRST_WAIT.saturating_mul(1 << attempts.saturating_sub(1).min(16));
    let half = doubled.min(LONGEST_WAIT) / 2;
    half + half * u32::from(jitter) / u32::from(u16::MAX)
}

/// That an event has been told already: it is told again only when the occasion is another one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Alert {
    /// Whose, and which limit, such as `key/…/daily_usd`.
    pub subject: String,
    /// Window and cap, such as `2026-11-24 5.00`.
    pub occasion: String,
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn delivery() -> Delivery {
        Delivery {
            id: Uuid::nil().into(),
            webhook_id: Uuid::nil().into(),
            event: Event::QuotaExceeded,
            body: "{}".to_owned(),
            created_at: Timestamp::default(),
            state: DeliveryState::Pending {
                next_try: Timestamp::default(),
            },
            attempts: 0,
            last: None,
        }
    }

    fn attempt(at: Timestamp, error: Option<&str>) -> DeliveryAttempt {
        DeliveryAttempt {
            at,
            http_status: None,
            error: error.map(str::to_owned),
            latency_ms: 1,
        }
    }

    #[test]
    fn waits_double_up_to_an_hour_and_are_spread() {
        for (attempts, seconds) in [
            (1, 10),
            (2, 20),
            (3, 40),
            (9, 2_560),
            (10, 3_600),
            (u32::MAX, 3_600),
        ] {
            let longest = Duration::from_secs(seconds);
            assert_eq!(wait(attempts, u16::MAX), longest, "{attempts}");
            assert_eq!(wait(attempts, 0), longest / 2, "{attempts}");
        }
    }

    #[test]
    fn a_failure_is_tried_again_for_a_day_and_then_given_up() {
        let mut delivery = delivery();
        let mut tries = 0;
        while let Some(at) = delivery.state.next_try() {
            assert!(at.since(delivery.created_at) <= GIVE_UP_AFTER);
            delivery.tried(attempt(at, Some("no connection")), u16::MAX);
            tries += 1;
            assert!(tries < 100);
        }
        assert_eq!(delivery.state, DeliveryState::GivenUp);
        assert_eq!(delivery.attempts, tries);
        assert!(tries > 20, "{tries}");
    }

    #[test]
    fn what_is_delivered_is_not_tried_again() {
        let mut delivery = delivery();
        delivery.tried(attempt(Timestamp::default(), None), 0);
        assert_eq!(
            (delivery.state, delivery.attempts),
            (DeliveryState::Delivered, 1)
        );
    }
}
