//! What the gateway does before it forwards a call: find the key among 100,000, check it, take its limits, set its bound aside.
//!
//! At most 2 us a call, and it scales with cores: with two threads at it, a call takes either as long as with one. Calls of one
//! account meet at its counters.
//!
//! `cargo bench --bench admission`

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures time")]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use real200::clock::Clock;
use real200::config::Config;
use real200::crypto::MasterKey;
use real200::domain::{
    Endpoint, Money, Multiplier, Pace, Permissions, Pieces, Quota, RateLimit, Role, Rps,
    ServiceTier,
};
use real200::state::{Actor, Ask, NewAccount, NewKey, State};
use real200::storage::{Options, Store};

const KEYS: usize = 100_000;
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Keys of the calls that are measured.
struct Secrets {
    /// Two of one account.
    same_account: [String; 2],
    /// One of another.
    other_account: String,
}

fn state(dir: &std::path::Path) -> (Store, State, Secrets) {
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
    let secrets = runtime.block_on(async {
        let actor = Actor::system();
        let new = |name: &str| NewAccount {
            username: name.into(),
            password: "a long password".to_owned().into(),
            role: Role::Admin,
            quota: Quota::default(),
            rate_limit: RateLimit::default(),
            balance_low_usd: None,
        };
        let ada = state.accounts.create(new("ada"), &actor).await.unwrap();
        let bob = state.accounts.create(new("bob"), &actor).await.unwrap();
        let mut quota = Quota::default();
        quota.daily.usd = Some(Money::from_usd("1000").unwrap());
        let rate_limit = RateLimit {
            rpm: Some(u32::MAX),
            tpm: Some(u32::MAX),
            concurrency: Some(1000),
            pace: Some(Pace {
                rps: Rps::parse("1000000").unwrap(),
                burst: NonZeroU32::new(Pace::MOST_AT_ONCE),
            }),
        };
        let new = |account| NewKey {
            account_id: account,
            name: String::new(),
            expires_at: None,
            quota,
            rate_limit,
            permissions: Permissions::default(),
        };
        let all = (0..KEYS).map(|_| state.keys.create(new(ada.account.id), &actor));
        let mut made = futures_util::future::join_all(all).await;
        made.push(state.keys.create(new(bob.account.id), &actor).await);
        let mut last = || made.pop().unwrap().unwrap().1.expose().to_owned();
        Secrets {
            other_account: last(),
            same_account: [last(), last()],
        }
    });
    (store, state, secrets)
}

fn admission(c: &mut Criterion) {
    let dir = tempfile::tempdir().unwrap();
    let (store, state, secrets) = state(&dir.path().join("data"));
    let [key, sibling] = &secrets.same_account;
    c.bench_function("key lookup among 100,000", |b| {
        b.iter(|| black_box(state.keys.authenticate(Some(black_box(key)), CLIENT)).unwrap())
    });

    let ask = Ask {
        prompt_tokens: 1_000,
        hidden_tokens: 0,
        generates: true,
        least_output: 1,
        client_limit: Some(500),
        choices: 1,
        pieces: Pieces::default(),
        tier: ServiceTier::default(),
        model: state.models.find("gpt-4o"),
        multiplier: Multiplier::ONE,
        fallbacks: Vec::new(),
    };
    let admit = |key: &str| {
        let caller = state
            .keys
            .authenticate(Some(black_box(key)), CLIENT)
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
        b.iter(|| admit(key))
    });
    // Two threads at once, each making as many calls: from the first one's beginning to the last one's end.
    let two = |iterations: u64, keys: [&str; 2]| {
        let start = Barrier::new(2);
        let calls = |key: &str| {
            start.wait();
            let begun = Instant::now();
            (0..iterations).for_each(|_| admit(key));
            (begun, Instant::now())
        };
        std::thread::scope(|scope| {
            let first = scope.spawn(|| calls(keys[0]));
            let (second, first) = (calls(keys[1]), first.join().unwrap());
            first.1.max(second.1) - first.0.min(second.0)
        })
    };
    for (name, keys) in [
        ("of two accounts", [key, &secrets.other_account]),
        ("of one account", [key, sibling]),
        ("which are one", [key, key]),
    ] {
        c.bench_function(&format!("admission: two threads with keys {name}"), |b| {
            b.iter_custom(|iterations| two(iterations, keys.map(String::as_str)))
        });
    }
    store.close().unwrap();
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(3));
    targets = admission
}
criterion_main!(benches);
