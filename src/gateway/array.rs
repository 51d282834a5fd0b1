//! A stream of the Gemini dialect for a client that did not ask for events (`alt=sse`): the same answers as elements of one
//! JSON array, each as soon as it is there. Providers are always asked for events.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use bytes::{Bytes, BytesMut};

use super::meter::BrokenOff;
use super::sse::{self, Frame};
use super::watch::Watched;

/// The body of such an answer.
pub(crate) struct Array {
    frames: Watched,
    begun: bool,
    ended: bool,
}

impl Array {
    /// Of these frames; each piece of the body must hold whole ones.
    pub(crate) fn of(frames: Watched) -> Self {
        Self {
            frames,
            begun: false,
            ended: false,
        }
    }

    fn elements(&mut self, frames: &[u8]) -> Bytes {
        let mut elements = BytesMut::new();
        for data in sse::split(frames).filter_map(|frame| Frame::read(frame).data) {
            let before: &[u8] = if self.begun { b",\r\n" } else { b"[" };
            elements.extend_from_slice(before);
            elements.extend_from_slice(&data);
            self.begun = true;
        }
        elements.freeze()
    }
}

impl MessageBody for Array {
    type Error = BrokenOff;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BrokenOff>>> {
        while !self.ended {
            match std::task::ready!(Pin::new(&mut self.frames).poll_next(context)) {
                Some(Ok(frames)) => {
                    let elements = self.elements(&frames);
                    if !elements.is_empty() {
                        return Poll::Ready(Some(Ok(elements)));
                    }
                }
                Some(Err(broken)) => return Poll::Ready(Some(Err(broken))),
                None => {
                    self.ended = true;
                    let end: &'static [u8] = if self.begun { b"]" } else { b"[]" };
                    return Poll::Ready(Some(Ok(Bytes::from_static(end))));
                }
            }
        }
        Poll::Ready(None)
    }
}
