//! The locks of what must hold under every order of events. In a build with `--cfg shuttle` they are those of shuttle, which
//! tries the orders one after the other: see `models.rs`, and `just schedules`.

#[cfg(not(shuttle))]
pub(super) use std::sync::{Mutex, MutexGuard};

#[cfg(shuttle)]
pub(super) use shuttle::sync::{Mutex, MutexGuard};
