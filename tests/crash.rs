//! `kill -9` under load: every call that a client got an answer to is in the log exactly once, an unstreamed answer with its
//! true cost; totals equal the log; nothing is left open; and the gateway always starts.
//!
//! `CRASH_ROUNDS` sets the number of rounds; `just crash-50` runs 50.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "a test has clocks and threads of its own"
)]

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

const WORKERS: usize = 16;

struct Gateway {
    child: Child,
    base: String,
}

impl Gateway {
    /// Starts it; `None` when it was killed before it was ready.
    fn start(dir: &Path, kill_after: Option<Duration>) -> Option<Self> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_real200"))
            .args(["--listen", "127.0.0.1:0", "--data-dir", "data"])
            .current_dir(dir)
            .env("REAL200_ADMIN_USERNAME", "ada")
            .env("REAL200_ADMIN_PASSWORD", "correct horse battery")
            .env("REAL200_JOURNAL__SEGMENT_BYTES", "1048576")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        if let Some(wait) = kill_after {
            std::thread::sleep(wait);
            child.kill().unwrap();
            child.wait().unwrap();
            return None;
        }
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let base = lines.find_map(|line| {
            line.unwrap()
                .split_once("API ")
                .map(|(_, url)| url.trim().trim_end_matches("/v1").to_owned())
        });
        let Some(base) = base else {
            panic!("it did not start: {:?}", child.wait())
        };
        // Keeps the pipe open: a closed standard output is not what is tested here.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self { child, base })
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn stop(mut self) {
        Command::new("kill")
            .arg(self.child.id().to_string())
            .status()
            .unwrap();
        assert!(self.child.wait().unwrap().success());
    }

    fn admin(&self) -> reqwest::blocking::Client {
        let client = reqwest::blocking::Client::builder()
            .cookie_store(true)
            .build()
            .unwrap();
        let body = json!({"username": "ada", "password": "correct horse battery"});
        let answer = client
            .post(format!("{}/api/session", self.base))
            .json(&body)
            .send()
            .unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().unwrap());
        client
    }
}

/// What clients saw: the ids of answers, with the total of tokens where the answer was whole and not streamed.
#[derive(Default)]
struct Seen(Mutex<HashMap<String, Option<u64>>>);

fn load(base: &str, key: &str, seen: &Seen, over: &AtomicBool) {
    std::thread::scope(|scope| {
        for worker in 0..WORKERS {
            scope.spawn(move || {
                let client = reqwest::blocking::Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
                let mut i = worker;
                while !over.load(Ordering::Relaxed) {
                    i += 1;
                    let streamed = i % 3 == 0;
                    let body = json!({"model": "echo", "stream": streamed, "messages": [{"role": "user", "content": "word ".repeat(1 + i % 40)}]});
                    let sent = client.post(format!("{base}/v1/chat/completions")).bearer_auth(key).json(&body).send();
                    let Ok(answer) = sent else { continue };
                    let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
                    assert_eq!(answer.status(), 200);
                    let tokens = answer.text().ok().filter(|_| !streamed).and_then(|text| {
                        serde_json::from_str::<Value>(&text).ok()?["usage"]["total_tokens"].as_u64()
                    });
                    seen.0.lock().unwrap().insert(id, tokens);
                }
            });
        }
    });
}

/// All calls of the log.
fn log(gateway: &Gateway) -> Vec<Value> {
    let admin = gateway.admin();
    let (mut calls, mut cursor) = (Vec::new(), String::new());
    loop {
        let page: Value = admin
            .get(format!("{}/api/logs?limit=200{cursor}", gateway.base))
            .send()
            .unwrap()
            .json()
            .unwrap();
        calls.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return calls,
        }
    }
}

fn check(gateway: &Gateway, seen: &Seen, key_id: &str) {
    let calls = log(gateway);
    let ids: HashSet<_> = calls
        .iter()
        .map(|call| call["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), calls.len(), "a call is in the log twice");
    let by_id: HashMap<_, _> = calls
        .iter()
        .map(|call| (call["id"].as_str().unwrap(), call))
        .collect();
    for (id, tokens) in seen.0.lock().unwrap().iter() {
        let Some(call) = by_id.get(id.as_str()) else {
            panic!("the answered call {id} is lost")
        };
        if let Some(tokens) = tokens {
            assert_eq!(
                (&call["status"], &call["usage"]["total_tokens"]),
                (&json!("ok"), &json!(tokens)),
                "{call}"
            );
        }
    }
    let sum = |field: &str| {
        calls
            .iter()
            .map(|call| call["usage"][field].as_u64().unwrap())
            .sum::<u64>()
    };
    let key: Value = gateway
        .admin()
        .get(format!("{}/api/keys/{key_id}", gateway.base))
        .send()
        .unwrap()
        .json()
        .unwrap();
    assert_eq!(key["usage"]["requests"], calls.len());
    assert_eq!(key["usage"]["total_tokens"], sum("total_tokens"));
}

#[test]
fn kill_9_under_load_loses_nothing() {
    let rounds: u32 = std::env::var("CRASH_ROUNDS")
        .ok()
        .map_or(6, |rounds| rounds.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let seen = Seen::default();
    let first = Gateway::start(dir.path(), None).unwrap();
    let key: Value = first
        .admin()
        .post(format!("{}/api/keys", first.base))
        .json(&json!({"name": "load"}))
        .send()
        .unwrap()
        .json()
        .unwrap();
    let (plain, id) = (
        key["key"].as_str().unwrap().to_owned(),
        key["id"].as_str().unwrap().to_owned(),
    );
    first.stop();
    for round in 0..rounds {
        let gateway = Gateway::start(dir.path(), None).unwrap();
        if round % 5 == 0 {
            check(&gateway, &seen, &id);
        }
        let over = AtomicBool::new(false);
        let base = gateway.base.clone();
        std::thread::scope(|scope| {
            scope.spawn(|| load(&base, &plain, &seen, &over));
            // A different moment in each round: during the first writes, between checkpoints, after several.
            std::thread::sleep(Duration::from_millis(150 + u64::from(round * 397) % 2_400));
            gateway.kill();
            over.store(true, Ordering::Relaxed);
        });
        if round % 2 == 1 {
            // And once more while it replays.
            Gateway::start(
                dir.path(),
                Some(Duration::from_millis(u64::from(round * 7) % 60)),
            );
        }
    }
    let gateway = Gateway::start(dir.path(), None).unwrap();
    check(&gateway, &seen, &id);
    assert!(
        seen.0.lock().unwrap().len() > rounds as usize,
        "there was load"
    );
    gateway.stop();
    let doctor = Command::new(env!("CARGO_BIN_EXE_real200"))
        .args(["doctor", "--data-dir", "data"])
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert!(
        doctor.status.success(),
        "{}",
        String::from_utf8_lossy(&doctor.stdout)
    );
}
