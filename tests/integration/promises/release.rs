//! Whatever way a call ends, what was set aside for it and its place among the concurrent ones are given back at once, and
//! only what was used is charged.

use std::io::{BufRead, BufReader};

use real200::clock::Clock;
use serde_json::{Value, json};

use super::super::harness::{
    KeyClient, Request, Script, TestGateway, Upstream, chat, eventually, streamed_chat,
};
use super::{PICO_PER_TOKEN, Standing, dollars, keyed, pico, price};

/// What a call of these tests may cost at most: 100 tokens of output at $1 a million; input is free.
const CALL: u64 = 100 * PICO_PER_TOKEN;

/// The ways out, each with whether the call is streamed, the status for a client that waits for it, and the words that
/// reach it.
const WAYS: [(&str, bool, Option<u16>, u64); 12] = [
    ("well", false, Some(200), 0),
    ("500", false, Some(502), 0),
    ("400", true, Some(400), 0),
    ("unreachable", false, Some(502), 0),
    ("no-head", true, Some(504), 0),
    ("silent", true, Some(200), 2),
    ("cut-stream", true, Some(200), 2),
    ("cut-answer", false, Some(502), 0),
    ("no-json", false, Some(502), 0),
    // Seen before anything of the stream has gone to the client.
    ("error-event", true, Some(502), 0),
    ("gone-before-head", true, None, 0),
    ("gone-mid-stream", true, None, 2),
];

fn script(request: &Request) -> Script {
    let words = || Script::stream().word("one").word(" two");
    match request.json()["user"].as_str().unwrap() {
        "well" => Script::chat("hi", 5, 100),
        "500" => Script::json(500, &json!({"error": {"message": "out of order"}})),
        "400" => Script::json(400, &json!({"error": {"message": "too long"}})),
        "no-head" | "gone-before-head" => Script::default().hold(),
        "silent" | "gone-mid-stream" => words().hold(),
        "cut-stream" => words().cut(),
        "cut-answer" => Script::default()
            .send("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{\"id\"")
            .cut(),
        "no-json" => Script::default()
            .send("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 8\r\n\r\n<html>\r\n"),
        "error-event" => Script::stream()
            .frame(&json!({"error": {"message": "out of order", "code": "server_error"}}))
            .end(),
        other => panic!("no way out: {other}"),
    }
}

fn body(model: &str, way: &str, streamed: bool) -> Value {
    let mut body = if streamed {
        streamed_chat(model, "hello")
    } else {
        chat(model, "hello")
    };
    body["user"] = json!(way);
    body["max_tokens"] = json!(100);
    body
}

/// Lets a call go out on its way.
fn make(client: &KeyClient, upstream: &Upstream, way: &str, streamed: bool, status: Option<u16>) {
    let body = body(way, way, streamed);
    if let Some(status) = status {
        let answer = client.chat(&body);
        assert_eq!(answer.status, status, "{way}: {}", answer.body);
        return;
    }
    let connection = client.send("/v1/chat/completions", &body);
    if way == "gone-mid-stream" {
        let lines = BufReader::new(&connection).lines();
        let seen = lines
            .map_while(Result::ok)
            .any(|line| line.contains(" two"));
        assert!(seen, "the stream broke off");
    } else {
        eventually("the call to be with the provider", || {
            let found = upstream
                .requests()
                .iter()
                .any(|request| request.json()["user"] == way);
            found.then_some(())
        });
    }
}

#[test]
fn a_reservation_and_a_place_are_given_back_on_every_way_out_and_only_what_was_used_is_charged() {
    let upstream = Upstream::start(script);
    let gateway = TestGateway::with(Clock::system(), |config| {
        config.upstream.first_byte_timeout_ms = 800;
        config.upstream.idle_timeout_ms = 800;
    });
    let (admin, base) = (gateway.admin(), gateway.url(""));
    for (way, ..) in WAYS {
        // A channel for each, so that no way out makes another's channel look ill.
        if way == "unreachable" {
            gateway.channel(&Upstream::dead(), &[way]);
        } else {
            gateway.channel(&upstream, &[way]);
        }
        price(&admin, way, 0.0, 1.0);
    }
    for (way, streamed, status, words) in WAYS {
        let settings =
            json!({"quota": {"total_usd": dollars(CALL)}, "rate_limit": {"concurrency": 1}});
        let (client, path) = keyed(&admin, &base, &settings);
        make(&client, &upstream, way, streamed, status);
        let standing = Standing::settled(&client, "key", "total", CALL);
        let call = eventually("the call to be in the log", || {
            let mine = |call: &Value| path.ends_with(call["key_id"].as_str().unwrap());
            admin.calls().into_iter().find(mine)
        });
        assert_eq!(pico(&call["cost_usd"]), standing.used, "{way}: {call}");
        let charged = if way == "well" {
            CALL
        } else {
            words * PICO_PER_TOKEN
        };
        assert_eq!(standing.used, charged, "{way}: {call}");
        assert!(
            words == 0 || call["usage"]["estimated"] == true,
            "{way}: {call}"
        );

        // With room for exactly one more call, one more is admitted, and no second.
        let quota = dollars(charged + CALL);
        admin
            .patch(&path, &json!({"quota": {"total_usd": quota}}))
            .expect(200);
        let next = body("well", "well", false);
        eventually("a place", || {
            let answer = client.chat(&next);
            (answer.status != 429).then(|| answer.expect(200))
        });
        assert_eq!(client.chat(&next).expect_error(402), "insufficient_quota");
        let spent = Standing::of(&client, "key", "total");
        assert_eq!((spent.used, spent.left), (charged + CALL, 0), "{way}");
    }
}
