//! What is in flight at midnight weighs on the day on which it was admitted, in what is shown as in what is admitted.

use std::time::Duration;

use real200::clock::Clock;
use real200::domain::Timestamp;
use serde_json::{Value, json};

use super::super::harness::{Gate, KeyClient, Script, TestGateway, Upstream, chat, eventually};
use super::{PICO_PER_TOKEN, Standing, price};

/// What each call of these tests costs, and is bounded by: 100 tokens of output at $1 a million; input is free.
const CALL: u64 = 100 * PICO_PER_TOKEN;

fn body(user: &str) -> Value {
    let mut body = chat("m", "hello");
    body["max_tokens"] = json!(100);
    body["user"] = json!(user);
    body
}

/// A gateway a minute before midnight; its model `m` holds back the calls of user `held` until the gate opens.
fn gateway(gate: &Gate) -> TestGateway {
    let held = gate.clone();
    let upstream = Upstream::start(move |request| {
        if request.json()["user"] == "held" {
            Script::default()
                .wait(&held)
                .then(Script::chat("hi", 5, 100))
        } else {
            Script::chat("hi", 5, 100)
        }
    });
    let now = Timestamp::parse("2026-11-24T23:59:00Z").unwrap();
    let gateway = TestGateway::with(Clock::manual(now), |_| {});
    gateway.channel(&upstream, &["m"]);
    price(&gateway.admin(), "m", 0.0, 1.0);
    gateway
}

fn used(client: &KeyClient) -> [u64; 3] {
    ["daily", "monthly", "total"].map(|window| Standing::of(client, "key", window).used)
}

/// Makes as many calls as fit; gives their number and the window that refused the next one.
fn spend(client: &KeyClient) -> (u64, String) {
    let mut calls = 0;
    loop {
        let answer = client.chat(&body("any"));
        if answer.status == 200 {
            calls += 1;
            continue;
        }
        let window = answer.expect(402)["error"]["param"].clone();
        return (calls, window.as_str().unwrap().to_owned());
    }
}

#[test]
fn a_call_in_flight_at_midnight_counts_on_its_day_and_the_new_day_has_its_whole_quota() {
    let gate = Gate::default();
    let gateway = gateway(&gate);
    // Three calls a day, five a month, ten for ever.
    let key = gateway
        .key(&json!({"quota": {"daily_usd": 0.0003, "monthly_usd": 0.0005, "total_usd": 0.001}}));
    let client = gateway.client(key["key"].as_str().unwrap());
    client.chat(&body("any")).expect(200);
    std::thread::scope(|scope| {
        let held = scope.spawn(|| client.chat(&body("held")).expect(200));
        eventually("the call to be in flight", || {
            let standing = Standing::of(&client, "key", "daily");
            (standing.held(3 * CALL) == CALL).then_some(())
        });
        gateway.clock.advance(Duration::from_secs(60));
        // Neither the settled call of yesterday nor the one in flight weighs on today, and both weigh on the month.
        assert_eq!(used(&client), [0, CALL, CALL]);
        let left = |window| Standing::of(&client, "key", window).left;
        assert_eq!((left("daily"), left("monthly")), (3 * CALL, 3 * CALL));
        let (calls, window) = spend(&client);
        assert_eq!((calls, window.as_str()), (3, "key.monthly_usd"));
        gate.open();
        held.join().unwrap();
    });
    assert_eq!(used(&client), [3 * CALL, 5 * CALL, 5 * CALL]);
}
