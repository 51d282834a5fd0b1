//! JSON schemas that Anthropic holds a model to. It takes a part of JSON Schema and refuses the rest, so what it does not
//! know is said in the schema's description instead, as the official SDKs do; a schema that would mean something else
//! without it is not held to at all.
//! Source: Claude docs, "Structured outputs", "JSON Schema limitations".

use serde_json::{Map, Value, json};

/// Members that are taken as they are.
const KNOWN: [&str; 12] = [
    "type",
    "description",
    "title",
    "enum",
    "const",
    "default",
    "required",
    "properties",
    "items",
    "anyOf",
    "allOf",
    "additionalProperties",
];
const REFERENCES: [&str; 3] = ["$ref", "$defs", "definitions"];
const FORMATS: [&str; 10] = [
    "date-time",
    "time",
    "date",
    "duration",
    "email",
    "hostname",
    "uri",
    "ipv4",
    "ipv6",
    "uuid",
];

/// The schema as it can be held to; `None`: it cannot be.
pub(super) fn held(schema: &Value) -> Option<Value> {
    let Value::Object(schema) = schema else {
        return None;
    };
    let mut said = Vec::new();
    let mut held = Map::new();
    for (name, value) in schema {
        let known = match name.as_str() {
            "properties" | "$defs" | "definitions" => Some(each(value)?),
            "items" => Some(self::held(value)?),
            "anyOf" | "allOf" => Some(all(value)?),
            // Which edition of JSON Schema it is written in.
            "$schema" => continue,
            "oneOf" => {
                held.insert("anyOf".to_owned(), all(value)?);
                continue;
            }
            // An object of any members cannot be held to: all that the model may write are those named.
            "additionalProperties" if *value != json!(false) => return None,
            "format"
                if value
                    .as_str()
                    .is_some_and(|format| FORMATS.contains(&format)) =>
            {
                Some(value.clone())
            }
            "minItems" if matches!(value.as_u64(), Some(0 | 1)) => Some(value.clone()),
            name if KNOWN.contains(&name) || REFERENCES.contains(&name) => Some(value.clone()),
            _ => None,
        };
        match known {
            Some(value) => {
                held.insert(name.clone(), value);
            }
            None => said.push(format!("{name}: {value}")),
        }
    }
    let object = |kind: &Value| *kind == "object";
    if held.get("type").is_some_and(|kind| {
        object(kind)
            || kind
                .as_array()
                .is_some_and(|kinds| kinds.iter().any(object))
    }) {
        let named = |value: &Value| value.as_object().is_some_and(|members| !members.is_empty());
        if !schema.get("properties").is_some_and(named)
            && !held.contains_key("additionalProperties")
        {
            return None;
        }
        held.insert("additionalProperties".to_owned(), json!(false));
    }
    if !said.is_empty() {
        let said = format!("{{{}}}", said.join(", "));
        let description = match held.get("description").and_then(Value::as_str) {
            Some(description) => format!("{description}\n\n{said}"),
            None => said,
        };
        held.insert("description".to_owned(), json!(description));
    }
    Some(Value::Object(held))
}

fn each(schemas: &Value) -> Option<Value> {
    let mut held = Map::new();
    for (name, schema) in schemas.as_object()? {
        held.insert(name.clone(), self::held(schema)?);
    }
    Some(Value::Object(held))
}

fn all(schemas: &Value) -> Option<Value> {
    schemas.as_array()?.iter().map(held).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_within_the_limits_stays_as_it_is() {
        let schema = json!({
            "type": "object",
            "properties": {
                "name": {"type": "string", "description": "Its name"},
                "tags": {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}, "minItems": 1},
                "when": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
                "next": {"$ref": "#/$defs/node"}
            },
            "required": ["name"],
            "additionalProperties": false,
            "$defs": {"node": {"type": "object", "properties": {"id": {"type": "integer"}}, "additionalProperties": false}}
        });
        assert_eq!(held(&schema), Some(schema));
    }

    #[test]
    fn what_is_not_known_is_said_in_words() {
        let schema = json!({"type": "object", "properties": {
            "age": {"type": "integer", "minimum": 1, "maximum": 9, "description": "Years"},
            "word": {"type": "string", "format": "regex"}}});
        assert_eq!(
            held(&schema),
            Some(json!({"type": "object", "properties": {
                "age": {"type": "integer", "description": "Years\n\n{minimum: 1, maximum: 9}"},
                "word": {"type": "string", "description": "{format: \"regex\"}"}},
                "additionalProperties": false}))
        );
    }

    #[test]
    fn an_object_of_any_members_cannot_be_held_to() {
        for schema in [
            json!({"type": "object"}),
            json!({"type": "object", "additionalProperties": {"type": "string"}}),
            json!({"type": "array", "items": {"type": "object", "properties": {}}}),
            json!({"type": "object", "properties": {"a": {}}, "additionalProperties": true}),
            json!(true),
        ] {
            assert_eq!(held(&schema), None, "{schema}");
        }
    }
}
