//! The command line: one enum of commands, one match.

use std::io::{BufRead, IsTerminal, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};
use tracing_subscriber::EnvFilter;
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::config::{self, Config, ConfigError, LogConfig, LogFormat, Overrides};
use crate::domain::{AccountStatus, Quota, RateLimit, Role};
use crate::progress::Reporter;
use crate::state::{AccountChange, Actor, NewAccount, Page, State};
use crate::storage::{self, Severity, Store};
use crate::{connections, rekey, server};

/// Bad usage or configuration (`EX_USAGE` of sysexits.h).
const EXIT_USAGE: u8 = 64;

/// A self-hosted LLM gateway: API keys with quotas that hold, every call in a durable ledger, a web console inside.
#[derive(Parser, Debug)]
#[command(name = "real200", version)]
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Args, Debug)]
struct Options {
    /// Configuration file [default: config/real200.toml, if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address and port to listen on [default: 127.0.0.1:3000]
    #[arg(long, global = true, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Where everything is kept [default: ./data]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Start the gateway (what happens without a command, too)
    Serve,
    /// Work on the accounts of a stopped gateway
    #[command(subcommand)]
    User(UserCommand),
    /// Change the master key: everything sealed with it is sealed anew; the gateway must be stopped
    Rekey {
        /// Take the new key from this file: 64 hexadecimal characters [default: make one]
        #[arg(long, value_name = "FILE")]
        new_key_file: Option<PathBuf>,
    },
    /// Check the configuration, the database, and that totals equal the call log; the gateway must be stopped
    Doctor,
}

#[derive(Subcommand, Debug)]
enum UserCommand {
    /// Make an account; asks for the password, or reads it from standard input
    Add {
        /// The name to log in with
        username: String,
        /// What it may do
        #[arg(long, value_enum, default_value = "member")]
        role: RoleArgument,
    },
    /// Set an account's password; asks for it, or reads it from standard input. Also enables a disabled account
    SetPassword {
        /// The name to log in with
        username: String,
    },
    /// List the accounts
    List,
}

#[derive(Clone, Copy, ValueEnum, Debug)]
enum RoleArgument {
    Admin,
    Member,
}

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::from(EXIT_USAGE)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "real200: {error:#}");
            if error.is::<ConfigError>() {
                ExitCode::from(EXIT_USAGE)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let overrides = Overrides {
        file: cli.options.config,
        listen: cli.options.listen,
        data_dir: cli.options.data_dir,
    };
    let (config, bootstrap) = config::load(&overrides)?;
    start_log(&config.log)?;
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => {
            // First: whatever is opened without enough descriptors fails in words that say nothing of them.
            connections::raise_descriptors(config.server.worker_threads())?;
            let clock = Clock::system();
            let listener = server::bind(&config)?;
            actix_web::rt::System::new().block_on(async {
                let stop = stop_signal().context("cannot listen for signals")?;
                server::run(config, bootstrap, listener, clock, stop).await
            })?;
            Ok(ExitCode::SUCCESS)
        }
        Command::User(command) => {
            let clock = Clock::system();
            let master_key = bootstrap.master_key.as_ref().map(|key| key.as_str());
            let (store, state) = server::open(&config, master_key, config.server.listen, &clock)?;
            let done = actix_web::rt::System::new().block_on(user(command, &state));
            close(store)?;
            done.map(|()| ExitCode::SUCCESS)
        }
        Command::Rekey { new_key_file } => {
            let variable = bootstrap.master_key.as_ref().map(|key| key.as_str());
            change_key(&config, variable, new_key_file.as_deref())
        }
        Command::Doctor => doctor(&config),
    }
}

/// Whose lines are left out.
const QUIET: &str = "actix_server=warn,actix_http::h1::dispatcher=off,sled=off";

fn start_log(log: &LogConfig) -> anyhow::Result<()> {
    // The HTTP server tells of its threads what the gateway tells of itself, and of streams broken off what the call log
    // says; sled of faults that the store tells in words. The level in the configuration goes before.
    let filter = EnvFilter::try_new(format!("{QUIET},{}", log.level)).map_err(|_| {
        ConfigError::new(format!(
            "log.level {:?} cannot be read; write one such as info",
            log.level
        ))
    })?;
    // A line that cannot be written, as on a full disk, is lost; telling that on the same standard error would panic in
    // whatever thread it happens, and hold up what must still be done.
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    match log.format {
        LogFormat::Text => lines
            .with_target(false)
            .with_ansi(std::io::stderr().is_terminal())
            .init(),
        LogFormat::Json => lines.json().init(),
    }
    Ok(())
}

/// Resolves, each time it is called, at the next Ctrl-C or SIGTERM.
fn stop_signal() -> std::io::Result<impl AsyncFnMut()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move || {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

fn close(store: Store) -> anyhow::Result<()> {
    store.close().map_err(|failed| anyhow!("{failed}"))
}

async fn user(command: UserCommand, state: &State) -> anyhow::Result<()> {
    let actor = Actor::command_line();
    match command {
        UserCommand::Add { username, role } => {
            let role = match role {
                RoleArgument::Admin => Role::Admin,
                RoleArgument::Member => Role::Member,
            };
            let new = NewAccount {
                username,
                password: read_password()?,
                role,
                quota: Quota::default(),
                rate_limit: RateLimit::default(),
                balance_low_usd: None,
            };
            let view = state
                .accounts
                .create(new, &actor)
                .await
                .map_err(|e| anyhow!(e.for_operator()))?;
            say(&format!(
                "made the {} account {}",
                role.as_str(),
                view.account.username
            ))
        }
        UserCommand::SetPassword { username } => {
            let Some(account) = state.accounts.find_by_name(&username) else {
                bail!(
                    "there is no account named {username}; real200 user list shows which there are"
                );
            };
            let change = AccountChange {
                password: Some(read_password()?),
                status: Some(AccountStatus::Active),
                ..AccountChange::default()
            };
            state
                .accounts
                .update(account.id, change, &actor)
                .await
                .map_err(|e| anyhow!(e.for_operator()))?;
            state
                .sessions
                .end_all_of(account.id)
                .await
                .map_err(|e| anyhow!(e.for_operator()))?;
            say(&format!(
                "set the password of {}; its log-ins have ended",
                account.username
            ))
        }
        UserCommand::List => {
            let (accounts, _) = state
                .accounts
                .list(
                    "",
                    Page {
                        number: 1,
                        size: usize::MAX,
                    },
                )
                .map_err(|e| anyhow!(e.for_operator()))?;
            for view in accounts {
                let account = &view.account;
                say(&format!(
                    "{:<32} {:<8} {:<9} {} keys",
                    account.username.as_str(),
                    account.role.as_str(),
                    account.status.as_str(),
                    view.key_count
                ))?;
            }
            Ok(())
        }
    }
}

/// Asks twice at a terminal; otherwise reads one line.
fn read_password() -> anyhow::Result<Zeroizing<String>> {
    if !std::io::stdin().is_terminal() {
        let mut line = Zeroizing::new(String::new());
        std::io::stdin()
            .lock()
            .read_line(&mut line)
            .context("cannot read the password from standard input")?;
        return Ok(Zeroizing::new(
            line.trim_end_matches(['\r', '\n']).to_owned(),
        ));
    }
    let first = Zeroizing::new(
        rpassword::prompt_password("Password: ").context("cannot read the password")?,
    );
    let second =
        Zeroizing::new(rpassword::prompt_password("Again: ").context("cannot read the password")?);
    if first != second {
        bail!("the two passwords differ; nothing was changed");
    }
    Ok(first)
}

/// Changes the master key and says what to do next.
fn change_key(
    config: &Config,
    variable: Option<&str>,
    new_key_file: Option<&Path>,
) -> anyhow::Result<ExitCode> {
    let (dir, clock) = (&config.data_dir.0, Clock::system());
    existing(dir)?;
    let store = server::open_store(config, &clock)?;
    let done = rekey::rekey(dir, variable, new_key_file, &store, &clock);
    close(store)?;
    let done = done?;
    let secrets = match done.resealed.secrets {
        1 => "1 secret".to_owned(),
        many => format!("{many} secrets"),
    };
    say(&format!(
        "sealed {secrets} anew; the fingerprint of the master key is now {}…",
        done.fingerprint
    ))?;
    if !done.resealed.unreadable.is_empty() {
        say(&format!(
            "ATTENTION: the old key did not open the secrets of {}; they stay as they were",
            done.resealed.unreadable.join(", ")
        ))?;
    }
    match done.to_set {
        Some(file) => say(&format!(
            "set REAL200_MASTER_KEY to the key in {}; the next start with it removes that file",
            file.display()
        ))?,
        None => say("keep a copy of master.key elsewhere; backups from before need the old one")?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Only a mistyped directory is not there.
fn existing(dir: &Path) -> anyhow::Result<()> {
    if !dir.is_dir() {
        bail!(
            "there is no data directory at {}; name it with --data-dir, or start the gateway once",
            dir.display()
        );
    }
    Ok(())
}

/// Says what it found; exit code 1 when something is wrong.
fn doctor(config: &Config) -> anyhow::Result<ExitCode> {
    let dir = &config.data_dir.0;
    config.configured()?;
    say("configuration: good")?;
    existing(dir)?;
    let reporter = Reporter::new(Clock::system());
    let examination = storage::examine(dir, &config.storage(), &mut |progress| {
        reporter.report(progress)
    });
    drop(reporter);
    for fact in &examination.facts {
        say(fact)?;
    }
    for finding in &examination.findings {
        let mark = match finding.severity {
            Severity::Notice => "notice",
            Severity::Error => "ERROR",
        };
        say(&format!("{mark}: {}", finding.text))?;
    }
    let broken = examination
        .findings
        .iter()
        .any(|finding| finding.severity == Severity::Error);
    say(if broken {
        "something is wrong: see above"
    } else {
        "all is well"
    })?;
    Ok(if broken {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn say(line: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{line}").context("cannot write to standard output")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
