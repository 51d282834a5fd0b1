//! Images: a prompt goes in, pictures come out, billed by their tokens or by the piece.

use serde_json::{Value, json};

use super::{gateway, last_call};
use crate::integration::harness::{Script, TestGateway, Upstream};

const TOKENS: [(&str, f64); 3] = [
    ("input_usd_per_mtok", 5.0),
    ("image_input_usd_per_mtok", 8.0),
    ("image_output_usd_per_mtok", 30.0),
];

/// What gpt-image-2 costs.
fn by_token() -> Value {
    TOKENS
        .into_iter()
        .map(|(name, usd)| (name.to_owned(), json!(usd)))
        .collect()
}

fn usage() -> Value {
    json!({"total_tokens": 7_044, "input_tokens": 20, "output_tokens": 7_024, "input_tokens_details": {"text_tokens": 20, "image_tokens": 0}})
}

#[test]
fn images_are_charged_by_their_tokens_as_reported() {
    let upstream = Upstream::start(|_| {
        Script::json(
            200,
            &json!({"created": 1, "data": [{"b64_json": "aGk="}], "usage": usage()}),
        )
    });
    let gateway = gateway(&upstream, &by_token());
    let body = json!({"model": "m", "prompt": "a ledger", "size": "1024x1024", "quality": "high"});
    let answer = gateway
        .new_client()
        .post("/v1/images/generations", &body)
        .expect(200);
    assert_eq!(answer["data"][0]["b64_json"], "aGk=");
    assert_eq!(upstream.requests()[0].path, "/v1/images/generations");
    assert_eq!(upstream.requests()[0].json(), body);
    let call = last_call(&gateway);
    assert_eq!(call["endpoint"], "images");
    let used = |name: &str| call["usage"][name].as_u64().unwrap();
    assert_eq!(
        (
            used("prompt_tokens"),
            used("image_output_tokens"),
            used("images")
        ),
        (20, 7_024, 1)
    );
    assert_eq!(
        (&call["cost_usd"], &call["over_reservation"]),
        (&json!(0.210_82), &json!(false))
    );
}

#[test]
fn images_by_the_piece_are_charged_as_many_as_came() {
    let upstream = Upstream::start(|_| {
        Script::json(
            200,
            &json!({"data": [{"url": "https://x"}, {"url": "https://y"}]}),
        )
    });
    let gateway = gateway(&upstream, &json!({"per_image_usd": 0.04}));
    let key = gateway.key(&json!({"quota": {"total_usd": 0.13, "total_tokens": 1_000}}));
    let client = gateway.client(key["key"].as_str().unwrap());
    let images = |n: u64| {
        client.post(
            "/v1/images/generations",
            &json!({"model": "m", "prompt": "x", "n": n}),
        )
    };
    assert_eq!(images(4).expect_error(402), "insufficient_quota");
    images(3).expect(200);
    let call = last_call(&gateway);
    assert_eq!(
        (
            &call["cost_usd"],
            &call["usage"]["images"],
            &call["usage"]["estimated"]
        ),
        (&json!(0.08), &json!(2), &json!(false))
    );
    assert_eq!(images(2).expect_error(402), "insufficient_quota");
}

#[test]
fn images_whose_tokens_nobody_counted_are_estimated() {
    let upstream = Upstream::start(|_| Script::json(200, &json!({"data": [{"b64_json": "aGk="}]})));
    let gateway = gateway(&upstream, &by_token());
    let body = json!({"model": "m", "prompt": "x", "size": "1024x1024", "quality": "high"});
    gateway
        .new_client()
        .post("/v1/images/generations", &body)
        .expect(200);
    let call = last_call(&gateway);
    assert_eq!(
        (
            &call["usage"]["image_output_tokens"],
            &call["usage"]["estimated"]
        ),
        (&json!(7_024), &json!(true)),
        "{call}"
    );
}

#[test]
fn streamed_images_pass_as_they_come_and_end_with_their_usage() {
    let upstream = Upstream::start(|_| {
        Script::stream()
            .frame(&json!({"type": "image_generation.partial_image", "partial_image_index": 0, "b64_json": "aA=="}))
            .frame(&json!({"type": "image_generation.completed", "b64_json": "aGk=", "usage": usage()}))
            .end()
    });
    let gateway = gateway(&upstream, &by_token());
    let client = gateway.new_client();
    let mut body = json!({"model": "m", "prompt": "x", "stream": true, "partial_images": 1});
    let answer = client.post("/v1/images/generations", &body);
    assert_eq!(
        (answer.status, answer.frames().len()),
        (200, 2),
        "{}",
        answer.body
    );
    let call = last_call(&gateway);
    assert_eq!(
        (&call["status"], &call["stream"], &call["cost_usd"]),
        (&json!("ok"), &json!(true), &json!(0.210_82)),
        "{call}"
    );
    body["n"] = json!(2);
    let refused = client.post("/v1/images/generations", &body).expect(400);
    assert_eq!(refused["error"]["param"], "n");
}

#[test]
fn a_stream_without_its_last_image_is_broken() {
    let upstream = Upstream::start(|_| {
        Script::stream()
            .frame(&json!({"type": "image_generation.partial_image", "partial_image_index": 0, "b64_json": "aA=="}))
            .end()
    });
    let gateway = gateway(&upstream, &by_token());
    let body = json!({"model": "m", "prompt": "x", "stream": true, "partial_images": 1});
    gateway
        .new_client()
        .post("/v1/images/generations", &body)
        .expect_broken();
    assert_eq!(last_call(&gateway)["status"], "error");
}

#[test]
fn another_channel_makes_the_image_that_one_could_not() {
    let failing = Upstream::start(|_| Script::json(500, &json!({"error": {"message": "no"}})));
    let good = Upstream::start(|_| {
        Script::json(
            200,
            &json!({"data": [{"b64_json": "aGk="}], "usage": usage()}),
        )
    });
    let gateway = gateway(&failing, &by_token());
    let channel = gateway.channel(&good, &["m"]);
    let path = format!("/api/channels/{}", channel["id"].as_str().unwrap());
    gateway
        .admin()
        .patch(&path, &json!({"priority": -1}))
        .expect(200);
    gateway
        .new_client()
        .post(
            "/v1/images/generations",
            &json!({"model": "m", "prompt": "x"}),
        )
        .expect(200);
    let call = last_call(&gateway);
    assert_eq!(call["attempts"].as_array().unwrap().len(), 2, "{call}");
    assert_eq!(call["channel_id"], channel["id"]);
}

#[test]
fn the_echo_paints_a_pixel() {
    let gateway = TestGateway::start();
    let body = json!({"model": "echo", "prompt": "a small picture", "n": 2});
    let answer = gateway
        .new_client()
        .post("/v1/images/generations", &body)
        .expect(200);
    assert_eq!(answer["data"].as_array().unwrap().len(), 2);
    assert!(
        answer["data"][0]["b64_json"]
            .as_str()
            .unwrap()
            .starts_with("iVBORw0KGgo")
    );
}
