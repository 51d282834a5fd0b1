//! JSON without the byte order mark that some put before it (RFC 8259 section 8.1 lets a reader pass it over).

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures_util::Stream;

use super::answer::BrokeOff;

const MARK: &[u8] = b"\xef\xbb\xbf";

/// A body without its mark.
pub(super) struct WithoutBom<S> {
    body: S,
    /// What came while it could still become a mark; `None`: that is decided.
    held: Option<BytesMut>,
}

impl<S> WithoutBom<S> {
    pub(super) fn new(body: S) -> Self {
        Self {
            body,
            held: Some(BytesMut::new()),
        }
    }
}

impl<S: Stream<Item = Result<Bytes, BrokeOff>> + Unpin> Stream for WithoutBom<S> {
    type Item = Result<Bytes, BrokeOff>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let next = ready!(Pin::new(&mut self.body).poll_next(context));
            let Some(held) = &mut self.held else {
                return Poll::Ready(next);
            };
            match next {
                Some(Ok(piece)) if held.is_empty() && !piece.starts_with(&MARK[..1]) => {
                    if !piece.is_empty() {
                        self.held = None;
                    }
                    return Poll::Ready(Some(Ok(piece)));
                }
                Some(Ok(piece)) => held.extend_from_slice(&piece),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None if held.is_empty() => return Poll::Ready(None),
                None => {
                    let held = self.held.take().unwrap_or_default();
                    return Poll::Ready(Some(Ok(held.freeze())));
                }
            }
            if held.len() < MARK.len() && MARK.starts_with(held) {
                continue;
            }
            let mut held = self.held.take().unwrap_or_default();
            if held.starts_with(MARK) {
                let _ = held.split_to(MARK.len());
            }
            if !held.is_empty() {
                return Poll::Ready(Some(Ok(held.freeze())));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, StreamExt, stream};

    use super::*;

    fn read(text: &[u8], piece: usize) -> Vec<u8> {
        let pieces: Vec<_> = text
            .chunks(piece)
            .map(|piece| Ok(Bytes::copy_from_slice(piece)))
            .collect();
        // Its end is asked for once.
        let pieces = stream::iter(pieces).chain(stream::once(async { Ok(Bytes::new()) }));
        let mut body = WithoutBom::new(Box::pin(pieces.fuse()));
        let mut whole = Vec::new();
        while let Some(piece) = body.next().now_or_never().unwrap() {
            whole.extend_from_slice(&piece.unwrap());
        }
        whole
    }

    #[test]
    fn only_a_whole_mark_at_the_very_start_is_passed_over() {
        for (text, left) in [
            (&b"\xef\xbb\xbf{}"[..], &b"{}"[..]),
            (b"\xef\xbb\xbf", b""),
            (b"\xef\xbb\xbf\xef\xbb\xbf{}", b"\xef\xbb\xbf{}"),
            (b"{}\xef\xbb\xbf", b"{}\xef\xbb\xbf"),
            (b"\xef\xbb{}", b"\xef\xbb{}"),
            (b"\xef\xbb", b"\xef\xbb"),
            (b"{}", b"{}"),
            (b"", b""),
        ] {
            for piece in 1..6 {
                assert_eq!(read(text, piece), left, "{text:?} by {piece}");
            }
        }
    }
}
