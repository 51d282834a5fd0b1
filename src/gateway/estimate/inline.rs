//! Media inside a body, in the way of Anthropic (`source` with `media_type` and `data`) and of Gemini (`inlineData` with
//! `mimeType` and `data`): the base64 text is no prompt, what it stands for is.

use super::len;
use crate::gateway::dialect::walk::Value;

/// What is inside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum What {
    /// A picture.
    Image,
    /// Sound.
    Audio,
    /// A document, a film, or what is not known.
    Document,
}

/// Brings the two members of such an object together, in whichever order they stand.
#[derive(Default)]
pub(super) struct Inline {
    /// Inside of values that a client or a tool makes up: what looks like media there is text.
    free: Option<usize>,
    data: Option<(usize, u64)>,
    what: Option<(usize, What)>,
}

impl Inline {
    /// Sees the next member; gives the bytes of base64 text and what they are once both are known.
    pub(super) fn see(
        &mut self,
        depth: usize,
        key: &[u8],
        value: Value<'_>,
    ) -> Option<(u64, What)> {
        if self.free.is_some_and(|free| depth <= free) {
            self.free = None;
        }
        if self.free.is_some() {
            return None;
        }
        let Some(text) = value.text() else {
            if matches!(
                key,
                b"input" | b"input_schema" | b"args" | b"response" | b"parameters" | b"arguments"
            ) && value.is_object()
            {
                self.free = Some(depth);
            }
            return None;
        };
        match key {
            b"data" => self.data = Some((depth, len(text))),
            b"media_type" | b"mimeType" | b"mime_type" => {
                self.what = what(text).map(|what| (depth, what));
            }
            _ => return None,
        }
        let ((at, bytes), (beside, what)) = (self.data?, self.what?);
        if at != beside {
            return None;
        }
        (self.data, self.what) = (None, None);
        Some((bytes, what))
    }
}

/// `None`: text, which counts as it stands.
fn what(media_type: &[u8]) -> Option<What> {
    match media_type.split(|byte| *byte == b'/').next()? {
        b"image" => Some(What::Image),
        b"audio" => Some(What::Audio),
        b"text" => None,
        _ => Some(What::Document),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::dialect::walk::members;

    fn found(json: &str) -> Vec<(u64, What)> {
        let (mut inline, mut found) = (Inline::default(), Vec::new());
        members(json.as_bytes(), |depth, key, value| {
            found.extend(inline.see(depth, key, value));
        });
        found
    }

    #[test]
    fn media_are_found_in_either_order() {
        let image = r#"{"source":{"type":"base64","media_type":"image/png","data":"AAAA"}}"#;
        assert_eq!(found(image), [(4, What::Image)]);
        let audio = r#"{"parts":[{"inlineData":{"data":"AAAAAAAA","mimeType":"audio/wav"}}]}"#;
        assert_eq!(found(audio), [(8, What::Audio)]);
        let pdf = r#"{"inline_data":{"mime_type":"application/pdf","data":"AA"}}"#;
        assert_eq!(found(pdf), [(2, What::Document)]);
    }

    #[test]
    fn text_that_looks_like_media_is_text() {
        let input = r#"{"input":{"media_type":"image/png","data":"words"},"x":1}"#;
        assert_eq!(found(input), []);
        let text = r#"{"source":{"type":"text","media_type":"text/plain","data":"words"}}"#;
        assert_eq!(found(text), []);
        let apart = r#"{"data":"words","source":{"media_type":"image/png"}}"#;
        assert_eq!(found(apart), []);
    }
}
