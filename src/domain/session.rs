//! Console log-ins, and the one-time token that makes the first admin.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::id::AccountId;
use super::key::Digest;
use super::time::Timestamp;

/// A console log-in. The cookie's token is kept as its digest only.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Session {
    /// SHA-256 of the token in the cookie.
    pub digest: Digest,
    /// Who is logged in.
    pub account_id: AccountId,
    /// When the log-in happened.
    pub created_at: Timestamp,
    /// When it was last used; written down now and then, not at each request.
    pub last_seen_at: Timestamp,
    /// When it ends whatever happens.
    pub expires_at: Timestamp,
}

/// The one-time token of the set-up link. It prints as nothing but its name.
pub struct SetupToken(pub Zeroizing<String>);

impl fmt::Debug for SetupToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SetupToken(…)")
    }
}
