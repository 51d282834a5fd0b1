//! Budgets and reservations: a quota is a promise.
//!
//! A call's upper bound is set aside on its key's budget and its account's in one step; afterwards its true cost replaces
//! it, or nothing does. The two locks are always taken account first, are held for a few additions, and never across an await.
//!
//! **The only way past a quota** is a provider that reports more than was set aside: a prompt that it adds to the client's
//! own, or an output limit that it does not follow in an answer that is not streamed. The truth is booked, the call is
//! flagged, and what was added to the prompt is set aside for that model from then on ([`super::hidden`]). So a quota can be
//! passed by at most what the calls in flight at the first such report have in excess: their number times what the provider
//! adds to one of them.

use std::sync::{Arc, PoisonError};

use crate::domain::{
    Code, Consumption, Day, Error, Exceeded, Headroom, Money, Month, Quota, Result, TimeZone,
    Window, Windows,
};

use super::ask::Ask;
use super::refusal;
use super::sync::{Mutex, MutexGuard};

/// The counter that consumption is booked on; shared by a rotated key and its successor.
#[derive(Debug)]
pub(super) struct Budget(Mutex<Book>);

#[derive(Debug)]
struct Book {
    booked: Windows,
    held: Windows,
    /// Rarely any.
    later: Option<Box<Later>>,
}

/// What was booked before this start on days and in months that are still to come: the clock was ahead then, or is behind
/// now. When they come, it counts; or else a clock that is set back at a restart would open their windows a second time.
#[derive(Clone, Debug, Default)]
pub(super) struct Later {
    pub(super) days: Vec<(Day, Consumption)>,
    pub(super) months: Vec<(Month, Consumption)>,
}

impl Book {
    fn roll(&mut self, day: Day) {
        let before = (self.booked.day, self.booked.month);
        self.booked.roll(day);
        self.held.roll(day);
        if let Some(later) = &self.later {
            let now = (self.booked.day, self.booked.month);
            if now.0 != before.0 {
                let day = later.days.iter().find(|(day, _)| *day == now.0);
                self.booked.daily = day.map(|(_, booked)| *booked).unwrap_or_default();
            }
            if now.1 != before.1 {
                let month = later.months.iter().find(|(month, _)| *month == now.1);
                self.booked.monthly = month.map(|(_, booked)| *booked).unwrap_or_default();
            }
        }
    }

    /// Booked and held together.
    fn taken(&self) -> Windows {
        together(&self.booked, &self.held)
    }
}

/// The sum in each window.
fn together(booked: &Windows, held: &Windows) -> Windows {
    let sum = |window| booked.of(window).plus(held.of(window));
    Windows {
        total: sum(Window::Total),
        monthly: sum(Window::Monthly),
        daily: sum(Window::Daily),
        ..*booked
    }
}

impl Budget {
    /// A budget with what was consumed before.
    pub(super) fn new(booked: Windows) -> Self {
        Self(Mutex::new(Book {
            booked,
            held: Windows::new(booked.day),
            later: None,
        }))
    }

    /// The same, with what was booked for days to come.
    pub(super) fn with_later(self, later: &Later) -> Self {
        if !later.days.is_empty() || !later.months.is_empty() {
            self.book().later = Some(Box::new(later.clone()));
        }
        self
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is set aside for calls in flight.
    pub(super) fn reserved(&self) -> Consumption {
        self.book().held.total
    }

    /// Books what a correction makes of a call of `day`.
    pub(super) fn correct(&self, day: Day, before: Consumption, after: Consumption) {
        let booked = &mut self.book().booked;
        booked.subtract(day, before);
        booked.add(day, after);
    }

    /// How it stands today.
    pub(super) fn standing(&self, quota: Quota, day: Day) -> Standing {
        let mut book = self.book();
        book.roll(day);
        Standing {
            quota,
            used: book.booked,
            reserved: book.held,
        }
    }
}

/// How a budget stands against a quota.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// The caps.
    pub quota: Quota,
    /// What is booked.
    pub used: Windows,
    /// What is set aside for calls in flight.
    pub reserved: Windows,
}

impl Standing {
    /// What a new call could still take in one window: what is booked and what is set aside is gone.
    pub fn left(&self, window: Window) -> Headroom {
        self.quota.left(&self.taken(), window)
    }

    /// The first cap under which nothing is left, be a call as small as it may.
    pub(super) fn used_up(&self) -> Option<Exceeded> {
        const LEAST: Consumption = Consumption {
            usd: Money::from_pico(1),
            tokens: 1,
            requests: 1,
        };
        self.quota.fits(&self.taken(), LEAST).err()
    }

    fn taken(&self) -> Windows {
        together(&self.used, &self.reserved)
    }
}

/// One holder of a quota: an account or a key.
pub(super) struct Holder<'a> {
    /// `account` or `key`.
    pub(super) noun: &'static str,
    /// Its caps.
    pub(super) quota: &'a Quota,
    /// Its counter.
    pub(super) budget: &'a Arc<Budget>,
}

/// Whether the least that this call may be bounded to fits now. Nothing is set aside.
pub(super) fn could_fit(account: &Holder<'_>, key: &Holder<'_>, ask: &Ask, day: Day) -> bool {
    let left = |holder: &Holder<'_>| {
        let mut book = holder.budget.book();
        book.roll(day);
        holder.quota.headroom(&book.taken())
    };
    left(account).min(left(key)).holds(ask.least())
}

/// Sets the bound aside on both budgets, or on neither.
///
/// # Errors
/// `insufficient_quota`; `model_not_priced` where a money quota meets a model without a price.
pub(super) fn reserve(
    account: &Holder<'_>,
    key: &Holder<'_>,
    ask: &Ask,
    day: Day,
    zone: &TimeZone,
) -> Result<Reservation> {
    if ask.price().is_none() && (account.quota.counts_money() || key.quota.counts_money()) {
        let noun = if key.quota.counts_money() {
            key.noun
        } else {
            account.noun
        };
        return Err(Error::new(
            Code::ModelNotPriced,
            format!("The {noun} has a money quota, and this model has no price yet, so its cost could not be held to. Ask the operator to enter the model's price, or use a model that has one."),
        )
        .param("model"));
    }
    let capped = [account.quota, key.quota]
        .iter()
        .any(|quota| **quota != Quota::default());
    let output = ask.output();

    let mut account_book = account.budget.book();
    let mut key_book = key.budget.book();
    account_book.roll(day);
    key_book.roll(day);
    let (account_taken, key_taken) = (account_book.taken(), key_book.taken());
    let check = |amount| {
        key.quota
            .fits(&key_taken, amount)
            .map_err(|exceeded| (key.noun, key.quota, exceeded))
            .and_then(|()| {
                account
                    .quota
                    .fits(&account_taken, amount)
                    .map_err(|exceeded| (account.noun, account.quota, exceeded))
            })
    };

    let whole = ask.bound(output);
    let (amount, lowered, squeezed) = match check(whole) {
        // A model of unknown limits must be told one, or a quota could not be held to.
        Ok(()) => (
            whole,
            (capped && ask.is_unlimited()).then_some(output),
            false,
        ),
        Err(refused) => {
            let headroom = account
                .quota
                .headroom(&account_taken)
                .min(key.quota.headroom(&key_taken));
            let lower = ask
                .may_be_lowered()
                .then(|| ask.highest_fitting(output, &headroom))
                .flatten();
            let Some(lower) = lower else {
                let (noun, quota, exceeded) = refused;
                return Err(refusal::does_not_fit(
                    noun, quota, &exceeded, ask, day, zone,
                ));
            };
            (ask.bound(lower), Some(lower), true)
        }
    };
    let counts = |unit: fn(&Quota) -> bool| unit(account.quota) || unit(key.quota);
    let ceiling = Headroom {
        usd: counts(Quota::counts_money).then_some(amount.usd),
        tokens: counts(Quota::counts_tokens).then_some(amount.tokens),
        requests: None,
    };
    account_book.held.add(day, amount);
    key_book.held.add(day, amount);
    drop((account_book, key_book));
    Ok(Reservation {
        account: Arc::clone(account.budget),
        key: Arc::clone(key.budget),
        day,
        amount,
        ceiling,
        prompt_tokens: ask.prompt_bound(),
        hidden_tokens: ask.hidden_tokens,
        lowered,
        squeezed,
        resolved: false,
    })
}

/// An upper bound set aside on a key's and an account's budget. Settled once with the true cost, or given back when dropped.
#[derive(Debug)]
#[must_use = "a reservation that is dropped is given back"]
pub struct Reservation {
    account: Arc<Budget>,
    key: Arc<Budget>,
    day: Day,
    amount: Consumption,
    ceiling: Headroom,
    prompt_tokens: u64,
    hidden_tokens: u64,
    lowered: Option<u64>,
    squeezed: bool,
    resolved: bool,
}

impl Reservation {
    /// What is set aside.
    pub fn amount(&self) -> Consumption {
        self.amount
    }

    /// What the call may come to before a quota could be passed by it: what is set aside, of the units that some cap counts.
    pub fn ceiling(&self) -> Headroom {
        self.ceiling
    }

    /// How many of its tokens are set aside for the prompt.
    pub fn prompt_tokens(&self) -> u64 {
        self.prompt_tokens
    }

    /// How many of these for what the provider adds to it.
    pub(super) fn hidden_tokens(&self) -> u64 {
        self.hidden_tokens
    }

    /// Whether less output is set aside than the call would have got under no quota.
    pub fn is_squeezed(&self) -> bool {
        self.squeezed
    }

    /// The output limit, for each choice, that must be sent upstream so that the call fits.
    pub fn lowered_output(&self) -> Option<u64> {
        self.lowered
    }

    /// Books the true cost in its place.
    pub(super) fn settle(mut self, cost: Consumption) {
        self.resolve(Some(cost));
    }

    fn resolve(&mut self, cost: Option<Consumption>) {
        if std::mem::replace(&mut self.resolved, true) {
            return;
        }
        // Both locks, account first: nobody may see the cost on one budget and not yet on the other.
        let mut account = self.account.book();
        let mut key = self.key.book();
        for book in [&mut *account, &mut *key] {
            book.held.subtract(self.day, self.amount);
            if let Some(cost) = cost {
                book.booked.add(self.day, cost);
            }
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.resolve(None);
    }
}

#[cfg(test)]
mod tests;
