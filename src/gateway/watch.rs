//! The watch over a streamed answer: its key's death ends it at once, also while its client takes nothing of it.
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

use super::meter::{BrokenOff, Meter};
use crate::domain::Error;

/// Resolves when the key of a call dies, with what its next request would be told.
pub(crate) type Death = Pin<Box<dyn Future<Output = Error>>>;

/// The body of a streamed answer.
pub(crate) struct Watched {
    stream: Rc<RefCell<Stream>>,
    watch: JoinHandle<()>,
}

struct Stream {
    meter: Meter,
    /// Wakes the server, should it wait for more.
    asking: Waker,
}

impl Watched {
    /// Watches over the answer to a call whose key has not died yet.
    #[expect(
        clippy::disallowed_methods,
        reason = "the stream owns the task and ends it: nothing is lost with it at stop"
    )]
    pub(crate) fn new(meter: Meter, death: Death) -> Self {
        let stream = Rc::new(RefCell::new(Stream {
            meter,
            asking: Waker::noop().clone(),
        }));
        let watched = Rc::downgrade(&stream);
        let watch = actix_web::rt::spawn(async move {
            let error = death.await;
            if let Some(stream) = watched.upgrade() {
                let mut stream = stream.borrow_mut();
                stream.meter.die(&error);
                stream.asking.wake_by_ref();
            }
        });
        Self { stream, watch }
    }
}

impl MessageBody for Watched {
    type Error = BrokenOff;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BrokenOff>>> {
        let mut stream = self.stream.borrow_mut();
        let next = stream.meter.poll_next(context);
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
