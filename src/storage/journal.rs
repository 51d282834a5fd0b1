//! The journal as its callers see it: a queue, a ticket for each entry, and a future that resolves when it is on disk.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use super::entry::Entry;
use super::error::JournalFailed;
use super::gate::{Gate, Gates, lock};

/// The place of an entry in the journal: everything up to it is durable when its [`Durable`] resolves.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Ticket(pub(super) u64);

impl Ticket {
    /// Of an entry that was not taken: it never becomes durable.
    pub(super) const REFUSED: Self = Self(u64::MAX);
}

type OnFailure = Box<dyn FnOnce(JournalFailed) + Send>;

/// What callers, the writer and the checkpoint share.
pub(super) struct Journal {
    queue: Mutex<Queue>,
    more: Condvar,
    durable: AtomicU64,
    failure: OnceLock<JournalFailed>,
    on_failure: Mutex<Vec<OnFailure>>,
    gates: Gates,
}

struct Queue {
    entries: Vec<Entry>,
    /// The sequence of the next entry.
    next: u64,
    /// The writer sleeps until there are this many entries; zero: it is awake.
    wanted: usize,
    closed: bool,
}

/// How long a caller that was woken may take before the others at its gate are woken without it.
const PATIENCE: Duration = Duration::from_millis(1);

/// Up to so many callers let through by the last group are no load: the next one is written at once.
const FEW: usize = 4;

/// So many entries are written without waiting for more.
const MANY: usize = 4_096;

impl Journal {
    /// A journal whose last durable entry is `durable`.
    pub(super) fn new(durable: u64) -> Self {
        Self {
            queue: Mutex::new(Queue {
                entries: Vec::new(),
                next: durable + 1,
                wanted: 0,
                closed: false,
            }),
            more: Condvar::new(),
            durable: AtomicU64::new(durable),
            failure: OnceLock::new(),
            on_failure: Mutex::default(),
            gates: Gates::new(),
        }
    }

    /// Queues an entry.
    pub(super) fn push(&self, entry: Entry) -> Ticket {
        let (ticket, wake) = {
            let mut queue = lock(&self.queue);
            if queue.closed || self.failure.get().is_some() {
                return Ticket::REFUSED;
            }
            let ticket = Ticket(queue.next);
            queue.next += 1;
            queue.entries.push(entry);
            let wake = queue.wanted != 0 && queue.entries.len() >= queue.wanted;
            if wake {
                queue.wanted = 0;
            }
            (ticket, wake)
        };
        if wake {
            self.more.notify_one();
        }
        ticket
    }

    /// Waits for entries and moves all there are into `group`, which is empty. `load` is how many the last group let
    /// through: under load it gathers for as long as `gather`, since a sync, and the switch to and from this thread, cost
    /// the callers' cores more than the wait costs the callers. `depend` says that some wait for another to wake them.
    /// Returns the sequence of the first; `None`: the journal is closed and the queue is empty.
    pub(super) fn take(
        &self,
        group: &mut Vec<Entry>,
        load: usize,
        mut depend: bool,
        gather: Duration,
    ) -> Option<u64> {
        let mut queue = lock(&self.queue);
        while queue.entries.is_empty() {
            if queue.closed {
                return None;
            }
            queue.wanted = 1;
            if depend {
                let (woken, timeout) = self
                    .more
                    .wait_timeout(queue, PATIENCE)
                    .unwrap_or_else(PoisonError::into_inner);
                queue = woken;
                if timeout.timed_out() {
                    drop(queue);
                    self.gates.force(self.durable());
                    depend = false;
                    queue = lock(&self.queue);
                }
            } else {
                queue = self
                    .more
                    .wait(queue)
                    .unwrap_or_else(PoisonError::into_inner);
            }
        }
        if load > FEW && !gather.is_zero() {
            queue.wanted = MANY;
            queue = self
                .more
                .wait_timeout_while(queue, gather, |queue| {
                    queue.entries.len() < MANY && !queue.closed
                })
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        queue.wanted = 0;
        std::mem::swap(&mut queue.entries, group);
        Some(queue.next - group.len() as u64)
    }

    /// Everything up to `sequence` is on disk. Returns how many were let through, and whether some depend on another.
    pub(super) fn publish(&self, sequence: u64) -> (usize, bool) {
        self.durable.store(sequence, Ordering::Release);
        self.gates.open(sequence)
    }

    /// The sequence up to which everything is on disk.
    pub(super) fn durable(&self) -> u64 {
        self.durable.load(Ordering::Acquire)
    }

    /// The sequence of the last entry queued.
    pub(super) fn last_queued(&self) -> u64 {
        lock(&self.queue).next - 1
    }

    /// Takes no more entries; the writer ends when the queue is empty.
    pub(super) fn close(&self) {
        lock(&self.queue).closed = true;
        self.more.notify_one();
    }

    /// Throws away what is queued and takes no more, as a crash does.
    #[cfg(test)]
    pub(super) fn crash(&self) {
        let mut queue = lock(&self.queue);
        queue.closed = true;
        queue.entries.clear();
        drop(queue);
        self.more.notify_one();
    }

    /// Fails for good: everyone who waits is told. Only the first reason counts.
    pub(super) fn fail(&self, failure: JournalFailed) {
        if self.failure.set(failure.clone()).is_err() {
            return;
        }
        {
            // What is queued will never be written.
            let mut queue = lock(&self.queue);
            queue.closed = true;
            queue.entries.clear();
        }
        self.more.notify_one();
        self.gates.force(u64::MAX);
        let callbacks = std::mem::take(&mut *lock(&self.on_failure));
        callbacks
            .into_iter()
            .for_each(|callback| callback(failure.clone()));
        // Last: nothing of the above may depend on whether a line can be written.
        tracing::error!("{failure}");
    }

    /// Fails for good should this thread panic before what is returned is dropped.
    pub(super) fn watch(self: &Arc<Self>, thread: &'static str) -> Watch {
        Watch {
            journal: self.clone(),
            thread,
        }
    }

    /// Why it has failed, if it has.
    pub(super) fn failed(&self) -> Option<JournalFailed> {
        self.failure.get().cloned()
    }

    /// Calls `f` when the journal fails; at once if it has.
    pub(super) fn on_failure(&self, f: OnFailure) {
        let mut callbacks = lock(&self.on_failure);
        match self.failure.get() {
            Some(failure) => {
                drop(callbacks);
                f(failure.clone());
            }
            None => callbacks.push(f),
        }
    }

    /// Whether it is decided if `sequence` is durable.
    fn decided(&self, sequence: u64) -> Option<Result<(), JournalFailed>> {
        if self.durable() >= sequence {
            return Some(Ok(()));
        }
        if let Some(failure) = self.failure.get() {
            return Some(Err(failure.clone()));
        }
        (sequence == Ticket::REFUSED.0).then(|| {
            Err(JournalFailed::new("This change was not taken: the store is closed, or the change could not be encoded."))
        })
    }
}

/// Held by a thread that others wait for: they are told should it panic.
pub(super) struct Watch {
    journal: Arc<Journal>,
    thread: &'static str,
}

impl Drop for Watch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.journal.fail(JournalFailed::new(format!(
                "The {} thread of the store panicked, which is a fault of this program; start it again. What was acknowledged is safe.",
                self.thread
            )));
        }
    }
}

/// Resolves when everything up to a ticket is on disk, or the journal has failed. Needs no runtime of its own.
#[must_use = "nothing is known to be on disk before this has resolved"]
pub struct Durable {
    journal: Arc<Journal>,
    sequence: u64,
    place: Option<(Arc<Gate>, u64)>,
}

impl Durable {
    pub(super) fn new(journal: Arc<Journal>, ticket: Ticket) -> Self {
        Self {
            journal,
            sequence: ticket.0,
            place: None,
        }
    }

    /// Blocks this thread until it resolves.
    pub(super) fn wait(mut self) -> Result<(), JournalFailed> {
        struct Parked(Thread);
        impl Wake for Parked {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }
        let waker = Waker::from(Arc::new(Parked(std::thread::current())));
        loop {
            if let Poll::Ready(result) = Pin::new(&mut self).poll(&mut Context::from_waker(&waker))
            {
                return result;
            }
            std::thread::park();
        }
    }

    fn leave(&mut self) {
        if let Some((gate, number)) = self.place.take() {
            gate.leave(number, self.journal.durable());
        }
    }
}

impl Future for Durable {
    type Output = Result<(), JournalFailed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(result) = self.journal.decided(self.sequence) {
            self.leave();
            return Poll::Ready(result);
        }
        let (gate, number) = match self.place.take() {
            Some((gate, number)) => (gate, Some(number)),
            None => (self.journal.gates.here(), None),
        };
        let waits = gate.wait(number, self.sequence, cx.waker(), || {
            self.journal.decided(self.sequence).is_some()
        });
        match waits {
            Some(number) => {
                self.place = Some((gate, number));
                Poll::Pending
            }
            None => {
                if let Some(number) = number {
                    gate.leave(number, self.journal.durable());
                }
                Poll::Ready(self.journal.decided(self.sequence).unwrap_or(Ok(())))
            }
        }
    }
}

impl Drop for Durable {
    fn drop(&mut self) {
        self.leave();
    }
}

impl std::fmt::Debug for Durable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Durable")
            .field("sequence", &self.sequence)
            .finish_non_exhaustive()
    }
}
