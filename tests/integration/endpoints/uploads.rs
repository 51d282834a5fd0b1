//! Uploads: forms with files go on byte for byte, streamed right through where that can be, and wait in the data directory
//! where it cannot.

use std::io::{Read, Write};
use std::net::TcpStream;

use real200::clock::Clock;
use serde_json::{Value, json};

use super::{gateway, last_call, set_price};
use crate::integration::harness::{KeyClient, Reply, Script, TestGateway, Upstream, eventually};

const BOUNDARY: &str = "----form";

/// A part of a form.
fn field(name: &str, value: &str) -> String {
    format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
}

fn file(name: &str, bytes: &str) -> String {
    format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"a.bin\"\r\nContent-Type: application/octet-stream\r\n\r\n{bytes}\r\n"
    )
}

fn form(parts: &[String]) -> String {
    format!("{}--{BOUNDARY}--\r\n", parts.concat())
}

fn post(client: &KeyClient, path: &str, body: &str) -> Reply {
    let request = client
        .request("POST", path)
        .header(
            "content-type",
            format!("multipart/form-data; boundary={BOUNDARY}"),
        )
        .body(body.to_owned());
    Reply::read(request.send().unwrap())
}

fn transcribe(client: &KeyClient, body: &str) -> Reply {
    post(client, "/v1/audio/transcriptions", body)
}

fn heard(seconds: f64) -> Script {
    Script::json(
        200,
        &json!({"text": "Quota.", "usage": {"type": "duration", "seconds": seconds}}),
    )
}

fn per_second() -> Value {
    json!({"per_second_usd": 0.000_1})
}

/// As much as no buffer holds.
fn recording() -> String {
    "0123456789abcdef\r\n--".repeat(100_000)
}

#[test]
fn a_recording_goes_on_byte_for_byte_and_is_charged_by_the_second() {
    for parts in [
        [
            field("model", "m"),
            field("language", "en"),
            file("file", &recording()),
        ],
        [
            file("file", &recording()),
            field("language", "en"),
            field("model", "m"),
        ],
    ] {
        let upstream = Upstream::start(|_| heard(59.5));
        let gateway = gateway(&upstream, &per_second());
        let body = form(&parts);
        let answer = transcribe(&gateway.new_client(), &body).expect(200);
        assert_eq!(answer["text"], "Quota.");
        let sent = &upstream.requests()[0];
        assert_eq!(sent.path, "/v1/audio/transcriptions");
        assert_eq!(
            sent.header("content-type"),
            Some("multipart/form-data; boundary=----form")
        );
        assert_eq!(
            sent.header("content-length"),
            Some(body.len().to_string().as_str())
        );
        assert!(sent.text == body, "the body is another one");
        let call = last_call(&gateway);
        assert_eq!(
            (
                &call["endpoint"],
                &call["usage"]["audio_seconds"],
                &call["usage"]["estimated"],
                &call["cost_usd"]
            ),
            (
                &json!("transcriptions"),
                &json!(60),
                &json!(false),
                &json!(0.006)
            )
        );
    }
}

#[test]
fn only_the_models_name_is_changed_wherever_it_stands() {
    for parts in [
        [field("model", "m"), file("file", &recording())],
        [file("file", &recording()), field("model", "m")],
    ] {
        let upstream = Upstream::start(|_| heard(1.0));
        let gateway = gateway(&upstream, &per_second());
        let channels = gateway.admin().get("/api/channels").expect(200);
        let is_it = |channel: &&Value| channel["kind"] == "openai";
        let channel = channels["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(is_it)
            .unwrap();
        let path = format!("/api/channels/{}", channel["id"].as_str().unwrap());
        gateway
            .admin()
            .patch(&path, &json!({"model_map": {"m": "whisper-large-v3"}}))
            .expect(200);
        let body = form(&parts);
        transcribe(&gateway.new_client(), &body).expect(200);
        let named = body.replace(
            "name=\"model\"\r\n\r\nm\r\n",
            "name=\"model\"\r\n\r\nwhisper-large-v3\r\n",
        );
        let sent = &upstream.requests()[0];
        assert!(sent.text == named, "the body is another one");
        assert_eq!(
            sent.header("content-length"),
            Some(named.len().to_string().as_str())
        );
    }
}

#[test]
fn with_one_candidate_the_file_streams_right_through() {
    let (reached, is_reached) = std::sync::mpsc::channel();
    let upstream = Upstream::start(move |request| {
        reached.send(request.text.len()).unwrap();
        heard(1.0)
    });
    let gateway = gateway(&upstream, &per_second());
    let key = gateway.key(&json!({}));
    let body = form(&[field("model", "m"), file("file", &recording())]);
    let (first, rest) = body.split_at(body.len() - 1_000);
    let address = gateway.url("");
    let address = address.strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(address).unwrap();
    write!(
        connection,
        "POST /v1/audio/transcriptions HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nauthorization: Bearer {}\r\ncontent-type: multipart/form-data; boundary={BOUNDARY}\r\ncontent-length: {}\r\n\r\n{first}",
        key["key"].as_str().unwrap(),
        body.len()
    )
    .unwrap();
    // Nothing of it waits on disk, and the provider is connected to before the end has come.
    eventually("the call to be under way", || {
        (gateway.metric("real200_open_calls") == 1.0).then_some(())
    });
    assert!(is_reached.try_recv().is_err());
    connection.write_all(rest.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(is_reached.recv().unwrap(), body.len());
}

#[test]
fn another_channel_gets_the_whole_file_again() {
    let failing = Upstream::start(|_| Script::json(500, &json!({"error": {"message": "no"}})));
    let good = Upstream::start(|_| heard(2.0));
    let gateway = gateway(&failing, &per_second());
    let channel = gateway.channel(&good, &["m"]);
    let path = format!("/api/channels/{}", channel["id"].as_str().unwrap());
    gateway
        .admin()
        .patch(&path, &json!({"priority": -1, "model_map": {"m": "other"}}))
        .expect(200);
    let body = form(&[field("model", "m"), file("file", &recording())]);
    transcribe(&gateway.new_client(), &body).expect(200);
    assert!(failing.requests()[0].text == body);
    assert!(good.requests()[0].text == body.replace("\r\n\r\nm\r\n", "\r\n\r\nother\r\n"));
    assert_eq!(last_call(&gateway)["attempts"].as_array().unwrap().len(), 2);
    // The file had no name, so that nothing of it is left.
    let left = std::fs::read_dir(gateway.data_dir()).unwrap().count();
    let before = ["journal", "db", "master.key", "lock"];
    assert!(left <= before.len() + 2, "{left} files");
}

#[test]
fn text_and_subtitles_are_answers_too() {
    for (kind, text, seconds) in [
        ("text/plain; charset=utf-8", "Quota.\n", 2),
        (
            "application/x-subrip",
            "1\n00:00:00,000 --> 00:00:06,500\nQuota.\n\n",
            7,
        ),
    ] {
        let upstream = Upstream::start(move |_| Script::bytes_of(kind, text.len()).send(text));
        let gateway = gateway(&upstream, &per_second());
        let body = form(&[
            field("model", "m"),
            field("response_format", "text"),
            file("file", &"x".repeat(32_000)),
        ]);
        let answer = transcribe(&gateway.new_client(), &body);
        assert_eq!((answer.status, answer.body.as_str()), (200, text));
        assert_eq!(answer.header("content-type"), Some(kind));
        let call = last_call(&gateway);
        assert_eq!(
            (&call["usage"]["audio_seconds"], &call["usage"]["estimated"]),
            (&json!(seconds), &json!(true)),
            "{call}"
        );
    }
}

#[test]
fn a_streamed_transcript_is_charged_as_reported_or_as_far_as_it_came() {
    let tokens =
        json!({"input_usd_per_mtok": 1, "audio_input_usd_per_mtok": 6, "output_usd_per_mtok": 10});
    let body = form(&[
        field("model", "m"),
        field("stream", "true"),
        file("file", "ID3"),
    ]);
    let usage = json!({"type": "tokens", "input_tokens": 14, "input_token_details": {"text_tokens": 4, "audio_tokens": 10}, "output_tokens": 2, "total_tokens": 16});
    let upstream = Upstream::start(move |_| {
        Script::stream()
            .frame(&json!({"type": "transcript.text.delta", "delta": "Quo"}))
            .frame(&json!({"type": "transcript.text.done", "text": "Quota.", "usage": usage}))
            .end()
    });
    let gateway = gateway(&upstream, &tokens);
    let answer = transcribe(&gateway.new_client(), &body);
    assert_eq!((answer.status, answer.frames().len()), (200, 2));
    let call = last_call(&gateway);
    assert_eq!(
        (&call["stream"], &call["status"], &call["cost_usd"]),
        (&json!(true), &json!("ok"), &json!(0.000_084))
    );

    let cut = Upstream::start(|_| {
        Script::stream()
            .frame(&json!({"type": "transcript.text.delta", "delta": "Quota"}))
            .cut()
    });
    let gateway = super::gateway(&cut, &tokens);
    transcribe(&gateway.new_client(), &body).expect_broken();
    let call = last_call(&gateway);
    assert_eq!(
        (&call["status"], &call["usage"]["estimated"]),
        (&json!("error"), &json!(true))
    );
    assert!(
        call["usage"]["audio_input_tokens"].as_u64().unwrap() >= 10,
        "{call}"
    );
}

#[test]
fn images_are_edited_whatever_stands_behind_them() {
    let usage = json!({"total_tokens": 7_500, "input_tokens": 476, "output_tokens": 7_024, "input_tokens_details": {"text_tokens": 20, "image_tokens": 456}});
    let upstream = Upstream::start(move |_| {
        Script::json(
            200,
            &json!({"data": [{"b64_json": "aGk="}], "usage": usage}),
        )
    });
    let gateway = gateway(
        &upstream,
        &json!({"input_usd_per_mtok": 5, "image_input_usd_per_mtok": 8, "image_output_usd_per_mtok": 30}),
    );
    let parts = |n: &str| {
        form(&[
            file("image[]", &recording()),
            file("mask", "PNG"),
            field("prompt", "a ledger"),
            field("size", "1024x1024"),
            field("quality", "high"),
            field("n", n),
            field("model", "m"),
        ])
    };
    let client = gateway.new_client();
    post(&client, "/v1/images/edits", &parts("1")).expect(200);
    assert!(upstream.requests()[0].text == parts("1"));
    let call = last_call(&gateway);
    assert_eq!(
        (&call["endpoint"], &call["over_reservation"]),
        (&json!("image_edits"), &json!(false))
    );
    assert_eq!(call["cost_usd"], 0.214_468);
    // The number behind the images decides what is set aside.
    let key = gateway.key(&json!({"quota": {"total_usd": 0.8}}));
    let poor = gateway.client(key["key"].as_str().unwrap());
    assert_eq!(
        post(&poor, "/v1/images/edits", &parts("4")).expect_error(402),
        "insufficient_quota"
    );
    post(&poor, "/v1/images/edits", &parts("1")).expect(200);
    let refused = post(&client, "/v1/images/edits", &parts("two")).expect(400);
    assert_eq!(refused["error"]["param"], "n");
}

#[test]
fn translations_have_a_route_and_a_permission_of_their_own() {
    let upstream = Upstream::start(|_| heard(1.0));
    let gateway = gateway(&upstream, &per_second());
    let key = gateway.key(&json!({"permissions": {"endpoints": ["translations"]}}));
    let client = gateway.client(key["key"].as_str().unwrap());
    let body = form(&[field("model", "m"), file("file", "ID3")]);
    post(&client, "/v1/audio/translations", &body).expect(200);
    assert_eq!(upstream.requests()[0].path, "/v1/audio/translations");
    assert_eq!(
        transcribe(&client, &body).expect_error(403),
        "endpoint_not_allowed"
    );
    assert_eq!(upstream.requests().len(), 1);
}

#[test]
fn a_recording_that_does_not_fit_a_quota_is_refused() {
    let upstream = Upstream::start(|_| heard(10.0));
    let gateway = gateway(&upstream, &per_second());
    let key = gateway.key(&json!({"quota": {"total_usd": 0.01}}));
    let client = gateway.client(key["key"].as_str().unwrap());
    // A hundred seconds at most are a cent.
    let body = |bytes: usize| form(&[field("model", "m"), file("file", &"x".repeat(bytes))]);
    assert_eq!(
        transcribe(&client, &body(60_000)).expect_error(402),
        "insufficient_quota"
    );
    transcribe(&client, &body(40_000)).expect(200);
    assert!(upstream.requests().len() == 1);
}

#[test]
fn what_cannot_be_taken_is_refused_in_words() {
    let upstream = Upstream::start(|_| heard(1.0));
    let gateway = TestGateway::with(Clock::system(), |config| {
        config.server.upload_limit_bytes = 10_000
    });
    gateway.channel(&upstream, &["m"]);
    set_price(&gateway, &per_second());
    let client = gateway.new_client();
    let whole = form(&[field("model", "m"), file("file", "ID3")]);
    for (body, status) in [
        (form(&[file("file", "ID3")]), 400),
        (
            form(&[
                field("model", "m"),
                field("model", "m"),
                file("file", "ID3"),
            ]),
            400,
        ),
        (
            form(&[field("model", "m"), file("file", &"x".repeat(10_000))]),
            413,
        ),
        (format!("x{whole}"), 400),
        (whole.replace("--\r\n", "\r\n"), 400),
        (String::new(), 400),
    ] {
        let refused = transcribe(&client, &body);
        assert_eq!(refused.status, status, "{}: {}", refused.body, body.len());
    }
    assert_eq!(
        client
            .post("/v1/audio/transcriptions", &json!({"model": "m"}))
            .status,
        400
    );
    transcribe(&client, &whole).expect(200);
}

#[test]
fn a_second_model_behind_the_file_ends_the_call_and_not_the_channel() {
    let upstream = Upstream::start(|_| heard(1.0));
    let gateway = gateway(&upstream, &per_second());
    let client = gateway.new_client();
    let two = form(&[
        field("model", "m"),
        file("file", &recording()),
        field("model", "dearer"),
    ]);
    for _ in 0..5 {
        let refused = transcribe(&client, &two).expect(400);
        assert_eq!(refused["error"]["param"], "model", "{refused}");
    }
    let call = last_call(&gateway);
    assert_eq!(
        (&call["status"], call["cost_usd"].as_f64()),
        (&json!("error"), Some(0.0))
    );
    transcribe(&client, &form(&[field("model", "m"), file("file", "ID3")])).expect(200);
}
