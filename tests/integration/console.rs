//! What a browser loads: the console's files, security headers, the API's description.

use super::harness::{Console, TestGateway};

#[test]
fn every_page_can_be_bookmarked_and_is_never_cached_while_assets_are_for_ever() {
    let gateway = TestGateway::start();
    let stranger = gateway.stranger();
    for page in [
        "/console",
        "/console/token",
        "/console/log?status=error",
        "/console/no/such/page",
    ] {
        let answer = stranger.get(page);
        assert_eq!(answer.status, 200, "{page}");
        assert!(
            answer
                .header("content-type")
                .unwrap()
                .starts_with("text/html"),
            "{page}"
        );
        assert_eq!(answer.header("cache-control"), Some("no-cache"), "{page}");
    }
    assert_eq!(stranger.get("/console/assets/missing.js").status, 404);
}

#[test]
fn answers_carry_security_headers_and_a_request_id() {
    let gateway = TestGateway::start();
    let page = gateway.stranger().get("/console");
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.contains("script-src 'self'") && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    let refused = gateway.stranger().get("/api/keys");
    assert!(refused.header("x-request-id").is_some());
    assert_eq!(refused.header("cache-control"), Some("no-store"));
    assert_eq!(
        gateway
            .stranger()
            .get("/api/no/such/route")
            .expect_error(404),
        "not_found"
    );
}

#[test]
fn the_openapi_document_is_served() {
    let gateway = TestGateway::start();
    let document = gateway.stranger().get("/openapi.json").expect(200);
    for path in [
        "/api/keys",
        "/api/keys/{id}",
        "/api/logs",
        "/api/channels/{id}/test",
        "/v1/chat/completions",
    ] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
}

#[test]
fn health_readiness_and_metrics_answer() {
    let gateway = TestGateway::start();
    gateway
        .new_client()
        .chat(&super::harness::chat("echo", "x"))
        .expect(200);
    let stranger = gateway.stranger();
    assert_eq!(stranger.get("/healthz").status, 200);
    assert_eq!(stranger.get("/readyz").status, 200);
    // Every route of the gateway needs a key; operations are read without one.
    let metrics = stranger.get("/metrics");
    assert_eq!(metrics.status, 200);
    assert!(
        metrics
            .body
            .contains("real200_calls_total{status=\"ok\",code=\"\"} 1"),
        "{}",
        metrics.body
    );
}

#[test]
fn the_set_up_link_makes_the_first_admin_once() {
    let dir = tempfile::tempdir().unwrap();
    let binary = super::harness::Binary::serve(dir.path(), &[], &[]);
    let printed = binary.stdout();
    let (_, link) = printed
        .split_once("/console/setup?token=")
        .unwrap_or_else(|| panic!("no link in {printed}"));
    let token = link.split_whitespace().next().unwrap().to_owned();
    let browser = Console::anonymous(binary.base());
    assert_eq!(browser.get("/api/setup").expect(200)["needed"], true);
    let set_up = |token: &str| {
        browser.post(
            "/api/setup",
            &serde_json::json!({"token": token, "username": "root", "password": "a long password"}),
        )
    };
    assert_eq!(
        set_up("0123456789abcdef0123456789abcdef").expect_error(403),
        "forbidden"
    );
    set_up(&token).expect(201);
    browser.get("/api/keys").expect(200);
    assert_eq!(browser.get("/api/setup").expect(200)["needed"], false);
    assert_eq!(set_up(&token).expect_error(409), "conflict");
}
