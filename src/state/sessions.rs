//! Console log-ins: the set-up link that makes the first admin, log-in, log-out, expiry.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::crypto;
use crate::domain::{
    Account, AccountId, AccountStatus, Code, Digest, Error, Quota, RateLimit, Result, Role,
    Session, SetupToken, Timestamp,
};
use crate::storage::{Batch, Store};

use super::accounts::{AccountChange, Accounts, NewAccount};
use super::audit::{self, Actor};
use super::throttle::Throttle;
use super::write;

/// `last_seen_at` is written down this often at most: a click costs no write.
const NOTE_EVERY: Duration = Duration::from_secs(300);

/// The plain token of a session cookie.
pub struct SessionToken(Zeroizing<String>);

impl SessionToken {
    /// For the cookie.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// A log-in that has just happened.
pub struct LoggedIn {
    /// For the cookie.
    pub token: SessionToken,
    /// The session.
    pub session: Session,
    /// Who logged in.
    pub account: Arc<Account>,
}

/// The set-up link's token while the slow hash runs. Put back when dropped, as when the client goes away in the middle,
/// unless it was spent.
struct TakenToken<'a> {
    home: &'a Mutex<Option<SetupToken>>,
    token: Option<SetupToken>,
}

impl TakenToken<'_> {
    /// It has made an admin.
    fn spend(mut self) {
        self.token = None;
    }
}

impl Drop for TakenToken<'_> {
    fn drop(&mut self) {
        if self.token.is_some() {
            *self.home.lock().unwrap_or_else(PoisonError::into_inner) = self.token.take();
        }
    }
}

/// All sessions.
#[derive(Clone)]
pub struct Sessions(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Clock,
    accounts: Accounts,
    throttle: Throttle,
    idle: Duration,
    lifetime: Duration,
    live: RwLock<HashMap<Digest, Arc<Live>>>,
    setup: Mutex<Option<SetupToken>>,
}

struct Live {
    session: Session,
    last_seen: AtomicI64,
    noted: AtomicI64,
}

impl Live {
    fn new(session: Session) -> Self {
        let seen = session.last_seen_at.as_micros();
        Self {
            session,
            last_seen: AtomicI64::new(seen),
            noted: AtomicI64::new(seen),
        }
    }

    fn is_over(&self, now: Timestamp, idle: Duration) -> bool {
        let last_seen = Timestamp::from_micros(self.last_seen.load(Ordering::Relaxed));
        now >= self.session.expires_at || now.since(last_seen) >= idle
    }
}

impl Sessions {
    pub(super) fn load(
        store: Store,
        clock: Clock,
        accounts: Accounts,
        idle: Duration,
        lifetime: Duration,
    ) -> Result<Self> {
        let sessions = store.load::<Session>().map_err(Error::internal)?;
        let live = sessions
            .into_iter()
            .map(|session| (session.digest, Arc::new(Live::new(session))))
            .collect();
        let throttle = Throttle::new(clock.clone());
        Ok(Self(Arc::new(Inner {
            store,
            clock,
            accounts,
            throttle,
            idle,
            lifetime,
            live: RwLock::new(live),
            setup: Mutex::default(),
        })))
    }

    /// A new one-time token for the set-up link; an earlier one no longer works. `None` once there is an account.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn new_setup_token(&self) -> Result<Option<Zeroizing<String>>> {
        if !self.0.accounts.is_empty() {
            return Ok(None);
        }
        let token = crypto::new_token::<16>().map_err(Error::internal)?;
        *self.0.setup.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(SetupToken(token.clone()));
        Ok(Some(token))
    }

    /// Makes the first admin and logs in.
    ///
    /// # Errors
    /// `conflict` when there is an account already, `forbidden` when the token is wrong, `invalid_field`.
    pub async fn set_up(
        &self,
        token: &str,
        username: &str,
        password: Zeroizing<String>,
        client_ip: IpAddr,
    ) -> Result<LoggedIn> {
        if !self.0.accounts.is_empty() {
            return Err(Error::new(
                Code::Conflict,
                "This gateway is set up already. Log in instead.",
            ));
        }
        let trial = self.0.throttle.begin(client_ip, "")?;
        tokio::time::sleep(trial.wait).await;
        let wrong = || {
            Error::new(Code::Forbidden, "This set-up link is not valid. Use the newest link that the gateway printed at its start.").param("token")
        };
        let taken = self.take_setup_token(token).ok_or_else(wrong)?;
        trial.succeed();
        let actor = Actor {
            account_id: None,
            username: "set-up link".to_owned(),
            client_ip: Some(client_ip),
        };
        let new = NewAccount {
            username: username.to_owned(),
            password,
            role: Role::Admin,
            quota: Quota::default(),
            rate_limit: RateLimit::default(),
            balance_low_usd: None,
        };
        let view = self.0.accounts.create(new, &actor).await?;
        taken.spend();
        self.start(view.account, client_ip, "session.create").await
    }

    /// Takes the token if it is the right one: two set-ups at once cannot both win.
    fn take_setup_token(&self, token: &str) -> Option<TakenToken<'_>> {
        let mut setup = self.0.setup.lock().unwrap_or_else(PoisonError::into_inner);
        setup
            .take_if(|expected| crypto::equal(&expected.0, token))
            .map(|token| TakenToken {
                home: &self.0.setup,
                token: Some(token),
            })
    }

    /// Checks name and password and starts a session.
    ///
    /// # Errors
    /// `not_authenticated`, in the same words for a wrong name, a wrong password and a disabled account;
    /// `rate_limit_exceeded` when too many attempts of this address are waiting.
    pub async fn log_in(
        &self,
        username: &str,
        password: Zeroizing<String>,
        client_ip: IpAddr,
    ) -> Result<LoggedIn> {
        let trial = self.0.throttle.begin(client_ip, username)?;
        tokio::time::sleep(trial.wait).await;
        let account = self.0.accounts.find_by_name(username);
        let matches = self
            .0
            .accounts
            .password_matches(account.as_deref(), password)
            .await?;
        match account {
            Some(account) if matches && account.status == AccountStatus::Active => {
                trial.succeed();
                self.start(account, client_ip, "session.create").await
            }
            _ => Err(Error::new(
                Code::NotAuthenticated,
                "Username or password is wrong. Check both, or ask an admin to set a new password.",
            )),
        }
    }

    async fn start(
        &self,
        account: Arc<Account>,
        client_ip: IpAddr,
        action: &str,
    ) -> Result<LoggedIn> {
        let token = SessionToken(crypto::new_token::<32>().map_err(Error::internal)?);
        let now = self.0.clock.now();
        let session = Session {
            digest: crypto::sha256(token.expose()),
            account_id: account.id,
            created_at: now,
            last_seen_at: now,
            expires_at: now.after(self.0.lifetime),
        };
        let actor = Actor {
            account_id: Some(account.id),
            username: account.username.to_string(),
            client_ip: Some(client_ip),
        };
        let log = audit::entry(
            &self.0.clock,
            &actor,
            action,
            (account.id, &account.username),
            Vec::new(),
        );
        let ticket = self.0.store.write(Batch::new().put(&session).put(&log));
        self.0
            .live
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(session.digest, Arc::new(Live::new(session.clone())));
        write(&self.0.store, ticket).await?;
        Ok(LoggedIn {
            token,
            session,
            account,
        })
    }

    /// The session of a cookie and its account, if both are still good; notes that it was seen.
    pub fn find(&self, token: &str) -> Option<(Session, Arc<Account>)> {
        let digest = crypto::sha256(token);
        let live = self
            .0
            .live
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&digest)
            .cloned()?;
        let now = self.0.clock.now();
        let account = self.0.accounts.find(live.session.account_id)?;
        if live.is_over(now, self.0.idle)
            || account.status != AccountStatus::Active
            || account.deleted_at.is_some()
        {
            return None;
        }
        live.last_seen.store(now.as_micros(), Ordering::Relaxed);
        let noted = Timestamp::from_micros(live.noted.load(Ordering::Relaxed));
        if now.since(noted) >= NOTE_EVERY {
            live.noted.store(now.as_micros(), Ordering::Relaxed);
            self.0.store.write(Batch::new().put(&Session {
                last_seen_at: now,
                ..live.session.clone()
            }));
        }
        Some((live.session.clone(), account))
    }

    /// Ends a session on the server; the cookie is worth nothing from now on.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn log_out(&self, token: &str) -> Result<()> {
        let digest = crypto::sha256(token);
        self.end(|session| session.digest == digest).await
    }

    /// Changes one's own password; all other sessions of the account end.
    ///
    /// # Errors
    /// `invalid_field` when the current password is wrong or the new one cannot be taken.
    pub async fn change_password(
        &self,
        account: &Account,
        current: Zeroizing<String>,
        new: Zeroizing<String>,
        keep: &Session,
        actor: &Actor,
    ) -> Result<()> {
        if !self
            .0
            .accounts
            .password_matches(Some(account), current)
            .await?
        {
            return Err(Error::invalid_field(
                "current_password",
                "The current password is wrong.",
            ));
        }
        self.0
            .accounts
            .update(
                account.id,
                AccountChange {
                    password: Some(new),
                    ..AccountChange::default()
                },
                actor,
            )
            .await?;
        self.end(|session| session.account_id == account.id && session.digest != keep.digest)
            .await
    }

    /// Ends all sessions of an account, as after its password was set by somebody else.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn end_all_of(&self, account: AccountId) -> Result<()> {
        self.end(|session| session.account_id == account).await
    }

    /// Forgets sessions that are over.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn forget_expired(&self) -> Result<()> {
        let (now, idle) = (self.0.clock.now(), self.0.idle);
        let over: Vec<Digest> = {
            let live = self.0.live.read().unwrap_or_else(PoisonError::into_inner);
            live.values()
                .filter(|live| live.is_over(now, idle))
                .map(|live| live.session.digest)
                .collect()
        };
        self.end(|session| over.contains(&session.digest)).await
    }

    async fn end(&self, which: impl Fn(&Session) -> bool) -> Result<()> {
        let ended: Vec<Digest> = {
            let mut live = self.0.live.write().unwrap_or_else(PoisonError::into_inner);
            live.extract_if(|_, live| which(&live.session))
                .map(|(digest, _)| digest)
                .collect()
        };
        if ended.is_empty() {
            return Ok(());
        }
        let batch = ended.iter().fold(Batch::new(), |batch, digest| {
            batch.delete::<Session>(digest.0)
        });
        let ticket = self.0.store.write(batch);
        write(&self.0.store, ticket).await
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::super::passwords::Passwords;
    use super::super::quota::Budget;
    use super::super::webhooks::Signs;
    use super::*;
    use crate::domain::{Day, Windows};
    use crate::storage::Options;

    #[tokio::test]
    async fn a_set_up_that_is_given_up_in_the_middle_leaves_its_link_valid() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), Options::default(), &mut |_| {}).unwrap();
        let clock = Clock::system();
        let passwords = Passwords::new().unwrap();
        let signs = Signs::default();
        let accounts = Accounts::load(store.clone(), clock.clone(), passwords, signs, |_| {
            Arc::new(Budget::new(Windows::new(Day(0))))
        })
        .unwrap();
        let day = Duration::from_secs(86_400);
        let sessions = Sessions::load(store, clock, accounts, day, day).unwrap();
        let token = sessions.new_setup_token().unwrap().unwrap();
        let set_up = || {
            let password = Zeroizing::new("correct horse".to_owned());
            let home = IpAddr::from([192, 0, 2, 1]);
            sessions.set_up(&token, "ada", password, home)
        };
        // The client goes away while its password is hashed.
        assert!(set_up().now_or_never().is_none());
        assert_eq!(set_up().await.unwrap().account.username.as_str(), "ada");
        assert_eq!(set_up().await.err().unwrap().code, Code::Conflict);
    }
}
