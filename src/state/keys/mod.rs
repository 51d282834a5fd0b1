//! API keys: `keyring` finds them, `entry` says whether one works, `list` shows them, `change` makes, changes, rotates and
//! deletes them.

mod change;
mod entry;
mod keyring;
mod list;

pub use change::{KeyChange, NewKey, Rotation};
pub use keyring::Keys;
pub use list::{KeyFilter, KeyFilterStatus, KeyView};

pub(super) use entry::KeyEntry;
