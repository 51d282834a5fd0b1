//! Accounts in memory, and every change to them.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use arc_swap::ArcSwap;
use tokio::sync::Notify;
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::domain::{
    Account, AccountId, AccountStatus, Code, Consumption, Day, Error, Money, Period, Quota,
    RateLimit, Result, Role, Scope, Tally, TotalKey, Username, Windows,
};
use crate::storage::{Batch, Store, Ticket};

use super::audit::{self, Actor, Differences};
use super::ids::new_id;
use super::limits::RateLimiter;
use super::passwords::Passwords;
use super::quota::{Budget, Standing};
use super::search::Needle;
use super::webhooks::Signs;
use super::{Page, write};

/// An account with what belongs to it at run time.
#[derive(Debug)]
pub(super) struct AccountEntry {
    record: ArcSwap<Account>,
    pub(super) budget: Arc<Budget>,
    pub(super) limiter: Arc<RateLimiter>,
    /// Told of every change: streams of its keys look again whether they may go on.
    pub(super) changed: Notify,
    pub(super) key_count: AtomicUsize,
}

impl AccountEntry {
    pub(super) fn record(&self) -> Arc<Account> {
        self.record.load_full()
    }
}

/// All accounts.
#[derive(Clone)]
pub struct Accounts(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Clock,
    passwords: Passwords,
    signs: Signs,
    index: RwLock<Index>,
    /// Held while a change is worked out and queued, so that changes do not cross.
    changing: Mutex<()>,
}

#[derive(Default)]
struct Index {
    by_id: BTreeMap<AccountId, Arc<AccountEntry>>,
    by_name: HashMap<String, AccountId>,
}

/// An account as lists show it.
#[derive(Clone, Debug)]
pub struct AccountView {
    /// The record.
    pub account: Arc<Account>,
    /// How many keys it has.
    pub key_count: usize,
    /// What its keys have used, ever.
    pub tally: Tally,
    entry: Arc<AccountEntry>,
}

impl AccountView {
    /// How its budget stands on this day, all its keys together.
    pub fn standing(&self, day: Day) -> Standing {
        self.entry.budget.standing(self.account.quota, day)
    }
}

/// What a new account is made of.
#[derive(Debug)]
pub struct NewAccount {
    /// The name to log in with.
    pub username: String,
    /// The password.
    pub password: Zeroizing<String>,
    /// What it may do.
    pub role: Role,
    /// What it may consume.
    pub quota: Quota,
    /// How fast all its keys together.
    pub rate_limit: RateLimit,
    /// When less than this is left of its total, webhooks are told.
    pub balance_low_usd: Option<Money>,
}

/// What to change of an account; `None` leaves a field as it is.
#[derive(Debug, Default)]
pub struct AccountChange {
    /// The name to log in with.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Zeroizing<String>>,
    /// What it may do.
    pub role: Option<Role>,
    /// Whether it works.
    pub status: Option<AccountStatus>,
    /// What it may consume.
    pub quota: Option<Quota>,
    /// How fast all its keys together.
    pub rate_limit: Option<RateLimit>,
    /// When less than this is left of its total, webhooks are told; `Some(None)`: never.
    pub balance_low_usd: Option<Option<Money>>,
}

impl Accounts {
    pub(super) fn load(
        store: Store,
        clock: Clock,
        passwords: Passwords,
        signs: Signs,
        budget: impl Fn(AccountId) -> Arc<Budget>,
    ) -> Result<Self> {
        let mut index = Index::default();
        for account in store.load::<Account>().map_err(Error::internal)? {
            let budget = budget(account.id);
            index.add(account, budget);
        }
        Ok(Self(Arc::new(Inner {
            store,
            clock,
            passwords,
            signs,
            index: RwLock::new(index),
            changing: Mutex::default(),
        })))
    }

    fn read<T>(&self, look: impl FnOnce(&Index) -> T) -> T {
        look(&self.0.index.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Shows every account; deleted ones too.
    pub(super) fn for_each(&self, see: impl FnMut(&Arc<AccountEntry>)) {
        self.read(|index| index.by_id.values().for_each(see));
    }

    pub(super) fn entry(&self, id: AccountId) -> Option<Arc<AccountEntry>> {
        self.read(|index| index.by_id.get(&id).cloned())
    }

    /// What is set aside for calls in flight, on all their budgets together.
    pub(super) fn reserved(&self) -> Consumption {
        self.read(|index| {
            index
                .by_id
                .values()
                .map(|entry| entry.budget.reserved())
                .fold(Consumption::default(), Consumption::plus)
        })
    }

    /// Whether there is none, so that the first admin has to be made.
    pub fn is_empty(&self) -> bool {
        self.read(|index| index.by_name.is_empty())
    }

    /// An account by its id; deleted ones too.
    pub fn find(&self, id: AccountId) -> Option<Arc<Account>> {
        self.entry(id).map(|entry| entry.record())
    }

    /// An account by its name, without regard to case; not a deleted one.
    pub fn find_by_name(&self, username: &str) -> Option<Arc<Account>> {
        let id = self.read(|index| index.by_name.get(&username.trim().to_lowercase()).copied())?;
        self.find(id)
    }

    /// Accounts whose name contains `q`, oldest first, and how many there are in all.
    ///
    /// # Errors
    /// When totals cannot be read.
    pub fn list(&self, q: &str, page: Page) -> Result<(Vec<AccountView>, usize)> {
        let needle = Needle::new(q);
        let matching = |entry: &&Arc<AccountEntry>| {
            let account = entry.record.load();
            account.deleted_at.is_none() && needle.is_in(account.username.as_str())
        };
        let (found, total) =
            self.read(|index| page.of(index.by_id.values().filter(matching).cloned()));
        let views = found
            .into_iter()
            .map(|entry| self.view(entry))
            .collect::<Result<_>>()?;
        Ok((views, total))
    }

    /// An account as lists show it; not a deleted one.
    ///
    /// # Errors
    /// `not_found`.
    pub fn show(&self, id: AccountId) -> Result<AccountView> {
        self.view(self.existing(id)?)
    }

    fn view(&self, entry: Arc<AccountEntry>) -> Result<AccountView> {
        let account = entry.record();
        let key = TotalKey {
            scope: Scope::Account(account.id),
            period: Period::Ever,
        };
        let tally = self.0.store.total(&key).map_err(Error::internal)?;
        Ok(AccountView {
            account,
            key_count: entry.key_count.load(Ordering::Relaxed),
            tally,
            entry,
        })
    }

    fn existing(&self, id: AccountId) -> Result<Arc<AccountEntry>> {
        self.entry(id)
            .filter(|entry| entry.record.load().deleted_at.is_none())
            .ok_or_else(|| {
                Error::new(
                    Code::NotFound,
                    "No account has this id. GET /api/accounts lists them.",
                )
            })
    }

    /// Makes an account.
    ///
    /// # Errors
    /// `invalid_field`, `conflict` when the name is taken.
    pub async fn create(&self, new: NewAccount, actor: &Actor) -> Result<AccountView> {
        let username = Username::parse(&new.username)?;
        let password_hash = self.0.passwords.hash(new.password).await?;
        let (entry, ticket) = {
            let _changing = self
                .0
                .changing
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            self.check_name_free(&username, None)?;
            let now = self.0.clock.now();
            let account = Account {
                id: new_id(now),
                username,
                password_hash,
                role: new.role,
                status: AccountStatus::Active,
                quota: new.quota,
                rate_limit: new.rate_limit,
                balance_low_usd: new.balance_low_usd,
                created_at: now,
                deleted_at: None,
            };
            let log = audit::entry(
                &self.0.clock,
                actor,
                "account.create",
                (account.id, &account.username),
                Vec::new(),
            );
            let ticket = self.0.store.write(Batch::new().put(&account).put(&log));
            let mut index = self.0.index.write().unwrap_or_else(PoisonError::into_inner);
            let budget = Arc::new(Budget::new(Windows::new(Day(0))));
            (index.add(account, budget), ticket)
        };
        write(&self.0.store, ticket).await?;
        self.view(entry)
    }

    fn check_name_free(&self, username: &Username, own: Option<AccountId>) -> Result<()> {
        match self.read(|index| index.by_name.get(&username.folded()).copied()) {
            Some(other) if Some(other) != own => Err(Error::new(
                Code::Conflict,
                format!("There is an account named {username} already. Choose another name."),
            )
            .param("username")),
            _ => Ok(()),
        }
    }

    /// Changes an account; its keys follow at once.
    ///
    /// # Errors
    /// `not_found`, `invalid_field`, `conflict` when the name is taken or no admin would be left.
    pub async fn update(
        &self,
        id: AccountId,
        change: AccountChange,
        actor: &Actor,
    ) -> Result<AccountView> {
        let username = change
            .username
            .as_deref()
            .map(Username::parse)
            .transpose()?;
        let password_hash = match change.password {
            Some(password) => Some(self.0.passwords.hash(password).await?),
            None => None,
        };
        let (entry, ticket) = self.replace(id, "account.update", actor, |old, differences| {
            let mut new = Account::clone(old);
            if let Some(username) = username {
                self.check_name_free(&username, Some(id))?;
                differences.note("username", &old.username, &username);
                new.username = username;
            }
            if let Some(hash) = password_hash {
                differences.note("password", "(not shown)", "(changed)");
                new.password_hash = hash;
            }
            if let Some(role) = change.role {
                differences.note("role", old.role.as_str(), role.as_str());
                new.role = role;
            }
            if let Some(status) = change.status {
                differences.note("status", old.status.as_str(), status.as_str());
                new.status = status;
            }
            if let Some(quota) = change.quota {
                differences.note_quota("quota", &old.quota, &quota);
                new.quota = quota;
            }
            if let Some(limit) = change.rate_limit {
                differences.note_rate_limit(&old.rate_limit, &limit);
                new.rate_limit = limit;
            }
            if let Some(threshold) = change.balance_low_usd {
                differences.note_option("balance_low_usd", old.balance_low_usd, threshold);
                new.balance_low_usd = threshold;
            }
            if !is_working_admin(&new) {
                self.check_admin_left(old)?;
            }
            Ok(new)
        })?;
        write(&self.0.store, ticket).await?;
        self.view(entry)
    }

    /// Raises an account's balance, its total cap in money; its keys follow at once.
    ///
    /// # Errors
    /// `not_found`; `conflict` when its total is not capped; `invalid_field` when nothing is added, or more than can be held.
    pub async fn top_up(&self, id: AccountId, amount: Money, actor: &Actor) -> Result<AccountView> {
        if amount == Money::ZERO {
            return Err(Error::invalid_field("usd", "Add more than $0."));
        }
        let (entry, ticket) = self.replace(id, "account.top_up", actor, |old, differences| {
            let Some(balance) = old.quota.total.usd else {
                return Err(Error::new(
                    Code::Conflict,
                    "This account has no balance to top up: its total is not capped. Set quota.total_usd first.",
                )
                .param("quota.total_usd"));
            };
            let mut new = Account::clone(old);
            new.quota.total.usd = Some(balance.checked_plus(amount).ok_or_else(|| {
                Error::invalid_field(
                    "usd",
                    format!("This and the total of ${balance} are more than $18,000,000."),
                )
            })?);
            differences.note_quota("quota", &old.quota, &new.quota);
            Ok(new)
        })?;
        write(&self.0.store, ticket).await?;
        self.view(entry)
    }

    /// Deletes an account: from the next request on neither it nor its keys work. Its calls stay in the log under its name.
    ///
    /// # Errors
    /// `not_found`, `conflict` when no admin would be left.
    pub async fn delete(&self, id: AccountId, actor: &Actor) -> Result<()> {
        let (_, ticket) = self.replace(id, "account.delete", actor, |old, _| {
            self.check_admin_left(old)?;
            Ok(Account {
                deleted_at: Some(self.0.clock.now()),
                password_hash: String::new(),
                ..Account::clone(old)
            })
        })?;
        write(&self.0.store, ticket).await
    }

    /// Puts a changed record in the place of an account's, in memory at once and in the journal with what was changed.
    fn replace(
        &self,
        id: AccountId,
        action: &str,
        actor: &Actor,
        change: impl FnOnce(&Account, &mut Differences) -> Result<Account>,
    ) -> Result<(Arc<AccountEntry>, Ticket)> {
        let _changing = self
            .0
            .changing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let entry = self.existing(id)?;
        let old = entry.record();
        let mut differences = Differences::default();
        let new = change(&old, &mut differences)?;
        let log = audit::entry(
            &self.0.clock,
            actor,
            action,
            (id, &new.username),
            differences.into_changes(),
        );
        let ticket = self.0.store.write(Batch::new().put(&new).put(&log));
        self.take_effect(&entry, &old, new);
        Ok((entry, ticket))
    }

    /// Somebody must be able to get in.
    fn check_admin_left(&self, leaving: &Account) -> Result<()> {
        let others = |index: &Index| {
            index
                .by_id
                .values()
                .any(|e| e.record.load().id != leaving.id && is_working_admin(&e.record.load()))
        };
        if is_working_admin(leaving) && !self.read(others) {
            return Err(Error::new(
                Code::Conflict,
                "This is the only admin who can log in. Make another account an admin first.",
            ));
        }
        Ok(())
    }

    fn take_effect(&self, entry: &AccountEntry, old: &Account, new: Account) {
        let mut index = self.0.index.write().unwrap_or_else(PoisonError::into_inner);
        index.by_name.remove(&old.username.folded());
        if new.deleted_at.is_none() {
            index.by_name.insert(new.username.folded(), new.id);
        }
        entry
            .limiter
            .change(&old.rate_limit, &new.rate_limit, &self.0.clock);
        entry.record.store(Arc::new(new));
        drop(index);
        entry.changed.notify_waiters();
        // The total knows no day.
        let used = entry.budget.standing(old.quota, Day(0)).used.total.usd;
        self.0.signs.changed(&entry.record(), used);
    }

    /// Whether the password is this account's; takes equally long where there is no account.
    pub(super) async fn password_matches(
        &self,
        account: Option<&Account>,
        password: Zeroizing<String>,
    ) -> Result<bool> {
        let hash = account.map(|account| account.password_hash.clone());
        self.0.passwords.matches(password, hash).await
    }
}

impl Index {
    fn add(&mut self, account: Account, budget: Arc<Budget>) -> Arc<AccountEntry> {
        if account.deleted_at.is_none() {
            self.by_name.insert(account.username.folded(), account.id);
        }
        let id = account.id;
        let entry = Arc::new(AccountEntry {
            record: ArcSwap::from_pointee(account),
            budget,
            limiter: Arc::default(),
            changed: Notify::new(),
            key_count: AtomicUsize::new(0),
        });
        self.by_id.insert(id, Arc::clone(&entry));
        entry
    }
}

fn is_working_admin(account: &Account) -> bool {
    account.role == Role::Admin
        && account.status == AccountStatus::Active
        && account.deleted_at.is_none()
}
