//! One request and its answer, over one connection that belongs to them alone.

use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::header::{CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Response, StatusCode, Version};
use hyper::body::Incoming;

use super::body::{Body, Framed};
use super::decode;
use super::dial::dial;
use super::error::SendError;
use super::link::{Line, Link};
use super::pool;
use super::request::{Payload, Request};

/// So many interim answers are skipped before the one that counts.
const MOST_INTERIM: u32 = 16;

/// An answer's head, and its body to be read.
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers, but for those of framing and content coding, which are undone.
    pub headers: HeaderMap,
    /// How long the body is, if it says so and has no content coding.
    pub length: Option<u64>,
    /// Its body; or why it cannot be read, where the head can.
    pub body: Result<Body, SendError>,
}

/// Sends a request, over a connection of this worker's that is kept or a new one, and waits for the head of the answer.
/// Dropping the future, or the answer, closes the connection. `connect`: how long that may take.
///
/// # Errors
/// When there is no answer.
pub async fn send(
    line: &Rc<Line>,
    connect: Duration,
    request: Request,
) -> Result<Answer, SendError> {
    let pieces = matches!(request.payload, Payload::Pieces(..));
    let answer = |response, link| answer(response, link, Some(Rc::clone(line)), pieces);
    let mut request = prepared(request);
    while let Some(link) = pool::take(line) {
        match exchange(link, request).await {
            Ok((response, link)) => return answer(response, link),
            // It ended in the moment between, and nothing of the request was written.
            Err(Failed::Unsent(unsent)) => request = *unsent,
            Err(Failed::Sent(error)) => return Err(error),
        }
    }
    let (response, link) = anew(line, None, connect, request).await?;
    answer(response, link)
}

/// The same over a connection to this very address, which ends with the answer.
///
/// # Errors
/// When there is no answer.
pub async fn send_once(
    line: &Line,
    address: SocketAddr,
    connect: Duration,
    mut request: Request,
) -> Result<Answer, SendError> {
    let close = HeaderValue::from_static("close");
    request.headers.insert(CONNECTION, close);
    let (response, link) = anew(line, Some(address), connect, prepared(request)).await?;
    answer(response, link, None, false)
}

/// Sends a request over a connection that is made for it, and waits for the head of the answer.
pub(super) async fn anew(
    line: &Line,
    address: Option<SocketAddr>,
    connect: Duration,
    request: http::Request<Payload>,
) -> Result<(Response<Incoming>, Box<Link>), SendError> {
    let transport = dial(line, address, connect).await?;
    let link = Link::over(transport, pool::now()).await?;
    exchange(link, request)
        .await
        .map_err(|failed| match failed {
            Failed::Unsent(_) => SendError::HungUp,
            Failed::Sent(error) => error,
        })
}

/// A request as hyper takes it.
pub(super) fn prepared(request: Request) -> http::Request<Payload> {
    let mut prepared = http::Request::new(request.payload);
    *prepared.method_mut() = request.method;
    *prepared.uri_mut() = request.uri;
    *prepared.headers_mut() = request.headers;
    prepared
}

/// Why an exchange failed.
enum Failed {
    /// Nothing of it was written.
    Unsent(Box<http::Request<Payload>>),
    /// It was, or may have been.
    Sent(SendError),
}

/// Sends a request and drives the connection until the head of its answer has come.
async fn exchange(
    mut link: Box<Link>,
    mut request: http::Request<Payload>,
) -> Result<(Response<Incoming>, Box<Link>), Failed> {
    let interim = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&interim);
    hyper::ext::on_informational(&mut request, move |_| {
        count.fetch_add(1, Ordering::Relaxed);
    });
    let came_before = link.transport.came();
    let mut answer = pin!(link.sender.try_send_request(request));
    let connection = &mut link.connection;
    let transport = &link.transport;
    let answered = std::future::poll_fn(|context| {
        let over = Pin::new(&mut *connection).poll(context).is_ready();
        if interim.load(Ordering::Relaxed) > MOST_INTERIM {
            let words = format!("more than {MOST_INTERIM} interim answers came before it");
            return Poll::Ready(Err(Failed::Sent(SendError::Unreadable(words))));
        }
        // It comes of driving the connection, so that nobody need be woken by it.
        let mut nobody = Context::from_waker(Waker::noop());
        match answer.as_mut().poll(&mut nobody) {
            Poll::Ready(Ok(response)) => Poll::Ready(Ok(response)),
            Poll::Ready(Err(mut failed)) => Poll::Ready(Err(match failed.take_message() {
                Some(unsent) => Failed::Unsent(Box::new(unsent)),
                None => {
                    let silent = transport.came() == came_before;
                    Failed::Sent(SendError::read(failed.error(), silent))
                }
            })),
            Poll::Pending if over => Poll::Ready(Err(Failed::Sent(SendError::HungUp))),
            Poll::Pending => Poll::Pending,
        }
    })
    .await?;
    Ok((answered, link))
}

fn answer(
    response: Response<Incoming>,
    link: Box<Link>,
    line: Option<Rc<Line>>,
    pieces: bool,
) -> Result<Answer, SendError> {
    let (head, incoming) = response.into_parts();
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        let words = "it switches to another protocol, which was not asked for";
        return Err(SendError::Unreadable(words.to_owned()));
    }
    let mut headers = head.headers;
    // Servers that say two lengths, or are of another age, are not trusted with a second request.
    let doubtful = headers.contains_key(TRANSFER_ENCODING) && headers.contains_key(CONTENT_LENGTH)
        || head.version != Version::HTTP_11;
    let line = line.filter(|_| !doubtful);
    let codings = decode::codings(&headers);
    // Where both are said, the coding of the transfer holds (RFC 9112, 6.3).
    let length = headers
        .get(CONTENT_LENGTH)
        .filter(|_| !headers.contains_key(TRANSFER_ENCODING))
        .filter(|_| codings.as_ref().is_ok_and(Vec::is_empty))
        .and_then(|value| value.to_str().ok()?.trim().parse().ok());
    for framing in [CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING] {
        headers.remove(framing);
    }
    let framed = Framed::new(incoming, link, line, pieces);
    Ok(Answer {
        status: head.status,
        headers,
        length,
        body: codings.map(|codings| Body::new(framed, codings)),
    })
}
