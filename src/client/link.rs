//! A connection, and what it may be used for.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use http::uri::{PathAndQuery, Scheme};
use http::{HeaderValue, Uri};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::error::SendError;
use super::proxy;
use super::request::Payload;
use super::socket::Transport;
use crate::clock::Tick;
use crate::domain::Proxy;

/// The most that a head may hold, and the most that is read of a body at once.
const MOST_BUFFERED: usize = 128 * 1024;

/// The way to a server: requests share a connection only where all of this is the same.
#[derive(Clone, PartialEq, Eq)]
pub struct Line {
    pub(super) secure: bool,
    /// Without the brackets of an IPv6 address, in small letters.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) via: Option<Arc<Proxy>>,
}

impl std::hash::Hash for Line {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (self.secure, &self.host, self.port).hash(state);
    }
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Line({}:{})", self.host, self.port)
    }
}

impl Line {
    /// The way to where this address points, perhaps through a proxy; `None`: it is no address of a server.
    pub fn to(uri: &Uri, via: Option<Arc<Proxy>>) -> Option<Self> {
        let secure = match uri.scheme_str() {
            Some("https" | "wss") => true,
            Some("http" | "ws") => false,
            _ => return None,
        };
        let host = uri.host()?.trim_start_matches('[').trim_end_matches(']');
        Some(Self {
            secure,
            host: host.to_ascii_lowercase(),
            port: uri.port_u16().unwrap_or(if secure { 443 } else { 80 }),
            via,
        })
    }

    /// What stands in the first line of a request for this address: its path, or for a proxy without a tunnel the whole of it.
    pub fn first_line(&self, uri: Uri) -> Option<Uri> {
        let mut parts = uri.into_parts();
        if self.via.is_some() && !self.secure {
            parts.scheme = Some(Scheme::HTTP);
            // A login would be told to everybody on the way.
            let authority = parts.authority.take()?;
            let bare = authority.as_str().rsplit('@').next()?.to_owned();
            parts.authority = Some(bare.parse().ok()?);
        } else {
            (parts.scheme, parts.authority) = (None, None);
        }
        if parts.path_and_query.is_none() {
            parts.path_and_query = Some(PathAndQuery::from_static("/"));
        }
        Uri::from_parts(parts).ok()
    }

    /// What a proxy without a tunnel is told of who asks.
    pub fn proxy_authorization(&self) -> Option<HeaderValue> {
        let proxy = self.via.as_ref().filter(|_| !self.secure)?;
        proxy::authorization(proxy)
    }

    /// `host:port`, for a proxy.
    pub(super) fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// A connection. Dropping it closes it.
pub(super) struct Link {
    pub(super) sender: http1::SendRequest<Payload>,
    pub(super) connection: http1::Connection<TokioIo<Transport>, Payload>,
    pub(super) transport: Transport,
    /// When it was made.
    pub(super) born: Tick,
}

impl Link {
    pub(super) async fn over(transport: Transport, born: Tick) -> Result<Box<Self>, SendError> {
        let io = TokioIo::new(transport.clone());
        let made = http1::Builder::new()
            .max_buf_size(MOST_BUFFERED)
            .handshake(io)
            .await;
        let (sender, connection) = made.map_err(|e| SendError::Unconnected(e.to_string()))?;
        Ok(Box::new(Self {
            sender,
            connection,
            transport,
            born,
        }))
    }

    /// Whether the exchange is over on both sides, nothing is left over of it, and both keep the connection open. Leaves
    /// nobody to be woken.
    pub(super) fn is_idle(&mut self) -> bool {
        let mut nobody = Context::from_waker(Waker::noop());
        // Hyper reads on here, and ends the connection at whatever comes.
        matches!(
            Pin::new(&mut self.connection).poll(&mut nobody),
            Poll::Pending
        ) && self.sender.is_ready()
    }

    /// Whether it is as it was when it was put away.
    pub(super) fn is_untouched(&self) -> bool {
        self.transport.is_quiet() && self.sender.is_ready()
    }
}
