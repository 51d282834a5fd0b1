//! What a key may be used for: which models, endpoints and client addresses.

use std::net::IpAddr;

use globset::{Glob, GlobMatcher};
use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::address::address_block;
use super::endpoint::Endpoint;
use super::error::{Code, Error};

/// What a key may be used for; an empty list allows all.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Permissions {
    models: Vec<Pattern>,
    endpoints: Vec<Endpoint>,
    ips: Vec<IpNet>,
}

/// A list entry that cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct PatternError {
    /// The field's path, such as `permissions.ips`.
    pub field: &'static str,
    /// What to write instead.
    pub message: String,
}

impl Permissions {
    /// Reads the lists of the API: model globs (`gpt-4o*`), endpoint names (`chat`), addresses or CIDR blocks (`10.0.0.0/8`).
    ///
    /// # Errors
    /// For the first entry that cannot be read.
    pub fn parse(
        models: &[String],
        endpoints: &[String],
        ips: &[String],
    ) -> Result<Self, PatternError> {
        Ok(Self {
            models: models.iter().map(|text| Pattern::parse(text)).collect::<Result<_, _>>()?,
            endpoints: endpoints
                .iter()
                .map(|word| {
                    Endpoint::parse(word).ok_or_else(|| PatternError {
                        field: "permissions.endpoints",
                        message: format!("{word:?} is no endpoint; use any of {}.", Endpoint::ALL.map(Endpoint::as_str).join(", ")),
                    })
                })
                .collect::<Result<_, _>>()?,
            ips: ips
                .iter()
                .map(|text| {
                    address_block(text).ok_or_else(|| PatternError {
                        field: "permissions.ips",
                        message: format!("{text:?} is no address; write one such as 10.0.0.1, 10.0.0.0/8 or 2001:db8::/32."),
                    })
                })
                .collect::<Result<_, _>>()?,
        })
    }

    /// The model globs as entered.
    pub fn models(&self) -> impl Iterator<Item = &str> {
        self.models.iter().map(|pattern| pattern.0.glob().glob())
    }

    /// The endpoints' names.
    pub fn endpoints(&self) -> impl Iterator<Item = &'static str> {
        self.endpoints.iter().map(|endpoint| endpoint.as_str())
    }

    /// The address blocks.
    pub fn ips(&self) -> impl Iterator<Item = String> {
        self.ips.iter().map(IpNet::to_string)
    }

    /// Whether this model may be used.
    pub fn allows_model(&self, model: &str) -> bool {
        self.models.is_empty() || self.models.iter().any(|pattern| pattern.0.is_match(model))
    }

    /// Checks the client's address: holds on every route.
    ///
    /// # Errors
    /// `ip_not_allowed`.
    pub fn check_ip(&self, client: IpAddr) -> Result<(), Error> {
        let client = client.to_canonical();
        if self.ips.is_empty() || self.ips.iter().any(|net| net.contains(&client)) {
            return Ok(());
        }
        Err(Error::new(
            Code::IpNotAllowed,
            format!(
                "This API key may not be used from {client}. Call from an allowed address, or have the address added to the key."
            ),
        ))
    }

    /// Checks endpoint and model of a call.
    ///
    /// # Errors
    /// `endpoint_not_allowed`, `model_not_allowed`.
    pub fn check_call(&self, endpoint: Endpoint, model: &str) -> Result<(), Error> {
        if !self.endpoints.is_empty() && !self.endpoints.contains(&endpoint) {
            return Err(Error::new(
                Code::EndpointNotAllowed,
                format!(
                    "This API key may not use the endpoint {:?}. Use another endpoint, or have it added to the key.",
                    endpoint.as_str()
                ),
            ));
        }
        if !self.allows_model(model) {
            return Err(Error::new(
                Code::ModelNotAllowed,
                format!("This API key may not use the model {model:?}. GET /v1/models lists the models it may use."),
            )
            .param("model"));
        }
        Ok(())
    }
}

/// A glob over model names, kept compiled. `/` is an ordinary character: model names such as `meta-llama/Llama-3` have it.
#[derive(Clone, Debug)]
struct Pattern(GlobMatcher);

impl Pattern {
    fn parse(text: &str) -> Result<Self, PatternError> {
        let invalid = |why: String| PatternError {
            field: "permissions.models",
            message: format!("{text:?} is no model pattern: {why}."),
        };
        if text.is_empty() || text.len() > 200 {
            return Err(invalid(
                "write 1 to 200 characters, such as gpt-4o*".to_owned(),
            ));
        }
        Glob::new(text)
            .map(|glob| Self(glob.compile_matcher()))
            .map_err(|e| invalid(e.kind().to_string()))
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.glob() == other.0.glob()
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.glob().glob())
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(models: &[&str], endpoints: &[&str], ips: &[&str]) -> Result<Permissions, PatternError> {
        let own = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        Permissions::parse(&own(models), &own(endpoints), &own(ips))
    }

    #[test]
    fn empty_lists_allow_all() {
        let all = Permissions::default();
        assert!(all.check_call(Endpoint::Chat, "anything").is_ok());
        assert!(all.check_ip("203.0.113.9".parse().unwrap()).is_ok());
    }

    #[test]
    fn globs_endpoints_and_blocks_bind() {
        let some = of(
            &["gpt-4o*", "meta-llama/*"],
            &["chat"],
            &["10.0.0.0/8", "2001:db8::1"],
        )
        .unwrap();
        assert!(some.check_call(Endpoint::Chat, "gpt-4o-mini").is_ok());
        assert!(
            some.check_call(Endpoint::Chat, "meta-llama/Llama-3/8b")
                .is_ok()
        );
        assert_eq!(
            some.check_call(Endpoint::Chat, "gpt-5").unwrap_err().code,
            Code::ModelNotAllowed
        );
        assert_eq!(
            some.check_call(Endpoint::Embeddings, "gpt-4o")
                .unwrap_err()
                .code,
            Code::EndpointNotAllowed
        );
        assert!(some.check_ip("::ffff:10.1.2.3".parse().unwrap()).is_ok());
        assert!(some.check_ip("2001:db8::1".parse().unwrap()).is_ok());
        assert_eq!(
            some.check_ip("192.0.2.1".parse().unwrap())
                .unwrap_err()
                .code,
            Code::IpNotAllowed
        );
    }

    #[test]
    fn what_cannot_be_read_names_its_field() {
        assert_eq!(
            of(&["a[b"], &[], &[]).unwrap_err().field,
            "permissions.models"
        );
        assert_eq!(
            of(&[], &["chats"], &[]).unwrap_err().field,
            "permissions.endpoints"
        );
        assert_eq!(
            of(&[], &[], &["10.0.0.0/33"]).unwrap_err().field,
            "permissions.ips"
        );
    }
}
