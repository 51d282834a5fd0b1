//! Strategies: in which order the channels that serve a model are tried.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::channel::Multiplier;
use super::model::ModelName;

/// In which order the channels of a model are tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Strategy {
    /// The highest priority first, the others when it cannot serve; shared out by weight within one priority.
    #[default]
    Priority,
    /// Shared out by weight alone.
    Weighted,
    /// The quickest first.
    LowestLatency,
    /// The cheapest first; of those that cost the same, the quickest.
    BestPrice,
}

impl Strategy {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Priority,
        Self::Weighted,
        Self::LowestLatency,
        Self::BestPrice,
    ];

    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Priority => "priority",
            Self::Weighted => "weighted",
            Self::LowestLatency => "lowest-latency",
            Self::BestPrice => "best-price",
        }
    }

    /// Whether it looks at how quickly channels answer.
    pub const fn looks_at_speed(self) -> bool {
        match self {
            Self::Priority | Self::Weighted => false,
            Self::LowestLatency | Self::BestPrice => true,
        }
    }
}

/// How calls find their channels, where nothing else is set for their model.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RoutingPolicy {
    /// The order.
    pub strategy: Strategy,
    /// Among channels of one rank, and among the credentials of one channel, the calls of one key go the same way, so that
    /// they find the provider's prompt cache warm.
    pub sticky: bool,
}

impl Default for RoutingPolicy {
    fn default() -> Self {
        Self {
            strategy: Strategy::default(),
            sticky: true,
        }
    }
}

/// How calls for one model find their channels.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ModelRouting {
    /// The model's public name.
    pub model: ModelName,
    /// The order; `None`: as for all.
    pub strategy: Option<Strategy>,
    /// Models that serve in its place, one after the other, when no channel of its own can.
    pub fallbacks: Vec<ModelName>,
}

/// What a strategy knows of a channel.
#[derive(Clone, Copy, Debug)]
pub struct Merits {
    /// Higher is tried first.
    pub priority: i32,
    /// Its share; zero: only when no other of its rank is left.
    pub weight: u32,
    /// What it costs.
    pub price: Multiplier,
    /// How long it takes to answer; `None`: not known.
    pub latency: Option<Duration>,
    /// By which lot decides among equals: a number in (0, 1].
    pub lot: f64,
}

/// Puts candidates into the order in which they are tried. Lots are weighed (Efraimidis and Spirakis, 2006: sort by u^(1/w);
/// here with exponential keys −ln(u)/w), so that over many of them each gets its share of first places. Where speed counts,
/// a call that `explores` goes to a channel that was not measured yet, or else wherever its lot falls.
pub fn order_candidates<T>(
    candidates: &mut [T],
    strategy: Strategy,
    explores: bool,
    merits: impl Fn(&T) -> Merits,
) {
    if candidates.len() < 2 {
        return;
    }
    candidates.sort_by_cached_key(|candidate| {
        let merits = merits(candidate);
        let rank = match strategy {
            Strategy::Priority => -i64::from(merits.priority),
            Strategy::BestPrice => i64::from(merits.price.as_millionths()),
            Strategy::Weighted | Strategy::LowestLatency => 0,
        };
        let speed = match merits.latency {
            _ if !strategy.looks_at_speed() => Duration::ZERO,
            Some(_) if explores => Duration::from_nanos(1),
            None if explores => Duration::ZERO,
            latency => latency.unwrap_or(Duration::MAX),
        };
        let wait = if merits.weight == 0 {
            f64::INFINITY
        } else {
            -merits.lot.ln() / f64::from(merits.weight)
        };
        (rank, merits.weight == 0, speed, wait.to_bits())
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const EQUAL: Merits = Merits {
        priority: 0,
        weight: 1,
        price: Multiplier::ONE,
        latency: None,
        lot: 0.5,
    };

    fn order(
        strategy: Strategy,
        explores: bool,
        mut candidates: Vec<(&'static str, Merits)>,
    ) -> Vec<&'static str> {
        order_candidates(&mut candidates, strategy, explores, |c| c.1);
        candidates.into_iter().map(|c| c.0).collect()
    }

    fn latency(millis: u64) -> Merits {
        Merits {
            latency: Some(Duration::from_millis(millis)),
            ..EQUAL
        }
    }

    #[test]
    fn higher_priority_comes_first_and_zero_weight_last_of_its_rank() {
        let of = |priority, weight| Merits {
            priority,
            weight,
            ..EQUAL
        };
        let candidates = vec![("low", of(0, 9)), ("spare", of(5, 0)), ("high", of(5, 1))];
        let found = order(Strategy::Priority, false, candidates.clone());
        assert_eq!(found, ["high", "spare", "low"]);
        // By weight alone, a priority says nothing.
        let found = order(Strategy::Weighted, false, candidates);
        assert_eq!(found, ["low", "high", "spare"]);
    }

    #[test]
    fn the_quickest_comes_first_and_what_is_not_known_when_a_call_explores() {
        let candidates = vec![
            ("new", EQUAL),
            ("slow", latency(900)),
            (
                "quick",
                Merits {
                    priority: -9,
                    ..latency(100)
                },
            ),
        ];
        let found = order(Strategy::LowestLatency, false, candidates.clone());
        assert_eq!(found, ["quick", "slow", "new"]);
        let found = order(Strategy::LowestLatency, true, candidates);
        assert_eq!(found[0], "new");
    }

    #[test]
    fn a_call_that_explores_goes_where_its_lot_falls_once_all_are_known() {
        let lucky = Merits {
            lot: 0.9,
            ..latency(900)
        };
        let candidates = vec![("quick", latency(100)), ("lucky", lucky)];
        assert_eq!(
            order(Strategy::LowestLatency, true, candidates),
            ["lucky", "quick"]
        );
    }

    #[test]
    fn the_cheapest_comes_first_and_the_quicker_of_equals() {
        let cheap = |merits| Merits {
            price: Multiplier::from_millionths(900_000),
            ..merits
        };
        let candidates = vec![
            ("dear", latency(1)),
            ("cheap and slow", cheap(latency(900))),
            ("cheap and quick", cheap(latency(100))),
        ];
        for explores in [false, true] {
            let found = order(Strategy::BestPrice, explores, candidates.clone());
            assert_eq!(found[2], "dear", "{found:?}");
        }
        let found = order(Strategy::BestPrice, false, candidates);
        assert_eq!(found, ["cheap and quick", "cheap and slow", "dear"]);
    }

    #[test]
    fn weights_share_the_first_place() {
        let mut seed = 7u64;
        let mut lot = move || {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (f64::from(u32::try_from(seed >> 33).unwrap()) + 1.0) / f64::from(1u32 << 31)
        };
        let first = (0..10_000)
            .filter(|_| {
                let of = |weight, lot| Merits {
                    weight,
                    lot,
                    ..EQUAL
                };
                let pair = vec![("heavy", of(3, lot())), ("light", of(1, lot()))];
                order(Strategy::Weighted, false, pair)[0] == "heavy"
            })
            .count();
        assert!((7_200..7_800).contains(&first), "{first} of 10,000");
    }
}
