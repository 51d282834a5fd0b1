//! However many call at once: the quota is not passed, and all of it can be used; across a restart and across `kill -9`, too.

use std::time::Instant;

use real200::clock::Clock;
use real200::domain::Timestamp;
use serde_json::json;

use super::super::harness::{Binary, Console, KeyClient, TestGateway, eventually};
use super::crowd::{Crowd, Provider};
use super::{PICO_PER_DOLLAR, Standing, keyed, pico};

fn noon() -> Clock {
    Clock::manual(Timestamp::parse("2026-11-24T12:00:00Z").unwrap())
}

#[test]
fn of_256_concurrent_clients_no_set_spends_past_a_dollar_a_day_and_98_percent_of_it_can_be_used() {
    let provider = Provider::start();
    let gateway = TestGateway::with(noon(), |_| {});
    let admin = gateway.admin();
    provider.connect(&admin);
    let (client, path) = keyed(
        &admin,
        &gateway.url(""),
        &json!({"quota": {"daily_usd": 1}}),
    );
    let crowd = Crowd::new();
    let begun = Instant::now();
    crowd.exhaust(&client, 256, 1, "daily", PICO_PER_DOLLAR);
    println!("in {:?}", begun.elapsed());

    // And what is left is not out of reach: less than a small call's prompt and one token stays.
    let calls = crowd.drain(&client);
    let drained = Standing::of(&client, "key", "daily");
    println!("{drained:?} after {calls} calls more");
    assert!(drained.left < 100_000_000, "{drained:?}");

    let sum = provider.check(&admin.all_calls());
    let key = admin.get(&path).expect(200);
    assert_eq!(
        (sum, pico(&key["usage"]["cost_usd"])),
        (drained.used, drained.used)
    );
}

#[test]
fn a_restart_in_the_middle_does_not_let_them_past_it_either() {
    const QUOTA: u64 = PICO_PER_DOLLAR / 10;
    let provider = Provider::start();
    let mut gateway = TestGateway::with(noon(), |config| config.server.drain_seconds = 1);
    let admin = gateway.admin();
    provider.connect(&admin);
    let key = gateway.key(&json!({"quota": {"daily_usd": 0.1}}));
    let plain = key["key"].as_str().unwrap();
    let crowd = Crowd::new();
    let client = gateway.client(plain);
    std::thread::scope(|scope| {
        let keys = [client.clone()];
        let crowd = &crowd;
        scope.spawn(move || crowd.run(&keys, 24, 2));
        eventually("two fifths to be spent", || {
            (Standing::of(&client, "key", "daily").used > QUOTA / 5 * 2).then_some(())
        });
        gateway.restart();
    });
    let client = gateway.client(plain);
    let before = Standing::of(&client, "key", "daily");
    assert_eq!(before.held(QUOTA), 0, "nothing is in flight: {before:?}");
    assert!(before.used < QUOTA, "the restart came too late: {before:?}");
    let after = crowd.exhaust(&client, 24, 3, "daily", QUOTA);
    let sum = provider.check(&gateway.admin().all_calls());
    assert_eq!(sum, after.used);
}

#[test]
fn two_kills_in_the_middle_spend_no_more_and_lose_no_call_that_was_answered() {
    const PASSWORD: &str = "correct horse battery";
    let provider = Provider::start();
    let dir = tempfile::tempdir().unwrap();
    let serve = || {
        let admin = [
            ("REAL200_ADMIN_USERNAME", "ada"),
            ("REAL200_ADMIN_PASSWORD", PASSWORD),
        ];
        let gateway = Binary::serve(dir.path(), &[], &admin);
        let admin = Console::log_in(gateway.base(), "ada", PASSWORD);
        (gateway, admin)
    };
    let (mut gateway, mut admin) = serve();
    provider.connect(&admin);
    let key = admin
        .post("/api/keys", &json!({"quota": {"daily_usd": 1}}))
        .expect(201);
    let plain = key["key"].as_str().unwrap();
    let crowd = Crowd::new();
    for round in 1..=2 {
        let client = KeyClient::new(gateway.base(), plain);
        std::thread::scope(|scope| {
            let keys = [client.clone()];
            let crowd = &crowd;
            scope.spawn(move || crowd.run(&keys, 256, round));
            eventually("a quarter more of the dollar", || {
                let used = Standing::of(&client, "key", "daily").used;
                (used > round * PICO_PER_DOLLAR / 4).then_some(())
            });
            gateway.signal("KILL");
        });
        (gateway, admin) = serve();
    }
    let client = KeyClient::new(gateway.base(), plain);
    let spent = crowd.exhaust(&client, 256, 3, "daily", PICO_PER_DOLLAR);
    let (sum, interrupted) = provider.check_killed(&admin.all_calls(), &crowd);
    println!("{spent:?}, {interrupted} calls interrupted by two kills");
    assert_eq!(sum, spent.used);
    assert!(interrupted > 0, "it was killed with calls in flight");
}
