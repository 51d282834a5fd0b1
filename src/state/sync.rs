//! The locks of what must hold under every order of events. In a test with the feature `schedules` they are those of shuttle,
//! which tries the orders one after the other: see `tests/schedules.rs` and `just schedules`.

#[cfg(not(all(test, feature = "schedules")))]
pub(super) use std::sync::{Mutex, MutexGuard};

#[cfg(all(test, feature = "schedules"))]
pub(super) use shuttle::sync::{Mutex, MutexGuard};
