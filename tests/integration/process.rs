//! The program as an operator meets it: start, stop, and one clear line for whatever is wrong.

use std::path::Path;

use serde_json::json;

use super::harness::{
    Binary, Console, Gate, KeyClient, Script, Upstream, chat, eventually, streamed_chat,
};

const ADMIN: [(&str, &str); 2] = [
    ("REAL200_ADMIN_USERNAME", "ada"),
    ("REAL200_ADMIN_PASSWORD", "correct horse battery"),
];

fn admin(binary: &Binary) -> Console {
    Console::log_in(binary.base(), "ada", "correct horse battery")
}

fn client(binary: &Binary) -> KeyClient {
    let key = admin(binary)
        .post("/api/keys", &json!({"name": "k"}))
        .expect(201);
    KeyClient::new(binary.base(), key["key"].as_str().unwrap())
}

/// Runs to its end, which must be a failure with one line.
fn complaint(dir: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> (i32, String) {
    let output = Binary::output(dir, arguments, variables);
    let errors = String::from_utf8(output.stderr).unwrap();
    let code = output.status.code().expect("it exits by itself");
    assert_ne!(code, 0, "{errors}");
    assert_eq!(errors.trim_end().lines().count(), 1, "{errors}");
    assert!(!errors.contains("panicked"), "{errors}");
    (code, errors)
}

#[test]
fn the_start_says_version_console_set_up_link_channels_and_models() {
    let dir = tempfile::tempdir().unwrap();
    let binary = Binary::serve(dir.path(), &[], &[]);
    let printed = binary.stdout();
    for part in [
        concat!("Real200 ", env!("CARGO_PKG_VERSION")),
        "/console\n",
        "/console/setup?token=",
        "echo (echo)",
        "Models     echo",
    ] {
        assert!(printed.contains(part), "{part} is missing in {printed}");
    }
}

#[test]
fn providers_of_the_environment_become_channels_at_the_first_start() {
    let dir = tempfile::tempdir().unwrap();
    let variables = [
        &ADMIN[..],
        &[
            ("OPENAI_API_KEY", "sk-one"),
            ("OPENAI_BASE_URL", "http://127.0.0.1:9/v1/"),
        ],
    ]
    .concat();
    let binary = Binary::serve(dir.path(), &[], &variables);
    let channels = admin(&binary).get("/api/channels").expect(200);
    let openai = channels["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|channel| channel["name"] == "OpenAI")
        .unwrap();
    assert_eq!(
        (&openai["base_url"], &openai["credential_state"]),
        (&json!("http://127.0.0.1:9/v1"), &json!("sealed"))
    );
    assert!(openai["models"].as_array().unwrap().len() > 5);
}

#[test]
fn sigterm_and_ctrl_c_let_calls_in_flight_end_and_exit_with_0() {
    for signal in ["TERM", "INT"] {
        let gate = Gate::default();
        let held = gate.clone();
        let upstream = Upstream::start(move |_| {
            Script::stream()
                .word("one")
                .wait(&held)
                .word("two")
                .usage(3, 2)
                .done()
        });
        let dir = tempfile::tempdir().unwrap();
        let binary = Binary::serve(dir.path(), &[], &ADMIN);
        let channel = json!({"name": "u", "kind": "openai", "base_url": upstream.base_url(), "models": ["m"]});
        admin(&binary).post("/api/channels", &channel).expect(201);
        let client = client(&binary);
        let streaming = client.open("/v1/chat/completions", &streamed_chat("m", "x"));
        binary.signal(signal);
        eventually("the drain to begin", || {
            binary.stderr().contains("stopping").then_some(())
        });
        gate.open();
        let body = streaming.text().unwrap();
        assert!(body.contains("two") && body.contains("[DONE]"), "{body}");
        let (code, log) = binary.wait();
        assert_eq!(code, Some(0), "{log}");
        assert!(log.contains("everything is on disk"), "{log}");
        let again = Binary::serve(dir.path(), &[], &[]);
        let calls = admin(&again).calls();
        assert_eq!(
            (
                calls.len(),
                &calls[0]["status"],
                &calls[0]["usage"]["total_tokens"]
            ),
            (1, &json!("ok"), &json!(5))
        );
    }
}

/// A stream that its provider holds back after a word; let go when dropped.
struct HeldStream {
    gate: Gate,
    _upstream: Upstream,
    _answer: reqwest::blocking::Response,
}

impl Drop for HeldStream {
    fn drop(&mut self) {
        self.gate.open();
    }
}

/// A gateway that drains for so many seconds, with such a stream in flight.
fn with_a_held_stream(dir: &Path, drain_seconds: &str) -> (Binary, HeldStream) {
    let gate = Gate::default();
    let held = gate.clone();
    let upstream = Upstream::start(move |_| Script::stream().word("one").wait(&held));
    let drain = [("REAL200_SERVER__DRAIN_SECONDS", drain_seconds)];
    let binary = Binary::serve(dir, &[], &[&ADMIN[..], &drain].concat());
    let channel =
        json!({"name": "u", "kind": "openai", "base_url": upstream.base_url(), "models": ["m"]});
    admin(&binary).post("/api/channels", &channel).expect(201);
    let answer = client(&binary).open("/v1/chat/completions", &streamed_chat("m", "x"));
    let held = HeldStream {
        gate,
        _upstream: upstream,
        _answer: answer,
    };
    (binary, held)
}

#[test]
fn a_drain_has_a_deadline() {
    let dir = tempfile::tempdir().unwrap();
    let (binary, held) = with_a_held_stream(dir.path(), "1");
    binary.signal("TERM");
    assert_eq!(binary.wait().0, Some(0));
    drop(held);
    let again = Binary::serve(dir.path(), &[], &[]);
    let call = &admin(&again).calls()[0];
    assert!(
        call["status"] == "cancelled" || call["status"] == "error",
        "{call}"
    );
    assert_eq!(call["usage"]["completion_tokens"], 1);
}

#[test]
fn told_to_stop_again_it_waits_for_no_call() {
    let dir = tempfile::tempdir().unwrap();
    let (binary, held) = with_a_held_stream(dir.path(), "3600");
    binary.signal("INT");
    eventually("the drain to begin", || {
        binary.stderr().contains("stopping").then_some(())
    });
    binary.signal("INT");
    let (code, log) = binary.wait();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("told to stop again"), "{log}");
    drop(held);
    let again = Binary::serve(dir.path(), &[], &[]);
    assert_eq!(admin(&again).calls()[0]["status"], "interrupted");
}

#[test]
fn a_log_that_cannot_be_written_stops_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let binary = Binary::serve(dir.path(), &[], &ADMIN);
    binary.signal("TERM");
    assert_eq!(binary.wait().0, Some(0));
    // That it is made again is worth a line.
    std::fs::remove_dir_all(dir.path().join("data/db")).unwrap();
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = Binary::command(dir.path(), &["user", "list", "--data-dir", "data"], &[])
        .stderr(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8(output.stdout).unwrap().contains("ada"));
}

#[test]
fn a_second_process_on_the_same_data_directory_is_told_so() {
    let dir = tempfile::tempdir().unwrap();
    let _first = Binary::serve(dir.path(), &[], &ADMIN);
    let (code, words) = complaint(
        dir.path(),
        &["--listen", "127.0.0.1:0", "--data-dir", "data"],
        &[],
    );
    assert_eq!(code, 1);
    assert!(
        words.contains("data") && (words.contains("in use") || words.contains("another")),
        "{words}"
    );
}

#[test]
fn a_port_in_use_is_told_so() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let dir = tempfile::tempdir().unwrap();
    let (_, words) = complaint(dir.path(), &["--listen", &address], &[]);
    assert!(
        words.contains("in use") && words.contains("--listen"),
        "{words}"
    );
}

#[test]
fn a_data_directory_that_cannot_be_used_is_told_so() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("data"), "a file").unwrap();
    let (_, words) = complaint(
        dir.path(),
        &["--listen", "127.0.0.1:0", "--data-dir", "data"],
        &[],
    );
    assert!(
        words.contains("data")
            && words.contains("move it away")
            && words.matches("(os error").count() == 1,
        "{words}"
    );
    let (_, words) = complaint(
        dir.path(),
        &["--listen", "127.0.0.1:0", "--data-dir", "other"],
        &[
            ("REAL200_ADMIN_USERNAME", "ada"),
            ("REAL200_ADMIN_PASSWORD", "short"),
        ],
    );
    assert!(words.contains("REAL200_ADMIN_PASSWORD"), "{words}");
}

#[test]
fn an_unknown_key_variable_or_option_is_told_with_the_nearest_and_exits_with_64() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("c.toml"),
        "[server]\nlisen = \"127.0.0.1:1\"\n",
    )
    .unwrap();
    let (code, words) = complaint(dir.path(), &["--config", "c.toml"], &[]);
    assert_eq!(code, 64);
    assert!(
        words.contains("server.lisen") && words.contains("server.listen"),
        "{words}"
    );
    let (code, words) = complaint(dir.path(), &[], &[("REAL200_SERVER__LISEN", "127.0.0.1:1")]);
    assert_eq!(code, 64);
    assert!(words.contains("REAL200_SERVER__LISTEN"), "{words}");
    let (code, words) = complaint(dir.path(), &["--config", "missing.toml"], &[]);
    assert_eq!(code, 64);
    assert!(words.contains("missing.toml"), "{words}");
    std::fs::write(dir.path().join("c.toml"), "[server]\nlisten = [").unwrap();
    let (code, words) = complaint(dir.path(), &["--config", "c.toml"], &[]);
    assert_eq!(code, 64);
    assert!(
        words.contains("c.toml") && words.contains("line 2"),
        "{words}"
    );
    let (code, words) = complaint(dir.path(), &[], &[("REAL200_LOG__LEVEL", "a=b=c")]);
    assert_eq!(code, 64);
    assert!(words.contains("log.level"), "{words}");
}

#[test]
fn a_lost_master_key_names_the_channels_and_lets_their_credentials_be_entered_again() {
    let upstream = Upstream::start(|request| match request.header("authorization") {
        Some("Bearer sk-new") => Script::chat("hi", 1, 1),
        _ => Script::json(401, &json!({})),
    });
    let dir = tempfile::tempdir().unwrap();
    let binary = Binary::serve(dir.path(), &[], &ADMIN);
    let channel = json!({"name": "my provider", "kind": "openai", "base_url": upstream.base_url(), "credential": "sk-old", "models": ["m"]});
    let channel = admin(&binary).post("/api/channels", &channel).expect(201);
    let client_key = admin(&binary).post("/api/keys", &json!({})).expect(201);
    binary.signal("TERM");
    assert_eq!(binary.wait().0, Some(0));
    std::fs::remove_file(dir.path().join("data/master.key")).unwrap();

    let binary = Binary::serve(dir.path(), &[], &[]);
    eventually("the warning", || {
        binary.stdout().contains("my provider").then_some(())
    });
    let client = KeyClient::new(binary.base(), client_key["key"].as_str().unwrap());
    assert_eq!(
        client.chat(&chat("m", "x")).expect_error(503),
        "no_channel_available"
    );
    client.chat(&chat("echo", "x")).expect(200);
    let path = format!("/api/channels/{}", channel["id"].as_str().unwrap());
    let admin = admin(&binary);
    assert_eq!(
        admin.get(&path).expect(200)["credential_state"],
        "unreadable"
    );
    admin
        .patch(&path, &json!({"credential": "sk-new"}))
        .expect(200);
    client.chat(&chat("m", "x")).expect(200);
}

fn stopped(binary: Binary) {
    binary.signal("TERM");
    let (code, log) = binary.wait();
    assert_eq!(code, Some(0), "{log}");
}

#[test]
fn the_master_key_is_changed_and_nobody_notices() {
    let upstream = Upstream::start(|request| match request.header("authorization") {
        Some("Bearer sk-kept") => Script::chat("hi", 1, 1),
        _ => Script::json(401, &json!({})),
    });
    let dir = tempfile::tempdir().unwrap();
    let binary = Binary::serve(dir.path(), &[], &ADMIN);
    let channel = json!({"name": "u", "kind": "openai", "base_url": upstream.base_url(), "credential": "sk-kept", "models": ["m"]});
    let path = admin(&binary).post("/api/channels", &channel).expect(201)["id"].clone();
    let path = format!("/api/channels/{}", path.as_str().unwrap());
    let key = admin(&binary).post("/api/keys", &json!({})).expect(201)["key"].clone();
    let (_, words) = complaint(dir.path(), &["rekey", "--data-dir", "data"], &[]);
    assert!(
        words.contains("in use") || words.contains("another"),
        "{words}"
    );
    stopped(binary);
    let file = dir.path().join("data/master.key");
    let before = std::fs::read_to_string(&file).unwrap();
    let output = Binary::output(dir.path(), &["rekey", "--data-dir", "data"], &[]);
    let words = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success() && words.contains("sealed 1 secret anew"),
        "{words}"
    );
    let after = std::fs::read_to_string(&file).unwrap();
    assert_ne!(before, after);
    assert!(!words.contains(after.trim()), "{words}");
    let works = |binary: &Binary| {
        let client = KeyClient::new(binary.base(), key.as_str().unwrap());
        client.chat(&chat("m", "x")).expect(200);
        let shown = admin(binary).get(&path).expect(200);
        assert_eq!(
            (&shown["credential_state"], &shown["status"]),
            (&json!("sealed"), &json!("active"))
        );
    };
    let binary = Binary::serve(dir.path(), &[], &[]);
    works(&binary);
    let audit = admin(&binary).get("/api/audit").body;
    assert!(
        audit.contains("master_key.rekey") && !audit.contains(after.trim()),
        "{audit}"
    );
    stopped(binary);

    // With the key in the environment, the new one has to be set there.
    std::fs::remove_file(&file).unwrap();
    let former = [("REAL200_MASTER_KEY", after.trim())];
    let next = "ab".repeat(32);
    std::fs::write(dir.path().join("next"), &next).unwrap();
    let arguments = ["rekey", "--data-dir", "data", "--new-key-file", "next"];
    let output = Binary::output(dir.path(), &arguments, &former);
    let words = String::from_utf8(output.stdout).unwrap();
    assert!(words.contains("set REAL200_MASTER_KEY"), "{words}");
    let arguments = ["--listen", "127.0.0.1:0", "--data-dir", "data"];
    let (_, words) = complaint(dir.path(), &arguments, &former);
    assert!(words.contains("master.key.new"), "{words}");
    let binary = Binary::serve(dir.path(), &[], &[("REAL200_MASTER_KEY", next.as_str())]);
    works(&binary);
    assert!(!dir.path().join("data/master.key.new").exists());
    stopped(binary);
}

#[test]
fn accounts_are_worked_on_from_the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str], input: &str| {
        use std::io::Write;
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_real200"));
        command
            .args(arguments)
            .current_dir(dir.path())
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    assert_eq!(
        run(
            &["user", "add", "ada", "--role", "admin"],
            "correct horse battery\n"
        )
        .0,
        0
    );
    assert_ne!(run(&["user", "add", "Ada"], "correct horse battery\n").0, 0);
    assert_ne!(run(&["user", "add", "bob"], "short\n").0, 0);
    assert!(run(&["user", "list"], "").1.contains("ada"));
    assert_eq!(
        run(&["user", "set-password", "ada"], "another long password\n").0,
        0
    );
    let binary = Binary::serve(dir.path(), &[], &[]);
    Console::log_in(binary.base(), "ada", "another long password");
}

#[test]
fn the_doctor_says_that_all_is_well_and_when_it_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let binary = Binary::serve(dir.path(), &[], &ADMIN);
    client(&binary).chat(&chat("echo", "x")).expect(200);
    binary.signal("TERM");
    assert_eq!(binary.wait().0, Some(0));
    let output = Binary::output(dir.path(), &["doctor"], &[]);
    let words = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success() && words.contains("all is well"),
        "{words}"
    );

    let journal = std::fs::read_dir(dir.path().join("data/journal"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .min()
        .unwrap();
    let mut bytes = std::fs::read(&journal).unwrap();
    bytes[200] ^= 0xff;
    std::fs::write(&journal, bytes).unwrap();
    let output = Binary::output(dir.path(), &["doctor"], &[]);
    let words = String::from_utf8(output.stdout).unwrap();
    assert!(
        !output.status.success() && words.contains("ERROR") && words.contains("journal"),
        "{words}"
    );
}
