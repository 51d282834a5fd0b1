//! The HTTP client that providers are reached with.
//!
//! One a worker thread, with kept connections, so that nothing crosses threads. HTTP/1.1 only: closing the connection is how a
//! call is cancelled. Redirects are not followed, bodies are not decompressed, and of the client's headers only those on a
//! list go on: never its credential.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use actix_web::HttpMessage;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{Method, Uri};
use awc::error::{ConnectError, SendRequestError};
use awc::{Client, ClientRequest, Connector, FrozenClientRequest, SendClientRequest};

use super::address::Address;
use super::answer::{Answer, Body, Failure, Outgoing};
use super::proxy;
use crate::domain::{AttemptStatus, Endpoint, Proxy};
use crate::state::{Timeouts, Upstream};

/// How long an unused connection is kept.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// How long a connection lives at most, so that a change of address is noticed.
const LIFETIME: Duration = Duration::from_secs(300);

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
    line: Line,
    /// Channels that are connected to in the same way share one, and so its connections.
    client: Client,
    /// Request heads that are the same for every call to an endpoint.
    heads: HashMap<Endpoint, FrozenClientRequest>,
}

/// How a connection is made.
#[derive(Clone, PartialEq, Eq)]
struct Line {
    connect: Duration,
    proxy: Option<Arc<Proxy>>,
}

impl Worker {
    fn of(&mut self, upstream: &Arc<Upstream>, connect: Duration) -> &mut Known {
        let is_it = |known: &Known| std::ptr::eq(known.upstream.as_ptr(), Arc::as_ptr(upstream));
        let at = self.known.iter().position(is_it).unwrap_or_else(|| {
            let line = Line {
                connect,
                proxy: upstream.proxy().cloned(),
            };
            let shared = self.known.iter().find(|known| known.line == line);
            let client = shared.map_or_else(|| make(&line), |known| known.client.clone());
            // A credential that was replaced is not kept longer than the next change.
            self.known.retain(|known| known.upstream.strong_count() > 0);
            self.known.push(Known {
                upstream: Arc::downgrade(upstream),
                line,
                client,
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
    ) -> Result<FrozenClientRequest, Failure> {
        let known = self.of(upstream, outgoing.timeouts.connect);
        if let Some(head) = known.heads.get(&outgoing.endpoint) {
            return Ok(head.clone());
        }
        let address = address(upstream, outgoing)?;
        let keep = address.is_fixed;
        let request = request(&known.client, Method::POST, upstream, address)?
            .insert_header((header::CONTENT_TYPE, "application/json"));
        let head = request
            .freeze()
            .map_err(|_| Failure::unusable("base URL"))?;
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

/// The client for a channel.
pub(super) fn client(upstream: &Arc<Upstream>, connect: Duration) -> Client {
    WORKER.with_borrow_mut(|worker| worker.of(upstream, connect).client.clone())
}

fn make(line: &Line) -> Client {
    // Fails only if one is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let connector = Connector::new()
        .limit(0)
        .timeout(line.connect)
        .handshake_timeout(line.connect)
        .conn_keep_alive(KEEP_ALIVE)
        .conn_lifetime(LIFETIME)
        .max_http_version(awc::http::Version::HTTP_11);
    let builder = Client::builder()
        .disable_redirects()
        .disable_timeout()
        .no_default_headers();
    match &line.proxy {
        None => builder.connector(connector).finish(),
        Some(proxy) => {
            let through = proxy::Through(Arc::clone(proxy));
            builder.connector(connector.connector(through)).finish()
        }
    }
}

/// Where a request goes, and with which headers.
pub(super) fn head(
    upstream: &Upstream,
    address: Address,
) -> Result<(Uri, Vec<(HeaderName, HeaderValue)>), Failure> {
    let (uri, mut headers) = bare_head(upstream, &address)?;
    for (name, value) in upstream.headers() {
        let unusable = || Failure::unusable("header");
        let name = HeaderName::try_from(name.as_str()).map_err(|_| unusable())?;
        let mut value = HeaderValue::try_from(value.as_str()).map_err(|_| unusable())?;
        value.set_sensitive(true);
        headers.push((name, value));
    }
    headers.extend(address.headers);
    Ok((uri, headers))
}

/// The same with no header but those of every request.
fn bare_head(
    upstream: &Upstream,
    address: &Address,
) -> Result<(Uri, Vec<(HeaderName, HeaderValue)>), Failure> {
    let unusable = || Failure::unusable("base URL");
    let uri: Uri = address.url.parse().map_err(|_| unusable())?;
    let host = uri
        .authority()
        .and_then(|authority| authority.as_str().rsplit('@').next())
        .and_then(|host| HeaderValue::try_from(host).ok())
        .ok_or_else(unusable)?;
    // Without TLS there is no tunnel: the proxy gets the whole address.
    let plain_proxy = upstream
        .proxy()
        .filter(|_| uri.scheme_str() == Some("http"));
    let uri = match plain_proxy {
        Some(proxy) => {
            proxy::absolute_form(&uri, proxy).ok_or_else(|| Failure::unusable("proxy"))?
        }
        None => uri,
    };
    let agent = concat!("real200/", env!("CARGO_PKG_VERSION"));
    let mut headers = vec![
        (header::HOST, host),
        (
            header::ACCEPT_ENCODING,
            HeaderValue::from_static("identity"),
        ),
        (header::USER_AGENT, HeaderValue::from_static(agent)),
    ];
    if let Some(value) = plain_proxy.and_then(|proxy| proxy::authorization(proxy)) {
        headers.push((header::PROXY_AUTHORIZATION, value));
    }
    Ok((uri, headers))
}

/// A request without its body.
fn request(
    client: &Client,
    method: Method,
    upstream: &Upstream,
    address: Address,
) -> Result<ClientRequest, Failure> {
    let (uri, headers) = head(upstream, address)?;
    Ok(with(client, method, uri, headers))
}

/// A request to this address with no header but those of every request.
fn bare(
    client: &Client,
    method: Method,
    upstream: &Upstream,
    address: &Address,
) -> Result<ClientRequest, Failure> {
    let (uri, headers) = bare_head(upstream, address)?;
    Ok(with(client, method, uri, headers))
}

fn with(
    client: &Client,
    method: Method,
    uri: Uri,
    headers: Vec<(HeaderName, HeaderValue)>,
) -> ClientRequest {
    let request = client.request(method, uri).no_decompress();
    headers
        .into_iter()
        .fold(request, ClientRequest::insert_header)
}

/// Sends a call and waits for the head of the answer.
pub(super) async fn send(
    upstream: &Arc<Upstream>,
    outgoing: Outgoing<'_>,
    address: impl AddressOf,
) -> Result<Answer, Failure> {
    let timeouts = outgoing.timeouts;
    let head = WORKER.with_borrow_mut(|worker| worker.head(upstream, &outgoing, address))?;
    // What the operator sets goes before what the client sends.
    let own = upstream.headers();
    let of_client =
        |(name, _): &&(HeaderName, HeaderValue)| !own.iter().any(|(own, _)| own == name.as_str());
    let mut of_client = outgoing.headers.iter().filter(of_client).cloned();
    let sending = match (outgoing.upload, of_client.next()) {
        (None, None) => head.send_body(outgoing.body.clone()),
        (None, Some(first)) => of_client
            .fold(head.extra_header(first), |head, header| {
                head.extra_header(header)
            })
            .send_body(outgoing.body.clone()),
        (Some(upload), first) => {
            let kind = (header::CONTENT_TYPE, upload.content_type().clone());
            first
                .into_iter()
                .chain(of_client)
                .fold(head.extra_header(kind), |head, header| {
                    head.extra_header(header)
                })
                .send_body(upload.body(outgoing.model))
        }
    };
    answer(sending, timeouts).await
}

/// Asks for what an address has, such as a list of models.
pub(super) async fn get(
    upstream: &Arc<Upstream>,
    address: Address,
    timeouts: Timeouts,
) -> Result<Answer, Failure> {
    let request = WORKER.with_borrow_mut(|worker| {
        let client = &worker.of(upstream, timeouts.connect).client;
        request(client, Method::GET, upstream, address)
    })?;
    answer(request.send(), timeouts).await
}

/// Sends a form to another service of the provider's, such as the one that gives its access tokens. The channel's own headers
/// are not for it.
pub(super) async fn post_form(
    upstream: &Arc<Upstream>,
    url: String,
    form: String,
    timeouts: Timeouts,
) -> Result<Answer, Failure> {
    let address = Address {
        url,
        headers: Vec::new(),
        is_fixed: false,
    };
    let request = WORKER.with_borrow_mut(|worker| {
        let client = &worker.of(upstream, timeouts.connect).client;
        bare(client, Method::POST, upstream, &address)
    })?;
    let kind = "application/x-www-form-urlencoded";
    let request = request.insert_header((header::CONTENT_TYPE, kind));
    answer(request.send_body(form), timeouts).await
}

/// Waits for the head of an answer.
async fn answer(sending: SendClientRequest, timeouts: Timeouts) -> Result<Answer, Failure> {
    match tokio::time::timeout(timeouts.first_byte, sending).await {
        Err(_) => Err(Failure {
            status: AttemptStatus::TimedOut,
            words: format!("no answer within {} s", timeouts.first_byte.as_secs_f32()),
            hung_up: false,
            refused: false,
        }),
        Ok(Err(error)) => Err(failure(&error)),
        Ok(Ok(mut response)) => {
            let passed = response.headers().iter().filter(|(name, _)| may_pass(name));
            let headers = passed
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            let length = response
                .headers()
                .get(header::CONTENT_LENGTH)
                .and_then(|value| value.to_str().ok()?.parse().ok());
            Ok(Answer {
                status: response.status(),
                headers,
                length,
                body: Body::Network(response.take_payload()),
            })
        }
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

pub(super) fn failure(error: &SendRequestError) -> Failure {
    let (status, hung_up, words) = match error {
        SendRequestError::Connect(ConnectError::Disconnected) => (
            AttemptStatus::BrokenAnswer,
            true,
            "the connection was closed before an answer".to_owned(),
        ),
        SendRequestError::Send(e) => (
            AttemptStatus::BrokenAnswer,
            true,
            format!("the connection broke: {e}"),
        ),
        SendRequestError::Response(e) => (
            AttemptStatus::BrokenAnswer,
            matches!(e, actix_web::error::ParseError::Io(_)),
            format!("the answer could not be read: {e}"),
        ),
        SendRequestError::Connect(e) => (
            AttemptStatus::ConnectFailed,
            false,
            format!("no connection: {e}"),
        ),
        SendRequestError::Url(e) => (
            AttemptStatus::ConnectFailed,
            false,
            format!("the channel's base URL cannot be used: {e}"),
        ),
        SendRequestError::Timeout => (
            AttemptStatus::TimedOut,
            false,
            "no answer in time".to_owned(),
        ),
        SendRequestError::Http(_)
        | SendRequestError::H2(_)
        | SendRequestError::TunnelNotSupported
        | SendRequestError::Body(_)
        | SendRequestError::Custom(..)
        | _ => (AttemptStatus::BrokenAnswer, false, error.to_string()),
    };
    Failure {
        status,
        words,
        hung_up,
        refused: false,
    }
}
