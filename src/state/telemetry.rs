//! Counters for Prometheus (text exposition format 0.0.4 / OpenMetrics).

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::encoding::{
    EncodeLabelSet, EncodeLabelValue, LabelValueEncoder, text::encode,
};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::domain::{CallStatus, Consumption, Money, Outcome};
use crate::storage::StoreStats;

/// What is counted while calls go by.
#[derive(Clone)]
pub struct Telemetry(Arc<Metrics>);

struct Metrics {
    registry: Registry,
    calls: Family<CallLabels, Counter>,
    prompt_tokens: Counter,
    completion_tokens: Counter,
    /// In US dollars; made from `spent` when it is asked for.
    cost: Counter<f64, AtomicU64>,
    /// In picodollars.
    spent: AtomicU64,
    latency: Histogram,
    overhead: Histogram,
    open_calls: Gauge,
    connections: Gauge,
    connections_refused: Counter,
    reserved: Family<ReservedLabels, Gauge<f64, AtomicU64>>,
    journal_bytes: Gauge,
    journal_groups: Gauge,
    log_calls: Gauge,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct CallLabels {
    status: StatusLabel,
    code: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct ReservedLabels {
    on: &'static str,
    unit: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct StatusLabel(CallStatus);

impl EncodeLabelValue for StatusLabel {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        self.0.as_str().encode(encoder)
    }
}

impl Default for Telemetry {
    fn default() -> Self {
        let fast = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0];
        let slow = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0];
        let mut metrics = Metrics {
            registry: Registry::with_prefix("real200"),
            calls: Family::default(),
            prompt_tokens: Counter::default(),
            completion_tokens: Counter::default(),
            cost: Counter::default(),
            spent: AtomicU64::default(),
            latency: Histogram::new(slow),
            overhead: Histogram::new(fast),
            open_calls: Gauge::default(),
            connections: Gauge::default(),
            connections_refused: Counter::default(),
            reserved: Family::default(),
            journal_bytes: Gauge::default(),
            journal_groups: Gauge::default(),
            log_calls: Gauge::default(),
        };
        let registry = &mut metrics.registry;
        registry.register(
            "calls",
            "Calls that have ended, by status and error code",
            metrics.calls.clone(),
        );
        registry.register(
            "prompt_tokens",
            "Input tokens of all calls",
            metrics.prompt_tokens.clone(),
        );
        registry.register(
            "completion_tokens",
            "Output tokens of all calls",
            metrics.completion_tokens.clone(),
        );
        registry.register(
            "cost_usd",
            "Cost of all priced calls in US dollars",
            metrics.cost.clone(),
        );
        registry.register_with_unit(
            "latency",
            "From a request's arrival to its answer's end",
            Unit::Seconds,
            metrics.latency.clone(),
        );
        registry.register_with_unit(
            "overhead",
            "Time in the gateway before forwarding",
            Unit::Seconds,
            metrics.overhead.clone(),
        );
        registry.register("open_calls", "Calls in flight", metrics.open_calls.clone());
        registry.register(
            "connections",
            "Connections of clients",
            metrics.connections.clone(),
        );
        registry.register(
            "connections_refused",
            "Connections turned away because there were too many, in all or from one address",
            metrics.connections_refused.clone(),
        );
        registry.register(
            "reserved",
            "What is set aside for calls in flight, in US dollars, tokens and requests, on the budgets of keys and of accounts",
            metrics.reserved.clone(),
        );
        registry.register_with_unit(
            "journal",
            "Size of the journal",
            Unit::Bytes,
            metrics.journal_bytes.clone(),
        );
        registry.register(
            "journal_groups",
            "Groups written to the journal since the start, one sync each",
            metrics.journal_groups.clone(),
        );
        registry.register(
            "log_calls",
            "Calls in the call log",
            metrics.log_calls.clone(),
        );
        Self(Arc::new(metrics))
    }
}

impl Telemetry {
    /// So many connections of clients there are now.
    pub fn connections(&self, open: usize) {
        let open = i64::try_from(open).unwrap_or(i64::MAX);
        self.0.connections.set(open);
    }

    /// One was turned away.
    pub fn connection_refused(&self) {
        self.0.connections_refused.inc();
    }

    pub(super) fn ended(&self, outcome: &Outcome) {
        let metrics = &self.0;
        let code = outcome.error_code.map_or("", |code| code.as_str());
        metrics
            .calls
            .get_or_create(&CallLabels {
                status: StatusLabel(outcome.status),
                code,
            })
            .inc();
        metrics.prompt_tokens.inc_by(outcome.usage.prompt);
        metrics.completion_tokens.inc_by(outcome.usage.completion);
        metrics.latency.observe(seconds(outcome.latency_us));
        metrics.overhead.observe(seconds(outcome.overhead_us));
        if let Some(cost) = outcome.cost {
            metrics.spent.fetch_add(cost.as_pico(), Ordering::Relaxed);
        }
    }

    /// `reserved`: on the budgets of keys, and of accounts.
    pub(super) fn render(
        &self,
        open_calls: usize,
        reserved: (Consumption, Consumption),
        stats: &StoreStats,
    ) -> String {
        let metrics = &self.0;
        let set = |gauge: &Gauge, value: u64| gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        set(&metrics.open_calls, open_calls as u64);
        set(&metrics.journal_bytes, stats.journal_bytes);
        set(&metrics.journal_groups, stats.groups);
        set(&metrics.log_calls, stats.calls);
        for (on, amount) in [("keys", reserved.0), ("accounts", reserved.1)] {
            for (unit, value) in [
                ("usd", dollars(amount.usd)),
                ("tokens", amount.tokens as f64),
                ("requests", amount.requests as f64),
            ] {
                metrics
                    .reserved
                    .get_or_create(&ReservedLabels { on, unit })
                    .set(value);
            }
        }
        let spent = dollars(Money::from_pico(metrics.spent.load(Ordering::Relaxed)));
        metrics
            .cost
            .inner()
            .store(spent.to_bits(), Ordering::Relaxed);
        let mut text = String::new();
        match encode(&mut text, &metrics.registry) {
            Ok(()) => text,
            // Writing to a string does not fail.
            Err(fmt::Error) => String::new(),
        }
    }
}

fn dollars(money: Money) -> f64 {
    money.to_string().parse().unwrap_or_default()
}

fn seconds(micros: u64) -> f64 {
    std::time::Duration::from_micros(micros).as_secs_f64()
}
