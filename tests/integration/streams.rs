//! Streamed answers: frame by frame, honest at the end, and paid for when the client goes away.

use std::io::{BufRead, BufReader};

use serde_json::{Value, json};

use super::harness::{Gate, Script, TestGateway, Upstream, eventually, streamed_chat};

#[test]
fn frames_pass_one_by_one_as_they_come() {
    let gates = [Gate::default(), Gate::default()];
    let held = gates.clone();
    let upstream = Upstream::start(move |_| {
        Script::stream()
            .word("one")
            .wait(&held[0])
            .word("two")
            .wait(&held[1])
            .usage(4, 2)
            .done()
    });
    let gateway = TestGateway::start();
    gateway.channel(&upstream, &["m"]);
    let mut lines = BufReader::new(
        gateway
            .new_client()
            .open("/v1/chat/completions", &streamed_chat("m", "x")),
    )
    .lines();
    let mut next = || {
        loop {
            let line = lines.next()?.unwrap();
            if let Some(data) = line.strip_prefix("data: ") {
                return Some(data.to_owned());
            }
        }
    };
    assert!(next().unwrap().contains("one"));
    gates[0].open();
    assert!(next().unwrap().contains("two"));
    gates[1].open();
    assert_eq!(next().as_deref(), Some("[DONE]"));
    assert_eq!(next(), None);
}

#[test]
fn a_client_that_did_not_ask_for_the_usage_frame_does_not_see_it_and_is_billed_by_it() {
    let upstream = Upstream::start(|_| {
        Script::stream()
            .word("one")
            .word("two")
            .usage(40, 20)
            .done()
    });
    let gateway = TestGateway::start();
    gateway.channel(&upstream, &["m"]);
    let client = gateway.new_client();
    let answer = client.chat(&streamed_chat("m", "x"));
    assert_eq!(
        upstream.requests()[0].json()["stream_options"]["include_usage"],
        true
    );
    assert_eq!(answer.frames().len(), 3, "{}", answer.body);
    assert!(
        !answer.body.contains("\"prompt_tokens\""),
        "{}",
        answer.body
    );
    let call = eventually("the call", || gateway.admin().calls().into_iter().next());
    assert_eq!(
        (&call["usage"]["prompt_tokens"], &call["usage"]["estimated"]),
        (&json!(40), &json!(false))
    );

    let mut asking = streamed_chat("m", "x");
    asking["stream_options"] = json!({"include_usage": true});
    let answer = client.chat(&asking);
    assert_eq!(answer.frames().len(), 4);
    assert!(
        answer.body.contains("\"prompt_tokens\":40"),
        "{}",
        answer.body
    );
}

#[test]
fn a_stream_that_ends_without_done_is_an_error_and_not_a_clean_end() {
    for cut in [true, false] {
        let upstream = Upstream::start(move |_| {
            let script = Script::stream().word("one").word("two");
            if cut { script.cut() } else { script.end() }
        });
        let gateway = TestGateway::start();
        gateway.channel(&upstream, &["m"]);
        let answer = gateway.new_client().chat(&streamed_chat("m", "x"));
        assert!(!answer.body.contains("[DONE]"), "{}", answer.body);
        let last: Value = serde_json::from_str(answer.frames().last().unwrap()).unwrap();
        assert_eq!(last["error"]["code"], "bad_gateway", "{}", answer.body);
        let call = eventually("the call", || gateway.admin().calls().into_iter().next());
        assert_eq!(
            (&call["status"], &call["error_code"]),
            (&json!("error"), &json!("bad_gateway"))
        );
        assert_eq!(
            (
                &call["usage"]["estimated"],
                &call["usage"]["completion_tokens"]
            ),
            (&json!(true), &json!(2))
        );
    }
}

#[test]
fn when_the_client_goes_away_the_upstream_is_cancelled_and_what_was_streamed_is_charged() {
    let gate = Gate::default();
    let held = gate.clone();
    let upstream = Upstream::start(move |_| {
        Script::stream()
            .word("one")
            .word(" two")
            .wait(&held)
            .word("three")
            .usage(5, 3)
            .done()
    });
    let gateway = TestGateway::start();
    gateway.channel(&upstream, &["echo-2"]);
    let admin = gateway.admin();
    admin
        .put(
            "/api/models/echo-2",
            &json!({"input_usd_per_mtok": 1, "output_usd_per_mtok": 1}),
        )
        .expect(200);
    let mut stream = BufReader::new(
        gateway
            .new_client()
            .open("/v1/chat/completions", &streamed_chat("echo-2", "hello")),
    );
    let mut line = String::new();
    while !line.contains("two") {
        line.clear();
        stream.read_line(&mut line).unwrap();
    }
    drop(stream);
    let call = eventually("the cancelled call", || admin.calls().into_iter().next());
    gate.open();
    assert_eq!(call["status"], "cancelled");
    assert_eq!(
        (
            &call["usage"]["completion_tokens"],
            &call["usage"]["estimated"]
        ),
        (&json!(2), &json!(true))
    );
    assert!(
        call["usage"]["prompt_tokens"].as_u64().unwrap() > 0
            && call["cost_usd"].as_f64().unwrap() > 0.0,
        "{call}"
    );
    eventually("the upstream's hang-up", || {
        (upstream.hung_up() == 1).then_some(())
    });
}

#[test]
fn when_the_client_goes_away_before_the_head_the_upstream_is_cancelled_and_nothing_is_charged() {
    let gate = Gate::default();
    let held = gate.clone();
    let upstream = Upstream::start(move |_| {
        Script::default()
            .wait(&held)
            .send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
    });
    let gateway = TestGateway::start();
    gateway.channel(&upstream, &["m"]);
    let client = gateway.new_client();
    let request = client
        .request("POST", "/v1/chat/completions")
        .json(&streamed_chat("m", "x"))
        .timeout(std::time::Duration::from_millis(300));
    assert!(request.send().is_err());
    let call = eventually("the cancelled call", || {
        gateway.admin().calls().into_iter().next()
    });
    gate.open();
    assert_eq!(
        (&call["status"], &call["usage"]["total_tokens"]),
        (&json!("cancelled"), &json!(0))
    );
    eventually("the upstream's hang-up", || {
        (upstream.hung_up() == 1).then_some(())
    });
}

#[test]
fn an_upstream_that_falls_silent_is_a_timeout_for_the_client() {
    let gate = Gate::default();
    let held = gate.clone();
    let upstream = Upstream::start(move |request| {
        if request.text.contains("no-head") {
            Script::default().wait(&held)
        } else {
            Script::stream().word("one").wait(&held)
        }
    });
    let gateway = TestGateway::with(real200::clock::Clock::system(), |config| {
        config.upstream.first_byte_timeout_ms = 200;
        config.upstream.idle_timeout_ms = 200;
    });
    gateway.channel(&upstream, &["m"]);
    let client = gateway.new_client();
    assert_eq!(
        client
            .chat(&streamed_chat("m", "no-head"))
            .expect_error(504),
        "gateway_timeout"
    );
    let answer = client.chat(&streamed_chat("m", "silence after the first word"));
    gate.open();
    assert_eq!(answer.status, 200);
    let last: Value = serde_json::from_str(answer.frames().last().unwrap()).unwrap();
    assert_eq!(last["error"]["code"], "gateway_timeout");
}

#[test]
fn the_responses_dialect_streams_and_ends_with_its_own_event() {
    let gateway = TestGateway::start();
    let client = gateway.new_client();
    let answer = client.post(
        "/v1/responses",
        &json!({"model": "echo", "input": "say this", "stream": true}),
    );
    let types: Vec<_> = answer
        .frames()
        .iter()
        .map(|frame| serde_json::from_str::<Value>(frame).unwrap()["type"].clone())
        .collect();
    assert_eq!(
        (types.first().unwrap(), types.last().unwrap()),
        (&json!("response.created"), &json!("response.completed"))
    );
    let call = eventually("the call", || gateway.admin().calls().into_iter().next());
    assert_eq!(
        (&call["status"], &call["stream"]),
        (&json!("ok"), &json!(true))
    );
}

#[test]
fn an_error_in_the_middle_of_a_stream_is_logged_in_the_providers_words_without_the_credential() {
    let error = json!({"error": {"message": "No capacity for sk-upstream-credential."}});
    let upstream = Upstream::start(move |_| Script::stream().word("one").frame(&error).end());
    let gateway = TestGateway::start();
    gateway.channel(&upstream, &["m"]);
    let client = gateway.new_client();
    let streamed = client.open("/v1/chat/completions", &streamed_chat("m", "x"));
    // It lacks its end, so it is broken off.
    assert!(streamed.text().is_err());
    let call = eventually("the call", || gateway.admin().calls().into_iter().next());
    let attempt = &call["attempts"][0];
    assert_eq!(
        (&call["status"], &attempt["status"], &attempt["error"]),
        (
            &json!("error"),
            &json!("provider_error"),
            &json!("No capacity for ***.")
        )
    );
}
