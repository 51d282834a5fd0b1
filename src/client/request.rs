//! What is sent.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use http::header::{ACCEPT_ENCODING, HOST, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Uri};
use hyper::body::{Body, Frame, SizeHint};

/// A request; `uri` as it is written in the first line: a path, or the whole address for a proxy without a tunnel.
#[derive(Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// What stands in the first line.
    pub uri: Uri,
    /// All headers but those of the framing; `host` is one of them.
    pub headers: HeaderMap,
    /// The body.
    pub payload: Payload,
}

/// The headers of every request to an address; `None`: it names no host. A login in the address is not told, and no content
/// coding is asked for.
pub fn headers_to(uri: &Uri) -> Option<HeaderMap> {
    let host = uri.authority()?.as_str().rsplit('@').next()?;
    let agent = concat!("real200/", env!("CARGO_PKG_VERSION"));
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(HOST, HeaderValue::try_from(host).ok()?);
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(USER_AGENT, HeaderValue::from_static(agent));
    Some(headers)
}

/// A body that comes in pieces.
pub type Pieces = Pin<Box<dyn Stream<Item = io::Result<Bytes>>>>;

/// A request's body.
pub enum Payload {
    /// None.
    None,
    /// All of it at once: written in one go with the head, without a copy.
    Whole(Bytes),
    /// Piece by piece, with its length where that is known.
    Pieces(Option<u64>, Pieces),
}

impl std::fmt::Debug for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Whole(_) => "Whole",
            Self::Pieces(..) => "Pieces",
        })
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let next = match &mut *self {
            Self::None => None,
            Self::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                *self = Self::None;
                (!bytes.is_empty()).then_some(Ok(bytes))
            }
            Self::Pieces(_, pieces) => std::task::ready!(pieces.as_mut().poll_next(context)),
        };
        Poll::Ready(next.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::None)
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::None => SizeHint::with_exact(0),
            Self::Whole(bytes) => {
                SizeHint::with_exact(u64::try_from(bytes.len()).unwrap_or(u64::MAX))
            }
            Self::Pieces(Some(length), _) => SizeHint::with_exact(*length),
            Self::Pieces(None, _) => SizeHint::default(),
        }
    }
}
