//! The watch over an answer on its way: its key's death ends it at once, also while its client takes nothing of it.
//!
//! The server asks a body for more only when there is room for it. A client that has stopped reading would keep its call, and
//! the provider's connection with it, past the end of its key. So one small task beside each stream waits for the key's death;
//! what a frame costs is no more by it.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use actix_web::body::{BodySize, MessageBody};
use actix_web::rt::task::JoinHandle;
use bytes::Bytes;

use super::meter::{BrokenOff, Meter, Next};
use super::passing::Passing;
use crate::domain::Error;

/// Resolves when the key of a call dies, with what its next request would be told.
pub(crate) type Death = Pin<Box<dyn Future<Output = Error>>>;

/// An answer on its way.
#[expect(
    clippy::large_enum_variant,
    reason = "it is moved once, into the place where it stays"
)]
pub(crate) enum Flow {
    /// Events, which are read.
    Events(Meter),
    /// Bytes, which are not.
    Bytes(Passing),
}

impl Flow {
    fn die(&mut self, error: &Error) {
        match self {
            Self::Events(meter) => meter.die(error),
            Self::Bytes(passing) => passing.die(error),
        }
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Next {
        match self {
            Self::Events(meter) => meter.poll_next(context),
            Self::Bytes(passing) => passing.poll_next(context),
        }
    }
}

/// The body of an answer on its way.
pub(crate) struct Watched {
    length: Option<u64>,
    stream: Rc<RefCell<Stream>>,
    watch: JoinHandle<()>,
}

struct Stream {
    flow: Flow,
    /// Wakes the server, should it wait for more.
    asking: Waker,
}

impl Watched {
    /// Watches over the answer to a call whose key has not died yet.
    #[expect(
        clippy::disallowed_methods,
        reason = "the stream owns the task and ends it: nothing is lost with it at stop"
    )]
    pub(crate) fn new(flow: Flow, death: Death) -> Self {
        let length = match &flow {
            Flow::Events(_) => None,
            Flow::Bytes(passing) => passing.length(),
        };
        let stream = Rc::new(RefCell::new(Stream {
            flow,
            asking: Waker::noop().clone(),
        }));
        let watched = Rc::downgrade(&stream);
        let watch = actix_web::rt::spawn(async move {
            let error = death.await;
            if let Some(stream) = watched.upgrade() {
                let mut stream = stream.borrow_mut();
                stream.flow.die(&error);
                stream.asking.wake_by_ref();
            }
        });
        Self {
            length,
            stream,
            watch,
        }
    }
}

impl MessageBody for Watched {
    type Error = BrokenOff;

    fn size(&self) -> BodySize {
        self.length.map_or(BodySize::Stream, BodySize::Sized)
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BrokenOff>>> {
        let mut stream = self.stream.borrow_mut();
        let next = stream.flow.poll_next(context);
        if next.is_pending() {
            stream.asking.clone_from(context.waker());
        }
        next
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.watch.abort();
    }
}
