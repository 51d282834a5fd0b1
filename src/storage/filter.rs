//! What a query of the call log asks for, and what it gets.

use crate::domain::{AccountId, Call, CallStatus, ChannelId, KeyId, Timestamp};

/// Which calls; nothing set means all.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CallFilter {
    /// Arrived at this time or later.
    pub from: Option<Timestamp>,
    /// Arrived before this time.
    pub to: Option<Timestamp>,
    /// Made with any of these keys.
    pub keys: Option<Vec<KeyId>>,
    /// Made by keys of this account.
    pub accounts: Option<AccountId>,
    /// For this model.
    pub model: Option<String>,
    /// Answered by this channel, or last tried there.
    pub channel: Option<ChannelId>,
    /// Ended like this.
    pub status: Option<CallStatus>,
}

impl CallFilter {
    /// Whether this call is asked for.
    pub fn matches(&self, call: &Call) -> bool {
        let (opened, outcome) = (&call.opened, &call.outcome);
        self.from.is_none_or(|from| opened.started_at >= from)
            && self.to.is_none_or(|to| opened.started_at < to)
            && self
                .keys
                .as_ref()
                .is_none_or(|keys| keys.contains(&opened.key_id))
            && self
                .accounts
                .is_none_or(|account| opened.account_id == account)
            && self
                .model
                .as_ref()
                .is_none_or(|model| *model == opened.model)
            && self
                .channel
                .is_none_or(|channel| outcome.channel_id == Some(channel))
            && self.status.is_none_or(|status| outcome.status == status)
    }
}

/// A place in the call log: the journal's sequence of the last line shown. Paging by it is stable while new calls come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Cursor(pub u64);

/// Some lines of the call log, the latest ended first.
#[derive(Clone, PartialEq, Debug)]
pub struct CallPage {
    /// The lines.
    pub calls: Vec<Call>,
    /// Where the next lines begin; `None`: there are none.
    pub next: Option<Cursor>,
}
