//! The real binary as a process of its own: for signals, exit codes, kill -9, and what it prints.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

pub(crate) struct Binary {
    child: Child,
    base: String,
    stdout: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
    stderr: Arc<Mutex<String>>,
}

impl Binary {
    /// The program with a clean environment.
    pub(crate) fn command(dir: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_real200"));
        let kept: BTreeMap<String, String> = std::env::vars()
            .filter(|(name, _)| name == "PATH" || name == "HOME" || name == "LLVM_PROFILE_FILE")
            .collect();
        command
            .args(arguments)
            .current_dir(dir)
            .env_clear()
            .envs(kept)
            .envs(variables.iter().copied());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs to its end.
    pub(crate) fn output(dir: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        Self::command(dir, arguments, variables).output().unwrap()
    }

    /// Starts serving on a free port, and waits until it says so.
    pub(crate) fn serve(dir: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let arguments = [
            &["--listen", "127.0.0.1:0", "--data-dir", "data"],
            arguments,
        ]
        .concat();
        let mut child = Self::command(dir, &arguments, variables).spawn().unwrap();
        let (stdout, stderr) = (
            Arc::new(Mutex::new(String::new())),
            Arc::new(Mutex::new(String::new())),
        );
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut base = None;
        let mut line = String::new();
        while lines.read_line(&mut line).unwrap() > 0 {
            stdout.lock().unwrap().push_str(&line);
            if let Some((_, url)) = line.split_once("API ") {
                base = url.trim().strip_suffix("/v1").map(str::to_owned);
            }
            if base.is_some() && line.contains("Models") {
                break;
            }
            line.clear();
        }
        let drain = |mut lines: Box<dyn BufRead + Send>, into: Arc<Mutex<String>>| {
            std::thread::spawn(move || {
                let mut line = String::new();
                while lines.read_line(&mut line).unwrap_or(0) > 0 {
                    into.lock().unwrap().push_str(&line);
                    line.clear();
                }
            })
        };
        let errors = BufReader::new(child.stderr.take().unwrap());
        let readers = vec![
            drain(Box::new(lines), Arc::clone(&stdout)),
            drain(Box::new(errors), Arc::clone(&stderr)),
        ];
        let Some(base) = base else {
            let _ = child.wait();
            readers
                .into_iter()
                .for_each(|reader| reader.join().unwrap());
            panic!(
                "it did not start: {}{}",
                stdout.lock().unwrap(),
                stderr.lock().unwrap()
            );
        };
        Self {
            child,
            base,
            stdout,
            readers,
            stderr,
        }
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) fn stdout(&self) -> String {
        self.stdout.lock().unwrap().clone()
    }

    pub(crate) fn stderr(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// Waits for its end; its exit code, `None` if a signal ended it.
    pub(crate) fn wait(mut self) -> (Option<i32>, String) {
        let status = self.child.wait().unwrap();
        self.readers
            .drain(..)
            .for_each(|reader| reader.join().unwrap());
        (status.code(), self.stderr())
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
