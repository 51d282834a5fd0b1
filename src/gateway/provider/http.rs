//! How providers are called: which head a request has, and what becomes of an answer.
//!
//! A call goes over a connection of its worker's ([`crate::client`]), so that nothing crosses threads. Redirects are not followed,
//! and of the client's headers only those on a list go on: never its credential. Of the provider's only those go back that
//! describe the answer.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Weak};
use std::task::Poll;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use futures_util::stream;
use http::header::{self, HeaderMap};
use http::{Method, Uri};

use super::address::Address;
use super::answer::{Answer, Body, Failure, Outgoing};
use super::bom::WithoutBom;
use crate::client::{self, Line, Payload, Request, SendError};
use crate::domain::{AttemptStatus, Endpoint};
use crate::state::{Timeouts, Upstream};

thread_local! {
    static WORKER: RefCell<Worker> = RefCell::default();
}

/// What a worker thread keeps between calls.
#[derive(Default)]
struct Worker {
    known: Vec<Known>,
}

/// What is kept of a channel; another one when it changes.
struct Known {
    upstream: Weak<Upstream>,
    /// Request heads that are the same for every call to an endpoint.
    heads: HashMap<Endpoint, Head>,
}

/// Where a request goes, and with which headers.
#[derive(Clone)]
pub(super) struct Head {
    pub(super) line: Rc<Line>,
    /// What stands in its first line.
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
}

impl Worker {
    fn of(&mut self, upstream: &Arc<Upstream>) -> &mut Known {
        let is_it = |known: &Known| std::ptr::eq(known.upstream.as_ptr(), Arc::as_ptr(upstream));
        let at = self.known.iter().position(is_it).unwrap_or_else(|| {
            // A credential that was replaced is not kept longer than the next change.
            self.known.retain(|known| known.upstream.strong_count() > 0);
            self.known.push(Known {
                upstream: Arc::downgrade(upstream),
                heads: HashMap::new(),
            });
            self.known.len() - 1
        });
        &mut self.known[at]
    }

    fn head(
        &mut self,
        upstream: &Arc<Upstream>,
        outgoing: &Outgoing<'_>,
        address: impl AddressOf,
    ) -> Result<Head, Failure> {
        let known = self.of(upstream);
        if let Some(head) = known.heads.get(&outgoing.endpoint) {
            return Ok(head.clone());
        }
        let address = address(upstream, outgoing)?;
        let keep = address.is_fixed;
        let mut head = head(upstream, &address)?;
        let kind = http::HeaderValue::from_static("application/json");
        head.headers.insert(header::CONTENT_TYPE, kind);
        if keep {
            known.heads.insert(outgoing.endpoint, head.clone());
        }
        Ok(head)
    }
}

/// How a kind of channel says where a call goes.
pub(super) trait AddressOf:
    FnOnce(&Upstream, &Outgoing<'_>) -> Result<Address, Failure>
{
}

impl<F: FnOnce(&Upstream, &Outgoing<'_>) -> Result<Address, Failure>> AddressOf for F {}

/// The head of a request to an address of a channel's.
pub(super) fn head(upstream: &Upstream, address: &Address) -> Result<Head, Failure> {
    let mut head = bare_head(upstream, address)?;
    for (name, value) in upstream.headers() {
        let unusable = || Failure::unusable("header");
        let name = http::HeaderName::try_from(name.as_str()).map_err(|_| unusable())?;
        let mut value = http::HeaderValue::try_from(value.as_str()).map_err(|_| unusable())?;
        value.set_sensitive(true);
        // How long a body is says the client.
        if name != header::CONTENT_LENGTH && name != header::TRANSFER_ENCODING {
            head.headers.insert(name, value);
        }
    }
    for (name, value) in &address.headers {
        set(&mut head.headers, name, value)?;
    }
    Ok(head)
}

/// The same with no header but those of every request.
fn bare_head(upstream: &Upstream, address: &Address) -> Result<Head, Failure> {
    let unusable = || Failure::unusable("base URL");
    let uri: Uri = address.url.parse().map_err(|_| unusable())?;
    let mut headers = client::headers_to(&uri).ok_or_else(unusable)?;
    let line = Line::to(&uri, upstream.proxy().cloned()).ok_or_else(unusable)?;
    let uri = line.first_line(uri).ok_or_else(unusable)?;
    if let Some(value) = line.proxy_authorization() {
        headers.insert(header::PROXY_AUTHORIZATION, value);
    }
    Ok(Head {
        line: Rc::new(line),
        uri,
        headers,
    })
}

/// Sets a header of actix-web's, which is still at the version before of the crate of all.
pub(super) fn set(
    headers: &mut HeaderMap,
    name: &HeaderName,
    value: &HeaderValue,
) -> Result<(), Failure> {
    let unusable = || Failure::unusable("header");
    let name = http::HeaderName::from_bytes(name.as_str().as_bytes()).map_err(|_| unusable())?;
    let mut read = http::HeaderValue::from_bytes(value.as_bytes()).map_err(|_| unusable())?;
    read.set_sensitive(value.is_sensitive());
    headers.insert(name, read);
    Ok(())
}

/// Sends a call and waits for the head of the answer.
pub(super) async fn send(
    upstream: &Arc<Upstream>,
    outgoing: Outgoing<'_>,
    address: impl AddressOf,
) -> Result<Answer, Failure> {
    let mut head = WORKER.with_borrow_mut(|worker| worker.head(upstream, &outgoing, address))?;
    let payload = match outgoing.upload {
        None => Payload::Whole(outgoing.body.clone()),
        Some(upload) => {
            let kind = upload.content_type();
            set(
                &mut head.headers,
                &actix_web::http::header::CONTENT_TYPE,
                kind,
            )?;
            pieces(upload.body(outgoing.model))
        }
    };
    // What the operator sets goes before what the client sends.
    let own = upstream.headers();
    for (name, value) in outgoing.headers {
        if !own.iter().any(|(own, _)| own == name.as_str()) {
            set(&mut head.headers, name, value)?;
        }
    }
    exchange(head, Method::POST, payload, outgoing.timeouts).await
}

/// The body of an upload.
fn pieces(mut body: BoxBody) -> Payload {
    let length = match body.size() {
        BodySize::None => Some(0),
        BodySize::Sized(length) => Some(length),
        BodySize::Stream => None,
    };
    // The last piece goes when it is known to be the last: what is found wrong at the end of a form would be found too late
    // once its declared length is sent.
    let mut held = None;
    let pieces = stream::poll_fn(move |context| {
        loop {
            match std::task::ready!(Pin::new(&mut body).poll_next(context)) {
                Some(Ok(piece)) => {
                    if let Some(before) = held.replace(piece) {
                        return Poll::Ready(Some(Ok(before)));
                    }
                }
                Some(Err(error)) => {
                    held = None;
                    return Poll::Ready(Some(Err(io::Error::other(error.to_string()))));
                }
                None => return Poll::Ready(held.take().map(Ok)),
            }
        }
    });
    Payload::Pieces(length, Box::pin(pieces))
}

/// Asks for what an address has, such as a list of models.
pub(super) async fn get(
    upstream: &Upstream,
    address: Address,
    timeouts: Timeouts,
) -> Result<Answer, Failure> {
    let head = head(upstream, &address)?;
    exchange(head, Method::GET, Payload::None, timeouts).await
}

/// Sends a form to another service of the provider's, such as the one that gives its access tokens. The channel's own headers
/// are not for it.
pub(super) async fn post_form(
    upstream: &Upstream,
    url: String,
    form: String,
    timeouts: Timeouts,
) -> Result<Answer, Failure> {
    let address = Address {
        url,
        headers: Vec::new(),
        is_fixed: false,
    };
    let mut head = bare_head(upstream, &address)?;
    let kind = http::HeaderValue::from_static("application/x-www-form-urlencoded");
    head.headers.insert(header::CONTENT_TYPE, kind);
    exchange(head, Method::POST, Payload::Whole(form.into()), timeouts).await
}

/// Sends a request and waits for the head of its answer.
async fn exchange(
    head: Head,
    method: Method,
    payload: Payload,
    timeouts: Timeouts,
) -> Result<Answer, Failure> {
    let Head { line, uri, headers } = head;
    let request = Request {
        method,
        uri,
        headers,
        payload,
    };
    let sending = client::send(&line, timeouts.connect, request);
    match tokio::time::timeout(timeouts.first_byte, sending).await {
        Err(_) => Err(too_late(timeouts)),
        Ok(Err(error)) => Err(failure(&error)),
        Ok(Ok(answer)) => read(answer),
    }
}

/// What the gateway makes of an answer.
fn read(answer: client::Answer) -> Result<Answer, Failure> {
    let status = StatusCode::from_u16(answer.status.as_u16())
        .map_err(|_| failure(&SendError::Unreadable("its status is none".to_owned())))?;
    let body = match answer.body {
        Ok(body) => Some(body),
        Err(error) if status.is_success() => return Err(failure(&error)),
        // The status says enough.
        Err(_) => None,
    };
    let good = status.is_success();
    let headers = answer.headers.iter().filter_map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_str().as_bytes()).ok()?;
        let value = HeaderValue::from_bytes(value.as_bytes()).ok()?;
        (may_pass(&name) || !good && tells_to_wait(&name)).then_some((name, value))
    });
    let mut read = Answer {
        status,
        headers: headers.collect(),
        length: answer.length,
        body: Body::Ended,
    };
    // Events are read past a mark, and bytes may begin like one.
    let may_have_mark = read.is_json() || read.header("content-type").is_none();
    read.body = match body {
        None => Body::Ended,
        Some(body) if may_have_mark => {
            // That nothing of it is missing is seen to where it is read.
            read.length = None;
            Body::Network(Box::pin(WithoutBom::new(body)))
        }
        Some(body) => Body::Network(Box::pin(body)),
    };
    if matches!(read.body, Body::Ended) {
        read.length = None;
    }
    Ok(read)
}

/// The provider was given its time.
pub(super) fn too_late(timeouts: Timeouts) -> Failure {
    Failure {
        status: AttemptStatus::TimedOut,
        words: format!("no answer within {} s", timeouts.first_byte.as_secs_f32()),
        hung_up: false,
        refused: false,
    }
}

/// Whether the client may see this header of the provider: what describes the answer, nothing of the operator's account.
fn may_pass(name: &HeaderName) -> bool {
    match name.as_str() {
        "content-type" | "content-language" | "retry-after" | "x-gemini-service-tier" => true,
        "openai-organization" | "openai-project" => false,
        name => name.starts_with("openai-"),
    }
}

/// Whether this header of an error may say how long to wait. They are read and go no further.
fn tells_to_wait(name: &HeaderName) -> bool {
    let name = name.as_str();
    matches!(name, "retry-after-ms" | "date")
        || name.starts_with("x-ratelimit-")
        || name.starts_with("anthropic-ratelimit-")
}

/// Why there is no answer, as an attempt is told.
pub(super) fn failure(error: &SendError) -> Failure {
    let (status, hung_up) = match error {
        SendError::Unconnected(_) => (AttemptStatus::ConnectFailed, false),
        SendError::HungUp => (AttemptStatus::BrokenAnswer, true),
        SendError::Broke { silent, .. } => (AttemptStatus::BrokenAnswer, *silent),
        SendError::Unreadable(_) | SendError::Unsent(_) => (AttemptStatus::BrokenAnswer, false),
    };
    Failure {
        status,
        words: error.to_string(),
        hung_up,
        refused: false,
    }
}
