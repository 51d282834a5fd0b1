//! Google's Gemini API. A stream is always asked for as server-sent events. Its embeddings are also served by its
//! OpenAI-compatible interface.
//! Reference: Gemini API, "API reference", "OpenAI compatibility".

use super::address::{Address, path_segment};
use super::answer::{Failure, Outgoing};
use crate::domain::Endpoint;
use crate::state::Upstream;

pub(super) fn address(upstream: &Upstream, outgoing: &Outgoing<'_>) -> Result<Address, Failure> {
    if outgoing.endpoint == Endpoint::Embeddings {
        return Address::behind(upstream, "/openai/embeddings", true).authorized(
            upstream,
            "authorization",
            "Bearer ",
        );
    }
    let path = format!(
        "/models/{}:{}",
        path_segment(outgoing.model),
        method(outgoing)?
    );
    Address::behind(upstream, &path, false).authorized(upstream, "x-goog-api-key", "")
}

/// What is asked of the model, as it stands behind its name.
pub(super) fn method(outgoing: &Outgoing<'_>) -> Result<&'static str, Failure> {
    match outgoing.endpoint {
        Endpoint::GenerateContent if outgoing.stream => Ok("streamGenerateContent?alt=sse"),
        Endpoint::GenerateContent => Ok("generateContent"),
        Endpoint::CountTokens => Ok("countTokens"),
        Endpoint::EmbedContent if outgoing.batch => Ok("batchEmbedContents"),
        Endpoint::EmbedContent => Ok("embedContent"),
        Endpoint::Chat
        | Endpoint::Completions
        | Endpoint::Embeddings
        | Endpoint::Responses
        | Endpoint::Messages
        | Endpoint::Moderations
        | Endpoint::Rerank
        | Endpoint::Images
        | Endpoint::ImageEdits
        | Endpoint::Speech
        | Endpoint::Transcriptions
        | Endpoint::Translations
        | Endpoint::Realtime => Err(Failure::no_endpoint(outgoing.endpoint)),
    }
}
