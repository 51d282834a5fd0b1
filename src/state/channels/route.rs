//! The way of a call: which channels may serve it, in which order, and what a client is told when none may.

use std::sync::Arc;
use std::time::Duration;

use super::upstream::{Ready, Upstream};
use crate::crypto;
use crate::domain::{Admits, Code, Error, Multiplier, Out, order_candidates};

/// The channels that may serve a call, in the order in which to try them. Never empty.
#[derive(Clone, Debug)]
pub struct Route {
    /// The candidates.
    pub candidates: Vec<Arc<Upstream>>,
}

impl Route {
    /// The highest price multiplier among them.
    pub fn dearest(&self) -> Multiplier {
        self.candidates
            .iter()
            .map(|upstream| upstream.channel.price_multiplier)
            .max()
            .unwrap_or(Multiplier::ONE)
    }

    /// How many tokens the overrides of any of them may add to a prompt.
    pub fn added(&self) -> u64 {
        let added = self.candidates.iter();
        added
            .map(|upstream| upstream.channel.calling.added())
            .max()
            .unwrap_or(0)
    }
}

/// Why channels took no call, all of them together.
#[derive(Clone, Copy, Debug, Default)]
pub struct AllOut {
    cooling: bool,
    limited: bool,
    refused: bool,
    soonest: Option<Duration>,
}

impl AllOut {
    /// Adds one.
    pub fn note(&mut self, out: Out) {
        let until = match out {
            Out::Cooling(until) => {
                self.cooling = true;
                until
            }
            Out::Limited(until) => {
                self.limited = true;
                until
            }
            Out::Refused => {
                self.refused = true;
                return;
            }
        };
        self.soonest = Some(self.soonest.map_or(until, |soonest| soonest.min(until)));
    }

    /// What a client is told, whose own key is not to blame; `None`: none was added.
    pub(super) fn error(self, model: &str, now: Duration) -> Option<Error> {
        let wait = self.soonest.unwrap_or(now).saturating_sub(now);
        let wait = wait.max(Duration::from_secs(1));
        if self.cooling {
            let words = format!(
                "All channels for the model {model:?} have failed lately and are given a rest. Try again as Retry-After says, or use another model."
            );
            return Some(Error::new(Code::NoChannelAvailable, words).retry_after(wait));
        }
        if self.limited {
            let words = format!(
                "The providers of the model {model:?} limit the rate of the operator's account; your API key's own limits are not reached. Wait as Retry-After says, or use another model."
            );
            let error = Error::new(Code::RateLimitExceeded, words).param("provider");
            return Some(error.retry_after(wait));
        }
        self.refused.then(|| {
            Error::new(
                Code::BadGateway,
                format!("All channels for the model {model:?} are out because their providers refuse the operator's credential or account. Your own API key is fine; tell the operator to look at the channels."),
            )
        })
    }
}

/// Orders the candidates for a model and leaves those out that take no call now; slow ones come last.
///
/// # Errors
/// Why they are all out.
pub(super) fn pick(
    channels: Vec<&Arc<Ready>>,
    model: &str,
    now: Duration,
) -> Result<Vec<Arc<Upstream>>, AllOut> {
    let (mut good, mut slow, mut out) = (Vec::new(), Vec::new(), AllOut::default());
    for ready in channels {
        let admits = ready.health().admits(now);
        match admits {
            Admits::Call | Admits::Probe => good.push(ready),
            Admits::LastResort => slow.push(ready),
            Admits::Out(why) => out.note(why),
        }
    }
    let rank = |ready: &&Arc<Ready>| (ready.channel.priority, ready.channel.weight);
    order_candidates(&mut good, rank, chance);
    order_candidates(&mut slow, rank, chance);
    let mut candidates = Vec::with_capacity(good.len() + slow.len());
    for ready in good.into_iter().chain(slow) {
        let own_name = ready.channel.upstream_model(model);
        for upstream in ready.in_turn().filter(|upstream| upstream.is_readable()) {
            match upstream.check(own_name, now) {
                Ok(()) => candidates.push(Arc::clone(upstream)),
                Err(why) => out.note(why),
            }
        }
    }
    if candidates.is_empty() {
        Err(out)
    } else {
        Ok(candidates)
    }
}

/// A random number in (0, 1] for sharing calls out by weight. Which channel serves a call is no secret, so without randomness
/// the first one serves.
fn chance() -> f64 {
    let bytes = crypto::random::<4>().unwrap_or_default();
    (f64::from(u32::from_be_bytes(bytes)) + 1.0) / (f64::from(u32::MAX) + 1.0)
}
