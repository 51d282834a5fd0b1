//! Webhooks: each alert once, signed, kept until it is delivered, and never sent to an address inside.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use real200::clock::Clock;
use real200::domain::Timestamp;
use serde_json::{Value, json};

use super::harness::{
    Binary, Console, Gate, KeyClient, Script, TestGateway, Upstream, chat, eventually,
};

pub(super) fn ok() -> Script {
    Script::json(200, &json!({}))
}

/// A gateway that may reach this machine, at noon.
pub(super) fn gateway() -> TestGateway {
    let noon = Timestamp::parse("2026-11-24T12:00:00Z").unwrap();
    TestGateway::with(Clock::manual(noon), allow_loopback)
}

fn allow_loopback(config: &mut real200::config::Config) {
    config.outbound.allow_private = vec!["127.0.0.0/8".parse().unwrap()];
}

pub(super) fn hook(admin: &Console, receiver: &Upstream, events: &[&str]) -> Value {
    let url = format!("http://127.0.0.1:{}/hook", receiver.port());
    admin
        .post(
            "/api/webhooks",
            &json!({"name": "ops", "url": url, "events": events}),
        )
        .expect(201)
}

fn path(hook: &Value) -> String {
    format!("/api/webhooks/{}", hook["id"].as_str().unwrap())
}

fn deliveries(admin: &Console, hook: &Value) -> Vec<Value> {
    let answer = admin.get(&format!("{}/deliveries", path(hook))).expect(200);
    answer["items"].as_array().unwrap().clone()
}

/// Waits until all deliveries so far have come to this status.
pub(super) fn settled(admin: &Console, hook: &Value, count: usize, status: &str) -> Vec<Value> {
    eventually("deliveries", || {
        let found = deliveries(admin, hook);
        (found.len() == count && found.iter().all(|delivery| delivery["status"] == status))
            .then_some(found)
    })
}

#[test]
fn an_exceeded_quota_is_told_once_in_its_window_and_signed() {
    let receiver = Upstream::start(|_| ok());
    let mut gateway = gateway();
    let admin = gateway.admin();
    let hook = hook(&admin, &receiver, &["quota.exceeded"]);
    let secret = hook["secret"].as_str().unwrap().to_owned();
    let key = gateway.key(&json!({"name": "capped", "quota": {"daily_requests": 1}}));
    let plain = key["key"].as_str().unwrap();
    let client = gateway.client(plain);
    client.chat(&chat("echo", "x")).expect(200);
    for _ in 0..5 {
        client.chat(&chat("echo", "x")).expect(402);
    }
    settled(&admin, &hook, 1, "delivered");
    let request = receiver.requests()[0].clone();
    assert_eq!(request.path, "/hook");
    assert_eq!(
        request.header("x-real200-signature").unwrap(),
        format!(
            "sha256={}",
            real200::crypto::signature(&secret, &request.text)
        )
    );
    assert!(
        request
            .header("user-agent")
            .unwrap()
            .starts_with("real200/")
    );
    let body = request.json();
    assert_eq!(body["event"], "quota.exceeded");
    assert_eq!(body["timestamp"], "2026-11-24T12:00:00.000Z");
    assert_eq!(body["data"]["key"]["id"], key["id"]);
    let data = &body["data"];
    assert_eq!(
        (
            &data["holder"],
            &data["window"],
            &data["unit"],
            &data["cap"],
            &data["used"],
            &data["resets_at"]
        ),
        (
            &json!("key"),
            &json!("daily"),
            &json!("requests"),
            &json!(1),
            &json!(1),
            &json!("2026-11-25T00:00:00.000Z")
        ),
        "{body}"
    );
    assert!(!request.text.contains(plain), "{body}");

    // Neither a restart nor more refusals tell it again; the next day does.
    gateway.restart();
    gateway.client(plain).chat(&chat("echo", "x")).expect(402);
    gateway.clock.advance(Duration::from_secs(24 * 3600));
    gateway.client(plain).chat(&chat("echo", "x")).expect(200);
    let admin = gateway.admin();
    let sent = settled(&admin, &hook, 2, "delivered");
    let ids: BTreeSet<_> = receiver
        .requests()
        .iter()
        .map(|request| request.header("x-real200-delivery").unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 2);
    assert!(sent.iter().all(|d| ids.contains(d["id"].as_str().unwrap())));
}

#[test]
fn a_call_that_does_not_fit_is_told_even_where_the_cap_is_not_reached() {
    let receiver = Upstream::start(|_| ok());
    let gateway = gateway();
    let admin = gateway.admin();
    let hook = hook(&admin, &receiver, &["quota.exceeded"]);
    let key = gateway.key(&json!({"quota": {"monthly_tokens": 3}}));
    let mut body = chat("echo", &"word ".repeat(50));
    body["max_tokens"] = json!(50);
    gateway
        .client(key["key"].as_str().unwrap())
        .chat(&body)
        .expect(402);
    settled(&admin, &hook, 1, "delivered");
    let data = receiver.requests()[0].json()["data"].clone();
    assert_eq!(
        (&data["window"], &data["unit"], &data["cap"], &data["used"]),
        (&json!("monthly"), &json!("tokens"), &json!(3), &json!(0)),
        "{data}"
    );
}

#[test]
fn a_low_balance_is_told_once_until_it_has_been_raised() {
    let receiver = Upstream::start(|_| ok());
    let gateway = gateway();
    let admin = gateway.admin();
    let hook = hook(&admin, &receiver, &["balance.low"]);
    let model = Upstream::start(|_| Script::chat("hi", 100_000, 0));
    gateway.channel(&model, &["m"]);
    admin
        .put(
            "/api/models/m",
            &json!({"input_usd_per_mtok": 1, "output_usd_per_mtok": 1, "max_output_tokens": 10}),
        )
        .expect(200);
    let account = admin
        .post(
            "/api/accounts",
            &json!({"username": "bob", "password": "a long password", "role": "member",
                    "quota": {"total_usd": 1}, "balance_low_usd": 0.75}),
        )
        .expect(201);
    assert_eq!(account["balance_low_usd"], 0.75);
    let account_path = format!("/api/accounts/{}", account["id"].as_str().unwrap());
    let key = gateway.key(&json!({"account_id": account["id"]}));
    let client = gateway.client(key["key"].as_str().unwrap());
    // $0.10 a call: the third one leaves $0.70.
    for _ in 0..5 {
        client.chat(&chat("m", "x")).expect(200);
    }
    settled(&admin, &hook, 1, "delivered");
    let data = receiver.requests()[0].json()["data"].clone();
    assert_eq!(data["account"]["username"], "bob", "{data}");
    assert_eq!(data["threshold_usd"], 0.75, "{data}");
    assert!(data["remaining_usd"].as_f64().unwrap() < 0.75, "{data}");

    admin
        .patch(&account_path, &json!({"quota": {"total_usd": 2}}))
        .expect(200);
    admin
        .patch(&account_path, &json!({"balance_low_usd": null}))
        .expect(200);
    admin
        .patch(&account_path, &json!({"balance_low_usd": 1.75}))
        .expect(200);
    settled(&admin, &hook, 2, "delivered");
    let data = receiver.requests()[1].json()["data"].clone();
    assert_eq!(
        (&data["remaining_usd"], &data["total_usd"]),
        (&json!(1.5), &json!(2)),
        "{data}"
    );
}

#[test]
fn what_is_not_delivered_is_kept_over_a_restart_and_tried_again_under_the_same_id() {
    let up = Arc::new(AtomicBool::new(false));
    let is_up = Arc::clone(&up);
    let receiver = Upstream::start(move |_| {
        if is_up.load(Ordering::SeqCst) {
            ok()
        } else {
            Script::json(503, &json!({"error": "asleep"}))
        }
    });
    let mut gateway = gateway();
    let admin = gateway.admin();
    let hook = hook(&admin, &receiver, &["quota.exceeded"]);
    let key = gateway.key(&json!({"quota": {"total_requests": 1}}));
    gateway
        .client(key["key"].as_str().unwrap())
        .chat(&chat("echo", "x"))
        .expect(200);
    let waiting = eventually("the first try", || {
        deliveries(&admin, &hook)
            .pop()
            .filter(|delivery| delivery["attempts"] == 1)
    });
    assert_eq!(
        (&waiting["status"], &waiting["http_status"]),
        (&json!("pending"), &json!(503))
    );
    assert!(
        waiting["error"].as_str().unwrap().contains("asleep"),
        "{waiting}"
    );
    assert!(waiting["next_try_at"].as_str().unwrap() > "2026-11-24T12:00:0");

    gateway.restart();
    up.store(true, Ordering::SeqCst);
    gateway.clock.advance(Duration::from_secs(10));
    let admin = gateway.admin();
    let sent = settled(&admin, &hook, 1, "delivered").remove(0);
    assert_eq!(
        (&sent["id"], &sent["attempts"]),
        (&waiting["id"], &json!(2))
    );
    let tries = receiver.requests();
    assert_eq!(tries.len(), 2);
    assert_eq!(tries[0].text, tries[1].text);
    assert_eq!(
        tries[0].header("x-real200-delivery"),
        tries[1].header("x-real200-delivery")
    );
}

#[test]
fn a_gateway_that_is_killed_while_it_tells_tells_again_under_the_same_id() {
    let (gate, killed) = (Gate::default(), Arc::new(AtomicBool::new(false)));
    let (held, was_killed) = (gate.clone(), Arc::clone(&killed));
    let receiver = Upstream::start(move |_| {
        if was_killed.load(Ordering::SeqCst) {
            ok()
        } else {
            Script::default().wait(&held)
        }
    });
    let dir = tempfile::tempdir().unwrap();
    let variables = [
        ("REAL200_ADMIN_USERNAME", "ada"),
        ("REAL200_ADMIN_PASSWORD", "correct horse battery"),
        ("REAL200_OUTBOUND__ALLOW_PRIVATE", "[\"127.0.0.0/8\"]"),
    ];
    let binary = Binary::serve(dir.path(), &[], &variables);
    let admin = Console::log_in(binary.base(), "ada", "correct horse battery");
    let hook = hook(&admin, &receiver, &["quota.exceeded"]);
    let key = admin
        .post("/api/keys", &json!({"quota": {"total_requests": 1}}))
        .expect(201);
    let plain = key["key"].as_str().unwrap();
    KeyClient::new(binary.base(), plain)
        .chat(&chat("echo", "x"))
        .expect(200);
    eventually("the first try", || receiver.requests().pop());
    binary.signal("KILL");
    assert_eq!(binary.wait().0, None);
    killed.store(true, Ordering::SeqCst);

    let binary = Binary::serve(dir.path(), &[], &variables);
    let admin = Console::log_in(binary.base(), "ada", "correct horse battery");
    settled(&admin, &hook, 1, "delivered");
    let ids: Vec<_> = receiver
        .requests()
        .iter()
        .map(|request| request.header("x-real200-delivery").map(str::to_owned))
        .collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
    gate.open();
    binary.signal("TERM");
    assert_eq!(binary.wait().0, Some(0));
}

#[test]
fn a_webhook_that_is_disabled_or_deleted_hears_nothing_more() {
    let receiver = Upstream::start(|_| Script::json(500, &json!({})));
    let gateway = gateway();
    let admin = gateway.admin();
    let hook = hook(&admin, &receiver, &["quota.exceeded"]);
    let key = gateway.key(&json!({"quota": {"total_requests": 1}}));
    let client = gateway.client(key["key"].as_str().unwrap());
    client.chat(&chat("echo", "x")).expect(200);
    settled(&admin, &hook, 1, "pending");
    let changed = admin
        .patch(&path(&hook), &json!({"status": "disabled"}))
        .expect(200);
    assert_eq!(
        (&changed["status"], &changed["pending"], &changed["secret"]),
        (&json!("disabled"), &json!(0), &Value::Null)
    );
    settled(&admin, &hook, 1, "given_up");
    assert_eq!(admin.delete(&path(&hook)).status, 204);
    assert_eq!(admin.get(&path(&hook)).expect_error(404), "not_found");
    assert_eq!(admin.get("/api/webhooks").expect(200)["total"], 0);
}

#[test]
fn the_test_button_tells_what_came_of_it_and_is_listed() {
    let receiver = Upstream::start(|_| Script::json(404, &json!({"no": "such hook"})));
    let gateway = gateway();
    let admin = gateway.admin();
    let hook = hook(&admin, &receiver, &["balance.low"]);
    let test = admin
        .post(&format!("{}/test", path(&hook)), &json!({}))
        .expect(200);
    assert_eq!(
        (&test["event"], &test["status"], &test["http_status"]),
        (&json!("test"), &json!("given_up"), &json!(404))
    );
    assert!(test["error"].as_str().unwrap().contains("such hook"));
    assert_eq!(deliveries(&admin, &hook)[0]["id"], test["id"]);
    let body = receiver.requests()[0].json();
    assert_eq!(body["event"], "test");
    assert_eq!(body["data"]["webhook"]["name"], "ops");
}

#[test]
fn what_was_given_up_or_delivered_is_sent_again_by_hand_under_the_same_id() {
    let works = Arc::new(AtomicBool::new(false));
    let answer = Arc::clone(&works);
    let receiver = Upstream::start(move |_| {
        if answer.load(Ordering::SeqCst) {
            ok()
        } else {
            Script::json(500, &json!({}))
        }
    });
    let gateway = gateway();
    let admin = gateway.admin();
    let hook = hook(&admin, &receiver, &["quota.exceeded"]);
    let test = admin
        .post(&format!("{}/test", path(&hook)), &json!({}))
        .expect(200);
    let again = format!(
        "{}/deliveries/{}/resend",
        path(&hook),
        test["id"].as_str().unwrap()
    );
    let resend = || admin.post(&again, &json!({})).expect(200);
    let failed = resend();
    assert_eq!(
        (
            &failed["status"],
            &failed["attempts"],
            &failed["http_status"]
        ),
        (&json!("given_up"), &json!(2), &json!(500))
    );
    works.store(true, Ordering::SeqCst);
    let delivered = resend();
    assert_eq!(
        (
            &delivered["status"],
            &delivered["attempts"],
            &delivered["error"]
        ),
        (&json!("delivered"), &json!(3), &Value::Null)
    );
    works.store(false, Ordering::SeqCst);
    assert_eq!(resend()["status"], "delivered", "it was delivered once");
    let listed = deliveries(&admin, &hook);
    assert_eq!((listed.len(), &listed[0]["attempts"]), (1, &json!(4)));
    let sent = receiver.requests();
    assert_eq!(sent.len(), 4);
    for name in ["x-real200-delivery", "x-real200-signature"] {
        assert!(
            sent.iter()
                .all(|request| request.header(name) == sent[0].header(name))
        );
    }
    let unknown = format!(
        "{}/deliveries/{}/resend",
        path(&hook),
        hook["id"].as_str().unwrap()
    );
    assert_eq!(
        admin.post(&unknown, &json!({})).expect_error(404),
        "not_found"
    );
}

#[test]
fn redirects_are_not_followed() {
    let inner = Upstream::start(|_| ok());
    let location = format!("http://127.0.0.1:{}/inner", inner.port());
    let receiver = Upstream::start(move |_| {
        Script::default().send(&format!(
            "HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"
        ))
    });
    let gateway = gateway();
    let admin = gateway.admin();
    let hook = hook(&admin, &receiver, &["balance.low"]);
    let test = admin
        .post(&format!("{}/test", path(&hook)), &json!({}))
        .expect(200);
    assert_eq!(test["http_status"], 302);
    assert!(
        test["error"]
            .as_str()
            .unwrap()
            .contains("redirects are not followed")
    );
    assert!(inner.requests().is_empty());
}

#[test]
fn addresses_inside_are_refused_unless_the_configuration_allows_them() {
    let receiver = Upstream::start(|_| ok());
    let port = receiver.port();
    let gateway = TestGateway::start();
    let admin = gateway.admin();
    let make = |url: String| {
        admin.post(
            "/api/webhooks",
            &json!({"name": "x", "url": url, "events": ["balance.low"]}),
        )
    };
    for url in [
        format!("http://127.0.0.1:{port}/"),
        format!("http://[::1]:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://[fd00:ec2::254]/".to_owned(),
        "https://user:password@example.com/".to_owned(),
        "ftp://example.com/".to_owned(),
        "nonsense".to_owned(),
    ] {
        let answer = make(url.clone());
        assert_eq!(answer.json()["error"]["param"], "url", "{url}");
        assert_eq!(answer.expect_error(422), "invalid_field", "{url}");
    }
    // What a name stands for shows only when it is looked up.
    for host in ["localhost", "2130706433"] {
        let hook = make(format!("http://{host}:{port}/")).expect(201);
        let test = admin
            .post(&format!("{}/test", path(&hook)), &json!({}))
            .expect(200);
        assert_eq!(
            (&test["status"], &test["http_status"]),
            (&json!("given_up"), &Value::Null)
        );
        assert!(
            test["error"].as_str().unwrap().contains("public internet"),
            "{test}"
        );
    }
    assert!(receiver.requests().is_empty());
}

#[test]
fn a_secret_is_shown_once_and_stored_sealed() {
    let receiver = Upstream::start(|_| ok());
    let gateway = gateway();
    let admin = gateway.admin();
    let hook = hook(&admin, &receiver, &["balance.low"]);
    let made = hook["secret"].as_str().unwrap().to_owned();
    assert!(made.starts_with("whsec_") && made.len() == 70, "{made}");
    let own = "my-own-secret-0123456789";
    let changed = admin
        .patch(&path(&hook), &json!({"secret": own}))
        .expect(200);
    assert_eq!(changed["secret"], Value::Null);
    let renewed = admin
        .patch(&path(&hook), &json!({"secret": null}))
        .expect(200);
    assert_ne!(renewed["secret"].as_str().unwrap(), made);
    assert_eq!(
        admin
            .patch(&path(&hook), &json!({"secret": "short"}))
            .expect_error(422),
        "invalid_field"
    );
    let shown = [
        admin.get("/api/webhooks").body,
        admin.get("/api/audit").body,
    ]
    .concat();
    for secret in [&made, own, renewed["secret"].as_str().unwrap()] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains("webhook.update"), "{shown}");
}

#[test]
fn members_have_no_webhooks() {
    let gateway = TestGateway::start();
    gateway
        .admin()
        .post(
            "/api/accounts",
            &json!({"username": "bob", "password": "a long password", "role": "member"}),
        )
        .expect(201);
    let member = Console::log_in(&gateway.url(""), "bob", "a long password");
    assert_eq!(member.get("/api/webhooks").expect_error(403), "forbidden");
    assert_eq!(
        member.post("/api/webhooks", &json!({})).expect_error(403),
        "forbidden"
    );
}
