//! API keys: `ring` finds them, `entry` says whether one works, `list` shows them, `change` makes, changes, rotates and
//! deletes them.

mod change;
mod entry;
mod list;
mod ring;

pub use change::{KeyChange, NewKey, Rotation};
pub use list::{KeyFilter, KeyFilterStatus, KeyView};
pub use ring::Keys;

pub(super) use entry::KeyEntry;
