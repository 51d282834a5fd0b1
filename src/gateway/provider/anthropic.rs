//! Anthropic.
//! Reference: Anthropic API, "API overview" (headers), "Versions".

use actix_web::http::header::{HeaderName, HeaderValue};

use super::address::Address;
use super::answer::{Failure, Outgoing};
use crate::domain::Endpoint;
use crate::state::Upstream;

/// The version of the interface, where neither the client nor the channel names one.
const VERSION: &str = "2023-06-01";
const VERSION_HEADER: &str = "anthropic-version";

pub(super) fn address(upstream: &Upstream, outgoing: &Outgoing<'_>) -> Result<Address, Failure> {
    let path = match outgoing.endpoint {
        Endpoint::Messages => "/messages",
        Endpoint::CountTokens => "/messages/count_tokens",
        Endpoint::Chat
        | Endpoint::Completions
        | Endpoint::Embeddings
        | Endpoint::Responses
        | Endpoint::GenerateContent
        | Endpoint::EmbedContent
        | Endpoint::Moderations
        | Endpoint::Rerank
        | Endpoint::Images
        | Endpoint::ImageEdits
        | Endpoint::Speech
        | Endpoint::Transcriptions
        | Endpoint::Translations => return Err(Failure::no_endpoint(outgoing.endpoint)),
    };
    let own = upstream.channel.api_version.as_deref();
    let clients = outgoing
        .headers
        .iter()
        .find(|(name, _)| name.as_str() == VERSION_HEADER);
    let mut address = Address::behind(upstream, path, clients.is_none());
    if clients.is_none() || own.is_some() {
        let version = HeaderValue::try_from(own.unwrap_or(VERSION))
            .map_err(|_| Failure::unusable("API version"))?;
        address
            .headers
            .push((HeaderName::from_static(VERSION_HEADER), version));
    }
    address.authorized(upstream, "x-api-key", "")
}
