//! Speech: a text goes in, bytes come out as they come, billed by the character or by tokens.

use std::io::Read;

use serde_json::{Value, json};

use super::{gateway, last_call};
use crate::integration::harness::{Gate, Script, TestGateway, Upstream, eventually};

/// No text in any encoding.
const SOUND: [u8; 8] = [0xff, 0xfb, 0x90, 0x00, 0x0d, 0x0a, 0xfe, 0x80];

fn body() -> Value {
    json!({"model": "m", "voice": "alloy", "input": "Quota élan", "response_format": "mp3"})
}

fn mp3(times: usize) -> Script {
    Script::bytes_of("audio/mpeg", SOUND.len() * times)
}

fn per_character() -> Value {
    json!({"per_character_usd": 0.000_015})
}

#[test]
fn speech_passes_byte_for_byte_and_is_charged_by_its_characters() {
    let upstream = Upstream::start(|_| mp3(1).send_bytes(&SOUND));
    let gateway = gateway(&upstream, &per_character());
    let answer = gateway.new_client().open("/v1/audio/speech", &body());
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "audio/mpeg");
    assert_eq!(answer.headers()["content-length"], "8");
    assert_eq!(answer.bytes().unwrap(), &SOUND[..]);
    assert_eq!(upstream.requests()[0].path, "/v1/audio/speech");
    assert_eq!(upstream.requests()[0].json(), body());
    let call = last_call(&gateway);
    assert_eq!(
        (
            &call["endpoint"],
            &call["status"],
            &call["usage"]["characters"],
            &call["usage"]["estimated"]
        ),
        (&json!("speech"), &json!("ok"), &json!(10), &json!(false))
    );
    assert_eq!(
        (&call["cost_usd"], &call["usage"]["total_tokens"]),
        (&json!(0.000_15), &json!(0))
    );
}

#[test]
fn speech_billed_by_tokens_that_nobody_told_is_estimated() {
    let upstream = Upstream::start(|_| mp3(1).send_bytes(&SOUND));
    let gateway = gateway(
        &upstream,
        &json!({"input_usd_per_mtok": 0.6, "audio_output_usd_per_mtok": 12}),
    );
    gateway.new_client().post("/v1/audio/speech", &body());
    let call = last_call(&gateway);
    assert_eq!(
        (
            &call["usage"]["audio_output_tokens"],
            &call["usage"]["estimated"]
        ),
        (&json!(13), &json!(true)),
        "{call}"
    );
}

#[test]
fn speech_as_events_is_charged_as_reported() {
    let upstream = Upstream::start(|_| {
        Script::stream()
            .frame(&json!({"type": "speech.audio.delta", "audio": "AAAA"}))
            .frame(&json!({"type": "speech.audio.done", "usage": {"input_tokens": 14, "output_tokens": 101, "total_tokens": 115}}))
            .end()
    });
    let gateway = gateway(
        &upstream,
        &json!({"input_usd_per_mtok": 0.6, "audio_output_usd_per_mtok": 12}),
    );
    let mut body = body();
    body["stream_format"] = json!("sse");
    let answer = gateway.new_client().post("/v1/audio/speech", &body);
    assert_eq!((answer.status, answer.frames().len()), (200, 2));
    let call = last_call(&gateway);
    assert_eq!(
        (
            &call["usage"]["audio_output_tokens"],
            &call["usage"]["estimated"]
        ),
        (&json!(101), &json!(false))
    );
    assert_eq!(
        (&call["stream"], &call["cost_usd"]),
        (&json!(true), &json!(0.001_220_4))
    );
}

#[test]
fn bytes_pass_as_they_come() {
    let gate = Gate::default();
    let held = gate.clone();
    let upstream =
        Upstream::start(move |_| mp3(2).send_bytes(&SOUND).wait(&held).send_bytes(&SOUND));
    let gateway = gateway(&upstream, &per_character());
    let mut answer = gateway.new_client().open("/v1/audio/speech", &body());
    let mut first = [0; SOUND.len()];
    answer.read_exact(&mut first).unwrap();
    assert_eq!(first, SOUND);
    gate.open();
    let mut rest = Vec::new();
    answer.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, SOUND);
}

#[test]
fn an_answer_that_ends_too_early_is_no_clean_end() {
    let upstream = Upstream::start(|_| mp3(2).send_bytes(&SOUND).cut());
    let gateway = gateway(&upstream, &per_character());
    let answer = gateway.new_client().open("/v1/audio/speech", &body());
    assert!(answer.bytes().is_err());
    let call = last_call(&gateway);
    assert_eq!(
        (
            &call["status"],
            &call["error_code"],
            &call["attempts"][0]["status"]
        ),
        (
            &json!("error"),
            &json!("bad_gateway"),
            &json!("broken_answer")
        ),
        "{call}"
    );
    assert_eq!(call["cost_usd"], 0.000_15);
}

#[test]
fn a_key_that_dies_takes_its_speech_with_it() {
    let gate = Gate::default();
    let held = gate.clone();
    let upstream =
        Upstream::start(move |_| mp3(2).send_bytes(&SOUND).wait(&held).send_bytes(&SOUND));
    let gateway = gateway(&upstream, &per_character());
    let key = gateway.key(&json!({}));
    let client = gateway.client(key["key"].as_str().unwrap());
    let mut answer = client.open("/v1/audio/speech", &body());
    answer.read_exact(&mut [0; SOUND.len()]).unwrap();
    let path = format!("/api/keys/{}", key["id"].as_str().unwrap());
    gateway
        .admin()
        .patch(&path, &json!({"status": "disabled"}))
        .expect(200);
    assert!(answer.read_to_end(&mut Vec::new()).is_err());
    gate.open();
    eventually("the provider to be cancelled", || {
        (upstream.hung_up() == 1).then_some(())
    });
    let call = last_call(&gateway);
    assert_eq!(
        (&call["error_code"], &call["cost_usd"]),
        (&json!("api_key_disabled"), &json!(0.000_15))
    );
}

#[test]
fn a_client_that_goes_away_cancels_and_pays() {
    let gate = Gate::default();
    let held = gate.clone();
    let upstream =
        Upstream::start(move |_| mp3(2).send_bytes(&SOUND).wait(&held).send_bytes(&SOUND));
    let gateway = gateway(&upstream, &per_character());
    let mut answer = gateway.new_client().open("/v1/audio/speech", &body());
    answer.read_exact(&mut [0; SOUND.len()]).unwrap();
    drop(answer);
    let call = last_call(&gateway);
    assert_eq!(
        (&call["status"], &call["cost_usd"]),
        (&json!("cancelled"), &json!(0.000_15))
    );
    gate.open();
    eventually("the provider to be cancelled", || {
        (upstream.hung_up() == 1).then_some(())
    });
}

#[test]
fn another_channel_speaks_where_one_only_says_that_it_does() {
    for bad in [
        Script::json(200, &json!({"error": {"message": "no voice"}})),
        Script::bytes_of("audio/mpeg", 0),
        Script::bytes_of("audio/mpeg", 8).cut(),
    ] {
        let failing = Upstream::start(move |_| bad.clone());
        let good = Upstream::start(|_| mp3(1).send_bytes(&SOUND));
        let gateway = gateway(&failing, &per_character());
        let channel = gateway.channel(&good, &["m"]);
        let path = format!("/api/channels/{}", channel["id"].as_str().unwrap());
        gateway
            .admin()
            .patch(&path, &json!({"priority": -1}))
            .expect(200);
        let answer = gateway.new_client().open("/v1/audio/speech", &body());
        assert_eq!(answer.bytes().unwrap(), &SOUND[..]);
        assert_eq!(last_call(&gateway)["attempts"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn characters_that_do_not_fit_a_quota_are_refused() {
    let upstream = Upstream::start(|_| mp3(1).send_bytes(&SOUND));
    let gateway = gateway(&upstream, &per_character());
    let key = gateway.key(&json!({"quota": {"total_usd": 0.000_2}}));
    let client = gateway.client(key["key"].as_str().unwrap());
    assert_eq!(client.post("/v1/audio/speech", &body()).status, 200);
    assert_eq!(
        client.post("/v1/audio/speech", &body()).expect_error(402),
        "insufficient_quota"
    );
}

#[test]
fn the_echo_speaks_silence() {
    let gateway = TestGateway::start();
    let client = gateway.new_client();
    let mut body = json!({"model": "echo", "voice": "none", "input": "three silent words"});
    let sound = client.open("/v1/audio/speech", &body).bytes().unwrap();
    assert_eq!((&sound[..4], sound.len()), (&b"RIFF"[..], 44 + 3 * 4_800));
    body["stream_format"] = json!("sse");
    assert_eq!(client.post("/v1/audio/speech", &body).frames().len(), 2);
}
