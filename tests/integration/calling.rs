//! How a channel's provider is called: its headers, proxy, timeouts and overridden parameters.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;

use serde_json::{Value, json};

use super::harness::{Console, Script, TestGateway, Upstream, chat, streamed_chat};

fn path(channel: &Value) -> String {
    format!("/api/channels/{}", channel["id"].as_str().unwrap())
}

/// Makes a channel with these fields beside the usual ones.
fn channel(admin: &Console, base_url: &str, more: &Value) -> Value {
    let mut body = json!({"name": "c", "kind": "openai", "base_url": base_url, "models": ["m"]});
    let fields = body.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    admin.post("/api/channels", &body).expect(201)
}

#[test]
fn headers_go_with_every_request_and_are_shown_masked() {
    let upstream = Upstream::start(|_| Script::chat("hi", 1, 1));
    let gateway = TestGateway::start();
    let (admin, client) = (gateway.admin(), gateway.new_client());
    let headers = json!({"headers": {"X-Tenant": "blue", "X-Gate-Key": "0123456789-secret-key"}});
    let made = channel(&admin, &upstream.base_url(), &headers);
    assert_eq!(
        made["headers"],
        json!({"x-tenant": "···", "x-gate-key": "···-key"})
    );
    client.chat(&chat("m", "x")).expect(200);
    // One is taken out, one set, and what is not named stays.
    let change = json!({"headers": {"x-tenant": null, "OpenAI-Beta": "own"}});
    admin.patch(&path(&made), &change).expect(200);
    let sent = client
        .request("POST", "/v1/chat/completions")
        .header("openai-beta", "client");
    let status = sent.json(&chat("m", "x")).send().unwrap().status();
    assert_eq!(status.as_u16(), 200);
    let requests = upstream.requests();
    let header = |request: usize, name| requests[request].header(name);
    assert_eq!(header(0, "x-tenant"), Some("blue"));
    assert_eq!(header(1, "x-tenant"), None);
    for request in 0..2 {
        assert_eq!(header(request, "x-gate-key"), Some("0123456789-secret-key"));
    }
    assert_eq!(
        header(1, "openai-beta"),
        Some("own"),
        "the operator's goes before"
    );
    let audit = admin.get("/api/audit").body;
    assert!(
        audit.contains("headers.x-tenant") && !audit.contains("secret-key"),
        "{audit}"
    );
}

#[test]
fn a_header_that_a_provider_repeats_does_not_get_out() {
    let upstream = Upstream::start(|request| {
        let value = request.header("x-gate-key").unwrap_or("").to_owned();
        Script::json(
            400,
            &json!({"error": {"message": format!("no {value} here")}}),
        )
    });
    let gateway = TestGateway::start();
    let admin = gateway.admin();
    let headers = json!({"headers": {"X-Gate-Key": "gate-secret"}});
    let made = channel(&admin, &upstream.base_url(), &headers);
    let refused = gateway.new_client().chat(&chat("m", "x")).expect(400);
    assert_eq!(refused["error"]["message"], "no *** here");
    let test = admin
        .post(&format!("{}/test", path(&made)), &json!({}))
        .expect(200);
    assert_eq!(test["error"], "no *** here");
}

#[test]
fn a_plain_provider_is_called_through_its_proxy_in_absolute_form() {
    let proxy = Upstream::start(|_| Script::chat("hi", 1, 1));
    let gateway = TestGateway::start();
    let (admin, client) = (gateway.admin(), gateway.new_client());
    let address = format!("http://ada:s%40cret-word@127.0.0.1:{}", proxy.port());
    let made = channel(
        &admin,
        "http://provider.invalid:8000/v1",
        &json!({"proxy": address, "credential": "sk-1"}),
    );
    let shown = format!("http://ada:···@127.0.0.1:{}", proxy.port());
    assert_eq!(made["proxy"], json!(shown));
    client.chat(&chat("m", "x")).expect(200);
    let request = &proxy.requests()[0];
    assert_eq!(
        request.path,
        "http://provider.invalid:8000/v1/chat/completions"
    );
    assert_eq!(request.header("host"), Some("provider.invalid:8000"));
    assert_eq!(request.header("authorization"), Some("Bearer sk-1"));
    // ada:s@cret-word
    assert_eq!(
        request.header("proxy-authorization"),
        Some("Basic YWRhOnNAY3JldC13b3Jk")
    );
    // Without it, the name is looked for and not found.
    let without = admin
        .patch(&path(&made), &json!({"proxy": null}))
        .expect(200);
    assert_eq!(without["proxy"], json!(null));
    client.chat(&chat("m", "x")).expect(502);
    assert_eq!(proxy.requests().len(), 1);
}

/// A proxy that answers one CONNECT with this status line, and gives on what it was sent: the request, then what came next.
fn tunnel(status: &'static str) -> (u16, mpsc::Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if connection.read(&mut byte).unwrap() == 0 {
                    break;
                }
                request.push(byte[0]);
            }
            let _ = tell.send(request);
            connection.write_all(status.as_bytes()).unwrap();
            let mut next = vec![0; 2048];
            let read = connection.read(&mut next).unwrap_or(0);
            next.truncate(read);
            let _ = tell.send(next);
        }
    });
    (port, told)
}

#[test]
fn a_provider_behind_tls_is_called_through_a_tunnel() {
    let gateway = TestGateway::start();
    let (port, told) = tunnel("HTTP/1.1 200 Connection established\r\n\r\n");
    let proxy = json!({"proxy": format!("http://ada:pw@127.0.0.1:{port}")});
    channel(&gateway.admin(), "https://provider.invalid/v1", &proxy);
    gateway.new_client().chat(&chat("m", "x")).expect(502);
    let request = String::from_utf8(told.recv().unwrap()).unwrap();
    assert!(
        request.starts_with("CONNECT provider.invalid:443 HTTP/1.1\r\n"),
        "{request}"
    );
    // ada:pw
    assert!(
        request.contains("proxy-authorization: Basic YWRhOnB3\r\n"),
        "{request}"
    );
    // TLS begins with a handshake record that names the provider, and nothing of the call is in the open.
    let hello = told.recv().unwrap();
    assert_eq!(hello[..2], [0x16, 0x03]);
    let name = b"provider.invalid";
    assert!(hello.windows(name.len()).any(|window| window == name));
}

#[test]
fn a_proxy_that_refuses_the_tunnel_is_told_of_in_the_record_and_the_test() {
    let gateway = TestGateway::start();
    let admin = gateway.admin();
    let (port, _told) = tunnel("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
    let proxy = json!({"proxy": format!("http://127.0.0.1:{port}")});
    let made = channel(&admin, "https://provider.invalid/v1", &proxy);
    gateway.new_client().chat(&chat("m", "x")).expect(502);
    let attempt = &admin.calls()[0]["attempts"][0];
    assert_eq!(attempt["status"], "connect_failed");
    let test = admin
        .post(&format!("{}/test", path(&made)), &json!({}))
        .expect(200);
    for words in [&attempt["error"], &test["error"]] {
        assert!(
            words
                .as_str()
                .unwrap()
                .contains("the proxy refused the tunnel with status 407"),
            "{words}"
        );
    }
}

#[test]
fn a_channels_own_timeouts_go_before_those_for_all() {
    let upstream = Upstream::start(|request| {
        if request.json()["stream"] == true {
            Script::stream().word("one").hold()
        } else {
            Script::default().hold()
        }
    });
    let gateway = TestGateway::start();
    let (admin, client) = (gateway.admin(), gateway.new_client());
    let timeouts = json!({"timeouts": {"first_byte_ms": 150, "idle_ms": 200}});
    let made = channel(&admin, &upstream.base_url(), &timeouts);
    assert_eq!(
        made["timeouts"],
        json!({"connect_ms": null, "first_byte_ms": 150, "idle_ms": 200})
    );
    assert_eq!(
        client.chat(&chat("m", "x")).expect_error(504),
        "gateway_timeout"
    );
    let response = client.open("/v1/chat/completions", &streamed_chat("m", "x"));
    let mut streamed = String::new();
    let _broken_off = std::io::BufReader::new(response).read_to_string(&mut streamed);
    assert!(
        streamed.contains("one") && streamed.contains("silent"),
        "{streamed}"
    );
}

#[test]
fn overridden_parameters_go_to_the_provider_and_count_into_what_is_set_aside() {
    let upstream = Upstream::start(|_| Script::chat("hi", 1, 1));
    let gateway = TestGateway::start();
    let (admin, client) = (gateway.admin(), gateway.new_client());
    let overrides = json!({"temperature": 0.25, "user": null, "reasoning": {"effort": "low"}});
    let made = channel(
        &admin,
        &upstream.base_url(),
        &json!({"overrides": overrides}),
    );
    assert_eq!(made["overrides"], overrides);
    let mut body = chat("m", "x");
    let fields = body.as_object_mut().unwrap();
    fields.insert("temperature".to_owned(), json!(1));
    fields.insert("user".to_owned(), json!("ada"));
    fields.insert("x_unknown".to_owned(), json!([1.5]));
    client.chat(&body).expect(200);
    let mut wanted = chat("m", "x");
    let fields = wanted.as_object_mut().unwrap();
    fields.insert("temperature".to_owned(), json!(0.25));
    fields.insert("reasoning".to_owned(), json!({"effort": "low"}));
    fields.insert("x_unknown".to_owned(), json!([1.5]));
    assert_eq!(upstream.requests()[0].json(), wanted);
    // A budget that holds the body's own tokens but not the added ones lets the call not through.
    let schema = json!({"overrides": {"response_format": {"description": "x".repeat(3_000)}}});
    admin.patch(&path(&made), &schema).expect(200);
    let small = gateway.key(&json!({"quota": {"total_tokens": 1_000}}));
    let small = gateway.client(small["key"].as_str().unwrap());
    assert_eq!(
        small.chat(&chat("m", "x")).expect_error(402),
        "insufficient_quota"
    );
}

#[test]
fn what_would_break_a_call_is_refused_by_field() {
    let upstream = Upstream::start(|_| Script::chat("hi", 1, 1));
    let gateway = TestGateway::start();
    let admin = gateway.admin();
    let made = channel(&admin, &upstream.base_url(), &json!({}));
    for (change, field) in [
        (
            json!({"headers": {"Authorization": "x"}}),
            "headers.Authorization",
        ),
        (
            json!({"headers": {"Transfer-Encoding": "x"}}),
            "headers.Transfer-Encoding",
        ),
        (json!({"headers": {"a b": "x"}}), "headers.a b"),
        (json!({"headers": {"x-a": "a\nb"}}), "headers.x-a"),
        (json!({"proxy": "socks5://p:1080"}), "proxy"),
        (json!({"timeouts": {"idle_ms": 0}}), "timeouts.idle_ms"),
        (json!({"timeouts": {"slow_ms": 1}}), "timeouts.slow_ms"),
        (json!({"overrides": {"stream": false}}), "overrides.stream"),
        (
            json!({"overrides": {"MAX_TOKENS": 9}}),
            "overrides.MAX_TOKENS",
        ),
        (json!({"overrides": [1]}), "overrides"),
    ] {
        let answer = admin.patch(&path(&made), &change);
        assert_eq!(answer.status, 422, "{change}: {}", answer.body);
        assert_eq!(answer.json()["error"]["param"], field, "{change}");
    }
}
