//! Server-sent events: whole frames out of bytes that were cut anywhere.
//!
//! Promises: the frames are the same for every way of cutting the bytes; the bytes of a frame are not changed, but for a lone CR
//! that ends a line and whatever ends one behind it, which become LF; a chunk that holds whole frames is passed on without a copy;
//! a frame that never ends is an error, not a growing buffer. A byte order mark at the start is passed over. An event goes on
//! with the byte that ends it.
//! Reference: WHATWG HTML, "Parsing an event stream", section 9.2.5.

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
    ends: LineEnds,
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
            ends: LineEnds::default(),
        }
    }

    /// Takes the next bytes and gives back all frames that are whole now, one behind the other; empty if none is.
    ///
    /// # Errors
    /// When the unfinished frame is longer than the limit.
    pub fn push(&mut self, chunk: Bytes) -> Result<Bytes, FrameTooLong> {
        let chunk = self.ends.read(chunk);
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
        self.pending.extend_from_slice(self.ends.finish());
        self.pending.split().freeze()
    }
}

const MARK: &[u8] = b"\xef\xbb\xbf";

/// Passes bytes on with lines that end in LF or CRLF, and without a mark before the first.
#[derive(Debug, Default)]
struct LineEnds {
    /// How much of the mark has come; more than it has: that is decided.
    marked: usize,
    /// A CR has come last, of which it is not known whether an LF follows.
    half: bool,
    /// A CR has ended a line: from there on, all line ends are made LF. What that CR was followed by is passed over, if it is LF.
    lone: bool,
    /// The line end that came last was a CR made LF.
    swallow: bool,
}

impl LineEnds {
    fn read(&mut self, chunk: Bytes) -> Bytes {
        let chunk = self.unmarked(chunk);
        if !self.half && !self.lone && memchr(b'\r', &chunk).is_none() {
            return chunk;
        }
        self.with_line_ends(chunk)
    }

    /// Lines that end in CR, or may: nearly all who send a CR send an LF with it, so that nothing of it changes.
    fn with_line_ends(&mut self, chunk: Bytes) -> Bytes {
        if !self.half && !self.lone && !has_lone_cr(&chunk) && !chunk.ends_with(b"\r") {
            return chunk;
        }
        let mut read = BytesMut::with_capacity(chunk.len() + 1);
        for &byte in &chunk {
            if std::mem::take(&mut self.half) {
                if byte == b'\n' {
                    read.extend_from_slice(b"\r\n");
                    continue;
                }
                self.lone = true;
                read.extend_from_slice(b"\n");
            }
            let swallow = std::mem::take(&mut self.swallow);
            match byte {
                b'\r' if self.lone => {
                    self.swallow = true;
                    read.extend_from_slice(b"\n");
                }
                b'\r' => self.half = true,
                b'\n' if swallow => {}
                byte => read.extend_from_slice(&[byte]),
            }
        }
        read.freeze()
    }

    /// Passes a mark at the very start over.
    fn unmarked(&mut self, chunk: Bytes) -> Bytes {
        if self.marked > MARK.len() || chunk.is_empty() {
            return chunk;
        }
        let had = self.marked;
        let rest = MARK.get(had..).unwrap_or_default();
        let same = rest.iter().zip(&chunk).take_while(|(a, b)| a == b).count();
        if same == rest.len() {
            self.marked = MARK.len() + 1;
            return chunk.slice(same..);
        }
        if same == chunk.len() {
            self.marked = had + same;
            return Bytes::new();
        }
        self.marked = MARK.len() + 1;
        if had == 0 {
            return chunk;
        }
        [MARK.get(..had).unwrap_or_default(), &chunk]
            .concat()
            .into()
    }

    /// What was kept back.
    fn finish(&mut self) -> &'static [u8] {
        if std::mem::take(&mut self.half) {
            return b"\r";
        }
        let begun = std::mem::replace(&mut self.marked, MARK.len() + 1);
        MARK.get(..begun)
            .filter(|_| begun < MARK.len())
            .unwrap_or_default()
    }
}

/// Whether a CR is followed by something else than LF.
fn has_lone_cr(bytes: &[u8]) -> bool {
    memchr_iter(b'\r', bytes).any(|at| bytes.get(at + 1).is_some_and(|next| *next != b'\n'))
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
    /// Its `data` lines, joined by line feeds; `None`: it has none, or nothing in them (what keeps the connection alive).
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
        read.data = read.data.filter(|data| !data.is_empty());
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
        for nothing in [
            "data\n\n",
            "data:\n\n",
            "data: \r\n\r\n",
            "event: ping\ndata:\n\n",
        ] {
            assert_eq!(read(nothing).data, None, "{nothing:?}");
        }
        assert_eq!(read("data:\ndata\n\n").data.as_deref(), Some(&b"\n"[..]));
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

    #[test]
    fn a_lone_cr_ends_a_line_and_an_event_goes_on_with_it() {
        let mut frames = Frames::default();
        let mut push = |chunk: &'static [u8]| frames.push(Bytes::from_static(chunk)).unwrap();
        assert_eq!(push(b"event: x\rdata: 1\r\r"), "event: x\ndata: 1\n\n");
        assert_eq!(push(b"data: 2\r"), "");
        assert_eq!(push(b"\r"), "data: 2\n\n");
        // The LF of the CR before, and an event behind it.
        assert_eq!(push(b"\ndata: 3\n\n"), "data: 3\n\n");
        assert_eq!(push(b"data: 4\r\n\r\n"), "data: 4\n\n");
    }

    #[test]
    fn a_crlf_that_is_cut_in_two_is_one_line_end() {
        let text = b"data: 1\r\ndata: 2\r\n\r\ndata: 3\r\n\r\n";
        for cut_at in 1..text.len() {
            let (frames, rest) = cut(text, &[cut_at, text.len()]);
            assert_eq!(
                frames,
                [&b"data: 1\r\ndata: 2\r\n\r\n"[..], b"data: 3\r\n\r\n"],
                "{cut_at}"
            );
            assert_eq!(rest, b"");
        }
    }

    #[test]
    fn a_mark_before_the_first_event_is_passed_over() {
        for length in 1..10 {
            let (frames, rest) = cut(b"\xef\xbb\xbfdata: 1\n\ndata: \xef\xbb\xbf\n\n", &[length]);
            assert_eq!(frames, [&b"data: 1\n\n"[..], b"data: \xef\xbb\xbf\n\n"]);
            assert_eq!(rest, b"");
            let (frames, rest) = cut(b"\xef\xbbdata: 1\n\n", &[length]);
            assert_eq!(
                (frames.concat(), rest),
                (b"\xef\xbbdata: 1\n\n".to_vec(), Vec::new())
            );
        }
        assert_eq!(cut(b"\xef\xbb", &[1]), (Vec::new(), b"\xef\xbb".to_vec()));
    }

    /// What the standard makes of a text: the data of its events, line by line.
    fn by_the_standard(text: &str) -> Vec<String> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let (mut events, mut data) = (Vec::new(), Vec::new());
        // What is behind the last line end is no line.
        let mut lines: Vec<&str> = text.split('\n').collect();
        lines.pop();
        for line in lines {
            if line.is_empty() {
                let event = std::mem::take(&mut data).join("\n");
                if !event.is_empty() {
                    events.push(event);
                }
            } else if let Some(value) = line.strip_prefix("data:") {
                data.push(value.strip_prefix(' ').unwrap_or(value).to_owned());
            } else if line == "data" {
                data.push(String::new());
            }
        }
        events
    }

    proptest! {
        #[test]
        fn the_events_are_those_of_the_standard(
            pieces in prop::collection::vec(prop::sample::select(vec!["data: {\"a\":1}", "data:", "data", "event: e", ": c", "é", "\u{feff}", "\n", "\r\n", "\r", "\r\r", "\n\n"]), 0..40),
            lengths in prop::collection::vec(1usize..20, 1..10),
        ) {
            // A comment, so that it is known what the last CR is.
            let text = pieces.concat() + ":";
            let (frames, _) = cut(text.as_bytes(), &lengths);
            let data: Vec<String> = frames
                .iter()
                .filter_map(|frame| Frame::read(frame).data)
                .map(|data| String::from_utf8(data.into_owned()).unwrap())
                .collect();
            prop_assert_eq!(data, by_the_standard(&text));
        }

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
            if !has_lone_cr(text.as_bytes()) {
                prop_assert_eq!(all, text.as_bytes());
            }
        }
    }
}
