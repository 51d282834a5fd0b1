//! The realtime interface: a WebSocket with the provider, whose messages are JSON events.
//! Reference: OpenAI API reference, "Realtime API with WebSocket"; Azure OpenAI in Microsoft Foundry, "Use the GPT Realtime API
//! via WebSockets".

use ::http::Method;
use ::http::header::{self, HeaderMap};
use actix_codec::Framed;
use actix_http::ws::{self, Codec};
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::address::{Address, path_segment};
use super::answer::Failure;
use super::http;
use crate::client::{self, Payload, Request, SendError, Transport, Upgraded};
use crate::crypto;
use crate::domain::{ChannelKind, Endpoint};
use crate::state::{Timeouts, Upstream};

/// The largest frame that a provider may send: an event of audio has some hundred kilobytes.
const MOST_FRAME: usize = 16 << 20;
/// The version of Azure's interface, for a channel that names none.
const AZURE_VERSION: &str = "2025-04-01-preview";

/// Why there is no session.
pub(crate) enum NoSession {
    /// There was no answer, or none of a WebSocket.
    Failed(Failure),
    /// The provider answered with this status.
    Refused(StatusCode),
}

/// A session with a provider: frames both ways.
pub(crate) type Link = Framed<Transport, Codec>;

/// Begins a session with a provider. Dropping what comes of it ends the session.
pub(crate) async fn connect(
    upstream: &Upstream,
    model: &str,
    headers: &[(HeaderName, HeaderValue)],
    timeouts: Timeouts,
) -> Result<Link, NoSession> {
    let address = address(upstream, model).map_err(NoSession::Failed)?;
    let mut head = http::head(upstream, &address).map_err(NoSession::Failed)?;
    for (name, value) in headers {
        // What the operator sets goes before what the client sends.
        if !head.headers.contains_key(name.as_str()) {
            http::set(&mut head.headers, name, value).map_err(NoSession::Failed)?;
        }
    }
    let key = crypto::random::<16>().map_err(|error| broken(error.to_string()))?;
    let key = BASE64_STANDARD.encode(key);
    for (name, value) in [
        (header::CONNECTION, "Upgrade"),
        (header::UPGRADE, "websocket"),
        (header::SEC_WEBSOCKET_VERSION, "13"),
        (header::SEC_WEBSOCKET_KEY, key.as_str()),
    ] {
        let value = value.parse().map_err(|_| broken(name.to_string()))?;
        head.headers.insert(name, value);
    }
    let request = Request {
        method: Method::GET,
        uri: head.uri,
        headers: head.headers,
        payload: Payload::None,
    };
    let asked = client::upgrade(&head.line, timeouts.connect, request);
    match tokio::time::timeout(timeouts.first_byte, asked).await {
        Err(_) => Err(NoSession::Failed(http::too_late(timeouts))),
        Ok(Err(error)) => Err(NoSession::Failed(http::failure(&error))),
        Ok(Ok(Upgraded::Refused(status))) => match StatusCode::from_u16(status.as_u16()) {
            Ok(status) => Err(NoSession::Refused(status)),
            Err(error) => Err(broken(error.to_string())),
        },
        Ok(Ok(Upgraded::Switched { headers, transport })) => {
            check(&headers, &key)
                .map_err(|what| broken(format!("the answer is none of a WebSocket: {what}")))?;
            let codec = Codec::new().max_size(MOST_FRAME).client_mode();
            Ok(Framed::new(transport, codec))
        }
    }
}

/// Whether it is a WebSocket that the connection turns into (RFC 6455, 4.1).
fn check(headers: &HeaderMap, key: &str) -> Result<(), &'static str> {
    let says = |name: header::HeaderName, token: &str| {
        let values = headers.get_all(name);
        values
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|own| own.trim().eq_ignore_ascii_case(token))
    };
    if !says(header::UPGRADE, "websocket") {
        return Err("no upgrade to websocket");
    }
    if !says(header::CONNECTION, "upgrade") {
        return Err("no connection that upgrades");
    }
    let accepted = headers.get(header::SEC_WEBSOCKET_ACCEPT);
    if accepted.is_none_or(|value| value.as_bytes() != ws::hash_key(key.as_bytes())) {
        return Err("a key that is not the answer to ours");
    }
    Ok(())
}

fn broken(words: String) -> NoSession {
    NoSession::Failed(http::failure(&SendError::Unreadable(words)))
}

fn address(upstream: &Upstream, model: &str) -> Result<Address, Failure> {
    let model = path_segment(model);
    let behind = |path: &str| Address::behind(upstream, path, false);
    match upstream.channel.kind {
        ChannelKind::OpenAi | ChannelKind::Ollama => behind(&format!("/realtime?model={model}"))
            .authorized(upstream, "authorization", "Bearer "),
        ChannelKind::AzureOpenAi => {
            let base = upstream.channel.base_url.trim_end_matches('/');
            let version = upstream.channel.api_version.as_deref();
            let version = version.unwrap_or(AZURE_VERSION);
            let path = if base.ends_with("/openai/v1") {
                format!("/realtime?model={model}")
            } else {
                format!("/openai/realtime?api-version={version}&deployment={model}")
            };
            behind(&path).authorized(upstream, "api-key", "")
        }
        ChannelKind::Anthropic
        | ChannelKind::Gemini
        | ChannelKind::Vertex
        | ChannelKind::Bedrock
        | ChannelKind::Echo => Err(Failure::no_endpoint(Endpoint::Realtime)),
    }
}
