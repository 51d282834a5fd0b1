//! What a provider said of an error, as the call log keeps it: short, and without the channel's secrets.

use bytes::Bytes;

use super::dialect::fault::Words;

/// The most that the call log keeps, in bytes.
const MOST: usize = 512;

/// Takes the channel's secrets out, should the provider repeat one.
pub(super) fn scrub<'a>(said: Bytes, secrets: impl IntoIterator<Item = &'a str>) -> Bytes {
    secrets.into_iter().fold(said, |said, secret| {
        if secret.is_empty() || memchr::memmem::find(&said, secret.as_bytes()).is_none() {
            return said;
        }
        Bytes::from(String::from_utf8_lossy(&said).replace(secret, "***"))
    })
}

/// The same of words.
pub(super) fn scrubbed<'a>(said: String, secrets: impl IntoIterator<Item = &'a str>) -> String {
    String::from_utf8_lossy(&scrub(Bytes::from(said), secrets)).into_owned()
}

/// What an error's body says, for the call log: its message, if it has one where all providers have it.
pub(super) fn words(body: &[u8]) -> String {
    let read = Words::read(body);
    let message = read.as_ref().map(Words::message);
    let text = message
        .filter(|message| !message.is_empty())
        .map_or_else(|| String::from_utf8_lossy(body).into_owned(), str::to_owned);
    cut(text.trim().to_owned())
}

/// Cut to what the call log keeps.
pub(super) fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MOST));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_gets_the_providers_words_but_no_credential() {
        assert_eq!(words(br#"{"error":{"message":"Too long."}}"#), "Too long.");
        assert_eq!(words(br#"{"error":"Too long."}"#), "Too long.");
        assert_eq!(words(br#"{"detail":"Too long."}"#), "Too long.");
        assert_eq!(words(br#"{"message":"Too long."}"#), "Too long.");
        assert_eq!(
            words(br#"[{"error":{"message":"Too long."}}]"#),
            "Too long."
        );
        assert_eq!(words(br#"{"error":{"code":5}}"#), r#"{"error":{"code":5}}"#);
        assert_eq!(words(b"<html>Too long.\n"), "<html>Too long.");
        assert_eq!(words("é".repeat(600).as_bytes()).len(), 512);
        assert_eq!(
            scrub(
                Bytes::from_static(b"bad key sk-abc of ada!"),
                ["sk-abc", "ada"]
            ),
            "bad key *** of ***!"
        );
        assert_eq!(scrub(Bytes::from_static(b"bad"), None), "bad");
    }
}
