//! The content codings (RFC 9110 section 8.4.1; brotli RFC 7932, zstd RFC 8878), each undone step by step into a buffer of the
//! caller's: however much a byte stands for, no more memory is taken.

use std::io;

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{DParameter, Decoder as Zstd, Operation};

/// The largest window of zstd, as a power of two: what RFC 9659 lets a content coding ask for.
const ZSTD_WINDOW: u32 = 23;
/// The most that is held of a gzip member's header: names and comments are in it.
const MOST_HEADER: usize = 4 * 1024;

/// One coding in the middle of being undone.
pub(super) enum Coding {
    Gzip(Gzip),
    Deflate(Deflate),
    Brotli(Box<Brotli>),
    Zstd {
        decoder: Zstd<'static>,
        /// Between two frames.
        whole: bool,
    },
}

/// How far a step came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Step {
    pub(super) read: usize,
    pub(super) written: usize,
}

type Decoding = BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>;

pub(super) struct Brotli {
    state: Decoding,
    over: bool,
}

impl Coding {
    /// By its name; `None`: there is none of that name.
    pub(super) fn named(name: &str) -> Option<io::Result<Self>> {
        Some(match name.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => Ok(Self::Gzip(Gzip::default())),
            "deflate" => Ok(Self::Deflate(Deflate::default())),
            "br" => Ok(Self::Brotli(Box::new(Brotli {
                state: Decoding::new(
                    StandardAlloc::default(),
                    StandardAlloc::default(),
                    StandardAlloc::default(),
                ),
                over: false,
            }))),
            "zstd" => Zstd::new().and_then(|mut decoder| {
                decoder.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW))?;
                let whole = false;
                Ok(Self::Zstd { decoder, whole })
            }),
            _ => return None,
        })
    }

    /// Goes on with these bytes, into this room. Reads or writes something, or needs more bytes.
    pub(super) fn step(&mut self, input: &[u8], room: &mut [u8]) -> io::Result<Step> {
        match self {
            Self::Gzip(gzip) => gzip.step(input, room),
            Self::Deflate(deflate) => deflate.step(input, room),
            Self::Brotli(brotli) => brotli.step(input, room),
            Self::Zstd { decoder, whole } => {
                let status = decoder.run_on_buffers(input, room)?;
                if status.bytes_read > 0 || status.bytes_written > 0 {
                    *whole = status.remaining == 0;
                }
                Ok(Step {
                    read: status.bytes_read,
                    written: status.bytes_written,
                })
            }
        }
    }

    /// Whether it may end here.
    pub(super) fn is_whole(&self) -> bool {
        match self {
            Self::Gzip(gzip) => matches!(gzip.at, Part::Between | Part::Over),
            Self::Deflate(deflate) => deflate.over,
            Self::Brotli(brotli) => brotli.over,
            Self::Zstd { whole, .. } => *whole,
        }
    }
}

impl Brotli {
    fn step(&mut self, input: &[u8], room: &mut [u8]) -> io::Result<Step> {
        if self.over {
            return Ok(all_of(input));
        }
        let (mut left, mut read) = (input.len(), 0);
        let (mut free, mut written, mut total) = (room.len(), 0, 0);
        let result = BrotliDecompressStream(
            &mut left,
            &mut read,
            input,
            &mut free,
            &mut written,
            room,
            &mut total,
            &mut self.state,
        );
        match result {
            BrotliResult::ResultFailure => return Err(broken("brotli")),
            BrotliResult::ResultSuccess => self.over = true,
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
        }
        Ok(Step { read, written })
    }
}

/// What is called deflate: with the header of zlib, as the standard has it, or without, as some send it.
#[derive(Default)]
pub(super) struct Deflate {
    decoder: Option<Decompress>,
    /// The first byte, until the second shows what it is.
    first: Option<u8>,
    over: bool,
}

impl Deflate {
    fn step(&mut self, input: &[u8], room: &mut [u8]) -> io::Result<Step> {
        if self.over {
            return Ok(all_of(input));
        }
        if let Some(decoder) = &mut self.decoder {
            let (step, over) = inflate(decoder, input, room)?;
            self.over = over;
            return Ok(step);
        }
        match (self.first, input) {
            (_, []) => Ok(all_of(input)),
            (None, [first, ..]) => {
                self.first = Some(*first);
                Ok(Step {
                    read: 1,
                    written: 0,
                })
            }
            (Some(first), [second, ..]) => {
                let head = u16::from_be_bytes([first, *second]);
                let zlib = first & 0x0f == 8 && head.is_multiple_of(31);
                let mut decoder = Decompress::new(zlib);
                let (step, _) = inflate(&mut decoder, &[first], room)?;
                self.decoder = Some(decoder);
                Ok(Step {
                    read: 0,
                    written: step.written,
                })
            }
        }
    }
}

/// Where one is in a gzip file (RFC 1952).
#[derive(Default)]
enum Part {
    #[default]
    Header,
    Body,
    Trailer,
    /// Behind a member; another may follow.
    Between,
    /// Behind the last one: what follows is padding.
    Over,
}

#[derive(Default)]
pub(super) struct Gzip {
    at: Part,
    /// What has come of a header or trailer.
    held: Vec<u8>,
    decoder: Option<Decompress>,
    crc: crc32fast::Hasher,
    length: u32,
}

impl Gzip {
    fn step(&mut self, input: &[u8], room: &mut [u8]) -> io::Result<Step> {
        match self.at {
            Part::Over => Ok(all_of(input)),
            Part::Between => {
                match input.first() {
                    None => {}
                    Some(0x1f) => self.at = Part::Header,
                    Some(_) => self.at = Part::Over,
                }
                Ok(Step {
                    read: 0,
                    written: 0,
                }
                .or_all(input, matches!(self.at, Part::Over)))
            }
            Part::Header => {
                let had = self.held.len();
                let free = MOST_HEADER.saturating_sub(had);
                let taken = input.get(..free).unwrap_or(input);
                self.held.extend_from_slice(taken);
                let read = match header_end(&self.held)? {
                    Some(end) => {
                        self.held.clear();
                        self.decoder = Some(Decompress::new(false));
                        self.crc.reset();
                        self.length = 0;
                        self.at = Part::Body;
                        end.saturating_sub(had)
                    }
                    None if self.held.len() >= MOST_HEADER => return Err(broken("gzip")),
                    None => taken.len(),
                };
                Ok(Step { read, written: 0 })
            }
            Part::Body => {
                let decoder = self.decoder.as_mut().ok_or_else(|| broken("gzip"))?;
                let (step, over) = inflate(decoder, input, room)?;
                let written = room.get(..step.written).unwrap_or_default();
                self.crc.update(written);
                // Modulo 2^32, as the trailer has it.
                let low = u32::try_from(step.written).unwrap_or(0);
                self.length = self.length.wrapping_add(low);
                if over {
                    self.at = Part::Trailer;
                }
                Ok(step)
            }
            Part::Trailer => {
                let wanted = 8_usize.saturating_sub(self.held.len());
                let taken = input.get(..wanted).unwrap_or(input);
                self.held.extend_from_slice(taken);
                if let [a, b, c, d, e, f, g, h] = *self.held.as_slice() {
                    let crc = self.crc.clone().finalize();
                    if u32::from_le_bytes([a, b, c, d]) != crc
                        || u32::from_le_bytes([e, f, g, h]) != self.length
                    {
                        return Err(broken("gzip"));
                    }
                    self.held.clear();
                    self.at = Part::Between;
                }
                Ok(Step {
                    read: taken.len(),
                    written: 0,
                })
            }
        }
    }
}

impl Step {
    fn or_all(self, input: &[u8], all: bool) -> Self {
        if all { all_of(input) } else { self }
    }
}

/// Where a gzip header ends; `None`: not yet.
fn header_end(held: &[u8]) -> io::Result<Option<usize>> {
    let Some(fixed) = held.get(..10) else {
        let begins = [0x1f, 0x8b, 8];
        let known = held.len().min(begins.len());
        return if held.get(..known) == begins.get(..known) {
            Ok(None)
        } else {
            Err(broken("gzip"))
        };
    };
    let [0x1f, 0x8b, 8, flags, ..] = *fixed else {
        return Err(broken("gzip"));
    };
    let mut at = 10;
    if flags & 4 != 0 {
        let Some([low, high]) = held
            .get(at..at + 2)
            .and_then(|two| <[u8; 2]>::try_from(two).ok())
        else {
            return Ok(None);
        };
        at += 2 + usize::from(u16::from_le_bytes([low, high]));
    }
    // A name, then a comment.
    for flag in [8, 16] {
        if flags & flag != 0 {
            let rest = held.get(at..).unwrap_or_default();
            let Some(end) = memchr::memchr(0, rest) else {
                return Ok(None);
            };
            at += end + 1;
        }
    }
    if flags & 2 != 0 {
        at += 2;
    }
    Ok((held.len() >= at).then_some(at))
}

fn inflate(decoder: &mut Decompress, input: &[u8], room: &mut [u8]) -> io::Result<(Step, bool)> {
    let (read, written) = (decoder.total_in(), decoder.total_out());
    let status = decoder.decompress(input, room, FlushDecompress::None)?;
    let moved = |now: u64, before: u64| usize::try_from(now.saturating_sub(before)).unwrap_or(0);
    let step = Step {
        read: moved(decoder.total_in(), read),
        written: moved(decoder.total_out(), written),
    };
    Ok((step, matches!(status, Status::StreamEnd)))
}

fn all_of(input: &[u8]) -> Step {
    Step {
        read: input.len(),
        written: 0,
    }
}

fn broken(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("the {what} coding of the body is broken"),
    )
}
