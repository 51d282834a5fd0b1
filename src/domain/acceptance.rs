//! How a provider takes one of a channel's credentials: whether it has refused it, and which models it limits the rate of
//! under it. Times are durations on a scale that never goes back, passed in by the caller.

use std::collections::BTreeMap;
use std::time::Duration;

use super::endpoint::Endpoint;
use super::health::{Out, Place};

/// The longest that a provider is believed which says how long to wait.
pub const LONGEST_WAIT: Duration = Duration::from_secs(3_600);
/// So long a model is not asked for that the provider does not know, or does not let this credential use.
const BARRED: Duration = Duration::from_secs(60);
/// The most models that are remembered as barred.
const MOST_BARRED: usize = 1_024;

/// How a provider takes a credential.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Acceptance {
    /// The provider's words when it refused the credential.
    refused: Option<String>,
    /// Models that the provider limits the rate of, by its own names, each until when.
    limited: BTreeMap<String, Duration>,
    /// Models that the provider does not know by the name that is set up, or does not let this credential use.
    barred: Vec<Barred>,
}

/// A model that cannot be used at an endpoint, as the provider said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Barred {
    /// The provider's endpoint.
    pub endpoint: Endpoint,
    /// The provider's name of the model, as it is set up.
    pub model: String,
    /// It is asked for again from then on.
    pub until: Duration,
    /// The provider's words.
    pub words: String,
}

impl Acceptance {
    /// Whether the provider takes a call for a model, by its own name, under this credential.
    ///
    /// # Errors
    /// Why it does not.
    pub fn check(&self, place: Place<'_>, now: Duration) -> Result<(), Out> {
        if self.refused.is_some() {
            return Err(Out::Refused);
        }
        if let Some(barred) = self.barred(now).find(|barred| barred.is(place)) {
            return Err(Out::Barred(barred.until));
        }
        match self.limited.get(place.model) {
            Some(until) if now < *until => Err(Out::Limited(*until)),
            _ => Ok(()),
        }
    }

    /// The provider does not know a model, or does not let it be used, in these words. Whether that is new.
    pub fn bar(&mut self, place: Place<'_>, now: Duration, words: &str) -> bool {
        let known = self.barred.iter().any(|barred| barred.is(place));
        self.barred
            .retain(|barred| now < barred.until && !barred.is(place));
        if self.barred.len() < MOST_BARRED {
            self.barred.push(Barred {
                endpoint: place.endpoint,
                model: place.model.to_owned(),
                until: now.saturating_add(BARRED),
                words: words.to_owned(),
            });
        }
        !known
    }

    /// The models that are not asked for now.
    pub fn barred(&self, now: Duration) -> impl Iterator<Item = &Barred> {
        self.barred.iter().filter(move |barred| now < barred.until)
    }

    /// The operator has changed something of the channel: its models are tried anew.
    pub fn unbar(&mut self) {
        self.barred.clear();
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
        let until = now.saturating_add(wait.min(LONGEST_WAIT));
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

impl Barred {
    fn is(&self, place: Place<'_>) -> bool {
        self.endpoint == place.endpoint && self.model == place.model
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const M: Place<'_> = Place {
        endpoint: Endpoint::Chat,
        model: "model",
    };
    const OTHER: Place<'_> = Place {
        model: "other",
        ..M
    };

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
        acceptance.limit(M.model, at(10), at(30));
        acceptance.limit(M.model, at(11), at(1));
        assert_eq!(acceptance.check(M, at(39)), Err(Out::Limited(at(40))));
        assert_eq!(acceptance.check(OTHER, at(39)), Ok(()));
        assert_eq!(acceptance.check(M, at(40)), Ok(()));
        acceptance.limit(M.model, at(0), at(1_000_000));
        assert_eq!(acceptance.check(M, at(3_600)), Ok(()));
    }

    #[test]
    fn a_model_that_the_provider_does_not_know_is_out_alone_and_for_a_time() {
        let mut acceptance = Acceptance::default();
        assert!(acceptance.bar(M, at(10), "no such model"));
        assert!(!acceptance.bar(M, at(11), "no such model"));
        assert_eq!(acceptance.check(M, at(12)), Err(Out::Barred(at(71))));
        let elsewhere = Place {
            endpoint: Endpoint::Embeddings,
            ..M
        };
        assert_eq!(acceptance.check(elsewhere, at(12)), Ok(()));
        assert_eq!(acceptance.check(OTHER, at(12)), Ok(()));
        assert_eq!(acceptance.check(M, at(71)), Ok(()));
        acceptance.unbar();
        assert_eq!(acceptance.barred(at(12)).count(), 0);
    }
}
