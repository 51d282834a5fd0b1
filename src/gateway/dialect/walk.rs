//! Walks over the members of a JSON text without building anything: for reading a few values of many small frames.
//! The text is not checked; broken JSON ends the walk early or shows nonsense, and never fails.

use memchr::memchr2;

/// The value of a member, as far as its first character tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Value<'a> {
    /// A string, between its quotes, escapes left in.
    Text(&'a [u8]),
    /// Any other: the text from its first character on.
    Other(&'a [u8]),
}

impl<'a> Value<'a> {
    /// The string, if it is one.
    pub(crate) fn text(self) -> Option<&'a [u8]> {
        match self {
            Self::Text(text) => Some(text),
            Self::Other(_) => None,
        }
    }

    /// Whether it is an object.
    pub(crate) fn is_object(self) -> bool {
        matches!(self, Self::Other([b'{', ..]))
    }

    /// Whether it is `null`.
    pub(crate) fn is_null(self) -> bool {
        matches!(self, Self::Other([b'n', ..]))
    }
}

/// Shows each member (`depth` 1: of the outermost object) with its key and value; elements of an array that are strings
/// are shown with the key before them.
pub(crate) fn members<'a>(json: &'a [u8], mut visit: impl FnMut(usize, &'a [u8], Value<'a>)) {
    let (mut at, mut depth, mut key) = (0, 0usize, &[][..]);
    while let Some(&byte) = json.get(at) {
        at += 1;
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                let Some(end) = end_of_string(json, at) else {
                    return;
                };
                let text = json.get(at..end).unwrap_or_default();
                at = end + 1;
                match value_after_colon(json, at) {
                    Some(start) => {
                        key = text;
                        at = start;
                        let tail = json.get(start..).unwrap_or_default();
                        if !tail.starts_with(b"\"") {
                            visit(depth, key, Value::Other(tail));
                        }
                    }
                    None => visit(depth, key, Value::Text(text)),
                }
            }
            _ => {}
        }
    }
}

/// The place of the closing quote.
fn end_of_string(json: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let found = at + memchr2(b'"', b'\\', json.get(at..)?)?;
        if json.get(found) == Some(&b'"') {
            return Some(found);
        }
        at = found + 2;
    }
}

/// Where a value starts, if a colon comes first.
fn value_after_colon(json: &[u8], at: usize) -> Option<usize> {
    let colon = skip_space(json, at);
    (json.get(colon) == Some(&b':')).then(|| skip_space(json, colon + 1))
}

fn skip_space(json: &[u8], mut at: usize) -> usize {
    while json.get(at).is_some_and(u8::is_ascii_whitespace) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(json: &str) -> Vec<(usize, String, Option<String>)> {
        let mut all = Vec::new();
        members(json.as_bytes(), |depth, key, value| {
            let own = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            all.push((depth, own(key), value.text().map(own)));
        });
        all
    }

    #[test]
    fn members_are_shown_with_depth_key_and_text() {
        let own =
            |depth, key: &str, text: Option<&str>| (depth, key.to_owned(), text.map(str::to_owned));
        assert_eq!(
            shown(r#"{"a" : "x\"y", "b":{"c":null,"d":["e","f"]},"g":""}"#),
            [
                own(1, "a", Some("x\\\"y")),
                own(1, "b", None),
                own(2, "c", None),
                own(2, "d", None),
                own(3, "d", Some("e")),
                own(3, "d", Some("f")),
                own(1, "g", Some("")),
            ]
        );
    }

    #[test]
    fn text_that_looks_like_a_member_is_text() {
        assert_eq!(shown(r#"{"content":"\"usage\":{"}"#).len(), 1);
    }

    proptest! {
        #[test]
        fn nothing_makes_it_fail(text in r#"["\\{}\[\]:, a\n]{0,60}"#) {
            members(text.as_bytes(), |_, _, _| {});
        }
    }
}
