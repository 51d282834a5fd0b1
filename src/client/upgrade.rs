//! A connection that turns into one of another protocol.

use std::time::Duration;

use http::{HeaderMap, StatusCode};

use super::error::SendError;
use super::exchange::{anew, prepared};
use super::link::Line;
use super::request::Request;
use super::socket::Transport;

/// What a server says to a request for another protocol.
pub enum Upgraded {
    /// It speaks it from here on.
    Switched {
        /// The headers of its answer.
        headers: HeaderMap,
        /// The connection, with what has come of the other protocol already.
        transport: Transport,
    },
    /// It does not: its status.
    Refused(StatusCode),
}

/// Asks for another protocol, over a connection of its own that never serves another request.
///
/// # Errors
/// When there is no answer.
pub async fn upgrade(
    line: &Line,
    connect: Duration,
    request: Request,
) -> Result<Upgraded, SendError> {
    let (response, mut link) = anew(line, None, connect, prepared(request)).await?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Ok(Upgraded::Refused(response.status()));
    }
    // Hyper writes what is left of the request and lets go of the connection.
    let let_go = std::future::poll_fn(|context| link.connection.poll_without_shutdown(context));
    let_go.await.map_err(|error| SendError::Broke {
        words: error.to_string(),
        silent: false,
    })?;
    let parts = link.connection.into_parts();
    let transport = parts.io.into_inner();
    transport.put_back(parts.read_buf);
    Ok(Upgraded::Switched {
        headers: response.into_parts().0.headers,
        transport,
    })
}
