//! Members that are only there where there is something to say.

use serde_json::Value;

/// The object with one more member; as it was where `value` is `None`.
pub(super) fn with(mut object: Value, name: &str, value: Option<Value>) -> Value {
    if let (Some(members), Some(value)) = (object.as_object_mut(), value) {
        members.insert(name.to_owned(), value);
    }
    object
}

/// A text as a value.
pub(super) fn text(text: &Option<String>) -> Option<Value> {
    text.as_deref().map(Value::from)
}
