//! Totals: what has been counted since the last checkpoint, and how a total stands in the database.
//!
//! Counting a call is one increment: calls that agree in everything that decides on their totals share a sum, which is
//! spread over its totals only when it is asked for or written. A stored total says up to which sequence it counts, so
//! that nothing is counted twice when a checkpoint was cut in half.

use std::collections::{BTreeMap, HashMap};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::{Call, Day, Grain, Hour, Month, Period, Scope, ScopeKind, Tally, TotalKey};

/// A total in the database.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Stored {
    /// The sequence up to which it counts.
    pub(super) upto: u64,
    pub(super) tally: Tally,
}

/// A call as the representative of all that count in the same totals.
#[derive(Clone, Debug)]
struct Alike(Arc<Call>);

impl Alike {
    /// All that [`TotalKey::each_of`] looks at.
    fn parts(&self) -> impl Hash + Eq + '_ {
        let opened = &self.0.opened;
        (
            (
                opened.key_id,
                opened.account_id,
                opened.budget_id,
                self.0.outcome.channel_id,
            ),
            (
                &opened.model,
                opened.day,
                opened.started_at.hour(),
                opened.reserved.is_some(),
            ),
        )
    }
}

impl PartialEq for Alike {
    fn eq(&self, other: &Self) -> bool {
        let (mine, others) = (&self.0.opened, &other.0.opened);
        mine.key_id == others.key_id
            && mine.account_id == others.account_id
            && mine.budget_id == others.budget_id
            && self.0.outcome.channel_id == other.0.outcome.channel_id
            && mine.model == others.model
            && mine.day == others.day
            && mine.started_at.hour() == others.started_at.hour()
            && mine.reserved.is_some() == others.reserved.is_some()
    }
}

impl Eq for Alike {}

impl Hash for Alike {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

/// What some calls add to totals.
#[derive(Clone, Debug, Default)]
pub(super) struct Sums(HashMap<Alike, Tally>);

impl Sums {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Counts a call.
    pub(super) fn count(&mut self, call: &Arc<Call>) {
        let sum = self.0.entry(Alike(call.clone())).or_default();
        *sum = sum.plus(Tally::of(call));
    }

    /// Adds what a correction of a call changes.
    pub(super) fn correct(&mut self, call: Arc<Call>, change: Tally) {
        let sum = self.0.entry(Alike(call)).or_default();
        *sum = sum.plus(change);
    }

    /// Spreads the sums over the totals that are `wanted`.
    pub(super) fn spread(&self, wanted: impl Fn(&TotalKey) -> bool) -> BTreeMap<TotalKey, Tally> {
        let mut totals = BTreeMap::new();
        for (call, sum) in &self.0 {
            TotalKey::each_of(&call.0, |key| {
                if wanted(&key) {
                    let total: &mut Tally = totals.entry(key).or_default();
                    *total = total.plus(*sum);
                }
            });
        }
        totals
    }
}

/// A number whose bytes order as it does.
pub(super) fn ordered(index: i32) -> [u8; 4] {
    (index.cast_unsigned() ^ 0x8000_0000).to_be_bytes()
}

pub(super) fn unordered(bytes: [u8; 4]) -> i32 {
    (u32::from_be_bytes(bytes) ^ 0x8000_0000).cast_signed()
}

/// Where the totals of a kind, grain and period begin: kind, grain, period; then follows the scope.
pub(super) fn prefix(kind: ScopeKind, grain: Grain, index: i32) -> Vec<u8> {
    let mut key = Vec::with_capacity(48);
    key.extend([kind as u8, grain as u8]);
    key.extend(ordered(index));
    key
}

/// A total's key in the database.
pub(super) fn encode_key(total: &TotalKey) -> Vec<u8> {
    let mut key = prefix(
        total.scope.kind(),
        total.period.grain(),
        total.period.index(),
    );
    match &total.scope {
        Scope::All => {}
        Scope::Key(id) => key.extend(id.as_bytes()),
        Scope::Account(id) => key.extend(id.as_bytes()),
        Scope::Model(name) => key.extend(name.as_bytes()),
        Scope::Channel(id) => key.extend(id.as_bytes()),
        Scope::KeyModel(id, name) => {
            key.extend(id.as_bytes());
            key.extend(name.as_bytes());
        }
        Scope::Budget(id) => key.extend(id.as_bytes()),
    }
    key
}

/// Reads what [`encode_key`] wrote.
pub(super) fn decode_key(key: &[u8]) -> Option<TotalKey> {
    let (&[kind, grain, a, b, c, d], scope) = key.split_first_chunk::<6>()?;
    let index = unordered([a, b, c, d]);
    let period = match grain {
        0 if index == 0 => Period::Ever,
        1 => Period::Month(Month(index)),
        2 => Period::Day(Day(index)),
        3 => Period::Hour(Hour(index)),
        _ => return None,
    };
    let id = |bytes: &[u8]| Uuid::from_slice(bytes).ok();
    let name = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
    let scope = match kind {
        0 if scope.is_empty() => Scope::All,
        1 => Scope::Key(id(scope)?.into()),
        2 => Scope::Account(id(scope)?.into()),
        3 => Scope::Model(name(scope)?),
        4 => Scope::Channel(id(scope)?.into()),
        5 => {
            let (key, model) = scope.split_at_checked(16)?;
            Scope::KeyModel(id(key)?.into(), name(model)?)
        }
        6 => Scope::Budget(id(scope)?.into()),
        _ => return None,
    };
    Some(TotalKey { scope, period })
}
