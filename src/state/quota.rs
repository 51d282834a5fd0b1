//! Budgets and reservations: a quota is a promise.
//!
//! A call's upper bound is set aside on its key's budget and its account's in one step; afterwards its true cost replaces
//! it, or nothing does. The two locks are always taken account first, are held for a few additions, and never across an await.

use std::sync::{Arc, PoisonError};

use crate::domain::{
    Code, Consumption, Day, Error, Exceeded, Headroom, Model, Money, Multiplier, Price, Quota,
    Result, TimeZone, Unit, Window, Windows,
};

use super::sync::{Mutex, MutexGuard};

/// The most that a model of unknown limits is taken to write in one call, in tokens.
const ASSUMED_MAX_OUTPUT: u64 = 16_384;

/// The counter that consumption is booked on; shared by a rotated key and its successor.
#[derive(Debug)]
pub(super) struct Budget(Mutex<Book>);

#[derive(Clone, Copy, Debug)]
struct Book {
    booked: Windows,
    held: Windows,
}

impl Book {
    fn roll(&mut self, day: Day) {
        self.booked.roll(day);
        self.held.roll(day);
    }

    /// Booked and held together.
    fn taken(&self) -> Windows {
        let sum = |window| self.booked.of(window).plus(self.held.of(window));
        Windows {
            total: sum(Window::Total),
            monthly: sum(Window::Monthly),
            daily: sum(Window::Daily),
            ..self.booked
        }
    }
}

impl Budget {
    /// A budget with what was consumed before.
    pub(super) fn new(booked: Windows) -> Self {
        Self(Mutex::new(Book {
            booked,
            held: Windows::new(booked.day),
        }))
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How it stands today.
    pub(super) fn standing(&self, quota: Quota, day: Day) -> Standing {
        let mut book = self.book();
        book.roll(day);
        Standing {
            quota,
            used: book.booked,
            reserved: book.held.total,
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
    pub reserved: Consumption,
}

impl Standing {
    /// What a new call could still take in one window: what is booked and what is set aside is gone.
    pub fn left(&self, window: Window) -> Headroom {
        let left = self.quota.left(&self.used, window);
        Headroom {
            usd: left.usd.map(|usd| usd.minus(self.reserved.usd)),
            tokens: left
                .tokens
                .map(|tokens| tokens.saturating_sub(self.reserved.tokens)),
            requests: left
                .requests
                .map(|requests| requests.saturating_sub(self.reserved.requests)),
        }
    }
}

/// What a call may need at most.
#[derive(Clone, Debug)]
pub struct Ask {
    /// An upper bound of its input tokens.
    pub prompt_tokens: u64,
    /// Whether the model writes tokens.
    pub generates: bool,
    /// The output limit that the client set, for each choice.
    pub client_limit: Option<u64>,
    /// How many answers it asked for (`n`).
    pub choices: u64,
    /// Price and limits of the model; `None`: unknown.
    pub model: Option<Arc<Model>>,
    /// The dearest channel that might serve it.
    pub multiplier: Multiplier,
}

impl Ask {
    fn price(&self) -> Option<Price> {
        self.model.as_ref().and_then(|model| model.price)
    }

    /// Input cannot exceed the model's context: a longer one is refused by the provider.
    fn prompt_bound(&self) -> u64 {
        let context = self.model.as_ref().and_then(|model| model.context_tokens);
        context.map_or(self.prompt_tokens, |context| {
            self.prompt_tokens.min(u64::from(context))
        })
    }

    fn model_limit(&self) -> Option<u64> {
        self.model
            .as_ref()
            .and_then(|model| model.max_output_tokens)
            .map(u64::from)
    }

    /// The bound with this output limit for each choice.
    fn bound(&self, output: u64) -> Consumption {
        let prompt = self.prompt_bound();
        let output = if self.generates {
            output.saturating_mul(self.choices.max(1))
        } else {
            0
        };
        Consumption {
            usd: self.price().map_or(Money::ZERO, |price| {
                price.bound(prompt, output, self.multiplier)
            }),
            tokens: prompt.saturating_add(output),
            requests: 1,
        }
    }

    /// The highest output limit from 1 to `most` whose bound fits the headroom.
    fn highest_fitting(&self, most: u64, headroom: &Headroom) -> Option<u64> {
        let fits = |output: u64| {
            let bound = self.bound(output);
            headroom.usd.is_none_or(|left| bound.usd <= left)
                && headroom.tokens.is_none_or(|left| bound.tokens <= left)
                && headroom.requests.is_none_or(|left| bound.requests <= left)
        };
        if most == 0 || !fits(1) {
            return None;
        }
        let (mut fitting, mut too_much) = (1, most.saturating_add(1));
        while too_much - fitting > 1 {
            let middle = fitting + (too_much - fitting) / 2;
            if fits(middle) {
                fitting = middle;
            } else {
                too_much = middle;
            }
        }
        Some(fitting)
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
        return Err(Error::new(
            Code::ModelNotPriced,
            "This API key has a money quota, and this model has no price yet, so its cost could not be held to. Ask the operator to enter the model's price.",
        )
        .param("model"));
    }
    let capped = [account.quota, key.quota]
        .iter()
        .any(|quota| **quota != Quota::default());
    let default_limit = ask.model_limit().unwrap_or(ASSUMED_MAX_OUTPUT);
    let output = ask.client_limit.unwrap_or(default_limit);

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
    let (amount, lowered) = match check(whole) {
        // A model of unknown limits must be told one, or a quota could not be held to.
        Ok(()) => {
            let unlimited =
                ask.generates && ask.client_limit.is_none() && ask.model_limit().is_none();
            (whole, (capped && unlimited).then_some(output))
        }
        Err(refusal) => {
            let headroom = account
                .quota
                .headroom(&account_taken)
                .min(key.quota.headroom(&key_taken));
            let lower = (ask.generates && ask.client_limit.is_none())
                .then(|| ask.highest_fitting(output, &headroom))
                .flatten();
            let Some(lower) = lower else {
                let (noun, quota, exceeded) = refusal;
                return Err(refuse(noun, quota, &exceeded, whole, day, zone));
            };
            (ask.bound(lower), Some(lower))
        }
    };
    account_book.held.add(day, amount);
    key_book.held.add(day, amount);
    drop((account_book, key_book));
    Ok(Reservation {
        account: Arc::clone(account.budget),
        key: Arc::clone(key.budget),
        day,
        amount,
        lowered,
        resolved: false,
    })
}

fn refuse(
    noun: &str,
    quota: &Quota,
    exceeded: &Exceeded,
    needed: Consumption,
    day: Day,
    zone: &TimeZone,
) -> Error {
    let (window, unit) = (exceeded.window, exceeded.unit);
    let caps = quota.of(window);
    let amounts = match unit {
        Unit::Usd => {
            let cap = caps.usd.unwrap_or_default();
            format!(
                "${cap}: ${} is left, and this call may cost up to ${}",
                exceeded.left.usd.unwrap_or_default(),
                needed.usd
            )
        }
        Unit::Tokens => {
            let cap = caps.tokens.unwrap_or_default();
            format!(
                "{cap} tokens: {} are left, and this call may use up to {}",
                exceeded.left.tokens.unwrap_or_default(),
                needed.tokens
            )
        }
        Unit::Requests => format!(
            "{} requests, and all are used",
            caps.requests.unwrap_or_default()
        ),
    };
    let way_out = match window {
        Window::Total => "Ask whoever issued the key to raise it".to_owned(),
        Window::Monthly => format!("It resets at {}", zone.end_of_month(day.month())),
        Window::Daily => format!("It resets at {}", zone.end_of_day(day)),
    };
    let smaller = if unit == Unit::Requests {
        ""
    } else {
        ", or set a lower output limit"
    };
    Error::new(
        Code::InsufficientQuota,
        format!(
            "The {noun}'s {} quota is {amounts} (calls in flight included). {way_out}{smaller}.",
            window.as_str()
        ),
    )
    .param(format!("{noun}.{}_{}", window.as_str(), unit.as_str()))
}

/// An upper bound set aside on a key's and an account's budget. Settled once with the true cost, or given back when dropped.
#[derive(Debug)]
#[must_use = "a reservation that is dropped is given back"]
pub struct Reservation {
    account: Arc<Budget>,
    key: Arc<Budget>,
    day: Day,
    amount: Consumption,
    lowered: Option<u64>,
    resolved: bool,
}

impl Reservation {
    /// What is set aside.
    pub fn amount(&self) -> Consumption {
        self.amount
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
mod tests {
    use super::*;
    use crate::domain::{ModelName, PriceSource, Timestamp};

    const DAY: Day = Day(20_000);

    fn model(output_pico: u64, max_output: Option<u32>) -> Arc<Model> {
        let price = Price {
            input: Money::from_pico(1),
            output: Money::from_pico(output_pico),
            ..Price::default()
        };
        Arc::new(Model {
            name: ModelName::from("m"),
            price: Some(price),
            context_tokens: None,
            max_output_tokens: max_output,
            source: PriceSource::Own {
                at: Timestamp::default(),
            },
        })
    }

    fn ask(client_limit: Option<u64>, max_output: Option<u32>) -> Ask {
        Ask {
            prompt_tokens: 10,
            generates: true,
            client_limit,
            choices: 1,
            model: Some(model(2, max_output)),
            multiplier: Multiplier::ONE,
        }
    }

    fn daily_usd(pico: u64) -> Quota {
        let mut quota = Quota::default();
        quota.daily.usd = Some(Money::from_pico(pico));
        quota
    }

    struct Pair {
        account: (Quota, Arc<Budget>),
        key: (Quota, Arc<Budget>),
    }

    impl Pair {
        fn new(account: Quota, key: Quota) -> Self {
            let budget = || Arc::new(Budget::new(Windows::new(DAY)));
            Self {
                account: (account, budget()),
                key: (key, budget()),
            }
        }

        fn reserve(&self, ask: &Ask) -> Result<Reservation> {
            let account = Holder {
                noun: "account",
                quota: &self.account.0,
                budget: &self.account.1,
            };
            let key = Holder {
                noun: "key",
                quota: &self.key.0,
                budget: &self.key.1,
            };
            reserve(&account, &key, ask, DAY, &TimeZone::UTC)
        }

        fn held(&self) -> (u64, u64) {
            let pico = |(quota, budget): &(Quota, Arc<Budget>)| {
                budget.standing(*quota, DAY).reserved.usd.as_pico()
            };
            (pico(&self.account), pico(&self.key))
        }
    }

    #[test]
    fn a_bound_that_does_not_fit_the_account_leaves_nothing_on_the_key() {
        let pair = Pair::new(daily_usd(100), daily_usd(1_000));
        let error = pair.reserve(&ask(Some(60), None)).unwrap_err();
        assert_eq!(error.param.as_deref(), Some("account.daily_usd"));
        assert_eq!(pair.held(), (0, 0));
    }

    #[test]
    fn a_dropped_reservation_is_given_back_and_a_settled_one_booked() {
        let pair = Pair::new(Quota::default(), daily_usd(100));
        let first = pair.reserve(&ask(Some(40), None)).unwrap();
        assert_eq!(pair.held(), (90, 90));
        assert!(pair.reserve(&ask(Some(1), None)).is_err());
        drop(first);
        assert_eq!(pair.held(), (0, 0));
        let second = pair.reserve(&ask(Some(40), None)).unwrap();
        second.settle(Consumption {
            usd: Money::from_pico(30),
            tokens: 20,
            requests: 1,
        });
        assert_eq!(pair.held(), (0, 0));
        assert_eq!(
            pair.key.1.standing(pair.key.0, DAY).used.daily.usd,
            Money::from_pico(30)
        );
        assert!(pair.reserve(&ask(Some(30), None)).is_ok());
        assert!(pair.reserve(&ask(Some(31), None)).is_err());
    }

    #[test]
    fn an_output_limit_is_lowered_to_what_fits_only_where_the_client_gave_none() {
        let pair = Pair::new(Quota::default(), daily_usd(100));
        let lowered = pair.reserve(&ask(None, Some(4_000))).unwrap();
        assert_eq!(
            (lowered.lowered_output(), lowered.amount().usd.as_pico()),
            (Some(45), 100)
        );
        assert_eq!(
            pair.reserve(&ask(None, Some(4_000))).unwrap_err().code,
            Code::InsufficientQuota
        );
    }

    #[test]
    fn a_model_of_unknown_limits_is_told_one_under_a_quota_and_left_alone_without() {
        let capped = Pair::new(Quota::default(), daily_usd(10_000_000));
        assert_eq!(
            capped.reserve(&ask(None, None)).unwrap().lowered_output(),
            Some(ASSUMED_MAX_OUTPUT)
        );
        let free = Pair::new(Quota::default(), Quota::default());
        assert_eq!(
            free.reserve(&ask(None, None)).unwrap().lowered_output(),
            None
        );
    }

    #[test]
    fn a_money_quota_refuses_a_model_without_a_price() {
        let pair = Pair::new(Quota::default(), daily_usd(100));
        let unpriced = Ask {
            model: None,
            ..ask(Some(1), None)
        };
        assert_eq!(
            pair.reserve(&unpriced).unwrap_err().code,
            Code::ModelNotPriced
        );
    }
}
