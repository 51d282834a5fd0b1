//! The configuration: built-in defaults, then a file, then the environment. The only place that reads the environment.
//!
//! Unknown keys are errors that name the nearest known one: a typing mistake must not run with the default in silence.

mod entries;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use zeroize::Zeroizing;

pub use self::entries::{Configured, Entries};
use crate::domain::{ChannelKind, TimeZone, address_block};
use crate::state::{Settings, Timeouts};
use crate::storage;

/// Where the configuration is looked for when no `--config` is given.
const DEFAULT_FILE: &str = "config/real200.toml";
const PREFIX: &str = "REAL200_";

/// The whole configuration.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Where everything is kept.
    pub data_dir: DataDir,
    /// The HTTP server.
    pub server: ServerConfig,
    /// Quota windows and the call log.
    pub ledger: LedgerConfig,
    /// The journal.
    pub journal: JournalConfig,
    /// Waiting for providers.
    pub upstream: UpstreamConfig,
    /// Requests to addresses that somebody else chose.
    pub outbound: OutboundConfig,
    /// Console log-ins.
    pub session: SessionConfig,
    /// The log on standard error.
    pub log: LogConfig,
    /// `[[channel]]`: channels that are set here and nowhere else.
    #[serde(skip_serializing)]
    pub channel: Entries,
    /// `[[model]]`: prices and limits that are set here and nowhere else.
    #[serde(skip_serializing)]
    pub model: Entries,
    /// The file that was read, where it was named.
    #[serde(skip)]
    pub file: Option<PathBuf>,
}

/// A directory; made with mode 0700 where it is missing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DataDir(pub PathBuf);

impl Default for DataDir {
    fn default() -> Self {
        Self(PathBuf::from("./data"))
    }
}

/// `[server]`
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerConfig {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// Worker threads; 0: one for each core.
    pub workers: usize,
    /// The largest request body, in bytes.
    pub body_limit_bytes: usize,
    /// The largest upload (audio, images to be edited), in bytes.
    pub upload_limit_bytes: u64,
    /// A client that takes nothing of its answer for so long is cut off, in seconds; on Linux only.
    pub write_timeout_seconds: u64,
    /// How long calls in flight may go on when the gateway is stopped, in seconds.
    pub drain_seconds: u64,
    /// Connections of clients at the same time; 0: as many as the system's limit of open files allows, up to 16,384.
    pub max_connections: u64,
    /// Of these, the most from one address; 0: a fourth. Not for proxies that are trusted, or on this machine.
    pub max_connections_per_address: u64,
    /// Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed, as addresses or CIDR blocks.
    #[serde(deserialize_with = "address_blocks")]
    pub trusted_proxies: Vec<IpNet>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 3000)),
            workers: 0,
            body_limit_bytes: 32 << 20,
            upload_limit_bytes: 256 << 20,
            write_timeout_seconds: 600,
            drain_seconds: 30,
            max_connections: 0,
            max_connections_per_address: 0,
            trusted_proxies: Vec::new(),
        }
    }
}

impl ServerConfig {
    /// How many worker threads there are to be.
    pub(crate) fn worker_threads(&self) -> usize {
        match self.workers {
            0 => std::thread::available_parallelism().map_or(2, usize::from),
            workers => workers,
        }
    }
}

/// `[ledger]`
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct LedgerConfig {
    /// Where daily and monthly quotas roll over, as an IANA name.
    pub time_zone: String,
    /// How many days the call log is kept; totals stay.
    pub retention_days: u32,
}

impl Default for LedgerConfig {
    fn default() -> Self {
        Self {
            time_zone: "UTC".to_owned(),
            retention_days: 90,
        }
    }
}

/// `[journal]`
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct JournalConfig {
    /// How much journal is kept beyond what is needed, so that a damaged database can be rebuilt, in bytes.
    pub keep_bytes: u64,
    /// The most that one journal file holds, in bytes.
    pub segment_bytes: u64,
    /// How long the writer gathers under load before it writes, in microseconds.
    pub gather_us: u64,
}

impl Default for JournalConfig {
    fn default() -> Self {
        let options = storage::Options::default();
        Self {
            keep_bytes: options.keep_bytes,
            segment_bytes: options.segment_bytes,
            gather_us: u64::try_from(options.gather.as_micros()).unwrap_or(1_000),
        }
    }
}

/// `[upstream]`
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct UpstreamConfig {
    /// For a connection to a provider, in milliseconds.
    pub connect_timeout_ms: u64,
    /// From a request to the head of the answer, in milliseconds.
    pub first_byte_timeout_ms: u64,
    /// Between two pieces of an answer, in milliseconds.
    pub idle_timeout_ms: u64,
}

impl Default for UpstreamConfig {
    fn default() -> Self {
        Self {
            connect_timeout_ms: 5_000,
            first_byte_timeout_ms: 300_000,
            idle_timeout_ms: 120_000,
        }
    }
}

/// `[outbound]`
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OutboundConfig {
    /// What webhooks may reach beside the public internet, as addresses or CIDR blocks.
    #[serde(deserialize_with = "address_blocks")]
    pub allow_private: Vec<IpNet>,
}

/// Addresses or CIDR blocks.
fn address_blocks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let read = |text: &String| {
        address_block(text).ok_or_else(|| {
            D::Error::custom(format!(
                "{text:?} is no address; write one such as 10.0.0.1, 10.0.0.0/8 or 2001:db8::/32"
            ))
        })
    };
    Vec::<String>::deserialize(deserializer)?
        .iter()
        .map(read)
        .collect()
}

/// `[session]`
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct SessionConfig {
    /// A log-in ends after this long without a request, in minutes.
    pub idle_minutes: u64,
    /// A log-in ends after this long whatever happens, in days.
    pub lifetime_days: u64,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            idle_minutes: 12 * 60,
            lifetime_days: 30,
        }
    }
}

/// `[log]`
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct LogConfig {
    /// `error`, `warn`, `info`, `debug`, `trace`, or directives such as `info,real200=debug`.
    pub level: String,
    /// `text` or `json`.
    pub format: LogFormat,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            level: "info".to_owned(),
            format: LogFormat::Text,
        }
    }
}

/// How log lines are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For collectors: one JSON object a line.
    Json,
}

/// What the environment gives for the first start; never kept in a file.
#[derive(Default)]
pub struct Bootstrap {
    /// `REAL200_ADMIN_USERNAME` and `REAL200_ADMIN_PASSWORD`.
    pub admin: Option<(String, Zeroizing<String>)>,
    /// `REAL200_MASTER_KEY`.
    pub master_key: Option<Zeroizing<String>>,
    /// Providers whose credentials are in the environment.
    pub providers: Vec<ProviderCredential>,
}

/// A provider whose credential is in the environment.
pub struct ProviderCredential {
    /// The channel's name.
    pub name: &'static str,
    /// The provider's name in the catalogue.
    pub provider: &'static str,
    /// Which interface it speaks.
    pub kind: ChannelKind,
    /// Where it is.
    pub base_url: String,
    /// The credential.
    pub credential: Zeroizing<String>,
}

/// One sentence that says what to change.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl ConfigError {
    /// With these words.
    pub(crate) fn new(words: String) -> Self {
        Self(words)
    }
}

/// What was given on the command line.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--config`
    pub file: Option<PathBuf>,
    /// `--listen`
    pub listen: Option<SocketAddr>,
    /// `--data-dir`
    pub data_dir: Option<PathBuf>,
}

type Environment = Vec<(String, String)>;

/// Reads file, environment and command line.
///
/// # Errors
/// One sentence that names the file or variable and says what to change.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one file that reads the environment"
)]
pub fn load(overrides: &Overrides) -> Result<(Config, Bootstrap), ConfigError> {
    let environment = environment(std::env::vars_os())?;
    let file = read_file(overrides.file.as_deref())?;
    let mut config = merge(file, &environment)?;
    config.file.clone_from(&overrides.file);
    if let Some(listen) = overrides.listen {
        config.server.listen = listen;
    }
    if let Some(dir) = &overrides.data_dir {
        config.data_dir = DataDir(dir.clone());
    }
    config.check()?;
    Ok((config, bootstrap(&environment)?))
}

fn environment(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Environment, ConfigError> {
    let ours = |name: &str| {
        name.starts_with(PREFIX)
            || PROVIDERS
                .iter()
                .any(|p| p.credential == name || p.base_url_variable == Some(name))
    };
    variables
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, value)| ours(name) && !value.is_empty())
        .map(|(name, value)| {
            let value = value
                .into_string()
                .map_err(|_| ConfigError(format!("the variable {name} is not valid UTF-8")))?;
            Ok((name, value))
        })
        .collect()
}

fn read_file(given: Option<&Path>) -> Result<toml::Table, ConfigError> {
    let path = given.unwrap_or(Path::new(DEFAULT_FILE));
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if given.is_none() && e.kind() == std::io::ErrorKind::NotFound => {
            return Ok(toml::Table::new());
        }
        Err(e) => {
            return Err(ConfigError(format!(
                "cannot read the configuration file {}: {e}",
                path.display()
            )));
        }
    };
    text.parse().map_err(|e: toml::de::Error| {
        let before = e.span().and_then(|span| text.get(..span.start));
        let line = before.map_or(1, |before| before.matches('\n').count() + 1);
        let words = one_line(e.message());
        ConfigError(format!(
            "{} is not valid TOML: {words} in line {line}",
            path.display()
        ))
    })
}

/// What was said in several lines, in one.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Variables that are no keys of the configuration: for the first start, and for secrets.
const OTHER_VARIABLES: [&str; 3] = [
    "REAL200_ADMIN_USERNAME",
    "REAL200_ADMIN_PASSWORD",
    "REAL200_MASTER_KEY",
];

/// Variables for building and testing: nothing here reads them.
const PASSED_OVER: [&str; 3] = ["REAL200_UI", "REAL200_UI_DIST", "REAL200_BIN"];

/// Lists of tables: no variable sets them.
const SECTIONS: [&str; 2] = ["channel", "model"];

fn merge(mut table: toml::Table, environment: &Environment) -> Result<Config, ConfigError> {
    let known = known_keys();
    for (name, value) in environment {
        let Some(key) = name.strip_prefix(PREFIX).filter(|_| {
            ![&OTHER_VARIABLES, &PASSED_OVER]
                .into_iter()
                .any(|names| names.contains(&name.as_str()))
        }) else {
            continue;
        };
        let path = key.to_lowercase().replace("__", ".");
        if !known.contains(&path) {
            let candidates = known
                .iter()
                .map(|key| variable(key))
                .chain(OTHER_VARIABLES.map(str::to_owned));
            return Err(ConfigError(format!(
                "unknown variable {name}{}",
                nearest(name, candidates)
            )));
        }
        set(&mut table, &path, value);
    }
    let mut unknown = None;
    let config: Config = serde_ignored::deserialize(toml::Value::Table(table), |path| {
        unknown.get_or_insert_with(|| path.to_string());
    })
    .map_err(|e| {
        ConfigError(format!(
            "the configuration cannot be used: {}",
            one_line(&e.to_string())
        ))
    })?;
    match unknown {
        Some(key) => Err(ConfigError(format!(
            "unknown configuration key {key}{}",
            nearest(&key, known.into_iter().chain(SECTIONS.map(str::to_owned)))
        ))),
        None => {
            entries::check_keys(&config)?;
            Ok(config)
        }
    }
}

fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.to_uppercase().replace('.', "__"))
}

/// Every key there is, as `section.field`: read off the defaults, so that the list cannot go stale.
fn known_keys() -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    if let Ok(toml::Value::Table(table)) = toml::Value::try_from(Config::default()) {
        for (name, value) in table {
            if let Some(section) = value.as_table() {
                keys.extend(section.keys().map(|field| format!("{name}.{field}")));
            } else {
                keys.insert(name);
            }
        }
    }
    keys
}

/// The known key that is spelled most like the wrong one; one whose section was left out counts as near, too.
fn nearest(wrong: &str, known: impl Iterator<Item = String>) -> String {
    let bare = wrong.strip_prefix(PREFIX).unwrap_or(wrong);
    let distance = |key: &str| {
        let field = key
            .rsplit_once("__")
            .or_else(|| key.rsplit_once('.'))
            .map_or(key, |(_, field)| field);
        let whole = strsim::damerau_levenshtein(wrong, key);
        whole.min(strsim::damerau_levenshtein(bare, field).saturating_add(1))
    };
    known
        .map(|key| (distance(&key), key))
        .min()
        .map(|(_, key)| format!("; did you mean {key}?"))
        .unwrap_or_default()
}

/// A value of the environment is read as TOML where it is a number, a truth value or a list, and as text otherwise.
fn set(table: &mut toml::Table, path: &str, text: &str) {
    let value = match format!("value = {text}")
        .parse::<toml::Table>()
        .ok()
        .and_then(|mut t| t.remove("value"))
    {
        Some(
            value @ (toml::Value::Integer(_)
            | toml::Value::Float(_)
            | toml::Value::Boolean(_)
            | toml::Value::Array(_)),
        ) => value,
        _ => toml::Value::String(text.to_owned()),
    };
    match path.split_once('.') {
        Some((section, field)) => {
            let section = table
                .entry(section)
                .or_insert_with(|| toml::Value::Table(toml::Table::new()));
            if let toml::Value::Table(section) = section {
                section.insert(field.to_owned(), value);
            }
        }
        None => {
            table.insert(path.to_owned(), value);
        }
    }
}

struct Provider {
    name: &'static str,
    provider: &'static str,
    kind: ChannelKind,
    credential: &'static str,
    base_url_variable: Option<&'static str>,
}

const PROVIDERS: [Provider; 3] = [
    Provider {
        name: "OpenAI",
        provider: "openai",
        kind: ChannelKind::OpenAi,
        credential: "OPENAI_API_KEY",
        base_url_variable: Some("OPENAI_BASE_URL"),
    },
    Provider {
        name: "Anthropic",
        provider: "anthropic",
        kind: ChannelKind::Anthropic,
        credential: "ANTHROPIC_API_KEY",
        base_url_variable: None,
    },
    Provider {
        name: "Gemini",
        provider: "google",
        kind: ChannelKind::Gemini,
        credential: "GEMINI_API_KEY",
        base_url_variable: None,
    },
];

fn bootstrap(environment: &Environment) -> Result<Bootstrap, ConfigError> {
    let value = |name: &str| {
        environment
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.clone())
    };
    let admin = match (
        value("REAL200_ADMIN_USERNAME"),
        value("REAL200_ADMIN_PASSWORD"),
    ) {
        (Some(username), Some(password)) => Some((username, Zeroizing::new(password))),
        (None, None) => None,
        _ => {
            return Err(ConfigError(
                "set both REAL200_ADMIN_USERNAME and REAL200_ADMIN_PASSWORD, or neither".to_owned(),
            ));
        }
    };
    let providers = PROVIDERS
        .iter()
        .filter_map(|provider| {
            let base_url = provider.base_url_variable.and_then(value);
            Some(ProviderCredential {
                name: provider.name,
                provider: provider.provider,
                kind: provider.kind,
                base_url: base_url
                    .unwrap_or_else(|| {
                        provider
                            .kind
                            .usual_base_url()
                            .unwrap_or_default()
                            .to_owned()
                    })
                    .trim_end_matches('/')
                    .to_owned(),
                credential: Zeroizing::new(value(provider.credential)?),
            })
        })
        .collect();
    Ok(Bootstrap {
        admin,
        master_key: value("REAL200_MASTER_KEY").map(Zeroizing::new),
        providers,
    })
}

impl Config {
    fn check(&self) -> Result<(), ConfigError> {
        let refuse = |key: &str, words: &str| Err(ConfigError(format!("{key} {words}")));
        if TimeZone::named(&self.ledger.time_zone).is_err() {
            return refuse(
                "ledger.time_zone",
                &format!(
                    "{:?} is no time zone; write an IANA name such as Europe/Berlin",
                    self.ledger.time_zone
                ),
            );
        }
        if self.ledger.retention_days == 0 {
            return refuse("ledger.retention_days", "must be at least 1");
        }
        if self.journal.segment_bytes < 1 << 20 {
            return refuse("journal.segment_bytes", "must be at least 1048576");
        }
        let waits = [
            self.upstream.connect_timeout_ms,
            self.upstream.first_byte_timeout_ms,
            self.upstream.idle_timeout_ms,
        ];
        if waits.contains(&0) {
            return refuse("upstream timeouts", "must be at least 1 ms");
        }
        if self.session.idle_minutes == 0 || self.session.lifetime_days == 0 {
            return refuse(
                "session.idle_minutes and session.lifetime_days",
                "must be at least 1",
            );
        }
        Ok(())
    }

    /// What the state needs of it.
    ///
    /// # Errors
    /// When the time zone does not exist.
    pub fn settings(&self, listen: SocketAddr) -> Result<Settings, ConfigError> {
        let time_zone = TimeZone::named(&self.ledger.time_zone)
            .map_err(|e| ConfigError(format!("ledger.time_zone: {e}")))?;
        Ok(Settings {
            time_zone,
            retention_days: self.ledger.retention_days,
            session_idle: Duration::from_secs(self.session.idle_minutes.saturating_mul(60)),
            session_lifetime: Duration::from_secs(
                self.session.lifetime_days.saturating_mul(24 * 3600),
            ),
            body_limit: self.server.body_limit_bytes,
            upload_limit: self.server.upload_limit_bytes,
            timeouts: Timeouts {
                connect: Duration::from_millis(self.upstream.connect_timeout_ms),
                first_byte: Duration::from_millis(self.upstream.first_byte_timeout_ms),
                idle: Duration::from_millis(self.upstream.idle_timeout_ms),
            },
            trusted_proxies: self.server.trusted_proxies.clone(),
            allow_private: self.outbound.allow_private.clone(),
            listen: listen.to_string(),
            data_dir: self.data_dir.0.clone(),
        })
    }

    /// How the store is opened.
    pub fn storage(&self) -> storage::Options {
        storage::Options::new(
            self.journal.keep_bytes,
            self.journal.segment_bytes,
            Duration::from_micros(self.journal.gather_us),
        )
    }
}

#[cfg(test)]
mod tests;
