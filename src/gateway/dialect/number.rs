//! Numbers as providers write them: whole, as `12.0`, or as a text of digits. What is none, or less than zero, is missing: it
//! never spoils the rest of a report, and it is not zero.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::domain::Money;

/// A count, if there is one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Count(pub(super) Option<u64>);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Count;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number")
    }

    fn visit_u64<E>(self, number: u64) -> Result<Count, E> {
        Ok(Count(Some(number)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Count, E> {
        Ok(Count(u64::try_from(number).ok()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Count, E> {
        Ok(Count(whole(number)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Count, E> {
        let text = text.trim();
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let number = if digits(text) {
            Some(text.parse().unwrap_or(u64::MAX))
        } else {
            text.parse().ok().and_then(whole)
        };
        Ok(Count(number))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Count, E> {
        Ok(Count(None))
    }

    fn visit_unit<E>(self) -> Result<Count, E> {
        Ok(Count(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Count, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Count(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Count, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Count(None))
    }
}

/// A number with a fraction, each begun one whole.
fn whole(number: f64) -> Option<u64> {
    (number.is_finite() && number >= 0.0)
        .then(|| format!("{:.0}", number.ceil()))
        .map(|digits| digits.parse().unwrap_or(u64::MAX))
}

/// Reads a member that may be anything; `None`: it is not of this shape.
pub(super) fn lenient<'de, T: Deserialize<'de>>(raw: Option<&'de RawValue>) -> Option<T> {
    serde_json::from_str(raw?.get()).ok()
}

/// Dollars, to the next picodollar; `None`: it is no amount.
pub(super) fn dollars(raw: Option<&RawValue>) -> Option<Money> {
    let text = raw?.get().trim_matches('"').trim();
    if let Ok(exact) = Money::from_usd(text) {
        return Some(exact);
    }
    let number: f64 = text.parse().ok()?;
    (number.is_finite() && number >= 0.0)
        .then(|| Money::from_usd(&format!("{number:.12}")).unwrap_or(Money::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_however_it_is_written_and_nothing_else_is_one() {
        for (json, count) in [
            ("0", Some(0)),
            ("12", Some(12)),
            ("12.0", Some(12)),
            ("12.2", Some(13)),
            ("1e3", Some(1_000)),
            ("1e30", Some(u64::MAX)),
            ("\"12\"", Some(12)),
            ("\"12.0\"", Some(12)),
            ("\"99999999999999999999999\"", Some(u64::MAX)),
            ("-1", None),
            ("-0.5", None),
            ("\"-1\"", None),
            ("\"\"", None),
            ("\"a lot\"", None),
            ("null", None),
            ("true", None),
            ("[1,{\"a\":2}]", None),
            ("{\"a\":[1]}", None),
        ] {
            assert_eq!(
                serde_json::from_str::<Count>(json).unwrap().0,
                count,
                "{json}"
            );
        }
    }

    #[test]
    fn dollars_are_read_to_the_picodollar() {
        let read = |json: &str| dollars(Some(serde_json::from_str(json).unwrap()));
        for (json, pico) in [
            ("0.00014", Some(140_000_000)),
            ("1.4e-4", Some(140_000_000)),
            ("\"0.5\"", Some(500_000_000_000)),
            ("0", Some(0)),
            ("0.00000000000149", Some(1)),
            ("1e40", Some(u64::MAX)),
            ("-1", None),
            ("null", None),
            ("{}", None),
        ] {
            assert_eq!(read(json).map(Money::as_pico), pico, "{json}");
        }
    }
}
