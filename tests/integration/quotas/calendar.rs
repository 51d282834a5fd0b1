//! Windows roll over at midnight and on the first of the month of the configured time zone, without a restart.

use std::time::Duration;

use real200::clock::Clock;
use real200::domain::Timestamp;
use serde_json::json;

use super::{client, key_balance, price};
use crate::integration::harness::{
    Gate, KeyClient, Script, TestGateway, Upstream, chat, streamed_chat,
};

fn berlin(now: &str) -> TestGateway {
    TestGateway::with(Clock::manual(Timestamp::parse(now).unwrap()), |config| {
        config.ledger.time_zone = "Europe/Berlin".to_owned();
    })
}

fn move_to(gateway: &TestGateway, time: &str) {
    let time = Timestamp::parse(time).unwrap();
    gateway.clock.advance(time.since(gateway.clock.now()));
}

fn status(client: &KeyClient) -> u16 {
    client.chat(&chat("echo", "x")).status
}

#[test]
fn days_and_months_roll_over_across_the_end_of_summer_time() {
    let gateway = berlin("2026-10-24T21:59:59Z");
    let daily = client(&gateway, &json!({"daily_requests": 1}));
    let monthly = client(&gateway, &json!({"monthly_requests": 2}));
    assert_eq!((status(&daily), status(&daily)), (200, 402));
    assert_eq!(status(&monthly), 200);
    // Midnight in Berlin is still at summer time.
    move_to(&gateway, "2026-10-24T22:00:00Z");
    assert_eq!((status(&daily), status(&daily)), (200, 402));
    let refused = daily.chat(&chat("echo", "x")).expect(402);
    // This day has 25 hours, and the refusal knows it.
    let message = refused["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("2026-10-25T23:00:00"), "{message}");
    move_to(&gateway, "2026-10-25T22:59:59Z");
    assert_eq!(status(&daily), 402);
    move_to(&gateway, "2026-10-25T23:00:00Z");
    assert_eq!((status(&daily), status(&daily)), (200, 402));
    assert_eq!((status(&monthly), status(&monthly)), (200, 402));
    move_to(&gateway, "2026-10-31T22:59:59Z");
    assert_eq!(status(&monthly), 402);
    move_to(&gateway, "2026-10-31T23:00:00Z");
    assert_eq!(status(&monthly), 200);
    assert_eq!(key_balance(&monthly, "used/monthly/requests"), 1);
    assert_eq!(key_balance(&monthly, "used/total/requests"), 3);
}

#[test]
fn the_shortest_day_ends_an_hour_early() {
    let gateway = berlin("2027-03-28T10:00:00Z");
    let daily = client(&gateway, &json!({"daily_requests": 1}));
    assert_eq!((status(&daily), status(&daily)), (200, 402));
    move_to(&gateway, "2027-03-28T21:59:59Z");
    assert_eq!(status(&daily), 402);
    move_to(&gateway, "2027-03-28T22:00:00Z");
    assert_eq!(status(&daily), 200);
}

#[test]
fn a_call_across_midnight_counts_on_the_day_it_was_admitted_and_blocks_nothing_of_the_next() {
    let gate = Gate::default();
    let held = gate.clone();
    let upstream = Upstream::start(move |request| {
        if request.text.contains("overnight") {
            Script::stream()
                .word("one")
                .wait(&held)
                .usage(10, 40)
                .done()
        } else {
            Script::chat("hi", 10, 40)
        }
    });
    let mut gateway = berlin("2026-11-30T22:59:59Z");
    gateway.channel(&upstream, &["m"]);
    price(&gateway, "m", 1.0, 1.0);
    let key = gateway.key(&json!({"quota": {"daily_tokens": 250, "monthly_tokens": 250}}));
    let client = gateway.client(key["key"].as_str().unwrap());
    let mut overnight = streamed_chat("m", "overnight");
    overnight["max_tokens"] = json!(40);
    let mut short = chat("m", "x");
    short["max_tokens"] = json!(120);
    let stream = client.open("/v1/chat/completions", &overnight);
    // Beside it there is no room for another one today, nor this month.
    assert_eq!(client.chat(&short).expect_error(402), "insufficient_quota");
    gateway.clock.advance(Duration::from_secs(1));
    client.chat(&short).expect(200);
    assert_eq!(key_balance(&client, "used/daily/tokens"), 50);
    gate.open();
    drop(stream.text());
    gateway.assert_nothing_reserved();
    for restarted in [false, true] {
        if restarted {
            gateway.restart();
        }
        let client = gateway.client(key["key"].as_str().unwrap());
        assert_eq!(key_balance(&client, "used/daily/tokens"), 50);
        assert_eq!(key_balance(&client, "used/monthly/tokens"), 50);
        assert_eq!(key_balance(&client, "used/total/tokens"), 100);
    }
}
