//! Wire formats: what is read of an answer in each. One file a dialect; none changes a byte of what passes through.

mod audio;
mod chat;
mod completions;
mod count;
pub mod crossing;
mod embeddings;
mod event;
pub(crate) mod fault;
mod gemini;
mod images;
mod messages;
mod number;
mod opening;
mod report;
mod rerank;
mod responses;
mod told;
mod usage;
pub(crate) mod walk;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::sse::Frame;
use crate::domain::{Dialect, Endpoint, Error, Pieces, Usage};

pub(crate) use opening::Opening;
pub use report::Report;
pub(crate) use told::CutOff;
pub use told::{NotJson, Seen, Told, Written};
pub(crate) use usage::read as read_usage;

/// Reads a frame of a streamed answer; what the model wrote is added to `written`.
pub fn read_frame(endpoint: Endpoint, frame: &[u8], written: &mut Written) -> Seen {
    let frame = Frame::read(frame);
    let Some(data) = frame.data.as_deref() else {
        return Seen::default();
    };
    match endpoint {
        Endpoint::Chat
        | Endpoint::Embeddings
        | Endpoint::CountTokens
        | Endpoint::EmbedContent
        | Endpoint::Moderations
        | Endpoint::Rerank
        | Endpoint::Realtime => chat::read_frame(data, written),
        Endpoint::Completions => completions::read_frame(data, written),
        Endpoint::Images | Endpoint::ImageEdits => images::read_frame(data),
        Endpoint::Speech => audio::read_speech(data),
        Endpoint::Transcriptions | Endpoint::Translations => audio::read_heard(data, written),
        Endpoint::Responses => responses::read_frame(data, written),
        Endpoint::Messages => messages::read_frame(data, written),
        Endpoint::GenerateContent => gemini::read_frame(data, written),
    }
}

/// Reads a whole answer.
///
/// # Errors
/// When it is not a whole JSON object.
pub fn read_answer(endpoint: Endpoint, answer: &[u8]) -> Result<Told, NotJson> {
    #[derive(Deserialize)]
    struct Answer<'a> {
        #[serde(borrow)]
        usage: Option<&'a RawValue>,
        #[serde(borrow)]
        meta: Option<&'a RawValue>,
        #[serde(borrow)]
        error: Option<&'a RawValue>,
    }
    let read: Answer<'_> = serde_json::from_slice(answer).map_err(|_| NotJson)?;
    let usage = match endpoint {
        Endpoint::Messages => read.usage.and_then(messages::report),
        Endpoint::GenerateContent => gemini::report(answer),
        Endpoint::EmbedContent => gemini::report(answer).and_then(nothing_written),
        // Nothing is used by counting.
        Endpoint::CountTokens => Some(Report::of(&Usage::default())),
        Endpoint::Rerank => rerank::usage(read.usage, read.meta),
        Endpoint::Images | Endpoint::ImageEdits => images::report(answer),
        Endpoint::Transcriptions | Endpoint::Translations => {
            read.usage.and_then(audio::heard_usage)
        }
        Endpoint::Responses => responses::report(answer),
        Endpoint::Embeddings | Endpoint::Moderations => {
            chat::report(answer).and_then(nothing_written)
        }
        Endpoint::Chat | Endpoint::Completions | Endpoint::Speech | Endpoint::Realtime => {
            chat::report(answer)
        }
    };
    Ok(Told {
        usage,
        pieces: pieces(endpoint, answer),
        error: read.error.is_some(),
    })
}

/// The report of an answer that has no words: what is in its sum is input, and nothing at all cannot be.
fn nothing_written(told: Report) -> Option<Report> {
    let told = Report {
        input: told.input.or(told.total),
        output: Some(told.output.unwrap_or(0)),
        total: None,
        ..told
    };
    (!told.is_empty()).then_some(told)
}

/// What a whole answer holds of what is billed by the piece.
fn pieces(endpoint: Endpoint, answer: &[u8]) -> Pieces {
    if matches!(endpoint, Endpoint::Images | Endpoint::ImageEdits) {
        images::pieces(answer)
    } else if matches!(endpoint, Endpoint::Transcriptions | Endpoint::Translations) {
        audio::pieces(answer)
    } else {
        Pieces::default()
    }
}

/// Whether an endpoint's whole answer may be plain text.
pub(crate) fn may_be_text(endpoint: Endpoint) -> bool {
    matches!(endpoint, Endpoint::Transcriptions | Endpoint::Translations)
}

/// Reads a whole answer of text; `None`: the endpoint has none.
pub(crate) fn read_text(endpoint: Endpoint, answer: &[u8]) -> Option<Told> {
    may_be_text(endpoint).then(|| audio::read_text(answer))
}

/// Collects what the model wrote in a whole answer.
pub(crate) fn read_written(endpoint: Endpoint, answer: &[u8], written: &mut Written) {
    match endpoint {
        Endpoint::Chat => chat::read_written(answer, written),
        Endpoint::Completions => completions::read_written(answer, written),
        Endpoint::Responses => responses::read_written(answer, written),
        Endpoint::Messages => messages::read_written(answer, written),
        Endpoint::GenerateContent => gemini::read_written(answer, written),
        Endpoint::Transcriptions | Endpoint::Translations => audio::read_written(answer, written),
        Endpoint::Embeddings
        | Endpoint::CountTokens
        | Endpoint::EmbedContent
        | Endpoint::Moderations
        | Endpoint::Rerank
        | Endpoint::Images
        | Endpoint::ImageEdits
        | Endpoint::Speech
        | Endpoint::Realtime => {
            embeddings::read_written(answer, written);
        }
    }
}

/// The frame that tells a client that its stream has failed. The official SDKs raise an error at a `data` frame with an
/// `error` object; one of the responses and messages dialects is also the `error` event of that dialect.
pub(crate) fn error_frame(endpoint: Endpoint, error: &Error) -> String {
    match endpoint.dialect() {
        Some(Dialect::Responses) => responses::error_frame(error),
        Some(Dialect::Messages) => messages::error_frame(error),
        Some(Dialect::Gemini) => gemini::error_frame(error),
        Some(Dialect::Chat) | None => chat::error_frame(error),
    }
}

/// The frames that end a stream at its output limit, as a provider would end it there.
pub(crate) fn cut_off(endpoint: Endpoint, cut: &CutOff<'_>) -> String {
    match endpoint.dialect() {
        Some(Dialect::Responses) => responses::cut_off(cut),
        Some(Dialect::Messages) => messages::cut_off(cut),
        Some(Dialect::Gemini) => gemini::cut_off(cut),
        None if endpoint == Endpoint::Completions => completions::cut_off(cut),
        Some(Dialect::Chat) | None => chat::cut_off(cut),
    }
}

pub(crate) use count::counted;

#[cfg(test)]
mod tests;
