//! What admins set for all keys that are made from now on.

use std::time::Duration;

use super::error::Error;
use super::key::ApiKey;
use super::quota::Quota;
use super::time::Timestamp;

const SECONDS_PER_DAY: u64 = 86_400;
/// A hundred years: more than that is no limit.
const LONGEST_DAYS: u32 = 36_500;

/// What holds for new keys, whoever makes them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct KeyPolicy {
    /// How many days a key may live at most, from its creation; `None`: for ever.
    pub max_lifetime_days: Option<u32>,
    /// What a key may consume that was made without a quota.
    pub default_quota: Quota,
}

impl KeyPolicy {
    /// Checks a longest lifetime; `field` is where it was entered.
    ///
    /// # Errors
    /// `invalid_field` when it is no number of days from 1 to 36,500.
    pub fn check_lifetime(field: &str, days: u32) -> Result<(), Error> {
        if (1..=LONGEST_DAYS).contains(&days) {
            return Ok(());
        }
        Err(Error::invalid_field(
            field,
            format!("Write 1 to {LONGEST_DAYS} days, or null for no limit."),
        ))
    }

    /// The end of the longest life of a key that is made at this time.
    fn latest(&self, created_at: Timestamp) -> Option<Timestamp> {
        let seconds = u64::from(self.max_lifetime_days?) * SECONDS_PER_DAY;
        Some(created_at.after(Duration::from_secs(seconds)))
    }

    /// When a key made `now` expires: as asked, or else at the end of the longest life.
    ///
    /// # Errors
    /// `invalid_field` when that would be too long a life.
    pub fn expiry(
        &self,
        asked: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, Error> {
        match (asked, self.latest(now)) {
            (Some(asked), Some(latest)) if asked > latest => Err(self.too_long(latest)),
            (asked, latest) => Ok(asked.or(latest)),
        }
    }

    /// When a key made `now` expires that is to live as long as another, but no longer than it may.
    pub fn expiry_within(&self, end: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        end.into_iter().chain(self.latest(now)).min()
    }

    /// Whether a key's end may be moved: to earlier always, to later within the longest life.
    ///
    /// # Errors
    /// `invalid_field` when it would live too long.
    pub fn check_extension(&self, key: &ApiKey, to: Option<Timestamp>) -> Result<(), Error> {
        let later = match (key.expires_at, to) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(end), Some(to)) => to > end,
        };
        match self.latest(key.created_at) {
            Some(latest) if later && to.is_none_or(|to| to > latest) => Err(self.too_long(latest)),
            _ => Ok(()),
        }
    }

    /// The quota of a new key: what was asked for, or the default if that caps nothing.
    pub fn quota(&self, asked: Quota) -> Quota {
        if asked == Quota::default() {
            self.default_quota
        } else {
            asked
        }
    }

    fn too_long(&self, latest: Timestamp) -> Error {
        let days = self.max_lifetime_days.unwrap_or_default();
        Error::invalid_field(
            "expires_at",
            format!(
                "API keys live {days} days at most here: choose a time up to {latest}. An admin can change this in the settings."
            ),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(SECONDS_PER_DAY);

    fn policy(days: Option<u32>) -> KeyPolicy {
        KeyPolicy {
            max_lifetime_days: days,
            ..KeyPolicy::default()
        }
    }

    #[test]
    fn a_new_key_lives_as_long_as_asked_within_the_longest_lifetime() {
        let now = Timestamp::from_micros(1_000);
        let (day, week) = (now.after(DAY), now.after(DAY * 7));
        for (days, asked, expected) in [
            (None, None, Some(None)),
            (None, Some(week), Some(Some(week))),
            (Some(7), None, Some(Some(week))),
            (Some(7), Some(day), Some(Some(day))),
            (Some(7), Some(week), Some(Some(week))),
            (Some(1), Some(week), None),
        ] {
            let found = policy(days).expiry(asked, now);
            assert_eq!(found.as_ref().ok(), expected.as_ref(), "{days:?} {asked:?}");
        }
        assert_eq!(policy(Some(1)).expiry_within(Some(week), now), Some(day));
        assert_eq!(policy(Some(7)).expiry_within(Some(day), now), Some(day));
        assert_eq!(policy(Some(1)).expiry_within(None, now), Some(day));
    }

    #[test]
    fn a_lifetime_is_1_to_36500_days() {
        for (days, taken) in [(0, false), (1, true), (36_500, true), (36_501, false)] {
            assert_eq!(KeyPolicy::check_lifetime("days", days).is_ok(), taken);
        }
    }
}
