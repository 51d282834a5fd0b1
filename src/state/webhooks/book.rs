//! What is known of webhooks in memory: who they are, what is on its way to them, what they have been told already. Every
//! change is queued in the journal under the same lock, so that both agree.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::crypto::MasterKey;
use crate::domain::{
    Alert, Delivery, DeliveryAttempt, DeliveryId, DeliveryState, Error, Event, Result, Timestamp,
    Webhook, WebhookId,
};
use crate::state::ids::new_id;
use crate::storage::{Batch, Store, Ticket};

/// Of what has come to its end, the newest so many are kept of each webhook.
const KEPT: usize = 100;
/// So many may be on their way to one webhook; a receiver that is down for a day must not fill the memory.
const MOST_WAITING: usize = 10_000;
/// So many tries may be under way at one webhook, so that a slow one is not flooded.
const AT_ONCE: usize = 4;

/// A webhook ready to be called.
#[derive(Debug)]
pub(super) struct Hook {
    pub(super) record: Webhook,
    /// `None`: it was sealed with another master key.
    pub(super) secret: Option<Zeroizing<String>>,
}

impl Hook {
    pub(super) fn open(master_key: &MasterKey, record: Webhook) -> Self {
        let secret = master_key.open(&record.secret, record.id.as_bytes());
        Self { record, secret }
    }
}

/// A delivery, and what must be on disk before it is tried: a crash in between must not send it twice under two ids.
struct Waiting {
    delivery: Arc<Delivery>,
    ticket: Ticket,
}

/// A try that is due.
pub(super) struct Due {
    pub(super) hook: Arc<Hook>,
    pub(super) delivery: Arc<Delivery>,
    pub(super) ticket: Ticket,
}

/// Everything about webhooks that changes.
pub(super) struct Book {
    pub(super) hooks: BTreeMap<WebhookId, Arc<Hook>>,
    deliveries: BTreeMap<DeliveryId, Waiting>,
    /// Subject to occasion.
    alerts: HashMap<String, String>,
}

impl Book {
    pub(super) fn load(store: &Store, master_key: &MasterKey) -> Result<Self> {
        let hooks = store.load::<Webhook>().map_err(Error::internal)?;
        let deliveries = store.load::<Delivery>().map_err(Error::internal)?;
        let alerts = store.load::<Alert>().map_err(Error::internal)?;
        // What was loaded is on disk: an empty batch's ticket is one that has passed.
        let ticket = store.write(Batch::new());
        Ok(Self {
            hooks: hooks
                .into_iter()
                .map(|record| (record.id, Arc::new(Hook::open(master_key, record))))
                .collect(),
            deliveries: deliveries
                .into_iter()
                .map(|delivery| {
                    let delivery = Arc::new(delivery);
                    (delivery.id, Waiting { delivery, ticket })
                })
                .collect(),
            alerts: alerts
                .into_iter()
                .map(|alert| (alert.subject, alert.occasion))
                .collect(),
        })
    }

    /// Whether any webhook listens.
    pub(super) fn is_heeded(&self) -> bool {
        self.hooks.values().any(|hook| {
            let takes = |event: &Event| hook.record.takes(*event);
            Event::NOTICED.iter().any(takes)
        })
    }

    /// Whether this has been told.
    pub(super) fn knows(&self, subject: &str, occasion: &str) -> bool {
        self.alerts
            .get(subject)
            .is_some_and(|known| known == occasion)
    }

    /// Queues an event for every webhook that takes it, once for each occasion. Where none does, it is not taken as told.
    pub(super) fn raise(
        &mut self,
        store: &Store,
        event: Event,
        alert: Alert,
        body: &str,
        now: Timestamp,
    ) {
        if self.knows(&alert.subject, &alert.occasion) {
            return;
        }
        let hooks = self.hooks.values().filter(|hook| hook.record.takes(event));
        let mut deliveries: Vec<Delivery> = hooks
            .map(|hook| Delivery {
                id: new_id(now),
                webhook_id: hook.record.id,
                event,
                body: body.to_owned(),
                created_at: now,
                state: DeliveryState::Pending { next_try: now },
                attempts: 0,
                last: None,
            })
            .collect();
        if deliveries.is_empty() {
            return;
        }
        let mut batch = Batch::new().put(&alert);
        for delivery in &mut deliveries {
            if self.waiting(delivery.webhook_id) >= MOST_WAITING {
                delivery.state = DeliveryState::GivenUp;
                delivery.last = Some(DeliveryAttempt {
                    at: now,
                    http_status: None,
                    error: Some(format!("{MOST_WAITING} others are on their way already")),
                    latency_ms: 0,
                });
            }
            batch = batch.put(delivery);
        }
        let ticket = store.write(batch);
        self.alerts.insert(alert.subject, alert.occasion);
        for delivery in deliveries {
            self.keep(delivery, ticket);
        }
    }

    /// What was told holds no more: the next time is a new occasion.
    pub(super) fn rearm(&mut self, store: &Store, subject: &str) {
        if self.alerts.remove(subject).is_some() {
            // Nobody waits for it: at worst one alert is missing after a crash in this moment.
            let _ticket = store.write(Batch::new().delete::<Alert>(subject));
        }
    }

    fn keep(&mut self, delivery: Delivery, ticket: Ticket) -> Arc<Delivery> {
        let delivery = Arc::new(delivery);
        let kept = Arc::clone(&delivery);
        self.deliveries
            .insert(delivery.id, Waiting { delivery, ticket });
        kept
    }

    fn waiting(&self, id: WebhookId) -> usize {
        self.of(id)
            .filter(|delivery| delivery.state.next_try().is_some())
            .count()
    }

    /// The deliveries of a webhook, the oldest first.
    pub(super) fn of(&self, id: WebhookId) -> impl DoubleEndedIterator<Item = &Arc<Delivery>> {
        self.deliveries
            .values()
            .map(|waiting| &waiting.delivery)
            .filter(move |delivery| delivery.webhook_id == id)
    }

    /// What is to be tried now, and when the next one is after that.
    pub(super) fn due(
        &self,
        now: Timestamp,
        under_way: &HashSet<DeliveryId>,
    ) -> (Vec<Due>, Option<Timestamp>) {
        let mut busy: HashMap<WebhookId, usize> = HashMap::new();
        for id in under_way {
            if let Some(waiting) = self.deliveries.get(id) {
                *busy.entry(waiting.delivery.webhook_id).or_default() += 1;
            }
        }
        let (mut due, mut next) = (Vec::new(), None::<Timestamp>);
        for (id, Waiting { delivery, ticket }) in &self.deliveries {
            let (Some(at), Some(hook)) = (
                delivery.state.next_try(),
                self.hooks.get(&delivery.webhook_id),
            ) else {
                continue;
            };
            if under_way.contains(id) {
                continue;
            }
            if at > now {
                next = Some(next.map_or(at, |next| next.min(at)));
                continue;
            }
            let busy = busy.entry(delivery.webhook_id).or_default();
            if *busy < AT_ONCE {
                *busy += 1;
                due.push(Due {
                    hook: Arc::clone(hook),
                    delivery: Arc::clone(delivery),
                    ticket: *ticket,
                });
            }
        }
        (due, next)
    }

    /// Takes down what came of a try; `None` where it was deleted or given up meanwhile.
    pub(super) fn tried(
        &mut self,
        store: &Store,
        id: DeliveryId,
        attempt: DeliveryAttempt,
        jitter: u16,
    ) -> Option<Arc<Delivery>> {
        let mut delivery = Delivery::clone(&self.deliveries.get(&id)?.delivery);
        delivery.state.next_try()?;
        delivery.tried(attempt, jitter);
        let webhook = delivery.webhook_id;
        let batch = self.without_old(webhook, Batch::new().put(&delivery));
        let ticket = store.write(batch);
        Some(self.keep(delivery, ticket))
    }

    /// Takes down what came of a try beside all others; `None` where the delivery was deleted meanwhile.
    pub(super) fn resent(
        &mut self,
        store: &Store,
        id: DeliveryId,
        attempt: DeliveryAttempt,
    ) -> Option<(Arc<Delivery>, Ticket)> {
        let mut delivery = Delivery::clone(&self.deliveries.get(&id)?.delivery);
        delivery.resent(attempt);
        let ticket = store.write(Batch::new().put(&delivery));
        let delivery = self.keep(delivery, ticket);
        Some((delivery, ticket))
    }

    /// Takes down a delivery that was tried once and is not tried again; the ticket tells when that is on disk.
    pub(super) fn tested(&mut self, store: &Store, delivery: Delivery) -> Ticket {
        if !self.hooks.contains_key(&delivery.webhook_id) {
            return store.write(Batch::new());
        }
        let batch = self.without_old(delivery.webhook_id, Batch::new().put(&delivery));
        let ticket = store.write(batch);
        self.keep(delivery, ticket);
        ticket
    }

    /// Forgets the oldest of those that came to their end, so that with one more there are not too many.
    fn without_old(&mut self, id: WebhookId, mut batch: Batch) -> Batch {
        let ended: Vec<DeliveryId> = self
            .of(id)
            .filter(|delivery| delivery.state.next_try().is_none())
            .map(|delivery| delivery.id)
            .collect();
        for old in &ended[..ended.len().saturating_sub(KEPT - 1)] {
            batch = batch.delete::<Delivery>(old.as_bytes());
            self.deliveries.remove(old);
        }
        batch
    }

    /// Adds to a batch that what is on its way to this webhook is given up.
    pub(super) fn give_up(&mut self, id: WebhookId, mut batch: Batch) -> (Batch, Vec<Delivery>) {
        let given_up: Vec<Delivery> = self
            .of(id)
            .filter(|delivery| delivery.state.next_try().is_some())
            .map(|delivery| Delivery {
                state: DeliveryState::GivenUp,
                ..Delivery::clone(delivery)
            })
            .collect();
        for delivery in &given_up {
            batch = batch.put(delivery);
        }
        (batch, given_up)
    }

    /// Puts a webhook in its place, with what was given up for it.
    pub(super) fn put(&mut self, hook: Hook, given_up: Vec<Delivery>, ticket: Ticket) -> Arc<Hook> {
        for delivery in given_up {
            self.keep(delivery, ticket);
        }
        let hook = Arc::new(hook);
        self.hooks.insert(hook.record.id, Arc::clone(&hook));
        hook
    }

    /// Forgets a webhook and all that was on its way to it.
    pub(super) fn delete(&mut self, id: WebhookId, mut batch: Batch) -> Batch {
        self.hooks.remove(&id);
        let gone: Vec<DeliveryId> = self.of(id).map(|delivery| delivery.id).collect();
        batch = batch.delete::<Webhook>(id.as_bytes());
        for delivery in gone {
            batch = batch.delete::<Delivery>(delivery.as_bytes());
            self.deliveries.remove(&delivery);
        }
        batch
    }
}
