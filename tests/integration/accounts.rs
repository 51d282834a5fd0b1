//! Accounts, log-in and who may see what.

use std::time::Duration;

use real200::clock::Clock;
use real200::domain::Timestamp;
use serde_json::{Value, json};

use super::harness::{Console, TestGateway, chat};

fn member(gateway: &TestGateway, name: &str) -> (Console, Value) {
    let account = gateway
        .admin()
        .post(
            "/api/accounts",
            &json!({"username": name, "password": "a long password", "role": "member"}),
        )
        .expect(201);
    (
        Console::log_in(&gateway.url(""), name, "a long password"),
        account,
    )
}

#[test]
fn a_wrong_name_and_a_wrong_password_get_the_same_words() {
    let gateway = TestGateway::start();
    let log_in = |name: &str, password: &str| {
        gateway.stranger().post(
            "/api/session",
            &json!({"username": name, "password": password}),
        )
    };
    let (wrong_name, wrong_password) = (
        log_in("nobody", "correct horse battery"),
        log_in("ada", "wrong"),
    );
    assert_eq!((wrong_name.status, wrong_password.status), (401, 401));
    assert_eq!(wrong_name.body, wrong_password.body);
    log_in("ADA", "correct horse battery").expect(200);
}

#[test]
fn guessing_is_slowed_down_and_the_right_password_still_works() {
    let gateway = TestGateway::start();
    let guess = |password: &str| {
        gateway.stranger().post(
            "/api/session",
            &json!({"username": "ada", "password": password}),
        )
    };
    for _ in 0..5 {
        guess("wrong").expect(401);
    }
    let begun = std::time::Instant::now();
    guess("correct horse battery").expect(200);
    assert!(
        begun.elapsed() >= Duration::from_millis(900),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn the_session_cookie_is_http_only_and_same_site_and_logging_out_ends_it_on_the_server() {
    let gateway = TestGateway::start();
    let answer = gateway.stranger().post(
        "/api/session",
        &json!({"username": "ada", "password": "correct horse battery"}),
    );
    let cookie = answer.header("set-cookie").unwrap().to_owned();
    for part in ["real200_session=", "HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let copied = cookie.split(';').next().unwrap().to_owned();
    let with_cookie = || {
        Console::send(
            gateway
                .stranger()
                .request("GET", "/api/session")
                .header("cookie", copied.as_str()),
        )
    };
    with_cookie().expect(200);
    assert_eq!(
        Console::send(
            gateway
                .stranger()
                .request("DELETE", "/api/session")
                .header("cookie", copied.as_str())
        )
        .status,
        204
    );
    assert_eq!(with_cookie().expect_error(401), "not_authenticated");
}

#[test]
fn a_session_ends_when_idle_and_at_the_end_of_its_life() {
    let gateway = TestGateway::with(
        Clock::manual(Timestamp::parse("2026-11-24T07:00:00Z").unwrap()),
        |config| {
            config.session.idle_minutes = 60;
            config.session.lifetime_days = 1;
        },
    );
    let idle = gateway.admin();
    gateway.clock.advance(Duration::from_secs(61 * 60));
    assert_eq!(
        idle.get("/api/session").expect_error(401),
        "not_authenticated"
    );
    let busy = gateway.admin();
    for _ in 0..47 {
        gateway.clock.advance(Duration::from_secs(30 * 60));
        busy.get("/api/session").expect(200);
    }
    gateway.clock.advance(Duration::from_secs(30 * 60));
    assert_eq!(
        busy.get("/api/session").expect_error(401),
        "not_authenticated"
    );
}

#[test]
fn sessions_survive_a_restart() {
    let mut gateway = TestGateway::start();
    let answer = gateway.stranger().post(
        "/api/session",
        &json!({"username": "ada", "password": "correct horse battery"}),
    );
    let cookie = answer
        .header("set-cookie")
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    gateway.restart();
    Console::send(
        gateway
            .stranger()
            .request("GET", "/api/session")
            .header("cookie", cookie),
    )
    .expect(200);
}

#[test]
fn writes_from_other_sites_are_refused() {
    let gateway = TestGateway::start();
    let admin = gateway.admin();
    let post = |headers: &[(&str, &str)], body: &'static str| {
        let request = headers.iter().fold(
            admin.request("POST", "/api/keys"),
            |request, (name, value)| request.header(*name, *value),
        );
        Console::send(request.body(body)).status
    };
    let json = ("content-type", "application/json");
    assert_eq!(post(&[json, ("sec-fetch-site", "same-origin")], "{}"), 201);
    assert_eq!(post(&[json], "{}"), 201);
    for foreign in ["cross-site", "same-site"] {
        assert_eq!(
            post(&[json, ("sec-fetch-site", foreign)], "{}"),
            403,
            "{foreign}"
        );
    }
    assert_eq!(post(&[json, ("origin", "https://evil.example")], "{}"), 403);
    for kind in ["text/plain", "application/x-www-form-urlencoded"] {
        assert!(
            [403, 415, 422].contains(&post(&[("content-type", kind)], "{}")),
            "{kind}"
        );
    }
}

#[test]
fn a_member_sees_and_changes_only_what_is_theirs() {
    let gateway = TestGateway::start();
    let (bob, account) = member(&gateway, "bob");
    let other = gateway.key(&json!({"name": "ada's"}));
    gateway
        .client(other["key"].as_str().unwrap())
        .chat(&chat("echo", "x"))
        .expect(200);
    let own = bob.post("/api/keys", &json!({"name": "bob's"})).expect(201);
    assert_eq!(own["account_id"], account["id"]);
    assert_eq!(bob.get("/api/keys").expect(200)["total"], 1);
    assert_eq!(bob.get("/api/logs").expect(200)["items"], json!([]));
    assert_eq!(bob.get("/api/usage").expect(200)["total"]["requests"], 0);
    let others = format!("/api/keys/{}", other["id"].as_str().unwrap());
    assert_eq!(bob.get(&others).expect_error(404), "not_found");
    assert_eq!(
        bob.patch(&others, &json!({"status": "disabled"}))
            .expect_error(404),
        "not_found"
    );
    assert_eq!(bob.delete(&others).expect_error(404), "not_found");
    assert_eq!(
        bob.get(&format!(
            "/api/logs?key_id={}",
            other["id"].as_str().unwrap()
        ))
        .expect(200)["items"],
        json!([])
    );
    let call = gateway.admin().calls()[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        bob.get(&format!("/api/logs/{call}")).expect_error(404),
        "not_found"
    );
    assert!(
        [403, 422].contains(
            &bob.post("/api/keys", &json!({"account_id": other["account_id"]}))
                .status
        )
    );
    for path in [
        "/api/accounts",
        "/api/channels",
        "/api/audit",
        "/api/settings",
    ] {
        assert_eq!(bob.get(path).expect_error(403), "forbidden", "{path}");
    }
    for path in [
        "/api/keys",
        "/api/logs",
        "/api/usage",
        "/api/channels",
        "/api/accounts",
        "/api/audit",
    ] {
        assert_eq!(
            gateway.stranger().get(path).expect_error(401),
            "not_authenticated",
            "{path}"
        );
    }
}

#[test]
fn the_last_admin_cannot_be_deleted_disabled_or_demoted() {
    let gateway = TestGateway::start();
    let admin = gateway.admin();
    let me = format!(
        "/api/accounts/{}",
        admin.get("/api/session").expect(200)["account"]["id"]
            .as_str()
            .unwrap()
    );
    assert_eq!(admin.delete(&me).expect_error(409), "conflict");
    assert_eq!(
        admin
            .patch(&me, &json!({"role": "member"}))
            .expect_error(409),
        "conflict"
    );
    assert_eq!(
        admin
            .patch(&me, &json!({"status": "disabled"}))
            .expect_error(409),
        "conflict"
    );
    admin
        .post(
            "/api/accounts",
            &json!({"username": "eve", "password": "a long password", "role": "admin"}),
        )
        .expect(201);
    assert_eq!(admin.delete(&me).status, 204);
    assert_eq!(
        admin.get("/api/session").expect_error(401),
        "not_authenticated"
    );
}

#[test]
fn a_new_password_ends_the_other_sessions() {
    let gateway = TestGateway::start();
    let (here, there) = (gateway.admin(), gateway.admin());
    let change = |current: &str| {
        here.post(
            "/api/session/password",
            &json!({"current_password": current, "new_password": "another long one"}),
        )
    };
    change("wrong").expect(422);
    assert_eq!(change("correct horse battery").status, 204);
    here.get("/api/session").expect(200);
    assert_eq!(
        there.get("/api/session").expect_error(401),
        "not_authenticated"
    );
    Console::log_in(&gateway.url(""), "ada", "another long one");
}

#[test]
fn an_accounts_rate_limit_can_be_set_and_changed_and_the_audit_log_says_so() {
    let gateway = TestGateway::start();
    let admin = gateway.admin();
    let account = admin
        .post(
            "/api/accounts",
            &json!({"username": "bob", "password": "a long password", "role": "member", "rate_limit": {"rpm": 60}}),
        )
        .expect(201);
    assert_eq!(
        account["rate_limit"],
        json!({"rpm": 60, "tpm": null, "concurrency": null, "rps": null, "burst": null})
    );
    let path = format!("/api/accounts/{}", account["id"].as_str().unwrap());
    let changed = json!({"rpm": 30, "tpm": 9_000, "concurrency": 2, "rps": 0.25, "burst": 3});
    admin
        .patch(&path, &json!({"rate_limit": changed}))
        .expect(200);
    assert_eq!(admin.get(&path).expect(200)["rate_limit"], changed);
    let log = admin.get("/api/audit").expect(200);
    assert_eq!(
        log["items"][0]["changes"]["rate_limit.rpm"],
        json!(["60", "30"])
    );
}
