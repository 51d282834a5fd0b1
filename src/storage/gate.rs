//! Waking those who wait for a sync: one wake across threads for each waiting thread and group.
//!
//! A wake across threads costs a system call; a wake on one's own thread costs a push to a queue. So each thread has a
//! gate for its waiters. The writer wakes one of them, the caller; when the caller is polled, it wakes the others, on
//! their own thread. A caller that is dropped does the same. A caller that is neither polled nor dropped, because its task
//! is busy elsewhere, holds nobody up for long: the writer wakes everyone at that gate with the next group, or a
//! millisecond later when there is none.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;

/// Locks even if a thread panicked while it held the lock: nothing here is left half done.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The gates of one journal.
#[derive(Debug)]
pub(super) struct Gates {
    /// Tells journals apart: a thread may wait for several.
    owner: u64,
    all: Mutex<Vec<Weak<Gate>>>,
}

/// Those of one thread who wait.
#[derive(Debug, Default)]
pub(super) struct Gate(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    waiters: Vec<Waiter>,
    /// One was woken who will wake the others.
    called: bool,
    next: u64,
}

#[derive(Debug)]
struct Waiter {
    number: u64,
    sequence: u64,
    waker: Waker,
}

thread_local! {
    static HERE: RefCell<Vec<(u64, Arc<Gate>)>> = const { RefCell::new(Vec::new()) };
}

impl Gates {
    pub(super) fn new() -> Self {
        static OWNERS: AtomicU64 = AtomicU64::new(0);
        Self {
            owner: OWNERS.fetch_add(1, Ordering::Relaxed),
            all: Mutex::default(),
        }
    }

    /// This thread's gate.
    pub(super) fn here(&self) -> Arc<Gate> {
        HERE.try_with(|here| {
            let mut here = here.borrow_mut();
            if let Some((_, gate)) = here.iter().find(|(owner, _)| *owner == self.owner) {
                return gate.clone();
            }
            // Gates of journals that are gone are known to nobody but this list.
            here.retain(|(_, gate)| Arc::weak_count(gate) > 0);
            let gate = self.add();
            here.push((self.owner, gate.clone()));
            gate
        })
        .unwrap_or_else(|_| self.add())
    }

    fn add(&self) -> Arc<Gate> {
        let gate = Arc::new(Gate::default());
        lock(&self.all).push(Arc::downgrade(&gate));
        gate
    }

    /// Wakes one at each gate whose sequence is reached. Returns how many are let through, and whether any of them
    /// depend on another to be woken.
    pub(super) fn open(&self, durable: u64) -> (usize, bool) {
        let (mut through, mut depend) = (0, false);
        self.each(|gate| {
            let mut waiting = lock(&gate.0);
            let ready = waiting
                .waiters
                .iter()
                .filter(|waiter| waiter.sequence <= durable)
                .count();
            through += ready;
            if ready == 0 {
                return;
            }
            if waiting.called {
                let all = waiting.take_up_to(durable);
                drop(waiting);
                all.into_iter().for_each(|waiter| waiter.waker.wake());
                return;
            }
            let Some(first) = waiting
                .waiters
                .iter()
                .position(|waiter| waiter.sequence <= durable)
            else {
                return;
            };
            let caller = waiting.waiters.swap_remove(first);
            waiting.called = ready > 1;
            depend |= waiting.called;
            drop(waiting);
            caller.waker.wake();
        });
        (through, depend)
    }

    /// Wakes everyone at gates whose caller has not come. `u64::MAX` wakes all there are.
    pub(super) fn force(&self, durable: u64) {
        self.each(|gate| {
            let mut waiting = lock(&gate.0);
            if waiting.called || durable == u64::MAX {
                let all = waiting.take_up_to(durable);
                drop(waiting);
                all.into_iter().for_each(|waiter| waiter.waker.wake());
            }
        });
    }

    fn each(&self, mut visit: impl FnMut(&Gate)) {
        let gates: Vec<Arc<Gate>> = {
            let mut all = lock(&self.all);
            all.retain(|gate| gate.strong_count() > 0);
            all.iter().filter_map(Weak::upgrade).collect()
        };
        gates.iter().for_each(|gate| visit(gate));
    }
}

impl Gate {
    /// Waits, or waits on with another waker. `reached` is asked under the lock, so that no wake can be missed.
    /// Returns the waiter's number; `None`: it need not wait.
    pub(super) fn wait(
        &self,
        number: Option<u64>,
        sequence: u64,
        waker: &Waker,
        reached: impl FnOnce() -> bool,
    ) -> Option<u64> {
        let mut waiting = lock(&self.0);
        if reached() {
            return None;
        }
        if let Some(waiter) =
            number.and_then(|n| waiting.waiters.iter_mut().find(|waiter| waiter.number == n))
        {
            waiter.waker.clone_from(waker);
            return number;
        }
        let number = waiting.next;
        waiting.next += 1;
        waiting.waiters.push(Waiter {
            number,
            sequence,
            waker: waker.clone(),
        });
        Some(number)
    }

    /// One of the waiters leaves, and wakes those whose sequence is reached as well.
    pub(super) fn leave(&self, number: u64, durable: u64) {
        let mut waiting = lock(&self.0);
        if let Some(own) = waiting
            .waiters
            .iter()
            .position(|waiter| waiter.number == number)
        {
            waiting.waiters.swap_remove(own);
        }
        if waiting.called {
            let others = waiting.take_up_to(durable);
            drop(waiting);
            others.into_iter().for_each(|waiter| waiter.waker.wake());
        }
    }
}

impl Waiting {
    fn take_up_to(&mut self, durable: u64) -> Vec<Waiter> {
        self.called = false;
        self.waiters
            .extract_if(.., |waiter| waiter.sequence <= durable)
            .collect()
    }
}
