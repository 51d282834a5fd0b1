//! What the gateway knows while it runs: keys in memory, limits, quotas, channels, the ledger. Handlers get one [`State`] and
//! nothing else; it knows nothing of HTTP.
//!
//! A change works in memory at once and is queued in the journal in the same moment; whoever asked for it waits until it is
//! on disk. Reads take no lock, or a short one; no lock is held across an await.

mod accounts;
mod ask;
mod audit;
mod booked;
mod caller;
pub mod catalogue;
mod channels;
mod correct;
mod discovery;
mod hidden;
mod ids;
mod keys;
mod ledger;
mod limits;
mod models;
mod passwords;
mod policies;
mod probe;
mod quota;
mod refusal;
mod reseal;
mod routing;
mod search;
mod sessions;
mod sync;
mod telemetry;
mod throttle;
mod webhooks;

use std::path::PathBuf;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use ipnet::IpNet;
use tokio::sync::watch;

pub use accounts::{AccountChange, AccountView, Accounts, NewAccount};
pub use ask::{ASSUMED_MAX_OUTPUT, Ask};
pub use audit::{Actor, Audit};
pub use caller::{Balance, Caller};
pub use channels::{
    Access, AccessToken, AllOut, BarredView, CallingChange, CallingView, Candidate, ChannelChange,
    ChannelView, Channels, CredentialState, CredentialView, Denied, Fallback, GivenCredential,
    HealthView, NewChannel, PartView, Route, ServedModel, Turn, Upstream,
};
pub use discovery::{Discovery, Listed};
pub use keys::{KeyChange, KeyFilter, KeyFilterStatus, KeyView, Keys, NewKey, Rotation};
pub use ledger::{Draft, Ledger, OpenCall};
pub use limits::{Permit, RateLimitHeaders, RateStanding};
pub use models::{ModelView, Models, OwnPrice};
pub use passwords::{check_password, hash_password};
pub use policies::{Policies, PolicyChange};
pub use probe::{Probe, ProbeReport};
pub use quota::{Reservation, Standing};
pub use reseal::{Resealed, reseal, sealed_with};
pub use routing::{ModelRoutingChange, Routing, RoutingChange};
pub use sessions::{LoggedIn, SessionToken, Sessions};
pub use telemetry::Telemetry;
pub use webhooks::{ChangedWebhook, Courier, NewWebhook, WebhookChange, WebhookView, Webhooks};

pub use crate::storage::{CallFilter, CallPage, Cursor};

use crate::clock::Clock;
use crate::crypto::MasterKey;
use crate::domain::{CallId, Consumption, Day, Error, Result, TimeZone};
use crate::outbound::Fetcher;
use crate::storage::{Store, Ticket};
use hidden::HiddenPrompts;
use limits::Take;

/// What is set from outside and does not change while the gateway runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where daily and monthly windows roll over.
    pub time_zone: TimeZone,
    /// How many days the call log is kept.
    pub retention_days: u32,
    /// A console session ends after this long without a request.
    pub session_idle: Duration,
    /// A console session ends after this long whatever happens.
    pub session_lifetime: Duration,
    /// The largest request body, in bytes.
    pub body_limit: usize,
    /// The largest upload, in bytes.
    pub upload_limit: u64,
    /// How long to wait for a provider.
    pub timeouts: Timeouts,
    /// Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// What webhooks may reach beside the public internet.
    pub allow_private: Vec<IpNet>,
    /// Where the gateway listens, for the settings page.
    pub listen: String,
    /// Where its data is, for the settings page.
    pub data_dir: PathBuf,
}

/// How long to wait for a provider.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For a connection.
    pub connect: Duration,
    /// From the request to the head of the answer.
    pub first_byte: Duration,
    /// Between two pieces of the answer.
    pub idle: Duration,
}

/// A page of a list.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Counted from 1.
    pub number: usize,
    /// Lines on a page.
    pub size: usize,
}

impl Page {
    /// The items on this page, and how many there are in all.
    fn of<T>(self, items: impl Iterator<Item = T>) -> (Vec<T>, usize) {
        let first = self.number.saturating_sub(1).saturating_mul(self.size);
        let mut total = 0;
        let mut on_page = Vec::new();
        for item in items {
            if total >= first && on_page.len() < self.size {
                on_page.push(item);
            }
            total += 1;
        }
        (on_page, total)
    }
}

/// The one thing that handlers get.
pub struct State {
    /// Tells the time.
    pub clock: Clock,
    /// What is set from outside.
    pub settings: Settings,
    /// The people who log in.
    pub accounts: Accounts,
    /// Their console log-ins.
    pub sessions: Sessions,
    /// What holds for new keys.
    pub policies: Policies,
    /// How calls find their channels.
    pub routing: Routing,
    /// The API keys.
    pub keys: Keys,
    /// The connections to providers.
    pub channels: Channels,
    /// Prices and limits of models.
    pub models: Models,
    /// The durable account of all calls.
    pub ledger: Ledger,
    /// Who changed what.
    pub audit: Audit,
    /// Fetches what a client or an operator names: guarded.
    pub fetcher: Fetcher,
    /// Who is told of which events.
    pub webhooks: Webhooks,
    telemetry: Telemetry,
    /// Made anew at each start.
    instance: String,
    hidden: HiddenPrompts,
    store: Store,
    latest_day: AtomicI32,
    stopping: watch::Sender<bool>,
}

impl State {
    /// Builds the state from what the store holds. Calls that a crash left open are settled first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn open(
        settings: Settings,
        store: Store,
        master_key: MasterKey,
        clock: Clock,
    ) -> Result<Self> {
        let telemetry = Telemetry::default();
        let hidden = HiddenPrompts::load(store.clone())?;
        let signs = webhooks::Signs::default();
        let ledger = Ledger::load(
            store.clone(),
            clock.clone(),
            settings.time_zone.clone(),
            telemetry.clone(),
            hidden.clone(),
            signs.clone(),
        )?;
        let today = settings.time_zone.day(clock.now());
        let booked = booked::Booked::load(&store, today)?;
        let passwords = passwords::Passwords::new()?;
        let accounts = Accounts::load(
            store.clone(),
            clock.clone(),
            passwords,
            signs.clone(),
            |id| booked.budget(id.into()),
        )?;
        let sessions = Sessions::load(
            store.clone(),
            clock.clone(),
            accounts.clone(),
            settings.session_idle,
            settings.session_lifetime,
        )?;
        let policies = Policies::load(store.clone(), clock.clone())?;
        let routing = Routing::load(store.clone(), clock.clone())?;
        let keys = Keys::load(
            store.clone(),
            clock.clone(),
            accounts.clone(),
            policies.clone(),
            |id| booked.budget(id),
        )?;
        let channels = Channels::load(
            store.clone(),
            clock.clone(),
            master_key.clone(),
            signs.clone(),
        )?;
        let fetcher = Fetcher::new(settings.allow_private.clone());
        let webhooks = Webhooks::load(
            store.clone(),
            clock.clone(),
            master_key,
            fetcher.clone(),
            signs,
        )?;
        let models = Models::load(
            store.clone(),
            clock.clone(),
            channels.clone(),
            hidden.clone(),
        )?;
        let audit = Audit::new(store.clone());
        let latest_day = AtomicI32::new(today.0);
        let instance = ids::new_id::<CallId>(clock.now()).to_string();
        Ok(Self {
            clock,
            settings,
            accounts,
            sessions,
            policies,
            routing,
            keys,
            channels,
            models,
            ledger,
            audit,
            fetcher,
            webhooks,
            telemetry,
            instance,
            hidden,
            store,
            latest_day,
            stopping: watch::Sender::new(false),
        })
    }

    /// The day that calls count on now, in the configured time zone. It never goes back while the gateway runs: a clock that
    /// is set back opens no second budget for the same day.
    pub fn today(&self) -> Day {
        let today = self.settings.time_zone.day(self.clock.now());
        // Written once a day only: all cores read it.
        if self.latest_day.load(Ordering::Acquire) < today.0 {
            self.latest_day.fetch_max(today.0, Ordering::AcqRel);
        }
        Day(self.latest_day.load(Ordering::Acquire))
    }

    /// Takes a request, and its estimated tokens, from the rate limits of account and key.
    ///
    /// # Errors
    /// `rate_limit_exceeded`.
    pub fn admit(&self, caller: &Caller, tokens: u64) -> Result<Permit> {
        caller.admit(Take::call(tokens), self.clock.tick())
    }

    /// Takes the place of a session among the concurrent calls of account and key.
    ///
    /// # Errors
    /// `rate_limit_exceeded`.
    pub fn admit_session(&self, caller: &Caller) -> Result<Permit> {
        caller.admit(Take::SESSION, self.clock.tick())
    }

    /// Takes a request, and its estimated tokens, for a response of a session that has its place.
    ///
    /// # Errors
    /// `rate_limit_exceeded`.
    pub fn admit_response(&self, caller: &Caller, tokens: u64) -> Result<Permit> {
        caller.admit(Take::response(tokens), self.clock.tick())
    }

    /// Tells those whose work has no end of its own that the gateway stops.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Resolves when the gateway is told to stop.
    pub fn stopped(&self) -> impl Future<Output = ()> + use<> {
        let mut stopping = self.stopping.subscribe();
        async move {
            // Without a sender there is no gateway any more.
            let _ = stopping.wait_for(|stopping| *stopping).await;
        }
    }

    /// Which gateway this is, to itself and to others: `x-real200-hops`.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// What is counted for `/metrics`.
    pub fn telemetry(&self) -> Telemetry {
        self.telemetry.clone()
    }

    /// How the rate limits of account and key stand now, the tighter of each kind.
    pub fn rate_limits(&self, caller: &Caller) -> RateLimitHeaders {
        caller.rate_limits(self.clock.tick())
    }

    /// Whether the least that this call may be bounded to fits now. Nothing is set aside.
    pub fn could_fit(&self, caller: &Caller, ask: &Ask, day: Day) -> bool {
        caller.could_fit(ask, day)
    }

    /// Sets a call's upper bound aside on key and account in one step, on the day it counts on.
    ///
    /// # Errors
    /// `insufficient_quota`, `model_not_priced`.
    pub fn reserve(&self, caller: &Caller, ask: &Ask, day: Day) -> Result<Reservation> {
        caller.reserve(ask, day, &self.settings.time_zone)
    }

    /// Starts to tell webhooks of what happens, until the courier is dropped.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start_courier(&self) -> std::io::Result<Courier> {
        let zone = self.settings.time_zone.clone();
        self.webhooks
            .start(self.keys.clone(), self.accounts.clone(), zone)
    }

    /// How many tokens providers add to prompts of this model, as far as it has shown.
    pub fn hidden_tokens(&self, model: &str) -> u64 {
        self.hidden.of(model)
    }

    /// What is set aside for all calls in flight, on the budgets of all keys and on those of all accounts. Both are the same
    /// unless something was lost; both are nothing when nothing is in flight.
    pub fn reserved(&self) -> (Consumption, Consumption) {
        (self.keys.reserved(), self.accounts.reserved())
    }

    /// How key and account stand today.
    pub fn balance(&self, caller: &Caller) -> Balance {
        caller.balance(self.today())
    }

    /// All counters as Prometheus text.
    pub fn metrics(&self) -> String {
        self.telemetry.render(
            self.ledger.open_calls(),
            self.reserved(),
            &self.store.stats(),
        )
    }

    /// Why calls can no longer be taken, if the journal has failed.
    pub fn failure(&self) -> Option<String> {
        self.store.failed().map(|failed| failed.to_string())
    }

    /// What is due once in a while: forgets sessions that are over and what rate limits no longer need, drops the call log of
    /// days beyond retention.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn tidy(&self) -> Result<()> {
        self.sessions.forget_expired().await?;
        self.keys.shrink_limits();
        let keep = i32::try_from(self.settings.retention_days).unwrap_or(i32::MAX);
        let oldest = Day(self.today().0.saturating_sub(keep));
        let store = self.store.clone();
        let dropped = tokio::task::spawn_blocking(move || store.drop_calls_before(oldest))
            .await
            .map_err(Error::internal)?;
        match dropped.map_err(Error::internal)? {
            0 => {}
            calls => {
                self.ledger.forget_corrections(oldest).await?;
                tracing::info!(calls, before = %oldest, "dropped the call log of days beyond retention")
            }
        }
        Ok(())
    }
}

/// Waits until a change is on disk.
fn write(store: &Store, ticket: Ticket) -> impl Future<Output = Result<()>> + use<> {
    let durable = store.durable(ticket);
    async move { durable.await.map_err(Error::internal) }
}

#[cfg(test)]
mod tests;
