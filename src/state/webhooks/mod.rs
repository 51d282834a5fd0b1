//! Webhooks: who is told of which events, and every change to them. An alert goes out once for each occasion, is on disk
//! before it is tried, and is tried until it is delivered or a day has passed; a receiver may get it twice after a crash,
//! under the same delivery id.
//!
//! ```text
//! path of a call -> signs -> courier: watch (what do they mean?) -> book (alert and deliveries, one journal entry)
//!                                     send  (one try)            -> book (what came of it)
//! ```

mod book;
mod courier;
mod send;
mod signs;
mod watch;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use zeroize::Zeroizing;

use book::{Book, Due, Hook};
pub use courier::Courier;
pub(super) use signs::Signs;
use watch::Watch;

use super::accounts::Accounts;
use super::audit::{self, Actor, Differences};
use super::ids::new_id;
use super::keys::Keys;
use super::write;
use crate::clock::Clock;
use crate::crypto::{self, MasterKey};
use crate::domain::{
    Alert, Code, Delivery, DeliveryAttempt, DeliveryId, DeliveryState, Error, Event, Result,
    TimeZone, Timestamp, Webhook, WebhookId, WebhookStatus,
};
use crate::outbound::{FetchError, Fetcher};
use crate::storage::{Batch, Store};

/// More would be a mistake: each is told of everything that it asks for.
const MOST: usize = 50;

/// All webhooks.
#[derive(Clone)]
pub struct Webhooks(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Clock,
    master_key: MasterKey,
    fetcher: Fetcher,
    signs: Signs,
    book: Mutex<Book>,
}

/// A webhook as lists show it.
#[derive(Clone, Debug)]
pub struct WebhookView {
    /// The record.
    pub webhook: Webhook,
    /// Whether its secret can be opened; if not, it was sealed with another master key.
    pub secret_readable: bool,
    /// How many deliveries are on their way.
    pub pending: usize,
    /// The newest delivery.
    pub last: Option<Arc<Delivery>>,
}

/// What a new webhook is made of.
#[derive(Debug)]
pub struct NewWebhook {
    /// What the operator calls it.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// The key of the signature; `None`: one is made.
    pub secret: Option<Zeroizing<String>>,
    /// What it is told of.
    pub events: Vec<Event>,
    /// Whether it is told anything.
    pub status: WebhookStatus,
}

/// What to change of a webhook; `None` leaves a field as it is.
#[derive(Debug, Default)]
pub struct WebhookChange {
    /// What the operator calls it.
    pub name: Option<String>,
    /// Where it is.
    pub url: Option<String>,
    /// The key of the signature; `Some(None)`: a new one is made.
    pub secret: Option<Option<Zeroizing<String>>>,
    /// What it is told of.
    pub events: Option<Vec<Event>>,
    /// Whether it is told anything.
    pub status: Option<WebhookStatus>,
}

/// A webhook after a change, and the secret where one was made: it is shown this once.
#[derive(Debug)]
pub struct ChangedWebhook {
    /// As lists show it.
    pub view: WebhookView,
    /// The secret that was made.
    pub secret: Option<Zeroizing<String>>,
}

/// What is sent, and signed.
#[derive(Serialize)]
struct Body<T> {
    event: &'static str,
    timestamp: String,
    data: T,
}

/// The `data` of a test.
#[derive(Serialize)]
struct TestData<'a> {
    webhook: NamedWebhook<'a>,
}

#[derive(Serialize)]
struct NamedWebhook<'a> {
    id: String,
    name: &'a str,
}

impl Webhooks {
    pub(super) fn load(
        store: Store,
        clock: Clock,
        master_key: MasterKey,
        fetcher: Fetcher,
        signs: Signs,
    ) -> Result<Self> {
        let book = Book::load(&store, &master_key)?;
        signs.heed(book.is_heeded());
        Ok(Self(Arc::new(Inner {
            store,
            clock,
            master_key,
            fetcher,
            signs,
            book: Mutex::new(book),
        })))
    }

    /// Starts to carry deliveries.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn start(
        &self,
        keys: Keys,
        accounts: Accounts,
        zone: TimeZone,
    ) -> std::io::Result<Courier> {
        Courier::start(Watch {
            webhooks: self.clone(),
            keys,
            accounts,
            zone,
        })
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn clock(&self) -> &Clock {
        &self.0.clock
    }

    fn store(&self) -> &Store {
        &self.0.store
    }

    fn fetcher(&self) -> &Fetcher {
        &self.0.fetcher
    }

    fn signs(&self) -> &Signs {
        &self.0.signs
    }

    /// All webhooks, oldest first.
    pub fn list(&self) -> Vec<WebhookView> {
        let book = self.book();
        book.hooks.values().map(|hook| view(&book, hook)).collect()
    }

    /// One of them.
    ///
    /// # Errors
    /// `not_found`.
    pub fn show(&self, id: WebhookId) -> Result<WebhookView> {
        let book = self.book();
        let hook = existing(&book, id)?;
        Ok(view(&book, &hook))
    }

    /// What was sent to a webhook or is on its way, newest first; of what has come to its end, the last hundred.
    ///
    /// # Errors
    /// `not_found`.
    pub fn deliveries(&self, id: WebhookId) -> Result<Vec<Arc<Delivery>>> {
        let book = self.book();
        existing(&book, id)?;
        Ok(book.of(id).rev().cloned().collect())
    }

    /// Makes a webhook.
    ///
    /// # Errors
    /// `invalid_field`, `conflict` when there are too many.
    pub async fn create(&self, new: NewWebhook, actor: &Actor) -> Result<ChangedWebhook> {
        self.check_url(&new.url)?;
        let made = new.secret.is_none();
        let secret = secret(new.secret)?;
        let now = self.0.clock.now();
        let id: WebhookId = new_id(now);
        let webhook = Webhook {
            id,
            name: new.name,
            url: new.url,
            secret: self.seal(id, &secret)?,
            events: new.events,
            status: new.status,
            created_at: now,
        };
        let log = audit::entry(
            &self.0.clock,
            actor,
            "webhook.create",
            (id, &webhook.name),
            Vec::new(),
        );
        let (view, ticket) = {
            let mut book = self.book();
            if book.hooks.len() >= MOST {
                return Err(Error::new(
                    Code::Conflict,
                    format!("There are {MOST} webhooks already. Delete one that is not needed."),
                ));
            }
            let batch = Batch::new().put(&webhook).put(&log);
            let ticket = self.0.store.write(batch);
            let hook = Hook::open(&self.0.master_key, webhook);
            let hook = book.put(hook, Vec::new(), ticket);
            self.0.signs.heed(book.is_heeded());
            (view(&book, &hook), ticket)
        };
        write(&self.0.store, ticket).await?;
        Ok(ChangedWebhook {
            view,
            secret: made.then_some(secret),
        })
    }

    /// Changes a webhook. What is on its way follows to the new address, signed with the new secret; where it is disabled,
    /// that is given up.
    ///
    /// # Errors
    /// `not_found`, `invalid_field`.
    pub async fn update(
        &self,
        id: WebhookId,
        change: WebhookChange,
        actor: &Actor,
    ) -> Result<ChangedWebhook> {
        if let Some(url) = &change.url {
            self.check_url(url)?;
        }
        let made = matches!(change.secret, Some(None));
        let secret = change.secret.map(secret).transpose()?;
        let (view, ticket) = {
            let mut book = self.book();
            let old = existing(&book, id)?;
            let mut new = old.record.clone();
            let mut differences = Differences::default();
            new.name = change.name.unwrap_or(new.name);
            new.url = change.url.unwrap_or(new.url);
            new.events = change.events.unwrap_or(new.events);
            new.status = change.status.unwrap_or(new.status);
            if let Some(secret) = &secret {
                new.secret = self.seal(id, secret)?;
                differences.note("secret", "(not shown)", "(changed)");
            }
            note_differences(&mut differences, &old.record, &new);
            let log = audit::entry(
                &self.0.clock,
                actor,
                "webhook.update",
                (id, &new.name),
                differences.into_changes(),
            );
            let batch = Batch::new().put(&new).put(&log);
            let (batch, given_up) = match new.status {
                WebhookStatus::Active => (batch, Vec::new()),
                WebhookStatus::Disabled => book.give_up(id, batch),
            };
            let ticket = self.0.store.write(batch);
            let hook = Hook::open(&self.0.master_key, new);
            let hook = book.put(hook, given_up, ticket);
            self.0.signs.heed(book.is_heeded());
            (view(&book, &hook), ticket)
        };
        write(&self.0.store, ticket).await?;
        Ok(ChangedWebhook {
            view,
            secret: secret.filter(|_| made),
        })
    }

    /// Deletes a webhook with all its deliveries.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn delete(&self, id: WebhookId, actor: &Actor) -> Result<()> {
        let ticket = {
            let mut book = self.book();
            let old = existing(&book, id)?;
            let log = audit::entry(
                &self.0.clock,
                actor,
                "webhook.delete",
                (id, &old.record.name),
                Vec::new(),
            );
            let batch = book.delete(id, Batch::new().put(&log));
            let ticket = self.0.store.write(batch);
            self.0.signs.heed(book.is_heeded());
            ticket
        };
        write(&self.0.store, ticket).await
    }

    /// Sends a test to a webhook, disabled or not, and waits for what comes of it. It is tried once.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn test(&self, id: WebhookId) -> Result<Delivery> {
        let hook = existing(&self.book(), id)?;
        let now = self.0.clock.now();
        let data = TestData {
            webhook: NamedWebhook {
                id: id.to_string(),
                name: &hook.record.name,
            },
        };
        let mut delivery = Delivery {
            id: new_id(now),
            webhook_id: id,
            event: Event::Test,
            body: body(Event::Test, now, data)?,
            created_at: now,
            state: DeliveryState::GivenUp,
            attempts: 1,
            last: None,
        };
        let attempt = send::send(&self.0.fetcher, &self.0.clock, &hook, &delivery).await;
        if attempt.error.is_none() {
            delivery.state = DeliveryState::Delivered;
        }
        delivery.last = Some(attempt);
        let ticket = self.book().tested(&self.0.store, delivery.clone());
        write(&self.0.store, ticket).await?;
        Ok(delivery)
    }

    /// Sends a delivery again, whatever became of it and whether or not its webhook is disabled, and waits for what comes of
    /// it. What is still on its way is tried at its time all the same, unless this try delivers it.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn resend(&self, id: WebhookId, delivery_id: DeliveryId) -> Result<Arc<Delivery>> {
        let (hook, delivery) = {
            let book = self.book();
            let found = book.of(id).find(|delivery| delivery.id == delivery_id);
            (
                existing(&book, id)?,
                found.cloned().ok_or_else(no_delivery)?,
            )
        };
        let attempt = send::send(&self.0.fetcher, &self.0.clock, &hook, &delivery).await;
        let resent = self.book().resent(&self.0.store, delivery_id, attempt);
        let (delivery, ticket) = resent.ok_or_else(no_delivery)?;
        write(&self.0.store, ticket).await?;
        Ok(delivery)
    }

    /// Names of the webhooks whose secrets were sealed with another master key.
    pub fn unreadable(&self) -> Vec<String> {
        let book = self.book();
        let lost = book.hooks.values().filter(|hook| hook.secret.is_none());
        lost.map(|hook| hook.record.name.clone()).collect()
    }

    fn check_url(&self, url: &str) -> Result<()> {
        self.0.fetcher.check(url).map_err(|error| {
            let words = match error {
                FetchError::Malformed(words) => words.to_owned(),
                FetchError::Forbidden { .. }
                | FetchError::Unresolved { .. }
                | FetchError::Broken(_)
                | FetchError::TimedOut(_) => format!("This address cannot be used: {error}."),
            };
            Error::invalid_field("url", words)
        })
    }

    fn seal(&self, id: WebhookId, secret: &str) -> Result<crate::domain::Sealed> {
        self.0
            .master_key
            .seal(secret, id.as_bytes())
            .map_err(Error::internal)
    }

    /// Tells every webhook that takes it of an event, once for each occasion.
    fn raise<T: Serialize>(&self, event: Event, alert: Alert, data: impl FnOnce() -> T) {
        if self.book().knows(&alert.subject, &alert.occasion) {
            return;
        }
        let now = self.0.clock.now();
        match body(event, now, data()) {
            Ok(body) => self.book().raise(&self.0.store, event, alert, &body, now),
            Err(error) => tracing::error!(%error, "an event could not be written as JSON"),
        }
    }

    fn rearm(&self, subject: &str) {
        self.book().rearm(&self.0.store, subject);
    }

    fn due(
        &self,
        now: Timestamp,
        under_way: &HashSet<DeliveryId>,
    ) -> (Vec<Due>, Option<Timestamp>) {
        self.book().due(now, under_way)
    }

    fn tried(&self, id: DeliveryId, attempt: DeliveryAttempt, jitter: u16) {
        let Some(delivery) = self.book().tried(&self.0.store, id, attempt, jitter) else {
            return;
        };
        if let (DeliveryState::GivenUp, Some(last)) = (delivery.state, &delivery.last) {
            tracing::warn!(
                delivery = %id, webhook = %delivery.webhook_id, event = delivery.event.as_str(),
                error = last.error.as_deref().unwrap_or_default(), "a webhook could not be told; given up"
            );
        }
    }
}

fn existing(book: &Book, id: WebhookId) -> Result<Arc<Hook>> {
    book.hooks.get(&id).cloned().ok_or_else(|| {
        Error::new(
            Code::NotFound,
            "No webhook has this id. GET /api/webhooks lists them.",
        )
    })
}

fn no_delivery() -> Error {
    Error::new(
        Code::NotFound,
        "This webhook has no delivery with this id: of those that came to their end, the last hundred are kept.",
    )
}

fn view(book: &Book, hook: &Hook) -> WebhookView {
    let id = hook.record.id;
    let pending = book
        .of(id)
        .filter(|delivery| delivery.state.next_try().is_some());
    WebhookView {
        webhook: hook.record.clone(),
        secret_readable: hook.secret.is_some(),
        pending: pending.count(),
        last: book.of(id).next_back().cloned(),
    }
}

fn body<T: Serialize>(event: Event, at: Timestamp, data: T) -> Result<String> {
    serde_json::to_string(&Body {
        event: event.as_str(),
        timestamp: at.to_string(),
        data,
    })
    .map_err(Error::internal)
}

/// The secret that was given, or a new one.
fn secret(given: Option<Zeroizing<String>>) -> Result<Zeroizing<String>> {
    match given {
        Some(text)
            if (16..=200).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) =>
        {
            Ok(text)
        }
        Some(_) => Err(Error::invalid_field(
            "secret",
            "A secret has 16 to 200 characters: letters, digits and signs of ASCII, no spaces. Leave it out to have one made.",
        )),
        None => {
            let token = crypto::new_token::<32>().map_err(Error::internal)?;
            Ok(Zeroizing::new(format!("whsec_{}", token.as_str())))
        }
    }
}

fn note_differences(differences: &mut Differences, old: &Webhook, new: &Webhook) {
    let events = |webhook: &Webhook| {
        let words: Vec<_> = webhook.events.iter().map(|event| event.as_str()).collect();
        words.join(", ")
    };
    differences.note("name", &old.name, &new.name);
    if old.url != new.url {
        // Receivers put tokens into their addresses.
        differences.note("url", "(not shown)", "(changed)");
    }
    differences.note("events", events(old), events(new));
    differences.note("status", old.status.as_str(), new.status.as_str());
}
