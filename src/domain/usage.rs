//! What a call used. What that costs stands in [`super::price`].

use serde::{Deserialize, Serialize};

/// What a call used, always counted in one way whatever the provider's own way is:
/// `prompt` includes `cached`, `cache_write` and the input of each medium; `completion` includes `reasoning` and the output
/// of each medium.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Input tokens, all of them.
    pub prompt: u64,
    /// Of these, read from the provider's cache.
    pub cached: u64,
    /// Of these, written to the provider's cache, for however long.
    pub cache_write: u64,
    /// Of `cache_write`, for an hour and not for minutes.
    pub cache_write_1h: u64,
    /// Output tokens, all of them.
    pub completion: u64,
    /// Of these, spent on reasoning.
    pub reasoning: u64,
    /// Of all these tokens, those that are audio.
    pub audio: Media,
    /// Of all these tokens, those that are images.
    pub image: Media,
    /// What is billed by the piece.
    pub pieces: Pieces,
    /// At which speed and price the provider worked.
    pub tier: ServiceTier,
    /// Counted by the gateway, because the provider gave no numbers.
    pub estimated: bool,
}

impl Usage {
    /// Input and output tokens together.
    pub const fn total(&self) -> u64 {
        self.prompt.saturating_add(self.completion)
    }

    /// Whether it is nothing at all: neither tokens nor pieces.
    pub fn is_nothing(&self) -> bool {
        self.total() == 0 && self.pieces == Pieces::default()
    }
}

/// The tokens of a medium that is not text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Media {
    /// Of the prompt.
    pub input: u64,
    /// Of `input`, read from the provider's cache.
    pub cached: u64,
    /// Of the completion.
    pub output: u64,
}

impl Media {
    /// The sum.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_add(other.input),
            cached: self.cached.saturating_add(other.cached),
            output: self.output.saturating_add(other.output),
        }
    }
}

/// What some models are billed by in place of tokens.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Pieces {
    /// Images made.
    pub images: u64,
    /// Seconds of audio listened to, each begun one whole.
    pub seconds: u64,
    /// Characters spoken.
    pub characters: u64,
    /// Searches made to rank documents.
    pub searches: u64,
}

impl Pieces {
    /// The sum.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            images: self.images.saturating_add(other.images),
            seconds: self.seconds.saturating_add(other.seconds),
            characters: self.characters.saturating_add(other.characters),
            searches: self.searches.saturating_add(other.searches),
        }
    }
}

/// At which speed and price a provider works.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum ServiceTier {
    /// At its list price.
    #[default]
    Standard,
    /// When it has time.
    Flex,
    /// Before others.
    Priority,
}

impl ServiceTier {
    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Flex => "flex",
            Self::Priority => "priority",
        }
    }

    /// Reads the word of a provider or of a client: all that is neither `flex` nor `priority` is at the list price.
    pub fn of(word: &str) -> Self {
        [Self::Flex, Self::Priority]
            .into_iter()
            .find(|tier| tier.as_str() == word)
            .unwrap_or_default()
    }
}
