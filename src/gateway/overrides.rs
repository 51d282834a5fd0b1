//! What an operator sets in the body of every request of a channel, over what the client sent. Only the outermost object is
//! looked at; what is not overridden keeps its text and its place.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Puts the overrides (name to JSON text) into a JSON body; `null` takes a field out. Without any, and where the body is no
/// object, it is left as it is.
pub(super) fn apply(body: Bytes, overrides: &BTreeMap<String, String>) -> Bytes {
    if overrides.is_empty() {
        return body;
    }
    let Ok(Members(members)) = serde_json::from_slice(&body) else {
        return body;
    };
    let kept = members
        .iter()
        .filter(|(name, _)| !overrides.contains_key(name));
    let kept = kept.map(|(name, value)| (name, value.get()));
    let set = overrides.iter().filter(|(_, value)| *value != "null");
    let set = set.map(|(name, value)| (name, value.as_str()));
    let mut out = String::with_capacity(body.len());
    for (name, value) in kept.chain(set) {
        out.push(if out.is_empty() { '{' } else { ',' });
        out.push_str(&serde_json::Value::from(name.as_str()).to_string());
        out.push(':');
        out.push_str(value);
    }
    if out.is_empty() {
        out.push('{');
    }
    out.push('}');
    out.into()
}

/// The members of an object in their order, each value as its text.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Read).map(Members)
    }
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
