//! Secrets do not leave: the plain text of a key, a credential and a password is searched for in every byte that is written.

use std::path::Path;

use serde_json::json;

use super::harness::{Binary, Console, KeyClient, Script, Upstream, chat, streamed_chat};

fn search(dir: &Path, needle: &str) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            search(&path, needle);
        } else {
            let bytes = std::fs::read(&path).unwrap();
            let found = bytes
                .windows(needle.len())
                .any(|window| window == needle.as_bytes());
            assert!(!found, "{needle} is in {}", path.display());
        }
    }
}

#[test]
fn no_secret_is_in_a_file_a_log_line_at_trace_level_or_an_error_answer() {
    const PASSWORD: &str = "pa55word-that-must-not-leak";
    const CREDENTIAL: &str = "sk-upstream-that-must-not-leak";
    const HEADER: &str = "header-that-must-not-leak";
    const PROXY: &str = "proxy-word-that-must-not-leak";
    let upstream = Upstream::start(|request| {
        let bearer = request.header("authorization").unwrap_or("").to_owned();
        // A careless provider that repeats the credential in its error.
        if request.text.contains("refuse") {
            Script::json(
                401,
                &json!({"error": {"message": format!("bad credential {bearer} {HEADER}")}}),
            )
        } else {
            Script::chat("hi", 1, 1)
        }
    });
    let dir = tempfile::tempdir().unwrap();
    let variables = [
        ("REAL200_ADMIN_USERNAME", "ada"),
        ("REAL200_ADMIN_PASSWORD", PASSWORD),
        ("REAL200_LOG__LEVEL", "trace"),
    ];
    let binary = Binary::serve(dir.path(), &[], &variables);
    let admin = Console::log_in(binary.base(), "ada", PASSWORD);
    let mut answers = String::new();
    let channel = json!({"name": "u", "kind": "openai", "base_url": upstream.base_url(), "credential": CREDENTIAL, "models": ["m"],
        "headers": {"x-gate-key": HEADER}});
    let proxied = json!({"name": "p", "kind": "openai", "base_url": "http://provider.invalid/v1", "models": ["proxied"],
        "proxy": format!("http://ada:{PROXY}@127.0.0.1:{}", upstream.port())});
    let channel = admin.post("/api/channels", &channel).expect(201);
    answers.push_str(&channel.to_string());
    answers.push_str(
        &admin
            .post("/api/channels", &proxied)
            .expect(201)
            .to_string(),
    );
    let path = format!("/api/channels/{}", channel["id"].as_str().unwrap());
    answers.push_str(
        &admin
            .post(&format!("{path}/test"), &json!({"model": "refuse"}))
            .body,
    );
    let key = admin.post("/api/keys", &json!({"name": "k"})).expect(201);
    let plain = key["key"].as_str().unwrap().to_owned();
    let client = KeyClient::new(binary.base(), &plain);
    for body in [
        chat("m", "hello"),
        chat("m", "refuse"),
        chat("proxied", "x"),
        streamed_chat("m", "refuse"),
        chat("nope", "x"),
        json!({"model": plain}),
    ] {
        answers.push_str(
            &client
                .chat(&body)
                .body
                .replace(&format!("\\\"{plain}\\\""), ""),
        );
    }
    answers.push_str(&client.get(&format!("/v1/models?key={plain}")).body);
    answers.push_str(
        &KeyClient::new(binary.base(), &format!("{plain}x"))
            .chat(&chat("m", "x"))
            .body,
    );
    answers.push_str(
        &Console::anonymous(binary.base())
            .post(
                "/api/session",
                &json!({"username": "ada", "password": format!("{PASSWORD}!")}),
            )
            .body,
    );
    answers.push_str(
        &admin
            .post(
                "/api/accounts",
                &json!({"username": "", "password": PASSWORD, "role": "member"}),
            )
            .body,
    );
    for list in [
        "/api/keys",
        "/api/channels",
        "/api/logs",
        "/api/audit",
        "/api/accounts",
        "/api/settings",
    ] {
        answers.push_str(&admin.get(list).body);
    }
    answers.push_str(
        &admin
            .patch(
                &format!("/api/keys/{}", key["id"].as_str().unwrap()),
                &json!({"status": "disabled"}),
            )
            .body,
    );
    answers.push_str(&client.chat(&chat("m", "x")).body);
    binary.signal("TERM");
    let (code, log) = binary.wait();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("TRACE"), "the log is at trace level");
    for secret in [PASSWORD, CREDENTIAL, HEADER, PROXY, plain.as_str()] {
        search(dir.path(), secret);
        assert!(
            !log.contains(secret),
            "{secret} is in the log: {}",
            log.lines().find(|line| line.contains(secret)).unwrap()
        );
        assert!(
            !answers.contains(secret),
            "{secret} is in an answer: {answers}"
        );
    }
}
