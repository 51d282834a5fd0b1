//! Channels and models as the configuration has them: the fields of the API, under the rules of the API.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use utoipa::PartialSchema;
use utoipa::openapi::{RefOr, Schema};

use super::{channels, models};
use crate::domain::{Error, Result};
use crate::state::{NewChannel, OwnPrice};

/// The fields of a channel.
pub fn channel_fields() -> Vec<String> {
    fields::<channels::NewChannel>()
}

/// Reads a channel.
///
/// # Errors
/// `invalid_field`, with the field's path.
pub fn channel(fields: Map<String, Value>) -> Result<NewChannel> {
    let read: channels::NewChannel = read(fields)?;
    read.checked().map_err(|refusal| refusal.0)
}

/// The fields of a model's price and limits, beside its name.
pub fn model_fields() -> Vec<String> {
    fields::<models::NewPrice>()
}

/// Reads a model's price and limits.
///
/// # Errors
/// `invalid_field`, with the field's path.
pub fn model(fields: Map<String, Value>) -> Result<OwnPrice> {
    let read: models::NewPrice = read(fields)?;
    read.checked().map_err(|refusal| refusal.0)
}

fn read<T: DeserializeOwned>(fields: Map<String, Value>) -> Result<T> {
    serde_path_to_error::deserialize(Value::Object(fields))
        .map_err(|e| Error::invalid_field(e.path().to_string(), e.inner().to_string()))
}

/// Read off the API's description, so that the list cannot go stale.
fn fields<T: PartialSchema>() -> Vec<String> {
    match T::schema() {
        RefOr::T(Schema::Object(object)) => object.properties.into_keys().collect(),
        RefOr::T(_) | RefOr::Ref(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_fields_are_known() {
        for field in ["name", "kind", "credential", "headers", "overrides"] {
            assert!(
                channel_fields().iter().any(|known| known == field),
                "{field}"
            );
        }
        for field in ["input_usd_per_mtok", "context_tokens"] {
            assert!(model_fields().iter().any(|known| known == field), "{field}");
        }
    }
}
