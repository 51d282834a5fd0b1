//! OpenAI completions, the older interface: as chat, with the model's words in `text`.
//! Reference: OpenAI API reference, "Completions".

use serde_json::json;

use super::told::{CutOff, Seen, Written};
use super::{chat, walk};

pub(super) fn read_frame(data: &[u8], written: &mut Written) -> Seen {
    chat::frame_with(data, |key, text| {
        let wrote = key == b"text" && !text.is_empty();
        if wrote {
            written.push(text);
        }
        wrote
    })
}

pub(super) fn read_written(answer: &[u8], written: &mut Written) {
    walk::members(answer, |_, key, value| {
        if key == b"text"
            && let Some(text) = value.text()
        {
            written.push(text);
        }
    });
}

pub(super) fn cut_off(cut: &CutOff<'_>) -> String {
    chat::cut_off_with(
        cut,
        |index| json!({"text": "", "index": index, "logprobs": null, "finish_reason": "length"}),
    )
}
