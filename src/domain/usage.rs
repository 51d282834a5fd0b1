//! What a call used. What that costs stands in [`super::price`].

use serde::{Deserialize, Serialize};

use super::money::Money;

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
    /// Of `cache_write`, for twelve hours; none of them is in `cache_write_1h`.
    pub cache_write_12h: u64,
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
    /// How large and how good the images are that were made.
    pub drawn: Drawn,
    /// At which speed and price the provider worked.
    pub tier: ServiceTier,
    /// How fast the model was to write, where that is asked for beside the tier.
    pub speed: Speed,
    /// Where the provider worked.
    pub geography: Geography,
    /// What the provider itself says that it cost.
    pub reported_cost: Option<Money>,
    /// Counted by the gateway, because the provider gave no numbers.
    pub estimated: bool,
    /// The provider's numbers cannot be: they are cut down to what can.
    pub implausible: bool,
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

    /// What of it is beyond `known`.
    #[must_use]
    pub fn beyond(self, known: &Self) -> Self {
        Self {
            prompt: self.prompt.saturating_sub(known.prompt),
            cached: self.cached.saturating_sub(known.cached),
            cache_write: self.cache_write.saturating_sub(known.cache_write),
            cache_write_1h: self.cache_write_1h.saturating_sub(known.cache_write_1h),
            cache_write_12h: self.cache_write_12h.saturating_sub(known.cache_write_12h),
            completion: self.completion.saturating_sub(known.completion),
            reasoning: self.reasoning.saturating_sub(known.reasoning),
            audio: self.audio.beyond(known.audio),
            image: self.image.beyond(known.image),
            pieces: self.pieces.with(known.pieces, u64::saturating_sub),
            reported_cost: None,
            ..self
        }
    }

    /// Both together. What is no number is that of `self`, unless it says nothing.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        fn told<T: PartialEq + Default>(mine: T, others: T) -> T {
            if mine == T::default() { others } else { mine }
        }
        Self {
            prompt: self.prompt.saturating_add(other.prompt),
            cached: self.cached.saturating_add(other.cached),
            cache_write: self.cache_write.saturating_add(other.cache_write),
            cache_write_1h: self.cache_write_1h.saturating_add(other.cache_write_1h),
            cache_write_12h: self.cache_write_12h.saturating_add(other.cache_write_12h),
            completion: self.completion.saturating_add(other.completion),
            reasoning: self.reasoning.saturating_add(other.reasoning),
            audio: self.audio.plus(other.audio),
            image: self.image.plus(other.image),
            pieces: self.pieces.plus(other.pieces),
            drawn: told(self.drawn, other.drawn),
            tier: told(self.tier, other.tier),
            speed: told(self.speed, other.speed),
            geography: told(self.geography, other.geography),
            reported_cost: match (self.reported_cost, other.reported_cost) {
                (Some(mine), Some(others)) => Some(mine.plus(others)),
                (mine, others) => mine.or(others),
            },
            estimated: self.estimated || other.estimated,
            implausible: self.implausible || other.implausible,
        }
    }
}

/// A part of a call's usage that is priced by itself: an iteration of a tool loop, a compaction, an advisor, a fallback.
/// A call's parts, where it has any, add up to its usage; each has its own model's price and its own length of prompt.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct UsagePart {
    /// The provider's name of the model that it was; `None`: the one that serves the call.
    pub model: Option<String>,
    /// What it used.
    pub usage: Usage,
}

impl UsagePart {
    /// What of all is in none of the parts; `None`: nothing.
    pub fn rest<'a>(all: &Usage, parts: impl Iterator<Item = &'a Self>) -> Option<Self> {
        let known = parts.fold(Usage::default(), |sum, part| sum.plus(part.usage));
        let usage = all.beyond(&known);
        (!usage.is_nothing()).then_some(Self { model: None, usage })
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

    const fn beyond(self, known: Self) -> Self {
        Self {
            input: self.input.saturating_sub(known.input),
            cached: self.cached.saturating_sub(known.cached),
            output: self.output.saturating_sub(known.output),
        }
    }
}

/// What is billed by the piece, in place of tokens or beside them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Pieces {
    /// Images made.
    pub images: u64,
    /// Seconds of audio listened to, each begun one whole.
    pub seconds: u64,
    /// Seconds of audio or video made, each begun one whole.
    pub seconds_out: u64,
    /// Characters spoken.
    pub characters: u64,
    /// Searches made to rank documents.
    pub searches: u64,
    /// Searches of the web that a model made at its provider.
    pub web_searches: u64,
    /// Pages of the web that it fetched.
    pub web_fetches: u64,
    /// Queries that grounded an answer (Gemini).
    pub grounded_queries: u64,
    /// Searches of stored files.
    pub file_searches: u64,
    /// Containers that its code ran in.
    pub code_sessions: u64,
}

impl Pieces {
    fn with(self, other: Self, both: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            images: both(self.images, other.images),
            seconds: both(self.seconds, other.seconds),
            seconds_out: both(self.seconds_out, other.seconds_out),
            characters: both(self.characters, other.characters),
            searches: both(self.searches, other.searches),
            web_searches: both(self.web_searches, other.web_searches),
            web_fetches: both(self.web_fetches, other.web_fetches),
            grounded_queries: both(self.grounded_queries, other.grounded_queries),
            file_searches: both(self.file_searches, other.file_searches),
            code_sessions: both(self.code_sessions, other.code_sessions),
        }
    }

    /// The sum.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        self.with(other, u64::saturating_add)
    }

    /// Of each kind that is more than `most`, and than was asked for, what was asked for.
    #[must_use]
    pub fn held(self, asked: &Self, most: u64) -> Self {
        self.with(
            *asked,
            |told, asked| {
                if told > most.max(asked) { asked } else { told }
            },
        )
    }

    /// Of each kind the larger number.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        self.with(other, u64::max)
    }
}

/// What decides on the price of an image that was made, beside the model.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Drawn {
    /// In pixels; 0: not told.
    pub width: u16,
    /// In pixels; 0: not told.
    pub height: u16,
    /// How good.
    pub quality: Quality,
}

/// How good an image is that was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Quality {
    /// Not told.
    #[default]
    Unknown,
    /// `low`
    Low,
    /// `medium`
    Medium,
    /// `high`
    High,
    /// `xhigh`
    Xhigh,
    /// `max`
    Max,
    /// `standard` (DALL·E)
    Standard,
    /// `hd` (DALL·E)
    Hd,
}

impl Quality {
    /// All that have a word.
    pub const ALL: [Self; 7] = [
        Self::Low,
        Self::Medium,
        Self::High,
        Self::Xhigh,
        Self::Max,
        Self::Standard,
        Self::Hd,
    ];

    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Xhigh => "xhigh",
            Self::Max => "max",
            Self::Standard => "standard",
            Self::Hd => "hd",
        }
    }

    /// Reads the word of a provider.
    pub fn of(word: &str) -> Self {
        let known = Self::ALL.into_iter().find(|known| known.as_str() == word);
        known.unwrap_or_default()
    }
}

/// At which speed and price a provider works.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum ServiceTier {
    /// At its list price.
    #[default]
    Standard,
    /// When it has time.
    Flex,
    /// Before others.
    Priority,
    /// Faster (OpenAI).
    Fast,
    /// As fast as it can (OpenAI).
    Ultrafast,
    /// Within a day.
    Batch,
    /// A word that is not known: the dearest of all.
    Unknown,
}

impl ServiceTier {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Standard,
        Self::Flex,
        Self::Priority,
        Self::Fast,
        Self::Ultrafast,
        Self::Batch,
        Self::Unknown,
    ];

    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Flex => "flex",
            Self::Priority => "priority",
            Self::Fast => "fast",
            Self::Ultrafast => "ultrafast",
            Self::Batch => "batch",
            Self::Unknown => "unknown",
        }
    }

    /// Reads the word of a provider or of a client, in whatever case.
    ///
    /// At the list price are also `default`, `auto` and `scale` (OpenAI), `on_demand` and `performance` (Groq),
    /// `standard_only` (Anthropic), `on_demand` and `provisioned_throughput` (Vertex) and `reserved` (Bedrock).
    pub fn of(word: &str) -> Self {
        let word = word.to_ascii_lowercase();
        let known = Self::ALL.into_iter().find(|tier| tier.as_str() == word);
        known.unwrap_or(match word.as_str() {
            ""
            | "default"
            | "auto"
            | "scale"
            | "performance"
            | "standard_only"
            | "on_demand"
            | "on_demand_offpeak"
            | "provisioned_throughput"
            | "reserved"
            | "unspecified"
            | "traffic_type_unspecified" => Self::Standard,
            "on_demand_flex" => Self::Flex,
            "on_demand_priority" => Self::Priority,
            "batched" => Self::Batch,
            _ => Self::Unknown,
        })
    }
}

/// How fast a model writes, where that is asked for beside the tier (Anthropic's `speed`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum Speed {
    /// As usual.
    #[default]
    Standard,
    /// Faster, and dearer.
    Fast,
    /// A word that is not known: the dearest of all.
    Unknown,
}

impl Speed {
    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Fast => "fast",
            Self::Unknown => "unknown",
        }
    }

    /// Reads the word of a provider or of a client.
    pub fn of(word: &str) -> Self {
        match word {
            "" | "standard" => Self::Standard,
            "fast" => Self::Fast,
            _ => Self::Unknown,
        }
    }
}

/// Where a provider works, where that has a price (Anthropic's `inference_geo`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum Geography {
    /// Anywhere.
    #[default]
    Global,
    /// In the United States only.
    Us,
    /// Somewhere else only: the dearest of all.
    Other,
}

impl Geography {
    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Us => "us",
            Self::Other => "other",
        }
    }

    /// Reads the word of a provider or of a client.
    pub fn of(word: &str) -> Self {
        match word {
            "" | "global" | "not_available" => Self::Global,
            "us" => Self::Us,
            _ => Self::Other,
        }
    }
}
