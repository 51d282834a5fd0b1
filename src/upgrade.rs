//! A request that offers to become a WebSocket where there is none. The server takes all that comes behind such a head for the
//! socket's own, so the body would never end: here it ends where its length says (RFC 9110 section 7.8 lets a server ignore the
//! offer). What may come behind it was not read as a request, so the connection is closed after the answer.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::HttpMessage;
use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::ConnectionType;
use actix_web::http::Method;
use actix_web::http::header::{CONTENT_LENGTH, UPGRADE};
use actix_web::middleware::Next;
use bytes::Bytes;
use futures_util::Stream;

/// Ends the body of a request that is no handshake where its length says.
///
/// # Errors
/// Those of the handler.
pub async fn ignore_offers(
    mut request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    // A handshake is a GET, and has no body.
    let offers = request.method() != Method::GET && request.headers().contains_key(UPGRADE);
    if offers {
        let length = request.headers().get(CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
        let body = Limited {
            payload: request.take_payload(),
            left: length.unwrap_or(0),
            chunked: request.headers().contains_key("transfer-encoding"),
        };
        request.set_payload(Payload::Stream {
            payload: Box::pin(body),
        });
    }
    let mut answer = next.call(request).await?;
    if offers {
        let head = answer.response_mut().head_mut();
        head.set_connection_type(ConnectionType::Close);
    }
    Ok(answer)
}

/// A body of so many bytes, or one that ends by itself.
struct Limited {
    payload: Payload,
    left: u64,
    chunked: bool,
}

impl Stream for Limited {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.chunked {
            return Pin::new(&mut self.payload).poll_next(context);
        }
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let next = std::task::ready!(Pin::new(&mut self.payload).poll_next(context));
        Poll::Ready(match next {
            Some(Ok(mut piece)) => {
                piece.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
                let came = u64::try_from(piece.len()).unwrap_or(u64::MAX);
                self.left = self.left.saturating_sub(came);
                Some(Ok(piece))
            }
            None => {
                self.left = 0;
                Some(Err(PayloadError::Incomplete(None)))
            }
            error => error,
        })
    }
}
