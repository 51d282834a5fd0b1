//! What a model costs, and what the most is that a call can cost.

use serde::{Deserialize, Serialize};

use super::channel::Multiplier;
use super::money::Money;
use super::usage::{Media, Pieces, ServiceTier, Usage};

/// What a model costs: picodollars a token, or a piece.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Price {
    /// An input token.
    pub input: Money,
    /// An input token read from cache; `None`: as `input`.
    pub cached_input: Option<Money>,
    /// An input token written to cache; `None`: as `input`.
    pub cache_write: Option<Money>,
    /// An input token written to cache for an hour; `None`: as `cache_write`.
    pub cache_write_1h: Option<Money>,
    /// An output token.
    pub output: Money,
    /// An output token of reasoning; `None`: as `output`.
    pub reasoning: Option<Money>,
    /// Tokens of audio.
    pub audio: MediaPrice,
    /// Tokens of images.
    pub image: MediaPrice,
    /// Each request, whatever its tokens.
    pub per_request: Money,
    /// What is billed by the piece.
    pub pieces: PiecePrice,
    /// What a long prompt makes dearer.
    pub long_context: Option<LongContext>,
    /// The factor on all tokens of a call that the provider serves when it has time; `None`: it has no such tier.
    pub flex: Option<Multiplier>,
    /// The factor on all tokens of a call that the provider serves before others; `None`: it has no such tier.
    pub priority: Option<Multiplier>,
}

/// What the tokens of a medium cost; `None`: as those of text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct MediaPrice {
    /// An input token.
    pub input: Option<Money>,
    /// An input token read from cache; `None`: as `input`, or as text's where that is `None` too.
    pub cached_input: Option<Money>,
    /// An output token.
    pub output: Option<Money>,
}

/// What a piece costs; zero: it is not billed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct PiecePrice {
    /// An image made.
    pub image: Money,
    /// A second of audio listened to.
    pub second: Money,
    /// A character spoken.
    pub character: Money,
    /// A search made to rank documents.
    pub search: Money,
}

/// Above so long a prompt all tokens of the call are dearer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LongContext {
    /// The longest prompt at the usual price, in tokens.
    pub above: u32,
    /// The factor on input, from cache or not.
    pub input: Multiplier,
    /// The factor on output.
    pub output: Multiplier,
}

impl LongContext {
    fn holds(&self, prompt: u64) -> bool {
        prompt > u64::from(self.above)
    }
}

/// The most that a call may use.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Most {
    /// Input tokens.
    pub prompt: u64,
    /// Output tokens.
    pub completion: u64,
    /// What is billed by the piece.
    pub pieces: Pieces,
    /// The tier that is asked for.
    pub tier: ServiceTier,
}

impl Price {
    /// The exact cost of `usage` through a channel with `multiplier`, rounded up to the next picodollar wherever a factor
    /// comes in.
    pub fn cost(&self, usage: &Usage, multiplier: Multiplier) -> Money {
        let long = self.long_context.filter(|long| long.holds(usage.prompt));
        let mut input = self.input_cost(usage);
        let mut output = self.output_cost(usage);
        if let Some(long) = long {
            (input, output) = (long.input.apply(input), long.output.apply(output));
        }
        let tokens = self.tier(usage.tier).apply(input.plus(output));
        multiplier.apply(
            self.per_request
                .plus(self.pieces.cost(&usage.pieces))
                .plus(tokens),
        )
    }

    /// Whether the model is billed by the piece, so that its tokens say nothing of its cost.
    pub fn is_by_piece(&self) -> bool {
        self.pieces != PiecePrice::default()
    }

    /// Each part of the prompt once: what is told of it beyond its length does not count.
    fn input_cost(&self, usage: &Usage) -> Money {
        let cached = usage.cached.min(usage.prompt);
        let cached_audio = usage.audio.cached.min(cached);
        let cached_image = usage.image.cached.min(cached - cached_audio);
        let mut plain = usage.prompt - cached;
        let written = usage.cache_write.min(plain);
        let written_1h = usage.cache_write_1h.min(written);
        plain -= written;
        let audio = fresh(&usage.audio).min(plain);
        plain -= audio;
        let image = fresh(&usage.image).min(plain);
        plain -= image;
        [
            self.input.times(plain),
            self.audio.input.unwrap_or(self.input).times(audio),
            self.image.input.unwrap_or(self.input).times(image),
            self.cached().times(cached - cached_audio - cached_image),
            self.cached_of(&self.audio).times(cached_audio),
            self.cached_of(&self.image).times(cached_image),
            self.written().times(written - written_1h),
            self.written_1h().times(written_1h),
        ]
        .into_iter()
        .sum()
    }

    fn output_cost(&self, usage: &Usage) -> Money {
        let mut plain = usage.completion;
        let reasoning = usage.reasoning.min(plain);
        plain -= reasoning;
        let audio = usage.audio.output.min(plain);
        plain -= audio;
        let image = usage.image.output.min(plain);
        plain -= image;
        [
            self.output.times(plain),
            self.reasoning.unwrap_or(self.output).times(reasoning),
            self.audio.output.unwrap_or(self.output).times(audio),
            self.image.output.unwrap_or(self.output).times(image),
        ]
        .into_iter()
        .sum()
    }

    fn cached(&self) -> Money {
        self.cached_input.unwrap_or(self.input)
    }

    fn cached_of(&self, media: &MediaPrice) -> Money {
        media.cached_input.or(media.input).unwrap_or(self.cached())
    }

    fn written(&self) -> Money {
        self.cache_write.unwrap_or(self.input)
    }

    fn written_1h(&self) -> Money {
        self.cache_write_1h.unwrap_or(self.written())
    }

    fn tier(&self, tier: ServiceTier) -> Multiplier {
        match tier {
            ServiceTier::Standard | ServiceTier::Batch => None,
            ServiceTier::Flex => self.flex,
            ServiceTier::Priority
            | ServiceTier::Fast
            | ServiceTier::Ultrafast
            | ServiceTier::Unknown => self.priority,
        }
        .unwrap_or(Multiplier::ONE)
    }

    /// The dearest that an input token can be, at the list price: what a reservation counts with.
    fn dearest_input(&self) -> Money {
        let media = [self.audio.input, self.image.input].into_iter().flatten();
        let cached = [
            self.cached(),
            self.cached_of(&self.audio),
            self.cached_of(&self.image),
        ];
        let others = cached
            .into_iter()
            .chain([self.written(), self.written_1h()])
            .chain(media);
        others.fold(self.input, Money::max)
    }

    /// The dearest that an output token can be.
    fn dearest_output(&self) -> Money {
        let others = [self.reasoning, self.audio.output, self.image.output];
        others.into_iter().flatten().fold(self.output, Money::max)
    }

    /// The most that a call can cost that uses no more than that. A call that asks for priority may be served at the list price,
    /// and one that is not long costs no more for it: the dearer of both counts.
    pub fn bound(&self, most: &Most, multiplier: Multiplier) -> Money {
        let mut input = self.dearest_input().times(most.prompt);
        let mut output = self.dearest_output().times(most.completion);
        if let Some(long) = self.long_context.filter(|long| long.holds(most.prompt)) {
            input = long.input.max(Multiplier::ONE).apply(input);
            output = long.output.max(Multiplier::ONE).apply(output);
        }
        let tier = self.tier(most.tier).max(Multiplier::ONE);
        let tokens = tier.apply(input.plus(output));
        multiplier.apply(
            self.per_request
                .plus(self.pieces.cost(&most.pieces))
                .plus(tokens),
        )
    }
}

/// What of a medium's input came from no cache.
fn fresh(media: &Media) -> u64 {
    media.input.saturating_sub(media.cached)
}

impl PiecePrice {
    fn cost(&self, pieces: &Pieces) -> Money {
        [
            self.image.times(pieces.images),
            self.second.times(pieces.seconds),
            self.character.times(pieces.characters),
            self.search.times(pieces.searches),
        ]
        .into_iter()
        .sum()
    }
}

#[cfg(test)]
mod tests;
