//! How a budget stands against its quota, as the API says it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{Consumption, Headroom, Window};
use crate::state::{Standing, State};

use super::usd::Usd;

/// What is used and what is left of a quota. A rotated key and its successor share one budget, so it counts both.
#[derive(Serialize, ToSchema)]
pub(super) struct Balance {
    used: Used,
    /// What is set aside for calls in flight is not left.
    remaining: Remaining,
    /// Set aside for calls in flight, until they are charged what they cost.
    reserved: Amounts,
    resets_at: Resets,
}

/// What has been used in each window.
#[derive(Serialize, ToSchema)]
pub(super) struct Used {
    total: Amounts,
    monthly: Amounts,
    daily: Amounts,
}

/// What is left in each window.
#[derive(Serialize, ToSchema)]
pub(super) struct Remaining {
    total: Left,
    monthly: Left,
    daily: Left,
}

/// An amount of each that a quota counts.
#[derive(Serialize, ToSchema)]
pub(super) struct Amounts {
    usd: Usd,
    tokens: u64,
    requests: u64,
}

/// What is left of each that a quota counts; null: no cap.
#[derive(Serialize, ToSchema)]
pub(super) struct Left {
    #[schema(required, value_type = Option<f64>)]
    usd: Option<Usd>,
    #[schema(required)]
    tokens: Option<u64>,
    #[schema(required)]
    requests: Option<u64>,
}

/// When the windows begin anew.
#[derive(Serialize, ToSchema)]
pub(super) struct Resets {
    monthly: String,
    daily: String,
}

impl From<Consumption> for Amounts {
    fn from(amount: Consumption) -> Self {
        Self {
            usd: Usd(amount.usd),
            tokens: amount.tokens,
            requests: amount.requests,
        }
    }
}

impl From<Headroom> for Left {
    fn from(left: Headroom) -> Self {
        Self {
            usd: left.usd.map(Usd),
            tokens: left.tokens,
            requests: left.requests,
        }
    }
}

impl Balance {
    pub(super) fn new(standing: &Standing, state: &State) -> Self {
        let used = |window| standing.used.of(window).into();
        let left = |window| standing.left(window).into();
        let zone = &state.settings.time_zone;
        Self {
            used: Used {
                total: used(Window::Total),
                monthly: used(Window::Monthly),
                daily: used(Window::Daily),
            },
            remaining: Remaining {
                total: left(Window::Total),
                monthly: left(Window::Monthly),
                daily: left(Window::Daily),
            },
            reserved: standing.reserved.total.into(),
            resets_at: Resets {
                monthly: zone.end_of_month(standing.used.month).to_string(),
                daily: zone.end_of_day(standing.used.day).to_string(),
            },
        }
    }
}
