//! What a channel to a cloud is authorized with, in the forms in which the clouds hand it out.
//! References: Google Cloud, "Create and delete service account keys" (the JSON file); Amazon Bedrock, "API keys"; AWS, "AWS
//! security credentials".

use std::fmt;

use serde::Deserialize;
use zeroize::Zeroizing;

/// What a channel to Vertex AI is authorized with.
pub enum GoogleCredential<'a> {
    /// A service account's key, from its JSON file: exchanged for an access token every hour.
    ServiceAccount(Box<ServiceAccount>),
    /// An API key.
    ApiKey(&'a str),
    /// An access token, which somebody else keeps fresh.
    AccessToken(&'a str),
}

/// The key of a service account.
#[derive(Deserialize)]
pub struct ServiceAccount {
    /// Which key of the account it is.
    #[serde(default)]
    pub private_key_id: Option<String>,
    /// The key, PKCS #8 in PEM.
    pub private_key: Zeroizing<String>,
    /// Whose it is.
    pub client_email: String,
    /// Where access tokens are given for it.
    pub token_uri: String,
}

impl<'a> GoogleCredential<'a> {
    /// Reads one; `None`: it is JSON and no service account's key.
    pub fn read(text: &'a str) -> Option<Self> {
        if text.starts_with('{') {
            return serde_json::from_str(text).ok().map(Self::ServiceAccount);
        }
        // The forms of API keys: the usual one, and the one that is bound to a service account.
        let is_key = text.starts_with("AIza") || text.starts_with("AQ.");
        Some(if is_key {
            Self::ApiKey(text)
        } else {
            Self::AccessToken(text)
        })
    }
}

/// What a channel to Amazon's cloud is authorized with.
#[derive(PartialEq, Eq)]
pub enum AwsCredential<'a> {
    /// An access key: requests are signed with it.
    Keys(AccessKey<'a>),
    /// An API key of Bedrock's, sent as it is.
    ApiKey(&'a str),
}

/// An access key of AWS: `ACCESS_KEY_ID:SECRET`, `ACCESS_KEY_ID:SECRET:SESSION_TOKEN`, and behind either, where the address does not
/// name the region, `@REGION`.
#[derive(PartialEq, Eq)]
pub struct AccessKey<'a> {
    /// Which key it is.
    pub id: &'a str,
    /// The key.
    pub secret: &'a str,
    /// What a temporary one has beside.
    pub session_token: Option<&'a str>,
    /// Where it is to be used, whatever the address says.
    pub region: Option<&'a str>,
}

impl<'a> AwsCredential<'a> {
    /// Reads one; `None`: it has a colon and is no access key, or characters that none has.
    pub fn read(text: &'a str) -> Option<Self> {
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return None;
        }
        if !text.contains(':') {
            return Some(Self::ApiKey(text));
        }
        let (keys, region) = match text.rsplit_once('@') {
            Some((keys, region)) => (keys, Some(region)),
            None => (text, None),
        };
        let mut parts = keys.split(':');
        let (id, secret, session_token) = (parts.next()?, parts.next()?, parts.next());
        let is_empty = [Some(id), Some(secret), session_token, region].contains(&Some(""));
        let is_key = !is_empty && parts.next().is_none();
        is_key.then_some(Self::Keys(AccessKey {
            id,
            secret,
            session_token,
            region,
        }))
    }

    /// Whatever of it must not be repeated.
    pub fn secrets(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let (first, second) = match self {
            Self::Keys(key) => (key.secret, key.session_token),
            Self::ApiKey(key) => (*key, None),
        };
        std::iter::once(first).chain(second)
    }
}

impl fmt::Debug for AwsCredential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AwsCredential(…)")
    }
}

/// The region in the host name of a service of AWS: the label behind the service's own, as in
/// `bedrock-runtime.eu-west-1.amazonaws.com`, its variant with `-fips`, and the names of private endpoints.
pub fn aws_region<'a>(host: &'a str, service: &str) -> Option<&'a str> {
    let mut labels = host.split('.');
    labels.find(|label| label.starts_with(service))?;
    let region = labels.next()?;
    // Such as eu-west-1 or us-gov-east-1.
    let ends_with_number = region.ends_with(|c: char| c.is_ascii_digit());
    (ends_with_number && region.contains('-')).then_some(region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_key_is_read_with_its_token_and_region() {
        let read = |text| AwsCredential::read(text);
        let key = AccessKey {
            id: "AKIDEXAMPLE",
            secret: "a/b+c",
            session_token: None,
            region: None,
        };
        assert!(read("AKIDEXAMPLE:a/b+c") == Some(AwsCredential::Keys(key)));
        let key = AccessKey {
            id: "ASIA",
            secret: "s",
            session_token: Some("t=="),
            region: Some("eu-west-1"),
        };
        assert!(read("ASIA:s:t==@eu-west-1") == Some(AwsCredential::Keys(key)));
        assert!(read("ABSKabc=") == Some(AwsCredential::ApiKey("ABSKabc=")));
        for bad in ["a:", ":s", "a:s:", "a:s:t:u", "a:s@", "a: s", "a\nb"] {
            assert!(read(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_host_names_its_region_or_does_not() {
        for (host, region) in [
            ("bedrock-runtime.eu-west-1.amazonaws.com", Some("eu-west-1")),
            (
                "bedrock-runtime-fips.us-gov-east-1.amazonaws.com",
                Some("us-gov-east-1"),
            ),
            (
                "vpce-1-2.bedrock-runtime.us-east-1.vpce.amazonaws.com",
                Some("us-east-1"),
            ),
            ("bedrock-runtime.example.com", None),
            ("127.0.0.1", None),
            ("bedrock-runtime", None),
        ] {
            assert_eq!(aws_region(host, "bedrock-runtime"), region, "{host}");
        }
    }

    #[test]
    fn google_credentials_are_told_apart() {
        let account = r#"{"type": "service_account", "private_key_id": "k", "private_key": "p", "client_email": "e", "token_uri": "u"}"#;
        assert!(matches!(
            GoogleCredential::read(account),
            Some(GoogleCredential::ServiceAccount(account)) if account.client_email == "e"
        ));
        assert!(GoogleCredential::read(r#"{"type": "authorized_user"}"#).is_none());
        assert!(matches!(
            GoogleCredential::read("AIzaSy"),
            Some(GoogleCredential::ApiKey("AIzaSy"))
        ));
        assert!(matches!(
            GoogleCredential::read("ya29.x"),
            Some(GoogleCredential::AccessToken("ya29.x"))
        ));
    }
}
