//! What the gateway does before it forwards a call: find the key among 100,000, check it, take its limits, set its bound aside.
//!
//! `cargo bench --bench admission`

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use real200::clock::Clock;
use real200::config::Config;
use real200::crypto::MasterKey;
use real200::domain::{Endpoint, Money, Multiplier, Permissions, Quota, RateLimit, Role};
use real200::state::{Actor, Ask, NewAccount, NewKey, State};
use real200::storage::{Options, Store};

const KEYS: usize = 100_000;
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn state(dir: &std::path::Path) -> (Store, State, String) {
    let store = Store::open(dir, Options::default(), &mut |_| {}).unwrap();
    let clock = Clock::system();
    let settings = Config::default()
        .settings("127.0.0.1:0".parse().unwrap())
        .unwrap();
    let state = State::open(
        settings,
        store.clone(),
        MasterKey::from_hex(&"ab".repeat(32), "bench").unwrap(),
        clock,
    )
    .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let last = runtime.block_on(async {
        let actor = Actor::system();
        let new = NewAccount {
            username: "ada".into(),
            password: "a long password".to_owned().into(),
            role: Role::Admin,
            quota: Quota::default(),
            rate_limit: RateLimit::default(),
            balance_low_usd: None,
        };
        let account = state.accounts.create(new, &actor).await.unwrap().account.id;
        let mut quota = Quota::default();
        quota.daily.usd = Some(Money::from_usd("1000").unwrap());
        let rate_limit = RateLimit {
            rpm: Some(u32::MAX),
            tpm: Some(u32::MAX),
            concurrency: Some(1000),
        };
        let new = || NewKey {
            account_id: account,
            name: String::new(),
            expires_at: None,
            quota,
            rate_limit,
            permissions: Permissions::default(),
        };
        let all = (0..KEYS).map(|_| state.keys.create(new(), &actor));
        futures_util::future::join_all(all)
            .await
            .pop()
            .unwrap()
            .unwrap()
            .1
            .expose()
            .to_owned()
    });
    (store, state, last)
}

fn admission(c: &mut Criterion) {
    let dir = tempfile::tempdir().unwrap();
    let (store, state, key) = state(&dir.path().join("data"));
    c.bench_function("key lookup among 100,000", |b| {
        b.iter(|| black_box(state.keys.authenticate(Some(black_box(&key)), CLIENT)).unwrap())
    });

    let ask = Ask {
        prompt_tokens: 1_000,
        hidden_tokens: 0,
        generates: true,
        least_output: 1,
        client_limit: Some(500),
        choices: 1,
        model: state.models.find("gpt-4o"),
        multiplier: Multiplier::ONE,
    };
    let admit = || {
        let caller = state
            .keys
            .authenticate(Some(black_box(&key)), CLIENT)
            .unwrap();
        caller
            .key()
            .permissions
            .check_call(Endpoint::Chat, "gpt-4o")
            .unwrap();
        let permit = state.admit(&caller, 1).unwrap();
        let reservation = state.reserve(&caller, &ask, state.today()).unwrap();
        drop(black_box((permit, reservation)));
    };
    c.bench_function("admission: authenticate to reserve, and back", |b| {
        b.iter(admit)
    });
    store.close().unwrap();
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(3));
    targets = admission
}
criterion_main!(benches);
