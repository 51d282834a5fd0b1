//! What 100,000 keys cost in memory while nobody uses them, measured at the real binary: with every quota and rate limit that
//! there is, against as many without any, and against none.
//!
//! `cargo test --test memory -- --ignored --nocapture` prints it. By hand: what the system calls resident also holds what a
//! start has used and not yet given back, so each figure is the lowest of three starts.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use real200::clock::Clock;
use real200::config::Config;
use real200::crypto::MasterKey;
use real200::domain::{Caps, Money, Pace, Permissions, Quota, RateLimit, Role, Rps};
use real200::state::{Actor, NewAccount, NewKey, State};
use real200::storage::{Options, Store};
use tempfile::TempDir;

const KEYS: usize = 100_000;
const MASTER_KEY: &str = "abababababababababababababababababababababababababababababababab";

/// A data directory with so many keys of these limits.
fn data(keys: usize, quota: Quota, rate_limit: RateLimit) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("data"), Options::default(), &mut |_| {}).unwrap();
    let state = State::open(
        Config::default()
            .settings("127.0.0.1:0".parse().unwrap())
            .unwrap(),
        store.clone(),
        MasterKey::from_hex(MASTER_KEY, "test").unwrap(),
        Clock::system(),
    )
    .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let actor = Actor::system();
        let owner = NewAccount {
            username: "ada".into(),
            password: "a long password".to_owned().into(),
            role: Role::Admin,
            quota: Quota::default(),
            rate_limit: RateLimit::default(),
            balance_low_usd: None,
        };
        let owner = state.accounts.create(owner, &actor).await.unwrap();
        let new = |number: usize| NewKey {
            account_id: owner.account.id,
            name: format!("key {number}"),
            expires_at: None,
            quota,
            rate_limit,
            permissions: Permissions::default(),
        };
        let all = (0..keys).map(|number| state.keys.create(new(number), &actor));
        for made in futures_util::future::join_all(all).await {
            made.unwrap();
        }
    });
    drop(state);
    store.close().unwrap();
    dir
}

/// Resident bytes of the gateway on this data: the lowest of three starts.
fn resident(dir: &Path) -> u64 {
    (0..3).map(|_| resident_once(dir)).min().unwrap()
}

/// The same at one start, once it serves.
fn resident_once(dir: &Path) -> u64 {
    let mut gateway = Command::new(env!("CARGO_BIN_EXE_real200"))
        .args(["--listen", "127.0.0.1:0", "--data-dir", "data"])
        .current_dir(dir)
        .env("REAL200_MASTER_KEY", MASTER_KEY)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(gateway.stdout.take().unwrap()).lines();
    let serves = lines.any(|line| line.unwrap().contains("API "));
    let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.id())).unwrap();
    gateway.kill().unwrap();
    gateway.wait().unwrap();
    assert!(serves);
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = resident.unwrap().trim().strip_suffix(" kB").unwrap();
    kilobytes.parse::<u64>().unwrap() * 1024
}

#[test]
#[ignore = "a measurement, made by hand"]
fn the_limits_of_a_hundred_thousand_keys_at_rest_cost_less_than_20_mb() {
    let caps = Caps {
        usd: Some(Money::from_usd("5").unwrap()),
        tokens: Some(1_000_000),
        requests: Some(1_000),
    };
    let quota = Quota {
        total: caps,
        monthly: caps,
        daily: caps,
    };
    let rate_limit = RateLimit {
        rpm: Some(60),
        tpm: Some(60_000),
        concurrency: Some(5),
        pace: Some(Pace {
            rps: Rps::parse("10").unwrap(),
            burst: None,
        }),
    };
    let (none, no_limits) = (Quota::default(), RateLimit::default());
    let empty = resident(data(0, none, no_limits).path());
    let without = resident(data(KEYS, none, no_limits).path());
    let with = resident(data(KEYS, quota, rate_limit).path());
    let (keys, limits) = (without.saturating_sub(empty), with.saturating_sub(without));
    println!(
        "resident: {empty} bytes without a key; 100,000 keys: {keys} more; their limits: {limits} more"
    );
    assert!(limits < 20_000_000);
}
