//! What calls add up to, as the API says it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{self, Media, Pieces};

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
    /// Of these, for an hour.
    cache_write_1h_tokens: u64,
    /// Of these, for twelve hours.
    cache_write_12h_tokens: u64,
    completion_tokens: u64,
    reasoning_tokens: u64,
    #[serde(flatten)]
    other: OtherUsage,
    total_tokens: u64,
    /// What the priced calls cost.
    cost_usd: Usd,
    /// Calls whose cost is unknown, because their model has no price.
    unpriced_requests: u64,
}

/// What is used beside tokens of text.
#[derive(Serialize, ToSchema)]
pub(super) struct OtherUsage {
    /// Of the prompt, audio.
    pub(super) audio_input_tokens: u64,
    /// Of these, read from the provider's cache.
    pub(super) audio_cached_tokens: u64,
    /// Of the completion, audio.
    pub(super) audio_output_tokens: u64,
    /// Of the prompt, images.
    pub(super) image_input_tokens: u64,
    /// Of these, read from the provider's cache.
    pub(super) image_cached_tokens: u64,
    /// Of the completion, images.
    pub(super) image_output_tokens: u64,
    /// Images made.
    pub(super) images: u64,
    /// Seconds of audio listened to.
    pub(super) audio_seconds: u64,
    /// Characters spoken.
    pub(super) characters: u64,
    /// Searches made to rank documents.
    pub(super) searches: u64,
    /// Seconds of audio or video made.
    pub(super) seconds_made: u64,
    /// Searches of the web that a model made at its provider.
    pub(super) web_searches: u64,
    /// Pages of the web that it fetched.
    pub(super) web_fetches: u64,
    /// Queries that grounded an answer.
    pub(super) grounded_queries: u64,
    /// Searches of stored files.
    pub(super) file_searches: u64,
    /// Containers that its code ran in.
    pub(super) code_sessions: u64,
}

impl OtherUsage {
    pub(super) fn new(audio: &Media, image: &Media, pieces: &Pieces) -> Self {
        Self {
            audio_input_tokens: audio.input,
            audio_cached_tokens: audio.cached,
            audio_output_tokens: audio.output,
            image_input_tokens: image.input,
            image_cached_tokens: image.cached,
            image_output_tokens: image.output,
            images: pieces.images,
            audio_seconds: pieces.seconds,
            characters: pieces.characters,
            searches: pieces.searches,
            seconds_made: pieces.seconds_out,
            web_searches: pieces.web_searches,
            web_fetches: pieces.web_fetches,
            grounded_queries: pieces.grounded_queries,
            file_searches: pieces.file_searches,
            code_sessions: pieces.code_sessions,
        }
    }
}

impl From<&domain::Tally> for Tally {
    fn from(tally: &domain::Tally) -> Self {
        Self {
            requests: tally.requests,
            errors: tally.errors,
            prompt_tokens: tally.prompt_tokens,
            cached_tokens: tally.cached_tokens,
            cache_write_tokens: tally.cache_write_tokens,
            cache_write_1h_tokens: tally.cache_write_1h_tokens,
            cache_write_12h_tokens: tally.cache_write_12h_tokens,
            completion_tokens: tally.completion_tokens,
            reasoning_tokens: tally.reasoning_tokens,
            other: OtherUsage::new(&tally.audio, &tally.image, &tally.pieces),
            total_tokens: tally.total_tokens(),
            cost_usd: Usd(tally.cost),
            unpriced_requests: tally.unpriced_requests,
        }
    }
}
