//! Too few descriptors: a sentence at the start, and later nobody takes the last of them from a write to the disk.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use super::harness::{Console, KeyClient, chat, eventually};

/// The program with so many descriptors, soft and hard.
struct Limited {
    child: Child,
    base: String,
    _dir: TempDir,
}

fn command(dir: &TempDir, files: &str) -> Command {
    let mut command = Command::new("sh");
    let line = format!(
        "ulimit {files} && exec {} --listen 127.0.0.1:0 --data-dir data",
        env!("CARGO_BIN_EXE_real200")
    );
    command
        .args(["-c", &line])
        .current_dir(dir.path())
        .env("REAL200_ADMIN_USERNAME", "ada")
        .env("REAL200_ADMIN_PASSWORD", "correct horse battery")
        .env("REAL200_SERVER__WORKERS", "2");
    command
}

impl Limited {
    fn serve(files: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut child = command(&dir, files).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let base = lines
            .map(|line| line.unwrap())
            .find_map(|line| {
                let (_, url) = line.split_once("API ")?;
                Some(url.trim().trim_end_matches("/v1").to_owned())
            })
            .unwrap();
        Self {
            child,
            base,
            _dir: dir,
        }
    }

    fn key(&self) -> KeyClient {
        let admin = Console::log_in(&self.base, "ada", "correct horse battery");
        let key = admin.post("/api/keys", &json!({"name": "k"})).expect(201);
        KeyClient::new(&self.base, key["key"].as_str().unwrap())
    }

    fn lives(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id()))
            .unwrap()
            .count()
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn twenty_descriptors_are_a_sentence_and_no_panic() {
    for files in ["-n 20", "-n 64"] {
        let dir = tempfile::tempdir().unwrap();
        let output = command(&dir, files).output().unwrap();
        let words = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{words}");
        assert_eq!(words.trim_end().lines().count(), 1, "{words}");
        assert!(
            words.contains("files open at once") && words.contains("ulimit -n"),
            "{words}"
        );
        assert!(!words.contains("panicked"), "{words}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn the_soft_limit_is_raised_to_the_hard_one() {
    let gateway = Limited::serve("-S -n 256");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", gateway.child.id())).unwrap();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"))
        .unwrap();
    let limits: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(limits[3], limits[4], "{line}");
}

#[test]
#[cfg(target_os = "linux")]
fn half_sent_requests_beyond_what_there_may_be_take_no_descriptor_from_the_store() {
    let mut gateway = Limited::serve("-n 256");
    let client = gateway.key();
    // A connection that cannot be made, or is let go, is no answer and no fault here.
    let call = || {
        let request = client.request("POST", "/v1/chat/completions");
        let sent = request.json(&chat("echo", "x")).send();
        sent.is_ok_and(|answer| answer.status().as_u16() == 200)
    };
    assert!(call());
    let begun = Instant::now();
    let mut open = Vec::new();
    for _ in 0..400 {
        let address = gateway.base.trim_start_matches("http://");
        let Ok(mut stream) = TcpStream::connect(address) else {
            continue;
        };
        let _ = stream.write_all(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n");
        open.push(stream);
    }
    // Meanwhile there are checkpoints: of the calls that still get through on a connection that was kept.
    while begun.elapsed() < Duration::from_secs(3) {
        call();
        assert!(gateway.lives());
        assert!(gateway.open_files() < 250, "{}", gateway.open_files());
        std::thread::sleep(Duration::from_millis(50));
    }
    for stream in &mut open {
        stream
            .set_read_timeout(Some(Duration::from_millis(20)))
            .unwrap();
        let mut answer = [0; 12];
        if stream.read_exact(&mut answer).is_ok() {
            match &answer {
                // Or the time for its head is over, where this takes long. The system may also throw the answer away, as what was
                // sent was not read: the metric below counts.
                b"HTTP/1.1 503" | b"HTTP/1.1 408" => {}
                other => panic!("{}", String::from_utf8_lossy(other)),
            }
        }
    }
    drop(open);
    eventually("a seat", || (gateway.lives() && call()).then_some(()));
    let metrics = client.get("/metrics").body;
    let value = |name: &str| -> f64 {
        metrics
            .lines()
            .find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
            .unwrap_or_else(|| panic!("no {name} in {metrics}"))
    };
    assert!(value("real200_connections_refused_total ") > 100.0);
    eventually("all seats are given back", || {
        let text = client.get("/metrics").body;
        text.lines()
            .find_map(|line| {
                line.strip_prefix("real200_connections ")?
                    .parse::<f64>()
                    .ok()
            })
            .filter(|open| *open <= 3.0)
    });
}
