//! Points in time and the windows they fall into. Nothing here reads a clock: `now` is always given.

use std::fmt;
use std::time::Duration;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// A point in time: microseconds since 1970-01-01T00:00:00 UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
pub struct Timestamp(i64);

const MICROS_PER_HOUR: i64 = 3_600_000_000;

impl Timestamp {
    /// From microseconds since the Unix epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since the Unix epoch, rounded down.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// This much later; stops at the end of time instead of overflowing.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)),
        )
    }

    /// This much earlier; stops at the beginning of time instead of overflowing.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)),
        )
    }

    /// Time passed since `earlier`; zero when `earlier` lies ahead (a clock that was set back).
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The UTC hour in which this point lies.
    pub fn hour(self) -> Hour {
        Hour(i32::try_from(self.0.div_euclid(MICROS_PER_HOUR)).unwrap_or(i32::MAX))
    }

    /// Parses RFC 3339, such as `2026-11-24T07:00:00Z`.
    ///
    /// # Errors
    /// When the text is not a date with a time and an offset.
    pub fn parse(text: &str) -> Result<Self, jiff::Error> {
        text.parse::<jiff::Timestamp>()
            .map(|t| Self(t.as_microsecond()))
    }

    fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.0).unwrap_or(if self.0 < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        })
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with milliseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.to_jiff())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An hour of UTC, counted from the Unix epoch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Hour(pub i32);

impl Hour {
    /// The first instant of this hour.
    pub fn start(self) -> Timestamp {
        Timestamp(i64::from(self.0) * MICROS_PER_HOUR)
    }
}

/// A calendar day in the configured time zone, counted from 1970-01-01.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Day(pub i32);

impl Day {
    /// The calendar month that holds this day.
    pub fn month(self) -> Month {
        let date = self.date();
        Month(i32::from(date.year()) * 12 + i32::from(date.month()) - 1)
    }

    /// The calendar date.
    pub fn date(self) -> Date {
        Date::new(1970, 1, 1)
            .ok()
            .and_then(|epoch| epoch.checked_add(jiff::Span::new().days(self.0)).ok())
            .unwrap_or(Date::ZERO)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.date().fmt(f)
    }
}

/// A calendar month in the configured time zone: year × 12 + month − 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Month(pub i32);

/// The time zone in which daily and monthly windows roll over.
#[derive(Clone, Debug)]
pub struct TimeZone(jiff::tz::TimeZone);

impl TimeZone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(jiff::tz::TimeZone::UTC);

    /// A zone by its IANA name, such as `Europe/Berlin`.
    ///
    /// # Errors
    /// When no zone bears that name.
    pub fn named(name: &str) -> Result<Self, jiff::Error> {
        jiff::tz::TimeZone::get(name).map(Self)
    }

    /// The zone's IANA name.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The calendar day of `at` in this zone.
    pub fn day(&self, at: Timestamp) -> Day {
        let local = self.0.to_datetime(at.to_jiff());
        Day(days_since_epoch(local.date()))
    }

    /// The first instant of `day` in this zone.
    pub fn start_of(&self, day: Day) -> Timestamp {
        self.0
            .to_timestamp(day.date().to_datetime(jiff::civil::Time::midnight()))
            .map_or(Timestamp(0), |start| Timestamp(start.as_microsecond()))
    }

    /// The first instant of the day after `day`: when daily windows roll over.
    pub fn end_of_day(&self, day: Day) -> Timestamp {
        self.start_of(Day(day.0.saturating_add(1)))
    }

    /// The first instant of the month after `month`: when monthly windows roll over.
    pub fn end_of_month(&self, month: Month) -> Timestamp {
        let next = month.0.saturating_add(1);
        let first = i16::try_from(next.div_euclid(12))
            .ok()
            .zip(i8::try_from(next.rem_euclid(12) + 1).ok())
            .and_then(|(year, month)| Date::new(year, month, 1).ok());
        first.map_or(Timestamp(i64::MAX), |date| {
            self.start_of(Day(days_since_epoch(date)))
        })
    }
}

fn days_since_epoch(date: Date) -> i32 {
    Date::new(1970, 1, 1)
        .ok()
        .and_then(|epoch| date.since((jiff::Unit::Day, epoch)).ok())
        .map_or(0, |span| span.get_days())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn days_and_months_roll_at_local_midnight() {
        let berlin = TimeZone::named("Europe/Berlin").unwrap();
        let before = berlin.day(at("2026-10-31T22:59:59Z"));
        let after = berlin.day(at("2026-10-31T23:00:00Z"));
        assert_eq!(before.to_string(), "2026-10-31");
        assert_eq!(after.to_string(), "2026-11-01");
        assert_eq!(after.month(), Month(before.month().0 + 1));
    }

    #[test]
    fn a_day_of_25_hours_ends_at_its_own_midnight() {
        let berlin = TimeZone::named("Europe/Berlin").unwrap();
        let day = berlin.day(at("2026-10-25T10:00:00Z"));
        assert_eq!(
            berlin.end_of_day(day).since(berlin.start_of(day)),
            Duration::from_secs(25 * 3600)
        );
        assert_eq!(berlin.end_of_month(day.month()), at("2026-10-31T23:00:00Z"));
    }

    #[test]
    fn times_print_with_milliseconds_and_parse_back() {
        let time = at("2026-11-24T07:00:00.123Z");
        assert_eq!(time.to_string(), "2026-11-24T07:00:00.123Z");
        assert_eq!(time.hour().start(), at("2026-11-24T07:00:00Z"));
    }

    /// With daylight saving in either hemisphere, by half an hour, at midnight itself, with a day that never was, and none.
    const ZONES: [&str; 9] = [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "America/Santiago",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
        "Africa/Casablanca",
        "Asia/Beirut",
        "Pacific/Apia",
    ];

    #[test]
    fn days_of_23_24_and_25_hours_begin_where_the_one_before_ends() {
        for zone in ZONES.map(|name| TimeZone::named(name).unwrap()) {
            let first = zone.day(at("2011-01-15T12:00:00Z"));
            for day in (first.0..first.0 + 6_000).map(Day) {
                let (start, end) = (zone.start_of(day), zone.end_of_day(day));
                assert_eq!(end, zone.start_of(Day(day.0 + 1)));
                let hours = end.since(start).as_secs() / 3_600;
                // Samoa left out the 30th of December 2011.
                if hours == 0 {
                    assert_eq!(
                        (zone.name(), day.to_string().as_str()),
                        ("Pacific/Apia", "2011-12-30")
                    );
                    continue;
                }
                assert!(
                    (23..=25).contains(&hours),
                    "{day} in {} has {hours} h",
                    zone.name()
                );
                let microsecond = Duration::from_micros(1);
                assert_eq!(
                    (zone.day(start), zone.day(end.before(microsecond))),
                    (day, day)
                );
                assert!(zone.day(start.before(microsecond)) < day);
            }
        }
    }

    #[test]
    fn a_month_begins_with_its_first_day_where_the_one_before_ends() {
        for zone in ZONES.map(|name| TimeZone::named(name).unwrap()) {
            for month in (2020 * 12..2040 * 12).map(Month) {
                let end = zone.end_of_month(month);
                let first = zone.day(end);
                assert_eq!((first.month(), first.date().day()), (Month(month.0 + 1), 1));
                assert_eq!(zone.start_of(first), end);
                assert_eq!(
                    zone.day(end.before(Duration::from_micros(1))).month(),
                    month
                );
            }
        }
    }

    proptest! {
        #[test]
        fn every_moment_lies_in_its_day_and_days_never_go_back(
            zone in prop::sample::select(&ZONES[..]),
            seconds in 1_577_836_800i64..2_208_988_800,
            later in 0i64..200_000,
        ) {
            let zone = TimeZone::named(zone).unwrap();
            let moment = Timestamp::from_micros(seconds * 1_000_000);
            let day = zone.day(moment);
            prop_assert!(zone.start_of(day) <= moment && moment < zone.end_of_day(day));
            prop_assert!(moment < zone.end_of_month(day.month()));
            prop_assert!(zone.day(moment.after(Duration::from_secs(later.unsigned_abs()))) >= day);
        }
    }
}
