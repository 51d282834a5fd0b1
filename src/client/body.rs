//! The body of an answer, and with it the connection that it comes over.
//!
//! The connection is driven by whoever reads the body and by nobody else. At the framed end it goes back into the pool; an
//! error closes it, and so does dropping the body, unless its end has come already and was only not asked for.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_util::Stream;
use hyper::body::{Body as _, Incoming};

use super::coding::Coding;
use super::decode::Decoded;
use super::error::{BrokeOff, words};
use super::link::{Line, Link};
use super::pool;

/// A body, without its content codings.
pub struct Body(Layer);

enum Layer {
    Plain(Framed),
    Coded(Box<Decoded<Body>>),
    /// After its end or an error, neither of which bears to be asked again.
    Over,
}

impl Body {
    pub(super) fn new(framed: Framed, codings: Vec<Coding>) -> Self {
        codings
            .into_iter()
            .rev()
            .fold(Self(Layer::Plain(framed)), |inner, coding| {
                Self(Layer::Coded(Box::new(Decoded::new(inner, coding))))
            })
    }
}

impl Stream for Body {
    type Item = Result<Bytes, BrokeOff>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = match &mut self.0 {
            Layer::Plain(framed) => framed.poll_next(context),
            Layer::Coded(decoded) => Pin::new(decoded.as_mut()).poll_next(context),
            Layer::Over => Poll::Ready(None),
        };
        if matches!(next, Poll::Ready(None)) {
            self.0 = Layer::Over;
        } else if matches!(next, Poll::Ready(Some(Err(_)))) {
            // Whatever was wrong, nothing is known of what comes behind it.
            self.close();
        }
        next
    }
}

impl Body {
    /// Closes its connection, whatever has come of it.
    fn close(&mut self) {
        match std::mem::replace(&mut self.0, Layer::Over) {
            Layer::Plain(mut framed) => framed.link = None,
            Layer::Coded(mut decoded) => decoded.source().close(),
            Layer::Over => {}
        }
    }
}

/// A body as it is framed.
pub(super) struct Framed {
    body: Incoming,
    /// `None`: closed, or given back.
    link: Option<Box<Link>>,
    /// Where it goes back to; `None`: it does not.
    line: Option<Rc<Line>>,
    /// The request came in pieces, of which some may be to come.
    pieces: bool,
}

impl Framed {
    pub(super) fn new(
        body: Incoming,
        link: Box<Link>,
        line: Option<Rc<Line>>,
        pieces: bool,
    ) -> Self {
        Self {
            body,
            link: Some(link),
            line,
            pieces,
        }
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, BrokeOff>>> {
        let came = self.come();
        if came.is_ready() {
            return came;
        }
        let Some(link) = &mut self.link else {
            let words = "the connection ended within the body";
            return Poll::Ready(Some(Err(BrokeOff(words.to_owned()))));
        };
        if Pin::new(&mut link.connection).poll(context).is_ready() {
            // What was read before is in the channel still, and how it ended is, too.
            self.link = None;
            return self.poll_next(context);
        }
        self.come()
    }

    /// What has come already. It comes of driving the connection, which happens here only, so that hyper's channel has nobody to
    /// wake.
    fn come(&mut self) -> Poll<Option<Result<Bytes, BrokeOff>>> {
        let mut nobody = Context::from_waker(Waker::noop());
        loop {
            return match Pin::new(&mut self.body).poll_frame(&mut nobody) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(piece) if !piece.is_empty() => Poll::Ready(Some(Ok(piece))),
                    // Trailers: what they say is for nobody here.
                    Ok(_) | Err(_) => continue,
                },
                Poll::Ready(Some(Err(error))) => {
                    self.link = None;
                    Poll::Ready(Some(Err(BrokeOff(words(&error)))))
                }
                Poll::Ready(None) => {
                    self.give_back();
                    Poll::Ready(None)
                }
                Poll::Pending => Poll::Pending,
            };
        }
    }

    /// At its framed end the connection may serve another exchange.
    fn give_back(&mut self) {
        if let (Some(line), Some(link)) = (self.line.take(), self.link.take()) {
            pool::give_back(line, link);
        }
    }
}

impl Drop for Framed {
    /// Who reads a stream to its last event often does not ask for the end behind it: the connection need not be closed for
    /// that, where the end has come with it. Anything more of a body than its end closes it.
    fn drop(&mut self) {
        // Nothing more is read of a client whose request came in pieces.
        let may_serve_again = self.line.is_some() && !self.pieces;
        let Some(link) = self.link.as_mut().filter(|_| may_serve_again) else {
            return;
        };
        let mut nobody = Context::from_waker(Waker::noop());
        if Pin::new(&mut link.connection)
            .poll(&mut nobody)
            .is_pending()
        {
            let _ = self.come();
        }
    }
}
