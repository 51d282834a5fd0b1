//! The price catalogue: `config/models.toml`, read once at start.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;

use crate::domain::{Error, Model, Money, MoneyError, Price, PriceSource, Result};

/// The catalogue that the binary carries.
pub const EMBEDDED: &str = include_str!("../../config/models.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    model: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    #[serde(default)]
    aliases: Vec<String>,
    provider: String,
    input_usd_per_mtok: String,
    cached_input_usd_per_mtok: Option<String>,
    cache_write_usd_per_mtok: Option<String>,
    output_usd_per_mtok: Option<String>,
    reasoning_usd_per_mtok: Option<String>,
    per_request_usd: Option<String>,
    context_tokens: Option<u32>,
    max_output_tokens: Option<u32>,
    source: String,
    taken_on: String,
}

/// A price in dollars for a million tokens is finer than a picodollar a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PriceError {
    /// Not an amount of money.
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// Finer than can be counted.
    #[error("at most 6 digits after the point")]
    TooFine,
}

/// Dollars for a million tokens as money for one token.
///
/// # Errors
/// When the text is no amount of money or finer than a picodollar a token.
pub fn per_token(usd_per_mtok: &str) -> Result<Money, PriceError> {
    let million = Money::from_usd(usd_per_mtok)?.as_pico();
    if million.is_multiple_of(1_000_000) {
        Ok(Money::from_pico(million / 1_000_000))
    } else {
        Err(PriceError::TooFine)
    }
}

/// Money for one token as dollars for a million.
pub fn per_mtok(per_token: Money) -> Money {
    per_token.times(1_000_000)
}

/// Reads a catalogue: models by name and by each alias.
///
/// # Errors
/// When the text is no catalogue; the message names the model.
pub(super) fn parse(text: &str) -> Result<HashMap<String, Arc<Model>>> {
    let file: File = toml::from_str(text).map_err(Error::internal)?;
    let mut models = HashMap::with_capacity(file.model.len());
    for entry in file.model {
        let price = price(&entry)
            .map_err(|e| Error::internal(format!("model catalogue, {}: {e}", entry.name)))?;
        let source = PriceSource::Catalogue {
            url: entry.source.clone(),
            taken_on: entry.taken_on.clone(),
        };
        for name in std::iter::once(&entry.name).chain(&entry.aliases) {
            let model = Model {
                name: name.clone(),
                price: Some(price),
                context_tokens: entry.context_tokens,
                max_output_tokens: entry.max_output_tokens,
                source: source.clone(),
            };
            if models.insert(name.clone(), Arc::new(model)).is_some() {
                return Err(Error::internal(format!(
                    "model catalogue: {name} stands there twice"
                )));
            }
        }
    }
    Ok(models)
}

/// The catalogue's names of a provider's models, without aliases; none where the catalogue cannot be read.
pub fn names_of(provider: &str) -> Vec<String> {
    let file: Option<File> = toml::from_str(EMBEDDED).ok();
    let models = file.map(|file| file.model).unwrap_or_default();
    models
        .into_iter()
        .filter(|entry| entry.provider == provider)
        .map(|entry| entry.name)
        .collect()
}

fn price(entry: &Entry) -> Result<Price, PriceError> {
    let optional = |text: &Option<String>| text.as_deref().map(per_token).transpose();
    Ok(Price {
        input: per_token(&entry.input_usd_per_mtok)?,
        cached_input: optional(&entry.cached_input_usd_per_mtok)?,
        cache_write: optional(&entry.cache_write_usd_per_mtok)?,
        output: optional(&entry.output_usd_per_mtok)?.unwrap_or_default(),
        reasoning: optional(&entry.reasoning_usd_per_mtok)?,
        per_request: entry
            .per_request_usd
            .as_deref()
            .map(Money::from_usd)
            .transpose()?
            .unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_catalogue_reads_and_prices_the_echo_model() {
        let models = parse(EMBEDDED).unwrap();
        assert!(models.len() > 50, "{} models", models.len());
        let echo = models["echo"].price.unwrap();
        assert_eq!(per_mtok(echo.input), Money::from_usd("1").unwrap());
    }

    #[test]
    fn every_price_is_dated_and_sourced() {
        for model in parse(EMBEDDED).unwrap().values() {
            let PriceSource::Catalogue { url, taken_on } = &model.source else {
                panic!("{}", model.name)
            };
            assert!(
                !url.is_empty() && taken_on.parse::<jiff::civil::Date>().is_ok(),
                "{}",
                model.name
            );
        }
    }

    #[test]
    fn a_price_finer_than_can_be_counted_is_refused() {
        assert_eq!(per_token("0.0375").unwrap(), Money::from_pico(37_500));
        assert_eq!(per_token("0.0000001"), Err(PriceError::TooFine));
    }
}
