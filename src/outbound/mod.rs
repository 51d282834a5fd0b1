//! Requests to addresses that somebody else chose: webhooks, and whatever a call makes the gateway fetch.
//!
//! A name is resolved once, every address that comes of it is checked, and the connection goes to an address that was
//! checked: what the name resolves to a moment later does not matter. Only the public internet is reached, and beside it
//! what the operator allows (`outbound.allow_private`). Redirects are not followed, connections not kept, sizes and times
//! capped. Works on any thread that runs local tasks: a web worker, or a thread of its own.

mod address;
mod target;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use http::Method;
use http::header::{self, HeaderName, HeaderValue};
use ipnet::IpNet;

use crate::client::{self, Line, Payload, Request, SendError};
use address::Guard;
use target::Target;

/// So many of a name's addresses are tried, so that one that is down does not hide the next.
const MOST_TRIED: usize = 3;
/// For one connection, TLS included.
const CONNECT: Duration = Duration::from_secs(5);

/// Makes guarded requests.
#[derive(Clone, Debug, Default)]
pub struct Fetcher {
    guard: Guard,
}

/// What to send.
#[derive(Clone, Copy, Debug)]
pub enum Outgoing<'a> {
    /// `GET`.
    Get,
    /// `POST` with a JSON body and these headers.
    Post {
        /// The body, JSON text.
        json: &'a str,
        /// More headers, by name.
        headers: &'a [(&'static str, String)],
    },
}

/// How much a request may take.
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// From looking the name up to the last byte.
    pub time: Duration,
    /// Of the answer's body, in bytes.
    pub body: usize,
}

/// An answer, whatever its status.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fetched {
    /// The status; a redirect is one, too.
    pub status: u16,
    /// What the body says it is.
    pub content_type: Option<String>,
    /// What came of the body within the caps.
    pub body: Bytes,
    /// Whether that is all of it.
    pub whole: bool,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The text is no address that may be used.
    #[error("{0}")]
    Malformed(&'static str),
    /// The name has no address.
    #[error("the name {host} cannot be resolved: {words}")]
    Unresolved {
        /// The name.
        host: String,
        /// Why not.
        words: String,
    },
    /// No address of it may be connected to.
    #[error(
        "{host} is {address}, which is not an address of the public internet; outbound.allow_private in the configuration can allow it"
    )]
    Forbidden {
        /// The host as written.
        host: String,
        /// The first address that it stands for.
        address: IpAddr,
    },
    /// There is no connection, or it broke.
    #[error("{0}")]
    Broken(String),
    /// It took too long.
    #[error("no answer within {} s", .0.as_secs())]
    TimedOut(Duration),
}

impl Fetcher {
    /// Reaches the public internet, and of the rest only what is `allowed`.
    pub fn new(allowed: Vec<IpNet>) -> Self {
        Self {
            guard: Guard::new(allowed),
        }
    }

    /// Whether an address is one that could be fetched, as far as can be told without looking its name up.
    ///
    /// # Errors
    /// When it is malformed, or names an address outright that may not be connected to.
    pub fn check(&self, url: &str) -> Result<(), FetchError> {
        let target = Target::parse(url).map_err(FetchError::Malformed)?;
        match target.literal() {
            Some(address) if !self.guard.permits(address) => Err(FetchError::Forbidden {
                host: target.host,
                address,
            }),
            _ => Ok(()),
        }
    }

    /// Sends a request and reads the answer.
    ///
    /// # Errors
    /// When no answer came. Each status is an answer.
    pub async fn fetch(
        &self,
        url: &str,
        outgoing: Outgoing<'_>,
        caps: Caps,
    ) -> Result<Fetched, FetchError> {
        let target = Target::parse(url).map_err(FetchError::Malformed)?;
        // The head must come in time; a body that takes longer is taken as far as it came.
        let deadline = tokio::time::sleep(caps.time);
        tokio::pin!(deadline);
        let mut response = tokio::select! {
            answered = self.answer(&target, outgoing) => answered?,
            () = &mut deadline => return Err(FetchError::TimedOut(caps.time)),
        };
        let mut body = Vec::new();
        let whole = loop {
            // What is in a coding that nobody knows is none of it.
            let Ok(coming) = &mut response.body else {
                break false;
            };
            tokio::select! {
                chunk = coming.next() => match chunk {
                    None => break true,
                    Some(Err(_)) => break false,
                    Some(Ok(chunk)) => {
                        let room = caps.body - body.len();
                        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                        if chunk.len() > room {
                            break false;
                        }
                    }
                },
                () = &mut deadline => break false,
            }
        };
        let content_type = response.headers.get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        Ok(Fetched {
            status: response.status.as_u16(),
            content_type: content_type.map(str::to_owned),
            body: body.into(),
            whole,
        })
    }

    async fn answer(
        &self,
        target: &Target,
        outgoing: Outgoing<'_>,
    ) -> Result<client::Answer, FetchError> {
        let mut failure = None;
        for address in self.resolve(target).await? {
            match send(target, address, outgoing).await {
                Ok(response) => return Ok(response),
                // Nothing has been sent yet, so the next address may be tried.
                Err(error @ SendError::Unconnected(_)) => failure = Some(error.to_string()),
                Err(error) => return Err(FetchError::Broken(error.to_string())),
            }
        }
        let words = failure.unwrap_or_else(|| "no connection: no address".to_owned());
        Err(FetchError::Broken(words))
    }

    /// The addresses to connect to: looked up once, checked, and used as they are.
    async fn resolve(&self, target: &Target) -> Result<Vec<SocketAddr>, FetchError> {
        let found: Vec<SocketAddr> = match target.literal() {
            Some(address) => vec![SocketAddr::new(address, target.port)],
            None => tokio::net::lookup_host((target.host.as_str(), target.port))
                .await
                .map_err(|error| FetchError::Unresolved {
                    host: target.host.clone(),
                    words: error.to_string(),
                })?
                .collect(),
        };
        let permitted: Vec<SocketAddr> = found
            .iter()
            .filter(|address| self.guard.permits(address.ip()))
            .take(MOST_TRIED)
            .copied()
            .collect();
        if !permitted.is_empty() {
            return Ok(permitted);
        }
        Err(match found.first() {
            Some(address) => FetchError::Forbidden {
                host: target.host.clone(),
                address: address.ip(),
            },
            None => FetchError::Unresolved {
                host: target.host.clone(),
                words: "it has no address".to_owned(),
            },
        })
    }
}

/// The connection ends with the answer: one that was kept would have been checked for another request.
async fn send(
    target: &Target,
    address: SocketAddr,
    outgoing: Outgoing<'_>,
) -> Result<client::Answer, SendError> {
    let unusable = || SendError::Unsent("its address cannot be used".to_owned());
    let line = Line::to(&target.uri, None).ok_or_else(unusable)?;
    let uri = line.first_line(target.uri.clone()).ok_or_else(unusable)?;
    let mut head = client::headers_to(&target.uri).ok_or_else(unusable)?;
    let (method, payload) = match outgoing {
        Outgoing::Get => (Method::GET, Payload::None),
        Outgoing::Post { json, headers } => {
            let kind = HeaderValue::from_static("application/json");
            head.insert(header::CONTENT_TYPE, kind);
            for (name, value) in headers {
                let unusable = |_| SendError::Unsent(format!("the header {name} cannot be used"));
                let value = HeaderValue::try_from(value).map_err(unusable)?;
                head.insert(HeaderName::from_static(name), value);
            }
            let json = Bytes::copy_from_slice(json.as_bytes());
            (Method::POST, Payload::Whole(json))
        }
    };
    let request = Request {
        method,
        uri,
        headers: head,
        payload,
    };
    client::send_once(&line, address, CONNECT, request).await
}
