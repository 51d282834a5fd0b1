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
    let path = if outgoing.endpoint == Endpoint::Messages {
        "/messages"
    } else if outgoing.endpoint == Endpoint::CountTokens {
        "/messages/count_tokens"
    } else {
        return Err(Failure::no_endpoint(outgoing.endpoint));
    };
    let own = upstream.channel.api_version.as_deref();
    let clients = outgoing
        .headers
        .iter()
        .find(|(name, _)| name.as_str() == VERSION_HEADER);
    let version = match own {
        Some(own) => Some(own),
        None => clients.is_none().then_some(VERSION),
    };
    let address = Address::behind(upstream, path, clients.is_none());
    versioned(address, version)?.authorized(upstream, "x-api-key", "")
}

/// Another address of Anthropic's, which takes no headers of a client.
pub(super) fn at(upstream: &Upstream, path: &str) -> Result<Address, Failure> {
    let version = upstream.channel.api_version.as_deref();
    let address = Address::behind(upstream, path, false);
    versioned(address, Some(version.unwrap_or(VERSION)))?.authorized(upstream, "x-api-key", "")
}

fn versioned(mut address: Address, version: Option<&str>) -> Result<Address, Failure> {
    if let Some(version) = version {
        let value = HeaderValue::try_from(version).map_err(|_| Failure::unusable("API version"))?;
        let name = HeaderName::from_static(VERSION_HEADER);
        address.headers.push((name, value));
    }
    Ok(address)
}
