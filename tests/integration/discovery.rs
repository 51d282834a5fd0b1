//! The list of a provider's models, fetched for a channel and for one that is about to be made.

use serde_json::{Value, json};

use super::harness::{Script, TestGateway, Upstream};

fn names(answer: &Value) -> Vec<(&str, bool)> {
    let models = answer["models"].as_array().unwrap().iter();
    models
        .map(|model| (model["name"].as_str().unwrap(), model["priced"] == true))
        .collect()
}

/// The number behind `name=` in a query; 0 where it is not there.
fn after(path: &str, name: &str) -> usize {
    let value = path
        .split(['?', '&'])
        .find_map(|part| part.strip_prefix(name));
    value.map_or(0, |value| value.parse().unwrap())
}

#[test]
fn a_channels_provider_is_asked_as_its_calls_are() {
    let upstream = Upstream::start(|_| {
        let models = json!([{"id": "gpt-4o-mini"}, {"id": "own-finetune"}, {"id": "gpt-4o-mini"}]);
        Script::json(200, &json!({"object": "list", "data": models}))
    });
    let gateway = TestGateway::start();
    let admin = gateway.admin();
    let channel = json!({"name": "c", "kind": "openai", "base_url": upstream.base_url(), "credential": "sk-1",
        "models": ["m"], "headers": {"x-tenant": "blue"}});
    let channel = admin.post("/api/channels", &channel).expect(201);
    let path = format!("/api/channels/{}/discover", channel["id"].as_str().unwrap());
    let found = admin.post(&path, &json!({})).expect(200);
    // What is not in the catalogue has no price until one is entered.
    assert_eq!(
        names(&found),
        [("gpt-4o-mini", true), ("own-finetune", false)]
    );
    let request = &upstream.requests()[0];
    assert_eq!(request.path, "/v1/models");
    assert_eq!(request.header("authorization"), Some("Bearer sk-1"));
    assert_eq!(request.header("x-tenant"), Some("blue"));
    let price = json!({"input_usd_per_mtok": 1, "output_usd_per_mtok": 1});
    admin.put("/api/models/own-finetune", &price).expect(200);
    let found = admin.post(&path, &json!({})).expect(200);
    assert_eq!(names(&found)[1], ("own-finetune", true));
}

#[test]
fn nothing_is_kept_of_a_channel_that_is_only_asked_about() {
    let upstream = Upstream::start(|_| Script::json(200, &json!([{"id": "b"}, {"id": "a"}])));
    let gateway = TestGateway::start();
    let admin = gateway.admin();
    let before = admin.get("/api/channels").expect(200)["total"].clone();
    for kind in ["openai", "ollama"] {
        let draft = json!({"kind": kind, "base_url": upstream.base_url(), "credential": "sk-2"});
        let found = admin.post("/api/channels/discover", &draft).expect(200);
        assert_eq!(names(&found), [("a", false), ("b", false)]);
    }
    assert_eq!(
        upstream.requests()[0].header("authorization"),
        Some("Bearer sk-2")
    );
    assert_eq!(admin.get("/api/channels").expect(200)["total"], before);
}

#[test]
fn anthropic_is_read_page_by_page() {
    let upstream = Upstream::start(|request| {
        assert_eq!(request.header("x-api-key"), Some("sk-ant"));
        assert_eq!(request.header("anthropic-version"), Some("2023-06-01"));
        let first = after(&request.path, "after_id=");
        let page = json!([{"id": (first + 1).to_string(), "type": "model"}, {"id": (first + 2).to_string()}]);
        let last = (first + 2).to_string();
        Script::json(
            200,
            &json!({"data": page, "has_more": first < 4, "last_id": last}),
        )
    });
    let gateway = TestGateway::start();
    let draft =
        json!({"kind": "anthropic", "base_url": upstream.base_url(), "credential": "sk-ant"});
    let found = gateway
        .admin()
        .post("/api/channels/discover", &draft)
        .expect(200);
    let names: Vec<_> = names(&found).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["1", "2", "3", "4", "5", "6"]);
    let paths: Vec<_> = upstream.requests().into_iter().map(|r| r.path).collect();
    assert_eq!(
        paths,
        [
            "/v1/models?limit=1000",
            "/v1/models?limit=1000&after_id=2",
            "/v1/models?limit=1000&after_id=4"
        ]
    );
}

#[test]
fn gemini_is_read_page_by_page_without_what_no_call_can_go_to() {
    let upstream = Upstream::start(|request| {
        assert_eq!(request.header("x-goog-api-key"), Some("g-key"));
        let page = after(&request.path, "pageToken=");
        let model = |name: &str, methods: &[&str]| json!({"name": format!("models/{name}"), "supportedGenerationMethods": methods});
        Script::json(
            200,
            &if page == 0 {
                json!({"models": [model("gemini-x", &["generateContent"]), model("imagen-x", &["predict"])], "nextPageToken": "7"})
            } else {
                json!({"models": [model("embedding-x", &["embedContent"])]})
            },
        )
    });
    let gateway = TestGateway::start();
    let draft = json!({"kind": "gemini", "base_url": upstream.base_url(), "credential": "g-key"});
    let found = gateway
        .admin()
        .post("/api/channels/discover", &draft)
        .expect(200);
    assert_eq!(names(&found), [("embedding-x", false), ("gemini-x", false)]);
    assert!(!upstream.requests()[1].path.contains("g-key"));
}

#[test]
fn what_went_wrong_is_told_as_the_provider_said_it_without_the_credential() {
    let upstream = Upstream::start(|request| match request.header("authorization") {
        Some("Bearer sk-wrong-credential") => {
            let words = "Incorrect API key provided: sk-wrong-credential";
            Script::json(401, &json!({"error": {"message": words}}))
        }
        _ => Script::json(200, &json!({"hello": "world"})),
    });
    let gateway = TestGateway::start();
    let admin = gateway.admin();
    let ask = |change: Value| {
        let mut draft = json!({"kind": "openai", "base_url": upstream.base_url()});
        let fields = draft.as_object_mut().unwrap();
        fields.extend(change.as_object().unwrap().clone());
        admin.post("/api/channels/discover", &draft)
    };
    let refused = ask(json!({"credential": "sk-wrong-credential"})).expect(502);
    assert_eq!(
        refused["error"]["message"],
        "The provider answered with status 401: Incorrect API key provided: ***"
    );
    let other = ask(json!({})).expect(502);
    assert!(other.to_string().contains("no list of models"), "{other}");
    let dead = Upstream::dead();
    let dead = ask(json!({"base_url": dead.base_url()})).expect(502);
    assert!(dead.to_string().contains("no connection"), "{dead}");
    let azure = ask(json!({"kind": "azure-openai"}));
    assert_eq!(azure.json()["error"]["param"], "kind");
    assert_eq!(azure.status, 422);
    let members = gateway.stranger();
    assert_eq!(
        members.post("/api/channels/discover", &json!({})).status,
        401
    );
}
