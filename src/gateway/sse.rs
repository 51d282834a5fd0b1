//! Server-sent events: whole frames out of bytes that were cut anywhere.
//!
//! Promises: the frames are the same for every way of cutting the bytes; the bytes of a frame are not changed; a chunk
//! that holds whole frames is passed on without a copy; a frame that never ends is an error, not a growing buffer.
//! Lines end in LF or CRLF (a lone CR, which the standard knows too, is used by no provider and is not a line end here).

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use memchr::{memchr, memchr_iter, memrchr_iter};

/// The most that one frame may hold: images come as base64 in one frame.
pub const FRAME_LIMIT: usize = 64 * 1024 * 1024;

/// Collects bytes until they make whole frames.
#[derive(Debug)]
pub struct Frames {
    pending: BytesMut,
    limit: usize,
}

/// A frame is longer than the limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a frame of the stream is longer than {0} bytes")]
pub struct FrameTooLong(usize);

impl Default for Frames {
    fn default() -> Self {
        Self::with_limit(FRAME_LIMIT)
    }
}

impl Frames {
    /// Allows frames of up to `limit` bytes.
    pub fn with_limit(limit: usize) -> Self {
        Self {
            pending: BytesMut::new(),
            limit,
        }
    }

    /// Takes the next bytes and gives back all frames that are whole now, one behind the other; empty if none is.
    ///
    /// # Errors
    /// When the unfinished frame is longer than the limit.
    pub fn push(&mut self, chunk: Bytes) -> Result<Bytes, FrameTooLong> {
        let whole = if self.pending.is_empty() {
            let end = end_of_last_frame(&chunk, true);
            let whole = chunk.slice(..end);
            self.pending
                .extend_from_slice(chunk.get(end..).unwrap_or_default());
            whole
        } else {
            // A boundary has at most three bytes; what lies before the last two was searched already.
            let searched = self.pending.len().saturating_sub(2);
            self.pending.extend_from_slice(&chunk);
            match end_of_last_frame(
                self.pending.get(searched..).unwrap_or_default(),
                searched == 0,
            ) {
                0 => Bytes::new(),
                end => self.pending.split_to(searched + end).freeze(),
            }
        };
        if self.pending.len() > self.limit {
            return Err(FrameTooLong(self.limit));
        }
        Ok(whole)
    }

    /// What is left when the bytes have ended: a frame without its blank line, or nothing.
    pub fn finish(&mut self) -> Bytes {
        self.pending.split().freeze()
    }
}

/// Just behind the last blank line; zero if there is none. `at_start`: the bytes begin where a frame begins, so that an
/// empty first line is a blank line too.
fn end_of_last_frame(bytes: &[u8], at_start: bool) -> usize {
    memrchr_iter(b'\n', bytes)
        .find(|&at| match bytes.get(..at).unwrap_or_default() {
            [] | [b'\r'] => at_start,
            [.., b'\n'] | [.., b'\n', b'\r'] => true,
            _ => false,
        })
        .map_or(0, |at| at + 1)
}

/// Cuts whole frames apart; each keeps its blank line. Bytes behind the last blank line come as a last piece.
pub fn split(mut whole: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let end = match whole {
            [] => return None,
            [b'\n', ..] => Some(1),
            [b'\r', b'\n', ..] => Some(2),
            _ => memchr_iter(b'\n', whole).find_map(|at| match whole.get(at + 1..)? {
                [b'\n', ..] => Some(at + 2),
                [b'\r', b'\n', ..] => Some(at + 3),
                _ => None,
            }),
        };
        let (frame, rest) = whole.split_at_checked(end.unwrap_or(whole.len()))?;
        whole = rest;
        Some(frame)
    })
}

/// What a frame says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Frame<'a> {
    /// Its `event`, if named.
    pub event: Option<&'a [u8]>,
    /// Its `data` lines, joined by line feeds; `None`: it has none (a comment that keeps the connection alive).
    pub data: Option<Cow<'a, [u8]>>,
}

impl<'a> Frame<'a> {
    /// Reads the lines of a frame; what is neither `event` nor `data` is passed over.
    pub fn read(frame: &'a [u8]) -> Self {
        let mut read = Self::default();
        let mut rest = frame;
        while !rest.is_empty() {
            let (line, behind) = match memchr(b'\n', rest) {
                Some(at) => (
                    rest.get(..at).unwrap_or_default(),
                    rest.get(at + 1..).unwrap_or_default(),
                ),
                None => (rest, &[][..]),
            };
            rest = behind;
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if let Some(value) = field(line, b"data") {
                match &mut read.data {
                    None => read.data = Some(Cow::Borrowed(value)),
                    Some(data) => {
                        let data = data.to_mut();
                        data.push(b'\n');
                        data.extend_from_slice(value);
                    }
                }
            } else if let Some(value) = field(line, b"event") {
                read.event = Some(value);
            }
        }
        read
    }
}

/// The value of a line `name: value`; one space behind the colon does not count.
fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    match line.strip_prefix(name)? {
        [] => Some(&[]),
        [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All frames that come out when `text` is pushed in pieces of the given lengths.
    fn cut(text: &[u8], lengths: &[usize]) -> (Vec<Vec<u8>>, Vec<u8>) {
        let (mut frames, mut out, mut rest) = (Frames::default(), Vec::new(), text);
        let mut lengths = lengths.iter().copied().cycle();
        while !rest.is_empty() {
            let (chunk, behind) = rest.split_at(lengths.next().unwrap_or(1).clamp(1, rest.len()));
            rest = behind;
            let whole = frames.push(Bytes::copy_from_slice(chunk)).unwrap();
            out.extend(split(&whole).map(<[u8]>::to_vec));
        }
        (out, frames.finish().to_vec())
    }

    #[test]
    fn frames_end_at_a_blank_line_of_either_kind() {
        let text = b": keep-alive\n\ndata: 1\r\n\r\nevent: x\ndata: 2\n\r\ndata: 3";
        let (frames, rest) = cut(text, &[text.len()]);
        assert_eq!(
            frames,
            [
                &b": keep-alive\n\n"[..],
                b"data: 1\r\n\r\n",
                b"event: x\ndata: 2\n\r\n"
            ]
        );
        assert_eq!(rest, b"data: 3");
    }

    #[test]
    fn a_chunk_of_whole_frames_is_not_copied() {
        let chunk = Bytes::from_static(b"data: 1\n\ndata: 2\n\n");
        let whole = Frames::default().push(chunk.clone()).unwrap();
        assert_eq!(whole.as_ptr(), chunk.as_ptr());
    }

    #[test]
    fn fields_are_read_as_the_standard_says() {
        let read = |text: &'static str| Frame::read(text.as_bytes());
        assert_eq!(
            read("data: a\ndata:b\n\n").data.as_deref(),
            Some(&b"a\nb"[..])
        );
        assert_eq!(read("data:  a\r\n\r\n").data.as_deref(), Some(&b" a"[..]));
        assert_eq!(read("data\n\n").data.as_deref(), Some(&b""[..]));
        assert_eq!(read(": data: no\nid: 7\nretry: 1\n\n"), Frame::default());
        assert_eq!(
            read("event: done\ndatabase: x\n\n"),
            Frame {
                event: Some(b"done"),
                data: None
            }
        );
    }

    #[test]
    fn a_frame_without_end_is_an_error() {
        let mut frames = Frames::with_limit(10);
        assert!(frames.push(Bytes::from_static(b"data: 1234")).is_ok());
        assert_eq!(frames.push(Bytes::from_static(b"5")), Err(FrameTooLong(10)));
    }

    proptest! {
        #[test]
        fn every_way_of_cutting_gives_the_same_frames(
            pieces in prop::collection::vec(prop::sample::select(vec!["data: {\"a\":1}", "event: e", ": c", "é", "\n", "\r\n", "\n\n", "\r\n\r\n", "\r"]), 0..40),
            lengths in prop::collection::vec(1usize..20, 1..10),
        ) {
            let text = pieces.concat();
            let whole = cut(text.as_bytes(), &[text.len().max(1)]);
            prop_assert_eq!(cut(text.as_bytes(), &lengths), whole.clone());
            prop_assert_eq!(cut(text.as_bytes(), &[1]), whole.clone());
            let mut all = whole.0.concat();
            all.extend(whole.1);
            prop_assert_eq!(all, text.as_bytes());
        }
    }
}
