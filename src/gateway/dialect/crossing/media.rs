//! Images, documents and recordings: inside a message, or by their address.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Dialect;
use super::conversation::{Content, Part, Request};

/// An image, a document or a recording.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Media {
    /// What it is.
    pub kind: Kind,
    /// Where it is.
    pub source: Source,
    /// A file name or title.
    pub name: Option<String>,
    /// How closely to look at it, in OpenAI's words.
    pub detail: Option<String>,
}

/// What it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A picture.
    Image,
    /// A file to read.
    Document,
    /// Sound, or a film.
    Recording,
}

impl Kind {
    /// What a media type says.
    pub fn of(media_type: &str) -> Self {
        match media_type.split('/').next() {
            Some("image") => Self::Image,
            Some("audio" | "video") => Self::Recording,
            _ => Self::Document,
        }
    }
}

/// Where it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// Inside the message.
    Data {
        /// Its media type.
        media_type: String,
        /// The bytes in base64, as written.
        base64: String,
    },
    /// At an address.
    Url {
        /// The address.
        url: String,
        /// Its media type, if told.
        media_type: Option<String>,
    },
    /// Plain text.
    Text(String),
}

/// Base64 in the standard alphabet and padded, from either alphabet (RFC 4648, 4 and 5): Google takes and its SDKs write the
/// one that is safe in addresses, the other providers refuse it.
pub(super) fn standard_base64(written: String) -> String {
    let is_standard = written.len().is_multiple_of(4) && !written.contains(['-', '_']);
    if is_standard {
        return written;
    }
    let mut standard = written.replace('-', "+").replace('_', "/");
    while !standard.len().is_multiple_of(4) {
        standard.push('=');
    }
    standard
}

impl Source {
    /// What an address says: one that begins with `data:` holds the bytes itself.
    pub fn of_url(url: String) -> Self {
        let data = url
            .strip_prefix("data:")
            .and_then(|rest| rest.split_once(','))
            .and_then(|(head, data)| Some((head.strip_suffix(";base64")?, data)));
        match data {
            Some((head, data)) => Self::Data {
                media_type: head.split(';').next().unwrap_or(head).to_owned(),
                base64: data.to_owned(),
            },
            None => Self::Url {
                url,
                media_type: None,
            },
        }
    }

    /// The address; one that begins with `data:` for bytes.
    pub fn to_url(&self) -> String {
        match self {
            Self::Data { media_type, base64 } => format!("data:{media_type};base64,{base64}"),
            Self::Url { url, .. } => url.clone(),
            Self::Text(text) => format!("data:text/plain;base64,{}", STANDARD.encode(text)),
        }
    }

    /// The text of a text file.
    pub fn as_text(&self) -> Option<String> {
        match self {
            Self::Data { media_type, base64 } if media_type.starts_with("text/") => {
                String::from_utf8(STANDARD.decode(base64).ok()?).ok()
            }
            Self::Text(text) => Some(text.clone()),
            Self::Data { .. } | Self::Url { .. } => None,
        }
    }
}

impl Media {
    /// Whether a channel of this dialect must be given the bytes because it does not fetch them.
    fn must_be_fetched(&self, dialect: Dialect) -> bool {
        let Source::Url { url, .. } = &self.source else {
            return false;
        };
        match dialect {
            // Chat takes the address of an image, and of nothing else.
            Dialect::Chat => self.kind != Kind::Image,
            Dialect::Responses => false,
            Dialect::Messages => !url.starts_with("https://"),
            // Google fetches what is at Google's.
            Dialect::Gemini => !at_googles(url),
        }
    }
}

/// Files of the Gemini API, of Google's storage, and films on YouTube.
fn at_googles(url: &str) -> bool {
    [
        "gs://",
        "https://generativelanguage.googleapis.com/",
        "https://www.youtube.com/",
        "https://youtu.be/",
    ]
    .iter()
    .any(|beginning| url.starts_with(beginning))
}

impl Request {
    /// The addresses whose bytes a channel of this dialect must be given: the caller fetches each (guarded: the addresses
    /// are the client's), and hands it to [`Request::supply`] before the request is written.
    pub fn to_fetch(&self, dialect: Dialect) -> Vec<String> {
        let mut urls = Vec::new();
        for message in &self.messages {
            addresses(&message.parts, dialect, &mut urls);
        }
        urls.sort_unstable();
        urls.dedup();
        urls
    }

    /// Puts the bytes found at an address in its place, wherever it is named.
    pub fn supply(&mut self, url: &str, media_type: &str, bytes: &[u8]) {
        let base64 = STANDARD.encode(bytes);
        for message in &mut self.messages {
            supply(&mut message.parts, url, media_type, &base64);
        }
    }
}

fn addresses(parts: &[Part], dialect: Dialect, urls: &mut Vec<String>) {
    for part in parts {
        match &part.content {
            Content::Media(media) if media.must_be_fetched(dialect) => {
                if let Source::Url { url, .. } = &media.source {
                    urls.push(url.clone());
                }
            }
            Content::Result(result) => addresses(&result.parts, dialect, urls),
            Content::Media(_)
            | Content::Text(_)
            | Content::Refusal(_)
            | Content::Thinking(_)
            | Content::Call(_) => {}
        }
    }
}

fn supply(parts: &mut [Part], address: &str, found: &str, bytes: &str) {
    for part in parts {
        match &mut part.content {
            Content::Media(media) => {
                if matches!(&media.source, Source::Url { url, .. } if url == address) {
                    media.source = Source::Data {
                        media_type: found.to_owned(),
                        base64: bytes.to_owned(),
                    };
                }
            }
            Content::Result(result) => supply(&mut result.parts, address, found, bytes),
            Content::Text(_) | Content::Refusal(_) | Content::Thinking(_) | Content::Call(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_alphabets_of_base64_are_read() {
        for (written, standard) in [
            ("+/8=", "+/8="),
            ("-_8=", "+/8="),
            ("-_8", "+/8="),
            ("_w", "/w=="),
            ("AAAA", "AAAA"),
            ("", ""),
        ] {
            assert_eq!(standard_base64(written.to_owned()), standard);
        }
    }
    use crate::gateway::dialect::crossing::conversation::{CallResult, Message, Role};

    fn at(url: &str, kind: Kind) -> Part {
        Content::Media(Media {
            kind,
            source: Source::of_url(url.to_owned()),
            name: None,
            detail: None,
        })
        .into()
    }

    #[test]
    fn an_address_of_data_is_data() {
        let source = Source::of_url("data:image/png;base64,AAAA".to_owned());
        assert_eq!(
            source,
            Source::Data {
                media_type: "image/png".to_owned(),
                base64: "AAAA".to_owned()
            }
        );
        assert_eq!(source.to_url(), "data:image/png;base64,AAAA");
        assert_eq!(
            Source::of_url("data:text/plain;charset=utf-8;base64,SGk=".to_owned())
                .as_text()
                .as_deref(),
            Some("Hi")
        );
    }

    #[test]
    fn each_dialect_says_what_it_does_not_fetch_itself() {
        let result = Content::Result(CallResult {
            id: "call_1".to_owned(),
            parts: vec![at("http://c/3.png", Kind::Image)],
            failed: false,
        });
        let mut request = Request {
            messages: vec![Message::new(
                Role::User,
                vec![
                    at("https://a/1.png", Kind::Image),
                    at("https://b/2.pdf", Kind::Document),
                    at("gs://bucket/film", Kind::Recording),
                    result.into(),
                ],
            )],
            ..Request::default()
        };
        assert_eq!(
            request.to_fetch(Dialect::Chat),
            ["gs://bucket/film", "https://b/2.pdf"]
        );
        assert!(request.to_fetch(Dialect::Responses).is_empty());
        assert_eq!(
            request.to_fetch(Dialect::Messages),
            ["gs://bucket/film", "http://c/3.png"]
        );
        assert_eq!(
            request.to_fetch(Dialect::Gemini),
            ["http://c/3.png", "https://a/1.png", "https://b/2.pdf"]
        );
        for url in request.to_fetch(Dialect::Gemini) {
            request.supply(&url, "image/png", b"png");
        }
        assert!(request.to_fetch(Dialect::Gemini).is_empty());
    }
}
