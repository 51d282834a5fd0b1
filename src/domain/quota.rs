//! Quotas: caps on money, tokens and requests in three windows, and whether a call fits.

use serde::{Deserialize, Serialize};

use super::money::Money;
use super::rate::Pace;
use super::time::{Day, Month};

/// Caps on consumption; `None` is no cap.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Quota {
    /// Since the beginning; of an account: its balance.
    pub total: Caps,
    /// In a calendar month of the configured time zone.
    pub monthly: Caps,
    /// In a calendar day of the configured time zone.
    pub daily: Caps,
}

/// Caps of one window.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Caps {
    /// Money.
    pub usd: Option<Money>,
    /// Prompt and completion tokens together.
    pub tokens: Option<u64>,
    /// Forwarded requests.
    pub requests: Option<u64>,
}

/// What has been used, or is set aside.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Consumption {
    /// Money.
    pub usd: Money,
    /// Prompt and completion tokens together.
    pub tokens: u64,
    /// Forwarded requests.
    pub requests: u64,
}

impl Consumption {
    /// The sum.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            usd: self.usd.plus(other.usd),
            tokens: self.tokens.saturating_add(other.tokens),
            requests: self.requests.saturating_add(other.requests),
        }
    }

    /// The difference; zero where `other` is more.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self {
            usd: self.usd.minus(other.usd),
            tokens: self.tokens.saturating_sub(other.tokens),
            requests: self.requests.saturating_sub(other.requests),
        }
    }

    /// Whether it takes more money or more tokens than `other`.
    pub fn exceeds(self, other: Self) -> bool {
        self.usd > other.usd || self.tokens > other.tokens
    }
}

/// Consumption in each window, as it stands on one day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Windows {
    /// Since the beginning.
    pub total: Consumption,
    /// The month that `monthly` counts.
    pub month: Month,
    /// In that month.
    pub monthly: Consumption,
    /// The day that `daily` counts.
    pub day: Day,
    /// On that day.
    pub daily: Consumption,
}

impl Windows {
    /// Nothing consumed, on this day.
    pub fn new(day: Day) -> Self {
        Self {
            total: Consumption::default(),
            month: day.month(),
            monthly: Consumption::default(),
            day,
            daily: Consumption::default(),
        }
    }

    /// Begins new windows if `day` is past theirs. A day that lies behind changes nothing: while the gateway runs, its
    /// days never go back, even when the clock does.
    pub fn roll(&mut self, day: Day) {
        if day > self.day {
            let month = day.month();
            if month > self.month {
                self.month = month;
                self.monthly = Consumption::default();
            }
            self.day = day;
            self.daily = Consumption::default();
        }
    }

    /// Adds consumption of a call that was admitted on `day`, to the windows that count that day.
    pub fn add(&mut self, day: Day, amount: Consumption) {
        self.roll(day);
        self.apply(day, |window| *window = window.plus(amount));
    }

    /// Takes back what [`Windows::add`] added for a call of `day`.
    pub fn subtract(&mut self, day: Day, amount: Consumption) {
        self.apply(day, |window| *window = window.minus(amount));
    }

    fn apply(&mut self, day: Day, mut change: impl FnMut(&mut Consumption)) {
        change(&mut self.total);
        if day == self.day {
            change(&mut self.daily);
        }
        if day.month() == self.month {
            change(&mut self.monthly);
        }
    }

    /// Consumption in `window`.
    pub const fn of(&self, window: Window) -> Consumption {
        match window {
            Window::Total => self.total,
            Window::Monthly => self.monthly,
            Window::Daily => self.daily,
        }
    }
}

/// One of the three windows of a quota.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Window {
    /// Since the beginning.
    Total,
    /// A calendar month.
    Monthly,
    /// A calendar day.
    Daily,
}

impl Window {
    /// All of them, the longest-lasting refusal first.
    pub const ALL: [Self; 3] = [Self::Total, Self::Monthly, Self::Daily];

    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Monthly => "monthly",
            Self::Daily => "daily",
        }
    }
}

/// What a cap counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// Money.
    Usd,
    /// Tokens.
    Tokens,
    /// Requests.
    Requests,
}

impl Unit {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Usd, Self::Tokens, Self::Requests];

    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Usd => "usd",
            Self::Tokens => "tokens",
            Self::Requests => "requests",
        }
    }
}

/// The cap that a call does not fit under.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Exceeded {
    /// In which window.
    pub window: Window,
    /// Of what.
    pub unit: Unit,
    /// What is left under this cap.
    pub left: Headroom,
}

/// What is left under all caps; `None` is no cap.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Headroom {
    /// Money.
    pub usd: Option<Money>,
    /// Tokens.
    pub tokens: Option<u64>,
    /// Requests.
    pub requests: Option<u64>,
}

impl Headroom {
    /// The tighter of both in each unit.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        fn tighter<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
            match (a, b) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (one, None) | (None, one) => one,
            }
        }
        Self {
            usd: tighter(self.usd, other.usd),
            tokens: tighter(self.tokens, other.tokens),
            requests: tighter(self.requests, other.requests),
        }
    }

    /// Whether `amount` fits.
    pub fn holds(&self, amount: Consumption) -> bool {
        self.usd.is_none_or(|left| amount.usd <= left)
            && self.tokens.is_none_or(|left| amount.tokens <= left)
            && self.requests.is_none_or(|left| amount.requests <= left)
    }
}

impl Quota {
    /// The caps of `window`.
    pub const fn of(&self, window: Window) -> &Caps {
        match window {
            Window::Total => &self.total,
            Window::Monthly => &self.monthly,
            Window::Daily => &self.daily,
        }
    }

    /// Whether any cap counts money: then only models with a price may be used.
    pub fn counts_money(&self) -> bool {
        Window::ALL
            .iter()
            .any(|window| self.of(*window).usd.is_some())
    }

    /// Whether any cap counts tokens.
    pub fn counts_tokens(&self) -> bool {
        Window::ALL
            .iter()
            .any(|window| self.of(*window).tokens.is_some())
    }

    /// What is left in one window when `used` (booked and set aside together) has been consumed.
    pub fn left(&self, used: &Windows, window: Window) -> Headroom {
        let (caps, used) = (self.of(window), used.of(window));
        Headroom {
            usd: caps.usd.map(|cap| cap.minus(used.usd)),
            tokens: caps.tokens.map(|cap| cap.saturating_sub(used.tokens)),
            requests: caps.requests.map(|cap| cap.saturating_sub(used.requests)),
        }
    }

    /// What is left under all windows together.
    pub fn headroom(&self, used: &Windows) -> Headroom {
        Window::ALL
            .iter()
            .fold(Headroom::default(), |tightest, window| {
                tightest.min(self.left(used, *window))
            })
    }

    /// Whether `ask` fits on top of `used` (booked and set aside together).
    ///
    /// # Errors
    /// The first cap that it does not fit under.
    pub fn fits(&self, used: &Windows, ask: Consumption) -> Result<(), Exceeded> {
        for window in Window::ALL {
            let left = self.left(used, window);
            let unit = if left.usd.is_some_and(|left| ask.usd > left) {
                Unit::Usd
            } else if left.tokens.is_some_and(|left| ask.tokens > left) {
                Unit::Tokens
            } else if left.requests.is_some_and(|left| ask.requests > left) {
                Unit::Requests
            } else {
                continue;
            };
            return Err(Exceeded { window, unit, left });
        }
        Ok(())
    }
}

/// How fast a key, or all keys of an account together, may be used; `None` is no limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct RateLimit {
    /// Requests a minute.
    pub rpm: Option<u32>,
    /// Tokens a minute.
    pub tpm: Option<u32>,
    /// Calls at the same time.
    pub concurrency: Option<u32>,
    /// How closely requests may follow one another.
    pub pace: Option<Pace>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pico(amount: u64) -> Consumption {
        Consumption {
            usd: Money::from_pico(amount),
            tokens: 0,
            requests: 1,
        }
    }

    #[test]
    fn a_call_must_fit_every_window() {
        let quota = Quota {
            total: Caps {
                usd: Some(Money::from_pico(100)),
                ..Caps::default()
            },
            daily: Caps {
                requests: Some(2),
                ..Caps::default()
            },
            ..Quota::default()
        };
        let mut used = Windows::new(Day(20_000));
        assert!(quota.fits(&used, pico(100)).is_ok());
        assert_eq!(quota.fits(&used, pico(101)).unwrap_err().unit, Unit::Usd);
        used.add(Day(20_000), pico(1));
        used.add(Day(20_000), pico(1));
        let exceeded = quota.fits(&used, pico(1)).unwrap_err();
        assert_eq!(
            (exceeded.window, exceeded.unit),
            (Window::Daily, Unit::Requests)
        );
        used.roll(Day(20_001));
        assert!(quota.fits(&used, pico(98)).is_ok());
        assert!(quota.fits(&used, pico(99)).is_err());
    }

    #[test]
    fn a_call_settled_after_midnight_counts_on_the_day_it_was_admitted() {
        let mut used = Windows::new(Day(20_000));
        used.roll(Day(20_001));
        used.add(Day(20_000), pico(5));
        assert_eq!(used.daily, Consumption::default());
        assert_eq!(used.total, pico(5));
    }

    #[test]
    fn a_clock_set_back_opens_no_fresh_window() {
        let mut used = Windows::new(Day(20_001));
        used.add(Day(20_001), pico(5));
        used.roll(Day(20_000));
        assert_eq!(used.daily, pico(5));
    }

    proptest! {
        #[test]
        fn adding_and_subtracting_cancel(days in prop::collection::vec(20_000i32..20_100, 1..40), amount in 1u64..1000) {
            let mut used = Windows::new(Day(20_050));
            for day in &days {
                used.add(Day(*day), pico(amount));
            }
            for day in &days {
                used.subtract(Day(*day), pico(amount));
            }
            prop_assert_eq!((used.total, used.monthly, used.daily), Default::default());
        }

        #[test]
        fn what_fits_is_what_the_headroom_says(cap in 0u64..1000, used in 0u64..1000, ask in 0u64..1000) {
            let quota = Quota { monthly: Caps { usd: Some(Money::from_pico(cap)), ..Caps::default() }, ..Quota::default() };
            let mut windows = Windows::new(Day(20_000));
            windows.add(Day(20_000), pico(used));
            let fits = quota.fits(&windows, pico(ask)).is_ok();
            prop_assert_eq!(fits, ask <= quota.headroom(&windows).usd.unwrap().as_pico());
        }
    }
}
