//! What a key may be used for holds on every route, and for the address that the client really has.

use serde_json::{Value, json};

use super::harness::{TestGateway, chat};

const ROUTES: [&str; 6] = [
    "/v1/models",
    "/v1/models/echo",
    "/v1/balance",
    "/v1/dashboard/user/info",
    "/v1/usage",
    "/v1/usage?group_by=model",
];

/// A key that may be used from these addresses only.
fn key_for(gateway: &TestGateway, ips: &[&str]) -> String {
    let key = gateway.key(&json!({"permissions": {"ips": ips}}));
    key["key"].as_str().unwrap().to_owned()
}

/// The status of a call, and of a look at every route that is no call, from behind what these lines say.
fn from(gateway: &TestGateway, key: &str, forwarded: &[&str]) -> u16 {
    let client = gateway.client(key);
    let send = |request: reqwest::blocking::RequestBuilder| {
        let request = forwarded.iter().fold(request, |request, line| {
            request.header("x-forwarded-for", *line)
        });
        let answer = request.send().unwrap();
        let status = answer.status().as_u16();
        if status != 200 {
            assert_eq!(
                answer.json::<Value>().unwrap()["error"]["code"],
                "ip_not_allowed"
            );
        }
        status
    };
    let call = send(
        client
            .request("POST", "/v1/chat/completions")
            .json(&chat("echo", "x")),
    );
    for route in ROUTES {
        assert_eq!(send(client.request("GET", route)), call, "{route}");
    }
    call
}

#[test]
fn an_address_that_the_client_made_up_is_not_believed() {
    let gateway = TestGateway::start();
    let key = key_for(&gateway, &["203.0.113.0/24"]);
    for lines in [
        &[][..],
        &["203.0.113.9"],
        &["203.0.113.9, 203.0.113.9"],
        &["203.0.113.9", "203.0.113.9"],
    ] {
        assert_eq!(from(&gateway, &key, lines), 403, "{lines:?}");
    }
    assert_eq!(
        from(
            &gateway,
            &key_for(&gateway, &["127.0.0.1"]),
            &["203.0.113.9"]
        ),
        200
    );
}

#[test]
fn behind_a_trusted_proxy_what_it_saw_counts_and_not_what_the_client_wrote_before() {
    let gateway = TestGateway::with(real200::clock::Clock::system(), |config| {
        config.server.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    });
    let key = key_for(&gateway, &["203.0.113.0/24", "2001:db8::/32"]);
    for (lines, status) in [
        (&["203.0.113.9"][..], 200),
        (&["2001:db8:1::7"], 200),
        (&["2001:db9::7"], 403),
        (&["::ffff:203.0.113.9"], 200),
        (&["192.0.2.1, 203.0.113.9"], 200),
        (&["203.0.113.9, 192.0.2.1"], 403),
        // A proxy that adds a line of its own below the client's.
        (&["203.0.113.9", "192.0.2.1"], 403),
        (&["192.0.2.1", "203.0.113.9"], 200),
        (&["203.0.113.9, 192.0.2.1, 127.0.0.2"], 403),
        (&["203.0.113.9, unknown"], 403),
        (&[], 403),
    ] {
        assert_eq!(from(&gateway, &key, lines), status, "{lines:?}");
    }
}

#[test]
fn the_endpoints_of_a_key_do_not_hide_what_it_has_left() {
    let gateway = TestGateway::start();
    let key = gateway.key(&json!({"permissions": {"endpoints": ["embeddings"]}}));
    let client = gateway.client(key["key"].as_str().unwrap());
    assert_eq!(
        client.chat(&chat("echo", "x")).expect_error(403),
        "endpoint_not_allowed"
    );
    for route in ROUTES {
        client.get(route).expect(200);
    }
}

#[test]
fn the_list_of_models_is_the_list_of_those_that_the_key_may_use() {
    let gateway = TestGateway::start();
    for (globs, seen) in [
        (json!([]), 1),
        (json!(["ech*"]), 1),
        (json!(["gpt-*", "claude-*"]), 0),
    ] {
        let key = gateway.key(&json!({"permissions": {"models": globs}}));
        let client = gateway.client(key["key"].as_str().unwrap());
        let listed = client.get("/v1/models").expect(200)["data"].clone();
        assert_eq!(listed.as_array().unwrap().len(), seen, "{globs}");
        let (one, call) = (
            client.get("/v1/models/echo").status,
            client.chat(&chat("echo", "x")).status,
        );
        assert_eq!((one, call), if seen == 1 { (200, 200) } else { (404, 403) });
    }
}
