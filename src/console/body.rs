//! Reads JSON bodies and queries; what cannot be read is an error that names the field.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use crate::domain::Error;
use crate::state::Page;

use super::refusal::Refusal;

/// Plenty for every request of the console.
const LIMIT: usize = 1 << 20;

/// A JSON body.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Refusal;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Refusal>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = web::Bytes::from_request(request, payload);
        Box::pin(async move {
            let bytes = bytes.await.map_err(|e| {
                Error::invalid_field("body", format!("The body cannot be read: {e}."))
            })?;
            if bytes.len() > LIMIT {
                return Err(Error::invalid_field("body", "The body is larger than 1 MiB.").into());
            }
            // A request without a body asks for the defaults.
            let text = if bytes.is_empty() {
                b"{}".as_slice()
            } else {
                &bytes
            };
            let mut json = serde_json::Deserializer::from_slice(text);
            let value = serde_path_to_error::deserialize(&mut json)
                .map_err(|e| unreadable(&e.path().to_string(), &e.inner().to_string()))?;
            json.end().map_err(|e| unreadable("", &e.to_string()))?;
            Ok(Self(value))
        })
    }
}

/// serde names an unknown field in its message only; its path ends at the object that holds it.
fn unreadable(path: &str, words: &str) -> Refusal {
    let words = words.split(" at line ").next().unwrap_or(words);
    let unknown = words
        .strip_prefix("unknown field `")
        .or_else(|| words.strip_prefix("missing field `"))
        .and_then(|rest| rest.split('`').next());
    let field = match (path, unknown) {
        ("." | "", Some(field)) => field.to_owned(),
        (path, Some(field)) if !path.ends_with(field) => format!("{path}.{field}"),
        ("." | "", None) => "body".to_owned(),
        (path, _) => path.to_owned(),
    };
    Error::invalid_field(field, format!("This request cannot be read: {words}.")).into()
}

/// A query string.
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = Refusal;
    type Future = std::future::Ready<Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let query = web::Query::<T>::from_query(request.query_string());
        let query = query.map(|query| Self(query.into_inner()));
        std::future::ready(query.map_err(|e| {
            Error::invalid_field("query", format!("The query cannot be read: {e}.")).into()
        }))
    }
}

/// An id in the path; what is no id names nothing.
pub(super) fn parse_id<T: std::str::FromStr>(text: &str) -> Result<T, Refusal> {
    text.parse().map_err(|_| {
        Error::new(
            crate::domain::Code::NotFound,
            "There is nothing with this id.",
        )
        .into()
    })
}

/// An id in a query or body.
pub(super) fn parse_field<T: std::str::FromStr>(
    field: &str,
    text: Option<&str>,
) -> Result<Option<T>, Refusal> {
    let parse = |text: &str| {
        text.parse()
            .map_err(|_| Error::invalid_field(field, format!("{text:?} is no id.")).into())
    };
    text.filter(|text| !text.is_empty()).map(parse).transpose()
}

/// Tells `null` (`Some(None)`) from a field that is not there (`None`).
pub(super) fn nullable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// A page of a list from its two parameters.
pub(super) fn page(number: Option<usize>, size: Option<usize>) -> Result<Page, Refusal> {
    let (number, size) = (number.unwrap_or(1), size.unwrap_or(20));
    if number == 0 {
        return Err(Error::invalid_field("page", "Pages are counted from 1.").into());
    }
    if !(1..=200).contains(&size) {
        return Err(Error::invalid_field("page_size", "A page has 1 to 200 lines.").into());
    }
    Ok(Page { number, size })
}

/// A name that people give: trimmed, at most 200 characters, no control characters.
pub(super) fn name(field: &str, text: &str) -> Result<String, Refusal> {
    let name = text.trim();
    if name.chars().count() > 200 || name.chars().any(char::is_control) {
        return Err(Error::invalid_field(
            field,
            "A name has at most 200 characters and no control characters.",
        )
        .into());
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize, PartialEq, Debug)]
    #[serde(deny_unknown_fields)]
    struct Change {
        #[serde(default, deserialize_with = "nullable")]
        expires_at: Option<Option<String>>,
    }

    #[test]
    fn null_and_absent_are_told_apart() {
        let read = |text: &str| serde_json::from_str::<Change>(text).unwrap().expires_at;
        assert_eq!(read("{}"), None);
        assert_eq!(read(r#"{"expires_at": null}"#), Some(None));
        assert_eq!(read(r#"{"expires_at": "x"}"#), Some(Some("x".to_owned())));
    }

    #[test]
    fn an_unknown_field_is_named_by_its_path() {
        for (path, words, field) in [
            (".", "unknown field `nmae`, expected `name`", "nmae"),
            (
                "quota",
                "unknown field `dayly`, expected one of …",
                "quota.dayly",
            ),
            ("quota.daily_usd", "invalid type: string", "quota.daily_usd"),
            (".", "EOF while parsing", "body"),
        ] {
            assert_eq!(unreadable(path, words).0.param.as_deref(), Some(field));
        }
    }
}
