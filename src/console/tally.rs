//! What calls add up to, as the API says it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain;

use super::usd::Usd;

/// What some calls add up to.
#[derive(Serialize, ToSchema)]
pub(super) struct Tally {
    requests: u64,
    /// Of these, not ended well.
    errors: u64,
    prompt_tokens: u64,
    cached_tokens: u64,
    cache_write_tokens: u64,
    completion_tokens: u64,
    reasoning_tokens: u64,
    total_tokens: u64,
    /// What the priced calls cost.
    cost_usd: Usd,
    /// Calls whose cost is unknown, because their model has no price.
    unpriced_requests: u64,
}

impl From<&domain::Tally> for Tally {
    fn from(tally: &domain::Tally) -> Self {
        Self {
            requests: tally.requests,
            errors: tally.errors,
            prompt_tokens: tally.prompt_tokens,
            cached_tokens: tally.cached_tokens,
            cache_write_tokens: tally.cache_write_tokens,
            completion_tokens: tally.completion_tokens,
            reasoning_tokens: tally.reasoning_tokens,
            total_tokens: tally.total_tokens(),
            cost_usd: Usd(tally.cost),
            unpriced_requests: tally.unpriced_requests,
        }
    }
}
