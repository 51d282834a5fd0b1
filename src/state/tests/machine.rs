//! Quotas under everything that can happen, against the plain model of `reference.rs`: reserve, settle, release, roll over,
//! disable, kill and reopen, set the clock. With the real store in a directory of its own.
//!
//! `QUOTA_CASES=5000 cargo test --lib state::tests::machine` (`just quotas`) tries more.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::reference::{Asked, KEYS, MAX_OUTPUT, PRICE, Reference, Stage, Step, ZONE, share, zone};
use crate::clock::Clock;
use crate::crypto::MasterKey;
use crate::domain::{
    Code, Day, Endpoint, KeyId, KeyStatus, Model, ModelName, Money, Multiplier, Opened,
    Permissions, Pieces, Price, PriceSource, Quota, RateLimit, Role, ServiceTier, Timestamp, Usage,
};
use crate::state::{
    AccountChange, Actor, Ask, KeyChange, NewAccount, NewKey, OpenCall, Permit, Reservation,
    Settings, State, Timeouts,
};
use crate::storage::{Options, Store};

/// How many sequences are tried.
#[expect(clippy::disallowed_methods, reason = "a switch of this test alone")]
fn cases() -> u32 {
    let asked = std::env::var("QUOTA_CASES").ok();
    asked.map_or(60, |cases| cases.parse().unwrap())
}

prop_state_machine! {
    #![proptest_config(ProptestConfig {
        cases: cases(),
        max_shrink_iters: 2_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn quotas_are_what_a_plain_model_says(sequential 1..60 => Gateway);
}

/// A data directory with an account and its keys, made once and copied.
struct Template {
    dir: TempDir,
    secrets: Vec<(KeyId, String)>,
}

fn settings() -> Settings {
    let second = Duration::from_secs(1);
    Settings {
        time_zone: zone(),
        retention_days: 10_000,
        session_idle: second,
        session_lifetime: second,
        body_limit: 1,
        upload_limit: 1,
        timeouts: Timeouts {
            connect: second,
            first_byte: second,
            idle: second,
        },
        trusted_proxies: Vec::new(),
        allow_private: Vec::new(),
        listen: String::new(),
        data_dir: PathBuf::new(),
    }
}

fn open(dir: &Path, clock: &Clock) -> (Store, State) {
    let options = Options::new(1 << 30, 64 << 10, Duration::from_micros(300));
    let store = Store::open(dir, options, &mut |_| {}).unwrap();
    let master_key = MasterKey::from_hex(&"ab".repeat(32), "test").unwrap();
    let state = State::open(settings(), store.clone(), master_key, clock.clone()).unwrap();
    (store, state)
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
}

fn template() -> &'static Template {
    static TEMPLATE: OnceLock<Template> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::manual(Timestamp::parse("2026-01-01T00:00:00Z").unwrap());
        let (store, state) = open(dir.path(), &clock);
        let secrets = runtime().block_on(async {
            let actor = Actor::system();
            let account = NewAccount {
                username: "ada".into(),
                password: "a long password".to_owned().into(),
                role: Role::Admin,
                quota: Quota::default(),
                rate_limit: RateLimit::default(),
                balance_low_usd: None,
            };
            let account = state.accounts.create(account, &actor).await.unwrap();
            let mut secrets = Vec::new();
            for _ in 0..KEYS {
                let key = NewKey {
                    account_id: account.account.id,
                    name: String::new(),
                    expires_at: None,
                    quota: Quota::default(),
                    rate_limit: RateLimit::default(),
                    permissions: Permissions::default(),
                };
                let (view, secret) = state.keys.create(key, &actor).await.unwrap();
                secrets.push((view.key.id, secret.expose().to_owned()));
            }
            secrets
        });
        drop(state);
        store.close().unwrap();
        Template { dir, secrets }
    })
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for item in std::fs::read_dir(from).unwrap() {
        let item = item.unwrap();
        if item.file_type().unwrap().is_dir() {
            copy(&item.path(), &to.join(item.file_name()));
        } else {
            std::fs::copy(item.path(), to.join(item.file_name())).unwrap();
        }
    }
}

/// The gateway's state, with what its callers hold.
struct Gateway {
    dir: TempDir,
    clock: Clock,
    runtime: Runtime,
    /// Taken apart only while it restarts.
    running: Option<(Store, State)>,
    reserved: Vec<(Opened, Reservation, Permit)>,
    open: Vec<OpenCall>,
}

impl Gateway {
    fn state(&self) -> &State {
        &self.running.as_ref().unwrap().1
    }

    fn model() -> Arc<Model> {
        Arc::new(Model {
            name: ModelName::from("m"),
            price: Some(Price {
                input: Money::from_pico(PRICE.0),
                output: Money::from_pico(PRICE.1),
                ..Price::default()
            }),
            context_tokens: None,
            max_output_tokens: Some(MAX_OUTPUT),
            source: PriceSource::Own {
                at: Timestamp::default(),
            },
        })
    }

    fn reserve(&mut self, key: usize, prompt: u64, limit: Option<u64>, expected: &Asked) {
        let state = self.state();
        let caller = state
            .keys
            .authenticate(Some(&template().secrets[key].1), [127, 0, 0, 1].into());
        let caller = match (caller, expected) {
            (Err(error), Asked::Disabled) => {
                assert_eq!(error.code, Code::ApiKeyDisabled);
                return;
            }
            (caller, _) => caller.unwrap(),
        };
        let permit = state.admit(&caller, prompt).unwrap();
        let ask = Ask {
            prompt_tokens: prompt,
            hidden_tokens: 0,
            generates: true,
            least_output: 1,
            client_limit: limit,
            choices: 1,
            pieces: Pieces::default(),
            tier: ServiceTier::default(),
            model: Some(Self::model()),
            multiplier: Multiplier::ONE,
            fallbacks: Vec::new(),
        };
        let day = state.today();
        match (state.reserve(&caller, &ask, day), expected) {
            (Ok(reservation), Asked::Granted { amount, lowered }) => {
                assert_eq!(reservation.amount(), *amount);
                assert_eq!(reservation.lowered_output(), *lowered);
                let opened = Opened {
                    id: state.ledger.next_id(),
                    started_at: self.clock.now(),
                    day,
                    key_id: caller.key().id,
                    account_id: caller.key().account_id,
                    budget_id: caller.key().budget_id,
                    endpoint: Endpoint::Chat,
                    model: "m".into(),
                    stream: false,
                    client_ip: None,
                    user_agent: None,
                    client_request_id: None,
                    reserved: None,
                    priced: true,
                };
                self.reserved.push((opened, reservation, permit));
            }
            (Err(error), Asked::Refused(caps)) => {
                assert_eq!(error.code, Code::InsufficientQuota);
                assert!(caps.contains(&error.param.unwrap()), "{caps:?}");
            }
            (got, expected) => panic!("{got:?} instead of {expected:?}"),
        }
    }

    fn open(&mut self, which: usize) {
        if self.reserved.is_empty() {
            return;
        }
        let (opened, reservation, permit) = self.reserved.remove(which % self.reserved.len());
        let started = self.clock.tick();
        let open = self
            .state()
            .ledger
            .open(opened, started, reservation, permit)
            .unwrap();
        self.runtime.block_on(open.durable()).unwrap();
        self.open.push(open);
    }

    fn take_open(&mut self, which: usize) -> Option<OpenCall> {
        (!self.open.is_empty()).then(|| self.open.remove(which % self.open.len()))
    }

    fn settle(&mut self, which: usize, percent: u64) {
        let Some(mut open) = self.take_open(which) else {
            return;
        };
        let used = share(open.opened().reserved.unwrap(), percent);
        let draft = open.draft();
        draft.cost = Some(used.usd);
        draft.usage = Usage {
            prompt: used.tokens / 2,
            completion: used.tokens - used.tokens / 2,
            ..Usage::default()
        };
        self.runtime.block_on(open.settle()).unwrap();
    }

    fn change(&self, key: usize, change: KeyChange) {
        let actor = Actor::system();
        let id = template().secrets[key].0;
        let changed = self.state().keys.update(id, change, &actor);
        self.runtime.block_on(changed).unwrap();
    }

    fn restart(&mut self, kill: bool) {
        let (store, state) = self.running.take().unwrap();
        if kill {
            store.crash();
        }
        // What was only reserved was never written; what is open is settled at the next start.
        self.reserved.clear();
        if kill {
            self.open.clear();
        } else {
            for mut open in self.open.drain(..) {
                let reserved = open.opened().reserved.unwrap();
                open.draft().cost = Some(reserved.usd);
                open.draft().usage.prompt = reserved.tokens;
            }
        }
        drop(state);
        if !kill {
            store.close().unwrap();
        }
        drop(store);
        self.running = Some(open(self.dir.path(), &self.clock));
    }
}

impl StateMachineTest for Gateway {
    type SystemUnderTest = Self;
    type Reference = Reference;

    fn init_test(reference: &Reference) -> Self {
        let dir = tempfile::tempdir().unwrap();
        copy(template().dir.path(), dir.path());
        let clock = Clock::manual(reference.now);
        let running = Some(open(dir.path(), &clock));
        let gateway = Self {
            dir,
            clock,
            runtime: runtime(),
            running,
            reserved: Vec::new(),
            open: Vec::new(),
        };
        for (key, (quota, _)) in reference.keys.iter().enumerate() {
            let change = KeyChange {
                quota: Some(*quota),
                ..KeyChange::default()
            };
            gateway.change(key, change);
        }
        let accounts = &gateway.state().accounts;
        let id = accounts.find_by_name("ada").unwrap().id;
        let change = AccountChange {
            quota: Some(reference.account),
            ..AccountChange::default()
        };
        let actor = Actor::system();
        let changed = accounts.update(id, change, &actor);
        gateway.runtime.block_on(changed).unwrap();
        gateway
    }

    fn apply(mut self_: Self, reference: &Reference, step: Step) -> Self {
        let this = &mut self_;
        match step {
            Step::Reserve { key, prompt, limit } => {
                this.reserve(key, prompt, limit, reference.asked.as_ref().unwrap());
            }
            Step::Open(which) => this.open(which),
            Step::Release(which) if !this.reserved.is_empty() => {
                drop(this.reserved.remove(which % this.reserved.len()));
            }
            Step::Release(_) => {}
            Step::Settle { which, percent } => this.settle(which, percent),
            Step::Cancel(which) => {
                drop(this.take_open(which));
                // Nobody waits for it; a change that is on disk behind it says that it is, too.
                this.change(0, KeyChange::default());
            }
            Step::RollOver { .. } | Step::Jump { .. } => this.clock.set(reference.now),
            Step::Switch { key, on } => {
                let status = if on {
                    KeyStatus::Active
                } else {
                    KeyStatus::Disabled
                };
                let change = KeyChange {
                    status: Some(status),
                    ..KeyChange::default()
                };
                this.change(key, change);
            }
            Step::Cap { key, quota } => {
                let change = KeyChange {
                    quota: Some(quota),
                    ..KeyChange::default()
                };
                this.change(key, change);
            }
            Step::Restart { kill } => this.restart(kill),
        }
        self_
    }

    fn check_invariants(this: &Self, reference: &Reference) {
        let state = this.state();
        let today: Day = state.today();
        assert_eq!(today, reference.today, "the day in {ZONE}");
        assert_eq!(state.ledger.open_calls(), reference.in_stage(Stage::Open));
        for (key, (id, _)) in template().secrets.iter().enumerate() {
            let entry = state.keys.entry(*id).unwrap();
            let budgets = [(&entry.budget, Some(key)), (&entry.account.budget, None)];
            for (budget, of) in budgets {
                let standing = budget.standing(Quota::default(), today);
                let (used, held) = reference.standing(of);
                assert_eq!(standing.used, used, "booked of {of:?}");
                assert_eq!(standing.reserved, held, "held of {of:?}");
            }
        }
    }

    fn teardown(mut this: Self, _: <Reference as ReferenceStateMachine>::State) {
        this.reserved.clear();
        this.open.clear();
        let (store, state) = this.running.take().unwrap();
        drop(state);
        store.close().unwrap();
    }
}

/// A day that has been spent is not given out again, however the clock is set at a restart.
#[test]
fn a_clock_set_back_over_a_restart_opens_no_window_a_second_time() {
    let now = Timestamp::parse("2026-12-31T22:30:00Z").unwrap();
    let mut daily = Quota::default();
    daily.daily.requests = Some(1);
    daily.monthly.requests = Some(3);
    let reference = Reference {
        now,
        today: zone().day(now),
        account: Quota::default(),
        keys: [(daily, true), (Quota::default(), true)],
        calls: Vec::new(),
        asked: None,
    };
    let spend = || {
        let reserve = Step::Reserve {
            key: 0,
            prompt: 1,
            limit: Some(1),
        };
        let settle = Step::Settle {
            which: 0,
            percent: 100,
        };
        [reserve, Step::Open(0), settle]
    };
    let jump = |hours: i64| Step::Jump {
        seconds: hours * 3_600,
    };
    let restart = || Step::Restart { kill: true };
    let mut steps = Vec::new();
    for _ in 0..2 {
        // Today; tomorrow, which is next month; then back to today, and on again.
        steps.extend(spend());
        steps.push(jump(24));
        steps.extend(spend());
        steps.push(jump(-24));
        steps.push(restart());
        steps.extend(spend());
        steps.push(jump(24));
        steps.extend(spend());
        steps.extend([jump(24), restart(), jump(-48), restart()]);
    }
    Gateway::test_sequential(ProptestConfig::default(), reference, steps, None);
}
