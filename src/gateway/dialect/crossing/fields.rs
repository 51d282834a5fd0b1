//! Reads the members of a JSON object by name and says of each that is wrong where it stands: a request that crosses into
//! another dialect must not lose a member that nobody looked at.

use serde_json::{Map, Number, Value};

use crate::domain::{Code, Error, Result};

/// The members of an object that have not been taken yet, and where the object stands.
#[derive(Debug)]
pub(super) struct Fields {
    path: String,
    members: Map<String, Value>,
}

impl Fields {
    /// The object at `path`.
    pub(super) fn of(value: Value, path: impl Into<String>) -> Result<Self> {
        let path = path.into();
        let Value::Object(members) = value else {
            return Err(wrong(&path, "must be an object"));
        };
        Ok(Self { path, members })
    }

    /// The body of a request.
    pub(super) fn body(body: &[u8]) -> Result<Self> {
        let value = serde_json::from_slice(body).map_err(|error| {
            Error::new(
                Code::InvalidRequest,
                "The body is not JSON. Send a JSON object.",
            )
            .because(error)
        })?;
        Self::of(value, "")
    }

    /// Where a member of this object stands.
    pub(super) fn path(&self, name: &str) -> String {
        match (self.path.as_str(), name) {
            ("", name) => name.to_owned(),
            (path, "") => path.to_owned(),
            (path, name) => format!("{path}.{name}"),
        }
    }

    /// Takes a member out; `null` is as good as none. Google's interfaces take `camelCase` and `snake_case` alike.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        let found = self.members.remove(name);
        let found = match found {
            None if name.contains(|c: char| c.is_ascii_uppercase()) => {
                self.members.remove(&snake(name))
            }
            found => found,
        };
        found.filter(|value| !value.is_null())
    }

    /// Whether a member is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.members
            .get(name)
            .or_else(|| self.members.get(&snake(name)))
            .is_some_and(|value| !value.is_null())
    }

    /// A text.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.refuse(name, "must be a text")),
        }
    }

    /// A text that must be there.
    pub(super) fn need_text(&mut self, name: &str) -> Result<String> {
        self.text(name)?
            .ok_or_else(|| self.refuse(name, "is missing"))
    }

    /// A number, as it is written.
    pub(super) fn number(&mut self, name: &str) -> Result<Option<Number>> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Number(number)) => Ok(Some(number)),
            Some(_) => Err(self.refuse(name, "must be a number")),
        }
    }

    /// A whole number that is not negative.
    pub(super) fn count(&mut self, name: &str) -> Result<Option<u64>> {
        self.number(name)?
            .map(|number| {
                number
                    .as_u64()
                    .ok_or_else(|| self.refuse(name, "must be a whole number, 0 or more"))
            })
            .transpose()
    }

    /// Yes or no.
    pub(super) fn flag(&mut self, name: &str) -> Result<Option<bool>> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(_) => Err(self.refuse(name, "must be true or false")),
        }
    }

    /// An object.
    pub(super) fn fields(&mut self, name: &str) -> Result<Option<Self>> {
        let path = self.path(name);
        self.take(name)
            .map(|value| Self::of(value, path))
            .transpose()
    }

    /// An object that must be there.
    pub(super) fn need_fields(&mut self, name: &str) -> Result<Self> {
        self.fields(name)?
            .ok_or_else(|| self.refuse(name, "is missing"))
    }

    /// The elements of an array, each with its path; none if there is no such member.
    pub(super) fn items(&mut self, name: &str) -> Result<Vec<(Value, String)>> {
        let path = self.path(name);
        match self.take(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => Ok(numbered(items, &path)),
            Some(_) => Err(wrong(&path, "must be an array")),
        }
    }

    /// The elements of an array of objects.
    pub(super) fn each(&mut self, name: &str) -> Result<Vec<Self>> {
        self.items(name)?
            .into_iter()
            .map(|(value, path)| Self::of(value, path))
            .collect()
    }

    /// The elements of an array of texts.
    pub(super) fn texts(&mut self, name: &str) -> Result<Vec<String>> {
        match self.take(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => texts(items, &self.path(name)),
            Some(_) => Err(self.refuse(name, "must be an array")),
        }
    }

    /// An error about a member; with no name, about the object itself.
    pub(super) fn refuse(&self, name: &str, why: &str) -> Error {
        wrong(&self.path(name), why)
    }

    /// Holds that nothing is left but what is dropped knowingly.
    pub(super) fn finish(self, dropped: &[&str]) -> Result<()> {
        let left = self.members.iter().find(|(name, value)| {
            !value.is_null()
                && !dropped
                    .iter()
                    .any(|known| *known == *name || snake(known) == **name)
        });
        match left {
            None => Ok(()),
            Some((name, _)) => Err(self.refuse(
                name,
                "cannot be carried over to the provider of this model, which speaks another dialect. Leave it out, or use a model of this dialect's own provider",
            )),
        }
    }
}

/// Elements with their paths.
pub(super) fn numbered(items: Vec<Value>, path: &str) -> Vec<(Value, String)> {
    items
        .into_iter()
        .enumerate()
        .map(|(at, value)| (value, format!("{path}[{at}]")))
        .collect()
}

/// Elements that are all texts.
pub(super) fn texts(items: Vec<Value>, path: &str) -> Result<Vec<String>> {
    let text = |(value, path): (Value, String)| {
        let Value::String(text) = value else {
            return Err(wrong(&path, "must be a text"));
        };
        Ok(text)
    };
    numbered(items, path).into_iter().map(text).collect()
}

/// A member that cannot be taken.
pub(super) fn wrong(path: &str, why: &str) -> Error {
    Error::new(Code::InvalidRequest, format!("{path}: {why}.")).param(path)
}

/// What the target's dialect has no words for.
pub(super) fn inexpressible(path: &str, what: &str) -> Error {
    Error::new(
        Code::InvalidRequest,
        format!("{path}: the provider of this model has no {what}. Leave it out, or choose another model."),
    )
    .param(path)
}

fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_nobody_took_is_refused_by_its_path() {
        let mut fields = Fields::of(json!({"a": 1, "b": {"c": "x", "d": null}}), "").unwrap();
        assert_eq!(fields.count("a").unwrap(), Some(1));
        let inner = fields.fields("b").unwrap().unwrap();
        assert_eq!(inner.finish(&[]).unwrap_err().param.as_deref(), Some("b.c"));
        assert!(fields.finish(&[]).is_ok());
        let fields = Fields::of(json!({"x": 1, "y": null}), "").unwrap();
        assert!(fields.finish(&["x"]).is_ok());
    }

    #[test]
    fn google_names_are_known_in_both_spellings() {
        let mut fields = Fields::of(json!({"top_p": 1, "topK": 2}), "").unwrap();
        assert!(fields.has("topP"));
        assert_eq!(fields.count("topP").unwrap(), Some(1));
        assert_eq!(fields.count("topK").unwrap(), Some(2));
    }

    #[test]
    fn a_member_of_the_wrong_type_is_named() {
        let mut fields = Fields::of(json!({"list": ["a", 1], "n": -1}), "at").unwrap();
        assert_eq!(
            fields.texts("list").unwrap_err().param.as_deref(),
            Some("at.list[1]")
        );
        assert_eq!(
            fields.count("n").unwrap_err().param.as_deref(),
            Some("at.n")
        );
    }
}
