//! A body without its content codings, while it streams: what a piece holds is given on at once, event by event.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_util::Stream;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

use super::coding::Coding;
use super::error::{BrokeOff, SendError};

/// How much comes of a step at most.
const ROOM: usize = 16 * 1024;
/// So many codings may lie over each other.
const MOST_STACKED: usize = 4;

/// The codings of a body, outermost last, as the header names them.
///
/// # Errors
/// When one is not known, or there are too many.
pub(super) fn codings(headers: &HeaderMap) -> Result<Vec<Coding>, SendError> {
    let mut codings = Vec::new();
    for value in headers.get_all(CONTENT_ENCODING) {
        for name in value.as_bytes().split(|byte| *byte == b',') {
            let name = String::from_utf8_lossy(name.trim_ascii());
            if name.is_empty() || name.eq_ignore_ascii_case("identity") {
                continue;
            }
            let coding = match Coding::named(&name) {
                Some(Ok(coding)) if codings.len() < MOST_STACKED => coding,
                Some(Ok(_)) => {
                    let words =
                        format!("more than {MOST_STACKED} content codings lie over each other");
                    return Err(SendError::Unreadable(words));
                }
                Some(Err(error)) => return Err(SendError::Unreadable(error.to_string())),
                None => {
                    let name: String = name.escape_debug().take(40).collect();
                    let words = format!("its content coding {name} is not known");
                    return Err(SendError::Unreadable(words));
                }
            };
            codings.push(coding);
        }
    }
    Ok(codings)
}

/// What comes of undoing one coding of a stream.
pub(super) struct Decoded<S> {
    source: S,
    coding: Coding,
    /// What of the source is not yet taken.
    input: Bytes,
    /// The last step filled its room: there may be more without more input.
    more: bool,
    /// Something has come at all: where nothing does, nothing is broken.
    begun: bool,
}

impl<S> Decoded<S> {
    pub(super) fn new(source: S, coding: Coding) -> Self {
        Self {
            source,
            coding,
            input: Bytes::new(),
            more: false,
            begun: false,
        }
    }

    /// What it reads.
    pub(super) fn source(&mut self) -> &mut S {
        &mut self.source
    }

    fn step(&mut self) -> io::Result<Bytes> {
        let mut room = vec![0; ROOM];
        let mut stuck = 0;
        while self.more || !self.input.is_empty() {
            let step = self.coding.step(&self.input, &mut room)?;
            self.input.advance(step.read.min(self.input.len()));
            self.more = step.written == ROOM;
            if step.written > 0 {
                room.truncate(step.written);
                return Ok(room.into());
            }
            // A step may only change what comes next; twice in a row is standing still.
            stuck = if step.read == 0 { stuck + 1 } else { 0 };
            if stuck > 2 {
                return Err(io::Error::other("the coding of the body stands still"));
            }
        }
        Ok(Bytes::new())
    }
}

impl<S: Stream<Item = Result<Bytes, BrokeOff>> + Unpin> Stream for Decoded<S> {
    type Item = Result<Bytes, BrokeOff>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match self.step() {
                Ok(piece) if piece.is_empty() => {}
                Ok(piece) => return Poll::Ready(Some(Ok(piece))),
                Err(error) => return Poll::Ready(Some(Err(BrokeOff(error.to_string())))),
            }
            match ready!(Pin::new(&mut self.source).poll_next(context)) {
                Some(Ok(piece)) => {
                    self.begun |= !piece.is_empty();
                    self.input = piece;
                }
                None if self.begun && !self.coding.is_whole() => {
                    let words = "the body ended within its content coding";
                    return Poll::Ready(Some(Err(BrokeOff(words.to_owned()))));
                }
                next => return Poll::Ready(next),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use futures_util::StreamExt;
    use futures_util::stream;
    use proptest::prelude::*;

    use super::*;

    const TEXT: &[u8] =
        b"data: {\"choices\":[{\"delta\":{\"content\":\"one\"}}]}\n\ndata: [DONE]\n\n";

    /// As the `brotli` 1.2.1 of PyPI compresses it: one block, of which it could make nothing smaller.
    fn brotli() -> Vec<u8> {
        [&[11, 31, 128], TEXT, &[3]].concat()
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::GzBuilder::new()
            .filename("answer.json")
            .comment("of a model")
            .extra(vec![1, 2, 3])
            .write(Vec::new(), flate2::Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn raw(text: &[u8]) -> Vec<u8> {
        let mut encoder =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zstandard(text: &[u8]) -> Vec<u8> {
        zstd::stream::encode_all(text, 3).unwrap()
    }

    fn names(value: &str) -> Result<Vec<Coding>, SendError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, value.parse().unwrap());
        codings(&headers)
    }

    /// What is read of a body in this coding that comes in these pieces: how much, all of it, and how it ended.
    fn read(
        named: &str,
        body: &[u8],
        piece: usize,
        most: usize,
    ) -> (Vec<u8>, Result<(), BrokeOff>) {
        let pieces: Vec<_> = body
            .chunks(piece.max(1))
            .map(|piece| Ok(Bytes::copy_from_slice(piece)))
            .collect();
        let mut stream: Pin<Box<dyn Stream<Item = Result<Bytes, BrokeOff>>>> =
            Box::pin(stream::iter(pieces));
        for coding in names(named).unwrap().into_iter().rev() {
            stream = Box::pin(Decoded::new(stream, coding));
        }
        let mut whole = Vec::new();
        while let Some(piece) = futures_util::FutureExt::now_or_never(stream.next()).unwrap() {
            match piece {
                Ok(piece) => {
                    assert!(piece.len() <= ROOM);
                    whole.extend_from_slice(&piece);
                }
                Err(error) => return (whole, Err(error)),
            }
            if whole.len() >= most {
                break;
            }
        }
        (whole, Ok(()))
    }

    #[test]
    fn every_coding_is_undone_however_its_bytes_are_cut() {
        let twice = zstandard(&gzip(TEXT));
        for (named, body) in [
            ("gzip", gzip(TEXT)),
            ("x-gzip", gzip(TEXT)),
            ("GZIP, identity", gzip(TEXT)),
            ("deflate", zlib(TEXT)),
            ("deflate", raw(TEXT)),
            ("br", brotli()),
            ("zstd", zstandard(TEXT)),
            ("gzip, zstd", twice),
            ("identity", TEXT.to_vec()),
        ] {
            for piece in [1, 2, 7, body.len()] {
                let (whole, ended) = read(named, &body, piece, usize::MAX);
                assert_eq!(ended, Ok(()), "{named} in pieces of {piece}");
                assert_eq!(whole, TEXT, "{named} in pieces of {piece}");
            }
        }
    }

    #[test]
    fn members_and_frames_behind_each_other_are_one_body() {
        let (one, two) = TEXT.split_at(20);
        for (named, body) in [
            ("gzip", [gzip(one), gzip(two)].concat()),
            ("gzip", [gzip(TEXT), vec![0; 9]].concat()),
            ("zstd", [zstandard(one), zstandard(two)].concat()),
        ] {
            for piece in [1, body.len()] {
                assert_eq!(
                    read(named, &body, piece, usize::MAX),
                    (TEXT.to_vec(), Ok(()))
                );
            }
        }
    }

    #[test]
    fn a_body_that_is_cut_or_broken_is_an_error_and_an_empty_one_is_none() {
        for (named, body) in [
            ("gzip", gzip(TEXT)),
            ("deflate", zlib(TEXT)),
            ("deflate", raw(TEXT)),
            ("br", brotli()),
            ("zstd", zstandard(TEXT)),
        ] {
            for length in 1..body.len() {
                let (_, ended) = read(named, &body[..length], 5, usize::MAX);
                assert!(ended.is_err(), "{named} cut at {length} of {}", body.len());
            }
            assert_eq!(read(named, b"", 1, usize::MAX), (Vec::new(), Ok(())));
            let (_, ended) = read(named, b"{\"choices\":[]}", 5, usize::MAX);
            assert!(ended.is_err(), "{named}");
        }
        let mut wrong = gzip(TEXT);
        let at = wrong.len() - 8;
        wrong[at] ^= 1;
        assert!(read("gzip", &wrong, 5, usize::MAX).1.is_err());
    }

    #[test]
    fn what_is_not_known_is_named() {
        let error = names("gzip, compress").err().unwrap();
        assert_eq!(
            error.to_string(),
            "the answer could not be read: its content coding compress is not known"
        );
        assert!(names("gzip,gzip,gzip,gzip,gzip").is_err());
        assert!(names("").unwrap().is_empty());
    }

    #[test]
    fn a_bomb_comes_in_small_pieces_and_is_left_where_one_has_had_enough() {
        let zeros = vec![0; 64 << 20];
        for (named, bomb) in [
            ("gzip", gzip(&zeros)),
            ("deflate", zlib(&zeros)),
            ("zstd", zstandard(&zeros)),
        ] {
            assert!(bomb.len() < 1 << 20);
            let (whole, ended) = read(named, &bomb, bomb.len(), 100_000);
            assert_eq!(ended, Ok(()));
            assert!(whole.len() < 100_000 + ROOM, "{named}");
        }
    }

    #[test]
    fn an_event_is_given_on_before_the_next_one_comes() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(b"data: 1\n\n").unwrap();
        encoder.flush().unwrap();
        let first = Bytes::copy_from_slice(encoder.get_ref());
        let pieces = stream::iter([Ok(first)]).chain(stream::pending());
        let mut decoded = Decoded::new(Box::pin(pieces), names("gzip").unwrap().remove(0));
        let mut came = Vec::new();
        while let Some(Some(Ok(piece))) = futures_util::FutureExt::now_or_never(decoded.next()) {
            came.extend_from_slice(&piece);
        }
        assert_eq!(came, b"data: 1\n\n");
    }

    proptest! {
        #[test]
        fn what_was_coded_comes_back(text in prop::collection::vec(any::<u8>(), 0..40_000), piece in 1usize..3_000) {
            for (named, body) in [("gzip", gzip(&text)), ("deflate", zlib(&text)), ("zstd", zstandard(&text))] {
                prop_assert_eq!(read(named, &body, piece, usize::MAX), (text.clone(), Ok(())));
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), piece in 1usize..50) {
            for named in ["gzip", "deflate", "br", "zstd", "gzip, br"] {
                let _ = read(named, &bytes, piece, 1 << 20);
            }
        }
    }
}
