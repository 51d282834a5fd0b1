//! Moderations and reranks: texts go in, numbers come out.

use serde_json::json;

use super::{gateway, last_call};
use crate::integration::harness::{Script, TestGateway, Upstream};

#[test]
fn a_moderation_without_a_model_is_of_the_providers_usual_one() {
    let upstream = Upstream::start(|_| {
        Script::json(
            200,
            &json!({"id": "modr-1", "model": "omni-moderation-latest", "results": [{"flagged": false}]}),
        )
    });
    let gateway = TestGateway::start();
    let channel = gateway.channel(&upstream, &["omni-moderation-latest"]);
    let client = gateway.new_client();
    let body = json!({"input": "I want to count them."});
    let answer = client.post("/v1/moderations", &body).expect(200);
    assert_eq!(answer["results"][0]["flagged"], false);
    assert_eq!(upstream.requests()[0].path, "/v1/moderations");
    assert_eq!(upstream.requests()[0].json(), body);
    let call = last_call(&gateway);
    assert_eq!(
        (
            &call["endpoint"],
            &call["model"],
            &call["usage"]["estimated"]
        ),
        (
            &json!("moderations"),
            &json!("omni-moderation-latest"),
            &json!(true)
        )
    );
    let path = format!("/api/channels/{}", channel["id"].as_str().unwrap());
    let own = json!({"model_map": {"omni-moderation-latest": "guard"}});
    gateway.admin().patch(&path, &own).expect(200);
    client.post("/v1/moderations", &body).expect(200);
    assert_eq!(upstream.requests()[1].json()["model"], "guard");
}

#[test]
fn a_rerank_is_charged_by_the_search_or_by_its_tokens() {
    for (meta, price, usd) in [
        (
            json!({"meta": {"billed_units": {"search_units": 2}}}),
            json!({"per_search_usd": 0.002}),
            0.004,
        ),
        (
            json!({"usage": {"total_tokens": 1_000}}),
            json!({"input_usd_per_mtok": 0.05}),
            0.000_05,
        ),
        // Nothing is told: three documents are one search.
        (json!({}), json!({"per_search_usd": 0.002}), 0.002),
    ] {
        let mut answer = meta;
        answer["results"] = json!([{"index": 0, "relevance_score": 0.9}]);
        let upstream = Upstream::start(move |_| Script::json(200, &answer));
        let gateway = gateway(&upstream, &price);
        let body = json!({"model": "m", "query": "ledger", "documents": ["a", "b", "c"]});
        gateway.new_client().post("/v1/rerank", &body).expect(200);
        assert_eq!(upstream.requests()[0].path, "/v1/rerank");
        assert_eq!(upstream.requests()[0].json(), body);
        let call = last_call(&gateway);
        assert_eq!(
            (&call["endpoint"], &call["cost_usd"]),
            (&json!("rerank"), &json!(usd)),
            "{call}"
        );
    }
}

#[test]
fn searches_that_do_not_fit_a_quota_are_refused() {
    let upstream = Upstream::start(|_| Script::json(200, &json!({"results": []})));
    let gateway = gateway(&upstream, &json!({"per_search_usd": 0.002}));
    let key = gateway.key(&json!({"quota": {"total_usd": 0.003}}));
    let client = gateway.client(key["key"].as_str().unwrap());
    let rerank = |documents: usize| {
        let body = json!({"model": "m", "query": "q", "documents": vec!["d"; documents]});
        client.post("/v1/rerank", &body)
    };
    assert_eq!(rerank(101).expect_error(402), "insufficient_quota");
    rerank(50).expect(200);
    assert_eq!(rerank(50).expect_error(402), "insufficient_quota");
    assert_eq!(upstream.requests().len(), 1);
}

#[test]
fn the_echo_ranks_and_finds_nothing_bad() {
    let gateway = TestGateway::start();
    let client = gateway.new_client();
    let documents = json!(["a cash box", "the ledger of calls", {"text": "a ledger"}]);
    let ranked = client
        .post(
            "/v1/rerank",
            &json!({"model": "echo", "query": "ledger calls", "documents": documents, "top_n": 2}),
        )
        .expect(200);
    let order: Vec<_> = ranked["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| result["index"].clone())
        .collect();
    assert_eq!(order, [json!(1), json!(2)]);
    let judged = client
        .post(
            "/v1/moderations",
            &json!({"model": "echo", "input": ["a", "b"]}),
        )
        .expect(200);
    assert_eq!(judged["results"].as_array().unwrap().len(), 2);
}

#[test]
fn a_key_for_chat_alone_may_use_neither() {
    let gateway = TestGateway::start();
    let key = gateway.key(&json!({"permissions": {"endpoints": ["chat"]}}));
    let client = gateway.client(key["key"].as_str().unwrap());
    for path in ["/v1/moderations", "/v1/rerank"] {
        let refused = client.post(
            path,
            &json!({"model": "echo", "input": "x", "query": "x", "documents": []}),
        );
        assert_eq!(refused.expect_error(403), "endpoint_not_allowed", "{path}");
    }
    let key = gateway.key(&json!({"permissions": {"endpoints": ["rerank"]}}));
    let client = gateway.client(key["key"].as_str().unwrap());
    client
        .post(
            "/v1/rerank",
            &json!({"model": "echo", "query": "x", "documents": ["x"]}),
        )
        .expect(200);
}
