//! The plain model of quotas: a list of calls, each held or booked, and sums over it. It rolls no windows and keeps no counters.

use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;

use crate::domain::{Caps, Consumption, Day, Money, Quota, TimeZone, Timestamp, Window, Windows};

/// Picodollars of a token of input and of output.
pub(super) const PRICE: (u64, u64) = (3, 7);

/// The most that the model writes.
pub(super) const MAX_OUTPUT: u32 = 40;

pub(super) const KEYS: usize = 2;

/// Days of 23 and of 25 hours are near, and so is the end of a month.
pub(super) const ZONE: &str = "Europe/Berlin";
const STARTS: [&str; 3] = [
    "2026-03-28T21:00:00Z",
    "2026-10-24T20:00:00Z",
    "2026-12-31T22:30:00Z",
];

pub(super) fn zone() -> TimeZone {
    TimeZone::named(ZONE).unwrap()
}

/// What happens.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// A call wants to set its bound aside.
    Reserve {
        key: usize,
        prompt: u64,
        limit: Option<u64>,
    },
    /// It goes upstream: the n-th of those that have only reserved.
    Open(usize),
    /// It is turned away after all.
    Release(usize),
    /// It ends, with this share of 100 of its bound used; above 100 the provider counts more than was set aside.
    Settle {
        which: usize,
        percent: u64,
    },
    /// It ends without having used anything, as when the client goes away at once.
    Cancel(usize),
    /// Time passes until the next midnight, or the next first.
    RollOver {
        month: bool,
    },
    /// The clock is set, forward or back.
    Jump {
        seconds: i64,
    },
    Switch {
        key: usize,
        on: bool,
    },
    Cap {
        key: usize,
        quota: Quota,
    },
    /// Stopped cleanly, or killed; and started again.
    Restart {
        kill: bool,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    Reserved,
    Open,
    Booked,
}

#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) key: usize,
    pub(super) day: Day,
    pub(super) amount: Consumption,
    pub(super) stage: Stage,
}

/// What became of the last reservation.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    Granted {
        amount: Consumption,
        lowered: Option<u64>,
    },
    /// These caps it does not fit under.
    Refused(Vec<String>),
    Disabled,
}

/// All that is known.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    pub(super) now: Timestamp,
    pub(super) today: Day,
    pub(super) account: Quota,
    pub(super) keys: [(Quota, bool); KEYS],
    pub(super) calls: Vec<Call>,
    pub(super) asked: Option<Asked>,
}

impl Reference {
    /// What is used of a key's budget, or of the account's, in all windows: what is booked, and what is held.
    pub(super) fn standing(&self, key: Option<usize>) -> (Windows, Windows) {
        let all = |which: fn(&Call) -> bool| {
            let of = |window| self.sum(key, window, which);
            Windows {
                total: of(Window::Total),
                month: self.today.month(),
                monthly: of(Window::Monthly),
                day: self.today,
                daily: of(Window::Daily),
            }
        };
        (
            all(|call| call.stage == Stage::Booked),
            all(|call| call.stage != Stage::Booked),
        )
    }

    /// Of some calls, in one window.
    fn sum(&self, key: Option<usize>, window: Window, which: fn(&Call) -> bool) -> Consumption {
        let counts = |call: &&Call| {
            key.is_none_or(|key| key == call.key)
                && which(call)
                && match window {
                    Window::Total => true,
                    Window::Monthly => call.day.month() == self.today.month(),
                    Window::Daily => call.day == self.today,
                }
        };
        let amounts = self.calls.iter().filter(counts).map(|call| call.amount);
        amounts.fold(Consumption::default(), Consumption::plus)
    }

    /// The caps that this amount does not fit under.
    fn exceeded(&self, key: usize, amount: Consumption) -> Vec<String> {
        let mut exceeded = Vec::new();
        for (noun, quota, of) in [
            ("key", &self.keys[key].0, Some(key)),
            ("account", &self.account, None),
        ] {
            for window in Window::ALL {
                let after = self.sum(of, window, |_| true).plus(amount);
                let caps = quota.of(window);
                let mut note = |unit: &str, over: bool| {
                    if over {
                        exceeded.push(format!("{noun}.{}_{unit}", window.as_str()));
                    }
                };
                note("usd", caps.usd.is_some_and(|cap| after.usd > cap));
                note("tokens", caps.tokens.is_some_and(|cap| after.tokens > cap));
                note(
                    "requests",
                    caps.requests.is_some_and(|cap| after.requests > cap),
                );
            }
        }
        exceeded
    }

    fn ask(&self, key: usize, prompt: u64, limit: Option<u64>) -> Asked {
        if !self.keys[key].1 {
            return Asked::Disabled;
        }
        let most = u64::from(MAX_OUTPUT);
        let whole = self.exceeded(key, bound(prompt, limit.unwrap_or(most)));
        let granted = |output, lowered| Asked::Granted {
            amount: bound(prompt, output),
            lowered,
        };
        if whole.is_empty() {
            return granted(limit.unwrap_or(most), None);
        }
        let lower = (1..most)
            .rev()
            .find(|output| self.exceeded(key, bound(prompt, *output)).is_empty());
        match lower {
            Some(output) if limit.is_none() => granted(output, Some(output)),
            _ => Asked::Refused(whole),
        }
    }

    /// The n-th call in this stage, if there are any.
    fn nth(&self, stage: Stage, which: usize) -> Option<usize> {
        let all: Vec<usize> = (0..self.calls.len())
            .filter(|at| self.calls[*at].stage == stage)
            .collect();
        (!all.is_empty()).then(|| all[which % all.len()])
    }

    pub(super) fn in_stage(&self, stage: Stage) -> usize {
        self.calls.iter().filter(|call| call.stage == stage).count()
    }

    /// Time has been set; the day does not go back while the gateway runs.
    fn set_time(&mut self, now: Timestamp) {
        self.now = now;
        self.today = self.today.max(zone().day(now));
    }
}

pub(super) fn bound(prompt: u64, output: u64) -> Consumption {
    Consumption {
        usd: Money::from_pico(prompt * PRICE.0 + output * PRICE.1),
        tokens: prompt + output,
        requests: 1,
    }
}

/// What a call with this bound has used, by share of 100.
pub(super) fn share(amount: Consumption, percent: u64) -> Consumption {
    Consumption {
        usd: Money::from_pico(amount.usd.as_pico() * percent / 100),
        tokens: amount.tokens * percent / 100,
        requests: 1,
    }
}

fn quota() -> impl Strategy<Value = Quota> {
    let caps = |scale: u64| {
        (
            prop::option::weighted(0.3, 1..900 * scale),
            prop::option::weighted(0.3, 1..200 * scale),
            prop::option::weighted(0.3, 0..8 * scale),
        )
            .prop_map(|(usd, tokens, requests)| Caps {
                usd: usd.map(Money::from_pico),
                tokens,
                requests,
            })
    };
    (caps(4), caps(2), caps(1)).prop_map(|(total, monthly, daily)| Quota {
        total,
        monthly,
        daily,
    })
}

impl ReferenceStateMachine for Reference {
    type State = Self;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Self> {
        (
            prop::sample::select(&STARTS[..]),
            quota(),
            [quota(), quota()],
        )
            .prop_map(|(start, account, keys)| {
                let now = Timestamp::parse(start).unwrap();
                Self {
                    now,
                    today: zone().day(now),
                    account,
                    keys: keys.map(|quota| (quota, true)),
                    calls: Vec::new(),
                    asked: None,
                }
            })
            .boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Step> {
        let key = || 0..KEYS;
        let reserve = (key(), 0u64..60, prop::option::of(1u64..60))
            .prop_map(|(key, prompt, limit)| Step::Reserve { key, prompt, limit });
        let settle = (
            any::<usize>(),
            prop_oneof![9 => 0u64..=100, 1 => 101u64..200],
        )
            .prop_map(|(which, percent)| Step::Settle { which, percent });
        let jump = prop_oneof![3 => 0i64..100_000, 1 => -200_000i64..0, 1 => 0i64..4_000_000];
        prop_oneof![
            12 => reserve,
            8 => any::<usize>().prop_map(Step::Open),
            2 => any::<usize>().prop_map(Step::Release),
            6 => settle,
            1 => any::<usize>().prop_map(Step::Cancel),
            2 => any::<bool>().prop_map(|month| Step::RollOver { month }),
            2 => jump.prop_map(|seconds| Step::Jump { seconds }),
            1 => (key(), any::<bool>()).prop_map(|(key, on)| Step::Switch { key, on }),
            1 => (key(), quota()).prop_map(|(key, quota)| Step::Cap { key, quota }),
            1 => any::<bool>().prop_map(|kill| Step::Restart { kill }),
        ]
        .boxed()
    }

    fn apply(mut self_: Self, step: &Step) -> Self {
        let this = &mut self_;
        this.asked = None;
        match *step {
            Step::Reserve { key, prompt, limit } => {
                let asked = this.ask(key, prompt, limit);
                if let Asked::Granted { amount, .. } = asked {
                    this.calls.push(Call {
                        key,
                        day: this.today,
                        amount,
                        stage: Stage::Reserved,
                    });
                }
                this.asked = Some(asked);
            }
            Step::Open(which) => {
                if let Some(at) = this.nth(Stage::Reserved, which) {
                    // It goes to the end, as in the list of what is open.
                    let call = this.calls.remove(at);
                    this.calls.push(Call {
                        stage: Stage::Open,
                        ..call
                    });
                }
            }
            Step::Release(which) => {
                if let Some(at) = this.nth(Stage::Reserved, which) {
                    this.calls.remove(at);
                }
            }
            Step::Settle { which, percent } => {
                if let Some(at) = this.nth(Stage::Open, which) {
                    let call = &mut this.calls[at];
                    call.amount = share(call.amount, percent);
                    call.stage = Stage::Booked;
                }
            }
            Step::Cancel(which) => {
                if let Some(at) = this.nth(Stage::Open, which) {
                    let call = &mut this.calls[at];
                    call.amount = share(call.amount, 0);
                    call.stage = Stage::Booked;
                }
            }
            Step::RollOver { month } => {
                let day = zone().day(this.now);
                let end = if month {
                    zone().end_of_month(day.month())
                } else {
                    zone().end_of_day(day)
                };
                this.set_time(end);
            }
            Step::Jump { seconds } => {
                let span = std::time::Duration::from_secs(seconds.unsigned_abs());
                this.set_time(if seconds < 0 {
                    this.now.before(span)
                } else {
                    this.now.after(span)
                });
            }
            Step::Switch { key, on } => this.keys[key].1 = on,
            Step::Cap { key, quota } => this.keys[key].0 = quota,
            Step::Restart { .. } => {
                // What was open counts as set aside, what was not yet open is gone. The new process takes the clock's day.
                this.calls.retain(|call| call.stage != Stage::Reserved);
                for call in &mut this.calls {
                    call.stage = Stage::Booked;
                }
                this.today = zone().day(this.now);
            }
        }
        self_
    }
}
