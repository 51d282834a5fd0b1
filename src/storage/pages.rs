//! Pages of the call log: up to 512 calls, compressed, each with a summary that says what may be in it, so that a query
//! opens only the pages that can match.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use super::codec;
use super::error::CodecError;
use super::filter::CallFilter;
use crate::domain::{Call, CallId, CallStatus, Day, Timestamp};

/// The most calls that a page holds.
pub(super) const FULL: usize = 512;

/// The fastest level: a call log compresses well at any.
const LEVEL: i32 = 1;

/// The most that a page may unpack to; a damaged length must not exhaust memory.
const LARGEST: usize = 64 << 20;

/// A call of the log and the sequence of the entry that ended it.
pub(super) type Line = (u64, Arc<Call>);

/// What may be in a page. Kept in memory for every page.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Summary {
    pub(super) day: Day,
    /// Sequences of its first and last line.
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) count: u32,
    /// When the earliest and the latest of its calls arrived.
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    /// The least and the greatest id of its calls.
    pub(super) ids: (CallId, CallId),
    /// Hashes, sorted.
    keys: Box<[u32]>,
    accounts: Box<[u32]>,
    models: Box<[u32]>,
    channels: Box<[u32]>,
    /// One bit for each status.
    statuses: u8,
    /// Of the page as it is stored.
    pub(super) digest: u128,
}

/// A page ready to be stored.
#[derive(Clone, Debug)]
pub(super) struct Page {
    pub(super) summary: Arc<Summary>,
    pub(super) bytes: Vec<u8>,
}

impl Summary {
    /// The page's key in the tree of its day.
    pub(super) fn key(&self) -> [u8; 16] {
        let mut key = [0; 16];
        key[..8].copy_from_slice(&self.first.to_be_bytes());
        key[8..].copy_from_slice(&self.last.to_be_bytes());
        key
    }

    /// Whether any of its calls may be asked for.
    pub(super) fn may_match(&self, wanted: &Wanted<'_>) -> bool {
        let any = |hashes: &Option<Vec<u32>>, mine: &[u32]| {
            hashes
                .as_ref()
                .is_none_or(|hashes| hashes.iter().any(|hash| mine.binary_search(hash).is_ok()))
        };
        wanted.filter.from.is_none_or(|from| self.to >= from)
            && wanted.filter.to.is_none_or(|to| self.from < to)
            && wanted.statuses & self.statuses != 0
            && any(&wanted.keys, &self.keys)
            && any(&wanted.accounts, &self.accounts)
            && any(&wanted.models, &self.models)
            && any(&wanted.channels, &self.channels)
    }

    /// Whether the page may hold this call.
    pub(super) fn may_hold(&self, id: CallId) -> bool {
        (self.ids.0..=self.ids.1).contains(&id)
    }
}

/// A filter with its hashes.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    filter: &'a CallFilter,
    keys: Option<Vec<u32>>,
    accounts: Option<Vec<u32>>,
    models: Option<Vec<u32>>,
    channels: Option<Vec<u32>>,
    statuses: u8,
}

impl<'a> Wanted<'a> {
    pub(super) fn new(filter: &'a CallFilter) -> Self {
        Self {
            filter,
            keys: filter
                .keys
                .as_ref()
                .map(|keys| keys.iter().map(|key| hash(key.as_bytes())).collect()),
            accounts: filter.accounts.map(|id| vec![hash(id.as_bytes())]),
            models: filter
                .model
                .as_ref()
                .map(|model| vec![hash(model.as_bytes())]),
            channels: filter.channel.map(|id| vec![hash(id.as_bytes())]),
            statuses: filter.status.map_or(u8::MAX, bit),
        }
    }
}

fn hash(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
}

/// The numbers are stored.
const fn bit(status: CallStatus) -> u8 {
    match status {
        CallStatus::Ok => 1,
        CallStatus::Error => 2,
        CallStatus::Cancelled => 4,
        CallStatus::Interrupted => 8,
    }
}

fn hashes<'a>(bytes: impl Iterator<Item = &'a [u8]>) -> Box<[u32]> {
    let mut hashes: Vec<u32> = bytes.map(hash).collect();
    hashes.sort_unstable();
    hashes.dedup();
    hashes.into()
}

/// Makes a page of some lines of a day; `None` of no lines.
pub(super) fn encode(day: Day, lines: &[Line]) -> Result<Option<Page>, CodecError> {
    let (Some((first, _)), Some((last, _))) = (lines.first(), lines.last()) else {
        return Ok(None);
    };
    let calls = || lines.iter().map(|(_, call)| call);
    let times = || calls().map(|call| call.opened.started_at);
    let ids = || calls().map(|call| call.opened.id);
    let (Some(from), Some(to), Some(least), Some(greatest)) =
        (times().min(), times().max(), ids().min(), ids().max())
    else {
        return Ok(None);
    };
    let plain = codec::encode(
        &lines
            .iter()
            .map(|(sequence, call)| (*sequence, &**call))
            .collect::<Vec<_>>(),
    )?;
    let length = u32::try_from(plain.len())
        .map_err(|_| CodecError::Malformed("a page is too large".into()))?;
    let packed = zstd::bulk::compress(&plain, LEVEL)
        .map_err(|error| CodecError::Malformed(error.to_string()))?;
    let mut bytes = Vec::with_capacity(4 + packed.len());
    bytes.extend(length.to_le_bytes());
    bytes.extend(packed);
    let summary = Summary {
        day,
        first: *first,
        last: *last,
        count: u32::try_from(lines.len()).unwrap_or(u32::MAX),
        from,
        to,
        ids: (least, greatest),
        keys: hashes(calls().map(|call| &call.opened.key_id.as_bytes()[..])),
        accounts: hashes(calls().map(|call| &call.opened.account_id.as_bytes()[..])),
        models: hashes(calls().map(|call| call.opened.model.as_bytes())),
        channels: hashes(
            calls()
                .filter_map(|call| call.outcome.channel_id.as_ref())
                .map(|id| &id.as_bytes()[..]),
        ),
        statuses: calls().fold(0, |bits, call| bits | bit(call.outcome.status)),
        digest: digest(&bytes),
    };
    Ok(Some(Page {
        summary: Arc::new(summary),
        bytes,
    }))
}

/// The digest of a stored page.
pub(super) fn digest(bytes: &[u8]) -> u128 {
    xxh3_128(bytes)
}

/// The lines of a stored page.
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<(u64, Call)>, CodecError> {
    let (length, packed) = bytes.split_first_chunk::<4>().ok_or(CodecError::Empty)?;
    let length = (u32::from_le_bytes(*length) as usize).min(LARGEST);
    let plain = zstd::bulk::decompress(packed, length)
        .map_err(|error| CodecError::Malformed(error.to_string()))?;
    codec::decode(&plain)
}
