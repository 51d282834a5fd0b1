//! What an answer says that it is. A browser takes a provider's word for it, and the words are under our name: so JSON is
//! called JSON, a stream a stream, and of the rest only what can do nothing in a page is called what its provider calls it.

use actix_web::http::header::{self, HeaderName, HeaderValue};

/// What is known of an answer's body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Known {
    /// It was read as JSON.
    Json,
    /// A stream of events.
    Events,
    /// Plain text, subtitles among it.
    Text,
    /// Bytes that nobody read.
    Bytes,
}

/// Whether an answer says that it is JSON, by its `Content-Type`.
pub(crate) fn is_json(kind: &str) -> bool {
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json") || essence.ends_with("+json")
}

impl Known {
    /// An error's body, as far as that can be told.
    pub(crate) fn of_error(body: &[u8]) -> Self {
        if serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok() {
            Self::Json
        } else {
            Self::Text
        }
    }

    /// Puts the right `Content-Type` in the place of the provider's.
    pub(crate) fn replace(self, headers: &mut Vec<(HeaderName, HeaderValue)>) {
        let at = headers
            .iter()
            .position(|(name, _)| *name == header::CONTENT_TYPE);
        let theirs = at.map(|at| headers.swap_remove(at).1);
        let theirs = theirs.filter(|value| self.allows(value));
        let ours = theirs.unwrap_or_else(|| HeaderValue::from_static(self.plain()));
        headers.push((header::CONTENT_TYPE, ours));
    }

    const fn plain(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Events => "text/event-stream",
            Self::Text => "text/plain; charset=utf-8",
            Self::Bytes => "application/octet-stream",
        }
    }

    fn allows(self, theirs: &HeaderValue) -> bool {
        let Ok(theirs) = theirs.to_str() else {
            return false;
        };
        let essence = theirs.split(';').next().unwrap_or_default().trim();
        let is = |names: &[&str]| names.iter().any(|name| essence.eq_ignore_ascii_case(name));
        match self {
            Self::Json => is(&["application/json"]),
            Self::Events => is(&["text/event-stream"]),
            Self::Text => is(&[
                "text/plain",
                "text/vtt",
                "text/srt",
                "application/srt",
                "application/x-subrip",
            ]),
            Self::Bytes => essence
                .get(..6)
                .is_some_and(|start| start.eq_ignore_ascii_case("audio/")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(known: Known, theirs: Option<&'static str>) -> String {
        let mut headers = vec![(header::RETRY_AFTER, HeaderValue::from_static("1"))];
        headers.extend(theirs.map(|value| (header::CONTENT_TYPE, HeaderValue::from_static(value))));
        known.replace(&mut headers);
        assert_eq!(headers.len(), 2);
        headers[1].1.to_str().unwrap().to_owned()
    }

    #[test]
    fn nothing_is_called_what_a_browser_would_run() {
        for (known, theirs, expected) in [
            (Known::Json, Some("text/html"), "application/json"),
            (Known::Json, None, "application/json"),
            (
                Known::Json,
                Some("application/json; charset=utf-8"),
                "application/json; charset=utf-8",
            ),
            (Known::Events, Some("text/html"), "text/event-stream"),
            (
                Known::Events,
                Some("Text/Event-Stream;charset=utf-8"),
                "Text/Event-Stream;charset=utf-8",
            ),
            (Known::Text, Some("text/html"), "text/plain; charset=utf-8"),
            (Known::Text, Some("text/vtt"), "text/vtt"),
            (
                Known::Bytes,
                Some("image/svg+xml"),
                "application/octet-stream",
            ),
            (Known::Bytes, Some("audio/mpeg"), "audio/mpeg"),
        ] {
            assert_eq!(said(known, theirs), expected, "{known:?} {theirs:?}");
        }
        assert_eq!(Known::of_error(b" {\"error\": \"<script>\"}"), Known::Json);
        assert_eq!(Known::of_error(b"<html>"), Known::Text);
    }
}
