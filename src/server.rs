//! Puts the house together and takes it down: open, wire, serve until told to stop, drain, close.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};
use actix_web::middleware::{DefaultHeaders, NormalizePath, TrailingSlash, from_fn};
use actix_web::{App, HttpServer, web};
use anyhow::{Context, anyhow, bail};
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::config::{Bootstrap, Config, Configured};
use crate::domain::Result;
use crate::progress::Reporter;
use crate::state::State;
use crate::storage::Store;
use crate::{banner, console, first_start, gateway, rekey, upgrade};

/// Settling what a drain cut off may take this long: tokens of broken streams are still being counted.
const SETTLE_DEADLINE: Duration = Duration::from_secs(10);
const TIDY_EVERY: Duration = Duration::from_secs(60);
/// A client that has not sent a request's head by then is cut off.
const HEAD_DEADLINE: Duration = Duration::from_secs(15);
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// Opens a data directory as the gateway does: lock, database, journal, master key, state.
///
/// # Errors
/// One sentence that names the path and says what to change.
pub fn open(
    config: &Config,
    master_key: Option<&str>,
    listen: std::net::SocketAddr,
    clock: &Clock,
) -> anyhow::Result<(Store, State)> {
    let store = open_store(config, clock)?;
    let master_key = rekey::master_key(&config.data_dir.0, master_key, &store)?;
    let state = State::open(
        config.settings(listen)?,
        store.clone(),
        master_key,
        clock.clone(),
    )
    .map_err(|e| anyhow!(e.for_operator()))?;
    Ok((store, state))
}

/// Opens a data directory's store: lock, database, journal.
///
/// # Errors
/// One sentence that names the path and says what to change.
pub fn open_store(config: &Config, clock: &Clock) -> anyhow::Result<Store> {
    let reporter = Reporter::new(clock.clone());
    let mut report = |progress| reporter.report(progress);
    Ok(Store::open(
        &config.data_dir.0,
        config.storage(),
        &mut report,
    )?)
}

/// Serves on `listener` until `stop` resolves, then drains and closes. When `stop` resolves once more, it does not wait
/// for the rest of the drain.
///
/// # Errors
/// When the data directory cannot be opened, or the journal fails while serving.
pub async fn run(
    config: Config,
    bootstrap: Bootstrap,
    listener: TcpListener,
    clock: Clock,
    mut stop: impl AsyncFnMut(),
) -> anyhow::Result<()> {
    let configured = config.configured()?;
    let listen = listener
        .local_addr()
        .context("cannot tell the address to listen on")?;
    let (store, state) = open(
        &config,
        bootstrap.master_key.as_ref().map(|key| key.as_str()),
        listen,
        &clock,
    )?;
    configure(&state, configured)
        .await
        .map_err(|e| anyhow!(e.for_operator()))?;
    first_start::prepare(&state, bootstrap)
        .await
        .map_err(|e| anyhow!(e.for_operator()))?;
    banner::print(&state, listen)?;

    limit_writes(&listener, config.server.write_timeout_seconds)?;
    let state = web::Data::new(state);
    let probe = web::Data::new(gateway::probe(state.clone().into_inner()));
    let discovery = web::Data::new(gateway::discovery(state.clone().into_inner()));
    let workers = match config.server.workers {
        0 => std::thread::available_parallelism().map_or(2, usize::from),
        workers => workers,
    };
    let app_state = state.clone();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(app_state.clone())
            .app_data(probe.clone())
            .app_data(discovery.clone())
            .configure(console::routes)
            .configure(gateway::routes)
            .wrap(unless_said_otherwise())
            .wrap(from_fn(upgrade::ignore_offers))
            // Base URLs are pasted with a slash at the end as often as without.
            .wrap(NormalizePath::new(TrailingSlash::Trim))
    })
    .workers(workers)
    .backlog(4096)
    .keep_alive(KEEP_ALIVE)
    .client_request_timeout(HEAD_DEADLINE)
    .h1_allow_half_closed(false)
    .shutdown_timeout(config.server.drain_seconds)
    .disable_signals()
    .listen(listener)
    .context("cannot listen")?
    .run();

    let journal_failed = Arc::new(Notify::new());
    let signal = Arc::clone(&journal_failed);
    store.on_failure(move |_| signal.notify_one());

    let courier = state.start_courier().context("cannot start a thread")?;

    let handle = server.handle();
    let mut serving = std::pin::pin!(server);
    let tidying = tidy(state.clone());
    let graceful = tokio::select! {
        ended = &mut serving => { ended.context("the HTTP server ended")?; bail!("the HTTP server ended by itself"); }
        () = tidying => true,
        () = stop() => { tracing::info!(open_calls = state.ledger.open_calls(), "stopping: calls in flight may go on for {} s", config.server.drain_seconds); true }
        () = journal_failed.notified() => false,
    };
    state.stop();
    // The server future has to run on while the handle asks it to stop.
    let drained = async { tokio::join!(handle.stop(graceful), &mut serving).1 };
    tokio::select! {
        ended = drained => {
            ended.context("the HTTP server did not stop cleanly")?;
            settle_rest(&state).await;
        }
        () = stop() => tracing::warn!(
            open_calls = state.ledger.open_calls(),
            "told to stop again: calls in flight are cut off; the next start settles them at their reservation"
        ),
    }
    drop(state);
    let closed = tokio::task::spawn_blocking(move || {
        drop(courier);
        store.close()
    })
    .await
    .context("closing the store")?;
    closed.map_err(|failed| anyhow!("{failed}"))?;
    tracing::info!("stopped: everything is on disk");
    Ok(())
}

/// What keeps an answer from being taken for a page or a script of the console's origin, as one with a provider's words in it
/// could be. The console's own files say otherwise.
fn unless_said_otherwise() -> DefaultHeaders {
    DefaultHeaders::new()
        .add((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .add((
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; sandbox; frame-ancestors 'none'",
        ))
}

/// Lets the system close a connection whose other side takes nothing for so long: nothing of ours is asked for more while a
/// write waits, and a stream would hold its reservation for ever. A connection has this from its listener.
fn limit_writes(listener: &TcpListener, seconds: u64) -> anyhow::Result<()> {
    #[cfg(target_os = "linux")]
    socket2::SockRef::from(listener)
        .set_tcp_user_timeout(Some(Duration::from_secs(seconds)))
        .context("cannot limit the time for a write")?;
    #[cfg(not(target_os = "linux"))]
    let _ = (listener, seconds);
    Ok(())
}

/// Makes channels and models what the configuration says.
async fn configure(state: &State, configured: Configured) -> Result<()> {
    let file = &configured.file;
    state.channels.configure(file, configured.channels).await?;
    state.models.configure(file, configured.models).await
}

/// Does once a minute what is due; never ends.
async fn tidy(state: web::Data<State>) {
    loop {
        if let Err(error) = state.tidy().await {
            tracing::error!(%error, "tidying up failed");
        }
        tokio::time::sleep(TIDY_EVERY).await;
    }
}

/// Waits for calls whose tokens are still being counted.
async fn settle_rest(state: &State) {
    let settled = async {
        while state.ledger.open_calls() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    if tokio::time::timeout(SETTLE_DEADLINE, settled)
        .await
        .is_err()
    {
        tracing::error!(
            open_calls = state.ledger.open_calls(),
            "some calls could not be settled in time; the next start settles them at their reservation"
        );
    }
}

/// Binds the address to listen on.
///
/// # Errors
/// One sentence that says what to change.
pub fn bind(config: &Config) -> anyhow::Result<TcpListener> {
    let address = config.server.listen;
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "whatever else the system says is passed on in its words"
    )]
    let listener = TcpListener::bind(address).map_err(|e| match e.kind() {
        std::io::ErrorKind::AddrInUse => {
            anyhow!(
                "port {} of {} is in use: stop the other program, or choose another with --listen",
                address.port(),
                address.ip()
            )
        }
        std::io::ErrorKind::PermissionDenied => {
            anyhow!("no permission to listen on {address}: choose a port above 1023 with --listen")
        }
        _ => anyhow!("cannot listen on {address}: {e}; choose another address with --listen"),
    })?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}
