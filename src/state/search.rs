//! What lists are searched for: part of a text, without regard to case.

/// Part of a text that is looked for; nothing at all is found everywhere.
pub(super) struct Needle(String);

impl Needle {
    pub(super) fn new(text: &str) -> Self {
        Self(text.trim().to_lowercase())
    }

    /// Whether it is in this text. Asked of very many, so that the common case, ASCII on either side, allocates nothing.
    pub(super) fn is_in(&self, text: &str) -> bool {
        let needle = self.0.as_bytes();
        if needle.is_empty() {
            return true;
        }
        if self.0.is_ascii() || text.is_ascii() {
            return text
                .as_bytes()
                .windows(needle.len())
                .any(|part| part.eq_ignore_ascii_case(needle));
        }
        text.to_lowercase().contains(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_found_without_regard_to_case() {
        for (needle, text, found) in [
            ("", "", true),
            (" ", "anything", true),
            ("CHAT", "website chat", true),
            ("chat", "Website CHAT", true),
            ("chat", "cha", false),
            ("ÄRGER", "kein Ärger", true),
            ("é", "plain", false),
            ("plain", "é, Plain", true),
            ("straße", "STRASSE", false),
            ("ÉTÉ", "l'été", true),
            ("···x9Q", "sk-real2···X9qa", true),
        ] {
            assert_eq!(Needle::new(needle).is_in(text), found, "{needle} {text}");
        }
    }
}
