//! Money in JSON: a number of dollars, exact both ways.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::domain::Money;

/// An amount in US dollars.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ToSchema)]
#[schema(value_type = f64)]
pub(super) struct Usd(pub(super) Money);

impl Serialize for Usd {
    /// The decimal digits themselves, so that no binary fraction comes between.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.0.to_string())
            .map_err(serde::ser::Error::custom)?
            .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Usd {
    /// The shortest decimal that is read as the same number is the one that was written.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        Money::from_usd(&number.to_string())
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_go_through_json_unchanged() {
        for text in ["0.1", "12.345678901", "0.0000025", "3"] {
            let read: Usd = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), text);
        }
        assert_eq!(
            serde_json::from_str::<Usd>("1e-7").unwrap().0,
            Money::from_usd("0.0000001").unwrap()
        );
        assert!(
            serde_json::from_str::<Usd>("-1")
                .unwrap_err()
                .to_string()
                .contains("negative")
        );
    }
}
