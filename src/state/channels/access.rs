//! The access token that a channel's credential was exchanged for: one for all worker threads, kept until shortly before its
//! end, and asked for by one call at a time.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::domain::{AttemptStatus, Timestamp};

/// So long before its end a token is no longer used: a call may take its time on the way.
const MARGIN: Duration = Duration::from_secs(240);

/// A token as it was given.
pub struct AccessToken {
    /// What a call is authorized with.
    pub text: Zeroizing<String>,
    /// For how long.
    pub lasts: Duration,
}

/// Why there is no token.
#[derive(Clone, Debug)]
pub struct Denied {
    /// In one word.
    pub status: AttemptStatus,
    /// In words without secrets.
    pub words: String,
    /// It is the credential that was refused: another try would come to the same.
    pub refused: bool,
}

/// The token of one credential.
#[derive(Debug)]
pub struct Access {
    known: Mutex<Known>,
    /// Held by the call that asks.
    asking: Semaphore,
}

#[derive(Default)]
struct Known {
    token: Option<(Arc<Zeroizing<String>>, Timestamp)>,
    /// How often it was denied, and how the last time.
    denials: u64,
    denied: Option<Denied>,
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Known(…)")
    }
}

impl Default for Access {
    fn default() -> Self {
        Self {
            known: Mutex::default(),
            asking: Semaphore::new(1),
        }
    }
}

impl Access {
    /// The token; where there is none that lasts, the one that `ask` gives. Calls that come while one asks wait, and share
    /// what becomes of it.
    ///
    /// # Errors
    /// When it is denied.
    pub async fn token(
        &self,
        now: Timestamp,
        ask: impl AsyncFnOnce() -> Result<AccessToken, Denied>,
    ) -> Result<Arc<Zeroizing<String>>, Denied> {
        let seen = {
            let known = self.known();
            if let Some(token) = known.fresh(now) {
                return Ok(token);
            }
            known.denials
        };
        // It is never closed.
        let _asking = self.asking.acquire().await.ok();
        {
            let known = self.known();
            if let Some(token) = known.fresh(now) {
                return Ok(token);
            }
            if let Some(denied) = known.denied.clone().filter(|_| known.denials > seen) {
                return Err(denied);
            }
        }
        let answer = ask().await;
        let mut known = self.known();
        match answer {
            Ok(token) => {
                let text = Arc::new(token.text);
                let used = token.lasts.saturating_sub(MARGIN).max(token.lasts / 2);
                known.token = Some((Arc::clone(&text), now.after(used)));
                Ok(text)
            }
            Err(denied) => {
                known.denials += 1;
                known.denied = Some(denied.clone());
                Err(denied)
            }
        }
    }

    /// The provider did not take this token: it is not used again.
    pub fn forget(&self, token: &Arc<Zeroizing<String>>) {
        let mut known = self.known();
        if known
            .token
            .as_ref()
            .is_some_and(|(held, _)| Arc::ptr_eq(held, token))
        {
            known.token = None;
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn fresh(&self, now: Timestamp) -> Option<Arc<Zeroizing<String>>> {
        let (token, until) = self.token.as_ref()?;
        (now < *until).then(|| Arc::clone(token))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const START: Timestamp = Timestamp::from_micros(1_000_000);

    fn token(text: &str) -> Result<AccessToken, Denied> {
        Ok(AccessToken {
            text: text.to_owned().into(),
            lasts: Duration::from_secs(3_600),
        })
    }

    fn denied() -> Result<AccessToken, Denied> {
        Err(Denied {
            status: AttemptStatus::ProviderError,
            words: "no".to_owned(),
            refused: true,
        })
    }

    #[tokio::test]
    async fn a_token_is_used_until_shortly_before_its_end() {
        let access = Access::default();
        let at = |seconds| START.after(Duration::from_secs(seconds));
        let first = access.token(START, async || token("a")).await.unwrap();
        let kept = access.token(at(3_359), async || token("b")).await.unwrap();
        assert!(Arc::ptr_eq(&first, &kept));
        let next = access.token(at(3_360), async || token("c")).await.unwrap();
        assert_eq!(next.as_str(), "c");
        access.forget(&first);
        let kept = access.token(at(3_360), async || token("d")).await.unwrap();
        assert_eq!(kept.as_str(), "c");
        access.forget(&kept);
        let next = access.token(at(3_360), async || token("e")).await.unwrap();
        assert_eq!(next.as_str(), "e");
    }

    #[tokio::test]
    async fn one_asks_and_those_who_wait_share_what_becomes_of_it() {
        for good in [true, false] {
            let (access, asked) = (Access::default(), Cell::new(0));
            let ask = async || {
                asked.set(asked.get() + 1);
                tokio::task::yield_now().await;
                if good { token("a") } else { denied() }
            };
            let all = (0..5).map(|_| access.token(START, ask));
            let all = futures_util::future::join_all(all).await;
            assert!(all.iter().all(|one| one.is_ok() == good));
            assert_eq!(asked.get(), 1);
            // Whoever comes after a denial asks anew.
            assert!(access.token(START, async || token("b")).await.is_ok());
        }
    }

    #[tokio::test]
    async fn a_call_that_goes_away_leaves_the_asking_to_the_next() {
        let access = Access::default();
        {
            let mut gone = Box::pin(access.token(START, async || std::future::pending().await));
            assert!(futures_util::poll!(&mut gone).is_pending());
        }
        assert!(access.token(START, async || token("a")).await.is_ok());
    }
}
