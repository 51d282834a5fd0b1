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
use actix_web::http::header::{self, HeaderName};
use awc::error::{ConnectError, SendRequestError};
use awc::{Client, Connector, FrozenClientRequest};

use super::address::Address;
use super::answer::{Answer, Body, Failure, Outgoing};
use crate::domain::{AttemptStatus, ChannelId, Endpoint};
use crate::state::Upstream;

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
    client: Option<(Duration, Client)>,
    /// Request heads that are the same for every call of a channel to an endpoint; replaced when the channel changes.
    heads: HashMap<(ChannelId, Endpoint), (Weak<Upstream>, FrozenClientRequest)>,
}

impl Worker {
    fn client(&mut self, connect: Duration) -> &Client {
        if self
            .client
            .as_ref()
            .is_some_and(|(timeout, _)| *timeout != connect)
        {
            self.client = None;
            self.heads.clear();
        }
        &self
            .client
            .get_or_insert_with(|| (connect, client(connect)))
            .1
    }

    fn head(
        &mut self,
        upstream: &Arc<Upstream>,
        outgoing: &Outgoing<'_>,
        address: AddressOf,
    ) -> Result<FrozenClientRequest, Failure> {
        let key = (upstream.channel.id, outgoing.endpoint);
        if let Some((known, head)) = self.heads.get(&key)
            && std::ptr::eq(known.as_ptr(), Arc::as_ptr(upstream))
        {
            return Ok(head.clone());
        }
        let address = address(upstream, outgoing)?;
        let keep = address.is_fixed;
        let head = freeze(self.client(outgoing.timeouts.connect), address)?;
        if keep {
            // A credential that was replaced is not kept longer than the next change.
            self.heads.retain(|_, (known, _)| known.strong_count() > 0);
            self.heads
                .insert(key, (Arc::downgrade(upstream), head.clone()));
        }
        Ok(head)
    }
}

/// How a kind of channel says where a call goes.
pub(super) type AddressOf = fn(&Upstream, &Outgoing<'_>) -> Result<Address, Failure>;

fn client(connect: Duration) -> Client {
    // Fails only if one is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let connector = Connector::new()
        .limit(0)
        .timeout(connect)
        .handshake_timeout(connect)
        .conn_keep_alive(KEEP_ALIVE)
        .conn_lifetime(LIFETIME)
        .max_http_version(awc::http::Version::HTTP_11);
    Client::builder()
        .connector(connector)
        .disable_redirects()
        .disable_timeout()
        .no_default_headers()
        .finish()
}

fn freeze(client: &Client, address: Address) -> Result<FrozenClientRequest, Failure> {
    let unusable = || Failure::unusable("base URL");
    let uri: awc::http::Uri = address.url.parse().map_err(|_| unusable())?;
    let host = uri
        .authority()
        .and_then(|authority| authority.as_str().rsplit('@').next())
        .ok_or_else(unusable)?
        .to_owned();
    let request = client
        .post(uri)
        .no_decompress()
        .insert_header((header::HOST, host))
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .insert_header((header::ACCEPT_ENCODING, "identity"))
        .insert_header((
            header::USER_AGENT,
            concat!("real200/", env!("CARGO_PKG_VERSION")),
        ));
    address
        .headers
        .into_iter()
        .fold(request, |request, header| request.insert_header(header))
        .freeze()
        .map_err(|_| unusable())
}

/// Sends a call and waits for the head of the answer.
pub(super) async fn send(
    upstream: &Arc<Upstream>,
    outgoing: Outgoing<'_>,
    address: AddressOf,
) -> Result<Answer, Failure> {
    let timeouts = outgoing.timeouts;
    let head = WORKER.with_borrow_mut(|worker| worker.head(upstream, &outgoing, address))?;
    let sending = match outgoing.headers {
        [] => head.send_body(outgoing.body.clone()),
        [first, rest @ ..] => rest
            .iter()
            .fold(head.extra_header(first.clone()), |head, header| {
                head.extra_header(header.clone())
            })
            .send_body(outgoing.body.clone()),
    };
    match tokio::time::timeout(timeouts.first_byte, sending).await {
        Err(_) => Err(Failure {
            status: AttemptStatus::TimedOut,
            words: format!("no answer within {} s", timeouts.first_byte.as_secs_f32()),
            hung_up: false,
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
        "content-type" | "content-language" | "retry-after" => true,
        "openai-organization" | "openai-project" => false,
        name => name.starts_with("openai-"),
    }
}

fn failure(error: &SendRequestError) -> Failure {
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
    }
}
