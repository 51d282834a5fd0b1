//! The gateway's endpoints by name, as permissions and the call log say them.

use serde::{Deserialize, Serialize};

/// What kind of call it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Endpoint {
    /// `POST /v1/chat/completions`
    Chat,
    /// `POST /v1/completions`
    Completions,
    /// `POST /v1/embeddings`
    Embeddings,
    /// `POST /v1/responses`
    Responses,
}

impl Endpoint {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Chat,
        Self::Completions,
        Self::Embeddings,
        Self::Responses,
    ];

    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Completions => "completions",
            Self::Embeddings => "embeddings",
            Self::Responses => "responses",
        }
    }

    /// Reads the word of the API.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|endpoint| endpoint.as_str() == word)
    }

    /// The path behind a provider's base URL, such as `/chat/completions`.
    pub const fn upstream_path(self) -> &'static str {
        match self {
            Self::Chat => "/chat/completions",
            Self::Completions => "/completions",
            Self::Embeddings => "/embeddings",
            Self::Responses => "/responses",
        }
    }

    /// Whether the model writes tokens.
    pub const fn generates(self) -> bool {
        match self {
            Self::Chat | Self::Completions | Self::Responses => true,
            Self::Embeddings => false,
        }
    }
}
