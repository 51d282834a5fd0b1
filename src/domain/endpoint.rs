//! The gateway's endpoints by name, as permissions and the call log say them.

use serde::{Deserialize, Serialize};

use super::dialect::Dialect;

/// What kind of call it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Endpoint {
    /// `POST /v1/chat/completions`
    Chat,
    /// `POST /v1/completions`
    Completions,
    /// `POST /v1/embeddings`
    Embeddings,
    /// `POST /v1/responses`
    Responses,
    /// `POST /v1/messages`
    Messages,
    /// `POST /v1beta/models/{model}:generateContent` and `:streamGenerateContent`
    GenerateContent,
    /// `POST /v1/messages/count_tokens` and `/v1beta/models/{model}:countTokens`
    CountTokens,
    /// `POST /v1beta/models/{model}:embedContent` and `:batchEmbedContents`
    EmbedContent,
    /// `POST /v1/moderations`
    Moderations,
    /// `POST /v1/rerank`
    Rerank,
    /// `POST /v1/images/generations`
    Images,
    /// `POST /v1/images/edits`
    ImageEdits,
    /// `POST /v1/audio/speech`
    Speech,
    /// `POST /v1/audio/transcriptions`
    Transcriptions,
    /// `POST /v1/audio/translations`
    Translations,
    /// `GET /v1/realtime`, a WebSocket
    Realtime,
}

impl Endpoint {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Chat,
        Self::Completions,
        Self::Embeddings,
        Self::Responses,
        Self::Messages,
        Self::GenerateContent,
        Self::CountTokens,
        Self::EmbedContent,
        Self::Moderations,
        Self::Rerank,
        Self::Images,
        Self::ImageEdits,
        Self::Speech,
        Self::Transcriptions,
        Self::Translations,
        Self::Realtime,
    ];

    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Completions => "completions",
            Self::Embeddings => "embeddings",
            Self::Responses => "responses",
            Self::Messages => "messages",
            Self::GenerateContent => "generate_content",
            Self::CountTokens => "count_tokens",
            Self::EmbedContent => "embed_content",
            Self::Moderations => "moderations",
            Self::Rerank => "rerank",
            Self::Images => "images",
            Self::ImageEdits => "image_edits",
            Self::Speech => "speech",
            Self::Transcriptions => "transcriptions",
            Self::Translations => "translations",
            Self::Realtime => "realtime",
        }
    }

    /// Reads the word of the API.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|endpoint| endpoint.as_str() == word)
    }

    /// Whether the model writes tokens.
    pub const fn generates(self) -> bool {
        match self {
            Self::Chat
            | Self::Completions
            | Self::Responses
            | Self::Messages
            | Self::GenerateContent
            | Self::Images
            | Self::ImageEdits
            | Self::Speech
            | Self::Transcriptions
            | Self::Translations
            | Self::Realtime => true,
            Self::Embeddings
            | Self::CountTokens
            | Self::EmbedContent
            | Self::Moderations
            | Self::Rerank => false,
        }
    }

    /// Whether its tokens cost nothing: they are counted for the client, not used.
    pub const fn is_free(self) -> bool {
        matches!(self, Self::CountTokens)
    }

    /// Whether its body is a form with files.
    pub const fn takes_files(self) -> bool {
        matches!(
            self,
            Self::ImageEdits | Self::Transcriptions | Self::Translations
        )
    }

    /// The dialect of its conversations, which can be carried into another one; `None`: it has none.
    pub const fn dialect(self) -> Option<Dialect> {
        match self {
            Self::Chat => Some(Dialect::Chat),
            Self::Responses => Some(Dialect::Responses),
            Self::Messages => Some(Dialect::Messages),
            Self::GenerateContent => Some(Dialect::Gemini),
            Self::Completions
            | Self::Embeddings
            | Self::CountTokens
            | Self::EmbedContent
            | Self::Moderations
            | Self::Rerank
            | Self::Images
            | Self::ImageEdits
            | Self::Speech
            | Self::Transcriptions
            | Self::Translations
            | Self::Realtime => None,
        }
    }
}
