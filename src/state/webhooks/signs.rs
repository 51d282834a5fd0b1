//! What the path of a call notices in passing that webhooks may have to be told of. Noticing costs one look at a flag while
//! nobody listens, and a short lock when somebody does; what it means is worked out on another thread.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::domain::{
    Account, AccountId, CallId, Channel, ChannelId, Code, Day, Error, KeyId, Money, Opened,
};

/// Something that may be worth an alert. Equal ones are noticed once until they are looked at, in the order of this list: a
/// balance that was raised and has fallen again is a new occasion, even if nobody looked in between.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Sign {
    /// An account was changed, and its balance was not low after that.
    Raised(AccountId),
    /// An account was changed.
    Changed(AccountId),
    /// A call of that day did not fit; `limit` names the cap as the refusal does, such as `key.daily_usd`.
    Refused {
        key: KeyId,
        account: AccountId,
        limit: String,
        day: Day,
    },
    /// A call was booked.
    Settled { key: KeyId, account: AccountId },
    /// A channel went out of the pool, and why, or came back.
    Channel {
        /// In the order in which it happened.
        number: u64,
        id: ChannelId,
        name: String,
        down: Option<String>,
    },
    /// A provider reported a usage for a call that cannot be.
    Implausible {
        channel: Option<ChannelId>,
        model: String,
        day: Day,
        call: CallId,
    },
    /// Look at all keys and accounts: at the start, and when somebody new listens.
    Everything,
}

/// Collects signs until the courier looks at them.
#[derive(Clone, Default, Debug)]
pub(in crate::state) struct Signs(Arc<Inner>);

#[derive(Default, Debug)]
struct Inner {
    /// Whether any webhook listens.
    heeded: AtomicBool,
    waiting: Mutex<BTreeSet<Sign>>,
    bell: Notify,
    channel_signs: AtomicU64,
}

impl Signs {
    /// A call was refused for good; a reservation that is only tried is none of its business.
    pub(in crate::state) fn refused(&self, call: &Opened, error: &Error) {
        if let (Code::InsufficientQuota, Some(limit)) = (error.code, &error.param) {
            self.note(|| Sign::Refused {
                key: call.key_id,
                account: call.account_id,
                limit: limit.clone(),
                day: call.day,
            });
        }
    }

    /// A call was booked.
    pub(in crate::state) fn settled(&self, call: &Opened) {
        self.note(|| Sign::Settled {
            key: call.key_id,
            account: call.account_id,
        });
    }

    /// A provider reported a usage for a call that cannot be.
    pub(in crate::state) fn implausible(&self, call: &Opened, channel: Option<ChannelId>) {
        self.note(|| Sign::Implausible {
            channel,
            model: call.model.clone(),
            day: call.day,
            call: call.id,
        });
    }

    /// An account was changed.
    pub(in crate::state) fn changed(&self, account: &Account, used: Money) {
        self.note(|| match account.low_balance(used) {
            Some(_) => Sign::Changed(account.id),
            None => Sign::Raised(account.id),
        });
    }

    /// A channel went out of the pool, and why, or came back.
    pub(in crate::state) fn turned(&self, channel: &Channel, down: Option<String>) {
        self.note(|| Sign::Channel {
            number: self.0.channel_signs.fetch_add(1, Ordering::Relaxed),
            id: channel.id,
            name: channel.name.clone(),
            down,
        });
    }

    /// From now on somebody listens, or nobody does.
    pub(super) fn heed(&self, heeded: bool) {
        self.0.heeded.store(heeded, Ordering::Release);
        self.note(|| Sign::Everything);
        self.ring();
    }

    /// Wakes the courier.
    pub(super) fn ring(&self) {
        self.0.bell.notify_one();
    }

    /// Resolves when there is something to look at.
    pub(super) async fn rung(&self) {
        self.0.bell.notified().await;
    }

    /// All signs since the last look.
    pub(super) fn take(&self) -> BTreeSet<Sign> {
        std::mem::take(
            &mut *self
                .0
                .waiting
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    fn note(&self, sign: impl FnOnce() -> Sign) {
        if !self.0.heeded.load(Ordering::Acquire) {
            return;
        }
        let mut waiting = self
            .0
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let first = waiting.is_empty();
        waiting.insert(sign());
        drop(waiting);
        if first {
            self.ring();
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::{AccountStatus, Quota, RateLimit, Role, Timestamp, Username};

    fn account() -> Account {
        let usd = |text| Some(Money::from_usd(text).unwrap());
        let mut quota = Quota::default();
        quota.total.usd = usd("1");
        Account {
            id: AccountId(Uuid::nil()),
            username: Username::parse("ada").unwrap(),
            password_hash: String::new(),
            role: Role::Member,
            status: AccountStatus::Active,
            quota,
            rate_limit: RateLimit::default(),
            balance_low_usd: usd("0.25"),
            created_at: Timestamp::default(),
            deleted_at: None,
        }
    }

    #[test]
    fn nothing_is_collected_while_nobody_listens_and_each_sign_once_when_somebody_does() {
        let (signs, account) = (Signs::default(), account());
        signs.changed(&account, Money::ZERO);
        assert!(signs.take().is_empty());
        signs.heed(true);
        assert_eq!(signs.take(), BTreeSet::from([Sign::Everything]));
        for _ in 0..3 {
            signs.changed(&account, Money::ZERO);
        }
        assert_eq!(signs.take(), BTreeSet::from([Sign::Raised(account.id)]));
        signs.heed(false);
        signs.changed(&account, Money::ZERO);
        assert!(signs.take().is_empty());
    }

    #[test]
    fn that_a_balance_was_raised_is_seen_before_it_fell_again() {
        let (signs, account) = (Signs::default(), account());
        signs.heed(true);
        for used in ["0.75", "0.76"] {
            signs.changed(&account, Money::from_usd(used).unwrap());
        }
        let seen: Vec<_> = signs.take().into_iter().collect();
        assert_eq!(
            seen,
            [
                Sign::Raised(account.id),
                Sign::Changed(account.id),
                Sign::Everything
            ]
        );
    }
}
