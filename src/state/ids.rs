//! Where ids come from: UUIDv7 of the clock's time to about a microsecond, ascending within a thread even within that, so that
//! changes made one after the other through different threads stand in their order.

use uuid::{ContextV7, Uuid};

use crate::domain::Timestamp;

/// Enough to tell the microseconds of a millisecond apart.
const PRECISION_BITS: usize = 10;

thread_local! {
    static CONTEXT: ContextV7 = ContextV7::new().with_additional_precision_bits(PRECISION_BITS);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::AuditId;

    #[test]
    fn ids_ascend_from_microsecond_to_microsecond_across_threads() {
        let ids: Vec<AuditId> = (0..2_500)
            .map(|micros| {
                let now = Timestamp::from_micros(1_795_000_000_000_000 + micros);
                std::thread::scope(|scope| scope.spawn(|| new_id(now)).join().unwrap())
            })
            .collect();
        let out_of_order = ids.windows(2).filter(|pair| pair[0] > pair[1]).count();
        // 1,024 steps for 1,000 microseconds: no two fall into one.
        assert_eq!(out_of_order, 0);
    }
}
