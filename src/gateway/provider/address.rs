//! Where a call goes at its provider, and what it is authorized with.

use actix_web::http::header::{HeaderName, HeaderValue};

use super::answer::Failure;
use crate::state::Upstream;

/// The address of a call.
pub(super) struct Address {
    /// The whole of it.
    pub(super) url: String,
    /// Headers beside those of every request.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// Whether every call of the channel to this endpoint goes there, whatever its model.
    pub(super) is_fixed: bool,
}

impl Address {
    /// A path behind the channel's base URL.
    pub(super) fn behind(upstream: &Upstream, path: &str, is_fixed: bool) -> Self {
        let base = upstream.channel.base_url.trim_end_matches('/');
        Self {
            url: format!("{base}{path}"),
            headers: Vec::new(),
            is_fixed,
        }
    }

    /// With the credential in this header, behind a prefix.
    pub(super) fn authorized(
        mut self,
        upstream: &Upstream,
        name: &'static str,
        prefix: &str,
    ) -> Result<Self, Failure> {
        if let Some(credential) = upstream.credential() {
            let mut value = HeaderValue::try_from(format!("{prefix}{credential}"))
                .map_err(|_| Failure::unusable("credential"))?;
            value.set_sensitive(true);
            self.headers.push((HeaderName::from_static(name), value));
        }
        Ok(self)
    }
}

/// A model's name as part of a path: all but letters, digits and `-._~` is escaped (RFC 3986, 2.3).
pub(super) fn path_segment(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(char::from(byte));
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_place_in_the_path() {
        assert_eq!(path_segment("gemini-2.5-pro"), "gemini-2.5-pro");
        assert_eq!(path_segment("../a b?c#d%é"), "..%2Fa%20b%3Fc%23d%25%C3%A9");
    }
}
