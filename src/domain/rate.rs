//! The pace of a key or an account: so many requests a second, and how many of them at once.
//!
//! A limit a minute lets all of its minute come in one blow; a pace spreads them. It is held in thousandths of a request a
//! second, so that one request in five seconds (0.2) is exact.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Requests a second, to three digits after the point.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Rps(NonZeroU32);

/// Why a decimal is no number of requests a second.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("requests a second are between 0.001 and 1,000,000, with at most 3 digits after the point")]
pub struct RpsError;

const DIGITS: usize = 3;
const MOST_THOUSANDTHS: u32 = 1_000_000_000;

impl Rps {
    /// Reads a decimal such as `10` or `0.2` exactly.
    ///
    /// # Errors
    /// When it is none, too fine, too small or too large.
    pub fn parse(text: &str) -> Result<Self, RpsError> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let fraction = fraction.trim_end_matches('0');
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > DIGITS {
            return Err(RpsError);
        }
        let thousandths: u32 = format!("{whole}{fraction:0<DIGITS$}")
            .parse()
            .map_err(|_| RpsError)?;
        NonZeroU32::new(thousandths)
            .filter(|thousandths| thousandths.get() <= MOST_THOUSANDTHS)
            .map(Self)
            .ok_or(RpsError)
    }
}

impl fmt::Display for Rps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0.get() / 1_000, self.0.get() % 1_000);
        if rest == 0 {
            return write!(f, "{whole}");
        }
        let fraction = format!("{rest:03}");
        write!(f, "{whole}.{}", fraction.trim_end_matches('0'))
    }
}

/// How fast requests may follow one another.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Pace {
    /// How many a second, in the long run.
    pub rps: Rps,
    /// How many at once after a rest; `None`: as many as a second has, and at least one.
    pub burst: Option<NonZeroU32>,
}

impl Pace {
    /// The largest burst: with the slowest rate it is still a time that can be reckoned with.
    pub const MOST_AT_ONCE: u32 = 1_000_000;

    /// How many may come at once after a rest.
    pub fn at_once(self) -> NonZeroU32 {
        let second = self.rps.0.get().div_ceil(1_000);
        let most = self.burst.map_or(second, NonZeroU32::get);
        NonZeroU32::new(most.min(Self::MOST_AT_ONCE)).unwrap_or(NonZeroU32::MIN)
    }

    /// How long it takes until one more may come; rounded up, so that no second has more than it should.
    pub fn interval(self) -> Duration {
        Duration::from_nanos(1_000_000_000_000_u64.div_ceil(u64::from(self.rps.0.get())))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pace(rps: &str, burst: Option<u32>) -> Pace {
        Pace {
            rps: Rps::parse(rps).unwrap(),
            burst: burst.map(|burst| NonZeroU32::new(burst).unwrap()),
        }
    }

    #[test]
    fn a_second_of_it_comes_at_once_unless_said_otherwise() {
        for (rps, burst, at_once, nanos) in [
            ("10", None, 10, 100_000_000),
            ("0.2", None, 1, 5_000_000_000),
            ("2.5", None, 3, 400_000_000),
            ("3", Some(1), 1, 333_333_334),
            ("0.001", Some(1_000_000), 1_000_000, 1_000_000_000_000),
            ("1000000", None, 1_000_000, 1_000),
        ] {
            let pace = pace(rps, burst);
            assert_eq!(pace.at_once().get(), at_once, "{rps}");
            assert_eq!(pace.interval(), Duration::from_nanos(nanos), "{rps}");
        }
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for text in [
            "0",
            "-1",
            "0.0001",
            "1000000.001",
            "1e3",
            "",
            ".5",
            "1.2.3",
            "+1",
            "99999999999",
            "NaN",
        ] {
            assert_eq!(Rps::parse(text), Err(RpsError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_rate_is_written_as_it_is_read(thousandths in 1..=MOST_THOUSANDTHS) {
            let rps = Rps(NonZeroU32::new(thousandths).unwrap());
            prop_assert_eq!(Rps::parse(&rps.to_string()), Ok(rps));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = Rps::parse(&text);
        }
    }
}
