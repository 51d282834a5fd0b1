//! Where ids come from: UUIDv7 of the clock's time, ascending within a thread even within one millisecond.

use uuid::{ContextV7, Uuid};

use crate::domain::Timestamp;

thread_local! {
    static CONTEXT: ContextV7 = const { ContextV7::new() };
}

/// A new id that orders after those made before it.
pub(super) fn new_id<T: From<Uuid>>(now: Timestamp) -> T {
    let micros = now.as_micros().max(0);
    let seconds = u64::try_from(micros / 1_000_000).unwrap_or(0);
    let nanos = u32::try_from(micros % 1_000_000).unwrap_or(0) * 1_000;
    CONTEXT.with(|context| {
        T::from(Uuid::new_v7(uuid::Timestamp::from_unix(
            context, seconds, nanos,
        )))
    })
}
