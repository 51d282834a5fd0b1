//! Channels: connections to providers, and the order in which they are tried.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::calling::Calling;
use super::cloud::CloudModel;
use super::endpoint::Endpoint;
use super::id::ChannelId;
use super::money::Money;
use super::time::Timestamp;

/// A configured connection to a provider.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Channel {
    /// Its id.
    pub id: ChannelId,
    /// What the operator calls it.
    pub name: String,
    /// Which provider interface it speaks.
    pub kind: ChannelKind,
    /// Where the provider is, such as `https://api.openai.com/v1`; empty for `echo`.
    pub base_url: String,
    /// The version of the provider's interface, for kinds that have several; `None`: the usual one.
    pub api_version: Option<String>,
    /// The provider's credentials, sealed, used in turn; none where the provider needs none.
    pub credentials: Vec<Sealed>,
    /// Public names of the models it serves.
    pub models: Vec<String>,
    /// Public model name to the provider's own, where they differ.
    pub model_map: BTreeMap<String, String>,
    /// Higher is tried first.
    pub priority: i32,
    /// Share among channels of one priority; zero: only when no other of that priority is left.
    pub weight: u32,
    /// What this channel costs in relation to the model's price.
    pub price_multiplier: Multiplier,
    /// Whose dollars are booked for its calls.
    pub cost_source: CostSource,
    /// How its provider is called.
    pub calling: Calling,
    /// Whether it takes calls.
    pub status: ChannelStatus,
    /// Who says what it is.
    pub source: ChannelSource,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was deleted; the record stays, so that the call log keeps its name.
    pub deleted_at: Option<Timestamp>,
}

impl Channel {
    /// Whether it may be given a call for this model now.
    pub fn serves(&self, model: &str) -> bool {
        self.status == ChannelStatus::Active
            && self.deleted_at.is_none()
            && self.models.iter().any(|m| m == model)
    }

    /// The provider's endpoint that serves a call to one of ours for a model of this public name; `None`: it has none.
    pub fn serves_with(&self, endpoint: Endpoint, model: &str) -> Option<Endpoint> {
        self.kind.serves_with(endpoint, self.upstream_model(model))
    }

    /// The provider's name for a public model name.
    pub fn upstream_model<'a>(&'a self, model: &'a str) -> &'a str {
        self.model_map.get(model).map_or(model, String::as_str)
    }
}

/// Whose dollars are booked for a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum CostSource {
    /// What the catalogue's price makes of its usage.
    #[default]
    Catalogue,
    /// What the provider says that it cost, as it stands; where it says nothing, the catalogue's.
    Provider,
}

impl CostSource {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Catalogue, Self::Provider];

    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Catalogue => "catalogue",
            Self::Provider => "provider",
        }
    }

    /// Reads the word of the API.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == word)
    }
}

/// Which provider interface a channel speaks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum ChannelKind {
    /// Any OpenAI-compatible base URL.
    OpenAi,
    /// Answers by itself with the prompt's words: the whole loop without a provider.
    Echo,
    /// OpenAI's models in Azure: deployments, and a version of the interface.
    AzureOpenAi,
    /// Anthropic's messages.
    Anthropic,
    /// Google's Gemini API.
    Gemini,
    /// Ollama, by its OpenAI-compatible interface; needs no credential.
    Ollama,
    /// Google's Vertex AI: Gemini, Claude and open models.
    Vertex,
    /// Amazon Bedrock: Claude, and models that take OpenAI's chat.
    Bedrock,
}

impl ChannelKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::OpenAi,
        Self::AzureOpenAi,
        Self::Anthropic,
        Self::Gemini,
        Self::Vertex,
        Self::Bedrock,
        Self::Ollama,
        Self::Echo,
    ];

    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Echo => "echo",
            Self::AzureOpenAi => "azure-openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Ollama => "ollama",
            Self::Vertex => "vertex",
            Self::Bedrock => "bedrock",
        }
    }

    /// Reads the word of the API.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Where the kind's own provider is; `None`: everywhere else.
    pub const fn usual_base_url(self) -> Option<&'static str> {
        match self {
            Self::OpenAi => Some("https://api.openai.com/v1"),
            Self::Anthropic => Some("https://api.anthropic.com/v1"),
            Self::Gemini => Some("https://generativelanguage.googleapis.com/v1beta"),
            Self::Ollama => Some("http://localhost:11434/v1"),
            Self::AzureOpenAi | Self::Echo | Self::Vertex | Self::Bedrock => None,
        }
    }

    /// Where a call to one of our endpoints goes at the provider, for a model of its name: to the endpoint that serves it, or,
    /// where none does, to the one of that name.
    pub fn goes_to(self, endpoint: Endpoint, model: &str) -> Endpoint {
        self.serves_with(endpoint, model).unwrap_or(endpoint)
    }

    /// The provider's endpoint that serves a call to one of ours for a model of its name; `None`: it has none. Where it is
    /// another one, the call is carried from one dialect into the other.
    pub fn serves_with(self, endpoint: Endpoint, model: &str) -> Option<Endpoint> {
        let carried = |into| endpoint.dialect().map(|_| into);
        match self {
            Self::Echo => (endpoint != Endpoint::Realtime).then_some(endpoint),
            Self::OpenAi | Self::AzureOpenAi | Self::Ollama => match endpoint {
                Endpoint::Messages | Endpoint::GenerateContent => Some(Endpoint::Chat),
                Endpoint::CountTokens | Endpoint::EmbedContent => None,
                Endpoint::Chat
                | Endpoint::Completions
                | Endpoint::Embeddings
                | Endpoint::Responses
                | Endpoint::Moderations
                | Endpoint::Rerank
                | Endpoint::Images
                | Endpoint::ImageEdits
                | Endpoint::Speech
                | Endpoint::Transcriptions
                | Endpoint::Translations
                | Endpoint::Realtime => Some(endpoint),
            },
            Self::Anthropic => carried(Endpoint::Messages),
            Self::Gemini => match endpoint {
                Endpoint::Embeddings | Endpoint::EmbedContent => Some(endpoint),
                Endpoint::Chat
                | Endpoint::Completions
                | Endpoint::Responses
                | Endpoint::Messages
                | Endpoint::GenerateContent
                | Endpoint::CountTokens => carried(Endpoint::GenerateContent),
                Endpoint::Moderations
                | Endpoint::Rerank
                | Endpoint::Images
                | Endpoint::ImageEdits
                | Endpoint::Speech
                | Endpoint::Transcriptions
                | Endpoint::Translations
                | Endpoint::Realtime => None,
            },
            Self::Vertex => match CloudModel::at_vertex(model) {
                CloudModel::Gemini(_) => Self::Gemini
                    .serves_with(endpoint, model)
                    // Only the Gemini API has them in OpenAI's dialect.
                    .filter(|wire| *wire != Endpoint::Embeddings),
                CloudModel::Claude(_) => carried(Endpoint::Messages),
                CloudModel::Chat(_) => carried(Endpoint::Chat),
            },
            Self::Bedrock => match CloudModel::at_bedrock(model)? {
                CloudModel::Claude(_) => carried(Endpoint::Messages),
                CloudModel::Chat(_) | CloudModel::Gemini(_) => carried(Endpoint::Chat),
            },
        }
    }

    /// Whether its provider counts the tokens of a request in the dialect of this conversation for a model of its name.
    pub fn counts_tokens(self, conversation: Endpoint, model: &str) -> bool {
        match self {
            Self::Anthropic => matches!(conversation, Endpoint::Messages),
            Self::Gemini => matches!(conversation, Endpoint::GenerateContent),
            Self::Vertex => match CloudModel::at_vertex(model) {
                CloudModel::Claude(_) => matches!(conversation, Endpoint::Messages),
                CloudModel::Gemini(_) => matches!(conversation, Endpoint::GenerateContent),
                CloudModel::Chat(_) => false,
            },
            Self::OpenAi | Self::AzureOpenAi | Self::Ollama | Self::Bedrock | Self::Echo => false,
        }
    }
}

/// Who says what a channel is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ChannelSource {
    /// An admin.
    Own,
    /// A `[[channel]]` of the configuration, found again by its name.
    Config {
        /// The configuration's file.
        file: String,
    },
}

/// Whether a channel takes calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ChannelStatus {
    /// It does.
    Active,
    /// The operator switched it off.
    Disabled,
}

/// A factor on a price, exact to a millionth.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Multiplier(u32);

impl Multiplier {
    /// The price as it is.
    pub const ONE: Self = Self(1_000_000);

    /// From millionths: 1,250,000 is 1.25.
    pub const fn from_millionths(millionths: u32) -> Self {
        Self(millionths)
    }

    /// Reads a decimal such as `1.25` exactly; `None`: it is none, has more than six places, or is more than 1000.
    pub fn parse(text: &str) -> Option<Self> {
        // Six decimals of a factor are as fine as six decimals of a dollar: the same exact reading serves.
        let pico = Money::from_usd(text).ok()?.as_pico();
        let millionths = u32::try_from(pico / 1_000_000).ok()?;
        (pico.is_multiple_of(1_000_000) && millionths <= 1_000_000_000).then_some(Self(millionths))
    }

    /// In millionths.
    pub const fn as_millionths(self) -> u32 {
        self.0
    }

    /// The amount times this factor, rounded up to the next picodollar.
    #[must_use]
    pub fn apply(self, amount: Money) -> Money {
        if self == Self::ONE {
            return amount;
        }
        let scaled = (u128::from(amount.as_pico()) * u128::from(self.0)).div_ceil(1_000_000);
        Money::from_pico(u64::try_from(scaled).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Multiplier {
    /// As a decimal without trailing zeros, such as `1.25`: also a valid JSON number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, millionths) = (self.0 / 1_000_000, self.0 % 1_000_000);
        if millionths == 0 {
            return write!(f, "{whole}");
        }
        let fraction = format!("{millionths:06}");
        write!(f, "{whole}.{}", fraction.trim_end_matches('0'))
    }
}

/// A secret under the master key: only `crypto` opens it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed(pub Vec<u8>);

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed(…)")
    }
}
