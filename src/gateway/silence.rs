//! How long a provider may be silent in its answer.

use std::pin::Pin;
use std::task::Context;

use tokio::time::Sleep;

use crate::state::Timeouts;

/// Silence is measured in quarters of what is allowed, so that no timer is set for each piece that comes.
const QUARTERS: u8 = 4;

/// The silence since something last came.
pub(crate) struct Silence {
    quarter: Pin<Box<Sleep>>,
    timeouts: Timeouts,
    quiet: u8,
    begun: bool,
}

impl Silence {
    /// Of an answer whose head has come. A model may think long before its first word: until then it has the time it had for
    /// the head.
    pub(crate) fn new(timeouts: Timeouts) -> Self {
        let allowed = timeouts.first_byte.max(timeouts.idle);
        Self {
            quarter: Box::pin(tokio::time::sleep(allowed / u32::from(QUARTERS))),
            timeouts,
            quiet: 0,
            begun: false,
        }
    }

    /// Something came.
    pub(crate) fn is_broken(&mut self) {
        self.quiet = 0;
    }

    /// The answer itself has begun.
    pub(crate) fn begin(&mut self) {
        self.begun = true;
    }

    /// Whether it has lasted for too long.
    pub(crate) fn is_too_long(&mut self, context: &mut Context<'_>) -> bool {
        while self.quarter.as_mut().poll(context).is_ready() {
            self.quiet += 1;
            // The quarter in which the last bytes came had begun before them: it does not count.
            if self.quiet > QUARTERS {
                return true;
            }
            let allowed = if self.begun {
                self.timeouts.idle
            } else {
                self.timeouts.first_byte.max(self.timeouts.idle)
            };
            self.quarter
                .set(tokio::time::sleep(allowed / u32::from(QUARTERS)));
        }
        false
    }
}
