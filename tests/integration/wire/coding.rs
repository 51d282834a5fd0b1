//! Content codings made by hand, so that what a provider flushes, cuts and repeats is known to the byte: DEFLATE with fixed
//! codes (RFC 1951), zlib and gzip around it (RFC 1950, 1952), brotli without compression (RFC 7932), and zstd by its library.

use std::io::Write;

/// How a body is coded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Coding {
    Identity,
    Gzip,
    Zlib,
    Deflate,
    Brotli,
    Zstd,
}

impl Coding {
    /// The pieces, each such that a reader gets all of it when its bytes have come; behind them, the end.
    pub(super) fn flushed(self, pieces: &[&[u8]]) -> Vec<Vec<u8>> {
        let all = pieces.concat();
        match self {
            Self::Identity => pieces.iter().map(|piece| piece.to_vec()).collect(),
            Self::Deflate => deflated(pieces, &[], &[]),
            Self::Zlib => deflated(pieces, &[0x78, 0x9c], &adler32(&all).to_be_bytes()),
            Self::Gzip => {
                let mut end = crc32fast::hash(&all).to_le_bytes().to_vec();
                end.extend(u32::try_from(all.len()).unwrap().to_le_bytes());
                deflated(pieces, &GZIP_HEAD, &end)
            }
            Self::Brotli => brotli(pieces),
            Self::Zstd => {
                let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
                let mut coded = Vec::new();
                for piece in pieces {
                    encoder.write_all(piece).unwrap();
                    encoder.flush().unwrap();
                    coded.push(std::mem::take(encoder.get_mut()));
                }
                coded.push(encoder.finish().unwrap());
                coded
            }
        }
    }

    pub(super) fn all(self, bytes: impl AsRef<[u8]>) -> Vec<u8> {
        self.flushed(&[bytes.as_ref()]).concat()
    }
}

const GZIP_HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];

/// Bits as DEFLATE packs them: from the lowest of each byte on.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    held: u32,
    count: u32,
}

impl Bits {
    fn number(&mut self, value: u32, bits: u32) {
        self.held |= value << self.count;
        self.count += bits;
        while self.count >= 8 {
            self.bytes.push(self.held.to_le_bytes()[0]);
            self.held >>= 8;
            self.count -= 8;
        }
    }

    /// A Huffman code, which begins with its highest bit.
    fn code(&mut self, code: u32, bits: u32) {
        self.number(code.reverse_bits() >> (32 - bits), bits);
    }

    fn literal(&mut self, byte: u8) {
        match u32::from(byte) {
            low @ 0..144 => self.code(0x30 + low, 8),
            high => self.code(0x190 + high - 144, 9),
        }
    }

    /// Begins a block of fixed codes.
    fn begin(&mut self) {
        self.number(0b010, 3);
    }

    fn end(&mut self) {
        self.code(0, 7);
    }

    /// An empty stored block: all that stands before it is on whole bytes now.
    fn flush(&mut self, last: bool) {
        self.number(u32::from(last), 3);
        self.align();
        self.bytes.extend([0, 0, 0xff, 0xff]);
    }

    fn align(&mut self) {
        if self.count > 0 {
            self.number(0, 8 - self.count);
        }
    }
}

fn deflated(pieces: &[&[u8]], head: &[u8], end: &[u8]) -> Vec<Vec<u8>> {
    let mut coded = Vec::new();
    for (number, piece) in pieces.iter().enumerate() {
        let mut bits = Bits::default();
        if number == 0 {
            bits.bytes.extend(head);
        }
        bits.begin();
        for byte in *piece {
            bits.literal(*byte);
        }
        bits.end();
        bits.flush(false);
        coded.push(bits.bytes);
    }
    let mut bits = Bits::default();
    bits.flush(true);
    bits.bytes.extend(end);
    coded.push(bits.bytes);
    coded
}

fn adler32(bytes: &[u8]) -> u32 {
    let (low, high) = bytes.iter().fold((1, 0), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    high << 16 | low
}

/// Each piece a meta-block of its own; none may be longer than the window of 64 KB.
fn brotli(pieces: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut coded = Vec::new();
    for (number, piece) in pieces.iter().enumerate() {
        let mut bits = Bits::default();
        if number == 0 {
            // A window of 16 bits.
            bits.number(0, 1);
        }
        // Not the last one, a length of four nibbles, not compressed.
        bits.number(0, 1);
        bits.number(0, 2);
        bits.number(u32::try_from(piece.len()).unwrap() - 1, 16);
        bits.number(1, 1);
        bits.align();
        bits.bytes.extend(*piece);
        coded.push(bits.bytes);
    }
    coded.push(vec![0b11]);
    coded
}

/// So many zeros, in a six-hundredth of their length at most for the small end of it: gzip's runs of 258 bytes.
pub(super) fn bomb(zeros: usize) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.bytes.extend(GZIP_HEAD);
    bits.begin();
    bits.literal(0);
    for _ in 0..zeros / 258 {
        // A length of 258, one back.
        bits.code(0b1100_0101, 8);
        bits.code(0, 5);
    }
    bits.end();
    bits.flush(true);
    // Nobody should get as far as to find that this is no check sum.
    bits.bytes.extend([0; 8]);
    bits.bytes
}
