//! A gateway in this process: the real server, a free port, a data directory of its own, a clock that may be moved by hand.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::thread::JoinHandle;

use real200::clock::Clock;
use real200::config::{Bootstrap, Config, DataDir};
use real200::storage::{self, Severity};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::client::{Console, KeyClient};
use super::eventually;
use super::upstream::Upstream;

pub(crate) const ADMIN: &str = "ada";
pub(crate) const PASSWORD: &str = "correct horse battery";

pub(crate) struct TestGateway {
    _dir: TempDir,
    config: Config,
    pub(crate) clock: Clock,
    running: Option<Running>,
}

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<anyhow::Result<()>>,
}

impl TestGateway {
    /// With the admin `ada`, an echo channel, and defaults.
    pub(crate) fn start() -> Self {
        Self::with(Clock::system(), |_| {})
    }

    /// With a clock of the test's and changes to the configuration.
    pub(crate) fn with(clock: Clock, change: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config {
            data_dir: DataDir(dir.path().join("data")),
            ..Config::default()
        };
        config.server.workers = 2;
        config.server.drain_seconds = 2;
        config.journal.segment_bytes = 1 << 20;
        change(&mut config);
        let mut gateway = Self {
            _dir: dir,
            config,
            clock,
            running: None,
        };
        gateway.run();
        gateway
    }

    fn run(&mut self) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let mut stopped = Some(stopped);
        let (config, clock) = (self.config.clone(), self.clock.clone());
        let bootstrap = Bootstrap {
            admin: Some((ADMIN.to_owned(), PASSWORD.to_owned().into())),
            ..Bootstrap::default()
        };
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(real200::server::run(
                config,
                bootstrap,
                listener,
                clock,
                async move || match stopped.take() {
                    Some(stopped) => drop(stopped.await),
                    // It is told to stop once only.
                    None => std::future::pending().await,
                },
            ))
        });
        self.running = Some(Running {
            address,
            stop,
            thread,
        });
    }

    /// Stops it as SIGTERM would, and starts it again on the same data.
    pub(crate) fn restart(&mut self) {
        self.stop();
        self.run();
    }

    /// The value of a line of `/metrics`.
    pub(crate) fn metric(&self, line: &str) -> f64 {
        let text = self.stranger().get("/metrics").body;
        text.lines()
            .find_map(|text| text.strip_prefix(line)?.trim().parse().ok())
            .unwrap_or_else(|| panic!("no {line} in {text}"))
    }

    /// Waits until no call is in flight; then nothing may be set aside.
    pub(crate) fn assert_nothing_reserved(&self) {
        eventually("the end of all calls", || {
            (self.metric("real200_open_calls") == 0.0).then_some(())
        });
        for on in ["keys", "accounts"] {
            for unit in ["usd", "tokens", "requests"] {
                let line = format!("real200_reserved{{on=\"{on}\",unit=\"{unit}\"}}");
                assert_eq!(self.metric(&line), 0.0, "{line}: a reservation was lost");
            }
        }
    }

    pub(crate) fn stop(&mut self) {
        if let Some(Running { stop, thread, .. }) = self.running.take() {
            let _ = stop.send(());
            thread
                .join()
                .expect("the server panicked")
                .expect("the server stops cleanly");
        }
    }

    fn address(&self) -> SocketAddr {
        self.running
            .as_ref()
            .expect("the gateway is running")
            .address
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.config.data_dir.0.clone()
    }

    /// The console API, logged in as `ada`.
    pub(crate) fn admin(&self) -> Console {
        Console::log_in(&self.url(""), ADMIN, PASSWORD)
    }

    /// The console API, not logged in.
    pub(crate) fn stranger(&self) -> Console {
        Console::anonymous(&self.url(""))
    }

    /// A client with this API key.
    pub(crate) fn client(&self, key: &str) -> KeyClient {
        KeyClient::new(&self.url(""), key)
    }

    /// Makes a key with these settings; returns its record, with the key itself under `key`.
    pub(crate) fn key(&self, settings: &Value) -> Value {
        self.admin().post("/api/keys", settings).expect(201)
    }

    /// A client with a new key of no limits.
    pub(crate) fn new_client(&self) -> KeyClient {
        let key = self.key(&json!({"name": "test"}));
        self.client(key["key"].as_str().unwrap())
    }

    /// A channel to a scripted upstream; returns its record.
    pub(crate) fn channel(&self, upstream: &Upstream, models: &[&str]) -> Value {
        self.admin()
            .post(
                "/api/channels",
                &json!({
                    "name": format!("upstream {}", upstream.port()), "kind": "openai", "base_url": upstream.base_url(),
                    "credential": "sk-upstream-credential", "models": models,
                }),
            )
            .expect(201)
    }
}

impl Drop for TestGateway {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        if self.running.is_some() {
            self.assert_nothing_reserved();
        }
        self.stop();
        let examination = storage::examine(&self.data_dir(), &self.config.storage(), &mut |_| {});
        let wrong: Vec<_> = examination
            .findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .collect();
        assert!(wrong.is_empty(), "the doctor found: {wrong:#?}");
    }
}
