//! A response under way: its bill, and what it is charged for where its provider does not say.

use super::super::bill::Bill;
use super::events::Coding;
use crate::clock::Tick;
use crate::domain::{Media, Usage};

/// A response under way.
pub(super) struct Answer {
    pub(super) bill: Bill,
    /// What counts before anything of it has come.
    prompt: u64,
    /// Bytes of base64 that were spoken.
    audio: u64,
    begun: bool,
}

impl Answer {
    /// One that begins, to a prompt that is likely so long.
    pub(super) fn new(bill: Bill, prompt: u64) -> Self {
        Self {
            bill,
            prompt,
            audio: 0,
            begun: false,
        }
    }

    /// A piece of it goes to the client: text, as it stands between its quotes, or base64 of audio.
    pub(super) fn note(&mut self, spoken: bool, piece: &[u8], now: Tick) {
        if spoken {
            let bytes = u64::try_from(piece.len()).unwrap_or(u64::MAX);
            self.audio = self.audio.saturating_add(bytes);
        } else {
            self.bill.written().push(piece);
        }
        if !std::mem::replace(&mut self.begun, true) {
            let started = self.bill.open().map(|open| open.started());
            let first = started.map(|started| now.micros_since(started));
            self.bill.draft(|draft| draft.first_token_us = first);
        }
    }

    /// What of it counts as used, where the provider does not say: a second that was spoken is twenty tokens.
    pub(super) fn guess(&mut self, spoken: Coding) {
        let bytes_a_token = match spoken {
            Coding::Pcm => 3_200,
            Coding::Narrow => 533,
        };
        let audio = self.audio / bytes_a_token;
        self.bill.guess(Usage {
            prompt: self.prompt,
            completion: audio,
            audio: Media {
                output: audio,
                ..Media::default()
            },
            ..Usage::default()
        });
    }

    /// The most tokens that it adds to the prompts to come.
    pub(super) fn bound(&mut self) -> u64 {
        let written = self.bill.written().bytes();
        written.saturating_add(self.audio / 500)
    }
}
