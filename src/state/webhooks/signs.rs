//! What the path of a call notices in passing that webhooks may have to be told of. Noticing costs one look at a flag while
//! nobody listens, and a short lock when somebody does; what it means is worked out on another thread.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::domain::{AccountId, Code, Error, KeyId, Opened};

/// Something that may be worth an alert. Equal ones are noticed once until they are looked at.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Sign {
    /// A call did not fit; `limit` names the cap as the refusal does, such as `key.daily_usd`.
    Refused {
        key: KeyId,
        account: AccountId,
        limit: String,
    },
    /// A call was booked.
    Settled { key: KeyId, account: AccountId },
    /// An account was changed: its balance may have been raised.
    Changed(AccountId),
    /// Look at all keys and accounts: at the start, and when somebody new listens.
    Everything,
}

/// Collects signs until the courier looks at them.
#[derive(Clone, Default)]
pub(in crate::state) struct Signs(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Whether any webhook listens.
    heeded: AtomicBool,
    waiting: Mutex<HashSet<Sign>>,
    bell: Notify,
}

impl Signs {
    /// A call was refused for good; a reservation that is only tried is none of its business.
    pub(in crate::state) fn refused(&self, call: &Opened, error: &Error) {
        if let (Code::InsufficientQuota, Some(limit)) = (error.code, &error.param) {
            self.note(|| Sign::Refused {
                key: call.key_id,
                account: call.account_id,
                limit: limit.clone(),
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

    /// An account was changed.
    pub(in crate::state) fn changed(&self, account: AccountId) {
        self.note(|| Sign::Changed(account));
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
    pub(super) fn take(&self) -> HashSet<Sign> {
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

    #[test]
    fn nothing_is_collected_while_nobody_listens_and_each_sign_once_when_somebody_does() {
        let signs = Signs::default();
        let account = AccountId(Uuid::nil());
        signs.changed(account);
        assert!(signs.take().is_empty());
        signs.heed(true);
        assert_eq!(signs.take(), HashSet::from([Sign::Everything]));
        for _ in 0..3 {
            signs.changed(account);
        }
        assert_eq!(signs.take(), HashSet::from([Sign::Changed(account)]));
        signs.heed(false);
        signs.changed(account);
        assert!(signs.take().is_empty());
    }
}
