//! A call: one request through the gateway, from its opening to its outcome.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::endpoint::Endpoint;
use super::error::Code;
use super::id::{AccountId, BudgetId, CallId, ChannelId, KeyId};
use super::model::ModelName;
use super::money::Money;
use super::quota::Consumption;
use super::time::{Day, Timestamp};
use super::usage::{Usage, UsagePart};

/// What is known when a call is opened; durable before any byte of an answer reaches the client.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Opened {
    /// The call's id: `x-request-id`.
    pub id: CallId,
    /// When the request arrived.
    pub started_at: Timestamp,
    /// The day it counts on, in the time zone configured at that time.
    pub day: Day,
    /// The key it was made with.
    pub key_id: KeyId,
    /// That key's account.
    pub account_id: AccountId,
    /// The budget it is booked on, beside the account's own.
    pub budget_id: BudgetId,
    /// Which endpoint.
    pub endpoint: Endpoint,
    /// The public model name; what the client wrote.
    pub model: ModelName,
    /// Whether the client asked for a stream.
    pub stream: bool,
    /// Where the client is.
    pub client_ip: Option<IpAddr>,
    /// What the client says it is; cut to 256 bytes.
    pub user_agent: Option<String>,
    /// The `x-request-id` that the client sent; cut to 128 bytes.
    pub client_request_id: Option<String>,
    /// What was set aside for it; `None`: it was refused before anything was.
    pub reserved: Option<Consumption>,
    /// Whether the model had a price: without one a cost is unknown, not zero.
    pub priced: bool,
}

/// How a call ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// When the last byte went to the client, or the call was given up.
    pub ended_at: Timestamp,
    /// In one word.
    pub status: CallStatus,
    /// The status that the client got; `None`: it got none.
    pub http_status: Option<u16>,
    /// The error's code where there was one of ours.
    pub error_code: Option<Code>,
    /// The channel that answered, or was tried last.
    pub channel_id: Option<ChannelId>,
    /// The model's name at the provider.
    pub upstream_model: Option<ModelName>,
    /// What it used, all of it.
    pub usage: Usage,
    /// Its parts, where they are priced each by itself; none: it is one.
    pub parts: Vec<UsagePart>,
    /// What it cost; `None`: not priced.
    pub cost: Option<Money>,
    /// From the request's arrival to the answer's end, in microseconds.
    pub latency_us: u64,
    /// From the request's arrival to the first byte of the answer, in microseconds.
    pub first_token_us: Option<u64>,
    /// Time in the gateway before forwarding, in microseconds.
    pub overhead_us: u64,
    /// Each try at a channel, in order.
    pub attempts: Vec<Attempt>,
    /// The provider reports more than was set aside: the truth is booked, and a quota may have been passed by it.
    pub over_reservation: bool,
}

/// A call of the call log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Call {
    /// Its beginning.
    pub opened: Opened,
    /// Its end.
    pub outcome: Outcome,
}

impl Call {
    /// What it consumed of its budgets; `None`: it was refused and is booked on none.
    pub fn consumption(&self) -> Option<Consumption> {
        self.opened.reserved.map(|_| self.outcome.consumption())
    }
}

impl Outcome {
    /// What it consumes of a budget.
    pub fn consumption(&self) -> Consumption {
        Consumption {
            usd: self.cost.unwrap_or(Money::ZERO),
            tokens: self.usage.total(),
            requests: 1,
        }
    }

    /// The outcome of a call that a crash left open: all that was set aside counts.
    pub fn interrupted(opened: &Opened, now: Timestamp) -> Self {
        let reserved = opened.reserved.unwrap_or_default();
        Self {
            ended_at: now,
            status: CallStatus::Interrupted,
            http_status: None,
            error_code: None,
            channel_id: None,
            upstream_model: None,
            usage: Usage {
                prompt: reserved.tokens,
                estimated: true,
                ..Usage::default()
            },
            parts: Vec::new(),
            cost: opened.priced.then_some(reserved.usd),
            latency_us: u64::try_from(now.since(opened.started_at).as_micros()).unwrap_or(u64::MAX),
            first_token_us: None,
            overhead_us: 0,
            attempts: Vec::new(),
            over_reservation: false,
        }
    }
}

/// How a call ended, in one word.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum CallStatus {
    /// The client got a whole answer.
    Ok,
    /// The client got an error, or an answer that broke off.
    Error,
    /// The client went away.
    Cancelled,
    /// The gateway crashed in the middle of it.
    Interrupted,
}

impl CallStatus {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Ok, Self::Error, Self::Cancelled, Self::Interrupted];

    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }

    /// Reads the word of the API.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// One try at one channel.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Attempt {
    /// Which channel.
    pub channel_id: ChannelId,
    /// Which of its credentials, counted from 1; `None`: it had one or none.
    pub credential: Option<u16>,
    /// The provider's endpoint that was asked; another than the call's, if it was carried into another dialect.
    pub endpoint: Endpoint,
    /// How it ended.
    pub status: AttemptStatus,
    /// The provider's status; `None`: none came.
    pub http_status: Option<u16>,
    /// How long it took until the answer's head, in microseconds.
    pub latency_us: u64,
    /// What went wrong, in words without secrets; cut to 512 bytes.
    pub error: Option<String>,
}

/// How a try at a channel ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum AttemptStatus {
    /// The provider answered with success.
    Ok,
    /// The provider answered with an error.
    ProviderError,
    /// No connection.
    ConnectFailed,
    /// No answer in time.
    TimedOut,
    /// The answer broke off or could not be read.
    BrokenAnswer,
    /// The client went away.
    Cancelled,
}

impl AttemptStatus {
    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::ProviderError => "provider_error",
            Self::ConnectFailed => "connect_failed",
            Self::TimedOut => "timed_out",
            Self::BrokenAnswer => "broken_answer",
            Self::Cancelled => "cancelled",
        }
    }
}
