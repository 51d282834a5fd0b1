//! How a channel's provider is called, as the API shows and takes it.

use std::collections::BTreeMap;

use actix_web::http::header::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::fields::credential;
use crate::console::refusal::Refusal;
use crate::domain::{self, Error, MOST_HEADERS, Proxy, check_overrides, may_set_header};

/// How long to wait for a channel's provider, in milliseconds; null: as long as the configuration says for all.
#[derive(Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::console) struct ChannelTimeouts {
    /// For a connection.
    #[serde(default)]
    connect_ms: Option<u32>,
    /// From the request to the head of the answer.
    #[serde(default)]
    first_byte_ms: Option<u32>,
    /// Between two pieces of the answer.
    #[serde(default)]
    idle_ms: Option<u32>,
}

/// The longest that a channel's provider may be waited for: an hour.
const LONGEST_MS: u32 = 3_600_000;

impl From<domain::ChannelTimeouts> for ChannelTimeouts {
    fn from(own: domain::ChannelTimeouts) -> Self {
        Self {
            connect_ms: own.connect_ms,
            first_byte_ms: own.first_byte_ms,
            idle_ms: own.idle_ms,
        }
    }
}

impl ChannelTimeouts {
    pub(super) fn checked(self) -> Result<domain::ChannelTimeouts, Refusal> {
        let fields = [
            ("connect_ms", self.connect_ms),
            ("first_byte_ms", self.first_byte_ms),
            ("idle_ms", self.idle_ms),
        ];
        let possible = |ms: Option<u32>| ms.is_none_or(|ms| (1..=LONGEST_MS).contains(&ms));
        match fields.into_iter().find(|(_, ms)| !possible(*ms)) {
            Some((field, _)) => Err(Error::invalid_field(
                format!("timeouts.{field}"),
                format!("A timeout is 1 to {LONGEST_MS} ms."),
            )
            .into()),
            None => Ok(domain::ChannelTimeouts {
                connect_ms: self.connect_ms,
                first_byte_ms: self.first_byte_ms,
                idle_ms: self.idle_ms,
            }),
        }
    }
}

/// Values by name; none: the header is taken out.
pub(super) type Headers = BTreeMap<String, Option<Zeroizing<String>>>;

/// Headers by lower-case name, checked.
pub(super) fn headers(given: Headers) -> Result<Headers, Refusal> {
    let refuse = |name: &str, words: &str| {
        Error::invalid_field(format!("headers.{name}"), words.to_owned()).into()
    };
    if given.len() > MOST_HEADERS {
        return Err(Error::invalid_field(
            "headers",
            format!("A channel has at most {MOST_HEADERS} headers of its own."),
        )
        .into());
    }
    let mut headers = BTreeMap::new();
    for (name, value) in given {
        let known = HeaderName::try_from(name.trim());
        let known = known.map_err(|_| {
            refuse(
                &name,
                "This is no name of a header; write one such as X-Tenant.",
            )
        })?;
        if !may_set_header(known.as_str()) {
            return Err(refuse(
                &name,
                "This header is the gateway's own. The credential is entered as the credential.",
            ));
        }
        if let Some(text) = &value
            && (text.len() > 4096 || HeaderValue::try_from(text.as_str()).is_err())
        {
            return Err(refuse(
                &name,
                "A header's value has at most 4096 characters and no control characters.",
            ));
        }
        headers.insert(known.as_str().to_owned(), value);
    }
    Ok(headers)
}

/// A proxy's address; blank: none.
pub(super) fn proxy(text: Option<Zeroizing<String>>) -> Result<Option<Zeroizing<String>>, Refusal> {
    let Some(text) = text.and_then(credential) else {
        return Ok(None);
    };
    match Proxy::parse(&text) {
        Ok(_) => Ok(Some(text)),
        Err(words) => Err(Error::invalid_field("proxy", words).into()),
    }
}

/// Overrides as name and JSON text.
pub(super) fn overrides(given: &Map<String, Value>) -> Result<BTreeMap<String, String>, Refusal> {
    let overrides = given.iter();
    let overrides: BTreeMap<String, String> = overrides
        .map(|(name, value)| (name.clone(), value.to_string()))
        .collect();
    check_overrides(&overrides).map_err(|(name, words)| {
        let field = match name.as_str() {
            "" => "overrides".to_owned(),
            name => format!("overrides.{name}"),
        };
        Error::invalid_field(field, words)
    })?;
    Ok(overrides)
}

/// Overrides as they were given.
pub(super) fn shown(overrides: &BTreeMap<String, String>) -> Result<Map<String, Value>, Refusal> {
    let read = |(name, text): (&String, &String)| Ok((name.clone(), serde_json::from_str(text)?));
    let read: serde_json::Result<_> = overrides.iter().map(read).collect();
    Ok(read.map_err(Error::internal)?)
}
