//! Frames: how an entry stands in a journal file. Checksum, length, sequence, how far back the last sync was, body.
//!
//! `back` is what tells a torn write from damage: `sequence - back` had been synced, and so may have been acknowledged,
//! when this frame was written. If a broken frame is followed only by frames that were written together with it, nobody
//! was ever told of it and it may be cut off. If a frame behind it says that it had been synced, it is lost data.

/// Bytes before the body: CRC-32C of all that follows, length of the body, sequence, back.
pub(super) const HEADER: usize = 20;

/// A whole frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Frame<'a> {
    /// The entry's place in the journal.
    pub(super) sequence: u64,
    /// Everything up to this sequence was on disk when this frame was written.
    pub(super) synced: u64,
    /// The entry.
    pub(super) body: &'a [u8],
}

impl Frame<'_> {
    /// Bytes it takes.
    pub(super) fn len(&self) -> usize {
        HEADER + self.body.len()
    }
}

/// Appends a frame; `body` writes its body.
pub(super) fn append<E>(
    out: &mut Vec<u8>,
    sequence: u64,
    synced: u64,
    body: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let start = out.len();
    out.resize(start + HEADER, 0);
    body(out)?;
    let length = u32::try_from(out.len() - start - HEADER).unwrap_or(u32::MAX);
    let back = u32::try_from(sequence.saturating_sub(synced)).unwrap_or(u32::MAX);
    let header = &mut out[start..start + HEADER];
    header[4..8].copy_from_slice(&length.to_le_bytes());
    header[8..16].copy_from_slice(&sequence.to_le_bytes());
    header[16..20].copy_from_slice(&back.to_le_bytes());
    let checksum = crc32c::crc32c(&out[start + 4..]);
    out[start..start + 4].copy_from_slice(&checksum.to_le_bytes());
    Ok(())
}

/// Reads the frame at the beginning of `bytes`, or says what is wrong with it.
pub(super) fn parse(bytes: &[u8]) -> Result<Frame<'_>, &'static str> {
    let header = bytes
        .get(..HEADER)
        .ok_or("the file ends inside a frame's head")?;
    let length = u32_at(header, 4) as usize;
    if length == 0 {
        return Err("there is no frame");
    }
    let whole = bytes
        .get(..HEADER + length)
        .ok_or("a frame is longer than the file")?;
    if crc32c::crc32c(&whole[4..]) != u32_at(header, 0) {
        return Err("a frame's checksum is wrong");
    }
    let sequence = u64_at(header, 8);
    let synced = sequence.saturating_sub(u64::from(u32_at(header, 16)));
    Ok(Frame {
        sequence,
        synced,
        body: &whole[HEADER..],
    })
}

/// Whether any frame in `bytes`, at whatever offset, proves that `sequence` had been synced. This is what tells damage
/// from a torn write.
pub(super) fn proves_synced(bytes: &[u8], sequence: u64) -> bool {
    let furthest = sequence.saturating_add((bytes.len() / HEADER) as u64);
    let mut at = 0;
    while at + HEADER <= bytes.len() {
        // A frame's length is never zero: where eight bytes of zeros stand, none can begin in the first four of them.
        let head = &bytes[at..at + HEADER];
        if u64_at(head, 4) == 0 {
            at += 4;
            continue;
        }
        let claimed = u64_at(head, 8);
        if (sequence..=furthest).contains(&claimed)
            && parse(&bytes[at..]).is_ok_and(|frame| frame.synced >= sequence)
        {
            return true;
        }
        at += 1;
    }
    false
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(sequence: u64, synced: u64, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        append(&mut out, sequence, synced, |out| {
            out.extend_from_slice(body);
            Ok::<_, ()>(())
        })
        .unwrap();
        out
    }

    #[test]
    fn a_frame_reads_back() {
        let bytes = frame(7, 5, b"body");
        let read = parse(&bytes).unwrap();
        assert_eq!(
            read,
            Frame {
                sequence: 7,
                synced: 5,
                body: b"body"
            }
        );
        assert_eq!(read.len(), bytes.len());
    }

    #[test]
    fn a_flipped_bit_or_a_missing_byte_is_noticed_anywhere() {
        let bytes = frame(7, 5, b"some body");
        for at in 0..bytes.len() {
            assert!(parse(&bytes[..at]).is_err(), "cut at {at}");
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                assert!(parse(&flipped).is_err(), "bit {bit} of byte {at}");
            }
        }
    }

    #[test]
    fn a_later_frame_proves_that_a_broken_one_had_been_synced() {
        for gap in 0..40 {
            let mut bytes = vec![0; gap];
            bytes.extend(frame(9, 8, b"later"));
            assert!(proves_synced(&bytes, 8), "gap {gap}");
            assert!(!proves_synced(&bytes, 9), "gap {gap}");
        }
        assert!(!proves_synced(&[0; 4096], 1));
    }
}
