//! The courier: a thread of its own that looks at what calls have noticed and carries deliveries to their webhooks. Nothing
//! on the path of a call waits for it. What it has not delivered at a stop is on disk, and goes out after the next start.

use std::collections::HashSet;
use std::io;
use std::thread::JoinHandle;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::oneshot;
use tokio::task::LocalSet;

use super::Webhooks;
use super::book::Due;
use super::send::send;
use super::watch::Watch;
use crate::crypto;
use crate::domain::{DeliveryAttempt, DeliveryId};

/// Signs are gathered for so long before they are looked at: under load a look for each call would cost more than all else.
const GATHER: Duration = Duration::from_millis(20);
/// While something waits for its time, the clock is looked at this often: it may have been set.
const LONGEST_NAP: Duration = Duration::from_secs(1);

/// The running courier. It is stopped, and waited for, when this is dropped.
#[derive(Debug)]
#[must_use = "dropping it stops the courier"]
pub struct Courier {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Courier {
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn start(watch: Watch) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("webhooks".to_owned())
            .spawn(move || {
                LocalSet::new().block_on(&runtime, carry(&watch, stopped));
                // A name that is still being looked up must not hold up the stop.
                runtime.shutdown_background();
            })?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Courier {
    fn drop(&mut self) {
        drop(self.stop.take());
        if self
            .thread
            .take()
            .is_some_and(|thread| thread.join().is_err())
        {
            tracing::error!("the thread that carries webhooks panicked");
        }
    }
}

async fn carry(watch: &Watch, mut stopped: oneshot::Receiver<()>) {
    let webhooks = &watch.webhooks;
    let mut under_way: HashSet<DeliveryId> = HashSet::new();
    let mut tries = FuturesUnordered::new();
    let mut noticed = false;
    loop {
        let now = webhooks.clock().now();
        let (due, next) = webhooks.due(now, &under_way);
        for due in due {
            under_way.insert(due.delivery.id);
            tries.push(attempt(webhooks, due));
        }
        let wait = next.map(|at| at.since(now).min(LONGEST_NAP));
        let wait = if noticed { Some(GATHER) } else { wait };
        let nap = async {
            match wait {
                Some(wait) => tokio::time::sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // The sender is dropped to stop.
            _ = &mut stopped => {
                // The last calls have been settled by now: what they mean is written down, and told after the next start.
                watch.look();
                return;
            }
            () = webhooks.signs().rung(), if !noticed => noticed = true,
            Some((id, attempt)) = tries.next() => {
                under_way.remove(&id);
                let Some(attempt) = attempt else {
                    // The journal has failed: nothing can be written down, and the gateway stops.
                    return;
                };
                webhooks.tried(id, attempt, jitter());
            }
            () = nap => if std::mem::take(&mut noticed) { watch.look() },
        }
    }
}

/// Tries a delivery once it is on disk; `None`: it never will be.
async fn attempt(webhooks: &Webhooks, due: Due) -> (DeliveryId, Option<DeliveryAttempt>) {
    let id = due.delivery.id;
    if let Err(error) = webhooks.store().durable(due.ticket).await {
        tracing::error!(%error, "webhooks stop");
        return (id, None);
    }
    let attempt = send(
        webhooks.fetcher(),
        webhooks.clock(),
        &due.hook,
        &due.delivery,
    )
    .await;
    (id, Some(attempt))
}

/// Which moment is taken is no secret, so without randomness it is the earliest.
fn jitter() -> u16 {
    u16::from_be_bytes(crypto::random::<2>().unwrap_or_default())
}
