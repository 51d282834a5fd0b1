//! Sessions over `GET /v1/realtime`: events pass both ways, and each response is a call that was set aside and is settled.

mod beginning;
mod ends;
mod limits;

use serde_json::{Value, json};

use super::harness::{Act, RealtimeUpstream, Talk, TestGateway, eventually};

/// Settings of a session in which nobody answers by themselves.
fn quiet() -> Value {
    json!({"type": "realtime", "model": "upstream-rt", "instructions": "Be brief.", "max_output_tokens": "inf",
        "audio": {"input": {"format": {"type": "audio/pcm"}, "turn_detection": null}, "output": {"format": {"type": "audio/pcm"}}}})
}

/// Settings of a session in which the provider answers when it hears the end of what is said.
fn attentive() -> Value {
    let mut settings = quiet();
    settings["audio"]["input"]["turn_detection"] = json!({"type": "server_vad"});
    settings
}

/// The usage of a response, in text tokens.
fn tokens(input: u64, output: u64) -> Value {
    json!({"total_tokens": input + output, "input_tokens": input, "output_tokens": output})
}

/// A response from its first event to its last.
fn response(id: &str, limit: Value, usage: Value) -> Vec<Act> {
    let mut acts = begun(id, limit);
    acts.push(Act::Say(json!({"type": "response.done", "response": {"id": id, "object": "realtime.response", "status": "completed", "usage": usage}})));
    acts
}

/// A response that has begun, and a word of it.
fn begun(id: &str, limit: Value) -> Vec<Act> {
    vec![
        Act::Say(
            json!({"type": "response.created", "response": {"id": id, "status": "in_progress", "max_output_tokens": limit}}),
        ),
        Act::Say(
            json!({"type": "response.output_text.delta", "response_id": id, "delta": "hello"}),
        ),
    ]
}

/// A provider that answers each `response.create` with this usage; the limit of a response is what the event gives, as a
/// provider tells it.
fn answering(settings: Value, usage: Value) -> RealtimeUpstream {
    RealtimeUpstream::start(settings, move |event| {
        if event["type"] == "response.create" {
            response("resp_1", limit_of(event), usage.clone())
        } else {
            Vec::new()
        }
    })
}

fn limit_of(event: &Value) -> Value {
    let limit = &event["response"]["max_output_tokens"];
    if limit.is_null() {
        json!("inf")
    } else {
        limit.clone()
    }
}

/// Sets a price of $1 a million tokens on the model `rt`, and how long a prompt and an answer of it can be.
fn price(gateway: &TestGateway, fields: &Value) {
    let mut price = json!({"input_usd_per_mtok": 1, "output_usd_per_mtok": 1, "max_output_tokens": 4096, "context_tokens": 32_000});
    for (name, value) in fields.as_object().unwrap() {
        price[name] = value.clone();
    }
    gateway.admin().put("/api/models/rt", &price).expect(200);
}

/// Waits until nothing is set aside: a session that has ended gives its seats back a moment later.
fn assert_nothing_kept(gateway: &TestGateway) {
    eventually("seats to be given back", || {
        let kept = gateway.metric("real200_reserved{on=\"keys\",unit=\"requests\"}");
        (kept == 0.0).then_some(())
    });
}

#[test]
fn a_response_passes_and_is_a_call_with_the_providers_numbers_and_their_price() {
    let usage = json!({"total_tokens": 253, "input_tokens": 132, "output_tokens": 121,
        "input_token_details": {"text_tokens": 119, "audio_tokens": 13, "cached_tokens": 64, "cached_tokens_details": {"text_tokens": 60, "audio_tokens": 4}},
        "output_token_details": {"text_tokens": 30, "audio_tokens": 91}});
    let upstream = answering(quiet(), usage);
    let gateway = TestGateway::start();
    let channel = upstream.channel(&gateway, &json!({"model_map": {"rt": "upstream rt"}}));
    price(
        &gateway,
        &json!({"cached_input_usd_per_mtok": 0.5, "audio_input_usd_per_mtok": 10, "audio_cached_input_usd_per_mtok": 2,
        "audio_output_usd_per_mtok": 20}),
    );
    let key = gateway.key(&json!({"quota": {"daily_usd": 1}}));
    let bearer = format!("Bearer {}", key["key"].as_str().unwrap());
    let headers = [
        ("authorization", bearer.as_str()),
        ("openai-beta", "realtime=v1"),
    ];
    let (mut talk, answer) = Talk::begin(&gateway, "/v1/realtime?model=rt", &headers);
    assert_eq!(talk.next()["session"], quiet());
    talk.send(&json!({"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}}));
    talk.send(&json!({"type": "response.create", "response": {"max_output_tokens": 200}}));
    assert_eq!(talk.until("response.output_text.delta")["delta"], "hello");
    assert_eq!(
        talk.until("response.done")["response"]["usage"]["total_tokens"],
        253
    );
    talk.close();

    let calls = gateway.admin().calls();
    assert_eq!(calls.len(), 1);
    let call = &calls[0];
    let session = answer.iter().find(|(name, _)| name == "x-request-id");
    assert_eq!(
        (
            &call["endpoint"],
            &call["model"],
            &call["upstream_model"],
            &call["status"],
            &call["channel_id"],
            &call["client_request_id"]
        ),
        (
            &json!("realtime"),
            &json!("rt"),
            &json!("upstream rt"),
            &json!("ok"),
            &channel["id"],
            &json!(session.unwrap().1)
        )
    );
    assert_eq!(
        (
            &call["usage"]["prompt_tokens"],
            &call["usage"]["completion_tokens"],
            &call["usage"]["estimated"]
        ),
        (&json!(132), &json!(121), &json!(false))
    );
    // Text: 59 at 1, 60 from cache at 0.5, 30 written at 1; audio: 9 at 10, 4 from cache at 2, 91 spoken at 20; all a million.
    assert_eq!(call["cost_usd"].to_string(), "0.002037");
    let (address, sent) = upstream.sessions()[0].clone();
    assert_eq!(address, "/v1/realtime?model=upstream%20rt");
    let header = |name: &str| {
        sent.iter()
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
    };
    assert_eq!(
        header("authorization"),
        Some("Bearer sk-upstream-credential")
    );
    assert_eq!(header("openai-beta"), Some("realtime=v1"));
    assert!(!format!("{sent:?}").contains(key["key"].as_str().unwrap()));
    assert_nothing_kept(&gateway);
}

#[test]
fn what_is_no_event_is_refused_and_the_session_goes_on() {
    let upstream = answering(quiet(), tokens(10, 5));
    let gateway = TestGateway::start();
    upstream.channel(&gateway, &json!({}));
    let mut talk = Talk::with_key(&gateway, &gateway.key(&json!({})));
    for text in [
        "not JSON",
        "{}",
        "[]",
        r#"{"type":"response.create","type":"x"}"#,
        r#"{"type":"response.create","response":7}"#,
    ] {
        talk.send_text(text);
        assert_eq!(
            talk.until("error")["error"]["type"],
            "invalid_request_error",
            "{text}"
        );
    }
    talk.send(
        &json!({"type": "session.update", "event_id": "mine", "session": {"model": "dearer"}}),
    );
    let error = talk.until("error")["error"].clone();
    assert_eq!(
        (&error["param"], &error["event_id"]),
        (&json!("session.model"), &json!("mine"))
    );
    assert!(upstream.events().is_empty());
    talk.send(&json!({"type": "response.create"}));
    talk.until("response.done");
    talk.close();
    assert_nothing_kept(&gateway);
}

#[test]
fn what_could_not_be_metered_is_left_out_of_the_settings_and_said() {
    let upstream = answering(quiet(), tokens(10, 5));
    let gateway = TestGateway::start();
    upstream.channel(&gateway, &json!({"model_map": {"rt": "theirs"}}));
    let mut talk = Talk::with_key(&gateway, &gateway.key(&json!({})));
    let session = json!({"type": "realtime", "model": "rt", "instructions": "Sing.", "audio": {"input": {"transcription": {"model": "whisper-1"}}}});
    talk.send(&json!({"type": "session.update", "event_id": "e1", "session": session}));
    let told = talk.until("error")["error"].clone();
    assert_eq!(
        (&told["param"], &told["event_id"]),
        (&json!("session.audio.input.transcription"), &json!("e1"))
    );
    talk.send(&json!({"type": "session.update", "session": {"type": "transcription"}}));
    assert_eq!(talk.until("error")["error"]["param"], "session.type");
    talk.close();
    let expected = json!({"type": "realtime", "model": "theirs", "instructions": "Sing.", "audio": {"input": {}}});
    let events = upstream.events();
    assert_eq!((events.len(), &events[0]["session"]), (1, &expected));
}
