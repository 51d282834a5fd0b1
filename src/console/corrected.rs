//! What was set right in a call, as the API says it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{self, Booking};

use super::usd::Usd;

/// What was set right in a call.
#[derive(Serialize, ToSchema)]
pub(super) struct CallCorrection {
    at: String,
    by: String,
    reason: String,
    before: Booked,
    after: Booked,
}

/// What is booked for a call.
#[derive(Serialize, ToSchema)]
pub(super) struct Booked {
    prompt_tokens: u64,
    completion_tokens: u64,
    /// Null: the model is not priced.
    #[schema(required, value_type = Option<f64>)]
    cost_usd: Option<Usd>,
}

impl From<&Booking> for Booked {
    fn from(booking: &Booking) -> Self {
        Self {
            prompt_tokens: booking.usage.prompt,
            completion_tokens: booking.usage.completion,
            cost_usd: booking.cost.map(Usd),
        }
    }
}

impl From<&domain::Correction> for CallCorrection {
    fn from(correction: &domain::Correction) -> Self {
        Self {
            at: correction.at.to_string(),
            by: correction.by.clone(),
            reason: correction.reason.clone(),
            before: (&correction.before).into(),
            after: (&correction.after).into(),
        }
    }
}
