//! The way of a call: which channels may serve it, in which order, and what a client is told when none may.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use super::upstream::{Ready, Upstream};
use crate::crypto;
use crate::domain::{
    Admits, Code, Endpoint, Error, KeyId, Merits, Model, ModelName, Multiplier, Out, Place,
    Strategy, order_candidates,
};

/// One call in so many looks for a channel that may be quicker than those that are known to be quick.
const EXPLORES: f64 = 0.05;

/// The ways in which a call may be served, in the order in which to try them. Never empty.
#[derive(Clone, Debug)]
pub struct Route {
    /// The candidates.
    pub candidates: Vec<Candidate>,
}

/// One way: a channel with one of its credentials, for the model that was asked for or for one in its place.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The channel.
    pub upstream: Arc<Upstream>,
    /// The model in place of the one that was asked for; `None`: that one.
    pub fallback: Option<Arc<Fallback>>,
}

/// A model that serves in another's place.
#[derive(Debug)]
pub struct Fallback {
    /// Its public name.
    pub name: ModelName,
    /// What is known of it.
    pub model: Option<Arc<Model>>,
}

impl Candidate {
    /// The public name of the model that serves, where this one was asked for.
    pub fn model<'a>(&'a self, asked: &'a str) -> &'a str {
        self.fallback
            .as_ref()
            .map_or(asked, |fallback| &fallback.name)
    }

    /// Whether it is the same channel and model, be it with another credential.
    pub fn is_as_good_as(&self, other: &Self) -> bool {
        let name = |candidate: &Self| candidate.fallback.as_ref().map(Arc::as_ptr);
        self.upstream.channel.id == other.upstream.channel.id && name(self) == name(other)
    }

    /// The provider's name of it.
    pub fn upstream_model<'a>(&'a self, asked: &'a str) -> &'a str {
        self.upstream.channel.upstream_model(self.model(asked))
    }
}

impl Route {
    /// The highest price multiplier among the channels of the model that was asked for; of none where it has none.
    pub fn dearest(&self) -> Multiplier {
        let own = self.candidates.iter().filter(|c| c.fallback.is_none());
        own.map(|candidate| candidate.upstream.channel.price_multiplier)
            .max()
            .unwrap_or(Multiplier::from_millionths(0))
    }

    /// The models that may serve in its place, each with the highest price multiplier among its channels.
    pub fn fallbacks(&self) -> Vec<(Arc<Fallback>, Multiplier)> {
        let mut found: Vec<(Arc<Fallback>, Multiplier)> = Vec::new();
        for candidate in &self.candidates {
            let Some(fallback) = &candidate.fallback else {
                continue;
            };
            let multiplier = candidate.upstream.channel.price_multiplier;
            match found.last_mut() {
                Some((last, dearest)) if Arc::ptr_eq(last, fallback) => {
                    *dearest = multiplier.max(*dearest);
                }
                _ => found.push((Arc::clone(fallback), multiplier)),
            }
        }
        found
    }

    /// How many tokens the overrides of any of them may add to a prompt.
    pub fn added(&self) -> u64 {
        let added = self.candidates.iter();
        added
            .map(|candidate| candidate.upstream.channel.calling.added())
            .max()
            .unwrap_or(0)
    }
}

/// What channels are looked for.
#[derive(Clone, Copy, Debug)]
pub(in crate::state) struct Wish<'a> {
    /// The model.
    pub model: &'a str,
    /// Where the call came in.
    pub endpoint: Endpoint,
    /// Whether its answer is to be streamed.
    pub streamed: bool,
    /// In which order.
    pub strategy: Strategy,
    /// Whose calls are to go the same way as far as they may; `None`: any way.
    pub key: Option<KeyId>,
}

/// Why channels took no call, all of them together.
#[derive(Clone, Copy, Debug, Default)]
pub struct AllOut {
    cooling: bool,
    limited: bool,
    refused: bool,
    barred: bool,
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
            Out::Barred(_) => {
                self.barred = true;
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
        if self.barred {
            let words = format!(
                "The providers of the model {model:?} do not know it by the name that is set up, or do not let the operator's account use it. Your request is fine; tell the operator to look at the channels, or use another model."
            );
            return Some(Error::new(Code::BadGateway, words));
        }
        self.refused.then(|| {
            Error::new(
                Code::BadGateway,
                format!("All channels for the model {model:?} are out because their providers refuse the operator's credential or account. Your own API key is fine; tell the operator to look at the channels."),
            )
        })
    }
}

/// Orders the channels as wished and leaves those out that take no call now; slow ones come last.
///
/// # Errors
/// Why they are all out.
pub(super) fn pick(
    channels: Vec<&Arc<Ready>>,
    wish: &Wish<'_>,
    now: Duration,
) -> Result<Vec<Arc<Upstream>>, AllOut> {
    let (mut good, mut slow, mut out) = (Vec::new(), Vec::new(), AllOut::default());
    for ready in channels {
        let place = place(ready, wish);
        let health = ready.health();
        let latency = health.latency(place.model, wish.streamed);
        match health.admits(now, place) {
            Admits::Call | Admits::Probe => good.push((ready, latency)),
            Admits::LastResort => slow.push((ready, latency)),
            Admits::Out(why) => out.note(why),
        }
    }
    let explores = wish.strategy.looks_at_speed() && chance() <= EXPLORES;
    let merits = |(ready, latency): &(&Arc<Ready>, Option<Duration>)| Merits {
        priority: ready.channel.priority,
        weight: ready.channel.weight,
        price: ready.channel.price_multiplier,
        latency: *latency,
        lot: match wish.key {
            Some(key) if !explores => lot(key, ready.channel.id.as_bytes()),
            _ => chance(),
        },
    };
    order_candidates(&mut good, wish.strategy, explores, merits);
    order_candidates(&mut slow, wish.strategy, explores, merits);
    let mut candidates = Vec::with_capacity(good.len() + slow.len());
    for (ready, _) in good.into_iter().chain(slow) {
        let place = place(ready, wish);
        for upstream in in_turn(ready, wish.key) {
            match upstream.check(place, now) {
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

/// Where a channel would serve.
fn place<'a>(ready: &'a Ready, wish: &Wish<'a>) -> Place<'a> {
    let model = ready.channel.upstream_model(wish.model);
    Place {
        endpoint: ready.channel.kind.goes_to(wish.endpoint, model),
        model,
    }
}

/// A channel's credentials that can be read: for calls of one key always in the same order, else the next in turn first.
fn in_turn(ready: &Ready, key: Option<KeyId>) -> Vec<&Arc<Upstream>> {
    let mut upstreams: Vec<_> = match key {
        Some(_) => ready.upstreams().iter().collect(),
        None => ready.in_turn().collect(),
    };
    upstreams.retain(|upstream| upstream.is_readable());
    if let Some(key) = key
        && upstreams.len() > 1
    {
        upstreams.sort_by_cached_key(|upstream| (-lot(key, upstream.seal()).ln()).to_bits());
    }
    upstreams
}

/// A random number in (0, 1] for sharing calls out. Which channel serves a call is no secret, so without randomness the first
/// one serves.
fn chance() -> f64 {
    share(u32::from_be_bytes(
        crypto::random::<4>().unwrap_or_default(),
    ))
}

/// The number in (0, 1] that a key draws for a channel or credential, always the same: rendezvous hashing. When one falls out,
/// only its keys move, and they spread over the others by weight.
fn lot(key: KeyId, of: &[u8]) -> f64 {
    let mut hasher = DefaultHasher::new();
    (key.as_bytes(), of).hash(&mut hasher);
    let [a, b, c, d, ..] = hasher.finish().to_be_bytes();
    share(u32::from_be_bytes([a, b, c, d]))
}

fn share(number: u32) -> f64 {
    (f64::from(number) + 1.0) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_lots_of_many_keys_share_channels_by_weight_and_each_keys_are_always_the_same() {
        let of = |weight, lot| Merits {
            priority: 0,
            weight,
            price: Multiplier::ONE,
            latency: None,
            lot,
        };
        let first = |key: KeyId| {
            let mut pair = [
                ("heavy", of(3, lot(key, b"heavy"))),
                ("light", of(1, lot(key, b"light"))),
            ];
            order_candidates(&mut pair, Strategy::Priority, false, |c| c.1);
            pair[0].0
        };
        let keys = (0..10_000u128).map(|n| KeyId(Uuid::from_u128(n)));
        let heavy = keys
            .filter(|key| {
                let found = first(*key);
                assert_eq!(first(*key), found);
                found == "heavy"
            })
            .count();
        assert!((7_200..7_800).contains(&heavy), "{heavy} of 10,000");
    }
}
