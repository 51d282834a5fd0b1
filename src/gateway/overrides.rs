//! What an operator sets in the body of every request of a channel, over what the client sent. Only the outermost object is
//! looked at; what is not overridden keeps its text and its place.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::members::Members;

/// Puts the overrides (name to JSON text) into a JSON body; `null` takes a field out. Without any, and where the body is no
/// object, it is left as it is.
pub(super) fn apply(body: Bytes, overrides: &BTreeMap<String, String>) -> Bytes {
    if overrides.is_empty() {
        return body;
    }
    let Some(mut members) = Members::read(&body) else {
        return body;
    };
    for (name, value) in overrides {
        match value.as_str() {
            "null" => members.remove(name),
            value => members.set(name, value),
        }
    }
    members.write()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(body: &'static str, overrides: &[(&str, &str)]) -> Bytes {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        apply(
            Bytes::from_static(body.as_bytes()),
            &overrides.iter().map(own).collect(),
        )
    }

    #[test]
    fn what_is_set_replaces_null_takes_out_and_the_rest_keeps_its_text() {
        for (body, overrides, want) in [
            ("{ \"a\" : 1.0 }", &[][..], "{ \"a\" : 1.0 }"),
            (
                r#"{"a": 1.00, "temperature": 2, "b\"":[ 1 ]}"#,
                &[("temperature", "0.5"), ("top_p", r#"{"x":1}"#)],
                r#"{"a":1.00,"b\"":[ 1 ],"temperature":0.5,"top_p":{"x":1}}"#,
            ),
            (r#"{"a":1,"u":1,"u":2}"#, &[("u", "null")], r#"{"a":1}"#),
            (r#"{"u":1}"#, &[("u", "null")], "{}"),
            ("[1]", &[("u", "1")], "[1]"),
        ] {
            assert_eq!(applied(body, overrides), want);
        }
    }

    #[test]
    fn a_name_written_with_escapes_is_the_same_name() {
        assert_eq!(applied(r#"{"\u0075":1}"#, &[("u", "2")]), r#"{"u":2}"#);
    }
}
