//! Models: public names with their prices and limits.

use serde::{Deserialize, Serialize};

use super::price::Price;
use super::time::Timestamp;

/// A public model name.
pub type ModelName = String;

/// What is known of a model. An entry of the catalogue, or the operator's own.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Model {
    /// Its public name.
    pub name: ModelName,
    /// Its price; `None`: not priced.
    pub price: Option<Price>,
    /// The longest context, in tokens.
    pub context_tokens: Option<u32>,
    /// The most it writes in one call, in tokens.
    pub max_output_tokens: Option<u32>,
    /// Where price and limits come from.
    pub source: PriceSource,
}

/// Where a price comes from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum PriceSource {
    /// `config/models.toml`.
    Catalogue {
        /// The page it was read from.
        url: String,
        /// The date it was read, `YYYY-MM-DD`.
        taken_on: String,
    },
    /// Entered by an admin.
    Own {
        /// When.
        at: Timestamp,
    },
    /// A `[[model]]` of the configuration.
    Config {
        /// The configuration's file.
        file: String,
    },
}
