//! The body that goes to the provider: the one that came, changed only where it must be, by cutting and joining the
//! original text. Every byte that is not part of a change is the client's own.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use serde_json::{Map, Value};

use super::members::Members;
use super::request::{Field, ModelAt, Request};
use crate::domain::{Dialect, Endpoint};

/// What must be different at the provider.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Changes<'a> {
    /// The provider's name of the model.
    pub model: &'a str,
    /// Whether the usage frame is to be asked for.
    pub include_usage: bool,
    /// The output limit to write, and the field's name.
    pub output_limit: Option<(Field, u64)>,
}

/// One replaced range.
struct Edit {
    at: Range<usize>,
    text: String,
}

/// Applies the changes to a body that [`Request::read`] accepted.
pub fn rewrite(request: &Request, changes: Changes<'_>) -> Bytes {
    let scan = &request.scan;
    let mut edits: Vec<Edit> = Vec::new();
    let mut added: Vec<String> = Vec::new();
    if changes.model != scan.model {
        match &scan.model_at {
            ModelAt::Body(at) => edits.push(Edit {
                at: at.clone(),
                text: quoted(changes.model),
            }),
            ModelAt::Nowhere => added.push(format!("\"model\":{}", quoted(changes.model))),
            ModelAt::Path => {}
        }
    }
    if changes.include_usage && scan.include_usage != Some(true) {
        match &scan.stream_options_at {
            Some(at) => edits.push(include_usage(request, at)),
            None => added.push(r#""stream_options":{"include_usage":true}"#.to_owned()),
        }
    }
    if let Some((Field::GenerationConfig, limit)) = changes.output_limit {
        match &scan.settings_at {
            Some(at) => edits.push(settings(request, at, limit)),
            None => added.push(format!(
                r#""generationConfig":{{"maxOutputTokens":{limit}}}"#
            )),
        }
    } else if let Some((field, limit)) = changes.output_limit {
        match &scan.null_limit_at {
            Some((null, at)) if *null == field => edits.push(Edit {
                at: at.clone(),
                text: limit.to_string(),
            }),
            _ => added.push(format!("\"{}\":{limit}", field.name())),
        }
    }
    if !added.is_empty()
        && let Some(end) = memchr::memrchr(b'}', &request.body)
    {
        let comma = if scan.has_fields { "," } else { "" };
        edits.push(Edit {
            at: end..end,
            text: format!("{comma}{}", added.join(",")),
        });
    }
    let body = splice(&request.body, edits);
    if scan.model_at == ModelAt::Path && changes.model != scan.model {
        return renamed(body, &scan.model, changes.model);
    }
    body
}

/// With the model's other name where a body of the Gemini dialect repeats the one of its path: in itself, in each of several
/// requests, in the request whose tokens are counted. Google refuses it if the two differ.
fn renamed(body: Bytes, from: &str, to: &str) -> Bytes {
    let resource = format!("models/{from}");
    if memchr::memmem::find(&body, quoted(&resource).as_bytes()).is_none() {
        return body;
    }
    let Ok(mut fields) = serde_json::from_slice::<Map<String, Value>>(&body) else {
        return body;
    };
    let rename = |fields: &mut Map<String, Value>| {
        if let Some(model) = fields.get_mut("model").filter(|model| **model == *resource) {
            *model = format!("models/{to}").into();
        }
    };
    rename(&mut fields);
    for name in ["requests", "generateContentRequest"] {
        match fields.get_mut(name) {
            Some(Value::Object(request)) => rename(request),
            Some(Value::Array(requests)) => {
                let requests = requests.iter_mut();
                requests.filter_map(Value::as_object_mut).for_each(rename);
            }
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => {}
        }
    }
    Bytes::from(Value::Object(fields).to_string())
}

/// A body for a provider that does not know `stream_options`.
pub fn without_stream_options(body: &Bytes) -> Bytes {
    let Some(mut members) = Members::read(body) else {
        return body.clone();
    };
    members.remove("stream_options");
    members.write()
}

/// The change that makes `stream_options` ask for usage and leaves what else it says.
fn include_usage(request: &Request, at: &Range<usize>) -> Edit {
    let options = request.body.get(at.clone()).unwrap_or_default();
    let mut fields: Map<String, Value> = serde_json::from_slice(options).unwrap_or_default();
    fields.insert("include_usage".to_owned(), true.into());
    Edit {
        at: at.clone(),
        text: Value::Object(fields).to_string(),
    }
}

/// The change that limits the output in `generationConfig` and leaves what else it says.
fn settings(request: &Request, at: &Range<usize>, limit: u64) -> Edit {
    let config = request.body.get(at.clone()).unwrap_or_default();
    let mut fields: Map<String, Value> = serde_json::from_slice(config).unwrap_or_default();
    fields.shift_remove("max_output_tokens");
    fields.insert("maxOutputTokens".to_owned(), limit.into());
    Edit {
        at: at.clone(),
        text: Value::Object(fields).to_string(),
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn splice(body: &Bytes, mut edits: Vec<Edit>) -> Bytes {
    if edits.is_empty() {
        return body.clone();
    }
    edits.sort_by_key(|edit| edit.at.start);
    let grown: usize = edits.iter().map(|edit| edit.text.len()).sum();
    let mut out = BytesMut::with_capacity(body.len() + grown);
    let mut done = 0;
    for edit in edits {
        out.extend_from_slice(body.get(done..edit.at.start).unwrap_or_default());
        out.extend_from_slice(edit.text.as_bytes());
        done = edit.at.end;
    }
    out.extend_from_slice(body.get(done..).unwrap_or_default());
    out.freeze()
}

/// The field in which a provider takes the output limit. OpenAI's newer models refuse `max_tokens`; most others know
/// nothing else.
pub fn limit_field(endpoint: Endpoint, base_url: &str) -> Field {
    let is_openais = || base_url.contains("openai.com") || base_url.contains("azure.com");
    match endpoint.dialect() {
        Some(Dialect::Responses) => Field::MaxOutputTokens,
        Some(Dialect::Gemini) => Field::GenerationConfig,
        Some(Dialect::Chat) if is_openais() => Field::MaxCompletionTokens,
        Some(Dialect::Chat | Dialect::Messages) | None => Field::MaxTokens,
    }
}

/// The lowest output limit that providers take: OpenAI refuses one below 16 for responses.
pub fn least_limit(endpoint: Endpoint) -> u64 {
    match endpoint.dialect() {
        Some(Dialect::Responses) => 16,
        Some(Dialect::Chat | Dialect::Messages | Dialect::Gemini) | None => 1,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::gateway::request::InPath;

    fn change(body: &str, changes: Changes<'_>) -> String {
        let request =
            Request::read(Endpoint::Chat, Bytes::copy_from_slice(body.as_bytes())).unwrap();
        String::from_utf8(rewrite(&request, changes).to_vec()).unwrap()
    }

    const SAME: Changes<'static> = Changes {
        model: "m",
        include_usage: false,
        output_limit: None,
    };

    #[test]
    fn without_a_change_the_bytes_are_the_same() {
        let request = Request::read(
            Endpoint::Chat,
            Bytes::from_static(b" {\"model\" : \"m\"}\n"),
        )
        .unwrap();
        assert_eq!(rewrite(&request, SAME).as_ptr(), request.body.as_ptr());
    }

    #[test]
    fn a_model_that_was_not_named_is_added_where_the_provider_calls_it_otherwise() {
        for (body, want) in [
            (r#"{"input":"x"}"#, r#"{"input":"x","model":"own"}"#),
            (
                r#"{"model":null,"input":"x"}"#,
                r#"{"model":"own","input":"x"}"#,
            ),
            ("{ }", r#"{ "model":"own"}"#),
        ] {
            let request =
                Request::read(Endpoint::Moderations, Bytes::from_static(body.as_bytes())).unwrap();
            let same = Changes {
                model: "omni-moderation-latest",
                ..SAME
            };
            assert_eq!(rewrite(&request, same), body);
            let own = Changes {
                model: "own",
                ..SAME
            };
            assert_eq!(rewrite(&request, own), want);
        }
    }

    #[test]
    fn only_what_must_change_changes() {
        for (body, changes, want) in [
            (
                r#"{"a":1.0, "model" : "m" ,"b":[ ]}"#,
                Changes {
                    model: "a/\"b\"",
                    ..SAME
                },
                r#"{"a":1.0, "model" : "a/\"b\"" ,"b":[ ]}"#,
            ),
            (
                "{\"model\":\"m\"}\n",
                Changes {
                    include_usage: true,
                    ..SAME
                },
                "{\"model\":\"m\",\"stream_options\":{\"include_usage\":true}}\n",
            ),
            (
                r#"{"stream_options":null,"model":"m"}"#,
                Changes {
                    include_usage: true,
                    ..SAME
                },
                r#"{"stream_options":{"include_usage":true},"model":"m"}"#,
            ),
            (
                r#"{"model":"m","stream_options":{"x":1,"include_usage":false}}"#,
                Changes {
                    include_usage: true,
                    ..SAME
                },
                r#"{"model":"m","stream_options":{"x":1,"include_usage":true}}"#,
            ),
            (
                r#"{"model":"m","stream_options":{"include_usage":true}}"#,
                Changes {
                    include_usage: true,
                    ..SAME
                },
                r#"{"model":"m","stream_options":{"include_usage":true}}"#,
            ),
            (
                r#"{"model":"m","max_tokens": null}"#,
                Changes {
                    output_limit: Some((Field::MaxTokens, 9)),
                    ..SAME
                },
                r#"{"model":"m","max_tokens": 9}"#,
            ),
            (
                r#"{"model":"m","max_tokens":null}"#,
                Changes {
                    output_limit: Some((Field::MaxCompletionTokens, 9)),
                    ..SAME
                },
                r#"{"model":"m","max_tokens":null,"max_completion_tokens":9}"#,
            ),
        ] {
            assert_eq!(change(body, changes), want);
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec(("[a-z{}\\\\\"]{1,8}", inner), 0..5)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    #[test]
    fn a_name_that_a_body_repeats_from_its_path_is_changed_with_it() {
        let in_path = |batch| InPath {
            model: "mine".to_owned(),
            stream: false,
            events: false,
            batch,
        };
        for (endpoint, batch, body, want) in [
            (
                Endpoint::EmbedContent,
                true,
                json!({"requests": [{"model": "models/mine", "content": {"parts": [{"text": "models/mine"}]}}, {"model": "models/other"}]}),
                json!({"requests": [{"model": "models/theirs", "content": {"parts": [{"text": "models/mine"}]}}, {"model": "models/other"}]}),
            ),
            (
                Endpoint::EmbedContent,
                false,
                json!({"model": "models/mine", "content": {}}),
                json!({"model": "models/theirs", "content": {}}),
            ),
            (
                Endpoint::CountTokens,
                false,
                json!({"generateContentRequest": {"model": "models/mine", "contents": []}}),
                json!({"generateContentRequest": {"model": "models/theirs", "contents": []}}),
            ),
            (
                Endpoint::GenerateContent,
                false,
                json!({"contents": [{"parts": [{"text": "mine"}]}]}),
                json!({"contents": [{"parts": [{"text": "mine"}]}]}),
            ),
        ] {
            let bytes = Bytes::from(body.to_string());
            let request = Request::read_at(endpoint, Some(&in_path(batch)), bytes).unwrap();
            let changes = Changes {
                model: "theirs",
                include_usage: false,
                output_limit: None,
            };
            let out = rewrite(&request, changes);
            assert_eq!(serde_json::from_slice::<Value>(&out).unwrap(), want);
        }
    }

    proptest! {
        #[test]
        fn unknown_fields_survive(before in prop::collection::vec(("x_[a-z}\"]{1,6}", any_json()), 0..4), after in prop::collection::vec(("y_[a-z}\"]{1,6}", any_json()), 0..4),
                                  pretty: bool, limit in prop::option::of(1u64..100_000), usage: bool, to in "[a-z/\"é]{1,10}") {
            let mut fields: Map<String, Value> = before.into_iter().collect();
            fields.insert("model".into(), json!("m"));
            fields.extend(after);
            let value = Value::Object(fields.clone());
            let body = if pretty { serde_json::to_string_pretty(&value).unwrap() } else { value.to_string() };
            let out = change(&body, Changes { model: &to, include_usage: usage, output_limit: limit.map(|l| (Field::MaxTokens, l)) });
            let mut want = fields;
            want.insert("model".into(), json!(to));
            if usage { want.insert("stream_options".into(), json!({"include_usage": true})); }
            if let Some(limit) = limit { want.insert("max_tokens".into(), json!(limit)); }
            prop_assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), Value::Object(want));
            // Byte for byte: what stands before the model and from it to the end of the object is the client's text.
            let at = body.find("\"model\"").unwrap();
            prop_assert!(out.starts_with(&body[..at]));
        }
    }
}
