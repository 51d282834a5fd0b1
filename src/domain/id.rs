//! Identifiers: one newtype for each kind of record, all UUIDv7 (RFC 9562), so that they order by time of creation.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The sixteen bytes, big-endian: their order is the order of creation.
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

id!(
    /// A person who logs in.
    AccountId
);
id!(
    /// An API key.
    KeyId
);
id!(
    /// A counter that consumption is booked on. A key's first budget bears the key's own id; a rotated key's successor
    /// shares it. An account's budget bears the account's id.
    BudgetId
);
id!(
    /// A connection to a provider.
    ChannelId
);
id!(
    /// One request through the gateway; what `x-request-id` says.
    CallId
);
id!(
    /// One line of the audit log.
    AuditId
);
id!(
    /// An address that is told of events.
    WebhookId
);
id!(
    /// One event on its way to one webhook; what `X-Real200-Delivery` says.
    DeliveryId
);

impl From<KeyId> for BudgetId {
    fn from(id: KeyId) -> Self {
        Self(id.0)
    }
}

impl From<AccountId> for BudgetId {
    fn from(id: AccountId) -> Self {
        Self(id.0)
    }
}
