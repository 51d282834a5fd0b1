//! The realtime interface: a WebSocket with the provider, whose messages are JSON events.
//! Reference: OpenAI API reference, "Realtime API with WebSocket"; Azure OpenAI in Microsoft Foundry, "Use the GPT Realtime API
//! via WebSockets".

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use awc::error::WsClientError;
use awc::ws::{Frame, Message};
use futures_util::{Sink, Stream};

use super::address::{Address, path_segment};
use super::answer::Failure;
use super::http;
use crate::domain::{AttemptStatus, ChannelKind, Endpoint};
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

/// Begins a session with a provider. Dropping what comes of it ends the session.
pub(crate) async fn connect(
    upstream: &Arc<Upstream>,
    model: &str,
    headers: &[(HeaderName, HeaderValue)],
    timeouts: Timeouts,
) -> Result<
    impl Stream<Item = Result<Frame, awc::error::WsProtocolError>>
    + Sink<Message, Error = awc::error::WsProtocolError>
    + use<>,
    NoSession,
> {
    let address = address(upstream, model).map_err(NoSession::Failed)?;
    let (uri, own) = http::head(upstream, address).map_err(NoSession::Failed)?;
    // What the operator sets goes before what the client sends.
    let sent = headers.iter().cloned().chain(own);
    let request = http::client(upstream, timeouts.connect)
        .ws(uri)
        .max_frame_size(MOST_FRAME);
    let request = sent.fold(request, |request, (name, value)| {
        request.set_header(name, value)
    });
    match tokio::time::timeout(timeouts.first_byte, request.connect()).await {
        Ok(Ok((_, link))) => Ok(link),
        Ok(Err(error)) => Err(no_session(&error)),
        Err(_) => Err(NoSession::Failed(Failure {
            status: AttemptStatus::TimedOut,
            words: format!("no answer within {} s", timeouts.first_byte.as_secs_f32()),
            hung_up: false,
            refused: false,
        })),
    }
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

fn no_session(error: &WsClientError) -> NoSession {
    match error {
        WsClientError::InvalidResponseStatus(status) => NoSession::Refused(*status),
        WsClientError::SendRequest(error) => NoSession::Failed(http::failure(error)),
        WsClientError::InvalidUpgradeHeader
        | WsClientError::InvalidConnectionHeader(_)
        | WsClientError::MissingConnectionHeader
        | WsClientError::MissingWebSocketAcceptHeader
        | WsClientError::InvalidChallengeResponse(..)
        | WsClientError::Protocol(_) => NoSession::Failed(Failure {
            status: AttemptStatus::BrokenAnswer,
            words: format!("the answer is none of a WebSocket: {error}"),
            hung_up: false,
            refused: false,
        }),
    }
}
