//! Google's `Schema`, a subset of OpenAPI 3.0, as the JSON Schema that it means. Only this way: schemas are written for Gemini as
//! JSON Schema, which has members of its own for it.
//!
//! | `Schema` | JSON Schema |
//! |---|---|
//! | `"type": "STRING"` | `"type": "string"` |
//! | `nullable` | `null` among the types, the alternatives and the values |
//! | `example` | `examples` |
//! | numbers written as text (`"minItems": "1"`) | numbers |
//! | `propertyOrdering` | the order of `properties` |
//! | `any_of`, `min_items`, … | `anyOf`, `minItems`, … |

use serde_json::{Map, Value, json};

/// The JSON Schema that a `Schema` means; what is not known stays as it is.
pub(super) fn json_schema(schema: Value) -> Value {
    let Value::Object(members) = schema else {
        return schema;
    };
    let (mut read, mut nullable, mut order) = (Map::new(), false, Vec::new());
    for (name, value) in members {
        let name = known(&name).unwrap_or(name);
        let value = match (name.as_str(), value) {
            (_, Value::Null) => continue,
            ("type", Value::String(word)) if word == "TYPE_UNSPECIFIED" => continue,
            ("type", Value::String(word)) => word.to_ascii_lowercase().into(),
            ("nullable", value) => {
                nullable = value == json!(true);
                continue;
            }
            ("propertyOrdering", Value::Array(names)) => {
                order = names;
                continue;
            }
            ("example", value) => {
                read.insert("examples".to_owned(), json!([value]));
                continue;
            }
            ("items" | "additionalProperties", value) => json_schema(value),
            ("properties" | "$defs", Value::Object(inner)) => inner
                .into_iter()
                .map(|(name, schema)| (name, json_schema(schema)))
                .collect::<Map<_, _>>()
                .into(),
            ("anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(schemas)) => {
                schemas.into_iter().map(json_schema).collect()
            }
            (
                "minItems" | "maxItems" | "minLength" | "maxLength" | "minProperties"
                | "maxProperties",
                Value::String(digits),
            ) => digits
                .parse::<u64>()
                .map_or(Value::String(digits), Value::from),
            (_, value) => value,
        };
        read.insert(name, value);
    }
    if nullable {
        allow_null(&mut read);
    }
    put_in_order(&mut read, &order);
    Value::Object(read)
}

fn allow_null(schema: &mut Map<String, Value>) {
    if let Some(kind) = schema.get_mut("type").filter(|kind| kind.is_string()) {
        *kind = json!([kind, "null"]);
    }
    if let Some(Value::Array(alternatives)) = schema.get_mut("anyOf") {
        alternatives.push(json!({"type": "null"}));
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.push(Value::Null);
    }
}

fn put_in_order(schema: &mut Map<String, Value>, order: &[Value]) {
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        let mut ordered = Map::new();
        for name in order.iter().filter_map(Value::as_str) {
            ordered.extend(properties.shift_remove_entry(name));
        }
        ordered.append(properties);
        *properties = ordered;
    }
}

/// The name of JSON Schema for a member of `Schema` that has another.
fn known(name: &str) -> Option<String> {
    let known = match name {
        "any_of" => "anyOf",
        "one_of" => "oneOf",
        "prefix_items" => "prefixItems",
        "additional_properties" => "additionalProperties",
        "property_ordering" => "propertyOrdering",
        "min_items" => "minItems",
        "max_items" => "maxItems",
        "min_length" => "minLength",
        "max_length" => "maxLength",
        "min_properties" => "minProperties",
        "max_properties" => "maxProperties",
        "ref" => "$ref",
        "defs" => "$defs",
        _ => return None,
    };
    Some(known.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_of_openapi_becomes_json_schema() {
        let read = json_schema(json!({
            "type": "OBJECT",
            "properties": {
                "unit": {"type": "STRING", "enum": ["C", "F"], "nullable": true},
                "type": {"type": "INTEGER", "example": 3},
                "days": {"type": "ARRAY", "min_items": "1", "items": {"type": "NUMBER"}}
            },
            "propertyOrdering": ["days", "type"],
            "required": ["days"]
        }));
        let expected = json!({
            "type": "object",
            "properties": {
                "days": {"type": "array", "minItems": 1, "items": {"type": "number"}},
                "type": {"type": "integer", "examples": [3]},
                "unit": {"type": ["string", "null"], "enum": ["C", "F", null]}
            },
            "required": ["days"]
        });
        assert_eq!(read.to_string(), expected.to_string());
    }

    #[test]
    fn values_are_no_schemas() {
        let schema = json!({"type": "object", "default": {"type": "STRING", "nullable": true}});
        assert_eq!(json_schema(schema.clone()), schema);
    }

    #[test]
    fn null_is_one_of_the_alternatives() {
        let read = json_schema(
            json!({"anyOf": [{"type": "STRING"}, {"type": "NUMBER"}], "nullable": true}),
        );
        assert_eq!(
            read,
            json!({"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "null"}]})
        );
    }
}
