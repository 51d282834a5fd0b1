//! What a call to Vertex AI is authorized with.

use std::sync::Arc;

use actix_web::http::header::{HeaderName, HeaderValue};
use zeroize::Zeroizing;

use super::account;
use crate::domain::GoogleCredential;
use crate::gateway::provider::address::Address;
use crate::gateway::provider::answer::{Failure, Outgoing};
use crate::state::{Denied, Upstream};

pub(super) enum Pass<'a> {
    /// Nothing: something on the way does it.
    None,
    /// An API key.
    Key(&'a str),
    /// An access token of the operator's.
    Given(&'a str),
    /// One that the service account's key was exchanged for.
    Token(Arc<Zeroizing<String>>),
}

impl<'a> Pass<'a> {
    /// The channel's; waits for an access token where there is none that lasts.
    pub(super) async fn of(
        upstream: &'a Arc<Upstream>,
        outgoing: &Outgoing<'_>,
    ) -> Result<Self, Failure> {
        let Some(text) = upstream.credential() else {
            return Ok(Self::None);
        };
        let account = match GoogleCredential::read(text) {
            Some(GoogleCredential::ApiKey(key)) => return Ok(Self::Key(key)),
            Some(GoogleCredential::AccessToken(token)) => return Ok(Self::Given(token)),
            Some(GoogleCredential::ServiceAccount(account)) => account,
            None => {
                let words = "the credential is JSON, but no service account's key";
                return Err(Failure::refused(words.to_owned()));
            }
        };
        let ask = async || account::token(upstream, &account, outgoing).await;
        let token = upstream.access().token(outgoing.now, ask).await;
        token.map(Self::Token).map_err(|denied| {
            let Denied {
                status,
                words,
                refused,
            } = denied;
            Failure {
                status,
                words,
                hung_up: false,
                refused,
            }
        })
    }

    /// Writes it into the headers of an address.
    pub(super) fn authorize(&self, mut address: Address) -> Result<Address, Failure> {
        let (name, value) = match self {
            Self::None => return Ok(address),
            Self::Key(key) => ("x-goog-api-key", HeaderValue::try_from(*key)),
            Self::Given(token) => ("authorization", bearer(token)),
            Self::Token(token) => ("authorization", bearer(token)),
        };
        let mut value = value.map_err(|_| Failure::unusable("credential"))?;
        value.set_sensitive(true);
        address.headers.push((HeaderName::from_static(name), value));
        Ok(address)
    }

    /// What of it is not known as the channel's credential.
    pub(super) fn secret(&self) -> Option<&str> {
        match self {
            Self::Token(token) => Some(token.as_str()),
            Self::None | Self::Key(_) | Self::Given(_) => None,
        }
    }
}

fn bearer(token: &str) -> Result<HeaderValue, actix_web::http::header::InvalidHeaderValue> {
    HeaderValue::try_from(format!("Bearer {token}"))
}
