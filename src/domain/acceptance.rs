//! How a provider takes one of a channel's credentials: whether it has refused it, and which models it limits the rate of
//! under it. Times are durations on a scale that never goes back, passed in by the caller.

use std::collections::BTreeMap;
use std::time::Duration;

use super::health::Out;

/// The longest that a provider's own `Retry-After` is believed.
const LONGEST_LIMIT: Duration = Duration::from_secs(3_600);

/// How a provider takes a credential.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Acceptance {
    /// The provider's words when it refused the credential.
    refused: Option<String>,
    /// Models that the provider limits the rate of, by its own names, each until when.
    limited: BTreeMap<String, Duration>,
}

impl Acceptance {
    /// Whether the provider takes a call for a model, by its own name, under this credential.
    ///
    /// # Errors
    /// Why it does not.
    pub fn check(&self, model: &str, now: Duration) -> Result<(), Out> {
        if self.refused.is_some() {
            return Err(Out::Refused);
        }
        match self.limited.get(model) {
            Some(until) if now < *until => Err(Out::Limited(*until)),
            _ => Ok(()),
        }
    }

    /// The provider refused the credential, in these words: no call until [`Self::mend`]. Whether that is new.
    pub fn refuse(&mut self, words: &str) -> bool {
        self.refused.replace(words.to_owned()).is_none()
    }

    /// The provider's words, if it has refused the credential.
    pub fn refusal(&self) -> Option<&str> {
        self.refused.as_deref()
    }

    /// The provider wants no call for a model for so long.
    pub fn limit(&mut self, model: &str, now: Duration, wait: Duration) {
        self.limited.retain(|_, until| now < *until);
        let until = now.saturating_add(wait.min(LONGEST_LIMIT));
        let known = self.limited.entry(model.to_owned()).or_insert(until);
        *known = until.max(*known);
    }

    /// The models that take no call now, each until when.
    pub fn limited(&self, now: Duration) -> BTreeMap<String, Duration> {
        let mut limited = self.limited.clone();
        limited.retain(|_, until| now < *until);
        limited
    }

    /// A test of the operator's went well: whatever was before, it is taken again.
    pub fn mend(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const M: &str = "model";

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_refused_credential_is_out_until_it_is_mended() {
        let mut acceptance = Acceptance::default();
        assert!(acceptance.refuse("no such key"));
        assert!(!acceptance.refuse("no such key at all"));
        assert_eq!(acceptance.check(M, at(9_999)), Err(Out::Refused));
        assert_eq!(acceptance.refusal(), Some("no such key at all"));
        acceptance.mend();
        assert_eq!(acceptance.check(M, at(9_999)), Ok(()));
    }

    #[test]
    fn a_rate_limit_rests_one_model_only_and_not_for_ever() {
        let mut acceptance = Acceptance::default();
        acceptance.limit(M, at(10), at(30));
        acceptance.limit(M, at(11), at(1));
        assert_eq!(acceptance.check(M, at(39)), Err(Out::Limited(at(40))));
        assert_eq!(acceptance.check("other", at(39)), Ok(()));
        assert_eq!(acceptance.check(M, at(40)), Ok(()));
        acceptance.limit(M, at(0), at(1_000_000));
        assert_eq!(acceptance.check(M, at(3_600)), Ok(()));
    }
}
