//! What the fields of a channel may hold.

use std::collections::BTreeMap;

use actix_web::http::Uri;
use serde_json::Number;
use zeroize::Zeroizing;

use super::cloud;
use super::shape::NewCredential;
use crate::console::accounts::Status;
use crate::console::body::name;
use crate::console::refusal::Refusal;
use crate::domain::{ChannelKind, ChannelStatus, Error, Multiplier};
use crate::state::GivenCredential;

/// More would be a mistake.
const MOST_CREDENTIALS: usize = 100;

pub(super) fn channel_name(text: &str) -> Result<String, Refusal> {
    let name = name("name", text)?;
    if name.is_empty() {
        Err(Error::invalid_field("name", "Give the channel a name.").into())
    } else {
        Ok(name)
    }
}

/// Where the provider of a channel is: the address given, else where the kind's own provider is.
pub(super) fn address(kind: ChannelKind, given: Option<&str>) -> Result<String, Refusal> {
    let given = given.map(str::trim).filter(|text| !text.is_empty());
    if kind == ChannelKind::Echo {
        return Ok(String::new());
    }
    match given.or(kind.usual_base_url()) {
        Some(address) => base_url(address),
        None => {
            let example = if kind == ChannelKind::Vertex {
                "https://us-central1-aiplatform.googleapis.com/v1/projects/my-project/locations/us-central1"
            } else if kind == ChannelKind::Bedrock {
                "https://bedrock-runtime.us-east-1.amazonaws.com"
            } else {
                "https://my-resource.openai.azure.com"
            };
            let words = format!(
                "Write where your own is, such as {example}: this kind has no usual address."
            );
            Err(Error::invalid_field("base_url", words).into())
        }
    }
}

/// A version of a provider's interface: a date, or a word.
pub(super) fn api_version(text: &str) -> Result<Option<String>, Refusal> {
    let text = text.trim();
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if text.len() > 64 || !text.chars().all(fits) {
        let words = "Write the version as the provider does, such as 2024-10-21.";
        return Err(Error::invalid_field("api_version", words).into());
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// A provider's address without its trailing slash. A credential in it would be stored and shown in the open.
fn base_url(text: &str) -> Result<String, Refusal> {
    let text = text.trim().trim_end_matches('/');
    let refuse = |words: &str| Err(Error::invalid_field("base_url", words.to_owned()).into());
    let Ok(uri) = text.parse::<Uri>() else {
        return refuse("This is no address; write one such as https://api.openai.com/v1.");
    };
    if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) {
        return refuse(
            "Write an address that begins with https:// or http://, such as https://api.openai.com/v1.",
        );
    }
    if uri
        .authority()
        .is_some_and(|authority| authority.as_str().contains('@'))
    {
        return refuse(
            "Leave the credential out of the address and enter it as the credential: there it is sealed.",
        );
    }
    if uri.query().is_some() {
        return refuse("Leave the query out of the address.");
    }
    Ok(text.to_owned())
}

pub(super) fn models(list: &[String]) -> Result<Vec<String>, Refusal> {
    let mut models: Vec<String> = Vec::with_capacity(list.len());
    for model in list
        .iter()
        .map(|model| model.trim())
        .filter(|model| !model.is_empty())
    {
        if model.len() > 200 || model.chars().any(char::is_control) {
            return Err(Error::invalid_field(
                "models",
                "A model name has at most 200 characters and no control characters.",
            )
            .into());
        }
        if !models.iter().any(|known| known == model) {
            models.push(model.to_owned());
        }
    }
    if models.is_empty() {
        return Err(Error::invalid_field(
            "models",
            "Name at least one model that this channel serves.",
        )
        .into());
    }
    Ok(models)
}

pub(super) fn model_map(
    map: BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Refusal> {
    let bad = |name: &str| {
        name.trim().is_empty() || name.len() > 200 || name.chars().any(char::is_control)
    };
    match map.iter().find(|(public, own)| bad(public) || bad(own)) {
        Some((public, _)) => Err(Error::invalid_field(
            format!("model_map.{public}"),
            "Map a model name to the provider's own, each 1 to 200 characters.",
        )
        .into()),
        None => Ok(map),
    }
}

pub(super) fn weight(weight: u32) -> Result<u32, Refusal> {
    if weight > 1_000_000 {
        Err(Error::invalid_field("weight", "A weight is at most 1,000,000.").into())
    } else {
        Ok(weight)
    }
}

/// A factor with at most six decimals, from 0 to 1000.
pub(super) fn multiplier(number: &Number) -> Result<Multiplier, Refusal> {
    Multiplier::parse(&number.to_string()).ok_or_else(|| {
        Error::invalid_field(
            "price_multiplier",
            "A price multiplier is a number from 0 to 1000 with at most 6 decimals.",
        )
        .into()
    })
}

/// A secret without the spaces around it; blank: none.
pub(super) fn credential(text: Zeroizing<String>) -> Option<Zeroizing<String>> {
    let trimmed = Zeroizing::new(text.trim().to_owned());
    (!trimmed.is_empty()).then_some(trimmed)
}

/// The credentials of a channel, given as one or as a list. `None`: neither was given.
pub(super) fn credentials(
    kind: ChannelKind,
    one: Option<Option<Zeroizing<String>>>,
    list: Option<Vec<NewCredential>>,
) -> Result<Option<Vec<GivenCredential>>, Refusal> {
    let refuse = |words: &str| Err(Error::invalid_field("credentials", words.to_owned()).into());
    let entered = |text| credential(text).map(GivenCredential::Entered);
    let Some(list) = list else {
        let one = one.map(|text| text.and_then(entered));
        if let Some(Some(GivenCredential::Entered(text))) = &one {
            cloud::check(kind, text)?;
        }
        return Ok(one.map(|given| given.into_iter().collect()));
    };
    if one.is_some() {
        return refuse("Give one credential or a list of credentials, not both.");
    }
    if list.len() > MOST_CREDENTIALS {
        return refuse("A channel has at most 100 credentials.");
    }
    for given in &list {
        if let NewCredential::Entered(text) = given {
            cloud::check(kind, text.trim())?;
        }
    }
    let given = list.into_iter().map(|given| match given {
        NewCredential::Entered(text) => entered(Zeroizing::new(text)),
        NewCredential::Kept { id } => Some(GivenCredential::Kept(id)),
    });
    match given.collect() {
        Some(given) => Ok(Some(given)),
        None => refuse("A credential cannot be blank."),
    }
}

pub(super) fn status(status: Status) -> ChannelStatus {
    match status {
        Status::Active => ChannelStatus::Active,
        Status::Disabled => ChannelStatus::Disabled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_without_a_usual_address_asks_for_ones_own() {
        let ask = |kind| address(kind, Some(" ")).map_err(|refusal| refusal.0.message);
        assert!(ask(ChannelKind::OpenAi).is_ok_and(|url| url.ends_with("/v1")));
        for (kind, part) in [
            (ChannelKind::AzureOpenAi, "azure.com"),
            (ChannelKind::Vertex, "/projects/"),
            (ChannelKind::Bedrock, "bedrock-runtime"),
        ] {
            assert!(ask(kind).unwrap_err().contains(part));
        }
    }

    #[test]
    fn addresses_are_checked_and_trimmed() {
        assert_eq!(
            base_url(" https://api.openai.com/v1/ ").unwrap(),
            "https://api.openai.com/v1"
        );
        for bad in [
            "",
            "api.openai.com",
            "ftp://x/v1",
            "https://",
            "http://user:pw@host/v1",
            "https://host/v1?x=1",
        ] {
            assert!(base_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn multipliers_are_exact() {
        let read = |text: &str| {
            multiplier(&serde_json::from_str(text).unwrap())
                .map(Multiplier::as_millionths)
                .ok()
        };
        for (text, expected) in [
            ("1", Some(1_000_000)),
            ("0.000001", Some(1)),
            ("1.5", Some(1_500_000)),
            ("1000", Some(1_000_000_000)),
            ("0", Some(0)),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
        for bad in ["-1", "1000.1", "0.0000001"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
