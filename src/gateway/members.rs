//! The outermost object of a JSON body, member by member: what is not touched keeps its text and its place.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of an object in their order, each value as its JSON text.
pub(super) struct Members<'a>(Vec<(String, Cow<'a, str>)>);

impl<'a> Members<'a> {
    /// Reads a body; `None`: it is no object.
    pub(super) fn read(body: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    /// Each member, with its value as JSON text.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let members = self.0.iter();
        members.map(|(name, value)| (name.as_str(), value.as_ref()))
    }

    /// The value of a member, as its JSON text.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut members = self.0.iter();
        members
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.as_ref())
    }

    /// Takes a member out, however often it is there.
    pub(super) fn remove(&mut self, name: &str) {
        self.0.retain(|(own, _)| own != name);
    }

    /// Puts a member at the end, in place of one of that name.
    pub(super) fn set(&mut self, name: &str, json: impl Into<Cow<'a, str>>) {
        self.remove(name);
        self.0.push((name.to_owned(), json.into()));
    }

    /// Gives a member another name.
    pub(super) fn rename(&mut self, name: &str, new: &str) {
        let named = self.0.iter_mut().filter(|(own, _)| own == name);
        named.for_each(|(own, _)| new.clone_into(own));
    }

    /// The body.
    pub(super) fn write(&self) -> Bytes {
        let mut out = String::new();
        for (name, value) in &self.0 {
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
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    members.push((name, Cow::Borrowed(value.get())));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Read)
    }
}
