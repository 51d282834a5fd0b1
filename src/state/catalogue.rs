//! The price catalogue: `config/models.toml`, read once at start.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;

use crate::domain::{
    Error, LongContext, MediaPrice, Model, Money, MoneyError, Multiplier, PiecePrice, Price,
    PriceSource, Result,
};

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
    cache_write_1h_usd_per_mtok: Option<String>,
    output_usd_per_mtok: Option<String>,
    reasoning_usd_per_mtok: Option<String>,
    audio_input_usd_per_mtok: Option<String>,
    audio_cached_input_usd_per_mtok: Option<String>,
    audio_output_usd_per_mtok: Option<String>,
    image_input_usd_per_mtok: Option<String>,
    image_cached_input_usd_per_mtok: Option<String>,
    image_output_usd_per_mtok: Option<String>,
    per_request_usd: Option<String>,
    per_image_usd: Option<String>,
    per_second_usd: Option<String>,
    per_character_usd: Option<String>,
    per_search_usd: Option<String>,
    long_context: Option<Long>,
    flex_factor: Option<String>,
    priority_factor: Option<String>,
    context_tokens: Option<u32>,
    max_output_tokens: Option<u32>,
    source: String,
    taken_on: String,
}

/// Above so long a prompt the whole call is dearer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Long {
    above_tokens: u32,
    input_factor: String,
    output_factor: String,
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
    /// Not a factor.
    #[error("a factor is a number from 0 to 1000 with at most 6 digits after the point")]
    NotAFactor,
    /// A long prompt that would be cheaper.
    #[error("a factor on long prompts is at least 1")]
    FactorBelowOne,
}

/// A factor on prices.
///
/// # Errors
/// When the text is none.
pub fn factor(text: &str) -> Result<Multiplier, PriceError> {
    Multiplier::parse(text).ok_or(PriceError::NotAFactor)
}

/// A factor on the prices of long prompts, which are never cheaper than short ones.
///
/// # Errors
/// When the text is none, or below 1.
pub fn long_factor(text: &str) -> Result<Multiplier, PriceError> {
    let factor = factor(text)?;
    if factor < Multiplier::ONE {
        return Err(PriceError::FactorBelowOne);
    }
    Ok(factor)
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
    let each = |text: &Option<String>| -> Result<Money, PriceError> {
        Ok(text
            .as_deref()
            .map(Money::from_usd)
            .transpose()?
            .unwrap_or_default())
    };
    let tier = |text: &Option<String>| text.as_deref().map(factor).transpose();
    let long = |long: &Long| -> Result<LongContext, PriceError> {
        Ok(LongContext {
            above: long.above_tokens,
            input: long_factor(&long.input_factor)?,
            output: long_factor(&long.output_factor)?,
        })
    };
    Ok(Price {
        input: per_token(&entry.input_usd_per_mtok)?,
        cached_input: optional(&entry.cached_input_usd_per_mtok)?,
        cache_write: optional(&entry.cache_write_usd_per_mtok)?,
        cache_write_1h: optional(&entry.cache_write_1h_usd_per_mtok)?,
        output: optional(&entry.output_usd_per_mtok)?.unwrap_or_default(),
        reasoning: optional(&entry.reasoning_usd_per_mtok)?,
        audio: MediaPrice {
            input: optional(&entry.audio_input_usd_per_mtok)?,
            cached_input: optional(&entry.audio_cached_input_usd_per_mtok)?,
            output: optional(&entry.audio_output_usd_per_mtok)?,
        },
        image: MediaPrice {
            input: optional(&entry.image_input_usd_per_mtok)?,
            cached_input: optional(&entry.image_cached_input_usd_per_mtok)?,
            output: optional(&entry.image_output_usd_per_mtok)?,
        },
        per_request: each(&entry.per_request_usd)?,
        pieces: PiecePrice {
            image: each(&entry.per_image_usd)?,
            second: each(&entry.per_second_usd)?,
            character: each(&entry.per_character_usd)?,
            search: each(&entry.per_search_usd)?,
        },
        long_context: entry.long_context.as_ref().map(long).transpose()?,
        flex: tier(&entry.flex_factor)?,
        priority: tier(&entry.priority_factor)?,
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
    fn what_is_not_a_token_of_text_has_its_price_too() {
        let models = parse(
            r#"
            [[model]]
            name = "m"
            provider = "p"
            input_usd_per_mtok = "2"
            cache_write_1h_usd_per_mtok = "4"
            audio_input_usd_per_mtok = "32"
            image_output_usd_per_mtok = "40"
            per_second_usd = "0.0001"
            long_context = { above_tokens = 200000, input_factor = "2", output_factor = "1.5" }
            flex_factor = "0.5"
            source = "https://example.com"
            taken_on = "2026-11-24"
            "#,
        )
        .unwrap();
        let price = models["m"].price.unwrap();
        let micro = |usd: u64| Some(Money::from_pico(usd * 1_000_000));
        assert_eq!(
            (price.cache_write_1h, price.audio.input, price.image.output),
            (micro(4), micro(32), micro(40))
        );
        assert_eq!(price.pieces.second, Money::from_usd("0.0001").unwrap());
        let long = LongContext {
            above: 200_000,
            input: Multiplier::from_millionths(2_000_000),
            output: Multiplier::from_millionths(1_500_000),
        };
        assert_eq!(
            (price.long_context, price.flex, price.priority),
            (Some(long), Some(Multiplier::from_millionths(500_000)), None)
        );
    }

    #[test]
    fn a_factor_that_is_none_is_refused() {
        assert_eq!(factor("0.5"), Ok(Multiplier::from_millionths(500_000)));
        assert_eq!(factor("1000.1"), Err(PriceError::NotAFactor));
        assert_eq!(long_factor("0.5"), Err(PriceError::FactorBelowOne));
        assert_eq!(long_factor("1"), Ok(Multiplier::ONE));
    }

    #[test]
    fn a_price_finer_than_can_be_counted_is_refused() {
        assert_eq!(per_token("0.0375").unwrap(), Money::from_pico(37_500));
        assert_eq!(per_token("0.0000001"), Err(PriceError::TooFine));
    }
}
