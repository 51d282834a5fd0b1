//! What limits a session: no response for which nothing is set aside, not too many at once, not too fast.

use serde_json::{Value, json};

use super::super::harness::{Act, Talk, TestGateway, eventually};
use super::{
    RealtimeUpstream, answering, assert_nothing_kept, attentive, begun, limit_of, price, quiet,
    response, tokens,
};

fn audio(bytes: usize) -> Value {
    json!({"type": "input_audio_buffer.append", "audio": "A".repeat(bytes)})
}

/// A provider that answers by itself as soon as it hears anything.
fn eager(usage: Value) -> RealtimeUpstream {
    RealtimeUpstream::start(attentive(), move |event| match event["type"].as_str() {
        Some("input_audio_buffer.append") => response("resp_1", json!("inf"), usage.clone()),
        _ => Vec::new(),
    })
}

#[test]
fn the_output_limit_is_what_fits_and_what_does_not_fit_is_refused_while_the_session_goes_on() {
    let upstream = answering(quiet(), tokens(100, 50));
    let gateway = TestGateway::start();
    upstream.channel(&gateway, &json!({}));
    price(&gateway, &json!({}));
    let key = gateway.key(&json!({"quota": {"total_tokens": 1_000}}));
    let mut talk = Talk::with_key(&gateway, &key);
    talk.send(&json!({"type": "response.create", "event_id": "a", "response": {"max_output_tokens": 2_000}}));
    let error = talk.until("error")["error"].clone();
    assert_eq!(
        (&error["code"], &error["param"], &error["event_id"]),
        (
            &json!("insufficient_quota"),
            &json!("key.total_tokens"),
            &json!("a")
        )
    );
    talk.send(&json!({"type": "response.create", "response": {"instructions": "Sing."}}));
    talk.until("response.done");
    let lowered = upstream.events()[0]["response"].clone();
    let limit = lowered["max_output_tokens"].as_u64().unwrap();
    assert!((1..1_000).contains(&limit), "{lowered}");
    assert_eq!(lowered["instructions"], "Sing.");
    // 150 tokens are used, and what the session has been told counts: the limit is lower now.
    talk.send(&json!({"type": "response.create"}));
    talk.until("response.done");
    let next = upstream.events()[1]["response"]["max_output_tokens"]
        .as_u64()
        .unwrap();
    assert!(next + 150 < limit, "{next} {limit}");
    talk.close();
    assert_nothing_kept(&gateway);
    let statuses: Vec<_> = gateway
        .admin()
        .calls()
        .iter()
        .map(|call| call["http_status"].clone())
        .collect();
    assert_eq!(statuses, [json!(101), json!(101), json!(402)]);
}

#[test]
fn sessions_at_the_same_time_do_not_pass_a_quota_together() {
    let upstream = RealtimeUpstream::start(quiet(), |event| match event["type"].as_str() {
        Some("response.create") => begun("resp_1", limit_of(event)),
        _ => Vec::new(),
    });
    let gateway = TestGateway::start();
    upstream.channel(&gateway, &json!({}));
    price(&gateway, &json!({}));
    let key = gateway.key(&json!({"quota": {"daily_requests": 2, "daily_tokens": 20_000}}));
    let ask = json!({"type": "response.create", "response": {"max_output_tokens": 4_000}});
    let mut talks: Vec<_> = (0..3).map(|_| Talk::with_key(&gateway, &key)).collect();
    for talk in &mut talks[..2] {
        talk.send(&ask);
        talk.until("response.output_text.delta");
    }
    talks[2].send(&ask);
    assert_eq!(
        talks[2].until("error")["error"]["code"],
        "insufficient_quota"
    );
    talks.into_iter().for_each(Talk::close);
    assert_nothing_kept(&gateway);
}

#[test]
fn a_session_has_a_place_as_long_as_it_lasts_and_its_responses_count_a_minute() {
    let upstream = answering(quiet(), tokens(10, 5));
    let gateway = TestGateway::start();
    upstream.channel(&gateway, &json!({}));
    let key = gateway.key(&json!({"rate_limit": {"concurrency": 1, "rpm": 1}}));
    let client = gateway.client(key["key"].as_str().unwrap());
    let mut talk = Talk::with_key(&gateway, &key);
    talk.until("session.created");
    let call = super::super::harness::chat("echo", "x");
    let refused = client.chat(&call);
    assert_eq!(refused.json()["error"]["param"], "concurrency");
    talk.send(&json!({"type": "response.create"}));
    talk.until("response.done");
    talk.send(&json!({"type": "response.create"}));
    let error = talk.until("error")["error"].clone();
    assert_eq!(
        (&error["code"], &error["param"]),
        (&json!("rate_limit_exceeded"), &json!("rpm"))
    );
    talk.close();
    eventually("the place to be free", || {
        (client.chat(&call).json()["error"]["param"] == "rpm").then_some(())
    });
}

#[test]
fn what_the_provider_answers_by_itself_is_set_aside_before_it_hears_anything() {
    let upstream = eager(tokens(100, 50));
    let gateway = TestGateway::start();
    upstream.channel(&gateway, &json!({}));
    price(&gateway, &json!({}));
    // Enough for one answer of 4,096 tokens with its prompt, but not for two.
    let key = gateway.key(&json!({"quota": {"total_tokens": 7_000}}));
    let mut talk = Talk::with_key(&gateway, &key);
    talk.until("session.created");
    talk.send(&audio(32_000));
    talk.until("response.done");
    let call = eventually("the call", || gateway.admin().calls().into_iter().next());
    assert_eq!(
        (&call["usage"]["total_tokens"], &call["status"]),
        (&json!(150), &json!("ok"))
    );
    talk.close();
    assert_nothing_kept(&gateway);

    let key = gateway.key(&json!({"quota": {"total_tokens": 4_000}}));
    let mut talk = Talk::with_key(&gateway, &key);
    talk.until("session.created");
    let heard = upstream.events().len();
    talk.send(&audio(32_000));
    let (events, code) = talk.rest();
    assert_eq!(
        (&events[0]["error"]["code"], code),
        (&json!("insufficient_quota"), 1008),
        "{events:?}"
    );
    assert_eq!(upstream.events().len(), heard);
    assert_nothing_kept(&gateway);
}

#[test]
fn a_session_that_can_pay_for_no_more_ends_after_the_answer_under_way() {
    let upstream = RealtimeUpstream::start(attentive(), |event| match event["type"].as_str() {
        Some("input_audio_buffer.append") if event["audio"] == "A" => begun("resp_1", json!("inf")),
        Some("response.cancel") => vec![Act::Say(
            json!({"type": "response.done", "response": {"id": "resp_1", "status": "cancelled", "usage": tokens(10, 5)}}),
        )],
        _ => Vec::new(),
    });
    let gateway = TestGateway::start();
    upstream.channel(&gateway, &json!({}));
    price(&gateway, &json!({}));
    let key = gateway.key(&json!({"quota": {"total_requests": 1}}));
    let mut talk = Talk::with_key(&gateway, &key);
    talk.until("session.created");
    talk.send(&audio(1));
    talk.until("response.output_text.delta");
    talk.send(&audio(2));
    talk.send(&json!({"type": "response.cancel"}));
    talk.until("response.done");
    let (events, code) = talk.rest();
    assert_eq!(
        (&events[0]["error"]["code"], code),
        (&json!("insufficient_quota"), 1008)
    );
    assert_nothing_kept(&gateway);
    let calls = gateway.admin().calls();
    let answered = calls
        .iter()
        .find(|call| call["http_status"] == 101)
        .unwrap();
    assert_eq!(
        (&answered["status"], &answered["usage"]["total_tokens"]),
        (&json!("cancelled"), &json!(15))
    );
}

#[test]
fn a_response_that_the_provider_refuses_gives_back_what_was_set_aside_for_it() {
    let upstream = RealtimeUpstream::start(quiet(), |event| {
        let refused = json!({"type": "error", "error": {"type": "invalid_request_error", "code": "conversation_already_has_active_response",
            "message": "Not now.", "event_id": event["event_id"]}});
        match event["type"].as_str() {
            Some("response.create") if event["response"]["metadata"]["go"] == true => {
                response("resp_1", limit_of(event), tokens(10, 5))
            }
            Some("response.create") => vec![Act::Say(refused)],
            _ => Vec::new(),
        }
    });
    let gateway = TestGateway::start();
    upstream.channel(&gateway, &json!({}));
    price(&gateway, &json!({}));
    let key = gateway.key(&json!({"quota": {"total_requests": 1}}));
    let mut talk = Talk::with_key(&gateway, &key);
    for _ in 0..3 {
        talk.send(&json!({"type": "response.create"}));
        assert_eq!(talk.until("error")["error"]["message"], "Not now.");
    }
    talk.send(&json!({"type": "response.create", "response": {"metadata": {"go": true}}}));
    talk.until("response.done");
    talk.close();
    assert_nothing_kept(&gateway);
    assert_eq!(gateway.admin().calls().len(), 1);
}

#[test]
fn a_response_that_fails_costs_nothing_and_one_that_was_never_begun_costs_what_it_says() {
    let upstream = RealtimeUpstream::start(quiet(), |event| {
        let done = |status: &str, usage: Value| {
            Act::Say(
                json!({"type": "response.done", "response": {"id": "resp_1", "status": status, "usage": usage,
                "status_details": {"error": {"message": "The server had an error."}}}}),
            )
        };
        match event["response"]["instructions"].as_str() {
            Some("fail") => {
                let mut acts = begun("resp_1", json!("inf"));
                acts.push(done("failed", Value::Null));
                acts
            }
            Some("done at once") => vec![done("completed", tokens(30, 20))],
            _ => Vec::new(),
        }
    });
    let gateway = TestGateway::start();
    upstream.channel(&gateway, &json!({}));
    price(&gateway, &json!({}));
    let mut talk = Talk::with_key(&gateway, &gateway.key(&json!({"quota": {"daily_usd": 1}})));
    for words in ["fail", "done at once"] {
        talk.send(&json!({"type": "response.create", "response": {"instructions": words}}));
        talk.until("response.done");
    }
    talk.close();
    assert_nothing_kept(&gateway);
    let calls = gateway.admin().calls();
    let costs: Vec<_> = calls
        .iter()
        .map(|call| {
            (
                call["status"].clone(),
                call["usage"]["total_tokens"].clone(),
            )
        })
        .collect();
    assert_eq!(
        costs,
        [(json!("ok"), json!(50)), (json!("error"), json!(0))]
    );
    assert_eq!(calls[1]["attempts"][0]["status"], "provider_error");
}
