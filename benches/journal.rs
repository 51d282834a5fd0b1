//! What a commit costs: 1, 64 and 256 callers that each wait for theirs, as tasks on two threads, as the gateway's
//! workers are. Prints commits a second, the median wait and how many commits share a sync.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench reads the clock, prints, and stops when something is wrong"
)]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use real200::domain::{
    BudgetId, Call, CallId, CallStatus, ChannelId, Consumption, Day, Endpoint, KeyId, Money,
    Opened, Outcome, Timestamp, Usage,
};
use real200::storage::{Options, Store};
use uuid::Uuid;

const WORKERS: u64 = 2;

fn call(number: u64) -> Call {
    let id = |kind: u128, number: u64| Uuid::from_u128((kind << 64) | u128::from(number));
    let opened = Opened {
        id: CallId(id(0x0190_0000_0000_7000, number)),
        started_at: Timestamp::from_micros(
            1_790_000_000_000_000 + i64::try_from(number).unwrap_or(0),
        ),
        day: Day(20_717),
        key_id: KeyId(id(1, number % 20)),
        account_id: id(2, number % 4).into(),
        budget_id: BudgetId(id(1, number % 20)),
        endpoint: Endpoint::Chat,
        model: ["gpt-4o-mini", "gpt-4o", "claude-sonnet-4-5"]
            [usize::try_from(number % 3).unwrap_or(0)]
        .to_owned(),
        stream: false,
        client_ip: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        user_agent: Some("openai-python/1.99".to_owned()),
        client_request_id: None,
        reserved: Some(Consumption {
            usd: Money::from_pico(9_000),
            tokens: 900,
            requests: 1,
        }),
        priced: true,
    };
    let outcome = Outcome {
        ended_at: opened.started_at,
        status: CallStatus::Ok,
        http_status: Some(200),
        error_code: None,
        channel_id: Some(ChannelId(id(3, number % 2))),
        upstream_model: None,
        usage: Usage {
            prompt: 100,
            completion: 30,
            ..Usage::default()
        },
        parts: Vec::new(),
        cost: Some(Money::from_pico(number)),
        latency_us: 2_000,
        first_token_us: Some(900),
        overhead_us: 50,
        attempts: Vec::new(),
        over_reservation: false,
    };
    Call { opened, outcome }
}

/// Commits `calls` calls with `callers` callers; returns how long it took and the median wait.
fn commit(
    store: &Store,
    numbers: &Arc<AtomicU64>,
    callers: u64,
    calls: u64,
) -> (Duration, Duration) {
    let start = Instant::now();
    let left = Arc::new(AtomicU64::new(calls));
    let workers: Vec<_> = (0..WORKERS.min(callers))
        .map(|worker| {
            let (store, numbers, left) = (store.clone(), numbers.clone(), left.clone());
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .build()
                    .expect("a runtime");
                let tasks = tokio::task::LocalSet::new();
                let waits = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
                let mine = callers / WORKERS.min(callers)
                    + u64::from(worker < callers % WORKERS.min(callers));
                for _ in 0..mine {
                    let (store, numbers, left, waits) =
                        (store.clone(), numbers.clone(), left.clone(), waits.clone());
                    tasks.spawn_local(async move {
                        while left
                            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                                left.checked_sub(1)
                            })
                            .is_ok()
                        {
                            let call = call(numbers.fetch_add(1, Ordering::Relaxed));
                            let start = Instant::now();
                            let id = call.opened.id;
                            store.open_call(call.opened);
                            let ticket = store.settle_call(id, call.outcome);
                            store.durable(ticket).await.expect("a sound disk");
                            waits.borrow_mut().push(start.elapsed());
                        }
                    });
                }
                runtime.block_on(tasks);
                waits.take()
            })
        })
        .collect();
    let mut waits: Vec<Duration> = workers
        .into_iter()
        .flat_map(|worker| worker.join().expect("a sound worker"))
        .collect();
    let took = start.elapsed();
    waits.sort_unstable();
    (
        took,
        waits.get(waits.len() / 2).copied().unwrap_or_default(),
    )
}

fn journal(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("journal");
    for callers in [1, 64, 256] {
        // Beside the build, not in /tmp, which is memory on many machines: there, a sync costs nothing.
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
        let store = Store::open(dir.path(), Options::default(), &mut |_| {}).expect("a store");
        let numbers = Arc::new(AtomicU64::new(0));
        let mut waits = Vec::new();
        let before = store.stats();
        let start = Instant::now();
        group.throughput(Throughput::Elements(1));
        group.bench_function(format!("{callers} waiting callers"), |bencher| {
            bencher.iter_custom(|calls| {
                let (took, wait) = commit(&store, &numbers, callers, calls);
                waits.push(wait);
                took
            });
        });
        let after = store.stats();
        let calls = numbers.load(Ordering::Relaxed);
        println!(
            "{callers} callers: median wait {:?}, {} calls a sync, {} calls in {:?} with {} checkpoints",
            waits.last().copied().unwrap_or_default(),
            calls / (after.groups - before.groups).max(1),
            calls,
            start.elapsed(),
            after.checkpoints
        );
        store.close().expect("a sound disk");
    }
    group.finish();
}

criterion_group!(benches, journal);
criterion_main!(benches);
