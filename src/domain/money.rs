//! Money: an exact count of picodollars. Floating point never enters; JSON numbers are read and written as decimals.

use std::fmt;
use std::iter::Sum;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An amount of money in picodollars (1e-12 USD), never negative, at most about 18.4 million USD.
///
/// A picodollar is fine enough that a price such as $0.0375 per million tokens is a whole number of them per token.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Money(u64);

/// Why a decimal is not an amount of money.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MoneyError {
    /// Not digits with at most one point.
    #[error("not a decimal number of dollars")]
    NotDecimal,
    /// Less than zero.
    #[error("an amount of money cannot be negative")]
    Negative,
    /// Finer than a picodollar.
    #[error("at most 12 digits after the point")]
    TooFine,
    /// More than the type holds.
    #[error("at most 18,000,000 dollars")]
    TooLarge,
}

const PICO_DIGITS: usize = 12;

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The most that can be held; sums stop here instead of wrapping.
    pub const MAX: Self = Self(u64::MAX);

    /// From picodollars.
    pub const fn from_pico(pico: u64) -> Self {
        Self(pico)
    }

    /// In picodollars.
    pub const fn as_pico(self) -> u64 {
        self.0
    }

    /// The sum; `MAX` where it would not fit.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The sum; `None` where it would not fit.
    pub fn checked_plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference; zero where `other` is more.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// This amount `count` times; `MAX` where it would not fit.
    #[must_use]
    pub const fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(count))
    }

    /// Reads dollars such as `12`, `0.0375` or `1e-7` exactly.
    ///
    /// # Errors
    /// When the text is no decimal, is negative, is finer than a picodollar or too large.
    pub fn from_usd(text: &str) -> Result<Self, MoneyError> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (
                mantissa,
                exponent
                    .parse::<i32>()
                    .map_err(|_| MoneyError::NotDecimal)?,
            ),
            None => (text, 0),
        };
        if mantissa.starts_with('-') {
            return Err(MoneyError::Negative);
        }
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = [whole, fraction].concat();
        if digits.is_empty() || whole.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(MoneyError::NotDecimal);
        }
        let fraction_len = i32::try_from(fraction.len()).map_err(|_| MoneyError::TooFine)?;
        let value: u128 = match digits.trim_start_matches('0') {
            "" => return Ok(Self::ZERO),
            significant => significant.parse().map_err(|_| MoneyError::TooLarge)?,
        };
        let shift = exponent
            .checked_sub(fraction_len)
            .and_then(|e| e.checked_add(12))
            .ok_or(MoneyError::TooLarge)?;
        let power = 10u128.checked_pow(shift.unsigned_abs());
        let pico = if shift >= 0 {
            power
                .and_then(|p| value.checked_mul(p))
                .ok_or(MoneyError::TooLarge)?
        } else {
            match power {
                Some(p) if value.is_multiple_of(p) => value / p,
                _ => return Err(MoneyError::TooFine),
            }
        };
        u64::try_from(pico)
            .map(Self)
            .map_err(|_| MoneyError::TooLarge)
    }
}

impl FromStr for Money {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        Self::from_usd(text)
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::plus)
    }
}

impl fmt::Display for Money {
    /// Dollars as a plain decimal without trailing zeros, such as `0.0375`: also a valid JSON number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, pico) = (self.0 / 1_000_000_000_000, self.0 % 1_000_000_000_000);
        if pico == 0 {
            return write!(f, "{whole}");
        }
        let fraction = format!("{pico:0width$}", width = PICO_DIGITS);
        write!(f, "{whole}.{}", fraction.trim_end_matches('0'))
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${self}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dollars_are_read_exactly() {
        for (text, pico) in [
            ("0", 0),
            ("1", 1_000_000_000_000),
            ("0.0375", 37_500_000_000),
            ("1e-7", 100_000),
            ("2.5E1", 25_000_000_000_000),
            ("0.000000000001", 1),
            ("000.10", 100_000_000_000),
        ] {
            assert_eq!(Money::from_usd(text), Ok(Money(pico)), "{text}");
        }
    }

    #[test]
    fn what_is_no_money_is_refused() {
        for (text, error) in [
            ("", MoneyError::NotDecimal),
            (".", MoneyError::NotDecimal),
            (".5", MoneyError::NotDecimal),
            ("1.2.3", MoneyError::NotDecimal),
            ("NaN", MoneyError::NotDecimal),
            ("-1", MoneyError::Negative),
            ("0.0000000000001", MoneyError::TooFine),
            ("1e-13", MoneyError::TooFine),
            ("99999999999", MoneyError::TooLarge),
            ("1e400", MoneyError::TooLarge),
        ] {
            assert_eq!(Money::from_usd(text), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn printing_and_reading_agree(pico: u64) {
            prop_assert_eq!(Money::from_usd(&Money(pico).to_string()), Ok(Money(pico)));
        }

        #[test]
        fn a_json_number_keeps_twelve_digits(micro in 0u64..10_000_000_000) {
            let money = Money(micro * 1_000_000);
            let json: serde_json::Number = serde_json::from_str(&money.to_string()).unwrap();
            prop_assert_eq!(Money::from_usd(&json.to_string()), Ok(money));
        }
    }
}
