//! Totals: what the calls of a scope and a period add up to. Counted from the same entries as the call log.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::call::{Call, CallStatus};
use super::id::{AccountId, BudgetId, ChannelId, KeyId};
use super::model::ModelName;
use super::money::Money;
use super::quota::Consumption;
use super::time::{Day, Hour, Month, Timestamp};
use super::usage::{Media, Pieces, Usage};

/// What some calls add up to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Calls.
    pub requests: u64,
    /// Of these, not ended well: errors and interruptions.
    pub errors: u64,
    /// Input tokens.
    pub prompt_tokens: u64,
    /// Of these, read from cache.
    pub cached_tokens: u64,
    /// Of these, written to cache.
    pub cache_write_tokens: u64,
    /// Of these, for an hour.
    pub cache_write_1h_tokens: u64,
    /// Of these, for twelve hours.
    pub cache_write_12h_tokens: u64,
    /// Output tokens.
    pub completion_tokens: u64,
    /// Of these, reasoning.
    pub reasoning_tokens: u64,
    /// Of all tokens, those of audio.
    pub audio: Media,
    /// Of all tokens, those of images.
    pub image: Media,
    /// What is billed by the piece.
    pub pieces: Pieces,
    /// What the priced calls cost.
    pub cost: Money,
    /// Calls that used something of a model without a price: their cost is unknown.
    pub unpriced_requests: u64,
    /// What corrections took away again, of what is above; nothing in a total that is [`Tally::net`].
    pub taken: Taken,
    /// When the latest of them began; the beginning of time where there is none.
    pub last_started_at: Timestamp,
}

/// What corrections of calls took away: totals only ever grow, so that they can be counted in any order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Taken {
    /// Input tokens.
    pub prompt_tokens: u64,
    /// Of these, read from cache.
    pub cached_tokens: u64,
    /// Of these, written to cache.
    pub cache_write_tokens: u64,
    /// Of these, for an hour.
    pub cache_write_1h_tokens: u64,
    /// Of these, for twelve hours.
    pub cache_write_12h_tokens: u64,
    /// Output tokens.
    pub completion_tokens: u64,
    /// Of these, reasoning.
    pub reasoning_tokens: u64,
    /// Money.
    pub cost: Money,
    /// Calls without a cost.
    pub unpriced_requests: u64,
}

impl Taken {
    /// What is booked as this usage, at this cost.
    pub(super) fn of(usage: &Usage, cost: Option<Money>) -> Self {
        Self {
            prompt_tokens: usage.prompt,
            cached_tokens: usage.cached,
            cache_write_tokens: usage.cache_write,
            cache_write_1h_tokens: usage.cache_write_1h,
            cache_write_12h_tokens: usage.cache_write_12h,
            completion_tokens: usage.completion,
            reasoning_tokens: usage.reasoning,
            cost: cost.unwrap_or(Money::ZERO),
            unpriced_requests: u64::from(cost.is_none()),
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            prompt_tokens: self.prompt_tokens.saturating_add(other.prompt_tokens),
            cached_tokens: self.cached_tokens.saturating_add(other.cached_tokens),
            cache_write_tokens: self
                .cache_write_tokens
                .saturating_add(other.cache_write_tokens),
            cache_write_1h_tokens: self
                .cache_write_1h_tokens
                .saturating_add(other.cache_write_1h_tokens),
            cache_write_12h_tokens: self
                .cache_write_12h_tokens
                .saturating_add(other.cache_write_12h_tokens),
            completion_tokens: self
                .completion_tokens
                .saturating_add(other.completion_tokens),
            reasoning_tokens: self.reasoning_tokens.saturating_add(other.reasoning_tokens),
            cost: self.cost.plus(other.cost),
            unpriced_requests: self
                .unpriced_requests
                .saturating_add(other.unpriced_requests),
        }
    }
}

impl Tally {
    /// What is left after all corrections.
    #[must_use]
    pub fn net(self) -> Self {
        let taken = self.taken;
        Self {
            prompt_tokens: self.prompt_tokens.saturating_sub(taken.prompt_tokens),
            cached_tokens: self.cached_tokens.saturating_sub(taken.cached_tokens),
            cache_write_tokens: self
                .cache_write_tokens
                .saturating_sub(taken.cache_write_tokens),
            cache_write_1h_tokens: self
                .cache_write_1h_tokens
                .saturating_sub(taken.cache_write_1h_tokens),
            cache_write_12h_tokens: self
                .cache_write_12h_tokens
                .saturating_sub(taken.cache_write_12h_tokens),
            completion_tokens: self
                .completion_tokens
                .saturating_sub(taken.completion_tokens),
            reasoning_tokens: self.reasoning_tokens.saturating_sub(taken.reasoning_tokens),
            cost: self.cost.minus(taken.cost),
            unpriced_requests: self
                .unpriced_requests
                .saturating_sub(taken.unpriced_requests),
            taken: Taken::default(),
            ..self
        }
    }

    /// What one call adds.
    pub fn of(call: &Call) -> Self {
        let (outcome, usage) = (&call.outcome, &call.outcome.usage);
        Self {
            requests: 1,
            errors: u64::from(matches!(
                outcome.status,
                CallStatus::Error | CallStatus::Interrupted
            )),
            audio: usage.audio,
            image: usage.image,
            pieces: usage.pieces,
            last_started_at: call.opened.started_at,
            ..Self::booked(usage, outcome.cost)
        }
    }

    /// What a usage at a cost adds, in what a correction can change.
    pub(super) fn booked(usage: &Usage, cost: Option<Money>) -> Self {
        Self {
            prompt_tokens: usage.prompt,
            cached_tokens: usage.cached,
            cache_write_tokens: usage.cache_write,
            cache_write_1h_tokens: usage.cache_write_1h,
            cache_write_12h_tokens: usage.cache_write_12h,
            completion_tokens: usage.completion,
            reasoning_tokens: usage.reasoning,
            cost: cost.unwrap_or(Money::ZERO),
            unpriced_requests: u64::from(cost.is_none()),
            ..Self::default()
        }
    }

    /// The sum.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_add(other.requests),
            errors: self.errors.saturating_add(other.errors),
            prompt_tokens: self.prompt_tokens.saturating_add(other.prompt_tokens),
            cached_tokens: self.cached_tokens.saturating_add(other.cached_tokens),
            cache_write_tokens: self
                .cache_write_tokens
                .saturating_add(other.cache_write_tokens),
            cache_write_1h_tokens: self
                .cache_write_1h_tokens
                .saturating_add(other.cache_write_1h_tokens),
            cache_write_12h_tokens: self
                .cache_write_12h_tokens
                .saturating_add(other.cache_write_12h_tokens),
            completion_tokens: self
                .completion_tokens
                .saturating_add(other.completion_tokens),
            reasoning_tokens: self.reasoning_tokens.saturating_add(other.reasoning_tokens),
            audio: self.audio.plus(other.audio),
            image: self.image.plus(other.image),
            pieces: self.pieces.plus(other.pieces),
            cost: self.cost.plus(other.cost),
            unpriced_requests: self
                .unpriced_requests
                .saturating_add(other.unpriced_requests),
            taken: self.taken.plus(other.taken),
            last_started_at: self.last_started_at.max(other.last_started_at),
        }
    }

    /// Input and output tokens together.
    pub const fn total_tokens(&self) -> u64 {
        self.prompt_tokens.saturating_add(self.completion_tokens)
    }

    /// Seen as consumption of a budget.
    pub const fn consumption(&self) -> Consumption {
        Consumption {
            usd: self.cost,
            tokens: self.total_tokens(),
            requests: self.requests,
        }
    }
}

/// Which total.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct TotalKey {
    /// Of which calls.
    pub scope: Scope,
    /// In which period.
    pub period: Period,
}

impl TotalKey {
    /// Every total that a call counts in.
    pub fn each_of(call: &Call, mut count: impl FnMut(Self)) {
        let opened = &call.opened;
        let day = opened.day;
        let usage = [
            Period::Ever,
            Period::Day(day),
            Period::Hour(opened.started_at.hour()),
        ];
        let scopes = [
            Some(Scope::All),
            Some(Scope::Key(opened.key_id)),
            Some(Scope::Account(opened.account_id)),
            Some(Scope::Model(opened.model.clone())),
            Some(Scope::KeyModel(opened.key_id, opened.model.clone())),
            call.outcome.channel_id.map(Scope::Channel),
        ];
        for scope in scopes.into_iter().flatten() {
            for period in usage {
                count(Self {
                    scope: scope.clone(),
                    period,
                });
            }
        }
        if call.consumption().is_some() {
            let budgets = [opened.budget_id, opened.account_id.into()];
            for budget in budgets {
                for period in [Period::Ever, Period::Month(day.month()), Period::Day(day)] {
                    count(Self {
                        scope: Scope::Budget(budget),
                        period,
                    });
                }
            }
        }
    }
}

/// Of which calls a total is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Scope {
    /// All calls.
    All,
    /// Those made with a key.
    Key(KeyId),
    /// Those of an account's keys.
    Account(AccountId),
    /// Those of a model.
    Model(ModelName),
    /// Those that a channel answered.
    Channel(ChannelId),
    /// Those of a model made with a key.
    KeyModel(KeyId, ModelName),
    /// Those booked on a budget: what quotas count. Refused calls are not among them.
    Budget(BudgetId),
}

impl Scope {
    /// Its kind.
    pub const fn kind(&self) -> ScopeKind {
        match self {
            Self::All => ScopeKind::All,
            Self::Key(_) => ScopeKind::Key,
            Self::Account(_) => ScopeKind::Account,
            Self::Model(_) => ScopeKind::Model,
            Self::Channel(_) => ScopeKind::Channel,
            Self::KeyModel(..) => ScopeKind::KeyModel,
            Self::Budget(_) => ScopeKind::Budget,
        }
    }
}

/// The kinds of scope; the numbers are stored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum ScopeKind {
    /// [`Scope::All`]
    All = 0,
    /// [`Scope::Key`]
    Key = 1,
    /// [`Scope::Account`]
    Account = 2,
    /// [`Scope::Model`]
    Model = 3,
    /// [`Scope::Channel`]
    Channel = 4,
    /// [`Scope::KeyModel`]
    KeyModel = 5,
    /// [`Scope::Budget`]
    Budget = 6,
}

/// When.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Period {
    /// Since the beginning.
    Ever,
    /// A month.
    Month(Month),
    /// A day.
    Day(Day),
    /// An hour.
    Hour(Hour),
}

impl Period {
    /// Its length.
    pub const fn grain(&self) -> Grain {
        match self {
            Self::Ever => Grain::Ever,
            Self::Month(_) => Grain::Month,
            Self::Day(_) => Grain::Day,
            Self::Hour(_) => Grain::Hour,
        }
    }

    /// Its place among the periods of its length.
    pub const fn index(&self) -> i32 {
        match self {
            Self::Ever => 0,
            Self::Month(month) => month.0,
            Self::Day(day) => day.0,
            Self::Hour(hour) => hour.0,
        }
    }
}

/// The lengths of a period; the numbers are stored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Grain {
    /// Since the beginning.
    Ever = 0,
    /// A month.
    Month = 1,
    /// A day.
    Day = 2,
    /// An hour.
    Hour = 3,
}

impl Grain {
    /// What to say where [`Self::covers`] does not hold.
    pub const TOO_LONG: &str = "Hours are given for at most 31 days at once; ask for days instead.";

    /// Whether so long a time is told in buckets of this length at once.
    pub fn covers(self, span: Duration) -> bool {
        match self {
            Self::Hour => span <= Duration::from_secs(31 * 24 * 3_600),
            Self::Ever | Self::Month | Self::Day => true,
        }
    }
}
