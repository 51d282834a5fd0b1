//! OpenAI and all that is compatible with it, Ollama among them: any base URL.
//! Reference: OpenAI API reference; Ollama, "OpenAI compatibility".

use super::address::Address;
use super::answer::{Failure, Outgoing};
use crate::domain::Endpoint;
use crate::state::Upstream;

/// The path of an endpoint behind the base URL.
pub(super) fn path(endpoint: Endpoint) -> Result<&'static str, Failure> {
    match endpoint {
        Endpoint::Chat => Ok("/chat/completions"),
        Endpoint::Completions => Ok("/completions"),
        Endpoint::Embeddings => Ok("/embeddings"),
        Endpoint::Responses => Ok("/responses"),
        Endpoint::Moderations => Ok("/moderations"),
        Endpoint::Rerank => Ok("/rerank"),
        Endpoint::Images => Ok("/images/generations"),
        Endpoint::ImageEdits => Ok("/images/edits"),
        Endpoint::Speech => Ok("/audio/speech"),
        Endpoint::Transcriptions => Ok("/audio/transcriptions"),
        Endpoint::Translations => Ok("/audio/translations"),
        Endpoint::Messages
        | Endpoint::GenerateContent
        | Endpoint::CountTokens
        | Endpoint::EmbedContent
        | Endpoint::Realtime => Err(Failure::no_endpoint(endpoint)),
    }
}

pub(super) fn address(upstream: &Upstream, outgoing: &Outgoing<'_>) -> Result<Address, Failure> {
    Address::behind(upstream, path(outgoing.endpoint)?, true).authorized(
        upstream,
        "authorization",
        "Bearer ",
    )
}
