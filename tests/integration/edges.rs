//! HTTP's own rules at the edge, whatever is called: methods, paths as people paste them, headers that browsers heed.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use super::harness::{Console, Script, TestGateway, Upstream, chat};

#[test]
fn head_is_taken_wherever_get_is() {
    let gateway = TestGateway::start();
    let admin = gateway.admin();
    let key = gateway.new_client();
    for path in [
        "/",
        "/healthz",
        "/readyz",
        "/metrics",
        "/openapi.json",
        "/console",
        "/console/token",
        "/api/setup",
        "/api/session",
        "/api/keys",
        "/api/logs",
        "/api/logs/export.csv",
        "/api/usage",
        "/api/accounts",
        "/api/account",
        "/api/channels",
        "/api/models",
        "/api/webhooks",
        "/api/settings",
        "/api/audit",
    ] {
        let ask = |method| Console::send(admin.request(method, path));
        let (get, head) = (ask("GET"), ask("HEAD"));
        assert_eq!(
            (head.status, head.body.as_str()),
            (get.status, ""),
            "{path}"
        );
        assert!(head.status < 400, "{path}: {}", head.status);
        assert_eq!(head.header("content-type"), get.header("content-type"));
    }
    for path in [
        "/v1/models",
        "/v1/models/echo",
        "/v1beta/models",
        "/v1beta/models/echo",
        "/v1/balance",
        "/v1/dashboard/user/info",
        "/v1/usage",
    ] {
        let head = key.request("HEAD", path).send().unwrap();
        assert_eq!(head.status(), 200, "{path}");
    }
}

#[test]
fn a_method_that_is_not_taken_is_refused_with_those_that_are() {
    let gateway = TestGateway::start();
    let admin = gateway.admin();
    for (method, path, allow) in [
        ("GET", "/v1/chat/completions", "POST"),
        ("DELETE", "/v1/messages", "POST"),
        ("OPTIONS", "/v1beta/models/echo:generateContent", "POST"),
        ("POST", "/v1/models", "GET, HEAD"),
        ("PUT", "/healthz", "GET, HEAD"),
        ("POST", "/v1/realtime", "GET"),
        ("POST", "/", "GET, HEAD"),
        ("PUT", "/console", "GET, HEAD"),
        ("PATCH", "/openapi.json", "GET, HEAD"),
        ("PUT", "/api/keys", "GET, HEAD, POST"),
        ("POST", "/api/keys/x", "GET, HEAD, PATCH, DELETE"),
        ("GET", "/api/keys/x/rotate", "POST"),
        ("DELETE", "/api/settings", "GET, HEAD, PATCH"),
        ("POST", "/api/models/a/b", "PUT, PATCH, DELETE"),
    ] {
        let answer = Console::send(admin.request(method, path));
        assert_eq!(answer.status, 405, "{method} {path}: {}", answer.body);
        assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
        let error = &answer.json()["error"];
        assert!(error["message"].as_str().unwrap().contains("Allow"));
    }
}

/// Whatever route there is, that nobody forgets it.
#[test]
fn every_route_says_which_methods_it_takes() {
    let gateway = TestGateway::start();
    let admin = gateway.admin();
    let described = admin.get("/openapi.json").expect(200);
    let paths = described["paths"].as_object().unwrap();
    assert!(paths.len() > 40, "{}", paths.len());
    for (path, methods) in paths {
        let methods = methods.as_object().unwrap();
        let taken = |method: &str| methods.contains_key(&method.to_lowercase());
        let other = ["PUT", "PATCH", "DELETE", "POST"]
            .into_iter()
            .find(|method| !taken(method))
            .unwrap();
        let path = path.replace(['{', '}'], "");
        let answer = Console::send(admin.request(other, &path));
        assert_eq!(answer.status, 405, "{other} {path}: {}", answer.body);
        let allow = answer
            .header("allow")
            .unwrap_or_else(|| panic!("{other} {path} has no Allow"));
        for method in ["GET", "PUT", "PATCH", "DELETE", "POST"] {
            let allowed = allow.split(", ").any(|name| name == method);
            assert_eq!(allowed, taken(method), "{method} {path}: {allow}");
        }
    }
}

#[test]
fn slashes_too_many_are_no_other_path() {
    let gateway = TestGateway::start();
    let key = gateway.new_client();
    let body = chat("echo", "hello");
    for path in [
        "/v1/chat/completions/",
        "/v1//chat/completions",
        "//v1/chat//completions//",
    ] {
        key.post(path, &body).expect(200);
    }
    for path in ["/v1/models/", "/healthz/", "//healthz", "/v1beta//models"] {
        assert_eq!(key.get(path).status, 200, "{path}");
    }
    let root = gateway.stranger().get("/");
    assert!(root.status < 400, "{}", root.body);
    let unknown = key.get("/v1/nothing/").expect(404);
    let words = unknown["error"]["message"].as_str().unwrap();
    assert!(words.contains("GET /v1/nothing"), "{words}");
}

/// A provider's page is called what it is not, so that no browser takes it for one of ours.
#[test]
fn nothing_of_a_provider_runs_in_the_consoles_origin() {
    let gateway = TestGateway::start();
    let page = "<html><script>alert(1)</script>";
    let upstream = Upstream::start(move |request| {
        let html = |status: &str, body: &str| {
            Script::default().send(&format!(
                "HTTP/1.1 {status}\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            ))
        };
        if request.text.contains("refuse me") {
            html("400 Bad Request", page)
        } else {
            html(
                "200 OK",
                r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"<script>"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#,
            )
        }
    });
    gateway.channel(&upstream, &["m"]);
    let key = gateway.new_client();
    let (good, bad) = (chat("m", "hello"), chat("m", "refuse me"));
    let good = key.chat(&good);
    assert_eq!(good.header("content-type"), Some("application/json"));
    let bad = key.chat(&bad);
    assert_eq!(
        (bad.status, bad.header("content-type"), bad.body.as_str()),
        (400, Some("text/plain; charset=utf-8"), page)
    );
    let others = [
        key.get("/v1/models"),
        key.get("/v1/nothing"),
        gateway.stranger().get("/healthz"),
        gateway.stranger().get("/api/keys"),
        gateway.stranger().get("/openapi.json"),
    ];
    for answer in [good, bad].iter().chain(&others) {
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("sandbox") && policy.contains("frame-ancestors 'none'"));
    }
    let console = gateway.stranger().get("/console");
    let policy = console.header("content-security-policy").unwrap();
    assert!(!policy.contains("sandbox") && policy.contains("frame-ancestors 'none'"));
}

#[test]
fn over_tls_browsers_are_told_to_stay_there() {
    let gateway = TestGateway::with(real200::clock::Clock::system(), |config| {
        config.server.trusted_proxies = serde_json::from_value(json!(["127.0.0.1/32"])).unwrap();
    });
    for path in ["/console", "/api/setup"] {
        let plain = gateway.stranger().get(path);
        assert_eq!(plain.header("strict-transport-security"), None);
        let stranger = gateway.stranger();
        let over_tls = stranger.request("GET", path);
        let over_tls = Console::send(over_tls.header("x-forwarded-proto", "https"));
        assert_eq!(
            over_tls.header("strict-transport-security"),
            Some("max-age=31536000"),
            "{path}"
        );
    }
}

#[test]
fn a_post_that_asks_for_a_websocket_is_answered() {
    let gateway = TestGateway::start();
    let key = gateway.key(&json!({}));
    let url = gateway.url("");
    let host = url.trim_start_matches("http://");
    let body = chat("echo", "hello").to_string();
    let secret = key["key"].as_str().unwrap();
    let mut connection = TcpStream::connect(host).unwrap();
    connection
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    write!(
        connection,
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {secret}\r\nconnection: upgrade\r\n\
         upgrade: websocket\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = vec![0; 12];
    connection.read_exact(&mut answer).unwrap();
    assert_eq!(answer, b"HTTP/1.1 200");
}
